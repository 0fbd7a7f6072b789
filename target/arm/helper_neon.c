/*
 * Helpers of AArch32's VFP and AdvSIMD: the kernels of AArch64's operations on registers that lie
 * two or four in one, and what only AArch32 has.
 */
#include "target/arm/neon_a32.h"

#include "accel/tcg/guest.h"
#include "fpu/arm.h"
#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/fp.h"
#include "target/arm/helpers.h"

#include <string.h>

static uint8_t *place(struct arm_cpu *cpu, struct a32_vreg r)
{
    return (uint8_t *)cpu->v + 4 * r.word;
}

static union arm_vreg fetch(struct arm_cpu *cpu, struct a32_vreg r)
{
    union arm_vreg v = {.d = {0, 0}};
    if (r.size)
        memcpy(&v, place(cpu, r), (size_t)1 << r.size);
    return v;
}

/* --- what only AArch32 has.  Ref: DDI 0487, FPRecipStep, FPRSqrtStep of AArch32 --- */

static uint64_t lane_mla(struct simd *x, uint64_t d, uint64_t n, uint64_t m)
{
    return armfp_add(x->esz, d, armfp_mul(x->esz, n, m, &x->env), &x->env);
}

static uint64_t lane_mls(struct simd *x, uint64_t d, uint64_t n, uint64_t m)
{
    uint64_t p = armfp_neg(x->esz, armfp_mul(x->esz, n, m, &x->env));
    return armfp_add(x->esz, d, p, &x->env);
}

static uint64_t constant(const struct simd *x, uint32_t single, uint16_t half)
{
    return x->esz == 1 ? half : single;
}

/* 0, which a subnormal is if it is flushed, times infinity is 0 here, and the flushing the only
 * exception. */
static uint64_t step_product(struct simd *x, uint64_t n, uint64_t m)
{
    uint64_t abs_n = armfp_abs(x->esz, n), abs_m = armfp_abs(x->esz, m);
    uint64_t inf = x->esz == 1 ? 0x7c00 : 0x7f800000;
    uint64_t tiny = x->esz == 2 ? 0x800000 : x->fpcr & FPCR_FZ16 ? 0x400 : 1;
    bool n_is_zero = abs_m == inf && abs_n < tiny, m_is_zero = abs_n == inf && abs_m < tiny;
    if (!n_is_zero && !m_is_zero)
        return armfp_mul(x->esz, n, m, &x->env);
    armfp_mul(x->esz, n_is_zero ? n : m, constant(x, 0x3f800000, 0x3c00), &x->env);
    return 0;
}

static uint64_t lane_recps(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    uint64_t p = step_product(x, n, m);
    return armfp_sub(x->esz, constant(x, 0x40000000, 0x4000), p, &x->env);
}

static uint64_t lane_rsqrts(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    uint64_t p = step_product(x, n, m);
    uint64_t v = armfp_sub(x->esz, constant(x, 0x40400000, 0x4200), p, &x->env);
    return armfp_mul(x->esz, v, constant(x, 0x3f000000, 0x3800), &x->env);
}

static const struct simd_kernel own_kernels[A32_F_OPS - F_OPS] = {
    [A32_F_MLA - F_OPS] = {.shape = SHAPE_SAME, .lane = lane_mla},
    [A32_F_MLS - F_OPS] = {.shape = SHAPE_SAME, .lane = lane_mls},
    [A32_F_RECPS - F_OPS] = {.shape = SHAPE_SAME, .lane = lane_recps},
    [A32_F_RSQRTS - F_OPS] = {.shape = SHAPE_SAME, .lane = lane_rsqrts},
};

/* --- any operation --- */

/* Arithmetic of AdvSIMD: the standard FPSCR value.  Ref: StandardFPSCRValue(). */
static uint32_t fpcr_of(const struct arm_cpu *cpu, unsigned kind)
{
    uint32_t fpcr = cpu->s.fpcr;
    if (kind == A32_OP_FP_STD)
        fpcr = (fpcr & (FPCR_AHP | FPCR_FZ16)) | ARMFP_STANDARD;
    return fpcr;
}

static void apply(struct arm_cpu *cpu, uint32_t op, struct simd *x, union arm_vreg *r,
                  const struct simd_operands *o)
{
    unsigned kind = op & 0xf000, n = op & 0xfff;
    if (kind == A32_OP_CRYPTO) {
        simd_crypto_kernel(n)(x, r, o);
    } else if (kind == A32_OP_INT) {
        simd_apply(simd_int_kernel(n), x, r, o);
    } else {
        x->fpcr = fpcr_of(cpu, kind);
        x->env = armfp_env(x->fpcr, x->esz);
        simd_apply(n >= F_OPS ? &own_kernels[n - F_OPS] : simd_fp_kernel(n), x, r, o);
    }
}

