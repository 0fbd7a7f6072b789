/* The guest's data: reading from wherever it lies, writing in place or to new clusters with the
 * rest copied. */
#include "block/qcow2/qcow2_priv.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

enum { COPY_UNIT = 1 << 18 }; /* bytes copied at once from a backing file */

struct block_node *qcow2_data_file(const struct block_node *b)
{
    const struct qcow2 *q = qcow2(b);

    return q->data ? q->data : b->file;
}

/* --- reading --- */
static int read_packed(struct block_node *b, const struct extent *e, uint64_t off, struct sg sg)
{
    struct qcow2 *q = qcow2(b);
    g_autofree uint8_t *in = g_try_malloc(e->packed_bytes), *out = g_try_malloc(q->cluster_size);

    if (!in || !out)
        return -ENOMEM;
    int ret = node_pread(b->file, in, e->packed_bytes, e->host);
    if (!ret)
        ret = qcow2_unpack(q->compression, in, e->packed_bytes, out, q->cluster_size);
    if (!ret)
        sg_fill(sg, out + cluster_offset(q, off), e->bytes);
    return ret;
}

static int read_extent(struct block_node *b, const struct extent *e, uint64_t off, struct sg sg)
{
    switch (e->type) {
    case EXT_NONE:
        if (off < vmstate_start(qcow2(b)))
            return node_read_backing(b, off, e->bytes, sg);
        sg_zero(sg, e->bytes); /* the machine's state: a backing file has none of it */
        return 0;
    case EXT_ZERO:
    case EXT_ZERO_ALLOCATED: sg_zero(sg, e->bytes); return 0;
    case EXT_DATA: return node_read(qcow2_data_file(b), e->host, e->bytes, sg);
    case EXT_COMPRESSED: return read_packed(b, e, off, sg);
    }
    return -EIO;
}

/* The range is held by the caller. */
static int read_held(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct qcow2 *q = qcow2(b);
    struct extent e;
    int ret = 0;

    for (; !ret && bytes; bytes -= e.bytes, off += e.bytes, sg = sg_skip(sg, e.bytes)) {
        mutex_lock(&q->lock);
        ret = extent_find(b, off, bytes, &e);
        mutex_unlock(&q->lock);
        if (!ret)
            ret = read_extent(b, &e, off, sg);
    }
    return ret;
}

int qcow2_read_at(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct qcow2 *q = qcow2(b);
    struct range hold;

    ranges_take(&q->ranges, &hold, off, off + bytes, false);
    int ret = read_held(b, off, bytes, sg);
    ranges_drop(&q->ranges, &hold);
    return ret;
}

/* --- writing --- */
/* A write of [off, end) that needs new clusters, or subclusters not used so far, in one L2 table.
 */
struct placing {
    uint64_t off, end;
    uint64_t start, stop; /* with what is copied around it */
    uint64_t host;        /* of the cluster of off */
    bool is_fresh;        /* nothing was ever there: it reads as zeros */
    bool in_place;        /* the cluster was there, only subclusters are new */
    bool keep_zeroes;     /* what lies around reads as zeros without a copy */
};

/* The guest must not write over the tables, whatever an image's entries say. */
int qcow2_check_host(struct block_node *b, uint64_t host, uint64_t bytes)
{
    struct qcow2 *q = qcow2(b);

    if (q->data)
        return 0;
    if (host >= q->high_water || bytes > q->high_water - host)
        return qcow2_corrupt(
            b,
            "the guest's data lies behind the end of the file, at host offset %#" G_GINT64_MODIFIER
            "x",
            host);
    if (overlaps_tables(q, host, bytes))
        return qcow2_corrupt(
            b,
            "the guest's data lies where the tables are, at host offset %#" G_GINT64_MODIFIER "x",
            host);
    return 0;
}

static bool is_in_place(const struct extent *e)
{
    return e->type == EXT_DATA && e->is_copied;
}

