/*
 * Sets that are overwritten, in whatever block, before anybody could see them: a backward analysis
 * of the whole region.  The flags that a comparison leaves behind are the usual case.
 *
 * Slots are seen by gets, ways out, calls, accesses that may miss, and on edges back, where
 * requests are polled.
 */
#include "tcg/region/region_priv.h"

struct search {
    struct ir *ir;
    unsigned position[IR_MAX_BLOCKS];       /* in the layout */
    struct ir_slot_set dead[IR_MAX_BLOCKS]; /* at the block's start */
    unsigned dropped, rounds;
};

static const struct ir_slot_set all = {{UINT64_MAX, UINT64_MAX}};

static struct ir_slot_set both(struct ir_slot_set a, struct ir_slot_set b)
{
    for (unsigned w = 0; w < IR_MAX_SLOTS / 64; w++)
        a.w[w] &= b.w[w];
    return a;
}

static void clear(struct ir_slot_set *set, unsigned slot)
{
    set->w[slot / 64] &= ~(UINT64_C(1) << slot % 64);
}

/* What is dead on an edge. */
static struct ir_slot_set edge(const struct search *s, unsigned from, unsigned to, bool no_poll)
{
    bool polls = s->position[to] <= s->position[from] && !no_poll;
    return polls ? ir_slots_none() : s->dead[to];
}

static struct ir_slot_set dead_at_end(const struct search *s, unsigned blk)
{
    const struct ir_op *op = &s->ir->ops[s->ir->blocks[blk].end - 1];
    if (op->opc != OP_br && op->opc != OP_brcond)
        return ir_slots_none();
    struct ir_slot_set dead = edge(s, blk, op->attr, op->imm & IR_NO_POLL);
    return op->opc == OP_br ? dead : both(dead, edge(s, blk, op->blk2, false));
}

static bool is_branch(const struct ir_op *op)
{
    return op->opc == OP_br || op->opc == OP_brcond;
}

static void drop_set(struct search *s, struct ir_op *op)
{
    ir_op_drop(s->ir, op);
    s->dropped++;
}

/* From what is dead at the block's end to what is at its start; drops dead sets if asked to. */
static struct ir_slot_set walk(struct search *s, unsigned blk, bool drop)
{
    struct ir_slot_set dead = dead_at_end(s, blk);
    const struct ir_block *b = &s->ir->blocks[blk];
    unsigned visible = s->ir->nslots - TCG_HIDDEN_SLOTS;
    for (uint32_t i = b->end; i-- > b->first;) {
        struct ir_op *op = &s->ir->ops[i];
        if (is_branch(op) || (op->opc == OP_set && (op->imm || op->attr >= visible)))
            continue;
        if (region_observes(op))
            dead = ir_slots_none();
        else if (op->opc == OP_get)
            clear(&dead, op->attr);
        else if (op->opc == OP_set && drop && ir_slots_has(&dead, op->attr))
            drop_set(s, op);
        else if (op->opc == OP_set)
            dead = ir_slots_add(dead, op->attr);
    }
    return dead;
}

static bool same(const struct ir_slot_set *a, const struct ir_slot_set *b)
{
    return !memcmp(a, b, sizeof(*a));
}

/* Drops what is dead; false if nothing is. */
static bool drop_round(struct search *s)
{
    struct ir *ir = s->ir;
    bool again = true;
    for (unsigned i = 0; i < ir->norder; i++) {
        s->position[ir->order[i]] = i;
        s->dead[ir->order[i]] = all;
    }
    while (again) {
        again = false;
        for (unsigned i = ir->norder; i-- > 0;) {
            struct ir_slot_set dead = walk(s, ir->order[i], false);
            again |= !same(&dead, &s->dead[ir->order[i]]);
            s->dead[ir->order[i]] = dead;
        }
    }
    s->dropped = 0;
    for (unsigned i = 0; i < ir->norder; i++)
        walk(s, ir->order[i], true);
    return s->dropped;
}

/* What a dead set was made of, flags of which it kept some, may have been all that wanted others.
 */
void dead_sets_drop(struct ir *ir)
{
    enum { ROUNDS = 4 };
    g_autofree struct search *s = g_new0(struct search, 1);
    s->ir = ir;
    do {
        ir_remove_dead(ir);
        s->rounds++;
    } while (drop_round(s) && s->rounds < ROUNDS);
    ir_remove_dead(ir);
}
