/*
 * Control: branches inside the unit, exits, polls of the request word, the dispatch cache and the
 * return ring.
 *
 * A direct exit inside the page is one patchable jump with an aligned displacement; it leads to a
 * stub until it is chained. To another page, and to computed addresses, the way goes through the
 * dispatch cache, whose tags know the address space.
 *
 * Whoever jumps by the dispatch cache or the return ring leaves the tag that matched in RAX: it is
 * pc ^ salt, from which a relative unit learns the page that it runs at.
 */
#include "tcg/x86_64/gen_priv.h"

static struct opnd env_opnd(int32_t off)
{
    return opnd_mem(RBP, off);
}

static struct opnd pc_opnd(const struct gen *g)
{
    return env_opnd(g->rt->pc_off);
}

/* Whether control goes back, so that a loop may run through this edge: every loop has one. */
static bool is_backward(const struct gen *g, uint64_t pc)
{
    return g->mark == NO_VAL || pc <= g->ir->ops[g->mark].imm;
}

static bool in_page(const struct gen *g, uint64_t pc)
{
    return (pc ^ g->o->page) >> TCG_PAGE_BITS == 0;
}

/* --- polling --- */
static uint8_t *poll(struct gen *g)
{
    x86_alu(&g->c, false, ALU_CMP, env_opnd(g->rt->layout.request_off), opnd_imm(0));
    return x86_jcc(&g->c, CC_NE);
}

/* A pc of this unit into r. */
static void mov_pc(struct gen *g, unsigned r, uint64_t pc)
{
    if (!g->o->relative) {
        x86_mov_imm(&g->c, r, pc);
        return;
    }
    x86_mov_imm(&g->c, r, pc - g->o->page);
    x86_alu(&g->c, true, ALU_ADD, opnd_reg(r), env_opnd(TCG_ENV_OFF(page)));
}

/* All values are dead on this way. */
static void leave_at(struct gen *g, uint64_t pc, const uint8_t *stub)
{
    if (!g->o->relative && (int64_t)pc == (int32_t)pc) {
        x86_store_imm(&g->c, 3, pc_opnd(g), (int32_t)pc);
    } else {
        mov_pc(g, RAX, pc);
        x86_store(&g->c, 3, pc_opnd(g), RAX);
    }
    x86_jmp_to(&g->c, stub);
}

void leave_side(struct gen *g, const struct cold *k)
{
    uint64_t pc = g->ir->ops[k->mark].imm;
    late_flush_copy(g, k);
    region_leave(g);
    mov_pc(g, RAX, pc);
    x86_store(&g->c, 3, pc_opnd(g), RAX);
    x86_call_to(&g->c, g->rt->leave_side);
}

/* A request is pending: leave if the condition (if there is one) says that this edge is taken. */
static void cold_request(struct gen *g, const struct cold *k)
{
    if (k->has_cmp) {
        struct cmp cmp = {.a = k->a, .b = k->b, .w = k->wide, .is_test = k->is_test, .cc = k->cc};
        cmp_emit(g, &cmp);
        x86_link(x86_jcc(&g->c, cc_invert(k->cc)), k->back);
    }
    late_flush_copy(g, k);
    region_leave(g);
    leave_at(g, k->pc, g->rt->leave_request);
}

/* The same behind region_leave(). */
static void cold_left(struct gen *g, const struct cold *k)
{
    leave_at(g, k->pc, g->rt->leave_request);
}

static struct cold *poll_to(struct gen *g, uint64_t pc)
{
    struct cold *k = cold_new(g, cold_request, poll(g));
    k->pc = pc;
    return k;
}

static void poll_if(struct gen *g, const struct cmp *cmp, uint64_t pc)
{
    struct cold *k = poll_to(g, pc);
    k->has_cmp = true;
    k->a = cmp->a;
    k->b = cmp->b;
    k->wide = cmp->w;
    k->is_test = cmp->is_test;
    k->cc = cmp->cc;
    k->back = g->c.p;
}

static const struct ir_op *first_insn(const struct gen *g)
{
    uint32_t i = 0;
    while (i < g->ir->nops && g->ir->ops[i].opc != OP_insn)
        i++;
    return i < g->ir->nops ? &g->ir->ops[i] : NULL;
}

