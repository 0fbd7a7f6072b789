/*
 * The softfloat library in x86 mode against SSE, FMA3 and F16C instructions: NaNs bit for bit, and
 * every MXCSR flag with every setting of RC, DAZ and FTZ.  Skipped on other hosts.
 * Ref: Intel SDM vol. 1, chapters 4.8, 4.9, 10.2.3, 11.5.
 */
#include "fpu/softfloat.h"

#include <glib.h>
#include <inttypes.h>

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

enum { VECTORS = 40000 };
enum { MXCSR_MASKED = 0x1f80, MXCSR_DAZ = 0x40, MXCSR_FTZ = 0x8000, MXCSR_RC_SHIFT = 13 };

/* MXCSR.RC encodes RN, RD, RU, RZ. */
static const uint8_t rc_round[] = {FP_RNE, FP_RDN, FP_RUP, FP_RTZ};

/* Runs one instruction under the given MXCSR; returns what becomes of that register. */
#define BINARY(insn, width)                                                                        \
    static uint32_t run_##insn(uint32_t csr, const uint64_t *x, uint64_t *r)                       \
    {                                                                                              \
        __m128i a = _mm_cvtsi64_si128(x[0]), b = _mm_cvtsi64_si128(x[1]);                          \
        uint32_t saved = _mm_getcsr();                                                             \
        __asm__ volatile("ldmxcsr %1\n\t" #insn " %2, %0\n\tstmxcsr %1\n\tldmxcsr %3"              \
                         : "+x"(a), "+m"(csr)                                                      \
                         : "x"(b), "m"(saved));                                                    \
        *r = (uint64_t)_mm_cvtsi128_si64(a) & (UINT64_MAX >> (64 - (width)));                      \
        return csr;                                                                                \
    }

#define UNARY(insn, args, width)                                                                   \
    static uint32_t run_##insn(uint32_t csr, const uint64_t *x, uint64_t *r)                       \
    {                                                                                              \
        __m128i a = _mm_setzero_si128(), b = _mm_cvtsi64_si128(x[0]);                              \
        uint32_t saved = _mm_getcsr();                                                             \
        __asm__ volatile("ldmxcsr %1\n\t" #insn " " args "\n\tstmxcsr %1\n\tldmxcsr %3"            \
                         : "+x"(a), "+m"(csr)                                                      \
                         : "x"(b), "m"(saved));                                                    \
        *r = (uint64_t)_mm_cvtsi128_si64(a) & (UINT64_MAX >> (64 - (width)));                      \
        return csr;                                                                                \
    }

/* The 132 forms compute first * third + second, in the SDM's order of operands. */
#define FUSED(insn, width)                                                                         \
    static uint32_t run_##insn(uint32_t csr, const uint64_t *x, uint64_t *r)                       \
    {                                                                                              \
        __m128i a = _mm_cvtsi64_si128(x[0]), b = _mm_cvtsi64_si128(x[1]);                          \
        __m128i c = _mm_cvtsi64_si128(x[2]);                                                       \
        uint32_t saved = _mm_getcsr();                                                             \
        __asm__ volatile("ldmxcsr %1\n\t" #insn " %2, %4, %0\n\tstmxcsr %1\n\tldmxcsr %3"          \
                         : "+x"(a), "+m"(csr)                                                      \
                         : "x"(b), "m"(saved), "x"(c));                                            \
        *r = (uint64_t)_mm_cvtsi128_si64(a) & (UINT64_MAX >> (64 - (width)));                      \
        return csr;                                                                                \
    }

BINARY(addsd, 64)
BINARY(subsd, 64)
BINARY(mulsd, 64)
BINARY(divsd, 64)
BINARY(addss, 32)
BINARY(subss, 32)
BINARY(mulss, 32)
BINARY(divss, 32)
UNARY(sqrtsd, "%2, %0", 64)
UNARY(sqrtss, "%2, %0", 32)
UNARY(cvtsd2ss, "%2, %0", 32)
UNARY(cvtss2sd, "%2, %0", 64)
UNARY(roundsd, "$4, %2, %0", 64)
UNARY(roundss, "$4, %2, %0", 32)
UNARY(vcvtph2ps, "%2, %0", 32)
UNARY(vcvtps2ph, "$4, %2, %0", 16)
FUSED(vfmadd132sd, 64)
FUSED(vfmsub132sd, 64)
FUSED(vfnmadd132sd, 64)
FUSED(vfnmsub132sd, 64)
FUSED(vfmadd132ss, 32)

