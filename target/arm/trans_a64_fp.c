/*
 * A64: scalar floating point.  Ref: Arm ARM (DDI 0487), C4.1.96, C7.2.
 *
 * A scalar is the low element of a vector register; writing one clears the rest.
 */
#include "target/arm/a64.h"
#include "target/arm/fp.h"
#include "target/arm/trans_simd.h"

unsigned fp_esz(int ft)
{
    return ft == 0 ? 2 : ft == 1 ? 3 : 1;
}

bool fp_has_type(const struct dis *d, int ft)
{
    return ft != 3 || dis_has(d, ARM_F_FP16);
}

/* VFPExpandImm(): sign, 4 bits of fraction, 3 of a small exponent. */
uint64_t fp_expand_imm(unsigned esz, unsigned imm)
{
    static const struct {
        uint8_t exp_bits, frac_bits;
    } formats[4] = {{0, 0}, {5, 10}, {8, 23}, {11, 52}};
    unsigned e = formats[esz].exp_bits, f = formats[esz].frac_bits;
    uint64_t sign = imm >> 7, high = imm >> 6 & 1;
    uint64_t exp = (high ? simd_mask(e - 3) << 2 : UINT64_C(1) << (e - 1)) | (imm >> 4 & 3);
    return sign << (e + f) | exp << f | (uint64_t)(imm & 15) << (f - 4);
}

/* --- registers as scalars, and when the host's arithmetic is Arm's --- */

static ir_val scalar(struct dis *d, unsigned esz, int n)
{
    ir_val v = vreg(d, n);
    return esz == 3 ? ir_vto64(d->ir, v) : ir_vto32(d->ir, v);
}

static void set_scalar(struct dis *d, unsigned esz, int n, ir_val v)
{
    ir_val whole = esz == 3 ? ir_vfrom64(d->ir, v) : ir_vfrom32(d->ir, v);
    set_vreg(d, n, whole, SIMD_FULL);
}

bool fp_is_native(unsigned esz)
{
    return esz >= 2; /* singles and doubles */
}

uint32_t fp_nan_rule(const struct dis *d)
{
    return d->mode & ARM_MODE_DN ? IR_NAN_ARM_DN : IR_NAN_ARM;
}

/* Rounding of an operation that takes any: the vCPU's own costs nothing. */
uint32_t fp_rounding(const struct dis *d, unsigned rm)
{
    static const uint8_t modes[4] = {IR_RNE, IR_RUP, IR_RDN, IR_RTZ};
    unsigned current = modes[d->mode >> ARM_MODE_RM_SHIFT & 3];
    return rm == current && rm != IR_RTZ ? IR_RDYN : rm;
}

/* --- data processing --- */

static uint32_t round_rule(const struct dis *d, uint32_t how)
{
    return how | (d->mode & ARM_MODE_DN ? 0 : IR_NAN_ARM << IR_RINT_NAN_SHIFT);
}

/* What FZ makes of the operands. */
static enum fz_kind kind_of(uint32_t op)
{
    switch (op) {
    case F_MOV:
    case F_ABS:
    case F_NEG: return FZ_SAFE; /* signs are nobody's arithmetic */
    case F_SQRT:
    case F_RINT:
    case F_RINTI:
    case F_RINTX:
    case F_MAX:
    case F_MIN:
    case F_MAXNM:
    case F_MINNM: return FZ_INPUT;
    case F_ADD:
    case F_SUB: return FZ_SUM;
    case F_MUL:
    case F_NMUL: return FZ_PRODUCT;
    case F_DIV: return FZ_DIVIDEND;
    default: return FZ_NOT;
    }
}

static bool is_unary(uint32_t op)
{
    return op == F_SQRT || op == F_RINT || op == F_RINTI || op == F_RINTX;
}

