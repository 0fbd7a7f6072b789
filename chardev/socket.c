/*
 * TCP and UNIX sockets, as server or client, plain, telnet or WebSocket.
 *
 * Ref: RFC 854 (telnet), RFC 857 (echo), RFC 858 (suppress go ahead), RFC 856 (binary);
 * RFC 6455 (WebSocket) is websock.c's.
 */
#include "chardev/chardev_priv.h"

#include "chardev/websock.h"
#include "util/fds.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { IAC = 255, DONT = 254, DO = 253, WONT = 252, WILL = 251, SB = 250, BREAK = 243, SE = 240 };
enum { OPT_BINARY = 0, OPT_ECHO = 1, OPT_SGA = 3, OPT_LINEMODE = 34 };
enum { GREETING_MS = 10000 }; /* in which a WebSocket's client must have asked for one */
enum telnet_state { T_DATA, T_IAC, T_OPTION, T_SUB, T_SUB_IAC };

struct sock {
    char *host, *port, *path; /* path: UNIX; else host and port */
    bool is_server, is_telnet, is_websocket, nodelay, is_ipv4, is_ipv6, is_abstract;
    unsigned port_range; /* further ports to try */
    uint64_t reconnect_ms;
    int listen_fd, fd; /* -1: none */
    bool told_failure; /* of connecting */
    int given_fd;      /* fd=: a socket that was opened for us, listening or connected; -1: none */
    guint listen_watch, retry_timer, connect_watch;
    enum telnet_state telnet;
    struct websock *websock; /* of the peer; NULL without one */
    guint greeting_watch, greeting_timer, flush_watch;
};

static char *describe(const struct sock *s)
{
    if (s->given_fd >= 0)
        return g_strdup_printf("fd:%d", s->given_fd);
    if (s->path)
        return g_strdup_printf("%s:%s%s", "unix", s->path, s->is_server ? ",server=on" : "");
    const char *kind = s->is_telnet ? "telnet" : s->is_websocket ? "websocket" : "tcp";
    return g_strdup_printf("%s:%s:%s%s", kind, s->host, s->port, s->is_server ? ",server=on" : "");
}

static void set_nodelay(int fd)
{
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on,
               sizeof(on)); /* fails on UNIX sockets, which have no delay */
}

static bool fill_unix(const struct sock *s, struct sockaddr_un *sa, socklen_t *len,
                      struct error **errp)
{
    size_t n = strlen(s->path), skip = s->is_abstract;

    *sa = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n + skip >= sizeof(sa->sun_path)) {
        error_set(errp, "path '%s' is too long for a socket, at most %zu bytes fit", s->path,
                  sizeof(sa->sun_path) - 1);
        return false;
    }
    memcpy(sa->sun_path + skip, s->path, n);
    *len = offsetof(struct sockaddr_un, sun_path) + skip + n + !skip;
    return true;
}

static int listen_unix(const struct sock *s, struct error **errp)
{
    struct sockaddr_un sa;
    socklen_t len;

    if (!fill_unix(s, &sa, &len, errp))
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!s->is_abstract)
        unlink(s->path); /* left by an earlier run */
    if (fd >= 0 && !bind(fd, (struct sockaddr *)&sa, len) && !listen(fd, 1))
        return fd;
    error_set(errp, "could not listen on unix socket '%s': %s", s->path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static struct addrinfo *resolve(const struct sock *s, const char *port, struct error **errp)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list = NULL;

    hints.ai_flags = s->is_server ? AI_PASSIVE : 0;
    hints.ai_family = s->is_ipv4 == s->is_ipv6 ? AF_UNSPEC : s->is_ipv4 ? AF_INET : AF_INET6;
    int ret = getaddrinfo(*s->host ? s->host : NULL, port, &hints, &list);
    if (!ret)
        return list;
    error_set(errp, "could not resolve '%s:%s': %s", s->host, port, gai_strerror(ret));
    return NULL;
}

