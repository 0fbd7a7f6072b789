/*
 * A64: floating point on vectors in the translator's own operations.
 * Ref: Arm ARM (DDI 0487), C7.2.
 *
 * All 128 bits are computed, so lanes that an instruction does not have are made harmless first:
 * zeros, which raise no exception (as divisors, ones).  Half precision is the helpers'.
 */
#include "target/arm/a64.h"
#include "target/arm/trans_simd.h"

/* How the operations of enum ir_opc are told the lanes' size and the NaN rule. */
static uint32_t attr_of(const struct dis *d, unsigned esz)
{
    return esz | fp_nan_rule(d) << IR_VNAN_SHIFT;
}

/* The lanes that there are; the others zero. */
static ir_val only(struct dis *d, const struct vec *x, ir_val v)
{
    if (x->w == SIMD_FULL)
        return v;
    if (x->w == SIMD_SCALAR && x->esz == 2)
        return ir_vfrom32(d->ir, ir_vto32(d->ir, v));
    return ir_vlow(d->ir, v);
}

/* The same for divisors, where the others are one. */
static ir_val only_or_one(struct dis *d, const struct vec *x, ir_val v)
{
    if (x->w == SIMD_FULL)
        return v;
    return ir_vor(d->ir, only(d, x, v), vconst(d, 0, UINT64_C(0x3f8000003f800000)));
}

static uint64_t sign_bits(unsigned esz)
{
    return esz == 3 ? UINT64_C(1) << 63 : UINT64_C(0x8000000080000000);
}

static ir_val absolute(struct dis *d, ir_val v, unsigned esz)
{
    return ir_vandn(d->ir, v, vconst(d, sign_bits(esz), sign_bits(esz)));
}

static ir_val compare(struct dis *d, uint32_t op, ir_val n, ir_val m, unsigned esz)
{
    struct ir *ir = d->ir;
    ir_val zero = vconst(d, 0, 0);
    uint32_t attr = attr_of(d, esz);
    switch (op) {
    case F_CMEQ: return ir_vfcmpeq(ir, n, m, attr);
    case F_CMGE: return ir_vfcmpge(ir, n, m, attr);
    case F_CMGT: return ir_vfcmpgt(ir, n, m, attr);
    case F_ACGE: return ir_vfcmpge(ir, absolute(d, n, esz), absolute(d, m, esz), attr);
    case F_ACGT: return ir_vfcmpgt(ir, absolute(d, n, esz), absolute(d, m, esz), attr);
    case F_CMEQ0: return ir_vfcmpeq(ir, n, zero, attr);
    case F_CMGE0: return ir_vfcmpge(ir, n, zero, attr);
    case F_CMGT0: return ir_vfcmpgt(ir, n, zero, attr);
    case F_CMLE0: return ir_vfcmpge(ir, zero, n, attr);
    case F_CMLT0: return ir_vfcmpgt(ir, zero, n, attr);
    default: return IR_NONE;
    }
}

static ir_val arithmetic(struct dis *d, const struct vec *x, uint32_t op, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    uint32_t attr = attr_of(d, x->esz);
    switch (op) {
    case F_ADD: return ir_vfadd(ir, n, m, attr);
    case F_SUB: return ir_vfsub(ir, n, m, attr);
    case F_MUL: return ir_vfmul(ir, n, m, attr);
    case F_DIV: return ir_vfdiv(ir, n, only_or_one(d, x, m), attr);
    case F_ABD: return absolute(d, ir_vfsub(ir, n, m, attr), x->esz);
    case F_MLA: return ir_vfma(ir, n, m, only(d, x, x->old), attr);
    case F_MLS: return ir_vfma(ir, n, m, only(d, x, x->old), attr | IR_VFMA_NEG_PRODUCT);
    default: return IR_NONE;
    }
}

static ir_val round_to(struct dis *d, const struct vec *x, ir_val n, uint32_t how)
{
    return ir_vfrint(d->ir, n, attr_of(d, x->esz) | how << IR_VROUND_SHIFT);
}

static ir_val unary(struct dis *d, const struct vec *x, uint32_t op, ir_val n)
{
    struct ir *ir = d->ir;
    uint32_t attr = attr_of(d, x->esz);
    switch (op) {
    case F_SQRT: return ir_vfsqrt(ir, n, attr);
    case F_RINT: return round_to(d, x, n, fp_rounding(d, x->imm));
    case F_RINTI: return round_to(d, x, n, IR_RDYN);
    case F_RINTX: return round_to(d, x, n, IR_RDYN | IR_RINT_EXACT);
    case F_TO_S: return x->imm == FP_RTZ ? ir_vftosi(ir, n, attr) : IR_NONE;
    case F_SCVTF: return x->imm == 0 ? ir_vsitof(ir, n, attr) : IR_NONE;
    default: return IR_NONE;
    }
}

/* Neighbours added; lanes that are computed twice raise nothing new. */
static ir_val add_pairs(struct dis *d, const struct vec *x, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    uint32_t attr = attr_of(d, x->esz);
    if (x->w == SIMD_SCALAR && x->esz == 3)
        return ir_vfadd(ir, n, ir_vextb(ir, n, n, 8), attr);
    if (x->w != SIMD_FULL)
        n = m = ir_vzip1(ir, n, x->w == SIMD_SCALAR ? n : m, 3);
    ir_val even = ir_vuzp1(ir, n, m, x->esz);
    return ir_vfadd(ir, even, ir_vuzp2(ir, n, m, x->esz), attr);
}

