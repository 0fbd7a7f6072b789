/*
 * The port by which a guest says that it has crashed (pvpanic).
 * Ref: Linux, drivers/misc/pvpanic; the interface's specification, "PVPANIC DEVICE".
 */
#include "core/event.h"
#include "core/machine.h"
#include "hw/isa/isa.h"

enum { PANICKED = 1, CRASH_LOADED = 2, SHUTDOWN_SAID = 4 };

struct pvpanic {
    struct device dev;
    struct mem_region port;
    uint16_t ioport;
    uint8_t events;
    struct pvpanic_state {
        uint8_t none;
    } s;
};

static uint64_t pvpanic_read(struct device *dev, struct access a UNUSED)
{
    return ((struct pvpanic *)dev)->events;
}

/* A guest whose crash kernel is there goes on into it. */
static void pvpanic_write(struct device *dev, struct access a UNUSED, uint64_t v)
{
    uint64_t said = v & ((struct pvpanic *)dev)->events;
    if (v & ~(uint64_t)(PANICKED | CRASH_LOADED | SHUTDOWN_SAID))
        dev_guest_error(dev, "write of unknown events %#x", (unsigned)v);
    if (said & PANICKED) {
        event_emit("GUEST_PANICKED", "{\"action\": \"poweroff\"}");
        machine_request_shutdown(dev->machine, SHUTDOWN_GUEST_PANIC, 0);
    } else if (said & CRASH_LOADED) {
        event_emit("GUEST_CRASHLOADED", "{\"action\": \"run\"}");
    } else if (said & SHUTDOWN_SAID) {
        machine_request_shutdown(dev->machine, SHUTDOWN_GUEST_OFF, 0);
    }
}

static bool pvpanic_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops = {pvpanic_read, pvpanic_write, .min = 1, .max = 1, .size = 1};
    struct pvpanic *p = (struct pvpanic *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL)
        return false;
    region_init_mmio(&p->port, "pvpanic", &ops, dev);
    isa_add_ports(bus, p->ioport, &p->port);
    return true;
}

static void pvpanic_unrealize(struct device *dev)
{
    isa_del_ports(dev->machine, &((struct pvpanic *)dev)->port);
}

static const struct state_field pvpanic_state[] = {
    STATE(pvpanic, none, 0),
    STATE_END,
};

static const struct prop pvpanic_props[] = {
    PROP(prop_uint16, pvpanic, "ioport", ioport, "0x505", "port"),
    PROP(prop_uint8, pvpanic, "events", events, "7",
         "what the guest may say, as bits: 1 crashed, 2 crash kernel loaded, 4 shutdown"),
    PROP_END,
};

DEVICE_CLASS(pvpanic) = {
    .desc = "Port by which a guest reports a crash",
    .bus = "ISA",
    .user_creatable = true,
    .props = pvpanic_props,
    .state = pvpanic_state,
    .realize = pvpanic_realize,
    .unrealize = pvpanic_unrealize,
};
