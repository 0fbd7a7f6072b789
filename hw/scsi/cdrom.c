/* Commands of CD-ROM and DVD-ROM drives.  Ref: MMC-6, sections 5 and 6.
 * The disc is one data track from block 0 on. */
#include "hw/scsi/disk_priv.h"

#include <glib.h>
#include <string.h>

enum { PROFILE_NONE = 0, PROFILE_CD = 0x08, PROFILE_DVD = 0x10 };
enum { LEAD_OUT = 0xaa, DATA_TRACK = 0x14, PREGAP = 150, FRAMES = 75 };
enum { EVENT_MEDIA_CLASS = 4, EVENT_MEDIA = 0x10 };
/* 80 minutes of frames: what is longer is no CD. */
static const uint64_t MAX_CD_BLOCKS = 80 * 60 * FRAMES;

size_t cdrom_capabilities(const struct scsi_disk *d, uint8_t *p)
{
    p[2] = 0x0f;                         /* reads CD-R, CD-RW, method 2, DVD-ROM */
    p[4] = 0x70;                         /* multisession, both forms of mode 2 */
    p[6] = 0x29 | (d->s.locked ? 2 : 0); /* a tray that locks and opens */
    st_be16(p + 8, 50 * 176);            /* kB/s */
    st_be16(p + 12, 2048);               /* kB of buffer */
    st_be16(p + 14, 50 * 176);
    return 22;
}

static uint16_t profile(const struct scsi_disk *d)
{
    if (!has_medium(d))
        return PROFILE_NONE;
    return disk_blocks(d) > MAX_CD_BLOCKS ? PROFILE_DVD : PROFILE_CD;
}

/* A feature descriptor with n bytes of its own; the bytes it takes. */
static size_t put_feature(uint8_t *p, uint16_t code, bool current, const void *data, uint8_t n)
{
    st_be16(p, code);
    p[2] = 0x01 << 2 | 0x02 | current; /* version 1, persistent */
    p[3] = n;
    memcpy(p + 4, data, n);
    return 4 + (size_t)n;
}

static bool get_configuration(struct scsi_disk *d, struct scsi_request *r)
{
    uint16_t now = profile(d), from = ld_be16(r->cdb + 2);
    const uint8_t profiles[] = {0, PROFILE_DVD, now == PROFILE_DVD, 0,
                                0, PROFILE_CD,  now == PROFILE_CD,  0};
    static const uint8_t core[] = {0, 0, 0, 1, 1, 0, 0, 0};
    static const uint8_t removable[] = {0x29, 0, 0, 0};
    static const uint8_t readable[] = {0, 0, 8, 0, 0, 1, 1, 0};
    const struct {
        uint16_t code;
        bool current;
        const uint8_t *data;
        uint8_t n;
    } features[] = {
        {0x0000, true, profiles, sizeof(profiles)},
        {0x0001, true, core, sizeof(core)},
        {0x0003, true, removable, sizeof(removable)},
        {0x0010, now != PROFILE_NONE, readable, sizeof(readable)},
        {0x001e, now == PROFILE_CD, core, 4},
        {0x001f, now == PROFILE_DVD, core, 0},
    };
    uint8_t buf[128] = {0};
    size_t n = 8;
    unsigned which = r->cdb[1] & 3; /* 0: all, 1: current ones, 2: this one */
    if (which == 3)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        bool wanted = which == 2 ? features[i].code == from : features[i].code >= from;
        if (wanted && (which != 1 || features[i].current))
            n += put_feature(buf + n, features[i].code, features[i].current, features[i].data,
                             features[i].n);
    }
    st_be32(buf, (uint32_t)(n - 4));
    st_be16(buf + 6, now);
    return scsi_reply(r, buf, n, ld_be16(r->cdb + 7));
}

static bool get_event_status(struct scsi_disk *d, struct scsi_request *r)
{
    uint8_t buf[8] = {0, 2, 0x80, EVENT_MEDIA}; /* no event available */
    size_t n = 4;
    if (!(r->cdb[1] & 1)) /* only polling */
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    if (r->cdb[4] & EVENT_MEDIA) {
        n = 8;
        buf[1] = 6;
        buf[2] = EVENT_MEDIA_CLASS;
        buf[4] = d->s.media_event;
        buf[5] = (d->s.tray_open ? 1 : 0) | (has_medium(d) ? 2 : 0);
        d->s.media_event = 0;
    }
    return scsi_reply(r, buf, n, ld_be16(r->cdb + 7));
}

