/*
 * Ethernet over a stream: each frame behind its length, four bytes, big endian.  -netdev stream,
 * and -netdev socket with listen=, connect= or fd=.
 *
 * The peer is not trusted: a length of no frame ends the connection.  Everything but `send` runs on
 * the network thread.
 */
#include "net/stream.h"
#include "core/event.h"
#include "util/bits.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

enum { LENGTH = 4, OUT_MAX = 1 << 20, IN_SIZE = LENGTH + NET_MAX_FRAME, FRAMES_PER_TURN = 64 };

struct stream_net {
    struct net_client *client;
    struct net_address address;
    bool is_server, given, is_legacy;
    uint64_t reconnect_ms; /* 0: do not */
    GSource *listen_watch, *in_watch, *connect_watch, *retry;
    int listen_fd;
    uint8_t *in;
    size_t in_len;

    struct mutex lock; /* the back end's: guards the rest */
    int fd;
    bool connected;
    GByteArray *out;
    size_t out_at; /* sent already */
    GSource *out_watch;
};

static void drop(GSource **src)
{
    if (!*src)
        return;
    g_source_destroy(*src);
    g_source_unref(*src);
    *src = NULL;
}

static gboolean out_ready(gint fd, GIOCondition cond, gpointer opaque);

static void want_out_locked(struct stream_net *s)
{
    if (!s->out_watch)
        s->out_watch = net_watch(s->fd, G_IO_OUT, out_ready, s);
}

/* Send what is buffered; s->lock held. */
static void push_out_locked(struct stream_net *s)
{
    while (s->out_at < s->out->len) {
        ssize_t n = send(s->fd, s->out->data + s->out_at, s->out->len - s->out_at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0)
            break; /* the reading side finds out */
        s->out_at += (size_t)n;
    }
    g_byte_array_set_size(s->out, 0);
    s->out_at = 0;
}

static gboolean out_ready(gint fd UNUSED, GIOCondition cond UNUSED, gpointer opaque)
{
    struct stream_net *s = opaque;

    mutex_lock(&s->lock);
    push_out_locked(s);
    bool done = s->out->len == 0;
    if (done)
        drop(&s->out_watch);
    mutex_unlock(&s->lock);
    if (done)
        net_writable(s->client);
    return G_SOURCE_CONTINUE;
}

static bool stream_send(struct net_client *c, const struct net_frame *f)
{
    struct stream_net *s = c->opaque;
    uint8_t length[LENGTH];
    bool took = true;

    mutex_lock(&s->lock);
    if (s->connected && s->out->len - s->out_at > OUT_MAX) {
        took = false;
    } else if (s->connected) {
        st_be32(length, (uint32_t)f->size);
        g_byte_array_append(s->out, length, LENGTH);
        for (unsigned i = 0; i < f->niov; i++)
            g_byte_array_append(s->out, f->iov[i].iov_base, (guint)f->iov[i].iov_len);
        if (!s->out_watch)
            push_out_locked(s);
        if (s->out->len)
            want_out_locked(s);
    }
    mutex_unlock(&s->lock);
    return took;
}

static void begin_connecting(struct stream_net *s);

static gboolean retry(gpointer opaque)
{
    struct stream_net *s = opaque;

    drop(&s->retry);
    begin_connecting(s);
    return G_SOURCE_REMOVE;
}

static void retry_later(struct stream_net *s)
{
    if (!s->reconnect_ms)
        return;
    s->retry = g_timeout_source_new((guint)s->reconnect_ms);
    g_source_set_callback(s->retry, retry, s, NULL);
    g_source_attach(s->retry, net_context());
}

static gboolean accept_one(gint fd, GIOCondition cond, gpointer opaque);

static void disconnect(struct stream_net *s)
{
    drop(&s->in_watch);
    mutex_lock(&s->lock);
    drop(&s->out_watch);
    close(s->fd);
    s->fd = -1;
    s->connected = false;
    g_byte_array_set_size(s->out, 0);
    s->out_at = 0;
    mutex_unlock(&s->lock);
    s->in_len = 0;
    net_writable(s->client);
    event_emit("NETDEV_STREAM_DISCONNECTED", "{\"netdev-id\": \"%s\"}", s->client->name);
    if (s->is_server)
        s->listen_watch = net_watch(s->listen_fd, G_IO_IN, accept_one, s);
    else
        retry_later(s);
}

