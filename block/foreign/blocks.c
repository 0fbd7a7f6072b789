/* A disk as a table of equal blocks: reading, telling where they lie. */
#include "block/foreign/blocks_priv.h"

#include <errno.h>
#include <glib.h>

bool foreign_refuse(struct block_node *b, const char *what, struct error **errp)
{
    error_set(errp, "could not open '%s' as %s: %s", b->path, b->drv->name, what);
    return false;
}

bool foreign_is_read_only(struct block_node *b, struct error **errp)
{
    if (b->flags & BLOCK_READ_ONLY)
        return true;
    if (b->flags & BLOCK_AUTO_READ_ONLY) {
        b->flags |= BLOCK_READ_ONLY;
        return true;
    }
    return foreign_refuse(
        b, "the format is only read: add readonly=on or snapshot=on, or convert it to qcow2", errp);
}

bool blocks_new(struct block_node *b, uint64_t block_size, uint64_t disk_size, struct error **errp)
{
    struct blocks *s = g_new0(struct blocks, 1);

    b->state = s;
    if (!is_pow2(block_size) || block_size < SECTOR || block_size > 256 << 20)
        return foreign_refuse(b, "the size of its blocks is none that the format has", errp);
    s->block_size = block_size;
    s->n = disk_size / block_size + (disk_size % block_size != 0);
    if (s->n > MAX_BLOCKS)
        return foreign_refuse(b, "its disk is too large", errp);
    s->place = g_try_new0(uint64_t, s->n + 1);
    if (!s->place)
        return foreign_refuse(b, "no memory for its table", errp);
    b->size = disk_size;
    return true;
}

bool blocks_read_table(struct block_node *b, uint64_t off, uint64_t bytes, uint8_t **table,
                       struct error **errp)
{
    uint64_t size = b->file->size;

    *table = NULL;
    if (off > size || bytes > size - off)
        return foreign_refuse(b, "its table lies outside of the file", errp);
    *table = g_try_malloc(bytes + 8);
    if (!*table)
        return foreign_refuse(b, "no memory for its table", errp);
    int ret = node_pread(b->file, *table, bytes, off);
    return !ret || foreign_refuse(b, g_strerror(-ret), errp);
}

void blocks_close(struct block_node *b)
{
    struct blocks *s = b->state;

    g_free(s->place);
    g_free(s);
}

int blocks_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    const struct blocks *s = b->state;
    int ret = 0;

    for (uint64_t n; !ret && bytes; bytes -= n, off += n, sg = sg_skip(sg, n)) {
        uint64_t in = off & (s->block_size - 1), place = s->place[off / s->block_size];
        n = MIN(bytes, s->block_size - in);
        if (place > BLOCK_ZERO)
            ret = node_read(b->file, place + in, n, sg);
        else if (place == BLOCK_ZERO)
            sg_zero(sg, n);
        else
            ret = node_read_backing(b, off, n, sg);
    }
    return ret;
}

int blocks_map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    const struct blocks *s = b->state;
    uint64_t i = off / s->block_size, in = off & (s->block_size - 1), place = s->place[i];

    e->bytes = MIN(bytes, s->block_size - in);
    e->data = e->has_offset = place > BLOCK_ZERO;
    e->allocated = place != BLOCK_ABSENT;
    e->zero = place == BLOCK_ZERO || (!e->allocated && !b->backing);
    e->offset = place + in;
    e->path = b->file->path;
    return 0;
}

void blocks_info(struct block_node *b, struct block_info *info)
{
    info->cluster_size = ((const struct blocks *)b->state)->block_size;
}
