/*
 * Control flow around a hot loop head, read off the exits of translated units.
 *
 * Every instruction that is reached from the head inside its page is noted with where it goes.  The
 * region is what the head reaches and what reaches the head again; all else is a way out.
 */
#include "tcg/region/region_priv.h"

struct flow_insn *flow_insn_at(struct flow *f, uint64_t pc)
{
    for (unsigned i = 0; i < f->ninsns; i++)
        if (f->insns[i].pc == pc)
            return &f->insns[i];
    return NULL;
}

/* --- instructions --- */
bool region_has_effect(const struct ir_op *op)
{
    uint32_t flags = ir_desc(op)->flags;
    switch (op->opc) {
    case OP_nop:
    case OP_insn:
    case OP_get:
    case OP_env_ld:
    case OP_ld:
    case OP_br_if: return false;
    default: return !(flags & IR_OP_PURE) || (flags & IR_OP_FP);
    }
}

/* What a region cannot hold: calls that do more than change slots, ways out to computed places,
 * blocks inside an instruction. */
static bool is_foreign(const struct ir_op *op)
{
    uint32_t flags = ir_desc(op)->flags;
    if (op->opc == OP_exit_jump)
        return op->attr != IR_HINT_NONE;
    return op->opc == OP_call ? !ir_call_is_tame(op) : (flags & IR_OP_END);
}

/*
 * Index of the op after the instruction that begins at i; what the instruction does goes to *insn.
 * A branch to another block before it has done anything is to what is rare, faults mostly: there
 * regions leave (build.c).
 */
static uint32_t read_insn(const struct ir *ir, uint32_t i, uint32_t end, struct flow_insn *insn)
{
    bool begun = false;
    *insn = (struct flow_insn){.pc = ir->ops[i].imm};
    for (i++; i < end && (ir->ops[i].opc != OP_insn || ir->ops[i].imm == insn->pc); i++) {
        const struct ir_op *op = &ir->ops[i];
        insn->stop |= op->opc == OP_br_if && begun;
        begun |= region_has_effect(op);
        if (op->opc == OP_exit_jump && !is_foreign(op)) {
            insn->next = op->imm;
        } else if (op->opc == OP_exit_if && !insn->branch) {
            insn->branch = true;
            insn->target = op->imm;
        } else if (is_foreign(op) || (insn->branch && op->opc != OP_nop)) {
            insn->stop = true;
        }
    }
    if (i < end)
        insn->next = ir->ops[i].imm;
    /* The last two bytes of a page may be half an instruction. */
    insn->stop |= (insn->pc & ~PAGE_MASK) == PAGE_BYTES - 2;
    return i;
}

bool region_is_tail(const struct ir *ir, uint32_t from)
{
    for (uint32_t i = from; i < ir->nops; i++)
        if (ir->ops[i].opc == OP_insn)
            return false;
    return true;
}

bool flow_add_unit(struct flow *f, const struct ir *ir, GArray *work)
{
    uint32_t i = 0, end = ir->blocks[0].end;
    if (!region_is_tail(ir, end))
        end = ir->nops;
    while (i < end && ir->ops[i].opc != OP_insn)
        i++;
    while (i < end) {
        struct flow_insn insn;
        i = read_insn(ir, i, end, &insn);
        if (flow_insn_at(f, insn.pc))
            return true;
        if (f->ninsns == FLOW_MAX_INSNS)
            return false;
        f->insns[f->ninsns++] = insn;
        if (insn.stop)
            return true;
        if (insn.branch)
            g_array_append_val(work, insn.target);
        if (i >= end)
            g_array_append_val(work, insn.next);
    }
    return true;
}

/* --- blocks --- */
static void mark_leaders(struct flow *f)
{
    for (unsigned i = 0; i < f->ninsns; i++) {
        const struct flow_insn *from = &f->insns[i];
        unsigned ways = 0;
        for (unsigned j = 0; j < f->ninsns; j++)
            ways += !f->insns[j].stop && f->insns[j].next == from->pc;
        struct flow_insn *to = from->stop ? NULL : flow_insn_at(f, from->target);
        struct flow_insn *next = from->stop ? NULL : flow_insn_at(f, from->next);
        if (from->branch && to)
            to->leader = true;
        if (from->branch && next)
            next->leader = true;
        if (ways != 1)
            f->insns[i].leader = true;
    }
}

