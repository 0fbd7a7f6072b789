/*
 * Sending a running machine: RAM in rounds while the guest runs, until what is left can be sent
 * within the downtime limit; then the machine stands still for the rest.
 *
 * A thread does it and asks the main loop for what only that may do.  Whatever fails, the machine
 * goes on as if nothing had been.
 */
#include "snapshot/migrate_priv.h"

#include "block/block.h"
#include "core/event.h"
#include "snapshot/file_target.h"
#include "snapshot/mapped.h"
#include "snapshot/ram.h"
#include "snapshot/state.h"
#include "util/fds.h"
#include "util/log.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000, LIMIT_SLICE_MS = 50 };

struct outgoing {
    struct migration *g;
    struct migrate_uri uri;
    pthread_t thread;
    int cancel_fd, continue_fd;
    struct main_call call;
    /* Where it goes: a stream, or a file that can be mapped. */
    struct snap_channel *channel;
    struct file_target *file;
    struct mapped_file mapped_file;
    struct mapped_sink *mapped;
    struct ram_stream_sink stream;
    struct ram_sink *sink;
    struct ram_save *ram;
    GByteArray *description;
    GPtrArray *blobs;
    bool was_running, stopped, cancelled;
    bool handed_over; /* the disks' locks */
    bool committed;   /* the destination has it: there is no way back */
    bool ok;
    char *why;
    int64_t stop_ns, slice_ns, round_ns;
    uint64_t slice_bytes, round_bytes;
    uint64_t bandwidth; /* bytes a second, measured */
};

/* ---- pace ---- */

static uint64_t bytes_sent(const struct outgoing *o)
{
    return o->channel ? o->channel->io.bytes : o->ram->normal * RAM_PAGE_SIZE;
}

