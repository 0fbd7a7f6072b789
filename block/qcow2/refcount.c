/* Reference counts of host clusters: reading, changing, finding free ones.  Ref: section "Host
 * cluster management". */
#include "block/qcow2/qcow2_priv.h"

#include <errno.h>
#include <string.h>

bool overlaps_tables(const struct qcow2 *q, uint64_t host, uint64_t bytes)
{
    uint64_t l1_end = q->l1_offset + align_up((uint64_t)q->l1_size * 8, q->cluster_size);
    uint64_t rt_end = q->reftable_offset + ((uint64_t)q->reftable_clusters << q->cluster_bits);

    return host < q->cluster_size || (host < l1_end && q->l1_offset < host + bytes) ||
           (host < rt_end && q->reftable_offset < host + bytes);
}

enum { MAX_SCAN = 1 << 28, MAX_BEYOND = 1 << 16 };

uint64_t refcount_max(const struct qcow2 *q)
{
    return q->refcount_order == 6 ? UINT64_MAX : (UINT64_C(1) << (1U << q->refcount_order)) - 1;
}

uint64_t refcount_load(const struct qcow2 *q, const uint8_t *data, uint64_t i)
{
    unsigned bits = 1U << q->refcount_order;

    switch (q->refcount_order) {
    case 4: return ld_be16(data + 2 * i);
    case 5: return ld_be32(data + 4 * i);
    case 6: return ld_be64(data + 8 * i);
    default: return data[i * bits / 8] >> (i * bits % 8) & ((1U << bits) - 1);
    }
}

void refcount_store(const struct qcow2 *q, uint8_t *data, uint64_t i, uint64_t count)
{
    unsigned bits = 1U << q->refcount_order, shift = i * bits % 8;
    uint8_t *p = data + i * bits / 8;

    switch (q->refcount_order) {
    case 4: st_be16(p, (uint16_t)count); break;
    case 5: st_be32(p, (uint32_t)count); break;
    case 6: st_be64(p, count); break;
    default: *p = (uint8_t)((*p & ~(((1U << bits) - 1) << shift)) | (unsigned)count << shift);
    }
}

/* The refcount block of a cluster; *t NULL when there is none. */
static int block_of(struct block_node *b, uint64_t cluster, struct table **t)
{
    struct qcow2 *q = qcow2(b);
    uint64_t i = cluster >> q->rb_bits, off;

    *t = NULL;
    if (i >= q->reftable_size || !(off = q->reftable[i] & ENTRY_OFFSET))
        return 0;
    if (cluster_offset(q, off) || off >= q->high_water)
        return qcow2_corrupt(
            b, "refcount block %" G_GUINT64_FORMAT " cannot be at offset %#" G_GINT64_MODIFIER "x",
            i, off);
    return cache_get(b, &q->rb, off, t);
}

int refcount_get(struct block_node *b, uint64_t cluster, uint64_t *count)
{
    struct qcow2 *q = qcow2(b);
    struct table *t;
    int ret = block_of(b, cluster, &t);

    *count = !ret && t ? refcount_load(q, t->data, cluster & (BIT64(q->rb_bits) - 1)) : 0;
    return ret;
}

static void reftable_dirty(struct qcow2 *q, uint32_t i)
{
    bool none = q->rt_dirty_start == q->rt_dirty_end;

    q->rt_dirty_start = none ? i : MIN(q->rt_dirty_start, i);
    q->rt_dirty_end = none ? i + 1 : MAX(q->rt_dirty_end, i + 1);
}

/* A refcount block for the clusters around `cluster`, which have none: they are all free, so it
 * takes one of them, `cluster` itself, and counts that. */
static int make_block(struct block_node *b, uint64_t cluster)
{
    struct qcow2 *q = qcow2(b);
    uint64_t i = cluster >> q->rb_bits;
    struct table *t = cache_new(&q->rb, cluster << q->cluster_bits);

    refcount_store(q, t->data, cluster & (BIT64(q->rb_bits) - 1), 1);
    cache_dirty(&q->rb, t);
    q->reftable[i] = cluster << q->cluster_bits;
    reftable_dirty(q, (uint32_t)i);
    q->high_water = MAX(q->high_water, (cluster + 1) << q->cluster_bits);
    return 0;
}

/* Write a larger refcount table at the first cluster that the present one cannot count, then point
 * the header at it. Its own blocks lie there, too. */