static int listen_addr(const struct addrinfo *a)
{
    int on = 1, fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 1))
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* IPv4 first: who connects to "localhost" tries both, who connects to 127.0.0.1 only that. */
static int listen_first(const struct addrinfo *list)
{
    int fd = -1;

    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        if (a->ai_family == AF_INET)
            fd = listen_addr(a);
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        if (a->ai_family != AF_INET)
            fd = listen_addr(a);
    return fd;
}

static int listen_port(const struct sock *s, const char *port, struct error **errp)
{
    struct addrinfo *list = resolve(s, port, errp);

    if (!list)
        return -1;
    int fd = listen_first(list);
    if (fd < 0)
        error_set(errp, "could not listen on '%s:%s': %s", s->host, port, g_strerror(errno));
    freeaddrinfo(list);
    return fd;
}

/* Try the port and, with to=, those after it. */
static int listen_tcp(struct sock *s, struct error **errp)
{
    unsigned long first = strtoul(s->port, NULL, 10);

    for (unsigned i = 0;; i++) {
        struct error *err = NULL;
        g_autofree char *port = i ? g_strdup_printf("%lu", first + i) : g_strdup(s->port);
        int fd = listen_port(s, port, &err);
        if (fd >= 0 && i) {
            g_free(s->port);
            s->port = g_steal_pointer(&port);
        }
        if (fd >= 0)
            return fd;
        if (i == s->port_range) {
            error_move(errp, err);
            return -1;
        }
        error_free(err);
    }
}

