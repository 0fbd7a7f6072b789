/* What -device, -global, -object and -fw_cfg ask for. */
#include "hw/bus.h"
#include "hw/misc/fw_cfg.h"
#include "hw/registry.h"
#include "system/setup.h"
#include "util/log.h"

#include <string.h>

/* Short names that stand for the form this machine's buses take. */
static const char *full_name(const char *name)
{
    static const struct {
        const char *alias, *name;
    } aliases[] = {
        {"virtio-9p", "virtio-9p-device"},         {"virtio-blk", "virtio-blk-device"},
        {"virtio-net", "virtio-net-device"},       {"virtio-rng", "virtio-rng-device"},
        {"virtio-serial", "virtio-serial-device"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(aliases); i++)
        if (!strcmp(name, aliases[i].alias))
            return aliases[i].name;
    return name;
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

static bool set_device_props(struct device *dev, struct opts *o, struct error **errp)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct opt_pair *p = &o->pair[i];
        if (strcmp(p->key, "driver") && strcmp(p->key, "id") && strcmp(p->key, "bus") &&
            !device_set(dev, p->key, p->value, errp))
            return false;
    }
    return true;
}

bool device_create(struct setup *s, const char *name, struct opts *o, struct error **errp)
{
    const struct device_type *type = hw_device_find_creatable(full_name(name), errp);
    const char *wanted = opts_get(o, "id", NULL);

    if (!type)
        return false;
    if (wanted && machine_find_device(s->machine, wanted)) {
        error_set(errp, "id=%s: another device has that id", wanted);
        return false;
    }
    g_autofree char *id = wanted ? g_strdup(wanted) : make_id(s->machine, type->name);
    struct device *dev = device_new(type, s->machine, id);
    return set_device_props(dev, o, errp) &&
           hw_bus_plug(s->machine, dev, opts_get(o, "bus", NULL), errp) &&
           device_realize(dev, errp);
}

static bool add_device(struct setup *s, const char *text, struct error **errp)
{
    struct opts *o = opts_parse(text, "driver");
    const char *name = opts_get(o, "driver", NULL);
    bool ok = false;

    if (*text == '{')
        error_set(errp, "JSON is not supported yet: write key=value");
    else if (!name)
        error_set(errp, "wanted a device name first; 'help' lists them");
    else
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
        if (!parse_global(s, text, &g, errp) || !check_global(&g, errp)) {
            error_prefix(errp, "-global %s", text);
            return false;
        }
        g.driver = full_name(g.driver);
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