static int grow_reftable(struct block_node *b, uint64_t want)
{
    struct qcow2 *q = qcow2(b);
    uint64_t first = (uint64_t)q->reftable_size << q->rb_bits, per = q->cluster_size / 8;
    uint64_t size = align_up(MAX(want + want / 2, (uint64_t)q->reftable_size + 1), per);
    uint64_t old_off = q->reftable_offset, old_clusters = q->reftable_clusters, n = size / per;

    if (size * 8 > MAX_REFTABLE_BYTES)
        size = MAX_REFTABLE_BYTES / 8, n = MAX(1, size / per);
    if (want > size || (first + n + 2) >> q->rb_bits >= size ||
        (first + 1 + n) >> (63 - q->cluster_bits))
        return -EFBIG;
    uint64_t *table = g_try_new0(uint64_t, size);
    if (!table)
        return -ENOMEM;
    memcpy(table, q->reftable, q->reftable_size * sizeof(*table));
    g_free(q->reftable);
    q->reftable = table;
    q->reftable_size = (uint32_t)size;
    q->reftable_clusters = (uint32_t)n;
    make_block(b, first); /* it counts itself; the table follows */
    q->reftable_offset = (first + 1) << q->cluster_bits;
    int ret = 0;
    for (uint64_t c = first + 1; !ret && c <= first + n; c++)
        ret = refcount_set(b, c, 1);
    q->high_water = MAX(q->high_water, (first + n + 1) << q->cluster_bits);
    q->rt_dirty_start = 0; /* the whole table is written, and then the header: writeback.c */
    q->rt_dirty_end = q->reftable_size;
    clusters_free_later(q, old_off, old_clusters);
    return ret;
}

/* The refcount block of a cluster, made if there is none. */
static int need_block(struct block_node *b, uint64_t cluster, struct table **t)
{
    struct qcow2 *q = qcow2(b);
    uint64_t i = cluster >> q->rb_bits;
    int ret = i >= q->reftable_size ? grow_reftable(b, i + 1) : 0;

    if (!ret)
        ret = block_of(b, cluster, t);
    if (ret || *t)
        return ret;
    if (!i)
        return qcow2_corrupt(b, "there is no refcount block for the header's cluster");
    ret = make_block(b, cluster & ~(BIT64(q->rb_bits) - 1));
    return ret ? ret : block_of(b, cluster, t);
}

int refcount_set(struct block_node *b, uint64_t cluster, uint64_t count)
{
    struct qcow2 *q = qcow2(b);
    struct table *t;
    int ret = need_block(b, cluster, &t);

    if (ret)
        return ret;
    refcount_store(q, t->data, cluster & (BIT64(q->rb_bits) - 1), count);
    cache_dirty(&q->rb, t);
    if (!count)
        q->free_hint = MIN(q->free_hint, cluster);
    return 0;
}

static int add_one(struct block_node *b, uint64_t cluster, int delta)
{
    struct qcow2 *q = qcow2(b);
    uint64_t count;
    int ret = refcount_get(b, cluster, &count);

    if (ret)
        return ret;
    if (!count)
        return qcow2_corrupt(
            b, "cluster at %#" G_GINT64_MODIFIER "x is in use, but its reference count is 0",
            cluster << q->cluster_bits);
    if (delta > 0 && count == refcount_max(q))
        return -EOVERFLOW;
    if (delta < 0 && count == 1 && cluster_is_mapped(q, cluster << q->cluster_bits)) {
        cluster_park(q, cluster << q->cluster_bits);
        return 0;
    }
    if (delta < 0 && count == 1) { /* nobody's any more */
        cache_forget(&q->l2, cluster << q->cluster_bits);
        cache_forget(&q->rb, cluster << q->cluster_bits);
        if (q->packed_end && (q->packed_end - 1) >> q->cluster_bits == cluster)
            q->packed_end = 0;
    }
    return refcount_set(b, cluster, count + (uint64_t)(int64_t)delta);
}

int refcount_add(struct block_node *b, uint64_t off, uint64_t clusters, int delta)
{
    struct qcow2 *q = qcow2(b);
    uint64_t first = off >> q->cluster_bits;
    int ret = 0;

    for (uint64_t i = 0; !ret && i < clusters; i++)
        ret = add_one(b, first + i, delta);
    return ret;
}

/* Whether a cluster is free; one without a refcount block is, and gets one now, which may take that
 * very cluster. */
static int is_free(struct block_node *b, uint64_t cluster, bool *free)
{
    struct qcow2 *q = qcow2(b);
    struct table *t;
    int ret = need_block(b, cluster, &t);

    *free = !ret && !refcount_load(q, t->data, cluster & (BIT64(q->rb_bits) - 1));
    return ret;
}

/* The free clusters from `at` on, at most want. */
static int free_run(struct block_node *b, uint64_t at, uint64_t want, uint64_t *run)
{
    bool free = true;
    int ret = 0;

    for (*run = 0; !ret && *run < want; (*run)++) {
        ret = is_free(b, at + *run, &free);
        if (!free)
            break;
    }
    return ret;
}

