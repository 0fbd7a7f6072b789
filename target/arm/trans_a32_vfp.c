/* A32 and T32: VFP.  Ref: DDI 0487, F6.1. */
#include "target/arm/a32.h"
#include "target/arm/fp.h"
#include "target/arm/neon_a32.h"
#include "target/arm/trans_a32.h"
#include "target/arm/trans_simd.h"

#include <stddef.h>

/* --- registers --- */

static unsigned lane_of(int word, unsigned esz)
{
    return esz == 3 ? (unsigned)word >> 1 & 1 : ((unsigned)word & 3) << (2 - esz);
}

ir_val a32_vget_lane(struct dis *d, int word, unsigned esz, unsigned index, bool is_signed)
{
    unsigned at = lane_of(word, esz) + index;
    ir_val v = ir_get(d->ir, ARM_SLOT_V0 + word / 4);
    return ir_vextr(d->ir, v, esz | at << 8 | (is_signed ? 1u << 16 : 0));
}

void a32_vset_lane(struct dis *d, int word, unsigned esz, unsigned index, ir_val v)
{
    unsigned slot = ARM_SLOT_V0 + (unsigned)word / 4, at = lane_of(word, esz) + index;
    ir_set(d->ir, slot, ir_vins(d->ir, ir_get(d->ir, slot), v, esz | at << 8));
}

ir_val a32_vget(struct dis *d, int word, unsigned esz)
{
    return a32_vget_lane(d, word, esz, 0, false);
}

void a32_vset(struct dis *d, int word, unsigned esz, ir_val v)
{
    a32_vset_lane(d, word, esz, 0, v);
}

bool a32_bad_d(const struct dis *d, int word, bool q)
{
    return (word >= 32 && !dis_has(d, ARM_F_VFP_D32)) || (q && word & 2);
}

/* A single (or half) is anywhere, a double not beyond what there is. */
static bool is_bad(const struct dis *d, unsigned esz, int a, int b, int c)
{
    return esz == 3 && (a32_bad_d(d, a, false) || a32_bad_d(d, b, false) || a32_bad_d(d, c, false));
}

/* A scalar register: halves have all of their word written. */
static struct a32_vreg scalar(int word, unsigned esz)
{
    return (struct a32_vreg){(uint8_t)word, (uint8_t)(esz == 3 ? A32_D : A32_S)};
}

static struct a32_vop scalar_op(unsigned esz, int vd, int vn, int vm, unsigned imm)
{
    return (struct a32_vop){.d = scalar(vd, esz),
                            .n = scalar(vn, esz),
                            .m = scalar(vm, esz),
                            .esz = (uint8_t)esz,
                            .w = SIMD_SCALAR,
                            .imm = (uint8_t)imm};
}

static ir_val packed(struct dis *d, const struct a32_vop *o)
{
    return imm64(d, a32_vop_pack(*o));
}

/* --- arithmetic: inline where the host does the same --- */

static bool native3(struct dis *d, const struct args_v3 *a, struct fz *z)
{
    struct ir *ir = d->ir;
    ir_val r, n, m;
    if (!fp_is_native((unsigned)a->esz) || a->op < F_ADD || a->op > F_DIV || a->op == F_NMUL ||
        a->op == F_MULX)
        return false;
    bool divides = a->op == F_DIV, sums = a->op == F_ADD || a->op == F_SUB;
    enum fz_kind kind = divides ? FZ_DIVIDEND : sums ? FZ_SUM : FZ_PRODUCT;
    n = a32_get_float(d, a->vn, (unsigned)a->esz);
    m = a32_get_float(d, a->vm, (unsigned)a->esz);
    fz_begin(d, z);
    fz_operand(d, z, kind, n);
    fz_operand(d, z, divides ? FZ_DIVISOR : kind, m);
    switch (a->op) {
    case F_ADD: r = ir_fadd(ir, n, m, fp_nan_rule(d)); break;
    case F_SUB: r = ir_fsub(ir, n, m, fp_nan_rule(d)); break;
    case F_MUL: r = ir_fmul(ir, n, m, fp_nan_rule(d)); break;
    default: r = ir_fdiv(ir, n, m, fp_nan_rule(d)); break;
    }
    a32_set_float(d, a->vd, (unsigned)a->esz, r);
    return true;
}

