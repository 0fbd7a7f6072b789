/* binary32: the public functions, by descriptor. Contracts in softfloat.h. */
#include "fpu/softfloat.h"
#include "fpu/softfloat_priv.h"

static const struct fp_format *const fmt = &fp_format_f32;

f32 f32_add(f32 a, f32 b, struct fp_env *env)
{
    return fp_add(fmt, a, b, env);
}

f32 f32_sub(f32 a, f32 b, struct fp_env *env)
{
    return fp_sub(fmt, a, b, env);
}

f32 f32_mul(f32 a, f32 b, struct fp_env *env)
{
    return fp_mul(fmt, a, b, env);
}

f32 f32_div(f32 a, f32 b, struct fp_env *env)
{
    return fp_div(fmt, a, b, env);
}

f32 f32_sqrt(f32 a, struct fp_env *env)
{
    return fp_sqrt(fmt, a, env);
}

f32 f32_fma(f32 a, f32 b, f32 c, int neg, struct fp_env *env)
{
    return fp_fma(fmt, (struct fp_fma_args){a, b, c, neg}, env);
}

f32 f32_min(f32 a, f32 b, struct fp_env *env)
{
    return fp_min(fmt, a, b, env);
}

f32 f32_max(f32 a, f32 b, struct fp_env *env)
{
    return fp_max(fmt, a, b, env);
}

f32 f32_minimum(f32 a, f32 b, struct fp_env *env)
{
    return fp_minimum(fmt, a, b, env);
}

f32 f32_maximum(f32 a, f32 b, struct fp_env *env)
{
    return fp_maximum(fmt, a, b, env);
}

bool f32_eq(f32 a, f32 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) == ORDER_EQUAL;
}

bool f32_lt_quiet(f32 a, f32 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) == ORDER_LESS;
}

bool f32_le_quiet(f32 a, f32 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) <= ORDER_EQUAL;
}

bool f32_unordered(f32 a, f32 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) == ORDER_NONE;
}

bool f32_lt(f32 a, f32 b, struct fp_env *env)
{
    return fp_compare(fmt, a, b, env) == ORDER_LESS;
}

bool f32_le(f32 a, f32 b, struct fp_env *env)
{
    return fp_compare(fmt, a, b, env) <= ORDER_EQUAL;
}

unsigned f32_class(f32 a)
{
    return fp_class(fmt, a);
}

f32 f32_round_int(f32 a, enum fp_round rm, bool exact, struct fp_env *env)
{
    return fp_round_int(fmt, a, rm, exact, env);
}

int32_t f32_to_i32(f32 a, enum fp_round rm, struct fp_env *env)
{
    return (int32_t)fp_to_int(fmt, a, rm, &fp_range_i32, env);
}

uint32_t f32_to_u32(f32 a, enum fp_round rm, struct fp_env *env)
{
    return (uint32_t)fp_to_int(fmt, a, rm, &fp_range_u32, env);
}

int64_t f32_to_i64(f32 a, enum fp_round rm, struct fp_env *env)
{
    return (int64_t)fp_to_int(fmt, a, rm, &fp_range_i64, env);
}

uint64_t f32_to_u64(f32 a, enum fp_round rm, struct fp_env *env)
{
    return (uint64_t)fp_to_int(fmt, a, rm, &fp_range_u64, env);
}

f32 f32_from_i32(int32_t x, struct fp_env *env)
{
    return fp_from_signed(fmt, x, env);
}

f32 f32_from_u32(uint32_t x, struct fp_env *env)
{
    return fp_from_unsigned(fmt, x, env);
}

f32 f32_from_i64(int64_t x, struct fp_env *env)
{
    return fp_from_signed(fmt, x, env);
}

f32 f32_from_u64(uint64_t x, struct fp_env *env)
{
    return fp_from_unsigned(fmt, x, env);
}

f16 f32_to_f16(f32 a, struct fp_env *env)
{
    return fp_convert(&fp_format_f16, fmt, a, env);
}

bf16 f32_to_bf16(f32 a, struct fp_env *env)
{
    return fp_convert(&fp_format_bf16, fmt, a, env);
}

f64 f32_to_f64(f32 a, struct fp_env *env)
{
    return fp_convert(&fp_format_f64, fmt, a, env);
}
