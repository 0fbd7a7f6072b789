/* Interrupt lines. */
#include "core/irq.h"

#include <stdatomic.h>

void irq_connect(struct irq *irq, irq_handler *handler, void *opaque, unsigned n)
{
    irq->handler = handler;
    irq->opaque = opaque;
    irq->n = n;
    if (handler && irq_level(irq))
        handler(opaque, n, true);
}

/* The source's lock orders calls for one line; the exchange only keeps the reader in irq_level()
 * whole. */
void irq_set(struct irq *irq, bool level)
{
    bool was = atomic_exchange_explicit(&irq->level, level, memory_order_acq_rel);

    if (was != level && irq->handler)
        irq->handler(irq->opaque, irq->n, level);
}

void irq_pulse(struct irq *irq)
{
    irq_set(irq, true);
    irq_set(irq, false);
}

/* Two inputs may change at once in two threads: whoever drives the output looks again whether what
 * it drove is still so. */
void irq_or_input(void *opaque, unsigned n, bool level)
{
    struct irq_or *o = opaque;
    uint32_t bit = UINT32_C(1) << (n & 31);
    bool any;

    if (level)
        atomic_fetch_or_explicit(&o->inputs, bit, memory_order_acq_rel);
    else
        atomic_fetch_and_explicit(&o->inputs, ~bit, memory_order_acq_rel);
    do {
        any = atomic_load_explicit(&o->inputs, memory_order_acquire);
        irq_set(&o->out, any);
    } while (any != !!atomic_load_explicit(&o->inputs, memory_order_acquire));
}
