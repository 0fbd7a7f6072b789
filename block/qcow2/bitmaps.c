/*
 * Persistent dirty bitmaps.  Ref: section "Bitmaps extension", "Bitmaps".
 *
 * They are loaded when the image is opened.  While it may be written to they live in memory, and
 * those on the medium are marked as in use, so that they count for nothing if we end without
 * storing them; they are stored anew before the image is closed.
 */
#include "block/bitmap_priv.h"
#include "block/qcow2/qcow2_priv.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { ENTRY_HEAD = 24, EXT_LENGTH = 24, TYPE_DIRTY = 1 };
enum { FLAG_IN_USE = 1, FLAG_AUTO = 2, FLAG_EXTRA_OK = 4, FLAGS_KNOWN = 7 };
enum { MIN_BITS = 9, MAX_BITS = 31, MAX_BITMAPS = 4096, MAX_DIRECTORY = 16 << 20, ALL_ONES = 1 };

static const uint64_t MAX_MEMORY = 256 << 20; /* bytes of bits of one image's bitmaps */

/* One entry of the directory. */
struct qbitmap {
    char *name;
    uint64_t table; /* where its table lies */
    uint32_t entries, flags;
    uint8_t type, bits;      /* bits: log2 of the granularity */
    bool has_extra, ignored; /* ignored: there is no such bitmap in memory */
    size_t at, len;          /* of the entry in the directory */
};

static void clear_entry(void *entry)
{
    g_free(((struct qbitmap *)entry)->name);
}

void bitmaps_forget(struct qcow2 *q)
{
    g_clear_pointer(&q->bitmaps, g_array_unref);
    g_clear_pointer(&q->bitmap_dir, g_free);
}

static struct extension *find_extension(struct qcow2 *q, guint *at)
{
    for (*at = 0; *at < q->extensions->len; ++*at) {
        struct extension *e = &g_array_index(q->extensions, struct extension, *at);
        if (e->magic == EXT_BITMAPS)
            return e;
    }
    return NULL;
}

/* --- the directory --- */
static bool parse_entry(const uint8_t *dir, size_t size, size_t at, struct qbitmap *e)
{
    const uint8_t *p = dir + at;

    if (size - at < ENTRY_HEAD)
        return false;
    unsigned name = ld_be16(p + 18);
    uint32_t extra = ld_be32(p + 20);
    *e = (struct qbitmap){.table = ld_be64(p),
                          .entries = ld_be32(p + 8),
                          .flags = ld_be32(p + 12),
                          .type = p[16],
                          .bits = p[17],
                          .has_extra = extra,
                          .at = at};
    uint64_t len = align_up(ENTRY_HEAD + (uint64_t)extra + name, 8);
    if (!name || name > BITMAP_MAX_NAME || len > size - at || e->flags & ~(uint32_t)FLAGS_KNOWN ||
        memchr(p + ENTRY_HEAD + extra, 0, name))
        return false;
    e->len = (size_t)len;
    e->name = g_strndup((const char *)p + ENTRY_HEAD + extra, name);
    return true;
}

static bool has_name(GArray *list, const char *name)
{
    for (guint i = 0; i < list->len; i++)
        if (!strcmp(g_array_index(list, struct qbitmap, i).name, name))
            return true;
    return false;
}

/* NULL when it is not one of n entries. */
static GArray *parse_directory(const uint8_t *dir, size_t size, uint32_t n)
{
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct qbitmap));
    struct qbitmap e;
    size_t at = 0;

    g_array_set_clear_func(list, clear_entry);
    while (at < size && parse_entry(dir, size, at, &e)) {
        bool again = has_name(list, e.name);
        g_array_append_val(list, e);
        if (again || list->len > n)
            break;
        at += e.len;
    }
    if (at == size && list->len == n)
        return list;
    g_array_unref(list);
    return NULL;
}

static bool read_directory(struct block_node *b, const struct extension *e)
{
    struct qcow2 *q = qcow2(b);

    if (e->len < EXT_LENGTH)
        return false;
    uint32_t n = ld_be32(e->data);
    uint64_t size = ld_be64(e->data + 8), off = ld_be64(e->data + 16);
    if (!n || n > MAX_BITMAPS || !size || size > MAX_DIRECTORY || cluster_offset(q, off) ||
        off >= b->file->size || overlaps_tables(q, off, size))
        return false;
    q->bitmap_dir = g_try_malloc(size);
    if (!q->bitmap_dir || node_pread(b->file, q->bitmap_dir, size, off))
        return false;
    q->bitmap_dir_size = size;
    q->bitmap_dir_offset = off;
    q->bitmaps = parse_directory(q->bitmap_dir, size, n);
    return q->bitmaps;
}