/* Begin to connect; *pending when the outcome is still open. */
static int connect_addr(int family, const struct sockaddr *sa, socklen_t len, bool *pending)
{
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *pending = false;
    if (fd < 0 || !connect(fd, sa, len))
        return fd;
    if (errno == EINPROGRESS) {
        *pending = true;
        return fd;
    }
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int connect_unix(const struct sock *s, bool *pending, struct error **errp)
{
    struct sockaddr_un sa;
    socklen_t len;

    if (!fill_unix(s, &sa, &len, errp))
        return -1;
    int fd = connect_addr(AF_UNIX, (struct sockaddr *)&sa, len, pending);
    if (fd < 0)
        error_set(errp, "could not connect to unix socket '%s': %s", s->path, g_strerror(errno));
    return fd;
}

static int connect_tcp(const struct sock *s, bool *pending, struct error **errp)
{
    struct addrinfo *list = resolve(s, s->port, errp);
    int fd = -1;

    if (!list)
        return -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = connect_addr(a->ai_family, a->ai_addr, a->ai_addrlen, pending);
    if (fd < 0)
        error_set(errp, "could not connect to '%s:%s': %s", s->host, s->port, g_strerror(errno));
    freeaddrinfo(list);
    return fd;
}

static void say_hello(struct sock *s)
{
    static const uint8_t hello[] = {IAC, WILL, OPT_ECHO,   IAC, WILL, OPT_SGA,
                                    IAC, WILL, OPT_BINARY, IAC, DO,   OPT_BINARY};

    s->telnet = T_DATA;
    if (send(s->fd, hello, sizeof(hello), MSG_NOSIGNAL) < 0)
        log_warn("telnet: could not greet: %s", g_strerror(errno));
}

/* fd is a connection: use it. */
static void adopt(struct chardev *c, int fd)
{
    struct sock *s = c->priv;

    s->fd = fd;
    s->told_failure = false;
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    if (s->nodelay)
        set_nodelay(fd);
    if (s->is_telnet && s->is_server)
        say_hello(s);
    c->passes_fds = s->path;
    chardev_connect(c, fd, fd);
}

static void watch_listener(struct chardev *c);

static void stop_greeting(struct sock *s)
{
    if (s->greeting_watch)
        g_source_remove(s->greeting_watch);
    if (s->greeting_timer)
        g_source_remove(s->greeting_timer);
    s->greeting_watch = s->greeting_timer = 0;
}

/* The client wants no WebSocket, or is too slow: the next one may come. */
static void refuse_greeting(struct chardev *c)
{
    struct sock *s = c->priv;

    stop_greeting(s);
    websock_flush(s->websock, s->fd);
    websock_free(g_steal_pointer(&s->websock));
    close(s->fd);
    s->fd = -1;
    watch_listener(c);
}

static void take_input(struct chardev *c, uint8_t *buf, size_t n)
{
    mux_input(c, buf, c->drv->filter(c, buf, n));
    chardev_deliver(c);
}

static gboolean on_greeting(gint fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct chardev *c = opaque;
    struct sock *s = c->priv;
    uint8_t buf[512];
    size_t used = 0;
    ssize_t n = recv(fd, buf, sizeof(buf), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    enum websock_result result =
        n > 0 ? websock_request(s->websock, buf, (size_t)n, &used) : WEBSOCK_BAD;
    if (result == WEBSOCK_MORE)
        return G_SOURCE_CONTINUE;
    s->greeting_watch = 0;
    if (result == WEBSOCK_BAD) {
        refuse_greeting(c);
        return G_SOURCE_REMOVE;
    }
    stop_greeting(s);
    websock_flush(s->websock, fd);
    adopt(c, fd);
    take_input(c, buf + used, (size_t)n - used);
    return G_SOURCE_REMOVE;
}

static gboolean on_late_greeting(gpointer opaque)
{
    struct chardev *c = opaque;
    struct sock *s = c->priv;

    s->greeting_timer = 0;
    refuse_greeting(c);
    return G_SOURCE_REMOVE;
}

/* A peer has come: use it, for a WebSocket once it has asked for one. */
static void welcome(struct chardev *c, int fd)
{
    struct sock *s = c->priv;

    if (!s->is_websocket) {
        adopt(c, fd);
        return;
    }
    s->fd = fd;
    s->websock = websock_new();
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    s->greeting_watch = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_greeting, c);
    s->greeting_timer = g_timeout_add(GREETING_MS, on_late_greeting, c);
}

static gboolean on_accept(gint listen_fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct chardev *c = opaque;
    struct sock *s = c->priv;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return G_SOURCE_CONTINUE;
    s->listen_watch = 0; /* one peer at a time: others wait in the backlog */
    welcome(c, fd);
    return G_SOURCE_REMOVE;
}

static void watch_listener(struct chardev *c)
{
    struct sock *s = c->priv;

    if (s->listen_fd >= 0 && !s->listen_watch)
        s->listen_watch = g_unix_fd_add(s->listen_fd, G_IO_IN, on_accept, c);
}

static gboolean on_retry(gpointer opaque);

static void retry_later(struct chardev *c)
{
    struct sock *s = c->priv;

    if (s->reconnect_ms && !s->retry_timer)
        s->retry_timer = g_timeout_add(s->reconnect_ms, on_retry, c);
}

static int socket_error(int fd)
{
    int err = 0;
    socklen_t len = sizeof(err);

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 ? errno : err;
}

/* The user hears once that the first try failed. */
static void tell_failure(const struct chardev *c, struct error *take_err)
{
    struct sock *s = c->priv;

    if (!s->told_failure)
        log_warn("chardev '%s': %s; it will be tried again every %g s", c->id, error_text(take_err),
                 (double)s->reconnect_ms / 1000);
    s->told_failure = true;
    error_free(take_err);
}

static gboolean on_connected(gint fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct chardev *c = opaque;
    struct sock *s = c->priv;

    s->connect_watch = 0;
    int why = socket_error(fd);
    if (!why) {
        adopt(c, fd);
        return G_SOURCE_REMOVE;
    }
    struct error *err = NULL;
    g_autofree char *name = describe(s);
    error_set(&err, "could not connect to '%s': %s", name, g_strerror(why));
    tell_failure(c, err);
    close(fd);
    s->fd = -1;
    retry_later(c);
    return G_SOURCE_REMOVE;
}

static int start_connect(const struct sock *s, bool *pending, struct error **errp)
{
    return s->path ? connect_unix(s, pending, errp) : connect_tcp(s, pending, errp);
}

static gboolean on_retry(gpointer opaque)
{
    struct chardev *c = opaque;
    struct sock *s = c->priv;
    struct error *err = NULL;
    bool pending;
    int fd = start_connect(s, &pending, &err);

    s->retry_timer = 0;
    if (fd < 0) {
        tell_failure(c, err);
        retry_later(c);
    } else if (pending) {
        s->fd = fd;
        s->connect_watch = g_unix_fd_add(fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_connected, c);
    } else {
        adopt(c, fd);
    }
    return G_SOURCE_REMOVE;
}

static bool open_client(struct chardev *c, struct error **errp)
{
    struct sock *s = c->priv;
    struct error *err = NULL;
    bool pending = false;

    if (s->given_fd >= 0) {
        adopt(c, s->given_fd);
        return true;
    }
    if (s->reconnect_ms) { /* whoever tries again need not wait for the outcome now */
        on_retry(c);
        return true;
    }
    int fd = start_connect(s, &pending, &err);
    if (fd >= 0 && pending) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        poll(&p, 1, -1);
        int why = socket_error(fd);
        if (why) {
            error_set(&err, "could not connect to '%s:%s': %s", s->host, s->port, g_strerror(why));
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0) {
        adopt(c, fd);
        return true;
    }
    error_move(errp, err);
    return false;
}

static void wait_for_peer(struct chardev *c)
{
    struct sock *s = c->priv;
    g_autofree char *name = describe(s);
    int fd;

    log_info("waiting for connection on: %s", name);
    do
        fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return;
    welcome(c, fd);
    while (s->is_websocket && !c->connected) { /* others may come when this one is refused */
        watch_listener(c);
        g_main_context_iteration(NULL, TRUE);
    }
}

static bool open_server(struct chardev *c, bool wait, struct error **errp)
{
    struct sock *s = c->priv;

    if (s->given_fd < 0)
        s->listen_fd = s->path ? listen_unix(s, errp) : listen_tcp(s, errp);
    else
        s->listen_fd = s->given_fd;
    if (s->listen_fd < 0)
        return false;
    if (wait)
        wait_for_peer(c);
    if (s->fd < 0)
        watch_listener(c);
    return true;
}

/* fd=N is a socket that we inherited, fd=NAME one that a monitor's client handed over. */
static bool read_fd(struct sock *s, struct opts *o, struct error **errp)
{
    const char *name = opts_get(o, "fd", NULL);
    int type, fd = fds_take(name, errp);
    socklen_t len = sizeof(type);

    if (fd < 0)
        return false;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_STREAM) {
        error_set(errp, "fd: %s is no stream socket", name);
        return false;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    s->given_fd = fd;
    return true;
}

/* One of path=, port= (with host=), fd=. */
static bool read_address(struct sock *s, struct opts *o, struct error **errp)
{
    const char *host = opts_get(o, "host", NULL), *port = opts_get(o, "port", NULL);
    const char *path = opts_get(o, "path", NULL), *fd = opts_get(o, "fd", NULL);
    uint64_t to;

    if (!path + !port + !fd != 2) {
        error_set(errp, "wanted one of path=, port= and fd=");
        return false;
    }
    if (!opts_get_uint(o, "to", 65535, 0, &to, errp) || (fd && !read_fd(s, o, errp)))
        return false;
    s->path = g_strdup(path);
    s->host = g_strdup(host ? host : "");
    s->port = g_strdup(port);
    uint64_t first = port ? strtoul(port, NULL, 10) : 0;
    s->port_range = to > first ? to - first : 0;
    return true;
}

/* Options that ask for what is not there. */
static bool check_absent(struct opts *o, struct error **errp)
{
    bool is_3270;

    if (!opts_get_bool(o, "tn3270", false, &is_3270, errp))
        return false;
    if (is_3270)
        error_set(errp, "tn3270=on is for consoles of mainframes, which are not here");
    else if (opts_get(o, "tls-creds", NULL))
        error_set(errp, "tls-creds=: encryption is not supported; a tunnel (stunnel, ssh) in front "
                        "of the socket is");
    else if (opts_get(o, "tls-authz", NULL))
        error_set(errp, "tls-authz=: encryption is not supported");
    else
        return true;
    return false;
}

static bool read_flags(struct sock *s, struct opts *o, bool *wait, struct error **errp)
{
    uint64_t seconds;
    bool delay, unused;

    if (!opts_get_bool(o, "server", false, &s->is_server, errp) ||
        !opts_get_bool(o, "wait", s->is_server, wait, errp) ||
        !opts_get_bool(o, "telnet", false, &s->is_telnet, errp) ||
        !opts_get_bool(o, "websocket", false, &s->is_websocket, errp) ||
        !opts_get_bool(o, "delay", true, &delay, errp) ||
        !opts_get_bool(o, "nodelay", !delay, &s->nodelay, errp) ||
        !opts_get_bool(o, "ipv4", false, &s->is_ipv4, errp) ||
        !opts_get_bool(o, "ipv6", false, &s->is_ipv6, errp) ||
        !opts_get_bool(o, "abstract", false, &s->is_abstract, errp) ||
        !opts_get_bool(o, "tight", true, &unused, errp) ||
        !opts_get_uint(o, "reconnect", G_MAXINT / 1000, 0, &seconds, errp) ||
        !opts_get_uint(o, "reconnect-ms", G_MAXINT, seconds * 1000, &s->reconnect_ms, errp))
        return false;
    if (s->is_server && s->reconnect_ms) {
        error_set(errp, "reconnect= is for clients, found server=on");
        return false;
    }
    if (s->is_websocket && (!s->is_server || s->is_telnet)) {
        error_set(errp, "websocket=on is for servers without telnet, found %s",
                  s->is_server ? "telnet=on" : "server=off");
        return false;
    }
    if (!s->is_server && *wait) {
        error_set(errp, "wait= is for servers, found server=off");
        return false;
    }
    return true;
}

static void free_sock(struct sock *s)
{
    websock_free(s->websock);
    if (s->listen_fd >= 0 && s->path && !s->is_abstract)
        unlink(s->path);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->fd >= 0)
        close(s->fd);
    g_free(s->host);
    g_free(s->port);
    g_free(s->path);
    g_free(s);
}

