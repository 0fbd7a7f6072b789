/*
 * The state of x87, SSE, AVX and protection keys to memory and back: FXSAVE, XSAVE and their like.
 *
 * An image is put together in a buffer, and every byte of memory is looked at before any is
 * changed.
 *
 * Ref: SDM volume 1, 10.5 (FXSAVE) and chapter 13 (XSAVE); volume 2, FXSAVE to XSAVES.
 */
#include "target/x86/xsave.h"

#include "target/x86/cpu_priv.h"
#include "target/x86/helpers.h"
#include "target/x86/x87.h"
#include "util/bits.h"

#include <string.h>

enum {
    AT_FCW = 0,
    AT_FSW = 2,
    AT_TAGS = 4,
    AT_FOP = 6,
    AT_FIP = 8,
    AT_FDP = 16,
    AT_MXCSR = 24,
    AT_ST = 32,
    AT_XMM = 160,
    XMM_END = 416,
    AT_XSTATE_BV = 512,
    AT_XCOMP_BV = 520,
    HEADER_END = 576,
    AREA_MAX = 2696
};
#define COMPACT (UINT64_C(1) << 63)

static const struct {
    uint8_t n;
    uint16_t size, offset;
} components[] = {{2, 256, 576}, {9, 8, 2688}};
enum { COMPONENTS = sizeof(components) / sizeof(components[0]) };

bool x86_xsave_component(unsigned n, uint32_t *size, uint32_t *offset)
{
    for (unsigned i = 0; i < COMPONENTS; i++)
        if (components[i].n == n) {
            *size = components[i].size;
            *offset = components[i].offset;
            return true;
        }
    return false;
}

uint32_t x86_xsave_size(uint64_t which, bool compact)
{
    uint32_t end = HEADER_END;
    for (unsigned i = 0; i < COMPONENTS; i++)
        if (which >> components[i].n & 1)
            end = (compact ? end : components[i].offset) + components[i].size;
    return end;
}

/* --- what is in use --- */

static bool is_zero(const void *p, size_t size)
{
    const uint8_t *b = p;
    for (size_t i = 0; i < size; i++)
        if (b[i])
            return false;
    return true;
}

static bool x87_in_use(const struct x86_cpu *cpu)
{
    return cpu->s.fcw != X87_CW_INITIAL || cpu->fsw || (cpu->ftop & 7) || cpu->ftag != 0xff ||
           cpu->fip || cpu->fdp || cpu->fop || cpu->fcs || cpu->fds ||
           !is_zero(cpu->fman, sizeof(cpu->fman)) || !is_zero(cpu->fexp, sizeof(cpu->fexp));
}

/* Lower (0) or upper (1) halves of all vector registers. */
static bool vectors_are_zero(const struct x86_cpu *cpu, unsigned half)
{
    for (unsigned i = 0; i < 16; i++)
        if (cpu->ymm[i][half].q[0] | cpu->ymm[i][half].q[1])
            return false;
    return true;
}

uint64_t x86_xinuse(struct x86_cpu *cpu)
{
    return (x87_in_use(cpu) ? X86_XSTATE_X87 : 0) |
           (vectors_are_zero(cpu, 0) ? 0 : X86_XSTATE_SSE) |
           (vectors_are_zero(cpu, 1) ? 0 : X86_XSTATE_AVX) | (cpu->s.pkru ? X86_XSTATE_PKRU : 0);
}

/* --- the area --- */

struct area {
    struct x86_cpu *cpu;
    uint64_t offset, linear;
    unsigned seg, idx, vectors; /* vectors: how many registers this mode sees */
    bool wide;
    uint8_t b[AREA_MAX];
};

/* Where size bytes of it lie, after the checks of its segment, alignment and every page. */
static void place(struct area *a, uint32_t size, unsigned alignment, bool is_write)
{
    a->linear = x86_operand_linear(a->cpu, a->seg, a->offset, size, is_write);
    if (a->linear & (alignment - 1))
        x86_fault(a->cpu, X86_GP, 0);
    guest_probe(&a->cpu->cpu, a->linear, size, is_write ? GUEST_WRITE : GUEST_READ, a->idx);
}

