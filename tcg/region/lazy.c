/*
 * Packed flags that are made where somebody sees them: on the ways out, if at all.
 *
 * Inside a block their operands are kept (IR_LATE). From block to block they travel in two hidden
 * slots, unless the block reads the flags as such: then they are made on the edges. Where the ways
 * to a block do not agree on the kind and size of what set the flags, a third slot says it.
 */
#include "tcg/region/region_priv.h"

enum { UNKNOWN = 2 }; /* beside enum ir_flags_in: no way here has been seen */

struct search {
    struct ir *ir;
    unsigned slot;
    unsigned position[IR_MAX_BLOCKS]; /* in the layout */
    uint8_t in[IR_MAX_BLOCKS];
    bool seen[IR_MAX_BLOCKS]; /* somebody may look at the flags that a block begins with */
    bool read[IR_MAX_BLOCKS]; /* and does so in the block itself */
    bool again;
};

/* --- what an op does with the flags --- */
static bool sets(const struct search *s, const struct ir_op *op)
{
    return op->opc == OP_set && op->attr == s->slot;
}

static bool reads(const struct search *s, const struct ir_op *op)
{
    if (op->opc == OP_get)
        return op->attr == s->slot && op->uses;
    if (op->opc != OP_call)
        return false;
    struct ir_call_slots of = ir_op_call_slots(s->ir, op);
    return ir_slots_has(&of.reads, s->slot) || ir_slots_has(&of.writes, s->slot) ||
           !ir_call_is_tame(op);
}

static bool is_branch(const struct ir_op *op)
{
    return op->opc == OP_br || op->opc == OP_brcond || op->opc == OP_br_if;
}

static bool is_on_top(const struct ir_op *op, uint32_t base)
{
    return ir_eflags_has_base(op->opc) && ir_eflags_base(op).id == base;
}

/* The late set of op behind it in a block that ends at `end`, if nothing else wants op; or NULL. */
static const struct ir_op *late_set_of(const struct search *s, uint32_t op, uint32_t end)
{
    if (s->ir->ops[op].uses != 1)
        return NULL;
    for (uint32_t i = op + 1; i < end; i++) {
        const struct ir_op *set = &s->ir->ops[i];
        if (sets(s, set) && set->arg[0].id == op)
            return set->imm & IR_LATE ? set : NULL;
    }
    return NULL;
}

/* How many uses of op are flags on top of it that are made late; get: the slot as it is is enough
 * for them. */
static unsigned uses_below(const struct search *s, uint32_t op, uint32_t end, bool get)
{
    unsigned n = 0;
    for (uint32_t i = op + 1; i < end; i++) {
        if (!is_on_top(&s->ir->ops[i], op))
            continue;
        const struct ir_op *set = late_set_of(s, i, end);
        n += set && (!get || ir_flags_base_is_slot(s->ir, set));
    }
    return n;
}

/* Reads them now: late flags on top of them do not. */
static bool reads_now(const struct search *s, const struct ir_op *op, uint32_t end)
{
    return reads(s, op) &&
           (op->opc != OP_get || uses_below(s, op - s->ir->ops, end, true) != op->uses);
}

/* The op that makes flags which can wait, and which nobody wants but this set and flags on top of
 * it that are late; or NULL.  Sets behind it have been looked at. */
static const struct ir_op *waiting(const struct search *s, const struct ir_op *set, uint32_t end)
{
    if (ir_val_is_const(set->arg[0]))
        return NULL;
    const struct ir_op *value = &s->ir->ops[set->arg[0].id];
    if (!ir_flags_can_wait(s->ir, value))
        return NULL;
    bool may_be_below = !ir_eflags_has_base(value->opc) && ir_desc(value)->nargs <= 2;
    if (value->uses == 1)
        return value;
    return may_be_below && uses_below(s, set->arg[0].id, end, false) == value->uses - 1 ? value
                                                                                        : NULL;
}

/* How it travels in hidden slots. */
static uint8_t kind_of(const struct ir_op *value)
{
    switch (value ? value->opc : OP_nop) {
    case OP_eflags_sub:
    case OP_eflags_diff:
    case OP_eflags_logic: return IR_FLAGS_SUB | value->attr;
    case OP_eflags_add:
    case OP_eflags_sum: return IR_FLAGS_SUM | value->attr;
    default: return IR_FLAGS_READY;
    }
}

/* --- who looks --- */
/* On the way to a block; requests are polled on ways back. */
static bool seen_on_edge(const struct search *s, unsigned from, unsigned to, bool polls)
{
    return s->seen[to] || (polls && s->position[to] <= s->position[from]);
}

static bool seen_in(const struct search *s, unsigned blk)
{
    const struct ir_block *b = &s->ir->blocks[blk];
    bool seen = false;
    for (uint32_t i = b->first; i < b->end; i++) {
        const struct ir_op *op = &s->ir->ops[i];
        if (sets(s, op))
            return seen;
        if (is_branch(op)) {
            bool polls = op->opc != OP_br_if && !(op->imm & IR_NO_POLL);
            seen |= seen_on_edge(s, blk, op->attr, polls);
            seen |= op->opc == OP_brcond && seen_on_edge(s, blk, op->blk2, true);
        } else if (reads(s, op) || region_observes(op)) {
            return true;
        }
    }
    return seen;
}

