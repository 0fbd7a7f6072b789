/* Finding the bus for a device named on the command line.  Ref: the rules users know, COMPAT:
 * `bus=NAME`, or the first bus of the right type with room, in the order in which the buses came
 * up. */
#include "hw/bus.h"

#include <glib.h>
#include <string.h>

static bool has_room(const struct hw_bus *b)
{
    return b->max == 0 || b->used < b->max;
}

/* As "ID.0" or "ID". */
static bool is_of(const struct device *owner, const char *name)
{
    const char *id = owner->id;
    if (id == NULL || !g_str_has_prefix(name, id))
        return false;
    const char *rest = name + strlen(id);
    return *rest == '\0' || strcmp(rest, ".0") == 0;
}

/* By its own name, or that of the device that provides it; users know the PCI function that carries
 * a virtio device, not what is inside. */
static bool answers_to(const struct hw_bus *b, const char *name)
{
    const struct hw_bus *outer = b->owner->bus;
    return strcmp(b->name, name) == 0 || (b->alias && strcmp(b->alias, name) == 0) ||
           is_of(b->owner, name) ||
           (outer && strcmp(outer->type, "virtio-pci-bus") == 0 && is_of(outer->owner, name));
}

void hw_bus_register(struct hw_bus *bus, struct device *owner, const char *type, char *take_name)
{
    bus->name = take_name;
    bus->type = type;
    bus->owner = owner;
    bus->next = NULL;
    if (owner->machine == NULL)
        return;
    struct hw_bus **end = &owner->machine->buses;
    while (*end)
        end = &(*end)->next;
    *end = bus;
}

void hw_bus_unregister(struct hw_bus *bus)
{
    struct machine *m = bus->owner ? bus->owner->machine : NULL;
    for (struct hw_bus **p = m ? &m->buses : NULL; p && *p; p = &(*p)->next) {
        if (*p == bus) {
            *p = bus->next;
            break;
        }
    }
    g_clear_pointer(&bus->name, g_free);
    g_clear_pointer(&bus->alias, g_free);
}

static struct hw_bus *bus_by_name(struct machine *m, const char *name, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (struct hw_bus *b = m->buses; b; b = b->next) {
        if (answers_to(b, name))
            return b;
        g_ptr_array_add(names, b->name);
    }
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, (const char *const *)names->pdata);
    error_set(errp, "no bus is named '%s'", name);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return NULL;
}

static struct hw_bus *bus_with_room(struct machine *m, const char *type, struct error **errp)
{
    bool any = false;
    for (struct hw_bus *b = m->buses; b; b = b->next) {
        if (strcmp(b->type, type) != 0)
            continue;
        if (has_room(b))
            return b;
        any = true;
    }
    if (any)
        error_set(errp, "every %s is taken", type);
    else
        error_set(errp, "the machine has no %s to plug it into", type);
    return NULL;
}

struct hw_bus *hw_bus_choose(struct machine *m, const char *type, const char *bus_id,
                             struct error **errp)
{
    if (bus_id == NULL)
        return bus_with_room(m, type, errp);
    struct hw_bus *b = bus_by_name(m, bus_id, errp);
    if (b == NULL)
        return NULL;
    if (strcmp(b->type, type) != 0) {
        error_set(errp, "bus '%s' is a %s, the device needs a %s", bus_id, b->type, type);
        return NULL;
    }
    if (!has_room(b)) {
        error_set(errp, "bus '%s' is taken", bus_id);
        return NULL;
    }
    return b;
}

bool hw_bus_plug(struct machine *m, struct device *dev, const char *bus_id, struct error **errp)
{
    const char *type = dev->type->cls->bus;
    if (type == NULL && dev->type->cls->user_creatable && bus_id == NULL)
        return true; /* it is on none */
    if (type == NULL || strcmp(type, "sysbus") == 0) {
        error_set(errp, "%s is part of a board and cannot be plugged in", dev->type->name);
        return false;
    }
    struct hw_bus *b = hw_bus_choose(m, type, bus_id, errp);
    if (b == NULL || !b->plug(b, dev, errp)) {
        error_prefix(errp, "%s", dev->type->name);
        return false;
    }
    b->used++;
    dev->bus = b;
    return true;
}

void hw_bus_unplug(struct device *dev)
{
    struct hw_bus *b = dev->bus;
    if (b == NULL)
        return;
    if (b->unplug)
        b->unplug(b, dev);
    b->used--;
    dev->bus = NULL;
}