static void vector(struct arm_cpu *cpu, uint32_t op, uint64_t desc)
{
    struct a32_vop a = a32_vop_unpack(desc);
    struct simd x = {.esz = a.esz, .w = a.w, .imm = a.imm};
    union arm_vreg r = {.d = {0, 0}}, n = fetch(cpu, a.n), m = fetch(cpu, a.m), d = fetch(cpu, a.d);
    struct simd_operands o = {.n = &n, .m = &m, .a = &m, .d = &d};
    if (a.elem) {
        union arm_vreg all = m;
        simd_broadcast(&m, &all, a.elem_esz, a.elem - 1u);
    }
    apply(cpu, op, &x, &r, &o);
    memcpy(place(cpu, a.d), &r, (size_t)1 << a.d.size);
    if (x.saturated)
        cpu->qc = 1;
    if ((op & 0xf000) == A32_OP_FP || (op & 0xf000) == A32_OP_FP_STD)
        arm_fp_accrue(cpu, x.env.flags);
}

void helper_a32_vector(struct arm_cpu *cpu, uint32_t op, uint64_t desc)
{
    vector(cpu, op, desc);
}

void helper_a32_vector_fp(struct arm_cpu *cpu, uint32_t op, uint64_t desc)
{
    vector(cpu, op, desc);
}

/* --- VTRN, VUZP, VZIP: two registers, both changed --- */

void helper_a32_permute(struct arm_cpu *cpu, uint32_t op, uint64_t desc)
{
    struct a32_vop a = a32_vop_unpack(desc);
    struct simd x = {.esz = a.esz, .w = a.w};
    union arm_vreg first = {.d = {0, 0}}, second = {.d = {0, 0}}, d = fetch(cpu, a.d),
                   m = fetch(cpu, a.m);
    struct simd_operands o = {.n = &d, .m = &m, .a = &m, .d = &d};
    simd_apply(simd_int_kernel(op), &x, &first, &o);
    simd_apply(simd_int_kernel(op + 1), &x, &second, &o);
    memcpy(place(cpu, a.d), &first, (size_t)1 << a.d.size);
    memcpy(place(cpu, a.m), &second, (size_t)1 << a.m.size);
}

/* VTBL, VTBX: imm: registers of the table less one | 4 to keep what is out of range. */
void helper_a32_table(struct arm_cpu *cpu, uint64_t desc)
{
    struct a32_vop a = a32_vop_unpack(desc);
    union arm_vreg m = fetch(cpu, a.m), d = fetch(cpu, a.d);
    const uint8_t *table = place(cpu, a.n);
    unsigned size = 8 * ((a.imm & 3) + 1u);
    uint8_t r[8];
    for (unsigned i = 0; i < 8; i++)
        r[i] = m.b[i] < size ? table[m.b[i]] : a.imm & 4 ? d.b[i] : 0;
    memcpy(place(cpu, a.d), r, sizeof(r));
}

/* --- VFP --- */

/* neg: enum fp_neg.  The addend is d. */
void helper_a32_fma(struct arm_cpu *cpu, uint64_t desc)
{
    struct a32_vop a = a32_vop_unpack(desc);
    struct fp_env env = armfp_env(cpu->s.fpcr, a.esz);
    union arm_vreg n = fetch(cpu, a.n), m = fetch(cpu, a.m), d = fetch(cpu, a.d);
    uint64_t r = armfp_fma(a.esz, d.d[0], n.d[0], m.d[0], a.imm, &env);
    memcpy(place(cpu, a.d), &r, (size_t)1 << a.d.size);
    arm_fp_accrue(cpu, env.flags);
}

enum { MAC_NEG_PRODUCT = 1, MAC_NEG_ADDEND = 2 };

/* VMLA, VMLS, VNMLA, VNMLS: rounded twice. */
void helper_a32_mac(struct arm_cpu *cpu, uint64_t desc)
{
    struct a32_vop a = a32_vop_unpack(desc);
    struct fp_env env = armfp_env(cpu->s.fpcr, a.esz);
    uint64_t n = fetch(cpu, a.n).d[0], m = fetch(cpu, a.m).d[0], d = fetch(cpu, a.d).d[0];
    uint64_t p = armfp_mul(a.esz, n, m, &env);
    if (a.imm & MAC_NEG_PRODUCT)
        p = armfp_neg(a.esz, p);
    if (a.imm & MAC_NEG_ADDEND)
        d = armfp_neg(a.esz, d);
    uint64_t r = armfp_add(a.esz, d, p, &env);
    memcpy(place(cpu, a.d), &r, (size_t)1 << a.d.size);
    arm_fp_accrue(cpu, env.flags);
}

