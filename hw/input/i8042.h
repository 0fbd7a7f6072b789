/* The keyboard controller: its wiring. */
#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

#include "core/device.h"

/* The gate of address line 20, as the controller drives it; connect it before realize. */
struct irq *i8042_a20(struct device *dev);
/* Port 0x92: an irq_handler that hears what the keyboard controller does with A20, its opaque the
 * device; dev->irq is the line as the processor sees it, set by whoever wrote last. */
void port92_a20(void *opaque, unsigned n, bool level);

#endif