/* --- reading one --- */
/* Entries of the table of a bitmap of that granularity. */
static uint64_t table_entries(const struct block_node *b, unsigned bits)
{
    uint64_t chunks = (b->size >> bits) + ((b->size & MASK64(0, bits)) != 0);

    return clusters_of(qcow2(b), (chunks + 7) / 8);
}

static int load_cluster(struct block_node *b, struct block_bitmap *m, uint64_t i, uint64_t word,
                        uint8_t *buf)
{
    struct qcow2 *q = qcow2(b);
    uint64_t off = word & ENTRY_OFFSET;

    if (!off && word & ALL_ONES)
        memset(buf, 0xff, q->cluster_size);
    else if (!off)
        return 0;
    else if (cluster_offset(q, off) || off >= b->file->size)
        return -EINVAL;
    else if (node_pread(b->file, buf, q->cluster_size, off))
        return -EIO;
    dirty_load(&m->dirty, i << q->cluster_bits, buf, q->cluster_size);
    return 0;
}

static int load_bits(struct block_node *b, struct block_bitmap *m, const struct qbitmap *e)
{
    struct qcow2 *q = qcow2(b);
    size_t bytes = (size_t)e->entries * 8;
    g_autofree uint64_t *table = g_try_malloc(bytes + 1);
    g_autofree uint8_t *buf = g_try_malloc(q->cluster_size);
    int ret = table && buf ? node_pread(b->file, table, bytes, e->table) : -ENOMEM;

    for (uint32_t i = 0; !ret && i < e->entries; i++)
        ret = load_cluster(b, m, i, ld_be64(&table[i]), buf);
    return ret;
}

/* Whether the entry is whole and of a kind that we know. */
static bool is_usable(const struct block_node *b, const struct qbitmap *e)
{
    return e->type == TYPE_DIRTY && !e->has_extra && e->bits >= MIN_BITS && e->bits <= MAX_BITS &&
           e->entries == table_entries(b, e->bits) && !cluster_offset(qcow2(b), e->table);
}

/* What cannot be used is there all the same: to be seen, and removed. */
static void load_one(struct block_node *b, struct qbitmap *e)
{
    bool usable = is_usable(b, e) && !(e->flags & FLAG_IN_USE), quiet = b->flags & BLOCK_QUIET;
    unsigned bits = CLAMP(e->bits, MIN_BITS, MAX_BITS);

    e->ignored = true;
    if (e->type != TYPE_DIRTY)
        return;
    struct block_bitmap *m = bitmap_new(b, e->name, BIT64(bits));
    if (!m && !quiet)
        log_warn("image '%s': dirty bitmap '%s' is too fine for this disk", b->path, e->name);
    if (!m)
        return;
    e->ignored = false;
    int ret = usable ? load_bits(b, m, e) : 0;
    if (ret && !quiet)
        log_warn("image '%s': dirty bitmap '%s' cannot be read", b->path, e->name);
    m->persistent = true;
    m->enabled = e->flags & FLAG_AUTO;
    m->inconsistent = !usable || ret;
}

void bitmaps_load(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);
    guint at;
    const struct extension *e = find_extension(q, &at);
    uint64_t memory = 0;

    if (!e || q->version < 3 || !(q->autoclear & AUTOCLEAR_BITMAPS))
        return;
    if (!read_directory(b, e)) {
        bitmaps_forget(q);
        if (!(b->flags & BLOCK_QUIET))
            log_warn("image '%s': its directory of dirty bitmaps is damaged: they are ignored",
                     b->path);
        return;
    }
    for (guint i = 0; i < q->bitmaps->len; i++) {
        struct qbitmap *one = &g_array_index(q->bitmaps, struct qbitmap, i);
        memory += b->size >> CLAMP(one->bits, MIN_BITS, MAX_BITS) >> 3;
        one->ignored = memory > MAX_MEMORY;
        if (!one->ignored)
            load_one(b, one);
        else if (!(b->flags & BLOCK_QUIET))
            log_warn("image '%s': dirty bitmap '%s' is ignored: there are too many", b->path,
                     one->name);
    }
}

