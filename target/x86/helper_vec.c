/*
 * Vector instructions that go to memory lane by lane, string comparisons, MXCSR and #XM.
 *
 * Ref: SDM volume 1, 10.2.3 (MXCSR), 11.5 (floating-point exceptions); volume 2, 4.1 (PCMPxSTRx),
 * VMASKMOV, VPGATHERDD, MASKMOVDQU.
 */
#include "fpu/sse.h"
#include "target/x86/cpu_priv.h"
#include "target/x86/helpers.h"
#include "target/x86/vec_mem.h"
#include "util/bits.h"

#include <string.h>

/* --- MXCSR: control bits in the state, flags in the accelerator's FP environment --- */

enum { ALL_MASKED = SSE_FLAGS << SSE_MASK_SHIFT };

uint32_t x86_mxcsr_mask(const struct x86_cpu *cpu)
{
    uint32_t mask = 0xffff;
    mask &= x86_has(cpu, X86_F_SSE2) ? ~UINT32_C(0) : ~(uint32_t)X86_MXCSR_DAZ;
    return mask | (x86_has(cpu, X86_F_MISALIGNSSE) ? X86_MXCSR_MM : 0);
}

uint32_t x86_mxcsr(struct x86_cpu *cpu)
{
    return (cpu->s.mxcsr & ~(uint32_t)SSE_FLAGS) | (guest_fpenv_get(&cpu->cpu) & SSE_FLAGS);
}

/* Translated code runs with all exceptions masked; vec_check() finds the others. */
void x86_set_mxcsr(struct x86_cpu *cpu, uint32_t val)
{
    cpu->s.mxcsr = val & x86_mxcsr_mask(cpu);
    guest_fpenv_set(&cpu->cpu, (uint16_t)cpu->s.mxcsr | ALL_MASKED);
    guest_mode_changed(&cpu->cpu);
}

void helper_ldmxcsr(struct x86_cpu *cpu, uint32_t val)
{
    if (val & ~x86_mxcsr_mask(cpu))
        x86_fault(cpu, X86_GP, 0);
    x86_set_mxcsr(cpu, val);
}

uint32_t helper_stmxcsr(struct x86_cpu *cpu)
{
    return x86_mxcsr(cpu);
}

static void raise_half(const struct x86_cpu *cpu, uint32_t insn, unsigned half,
                       uint32_t flags[SSE_STEPS])
{
    uint64_t arg[3][2];
    for (unsigned i = 0; i < 3; i++)
        memcpy(arg[i], cpu->vtmp[half * 3 + i].q, 16);
    sse_raise(insn, arg, cpu->s.mxcsr, flags);
}

/*
 * Invalid, denormal and zero-divide exceptions are found before a result is computed: one of them
 * that is not masked hides the others, of all lanes.
 */
void helper_sse_check(struct x86_cpu *cpu, uint32_t low, uint32_t high, uint32_t halves)
{
    enum { BEFORE = SSE_IE | SSE_DE | SSE_ZE };
    uint32_t unmasked = ~(cpu->s.mxcsr >> SSE_MASK_SHIFT) & SSE_FLAGS;
    uint32_t step[SSE_STEPS] = {0}, flags = 0, now = 0;
    raise_half(cpu, low, 0, step);
    if (halves == 2)
        raise_half(cpu, high, 1, step);
    for (unsigned i = 0; i < SSE_STEPS && !(now & unmasked); i++) {
        now = step[i] & unmasked & BEFORE ? step[i] & BEFORE : step[i];
        flags |= now;
    }
    if (!(now & unmasked))
        return;
    guest_fpenv_set(&cpu->cpu, guest_fpenv_get(&cpu->cpu) | flags);
    x86_fault(cpu, cpu->s.cr4 & X86_CR4_OSXMMEXCPT ? X86_XM : X86_UD, 0);
}

/* --- memory lane by lane --- */

struct lanes {
    struct x86_cpu *cpu;
    uint32_t how, memop;
    unsigned esz;
};

static unsigned field(uint32_t how, unsigned at, unsigned bits)
{
    return how >> at & ((1u << bits) - 1);
}

static uint64_t get_lane(const struct x86_cpu *cpu, unsigned reg, unsigned i, unsigned esz)
{
    unsigned at = i << esz;
    const union x86_vreg *r = &cpu->ymm[reg][at / 16];
    uint64_t v = 0;
    memcpy(&v, &r->b[at % 16], 1u << esz);
    return v;
}

static void put_lane(struct x86_cpu *cpu, unsigned reg, unsigned i, unsigned esz, uint64_t v)
{
    unsigned at = i << esz;
    union x86_vreg *r = &cpu->ymm[reg][at / 16];
    memcpy(&r->b[at % 16], &v, 1u << esz);
}

static bool is_chosen(const struct lanes *x, unsigned i)
{
    uint64_t v = get_lane(x->cpu, field(x->how, VMEM_MASK, 4), i, x->esz);
    return v >> ((8u << x->esz) - 1);
}

