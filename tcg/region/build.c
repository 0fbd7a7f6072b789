/*
 * A region: a loop, with the loops inside it, as one unit of IR.
 *
 * The blocks of the loop are translated one by one; exits between them become branches, and the
 * back end keeps the slots that matter in registers (tcg/x86_64/region.c).
 *
 * Innermost loops whose accesses are streams (stream.c) exist twice.  Every turn counts down the
 * hidden slot `turns`; when it is zero the check block polls for requests, looks up the pages of
 * the streams and finds for how many turns all stay inside them: so long the fast copy runs, whose
 * stream accesses check nothing.  Where that fails, and for the first turns, since many loops are
 * short, the slow copy runs.
 *
 *                 +--> fast copy --turns left--> itself
 *     check ------+                 none: check
 *       ^         +--> slow copy --turns left--> itself
 *       +-------------------------- none: check          entry: turns = FIRST_TURNS, slow copy
 *
 * A region calls no C code that may fault: what it cannot do itself it leaves to the unit at that
 * instruction (TCG_EXIT_SIDE).  So no address that it looked up can become void while it runs:
 * everything that could make it so is done at safe points, outside.
 */
#include "tcg/region/region_priv.h"

#include <string.h>

enum {
    MAX_TURNS = 4096, /* bounds how long a request may wait */
    FIRST_TURNS = 8,
    FEW_TURNS = 3, /* not worth the fast copy */
    SLOT_TURNS = 0,
    FIRST_ADDEND = TCG_HIDDEN_FLAGS_KIND + 1,
    FIRST_SINGLE = 20, /* the rest holds singles */
    DIVIDE_SHIFT = 20,
    DEPTH_WEIGHT = 3, /* log2 of how often a loop is thought to turn */
    MAX_DEPTH = 5
};
enum copy { SLOW, FAST, COPIES };

struct former {
    const struct region_source *source;
    struct ir *ir;
    struct flow flow;
    unsigned hidden; /* first hidden slot */
    unsigned nslots; /* hidden slots in use: addends */
    unsigned nsingles;
    unsigned blk[FLOW_MAX_BLOCKS][COPIES];
    struct versions {
        bool wanted;
        unsigned check, pre, latch[COPIES];
        struct streams streams;
        bool chain; /* the fast copy is one block */
        struct presets presets;
    } loops[2 * FLOW_MAX_BLOCKS];
    bool wide;       /* something was met that works on 256 bits */
    const char *why; /* set: give up */
};

/* --- where a branch goes --- */
static int loop_of(const struct former *f, int b)
{
    return f->flow.blocks[b].loop;
}

/* The IR block that stands for `to` when it is reached from block `from` in this copy; or NO_BLOCK.
 */
static int destination(const struct former *f, int from, enum copy copy, uint64_t pc)
{
    int to = NO_BLOCK;
    const struct flow_block *b = &f->flow.blocks[from];
    for (unsigned k = 0; k < 2; k++)
        if (b->succ[k] != NO_BLOCK && f->flow.blocks[b->succ[k]].pc == pc)
            to = b->succ[k];
    if (to == NO_BLOCK)
        return NO_BLOCK;
    if (f->source->acyclic && f->flow.blocks[to].rpo <= b->rpo)
        return NO_BLOCK;
    int l = loop_of(f, to);
    if (l < 0 || !f->loops[l].wanted)
        return f->blk[to][SLOW];
    bool inside = loop_of(f, from) == l;
    if (f->flow.loops[l].head == to)
        return inside ? f->loops[l].latch[copy] : f->loops[l].pre;
    return f->blk[to][inside ? copy : SLOW];
}

/* --- blocks --- */
static void begin_block(struct former *f, unsigned blk, unsigned depth, unsigned divide)
{
    uint32_t weight = UINT32_C(1) << MIN(depth, MAX_DEPTH) * DEPTH_WEIGHT;
    f->ir->blocks[blk].weight = MAX(weight >> divide, 1);
    ir_block_begin(f->ir, blk);
}

static void make_branch(struct ir_op *op, unsigned blk)
{
    *op = (struct ir_op){.opc = OP_br, .attr = blk, .arg = {IR_NONE, IR_NONE, IR_NONE, IR_NONE}};
}

