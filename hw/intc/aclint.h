/* Wiring of the ACLINT timer and software-interrupt blocks: done by boards between creation and
 * realize. */
#ifndef HW_INTC_ACLINT_H
#define HW_INTC_ACLINT_H

#include "core/device.h"

enum { ACLINT_MAX_HARTS = 512, ACLINT_NS_PER_TICK = 100 }; /* 10 MHz */

/* Line of hart n: the timer interrupt, or the software interrupt (M or S, as the board wires it).
 */
struct irq *aclint_mtimer_irq(struct device *dev, unsigned hart);
struct irq *aclint_swi_irq(struct device *dev, unsigned hart);
/* fn(opaque, ticks) hears that mtime now reads clock_now() / 100 + ticks: harts' time CSRs must
 * follow. */
void aclint_mtimer_on_offset(struct device *dev, void (*fn)(void *opaque, int64_t ticks),
                             void *opaque);

#endif
