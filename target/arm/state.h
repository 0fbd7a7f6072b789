/* What reset sets of a processor: PSTATE and the system registers. */
#ifndef TARGET_ARM_STATE_H
#define TARGET_ARM_STATE_H

#include <stdbool.h>
#include <stdint.h>

/* PSTATE fields that are no slots. */
struct arm_pstate {
    uint8_t el;    /* 0..3 */
    uint8_t spsel; /* which SP is x[31]: 0 SP_EL0, 1 SP_ELx */
    uint8_t daif;  /* bits 3..0: D A I F */
    uint8_t btype; /* 0..3; valid when translated code is left */
    bool a32;      /* AArch32 state (nRW) */
    bool ss, il, pan, uao, dit, ssbs, tco;
    /* AArch32 */
    uint8_t mode;   /* M[4:0] */
    uint8_t it;     /* ITSTATE; valid when translated code is left */
    bool thumb, be; /* T, E */
};

struct arm_state {
    struct arm_pstate ps;
    uint64_t sp_el[4]; /* those that are not in use */
    uint64_t elr_el[4], spsr_el[4], esr_el[4], far_el[4], vbar_el[4];
    uint64_t sctlr_el[4], tcr_el[4], ttbr0_el[4], ttbr1_el[4], mair_el[4];
    uint64_t hcr_el2, scr_el3, cpacr_el1, cptr_el2, cptr_el3;
    uint64_t tpidr_el[4], tpidrro_el0, contextidr_el1;
    uint32_t fpcr; /* AHP DN FZ RMode FZ16 (AArch32: FPSCR's LEN and STRIDE, too); the cumulative
                      flags of FPSR live in the accelerator's FP environment, QC in its slot */
    uint32_t fpsr_idc; /* FPSR.IDC, which that environment does not keep apart */
};

#endif
