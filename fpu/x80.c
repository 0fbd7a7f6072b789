/*
 * The x87's 80-bit numbers: unpacking, rounding, arithmetic.
 * Ref: Intel SDM volume 1, 4.8 (NaNs, table 4-7), 8.2 (encodings), 8.4 and 8.5 (exceptions).
 */
#include "fpu/x80_priv.h"

#define MAN_TOP   (UINT64_C(1) << 63)
#define MAN_QUIET (UINT64_C(1) << 62)

struct f80 f80_indefinite(void)
{
    return (struct f80){MAN_TOP | MAN_QUIET, 0xffff};
}

struct f80 f80_invalid(struct f80_env *env)
{
    env->flags |= X87_IE;
    return f80_indefinite();
}

enum fp_round f80_round_mode(const struct f80_env *env)
{
    static const uint8_t modes[4] = {FP_RNE, FP_RDN, FP_RUP, FP_RTZ};
    return modes[env->control >> 10 & 3];
}

/* Bits of significands that PC says; the reserved value is 64. */
static unsigned precision(const struct f80_env *env)
{
    static const uint8_t bits[4] = {24, 64, 53, 64};
    return bits[env->control >> 8 & 3];
}

unsigned f80_flags(unsigned fp)
{
    return (fp & FP_NV ? X87_IE : 0u) | (fp & FP_ID ? X87_DE : 0u) | (fp & FP_DZ ? X87_ZE : 0u);
}

bool f80_unpack(struct f80 a, struct fp_num *n)
{
    unsigned biased = a.se & F80_MAX_SE;
    u128 sig = (u128)a.man << 64;
    *n = (struct fp_num){.sign = f80_sign(a), .sig = sig, .exp = (int32_t)biased - F80_BIAS};
    if (biased == 0) { /* the leading bit of a pseudo-denormal counts as it stands */
        *n = fp_normalise(n->sign, F80_EMIN, sig);
        n->subnormal = n->kind == KIND_FINITE;
        return true;
    }
    n->kind = KIND_FINITE;
    if (biased == F80_MAX_SE)
        n->kind = !(a.man << 1) ? KIND_INF : a.man & MAN_QUIET ? KIND_QNAN : KIND_SNAN;
    return a.man & MAN_TOP;
}

/* --- rounding --- */

struct shape {
    unsigned prec;
    int32_t emin, emax;
    int32_t adjust; /* of exponents out of range that are not masked; 0: there is no result then */
};

struct rounding {
    u128 sig;
    bool inexact, up, carry;
};

static struct rounding round_sig(u128 sig, unsigned prec, bool sign, enum fp_round rm)
{
    unsigned drop = 128 - prec;
    u128 kept = sig >> drop, rest = sig << prec;
    struct rounding r = {.inexact = rest != 0, .up = fp_rounds_up(rm, sign, kept & 1, rest)};
    kept += r.up;
    r.carry = kept >> prec;
    r.sig = r.carry ? FP_SIG_TOP : kept << drop;
    return r;
}

static bool is_masked(const struct f80_env *env, unsigned flag)
{
    return env->control & flag;
}

static bool is_tiny(const struct fp_num *n, const struct shape *s, enum fp_round rm)
{
    if (n->exp >= s->emin)
        return false;
    return n->exp < s->emin - 1 || !round_sig(n->sig, s->prec, n->sign, rm).carry;
}

static bool leaves_zero(const struct fp_num *n, enum fp_round rm)
{
    return rm == FP_RNE || rm == (n->sign ? FP_RDN : FP_RUP);
}

static void set_overflow(struct fp_num *n, const struct shape *s, enum fp_round rm,
                         struct f80_env *env)
{
    env->flags |= X87_OE | X87_PE;
    env->up = leaves_zero(n, rm);
    if (env->up) {
        n->kind = KIND_INF;
    } else {
        n->exp = s->emax;
        n->sig = ~(u128)0 << (128 - s->prec);
    }
}

