/*
 * A64: AdvSIMD integer operations in the translator's own vector operations.
 * Ref: Arm ARM (DDI 0487), C7.2.
 *
 * Everything is computed on 128 bits; of results of 64 bits or of one lane the rest is cleared at
 * the end.  What is not here is left to the helpers: those functions return false and build
 * nothing.
 */
#include "target/arm/a64.h"
#include "target/arm/trans_simd.h"

ir_val vreg(struct dis *d, int n)
{
    return ir_get(d->ir, ARM_SLOT_V0 + n);
}

void set_vreg(struct dis *d, int n, ir_val v, unsigned w)
{
    ir_set(d->ir, ARM_SLOT_V0 + n, w == SIMD_FULL ? v : ir_vlow(d->ir, v));
}

ir_val vconst(struct dis *d, uint64_t low, uint64_t high)
{
    return ir_vmake(d->ir, imm64(d, low), imm64(d, high));
}

/* --- parts of operations --- */

static ir_val not(struct dis * d, ir_val v)
{
    return ir_vxor(d->ir, v, vconst(d, UINT64_MAX, UINT64_MAX));
}

static ir_val zero(struct dis *d)
{
    return vconst(d, 0, 0);
}

/* The upper half, moved to the lower one. */
static ir_val high_half(struct dis *d, ir_val v)
{
    return ir_vextb(d->ir, v, v, 8);
}

static ir_val shift_left(struct dis *d, ir_val v, unsigned esz, unsigned count)
{
    return ir_vshli(d->ir, v, esz | count << 8);
}

static ir_val shift_right(struct dis *d, ir_val v, unsigned esz, unsigned count, bool is_signed)
{
    uint32_t attr = esz | count << 8;
    return is_signed ? ir_vsari(d->ir, v, attr) : ir_vshri(d->ir, v, attr);
}

/* A constant in every lane. */
static ir_val lanes(struct dis *d, unsigned esz, uint64_t v)
{
    for (unsigned bits = 8 << esz; bits < 64; bits *= 2)
        v |= v << bits;
    return vconst(d, v, v);
}

/* Shifted right with half a unit added: the bit below the last one decides. */
static ir_val shift_right_round(struct dis *d, ir_val v, unsigned esz, unsigned count,
                                bool is_signed)
{
    ir_val half = ir_vand(d->ir, shift_right(d, v, esz, count - 1, false), lanes(d, esz, 1));
    return ir_vadd(d->ir, shift_right(d, v, esz, count, is_signed), half, esz);
}

static ir_val widen(struct dis *d, ir_val v, unsigned esz, bool is_signed)
{
    return is_signed ? ir_vwidens(d->ir, v, esz) : ir_vwidenu(d->ir, v, esz);
}

static ir_val difference(struct dis *d, ir_val n, ir_val m, unsigned esz, bool is_signed)
{
    if (is_signed)
        return ir_vsub(d->ir, ir_vmaxs(d->ir, n, m, esz), ir_vmins(d->ir, n, m, esz), esz);
    return ir_vsub(d->ir, ir_vmaxu(d->ir, n, m, esz), ir_vminu(d->ir, n, m, esz), esz);
}

/* (n + m) / 2 rounded down (round 0) or up. */
static ir_val average(struct dis *d, ir_val n, ir_val m, unsigned esz, bool is_signed, bool round)
{
    struct ir *ir = d->ir;
    ir_val half = shift_right(d, ir_vxor(ir, n, m), esz, 1, is_signed);
    if (round)
        return ir_vsub(ir, ir_vor(ir, n, m), half, esz);
    return ir_vadd(ir, ir_vand(ir, n, m), half, esz);
}

/* Saturating add or subtract: QC where it differs from the plain one. */
static ir_val saturate(struct dis *d, ir_val saturated, ir_val plain)
{
    ir_val any = ir_vany(d->ir, ir_vxor(d->ir, saturated, plain));
    ir_val qc = ir_get(d->ir, ARM_SLOT_QC);
    ir_set(d->ir, ARM_SLOT_QC, ir_or(d->ir, qc, ir_trunc(d->ir, any)));
    return saturated;
}

