/*
 * The second part of a connection: requests and replies.
 *
 * This thread reads requests and submits them; a second one sends replies, so that a peer who does
 * not read them keeps nobody else waiting.  What is in flight is bounded in number and in bytes.
 * Ref: the NBD protocol, "Transmission phase", "Structured replies".
 */
#include "block/nbd_priv.h"
#include "util/bits.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum { MAX_IN_FLIGHT = 16, MAX_BYTES = 2 * NBD_MAX_DATA, HEAD = 28 };

struct session {
    struct nbd_conn *c;
    struct mutex lock; /* a leaf: guards all below */
    struct cond changed;
    struct reply *first, **last; /* to be sent */
    unsigned in_flight;          /* requests and replies */
    uint64_t bytes;              /* of their data */
    bool ended;                  /* no request will come */
};

/* A request from its arrival until its reply is sent. */
struct reply {
    struct block_req req;
    struct iovec iov;
    struct session *s;
    uint64_t cookie, offset;
    uint32_t len;
    uint16_t type, flags;
    bool is_hole; /* READ: all zeros, without data */
    bool is_fua_flush;
    int error; /* positive errno */
    uint8_t *data;
    size_t data_len; /* of what is sent */
    struct reply *next;
};

static uint32_t wire_error(int err)
{
    switch (err) {
    case 0:
    case EPERM:
    case EIO:
    case ENOMEM:
    case EINVAL:
    case ENOSPC:
    case EOVERFLOW:
    case ENOTSUP:
    case ESHUTDOWN: return (uint32_t)err;
    case EROFS: return EPERM;
    case EFBIG:
    case EDQUOT: return ENOSPC;
    default: return EIO;
    }
}

/* --- replies --- */
static void post(struct reply *r)
{
    struct session *s = r->s;

    mutex_lock(&s->lock);
    r->next = NULL;
    *s->last = r;
    s->last = &r->next;
    cond_broadcast(&s->changed);
    mutex_unlock(&s->lock);
}

static bool send_simple(struct nbd_conn *c, const struct reply *r)
{
    uint8_t h[16];
    struct iovec iov[2] = {{h, sizeof(h)}, {r->data, r->data_len}};

    st_be32(h, NBD_SIMPLE_MAGIC);
    st_be32(h + 4, wire_error(r->error));
    st_be64(h + 8, r->cookie);
    return nbd_send(c, iov, !r->error && r->type == NBD_CMD_READ ? 2 : 1);
}

/* One chunk: head, n bytes of `more`, then m of data. */
static bool send_chunk(struct nbd_conn *c, const struct reply *r, unsigned type, const void *more,
                       size_t n, const void *data, size_t m, bool done)
{
    uint8_t h[20];
    struct iovec iov[3] = {
        {h, sizeof(h)}, {(void *)(uintptr_t)more, n}, {(void *)(uintptr_t)data, m}};

    st_be32(h, NBD_STRUCTURED_MAGIC);
    st_be16(h + 4, done ? NBD_CHUNK_DONE : 0);
    st_be16(h + 6, (uint16_t)type);
    st_be64(h + 8, r->cookie);
    st_be32(h + 16, (uint32_t)(n + m));
    return nbd_send(c, iov, 3);
}

static bool send_error(struct nbd_conn *c, const struct reply *r)
{
    const char *text = g_strerror(r->error);
    size_t n = MIN(strlen(text), NBD_MAX_NAME);
    uint8_t b[6];

    st_be32(b, wire_error(r->error));
    st_be16(b + 4, (uint16_t)n);
    return send_chunk(c, r, NBD_CHUNK_ERROR, b, sizeof(b), text, n, true);
}

static bool send_read(struct nbd_conn *c, const struct reply *r)
{
    uint8_t b[12];

    st_be64(b, r->offset);
    st_be32(b + 8, r->len);
    if (r->is_hole)
        return send_chunk(c, r, NBD_CHUNK_HOLE, b, 12, NULL, 0, true);
    return send_chunk(c, r, NBD_CHUNK_DATA, b, 8, r->data, r->data_len, true);
}

