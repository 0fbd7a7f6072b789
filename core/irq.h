/*
 * Interrupt lines.  A source stores a level; the sink's handler runs in the caller's thread.
 *
 * irq_set() may be called with the source device's lock held, so a sink handler may take leaf locks
 * only (an interrupt controller's own lock is a leaf) and must not call into other devices; driving
 * the controller's own outputs (vCPU lines are atomics) is allowed.
 */
#ifndef CORE_IRQ_H
#define CORE_IRQ_H

#include "core/types.h"

#include <stdbool.h>

typedef void irq_handler(void *opaque, unsigned n, bool level);

struct irq {
    irq_handler *handler; /* NULL: not connected */
    void *opaque;
    unsigned n;
    _Atomic bool level;
};

/* Wire the line to input n of a sink; done once, while wiring the board. */
void irq_connect(struct irq *irq, irq_handler *handler, void *opaque, unsigned n);
/* Store the level and tell the sink if it changed. */
void irq_set(struct irq *irq, bool level);
/* Raise and lower (edge sources). */
void irq_pulse(struct irq *irq);

/* Several lines, at most 32, that share one: `out` is high while any of them is.  The inputs'
 * handler is irq_or_input, whose opaque is the struct irq_or. */
struct irq_or {
    _Atomic uint32_t inputs;
    struct irq out;
};
void irq_or_input(void *irq_or, unsigned n, bool level);

static inline bool irq_level(const struct irq *irq)
{
    return irq->level;
}

#endif
