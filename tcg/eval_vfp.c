/* Floating point on vectors, lane by lane and exactly: for the interpreter, and for what a host
 * does otherwise. */
#include "tcg/ir_priv.h"

struct lanes {
    ir_soft_fp soft;
    unsigned esz, round;
    uint8_t *flags;
};

static enum ir_type fp_type(unsigned esz)
{
    return esz == 2 ? F32 : F64;
}

static uint64_t get(const struct lanes *x, const union ir_vec *v, unsigned i)
{
    return x->esz == 2 ? v->s[i] : v->d[i];
}

static void put(unsigned esz, union ir_vec *v, unsigned i, uint64_t a)
{
    if (esz == 2)
        v->s[i] = a;
    else
        v->d[i] = a;
}

static uint64_t call(const struct lanes *x, unsigned op, enum ir_type from, enum ir_type to,
                     uint32_t attr, const uint64_t arg[3])
{
    return x->soft(op, from | to << 8, attr, arg, x->round, x->flags);
}

static bool is_nan(unsigned esz, uint64_t a)
{
    return esz == 2 ? (a & 0x7fffffff) > 0x7f800000
                    : (a & INT64_MAX) > UINT64_C(0x7ff0000000000000);
}

/* a cc b; greater is less with the operands exchanged. */
static uint64_t compare(const struct lanes *x, unsigned opc, const uint64_t arg[3])
{
    const uint64_t turned[3] = {arg[1], arg[0], 0};
    enum ir_type t = fp_type(x->esz);
    bool holds = opc == OP_vfcmpeq
                     ? call(x, OP_fcmp, t, I64, IR_FEQ, arg)
                     : call(x, OP_fcmp, t, I64, opc == OP_vfcmpge ? IR_FLE : IR_FLT, turned);
    return holds ? UINT64_MAX : 0;
}

static uint64_t to_integer(const struct lanes *x, const uint64_t arg[3])
{
    uint64_t v = call(x, OP_ftosi, fp_type(x->esz), x->esz == 2 ? I32 : I64, IR_RTZ, arg);
    return is_nan(x->esz, arg[0]) ? 0 : v;
}

static uint64_t lane(const struct lanes *x, unsigned opc, uint32_t attr, const uint64_t arg[3])
{
    static const uint16_t scalar[] = {OP_fadd, OP_fsub, OP_fmul, OP_fdiv, OP_fsqrt, OP_fma};
    uint32_t nan = attr >> IR_VNAN_SHIFT & 3;
    enum ir_type t = fp_type(x->esz);
    switch (opc) {
    case OP_vfcmpeq:
    case OP_vfcmpge:
    case OP_vfcmpgt: return compare(x, opc, arg);
    case OP_vfrint: return call(x, OP_frint, t, t, attr >> IR_VROUND_SHIFT & 15, arg);
    case OP_vsitof: return call(x, OP_sitof, x->esz == 2 ? I32 : I64, t, 0, arg);
    case OP_vftosi: return to_integer(x, arg);
    case OP_vfma:
        nan |= attr & IR_VFMA_NEG_PRODUCT ? IR_FMA_NEG_PRODUCT : 0;
        nan |= attr & IR_VFMA_NEG_ADDEND ? IR_FMA_NEG_ADDEND : 0;
        break;
    default: break;
    }
    return call(x, scalar[opc - OP_vfadd], t, t, nan, arg);
}

/* Between the formats. */
static union ir_vec convert(const struct lanes *x, uint32_t attr, const union ir_vec *a)
{
    union ir_vec v = {.d = {0, 0}};
    enum ir_type from = fp_type(x->esz), to = from == F32 ? F64 : F32;
    for (unsigned i = 0; i < 2; i++) {
        const uint64_t arg[3] = {get(x, a, i), 0, 0};
        put(to == F32 ? 2 : 3, &v, i, call(x, OP_fcvt, from, to, attr >> IR_VNAN_SHIFT & 3, arg));
    }
    return v;
}

/* A NaN keeps its bits but the quiet one, or becomes the default one. */
static uint64_t integral_nan(unsigned esz, uint32_t attr, uint64_t a)
{
    bool keeps =
        (attr >> IR_VNAN_SHIFT & 3) == IR_NAN_ARM || (attr >> IR_VNAN_SHIFT & 3) == IR_NAN_X86;
    if (esz == 2)
        return keeps ? a | 1u << 22 : 0x7fc00000;
    return keeps ? a | UINT64_C(1) << 51 : UINT64_C(0x7ff8000000000000);
}

union ir_vec ir_eval_vfp(ir_soft_fp soft, unsigned opc, uint32_t attr, const union ir_vec arg[3],
                         unsigned round, uint8_t *flags)
{
    const struct lanes x = {.soft = soft, .esz = attr & 3, .round = round, .flags = flags};
    union ir_vec v;
    if (opc == OP_vfwiden || opc == OP_vfnarrow)
        return convert(&x, attr, &arg[0]);
    for (unsigned i = 0; i < 16u >> x.esz; i++) {
        const uint64_t a[3] = {get(&x, &arg[0], i), get(&x, &arg[1], i), get(&x, &arg[2], i)};
        uint64_t r = lane(&x, opc, attr, a);
        put(x.esz, &v, i,
            opc == OP_vfrint && is_nan(x.esz, a[0]) ? integral_nan(x.esz, attr, a[0]) : r);
    }
    return v;
}
