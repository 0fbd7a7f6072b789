/*
 * An Arm processor (A profile): its registers and configuration.
 *
 * Ref: Arm Architecture Reference Manual for A-profile architecture (DDI 0487), "the manual" in
 * this directory.
 */
#ifndef TARGET_ARM_CPU_H
#define TARGET_ARM_CPU_H

#include "core/clock.h"
#include "core/cpu.h"
#include "core/irq.h"
#include "core/state.h"
#include "target/arm/arm.h"
#include "target/arm/features.h"
#include "target/arm/m.h"
#include "target/arm/state.h"
#include "tcg/ir.h"

#include <stddef.h>

/* Slots: the state that translated code names (slots.c). */
enum {
    ARM_SLOT_X0 =
        0, /* x0..x30; AArch32: r0..r14 of the current mode in the first 15, zero-extended */
    ARM_SLOT_SP = 31,   /* the stack pointer in use (SP_EL0 or SP_ELx by PSTATE.SP) */
    ARM_SLOT_PC = 32,   /* AArch32: zero-extended, bit 0 clear; PSTATE.T is s.pstate's */
    ARM_SLOT_FLAGS,     /* I32, ARM_FLAG_*: PSTATE.{N,Z,C,V} */
    ARM_SLOT_EXCL_ADDR, /* local exclusive monitor: virtual address, all ones: open */
    ARM_SLOT_EXCL_VAL,  /* and what was loaded: first 8 bytes, then the second 8 of a pair */
    ARM_SLOT_EXCL_HIGH,
    ARM_SLOT_QC,    /* I32: FPSR.QC, 0 or not 0; cumulative saturation */
    ARM_SLOT_QF,    /* I32: AArch32 PSTATE.Q, 0 or not 0 */
    ARM_SLOT_GE,    /* I32: AArch32 PSTATE.GE, 4 bits */
    ARM_SLOT_INSNS, /* instructions that began, while some monitor counts them */
    ARM_SLOT_V0,    /* v0..v31: V128 */
    ARM_SLOTS = ARM_SLOT_V0 + 32
};

/*
 * ARM_SLOT_FLAGS holds what x86's LAHF and SETO make of a comparison, so that it costs three host
 * instructions there (the flags_* ops of tcg/ops.def): note that carry is inverted (set: a borrow,
 * which is Arm's C clear).  Other bits are zero.
 */
enum {
    ARM_FLAG_N = 1 << 15,
    ARM_FLAG_Z = 1 << 14,
    ARM_FLAG_NOT_C = 1 << 8,
    ARM_FLAG_V = 1 << 0,
    ARM_FLAG_ALL = ARM_FLAG_N | ARM_FLAG_Z | ARM_FLAG_NOT_C | ARM_FLAG_V
};

/* MMU indices: translation regimes with the privilege of the access. */
enum {
    ARM_IDX_EL10_0,     /* EL1&0 regime, unprivileged */
    ARM_IDX_EL10_1,     /* privileged */
    ARM_IDX_EL10_1_PAN, /* privileged, with PSTATE.PAN */
    ARM_IDX_EL2,
    ARM_IDX_EL20_0, /* EL2&0 regime (HCR_EL2.E2H): unprivileged */
    ARM_IDX_EL20_2,
    ARM_IDX_EL20_2_PAN,
    ARM_IDX_EL3
};