/* Exponents that even the adjustment does not bring back: to the ends of the range, as masked. */
static void adjust(struct fp_num *n, const struct shape *s, int32_t by, struct f80_env *env)
{
    n->exp += by;
    if (by < 0 && n->exp > s->emax)
        n->kind = KIND_INF;
    else if (by > 0 && n->exp < s->emin)
        n->kind = KIND_ZERO;
    if (n->kind != KIND_FINITE) {
        env->flags |= X87_PE;
        env->up = n->kind == KIND_INF;
    }
}

static void overflow(struct fp_num *n, const struct shape *s, enum fp_round rm, struct f80_env *env)
{
    if (is_masked(env, X87_OE)) {
        set_overflow(n, s, rm, env);
    } else {
        env->flags |= X87_OE;
        adjust(n, s, -s->adjust, env);
    }
}

/* n, which is finite, to prec bits between emin and emax; below emin its leading bit may be 0. */
static void round_num(struct fp_num *n, const struct shape *s, struct f80_env *env)
{
    enum fp_round rm = f80_round_mode(env);
    bool tiny = is_tiny(n, s, rm), stays = tiny && !is_masked(env, X87_UE);
    if (stays) {
        env->flags |= X87_UE;
        adjust(n, s, s->adjust, env);
    } else if (n->exp < s->emin) {
        n->sig = fp_shift_right_jam(n->sig, (unsigned)(s->emin - n->exp));
        n->exp = s->emin;
    }
    if (n->kind != KIND_FINITE)
        return;
    struct rounding r = round_sig(n->sig, s->prec, n->sign, rm);
    n->sig = r.sig;
    n->exp += r.carry;
    env->up = r.up;
    if (r.inexact)
        env->flags |= X87_PE | (tiny ? X87_UE : 0);
    if (n->exp > s->emax)
        overflow(n, s, rm, env);
}

struct f80 f80_pack(const struct fp_num *num, unsigned prec, struct f80_env *env)
{
    const struct shape s = {prec, F80_EMIN, F80_EMAX, 24576};
    struct fp_num n = *num;
    uint16_t sign = n.sign ? 0x8000 : 0;
    env->up = false;
    if (n.kind == KIND_FINITE)
        round_num(&n, &s, env);
    switch (n.kind) {
    case KIND_ZERO: return (struct f80){0, sign};
    case KIND_INF: return (struct f80){MAN_TOP, sign | F80_MAX_SE};
    case KIND_FINITE: break;
    default: return (struct f80){(uint64_t)(n.sig >> 64) | MAN_TOP | MAN_QUIET, sign | F80_MAX_SE};
    }
    uint64_t man = n.sig >> 64;
    return (struct f80){man, sign | (man & MAN_TOP ? (uint16_t)(n.exp + F80_BIAS) : 0)};
}

/* --- NaNs --- */

/* Table 4-7: a quiet NaN goes before a signalling one, then the larger significand, then plus. */
static const struct fp_num *pick_nan(const struct fp_num *x, const struct fp_num *y)
{
    if (!fp_is_nan(x) || !fp_is_nan(y))
        return fp_is_nan(x) ? x : y;
    if (x->kind != y->kind)
        return x->kind == KIND_QNAN ? x : y;
    if (x->sig != y->sig)
        return x->sig > y->sig ? x : y;
    return x->sign ? y : x;
}

bool f80_is_special(struct f80 a, struct f80 b, struct fp_num *x, struct fp_num *y,
                    struct f80 *result, struct f80_env *env)
{
    bool known_a = f80_unpack(a, x), known_b = f80_unpack(b, y);
    env->up = false;
    if (!known_a || !known_b) {
        *result = f80_invalid(env);
        return true;
    }
    if (!fp_is_nan(x) && !fp_is_nan(y))
        return false;
    if (x->kind == KIND_SNAN || y->kind == KIND_SNAN)
        env->flags |= X87_IE;
    *result = f80_pack(pick_nan(x, y), 64, env);
    return true;
}

/* --- add, subtract, multiply, divide, square root --- */