int bitmaps_begin(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);

    q->bitmaps_in_use = true;
    if (!q->bitmaps)
        return 0;
    for (guint i = 0; i < q->bitmaps->len; i++) {
        struct qbitmap *e = &g_array_index(q->bitmaps, struct qbitmap, i);
        if (!e->ignored)
            st_be32(q->bitmap_dir + e->at + 12, e->flags | FLAG_IN_USE);
    }
    int ret = node_pwrite(b->file, q->bitmap_dir, q->bitmap_dir_size, q->bitmap_dir_offset);
    return ret ? ret : node_flush(b->file);
}

/* --- storing --- */
/* A new directory on its way to the medium. */
struct store {
    struct block_node *b;
    GByteArray *dir;
    uint32_t n;
    GArray *made; /* struct pending_free: what it took */
};

static int put_clusters(struct store *s, const void *data, size_t n, uint64_t *off)
{
    struct qcow2 *q = qcow2(s->b);
    struct pending_free p = {.clusters = clusters_of(q, n)};

    mutex_lock(&q->lock);
    int ret = clusters_alloc_run(s->b, p.clusters, &p.off);
    mutex_unlock(&q->lock);
    if (ret)
        return ret;
    g_array_append_val(s->made, p);
    *off = p.off;
    return node_pwrite(s->b->file, data, n, p.off);
}

static bool all_ones(const uint8_t *p, size_t n)
{
    return p[0] == 0xff && !memcmp(p, p + 1, n - 1);
}

static int put_bits(struct store *s, struct block_bitmap *m, uint64_t *table, uint64_t n)
{
    struct qcow2 *q = qcow2(s->b);
    g_autofree uint8_t *buf = g_try_malloc(q->cluster_size);
    int ret = buf ? 0 : -ENOMEM;

    for (uint64_t i = 0; !ret && i < n; i++) {
        uint64_t off = 0;
        dirty_store(&m->dirty, i << q->cluster_bits, buf, q->cluster_size);
        if (all_ones(buf, q->cluster_size))
            off = ALL_ONES;
        else if (!buffer_is_zero(buf, q->cluster_size))
            ret = put_clusters(s, buf, q->cluster_size, &off);
        st_be64(&table[i], off);
    }
    return ret;
}

static void put_entry(struct store *s, const struct block_bitmap *m, uint64_t table, uint64_t n)
{
    uint8_t head[ENTRY_HEAD] = {0}, pad[8] = {0};
    size_t name = strlen(m->name);

    st_be64(head, table);
    st_be32(head + 8, (uint32_t)n);
    st_be32(head + 12, m->enabled ? FLAG_AUTO : 0);
    head[16] = TYPE_DIRTY;
    head[17] = (uint8_t)__builtin_ctzll(m->dirty.granularity);
    st_be16(head + 18, (uint16_t)name);
    g_byte_array_append(s->dir, head, sizeof(head));
    g_byte_array_append(s->dir, (const uint8_t *)m->name, (guint)name);
    g_byte_array_append(s->dir, pad, (guint)(align_up(s->dir->len, 8) - s->dir->len));
    s->n++;
}

static int put_bitmap(struct store *s, struct block_bitmap *m)
{
    uint64_t n = table_entries(s->b, (unsigned)__builtin_ctzll(m->dirty.granularity)), off = 0;
    g_autofree uint64_t *table = g_try_malloc0_n(n + 1, sizeof(*table));
    int ret = table ? put_bits(s, m, table, n) : -ENOMEM;

    if (!ret && n)
        ret = put_clusters(s, table, n * sizeof(*table), &off);
    if (!ret)
        put_entry(s, m, off, n);
    return ret;
}

/* Entries that stay as they are: of kinds that we do not know, and those that were not saved. */
static bool stays(struct block_node *b, const struct qbitmap *e)
{
    const struct block_bitmap *m = bitmap_find(b, e->name, NULL);

    return e->ignored || (m && m->persistent && m->inconsistent);
}

static int put_directory(struct store *s)
{
    struct qcow2 *q = qcow2(s->b);
    int ret = 0;

    for (guint i = 0; q->bitmaps && i < q->bitmaps->len; i++) {
        const struct qbitmap *e = &g_array_index(q->bitmaps, struct qbitmap, i);
        if (!stays(s->b, e))
            continue;
        g_byte_array_append(s->dir, q->bitmap_dir + e->at, (guint)e->len);
        s->n++;
    }
    for (struct block_bitmap *m = s->b->bitmaps; m && !ret; m = m->next)
        if (m->persistent && !m->inconsistent)
            ret = put_bitmap(s, m);
    return ret || s->dir->len <= MAX_DIRECTORY ? ret : -E2BIG;
}

