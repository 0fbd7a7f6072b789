/* A port that ends the emulator: a test program's way to give an exit status (isa-debug-exit). */
#include "core/machine.h"
#include "hw/isa/isa.h"

struct debug_exit {
    struct device dev;
    struct mem_region port;
    uint32_t iobase, iosize;
    struct debug_exit_state {
        uint8_t none;
    } s;
};

static uint64_t debug_exit_read(struct device *dev UNUSED, struct access a UNUSED)
{
    return 0;
}

/* The status is odd, so that it is not the one of an ordinary end. */
static void debug_exit_write(struct device *dev, struct access a UNUSED, uint64_t v)
{
    machine_request_shutdown(dev->machine, SHUTDOWN_GUEST_OFF, (int)((v << 1 | 1) & 0xff));
}

static bool debug_exit_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops = {debug_exit_read, debug_exit_write, .min = 1, .max = 4};
    struct debug_exit *d = (struct debug_exit *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL)
        return false;
    if (d->iobase > 0xffff || d->iosize < 1 || d->iosize > 0x10000 - d->iobase) {
        error_set(errp, "iobase %#x and iosize %u do not lie within 0x10000 ports", d->iobase,
                  d->iosize);
        return false;
    }
    region_init_mmio(&d->port, "debug-exit", &ops, dev);
    d->port.size = d->iosize;
    isa_add_ports(bus, (uint16_t)d->iobase, &d->port);
    return true;
}

static void debug_exit_unrealize(struct device *dev)
{
    isa_del_ports(dev->machine, &((struct debug_exit *)dev)->port);
}

static const struct state_field debug_exit_state[] = {
    STATE(debug_exit, none, 0),
    STATE_END,
};

static const struct prop debug_exit_props[] = {
    PROP(prop_uint32, debug_exit, "iobase", iobase, "0x501", "first port"),
    PROP(prop_uint32, debug_exit, "iosize", iosize, "2", "ports"),
    PROP_END,
};

DEVICE_CLASS_NAMED(debug_exit, "isa-debug-exit") = {
    .desc = "Port that ends the emulator with status 2 * value + 1",
    .bus = "ISA",
    .user_creatable = true,
    .props = debug_exit_props,
    .state = debug_exit_state,
    .realize = debug_exit_realize,
    .unrealize = debug_exit_unrealize,
};