/* Without short vectors (MVFR0.FPShVec) nothing may be done while FPSCR.LEN or STRIDE is set. */
static bool begin(struct dis *d, unsigned esz, int vd, int vn, int vm)
{
    bool is_vector = d->mode & ARM_MODE_VLEN;
    return !is_bad(d, esz, vd, vn, vm) && (!is_vector || dis_has(d, ARM_F_SHORT_VECTORS));
}

/* The operation is on as many registers as FPSCR.LEN says. */
static bool on_short_vector(struct dis *d, uint32_t op, struct a32_vop o)
{
    struct ir_slot_set all = ir_slots_none();
    if (!(d->mode & ARM_MODE_VLEN))
        return false;
    for (unsigned i = 0; i < 16; i++)
        all = ir_slots_add(all, ARM_SLOT_V0 + i);
    call_a32_short_vector(d->ir, imm32(d, op), packed(d, &o), all, all);
    return true;
}

bool trans_vfp3(struct dis *d, const struct args_v3 *a)
{
    if (!begin(d, (unsigned)a->esz, a->vd, a->vn, a->vm))
        return false;
    struct a32_vop o = scalar_op((unsigned)a->esz, a->vd, a->vn, a->vm, 0);
    if (a32_fp_is_trapped(d, false) || on_short_vector(d, (uint32_t)a->op | A32_OP_FP, o))
        return true;
    struct fz z = {0};
    if (native3(d, a, &z) && !fz_otherwise(d, &z))
        return true;
    a32_vector(d, (uint32_t)a->op | A32_OP_FP, o);
    fz_end(d, &z);
    return true;
}

enum { NEG_PRODUCT = 1, NEG_ADDEND = 2 }; /* of VMLA and its kin: op */

/* Operands of a product and a sum. */
struct mac {
    ir_val n, m, addend;
};

static struct mac mac_operands(struct dis *d, const struct args_v3 *a, struct fz *z)
{
    unsigned esz = (unsigned)a->esz;
    struct mac v = {a32_get_float(d, a->vn, esz), a32_get_float(d, a->vm, esz),
                    a32_get_float(d, a->vd, esz)};
    fz_begin(d, z);
    fz_operand(d, z, FZ_FUSED, v.n);
    fz_operand(d, z, FZ_FUSED, v.m);
    fz_operand(d, z, FZ_FUSED, v.addend);
    return v;
}

static bool native_mac(struct dis *d, const struct args_v3 *a, struct fz *z)
{
    struct ir *ir = d->ir;
    unsigned esz = (unsigned)a->esz;
    if (!fp_is_native(esz))
        return false;
    struct mac v = mac_operands(d, a, z);
    ir_val p = ir_fmul(ir, v.n, v.m, fp_nan_rule(d)), addend = v.addend;
    if (a->op & NEG_PRODUCT)
        p = ir_fsgnjn(ir, p, p);
    if (a->op & NEG_ADDEND)
        addend = ir_fsgnjn(ir, addend, addend);
    a32_set_float(d, a->vd, esz, ir_fadd(ir, addend, p, fp_nan_rule(d)));
    return true;
}

