/* RISC-V hart: its whole state.  Ref: The RISC-V Instruction Set Manual, Volumes I and II, 2024
 * editions. */
#ifndef TARGET_RISCV_CPU_H
#define TARGET_RISCV_CPU_H

#include "core/clock.h"
#include "core/cpu.h"
#include "core/state.h"
#include "target/riscv/riscv.h"
#include "tcg/ir.h"

#include <stdint.h>

enum rv_priv { PRV_U = 0, PRV_S = 1, PRV_M = 3 };

/* Extensions that can be switched by name; bit numbers of rv_cpu.ext.  Names, defaults and
 * dependencies: ext.c. */
enum rv_ext {
    EXT_I,
    EXT_E,
    EXT_M,
    EXT_A,
    EXT_F,
    EXT_D,
    EXT_C,
    EXT_S,
    EXT_U,
    EXT_V,
    EXT_H,
    EXT_ZICSR,
    EXT_ZIFENCEI,
    EXT_ZICNTR,
    EXT_ZIHPM,
    EXT_ZICOND,
    EXT_ZICBOM,
    EXT_ZICBOZ,
    EXT_ZICBOP,
    EXT_ZIMOP,
    EXT_ZCMOP,
    EXT_ZIHINTPAUSE,
    EXT_ZIHINTNTL,
    EXT_ZAWRS,
    EXT_ZACAS,
    EXT_ZAAMO,
    EXT_ZALRSC,
    EXT_ZBA,
    EXT_ZBB,
    EXT_ZBC,
    EXT_ZBS,
    EXT_ZCA,
    EXT_ZCB,
    EXT_ZCD,
    EXT_ZCF,
    EXT_ZFH,
    EXT_ZFHMIN,
    EXT_ZFA,
    EXT_SSTC,
    EXT_SVADU,
    EXT_SVADE,
    EXT_SVINVAL,
    EXT_SVNAPOT,
    EXT_SVPBMT,
    EXT_SMSTATEEN,
    EXT_SMAIA,
    EXT_SSAIA,
    /* Promises of behaviour that is always so here: names in the ISA string only. */
    EXT_ZIC64B,
    EXT_ZICCAMOA,
    EXT_ZICCIF,
    EXT_ZICCLSM,
    EXT_ZICCRSE,
    EXT_ZA64RS,
    EXT_ZKT,
    EXT_SSCCPTR,
    EXT_SSCOUNTERENW,
    EXT_SSTVALA,
    EXT_SSTVECD,
    EXT_SSU64XL,
    EXT_SVBARE,
    EXT_COUNT
};

/* MMU indices: privilege of the access, SUM, and MXR as a second bank. */
enum { RV_IDX_U = 0, RV_IDX_S = 1, RV_IDX_SUM = 2, RV_IDX_M = 3, RV_IDX_MXR = 4 };

/* Bits of guest_ops.mode(): what translated code was specialised for. */
enum {
    RV_MODE_PRIV = 3,      /* enum rv_priv */
    RV_MODE_IDX_SHIFT = 2, /* 3 bits: MMU index of loads and stores (MPRV, SUM, MXR are in it) */
    RV_MODE_FS_SHIFT =
        5, /* 2 bits: 0 FP off, 1 initial or clean (first write sets dirty), 2 dirty */
    RV_MODE_FRM_SHIFT = 7, /* 3 bits: frm, as dynamic rounding uses it (5..7 are illegal) */
    RV_MODE_RV32 = 1 << 10,
    RV_MODE_DEBUG = 1 << 11, /* reserved for triggers */
};

enum { RV_HPM_FIRST = 3, RV_HPM_LAST = 31, RV_PMP_MAX = 64 };

/* Slot numbers of slots.c's table. x0 has none. */
enum {
    RV_SLOT_X1 = 0,  /* x1..x31: RV_SLOT_X1 + n - 1 */
    RV_SLOT_F0 = 31, /* f0..f31: F64; a single is NaN-boxed */
    RV_SLOT_PC = 63,
    RV_SLOT_RES_ADDR, /* LR reservation: address (all ones: none) */
    RV_SLOT_RES_VAL,  /* and the value loaded, extended as LR did */
    RV_SLOTS
};

struct rv_debug_regs;

struct rv_cpu {
    struct cpu cpu; /* first */
    /* Slots.  On RV32 the x registers hold sign-extended 32-bit values, pc a zero-extended one. */
    uint64_t x[32];
    uint64_t pc;
    uint64_t f[32];
    uint64_t res_addr, res_val;

