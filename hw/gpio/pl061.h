/* Wiring of a PL061: eight pins. */
#ifndef HW_GPIO_PL061_H
#define HW_GPIO_PL061_H

#include "core/device.h"

enum { PL061_PINS = 8 };

/* irq_handler: drive pin n from outside.  Takes the device's lock, which is a leaf. */
void pl061_set_input(void *dev, unsigned n, bool level);
/* What the device drives pin n to while it is an output; high while it is none. */
struct irq *pl061_output(struct device *dev, unsigned n);

#endif
