/*
 * Add, subtract, multiply, divide, square root and fused multiply-add on unpacked numbers.
 * Ref: IEEE Std 754-2019 clauses 5.4.1, 6.1, 6.3, 7.2, 7.3.
 */
#include "fpu/softfloat.h"
#include "fpu/softfloat_priv.h"

static struct fp_num signed_zero(bool sign)
{
    return (struct fp_num){.kind = KIND_ZERO, .sign = sign};
}

static struct fp_num signed_infinity(bool sign)
{
    return (struct fp_num){.kind = KIND_INF, .sign = sign};
}

static struct fp_num pick_nan2(const struct fp_num *a, const struct fp_num *b, struct fp_env *env)
{
    const struct fp_num *const ops[] = {a, b};
    return fp_pick_nan(ops, 2, env);
}

/* The high half: all of a significand of at most 64 bits. */
static uint64_t sig64(const struct fp_num *n)
{
    return n->sig >> 64;
}

static struct fp_num add_magnitudes(const struct fp_num *a, const struct fp_num *b)
{
    u128 low = fp_shift_right_jam(b->sig, a->exp - b->exp);
    struct fp_num r = {.kind = KIND_FINITE, .sign = a->sign, .exp = a->exp, .sig = a->sig + low};
    if (r.sig < low) {
        r.sig = fp_shift_right_jam(r.sig, 1) | FP_SIG_TOP;
        r.exp++;
    }
    return r;
}

/*
 * a - b for |a| > |b|. Jamming is safe: bits are lost only if the exponents differ by 2 or more
 * (operands, even the products of fma, have many zero bits at the end), and then the difference
 * loses at most one leading bit, so that the jammed bit stays far below the rounding point.
 */
static struct fp_num sub_magnitudes(const struct fp_num *a, const struct fp_num *b)
{
    return fp_normalise(a->sign, a->exp, a->sig - fp_shift_right_jam(b->sig, a->exp - b->exp));
}

static struct fp_num add_finite(const struct fp_num *a, const struct fp_num *b,
                                const struct fp_env *env)
{
    bool swap = a->exp != b->exp ? a->exp < b->exp : a->sig < b->sig;
    const struct fp_num *big = swap ? b : a, *small = swap ? a : b;
    if (a->sign == b->sign)
        return add_magnitudes(big, small);
    if (a->exp == b->exp && a->sig == b->sig)
        return signed_zero(env->round == FP_RDN); /* 6.3 */
    return sub_magnitudes(big, small);
}

static struct fp_num add_special(const struct fp_num *a, const struct fp_num *b, struct fp_env *env)
{
    if (a->kind == b->kind && a->sign != b->sign)
        return a->kind == KIND_INF ? fp_invalid(env) : signed_zero(env->round == FP_RDN);
    return a->kind > b->kind ? *a : *b; /* the other is smaller beyond reach */
}

/* Neither is a NaN. */
struct fp_num fp_add_numbers(const struct fp_num *a, const struct fp_num *b, struct fp_env *env)
{
    if (a->kind == KIND_FINITE && b->kind == KIND_FINITE)
        return add_finite(a, b, env);
    return add_special(a, b, env);
}

static struct fp_num add(const struct fp_num *a, const struct fp_num *b, struct fp_env *env)
{
    if (fp_is_nan(a) || fp_is_nan(b))
        return pick_nan2(a, b, env);
    fp_note_subnormal(a->subnormal || b->subnormal, env);
    return fp_add_numbers(a, b, env);
}

uint64_t fp_add(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    struct fp_num x = fp_unpack(f, a, env), y = fp_unpack(f, b, env);
    struct fp_num r = add(&x, &y, env);
    return fp_pack(f, &r, env);
}

uint64_t fp_sub(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    struct fp_num x = fp_unpack(f, a, env), y = fp_unpack(f, b, env);
    y.sign ^= !fp_is_nan(&y); /* a NaN comes through with its own sign */
    struct fp_num r = add(&x, &y, env);
    return fp_pack(f, &r, env);
}

/* Exact: 64 times 64 bits are 128. */
static struct fp_num mul_finite(const struct fp_num *a, const struct fp_num *b)
{
    u128 product = (u128)sig64(a) * sig64(b);
    bool carried = product >> 127;
    return (struct fp_num){.kind = KIND_FINITE,
                           .sign = a->sign ^ b->sign,
                           .exp = a->exp + b->exp + carried,
                           .sig = product << !carried};
}

