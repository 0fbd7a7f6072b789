/* High precision event timers: their wiring. */
#ifndef HW_TIMER_HPET_H
#define HW_TIMER_HPET_H

#include "core/device.h"

enum { HPET_LINES = 32 };

/* Interrupt line n of the machine as it leaves here; 0 and 8 also carry what hpet_pit() and
 * hpet_rtc() are told, unless the guest has chosen legacy replacement. */
struct irq *hpet_line(struct device *dev, unsigned n);
/* irq_handlers for the outputs of the 8254 and of the clock; opaque is the device. */
void hpet_pit(void *opaque, unsigned n, bool level);
void hpet_rtc(void *opaque, unsigned n, bool level);

#endif
