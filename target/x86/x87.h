/* The x87 unit: how an instruction is handed to its helpers, and the words of its state. */
#ifndef TARGET_X86_X87_H
#define TARGET_X86_X87_H

#include "fpu/x80.h"
#include "target/x86/cpu.h"

/* Status word: the slot has no TOP, ES and B. */
enum {
    X87_SW_SF = 1 << 6, /* stack fault; with IE */
    X87_SW_ES = 1 << 7,
    X87_SW_C0 = 1 << 8,
    X87_SW_C1 = 1 << 9,
    X87_SW_C2 = 1 << 10,
    X87_SW_C3 = 1 << 14,
    X87_SW_B = 1 << 15,
    X87_SW_TOP_SHIFT = 11,
    X87_SW_CC = X87_SW_C0 | X87_SW_C1 | X87_SW_C2 | X87_SW_C3,
    X87_SW_SLOT = X87_ALL | X87_SW_SF | X87_SW_CC,
};
/* Control word: the bits that can be changed, and the one that is always set. */
enum { X87_CW_BITS = 0x1f3f, X87_CW_SET = 0x40, X87_CW_INITIAL = 0x37f };
enum { X87_FOP_BITS = 0x7ff };

enum x87_op {
    X87_FADD, /* the first eight in the order of ModRM.reg */
    X87_FMUL,
    X87_FCOM,
    X87_FCOMP,
    X87_FSUB,
    X87_FSUBR,
    X87_FDIV,
    X87_FDIVR,
    X87_FUCOM,
    X87_FCOMI,
    X87_FUCOMI,
    X87_FLD,
    X87_FCONST, /* i: ModRM.rm */
    X87_FST,    /* to memory or ST(i) */
    X87_FSTP1,  /* D9 /3 */
    X87_FIST,
    X87_FISTT,
    X87_FXCH,
    X87_FCMOV, /* the value is the condition: 0 or 1 */
    X87_FCHS,
    X87_FABS,
    X87_FNOP,
    X87_FFREE,
    X87_FTST,
    X87_FXAM,
    X87_F2XM1, /* the second sixteen of D9's registers, in their order */
    X87_FYL2X,
    X87_FPTAN,
    X87_FPATAN,
    X87_FXTRACT,
    X87_FPREM1,
    X87_FDECSTP,
    X87_FINCSTP,
    X87_FPREM,
    X87_FYL2XP1,
    X87_FSQRT,
    X87_FSINCOS,
    X87_FRNDINT,
    X87_FSCALE,
    X87_FSIN,
    X87_FCOS,
    X87_FLDENV, /* from here on they wait for no exception, or look at all of the state */
    X87_FNSTENV,
    X87_FRSTOR,
    X87_FNSAVE,
    X87_FLDCW,
    X87_FNCLEX,
    X87_FNINIT,
    X87_FNSTSW, /* AX */
};

/* Where an operand is. */
enum x87_operand { X87_ST, X87_I16, X87_I32, X87_I64, X87_F32, X87_F64, X87_F80, X87_BCD };

/* First argument of the helper: enum x87_op, and where. */
enum {
    X87_I_SHIFT = 8,        /* 3 bits: of ST(i) */
    X87_OPERAND_SHIFT = 11, /* 3 bits: enum x87_operand */
    X87_TO_I = 1 << 14,     /* the result goes to ST(i), not to ST(0) */
    X87_POPS_SHIFT = 15,    /* 2 bits */
    X87_SEG_SHIFT = 17,     /* 3 bits: of the memory operand */
    X87_FOP_SHIFT = 20,     /* 11 bits: of the opcode */
    X87_WIDE = 1u << 31,    /* 32-bit operands: images of the state */
};

static inline uint32_t x87_status(const struct x86_cpu *cpu)
{
    bool waits = cpu->fsw & ~(uint32_t)cpu->s.fcw & X87_ALL;
    return cpu->fsw | (cpu->ftop & 7) << X87_SW_TOP_SHIFT | (waits ? X87_SW_ES | X87_SW_B : 0);
}
/* Two bits a physical register: valid, zero, special, empty (SDM volume 1, 8.1.7). */
uint32_t x87_full_tags(const struct x86_cpu *cpu);
/* All of the status word, TOP included; all of the control word. */
void x87_set_status(struct x86_cpu *cpu, uint32_t status);
void x87_set_control(struct x86_cpu *cpu, uint32_t control);
void x87_init(struct x86_cpu *cpu);
/* No exception waits any more: FERR# goes, and what IGNNE# has allowed. */
void x87_exceptions_changed(struct x86_cpu *cpu);
/* What the translator's x87 ops do. */
struct tcg_x87;
extern const struct tcg_x87 x87_ops;
/* x87_env.c: the slots as FNSAVE writes them, without pointers to the last instruction; and back.
 */
void x87_to_image(void *cpu, uint8_t *image);
void x87_from_image(void *cpu, const uint8_t *image);
/* x87_env.c: the instructions from X87_FLDENV on that have images in memory. */
void x87_environment(struct x86_cpu *cpu, uint32_t word, uint32_t memop, uint64_t linear);

#endif
