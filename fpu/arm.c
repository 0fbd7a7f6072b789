/*
 * Arm's floating point over the common arithmetic: what rounds and chooses NaNs differently, and
 * what only Arm has. Ref: Arm ARM (DDI 0487) shared/functions/float; contracts in arm.h.
 */
#include "fpu/arm.h"

#include "fpu/softfloat_priv.h"

static const struct fp_format *format(unsigned esz)
{
    return esz == 1 ? &fp_format_f16 : esz == 2 ? &fp_format_f32 : &fp_format_f64;
}

static uint64_t sign_bit(unsigned esz)
{
    return UINT64_C(1) << ((8 << esz) - 1);
}

static bool has_sign(unsigned esz, uint64_t a)
{
    return a & sign_bit(esz);
}

enum fp_round armfp_round(uint32_t fpcr)
{
    static const uint8_t modes[4] = {FP_RNE, FP_RUP, FP_RDN, FP_RTZ};
    return modes[fpcr >> ARMFP_RMODE_SHIFT & 3];
}

struct fp_env armfp_env(uint32_t fpcr, unsigned esz)
{
    bool flush = fpcr & (esz == 1 ? ARMFP_FZ16 : ARMFP_FZ);
    return (struct fp_env){.round = armfp_round(fpcr),
                           .nan = fpcr & ARMFP_DN ? FP_NAN_DEFAULT : FP_NAN_ARM,
                           .tiny_before = true,
                           .flush_inputs = flush,
                           .flush_outputs = flush};
}

/* --- arithmetic --- */

uint64_t armfp_add(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    return fp_add(format(esz), a, b, env);
}

uint64_t armfp_sub(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    return fp_sub(format(esz), a, b, env);
}

uint64_t armfp_mul(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    return fp_mul(format(esz), a, b, env);
}

uint64_t armfp_div(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    return fp_div(format(esz), a, b, env);
}

uint64_t armfp_sqrt(unsigned esz, uint64_t a, struct fp_env *env)
{
    return fp_sqrt(format(esz), a, env);
}

uint64_t armfp_fma(unsigned esz, uint64_t c, uint64_t a, uint64_t b, int neg, struct fp_env *env)
{
    return fp_fma(format(esz), (struct fp_fma_args){a, b, c, neg}, env);
}

uint64_t armfp_neg(unsigned esz, uint64_t a)
{
    return a ^ sign_bit(esz);
}

uint64_t armfp_abs(unsigned esz, uint64_t a)
{
    return a & ~sign_bit(esz);
}

/* Zero times infinity; flags as if nothing had been looked at. */
static bool is_zero_by_infinity(unsigned esz, uint64_t a, uint64_t b, const struct fp_env *env)
{
    struct fp_env quiet = *env;
    struct fp_num x = fp_unpack(format(esz), a, &quiet), y = fp_unpack(format(esz), b, &quiet);
    return (x.kind == KIND_ZERO && y.kind == KIND_INF) ||
           (x.kind == KIND_INF && y.kind == KIND_ZERO);
}

/* Operands are looked at, which may raise FP_ID. */
static void note_operands(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    fp_unpack(format(esz), a, env);
    fp_unpack(format(esz), b, env);
}

/* n / 2 of a size. */
static uint64_t halves(unsigned esz, bool sign, unsigned n)
{
    struct fp_env exact = {0};
    struct fp_num r = fp_normalise(sign, 126, n);
    return fp_pack(format(esz), &r, &exact);
}

uint64_t armfp_mulx(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    if (!is_zero_by_infinity(esz, a, b, env))
        return armfp_mul(esz, a, b, env);
    note_operands(esz, a, b, env);
    return halves(esz, has_sign(esz, a ^ b), 4);
}

uint64_t armfp_recps(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    uint64_t two = halves(esz, false, 4);
    if (!is_zero_by_infinity(esz, a, b, env))
        return armfp_fma(esz, two, a, b, FP_NEG_PRODUCT, env);
    note_operands(esz, a, b, env);
    return two;
}

uint64_t armfp_rsqrts(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    const struct fp_format *f = format(esz);
    if (is_zero_by_infinity(esz, a, b, env)) {
        note_operands(esz, a, b, env);
        return halves(esz, false, 3);
    }
    struct fp_num x = fp_unpack(f, armfp_neg(esz, a), env), y = fp_unpack(f, b, env);
    struct fp_num three = fp_normalise(false, 127, 3);
    struct fp_num r = fp_multiply_add(&x, &y, &three, env);
    r.exp--; /* only a finite number has one */
    return fp_pack(f, &r, env);
}

/* --- estimates --- */