/* A result before rounding, with what it raised. */
static struct f80 done(const struct fp_num *r, const struct fp_env *e, struct f80_env *env)
{
    env->flags |= f80_flags(e->flags);
    if (f80_stops(env))
        return f80_indefinite();
    return f80_pack(r, precision(env), env);
}

static struct fp_env inner_env(const struct f80_env *env)
{
    return (struct fp_env){.round = f80_round_mode(env), .nan = FP_NAN_X86};
}

static struct f80 add(struct f80 a, struct f80 b, bool minus, struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    struct fp_env e = inner_env(env);
    if (f80_is_special(a, b, &x, &y, &result, env))
        return result;
    y.sign ^= minus;
    struct fp_num r = fp_add_numbers(&x, &y, &e);
    fp_note_subnormal((x.subnormal || y.subnormal) && !fp_is_nan(&r), &e);
    return done(&r, &e, env);
}

struct f80 f80_soft_add(struct f80 a, struct f80 b, struct f80_env *env)
{
    return add(a, b, false, env);
}

struct f80 f80_soft_sub(struct f80 a, struct f80 b, struct f80_env *env)
{
    return add(a, b, true, env);
}

struct f80 f80_soft_mul(struct f80 a, struct f80 b, struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    struct fp_env e = inner_env(env);
    if (f80_is_special(a, b, &x, &y, &result, env))
        return result;
    struct fp_num r = fp_mul_numbers(&x, &y, &e);
    fp_note_subnormal((x.subnormal || y.subnormal) && !fp_is_nan(&r), &e);
    return done(&r, &e, env);
}

struct f80 f80_soft_div(struct f80 a, struct f80 b, struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    struct fp_env e = inner_env(env);
    if (f80_is_special(a, b, &x, &y, &result, env))
        return result;
    struct fp_num r = fp_divide(&x, &y, &e);
    return done(&r, &e, env);
}

struct f80 f80_soft_sqrt(struct f80 a, struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    struct fp_env e = inner_env(env);
    if (f80_is_special(a, a, &x, &y, &result, env))
        return result;
    struct fp_num r = fp_square_root(&x, &e);
    return done(&r, &e, env);
}

/* --- remainders --- */

/* Operands are finite. */
static struct fp_num remainder_of(const struct fp_num *x, const struct fp_num *y, bool nearest,
                                  unsigned *quotient, bool *partial)
{
    int32_t distance = x->exp - y->exp, steps = distance;
    uint64_t divisor = y->sig >> 64, q = 0;
    u128 rest = x->sig >> 64;
    if (distance >= 64) {
        *partial = true;
        steps = 32 + distance % 32;
    }
    if (distance < (nearest ? -1 : 0))
        return *x;
    if (distance < 0) { /* a half of the divisor or more, perhaps */
        bool above = rest > divisor;
        if (!above)
            return *x;
        *quotient = 1;
        return fp_normalise(!x->sign, x->exp, (u128)((((u128)divisor << 1) - rest)) << 64);
    }
    for (int32_t i = 0; i <= steps; i++) {
        rest <<= i != 0;
        q = q << 1 | (rest >= divisor);
        rest -= rest >= divisor ? divisor : 0;
    }
    bool sign = x->sign;
    if (nearest && !*partial && (rest * 2 > divisor || (rest * 2 == divisor && (q & 1)))) {
        rest = divisor - rest;
        sign = !sign;
        q++;
    }
    *quotient = q & 7;
    struct fp_num r = fp_normalise(sign, y->exp + (distance - steps), rest << 64);
    r.sign = r.kind == KIND_ZERO ? x->sign : r.sign;
    return r;
}

struct f80 f80_rem(struct f80 a, struct f80 b, bool nearest, unsigned *quotient, bool *partial,
                   struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    *quotient = 0;
    *partial = false;
    if (f80_is_special(a, b, &x, &y, &result, env))
        return result;
    if (x.kind == KIND_INF || y.kind == KIND_ZERO)
        return f80_invalid(env);
    env->flags |= x.subnormal || y.subnormal ? X87_DE : 0;
    if (f80_stops(env))
        return a;
    if (x.kind == KIND_FINITE && y.kind == KIND_FINITE)
        x = remainder_of(&x, &y, nearest, quotient, partial);
    return f80_pack(&x, 64, env);
}