/* op: VMLA, VMLS, VNMLS, VNMLA. */
bool trans_vmac(struct dis *d, const struct args_v3 *a)
{
    if (!begin(d, (unsigned)a->esz, a->vd, a->vn, a->vm))
        return false;
    struct a32_vop o = scalar_op((unsigned)a->esz, a->vd, a->vn, a->vm, (unsigned)a->op);
    if (a32_fp_is_trapped(d, false) || on_short_vector(d, A32_OP_MAC, o))
        return true;
    struct fz z = {0};
    if (native_mac(d, a, &z) && !fz_otherwise(d, &z))
        return true;
    call_a32_mac(d->ir, packed(d, &o), a32_vop_reads(&o), a32_vop_writes(&o));
    fz_end(d, &z);
    return true;
}

static bool native_fma(struct dis *d, const struct args_v3 *a, struct fz *z)
{
    unsigned esz = (unsigned)a->esz;
    uint32_t attr = fp_nan_rule(d) | (a->op & FP_NEG_PRODUCT ? IR_FMA_NEG_PRODUCT : 0) |
                    (a->op & FP_NEG_ADDEND ? IR_FMA_NEG_ADDEND : 0);
    if (!fp_is_native(esz))
        return false;
    struct mac v = mac_operands(d, a, z);
    a32_set_float(d, a->vd, esz, ir_fma(d->ir, v.n, v.m, v.addend, attr));
    return true;
}

/* op: enum fp_neg. */
bool trans_vfma(struct dis *d, const struct args_v3 *a)
{
    if ((d->mode & ARM_MODE_VLEN) || !begin(d, (unsigned)a->esz, a->vd, a->vn, a->vm))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    struct fz z = {0};
    if (native_fma(d, a, &z) && !fz_otherwise(d, &z))
        return true;
    struct a32_vop o = scalar_op((unsigned)a->esz, a->vd, a->vn, a->vm, (unsigned)a->op);
    call_a32_fma(d->ir, packed(d, &o), a32_vop_reads(&o), a32_vop_writes(&o));
    fz_end(d, &z);
    return true;
}

static bool native_sqrt(struct dis *d, const struct args_v2 *a, struct fz *z)
{
    unsigned esz = (unsigned)a->esz;
    if (a->op != F_SQRT || !fp_is_native(esz))
        return false;
    ir_val v = a32_get_float(d, a->vm, esz);
    fz_begin(d, z);
    fz_operand(d, z, FZ_INPUT, v);
    a32_set_float(d, a->vd, esz, ir_fsqrt(d->ir, v, fp_nan_rule(d)));
    return true;
}

static bool native2(struct dis *d, const struct args_v2 *a)
{
    unsigned esz = (unsigned)a->esz;
    uint64_t sign = UINT64_C(1) << ((8u << esz) - 1);
    ir_val v = a32_vget(d, a->vm, esz);
    if (esz == 1)
        return false;
    switch (a->op) {
    case F_MOV: break;
    case F_ABS: v = ir_and(d->ir, v, imm64(d, sign - 1)); break;
    case F_NEG: v = ir_xor(d->ir, v, imm64(d, sign)); break;
    default: return false;
    }
    a32_vset(d, a->vd, esz, v);
    return true;
}

bool trans_vfp2(struct dis *d, const struct args_v2 *a)
{
    if (!begin(d, (unsigned)a->esz, a->vd, a->vm, a->vm))
        return false;
    struct a32_vop o = scalar_op((unsigned)a->esz, a->vd, a->vm, a->vm, 0);
    uint32_t op = (uint32_t)a->op | A32_OP_FP;
    if (a32_fp_is_trapped(d, false) || on_short_vector(d, op | A32_OP_UNARY, o) || native2(d, a))
        return true;
    struct fz z = {0};
    if (native_sqrt(d, a, &z) && !fz_otherwise(d, &z))
        return true;
    a32_vector(d, op, o);
    fz_end(d, &z);
    return true;
}

static bool round_to(struct dis *d, const struct args_v2 *a, enum fp_round rm)
{
    if (!begin(d, (unsigned)a->esz, a->vd, a->vm, a->vm))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    a32_vector(d, F_RINT | A32_OP_FP, scalar_op((unsigned)a->esz, a->vd, a->vm, a->vm, rm));
    return true;
}

