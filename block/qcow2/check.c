/*
 * Consistency: count every cluster that is named anywhere, compare with the reference counts, mend
 * what differs.
 *
 * The counts are built in memory, one word a cluster of the file.  Repair never touches data:
 * entries that name impossible places are dropped, counts are set right, and when the refcount
 * structure itself is unusable a new one is written behind the end of the file.
 */
#include "block/qcow2/qcow2_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct checker {
    struct block_node *b;
    struct block_check *r;
    unsigned fix;
    bool quiet, rebuild;
    uint32_t *count; /* by cluster */
    uint64_t n;      /* clusters of the file */
    uint64_t last; /* host offset of the data cluster before, in this L2 table: for fragmentation */
};

static void PRINTF(3, 4) say(struct checker *c, const char *kind, const char *fmt, ...)
{
    va_list ap;

    if (c->quiet)
        return;
    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s %s\n", kind, text);
}

/* Something is wrong; whether it is being mended. */
static bool wrong(struct checker *c)
{
    c->r->corruptions++;
    if (!(c->fix & BLOCK_FIX_ERRORS))
        return false;
    c->r->corruptions_fixed++;
    return true;
}

/* Count the clusters of [off, off + bytes); false when they cannot be there. */
static bool count(struct checker *c, uint64_t off, uint64_t bytes)
{
    struct qcow2 *q = qcow2(c->b);
    uint64_t first = off >> q->cluster_bits, last = (off + bytes - 1) >> q->cluster_bits;

    if (!bytes)
        return true;
    if (off + bytes < off || last >= c->n)
        return false;
    for (uint64_t i = first; i <= last; i++)
        if (c->count[i] < UINT32_MAX)
            c->count[i]++;
    return true;
}

/* One entry of an L2 table; false: it is to be dropped. */
static bool check_entry(struct checker *c, struct l2_entry e, bool is_active)
{
    struct qcow2 *q = qcow2(c->b);
    uint64_t host = e.word & ENTRY_OFFSET, bytes;

    if (e.word & ENTRY_COMPRESSED) {
        packed_place(q, e.word, &host, &bytes);
        bytes = MIN(bytes, host < c->n << q->cluster_bits ? (c->n << q->cluster_bits) - host : 0);
        c->r->allocated += is_active;
        c->r->compressed += is_active;
        c->r->fragmented += is_active;
        return bytes && count(c, cluster_floor(q, host), cluster_offset(q, host) + bytes);
    }
    if (!host || q->data) {
        c->r->allocated += is_active && q->data && entry_has_host(q, e.word);
        return true;
    }
    if (is_active) {
        c->r->allocated++;
        c->r->fragmented += c->last && host != c->last + q->cluster_size;
        c->last = host;
    }
    return !cluster_offset(q, host) && count(c, host, q->cluster_size);
}

static int check_l2(struct checker *c, uint64_t off, bool is_active)
{
    struct qcow2 *q = qcow2(c->b);
    struct table *t;
    int ret = cache_get(c->b, &q->l2, off, &t);

    c->last = 0;
    for (uint64_t i = 0; !ret && i < BIT64(q->l2_bits); i++) {
        struct l2_entry e = l2_get(q, t, i << q->cluster_bits);
        if (check_entry(c, e, is_active))
            continue;
        bool mend = wrong(c);
        say(c, mend ? "Repairing" : "ERROR",
            "entry %" PRIu64 " of the L2 table at %#" PRIx64 ": %#" PRIx64 " is no place for it", i,
            off, e.word);
        if (mend)
            l2_put(q, t, i << q->cluster_bits,
                   (struct l2_entry){q->version >= 3 && !q->has_subclusters, 0});
    }
    return ret;
}

/* The tables that an L1 table names; *changed when an entry was dropped. */
static int check_l1(struct checker *c, uint64_t *l1, uint32_t n, uint64_t off, bool is_active,
                    bool *changed)
{
    struct qcow2 *q = qcow2(c->b);
    int ret = 0;

    if (n && !count(c, off, (uint64_t)n * 8)) {
        wrong(c);
        say(c, "ERROR", "the L1 table at %#" PRIx64 " lies outside of the file", off);
    }
    for (uint32_t i = 0; !ret && i < n; i++) {
        uint64_t l2 = l1[i] & ENTRY_OFFSET;
        if (!l2)
            continue;
        if (!cluster_offset(q, l2) && count(c, l2, q->cluster_size)) {
            ret = check_l2(c, l2, is_active);
            continue;
        }
        bool mend = wrong(c);
        say(c, mend ? "Repairing" : "ERROR",
            "L2 table %" PRIu32 ": %#" PRIx64 " is no place for it", i, l2);
        if (mend)
            l1[i] = 0;
        *changed |= mend;
    }
    return ret;
}