void emit_entry_poll(struct gen *g)
{
    const struct ir_op *insn = first_insn(g);
    if (insn)
        poll_to(g, insn->imm);
}

/* --- the page of a relative unit --- */
/* RAX is the tag of pc, whose place in the unit is known: note where the unit's page is. */
static void learn_page(struct gen *g, uint64_t pc)
{
    x86_alu(&g->c, true, ALU_XOR, opnd_reg(RAX), env_opnd(TCG_ENV_OFF(salt)));
    if (pc != g->o->page)
        x86_alu(&g->c, true, ALU_SUB, opnd_reg(RAX), opnd_imm(pc - g->o->page));
    x86_store(&g->c, 3, env_opnd(TCG_ENV_OFF(page)), RAX);
}

void emit_arrival(struct gen *g)
{
    const struct ir_op *insn = first_insn(g);
    if (insn)
        learn_page(g, insn->imm);
}

/* --- direct exits --- */
static unsigned exit_new(struct gen *g, uint64_t pc)
{
    if (g->nexits == MAX_EXITS) {
        g->why = "too many exits";
        g->nexits--;
    }
    g->exits[g->nexits] =
        (struct exit_site){.pc = pc, .same_page = in_page(g, pc) && !g->o->nochain};
    return g->nexits++;
}

static void report_exit(struct gen *g, unsigned exit)
{
    g->exits[exit].site_off = g->c.p - g->rw;
    x86_call_to(&g->c, g->rt->leave_direct);
}

/* probe_pc() has left pc ^ salt in RAX. */
static void cold_pc_miss(struct gen *g, const struct cold *k)
{
    g->exits[k->exit].stub_off = g->c.p - g->rw;
    x86_jmp_to(&g->c, g->rt->leave_tag);
}

/*
 * An exit inside the page that is not chained, or never will be: its target's last instruction may
 * reach into the next page, and only the dispatch cache knows about that one.
 */
static void cold_unchained(struct gen *g, const struct cold *k)
{
    struct exit_site *x = &g->exits[k->exit];
    x->stub_off = g->c.p - g->rw;
    mov_pc(g, RAX, x->pc);
    x->site_off = g->c.p - g->rw;
    x86_call_to(&g->c, g->rt->probe_direct);
}

/* The dispatch cache with the pc in RAX, which becomes the tag; t is clobbered.  Jumps to the field
 * it returns on a miss. */
static uint8_t *probe_rax(struct gen *g, unsigned t)
{
    struct x86_code *c = &g->c;
    enum { MASK = ((1 << TCG_DISPATCH_BITS) - 1) * sizeof(struct tcg_dispatch) };
    _Static_assert(sizeof(struct tcg_dispatch) == 16, "index: pc / 2 * 16 = pc * 8");
    x86_lea(c, false, t, opnd_sib(NO_REG, RAX, 3, 0));
    x86_alu(c, false, ALU_AND, opnd_reg(t), opnd_imm(MASK));
    x86_alu(c, true, ALU_XOR, opnd_reg(RAX), env_opnd(TCG_ENV_OFF(salt)));
    x86_alu(c, true, ALU_CMP, opnd_reg(RAX), opnd_sib(RBP, t, 0, TCG_ENV_OFF(dispatch)));
    uint8_t *miss = x86_jcc(c, CC_NE);
    x86_jmp_ind(c, opnd_sib(RBP, t, 0,
                            TCG_ENV_OFF(dispatch) + (int32_t)offsetof(struct tcg_dispatch, code)));
    return miss;
}

/* The same for a pc of this unit; RCX is clobbered by relative ones. */
static uint8_t *probe_pc(struct gen *g, uint64_t pc)
{
    struct x86_code *c = &g->c;
    mov_pc(g, RAX, pc);
    if (g->o->relative)
        return probe_rax(g, RCX);
    int32_t entry = TCG_ENV_OFF(dispatch) + (int32_t)((pc >> 1 & ((1 << TCG_DISPATCH_BITS) - 1)) *
                                                      sizeof(struct tcg_dispatch));
    x86_alu(c, true, ALU_XOR, opnd_reg(RAX), env_opnd(TCG_ENV_OFF(salt)));
    x86_alu(c, true, ALU_CMP, opnd_reg(RAX), env_opnd(entry));
    uint8_t *miss = x86_jcc(c, CC_NE);
    x86_jmp_ind(c, env_opnd(entry + (int32_t)offsetof(struct tcg_dispatch, code)));
    return miss;
}

