/*
 * F and D, and what Zfh shares with them.  Ref: The RISC-V Instruction Set Manual, Volume I, 2024,
 * chapters 20, 21 and 23.
 *
 * Single and double are IR operations while the instruction rounds as the vCPU does; other
 * roundings, and half precision, are helpers on whole registers.  mstatus.FS is part of the mode:
 * the first instruction that writes FP state in a unit translated for "initial or clean" makes it
 * dirty and starts another unit.
 */
#include "target/riscv/trans_f.h"

typedef ir_val native2(struct ir *ir, ir_val a, ir_val b, uint32_t nan);
typedef ir_val soft2(struct ir *ir, ir_val a, ir_val b, ir_val how);

/* --- state --- */

int fp_round(const struct dis *d, int rm)
{
    if (rm == IR_RDYN)
        rm = d->frm;
    return rm <= IR_RMM ? rm : -1;
}

unsigned fp_native_round(const struct dis *d)
{
    return d->frm < IR_RMM ? d->frm : IR_RNE;
}

bool fp_dirty(struct dis *d)
{
    if (d->fs == MODE_FS_DIRTY)
        return false;
    set_pc(d, d->pc);
    call_fs_dirty(d->ir);
    end_lookup(d);
    return true;
}

enum fp_way fp_begin(struct dis *d, int fmt, int rm_field, unsigned *rm)
{
    int r = fp_round(d, rm_field);
    if (r < 0)
        return FP_ILLEGAL;
    if (fp_dirty(d))
        return FP_DONE;
    *rm = r;
    return fmt != FMT_H && *rm == fp_native_round(d) ? FP_NATIVE : FP_SOFT;
}

ir_val fp_get(struct dis *d, int fmt, int n)
{
    ir_val v = ir_get(d->ir, RV_SLOT_F0 + n);
    return fmt == FMT_S ? ir_unbox32(d->ir, v) : v;
}

void fp_set(struct dis *d, int fmt, int n, ir_val v)
{
    ir_set(d->ir, RV_SLOT_F0 + n, fmt == FMT_S ? ir_box32(d->ir, v) : v);
}

ir_val fp_bits(struct dis *d, int n)
{
    return ir_bits_i64(d->ir, ir_get(d->ir, RV_SLOT_F0 + n));
}

void fp_set_bits(struct dis *d, int n, ir_val bits)
{
    ir_set(d->ir, RV_SLOT_F0 + n, ir_bits_f64(d->ir, bits));
}

ir_val fp_how(struct dis *d, int fmt, unsigned rm, unsigned aux)
{
    return imm32(d, rv_fp_how(fmt, rm, aux));
}

/* --- loads and stores: bits, no conversion --- */

static uint32_t fp_memop(const struct dis *d, int fmt)
{
    return (fmt == FMT_S ? MO_32 : fmt == FMT_D ? MO_64 : MO_16) | d->mem;
}

bool trans_fload(struct dis *d, const struct args_fpload *a)
{
    if (fp_dirty(d))
        return true;
    ir_val where = addr(d, a->rs1, a->imm);
    uint32_t memop = fp_memop(d, a->fmt);
    if (a->fmt == FMT_H)
        fp_set_bits(
            d, a->rd,
            ir_or(d->ir, ir_ld(d->ir, I64, where, memop), ir_const(d->ir, I64, ~UINT64_C(0xffff))));
    else
        fp_set(d, a->fmt, a->rd, ir_ld(d->ir, a->fmt == FMT_S ? F32 : F64, where, memop));
    return true;
}

bool trans_fstore(struct dis *d, const struct args_fpstore *a)
{
    ir_val where = addr(d, a->rs1, a->imm);
    uint32_t memop = fp_memop(d, a->fmt);
    if (a->fmt == FMT_D)
        ir_st(d->ir, where, fp_get(d, FMT_D, a->rs2), memop);
    else
        ir_st(d->ir, where, fp_bits(d, a->rs2), memop);
    return true;
}

/* --- arithmetic --- */

/*
 * Operands are read in the order of the instruction, so that what is made does not depend on how
 * the compiler orders the arguments of a call.
 */
static ir_val native_pair(struct dis *d, const struct args_fp2 *a, native2 *op)
{
    ir_val x = fp_get(d, a->fmt, a->rs1), y = fp_get(d, a->fmt, a->rs2);
    return op(d->ir, x, y, IR_NAN_DEFAULT);
}