uint64_t x86_operand_linear(struct x86_cpu *cpu, unsigned seg, uint64_t offset, unsigned bytes,
                            bool is_write)
{
    const struct x86_bounds *b = &cpu->bounds[seg];
    if (x86_is_64(cpu))
        return seg >= X86_FS ? offset + cpu->base[seg] : offset;
    int64_t first = (uint32_t)(offset - b->low), last = first + bytes - 1;
    if (last > (is_write ? b->write : b->read))
        x86_fault(cpu, seg == X86_SS ? X86_SS_FAULT : X86_GP, 0);
    return (uint32_t)(offset + cpu->base[seg]);
}

/* The linear address of one lane, checked against its segment. */
static uint64_t lane_address(const struct lanes *x, uint64_t offset, bool is_write)
{
    unsigned addrsize = field(x->how, VMEM_ADDRSIZE, 2);
    if (addrsize < 3)
        offset = extract64(offset, 0, 8u << addrsize);
    return x86_operand_linear(x->cpu, field(x->how, VMEM_SEG, 3), offset, 1u << x->esz, is_write);
}

static unsigned count(uint32_t how, unsigned esz)
{
    return (how & VMEM_256 ? 32u : 16u) >> esz;
}

static void clear_behind(struct x86_cpu *cpu, unsigned reg, unsigned bytes)
{
    if (bytes < 16)
        memset(&cpu->ymm[reg][0].b[bytes], 0, 16 - bytes);
    if (bytes <= 16)
        memset(&cpu->ymm[reg][1], 0, 16);
}

void helper_vmask_load(struct x86_cpu *cpu, uint64_t offset, uint32_t how, uint32_t memop)
{
    const struct lanes x = {cpu, how, memop, field(how, VMEM_ESZ, 2)};
    unsigned n = count(how, x.esz), data = field(how, VMEM_DATA, 4);
    uint64_t v[8] = {0};
    for (unsigned i = 0; i < n; i++)
        if (is_chosen(&x, i))
            v[i] = guest_ld(&cpu->cpu, lane_address(&x, offset + ((uint64_t)i << x.esz), false),
                            memop);
    for (unsigned i = 0; i < n; i++)
        put_lane(cpu, data, i, x.esz, v[i]);
    clear_behind(cpu, data, n << x.esz);
}

/* All lanes can be stored before one is.  MASKMOVDQU (lanes of a byte) faults for those not chosen,
 * too, as silicon does; the manuals leave it to the implementation. */
void helper_vmask_store(struct x86_cpu *cpu, uint64_t offset, uint32_t how, uint32_t memop)
{
    const struct lanes x = {cpu, how, memop, field(how, VMEM_ESZ, 2)};
    unsigned n = count(how, x.esz), data = field(how, VMEM_DATA, 4);
    for (unsigned step = 0; step < 2; step++)
        for (unsigned i = 0; i < n; i++) {
            if (!is_chosen(&x, i) && (step || x.esz))
                continue;
            uint64_t addr = lane_address(&x, offset + ((uint64_t)i << x.esz), true);
            if (step)
                guest_st(&cpu->cpu, addr, get_lane(cpu, data, i, x.esz), memop);
            else
                guest_probe(&cpu->cpu, addr, 1u << x.esz, GUEST_WRITE, memop_idx(memop));
        }
}

/* The same of MMX registers. */
void helper_maskmovq(struct x86_cpu *cpu, uint64_t offset, uint32_t how, uint32_t memop)
{
    const struct lanes x = {cpu, how, memop, 0};
    uint64_t data = cpu->fman[field(how, VMEM_DATA, 3)], mask = cpu->fman[field(how, VMEM_MASK, 3)];
    uint64_t addr[8];
    for (unsigned i = 0; i < 8; i++) {
        addr[i] = lane_address(&x, offset + i, true);
        guest_probe(&cpu->cpu, addr[i], 1, GUEST_WRITE, memop_idx(memop));
    }
    for (unsigned i = 0; i < 8; i++)
        if (mask >> (8 * i + 7) & 1)
            guest_st(&cpu->cpu, addr[i], data >> 8 * i & 0xff, memop);
}

/* A lane that is loaded clears its mask, so that after a fault the others are left to load. */
void helper_vgather(struct x86_cpu *cpu, uint64_t offset, uint32_t how, uint32_t memop)
{
    const struct lanes x = {cpu, how, memop, field(how, VMEM_ESZ, 2)};
    unsigned data = field(how, VMEM_DATA, 4), mask = field(how, VMEM_MASK, 4);
    unsigned index_esz = how & VMEM_INDEX_64 ? 3 : 2;
    unsigned n = count(how, x.esz > index_esz ? x.esz : index_esz);
    for (unsigned i = 0; i < n; i++) {
        if (!is_chosen(&x, i))
            continue;
        int64_t index =
            sextract64(get_lane(cpu, field(how, VMEM_INDEX, 4), i, index_esz), 0, 8u << index_esz);
        uint64_t at = offset + ((uint64_t)index << field(how, VMEM_SCALE, 2));
        put_lane(cpu, data, i, x.esz, guest_ld(&cpu->cpu, lane_address(&x, at, false), memop));
        put_lane(cpu, mask, i, x.esz, 0);
    }
    clear_behind(cpu, data, n << x.esz);
    clear_behind(cpu, mask, 0);
}

