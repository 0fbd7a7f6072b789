/*
 * The backward pass: last uses, destination hints, fused addresses.
 *
 * A hint says that a slot will be set to the value with nothing in between that reads, writes or
 * could observe the slot (a fault, an exit, a call): then the value may be computed straight into
 * the slot's register or memory.
 */
#include "tcg/x86_64/gen_priv.h"

enum { MAX_OFFSET = 0x3fff0000, GROUPS_OPEN = 8 };

uint32_t val_id(const struct gen *g, ir_val v)
{
    const struct ir_op *ops = g->ir->ops;
    while (opc_is_alias(ops[v.id].opc) && !ir_val_is_const(ops[v.id].arg[0]))
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
    if ((int64_t)c < -MAX_OFFSET || (int64_t)c > MAX_OFFSET)
        return false;
    struct val *base = &g->val[val_id(g, op->arg[0])];
    if (base->last < x->last)
        base->last = x->last;
    base->nuse++;
    return x->fused = true;
}

/* A shift by up to 3 that only an addition wants becomes part of it. */
static bool is_scale(const struct gen *g, ir_val v)
{
    if (ir_val_is_const(v))
        return false;
    const struct ir_op *op = &g->ir->ops[v.id];
    uint64_t n;
    return op->opc == OP_shl && !ir_val_is_const(op->arg[0]) &&
           ir_is_const(g->ir, op->arg[1], &n) && n >= 1 && n <= 3;
}

static bool fuse_scale(struct gen *g, const struct ir_op *op, struct val *x, uint32_t i)
{
    if (!x->scaled || x->nuse != 1 || !is_scale(g, (ir_val){i}))
        return false;
    struct val *index = &g->val[val_id(g, op->arg[0])];
    if (index->last < x->last)
        index->last = x->last;
    index->nuse++;
    return x->fused = true;
}

bool tests_bits(const struct gen *g, const struct ir_op *op, uint64_t *mask)
{
    *mask = op->opc == OP_zext8 ? 0xff : 0xffff;
    if (ir_val_is_const(op->arg[0]))
        return false;
    if (op->opc == OP_zext8 || op->opc == OP_zext16)
        return true;
    return op->opc == OP_and && ir_is_const(g->ir, op->arg[1], mask) && *mask <= INT32_MAX;
}

/* Bits by an immediate that the low half has, which only a comparison with zero wants. */
static bool fuse_test(struct gen *g, const struct ir_op *op, struct val *x)
{
    uint64_t mask;
    if (!x->tested || x->nuse != 1 || !tests_bits(g, op, &mask))
        return false;
    struct val *in = &g->val[val_id(g, op->arg[0])];
    if (in->last < x->last)
        in->last = x->last;
    in->nuse++;
    return x->fused = true;
}

static void note_test(struct gen *g, const struct ir_op *op)
{
    uint64_t zero, mask;
    bool compares = op->opc == OP_brcond || op->opc == OP_br_if || op->opc == OP_exit_if ||
                    op->opc == OP_side_if || op->opc == OP_setcond || op->opc == OP_select;
    if (compares && (op->cc == IR_EQ || op->cc == IR_NE) && !ir_val_is_const(op->arg[0]) &&
        tests_bits(g, &g->ir->ops[op->arg[0].id], &mask) && ir_is_const(g->ir, op->arg[1], &zero) &&
        !zero)
        g->val[op->arg[0].id].tested = true;
}

/* One of the arguments at most. */
static void note_scale(struct gen *g, const struct ir_op *op)
{
    if (ir_val_is_const(op->arg[0]) || ir_val_is_const(op->arg[1]) ||
        op->arg[0].id == op->arg[1].id)
        return;
    for (unsigned k = 2; k-- > 0;)
        if (is_scale(g, op->arg[k]) && !g->val[op->arg[k].id].last) {
            g->val[op->arg[k].id].scaled = true;
            return;
        }
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
    if (x->hint == NO_SLOT || g->map->pin_reg[slot] != NO_REG)
        x->hint = slot;
}

static void note_uses(struct gen *g, const struct ir_op *op, uint32_t at)
{
    if (op->opc == OP_add)
        note_scale(g, op);
    note_test(g, op);
    for (unsigned k = 0; k < ir_desc(op)->nargs; k++)
        use(g, op->arg[k], at);
    if (op->opc == OP_call)
        for (unsigned k = 0; k < ir_op_helper(op)->nargs; k++)
            use(g, g->ir->call_args[op->attr + k], at);
    if (ir_opc_is_access(op->opc))
        if (!ir_val_is_const(op->arg[0]))
            g->val[val_id(g, op->arg[0])].as_addr = true;
}

