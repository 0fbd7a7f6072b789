/* The stack: SS:rSP in the width of SS. */
#include "target/x86/trans.h"

#include <stddef.h>

enum { REG_SP = 4, REG_BP = 5 };

unsigned stack_size(const struct dis *d)
{
    return is_64(d) ? 3 : d->mode & X86_MODE_SS32 ? 2 : 1;
}

/* ESP that has wrapped may be seen with its upper half by nobody but addresses. */
static ir_val wrap_sp(struct dis *d, ir_val v)
{
    if (stack_size(d) == 2 && (d->mode & X86_MODE_FLAT_SS) && wraps_late(d))
        return v;
    return wrap_to(d, v, stack_size(d));
}

ir_val stack_pointer(struct dis *d)
{
    return wrap_sp(d, gpr64(d, REG_SP));
}

void set_stack_pointer(struct dis *d, ir_val v)
{
    set_gpr(d, REG_SP, stack_size(d), false, v);
}

/* Bytes above (or below, negative) the top, wrapped. */
static ir_val from_top(struct dis *d, int64_t bytes)
{
    return wrap_sp(d, ir_add(d->ir, gpr64(d, REG_SP), imm64(d, (uint64_t)bytes)));
}

static ir_val slot_address(struct dis *d, ir_val offset, unsigned size, int how)
{
    return mem_linear(d, X86_SS, offset, 1u << size, how);
}

void push(struct dis *d, ir_val v, unsigned size)
{
    ir_val sp = from_top(d, -(1 << size));
    mem_store(d, slot_address(d, sp, size, SEG_WRITE), v, size);
    set_stack_pointer(d, sp);
}

ir_val pop_peek(struct dis *d, unsigned size)
{
    return mem_load(d, slot_address(d, stack_pointer(d), size, SEG_READ), size);
}

void pop_done(struct dis *d, unsigned bytes)
{
    set_stack_pointer(d, from_top(d, bytes));
}

void trans_push(struct dis *d)
{
    push(d, operand_read(d, 0), d->insn.opsize);
}

/* An address off rSP is that after the increment. */
void trans_pop(struct dis *d)
{
    unsigned size = d->insn.opsize;
    ir_val v = pop_peek(d, size);
    if (d->insn.op[0].kind == X86_OPND_MEM) {
        if (d->insn.base == REG_SP && d->insn.addrsize > 1)
            d->insn.disp += 1 << size;
        operand_write(d, 0, v);
        pop_done(d, 1u << size);
    } else {
        pop_done(d, 1u << size);
        operand_write(d, 0, v);
    }
}

void trans_push_seg(struct dis *d)
{
    size_t at = offsetof(struct x86_cpu, s.seg) + d->insn.op[0].reg * sizeof(struct x86_segment) +
                offsetof(struct x86_segment, selector);
    ir_val v = ir_env_ld(d->ir, I32, MO_16, at);
    unsigned size = d->insn.opsize;
    push(d, size == 3 ? ir_zext32(d->ir, v) : v, size);
}

void trans_pop_seg(struct dis *d)
{
    unsigned seg = d->insn.op[0].reg, size = d->insn.opsize;
    ir_val selector = zext_of(d, narrow_to(d, pop_peek(d, size), 1), 1);
    ir_val sp = from_top(d, 1 << size);
    set_pc(d, d->pc);
    call_load_seg(d->ir, imm32(d, seg), selector, imm32(d, seg == X86_SS));
    set_stack_pointer(d, sp);
    end_mode(d);
}

void trans_pusha(struct dis *d)
{
    unsigned size = d->insn.opsize;
    for (unsigned n = 0; n < 8; n++) {
        ir_val offset = from_top(d, -(int64_t)((n + 1) << size));
        mem_store(d, slot_address(d, offset, size, SEG_WRITE), gpr(d, n, size, false), size);
    }
    set_stack_pointer(d, from_top(d, -(8 << size)));
}

