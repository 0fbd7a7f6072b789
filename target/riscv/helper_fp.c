/*
 * Helpers for floating point that the IR's operations do not do: other roundings than the vCPU's,
 * and half precision. Ref: The RISC-V Instruction Set Manual, Volume I, 2024, chapters 20 to 25.
 *
 * Operands and results are whole F registers; a narrower value that is not NaN-boxed counts as the
 * canonical NaN (21.2).
 */
#include "target/riscv/trans.h"

#include "fpu/softfloat.h"

enum { NAN16 = 0x7e00, NAN32 = 0x7fc00000 }; /* canonical */

static f16 unbox16(uint64_t r)
{
    return r >> 16 == UINT64_C(0xffffffffffff) ? (f16)r : NAN16;
}

static f32 unbox32(uint64_t r)
{
    return r >> 32 == UINT32_MAX ? (f32)r : NAN32;
}

static uint64_t box16(f16 v)
{
    return UINT64_C(0xffffffffffff0000) | v;
}

static uint64_t box32(f32 v)
{
    return UINT64_C(0xffffffff00000000) | v;
}

/* --- the how word of rv_fp_how() --- */

static enum rv_fmt how_fmt(uint32_t how)
{
    return how & 3;
}

static unsigned how_round(uint32_t how)
{
    return how >> 2 & 7;
}

static unsigned how_aux(uint32_t how)
{
    return how >> 5;
}

static struct fp_env env_of(uint32_t how)
{
    return (struct fp_env){.round = how_round(how)};
}

/* Raise what an operation left in env. */
static void accrue(struct rv_cpu *cpu, const struct fp_env *env)
{
    if (env->flags)
        rv_set_fflags(cpu, rv_fflags(cpu) | env->flags);
}

/* --- arithmetic --- */

struct op2 {
    f16 (*h)(f16 a, f16 b, struct fp_env *env);
    f32 (*s)(f32 a, f32 b, struct fp_env *env);
    f64 (*d)(f64 a, f64 b, struct fp_env *env);
};

static uint64_t apply2(struct rv_cpu *cpu, const struct op2 *op, uint64_t a, uint64_t b,
                       uint32_t how)
{
    struct fp_env env = env_of(how);
    uint64_t r = 0;
    switch (how_fmt(how)) {
    case FMT_S: r = box32(op->s(unbox32(a), unbox32(b), &env)); break;
    case FMT_D: r = op->d(a, b, &env); break;
    case FMT_H: r = box16(op->h(unbox16(a), unbox16(b), &env)); break;
    }
    accrue(cpu, &env);
    return r;
}

uint64_t helper_fadd(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct op2 op = {f16_add, f32_add, f64_add};
    return apply2(cpu, &op, a, b, how);
}

uint64_t helper_fsub(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct op2 op = {f16_sub, f32_sub, f64_sub};
    return apply2(cpu, &op, a, b, how);
}

uint64_t helper_fmul(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct op2 op = {f16_mul, f32_mul, f64_mul};
    return apply2(cpu, &op, a, b, how);
}

uint64_t helper_fdiv(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct op2 op = {f16_div, f32_div, f64_div};
    return apply2(cpu, &op, a, b, how);
}

uint64_t helper_fmin(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct op2 op = {f16_min, f32_min, f64_min};
    return apply2(cpu, &op, a, b, how);
}

uint64_t helper_fmax(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct op2 op = {f16_max, f32_max, f64_max};
    return apply2(cpu, &op, a, b, how);
}

uint64_t helper_fminm(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct op2 op = {f16_minimum, f32_minimum, f64_minimum};
    return apply2(cpu, &op, a, b, how);
}

uint64_t helper_fmaxm(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct op2 op = {f16_maximum, f32_maximum, f64_maximum};
    return apply2(cpu, &op, a, b, how);
}

uint64_t helper_fsqrt(struct rv_cpu *cpu, uint64_t a, uint32_t how)
{
    struct fp_env env = env_of(how);
    uint64_t r = 0;
    switch (how_fmt(how)) {
    case FMT_S: r = box32(f32_sqrt(unbox32(a), &env)); break;
    case FMT_D: r = f64_sqrt(a, &env); break;
    case FMT_H: r = box16(f16_sqrt(unbox16(a), &env)); break;
    }
    accrue(cpu, &env);
    return r;
}

