/* What -device, -global, -object and -fw_cfg ask for. */
#include "hw/bus.h"
#include "hw/hotplug.h"
#include "hw/misc/fw_cfg.h"
#include "hw/registry.h"
#include "hw/virtio/pci.h"
#include "system/setup.h"
#include "util/log.h"

#include <string.h>

/* Names without a bus in them stand for the form that the machine's buses take: NAME-pci where
 * there is PCI, else NAME-device. */
static char *full_name(const struct machine *m, const char *name)
{
    static const char *const forms[] = {"-pci", "-device"};
    const struct hw_bus *b = m ? m->buses : NULL;

    while (b && strcmp(b->type, "PCI"))
        b = b->next;
    for (size_t i = b || !m ? 0 : 1; !hw_device_find(name) && i < G_N_ELEMENTS(forms); i++) {
        char *full = g_strconcat(name, forms[i], NULL);
        if (hw_device_find(full))
            return full;
        g_free(full);
    }
    return g_strdup(name);
}

/* A name for a device that was given none: no two alike. */
static char *make_id(struct machine *m, const char *name)
{
    for (unsigned n = 0;; n++) {
        char *id = g_strdup_printf("%s.%u", name, n);
        if (!machine_find_device(m, id))
            return id;
        g_free(id);
    }
}

/* A device, and the virtio device inside if it is a PCI function that carries one. */
struct created {
    struct device *dev, *inner;
};

static void set_unknown_prop(const struct created *c, const char *name, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const struct prop *tables[] = {c->dev->type->cls->props,
                                   c->inner ? c->inner->type->cls->props : NULL};

    for (size_t i = 0; i < G_N_ELEMENTS(tables); i++)
        for (const struct prop *p = tables[i]; p && p->name; p++)
            g_ptr_array_add(names, (gpointer)(uintptr_t)p->name);
    g_ptr_array_add(names, NULL);
    error_set(errp, "device '%s': no property '%s'", c->dev->id, name);
    const char *near = nearest_name(name, (const char *const *)names->pdata);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
}

static bool set_prop(const struct created *c, const char *name, const char *value,
                     struct error **errp)
{
    if (props_find(c->dev->type->cls->props, name))
        return device_set(c->dev, name, value, errp);
    if (c->inner && props_find(c->inner->type->cls->props, name))
        return device_set(c->inner, name, value, errp);
    set_unknown_prop(c, name, errp);
    return false;
}

static bool set_device_props(const struct created *c, struct opts *o, struct error **errp)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct opt_pair *p = &o->pair[i];
        if (strcmp(p->key, "driver") && strcmp(p->key, "id") && strcmp(p->key, "bus") &&
            !set_prop(c, p->key, p->value, errp))
            return false;
    }
    return true;
}

/* -global NAME-pci.PROP=VALUE may mean a property of the device inside. */
static bool set_inner_globals(const struct created *c, struct error **errp)
{
    const struct prop_global *g = c->dev->machine->cfg.globals;

    for (; c->inner && g && g->driver; g++)
        if (!strcmp(g->driver, c->dev->type->name) &&
            !props_find(c->dev->type->cls->props, g->prop) &&
            !device_set(c->inner, g->prop, g->value, errp))
            return false;
    return true;
}

static bool plug_in(const struct created *c, const char *bus, struct error **errp)
{
    return hw_bus_plug(c->dev->machine, c->dev, bus, errp) &&
           (!c->inner || device_realize(c->inner, errp)) && device_realize(c->dev, errp);
}

/* Names go into events and paths. */
static bool check_id(const char *id, struct error **errp)
{
    static const char others[] = "-._";
    bool ok = g_ascii_isalpha(*id);

    for (const char *p = id; *p; p++)
        ok = ok && (g_ascii_isalnum(*p) || strchr(others, *p));
    if (!ok)
        error_set(errp, "id=%s: wanted letters, digits, '-', '.' and '_', a letter first", id);
    return ok;
}

/* Create, configure, plug and realize; NULL on failure. */
static struct device *create(struct setup *s, const struct device_type *type, struct opts *o,
                             struct error **errp)
{
    const char *wanted = opts_get(o, "id", NULL);
    struct created c = {NULL, NULL};

    if (wanted && !check_id(wanted, errp))
        return NULL;
    if (wanted && machine_find_device(s->machine, wanted)) {
        error_set(errp, "id=%s: another device has that id", wanted);
        return NULL;
    }
    g_autofree char *id = wanted ? g_strdup(wanted) : make_id(s->machine, type->name);
    c.dev = device_new(type, s->machine, id);
    if (virtio_pci_inner(type))
        c.inner = virtio_pci_create_inner(c.dev);
    if (set_inner_globals(&c, errp) && set_device_props(&c, o, errp) &&
        plug_in(&c, opts_get(o, "bus", NULL), errp))
        return c.dev;
    device_free(c.inner);
    hw_bus_unplug(c.dev);
    device_free(c.dev);
    return NULL;
}

