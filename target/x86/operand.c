/* Registers, memory and immediates as operands. */
#include "target/x86/trans.h"

#include "util/bits.h"

#include <stddef.h>

enum { HIGH_FIELD = 8 | 8 << 8 };

ir_val imm32(struct dis *d, uint32_t value)
{
    return ir_const(d->ir, I32, value);
}

ir_val imm64(struct dis *d, uint64_t value)
{
    return ir_const(d->ir, I64, value);
}

ir_val imm_of(struct dis *d, unsigned size, uint64_t value)
{
    if (size == 3)
        return imm64(d, value);
    return imm32(d, size == 2 ? (uint32_t)value : (uint32_t)extract64(value, 0, 8u << size));
}

/* --- sizes --- */

ir_val zext_of(struct dis *d, ir_val v, unsigned size)
{
    return size == 0 ? ir_zext8(d->ir, v) : size == 1 ? ir_zext16(d->ir, v) : v;
}

ir_val sext_of(struct dis *d, ir_val v, unsigned size)
{
    return size == 0 ? ir_sext8(d->ir, v) : size == 1 ? ir_sext16(d->ir, v) : v;
}

ir_val narrow_to(struct dis *d, ir_val v, unsigned size)
{
    return size < 3 && ir_type_of(d->ir, v) == I64 ? ir_trunc(d->ir, v) : v;
}

ir_val zext64_of(struct dis *d, ir_val v, unsigned size)
{
    return size == 3 ? v : ir_zext32(d->ir, zext_of(d, v, size));
}

ir_val sext64_of(struct dis *d, ir_val v, unsigned size)
{
    return size == 3 ? v : ir_sext32(d->ir, sext_of(d, v, size));
}

ir_val wrap_to(struct dis *d, ir_val offset, unsigned size)
{
    switch (size) {
    case 1: return ir_zext16(d->ir, offset);
    case 2: return ir_zext32(d->ir, ir_trunc(d->ir, offset));
    default: return offset;
    }
}

/* --- registers --- */

ir_val gpr64(struct dis *d, unsigned n)
{
    return ir_get(d->ir, X86_SLOT_RAX + n);
}

ir_val gpr(struct dis *d, unsigned n, unsigned size, bool high)
{
    if (high)
        return ir_trunc(d->ir, ir_extract(d->ir, gpr64(d, n - 4), HIGH_FIELD));
    return size == 3 ? gpr64(d, n) : ir_trunc(d->ir, gpr64(d, n));
}

static ir_val widen(struct dis *d, ir_val v)
{
    return ir_type_of(d->ir, v) == I32 ? ir_zext32(d->ir, v) : v;
}

/* The lower parts of 8 and 16 bits leave the rest as it was, 32 bits clear the upper half. */
void set_gpr(struct dis *d, unsigned n, unsigned size, bool high, ir_val v)
{
    unsigned slot = X86_SLOT_RAX + (high ? n - 4 : n);
    v = widen(d, v);
    if (high)
        v = ir_deposit(d->ir, ir_get(d->ir, slot), v, HIGH_FIELD);
    else if (size < 2)
        v = ir_deposit(d->ir, ir_get(d->ir, slot), v, (8u << size) << 8);
    ir_set(d->ir, slot, v);
}

/* --- memory --- */

ir_val mem_load(struct dis *d, ir_val linear, unsigned size)
{
    return ir_ld(d->ir, type_of(size), linear, size | d->mem);
}

void mem_store(struct dis *d, ir_val linear, ir_val v, unsigned size)
{
    ir_st(d->ir, linear, v, size | d->mem);
}

static ir_val plus(struct dis *d, ir_val sum, ir_val v)
{
    return sum.id == IR_NONE.id ? v : ir_add(d->ir, sum, v);
}

/* In the width of addresses, so that what is above falls off. */
static ir_val mem_sum(struct dis *d)
{
    const struct x86_insn *in = &d->insn;
    unsigned size = in->addrsize == 3 ? 3 : 2;
    ir_val sum = IR_NONE;
    if (in->rip_relative)
        return narrow_to(d, pc64(d, d->next + (uint64_t)in->disp), size);
    if (in->base != X86_NO_REG)
        sum = gpr(d, in->base, size, false);
    if (in->index != X86_NO_REG)
        sum =
            plus(d, sum, ir_shl(d->ir, gpr(d, in->index, size, false), imm_of(d, size, in->scale)));
    if (in->disp || sum.id == IR_NONE.id)
        sum = plus(d, sum, imm_of(d, size, (uint64_t)in->disp));
    return sum;
}

ir_val mem_offset(struct dis *d)
{
    ir_val sum = mem_sum(d);
    if (d->insn.addrsize == 1)
        sum = ir_zext16(d->ir, sum);
    return widen(d, sum);
}