#define COMPARISON(insn)                                                                           \
    static uint32_t run_##insn(uint32_t csr, const uint64_t *x, uint64_t *r)                       \
    {                                                                                              \
        __m128i a = _mm_cvtsi64_si128(x[0]), b = _mm_cvtsi64_si128(x[1]);                          \
        uint32_t saved = _mm_getcsr();                                                             \
        bool unordered, carry, zero;                                                               \
        __asm__ volatile("ldmxcsr %0\n\t" #insn " %5, %4\n\t"                                      \
                         "setp %1\n\tsetc %2\n\tsetz %3\n\tstmxcsr %0\n\tldmxcsr %6"               \
                         : "+m"(csr), "=&q"(unordered), "=&q"(carry), "=&q"(zero)                  \
                         : "x"(a), "x"(b), "m"(saved)                                              \
                         : "cc");                                                                  \
        *r = unordered ? 4 : carry | zero << 1;                                                    \
        return csr;                                                                                \
    }

COMPARISON(ucomisd)
COMPARISON(comisd)
COMPARISON(ucomiss)

#define TO_INTEGER(insn)                                                                           \
    static uint32_t run_##insn(uint32_t csr, const uint64_t *x, uint64_t *r)                       \
    {                                                                                              \
        __m128i a = _mm_cvtsi64_si128(x[0]);                                                       \
        uint32_t saved = _mm_getcsr();                                                             \
        __asm__ volatile("ldmxcsr %0\n\t" #insn " %2, %q1\n\tstmxcsr %0\n\tldmxcsr %3"             \
                         : "+m"(csr), "=&r"(*r)                                                    \
                         : "x"(a), "m"(saved));                                                    \
        return csr;                                                                                \
    }

TO_INTEGER(cvtsd2si)
TO_INTEGER(cvtss2si)

/* The library's side, one function a row */

static uint64_t soft_add64(const uint64_t *x, struct fp_env *env)
{
    return f64_add(x[0], x[1], env);
}

static uint64_t soft_sub64(const uint64_t *x, struct fp_env *env)
{
    return f64_sub(x[0], x[1], env);
}

static uint64_t soft_mul64(const uint64_t *x, struct fp_env *env)
{
    return f64_mul(x[0], x[1], env);
}

static uint64_t soft_div64(const uint64_t *x, struct fp_env *env)
{
    return f64_div(x[0], x[1], env);
}

static uint64_t soft_add32(const uint64_t *x, struct fp_env *env)
{
    return f32_add(x[0], x[1], env);
}

static uint64_t soft_sub32(const uint64_t *x, struct fp_env *env)
{
    return f32_sub(x[0], x[1], env);
}

static uint64_t soft_mul32(const uint64_t *x, struct fp_env *env)
{
    return f32_mul(x[0], x[1], env);
}

static uint64_t soft_div32(const uint64_t *x, struct fp_env *env)
{
    return f32_div(x[0], x[1], env);
}

static uint64_t soft_sqrt64(const uint64_t *x, struct fp_env *env)
{
    return f64_sqrt(x[0], env);
}

static uint64_t soft_sqrt32(const uint64_t *x, struct fp_env *env)
{
    return f32_sqrt(x[0], env);
}

static uint64_t soft_narrow(const uint64_t *x, struct fp_env *env)
{
    return f64_to_f32(x[0], env);
}

static uint64_t soft_widen(const uint64_t *x, struct fp_env *env)
{
    return f32_to_f64(x[0], env);
}

static uint64_t soft_round64(const uint64_t *x, struct fp_env *env)
{
    return f64_round_int(x[0], env->round, true, env);
}

static uint64_t soft_round32(const uint64_t *x, struct fp_env *env)
{
    return f32_round_int(x[0], env->round, true, env);
}

/* VCVTPH2PS ignores DAZ, VCVTPS2PH ignores FTZ (SDM vol. 2). */
static uint64_t soft_widen_half(const uint64_t *x, struct fp_env *env)
{
    env->flush_inputs = false;
    return f16_to_f32(x[0], env);
}

static uint64_t soft_narrow_half(const uint64_t *x, struct fp_env *env)
{
    env->flush_outputs = false;
    return f32_to_f16(x[0], env);
}

static uint64_t soft_fmadd64(const uint64_t *x, struct fp_env *env)
{
    return f64_fma(x[0], x[1], x[2], 0, env);
}