/* aux: enum fp_neg. */
uint64_t helper_fma(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint64_t c, uint32_t how)
{
    struct fp_env env = env_of(how);
    int neg = how_aux(how);
    uint64_t r = 0;
    switch (how_fmt(how)) {
    case FMT_S: r = box32(f32_fma(unbox32(a), unbox32(b), unbox32(c), neg, &env)); break;
    case FMT_D: r = f64_fma(a, b, c, neg, &env); break;
    case FMT_H: r = box16(f16_fma(unbox16(a), unbox16(b), unbox16(c), neg, &env)); break;
    }
    accrue(cpu, &env);
    return r;
}

/* --- comparison and class --- */

struct predicate {
    bool (*h)(f16 a, f16 b, struct fp_env *env);
    bool (*s)(f32 a, f32 b, struct fp_env *env);
    bool (*d)(f64 a, f64 b, struct fp_env *env);
};

static uint64_t test2(struct rv_cpu *cpu, const struct predicate *op, uint64_t a, uint64_t b,
                      uint32_t how)
{
    struct fp_env env = env_of(how);
    bool r = false;
    switch (how_fmt(how)) {
    case FMT_S: r = op->s(unbox32(a), unbox32(b), &env); break;
    case FMT_D: r = op->d(a, b, &env); break;
    case FMT_H: r = op->h(unbox16(a), unbox16(b), &env); break;
    }
    accrue(cpu, &env);
    return r;
}

uint64_t helper_feq(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct predicate op = {f16_eq, f32_eq, f64_eq};
    return test2(cpu, &op, a, b, how);
}

uint64_t helper_flt(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct predicate op = {f16_lt, f32_lt, f64_lt};
    return test2(cpu, &op, a, b, how);
}

uint64_t helper_fle(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct predicate op = {f16_le, f32_le, f64_le};
    return test2(cpu, &op, a, b, how);
}

uint64_t helper_fltq(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct predicate op = {f16_lt_quiet, f32_lt_quiet, f64_lt_quiet};
    return test2(cpu, &op, a, b, how);
}

uint64_t helper_fleq(struct rv_cpu *cpu, uint64_t a, uint64_t b, uint32_t how)
{
    static const struct predicate op = {f16_le_quiet, f32_le_quiet, f64_le_quiet};
    return test2(cpu, &op, a, b, how);
}

uint64_t helper_fclass(uint64_t a, uint32_t how)
{
    switch (how_fmt(how)) {
    case FMT_S: return f32_class(unbox32(a));
    case FMT_D: return f64_class(a);
    case FMT_H: return f16_class(unbox16(a));
    }
    return 0;
}

/* --- rounding to integral values --- */

static uint64_t round_integral(struct rv_cpu *cpu, uint64_t a, uint32_t how, bool exact)
{
    struct fp_env env = env_of(how);
    enum fp_round rm = how_round(how);
    uint64_t r = 0;
    switch (how_fmt(how)) {
    case FMT_S: r = box32(f32_round_int(unbox32(a), rm, exact, &env)); break;
    case FMT_D: r = f64_round_int(a, rm, exact, &env); break;
    case FMT_H: r = box16(f16_round_int(unbox16(a), rm, exact, &env)); break;
    }
    accrue(cpu, &env);
    return r;
}

uint64_t helper_fround(struct rv_cpu *cpu, uint64_t a, uint32_t how)
{
    return round_integral(cpu, a, how, false);
}

uint64_t helper_froundnx(struct rv_cpu *cpu, uint64_t a, uint32_t how)
{
    return round_integral(cpu, a, how, true);
}

/* --- conversion --- */

/* 32-bit results, unsigned ones too, are sign-extended (20.7). */
static uint64_t half_to_x(f16 v, enum rv_int type, unsigned rm, struct fp_env *env)
{
    switch (type) {
    case RV_INT_W: return (int64_t)f16_to_i32(v, rm, env);
    case RV_INT_WU: return (int64_t)(int32_t)f16_to_u32(v, rm, env);
    case RV_INT_L: return f16_to_i64(v, rm, env);
    case RV_INT_LU: return f16_to_u64(v, rm, env);
    }
    return 0;
}

static uint64_t single_to_x(f32 v, enum rv_int type, unsigned rm, struct fp_env *env)
{
    switch (type) {
    case RV_INT_W: return (int64_t)f32_to_i32(v, rm, env);
    case RV_INT_WU: return (int64_t)(int32_t)f32_to_u32(v, rm, env);
    case RV_INT_L: return f32_to_i64(v, rm, env);
    case RV_INT_LU: return f32_to_u64(v, rm, env);
    }
    return 0;
}