typedef ir_val vop2(struct ir *ir, ir_val a, ir_val b, uint32_t attr);

/* --- lane by lane --- */

static bool is_narrow(unsigned esz)
{
    return esz < 2;
}

/* Comparisons and logic: of any size. */
static ir_val logic(struct dis *d, const struct vec *x, uint32_t op, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    unsigned e = x->esz;
    switch (op) {
    case VI_AND: return ir_vand(ir, n, m);
    case VI_BIC: return ir_vandn(ir, n, m);
    case VI_ORR: return ir_vor(ir, n, m);
    case VI_ORN: return ir_vor(ir, n, not(d, m));
    case VI_EOR: return ir_vxor(ir, n, m);
    case VI_BSL: return ir_vbsl(ir, x->old, n, m);
    case VI_BIT: return ir_vbsl(ir, m, n, x->old);
    case VI_BIF: return ir_vbsl(ir, m, x->old, n);
    case VI_NOT: return not(d, n);
    case VI_CMEQ: return ir_vcmpeq(ir, n, m, e);
    case VI_CMGT: return ir_vcmpgt(ir, n, m, e);
    case VI_CMGE: return not(d, ir_vcmpgt(ir, m, n, e));
    case VI_CMHI: return ir_vcmpgtu(ir, n, m, e);
    case VI_CMHS: return not(d, ir_vcmpgtu(ir, m, n, e));
    case VI_CMTST: return not(d, ir_vcmpeq(ir, ir_vand(ir, n, m), zero(d), e));
    case VI_CMEQ0: return ir_vcmpeq(ir, n, zero(d), e);
    case VI_CMGT0: return ir_vcmpgt(ir, n, zero(d), e);
    case VI_CMGE0: return not(d, ir_vcmpgt(ir, zero(d), n, e));
    case VI_CMLT0: return ir_vcmpgt(ir, zero(d), n, e);
    case VI_CMLE0: return not(d, ir_vcmpgt(ir, n, zero(d), e));
    default: return IR_NONE;
    }
}

static ir_val arithmetic(struct dis *d, const struct vec *x, uint32_t op, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    unsigned e = x->esz;
    switch (op) {
    case VI_ADD: return ir_vadd(ir, n, m, e);
    case VI_SUB: return ir_vsub(ir, n, m, e);
    case VI_NEG: return ir_vneg(ir, n, e);
    case VI_ABS: return ir_vabs(ir, n, e);
    case VI_CNT: return ir_vpopcnt8(ir, n);
    default: break;
    }
    if (e == 3)
        return IR_NONE;
    switch (op) {
    case VI_MUL: return ir_vmul(ir, n, m, e);
    case VI_MLA: return ir_vadd(ir, x->old, ir_vmul(ir, n, m, e), e);
    case VI_MLS: return ir_vsub(ir, x->old, ir_vmul(ir, n, m, e), e);
    case VI_SMAX: return ir_vmaxs(ir, n, m, e);
    case VI_UMAX: return ir_vmaxu(ir, n, m, e);
    case VI_SMIN: return ir_vmins(ir, n, m, e);
    case VI_UMIN: return ir_vminu(ir, n, m, e);
    case VI_SABD: return difference(d, n, m, e, true);
    case VI_UABD: return difference(d, n, m, e, false);
    case VI_SABA: return ir_vadd(ir, x->old, difference(d, n, m, e, true), e);
    case VI_UABA: return ir_vadd(ir, x->old, difference(d, n, m, e, false), e);
    case VI_SHADD: return average(d, n, m, e, true, false);
    case VI_UHADD: return average(d, n, m, e, false, false);
    case VI_SRHADD: return average(d, n, m, e, true, true);
    case VI_URHADD: return is_narrow(e) ? ir_vavgu(ir, n, m, e) : average(d, n, m, e, false, true);
    default: return IR_NONE;
    }
}

