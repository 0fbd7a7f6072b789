/*
 * Unpacking, rounding, packing and the choice of NaNs, for every format alike.
 * Ref: IEEE Std 754-2019 clauses 3.4, 4.3, 6.2, 7; Intel SDM vol. 1 chapters 4.8, 4.9, 11.5;
 * Arm ARM (DDI 0487) shared/functions/float: FPUnpack, FPRound, FPProcessNaNs.
 */
#include "fpu/softfloat.h"
#include "fpu/softfloat_priv.h"

#include <stddef.h>

const struct fp_format fp_format_f16 = {.frac_bits = 10, .exp_bits = 5, .hides_subnormals = true};
const struct fp_format fp_format_bf16 = {.frac_bits = 7, .exp_bits = 8};
const struct fp_format fp_format_f32 = {.frac_bits = 23, .exp_bits = 8};
const struct fp_format fp_format_f64 = {.frac_bits = 52, .exp_bits = 11};

static uint32_t max_biased(const struct fp_format *f)
{
    return (1u << f->exp_bits) - 1;
}

static int32_t bias(const struct fp_format *f)
{
    return max_biased(f) >> 1;
}

/* How far the fraction's last bit lies from bit 0 of an unpacked significand. */
static unsigned drop_bits(const struct fp_format *f)
{
    return 127 - f->frac_bits;
}

static uint64_t with_sign(const struct fp_format *f, bool sign, uint64_t magnitude)
{
    return (uint64_t)sign << (f->frac_bits + f->exp_bits) | magnitude;
}

static uint64_t infinity(const struct fp_format *f)
{
    return (uint64_t)max_biased(f) << f->frac_bits;
}

struct fp_num fp_normalise(bool sign, int32_t exp, u128 sig)
{
    if (sig == 0)
        return (struct fp_num){.kind = KIND_ZERO, .sign = sign};
    unsigned shift = fp_clz128(sig);
    return (struct fp_num){
        .kind = KIND_FINITE, .sign = sign, .exp = exp - (int32_t)shift, .sig = sig << shift};
}

static struct fp_num unpack_subnormal(const struct fp_format *f, bool sign, u128 sig,
                                      struct fp_env *env)
{
    if (env->flush_inputs) {
        /* Arm FPUnpack: IDC for what is flushed. x86 DAZ is silent (SDM vol. 1, 10.2.3.4). */
        if (env->nan != FP_NAN_X86 && !f->hides_subnormals)
            env->flags |= FP_ID;
        sig = 0;
    }
    struct fp_num n = fp_normalise(sign, fp_min_exp(f), sig);
    n.subnormal = n.kind == KIND_FINITE && !f->hides_subnormals;
    return n;
}

struct fp_num fp_unpack(const struct fp_format *f, uint64_t bits, struct fp_env *env)
{
    bool sign = bits >> (f->frac_bits + f->exp_bits) & 1;
    uint32_t biased = bits >> f->frac_bits & max_biased(f);
    u128 sig = (u128)(bits & ((1ull << f->frac_bits) - 1)) << drop_bits(f);

    if (biased == 0 && sig == 0)
        return (struct fp_num){.kind = KIND_ZERO, .sign = sign};
    if (biased == 0)
        return unpack_subnormal(f, sign, sig, env);
    struct fp_num n = {.kind = KIND_FINITE, .sign = sign, .exp = biased - bias(f), .sig = sig};
    if (biased == max_biased(f))
        n.kind = sig == 0 ? KIND_INF : sig & FP_SIG_QUIET ? KIND_QNAN : KIND_SNAN;
    else
        n.sig |= FP_SIG_TOP;
    return n;
}

bool fp_rounds_up(enum fp_round rm, bool sign, bool odd, u128 rest)
{
    const u128 half = FP_SIG_TOP;
    switch (rm) {
    case FP_RNE: return rest > half || (rest == half && odd);
    case FP_RTZ: return false;
    case FP_RDN: return rest && sign;
    case FP_RUP: return rest && !sign;
    case FP_RMM: return rest >= half;
    case FP_ODD: return rest && !odd;
    }
    return false;
}

/* 7.4: the modes that never round away from zero stop at the largest finite number. */
static uint64_t overflow(const struct fp_format *f, bool sign, struct fp_env *env)
{
    env->flags |= FP_OF | (env->trapped & FP_OF ? 0 : FP_NX);
    bool to_infinity =
        env->round == FP_RNE || env->round == FP_RMM || env->round == (sign ? FP_RDN : FP_RUP);
    return with_sign(f, sign, infinity(f) - !to_infinity);
}

/*
 * Is n, which lies `depth` >= 1 binades below the normal numbers, tiny (7.5)? After rounding means
 * as if the exponent were unbounded: only the highest binade can still escape, by a carry.
 */
