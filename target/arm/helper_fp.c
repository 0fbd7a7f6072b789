/*
 * Floating-point operations on lanes, exactly, in whatever mode FPCR says.
 * Ref: Arm ARM (DDI 0487), C7.2, shared/functions/float.
 */
#include "target/arm/helpers.h"

#include "accel/tcg/guest.h"
#include "fpu/arm.h"
#include "target/arm/cpu.h"
#include "target/arm/fp.h"
#include "target/arm/simd.h"

/* --- FPSR --- */

/* Exception flags of MXCSR. */
enum { MXCSR_IE = 1, MXCSR_ZE = 4, MXCSR_OE = 8, MXCSR_UE = 16, MXCSR_PE = 32 };

void arm_fp_accrue(struct arm_cpu *cpu, unsigned flags)
{
    if (!flags)
        return;
    if (flags & FP_ID)
        cpu->s.fpsr_idc = 1;
    uint32_t raised = (flags & FP_NV ? MXCSR_IE : 0) | (flags & FP_DZ ? MXCSR_ZE : 0) |
                      (flags & FP_OF ? MXCSR_OE : 0) | (flags & FP_UF ? MXCSR_UE : 0) |
                      (flags & FP_NX ? MXCSR_PE : 0);
    uint32_t mxcsr = guest_fpenv_get(&cpu->cpu);
    if (raised & ~mxcsr)
        guest_fpenv_set(&cpu->cpu, mxcsr | raised);
}

/* --- two operands --- */

static uint64_t lane_add(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_add(x->esz, n, m, &x->env);
}

static uint64_t lane_sub(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_sub(x->esz, n, m, &x->env);
}

static uint64_t lane_mul(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_mul(x->esz, n, m, &x->env);
}

static uint64_t lane_nmul(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_neg(x->esz, armfp_mul(x->esz, n, m, &x->env));
}

static uint64_t lane_mulx(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_mulx(x->esz, n, m, &x->env);
}

static uint64_t lane_div(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_div(x->esz, n, m, &x->env);
}

static uint64_t lane_max(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_max(x->esz, n, m, &x->env);
}

static uint64_t lane_min(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_min(x->esz, n, m, &x->env);
}

static uint64_t lane_maxnm(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_maxnm(x->esz, n, m, &x->env);
}

static uint64_t lane_minnm(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_minnm(x->esz, n, m, &x->env);
}

static uint64_t lane_abd(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_abs(x->esz, armfp_sub(x->esz, n, m, &x->env));
}

static uint64_t lane_mla(struct simd *x, uint64_t d, uint64_t n, uint64_t m)
{
    return armfp_fma(x->esz, d, n, m, 0, &x->env);
}

static uint64_t lane_mls(struct simd *x, uint64_t d, uint64_t n, uint64_t m)
{
    return armfp_fma(x->esz, d, n, m, FP_NEG_PRODUCT, &x->env);
}

static uint64_t lane_recps(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_recps(x->esz, n, m, &x->env);
}

static uint64_t lane_rsqrts(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return armfp_rsqrts(x->esz, n, m, &x->env);
}

/* --- comparison --- */

static uint64_t all_ones(bool is_true)
{
    return is_true ? UINT64_MAX : 0;
}

static uint64_t lane_cmeq(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return all_ones(armfp_eq(x->esz, n, m, &x->env));
}

static uint64_t lane_cmge(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return all_ones(armfp_ge(x->esz, n, m, &x->env));
}

static uint64_t lane_cmgt(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return all_ones(armfp_gt(x->esz, n, m, &x->env));
}

static uint64_t lane_acge(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return lane_cmge(x, 0, armfp_abs(x->esz, n), armfp_abs(x->esz, m));
}

static uint64_t lane_acgt(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m)
{
    return lane_cmgt(x, 0, armfp_abs(x->esz, n), armfp_abs(x->esz, m));
}

static uint64_t lane_cmeq0(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return lane_cmeq(x, 0, n, 0);
}

