/*
 * Conversions between formats, to and from integers, and rounding to integral values.
 * Ref: IEEE Std 754-2019 clauses 5.3.1, 5.4.1, 5.4.2, 5.8, 5.9; RISC-V F 2.7, Zfa.
 */
#include "fpu/softfloat.h"
#include "fpu/softfloat_priv.h"

const struct fp_int_range fp_range_i32 = {.negative = 1ull << 31, .positive = INT32_MAX};
const struct fp_int_range fp_range_u32 = {.negative = 0, .positive = UINT32_MAX};
const struct fp_int_range fp_range_i64 = {.negative = 1ull << 63, .positive = INT64_MAX};
const struct fp_int_range fp_range_u64 = {.negative = 0, .positive = UINT64_MAX};

u128 fp_integer_magnitude(const struct fp_num *n, enum fp_round rm, bool *inexact)
{
    *inexact = false;
    if (n->kind != KIND_FINITE || n->exp >= 127)
        return n->kind == KIND_ZERO ? 0 : FP_SIG_TOP;
    u128 kept = n->exp < 0 ? 0 : n->sig >> (127 - n->exp);
    u128 rest = n->exp < 0 ? fp_shift_right_jam(n->sig, -1 - n->exp) : n->sig << (n->exp + 1);
    *inexact = rest != 0;
    return kept + fp_rounds_up(rm, n->sign, kept & 1, rest);
}

uint64_t fp_to_int(const struct fp_format *f, uint64_t a, enum fp_round rm,
                   const struct fp_int_range *range, struct fp_env *env)
{
    struct fp_num n = fp_unpack(f, a, env);
    bool inexact, negative = n.sign && !fp_is_nan(&n);
    u128 magnitude = fp_integer_magnitude(&n, rm, &inexact);
    uint64_t limit = negative ? range->negative : range->positive;
    if (magnitude > limit) {
        env->flags |= FP_NV; /* and not NX: 5.8 */
        magnitude = limit;
    } else if (inexact) {
        env->flags |= FP_NX;
    }
    return negative ? -(uint64_t)magnitude : (uint64_t)magnitude;
}

int32_t fp_to_i32_mod(const struct fp_format *f, uint64_t a, struct fp_env *env)
{
    fp_to_int(f, a, FP_RTZ, &fp_range_i32, env); /* for its flags */
    struct fp_env ignored = {0};
    struct fp_num n = fp_unpack(f, a, &ignored);
    /* From 2^127 on, binary64 and narrower hold only multiples of 2^32. */
    if (n.kind != KIND_FINITE || n.exp < 0 || n.exp > 127)
        return 0;
    uint32_t low = n.sig >> (127 - n.exp);
    return (int32_t)(n.sign ? -low : low);
}

uint64_t fp_from_unsigned(const struct fp_format *f, uint64_t x, struct fp_env *env)
{
    struct fp_num n = fp_normalise(false, 63, (u128)x << 64);
    return fp_pack(f, &n, env);
}

uint64_t fp_from_signed(const struct fp_format *f, int64_t x, struct fp_env *env)
{
    uint64_t magnitude = x < 0 ? -(uint64_t)x : (uint64_t)x;
    struct fp_num n = fp_normalise(x < 0, 63, (u128)magnitude << 64);
    return fp_pack(f, &n, env);
}

uint64_t fp_round_int(const struct fp_format *f, uint64_t a, enum fp_round rm, bool exact,
                      struct fp_env *env)
{
    struct fp_num n = fp_unpack(f, a, env);
    if (fp_is_nan(&n)) {
        const struct fp_num *op = &n;
        n = fp_pick_nan(&op, 1, env);
    } else if (n.kind == KIND_FINITE && n.exp < f->frac_bits) { /* else integral already */
        bool inexact;
        n = fp_normalise(n.sign, 127, fp_integer_magnitude(&n, rm, &inexact));
        if (inexact && exact)
            env->flags |= FP_NX;
    }
    return fp_pack(f, &n, env);
}

uint64_t fp_convert(const struct fp_format *to, const struct fp_format *from, uint64_t a,
                    struct fp_env *env)
{
    struct fp_num n = fp_unpack(from, a, env);
    if (fp_is_nan(&n)) {
        const struct fp_num *op = &n;
        n = fp_pick_nan(&op, 1, env);
    }
    fp_note_subnormal(n.subnormal, env);
    return fp_pack(to, &n, env);
}
