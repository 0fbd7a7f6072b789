/*
 * Changed metadata goes to the medium in steps, each complete before the next begins, so that
 * wherever power fails the image is whole:
 *
 *   1. refcount blocks, then the refcount table that names them (then the header, if that table has
 * moved);
 *   2. L2 tables: by now the data, and the counts of the clusters that they name, are there;
 *   3. the L1 table (then the header, if it has moved);
 *   4. only now the clusters that nothing names any more are free.
 *
 * A cut leaves at most clusters that are counted and not used.  What is written is a copy made at
 * one moment, so requests go on meanwhile.
 */
#include "block/qcow2/qcow2_priv.h"

#include <errno.h>
#include <string.h>

/* Bytes for one place of the file. */
struct chunk {
    uint64_t off;
    size_t n;
    uint8_t *data;
};

struct change {
    GArray *rb, *l2;           /* struct chunk */
    struct chunk reftable, l1; /* n 0: unchanged */
    uint32_t rt[2], l1_range[2];
    struct header_places places;
    GArray *frees;
};

static void gather_cache(struct cache *c, GArray *out)
{
    for (GList *l = c->lru.head; l && c->dirty; l = l->next) {
        struct table *t = l->data;
        if (!t->dirty)
            continue;
        struct chunk one = {t->off, c->table_size, g_memdup2(t->data, c->table_size)};
        g_array_append_val(out, one);
        t->dirty = false;
        t->busy = true;
        c->dirty--;
    }
}

static struct chunk gather_words(uint64_t base, const uint64_t *words, uint32_t start, uint32_t end)
{
    struct chunk c = {base + (uint64_t)start * 8, (size_t)(end - start) * 8, NULL};

    if (start == end)
        return c;
    c.data = g_malloc(c.n);
    for (uint32_t i = start; i < end; i++)
        st_be64(c.data + (size_t)(i - start) * 8, words[i]);
    return c;
}

static void gather(struct qcow2 *q, struct change *g)
{
    g->rb = g_array_new(FALSE, FALSE, sizeof(struct chunk));
    g->l2 = g_array_new(FALSE, FALSE, sizeof(struct chunk));
    gather_cache(&q->rb, g->rb);
    gather_cache(&q->l2, g->l2);
    g->reftable = gather_words(q->reftable_offset, q->reftable, q->rt_dirty_start, q->rt_dirty_end);
    g->l1 = gather_words(q->l1_offset, q->l1, q->l1_dirty_start, q->l1_dirty_end);
    g->rt[0] = q->rt_dirty_start;
    g->rt[1] = q->rt_dirty_end;
    g->l1_range[0] = q->l1_dirty_start;
    g->l1_range[1] = q->l1_dirty_end;
    q->rt_dirty_start = q->rt_dirty_end = q->l1_dirty_start = q->l1_dirty_end = 0;
    g->places =
        (struct header_places){q->l1_offset, q->reftable_offset, q->l1_size, q->reftable_clusters};
    g->frees = q->frees;
    q->frees = g_array_new(FALSE, FALSE, sizeof(struct pending_free));
}

static int compare_chunks(const void *a, const void *b)
{
    uint64_t x = ((const struct chunk *)a)->off, y = ((const struct chunk *)b)->off;

    return x < y ? -1 : x > y;
}

static int write_chunks(struct block_node *b, GArray *chunks)
{
    int ret = 0;

    g_array_sort(chunks, compare_chunks);
    for (guint i = 0; !ret && i < chunks->len; i++) {
        const struct chunk *c = &g_array_index(chunks, struct chunk, i);
        ret = node_pwrite(b->file, c->data, c->n, c->off);
    }
    return ret;
}

/* All that was written before is on the medium. */
static int barrier(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);
    int ret = q->data ? node_flush(q->data) : 0;

    return ret ? ret : node_flush(b->file);
}

/* The header names other tables from now on. */
static int switch_places(struct block_node *b, struct header_places next)
{
    struct qcow2 *q = qcow2(b);
    struct header_places old = q->on_disk;
    int ret = barrier(b);

    if (ret)
        return ret;
    q->on_disk = next;
    ret = header_write(b);
    if (ret)
        q->on_disk = old;
    return ret;
}