/* Frames out of what was read; false when the peer talks nonsense. */
static bool parse_input(struct stream_net *s)
{
    size_t at = 0;

    while (s->in_len - at >= LENGTH) {
        uint32_t n = ld_be32(s->in + at);
        if (n < NET_ETH_HEADER || n > NET_MAX_FRAME) {
            log_warn("netdev '%s': the peer sent a frame of %u bytes: disconnecting",
                     s->client->name, n);
            return false;
        }
        if (s->in_len - at - LENGTH < n)
            break;
        struct iovec iov = {s->in + at + LENGTH, n};
        struct net_frame f = {&iov, 1, n, {0}};
        net_send(s->client, &f);
        at += LENGTH + n;
    }
    memmove(s->in, s->in + at, s->in_len - at);
    s->in_len -= at;
    return true;
}

static gboolean in_ready(gint fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct stream_net *s = opaque;

    if (!net_can_send(s->client)) { /* stream_resume() comes back to it */
        drop(&s->in_watch);
        return G_SOURCE_REMOVE;
    }
    ssize_t n = recv(fd, s->in + s->in_len, IN_SIZE - s->in_len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    s->in_len += n > 0 ? (size_t)n : 0;
    bool ok = n > 0 && parse_input(s);
    net_burst_end(s->client);
    if (ok)
        return G_SOURCE_CONTINUE;
    disconnect(s);
    return G_SOURCE_REMOVE;
}

/* The NIC has taken what waited. */
static void stream_resume(struct net_client *c)
{
    struct stream_net *s = c->opaque;

    if (s->connected && !s->in_watch)
        s->in_watch = net_watch(s->fd, G_IO_IN, in_ready, s);
}

static void connected(struct stream_net *s, int fd)
{
    int on = 1;
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof(peer);

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* fails on UNIX sockets */
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    mutex_lock(&s->lock);
    s->fd = fd;
    s->connected = true;
    mutex_unlock(&s->lock);
    s->in_watch = net_watch(fd, G_IO_IN, in_ready, s);
    getpeername(fd, (struct sockaddr *)&peer, &len);
    g_autofree char *text = net_address_show(&peer);
    event_emit("NETDEV_STREAM_CONNECTED",
               "{\"netdev-id\": \"%s\", \"addr\": {\"type\": \"%s\", \"address\": \"%s\"}}",
               s->client->name, peer.ss_family == AF_UNIX ? "unix" : "inet", text);
}

/* One connection at a time: the next is accepted when this one ends. */
static gboolean accept_one(gint fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct stream_net *s = opaque;
    int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

    if (conn < 0)
        return G_SOURCE_CONTINUE;
    drop(&s->listen_watch);
    connected(s, conn);
    return G_SOURCE_REMOVE;
}

static gboolean connect_done(gint fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct stream_net *s = opaque;
    int err = 0;
    socklen_t len = sizeof(err);

    drop(&s->connect_watch);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (!err) {
        connected(s, fd);
        return G_SOURCE_REMOVE;
    }
    close(fd);
    if (!s->reconnect_ms)
        log_warn("netdev '%s': could not connect to '%s': %s", s->client->name, s->address.text,
                 g_strerror(err));
    retry_later(s);
    return G_SOURCE_REMOVE;
}

static void begin_connecting(struct stream_net *s)
{
    int fd = socket(s->address.sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int ret = fd < 0 ? -1 : connect(fd, (struct sockaddr *)&s->address.sa, s->address.len);

    if (ret == 0) {
        connected(s, fd);
    } else if (fd >= 0 && errno == EINPROGRESS) {
        s->connect_watch = net_watch(fd, G_IO_OUT, connect_done, s);
    } else {
        if (!s->reconnect_ms)
            log_warn("netdev '%s': could not connect to '%s': %s", s->client->name, s->address.text,
                     g_strerror(errno));
        if (fd >= 0)
            close(fd);
        retry_later(s);
    }
}

static bool begin_listening(struct stream_net *s, struct error **errp)
{
    const struct net_address *a = &s->address;
    int on = 1;

    s->listen_fd = a->fd;
    if (a->fd < 0) {
        s->listen_fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (a->sa.ss_family == AF_UNIX && a->len > sizeof(sa_family_t) && *a->text)
            unlink(a->text); /* left by an earlier run; an abstract name is no file */
        else
            setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (s->listen_fd < 0 || bind(s->listen_fd, (const struct sockaddr *)&a->sa, a->len)) {
            error_set(errp, "could not listen on '%s': %s", a->text, g_strerror(errno));
            return false;
        }
    }
    if (listen(s->listen_fd, 1)) {
        error_set(errp, "could not listen on '%s': %s", a->text, g_strerror(errno));
        return false;
    }
    return true;
}

static char *stream_info(struct net_client *c)
{
    struct stream_net *s = c->opaque;

    mutex_lock(&s->lock);
    bool on = s->connected;
    mutex_unlock(&s->lock);
    return g_strdup_printf("%s %s%s", s->is_server ? "listening on" : "connection to",
                           s->address.text, on ? "" : ", not connected");
}

static void stop_sources(void *opaque)
{
    struct stream_net *s = opaque;

    drop(&s->listen_watch);
    drop(&s->in_watch);
    drop(&s->connect_watch);
    drop(&s->retry);
    drop(&s->out_watch);
}

static void stream_free(struct stream_net *s)
{
    if (s->fd >= 0)
        close(s->fd);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    g_byte_array_unref(s->out);
    g_free(s->in);
    net_address_clear(&s->address);
    mutex_fini(&s->lock);
    g_free(s);
}

static void stream_close(struct net_client *c)
{
    net_context_sync(stop_sources, c->opaque);
    stream_free(c->opaque);
}

static const struct net_client_ops stream_ops = {
    .type = "stream",
    .send = stream_send,
    .resume = stream_resume,
    .info = stream_info,
    .close = stream_close,
};
static const struct net_client_ops socket_stream_ops = {
    .type = "socket",
    .send = stream_send,
    .resume = stream_resume,
    .info = stream_info,
    .close = stream_close,
};

/* On the network thread: what may block nothing. */
static void start(void *opaque)
{
    struct stream_net *s = opaque;

    if (s->is_server)
        s->listen_watch = net_watch(s->listen_fd, G_IO_IN, accept_one, s);
    else if (s->address.fd >= 0)
        connected(s, s->address.fd);
    else
        begin_connecting(s);
}

bool net_stream_new(const char *id, struct net_address *take_a, bool is_server, bool is_legacy,
                    uint64_t reconnect_ms, struct error **errp)
{
    struct stream_net *s = g_new0(struct stream_net, 1);

    *s = (struct stream_net){
        .address = *take_a, .is_server = is_server, .reconnect_ms = reconnect_ms};
    s->fd = s->listen_fd = -1;
    s->out = g_byte_array_new();
    s->in = g_malloc(IN_SIZE);
    mutex_init(&s->lock);
    if (is_server && !begin_listening(s, errp)) {
        stream_free(s);
        return false;
    }
    s->client = net_client_new(is_legacy ? &socket_stream_ops : &stream_ops, id, 0, 0, s);
    net_context_sync(start, s);
    return true;
}

static bool stream_open(struct opts *o, const char *id, struct error **errp)
{
    struct net_address a;
    bool server;
    uint64_t seconds, ms;

    if (!opts_get_bool(o, "server", false, &server, errp) ||
        !opts_get_uint(o, "reconnect", 86400, 0, &seconds, errp) ||
        !opts_get_uint(o, "reconnect-ms", 86400000, seconds * 1000, &ms, errp))
        return false;
    if (server && ms) {
        error_set(
            errp,
            "reconnect is for clients: with server=on the next connection is accepted anyway");
        return false;
    }
    if (!net_address_from_opts(o, "addr", SOCK_STREAM, server, &a, errp)) {
        net_address_clear(&a);
        return false;
    }
    return net_stream_new(id, &a, server, false, ms, errp);
}

static const char *const stream_options[] = {"addr", "server", "reconnect", "reconnect-ms", NULL};

const struct net_driver net_driver_stream = {
    .name = "stream",
    .help = "[,server=on|off],addr.type=inet|unix|fd,...: Ethernet over a stream",
    .options = stream_options,
    .open = stream_open,
};