static uint64_t lane_cmge0(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return lane_cmge(x, 0, n, 0);
}

static uint64_t lane_cmgt0(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return lane_cmgt(x, 0, n, 0);
}

static uint64_t lane_cmle0(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return lane_cmge(x, 0, 0, n);
}

static uint64_t lane_cmlt0(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return lane_cmgt(x, 0, 0, n);
}

/* --- one operand --- */

static uint64_t lane_mov(struct simd *x UNUSED, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return n;
}

static uint64_t lane_abs(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_abs(x->esz, n);
}

static uint64_t lane_neg(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_neg(x->esz, n);
}

static uint64_t lane_sqrt(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_sqrt(x->esz, n, &x->env);
}

static uint64_t lane_recpe(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_recpe(x->esz, n, &x->env);
}

static uint64_t lane_rsqrte(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_rsqrte(x->esz, n, &x->env);
}

static uint64_t lane_recpx(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_recpx(x->esz, n, &x->env);
}

static uint64_t lane_rint(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_round_int(x->esz, n, x->imm, false, &x->env);
}

static uint64_t lane_rintx(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_round_int(x->esz, n, x->env.round, true, &x->env);
}

static uint64_t lane_rinti(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_round_int(x->esz, n, x->env.round, false, &x->env);
}

static uint64_t lane_rintts(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    enum fp_round rm = x->imm & 128 ? x->env.round : FP_RTZ;
    return armfp_round_size(x->esz, n, (x->imm & 127) + 31, rm, &x->env);
}

/* --- integers as wide as the lane --- */

static uint64_t to_int(struct simd *x, uint64_t n, bool is_signed, unsigned fraction, unsigned rm)
{
    struct armfp_int type = {x->bits, fraction, is_signed};
    return armfp_to_int(x->esz, n, type, rm, &x->env);
}

static uint64_t lane_to_s(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return to_int(x, n, true, 0, x->imm);
}

static uint64_t lane_to_u(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return to_int(x, n, false, 0, x->imm);
}

static uint64_t lane_to_sfix(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return to_int(x, n, true, x->imm, FP_RTZ);
}

static uint64_t lane_to_ufix(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return to_int(x, n, false, x->imm, FP_RTZ);
}

static uint64_t lane_scvtf(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_from_int(x->esz, n, (struct armfp_int){x->bits, x->imm, true}, &x->env);
}

static uint64_t lane_ucvtf(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_from_int(x->esz, n, (struct armfp_int){x->bits, x->imm, false}, &x->env);
}

/* --- between sizes; esz is the narrow one, fpcr lies in bits that env does not hold --- */

static uint64_t lane_cvtn(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_convert(x->esz, x->esz + 1, n, x->fpcr, &x->env);
}

static uint64_t lane_cvtxn(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    x->env.round = FP_ODD;
    return armfp_convert(x->esz, x->esz + 1, n, x->fpcr, &x->env);
}

static uint64_t lane_cvtl(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    return armfp_convert(x->esz + 1, x->esz, n, x->fpcr, &x->env);
}

/* The flush control of bfloat16 is that of singles, though esz says half. */
static uint64_t lane_bfcvt(struct simd *x, uint64_t d UNUSED, uint64_t n, uint64_t m UNUSED)
{
    x->env.flush_inputs = x->env.flush_outputs = x->fpcr & ARMFP_FZ;
    return armfp_to_bf16(n, &x->env);
}

/* --- products of narrow numbers --- */

/* imm: of the upper halves of the operands' halves. */
static void half_products(struct simd *x, union arm_vreg *r, const struct simd_operands *o,
                          bool negate)
{
    unsigned lanes = simd_lanes(x->w, 2), first = x->imm ? lanes : 0;
    for (unsigned i = 0; i < lanes; i++)
        r->s[i] = armfp_fma_half(o->d->s[i], o->n->h[first + i], o->m->h[first + i], negate,
                                 x->fpcr, &x->env);
}

