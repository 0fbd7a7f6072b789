/*
 * The x87's transcendental functions, in integers: 128 significant bits throughout, rounded once.
 * Circular functions take their operand modulo the 66 bits of pi that x87s have.
 * Ref: SDM volume 1, 8.3.8 (pi); volume 2, F2XM1, FYL2X, FYL2XP1, FPTAN, FPATAN, FSIN, FCOS.
 */
#include "fpu/x80_priv.h"

#define U128(high, low) ((u128)UINT64_C(high) << 64 | UINT64_C(low))

/* clang-format off */
static const struct fp_num ln2 = {.sig = U128(0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af), .exp = -1, .kind = KIND_FINITE};
static const struct fp_num log2_e = {.sig = U128(0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89), .exp = 0, .kind = KIND_FINITE};
static const struct fp_num pi = {.sig = U128(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), .exp = 1, .kind = KIND_FINITE};
static const struct fp_num half_pi = {.sig = U128(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), .exp = 0, .kind = KIND_FINITE};
static const struct fp_num quarter_pi = {.sig = U128(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), .exp = -1, .kind = KIND_FINITE};
static const struct fp_num three_quarters_pi = {.sig = U128(0x96cbe3f9990e91a7, 0x9394c9e8a0a5159d), .exp = 1, .kind = KIND_FINITE};
/* Of n / 8. */
static const struct fp_num atans[9] = {
    [1] = {.sig = U128(0xfeadd4d5617b6e32, 0xc897989f3e888ef8), .exp = -4, .kind = KIND_FINITE},
    [2] = {.sig = U128(0xfadbafc96406eb15, 0x6dc79ef5f7a217e6), .exp = -3, .kind = KIND_FINITE},
    [3] = {.sig = U128(0xb7b0ca0f26f78473, 0x8aa32122dcfe4483), .exp = -2, .kind = KIND_FINITE},
    [4] = {.sig = U128(0xed63382b0dda7b45, 0x6fe445ecbc3a8d03), .exp = -2, .kind = KIND_FINITE},
    [5] = {.sig = U128(0x8f005d5ef7f59f9b, 0x5c835e1665c43748), .exp = -1, .kind = KIND_FINITE},
    [6] = {.sig = U128(0xa4bc7d1934f70924, 0x19a87f2a457dac9f), .exp = -1, .kind = KIND_FINITE},
    [7] = {.sig = U128(0xb8053e2bc2319e73, 0xcb2da55210a4443d), .exp = -1, .kind = KIND_FINITE},
    [8] = {.sig = U128(0xc90fdaa22168c234, 0xc4c6628b80dc1cd1), .exp = -1, .kind = KIND_FINITE},
};
static const struct fp_num one = {.sig = FP_SIG_TOP, .exp = 0, .kind = KIND_FINITE};
/* clang-format on */

/* --- numbers of 128 bits: finite or zero --- */

static struct fp_num negated(struct fp_num a)
{
    a.sign = !a.sign;
    return a;
}

static struct fp_num plus(struct fp_num a, struct fp_num b)
{
    struct fp_env env = {.round = FP_RNE};
    return fp_add_numbers(&a, &b, &env);
}

static struct fp_num of_int(int64_t n)
{
    uint64_t magnitude = n < 0 ? -(uint64_t)n : (uint64_t)n;
    return fp_normalise(n < 0, 63, (u128)magnitude << 64);
}

static u128 high_product(u128 a, u128 b)
{
    uint64_t a1 = a >> 64, a0 = (uint64_t)a, b1 = b >> 64, b0 = (uint64_t)b;
    u128 middle = ((u128)a0 * b0 >> 64) + (uint64_t)((u128)a1 * b0);
    middle += (uint64_t)((u128)a0 * b1);
    return (u128)a1 * b1 + ((u128)a1 * b0 >> 64) + ((u128)a0 * b1 >> 64) + (middle >> 64);
}

static struct fp_num times(struct fp_num a, struct fp_num b)
{
    bool sign = a.sign ^ b.sign;
    if (a.kind == KIND_ZERO || b.kind == KIND_ZERO)
        return (struct fp_num){.kind = KIND_ZERO, .sign = sign};
    return fp_normalise(sign, a.exp + b.exp + 1, high_product(a.sig, b.sig));
}

