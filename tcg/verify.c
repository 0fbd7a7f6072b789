/* Checks that a unit obeys the rules of ops.def and ir.h.  What it reports is a bug of ours, never
 * of a guest. */
#include "tcg/ir_priv.h"

#include <glib.h>
#include <stdarg.h>

struct checker {
    const struct ir *ir;
    const struct ir_block *block;
    uint32_t id; /* of the op being checked */
    uint32_t uses[IR_MAX_OPS], const_uses[IR_MAX_CONSTS];
};

static _Thread_local char message[200];

static PRINTF(2, 3) bool bad(const struct checker *c, const char *fmt, ...)
{
    char what[140];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    snprintf(message, sizeof(message), "op %u (%s): %s", c->id, ir_desc(&c->ir->ops[c->id])->name,
             what);
    return false;
}

static bool type_fits(uint8_t sig, enum ir_type t)
{
    bool is_int = t == I32 || t == I64, is_fp = t == F32 || t == F64;
    switch (sig) {
    case IR_SIG_INT: return is_int;
    case IR_SIG_FP: return is_fp;
    case IR_SIG_ANY: return is_int || is_fp || t == V128 || t == V256;
    case IR_SIG_VEC: return t == V128 || t == V256;
    case IR_SIG_GIVEN: return true;
    default: return t == sig;
    }
}

/* A value may be used if it is a constant or an earlier op of the same block with a result. */
static bool check_value(struct checker *c, ir_val v)
{
    if (v.id == IR_NONE.id)
        return bad(c, "an argument is missing");
    if (ir_val_is_const(v)) {
        uint32_t k = v.id & ~IR_CONST_BIT;
        if (k >= c->ir->nconsts)
            return bad(c, "no constant %u", k);
        c->const_uses[k]++;
        return true;
    }
    if (v.id < c->block->first || v.id >= c->id)
        return bad(c, "%%%u is not defined before it in its block", v.id);
    if (ir_desc(&c->ir->ops[v.id])->result == IR_VOID || c->ir->ops[v.id].type == IR_VOID)
        return bad(c, "%%%u has no value", v.id);
    c->uses[v.id]++;
    return true;
}

/* All uses of one type variable in a row are the same type. */
static bool check_signature(struct checker *c, const struct ir_op *op)
{
    const struct ir_op_desc *d = ir_desc(op);
    enum ir_type var[IR_SIG_GIVEN - IR_SIG_INT] = {IR_VOID};
    if (d->result >= IR_SIG_INT && d->result < IR_SIG_GIVEN)
        var[d->result - IR_SIG_INT] = op->type;
    if (d->result != IR_VOID && !type_fits(d->result, op->type))
        return bad(c, "bad result type %d", op->type);
    for (unsigned i = 0; i < d->nargs; i++) {
        uint8_t sig = d->args[i];
        if (!check_value(c, op->arg[i]))
            return false;
        enum ir_type t = ir_type_of(c->ir, op->arg[i]);
        if (!type_fits(sig, t))
            return bad(c, "argument %u has type %d", i, t);
        if (sig < IR_SIG_INT)
            continue;
        enum ir_type *v = &var[sig - IR_SIG_INT];
        if (*v != IR_VOID && *v != t)
            return bad(c, "argument %u has type %d, wanted %d", i, t, *v);
        *v = t;
        if (sig == IR_SIG_VEC && t == V256 && !ir_has_256(op->opc, op->attr))
            return bad(c, "attribute %#x, of 256 bits", op->attr);
        if (d->result == IR_VOID && op->type != t)
            return bad(c, "its type is %d, its argument's %d", op->type, t);
    }
    return true;
}

static bool check_memop(struct checker *c, const struct ir_op *op, enum ir_type t)
{
    unsigned size = op->attr & MO_SIZE;
    bool is_fp = t == F32 || t == F64;
    unsigned type_size = t == I32 || t == F32 ? MO_32 : MO_64;
    if (t == V256)
        return (size == MO_256 && !(op->attr & MO_BE) && memop_idx(op->attr) <= 7) ||
               bad(c, "memop %#x of a vector of 256 bits", op->attr);
    if (t == V128 && (size != MO_128 || (op->attr & MO_BE)))
        return bad(c, "memop %#x of a vector", op->attr);
    if (t == V128)
        return memop_idx(op->attr) <= 7 || bad(c, "memop %#x: MMU index", op->attr);
    if (ir_opc_is_x87(op->opc) && size == MO_80 && !(op->attr & MO_ALIGN))
        size = MO_64;
    if (size > MO_64 || (ir_opc_is_x87(op->opc) && (op->attr & MO_BE)))
        return bad(c, "memop %#x: size", op->attr);
    if (size > type_size || (is_fp && size != type_size))
        return bad(c, "memop %#x does not fit type %d", op->attr, t);
    if (memop_idx(op->attr) > 7)
        return bad(c, "memop %#x: MMU index", op->attr);
    return true;
}