static void cold_probe(struct gen *g, const struct cold *k)
{
    g->exits[k->exit].stub_off = g->c.p - g->rw;
    if (g->o->nochain) {
        report_exit(g, k->exit);
        return;
    }
    uint8_t *miss = probe_pc(g, k->pc);
    x86_link(miss, g->c.p);
    x86_jmp_to(&g->c, g->rt->leave_tag);
}

/* Make the next jump's displacement, which starts skip bytes from here, aligned. */
static void align_field(struct gen *g, unsigned skip)
{
    x86_nop(&g->c, -(uintptr_t)(g->c.p + skip) & 3);
}

/* A jump whose displacement patch() may change. */
static void patchable_jump(struct gen *g, unsigned exit)
{
    align_field(g, 1);
    uint8_t *field = x86_jmp(&g->c);
    g->exits[exit].jump_off = field - g->rw;
    cold_new(g, cold_unchained, field)->exit = exit;
}

/* Go to guest address pc, here, for good. */
static void direct_exit(struct gen *g, uint64_t pc)
{
    unsigned exit = exit_new(g, pc);
    if (g->o->nochain) {
        report_exit(g, exit);
    } else if (g->exits[exit].same_page) {
        patchable_jump(g, exit);
    } else {
        uint8_t *miss = probe_pc(g, pc);
        cold_new(g, cold_pc_miss, miss)->exit = exit;
    }
}

/* What the return ring leads to: an exit of this unit for the return address. */
static void cold_ring_exit(struct gen *g, const struct cold *k)
{
    if (g->o->relative)
        learn_page(g, k->pc);
    direct_exit(g, k->pc);
}

/* --- the return ring --- */
static struct opnd ring_opnd(unsigned index, size_t field)
{
    return opnd_sib(RBP, index, 0, TCG_ENV_OFF(ring) + (int32_t)field);
}

/* Push {return pc ^ salt, our exit for it}; replace: over the newest entry.  salt: where that of
 * this unit is.  t and u are clobbered. */
static void ring_push(struct gen *g, uint64_t return_pc, unsigned t, unsigned u, bool replace,
                      int32_t salt)
{
    struct x86_code *c = &g->c;
    x86_mov(c, false, t, env_opnd(TCG_ENV_OFF(ring_pos)));
    if (!replace) {
        x86_alu(c, false, ALU_ADD, opnd_reg(t), opnd_imm(sizeof(struct tcg_ring)));
        x86_alu(c, false, ALU_AND, opnd_reg(t),
                opnd_imm(sizeof(struct tcg_ring) * (TCG_RING_SIZE - 1)));
        x86_store(c, 2, env_opnd(TCG_ENV_OFF(ring_pos)), t);
    }
    mov_pc(g, u, return_pc);
    x86_alu(c, true, ALU_XOR, opnd_reg(u), env_opnd(salt));
    x86_store(c, 3, ring_opnd(t, offsetof(struct tcg_ring, tag)), u);
    x86_lea(c, true, u, opnd_pool(0)); /* RIP-relative: the displacement comes with the exit */
    cold_new(g, cold_ring_exit, c->p - 4)->pc = return_pc;
    x86_store(c, 3, ring_opnd(t, offsetof(struct tcg_ring, code)), u);
}

