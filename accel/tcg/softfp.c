/* The IR's floating-point operations done exactly in integers, for whatever a back end cannot do
 * inline. */
#include "accel/tcg/tcg_priv.h"
#include "fpu/softfloat.h"
#include "fpu/sse.h"
#include "tcg/ops.h"
#include "util/log.h"

_Static_assert((int)IR_SSE_MAP_SHIFT == SSE_MAP_SHIFT && (int)IR_SSE_W == SSE_W &&
                   (int)IR_SSE_PREFIX_SHIFT == SSE_PREFIX_SHIFT &&
                   (int)IR_SSE_IMM_SHIFT == SSE_IMM_SHIFT,
               "what the sse callback is given is what sse_run() wants");

static uint64_t compare64(unsigned cc, f64 a, f64 b, struct fp_env *e)
{
    switch (cc) {
    case IR_FEQ: return f64_eq(a, b, e);
    case IR_FLT: return f64_lt(a, b, e);
    case IR_FLE: return f64_le(a, b, e);
    case IR_FLTQ: return f64_lt_quiet(a, b, e);
    default: return f64_le_quiet(a, b, e);
    }
}
static uint64_t compare32(unsigned cc, f32 a, f32 b, struct fp_env *e)
{
    switch (cc) {
    case IR_FEQ: return f32_eq(a, b, e);
    case IR_FLT: return f32_lt(a, b, e);
    case IR_FLE: return f32_le(a, b, e);
    case IR_FLTQ: return f32_lt_quiet(a, b, e);
    default: return f32_le_quiet(a, b, e);
    }
}

static int fma_signs(uint32_t attr)
{
    return (attr & IR_FMA_NEG_PRODUCT ? FP_NEG_PRODUCT : 0) |
           (attr & IR_FMA_NEG_ADDEND ? FP_NEG_ADDEND : 0);
}

static unsigned direction(uint32_t attr, const struct fp_env *e)
{
    return (attr & 7) == IR_RDYN ? e->round : attr & 7;
}

/* fmin, fmax: IR_MINMAX_* say what a NaN operand does. */
static uint64_t minmax64(unsigned op, uint32_t attr, f64 a, f64 b, struct fp_env *e)
{
    bool signals = (f64_class(a) | f64_class(b)) & 1 << 8;
    if (attr & IR_MINMAX_NAN || (attr & IR_MINMAX_SNAN && signals))
        return op == OP_fmin ? f64_minimum(a, b, e) : f64_maximum(a, b, e);
    return op == OP_fmin ? f64_min(a, b, e) : f64_max(a, b, e);
}
static uint64_t minmax32(unsigned op, uint32_t attr, f32 a, f32 b, struct fp_env *e)
{
    bool signals = (f32_class(a) | f32_class(b)) & 1 << 8;
    if (attr & IR_MINMAX_NAN || (attr & IR_MINMAX_SNAN && signals))
        return op == OP_fmin ? f32_minimum(a, b, e) : f32_maximum(a, b, e);
    return op == OP_fmin ? f32_min(a, b, e) : f32_max(a, b, e);
}

static uint64_t to_integer64(unsigned op, enum ir_type to, f64 a, unsigned rm, struct fp_env *e)
{
    if (to == I32)
        return op == OP_ftosi ? (uint32_t)f64_to_i32(a, rm, e) : f64_to_u32(a, rm, e);
    return op == OP_ftosi ? (uint64_t)f64_to_i64(a, rm, e) : f64_to_u64(a, rm, e);
}
static uint64_t to_integer32(unsigned op, enum ir_type to, f32 a, unsigned rm, struct fp_env *e)
{
    if (to == I32)
        return op == OP_ftosi ? (uint32_t)f32_to_i32(a, rm, e) : f32_to_u32(a, rm, e);
    return op == OP_ftosi ? (uint64_t)f32_to_i64(a, rm, e) : f32_to_u64(a, rm, e);
}