/* Bytes from..to of the buffer, to memory or from there: multiples of 8. */
static void transfer(struct area *a, unsigned from, unsigned to, bool is_write)
{
    struct cpu *cpu = &a->cpu->cpu;
    uint32_t memop = MO_64 | a->idx << MO_IDX_SHIFT;
    while (from < to) {
        unsigned n = from % 16 == 0 && to - from >= 16 ? 16 : 8;
        void *host = n == 16 ? guest_host_ptr(cpu, a->linear + from, n,
                                              is_write ? GUEST_WRITE : GUEST_READ, a->idx)
                             : NULL;
        if (!host) {
            n = 8;
            if (is_write)
                guest_st(cpu, a->linear + from, ld_le64(a->b + from), memop);
            else
                st_le64(a->b + from, guest_ld(cpu, a->linear + from, memop));
        } else if (is_write) {
            memcpy(host, a->b + from, n);
        } else {
            memcpy(a->b + from, host, n);
        }
        from += n;
    }
}

/* --- parts to bytes; half: of the vector registers, 0 the lower one --- */

static void put_vectors(const struct area *a, uint8_t *to, unsigned half)
{
    for (unsigned i = 0; i < a->vectors; i++) {
        st_le64(to + 16 * i, a->cpu->ymm[i][half].q[0]);
        st_le64(to + 16 * i + 8, a->cpu->ymm[i][half].q[1]);
    }
}

static void put_pointer(const struct area *a, uint8_t *to, uint64_t offset, uint32_t selector)
{
    st_le64(to, a->wide ? offset : (uint32_t)offset | (uint64_t)selector << 32);
}

static void put_x87(struct area *a)
{
    const struct x86_cpu *cpu = a->cpu;
    st_le16(a->b + AT_FCW, cpu->s.fcw);
    st_le16(a->b + AT_FSW, (uint16_t)x87_status(cpu));
    st_le16(a->b + AT_TAGS, ~cpu->ftag & 0xff);
    st_le16(a->b + AT_FOP, (uint16_t)cpu->fop);
    put_pointer(a, a->b + AT_FIP, cpu->fip, cpu->fcs);
    put_pointer(a, a->b + AT_FDP, cpu->fdp, cpu->fds);
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = (cpu->ftop + i) & 7;
        st_le64(a->b + AT_ST + 16 * i, cpu->fman[n]);
        st_le64(a->b + AT_ST + 16 * i + 8, cpu->fexp[n]);
    }
}

static void put_mxcsr(struct area *a)
{
    st_le32(a->b + AT_MXCSR, x86_mxcsr(a->cpu));
    st_le32(a->b + AT_MXCSR + 4, x86_mxcsr_mask(a->cpu));
}

/* --- bytes to parts --- */

static void get_vectors(const struct area *a, const uint8_t *from, unsigned half)
{
    for (unsigned i = 0; i < a->vectors; i++) {
        a->cpu->ymm[i][half].q[0] = ld_le64(from + 16 * i);
        a->cpu->ymm[i][half].q[1] = ld_le64(from + 16 * i + 8);
    }
}

static void get_pointer(const struct area *a, const uint8_t *from, uint64_t *offset,
                        uint32_t *selector)
{
    *offset = a->wide ? ld_le64(from) : ld_le32(from);
    *selector = a->wide ? 0 : ld_le16(from + 4);
}

static void get_x87(const struct area *a)
{
    struct x86_cpu *cpu = a->cpu;
    x87_set_control(cpu, ld_le16(a->b + AT_FCW));
    x87_set_status(cpu, ld_le16(a->b + AT_FSW));
    cpu->ftag = ~(uint32_t)a->b[AT_TAGS] & 0xff;
    cpu->fop = ld_le16(a->b + AT_FOP) & X87_FOP_BITS;
    get_pointer(a, a->b + AT_FIP, &cpu->fip, &cpu->fcs);
    get_pointer(a, a->b + AT_FDP, &cpu->fdp, &cpu->fds);
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = (cpu->ftop + i) & 7;
        cpu->fman[n] = ld_le64(a->b + AT_ST + 16 * i);
        cpu->fexp[n] = ld_le16(a->b + AT_ST + 16 * i + 8);
    }
    x87_exceptions_changed(cpu);
}