bool trans_vrintz(struct dis *d, const struct args_v2 *a)
{
    return round_to(d, a, FP_RTZ);
}

/* RM of VRINT{A,N,P,M} and VCVT{A,N,P,M}. */
static const uint8_t direction[4] = {FP_RMM, FP_RNE, FP_RUP, FP_RDN};

bool trans_vrint(struct dis *d, const struct args_v2 *a)
{
    return !d->it && round_to(d, a, direction[a->op]);
}

bool trans_vmov_imm(struct dis *d, const struct args_vimm *a)
{
    if (!begin(d, (unsigned)a->esz, a->vd, 0, 0))
        return false;
    struct a32_vop o = scalar_op((unsigned)a->esz, a->vd, 0, 0, (unsigned)a->imm);
    if (a32_fp_is_trapped(d, false) || on_short_vector(d, A32_OP_NUMBER, o))
        return true;
    uint64_t v = fp_expand_imm((unsigned)a->esz, (unsigned)a->imm);
    a32_vset(d, a->vd, a->esz == 3 ? 3 : 2, imm64(d, v));
    return true;
}

/* --- comparison: to FPSCR.NZCV --- */

static int32_t flags_offset(void)
{
    return (int32_t)offsetof(struct arm_cpu, s.a32.fp_flags);
}

static ir_val pack_flags(struct dis *d, ir_val nzcv)
{
    struct ir *ir = d->ir;
    ir_val nz = ir_and(ir, ir_shr(ir, nzcv, imm32(d, 16)), imm32(d, ARM_FLAG_N | ARM_FLAG_Z));
    ir_val c = ir_and(ir, ir_shr(ir, nzcv, imm32(d, 21)), imm32(d, ARM_FLAG_NOT_C));
    ir_val v = ir_and(ir, ir_shr(ir, nzcv, imm32(d, 28)), imm32(d, ARM_FLAG_V));
    return ir_or(ir, ir_or(ir, nz, ir_xor(ir, c, imm32(d, ARM_FLAG_NOT_C))), v);
}

static bool native_cmp(struct dis *d, const struct args_vcmp *a, struct fz *z)
{
    unsigned esz = (unsigned)a->esz;
    if (!fp_is_native(esz))
        return false;
    ir_val n = a32_get_float(d, a->vd, esz);
    ir_val m = a->zero ? ir_const(d->ir, esz == 3 ? F64 : F32, 0) : a32_get_float(d, a->vm, esz);
    fz_begin(d, z);
    fz_operand(d, z, FZ_INPUT, n);
    if (!a->zero)
        fz_operand(d, z, FZ_INPUT, m);
    ir_env_st(d->ir, ir_flags_fcmp(d->ir, n, m, (uint32_t)a->e), MO_32, flags_offset());
    return true;
}

bool trans_vcmp(struct dis *d, const struct args_vcmp *a)
{
    unsigned esz = (unsigned)a->esz;
    if (!begin(d, esz, a->vd, a->vm, 0))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    struct fz z = {0};
    if (native_cmp(d, a, &z) && !fz_otherwise(d, &z))
        return true;
    struct a32_vop o = scalar_op(esz, a->vd, a->vd, a->vm, (unsigned)(a->e | a->zero << 1));
    ir_val nzcv = call_a32_vcmp(d->ir, packed(d, &o), a32_vop_reads(&o), ir_slots_none());
    ir_env_st(d->ir, pack_flags(d, nzcv), MO_32, flags_offset());
    fz_end(d, &z);
    return true;
}

/* --- conversions --- */

