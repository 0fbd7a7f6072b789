/*
 * The softfloat library against the host's FPU, against an oracle of its own, and against tables.
 * Ref: IEEE Std 754-2019; RISC-V Unprivileged ISA, chapters F, D, Zfh, Zfa.
 *
 * The oracle: the exact result is computed in long double, truncated, with a sticky bit, and then
 * rounded by floor() and comparison with one half. It covers what the host lacks: binary16, ties
 * away, round to odd, and tininess before rounding.
 */
#include "fpu/softfloat.h"

#include <fenv.h>
#include <float.h>
#include <glib.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { HOST_VECTORS = 100000, ORACLE_VECTORS = 30000, INTEGER_VECTORS = 40000 };
enum { ALL_MODES = 6, ARITH_FLAGS = FP_NX | FP_UF | FP_OF | FP_DZ | FP_NV };

#ifdef __aarch64__
static const bool host_tiny_before = true;
#else
static const bool host_tiny_before = false;
#endif

struct format {
    const char *name;
    unsigned frac_bits, exp_bits;
};

static const struct format fmt16 = {"f16", 10, 5}, fmt32 = {"f32", 23, 8}, fmt64 = {"f64", 52, 11},
                           fmtbf16 = {"bf16", 7, 8};

/* Formats */

static uint64_t infinity_of(const struct format *f)
{
    return ((1ull << f->exp_bits) - 1) << f->frac_bits;
}

static uint64_t quiet_nan(const struct format *f)
{
    return infinity_of(f) | 1ull << (f->frac_bits - 1);
}

static uint64_t sign_of(const struct format *f)
{
    return 1ull << (f->frac_bits + f->exp_bits);
}

static bool is_nan(const struct format *f, uint64_t x)
{
    return (x & ~sign_of(f)) > infinity_of(f);
}

static bool is_snan(const struct format *f, uint64_t x)
{
    return is_nan(f, x) && !(x & 1ull << (f->frac_bits - 1));
}

static bool is_inf(const struct format *f, uint64_t x)
{
    return (x & ~sign_of(f)) == infinity_of(f);
}

static bool is_zero(const struct format *f, uint64_t x)
{
    return (x & ~sign_of(f)) == 0;
}

static int min_exp(const struct format *f)
{
    return 2 - (1 << (f->exp_bits - 1));
}

/* The value, exact in long double; x is not a NaN. */
static long double value_of(const struct format *f, uint64_t x)
{
    if (is_inf(f, x))
        return x & sign_of(f) ? -INFINITY : INFINITY;
    uint64_t frac = x & ((1ull << f->frac_bits) - 1);
    int biased = (x & infinity_of(f)) >> f->frac_bits;
    if (biased)
        frac |= 1ull << f->frac_bits;
    long double v = ldexpl(frac, min_exp(f) + (biased ? biased - 1 : 0) - (int)f->frac_bits);
    return x & sign_of(f) ? -v : v;
}

static double as_double(uint64_t x)
{
    double d;
    memcpy(&d, &x, sizeof d);
    return d;
}

static uint64_t from_double(double d)
{
    uint64_t x;
    memcpy(&x, &d, sizeof x);
    return x;
}

static float as_float(uint32_t x)
{
    float d;
    memcpy(&d, &x, sizeof d);
    return d;
}

static uint32_t from_float(float d)
{
    uint32_t x;
    memcpy(&x, &d, sizeof x);
    return x;
}

/* Operands */

static uint64_t rng_state = 1;

