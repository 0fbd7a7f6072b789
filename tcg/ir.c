/* The arena of a unit, constants, slots and helper calls: what constructors append to. */
#include "tcg/backend.h"
#include "tcg/ir_priv.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

/* What one guest instruction may still append once ir_full() is true. */
enum {
    SPARE_OPS = 512,
    SPARE_CONSTS = 256,
    SPARE_BLOCKS = 32,
    SPARE_CALL_ARGS = 128,
    SPARE_CALL_SLOTS = 64
};

static struct ir_slot *widen_slots(const struct ir_slot *slots, unsigned nslots)
{
    struct ir_slot *wide = g_memdup2(slots, nslots * sizeof(*slots));
    for (unsigned i = 0; i < nslots; i++)
        if (slots[i].wide)
            wide[i].type = slots[i].wide == IR_WIDE_NONE ? IR_VOID : slots[i].wide;
    return wide;
}

struct ir *ir_new(const struct ir_slot *slots, unsigned nslots)
{
    assert(nslots <= IR_MAX_SLOTS);
    struct ir *ir = g_new0(struct ir, 1);
    ir->slots = ir->narrow_slots = slots;
    ir->wide_slots = widen_slots(slots, nslots);
    ir->nslots = nslots;
    ir->ops = g_new(struct ir_op, IR_MAX_OPS + 1); /* one is always being built */
    ir->consts = g_new(struct ir_konst, IR_MAX_CONSTS);
    ir->blocks = g_new(struct ir_block, IR_MAX_BLOCKS);
    ir->call_args = g_new(ir_val, IR_MAX_CALL_ARGS);
    ir->call_slots = g_new(struct ir_call_slots, IR_MAX_CALL_SLOTS);
    ir_begin(ir);
    return ir;
}

void ir_free(struct ir *ir)
{
    if (!ir)
        return;
    g_free(ir->wide_slots);
    g_free(ir->ops);
    g_free(ir->consts);
    g_free(ir->blocks);
    g_free(ir->call_args);
    g_free(ir->call_slots);
    g_free(ir);
}

void ir_set_wide(struct ir *ir, bool wide)
{
    ir->is_wide = wide;
    ir->slots = wide ? ir->wide_slots : ir->narrow_slots;
}

bool ir_is_wide(const struct ir *ir)
{
    return ir->is_wide;
}

bool ir_has_256(unsigned opc, uint32_t attr)
{
    switch (opc) {
    case OP_vmul: return attr == 1 || attr == 2;
    case OP_vabs: return attr < 3;
    case OP_vshli:
    case OP_vshri: return attr & 3;
    case OP_vsari: return (attr & 3) == 1 || (attr & 3) == 2;
    case OP_vsigns: return attr != 1;
    default: return true;
    }
}

static void forget_slots(struct ir *ir)
{
    for (unsigned i = 0; i < ir->nslots; i++) {
        ir->known[i] = IR_NONE;
        ir->last_set[i] = UINT32_MAX;
    }
    ir->observed = ir->nops;
}

static void open_block(struct ir *ir, unsigned blk)
{
    ir->blocks[blk] = (struct ir_block){
        .first = ir->nops, .end = ir->nops, .weight = ir->blocks[blk].weight, .begun = true};
    ir->order[ir->norder++] = blk;
    ir->cur_block = blk;
    ir->ended = false;
    forget_slots(ir);
}

void ir_begin(struct ir *ir)
{
    ir->nops = ir->nconsts = ir->ncall_args = ir->ncall_slots = ir->norder = 0;
    ir->nblocks = 1;
    ir->has_hidden_flags = false;
    ir->blocks[0] = (struct ir_block){0};
    memset(ir->const_head, 0, sizeof(ir->const_head));
    open_block(ir, 0);
}