/* --- short vectors: FPSCR.LEN registers of a bank.  Ref: DDI 0406, appendix K (VFP vector
 * operation support) --- */

struct bank {
    unsigned words, regs; /* of a register; in a bank */
    bool is_double;
};

/* Banks of scalars: s0 to s7, d0 to d3, d16 to d19. */
static bool is_scalar(const struct bank *b, struct a32_vreg r)
{
    unsigned bank = r.word / b->words / b->regs;
    return (b->is_double ? bank & 3 : bank) == 0;
}

static void step(const struct bank *b, struct a32_vreg *r, unsigned stride)
{
    unsigned n = r->word / b->words, first = n / b->regs * b->regs;
    r->word = (uint8_t)((first + (n - first + stride) % b->regs) * b->words);
}

static void one_register(struct arm_cpu *cpu, uint32_t op, const struct a32_vop *a)
{
    if (op == A32_OP_MAC) {
        helper_a32_mac(cpu, a32_vop_pack(*a));
    } else if (op == A32_OP_NUMBER) {
        uint64_t v = fp_expand_imm(a->esz, a->imm);
        memcpy(place(cpu, a->d), &v, (size_t)1 << a->d.size);
    } else {
        vector(cpu, op, a32_vop_pack(*a));
    }
}

void helper_a32_short_vector(struct arm_cpu *cpu, uint32_t op, uint64_t desc)
{
    struct a32_vop a = a32_vop_unpack(desc);
    struct bank b = {a.esz == 3 ? 2 : 1, a.esz == 3 ? 4 : 8, a.esz == 3};
    unsigned n = (cpu->s.fpcr >> 16 & 7) + 1, stride = (cpu->s.fpcr >> 20 & 3) == 3 ? 2 : 1;
    bool m_stays = is_scalar(&b, a.m), n_stays = (op & A32_OP_UNARY) && m_stays;
    if (is_scalar(&b, a.d))
        n = 1;
    for (unsigned i = 0; i < n; i++) {
        one_register(cpu, op & ~(uint32_t)A32_OP_UNARY, &a);
        step(&b, &a.d, stride);
        step(&b, &a.n, n_stays ? 0 : stride);
        step(&b, &a.m, m_stays ? 0 : stride);
    }
}

/* imm: log2 of the result's bytes; elem: the upper one of two halves; w: a half is a bfloat16. */
void helper_a32_vcvt(struct arm_cpu *cpu, uint64_t desc)
{
    struct a32_vop a = a32_vop_unpack(desc);
    struct fp_env env = armfp_env(cpu->s.fpcr, 2);
    uint64_t m = fetch(cpu, a.m).d[0];
    if (a.esz == 1)
        m = m >> (a.elem ? 16 : 0) & 0xffff;
    uint64_t r =
        a.w ? armfp_to_bf16((uint32_t)m, &env) : armfp_convert(a.imm, a.esz, m, cpu->s.fpcr, &env);
    memcpy(place(cpu, a.d) + (a.imm == 1 && a.elem ? 2 : 0), &r, (size_t)1 << a.d.size);
    arm_fp_accrue(cpu, env.flags);
}

/* imm: 1 signalling, 2 with zero.  NZCV in bits 31..28. */
uint32_t helper_a32_vcmp(struct arm_cpu *cpu, uint64_t desc)
{
    struct a32_vop a = a32_vop_unpack(desc);
    struct fp_env env = armfp_env(cpu->s.fpcr, a.esz);
    uint64_t m = a.imm & 2 ? 0 : fetch(cpu, a.m).d[0];
    unsigned nzcv = armfp_compare(a.esz, fetch(cpu, a.n).d[0], m, a.imm & 1, &env);
    arm_fp_accrue(cpu, env.flags);
    return nzcv << 28;
}

static struct armfp_int int_type(uint32_t how)
{
    return (struct armfp_int){.bits = how >> 9 & 64 ? 64 : how >> 9 & 127,
                              .fraction_bits = how & FP_INT_FRACTION,
                              .is_signed = how & FP_INT_SIGNED};
}

/* how: FP_INT_FRACTION, FP_INT_SIGNED, bits of the integer from 9 on; d.size: of the register that
 * takes it, sign- or zero-extended; imm: enum fp_round. */
