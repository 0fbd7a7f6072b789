/* ne2k_isa: an NE2000 on the ISA bus. */
#include "hw/isa/isa.h"
#include "hw/net/ne2000.h"

struct ne2k_isa {
    struct ne2000 ne;
    uint32_t iobase, line;
    struct ne2k_isa_state {
        struct ne2000_state ne;
    } s;
};

static bool ne2k_isa_realize(struct device *dev, struct error **errp)
{
    struct ne2k_isa *n = (struct ne2k_isa *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    n->ne.s = &n->s.ne;
    if (bus == NULL || !isa_connect_irq(bus, &dev->irq, n->line, errp))
        return false;
    if (n->iobase > 0x10000 - NE_PORTS || n->iobase % NE_PORTS) {
        error_set(errp, "iobase is %#x, must be a multiple of %#x up to %#x", n->iobase, NE_PORTS,
                  0x10000 - NE_PORTS);
        return false;
    }
    if (!ne2000_init(&n->ne, errp))
        return false;
    isa_add_ports(bus, (uint16_t)n->iobase, &n->ne.ports);
    return true;
}

static void ne2k_isa_unrealize(struct device *dev)
{
    struct ne2k_isa *n = (struct ne2k_isa *)dev;
    isa_del_ports(dev->machine, &n->ne.ports);
    ne2000_fini(&n->ne);
}

static void ne2k_isa_sync(struct device *dev)
{
    ne2000_update_irq((struct ne2000 *)dev);
}

static const struct state_field ne2k_isa_state[] = {
    NE2000_STATE(ne2k_isa),
    STATE_END,
};

static const struct prop ne2k_isa_props[] = {
    PROP(prop_uint32, ne2k_isa, "iobase", iobase, "0x300", "first of its 32 I/O ports"),
    PROP(prop_uint32, ne2k_isa, "irq", line, "9", "interrupt line"),
    NE2000_PROPS(ne2k_isa),
    PROP_END,
};

DEVICE_CLASS(ne2k_isa) = {
    .desc = "NE2000 Ethernet on the ISA bus",
    .bus = "ISA",
    .node = "ethernet",
    .user_creatable = true,
    .props = ne2k_isa_props,
    .state = ne2k_isa_state,
    .realize = ne2k_isa_realize,
    .unrealize = ne2k_isa_unrealize,
    .sync = ne2k_isa_sync,
    .loaded = ne2000_loaded,
};
