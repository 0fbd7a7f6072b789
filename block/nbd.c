/*
 * Protocol NBD, by libnbd: nbd://HOST[:PORT]/EXPORT, nbd+unix:///EXPORT?socket=PATH and their older
 * spellings.
 *
 * libnbd runs one blocking command a connection at a time; where the server allows it there are
 * several connections, and a request takes one that is free.  Ref: the NBD protocol, libnbd(3).
 */
#include "block/block_priv.h"
#include "block/nbd_server.h"

#include "util/bits.h"
#include "util/tls.h"

#include <errno.h>
#include <glib.h>
#include <libnbd.h>
#include <string.h>

enum { MAX_CONNECTIONS = 4, MAX_PIECE = 16 << 20, MAX_ZERO = 1 << 30, DEFAULT_PORT = 10809 };

struct nbd {
    struct nbd_handle *conn[MAX_CONNECTIONS];
    bool busy[MAX_CONNECTIONS];
    unsigned n;
    struct mutex lock; /* a leaf: guards busy */
    struct cond freed;
};

/* Where to connect. */
struct place {
    char *host, *port, *path, *name, *uri; /* uri: all of it */
    struct tls_creds *tls;                 /* held; or NULL: without, or as the uri says */
};

static void place_clear(struct place *p)
{
    g_free(p->host);
    g_free(p->port);
    g_free(p->path);
    g_free(p->name);
    g_free(p->uri);
    tls_creds_put(p->tls);
}

/* nbd:HOST:PORT[:exportname=NAME], nbd:unix:PATH[:exportname=NAME] */
static bool parse_old(const char *text, struct place *p, struct error **errp)
{
    const char *name = strstr(text, ":exportname=");
    g_autofree char *rest = name ? g_strndup(text, name - text) : g_strdup(text);

    p->name = g_strdup(name ? name + strlen(":exportname=") : "");
    if (g_str_has_prefix(rest, "unix:")) {
        p->path = g_strdup(rest + 5);
        return true;
    }
    char *colon = strrchr(rest, ':');
    if (!colon || colon == rest || !colon[1]) {
        error_set(errp, "'nbd:%s': wanted nbd:HOST:PORT, nbd:unix:PATH or nbd://HOST/EXPORT", text);
        return false;
    }
    p->port = g_strdup(colon + 1);
    p->host = g_strndup(rest, colon - rest);
    return true;
}

static bool parse_path(const char *path, struct place *p, struct error **errp)
{
    if (g_str_has_prefix(path, "nbd:") && !g_str_has_prefix(path, "nbd://"))
        return parse_old(path + 4, p, errp);
    p->uri = g_strdup(path);
    return true;
}

static bool parse_tls(struct node_opts o, struct place *p, struct error **errp)
{
    const char *id = node_opt(o, "tls-creds", NULL), *host = node_opt(o, "tls-hostname", NULL);

    if (host && g_strcmp0(host, p->host)) {
        error_set(errp,
                  "tls-hostname=%s: the name in the server's certificate must be that of "
                  "server.host",
                  host);
        return false;
    }
    p->tls = id ? tls_creds_get(id, false, errp) : NULL;
    return !id || p->tls;
}

static bool parse_options(struct node_opts o, struct place *p, struct error **errp)
{
    p->path = g_strdup(node_opt(o, "server.path", node_opt(o, "path", NULL)));
    p->host = g_strdup(node_opt(o, "server.host", node_opt(o, "host", NULL)));
    p->port = g_strdup(node_opt(o, "server.port", node_opt(o, "port", NULL)));
    p->name = g_strdup(node_opt(o, "export", ""));
    node_opt(o, "server.type", NULL);
    if (p->path || p->host)
        return parse_tls(o, p, errp);
    error_set(errp, "driver=nbd wants server.host= and server.port=, or server.path=");
    return false;
}

int nbd_use_tls(struct nbd_handle *h, const struct tls_creds *tls)
{
    g_autofree char *keys = g_build_filename(tls->dir, "keys.psk", NULL);

    if (nbd_set_tls(h, LIBNBD_TLS_REQUIRE) < 0)
        return -1;
    if (tls->kind == TLS_PSK)
        return nbd_set_tls_psk_file(h, keys) < 0 ? -1 : nbd_set_tls_username(h, tls->username);
    return nbd_set_tls_certificates(h, tls->dir) < 0 ? -1
                                                     : nbd_set_tls_verify_peer(h, tls->verify_peer);
}

