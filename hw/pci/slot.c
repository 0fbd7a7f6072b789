/*
 * The slot below a port, and cards that come and go in it: native hot-plug.
 * Ref: PCI Express Base 5.0, 6.7 (hot-plug), 7.5.3.9 to 7.5.3.11 (slot registers), 7.5.3.6 (link).
 *
 * The user's device_add is a card put in, device_del a press of the attention button; the guest
 * then switches the slot's power off, and the card is taken out from the main loop.
 */
#include "core/clock.h"
#include "core/event.h"
#include "core/machine.h"
#include "hw/hotplug.h"
#include "hw/pci/pci_priv.h"
#include "util/log.h"

#include <glib.h>

enum { /* slot capabilities */
       CAP_ATTENTION_BUTTON = 1 << 0,
       CAP_POWER_CONTROLLER = 1 << 1,
       CAP_ATTENTION_INDICATOR = 1 << 3,
       CAP_POWER_INDICATOR = 1 << 4,
       CAP_SURPRISE = 1 << 5,
       CAP_HOT_PLUG = 1 << 6,
       CAP_NO_COMMAND_COMPLETED = 1 << 18,
       CAP_NUMBER_SHIFT = 19,
       CAPS_HOT = CAP_ATTENTION_BUTTON | CAP_POWER_CONTROLLER | CAP_ATTENTION_INDICATOR |
                  CAP_POWER_INDICATOR | CAP_SURPRISE | CAP_HOT_PLUG,
};
enum { /* slot control: the low five bits enable the interrupts of the same bits of the status */
       CONTROL_EVENTS = 0x1f,
       CONTROL_INTERRUPT = 1 << 5,
       CONTROL_POWER_INDICATOR = 3 << 8,
       CONTROL_POWER_OFF = 1 << 10,
       CONTROL_LINK_EVENT = 1 << 12,
       CONTROL_BITS = 0x17ff, /* no electromechanical interlock */
};
enum { INDICATOR_ON = 1 << 8, INDICATOR_BLINK = 2 << 8, INDICATOR_OFF = 3 << 8 };
enum { ATTENTION_OFF = 3 << 6 };
enum { /* slot status */
       STATUS_BUTTON = 1 << 0,
       STATUS_PRESENCE = 1 << 3,
       STATUS_COMMAND = 1 << 4,
       STATUS_PRESENT = 1 << 6,
       STATUS_LINK = 1 << 8,
       STATUS_EVENTS = 0x011f,
};
enum { LINK_DISABLE = 1 << 4, LINK_ACTIVE = 1 << 13 };
enum { FROZEN_RETRY_MS = 20 };
/* As long as guests wait for a second press, which takes the first one back. */
static const ns_t BUTTON_NS = 5 * INT64_C(1000000000);

static uint32_t reg_get(const struct pci_slot *s, unsigned reg)
{
    return pci_config_get(s->port, s->port->express_cap + reg, 2);
}

static void reg_put(const struct pci_slot *s, unsigned reg, uint32_t v)
{
    pci_config_put(s->port, s->port->express_cap + reg, 2, v);
}

static bool is_present(const struct pci_slot *s)
{
    const struct pci_device *p = s->bus->functions[0];
    return p && p->init;
}

bool pci_slot_is_down(struct pci_device *bridge)
{
    unsigned cap = bridge->express_cap;
    if (!cap || !(pci_config_get(bridge, cap + PCIE_FLAGS, 2) & PCIE_CAP_FLAGS_SLOT))
        return false;
    if (pci_config_get(bridge, cap + PCIE_LINK_CONTROL, 2) & LINK_DISABLE)
        return true;
    return (pci_config_get(bridge, cap + PCIE_SLOT_CAP, 4) & CAP_POWER_CONTROLLER) &&
           (pci_config_get(bridge, cap + PCIE_SLOT_CONTROL, 2) & CONTROL_POWER_OFF);
}

