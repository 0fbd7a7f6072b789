/* Wiring of the CMSDK dual timer. */
#ifndef HW_TIMER_CMSDK_DUALTIMER_H
#define HW_TIMER_CMSDK_DUALTIMER_H

#include "core/device.h"

/* The line of timer 0 or 1; dev->irq is both together. */
struct irq *cmsdk_dualtimer_irq(struct device *dev, unsigned n);

#endif