static int check_active(struct checker *c)
{
    struct qcow2 *q = qcow2(c->b);
    bool changed = false;
    int ret = check_l1(c, q->l1, q->l1_size, q->l1_offset, true, &changed);

    if (changed) {
        q->l1_dirty_start = 0;
        q->l1_dirty_end = q->l1_size;
    }
    return ret;
}

static int check_snapshot(struct checker *c, const struct qsnapshot *s)
{
    g_autofree uint64_t *l1 = g_try_new0(uint64_t, s->l1_size + 1U);
    size_t bytes = (size_t)s->l1_size * 8;
    bool changed = false;
    int ret = l1 ? node_pread(c->b->file, l1, bytes, s->l1_offset) : -ENOMEM;

    if (ret)
        return ret;
    for (uint32_t i = 0; i < s->l1_size; i++)
        l1[i] = ld_be64(&l1[i]);
    ret = check_l1(c, l1, s->l1_size, s->l1_offset, false, &changed);
    if (ret || !changed)
        return ret;
    for (uint32_t i = 0; i < s->l1_size; i++)
        st_be64(&l1[i], l1[i]);
    return node_pwrite(c->b->file, l1, bytes, s->l1_offset);
}

/* Dirty bitmaps of other programs: a directory, tables, clusters.  Ref: section "Bitmaps". */
static int check_bitmap_table(struct checker *c, uint64_t off, uint32_t n)
{
    uint64_t word;
    int ret = 0;

    if (!count(c, off, (uint64_t)n * 8))
        return -EINVAL;
    for (uint32_t i = 0; !ret && i < n; i++) {
        ret = node_pread(c->b->file, &word, 8, off + (uint64_t)i * 8);
        word = ld_be64(&word) & ENTRY_OFFSET;
        if (!ret && word && !count(c, word, qcow2(c->b)->cluster_size))
            ret = -EINVAL;
    }
    return ret;
}

static int check_bitmaps(struct checker *c, const struct extension *e)
{
    uint64_t size = ld_be64(e->data + 8), off = ld_be64(e->data + 16);
    g_autofree uint8_t *dir = size <= MAX_EXTENSIONS * 16 ? g_try_malloc(size + 1) : NULL;
    int ret = dir ? node_pread(c->b->file, dir, size, off) : -EINVAL;

    if (!ret && !count(c, off, size))
        ret = -EINVAL;
    for (uint64_t at = 0; !ret && at + 24 <= size;) {
        ret = check_bitmap_table(c, ld_be64(dir + at), ld_be32(dir + at + 8));
        at += align_up(24 + (uint64_t)ld_be16(dir + at + 18) + ld_be32(dir + at + 20), 8);
    }
    if (ret == -EINVAL) {
        wrong(c);
        say(c, "ERROR", "the directory of dirty bitmaps is damaged");
        ret = 0;
    }
    return ret;
}

static int check_extensions(struct checker *c)
{
    struct qcow2 *q = qcow2(c->b);
    int ret = 0;

    for (guint i = 0; !ret && i < q->extensions->len; i++) {
        const struct extension *e = &g_array_index(q->extensions, struct extension, i);
        if (e->magic == EXT_BITMAPS && e->len >= 24 && q->autoclear & AUTOCLEAR_BITMAPS)
            ret = check_bitmaps(c, e);
    }
    return ret;
}

/* Take back what count() has counted, when the structure is about to be replaced. */
static void uncount(struct checker *c, uint64_t off, uint64_t bytes)
{
    struct qcow2 *q = qcow2(c->b);
    uint64_t first = off >> q->cluster_bits, last = (off + bytes - 1) >> q->cluster_bits;

    for (uint64_t i = first; off + bytes >= off && last < c->n && i <= last; i++)
        c->count[i]--;
}

static void uncount_structure(struct checker *c)
{
    struct qcow2 *q = qcow2(c->b);

    uncount(c, q->reftable_offset, (uint64_t)q->reftable_clusters << q->cluster_bits);
    for (uint32_t i = 0; i < q->reftable_size; i++) {
        uint64_t off = q->reftable[i] & ENTRY_OFFSET;
        if (off && !cluster_offset(q, off))
            uncount(c, off, q->cluster_size);
    }
}