/* What was pushed of rSP is skipped. */
void trans_popa(struct dis *d)
{
    unsigned size = d->insn.opsize;
    ir_val v[8];
    for (unsigned n = 0; n < 8; n++)
        v[n] = mem_load(d, slot_address(d, from_top(d, (7 - n) << size), size, SEG_READ), size);
    for (unsigned n = 0; n < 8; n++)
        if (n != REG_SP)
            set_gpr(d, n, size, false, v[n]);
    set_stack_pointer(d, from_top(d, 8 << size));
}

/* rSP after ENTER's first push, all of it: the upper half of ESP stays on a stack of 16 bits. */
static ir_val frame_pointer(struct dis *d, unsigned size)
{
    ir_val top = from_top(d, -(1 << size));
    if (stack_size(d) == 1)
        top = ir_or(d->ir, top, ir_and(d->ir, gpr64(d, REG_SP), imm64(d, 0xffff0000)));
    return narrow_to(d, top, size);
}

/* Copies of the frame pointers of enclosing procedures, and the new one. */
static void nested_frames(struct dis *d, unsigned level, unsigned size)
{
    ir_val frame = frame_pointer(d, size);
    ir_val bp = gpr64(d, REG_BP);
    for (unsigned n = 1; n < level; n++) {
        ir_val from = wrap_sp(d, ir_sub(d->ir, bp, imm64(d, n << size)));
        ir_val v = mem_load(d, slot_address(d, from, size, SEG_READ), size);
        ir_val to = from_top(d, -(int64_t)((n + 1) << size));
        mem_store(d, slot_address(d, to, size, SEG_WRITE), v, size);
    }
    ir_val to = from_top(d, -(int64_t)((level + 1) << size));
    mem_store(d, slot_address(d, to, size, SEG_WRITE), frame, size);
}

void trans_enter(struct dis *d)
{
    unsigned size = d->insn.opsize, level = d->insn.imm2 & 31, bytes = d->insn.imm & 0xffff;
    if (level > 4 && d->pc != d->start) { /* many operations: a unit of its own */
        d->next = d->pc;
        end_next(d);
        return;
    }
    ir_val first = from_top(d, -(1 << size)), frame = frame_pointer(d, size);
    mem_store(d, slot_address(d, first, size, SEG_WRITE), gpr(d, REG_BP, size, false), size);
    if (level)
        nested_frames(d, level, size);
    ir_val sp = from_top(d, -(int64_t)((level + 1) << size) - bytes);
    set_pc(d, d->pc); /* the new top must be writable */
    call_probe_write(d->ir, slot_address(d, sp, size, SEG_WRITE), imm32(d, size | d->mem));
    set_gpr(d, REG_BP, size, false, frame);
    set_stack_pointer(d, sp);
}

void trans_leave(struct dis *d)
{
    unsigned size = d->insn.opsize;
    ir_val bp = wrap_sp(d, gpr64(d, REG_BP));
    ir_val v = mem_load(d, slot_address(d, bp, size, SEG_READ), size);
    set_stack_pointer(d, wrap_sp(d, ir_add(d->ir, bp, imm64(d, 1u << size))));
    set_gpr(d, REG_BP, size, false, v);
}

void trans_pushf(struct dis *d)
{
    unsigned size = d->insn.opsize;
    if (!(d->mode & X86_MODE_VM)) {
        ir_val image = eflags_image(d);
        push(d, size == 3 ? ir_zext32(d->ir, image) : image, size);
        return;
    }
    set_pc(d, d->pc);
    push(d, narrow_to(d, call_pushf(d->ir, imm32(d, size)), size), size);
}

void trans_popf(struct dis *d)
{
    unsigned size = d->insn.opsize;
    ir_val image = zext64_of(d, pop_peek(d, size), size);
    set_pc(d, d->pc);
    call_popf(d->ir, image, imm32(d, size));
    flags_forget(d);
    pop_done(d, 1u << size);
    end_mode(d);
}