static void put_address(uint8_t *p, uint64_t lba, bool msf)
{
    if (!msf) {
        st_be32(p, (uint32_t)lba);
        return;
    }
    lba += PREGAP;
    p[0] = 0;
    p[1] = (uint8_t)MIN(lba / FRAMES / 60, 255);
    p[2] = (uint8_t)(lba / FRAMES % 60);
    p[3] = (uint8_t)(lba % FRAMES);
}

static size_t put_track(uint8_t *p, uint8_t track, uint64_t lba, bool msf)
{
    memset(p, 0, 8);
    p[1] = DATA_TRACK;
    p[2] = track;
    put_address(p + 4, lba, msf);
    return 8;
}

/* An entry of the raw table of contents; its address is in minutes, always. */
static size_t put_raw(uint8_t *p, uint8_t point, uint64_t lba, bool is_address, uint8_t value)
{
    memset(p, 0, 11);
    p[0] = 1;
    p[1] = DATA_TRACK;
    p[3] = point;
    if (is_address)
        put_address(p + 7, lba, true);
    else
        p[8] = value;
    return 11;
}

static bool read_toc(struct scsi_disk *d, struct scsi_request *r)
{
    uint8_t buf[64] = {0, 0, 1, 1};
    bool msf = r->cdb[1] & 2;
    uint8_t format = r->cdb[2] & 15, start = r->cdb[6];
    size_t n = 4;
    if (disk_not_ready(d, r))
        return true;
    if (format == 0 && start > 1 && start != LEAD_OUT)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    switch (format) {
    case 0:
        if (start <= 1)
            n += put_track(buf + n, 1, 0, msf);
        n += put_track(buf + n, LEAD_OUT, disk_blocks(d), msf);
        break;
    case 1: n += put_track(buf + n, 1, 0, msf); break;
    case 2:
        n += put_raw(buf + n, 0xa0, 0, false, 1);
        n += put_raw(buf + n, 0xa1, 0, false, 1);
        n += put_raw(buf + n, 0xa2, disk_blocks(d), true, 0);
        n += put_raw(buf + n, 1, 0, true, 0);
        break;
    default: return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    }
    st_be16(buf, (uint16_t)(n - 2));
    return scsi_reply(r, buf, n, ld_be16(r->cdb + 7));
}

static bool read_disc_information(struct scsi_disk *d, struct scsi_request *r)
{
    static const uint8_t info[34] = {0, 32, 0x0e, 1, 1, 1, 1, 0x20};
    if (disk_not_ready(d, r))
        return true;
    if (r->cdb[1] & 7)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    return scsi_reply(r, info, sizeof(info), ld_be16(r->cdb + 7));
}

static bool mechanism_status(struct scsi_disk *d, struct scsi_request *r)
{
    uint8_t buf[8] = {0};
    buf[1] = d->s.tray_open ? 0x10 : 0;
    return scsi_reply(r, buf, sizeof(buf), ld_be16(r->cdb + 8));
}

/* Of the parts of a sector there is only the user data. */
static bool read_cd(struct scsi_disk *d, struct scsi_request *r)
{
    uint64_t n = (uint64_t)r->cdb[6] << 16 | ld_be16(r->cdb + 7);
    if (disk_not_ready(d, r))
        return true;
    if ((r->cdb[9] & 0xf8) == 0 || n == 0)
        return scsi_good(r);
    if ((r->cdb[9] & 0xf8) != 0x10 || r->cdb[10] & 7)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    return disk_read_blocks(d, r, ld_be32(r->cdb + 2), n);
}

bool cdrom_start(struct scsi_disk *d, struct scsi_request *r, bool *known)
{
    *known = true;
    switch (r->cdb[0]) {
    case READ_TOC: return read_toc(d, r);
    case GET_CONFIGURATION: return get_configuration(d, r);
    case GET_EVENT_STATUS: return get_event_status(d, r);
    case READ_DISC_INFORMATION: return read_disc_information(d, r);
    case MECHANISM_STATUS: return mechanism_status(d, r);
    case READ_CD: return read_cd(d, r);
    case SET_CD_SPEED: return scsi_good(r);
    default: *known = false; return true;
    }
}