bool ir_full(const struct ir *ir)
{
    return ir->nops > IR_MAX_OPS - SPARE_OPS || ir->nconsts > IR_MAX_CONSTS - SPARE_CONSTS ||
           ir->nblocks > IR_MAX_BLOCKS - SPARE_BLOCKS ||
           ir->ncall_args > IR_MAX_CALL_ARGS - SPARE_CALL_ARGS ||
           ir->ncall_slots > IR_MAX_CALL_SLOTS - SPARE_CALL_SLOTS;
}

unsigned ir_block_new(struct ir *ir)
{
    assert(ir->nblocks < IR_MAX_BLOCKS);
    ir->blocks[ir->nblocks] = (struct ir_block){0};
    return ir->nblocks++;
}

void ir_block_begin(struct ir *ir, unsigned blk)
{
    assert(blk < ir->nblocks && !ir->blocks[blk].begun && ir->ended);
    open_block(ir, blk);
}

ir_val ir_const(struct ir *ir, enum ir_type t, uint64_t value)
{
    value = ir_truncate(t, value);
    uint16_t *head = &ir->const_head[(value * UINT64_C(0x9e3779b97f4a7c15) >> 56) ^ t];
    for (unsigned i = *head; i; i = ir->consts[i - 1].next)
        if (ir->consts[i - 1].value == value && ir->consts[i - 1].type == t)
            return (ir_val){IR_CONST_BIT | (i - 1)};
    assert(ir->nconsts < IR_MAX_CONSTS);
    ir->consts[ir->nconsts] = (struct ir_konst){.value = value, .type = t, .next = *head};
    *head = ++ir->nconsts;
    return (ir_val){IR_CONST_BIT | (ir->nconsts - 1)};
}

bool ir_is_const(const struct ir *ir, ir_val v, uint64_t *value)
{
    if (!ir_val_is_const(v))
        return false;
    *value = ir_const_value(ir, v);
    return true;
}

void ir_set_relative(struct ir *ir, bool relative, uint64_t page)
{
    ir->relative = relative;
    ir->page = page;
}

ir_val ir_pc(struct ir *ir, uint64_t pc)
{
    if (!ir->relative)
        return ir_const(ir, I64, pc);
    ir_val page = ir_env_ld(ir, I64, MO_64, TCG_ENV_OFF(page));
    return ir_add(ir, page, ir_const(ir, I64, pc - ir->page));
}

enum ir_type ir_type_of(const struct ir *ir, ir_val v)
{
    if (ir_val_is_const(v))
        return ir->consts[v.id & ~IR_CONST_BIT].type;
    return v.id < ir->nops ? ir->ops[v.id].type : IR_VOID;
}

static void count_use(struct ir *ir, ir_val v, int by)
{
    if (v.id == IR_NONE.id)
        return;
    if (ir_val_is_const(v))
        ir->consts[v.id & ~IR_CONST_BIT].uses += by;
    else
        ir->ops[v.id].uses += by;
}

static void count_args(struct ir *ir, const struct ir_op *op, int by)
{
    for (unsigned i = 0; i < ir_desc(op)->nargs; i++)
        count_use(ir, op->arg[i], by);
    if (op->opc == OP_call)
        for (unsigned i = 0; i < ir_op_helper(op)->nargs; i++)
            count_use(ir, ir->call_args[op->attr + i], by);
}

void ir_op_drop(struct ir *ir, struct ir_op *op)
{
    count_args(ir, op, -1);
    *op = (struct ir_op){.opc = OP_nop, .arg = {IR_NONE, IR_NONE, IR_NONE, IR_NONE}};
}

void ir_reopen(struct ir *ir)
{
    ir->nops--;
    ir->blocks[ir->cur_block].end--;
    ir->ended = false;
}

void ir_cut(struct ir *ir, unsigned blk, unsigned nblocks)
{
    while (ir->nops > ir->blocks[blk].end)
        count_args(ir, &ir->ops[--ir->nops], -1);
    while (ir->order[ir->norder - 1] != blk)
        ir->norder--;
    ir->nblocks = nblocks;
    ir->cur_block = blk;
    ir->ended = true;
    forget_slots(ir);
}

