/*
 * A loop of one block in which no access can fault is observed only where it is left.
 *
 * So a slot that the loop sets, but does not read from the turn before, is set on the ways out only
 * (IR_LATE); a single that the loop carries from turn to turn stays unboxed in a hidden slot; and a
 * NaN that only arithmetic reads need not be the canonical one, since what comes of it is a NaN,
 * too.
 */
#include "tcg/region/region_priv.h"

enum { MAX_LATE = 12 };

struct fast {
    struct ir *ir;
    struct ir_block *b;
    struct presets *out;
    uint32_t first_way_out; /* op index */
};

bool region_observes(const struct ir_op *op)
{
    uint32_t flags = ir_desc(op)->flags;
    if (ir_opc_is_access(op->opc))
        return !op->imm;
    return flags & (IR_OP_FAULT | IR_OP_EXIT | IR_OP_SIDE | IR_OP_END | IR_OP_CALL);
}

/* The only op of this kind on the slot, or NULL; *n counts them. */
static struct ir_op *only(const struct fast *f, unsigned opc, unsigned slot, unsigned *n)
{
    struct ir_op *found = NULL;
    *n = 0;
    for (uint32_t i = f->b->first; i < f->b->end; i++) {
        struct ir_op *op = &f->ir->ops[i];
        if (op->opc == opc && op->attr == slot && (opc == OP_set || op->uses)) {
            found = op;
            ++*n;
        }
    }
    return found;
}

static uint32_t index_of(const struct fast *f, const struct ir_op *op)
{
    return op - f->ir->ops;
}

/* --- singles --- */
/* All uses of the get are unboxings. */
static bool only_unboxed(const struct fast *f, const struct ir_op *get)
{
    unsigned n = 0;
    for (uint32_t i = f->b->first; i < f->b->end; i++) {
        const struct ir_op *op = &f->ir->ops[i];
        n += op->opc == OP_unbox32 && op->arg[0].id == index_of(f, get);
    }
    return n == get->uses;
}

static void unbox_from(struct fast *f, uint32_t get, unsigned hidden)
{
    for (uint32_t i = f->b->first; i < f->b->end; i++) {
        struct ir_op *op = &f->ir->ops[i];
        if (op->opc != OP_unbox32 || op->arg[0].id != get)
            continue;
        uint32_t uses = op->uses;
        ir_op_drop(f->ir, op);
        *op = (struct ir_op){.opc = OP_get,
                             .type = F32,
                             .attr = hidden,
                             .uses = uses,
                             .arg = {IR_NONE, IR_NONE, IR_NONE, IR_NONE}};
    }
}

/* A slot that is read as a single: keep it unboxed in a hidden slot.  If the loop sets it, that
 * must be to a boxed single, before the first way out. */
static void keep_single(struct fast *f, uint32_t i)
{
    struct ir_op *get = &f->ir->ops[i];
    struct presets *out = f->out;
    unsigned nsets, ngets;
    struct ir_op *set = only(f, OP_set, get->attr, &nsets);
    only(f, OP_get, get->attr, &ngets);
    if (out->single > out->last_single || out->n == G_N_ELEMENTS(out->p) || nsets > 1 ||
        ngets != 1 || !only_unboxed(f, get))
        return;
    ir_val single = IR_NONE;
    if (set) {
        const struct ir_op *box = ir_val_is_const(set->arg[0]) ? NULL : &f->ir->ops[set->arg[0].id];
        if (!box || box->opc != OP_box32 || index_of(f, set) > f->first_way_out)
            return;
        single = box->arg[0];
    }
    unsigned hidden = out->single++;
    out->p[out->n++] = (struct preset){.hidden = hidden, .slot = get->attr};
    unbox_from(f, i, hidden);
    if (set)
        ir_set(f->ir, hidden, single);
}

static void keep_singles(struct fast *f)
{
    uint32_t end = f->b->end;
    for (uint32_t i = f->b->first; i < end; i++)
        if (f->ir->ops[i].opc == OP_get && f->ir->ops[i].uses && f->ir->ops[i].type == F64)
            keep_single(f, i);
}

/* --- late sets --- */
/* To flags that can be made of their operands later. */
static bool is_waiting(const struct fast *f, const struct ir_op *set)
{
    if (ir_val_is_const(set->arg[0]))
        return false;
    const struct ir_op *value = &f->ir->ops[set->arg[0].id];
    return value->uses == 1 && ir_flags_can_wait(f->ir, value);
}

