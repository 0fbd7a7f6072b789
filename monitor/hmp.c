/* The monitor for people: a prompt, lines, answers. */
#include "monitor/monitor_priv.h"

#include "core/machine.h"
#include "util/version.h"

#include <stdlib.h>
#include <string.h>

static const char banner[] = "QEMU " QEMU_VERSION " monitor (Tinamou " TINAMOU_VERSION
                             ") - type 'help' for more information\n";

static void on_print(void *opaque, const char *text, size_t n)
{
    monitor_write(opaque, text, n);
}

static bool is_ending(const struct machine *m)
{
    return m && atomic_load_explicit(&m->shutdown_ask, memory_order_relaxed);
}

static void on_line(void *opaque, const char *line)
{
    struct monitor *mon = opaque;
    struct mon_call c = {.m = mon->m, .mon = mon, .is_hmp = true};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    if (mon->m && mon->cpu < mon->m->ncpus)
        c.cpu = mon->m->cpus[mon->cpu];
    hmp_run_line(&c, line, out);
    if (c.cpu)
        mon->cpu = c.cpu->index;
    fclose(out);
    monitor_write_lines(mon, text, size);
    free(text);
    if (!mon->suspended && !is_ending(mon->m))
        readline_start(mon->rl);
}

static GPtrArray *on_complete(void *opaque, const char *text, size_t *word)
{
    struct monitor *mon = opaque;

    return hmp_complete(mon->m, text, word);
}

static const struct readline_ops ops = {on_print, on_line, on_complete};

void hmp_open(struct monitor *mon)
{
    mon->rl = readline_new(&ops, mon, "(qemu) ");
}

void hmp_close(struct monitor *mon)
{
    readline_free(mon->rl);
}

size_t hmp_receive(struct monitor *mon, const char *buf, size_t n)
{
    size_t i = 0;

    while (i < n && !monitor_is_busy(mon))
        readline_key(mon->rl, buf[i++]);
    return i;
}

static void greet(struct monitor *mon)
{
    if (!mon->greeted)
        monitor_write_lines(mon, banner, strlen(banner));
    mon->greeted = true;
    if (!mon->suspended)
        readline_start(mon->rl);
}

/* Behind a mux others share the line: the prompt waits until the user switches here. */
void hmp_event(struct monitor *mon, enum chardev_event ev)
{
    switch (ev) {
    case CHARDEV_OPENED:
        mon->greeted = false;
        if (!chardev_is_mux(mon->chardev))
            greet(mon);
        break;
    case CHARDEV_FOCUS_IN: greet(mon); break;
    case CHARDEV_FOCUS_OUT: monitor_write_lines(mon, "\n", 1); break;
    case CHARDEV_CLOSED: readline_reset(mon->rl); break;
    case CHARDEV_BREAK:
    case CHARDEV_RESIZED: break;
    }
}