/* --- groups --- */
static struct group *open_group(struct gen *g, const struct group *key)
{
    unsigned least = g->ngroups > GROUPS_OPEN ? g->ngroups - GROUPS_OPEN : 0;
    for (unsigned i = g->ngroups; i-- > least && g->groups[i].epoch == g->group_epoch;) {
        struct group *k = &g->groups[i];
        int32_t lo = key->lo < k->lo ? key->lo : k->lo, hi = key->hi > k->hi ? key->hi : k->hi;
        if (k->base == key->base && k->narrow == key->narrow && k->idx == key->idx &&
            k->is_write == key->is_write && hi - lo <= GROUP_SPAN) {
            k->lo = lo;
            k->hi = hi;
            return k;
        }
    }
    if (g->ngroups == MAX_GROUPS)
        return NULL;
    struct group *k = &g->groups[g->ngroups++];
    *k = *key;
    return k;
}

/* The next link of an address: what op adds a constant to, extends, or is a view of. */
static bool address_link(const struct gen *g, const struct ir_op *op, int64_t *sum, bool *narrow)
{
    uint64_t c;
    if (ir_val_is_const(op->arg[0]))
        return false;
    if (op->opc == OP_zext32 && !*narrow && *sum) /* a sum in 64 bits from there on */
        return false;
    if (op->opc == OP_zext32)
        return *narrow = true;
    if (op->opc == OP_trunc)
        return *narrow;
    if (op->opc != OP_add || !ir_is_const(g->ir, op->arg[1], &c))
        return false;
    int64_t by = op->type == I32 ? (int32_t)c : (int64_t)c;
    if (by < -MAX_OFFSET || by > MAX_OFFSET || *sum + by < -MAX_OFFSET || *sum + by > MAX_OFFSET)
        return false;
    *sum += by;
    return true;
}

/* Through all additions of constants, whether or not the last becomes part of the access. */
int32_t address_parts(const struct gen *g, ir_val v, uint32_t *base, bool *narrow)
{
    int64_t sum = 0;
    *narrow = false;
    while (address_link(g, &g->ir->ops[v.id], &sum, narrow))
        v = g->ir->ops[v.id].arg[0];
    *base = val_id(g, v);
    return (int32_t)sum;
}

static void join_group(struct gen *g, const struct ir_op *op, uint32_t i)
{
    unsigned size = memop_bytes(op->attr);
    if (op->imm || ir_val_is_const(op->arg[0]) || ((op->attr & MO_ALIGN) && size > 1))
        return;
    struct group key = {.epoch = g->group_epoch,
                        .last = i,
                        .idx = memop_idx(op->attr),
                        .is_write = ir_opc_is_store(op->opc)};
    key.lo = address_parts(g, op->arg[0], &key.base, &key.narrow);
    key.hi = key.lo + (int32_t)size;
    struct group *k = open_group(g, &key);
    if (!k)
        return;
    k->first = i;
    k->n++;
    g->val[i].group = k - g->groups;
}

/* Calls with effects may change what memory is mapped. */
static bool ends_groups(const struct ir_op *op)
{
    return op->opc == OP_call && !ir_call_is_tame(op);
}

/* Values of late sets live until the slot is set again. */
static void note_late(struct gen *g, const struct ir_op *op, uint32_t until)
{
    if (ir_val_is_const(op->arg[0]))
        return;
    struct val *x = &g->val[val_id(g, op->arg[0])];
    if (x->last < until)
        x->last = until;
    x->nuse++;
    x->late++;
    x->set = op - g->ir->ops;
}

/* Flags that other flags, made late, are on top of. */
static void note_base(struct gen *g, ir_val base, const struct val *top)
{
    if (ir_val_is_const(base))
        return;
    struct val *x = &g->val[val_id(g, base)];
    if (x->last < top->last)
        x->last = top->last;
    x->nuse++;
    x->late++;
    x->is_base = true;
}

/* Only flags that are whole and made of two operands at most are made below others. */
static bool may_be_base(const struct ir_op *op)
{
    return ir_opc_is_eflags(op->opc) && !ir_eflags_has_base(op->opc) && ir_desc(op)->nargs <= 2;
}

/* An extension or box, or the flags, that only a late set wants are made there. */
static bool fuse_late(struct gen *g, const struct ir_op *op, struct val *x)
{
    bool kind = op->opc == OP_sext32 || op->opc == OP_box32 || ir_flags_can_wait(g->ir, op);
    if (!x->late || x->nuse != x->late || !kind || ir_val_is_const(op->arg[0]) ||
        (x->is_base && !may_be_base(op)) || (x->late > 1 && !may_be_base(op)))
        return false;
    unsigned nargs = ir_desc(op)->nargs - ir_eflags_has_base(op->opc);
    if (ir_eflags_has_base(op->opc) && !ir_flags_base_is_slot(g->ir, &g->ir->ops[x->set]))
        note_base(g, ir_eflags_base(op), x);
    for (unsigned k = 0; k < nargs; k++) {
        if (ir_val_is_const(op->arg[k]))
            continue;
        struct val *in = &g->val[val_id(g, op->arg[k])];
        if (in->last < x->last)
            in->last = x->last;
        in->nuse++;
    }
    return x->fused = true;
}

