/* Serial lines, parallel ports, the debug port and named character devices. */
#include "chardev/chardev.h"
#include "hw/bus.h"
#include "system/setup.h"
#include "util/log.h"

#include <string.h>

static bool uses_terminal(const char *text)
{
    return !strcmp(text, "stdio") || !strcmp(text, "mon:stdio") || g_str_has_prefix(text, "stdio,");
}

/* What the first serial line is when nobody said: the terminal, unless that is taken or we leave
 * it. */
static const char *default_serial(const struct cli *cli)
{
    if (cli->daemonize || (cli->gdb && uses_terminal(cli->gdb)) ||
        (cli->debugcon && uses_terminal(cli->debugcon)))
        return "null";
    GPtrArray *const lists[] = {cli->chardev, cli->monitor, cli->qmp, cli->qmp_pretty,
                                cli->parallel};
    for (size_t k = 0; k < G_N_ELEMENTS(lists); k++)
        for (guint i = 0; i < lists[k]->len; i++)
            if (uses_terminal(g_ptr_array_index(lists[k], i)))
                return "null";
    return "mon:stdio";
}

/* Whether a -device is of a type: then the user has made what there would be by default. */
static bool names_device(const struct cli *cli, const char *type)
{
    bool found = false;

    for (guint i = 0; !found && i < cli->device->len; i++) {
        struct opts *o = opts_parse_any(g_ptr_array_index(cli->device, i), "driver", NULL);
        found = o && !strcmp(opts_get(o, "driver", ""), type);
        opts_free(o);
    }
    return found;
}

/* The chardev of number n of an option for lines or ports, which says text.  *name is what it is
 * called, NULL: none. */
static bool add_line(struct setup *s, const char *option, unsigned n, const char *text,
                     const char **name, struct error **errp)
{
    g_autofree char *id = g_strdup_printf("%s%u", option, n);

    *name = NULL;
    if (!strcmp(text, "none"))
        return true;
    if (!chardev_new_legacy(id, text, errp)) {
        error_prefix(errp, "-%s %s", option, text);
        return false;
    }
    *name = g_str_has_prefix(text, "chardev:") ? text + strlen("chardev:")
                                               : setup_own(s, g_steal_pointer(&id));
    return true;
}

static bool add_serial(struct setup *s, unsigned n, const char *text, struct error **errp)
{
    const char *name;

    if (!add_line(s, "serial", n, text, &name, errp))
        return false;
    if (n < MACHINE_MAX_SERIALS) /* for the others see setup_unused_serials() */
        s->cfg.serial[n] = name;
    return true;
}

static bool add_parallel(struct setup *s, unsigned n, const char *text, struct error **errp)
{
    if (n < MIN(s->cls->parallels, MACHINE_MAX_PARALLELS))
        return add_line(s, "parallel", n, text, &s->cfg.parallel[n], errp);
    if (!strcmp(text, "none") || !strcmp(text, "null"))
        return true;
    if (s->cls->parallels)
        error_set(errp, "-parallel %s: machine '%s' has %u parallel ports", text, s->cls->name,
                  s->cls->parallels);
    else
        error_set(errp, "-parallel %s: machine '%s' has no parallel port; only 'none' is accepted",
                  text, s->cls->name);
    return false;
}

static bool setup_parallels(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;

    for (guint i = 0; i < cli->parallel->len; i++)
        if (!add_parallel(s, i, g_ptr_array_index(cli->parallel, i), errp))
            return false;
    return cli->parallel->len || cli->nodefaults || names_device(cli, "isa-parallel") ||
           add_parallel(s, 0, "null", errp);
}

static bool has_isa(const struct machine *m)
{
    const struct hw_bus *b = m->buses;

    while (b && strcmp(b->type, "ISA"))
        b = b->next;
    return b;
}

static bool create_debugcon(struct setup *s, const char *name, struct error **errp)
{
    struct opts *o = opts_parse("", NULL);

    opts_set(o, "chardev", name);
    bool ok = device_create(s, "isa-debugcon", o, errp);
    opts_free(o);
    return ok;
}

bool setup_debugcon(struct setup *s, struct error **errp)
{
    const char *text = s->cli->debugcon, *name;

    if (!text || (!strcmp(text, "null") && !has_isa(s->machine)))
        return true;
    if (strcmp(text, "none") && !has_isa(s->machine))
        error_set(errp, "machine '%s' has no debug port, which is a PC's; use -serial",
                  s->cls->name);
    else if (!add_line(s, "debugcon", 0, text, &name, errp))
        return false;
    else if (!name || create_debugcon(s, name, errp))
        return true;
    error_prefix(errp, "-debugcon %s", text);
    return false;
}

/* The chardev of -serial number n, which says text; NULL: none. */
static const struct chardev *serial_chardev(unsigned n, const char *text)
{
    g_autofree char *id = g_strdup_printf("serial%u", n);

    if (!strcmp(text, "none"))
        return NULL;
    return chardev_find(g_str_has_prefix(text, "chardev:") ? text + strlen("chardev:") : id);
}

bool setup_unused_serials(struct setup *s, struct error **errp UNUSED)
{
    for (guint i = 0; i < s->cli->serial->len; i++) {
        const char *text = g_ptr_array_index(s->cli->serial, i);
        const struct chardev *c = serial_chardev(i, text);
        if (c && strcmp(text, "null") && !chardev_has_front(c))
            log_warn(
                "-serial %s: machine '%s' has no serial line %u, so nothing is connected to it",
                text, s->cls->name, i);
    }
    return true;
}

static bool set_escape(const char *text, struct error **errp)
{
    uint64_t code;

    if (parse_uint(text, 0x1f, &code, errp)) {
        chardev_set_escape((int)code);
        return true;
    }
    error_prefix(errp, "-echr %s", text);
    return false;
}

bool setup_chardevs(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;

    if (cli->escape && !set_escape(cli->escape, errp))
        return false;
    for (guint i = 0; i < cli->chardev->len; i++) {
        const char *text = g_ptr_array_index(cli->chardev, i);
        if (!chardev_new_opts(text, errp)) {
            error_prefix(errp, "-chardev %s", text);
            return false;
        }
    }
    for (guint i = 0; i < cli->serial->len; i++)
        if (!add_serial(s, i, g_ptr_array_index(cli->serial, i), errp))
            return false;
    if (!cli->serial->len && !cli->nodefaults && !names_device(cli, "isa-serial") &&
        !add_serial(s, 0, default_serial(cli), errp))
        return false;
    return setup_parallels(s, errp);
}