/* Vectors only: lanes that a scalar form does not have must not set QC. */
static ir_val saturating(struct dis *d, const struct vec *x, uint32_t op, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    unsigned e = x->esz;
    if (!is_narrow(e) || x->w != SIMD_FULL)
        return IR_NONE;
    switch (op) {
    case VI_SQADD: return saturate(d, ir_vqadds(ir, n, m, e), ir_vadd(ir, n, m, e));
    case VI_UQADD: return saturate(d, ir_vqaddu(ir, n, m, e), ir_vadd(ir, n, m, e));
    case VI_SQSUB: return saturate(d, ir_vqsubs(ir, n, m, e), ir_vsub(ir, n, m, e));
    case VI_UQSUB: return saturate(d, ir_vqsubu(ir, n, m, e), ir_vsub(ir, n, m, e));
    default: return IR_NONE;
    }
}

/* --- rearrangements --- */

/* Both low halves in one register: operands of 64 bits as one of 128. */
static ir_val low_halves(struct dis *d, ir_val n, ir_val m)
{
    return ir_vzip1(d->ir, n, m, 3);
}

static ir_val unzip(struct dis *d, const struct vec *x, vop2 *f, ir_val n, ir_val m)
{
    if (x->w == SIMD_FULL)
        return f(d->ir, n, m, x->esz);
    ir_val both = low_halves(d, n, m);
    return f(d->ir, both, both, x->esz);
}

static ir_val extract(struct dis *d, const struct vec *x, ir_val n, ir_val m)
{
    if (x->w == SIMD_FULL)
        return ir_vextb(d->ir, n, m, x->imm);
    ir_val both = low_halves(d, n, m);
    return ir_vextb(d->ir, both, both, x->imm);
}

static ir_val permute(struct dis *d, const struct vec *x, uint32_t op, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    unsigned e = x->esz;
    switch (op) {
    case VI_ZIP1: return ir_vzip1(ir, n, m, e);
    case VI_ZIP2:
        return x->w == SIMD_FULL ? ir_vzip2(ir, n, m, e) : high_half(d, ir_vzip1(ir, n, m, e));
    case VI_UZP1: return unzip(d, x, ir_vuzp1, n, m);
    case VI_UZP2: return unzip(d, x, ir_vuzp2, n, m);
    case VI_TRN1: return ir_vtrn1(ir, n, m, e);
    case VI_TRN2: return ir_vtrn2(ir, n, m, e);
    case VI_EXT: return extract(d, x, n, m);
    case VI_REV16: return ir_vrev(ir, n, e | 1 << 8);
    case VI_REV32: return ir_vrev(ir, n, e | 2 << 8);
    case VI_REV64: return ir_vrev(ir, n, e | 3 << 8);
    default: return IR_NONE;
    }
}

/* --- pairs and folds --- */

static vop2 *pair_op(uint32_t op, unsigned esz)
{
    switch (op) {
    case VI_ADDP:
    case VI_ADDV: return ir_vadd;
    case VI_SMAXP:
    case VI_SMAXV: return esz < 3 ? ir_vmaxs : NULL;
    case VI_UMAXP:
    case VI_UMAXV: return esz < 3 ? ir_vmaxu : NULL;
    case VI_SMINP:
    case VI_SMINV: return esz < 3 ? ir_vmins : NULL;
    case VI_UMINP:
    case VI_UMINV: return esz < 3 ? ir_vminu : NULL;
    default: return NULL;
    }
}

static ir_val pairs(struct dis *d, const struct vec *x, uint32_t op, ir_val n, ir_val m)
{
    vop2 *f = pair_op(op, x->esz);
    if (!f)
        return IR_NONE;
    if (x->w == SIMD_SCALAR)
        return f(d->ir, n, high_half(d, n), x->esz);
    ir_val even = unzip(d, x, ir_vuzp1, n, m);
    return f(d->ir, even, unzip(d, x, ir_vuzp2, n, m), x->esz);
}