/*
 * Outside regions: flags that are overwritten in this block, and until then are only seen where
 * code out of line can make them first.
 */
static bool may_be_late(const struct gen *g, const struct ir_op *set, const struct open_sets *open,
                        uint32_t end)
{
    uint32_t next = open->next_set[set->attr];
    if (g->o->region || next == end || next > open->next_hard || ir_val_is_const(set->arg[0]) ||
        g->map->pin_reg[set->attr] != NO_REG)
        return false;
    const struct ir_op *value = &g->ir->ops[set->arg[0].id];
    const struct val *x = &g->val[set->arg[0].id]; /* of what comes behind */
    return x->nuse == x->late && value->uses == x->late + 1u && (!x->late || may_be_base(value)) &&
           ir_flags_can_wait(g->ir, value);
}

static bool is_hard(const struct ir_op *op)
{
    if (ir_opc_is_load(op->opc) || op->opc == OP_st || op->opc == OP_exit_if ||
        op->opc == OP_br_if || (op->opc >= OP_atomic_add && op->opc <= OP_cas))
        return false;
    return ir_desc(op)->flags & (IR_OP_FAULT | IR_OP_EXIT | IR_OP_CALL | IR_OP_END | IR_OP_SIDE);
}

/* What is extended by nothing but zeros that are there already is destined for the same register.
 */
static void pass_hint(struct gen *g, const struct ir_op *op, struct open_sets *open)
{
    unsigned slot = g->val[op - g->ir->ops].hint;
    bool is_scalar = op->opc == OP_vfrom64 || op->opc == OP_vfrom32;
    if (slot == NO_SLOT || g->map->pin_reg[slot] == NO_REG ||
        !(is_scalar ? scalar_is_clean(g, op->arg[0])
                    : op->opc == OP_zext32 && value_is_clean(g, op->arg[0])))
        return;
    open->val[slot] = op->arg[0].id;
    g->val[op->arg[0].id].hint = slot;
}

static void live_op(struct gen *g, uint32_t i, uint32_t end, struct open_sets *open)
{
    const struct ir_op *op = &g->ir->ops[i];
    struct val *x = &g->val[i];
    if (x->hint != NO_SLOT && (open->seen[x->hint] != open->epoch || open->val[x->hint] != i))
        x->hint = NO_SLOT;
    if (!x->last && ir_op_removable(op))
        return;
    if (opc_is_alias(op->opc) && !ir_val_is_const(op->arg[0]))
        return;
    if (fuse_address(g, op, x) || fuse_scale(g, op, x, i) || fuse_test(g, op, x) ||
        fuse_late(g, op, x))
        return;
    if (is_hard(op))
        open->next_hard = i;
    if (ir_desc(op)->flags & (IR_OP_FAULT | IR_OP_EXIT | IR_OP_CALL | IR_OP_END | IR_OP_SIDE))
        open->epoch++;
    if (op->opc == OP_set) {
        uint32_t until = open->next_set[op->attr];
        if (!op->imm && may_be_late(g, op, open, end))
            g->ir->ops[i].imm = IR_LATE;
        open->next_set[op->attr] = i;
        if (op->imm) {
            note_late(g, op, until);
            return;
        }
    }
    if (op->opc == OP_set)
        note_set(g, op, open);
    else if (op->opc == OP_get)
        open->seen[op->attr] = 0;
    if (op->opc == OP_get) /* who sets the slot before must do it there */
        open->next_set[op->attr] = end;
    if (ends_groups(op))
        g->group_epoch++;
    if (ir_opc_is_access(op->opc))
        join_group(g, op, i);
    pass_hint(g, op, open);
    note_uses(g, op, i);
}

void live_block(struct gen *g, const struct ir_block *b)
{
    static const struct val fresh = {
        .spill = NO_SPILL, .reg = NO_REG, .slot = NO_SLOT, .hint = NO_SLOT, .group = NO_GROUP};
    struct open_sets *open = &g->open;
    open->epoch++;
    g->ngroups = 0;
    for (unsigned s = 0; s < g->ir->nslots; s++)
        open->next_set[s] = b->end;
    open->next_hard = b->end;
    for (uint32_t i = b->first; i < b->end; i++)
        g->val[i] = fresh;
    for (uint32_t i = b->end; i-- > b->first;)
        live_op(g, i, b->end, open);
}