/* The exits at the end of the block that was translated last become branches where they can. */
static void connect(struct former *f, int b, enum copy copy)
{
    struct ir *ir = f->ir;
    struct ir_op *jump = &ir->ops[ir->nops - 1], *side = NULL;
    struct ir_block *block = &ir->blocks[ir->cur_block];
    if (jump->opc != OP_exit_jump) {
        f->why = "a block does not end as it did before";
        return;
    }
    for (uint32_t i = block->first; i + 1 < block->end; i++)
        if (ir->ops[i].opc == OP_exit_if)
            side = &ir->ops[i];
    int next = destination(f, b, copy, jump->imm);
    if (!side) {
        if (next != NO_BLOCK)
            make_branch(jump, next);
        return;
    }
    if (side + 1 != jump) {
        f->why = "a branch is not the end of its block";
        return;
    }
    int taken = destination(f, b, copy, side->imm);
    if (taken != NO_BLOCK && next != NO_BLOCK) {
        side->opc = OP_brcond;
        side->attr = taken;
        side->blk2 = next;
        side->imm = 0;
        ir->nops--;
        block->end--;
    } else if (next != NO_BLOCK) {
        make_branch(jump, next);
    } else if (taken != NO_BLOCK) {
        side->cc = ir_cc_invert(side->cc);
        side->imm = jump->imm;
        make_branch(jump, taken);
    }
}

/* What instructions do rarely, in blocks behind, before they have done anything else, is not for
 * regions. */
static void leave_for_the_rare(struct former *f, unsigned blk, uint32_t from, unsigned nblocks)
{
    struct ir *ir = f->ir;
    bool begun = true;
    if (!region_is_tail(ir, ir->blocks[blk].end))
        return;
    for (uint32_t i = from; i < ir->blocks[blk].end; i++) {
        struct ir_op *op = &ir->ops[i];
        begun = op->opc != OP_insn && (begun || region_has_effect(op));
        if (op->opc != OP_br_if)
            continue;
        if (begun || op->attr < nblocks)
            return;
        op->opc = OP_side_if;
        op->attr = 0;
    }
    ir_cut(ir, blk, nblocks);
}

/* Behind what the current IR block holds. */
static void translate_into_block(struct former *f, int b)
{
    const struct flow_block *block = &f->flow.blocks[b];
    unsigned before = f->ir->nops, blk = f->ir->cur_block, nblocks = f->ir->nblocks;
    f->source->translate(f->source->opaque, f->ir, block->pc, block->n);
    if (ir_full(f->ir))
        f->why = "too large";
    else if (f->ir->nops == before || !f->ir->ended)
        f->why = "code cannot be read";
    else if (f->ir->cur_block != blk && !f->source->acyclic)
        leave_for_the_rare(f, blk, before, nblocks);
    if (!f->why && f->ir->cur_block != blk)
        f->why = "an instruction of several blocks";
}

static void translate_block(struct former *f, int b, enum copy copy, unsigned divide)
{
    begin_block(f, f->blk[b][copy], f->flow.blocks[b].depth, divide);
    translate_into_block(f, b);
    if (!f->why)
        connect(f, b, copy);
}

/* --- loops in two copies --- */
/* Blocks of the loop in layout order. */
static unsigned loop_blocks(const struct former *f, unsigned l, int *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < f->flow.nrpo; i++)
        if (f->flow.blocks[f->flow.rpo[i]].loop == (int)l)
            out[n++] = f->flow.rpo[i];
    return n;
}

static bool find_streams(struct former *f, unsigned l)
{
    struct versions *k = &f->loops[l];
    int blocks[FLOW_MAX_BLOCKS];
    unsigned ids[FLOW_MAX_BLOCKS], n = loop_blocks(f, l, blocks);
    for (unsigned i = 0; i < n; i++)
        ids[i] = f->blk[blocks[i]][SLOW];
    streams_find(f->ir, ids, n, &k->streams);
    for (unsigned i = 0; i < k->streams.n; i++) {
        if (f->nslots == FIRST_SINGLE)
            return false;
        k->streams.s[i].slot = f->hidden + f->nslots++;
    }
    return k->streams.n && k->streams.naccess <= G_N_ELEMENTS(k->streams.of);
}

/* Loads and stores of the block that belong to a stream check nothing; *nth counts them. */
static void mark_streams(struct former *f, const struct streams *s, unsigned blk, unsigned *nth)
{
    const struct ir_block *b = &f->ir->blocks[blk];
    for (uint32_t i = b->first; i < b->end; i++) {
        struct ir_op *op = &f->ir->ops[i];
        if (!ir_opc_is_access(op->opc))
            continue;
        unsigned of = *nth < s->naccess ? s->of[*nth] : 0xff;
        ++*nth;
        if (of != 0xff)
            op->imm = s->s[of].slot + 1;
    }
}

