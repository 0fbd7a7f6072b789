/* Wiring of the platform-level interrupt controller. */
#ifndef HW_INTC_PLIC_H
#define HW_INTC_PLIC_H

#include "core/device.h"

enum { PLIC_SOURCES = 96, PLIC_MAX_CONTEXTS = 1024 }; /* source 0 means "none" */

/* The external interrupt line of a context (one privilege mode of one hart). */
struct irq *plic_output(struct device *dev, unsigned context);
/* Input n of the controller: an irq_handler whose opaque is the device. */
void plic_set_input(void *opaque, unsigned n, bool level);

#endif