static uint64_t from_integer(unsigned op, enum ir_type from, enum ir_type to, uint64_t a,
                             struct fp_env *e)
{
    bool is_signed = op == OP_sitof;
    if (from == I32 && is_signed)
        return to == F32 ? f32_from_i32((int32_t)a, e) : f64_from_i32((int32_t)a, e);
    if (from == I32)
        return to == F32 ? f32_from_u32((uint32_t)a, e) : f64_from_u32((uint32_t)a, e);
    if (is_signed)
        return to == F32 ? f32_from_i64((int64_t)a, e) : f64_from_i64((int64_t)a, e);
    return to == F32 ? f32_from_u64(a, e) : f64_from_u64(a, e);
}

static uint64_t arith64(unsigned op, uint32_t attr, const uint64_t x[3], struct fp_env *e)
{
    switch (op) {
    case OP_fadd: return f64_add(x[0], x[1], e);
    case OP_fsub: return f64_sub(x[0], x[1], e);
    case OP_fmul: return f64_mul(x[0], x[1], e);
    case OP_fdiv: return f64_div(x[0], x[1], e);
    case OP_fsqrt: return f64_sqrt(x[0], e);
    case OP_fma: return f64_fma(x[0], x[1], x[2], fma_signs(attr), e);
    case OP_fmin:
    case OP_fmax: return minmax64(op, attr, x[0], x[1], e);
    case OP_fcmp: return compare64(attr, x[0], x[1], e);
    case OP_frint: return f64_round_int(x[0], direction(attr, e), attr & IR_RINT_EXACT, e);
    default: return f64_to_f32(x[0], e); /* fcvt */
    }
}
static uint64_t arith32(unsigned op, uint32_t attr, const uint64_t x[3], struct fp_env *e)
{
    switch (op) {
    case OP_fadd: return f32_add(x[0], x[1], e);
    case OP_fsub: return f32_sub(x[0], x[1], e);
    case OP_fmul: return f32_mul(x[0], x[1], e);
    case OP_fdiv: return f32_div(x[0], x[1], e);
    case OP_fsqrt: return f32_sqrt(x[0], e);
    case OP_fma: return f32_fma(x[0], x[1], x[2], fma_signs(attr), e);
    case OP_fmin:
    case OP_fmax: return minmax32(op, attr, x[0], x[1], e);
    case OP_fcmp: return compare32(attr, x[0], x[1], e);
    case OP_frint: return f32_round_int(x[0], direction(attr, e), attr & IR_RINT_EXACT, e);
    default: return f32_to_f64(x[0], e); /* fcvt */
    }
}

static bool is_nan(enum ir_type t, uint64_t v)
{
    return (t == F64 ? f64_class(v) : f32_class(v)) & 3 << 8;
}

/* Arithmetic carries enum ir_nan in the low bits of attr, frint above its rounding; the others give
 * no NaN. */
static unsigned nan_rule(unsigned op, uint32_t attr)
{
    if (op == OP_frint)
        return attr >> IR_RINT_NAN_SHIFT & 3;
    bool arithmetic = op == OP_fadd || op == OP_fsub || op == OP_fmul || op == OP_fdiv ||
                      op == OP_fsqrt || op == OP_fma || op == OP_fmin || op == OP_fmax ||
                      op == OP_fcvt;
    return arithmetic ? attr & 3 : IR_NAN_DEFAULT;
}

uint64_t tcg_soft_fp(unsigned op, unsigned ty, uint32_t attr, const uint64_t arg[3], unsigned round,
                     uint8_t *flags)
{
    unsigned nan = nan_rule(op, attr);
    struct fp_env e = {.round = round,
                       .nan = nan == IR_NAN_ARM_DN ? FP_NAN_DEFAULT : nan,
                       .tiny_before = nan >= IR_NAN_ARM};
    enum ir_type from = ty & 0xff, to = ty >> 8 & 0xff;
    uint64_t r;
    if (op == OP_sitof || op == OP_uitof)
        r = from_integer(op, from, to, arg[0], &e);
    else if (op == OP_ftosi || op == OP_ftoui)
        r = from == F64 ? to_integer64(op, to, arg[0], direction(attr, &e), &e)
                        : to_integer32(op, to, arg[0], direction(attr, &e), &e);
    else
        r = from == F64 ? arith64(op, attr, arg, &e) : arith32(op, attr, arg, &e);
    if ((op == OP_ftosi || op == OP_ftoui) && attr & IR_FTOI_NAN_ZERO && is_nan(from, arg[0]))
        r = 0;
    *flags |= e.flags;
    return r;
}
