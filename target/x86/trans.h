/* State of one translation, and what the trans_* functions of all instruction groups share. */
#ifndef TARGET_X86_TRANS_H
#define TARGET_X86_TRANS_H

#include "target/x86/cpu.h"
#include "target/x86/decode.h"
#include "target/x86/helpers.h"
#include "tcg/ir.h"

/* Other targets have functions of the same names: the linker knows these as x86_*. */
#define X86_SYMBOL(name) __asm__("x86_" #name)

/*
 * What set the flags last in this block, so that conditions need not look at them.  size: log2 of
 * the operands' bytes; operands are I64 (size 3) or I32, of which the low bits count.
 */
enum x86_flag_source {
    X86_FLAGS_SLOT,  /* nothing is known */
    X86_FLAGS_SUB,   /* a - b */
    X86_FLAGS_LOGIC, /* a is the result: CF and OF are 0 */
    X86_FLAGS_ADD,   /* a + b, result in `result` */
    X86_FLAGS_ZS,    /* `result` gave ZF and SF (and PF); the rest is in the slot only */
};

enum { X86_LATE = 24 };

struct dis {
    struct ir *ir;
    const struct x86_cpu *cpu; /* configuration only */
    struct tx *tx;
    uint64_t start;    /* linear address of the unit */
    uint64_t pc, next; /* of this instruction and of the one after it: linear */
    uint32_t mode;     /* X86_MODE_* of the unit */
    unsigned cpl;
    uint32_t mem; /* of memops: MMU index */
    struct x86_insn insn;
    bool ended; /* an exit was emitted */
    struct {
        enum x86_flag_source source;
        unsigned size;
        ir_val a, b, result;
    } flags;
    /* Exceptions of instructions that mostly have none: blocks behind the unit's own. */
    struct x86_late {
        unsigned block;
        uint64_t pc;
        uint8_t vector;
        uint32_t error;
    } late[X86_LATE];
    unsigned nlate;
};

static inline bool dis_has(const struct dis *d, enum x86_feature f)
{
    return x86_has(d->cpu, f);
}

/* --- trans.c: the loop over a unit's instructions, pc, exits, exceptions --- */
void x86_dis_init(struct dis *d, struct ir *ir, const struct x86_cpu *cpu, uint64_t pc,
                  uint32_t mode);
/* A linear address of code as a value; the rIP of one (less CS.base). */
ir_val pc64(struct dis *d, uint64_t pc) X86_SYMBOL(pc64);
ir_val rip_of(struct dis *d, uint64_t pc) X86_SYMBOL(rip_of);
/* Helpers that may raise need the pc slot: that of this instruction, or of the next. */
void set_pc(struct dis *d, uint64_t pc) X86_SYMBOL(set_pc);
/* Continue at pc, a displacement from here known now; wraps and is checked against the limit of CS
 * as the operand size and the mode want. */
void end_jump(struct dis *d, uint64_t pc, enum ir_hint hint) X86_SYMBOL(end_jump);
/* Continue at rip (I64, zero-extended), near: the limit, and whether it is canonical, are checked
 * before state changes: #GP. */
void end_near(struct dis *d, ir_val rip, enum ir_hint hint) X86_SYMBOL(end_near);
/* Continue after this instruction in a mode that may be another. */
void end_mode(struct dis *d) X86_SYMBOL(end_mode);
/* Continue at the pc slot, which a helper has written. */
void end_lookup(struct dis *d) X86_SYMBOL(end_lookup);
/* Leave to the executor's loop after this instruction: to sleep, or to let other threads run. */
enum { MAIN_WAIT = 1, MAIN_YIELD = 2 };
void end_main(struct dis *d, uint32_t reason) X86_SYMBOL(end_main);
/* A fault of this instruction.  Ends the unit. */
void end_fault(struct dis *d, enum x86_exception vector, uint32_t error) X86_SYMBOL(end_fault);
/* The same if a cc b, else go on with this instruction; nothing may have been changed yet. */
void fault_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, enum x86_exception vector,
              uint32_t error) X86_SYMBOL(fault_if);