/* The lowest lane, with zeros above it. */
static ir_val lowest(struct dis *d, ir_val v, unsigned esz)
{
    return ir_vand(d->ir, v, vconst(d, simd_mask(8 << esz), 0));
}

/* Halves against halves until one lane is left. */
static ir_val fold(struct dis *d, const struct vec *x, uint32_t op, ir_val n)
{
    vop2 *f = pair_op(op, x->esz);
    for (unsigned bytes = x->w == SIMD_FULL ? 8 : 4; bytes >= 1u << x->esz; bytes /= 2)
        n = f(d->ir, n, ir_vextb(d->ir, n, n, bytes), x->esz);
    return lowest(d, n, x->esz);
}

/* Sums of neighbours, twice as wide. */
static ir_val add_pairs(struct dis *d, ir_val n, unsigned esz, bool is_signed)
{
    unsigned bits = 8 << esz;
    ir_val even = shift_right(d, shift_left(d, n, esz + 1, bits), esz + 1, bits, is_signed);
    return ir_vadd(d->ir, even, shift_right(d, n, esz + 1, bits, is_signed), esz + 1);
}

static ir_val fold_long(struct dis *d, const struct vec *x, ir_val n, bool is_signed)
{
    struct vec sums = *x;
    sums.esz++;
    n = add_pairs(d, n, x->esz, is_signed);
    if (x->w == SIMD_HALF && sums.esz == 3)
        return lowest(d, n, 3);
    return fold(d, &sums, VI_ADDV, n);
}

static ir_val across(struct dis *d, const struct vec *x, uint32_t op, ir_val n)
{
    struct ir *ir = d->ir;
    switch (op) {
    case VI_SADDLP: return add_pairs(d, n, x->esz, true);
    case VI_UADDLP: return add_pairs(d, n, x->esz, false);
    case VI_SADALP: return ir_vadd(ir, x->old, add_pairs(d, n, x->esz, true), x->esz + 1);
    case VI_UADALP: return ir_vadd(ir, x->old, add_pairs(d, n, x->esz, false), x->esz + 1);
    case VI_ADDV:
    case VI_SMAXV:
    case VI_UMAXV:
    case VI_SMINV:
    case VI_UMINV: return fold(d, x, op, n);
    case VI_SADDLV: return fold_long(d, x, n, true);
    case VI_UADDLV: return fold_long(d, x, n, false);
    default: return IR_NONE;
    }
}

/* --- results twice as wide --- */

/* The half that an instruction, or its "2" form, works on. */
static ir_val half_of(struct dis *d, const struct vec *x, ir_val v)
{
    return x->w == SIMD_FULL ? high_half(d, v) : v;
}

static ir_val wide_product(struct dis *d, const struct vec *x, ir_val n, ir_val m, bool is_signed)
{
    n = half_of(d, x, n);
    m = half_of(d, x, m);
    return is_signed ? ir_vmulls(d->ir, n, m, x->esz) : ir_vmullu(d->ir, n, m, x->esz);
}

static ir_val wide_half(struct dis *d, const struct vec *x, ir_val v, bool is_signed)
{
    return widen(d, half_of(d, x, v), x->esz, is_signed);
}

static ir_val wide_difference(struct dis *d, const struct vec *x, ir_val n, ir_val m,
                              bool is_signed)
{
    return wide_half(d, x, difference(d, n, m, x->esz, is_signed), false);
}

