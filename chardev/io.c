/*
 * Buffers and descriptors of a back end.
 *
 * Any thread appends to the output buffer and kicks a source of the main loop, which alone writes
 * to the host: a vCPU never waits for a terminal, and bytes that come while the main loop is busy
 * go out in one piece.
 */
#include "chardev/chardev_priv.h"

#include "util/log.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { STEP = 512 }; /* bytes a terminal or pipe that poll() calls ready takes without blocking */

struct kick_source {
    GSource src;
    struct chardev *c;
};

static void update_in_watch(struct chardev *c);

static void kick(struct chardev *c)
{
    g_source_set_ready_time(c->kick, 0);
}

/* A device hears of it under its lock. */
void chardev_tell(struct chardev_front_end *f, enum chardev_event ev)
{
    if (f->user && f->user->event)
        f->user->event(f->opaque, ev);
    if (!f->event || ev == CHARDEV_FOCUS_IN || ev == CHARDEV_FOCUS_OUT)
        return;
    mutex_lock(&f->dev->lock);
    f->event(f->dev, ev);
    mutex_unlock(&f->dev->lock);
}

static void tell_opened(struct chardev *c, unsigned front)
{
    chardev_tell(&c->front[front], CHARDEV_OPENED);
    if (c->mux && front == c->focus && front < c->nfronts)
        chardev_tell(&c->front[front], CHARDEV_FOCUS_IN);
}

/* Deliver an event to all front ends. */
void chardev_send_event(struct chardev *c, enum chardev_event ev)
{
    for (unsigned i = 0; i < c->nfronts; i++)
        if (ev == CHARDEV_OPENED)
            tell_opened(c, i);
        else if (ev != CHARDEV_BREAK || i == c->focus)
            chardev_tell(&c->front[i], ev);
}

/* Offer one contiguous piece; in_waiting is set under the lock under which chardev_resume() is
 * called. */
static size_t offer(struct chardev *c, struct chardev_front_end *f, const uint8_t *buf, size_t n)
{
    if (f->user) {
        atomic_store_explicit(&c->in_waiting, true, memory_order_relaxed);
        size_t taken = f->user->receive(f->opaque, buf, n);
        return MIN(taken, n);
    }
    mutex_lock(&f->dev->lock);
    size_t took = f->receive(f->dev, buf, n);
    if (took < n)
        atomic_store_explicit(&c->in_waiting, true, memory_order_relaxed);
    mutex_unlock(&f->dev->lock);
    return MIN(took, n);
}

/* Or who stands in for one, where there is none. */
static struct chardev_front_end *first_device(struct chardev *c)
{
    for (unsigned i = 0; i < c->nfronts; i++)
        if (c->front[i].dev && c->front[i].receive)
            return &c->front[i];
    return c->nfronts && c->front[0].user ? &c->front[0] : NULL;
}

/* What was typed for the user goes to the first device, whoever has the focus. */
static void deliver_feed(struct chardev *c)
{
    struct chardev_front_end *f = first_device(c);

    while (c->feed && c->feed->len) {
        size_t took = f ? offer(c, f, c->feed->data, c->feed->len) : c->feed->len;
        g_byte_array_remove_range(c->feed, 0, took);
        if (!took)
            return;
    }
}

void chardev_deliver(struct chardev *c)
{
    struct chardev_front_end *f = c->focus < c->nfronts ? &c->front[c->focus] : NULL;

    atomic_store_explicit(&c->in_waiting, false, memory_order_relaxed); /* until offer() */
    deliver_feed(c);
    if (!f || (!f->receive && !f->user))
        c->in_len = 0; /* nobody listens */
    while (c->in_len) {
        size_t n = MIN(c->in_len, CHARDEV_IN_SIZE - c->in_head);
        size_t took = offer(c, f, c->in + c->in_head, n);
        c->in_head = (c->in_head + took) % CHARDEV_IN_SIZE;
        c->in_len -= took;
        if (!took)
            break;
    }
    if (c->drv->room && !c->in_len)
        c->drv->room(c);
    update_in_watch(c);
}

void chardev_resume(struct chardev *c)
{
    if (c && atomic_load_explicit(&c->in_waiting, memory_order_relaxed))
        kick(c);
}

static void end_of_input(struct chardev *c)
{
    if (c->drv->hangup) {
        c->drv->hangup(c);
        return;
    }
    c->in_fd = -1;
    update_in_watch(c);
}

static size_t in_room(const struct chardev *c)
{
    return CHARDEV_IN_SIZE - c->in_len;
}

/* From a terminal we always read, lest a guest that takes no input keeps the user from leaving. */
static bool wants_input(const struct chardev *c)
{
    return c->in_fd >= 0 && (in_room(c) || (c->in_is_tty && c->escapes));
}

