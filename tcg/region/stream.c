/*
 * Streams: accesses of an innermost loop whose address is a sum of slots that do not change in the
 * loop, or change by a constant in every iteration.  Such an address stays in its page for a number
 * of iterations that is known beforehand, so one check serves all of them.
 */
#include "tcg/region/region_priv.h"

#include <stdlib.h>

enum { MAX_STRIDE = 256, MAX_SPAN = 512, MAX_REACH = 2048, MAX_DEPTH = 8, NO_STREAM = 0xff };

/* How a slot changes in one iteration. */
struct change {
    bool any, linear;
    bool narrow; /* by 32-bit additions, sign-extended */
    int64_t step;
    uint64_t bits; /* that are set in some increment */
    bool up, down; /* some increment is positive, negative */
};
struct search {
    const struct ir *ir;
    const unsigned *blocks;
    unsigned nblocks;
    struct change change[IR_MAX_SLOTS];
    struct streams *out;
};

/* --- sums --- */
static bool add_term(struct affine *a, unsigned slot, bool low, int64_t coef)
{
    for (unsigned i = 0; i < a->n; i++)
        if (a->t[i].slot == slot && a->t[i].low == low) {
            a->t[i].coef += coef;
            return a->t[i].coef != 0;
        }
    if (a->n == AFFINE_MAX_TERMS)
        return false;
    a->t[a->n].slot = slot;
    a->t[a->n].low = low;
    a->t[a->n++].coef = coef;
    return true;
}

/* The largest value that an op gives, as far as can be seen, if it cannot be negative. */
static int64_t largest(const struct ir *ir, const struct ir_op *op)
{
    uint64_t c;
    if (op->opc == OP_zext32 && !ir_val_is_const(op->arg[0]))
        op = &ir->ops[op->arg[0].id];
    switch (op->opc) {
    case OP_and: return ir_is_const(ir, op->arg[1], &c) && c <= MAX_REACH ? (int64_t)c : INT64_MAX;
    case OP_zext8: return 0xff;
    case OP_setcond: return 1;
    case OP_extract: return (op->attr >> 8) < 16 ? (INT64_C(1) << (op->attr >> 8)) - 1 : INT64_MAX;
    case OP_ld: return (op->attr & (MO_SIZE | MO_SIGN)) == MO_8 ? 0xff : INT64_MAX;
    default: return INT64_MAX;
    }
}

/* The largest value of a 32-bit index, scaled or not, that is no constant; or INT64_MAX. */
static int64_t largest_index(const struct ir *ir, ir_val v)
{
    uint64_t n = 0;
    if (ir_val_is_const(v))
        return INT64_MAX;
    const struct ir_op *op = &ir->ops[v.id];
    if (op->opc == OP_shl && ir_is_const(ir, op->arg[1], &n) && n <= 3 &&
        !ir_val_is_const(op->arg[0]))
        op = &ir->ops[op->arg[0].id];
    int64_t most = op->opc == OP_shl ? INT64_MAX : largest(ir, op);
    return most <= MAX_REACH ? most << n : INT64_MAX;
}

/* The low 32 bits of v are those of *slot + *c + something from 0 to *reach. */
static bool narrow_sum(const struct ir *ir, ir_val v, unsigned *slot, int64_t *c, int64_t *reach)
{
    uint64_t k;
    *c = *reach = 0;
    for (unsigned depth = 0; depth < MAX_DEPTH; depth++) {
        if (ir_val_is_const(v))
            return false;
        const struct ir_op *op = &ir->ops[v.id];
        switch (op->opc) {
        case OP_get: *slot = op->attr; return op->type == I64 && llabs(*c) < 1 << 16;
        case OP_trunc:
        case OP_sext32:
        case OP_zext32: break;
        case OP_add:
            if (ir_is_const(ir, op->arg[1], &k)) {
                *c += (int32_t)k;
                break;
            }
            bool second = largest_index(ir, op->arg[1]) <= MAX_REACH;
            *reach += MIN(largest_index(ir, op->arg[second]), 2 * MAX_REACH);
            if (*reach > MAX_REACH)
                return false;
            v = op->arg[!second];
            continue;
        default: return false;
        }
        v = op->arg[0];
    }
    return false;
}

/* zext32 or sext32 of a sum. */
static bool expand_narrow(const struct ir *ir, const struct ir_op *op, int64_t factor,
                          struct affine *a)
{
    unsigned slot;
    int64_t c, reach;
    bool low = op->opc != OP_sext32;
    if (!narrow_sum(ir, op->arg[0], &slot, &c, &reach) ||
        (reach && (factor < 0 || factor * reach + a->reach > MAX_REACH)))
        return false;
    a->c += factor * c;
    a->reach += factor * reach;
    a->least = MIN(a->least, c);
    a->narrow |= !low;
    return add_term(a, slot, low, factor);
}