/* Accesses that check nothing observe nothing, so more sets are overwritten unseen. */
static void drop_dead_sets(struct former *f, unsigned blk)
{
    const struct ir_block *b = &f->ir->blocks[blk];
    bool dead[IR_MAX_SLOTS] = {false};
    for (uint32_t i = b->end; i-- > b->first;) {
        struct ir_op *op = &f->ir->ops[i];
        if (region_observes(op))
            memset(dead, 0, sizeof(dead));
        else if (op->opc == OP_get)
            dead[op->attr] = false;
        else if (op->opc == OP_set && dead[op->attr])
            ir_op_drop(f->ir, op);
        else if (op->opc == OP_set)
            dead[op->attr] = true;
    }
}

static ir_val konst(struct former *f, int64_t c)
{
    return ir_const(f->ir, I64, c);
}

/* The end of a turn.  Requests are polled on the way to the check. */
static void end_turn(struct former *f, unsigned l, enum copy copy)
{
    struct ir *ir = f->ir;
    ir_val left = ir_sub(ir, ir_get(ir, f->hidden + SLOT_TURNS), konst(f, 1));
    ir_set(ir, f->hidden + SLOT_TURNS, left);
    ir_brcond(ir, left, konst(f, 0), IR_NE, f->blk[f->flow.loops[l].head][copy], f->loops[l].check);
    ir->ops[ir->nops - 1].imm = IR_NO_POLL;
}

static bool in_loop(const struct former *f, int b, unsigned l)
{
    return b != NO_BLOCK && loop_of(f, b) == (int)l;
}

/* Every block of the loop has one way on inside it, so they are a cycle: out gets them in order. */
static bool is_cycle(const struct former *f, unsigned l, const int *blocks, unsigned n)
{
    int b = f->flow.loops[l].head;
    for (unsigned i = 0; i < n; i++) {
        const int *s = f->flow.blocks[b].succ;
        bool a = in_loop(f, s[0], l), c = in_loop(f, s[1], l);
        if (blocks[i] != b || a == c)
            return false;
        b = s[!a];
    }
    return b == f->flow.loops[l].head;
}

/* The block just translated goes on with the next of the cycle in the same IR block. */
static void chain(struct former *f, int b, int next)
{
    struct ir *ir = f->ir;
    uint64_t pc = f->flow.blocks[next].pc;
    struct ir_op *jump = &ir->ops[ir->nops - 1], *side = jump - 1;
    bool has_side = f->flow.blocks[b].branches;
    if (jump->opc != OP_exit_jump || (has_side && side->opc != OP_exit_if)) {
        f->why = "a block does not end as it did before";
        return;
    }
    if (has_side && jump->imm != pc) {
        side->cc = ir_cc_invert(side->cc);
        uint64_t other = side->imm;
        side->imm = jump->imm;
        jump->imm = other;
    }
    if (jump->imm != pc) {
        f->why = "a branch leads elsewhere";
        return;
    }
    ir_reopen(ir);
    int blk = has_side ? destination(f, b, FAST, side->imm) : NO_BLOCK;
    if (blk == NO_BLOCK)
        return;
    side->opc = OP_br_if;
    side->attr = blk;
    side->imm = 0;
}

/* One IR block for all of the loop. */
static void translate_chain(struct former *f, unsigned l, const int *blocks, unsigned n)
{
    struct versions *k = &f->loops[l];
    unsigned blk = f->blk[blocks[0]][FAST], nth = 0;
    begin_block(f, blk, f->flow.blocks[blocks[0]].depth, 0);
    for (unsigned i = 0; i < n && !f->why; i++) {
        translate_into_block(f, blocks[i]);
        if (!f->why)
            chain(f, blocks[i], blocks[(i + 1) % n]);
    }
    if (f->why)
        return;
    mark_streams(f, &k->streams, blk, &nth);
    if (nth != k->streams.naccess)
        f->why = "two translations differ";
    ir_remove_dead(f->ir); /* gets that nobody wants see nothing */
    drop_dead_sets(f, blk);
    k->presets.single = f->hidden + f->nsingles;
    k->presets.last_single = f->hidden + TCG_HIDDEN_SLOTS - 1;
    fast_improve(f->ir, blk, &k->presets);
    f->nsingles = k->presets.single - f->hidden;
    end_turn(f, l, FAST);
}