/* splitmix64 */
static uint64_t rng(void)
{
    uint64_t z = rng_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t below(uint64_t n)
{
    return rng() % n;
}

static uint64_t special_operand(const struct format *f)
{
    uint64_t one = infinity_of(f) / 2 & infinity_of(f), least_normal = 1ull << f->frac_bits;
    const uint64_t list[] = {
        0,
        1,
        2,
        3,
        least_normal - 1,
        least_normal,
        least_normal + 1,
        2 * least_normal,
        one - 2 * least_normal,
        one - least_normal,
        one - 1,
        one,
        one + 1,
        one + least_normal / 2,
        one + least_normal,
        one + f->frac_bits * least_normal,
        one + f->frac_bits * least_normal - 1,
        infinity_of(f) - 2,
        infinity_of(f) - 1,
        infinity_of(f),
        infinity_of(f) + 1,
        quiet_nan(f),
        quiet_nan(f) + 5,
        quiet_nan(f) - 1,
    };
    return list[below(G_N_ELEMENTS(list))];
}

/* Few bits set, or few clear at one end: products, sums and quotients that end in exact ties. */
static uint64_t sparse_fraction(const struct format *f)
{
    uint64_t frac = 0, mask = (1ull << f->frac_bits) - 1;
    switch (below(4)) {
    case 0: frac = 1ull << below(f->frac_bits); break;
    case 1: frac = 1ull << below(f->frac_bits) | 1ull << below(f->frac_bits); break;
    case 2: frac = mask << below(f->frac_bits); break;
    case 3: frac = mask >> below(f->frac_bits); break;
    }
    return (frac + below(3) - 1) & mask;
}

/* A fresh operand, which may be built from an earlier one so that the two nearly cancel. */
static uint64_t operand(const struct format *f, uint64_t near)
{
    uint64_t max_biased = (1ull << f->exp_bits) - 1, mask = (1ull << f->frac_bits) - 1;
    uint64_t middle = max_biased / 2 - f->frac_bits + below(2 * f->frac_bits);
    uint64_t x = 0;
    switch (below(9)) {
    case 0: x = special_operand(f); break;
    case 1: x = rng(); break;
    case 2: x = below(max_biased) << f->frac_bits | sparse_fraction(f); break;
    case 3: x = middle << f->frac_bits | sparse_fraction(f); break;
    case 4: x = middle << f->frac_bits | (rng() & mask); break;
    case 5: x = (rng() & mask) >> below(f->frac_bits); break;
    case 6: x = below(f->frac_bits + 3) << f->frac_bits | sparse_fraction(f); break;
    case 7: x = near + below(5) - 2; break;
    case 8: x = near + ((below(5) - 2) << f->frac_bits) + below(3) - 1; break;
    }
    x ^= (rng() & 1) << (f->frac_bits + f->exp_bits);
    return x & (sign_of(f) * 2 - 1);
}

static void operands(const struct format *f, uint64_t x[3])
{
    x[0] = operand(f, rng());
    x[1] = operand(f, x[0]);
    x[2] = operand(f, x[below(2)]);
}

/* Operations: one row each, run by format and shape */

enum shape { F16_1, F16_2, F16_3, F32_1, F32_2, F32_3, F64_1, F64_2, F64_3, CONVERSION };

struct op {
    const char *name;
    const struct format *from, *to;
    enum shape shape;
    union {
        f16 (*f16_1)(f16, struct fp_env *);
        f16 (*f16_2)(f16, f16, struct fp_env *);
        f16 (*f16_3)(f16, f16, f16, int, struct fp_env *);
        f32 (*f32_1)(f32, struct fp_env *);
        f32 (*f32_2)(f32, f32, struct fp_env *);
        f32 (*f32_3)(f32, f32, f32, int, struct fp_env *);
        f64 (*f64_1)(f64, struct fp_env *);
        f64 (*f64_2)(f64, f64, struct fp_env *);
        f64 (*f64_3)(f64, f64, f64, int, struct fp_env *);
        uint64_t (*conversion)(uint64_t, struct fp_env *);
    } soft;
    long double (*wide)(const volatile long double *x);
    double (*host64)(const volatile double *x);
    float (*host32)(const volatile float *x);
};

static uint64_t run_soft(const struct op *op, const uint64_t x[3], int neg, struct fp_env *env)
{
    switch (op->shape) {
    case F16_1: return op->soft.f16_1(x[0], env);
    case F16_2: return op->soft.f16_2(x[0], x[1], env);
    case F16_3: return op->soft.f16_3(x[0], x[1], x[2], neg, env);
    case F32_1: return op->soft.f32_1(x[0], env);
    case F32_2: return op->soft.f32_2(x[0], x[1], env);
    case F32_3: return op->soft.f32_3(x[0], x[1], x[2], neg, env);
    case F64_1: return op->soft.f64_1(x[0], env);
    case F64_2: return op->soft.f64_2(x[0], x[1], env);
    case F64_3: return op->soft.f64_3(x[0], x[1], x[2], neg, env);
    case CONVERSION: return op->soft.conversion(x[0], env);
    }
    g_assert_not_reached();
}

static unsigned arity(const struct op *op)
{
    return op->shape == CONVERSION ? 1 : op->shape % 3 + 1;
}

static long double wide_add(const volatile long double *x)
{
    return x[0] + x[1];
}

static long double wide_sub(const volatile long double *x)
{
    return x[0] - x[1];
}

static long double wide_mul(const volatile long double *x)
{
    return x[0] * x[1];
}

static long double wide_div(const volatile long double *x)
{
    return x[0] / x[1];
}

static long double wide_sqrt(const volatile long double *x)
{
    return sqrtl(x[0]);
}

static long double wide_fma(const volatile long double *x)
{
    return fmal(x[0], x[1], x[2]);
}

static long double wide_same(const volatile long double *x)
{
    return x[0];
}

static double host64_add(const volatile double *x)
{
    return x[0] + x[1];
}

static double host64_sub(const volatile double *x)
{
    return x[0] - x[1];
}

static double host64_mul(const volatile double *x)
{
    return x[0] * x[1];
}

static double host64_div(const volatile double *x)
{
    return x[0] / x[1];
}

static double host64_sqrt(const volatile double *x)
{
    return sqrt(x[0]);
}

static double host64_fma(const volatile double *x)
{
    return fma(x[0], x[1], x[2]);
}

static float host32_add(const volatile float *x)
{
    return x[0] + x[1];
}

static float host32_sub(const volatile float *x)
{
    return x[0] - x[1];
}

static float host32_mul(const volatile float *x)
{
    return x[0] * x[1];
}

static float host32_div(const volatile float *x)
{
    return x[0] / x[1];
}

static float host32_sqrt(const volatile float *x)
{
    return sqrtf(x[0]);
}

static float host32_fma(const volatile float *x)
{
    return fmaf(x[0], x[1], x[2]);
}

static uint64_t soft_f16_to_f32(uint64_t x, struct fp_env *env)
{
    return f16_to_f32(x, env);
}

static uint64_t soft_f16_to_f64(uint64_t x, struct fp_env *env)
{
    return f16_to_f64(x, env);
}

static uint64_t soft_f32_to_f16(uint64_t x, struct fp_env *env)
{
    return f32_to_f16(x, env);
}

static uint64_t soft_f32_to_f64(uint64_t x, struct fp_env *env)
{
    return f32_to_f64(x, env);
}

static uint64_t soft_f64_to_f16(uint64_t x, struct fp_env *env)
{
    return f64_to_f16(x, env);
}

static uint64_t soft_f64_to_f32(uint64_t x, struct fp_env *env)
{
    return f64_to_f32(x, env);
}

static uint64_t soft_f32_to_bf16(uint64_t x, struct fp_env *env)
{
    return f32_to_bf16(x, env);
}

static uint64_t soft_bf16_to_f32(uint64_t x, struct fp_env *env)
{
    return bf16_to_f32(x, env);
}

/* clang-format off */
#define ROW16(op, n) {"f16_" #op, &fmt16, &fmt16, F16_##n, {.f16_##n = f16_##op}, wide_##op, NULL, NULL}
#define ROW32(op, n) {"f32_" #op, &fmt32, &fmt32, F32_##n, {.f32_##n = f32_##op}, wide_##op, NULL, host32_##op}
#define ROW64(op, n) {"f64_" #op, &fmt64, &fmt64, F64_##n, {.f64_##n = f64_##op}, wide_##op, host64_##op, NULL}
#define CONVERT(name, from, to) {#name, from, to, CONVERSION, {.conversion = soft_##name}, wide_same, NULL, NULL}

static const struct op ops[] = {
    ROW16(add, 2), ROW16(sub, 2), ROW16(mul, 2), ROW16(div, 2), ROW16(sqrt, 1), ROW16(fma, 3),
    ROW32(add, 2), ROW32(sub, 2), ROW32(mul, 2), ROW32(div, 2), ROW32(sqrt, 1), ROW32(fma, 3),
    ROW64(add, 2), ROW64(sub, 2), ROW64(mul, 2), ROW64(div, 2), ROW64(sqrt, 1), ROW64(fma, 3),
    CONVERT(f16_to_f32, &fmt16, &fmt32), CONVERT(f16_to_f64, &fmt16, &fmt64),
    CONVERT(f32_to_f16, &fmt32, &fmt16), CONVERT(f32_to_f64, &fmt32, &fmt64),
    CONVERT(f64_to_f16, &fmt64, &fmt16), CONVERT(f64_to_f32, &fmt64, &fmt32),
    CONVERT(f32_to_bf16, &fmt32, &fmtbf16), CONVERT(bf16_to_f32, &fmtbf16, &fmt32),
};
/* clang-format on */

/* What an operation should give */
struct result {
    uint64_t bits;
    uint8_t flags;
};

static void negate_operands(const struct op *op, const uint64_t in[3], int neg, uint64_t out[3])
{
    memcpy(out, in, 3 * sizeof *in);
    if (neg & FP_NEG_PRODUCT)
        out[0] ^= sign_of(op->from);
    if (neg & FP_NEG_ADDEND)
        out[2] ^= sign_of(op->from);
}

static void check(const char *name, const uint64_t x[3], const struct fp_env *env, uint64_t got,
                  struct result want)
{
    if (got == want.bits && env->flags == want.flags)
        return;
    g_error("%s(%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 ") round %d tiny_before %d: got %#" PRIx64
            " flags %#x, want %#" PRIx64 " flags %#x",
            name, x[0], x[1], x[2], env->round, env->tiny_before, got, env->flags, want.bits,
            want.flags);
}

/* The host's FPU */

static const int host_round[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};

static uint8_t host_flags(void)
{
    int e = fetestexcept(FE_ALL_EXCEPT);
    return (e & FE_INEXACT ? FP_NX : 0) | (e & FE_UNDERFLOW ? FP_UF : 0) |
           (e & FE_OVERFLOW ? FP_OF : 0) | (e & FE_DIVBYZERO ? FP_DZ : 0) |
           (e & FE_INVALID ? FP_NV : 0);
}

static uint64_t run_host(const struct op *op, const uint64_t x[3])
{
    if (op->host64) {
        volatile double d[3] = {as_double(x[0]), as_double(x[1]), as_double(x[2])};
        feclearexcept(FE_ALL_EXCEPT);
        volatile double r = op->host64(d);
        return from_double(r);
    }
    volatile float d[3] = {as_float(x[0]), as_float(x[1]), as_float(x[2])};
    feclearexcept(FE_ALL_EXCEPT);
    volatile float r = op->host32(d);
    return from_float(r);
}

/* Does a fused multiply-add of x multiply infinity by zero? Hosts differ on NV then. */
static bool is_open_case(const struct op *op, const uint64_t x[3])
{
    return arity(op) == 3 && is_nan(op->from, x[2]) &&
           ((is_inf(op->from, x[0]) && is_zero(op->from, x[1])) ||
            (is_zero(op->from, x[0]) && is_inf(op->from, x[1])));
}

static void check_with_host(const struct op *op, const uint64_t x[3], int neg, enum fp_round rm)
{
    struct fp_env env = {.round = rm, .tiny_before = host_tiny_before};
    uint64_t y[3], got = run_soft(op, x, neg, &env);
    negate_operands(op, x, neg, y);
    fesetround(host_round[rm]);
    struct result want = {.bits = run_host(op, y)};
    want.flags = host_flags();
    fesetround(FE_TONEAREST);
    if (is_nan(op->to, want.bits))
        want.bits = quiet_nan(op->to);
    if (is_open_case(op, x))
        want.flags |= FP_NV;
    check(op->name, x, &env, got, want);
}

/* Results and flags of f32 and f64 arithmetic in the four modes every FPU has. */
static void test_arithmetic_agrees_with_the_host(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        const struct op *op = &ops[i];
        for (int n = 0; (op->host64 || op->host32) && n < HOST_VECTORS; n++) {
            uint64_t x[3];
            operands(op->from, x);
            int neg = arity(op) == 3 ? below(4) : 0;
            for (int rm = FP_RNE; rm <= FP_RUP; rm++)
                check_with_host(op, x, neg, rm);
        }
    }
}

