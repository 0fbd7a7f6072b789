/*
 * Floating point with FPCR.FZ: operands that are subnormal count as 0, and so do results that would
 * be, before they are rounded.  Hosts flush by other rules, or not at all; but where operands are 0
 * or not too small, nothing is subnormal, and the host's arithmetic is what is asked for.
 * Ref: Arm ARM (DDI 0487), A1.5.7.
 */
#include "target/arm/trans_simd.h"

/*
 * The least biased exponents that are safe, of singles and doubles.  A sum or difference is 0 or at
 * least a unit in the last place of the smaller operand.  FZ_DIVISOR: as large as FZ_DIVIDEND is
 * small.  FZ_NARROW: a double that becomes a single.
 */
static const uint16_t least[][2] = {
    [FZ_INPUT] = {1, 1},           [FZ_SUM] = {24, 53},       [FZ_PRODUCT] = {64, 512},
    [FZ_FUSED] = {87, 564},        [FZ_DIVIDEND] = {66, 514}, [FZ_DIVISOR] = {66, 514},
    [FZ_NARROW] = {1, 1023 - 125},
};

enum { MAX_EXPONENTS = 2 * 127 - 2 * 66, MAX_EXPONENTS_DOUBLE = 2 * 1023 - 2 * 514 };

void fz_begin(struct dis *d, struct fz *z)
{
    z->on = d->mode & ARM_MODE_FZ;
    if (z->on) {
        z->slow = ir_block_new(d->ir);
        z->join = ir_block_new(d->ir);
    }
}

/* Twice the bits, which drops the sign, less 1, so that 0 is the largest: its exponent. */
void fz_operand(struct dis *d, const struct fz *z, enum fz_kind kind, ir_val v)
{
    struct ir *ir = d->ir;
    bool is_double = ir_type_of(ir, v) == F64;
    uint64_t from = least[kind][is_double];
    if (!z->on)
        return;
    ir_val bits = is_double ? ir_bits_i64(ir, v) : ir_bits_i32(ir, v);
    enum ir_type t = is_double ? I64 : I32;
    ir_val e = ir_sub(ir, ir_shl(ir, bits, ir_const(ir, t, 1)), ir_const(ir, t, 1));
    e = ir_shr(ir, e, ir_const(ir, t, is_double ? 53 : 24));
    if (kind != FZ_DIVISOR) {
        ir_br_if(ir, e, ir_const(ir, t, from), IR_LTU, z->slow);
        return;
    }
    uint64_t range = is_double ? MAX_EXPONENTS_DOUBLE : MAX_EXPONENTS;
    e = ir_sub(ir, e, ir_const(ir, t, from));
    ir_br_if(ir, e, ir_const(ir, t, range), IR_GTU, z->slow);
}

/* The same with the top bit flipped, to compare as signed numbers; a limit as the exponent's. */
static ir_val lanes_below(struct dis *d, ir_val v, unsigned esz, uint64_t exponent)
{
    struct ir *ir = d->ir;
    uint64_t flip = esz == 3 ? UINT64_C(0x7fffffffffffffff) : UINT64_C(0x7fffffff7fffffff);
    uint64_t top = UINT64_C(1) << 63, limit = exponent << 53 ^ top;
    if (esz == 2) {
        limit = (uint32_t)(exponent << 24 ^ UINT64_C(0x80000000));
        limit |= limit << 32;
    }
    ir_val order = ir_vadd(ir, ir_vshli(ir, v, esz | 1 << 8), vconst(d, flip, flip), esz);
    return ir_vcmpgt(ir, vconst(d, limit, limit), order, esz);
}

void fz_lanes(struct dis *d, const struct fz *z, enum fz_kind kind, unsigned esz, ir_val v)
{
    struct ir *ir = d->ir;
    if (!z->on || kind == FZ_SAFE)
        return;
    ir_val bad = lanes_below(d, v, esz, least[kind][esz == 3]);
    if (kind == FZ_DIVISOR) {
        uint64_t above = least[kind][esz == 3] + (esz == 3 ? MAX_EXPONENTS_DOUBLE : MAX_EXPONENTS);
        bad = ir_vor(ir, bad,
                     ir_vxor(ir, lanes_below(d, v, esz, above), vconst(d, UINT64_MAX, UINT64_MAX)));
    }
    ir_br_if(ir, ir_vany(ir, bad), imm64(d, 0), IR_NE, z->slow);
}

bool fz_otherwise(struct dis *d, const struct fz *z)
{
    if (!z->on)
        return false;
    ir_br(d->ir, z->join);
    ir_block_begin(d->ir, z->slow);
    return true;
}

void fz_end(struct dis *d, const struct fz *z)
{
    if (!z->on)
        return;
    ir_br(d->ir, z->join);
    ir_block_begin(d->ir, z->join);
    flags_forget(d);
}
