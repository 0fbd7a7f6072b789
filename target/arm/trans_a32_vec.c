/*
 * A32 and T32: vectors and floating-point scalars in the translator's own operations, and the calls
 * of the helpers for all others.
 *
 * Two D or four S registers lie in one slot.  An operand is moved to the lowest lanes, computed on
 * 128 bits by what AArch64 has, and a result put back between its neighbours.
 */
#include "target/arm/trans_a32.h"
#include "target/arm/trans_simd.h"

/* --- registers --- */

static unsigned slot_of(struct a32_vreg r)
{
    return ARM_SLOT_V0 + r.word / 4u;
}

static ir_val low_lanes(struct dis *d, struct a32_vreg r)
{
    ir_val v = ir_get(d->ir, slot_of(r));
    unsigned first = r.word & 3u;
    return first ? ir_vextb(d->ir, v, v, 4 * first) : v;
}

static ir_val operand(struct dis *d, struct a32_vreg r)
{
    ir_val v = low_lanes(d, r);
    return r.size == A32_Q ? v : r.size == A32_D ? ir_vlow(d->ir, v) : IR_NONE;
}

/* The low half of v to a D register. */
static void set_d(struct dis *d, struct a32_vreg r, ir_val v)
{
    struct ir *ir = d->ir;
    ir_val old = ir_get(ir, slot_of(r));
    if (r.word & 2)
        v = ir_vzip1(ir, old, v, 3);
    else
        v = ir_vzip1(ir, v, ir_vextb(ir, old, old, 8), 3);
    ir_set(ir, slot_of(r), v);
}

static void set_result(struct dis *d, struct a32_vreg r, ir_val v)
{
    if (r.size == A32_Q)
        ir_set(d->ir, slot_of(r), v);
    else
        set_d(d, r, v);
}

ir_val a32_get_float(struct dis *d, int word, unsigned esz)
{
    ir_val v = low_lanes(d, (struct a32_vreg){(uint8_t)word, A32_S});
    return esz == 3 ? ir_vto64(d->ir, v) : ir_vto32(d->ir, v);
}

void a32_set_float(struct dis *d, int word, unsigned esz, ir_val v)
{
    if (esz == 3)
        set_d(d, (struct a32_vreg){(uint8_t)word, A32_D}, ir_vfrom64(d->ir, v));
    else
        a32_vset(d, word, 2, ir_zext32(d->ir, ir_bits_i32(d->ir, v)));
}

/* --- calls --- */

static struct ir_slot_set add(struct ir_slot_set set, struct a32_vreg r)
{
    return r.size ? ir_slots_add(set, slot_of(r)) : set;
}

struct ir_slot_set a32_vop_reads(const struct a32_vop *o)
{
    return add(add(add(ir_slots_none(), o->d), o->n), o->m);
}

struct ir_slot_set a32_vop_writes(const struct a32_vop *o)
{
    return add(ir_slots_none(), o->d);
}

static void call(struct dis *d, uint32_t op, const struct a32_vop *o)
{
    struct ir_slot_set reads = a32_vop_reads(o), writes = a32_vop_writes(o);
    ir_val desc = imm64(d, a32_vop_pack(*o));
    unsigned kind = op & 0xf000;
    if (kind == A32_OP_FP || kind == A32_OP_FP_STD) {
        call_a32_vector_fp(d->ir, imm32(d, op), desc, reads, writes);
        return;
    }
    if (kind == A32_OP_INT && simd_saturates(op)) {
        reads = ir_slots_add(reads, ARM_SLOT_QC);
        writes = ir_slots_add(writes, ARM_SLOT_QC);
    }
    call_a32_vector(d->ir, imm32(d, op), desc, reads, writes);
}

/* --- integer operations --- */

static ir_val second(struct dis *d, const struct a32_vop *o)
{
    if (!o->elem)
        return operand(d, o->m);
    ir_val all = low_lanes(d, o->m);
    return ir_vdup(d->ir, ir_vextr(d->ir, all, o->elem_esz | (o->elem - 1u) << 8), o->elem_esz);
}

/* Those whose lanes must not meet what is above a D register only if they are saturated. */
static unsigned width(uint32_t op, const struct a32_vop *o)
{
    bool is_lanewise = op == VI_SQADD || op == VI_UQADD || op == VI_SQSUB || op == VI_UQSUB;
    return is_lanewise ? SIMD_FULL : o->w;
}

static bool inline_int(struct dis *d, uint32_t op, const struct a32_vop *o)
{
    struct vec x = {.esz = o->esz, .w = width(op, o), .imm = o->imm, .old = operand(d, o->d)};
    ir_val r = vec_value(d, op, &x, operand(d, o->n), second(d, o));
    if (r.id == IR_NONE.id)
        return false;
    set_result(d, o->d, r);
    return true;
}

/* --- floating point under the standard FPSCR value: DN, FZ, to nearest --- */

enum { SAFE = 0, CHECKED, NOT_INLINE };