/* The refcount structure counts itself; where it cannot, it has to be made anew. */
static void check_refcount_structure(struct checker *c)
{
    struct qcow2 *q = qcow2(c->b);

    if (!count(c, q->reftable_offset, (uint64_t)q->reftable_clusters << q->cluster_bits))
        c->rebuild = true;
    for (uint32_t i = 0; i < q->reftable_size; i++) {
        uint64_t off = q->reftable[i] & ENTRY_OFFSET;
        bool ok = !off || (!cluster_offset(q, off) && count(c, off, q->cluster_size) &&
                           c->count[off >> q->cluster_bits] == 1);
        if (ok)
            continue;
        c->rebuild = true;
        say(c, "ERROR", "refcount block %" PRIu32 ": %#" PRIx64 " is no place for it", i, off);
    }
    if (c->rebuild && wrong(c))
        uncount_structure(c);
}

/* --- comparing --- */
static int compare_one(struct checker *c, uint64_t i)
{
    uint64_t have;
    int ret = refcount_get(c->b, i, &have);

    if (have)
        c->r->image_end = (i + 1) << qcow2(c->b)->cluster_bits;
    if (ret || have == c->count[i])
        return ret;
    bool is_leak = have > c->count[i],
         mend = c->fix & (is_leak ? BLOCK_FIX_LEAKS : BLOCK_FIX_ERRORS);
    say(c,
        mend      ? "Repairing"
        : is_leak ? "Leaked"
                  : "ERROR",
        "cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu32, i, have, c->count[i]);
    *(is_leak ? &c->r->leaks : &c->r->corruptions) += 1;
    if (!mend)
        return 0;
    *(is_leak ? &c->r->leaks_fixed : &c->r->corruptions_fixed) += 1;
    if (c->count[i] > refcount_max(qcow2(c->b)))
        return -EOVERFLOW;
    return refcount_set(c->b, i, c->count[i]);
}

/* A new refcount table and its blocks, behind everything. */
static int rebuild(struct checker *c)
{
    struct qcow2 *q = qcow2(c->b);
    uint64_t per = BIT64(q->rb_bits), base = c->n, blocks = 1, table = 1, total;

    for (;;) {
        total = base + blocks + table;
        uint64_t need = (total + per - 1) / per, need_table = clusters_of(q, need * 8);
        if (need <= blocks && need_table <= table)
            break;
        blocks = need;
        table = need_table;
    }
    if (table << q->cluster_bits > MAX_REFTABLE_BYTES)
        return -EFBIG;
    g_autofree uint8_t *rt = g_malloc0(table << q->cluster_bits), *rb = g_malloc(q->cluster_size);
    int ret = 0;
    for (uint64_t i = 0; !ret && i < blocks; i++) {
        memset(rb, 0, q->cluster_size);
        for (uint64_t k = 0; k < per && i * per + k < total; k++)
            refcount_store(q, rb, k,
                           i * per + k < base ? MIN(c->count[i * per + k], refcount_max(q)) : 1);
        st_be64(rt + i * 8, (base + i) << q->cluster_bits);
        ret = node_pwrite(c->b->file, rb, q->cluster_size, (base + i) << q->cluster_bits);
    }
    if (!ret)
        ret = node_pwrite(c->b->file, rt, table << q->cluster_bits,
                          (base + blocks) << q->cluster_bits);
    if (!ret)
        ret = node_flush(c->b->file);
    if (ret)
        return ret;
    g_free(q->reftable);
    q->reftable_size = (uint32_t)(table << q->cluster_bits >> 3);
    q->reftable = g_new0(uint64_t, q->reftable_size);
    for (uint64_t i = 0; i < blocks; i++)
        q->reftable[i] = (base + i) << q->cluster_bits;
    cache_fini(&q->rb);
    cache_init(&q->rb, q->cluster_size);
    q->rt_dirty_start = q->rt_dirty_end = 0;
    q->reftable_offset = q->on_disk.reftable_offset = (base + blocks) << q->cluster_bits;
    q->reftable_clusters = q->on_disk.reftable_clusters = (uint32_t)table;
    q->high_water = MAX(q->high_water, total << q->cluster_bits);
    return 0;
}

static int compare_counts(struct checker *c)
{
    int ret = 0;

    for (uint64_t i = 0; !ret && i < c->n; i++)
        ret = compare_one(c, i);
    return ret;
}

/* --- the flag that allows writing in place --- */
static int check_copied(struct checker *c, uint64_t *word, const char *what, uint64_t i)
{
    struct qcow2 *q = qcow2(c->b);
    uint64_t host = *word & ENTRY_OFFSET, have;

    if (*word & ENTRY_COMPRESSED || !host)
        return 0;
    int ret = refcount_get(c->b, host >> q->cluster_bits, &have);
    if (ret || (have == 1) == !!(*word & ENTRY_COPIED))
        return ret;
    bool mend = wrong(c);
    say(c, mend ? "Repairing" : "ERROR",
        "flag 'copied' of %s %" PRIu64 ": %#" PRIx64 " refcount=%" PRIu64, what, i, *word, have);
    if (mend)
        *word = have == 1 ? *word | ENTRY_COPIED : *word & ~ENTRY_COPIED;
    return 0;
}

static int check_copied_l2(struct checker *c, uint32_t l1_index)
{
    struct qcow2 *q = qcow2(c->b);
    uint64_t off = q->l1[l1_index] & ENTRY_OFFSET;
    struct table *t;
    int ret = cluster_offset(q, off) ? -EINVAL : cache_get(c->b, &q->l2, off, &t);

    for (uint64_t i = 0; !ret && !q->data && i < BIT64(q->l2_bits); i++) {
        struct l2_entry e = l2_get(q, t, i << q->cluster_bits), old = e;
        ret = check_copied(c, &e.word, "cluster", ((uint64_t)l1_index << q->l2_bits) + i);
        if (!ret && e.word != old.word)
            l2_put(q, t, i << q->cluster_bits, e);
    }
    return ret == -EINVAL ? 0 : ret;
}

static int check_flags(struct checker *c)
{
    struct qcow2 *q = qcow2(c->b);
    int ret = 0;

    for (uint32_t i = 0; !ret && i < q->l1_size; i++) {
        uint64_t old = q->l1[i];
        if (!(old & ENTRY_OFFSET))
            continue;
        ret = check_copied(c, &q->l1[i], "L2 table", i);
        if (q->l1[i] != old)
            l1_dirty(q, i);
        if (!ret)
            ret = check_copied_l2(c, i);
    }
    return ret;
}

/* --- all of it --- */
static int count_all(struct checker *c)
{
    struct qcow2 *q = qcow2(c->b);
    int ret;

    count(c, 0, q->cluster_size);
    ret = check_active(c);
    for (guint i = 0; !ret && i < q->snapshots->len; i++)
        ret = check_snapshot(c, &g_array_index(q->snapshots, struct qsnapshot, i));
    if (q->snapshots_bytes && !count(c, q->snapshots_offset, q->snapshots_bytes))
        wrong(c);
    if (!ret)
        ret = check_extensions(c);
    if (!ret)
        check_refcount_structure(c);
    return ret;
}

static int run(struct checker *c)
{
    struct qcow2 *q = qcow2(c->b);
    int ret = count_all(c);

    c->r->has_clusters = true;
    c->r->total_clusters = clusters_of(q, q->disk_size);
    if (!ret && c->rebuild)
        ret = c->fix & BLOCK_FIX_ERRORS ? rebuild(c) : 0;
    bool usable = !c->rebuild || c->fix & BLOCK_FIX_ERRORS;
    if (!ret && usable)
        ret = compare_counts(c);
    if (!ret && usable)
        ret = check_flags(c);
    return ret;
}

/* The flags of the header say what the check found. */
static int finish(struct checker *c)
{
    struct qcow2 *q = qcow2(c->b);
    bool is_whole = c->r->corruptions == c->r->corruptions_fixed && !c->r->check_errors;

    if (!c->fix)
        return 0;
    if (is_whole && c->fix & BLOCK_FIX_ERRORS) {
        q->incompat &= ~(uint64_t)(INCOMPAT_DIRTY | INCOMPAT_CORRUPT);
        q->is_corrupt = false;
    }
    int ret = qcow2_flush(c->b);
    if (!ret)
        ret = header_write(c->b);
    return ret ? ret : node_flush(c->b->file);
}

bool qcow2_check(struct block_node *b, unsigned fix, bool quiet, struct block_check *r,
                 struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    struct checker c = {
        .b = b, .r = r, .fix = fix, .quiet = quiet, .n = clusters_of(q, b->file->size)};

    *r = (struct block_check){0};
    c.count = g_try_new0(uint32_t, c.n + 1);
    if (!c.count) {
        error_set(errp, "no memory to count the %" PRIu64 " clusters of '%s'", c.n, b->path);
        return false;
    }
    if (!(b->flags & BLOCK_READ_ONLY))
        (void)!qcow2_writeback(b);
    mutex_lock(&q->lock);
    int ret = run(&c);
    mutex_unlock(&q->lock);
    if (ret)
        r->check_errors++;
    else
        ret = finish(&c);
    g_free(c.count);
    if (ret)
        say(&c, "ERROR", "checking '%s' failed: %s", b->path, g_strerror(-ret));
    r->check_errors += ret && !r->check_errors;
    return true;
}
