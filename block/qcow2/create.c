/* New images: the smallest set of tables that is whole, then places for clusters if asked for. */
#include "block/qcow2/qcow2_priv.h"

#include "util/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

const struct block_create_opt qcow2_create_opts[] = {
    {"size", "virtual disk size"},
    {"compat", "version of the format: v2 (0.10) or v3 (1.1)"},
    {"backing_file", "file that holds what is not written here"},
    {"backing_fmt", "its format"},
    {"cluster_size", "512 to 2M, a power of two"},
    {"preallocation", "off, metadata, falloc or full"},
    {"lazy_refcounts", "on: reference counts may be late (they never are)"},
    {"refcount_bits", "1 to 64, a power of two"},
    {"compression_type", "zlib or zstd"},
    {"extended_l2", "on: clusters have 32 parts that are allocated one by one"},
    {"data_file", "another file that holds the data"},
    {"data_file_raw", "on: that file is a raw image by itself"},
    {"encryption", "off: encryption is not supported"},
    {NULL, NULL},
};

struct plan {
    uint64_t size, cluster_size, refcount_bits;
    unsigned version, compression;
    bool lazy, extended, data_raw;
    const char *backing, *backing_format, *data_file, *prealloc;
    uint64_t l1_size, l1_clusters, rt_clusters, rb_count; /* tables of the new image */
};

static bool one_of(const char *key, const char *value, const char *const *names, int *index,
                   struct error **errp)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(value, names[i])) {
            *index = i;
            return true;
        }
    g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)names);
    const char *near = nearest_name(value, names);
    error_set(errp, "%s=%s: wanted one of %s", key, value, all);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return false;
}

static bool read_plan(struct opts *o, struct plan *p, struct error **errp)
{
    static const char *const compat[] = {"1.1", "v3", "0.10", "v2", NULL}, *const packing[] = {
                                                                               "zlib", "zstd",
                                                                               NULL};
    static const char *const ways[] = {"off", "metadata", "falloc", "full", NULL};
    int c, z, way;
    bool crypt;

    p->backing = opts_get(o, "backing_file", NULL);
    p->backing_format = opts_get(o, "backing_fmt", NULL);
    p->data_file = opts_get(o, "data_file", NULL);
    p->prealloc = opts_get(o, "preallocation", "off");
    if (!opts_get_size(o, "size", 0, &p->size, errp) ||
        !opts_get_size(o, "cluster_size", 65536, &p->cluster_size, errp) ||
        !opts_get_uint(o, "refcount_bits", UINT32_MAX, 16, &p->refcount_bits, errp) ||
        !opts_get_bool(o, "lazy_refcounts", false, &p->lazy, errp) ||
        !opts_get_bool(o, "extended_l2", false, &p->extended, errp) ||
        !opts_get_bool(o, "data_file_raw", false, &p->data_raw, errp) ||
        !opts_get_bool(o, "encryption", false, &crypt, errp) ||
        !one_of("compat", opts_get(o, "compat", "1.1"), compat, &c, errp) ||
        !one_of("compression_type", opts_get(o, "compression_type", "zlib"), packing, &z, errp) ||
        !one_of("preallocation", p->prealloc, ways, &way, errp))
        return false;
    p->version = c < 2 ? 3 : 2;
    p->compression = (unsigned)z;
    if (crypt)
        error_set(errp, "encryption=on: encrypted images are not supported");
    return !crypt;
}

static bool check_plan(const struct plan *p, struct error **errp)
{
    const char *what = NULL;

    if (!is_pow2(p->cluster_size) || p->cluster_size < 512 || p->cluster_size > 2 << 20)
        what = "cluster_size must be a power of two from 512 to 2M";
    else if (!is_pow2(p->refcount_bits) || p->refcount_bits > 64)
        what = "refcount_bits must be a power of two from 1 to 64";
    else if (p->version < 3 &&
             (p->refcount_bits != 16 || p->lazy || p->extended || p->compression || p->data_file))
        what = "compat=v2 has no refcount_bits, lazy_refcounts, extended_l2, "
               "compression_type=zstd, data_file: use v3";
    else if (p->extended && p->cluster_size < 16384)
        what = "extended_l2=on needs a cluster_size of 16k or more";
    else if (p->data_raw && !p->data_file)
        what = "data_file_raw=on needs a data_file";
    else if (p->data_raw && p->backing)
        what = "data_file_raw=on and a backing file exclude each other";
    else if (p->backing && strcmp(p->prealloc, "off") && !p->extended)
        what = "preallocation with a backing file would hide the backing file";
    else if (p->backing && strlen(p->backing) > MAX_BACKING_NAME)
        what = "the name of the backing file is longer than 1023 bytes";
    if (what)
        error_set(errp, "%s", what);
    return !what;
}