/* The op at the end becomes part of the unit. */
static ir_val append(struct ir *ir)
{
    assert(ir->nops < IR_MAX_OPS);
    uint32_t id = ir->nops++;
    const struct ir_op *op = &ir->ops[id];
    const struct ir_op_desc *d = ir_desc(op);
    count_args(ir, op, 1);
    if (d->flags & (IR_OP_FAULT | IR_OP_EXIT | IR_OP_END | IR_OP_SIDE))
        ir->observed = ir->nops;
    ir->blocks[ir->cur_block].end = ir->nops;
    ir->ended = d->flags & IR_OP_END;
    return op->type != IR_VOID && d->result != IR_VOID ? (ir_val){id} : IR_NONE;
}

/* After the end of a block constructors still give values of the right type, and nothing is built.
 */
static ir_val nowhere(struct ir *ir)
{
    const struct ir_op *op = &ir->ops[ir->nops];
    if (op->type == IR_VOID || ir_desc(op)->result == IR_VOID)
        return IR_NONE;
    return ir_const(ir, op->type, 0);
}

ir_val ir_op_commit(struct ir *ir)
{
    struct ir_op *op = &ir->ops[ir->nops];
    if (UNLIKELY(ir->ended))
        return nowhere(ir);
    if (UNLIKELY(ir->no_fold))
        return append(ir);
    for (;;) {
        ir_val v = IR_NONE;
        switch (ir_fold(ir, op, &v)) {
        case IR_FOLD_NONE: return append(ir);
        case IR_FOLD_VALUE: return v;
        case IR_FOLD_GONE: return IR_NONE;
        case IR_FOLD_AGAIN: break;
        }
    }
}

ir_val ir_emit(struct ir *ir, const struct ir_op *op)
{
    ir->ops[ir->nops] = *op;
    ir->ops[ir->nops].uses = 0;
    return ir_op_commit(ir);
}

static struct ir_op *begin_slot_op(struct ir *ir, unsigned opc, unsigned slot)
{
    assert(slot < ir->nslots);
    struct ir_op *op = ir_op_begin(ir, opc, ir->slots[slot].type);
    op->attr = slot;
    return op;
}

ir_val ir_get(struct ir *ir, unsigned slot)
{
    begin_slot_op(ir, OP_get, slot);
    if (ir->ended)
        return nowhere(ir);
    if (ir->known[slot].id != IR_NONE.id && !ir->no_fold)
        return ir->known[slot];
    return ir->known[slot] = append(ir);
}

void ir_set(struct ir *ir, unsigned slot, ir_val v)
{
    struct ir_op *op = begin_slot_op(ir, OP_set, slot);
    if (ir->ended || (ir->known[slot].id == v.id && !ir->no_fold))
        return;
    uint32_t last = ir->last_set[slot];
    if (last != UINT32_MAX && last >= ir->observed && !ir->no_fold)
        ir_op_drop(ir, &ir->ops[last]);
    op->arg[0] = v;
    ir->last_set[slot] = ir->nops;
    append(ir);
    ir->known[slot] = v;
}

static void forget_set(struct ir *ir, const struct ir_slot_set *set, bool values)
{
    for (unsigned w = 0; w < IR_MAX_SLOTS / 64; w++)
        for (uint64_t bits = set->w[w]; bits; bits &= bits - 1) {
            unsigned slot = w * 64 + __builtin_ctzll(bits);
            ir->last_set[slot] = UINT32_MAX;
            if (values)
                ir->known[slot] = IR_NONE;
        }
}

/* What a call sees of earlier sets, and which values are stale after it. */
static void call_effects(struct ir *ir, const struct ir_helper *h, const struct ir_call_slots *s)
{
    if (h->flags & HELPER_WRITES_ALL) {
        forget_slots(ir);
        return;
    }
    if (h->flags & (HELPER_READS_ALL | HELPER_RAISES))
        ir->observed = ir->nops;
    forget_set(ir, &s->reads, false);
    forget_set(ir, &s->writes, true);
}