static void check_narrowing_with_host(uint64_t x, enum fp_round rm)
{
    struct fp_env env = {.round = rm, .tiny_before = host_tiny_before};
    uint64_t got = f64_to_f32(x, &env);
    fesetround(host_round[rm]);
    volatile double d = as_double(x);
    feclearexcept(FE_ALL_EXCEPT);
    volatile float r = (float)d;
    struct result want = {from_float(r), host_flags()};
    fesetround(FE_TONEAREST);
    if (is_nan(&fmt32, want.bits))
        want.bits = quiet_nan(&fmt32);
    check("f64_to_f32", (uint64_t[3]){x}, &env, got, want);
}

static void check_widening_with_host(uint32_t x)
{
    struct fp_env env = {0};
    uint64_t got = f32_to_f64(x, &env);
    volatile float d = as_float(x);
    feclearexcept(FE_ALL_EXCEPT);
    volatile double r = (double)d;
    struct result want = {from_double(r), host_flags()};
    if (is_nan(&fmt64, want.bits))
        want.bits = quiet_nan(&fmt64);
    check("f32_to_f64", (uint64_t[3]){x}, &env, got, want);
}

/* Not rint itself: without -frounding-math gcc expands that for the default mode only. */
static double (*volatile host_rint)(double) = rint;

static void check_integral_with_host(uint64_t x, enum fp_round rm)
{
    struct fp_env env = {.round = FP_RMM};
    uint64_t got = f64_round_int(x, rm, true, &env);
    fesetround(host_round[rm]);
    volatile double d = as_double(x);
    feclearexcept(FE_ALL_EXCEPT);
    volatile double r = host_rint(d);
    struct result want = {from_double(r), host_flags()};
    fesetround(FE_TONEAREST);
    if (is_nan(&fmt64, want.bits))
        want.bits = quiet_nan(&fmt64);
    check("f64_round_int", (uint64_t[3]){x}, &env, got, want);
}

static void test_conversions_agree_with_the_host(void)
{
    for (int n = 0; n < HOST_VECTORS; n++) {
        uint64_t x = operand(&fmt64, rng()), f32_limit = 0x36a0000000000000 + below(3) - 1;
        /* half of them where binary32 is subnormal or overflows */
        if (n & 1)
            x = f32_limit + ((uint64_t)(below(2) ? below(26) : 256 + below(24)) << 52) +
                (sparse_fraction(&fmt32) << 29) + below(3) * 0x0fffffff;
        for (int rm = FP_RNE; rm <= FP_RUP; rm++) {
            check_narrowing_with_host(x, rm);
            check_integral_with_host(x, rm);
        }
        check_widening_with_host(operand(&fmt32, rng()));
    }
}

static void test_comparisons_agree_with_the_host(void)
{
    for (int n = 0; n < HOST_VECTORS; n++) {
        struct fp_env env = {0};
        uint64_t x[3];
        operands(&fmt64, x);
        volatile double a = as_double(x[0]), b = as_double(x[1]);
        g_assert_true(f64_eq(x[0], x[1], &env) == (a == b));
        g_assert_true(f64_lt(x[0], x[1], &env) == !!isless(a, b));
        g_assert_true(f64_le(x[0], x[1], &env) == !!islessequal(a, b));
        g_assert_true(f64_lt_quiet(x[0], x[1], &env) == !!isless(a, b));
        g_assert_true(f64_le_quiet(x[0], x[1], &env) == !!islessequal(a, b));
        g_assert_true(f64_unordered(x[0], x[1], &env) == !!isunordered(a, b));
        operands(&fmt32, x);
        volatile float c = as_float(x[0]), d = as_float(x[1]);
        g_assert_true(f32_eq(x[0], x[1], &env) == (c == d));
        g_assert_true(f32_lt(x[0], x[1], &env) == !!isless(c, d));
        g_assert_true(f32_le(x[0], x[1], &env) == !!islessequal(c, d));
        g_assert_true(f32_unordered(x[0], x[1], &env) == !!isunordered(c, d));
    }
}

/* The oracle */

/* An exact value: t truncated to long double, and whether anything was lost. */
struct exact {
    long double t;
    bool sticky;
};

static bool ref_rounds_up(struct exact v, long double floor_part, long double scaled,
                          enum fp_round rm)
{
    long double rest = scaled - floor_part;
    bool inexact = rest > 0 || v.sticky, odd = fmodl(floor_part, 2) == 1;
    bool above_half = rest > 0.5L || (rest == 0.5L && v.sticky), tie = rest == 0.5L && !v.sticky;
    switch (rm) {
    case FP_RNE: return above_half || (tie && odd);
    case FP_RTZ: return false;
    case FP_RDN: return inexact && signbit(v.t);
    case FP_RUP: return inexact && !signbit(v.t);
    case FP_RMM: return above_half || tie;
    case FP_ODD: return inexact && !odd;
    }
    g_assert_not_reached();
}

/* |v| in units of 2^quantum, rounded to an integer. */
static long double ref_integer(struct exact v, int quantum, enum fp_round rm, bool *inexact)
{
    long double scaled = ldexpl(fabsl(v.t), -quantum), whole = floorl(scaled);
    *inexact = scaled != whole || v.sticky;
    return whole + ref_rounds_up(v, whole, scaled, rm);
}

static bool ref_is_tiny(const struct format *f, struct exact v, const struct fp_env *env)
{
    int exp = ilogbl(v.t);
    if (env->tiny_before)
        return exp < min_exp(f);
    bool inexact;
    int quantum = exp - (int)f->frac_bits;
    return ldexpl(ref_integer(v, quantum, env->round, &inexact), quantum) < ldexpl(1, min_exp(f));
}

/* Encodes a finite non-zero v. */
static struct result ref_round(const struct format *f, struct exact v, const struct fp_env *env)
{
    bool inexact, tiny = ref_is_tiny(f, v, env), negative = signbit(v.t);
    int exp = MAX(ilogbl(v.t), min_exp(f));
    uint64_t sign = negative ? sign_of(f) : 0, top = infinity_of(f);
    uint64_t m = ref_integer(v, exp - (int)f->frac_bits, env->round, &inexact);
    uint64_t bits = ((uint64_t)(exp - min_exp(f)) << f->frac_bits) + m;
    if (exp > 1 - min_exp(f) || bits >= top) {
        bool away = env->round == FP_RNE || env->round == FP_RMM ||
                    env->round == (negative ? FP_RDN : FP_RUP);
        return (struct result){sign | (away ? top : top - 1), FP_OF | FP_NX};
    }
    return (struct result){sign | bits, (inexact ? FP_NX : 0) | (inexact && tiny ? FP_UF : 0)};
}

/* An operation in long double, truncating or in mode rm. */
static struct exact run_wide(const struct op *op, const uint64_t x[3], int mode)
{
    volatile long double w[3] = {0};
    for (unsigned i = 0; i < arity(op); i++)
        w[i] = value_of(op->from, x[i]);
    fesetround(mode);
    feclearexcept(FE_ALL_EXCEPT);
    volatile long double t = op->wide(w);
    struct exact v = {t, fetestexcept(FE_INEXACT) != 0};
    fesetround(FE_TONEAREST);
    return v;
}

static bool any_operand(const struct op *op, const uint64_t x[3],
                        bool (*is)(const struct format *, uint64_t))
{
    for (unsigned i = 0; i < arity(op); i++)
        if (is(op->from, x[i]))
            return true;
    return false;
}

static struct result ref_nan(const struct op *op, const uint64_t x[3])
{
    bool invalid =
        any_operand(op, x, is_snan) || !any_operand(op, x, is_nan) || is_open_case(op, x);
    return (struct result){quiet_nan(op->to), invalid ? FP_NV : 0};
}