/* r->data: for each context its id, the bytes that follow, and those. */
static bool send_status(struct nbd_conn *c, const struct reply *r)
{
    for (size_t at = 0; at < r->data_len;) {
        uint32_t n = ld_be32(r->data + at + 4);
        bool done = at + 8 + n == r->data_len;
        if (!send_chunk(c, r, NBD_CHUNK_STATUS, r->data + at, 4, r->data + at + 8, n, done))
            return false;
        at += 8 + n;
    }
    return true;
}

static bool send_reply(struct nbd_conn *c, const struct reply *r)
{
    if (!c->structured)
        return send_simple(c, r);
    if (r->error)
        return send_error(c, r);
    if (r->type == NBD_CMD_READ)
        return send_read(c, r);
    if (r->type == NBD_CMD_BLOCK_STATUS)
        return send_status(c, r);
    return send_chunk(c, r, NBD_CHUNK_NONE, NULL, 0, NULL, 0, true);
}

static uint32_t data_bytes(const struct reply *r)
{
    bool any = r->type == NBD_CMD_READ || r->type == NBD_CMD_WRITE || r->type == NBD_CMD_CACHE;

    return any ? r->len : 0;
}

static void release(struct reply *r)
{
    struct session *s = r->s;

    mutex_lock(&s->lock);
    s->in_flight--;
    s->bytes -= data_bytes(r);
    cond_broadcast(&s->changed);
    mutex_unlock(&s->lock);
    g_free(r->data);
    g_free(r);
}

static struct reply *next_reply(struct session *s)
{
    mutex_lock(&s->lock);
    while (!s->first && !(s->ended && !s->in_flight))
        cond_wait(&s->changed, &s->lock);
    struct reply *r = s->first;
    if (r) {
        s->first = r->next;
        if (!s->first)
            s->last = &s->first;
    }
    mutex_unlock(&s->lock);
    return r;
}

static void *sender(void *opaque)
{
    struct session *s = opaque;
    bool ok = true;
    struct reply *r;

    while ((r = next_reply(s))) {
        ok = ok && send_reply(s->c, r);
        if (!ok)
            shutdown(s->c->fd, SHUT_RDWR); /* the other thread sees the end */
        release(r);
    }
    return NULL;
}

/* --- block status --- */
static void put32(GByteArray *a, uint32_t v)
{
    uint8_t b[4];

    st_be32(b, v);
    g_byte_array_append(a, b, sizeof(b));
}

/* How long what is at off lasts, and what it is. */
static int extent_of(const struct nbd_export *e, const struct nbd_context *x, uint64_t off,
                     uint64_t bytes, uint64_t *n, uint32_t *state)
{
    struct block_extent m;

    if (x->kind == NBD_CTX_BITMAP) {
        *state = bitmap_run(x->bitmap, off, bytes, n);
        return 0;
    }
    int ret = block_map(e->node, NULL, off, bytes, &m);
    if (ret)
        return ret;
    *n = m.bytes;
    if (x->kind == NBD_CTX_DEPTH)
        *state = m.layer ? m.depth + 1 : 0;
    else
        *state = (m.data ? 0 : NBD_STATE_HOLE) | (m.zero ? NBD_STATE_ZERO : 0);
    return 0;
}

/* The extents of one context, equal neighbours as one. */
static int describe(const struct reply *r, const struct nbd_context *x, GByteArray *out)
{
    const struct nbd_export *e = r->s->c->export;
    unsigned max = r->flags & NBD_REQ_ONE ? 1 : NBD_MAX_EXTENTS, count = 0;
    uint64_t off = r->offset, end = off + r->len, run = 0, n;
    uint32_t last = 0, state = 0;

    while (off < end) {
        int ret = extent_of(e, x, off, end - off, &n, &state);
        if (ret)
            return ret;
        if (run && state != last) {
            put32(out, (uint32_t)run);
            put32(out, last);
            run = 0;
            if (++count == max)
                return 0;
        }
        last = state;
        run += n;
        off += n;
    }
    put32(out, (uint32_t)run);
    put32(out, last);
    return 0;
}

