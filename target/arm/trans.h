/* State of one translation, and what the trans_* functions of all instruction sets share. */
#ifndef TARGET_ARM_TRANS_H
#define TARGET_ARM_TRANS_H

#include "target/arm/cpu.h"
#include "target/arm/helpers.h"
#include "tcg/ir.h"

/* Other targets have functions of the same names: the linker knows these as arm_*. */
#define ARM_SYMBOL(name) __asm__("arm_" #name)

/* What set the flags last in this block, so that conditions need not look at them. */
enum flag_source { FLAGS_SLOT, FLAGS_SUB, FLAGS_LOGIC, FLAGS_ADD, FLAGS_NZ };

enum { ARM_LATE = 16 };

struct dis {
    struct ir *ir;
    const struct arm_cpu *cpu; /* configuration only */
    uint64_t start;            /* pc of the unit */
    uint64_t pc, next;         /* of this instruction and of the one translated after it */
    uint32_t insn;
    unsigned len;  /* bytes of this instruction */
    uint32_t mode; /* enum ARM_MODE_* of the unit */
    unsigned el;
    uint32_t mem;        /* of memops: MMU index, byte order, alignment rule */
    uint32_t mem_unpriv; /* the same for LDTR and the like */
    bool ended;          /* an exit was emitted */
    /* After an instruction that set the flags: what it compared (flags.c). */
    enum flag_source flag_source;
    ir_val flag_a, flag_b; /* FLAGS_SUB: a - b; FLAGS_LOGIC: a is the result; FLAGS_ADD: a + b;
                              FLAGS_NZ: C and V are those of the slot */
    ir_val flag_result;    /* what that gave, if it is at hand */
    /* Exceptions of instructions that mostly have none: blocks behind the unit's own. */
    struct arm_late {
        unsigned block;
        uint64_t pc;
        uint32_t syndrome; /* 0: the access at register base + offset is misaligned */
        uint32_t landed;   /* not 0: the instruction that a branch has found */
        bool is_store;
        int base;
        int64_t offset;
    } late[ARM_LATE];
    unsigned nlate;
    bool sp_aligned; /* the stack pointer is a multiple of 16 here */
    unsigned it;     /* T32: ITSTATE before this instruction */
};

static inline bool dis_has(const struct dis *d, enum arm_feature f)
{
    return arm_has(d->cpu, f);
}
static inline bool dis_is_a32(const struct dis *d)
{
    return d->mode & ARM_MODE_A32;
}

/* --- trans.c: the loop over a unit's instructions, pc, exits, exceptions --- */
void arm_dis_init(struct dis *d, struct ir *ir, const struct arm_cpu *cpu, uint64_t pc,
                  uint32_t mode) ARM_SYMBOL(arm_dis_init);
/* Decode and translate the A64 instruction at d->pc; those that are undefined raise. */
void arm_dis_a64(struct dis *d, uint32_t insn);
/* After ir_insn(), where the mode says so. */
void dis_count_insn(struct dis *d) ARM_SYMBOL(dis_count_insn);
/* After the last instruction, when the unit has ended: what lies behind it. */
void arm_dis_end(struct dis *d);
/* trans_a32.c: guest_ops.translate for units in AArch32 state. */
struct tx;
void arm_a32_translate(struct tx *tx);
/* A pc as a value. */
ir_val pc64(struct dis *d, uint64_t pc) ARM_SYMBOL(pc64);
/* Helpers that may raise need the pc slot (and BTYPE, IT). */
void set_pc(struct dis *d, uint64_t pc) ARM_SYMBOL(set_pc);
/* Continue at pc, known now; in the instruction set of this unit. */
void end_jump(struct dis *d, uint64_t pc) ARM_SYMBOL(end_jump);
/* Continue after this instruction in a mode that may be another. */
void end_mode(struct dis *d) ARM_SYMBOL(end_mode);
/* Continue at the pc slot, which a helper has written. */
void end_lookup(struct dis *d) ARM_SYMBOL(end_lookup);
/* Leave to the executor's loop after this instruction: to sleep, or to let other threads run. */
enum { MAIN_GO_ON, MAIN_WAIT, MAIN_YIELD };
void end_main(struct dis *d, uint32_t reason) ARM_SYMBOL(end_main);
/* The exception of this instruction, with a syndrome (ESR_ELx.EC and ISS) known now; el: where it
 * is taken to at least (1, or higher for traps to hypervisor or monitor).  Ends the unit. */