static void check_mxcsr(const struct area *a)
{
    if (ld_le32(a->b + AT_MXCSR) & ~x86_mxcsr_mask(a->cpu))
        x86_fault(a->cpu, X86_GP, 0);
}

/* --- FXSAVE, FXRSTOR --- */

static bool has_sse(const struct x86_cpu *cpu)
{
    return cpu->s.cr4 & X86_CR4_OSFXSR;
}

/* EFER.FFXSR: not the vectors, in 64-bit code of the kernel.  Ref: APM volume 2, 11.4.4.3. */
static unsigned legacy_end(const struct area *a)
{
    const struct x86_cpu *cpu = a->cpu;
    bool fast = (cpu->s.efer & X86_EFER_FFXSR) && !cpu->s.cpl && x86_is_64(cpu);
    return has_sse(cpu) && !fast ? AT_XMM + 16 * a->vectors : AT_XMM;
}

static void fxsave(struct area *a)
{
    put_x87(a);
    if (has_sse(a->cpu))
        put_mxcsr(a);
    put_vectors(a, a->b + AT_XMM, 0);
    transfer(a, 0, legacy_end(a), true);
}

static void fxrstor(struct area *a)
{
    unsigned end = legacy_end(a);
    transfer(a, 0, end, false);
    if (has_sse(a->cpu))
        check_mxcsr(a);
    get_x87(a);
    if (has_sse(a->cpu))
        x86_set_mxcsr(a->cpu, ld_le32(a->b + AT_MXCSR));
    if (end > AT_XMM)
        get_vectors(a, a->b + AT_XMM, 0);
}

/* --- XSAVE and its like --- */

static uint32_t offset_of(unsigned i, uint64_t xcomp_bv)
{
    if (!(xcomp_bv & COMPACT))
        return components[i].offset;
    uint64_t below = xcomp_bv & ((UINT64_C(1) << components[i].n) - 1);
    return x86_xsave_size(below, true);
}

static void put_component(const struct area *a, unsigned n, uint8_t *to)
{
    if (n == 2)
        put_vectors(a, to, 1);
    else
        st_le64(to, a->cpu->s.pkru);
}

static void save_components(struct area *a, uint64_t which, uint64_t xcomp_bv)
{
    for (unsigned i = 0; i < COMPONENTS; i++) {
        uint32_t at = offset_of(i, xcomp_bv);
        unsigned size = components[i].n == 2 ? 16 * a->vectors : components[i].size;
        if (!(which >> components[i].n & 1))
            continue;
        put_component(a, components[i].n, a->b + at);
        transfer(a, at, at + size, true);
    }
}

static void save_legacy(struct area *a, uint64_t which, bool mxcsr)
{
    put_x87(a);
    put_mxcsr(a);
    put_vectors(a, a->b + AT_XMM, 0);
    if (which & X86_XSTATE_X87) {
        transfer(a, 0, AT_MXCSR, true);
        transfer(a, AT_ST, AT_XMM, true);
    }
    if (mxcsr)
        transfer(a, AT_MXCSR, AT_ST, true);
    if (which & X86_XSTATE_SSE)
        transfer(a, AT_XMM, AT_XMM + 16 * a->vectors, true);
}

/* XSAVE, XSAVEOPT. */
static void save_standard(struct area *a, uint64_t rfbm, bool optimized)
{
    uint64_t in_use = x86_xinuse(a->cpu), which = optimized ? rfbm & in_use : rfbm;
    transfer(a, AT_XSTATE_BV, AT_XCOMP_BV, false);
    uint64_t old = ld_le64(a->b + AT_XSTATE_BV);
    st_le64(a->b + AT_XSTATE_BV, (old & ~rfbm) | (in_use & rfbm));
    save_legacy(a, which, rfbm & (X86_XSTATE_SSE | X86_XSTATE_AVX));
    save_components(a, which, 0);
    transfer(a, AT_XSTATE_BV, AT_XCOMP_BV, true);
}

