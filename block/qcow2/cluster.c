/* From the guest's offsets to the host's: L1, L2 and what their entries say.  Ref: section "Cluster
 * mapping". */
#include "block/qcow2/qcow2_priv.h"

#include <errno.h>
#include <string.h>

void l1_dirty(struct qcow2 *q, uint32_t i)
{
    bool none = q->l1_dirty_start == q->l1_dirty_end;

    q->l1_dirty_start = none ? i : MIN(q->l1_dirty_start, i);
    q->l1_dirty_end = none ? i + 1 : MAX(q->l1_dirty_end, i + 1);
}

/* A longer L1 table in a new place; the header is written by the next writeback. */
int l1_grow(struct block_node *b, uint64_t entries)
{
    struct qcow2 *q = qcow2(b);
    uint64_t off, old = q->l1_offset, old_clusters = clusters_of(q, (uint64_t)q->l1_size * 8);

    if (entries <= q->l1_size)
        return 0;
    if (entries * 8 > MAX_L1_BYTES)
        return -EFBIG;
    int ret = clusters_alloc_run(b, clusters_of(q, entries * 8), &off);
    if (ret)
        return ret;
    q->l1 = g_renew(uint64_t, q->l1, entries);
    memset(q->l1 + q->l1_size, 0, (entries - q->l1_size) * 8);
    q->l1_size = (uint32_t)entries;
    q->l1_offset = off;
    q->l1_dirty_start = 0; /* all of it: writeback.c then writes the header, too */
    q->l1_dirty_end = q->l1_size;
    clusters_free_later(q, old, old_clusters);
    return 0;
}

struct l2_entry l2_get(const struct qcow2 *q, const struct table *t, uint64_t off)
{
    uint64_t i = off >> q->cluster_bits & (BIT64(q->l2_bits) - 1);
    const uint8_t *p = t->data + i * q->entry_size;

    return (struct l2_entry){ld_be64(p), q->has_subclusters ? ld_be64(p + 8) : 0};
}

void l2_put(struct qcow2 *q, struct table *t, uint64_t off, struct l2_entry e)
{
    uint64_t i = off >> q->cluster_bits & (BIT64(q->l2_bits) - 1);
    uint8_t *p = t->data + i * q->entry_size;

    st_be64(p, e.word);
    if (q->has_subclusters)
        st_be64(p + 8, e.bitmap);
    cache_dirty(&q->l2, t);
}

static int l1_entry(struct block_node *b, uint64_t off, uint64_t *entry)
{
    struct qcow2 *q = qcow2(b);
    uint64_t i = off >> (q->cluster_bits + q->l2_bits);

    *entry = i < q->l1_size ? q->l1[i] : 0;
    uint64_t table = *entry & ENTRY_OFFSET;
    if (cluster_offset(q, table) || table >= MAX(q->high_water, 1))
        return qcow2_corrupt(
            b, "L2 table %" G_GUINT64_FORMAT " cannot be at offset %#" G_GINT64_MODIFIER "x", i,
            table);
    return 0;
}

int l2_readable(struct block_node *b, uint64_t off, struct table **t)
{
    uint64_t entry;
    int ret = l1_entry(b, off, &entry);

    *t = NULL;
    return ret || !(entry & ENTRY_OFFSET) ? ret
                                          : cache_get(b, &qcow2(b)->l2, entry & ENTRY_OFFSET, t);
}

bool is_l2_cached(const struct block_node *b, uint64_t off)
{
    const struct qcow2 *q = qcow2(b);
    uint64_t i = off / l2_span(q), at = i < q->l1_size ? q->l1[i] & ENTRY_OFFSET : 0;

    return at && g_hash_table_lookup(q->l2.by_off, &at);
}

/* A new table, with the contents of the old one if there is one. */
static int new_l2(struct block_node *b, uint64_t off, uint64_t old, struct table **t)
{
    struct qcow2 *q = qcow2(b);
    g_autofree uint8_t *copy = NULL;
    uint64_t host;
    int ret = clusters_alloc_run(b, 1, &host);

    if (ret)
        return ret;
    if (old) {
        ret = cache_get(b, &q->l2, old, t);
        if (ret) {
            clusters_free_later(q, host, 1);
            return ret;
        }
        copy = g_memdup2((*t)->data, q->cluster_size);
    }
    *t = cache_new(&q->l2, host);
    if (old) {
        memcpy((*t)->data, copy, q->cluster_size);
        clusters_free_later(q, old, 1);
    }
    cache_dirty(&q->l2, *t);
    uint32_t i = (uint32_t)(off >> (q->cluster_bits + q->l2_bits));
    q->l1[i] = host | ENTRY_COPIED;
    l1_dirty(q, i);
    return 0;
}

int l2_writable(struct block_node *b, uint64_t off, struct table **t)
{
    struct qcow2 *q = qcow2(b);
    uint64_t entry;
    int ret = l1_grow(b, (off >> (q->cluster_bits + q->l2_bits)) + 1);

    if (!ret)
        ret = l1_entry(b, off, &entry);
    if (ret)
        return ret;
    if (entry & ENTRY_OFFSET && entry & ENTRY_COPIED)
        return cache_get(b, &q->l2, entry & ENTRY_OFFSET, t);
    return new_l2(b, off, entry & ENTRY_OFFSET, t);
}