/* By long division: one bit a step. */
static struct fp_num over(struct fp_num a, struct fp_num b)
{
    u128 q = 0, rest = a.sig;
    bool sign = a.sign ^ b.sign, carry = false;
    if (a.kind == KIND_ZERO)
        return (struct fp_num){.kind = KIND_ZERO, .sign = sign};
    for (unsigned i = 0; i < 128; i++) {
        bool fits = carry || rest >= b.sig;
        q = q << 1 | fits;
        rest -= fits ? b.sig : 0;
        carry = rest >> 127;
        rest <<= 1;
    }
    return fp_normalise(sign, a.exp - b.exp, q);
}

static struct fp_num over_int(struct fp_num a, uint32_t n)
{
    u128 q = a.sig / n, rest = a.sig % n;
    if (a.kind == KIND_ZERO)
        return a;
    /* the quotient's lost bits come from the remainder */
    unsigned lost = fp_clz128(q);
    q = q << lost | (lost ? (rest << lost) / n : 0);
    return (struct fp_num){
        .sig = q, .exp = a.exp - (int32_t)lost, .kind = KIND_FINITE, .sign = a.sign};
}

/* What is not rational ends in bits that never end. */
static struct f80 rounded(struct fp_num r, bool exact, struct f80_env *env)
{
    if (!exact && r.kind == KIND_FINITE)
        r.sig |= 1;
    return f80_pack(&r, 64, env);
}

static struct f80 signed_number(struct fp_num n, bool sign, bool exact, struct f80_env *env)
{
    n.sign = sign;
    return rounded(n, exact, env);
}

static struct f80 infinity(bool sign, struct f80_env *env)
{
    return signed_number((struct fp_num){.kind = KIND_INF}, sign, true, env);
}

static struct f80 zero(bool sign, struct f80_env *env)
{
    return signed_number((struct fp_num){.kind = KIND_ZERO}, sign, true, env);
}

/* --- 2^x - 1 --- */

/* e^t - 1 of |t| < 0.7: t (1 + t/2 (1 + t/3 ...)). */
static struct fp_num exp_minus_1(struct fp_num t)
{
    enum { TERMS = 34 };
    struct fp_num r = one;
    for (unsigned n = TERMS; n > 1; n--)
        r = plus(one, over_int(times(r, t), n));
    return times(r, t);
}

/* Outside of [-1, 1] the result is not defined: it is the operand, inexact. */
struct f80 f80_soft_2xm1(struct f80 a, struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    if (f80_is_special(a, a, &x, &y, &result, env))
        return result;
    env->flags |= x.subnormal ? X87_DE : 0;
    if (f80_stops(env) || x.kind == KIND_ZERO)
        return a;
    if (x.kind == KIND_INF)
        return x.sign ? signed_number(one, true, true, env) : a;
    bool is_one = x.exp == 0 && x.sig == FP_SIG_TOP;
    if (is_one && x.sign)
        return signed_number((struct fp_num){.sig = FP_SIG_TOP, .exp = -1, .kind = KIND_FINITE},
                             true, true, env);
    env->flags |= is_one ? 0 : X87_PE;
    if (x.exp >= 0)
        return a;
    return rounded(exp_minus_1(times(x, ln2)), false, env);
}

/* --- logarithms --- */

/* 2 artanh(s) of |s| < 0.18. */
static struct fp_num double_artanh(struct fp_num s)
{
    enum { TERMS = 28 };
    struct fp_num square = times(s, s), r = {.kind = KIND_ZERO};
    for (unsigned n = TERMS; n-- > 0;)
        r = plus(over_int(one, 2 * n + 1), times(r, square));
    r = times(r, s);
    r.exp += r.kind == KIND_FINITE;
    return r;
}

/* Of a positive number that is finite; a power of two gives a whole one. */
static struct fp_num log2_of(struct fp_num x)
{
    const u128 root_2 = U128(0xb504f333f9de6484, 0x597d89b3754abe9f);
    int32_t exp = x.exp + (x.sig > root_2);
    x.exp -= exp;
    struct fp_num s = over(plus(x, negated(one)), plus(x, one));
    return plus(of_int(exp), times(double_artanh(s), log2_e));
}

static bool is_power_of_2(const struct fp_num *x)
{
    return x->kind == KIND_FINITE && x->sig == FP_SIG_TOP;
}

/* y * log2(0) and of infinity. */
static struct f80 log_of_end(const struct fp_num *x, const struct fp_num *y, struct f80_env *env)
{
    bool is_zero = x->kind == KIND_ZERO;
    if (y->kind == KIND_ZERO)
        return f80_invalid(env);
    if (is_zero && y->kind == KIND_FINITE)
        env->flags |= X87_ZE;
    else
        env->flags |= y->subnormal ? X87_DE : 0;
    return infinity(y->sign ^ is_zero, env);
}

