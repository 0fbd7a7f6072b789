/*
 * String instructions: one turn in line, REP by helpers that do many turns at once and leave the
 * registers as after whole turns.
 */
#include "target/x86/string.h"
#include "target/x86/trans.h"

enum { REG_CX = 1, REG_SI = 6, REG_DI = 7, REG_DX = 2 };

/* Of X or Y, whichever operand says it. */
static unsigned element_size(const struct dis *d)
{
    return d->insn.op[d->insn.op[0].kind != X86_OPND_NONE].size;
}

/* --- one turn --- */

static ir_val pointer(struct dis *d, unsigned reg)
{
    return wrap_to(d, gpr64(d, reg), d->insn.addrsize);
}

static ir_val source(struct dis *d)
{
    unsigned size = element_size(d);
    return mem_linear(d, d->insn.seg, pointer(d, REG_SI), 1u << size, SEG_READ);
}

static ir_val destination(struct dis *d, int how)
{
    return mem_linear(d, X86_ES, pointer(d, REG_DI), 1u << element_size(d), how);
}

/* By the element's size, down while DF is all ones. */
static void advance(struct dis *d, unsigned reg)
{
    unsigned bytes = 1u << element_size(d);
    ir_val twice = ir_and(d->ir, ir_get(d->ir, X86_SLOT_DF), imm64(d, 2 * bytes));
    ir_val by = ir_sub(d->ir, imm64(d, bytes), twice);
    set_gpr(d, reg, d->insn.addrsize, false, ir_add(d->ir, gpr64(d, reg), by));
}

static void one_movs(struct dis *d)
{
    unsigned size = element_size(d);
    ir_val from = source(d), to = destination(d, SEG_WRITE);
    mem_store(d, to, mem_load(d, from, size), size);
    advance(d, REG_SI);
    advance(d, REG_DI);
}

static void one_stos(struct dis *d)
{
    unsigned size = element_size(d);
    mem_store(d, destination(d, SEG_WRITE), gpr(d, 0, size, false), size);
    advance(d, REG_DI);
}

static void one_lods(struct dis *d)
{
    unsigned size = element_size(d);
    ir_val v = mem_load(d, source(d), size);
    advance(d, REG_SI);
    set_gpr(d, 0, size, false, v);
}

static void one_cmps(struct dis *d)
{
    unsigned size = element_size(d);
    ir_val from = source(d), to = destination(d, SEG_READ);
    ir_val a = mem_load(d, from, size), b = mem_load(d, to, size);
    advance(d, REG_SI);
    advance(d, REG_DI);
    flags_sub(d, a, b, size);
}

static void one_scas(struct dis *d)
{
    unsigned size = element_size(d);
    ir_val b = mem_load(d, destination(d, SEG_READ), size);
    advance(d, REG_DI);
    flags_sub(d, gpr(d, 0, size, false), b, size);
}

/* --- REP --- */

typedef ir_val call_rep(struct ir *ir, ir_val how);

static uint32_t description(const struct dis *d)
{
    static const uint32_t flat[X86_SEGS] = {[X86_ES] = X86_MODE_FLAT_ES,
                                            [X86_CS] = X86_MODE_FLAT_CS,
                                            [X86_SS] = X86_MODE_FLAT_SS,
                                            [X86_DS] = X86_MODE_FLAT_DS};
    const struct x86_insn *in = &d->insn;
    uint32_t how = element_size(d) | (uint32_t)in->addrsize << X86_STR_ADDR_SHIFT |
                   (uint32_t)in->seg << X86_STR_SEG_SHIFT | memop_idx(d->mem) << X86_STR_IDX_SHIFT;
    how |= in->rep == 0xf2 ? X86_STR_REPNE : 0;
    how |= is_alone(d) ? X86_STR_ONE : 0;
    how |= is_64(d) ? X86_STR_64 : 0;
    how |= d->mode & X86_MODE_FLAT_ES ? X86_STR_FLAT_ES : 0;
    how |= d->mode & flat[in->seg] ? X86_STR_FLAT_SRC : 0;
    return how | (d->mem & MO_ALIGN ? X86_STR_ALIGN : 0);
}

/* When more turns are left, this instruction again, after a look at what others want. */
static void repeat(struct dis *d, call_rep *rep)
{
    set_pc(d, d->pc);
    ir_val done = rep(d->ir, imm32(d, description(d)));
    flags_forget(d);
    if (!is_alone(d)) {
        ir_exit_if(d->ir, done, imm32(d, 0), IR_EQ, d->pc);
        return;
    }
    ir_val pc = ir_select(d->ir, done, imm32(d, 0), pc64(d, d->pc), pc64(d, d->next), IR_EQ);
    ir_set(d->ir, X86_SLOT_PC, pc);
    end_lookup(d);
}

static void string_op(struct dis *d, void (*one)(struct dis *d), call_rep *rep)
{
    if (d->insn.rep)
        repeat(d, rep);
    else
        one(d);
}

void trans_movs(struct dis *d)
{
    string_op(d, one_movs, call_rep_movs);
}

void trans_stos(struct dis *d)
{
    string_op(d, one_stos, call_rep_stos);
}

void trans_lods(struct dis *d)
{
    string_op(d, one_lods, call_rep_lods);
}

void trans_cmps(struct dis *d)
{
    string_op(d, one_cmps, call_rep_cmps);
}

void trans_scas(struct dis *d)
{
    string_op(d, one_scas, call_rep_scas);
}

/* --- ports --- */

static ir_val port(struct dis *d)
{
    return zext_of(d, gpr(d, REG_DX, 1, false), 1);
}

/* The destination is asked before the device is: what it gives must not be lost. */
static void one_ins(struct dis *d)
{
    unsigned size = element_size(d);
    ir_val to = destination(d, SEG_WRITE);
    set_pc(d, d->pc);
    call_probe_write(d->ir, to, imm32(d, size | d->mem));
    ir_val v = call_in(d->ir, port(d), imm32(d, 1u << size));
    mem_store(d, to, ir_trunc(d->ir, v), size);
    advance(d, REG_DI);
}

static void one_outs(struct dis *d)
{
    unsigned size = element_size(d);
    ir_val v = zext64_of(d, mem_load(d, source(d), size), size);
    set_pc(d, d->pc);
    call_out(d->ir, port(d), imm32(d, 1u << size), v);
    advance(d, REG_SI);
}

/* One turn, and again while the counter says so. */
static void repeat_one(struct dis *d, void (*one)(struct dis *d))
{
    unsigned size = d->insn.addrsize, turn = ir_block_new(d->ir), none = ir_block_new(d->ir);
    ir_brcond(d->ir, pointer(d, REG_CX), imm64(d, 0), IR_EQ, none, turn);
    ir_block_begin(d->ir, turn);
    flags_forget(d);
    one(d);
    set_gpr(d, REG_CX, size, false, ir_sub(d->ir, gpr64(d, REG_CX), imm64(d, 1)));
    ir_val pc =
        ir_select(d->ir, pointer(d, REG_CX), imm64(d, 0), pc64(d, d->next), pc64(d, d->pc), IR_EQ);
    ir_set(d->ir, X86_SLOT_PC, pc);
    end_lookup(d);
    ir_block_begin(d->ir, none);
    d->ended = false;
    flags_forget(d);
}

static void port_op(struct dis *d, void (*one)(struct dis *d))
{
    if (d->insn.rep)
        repeat_one(d, one);
    else
        one(d);
}

void trans_ins(struct dis *d)
{
    port_op(d, one_ins);
}

void trans_outs(struct dis *d)
{
    port_op(d, one_outs);
}