static void delay_sets(struct fast *f)
{
    unsigned late = 0, nsets, ngets;
    bool set[IR_MAX_SLOTS] = {false}; /* before the first way out */
    for (uint32_t i = f->b->first; i < f->b->end && late < MAX_LATE; i++) {
        struct ir_op *op = &f->ir->ops[i];
        if (op->opc != OP_set || op->attr >= f->ir->nslots - TCG_HIDDEN_SLOTS)
            continue;
        set[op->attr] |= i <= f->first_way_out;
        only(f, OP_get, op->attr, &ngets);
        only(f, OP_set, op->attr, &nsets);
        if (!set[op->attr] || ngets || (nsets != 1 && !is_waiting(f, op)))
            continue;
        op->imm = IR_LATE;
        late++;
    }
}

/* --- NaNs --- */
/* A NaN that goes in comes out; fma has a rule of its own for its flags, but as a reader it will
 * do. */
static bool passes_nan_on(unsigned opc)
{
    return opc == OP_fadd || opc == OP_fsub || opc == OP_fmul || opc == OP_fdiv || opc == OP_fsqrt;
}

struct readers {
    unsigned n;           /* that do not care about a NaN's bits */
    struct ir_op *set[4]; /* late ones that must make it canonical */
    unsigned nsets;
};

/* A set to a hidden slot is as good if all readers of that slot are. */
static bool hidden_is_passed_on(const struct fast *f, unsigned slot);

static void add_reader(const struct fast *f, struct readers *r, uint32_t id, struct ir_op *op)
{
    unsigned times = 0;
    for (unsigned k = 0; k < ir_desc(op)->nargs; k++)
        times += op->arg[k].id == id;
    if (!times)
        return;
    bool hidden = op->opc == OP_set && op->attr >= f->ir->nslots - TCG_HIDDEN_SLOTS;
    if (passes_nan_on(op->opc) || op->opc == OP_fma || (hidden && hidden_is_passed_on(f, op->attr)))
        r->n += times;
    if (op->opc == OP_set && op->imm && r->nsets < G_N_ELEMENTS(r->set)) {
        r->set[r->nsets++] = op;
        r->n++;
    }
}

/* The late set that is a box's only reader, or NULL: then the box is made there. */
static struct ir_op *late_set_of_box(const struct fast *f, uint32_t box)
{
    if (f->ir->ops[box].uses != 1)
        return NULL;
    for (uint32_t i = box; i < f->b->end; i++) {
        struct ir_op *op = &f->ir->ops[i];
        if (op->opc == OP_set && op->imm && op->arg[0].id == box)
            return op;
    }
    return NULL;
}

static void find_readers(const struct fast *f, uint32_t id, struct readers *r)
{
    for (uint32_t i = f->b->first; i < f->b->end; i++) {
        struct ir_op *op = &f->ir->ops[i];
        if (op->opc != OP_box32 || op->arg[0].id != id) {
            add_reader(f, r, id, op);
            continue;
        }
        struct ir_op *set = late_set_of_box(f, i);
        if (!set || r->nsets == G_N_ELEMENTS(r->set))
            continue;
        r->set[r->nsets++] = set;
        r->n++;
    }
}

static bool hidden_is_passed_on(const struct fast *f, unsigned slot)
{
    for (uint32_t i = f->b->first; i < f->b->end; i++) {
        const struct ir_op *get = &f->ir->ops[i];
        if (get->opc != OP_get || get->attr != slot)
            continue;
        unsigned n = 0;
        for (uint32_t k = f->b->first; k < f->b->end; k++) {
            const struct ir_op *op = &f->ir->ops[k];
            for (unsigned a = 0; a < ir_desc(op)->nargs; a++)
                n += op->arg[a].id == i && (passes_nan_on(op->opc) || op->opc == OP_fma);
        }
        if (n != get->uses)
            return false;
    }
    return true;
}

static void relax_nans(struct fast *f)
{
    for (uint32_t i = f->b->first; i < f->b->end; i++) {
        struct ir_op *op = &f->ir->ops[i];
        struct readers r = {0};
        if (!passes_nan_on(op->opc) || (op->attr & 3) != IR_NAN_DEFAULT)
            continue;
        find_readers(f, i, &r);
        if (r.n != op->uses)
            continue;
        op->attr = (op->attr & ~(uint32_t)3) | IR_NAN_X86;
        for (unsigned k = 0; k < r.nsets; k++)
            r.set[k]->imm |= IR_LATE_CANON;
    }
}

void fast_improve(struct ir *ir, unsigned blk, struct presets *out)
{
    struct fast f = {.ir = ir, .b = &ir->blocks[blk], .out = out, .first_way_out = UINT32_MAX};
    for (uint32_t i = f.b->end; i-- > f.b->first;) {
        if (ir->ops[i].opc == OP_call)
            return; /* it costs more than all of this saves */
        if (region_observes(&ir->ops[i]))
            f.first_way_out = i;
    }
    keep_singles(&f);
    delay_sets(&f);
    relax_nans(&f);
}