static uint64_t double_to_x(f64 v, enum rv_int type, unsigned rm, struct fp_env *env)
{
    switch (type) {
    case RV_INT_W: return (int64_t)f64_to_i32(v, rm, env);
    case RV_INT_WU: return (int64_t)(int32_t)f64_to_u32(v, rm, env);
    case RV_INT_L: return f64_to_i64(v, rm, env);
    case RV_INT_LU: return f64_to_u64(v, rm, env);
    }
    return 0;
}

uint64_t helper_fcvt_to_x(struct rv_cpu *cpu, uint64_t a, uint32_t how)
{
    struct fp_env env = env_of(how);
    unsigned rm = how_round(how);
    enum rv_int type = how_aux(how) & 3;
    uint64_t r = 0;
    switch (how_fmt(how)) {
    case FMT_S: r = single_to_x(unbox32(a), type, rm, &env); break;
    case FMT_D: r = double_to_x(a, type, rm, &env); break;
    case FMT_H: r = half_to_x(unbox16(a), type, rm, &env); break;
    }
    accrue(cpu, &env);
    return r;
}

static f16 half_from_x(uint64_t x, enum rv_int type, struct fp_env *env)
{
    switch (type) {
    case RV_INT_W: return f16_from_i32((int32_t)x, env);
    case RV_INT_WU: return f16_from_u32((uint32_t)x, env);
    case RV_INT_L: return f16_from_i64((int64_t)x, env);
    case RV_INT_LU: return f16_from_u64(x, env);
    }
    return 0;
}

static f32 single_from_x(uint64_t x, enum rv_int type, struct fp_env *env)
{
    switch (type) {
    case RV_INT_W: return f32_from_i32((int32_t)x, env);
    case RV_INT_WU: return f32_from_u32((uint32_t)x, env);
    case RV_INT_L: return f32_from_i64((int64_t)x, env);
    case RV_INT_LU: return f32_from_u64(x, env);
    }
    return 0;
}

static f64 double_from_x(uint64_t x, enum rv_int type, struct fp_env *env)
{
    switch (type) {
    case RV_INT_W: return f64_from_i32((int32_t)x, env);
    case RV_INT_WU: return f64_from_u32((uint32_t)x, env);
    case RV_INT_L: return f64_from_i64((int64_t)x, env);
    case RV_INT_LU: return f64_from_u64(x, env);
    }
    return 0;
}

uint64_t helper_fcvt_to_f(struct rv_cpu *cpu, uint64_t x, uint32_t how)
{
    struct fp_env env = env_of(how);
    enum rv_int type = how_aux(how) & 3;
    uint64_t r = 0;
    switch (how_fmt(how)) {
    case FMT_S: r = box32(single_from_x(x, type, &env)); break;
    case FMT_D: r = double_from_x(x, type, &env); break;
    case FMT_H: r = box16(half_from_x(x, type, &env)); break;
    }
    accrue(cpu, &env);
    return r;
}

static uint64_t to_half(uint64_t a, enum rv_fmt from, struct fp_env *env)
{
    return box16(from == FMT_S ? f32_to_f16(unbox32(a), env) : f64_to_f16(a, env));
}

static uint64_t to_single(uint64_t a, enum rv_fmt from, struct fp_env *env)
{
    return box32(from == FMT_H ? f16_to_f32(unbox16(a), env) : f64_to_f32(a, env));
}

static uint64_t to_double(uint64_t a, enum rv_fmt from, struct fp_env *env)
{
    return from == FMT_H ? f16_to_f64(unbox16(a), env) : f32_to_f64(unbox32(a), env);
}

uint64_t helper_fcvt_f_f(struct rv_cpu *cpu, uint64_t a, uint32_t how)
{
    struct fp_env env = env_of(how);
    enum rv_fmt from = how_aux(how) & 3;
    uint64_t r = 0;
    switch (how_fmt(how)) {
    case FMT_S: r = to_single(a, from, &env); break;
    case FMT_D: r = to_double(a, from, &env); break;
    case FMT_H: r = to_half(a, from, &env); break;
    }
    accrue(cpu, &env);
    return r;
}

uint64_t helper_fcvtmod_w_d(struct rv_cpu *cpu, uint64_t a)
{
    struct fp_env env = {.round = FP_RTZ};
    uint64_t r = (int64_t)f64_to_i32_mod(a, &env);
    accrue(cpu, &env);
    return r;
}
