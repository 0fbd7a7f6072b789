/* Plug-in points: where a device named by -device goes.  A bus belongs to the device that provides
 * it. */
#ifndef HW_BUS_H
#define HW_BUS_H

#include "core/device.h"
#include "core/machine.h"

struct hw_bus;

/* How a bus tells its guest of devices that come and go after the start.  All in the main thread,
 * the machine paused; each may be NULL. */
struct hw_bus_hotplug {
    /* Whether a device may be plugged in now. */
    bool (*check)(struct hw_bus *bus, struct error **errp);
    /* dev has been realized. */
    void (*added)(struct hw_bus *bus, struct device *dev);
    /* Ask the guest to let go of dev; hw_hotplug_remove() follows when it has, now or later.
     * Without this function devices go at once. */
    bool (*unplug)(struct hw_bus *bus, struct device *dev, struct error **errp);
};

struct hw_bus {
    char *name;       /* "virtio-mmio-bus.3" */
    char *alias;      /* another name, "ID.3", or NULL; freed with the first */
    const char *type; /* "virtio-mmio-bus": what a device class's .bus must say */
    struct device *owner;
    unsigned max, used; /* devices it takes (0: no limit of its own) and has */
    /* Take dev (not yet realized); false with *errp when it does not fit. */
    bool (*plug)(struct hw_bus *bus, struct device *dev, struct error **errp);
    /* Take back a device that was plugged and then could not be realized; optional. */
    void (*unplug)(struct hw_bus *bus, struct device *dev);
    /* Where dev is, for firmware, below the bus' owner ("ethernet@3"; hw/boot_order.h), to be
     * freed; NULL: nothing lies between. */
    char *(*place)(const struct hw_bus *bus, const struct device *dev);
    const struct hw_bus_hotplug *hotplug; /* NULL: devices come before the start only */
    struct hw_bus *next;
};

/* Announce a bus of owner's machine; take_name is freed by hw_bus_unregister(). Buses are searched
 * in this order. */
void hw_bus_register(struct hw_bus *bus, struct device *owner, const char *type, char *take_name);
void hw_bus_unregister(struct hw_bus *bus);
/* The bus that hw_bus_plug() would take. */
struct hw_bus *hw_bus_choose(struct machine *m, const char *type, const char *bus_id,
                             struct error **errp) MUST_CHECK;
/* Plug an unrealized device into the bus named bus_id, or into the first of its type with room when
 * that is NULL. A device of the system bus (class without .bus) cannot be plugged. */
bool hw_bus_plug(struct machine *m, struct device *dev, const char *bus_id,
                 struct error **errp) MUST_CHECK;
/* Take an unrealized device off its bus again; nothing when it is on none. */
void hw_bus_unplug(struct device *dev);

#endif