/* Pop, and jump there if it is for the address in RAX; else on.  t and v are clobbered. */
static void ring_pop(struct gen *g, unsigned t, unsigned v)
{
    struct x86_code *c = &g->c;
    x86_mov(c, false, t, env_opnd(TCG_ENV_OFF(ring_pos)));
    x86_lea(c, false, v, opnd_mem(t, -(int32_t)sizeof(struct tcg_ring)));
    x86_alu(c, false, ALU_AND, opnd_reg(v),
            opnd_imm(sizeof(struct tcg_ring) * (TCG_RING_SIZE - 1)));
    x86_store(c, 2, env_opnd(TCG_ENV_OFF(ring_pos)), v);
    x86_alu(c, true, ALU_XOR, opnd_reg(RAX), env_opnd(TCG_ENV_OFF(salt)));
    x86_alu(c, true, ALU_CMP, opnd_reg(RAX), ring_opnd(t, offsetof(struct tcg_ring, tag)));
    uint8_t *no = x86_jcc(c, CC_NE);
    x86_jmp_ind(c, ring_opnd(t, offsetof(struct tcg_ring, code)));
    x86_link(no, c->p);
    x86_alu(c, true, ALU_XOR, opnd_reg(RAX), env_opnd(TCG_ENV_OFF(salt)));
}

/* --- indirect exits: the pc is in RAX --- */
static void leave_with(struct gen *g, const uint8_t *stub)
{
    x86_store(&g->c, 3, pc_opnd(g), RAX);
    x86_jmp_to(&g->c, stub);
}

static void cold_ind_request(struct gen *g, const struct cold *k UNUSED)
{
    leave_with(g, g->rt->leave_request);
}

static void cold_ind_miss(struct gen *g, const struct cold *k UNUSED)
{
    x86_jmp_to(&g->c, g->rt->leave_tag);
}

/* The other mode is the current one from here on. */
static void swap_modes(struct gen *g, unsigned t, unsigned u)
{
    x86_mov(&g->c, true, t, env_opnd(TCG_ENV_OFF(salt)));
    x86_mov(&g->c, true, u, env_opnd(TCG_ENV_OFF(salt_other)));
    x86_store(&g->c, 3, env_opnd(TCG_ENV_OFF(salt_other)), t);
    x86_store(&g->c, 3, env_opnd(TCG_ENV_OFF(salt)), u);
}

static void indirect_exit(struct gen *g, uint32_t hint, uint64_t return_pc)
{
    unsigned t = ra_temp(g), u = ra_temp(g);
    bool swaps = hint & IR_HINT_SWAP;
    if (swaps)
        swap_modes(g, t, u);
    if (g->o->nochain) {
        leave_with(g, g->rt->leave_lookup);
        return;
    }
    cold_new(g, cold_ind_request, poll(g));
    if (hint & IR_HINT_CALL)
        ring_push(g, return_pc, t, u, hint & IR_HINT_RET,
                  swaps ? TCG_ENV_OFF(salt_other) : TCG_ENV_OFF(salt));
    else if (hint & IR_HINT_RET)
        ring_pop(g, t, u);
    cold_new(g, cold_ind_miss, probe_rax(g, t));
}

static void rule_exit_ind(struct gen *g, const struct ir_op *op)
{
    if (g->o->region)
        g->why = "indirect exit in a region";
    ra_fixed(g, RAX, op->arg[0]);
    indirect_exit(g, op->attr, op->imm2);
}

static void rule_exit_lookup(struct gen *g, const struct ir_op *op UNUSED)
{
    if (g->o->nochain) {
        x86_jmp_to(&g->c, g->rt->leave_lookup);
        return;
    }
    ra_take(g, RAX);
    x86_mov(&g->c, true, RAX, pc_opnd(g));
    indirect_exit(g, IR_HINT_NONE, 0);
}

static void rule_exit_main(struct gen *g, const struct ir_op *op)
{
    x86_mov_imm(&g->c, RAX, op->attr);
    x86_jmp_to(&g->c, g->rt->leave_main);
}

/* Out of a region, to stay out; registers are back before the poll. */
static void region_exit(struct gen *g, uint64_t pc)
{
    region_leave(g);
    if (is_backward(g, pc) && !g->o->nochain) {
        struct cold *k = cold_new(g, cold_left, poll(g));
        k->pc = pc;
    }
    direct_exit(g, pc);
}

static void rule_exit_jump(struct gen *g, const struct ir_op *op)
{
    if (g->o->region) {
        late_flush(g);
        g->nlate = 0;
        region_exit(g, op->imm);
        return;
    }
    if (is_backward(g, op->imm) && !g->o->nochain)
        poll_to(g, op->imm);
    if ((op->attr & IR_HINT_CALL) && !g->o->nochain)
        ring_push(g, op->imm2, RCX, RDX, false, TCG_ENV_OFF(salt));
    direct_exit(g, op->imm);
}