static bool check_field(struct checker *c, const struct ir_op *op)
{
    unsigned lsb = op->attr & 0xff, len = op->attr >> 8 & 0xff;
    if (!len || lsb + len > (op->type == I32 ? 32u : 64u) || op->attr >> 16)
        return bad(c, "field of %u bits at %u", len, lsb);
    return true;
}

static bool check_call(struct checker *c, const struct ir_op *op)
{
    const struct ir_helper *h = ir_op_helper(op);
    if (op->attr + h->nargs > c->ir->ncall_args)
        return bad(c, "%s: arguments out of range", h->name);
    if (h->ret != op->type)
        return bad(c, "%s: type %d, wanted %d", h->name, op->type, h->ret);
    if (h->flags & HELPER_SLOTS ? !op->imm2 || op->imm2 > c->ir->ncall_slots : op->imm2)
        return bad(c, "%s: sets of slots out of range", h->name);
    for (unsigned i = 0; i < h->nargs; i++) {
        ir_val v = c->ir->call_args[op->attr + i];
        if (!check_value(c, v))
            return false;
        if (ir_type_of(c->ir, v) != h->args[i])
            return bad(c, "%s: argument %u has type %d, wanted %d", h->name, i,
                       ir_type_of(c->ir, v), h->args[i]);
    }
    return true;
}

static bool check_block_id(struct checker *c, uint32_t blk)
{
    if (blk >= c->ir->nblocks || !c->ir->blocks[blk].begun)
        return bad(c, "block %u was never begun", blk);
    return true;
}

static bool check_slot(struct checker *c, const struct ir_op *op)
{
    if (op->attr >= c->ir->nslots)
        return bad(c, "no slot %u", op->attr);
    if (op->type != c->ir->slots[op->attr].type)
        return bad(c, "type %d in slot %s", op->type, c->ir->slots[op->attr].name);
    return true;
}

static bool check_cc(struct checker *c, const struct ir_op *op)
{
    bool ok = op->opc == OP_fcmp ? op->cc >= IR_FEQ && op->cc <= IR_FLEQ : op->cc <= IR_GTU;
    return ok || bad(c, "comparison %d", op->cc);
}

/* FP results and operands of conversions whose type the caller gave. */
static bool check_conversion(struct checker *c, const struct ir_op *op)
{
    bool is_fp = op->type == F32 || op->type == F64,
         want_fp = op->opc != OP_ftosi && op->opc != OP_ftoui;
    if (op->type < I32 || op->type > F64 || is_fp != want_fp)
        return bad(c, "converts to type %d", op->type);
    if (op->opc == OP_fcvt && op->type == ir_type_of(c->ir, op->arg[0]))
        return bad(c, "converts a type to itself");
    return true;
}

/* Which sizes of lanes an op takes: bits 1 << esz. */
static unsigned lane_sizes(unsigned opc)
{
    switch (opc) {
    case OP_vmul:
    case OP_vmins:
    case OP_vmaxs:
    case OP_vminu:
    case OP_vmaxu:
    case OP_vwidenu:
    case OP_vwidens:
    case OP_vmullu:
    case OP_vmulls: return 7;
    case OP_vqadds:
    case OP_vqaddu:
    case OP_vqsubs:
    case OP_vqsubu:
    case OP_vavgu: return 3;
    case OP_vnarrow: return 14;
    case OP_vrev: return 7;
    default: return 15;
    }
}

static bool check_lanes(struct checker *c, const struct ir_op *op)
{
    unsigned esz = op->attr & 0xff, more = op->attr >> 8;
    bool ok;
    if (op->opc == OP_vextb)
        return op->attr < 16 || bad(c, "byte %u", op->attr);
    if (esz > 3 || !(lane_sizes(op->opc) >> esz & 1))
        return bad(c, "lanes of 2^%u bytes", esz);
    switch (op->opc) {
    case OP_vshli:
    case OP_vshri:
    case OP_vsari: ok = more <= 8u << esz; break;
    case OP_vins: ok = more < 16u >> esz; break;
    case OP_vextr: ok = (more & 0xff) < 16u >> esz && more >> 9 == 0; break;
    case OP_vrev: ok = more > esz && more <= 3; break;
    default: ok = more == 0; break;
    }
    return ok || bad(c, "attribute %#x", op->attr);
}

static bool check_fp_lanes(struct checker *c, const struct ir_op *op)
{
    unsigned esz = op->attr & 15, round = op->attr >> IR_VROUND_SHIFT;
    bool one_size = op->opc == OP_vfwiden || op->opc == OP_vfnarrow;
    if (esz != 2 && esz != 3)
        return bad(c, "lanes of 2^%u bytes", esz);
    if (one_size && esz != (op->opc == OP_vfwiden ? 2 : 3))
        return bad(c, "lanes of 2^%u bytes", esz);
    if ((op->attr & (IR_VFMA_NEG_PRODUCT | IR_VFMA_NEG_ADDEND)) && op->opc != OP_vfma)
        return bad(c, "attribute %#x", op->attr);
    return (op->opc == OP_vfrint ? round < 16 : !round) || bad(c, "attribute %#x", op->attr);
}