void end_exception(struct dis *d, uint32_t syndrome, unsigned el) ARM_SYMBOL(end_exception);
/* The same if a cc b, else go on with this instruction. */
void raise_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, uint32_t syndrome)
    ARM_SYMBOL(raise_if);
/* helper_bti_check() if a cc b, then the unit again. */
void check_landing_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, uint32_t insn)
    ARM_SYMBOL(check_landing_if);
/* An alignment fault if a cc b, for an access at register base + offset, which has not changed. */
void raise_misaligned_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, int base, int64_t offset,
                         bool is_store) ARM_SYMBOL(raise_misaligned_if);
/* Unallocated or disabled: EC 0. */
void end_undefined(struct dis *d) ARM_SYMBOL(end_undefined);
/* FP and AdvSIMD instructions, first thing: true when they trap (the unit has ended). */
bool fp_is_trapped(struct dis *d) ARM_SYMBOL(fp_is_trapped);

/* --- x registers --- */
/* 31 is the zero register; gpr32: the low half. */
ir_val gpr64(struct dis *d, int n) ARM_SYMBOL(gpr64);
ir_val gpr32(struct dis *d, int n) ARM_SYMBOL(gpr32);
ir_val gpr(struct dis *d, int n, bool is64) ARM_SYMBOL(gpr);
/* 31 is dropped; I32 values are zero-extended. */
void set_gpr(struct dis *d, int n, ir_val v) ARM_SYMBOL(set_gpr);
/* The same where 31 is the stack pointer. */
ir_val gpr_sp(struct dis *d, int n, bool is64) ARM_SYMBOL(gpr_sp);
void set_gpr_sp(struct dis *d, int n, ir_val v) ARM_SYMBOL(set_gpr_sp);
ir_val imm64(struct dis *d, uint64_t value) ARM_SYMBOL(imm64);
ir_val imm32(struct dis *d, uint32_t value) ARM_SYMBOL(imm32);

/* --- flags.c: NZCV --- */
/* Flags of a - b, a + b, a + b + carry (I64, 0 or 1), and of a logical result (C and V clear);
 * operands of one type. */
void flags_sub(struct dis *d, ir_val a, ir_val b) ARM_SYMBOL(flags_sub);
void flags_add(struct dis *d, ir_val a, ir_val b) ARM_SYMBOL(flags_add);
void flags_adc(struct dis *d, ir_val a, ir_val b, ir_val carry) ARM_SYMBOL(flags_adc);
void flags_logic(struct dis *d, ir_val result) ARM_SYMBOL(flags_logic);
/* The packed flags of a - b and a + b as values, for who sets them under a condition. */
ir_val flags_of_sub(struct dis *d, ir_val a, ir_val b) ARM_SYMBOL(flags_of_sub);
ir_val flags_of_add(struct dis *d, ir_val a, ir_val b) ARM_SYMBOL(flags_of_add);
/* The value of a - b or a + b that flags_sub() or flags_add() was just told of. */
void flags_result(struct dis *d, ir_val result) ARM_SYMBOL(flags_result);
/* All four from bits 31..28 of an I32, and back. */
void flags_set_nzcv(struct dis *d, ir_val nzcv) ARM_SYMBOL(flags_set_nzcv);
ir_val flags_get_nzcv(struct dis *d) ARM_SYMBOL(flags_get_nzcv);
ir_val flag_carry(struct dis *d) ARM_SYMBOL(flag_carry); /* I64, 0 or 1: PSTATE.C */
/* A condition of the instruction sets as a comparison: a cc b holds when it passes. cond is 0..15;
 * 14 and 15 always pass (is_always). */
struct flag_test {
    enum ir_cc cc;
    ir_val a, b;
    bool is_always;
};
struct flag_test flag_test(struct dis *d, unsigned cond) ARM_SYMBOL(flag_test);
/* cond ? yes : no; 1 or 0 of type t. */
ir_val flag_select(struct dis *d, unsigned cond, ir_val yes, ir_val no) ARM_SYMBOL(flag_select);
ir_val flag_setcond(struct dis *d, unsigned cond, enum ir_type t) ARM_SYMBOL(flag_setcond);
/* Call where control flow joins: what was compared is not known any more. */
void flags_forget(struct dis *d) ARM_SYMBOL(flags_forget);

/* --- address and memory --- */
/*
 * Check SP alignment when base is 31 (SCTLR.SA) and give the address base + offset.  Tags of data
 * addresses (TBI) stay: the page walk ignores them, and a page is in the TLB once for each tag.
 */
ir_val mem_addr(struct dis *d, int base, ir_val offset) ARM_SYMBOL(mem_addr);

#endif
