/* Another size for the guest's disk, and places for clusters ahead of their use. */
#include "block/qcow2/qcow2_priv.h"

#include <errno.h>
#include <string.h>

/* One run of clusters inside an L2 table gets places; *done tells how far. */
static int preallocate_run(struct block_node *b, uint64_t off, uint64_t end, uint64_t *done)
{
    struct qcow2 *q = qcow2(b);
    uint64_t stop = MIN(end, (off | (l2_span(q) - 1)) + 1), host = off,
             got = clusters_of(q, stop - off);
    struct table *t;
    int ret = q->data ? 0 : clusters_alloc(b, got, &host, &got);

    if (!ret)
        ret = l2_writable(b, off, &t);
    for (uint64_t i = 0; !ret && i < got; i++, off += q->cluster_size, host += q->cluster_size) {
        entry_free_later(q, l2_get(q, t, off));
        l2_put(q, t, off,
               (struct l2_entry){host | ENTRY_COPIED, q->has_subclusters ? UINT32_MAX : 0});
    }
    if (!q->data)
        q->high_water = MAX(q->high_water, host);
    *done = off;
    return ret;
}

int qcow2_preallocate(struct block_node *b, uint64_t off, uint64_t bytes)
{
    struct qcow2 *q = qcow2(b);
    uint64_t end = off + bytes;
    int ret = 0;

    for (off = cluster_floor(q, off); !ret && off < end;) {
        ret = qcow2_make_room(b);
        mutex_lock(&q->lock);
        ret = ret ? ret : preallocate_run(b, off, end, &off);
        mutex_unlock(&q->lock);
    }
    return ret;
}

/* The file gets as long as the places need, and with falloc and full the host provides them. */
static bool extend_file(struct block_node *b, const char *prealloc, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    struct block_node *f = q->data ? q->data : b->file;
    uint64_t end = q->data ? q->disk_size : q->high_water;

    if (end <= f->size || !f->drv->resize)
        return true;
    return f->drv->resize(f, end, prealloc, errp);
}

/* What a longer backing file has there must not come to light. */
static int hide_backing(struct block_node *b, uint64_t old, uint64_t size)
{
    uint64_t end = b->backing ? MIN(size, b->backing->size) : 0;

    if (end <= old)
        return 0;
    return qcow2(b)->version < 3 ? -ENOTSUP : qcow2_zero_at(b, old, end - old, true);
}

static bool check_resize(struct block_node *b, uint64_t size, const char *prealloc,
                         struct error **errp)
{
    static const char *const ways[] = {"off", "metadata", "falloc", "full", NULL};
    struct qcow2 *q = qcow2(b);
    uint64_t limit = MIN((uint64_t)INT64_MAX - l2_span(q), MAX_L1_BYTES / 8 * l2_span(q));

    if (!g_strv_contains(ways, prealloc)) {
        const char *near = nearest_name(prealloc, ways);
        error_set(errp,
                  "preallocation=%s: wanted off, metadata, falloc or full; did you mean '%s'?",
                  prealloc, near ? near : "off");
        return false;
    }
    if (size > limit || size % SECTOR) {
        error_set(errp,
                  "'%s' cannot have %" G_GUINT64_FORMAT
                  " bytes: wanted a multiple of %d up to %" G_GUINT64_FORMAT,
                  b->path, size, SECTOR, limit);
        return false;
    }
    if (q->snapshots->len && (q->version < 3 || size < q->disk_size)) {
        error_set(errp, "'%s' has snapshots and cannot be made %s", b->path,
                  size < q->disk_size ? "smaller" : "larger in version 2 of the format");
        return false;
    }
    return true;
}

/* Larger: the L1 table first.  Smaller: what lies beyond goes, the tables stay. */
static int change_size(struct block_node *b, uint64_t old, uint64_t size)
{
    struct qcow2 *q = qcow2(b);
    int ret = 0;

    if (size < old) {
        uint64_t from = align_up(size, q->cluster_size);
        ret = from < old ? qcow2_forget_at(b, from, align_up(old, q->cluster_size) - from) : 0;
    }
    mutex_lock(&q->lock);
    if (!ret)
        ret = l1_grow(b, (size + l2_span(q) - 1) / l2_span(q));
    mutex_unlock(&q->lock);
    if (!ret)
        ret = qcow2_flush(b);
    if (ret)
        return ret;
    q->disk_size = size;
    b->size = size;
    ret = size > old ? hide_backing(b, old, size) : 0;
    if (!ret)
        ret = qcow2_flush(b);
    return ret ? ret : header_write(b);
}

bool qcow2_resize(struct block_node *b, uint64_t size, const char *prealloc, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    uint64_t old = q->disk_size;

    if (!check_resize(b, size, prealloc, errp))
        return false;
    int ret = change_size(b, old, size);
    if (!ret && q->data && size > q->data->size && q->data->drv->resize &&
        !q->data->drv->resize(q->data, size, "off", errp))
        return false;
    if (!ret && strcmp(prealloc, "off") && size > old)
        ret = qcow2_preallocate(b, old, size - old);
    if (!ret)
        ret = qcow2_flush(b);
    if (ret) {
        error_set(errp, "could not resize '%s': %s", b->path, g_strerror(-ret));
        return false;
    }
    return !strcmp(prealloc, "off") || extend_file(b, prealloc, errp);
}
