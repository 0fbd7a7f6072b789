/* Filter copy-on-read: has the image below keep what is read from its backing file. */
#include "block/block_priv.h"
#include "util/log.h"

static bool filter_open(struct block_node *b, struct node_opts o UNUSED, struct error **errp)
{
    struct error *err = NULL;

    b->size = b->file->size;
    b->state = b->file;
    if (b->file->flags & BLOCK_READ_ONLY) {
        error_set(errp, "driver=copy-on-read: '%s' is read-only", b->file->path);
        return false;
    }
    if (!block_set_copy_on_read(b->file, &err)) /* nothing is missing in it */
        log_warn("driver=copy-on-read has no effect: %s", error_text(err));
    error_free(err);
    return true;
}

/* The image may get another user, who did not ask for it. */
static void filter_close(struct block_node *b)
{
    b->file->flags &= ~(unsigned)BLOCK_COPY_ON_READ;
}

static struct block_node *filter_through(struct block_node *b, uint64_t *off UNUSED)
{
    return b->file;
}

static int filter_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    return node_read(b->file, off, bytes, sg);
}

static int filter_write(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    return node_write(b->file, off, bytes, sg);
}

static int filter_write_zeroes(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap)
{
    return node_try_zeroes(b->file, off, bytes, may_unmap);
}

static int filter_discard(struct block_node *b, uint64_t off, uint64_t bytes)
{
    return node_discard(b->file, off, bytes);
}

static int filter_flush(struct block_node *b)
{
    return node_flush(b->file);
}

static int filter_map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    return block_map(b->file, NULL, off, bytes, e);
}

static bool filter_resize(struct block_node *b, uint64_t size, const char *prealloc,
                          struct error **errp)
{
    if (!block_resize(b->file, size, prealloc, errp))
        return false;
    b->size = b->file->size;
    return true;
}

const struct block_driver copy_on_read_driver = {
    .name = "copy-on-read",
    .open = filter_open,
    .close = filter_close,
    .read = filter_read,
    .write = filter_write,
    .write_zeroes = filter_write_zeroes,
    .discard = filter_discard,
    .flush = filter_flush,
    .map = filter_map,
    .resize = filter_resize,
    .through = filter_through,
};
