/* Disks by name: claiming, and running requests. */
#include "block/block.h"
#include "block/block_priv.h"

#include "core/device.h"
#include "util/bits.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static bool is_live(const struct block_node *wanted)
{
    for (const struct block_node *b = NULL; (b = block_next(b));)
        if (b == wanted)
            return true;
    return false;
}

bool block_attach(struct block_node *b, const char *owner, struct error **errp)
{
    if (b->owner) {
        error_set(errp, "drive '%s' is in use by '%s'", block_id(b), b->owner);
        return false;
    }
    if (b->parents) {
        error_set(errp, "node '%s' is in use by another node", b->name);
        return false;
    }
    if (b->writable_exports) {
        error_set(errp, "node '%s' is in use by a writable export", b->name);
        return false;
    }
    if (!node_check_idle(b, errp))
        return false;
    b->owner = g_strdup(owner);
    return true;
}

void block_set_slot(struct block_node *b, struct block_node **slot)
{
    b->slot = slot;
}

void block_detach(struct block_node *b)
{
    block_cancel_stalled(b);
    block_drain(b);
    g_clear_pointer(&b->owner, g_free);
    b->slot = NULL;
    node_settle(b);
}

static bool is_change(enum block_op op)
{
    return op == BLOCK_WRITE || op == BLOCK_DISCARD || op == BLOCK_WRITE_ZEROES;
}

static uint64_t buffer_bytes(const struct block_req *req)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < req->niov; i++)
        sum += req->iov[i].iov_len;
    return sum;
}

bool block_looks_like_format(const void *bytes, size_t n)
{
    g_autofree uint8_t *head = g_malloc0(PROBE_SIZE);

    memcpy(head, bytes, MIN(n, PROBE_SIZE));
    for (const struct block_driver *const *d = block_drivers; *d; d++)
        if ((*d)->probe && (*d)->probe(head, PROBE_SIZE))
            return true;
    return false;
}

static bool looks_like_format(const struct block_req *req)
{
    uint8_t head[PROBE_SIZE];
    size_t n = MIN(req->bytes, PROBE_SIZE);

    sg_read((struct sg){req->iov, req->niov, 0}, head, n);
    return block_looks_like_format(head, n);
}

static int check_req(const struct block_node *b, const struct block_req *req)
{
    bool has_data = req->op == BLOCK_READ || req->op == BLOCK_WRITE;
    uint64_t size = b->size;

    if (req->op == BLOCK_FLUSH)
        return 0;
    if (is_change(req->op) && b->flags & BLOCK_READ_ONLY)
        return -EROFS;
    if (req->offset > size || req->bytes > size - req->offset)
        return -EINVAL;
    if (has_data && buffer_bytes(req) < req->bytes)
        return -EINVAL;
    return b->is_guess && req->op == BLOCK_WRITE && !req->offset && looks_like_format(req) ? -EPERM
                                                                                           : 0;
}

static int write_data(struct block_node *b, const struct block_req *req)
{
    struct sg sg = {req->iov, req->niov, 0};

    if (b->detect_zeroes != BLOCK_ZEROES_OFF && sg_is_zero(sg, req->bytes))
        return node_write_zeroes(b, req->offset, req->bytes,
                                 b->detect_zeroes == BLOCK_ZEROES_UNMAP);
    return node_write(b, req->offset, req->bytes, sg);
}

static int change(struct block_node *b, const struct block_req *req)
{
    struct node_hook *h = b->hook;
    struct range hold;
    int ret;

    if (h && h->before)
        h->before(h, &hold, req->offset, req->bytes);
    if (req->op == BLOCK_WRITE)
        ret = write_data(b, req);
    else if (req->op == BLOCK_DISCARD)
        ret = node_discard(b, req->offset, req->bytes);
    else if (req->only_fast)
        ret = node_try_zeroes(b, req->offset, req->bytes, !req->keep_space);
    else
        ret = node_write_zeroes(b, req->offset, req->bytes, !req->keep_space);
    if (h && h->after)
        h->after(h, &hold, req->offset, req->bytes);
    return ret;
}

static int perform(struct block_node *b, const struct block_req *req)
{
    int ret = check_req(b, req);

    if (ret)
        return ret;
    if (req->op == BLOCK_READ)
        return node_read(b, req->offset, req->bytes, (struct sg){req->iov, req->niov, 0});
    if (req->op == BLOCK_FLUSH)
        return node_flush(b);
    ret = change(b, req);
    return ret || !(b->flags & BLOCK_WRITETHROUGH) ? ret : node_flush(b);
}