void packed_place(const struct qcow2 *q, uint64_t word, uint64_t *host, uint64_t *bytes)
{
    unsigned x = 62 - (q->cluster_bits - 8);

    *host = word & (BIT64(x) - 1);
    *bytes = (((word & (ENTRY_COMPRESSED - 1)) >> x) + 1) * SECTOR - (*host & (SECTOR - 1));
}

uint64_t packed_word(const struct qcow2 *q, uint64_t host, uint64_t bytes)
{
    unsigned x = 62 - (q->cluster_bits - 8);

    return ENTRY_COMPRESSED | host | ((host + bytes - 1) / SECTOR - host / SECTOR) << x;
}

/* With an external data file, host offset 0 is a place like any other. */
bool entry_has_host(const struct qcow2 *q, uint64_t word)
{
    return word & ENTRY_OFFSET || (q->data && word & ENTRY_COPIED);
}

void entry_free_later(struct qcow2 *q, struct l2_entry e)
{
    uint64_t host, bytes;

    if (e.word & ENTRY_COMPRESSED) {
        packed_place(q, e.word, &host, &bytes);
        clusters_free_later(q, cluster_floor(q, host),
                            clusters_of(q, cluster_offset(q, host) + bytes));
    } else if (e.word & ENTRY_OFFSET && !q->data) {
        clusters_free_later(q, cluster_floor(q, e.word & ENTRY_OFFSET), 1);
    }
}

static enum extent_type sub_type(const struct qcow2 *q, struct l2_entry e, unsigned sub)
{
    bool has_host = entry_has_host(q, e.word);

    if (e.bitmap >> sub & 1)
        return has_host ? EXT_DATA : EXT_NONE;
    if (e.bitmap >> (sub + SUBCLUSTERS) & 1)
        return has_host ? EXT_ZERO_ALLOCATED : EXT_ZERO;
    return EXT_NONE;
}

static enum extent_type entry_type(const struct qcow2 *q, struct l2_entry e, unsigned sub)
{
    if (e.word & ENTRY_COMPRESSED)
        return EXT_COMPRESSED;
    if (q->has_subclusters)
        return sub_type(q, e, sub);
    if (q->version >= 3 && e.word & ENTRY_ZERO)
        return entry_has_host(q, e.word) ? EXT_ZERO_ALLOCATED : EXT_ZERO;
    return entry_has_host(q, e.word) ? EXT_DATA : EXT_NONE;
}

/* What lies at off, up to the end of its subcluster, or cluster. */
static int one_extent(struct block_node *b, const struct table *t, uint64_t off, struct extent *e)
{
    struct qcow2 *q = qcow2(b);
    struct l2_entry entry = l2_get(q, t, off);
    uint64_t unit = q->has_subclusters ? q->cluster_size / SUBCLUSTERS : q->cluster_size,
             in = cluster_offset(q, off);

    e->type = entry_type(q, entry, (unsigned)(in / unit));
    if (e->type == EXT_COMPRESSED) {
        packed_place(q, entry.word, &e->host, &e->packed_bytes);
        e->bytes = q->cluster_size - in;
        e->is_copied = false;
        return q->data ? qcow2_corrupt(b, "a compressed cluster beside an external data file") : 0;
    }
    uint64_t host = entry.word & ENTRY_OFFSET;
    if (cluster_offset(q, host))
        return qcow2_corrupt(b, "cluster at host offset %#" G_GINT64_MODIFIER "x is not aligned",
                             host);
    e->host = host + in;
    e->bytes = unit - in % unit;
    e->is_copied = entry.word & ENTRY_COPIED;
    return 0;
}

static bool continues(const struct extent *e, const struct extent *next)
{
    bool has_place = e->type == EXT_DATA || e->type == EXT_ZERO_ALLOCATED;

    return e->type == next->type && e->type != EXT_COMPRESSED && e->is_copied == next->is_copied &&
           (!has_place || e->host + e->bytes == next->host);
}

int extent_find(struct block_node *b, uint64_t off, uint64_t bytes, struct extent *e)
{
    struct qcow2 *q = qcow2(b);
    uint64_t table_end = (off | (l2_span(q) - 1)) + 1, end = MIN(off + bytes, table_end);
    struct extent next;
    struct table *t;
    int ret = l2_readable(b, off, &t);

    *e = (struct extent){.type = EXT_NONE, .bytes = end - off};
    if (ret || !t)
        return ret;
    ret = one_extent(b, t, off, e);
    while (!ret && off + e->bytes < end) {
        ret = one_extent(b, t, off + e->bytes, &next);
        if (ret || !continues(e, &next))
            break;
        e->bytes += next.bytes;
    }
    e->bytes = MIN(e->bytes, end - off);
    return ret;
}
