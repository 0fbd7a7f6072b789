/*
 * Rearranging nodes while requests come.
 *
 * Devices keep their pointer to a root for life.  What a root shows is changed by exchanging the
 * contents of two nodes (driver, children, names, path), while the users of either stay where they
 * are: the drive's name, the device, limits, policies, counters.  All here is for the main thread.
 */
#include "block/bitmap_priv.h"
#include "block/block_priv.h"

#include <errno.h>
#include <glib.h>

void node_quiesce(struct block_node *b)
{
    mutex_lock(&b->lock);
    b->quiesced++;
    mutex_unlock(&b->lock);
    block_drain(b);
}

void node_resume(struct block_node *b)
{
    struct block_req *list = NULL, *next;

    mutex_lock(&b->lock);
    if (!--b->quiesced) {
        list = b->held;
        b->held = NULL;
        b->last_held = NULL;
        cond_broadcast(&b->idle); /* for node_enter() */
    }
    mutex_unlock(&b->lock);
    for (; list; list = next) {
        next = list->next;
        block_submit(b, list);
    }
}

void node_enter(struct block_node *b)
{
    mutex_lock(&b->lock);
    while (b->quiesced)
        cond_wait(&b->idle, &b->lock);
    b->in_flight++;
    mutex_unlock(&b->lock);
}

void node_leave(struct block_node *b)
{
    mutex_lock(&b->lock);
    if (!--b->in_flight)
        cond_broadcast(&b->idle);
    mutex_unlock(&b->lock);
}

bool node_hold_locked(struct block_node *b, struct block_req *req)
{
    if (!b->quiesced)
        return false;
    req->next = NULL;
    if (b->last_held)
        b->last_held->next = req;
    else
        b->held = req;
    b->last_held = req;
    return true;
}

#define EXCHANGE(a, b)                                                                             \
    do {                                                                                           \
        __typeof__(a) exchange = (a);                                                              \
        (a) = (b);                                                                                 \
        (b) = exchange;                                                                            \
    } while (0)

static void exchange_flag(struct block_node *a, struct block_node *b, unsigned bit)
{
    unsigned in_a = a->flags & bit, in_b = b->flags & bit;

    a->flags = (a->flags & ~bit) | in_b;
    b->flags = (b->flags & ~bit) | in_a;
}

void node_exchange(struct block_node *a, struct block_node *b)
{
    uint64_t size = a->size;

    a->size = b->size;
    b->size = size;
    size = a->write_threshold;
    a->write_threshold = b->write_threshold;
    b->write_threshold = size;
    EXCHANGE(a->name, b->name);
    EXCHANGE(a->path, b->path);
    EXCHANGE(a->drv, b->drv);
    EXCHANGE(a->state, b->state);
    EXCHANGE(a->flags, b->flags);
    exchange_flag(a, b, BLOCK_WRITETHROUGH); /* those are the user's */
    exchange_flag(a, b, BLOCK_COPY_ON_READ);
    EXCHANGE(a->detect_zeroes, b->detect_zeroes);
    EXCHANGE(a->is_guess, b->is_guess);
    EXCHANGE(a->lock_pending, b->lock_pending);
    EXCHANGE(a->by_user, b->by_user);
    EXCHANGE(a->file, b->file);
    EXCHANGE(a->backing, b->backing);
    EXCHANGE(a->backing_path, b->backing_path);
    EXCHANGE(a->backing_format, b->backing_format);
    EXCHANGE(a->bitmaps, b->bitmaps);
    bitmaps_moved(a);
    bitmaps_moved(b);
    if (a->drv->moved)
        a->drv->moved(a);
    if (b->drv->moved)
        b->drv->moved(b);
}

void node_settle(struct block_node *b)
{
    bool is_held = b->by_user || b->id || b->owner || b->job || b->exports;

    b->refs = b->parents + is_held;
    if (b->refs)
        return;
    b->refs = 1;
    node_flush_last(b);
    node_unref(b);
}

void node_export(struct block_node *b, bool begins, bool writable)
{
    b->exports += begins ? 1U : -1U;
    b->writable_exports += !writable ? 0 : begins ? 1U : -1U;
    node_settle(b);
}

void node_set_backing(struct block_node *b, struct block_node *backing)
{
    struct block_node *old = b->backing;

    b->backing = backing;
    if (backing) {
        backing->parents++;
        node_settle(backing);
    }
    if (!old)
        return;
    old->parents--;
    node_settle(old);
}

static bool flush_all(struct block_node *b, struct error **errp)
{
    int ret = 0;

    for (int i = 0; i < 2 && !ret; i++) /* what the first round frees is written in the second */
        ret = node_flush(b);
    if (ret)
        error_set(errp, "could not flush '%s': %s", b->path, g_strerror(-ret));
    return !ret;
}

static bool keep_bitmaps(struct block_node *b, struct error **errp)
{
    int ret = b->drv->keep_bitmaps ? b->drv->keep_bitmaps(b) : 0;

    if (ret)
        error_set(errp, "could not save the dirty bitmaps of '%s': %s", b->path, g_strerror(-ret));
    return !ret;
}

static bool is_shared(const struct block_node *b)
{
    return b->parents > 1 || b->owner;
}

static bool reopen_file(struct block_node *b, bool read_only, struct error **errp)
{
    struct block_node *f = b->file;

    if (!f || f->file)
        return !f || node_set_read_only(f, read_only, errp);
    if (!f->drv->reopen || (read_only && is_shared(f)))
        return true;
    return !(f->flags & BLOCK_READ_ONLY) == !read_only || f->drv->reopen(f, read_only, errp);
}

bool node_set_read_only(struct block_node *b, bool read_only, struct error **errp)
{
    if (!(b->flags & BLOCK_READ_ONLY) == !read_only)
        return true;
    if (!read_only) {
        if (!reopen_file(b, false, errp) ||
            (b->drv->set_writable && !b->drv->set_writable(b, errp)))
            return false;
        b->flags &= ~(unsigned)BLOCK_READ_ONLY;
        return true;
    }
    if (!flush_all(b, errp) || !keep_bitmaps(b, errp))
        return false;
    b->flags |= BLOCK_READ_ONLY;
    (void)!reopen_file(b, true, NULL); /* others cannot share it then, that is all */
    return true;
}

bool node_check_idle(const struct block_node *b, struct error **errp)
{
    for (; b; b = b->backing)
        if (b->job) {
            error_set(errp, "node '%s' is in use by block job '%s'", b->name, b->job);
            return false;
        }
    return true;
}

bool block_check_idle(const struct block_node *b, struct error **errp)
{
    return node_check_idle(b, errp);
}

void block_name_drive(struct block_node *b, const char *name)
{
    g_free(b->id);
    b->id = g_strdup(name);
    node_settle(b);
}

struct block_node *node_image_below(const struct block_node *b)
{
    return b->drv == &overlay_driver ? b->file : b->backing;
}

struct block_node *node_overlay_of(struct block_node *top, const struct block_node *wanted)
{
    for (; top && top->backing != wanted; top = top->backing)
        ;
    return top;
}
