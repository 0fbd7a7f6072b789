/*
 * Receiving a machine: its state is read and checked in a thread, then put into the waiting machine
 * by the main loop.  Until the source has said that it will not go on, nothing happens here.
 */
#include "snapshot/migrate_priv.h"

#include "block/block.h"
#include "net/net.h"
#include "snapshot/file_target.h"
#include "snapshot/load.h"
#include "util/fds.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct incoming {
    struct migration *g;
    char *uri_text;
    struct migrate_uri uri;
    pthread_t thread;
    bool has_thread;
    int cancel_fd, listen_fd;
    guint watch;
    struct main_call call;
    struct snap_channel *channel; /* or else */
    int file;
    struct snapshot *snapshot;
    bool ok;
    char *why;
};

static void free_incoming(struct incoming *in)
{
    struct error *err = NULL;

    if (in->watch)
        g_source_remove(in->watch);
    if (in->listen_fd >= 0)
        close(in->listen_fd);
    if (!channel_close(in->channel, &err))
        error_free(err);
    if (in->file >= 0)
        close(in->file);
    snapshot_free(in->snapshot);
    migrate_uri_fini(&in->uri);
    main_call_fini(&in->call);
    close(in->cancel_fd);
    g_free(in->why);
    g_free(in->uri_text);
    g_free(in);
}

/* ---- in the main loop ---- */

/* After the last thing that could fail. */
static bool install(void *arg, struct error **errp UNUSED)
{
    struct incoming *in = arg;
    struct machine *m = in->g->m;
    struct error *err = NULL;
    bool ran = false;

    block_drain_all();
    snapshot_install(in->snapshot, &ran);
    if (snapshot_is_mapped(in->snapshot)) {
        file_guard_mapped(in->file);
        in->g->mapped_fd = in->file;
        in->file = -1;
    }
    m->run_state = RUN_PAUSED;
    if (((ran && in->g->autostart) || m->run_when_loaded) && !machine_cont(m, &err))
        error_report(err);
    m->run_when_loaded = false;
    return true;
}

/* The source has let go of the disks. */
static bool take_disks(void *arg UNUSED, struct error **errp)
{
    return block_take_over(errp);
}

/* Switches still send what is for this machine to where it was. */
static void announce_cards(void)
{
    static const struct net_announce_params p = NET_ANNOUNCE_DEFAULT;
    struct error *err = NULL;

    if (!net_announce_start(&p, NULL, NULL, &err))
        error_report(err);
}

static gboolean finish(gpointer opaque)
{
    struct incoming *in = opaque;
    struct migration *g = in->g;

    pthread_join(in->thread, NULL);
    g->in = NULL;
    if (in->ok)
        announce_cards();
    migration_set_status(g, in->ok ? MIGRATE_COMPLETED : MIGRATE_FAILED, in->why);
    if (!in->ok) {
        struct error *err = NULL;
        block_hand_over();
        error_set(&err, "-incoming %s: %s", in->uri_text, in->why);
        error_report(err);
        if (g->params.exit_on_error)
            machine_request_shutdown(g->m, SHUTDOWN_HOST_UI, 1);
    }
    free_incoming(in);
    return G_SOURCE_REMOVE;
}

/* ---- the thread ---- */

static bool say_ready(struct incoming *in, const char *why, struct error **errp)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();

    in->channel->io.sections = 0;
    snap_put_string(payload, why);
    return snap_write_section(&in->channel->io, SNAP_READY, payload->data, payload->len, errp);
}

/* The source goes on unless it hears that all is here; we go on only if it has heard it. */
static bool take_over(struct incoming *in, struct error **errp)
{
    g_autoptr(GByteArray) payload = g_byte_array_new();
    enum snap_type type = SNAP_END;

    if (!say_ready(in, "", errp))
        return false;
    if (!snap_read_section(&in->channel->io, &type, payload, errp) || type != SNAP_GO) {
        error_prefix(errp, "the source did not hand over");
        return false;
    }
    return true;
}

static bool receive(struct incoming *in, struct error **errp)
{
    struct machine *m = in->g->m;

    if (in->file >= 0)
        in->snapshot = snapshot_open(in->file, in->uri.offset, !in->uri.skip_verify, m, errp);
    else
        in->snapshot = snapshot_read(&in->channel->io, m, errp);
    if (!in->snapshot || !main_call(&in->call, take_disks, in, errp))
        return false;
    if (in->channel && snapshot_wants_reply(in->snapshot) && !take_over(in, errp))
        return false;
    return main_call(&in->call, install, in, errp);
}

/* Tell the source why.  What it still sends is taken, for a connection that is closed on unread
 * bytes may lose the answer. */