/* #UD: unknown, or in the wrong mode. */
void end_undefined(struct dis *d) X86_SYMBOL(end_undefined);
/* First thing of instructions with privilege, of SSE, AVX and x87 ones: true when they fault (the
 * unit has ended). */
bool cpl_is_wrong(struct dis *d) X86_SYMBOL(cpl_is_wrong);
bool sse_is_off(struct dis *d) X86_SYMBOL(sse_is_off);
bool avx_is_off(struct dis *d) X86_SYMBOL(avx_is_off);
bool x87_is_off(struct dis *d) X86_SYMBOL(x87_is_off);

/* --- registers: size is log2 of bytes --- */
/* General register n in the encoding's numbering (without REX, sizes of 1 byte: 4..7 are ah ch dh
 * bh: `high` says so).  Values are I64 for size 3, else I32; upper bits of smaller ones are
 * undefined: zext() and sext() give them. */
ir_val gpr(struct dis *d, unsigned n, unsigned size, bool high) X86_SYMBOL(gpr);
void set_gpr(struct dis *d, unsigned n, unsigned size, bool high, ir_val v) X86_SYMBOL(set_gpr);
ir_val gpr64(struct dis *d, unsigned n) X86_SYMBOL(gpr64);
ir_val imm_of(struct dis *d, unsigned size, uint64_t value) X86_SYMBOL(imm_of);
ir_val zext_of(struct dis *d, ir_val v, unsigned size) X86_SYMBOL(zext_of);
ir_val sext_of(struct dis *d, ir_val v, unsigned size) X86_SYMBOL(sext_of);

/* --- operands: operand n of the instruction, register, memory or immediate, as the table says ---
 */
ir_val operand_read(struct dis *d, unsigned n) X86_SYMBOL(operand_read);
void operand_write(struct dis *d, unsigned n, ir_val v) X86_SYMBOL(operand_write);

/* --- memory --- */
enum { SEG_READ, SEG_WRITE, SEG_RMW };
/* Offset of the memory operand (I64, wrapped to the address size), without segment. */
ir_val mem_offset(struct dis *d) X86_SYMBOL(mem_offset);
/* Linear address of size bytes at seg:offset; checks limit and rights (or canonical form comes with
 * the access) unless the segment is flat: #GP(0), #SS(0). */
ir_val mem_linear(struct dis *d, unsigned seg, ir_val offset, unsigned bytes, int how)
    X86_SYMBOL(mem_linear);
/* The memory operand's: both of the above. */
ir_val mem_addr(struct dis *d, unsigned bytes, int how) X86_SYMBOL(mem_addr);
/* Of the stack, in the width of SS: push and pop in the operand size; see trans_stack.c. */

/* --- flags.c --- */
/* Flags of a - b, a + b, a + b + carry, a - b - carry (carry I32 0 or 1), of a logical result; with
 * results that the caller has computed anyway. */
void flags_sub(struct dis *d, ir_val a, ir_val b, unsigned size) X86_SYMBOL(flags_sub);
void flags_add(struct dis *d, ir_val a, ir_val b, ir_val sum, unsigned size) X86_SYMBOL(flags_add);
void flags_adc(struct dis *d, ir_val a, ir_val b, ir_val carry, unsigned size)
    X86_SYMBOL(flags_adc);
void flags_sbb(struct dis *d, ir_val a, ir_val b, ir_val carry, unsigned size)
    X86_SYMBOL(flags_sbb);
void flags_logic(struct dis *d, ir_val result, unsigned size) X86_SYMBOL(flags_logic);
/* All of X86_CC_ALL from a value, and back. */
void flags_set(struct dis *d, ir_val cc) X86_SYMBOL(flags_set);
ir_val flags_get(struct dis *d) X86_SYMBOL(flags_get);
ir_val flag_carry(struct dis *d, enum ir_type t) X86_SYMBOL(flag_carry); /* 0 or 1 */
/* Condition 0..15 of Jcc as a comparison. */
struct flag_test {
    enum ir_cc cc;
    ir_val a, b;
};
struct flag_test flag_test(struct dis *d, unsigned cond) X86_SYMBOL(flag_test);
/* Call where control flow joins: what was compared is not known any more. */
void flags_forget(struct dis *d) X86_SYMBOL(flags_forget);

#endif
