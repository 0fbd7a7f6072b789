/*
 * The backward pass: last uses, destination hints, fused addresses.
 *
 * A hint says that a slot will be set to the value with nothing in between that reads, writes or
 * could observe the slot (a fault, an exit, a call): then the value may be computed straight into
 * the slot's register or memory.
 */
#include "tcg/x86_64/gen_priv.h"

uint32_t val_id(const struct gen *g, ir_val v)
{
    const struct ir_op *ops = g->ir->ops;
    while (ops[v.id].opc == OP_trunc && !ir_val_is_const(ops[v.id].arg[0]))
        v = ops[v.id].arg[0];
    return v.id;
}

uint32_t arg_id(const struct gen *g, const struct ir_op *op, unsigned k)
{
    ir_val v = op->arg[k];
    if (ir_val_is_const(v))
        return NO_VAL;
    uint32_t id = val_id(g, v);
    return g->val[id].fused ? val_id(g, g->ir->ops[id].arg[0]) : id;
}

static void use(struct gen *g, ir_val v, uint32_t at)
{
    if (ir_val_is_const(v))
        return;
    struct val *x = &g->val[val_id(g, v)];
    if (!x->last)
        x->last = at;
    x->nuse++;
}

/* base + constant whose only use is as an address becomes part of the access. */
static bool fuse_address(struct gen *g, const struct ir_op *op, struct val *x)
{
    uint64_t c;
    if (op->opc != OP_add || op->type != I64 || x->nuse != 1 || !x->as_addr ||
        ir_val_is_const(op->arg[0]) || !ir_is_const(g->ir, op->arg[1], &c))
        return false;
    if ((int64_t)c < -0x7fff0000 || (int64_t)c > 0x7fff0000)
        return false;
    struct val *base = &g->val[val_id(g, op->arg[0])];
    if (base->last < x->last)
        base->last = x->last;
    base->nuse++;
    return x->fused = true;
}

static void note_set(struct gen *g, const struct ir_op *op, struct open_sets *open)
{
    unsigned slot = op->attr;
    open->seen[slot] = 0;
    if (ir_val_is_const(op->arg[0]))
        return;
    uint32_t id = val_id(g, op->arg[0]);
    if (g->ir->ops[id].type != g->ir->slots[slot].type)
        return;
    open->seen[slot] = open->epoch;
    open->val[slot] = id;
    struct val *x = &g->val[id];
    if (x->hint == NO_SLOT || g->rt->pin_reg[slot] != NO_REG)
        x->hint = slot;
}

static void note_uses(struct gen *g, const struct ir_op *op, uint32_t at)
{
    for (unsigned k = 0; k < ir_desc(op)->nargs; k++)
        use(g, op->arg[k], at);
    if (op->opc == OP_call)
        for (unsigned k = 0; k < ir_op_helper(op)->nargs; k++)
            use(g, g->ir->call_args[op->attr + k], at);
    if (op->opc == OP_ld || op->opc == OP_st)
        if (!ir_val_is_const(op->arg[0]))
            g->val[val_id(g, op->arg[0])].as_addr = true;
}

static void live_op(struct gen *g, uint32_t i, struct open_sets *open)
{
    const struct ir_op *op = &g->ir->ops[i];
    struct val *x = &g->val[i];
    if (x->hint != NO_SLOT && (open->seen[x->hint] != open->epoch || open->val[x->hint] != i))
        x->hint = NO_SLOT;
    if (!x->last && ir_op_removable(op))
        return;
    if (op->opc == OP_trunc && !ir_val_is_const(op->arg[0]))
        return;
    if (fuse_address(g, op, x))
        return;
    if (ir_desc(op)->flags & (IR_OP_FAULT | IR_OP_EXIT | IR_OP_CALL | IR_OP_END))
        open->epoch++;
    if (op->opc == OP_set)
        note_set(g, op, open);
    else if (op->opc == OP_get)
        open->seen[op->attr] = 0;
    note_uses(g, op, i);
}

void live_block(struct gen *g, const struct ir_block *b)
{
    static const struct val fresh = {
        .spill = NO_SPILL, .reg = NO_REG, .slot = NO_SLOT, .hint = NO_SLOT};
    struct open_sets *open = &g->open;
    open->epoch++;
    for (uint32_t i = b->first; i < b->end; i++)
        g->val[i] = fresh;
    for (uint32_t i = b->end; i-- > b->first;)
        live_op(g, i, open);
}
