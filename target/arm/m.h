/* What an M-profile processor has besides the registers it shares with the A profile. */
#ifndef TARGET_ARM_M_H
#define TARGET_ARM_M_H

#include <stdbool.h>
#include <stdint.h>

/* Bits of CONTROL. */
enum { M_CONTROL_NPRIV = 1, M_CONTROL_SPSEL = 2, M_CONTROL_FPCA = 4 };

/* What reset sets and a snapshot holds. */
struct arm_m_state {
    uint32_t sp[2];     /* MSP and PSP; the one in use is r13 */
    uint32_t limit[2];  /* MSPLIM, PSPLIM */
    uint32_t exception; /* IPSR; 0: Thread mode */
    uint32_t control, primask, faultmask, basepri;
    bool waits_for_event; /* halted by WFE */
    bool lockup;
    uint8_t pad[2];
};

struct arm_m_model;
/* What it is. */
struct arm_m {
    unsigned version; /* of the architecture: 6, 7, 8; 0: not of the M profile */
    bool is_main;     /* the whole of T32: not Armv6-M, nor the baseline of Armv8-M */
    bool has_dsp, has_fp, has_double, has_fp5;
    unsigned priority_bits, mpu_regions;
    const struct arm_m_model *model;
    /* What follows from the state: execution priority below 0; the limit of r13. */
    bool is_negative;
    uint32_t limit;
    struct arm_m_state s;
};

#endif