static uint64_t soft_fmsub64(const uint64_t *x, struct fp_env *env)
{
    return f64_fma(x[0], x[1], x[2], FP_NEG_ADDEND, env);
}

static uint64_t soft_fnmadd64(const uint64_t *x, struct fp_env *env)
{
    return f64_fma(x[0], x[1], x[2], FP_NEG_PRODUCT, env);
}

static uint64_t soft_fnmsub64(const uint64_t *x, struct fp_env *env)
{
    return f64_fma(x[0], x[1], x[2], FP_NEG_PRODUCT | FP_NEG_ADDEND, env);
}

static uint64_t soft_fmadd32(const uint64_t *x, struct fp_env *env)
{
    return f32_fma(x[0], x[1], x[2], 0, env);
}

/* As the run_ functions report: 1 less, 2 equal, 4 unordered, 0 greater. */
static uint64_t soft_ucomi64(const uint64_t *x, struct fp_env *env)
{
    return f64_lt_quiet(x[0], x[1], env) | f64_eq(x[0], x[1], env) << 1 |
           f64_unordered(x[0], x[1], env) << 2;
}

static uint64_t soft_comi64(const uint64_t *x, struct fp_env *env)
{
    bool less = f64_lt(x[0], x[1], env), unordered = f64_unordered(x[0], x[1], env);
    return unordered << 2 | less | (f64_le(x[0], x[1], env) && !less) << 1;
}

static uint64_t soft_ucomi32(const uint64_t *x, struct fp_env *env)
{
    return f32_lt_quiet(x[0], x[1], env) | f32_eq(x[0], x[1], env) << 1 |
           f32_unordered(x[0], x[1], env) << 2;
}

/* Out of range is the "integer indefinite" on x86. */
static uint64_t soft_to_int64(const uint64_t *x, struct fp_env *env)
{
    uint64_t r = f64_to_i64(x[0], env->round, env);
    return env->flags & FP_NV ? 1ull << 63 : r;
}

static uint64_t soft_to_int32(const uint64_t *x, struct fp_env *env)
{
    uint64_t r = f32_to_i64(x[0], env->round, env);
    return env->flags & FP_NV ? 1ull << 63 : r;
}

enum feature { BASE, FMA, F16C };

static const struct op {
    const char *name;
    enum feature needs;
    unsigned frac_bits, exp_bits; /* of the operands */
    uint32_t (*hard)(uint32_t csr, const uint64_t *x, uint64_t *r);
    uint64_t (*soft)(const uint64_t *x, struct fp_env *env);
} ops[] = {
    {"addsd", BASE, 52, 11, run_addsd, soft_add64},
    {"subsd", BASE, 52, 11, run_subsd, soft_sub64},
    {"mulsd", BASE, 52, 11, run_mulsd, soft_mul64},
    {"divsd", BASE, 52, 11, run_divsd, soft_div64},
    {"sqrtsd", BASE, 52, 11, run_sqrtsd, soft_sqrt64},
    {"addss", BASE, 23, 8, run_addss, soft_add32},
    {"subss", BASE, 23, 8, run_subss, soft_sub32},
    {"mulss", BASE, 23, 8, run_mulss, soft_mul32},
    {"divss", BASE, 23, 8, run_divss, soft_div32},
    {"sqrtss", BASE, 23, 8, run_sqrtss, soft_sqrt32},
    {"cvtsd2ss", BASE, 52, 11, run_cvtsd2ss, soft_narrow},
    {"cvtss2sd", BASE, 23, 8, run_cvtss2sd, soft_widen},
    {"cvtsd2si", BASE, 52, 11, run_cvtsd2si, soft_to_int64},
    {"cvtss2si", BASE, 23, 8, run_cvtss2si, soft_to_int32},
    {"roundsd", BASE, 52, 11, run_roundsd, soft_round64},
    {"roundss", BASE, 23, 8, run_roundss, soft_round32},
    {"ucomisd", BASE, 52, 11, run_ucomisd, soft_ucomi64},
    {"comisd", BASE, 52, 11, run_comisd, soft_comi64},
    {"ucomiss", BASE, 23, 8, run_ucomiss, soft_ucomi32},
    {"vfmadd132sd", FMA, 52, 11, run_vfmadd132sd, soft_fmadd64},
    {"vfmsub132sd", FMA, 52, 11, run_vfmsub132sd, soft_fmsub64},
    {"vfnmadd132sd", FMA, 52, 11, run_vfnmadd132sd, soft_fnmadd64},
    {"vfnmsub132sd", FMA, 52, 11, run_vfnmsub132sd, soft_fnmsub64},
    {"vfmadd132ss", FMA, 23, 8, run_vfmadd132ss, soft_fmadd32},
    {"vcvtph2ps", F16C, 10, 5, run_vcvtph2ps, soft_widen_half},
    {"vcvtps2ph", F16C, 23, 8, run_vcvtps2ph, soft_narrow_half},
};