struct f80 f80_soft_yl2x(struct f80 a, struct f80 b, struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    if (f80_is_special(a, b, &x, &y, &result, env))
        return result;
    if (x.sign && x.kind != KIND_ZERO)
        return f80_invalid(env);
    if (x.kind != KIND_FINITE)
        return log_of_end(&x, &y, env);
    struct fp_num log = log2_of(x);
    if (y.kind == KIND_INF && log.kind == KIND_ZERO)
        return f80_invalid(env);
    env->flags |= x.subnormal || y.subnormal ? X87_DE : 0;
    if (f80_stops(env))
        return a;
    if (y.kind == KIND_INF)
        return infinity(y.sign ^ log.sign, env);
    return rounded(times(log, y), is_power_of_2(&x), env);
}

/* Operands of -1 and below have no logarithm. */
/* Of -1 and less the result is not defined: it is the operand, inexact. */
struct f80 f80_soft_yl2xp1(struct f80 a, struct f80 b, struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    if (f80_is_special(a, b, &x, &y, &result, env))
        return result;
    if ((x.kind == KIND_ZERO && y.kind == KIND_INF) || (x.kind == KIND_INF && y.kind == KIND_ZERO))
        return f80_invalid(env);
    if (x.sign && x.kind == KIND_INF)
        return f80_invalid(env);
    env->flags |= x.subnormal || y.subnormal ? X87_DE : 0;
    if (f80_stops(env))
        return a;
    if (x.kind == KIND_INF || y.kind == KIND_INF)
        return infinity(x.sign ^ y.sign, env);
    if (x.kind == KIND_ZERO || y.kind == KIND_ZERO)
        return zero(x.sign ^ y.sign, env);
    if (x.sign && x.exp >= 0) {
        env->flags |= X87_PE;
        return a;
    }
    struct fp_num sum = plus(one, x);
    struct fp_num log =
        x.exp >= -1 ? log2_of(sum) : times(double_artanh(over(x, plus(sum, one))), log2_e);
    return rounded(times(log, y), x.exp >= -1 && is_power_of_2(&sum), env);
}

/* --- arc tangent --- */

/* Of q from 0 to 1: from the nearest eighth. */
static struct fp_num atan_of(struct fp_num q)
{
    enum { TERMS = 18 };
    bool inexact;
    struct fp_num scaled = q;
    scaled.exp += 3;
    unsigned eighths = (unsigned)fp_integer_magnitude(&scaled, FP_RNE, &inexact);
    struct fp_num c = of_int(eighths), r = {.kind = KIND_ZERO}, z = q;
    c.exp -= 3;
    if (eighths)
        z = over(plus(q, negated(c)), plus(one, times(q, c)));
    struct fp_num square = negated(times(z, z));
    for (unsigned n = TERMS; n-- > 0;)
        r = plus(over_int(one, 2 * n + 1), times(r, square));
    r = times(r, z);
    return eighths ? plus(atans[eighths], r) : r;
}

static bool is_below(const struct fp_num *a, const struct fp_num *b)
{
    return a->exp != b->exp ? a->exp < b->exp : a->sig < b->sig;
}

/* Of magnitudes; both are finite and not zero. */
static struct fp_num angle(struct fp_num x, struct fp_num y, bool left)
{
    x.sign = y.sign = false;
    bool steep = is_below(&x, &y);
    struct fp_num a = atan_of(steep ? over(x, y) : over(y, x));
    if (steep)
        return plus(half_pi, left ? a : negated(a));
    return left ? plus(pi, negated(a)) : a;
}

/* One operand or both are zero or infinite. */
static struct f80 angle_at_end(const struct fp_num *x, const struct fp_num *y, struct f80_env *env)
{
    if (x->kind == KIND_INF && y->kind == KIND_INF)
        return signed_number(x->sign ? three_quarters_pi : quarter_pi, y->sign, false, env);
    if (y->kind == KIND_ZERO || x->kind == KIND_INF)
        return x->sign ? signed_number(pi, y->sign, false, env) : zero(y->sign, env);
    return signed_number(half_pi, y->sign, false, env);
}

struct f80 f80_soft_atan(struct f80 a, struct f80 b, struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    if (f80_is_special(a, b, &x, &y, &result, env))
        return result;
    env->flags |= x.subnormal || y.subnormal ? X87_DE : 0;
    if (f80_stops(env))
        return a;
    if (x.kind != KIND_FINITE || y.kind != KIND_FINITE)
        return angle_at_end(&x, &y, env);
    return signed_number(angle(x, y, x.sign), y.sign, false, env);
}