/* --- conditional --- */
/* Compare and jump, the displacement aligned by padding before the compare, so that the pair stays
 * together. */
static uint8_t *cmp_and_patchable_jcc(struct gen *g, const struct cmp *k)
{
    uint8_t *start = g->c.p;
    cmp_emit(g, k);
    unsigned len = g->c.p - start;
    g->c.p = start;
    align_field(g, len + 2);
    cmp_emit(g, k);
    return x86_jcc(&g->c, k->cc);
}

static void cold_region_exit(struct gen *g, const struct cold *k)
{
    g->mark = k->mark;
    late_flush_copy(g, k);
    region_exit(g, k->pc);
}

static void cold_late_exit(struct gen *g, const struct cold *k)
{
    late_flush_copy(g, k);
    direct_exit(g, k->pc);
}

/* Sets that are late here take place on this way out. */
static void late_exit_if(struct gen *g, const struct cmp *k, uint64_t pc)
{
    cmp_emit(g, k);
    cold_new(g, cold_late_exit, x86_jcc(&g->c, k->cc))->pc = pc;
    if (k->ready)
        g->known.at = g->c.p;
}

static void rule_exit_if(struct gen *g, const struct ir_op *op)
{
    struct cmp k;
    cmp_prepare(g, &k, op->arg[0], op->arg[1], op->cc);
    if (g->o->region) {
        cmp_use_flags(&k);
        cmp_emit(g, &k);
        cold_new(g, cold_region_exit, x86_jcc(&g->c, k.cc))->pc = op->imm;
        if (k.ready) /* they stay */
            g->known.at = g->c.p;
        return;
    }
    if (is_backward(g, op->imm) && !g->o->nochain)
        poll_if(g, &k, op->imm);
    else
        cmp_use_flags(&k);
    if (g->nlate) {
        late_exit_if(g, &k, op->imm);
        return;
    }
    unsigned exit = exit_new(g, op->imm);
    uint8_t *field = cmp_and_patchable_jcc(g, &k);
    if (k.ready)
        g->known.at = g->c.p;
    bool chains = g->exits[exit].same_page;
    if (chains)
        g->exits[exit].jump_off = field - g->rw;
    struct cold *cold = cold_new(g, chains ? cold_unchained : cold_probe, field);
    cold->exit = exit;
    cold->pc = op->imm;
}

static void rule_side_if(struct gen *g, const struct ir_op *op)
{
    struct cmp k;
    if (!g->o->region) {
        struct ir_op leave = *op;
        leave.imm = g->ir->ops[g->mark].imm;
        rule_exit_if(g, &leave);
        return;
    }
    cmp_prepare(g, &k, op->arg[0], op->arg[1], op->cc);
    cmp_use_flags(&k);
    cmp_emit(g, &k);
    cold_new(g, leave_side, x86_jcc(&g->c, k.cc));
    if (k.ready) /* they stay */
        g->known.at = g->c.p;
}

/* --- inside the unit --- */
static bool is_next(const struct gen *g, unsigned blk)
{
    return g->at + 1 < g->ir->norder && g->ir->order[g->at + 1] == blk;
}

static void link_to_block(struct gen *g, uint8_t *field, unsigned blk)
{
    if (g->label[blk])
        x86_link(field, g->label[blk]);
    else if (g->nfixups == MAX_FIXUPS)
        g->why = "too many branches";
    else
        g->fixups[g->nfixups++] = (struct fixup){field, blk};
}

/* The guest instruction that block blk starts with, if it was laid out before and so may close a
 * loop. */
static bool loop_pc(const struct gen *g, unsigned blk, uint64_t *pc)
{
    if (!g->label[blk] || (g->o->nochain && !g->o->region))
        return false;
    const struct ir_block *b = &g->ir->blocks[blk];
    for (uint32_t i = b->first; i < b->end; i++) {
        const struct ir_op *op = &g->ir->ops[i];
        *pc = op->imm;
        if (op->opc != OP_nop)
            return op->opc == OP_insn;
    }
    return false;
}

