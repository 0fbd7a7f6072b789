/* What reset sets of a processor: PSTATE and the system registers. */
#ifndef TARGET_ARM_STATE_H
#define TARGET_ARM_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* BR from a register other than x16 and x17: 3 from guarded pages, 1 from others. */
enum { ARM_BTYPE_BR = 4 };

/* PSTATE fields that are no slots. */
struct arm_pstate {
    uint8_t el;    /* 0..3 */
    uint8_t spsel; /* which SP is x[31]: 0 SP_EL0, 1 SP_ELx */
    uint8_t daif;  /* bits 3..0: D A I F */
    uint8_t btype; /* 0..3, or ARM_BTYPE_BR; arm_btype() knows whether it holds */
    bool a32;      /* AArch32 state (nRW) */
    bool ss, il, pan, uao, dit, ssbs, tco;
    /* AArch32 */
    uint8_t mode;   /* M[4:0] */
    uint8_t it;     /* ITSTATE; valid when translated code is left */
    bool thumb, be; /* T, E */
};

enum { ARM_BREAKPOINTS = 16, ARM_WATCHPOINTS = 16, ARM_PMU_COUNTERS = 31 };

/* A key of pointer authentication. */
struct arm_pauth_key {
    uint64_t lo, hi;
};

/* One generic timer: enum arm_timer says which. */
struct arm_timer_regs {
    uint64_t cval;
    uint32_t ctl; /* ENABLE, IMASK; ISTATUS is computed */
    uint32_t pad;
};

/* What AArch32 state has besides.  _s: the secure copy where EL3 uses AArch32 and there is no
 * AArch64 register of EL3 that could be it. */
struct arm_a32_state {
    uint64_t mvbar, nsacr, ifsr_s, dacr_s, par_s, contextidr_s, csselr_s;
    uint64_t tpidrurw_s, tpidruro_s, tpidrprw_s;
    uint64_t fp_flags;        /* FPSCR.NZCV, as ARM_SLOT_FLAGS has flags */
    uint64_t fpinst, fpinst2; /* of the subarchitecture that no model has: storage */
};

/* Arrays [4] are indexed by exception level. */
struct arm_state {
    struct arm_pstate ps;
    uint64_t sp_el[4]; /* those that are not in use */
    uint64_t elr_el[4], spsr_el[4], esr_el[4], far_el[4], vbar_el[4];
    uint64_t sctlr_el[4], tcr_el[4], ttbr0_el[4], ttbr1_el[4], mair_el[4];
    uint64_t actlr_el[4], afsr0_el[4], afsr1_el[4], amair_el[4];
    uint64_t hcr_el2, scr_el3, cpacr_el1, cptr_el2, cptr_el3;
    uint64_t hcrx_el2, hstr_el2, hacr_el2, hpfar_el2, vttbr_el2, vtcr_el2, vpidr_el2, vmpidr_el2;
    uint64_t hfgrtr_el2, hfgwtr_el2, hfgitr_el2, hdfgrtr_el2, hdfgwtr_el2;
    uint64_t tpidr_el[4], tpidrro_el0, contextidr_el1, contextidr_el2, scxtnum_el[4];
    uint64_t par_el1, csselr_el1, rmr, disr_el1, vdisr_el2, vsesr_el2;
    uint64_t lorsa_el1, lorea_el1, lorn_el1, lorc_el1;
    uint64_t spsr_abt, spsr_und, spsr_irq, spsr_fiq, dacr, ifsr, fpexc, sder;
    struct arm_pauth_key apia, apib, apda, apdb, apga;
    /* Debug. */
    uint64_t mdscr_el1, mdccint_el1, mdcr_el2, mdcr_el3, osdlr_el1, oslock, oseccr_el1;
    uint64_t osdtrrx_el1, osdtrtx_el1, dbgclaim, dbgprcr_el1, dbgvcr;
    uint64_t dbgbvr[ARM_BREAKPOINTS], dbgbcr[ARM_BREAKPOINTS];
    uint64_t dbgwvr[ARM_WATCHPOINTS], dbgwcr[ARM_WATCHPOINTS];
    /* Generic timers. */
    uint64_t cntfrq, cntkctl_el1, cnthctl_el2, cntvoff_el2, cntpoff_el2;
    struct arm_timer_regs timer[5];
    /* Performance monitors. */
    uint64_t pmcr, pmcnten, pmovs, pminten, pmuserenr, pmselr, pmccfiltr;
    uint64_t pmccntr; /* value less the running count, or the value while it stands still */
    uint64_t pmevcntr[ARM_PMU_COUNTERS], pmevtyper[ARM_PMU_COUNTERS];
    /* AArch32 monitor mode's own; the other banked registers are where AArch64 state sees them. */
    uint64_t sp_mon, lr_mon, spsr_mon, elr_hyp;
    struct arm_a32_state a32;

    uint32_t fpcr; /* AHP DN FZ RMode FZ16 (AArch32: FPSCR's LEN and STRIDE, too); the cumulative
                      flags of FPSR live in the accelerator's FP environment, QC in its slot */
    uint32_t fpsr_idc; /* FPSR.IDC, which that environment does not keep apart */
    bool event;        /* the event register of WFE */
    uint8_t pad[7];
};

#endif
