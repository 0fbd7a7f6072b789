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
    X86_SLOT_RAX = 0,
    X86_SLOT_RCX,
    X86_SLOT_RDX,
    X86_SLOT_RBX,     /* rax rcx rdx rbx rsp rbp rsi rdi r8..r15: the encoding's order; I64.
                             Outside 64-bit code the upper halves are kept, never seen */
    X86_SLOT_PC = 16, /* linear address: CS.base + rIP, wrapped to 32 bits outside 64-bit code */
    X86_SLOT_CC,      /* I32, X86_CC_*: OF SF ZF AF PF CF */
    X86_SLOT_DF,      /* I64: 0, or all ones while EFLAGS.DF is set */
    X86_SLOT_BASE,    /* bases of ES CS SS DS FS GS (enum x86_seg_reg): I64 */
    X86_SLOT_BASE_CS,
    X86_SLOT_BASE_SS,
    X86_SLOT_FTOP = X86_SLOT_BASE + 6, /* I32: 0..7, and 7 down to where the stack's top is */
    X86_SLOT_FTAG,                     /* I32: bit n: physical register n is empty */
    X86_SLOT_FSW,  /* I32: the status word without TOP, ES and B, which are computed */
    X86_SLOT_FMAN, /* physical registers 0..7: mantissa (MMX: the register), I64 */
    X86_SLOT_FEXP = X86_SLOT_FMAN + 8,  /* sign and exponent: I32 */
    X86_SLOT_XMM = X86_SLOT_FEXP + 8,   /* xmm0..xmm15: V128; in wide units ymm0..ymm15, V256 */
    X86_SLOT_YMMH = X86_SLOT_XMM + 16,  /* bits 255..128 of ymm0..ymm15: V128; not in wide units */
    X86_SLOT_VTMP = X86_SLOT_YMMH + 16, /* V128: for a helper, for one instruction */
    X86_VTMPS = 6,
    X86_SLOT_FIP =
        X86_SLOT_VTMP + X86_VTMPS, /* of the last x87 instruction and its operand: offsets, I64 */
    X86_SLOT_FDP,
    X86_SLOT_FOP, /* 11 bits of its opcode; selectors: I32 */
    X86_SLOT_FCS,
    X86_SLOT_FDS,
    X86_SLOTS
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
    X86_MODE_TF = 1 << 13,  /* single step: one instruction, then #DB */
    X86_MODE_ONE = 1 << 14, /* one instruction with exact checks: close to the limit of CS, in the
                               shadow of STI or MOV SS, RF set, or code breakpoints in DR7 */
    X86_MODE_TS = 1 << 15,  /* CR0.TS: FPU, SSE raise #NM */
    X86_MODE_EM = 1 << 16,  /* CR0.EM: x87 raises #NM, SSE #UD */
    X86_MODE_SSE = 1 << 17, /* CR4.OSFXSR */
    X86_MODE_AVX = 1 << 18, /* CR4.OSXSAVE and XCR0 has SSE and AVX */
    X86_MODE_XM = 1 << 19,  /* some SSE exception is not masked: arithmetic must ask first */
    X86_MODE_X87 = 1 << 20, /* some x87 exception is not masked: one may wait */
    X86_MODE_AC = 1 << 21,  /* alignment check: CR0.AM, EFLAGS.AC, CPL 3 */
    X86_MODE_IO = 1 << 25,  /* I/O needs no permission: CPL <= IOPL or real mode */
    X86_MODE_NARROW = 1 << 26, /* not 64-bit code: pcs wrap */
    X86_MODE_MM = 1 << 27,     /* MXCSR.MM: operands of SSE arithmetic may be misaligned */
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
    uint64_t base[X86_SEGS]; /* where s.seg[].base is brought up to date for saving only */
    uint64_t fman[8];
    uint32_t fexp[8];
    union x86_vreg ymm[16][2], vtmp[X86_VTMPS]; /* xmm0 is ymm[0][0] */
    uint64_t fip, fdp;
    uint32_t fop, fcs, fds;

    struct x86_bounds bounds[X86_SEGS]; /* computed from s.seg[] */
    bool irq_barred; /* something may wait that came, or was looked for, while IF was 0 */
    bool near_limit; /* the next instruction ends close to the limit of CS: alone (X86_MODE_ONE) */
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
    struct address_space *smm_as; /* what it sees in SMM; NULL: the machine's */
    _Atomic uint32_t events;      /* enum x86_event_bit: set by any thread */
    _Atomic uint8_t sipi_vector;
    unsigned pauses;             /* PAUSE instructions so far */
    uint32_t seg_mode;           /* the part of guest_ops.mode that segments decide */
    struct x86_attempt *attempt; /* except.c: where faults of a delivery go */
    bool retry_watched;          /* debug.c: the instruction runs again, to hit its watchpoints */
    struct x86_debug_regs *debug_regs; /* gdb.c */
    struct mem_region nothing;         /* of the first: reads as ones where nothing is mapped */
    uint32_t cpuid_level, cpuid_xlevel, signature, microcode;
    char vendor[13], brand[49];
    uint8_t phys_bits, virt_bits;
    bool hypervisor_leaves;
    uint32_t insn_word; /* of the memory access that faulted: X86_WORD_* */
    /* While a snapshot is taken or loaded: MXCSR with its flags; lower and upper halves of ymm. */
    uint32_t saved_mxcsr;
    union x86_vreg saved_xmm[16], saved_ymmh[16];
};