void helper_a32_vtoint(struct arm_cpu *cpu, uint64_t desc, uint32_t how)
{
    struct a32_vop a = a32_vop_unpack(desc);
    struct fp_env env = armfp_env(cpu->s.fpcr, a.esz);
    struct armfp_int type = int_type(how);
    uint64_t r = armfp_to_int(a.esz, fetch(cpu, a.m).d[0], type, a.imm, &env);
    if (type.is_signed)
        r = (uint64_t)sextract64(r, 0, type.bits);
    memcpy(place(cpu, a.d), &r, (size_t)1 << a.d.size);
    arm_fp_accrue(cpu, env.flags);
}

void helper_a32_vfromint(struct arm_cpu *cpu, uint64_t desc, uint32_t how)
{
    struct a32_vop a = a32_vop_unpack(desc);
    struct fp_env env = armfp_env(cpu->s.fpcr, a.esz);
    struct armfp_int type = int_type(how);
    uint64_t v = extract64(fetch(cpu, a.m).d[0], 0, type.bits);
    if (how & FP_INT_FRACTION)
        env.round = FP_RNE;
    uint64_t r = armfp_from_int(a.esz, v, type, &env);
    memcpy(place(cpu, a.d), &r, (size_t)1 << a.d.size);
    arm_fp_accrue(cpu, env.flags);
}

/* The result, with bit 32 set where Z is. */
uint64_t helper_a32_vjcvt(struct arm_cpu *cpu, uint64_t val)
{
    struct fp_env env = armfp_env(cpu->s.fpcr, 3);
    bool exact;
    uint32_t r = armfp_to_int_js(val, &exact, &env);
    arm_fp_accrue(cpu, env.flags);
    return r | (uint64_t)exact << 32;
}

/* --- FPSCR and the other registers of VMRS and VMSR --- */

enum {
    REG_FPSID,
    REG_FPSCR,
    REG_MVFR2 = 5,
    REG_MVFR1,
    REG_MVFR0,
    REG_FPEXC,
    REG_FPINST,
    REG_FPINST2
};

enum { FPSCR_CONTROL = 0x07ff0000 };

uint32_t helper_a32_get_fpscr(struct arm_cpu *cpu)
{
    return arm_fpsr(cpu) | (cpu->s.fpcr & FPSCR_CONTROL) | arm_flags_to_nzcv(cpu->s.a32.fp_flags);
}

void helper_a32_set_fpscr(struct arm_cpu *cpu, uint32_t val)
{
    cpu->s.a32.fp_flags = arm_flags_from_nzcv(val);
    arm_set_fpcr(cpu, val);
    arm_set_fpsr(cpu, val);
}

/* Whether coprocessor 10 may be used at all: FPEXC.EN matters to some of the registers only. */
static void check_fp_registers(struct arm_cpu *cpu, uint32_t reg)
{
    bool enabled = cpu->s.fpexc & A32_FPEXC_EN;
    unsigned access = cpu->s.cpacr_el1 >> 20 & 3;
    if (!cpu->s.ps.el || (!enabled && reg >= REG_FPINST))
        arm_raise_undefined(cpu);
    if (cpu->s.ps.el == 1 && !(access & 1))
        arm_raise_undefined(cpu);
}

uint32_t helper_a32_vmrs(struct arm_cpu *cpu, uint32_t reg)
{
    check_fp_registers(cpu, reg);
    switch (reg) {
    case REG_FPSID: return cpu->id.fpsid;
    case REG_MVFR2:
        if (arm_has(cpu, ARM_F_V8))
            return cpu->id.mvfr2;
        break;
    case REG_MVFR1: return cpu->id.mvfr1;
    case REG_MVFR0: return cpu->id.mvfr0;
    case REG_FPEXC: return (uint32_t)cpu->s.fpexc;
    case REG_FPINST: return (uint32_t)cpu->s.a32.fpinst;
    case REG_FPINST2: return (uint32_t)cpu->s.a32.fpinst2;
    }
    arm_raise_undefined(cpu);
}

void helper_a32_vmsr(struct arm_cpu *cpu, uint32_t reg, uint32_t val)
{
    check_fp_registers(cpu, reg);
    switch (reg) {
    case REG_FPSID:
    case REG_MVFR0:
    case REG_MVFR1: break;
    case REG_FPEXC:
        cpu->s.fpexc = val & A32_FPEXC_EN;
        guest_mode_changed(&cpu->cpu);
        break;
    case REG_FPINST: cpu->s.a32.fpinst = val; break;
    case REG_FPINST2: cpu->s.a32.fpinst2 = val; break;
    default: arm_raise_undefined(cpu);
    }
}
