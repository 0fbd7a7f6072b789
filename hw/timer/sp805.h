/* Wiring of an SP805, "cmsdk-apb-watchdog". */
#ifndef HW_TIMER_SP805_H
#define HW_TIMER_SP805_H

#include "core/device.h"

/* Pulses when it is about to reset the machine. */
struct irq *sp805_reset_line(struct device *dev);
/* The frequency of its clock changes. */
void sp805_set_hz(struct device *dev, uint64_t hz);

#endif