static void refuse(struct incoming *in)
{
    enum { PIECE = 64 << 10, MAX_DRAINED = 256 << 20 };
    g_autofree uint8_t *buf = g_malloc(PIECE);
    struct error *err = NULL;
    size_t done = 0;

    if (say_ready(in, in->why, &err) && shutdown(in->channel->fd, SHUT_WR) == 0)
        while (done < MAX_DRAINED && in->channel->io.read(&in->channel->io, buf, PIECE, &err))
            done += PIECE;
    error_free(err);
}

static void *incoming_thread(void *opaque)
{
    struct incoming *in = opaque;
    struct error *err = NULL;

    in->ok = receive(in, &err);
    in->why = g_strdup(err ? error_text(err) : NULL);
    error_free(err);
    if (!in->ok && in->channel && in->channel->is_socket)
        refuse(in);
    g_idle_add_full(G_PRIORITY_HIGH, finish, in, NULL);
    return NULL;
}

static void start_thread(struct incoming *in)
{
    migration_set_status(in->g, MIGRATE_ACTIVE, NULL);
    in->has_thread = true;
    in->thread = thread_start("incoming", incoming_thread, in);
}

/* ---- from outside ---- */

/* The first that connects is the source. */
static gboolean on_connection(gint fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct incoming *in = opaque;
    int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    if (peer < 0)
        return G_SOURCE_CONTINUE;
    in->channel = channel_new(peer, in->cancel_fd);
    in->watch = 0;
    close(in->listen_fd);
    in->listen_fd = -1;
    start_thread(in);
    return G_SOURCE_REMOVE;
}

static bool open_file(struct incoming *in, struct error **errp)
{
    struct stat st;
    int fd = fds_open(in->uri.text, O_RDONLY | O_CLOEXEC, 0);

    if (fd < 0 || fstat(fd, &st) < 0) {
        error_set(errp, "could not open '%s': %s", in->uri.text, g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
        in->file = fd;
    else
        in->channel = channel_new(fd, in->cancel_fd);
    return true;
}

static bool listen_for_source(struct incoming *in, struct error **errp)
{
    in->listen_fd = migrate_uri_listen(&in->uri, errp);
    if (in->listen_fd < 0)
        return false;
    in->watch = g_unix_fd_add(in->listen_fd, G_IO_IN, on_connection, in);
    return true;
}

static bool open_source(struct incoming *in, struct error **errp)
{
    switch (in->uri.kind) {
    case URI_FILE: return open_file(in, errp);
    case URI_EXEC: in->channel = channel_exec(in->uri.text, false, in->cancel_fd, errp); break;
    case URI_FD: {
        int fd = fds_take(in->uri.text, errp);
        in->channel = fd >= 0 ? channel_new(fd, in->cancel_fd) : NULL;
        break;
    }
    case URI_UNIX:
    case URI_TCP: return listen_for_source(in, errp);
    }
    return in->channel;
}

void migration_expect(struct migration *g)
{
    g->m->cfg.start_paused = true;
    g->m->run_state = RUN_INMIGRATE;
}

static bool may_receive(struct migration *g, struct error **errp)
{
    if (g->m->run_state != RUN_INMIGRATE)
        error_set(errp, "this machine waits for no state: start it with -incoming defer");
    else if (g->in)
        error_set(errp, "a state is on its way in already");
    else
        return true;
    return false;
}

bool migration_incoming(struct migration *g, const char *uri, struct error **errp)
{
    struct migrate_uri u;

    if (!may_receive(g, errp) || !migrate_uri_parse(uri, &u, errp))
        return false;
    struct incoming *in = g_new0(struct incoming, 1);
    in->g = g;
    in->uri = u;
    in->uri_text = g_strdup(uri);
    in->file = in->listen_fd = -1;
    in->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    main_call_init(&in->call);
    if (!open_source(in, errp)) {
        free_incoming(in);
        return false;
    }
    g->in = in;
    mutex_lock(&g->lock);
    g->start_ns = monotonic_ns();
    g->end_ns = 0;
    mutex_unlock(&g->lock);
    migration_set_status(g, MIGRATE_SETUP, NULL);
    if (in->listen_fd < 0)
        start_thread(in);
    return true;
}

void incoming_end(struct migration *g)
{
    struct incoming *in = g->in;
    const uint64_t one = 1;

    if (in == NULL)
        return;
    if (write(in->cancel_fd, &one, sizeof(one)) < 0)
        log_warn("a migration could not be told to end");
    main_call_close(&in->call);
    if (in->has_thread)
        pthread_join(in->thread, NULL);
    while (g_source_remove_by_user_data(in))
        ;
    in->watch = 0;
    free_incoming(in);
    g->in = NULL;
}