static ir_val lengthen(struct dis *d, const struct vec *x, uint32_t op, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    unsigned e = x->esz + 1;
    if (e > 3)
        return IR_NONE;
    switch (op) {
    case VI_SMULL: return wide_product(d, x, n, m, true);
    case VI_UMULL: return wide_product(d, x, n, m, false);
    case VI_SMLAL: return ir_vadd(ir, x->old, wide_product(d, x, n, m, true), e);
    case VI_UMLAL: return ir_vadd(ir, x->old, wide_product(d, x, n, m, false), e);
    case VI_SMLSL: return ir_vsub(ir, x->old, wide_product(d, x, n, m, true), e);
    case VI_UMLSL: return ir_vsub(ir, x->old, wide_product(d, x, n, m, false), e);
    case VI_SADDL: return ir_vadd(ir, wide_half(d, x, n, true), wide_half(d, x, m, true), e);
    case VI_UADDL: return ir_vadd(ir, wide_half(d, x, n, false), wide_half(d, x, m, false), e);
    case VI_SSUBL: return ir_vsub(ir, wide_half(d, x, n, true), wide_half(d, x, m, true), e);
    case VI_USUBL: return ir_vsub(ir, wide_half(d, x, n, false), wide_half(d, x, m, false), e);
    case VI_SADDW: return ir_vadd(ir, n, wide_half(d, x, m, true), e);
    case VI_UADDW: return ir_vadd(ir, n, wide_half(d, x, m, false), e);
    case VI_SSUBW: return ir_vsub(ir, n, wide_half(d, x, m, true), e);
    case VI_USUBW: return ir_vsub(ir, n, wide_half(d, x, m, false), e);
    case VI_SABDL: return wide_difference(d, x, n, m, true);
    case VI_UABDL: return wide_difference(d, x, n, m, false);
    case VI_SABAL: return ir_vadd(ir, x->old, wide_difference(d, x, n, m, true), e);
    case VI_UABAL: return ir_vadd(ir, x->old, wide_difference(d, x, n, m, false), e);
    case VI_SSHLL: return shift_left(d, wide_half(d, x, n, true), e, x->imm);
    case VI_USHLL:
    case VI_SHLL: return shift_left(d, wide_half(d, x, n, false), e, x->imm);
    default: return IR_NONE;
    }
}

/* --- results half as wide --- */

/* Low halves of wide lanes to the lower half of rd, or to its upper one. */
static ir_val narrow_into(struct dis *d, const struct vec *x, ir_val v)
{
    v = ir_vnarrow(d->ir, v, v, x->esz + 1);
    return x->w == SIMD_FULL ? ir_vzip1(d->ir, x->old, v, 3) : v;
}

/* Of 2 * bits, the upper half, rounded. */
static ir_val upper_rounded(struct dis *d, const struct vec *x, ir_val v)
{
    unsigned bits = 8 << x->esz, e = x->esz + 1;
    v = ir_vadd(d->ir, v, lanes(d, e, UINT64_C(1) << (bits - 1)), e);
    return shift_right(d, v, e, bits, false);
}

static ir_val narrowed(struct dis *d, const struct vec *x, uint32_t op, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    unsigned bits = 8 << x->esz, e = x->esz + 1;
    if (e > 3)
        return IR_NONE;
    switch (op) {
    case VI_XTN: return n;
    case VI_SHRN: return shift_right(d, n, e, x->imm, false);
    case VI_RSHRN: return shift_right_round(d, n, e, x->imm, false);
    case VI_ADDHN: return shift_right(d, ir_vadd(ir, n, m, e), e, bits, false);
    case VI_SUBHN: return shift_right(d, ir_vsub(ir, n, m, e), e, bits, false);
    case VI_RADDHN: return upper_rounded(d, x, ir_vadd(ir, n, m, e));
    case VI_RSUBHN: return upper_rounded(d, x, ir_vsub(ir, n, m, e));
    default: return IR_NONE;
    }
}

/* --- shifts by an immediate --- */

/* Bits that a shift leaves free come from the destination. */
static ir_val insert(struct dis *d, const struct vec *x, ir_val shifted, uint64_t taken)
{
    ir_val mask = lanes(d, x->esz, taken);
    return ir_vbsl(d->ir, mask, shifted, x->old);
}