static void whole_mlal(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    half_products(x, r, o, false);
}

static void whole_mlsl(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    half_products(x, r, o, true);
}

static uint64_t lane_bfdot(struct simd *x UNUSED, uint64_t d, uint64_t n, uint64_t m)
{
    return armfp_bf16_dot(d, n, m);
}

static void whole_bfmmla(struct simd *x UNUSED, union arm_vreg *r, const struct simd_operands *o)
{
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t *n = &o->n->s[i / 2 * 2], *m = &o->m->s[i % 2 * 2];
        r->s[i] = armfp_bf16_dot(armfp_bf16_dot(o->d->s[i], n[0], m[0]), n[1], m[1]);
    }
}

/* imm: of the odd elements. */
static uint64_t lane_bfmlal(struct simd *x, uint64_t d, uint64_t n, uint64_t m)
{
    unsigned shift = x->imm ? 0 : 16;
    uint32_t a = (uint32_t)n << shift & 0xffff0000, b = (uint32_t)m << shift & 0xffff0000;
    return armfp_fma(2, d, a, b, 0, &x->env);
}

/* --- complex numbers: even elements are real, odd ones imaginary parts --- */

static void whole_cadd(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    unsigned e = x->esz;
    for (unsigned i = 0; i < simd_lanes(x->w, e); i += 2) {
        uint64_t re = simd_get(o->m, e, i + 1), im = simd_get(o->m, e, i);
        if (x->imm == 1)
            re = armfp_neg(e, re);
        else
            im = armfp_neg(e, im);
        simd_put(r, e, i, armfp_add(e, simd_get(o->n, e, i), re, &x->env));
        simd_put(r, e, i + 1, armfp_add(e, simd_get(o->n, e, i + 1), im, &x->env));
    }
}

static void whole_cmla(struct simd *x, union arm_vreg *r, const struct simd_operands *o)
{
    unsigned e = x->esz, turn = x->imm & 1;
    for (unsigned i = 0; i < simd_lanes(x->w, e); i += 2) {
        uint64_t n = simd_get(o->n, e, i + turn);
        uint64_t re = simd_get(o->m, e, i + turn), im = simd_get(o->m, e, i + 1 - turn);
        if (x->imm == 1 || x->imm == 2)
            re = armfp_neg(e, re);
        if (x->imm >= 2)
            im = armfp_neg(e, im);
        simd_put(r, e, i, armfp_fma(e, simd_get(o->d, e, i), n, re, 0, &x->env));
        simd_put(r, e, i + 1, armfp_fma(e, simd_get(o->d, e, i + 1), n, im, 0, &x->env));
    }
}

/* --- the table --- */

#define LANE(shape, fn)                                                                            \
    {                                                                                              \
        SHAPE_##shape, false, lane_##fn, NULL                                                      \
    }
#define WHOLE(fn)                                                                                  \
    {                                                                                              \
        SHAPE_WHOLE, false, NULL, whole_##fn                                                       \
    }