static void translate_fast(struct former *f, unsigned l)
{
    struct versions *k = &f->loops[l];
    int blocks[FLOW_MAX_BLOCKS];
    unsigned n = loop_blocks(f, l, blocks), nth = 0;
    k->chain = is_cycle(f, l, blocks, n);
    if (k->chain) {
        translate_chain(f, l, blocks, n);
        return;
    }
    for (unsigned i = 0; i < n && !f->why; i++) {
        translate_block(f, blocks[i], FAST, 0);
        mark_streams(f, &k->streams, f->blk[blocks[i]][FAST], &nth);
        drop_dead_sets(f, f->blk[blocks[i]][FAST]);
    }
    if (nth != k->streams.naccess)
        f->why = "two translations differ";
}

static ir_val affine_value(struct former *f, const struct affine *a, int64_t offset)
{
    ir_val sum = konst(f, a->c + offset);
    for (unsigned i = 0; i < a->n; i++) {
        ir_val term = ir_get(f->ir, a->t[i].slot);
        if (a->t[i].low)
            term = ir_extract(f->ir, term, 32 << 8);
        if (a->t[i].coef != 1)
            term = ir_mul(f->ir, term, konst(f, a->t[i].coef));
        sum = ir_add(f->ir, term, sum);
    }
    return sum;
}

/*
 * For how many turns the stream stays in its page: 0 if it does not even begin in one that the TLB
 * knows.  Division by the stride is a multiplication that never gives too much.
 */
static ir_val stream_turns(struct former *f, const struct stream *s)
{
    struct ir *ir = f->ir;
    ir_val at = affine_value(f, &s->at, s->lo), zero = konst(f, 0);
    ir_val addend = ir_tlb_add(ir, at, s->memop);
    ir_set(ir, s->slot, addend);
    ir_val off = ir_and(ir, at, konst(f, PAGE_BYTES - 1));
    ir_val room = ir_sub(ir, konst(f, PAGE_BYTES - (s->hi - s->lo)), off), way = room;
    if (s->stride < 0)
        way = off;
    ir_val turns = konst(f, MAX_TURNS);
    if (s->stride) {
        int64_t factor = (1 << DIVIDE_SHIFT) / llabs(s->stride);
        turns = ir_shr(ir, ir_mul(ir, way, konst(f, factor)), konst(f, DIVIDE_SHIFT));
        turns = ir_add(ir, turns, konst(f, 1));
    }
    turns = ir_select(ir, room, zero, zero, turns, IR_LT);
    if (s->align) {
        ir_val first = ir_add(ir, at, konst(f, (int64_t)s->phase - s->lo));
        turns = ir_select(ir, ir_and(ir, first, konst(f, s->align - 1)), zero, turns, zero, IR_EQ);
    }
    return ir_select(ir, addend, zero, zero, turns, IR_EQ);
}

/* No turns if the slot is out of range. */
static ir_val in_range(struct former *f, const struct range *r, ir_val turns)
{
    struct ir *ir = f->ir;
    ir_val x = ir_get(ir, r->slot), zero = konst(f, 0);
    int64_t from = r->low ? r->from : -(INT64_C(1) << 30);
    if (r->low)
        x = ir_extract(ir, x, 32 << 8);
    x = ir_sub(ir, x, konst(f, from));
    return ir_select(ir, x, konst(f, INT64_C(0x7fffffff)), turns, zero, IR_LTU);
}

static void build_check(struct former *f, unsigned l)
{
    struct versions *k = &f->loops[l];
    struct ir *ir = f->ir;
    const struct flow_block *head = &f->flow.blocks[f->flow.loops[l].head];
    begin_block(f, k->check, head->depth - 1, 0);
    ir_insn(ir, head->pc, 0);
    ir_val turns = konst(f, MAX_TURNS);
    for (unsigned i = 0; i < k->streams.n; i++) {
        ir_val n = stream_turns(f, &k->streams.s[i]);
        turns = ir_select(ir, n, turns, n, turns, IR_LT);
    }
    for (unsigned i = 0; i < k->streams.nranges; i++)
        turns = in_range(f, &k->streams.ranges[i], turns);
    for (unsigned i = 0; i < k->presets.n; i++)
        ir_set(ir, k->presets.p[i].hidden, ir_unbox32(ir, ir_get(ir, k->presets.p[i].slot)));
    ir_val few = konst(f, FEW_TURNS), first = konst(f, FIRST_TURNS);
    ir_set(ir, f->hidden + SLOT_TURNS, ir_select(ir, turns, few, first, turns, IR_LE));
    ir_brcond(ir, turns, few, IR_LE, f->blk[f->flow.loops[l].head][SLOW],
              f->blk[f->flow.loops[l].head][FAST]);
}

