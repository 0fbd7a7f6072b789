/* Wiring of a CMSDK GPIO, "cmsdk-ahb-gpio": sixteen pins. */
#ifndef HW_GPIO_CMSDK_GPIO_H
#define HW_GPIO_CMSDK_GPIO_H

#include "core/device.h"

enum { CMSDK_GPIO_PINS = 16 };

/* irq_handler: drive pin n from outside.  Takes the device's lock, which is a leaf. */
void cmsdk_gpio_set_input(void *dev, unsigned n, bool level);
/* What the device drives pin n to; low while it does not. */
struct irq *cmsdk_gpio_output(struct device *dev, unsigned n);
/* The interrupt of pin n; dev->irq is all of them together. */
struct irq *cmsdk_gpio_irq(struct device *dev, unsigned n);

#endif