/* clang-format off */
static const struct simd_kernel kernels[F_OPS] = {
    [F_ADD] = LANE(SAME, add), [F_SUB] = LANE(SAME, sub), [F_MUL] = LANE(SAME, mul),
    [F_NMUL] = LANE(SAME, nmul), [F_MULX] = LANE(SAME, mulx), [F_DIV] = LANE(SAME, div),
    [F_MAX] = LANE(SAME, max), [F_MIN] = LANE(SAME, min),
    [F_MAXNM] = LANE(SAME, maxnm), [F_MINNM] = LANE(SAME, minnm),
    [F_ABD] = LANE(SAME, abd), [F_MLA] = LANE(SAME, mla), [F_MLS] = LANE(SAME, mls),
    [F_RECPS] = LANE(SAME, recps), [F_RSQRTS] = LANE(SAME, rsqrts),
    [F_CMEQ] = LANE(SAME, cmeq), [F_CMGE] = LANE(SAME, cmge), [F_CMGT] = LANE(SAME, cmgt),
    [F_ACGE] = LANE(SAME, acge), [F_ACGT] = LANE(SAME, acgt),
    [F_CMEQ0] = LANE(SAME, cmeq0), [F_CMGE0] = LANE(SAME, cmge0),
    [F_CMGT0] = LANE(SAME, cmgt0), [F_CMLE0] = LANE(SAME, cmle0),
    [F_CMLT0] = LANE(SAME, cmlt0),
    [F_ADDP] = LANE(PAIR, add), [F_MAXP] = LANE(PAIR, max), [F_MINP] = LANE(PAIR, min),
    [F_MAXNMP] = LANE(PAIR, maxnm), [F_MINNMP] = LANE(PAIR, minnm),
    [F_MAXV] = LANE(FOLD, max), [F_MINV] = LANE(FOLD, min),
    [F_MAXNMV] = LANE(FOLD, maxnm), [F_MINNMV] = LANE(FOLD, minnm),
    [F_MOV] = LANE(SAME, mov), [F_ABS] = LANE(SAME, abs), [F_NEG] = LANE(SAME, neg),
    [F_SQRT] = LANE(SAME, sqrt), [F_RECPE] = LANE(SAME, recpe),
    [F_RSQRTE] = LANE(SAME, rsqrte), [F_RECPX] = LANE(SAME, recpx),
    [F_RINT] = LANE(SAME, rint), [F_RINTX] = LANE(SAME, rintx),
    [F_RINTI] = LANE(SAME, rinti), [F_RINTTS] = LANE(SAME, rintts),
    [F_TO_S] = LANE(SAME, to_s), [F_TO_U] = LANE(SAME, to_u),
    [F_TO_SFIX] = LANE(SAME, to_sfix), [F_TO_UFIX] = LANE(SAME, to_ufix),
    [F_SCVTF] = LANE(SAME, scvtf), [F_UCVTF] = LANE(SAME, ucvtf),
    [F_CVTN] = LANE(NARROW, cvtn), [F_CVTXN] = LANE(NARROW, cvtxn),
    [F_CVTL] = LANE(LONG, cvtl),
    [F_BFCVT] = LANE(NARROW, bfcvt), [F_BFCVTN] = LANE(NARROW, bfcvt),
    [F_MLAL] = WHOLE(mlal), [F_MLSL] = WHOLE(mlsl),
    [F_CMLA] = WHOLE(cmla), [F_CADD] = WHOLE(cadd),
    [F_BFDOT] = LANE(SAME, bfdot), [F_BFMMLA] = WHOLE(bfmmla), [F_BFMLAL] = LANE(SAME, bfmlal),
};
/* clang-format on */

/* --- helpers --- */

/* FPCR as an operation sees it. */
static uint32_t fpcr_of(const struct arm_cpu *cpu, uint32_t op)
{
    if (!(op & SIMD_STD))
        return cpu->s.fpcr;
    return (cpu->s.fpcr & (ARMFP_FZ16 | ARMFP_AHP)) | ARMFP_STANDARD;
}

const struct simd_kernel *simd_fp_kernel(unsigned op)
{
    return &kernels[op];
}

void helper_simd_fp(struct arm_cpu *cpu, uint32_t op, uint32_t desc)
{
    struct simd_desc a = simd_unpack(desc);
    uint32_t fpcr = fpcr_of(cpu, op);
    struct simd x = {.esz = a.esz, .w = a.w, .imm = a.imm, .fpcr = fpcr};
    union arm_vreg r = {.d = {0, 0}}, m = cpu->v[a.rm];
    if (op & SIMD_ELEM) {
        simd_broadcast(&m, &cpu->v[a.rm], a.ra, a.imm);
        x.imm = op >> SIMD_ROT_SHIFT & 3;
    }
    x.env = armfp_env(fpcr, x.esz);
    struct simd_operands o = {.n = &cpu->v[a.rn], .m = &m, .d = &cpu->v[a.rd]};
    simd_apply(&kernels[op & SIMD_OP], &x, &r, &o);
    cpu->v[a.rd] = r;
    arm_fp_accrue(cpu, x.env.flags);
}