static ir_val unary(struct dis *d, uint32_t op, unsigned imm, ir_val x)
{
    struct ir *ir = d->ir;
    switch (op) {
    case F_MOV: return x;
    case F_ABS: return ir_fsgnjx(ir, x, x);
    case F_NEG: return ir_fsgnjn(ir, x, x);
    case F_SQRT: return ir_fsqrt(ir, x, fp_nan_rule(d));
    case F_RINT: return ir_frint(ir, x, round_rule(d, fp_rounding(d, imm)));
    case F_RINTI: return ir_frint(ir, x, round_rule(d, IR_RDYN));
    case F_RINTX: return ir_frint(ir, x, round_rule(d, IR_RDYN | IR_RINT_EXACT));
    default: return IR_NONE;
    }
}

static ir_val binary(struct dis *d, uint32_t op, ir_val x, ir_val y)
{
    struct ir *ir = d->ir;
    ir_val product;
    switch (op) {
    case F_ADD: return ir_fadd(ir, x, y, fp_nan_rule(d));
    case F_SUB: return ir_fsub(ir, x, y, fp_nan_rule(d));
    case F_MUL: return ir_fmul(ir, x, y, fp_nan_rule(d));
    case F_DIV: return ir_fdiv(ir, x, y, fp_nan_rule(d));
    case F_MAX: return ir_fmax(ir, x, y, fp_nan_rule(d) | IR_MINMAX_NAN);
    case F_MIN: return ir_fmin(ir, x, y, fp_nan_rule(d) | IR_MINMAX_NAN);
    case F_MAXNM: return ir_fmax(ir, x, y, fp_nan_rule(d) | IR_MINMAX_SNAN);
    case F_MINNM: return ir_fmin(ir, x, y, fp_nan_rule(d) | IR_MINMAX_SNAN);
    case F_NMUL:
        product = ir_fmul(ir, x, y, fp_nan_rule(d));
        return ir_fsgnjn(ir, product, product);
    default: return IR_NONE;
    }
}

bool fp_inline(struct dis *d, uint32_t op, const struct simd_desc *x, struct fz *z)
{
    enum fz_kind kind = kind_of(op);
    if (x->esz < 2 || kind == FZ_NOT)
        return false;
    ir_val n = scalar(d, x->esz, x->rn), m = scalar(d, x->esz, x->rm);
    if (kind == FZ_SAFE) {
        set_scalar(d, x->esz, x->rd, unary(d, op, x->imm, n));
        return true;
    }
    fz_begin(d, z);
    fz_operand(d, z, kind, n);
    if (!is_unary(op))
        fz_operand(d, z, op == F_DIV ? FZ_DIVISOR : kind, m);
    set_scalar(d, x->esz, x->rd, is_unary(op) ? unary(d, op, x->imm, n) : binary(d, op, n, m));
    return true;
}

bool trans_fp(struct dis *d, const struct args_fp2 *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rd = a->rd,
                             .rn = a->rn,
                             .rm = a->rm,
                             .esz = fp_esz(a->ft),
                             .w = SIMD_SCALAR,
                             .imm = a->imm};
    struct fz z = {0};
    if (fp_inline(d, a->op, &desc, &z) && !fz_otherwise(d, &z))
        return true;
    simd_call_fp(d, a->op, desc);
    fz_end(d, &z);
    return true;
}

/* A single to bfloat16, which is named by the size of its result. */
bool trans_bfcvt(struct dis *d, const struct args_fp2 *a)
{
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rd = a->rd, .rn = a->rn, .esz = 1, .w = SIMD_SCALAR};
    simd_call_fp(d, a->op, desc);
    return true;
}

/* signs: enum fp_neg. */
static void native_madd(struct dis *d, const struct simd_desc *x, unsigned signs, struct fz *z)
{
    uint32_t attr = fp_nan_rule(d) | (signs & FP_NEG_PRODUCT ? IR_FMA_NEG_PRODUCT : 0) |
                    (signs & FP_NEG_ADDEND ? IR_FMA_NEG_ADDEND : 0);
    ir_val n = scalar(d, x->esz, x->rn), m = scalar(d, x->esz, x->rm);
    ir_val a = scalar(d, x->esz, x->ra);
    fz_begin(d, z);
    fz_operand(d, z, FZ_FUSED, n);
    fz_operand(d, z, FZ_FUSED, m);
    fz_operand(d, z, FZ_FUSED, a);
    set_scalar(d, x->esz, x->rd, ir_fma(d->ir, n, m, a, attr));
}

