/* Devices: creation, properties, reset. */
#include "core/device.h"

#include "core/machine.h"
#include "util/log.h"

#include <glib.h>
#include <stdarg.h>
#include <string.h>

static void append_to_machine(struct device *dev)
{
    struct device **p = &dev->machine->devices;

    while (*p)
        p = &(*p)->next;
    *p = dev;
}

static void remove_from_machine(struct device *dev)
{
    struct device **p = &dev->machine->devices;

    while (*p && *p != dev)
        p = &(*p)->next;
    if (*p)
        *p = dev->next;
}

static void apply_globals(struct device *dev)
{
    const struct prop_global *g = dev->machine->cfg.globals;

    for (; g && g->driver; g++) {
        struct error *err = NULL;
        if (!strcmp(g->driver, dev->type->name) && props_find(dev->type->cls->props, g->prop) &&
            !props_set(dev->type->cls->props, dev, g->prop, g->value, &err))
            error_report(err);
    }
}

struct device *device_new(const struct device_type *type, struct machine *m, const char *id)
{
    struct device *dev = g_malloc0(type->size);

    dev->type = type;
    dev->machine = m;
    dev->id = g_strdup(id ? id : type->name);
    mutex_init(&dev->lock);
    if (type->cls->mmio.size)
        region_init_mmio(&dev->mmio, dev->id, &type->cls->mmio, dev);
    props_init(type->cls->props, dev);
    if (m) {
        append_to_machine(dev);
        apply_globals(dev);
    }
    return dev;
}

bool device_set(struct device *dev, const char *prop, const char *value, struct error **errp)
{
    if (dev->realized) {
        error_set(errp, "device '%s': property '%s' can only be set before it is plugged in",
                  dev->id, prop);
        return false;
    }
    if (props_set(dev->type->cls->props, dev, prop, value, errp))
        return true;
    error_prefix(errp, "device '%s'", dev->id);
    return false;
}

bool device_realize(struct device *dev, struct error **errp)
{
    const struct device_class *cls = dev->type->cls;

    if (dev->realized)
        return true;
    if (!props_realize(cls->props, dev, errp) || (cls->realize && !cls->realize(dev, errp))) {
        error_prefix(errp, "device '%s'", dev->id);
        return false;
    }
    dev->realized = true;
    device_reset(dev);
    return true;
}

void device_reset(struct device *dev)
{
    const struct device_class *cls = dev->type->cls;

    mutex_lock(&dev->lock);
    state_reset(cls->state, dev);
    if (cls->reset)
        cls->reset(dev);
    if (cls->sync)
        cls->sync(dev);
    mutex_unlock(&dev->lock);
}

void device_sync(struct device *dev)
{
    if (!dev->type->cls->sync)
        return;
    mutex_lock(&dev->lock);
    dev->type->cls->sync(dev);
    mutex_unlock(&dev->lock);
}

void device_free(struct device *dev)
{
    const struct device_class *cls;

    if (!dev)
        return;
    cls = dev->type->cls;
    if (dev->realized && cls->unrealize)
        cls->unrealize(dev);
    region_del(&dev->mmio);
    if (dev->machine)
        remove_from_machine(dev);
    props_fini(cls->props, dev);
    mutex_fini(&dev->lock);
    g_free(dev->id);
    g_free(dev);
}

static char *with_id(struct device *dev, const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);

    return g_strconcat(dev->id, ": ", text, NULL);
}

void dev_guest_error(struct device *dev, const char *fmt, ...)
{
    va_list ap;

    if (!log_enabled(LOG_GUEST_ERRORS))
        return;
    va_start(ap, fmt);
    g_autofree char *text = with_id(dev, fmt, ap);
    va_end(ap);
    log_guest_error("%s", text);
}

void dev_unimp(struct device *dev, const char *fmt, ...)
{
    va_list ap;

    if (!log_enabled(LOG_UNIMP))
        return;
    va_start(ap, fmt);
    g_autofree char *text = with_id(dev, fmt, ap);
    va_end(ap);
    log_unimp("%s", text);
}