/* XSAVEC, XSAVES: MXCSR counts as part of SSE. */
static void save_compact(struct area *a, uint64_t rfbm)
{
    enum { MXCSR_INITIAL = 0x1f80 };
    uint64_t in_use = x86_xinuse(a->cpu);
    in_use |= x86_mxcsr(a->cpu) != MXCSR_INITIAL ? X86_XSTATE_SSE : 0;
    uint64_t which = rfbm & in_use;
    save_legacy(a, which, which & X86_XSTATE_SSE);
    save_components(a, which, rfbm | COMPACT);
    st_le64(a->b + AT_XSTATE_BV, which);
    st_le64(a->b + AT_XCOMP_BV, rfbm | COMPACT);
    transfer(a, AT_XSTATE_BV, AT_XCOMP_BV + 8, true);
}

/* Whether XRSTOR accepts the header of an area; XRSTORS wants a compact one. */
static bool is_good_header(const struct area *a, uint64_t allowed, bool supervisor)
{
    uint64_t xstate_bv = ld_le64(a->b + AT_XSTATE_BV), xcomp_bv = ld_le64(a->b + AT_XCOMP_BV);
    const uint8_t *rest = a->b + AT_XCOMP_BV + 8;
    if (!(xcomp_bv & COMPACT))
        return !supervisor && !xcomp_bv && is_zero(rest, 8) && !(xstate_bv & ~allowed);
    return (supervisor || x86_has(a->cpu, X86_F_XSAVEC)) && !(xcomp_bv & ~COMPACT & ~allowed) &&
           !(xstate_bv & ~(xcomp_bv & ~COMPACT)) && is_zero(rest, 48);
}

static void load_areas(struct area *a, uint64_t which, uint64_t xcomp_bv)
{
    if (which & X86_XSTATE_X87)
        transfer(a, 0, AT_XMM, false);
    if (which & X86_XSTATE_SSE)
        transfer(a, AT_XMM, AT_XMM + 16 * a->vectors, false);
    for (unsigned i = 0; i < COMPONENTS; i++) {
        uint32_t at = offset_of(i, xcomp_bv);
        if (which >> components[i].n & 1)
            transfer(a, at, at + components[i].size, false);
    }
}

static void clear_vectors(const struct area *a, unsigned half)
{
    for (unsigned i = 0; i < a->vectors; i++)
        a->cpu->ymm[i][half] = (union x86_vreg){.q = {0, 0}};
}

static void restore_vectors(const struct area *a, bool is_saved, unsigned at, unsigned half)
{
    if (is_saved)
        get_vectors(a, a->b + at, half);
    else
        clear_vectors(a, half);
}

static void restore_x87(struct area *a, bool is_saved)
{
    if (is_saved) {
        get_x87(a);
        return;
    }
    x87_init(a->cpu);
    memset(a->cpu->fman, 0, sizeof(a->cpu->fman));
    memset(a->cpu->fexp, 0, sizeof(a->cpu->fexp));
    x87_exceptions_changed(a->cpu);
}

static void restore_component(struct area *a, unsigned i, bool is_saved, uint64_t xcomp_bv)
{
    uint32_t at = offset_of(i, xcomp_bv);
    if (components[i].n == 2)
        restore_vectors(a, is_saved, at, 1);
    else
        x86_set_pkru(a->cpu, is_saved ? ld_le32(a->b + at) : 0);
}

/* MXCSR of a compact area is part of SSE; of a standard one it is always there. */
static void restore_mxcsr(struct area *a, uint64_t rfbm, uint64_t which, bool compact)
{
    enum { MXCSR_INITIAL = 0x1f80 };
    if (!(rfbm & (X86_XSTATE_SSE | (compact ? 0 : X86_XSTATE_AVX))))
        return;
    bool is_saved = !compact || (which & X86_XSTATE_SSE);
    x86_set_mxcsr(a->cpu, is_saved ? ld_le32(a->b + AT_MXCSR) : MXCSR_INITIAL);
}