/* Section 6.7.3.4: the interrupt is there while an event and its enable bit are; a message goes out
 * when that becomes true. */
static void update_interrupt(struct pci_slot *s, bool quiet)
{
    uint32_t control = reg_get(s, PCIE_SLOT_CONTROL), status = reg_get(s, PCIE_SLOT_STATUS);
    bool wanted = (status & control & CONTROL_EVENTS) ||
                  ((status & STATUS_LINK) && (control & CONTROL_LINK_EVENT));
    bool level = s->hotplug && wanted && (control & CONTROL_INTERRUPT);
    if (level && !s->raised && !quiet)
        pci_notify(s->port, 0);
    if (level != s->raised || quiet)
        pci_set_irq(s->port, level);
    s->raised = level;
}

static void raise_events(struct pci_slot *s, uint32_t events)
{
    reg_put(s, PCIE_SLOT_STATUS, reg_get(s, PCIE_SLOT_STATUS) | events);
    update_interrupt(s, false);
}

/* Whether the link changed since the last look. */
static bool look_at_link(struct pci_slot *s)
{
    bool active = is_present(s) && !pci_slot_is_down(s->port), old = s->link_active;
    s->link_active = active;
    return active != old;
}

/* Unless the guest has taken charge of the slot, its power indicator shows whether there is a card.
 */
static void settle_indicator(struct pci_slot *s)
{
    uint32_t control = reg_get(s, PCIE_SLOT_CONTROL);
    if (control == (ATTENTION_OFF | INDICATOR_OFF) || control == (ATTENTION_OFF | INDICATOR_ON))
        reg_put(s, PCIE_SLOT_CONTROL,
                ATTENTION_OFF | (is_present(s) ? INDICATOR_ON : INDICATOR_OFF));
    s->control = (uint16_t)reg_get(s, PCIE_SLOT_CONTROL);
}

void pci_slot_occupied(struct pci_slot *s)
{
    settle_indicator(s);
    look_at_link(s);
}

/* ---- the card comes out ---- */

/* In the main thread, the machine paused. */
static void take_out(struct pci_slot *s) NO_THREAD_ANALYSIS
{
    bool active = s->link_active;
    s->asked = s->blinked = false;
    for (int fn = PCI_SLOT_FUNCTIONS - 1; fn >= 0; fn--)
        if (s->bus->functions[fn])
            hw_hotplug_remove(&s->bus->functions[fn]->dev);
    mutex_lock(&s->port->dev.lock);
    raise_events(s, STATUS_PRESENCE | (active ? STATUS_LINK : 0));
    mutex_unlock(&s->port->dev.lock);
}

static gboolean take_out_now(gpointer opaque)
{
    struct pci_slot *s = opaque;
    struct machine *m = s->port->dev.machine;
    if (m->frozen) /* its state is being saved */
        return G_SOURCE_CONTINUE;
    mutex_lock(&s->port->dev.lock);
    s->source = 0;
    mutex_unlock(&s->port->dev.lock);
    machine_pause(m);
    take_out(s);
    machine_resume(m);
    return G_SOURCE_REMOVE;
}

static gboolean take_out_soon(gpointer opaque)
{
    struct pci_slot *s = opaque;
    if (!s->port->dev.machine->frozen)
        return take_out_now(opaque);
    mutex_lock(&s->port->dev.lock);
    s->source = g_timeout_add(FROZEN_RETRY_MS, take_out_now, s);
    mutex_unlock(&s->port->dev.lock);
    return G_SOURCE_REMOVE;
}

static void schedule(struct pci_slot *s)
{
    if (s->source == 0 && s->port->dev.machine)
        s->source = g_idle_add_full(G_PRIORITY_DEFAULT, take_out_soon, s, NULL);
}

