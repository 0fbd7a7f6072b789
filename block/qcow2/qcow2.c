/* Format qcow2: opening and closing, and the driver's table. */
#include "block/qcow2/qcow2_priv.h"

#include "util/log.h"

#include <errno.h>
#include <string.h>

static bool open_data_file(struct block_node *b, struct node_opts o, struct error **errp)
{
    struct qcow2 *q = qcow2(b);

    if (!(q->incompat & INCOMPAT_DATA_FILE))
        return true;
    g_autofree char *path = q->data_path ? block_resolve_path(b->path, q->data_path) : NULL;
    q->data = node_open_file(o, "data-file", node_opt_has_group(o, "data-file") ? NULL : path,
                             b->flags, errp);
    if (!q->data) {
        error_prefix(errp, "data file of '%s'", b->path);
        return false;
    }
    q->data->parents++;
    return true;
}

/* An image that was not closed: count its clusters anew. */
static bool repair_dirty(struct block_node *b, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    struct block_check r;

    if (!(b->flags & BLOCK_QUIET))
        log_warn("image '%s' was not closed properly: repairing its reference counts", b->path);
    if (!qcow2_check(b, BLOCK_FIX_LEAKS | BLOCK_FIX_ERRORS, true, &r, errp))
        return false;
    if (r.check_errors || r.corruptions > r.corruptions_fixed) {
        error_set(errp, "'%s' is damaged: repair it with tinamou-img check -r all", b->path);
        return false;
    }
    q->incompat &= ~(uint64_t)INCOMPAT_DIRTY;
    return true;
}

/* What other programs keep beside the guest's data gets out of date with the first write, but for
 * bitmaps that could be loaded. */
static bool prepare_writing(struct block_node *b, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    uint64_t keep = (q->incompat & INCOMPAT_DATA_FILE ? AUTOCLEAR_DATA_RAW : 0) |
                    (q->bitmaps ? AUTOCLEAR_BITMAPS : 0);
    int ret = 0;

    if (b->flags & (BLOCK_READ_ONLY | BLOCK_FOR_CHECK))
        return true;
    bool is_dirty = q->incompat & INCOMPAT_DIRTY;
    if (is_dirty && !repair_dirty(b, errp))
        return false;
    if (is_dirty || q->autoclear & ~keep) {
        q->autoclear &= keep;
        ret = header_write(b);
    }
    if (!ret)
        ret = bitmaps_begin(b);
    if (ret)
        error_set(errp, "could not write the header of '%s': %s", b->path, g_strerror(-ret));
    return !ret;
}

/* What was changed stays changed in memory only when the header cannot be written. */
static bool qcow2_set_writable(struct block_node *b, struct error **errp)
{
    unsigned flags = b->flags;

    b->flags &= ~(unsigned)BLOCK_READ_ONLY;
    bool ok = !qcow2(b)->is_corrupt && prepare_writing(b, errp);
    if (qcow2(b)->is_corrupt)
        error_set(errp, "'%s' is damaged: repair it with tinamou-img check -r all", b->path);
    b->flags = flags;
    return ok;
}

static bool check_options(struct node_opts o, struct error **errp)
{
    static const char *const sizes[] = {"l2-cache-size", "refcount-cache-size", "cache-size",
                                        "l2-cache-entry-size", NULL};
    static const char *const switches[] = {"lazy-refcounts", "pass-discard-request",
                                           "pass-discard-snapshot", "pass-discard-other", NULL};
    uint64_t size;
    bool on;

    for (size_t i = 0; sizes[i]; i++)
        if (!node_opt_size(o, sizes[i], 0, &size, errp))
            return false;
    for (size_t i = 0; switches[i]; i++)
        if (!node_opt_bool(o, switches[i], false, &on, errp))
            return false;
    return node_opt_uint(o, "cache-clean-interval", UINT32_MAX, 0, &size, errp);
}

/* The caches take what the options ask for, within what is sensible. */
static void size_caches(struct qcow2 *q, struct node_opts o)
{
    uint64_t bytes;

    if (node_opt_size(o, "l2-cache-size", 0, &bytes, NULL) && bytes)
        q->l2.limit = (unsigned)CLAMP(bytes / q->cluster_size, CACHE_MIN, 1 << 20);
    if (node_opt_size(o, "refcount-cache-size", 0, &bytes, NULL) && bytes)
        q->rb.limit = (unsigned)CLAMP(bytes / q->cluster_size, CACHE_MIN, 1 << 20);
}