/* Whether all of the range may be written where it lies. */
static int all_in_place(struct block_node *b, uint64_t off, uint64_t bytes, bool *yes)
{
    struct extent e;
    int ret = 0;

    *yes = true;
    for (; !ret && bytes && *yes; bytes -= e.bytes, off += e.bytes) {
        ret = extent_find(b, off, bytes, &e);
        *yes = !ret && is_in_place(&e);
    }
    return ret;
}

/* How many whole clusters from off on need a new place as the first does. */
static int count_new(struct block_node *b, uint64_t off, uint64_t end, uint64_t *clusters)
{
    struct qcow2 *q = qcow2(b);
    struct table *t;
    int ret = l2_writable(b, off, &t);
    uint64_t at = cluster_floor(q, off), limit = MIN(end, (off | (l2_span(q) - 1)) + 1);

    for (*clusters = 0; !ret && at < limit; at += q->cluster_size, (*clusters)++) {
        struct l2_entry e = l2_get(q, t, at);
        if (e.word & ENTRY_COPIED && !(e.word & ENTRY_COMPRESSED) && entry_has_host(q, e.word) &&
            *clusters)
            break;
    }
    return ret;
}

/* Whether the part of the cluster at off that is not written has to be copied as data. */
static bool is_zero_around(struct block_node *b, uint64_t off, struct l2_entry e)
{
    struct qcow2 *q = qcow2(b);

    if (entry_has_host(q, e.word) || e.word & ENTRY_COMPRESSED)
        return q->version >= 3 && !q->has_subclusters && !(e.word & ENTRY_COMPRESSED) &&
               e.word & ENTRY_ZERO;
    return !b->backing || off >= vmstate_start(q) ||
           (q->version >= 3 && !q->has_subclusters && e.word & ENTRY_ZERO);
}

/* How far the copy reaches to the left of off, or to the right of end, both given by the cluster's
 * entry. */
static uint64_t copy_unit(const struct qcow2 *q, struct l2_entry e, bool in_place)
{
    bool whole = !q->has_subclusters ||
                 (!in_place && (entry_has_host(q, e.word) || e.word & ENTRY_COMPRESSED));

    return whole ? q->cluster_size : q->cluster_size / SUBCLUSTERS;
}

/* Subclusters that already hold data are not copied over. */
static void trim_in_place(const struct qcow2 *q, struct l2_entry e, struct placing *p)
{
    uint64_t unit = q->cluster_size / SUBCLUSTERS;

    if (e.bitmap >> (cluster_offset(q, p->start) / unit) & 1)
        p->start = p->off;
    if (e.bitmap >> (cluster_offset(q, p->stop - 1) / unit) & 1)
        p->stop = p->end;
}

static int find_host(struct block_node *b, struct placing *p, uint64_t clusters)
{
    struct qcow2 *q = qcow2(b);
    uint64_t got;

    if (q->data) {
        p->host = cluster_floor(q, p->off);
        p->end = MIN(p->end, p->host + (clusters << q->cluster_bits));
        return 0;
    }
    int ret = clusters_alloc(b, clusters, &p->host, &got);
    if (ret)
        return ret;
    p->end = MIN(p->end, cluster_floor(q, p->off) + (got << q->cluster_bits));
    p->is_fresh = p->host >= q->high_water;
    q->high_water = MAX(q->high_water, p->host + (got << q->cluster_bits));
    return 0;
}

/* Decide where [p->off, p->end) goes and what has to be copied; may shorten it.  Lock held. */
static int place(struct block_node *b, struct placing *p)
{
    struct qcow2 *q = qcow2(b);
    uint64_t clusters;
    struct table *t;
    int ret = count_new(b, p->off, p->end, &clusters);

    if (!ret)
        ret = l2_writable(b, p->off, &t);
    if (ret)
        return ret;
    struct l2_entry first = l2_get(q, t, p->off);
    p->in_place = first.word & ENTRY_COPIED && !(first.word & ENTRY_COMPRESSED) &&
                  entry_has_host(q, first.word);
    if (p->in_place) {
        p->host = first.word & ENTRY_OFFSET;
        p->end = MIN(p->end, cluster_floor(q, p->off) + q->cluster_size);
        ret = qcow2_check_host(b, p->host, q->cluster_size);
    } else {
        ret = find_host(b, p, clusters);
        if (!ret)
            ret = l2_writable(b, p->off, &t);
    }
    if (ret)
        return ret;
    struct l2_entry last = l2_get(q, t, p->end - 1);
    p->start = align_down(p->off, copy_unit(q, first, p->in_place));
    p->stop = align_up(p->end, copy_unit(q, last, p->in_place));
    if (p->in_place && q->has_subclusters)
        trim_in_place(q, first, p);
    p->keep_zeroes = p->is_fresh && !q->data && is_zero_around(b, p->off, first) &&
                     is_zero_around(b, p->off, last);
    return 0;
}

