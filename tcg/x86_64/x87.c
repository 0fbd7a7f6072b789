/*
 * The guest's x87 on the host's.
 *
 * While env->x87_live is set, the host's x87 has the guest's state, all exceptions masked, and the
 * ops are the instructions themselves.  The first of a block looks, and fetches the state if need
 * be.  C code never sees that state: every stub that calls some gives it back to the slots first,
 * those of slow paths fetch it again.
 * Ref: SDM volume 1, chapter 8; System V ABI, AMD64 supplement, 3.2.1 (control word, empty stack).
 */
#include "tcg/x86_64/gen_priv.h"

static struct opnd env(int32_t off)
{
    return opnd_mem(RBP, off);
}

/* --- shared code --- */

enum { CALLER_SAVED_GPR = CALLER_SAVED & ALL_GPR, XMM_AREA = 256 };

/* Call C with the CPU pointer and two arguments, from any alignment; every register but RAX stays
 * if keep_rax is not set. */
static void call_keeping(struct x86_code *c, const void *fn, bool keep_rax)
{
    uint32_t regs = CALLER_SAVED_GPR & ~(keep_rax ? 0 : REG_BIT(RAX));
    for (uint32_t m = regs | REG_BIT(RBX); m; m &= m - 1)
        x86_push(c, __builtin_ctz(m));
    x86_mov(c, true, RBX, opnd_reg(RSP));
    x86_alu(c, true, ALU_AND, opnd_reg(RSP), opnd_imm(-16));
    x86_alu(c, true, ALU_SUB, opnd_reg(RSP), opnd_imm(XMM_AREA));
    for (unsigned i = 0; i < 16; i++)
        x86_fstore128(c, opnd_mem(RSP, (int32_t)i * 16), XMM0 + i, false);
    x86_mov(c, true, RDI, opnd_reg(RBP));
    x86_mov_imm(c, RAX, (uintptr_t)fn);
    x86_call_reg(c, RAX);
    for (unsigned i = 0; i < 16; i++)
        x86_fload128(c, XMM0 + i, opnd_mem(RSP, (int32_t)i * 16), false);
    x86_mov(c, true, RSP, opnd_reg(RBX));
    for (uint32_t m = regs | REG_BIT(RBX); m;) {
        unsigned r = 31 - __builtin_clz(m);
        x86_pop(c, r);
        m &= ~REG_BIT(r);
    }
}

static void set_live(struct x86_code *c, bool live)
{
    x86_store_imm(c, 2, env(TCG_ENV_OFF(x87_live)), live);
}

/* FNSAVE leaves the x87 as C code wants it. */
static void emit_leave(struct x86_rt *rt, struct x86_code *c)
{
    rt->x87_leave = x86_rx(c);
    x86_op(c, 0xdd, 6, env(TCG_ENV_OFF(x87_image)));
    set_live(c, false);
    x86_push(c, RSI);
    x86_lea(c, true, RSI, env(TCG_ENV_OFF(x87_image)));
    call_keeping(c, (const void *)(uintptr_t)rt->layout.cb.x87->from_image, true);
    x86_pop(c, RSI);
    x86_ret(c, 0);
}

static void emit_enter(struct x86_rt *rt, struct x86_code *c)
{
    rt->x87_enter = x86_rx(c);
    x86_push(c, RSI);
    x86_lea(c, true, RSI, env(TCG_ENV_OFF(x87_image)));
    call_keeping(c, (const void *)(uintptr_t)rt->layout.cb.x87->to_image, true);
    x86_pop(c, RSI);
    x86_op(c, 0xdd, 4, env(TCG_ENV_OFF(x87_image)));
    set_live(c, true);
    x86_ret(c, 0);
}

/* The site pushed the guest's word, which what is stored replaces; it is in env->x87_operand, too.
 */
static void emit_run(struct x86_rt *rt, struct x86_code *c, enum tcg_x87_how how)
{
    enum { PUSHED = 4 * 8, WORD = PUSHED + 8 };
    rt->x87_run[how] = x86_rx(c);
    x86_push(c, RAX);
    x86_push(c, RSI);
    x86_push(c, RDX);
    x86_push(c, RCX);
    x87_emit_leave(rt, c);
    x86_mov_imm(c, RSI, how);
    x86_mov(c, false, RDX, opnd_mem(RSP, WORD));
    x86_lea(c, true, RCX, env(TCG_ENV_OFF(x87_operand)));
    call_keeping(c, (const void *)(uintptr_t)rt->layout.cb.x87->run, false);
    x86_mov(c, true, RAX, env(TCG_ENV_OFF(x87_operand)));
    x86_store(c, 3, opnd_mem(RSP, WORD), RAX);
    x86_pop(c, RCX);
    x86_pop(c, RDX);
    x86_pop(c, RSI);
    x86_pop(c, RAX);
    x86_ret(c, 0);
}