bool trans_vcvt(struct dis *d, const struct args_vcvt *a)
{
    unsigned from = (unsigned)a->from, to = (unsigned)a->to;
    if (!begin(d, 3, a->to == 3 ? a->vd : a->vm, 0, 0))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    struct fz z;
    ir_val v = a32_get_float(d, a->vm, from);
    fz_begin(d, &z);
    fz_operand(d, &z, to == 3 ? FZ_INPUT : FZ_NARROW, v);
    a32_set_float(d, a->vd, to, ir_fcvt(d->ir, to == 3 ? F64 : F32, v, fp_nan_rule(d)));
    if (!fz_otherwise(d, &z))
        return true;
    struct a32_vop o = {.d = scalar(a->vd, (unsigned)a->to),
                        .m = scalar(a->vm, (unsigned)a->from),
                        .esz = (uint8_t)a->from,
                        .imm = (uint8_t)a->to};
    call_a32_vcvt(d->ir, packed(d, &o), a32_vop_reads(&o), a32_vop_writes(&o));
    fz_end(d, &z);
    return true;
}

/* With a half of a single register: its upper one if t.  is_bf: the half is a bfloat16. */
static bool half(struct dis *d, const struct args_vhalf *a, bool is_bf)
{
    bool narrows = a->to == 1;
    unsigned wide = (unsigned)(narrows ? a->from : a->to);
    if (!begin(d, wide, narrows ? a->vm : a->vd, 0, 0))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    struct a32_vop o = {.esz = (uint8_t)a->from, .imm = (uint8_t)a->to, .w = is_bf};
    o.d = narrows ? (struct a32_vreg){(uint8_t)a->vd, A32_H} : scalar(a->vd, wide);
    o.m = narrows ? scalar(a->vm, wide) : (struct a32_vreg){(uint8_t)a->vm, A32_S};
    o.elem = (uint8_t)a->t;
    call_a32_vcvt(d->ir, packed(d, &o), a32_vop_reads(&o), a32_vop_writes(&o));
    return true;
}

bool trans_vcvt_h(struct dis *d, const struct args_vhalf *a)
{
    return half(d, a, false);
}

bool trans_vcvt_bf(struct dis *d, const struct args_vhalf *a)
{
    return half(d, a, true);
}

static ir_val int_how(struct dis *d, bool is_signed, unsigned bits, unsigned fraction)
{
    return imm32(d, (is_signed ? FP_INT_SIGNED : 0) | bits << 9 | fraction);
}

bool trans_vfromint(struct dis *d, const struct args_vint *a)
{
    if (!begin(d, (unsigned)a->esz, a->vd, 0, 0))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    if (fp_is_native((unsigned)a->esz)) { /* nothing to flush */
        ir_val v = ir_trunc(d->ir, a32_vget(d, a->vm, 2));
        enum ir_type t = a->esz == 3 ? F64 : F32;
        v = a->is_signed ? ir_sitof(d->ir, t, v) : ir_uitof(d->ir, t, v);
        a32_set_float(d, a->vd, (unsigned)a->esz, v);
        return true;
    }
    struct a32_vop o = {
        .d = scalar(a->vd, (unsigned)a->esz), .m = scalar(a->vm, 2), .esz = (uint8_t)a->esz};
    call_a32_vfromint(d->ir, packed(d, &o), int_how(d, a->is_signed, 32, 0), a32_vop_reads(&o),
                      a32_vop_writes(&o));
    return true;
}

static enum fp_round current_rounding(const struct dis *d)
{
    static const uint8_t modes[] = {FP_RNE, FP_RUP, FP_RDN, FP_RTZ};
    return modes[d->mode >> ARM_MODE_RM_SHIFT & 3];
}

static bool native_to_int(struct dis *d, const struct args_vint *a, enum fp_round rm, struct fz *z)
{
    if (!fp_is_native((unsigned)a->esz))
        return false;
    ir_val v = a32_get_float(d, a->vm, (unsigned)a->esz);
    uint32_t how = fp_rounding(d, rm) | IR_FTOI_NAN_ZERO;
    fz_begin(d, z);
    fz_operand(d, z, FZ_INPUT, v);
    v = a->is_signed ? ir_ftosi(d->ir, I32, v, how) : ir_ftoui(d->ir, I32, v, how);
    a32_vset(d, a->vd, 2, ir_zext32(d->ir, v));
    return true;
}