static const struct device_type *find_type(struct setup *s, const char *name, struct error **errp)
{
    g_autofree char *full = full_name(s->machine, name);

    return hw_device_find_creatable(full, errp);
}

bool device_create(struct setup *s, const char *name, struct opts *o, struct error **errp)
{
    const struct device_type *type = find_type(s, name, errp);

    return type && create(s, type, o, errp);
}

bool device_hot_add(struct setup *s, const char *name, struct opts *o, struct error **errp)
{
    const struct device_type *type = find_type(s, name, errp);

    if (!type || !hw_hotplug_check(s->machine, type, opts_get(o, "bus", NULL), errp))
        return false;
    machine_pause(s->machine);
    struct device *dev = create(s, type, o, errp);
    if (dev)
        hw_hotplug_added(dev);
    machine_resume(s->machine);
    return dev;
}

static bool add_device(struct setup *s, const char *text, struct error **errp)
{
    struct opts *o = opts_parse_any(text, "driver", errp);
    const char *name = o ? opts_get(o, "driver", NULL) : NULL;
    bool ok = false;

    if (o && !name)
        error_set(errp, "wanted a device name first; 'help' lists them");
    else if (o)
        ok = device_create(s, name, o, errp);
    opts_free(o);
    if (!ok)
        error_prefix(errp, "-device %s", text);
    return ok;
}

bool setup_devices(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->cli->device->len; i++)
        if (!add_device(s, g_ptr_array_index(s->cli->device, i), errp))
            return false;
    return setup_drive_devices(s, errp);
}

/* Split DRIVER.PROP=VALUE or driver=,property=,value= into g; device names may hold dots,
 * properties do not. */
static bool parse_global(struct setup *s, const char *text, struct prop_global *g,
                         struct error **errp)
{
    struct opts *o = opts_parse(text, NULL);
    const char *driver = opts_get(o, "driver", NULL), *prop = opts_get(o, "property", NULL);
    const char *value = opts_get(o, "value", NULL);

    if (driver && prop && value) {
        *g = (struct prop_global){setup_own(s, g_strdup(driver)), setup_own(s, g_strdup(prop)),
                                  setup_own(s, g_strdup(value))};
    } else {
        const char *eq = strchr(text, '=');
        const char *dot = eq ? memrchr(text, '.', (size_t)(eq - text)) : NULL;
        if (dot && dot > text && dot + 1 < eq)
            *g = (struct prop_global){setup_own(s, g_strndup(text, (gsize)(dot - text))),
                                      setup_own(s, g_strndup(dot + 1, (gsize)(eq - dot - 1))),
                                      setup_own(s, g_strdup(eq + 1))};
    }
    opts_free(o);
    if (!g->driver)
        error_set(errp, "wanted DRIVER.PROP=VALUE");
    return g->driver != NULL;
}

/* Try it on an object nobody will see.  Drivers of other machines are common in scripts and only
 * worth a warning. */
static bool check_global(const struct prop_global *g, struct error **errp)
{
    const struct device_type *type = hw_device_find(g->driver);

    if (!type) {
        log_warn("-global %s.%s: no device type '%s' here, the setting has no effect", g->driver,
                 g->prop, g->driver);
        return true;
    }
    const struct device_type *inner = virtio_pci_inner(type);
    if (inner && !props_find(type->cls->props, g->prop))
        type = inner;
    void *probe = g_malloc0(type->size);
    bool ok = props_find(type->cls->props, g->prop) != NULL &&
              props_find(type->cls->props, g->prop)->kind->realize != NULL;
    if (!ok) /* kinds that name another object are looked up when a device is made */
        ok = props_set(type->cls->props, probe, g->prop, g->value, errp);
    props_fini(type->cls->props, probe);
    g_free(probe);
    return ok;
}

bool setup_globals(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->cli->global->len; i++) {
        const char *text = g_ptr_array_index(s->cli->global, i);
        struct prop_global g = {NULL, NULL, NULL};
        bool ok = parse_global(s, text, &g, errp);
        if (ok)
            g.driver = setup_own(s, full_name(NULL, g.driver));
        if (!ok || !check_global(&g, errp)) {
            error_prefix(errp, "-global %s", text);
            return false;
        }
        g_array_append_val(s->globals, g);
    }
    return true;
}

static bool add_fw_cfg(struct setup *s, struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"name", "file", "string", NULL};
    const char *name = opts_get(o, "name", NULL);
    const char *path = opts_get(o, "file", NULL), *text = opts_get(o, "string", NULL);

    if (!name || !path == !text) {
        error_set(errp, "wanted name=NAME and one of file=FILE and string=TEXT");
        return false;
    }
    return opts_check_used(o, keys, errp) && fw_cfg_add_option(s->machine, name, path, text, errp);
}

bool setup_fw_cfg(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->cli->fw_cfg->len; i++) {
        const char *text = g_ptr_array_index(s->cli->fw_cfg, i);
        struct opts *o = opts_parse(text, "name");
        bool ok = add_fw_cfg(s, o, errp);
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "-fw_cfg %s", text);
            return false;
        }
    }
    return true;
}