static bool is_tiny(const struct fp_format *f, const struct fp_num *n, unsigned depth,
                    const struct fp_env *env)
{
    if (env->tiny_before || depth > 1)
        return true;
    uint64_t kept = n->sig >> drop_bits(f);
    bool carries = (kept + 1) >> (f->frac_bits + 1);
    return !carries || !fp_rounds_up(env->round, n->sign, true, n->sig << (f->frac_bits + 1));
}

/* Rounds sig, whose fraction field starts at drop_bits, and adds it on the exponent field. */
static uint64_t round_magnitude(const struct fp_format *f, uint64_t biased, u128 sig, bool sign,
                                struct fp_env *env)
{
    uint64_t kept = sig >> drop_bits(f);
    u128 rest = sig << (f->frac_bits + 1);
    if (rest)
        env->flags |= FP_NX;
    /* The leading one, or a carry out of the fraction, falls into the exponent field. */
    return (biased << f->frac_bits) + kept + fp_rounds_up(env->round, sign, kept & 1, rest);
}

static uint64_t pack_small(const struct fp_format *f, const struct fp_num *n, unsigned depth,
                           struct fp_env *env)
{
    bool tiny = is_tiny(f, n, depth, env);
    if (tiny && env->trapped & FP_UF) {
        env->flags |= FP_UF;
        return with_sign(f, n->sign, round_magnitude(f, 0, n->sig, n->sign, env));
    }
    if (tiny && env->flush_outputs) {
        /* Arm FPRound raises UFC alone; x86 FTZ raises PE too (SDM vol. 1, 10.2.3.3). */
        env->flags |= FP_UF | (env->tiny_before ? 0 : FP_NX);
        return with_sign(f, n->sign, 0);
    }
    u128 sig = fp_shift_right_jam(n->sig, depth);
    /* 7.5: an exact subnormal raises nothing. */
    if (tiny && sig << (f->frac_bits + 1))
        env->flags |= FP_UF;
    return with_sign(f, n->sign, round_magnitude(f, 0, sig, n->sign, env));
}

static uint64_t pack_finite(const struct fp_format *f, const struct fp_num *n, struct fp_env *env)
{
    int32_t biased = n->exp + bias(f);
    if (biased <= 0)
        return pack_small(f, n, 1 - biased, env);
    bool too_large = biased >= (int32_t)max_biased(f);
    if (too_large && !(env->trapped & FP_OF))
        return overflow(f, n->sign, env);
    uint64_t bits =
        round_magnitude(f, (too_large ? (int32_t)max_biased(f) : biased) - 1, n->sig, n->sign, env);
    if (too_large)
        return overflow(f, n->sign, env);
    return bits < infinity(f) ? with_sign(f, n->sign, bits) : overflow(f, n->sign, env);
}

uint64_t fp_pack(const struct fp_format *f, const struct fp_num *n, struct fp_env *env)
{
    if (n->kind == KIND_FINITE)
        return pack_finite(f, n, env);
    if (n->kind == KIND_ZERO)
        return with_sign(f, n->sign, 0);
    uint64_t frac = n->kind == KIND_INF ? 0 : n->sig >> drop_bits(f);
    return with_sign(f, n->sign, infinity(f) | frac);
}

/* SDM vol. 1, 4.8.3.7 "real indefinite"; RISC-V F 2.1 "canonical NaN"; Arm FPDefaultNaN. */
struct fp_num fp_default_nan(const struct fp_env *env)
{
    return (struct fp_num){.kind = KIND_QNAN, .sign = env->nan == FP_NAN_X86, .sig = FP_SIG_QUIET};
}

struct fp_num fp_invalid(struct fp_env *env)
{
    env->flags |= FP_NV;
    return fp_default_nan(env);
}

/* SDM vol. 1, table 4-7 (SSE column); Arm FPProcessNaNs: the first that signals goes first. */
struct fp_num fp_pick_nan(const struct fp_num *const *ops, unsigned n, struct fp_env *env)
{
    const struct fp_num *first = NULL, *signalling = NULL;
    for (unsigned i = n; i-- > 0;) {
        if (fp_is_nan(ops[i]))
            first = ops[i];
        if (ops[i]->kind == KIND_SNAN)
            signalling = ops[i];
    }
    if (signalling)
        env->flags |= FP_NV;
    if (env->nan == FP_NAN_DEFAULT)
        return fp_default_nan(env);
    struct fp_num nan = signalling && env->nan == FP_NAN_ARM ? *signalling : *first;
    nan.kind = KIND_QNAN;
    nan.sig |= FP_SIG_QUIET;
    return nan;
}
