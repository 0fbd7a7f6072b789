/* Wiring of the PrimeCell DMA controllers PL080 (eight channels) and PL081 (two). */
#ifndef HW_DMA_PL080_H
#define HW_DMA_PL080_H

#include "core/device.h"

/* Its lines besides dev->irq, which is both together. */
struct irq *pl080_error_irq(struct device *dev);
struct irq *pl080_count_irq(struct device *dev);

#endif
