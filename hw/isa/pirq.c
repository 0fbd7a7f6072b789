/* Routing of PCI interrupts to ISA lines.  Ref: 82371SB data sheet, PIRQ route control registers.
 */
#include "hw/isa/pirq.h"

void pirq_init(struct pirq_router *r, struct isa_bus *isa)
{
    r->isa = isa;
    mutex_init(&r->lock);
    mutex_lock(&r->lock);
    for (unsigned i = 0; i < PIRQ_MAX; i++)
        r->line[i] = PIRQ_OFF;
    mutex_unlock(&r->lock);
}

static void drive(struct pirq_router *r, unsigned n, bool level) REQUIRES(r->lock)
{
    if (r->line[n] < ISA_IRQS)
        isa_irq_handler(r->isa, r->line[n], level);
}

void pirq_set(struct pirq_router *r, unsigned n, bool level)
{
    mutex_lock(&r->lock);
    if (r->level[n] != level) {
        r->level[n] = level;
        drive(r, n, level);
    }
    mutex_unlock(&r->lock);
}

/* Lines 0 to 2, 8 and 13 are not for PCI. */
static bool is_possible(unsigned line)
{
    return line >= 3 && line != 8 && line != 13 && line < ISA_IRQS;
}

void pirq_route(struct pirq_router *r, unsigned n, uint8_t v)
{
    uint8_t line = (v & PIRQ_OFF) || !is_possible(v & 15) ? PIRQ_OFF : v & 15;
    mutex_lock(&r->lock);
    if (line != r->line[n]) {
        if (r->level[n])
            drive(r, n, false);
        r->line[n] = line;
        if (r->level[n])
            drive(r, n, true);
    }
    mutex_unlock(&r->lock);
}