/* The data with what surrounds it, in one transfer. */
static int write_placed(struct block_node *b, const struct placing *p, struct sg sg)
{
    struct qcow2 *q = qcow2(b);
    uint64_t host = p->host + (p->off - cluster_floor(q, p->off)), head = p->off - p->start,
             tail = p->stop - p->end;

    if (p->keep_zeroes || !(head | tail))
        return node_write(qcow2_data_file(b), host, p->end - p->off, sg);
    g_autofree uint8_t *around = g_try_malloc(head + tail);
    g_autofree struct iovec *iov = g_try_new(struct iovec, sg.n + 2U);
    if (!around || !iov)
        return -ENOMEM;
    struct iovec tail_iov = {around + head, tail};
    int ret =
        head ? read_held(b, p->start, head, (struct sg){&(struct iovec){around, head}, 1, 0}) : 0;
    if (!ret && tail)
        ret = read_held(b, p->end, tail, (struct sg){&tail_iov, 1, 0});
    if (ret)
        return ret;
    iov[0] = (struct iovec){around, head};
    int n = sg_batch(sg, p->end - p->off, iov + 1, (int)sg.n);
    iov[n + 1] = tail_iov;
    return node_write(qcow2_data_file(b), host - head, p->stop - p->start,
                      (struct sg){iov, (unsigned)n + 2, 0});
}

static uint64_t sub_mask(const struct qcow2 *q, uint64_t cluster, const struct placing *p)
{
    uint64_t unit = q->cluster_size / SUBCLUSTERS;
    uint64_t from = p->start > cluster ? (p->start - cluster) / unit : 0;
    uint64_t to =
        p->stop < cluster + q->cluster_size ? (p->stop - cluster + unit - 1) / unit : SUBCLUSTERS;

    return (BIT64(to) - 1) & ~(BIT64(from) - 1);
}

/* The tables say now where the data is.  Lock held. */
static int link_placed(struct block_node *b, const struct placing *p)
{
    struct qcow2 *q = qcow2(b);
    uint64_t host = p->host;
    struct table *t;
    int ret = l2_writable(b, p->off, &t);

    for (uint64_t at = cluster_floor(q, p->off); !ret && at < p->end;
         at += q->cluster_size, host += q->cluster_size) {
        struct l2_entry old = l2_get(q, t, at), e = {host | ENTRY_COPIED, old.bitmap};
        if (q->has_subclusters) {
            uint64_t mask = sub_mask(q, at, p);
            if (old.word & ENTRY_COMPRESSED)
                e.bitmap = 0;
            e.bitmap = (e.bitmap | mask) & ~(mask << SUBCLUSTERS);
        }
        if (!p->in_place)
            entry_free_later(q, old);
        l2_put(q, t, at, e);
    }
    return ret;
}

static int write_new(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg,
                     uint64_t *done)
{
    struct qcow2 *q = qcow2(b);
    struct placing p = {.off = off, .end = off + bytes};

    mutex_lock(&q->lock);
    int ret = q->is_corrupt ? -EIO : place(b, &p);
    mutex_unlock(&q->lock);
    if (ret)
        return ret;
    ret = write_placed(b, &p, sg);
    mutex_lock(&q->lock);
    if (!ret)
        ret = link_placed(b, &p);
    if (ret && !p.in_place && !q->data)
        clusters_free_later(q, p.host, clusters_of(q, p.end - cluster_floor(q, p.off)));
    mutex_unlock(&q->lock);
    *done = p.end - off;
    return ret;
}

