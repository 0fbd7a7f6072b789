/* Other options for a node in use: blockdev-reopen. */
#include "block/block_priv.h"

#include <glib.h>

static bool is_below(const struct block_node *top, const struct block_node *b)
{
    for (; top; top = top->backing)
        if (top == b)
            return true;
    return false;
}

static bool check_backing(const struct block_node *b, const struct block_reopen *r,
                          struct error **errp)
{
    const struct block_node *now = r->backing;

    if (now == b->backing)
        return true;
    if (!b->drv->has_backing)
        error_set(errp, "node '%s' has format '%s', which has no backing file", b->name,
                  b->drv->name);
    else if (now && is_below(now, b))
        error_set(errp, "node '%s' would be its own backing file", b->name);
    else if (now && now->owner)
        error_set(errp, "node '%s' is in use by %s", now->name, now->owner);
    else if (now && !(now->flags & BLOCK_READ_ONLY))
        error_set(errp, "node '%s' is writable: wanted a read-only one as backing file", now->name);
    else
        return true;
    return false;
}

bool block_reopen_check(const struct block_node *b, const struct block_reopen *r,
                        struct error **errp)
{
    if (!node_check_idle(b, errp) || !check_backing(b, r, errp))
        return false;
    bool changes = !(b->flags & BLOCK_READ_ONLY) == r->read_only;
    if (changes && b->parents)
        error_set(errp, "node '%s' is in use by another node, which decides on read-only", b->name);
    else if (r->read_only && b->writable_exports)
        error_set(errp, "node '%s' has a writable export", b->name);
    else if (!r->read_only && !b->drv->write)
        error_set(errp, "node '%s' has format '%s', which is not written", b->name, b->drv->name);
    else
        return true;
    return false;
}

struct block_reopen block_reopen_now(const struct block_node *b)
{
    return (struct block_reopen){.read_only = b->flags & BLOCK_READ_ONLY,
                                 .unmap = b->flags & BLOCK_UNMAP,
                                 .no_flush = b->flags & BLOCK_NO_FLUSH,
                                 .detect_zeroes = b->detect_zeroes,
                                 .backing = b->backing};
}

/* A file is opened anew, a format's file is its affair. */
static bool set_read_only(struct block_node *b, bool read_only, struct error **errp)
{
    if (!(b->flags & BLOCK_READ_ONLY) == !read_only)
        return true;
    if (!b->drv->is_protocol)
        return node_set_read_only(b, read_only, errp);
    if (!b->drv->reopen) {
        error_set(errp, "node '%s': read-only cannot be changed with driver '%s'", b->name,
                  b->drv->name);
        return false;
    }
    int ret = node_flush(b);
    if (ret)
        error_set(errp, "could not flush '%s': %s", b->path, g_strerror(-ret));
    return !ret && b->drv->reopen(b, read_only, errp);
}

bool block_reopen(struct block_node *b, const struct block_reopen *r, struct error **errp)
{
    node_quiesce(b);
    bool ok = set_read_only(b, r->read_only, errp);
    if (ok) {
        block_set_discard(b, r->unmap);
        block_set_unsafe(b, r->no_flush);
        b->detect_zeroes = r->detect_zeroes;
        if (r->backing != b->backing)
            node_set_backing(b, r->backing);
    }
    node_resume(b);
    return ok;
}