/* guest_ops.mode: what translation depends on. */
enum {
    ARM_MODE_EL = 3 << 0,
    ARM_MODE_SECURE = 1 << 2,
    ARM_MODE_A32 = 1 << 3,
    ARM_MODE_IDX_SHIFT = 4,  /* 3 bits: of loads and stores */
    ARM_MODE_FP_SHIFT = 7,   /* 2 bits: 0 FP is usable, else the EL that FP instructions trap to */
    ARM_MODE_ALIGN = 1 << 9, /* SCTLR.A */
    ARM_MODE_BE = 1 << 10,   /* data is big endian: SCTLR.EE/E0E, CPSR.E */
    ARM_MODE_DN = 1 << 11,   /* FPCR (FPSCR).DN */
    ARM_MODE_FZ = 1 << 12,
    ARM_MODE_FZ16 = 1 << 13,
    ARM_MODE_RM_SHIFT = 14,   /* 2 bits: FPCR.RMode */
    ARM_MODE_SS = 1 << 16,    /* software step is active: one instruction, then its exception */
    ARM_MODE_IL = 1 << 17,    /* PSTATE.IL: everything is an Illegal Execution State exception */
    ARM_MODE_BREAK = 1 << 29, /* a breakpoint may match (debug.c): units ask */
    /* AArch64 */
    ARM_MODE_BTI = 1 << 18,    /* a guarded page was met: units check where branches land */
    ARM_MODE_BT = 1 << 19,     /* SCTLR.BTn: PACIASP is no landing for every branch */
    ARM_MODE_TBI = 1 << 20,    /* tags of instruction addresses: TBI of the lower half, */
    ARM_MODE_TBI1 = 1 << 21,   /* and of the upper (EL2, EL3: the same) */
    ARM_MODE_SA = 1 << 22,     /* SP alignment is checked */
    ARM_MODE_UNPRIV = 1 << 23, /* LDTR, STTR and the like use the unprivileged index */
    ARM_MODE_PAUTH = 1 << 24, /* some SCTLR.EnXX is set: else pointer authentication does nothing */
    ARM_MODE_TRAPS =
        1 << 25, /* a trap of the EL0 cache, WFI, CTR or DC ZVA instructions is on: ask */
    ARM_MODE_NAA = 1 << 26,   /* SCTLR.nAA: ordered accesses may be misaligned */
    ARM_MODE_COUNT = 1 << 27, /* instructions are counted (pmu.c); AArch32: with ARM_MODE_BREAK */
    /* AArch32 */
    ARM_MODE_THUMB = 1 << 18,
    ARM_MODE_IT_SHIFT = 19,  /* 8 bits: PSTATE.IT at the first instruction */
    ARM_MODE_VLEN = 1 << 27, /* FPSCR.LEN or STRIDE is not 0 */
    ARM_MODE_SYS = 1 << 28,  /* System mode, which has no SPSR */
    /* M profile, where EL 1 means privileged, and THUMB is EPSR.T */
    ARM_MODE_M_HANDLER = ARM_MODE_SYS,
    ARM_MODE_M_FP_BEGIN = ARM_MODE_SECURE, /* the next FP instruction has work to do first */
    ARM_MODE_M_LIMIT = ARM_MODE_FZ16       /* the stack pointer in use has a limit */
    /* bits 30 and 31 are the accelerator's */
};

union arm_vreg {
    uint8_t b[16];
    uint16_t h[8];
    uint32_t s[4];
    uint64_t d[2];
} __attribute__((aligned(16)));

/* Identification registers, as configured. */
struct arm_ids {
    uint64_t midr, revidr, ctr, clidr, ccsidr[16], dczid;
    uint64_t aa64pfr0, aa64pfr1, aa64dfr0, aa64dfr1, aa64isar0, aa64isar1, aa64isar2, aa64mmfr0,
        aa64mmfr1, aa64mmfr2;
    /* AArch32's */
    uint32_t pfr0, pfr1, pfr2, dfr0, dfr1, afr0, mmfr0, mmfr1, mmfr2, mmfr3, mmfr4, mmfr5;
    uint32_t isar0, isar1, isar2, isar3, isar4, isar5, isar6;
    uint32_t mvfr0, mvfr1, mvfr2, fpsid;
    uint64_t pmceid[2], cbar;
    uint8_t pa_bits, breakpoints, watchpoints, context_breakpoints, pmu_counters;
    uint16_t pmu_code; /* PMCR.IMP, IDCODE */
    bool has_16k;      /* pages of 16 KiB */
};