static int write_in_place(struct block_node *b, const struct extent *e, struct sg sg)
{
    struct qcow2 *q = qcow2(b);

    mutex_lock(&q->lock);
    int ret = q->is_corrupt ? -EIO : qcow2_check_host(b, e->host, e->bytes);
    mutex_unlock(&q->lock);
    return ret ? ret : node_write(qcow2_data_file(b), e->host, e->bytes, sg);
}

/* The range is held: exclusively, unless all of it is in place. */
static int write_held(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct qcow2 *q = qcow2(b);
    uint64_t done = 0;
    int ret = 0;

    for (; !ret && bytes; bytes -= done, off += done, sg = sg_skip(sg, done)) {
        struct extent e;
        mutex_lock(&q->lock);
        ret = extent_find(b, off, bytes, &e);
        mutex_unlock(&q->lock);
        if (ret)
            break;
        done = e.bytes;
        if (is_in_place(&e))
            ret = write_in_place(b, &e, sg);
        else
            ret = write_new(b, off, e.type == EXT_NONE || e.type == EXT_ZERO ? bytes : e.bytes, sg,
                            &done);
    }
    return ret;
}

/* Writes that overlap wait for each other only where clusters change their place. */
int qcow2_write_at(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct qcow2 *q = qcow2(b);
    struct range hold;
    bool in_place;
    int ret = qcow2_make_room(b);

    if (ret)
        return ret;
    ranges_take(&q->ranges, &hold, off, off + bytes, false);
    mutex_lock(&q->lock);
    ret = all_in_place(b, off, bytes, &in_place);
    mutex_unlock(&q->lock);
    if (!ret && in_place)
        ret = write_held(b, off, bytes, sg);
    ranges_drop(&q->ranges, &hold);
    if (ret || in_place)
        return ret;
    uint64_t end = align_up(off + bytes, q->cluster_size);
    ranges_take(&q->ranges, &hold, cluster_floor(q, off), end, true);
    ret = write_held(b, off, bytes, sg);
    ranges_drop(&q->ranges, &hold);
    return ret;
}

/* --- copy on read --- */
/* The image takes bytes from its backing file that it has not; the range, all of one extent, is
 * held exclusively.  Whole clusters of zeros need no place. */
static int copy_extent(struct block_node *b, uint64_t off, uint64_t bytes, void *buf)
{
    struct qcow2 *q = qcow2(b);
    struct iovec iov = {buf, bytes};
    bool is_whole = !(off & (q->cluster_size - 1)) &&
                    (!(bytes & (q->cluster_size - 1)) || off + bytes == q->disk_size);
    int ret = node_read_backing(b, off, bytes, (struct sg){&iov, 1, 0});

    if (ret)
        return ret;
    if (is_whole && q->version >= 3 && !q->data && buffer_is_zero(buf, bytes))
        return qcow2_zero_held(b, off, align_up(off + bytes, q->cluster_size));
    return write_held(b, off, bytes, (struct sg){&iov, 1, 0});
}

/* Through a buffer of our own: the guest may change its own while they are read into it. */
static int copy_up(struct block_node *b, uint64_t start, uint64_t end)
{
    struct qcow2 *q = qcow2(b);
    g_autofree void *buf = g_try_malloc(end - start);
    struct extent e = {0};
    struct range hold;
    int ret = buf ? qcow2_make_room(b) : -ENOMEM;

    if (ret)
        return ret;
    ranges_take(&q->ranges, &hold, start, align_up(end, q->cluster_size), true);
    for (uint64_t off = start; !ret && off < end; off += e.bytes) {
        mutex_lock(&q->lock);
        ret = extent_find(b, off, end - off, &e);
        mutex_unlock(&q->lock);
        if (!ret && e.type == EXT_NONE)
            ret = copy_extent(b, off, e.bytes, buf);
    }
    ranges_drop(&q->ranges, &hold);
    return ret;
}

