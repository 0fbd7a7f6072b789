/* Routing of PCI interrupts to ISA lines, as bridges of Intel's chip sets do it. */
#ifndef HW_ISA_PIRQ_H
#define HW_ISA_PIRQ_H

#include "hw/isa/isa.h"

enum { PIRQ_MAX = 8, PIRQ_OFF = 0x80 };

struct pirq_router {
    struct isa_bus *isa;
    struct mutex lock; /* before that of the bus */
    bool level[PIRQ_MAX] GUARDED_BY(lock);
    uint8_t line[PIRQ_MAX] GUARDED_BY(lock); /* that each goes to, PIRQ_OFF: none */
};

void pirq_init(struct pirq_router *r, struct isa_bus *isa);
/* PCI interrupt n (0 is PIRQA) has another level; any thread. */
void pirq_set(struct pirq_router *r, unsigned n, bool level);
/* Its route register holds v now. */
void pirq_route(struct pirq_router *r, unsigned n, uint8_t v);

#endif