static ir_val soft_pair(struct dis *d, const struct args_fp2 *a, unsigned rm, soft2 *op)
{
    ir_val x = fp_bits(d, a->rs1), y = fp_bits(d, a->rs2);
    return op(d->ir, x, y, fp_how(d, a->fmt, rm, 0));
}

static bool arithmetic(struct dis *d, const struct args_fp *a, native2 *op, soft2 *soft)
{
    struct args_fp2 pair = {.fmt = a->fmt, .rs1 = a->rs1, .rs2 = a->rs2};
    unsigned rm;
    switch (fp_begin(d, a->fmt, a->rm, &rm)) {
    case FP_ILLEGAL: return false;
    case FP_DONE: return true;
    case FP_NATIVE: fp_set(d, a->fmt, a->rd, native_pair(d, &pair, op)); return true;
    case FP_SOFT: break;
    }
    fp_set_bits(d, a->rd, soft_pair(d, &pair, rm, soft));
    return true;
}

bool trans_fadd(struct dis *d, const struct args_fp *a)
{
    return arithmetic(d, a, ir_fadd, call_fadd);
}

bool trans_fsub(struct dis *d, const struct args_fp *a)
{
    return arithmetic(d, a, ir_fsub, call_fsub);
}

bool trans_fmul(struct dis *d, const struct args_fp *a)
{
    return arithmetic(d, a, ir_fmul, call_fmul);
}

bool trans_fdiv(struct dis *d, const struct args_fp *a)
{
    return arithmetic(d, a, ir_fdiv, call_fdiv);
}

bool trans_fsqrt(struct dis *d, const struct args_fp1 *a)
{
    unsigned rm;
    switch (fp_begin(d, a->fmt, a->rm, &rm)) {
    case FP_ILLEGAL: return false;
    case FP_DONE: return true;
    case FP_NATIVE:
        fp_set(d, a->fmt, a->rd, ir_fsqrt(d->ir, fp_get(d, a->fmt, a->rs1), IR_NAN_DEFAULT));
        return true;
    case FP_SOFT: break;
    }
    fp_set_bits(d, a->rd, call_fsqrt(d->ir, fp_bits(d, a->rs1), fp_how(d, a->fmt, rm, 0)));
    return true;
}

/* neg: IR_FMA_* bits; the helper has them, shifted down, in aux. */
static bool multiply_add(struct dis *d, const struct args_fpma *a, uint32_t neg)
{
    ir_val x, y, z;
    unsigned rm;
    switch (fp_begin(d, a->fmt, a->rm, &rm)) {
    case FP_ILLEGAL: return false;
    case FP_DONE: return true;
    case FP_NATIVE:
        x = fp_get(d, a->fmt, a->rs1);
        y = fp_get(d, a->fmt, a->rs2);
        z = fp_get(d, a->fmt, a->rs3);
        fp_set(d, a->fmt, a->rd, ir_fma(d->ir, x, y, z, IR_NAN_DEFAULT | neg));
        return true;
    case FP_SOFT: break;
    }
    x = fp_bits(d, a->rs1);
    y = fp_bits(d, a->rs2);
    z = fp_bits(d, a->rs3);
    fp_set_bits(d, a->rd,
                call_fma(d->ir, x, y, z, fp_how(d, a->fmt, rm, neg / IR_FMA_NEG_PRODUCT)));
    return true;
}

bool trans_fmadd(struct dis *d, const struct args_fpma *a)
{
    return multiply_add(d, a, 0);
}

bool trans_fmsub(struct dis *d, const struct args_fpma *a)
{
    return multiply_add(d, a, IR_FMA_NEG_ADDEND);
}

bool trans_fnmsub(struct dis *d, const struct args_fpma *a)
{
    return multiply_add(d, a, IR_FMA_NEG_PRODUCT);
}

bool trans_fnmadd(struct dis *d, const struct args_fpma *a)
{
    return multiply_add(d, a, IR_FMA_NEG_PRODUCT | IR_FMA_NEG_ADDEND);
}

static bool minmax(struct dis *d, const struct args_fp2 *a, native2 *op, soft2 *soft)
{
    if (fp_dirty(d))
        return true;
    if (a->fmt == FMT_H)
        fp_set_bits(d, a->rd, soft_pair(d, a, 0, soft));
    else
        fp_set(d, a->fmt, a->rd, native_pair(d, a, op));
    return true;
}