static bool is_infinity_by_zero(const struct fp_num *a, const struct fp_num *b)
{
    return (a->kind == KIND_INF && b->kind == KIND_ZERO) ||
           (a->kind == KIND_ZERO && b->kind == KIND_INF);
}

static struct fp_num mul_special(const struct fp_num *a, const struct fp_num *b, struct fp_env *env)
{
    if (is_infinity_by_zero(a, b))
        return fp_invalid(env);
    bool sign = a->sign ^ b->sign;
    bool infinite = a->kind == KIND_INF || b->kind == KIND_INF;
    return infinite ? signed_infinity(sign) : signed_zero(sign);
}

/* Neither is a NaN. */
struct fp_num fp_mul_numbers(const struct fp_num *a, const struct fp_num *b, struct fp_env *env)
{
    if (a->kind == KIND_FINITE && b->kind == KIND_FINITE)
        return mul_finite(a, b);
    return mul_special(a, b, env);
}

static struct fp_num mul(const struct fp_num *a, const struct fp_num *b, struct fp_env *env)
{
    if (fp_is_nan(a) || fp_is_nan(b))
        return pick_nan2(a, b, env);
    fp_note_subnormal(a->subnormal || b->subnormal, env);
    return fp_mul_numbers(a, b, env);
}

uint64_t fp_mul(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    struct fp_num x = fp_unpack(f, a, env), y = fp_unpack(f, b, env);
    struct fp_num r = mul(&x, &y, env);
    return fp_pack(f, &r, env);
}

/* 65 bits of quotient, the first of them one, and a sticky bit for the remainder. */
static struct fp_num div_finite(const struct fp_num *a, const struct fp_num *b)
{
    uint64_t dividend = sig64(a), divisor = sig64(b);
    bool below_one = dividend < divisor;
    u128 wide = (u128)dividend << (63 + below_one);
    uint64_t quotient = wide / divisor;
    u128 twice = (wide - (u128)quotient * divisor) << 1;
    bool guard = twice >= divisor;
    bool sticky = twice != (guard ? divisor : 0);
    return (struct fp_num){.kind = KIND_FINITE,
                           .sign = a->sign ^ b->sign,
                           .exp = a->exp - b->exp - below_one,
                           .sig = (u128)quotient << 64 | (u128)guard << 63 | sticky};
}

static struct fp_num div_special(const struct fp_num *a, const struct fp_num *b, struct fp_env *env)
{
    if (a->kind == b->kind)
        return fp_invalid(env); /* 0/0 and inf/inf */
    bool sign = a->sign ^ b->sign;
    if (a->kind == KIND_INF)
        return signed_infinity(sign);
    if (b->kind != KIND_ZERO)
        return signed_zero(sign);
    env->flags |= FP_DZ;
    return signed_infinity(sign);
}

struct fp_num fp_divide(const struct fp_num *a, const struct fp_num *b, struct fp_env *env)
{
    if (fp_is_nan(a) || fp_is_nan(b))
        return pick_nan2(a, b, env);
    /* Division by zero outranks x86's DE, as invalid operations do (SDM vol. 1, 4.9.2). */
    fp_note_subnormal((a->subnormal && b->kind != KIND_ZERO) || b->subnormal, env);
    if (a->kind == KIND_FINITE && b->kind == KIND_FINITE)
        return div_finite(a, b);
    return div_special(a, b, env);
}

uint64_t fp_div(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    struct fp_num x = fp_unpack(f, a, env), y = fp_unpack(f, b, env);
    struct fp_num r = fp_divide(&x, &y, env);
    return fp_pack(f, &r, env);
}

/* floor(sqrt(n)) by the schoolbook method, one bit a step; *rem is what is left of n. */
static uint64_t isqrt64(uint64_t n, uint64_t *rem)
{
    uint64_t root = 0;
    for (uint64_t bit = 1ull << 62; bit; bit >>= 2) {
        uint64_t trial = root + bit;
        root >>= 1;
        if (n >= trial) {
            n -= trial;
            root += bit;
        }
    }
    *rem = n;
    return root;
}

/*
 * floor(sqrt(n)) for n >= 2^126, from the root of the upper half by one division.
 * Ref: P. Zimmermann, "Karatsuba Square Root", INRIA RR-3805 (1999): the estimate is at most one
 * too large, which shows as a negative remainder.
 */