/* To a block, after what its late sets ask for. */
static void cold_late_edge(struct gen *g, const struct cold *k)
{
    late_move_copy(g, k, k->edge);
    if (k->edge.flush)
        late_flush_copy(g, k);
    x86_link(x86_jmp(&g->c), g->label[k->exit]);
}

/* The jump at field goes to a block, by way of what late sets need. */
static void late_link(struct gen *g, uint8_t *field, unsigned blk, struct late_edge edge)
{
    if (!edge.flush && !edge.move && !edge.kind) {
        link_to_block(g, field, blk);
        return;
    }
    struct cold *k = cold_new(g, cold_late_edge, field);
    k->exit = blk;
    k->edge = edge;
}

static void rule_br_if(struct gen *g, const struct ir_op *op)
{
    struct cmp k;
    cmp_prepare(g, &k, op->arg[0], op->arg[1], op->cc);
    cmp_use_flags(&k);
    cmp_emit(g, &k);
    uint8_t *field = x86_jcc(&g->c, k.cc);
    if (k.ready) /* they stay */
        g->known.at = g->c.p;
    late_link(g, field, op->attr, late_edge_to(g, op->attr));
}

/* What an edge needs, in line. */
static void late_go(struct gen *g, struct late_edge edge)
{
    late_move(g, edge);
    if (!edge.flush)
        return;
    late_flush(g);
    g->nlate = 0;
}

static void rule_br(struct gen *g, const struct ir_op *op)
{
    uint64_t pc;
    late_go(g, late_edge_to(g, op->attr));
    if (!op->imm && loop_pc(g, op->attr, &pc))
        poll_to(g, pc);
    if (!is_next(g, op->attr))
        link_to_block(g, x86_jmp(&g->c), op->attr);
}

/* What both ways need, or what does no harm on the other, is done before the comparison. */
static void late_both(struct gen *g, struct late_edge *yes, struct late_edge *no)
{
    struct late_edge both = {.move = yes->move || no->move, .kind = yes->kind || no->kind};
    late_move(g, both);
    yes->move = yes->kind = no->move = no->kind = false;
}

static void rule_brcond(struct gen *g, const struct ir_op *op)
{
    struct cmp k;
    unsigned yes = op->attr, no = op->blk2;
    uint64_t pc;
    struct late_edge to_yes = late_edge_to(g, yes), to_no = late_edge_to(g, no);
    late_both(g, &to_yes, &to_no);
    cmp_prepare(g, &k, op->arg[0], op->arg[1], op->cc);
    if (is_next(g, yes) && !to_yes.flush) {
        yes = op->blk2;
        no = op->attr;
        to_yes = to_no;
        to_no.flush = false;
        k.cc = cc_invert(k.cc);
        k.flags_cc = cc_invert(k.flags_cc);
    }
    if (!(op->imm && yes == op->attr) && loop_pc(g, yes, &pc))
        poll_if(g, &k, pc);
    k.ready = cmp_is_ready(g, &k);
    if (!k.ready && g->known.at == g->c.p)
        cmp_use_flags(&k);
    cmp_emit(g, &k);
    late_link(g, x86_jcc(&g->c, k.cc), yes, to_yes);
    late_go(g, to_no);
    if (is_next(g, no))
        return;
    if (!(op->imm && no == op->attr) && loop_pc(g, no, &pc))
        poll_to(g, pc);
    link_to_block(g, x86_jmp(&g->c), no);
}

static void rule_insn(struct gen *g, const struct ir_op *op UNUSED)
{
    g->mark = g->cur;
}

static void rule_nop(struct gen *g UNUSED, const struct ir_op *op UNUSED)
{
}

const rule_fn rules_ctl[OP_COUNT] = {
    [OP_nop] = rule_nop,
    [OP_insn] = rule_insn,
    [OP_call] = rule_call,
    [OP_br] = rule_br,
    [OP_br_if] = rule_br_if,
    [OP_brcond] = rule_brcond,
    [OP_exit_if] = rule_exit_if,
    [OP_side_if] = rule_side_if,
    [OP_exit_jump] = rule_exit_jump,
    [OP_exit_ind] = rule_exit_ind,
    [OP_exit_lookup] = rule_exit_lookup,
    [OP_exit_main] = rule_exit_main,
};