static struct result ref_op(const struct op *op, const uint64_t x[3], const struct fp_env *env)
{
    if (any_operand(op, x, is_nan))
        return ref_nan(op, x);
    struct exact v = run_wide(op, x, FE_TOWARDZERO);
    if (isnan(v.t))
        return ref_nan(op, x);
    if (isinf(v.t))
        return (struct result){infinity_of(op->to) | (signbit(v.t) ? sign_of(op->to) : 0),
                               any_operand(op, x, is_inf) ? 0 : FP_DZ};
    if (v.t != 0)
        return ref_round(op->to, v, env);
    /* only the sign of an exact zero sum depends on the mode */
    v = run_wide(op, x, env->round == FP_RDN ? FE_DOWNWARD : FE_TONEAREST);
    return (struct result){signbit(v.t) ? sign_of(op->to) : 0, 0};
}

static void check_with_oracle(const struct op *op, const uint64_t x[3], int neg)
{
    for (int rm = 0; rm < ALL_MODES; rm++) {
        for (int tiny_before = 0; tiny_before < 2; tiny_before++) {
            struct fp_env env = {.round = rm, .tiny_before = tiny_before};
            uint64_t y[3], got = run_soft(op, x, neg, &env);
            negate_operands(op, x, neg, y);
            check(op->name, x, &env, got, ref_op(op, y, &env));
        }
    }
}

/* Every operation, format, rounding mode and tininess rule. */
static void test_arithmetic_agrees_with_the_oracle(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++) {
        for (int n = 0; n < ORACLE_VECTORS; n++) {
            uint64_t x[3];
            operands(ops[i].from, x);
            check_with_oracle(&ops[i], x, arity(&ops[i]) == 3 ? below(4) : 0);
        }
    }
}

static const struct op *find_op(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ops); i++)
        if (!strcmp(ops[i].name, name))
            return &ops[i];
    g_assert_not_reached();
}

static void test_every_half_converts_and_has_a_root(void)
{
    const char *const names[] = {"f16_to_f32", "f16_to_f64", "bf16_to_f32", "f16_sqrt"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        const struct op *op = find_op(names[i]);
        for (uint32_t x = 0; x <= UINT16_MAX; x++) {
            struct fp_env env = {0};
            const uint64_t in[3] = {x};
            uint64_t got = run_soft(op, in, 0, &env);
            check(op->name, in, &env, got, ref_op(op, in, &env));
        }
    }
}

/* Widened halves come back unchanged, which ties the two directions together. */
static void test_every_half_survives_a_round_trip(void)
{
    for (uint32_t x = 0; x <= UINT16_MAX; x++) {
        struct fp_env env = {.nan = FP_NAN_X86};
        uint32_t quiet = is_nan(&fmt16, x) ? x | 0x200 : x;
        g_assert_cmphex(f32_to_f16(f16_to_f32(x, &env), &env), ==, quiet);
        g_assert_cmphex(f64_to_f16(f16_to_f64(x, &env), &env), ==, quiet);
        quiet = is_nan(&fmtbf16, x) ? x | 0x40 : x;
        g_assert_cmphex(f32_to_bf16(bf16_to_f32(x, &env), &env), ==, quiet);
    }
}

/* Integers */

static uint64_t integer_operand(void)
{
    uint64_t x = rng() >> below(64);
    switch (below(4)) {
    case 0: x = 1ull << below(64); break;
    case 1: x = UINT64_MAX << below(64); break;
    case 2: x = (x >> 10 | 1) << below(11); break;
    default: break;
    }
    x += below(5) - 2;
    return below(2) ? -x : x;
}

static void check_from(const struct format *f, long double x, uint64_t got, struct fp_env *env)
{
    struct result want = {0};
    if (x != 0)
        want = ref_round(f, (struct exact){x, false}, env);
    check(f->name, (uint64_t[3]){(uint64_t)fabsl(x)}, env, got, want);
    env->flags = 0;
}

static void test_integers_convert_to_floats(void)
{
    for (int n = 0; n < INTEGER_VECTORS; n++) {
        uint64_t x = integer_operand();
        struct fp_env e = {.round = n % ALL_MODES};
        check_from(&fmt16, (int32_t)x, f16_from_i32(x, &e), &e);
        check_from(&fmt16, (uint32_t)x, f16_from_u32(x, &e), &e);
        check_from(&fmt16, (int64_t)x, f16_from_i64(x, &e), &e);
        check_from(&fmt16, x, f16_from_u64(x, &e), &e);
        check_from(&fmt32, (int32_t)x, f32_from_i32(x, &e), &e);
        check_from(&fmt32, (uint32_t)x, f32_from_u32(x, &e), &e);
        check_from(&fmt32, (int64_t)x, f32_from_i64(x, &e), &e);
        check_from(&fmt32, x, f32_from_u64(x, &e), &e);
        check_from(&fmt64, (int32_t)x, f64_from_i32(x, &e), &e);
        check_from(&fmt64, (uint32_t)x, f64_from_u32(x, &e), &e);
        check_from(&fmt64, (int64_t)x, f64_from_i64(x, &e), &e);
        check_from(&fmt64, x, f64_from_u64(x, &e), &e);
    }
}

/* A floating-point operand on its way to an integer or integral value. */
struct integral_case {
    const struct format *f;
    uint64_t x;
    enum fp_round rm;
};

static void check_to(struct integral_case c, long double min, long double max, uint64_t got,
                     struct fp_env *env)
{
    long double v = is_nan(c.f, c.x) ? INFINITY : value_of(c.f, c.x), r = v;
    bool inexact = false;
    if (isfinite(v))
        r = copysignl(ref_integer((struct exact){v, false}, 0, c.rm, &inexact), v);
    struct result want = {.flags = inexact ? FP_NX : 0};
    if (r < min || r > max)
        want.flags = FP_NV;
    r = r < min ? min : r > max ? max : r;
    want.bits = r < 0 ? -(uint64_t)-r : (uint64_t)r;
    env->round = c.rm;
    check(c.f->name, (uint64_t[3]){c.x}, env, got, want);
    env->flags = 0;
}

static void check_all_integers(struct integral_case c, const uint64_t got[4], struct fp_env envs[4])
{
    check_to(c, INT32_MIN, INT32_MAX, got[0], &envs[0]);
    check_to(c, 0, UINT32_MAX, got[1], &envs[1]);
    check_to(c, INT64_MIN, INT64_MAX, got[2], &envs[2]);
    check_to(c, 0, UINT64_MAX, got[3], &envs[3]);
}

static void check_f16_to_integers(f16 x, enum fp_round rm)
{
    struct fp_env e[4] = {{0}};
    const uint64_t got[] = {(int64_t)f16_to_i32(x, rm, &e[0]), f16_to_u32(x, rm, &e[1]),
                            f16_to_i64(x, rm, &e[2]), f16_to_u64(x, rm, &e[3])};
    check_all_integers((struct integral_case){&fmt16, x, rm}, got, e);
}

static void check_f32_to_integers(f32 x, enum fp_round rm)
{
    struct fp_env e[4] = {{0}};
    const uint64_t got[] = {(int64_t)f32_to_i32(x, rm, &e[0]), f32_to_u32(x, rm, &e[1]),
                            f32_to_i64(x, rm, &e[2]), f32_to_u64(x, rm, &e[3])};
    check_all_integers((struct integral_case){&fmt32, x, rm}, got, e);
}

static void check_f64_to_integers(f64 x, enum fp_round rm)
{
    struct fp_env e[4] = {{0}};
    const uint64_t got[] = {(int64_t)f64_to_i32(x, rm, &e[0]), f64_to_u32(x, rm, &e[1]),
                            f64_to_i64(x, rm, &e[2]), f64_to_u64(x, rm, &e[3])};
    check_all_integers((struct integral_case){&fmt64, x, rm}, got, e);
}

/* Near an integer's limits, or near a half. */
static uint64_t integral_operand(const struct format *f)
{
    if (below(3) == 0)
        return operand(f, rng());
    uint64_t middle = infinity_of(f) / 2 & infinity_of(f);
    uint64_t exp = (below(68) << f->frac_bits) - (1ull << (f->frac_bits + 1));
    uint64_t frac = below(2) ? sparse_fraction(f) : rng() & ((1ull << f->frac_bits) - 1);
    return ((middle + exp + frac) | (below(2) ? sign_of(f) : 0)) & (2 * sign_of(f) - 1);
}

