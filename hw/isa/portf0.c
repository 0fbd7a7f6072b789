/*
 * Port 0xf0: takes the x87 unit's interrupt 13 back, so that its instructions go on (IGNNE#).
 * Ref: 82371SB (PIIX3) data sheet, 2.5.6 (coprocessor error register); IBM PC AT Technical
 * Reference (1984), I/O map.
 */
#include "hw/isa/isa.h"

struct portf0 {
    struct device dev;
    struct mem_region port;
    struct portf0_state {
        uint8_t value; /* written last: of no use but to be read back */
    } s;
};

static uint64_t portf0_read(struct device *dev, struct access a UNUSED)
{
    return ((struct portf0 *)dev)->s.value;
}

/* The output tells each write by its rise. */
static void portf0_write(struct device *dev, struct access a UNUSED, uint64_t v)
{
    ((struct portf0 *)dev)->s.value = (uint8_t)v;
    irq_set(&dev->irq, true);
    irq_set(&dev->irq, false);
}

static bool portf0_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops = {portf0_read, portf0_write, .min = 1, .max = 1, .size = 1};
    struct portf0 *p = (struct portf0 *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL)
        return false;
    region_init_mmio(&p->port, "portf0", &ops, dev);
    isa_add_ports(bus, 0xf0, &p->port);
    return true;
}

static void portf0_unrealize(struct device *dev)
{
    isa_del_ports(dev->machine, &((struct portf0 *)dev)->port);
}

static const struct state_field portf0_state[] = {
    STATE(portf0, value, 0),
    STATE_END,
};

DEVICE_CLASS(portf0) = {
    .desc = "Port 0xf0: errors of the x87",
    .bus = "ISA",
    .state = portf0_state,
    .realize = portf0_realize,
    .unrealize = portf0_unrealize,
};
