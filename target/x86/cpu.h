/*
 * An x86 processor: its registers and configuration.
 *
 * Ref: Intel 64 and IA-32 Architectures Software Developer's Manual ("SDM") and AMD64
 * Architecture Programmer's Manual ("APM"), "the manuals" in this directory.
 */
#ifndef TARGET_X86_CPU_H
#define TARGET_X86_CPU_H

#include "core/cpu.h"
#include "core/irq.h"
#include "core/state.h"
#include "target/x86/features.h"
#include "target/x86/state.h"
#include "target/x86/x86.h"
#include "tcg/ir.h"

#include <stddef.h>

/* Slots: the state that translated code names (slots.c). */
enum {
    X86_SLOT_RAX = 0, /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15: the encoding's order; I64.
                         Outside 64-bit code the upper halves are kept, never seen */
    X86_SLOT_PC = 16, /* linear address: CS.base + rIP, wrapped to 32 bits outside 64-bit code */
    X86_SLOT_CC,      /* I32, X86_CC_*: OF SF ZF AF PF CF */
    X86_SLOT_DF,      /* I64: 0, or all ones while EFLAGS.DF is set */
    X86_SLOT_BASE,    /* bases of ES CS SS DS FS GS (enum x86_seg_reg): I64 */
    X86_SLOT_FTOP = X86_SLOT_BASE + 6, /* I32: 0..7, and 7 down to where the stack's top is */
    X86_SLOT_FTAG,                     /* I32: bit n: physical register n is empty */
    X86_SLOT_FSW,  /* I32: the status word without TOP, ES and B, which are computed */
    X86_SLOT_FMAN, /* physical registers 0..7: mantissa (MMX: the register), I64 */
    X86_SLOT_FEXP = X86_SLOT_FMAN + 8, /* sign and exponent: I32 */
    X86_SLOT_XMM = X86_SLOT_FEXP + 8,  /* xmm0..xmm15: V128 */
    X86_SLOT_YMMH = X86_SLOT_XMM + 16, /* bits 255..128 of ymm0..ymm15: V128 */
    X86_SLOTS = X86_SLOT_YMMH + 16
};

/*
 * X86_SLOT_CC holds what LAHF and SETO leave in AX: three host instructions on an x86 host, and on
 * others bits to compute one by one.  Always exactly these bits: the others are 0.
 */
enum {
    X86_CC_O = 1 << 0,
    X86_CC_C = 1 << 8,
    X86_CC_P = 1 << 10,
    X86_CC_A = 1 << 12,
    X86_CC_Z = 1 << 14,
    X86_CC_S = 1 << 15,
    X86_CC_ALL = X86_CC_O | X86_CC_C | X86_CC_P | X86_CC_A | X86_CC_Z | X86_CC_S
};

/* EFLAGS. */
enum {
    X86_FL_CF = 1 << 0,
    X86_FL_1 = 1 << 1,
    X86_FL_PF = 1 << 2,
    X86_FL_AF = 1 << 4,
    X86_FL_ZF = 1 << 6,
    X86_FL_SF = 1 << 7,
    X86_FL_TF = 1 << 8,
    X86_FL_IF = 1 << 9,
    X86_FL_DF = 1 << 10,
    X86_FL_OF = 1 << 11,
    X86_FL_IOPL = 3 << 12,
    X86_FL_NT = 1 << 14,
    X86_FL_RF = 1 << 16,
    X86_FL_VM = 1 << 17,
    X86_FL_AC = 1 << 18,
    X86_FL_VIF = 1 << 19,
    X86_FL_VIP = 1 << 20,
    X86_FL_ID = 1 << 21,
    /* what struct x86_state.eflags holds */
    X86_EFLAGS_SYS = X86_FL_TF | X86_FL_IF | X86_FL_IOPL | X86_FL_NT | X86_FL_RF | X86_FL_VM |
                     X86_FL_AC | X86_FL_VIF | X86_FL_VIP | X86_FL_ID
};

enum x86_exception {
    X86_DE = 0,
    X86_DB = 1,
    X86_NMI = 2,
    X86_BP = 3,
    X86_OF = 4,
    X86_BR = 5,
    X86_UD = 6,
    X86_NM = 7,
    X86_DF = 8,
    X86_TS = 10,
    X86_NP = 11,
    X86_SS_FAULT = 12,
    X86_GP = 13,
    X86_PF = 14,
    X86_MF = 16,
    X86_AC = 17,
    X86_MC = 18,
    X86_XM = 19
};

/* MMU indices. */
enum {
    X86_IDX_USER,       /* CPL 3 */
    X86_IDX_KERNEL,     /* CPL 0 to 2 that may touch user pages: no CR4.SMAP, or EFLAGS.AC */
    X86_IDX_KERNEL_SMAP /* that may not; always for accesses to descriptor tables, TSS and shadow
                           stacks when CR4.SMAP is set, at CPL 3, too */
};