/* --- strings --- */

struct strings {
    int32_t a[16], b[16];
    unsigned n, na, nb; /* elements; of them valid */
};

static void read_elements(int32_t *out, const union x86_vreg *v, uint32_t how)
{
    bool words = how & 1, is_signed = how & 2;
    for (unsigned i = 0; i < (words ? 8 : 16); i++) {
        if (words)
            out[i] = is_signed ? (int16_t)v->w[i] : v->w[i];
        else
            out[i] = is_signed ? (int8_t)v->b[i] : v->b[i];
    }
}

static unsigned valid_elements(const int32_t *v, unsigned n, bool implicit, uint64_t length)
{
    unsigned i = 0;
    if (implicit) {
        while (i < n && v[i])
            i++;
        return i;
    }
    uint64_t magnitude = (int64_t)length < 0 ? -length : length;
    return magnitude < n ? (unsigned)magnitude : n;
}

/* Whether element j of b is one of a's, or lies in one of the ranges that pairs of a give. */
static bool is_any(const struct strings *s, unsigned j, bool ranges)
{
    if (j >= s->nb)
        return false;
    for (unsigned i = 0; i < s->na; i += ranges ? 2 : 1) {
        if (!ranges && s->a[i] == s->b[j])
            return true;
        if (ranges && i + 1 < s->na && s->b[j] >= s->a[i] && s->b[j] <= s->a[i + 1])
            return true;
    }
    return false;
}

static bool is_same(const struct strings *s, unsigned j)
{
    if (j >= s->na || j >= s->nb)
        return j >= s->na && j >= s->nb;
    return s->a[j] == s->b[j];
}

/* Whether a begins at element j of b; what would lie behind b's last element counts as found. */
static bool begins(const struct strings *s, unsigned j)
{
    for (unsigned i = 0; i < s->na && i + j < s->n; i++)
        if (i + j >= s->nb || s->a[i] != s->b[i + j])
            return false;
    return true;
}

static uint32_t aggregate(const struct strings *s, uint32_t how)
{
    uint32_t r = 0, all = (1u << s->n) - 1;
    for (unsigned j = 0; j < s->n; j++) {
        bool bit;
        switch (how >> 2 & 3) {
        case 0: bit = is_any(s, j, false); break;
        case 1: bit = is_any(s, j, true); break;
        case 2: bit = is_same(s, j); break;
        default: bit = begins(s, j); break;
        }
        r |= (uint32_t)bit << j;
    }
    switch (how >> 4 & 3) {
    case 1: return r ^ all;
    case 3: return r ^ ((1u << s->nb) - 1);
    default: return r;
    }
}

static union x86_vreg expand(uint32_t bits, unsigned n, bool is_lanes)
{
    union x86_vreg v = {.q = {0, 0}};
    if (!is_lanes)
        v.q[0] = bits;
    for (unsigned i = 0; i < n && is_lanes; i++)
        memset(&v.b[i * (16 / n)], bits >> i & 1 ? 0xff : 0, 16 / n);
    return v;
}

static uint32_t index_of(uint32_t bits, unsigned n, bool last)
{
    if (!bits)
        return n;
    return last ? 31 - (unsigned)__builtin_clz(bits) : (unsigned)__builtin_ctz(bits);
}

uint32_t helper_pcmpstr(struct x86_cpu *cpu, uint32_t how, uint64_t length_a, uint64_t length_b)
{
    struct strings s = {.n = how & 1 ? 8 : 16};
    const union x86_vreg *b = how & PCMP_MEMORY ? &cpu->vtmp[0] : &cpu->ymm[how >> PCMP_B & 15][0];
    read_elements(s.a, &cpu->ymm[how >> PCMP_A & 15][0], how);
    read_elements(s.b, b, how);
    s.na = valid_elements(s.a, s.n, how & PCMP_IMPLICIT, length_a);
    s.nb = valid_elements(s.b, s.n, how & PCMP_IMPLICIT, length_b);
    uint32_t bits = aggregate(&s, how);
    uint32_t flags = (bits ? X86_CC_C : 0) | (s.nb < s.n ? X86_CC_Z : 0) |
                     (s.na < s.n ? X86_CC_S : 0) | (bits & 1 ? X86_CC_O : 0);
    if (how & PCMP_MASK)
        cpu->ymm[0][0] = expand(bits, s.n, how & 0x40);
    return flags | index_of(bits, s.n, how & 0x40) << 16;
}