static int take(struct block_node *b, uint64_t first, uint64_t n)
{
    struct qcow2 *q = qcow2(b);
    int ret = 0;

    if (overlaps_tables(q, first << q->cluster_bits, n << q->cluster_bits))
        return qcow2_corrupt(b, "clusters of the tables are counted as free");
    for (uint64_t i = 0; !ret && i < n; i++)
        ret = refcount_set(b, first + i, 1);
    if (first == q->free_hint)
        q->free_hint = first + n;
    return ret;
}

/*
 * Looking for free clusters ends: after MAX_SCAN used ones it goes on behind all that was ever
 * written, and where an image counts clusters far behind that as used, it is wrong.
 */
static int next_place(struct block_node *b, uint64_t *at, uint64_t steps)
{
    struct qcow2 *q = qcow2(b);
    uint64_t end = q->high_water >> q->cluster_bits;

    if (steps == MAX_SCAN)
        *at = MAX(*at, end);
    if (*at >= BIT64(56 - q->cluster_bits))
        return -EFBIG;
    return *at > end + MAX_BEYOND
               ? qcow2_corrupt(b, "clusters far behind the end of the file are counted as used")
               : 0;
}

int clusters_alloc(struct block_node *b, uint64_t want, uint64_t *off, uint64_t *got)
{
    struct qcow2 *q = qcow2(b);
    uint64_t at = q->free_hint;
    int ret = 0;

    *got = 0;
    for (uint64_t steps = 0;; at++, steps++) {
        ret = next_place(b, &at, steps);
        if (!ret)
            ret = free_run(b, at, want, got);
        if (ret)
            return ret;
        if (*got)
            break;
    }
    q->free_hint = at;
    *off = at << q->cluster_bits;
    return take(b, at, *got);
}

int clusters_alloc_run(struct block_node *b, uint64_t n, uint64_t *off)
{
    struct qcow2 *q = qcow2(b);
    uint64_t at = q->free_hint, run = 0;

    for (uint64_t steps = 0;; at += run + 1, steps++) {
        int ret = next_place(b, &at, steps);
        if (!ret)
            ret = free_run(b, at, n, &run);
        if (ret)
            return ret;
        if (run >= n)
            break;
    }
    *off = at << q->cluster_bits;
    q->high_water = MAX(q->high_water, (at + n) << q->cluster_bits);
    return take(b, at, n);
}

/* Compressed data follows the last when that ended inside a cluster and the rest of it, or of it
 * and the next ones, has room. */
int bytes_alloc(struct block_node *b, uint64_t n, uint64_t *off)
{
    struct qcow2 *q = qcow2(b);
    uint64_t used = q->packed_end ? cluster_offset(q, q->packed_end) : 0, count = 0;
    int ret = used ? refcount_get(b, q->packed_end >> q->cluster_bits, &count) : 0;
    uint64_t room = used ? q->cluster_size - used : 0;

    if (ret)
        return ret;
    if (room >= n && count && count < refcount_max(q)) {
        *off = q->packed_end;
        ret = refcount_add(b, cluster_floor(q, *off), 1, 1);
    } else {
        ret = clusters_alloc_run(b, clusters_of(q, n), off);
    }
    if (!ret && *off + n > BIT64(62 - (q->cluster_bits - 8)))
        ret = -EFBIG; /* an entry of the L2 table has no more bits for it */
    q->packed_end = ret ? 0 : *off + n;
    return ret;
}

void clusters_free_later(struct qcow2 *q, uint64_t off, uint64_t clusters)
{
    struct pending_free f = {off, clusters};
    struct pending_free *last =
        q->frees->len ? &g_array_index(q->frees, struct pending_free, q->frees->len - 1) : NULL;

    if (last && last->off + (last->clusters << q->cluster_bits) == off)
        last->clusters += clusters;
    else if (clusters)
        g_array_append_val(q->frees, f);
}

static int free_one(struct block_node *b, uint64_t off)
{
    struct qcow2 *q = qcow2(b);
    uint64_t count;
    int ret = refcount_get(b, off >> q->cluster_bits, &count);

    if (!ret && count == 1 && !cluster_is_mapped(q, off)) /* before anybody else can get it */
        (void)!node_discard(b->file, off, q->cluster_size);
    return ret ? ret : refcount_add(b, off, 1, -1);
}

int pending_frees_apply(struct block_node *b, GArray *frees)
{
    struct qcow2 *q = qcow2(b);
    int ret = 0;

    for (guint i = 0; i < frees->len; i++) {
        const struct pending_free *f = &g_array_index(frees, struct pending_free, i);
        for (uint64_t c = 0; c < f->clusters; c++) {
            int one = free_one(b, f->off + (c << q->cluster_bits));
            ret = ret ? ret : one;
        }
    }
    return ret;
}