static int block_status(struct reply *r)
{
    struct nbd_conn *c = r->s->c;
    GByteArray *all = g_byte_array_new();
    int ret = 0;

    for (guint i = 0; i < c->export->contexts->len && !ret; i++) {
        if (!(c->contexts >> i & 1))
            continue;
        g_autoptr(GByteArray) one = g_byte_array_new();
        ret = describe(r, &g_array_index(c->export->contexts, struct nbd_context, i), one);
        put32(all, i + 1);
        put32(all, one->len);
        g_byte_array_append(all, one->data, one->len);
    }
    r->data_len = all->len;
    r->data = g_byte_array_free(all, FALSE);
    return -ret;
}

/* --- requests --- */
/* On a worker thread.  FUA: a flush follows. */
static void request_done(struct block_req *req, int ret)
{
    struct reply *r = req->opaque;
    bool sync = r->flags & NBD_FUA || r->s->c->export->writethrough;

    if (!ret && sync && !r->is_fua_flush &&
        (req->op == BLOCK_WRITE || req->op == BLOCK_WRITE_ZEROES || req->op == BLOCK_DISCARD)) {
        r->is_fua_flush = true;
        req->op = BLOCK_FLUSH;
        block_submit(r->s->c->export->node, req);
        return;
    }
    r->error = -ret;
    r->data_len = r->type == NBD_CMD_READ && !ret ? r->len : 0;
    post(r);
}

/* Whether all that is asked for is known to be zero: nothing need be read then. */
static bool is_hole(const struct reply *r)
{
    struct block_extent m;

    return r->s->c->structured && !(r->flags & NBD_DF) && r->len &&
           block_map(r->s->c->export->node, NULL, r->offset, r->len, &m) == 0 && m.zero &&
           m.bytes >= r->len;
}

/* 0, or what is wrong with a request as it stands. */
static int check(const struct reply *r)
{
    static const uint16_t known[] = {
        [NBD_CMD_READ] = NBD_DF | NBD_FUA,
        [NBD_CMD_WRITE] = NBD_FUA,
        [NBD_CMD_FLUSH] = NBD_FUA,
        [NBD_CMD_TRIM] = NBD_FUA,
        [NBD_CMD_CACHE] = NBD_FUA,
        [NBD_CMD_WRITE_ZEROES] = NBD_FUA | NBD_NO_HOLE | NBD_FAST_ZERO,
        [NBD_CMD_BLOCK_STATUS] = NBD_FUA | NBD_REQ_ONE,
    };
    const struct nbd_conn *c = r->s->c;
    uint64_t size = block_size(c->export->node);
    bool change =
        r->type == NBD_CMD_WRITE || r->type == NBD_CMD_TRIM || r->type == NBD_CMD_WRITE_ZEROES;

    if (r->type >= G_N_ELEMENTS(known) || r->type == NBD_CMD_DISC || r->flags & ~known[r->type])
        return EINVAL;
    if (change && !c->export->writable)
        return EPERM;
    if (r->type == NBD_CMD_FLUSH)
        return 0;
    if (r->offset > size || r->len > size - r->offset)
        return change ? ENOSPC : EINVAL;
    if ((r->type == NBD_CMD_READ || r->type == NBD_CMD_CACHE) && r->len > NBD_MAX_DATA)
        return EOVERFLOW;
    return r->type == NBD_CMD_BLOCK_STATUS && (!c->contexts || !r->len) ? EINVAL : 0;
}

static void submit(struct reply *r, enum block_op op)
{
    r->iov = (struct iovec){r->data, r->len};
    r->req = (struct block_req){.op = op,
                                .offset = r->offset,
                                .bytes = op == BLOCK_FLUSH ? 0 : r->len,
                                .iov = &r->iov,
                                .niov = op == BLOCK_READ || op == BLOCK_WRITE,
                                .keep_space = r->flags & NBD_NO_HOLE,
                                .only_fast = r->flags & NBD_FAST_ZERO,
                                .done = request_done,
                                .opaque = r};
    block_submit(r->s->c->export->node, &r->req);
}

