/* What the translation of A32 and T32 shares beyond trans.h: conditions, r15, exits with
 * interworking. */
#ifndef TARGET_ARM_TRANS_A32_H
#define TARGET_ARM_TRANS_A32_H

#include "target/arm/trans.h"

/* Operations that the tables name. */
#include "target/arm/a32_decode.h"
#include "target/arm/neon_a32.h"

enum { A32_COND_AL = 14, A32_NO_RUN = 0xff, A32_LATE = 16 };

/*
 * Conditional instructions that follow each other with one condition are a run: one branch around
 * all of them.  A run ends where the condition changes, or after an instruction that set the flags.
 */
struct dis_a32 {
    struct dis d; /* first */
    bool thumb;
    bool began_in_it;   /* the unit's first instruction lay in an IT block */
    bool flags_changed; /* by this instruction: a run must test them again */
    unsigned cond;      /* of this instruction */
    unsigned run_cond;  /* of the open run, or A32_NO_RUN */
    unsigned run_end;   /* the block behind it */
    /* Alignment faults of instructions that mostly have none: blocks behind the unit's own. */
    struct a32_late {
        unsigned block;
        uint64_t pc;
        unsigned it;
        bool is_store;
        uint32_t syndrome; /* 0: misaligned */
    } late[A32_LATE];
    unsigned nlate;
};

static inline struct dis_a32 *dis_a32(struct dis *d)
{
    return (struct dis_a32 *)d;
}
static inline bool a32_is_thumb(const struct dis *d)
{
    return ((const struct dis_a32 *)d)->thumb;
}
static inline bool a32_in_it(const struct dis *d)
{
    return d->it & 15;
}
/* The last instruction of an IT block: the only one that may branch. */
static inline bool a32_may_branch(const struct dis *d)
{
    return !a32_in_it(d) || (d->it & 15) == 8;
}

static inline bool a32_is_m(const struct dis *d)
{
    return arm_is_m(d->cpu);
}

/* --- trans_m.c: M profile --- */
void m_init(struct dis *d);
bool m_decode(struct dis *d, unsigned len);
void m_bx(struct dis *d, ir_val target, uint32_t hint);
/* The stack pointer that an instruction is about to have must not lie below its limit. */
void m_check_sp(struct dis *d, ir_val sp);

/* access_a32.c: ISV, SAS, SSE, SRT and AR of the ISS, or 0. */
uint32_t a32_access_syndrome(uint32_t insn, bool thumb, unsigned len);

/* --- trans_a32.c --- */
/* r0..r15 as I32; r15 reads as this instruction's address + 8 (T32: + 4). */
ir_val a32_reg(struct dis *d, int n);
/* The same rounded down to a multiple of 4 for r15: base of literals. */
ir_val a32_base(struct dis *d, int n);
/* Write r0..r14. */
void a32_set_reg(struct dis *d, int n, ir_val v);
/* Write a result of data processing: to r15 it branches (A32: with interworking).  Ref: E1.2.3
 * (ALUWritePC). */
