/* State of one translation, and what the trans_* functions of all instruction groups share. */
#ifndef TARGET_X86_TRANS_H
#define TARGET_X86_TRANS_H

#include "target/x86/cpu.h"
#include "target/x86/decode.h"
#include "target/x86/decode_rows.h"
#include "target/x86/helpers.h"
#include "tcg/ir.h"

/* Other targets have functions of the same names: the linker knows these as x86_dis_*. */
#define X86_SYMBOL(name) __asm__("x86_dis_" #name)

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
    X86_FLAGS_BIT,   /* CF is the lowest bit of a */
};

enum { X86_LATE = 24 };
enum { LATE_ALONE = 0xff }; /* no exception, but again in a unit of its own, with exact checks */

struct dis {
    struct ir *ir;
    const struct x86_cpu *cpu; /* configuration only */
    struct tx *tx;
    uint64_t start;    /* linear address of the unit */
    uint64_t pc, next; /* of this instruction and of the one after it: linear */
    uint32_t mode;     /* X86_MODE_* of the unit */
    unsigned cpl;
    uint32_t mem; /* of memops: MMU index, alignment */
    struct x86_insn insn;
    uint64_t extended;      /* here the upper half of a dividend is known to be its sign */
    unsigned extended_size; /* of rdx:rax: log2 of the bytes of a half */
    ir_val linear;          /* of its memory operand, once computed; or IR_NONE */
    ir_val whole;           /* its memory operand of 32 bytes, once loaded; or IR_NONE */
    bool ended;             /* an exit was emitted */
    bool mmx_ready;         /* slots have the x87's state */
    bool has_fcs;           /* this unit has set X86_SLOT_FCS; X86_SLOT_FDS: to these segments */
    uint8_t has_fds;
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
    unsigned insns; /* before this one */
};

static inline bool dis_has(const struct dis *d, enum x86_feature f)
{
    return x86_has(d->cpu, f);
}
static inline bool is_64(const struct dis *d)
{
    return d->mode & X86_MODE_64;
}
/* The unit is one instruction, which exact checks precede and single step may follow. */
static inline bool is_alone(const struct dis *d)
{
    return d->mode & (X86_MODE_ONE | X86_MODE_TF);
}
/* Real or virtual-8086 mode. */
static inline bool is_paragraphs(const struct dis *d)
{
    return (d->mode & (X86_MODE_PE | X86_MODE_VM)) != X86_MODE_PE;
}
/* Values of 1 << size bytes are I64 for size 3, else I32, of which the low bits count. */
static inline enum ir_type type_of(unsigned size)
{
    return size == 3 ? I64 : I32;
}

/* --- trans.c: the loop over a unit's instructions, pc, exits, exceptions --- */
void x86_dis_init(struct dis *d, struct ir *ir, const struct x86_cpu *cpu, uint64_t pc,
                  uint32_t mode);
/* Translate the instruction at d->pc, decoded to d->insn with a result other than X86_NO_BYTE. */
void x86_dis_insn(struct dis *d, enum x86_decoded decoded);
/* After the last instruction: the late blocks. */
void x86_dis_end(struct dis *d);
/* A linear address of code as a value; the rIP of one (less CS.base). */
ir_val pc64(struct dis *d, uint64_t pc) X86_SYMBOL(pc64);
ir_val rip_of(struct dis *d, uint64_t pc) X86_SYMBOL(rip_of);
/* Helpers that may raise need the pc slot: that of this instruction, or of the next. */
void set_pc(struct dis *d, uint64_t pc) X86_SYMBOL(set_pc);
/*
 * A jump to target, which is d->next and a displacement: first check it (and leave, or come back
 * alone, when it is outside the segment or wraps), then do what else the instruction does, then go.
 */
ir_val jump_check(struct dis *d, uint64_t target) X86_SYMBOL(jump_check);
void end_jump(struct dis *d, uint64_t target, ir_val checked, enum ir_hint hint)
    X86_SYMBOL(end_jump);
