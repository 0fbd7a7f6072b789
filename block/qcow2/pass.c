/*
 * Requests that the host's kernel can do as they are: data in one piece, where it is to stay, goes
 * to the file's own queue without a worker thread.
 *
 * Nothing here may block.  What would have to wait (for a table, a lock, a range that others hold)
 * is left to the worker threads.
 */
#include "block/qcow2/qcow2_priv.h"

/* A request for the file that has the data, for one for the image. */
struct passed {
    struct block_req req;
    struct block_node *b;    /* the image */
    struct block_req *whole; /* what was asked of it, or of a node above */
    struct range hold;
};

static void passed_done(struct block_req *req, int ret)
{
    struct passed *p = req->opaque;
    struct block_req *whole = p->whole;

    ranges_drop(&qcow2(p->b)->ranges, &p->hold);
    g_free(p);
    block_finish(whole, ret);
}

/* Whether the data lies in one piece, as tables in memory say; where.  Range held. */
static bool find_place(struct block_node *b, const struct block_req *req, uint64_t off,
                       uint64_t *host)
{
    struct qcow2 *q = qcow2(b);
    struct extent e;

    if (!mutex_try_lock(&q->lock))
        return false;
    bool ok = !q->is_corrupt && is_l2_cached(b, off) && !extent_find(b, off, req->bytes, &e) &&
              e.type == EXT_DATA && e.bytes >= req->bytes;
    if (ok && req->op == BLOCK_WRITE)
        ok = e.is_copied && !qcow2_check_host(b, e.host, req->bytes);
    mutex_unlock(&q->lock);
    *host = ok ? e.host : 0;
    return ok;
}

bool qcow2_submit(struct block_node *b, struct block_req *req, uint64_t off)
{
    struct block_node *file = qcow2_data_file(b);
    bool is_transfer = req->op == BLOCK_READ || req->op == BLOCK_WRITE,
         is_through = (b->flags | req->node->flags) & BLOCK_WRITETHROUGH;
    uint64_t host = 0;

    if (!(file->flags & BLOCK_HAS_QUEUE) || !is_transfer || !req->bytes ||
        (req->op == BLOCK_WRITE && is_through))
        return false;
    struct passed *p = g_new(struct passed, 1);
    p->req = *req;
    p->req.node = file;
    p->req.done = passed_done;
    p->req.opaque = p;
    p->req.is_part = true;
    p->b = b;
    p->whole = req;
    if (ranges_try_take(&qcow2(b)->ranges, &p->hold, off, off + req->bytes, false)) {
        bool ok = find_place(b, req, off, &host);
        p->req.offset = host;
        if (ok && file->drv->submit(file, &p->req, host))
            return true;
        ranges_drop(&qcow2(b)->ranges, &p->hold);
    }
    g_free(p);
    return false;
}
