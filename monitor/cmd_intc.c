/* info pic, info irq, info lapic: interrupt controllers and lines. */
#include "monitor/commands_priv.h"

#include "core/cpu.h"
#include "core/device.h"
#include "core/intc.h"
#include "core/machine.h"

#include <inttypes.h>

/* The next interrupt controller after one (NULL: the first): of single processors, or of the
 * machine. */
static struct device *next_of(const struct machine *m, struct device *after, bool local)
{
    struct device *d = after ? after->next : m->devices;
    while (d && !(d->type->cls->intc && (d->type->cls->intc->apic_id != NULL) == local))
        d = d->next;
    return d;
}

static bool text_pic(struct mon_call *c, FILE *out, struct error **errp)
{
    struct device *d = next_of(c->m, NULL, false);
    if (!d) {
        error_set(errp,
                  "machine '%s' has no interrupt controller that shows itself; try 'info irq'",
                  c->m->cls->name);
        return false;
    }
    for (; d; d = next_of(c->m, d, false))
        d->type->cls->intc->print(d, out);
    return true;
}

static void print_counts(struct device *dev, FILE *out)
{
    const struct intc_view *view = dev->type->cls->intc;
    if (view->inputs)
        fprintf(out, "IRQ statistics for %s:\n", dev->type->name);
    for (unsigned n = 0; n < view->inputs; n++) {
        uint64_t v = view->count(dev, n);
        if (v)
            fprintf(out, "%2u: %" PRIu64 "\n", n, v);
    }
}

static bool text_irq(struct mon_call *c, FILE *out, struct error **errp UNUSED)
{
    for (struct device *d = NULL; (d = next_of(c->m, d, false));)
        print_counts(d, out);
    for (unsigned i = 0; i < c->m->ncpus; i++)
        fprintf(out, "CPU #%u: inputs 0x%" PRIx64 "\n", i,
                atomic_load_explicit(&c->m->cpus[i]->irq_lines, memory_order_relaxed));
    for (struct device *dev = c->m->devices; dev; dev = dev->next)
        if (dev->irq.handler)
            fprintf(out, "%s: %s\n", dev->id, irq_level(&dev->irq) ? "raised" : "low");
    return true;
}

static bool text_lapic(struct mon_call *c, FILE *out, struct error **errp)
{
    int64_t id = mon_int(c, "apic-id", -1);
    if (!next_of(c->m, NULL, true)) {
        error_set(errp, "the processors of machine '%s' have no local APIC", c->m->cls->name);
        return false;
    }
    for (struct device *d = NULL; (d = next_of(c->m, d, true));)
        if (id < 0 || d->type->cls->intc->apic_id(d) == id) {
            d->type->cls->intc->print(d, out);
            return true;
        }
    error_set(errp, "no local APIC has the ID %" PRId64, id);
    return false;
}

static const struct mon_arg lapic_args[] = {
    {"apic-id", MON_INT, .optional = true, .help = "its APIC ID (default: the boot processor's)"},
    MON_ARG_END,
};

/* clang-format off */
const struct monitor_command cmd_intc[] = {
    {.hmp = "info pic", .text = text_pic, .help = "show the registers of interrupt controllers"},
    {.hmp = "info irq", .text = text_irq,
     .help = "count interrupt requests by input, and show levels of interrupt lines"},
    {.hmp = "info lapic", .args = lapic_args, .text = text_lapic, .help = "show a local APIC"},
    {0},
};
/* clang-format on */
