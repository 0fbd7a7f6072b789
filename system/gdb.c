/* -gdb and -s: a gdb server on a character device. */
#include "chardev/chardev.h"
#include "core/machine.h"
#include "gdbstub/gdbstub.h"
#include "monitor/command.h"
#include "system/setup.h"

#include <string.h>

/* Sockets are servers, which need not wait for a peer: -S is there for that. */
static char *complete_text(const char *dev)
{
    bool is_tcp = g_str_has_prefix(dev, "tcp:");
    bool is_socket = is_tcp || g_str_has_prefix(dev, "unix:");

    if (!strcmp(dev, "stdio"))
        return g_strdup("stdio,signal=off");
    if (!is_socket || strstr(dev, ",server"))
        return g_strdup(dev);
    return g_strconcat(dev, ",server=on,wait=off", is_tcp ? ",nodelay=on" : "", NULL);
}

/* "tcp:HOST:PORT": a port alone is what one writes for gdb, and a number that is none would be
 * another one. */
static bool check_tcp(const char *dev, struct error **errp)
{
    size_t n = strcspn(dev, ",");
    const char *colon = g_strrstr_len(dev, (gssize)n, ":");
    uint64_t port;

    if (!g_str_has_prefix(dev, "tcp:"))
        return true;
    if (colon == dev + 3) {
        error_set(errp, "wanted tcp:HOST:PORT or tcp::PORT; did you mean 'tcp:%s'?", colon);
        return false;
    }
    g_autofree char *text = g_strndup(colon + 1, n - (size_t)(colon + 1 - dev));
    if (!g_ascii_isdigit(*text) || parse_uint(text, 65535, &port, errp))
        return true;
    error_prefix(errp, "port");
    return false;
}

/* `monitor LINE` */
static void run_monitor(void *opaque, const char *line, GString *out)
{
    unsigned cpu = 0;
    g_autofree char *text = monitor_hmp_run(opaque, line, &cpu);

    g_string_append(out, text);
}

bool setup_gdb(struct setup *s, struct error **errp)
{
    return !s->cli->gdb || setup_gdb_server(s, s->cli->gdb, errp);
}

bool setup_gdb_server(struct setup *s, const char *dev, struct error **errp)
{
    struct chardev *old = s->gdb ? chardev_find("gdb") : NULL;

    if (s->gdb)
        gdb_server_free(s->gdb);
    s->gdb = NULL;
    if (old && !chardev_remove(old, errp))
        return false;
    if (!strcmp(dev, "none"))
        return true;
    g_autofree char *text = complete_text(dev);
    struct chardev *c = check_tcp(dev, errp) ? chardev_new_legacy("gdb", text, errp) : NULL;
    if (c)
        s->gdb = gdb_server_new(s->machine, c, errp);
    if (s->gdb)
        gdb_server_set_monitor(s->gdb, run_monitor, s->machine);
    else
        error_prefix(errp, "-gdb %s", dev);
    return s->gdb;
}