/* neg: bit 1 (o1) negates product and addend, bit 0 (o0) the product. */
bool trans_fmadd(struct dis *d, const struct args_fp3 *a)
{
    static const uint8_t signs[4] = {0, FP_NEG_PRODUCT, FP_NEG_PRODUCT | FP_NEG_ADDEND,
                                     FP_NEG_ADDEND};
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rd = a->rd,
                             .rn = a->rn,
                             .rm = a->rm,
                             .ra = a->ra,
                             .esz = fp_esz(a->ft),
                             .imm = signs[a->neg]};
    struct fz z = {0};
    if (fp_is_native(desc.esz)) {
        native_madd(d, &desc, signs[a->neg], &z);
        if (!fz_otherwise(d, &z))
            return true;
    }
    call_fp_madd(d->ir, imm32(d, simd_pack(desc)), simd_slots(a->rn, a->rm, a->ra),
                 simd_slot(a->rd));
    fz_end(d, &z);
    return true;
}

/* Between singles and doubles. */
static void native_cvt(struct dis *d, const struct simd_desc *x, struct fz *z)
{
    ir_val n = scalar(d, x->esz, x->rn);
    fz_begin(d, z);
    fz_operand(d, z, x->imm == 3 ? FZ_INPUT : FZ_NARROW, n);
    set_scalar(d, x->imm, x->rd, ir_fcvt(d->ir, x->imm == 3 ? F64 : F32, n, fp_nan_rule(d)));
}

bool trans_fcvt(struct dis *d, const struct args_fcvt *a)
{
    if (a->from == a->to)
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {
        .rd = a->rd, .rn = a->rn, .esz = fp_esz(a->from), .imm = fp_esz(a->to)};
    struct fz z = {0};
    if (fp_is_native(desc.esz) && fp_is_native(desc.imm)) {
        native_cvt(d, &desc, &z);
        if (!fz_otherwise(d, &z))
            return true;
    }
    call_fp_cvt(d->ir, imm32(d, simd_pack(desc)), simd_slot(a->rn), simd_slot(a->rd));
    fz_end(d, &z);
    return true;
}

/* --- comparison and selection --- */

enum { CMP_SIGNALLING = 1, CMP_ZERO = 2 }; /* imm of helper_fp_cmp */

static void set_packed_flags(struct dis *d, ir_val packed)
{
    ir_set(d->ir, ARM_SLOT_FLAGS, packed);
    flags_forget(d);
}

static void native_compare(struct dis *d, const struct simd_desc *x, struct fz *z)
{
    ir_val n = scalar(d, x->esz, x->rn);
    ir_val m =
        x->imm & CMP_ZERO ? ir_const(d->ir, x->esz == 3 ? F64 : F32, 0) : scalar(d, x->esz, x->rm);
    fz_begin(d, z);
    fz_operand(d, z, FZ_INPUT, n);
    if (!(x->imm & CMP_ZERO))
        fz_operand(d, z, FZ_INPUT, m);
    set_packed_flags(d, ir_flags_fcmp(d->ir, n, m, x->imm & CMP_SIGNALLING));
}

static ir_val helper_compare(struct dis *d, const struct simd_desc *x, ir_val takes_place)
{
    return call_fp_cmp(d->ir, imm32(d, simd_pack(*x)), takes_place, simd_slots(x->rn, x->rm, x->rm),
                       ir_slots_none());
}