static const uint32_t flat_bit[X86_SEGS] = {
    [X86_ES] = X86_MODE_FLAT_ES,
    [X86_CS] = X86_MODE_FLAT_CS,
    [X86_SS] = X86_MODE_FLAT_SS,
    [X86_DS] = X86_MODE_FLAT_DS,
};

/* A code segment is never written to in protected mode, flat or not. */
static bool is_flat(const struct dis *d, unsigned seg, int how)
{
    if (seg == X86_CS && how != SEG_READ && !is_paragraphs(d))
        return false;
    return d->mode & flat_bit[seg];
}

static ir_val with_base(struct dis *d, unsigned seg, ir_val offset)
{
    return ir_add(d->ir, offset, ir_get(d->ir, X86_SLOT_BASE + seg));
}

static void check_bounds(struct dis *d, unsigned seg, ir_val offset, unsigned bytes, int how)
{
    size_t at = offsetof(struct x86_cpu, bounds) + seg * sizeof(struct x86_bounds);
    ir_val low = ir_env_ld(d->ir, I32, MO_32, at + offsetof(struct x86_bounds, low));
    size_t most =
        how == SEG_READ ? offsetof(struct x86_bounds, read) : offsetof(struct x86_bounds, write);
    ir_val limit = ir_env_ld(d->ir, I64, MO_64, at + most);
    ir_val first = ir_zext32(d->ir, ir_sub(d->ir, ir_trunc(d->ir, offset), low));
    fault_if(d, ir_add(d->ir, first, imm64(d, bytes - 1)), limit, IR_GT,
             seg == X86_SS ? X86_SS_FAULT : X86_GP, 0);
}

ir_val mem_linear(struct dis *d, unsigned seg, ir_val offset, unsigned bytes, int how)
{
    if (is_64(d))
        return seg >= X86_FS ? with_base(d, seg, offset) : offset;
    if (is_flat(d, seg, how))
        return offset;
    check_bounds(d, seg, offset, bytes, how);
    return wrap_to(d, with_base(d, seg, offset), 2);
}

/*
 * Off a pointer in a flat segment, on a processor whose registers have 32 bits: the sum is not
 * wrapped, which the accelerator does in the rare case that it must be.  So accesses off one
 * register are seen to be close to each other.
 */
static bool is_off_pointer(const struct dis *d, int how)
{
    enum { CLOSE = 1 << 16 };
    const struct x86_insn *in = &d->insn;
    return in->addrsize == 2 && in->base != X86_NO_REG && in->index == X86_NO_REG &&
           in->disp > -CLOSE && in->disp < CLOSE && is_flat(d, in->seg, how) && wraps_late(d);
}

ir_val mem_addr(struct dis *d, unsigned bytes, int how)
{
    if (d->linear.id == IR_NONE.id && is_off_pointer(d, how))
        d->linear = ir_add(d->ir, gpr64(d, d->insn.base), imm64(d, (uint64_t)d->insn.disp));
    if (d->linear.id == IR_NONE.id)
        d->linear = mem_linear(d, d->insn.seg, mem_offset(d), bytes, how);
    return d->linear;
}

/*
 * Software's barriers are locked instructions on its stack (LOCK ADD DWORD [rSP], 0 and the like),
 * or ones that change nothing: devices, too, see an order there.
 */
uint32_t locked_memop(const struct dis *d)
{
    enum { STACK_POINTER = 4 };
    const struct x86_insn *in = &d->insn;
    bool is_zero = in->op[1].kind == X86_OPND_IMM && !in->imm;
    bool is_barrier = in->base == STACK_POINTER || is_zero;
    return in->op[0].size | d->mem | (is_barrier ? MO_ACQ | MO_REL : 0);
}

/* --- operands --- */

ir_val operand_read(struct dis *d, unsigned n)
{
    const struct x86_operand *o = &d->insn.op[n];
    int how = n == 0 && (d->insn.row->flags & X86_R_RMW) ? SEG_RMW : SEG_READ;
    switch (o->kind) {
    case X86_OPND_GPR: return gpr(d, o->reg, o->size, o->high);
    case X86_OPND_MEM: return mem_load(d, mem_addr(d, 1u << o->size, how), o->size);
    case X86_OPND_IMM2: return imm_of(d, o->size, d->insn.imm2);
    default: return imm_of(d, o->size, d->insn.imm);
    }
}

void operand_write(struct dis *d, unsigned n, ir_val v)
{
    const struct x86_operand *o = &d->insn.op[n];
    if (o->kind == X86_OPND_GPR)
        set_gpr(d, o->reg, o->size, o->high, v);
    else
        mem_store(d, mem_addr(d, 1u << o->size, SEG_WRITE), v, o->size);
}