static void restore(struct area *a, uint64_t rfbm, uint64_t allowed, bool supervisor)
{
    transfer(a, AT_XSTATE_BV, HEADER_END, false);
    if (!is_good_header(a, allowed, supervisor))
        x86_fault(a->cpu, X86_GP, 0);
    uint64_t xcomp_bv = ld_le64(a->b + AT_XCOMP_BV);
    uint64_t which = rfbm & ld_le64(a->b + AT_XSTATE_BV);
    bool compact = xcomp_bv & COMPACT;
    place(a, x86_xsave_size(compact ? xcomp_bv & ~COMPACT : which, compact), 64, false);
    load_areas(a, which, xcomp_bv);
    transfer(a, AT_MXCSR, AT_ST, false);
    if (compact ? which & X86_XSTATE_SSE : rfbm & (X86_XSTATE_SSE | X86_XSTATE_AVX))
        check_mxcsr(a);
    if (rfbm & X86_XSTATE_X87)
        restore_x87(a, which & X86_XSTATE_X87);
    restore_mxcsr(a, rfbm, which, compact);
    if (rfbm & X86_XSTATE_SSE)
        restore_vectors(a, which & X86_XSTATE_SSE, AT_XMM, 0);
    for (unsigned i = 0; i < COMPONENTS; i++)
        if (rfbm >> components[i].n & 1)
            restore_component(a, i, which >> components[i].n & 1, xcomp_bv);
}

/* --- the instructions --- */

static void do_legacy(struct area *a, bool is_save)
{
    if (a->cpu->s.cr0 & (X86_CR0_EM | X86_CR0_TS))
        x86_fault(a->cpu, X86_NM, 0);
    place(a, AT_XSTATE_BV, 16, is_save);
    if (is_save)
        fxsave(a);
    else
        fxrstor(a);
}

static void check_extended(struct x86_cpu *cpu, enum x86_state_op op)
{
    if (!(cpu->s.cr4 & X86_CR4_OSXSAVE))
        x86_fault(cpu, X86_UD, 0);
    if (cpu->s.cr0 & X86_CR0_TS)
        x86_fault(cpu, X86_NM, 0);
    if ((op == X86_XSAVES || op == X86_XRSTORS) && cpu->s.cpl)
        x86_fault(cpu, X86_GP, 0);
}

static void do_extended(struct area *a, enum x86_state_op op, uint64_t mask)
{
    struct x86_cpu *cpu = a->cpu;
    bool supervisor = op == X86_XSAVES || op == X86_XRSTORS;
    bool is_load = op == X86_XRSTOR || op == X86_XRSTORS;
    bool compact = op == X86_XSAVEC || op == X86_XSAVES;
    uint64_t allowed = cpu->s.xcr0 | (supervisor ? cpu->s.xss : 0), rfbm = mask & allowed;

    check_extended(cpu, op);
    place(a, HEADER_END, 64, !is_load);
    if (is_load) {
        restore(a, rfbm, allowed, supervisor);
        return;
    }
    place(a, x86_xsave_size(rfbm, compact), 64, true);
    if (compact)
        save_compact(a, rfbm);
    else
        save_standard(a, rfbm, op == X86_XSAVEOPT);
}

void helper_save_state(struct x86_cpu *cpu, uint32_t word, uint64_t offset, uint64_t mask)
{
    enum x86_state_op op = word & 0xff;
    struct area a = {
        .cpu = cpu,
        .offset = offset,
        .seg = word >> X86_STATE_SEG & 7,
        .idx = x86_data_idx(cpu, cpu->s.cpl),
        .vectors = x86_is_64(cpu) ? 16 : 8,
        .wide = word & X86_STATE_WIDE,
    };
    if (op == X86_FXSAVE || op == X86_FXRSTOR)
        do_legacy(&a, op == X86_FXSAVE);
    else
        do_extended(&a, op, mask);
    guest_mode_changed(&cpu->cpu);
}
