/*
 * Comparison, minimum, maximum and classification.
 * Ref: IEEE Std 754-2019 clauses 5.7.2, 5.11, 9.6; RISC-V F 2.8 and 2.9, Zfa.
 */
#include "fpu/softfloat.h"
#include "fpu/softfloat_priv.h"

static int compare_magnitudes(const struct fp_num *a, const struct fp_num *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->kind != KIND_FINITE)
        return 0;
    if (a->exp != b->exp)
        return a->exp < b->exp ? -1 : 1;
    return a->sig < b->sig ? -1 : a->sig > b->sig;
}

/* Total on numbers, with -0 below +0. */
static bool is_less(const struct fp_num *a, const struct fp_num *b)
{
    if (a->sign != b->sign)
        return a->sign;
    int order = compare_magnitudes(a, b);
    return a->sign ? order > 0 : order < 0;
}

static enum fp_order order(const struct fp_num *a, const struct fp_num *b)
{
    if (a->kind == KIND_ZERO && b->kind == KIND_ZERO)
        return ORDER_EQUAL;
    if (is_less(a, b))
        return ORDER_LESS;
    return is_less(b, a) ? ORDER_GREATER : ORDER_EQUAL;
}

enum fp_order fp_compare_quiet(const struct fp_format *f, uint64_t a, uint64_t b,
                               struct fp_env *env)
{
    struct fp_num x = fp_unpack(f, a, env), y = fp_unpack(f, b, env);
    if (fp_is_nan(&x) || fp_is_nan(&y)) {
        if (x.kind == KIND_SNAN || y.kind == KIND_SNAN)
            env->flags |= FP_NV;
        return ORDER_NONE;
    }
    fp_note_subnormal(x.subnormal || y.subnormal, env);
    return order(&x, &y);
}

enum fp_order fp_compare(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    enum fp_order result = fp_compare_quiet(f, a, b, env);
    if (result == ORDER_NONE)
        env->flags |= FP_NV;
    return result;
}

/* What minimum and maximum are asked for. */
struct choice {
    bool max;
    bool number; /* a NaN operand counts as missing */
};

static struct fp_num choose_nan(const struct fp_num *x, const struct fp_num *y, struct choice how,
                                struct fp_env *env)
{
    struct fp_num nan = fp_pick_nan((const struct fp_num *const[]){x, y}, 2, env);
    if (!how.number || (fp_is_nan(x) && fp_is_nan(y)))
        return nan;
    return fp_is_nan(x) ? *y : *x;
}

static struct fp_num choose(const struct fp_num *x, const struct fp_num *y, struct choice how,
                            struct fp_env *env)
{
    if (fp_is_nan(x) || fp_is_nan(y))
        return choose_nan(x, y, how, env);
    fp_note_subnormal(x->subnormal || y->subnormal, env);
    return is_less(x, y) != how.max ? *x : *y;
}

static uint64_t choose_bits(const struct fp_format *f, uint64_t a, uint64_t b, struct choice how,
                            struct fp_env *env)
{
    struct fp_num x = fp_unpack(f, a, env), y = fp_unpack(f, b, env);
    struct fp_num r = choose(&x, &y, how, env);
    /* A choice is not a computation: its result is never tiny, however small. */
    struct fp_env exact = {0};
    return fp_pack(f, &r, &exact);
}

uint64_t fp_min(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    return choose_bits(f, a, b, (struct choice){.number = true}, env);
}

uint64_t fp_max(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    return choose_bits(f, a, b, (struct choice){.max = true, .number = true}, env);
}

uint64_t fp_minimum(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    return choose_bits(f, a, b, (struct choice){0}, env);
}

uint64_t fp_maximum(const struct fp_format *f, uint64_t a, uint64_t b, struct fp_env *env)
{
    return choose_bits(f, a, b, (struct choice){.max = true}, env);
}

/* RISC-V F 2.9, table of FCLASS: negative kinds count down from bit 3, positive up from bit 4. */
unsigned fp_class(const struct fp_format *f, uint64_t a)
{
    struct fp_env env = {0};
    struct fp_num n = fp_unpack(f, a, &env);
    if (fp_is_nan(&n))
        return n.kind == KIND_SNAN ? 1u << 8 : 1u << 9;
    unsigned rank = 0;
    if (n.kind == KIND_FINITE)
        rank = n.exp < fp_min_exp(f) ? 1 : 2;
    else if (n.kind == KIND_INF)
        rank = 3;
    return n.sign ? 1u << (3 - rank) : 1u << (4 + rank);
}