/* --- integral values, scaling, taking apart --- */

struct f80 f80_rint(struct f80 a, struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    bool inexact;
    if (f80_is_special(a, a, &x, &y, &result, env))
        return result;
    env->flags |= x.subnormal ? X87_DE : 0;
    if (f80_stops(env) || x.kind != KIND_FINITE || x.exp >= 63)
        return a;
    u128 whole = fp_integer_magnitude(&x, f80_round_mode(env), &inexact);
    struct fp_num n = fp_normalise(x.sign, 127, whole);
    result = f80_pack(&n, 64, env);
    if (inexact) {
        u128 down = fp_integer_magnitude(&x, FP_RTZ, &inexact);
        env->flags |= X87_PE;
        env->up = whole > down;
    }
    return result;
}

/* Of numbers, b infinite. */
static struct f80 scale_far(const struct fp_num *x, const struct fp_num *y, struct f80_env *env)
{
    struct fp_num r = *x;
    if (x->kind == (y->sign ? KIND_INF : KIND_ZERO))
        return f80_invalid(env);
    r.kind = y->sign ? KIND_ZERO : KIND_INF;
    env->flags |= x->subnormal ? X87_DE : 0;
    return f80_pack(&r, 64, env);
}

struct f80 f80_scale(struct f80 a, struct f80 b, struct f80_env *env)
{
    enum { FAR = 1 << 17 };
    struct fp_num x, y;
    struct f80 result;
    bool inexact;
    if (f80_is_special(a, b, &x, &y, &result, env))
        return result;
    if (y.kind == KIND_INF)
        return scale_far(&x, &y, env);
    env->flags |= x.subnormal || y.subnormal ? X87_DE : 0;
    if (f80_stops(env))
        return a;
    u128 by = fp_integer_magnitude(&y, FP_RTZ, &inexact);
    int32_t n = by > FAR ? FAR : (int32_t)by;
    x.exp += x.kind == KIND_FINITE ? (y.sign ? -n : n) : 0;
    return f80_pack(&x, 64, env);
}

struct f80 f80_extract(struct f80 a, struct f80 *exponent, struct f80_env *env)
{
    struct fp_num x, y;
    struct f80 result;
    if (f80_is_special(a, a, &x, &y, &result, env)) {
        *exponent = result;
        return result;
    }
    if (x.kind != KIND_FINITE) {
        env->flags |= x.kind == KIND_ZERO ? X87_ZE : 0;
        *exponent = (struct f80){MAN_TOP, x.kind == KIND_ZERO ? 0xffff : F80_MAX_SE};
        return a;
    }
    env->flags |= x.subnormal ? X87_DE : 0;
    *exponent = f80_from_int(x.exp);
    x.exp = 0;
    return f80_pack(&x, 64, env);
}

/* --- comparison --- */

static int compare_magnitudes(const struct fp_num *x, const struct fp_num *y)
{
    if (x->kind != y->kind || x->kind != KIND_FINITE)
        return (int)x->kind - (int)y->kind;
    if (x->exp != y->exp)
        return x->exp < y->exp ? -1 : 1;
    return x->sig < y->sig ? -1 : x->sig > y->sig;
}

unsigned f80_compare(struct f80 a, struct f80 b, bool quiet, struct f80_env *env)
{
    struct fp_num x, y;
    bool known_a = f80_unpack(a, &x), known_b = f80_unpack(b, &y);
    bool signals = x.kind == KIND_SNAN || y.kind == KIND_SNAN;
    env->up = false;
    if (!known_a || !known_b || fp_is_nan(&x) || fp_is_nan(&y)) {
        env->flags |= !known_a || !known_b || !quiet || signals ? X87_IE : 0;
        return X87_UNORDERED;
    }
    env->flags |= x.subnormal || y.subnormal ? X87_DE : 0;
    int order = compare_magnitudes(&x, &y);
    if (x.sign != y.sign)
        order = x.kind == KIND_ZERO && y.kind == KIND_ZERO ? 0 : 1;
    order = x.sign ? -order : order;
    return order < 0 ? X87_LESS : order > 0 ? X87_GREATER : X87_EQUAL;
}