/* Add factor * v to *a; false: it is no such sum. */
static bool expand(const struct ir *ir, ir_val v, int64_t factor, unsigned depth, struct affine *a)
{
    uint64_t c;
    if (ir_is_const(ir, v, &c)) {
        a->c += factor * (int64_t)c;
        return ir_type_of(ir, v) == I64;
    }
    const struct ir_op *op = &ir->ops[v.id];
    if (op->type != I64 || depth == MAX_DEPTH || llabs(factor) > 1 << 12)
        return false;
    int64_t most = largest(ir, op);
    if (most <= MAX_REACH && factor > 0 && most * factor + a->reach <= MAX_REACH) {
        a->reach += most * factor;
        return true;
    }
    switch (op->opc) {
    case OP_get: return add_term(a, op->attr, false, factor);
    case OP_extract: return op->attr == 32 << 8 && expand_narrow(ir, op, factor, a);
    case OP_zext32:
    case OP_sext32: return expand_narrow(ir, op, factor, a);
    case OP_add:
        return expand(ir, op->arg[0], factor, depth + 1, a) &&
               expand(ir, op->arg[1], factor, depth + 1, a);
    case OP_sub:
        return expand(ir, op->arg[0], factor, depth + 1, a) &&
               expand(ir, op->arg[1], -factor, depth + 1, a);
    case OP_shl:
        return ir_is_const(ir, op->arg[1], &c) && c < 12 &&
               expand(ir, op->arg[0], factor * (INT64_C(1) << c), depth + 1, a);
    default: return false;
    }
}

static bool expand_address(const struct ir *ir, ir_val v, struct affine *a)
{
    *a = (struct affine){0};
    return expand(ir, v, 1, 0, a);
}

/* --- what the loop changes --- */
static void note_last_set(struct search *s, const struct ir_op *op)
{
    struct change *k = &s->change[op->attr];
    struct affine a;
    bool linear = s->ir->slots[op->attr].type == I64 && expand_address(s->ir, op->arg[0], &a) &&
                  a.n == 1 && a.t[0].slot == op->attr && !a.t[0].low && a.t[0].coef == 1 &&
                  !a.reach && llabs(a.c) <= MAX_STRIDE;
    k->linear = linear && (!k->any || k->linear);
    k->any = true;
    if (!linear)
        return;
    k->narrow |= a.narrow;
    k->step += a.c;
    k->bits |= (uint64_t)a.c;
    k->up |= a.c > 0;
    k->down |= a.c < 0;
}

/* Slots that a call may change are none of ours. */
static void note_call(struct search *s, const struct ir_op *op)
{
    struct ir_call_slots k = ir_op_call_slots(s->ir, op);
    for (unsigned i = 0; i < s->ir->nslots; i++)
        if (ir_slots_has(&k.writes, i))
            s->change[i] = (struct change){.any = true};
}

static void find_changes(struct search *s)
{
    for (unsigned i = 0; i < s->nblocks; i++) {
        const struct ir_block *b = &s->ir->blocks[s->blocks[i]];
        bool seen[IR_MAX_SLOTS] = {false};
        for (uint32_t n = b->end; n-- > b->first;) {
            const struct ir_op *op = &s->ir->ops[n];
            if (op->opc == OP_call)
                note_call(s, op);
            if (op->opc != OP_set || seen[op->attr])
                continue;
            seen[op->attr] = true;
            note_last_set(s, op);
        }
    }
}

/* The advance of the address per iteration; false: not known. */
static bool stride_of(const struct search *s, const struct affine *a, int64_t *stride)
{
    bool up = false, down = false;
    *stride = 0;
    for (unsigned i = 0; i < a->n; i++) {
        const struct change *k = &s->change[a->t[i].slot];
        if (k->any && !k->linear)
            return false;
        if (a->t[i].low && (k->down || a->t[i].coef < 0))
            return false; /* would end at zero */
        bool turned = a->t[i].coef < 0;
        up |= turned ? k->down : k->up;
        down |= turned ? k->up : k->down;
        *stride += a->t[i].coef * k->step;
    }
    /* With several blocks an iteration need not do all of its increments. */
    return (s->nblocks == 1 || !(up && down)) && llabs(*stride) <= MAX_STRIDE;
}

/* Whether the address stays aligned when it is, whichever increments an iteration does. */
static bool keeps_alignment(const struct search *s, const struct affine *a, unsigned align)
{
    for (unsigned i = 0; i < a->n; i++) {
        uint64_t bits = s->change[a->t[i].slot].bits;
        if ((uint64_t)a->t[i].coef * (bits & -bits) % align)
            return false;
    }
    return !a->reach;
}

