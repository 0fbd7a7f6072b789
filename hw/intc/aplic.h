/* Wiring of the advanced platform-level interrupt controller. */
#ifndef HW_INTC_APLIC_H
#define HW_INTC_APLIC_H

#include "core/device.h"

enum { APLIC_SOURCES = 96, APLIC_MAX_HARTS = 512, APLIC_SIZE = 0x8000 };

/* The line of a hart, in direct delivery mode. */
struct irq *aplic_output(struct device *dev, unsigned hart);
/* Input n (1 to APLIC_SOURCES) of the root domain: an irq_handler whose opaque is the device. */
void aplic_set_input(void *opaque, unsigned n, bool level);
/* The domain that the root delegates sources to; before it is used. */
void aplic_set_child(struct device *root, struct device *child);

#endif
