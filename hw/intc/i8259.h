/* The pair of 8259A interrupt controllers of a PC. */
#ifndef HW_INTC_I8259_H
#define HW_INTC_I8259_H

#include "core/apic.h"
#include "core/device.h"

/* Input n, 0 to 15, of the pair: an irq_handler whose opaque is the device.  Input 2 is taken. */
void i8259_set_irq(void *opaque, unsigned n, bool level);
/* The processor's acknowledge cycle: the vector, a spurious one when the request has gone.
 * dev->irq is INTR.  Any thread; opaque is the device. */
int i8259_accept(void *opaque);
/* For processors that INTR reaches without a local APIC; opaque is the device. */
extern const struct apic_ops i8259_apic_ops;

#endif