bool trans_fcmp(struct dis *d, const struct args_fcmp *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rn = a->rn,
                             .rm = a->rm,
                             .esz = fp_esz(a->ft),
                             .imm = (a->is_signalling ? CMP_SIGNALLING : 0) |
                                    (a->is_zero ? CMP_ZERO : 0)};
    struct fz z = {0};
    if (fp_is_native(desc.esz)) {
        native_compare(d, &desc, &z);
        if (!fz_otherwise(d, &z))
            return true;
    }
    flags_set_nzcv(d, helper_compare(d, &desc, imm32(d, 1)));
    fz_end(d, &z);
    return true;
}

static uint32_t packed_flags(unsigned nzcv)
{
    return (nzcv & 8 ? ARM_FLAG_N : 0) | (nzcv & 4 ? ARM_FLAG_Z : 0) |
           (nzcv & 2 ? 0 : ARM_FLAG_NOT_C) | (nzcv & 1 ? ARM_FLAG_V : 0);
}

/* Unless it takes place, zeros are compared, which raises nothing. */
static void native_conditional(struct dis *d, const struct simd_desc *x, unsigned cond)
{
    ir_val zero = ir_const(d->ir, x->esz == 3 ? F64 : F32, 0);
    ir_val n = scalar(d, x->esz, x->rn), m = scalar(d, x->esz, x->rm);
    n = flag_select(d, cond, n, zero);
    m = flag_select(d, cond, m, zero);
    ir_val flags = ir_flags_fcmp(d->ir, n, m, x->imm & CMP_SIGNALLING);
    set_packed_flags(d, flag_select(d, cond, flags, imm32(d, packed_flags(x->ra))));
}

/* The comparison, with its exceptions, only if the condition holds; else flags in ra. */
bool trans_fccmp(struct dis *d, const struct args_fccmp *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rn = a->rn,
                             .rm = a->rm,
                             .ra = a->nzcv,
                             .esz = fp_esz(a->ft),
                             .imm = a->is_signalling ? CMP_SIGNALLING : 0};
    if (fp_is_native(desc.esz) && !(d->mode & ARM_MODE_FZ))
        native_conditional(d, &desc, a->cond);
    else
        flags_set_nzcv(d, helper_compare(d, &desc, flag_setcond(d, a->cond, I32)));
    return true;
}

bool trans_fcsel(struct dis *d, const struct args_fcsel *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    unsigned esz = fp_esz(a->ft);
    if (esz == 1) {
        ir_val n = simd_element(d, a->rn, esz, 0), m = simd_element(d, a->rm, esz, 0);
        simd_set_scalar(d, a->rd, flag_select(d, a->cond, n, m));
        return true;
    }
    ir_val n = scalar(d, esz, a->rn), m = scalar(d, esz, a->rm);
    set_scalar(d, esz, a->rd, flag_select(d, a->cond, n, m));
    return true;
}

/* --- moves --- */

bool trans_fmov_imm(struct dis *d, const struct args_fmovi *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (!fp_is_trapped(d))
        set_vreg(d, a->rd, vconst(d, fp_expand_imm(fp_esz(a->ft), a->imm), 0), SIMD_FULL);
    return true;
}

/* ft 2 is the upper half of a register. Only halves move from and to either width. */
static bool move_is_valid(const struct dis *d, const struct args_fmovx *a)
{
    return a->ft == 3 ? dis_has(d, ARM_F_FP16) : a->sf == (a->ft != 0);
}

bool trans_fmov_to_x(struct dis *d, const struct args_fmovx *a)
{
    if (!move_is_valid(d, a))
        return false;
    if (fp_is_trapped(d))
        return true;
    if (a->ft == 0)
        set_gpr(d, a->rd, ir_bits_i32(d->ir, scalar(d, 2, a->rn)));
    else if (a->ft == 1)
        set_gpr(d, a->rd, ir_bits_i64(d->ir, scalar(d, 3, a->rn)));
    else
        set_gpr(d, a->rd, simd_element(d, a->rn, a->ft == 2 ? 3 : 1, a->ft == 2));
    return true;
}