static void read_data(struct reply *r)
{
    struct block_node *b = r->s->c->export->node;

    node_enter(b);
    r->is_hole = r->type == NBD_CMD_READ && is_hole(r);
    node_leave(b);
    if (!r->is_hole && r->len && !(r->data = g_try_malloc(r->len)))
        r->error = ENOMEM;
    if (r->is_hole || r->error || !r->len)
        post(r);
    else
        submit(r, BLOCK_READ);
}

static void execute(struct reply *r)
{
    struct block_node *b = r->s->c->export->node;

    switch (r->type) {
    case NBD_CMD_CACHE: /* read, for the caches on the way, but not sent */
    case NBD_CMD_READ: read_data(r); break;
    case NBD_CMD_WRITE: submit(r, BLOCK_WRITE); break;
    case NBD_CMD_FLUSH: submit(r, BLOCK_FLUSH); break;
    case NBD_CMD_TRIM: submit(r, BLOCK_DISCARD); break;
    case NBD_CMD_WRITE_ZEROES: submit(r, BLOCK_WRITE_ZEROES); break;
    default: /* NBD_CMD_BLOCK_STATUS */
        node_enter(b);
        r->error = block_status(r);
        node_leave(b);
        post(r);
    }
}

/* Wait for room. */
static void admit(struct session *s, struct reply *r)
{
    uint32_t bytes = data_bytes(r);

    mutex_lock(&s->lock);
    while (s->in_flight >= MAX_IN_FLIGHT || (s->in_flight && s->bytes + bytes > MAX_BYTES))
        cond_wait(&s->changed, &s->lock);
    s->in_flight++;
    s->bytes += bytes;
    mutex_unlock(&s->lock);
}

/* A write's data are read even if it will fail. */
static bool receive_data(struct nbd_conn *c, struct reply *r)
{
    if (r->type != NBD_CMD_WRITE)
        return true;
    if (r->len > NBD_MAX_DATA)
        return false; /* too much to skip in good faith */
    r->data = g_try_malloc(MAX(r->len, 1));
    if (r->data)
        return nbd_recv(c, r->data, r->len);
    r->error = ENOMEM;
    return nbd_skip(c, r->len);
}

static struct reply *parse(struct session *s, const uint8_t *h)
{
    struct reply *r = g_new0(struct reply, 1);

    r->s = s;
    r->flags = ld_be16(h + 4);
    r->type = ld_be16(h + 6);
    r->cookie = ld_be64(h + 8);
    r->offset = ld_be64(h + 16);
    r->len = ld_be32(h + 24);
    return r;
}

/* One request; false when the peer is gone, says goodbye or makes no sense. */
static bool next_request(struct session *s)
{
    uint8_t h[HEAD];

    if (!nbd_recv(s->c, h, sizeof(h)) || ld_be32(h) != NBD_REQUEST_MAGIC ||
        ld_be16(h + 6) == NBD_CMD_DISC)
        return false;
    struct reply *r = parse(s, h);
    admit(s, r);
    if (!receive_data(s->c, r)) {
        release(r);
        return false;
    }
    if (!r->error)
        r->error = check(r);
    if (r->error)
        post(r);
    else
        execute(r);
    return true;
}

void nbd_session(struct nbd_conn *c)
{
    struct session s = {.c = c, .last = &s.first};
    pthread_t thread;

    mutex_init(&s.lock);
    cond_init(&s.changed);
    thread = thread_start("nbd-send", sender, &s);
    while (next_request(&s))
        continue;
    mutex_lock(&s.lock);
    s.ended = true;
    cond_broadcast(&s.changed);
    mutex_unlock(&s.lock);
    pthread_join(thread, NULL);
    cond_fini(&s.changed);
    mutex_fini(&s.lock);
}