static int write_refcounts(struct block_node *b, const struct change *g)
{
    struct qcow2 *q = qcow2(b);
    int ret = write_chunks(b, g->rb);

    if (!ret && g->reftable.n && g->rb->len)
        ret = barrier(b);
    if (!ret && g->reftable.n)
        ret = node_pwrite(b->file, g->reftable.data, g->reftable.n, g->reftable.off);
    if (ret || q->on_disk.reftable_offset == g->places.reftable_offset)
        return ret;
    struct header_places next = q->on_disk;
    next.reftable_offset = g->places.reftable_offset;
    next.reftable_clusters = g->places.reftable_clusters;
    return switch_places(b, next);
}

static int write_l1(struct block_node *b, const struct change *g)
{
    struct qcow2 *q = qcow2(b);
    int ret = barrier(b);

    if (!ret)
        ret = node_pwrite(b->file, g->l1.data, g->l1.n, g->l1.off);
    if (ret || q->on_disk.l1_offset == g->places.l1_offset)
        return ret;
    struct header_places next = q->on_disk;
    next.l1_offset = g->places.l1_offset;
    next.l1_size = g->places.l1_size;
    return switch_places(b, next);
}

static int write_all(struct block_node *b, const struct change *g)
{
    int ret = write_refcounts(b, g);

    if (!ret && g->l2->len)
        ret = barrier(b);
    if (!ret)
        ret = write_chunks(b, g->l2);
    if (!ret && g->l1.n)
        ret = write_l1(b, g);
    if (!ret && g->frees->len)
        ret = barrier(b);
    return ret;
}

static void settle_cache(struct cache *c, GArray *chunks, bool failed)
{
    for (guint i = 0; i < chunks->len; i++) {
        struct chunk *one = &g_array_index(chunks, struct chunk, i);
        struct table *t = g_hash_table_lookup(c->by_off, &one->off);
        if (t)
            t->busy = false;
        if (t && failed)
            cache_dirty(c, t);
        g_free(one->data);
    }
    g_array_unref(chunks);
}

static void widen(uint32_t *start, uint32_t *end, const uint32_t range[2])
{
    if (range[0] == range[1])
        return;
    *start = *start == *end ? range[0] : MIN(*start, range[0]);
    *end = MAX(*end, range[1]);
}

/* What could not be written is still to be written. */
static int settle(struct block_node *b, struct change *g, int ret)
{
    struct qcow2 *q = qcow2(b);

    settle_cache(&q->rb, g->rb, ret);
    settle_cache(&q->l2, g->l2, ret);
    if (ret) {
        widen(&q->rt_dirty_start, &q->rt_dirty_end, g->rt);
        widen(&q->l1_dirty_start, &q->l1_dirty_end, g->l1_range);
        g_array_append_vals(q->frees, g->frees->data, g->frees->len);
    } else {
        ret = pending_frees_apply(b, g->frees);
    }
    g_array_unref(g->frees);
    g_free(g->reftable.data);
    g_free(g->l1.data);
    return ret;
}

static bool is_clean(const struct qcow2 *q)
{
    return !q->rb.dirty && !q->l2.dirty && q->rt_dirty_start == q->rt_dirty_end &&
           q->l1_dirty_start == q->l1_dirty_end && !q->frees->len;
}

int qcow2_writeback(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);
    struct change g = {0};
    int ret;

    mutex_lock(&q->flush_lock);
    mutex_lock(&q->lock);
    bool is_done = is_clean(q) || q->is_corrupt;
    ret = q->is_corrupt ? -EIO : 0;
    if (!is_done)
        gather(q, &g);
    mutex_unlock(&q->lock);
    if (!is_done) {
        ret = write_all(b, &g);
        mutex_lock(&q->lock);
        ret = settle(b, &g, ret);
        mutex_unlock(&q->lock);
    }
    mutex_unlock(&q->flush_lock);
    return ret;
}

int qcow2_make_room(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);

    mutex_lock(&q->lock);
    bool is_full =
        q->l2.dirty > q->l2.limit / 2 || q->rb.dirty > q->rb.limit / 2 || q->frees->len > 65536;
    mutex_unlock(&q->lock);
    return is_full ? qcow2_writeback(b) : 0;
}

int qcow2_flush(struct block_node *b)
{
    int ret = qcow2_writeback(b);

    return ret ? ret : barrier(b);
}
