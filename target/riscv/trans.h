/* State of one translation, and what the trans_* functions of all extensions share. */
#ifndef TARGET_RISCV_TRANS_H
#define TARGET_RISCV_TRANS_H

#include "target/riscv/cpu.h"
#include "target/riscv/decode.h"
#include "target/riscv/helpers.h"
#include "tcg/ir.h"

struct dis {
    struct ir *ir;
    const struct rv_cpu *cpu; /* configuration only */
    uint64_t start;           /* pc of the unit */
    uint64_t pc, next;        /* of this instruction and of the one translated after it */
    uint32_t insn;
    unsigned len;    /* bytes of this instruction */
    unsigned xlen;   /* 32 or 64 */
    enum ir_type xt; /* I32 or I64: width of an x register */
    unsigned priv, fs, frm;
    uint32_t mem; /* MMU index as a part of memops */
    bool ended;   /* an exit was emitted */
};

/* dis.fs: mstatus.FS as rv_mode() has it. */
enum { MODE_FS_OFF, MODE_FS_CLEAN, MODE_FS_DIRTY };
/* Formats, as F instructions encode them. */
enum rv_fmt { FMT_S, FMT_D, FMT_H };
/* Integer types of conversions, as the instructions encode them. */
enum rv_int { RV_INT_W, RV_INT_WU, RV_INT_L, RV_INT_LU };
/* Flags of helper_sfence_vma. */
enum rv_sfence { SFENCE_ADDR = 1, SFENCE_ASID = 2, SFENCE_SINVAL = 4 };
/* Operation of helper_cbo: the immediate of the instruction. */
enum rv_cbo { CBO_INVAL = 0, CBO_CLEAN = 1, CBO_FLUSH = 2, CBO_ZERO = 4 };

/* Last argument of FP helpers: format, rounding mode (resolved), and aux, which helpers.def
 * explains. */
static inline uint32_t rv_fp_how(enum rv_fmt fmt, unsigned rm, unsigned aux)
{
    return fmt | rm << 2 | aux << 5;
}

static inline bool dis_has(const struct dis *d, enum rv_ext e)
{
    return rv_has(d->cpu, e);
}
/* The same for extensions that use the F registers: off with mstatus.FS. */
static inline bool dis_has_fp(const struct dis *d, enum rv_ext e)
{
    return d->fs && rv_has(d->cpu, e);
}

/* Prepare to translate from pc under a mode of rv_mode(); trans.c. */
void dis_init(struct dis *d, struct ir *ir, const struct rv_cpu *cpu, uint64_t pc, uint32_t mode);
/* Decode and translate the instruction at d->pc; illegal ones raise. len: 2 or 4. */
void dis_insn(struct dis *d, uint32_t insn, unsigned len);

/* x registers.  gpr: as wide as the machine's; gpr32, gpr64: the low half, the whole slot
 * (sign-extended on RV32). */
ir_val gpr(struct dis *d, int n);
ir_val gpr32(struct dis *d, int n);
ir_val gpr64(struct dis *d, int n);
/* Write a register: I32 values are sign-extended; x0 is left alone. */
void set_gpr(struct dis *d, int n, ir_val v);
/* A constant as wide as an x register. */
ir_val imm(struct dis *d, int64_t value);
ir_val imm32(struct dis *d, uint32_t value);
/* Address of an access: x register plus offset, zero-extended on RV32. */
ir_val addr(struct dis *d, int rs1, int offset);

/* A pc as a value: 64 bits, or as wide as an x register. */
ir_val pc64(struct dis *d, uint64_t pc);
ir_val pc_gpr(struct dis *d, uint64_t pc);
/* Helpers that may raise need the pc slot. */
void set_pc(struct dis *d, uint64_t pc);
/* Continue at pc, known now. */
void end_jump(struct dis *d, uint64_t pc);
/* Continue after this instruction in a mode that may be another. */
void end_mode(struct dis *d);
/* Continue at the pc slot, which a helper has written. */
void end_lookup(struct dis *d);
/* Leave to the executor's loop after this instruction: to sleep, or to let other threads run. */
enum { MAIN_WFI = 1, MAIN_YIELD = 2 };
void end_main(struct dis *d, uint32_t reason);
/* The instruction's target is not aligned (no C extension): raise; ends the block. */
void raise_misaligned(struct dis *d, ir_val target);
/* Bits of a pc that must be zero. */
unsigned pc_align_mask(const struct dis *d);

#endif