unsigned armfp_recip_estimate(unsigned a)
{
    unsigned b = (1 << 19) / (2 * a + 1);
    return (b + 1) / 2;
}

unsigned armfp_rsqrt_estimate(unsigned a)
{
    a = a < 256 ? 2 * a + 1 : a / 2 * 4 + 2;
    unsigned b = 512;
    while (a * (b + 1) * (b + 1) < 1u << 28)
        b++;
    return (b + 1) / 2;
}

static uint64_t process_nan(unsigned esz, const struct fp_num *n, struct fp_env *env)
{
    struct fp_num r = fp_pick_nan(&n, 1, env);
    return fp_pack(format(esz), &r, env);
}

static uint64_t infinity(unsigned esz, bool sign)
{
    struct fp_env exact = {0};
    struct fp_num r = {.kind = KIND_INF, .sign = sign};
    return fp_pack(format(esz), &r, &exact);
}

static uint64_t divided_by_zero(unsigned esz, bool sign, struct fp_env *env)
{
    env->flags |= FP_DZ;
    return infinity(esz, sign);
}

/* 1/a is beyond the largest number: the first that overflows, as the rounding mode says. */
static uint64_t estimate_overflow(unsigned esz, bool sign, struct fp_env *env)
{
    bool up = env->round == FP_RNE || env->round == (sign ? FP_RDN : FP_RUP);
    env->flags |= FP_OF | FP_NX;
    return infinity(esz, sign) - !up;
}

/* sign, exponent field and the leading 8 bits of a fraction. */
static uint64_t assemble(unsigned esz, bool sign, int exp, unsigned frac8, unsigned shift)
{
    const struct fp_format *f = format(esz);
    /* frac8 stands in a fraction of `shift` places less, with its leading one if that is in view */
    uint64_t frac = ((uint64_t)frac8 << (f->frac_bits - 8)) >> shift;
    return (sign ? sign_bit(esz) : 0) | (uint64_t)exp << f->frac_bits | frac;
}

uint64_t armfp_recpe(unsigned esz, uint64_t a, struct fp_env *env)
{
    const struct fp_format *f = format(esz);
    struct fp_num n = fp_unpack(f, a, env);
    int bias = 1 - fp_min_exp(f), exp = n.exp;
    if (fp_is_nan(&n))
        return process_nan(esz, &n, env);
    if (n.kind == KIND_INF)
        return n.sign ? sign_bit(esz) : 0;
    if (n.kind == KIND_ZERO)
        return divided_by_zero(esz, n.sign, env);
    if (exp < -bias - 1)
        return estimate_overflow(esz, n.sign, env);
    if (env->flush_outputs && exp >= bias - 1) {
        env->flags |= FP_UF;
        return n.sign ? sign_bit(esz) : 0;
    }
    unsigned estimate = armfp_recip_estimate(n.sig >> 119);
    int biased = bias - 1 - exp; /* of the result: 1/2 < mantissa of the reciprocal <= 1 */
    if (biased > 0)
        return assemble(esz, n.sign, biased, estimate & 0xff, 0);
    return assemble(esz, n.sign, 0, estimate, 1 - biased);
}

uint64_t armfp_rsqrte(unsigned esz, uint64_t a, struct fp_env *env)
{
    const struct fp_format *f = format(esz);
    struct fp_num n = fp_unpack(f, a, env);
    int bias = 1 - fp_min_exp(f);
    if (fp_is_nan(&n))
        return process_nan(esz, &n, env);
    if (n.kind == KIND_ZERO)
        return divided_by_zero(esz, n.sign, env);
    if (n.sign) {
        struct fp_num nan = fp_invalid(env);
        return fp_pack(f, &nan, env);
    }
    if (n.kind == KIND_INF)
        return 0;
    /* The mantissa in [1/4, 1): of 9 bits for odd exponents, of 8 for even ones. */
    bool odd = n.exp & 1;
    unsigned estimate = armfp_rsqrt_estimate(odd ? n.sig >> 119 : n.sig >> 120);
    int half = (n.exp - odd) / 2;
    return assemble(esz, false, bias - 1 - half, estimate & 0xff, 0);
}

uint64_t armfp_recpx(unsigned esz, uint64_t a, struct fp_env *env)
{
    const struct fp_format *f = format(esz);
    struct fp_num n = fp_unpack(f, a, env);
    if (fp_is_nan(&n))
        return process_nan(esz, &n, env);
    uint64_t ones = (UINT64_C(1) << f->exp_bits) - 1, exp = a >> f->frac_bits & ones;
    exp = exp ? ~exp & ones : ones - 1;
    return (a & sign_bit(esz)) | exp << f->frac_bits;
}

/* --- comparison --- */