bool trans_fmin(struct dis *d, const struct args_fp2 *a)
{
    return minmax(d, a, ir_fmin, call_fmin);
}

bool trans_fmax(struct dis *d, const struct args_fp2 *a)
{
    return minmax(d, a, ir_fmax, call_fmax);
}

/* --- signs --- */

static bool sign_inject(struct dis *d, const struct args_fp2 *a,
                        ir_val (*op)(struct ir *ir, ir_val a, ir_val b))
{
    if (fp_dirty(d))
        return true;
    ir_val x = fp_get(d, a->fmt, a->rs1), y = fp_get(d, a->fmt, a->rs2);
    fp_set(d, a->fmt, a->rd, op(d->ir, x, y));
    return true;
}

/* The bits of a half, or of the canonical NaN if it is not boxed. */
static ir_val half_bits(struct dis *d, int n)
{
    ir_val v = fp_bits(d, n), boxes = ir_const(d->ir, I64, ~UINT64_C(0xffff));
    ir_val nan = ir_const(d->ir, I64, 0x7e00);
    return ir_select(d->ir, v, boxes, ir_zext16(d->ir, v), nan, IR_GEU);
}

/* flip: turn b's sign; mix: combine it with a's. */
static bool sign_inject_half(struct dis *d, const struct args_fp2 *a, bool flip, bool mix)
{
    if (fp_dirty(d))
        return true;
    struct ir *ir = d->ir;
    ir_val sign = ir_const(ir, I64, 0x8000);
    ir_val x = half_bits(d, a->rs1), y = half_bits(d, a->rs2);
    if (flip)
        y = ir_xor(ir, y, sign);
    ir_val s = ir_and(ir, mix ? ir_xor(ir, x, y) : y, sign);
    ir_val r = ir_or(ir, ir_andn(ir, x, sign), s);
    fp_set_bits(d, a->rd, ir_or(ir, r, ir_const(ir, I64, ~UINT64_C(0xffff))));
    return true;
}

bool trans_fsgnj(struct dis *d, const struct args_fp2 *a)
{
    return a->fmt == FMT_H ? sign_inject_half(d, a, false, false) : sign_inject(d, a, ir_fsgnj);
}

bool trans_fsgnjn(struct dis *d, const struct args_fp2 *a)
{
    return a->fmt == FMT_H ? sign_inject_half(d, a, true, false) : sign_inject(d, a, ir_fsgnjn);
}

bool trans_fsgnjx(struct dis *d, const struct args_fp2 *a)
{
    return a->fmt == FMT_H ? sign_inject_half(d, a, false, true) : sign_inject(d, a, ir_fsgnjx);
}

/* --- comparison and class --- */

static bool compare(struct dis *d, const struct args_fp2 *a, enum ir_cc cc, soft2 *soft)
{
    if (fp_dirty(d))
        return true;
    if (a->fmt == FMT_H) {
        set_gpr(d, a->rd, soft_pair(d, a, 0, soft));
        return true;
    }
    ir_val x = fp_get(d, a->fmt, a->rs1), y = fp_get(d, a->fmt, a->rs2);
    set_gpr(d, a->rd, ir_fcmp(d->ir, x, y, cc));
    return true;
}

bool trans_feq(struct dis *d, const struct args_fp2 *a)
{
    return compare(d, a, IR_FEQ, call_feq);
}

bool trans_flt(struct dis *d, const struct args_fp2 *a)
{
    return compare(d, a, IR_FLT, call_flt);
}

bool trans_fle(struct dis *d, const struct args_fp2 *a)
{
    return compare(d, a, IR_FLE, call_fle);
}

bool trans_fltq(struct dis *d, const struct args_fp2 *a)
{
    return compare(d, a, IR_FLTQ, call_fltq);
}

bool trans_fleq(struct dis *d, const struct args_fp2 *a)
{
    return compare(d, a, IR_FLEQ, call_fleq);
}

/* Writes neither F registers nor flags. */
bool trans_fclass(struct dis *d, const struct args_fmv *a)
{
    set_gpr(d, a->rd, call_fclass(d->ir, fp_bits(d, a->rs1), fp_how(d, a->fmt, 0, 0)));
    return true;
}