void helper_fp_madd(struct arm_cpu *cpu, uint32_t desc)
{
    struct simd_desc a = simd_unpack(desc);
    struct fp_env env = armfp_env(cpu->s.fpcr, a.esz);
    uint64_t n = simd_get(&cpu->v[a.rn], a.esz, 0), m = simd_get(&cpu->v[a.rm], a.esz, 0);
    union arm_vreg r = {.d = {0, 0}};
    r.d[0] = armfp_fma(a.esz, simd_get(&cpu->v[a.ra], a.esz, 0), n, m, a.imm, &env);
    cpu->v[a.rd] = r;
    arm_fp_accrue(cpu, env.flags);
}

void helper_fp_cvt(struct arm_cpu *cpu, uint32_t desc)
{
    struct simd_desc a = simd_unpack(desc);
    struct fp_env env = armfp_env(cpu->s.fpcr, 2);
    union arm_vreg r = {.d = {0, 0}};
    r.d[0] = armfp_convert(a.imm, a.esz, simd_get(&cpu->v[a.rn], a.esz, 0), cpu->s.fpcr, &env);
    cpu->v[a.rd] = r;
    arm_fp_accrue(cpu, env.flags);
}

/* NZCV in bits 31..28; imm: 1 signalling, 2 with zero.  Unless it takes place: those in ra. */
uint32_t helper_fp_cmp(struct arm_cpu *cpu, uint32_t desc, uint32_t takes_place)
{
    struct simd_desc a = simd_unpack(desc);
    if (!takes_place)
        return (uint32_t)a.ra << 28;
    struct fp_env env = armfp_env(cpu->s.fpcr, a.esz);
    uint64_t n = simd_get(&cpu->v[a.rn], a.esz, 0);
    uint64_t m = a.imm & 2 ? 0 : simd_get(&cpu->v[a.rm], a.esz, 0);
    unsigned nzcv = armfp_compare(a.esz, n, m, a.imm & 1, &env);
    arm_fp_accrue(cpu, env.flags);
    return nzcv << 28;
}

/* What conversions with x registers share: the integer's type. */
static struct armfp_int int_type(uint32_t how)
{
    return (struct armfp_int){.bits = how & FP_INT_64 ? 64 : 32,
                              .fraction_bits = how & FP_INT_FRACTION,
                              .is_signed = how & FP_INT_SIGNED};
}

uint64_t helper_fp_to_x(struct arm_cpu *cpu, uint32_t desc, uint32_t how)
{
    struct simd_desc a = simd_unpack(desc);
    struct fp_env env = armfp_env(cpu->s.fpcr, a.esz);
    uint64_t n = simd_get(&cpu->v[a.rn], a.esz, 0);
    uint64_t r = armfp_to_int(a.esz, n, int_type(how), a.imm, &env);
    arm_fp_accrue(cpu, env.flags);
    return r;
}

void helper_fp_from_x(struct arm_cpu *cpu, uint32_t desc, uint32_t how, uint64_t value)
{
    struct simd_desc a = simd_unpack(desc);
    struct fp_env env = armfp_env(cpu->s.fpcr, a.esz);
    union arm_vreg r = {.d = {0, 0}};
    r.d[0] = armfp_from_int(a.esz, value, int_type(how), &env);
    cpu->v[a.rd] = r;
    arm_fp_accrue(cpu, env.flags);
}

/* The result, with bit 32 set where Z is. */
uint64_t helper_fp_to_js(struct arm_cpu *cpu, uint32_t desc)
{
    struct fp_env env = armfp_env(cpu->s.fpcr, 3);
    bool exact;
    uint32_t r = armfp_to_int_js(cpu->v[simd_unpack(desc).rn].d[0], &exact, &env);
    arm_fp_accrue(cpu, env.flags);
    return r | (uint64_t)exact << 32;
}