static bool check_sse(struct checker *c, const struct ir_op *op)
{
    if ((op->attr & IR_SSE_UNARY) && op->arg[0].id != op->arg[1].id)
        return bad(c, "two operands of unary instruction %#x", op->attr);
    return op->opc == OP_ssef || ir_sse_exists(op->attr) || bad(c, "instruction %#x", op->attr);
}

static bool check_attrs(struct checker *c, const struct ir_op *op)
{
    switch (op->opc) {
    case OP_get:
    case OP_set: return check_slot(c, op);
    case OP_extract:
    case OP_sextract:
    case OP_deposit: return check_field(c, op);
    case OP_vand:
    case OP_vor:
    case OP_vxor:
    case OP_vandn:
    case OP_vbsl:
    case OP_vmake:
    case OP_vtbl:
    case OP_vpopcnt8:
    case OP_sha256:
    case OP_vany:
    case OP_vlow:
    case OP_vfrom64:
    case OP_vfrom32:
    case OP_vto64:
    case OP_vto32: return true;
    case OP_st: return check_memop(c, op, ir_type_of(c->ir, op->arg[1]));
    case OP_x87_ld:
    case OP_x87_st: return check_memop(c, op, I64);
    case OP_call: return check_call(c, op);
    case OP_br: return check_block_id(c, op->attr);
    case OP_br_if: return check_cc(c, op) && check_block_id(c, op->attr);
    case OP_brcond:
        return check_cc(c, op) && check_block_id(c, op->attr) && check_block_id(c, op->blk2);
    case OP_setcond:
    case OP_select:
    case OP_exit_if:
    case OP_side_if:
    case OP_fcmp: return check_cc(c, op);
    case OP_ftosi:
    case OP_ftoui:
    case OP_sitof:
    case OP_uitof:
    case OP_fcvt: return check_conversion(c, op);
    case OP_sse:
    case OP_ssef: return check_sse(c, op);
    case OP_flags_fcmp: return op->attr <= 1 || bad(c, "attribute %#x", op->attr);
    case OP_vbcast: return op->attr <= 4 || bad(c, "attribute %#x", op->attr);
    default: break;
    }
    if (ir_opc_is_eflags(op->opc))
        return op->attr <= (ir_type_of(c->ir, op->arg[0]) == I64 ? 3 : 2) ||
               bad(c, "attribute %#x", op->attr);
    if (ir_opc_is_vfp(op->opc))
        return check_fp_lanes(c, op);
    if (ir_opc_is_vec(op->opc))
        return check_lanes(c, op);
    if (op->opc == OP_env_ld || op->opc == OP_env_st ||
        (ir_desc(op)->flags & (IR_OP_LOAD | IR_OP_STORE)))
        return check_memop(c, op, op->type);
    return true;
}

static bool check_block(struct checker *c)
{
    for (c->id = c->block->first; c->id < c->block->end; c->id++) {
        const struct ir_op *op = &c->ir->ops[c->id];
        bool ends = ir_desc(op)->flags & IR_OP_END;
        if (op->opc >= OP_COUNT)
            return bad(c, "unknown op");
        if (!check_signature(c, op) || !check_attrs(c, op))
            return false;
        if (ends && c->id + 1 != c->block->end)
            return bad(c, "ops follow it in its block");
        if (!ends && c->id + 1 == c->block->end)
            return bad(c, "its block does not end with a branch or exit");
    }
    return true;
}

static bool check_uses(struct checker *c)
{
    for (c->id = 0; c->id < c->ir->nops; c->id++)
        if (c->uses[c->id] != c->ir->ops[c->id].uses)
            return bad(c, "%u uses counted, %u recorded", c->uses[c->id], c->ir->ops[c->id].uses);
    c->id = 0;
    for (uint32_t k = 0; k < c->ir->nconsts; k++)
        if (c->const_uses[k] != c->ir->consts[k].uses)
            return bad(c, "constant %u: %u uses counted, %u recorded", k, c->const_uses[k],
                       c->ir->consts[k].uses);
    return true;
}

static bool check_unit(struct checker *c)
{
    for (unsigned i = 0; i < c->ir->norder; i++) {
        c->block = &c->ir->blocks[c->ir->order[i]];
        if (c->block->first == c->block->end) {
            snprintf(message, sizeof(message), "block %u is empty", c->ir->order[i]);
            return false;
        }
        if (!check_block(c))
            return false;
    }
    return check_uses(c);
}

const char *ir_verify(const struct ir *ir)
{
    struct checker *c = g_new0(struct checker, 1);
    c->ir = ir;
    bool ok = check_unit(c);
    g_free(c);
    return ok ? NULL : message;
}