static void socket_close(struct chardev *c)
{
    struct sock *s = c->priv;
    const guint sources[] = {s->listen_watch,   s->retry_timer,    s->connect_watch,
                             s->greeting_watch, s->greeting_timer, s->flush_watch};

    chardev_disconnect(c);
    for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
        if (sources[i])
            g_source_remove(sources[i]);
    free_sock(s);
}

static bool socket_open(struct chardev *c, struct opts *o, struct error **errp)
{
    struct sock *s = g_new0(struct sock, 1);
    bool wait = false;

    s->fd = s->listen_fd = s->given_fd = -1;
    c->priv = s;
    if (check_absent(o, errp) && read_address(s, o, errp) && read_flags(s, o, &wait, errp) &&
        (s->is_server ? open_server(c, wait, errp) : open_client(c, errp)))
        return true;
    free_sock(s);
    c->priv = NULL;
    return false;
}

static void socket_hangup(struct chardev *c)
{
    struct sock *s = c->priv;

    chardev_disconnect(c);
    if (s->flush_watch)
        g_source_remove(s->flush_watch);
    s->flush_watch = 0;
    websock_free(g_steal_pointer(&s->websock));
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    if (s->is_server)
        watch_listener(c);
    else
        retry_later(c);
}

/* In telnet a data byte 255 is sent twice; both or none must go out. */
static ssize_t write_telnet(int fd, const uint8_t *buf, size_t n)
{
    const uint8_t *iac = memchr(buf, IAC, n);
    static const uint8_t twice[] = {IAC, IAC};

    if (iac != buf)
        return send(fd, buf, iac ? (size_t)(iac - buf) : n, MSG_NOSIGNAL);
    ssize_t ret = send(fd, twice, sizeof(twice), MSG_NOSIGNAL);
    return ret < 0 ? ret : 1;
}

