/* Devices that come and go while the machine runs: what is the same for all buses. */
#include "hw/hotplug.h"

#include "core/event.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

/* Which buses of this type would take the device. */
static void name_others(struct machine *m, const char *type, struct error **errp)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (struct hw_bus *b = m->buses; b; b = b->next)
        if (!strcmp(b->type, type) && b->hotplug && (!b->max || b->used < b->max) &&
            (!b->hotplug->check || b->hotplug->check(b, NULL)))
            g_string_append_printf(names, "%s%s", names->len ? ", " : "", b->name);
    if (names->len)
        error_append(errp, "; these do and are free: %s", names->str);
}

static void set_refusal(struct machine *m, const struct hw_bus *b, struct error **errp)
{
    error_set(errp, "Bus '%s' does not support hotplugging", b->name);
    name_others(m, b->type, errp);
}

bool hw_hotplug_check(struct machine *m, const struct device_type *type, const char *bus_id,
                      struct error **errp)
{
    if (!type->cls->bus) {
        error_set(errp, "%s is part of a board and cannot be plugged in", type->name);
        return false;
    }
    struct hw_bus *b = hw_bus_choose(m, type->cls->bus, bus_id, errp);
    if (!b)
        return false;
    if (!b->hotplug) {
        set_refusal(m, b, errp);
        return false;
    }
    return !b->hotplug->check || b->hotplug->check(b, errp);
}

void hw_hotplug_added(struct device *dev)
{
    struct hw_bus *b = dev->bus;

    if (b->hotplug && b->hotplug->added)
        b->hotplug->added(b, dev);
}

static struct device *first_below(const struct device *dev)
{
    for (struct device *d = dev->machine->devices; d; d = d->next) {
        const struct hw_bus *b = d->bus;
        if (b && b->owner == dev)
            return d;
    }
    return NULL;
}

/* Some classes leave their bus when they are unrealized, others leave that to us. */
static void free_device(struct device *dev)
{
    struct hw_bus *b = dev->bus;
    unsigned used = b ? b->used : 0;

    device_free(dev);
    if (b && b->used == used)
        b->used--;
}

/* Users did not name what a function carries inside. */
static void emit_deleted(const char *id)
{
    if (strchr(id, '/'))
        event_emit("DEVICE_DELETED", "{\"path\": \"/machine/peripheral/%s\"}", id);
    else
        event_emit("DEVICE_DELETED", "{\"device\": \"%s\", \"path\": \"/machine/peripheral/%s\"}",
                   id, id);
}

void hw_hotplug_remove(struct device *dev)
{
    g_autofree char *id = g_strdup(dev->id);
    struct device *below;

    assert(dev->machine->pause_depth);
    while ((below = first_below(dev)))
        hw_hotplug_remove(below);
    free_device(dev);
    emit_deleted(id);
}

bool hw_hotplug_unplug(struct device *dev, struct error **errp)
{
    struct machine *m = dev->machine;
    struct hw_bus *b = dev->bus;
    bool ok = true;

    if (!b) {
        error_set(errp, "device '%s' is part of the board", dev->id);
        return false;
    }
    if (!b->name) {
        error_set(errp, "device '%s' is a part of '%s': unplug that", dev->id, b->owner->id);
        return false;
    }
    if (!b->hotplug) {
        error_set(errp, "Bus '%s' does not support hotplugging", b->name);
        return false;
    }
    machine_pause(m);
    if (b->hotplug->unplug)
        ok = b->hotplug->unplug(b, dev, errp);
    else
        hw_hotplug_remove(dev);
    machine_resume(m);
    return ok;
}