uint64_t armfp_max(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    return fp_maximum(format(esz), a, b, env);
}

uint64_t armfp_min(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    return fp_minimum(format(esz), a, b, env);
}

/* Replace a quiet NaN by `missing` when the other operand is a number. */
static void drop_nan(unsigned esz, uint64_t *a, uint64_t *b, uint64_t missing,
                     const struct fp_env *env)
{
    struct fp_env quiet = *env;
    struct fp_num x = fp_unpack(format(esz), *a, &quiet), y = fp_unpack(format(esz), *b, &quiet);
    if (x.kind == KIND_QNAN && !fp_is_nan(&y))
        *a = missing;
    else if (y.kind == KIND_QNAN && !fp_is_nan(&x))
        *b = missing;
}

uint64_t armfp_maxnm(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    drop_nan(esz, &a, &b, infinity(esz, true), env);
    return armfp_max(esz, a, b, env);
}

uint64_t armfp_minnm(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    drop_nan(esz, &a, &b, infinity(esz, false), env);
    return armfp_min(esz, a, b, env);
}

bool armfp_eq(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    return fp_compare_quiet(format(esz), a, b, env) == ORDER_EQUAL;
}

bool armfp_ge(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    enum fp_order order = fp_compare(format(esz), a, b, env);
    return order == ORDER_GREATER || order == ORDER_EQUAL;
}

bool armfp_gt(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env)
{
    return fp_compare(format(esz), a, b, env) == ORDER_GREATER;
}

unsigned armfp_compare(unsigned esz, uint64_t a, uint64_t b, bool is_signalling, struct fp_env *env)
{
    const struct fp_format *f = format(esz);
    switch (is_signalling ? fp_compare(f, a, b, env) : fp_compare_quiet(f, a, b, env)) {
    case ORDER_LESS: return 8;
    case ORDER_EQUAL: return 6;
    case ORDER_GREATER: return 2;
    case ORDER_NONE: break;
    }
    return 3;
}

/* --- integers --- */

uint64_t armfp_round_int(unsigned esz, uint64_t a, enum fp_round rm, bool exact, struct fp_env *env)
{
    return fp_round_int(format(esz), a, rm, exact, env);
}

uint64_t armfp_round_size(unsigned esz, uint64_t a, unsigned bits, enum fp_round rm,
                          struct fp_env *env)
{
    const struct fp_format *f = format(esz);
    struct fp_num n = fp_unpack(f, a, env);
    bool inexact = false;
    u128 magnitude = fp_is_nan(&n) ? FP_SIG_TOP : fp_integer_magnitude(&n, rm, &inexact);
    u128 limit = (u128)1 << (bits - 1);
    struct fp_env exact = {0};
    if (magnitude > limit || (magnitude == limit && !n.sign)) {
        env->flags |= FP_NV;
        n = fp_normalise(true, 127, limit);
    } else {
        env->flags |= inexact ? FP_NX : 0;
        n = fp_normalise(n.sign, 127, magnitude);
    }
    return fp_pack(f, &n, &exact);
}

uint64_t armfp_to_int(unsigned esz, uint64_t a, struct armfp_int type, enum fp_round rm,
                      struct fp_env *env)
{
    struct fp_num n = fp_unpack(format(esz), a, env);
    bool inexact = false;
    u128 top = (u128)1 << (type.bits - type.is_signed);
    u128 limit = n.sign ? (type.is_signed ? top : 0) : top - 1;
    u128 magnitude = 0;
    if (fp_is_nan(&n)) {
        env->flags |= FP_NV;
        return 0;
    }
    n.exp += type.fraction_bits;
    magnitude = fp_integer_magnitude(&n, rm, &inexact);
    if (magnitude > limit) {
        env->flags |= FP_NV;
        magnitude = limit;
    } else if (inexact) {
        env->flags |= FP_NX;
    }
    uint64_t r = n.sign ? -(uint64_t)magnitude : (uint64_t)magnitude;
    return type.bits < 64 ? r & ((UINT64_C(1) << type.bits) - 1) : r;
}

uint64_t armfp_from_int(unsigned esz, uint64_t x, struct armfp_int type, struct fp_env *env)
{
    bool negative = type.is_signed && x >> (type.bits - 1) & 1;
    if (negative)
        x = -x;
    if (type.bits < 64)
        x &= (UINT64_C(1) << type.bits) - 1;
    struct fp_num n = fp_normalise(negative, 63 - type.fraction_bits, (u128)x << 64);
    return fp_pack(format(esz), &n, env);
}

