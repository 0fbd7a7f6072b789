/* INQUIRY of disks and CD-ROM drives: standard data and vital product data.
 * Ref: SPC-4, sections 6.4 and 7.8; SBC-3, section 6.5. */
#include "hw/scsi/disk_priv.h"

#include <glib.h>
#include <string.h>

enum {
    PAGE_LIST = 0x00,
    PAGE_SERIAL = 0x80,
    PAGE_IDENTITY = 0x83,
    PAGE_LIMITS = 0xb0,
    PAGE_MEDIUM = 0xb1,
    PAGE_PROVISIONING = 0xb2,
};
enum { MAX_PAGE = 512, HEADER = 4, MAX_TEXT = 255 - 8 };
enum { MAX_UNMAP_RANGES = 255 };

static void put_text(uint8_t *to, size_t n, const char *text)
{
    memset(to, ' ', n);
    memcpy(to, text, MIN(n, strlen(text)));
}

static bool standard(struct scsi_disk *d, struct scsi_request *r, uint16_t alloc)
{
    uint8_t buf[36] = {d->u.ucls->type};
    buf[1] = d->removable ? 0x80 : 0;
    buf[2] = d->scsi_version;
    buf[3] = 0x12; /* hierarchical numbering, this format */
    buf[4] = sizeof(buf) - 5;
    buf[7] = 0x02; /* command queueing */
    put_text(buf + 8, 8, d->vendor);
    put_text(buf + 16, 16, d->product);
    put_text(buf + 32, 4, d->version);
    return scsi_reply(r, buf, sizeof(buf), alloc);
}

static size_t page_list(const struct scsi_disk *d, uint8_t *p)
{
    size_t n = 0;
    p[n++] = PAGE_LIST;
    if (d->serial)
        p[n++] = PAGE_SERIAL;
    p[n++] = PAGE_IDENTITY;
    if (!is_cd(d)) {
        p[n++] = PAGE_LIMITS;
        p[n++] = PAGE_MEDIUM;
        p[n++] = PAGE_PROVISIONING;
    }
    return n;
}

static size_t page_serial(const struct scsi_disk *d, uint8_t *p)
{
    size_t n = d->serial ? MIN(strlen(d->serial), (size_t)MAX_TEXT) : 0;
    if (n)
        memcpy(p, d->serial, n);
    return n;
}

/* A designator of this unit, or with `port` of the port it is reached through. */
static size_t put_naa(uint8_t *p, uint64_t name, bool port)
{
    p[0] = 0x01; /* binary */
    p[1] = (port ? 0x90 : 0) | 0x03;
    p[2] = 0;
    p[3] = 8;
    st_be64(p + 4, name);
    return 12;
}

static size_t page_identity(const struct scsi_disk *d, uint8_t *p)
{
    size_t n = 0, len = d->identity ? MIN(strlen(d->identity), (size_t)MAX_TEXT) : 0;
    if (len) {
        p[0] = 0x02; /* ASCII */
        p[1] = 0x00; /* vendor specific */
        p[2] = 0;
        p[3] = (uint8_t)len;
        memcpy(p + 4, d->identity, len);
        n = 4 + len;
    }
    if (d->wwn)
        n += put_naa(p + n, d->wwn, false);
    if (d->port_wwn)
        n += put_naa(p + n, d->port_wwn, true);
    if (d->port_index) {
        static const uint8_t head[] = {0x61, 0x94, 0, 4, 0, 0};
        memcpy(p + n, head, sizeof(head));
        st_be16(p + n + 6, d->port_index);
        n += 8;
    }
    return n;
}

static uint32_t in_blocks(const struct scsi_disk *d, uint64_t bytes)
{
    return (uint32_t)MIN(bytes / d->logical_block_size, (uint64_t)UINT32_MAX);
}

static size_t page_limits(const struct scsi_disk *d, uint8_t *p)
{
    memset(p, 0, 60);
    p[0] = 1; /* WRITE SAME needs a length */
    st_be16(p + 2, (uint16_t)MIN(in_blocks(d, d->min_io_size), UINT16_MAX));
    st_be32(p + 4, in_blocks(d, d->max_io_size));
    st_be32(p + 8, in_blocks(d, d->opt_io_size));
    st_be32(p + 16, in_blocks(d, d->max_unmap_size));
    st_be32(p + 20, MAX_UNMAP_RANGES);
    st_be32(p + 24, in_blocks(d, d->discard_granularity));
    st_be64(p + 32, in_blocks(d, d->max_unmap_size));
    return 60;
}

static size_t page_medium(const struct scsi_disk *d, uint8_t *p)
{
    memset(p, 0, 60);
    st_be16(p, d->rotation_rate);
    return 60;
}

/* UNMAP and both WRITE SAMEs may unmap; thin provisioning. */
static size_t page_provisioning(const struct scsi_disk *d, uint8_t *p)
{
    static const uint8_t page[] = {0, 0xe0, 2, 0};
    static const uint8_t none[] = {0, 0, 0, 0};
    memcpy(p, d->discard_granularity ? page : none, sizeof(page));
    return sizeof(page);
}

static bool vital(struct scsi_disk *d, struct scsi_request *r, uint8_t code, uint16_t alloc)
{
    static const struct {
        uint8_t code;
        bool disk_only;
        size_t (*make)(const struct scsi_disk *d, uint8_t *p);
    } pages[] = {
        {PAGE_LIST, false, page_list},         {PAGE_SERIAL, false, page_serial},
        {PAGE_IDENTITY, false, page_identity}, {PAGE_LIMITS, true, page_limits},
        {PAGE_MEDIUM, true, page_medium},      {PAGE_PROVISIONING, true, page_provisioning},
    };
    uint8_t buf[HEADER + MAX_PAGE] = {d->u.ucls->type, code};
    for (size_t i = 0; i < ARRAY_SIZE(pages); i++) {
        if (pages[i].code != code || (pages[i].disk_only && is_cd(d)) ||
            (code == PAGE_SERIAL && !d->serial))
            continue;
        size_t n = pages[i].make(d, buf + HEADER);
        st_be16(buf + 2, (uint16_t)n);
        return scsi_reply(r, buf, HEADER + n, alloc);
    }
    return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
}

bool disk_inquiry(struct scsi_disk *d, struct scsi_request *r)
{
    uint16_t alloc = ld_be16(r->cdb + 3);
    if (r->cdb[1] & 1)
        return vital(d, r, r->cdb[2], alloc);
    if (r->cdb[2])
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    return standard(d, r, alloc);
}
