/* Operands of instructions on XMM and YMM registers: 128 bits, or two halves of that. */
#ifndef TARGET_X86_VEC_H
#define TARGET_X86_VEC_H

#include "target/x86/trans.h"

/* The sources of an instruction, [half][operand from 1 on], all read before anything is computed.
 */
struct vec_args {
    unsigned halves, sources;
    ir_val v[2][3];
};

/* First thing of each: true when SSE, or AVX with VEX, is off (the unit has ended). */
bool vec_is_off(struct dis *d) X86_SYMBOL(vec_is_off);
/* 2 where the instruction has operands of 256 bits. */
unsigned vec_halves(const struct dis *d) X86_SYMBOL(vec_halves);
/* Half of operand n; of memory and registers smaller than 16 bytes the rest is zero (memory) or
 * whatever is there. */
ir_val vec_read(struct dis *d, unsigned n, unsigned half) X86_SYMBOL(vec_read);
void vec_read_all(struct dis *d, struct vec_args *a) X86_SYMBOL(vec_read_all);
/* To operand n: a register's upper half becomes high or, of 128 bits with VEX, zero. */
void vec_write(struct dis *d, unsigned n, ir_val low, ir_val high) X86_SYMBOL(vec_write);
/* In wide units (tcg/ir.h): that all vector operands have 256 bits, which one operation of the IR
 * may work on, and nothing is to be checked before.  Then these; vec_read() and the like are always
 * right. */
bool vec_is_whole(const struct dis *d) X86_SYMBOL(vec_is_whole);
ir_val vec_whole(struct dis *d, unsigned n) X86_SYMBOL(vec_whole);
void vec_write_whole(struct dis *d, unsigned n, ir_val v) X86_SYMBOL(vec_write_whole);
/* The low half of a register; the upper one stays, or becomes zero. */
ir_val vec_get(struct dis *d, unsigned reg) X86_SYMBOL(vec_get);
void vec_set(struct dis *d, unsigned reg, ir_val v) X86_SYMBOL(vec_set);
void vec_clear_upper(struct dis *d, unsigned reg) X86_SYMBOL(vec_clear_upper);
ir_val vec_zero(struct dis *d) X86_SYMBOL(vec_zero);
/* Fault as a store there would. */
void vec_probe(struct dis *d, ir_val addr, unsigned bytes) X86_SYMBOL(vec_probe);
/* enum ir_sse of the instruction, with what of its immediate is a half's. */
uint32_t vec_insn(const struct dis *d, unsigned half) X86_SYMBOL(vec_insn);
/* Before an operation that raises floating-point exceptions: #XM by those of it on these sources
 * that are not masked. */
void vec_check(struct dis *d, const struct vec_args *a) X86_SYMBOL(vec_check);
/* Whether 16 bytes of memory must be aligned, or it is #GP. */
bool vec_is_aligned(const struct dis *d) X86_SYMBOL(vec_is_aligned);

/* The same before one of an integer and a vector, whose enum ir_sse is given. */
void vec_check_conversion(struct dis *d, const struct vec_args *a, uint32_t insn)
    X86_SYMBOL(vec_check_conversion);
/* The operation itself on 128 bits; is_unary: b is a. */
ir_val vec_operate(struct dis *d, uint32_t insn, ir_val a, ir_val b, bool is_unary)
    X86_SYMBOL(vec_operate);
/* Shifts by an immediate, 71 to 73; of all of it by n bytes. */
ir_val vec_shift(struct dis *d, ir_val a) X86_SYMBOL(vec_shift);
ir_val vec_shift_bytes(struct dis *d, ir_val a, unsigned n, bool is_left)
    X86_SYMBOL(vec_shift_bytes);

/* enum ir_sse of map 0F with prefix 66, F3, F2 (1 to 3) or none. */
static inline uint32_t vec_0f(unsigned prefix, unsigned opcode)
{
    return opcode | 1u << IR_SSE_MAP_SHIFT | prefix << IR_SSE_PREFIX_SHIFT;
}

#endif