/* Between singles and doubles: of the lower half, or of and to the upper one. */
static ir_val change_size(struct dis *d, uint32_t op, const struct vec *x, ir_val n)
{
    struct ir *ir = d->ir;
    if (op == F_CVTL) {
        n = x->w == SIMD_FULL ? ir_vextb(ir, n, n, 8) : n;
        return ir_vfwiden(ir, n, attr_of(d, 2));
    }
    ir_val r = ir_vfnarrow(ir, n, attr_of(d, 3));
    return x->w == SIMD_FULL ? ir_vzip1(ir, x->old, r, 3) : ir_vlow(ir, r);
}

/* What only changes signs is no arithmetic. */
static ir_val change_sign(struct dis *d, uint32_t op, const struct vec *x, ir_val v)
{
    ir_val sign = vconst(d, sign_bits(x->esz), sign_bits(x->esz));
    return only(d, x, op == F_ABS ? ir_vandn(d->ir, v, sign) : ir_vxor(d->ir, v, sign));
}

static bool is_unary(uint32_t op)
{
    return op == F_SQRT || op == F_RINT || op == F_RINTI || op == F_RINTX || op == F_TO_S ||
           op == F_SCVTF;
}

static ir_val cut(struct dis *d, const struct vec *x, ir_val r)
{
    return r.id == IR_NONE.id ? r : only(d, x, r);
}

ir_val vfp_value(struct dis *d, uint32_t op, const struct vec *x, ir_val n, ir_val m)
{
    if (op == F_CVTL || op == F_CVTN)
        return change_size(d, op, x, n);
    if (op == F_ABS || op == F_NEG)
        return change_sign(d, op, x, n);
    if (op == F_ADDP)
        return cut(d, x, add_pairs(d, x, n, m));
    n = only(d, x, n);
    if (is_unary(op))
        return cut(d, x, unary(d, x, op, n));
    m = only(d, x, m);
    ir_val r = compare(d, op, n, m, x->esz);
    return cut(d, x, r.id == IR_NONE.id ? arithmetic(d, x, op, n, m) : r);
}

static enum fz_kind kind_of(uint32_t op)
{
    switch (op) {
    case F_ABS:
    case F_NEG:
    case F_SCVTF: return FZ_SAFE;
    case F_ADD:
    case F_SUB:
    case F_ABD:
    case F_ADDP: return FZ_SUM;
    case F_MUL: return FZ_PRODUCT;
    case F_MLA:
    case F_MLS: return FZ_FUSED;
    case F_DIV: return FZ_DIVIDEND;
    case F_CVTN: return FZ_NARROW;
    default: return FZ_INPUT;
    }
}

/* What FZ may make a difference for, with the lanes that there are. */
static void check_lanes(struct dis *d, struct fz *z, uint32_t op, const struct vec *x, ir_val n,
                        ir_val m)
{
    enum fz_kind kind = kind_of(op);
    fz_begin(d, z);
    if (op == F_CVTN || op == F_CVTL) {
        fz_lanes(d, z, kind, op == F_CVTN ? 3 : 2, n);
        return;
    }
    bool pair = op == F_ADDP && x->w == SIMD_SCALAR;
    fz_lanes(d, z, kind, x->esz, pair ? n : only(d, x, n));
    if (is_unary(op) || op == F_ABS || op == F_NEG)
        return;
    fz_lanes(d, z, op == F_DIV ? FZ_DIVISOR : kind, x->esz,
             op == F_DIV ? only_or_one(d, x, m) : only(d, x, m));
    if (kind == FZ_FUSED)
        fz_lanes(d, z, kind, x->esz, only(d, x, x->old));
}

/* Whether vfp_value() knows it. */
static bool is_known(uint32_t op, const struct vec *x)
{
    switch (op) {
    case F_TO_S: return x->imm == FP_RTZ;
    case F_SCVTF: return x->imm == 0;
    case F_ABS:
    case F_NEG:
    case F_ADDP:
    case F_CVTL:
    case F_CVTN:
    case F_SQRT:
    case F_RINT:
    case F_RINTI:
    case F_RINTX:
    case F_ADD:
    case F_SUB:
    case F_MUL:
    case F_DIV:
    case F_ABD:
    case F_MLA:
    case F_MLS: return true;
    default: return op >= F_CMEQ && op <= F_CMLT0;
    }
}

static bool finish(struct dis *d, uint32_t op, const struct simd_desc *x, ir_val m, struct fz *z)
{
    struct vec v = {.esz = x->esz, .w = x->w, .imm = x->imm, .old = vreg(d, x->rd)};
    if (!is_known(op, &v))
        return false;
    check_lanes(d, z, op, &v, vreg(d, x->rn), m);
    ir_val r = vfp_value(d, op, &v, vreg(d, x->rn), m);
    if (r.id == IR_NONE.id)
        return false;
    set_vreg(d, x->rd, r, SIMD_FULL);
    return true;
}

bool vfp_inline(struct dis *d, uint32_t op, const struct simd_desc *x, struct fz *z)
{
    return fp_is_native(x->esz) && finish(d, op, x, vreg(d, x->rm), z);
}

bool vfp_inline_element(struct dis *d, uint32_t op, const struct simd_desc *x, struct fz *z)
{
    if (!fp_is_native(x->esz) || (op != F_MUL && op != F_MLA && op != F_MLS))
        return false;
    ir_val element = ir_vextr(d->ir, vreg(d, x->rm), x->esz | x->imm << 8);
    return finish(d, op, x, ir_vdup(d->ir, element, x->esz), z);
}
