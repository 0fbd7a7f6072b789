/* binary64: the public functions, by descriptor. Contracts in softfloat.h. */
#include "fpu/softfloat.h"
#include "fpu/softfloat_priv.h"

static const struct fp_format *const fmt = &fp_format_f64;

f64 f64_add(f64 a, f64 b, struct fp_env *env)
{
    return fp_add(fmt, a, b, env);
}

f64 f64_sub(f64 a, f64 b, struct fp_env *env)
{
    return fp_sub(fmt, a, b, env);
}

f64 f64_mul(f64 a, f64 b, struct fp_env *env)
{
    return fp_mul(fmt, a, b, env);
}

f64 f64_div(f64 a, f64 b, struct fp_env *env)
{
    return fp_div(fmt, a, b, env);
}

f64 f64_sqrt(f64 a, struct fp_env *env)
{
    return fp_sqrt(fmt, a, env);
}

f64 f64_fma(f64 a, f64 b, f64 c, int neg, struct fp_env *env)
{
    return fp_fma(fmt, (struct fp_fma_args){a, b, c, neg}, env);
}

f64 f64_min(f64 a, f64 b, struct fp_env *env)
{
    return fp_min(fmt, a, b, env);
}

f64 f64_max(f64 a, f64 b, struct fp_env *env)
{
    return fp_max(fmt, a, b, env);
}

f64 f64_minimum(f64 a, f64 b, struct fp_env *env)
{
    return fp_minimum(fmt, a, b, env);
}

f64 f64_maximum(f64 a, f64 b, struct fp_env *env)
{
    return fp_maximum(fmt, a, b, env);
}

bool f64_eq(f64 a, f64 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) == ORDER_EQUAL;
}

bool f64_lt_quiet(f64 a, f64 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) == ORDER_LESS;
}

bool f64_le_quiet(f64 a, f64 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) <= ORDER_EQUAL;
}

bool f64_unordered(f64 a, f64 b, struct fp_env *env)
{
    return fp_compare_quiet(fmt, a, b, env) == ORDER_NONE;
}

bool f64_lt(f64 a, f64 b, struct fp_env *env)
{
    return fp_compare(fmt, a, b, env) == ORDER_LESS;
}

bool f64_le(f64 a, f64 b, struct fp_env *env)
{
    return fp_compare(fmt, a, b, env) <= ORDER_EQUAL;
}

unsigned f64_class(f64 a)
{
    return fp_class(fmt, a);
}

f64 f64_round_int(f64 a, enum fp_round rm, bool exact, struct fp_env *env)
{
    return fp_round_int(fmt, a, rm, exact, env);
}

int32_t f64_to_i32(f64 a, enum fp_round rm, struct fp_env *env)
{
    return (int32_t)fp_to_int(fmt, a, rm, &fp_range_i32, env);
}

uint32_t f64_to_u32(f64 a, enum fp_round rm, struct fp_env *env)
{
    return (uint32_t)fp_to_int(fmt, a, rm, &fp_range_u32, env);
}

int64_t f64_to_i64(f64 a, enum fp_round rm, struct fp_env *env)
{
    return (int64_t)fp_to_int(fmt, a, rm, &fp_range_i64, env);
}

uint64_t f64_to_u64(f64 a, enum fp_round rm, struct fp_env *env)
{
    return (uint64_t)fp_to_int(fmt, a, rm, &fp_range_u64, env);
}

int32_t f64_to_i32_mod(f64 a, struct fp_env *env)
{
    return fp_to_i32_mod(fmt, a, env);
}

f64 f64_from_i32(int32_t x, struct fp_env *env)
{
    return fp_from_signed(fmt, x, env);
}

f64 f64_from_u32(uint32_t x, struct fp_env *env)
{
    return fp_from_unsigned(fmt, x, env);
}

f64 f64_from_i64(int64_t x, struct fp_env *env)
{
    return fp_from_signed(fmt, x, env);
}

f64 f64_from_u64(uint64_t x, struct fp_env *env)
{
    return fp_from_unsigned(fmt, x, env);
}

f16 f64_to_f16(f64 a, struct fp_env *env)
{
    return fp_convert(&fp_format_f16, fmt, a, env);
}

f32 f64_to_f32(f64 a, struct fp_env *env)
{
    return fp_convert(&fp_format_f32, fmt, a, env);
}