static void account(struct block_node *b, enum block_op op, uint64_t bytes, int64_t ns, bool failed)
{
    b->stats.ops[op] += !failed;
    b->stats.failed[op] += failed;
    b->stats.bytes[op] += failed ? 0 : bytes;
    b->stats.ns[op] += (uint64_t)ns;
}

/* After done() the request is the caller's again; only the node is touched. */
void block_finish(struct block_req *req, int ret)
{
    if (req->is_part) { /* the other request counts, and knows what to do about errors */
        req->done(req, ret);
        return;
    }
    struct block_node *b = req->node;
    enum block_op op = req->op;
    uint64_t bytes = req->bytes;
    int64_t start = req->start_ns;
    int failed = ret;

    bool waits = ret && !req->is_cancelled && ret != -EINVAL && ret != -EROFS && ret != -EPERM &&
                 policy_apply(b, req, &ret);
    if (!waits)
        req->done(req, ret);
    mutex_lock(&b->lock);
    account(b, op, bytes, monotonic_ns() - start, failed);
    if (!--b->in_flight)
        cond_broadcast(&b->idle);
    mutex_unlock(&b->lock);
}

void block_run(struct block_req *req)
{
    block_finish(req, req->is_cancelled ? -EIO : perform(req->node, req));
}

/* Whether what is to be done to the node is no more than what is to be done to its file. */
static bool may_pass(const struct block_node *b, const struct block_req *req)
{
    bool is_plain = req->op != BLOCK_WRITE || b->detect_zeroes == BLOCK_ZEROES_OFF;

    return (b->drv->through || b->drv->submit) && !b->hook && is_plain && !req->is_cancelled &&
           !check_req(b, req);
}

/* Whether somebody wants to know of its changes. */
static bool is_watched(const struct block_node *b)
{
    return b->bitmaps || block_write_threshold(b);
}

void block_start(struct block_req *req)
{
    struct block_node *b = req->node;
    uint64_t off = req->offset;

    if (may_pass(b, req)) {
        while (b->drv->through && !is_watched(b))
            b = b->drv->through(b, &off);
        if (!is_watched(b) && b->drv->submit && b->drv->submit(b, req, off))
            return;
    }
    pool_submit(req);
}

void block_submit(struct block_node *b, struct block_req *req)
{
    req->node = b;
    req->start_ns = monotonic_ns();
    req->is_cancelled = req->is_part = false;
    mutex_lock(&b->lock);
    bool is_held = node_hold_locked(b, req);
    b->in_flight += !is_held;
    mutex_unlock(&b->lock);
    if (is_held)
        return;
    if (b->throttle)
        throttle_submit(b->throttle, req);
    else
        block_start(req);
}

void block_get_stats(struct block_node *b, struct block_stats *out)
{
    mutex_lock(&b->lock);
    *out = b->stats;
    mutex_unlock(&b->lock);
}

void block_drain(struct block_node *b)
{
    if (b->throttle)
        throttle_release(b->throttle, b);
    mutex_lock(&b->lock);
    while (b->in_flight)
        cond_wait(&b->idle, &b->lock);
    mutex_unlock(&b->lock);
}

void block_drain_all(void)
{
    for (struct block_node *b = NULL; (b = block_next(b));)
        block_drain(b);
}

static bool prop_parse(void *field, const char *text, struct error **errp)
{
    struct block_node *b = block_find(text);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (b) {
        *(struct block_node **)field = b;
        return true;
    }
    for (const struct block_node *p = NULL; (p = block_next_root(p));)
        g_ptr_array_add(names, (gpointer)(uintptr_t)block_id(p));
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(text, (const char *const *)names->pdata);
    error_set(errp, "no drive '%s'", text);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    return false;
}

static void prop_print(const void *field, FILE *f)
{
    const struct block_node *b = *(struct block_node *const *)field;

    fprintf(f, "\"%s\"", b && is_live(b) ? block_id(b) : "");
}

/* Give up the claim, if it is ours; no request may reach its device later. */
static void prop_fini(void *field)
{
    struct block_node **b = field;

    if (*b && is_live(*b) && (*b)->slot == field)
        block_detach(*b);
    *b = NULL;
}

static bool prop_realize(const struct prop *p, struct device *dev, struct error **errp)
{
    struct block_node **slot = (struct block_node **)(void *)((char *)dev + p->off), *b = *slot;

    if (!b)
        return true;
    if (!block_attach(b, dev->id, errp))
        return false;
    b->slot = slot;
    return true;
}

const struct prop_kind prop_drive = {"drive", prop_parse, prop_print, prop_fini, prop_realize};