/* How many tables the image begins with: refcount blocks count themselves, too. */
static bool plan_tables(struct plan *p, struct error **errp)
{
    uint64_t span = p->cluster_size * (p->cluster_size / (p->extended ? 16 : 8));
    uint64_t per_block = p->cluster_size * 8 / p->refcount_bits, total;

    p->size = align_up(p->size, SECTOR);
    if (p->size > (uint64_t)INT64_MAX - span || p->size / span >= MAX_L1_BYTES / 8) {
        error_set(errp,
                  "a disk of %" G_GUINT64_FORMAT
                  " bytes is too large for clusters of %" G_GUINT64_FORMAT " bytes",
                  p->size, p->cluster_size);
        return false;
    }
    p->l1_size = MAX(1, (p->size + span - 1) / span);
    p->l1_clusters = (p->l1_size * 8 + p->cluster_size - 1) / p->cluster_size;
    p->rt_clusters = p->rb_count = 1;
    for (;;) {
        total = 1 + p->rt_clusters + p->rb_count + p->l1_clusters;
        uint64_t rb = (total + per_block - 1) / per_block,
                 rt = (rb * 8 + p->cluster_size - 1) / p->cluster_size;
        if (rb <= p->rb_count && rt <= p->rt_clusters)
            return true;
        p->rb_count = MAX(rb, p->rb_count);
        p->rt_clusters = MAX(rt, p->rt_clusters);
    }
}

/* Write header, refcount table and blocks; the L1 table is zeros. */
static int write_tables(struct block_node *file, const struct plan *p)
{
    struct qcow2 q = {.version = p->version,
                      .cluster_bits = (unsigned)__builtin_ctzll(p->cluster_size),
                      .cluster_size = p->cluster_size,
                      .refcount_order = (unsigned)__builtin_ctzll(p->refcount_bits),
                      .disk_size = p->size,
                      .compression = p->compression,
                      .compat = p->lazy ? COMPAT_LAZY_REFCOUNTS : 0,
                      .data_path = (char *)(uintptr_t)p->data_file};
    struct block_node b = {.file = file,
                           .state = &q,
                           .backing_path = (char *)(uintptr_t)p->backing,
                           .backing_format = (char *)(uintptr_t)p->backing_format};
    uint64_t total = 1 + p->rt_clusters + p->rb_count + p->l1_clusters, c = p->cluster_size;
    uint64_t per_block = c * 8 / p->refcount_bits;
    g_autofree uint8_t *rt = g_malloc0(p->rt_clusters * c), *rb = g_malloc0(p->rb_count * c);

    q.incompat = (p->data_file ? INCOMPAT_DATA_FILE : 0) |
                 (p->compression ? INCOMPAT_COMPRESSION : 0) | (p->extended ? INCOMPAT_EXT_L2 : 0);
    q.autoclear = p->data_raw ? AUTOCLEAR_DATA_RAW : 0;
    q.on_disk = (struct header_places){(1 + p->rt_clusters + p->rb_count) * c, c,
                                       (uint32_t)p->l1_size, (uint32_t)p->rt_clusters};
    for (uint64_t i = 0; i < p->rb_count; i++)
        st_be64(rt + i * 8, (1 + p->rt_clusters + i) * c);
    for (uint64_t i = 0; i < total; i++)
        refcount_store(&q, rb + i / per_block * c, i % per_block, 1);
    int ret = node_pwrite(file, rt, p->rt_clusters * c, c);
    if (!ret)
        ret = node_pwrite(file, rb, p->rb_count * c, (1 + p->rt_clusters) * c);
    if (!ret)
        ret = node_write_zeroes(file, q.on_disk.l1_offset, p->l1_clusters * c, false);
    q.extensions = g_array_new(FALSE, TRUE, sizeof(struct extension));
    if (!ret)
        ret = header_write(&b);
    g_array_unref(q.extensions);
    return ret;
}