static void set_extension(struct qcow2 *q, const struct store *s, uint64_t off)
{
    guint at;
    struct extension *e = find_extension(q, &at), fresh = {EXT_BITMAPS, EXT_LENGTH, NULL};

    q->autoclear &= ~(uint64_t)AUTOCLEAR_BITMAPS;
    if (e) {
        g_free(e->data);
        g_array_remove_index(q->extensions, at);
    }
    if (!s->n)
        return;
    fresh.data = g_malloc0(EXT_LENGTH);
    st_be32(fresh.data, s->n);
    st_be64(fresh.data + 8, s->dir->len);
    st_be64(fresh.data + 16, off);
    g_array_append_val(q->extensions, fresh);
    q->autoclear |= AUTOCLEAR_BITMAPS;
}

/* Everything that the old directory had and the new one has not. */
static void free_old(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);

    if (!q->bitmaps)
        return;
    for (guint i = 0; i < q->bitmaps->len; i++) {
        const struct qbitmap *e = &g_array_index(q->bitmaps, struct qbitmap, i);
        size_t bytes = (size_t)e->entries * 8;
        if (stays(b, e) || !is_usable(b, e))
            continue;
        g_autofree uint64_t *table = g_try_malloc(bytes + 1);
        if (!table || node_pread(b->file, table, bytes, e->table))
            continue; /* they leak */
        mutex_lock(&q->lock);
        for (uint32_t k = 0; k < e->entries; k++) {
            uint64_t off = ld_be64(&table[k]) & ENTRY_OFFSET;
            if (off && !cluster_offset(q, off) && off < q->high_water)
                clusters_free_later(q, off, 1);
        }
        clusters_free_later(q, e->table, clusters_of(q, bytes));
        mutex_unlock(&q->lock);
    }
    mutex_lock(&q->lock);
    clusters_free_later(q, q->bitmap_dir_offset, clusters_of(q, q->bitmap_dir_size));
    mutex_unlock(&q->lock);
}

static int store(struct store *s, uint64_t *off)
{
    struct block_node *b = s->b;
    int ret = put_directory(s);

    if (!ret && s->n)
        ret = put_clusters(s, s->dir->data, s->dir->len, off);
    if (!ret)
        ret = qcow2_flush(b);
    if (ret)
        return ret;
    free_old(b); /* only noted: nothing is written before the header is */
    set_extension(qcow2(b), s, *off);
    ret = header_write(b);
    return ret ? ret : node_flush(b->file);
}

static void take_directory(struct block_node *b, struct store *s, uint64_t off)
{
    struct qcow2 *q = qcow2(b);

    bitmaps_forget(q);
    if (!s->n)
        return;
    q->bitmap_dir_size = s->dir->len;
    q->bitmap_dir_offset = off;
    q->bitmap_dir = g_memdup2(s->dir->data, s->dir->len);
    q->bitmaps = parse_directory(q->bitmap_dir, q->bitmap_dir_size, s->n);
}

static bool has_persistent(const struct block_node *b)
{
    for (const struct block_bitmap *m = b->bitmaps; m; m = m->next)
        if (m->persistent)
            return true;
    return false;
}

bool qcow2_can_keep_bitmaps(const struct block_node *b)
{
    return qcow2(b)->version >= 3 && !(b->flags & BLOCK_READ_ONLY);
}

int qcow2_keep_bitmaps(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);
    struct store s = {.b = b};
    uint64_t off = 0;

    if (b->flags & BLOCK_READ_ONLY || !q->bitmaps_in_use || q->is_corrupt ||
        (!q->bitmaps && !has_persistent(b)))
        return 0;
    s.dir = g_byte_array_new();
    s.made = g_array_new(FALSE, FALSE, sizeof(struct pending_free));
    int ret = store(&s, &off);
    if (ret) {
        mutex_lock(&q->lock);
        for (guint i = 0; i < s.made->len; i++) {
            const struct pending_free *p = &g_array_index(s.made, struct pending_free, i);
            clusters_free_later(q, p->off, p->clusters);
        }
        mutex_unlock(&q->lock);
    } else {
        take_directory(b, &s, off);
        q->bitmaps_in_use = false;
    }
    g_byte_array_unref(s.dir);
    g_array_unref(s.made);
    return ret;
}
