/* The header of an image, its extensions and feature bits: reading, checking, writing.  Ref:
 * section "Header". */
#include "block/qcow2/qcow2_priv.h"

#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

enum { FEATURE_SIZE = 48, FEATURE_NAME = 46, INCOMPAT_AT = 72, COMPRESSION_AT = 104 };

static const struct {
    uint8_t type, bit;
    const char *name;
} features[] = {
    {0, 0, "dirty bit"},        {0, 1, "corrupt bit"},         {0, 2, "external data file"},
    {0, 3, "compression type"}, {0, 4, "extended L2 entries"}, {1, 0, "lazy refcounts"},
    {2, 0, "bitmaps"},          {2, 1, "raw external data"},
};

int qcow2_corrupt(struct block_node *b, const char *fmt, ...)
{
    struct qcow2 *q = qcow2(b);
    va_list ap;

    if (q->is_corrupt)
        return -EIO;
    va_start(ap, fmt);
    g_autofree char *what = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    q->is_corrupt = true;
    bool is_writable = !(b->flags & BLOCK_READ_ONLY);
    if (!(b->flags & BLOCK_QUIET))
        log_warn("image '%s' is damaged: %s%s", b->path, what,
                 is_writable ? "; it is not written to any more" : "");
    if (is_writable && q->version >= 3) {
        uint8_t bits[8];
        q->incompat |= INCOMPAT_CORRUPT;
        st_be64(bits, q->incompat);
        (void)!node_pwrite(b->file, bits, sizeof(bits), INCOMPAT_AT);
    }
    return -EIO;
}

void extensions_free(struct qcow2 *q)
{
    for (guint i = 0; q->extensions && i < q->extensions->len; i++)
        g_free(g_array_index(q->extensions, struct extension, i).data);
    g_clear_pointer(&q->extensions, g_array_unref);
}

/* --- reading --- */
static bool check_numbers(struct block_node *b, const uint8_t *h, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    const char *what = NULL;

    if (memcmp(h, "QFI\xfb", 4))
        what = "it is no qcow2 image";
    else if (q->version != 2 && q->version != 3)
        what = "its version is neither 2 nor 3";
    else if (q->cluster_bits < MIN_CLUSTER_BITS || q->cluster_bits > MAX_CLUSTER_BITS)
        what = "its cluster size is not 512 bytes to 2 MiB";
    else if (q->version >= 3 &&
             (q->header_length < HDR_V3_LENGTH || q->header_length > (1U << q->cluster_bits)))
        what = "the length of its header is wrong";
    else if (q->refcount_order > 6)
        what = "its reference counts have more than 64 bits";
    else if (q->crypt_method)
        what = q->crypt_method == 2 ? "it is encrypted with LUKS, which is not supported"
                                    : "it is encrypted, which is not supported";
    if (what)
        error_set(errp, "could not open '%s' as qcow2: %s", b->path, what);
    return !what;
}

