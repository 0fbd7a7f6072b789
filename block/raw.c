/* Format raw: a window onto the file, all of it unless offset= and size= say otherwise. */
#include "block/block_priv.h"

#include "util/bits.h"

#include <glib.h>
#include <string.h>

struct raw {
    uint64_t offset, size; /* bytes; size 0: to the end of the file */
};

static int raw_probe(const uint8_t *head UNUSED, size_t n UNUSED)
{
    return 0; /* what nobody else claims */
}

static uint64_t offset_of(const struct block_node *b)
{
    return ((const struct raw *)b->state)->offset;
}

static bool raw_open(struct block_node *b, struct node_opts o, struct error **errp)
{
    struct raw *r = g_new0(struct raw, 1);
    uint64_t have = b->file->size;

    b->state = r;
    if (!node_opt_size(o, "offset", 0, &r->offset, errp) ||
        !node_opt_size(o, "size", 0, &r->size, errp))
        return false;
    if (r->offset % SECTOR || r->size % SECTOR) {
        error_set(errp, "offset= and size= of '%s' must be multiples of %d", b->path, SECTOR);
        return false;
    }
    if (r->offset > have || r->size > have - r->offset) {
        error_set(errp,
                  "offset= and size= lie outside of '%s', which has %" G_GUINT64_FORMAT " bytes",
                  b->path, have);
        return false;
    }
    b->size = align_up(r->size ? r->size : have - r->offset, SECTOR);
    return true;
}

static void raw_close(struct block_node *b)
{
    g_free(b->state);
}

static struct block_node *raw_through(struct block_node *b, uint64_t *off)
{
    *off += offset_of(b);
    return b->file;
}

static int raw_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    return node_read(b->file, off + offset_of(b), bytes, sg);
}

static int raw_write(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    return node_write(b->file, off + offset_of(b), bytes, sg);
}

static int raw_write_zeroes(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap)
{
    return node_try_zeroes(b->file, off + offset_of(b), bytes, may_unmap);
}

static int raw_discard(struct block_node *b, uint64_t off, uint64_t bytes)
{
    return node_discard(b->file, off + offset_of(b), bytes);
}

static int raw_flush(struct block_node *b)
{
    return node_flush(b->file);
}

static int raw_map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    int ret = block_map_layer(b->file, off + offset_of(b), bytes, e);

    e->layer = b;
    e->allocated = true; /* a raw image has no holes to look through */
    return ret;
}

static bool raw_resize(struct block_node *b, uint64_t size, const char *prealloc,
                       struct error **errp)
{
    const struct raw *r = b->state;

    if (r->size || r->offset || !b->file->drv->resize) {
        error_set(errp, "'%s' cannot be resized: it shows a part of a file, or its protocol cannot",
                  b->path);
        return false;
    }
    if (!b->file->drv->resize(b->file, size, prealloc, errp))
        return false;
    b->size = align_up(size, SECTOR);
    return true;
}

static bool raw_create(const char *path, struct opts *o, struct error **errp)
{
    uint64_t size;

    return opts_get_size(o, "size", 0, &size, errp) &&
           file_create(path, size, opts_get(o, "preallocation", "off"), errp);
}

static bool raw_format(struct block_node *file, struct opts *o, struct error **errp)
{
    const char *prealloc = opts_get(o, "preallocation", "off");
    uint64_t size;

    return opts_get_size(o, "size", 0, &size, errp) &&
           (size == file->size || block_resize(file, size, prealloc, errp));
}

static const char *const raw_keys[] = {"offset", "size", NULL};
static const struct block_create_opt raw_create_opts[] = {
    {"size", "virtual disk size"},
    {"preallocation", "off, falloc or full: how much of the file the host provides now"},
    {NULL, NULL},
};

const struct block_driver raw_driver = {
    .name = "raw",
    .keys = raw_keys,
    .probe = raw_probe,
    .open = raw_open,
    .close = raw_close,
    .read = raw_read,
    .write = raw_write,
    .write_zeroes = raw_write_zeroes,
    .discard = raw_discard,
    .flush = raw_flush,
    .map = raw_map,
    .resize = raw_resize,
    .create = raw_create,
    .format = raw_format,
    .create_opts = raw_create_opts,
    .through = raw_through,
};