static uint64_t isqrt128(u128 n)
{
    uint64_t rem, high = isqrt64(n >> 64, &rem);
    u128 dividend = (u128)rem << 32 | (uint32_t)(n >> 32);
    uint64_t quotient = dividend / (2 * high);
    u128 left = (dividend - (u128)quotient * 2 * high) << 32 | (uint32_t)n;
    u128 square = (u128)quotient * quotient;
    /* high and quotient may both be all ones and one more: wraps, and the -1 unwraps. */
    return (high << 32) + quotient - (left < square);
}

/* 65 bits and a sticky one: a root that is not exact does not end at the guard bit, either. */
static u128 with_guard(uint64_t root, u128 n)
{
    u128 left = n - (u128)root * root;
    return (u128)root << 64 | (u128)(left > root) << 63 | (left != 0);
}

/* sqrt(m * 2^e) = sqrt(m * 2^(e mod 2)) * 2^floor(e / 2), the radicand lying in [1, 4). */
static struct fp_num sqrt_finite(const struct fp_num *a)
{
    bool odd = a->exp & 1;
    u128 radicand = a->sig >> !odd;
    uint64_t root = isqrt128(radicand);
    return (struct fp_num){
        .kind = KIND_FINITE, .exp = (a->exp - odd) / 2, .sig = with_guard(root, radicand)};
}

struct fp_num fp_square_root(const struct fp_num *a, struct fp_env *env)
{
    if (fp_is_nan(a))
        return fp_pick_nan(&a, 1, env);
    if (a->kind == KIND_ZERO)
        return *a;
    if (a->sign)
        return fp_invalid(env);
    if (a->kind == KIND_INF)
        return *a;
    fp_note_subnormal(a->subnormal, env);
    return sqrt_finite(a);
}

uint64_t fp_sqrt(const struct fp_format *f, uint64_t a, struct fp_env *env)
{
    struct fp_num x = fp_unpack(f, a, env);
    struct fp_num r = fp_square_root(&x, env);
    return fp_pack(f, &r, env);
}

/*
 * The three architectures differ. RISC-V F 2.8: inf * 0 raises NV whatever the addend. Arm
 * FPMulAdd: the addend comes first in the order, and inf * 0 + qNaN gives the default NaN with NV.
 * Intel SDM vol. 1, 14.5.2: inf * 0 + qNaN gives that NaN, without NV.
 */
static struct fp_num fma_nan(const struct fp_num *a, const struct fp_num *b, const struct fp_num *c,
                             struct fp_env *env)
{
    if (env->nan == FP_NAN_X86)
        return fp_pick_nan((const struct fp_num *const[]){a, b, c}, 3, env);
    if (is_infinity_by_zero(a, b)) {
        env->flags |= FP_NV;
        if (c->kind == KIND_QNAN)
            return fp_default_nan(env);
    }
    return fp_pick_nan((const struct fp_num *const[]){c, a, b}, 3, env);
}

struct fp_num fp_multiply_add(const struct fp_num *a, const struct fp_num *b,
                              const struct fp_num *c, struct fp_env *env)
{
    if (fp_is_nan(a) || fp_is_nan(b) || fp_is_nan(c))
        return fma_nan(a, b, c, env);
    struct fp_num product = fp_mul_numbers(a, b, env);
    if (fp_is_nan(&product))
        return product;
    struct fp_num sum = fp_add_numbers(&product, c, env);
    bool subnormal = a->subnormal || b->subnormal || c->subnormal;
    fp_note_subnormal(subnormal && !fp_is_nan(&sum), env);
    return sum;
}

uint64_t fp_fma(const struct fp_format *f, struct fp_fma_args args, struct fp_env *env)
{
    struct fp_num a = fp_unpack(f, args.a, env), b = fp_unpack(f, args.b, env);
    struct fp_num c = fp_unpack(f, args.c, env);
    /* Arm negates operands before it looks at them, NaN or not; x86 negates terms. */
    bool always = env->nan == FP_NAN_ARM;
    if (args.neg & FP_NEG_PRODUCT)
        a.sign ^= always || !fp_is_nan(&a);
    if (args.neg & FP_NEG_ADDEND)
        c.sign ^= always || !fp_is_nan(&c);
    struct fp_num r = fp_multiply_add(&a, &b, &c, env);
    return fp_pack(f, &r, env);
}
