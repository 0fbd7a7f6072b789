/*
 * FEAT_MOPS: memory copy and memory set.
 *
 * Of the two encodings of what is left to do, this is option A: the count is negative and runs up
 * to zero, and the address registers hold the end; a copy that goes backwards has a positive count
 * and the lowest addresses.  Prologues only prepare; main parts and epilogues work through memory
 * page by page, so that a fault finds the registers at what was done before it.
 * Ref: DDI 0487, C3.2.12 (memory copy and memory set), CPYP, SETP and the like in C6.2.
 */
#include "target/arm/a64.h"
#include "target/arm/cpu_priv.h"

#include <string.h>

enum { PAGE = 4096, BUDGET = 16 * PAGE }; /* bytes done before requests are looked at again */

#define HCRX_MSCEN        BIT64(11)
#define HCRX_MCE2         BIT64(10)
#define ISS_SET           (1u << 24)
#define ISS_FROM_EPILOGUE (1u << 18)
#define ISS_WRONG_OPTION  (1u << 17)

/* The instruction, taken apart. */
struct mops {
    struct arm_cpu *cpu;
    uint64_t *d, *n, *s; /* destination, count, source; of SET s is NULL */
    unsigned stage, rd, rs, rn, options;
    bool is_set, forward_only;
    unsigned read_idx, write_idx;
};

static uint64_t hcrx(const struct arm_cpu *cpu)
{
    bool open = !arm_has_el3(cpu) || (cpu->s.scr_el3 & SCR_HXEN);
    return open ? cpu->s.hcrx_el2 : 0;
}

/* SCTLR_ELx.MSCEn and HCRX_EL2.MSCEn.  Ref: CheckMOPSEnabled(). */
static void check_enabled(struct arm_cpu *cpu)
{
    unsigned el = cpu->s.ps.el;
    if (el <= 1 && arm_el2_enabled(cpu) && !arm_is_host(cpu) && !(hcrx(cpu) & HCRX_MSCEN))
        arm_raise_undefined(cpu);
    if (el == 0 && !(cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_MSCEN))
        arm_raise_undefined(cpu);
}

static void raise_wrong_option(const struct mops *m)
{
    struct arm_cpu *cpu = m->cpu;
    uint32_t iss = (m->is_set ? ISS_SET : 0) | m->options << 19 | ISS_WRONG_OPTION |
                   (m->stage == MOPS_EPILOGUE ? ISS_FROM_EPILOGUE : 0) | m->rd << 10 | m->rs << 5 |
                   m->rn;
    bool to_el2 = cpu->s.ps.el <= 1 && arm_el2_enabled(cpu) && (hcrx(cpu) & HCRX_MCE2);
    arm_raise(cpu, to_el2 ? 2 : 1, ESR(ARM_EC_MOPS, iss));
}

/* Carry set says option B: the prologue ran on a processor of another kind. */
static void check_option(const struct mops *m)
{
    if (m->stage != MOPS_PROLOGUE && !(m->cpu->flags & ARM_FLAG_NOT_C))
        raise_wrong_option(m);
}

static void clear_flags(struct arm_cpu *cpu)
{
    cpu->flags = ARM_FLAG_NOT_C;
}

/* --- memory --- */

static unsigned to_page_end(uint64_t addr)
{
    return PAGE - (addr & (PAGE - 1));
}

/* Bytes of the page up to and with addr. */
static unsigned from_page_start(uint64_t addr)
{
    return (addr & (PAGE - 1)) + 1;
}

static unsigned min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* n bytes inside one page at either end; byte by byte where there is no memory behind it. Returns
 * how many were done. */
static unsigned copy_chunk(const struct mops *m, uint64_t to, uint64_t from, unsigned n)
{
    struct cpu *cpu = &m->cpu->cpu;
    const void *src = guest_host_ptr(cpu, from, n, GUEST_READ, m->read_idx);
    void *dst = guest_host_ptr(cpu, to, n, GUEST_WRITE, m->write_idx);
    if (src && dst) {
        memmove(dst, src, n);
        return n;
    }
    return 0;
}