/* Copy up what of [off, end) only the backing file has, clusters by clusters. */
static int copy_missing(struct block_node *b, uint64_t off, uint64_t end)
{
    struct qcow2 *q = qcow2(b);
    uint64_t unit = MAX(q->cluster_size, COPY_UNIT);
    struct extent e;
    int ret = 0;

    end = MIN(end, b->backing->size);
    while (!ret && off < end) {
        mutex_lock(&q->lock);
        ret = extent_find(b, off, end - off, &e);
        mutex_unlock(&q->lock);
        uint64_t stop = MIN(cluster_floor(q, off) + unit, off + e.bytes);
        if (!ret && e.type == EXT_NONE)
            ret = copy_up(b, cluster_floor(q, off),
                          MIN(align_up(stop, q->cluster_size), q->disk_size));
        off = e.type == EXT_NONE ? stop : off + e.bytes;
    }
    return ret;
}

int qcow2_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct qcow2 *q = qcow2(b);
    bool copies = b->flags & BLOCK_COPY_ON_READ && b->backing && !(b->flags & BLOCK_READ_ONLY);
    int ret = copies ? copy_missing(b, off, off + bytes) : 0;

    if (ret) { /* the guest wants to read, not to write */
        mutex_lock(&q->lock);
        bool is_told = q->is_copy_told;
        q->is_copy_told = true;
        mutex_unlock(&q->lock);
        if (!is_told)
            log_warn("copy-on-read=on: could not copy to '%s': %s; reads go on without", b->path,
                     g_strerror(-ret));
    }
    return qcow2_read_at(b, off, bytes, sg);
}

/* --- compressed writes: whole clusters, or the end of the disk --- */
static int link_packed(struct block_node *b, uint64_t off, const uint8_t *packed, size_t n)
{
    struct qcow2 *q = qcow2(b);
    struct table *t;
    uint64_t host;

    mutex_lock(&q->lock);
    int ret = q->is_corrupt ? -EIO : bytes_alloc(b, n, &host);
    mutex_unlock(&q->lock);
    if (!ret)
        ret = node_pwrite(b->file, packed, n, host);
    if (ret)
        return ret;
    mutex_lock(&q->lock);
    q->high_water = MAX(q->high_water, align_up(host + n, q->cluster_size));
    ret = l2_writable(b, off, &t);
    if (!ret) {
        entry_free_later(q, l2_get(q, t, off));
        l2_put(q, t, off, (struct l2_entry){packed_word(q, host, n), 0});
    }
    mutex_unlock(&q->lock);
    return ret;
}

static int write_packed(struct block_node *b, uint64_t off, uint64_t bytes, const void *buf)
{
    struct qcow2 *q = qcow2(b);
    g_autofree uint8_t *whole = g_try_malloc0(q->cluster_size),
                       *out = g_try_malloc(q->cluster_size);
    struct iovec iov = {(void *)(uintptr_t)buf, bytes};
    struct range hold;
    size_t n;

    if (!whole || !out)
        return -ENOMEM;
    memcpy(whole, buf, bytes);
    int ret = qcow2_pack(q->compression, whole, q->cluster_size, out, &n);
    if (ret == -ENOSPC) /* does not shrink */
        return qcow2_write_at(b, off, bytes, (struct sg){&iov, 1, 0});
    if (ret)
        return ret;
    ranges_take(&q->ranges, &hold, off, off + q->cluster_size, true);
    ret = link_packed(b, off, out, n);
    ranges_drop(&q->ranges, &hold);
    return ret;
}

int qcow2_write_compressed(struct block_node *b, uint64_t off, uint64_t bytes, const void *buf)
{
    struct qcow2 *q = qcow2(b);
    int ret = 0;

    if (q->data)
        return -ENOTSUP;
    if (cluster_offset(q, off) || (cluster_offset(q, bytes) && off + bytes != q->disk_size))
        return -EINVAL;
    for (uint64_t at = 0; !ret && at < bytes; at += q->cluster_size) {
        ret = qcow2_make_room(b);
        if (!ret)
            ret =
                write_packed(b, off + at, MIN(q->cluster_size, bytes - at), (const char *)buf + at);
    }
    return ret;
}
