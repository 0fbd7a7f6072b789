/*
 * Inside of fpu/: one unpacked number for all formats, and operations by format descriptor.
 *
 * A new interchange format of up to 62 significant bits is a descriptor. Wider ones (x87,
 * binary128) unpack and pack themselves and share the rest: multiplication is exact up to 64 bits,
 * division and square root yield 65 bits and a sticky one, addition has room for 126.
 */
#ifndef FPU_SOFTFLOAT_PRIV_H
#define FPU_SOFTFLOAT_PRIV_H

#include "fpu/softfloat.h"

typedef unsigned __int128 u128;

/* An interchange format (3.4): sign, exp_bits of biased exponent, frac_bits of fraction. */
struct fp_format {
    uint8_t frac_bits;
    uint8_t exp_bits;
    bool hides_subnormals; /* subnormal operands never raise FP_ID */
};

extern const struct fp_format fp_format_f16, fp_format_bf16, fp_format_f32, fp_format_f64;

/* Ordered by magnitude; the NaNs last. */
enum fp_kind { KIND_ZERO, KIND_FINITE, KIND_INF, KIND_QNAN, KIND_SNAN };

/*
 * KIND_FINITE is (-1)^sign * sig * 2^(exp - 127) with bit 127 of sig set; bit 0 may be sticky, that
 * is, stand for anything non-zero below it. In NaNs sig holds the payload, quiet bit at bit 126.
 */
struct fp_num {
    u128 sig;
    int32_t exp;
    uint8_t kind;
    bool sign;
    bool subnormal; /* was unpacked from a subnormal that was not flushed */
};

#define FP_SIG_TOP   ((u128)1 << 127)
#define FP_SIG_QUIET ((u128)1 << 126)

/* Largest magnitudes an integer type holds. */
struct fp_int_range {
    uint64_t negative, positive;
};

extern const struct fp_int_range fp_range_i32, fp_range_u32, fp_range_i64, fp_range_u64;

static inline bool fp_is_nan(const struct fp_num *n)
{
    return n->kind >= KIND_QNAN;
}

/* emin: the exponent of the smallest normal number. */
static inline int32_t fp_min_exp(const struct fp_format *f)
{
    return 2 - (1 << (f->exp_bits - 1));
}

static inline unsigned fp_clz128(u128 x)
{
    return x >> 64 ? __builtin_clzll(x >> 64) : 64 + __builtin_clzll(x);
}

/* x / 2^n with everything shifted out ORed into bit 0. */
static inline u128 fp_shift_right_jam(u128 x, unsigned n)
{
    if (n == 0 || n >= 128)
        return n ? x != 0 : x;
    return x >> n | (x << (128 - n) != 0);
}

/*
 * Raises x86's DE if `any` operand is subnormal. To be called once it is known that there are no
 * NaNs and the operation is valid, for those go first (SDM vol. 1, 4.9.2).
 */
static inline void fp_note_subnormal(bool any, struct fp_env *env)
{
    if (any && env->nan == FP_NAN_X86)
        env->flags |= FP_ID;
}

/* softfloat.c: the way in and out, and the NaN rules */

/* Splits a bit pattern, flushing it first if env says so. */
struct fp_num fp_unpack(const struct fp_format *f, uint64_t bits, struct fp_env *env);
/* Rounds to the format, raising NX, UF and OF. n's own flags must have been raised before. */
uint64_t fp_pack(const struct fp_format *f, const struct fp_num *n, struct fp_env *env);
/* sig * 2^(exp - 127) for any sig, with bit 127 not necessarily set: zero or finite. */
struct fp_num fp_normalise(bool sign, int32_t exp, u128 sig);
/* Does direction rm enlarge a magnitude of last bit `odd`, `rest` / 2^128 ulp being cut off? */
bool fp_rounds_up(enum fp_round rm, bool sign, bool odd, u128 rest);
/* Chooses among n operands, one of them a NaN; raises NV if any is signalling. */
struct fp_num fp_pick_nan(const struct fp_num *const *ops, unsigned n, struct fp_env *env);
/* Raises NV and gives the default NaN (7.2). */
struct fp_num fp_invalid(struct fp_env *env);
struct fp_num fp_default_nan(const struct fp_env *env);

/* arith.c */
/* Before rounding; of numbers: neither is a NaN. */
struct fp_num fp_add_numbers(const struct fp_num *a, const struct fp_num *b, struct fp_env *env);
struct fp_num fp_mul_numbers(const struct fp_num *a, const struct fp_num *b, struct fp_env *env);
/* The same of anything, with NaNs chosen and x86's DE noted. */
struct fp_num fp_divide(const struct fp_num *a, const struct fp_num *b, struct fp_env *env);
struct fp_num fp_square_root(const struct fp_num *a, struct fp_env *env);
uint64_t fp_add(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_sub(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_mul(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_div(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_sqrt(const struct fp_format *f, uint64_t a, struct fp_env *env);
struct fp_fma_args {
    uint64_t a, b, c;
    int neg;
};
/* a * b + c before it is rounded, NaNs chosen. */
struct fp_num fp_multiply_add(const struct fp_num *a, const struct fp_num *b,
                              const struct fp_num *c, struct fp_env *env);
uint64_t fp_fma(const struct fp_format *f, struct fp_fma_args args, struct fp_env *env);

/* compare.c */
enum fp_order { ORDER_LESS, ORDER_EQUAL, ORDER_GREATER, ORDER_NONE };
/* NV for a signalling NaN only. */
enum fp_order fp_compare_quiet(const struct fp_format *f, uint64_t a, uint64_t b,
                               struct fp_env *env);
/* NV for any NaN. */
enum fp_order fp_compare(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_min(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_max(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_minimum(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t fp_maximum(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env);
unsigned fp_class(const struct fp_format *f, uint64_t a);

/* convert.c */
/* |n| rounded to an integer, n being a number below 2^127 (beyond any range if above). */
u128 fp_integer_magnitude(const struct fp_num *n, enum fp_round rm, bool *inexact);
uint64_t fp_round_int(const struct fp_format *f, uint64_t a, enum fp_round rm, bool exact,
                      struct fp_env *env);
/* The low bits of the result are the integer in two's complement. */
uint64_t fp_to_int(const struct fp_format *f, uint64_t a, enum fp_round rm,
                   const struct fp_int_range *range, struct fp_env *env);
int32_t fp_to_i32_mod(const struct fp_format *f, uint64_t a, struct fp_env *env);
uint64_t fp_from_signed(const struct fp_format *f, int64_t x, struct fp_env *env);
uint64_t fp_from_unsigned(const struct fp_format *f, uint64_t x, struct fp_env *env);
uint64_t fp_convert(const struct fp_format *to, const struct fp_format *from, uint64_t a,
                    struct fp_env *env);

#endif