static void test_floats_convert_to_integers(void)
{
    for (int n = 0; n < INTEGER_VECTORS; n++) {
        f32 x = integral_operand(&fmt32);
        f64 y = integral_operand(&fmt64);
        for (int rm = 0; rm < ALL_MODES; rm++) {
            check_f32_to_integers(x, rm);
            check_f64_to_integers(y, rm);
        }
    }
    for (uint32_t x = 0; x <= UINT16_MAX; x++)
        check_f16_to_integers(x, x % ALL_MODES);
}

static void check_integral(struct integral_case c, bool exact, uint64_t got, struct fp_env *env)
{
    struct result want = {.bits = c.x};
    bool inexact = false;
    if (is_nan(c.f, c.x)) {
        want = (struct result){quiet_nan(c.f), is_snan(c.f, c.x) ? FP_NV : 0};
    } else if (!is_inf(c.f, c.x)) {
        const struct exact v = {value_of(c.f, c.x), false};
        long double r = ref_integer(v, 0, c.rm, &inexact);
        const struct exact whole = {copysignl(r, v.t), false};
        want.bits = r ? ref_round(c.f, whole, env).bits : c.x & sign_of(c.f);
        want.flags = inexact && exact ? FP_NX : 0;
    }
    check(c.f->name, (uint64_t[3]){c.x}, env, got, want);
}

static void test_rounding_to_integral_values(void)
{
    for (int n = 0; n < INTEGER_VECTORS * ALL_MODES; n++) {
        f16 x = integral_operand(&fmt16);
        f32 y = integral_operand(&fmt32);
        f64 z = integral_operand(&fmt64);
        enum fp_round rm = n % ALL_MODES;
        bool exact = n & 8;
        struct fp_env e = {0};
        check_integral((struct integral_case){&fmt16, x, rm}, exact,
                       f16_round_int(x, rm, exact, &e), &e);
        e.flags = 0;
        check_integral((struct integral_case){&fmt32, y, rm}, exact,
                       f32_round_int(y, rm, exact, &e), &e);
        e.flags = 0;
        check_integral((struct integral_case){&fmt64, z, rm}, exact,
                       f64_round_int(z, rm, exact, &e), &e);
    }
}

/* v mod 2^32 by fmodl, another road than the library's shift. */
static void test_fcvtmod_wraps(void)
{
    for (int n = 0; n < INTEGER_VECTORS * 4; n++) {
        f64 x = integral_operand(&fmt64);
        struct fp_env env = {0}, like = {0};
        int32_t got = f64_to_i32_mod(x, &env), want = 0;
        f64_to_i32(x, FP_RTZ, &like);
        if (!is_nan(&fmt64, x) && !is_inf(&fmt64, x))
            want = (int32_t)(int64_t)fmodl(truncl(value_of(&fmt64, x)), 4294967296.0L);
        g_assert_cmpint(got, ==, want);
        g_assert_cmphex(env.flags, ==, like.flags);
    }
}

/* Special rules, by table */

enum { N_INF = 0xfc00, N_ZERO = 0x8000, P_INF = 0x7c00 };

static const f64 QNAN = 0x7ff8000000000000, QNAN_5 = 0x7ff8000000000005,
                 NEG_QNAN = 0xfff8000000000000, SNAN_1 = 0x7ff0000000000001,
                 SNAN_1_QUIET = 0x7ff8000000000001, NEG_SNAN_2 = 0xfff0000000000002,
                 NEG_SNAN_2_QUIET = 0xfff8000000000002, INF = 0x7ff0000000000000,
                 NEG_INF = 0xfff0000000000000, ONE = 0x3ff0000000000000,
                 NEG_ONE = 0xbff0000000000000, TWO = 0x4000000000000000,
                 NEG_ZERO = 0x8000000000000000, LEAST_NORMAL = 0x0010000000000000,
                 LARGEST = 0x7fefffffffffffff;

static void check_call(const char *what, uint64_t got, uint8_t flags, struct result want)
{
    if (got != want.bits || flags != want.flags)
        g_error("%s: got %#" PRIx64 " flags %#x, want %#" PRIx64 " flags %#x", what, got, flags,
                want.bits, want.flags);
}

/* Binary64 operations on two operands, by name in the failure report. */
struct binary_case {
    const char *what;
    f64 (*fn)(f64, f64, struct fp_env *);
    enum fp_nan nan;
    f64 a, b;
    struct result want;
};

static void check_binary_cases(const struct binary_case *c, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct fp_env env = {.nan = c[i].nan};
        uint64_t got = c[i].fn(c[i].a, c[i].b, &env);
        check_call(c[i].what, got, env.flags, c[i].want);
    }
}

/* IEEE 754-2019 9.6; RISC-V F 2.2 and Zfa. */
static void test_min_and_max_rules(void)
{
    const struct binary_case cases[] = {
        {"min of zeros", f64_min, FP_NAN_DEFAULT, 0, NEG_ZERO, {NEG_ZERO, 0}},
        {"min of zeros, swapped", f64_min, FP_NAN_DEFAULT, NEG_ZERO, 0, {NEG_ZERO, 0}},
        {"max of zeros", f64_max, FP_NAN_DEFAULT, 0, NEG_ZERO, {0, 0}},
        {"max of zeros, swapped", f64_max, FP_NAN_DEFAULT, NEG_ZERO, 0, {0, 0}},
        {"min of signs", f64_min, FP_NAN_DEFAULT, ONE, NEG_ONE, {NEG_ONE, 0}},
        {"max of negatives", f64_max, FP_NAN_DEFAULT, NEG_INF, NEG_ONE, {NEG_ONE, 0}},
        {"min of negatives", f64_min, FP_NAN_DEFAULT, NEG_INF, NEG_ONE, {NEG_INF, 0}},
        {"min, qNaN first", f64_min, FP_NAN_DEFAULT, QNAN_5, ONE, {ONE, 0}},
        {"max, qNaN last", f64_max, FP_NAN_DEFAULT, ONE, QNAN_5, {ONE, 0}},
        {"min, sNaN first", f64_min, FP_NAN_DEFAULT, SNAN_1, ONE, {ONE, FP_NV}},
        {"max, sNaN last", f64_max, FP_NAN_DEFAULT, NEG_ONE, SNAN_1, {NEG_ONE, FP_NV}},
        {"min of qNaNs", f64_min, FP_NAN_DEFAULT, QNAN_5, NEG_QNAN, {QNAN, 0}},
        {"max of NaNs", f64_max, FP_NAN_DEFAULT, QNAN_5, NEG_SNAN_2, {QNAN, FP_NV}},
        {"min of subnormals", f64_min, FP_NAN_DEFAULT, 3, 2, {2, 0}},
        {"minimum, qNaN", f64_minimum, FP_NAN_DEFAULT, QNAN_5, ONE, {QNAN, 0}},
        {"minimum, sNaN", f64_minimum, FP_NAN_DEFAULT, ONE, SNAN_1, {QNAN, FP_NV}},
        {"maximum, qNaN", f64_maximum, FP_NAN_DEFAULT, ONE, QNAN_5, {QNAN, 0}},
        {"maximum, sNaN", f64_maximum, FP_NAN_DEFAULT, SNAN_1, ONE, {QNAN, FP_NV}},
        {"minimum of zeros", f64_minimum, FP_NAN_DEFAULT, 0, NEG_ZERO, {NEG_ZERO, 0}},
        {"maximum of zeros", f64_maximum, FP_NAN_DEFAULT, NEG_ZERO, 0, {0, 0}},
        {"minimum", f64_minimum, FP_NAN_DEFAULT, TWO, ONE, {ONE, 0}},
        {"maximum", f64_maximum, FP_NAN_DEFAULT, TWO, ONE, {TWO, 0}},
        {"minimum keeps a payload", f64_minimum, FP_NAN_ARM, ONE, QNAN_5, {QNAN_5, 0}},
    };
    check_binary_cases(cases, G_N_ELEMENTS(cases));
}

/* x widened without a trace; signalling NaNs go on signalling. */
static f64 widen(const struct format *f, uint64_t x)
{
    struct fp_env env = {.nan = FP_NAN_ARM};
    if (is_snan(f, x))
        return x & sign_of(f) ? NEG_SNAN_2 : SNAN_1;
    return f == &fmt16 ? f16_to_f64(x, &env) : f32_to_f64(x, &env);
}