bool trans_fmov_to_f(struct dis *d, const struct args_fmovx *a)
{
    if (!move_is_valid(d, a))
        return false;
    if (fp_is_trapped(d))
        return true;
    if (a->ft == 0)
        set_scalar(d, 2, a->rd, ir_bits_f32(d->ir, gpr32(d, a->rn)));
    else if (a->ft == 1)
        set_scalar(d, 3, a->rd, ir_bits_f64(d->ir, gpr64(d, a->rn)));
    else if (a->ft == 2)
        simd_insert(d, a->rd, 3, 1, gpr64(d, a->rn));
    else
        simd_set_scalar(d, a->rd, ir_zext16(d->ir, gpr64(d, a->rn)));
    return true;
}

/* --- integers --- */

static uint32_t int_how(const struct args_fint *a, bool is_signed, unsigned fraction)
{
    return fraction | (a->sf ? FP_INT_64 : 0) | (is_signed ? FP_INT_SIGNED : 0);
}

/* Saturating; NaN to 0. */
static void native_to_x(struct dis *d, const struct args_fint *a, unsigned esz, struct fz *z)
{
    enum ir_type t = a->sf ? I64 : I32;
    uint32_t how = fp_rounding(d, a->imm) | IR_FTOI_NAN_ZERO;
    ir_val v = scalar(d, esz, a->rn);
    fz_begin(d, z);
    fz_operand(d, z, FZ_INPUT, v);
    set_gpr(d, a->rd, a->op == F_TO_S ? ir_ftosi(d->ir, t, v, how) : ir_ftoui(d->ir, t, v, how));
}

bool trans_fcvt_x(struct dis *d, const struct args_fint *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct fz z = {0};
    if (fp_is_native(fp_esz(a->ft)) && (a->op == F_TO_S || a->op == F_TO_U)) {
        native_to_x(d, a, fp_esz(a->ft), &z);
        if (!fz_otherwise(d, &z))
            return true;
    }
    bool is_signed = a->op == F_TO_S || a->op == F_TO_SFIX;
    bool is_fixed = a->op == F_TO_SFIX || a->op == F_TO_UFIX;
    struct simd_desc desc = {.rn = a->rn, .esz = fp_esz(a->ft), .imm = is_fixed ? FP_RTZ : a->imm};
    uint32_t how = int_how(a, is_signed, is_fixed ? 64 - a->imm : 0);
    set_gpr(d, a->rd,
            call_fp_to_x(d->ir, imm32(d, simd_pack(desc)), imm32(d, how), simd_slot(a->rn),
                         ir_slots_none()));
    fz_end(d, &z);
    return true;
}

/* imm 64: no fraction. */
static void native_from_x(struct dis *d, const struct args_fint *a, unsigned esz)
{
    enum ir_type t = esz == 3 ? F64 : F32;
    ir_val v = gpr(d, a->rn, a->sf);
    set_scalar(d, esz, a->rd, a->op == F_SCVTF ? ir_sitof(d->ir, t, v) : ir_uitof(d->ir, t, v));
}

bool trans_fcvt_f(struct dis *d, const struct args_fint *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rd = a->rd, .esz = fp_esz(a->ft)};
    if (desc.esz >= 2 && a->imm == 64) { /* nothing to flush */
        native_from_x(d, a, desc.esz);
        return true;
    }
    uint32_t how = int_how(a, a->op == F_SCVTF, 64 - a->imm);
    call_fp_from_x(d->ir, imm32(d, simd_pack(desc)), imm32(d, how), gpr64(d, a->rn),
                   ir_slots_none(), simd_slot(a->rd));
    return true;
}

bool trans_fjcvtzs(struct dis *d, const struct args_fmovx *a)
{
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rn = a->rn};
    ir_val v = call_fp_to_js(d->ir, imm32(d, simd_pack(desc)), simd_slot(a->rn), ir_slots_none());
    set_gpr(d, a->rd, ir_trunc(d->ir, v));
    ir_val z = ir_trunc(d->ir, ir_shr(d->ir, v, imm64(d, 32)));
    flags_set_nzcv(d, ir_shl(d->ir, z, imm32(d, 30)));
    return true;
}
