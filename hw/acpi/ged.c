/*
 * Generic event device: a register with the events that happened since it was read.
 * Ref: ACPI Specification 6.5, 5.6.9 (its interrupt, and _EVT in the DSDT).
 */
#include "hw/acpi/ged.h"

struct acpi_ged {
    struct device dev;
    struct acpi_ged_state {
        uint32_t events;
    } s;
};

static void acpi_ged_sync(struct device *dev)
{
    irq_set(&dev->irq, ((struct acpi_ged *)dev)->s.events != 0);
}

static uint64_t acpi_ged_read(struct device *dev, struct access a)
{
    struct acpi_ged *g = (struct acpi_ged *)dev;
    uint32_t events = g->s.events;
    if (a.peek)
        return events;
    g->s.events = 0;
    acpi_ged_sync(dev);
    return events;
}

static void acpi_ged_write(struct device *dev, struct access a, uint64_t val)
{
    dev_guest_error(dev, "write %#x to read-only register %#x", (unsigned)val, (unsigned)a.off);
}

void acpi_ged_event(struct device *dev, uint32_t event)
{
    mutex_lock(&dev->lock);
    ((struct acpi_ged *)dev)->s.events |= event;
    acpi_ged_sync(dev);
    mutex_unlock(&dev->lock);
}

static const struct state_field acpi_ged_state[] = {
    STATE(acpi_ged, events, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(acpi_ged, "acpi-ged") = {
    .desc = "ACPI generic event device",
    .mmio = {acpi_ged_read, acpi_ged_write, .min = 4, .max = 4, .size = 4},
    .state = acpi_ged_state,
    .sync = acpi_ged_sync,
};