static void build_pre(struct former *f, unsigned l)
{
    const struct flow_block *head = &f->flow.blocks[f->flow.loops[l].head];
    begin_block(f, f->loops[l].pre, head->depth - 1, 0);
    ir_insn(f->ir, head->pc, 0); /* the loop around may come back to here: a place to poll */
    ir_set(f->ir, f->hidden + SLOT_TURNS, konst(f, FIRST_TURNS));
    ir_br(f->ir, f->blk[f->flow.loops[l].head][SLOW]);
}

static void build_latch(struct former *f, unsigned l, enum copy copy)
{
    const struct flow_block *head = &f->flow.blocks[f->flow.loops[l].head];
    begin_block(f, f->loops[l].latch[copy], head->depth, copy == SLOW ? DEPTH_WEIGHT - 1 : 0);
    end_turn(f, l, copy);
}

/* The slow copy first: it shows whether there are streams. */
static void translate_loop(struct former *f, unsigned l)
{
    struct versions *k = &f->loops[l];
    int blocks[FLOW_MAX_BLOCKS];
    unsigned n = loop_blocks(f, l, blocks);
    for (unsigned i = 0; i < n && !f->why; i++)
        translate_block(f, blocks[i], SLOW, k->wanted ? DEPTH_WEIGHT - 1 : 0);
    if (f->why || !k->wanted)
        return;
    if (!find_streams(f, l))
        k->streams.n = 0;
    build_pre(f, l);
    build_latch(f, l, SLOW);
    if (k->streams.n) {
        translate_fast(f, l);
        if (!k->chain && !f->why)
            build_latch(f, l, FAST);
    } else {
        begin_block(f, f->blk[f->flow.loops[l].head][FAST], 0, 0);
        ir_br(f->ir, f->blk[f->flow.loops[l].head][SLOW]);
    }
    if (!f->why)
        build_check(f, l);
}

/* --- layout --- */
struct layout {
    unsigned *order, n;
};

static void place(struct layout *at, unsigned blk)
{
    at->order[at->n++] = blk;
}

static void place_loop(struct former *f, struct layout *at, unsigned l)
{
    const struct versions *k = &f->loops[l];
    int blocks[FLOW_MAX_BLOCKS];
    unsigned n = loop_blocks(f, l, blocks);
    place(at, k->check);
    for (unsigned i = 0; i < n && k->streams.n && !k->chain; i++)
        place(at, f->blk[blocks[i]][FAST]);
    place(at, k->streams.n && !k->chain ? k->latch[FAST] : f->blk[f->flow.loops[l].head][FAST]);
    place(at, k->pre);
    for (unsigned i = 0; i < n; i++)
        place(at, f->blk[blocks[i]][SLOW]);
    place(at, k->latch[SLOW]);
}

static void lay_out(struct former *f)
{
    struct layout at = {f->ir->order, 1}; /* the entry stays first */
    uint64_t done = 0;
    for (unsigned i = 0; i < f->flow.nrpo; i++) {
        unsigned b = f->flow.rpo[i];
        int l = f->flow.blocks[b].loop;
        if (l < 0 || !f->loops[l].wanted)
            place(&at, f->blk[b][SLOW]);
        else if (!(done >> l & 1))
            place_loop(f, &at, l);
        if (l >= 0)
            done |= UINT64_C(1) << l;
    }
    g_assert(at.n == f->ir->norder);
}

/* --- all of it --- */
static void new_blocks(struct former *f)
{
    for (unsigned i = 0; i < f->flow.nrpo; i++)
        for (enum copy c = SLOW; c < COPIES; c++)
            f->blk[f->flow.rpo[i]][c] = ir_block_new(f->ir);
    for (unsigned l = 0; l < f->flow.nloops; l++) {
        f->loops[l].wanted =
            !f->source->acyclic && f->flow.loops[l].innermost && f->flow.loops[l].clean;
        f->loops[l].check = ir_block_new(f->ir);
        f->loops[l].pre = ir_block_new(f->ir);
        for (enum copy c = SLOW; c < COPIES; c++)
            f->loops[l].latch[c] = ir_block_new(f->ir);
    }
}