static void copy_byte(const struct mops *m, uint64_t to, uint64_t from)
{
    struct cpu *cpu = &m->cpu->cpu;
    uint64_t v = guest_ld(cpu, from, MO_8 | m->read_idx << MO_IDX_SHIFT);
    guest_st(cpu, to, v, MO_8 | m->write_idx << MO_IDX_SHIFT);
}

static void copy_forward(const struct mops *m)
{
    for (unsigned done = 0; *m->n && done < BUDGET;) {
        uint64_t to = *m->d + *m->n, from = *m->s + *m->n;
        unsigned n = min(-*m->n, min(to_page_end(to), to_page_end(from)));
        unsigned k = copy_chunk(m, to, from, n);
        if (!k) {
            copy_byte(m, to, from);
            k = 1;
        }
        *m->n += k;
        done += k;
    }
}

static void copy_backward(const struct mops *m)
{
    for (unsigned done = 0; *m->n && done < BUDGET;) {
        uint64_t to = *m->d + *m->n, from = *m->s + *m->n;
        unsigned n = min(*m->n, min(from_page_start(to - 1), from_page_start(from - 1)));
        unsigned k = copy_chunk(m, to - n, from - n, n);
        if (!k) {
            copy_byte(m, to - 1, from - 1);
            k = 1;
        }
        *m->n -= k;
        done += k;
    }
}

static void set_forward(const struct mops *m, uint8_t byte)
{
    struct cpu *cpu = &m->cpu->cpu;
    for (unsigned done = 0; *m->n && done < BUDGET;) {
        uint64_t to = *m->d + *m->n;
        unsigned n = min(-*m->n, to_page_end(to));
        void *dst = guest_host_ptr(cpu, to, n, GUEST_WRITE, m->write_idx);
        if (dst) {
            memset(dst, byte, n);
        } else {
            guest_st(cpu, to, byte, MO_8 | m->write_idx << MO_IDX_SHIFT);
            n = 1;
        }
        *m->n += n;
        done += n;
    }
}

/* --- prologues --- */

static void begin_forward(const struct mops *m)
{
    *m->d += *m->n;
    if (m->s)
        *m->s += *m->n;
    *m->n = -*m->n;
}

/* Backwards only where the end of the source lies inside the destination.  Addresses are compared
 * without tags.  Ref: CPYP, CPYM, CPYE. */
static bool goes_backward(const struct mops *m)
{
    uint64_t mask = MASK64(0, 56), from = *m->s & mask, to = *m->d & mask;
    return from < to && ((from + *m->n) & mask) > to;
}

static void prologue(const struct mops *m)
{
    uint64_t most = m->is_set || m->forward_only ? MASK64(0, 63) : MASK64(0, 55);
    clear_flags(m->cpu);
    if (*m->n > most)
        *m->n = most;
    if (m->is_set || m->forward_only || !goes_backward(m))
        begin_forward(m);
}

/* --- the instructions --- */

static struct mops decode(struct arm_cpu *cpu, uint32_t how, uint32_t idx)
{
    struct mops m = {
        .cpu = cpu,
        .rd = how & 31,
        .rs = how >> 5 & 31,
        .rn = how >> 10 & 31,
        .stage = how >> 15 & 3,
        .forward_only = how >> 17 & 1,
        .options = how >> 18 & 15,
        .read_idx = idx & 15,
        .write_idx = idx >> 4 & 15,
    };
    m.d = &cpu->x[m.rd];
    m.n = &cpu->x[m.rn];
    return m;
}

void helper_mops_copy(struct arm_cpu *cpu, uint32_t how, uint32_t idx)
{
    struct mops m = decode(cpu, how, idx);
    m.s = &cpu->x[m.rs];
    check_enabled(cpu);
    check_option(&m);
    if (m.stage == MOPS_PROLOGUE)
        prologue(&m);
    else if (m.forward_only || *m.n >> 63)
        copy_forward(&m);
    else
        copy_backward(&m);
}

void helper_mops_set(struct arm_cpu *cpu, uint32_t how, uint32_t idx)
{
    struct mops m = decode(cpu, how, idx);
    m.is_set = true;
    check_enabled(cpu);
    check_option(&m);
    if (m.stage == MOPS_PROLOGUE)
        prologue(&m);
    else
        set_forward(&m, m.rs == 31 ? 0 : cpu->x[m.rs]);
}