unsigned f80_examine(struct f80 a)
{
    enum { C0 = 0x100, C1 = 0x200, C2 = 0x400, C3 = 0x4000 };
    struct fp_num n;
    unsigned sign = f80_sign(a) ? C1 : 0;
    if (!f80_unpack(a, &n))
        return sign;
    switch (n.kind) {
    case KIND_ZERO: return sign | C3;
    case KIND_FINITE: return sign | (n.subnormal ? C3 | C2 : C2);
    case KIND_INF: return sign | C2 | C0;
    default: return sign | C0;
    }
}

/* --- conversions --- */

struct f80 f80_from_int(int64_t x)
{
    struct f80_env exact = {.control = X87_ALL};
    uint64_t magnitude = x < 0 ? -(uint64_t)x : (uint64_t)x;
    struct fp_num n = fp_normalise(x < 0, 63, (u128)magnitude << 64);
    return f80_pack(&n, 64, &exact);
}

static struct f80 widen(const struct fp_format *f, uint64_t bits, unsigned *denormal)
{
    struct f80_env exact = {.control = X87_ALL};
    struct fp_env e = {.nan = FP_NAN_X86};
    struct fp_num n = fp_unpack(f, bits, &e);
    struct f80 a = f80_pack(&n, 64, &exact);
    *denormal = n.subnormal ? X87_DE : 0;
    if (n.kind == KIND_SNAN)
        a.man &= ~MAN_QUIET;
    return a;
}

struct f80 f80_widen_f32(uint32_t bits, unsigned *denormal)
{
    return widen(&fp_format_f32, bits, denormal);
}

struct f80 f80_widen_f64(uint64_t bits, unsigned *denormal)
{
    return widen(&fp_format_f64, bits, denormal);
}

static struct f80 loaded(struct f80 a, unsigned denormal, struct f80_env *env)
{
    env->flags |= denormal | (f80_is_snan(a) ? X87_IE : 0);
    env->up = false;
    a.man |= f80_is_snan(a) ? MAN_QUIET : 0;
    return a;
}

struct f80 f80_from_f32(uint32_t bits, struct f80_env *env)
{
    unsigned denormal;
    struct f80 a = f80_widen_f32(bits, &denormal);
    return loaded(a, denormal, env);
}

struct f80 f80_from_f64(uint64_t bits, struct f80_env *env)
{
    unsigned denormal;
    struct f80 a = f80_widen_f64(bits, &denormal);
    return loaded(a, denormal, env);
}

struct f80 f80_constant(unsigned n, uint16_t control)
{
    /* 1, log2(10), log2(e), pi, log10(2), ln(2), 0; and the bits behind, of which one is set */
    static const struct {
        uint64_t man, rest;
        int32_t exp;
    } table[8] = {
        {MAN_TOP, 0, 0},
        {UINT64_C(0xd49a784bcd1b8afe), UINT64_C(0x492bf6ff4dafdb4d), 1},
        {UINT64_C(0xb8aa3b295c17f0bb), UINT64_C(0xbe87fed0691d3e89), 0},
        {UINT64_C(0xc90fdaa22168c234), UINT64_C(0xc4c6628b80dc1cd1), 1},
        {UINT64_C(0x9a209a84fbcff798), UINT64_C(0x8f8959ac0b7c9178), -2},
        {UINT64_C(0xb17217f7d1cf79ab), UINT64_C(0xc9e3b39803f2f6af), -1},
    };
    struct f80_env env = {.control = control | X87_ALL};
    struct fp_num v = fp_normalise(false, table[n].exp, (u128)table[n].man << 64 | table[n].rest);
    return f80_pack(&v, 64, &env);
}