static void check_widened(const struct format *f, uint64_t got, f64 want, struct fp_env env[2])
{
    g_assert_cmphex(widen(f, got), ==, want);
    g_assert_cmphex(env[0].flags, ==, env[1].flags);
    env[0].flags = env[1].flags = 0;
}

static void check_choices16(f16 a, f16 b)
{
    const struct format *f = &fmt16;
    struct fp_env e[2] = {{0}};
    f64 x = widen(f, a), y = widen(f, b);
    check_widened(f, f16_min(a, b, e), f64_min(x, y, e + 1), e);
    check_widened(f, f16_max(a, b, e), f64_max(x, y, e + 1), e);
    check_widened(f, f16_minimum(a, b, e), f64_minimum(x, y, e + 1), e);
    check_widened(f, f16_maximum(a, b, e), f64_maximum(x, y, e + 1), e);
}

static void check_choices32(f32 a, f32 b)
{
    const struct format *f = &fmt32;
    struct fp_env e[2] = {{0}};
    f64 x = widen(f, a), y = widen(f, b);
    check_widened(f, f32_min(a, b, e), f64_min(x, y, e + 1), e);
    check_widened(f, f32_max(a, b, e), f64_max(x, y, e + 1), e);
    check_widened(f, f32_minimum(a, b, e), f64_minimum(x, y, e + 1), e);
    check_widened(f, f32_maximum(a, b, e), f64_maximum(x, y, e + 1), e);
}

/* Bit 0..5: eq lt le lt_quiet le_quiet unordered. */
static unsigned predicates16(f16 a, f16 b, struct fp_env *env)
{
    return f16_eq(a, b, env) | f16_lt(a, b, env) << 1 | f16_le(a, b, env) << 2 |
           f16_lt_quiet(a, b, env) << 3 | f16_le_quiet(a, b, env) << 4 |
           f16_unordered(a, b, env) << 5;
}

static unsigned predicates32(f32 a, f32 b, struct fp_env *env)
{
    return f32_eq(a, b, env) | f32_lt(a, b, env) << 1 | f32_le(a, b, env) << 2 |
           f32_lt_quiet(a, b, env) << 3 | f32_le_quiet(a, b, env) << 4 |
           f32_unordered(a, b, env) << 5;
}

static unsigned predicates64(f64 a, f64 b, struct fp_env *env)
{
    return f64_eq(a, b, env) | f64_lt(a, b, env) << 1 | f64_le(a, b, env) << 2 |
           f64_lt_quiet(a, b, env) << 3 | f64_le_quiet(a, b, env) << 4 |
           f64_unordered(a, b, env) << 5;
}

/* Order does not depend on the format. */
static void test_narrow_formats_order_like_binary64(void)
{
    for (int n = 0; n < HOST_VECTORS; n++) {
        struct fp_env e = {0};
        uint64_t x[3];
        operands(&fmt16, x);
        check_choices16(x[0], x[1]);
        g_assert_cmphex(predicates16(x[0], x[1], &e), ==,
                        predicates64(widen(&fmt16, x[0]), widen(&fmt16, x[1]), &e));
        operands(&fmt32, x);
        check_choices32(x[0], x[1]);
        g_assert_cmphex(predicates32(x[0], x[1], &e), ==,
                        predicates64(widen(&fmt32, x[0]), widen(&fmt32, x[1]), &e));
    }
}

/* The host's fmin and fmax leave zeros and signalling NaNs open. */
static void test_min_and_max_agree_with_the_host(void)
{
    for (int n = 0; n < HOST_VECTORS; n++) {
        struct fp_env env = {0};
        uint64_t x[3];
        operands(&fmt64, x);
        volatile double a = as_double(x[0]), b = as_double(x[1]);
        if (isunordered(a, b) || (a == 0 && b == 0))
            continue;
        g_assert_cmphex(f64_min(x[0], x[1], &env), ==, from_double(fmin(a, b)));
        g_assert_cmphex(f64_max(x[0], x[1], &env), ==, from_double(fmax(a, b)));
        g_assert_cmphex(f64_minimum(x[0], x[1], &env), ==, from_double(fmin(a, b)));
        g_assert_cmphex(f64_maximum(x[0], x[1], &env), ==, from_double(fmax(a, b)));
        g_assert_cmphex(env.flags, ==, 0);
    }
}

/* A choice is not a computation: it neither flushes its result nor rounds it. */
static void test_min_does_not_flush_its_result(void)
{
    struct fp_env env = {.nan = FP_NAN_X86, .flush_outputs = true};
    g_assert_cmphex(f64_min(1, ONE, &env), ==, 1);
    g_assert_cmphex(env.flags, ==, FP_ID);
}

/* Each fp_nan mode: RISC-V F 2.3; Intel SDM vol. 1 table 4-7; Arm FPProcessNaNs. */
static void test_nan_rules_of_two_operands(void)
{
    const struct binary_case cases[] = {
        {"default: payload lost", f64_add, FP_NAN_DEFAULT, QNAN_5, ONE, {QNAN, 0}},
        {"default: sign lost", f64_mul, FP_NAN_DEFAULT, ONE, NEG_SNAN_2, {QNAN, FP_NV}},
        {"default: inf - inf", f64_sub, FP_NAN_DEFAULT, INF, INF, {QNAN, FP_NV}},
        {"default: 0 / 0", f64_div, FP_NAN_DEFAULT, 0, NEG_ZERO, {QNAN, FP_NV}},
        {"default: inf * 0", f64_mul, FP_NAN_DEFAULT, INF, 0, {QNAN, FP_NV}},
        {"default: 1 / -0", f64_div, FP_NAN_DEFAULT, ONE, NEG_ZERO, {NEG_INF, FP_DZ}},
        {"default: inf / 0", f64_div, FP_NAN_DEFAULT, INF, 0, {INF, 0}},
        {"x86: first of two qNaNs", f64_add, FP_NAN_X86, QNAN_5, NEG_QNAN, {QNAN_5, 0}},
        {"x86: qNaN before sNaN", f64_add, FP_NAN_X86, QNAN_5, SNAN_1, {QNAN_5, FP_NV}},
        {"x86: sNaN made quiet", f64_mul, FP_NAN_X86, NEG_SNAN_2, QNAN, {NEG_SNAN_2_QUIET, FP_NV}},
        {"x86: only NaN second", f64_div, FP_NAN_X86, ONE, SNAN_1, {SNAN_1_QUIET, FP_NV}},
        {"x86: sub keeps the sign", f64_sub, FP_NAN_X86, ONE, QNAN_5, {QNAN_5, 0}},
        {"x86: inf - inf", f64_sub, FP_NAN_X86, INF, INF, {NEG_QNAN, FP_NV}},
        {"x86: 0 / 0", f64_div, FP_NAN_X86, 0, 0, {NEG_QNAN, FP_NV}},
        {"Arm: first of two qNaNs", f64_add, FP_NAN_ARM, QNAN_5, NEG_QNAN, {QNAN_5, 0}},
        {"Arm: sNaN before qNaN", f64_add, FP_NAN_ARM, QNAN_5, SNAN_1, {SNAN_1_QUIET, FP_NV}},
        {"Arm: first of two sNaNs", f64_mul, FP_NAN_ARM, SNAN_1, NEG_SNAN_2, {SNAN_1_QUIET, FP_NV}},
        {"Arm: sub keeps the sign", f64_sub, FP_NAN_ARM, ONE, QNAN_5, {QNAN_5, 0}},
        {"Arm: inf - inf", f64_sub, FP_NAN_ARM, INF, INF, {QNAN, FP_NV}},
    };
    check_binary_cases(cases, G_N_ELEMENTS(cases));
}