/* --- streams --- */
static bool same_sum(const struct affine *a, const struct affine *b)
{
    if (a->n != b->n || a->c != b->c)
        return false;
    for (unsigned i = 0; i < a->n; i++) {
        bool found = false;
        for (unsigned j = 0; j < b->n; j++)
            found |= a->t[i].slot == b->t[j].slot && a->t[i].coef == b->t[j].coef &&
                     a->t[i].low == b->t[j].low;
        if (!found)
            return false;
    }
    return true;
}

/* Accesses of a stream that must be aligned, and others. */
static bool join_alignment(struct stream *s, const struct stream *key)
{
    if (s->align && key->align && (s->phase - key->phase) % MIN(s->align, key->align))
        return false;
    if (key->align > s->align) {
        s->align = key->align;
        s->phase = key->phase;
    }
    return true;
}

static unsigned join(struct streams *out, const struct stream *key)
{
    for (unsigned i = 0; i < out->n; i++) {
        struct stream *s = &out->s[i];
        int64_t lo = MIN(s->lo, key->lo), hi = MAX(s->hi, key->hi);
        if (s->memop != key->memop || !same_sum(&s->at, &key->at) ||
            hi - lo > MAX(MAX_SPAN, MAX(s->hi - s->lo, key->hi - key->lo)) ||
            !join_alignment(s, key))
            continue;
        s->lo = lo;
        s->hi = hi;
        return i;
    }
    if (out->n == LOOP_MAX_STREAMS)
        return NO_STREAM;
    out->s[out->n] = *key;
    return out->n++;
}

static bool add_range(struct streams *out, unsigned slot, bool low, int64_t from)
{
    for (unsigned i = 0; i < out->nranges; i++) {
        struct range *r = &out->ranges[i];
        if (r->slot == slot && r->low == low) {
            r->from = MAX(r->from, from);
            return true;
        }
    }
    if (out->nranges == LOOP_MAX_RANGES)
        return false;
    out->ranges[out->nranges++] = (struct range){slot, low, from};
    return true;
}

/* What must hold for 32-bit sums not to wrap. */
static bool add_ranges(struct search *s, const struct affine *a)
{
    for (unsigned i = 0; i < a->n; i++) {
        unsigned slot = a->t[i].slot;
        bool signed32 = !a->t[i].low && (a->narrow || s->change[slot].narrow);
        if (a->t[i].low && !add_range(s->out, slot, true, -a->least))
            return false;
        if (signed32 && !add_range(s->out, slot, false, 0))
            return false;
    }
    return true;
}

static unsigned stream_of(struct search *s, const struct ir_op *op, bool in_head)
{
    struct stream key = {.memop = (op->attr & MO_IDX) | (ir_opc_is_store(op->opc) ? MO_WRITE : 0)};
    if (!expand_address(s->ir, op->arg[0], &key.at) || !stride_of(s, &key.at, &key.stride) ||
        llabs(key.at.c) > 1 << 30)
        return NO_STREAM;
    key.align = op->attr & MO_ALIGN ? memop_alignment(op->attr) : 0;
    if (key.align && !keeps_alignment(s, &key.at, key.align))
        return NO_STREAM;
    if (!add_ranges(s, &key.at))
        return NO_STREAM;
    key.lo = key.at.n ? key.at.c : 0;
    if (key.at.n)
        key.at.c = 0;
    key.phase = key.align ? (unsigned)key.lo & (key.align - 1) : 0;
    key.hi = key.lo + key.at.reach + memop_bytes(op->attr);
    if (key.at.reach && key.stride)
        return NO_STREAM; /* such a span leaves its page too soon */
    key.at.reach = 0;
    if (!in_head && key.stride > 0)
        key.hi += key.stride;
    if (!in_head && key.stride < 0)
        key.lo += key.stride;
    return join(s->out, &key);
}

void streams_find(const struct ir *ir, const unsigned *blocks, unsigned n, struct streams *out)
{
    struct search *s = g_new0(struct search, 1);
    *s = (struct search){.ir = ir, .blocks = blocks, .nblocks = n, .out = out};
    out->n = out->naccess = out->nranges = 0;
    find_changes(s);
    for (unsigned i = 0; i < n; i++) {
        const struct ir_block *b = &ir->blocks[blocks[i]];
        for (uint32_t k = b->first; k < b->end; k++) {
            const struct ir_op *op = &ir->ops[k];
            if (!ir_opc_is_access(op->opc))
                continue;
            if (out->naccess < G_N_ELEMENTS(out->of))
                out->of[out->naccess] = stream_of(s, op, i == 0);
            out->naccess++;
        }
    }
    g_free(s);
}
