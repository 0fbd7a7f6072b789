/*
 * Generic event device: a register with the events that happened since it was read; and the
 * registers that put a machine without fixed hardware to sleep or reset it.
 * Ref: ACPI Specification 6.5, 5.6.9 (its interrupt, and _EVT in the DSDT), 4.8.3.7 (sleep control
 * and status), 4.8.3.6 (reset).
 */
#include "hw/acpi/ged.h"
#include "core/machine.h"
#include "util/bits.h"

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

/* ---- sleep and reset ---- */

enum { SLP_TYP_SHIFT = 2, SLP_TYP_BITS = 3, SLP_EN = 0x20 };

struct acpi_ged_regs {
    struct device dev;
    struct acpi_ged_regs_state {
        uint8_t control;
    } s;
};

static uint64_t regs_read(struct device *dev, struct access a)
{
    return a.off == ACPI_GED_SLEEP_CONTROL ? ((struct acpi_ged_regs *)dev)->s.control : 0;
}

static void write_sleep_control(struct device *dev, uint8_t v)
{
    unsigned type = (unsigned)extract64(v, SLP_TYP_SHIFT, SLP_TYP_BITS);
    ((struct acpi_ged_regs *)dev)->s.control = v & (uint8_t)~SLP_EN; /* that one reads as 0 */
    if (!(v & SLP_EN))
        return;
    if (type == ACPI_GED_SLP_TYP_OFF && dev->machine)
        machine_request_shutdown(dev->machine, SHUTDOWN_GUEST_OFF, 0);
    else
        dev_guest_error(dev, "sleep of type %u, which there is not", type);
}

static void regs_write(struct device *dev, struct access a, uint64_t val)
{
    if (a.off == ACPI_GED_SLEEP_CONTROL)
        write_sleep_control(dev, (uint8_t)val);
    else if (a.off == ACPI_GED_RESET && val == ACPI_GED_RESET_VALUE && dev->machine)
        machine_request_reset(dev->machine);
    else if (a.off != ACPI_GED_SLEEP_STATUS)
        dev_guest_error(dev, "write %#x to the reset register", (unsigned)val);
}

static const struct state_field acpi_ged_regs_state[] = {
    STATE(acpi_ged_regs, control, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(acpi_ged_regs, "acpi-ged-regs") = {
    .desc = "ACPI sleep and reset registers",
    .mmio = {regs_read, regs_write, .min = 1, .max = 1, .size = ACPI_GED_REGS},
    .state = acpi_ged_regs_state,
};