/* The same if t holds; else go on. */
struct flag_test;
void jump_if(struct dis *d, const struct flag_test *t, uint64_t target) X86_SYMBOL(jump_if);
/* To rip (I64, zero-extended), near: its linear address, after the check against the limit, #GP. */
ir_val near_check(struct dis *d, ir_val rip) X86_SYMBOL(near_check);
void end_near(struct dis *d, ir_val linear, enum ir_hint hint) X86_SYMBOL(end_near);
/* Go on with the next instruction in another unit. */
void end_next(struct dis *d) X86_SYMBOL(end_next);
/* Continue after this instruction in a mode that may be another. */
void end_mode(struct dis *d) X86_SYMBOL(end_mode);
/* Whether the next instruction will be in this unit, unless this one ends it. */
bool goes_on(const struct dis *d) X86_SYMBOL(goes_on);
/* Continue at the pc slot, which a helper has written. */
void end_lookup(struct dis *d) X86_SYMBOL(end_lookup);
/* The same for SYSCALL and SYSRET: they step when TF is set after them. */
void end_step_by_flag(struct dis *d) X86_SYMBOL(end_step_by_flag);
/* Leave to the executor's loop; the pc slot is set: to sleep, or to let other threads run. */
enum { MAIN_WAIT = 1, MAIN_YIELD = 2 };
void end_main(struct dis *d, uint32_t reason) X86_SYMBOL(end_main);
/* A fault of this instruction.  Ends the unit. */
void end_fault(struct dis *d, enum x86_exception vector, uint32_t error) X86_SYMBOL(end_fault);
/* The same if a cc b, else go on with this instruction; nothing may have been changed yet. */
void fault_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, enum x86_exception vector,
              uint32_t error) X86_SYMBOL(fault_if);
/* Run this instruction once more, alone, if a cc b: with the checks that its unit left out. */
void alone_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc) X86_SYMBOL(alone_if);
/* #UD: unknown, or in the wrong mode. */
void end_undefined(struct dis *d) X86_SYMBOL(end_undefined);
/* First thing of instructions with privilege, of SSE, AVX and x87 ones: true when they fault (the
 * unit has ended). */
bool cpl_is_wrong(struct dis *d) X86_SYMBOL(cpl_is_wrong);
bool sse_is_off(struct dis *d) X86_SYMBOL(sse_is_off);
bool avx_is_off(struct dis *d) X86_SYMBOL(avx_is_off);
bool x87_is_off(struct dis *d) X86_SYMBOL(x87_is_off);
/* The x87's exceptions that wait come before the operands' faults: #MF. */
void x87_wait(struct dis *d) X86_SYMBOL(x87_wait);

/* --- operand.c: registers: size is log2 of bytes --- */
/* General register n in the encoding's numbering; high: bits 15..8 of n - 4.  The upper bits of
 * values smaller than their type are undefined: zext_of() and sext_of() give them. */
ir_val gpr(struct dis *d, unsigned n, unsigned size, bool high) X86_SYMBOL(gpr);
void set_gpr(struct dis *d, unsigned n, unsigned size, bool high, ir_val v) X86_SYMBOL(set_gpr);
ir_val gpr64(struct dis *d, unsigned n) X86_SYMBOL(gpr64);
ir_val imm32(struct dis *d, uint32_t value) X86_SYMBOL(imm32);
ir_val imm64(struct dis *d, uint64_t value) X86_SYMBOL(imm64);
ir_val imm_of(struct dis *d, unsigned size, uint64_t value) X86_SYMBOL(imm_of);
ir_val zext_of(struct dis *d, ir_val v, unsigned size) X86_SYMBOL(zext_of);
ir_val sext_of(struct dis *d, ir_val v, unsigned size) X86_SYMBOL(sext_of);
/* The same to another type: the low 1 << size bytes of v as a value of that size or of I64. */
ir_val narrow_to(struct dis *d, ir_val v, unsigned size) X86_SYMBOL(narrow_to);
ir_val zext64_of(struct dis *d, ir_val v, unsigned size) X86_SYMBOL(zext64_of);
ir_val sext64_of(struct dis *d, ir_val v, unsigned size) X86_SYMBOL(sext64_of);

/* --- operand n of the instruction, register, memory or immediate, as the table says --- */
ir_val operand_read(struct dis *d, unsigned n) X86_SYMBOL(operand_read);
void operand_write(struct dis *d, unsigned n, ir_val v) X86_SYMBOL(operand_write);

/* --- memory --- */
enum { SEG_READ, SEG_WRITE, SEG_RMW };
ir_val mem_load(struct dis *d, ir_val linear, unsigned size) X86_SYMBOL(mem_load);
void mem_store(struct dis *d, ir_val linear, ir_val v, unsigned size) X86_SYMBOL(mem_store);
/* Offset of the memory operand (I64, wrapped to the address size), without segment. */
ir_val mem_offset(struct dis *d) X86_SYMBOL(mem_offset);
/* Whether the accelerator wraps linear addresses (guest_set_address_mask()): on processors without
 * 64-bit mode, where registers have no upper halves, either. */
