/* Wiring of a GICv2: the interrupt controller of up to eight Arm processors. */
#ifndef HW_INTC_GICV2_H
#define HW_INTC_GICV2_H

#include "core/device.h"

enum { GICV2_MAX_CPUS = 8, GICV2_PRIVATE = 32, GICV2_MAX_IRQS = 1020 };

/* What it drives, for each processor. */
enum gicv2_line { GICV2_IRQ, GICV2_FIQ, GICV2_VIRQ, GICV2_VFIQ, GICV2_LINES };

/* Its register blocks; those that a secure world sees differ only with security extensions. */
enum gicv2_block {
    GICV2_DIST,
    GICV2_CPU,
    GICV2_HYP,  /* GICH: list registers, for a hypervisor */
    GICV2_VCPU, /* GICV: what its guest takes for the CPU interface */
    GICV2_SECURE_DIST,
    GICV2_SECURE_CPU,
    GICV2_BLOCKS
};

/* irq_handler: a shared peripheral interrupt, n is its INTID less 32.  Takes the device's lock,
 * which is a leaf. */
void gicv2_set_spi(void *gic, unsigned n, bool level);
/* The same for a private one: n is processor * 32 + INTID (16 to 31). */
void gicv2_set_ppi(void *gic, unsigned n, bool level);
/* Valid once it is realized. */
struct irq *gicv2_output(struct device *gic, unsigned cpu, enum gicv2_line line);
struct mem_region *gicv2_region(struct device *gic, enum gicv2_block block);
/* With security extensions: begin as firmware leaves it to a non-secure kernel, every interrupt in
 * group 1.  Before the machine starts. */
void gicv2_set_nonsecure_start(struct device *gic, bool on);

#endif