uint32_t armfp_to_int_js(uint64_t a, bool *exact, struct fp_env *env)
{
    uint8_t before = env->flags;
    env->flags = 0;
    struct fp_num n = fp_unpack(&fp_format_f64, a, env);
    fp_to_int(&fp_format_f64, a, FP_RTZ, &fp_range_i32, env); /* for its flags */
    *exact = !env->flags && !(n.kind == KIND_ZERO && n.sign);
    env->flags |= before;
    struct fp_env ignored = {0};
    return env->flush_inputs && n.kind == KIND_ZERO
               ? 0
               : (uint32_t)fp_to_i32_mod(&fp_format_f64, a, &ignored);
}

/* --- conversion --- */

/* Arm's alternative half precision: its largest exponent is one of numbers. */
static struct fp_num unpack_half_alt(uint16_t a, struct fp_env *env)
{
    if ((a & 0x7c00) != 0x7c00)
        return fp_unpack(&fp_format_f16, a, env);
    return fp_normalise(a >> 15, 127 + 6, (a & 0x3ff) | 0x400);
}

static uint16_t pack_half_alt(const struct fp_num *n, struct fp_env *env)
{
    uint16_t sign = n->sign ? 0x8000 : 0;
    if (fp_is_nan(n) || n->kind == KIND_INF || (n->kind == KIND_FINITE && n->exp > 16)) {
        env->flags |= FP_NV;
        return fp_is_nan(n) ? sign : sign | 0x7fff;
    }
    if (n->kind == KIND_ZERO || n->exp < 15)
        return fp_pack(&fp_format_f16, n, env);
    /* Rounded two binades lower, where there is room above. */
    struct fp_num low = *n;
    low.exp -= 2;
    struct fp_env rounding = *env;
    rounding.flags = 0;
    unsigned bits = (fp_pack(&fp_format_f16, &low, &rounding) & 0x7fff) + 0x800;
    env->flags |= bits > 0x7fff ? FP_NV : rounding.flags;
    return sign | (bits > 0x7fff ? 0x7fff : bits);
}

uint64_t armfp_convert(unsigned to, unsigned from, uint64_t a, uint32_t fpcr, struct fp_env *env)
{
    env->flush_inputs = from != 1 && fpcr & ARMFP_FZ;
    env->flush_outputs = to != 1 && fpcr & ARMFP_FZ;
    struct fp_num n =
        from == 1 && fpcr & ARMFP_AHP ? unpack_half_alt(a, env) : fp_unpack(format(from), a, env);
    if (to == 1 && fpcr & ARMFP_AHP)
        return pack_half_alt(&n, env);
    if (fp_is_nan(&n)) {
        const struct fp_num *op = &n;
        n = fp_pick_nan(&op, 1, env);
    }
    return fp_pack(format(to), &n, env);
}

uint16_t armfp_to_bf16(uint32_t a, struct fp_env *env)
{
    return fp_convert(&fp_format_bf16, &fp_format_f32, a, env);
}

/* --- products of narrow numbers --- */

uint32_t armfp_fma_half(uint32_t c, uint16_t a, uint16_t b, bool negate, uint32_t fpcr,
                        struct fp_env *env)
{
    struct fp_env half = armfp_env(fpcr, 1);
    struct fp_num z = fp_unpack(&fp_format_f32, c, env);
    struct fp_num x = fp_unpack(&fp_format_f16, a ^ (negate ? 0x8000 : 0), &half);
    struct fp_num y = fp_unpack(&fp_format_f16, b, &half);
    struct fp_num r = fp_multiply_add(&x, &y, &z, env);
    return fp_pack(&fp_format_f32, &r, env);
}

/* Overflow gives infinity, though all other rounding is to odd (BFRound). */
static uint32_t bf16_rounded(uint32_t r, const struct fp_env *env)
{
    return env->flags & FP_OF ? infinity(2, has_sign(2, r)) : r;
}

static uint32_t bf16_mul(uint32_t a, uint32_t b)
{
    struct fp_env env = {
        .round = FP_ODD, .tiny_before = true, .flush_inputs = true, .flush_outputs = true};
    return bf16_rounded(fp_mul(&fp_format_f32, a, b, &env), &env);
}

static uint32_t bf16_add(uint32_t a, uint32_t b)
{
    struct fp_env env = {
        .round = FP_ODD, .tiny_before = true, .flush_inputs = true, .flush_outputs = true};
    return bf16_rounded(fp_add(&fp_format_f32, a, b, &env), &env);
}

uint32_t armfp_bf16_dot(uint32_t c, uint32_t a, uint32_t b)
{
    uint32_t low = bf16_mul(a << 16, b << 16);
    uint32_t high = bf16_mul(a & 0xffff0000, b & 0xffff0000);
    return bf16_add(c, bf16_add(low, high));
}