/* guest_ops.mode: what translation depends on. */
enum {
    X86_MODE_64 = 1 << 0,   /* 64-bit code */
    X86_MODE_CS32 = 1 << 1, /* CS.D: 32-bit operands and addresses (never with X86_MODE_64) */
    X86_MODE_SS32 = 1 << 2, /* SS.B: esp, not sp */
    X86_MODE_PE = 1 << 3,   /* protected mode */
    X86_MODE_VM = 1 << 4,   /* virtual-8086 */
    X86_MODE_LMA = 1 << 5,  /* long mode is active (64-bit or compatibility mode) */
    X86_MODE_CPL_SHIFT = 6, /* 2 bits */
    X86_MODE_CPL = 3 << 6,
    X86_MODE_SMAP = 1 << 8, /* loads and stores through X86_IDX_KERNEL_SMAP */
    /* Segments that begin at 0, have no limit below 4 GiB and allow all accesses: no addition, no
     * check.  In 64-bit code all but FS and GS are so whatever these say. */
    X86_MODE_FLAT_CS = 1 << 9,
    X86_MODE_FLAT_SS = 1 << 10,
    X86_MODE_FLAT_DS = 1 << 11,
    X86_MODE_FLAT_ES = 1 << 12,
    X86_MODE_TF = 1 << 13,   /* single step: one instruction, then #DB */
    X86_MODE_ONE = 1 << 14,  /* one instruction with exact checks: close to the limit of CS, in the
                                shadow of STI or MOV SS, RF set, or code breakpoints in DR7 */
    X86_MODE_TS = 1 << 15,   /* CR0.TS: FPU, SSE raise #NM */
    X86_MODE_EM = 1 << 16,   /* CR0.EM: x87 raises #NM, SSE #UD */
    X86_MODE_SSE = 1 << 17,  /* CR4.OSFXSR */
    X86_MODE_AVX = 1 << 18,  /* CR4.OSXSAVE and XCR0 has SSE and AVX */
    X86_MODE_XM = 1 << 19,   /* some SSE exception is not masked: arithmetic must ask first */
    X86_MODE_X87 = 1 << 20,  /* the x87 control word is not 0x37f (all masked, nearest, 64 bits) */
    X86_MODE_AC = 1 << 21,   /* alignment check: CR0.AM, EFLAGS.AC, CPL 3 */
    X86_MODE_TOP_SHIFT = 22, /* 3 bits: TOP of the x87 status word: units know their registers */
    X86_MODE_TOP = 7 << 22,
    X86_MODE_IO = 1 << 25, /* I/O needs no permission: CPL <= IOPL or real mode */
    /* bits 30 and 31 are the accelerator's */
};

union x86_vreg {
    uint8_t b[16];
    uint16_t w[8];
    uint32_t d[4];
    uint64_t q[2];
} __attribute__((aligned(16)));

struct x86_model;
struct apic_ops;

struct x86_cpu {
    struct cpu cpu; /* first */
    /* Slots. */
    uint64_t r[16];
    uint64_t pc;
    uint32_t cc, ftop, ftag, fsw;
    uint64_t df;
    uint64_t base[X86_SEGS]; /* the bases of s.seg[], which are stale while the CPU runs */
    uint64_t fman[8];
    uint32_t fexp[8];
    union x86_vreg xmm[16], ymmh[16];

    struct x86_bounds bounds[X86_SEGS]; /* computed from s.seg[] */
    struct x86_state s;
    uint64_t features[X86_FEATURE_WORDS]; /* bits of enum x86_feature; fixed after configuration */
    struct x86_cpu_config cfg;
    const struct x86_model *model;
    struct x86_boot boot;
    bool has_boot;
    unsigned (*pic_acknowledge)(void *opaque);
    void *pic;
    const struct apic_ops *apic_ops; /* NULL: none */
    void *apic;
    struct irq ferr;
    uint64_t tsc_hz;
    /* Of the walk that failed last. */
    struct {
        uint32_t error; /* the error code of #PF */
    } fault;
};

static inline struct x86_cpu *x86(struct cpu *cpu)
{
    return (struct x86_cpu *)cpu;
}
static inline bool x86_has(const struct x86_cpu *cpu, enum x86_feature f)
{
    return cpu->features[f / 64] >> f % 64 & 1;
}

/* slots.c */
extern const struct ir_slot x86_slots[X86_SLOTS];
/* trans.c: guest_ops.translate */
struct tx;
void x86_translate(struct tx *tx);

/* --- except.c --- */
/* Deliver an exception; s.pc is that of the instruction (faults) or of the next (traps), as the
 * class of the exception wants.  A second fault on the way becomes a double fault, then shutdown.
 * Returns when the handler is entered: translated code must be left then. */
void x86_raise(struct x86_cpu *cpu, enum x86_exception vector, uint32_t error);
/* INT n, INT3, INTO: with privilege checks of the gate; next: pc after the instruction. */
void x86_software_interrupt(struct x86_cpu *cpu, unsigned vector, uint64_t next);

/* --- seg.c --- */
/* After s.seg[n], control registers, EFLAGS.VM or CPL changed: bases, bounds and mode follow. */
void x86_segments_changed(struct x86_cpu *cpu);
/* All of EFLAGS, put together; and set, without checks of privilege. */
uint32_t x86_eflags(const struct x86_cpu *cpu);
void x86_set_eflags(struct x86_cpu *cpu, uint32_t eflags);
/* pc less the base of CS. */
uint64_t x86_rip(const struct x86_cpu *cpu);

#endif