static int connect_place(struct nbd_handle *h, const struct place *p)
{
    g_autofree char *def = g_strdup_printf("%d", DEFAULT_PORT);

    if (p->uri)
        return nbd_connect_uri(h, p->uri);
    if (nbd_set_export_name(h, p->name) < 0 || (p->tls && nbd_use_tls(h, p->tls) < 0))
        return -1;
    return p->path ? nbd_connect_unix(h, p->path)
                   : nbd_connect_tcp(h, p->host, p->port ? p->port : def);
}

static bool add_connection(struct nbd *s, const char *path, const struct place *p,
                           struct error **errp)
{
    struct nbd_handle *h = nbd_create();

    if (h && nbd_add_meta_context(h, LIBNBD_CONTEXT_BASE_ALLOCATION) >= 0 &&
        connect_place(h, p) >= 0) {
        s->conn[s->n++] = h;
        return true;
    }
    error_set(errp, "could not connect to '%s': %s", path, nbd_get_error());
    if (h)
        nbd_close(h);
    return false;
}

static bool open_place(struct block_node *b, struct nbd *s, const struct place *p,
                       struct error **errp)
{
    if (!add_connection(s, b->path, p, errp))
        return false;
    int64_t size = nbd_get_size(s->conn[0]);
    if (size < 0) {
        error_set(errp, "'%s' does not tell its size: %s", b->path, nbd_get_error());
        return false;
    }
    if (nbd_is_read_only(s->conn[0]) == 1 && !(b->flags & BLOCK_READ_ONLY)) {
        if (!(b->flags & BLOCK_AUTO_READ_ONLY)) {
            error_set(errp, "the server of '%s' allows reading only: add readonly=on", b->path);
            return false;
        }
        b->flags |= BLOCK_READ_ONLY;
    }
    b->size = (uint64_t)size;
    while (s->n < MAX_CONNECTIONS && nbd_can_multi_conn(s->conn[0]) == 1)
        if (!add_connection(s, b->path, p, NULL))
            break;
    return true;
}

static bool nbd_open(struct block_node *b, struct node_opts o, struct error **errp)
{
    struct nbd *s = g_new0(struct nbd, 1);
    struct place p = {0};

    b->state = s;
    mutex_init(&s->lock);
    cond_init(&s->freed);
    bool ok = *b->path ? parse_path(b->path, &p, errp) : parse_options(o, &p, errp);
    if (ok && !*b->path) {
        g_free(b->path);
        b->path =
            p.path ? g_strdup_printf("nbd+unix:///%s?socket=%s", p.name, p.path)
                   : g_strdup_printf("nbd://%s:%s/%s", p.host, p.port ? p.port : "10809", p.name);
    }
    ok = ok && open_place(b, s, &p, errp);
    place_clear(&p);
    return ok;
}

static void nbd_close_node(struct block_node *b)
{
    struct nbd *s = b->state;

    for (unsigned i = 0; i < s->n; i++) {
        nbd_shutdown(s->conn[i], 0);
        nbd_close(s->conn[i]);
    }
    cond_fini(&s->freed);
    mutex_fini(&s->lock);
    g_free(s);
}

/* --- requests --- */
static unsigned take_connection(struct nbd *s)
{
    unsigned i;

    mutex_lock(&s->lock);
    for (;;) {
        for (i = 0; i < s->n && s->busy[i];)
            i++;
        if (i < s->n)
            break;
        cond_wait(&s->freed, &s->lock);
    }
    s->busy[i] = true;
    mutex_unlock(&s->lock);
    return i;
}

static void drop_connection(struct nbd *s, unsigned i)
{
    mutex_lock(&s->lock);
    s->busy[i] = false;
    cond_signal(&s->freed);
    mutex_unlock(&s->lock);
}

static int result(int ret)
{
    int why = ret < 0 ? nbd_get_errno() : 0;

    return ret >= 0 ? 0 : why ? -why : -EIO;
}

static int nbd_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct nbd *s = b->state;
    unsigned c = take_connection(s);
    struct iovec one;
    int ret = 0;

    for (; !ret && bytes && sg_batch(sg, MIN(bytes, MAX_PIECE), &one, 1) == 1;
         sg = sg_skip(sg, one.iov_len)) {
        ret = result(nbd_pread(s->conn[c], one.iov_base, one.iov_len, off, 0));
        off += one.iov_len;
        bytes -= one.iov_len;
    }
    drop_connection(s, c);
    return ret;
}