static gboolean on_readable(gint fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct chardev *c = opaque;
    uint8_t buf[STEP];
    size_t want = c->in_is_tty && c->escapes ? sizeof(buf) : MIN(sizeof(buf), in_room(c));
    ssize_t n = c->passes_fds ? chardev_read_fds(c, buf, want) : read(fd, buf, want);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (n <= 0) {
        c->in_watch = 0;
        end_of_input(c);
        return G_SOURCE_REMOVE;
    }
    guint watch = c->in_watch;
    size_t len = c->drv->filter ? c->drv->filter(c, buf, n) : (size_t)n;
    mux_input(c, buf, len);
    chardev_deliver(c);
    return c->in_watch == watch ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void update_in_watch(struct chardev *c)
{
    bool want = wants_input(c);

    if (want && !c->in_watch)
        c->in_watch = g_unix_fd_add(c->in_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, c);
    if (!want && c->in_watch) {
        g_source_remove(c->in_watch);
        c->in_watch = 0;
    }
}

static ssize_t write_fd(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct pollfd p = {.fd = c->out_fd, .events = POLLOUT};

    if (c->out_fd < 0)
        return n; /* not connected: lost, as on an open line */
    if (c->out_blocks && poll(&p, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(c->out_fd, buf, c->out_blocks ? MIN(n, (size_t)STEP) : n);
}

static void write_log(struct chardev *c, const uint8_t *buf, size_t n)
{
    while (c->log_fd >= 0 && n) {
        ssize_t done = write(c->log_fd, buf, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0) {
            log_warn("chardev '%s': could not write to the log file: %s", c->id, g_strerror(errno));
            close(c->log_fd);
            c->log_fd = -1;
            return;
        }
        buf += done;
        n -= done;
    }
}

static GByteArray *take_output(struct chardev *c)
{
    mutex_lock(&c->lock);
    GByteArray *out = c->out;
    c->out = g_byte_array_new();
    mutex_unlock(&c->lock);
    return out;
}

/* Put back in front what the back end did not take. */
static void return_output(struct chardev *c, const uint8_t *buf, size_t n)
{
    mutex_lock(&c->lock);
    g_byte_array_prepend(c->out, buf, n);
    mutex_unlock(&c->lock);
}

static size_t write_some(struct chardev *c, const uint8_t *buf, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t ret = c->drv->write ? c->drv->write(c, buf + done, n - done)
                                    : write_fd(c, buf + done, n - done);
        if (ret < 0 && errno == EINTR)
            continue;
        if (ret < 0 && errno == EAGAIN)
            break;
        done += ret > 0 ? (size_t)ret : n - done; /* the other end is gone: lost */
    }
    return done;
}

static gboolean on_writable(gint fd, GIOCondition cond, gpointer opaque);

/* True when all is out. */
static bool flush_output(struct chardev *c)
{
    GByteArray *out = take_output(c);
    size_t done = write_some(c, out->data, out->len);
    bool all = done == out->len;

    write_log(c, out->data, done);
    if (!all)
        return_output(c, out->data + done, out->len - done);
    if (!all && !c->out_watch && c->out_fd >= 0)
        c->out_watch = g_unix_fd_add(c->out_fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_writable, c);
    g_byte_array_unref(out);
    return all;
}

static gboolean on_writable(gint fd UNUSED, GIOCondition cond UNUSED, gpointer opaque)
{
    struct chardev *c = opaque;

    if (!flush_output(c))
        return G_SOURCE_CONTINUE;
    c->out_watch = 0;
    if (c->in_len)
        kick(c);
    return G_SOURCE_REMOVE;
}

void chardev_drain(struct chardev *c, int ms)
{
    int64_t end = g_get_monotonic_time() + (int64_t)ms * 1000;

    while (!flush_output(c) && g_get_monotonic_time() < end) {
        struct pollfd p = {.fd = c->out_fd, .events = POLLOUT};
        poll(&p, 1, 10);
    }
}

void chardev_tap(struct chardev *c, chardev_tap_fn *fn, void *opaque)
{
    mutex_lock(&c->lock);
    if (fn && !c->tapped)
        c->tapped = g_byte_array_new();
    if (!fn && c->tapped)
        g_byte_array_unref(g_steal_pointer(&c->tapped));
    mutex_unlock(&c->lock);
    c->tap = fn;
    c->tap_opaque = opaque;
}

void chardev_tap_flush(struct chardev *c)
{
    GByteArray *seen = NULL;

    mutex_lock(&c->lock);
    if (c->tapped && c->tapped->len) {
        seen = c->tapped;
        c->tapped = g_byte_array_new();
    }
    mutex_unlock(&c->lock);
    if (!seen)
        return;
    if (c->tap)
        c->tap(c->tap_opaque, seen->data, seen->len);
    g_byte_array_unref(seen);
}

/* A watcher that is too slow loses bytes, and the user hears of it once. */
static void append_tapped(struct chardev *c, const uint8_t *buf, size_t n)
{
    bool first_loss = false;

    mutex_lock(&c->lock);
    if (c->tapped && n <= CHARDEV_TAP_MAX - MIN(c->tapped->len, (guint)CHARDEV_TAP_MAX))
        g_byte_array_append(c->tapped, buf, n);
    else if (c->tapped)
        first_loss = !c->tap_lost;
    c->tap_lost |= first_loss;
    mutex_unlock(&c->lock);
    if (first_loss)
        log_warn("chardev '%s': output comes faster than it is watched, some goes unseen", c->id);
}

void chardev_feed(struct chardev *c, const uint8_t *buf, size_t n)
{
    if (!c->feed)
        c->feed = g_byte_array_new();
    g_byte_array_append(c->feed, buf, n);
    kick(c);
}

bool chardev_feed_done(const struct chardev *c)
{
    return !c->feed || !c->feed->len;
}

/* Bytes beyond the bound are lost, and the user hears of it once. */
static void append_output(struct chardev *c, const uint8_t *buf, size_t n)
{
    mutex_lock(&c->lock);
    if (c->drv->hear)
        c->drv->hear(c, buf, n);
    size_t room = CHARDEV_OUT_MAX - MIN(c->out->len, (guint)CHARDEV_OUT_MAX);
    bool first_loss = n > room && !c->lost;
    g_byte_array_append(c->out, buf, MIN(n, room));
    c->lost |= n > room;
    mutex_unlock(&c->lock);
    if (first_loss)
        log_warn("chardev '%s': its other end does not take output, some is lost", c->id);
    kick(c);
}

void chardev_write_buf(struct chardev *c, const uint8_t *buf, size_t n)
{
    size_t len;

    if (!c || !n)
        return;
    if (c->tap)
        append_tapped(c, buf, n);
    if (!c->timestamps) {
        append_output(c, buf, n);
        return;
    }
    g_autofree uint8_t *stamped = mux_stamp(c, buf, n, &len);
    append_output(c, stamped, len);
}

void chardev_write_all(struct chardev *c, const uint8_t *buf, size_t n)
{
    if (!c)
        return;
    mutex_lock(&c->lock);
    g_byte_array_append(c->out, buf, n);
    mutex_unlock(&c->lock);
    kick(c);
}

size_t chardev_backlog(struct chardev *c)
{
    mutex_lock(&c->lock);
    size_t n = c->out->len;
    mutex_unlock(&c->lock);
    return n;
}

void chardev_drain_now(struct chardev *c)
{
    flush_output(c);
}

void chardev_discard(struct chardev *c)
{
    g_byte_array_unref(take_output(c));
}

void chardev_write(struct chardev *c, uint8_t byte)
{
    chardev_write_buf(c, &byte, 1);
}

void chardev_announce(struct chardev *c, unsigned front)
{
    c->announce |= 1u << front;
    kick(c);
}

static void announce(struct chardev *c)
{
    unsigned who = c->announce;

    c->announce = 0;
    for (unsigned i = 0; c->connected && i < c->nfronts; i++)
        if (who & 1u << i)
            tell_opened(c, i);
}

static gboolean on_kick(GSource *src, GSourceFunc fn UNUSED, gpointer opaque UNUSED)
{
    struct chardev *c = ((struct kick_source *)src)->c;

    g_source_set_ready_time(src, -1);
    announce(c);
    if (!c->out_watch)
        flush_output(c);
    chardev_tap_flush(c);
    if (c->in_len || !chardev_feed_done(c))
        chardev_deliver(c);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs kick_funcs = {.dispatch = on_kick};

void chardev_io_init(struct chardev *c)
{
    mutex_init(&c->lock);
    c->out = g_byte_array_new();
    c->in_fd = c->out_fd = c->log_fd = c->terminal_fd = -1;
    c->kick = g_source_new(&kick_funcs, sizeof(struct kick_source));
    ((struct kick_source *)c->kick)->c = c;
    g_source_set_ready_time(c->kick, -1);
    g_source_attach(c->kick, NULL);
}

static void remove_watches(struct chardev *c)
{
    if (c->in_watch)
        g_source_remove(c->in_watch);
    if (c->out_watch)
        g_source_remove(c->out_watch);
    c->in_watch = c->out_watch = 0;
}

void chardev_io_fini(struct chardev *c)
{
    chardev_drop_fds(c);
    remove_watches(c);
    g_source_destroy(c->kick);
    g_source_unref(c->kick);
    g_byte_array_unref(c->out);
    if (c->tapped)
        g_byte_array_unref(c->tapped);
    if (c->feed)
        g_byte_array_unref(c->feed);
    mutex_fini(&c->lock);
    if (c->log_fd >= 0)
        close(c->log_fd);
}

void chardev_connect(struct chardev *c, int in_fd, int out_fd)
{
    c->in_fd = in_fd;
    c->out_fd = out_fd;
    c->connected = true;
    c->announce = 0; /* everybody hears of it now */
    if (c->in_fd >= 0)
        c->in_is_tty = isatty(c->in_fd);
    chardev_send_event(c, CHARDEV_OPENED);
    update_in_watch(c);
}

void chardev_disconnect(struct chardev *c)
{
    bool was = c->connected;

    remove_watches(c);
    c->in_fd = c->out_fd = -1;
    c->connected = false;
    if (was)
        chardev_send_event(c, CHARDEV_CLOSED);
}