static bool failed(const char *path, int ret, struct error **errp)
{
    if (ret)
        error_set(errp, "could not write '%s': %s", path, g_strerror(-ret));
    return ret;
}

/* In the image that was just opened for it, and is closed then. */
static bool preallocate(struct block_node *b, const char *path, const struct plan *p,
                        struct error **errp)
{
    if (!b)
        return false;
    struct qcow2 *q = qcow2(b);
    int ret = qcow2_preallocate(b, 0, p->size);
    if (!ret)
        ret = qcow2_flush(b);
    struct block_node *f = q->data ? q->data : b->file;
    uint64_t end = q->data ? p->size : MAX(q->high_water, f->size);
    bool ok = !failed(path, ret, errp) && f->drv->resize(f, end, p->prealloc, errp);
    block_close(b);
    return ok;
}

static bool needs_places(const struct plan *p)
{
    return strcmp(p->prealloc, "off") || p->data_raw;
}

static bool preallocate_path(const char *path, const struct plan *p, struct error **errp)
{
    return !needs_places(p) ||
           preallocate(block_open_path(NULL, path, "qcow2", BLOCK_NO_BACKING, errp), path, p, errp);
}

static bool preallocate_node(const struct block_node *file, const struct plan *p,
                             struct error **errp)
{
    g_autofree char *text = g_strdup_printf("{\"driver\": \"qcow2\", \"node-name\": \"new-image\", "
                                            "\"file\": \"%s\", \"backing\": null, "
                                            "\"discard\": \"unmap\"}",
                                            block_id(file));

    if (!needs_places(p))
        return true;
    struct opts *o = opts_parse_json(text, errp);
    bool ok = o && preallocate(block_open_node(o, errp), file->path, p, errp);
    opts_free(o);
    return ok;
}

static bool make_data_file(const char *path, const struct plan *p, struct error **errp)
{
    g_autofree char *full = p->data_file ? block_resolve_path(path, p->data_file) : NULL;

    return !full || file_create(full, p->size, "off", errp);
}

static bool write_into(struct block_node *file, const struct plan *p, struct error **errp)
{
    const char *path = file->path;
    int ret = write_tables(file, p);

    if (ret == -E2BIG)
        error_set(errp,
                  "the names of the backing file and the data file do not fit into a cluster of "
                  "%" G_GUINT64_FORMAT " bytes",
                  p->cluster_size);
    return ret != -E2BIG && !failed(path, ret, errp);
}

static bool write_image(const char *path, const struct plan *p, struct error **errp)
{
    if (!file_create(path, 0, "off", errp))
        return false;
    struct node_opts none = {NULL, ""};
    struct block_node *file = node_open_file(none, "file", path, 0, errp);
    if (!file)
        return false;
    bool ok = write_into(file, p, errp);
    node_unref(file);
    return ok;
}

bool qcow2_create(const char *path, struct opts *o, struct error **errp)
{
    struct plan p = {0};

    return read_plan(o, &p, errp) && check_plan(&p, errp) && plan_tables(&p, errp) &&
           make_data_file(path, &p, errp) && write_image(path, &p, errp) &&
           preallocate_path(path, &p, errp);
}

/* The data file, if there is one, is open, too. */
bool qcow2_format(struct block_node *file, struct opts *o, struct error **errp)
{
    bool is_file = !strcmp(file->drv->name, "file");
    struct plan p = {0};

    return read_plan(o, &p, errp) && check_plan(&p, errp) && plan_tables(&p, errp) &&
           (!is_file || !file->size || block_resize(file, 0, "off", errp)) &&
           write_into(file, &p, errp) && preallocate_node(file, &p, errp);
}