/* Whether an operation is done inline, and if its operands must be looked at first. */
static int how_to_do(uint32_t op, const struct a32_vop *o)
{
    switch (op) {
    case F_ABS:
    case F_NEG: return SAFE;
    case F_SCVTF: return o->imm ? NOT_INLINE : SAFE;
    case F_TO_SFIX: return o->imm ? NOT_INLINE : CHECKED;
    case F_TO_S: return o->imm == FP_RTZ ? CHECKED : NOT_INLINE;
    case F_ADD:
    case F_SUB:
    case F_MUL:
    case F_ABD:
    case F_MLA:
    case F_MLS:
    case A32_F_MLA:
    case A32_F_MLS:
    case F_ADDP:
    case F_CMEQ:
    case F_CMGE:
    case F_CMGT:
    case F_ACGE:
    case F_ACGT:
    case F_CMEQ0:
    case F_CMGE0:
    case F_CMGT0:
    case F_CMLE0:
    case F_CMLT0: return CHECKED;
    default: return NOT_INLINE;
    }
}

static bool is_accumulating(uint32_t op)
{
    return op == F_MLA || op == F_MLS || op == A32_F_MLA || op == A32_F_MLS;
}

static ir_val lanes32(struct dis *d, uint32_t v)
{
    uint64_t both = v | (uint64_t)v << 32;
    return vconst(d, both, both);
}

/*
 * Where every operand is 0 or at least 2^-38, nothing is subnormal: neither products nor sums that
 * cancel are below 2^-126, whatever is fused.  Doubled, which drops the sign, less 1 and with the
 * top bit flipped, so that 0 is the largest, they compare as signed numbers.
 */
static ir_val ordered(struct dis *d, ir_val v)
{
    return ir_vadd(d->ir, ir_vshli(d->ir, v, 2 | 1 << 8), lanes32(d, 0x7fffffff), 2);
}

static ir_val any_small(struct dis *d, uint32_t op, const struct vec *x, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    const uint32_t limit = (2 * ((127 - 38) << 23) - 1) ^ 0x80000000;
    ir_val least = ordered(d, n);
    if (m.id != n.id)
        least = ir_vmins(ir, least, ordered(d, m), 2);
    if (is_accumulating(op))
        least = ir_vmins(ir, least, ordered(d, x->old), 2);
    return ir_vany(ir, ir_vcmpgt(ir, lanes32(d, limit), least, 2));
}

static ir_val float_value(struct dis *d, uint32_t op, struct vec *x, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    uint32_t attr = 2 | IR_NAN_ARM_DN << IR_VNAN_SHIFT;
    switch (op) {
    case A32_F_MLA: return ir_vfadd(ir, x->old, ir_vfmul(ir, n, m, attr), attr);
    case A32_F_MLS: return ir_vfsub(ir, x->old, ir_vfmul(ir, n, m, attr), attr);
    case F_TO_SFIX: x->imm = FP_RTZ; return vfp_value(d, F_TO_S, x, n, m);
    default: return vfp_value(d, op, x, n, m);
    }
}

/* As if FPSCR had the standard value. */
static void set_float_value(struct dis *d, uint32_t op, const struct a32_vop *o, struct vec *x,
                            ir_val n, ir_val m)
{
    uint32_t mode = d->mode;
    d->mode = (mode | ARM_MODE_DN) & ~(uint32_t)ARM_MODE_FZ;
    set_result(d, o->d, float_value(d, op, x, n, m));
    d->mode = mode;
}

static bool inline_std(struct dis *d, uint32_t op, const struct a32_vop *o)
{
    int how = how_to_do(op, o);
    if (how == NOT_INLINE || o->esz != 2 || (d->mode >> ARM_MODE_RM_SHIFT & 3))
        return false;
    ir_val n = operand(d, o->n), m = second(d, o);
    if (o->elem && o->w != SIMD_FULL)
        m = ir_vlow(d->ir, m);
    struct vec x = {.esz = 2, .w = o->w, .imm = o->imm, .old = operand(d, o->d)};
    if (how == SAFE) {
        set_float_value(d, op, o, &x, n, m);
        return true;
    }
    unsigned slow = ir_block_new(d->ir), join = ir_block_new(d->ir);
    ir_br_if(d->ir, any_small(d, op, &x, n, m), imm64(d, 0), IR_NE, slow);
    set_float_value(d, op, o, &x, n, m);
    ir_br(d->ir, join);
    ir_block_begin(d->ir, slow);
    call(d, op | A32_OP_FP_STD, o);
    ir_br(d->ir, join);
    ir_block_begin(d->ir, join);
    flags_forget(d);
    return true;
}

/* --- the way in --- */

static bool is_whole(struct a32_vreg r)
{
    return r.size == A32_D || r.size == A32_Q;
}

void a32_vector(struct dis *d, uint32_t op, struct a32_vop o)
{
    unsigned kind = op & 0xf000;
    bool whole = is_whole(o.d) && is_whole(o.n) && is_whole(o.m) && o.w != SIMD_SCALAR;
    if (whole && kind == A32_OP_INT && inline_int(d, op, &o))
        return;
    if (whole && kind == A32_OP_FP_STD && inline_std(d, op & 0xfff, &o))
        return;
    call(d, op, &o);
}