static ir_val shifts(struct dis *d, const struct vec *x, uint32_t op, ir_val n)
{
    unsigned e = x->esz, count = x->imm;
    uint64_t all = simd_mask(8 << e);
    ir_val old = x->old;
    switch (op) {
    case VI_SHL: return shift_left(d, n, e, count);
    case VI_SSHR: return shift_right(d, n, e, count, true);
    case VI_USHR: return shift_right(d, n, e, count, false);
    case VI_SSRA: return ir_vadd(d->ir, old, shift_right(d, n, e, count, true), e);
    case VI_USRA: return ir_vadd(d->ir, old, shift_right(d, n, e, count, false), e);
    case VI_SRSHR: return shift_right_round(d, n, e, count, true);
    case VI_URSHR: return shift_right_round(d, n, e, count, false);
    case VI_SRSRA: return ir_vadd(d->ir, old, shift_right_round(d, n, e, count, true), e);
    case VI_URSRA: return ir_vadd(d->ir, old, shift_right_round(d, n, e, count, false), e);
    case VI_SLI: return insert(d, x, shift_left(d, n, e, count), all << count & all);
    case VI_SRI:
        return insert(d, x, shift_right(d, n, e, count, false), count < 64 ? all >> count : 0);
    default: return IR_NONE;
    }
}

/* --- the way in --- */

static bool is_none(ir_val v)
{
    return v.id == IR_NONE.id;
}

/* In which order the groups are asked does not matter: each knows its own. */
static ir_val same_size(struct dis *d, const struct vec *x, uint32_t op, ir_val n, ir_val m)
{
    ir_val r = logic(d, x, op, n, m);
    if (is_none(r))
        r = arithmetic(d, x, op, n, m);
    if (is_none(r))
        r = permute(d, x, op, n, m);
    if (is_none(r))
        r = saturating(d, x, op, n, m);
    return is_none(r) ? shifts(d, x, op, n) : r;
}

ir_val vec_value(struct dis *d, uint32_t op, const struct vec *x, ir_val n, ir_val m)
{
    ir_val r = narrowed(d, x, op, n, m);
    if (!is_none(r))
        return narrow_into(d, x, r);
    r = across(d, x, op, n);
    if (is_none(r))
        r = pairs(d, x, op, n, m);
    if (is_none(r))
        r = same_size(d, x, op, n, m);
    return is_none(r) ? lengthen(d, x, op, n, m) : r;
}

/* Whether a result has lanes twice as wide as those of the operands. */
static bool is_long(uint32_t op)
{
    return op >= VI_SADDL && op <= VI_USUBW;
}

static bool inline_values(struct dis *d, uint32_t op, const struct simd_desc *x, ir_val n, ir_val m)
{
    struct vec v = {.esz = x->esz, .w = x->w, .imm = x->imm, .old = vreg(d, x->rd)};
    ir_val r = vec_value(d, op, &v, n, m);
    if (is_none(r))
        return false;
    set_vreg(d, x->rd, r, is_long(op) ? SIMD_FULL : x->w);
    return true;
}

/* A scalar is the lowest lane of 64 bits; narrower ones saturate or narrow, which helpers do. */
bool vec_inline(struct dis *d, uint32_t op, const struct simd_desc *x)
{
    if (x->w == SIMD_SCALAR && x->esz != 3)
        return false;
    return inline_values(d, op, x, vreg(d, x->rn), vreg(d, x->rm));
}

bool vec_inline_element(struct dis *d, uint32_t op, const struct simd_desc *x)
{
    if (x->w == SIMD_SCALAR)
        return false;
    ir_val element = ir_vextr(d->ir, vreg(d, x->rm), x->ra | x->imm << 8);
    return inline_values(d, op, x, vreg(d, x->rn), ir_vdup(d->ir, element, x->ra));
}