static bool to_int(struct dis *d, const struct args_vint *a, enum fp_round rm)
{
    if (!begin(d, (unsigned)a->esz, 0, a->vm, 0))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    struct fz z = {0};
    if (native_to_int(d, a, rm, &z) && !fz_otherwise(d, &z))
        return true;
    struct a32_vop o = {.d = scalar(a->vd, 2),
                        .m = scalar(a->vm, (unsigned)a->esz),
                        .esz = (uint8_t)a->esz,
                        .imm = (uint8_t)rm};
    call_a32_vtoint(d->ir, packed(d, &o), int_how(d, a->is_signed, 32, 0), a32_vop_reads(&o),
                    a32_vop_writes(&o));
    fz_end(d, &z);
    return true;
}

/* how: 1 VCVTR, in the current direction. */
bool trans_vtoint(struct dis *d, const struct args_vint *a)
{
    return to_int(d, a, a->how ? current_rounding(d) : FP_RTZ);
}

bool trans_vcvt_rm(struct dis *d, const struct args_vint *a)
{
    return !d->it && to_int(d, a, direction[a->how]);
}

/* Fixed point of 16 or 32 bits; is_signed: 1 unsigned; imm: bits before the point. */
static bool fixed(struct dis *d, const struct args_vfix *a, bool from)
{
    unsigned bits = a->sx ? 32 : 16;
    if (!begin(d, (unsigned)a->esz, a->vd, 0, 0) || (unsigned)a->imm > bits)
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    struct a32_vreg r = scalar(a->vd, (unsigned)a->esz);
    struct a32_vop o = {.d = r, .m = r, .esz = (uint8_t)a->esz, .imm = FP_RTZ};
    ir_val how = int_how(d, !a->is_signed, bits, bits - (unsigned)a->imm);
    if (from)
        call_a32_vfromint(d->ir, packed(d, &o), how, a32_vop_reads(&o), a32_vop_writes(&o));
    else
        call_a32_vtoint(d->ir, packed(d, &o), how, a32_vop_reads(&o), a32_vop_writes(&o));
    return true;
}

bool trans_vfix_from(struct dis *d, const struct args_vfix *a)
{
    return fixed(d, a, true);
}

bool trans_vfix_to(struct dis *d, const struct args_vfix *a)
{
    return fixed(d, a, false);
}

bool trans_vjcvt(struct dis *d, const struct args_v2 *a)
{
    struct ir *ir = d->ir;
    if (!begin(d, 3, a->vm, 0, 0))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    ir_val r = call_a32_vjcvt(ir, a32_vget(d, a->vm, 3));
    ir_val z = ir_trunc(ir, ir_shr(ir, r, imm64(d, 32)));
    ir_val flags = ir_or(ir, ir_shl(ir, z, imm32(d, 14)), imm32(d, ARM_FLAG_NOT_C));
    ir_env_st(ir, flags, MO_32, flags_offset());
    a32_vset(d, a->vd, 2, r);
    return true;
}

/* --- moves --- */

bool trans_vmov_core(struct dis *d, const struct args_vcore *a)
{
    if (a->rt == 15)
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    if (a->l) {
        a32_set_reg(d, a->rt, ir_trunc(d->ir, a32_vget(d, a->vn, (unsigned)a->esz)));
    } else {
        ir_val v = ir_zext32(d->ir, a32_reg(d, a->rt));
        a32_vset(d, a->vn, 2, a->esz == 1 ? ir_and(d->ir, v, imm64(d, 0xffff)) : v);
    }
    return true;
}

