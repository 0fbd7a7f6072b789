/* Exchanges that compare or add. */
#include "target/x86/trans.h"

enum { REG_AX, REG_CX, REG_DX, REG_BX };

void trans_xadd(struct dis *d)
{
    unsigned size = d->insn.op[0].size;
    ir_val b = operand_read(d, 1), a;
    if (d->insn.has_lock)
        a = ir_atomic_add(d->ir, mem_addr(d, 1u << size, SEG_RMW), b, locked_memop(d));
    else
        a = operand_read(d, 0);
    ir_val sum = ir_add(d->ir, a, b);
    if (d->insn.op[0].kind == X86_OPND_MEM && !d->insn.has_lock)
        operand_write(d, 0, sum);
    operand_write(d, 1, a);
    if (d->insn.op[0].kind != X86_OPND_MEM) /* of one register: the sum stays */
        operand_write(d, 0, sum);
    flags_add(d, a, b, sum, size);
}

/* Register n (which may be high) is `v` if a equals b, else as it was, with its upper half. */
static void set_if_equal(struct dis *d, ir_val a, ir_val b, unsigned n, bool high, ir_val v)
{
    unsigned slot = X86_SLOT_RAX + (high ? n - 4 : n);
    ir_val old = ir_get(d->ir, slot);
    set_gpr(d, n, d->insn.op[0].size, high, v);
    ir_set(d->ir, slot, ir_select(d->ir, a, b, ir_get(d->ir, slot), old, IR_EQ));
}

static void set_unless_equal(struct dis *d, ir_val a, ir_val b, unsigned n, ir_val v)
{
    ir_val old = gpr64(d, n);
    set_gpr(d, n, d->insn.op[0].size, false, v);
    ir_set(d->ir, X86_SLOT_RAX + n, ir_select(d->ir, a, b, old, gpr64(d, n), IR_EQ));
}

/* What is in memory, which is replaced if it is what was expected. */
static ir_val exchange_memory(struct dis *d, ir_val expect, ir_val v)
{
    unsigned size = d->insn.op[0].size;
    if (d->insn.has_lock)
        return ir_cas(d->ir, mem_addr(d, 1u << size, SEG_RMW), expect, v, locked_memop(d));
    ir_val old = operand_read(d, 0), a = zext_of(d, old, size), b = zext_of(d, expect, size);
    operand_write(d, 0, ir_select(d->ir, a, b, v, old, IR_EQ));
    return old;
}

/* The accumulator is written only when they differ, a register only when they do not. */
void trans_cmpxchg(struct dis *d)
{
    const struct x86_operand *o = &d->insn.op[0];
    ir_val expect = gpr(d, REG_AX, o->size, false), v = operand_read(d, 1), old;
    if (o->kind == X86_OPND_MEM)
        old = exchange_memory(d, expect, v);
    else
        old = operand_read(d, 0);
    ir_val a = zext_of(d, expect, o->size), b = zext_of(d, old, o->size);
    set_unless_equal(d, a, b, REG_AX, old);
    if (o->kind == X86_OPND_GPR)
        set_if_equal(d, a, b, o->reg, o->high, v);
    flags_sub(d, expect, old, o->size);
}

/* --- 8 and 16 bytes --- */

static ir_val pair(struct dis *d, unsigned low, unsigned high)
{
    ir_val h = ir_shl(d->ir, gpr64(d, high), imm64(d, 32));
    return ir_or(d->ir, h, ir_zext32(d->ir, gpr(d, low, 2, false)));
}

/* ZF alone.  Where they are equal the registers stay, upper halves and all. */
void trans_cmpxchg8b(struct dis *d)
{
    ir_val linear = mem_addr(d, 8, SEG_RMW);
    ir_val expect = pair(d, REG_AX, REG_DX);
    ir_val old = ir_cas(d->ir, linear, expect, pair(d, REG_BX, REG_CX), MO_64 | d->mem);
    ir_val low = ir_zext32(d->ir, ir_trunc(d->ir, old));
    ir_val high = ir_shr(d->ir, old, imm64(d, 32));
    ir_set(d->ir, X86_SLOT_RAX, ir_select(d->ir, old, expect, gpr64(d, REG_AX), low, IR_EQ));
    ir_set(d->ir, X86_SLOT_RAX + REG_DX,
           ir_select(d->ir, old, expect, gpr64(d, REG_DX), high, IR_EQ));
    flags_change(d, X86_CC_Z,
                 ir_select(d->ir, old, expect, imm32(d, X86_CC_Z), imm32(d, 0), IR_EQ));
}

void trans_cmpxchg16b(struct dis *d)
{
    ir_val linear = mem_addr(d, 16, SEG_RMW);
    fault_if(d, ir_and(d->ir, linear, imm64(d, 15)), imm64(d, 0), IR_NE, X86_GP, 0);
    set_pc(d, d->pc);
    call_cmpxchg16b(d->ir, linear, imm32(d, MO_64 | d->mem));
    flags_forget(d);
}