/* --- circular functions --- */

/* Half of pi, in units of 2^-65. */
#define HALF_PI_66 ((u128)0x3 << 64 | UINT64_C(0x243f6a8885a308d3))

/* a less the nearest multiple of half of pi; *quadrant: which, modulo 4. */
static struct fp_num reduced(const struct fp_num *a, unsigned *quadrant)
{
    u128 rest = a->sig >> 62;
    unsigned q = 0;
    *quadrant = 0;
    if (a->exp < -1)
        return *a;
    if (a->exp < 0) {
        q = 2 * (rest >> 1) > HALF_PI_66 ? 1 : 0;
        if (!q)
            return *a;
        u128 distance = 2 * HALF_PI_66 - rest;
        *quadrant = a->sign ? 3 : 1;
        return fp_normalise(!a->sign, -1, distance << 62);
    }
    for (int32_t i = 0; i <= a->exp; i++) {
        rest <<= i != 0;
        bool fits = rest >= HALF_PI_66;
        q = (q << 1 | fits) & 3;
        rest -= fits ? HALF_PI_66 : 0;
    }
    bool sign = a->sign;
    if (2 * rest > HALF_PI_66) {
        rest = HALF_PI_66 - rest;
        sign = !sign;
        q++;
    }
    *quadrant = (a->sign ? 0 - q : q) & 3;
    return fp_normalise(sign, 0, rest << 62);
}

/* Of |r| < 0.8: 1 - r^2/(2*3) (1 - r^2/(4*5) ...), by r; and 1 - r^2/(1*2) (1 - ...). */
static struct fp_num series(struct fp_num r, unsigned first)
{
    enum { TERMS = 18 };
    struct fp_num square = negated(times(r, r)), sum = one;
    for (unsigned n = TERMS; n-- > 0;) {
        unsigned k = first + 2 * n;
        sum = plus(one, over_int(times(sum, square), k * (k + 1)));
    }
    return sum;
}

static struct fp_num sine(struct fp_num r, unsigned quadrant)
{
    struct fp_num v = quadrant & 1 ? series(r, 1) : times(series(r, 2), r);
    return quadrant & 2 ? negated(v) : v;
}

/* Operands that have no quadrant: true, with the result. */
static bool has_no_quadrant(struct f80 a, struct fp_num *x, bool *far, struct f80 *result,
                            struct f80_env *env)
{
    enum { FAR_EXP = 63 };
    struct fp_num y;
    *far = false;
    if (f80_is_special(a, a, x, &y, result, env))
        return true;
    *result = a;
    if (x->kind == KIND_INF) {
        *result = f80_invalid(env);
        return true;
    }
    *far = x->kind == KIND_FINITE && x->exp >= FAR_EXP;
    if (*far)
        return true;
    env->flags |= x->subnormal ? X87_DE : 0;
    return f80_stops(env);
}

static struct f80 sine_from(struct f80 a, unsigned turn, bool *far, struct f80_env *env)
{
    struct fp_num x;
    struct f80 result;
    unsigned quadrant;
    if (has_no_quadrant(a, &x, far, &result, env))
        return result;
    if (x.kind == KIND_ZERO)
        return turn ? rounded(one, true, env) : a;
    struct fp_num r = reduced(&x, &quadrant);
    return rounded(sine(r, quadrant + turn), false, env);
}

struct f80 f80_soft_sin(struct f80 a, bool *far, struct f80_env *env)
{
    return sine_from(a, 0, far, env);
}

struct f80 f80_soft_cos(struct f80 a, bool *far, struct f80_env *env)
{
    return sine_from(a, 1, far, env);
}

struct f80 f80_soft_sincos(struct f80 a, struct f80 *cosine, bool *far, struct f80_env *env)
{
    struct f80 sine = f80_soft_sin(a, far, env);
    if (!*far && !f80_stops(env))
        *cosine = f80_soft_cos(a, far, env);
    return sine;
}

struct f80 f80_soft_tan(struct f80 a, bool *far, struct f80_env *env)
{
    struct fp_num x;
    struct f80 result;
    unsigned quadrant;
    if (has_no_quadrant(a, &x, far, &result, env) || x.kind == KIND_ZERO)
        return result;
    struct fp_num r = reduced(&x, &quadrant);
    return rounded(over(sine(r, quadrant), sine(r, quadrant + 1)), false, env);
}