    /* Configuration: fixed after realize. */
    uint64_t ext;  /* bits of enum rv_ext */
    unsigned xlen; /* 32 or 64 */
    unsigned hartid;
    unsigned pmp_count;     /* 0, 16 or 64 */
    unsigned max_satp_mode; /* satp.MODE's largest: 0, 1 (Sv32), 8, 9, 10 */
    uint32_t asid_mask;
    unsigned priv_spec; /* 0x10a00 for 1.10, ..., 0x10c00, 0x10d00 */
    uint64_t vendorid, archid, impid;
    uint64_t reset_pc;
    uint64_t time_period;        /* ns a tick */
    _Atomic int64_t time_offset; /* ticks added to clock_now() / time_period */
    const struct rv_model *model;
    const struct imsic_ops *imsic_ops; /* NULL: no IMSIC */
    void *imsic[2];                    /* of machine and supervisor level, or NULL */
    unsigned cbom_size, cboz_size;     /* bytes of a cache block; powers of two */
    uint32_t hpm_mask;                 /* bits 3..31: counters that exist, as in mcountinhibit */

    /* Privileged state. Everything below is set by reset (state table in cpu.c). */
    struct rv_state {
        uint64_t misa;
        uint64_t mstatus; /* RV32: mstatush is its upper half */
        uint64_t mtvec, medeleg, mideleg, mie, mscratch, mepc, mcause, mtval, menvcfg, mcounteren,
            mcountinhibit;
        uint64_t
            mip_sw; /* SSIP STIP SEIP as written by software; hardware lines are cpu.irq_lines */
        uint64_t stvec, sscratch, sepc, scause, stval, senvcfg, scounteren, satp;
        uint64_t stimecmp;
        uint64_t mseccfg;
        uint64_t miselect, siselect; /* AIA: the register that mireg and sireg are */
        uint64_t mstateen[4], sstateen[4];
        uint64_t pmpcfg[RV_PMP_MAX / 8]; /* eight configuration bytes each */
        uint64_t pmpaddr[RV_PMP_MAX];
        uint64_t mcycle_base, minstret_base; /* value minus the free-running counter, or the frozen
                                                value while inhibited */
        uint64_t mhpmevent[32], mhpmcounter[32];
        uint64_t tselect, tdata1, tdata2, tdata3;
        uint8_t prv;
        uint8_t frm; /* the sticky flags live in the accelerator's FP environment */
    } s;

    uint64_t saved_fflags; /* where the sticky flags are while the hart is saved and loaded */

    /* The last write of instret: counters.c. */
    uint64_t instret_written, instret_write_pc, instret_write_time;

    /* Derived caches: recomputed by rv_sync(). */
    struct rv_pmp_range {
        uint64_t low, high; /* inclusive bytes; low > high: off */
        uint8_t cfg;
    } pmp[RV_PMP_MAX];
    bool pmp_active;                  /* some entry is not off */
    unsigned pmp_used;                /* entries from here on are off */
    struct rv_debug_regs *debug_regs; /* gdb.c's, once asked for */
    struct timer stimer;              /* Sstc */
    struct mutex
        stimer_lock; /* leaf: s.stimecmp, s.menvcfg.STCE and time against the timer's thread */
};

static inline struct rv_cpu *rv(struct cpu *cpu)
{
    return (struct rv_cpu *)cpu;
}
static inline bool rv_has(const struct rv_cpu *cpu, enum rv_ext e)
{
    return cpu->ext >> e & 1;
}

/* cpu.c */
struct guest_ops;
extern const struct guest_ops rv_guest_ops;
extern const struct state_field rv_state_table[];
/* slots.c */
extern const struct ir_slot rv_slots[RV_SLOTS];
/* trans.c */
struct tx;
void rv_translate(struct tx *tx);
/* mappings.c */
bool rv_mappings(struct cpu *c, cpu_mapping_fn *fn, void *opaque, bool *complete);
/* disas.c */
unsigned rv_disas(struct cpu *cpu, FILE *f, gva pc, const uint8_t *bytes, unsigned len);
/* cpu.c */
uint32_t rv_mode(struct cpu *cpu);
/* Enter a trap: cause without the interrupt bit for exceptions; pc slot is the trapped instruction.
 * Ref: Priv. 3.1.6-3.1.15, 4.1. */
void rv_take_trap(struct rv_cpu *cpu, uint64_t cause, bool interrupt, uint64_t tval);
/* The same and unwind: for helpers. */
void rv_raise(struct rv_cpu *cpu, uint64_t cause, uint64_t tval) __attribute__((noreturn));
/* Deliver the most urgent interrupt that is pending and enabled, if any (cpu_ops.interrupt). */
bool rv_deliver_interrupt(struct cpu *cpu);
/* guest_ops.raise_fault: the trap of a failed memory access. */
void rv_raise_fault(struct cpu *cpu, gva addr, int access, unsigned idx, uint32_t cause);
/* The most urgent of some interrupts (bits as in mip, not 0). */
unsigned rv_first_interrupt(uint64_t bits);
/* mip as the hart sees it: lines, software bits, stimecmp. */
uint64_t rv_mip(struct rv_cpu *cpu);
/* Interrupt state (mip, mie, mstatus, prv) changed: ask for delivery at the next safe point if
 * something is deliverable. */