static inline bool wraps_late(const struct dis *d)
{
    return !dis_has(d, X86_F_LM);
}
/* An offset (I64), wrapped to 1 << size bytes. */
ir_val wrap_to(struct dis *d, ir_val offset, unsigned size) X86_SYMBOL(wrap_to);
/* Linear address of size bytes at seg:offset; checks limit and rights (or canonical form comes with
 * the access) unless the segment is flat: #GP(0), #SS(0). */
ir_val mem_linear(struct dis *d, unsigned seg, ir_val offset, unsigned bytes, int how)
    X86_SYMBOL(mem_linear);
/* The memory operand's: both of the above. */
ir_val mem_addr(struct dis *d, unsigned bytes, int how) X86_SYMBOL(mem_addr);

/* The memop of a LOCKed instruction. */
uint32_t locked_memop(const struct dis *d) X86_SYMBOL(locked_memop);

/* --- trans_stack.c --- */
/* log2 of the bytes of the stack pointer; its value, zero-extended to I64; and change it. */
unsigned stack_size(const struct dis *d) X86_SYMBOL(stack_size);
ir_val stack_pointer(struct dis *d) X86_SYMBOL(stack_pointer);
void set_stack_pointer(struct dis *d, ir_val v) X86_SYMBOL(set_stack_pointer);
void push(struct dis *d, ir_val v, unsigned size) X86_SYMBOL(push);
/* The top of the stack, to be followed by what may fault, then by pop_done(). */
ir_val pop_peek(struct dis *d, unsigned size) X86_SYMBOL(pop_peek);
void pop_done(struct dis *d, unsigned bytes) X86_SYMBOL(pop_done);

/* --- flags.c: values of 1 << size bytes --- */
/* Flags of a - b, a + b, a + b + carry, a - b - carry (carry I32 0 or 1), of a logical result, of a
 * shift (n: the masked count, of a's type; at least 1); with results that the caller has computed
 * anyway. */
void flags_sub(struct dis *d, ir_val a, ir_val b, unsigned size) X86_SYMBOL(flags_sub);
void flags_add(struct dis *d, ir_val a, ir_val b, ir_val sum, unsigned size) X86_SYMBOL(flags_add);
void flags_of_sum(struct dis *d, ir_val a, ir_val b, ir_val sum, unsigned size)
    X86_SYMBOL(flags_of_sum);
void flags_of_difference(struct dis *d, ir_val a, ir_val b, ir_val difference, unsigned size)
    X86_SYMBOL(flags_of_difference);
void flags_adc(struct dis *d, ir_val a, ir_val b, ir_val carry, unsigned size)
    X86_SYMBOL(flags_adc);
void flags_sbb(struct dis *d, ir_val a, ir_val b, ir_val carry, unsigned size)
    X86_SYMBOL(flags_sbb);
void flags_logic(struct dis *d, ir_val result, unsigned size) X86_SYMBOL(flags_logic);
/* CF is the lowest bit of v, the others stay. */
void flags_of_bit(struct dis *d, ir_val v, unsigned size) X86_SYMBOL(flags_of_bit);
/* All of X86_CC_ALL from a value, and back.  flags_result(): and the result that gave Z and S. */
void flags_set(struct dis *d, ir_val cc) X86_SYMBOL(flags_set);
void flags_result(struct dis *d, ir_val cc, ir_val result, unsigned size) X86_SYMBOL(flags_result);
ir_val flags_get(struct dis *d) X86_SYMBOL(flags_get);
/* EFLAGS as PUSHF shows them: all but VM and RF, which are 0. */
ir_val eflags_image(struct dis *d) X86_SYMBOL(eflags_image);
/* The bits of mask from value, the others as they were. */
void flags_change(struct dis *d, uint32_t mask, ir_val value) X86_SYMBOL(flags_change);
ir_val flag_carry(struct dis *d, enum ir_type t) X86_SYMBOL(flag_carry); /* 0 or 1 */
/* Condition 0..15 of Jcc as a comparison. */
struct flag_test {
    enum ir_cc cc;
    ir_val a, b;
};
struct flag_test flag_test(struct dis *d, unsigned cond) X86_SYMBOL(flag_test);
/* A comparison as 0 or 1. */
ir_val test_value(struct dis *d, const struct flag_test *t, enum ir_type type)
    X86_SYMBOL(test_value);
/* Call where control flow joins: what was compared is not known any more. */
void flags_forget(struct dis *d) X86_SYMBOL(flags_forget);

#endif