static int block_at(const struct flow *f, uint64_t pc)
{
    for (unsigned i = 0; i < f->nblocks; i++)
        if (f->blocks[i].pc == pc)
            return i;
    return NO_BLOCK;
}

/* The block that begins at insn; false: no room. */
static bool add_block(struct flow *f, struct flow_insn *insn)
{
    if (f->nblocks == FLOW_MAX_BLOCKS)
        return false;
    struct flow_block *b = &f->blocks[f->nblocks++];
    *b = (struct flow_block){.pc = insn->pc, .loop = -1, .succ = {NO_BLOCK, NO_BLOCK}};
    for (;;) {
        b->n++;
        b->last = insn->pc;
        struct flow_insn *next = insn->branch ? NULL : flow_insn_at(f, insn->next);
        if (!next || next->leader || next->stop || b->n == FLOW_BLOCK_INSNS)
            break;
        insn = next;
    }
    /* Cut short: the rest is a block of its own. */
    struct flow_insn *rest = insn->branch ? NULL : flow_insn_at(f, insn->next);
    if (rest && !rest->stop)
        rest->leader = true;
    return true;
}

static void link_blocks(struct flow *f)
{
    for (unsigned i = 0; i < f->nblocks; i++) {
        const struct flow_insn *last = flow_insn_at(f, f->blocks[i].last);
        f->blocks[i].branches = last->branch;
        f->blocks[i].succ[0] = block_at(f, last->next);
        f->blocks[i].succ[1] = last->branch ? block_at(f, last->target) : NO_BLOCK;
    }
}

static bool make_blocks(struct flow *f, uint64_t head)
{
    struct flow_insn *first = flow_insn_at(f, head);
    if (!first || first->stop)
        return false;
    mark_leaders(f);
    first->leader = true;
    if (!add_block(f, first))
        return false;
    for (bool again = true; again;) {
        again = false;
        for (unsigned i = 0; i < f->ninsns; i++) {
            struct flow_insn *insn = &f->insns[i];
            if (!insn->leader || insn->stop || block_at(f, insn->pc) != NO_BLOCK)
                continue;
            if (!add_block(f, insn))
                return false;
            again = true;
        }
    }
    link_blocks(f);
    return true;
}

/* --- loops --- */
/* Bits of the blocks that reach one of `to` without leaving `inside` or passing `stop`. */
static uint64_t reaching(const struct flow *f, uint64_t to, uint64_t inside, int stop)
{
    for (uint64_t before = 0; before != to;) {
        before = to;
        for (unsigned i = 0; i < f->nblocks; i++)
            for (unsigned k = 0; k < 2; k++) {
                int s = f->blocks[i].succ[k];
                if (s != NO_BLOCK && s != stop && (to >> s & 1) && (inside >> i & 1))
                    to |= UINT64_C(1) << i;
            }
    }
    return to;
}

struct dfs {
    struct flow *f;
    uint64_t seen, open, back[FLOW_MAX_BLOCKS]; /* back: blocks that jump back to this one */
    unsigned post[FLOW_MAX_BLOCKS], npost;
};

static void visit(struct dfs *d, int b)
{
    d->seen |= UINT64_C(1) << b;
    d->open |= UINT64_C(1) << b;
    /* The branch's target first: what it falls through to is then laid out next to it. */
    for (unsigned k = 2; k-- > 0;) {
        int s = d->f->blocks[b].succ[k];
        if (s == NO_BLOCK)
            continue;
        if (d->open >> s & 1)
            d->back[s] |= UINT64_C(1) << b;
        else if (!(d->seen >> s & 1))
            visit(d, s);
    }
    d->open &= ~(UINT64_C(1) << b);
    d->post[d->npost++] = b;
}