static int nbd_write(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct nbd *s = b->state;
    struct iovec one;
    int ret = 0;

    if (off + bytes > b->size) /* it does not grow */
        return -ENOSPC;
    unsigned c = take_connection(s);
    for (; !ret && bytes && sg_batch(sg, MIN(bytes, MAX_PIECE), &one, 1) == 1;
         sg = sg_skip(sg, one.iov_len)) {
        ret = result(nbd_pwrite(s->conn[c], one.iov_base, one.iov_len, off, 0));
        off += one.iov_len;
        bytes -= one.iov_len;
    }
    drop_connection(s, c);
    return ret;
}

static int nbd_write_zeroes(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap)
{
    struct nbd *s = b->state;
    int ret = 0;

    if (nbd_can_zero(s->conn[0]) != 1)
        return -ENOTSUP;
    if (off + bytes > b->size)
        return -ENOSPC;
    unsigned c = take_connection(s);
    for (uint64_t n; !ret && bytes; bytes -= n, off += n) {
        n = MIN(bytes, MAX_ZERO);
        ret = result(nbd_zero(s->conn[c], n, off, may_unmap ? 0 : LIBNBD_CMD_FLAG_NO_HOLE));
    }
    drop_connection(s, c);
    return ret;
}

static int nbd_discard(struct block_node *b, uint64_t off, uint64_t bytes)
{
    struct nbd *s = b->state;
    int ret = 0;

    if (nbd_can_trim(s->conn[0]) != 1)
        return -ENOTSUP;
    unsigned c = take_connection(s);
    for (uint64_t n; !ret && bytes; bytes -= n, off += n) {
        n = MIN(bytes, MAX_ZERO);
        ret = result(nbd_trim(s->conn[c], n, off, 0));
    }
    drop_connection(s, c);
    return ret;
}

/* Servers with several connections promise that a flush on one covers all. */
static int nbd_flush_node(struct block_node *b)
{
    struct nbd *s = b->state;

    if (b->flags & BLOCK_NO_FLUSH || nbd_can_flush(s->conn[0]) != 1)
        return 0;
    unsigned c = take_connection(s);
    int ret = result(nbd_flush(s->conn[c], 0));
    drop_connection(s, c);
    return ret;
}

/* The first extent that the server tells. */
static int on_extents(void *opaque, const char *context UNUSED, uint64_t off UNUSED,
                      uint32_t *entries, size_t n, int *error UNUSED)
{
    struct block_extent *e = opaque;

    if (n < 2 || !entries[0])
        return 0;
    e->bytes = MIN(e->bytes, entries[0]);
    e->data = !(entries[1] & LIBNBD_STATE_HOLE);
    e->zero = entries[1] & LIBNBD_STATE_ZERO;
    return 0;
}

static int nbd_map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    struct nbd *s = b->state;
    nbd_extent_callback fn = {.callback = on_extents, .user_data = e};

    e->has_offset = true;
    e->offset = off;
    e->path = b->path;
    e->bytes = MIN(bytes, MAX_ZERO);
    if (nbd_can_meta_context(s->conn[0], LIBNBD_CONTEXT_BASE_ALLOCATION) != 1)
        return 0;
    unsigned c = take_connection(s);
    int ret = nbd_block_status(s->conn[c], e->bytes, off, fn, LIBNBD_CMD_FLAG_REQ_ONE);
    drop_connection(s, c);
    return ret < 0 ? result(ret) : 0;
}

static const char *const nbd_schemes[] = {"nbd", "nbd+unix", "nbds", "nbds+unix", NULL};
static const char *const nbd_keys[] = {"server.type", "server.host",  "server.port", "server.path",
                                       "host",        "port",         "path",        "export",
                                       "tls-creds",   "tls-hostname", NULL};

const struct block_driver nbd_driver = {
    .name = "nbd",
    .is_protocol = true,
    .schemes = nbd_schemes,
    .keys = nbd_keys,
    .open = nbd_open,
    .close = nbd_close_node,
    .read = nbd_read,
    .write = nbd_write,
    .write_zeroes = nbd_write_zeroes,
    .discard = nbd_discard,
    .flush = nbd_flush_node,
    .map = nbd_map,
};