void a32_set_alu(struct dis *d, int n, ir_val v);
/* Branch to an address with bit 0 saying T32, hint: enum ir_hint. */
void a32_bx(struct dis *d, ir_val target, uint32_t hint);
/* Branch to an address in this instruction set. */
void a32_branch(struct dis *d, ir_val target, uint32_t hint);
/* Branch to a constant address in this instruction set. */
void a32_jump(struct dis *d, uint32_t target);
void a32_call(struct dis *d, uint32_t target);
/* Call a constant address in the other instruction set. */
void a32_call_exchange(struct dis *d, uint32_t target);
/* Before a helper that may raise: pc and IT; after it, unless the unit ends. */
void a32_before_raise(struct dis *d);
void a32_after_raise(struct dis *d);
/* After an instruction that may have changed the mode: go on at the next one. */
void a32_end_mode(struct dis *d);
/* Go on at the pc slot, which a helper has written. */
void a32_end_lookup(struct dis *d);
/* Leave to the executor's loop after this instruction. */
void a32_end_main(struct dis *d, uint32_t reason);
/* An exception of this instruction. */
void a32_exception(struct dis *d, uint32_t syndrome, unsigned el);
/* COND and CV of a syndrome. */
uint32_t a32_syndrome_cond(const struct dis *d);
/* Call when an instruction writes the flags. */
void a32_flags_written(struct dis *d);
/* N and Z of a result, C (I64 0 or 1, or IR_NONE: kept), V kept. */
void a32_flags_nz(struct dis *d, ir_val result, ir_val carry);
/* The address base + offset (I32) of an access. */
ir_val a32_addr(struct dis *d, ir_val address);
/* An access of several words at an address that is no multiple of 4 faults whatever SCTLR.A says.
 */
void a32_check_word(struct dis *d, ir_val address, bool is_store);
/* An exception of this instruction if a cc b, while its registers have not changed. */
void a32_raise_if(struct dis *d, ir_val a, ir_val b, enum ir_cc cc, uint32_t syndrome);
/* Before an access by a register that changes to `after`: m_check_sp() where it is needed. */
void a32_check_base(struct dis *d, int n, ir_val after);
/* The same for a multiple of bytes, a power of two. */
void a32_check_aligned(struct dis *d, ir_val address, unsigned bytes, bool is_store);
/* Set PSTATE.Q if an I64 is not 0 (0 or 1). */
void a32_set_q(struct dis *d, ir_val is_saturated);
/* FP and AdvSIMD instructions, first thing: true when they trap (the unit has ended). */
bool a32_fp_is_trapped(struct dis *d, bool is_simd);

/* --- trans_a32_dp.c --- */
enum a32_shift { A32_LSL, A32_LSR, A32_ASR, A32_ROR };
/* By an amount as instructions encode it: 0 is 32 for LSR and ASR, RRX for ROR. */
ir_val a32_shift_imm(struct dis *d, ir_val v, unsigned type, unsigned amount);
enum a32_expand { IMM_PLAIN, A32_EXPAND, T32_EXPAND };
/* A modified immediate; rotated: it gives a carry, its bit 31. */
uint32_t a32_expand_imm(uint32_t imm12, enum a32_expand how, bool *rotated);

/* --- trans_a32_sys.c --- */
/* Return from an exception to target (I32), PSTATE from the current mode's SPSR; false: there is
 * none. */
bool a32_exception_return(struct dis *d, ir_val target);

/* --- trans_a32_vfp.c: registers by words: S n is n, D n is 2 n --- */
/* An element of 1 << esz bytes at the beginning of a register: I64. */
ir_val a32_vget(struct dis *d, int word, unsigned esz);
void a32_vset(struct dis *d, int word, unsigned esz, ir_val v);
/* Element `index` of a register. */
ir_val a32_vget_lane(struct dis *d, int word, unsigned esz, unsigned index, bool is_signed);
void a32_vset_lane(struct dis *d, int word, unsigned esz, unsigned index, ir_val v);
/* A double or quad register that this processor does not have (or that is none). */
bool a32_bad_d(const struct dis *d, int word, bool q);

/* --- trans_a32_vec.c --- */
/* A single (esz 2) or double as F32 or F64. */
ir_val a32_get_float(struct dis *d, int word, unsigned esz);
void a32_set_float(struct dis *d, int word, unsigned esz, ir_val v);
/* Any operation of the tables: inline, or by a helper.  op: A32_OP_* and its number. */
void a32_vector(struct dis *d, uint32_t op, struct a32_vop o);
/* The slots that a helper for it reads and writes, whatever it does. */
struct ir_slot_set a32_vop_reads(const struct a32_vop *o);
struct ir_slot_set a32_vop_writes(const struct a32_vop *o);

#endif
