/* The I/O APIC. */
#ifndef HW_INTC_IOAPIC_H
#define HW_INTC_IOAPIC_H

#include "core/device.h"

enum { IOAPIC_PINS = 24 };

/* Before realize: where its messages go, an "apic-bus" device. */
void ioapic_attach(struct device *dev, struct device *bus);
/* Pin n: an irq_handler whose opaque is the device.  level: asserted, whatever the polarity. */
void ioapic_set_irq(void *opaque, unsigned n, bool level);

#endif