char *feature_names(struct qcow2 *q UNUSED, const uint8_t *table, size_t len, uint64_t bits)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned bit = 0; bit < 64; bit++) {
        const uint8_t *name = NULL;
        if (!(bits >> bit & 1))
            continue;
        for (size_t at = 0; at + FEATURE_SIZE <= len; at += FEATURE_SIZE)
            if (table[at] == 0 && table[at + 1] == bit)
                name = table + at + 2;
        g_string_append(text, text->len ? ", " : "");
        if (name && g_utf8_validate((const char *)name,
                                    (gssize)strnlen((const char *)name, FEATURE_NAME), NULL))
            g_string_append_printf(text, "'%.*s'", FEATURE_NAME, (const char *)name);
        else
            g_string_append_printf(text, "bit %u", bit);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static const struct extension *find_extension(const struct qcow2 *q, uint32_t magic)
{
    for (guint i = 0; i < q->extensions->len; i++) {
        const struct extension *e = &g_array_index(q->extensions, struct extension, i);
        if (e->magic == magic)
            return e;
    }
    return NULL;
}

static bool check_features(struct block_node *b, struct error **errp)
{
    const uint64_t known = INCOMPAT_DIRTY | INCOMPAT_CORRUPT | INCOMPAT_DATA_FILE |
                           INCOMPAT_COMPRESSION | INCOMPAT_EXT_L2;
    struct qcow2 *q = qcow2(b);
    const struct extension *names = find_extension(q, EXT_FEATURE_NAMES);

    if (q->incompat & ~known) {
        g_autofree char *text = feature_names(q, names ? names->data : NULL, names ? names->len : 0,
                                              q->incompat & ~known);
        error_set(errp, "'%s' uses qcow2 features that are not supported: %s", b->path, text);
        return false;
    }
    if (q->compression > COMPRESSION_ZSTD) {
        error_set(errp,
                  "'%s' has compression type %u, which is not supported; zlib (0) and zstd (1) are",
                  b->path, q->compression);
        return false;
    }
    bool is_writable = !(b->flags & BLOCK_READ_ONLY);
    if (q->incompat & INCOMPAT_CORRUPT && is_writable && !(b->flags & BLOCK_FOR_CHECK)) {
        error_set(errp,
                  "'%s' is marked as damaged: open it read-only, or repair it first (tinamou-img "
                  "check -r all)",
                  b->path);
        return false;
    }
    if (q->has_subclusters && q->cluster_bits < 14) {
        error_set(errp, "'%s' has subclusters in clusters of less than 16 KiB", b->path);
        return false;
    }
    return true;
}

static bool damaged(struct block_node *b, const char *what, struct error **errp)
{
    error_set(errp, "could not open '%s' as qcow2: %s", b->path, what);
    return false;
}

/* Extensions follow the header and end with type 0; each is padded to 8 bytes. */
static bool read_extensions(struct block_node *b, const uint8_t *cluster, uint64_t end,
                            struct error **errp)
{
    struct qcow2 *q = qcow2(b);

    for (uint64_t at = q->header_length; at + 8 <= end;) {
        struct extension e = {.magic = ld_be32(cluster + at), .len = ld_be32(cluster + at + 4)};
        at += 8;
        if (!e.magic)
            break;
        if (e.len > end - at)
            return damaged(b, "a header extension is longer than the header's cluster", errp);
        e.data = g_malloc0(e.len + 1);
        memcpy(e.data, cluster + at, e.len);
        at += align_up(e.len, 8);
        if (e.magic == EXT_BACKING_FORMAT) {
            g_free(b->backing_format);
            b->backing_format = g_strndup((char *)e.data, e.len);
        } else if (e.magic == EXT_DATA_FILE) {
            g_free(q->data_path);
            q->data_path = g_strndup((char *)e.data, e.len);
        }
        g_array_append_val(q->extensions, e);
    }
    return true;
}

static bool read_backing_name(struct block_node *b, const uint8_t *cluster, const uint8_t *h,
                              uint64_t *end, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    uint64_t off = ld_be64(h + 8);
    uint32_t len = ld_be32(h + 16);

    *end = q->cluster_size;
    if (!off || !len)
        return true;
    if (len > MAX_BACKING_NAME || off > q->cluster_size || len > q->cluster_size - off)
        return damaged(b, "the name of its backing file lies outside of the first cluster", errp);
    *end = off;
    b->backing_path = g_strndup((const char *)cluster + off, len);
    return true;
}

static void parse_numbers(struct block_node *b, const uint8_t *h)
{
    struct qcow2 *q = qcow2(b);

    q->version = ld_be32(h + 4);
    q->cluster_bits = ld_be32(h + 20);
    q->disk_size = ld_be64(h + 24);
    q->crypt_method = ld_be32(h + 32);
    q->l1_size = ld_be32(h + 36);
    q->l1_offset = ld_be64(h + 40);
    q->reftable_offset = ld_be64(h + 48);
    q->reftable_clusters = ld_be32(h + 56);
    q->snapshots_offset = ld_be64(h + 64);
    q->refcount_order = 4;
    q->header_length = HDR_V2_LENGTH;
    if (q->version == 2)
        return;
    q->incompat = ld_be64(h + 72);
    q->compat = ld_be64(h + 80);
    q->autoclear = ld_be64(h + 88);
    q->refcount_order = ld_be32(h + 96);
    q->header_length = ld_be32(h + 100);
    if (q->header_length > COMPRESSION_AT && q->incompat & INCOMPAT_COMPRESSION)
        q->compression = h[COMPRESSION_AT];
}

static void derive_numbers(struct qcow2 *q)
{
    q->cluster_size = BIT64(q->cluster_bits);
    q->has_subclusters = q->incompat & INCOMPAT_EXT_L2;
    q->entry_size = q->has_subclusters ? 16 : 8;
    q->l2_bits = q->cluster_bits - (q->has_subclusters ? 4 : 3);
    q->rb_bits = q->cluster_bits + 3 - q->refcount_order;
    q->on_disk =
        (struct header_places){q->l1_offset, q->reftable_offset, q->l1_size, q->reftable_clusters};
}

/* L1 and the refcount table, which stay in memory. */
static bool read_tables(struct block_node *b, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    uint64_t l1_bytes = (uint64_t)q->l1_size * 8,
             rt_bytes = (uint64_t)q->reftable_clusters << q->cluster_bits;

    if (l1_bytes > MAX_L1_BYTES || rt_bytes > MAX_REFTABLE_BYTES || !rt_bytes)
        return damaged(b, "its L1 table or its refcount table is too large, or missing", errp);
    if (q->disk_size > INT64_MAX - l2_span(q) ||
        (q->disk_size + l2_span(q) - 1) / l2_span(q) > q->l1_size)
        return damaged(b, "its L1 table is too small for the disk's size", errp);
    if (cluster_offset(q, q->l1_offset) || cluster_offset(q, q->reftable_offset) ||
        !q->reftable_offset || q->l1_offset > b->file->size || q->reftable_offset > b->file->size)
        return damaged(b, "its L1 table or its refcount table lies in an impossible place", errp);
    q->l1 = g_malloc0(l1_bytes + 8);
    q->reftable = g_malloc0(rt_bytes);
    q->reftable_size = (uint32_t)(rt_bytes / 8);
    int ret = node_pread(b->file, q->l1, l1_bytes, q->l1_offset);
    if (!ret)
        ret = node_pread(b->file, q->reftable, rt_bytes, q->reftable_offset);
    if (ret) {
        error_set(errp, "could not read the tables of '%s': %s", b->path, g_strerror(-ret));
        return false;
    }
    for (uint32_t i = 0; i < q->l1_size; i++)
        q->l1[i] = ld_be64(&q->l1[i]);
    for (uint32_t i = 0; i < q->reftable_size; i++)
        q->reftable[i] = ld_be64(&q->reftable[i]);
    return true;
}

bool header_read(struct block_node *b, struct node_opts o UNUSED, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    uint8_t h[112];
    uint64_t end;

    int ret = node_pread(b->file, h, sizeof(h), 0);
    if (ret) {
        error_set(errp, "could not read the header of '%s': %s", b->path, g_strerror(-ret));
        return false;
    }
    parse_numbers(b, h);
    if (!check_numbers(b, h, errp))
        return false;
    derive_numbers(q);
    g_autofree uint8_t *cluster = g_malloc(q->cluster_size);
    ret = node_pread(b->file, cluster, q->cluster_size, 0);
    if (ret)
        return damaged(b, g_strerror(-ret), errp);
    q->extensions = g_array_new(FALSE, TRUE, sizeof(struct extension));
    return read_backing_name(b, cluster, h, &end, errp) && read_extensions(b, cluster, end, errp) &&
           check_features(b, errp) && read_tables(b, errp) &&
           (q->snapshots_bytes = ld_be32(h + 60), true);
}

/* --- writing --- */
static size_t put_extension(uint8_t *p, uint32_t magic, const void *data, size_t len)
{
    st_be32(p, magic);
    st_be32(p + 4, (uint32_t)len);
    if (len)
        memcpy(p + 8, data, len);
    return 8 + align_up(len, 8);
}

static size_t put_feature_names(uint8_t *p)
{
    uint8_t table[G_N_ELEMENTS(features) * FEATURE_SIZE] = {0};

    for (size_t i = 0; i < G_N_ELEMENTS(features); i++) {
        uint8_t *row = table + i * FEATURE_SIZE;
        row[0] = features[i].type;
        row[1] = features[i].bit;
        memcpy(row + 2, features[i].name, strlen(features[i].name));
    }
    return put_extension(p, EXT_FEATURE_NAMES, table, sizeof(table));
}

static bool is_ours(uint32_t magic)
{
    return magic == EXT_BACKING_FORMAT || magic == EXT_FEATURE_NAMES || magic == EXT_DATA_FILE;
}

/* An upper limit of what put_all() writes. */
static size_t length_limit(const struct block_node *b)
{
    const struct qcow2 *q = qcow2(b);
    size_t n = COMPRESSION_AT + 8 + 5 * 16 + G_N_ELEMENTS(features) * FEATURE_SIZE;

    for (guint i = 0; i < q->extensions->len; i++)
        n += 16 + g_array_index(q->extensions, struct extension, i).len;
    return n + (q->data_path ? strlen(q->data_path) : 0) +
           (b->backing_format ? strlen(b->backing_format) : 0) +
           (b->backing_path ? strlen(b->backing_path) : 0);
}

static void put_numbers(const struct qcow2 *q, uint8_t *h)
{
    memcpy(h, "QFI\xfb", 4);
    st_be32(h + 4, q->version);
    st_be32(h + 20, q->cluster_bits);
    st_be64(h + 24, q->disk_size);
    st_be32(h + 36, q->on_disk.l1_size);
    st_be64(h + 40, q->on_disk.l1_offset);
    st_be64(h + 48, q->on_disk.reftable_offset);
    st_be32(h + 56, q->on_disk.reftable_clusters);
    st_be32(h + 60, q->snapshots ? q->snapshots->len : 0);
    st_be64(h + 64, q->snapshots_offset);
    if (q->version == 2)
        return;
    st_be64(h + 72, q->incompat);
    st_be64(h + 80, q->compat);
    st_be64(h + 88, q->autoclear);
    st_be32(h + 96, q->refcount_order);
    st_be32(h + 100, COMPRESSION_AT + 8);
    h[COMPRESSION_AT] = (uint8_t)q->compression;
}

static size_t put_all(struct block_node *b, uint8_t *h)
{
    const struct qcow2 *q = qcow2(b);
    size_t n = q->version == 2 ? HDR_V2_LENGTH : COMPRESSION_AT + 8;

    put_numbers(q, h);
    if (b->backing_format)
        n += put_extension(h + n, EXT_BACKING_FORMAT, b->backing_format, strlen(b->backing_format));
    if (q->data_path)
        n += put_extension(h + n, EXT_DATA_FILE, q->data_path, strlen(q->data_path));
    for (guint i = 0; i < q->extensions->len; i++) {
        const struct extension *e = &g_array_index(q->extensions, struct extension, i);
        if (!is_ours(e->magic))
            n += put_extension(h + n, e->magic, e->data, e->len);
    }
    if (q->version >= 3 && q->cluster_bits > MIN_CLUSTER_BITS)
        n += put_feature_names(h + n);
    n += put_extension(h + n, 0, NULL, 0);
    if (b->backing_path) {
        size_t len = strlen(b->backing_path);
        st_be64(h + 8, n);
        st_be32(h + 16, (uint32_t)len);
        memcpy(h + n, b->backing_path, len);
        n += len;
    }
    return n;
}

int header_write(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);
    g_autofree uint8_t *h = g_malloc0(length_limit(b) + q->cluster_size);
    size_t n = put_all(b, h);

    if (n > q->cluster_size)
        return -E2BIG;
    return node_pwrite(b->file, h, align_up(n, SECTOR), 0);
}