void rv_irq_reevaluate(struct rv_cpu *cpu);
/* Set the privilege and tell the accelerator. */
void rv_set_privilege(struct rv_cpu *cpu, unsigned prv);
uint64_t rv_time(struct rv_cpu *cpu); /* the time CSR */
uint64_t rv_fflags(struct rv_cpu *cpu);
void rv_set_fflags(struct rv_cpu *cpu, unsigned flags);
/* frm and flags to the FP environment (rounding bits of MXCSR; RMM and illegal modes leave RNE
 * there). */
void rv_sync_fpenv(struct rv_cpu *cpu);
/* csr.c: one CSR access with all checks; raises illegal instruction (tval = insn) itself. */
enum { RV_CSR_READ = 1, RV_CSR_WRITE = 2, RV_CSR_SET = 4, RV_CSR_CLEAR = 8 };
uint64_t rv_csr_access(struct rv_cpu *cpu, unsigned num, unsigned ops, uint64_t val, uint32_t insn);
/* Whether the translator may leave the checks to itself: an access from prv depends on the
 * configuration only, and does not concern the FP environment. */
bool rv_csr_is_open(const struct rv_cpu *cpu, unsigned num, unsigned ops, unsigned prv);
uint64_t rv_csr_access_open(struct rv_cpu *cpu, unsigned num, unsigned ops, uint64_t val);
/* Bits of mstatus that sstatus shows, SD aside, and that a write of it changes. */
struct rv_sstatus_bits {
    uint64_t readable, writable;
};
struct rv_sstatus_bits rv_sstatus_bits(const struct rv_cpu *cpu);
uint64_t rv_epc_mask(const struct rv_cpu *cpu); /* bits that sepc and mepc have */
/* For debuggers, from every mode; a read has no effects, a write those of the instruction.  The
 * name is that of a group for numbered registers; NULL, false: the hart has no such register, or it
 * is read-only. */
const char *rv_csr_name(struct rv_cpu *cpu, unsigned num);
bool rv_csr_peek(struct rv_cpu *cpu, unsigned num, uint64_t *val);
bool rv_csr_poke(struct rv_cpu *cpu, unsigned num, uint64_t val);
/* semihost.c: serve the call at pc and leave translated code; returns when it is no call. */
void rv_semihost(struct rv_cpu *cpu);
/* gdb.c: cpu_ops.debug_* */
const struct debug_regs *rv_debug_regs(struct cpu *cpu);
bool rv_debug_reg_read(struct cpu *cpu, const struct debug_reg *reg, uint8_t *buf);
bool rv_debug_reg_write(struct cpu *cpu, const struct debug_reg *reg, const uint8_t *buf);
void rv_debug_regs_free(struct rv_cpu *cpu);
/* counters.c */
uint64_t rv_counter_read(struct rv_cpu *cpu,
                         unsigned n); /* n: 0 cycle, 2 instret, 3..31 hpmcounter */
void rv_counter_write(struct rv_cpu *cpu, unsigned n, uint64_t val);
void rv_set_countinhibit(struct rv_cpu *cpu, uint64_t val);
void rv_set_hpmevent(struct rv_cpu *cpu, unsigned n, uint64_t val);
/* Compare stimecmp with time: drive the supervisor timer line and arm the timer.  Any thread. */
void rv_stimer_update(struct rv_cpu *cpu);
void rv_stimer_init(struct rv_cpu *cpu);
void rv_stimer_fini(struct rv_cpu *cpu);
void rv_set_stimecmp(struct rv_cpu *cpu, uint64_t val);
void rv_set_menvcfg(struct rv_cpu *cpu, uint64_t val);
/* mmu.c, pmp.c */
struct guest_walk;
bool rv_walk(struct cpu *cpu, uint64_t addr, int access, unsigned idx, struct guest_walk *out);
bool rv_debug_translate(struct cpu *cpu, uint64_t addr, uint64_t *out);
/* backtrace.c */
void rv_backtrace(struct cpu *cpu, cpu_frame_fn *frame, void *opaque);
/* What PMP lets mode prv do with all of [addr, addr+len): bits 1 << enum guest_access; *whole as
 * below. */
unsigned rv_pmp_prot(const struct rv_cpu *cpu, uint64_t addr, unsigned len, unsigned prv,
                     bool *whole);
/* True when [addr, addr+len) may be accessed; *whole is false when the 4 KiB page around it is not
 * uniform. */
bool rv_pmp_check(struct rv_cpu *cpu, uint64_t addr, unsigned len, int access, unsigned prv,
                  bool *whole);
/* Whether one entry, or none, decides for all of the 2^bits bytes around addr. */
bool rv_pmp_is_uniform(const struct rv_cpu *cpu, uint64_t addr, unsigned bits);
void rv_pmp_update(struct rv_cpu *cpu);

#endif
