/* Wiring of the interrupt controller of an M-profile processor, "armv7m-nvic". */
#ifndef HW_INTC_ARMV7M_H
#define HW_INTC_ARMV7M_H

#include "core/device.h"
#include "core/nvic.h"

/* Where the system control space lies: the device's mmio. */
static const gpa ARMV7M_SCS = 0xe000e000;

extern const struct nvic_ops armv7m_nvic_ops; /* their `nvic` is the device */

/* Before realize: frequency of the processor's clock and of SysTick's reference in Hz; the latter
 * 0: there is none.  Later calls are those of a board whose clock the guest changes. */
void armv7m_set_clock(struct device *nvic, uint64_t cpu_hz, uint64_t reference_hz);
/* The address of the vector table at the next reset. */
void armv7m_set_vectors(struct device *nvic, uint32_t addr);
/* External interrupt n; opaque is the device.  Any thread. */
void armv7m_set_irq(void *opaque, unsigned n, bool level);
void armv7m_set_nmi(void *opaque, unsigned n, bool level);
/* dev->irq is the line to the processor. */

#endif
