/*
 * Format VHDX, Hyper-V's; read only, and only images that were closed properly: their log is empty.
 * Ref: VHDX Format Specification 1.00 (MS-VHDX).
 */
#include "block/foreign/blocks_priv.h"

#include <glib.h>
#include <string.h>

enum {
    HEADER1 = 64 << 10,
    HEADER2 = 128 << 10,
    REGIONS1 = 192 << 10,
    REGIONS2 = 256 << 10,
    TABLE = 64 << 10
};
enum { STATE_ZERO = 2, STATE_UNMAPPED = 3, STATE_PRESENT = 6 };

static const uint8_t guid_bat[16] = {0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42,
                                     0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08};
static const uint8_t guid_metadata[16] = {0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b,
                                          0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e};
static const uint8_t guid_parameters[16] = {0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d,
                                            0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b};
static const uint8_t guid_disk_size[16] = {0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48,
                                           0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8};
static const uint8_t guid_sector_size[16] = {0x1d, 0xbf, 0x41, 0x81, 0x6f, 0xa9, 0x09, 0x47,
                                             0xba, 0x47, 0xf2, 0x33, 0xa8, 0xfa, 0xab, 0x5f};

static int vhdx_probe(const uint8_t *head, size_t n)
{
    return n >= 8 && !memcmp(head, "vhdxfile", 8) ? 100 : 0;
}

/* The newer of the two headers; its log must be empty. */
static bool check_headers(struct block_node *b, struct error **errp)
{
    uint64_t best_seq = 0;
    bool found = false, has_log = false;

    for (int i = 0; i < 2; i++) {
        uint8_t h[80];
        if (node_pread(b->file, h, sizeof(h), i ? HEADER2 : HEADER1) || memcmp(h, "head", 4))
            continue;
        uint64_t seq = ld_le64(h + 8);
        if (found && seq <= best_seq)
            continue;
        found = true;
        best_seq = seq;
        has_log = !buffer_is_zero(h + 48, 16);
    }
    if (!found)
        return foreign_refuse(b, "it has no valid header", errp);
    return !has_log ||
           foreign_refuse(b, "it was not closed properly, and its log cannot be replayed here",
                          errp);
}

static bool find_region(struct block_node *b, const uint8_t *guid, uint64_t *off, uint64_t *len,
                        struct error **errp)
{
    g_autofree uint8_t *t = g_malloc(TABLE);

    for (int i = 0; i < 2; i++) {
        if (node_pread(b->file, t, TABLE, i ? REGIONS2 : REGIONS1) || memcmp(t, "regi", 4))
            continue;
        uint32_t n = MIN(ld_le32(t + 8), 2047);
        for (uint32_t k = 0; k < n; k++) {
            const uint8_t *e = t + 16 + k * 32;
            if (memcmp(e, guid, 16))
                continue;
            *off = ld_le64(e + 16);
            *len = ld_le32(e + 24);
            return true;
        }
    }
    return foreign_refuse(b, "a region is missing", errp);
}

/* An item of the metadata region, `want` bytes of it. */
static bool find_item(struct block_node *b, uint64_t region, const uint8_t *guid, void *out,
                      size_t want, struct error **errp)
{
    g_autofree uint8_t *t = g_malloc(TABLE);

    if (region > b->file->size || node_pread(b->file, t, TABLE, region) || memcmp(t, "metadata", 8))
        return foreign_refuse(b, "its metadata are missing", errp);
    uint32_t n = MIN(ld_le16(t + 10), 2047);
    for (uint32_t k = 0; k < n; k++) {
        const uint8_t *e = t + 32 + k * 32;
        if (memcmp(e, guid, 16) || ld_le32(e + 20) < want)
            continue;
        int ret = node_pread(b->file, out, want, region + ld_le32(e + 16));
        return !ret || foreign_refuse(b, g_strerror(-ret), errp);
    }
    return foreign_refuse(b, "an item of its metadata is missing", errp);
}

static bool read_bat(struct block_node *b, uint64_t at, uint64_t len, uint64_t ratio,
                     struct error **errp)
{
    struct blocks *s = b->state;
    uint64_t entries = s->n ? s->n + (s->n - 1) / ratio : 0;
    g_autofree uint8_t *t = NULL;

    if (entries * 8 > len)
        return foreign_refuse(b, "its table is too short for its disk", errp);
    if (!blocks_read_table(b, at, entries * 8, &t, errp))
        return false;
    for (uint64_t i = 0; i < s->n; i++) {
        uint64_t e = ld_le64(t + (i + i / ratio) * 8), place = align_down(e, 1 << 20);
        unsigned state = e & 7;
        if (state == STATE_PRESENT && (!place || place >= b->file->size))
            return foreign_refuse(b, "a block lies outside of the file", errp);
        if (state > STATE_UNMAPPED && state != STATE_PRESENT)
            return foreign_refuse(b, "differencing images are not supported", errp);
        s->place[i] = state == STATE_PRESENT ? place
                      : state == STATE_ZERO  ? BLOCK_ZERO
                                             : BLOCK_ABSENT;
    }
    return true;
}

static bool vhdx_open(struct block_node *b, struct node_opts o UNUSED, struct error **errp)
{
    uint8_t head[8], parameters[8], size[8], sector[4];
    uint64_t bat, bat_len, meta, meta_len;

    if (node_pread(b->file, head, sizeof(head), 0) || !vhdx_probe(head, sizeof(head)))
        return foreign_refuse(b, "it is no VHDX image", errp);
    if (!foreign_is_read_only(b, errp) || !check_headers(b, errp) ||
        !find_region(b, guid_bat, &bat, &bat_len, errp) ||
        !find_region(b, guid_metadata, &meta, &meta_len, errp) ||
        !find_item(b, meta, guid_parameters, parameters, 8, errp) ||
        !find_item(b, meta, guid_disk_size, size, 8, errp) ||
        !find_item(b, meta, guid_sector_size, sector, 4, errp))
        return false;
    if (ld_le32(parameters + 4) & 2)
        return foreign_refuse(b, "differencing images are not supported", errp);
    uint64_t block = ld_le32(parameters), unit = ld_le32(sector);
    if (unit != 512 && unit != 4096)
        return foreign_refuse(b, "its sectors have neither 512 nor 4096 bytes", errp);
    if (block < 1 << 20 || ld_le64(size) > (uint64_t)1 << 46)
        return foreign_refuse(b, "its blocks are too small, or its disk is too large", errp);
    return blocks_new(b, block, ld_le64(size), errp) &&
           read_bat(b, bat, bat_len, (unit << 23) / block, errp);
}

const struct block_driver vhdx_driver = {
    .name = "vhdx",
    .probe = vhdx_probe,
    .open = vhdx_open,
    .close = blocks_close,
    .read = blocks_read,
    .map = blocks_map,
    .info = blocks_info,
};
