/* MODE SENSE and MODE SELECT.  Ref: SPC-4, sections 6.9 to 6.12 and 7.5; SBC-3, section 6.4. */
#include "hw/scsi/disk_priv.h"

#include <glib.h>
#include <string.h>

enum {
    PAGE_RECOVERY = 0x01,
    PAGE_GEOMETRY = 0x04,
    PAGE_CACHING = 0x08,
    PAGE_CONTROL = 0x0a,
    PAGE_CD_CAPABILITIES = 0x2a,
    PAGE_ALL = 0x3f,
};
enum { CURRENT, CHANGEABLE, DEFAULT, SAVED };
enum { WRITE_PROTECTED = 0x80, DPO_FUA = 0x10, CACHE_ENABLED = 0x04, MAX_DATA = 256 };

/* Sixteen heads of 63 sectors; nothing depends on it. */
static void put_geometry(const struct scsi_disk *d, uint8_t *p)
{
    uint64_t cyls = d->drive ? MIN(disk_blocks(d) / (16 * 63), (uint64_t)0xffffff) : 0;
    p[2] = (uint8_t)(cyls >> 16);
    st_be16(p + 3, (uint16_t)cyls);
    p[5] = 16;
    st_be16(p + 20, 7200);
}

/* One page at p; its length, 0 when there is no such page. */
static size_t put_page(const struct scsi_disk *d, uint8_t code, unsigned control, uint8_t *p)
{
    static const struct {
        uint8_t code, len;
        bool disk_only, cd_only;
    } pages[] = {
        {PAGE_RECOVERY, 12, false, false},       {PAGE_GEOMETRY, 24, true, false},
        {PAGE_CACHING, 20, false, false},        {PAGE_CONTROL, 12, false, false},
        {PAGE_CD_CAPABILITIES, 22, false, true},
    };
    size_t i = 0;
    while (i < ARRAY_SIZE(pages) && pages[i].code != code)
        i++;
    if (i == ARRAY_SIZE(pages) || (is_cd(d) ? pages[i].disk_only : pages[i].cd_only))
        return 0;
    memset(p, 0, pages[i].len);
    p[0] = code;
    p[1] = (uint8_t)(pages[i].len - 2);
    bool values = control != CHANGEABLE;
    if (code == PAGE_RECOVERY && values)
        p[2] = is_cd(d) ? 0x00 : 0x80; /* automatic write reallocation */
    else if (code == PAGE_GEOMETRY && values)
        put_geometry(d, p);
    else if (code == PAGE_CACHING && !is_cd(d))
        p[2] = !values || (control == DEFAULT ? d->start_cached : d->s.cached) ? CACHE_ENABLED : 0;
    else if (code == PAGE_CONTROL && values)
        p[3] = 0x10; /* commands may be reordered */
    else if (code == PAGE_CD_CAPABILITIES && values)
        cdrom_capabilities(d, p);
    return pages[i].len;
}

static size_t put_pages(const struct scsi_disk *d, uint8_t code, unsigned control, uint8_t *p)
{
    size_t n = 0;
    if (code != PAGE_ALL)
        return put_page(d, code, control, p);
    for (unsigned c = 0; c < PAGE_ALL; c++)
        n += put_page(d, (uint8_t)c, control, p + n);
    return n;
}

static size_t put_descriptor(const struct scsi_disk *d, uint8_t *p)
{
    uint64_t blocks = disk_blocks(d);
    st_be32(p, blocks > 0xffffff ? 0 : (uint32_t)blocks); /* byte 0 is the density, 0 */
    st_be32(p + 4, (uint32_t)d->logical_block_size);
    return 8;
}

bool disk_mode_sense(struct scsi_disk *d, struct scsi_request *r)
{
    bool is_10 = r->cdb[0] == MODE_SENSE_10;
    size_t head = is_10 ? 8 : 4, n = head, blocks = 0;
    unsigned control = r->cdb[2] >> 6;
    uint8_t buf[MAX_DATA] = {0};
    if (control == SAVED)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_SAVING);
    if (!(r->cdb[1] & 8) && has_medium(d) && !is_cd(d))
        blocks = put_descriptor(d, buf + n);
    n += blocks;
    bool all_subpages = r->cdb[3] == 0xff && (r->cdb[2] & PAGE_ALL) == PAGE_ALL;
    size_t pages =
        r->cdb[3] == 0 || all_subpages ? put_pages(d, r->cdb[2] & PAGE_ALL, control, buf + n) : 0;
    if (pages == 0)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    n += pages;
    uint8_t flags =
        is_cd(d) ? 0 : (disk_read_only(d) ? WRITE_PROTECTED : 0) | (d->dpofua ? DPO_FUA : 0);
    if (is_10) {
        st_be16(buf, (uint16_t)(n - 2));
        buf[3] = flags;
        buf[7] = (uint8_t)blocks;
    } else {
        buf[0] = (uint8_t)(n - 1);
        buf[2] = flags;
        buf[3] = (uint8_t)blocks;
    }
    return scsi_reply(r, buf, n, is_10 ? ld_be16(r->cdb + 7) : r->cdb[4]);
}

/* A page that the guest wrote: whatever cannot be changed must be as it is. */
static bool check_page(const struct scsi_disk *d, const uint8_t *p, size_t n)
{
    uint8_t now[MAX_DATA], can[MAX_DATA];
    size_t len = put_page(d, p[0] & 0x3f, CURRENT, now);
    if (len == 0 || len != n || (p[0] & 0x40))
        return false;
    put_page(d, p[0] & 0x3f, CHANGEABLE, can);
    for (size_t i = 2; i < n; i++)
        if ((p[i] ^ now[i]) & ~can[i])
            return false;
    return true;
}

static bool take_pages(struct scsi_disk *d, const uint8_t *p, size_t n, bool apply)
{
    while (n > 0) {
        size_t len = n >= 2 ? p[1] + (size_t)2 : 0;
        if (len == 0 || len > n || !check_page(d, p, len))
            return false;
        if (apply && (p[0] & 0x3f) == PAGE_CACHING)
            d->s.cached = (p[2] & CACHE_ENABLED) != 0;
        p += len;
        n -= len;
    }
    return true;
}

bool disk_mode_select(struct scsi_disk *d, struct scsi_request *r)
{
    bool is_10 = r->cdb[0] == MODE_SELECT_10;
    size_t len = is_10 ? ld_be16(r->cdb + 7) : r->cdb[4], head = is_10 ? 8 : 4;
    uint8_t buf[MAX_DATA];
    if ((r->cdb[1] & 0x11) != 0x10) /* pages in the standard's format, and not saved */
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    if (len == 0)
        return scsi_good(r);
    if (len > sizeof(buf) || len < head || scsi_fetch(r, buf, len) != len)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_PARAMETER_LENGTH);
    size_t descriptors = is_10 ? ld_be16(buf + 6) : buf[3];
    if (head + descriptors > len)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_PARAMETER_LENGTH);
    const uint8_t *pages = buf + head + descriptors;
    size_t n = len - head - descriptors;
    if (!take_pages(d, pages, n, false))
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_PARAMETER);
    take_pages(d, pages, n, true);
    r->done_bytes = len;
    if (d->s.cached || !d->drive)
        return scsi_good(r);
    return disk_flush(d, r);
}