bool trans_vmov_lane(struct dis *d, const struct args_vlane *a)
{
    if (a->rt == 15 || a32_bad_d(d, a->vn, false))
        return false;
    if (a32_fp_is_trapped(d, a->esz != 2))
        return true;
    unsigned esz = (unsigned)a->esz, index = (unsigned)a->index;
    if (a->l) {
        ir_val v = a32_vget_lane(d, a->vn, esz, index, !a->u && esz < 2);
        a32_set_reg(d, a->rt, ir_trunc(d->ir, v));
    } else {
        a32_vset_lane(d, a->vn, esz, index, ir_zext32(d->ir, a32_reg(d, a->rt)));
    }
    return true;
}

bool trans_vmov_pair(struct dis *d, const struct args_vpair *a)
{
    bool bad = a->size == 3 ? a32_bad_d(d, a->vm, false) : a->vm == 31;
    if (bad || a->rt == 15 || a->rt2 == 15 || (a->l && a->rt == a->rt2))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    if (a->l) {
        ir_val low = a32_vget(d, a->vm, 2), high = a32_vget(d, a->vm + 1, 2);
        a32_set_reg(d, a->rt, ir_trunc(d->ir, low));
        a32_set_reg(d, a->rt2, ir_trunc(d->ir, high));
    } else {
        a32_vset(d, a->vm, 2, ir_zext32(d->ir, a32_reg(d, a->rt)));
        a32_vset(d, a->vm + 1, 2, ir_zext32(d->ir, a32_reg(d, a->rt2)));
    }
    return true;
}

bool trans_vsel(struct dis *d, const struct args_vsel *a)
{
    static const uint8_t conds[] = {0, 6, 10, 12}; /* EQ VS GE GT */
    unsigned esz = (unsigned)a->esz;
    if (d->it || !begin(d, esz, a->vd, a->vn, a->vm))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    ir_val n = a32_vget(d, a->vn, esz), m = a32_vget(d, a->vm, esz);
    a32_vset(d, a->vd, esz == 1 ? 2 : esz, flag_select(d, conds[a->cc], n, m));
    return true;
}

/* The upper half of a single register to the lower one, and the other way round. */
bool trans_vmovx(struct dis *d, const struct args_v2 *a)
{
    if (d->it)
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    a32_vset(d, a->vd, 2, a32_vget_lane(d, a->vm, 1, 1, false));
    return true;
}

bool trans_vins(struct dis *d, const struct args_v2 *a)
{
    if (d->it)
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    a32_vset_lane(d, a->vd, 1, 1, a32_vget(d, a->vm, 1));
    return true;
}

/* --- system registers --- */

enum { REG_FPSCR = 1 };

bool trans_vmrs(struct dis *d, const struct args_vmrs *a)
{
    ir_val v;
    if (a->reg == REG_FPSCR) {
        if (a32_fp_is_trapped(d, false))
            return true;
        if (a->rt == 15) {
            ir_val flags = ir_env_ld(d->ir, I32, MO_32, flags_offset());
            ir_set(d->ir, ARM_SLOT_FLAGS, flags);
            flags_forget(d);
            a32_flags_written(d);
            return true;
        }
        v = call_a32_get_fpscr(d->ir);
    } else {
        if (!d->el || a->rt == 15)
            return false;
        a32_before_raise(d);
        v = call_a32_vmrs(d->ir, imm32(d, (uint32_t)a->reg));
        a32_after_raise(d);
    }
    a32_set_reg(d, a->rt, v);
    return true;
}

bool trans_vmsr(struct dis *d, const struct args_vmrs *a)
{
    if (a->rt == 15)
        return false;
    if (a->reg == REG_FPSCR) {
        if (a32_fp_is_trapped(d, false))
            return true;
        call_a32_set_fpscr(d->ir, a32_reg(d, a->rt));
    } else {
        if (!d->el)
            return false;
        a32_before_raise(d);
        call_a32_vmsr(d->ir, imm32(d, (uint32_t)a->reg), a32_reg(d, a->rt));
    }
    a32_end_mode(d);
    return true;
}

