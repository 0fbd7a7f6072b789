/* Sessions on character devices: what HMP and QMP have in common. */
#include "monitor/monitor_priv.h"

#include "core/machine.h"

#include <string.h>

static struct monitor *all; /* as the character devices are: process-wide */

void monitor_foreach_session(void (*fn)(struct monitor *mon, void *opaque), void *opaque)
{
    for (struct monitor *mon = all; mon; mon = mon->next)
        fn(mon, opaque);
}

void monitor_write(struct monitor *mon, const char *text, size_t n)
{
    chardev_write_all(mon->chardev, (const uint8_t *)text, n);
}

void monitor_write_lines(struct monitor *mon, const char *text, size_t n)
{
    g_autoptr(GString) out = g_string_sized_new(n + 64);

    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n')
            g_string_append_c(out, '\r');
        g_string_append_c(out, text[i]);
    }
    monitor_write(mon, out->str, out->len);
}

bool monitor_is_busy(struct monitor *mon)
{
    return mon->suspended || chardev_backlog(mon->chardev) > MONITOR_BACKLOG_MAX;
}

static size_t on_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct monitor *mon = opaque;

    if (mon->mode == MONITOR_HMP)
        return hmp_receive(mon, (const char *)buf, n);
    return qmp_receive(mon, (const char *)buf, n);
}

static void on_event(void *opaque, enum chardev_event ev)
{
    struct monitor *mon = opaque;

    if (ev == CHARDEV_CLOSED)
        chardev_discard(mon->chardev);
    if (mon->mode == MONITOR_HMP)
        hmp_event(mon, ev);
    else
        qmp_event(mon, ev);
}

static const struct chardev_user user = {"a monitor", on_receive, on_event};

bool monitor_open(struct machine *m, struct chardev *c, enum monitor_mode mode, struct error **errp)
{
    struct monitor *mon = g_new0(struct monitor, 1), **p = &all;

    if (!chardev_attach_user(c, &user, mon, errp)) {
        g_free(mon);
        return false;
    }
    mon->m = m;
    mon->chardev = c;
    mon->mode = mode;
    if (mode == MONITOR_HMP)
        hmp_open(mon);
    else
        qmp_open(mon);
    if (!all)
        events_init();
    while (*p)
        p = &(*p)->next;
    *p = mon;
    return true;
}

void monitor_close_all(void)
{
    if (all)
        events_fini();
    while (all) {
        struct monitor *mon = all;
        all = mon->next;
        chardev_detach_user(mon->chardev, mon);
        if (mon->mode == MONITOR_HMP)
            hmp_close(mon);
        else
            qmp_close(mon);
        g_free(mon);
    }
}

void monitor_suspend(struct monitor *mon)
{
    if (mon)
        mon->suspended++;
}

void monitor_resume(struct monitor *mon)
{
    if (!mon || --mon->suspended)
        return;
    if (mon->mode == MONITOR_HMP)
        readline_start(mon->rl);
    chardev_resume(mon->chardev);
}
