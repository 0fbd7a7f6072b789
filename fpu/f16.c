/* binary16: the public functions, by descriptor. Contracts in softfloat.h. */
#include "fpu/softfloat.h"
#include "fpu/softfloat_priv.h"

static const struct fp_format *const fmt = &fp_format_f16;

f16 f16_add(f16 a, f16 b, struct fp_env *env)
{
    return fp_add(fmt, a, b, env);
}

f16 f16_sub(f16 a, f16 b, struct fp_env *env)
{
    return fp_sub(fmt, a, b, env);
}

f16 f16_mul(f16 a, f16 b, struct fp_env *env)
{
    return fp_mul(fmt, a, b, env);
}

f16 f16_div(f16 a, f16 b, struct fp_env *env)
{
    return fp_div(fmt, a, b, env);
}

f16 f16_sqrt(f16 a, struct fp_env *env)
{
    return fp_sqrt(fmt, a, env);
}

f16 f16_fma(f16 a, f16 b, f16 c, int neg, struct fp_env *env)
{
    return fp_fma(fmt, (struct fp_fma_args){a, b, c, neg}, env);
}

f16 f16_min(f16 a, f16 b, struct fp_env *env)
{
    return fp_min(fmt, a, b, env);
}

f16 f16_max(f16 a, f16 b, struct fp_env *env)
{
    return fp_max(fmt, a, b, env);
}

f16 f16_minimum(f16 a, f16 b, struct fp_env *env)
{
    return fp_minimum(fmt, a, b, env);
}

f16 f16_maximum(f16 a, f16 b, struct fp_env *env)
{
    return fp_maximum(fmt, a, b, env);
}

bool f16_eq(f16 a, f16 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) == ORDER_EQUAL;
}

bool f16_lt_quiet(f16 a, f16 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) == ORDER_LESS;
}

bool f16_le_quiet(f16 a, f16 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) <= ORDER_EQUAL;
}

bool f16_unordered(f16 a, f16 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) == ORDER_NONE;
}

bool f16_lt(f16 a, f16 b, struct fp_env *env)
{
    return fp_compare(fmt, a, b, env) == ORDER_LESS;
}

bool f16_le(f16 a, f16 b, struct fp_env *env)
{
    return fp_compare(fmt, a, b, env) <= ORDER_EQUAL;
}

unsigned f16_class(f16 a)
{
    return fp_class(fmt, a);
}

f16 f16_round_int(f16 a, enum fp_round rm, bool exact, struct fp_env *env)
{
    return fp_round_int(fmt, a, rm, exact, env);
}

int32_t f16_to_i32(f16 a, enum fp_round rm, struct fp_env *env)
{
    return (int32_t)fp_to_int(fmt, a, rm, &fp_range_i32, env);
}

uint32_t f16_to_u32(f16 a, enum fp_round rm, struct fp_env *env)
{
    return (uint32_t)fp_to_int(fmt, a, rm, &fp_range_u32, env);
}

int64_t f16_to_i64(f16 a, enum fp_round rm, struct fp_env *env)
{
    return (int64_t)fp_to_int(fmt, a, rm, &fp_range_i64, env);
}

uint64_t f16_to_u64(f16 a, enum fp_round rm, struct fp_env *env)
{
    return (uint64_t)fp_to_int(fmt, a, rm, &fp_range_u64, env);
}

f16 f16_from_i32(int32_t x, struct fp_env *env)
{
    return fp_from_signed(fmt, x, env);
}

f16 f16_from_u32(uint32_t x, struct fp_env *env)
{
    return fp_from_unsigned(fmt, x, env);
}

f16 f16_from_i64(int64_t x, struct fp_env *env)
{
    return fp_from_signed(fmt, x, env);
}

f16 f16_from_u64(uint64_t x, struct fp_env *env)
{
    return fp_from_unsigned(fmt, x, env);
}

f32 f16_to_f32(f16 a, struct fp_env *env)
{
    return fp_convert(&fp_format_f32, fmt, a, env);
}

f64 f16_to_f64(f16 a, struct fp_env *env)
{
    return fp_convert(&fp_format_f64, fmt, a, env);
}