static gboolean on_flush(gint fd, GIOCondition cond UNUSED, gpointer opaque)
{
    struct sock *s = ((struct chardev *)opaque)->priv;

    if (!websock_flush(s->websock, fd))
        return G_SOURCE_CONTINUE;
    s->flush_watch = 0;
    return G_SOURCE_REMOVE;
}

/* Frames that are begun must end, also when no more output comes. */
static void flush_websock(struct chardev *c)
{
    struct sock *s = c->priv;

    if (!websock_flush(s->websock, s->fd) && !s->flush_watch)
        s->flush_watch = g_unix_fd_add(s->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_flush, c);
}

static ssize_t socket_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct sock *s = c->priv;

    if (c->out_fd < 0)
        return n;
    if (s->websock) {
        ssize_t ret = websock_write(s->websock, s->fd, buf, n);
        flush_websock(c);
        return ret;
    }
    return s->is_telnet ? write_telnet(s->fd, buf, n) : send(s->fd, buf, n, MSG_NOSIGNAL);
}

/* Take telnet's commands out of the input; state lives on between packets. */
static size_t strip_telnet(struct chardev *c, uint8_t *buf, size_t n)
{
    struct sock *s = c->priv;
    size_t out = 0;

    for (size_t i = 0; i < n; i++) {
        uint8_t b = buf[i];
        switch (s->telnet) {
        case T_DATA:
            if (b == IAC)
                s->telnet = T_IAC;
            else if (b) /* a carriage return is followed by a zero */
                buf[out++] = b;
            break;
        case T_IAC:
            s->telnet = b >= WILL && b <= DONT ? T_OPTION : b == SB ? T_SUB : T_DATA;
            if (b == IAC)
                buf[out++] = b;
            if (b == BREAK)
                chardev_send_event(c, CHARDEV_BREAK);
            break;
        case T_OPTION: s->telnet = T_DATA; break;
        case T_SUB: s->telnet = b == IAC ? T_SUB_IAC : T_SUB; break;
        case T_SUB_IAC: s->telnet = b == SE ? T_DATA : T_SUB; break;
        }
    }
    return out;
}

