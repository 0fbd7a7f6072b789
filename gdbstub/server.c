/* The server: its back end, its peer's coming and going, and packets by their first letter.  Ref:
 * GDB manual, E.2. */
#include "gdbstub/gdb_priv.h"

#include "chardev/chardev.h"
#include "core/event.h"

#include <string.h>

/* ---- packets ---- */

/* "gTHREAD" or "cTHREAD". */
static void set_thread(struct gdb_server *g, const char *args)
{
    char what = *args;
    struct gdb_thread t;

    if (what)
        args++;
    if ((what != 'g' && what != 'c') || !gdb_parse_thread(g, &args, &t)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    if (what == 'c')
        g->continued = t;
    else if (t.which == GDB_THREAD_ONE)
        g->cpu = t.cpu;
    gdb_ok(g);
}

static void is_alive(struct gdb_server *g, const char *args)
{
    struct gdb_thread t;

    if (gdb_parse_thread(g, &args, &t) && t.which == GDB_THREAD_ONE)
        gdb_ok(g);
    else
        gdb_error(g, GDB_EINVAL);
}

static void kill_machine(struct gdb_server *g)
{
    g->silent = true;
    gdb_kill(g);
}

static void dispatch(struct gdb_server *g, const char *data, size_t n)
{
    const char *args = data + (n > 0);

    switch (n ? data[0] : 0) {
    case '!': gdb_ok(g); break;
    case '?': gdb_report_stop(g); break;
    case 'c': gdb_continue(g, args, false, false); break;
    case 'C': gdb_continue(g, args, false, true); break;
    case 's': gdb_continue(g, args, true, false); break;
    case 'S': gdb_continue(g, args, true, true); break;
    case 'D': gdb_detach(g, args); break;
    case 'g': gdb_read_general(g); break;
    case 'G': gdb_write_general(g, args); break;
    case 'H': set_thread(g, args); break;
    case 'k': kill_machine(g); break;
    case 'm': gdb_read_memory(g, args, false); break;
    case 'M': gdb_write_memory_hex(g, args, n - 1); break;
    case 'p': gdb_read_register(g, args); break;
    case 'P': gdb_write_register(g, args); break;
    case 'q': gdb_query(g, args, n - 1); break;
    case 'Q': gdb_set(g, args); break;
    case 'r':
    case 'R': gdb_restart(g, false); break;
    case 'T': is_alive(g, args); break;
    case 'v': gdb_verb(g, args, n - 1); break;
    case 'x': gdb_read_memory(g, args, true); break;
    case 'X': gdb_write_memory_binary(g, args, n - 1); break;
    case 'z': gdb_remove_point(g, args); break;
    case 'Z': gdb_insert_point(g, args); break;
    default: break; /* an empty reply: not known */
    }
}

void gdb_handle_packet(struct gdb_server *g, const char *data, size_t n)
{
    if (g->detached) { /* it stayed on the line and wants more */
        event_unwatch(gdb_run_event, g);
        gdb_run_opened(g);
    }
    gdb_stop_to_serve(g);
    g_string_truncate(g->reply, 0);
    g->silent = false;
    g->in_hand = true;
    dispatch(g, data, n);
    g->in_hand = false;
    if (!g->silent)
        gdb_send_packet(g, g->reply->str, g->reply->len);
    gdb_announce(g);
}

void gdb_handle_interrupt(struct gdb_server *g)
{
    if (g->detached)
        return;
    if (g->non_stop)
        gdb_interrupt_all(g);
    else
        gdb_interrupt(g);
}

/* ---- the peer ---- */

void gdb_server_opened(struct gdb_server *g)
{
    if (g->connected)
        gdb_server_closed(g);
    gdb_packet_reset(g);
    g->multiprocess = g->swbreak = g->hwbreak = false;
    g->connected = true;
    gdb_run_opened(g);
}

void gdb_server_closed(struct gdb_server *g)
{
    if (!g->connected)
        return;
    g->connected = false;
    gdb_run_closed(g);
}

void gdb_server_exited(struct gdb_server *g, int status)
{
    if (!g->connected || g->detached || !g->waiting)
        return;
    g_autofree char *text =
        g_strdup_printf(g->multiprocess ? "W%02x;process:1" : "W%02x", (unsigned)status & 0xff);
    gdb_send_packet(g, text, strlen(text));
}

struct gdb_server *gdb_server_new_with(struct machine *m, gdb_send_fn *send, void *opaque)
{
    struct gdb_server *g = g_new0(struct gdb_server, 1);

    g->m = m;
    g->send = send;
    g->send_opaque = opaque;
    g_queue_init(&g->stops);
    gdb_packet_init(g);
    return g;
}

void gdb_server_set_monitor(struct gdb_server *g, gdb_monitor_fn *fn, void *opaque)
{
    g->monitor = fn;
    g->monitor_opaque = opaque;
}

/* ---- on a back end ---- */

static size_t on_receive(void *opaque, const uint8_t *buf, size_t n)
{
    gdb_server_receive(opaque, buf, n);
    return n;
}

/* What an earlier peer did not read is not for the next one. */
static void on_event(void *opaque, enum chardev_event ev)
{
    struct gdb_server *g = opaque;

    switch (ev) {
    case CHARDEV_OPENED: gdb_server_opened(g); break;
    case CHARDEV_CLOSED:
        gdb_server_closed(g);
        chardev_discard(g->chardev);
        break;
    case CHARDEV_BREAK: gdb_handle_interrupt(g); break;
    case CHARDEV_FOCUS_IN:
    case CHARDEV_FOCUS_OUT:
    case CHARDEV_RESIZED: break;
    }
}

static void send_to_chardev(void *opaque, const uint8_t *buf, size_t n)
{
    chardev_write_buf(opaque, buf, n);
}

struct gdb_server *gdb_server_new(struct machine *m, struct chardev *c, struct error **errp)
{
    static const struct chardev_user user = {"a gdb server", on_receive, on_event};
    struct gdb_server *g = gdb_server_new_with(m, send_to_chardev, c);

    g->chardev = c;
    if (chardev_attach_user(c, &user, g, errp))
        return g;
    g->chardev = NULL;
    gdb_server_free(g);
    return NULL;
}

void gdb_server_free(struct gdb_server *g)
{
    if (!g)
        return;
    gdb_server_closed(g);
    if (g->chardev)
        chardev_detach_user(g->chardev, g);
    g_queue_clear_full(&g->stops, g_free);
    gdb_packet_fini(g);
    g_free(g);
}
