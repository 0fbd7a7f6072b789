/* -monitor, -qmp, -qmp-pretty, -mon, the monitor behind mon:, and the one that nobody asked for. */
#include "monitor/monitor.h"
#include "chardev/chardev.h"
#include "system/setup.h"

#include <string.h>

static bool wants_none(const char *text)
{
    return !strcmp(text, "none") || !strcmp(text, "null");
}

static bool open_on(struct setup *s, struct chardev *c, enum monitor_mode mode, struct error **errp)
{
    return monitor_open(s->machine, c, mode, errp);
}

/* -monitor DEV and -qmp DEV: a device of their own in the -serial syntax. */
static bool add_device_monitor(struct setup *s, const char *option, const char *text,
                               enum monitor_mode mode, struct error **errp)
{
    static const char *const prefix = "compat_monitor";
    struct chardev *c = NULL;

    if (wants_none(text))
        return true;
    for (unsigned i = 0; !c; i++) {
        g_autofree char *id = g_strdup_printf("%s%u", prefix, i);
        if (chardev_find(id))
            continue;
        c = chardev_new_legacy(id, text, errp);
        break;
    }
    if (c && open_on(s, c, mode, errp))
        return true;
    error_prefix(errp, "-%s %s", option, text);
    return false;
}

static bool add_list(struct setup *s, const char *option, GPtrArray *list, enum monitor_mode mode,
                     struct error **errp)
{
    for (guint i = 0; i < list->len; i++)
        if (!add_device_monitor(s, option, g_ptr_array_index(list, i), mode, errp))
            return false;
    return true;
}

static bool parse_mode(struct opts *o, enum monitor_mode *mode, struct error **errp)
{
    static const char *const modes[] = {"readline", "control", NULL};
    const char *text = opts_get(o, "mode", "readline");
    bool pretty;

    if (!opts_get_bool(o, "pretty", false, &pretty, errp))
        return false;
    if (!g_strv_contains(modes, text)) {
        const char *near = nearest_name(text, modes);
        error_set(errp, "mode=%s: no such mode; did you mean '%s'?", text, near ? near : modes[0]);
        return false;
    }
    if (!strcmp(text, "control")) {
        *mode = pretty ? MONITOR_QMP_PRETTY : MONITOR_QMP;
        return true;
    }
    if (pretty)
        error_set(errp, "pretty=on is for mode=control only");
    *mode = MONITOR_HMP;
    return !pretty;
}

static bool add_mon(struct setup *s, struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"chardev", "mode", "pretty", "default", "id", NULL};
    const char *name = opts_get(o, "chardev", NULL);
    enum monitor_mode mode;

    opts_get(o, "default", NULL); /* of old: which of several was meant when none was named */
    opts_get(o, "id", NULL);
    if (!parse_mode(o, &mode, errp) || !opts_check_used(o, keys, errp))
        return false;
    if (!name) {
        error_set(errp, "wanted chardev=ID");
        return false;
    }
    g_autofree char *text = g_strconcat("chardev:", name, NULL);
    struct chardev *c = chardev_new_legacy(NULL, text, errp);
    return c && open_on(s, c, mode, errp);
}

static bool add_mons(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->cli->mon->len; i++) {
        const char *text = g_ptr_array_index(s->cli->mon, i);
        struct opts *o = opts_parse_any(text, "chardev", errp);
        bool ok = o && add_mon(s, o, errp);
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "-mon %s", text);
            return false;
        }
    }
    return true;
}

/* "-serial mon:..." asks for a monitor on the same line. */
static bool add_shared(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->cli->serial->len; i++) {
        g_autofree char *id = g_strdup_printf("serial%u", i);
        struct chardev *c = chardev_find(id);
        if (g_str_has_prefix(g_ptr_array_index(s->cli->serial, i), "mon:") && c &&
            !open_on(s, c, MONITOR_HMP, errp))
            return false;
    }
    return true;
}

static bool has_default(const struct cli *cli)
{
    return !cli->nodefaults && !cli->daemonize && !cli->monitor->len && !cli->qmp->len &&
           !cli->qmp_pretty->len && !cli->mon->len;
}

/* Behind the first serial line where that is the terminal; with -nographic on the terminal itself
 * where that is free. */
static bool add_default(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;
    struct chardev *c = chardev_find("serial0");

    if (!has_default(cli))
        return true;
    if (!cli->serial->len)
        return !c || !chardev_is_mux(c) || open_on(s, c, MONITOR_HMP, errp);
    if (!cli->nographic || chardev_uses_terminal())
        return true;
    return add_device_monitor(s, "monitor", "stdio", MONITOR_HMP, errp);
}

bool setup_monitors(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;

    monitor_register_all();
    setup_commands(s);
    return add_shared(s, errp) && add_list(s, "monitor", cli->monitor, MONITOR_HMP, errp) &&
           add_list(s, "qmp", cli->qmp, MONITOR_QMP, errp) &&
           add_list(s, "qmp-pretty", cli->qmp_pretty, MONITOR_QMP_PRETTY, errp) &&
           add_mons(s, errp) && add_default(s, errp);
}