/* The guest blinked, and then went back: it keeps the card. */
static void refused(struct pci_slot *s)
{
    s->asked = s->blinked = false;
    event_emit("DEVICE_UNPLUG_GUEST_ERROR",
               "{\"device\": \"%s\", \"path\": \"/machine/peripheral/%s\"}", s->asked_id,
               s->asked_id);
}

static void follow_request(struct pci_slot *s, uint32_t control)
{
    uint32_t indicator = control & CONTROL_POWER_INDICATOR;
    if (!s->asked)
        return;
    if (control & CONTROL_POWER_OFF)
        schedule(s);
    else if (indicator == INDICATOR_BLINK)
        s->blinked = true;
    else if (indicator == INDICATOR_ON && s->blinked)
        refused(s);
}

/* ---- registers ---- */

/* Without power a card forgets everything. */
static void switch_power(struct pci_slot *s, bool on)
{
    if (!on)
        pci_reset_below(s->bus);
    pci_update_map(s->bus->host);
}

static void command(struct pci_slot *s)
{
    uint32_t control = reg_get(s, PCIE_SLOT_CONTROL), changed = control ^ s->control;
    uint32_t events = STATUS_COMMAND;
    s->control = (uint16_t)control;
    if (!s->hotplug)
        return;
    if (changed & CONTROL_POWER_OFF)
        switch_power(s, !(control & CONTROL_POWER_OFF));
    if (look_at_link(s))
        events |= STATUS_LINK;
    raise_events(s, events);
    follow_request(s, control);
}

void pci_slot_written(struct pci_slot *s, unsigned off, unsigned size)
{
    unsigned cap = s->port->express_cap;
    if (pci_overlaps(off, size, cap + PCIE_SLOT_CONTROL, 2))
        command(s);
    else if (pci_overlaps(off, size, cap + PCIE_SLOT_STATUS, 2))
        update_interrupt(s, false);
    if (pci_overlaps(off, size, cap + PCIE_LINK_CONTROL, 1) && look_at_link(s)) {
        if (!s->link_active)
            pci_reset_below(s->bus);
        pci_update_map(s->bus->host);
        raise_events(s, s->hotplug ? STATUS_LINK : 0);
    }
}

/* Whether a card is in the slot is no matter of reset or of saved state. */
void pci_slot_read(struct pci_slot *s, unsigned off, unsigned size)
{
    unsigned cap = s->port->express_cap;
    if (pci_overlaps(off, size, cap + PCIE_SLOT_STATUS, 2))
        reg_put(s, PCIE_SLOT_STATUS,
                (reg_get(s, PCIE_SLOT_STATUS) & ~(uint32_t)STATUS_PRESENT) |
                    (is_present(s) ? STATUS_PRESENT : 0));
    if (pci_overlaps(off, size, cap + PCIE_LINK_STATUS, 2))
        reg_put(s, PCIE_LINK_STATUS,
                (reg_get(s, PCIE_LINK_STATUS) & ~(uint32_t)LINK_ACTIVE) |
                    (is_present(s) && !pci_slot_is_down(s->port) ? LINK_ACTIVE : 0));
}

void pci_slot_reset(struct pci_slot *s)
{
    s->raised = false;
    pci_slot_occupied(s);
    if (s->asked) /* the guest that was asked is no more */
        schedule(s);
}

void pci_slot_sync(struct pci_slot *s)
{
    s->control = (uint16_t)reg_get(s, PCIE_SLOT_CONTROL);
    look_at_link(s);
    update_interrupt(s, true);
}

/* ---- the user's side ---- */

static struct pci_slot *slot_of(struct hw_bus *hw)
{
    return ((struct pci_bus *)(void *)hw)->slot;
}

static bool is_hot(const struct pci_slot *s, const char *what, struct error **errp)
{
    if (!s->hotplug)
        error_set(errp, "%s failed: unsupported by the port device '%s' (hotplug=off)", what,
                  s->port->dev.id);
    return s->hotplug;
}

