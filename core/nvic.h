/*
 * The interrupt controller of M-profile processors: the contract between the target, which takes
 * exceptions and returns from them, and the device, which has their priorities and all registers of
 * the system control space.  Ref: Armv7-M Architecture Reference Manual (DDI 0403), B1.5 and B3.
 */
#ifndef CORE_NVIC_H
#define CORE_NVIC_H

#include <stdbool.h>
#include <stdint.h>

/* Exception numbers. */
enum nvic_exception {
    NVIC_NONE = 0,
    NVIC_RESET = 1,
    NVIC_NMI = 2,
    NVIC_HARD_FAULT = 3,
    NVIC_MEM_MANAGE = 4,
    NVIC_BUS_FAULT = 5,
    NVIC_USAGE_FAULT = 6,
    NVIC_SVCALL = 11,
    NVIC_DEBUG_MONITOR = 12,
    NVIC_PENDSV = 14,
    NVIC_SYSTICK = 15,
    NVIC_IRQ0 = 16, /* external interrupt 0 */
    NVIC_EXCEPTIONS = 512
};

/* Special registers that mask exceptions. */
struct nvic_masks {
    bool primask, faultmask;
    uint8_t basepri; /* 0: none */
};

/* Registers that the processor itself consults or sets, as they are in memory. */
enum nvic_reg {
    NVIC_VTOR,
    NVIC_SCR,
    NVIC_CCR,
    NVIC_CFSR,
    NVIC_HFSR,
    NVIC_DFSR,
    NVIC_MMFAR,
    NVIC_BFAR,
    NVIC_CPACR,
    NVIC_FPCCR,
    NVIC_FPCAR,
    NVIC_FPDSCR,
    NVIC_DEMCR,
    NVIC_REGS
};
enum {
    NVIC_SCR_SLEEPONEXIT = 1 << 1,
    NVIC_SCR_SEVONPEND = 1 << 4,
    NVIC_CCR_NONBASETHRDENA = 1 << 0,
    NVIC_CCR_USERSETMPEND = 1 << 1,
    NVIC_CCR_UNALIGN_TRP = 1 << 3,
    NVIC_CCR_DIV_0_TRP = 1 << 4,
    NVIC_CCR_BFHFNMIGN = 1 << 8,
    NVIC_CCR_STKALIGN = 1 << 9,
    NVIC_CCR_STKOFHFNMIGN = 1 << 10,
    NVIC_HFSR_VECTTBL = 1 << 1,
    NVIC_HFSR_FORCED = 1 << 30,
};

enum { NVIC_MPU_REGIONS = 16 };
/* The memory protection unit: of version 7 (RASR) or 8 (RLAR, MAIR). */
struct nvic_mpu {
    uint32_t regions; /* 0: there is none */
    uint32_t ctrl, rnr, mair[2];
    struct {
        uint32_t base, attr; /* RBAR; RASR or RLAR */
    } region[NVIC_MPU_REGIONS];
};
enum { NVIC_MPU_ENABLE = 1, NVIC_MPU_HFNMIENA = 2, NVIC_MPU_PRIVDEFENA = 4 };

/* What identification registers say; the target's models know. */
struct nvic_ids {
    uint32_t cpuid;
    unsigned version;       /* of the architecture: 6, 7, 8 */
    unsigned priority_bits; /* 2 to 8 */
    unsigned mpu_regions;   /* 0, 8, 16 */
    bool has_fp;
    uint32_t pfr[2], dfr0, afr0, mmfr[4], isar[6]; /* 0xe000ed40.. */
    uint32_t clidr, ctr, mvfr[3];
};

/* What the device asks of the processor. */
struct nvic_cpu_ops {
    /* The MPU, CCR, CPACR or FPCCR changed: what was translated or cached by its rules is void. */
    void (*configured)(void *cpu);
    /* Something about pending exceptions changed, and the line is high.  Any thread. */
    void (*pending)(void *cpu);
    /* An interrupt became pending while SCR.SEVONPEND is set: wake from WFE. */
    void (*event)(void *cpu);
    /* AIRCR.VECTRESET. */
    void (*local_reset)(void *cpu);
};

/*
 * Called on the vCPU's thread without locks; they take the device's own.  Besides, the device's
 * interrupt line to the processor is high while an enabled exception is pending that would preempt
 * if nothing were masked.
 */
struct nvic_ops {
    /* Before the machine runs. */
    void (*connect)(void *nvic, const struct nvic_cpu_ops *ops, void *cpu,
                    const struct nvic_ids *ids);
    /* The pending exception to take now, or NVIC_NONE. */
    unsigned (*preempting)(void *nvic, struct nvic_masks m);
    /* Priority of what executes: 256 nothing active and masked, down to -2 (NMI). */
    int (*execution_priority)(void *nvic, struct nvic_masks m);
    /* A synchronous exception occurred: the exception to take for it, which is pending now: itself,
     * or HardFault (with HFSR.FORCED) when it is disabled or has not the priority; NVIC_NONE:
     * lockup. */
    unsigned (*raise)(void *nvic, unsigned exception, struct nvic_masks m);
    /* Whether an exception that is not masked by its own enable bit would preempt now. */
    bool (*can_take)(void *nvic, unsigned exception, struct nvic_masks m);
    /* A fault that belongs to lazy state preservation, or the like: only pending. */
    void (*set_pending)(void *nvic, unsigned exception);
    /* Entry: no longer pending, but active; and return: false when it was not active.  */
    void (*enter)(void *nvic, unsigned exception);
    bool (*leave)(void *nvic, unsigned exception);
    /* How many are active. */
    unsigned (*count_active)(void *nvic);
    uint32_t (*read)(void *nvic, enum nvic_reg reg);
    void (*write)(void *nvic, enum nvic_reg reg, uint32_t val);
    /* All registers, by enum nvic_reg, to be looked at without a lock. */
    const uint32_t *(*regs)(void *nvic);
    /* Valid until the next `configured`. */
    const struct nvic_mpu *(*mpu)(void *nvic);
};

#endif
