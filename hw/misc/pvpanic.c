/*
 * The port, or the register of a PCI function, by which a guest says that it has crashed (pvpanic).
 * Ref: Linux, drivers/misc/pvpanic; the interface's specification, "PVPANIC DEVICE".
 */
#include "core/action.h"
#include "core/event.h"
#include "core/machine.h"
#include "hw/isa/isa.h"
#include "hw/pci/pci.h"

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
static void hear(struct device *dev, uint8_t events, uint64_t v)
{
    uint64_t said = v & events;
    if (v & ~(uint64_t)(PANICKED | CRASH_LOADED | SHUTDOWN_SAID))
        dev_guest_error(dev, "write of unknown events %#x", (unsigned)v);
    if (said & PANICKED) {
        machine_panicked(dev->machine);
    } else if (said & CRASH_LOADED) {
        event_emit("GUEST_CRASHLOADED", "{\"action\": \"run\"}");
    } else if (said & SHUTDOWN_SAID) {
        machine_request_shutdown(dev->machine, SHUTDOWN_GUEST_OFF, 0);
    }
}

static void pvpanic_write(struct device *dev, struct access a UNUSED, uint64_t v)
{
    hear(dev, ((struct pvpanic *)dev)->events, v);
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

#define EVENTS_HELP "what the guest may say, as bits: 1 crashed, 2 crash kernel loaded, 4 shutdown"

static const struct prop pvpanic_props[] = {
    PROP(prop_uint16, pvpanic, "ioport", ioport, "0x505", "port"),
    PROP(prop_uint8, pvpanic, "events", events, "7", EVENTS_HELP),
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

/* The same register in BAR 0 of a PCI function. */
struct pvpanic_pci {
    struct pci_device pci;
    struct mem_region reg;
    uint8_t events;
    struct pvpanic_pci_state {
        struct pci_state pci;
    } s;
};

static uint64_t pvpanic_pci_read(struct device *dev, struct access a)
{
    return a.off == 0 ? ((struct pvpanic_pci *)dev)->events : 0;
}

static void pvpanic_pci_write(struct device *dev, struct access a, uint64_t v)
{
    if (a.off == 0)
        hear(dev, ((struct pvpanic_pci *)dev)->events, v);
}

static bool pvpanic_pci_realize(struct device *dev, struct error **errp)
{
    enum { BAR_SIZE = 16 };
    static const struct mmio_ops ops = {
        .read = pvpanic_pci_read, .write = pvpanic_pci_write, .max = 1, .size = BAR_SIZE};
    static const struct pci_ids ids = {.vendor = 0x1b36,
                                       .device = 0x0011,
                                       .subsystem_vendor = 0x1af4,
                                       .subsystem = 0x1100,
                                       .class_code = 0x088000,
                                       .revision = 1};
    struct pvpanic_pci *p = (struct pvpanic_pci *)dev;
    if (!pci_init(&p->pci, &ids, NULL, errp))
        return false;
    region_init_mmio(&p->reg, "pvpanic-pci", &ops, dev);
    pci_add_bar(&p->pci, 0, PCI_BAR_MEM32, &p->reg);
    return true;
}

static void pvpanic_pci_unrealize(struct device *dev)
{
    pci_fini((struct pci_device *)dev);
}

static const struct state_field pvpanic_pci_state[] = {
    STATE(pvpanic_pci, pci, 0),
    STATE_END,
};

static const struct prop pvpanic_pci_props[] = {
    PCI_PROPS(pvpanic_pci),
    PROP(prop_uint8, pvpanic_pci, "events", events, "7", EVENTS_HELP),
    PROP_END,
};

DEVICE_CLASS_NAMED(pvpanic_pci, "pvpanic-pci") = {
    .desc = "PCI function by which a guest reports a crash",
    .bus = "PCI",
    .user_creatable = true,
    .props = pvpanic_pci_props,
    .state = pvpanic_pci_state,
    .realize = pvpanic_pci_realize,
    .unrealize = pvpanic_pci_unrealize,
    .reset = pci_reset,
    .sync = pci_sync,
};