static bool was_cancelled(const struct outgoing *o)
{
    struct pollfd p = {.fd = o->cancel_fd, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

static void publish(struct outgoing *o)
{
    struct migration *g = o->g;

    mutex_lock(&g->lock);
    g->info.transferred = bytes_sent(o);
    g->info.remaining = ram_save_left(o->ram) * RAM_PAGE_SIZE;
    g->info.total = o->ram->total;
    g->info.normal_pages = o->ram->normal;
    g->info.fill_pages = o->ram->fill;
    g->info.rounds = o->ram->rounds;
    g->info.mbps = (double)o->bandwidth * 8 / 1e6;
    if (o->bandwidth)
        g->info.expected_downtime = g->info.remaining * 1000 / o->bandwidth;
    mutex_unlock(&g->lock);
}

/* Wait when this slice of time has used up its share of the bandwidth. */
static void keep_to_limit(struct outgoing *o)
{
    uint64_t limit = o->g->params.max_bandwidth, sent = bytes_sent(o);
    int64_t now = monotonic_ns();
    bool limited = limit && o->channel && o->channel->is_socket && !o->stopped;

    if (now - o->slice_ns >= (int64_t)LIMIT_SLICE_MS * NS_PER_MS) {
        o->slice_ns = now;
        o->slice_bytes = sent;
    }
    if (!limited || sent - o->slice_bytes < limit * LIMIT_SLICE_MS / 1000)
        return;
    struct pollfd p = {.fd = o->cancel_fd, .events = POLLIN};
    int64_t left = o->slice_ns + (int64_t)LIMIT_SLICE_MS * NS_PER_MS - now;
    poll(&p, 1, (int)(left / NS_PER_MS) + 1);
}

static void measure(struct outgoing *o)
{
    int64_t now = monotonic_ns(), took = now - o->round_ns;
    uint64_t sent = bytes_sent(o) - o->round_bytes;

    if (sent && took > 0)
        o->bandwidth = (uint64_t)((double)sent * NS_PER_S / (double)took);
    o->round_ns = now;
    o->round_bytes = bytes_sent(o);
}

/* ---- in the main loop ---- */

/* Whoever opens the images next must see all of it. */
static bool flush_disks(struct error **errp)
{
    for (struct block_node *b = NULL; (b = block_next_root(b));) {
        int ret = block_read_only(b) ? 0 : block_flush(b);
        if (ret == 0)
            continue;
        error_set(errp, "flushing drive '%s' failed: %s", block_id(b), g_strerror(-ret));
        return false;
    }
    return true;
}

static bool settle(struct outgoing *o, struct error **errp)
{
    struct machine *m = o->g->m;

    block_drain_all();
    if (!machine_settle(m)) {
        error_set(errp, "the machine was shut down");
        return false;
    }
    block_drain_all();
    return flush_disks(errp);
}

static bool stop_machine(void *arg, struct error **errp UNUSED)
{
    struct outgoing *o = arg;
    struct machine *m = o->g->m;

    o->was_running = m->run_state == RUN_RUNNING;
    o->stop_ns = monotonic_ns();
    if (o->was_running)
        machine_stop(m, RUN_FINISH_MIGRATE);
    return true;
}

/* With the machine at rest. */
static bool take_state(void *arg, struct error **errp)
{
    struct outgoing *o = arg;
    struct machine *m = o->g->m;

    if (!settle(o, errp))
        return false;
    machine_freeze(m);
    o->stopped = true;
    if (!snap_can_save(m, errp))
        return false;
    o->blobs = snap_collect(m, o->was_running);
    block_hand_over();
    o->handed_over = true;
    return true;
}

static void go_on(struct outgoing *o)
{
    struct machine *m = o->g->m;
    struct error *err = NULL;

    if (o->stopped)
        machine_thaw(m);
    o->stopped = false;
    if (m->run_state != RUN_FINISH_MIGRATE)
        return;
    m->run_state = RUN_PAUSED;
    if ((o->handed_over && !block_take_over(&err)) || (o->was_running && !machine_cont(m, &err)))
        error_report(err);
}

static void free_outgoing(struct outgoing *o)
{
    struct error *err = NULL;

    if (!channel_close(o->channel, &err))
        error_free(err);
    mapped_sink_free(o->mapped);
    file_target_free(o->file);
    ram_save_free(o->ram);
    if (o->description)
        g_byte_array_unref(o->description);
    if (o->blobs)
        g_ptr_array_unref(o->blobs);
    migrate_uri_fini(&o->uri);
    main_call_fini(&o->call);
    close(o->cancel_fd);
    close(o->continue_fd);
    g_free(o->why);
    g_free(o);
}

/* ---- the thread ---- */

static bool open_stream(struct outgoing *o, struct error **errp)
{
    if (!o->channel) {
        int fd = migrate_uri_connect(&o->uri, o->cancel_fd, errp);
        if (fd < 0)
            return false;
        o->channel = channel_new(fd, o->cancel_fd);
    }
    const struct snap_header header = {.layout = SNAP_STREAM, .wants_reply = o->channel->is_socket};
    ram_stream_sink_init(&o->stream, &o->channel->io);
    o->sink = &o->stream.sink;
    return snap_write_header(&o->channel->io, &header, errp) &&
           snap_write_section(&o->channel->io, SNAP_MACHINE, o->description->data,
                              o->description->len, errp);
}

static bool open_sink(struct outgoing *o, struct error **errp)
{
    if (!o->file)
        return open_stream(o, errp);
    mapped_file_init(&o->mapped_file, o->file->fd, o->file->base);
    o->mapped = mapped_sink_new(o->g->m, &o->mapped_file.place);
    o->sink = &o->mapped->sink;
    return true;
}

/* What the other end says: that it has read all, or why it does not take it. */
static bool read_answer(struct outgoing *o, struct error **errp)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    struct snap_io *io = &o->channel->io;
    enum snap_type type;

    io->sections = 0;
    if (!snap_read_section(io, &type, payload, errp)) {
        error_prefix(errp, "the destination did not say that it has the state");
        return false;
    }
    struct snap_cursor c = snap_cursor(payload);
    g_autofree char *why = snap_get_string(&c);
    if (type == SNAP_READY && !c.bad && !*why)
        return true;
    error_set(errp, "the destination refused the state: %s",
              *why ? why : "its answer is not understood");
    return false;
}

/* From here on the other end alone may go on. */
static bool hand_over(struct outgoing *o, struct error **errp)
{
    if (!read_answer(o, errp))
        return false;
    o->committed = true;
    return snap_write_section(&o->channel->io, SNAP_GO, NULL, 0, errp);
}

/* An answer before the end can only be a refusal; it says more than that sending failed. */
static bool was_refused(struct outgoing *o)
{
    struct pollfd p = {.events = POLLIN};

    if (!o->channel || !o->channel->is_socket)
        return false;
    p.fd = o->channel->fd;
    return poll(&p, 1, 0) > 0 && (p.revents & POLLIN);
}

static bool refusal(struct outgoing *o, struct error **errp)
{
    struct error *err = NULL;

    if (read_answer(o, &err))
        error_set(&err, "the destination answered before all was sent");
    error_move(errp, err);
    return false;
}

static bool send_round(struct outgoing *o, struct error **errp)
{
    bool more = true;

    while (more) {
        if (was_cancelled(o)) {
            error_set(errp, "cancelled");
            return false;
        }
        struct error *err = NULL;
        bool ok = !was_refused(o) && ram_save_step(o->ram, o->sink, &more, &err);
        if (!ok && was_refused(o)) {
            error_free(err);
            return refusal(o, errp);
        }
        if (!ok) {
            error_move(errp, err);
            return false;
        }
        publish(o);
        keep_to_limit(o);
    }
    measure(o);
    return true;
}

/* Whether what is left can be sent while the machine stands still. */
static bool converged(const struct outgoing *o)
{
    uint64_t left = ram_save_left(o->ram) * RAM_PAGE_SIZE;

    return left <= o->bandwidth / 1000 * o->g->params.downtime_limit_ms;
}

static void note_round(struct outgoing *o, uint64_t was_dirty, int64_t took_ns)
{
    struct migration *g = o->g;

    mutex_lock(&g->lock);
    if (took_ns > 0)
        g->info.dirty_pages_rate = was_dirty * NS_PER_S / (uint64_t)took_ns;
    mutex_unlock(&g->lock);
    if (g->params.events)
        event_emit("MIGRATION_PASS", "{\"pass\": %d}", (int)o->ram->rounds);
}

static bool send_while_running(struct outgoing *o, struct error **errp)
{
    o->round_ns = o->slice_ns = monotonic_ns();
    ram_save_collect(o->ram);
    do {
        int64_t begin = monotonic_ns();
        if (!send_round(o, errp))
            return false;
        ram_save_collect(o->ram);
        note_round(o, ram_save_left(o->ram), monotonic_ns() - begin);
        publish(o);
    } while (!converged(o));
    return true;
}

static bool finish_file(struct outgoing *o, struct error **errp)
{
    uint64_t size;

    return mapped_finish(o->mapped, o->description, o->blobs, &size, errp) &&
           file_target_commit(o->file, errp);
}

static bool finish_stream(struct outgoing *o, struct error **errp)
{
    bool two_way = o->channel->is_socket;

    if (!snap_write_blobs(&o->channel->io, o->blobs, errp) || (two_way && !hand_over(o, errp)))
        return false;
    return channel_close(g_steal_pointer(&o->channel), errp);
}

/* pause-before-switchover: whoever drives this ends what it has to end with the disks. */
static bool wait_for_permission(struct outgoing *o, struct error **errp)
{
    struct pollfd p[] = {{.fd = o->cancel_fd, .events = POLLIN},
                         {.fd = o->continue_fd, .events = POLLIN}};

    if (!o->g->params.pause_before_switchover)
        return true;
    migration_set_status(o->g, MIGRATE_PRE_SWITCHOVER, NULL);
    while (poll(p, 2, -1) < 0 && errno == EINTR)
        ;
    if (!was_cancelled(o))
        return true;
    error_set(errp, "cancelled");
    return false;
}

static bool send_all(struct outgoing *o, struct error **errp)
{
    if (!open_sink(o, errp))
        return false;
    mutex_lock(&o->g->lock);
    o->g->info.setup_time = (uint64_t)((monotonic_ns() - o->g->start_ns) / NS_PER_MS);
    mutex_unlock(&o->g->lock);
    migration_set_status(o->g, MIGRATE_ACTIVE, NULL);
    if (!send_while_running(o, errp) || !main_call(&o->call, stop_machine, o, errp) ||
        !wait_for_permission(o, errp) || !main_call(&o->call, take_state, o, errp))
        return false;
    migration_set_status(o->g, MIGRATE_DEVICE, NULL);
    ram_save_collect(o->ram);
    return send_round(o, errp) && (o->file ? finish_file(o, errp) : finish_stream(o, errp));
}

/* The destination has the state, or may have it. */
static void stay_behind(struct outgoing *o)
{
    struct machine *m = o->g->m;

    machine_thaw(m);
    m->may_take_back = block_take_over;
    if (m->run_state != RUN_FINISH_MIGRATE)
        machine_stop(m, RUN_POSTMIGRATE);
    m->run_state = RUN_POSTMIGRATE;
}

static gboolean finish(gpointer opaque)
{
    struct outgoing *o = opaque;
    struct migration *g = o->g;

    pthread_join(o->thread, NULL);
    if (o->ok || o->committed)
        stay_behind(o);
    else
        go_on(o);
    g->out = NULL;
    if (o->ok)
        migration_set_status(g, MIGRATE_COMPLETED, NULL);
    else if (o->cancelled && !o->committed)
        migration_set_status(g, MIGRATE_CANCELLED, NULL);
    else
        migration_set_status(g, MIGRATE_FAILED, o->why);
    if (!o->ok && !o->cancelled)
        log_warn("migration failed: %s", o->why);
    free_outgoing(o);
    migration_tell_end(g);
    return G_SOURCE_REMOVE;
}

/* A command that ended early is the cause of what went wrong with its pipe. */
static void blame_command(struct outgoing *o, struct error **err)
{
    struct error *why = NULL;

    if (!o->channel || !o->channel->child || was_cancelled(o) ||
        channel_close(g_steal_pointer(&o->channel), &why))
        return;
    error_free(*err);
    *err = why;
}

static void *outgoing_thread(void *opaque)
{
    struct outgoing *o = opaque;
    struct error *err = NULL;

    o->ok = send_all(o, &err);
    if (!o->ok)
        blame_command(o, &err);
    o->why = g_strdup(err ? error_text(err) : NULL);
    error_free(err);
    publish(o);
    mutex_lock(&o->g->lock);
    if (o->stop_ns)
        o->g->info.downtime = (uint64_t)((monotonic_ns() - o->stop_ns) / NS_PER_MS);
    mutex_unlock(&o->g->lock);
    g_idle_add_full(G_PRIORITY_HIGH, finish, o, NULL);
    return NULL;
}

/* ---- from outside ---- */

static bool may_start(struct migration *g, struct error **errp)
{
    switch (g->m->run_state) {
    case RUN_INMIGRATE: error_set(errp, "the machine waits for its own state"); return false;
    case RUN_POSTMIGRATE:
        error_set(errp, "the machine has been moved already: 'cont' would take it back");
        return false;
    default: break;
    }
    if (!g->out)
        return true;
    error_set(errp, "a migration is under way");
    return false;
}

static bool open_local(struct outgoing *o, struct error **errp)
{
    switch (o->uri.kind) {
    case URI_FILE:
        o->file = file_target_open(&o->uri, errp);
        if (o->file && !o->file->can_map) {
            lseek(o->file->fd, (off_t)o->file->base, SEEK_SET);
            o->channel = channel_new(o->file->fd, o->cancel_fd);
            o->file->fd = -1;
            g_clear_pointer(&o->file, file_target_free);
        }
        return o->file || o->channel;
    case URI_EXEC: o->channel = channel_exec(o->uri.text, true, o->cancel_fd, errp); break;
    case URI_FD: {
        int fd = fds_take(o->uri.text, errp);
        o->channel = fd >= 0 ? channel_new(fd, o->cancel_fd) : NULL;
        break;
    }
    case URI_UNIX:
    case URI_TCP: return true; /* connecting takes time */
    }
    return o->channel;
}

static void begin(struct migration *g)
{
    mutex_lock(&g->lock);
    g_free(g->info.error);
    g->info = (struct migrate_info){.outgoing = true};
    g->start_ns = monotonic_ns();
    g->end_ns = 0;
    mutex_unlock(&g->lock);
    migration_set_status(g, MIGRATE_SETUP, NULL);
}

bool migration_start(struct migration *g, const char *uri, struct error **errp)
{
    struct migrate_uri u;

    if (!may_start(g, errp) || !migrate_uri_parse(uri, &u, errp))
        return false;
    struct outgoing *o = g_new0(struct outgoing, 1);
    o->g = g;
    o->uri = u;
    o->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    o->continue_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    main_call_init(&o->call);
    if (!open_local(o, errp)) {
        free_outgoing(o);
        return false;
    }
    o->ram = ram_save_new(g->m);
    o->description = snap_describe(g->m);
    begin(g);
    g->out = o;
    o->thread = thread_start("migration", outgoing_thread, o);
    return true;
}

static void signal_cancel(struct outgoing *o)
{
    const uint64_t one = 1;

    if (write(o->cancel_fd, &one, sizeof(one)) < 0)
        log_warn("a migration could not be told to end");
}

void migration_cancel(struct migration *g)
{
    if (!g->out || g->out->cancelled)
        return;
    g->out->cancelled = true;
    migration_set_status(g, MIGRATE_CANCELLING, NULL);
    signal_cancel(g->out);
}

bool migration_continue(struct migration *g, struct error **errp)
{
    const uint64_t one = 1;

    mutex_lock(&g->lock);
    enum migrate_status status = g->info.status;
    mutex_unlock(&g->lock);
    if (status != MIGRATE_PRE_SWITCHOVER || !g->out) {
        error_set(errp, "the migration is in state '%s', not '%s'", migrate_status_name(status),
                  migrate_status_name(MIGRATE_PRE_SWITCHOVER));
        return false;
    }
    if (write(g->out->continue_fd, &one, sizeof(one)) == sizeof(one))
        return true;
    error_set(errp, "the migration could not be told to go on");
    return false;
}

void outgoing_end(struct migration *g)
{
    struct outgoing *o = g->out;

    if (o == NULL)
        return;
    signal_cancel(o);
    main_call_close(&o->call);
    pthread_join(o->thread, NULL);
    while (g_source_remove_by_user_data(o)) /* finish() */
        ;
    free_outgoing(o);
    g->out = NULL;
    migration_tell_end(g);
}
