/* A port whose bytes go to a character back end: what firmware logs to (isa-debugcon). */
#include "chardev/chardev.h"
#include "hw/isa/isa.h"

struct debugcon {
    struct device dev;
    struct chardev *chardev;
    struct mem_region port;
    uint32_t iobase, readback;
    struct debugcon_state {
        uint8_t none;
    } s;
};

/* The value by which programs find that it is there. */
static uint64_t debugcon_read(struct device *dev, struct access a UNUSED)
{
    return ((struct debugcon *)dev)->readback;
}

static void debugcon_write(struct device *dev, struct access a UNUSED, uint64_t v)
{
    chardev_write(((struct debugcon *)dev)->chardev, (uint8_t)v);
}

static size_t debugcon_receive(struct device *dev UNUSED, const uint8_t *buf UNUSED, size_t n)
{
    return n; /* nobody reads */
}

static bool debugcon_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops = {debugcon_read, debugcon_write, .min = 1, .max = 1,
                                        .size = 1};
    struct debugcon *d = (struct debugcon *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL)
        return false;
    if (d->chardev == NULL || d->iobase > 0xffff) {
        error_set(errp,
                  d->chardev ? "iobase is %#x, must be 0 to 0xffff"
                             : "needs chardev=ID, the id of a -chardev",
                  d->iobase);
        return false;
    }
    region_init_mmio(&d->port, "debugcon", &ops, dev);
    isa_add_ports(bus, (uint16_t)d->iobase, &d->port);
    return true;
}

static void debugcon_unrealize(struct device *dev)
{
    isa_del_ports(dev->machine, &((struct debugcon *)dev)->port);
}

static const struct state_field debugcon_state[] = {
    STATE(debugcon, none, 0),
    STATE_END,
};

static const struct chardev_front debugcon_front = {debugcon_receive};

static const struct prop debugcon_props[] = {
    PROP_CHARDEV(debugcon, chardev, &debugcon_front, "where the bytes go"),
    PROP(prop_uint32, debugcon, "iobase", iobase, "0xe9", "port"),
    PROP(prop_uint32, debugcon, "readback", readback, "0xe9", "what reading the port gives"),
    PROP_END,
};

DEVICE_CLASS_NAMED(debugcon, "isa-debugcon") = {
    .desc = "Debug console port",
    .bus = "ISA",
    .user_creatable = true,
    .props = debugcon_props,
    .state = debugcon_state,
    .realize = debugcon_realize,
    .unrealize = debugcon_unrealize,
};