static bool qcow2_open(struct block_node *b, struct node_opts o, struct error **errp)
{
    struct qcow2 *q = g_new0(struct qcow2, 1);

    b->state = q;
    mutex_init(&q->lock);
    mutex_init(&q->flush_lock);
    ranges_init(&q->ranges);
    q->frees = g_array_new(FALSE, FALSE, sizeof(struct pending_free));
    q->parked = g_array_new(FALSE, FALSE, sizeof(struct pending_free));
    if (!check_options(o, errp) || !header_read(b, o, errp) || !open_data_file(b, o, errp))
        return false;
    cache_init(&q->l2, q->cluster_size);
    cache_init(&q->rb, q->cluster_size);
    size_caches(q, o);
    q->high_water = align_up(b->file->size, q->cluster_size);
    b->size = q->disk_size;
    if (!snapshots_read(b, errp))
        return false;
    bitmaps_load(b);
    return prepare_writing(b, errp);
}

static void keep_bitmaps(struct block_node *b)
{
    int ret = qcow2(b)->l2.by_off && qcow2(b)->rb.by_off ? qcow2_keep_bitmaps(b) : 0;

    if (ret && !(b->flags & BLOCK_QUIET))
        log_warn("closing '%s': its dirty bitmaps could not be saved: %s", b->path,
                 g_strerror(-ret));
}

/* Twice: what the first round frees is counted in the second. */
static void qcow2_close(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);

    mappings_let_go(q);
    keep_bitmaps(b);
    if (!(b->flags & BLOCK_READ_ONLY) && q->l2.by_off && q->rb.by_off)
        for (int i = 0; i < 2; i++)
            (void)!qcow2_writeback(b);
    bitmaps_forget(q);
    cache_fini(&q->l2);
    cache_fini(&q->rb);
    snapshots_free(q);
    extensions_free(q);
    if (q->data) {
        q->data->parents--;
        node_unref(q->data);
    }
    g_array_unref(q->frees);
    g_array_unref(q->parked);
    g_free(q->data_path);
    g_free(q->l1);
    g_free(q->reftable);
    ranges_fini(&q->ranges);
    mutex_fini(&q->flush_lock);
    mutex_fini(&q->lock);
    g_free(q);
}

static int qcow2_probe(const uint8_t *head, size_t n)
{
    return n >= 8 && !memcmp(head, "QFI\xfb", 4) && ld_be32(head + 4) >= 2 ? 100 : 0;
}

static int qcow2_map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    struct qcow2 *q = qcow2(b);
    struct extent x;

    mutex_lock(&q->lock);
    int ret = extent_find(b, off, bytes, &x);
    mutex_unlock(&q->lock);
    if (ret)
        return ret;
    e->bytes = x.bytes;
    e->data = x.type == EXT_DATA || x.type == EXT_COMPRESSED;
    e->zero =
        x.type == EXT_ZERO || x.type == EXT_ZERO_ALLOCATED || (x.type == EXT_NONE && !b->backing);
    e->allocated = x.type != EXT_NONE;
    e->compressed = x.type == EXT_COMPRESSED;
    e->has_offset = x.type == EXT_DATA || x.type == EXT_ZERO_ALLOCATED;
    e->offset = x.host;
    e->path = q->data ? q->data->path : b->file->path;
    return 0;
}