static uint64_t narrow(struct f80 a, const struct fp_format *f, struct f80_env *env)
{
    unsigned prec = f->frac_bits + 1u;
    const struct shape s = {prec, fp_min_exp(f), 1 - fp_min_exp(f), 0};
    struct fp_num n;
    struct fp_env none = {.nan = FP_NAN_X86};
    env->up = false;
    if (!f80_unpack(a, &n)) {
        env->flags |= X87_IE;
        n = fp_default_nan(&none);
    }
    env->flags |= n.kind == KIND_SNAN ? X87_IE : 0;
    if (fp_is_nan(&n))
        n.sig |= FP_SIG_QUIET;
    if (n.kind == KIND_FINITE)
        round_num(&n, &s, env);
    uint64_t sign = (uint64_t)n.sign << (f->frac_bits + f->exp_bits);
    uint64_t max = ((UINT64_C(1) << f->exp_bits) - 1) << f->frac_bits;
    uint64_t frac = (uint64_t)(n.sig >> (127 - f->frac_bits)) & ((UINT64_C(1) << f->frac_bits) - 1);
    switch (n.kind) {
    case KIND_ZERO: return sign;
    case KIND_INF: return sign | max;
    case KIND_FINITE: break;
    default: return sign | max | frac;
    }
    uint64_t biased = n.sig & FP_SIG_TOP ? (uint64_t)(n.exp - fp_min_exp(f) + 1) : 0;
    return sign | ((biased << f->frac_bits) & max) | frac;
}

uint32_t f80_to_f32(struct f80 a, struct f80_env *env)
{
    return (uint32_t)narrow(a, &fp_format_f32, env);
}

uint64_t f80_to_f64(struct f80 a, struct f80_env *env)
{
    return narrow(a, &fp_format_f64, env);
}

/* The magnitude of an integer, at most limit; false: IE. */
static bool whole(const struct fp_num *n, uint64_t limit, enum fp_round rm, uint64_t *magnitude,
                  struct f80_env *env)
{
    bool inexact, ignored;
    u128 m = fp_integer_magnitude(n, rm, &inexact);
    if (fp_is_nan(n) || m > limit) {
        env->flags |= X87_IE;
        return false;
    }
    if (inexact) {
        env->flags |= X87_PE;
        env->up = m > fp_integer_magnitude(n, FP_RTZ, &ignored);
    }
    *magnitude = (uint64_t)m;
    return true;
}

int64_t f80_to_int(struct f80 a, unsigned bits, bool truncate, struct f80_env *env)
{
    struct fp_num n;
    uint64_t magnitude, top = UINT64_C(1) << (bits - 1);
    env->up = false;
    if (!f80_unpack(a, &n))
        n.kind = KIND_QNAN;
    if (!whole(&n, n.sign ? top : top - 1, truncate ? FP_RTZ : f80_round_mode(env), &magnitude,
               env))
        return (int64_t)-top;
    return (int64_t)(n.sign ? -magnitude : magnitude);
}

struct f80 f80_from_bcd(const uint8_t digits[10])
{
    uint64_t x = 0;
    for (unsigned i = 9; i-- > 0;)
        x = x * 100 + (digits[i] >> 4) * 10u + (digits[i] & 15);
    struct f80 a = f80_from_int((int64_t)x);
    a.se |= digits[9] & 0x80 ? 0x8000 : 0;
    return a;
}

void f80_to_bcd(struct f80 a, uint8_t digits[10], struct f80_env *env)
{
    static const uint8_t none[10] = {0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff};
    struct fp_num n;
    uint64_t x;
    env->up = false;
    if (!f80_unpack(a, &n))
        n.kind = KIND_QNAN;
    bool fits = whole(&n, UINT64_C(999999999999999999), f80_round_mode(env), &x, env);
    for (unsigned i = 0; i < 9; i++, x /= 100)
        digits[i] = fits ? (uint8_t)(x / 10 % 10 << 4 | x % 10) : none[i];
    digits[9] = fits ? (n.sign ? 0x80 : 0) : none[9];
}