/* The region itself is entered at the first block. */
static bool entered_elsewhere(const struct flow *f, const struct flow_loop *l)
{
    if ((l->body & 1) && l->head)
        return true;
    for (unsigned i = 0; i < f->nblocks; i++)
        for (unsigned k = 0; k < 2; k++) {
            int s = f->blocks[i].succ[k];
            if (s != NO_BLOCK && s != l->head && (l->body >> s & 1) && !(l->body >> i & 1))
                return true;
        }
    return false;
}

static void add_loop(struct flow *f, int head, uint64_t body)
{
    struct flow_loop *l = &f->loops[f->nloops++];
    *l = (struct flow_loop){.head = head, .innermost = true, .body = body};
    l->clean = !entered_elsewhere(f, l);
}

static bool within(uint64_t inner, uint64_t outer)
{
    return !(inner & ~outer) && inner != outer;
}

/*
 * The loops of a head, given the blocks that jump back to it.  If the smallest of their bodies lies
 * inside all others, it is taken as a loop in a loop with the same head: which it often is, seen
 * from the head of the inner one.
 */
static void add_loops(struct flow *f, int head, uint64_t back, uint64_t all)
{
    uint64_t whole = reaching(f, back, all, head) | UINT64_C(1) << head, least = whole;
    for (uint64_t m = back; m; m &= m - 1) {
        uint64_t body = reaching(f, m & -m, all, head) | UINT64_C(1) << head;
        if (within(body, least))
            least = body;
    }
    bool nested = least != whole;
    for (uint64_t m = back; m; m &= m - 1) {
        uint64_t body = reaching(f, m & -m, all, head) | UINT64_C(1) << head;
        nested &= body == least || within(least, body);
    }
    if (nested)
        add_loop(f, head, least);
    add_loop(f, head, whole);
}

static void nest_loops(struct flow *f)
{
    for (unsigned i = 0; i < f->nloops; i++)
        for (unsigned j = 0; j < f->nloops; j++)
            if (within(f->loops[j].body, f->loops[i].body))
                f->loops[i].innermost = false;
    for (unsigned b = 0; b < f->nblocks; b++)
        for (unsigned i = 0; i < f->nloops; i++)
            if (f->loops[i].body >> b & 1) {
                f->blocks[b].depth++;
                if (f->loops[i].innermost)
                    f->blocks[b].loop = i;
            }
    /* Loops that overlap without one being inside the other are left as they are. */
    for (unsigned i = 0; i < f->nloops; i++)
        for (unsigned b = 0; b < f->nblocks; b++)
            if (f->loops[i].innermost && (f->loops[i].body >> b & 1) && f->blocks[b].loop != (int)i)
                f->loops[i].clean = false;
}

bool flow_form(struct flow *f, uint64_t head)
{
    if (!make_blocks(f, head))
        return false;
    uint64_t region = reaching(f, 1, UINT64_MAX, NO_BLOCK);
    bool loops = false;
    for (unsigned i = 0; i < f->nblocks; i++) {
        struct flow_block *b = &f->blocks[i];
        b->in_region = region >> i & 1;
        for (unsigned k = 0; k < 2; k++)
            if (b->succ[k] != NO_BLOCK && !(b->in_region && region >> b->succ[k] & 1))
                b->succ[k] = NO_BLOCK;
        loops |= b->succ[0] == 0 || b->succ[1] == 0;
    }
    if (!loops)
        return false;
    struct dfs d = {.f = f};
    visit(&d, 0);
    f->nrpo = d.npost;
    for (unsigned i = 0; i < d.npost; i++) {
        f->rpo[i] = d.post[d.npost - 1 - i];
        f->blocks[f->rpo[i]].rpo = i;
        f->blocks[f->rpo[i]].in_region = true;
    }
    for (unsigned i = 0; i < f->nblocks; i++)
        if (d.back[i])
            add_loops(f, i, d.back[i], d.seen);
    nest_loops(f);
    return true;
}