static void test_nan_rules_of_fma(void)
{
    const struct {
        const char *what;
        enum fp_nan nan;
        f64 a, b, c;
        int neg;
        struct result want;
    } cases[] = {
        {"default: inf * 0 + qNaN", FP_NAN_DEFAULT, INF, 0, QNAN_5, 0, {QNAN, FP_NV}},
        {"default: 0 * inf + qNaN", FP_NAN_DEFAULT, 0, NEG_INF, QNAN_5, 0, {QNAN, FP_NV}},
        {"default: inf * 0 + 1", FP_NAN_DEFAULT, INF, 0, ONE, 0, {QNAN, FP_NV}},
        {"default: inf * 1 - inf", FP_NAN_DEFAULT, INF, ONE, INF, FP_NEG_ADDEND, {QNAN, FP_NV}},
        {"default: qNaN * 0 + inf", FP_NAN_DEFAULT, QNAN_5, 0, INF, 0, {QNAN, 0}},
        {"x86: inf * 0 + qNaN", FP_NAN_X86, INF, 0, QNAN_5, 0, {QNAN_5, 0}},
        {"x86: inf * 0 + sNaN", FP_NAN_X86, INF, 0, SNAN_1, 0, {SNAN_1_QUIET, FP_NV}},
        {"x86: inf * 0 + 1", FP_NAN_X86, INF, 0, ONE, 0, {NEG_QNAN, FP_NV}},
        {"x86: order a, b, c", FP_NAN_X86, ONE, QNAN_5, SNAN_1, 0, {QNAN_5, FP_NV}},
        {"x86: NaN is not negated", FP_NAN_X86, QNAN_5, ONE, ONE, FP_NEG_PRODUCT, {QNAN_5, 0}},
        {"Arm: inf * 0 + qNaN", FP_NAN_ARM, INF, 0, QNAN_5, 0, {QNAN, FP_NV}},
        {"Arm: inf * 0 + sNaN", FP_NAN_ARM, INF, 0, SNAN_1, 0, {SNAN_1_QUIET, FP_NV}},
        {"Arm: addend first", FP_NAN_ARM, QNAN, ONE, QNAN_5, 0, {QNAN_5, 0}},
        {"Arm: sNaN first", FP_NAN_ARM, ONE, SNAN_1, QNAN_5, 0, {SNAN_1_QUIET, FP_NV}},
        {"Arm: NaN is negated", FP_NAN_ARM, QNAN, ONE, ONE, FP_NEG_PRODUCT, {NEG_QNAN, 0}},
        {"exact zero sum", FP_NAN_DEFAULT, ONE, TWO, TWO, FP_NEG_ADDEND, {0, 0}},
        {"-(0 * 1) - 0", FP_NAN_DEFAULT, 0, ONE, 0, 3, {NEG_ZERO, 0}},
        /* 1 + 2^-129 */
        {"carry keeps the sticky bit",
         FP_NAN_DEFAULT,
         0x3ff0000000000001,
         0x3feffffffffffffe,
         0x3970000008000000,
         0,
         {ONE, FP_NX}},
        {"tiny product is sticky", FP_NAN_DEFAULT, 1, 1, ONE, 0, {ONE, FP_NX}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct fp_env env = {.nan = cases[i].nan};
        uint64_t got = f64_fma(cases[i].a, cases[i].b, cases[i].c, cases[i].neg, &env);
        check_call(cases[i].what, got, env.flags, cases[i].want);
    }
}

/* 5.4.2 and 6.2.3: sign and leading payload bits survive, the quiet bit is set. */
static void test_nan_payloads_in_conversions(void)
{
    struct fp_env x86 = {.nan = FP_NAN_X86}, arm = {.nan = FP_NAN_ARM}, def = {0};
    g_assert_cmphex(f64_to_f32(0xfff0000020000000, &x86), ==, 0xffc00001);
    g_assert_cmphex(x86.flags, ==, FP_NV);
    g_assert_cmphex(f64_to_f32(SNAN_1, &arm), ==, 0x7fc00000);
    g_assert_cmphex(arm.flags, ==, FP_NV);
    g_assert_cmphex(f32_to_f64(0xffc00001, &def), ==, QNAN);
    g_assert_cmphex(def.flags, ==, 0);
    g_assert_cmphex(f32_to_f64(0xffc00001, &arm), ==, 0xfff8000020000000);
    g_assert_cmphex(f16_to_f32(0xfd01, &arm), ==, 0xffe02000);
    g_assert_cmphex(f16_round_int(0xfd01, FP_RNE, true, &arm), ==, 0xff01);
    g_assert_cmphex(f64_sqrt(NEG_ONE, &x86), ==, NEG_QNAN);
    g_assert_cmphex(f64_sqrt(NEG_ZERO, &x86), ==, NEG_ZERO);
    g_assert_cmphex(f64_sqrt(NEG_SNAN_2, &arm), ==, NEG_SNAN_2_QUIET);
}

/* RISC-V F 2.7, table of domains and results. */
static void test_integer_conversions_saturate(void)
{
    const struct {
        f64 x;
        int32_t i32;
        uint32_t u32;
        int64_t i64;
        uint64_t u64;
        uint8_t flags[4];
    } cases[] = {
        {QNAN, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX, {FP_NV, FP_NV, FP_NV, FP_NV}},
        {NEG_SNAN_2, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX, {FP_NV, FP_NV, FP_NV, FP_NV}},
        {INF, INT32_MAX, UINT32_MAX, INT64_MAX, UINT64_MAX, {FP_NV, FP_NV, FP_NV, FP_NV}},
        {NEG_INF, INT32_MIN, 0, INT64_MIN, 0, {FP_NV, FP_NV, FP_NV, FP_NV}},
        {NEG_ZERO, 0, 0, 0, 0, {0}},
        {0xbfe8000000000000 /* -0.75 */, 0, 0, 0, 0, {FP_NX, FP_NX, FP_NX, FP_NX}},
        {NEG_ONE, -1, 0, -1, 0, {0, FP_NV, 0, FP_NV}},
        {0x41dfffffffe00000 /* 2^31 - 0.5 */,
         INT32_MAX,
         INT32_MAX,
         INT32_MAX,
         INT32_MAX,
         {FP_NX, FP_NX, FP_NX, FP_NX}},
        {0x41e0000000000000 /* 2^31 */,
         INT32_MAX,
         1u << 31,
         1ll << 31,
         1ull << 31,
         {FP_NV, 0, 0, 0}},
        {0xc1e0000000000000 /* -2^31 */, INT32_MIN, 0, INT32_MIN, 0, {0, FP_NV, 0, FP_NV}},
        {0xc1e0000000100000 /* -2^31 - 0.5 */,
         INT32_MIN,
         0,
         INT32_MIN,
         0,
         {FP_NX, FP_NV, FP_NX, FP_NV}},
        {0x43e0000000000000 /* 2^63 */,
         INT32_MAX,
         UINT32_MAX,
         INT64_MAX,
         1ull << 63,
         {FP_NV, FP_NV, FP_NV, 0}},
        {0xc3e0000000000000 /* -2^63 */, INT32_MIN, 0, INT64_MIN, 0, {FP_NV, FP_NV, 0, FP_NV}},
        {0x43f0000000000000 /* 2^64 */,
         INT32_MAX,
         UINT32_MAX,
         INT64_MAX,
         UINT64_MAX,
         {FP_NV, FP_NV, FP_NV, FP_NV}},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct fp_env e[4] = {{0}};
        g_assert_cmpint(f64_to_i32(cases[i].x, FP_RTZ, &e[0]), ==, cases[i].i32);
        g_assert_cmpuint(f64_to_u32(cases[i].x, FP_RTZ, &e[1]), ==, cases[i].u32);
        g_assert_cmpint(f64_to_i64(cases[i].x, FP_RTZ, &e[2]), ==, cases[i].i64);
        g_assert_cmpuint(f64_to_u64(cases[i].x, FP_RTZ, &e[3]), ==, cases[i].u64);
        for (int j = 0; j < 4; j++)
            g_assert_cmphex(e[j].flags, ==, cases[i].flags[j]);
    }
}

static void test_fcvtmod_rules(void)
{
    const struct {
        f64 x;
        int32_t want;
        uint8_t flags;
    } cases[] = {
        {QNAN, 0, FP_NV},
        {INF, 0, FP_NV},
        {NEG_INF, 0, FP_NV},
        {NEG_ZERO, 0, 0},
        {0xbff8000000000000 /* -1.5 */, -1, FP_NX},
        {0x41e0000000000000 /* 2^31 */, INT32_MIN, FP_NV},
        {0xc1e0000000000000 /* -2^31 */, INT32_MIN, 0},
        {0xc1e0000000300000 /* -2^31 - 1.5 */, INT32_MAX, FP_NV},
        {0x41f0000000180000 /* 2^32 + 1.5 */, 1, FP_NV},
        {0x4340000000000001 /* 2^53 + 2 */, 2, FP_NV},
        {0x4530000000000001 /* 2^84 + 2^32 */, 0, FP_NV},
        {0x4520000000000001 /* 2^83 + 2^31 */, INT32_MIN, FP_NV},
        {LARGEST, 0, FP_NV},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct fp_env env = {.round = FP_RUP};
        g_assert_cmpint(f64_to_i32_mod(cases[i].x, &env), ==, cases[i].want);
        g_assert_cmphex(env.flags, ==, cases[i].flags);
    }
}

/* RISC-V F 2.9: bit number of each class, in the order of the real line, then the NaNs. */
static void test_class_masks(void)
{
    const struct format *const formats[] = {&fmt16, &fmt32, &fmt64};
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        const struct format *f = formats[i];
        uint64_t inf = infinity_of(f), sign = sign_of(f), normal = 1ull << f->frac_bits;
        const uint64_t samples[][2] = {{sign | inf, sign | inf},
                                       {sign | normal, sign | (inf - 1)},
                                       {sign | 1, sign | (normal - 1)},
                                       {sign, sign},
                                       {0, 0},
                                       {1, normal - 1},
                                       {normal, inf - 1},
                                       {inf, inf},
                                       {inf + 1, sign | (quiet_nan(f) - 1)},
                                       {quiet_nan(f), sign | (sign - 1)}};
        for (unsigned bit = 0; bit < G_N_ELEMENTS(samples); bit++) {
            for (int j = 0; j < 2; j++) {
                uint64_t x = samples[bit][j];
                unsigned got = i == 0 ? f16_class(x) : i == 1 ? f32_class(x) : f64_class(x);
                g_assert_cmphex(got, ==, 1u << bit);
            }
        }
    }
}