static bool build(struct former *f)
{
    if (f->flow.nrpo * COPIES + f->flow.nloops * 4 + 1 > IR_MAX_BLOCKS)
        return false;
    ir_begin(f->ir);
    new_blocks(f);
    int l = loop_of(f, 0);
    bool versions = l >= 0 && f->loops[l].wanted && f->flow.loops[l].head == 0;
    ir_insn(f->ir, f->flow.blocks[0].pc, 0);
    ir_br(f->ir, versions ? f->loops[l].pre : f->blk[0][SLOW]);
    uint64_t done = 0;
    for (unsigned i = 0; i < f->flow.nrpo && !f->why; i++) {
        int b = f->flow.rpo[i], loop = loop_of(f, b);
        if (loop < 0)
            translate_block(f, b, SLOW, 0);
        else if (!(done >> loop & 1))
            translate_loop(f, loop);
        if (loop >= 0)
            done |= UINT64_C(1) << loop;
    }
    if (!f->why)
        lay_out(f);
    if (!f->why)
        dead_sets_drop(f->ir);
    if (!f->why)
        flags_make_lazy(f->ir);
    return !f->why;
}

/* --- vectors of 256 bits --- */
/* Whether something is done on 256 bits at once; slots and their halves alone do not count. */
static bool works_on_256(const struct ir *ir, const struct ir_op *op)
{
    switch (op->opc) {
    case OP_get:
    case OP_set:
    case OP_vlo128:
    case OP_vhi128:
    case OP_vjoin:
    case OP_vjoinlo: return false;
    default: break;
    }
    return op->type == V256 || (ir_desc(op)->nargs && ir_val_type(ir, op->arg[0]) == V256);
}

/* The x87's stubs keep none. */
bool region_is_worth_wide(const struct ir *ir)
{
    bool found = false;
    for (uint32_t i = 0; i < ir->nops; i++) {
        found |= works_on_256(ir, &ir->ops[i]);
        if (ir_opc_is_x87(ir->ops[i].opc))
            return false;
    }
    return found;
}

static bool explore(struct former *f, struct ir *scratch, uint64_t head)
{
    g_autoptr(GArray) work = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    g_array_append_val(work, head);
    while (work->len) {
        uint64_t pc = g_array_index(work, uint64_t, work->len - 1);
        g_array_set_size(work, work->len - 1);
        if ((pc ^ head) & PAGE_MASK || (pc & ~PAGE_MASK) == PAGE_BYTES - 2 ||
            flow_insn_at(&f->flow, pc))
            continue;
        ir_begin(scratch);
        f->source->translate(f->source->opaque, scratch, pc, FLOW_BLOCK_INSNS);
        f->wide |= region_is_worth_wide(scratch);
        if (!flow_add_unit(&f->flow, scratch, work))
            return false;
    }
    return flow_form(&f->flow, head);
}

struct ir *region_ir_new(const struct ir_slot *slots, unsigned nslots, struct ir_slot *all)
{
    memcpy(all, slots, nslots * sizeof(*slots));
    for (unsigned i = 0; i < TCG_HIDDEN_SLOTS; i++)
        all[nslots + i] = (struct ir_slot){
            .name = i == SLOT_TURNS    ? "turns"
                    : i < FIRST_ADDEND ? "flags"
                    : i < FIRST_SINGLE ? "addend"
                                       : "single",
            .type = i < FIRST_SINGLE ? I64 : F32,
            .off = TCG_ENV_OFF(hidden) + (int32_t)i * 8,
        };
    return ir_new(all, nslots + TCG_HIDDEN_SLOTS);
}

/* Wide if that is of use, which is known when it is there. */
static bool build_either(struct former *f)
{
    if (ir_is_wide(f->ir)) {
        if (build(f) && region_is_worth_wide(f->ir))
            return true;
        f->why = NULL;
        f->nslots = FIRST_ADDEND;
        f->nsingles = FIRST_SINGLE;
        memset(f->loops, 0, sizeof(f->loops));
        ir_set_wide(f->ir, false);
    }
    return build(f);
}

bool region_build(struct ir *ir, struct ir *scratch, const struct region_source *source,
                  uint64_t head)
{
    g_autofree struct former *f = g_new0(struct former, 1);
    f->source = source;
    f->ir = ir;
    f->hidden = ir->nslots - TCG_HIDDEN_SLOTS;
    f->nslots = FIRST_ADDEND;
    f->nsingles = FIRST_SINGLE;
    ir_set_wide(scratch, source->may_be_wide);
    bool found = explore(f, scratch, head);
    ir_set_wide(scratch, false);
    ir_set_wide(ir, f->wide);
    if (!found)
        return false;
    source->chosen(source->opaque);
    return build_either(f);
}