/* clang 14's __builtin_cpu_supports does not know it */
static bool cpuid_has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
}

static bool host_has(enum feature f)
{
    switch (f) {
    case BASE: return __builtin_cpu_supports("sse4.1");
    case FMA: return __builtin_cpu_supports("fma");
    case F16C: return __builtin_cpu_supports("avx") && cpuid_has_f16c();
    }
    g_assert_not_reached();
}

static uint64_t rng_state = 2;

/* splitmix64 */
static uint64_t rng(void)
{
    uint64_t z = rng_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

/* Zeros, infinities, NaNs, subnormals and their neighbours more often than not. */
static uint64_t operand(const struct op *op)
{
    uint64_t frac_mask = (1ull << op->frac_bits) - 1, max = (1ull << op->exp_bits) - 1;
    const uint64_t exps[] = {0,           0,
                             1,           2,
                             max,         max,
                             max / 2,     max / 2 + op->frac_bits,
                             rng() % max, max / 2 - op->frac_bits + rng() % 64 % max,
                             rng() % max};
    const uint64_t fracs[] = {0,
                              0,
                              1,
                              frac_mask,
                              (frac_mask + 1) / 2,
                              frac_mask / 2,
                              rng(),
                              rng() % 4,
                              rng(),
                              rng() & rng() & rng() & rng(),
                              rng()};
    uint64_t exp = exps[rng() % G_N_ELEMENTS(exps)] & max;
    uint64_t frac = fracs[rng() % G_N_ELEMENTS(fracs)] & frac_mask;
    return (rng() & 1) << (op->frac_bits + op->exp_bits) | exp << op->frac_bits | frac;
}

/* MXCSR holds IE DE ZE OE UE PE from bit 0. */
static uint8_t flags_of(uint32_t csr)
{
    static const uint8_t order[] = {FP_NV, FP_ID, FP_DZ, FP_OF, FP_UF, FP_NX};
    uint8_t flags = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(order); i++)
        if (csr >> i & 1)
            flags |= order[i];
    return flags;
}

static void check(const struct op *op, const uint64_t x[3], unsigned rc, uint32_t flush)
{
    struct fp_env env = {.round = rc_round[rc],
                         .nan = FP_NAN_X86,
                         .flush_inputs = flush & MXCSR_DAZ,
                         .flush_outputs = flush & MXCSR_FTZ};
    uint64_t want, got = op->soft(x, &env);
    uint8_t flags = flags_of(op->hard(MXCSR_MASKED | flush | rc << MXCSR_RC_SHIFT, x, &want));
    if (got != want || env.flags != flags)
        g_error("%s(%#" PRIx64 ", %#" PRIx64 ", %#" PRIx64 ") RC %u flush %#x: got %#" PRIx64
                " flags %#x, want %#" PRIx64 " flags %#x",
                op->name, x[0], x[1], x[2], rc, flush, got, env.flags, want, flags);
}

static void test_instruction(gconstpointer data)
{
    const struct op *op = data;
    static const uint32_t flush[] = {0, MXCSR_DAZ, MXCSR_FTZ, MXCSR_DAZ | MXCSR_FTZ};
    if (!host_has(op->needs)) {
        g_test_skip("the host lacks the instruction");
        return;
    }
    for (int n = 0; n < VECTORS; n++) {
        const uint64_t x[3] = {operand(op), operand(op), operand(op)};
        for (unsigned i = 0; i < 4 * G_N_ELEMENTS(flush); i++)
            check(op, x, i & 3, flush[i >> 2]);
    }
}

static void add_tests(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ops); i++) {
        g_autofree char *path = g_strdup_printf("/fpu/x86/%s", ops[i].name);
        g_test_add_data_func(path, &ops[i], test_instruction);
    }
}

#else

static void test_nothing(void)
{
    g_test_skip("not an x86-64 host");
}

static void add_tests(void)
{
    g_test_add_func("/fpu/x86", test_nothing);
}

#endif

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_tests();
    return g_test_run();
}
