/* Format VDI, VirtualBox's, dynamic and fixed; read only.  Ref: the header of version 1.1. */
#include "block/foreign/blocks_priv.h"

#include <glib.h>

enum { HEADER = 512, TYPE_DYNAMIC = 1, TYPE_FIXED = 2, TYPE_DIFF = 4 };
#define VDI_SIGNATURE UINT32_C(0xbeda107f)
#define VDI_DISCARDED UINT32_C(0xfffffffe)

static int vdi_probe(const uint8_t *head, size_t n)
{
    return n >= HEADER && ld_le32(head + 64) == VDI_SIGNATURE ? 100 : 0;
}

static bool vdi_open(struct block_node *b, struct node_opts o UNUSED, struct error **errp)
{
    uint8_t h[HEADER];

    if (node_pread(b->file, h, sizeof(h), 0) || !vdi_probe(h, sizeof(h)))
        return foreign_refuse(b, "it is no VDI image", errp);
    if (!foreign_is_read_only(b, errp))
        return false;
    uint32_t type = ld_le32(h + 76), block = ld_le32(h + 376), n = ld_le32(h + 384);
    uint64_t table_at = ld_le32(h + 340), data_at = ld_le32(h + 344), size = ld_le64(h + 368);
    if (ld_le32(h + 68) >> 16 != 1)
        return foreign_refuse(b, "only version 1 of the format is supported", errp);
    if (type == TYPE_DIFF)
        return foreign_refuse(b, "differencing images are not supported", errp);
    if (size > INT64_MAX / 2 || !blocks_new(b, block, size, errp))
        return size > INT64_MAX / 2 ? foreign_refuse(b, "its disk is too large", errp) : false;
    struct blocks *s = b->state;
    if (s->n > n)
        return foreign_refuse(b, "its table is too short for its disk", errp);
    g_autofree uint8_t *table = NULL;
    if (!blocks_read_table(b, table_at, s->n * 4, &table, errp))
        return false;
    for (uint64_t i = 0; i < s->n; i++) {
        uint32_t entry = ld_le32(table + i * 4);
        s->place[i] = entry >= VDI_DISCARDED ? BLOCK_ZERO : data_at + (uint64_t)entry * block;
        if (s->place[i] > BLOCK_ZERO && s->place[i] >= b->file->size)
            return foreign_refuse(b, "a block lies outside of the file", errp);
        if (entry > VDI_DISCARDED)
            s->place[i] = BLOCK_ABSENT;
    }
    return true;
}

const struct block_driver vdi_driver = {
    .name = "vdi",
    .probe = vdi_probe,
    .open = vdi_open,
    .close = blocks_close,
    .read = blocks_read,
    .map = blocks_map,
    .info = blocks_info,
};
