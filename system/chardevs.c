/* Serial lines and named character devices. */
#include "chardev/chardev.h"
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
    if (cli->daemonize || (cli->gdb && uses_terminal(cli->gdb)))
        return "null";
    GPtrArray *const lists[] = {cli->chardev, cli->monitor, cli->qmp, cli->qmp_pretty};
    for (size_t k = 0; k < G_N_ELEMENTS(lists); k++)
        for (guint i = 0; i < lists[k]->len; i++)
            if (uses_terminal(g_ptr_array_index(lists[k], i)))
                return "null";
    return "mon:stdio";
}

static bool add_serial(struct setup *s, unsigned n, const char *text, struct error **errp)
{
    g_autofree char *id = g_strdup_printf("serial%u", n);

    if (!strcmp(text, "none"))
        return true;
    struct chardev *c = chardev_new_legacy(id, text, errp);
    if (!c) {
        error_prefix(errp, "-serial %s", text);
        return false;
    }
    if (n < MACHINE_MAX_SERIALS) /* for the others see setup_unused_serials() */
        s->cfg.serial[n] = g_str_has_prefix(text, "chardev:") ? text + strlen("chardev:")
                                                              : setup_own(s, g_steal_pointer(&id));
    return true;
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
    if (!cli->serial->len && !cli->nodefaults)
        return add_serial(s, 0, default_serial(cli), errp);
    return true;
}
