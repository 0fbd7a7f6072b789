/*
 * Helper calls.  The site puts arguments 0 to 2 (not counting the CPU pointer) into RSI, RDX and
 * RCX, further ones into env->save, the function's address into RAX, and calls a shared stub that
 * knows the helper's kind of effects. Floating-point arguments and results are bit patterns in
 * integer registers.
 */
#include "tcg/x86_64/gen_priv.h"

enum { REG_ARGS = 3 };

struct arg_move {
    uint8_t dst;
    bool done;
    bool is_const;
    uint64_t value;
    struct opnd src;
};

static struct arg_move arg_source(struct gen *g, ir_val v, unsigned dst)
{
    struct arg_move m = {.dst = dst};
    m.is_const = ir_is_const(g->ir, v, &m.value);
    if (!m.is_const)
        m.src = ra_rm(g, v);
    return m;
}

static void move_arg(struct gen *g, const struct arg_move *m)
{
    if (m->is_const)
        x86_mov_imm(&g->c, m->dst, m->value);
    else if (m->src.kind == OPND_REG && m->src.reg >= XMM0)
        x86_movq_to_gpr(&g->c, true, m->dst, m->src.reg, g->rt->has.avx);
    else if (!opnd_is_reg(m->src, m->dst))
        x86_mov(&g->c, true, m->dst, m->src);
}

/* Whether another move still has to read the register that move i writes. */
static bool is_blocked(const struct arg_move *m, unsigned n, unsigned i)
{
    for (unsigned j = 0; j < n; j++)
        if (j != i && !m[j].done && !m[j].is_const && opnd_is_reg(m[j].src, m[i].dst))
            return true;
    return false;
}

/* Only cycles are left: exchange, and whoever wanted the old contents finds them in the other
 * register. */
static void break_cycle(struct gen *g, struct arg_move *m, unsigned n)
{
    unsigned i = 0;
    while (m[i].done)
        i++;
    unsigned other = m[i].src.reg;
    x86_xchg(&g->c, m[i].dst, other);
    for (unsigned j = 0; j < n; j++)
        if (j != i && !m[j].done && !m[j].is_const && opnd_is_reg(m[j].src, m[i].dst))
            m[j].src.reg = other;
    m[i].done = true;
}

static void parallel_move(struct gen *g, struct arg_move *m, unsigned n)
{
    for (unsigned left = n; left; left--) {
        unsigned i = 0;
        while (i < n && (m[i].done || is_blocked(m, n, i)))
            i++;
        if (i == n) {
            break_cycle(g, m, n);
        } else {
            move_arg(g, &m[i]);
            m[i].done = true;
        }
    }
}

static void wide_args(struct gen *g, const ir_val *args, unsigned n)
{
    for (unsigned i = REG_ARGS; i < n; i++) {
        unsigned r = ra_use(g, args[i]);
        struct opnd m = opnd_mem(RBP, TCG_ENV_OFF(save) + (int32_t)(i - REG_ARGS) * 8);
        if (r >= XMM0)
            x86_fstore(&g->c, ir_type_of(g->ir, args[i]) == F64, m, r, g->rt->has.avx);
        else
            x86_store(&g->c, 3, m, r);
    }
    g->free |= g->temps;
    g->temps = 0;
}

static bool any_pinned(const struct gen *g, const struct ir_slot_set *set)
{
    for (unsigned s = 0; s < g->ir->nslots; s++)
        if ((set->w[s / 64] >> (s & 63) & 1) && g->map->pin_reg[s] != NO_REG)
            return true;
    return false;
}

/*
 * Registers that the site itself stores and loads around a call that names its slots: those of the
 * slots which the stub would not, that is, which C functions keep; in a region, where the stub
 * knows nothing, all that they may clobber.
 */
static uint32_t pins_at_site(const struct gen *g, const struct ir_call_slots *s)
{
    uint32_t regs = g->o->region ? g->map->pinned & CALLER_SAVED : 0;
    for (unsigned i = 0; i < g->ir->nslots; i++) {
        unsigned r = g->map->pin_reg[i];
        if (r != NO_REG && (ir_slots_has(&s->reads, i) || ir_slots_has(&s->writes, i)) &&
            !(CALLER_SAVED >> r & 1))
            regs |= REG_BIT(r);
    }
    return regs;
}

static void store_pins(struct gen *g, uint32_t regs)
{
    for (; regs; regs &= regs - 1)
        slot_store(g, g->map->reg_slot[__builtin_ctz(regs)], __builtin_ctz(regs));
}

static void load_pins(struct gen *g, uint32_t regs)
{
    for (; regs; regs &= regs - 1)
        slot_load(g, g->map->reg_slot[__builtin_ctz(regs)], __builtin_ctz(regs));
}

static unsigned stub_kind(const struct gen *g, const struct ir_helper *h)
{
    unsigned kind = g->o->region ? CALL_BARE : 0;
    bool named = h->flags & HELPER_SLOTS;
    bool writes = !named && ((h->flags & HELPER_WRITES_ALL) || any_pinned(g, &h->writes));
    if (writes)
        kind |= CALL_RELOAD_ALL;
    if (writes || (h->flags & (HELPER_READS_ALL | HELPER_RAISES)) || any_pinned(g, &h->reads))
        kind |= CALL_STORE_ALL;
    if (h->flags & (HELPER_FPENV | HELPER_RAISES))
        kind |= CALL_FPENV;
    if (h->flags & HELPER_CPU)
        kind |= CALL_CPU;
    return h->nargs > REG_ARGS ? kind | CALL_WIDE : kind;
}

static void call_result(struct gen *g, const struct ir_op *op)
{
    if (op->type == IR_VOID)
        return;
    ra_take(g, RAX);
    if (type_is_fp(op->type))
        x86_movq_from_gpr(&g->c, true, ra_def(g, 0), opnd_reg(RAX), g->rt->has.avx);
    else
        ra_def_fixed(g, RAX);
}

void rule_call(struct gen *g, const struct ir_op *op)
{
    static const uint8_t dst[REG_ARGS] = {RSI, RDX, RCX};
    const struct ir_helper *h = ir_op_helper(op);
    const ir_val *args = &g->ir->call_args[op->attr];
    struct arg_move moves[REG_ARGS];
    unsigned n = h->nargs < REG_ARGS ? h->nargs : REG_ARGS;
    struct ir_call_slots slots = ir_op_call_slots(g->ir, op);
    uint32_t at_site = h->flags & HELPER_SLOTS || g->o->region ? pins_at_site(g, &slots) : 0;
    if (g->o->region && !ir_call_is_tame(op))
        g->why = "call with wide effects in a region";
    wide_args(g, args, h->nargs);
    ra_before_call(g, &slots.writes, h->flags & HELPER_WRITES_ALL);
    store_pins(g, at_site);
    for (unsigned i = 0; i < n; i++)
        moves[i] = arg_source(g, args[i], dst[i]);
    parallel_move(g, moves, n);
    x86_mov_imm(&g->c, RAX, (uintptr_t)h->fn);
    x86_call_to(&g->c, g->rt->call[stub_kind(g, h)]);
    if (h->flags & HELPER_RAISES)
        mark_here(g, g->mark);
    ra_after_call(g);
    g->x87_is_live = false;
    load_pins(g, at_site);
    call_result(g, op);
}
