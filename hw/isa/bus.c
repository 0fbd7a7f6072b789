/* The ISA bus: ports and shared interrupt lines. */
#include "hw/isa/isa.h"

#include <glib.h>
#include <string.h>

enum { PORT_PRIORITY = 1 };

static bool plug(struct hw_bus *hw UNUSED, struct device *dev UNUSED, struct error **errp UNUSED)
{
    return true;
}

/* By the first port; a bus that no PCI function leads to has a node of its own.  Ref: ISA Binding
 * to IEEE 1275, 2.1. */
static char *place(const struct hw_bus *hw, const struct device *dev)
{
    const struct device_class *cls = dev->type->cls;
    const struct prop *p = props_find(cls->props, "iobase");
    uint32_t port = p ? *(const uint32_t *)(const void *)((const char *)dev + p->off) : 0;
    return g_strdup_printf("%s%s@%04x", hw->owner->bus ? "" : "isa/",
                           cls->node ? cls->node : dev->type->name, port);
}

void isa_bus_init(struct isa_bus *bus, struct device *owner)
{
    bus->machine = owner->machine;
    mutex_init(&bus->lock);
    bus->hw.plug = plug;
    bus->hw.place = place;
    hw_bus_register(&bus->hw, owner, "ISA", g_strdup("isa.0"));
}

void isa_bus_fini(struct isa_bus *bus)
{
    hw_bus_unregister(&bus->hw);
    mutex_fini(&bus->lock);
}

struct isa_bus *isa_bus_of(struct device *dev, struct error **errp)
{
    struct hw_bus *hw = dev->bus;
    if (hw && strcmp(hw->type, "ISA") == 0)
        return (struct isa_bus *)hw;
    error_set(errp, "needs a machine with an ISA bus to plug into");
    return NULL;
}

/* A line is high while any of its sources drives it. */
void isa_irq_handler(void *opaque, unsigned n, bool level)
{
    struct isa_bus *bus = opaque;
    if (n >= ISA_IRQS + ISA_EXTRA_LINES)
        return;
    mutex_lock(&bus->lock);
    bus->raised[n] += level ? 1U : -1U;
    irq_set(&bus->irq[n], bus->raised[n] != 0);
    mutex_unlock(&bus->lock);
}

bool isa_connect_irq(struct isa_bus *bus, struct irq *irq, unsigned n, struct error **errp)
{
    if (n >= ISA_IRQS) {
        error_set(errp, "irq is %u, must be 0 to %d", n, ISA_IRQS - 1);
        return false;
    }
    irq_connect(irq, isa_irq_handler, bus, n);
    return true;
}

void isa_add_ports(struct isa_bus *bus, uint16_t port, struct mem_region *mr)
{
    region_add(&bus->machine->io_root, port, mr, PORT_PRIORITY);
    address_space_update(&bus->machine->io);
}

void isa_del_ports(struct machine *m, struct mem_region *mr)
{
    if (mr->parent == NULL)
        return;
    region_del(mr);
    address_space_update(&m->io);
}

struct isa_bridge {
    struct device dev;
    struct isa_bus bus;
    struct isa_bridge_state {
        uint8_t none;
    } s;
};

struct isa_bus *isa_bridge_bus(struct device *dev)
{
    return &((struct isa_bridge *)dev)->bus;
}

static bool isa_bridge_realize(struct device *dev, struct error **errp)
{
    if (dev->machine == NULL) {
        error_set(errp, "needs a machine");
        return false;
    }
    isa_bus_init(&((struct isa_bridge *)dev)->bus, dev);
    return true;
}

static void isa_bridge_unrealize(struct device *dev)
{
    isa_bus_fini(&((struct isa_bridge *)dev)->bus);
}

static const struct state_field isa_bridge_state[] = {
    STATE(isa_bridge, none, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(isa_bridge, "isabus-bridge") = {
    .desc = "ISA bus of a board without PCI",
    .state = isa_bridge_state,
    .realize = isa_bridge_realize,
    .unrealize = isa_bridge_unrealize,
};