/* --- moves --- */

bool trans_fmv_to_x(struct dis *d, const struct args_fmv *a)
{
    ir_val bits = fp_bits(d, a->rs1);
    if (a->fmt == FMT_S)
        bits = ir_trunc(d->ir, bits);
    else if (a->fmt == FMT_H)
        bits = ir_sext16(d->ir, bits);
    set_gpr(d, a->rd, bits);
    return true;
}

bool trans_fmv_to_f(struct dis *d, const struct args_fmv *a)
{
    if (fp_dirty(d))
        return true;
    if (a->fmt == FMT_S)
        fp_set(d, FMT_S, a->rd, ir_bits_f32(d->ir, gpr32(d, a->rs1)));
    else if (a->fmt == FMT_D)
        fp_set_bits(d, a->rd, gpr64(d, a->rs1));
    else
        fp_set_bits(d, a->rd,
                    ir_or(d->ir, gpr64(d, a->rs1), ir_const(d->ir, I64, ~UINT64_C(0xffff))));
    return true;
}

/* --- conversion --- */

static ir_val native_to_x(struct dis *d, const struct args_fpint *a, unsigned rm)
{
    enum ir_type t = a->type >= RV_INT_L ? I64 : I32;
    uint32_t round = rm != IR_RTZ && rm == fp_native_round(d) ? IR_RDYN : rm;
    ir_val v = fp_get(d, a->fmt, a->rs1);
    bool is_unsigned = a->type == RV_INT_WU || a->type == RV_INT_LU;
    return is_unsigned ? ir_ftoui(d->ir, t, v, round) : ir_ftosi(d->ir, t, v, round);
}

/* The IR's conversions to integer take any rounding mode. */
bool trans_fcvt_to_x(struct dis *d, const struct args_fpint *a)
{
    int rm = fp_round(d, a->rm);
    if (rm < 0)
        return false;
    if (fp_dirty(d))
        return true;
    if (a->fmt == FMT_H)
        set_gpr(d, a->rd,
                call_fcvt_to_x(d->ir, fp_bits(d, a->rs1), fp_how(d, a->fmt, rm, a->type)));
    else
        set_gpr(d, a->rd, native_to_x(d, a, rm));
    return true;
}

static ir_val native_to_f(struct dis *d, const struct args_fpint *a)
{
    enum ir_type t = a->fmt == FMT_S ? F32 : F64;
    ir_val v = a->type >= RV_INT_L ? gpr64(d, a->rs1) : gpr32(d, a->rs1);
    bool is_unsigned = a->type == RV_INT_WU || a->type == RV_INT_LU;
    return is_unsigned ? ir_uitof(d->ir, t, v) : ir_sitof(d->ir, t, v);
}

bool trans_fcvt_to_f(struct dis *d, const struct args_fpint *a)
{
    unsigned rm;
    enum fp_way way = fp_begin(d, a->fmt, a->rm, &rm);
    bool exact = a->fmt == FMT_D && a->type < RV_INT_L;
    if (way == FP_ILLEGAL)
        return false;
    if (way == FP_NATIVE || (way == FP_SOFT && exact))
        fp_set(d, a->fmt, a->rd, native_to_f(d, a));
    else if (way == FP_SOFT)
        fp_set_bits(d, a->rd,
                    call_fcvt_to_f(d->ir, gpr64(d, a->rs1), fp_how(d, a->fmt, rm, a->type)));
    return true;
}

/* Between formats: single to double is exact; the helper does what has a half on either side. */
bool trans_fcvt_f_f(struct dis *d, const struct args_fpcvt *a)
{
    unsigned rm;
    enum fp_way way = fp_begin(d, a->to, a->rm, &rm);
    if (way == FP_ILLEGAL)
        return false;
    if (way == FP_DONE)
        return true;
    bool exact = a->to == FMT_D && a->from == FMT_S;
    if (a->from != FMT_H && (way == FP_NATIVE || exact))
        fp_set(
            d, a->to, a->rd,
            ir_fcvt(d->ir, a->to == FMT_S ? F32 : F64, fp_get(d, a->from, a->rs1), IR_NAN_DEFAULT));
    else
        fp_set_bits(d, a->rd,
                    call_fcvt_f_f(d->ir, fp_bits(d, a->rs1), fp_how(d, a->to, rm, a->from)));
    return true;
}