static void find_seen(struct search *s)
{
    do {
        s->again = false;
        for (unsigned i = s->ir->norder; i-- > 0;) {
            unsigned blk = s->ir->order[i];
            bool seen = s->seen[blk] || seen_in(s, blk);
            s->again |= seen != s->seen[blk];
            s->seen[blk] = seen;
        }
    } while (s->again);
}

/* --- where they are --- */
static void arrive(struct search *s, unsigned blk, uint8_t how)
{
    uint8_t was = s->in[blk];
    if (how == UNKNOWN || was == IR_FLAGS_DEAD || was == IR_FLAGS_ANY || was == how || s->read[blk])
        return;
    s->in[blk] = was == UNKNOWN ? how : IR_FLAGS_ANY;
    s->again = true;
}

static void follow(struct search *s, unsigned blk)
{
    const struct ir_block *b = &s->ir->blocks[blk];
    uint8_t now = s->in[blk];
    for (uint32_t i = b->first; i < b->end; i++) {
        const struct ir_op *op = &s->ir->ops[i];
        if (sets(s, op)) {
            now = kind_of(waiting(s, op, b->end));
        } else if (reads_now(s, op, b->end)) {
            now = IR_FLAGS_READY;
        } else if (is_branch(op)) {
            arrive(s, op->attr, now);
            if (op->opc == OP_brcond)
                arrive(s, op->blk2, now);
        }
    }
}

static bool reads_first(const struct search *s, unsigned blk)
{
    const struct ir_block *b = &s->ir->blocks[blk];
    uint32_t i = b->first;
    while (i < b->end && !sets(s, &s->ir->ops[i]) && !reads_now(s, &s->ir->ops[i], b->end))
        i++;
    return i < b->end && !sets(s, &s->ir->ops[i]);
}

static void find_in(struct search *s)
{
    for (unsigned i = 0; i < s->ir->norder; i++) {
        unsigned blk = s->ir->order[i];
        s->read[blk] = i == 0 || reads_first(s, blk);
        s->in[blk] = !s->seen[blk] ? IR_FLAGS_DEAD : s->read[blk] ? IR_FLAGS_READY : UNKNOWN;
    }
    do {
        s->again = false;
        for (unsigned i = 0; i < s->ir->norder; i++)
            follow(s, s->ir->order[i]);
    } while (s->again);
}

/* --- late sets --- */
/* Backward: is the set overwritten, or can it go on in hidden slots, and not read as flags? */
static void delay(struct search *s, unsigned blk)
{
    const struct ir_block *b = &s->ir->blocks[blk];
    bool overwritten = false, is_read = false;
    for (uint32_t i = b->end; i-- > b->first;) {
        struct ir_op *op = &s->ir->ops[i];
        if (sets(s, op)) {
            const struct ir_op *value = waiting(s, op, b->end);
            bool can = value && (overwritten || kind_of(value) != IR_FLAGS_READY);
            if (can && !is_read)
                op->imm |= IR_LATE;
            overwritten = true;
            is_read = false;
        } else {
            is_read |= reads_now(s, op, b->end);
        }
    }
}

/* The slot of packed flags, if it is of the kind that this is about. */
static bool find_slot(struct search *s)
{
    unsigned visible = s->ir->nslots - TCG_HIDDEN_SLOTS;
    for (uint32_t i = 0; i < s->ir->nops; i++) {
        const struct ir_op *op = &s->ir->ops[i];
        if (op->opc != OP_set || op->attr >= visible || ir_val_is_const(op->arg[0]) ||
            !ir_opc_is_eflags(s->ir->ops[op->arg[0].id].opc))
            continue;
        s->slot = op->attr;
        return true;
    }
    return false;
}

void flags_make_lazy(struct ir *ir)
{
    g_autofree struct search *s = g_new0(struct search, 1);
    s->ir = ir;
    if (!find_slot(s))
        return;
    for (unsigned i = 0; i < ir->norder; i++)
        s->position[ir->order[i]] = i;
    for (unsigned i = 0; i < ir->norder; i++)
        delay(s, ir->order[i]);
    find_seen(s);
    find_in(s);
    for (unsigned i = 0; i < ir->norder; i++) {
        unsigned blk = ir->order[i];
        ir->blocks[blk].flags_in = s->in[blk] == UNKNOWN ? IR_FLAGS_READY : s->in[blk];
    }
    ir->has_hidden_flags = true;
    ir->flags_slot = s->slot;
    ir->flags_a = ir->nslots - TCG_HIDDEN_SLOTS + TCG_HIDDEN_FLAGS_A;
    ir->flags_b = ir->nslots - TCG_HIDDEN_SLOTS + TCG_HIDDEN_FLAGS_B;
    ir->flags_kind = ir->nslots - TCG_HIDDEN_SLOTS + TCG_HIDDEN_FLAGS_KIND;
}
