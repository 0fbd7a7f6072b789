/*
 * Interrupt controllers that are in part registers of the processor: the contract between the
 * target that decodes the access and the device that answers it.
 */
#ifndef CORE_INTC_H
#define CORE_INTC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct device;

/* What monitors show of an interrupt controller.  Called without the device's lock. */
struct intc_view {
    /* Its registers as text; of a controller that belongs to one processor ("info lapic"), or of
     * the machine's ("info pic"). */
    void (*print)(struct device *dev, FILE *f);
    /* The APIC ID of the processor that it belongs to; NULL: to the whole machine. */
    uint32_t (*apic_id)(const struct device *dev);
    /* How many requests came at an input so far; of as many inputs, 0 if nobody counts. */
    uint64_t (*count)(struct device *dev, unsigned input);
    unsigned inputs;
};

/*
 * Registers of a GICv3's CPU interface; the target has done all trapping and enabling (ICC_SRE_ELx,
 * HCR_EL2.{FMO,IMO,AMO,TC..}, SCR_EL3).  Ref: GIC Architecture Specification, version 3 and 4,
 * chapter 12 (System register access).  Of AP0Rn and AP1Rn there is as many as the preemption bits
 * of ICC_CTLR and ICH_VTR ask for (n = 0 up to 5 bits), of LRn as ICH_VTR says: others are
 * UNDEFINED, which the target sees to.
 */
enum gicv3_reg {
    GICV3_PMR,
    GICV3_IAR0,
    GICV3_IAR1,
    GICV3_EOIR0,
    GICV3_EOIR1,
    GICV3_HPPIR0,
    GICV3_HPPIR1,
    GICV3_DIR,
    GICV3_BPR0,
    GICV3_BPR1,
    GICV3_RPR,
    GICV3_CTLR,
    GICV3_CTLR_EL3,
    GICV3_IGRPEN0,
    GICV3_IGRPEN1,
    GICV3_IGRPEN1_EL3,
    GICV3_SGI0R,
    GICV3_SGI1R,
    GICV3_ASGI1R,
    GICV3_AP0R0, /* to AP0R3 */
    GICV3_AP1R0 = GICV3_AP0R0 + 4,
    /* The hypervisor's view of the virtual interface: ICH_*_EL2. */
    GICV3_ICH_HCR = GICV3_AP1R0 + 4,
    GICV3_ICH_VTR,
    GICV3_ICH_MISR,
    GICV3_ICH_EISR,
    GICV3_ICH_ELRSR,
    GICV3_ICH_VMCR,
    GICV3_ICH_AP0R0,
    GICV3_ICH_AP1R0 = GICV3_ICH_AP0R0 + 4,
    GICV3_ICH_LR0 = GICV3_ICH_AP1R0 + 4, /* to LR15 */
    GICV3_REGS = GICV3_ICH_LR0 + 16
};

/* Who asks. */
struct gicv3_who {
    uint8_t el;
    bool secure;     /* EL3 counts as secure unless SCR_EL3.NS is set */
    bool is_virtual; /* the ICV_* register of that name */
    bool group0_ns;  /* SCR_EL3.FIQ is 0: non-secure software has Group 0, and all priorities */
    bool el3_a32;    /* EL3 is AArch32: secure privileged modes are at el 3, but take IRQs */
};

/* Called on the vCPU's thread, without locks; cpu is its index.  They take the device's own lock.
 */
struct gicv3_cpu_ops {
    uint64_t (*read)(void *gic, unsigned cpu, enum gicv3_reg reg, struct gicv3_who who);
    void (*write)(void *gic, unsigned cpu, enum gicv3_reg reg, uint64_t val, struct gicv3_who who);
    /* The processor went to another exception level or security state (only told when it has EL3):
     * what counts as FIQ may have changed. */
    void (*state_changed)(void *gic, unsigned cpu, struct gicv3_who who);
    /* The processor is reset (by PSCI's CPU_ON, for one): so is its interface. */
    void (*reset)(void *gic, unsigned cpu);
};

/*
 * A RISC-V hart's incoming MSI controller, the interrupt file of one privilege level.  Called on
 * the vCPU's thread without locks; imsic is the device.  Ref: RISC-V Advanced Interrupt
 * Architecture 1.0, 3.8 and 3.9.
 */
struct imsic_ops {
    /* The register that miselect or siselect chooses (0x70 to 0xff): bits in mask become those of
     * val, *old is what it was.  False when there is none; old NULL: only ask that. */
    bool (*access)(void *imsic, unsigned reg, unsigned xlen, uint64_t mask, uint64_t val,
                   uint64_t *old);
    /* What mtopei or stopei reads; claim: and it is pending no more. */
    uint32_t (*top)(void *imsic, bool claim);
};

#endif
