/* The NBD server: listening, accepting, exports.  Ref: the NBD protocol. */
#include "block/nbd_priv.h"
#include "core/event.h"
#include "util/log.h"
#include "util/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_SOCKETS = 16, BACKLOG = 16, MAX_WARNINGS = 10, CANCEL_NS = 50000000 };
static const int64_t NS_PER_S = INT64_C(1000000000);

static struct {
    bool running;
    struct nbd_listen how;
    int fd[MAX_SOCKETS], nfds, wake_fd;
    char *path; /* of a UNIX socket of ours, to be removed */
    pthread_t thread;
    struct mutex lock; /* a leaf: guards what follows */
    struct cond gone;
    bool stopping;
    unsigned count, tls_failures;
    struct nbd_conn *conns;
    struct nbd_export *exports;
} server = {.lock = {PTHREAD_MUTEX_INITIALIZER}, .wake_fd = -1};

/* --- bytes --- */
/* Wait until fd is ready; false when time is up. */
static bool wait_fd(struct nbd_conn *c, short events)
{
    struct pollfd p = {.fd = c->fd, .events = events};

    for (;;) {
        int ms = -1;
        if (c->deadline_ns != INT64_MAX) {
            int64_t left = c->deadline_ns - monotonic_ns();
            if (left <= 0)
                return false;
            ms = (int)(left / 1000000) + 1;
        }
        int n = poll(&p, 1, ms);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

/* As recv(); with -1 and EINTR it is to be called again. */
static ssize_t receive_some(struct nbd_conn *c, void *buf, size_t n)
{
    if (!c->tls)
        return c->deadline_ns != INT64_MAX && !wait_fd(c, POLLIN) ? 0 : recv(c->fd, buf, n, 0);
    ssize_t got = tls_recv(c->tls, buf, n);
    if (got >= 0 || errno != EAGAIN)
        return got;
    errno = wait_fd(c, POLLIN) ? EINTR : ETIMEDOUT;
    return -1;
}

bool nbd_recv(struct nbd_conn *c, void *buf, size_t n)
{
    uint8_t *p = buf;

    while (n) {
        ssize_t got = receive_some(c, p, n);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
    return true;
}

bool nbd_skip(struct nbd_conn *c, uint64_t n)
{
    uint8_t buf[4096];

    for (uint64_t part; n; n -= part) {
        part = MIN(n, sizeof(buf));
        if (!nbd_recv(c, buf, part))
            return false;
    }
    return true;
}

/* As sendmsg(); with -1 and EINTR it is to be called again. */
static ssize_t send_some(struct nbd_conn *c, struct msghdr *m)
{
    if (!c->tls)
        return c->deadline_ns != INT64_MAX && !wait_fd(c, POLLOUT)
                   ? -1
                   : sendmsg(c->fd, m, MSG_NOSIGNAL);
    ssize_t done = tls_send(c->tls, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len);
    if (done >= 0 || errno != EAGAIN)
        return done;
    errno = wait_fd(c, POLLOUT) ? EINTR : ETIMEDOUT;
    return -1;
}

bool nbd_send(struct nbd_conn *c, const struct iovec *iov, int n)
{
    struct sg sg = {iov, (unsigned)n, 0};
    struct iovec part[4];
    uint64_t left = 0;

    for (int i = 0; i < n; i++)
        left += iov[i].iov_len;
    while (left) {
        struct msghdr m = {.msg_iov = part, .msg_iovlen = (size_t)sg_batch(sg, left, part, 4)};
        ssize_t done = send_some(c, &m);
        if (done < 0 && errno != EINTR)
            return false;
        if (done > 0) {
            sg = sg_skip(sg, (uint64_t)done);
            left -= (uint64_t)done;
        }
    }
    return true;
}

/* --- TLS --- */
bool nbd_wants_tls(void)
{
    return server.how.tls != NULL;
}

static void tell_failure(struct error *take_err)
{
    mutex_lock(&server.lock);
    unsigned n = ++server.tls_failures;
    mutex_unlock(&server.lock);
    if (n <= MAX_WARNINGS)
        log_warn("NBD server: a client was turned away: %s", error_text(take_err));
    error_free(take_err);
}

bool nbd_start_tls(struct nbd_conn *c)
{
    struct error *err = NULL;
    struct tls *t = tls_new(server.how.tls, c->fd, &err);
    bool on = t;
    int ret = -1;

    while (on && ret) {
        short events;
        ret = tls_handshake(t, &events, &err);
        on = !ret || (errno == EAGAIN && wait_fd(c, events));
    }
    if (err)
        tell_failure(err);
    if (on)
        c->tls = t;
    else
        tls_free(t);
    return on;
}

/* --- exports --- */
uint16_t nbd_export_flags(const struct nbd_conn *c)
{
    static const unsigned changes = NBD_SEND_TRIM | NBD_SEND_WRITE_ZEROES | NBD_SEND_FAST_ZERO;
    unsigned f = NBD_HAS_FLAGS | NBD_SEND_FLUSH | NBD_SEND_FUA | NBD_SEND_CACHE;

    /* A flush reaches what all connections wrote; but who may have one only must not wait for two.
     */
    f |= server.how.max_connections == 1 ? 0 : NBD_CAN_MULTI_CONN;
    f |= c->export->writable ? changes : NBD_READ_ONLY;
    return (uint16_t)(f | (c->structured ? NBD_SEND_DF : 0));
}

struct nbd_export *nbd_export_get(struct nbd_conn *c, const char *name)
{
    struct nbd_export *e;

    mutex_lock(&server.lock);
    for (e = server.exports; e && strcmp(e->name, name); e = e->next)
        ;
    if (e && (e->closing || server.stopping))
        e = NULL;
    if (e)
        e->connections++;
    c->export = e;
    mutex_unlock(&server.lock);
    return e;
}

void nbd_export_put(struct nbd_conn *c)
{
    mutex_lock(&server.lock);
    if (c->export)
        c->export->connections--;
    c->export = NULL;
    cond_broadcast(&server.gone);
    mutex_unlock(&server.lock);
}

bool nbd_each_export(bool (*fn)(void *opaque, const struct nbd_export *e), void *opaque)
{
    bool ok = true;

    mutex_lock(&server.lock);
    for (struct nbd_export *e = server.exports; e && ok; e = e->next)
        ok = e->closing || fn(opaque, e);
    mutex_unlock(&server.lock);
    return ok;
}

static void add_context(struct nbd_export *e, enum nbd_context_kind kind, char *take_name,
                        struct block_bitmap *m)
{
    struct nbd_context x = {kind, take_name, m};

    g_array_append_val(e->contexts, x);
    if (m)
        bitmap_hold(m);
}

/* In the node or what is below it. */
static struct block_bitmap *find_bitmap(struct block_node *node, const char *name,
                                        struct error **errp)
{
    struct block_bitmap *m = NULL;

    for (struct block_node *b = node; b && !m; b = block_backing(b))
        m = bitmap_find(b, name, NULL);
    return m ? m : bitmap_find(node, name, errp);
}

static bool add_bitmaps(struct nbd_export *e, const char *const *names, struct error **errp)
{
    for (const char *const *p = names; p && *p; p++) {
        struct block_bitmap *m = find_bitmap(e->node, *p, errp);
        if (!m || !bitmap_check_free(m, errp))
            return false;
        if (e->contexts->len >= NBD_MAX_CONTEXTS) {
            error_set(errp, "an export offers at most %d bitmaps", NBD_MAX_CONTEXTS - 2);
            return false;
        }
        add_context(e, NBD_CTX_BITMAP, g_strdup_printf("qemu:dirty-bitmap:%s", *p), m);
    }
    return true;
}

static void export_free(struct nbd_export *e)
{
    for (guint i = 0; i < e->contexts->len; i++) {
        struct nbd_context *x = &g_array_index(e->contexts, struct nbd_context, i);
        if (x->bitmap)
            bitmap_release(x->bitmap);
        g_free(x->name);
    }
    g_array_unref(e->contexts);
    g_free(e->id);
    g_free(e->name);
    g_free(e->description);
    g_free(e);
}

static struct nbd_export *find_id(const char *id)
{
    struct nbd_export *e = server.exports;

    while (e && strcmp(e->id, id))
        e = e->next;
    return e;
}

/* Whether somebody else may write to it, too. */
static bool is_taken(const struct nbd_export_opts *o)
{
    const struct block_node *b = o->node;
    bool is_late = b->lock_pending || (b->file && b->file->lock_pending);

    return b->parents || (block_owner(b) && (!o->is_waiting || is_late));
}

static bool check_export(const struct nbd_export_opts *o, const char *name, struct error **errp)
{
    if (find_id(o->id))
        error_set(errp, "there is an export '%s' already", o->id);
    else if (nbd_export_by_name(name))
        error_set(errp, "there is an export of the name '%s' already", name);
    else if (strlen(name) > NBD_MAX_NAME ||
             (o->description && strlen(o->description) > NBD_MAX_NAME))
        error_set(errp, "the name and the description of an export have at most %d bytes",
                  NBD_MAX_NAME);
    else if (o->writable && block_read_only(o->node))
        error_set(errp, "'%s' is read-only, so that its export cannot be writable",
                  block_id(o->node));
    else if (o->writable && is_taken(o))
        error_set(errp, "'%s' is in use by %s: its export cannot be writable", block_id(o->node),
                  block_owner(o->node) ? block_owner(o->node) : "another node");
    else
        return true;
    return false;
}

bool nbd_export_add(const struct nbd_export_opts *o, struct error **errp)
{
    const char *name = o->name ? o->name : o->id;

    if (!check_export(o, name, errp))
        return false;
    struct nbd_export *e = g_new0(struct nbd_export, 1);
    e->id = g_strdup(o->id);
    e->name = g_strdup(name);
    e->description = g_strdup(o->description);
    e->node = o->node;
    e->writable = o->writable;
    e->writethrough = o->writethrough;
    e->contexts = g_array_new(FALSE, FALSE, sizeof(struct nbd_context));
    add_context(e, NBD_CTX_ALLOCATION, g_strdup("base:allocation"), NULL);
    if (o->allocation_depth)
        add_context(e, NBD_CTX_DEPTH, g_strdup("qemu:allocation-depth"), NULL);
    if (!add_bitmaps(e, o->bitmaps, errp)) {
        export_free(e);
        return false;
    }
    node_export(e->node, true, e->writable);
    mutex_lock(&server.lock);
    struct nbd_export **p = &server.exports;
    while (*p)
        p = &(*p)->next;
    *p = e;
    mutex_unlock(&server.lock);
    return true;
}

/* Cut the connections of e, or all (NULL), and wait until they are gone; requests that stalled with
 * the machine are given up. */
static void cut(struct nbd_export *e)
{
    mutex_lock(&server.lock);
    while (e ? e->connections : server.count) {
        for (struct nbd_conn *c = server.conns; c; c = c->next)
            if (!e || c->export == e)
                shutdown(c->fd, SHUT_RDWR);
        for (struct nbd_export *x = server.exports; x; x = x->next)
            if (!e || x == e) {
                mutex_unlock(&server.lock);
                block_cancel_stalled(x->node);
                mutex_lock(&server.lock);
            }
        cond_wait_until(&server.gone, &server.lock, monotonic_ns() + CANCEL_NS);
    }
    mutex_unlock(&server.lock);
}

static void remove_export(struct nbd_export *e)
{
    mutex_lock(&server.lock);
    e->closing = true;
    mutex_unlock(&server.lock);
    cut(e);
    mutex_lock(&server.lock);
    struct nbd_export **p = &server.exports;
    while (*p != e)
        p = &(*p)->next;
    *p = e->next;
    mutex_unlock(&server.lock);
    event_emit("BLOCK_EXPORT_DELETED", "{\"id\": \"%s\"}", e->id);
    struct block_node *node = e->node;
    bool writable = e->writable;
    export_free(e); /* bitmaps are the node's, which may go now */
    node_export(node, false, writable);
}

bool nbd_export_del(const char *id, bool hard, struct error **errp)
{
    struct nbd_export *e = find_id(id);

    if (!e) {
        error_set(errp, "no export '%s'", id);
        return false;
    }
    mutex_lock(&server.lock);
    unsigned users = e->connections;
    mutex_unlock(&server.lock);
    if (users && !hard) {
        error_set(errp, "export '%s' is still in use by %u connection%s; mode 'hard' cuts them", id,
                  users, users > 1 ? "s" : "");
        return false;
    }
    remove_export(e);
    return true;
}

const char *nbd_export_by_name(const char *name)
{
    for (struct nbd_export *e = server.exports; e; e = e->next)
        if (!strcmp(e->name, name))
            return e->id;
    return NULL;
}

void nbd_export_foreach(void (*fn)(const struct nbd_export_info *e, void *opaque), void *opaque)
{
    for (struct nbd_export *e = server.exports; e; e = e->next) {
        struct nbd_export_info i = {e->id, e->name, block_node_name(e->node), e->closing};
        fn(&i, opaque);
    }
}

/* --- connections --- */
static void wake(void)
{
    uint64_t one = 1;

    if (server.wake_fd >= 0 && write(server.wake_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        log_warn("NBD server: waking its thread: %s", g_strerror(errno));
}

static void conn_open(struct nbd_conn *c)
{
    int64_t seconds = server.how.handshake_seconds;

    c->deadline_ns = seconds ? monotonic_ns() + seconds * NS_PER_S : INT64_MAX;
    c->next = server.conns;
    server.conns = c;
    server.count++;
}

/* Whether c was the last that had chosen an export. */
static bool conn_close(struct nbd_conn *c, bool served)
{
    bool others = false;

    mutex_lock(&server.lock);
    struct nbd_conn **p = &server.conns;
    while (*p != c)
        p = &(*p)->next;
    *p = c->next;
    for (struct nbd_conn *o = server.conns; o; o = o->next)
        others |= o->export != NULL;
    tls_free(c->tls);
    close(c->fd);
    server.count--;
    cond_broadcast(&server.gone);
    mutex_unlock(&server.lock);
    wake();
    g_free(c);
    return served && !others;
}

static void serve(struct nbd_conn *c)
{
    bool served = nbd_handshake(c);
    void (*idle)(void *opaque) = server.how.idle;
    void *opaque = server.how.opaque;

    if (served) {
        c->deadline_ns = INT64_MAX;
        nbd_session(c);
        if (c->tls)
            tls_bye(c->tls);
    }
    nbd_export_put(c);
    if (conn_close(c, served) && idle)
        idle(opaque);
}

static void *conn_thread(void *opaque)
{
    pthread_detach(pthread_self());
    serve(opaque);
    return NULL;
}

void nbd_serve(int take_fd)
{
    struct nbd_conn *c = g_new0(struct nbd_conn, 1);

    c->fd = take_fd;
    mutex_lock(&server.lock);
    conn_open(c);
    mutex_unlock(&server.lock);
    serve(c);
}

static void accept_one(int listening)
{
    int one = 1, fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* fails on UNIX sockets */
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
    struct nbd_conn *c = g_new0(struct nbd_conn, 1);
    c->fd = fd;
    mutex_lock(&server.lock);
    conn_open(c);
    mutex_unlock(&server.lock);
    thread_start("nbd", conn_thread, c);
}

static bool is_full(void)
{
    return server.how.max_connections && server.count >= server.how.max_connections;
}

/* While all places are taken, peers wait in the socket's own queue. */
static void *accept_thread(void *unused UNUSED)
{
    struct pollfd p[MAX_SOCKETS + 1] = {{.fd = server.wake_fd, .events = POLLIN}};
    uint64_t n;

    for (int i = 0; i < server.nfds; i++)
        p[i + 1] = (struct pollfd){.fd = server.fd[i], .events = POLLIN};
    for (;;) {
        mutex_lock(&server.lock);
        bool stop = server.stopping, full = is_full();
        mutex_unlock(&server.lock);
        if (stop)
            return NULL;
        if (poll(p, full ? 1 : (nfds_t)server.nfds + 1, -1) < 0)
            continue;
        if (p[0].revents && read(server.wake_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
            log_warn("NBD server: reading its eventfd: %s", g_strerror(errno));
        for (int i = 0; i < server.nfds && !full; i++)
            if (p[i + 1].revents && !is_full())
                accept_one(server.fd[i]);
    }
}

/* --- listening --- */
static bool listen_on(int fd, const char *what, struct error **errp)
{
    if (listen(fd, BACKLOG) == 0) {
        server.fd[server.nfds++] = fd;
        return true;
    }
    error_set(errp, "could not listen on '%s': %s", what, g_strerror(errno));
    close(fd);
    return false;
}

/* A socket that was left by somebody who is gone makes room. */
static bool bind_unix(int fd, const struct sockaddr_un *sa)
{
    if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0)
        return true;
    if (errno != EADDRINUSE)
        return false;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool stale = probe >= 0 && connect(probe, (const struct sockaddr *)sa, sizeof(*sa)) < 0 &&
                 errno == ECONNREFUSED;
    if (probe >= 0)
        close(probe);
    errno = EADDRINUSE;
    return stale && unlink(sa->sun_path) == 0 &&
           bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0;
}

static bool listen_unix(const char *path, struct error **errp)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};

    if (!*path || strlen(path) >= sizeof(sa.sun_path)) {
        error_set(errp, "'%s': the path of a socket has 1 to %zu bytes", path,
                  sizeof(sa.sun_path) - 1);
        return false;
    }
    g_strlcpy(sa.sun_path, path, sizeof(sa.sun_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind_unix(fd, &sa)) {
        server.path = g_strdup(path);
        return listen_on(fd, path, errp);
    }
    error_set(errp, "could not listen on '%s': %s", path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

static int bind_inet(const struct addrinfo *a)
{
    int one = 1, fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static bool listen_inet(const char *host, const char *port, struct error **errp)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM}, *list = NULL;
    g_autofree char *def = g_strdup_printf("%d", NBD_DEFAULT_PORT);
    g_autofree char *what = g_strdup_printf("%s:%s", host && *host ? host : "*", port ? port : def);
    int ret = getaddrinfo(host && *host ? host : NULL, port ? port : def, &hints, &list), why = 0;

    if (ret) {
        error_set(errp, "could not listen on '%s': %s", what, gai_strerror(ret));
        return false;
    }
    bool any = true;
    for (const struct addrinfo *a = list; a && any && server.nfds < MAX_SOCKETS; a = a->ai_next) {
        int fd = bind_inet(a);
        if (fd < 0)
            why = errno;
        else
            any = listen_on(fd, what, errp);
    }
    freeaddrinfo(list);
    if (any && !server.nfds)
        error_set(errp, "could not listen on '%s': %s", what, g_strerror(why));
    return any && server.nfds;
}

static bool listen_all(const struct nbd_listen *l, struct error **errp)
{
    if (l->path)
        return listen_unix(l->path, errp);
    if (l->fd >= 0)
        return listen_on(l->fd, "the socket that was passed", errp);
    return listen_inet(l->host, l->port, errp);
}

static void close_sockets(void)
{
    for (int i = 0; i < server.nfds; i++)
        close(server.fd[i]);
    server.nfds = 0;
    if (server.wake_fd >= 0)
        close(server.wake_fd);
    server.wake_fd = -1;
    if (server.path)
        unlink(server.path);
    g_clear_pointer(&server.path, g_free);
}

bool nbd_server_is_running(void)
{
    return server.running;
}

bool nbd_server_start(const struct nbd_listen *l, struct error **errp)
{
    if (server.running) {
        error_set(errp, "an NBD server is running already");
        return false;
    }
    server.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (server.wake_fd < 0)
        error_set(errp, "could not make an eventfd: %s", g_strerror(errno));
    if (server.wake_fd < 0 || !listen_all(l, errp)) {
        close_sockets();
        return false;
    }
    server.how = *l;
    if (l->tls)
        tls_creds_ref(l->tls);
    server.tls_failures = 0;
    server.stopping = false;
    server.running = true;
    server.thread = thread_start("nbd-accept", accept_thread, NULL);
    return true;
}

void nbd_server_stop(void)
{
    mutex_lock(&server.lock);
    server.stopping = true;
    mutex_unlock(&server.lock);
    if (server.running) {
        wake();
        pthread_join(server.thread, NULL);
    }
    cut(NULL);
    while (server.exports)
        remove_export(server.exports);
    close_sockets();
    tls_creds_put(server.how.tls);
    server.how.tls = NULL;
    server.running = server.stopping = false;
}
