/*
 * Ethernet in datagrams, one a frame.  -netdev dgram, and -netdev socket with udp= or mcast=.
 */
#include "net/stream.h"
#include "util/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

enum { FRAMES_PER_TURN = 64 };

struct dgram_net {
    struct net_client *client;
    struct net_address local, remote;
    int fd;
    bool use_remote; /* send to it; else the socket is connected */
    uint8_t *in;
    GSource *in_watch;
};

/* What does not fit the socket's buffer is lost, as on a wire. */
static bool dgram_send(struct net_client *c, const struct net_frame *f)
{
    struct dgram_net *d = c->opaque;
    struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)f->iov, .msg_iovlen = f->niov};

    if (d->use_remote) {
        m.msg_name = &d->remote.sa;
        m.msg_namelen = d->remote.len;
    }
    while (sendmsg(d->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
    return true;
}

static gboolean in_ready(gint fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct dgram_net *d = opaque;

    for (unsigned i = 0; i < FRAMES_PER_TURN; i++) {
        if (!net_can_send(d->client)) { /* dgram_resume() comes back to it */
            g_source_destroy(d->in_watch);
            g_clear_pointer(&d->in_watch, g_source_unref);
            break;
        }
        ssize_t n = recv(fd, d->in, NET_MAX_FRAME, MSG_DONTWAIT);
        if (n < NET_ETH_HEADER) {
            if (n < 0)
                break;
            continue;
        }
        struct iovec iov = {d->in, (size_t)n};
        struct net_frame f = {&iov, 1, (size_t)n, {0}};
        net_send(d->client, &f);
    }
    net_burst_end(d->client);
    return d->in_watch != NULL;
}

static void dgram_resume(struct net_client *c)
{
    struct dgram_net *d = c->opaque;

    if (!d->in_watch)
        d->in_watch = net_watch(d->fd, G_IO_IN, in_ready, d);
}

static void start(void *opaque)
{
    dgram_resume(((struct dgram_net *)opaque)->client);
}

static void stop(void *opaque)
{
    struct dgram_net *d = opaque;

    if (d->in_watch)
        g_source_destroy(d->in_watch);
    g_clear_pointer(&d->in_watch, g_source_unref);
}

static void dgram_free(struct dgram_net *d)
{
    if (d->fd >= 0)
        close(d->fd);
    if (d->local.text && d->local.fd < 0 && d->local.sa.ss_family == AF_UNIX)
        unlink(d->local.text);
    net_address_clear(&d->local);
    net_address_clear(&d->remote);
    g_free(d->in);
    g_free(d);
}

static void dgram_close(struct net_client *c)
{
    struct dgram_net *d = c->opaque;

    net_context_sync(stop, d);
    dgram_free(d);
}

static char *dgram_info(struct net_client *c)
{
    const struct dgram_net *d = c->opaque;

    if (net_address_is_multicast(&d->remote))
        return g_strdup_printf("mcast=%s", d->remote.text);
    return g_strdup_printf("udp=%s/%s", d->local.text ? d->local.text : "",
                           d->remote.text ? d->remote.text : "");
}

static const struct net_client_ops dgram_ops = {
    .type = "dgram",
    .send = dgram_send,
    .resume = dgram_resume,
    .info = dgram_info,
    .close = dgram_close,
};
static const struct net_client_ops socket_dgram_ops = {
    .type = "socket",
    .send = dgram_send,
    .resume = dgram_resume,
    .info = dgram_info,
    .close = dgram_close,
};

/* RFC 1112: receive what is sent to the group, our own, too, for others on this host. */
static bool join_group(struct dgram_net *d, struct error **errp)
{
    const struct sockaddr_in *group = (const struct sockaddr_in *)(const void *)&d->remote.sa;
    const struct sockaddr_in *local = (const struct sockaddr_in *)(const void *)&d->local.sa;
    struct ip_mreq req = {.imr_multiaddr = group->sin_addr};
    int on = 1;

    if (d->local.text)
        req.imr_interface = local->sin_addr;
    if (setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
        bind(d->fd, (const struct sockaddr *)group, sizeof(*group)) ||
        setsockopt(d->fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &req, sizeof(req)) ||
        setsockopt(d->fd, IPPROTO_IP, IP_MULTICAST_LOOP, &on, sizeof(on)) ||
        (d->local.text && setsockopt(d->fd, IPPROTO_IP, IP_MULTICAST_IF, &req.imr_interface,
                                     sizeof(req.imr_interface)))) {
        error_set(errp, "could not join group '%s': %s", d->remote.text, g_strerror(errno));
        return false;
    }
    return true;
}

static bool bind_local(struct dgram_net *d, struct error **errp)
{
    int on = 1;

    if (d->local.sa.ss_family == AF_UNIX)
        unlink(d->local.text);
    else
        setsockopt(d->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (!bind(d->fd, (const struct sockaddr *)&d->local.sa, d->local.len))
        return true;
    error_set(errp, "could not bind to '%s': %s", d->local.text, g_strerror(errno));
    return false;
}

static bool open_socket(struct dgram_net *d, struct error **errp)
{
    bool has_local = d->local.text != NULL, has_remote = d->remote.text != NULL;

    if (has_local && d->local.fd >= 0) {
        d->fd = d->local.fd;
        d->use_remote = has_remote;
        return true;
    }
    if (!has_remote) {
        error_set(errp, "the remote address is missing");
        return false;
    }
    d->use_remote = true;
    d->fd = socket(d->remote.sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (d->fd < 0) {
        error_set(errp, "could not make a socket: %s", g_strerror(errno));
        return false;
    }
    if (net_address_is_multicast(&d->remote))
        return join_group(d, errp);
    if (!has_local) {
        error_set(errp, "the local address is missing");
        return false;
    }
    if (d->local.sa.ss_family != d->remote.sa.ss_family) {
        error_set(errp, "the local and the remote address are of different families");
        return false;
    }
    return bind_local(d, errp);
}

bool net_dgram_new(const char *id, struct net_address *take_local, struct net_address *take_remote,
                   bool is_legacy, struct error **errp)
{
    struct dgram_net *d = g_new0(struct dgram_net, 1);

    *d = (struct dgram_net){.local = *take_local, .remote = *take_remote, .fd = -1};
    d->in = g_malloc(NET_MAX_FRAME);
    if (!open_socket(d, errp)) {
        if (d->fd < 0)
            d->local.sa.ss_family = AF_UNSPEC;
        dgram_free(d);
        return false;
    }
    g_unix_set_fd_nonblocking(d->fd, TRUE, NULL);
    d->client = net_client_new(is_legacy ? &socket_dgram_ops : &dgram_ops, id, 0, 0, d);
    net_context_sync(start, d);
    return true;
}

static bool has_prefix(const struct opts *o, const char *prefix)
{
    size_t n = strlen(prefix);

    for (size_t i = 0; i < o->n; i++)
        if (!strncmp(o->pair[i].key, prefix, n) && o->pair[i].key[n] == '.')
            return true;
    return false;
}

static bool dgram_open(struct opts *o, const char *id, struct error **errp)
{
    struct net_address local = {.fd = -1}, remote = {.fd = -1};

    if ((has_prefix(o, "local") &&
         !net_address_from_opts(o, "local", SOCK_DGRAM, true, &local, errp)) ||
        (has_prefix(o, "remote") &&
         !net_address_from_opts(o, "remote", SOCK_DGRAM, false, &remote, errp))) {
        net_address_clear(&local);
        net_address_clear(&remote);
        return false;
    }
    return net_dgram_new(id, &local, &remote, false, errp);
}

static const char *const dgram_options[] = {"local", "remote", NULL};

const struct net_driver net_driver_dgram = {
    .name = "dgram",
    .help = "local.type=inet|unix|fd,...[,remote.type=inet|unix,...]: Ethernet in datagrams",
    .options = dgram_options,
    .open = dgram_open,
};