static ir_val build_call(struct ir *ir, const struct ir_helper *h, const ir_val *args,
                         const struct ir_call_slots *slots)
{
    struct ir_op *op = ir_op_begin(ir, OP_call, h->ret);
    op->attr = ir->ncall_args;
    op->imm = (uintptr_t)h;
    if (ir->ended)
        return nowhere(ir);
    if (h->flags & HELPER_SLOTS) {
        assert(ir->ncall_slots < IR_MAX_CALL_SLOTS);
        ir->call_slots[ir->ncall_slots++] = *slots;
        op->imm2 = ir->ncall_slots;
    }
    assert(h->nargs <= G_N_ELEMENTS(h->args));
    assert(ir->ncall_args + h->nargs <= IR_MAX_CALL_ARGS);
    for (unsigned i = 0; i < h->nargs; i++)
        ir->call_args[ir->ncall_args++] = args[i];
    ir_val v = append(ir);
    call_effects(ir, h, slots);
    return v;
}

ir_val ir_call(struct ir *ir, const struct ir_helper *h, const ir_val *args)
{
    return build_call(ir, h, args, &(struct ir_call_slots){h->reads, h->writes});
}

ir_val ir_call_slots(struct ir *ir, const struct ir_helper *h, const ir_val *args,
                     struct ir_slot_set reads, struct ir_slot_set writes)
{
    assert(h->flags & HELPER_SLOTS);
    return build_call(ir, h, args, &(struct ir_call_slots){reads, writes});
}

/* Constants that code out of line can have as they are. */
static bool fits_late(const struct ir *ir, const struct ir_op *op, unsigned arg)
{
    uint64_t c;
    if (!ir_is_const(ir, op->arg[arg], &c))
        return true;
    bool fits = ir_type_of(ir, op->arg[arg]) == I32 || (int64_t)c == (int32_t)c;
    return fits && !(ir_opc_is_eflags(op->opc) && op->attr == 1);
}

bool ir_flags_can_wait(const struct ir *ir, const struct ir_op *op)
{
    if (ir_opc_is_eflags(op->opc) ? op->opc == OP_eflags_imul && op->attr < 2
                                  : op->opc != OP_flags_sub && op->opc != OP_flags_add)
        return false;
    if (ir_val_is_const(op->arg[0]))
        return false;
    return ir_desc(op)->nargs < 2 || ir_opc_is_eflags_shift(op->opc) ||
           (ir_opc_is_some_eflags(op->opc) && op->opc != OP_eflags_imul) || fits_late(ir, op, 1);
}

bool ir_flags_base_is_slot(const struct ir *ir, const struct ir_op *set)
{
    if (ir_val_is_const(set->arg[0]) || !ir_eflags_has_base(ir->ops[set->arg[0].id].opc))
        return false;
    ir_val base = ir_eflags_base(&ir->ops[set->arg[0].id]);
    if (ir_val_is_const(base))
        return false;
    const struct ir_op *get = &ir->ops[base.id];
    if (get->opc != OP_get || get->attr != set->attr)
        return false;
    for (const struct ir_op *op = get + 1; op < set; op++)
        if ((op->opc == OP_set && op->attr == set->attr) || op->opc == OP_call)
            return false;
    return true;
}

/* What a block that is still being built knows of slots must not be what went. */
static void forget_dropped(struct ir *ir)
{
    for (unsigned s = 0; s < ir->nslots; s++) {
        ir_val v = ir->known[s];
        if (v.id != IR_NONE.id && !ir_val_is_const(v) && ir->ops[v.id].opc == OP_nop)
            ir->known[s] = IR_NONE;
    }
}

void ir_remove_dead(struct ir *ir)
{
    for (unsigned i = ir->nops; i-- > 0;) {
        struct ir_op *op = &ir->ops[i];
        if (!op->uses && ir_op_removable(op))
            ir_op_drop(ir, op);
    }
    forget_dropped(ir);
}