/* 5.11: which predicates raise NV, and that none holds with a NaN. */
static void test_predicates_and_nans(void)
{
    const struct {
        bool (*fn)(f64, f64, struct fp_env *);
        bool signalling, of_nan;
    } cases[] = {
        {f64_eq, false, false},       {f64_lt, true, false},        {f64_le, true, false},
        {f64_lt_quiet, false, false}, {f64_le_quiet, false, false}, {f64_unordered, false, true},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct fp_env quiet = {0}, signalling = {0};
        g_assert_true(cases[i].fn(QNAN, ONE, &quiet) == cases[i].of_nan);
        g_assert_true(cases[i].fn(ONE, QNAN, &quiet) == cases[i].of_nan);
        g_assert_cmphex(quiet.flags, ==, cases[i].signalling ? FP_NV : 0);
        g_assert_true(cases[i].fn(ONE, SNAN_1, &signalling) == cases[i].of_nan);
        g_assert_cmphex(signalling.flags, ==, FP_NV);
    }
}

static void test_half_precision_predicates(void)
{
    struct fp_env env = {0};
    g_assert_true(f16_lt(N_INF, N_ZERO, &env));
    g_assert_true(f16_le(N_ZERO, 0, &env) && f16_le(0, N_ZERO, &env));
    g_assert_false(f16_lt_quiet(N_ZERO, 0, &env));
    g_assert_true(f16_eq(0, N_ZERO, &env));
    g_assert_true(f16_le_quiet(P_INF, P_INF, &env));
    g_assert_false(f16_unordered(N_INF, P_INF, &env));
    g_assert_cmphex(f16_min(0, N_ZERO, &env), ==, N_ZERO);
    g_assert_cmphex(f16_max(0x7e00, 1, &env), ==, 1);
    g_assert_cmphex(f16_minimum(0x7e00, 1, &env), ==, 0x7e00);
    g_assert_cmphex(f16_maximum(N_INF, 1, &env), ==, 1);
    g_assert_cmphex(env.flags, ==, 0);
}

/* Arm FZ: inputs counted in IDC, outputs by UFC alone, judged before rounding. x86: see the MXCSR
 * test. */
static void test_flushing_the_arm_way(void)
{
    struct fp_env env = {.tiny_before = true, .flush_inputs = true, .flush_outputs = true};
    g_assert_cmphex(f64_add(1, NEG_ZERO, &env), ==, 0);
    g_assert_cmphex(env.flags, ==, FP_ID);
    env.flags = 0;
    g_assert_cmphex(f64_mul(LEAST_NORMAL | NEG_ZERO, 0x3fe0000000000000, &env), ==, NEG_ZERO);
    g_assert_cmphex(env.flags, ==, FP_UF);
    env.flags = 0;
    /* rounds up to the least normal number, but is tiny before that */
    g_assert_cmphex(f64_mul(LEAST_NORMAL, 0x3fefffffffffffff, &env), ==, 0);
    g_assert_cmphex(env.flags, ==, FP_UF);
    env.flags = 0;
    g_assert_true(f64_eq(1, NEG_ZERO, &env));
    g_assert_cmphex(f64_max(1, 0x800000000000000f, &env), ==, 0);
    g_assert_cmphex(f64_to_i64(1, FP_RUP, &env), ==, 0);
    g_assert_cmphex(f64_div(1, QNAN, &env), ==, QNAN);
    g_assert_cmphex(env.flags, ==, FP_ID);
    env.flags = 0;
    g_assert_cmphex(f16_add(1, 0, &env), ==, 0);
    g_assert_cmphex(env.flags, ==, 0);
}

/* A guest may leave a reserved number in its rounding-mode field: it truncates, and no more. */
static void test_reserved_rounding_modes_truncate(void)
{
    struct fp_env env = {.round = 7};
    g_assert_cmphex(f64_div(ONE, 0x4008000000000000, &env), ==, 0x3fd5555555555555);
    g_assert_cmphex(f64_to_i32(0x3fffffffffffffff, (enum fp_round)7, &env), ==, 1);
    g_assert_cmphex(f64_mul(LARGEST, LARGEST, &env), ==, LARGEST);
}

static void test_flags_are_sticky(void)
{
    struct fp_env env = {0};
    f64_div(ONE, 0, &env);
    f64_add(ONE, 1, &env);
    f64_add(ONE, ONE, &env);
    g_assert_cmphex(env.flags, ==, FP_DZ | FP_NX);
}

static const struct {
    const char *path;
    void (*fn)(void);
} tests[] = {
    {"/fpu/host/arithmetic", test_arithmetic_agrees_with_the_host},
    {"/fpu/host/conversions", test_conversions_agree_with_the_host},
    {"/fpu/host/comparisons", test_comparisons_agree_with_the_host},
    {"/fpu/host/min-max", test_min_and_max_agree_with_the_host},
    {"/fpu/oracle/arithmetic", test_arithmetic_agrees_with_the_oracle},
    {"/fpu/oracle/every-half", test_every_half_converts_and_has_a_root},
    {"/fpu/oracle/half-round-trip", test_every_half_survives_a_round_trip},
    {"/fpu/oracle/from-integer", test_integers_convert_to_floats},
    {"/fpu/oracle/to-integer", test_floats_convert_to_integers},
    {"/fpu/oracle/round-int", test_rounding_to_integral_values},
    {"/fpu/oracle/fcvtmod", test_fcvtmod_wraps},
    {"/fpu/rules/min-max", test_min_and_max_rules},
    {"/fpu/rules/order-by-format", test_narrow_formats_order_like_binary64},
    {"/fpu/rules/min-flush", test_min_does_not_flush_its_result},
    {"/fpu/rules/nan", test_nan_rules_of_two_operands},
    {"/fpu/rules/nan-fma", test_nan_rules_of_fma},
    {"/fpu/rules/nan-conversion", test_nan_payloads_in_conversions},
    {"/fpu/rules/saturate", test_integer_conversions_saturate},
    {"/fpu/rules/fcvtmod", test_fcvtmod_rules},
    {"/fpu/rules/class", test_class_masks},
    {"/fpu/rules/predicates", test_predicates_and_nans},
    {"/fpu/rules/half", test_half_precision_predicates},
    {"/fpu/rules/flush-arm", test_flushing_the_arm_way},
    {"/fpu/rules/reserved-rounding", test_reserved_rounding_modes_truncate},
    {"/fpu/rules/sticky", test_flags_are_sticky},
};

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add_func(tests[i].path, tests[i].fn);
    return g_test_run();
}