/* Second operand of insn ops, for faults of the instruction's memory accesses. */
enum {
    X86_WORD_STACK = 1,  /* through SS: addresses that are not canonical are #SS */
    X86_WORD_ALIGNED = 2 /* misaligned is #GP */
};
enum { X86_MXCSR_DAZ = 1 << 6, X86_MXCSR_MM = 1 << 17 };

/* x86_cpu.events: what other threads ask for. */
enum x86_event_bit { X86_EV_NMI = 1, X86_EV_SMI = 2, X86_EV_INIT = 4, X86_EV_SIPI = 8 };

/* Control registers. */
enum {
    X86_CR0_PE = 1 << 0,
    X86_CR0_MP = 1 << 1,
    X86_CR0_EM = 1 << 2,
    X86_CR0_TS = 1 << 3,
    X86_CR0_ET = 1 << 4,
    X86_CR0_NE = 1 << 5,
    X86_CR0_WP = 1 << 16,
    X86_CR0_AM = 1 << 18,
    X86_CR0_NW = 1 << 29,
    X86_CR0_CD = 1 << 30,
};
#define X86_CR0_PG (UINT64_C(1) << 31)
enum {
    X86_CR4_VME = 1 << 0,
    X86_CR4_PVI = 1 << 1,
    X86_CR4_TSD = 1 << 2,
    X86_CR4_DE = 1 << 3,
    X86_CR4_PSE = 1 << 4,
    X86_CR4_PAE = 1 << 5,
    X86_CR4_MCE = 1 << 6,
    X86_CR4_PGE = 1 << 7,
    X86_CR4_PCE = 1 << 8,
    X86_CR4_OSFXSR = 1 << 9,
    X86_CR4_OSXMMEXCPT = 1 << 10,
    X86_CR4_UMIP = 1 << 11,
    X86_CR4_LA57 = 1 << 12,
    X86_CR4_FSGSBASE = 1 << 16,
    X86_CR4_PCIDE = 1 << 17,
    X86_CR4_OSXSAVE = 1 << 18,
    X86_CR4_SMEP = 1 << 20,
    X86_CR4_SMAP = 1 << 21,
    X86_CR4_PKE = 1 << 22,
};
enum {
    X86_EFER_SCE = 1 << 0,
    X86_EFER_LME = 1 << 8,
    X86_EFER_LMA = 1 << 10,
    X86_EFER_NXE = 1 << 11,
    X86_EFER_FFXSR = 1 << 14,
};

static inline struct x86_cpu *x86(struct cpu *cpu)
{
    return (struct x86_cpu *)cpu;
}
static inline bool x86_has(const struct x86_cpu *cpu, enum x86_feature f)
{
    return cpu->features[f / 64] >> f % 64 & 1;
}
/* By its name of vendor: a few things that no bit of CPUID tells are done as AMD's processors do.
 */
static inline bool x86_is_amd(const struct x86_cpu *cpu)
{
    return cpu->vendor[0] == 'A';
}

/* slots.c */
extern const struct ir_slot x86_slots[X86_SLOTS];
/* trans.c: guest_ops.translate */
struct tx;
void x86_translate(struct tx *tx);
/* disas.c: guest_ops.disas */
unsigned x86_disas(struct cpu *cpu, FILE *f, gva pc, const uint8_t *bytes, unsigned len);
/* decode.c: what an instruction is called in the opcode maps, and its size; NULL: it is none. */
const char *x86_decode_name(const struct x86_cpu *cpu, uint32_t mode, const uint8_t *bytes,
                            unsigned len, unsigned *size);

/* --- except.c --- */
/* Deliver an exception; s.pc is that of the instruction (faults) or of the next (traps), as the
 * class of the exception wants.  A second fault on the way becomes a double fault, then shutdown.
 * Returns when the handler is entered: translated code must be left then. */
void x86_raise(struct x86_cpu *cpu, enum x86_exception vector, uint32_t error);
/* What brings an interrupt about. */
enum x86_int_kind {
    X86_INT_EXCEPTION,
    X86_INT_EXTERNAL, /* INTR, NMI */
    X86_INT_N,        /* INT n */
    X86_INT_3,        /* INT3, INTO: no check against IOPL in virtual-8086 mode */
    X86_INT_1,        /* INT1: no privilege check at all */
};
/* For helper_one_end(): whether to step is what TF says now. */
enum { X86_STEP_BY_FLAG = 2 };
/* INT n and the like: with privilege checks of the gate; next: pc after the instruction.  Returns
 * as x86_raise() does. */
void x86_software_interrupt(struct x86_cpu *cpu, unsigned vector, enum x86_int_kind kind,
                            uint64_t next);
/* A fault of an instruction, from a helper or from within a delivery: does not return. */
void x86_fault(struct x86_cpu *cpu, enum x86_exception vector, uint32_t error) NORETURN;

/* --- seg.c --- */
/* After s.seg[n] (but for bases), control registers, EFLAGS.VM or CPL changed: bounds and mode
 * follow. */
void x86_segments_changed(struct x86_cpu *cpu);
/* All of EFLAGS, put together; and set, without checks of privilege. */
uint32_t x86_eflags(const struct x86_cpu *cpu);
void x86_set_eflags(struct x86_cpu *cpu, uint32_t eflags);
/* pc less the base of CS. */
uint64_t x86_rip(const struct x86_cpu *cpu);

#endif