/* --- loads and stores: aligned to words --- */

static uint32_t memop_of(const struct dis *d, unsigned esz)
{
    uint32_t mem = d->mem & ~(uint32_t)MO_ALIGN;
    return esz == 1 ? MO_16 | MO_ALIGN | mem : esz == 2 ? MO_32 | MO_ALIGN | mem : MO_64 | mem;
}

static void transfer(struct dis *d, ir_val address, int word, unsigned esz, bool is_load)
{
    ir_val at = a32_addr(d, address);
    if (is_load)
        a32_vset(d, word, esz == 1 ? 2 : esz, ir_ld(d->ir, I64, at, memop_of(d, esz)));
    else
        ir_st(d->ir, at, a32_vget(d, word, esz), memop_of(d, esz));
}

/* A double is two words, the upper one first in big-endian data. */
static void transfer_words(struct dis *d, ir_val address, int word, bool is_load)
{
    int first = d->mode & ARM_MODE_BE ? 1 : 0;
    transfer(d, address, word + first, 2, is_load);
    transfer(d, ir_add(d->ir, address, imm32(d, 4)), word + !first, 2, is_load);
}

static bool load_store(struct dis *d, const struct args_vls *a, bool is_load)
{
    if (is_bad(d, (unsigned)a->esz, a->vd, 0, 0) || (a->rn == 15 && !is_load && a32_is_thumb(d)))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    ir_val off = imm32(d, (uint32_t)(a->u ? a->imm : -a->imm));
    ir_val address = ir_add(d->ir, a32_base(d, a->rn), off);
    if (a->esz == 3 && (d->mode & ARM_MODE_BE)) {
        transfer_words(d, address, a->vd, is_load);
        return true;
    }
    if (a->esz == 3)
        a32_check_word(d, address, !is_load);
    transfer(d, address, a->vd, (unsigned)a->esz, is_load);
    return true;
}

bool trans_vldr(struct dis *d, const struct args_vls *a)
{
    return load_store(d, a, true);
}

bool trans_vstr(struct dis *d, const struct args_vls *a)
{
    return load_store(d, a, false);
}

/* FLDMX, FSTMX: an odd imm counts a word that is not transferred. */
static bool multiple(struct dis *d, const struct args_vlm *a, bool is_load)
{
    unsigned esz = (unsigned)a->esz;
    int count = esz == 3 ? a->imm / 2 : a->imm, step = esz == 3 ? 2 : 1;
    bool too_far = esz == 3 ? count > 16 || a->vd + 2 * count > 64 ||
                                  (count && a32_bad_d(d, a->vd + 2 * (count - 1), false))
                            : a->vd + count > 32;
    if (!count || too_far || (a->rn == 15 && (a->w || a32_is_thumb(d))))
        return false;
    if (a32_fp_is_trapped(d, false))
        return true;
    ir_val base = a32_base(d, a->rn);
    uint32_t bytes = 4 * (uint32_t)a->imm;
    ir_val first = a->u ? base : ir_sub(d->ir, base, imm32(d, bytes));
    if (a->w)
        a32_check_base(d, a->rn, a->u ? ir_add(d->ir, base, imm32(d, bytes)) : first);
    for (int i = 0; i < count; i++) {
        ir_val at = ir_add(d->ir, first, imm32(d, (uint32_t)i << esz));
        if (esz == 3)
            transfer_words(d, at, a->vd + i * step, is_load);
        else
            transfer(d, at, a->vd + i * step, esz, is_load);
    }
    if (a->w)
        a32_set_reg(d, a->rn, a->u ? ir_add(d->ir, base, imm32(d, bytes)) : first);
    return true;
}

bool trans_vldm(struct dis *d, const struct args_vlm *a)
{
    return multiple(d, a, true);
}

bool trans_vstm(struct dis *d, const struct args_vlm *a)
{
    return multiple(d, a, false);
}