static void qcow2_info(struct block_node *b, struct block_info *info)
{
    struct qcow2 *q = qcow2(b);

    info->cluster_size = q->cluster_size;
    info->is_dirty = q->incompat & INCOMPAT_DIRTY;
    info->is_corrupt = q->incompat & INCOMPAT_CORRUPT;
    info->specific = "qcow2";
    info_add_text(info, "compat", "compat", g_strdup(q->version == 2 ? "0.10" : "1.1"));
    info_add_text(info, "compression-type", "compression type",
                  g_strdup(q->compression ? "zstd" : "zlib"));
    if (q->version == 2) {
        info_add_uint(info, "refcount-bits", "refcount bits", 1U << q->refcount_order);
        return;
    }
    info_add_bool(info, "lazy-refcounts", "lazy refcounts", q->compat & COMPAT_LAZY_REFCOUNTS);
    if (q->bitmaps)
        info_add_bitmaps(info, "bitmaps", "bitmaps");
    info_add_uint(info, "refcount-bits", "refcount bits", 1U << q->refcount_order);
    if (q->data_path)
        info_add_text(info, "data-file", "data file", g_strdup(q->data_path));
    if (q->incompat & INCOMPAT_DATA_FILE)
        info_add_bool(info, "data-file-raw", "data file raw", q->autoclear & AUTOCLEAR_DATA_RAW);
    info_add_bool(info, "corrupt", "corrupt", q->incompat & INCOMPAT_CORRUPT);
    info_add_bool(info, "extended-l2", "extended l2", q->has_subclusters);
}

static bool qcow2_set_backing(struct block_node *b, const char *path, const char *format,
                              struct error **errp)
{
    char *old_path = b->backing_path, *old_format = b->backing_format;

    if (path && strlen(path) > MAX_BACKING_NAME) {
        error_set(errp, "the backing file's name has more than %d bytes", MAX_BACKING_NAME);
        return false;
    }
    b->backing_path = path && *path ? g_strdup(path) : NULL;
    b->backing_format = b->backing_path && format ? g_strdup(format) : NULL;
    int ret = qcow2_flush(b);
    if (!ret)
        ret = header_write(b);
    if (!ret)
        ret = node_flush(b->file);
    if (ret) {
        error_set(errp, "could not write the header of '%s': %s", b->path, g_strerror(-ret));
        g_free(b->backing_path);
        g_free(b->backing_format);
        b->backing_path = old_path;
        b->backing_format = old_format;
        return false;
    }
    g_free(old_path);
    g_free(old_format);
    return true;
}

static bool qcow2_make_empty(struct block_node *b, struct error **errp)
{
    int ret = qcow2_forget_at(b, 0, align_up(qcow2(b)->disk_size, qcow2(b)->cluster_size));

    for (int round = 0; !ret && round < 2; round++)
        ret = qcow2_flush(b);
    if (ret)
        error_set(errp, "could not empty '%s': %s", b->path, g_strerror(-ret));
    return !ret;
}

static const char *const qcow2_keys[] = {"lazy-refcounts",
                                         "pass-discard-request",
                                         "pass-discard-snapshot",
                                         "pass-discard-other",
                                         "l2-cache-size",
                                         "l2-cache-entry-size",
                                         "refcount-cache-size",
                                         "cache-size",
                                         "cache-clean-interval",
                                         "data-file",
                                         NULL};

const struct block_driver qcow2_driver = {
    .name = "qcow2",
    .keys = qcow2_keys,
    .has_backing = true,
    .probe = qcow2_probe,
    .open = qcow2_open,
    .close = qcow2_close,
    .read = qcow2_read,
    .write = qcow2_write_at,
    .write_zeroes = qcow2_zero_at,
    .write_compressed = qcow2_write_compressed,
    .discard = qcow2_discard_at,
    .flush = qcow2_flush,
    .map = qcow2_map,
    .resize = qcow2_resize,
    .snapshot_create = qcow2_snapshot_create,
    .snapshot_goto = qcow2_snapshot_goto,
    .snapshot_delete = qcow2_snapshot_delete,
    .snapshot_load = qcow2_snapshot_load,
    .make_empty = qcow2_make_empty,
    .snapshot_list = qcow2_snapshot_list,
    .vmstate_begin = qcow2_vmstate_begin,
    .vmstate_write = qcow2_vmstate_write,
    .vmstate_map = qcow2_vmstate_map,
    .vmstate_unmap = qcow2_vmstate_unmap,
    .vmstate_read = qcow2_vmstate_read,
    .info = qcow2_info,
    .check = qcow2_check,
    .create = qcow2_create,
    .format = qcow2_format,
    .create_opts = qcow2_create_opts,
    .set_backing = qcow2_set_backing,
    .set_writable = qcow2_set_writable,
    .submit = qcow2_submit,
    .can_keep_bitmaps = qcow2_can_keep_bitmaps,
    .keep_bitmaps = qcow2_keep_bitmaps,
};
