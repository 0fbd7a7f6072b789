/* Wiring of a GICv2m frame. */
#ifndef HW_INTC_GICV2M_H
#define HW_INTC_GICV2M_H

#include "core/device.h"

/* The line that the message for INTID base-spi + n pulses.  Once it is realized. */
struct irq *gicv2m_irq(struct device *dev, unsigned n);

#endif