struct arm_cpu {
    struct cpu cpu; /* first */
    /* Slots. */
    uint64_t x[32]; /* x[31] is the stack pointer in use */
    uint64_t pc;
    uint64_t excl_addr, excl_val, excl_high;
    uint64_t insns;
    uint32_t flags, qc, qf, ge;
    union arm_vreg v[32]; /* AArch32: d0..d31 lie two in each of the first 16 */

    uint64_t features[2]; /* bits of enum arm_feature; fixed after configuration, like cfg */
    struct arm_cpu_config cfg;
    const struct arm_model *model;
    struct arm_state s; /* set by reset (state table in cpu.c) */

    const struct gicv3_cpu_ops *gic_ops; /* NULL: no system-register interface */
    void *gic;
    uint8_t gic_told; /* what the GIC knows of the exception level; 0: nothing yet */

    struct arm_boot { /* arm_cpu_set_boot() */
        bool valid;
        unsigned el;
        uint64_t pc, x[4];
    } boot;
    struct arm_ids id; /* computed from the model and its features */
    enum { ARM_NOT_STEPPED, ARM_STEPPED, ARM_STEPPED_EXCLUSIVE } stepped; /* software step */
    uint64_t step_pc; /* of the instruction that was stepped */
    uint64_t timer_hz;
    struct mutex timer_lock; /* leaf: timers and counters against the main loop's thread */
    struct timer timers[ARM_TIMERS], pmu_timer;
    struct irq timer_irq[ARM_TIMERS], pmu_irq;
    /* Invalidations that other processors asked for (tlbi.c), and how many of ours they have yet
     * to do. */
    struct arm_tlbi_queue *tlbi;
    _Atomic uint32_t tlbi_waits;
    _Atomic bool event_sent; /* SEV by another processor */
    int64_t dozed_at;        /* WFE: when it waited last, in microseconds of the host */
    unsigned dozes;          /* and how often in a row */
    /* Of the walk that failed last. */
    struct arm_fault {
        uint64_t ipa;   /* of a stage 2 fault */
        uint8_t domain; /* short descriptors: of a domain or permission fault */
        uint32_t insn;
    } fault;
    uint32_t cp_key, cp_how; /* AArch32: the access to a coprocessor register under way */
    /* PSTATE.BTYPE is s.ps.btype while the pc is btype_pc, and 0 elsewhere; arm_btype(). */
    uint64_t btype_pc, btype_from; /* where a branch went to, and where it was */
    bool guarded_pages;            /* some page of code was guarded */
    bool tagged_pages;             /* some TLB entry stands under an address with a tag */
    _Atomic bool power_on_pending; /* PSCI */
    uint64_t pmu_seen[32];         /* values of its counters when they were looked at last */
    uint32_t pmu_on;               /* those that count, here and now */
    bool pmu_counts_insns;         /* some of them count instructions */
    bool no_globals;               /* TLB entries of EL1&0 belong to a VM or a security state */
    uint64_t break_filter;         /* bits by address bits 7..2: breakpoints that may match there */
    bool is_watching;              /* some watchpoint is enabled */
    uint32_t saved_fpsr;
    struct arm_m m;
    struct arm_debug_regs *debug_regs; /* gdb.c's, once asked for */
};

static inline struct arm_cpu *arm(struct cpu *cpu)
{
    return (struct arm_cpu *)cpu;
}
static inline bool arm_has(const struct arm_cpu *cpu, enum arm_feature f)
{
    return cpu->features[f / 64] >> f % 64 & 1;
}

static inline bool arm_is_m(const struct arm_cpu *cpu)
{
    return cpu->m.version;
}

/* slots.c */
extern const struct ir_slot arm_slots[ARM_SLOTS];
extern const struct ir_slot arm32_slots[ARM_SLOTS]; /* without AArch64 state */
/* trans.c: guest_ops.translate */
struct tx;
void arm_translate(struct tx *tx);

#endif