static bool check(struct hw_bus *hw, struct error **errp)
{
    struct pci_slot *s = slot_of(hw);
    const struct pci_device *there = s->bus->functions[0];
    if (!is_hot(s, "Hot-plug", errp))
        return false;
    if (there)
        error_set(errp, "slot 0 of '%s' is taken by '%s'", hw->name, there->dev.id);
    return !there;
}

/* Guests look at function 0 alone; others wait for it. */
static void added(struct hw_bus *hw, struct device *dev)
{
    struct pci_slot *s = slot_of(hw);
    if (((struct pci_device *)dev)->devfn != 0)
        return;
    mutex_lock(&s->port->dev.lock);
    look_at_link(s);
    raise_events(s, STATUS_BUTTON | STATUS_PRESENCE | (s->link_active ? STATUS_LINK : 0));
    mutex_unlock(&s->port->dev.lock);
}

static void press_button(struct pci_slot *s, const char *id)
{
    mutex_lock(&s->port->dev.lock);
    uint32_t control = reg_get(s, PCIE_SLOT_CONTROL);
    s->asked = true;
    s->blinked = false;
    s->asked_at = clock_now();
    g_free(s->asked_id);
    s->asked_id = g_strdup(id);
    raise_events(s, STATUS_BUTTON);
    mutex_unlock(&s->port->dev.lock);
    if (!(control & CONTROL_INTERRUPT) || !(control & STATUS_BUTTON))
        log_warn("the guest has no hot-plug driver on '%s': '%s' stays until it switches the slot "
                 "off, or is reset",
                 s->port->dev.id, id);
}

static bool unplug(struct hw_bus *hw, struct device *dev, struct error **errp)
{
    struct pci_slot *s = slot_of(hw);
    uint32_t control = reg_get(s, PCIE_SLOT_CONTROL);
    if (!is_hot(s, "Hot-unplug", errp))
        return false;
    if ((control & CONTROL_POWER_OFF) || dev->machine->run_state == RUN_PRELAUNCH) {
        take_out(s);
    } else if (s->source || (s->asked && clock_now() - s->asked_at < BUTTON_NS)) {
        error_set(errp, "Device %s is already in the process of unplug", dev->id);
        return false;
    } else if ((control & CONTROL_POWER_INDICATOR) == INDICATOR_BLINK) {
        error_set(errp, "Hot-unplug failed: guest is busy (power indicator blinking)");
        return false;
    } else {
        press_button(s, dev->id);
    }
    return true;
}

static const struct hw_bus_hotplug hotplug_ops = {check, added, unplug};

void pci_slot_init(struct pci_slot *s, struct pci_device *port, struct pci_bus *bus,
                   const struct pci_slot_conf *conf)
{
    unsigned cap = port->express_cap;
    uint32_t flags = pci_config_initial(port, cap + PCIE_FLAGS, 2);
    *s = (struct pci_slot){.port = port, .bus = bus, .hotplug = conf->hotplug};
    bus->slot = s;
    bus->hw.hotplug = &hotplug_ops;
    pci_config_init(port, cap + PCIE_FLAGS, 2, flags | PCIE_CAP_FLAGS_SLOT);
    pci_config_init(port, cap + PCIE_SLOT_CAP, 4,
                    (conf->hotplug ? CAPS_HOT : CAP_NO_COMMAND_COMPLETED) |
                        conf->number << CAP_NUMBER_SHIFT);
    pci_config_init(port, cap + PCIE_SLOT_CONTROL, 2, ATTENTION_OFF | INDICATOR_OFF);
    pci_config_writable(port, cap + PCIE_SLOT_CONTROL, 2, CONTROL_BITS);
    pci_config_w1c(port, cap + PCIE_SLOT_STATUS, 2, STATUS_EVENTS);
}

void pci_slot_fini(struct pci_slot *s)
{
    if (s->source)
        g_source_remove(s->source);
    s->source = 0;
    g_clear_pointer(&s->asked_id, g_free);
}
