/* Format VHD, Virtual PC's, fixed and dynamic; read only.  Ref: Virtual Hard Disk Image Format
 * Specification 1.0. */
#include "block/foreign/blocks_priv.h"

#include <glib.h>
#include <string.h>

enum {
    FOOTER = 512,
    TYPE_FIXED = 2,
    TYPE_DYNAMIC = 3,
    MAX_CYLINDERS = 65535,
    MAX_HEADS = 16,
    MAX_SECTORS = 255
};

static int vpc_probe(const uint8_t *head, size_t n)
{
    return n >= FOOTER && !memcmp(head, "conectix", 8) ? 100 : 0;
}

/* Some programs go by the geometry, which may be less or more than the size field says. */
static uint64_t disk_size(const uint8_t *f)
{
    static const char creators[][5] = {"vpc ", "vs  ", "qemu"};
    unsigned cyls = ld_be16(f + 56), heads = f[58], secs = f[59];
    bool is_max = cyls == MAX_CYLINDERS && heads == MAX_HEADS && secs == MAX_SECTORS;

    for (size_t i = 0; i < ARRAY_SIZE(creators); i++)
        if (!memcmp(f + 28, creators[i], 4) && !is_max)
            return (uint64_t)cyls * heads * secs * SECTOR;
    return ld_be64(f + 48);
}

/* The footer: at the end, and in dynamic images also at the start. */
static bool read_footer(struct block_node *b, uint8_t *f, struct error **errp)
{
    uint64_t size = b->file->size;

    if (!node_pread(b->file, f, FOOTER, 0) && vpc_probe(f, FOOTER))
        return true;
    if (size >= FOOTER && !node_pread(b->file, f, FOOTER, size - FOOTER) && vpc_probe(f, FOOTER))
        return true;
    return foreign_refuse(b, "it is no VHD image", errp);
}

/* The data lies there as it is. */
static bool open_fixed(struct block_node *b, uint64_t size, struct error **errp)
{
    enum { UNIT = 2 << 20 };

    size = MIN(size, b->file->size - FOOTER);
    if (!blocks_new(b, UNIT, size, errp))
        return false;
    ((struct blocks *)b->state)->is_plain = true;
    return true;
}

static int fixed_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    return node_read(b->file, off, bytes, sg);
}

static bool open_dynamic(struct block_node *b, uint64_t header_at, uint64_t size,
                         struct error **errp)
{
    uint8_t h[1024];

    if (header_at > b->file->size || node_pread(b->file, h, sizeof(h), header_at) ||
        memcmp(h, "cxsparse", 8))
        return foreign_refuse(b, "its second header is missing", errp);
    uint64_t table_at = ld_be64(h + 16), block = ld_be32(h + 32);
    if (!blocks_new(b, block, size, errp))
        return false;
    struct blocks *s = b->state;
    if (ld_be32(h + 28) < s->n)
        return foreign_refuse(b, "its table is too short for its disk", errp);
    g_autofree uint8_t *table = NULL;
    if (!blocks_read_table(b, table_at, s->n * 4, &table, errp))
        return false;
    uint64_t bitmap =
        align_up(block / SECTOR / 8, SECTOR); /* before each block: its written sectors */
    for (uint64_t i = 0; i < s->n; i++) {
        uint32_t entry = ld_be32(table + i * 4);
        s->place[i] = entry == UINT32_MAX ? BLOCK_ABSENT : (uint64_t)entry * SECTOR + bitmap;
        if (entry != UINT32_MAX && s->place[i] >= b->file->size)
            return foreign_refuse(b, "a block lies outside of the file", errp);
    }
    return true;
}

static bool is_fixed(const struct block_node *b)
{
    return ((const struct blocks *)b->state)->is_plain;
}

static bool vpc_open(struct block_node *b, struct node_opts o UNUSED, struct error **errp)
{
    uint8_t f[FOOTER];

    if (!read_footer(b, f, errp) || !foreign_is_read_only(b, errp))
        return false;
    uint32_t type = ld_be32(f + 60);
    uint64_t size = disk_size(f);
    if (size > (uint64_t)1 << 46)
        return foreign_refuse(b, "its disk is too large", errp);
    if (type == TYPE_FIXED)
        return open_fixed(b, size, errp);
    if (type == TYPE_DYNAMIC)
        return open_dynamic(b, ld_be64(f + 16), size, errp);
    return foreign_refuse(b, "differencing images are not supported", errp);
}

static int vpc_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    return is_fixed(b) ? fixed_read(b, off, bytes, sg) : blocks_read(b, off, bytes, sg);
}

static int vpc_map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    if (!is_fixed(b))
        return blocks_map(b, off, bytes, e);
    e->has_offset = true;
    e->offset = off;
    e->path = b->file->path;
    return 0;
}

const struct block_driver vpc_driver = {
    .name = "vpc",
    .probe = vpc_probe,
    .open = vpc_open,
    .close = blocks_close,
    .read = vpc_read,
    .map = vpc_map,
    .info = blocks_info,
};
