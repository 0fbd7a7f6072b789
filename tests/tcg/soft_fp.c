/* The soft_fp callback of the bench: every flag-raising op of the IR by the exact library. */
#include "fpu/softfloat.h"
#include "tcg/ops.h"
#include "tests/tcg/bench.h"

static uint64_t fma_op(bool wide, uint32_t attr, const uint64_t a[3], struct fp_env *e)
{
    int neg = (attr & IR_FMA_NEG_PRODUCT ? FP_NEG_PRODUCT : 0) |
              (attr & IR_FMA_NEG_ADDEND ? FP_NEG_ADDEND : 0);
    return wide ? f64_fma(a[0], a[1], a[2], neg, e) : f32_fma(a[0], a[1], a[2], neg, e);
}

static uint64_t compare(bool wide, uint32_t cc, const uint64_t a[3], struct fp_env *e)
{
    switch (cc) {
    case IR_FEQ: return wide ? f64_eq(a[0], a[1], e) : f32_eq(a[0], a[1], e);
    case IR_FLT: return wide ? f64_lt(a[0], a[1], e) : f32_lt(a[0], a[1], e);
    case IR_FLE: return wide ? f64_le(a[0], a[1], e) : f32_le(a[0], a[1], e);
    case IR_FLTQ: return wide ? f64_lt_quiet(a[0], a[1], e) : f32_lt_quiet(a[0], a[1], e);
    default: return wide ? f64_le_quiet(a[0], a[1], e) : f32_le_quiet(a[0], a[1], e);
    }
}

static uint64_t to_signed(bool wide, bool to64, uint64_t a, enum fp_round rm, struct fp_env *e)
{
    if (to64)
        return wide ? f64_to_i64(a, rm, e) : f32_to_i64(a, rm, e);
    return wide ? (uint32_t)f64_to_i32(a, rm, e) : (uint32_t)f32_to_i32(a, rm, e);
}

static uint64_t to_unsigned(bool wide, bool to64, uint64_t a, enum fp_round rm, struct fp_env *e)
{
    if (to64)
        return wide ? f64_to_u64(a, rm, e) : f32_to_u64(a, rm, e);
    return wide ? f64_to_u32(a, rm, e) : f32_to_u32(a, rm, e);
}

static uint64_t from_signed(bool from64, bool wide, uint64_t a, struct fp_env *e)
{
    if (wide)
        return from64 ? f64_from_i64(a, e) : f64_from_i32(a, e);
    return from64 ? f32_from_i64(a, e) : f32_from_i32(a, e);
}

static uint64_t from_unsigned(bool from64, bool wide, uint64_t a, struct fp_env *e)
{
    if (wide)
        return from64 ? f64_from_u64(a, e) : f64_from_u32(a, e);
    return from64 ? f32_from_u64(a, e) : f32_from_u32(a, e);
}

static uint64_t round_int(bool wide, uint32_t attr, uint64_t a, enum fp_round rm, struct fp_env *e)
{
    bool exact = attr & IR_RINT_EXACT;
    return wide ? f64_round_int(a, rm, exact, e) : f32_round_int(a, rm, exact, e);
}

static uint64_t arith(unsigned op, bool w, const uint64_t a[3], struct fp_env *e)
{
    switch (op) {
    case OP_fadd: return w ? f64_add(a[0], a[1], e) : f32_add(a[0], a[1], e);
    case OP_fsub: return w ? f64_sub(a[0], a[1], e) : f32_sub(a[0], a[1], e);
    case OP_fmul: return w ? f64_mul(a[0], a[1], e) : f32_mul(a[0], a[1], e);
    case OP_fdiv: return w ? f64_div(a[0], a[1], e) : f32_div(a[0], a[1], e);
    case OP_fsqrt: return w ? f64_sqrt(a[0], e) : f32_sqrt(a[0], e);
    case OP_fmin: return w ? f64_min(a[0], a[1], e) : f32_min(a[0], a[1], e);
    default: return w ? f64_max(a[0], a[1], e) : f32_max(a[0], a[1], e);
    }
}

enum { CLASS_SNAN = 1 << 8, CLASS_NAN = 3 << 8 };

static unsigned class_of(bool w, uint64_t v)
{
    return w ? f64_class(v) : f32_class(v);
}

/* fmin and fmax under IR_MINMAX_*. */
static uint64_t minmax(unsigned op, bool w, uint32_t attr, const uint64_t a[3], struct fp_env *e)
{
    bool signals = (class_of(w, a[0]) | class_of(w, a[1])) & CLASS_SNAN;
    if (!(attr & IR_MINMAX_NAN) && !(attr & IR_MINMAX_SNAN && signals))
        return arith(op, w, a, e);
    if (op == OP_fmin)
        return w ? f64_minimum(a[0], a[1], e) : f32_minimum(a[0], a[1], e);
    return w ? f64_maximum(a[0], a[1], e) : f32_maximum(a[0], a[1], e);
}

/* Where an op says which NaN it gives. */
static unsigned nan_rule(unsigned op, uint32_t attr)
{
    if (op == OP_frint)
        return attr >> IR_RINT_NAN_SHIFT & 3;
    return op == OP_fcmp || op == OP_ftosi || op == OP_ftoui ? IR_NAN_DEFAULT : attr & 3;
}

uint64_t bench_soft_fp(unsigned op, unsigned ty, uint32_t attr, const uint64_t arg[3],
                       unsigned round, uint8_t *flags)
{
    enum ir_type from = ty & 0xff, to = ty >> 8;
    unsigned nan = nan_rule(op, attr);
    struct fp_env e = {.round = round,
                       .nan = nan == IR_NAN_ARM_DN ? FP_NAN_DEFAULT : nan,
                       .tiny_before = nan >= IR_NAN_ARM};
    enum fp_round rm = (attr & 7) == IR_RDYN ? round : (attr & 7);
    uint64_t v;
    switch (op) {
    case OP_fma: v = fma_op(from == F64, attr, arg, &e); break;
    case OP_fcmp: v = compare(from == F64, attr, arg, &e); break;
    case OP_frint: v = round_int(from == F64, attr, arg[0], rm, &e); break;
    case OP_ftosi: v = to_signed(from == F64, to == I64, arg[0], rm, &e); break;
    case OP_ftoui: v = to_unsigned(from == F64, to == I64, arg[0], rm, &e); break;
    case OP_sitof: v = from_signed(from == I64, to == F64, arg[0], &e); break;
    case OP_uitof: v = from_unsigned(from == I64, to == F64, arg[0], &e); break;
    case OP_fcvt: v = from == F64 ? f64_to_f32(arg[0], &e) : f32_to_f64(arg[0], &e); break;
    case OP_fmin:
    case OP_fmax: v = minmax(op, from == F64, attr, arg, &e); break;
    default: v = arith(op, from == F64, arg, &e); break;
    }
    bool to_int = op == OP_ftosi || op == OP_ftoui;
    if (to_int && attr & IR_FTOI_NAN_ZERO && class_of(from == F64, arg[0]) & CLASS_NAN)
        v = 0;
    *flags |= e.flags;
    return v;
}
