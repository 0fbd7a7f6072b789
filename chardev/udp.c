/* Datagrams: output goes to one peer, input comes from it.  What finds no room is lost, as on any
 * network.  Ref: udp(7). */
#include "chardev/chardev_priv.h"

#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_OUT = 16384, MAX_IN = 65536 }; /* bytes of one datagram */

struct udp {
    int fd;
    guint watch;
};

static struct addrinfo *resolve(const char *host, const char *port, int family, int flags,
                                struct error **errp)
{
    struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_DGRAM, .ai_flags = flags};
    struct addrinfo *list = NULL;
    int ret = getaddrinfo(host, port, &hints, &list);

    if (!ret)
        return list;
    error_set(errp, "could not resolve '%s:%s': %s", host ? host : "", port, gai_strerror(ret));
    return NULL;
}

static bool bind_local(int fd, int family, const char *host, const char *port, struct error **errp)
{
    struct addrinfo *a = resolve(host, port, family, AI_PASSIVE, errp);

    if (!a)
        return false;
    bool ok = !bind(fd, a->ai_addr, a->ai_addrlen);
    if (!ok)
        error_set(errp, "could not bind to '%s:%s': %s", host ? host : "", port, g_strerror(errno));
    freeaddrinfo(a);
    return ok;
}

/* A socket between the local and the remote address; -1 with *errp. */
static int open_socket(struct opts *o, int family, struct error **errp)
{
    const char *host = opts_get(o, "host", NULL), *port = opts_get(o, "port", NULL);
    const char *local = opts_get(o, "localaddr", NULL), *local_port = opts_get(o, "localport", "0");

    host = host && *host ? host : "localhost";
    struct addrinfo *a = resolve(host, port, family, 0, errp);
    if (!a)
        return -1;
    int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && bind_local(fd, a->ai_family, local && *local ? local : NULL,
                                    *local_port ? local_port : "0", errp);
    if (ok && connect(fd, a->ai_addr, a->ai_addrlen)) {
        error_set(errp, "could not connect to '%s:%s': %s", host, port, g_strerror(errno));
        ok = false;
    }
    freeaddrinfo(a);
    if (!ok && fd >= 0)
        close(fd);
    return ok ? fd : -1;
}

static gboolean on_datagram(gint fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct chardev *c = opaque;
    g_autofree uint8_t *buf = g_malloc(MAX_IN);
    ssize_t n = recv(fd, buf, MAX_IN, 0);

    if (n > 0) {
        mux_input(c, buf, (size_t)n); /* drops what exceeds the queue */
        chardev_deliver(c);
    }
    return G_SOURCE_CONTINUE;
}

static ssize_t udp_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct udp *u = c->priv;
    size_t piece = MIN(n, (size_t)MAX_OUT);
    ssize_t ret = send(u->fd, buf, piece, 0);

    if (ret < 0 && errno == EAGAIN)
        return ret;
    return (ssize_t)piece; /* nobody there yet: lost */
}

static bool udp_open(struct chardev *c, struct opts *o, struct error **errp)
{
    bool ipv4, ipv6;

    if (!opts_get_bool(o, "ipv4", false, &ipv4, errp) ||
        !opts_get_bool(o, "ipv6", false, &ipv6, errp))
        return false;
    if (!opts_get(o, "port", NULL)) {
        error_set(errp, "wanted port=, the peer's");
        return false;
    }
    int fd = open_socket(o, ipv4 == ipv6 ? AF_UNSPEC : ipv4 ? AF_INET : AF_INET6, errp);
    if (fd < 0)
        return false;
    struct udp *u = g_new0(struct udp, 1);
    u->fd = fd;
    u->watch = g_unix_fd_add(fd, G_IO_IN, on_datagram, c);
    c->priv = u;
    chardev_connect(c, -1, fd);
    return true;
}

static void udp_close(struct chardev *c)
{
    struct udp *u = c->priv;

    chardev_disconnect(c);
    g_source_remove(u->watch);
    close(u->fd);
    g_free(u);
}

static const char *const udp_options[] = {"host", "port", "localaddr", "localport",
                                          "ipv4", "ipv6", NULL};
const struct chardev_driver chardev_udp = {
    .name = "udp",
    .help = "datagrams to and from a peer: [host=H,]port=P[,localaddr=H][,localport=P]",
    .options = udp_options,
    .open = udp_open,
    .close = udp_close,
    .write = udp_write,
};