void x87_emit_stubs(struct x86_rt *rt, struct x86_code *c)
{
    if (!rt->layout.cb.x87)
        return;
    emit_leave(rt, c);
    emit_enter(rt, c);
    emit_run(rt, c, X87_LOOK);
    emit_run(rt, c, X87_DONE);
}

static uint8_t *jump_unless(struct x86_code *c, int32_t field)
{
    x86_alu(c, false, ALU_CMP, env(field), opnd_imm(0));
    return x86_jcc(c, CC_E);
}

void x87_emit_leave(const struct x86_rt *rt, struct x86_code *c)
{
    if (!rt->layout.cb.x87)
        return;
    uint8_t *idle = jump_unless(c, TCG_ENV_OFF(x87_live));
    x86_call_to(c, rt->x87_leave);
    x86_link(idle, c->p);
}

void x87_emit_suspend(const struct x86_rt *rt, struct x86_code *c)
{
    if (!rt->layout.cb.x87)
        return;
    x86_mov(c, false, RAX, env(TCG_ENV_OFF(x87_live)));
    x86_store(c, 2, env(TCG_ENV_OFF(x87_was_live)), RAX);
    x87_emit_leave(rt, c);
}

void x87_emit_resume(const struct x86_rt *rt, struct x86_code *c)
{
    if (!rt->layout.cb.x87)
        return;
    uint8_t *idle = jump_unless(c, TCG_ENV_OFF(x87_was_live));
    x86_call_to(c, rt->x87_enter);
    x86_link(idle, c->p);
}

/* --- in units --- */

static void cold_enter(struct gen *g, const struct cold *k)
{
    x86_call_to(&g->c, g->rt->x87_enter);
    cold_return(g, k);
}

void x87_fetch(struct gen *g)
{
    if (g->x87_is_live)
        return;
    x86_alu(&g->c, false, ALU_CMP, env(TCG_ENV_OFF(x87_live)), opnd_imm(0));
    struct cold *k = cold_new(g, cold_enter, x86_jcc(&g->c, CC_E));
    k->back = g->c.p;
    g->x87_is_live = true;
}

static unsigned opcode(uint32_t fop)
{
    return 0xd8 | (fop >> 8 & 7);
}

/* ModRM is that of registers. */
static void on_registers(struct gen *g, uint32_t fop)
{
    x86_op(&g->c, opcode(fop), fop >> 3 & 7, opnd_reg(fop & 7));
}

void x87_on_memory(struct gen *g, uint32_t fop, struct opnd m)
{
    x86_op(&g->c, opcode(fop), fop >> 3 & 7, m);
}

uint32_t x87_fop(const struct ir_op *op)
{
    return (uint32_t)(op->imm2 >> 32);
}

static void rule_x87(struct gen *g, const struct ir_op *op)
{
    x87_fetch(g);
    on_registers(g, op->attr);
}

/* FCMOVNE with the same register. */
static void rule_x87_if(struct gen *g, const struct ir_op *op)
{
    enum { FCMOVNE = 0x3c8 };
    unsigned a = ra_use(g, op->arg[0]);
    x87_fetch(g);
    x86_test(&g->c, true, a, a);
    on_registers(g, FCMOVNE | (op->attr & 7));
}

static void rule_x87_get(struct gen *g, const struct ir_op *op)
{
    enum { FNSTSW_AX = 0x7e0 };
    ra_take(g, RAX);
    x87_fetch(g);
    on_registers(g, op->attr);
    if (op->attr != FNSTSW_AX) {
        pack_eflags(g, IR_NONE, IR_NONE, false);
        return;
    }
    x86_load(&g->c, 1, false, false, RAX, opnd_reg(RAX));
    ra_def_fixed(g, RAX);
}

static void rule_x87_cw(struct gen *g, const struct ir_op *op)
{
    uint8_t *idle = g->x87_is_live ? NULL : jump_unless(&g->c, TCG_ENV_OFF(x87_live));
    x86_op(&g->c, 0xd9, 5, env((int32_t)op->imm));
    if (idle)
        x86_link(idle, g->c.p);
}

const rule_fn rules_x87[OP_COUNT] = {
    [OP_x87] = rule_x87,
    [OP_x87_if] = rule_x87_if,
    [OP_x87_get] = rule_x87_get,
    [OP_x87_cw] = rule_x87_cw,
};