/* After a closing frame the connection ends: reading then tells of it. */
static size_t strip_frames(struct chardev *c, uint8_t *buf, size_t n)
{
    struct sock *s = c->priv;
    bool closed;
    size_t out = websock_decode(s->websock, buf, n, &closed);

    flush_websock(c);
    if (closed)
        shutdown(s->fd, SHUT_RDWR);
    return out;
}

static size_t socket_filter(struct chardev *c, uint8_t *buf, size_t n)
{
    struct sock *s = c->priv;

    if (s->websock)
        return strip_frames(c, buf, n);
    return s->is_telnet ? strip_telnet(c, buf, n) : n;
}

static char *socket_describe(const struct chardev *c)
{
    g_autofree char *text = describe(c->priv);

    return g_strconcat(c->connected ? "" : "disconnected:", text, NULL);
}

static const char *const socket_options[] = {
    "host",         "port",  "path",    "to",     "server",    "wait",      "telnet",
    "websocket",    "delay", "nodelay", "ipv4",   "ipv6",      "abstract",  "reconnect",
    "reconnect-ms", "tight", "fd",      "tn3270", "tls-creds", "tls-authz", NULL};
const struct chardev_driver chardev_socket = {
    .name = "socket",
    .help = "TCP or UNIX socket: host=H,port=P | path=PATH | fd=N"
            "[,server=on[,wait=off][,websocket=on]][,telnet=on][,reconnect-ms=N]",
    .options = socket_options,
    .open = socket_open,
    .close = socket_close,
    .write = socket_write,
    .filter = socket_filter,
    .hangup = socket_hangup,
    .describe = socket_describe,
};
