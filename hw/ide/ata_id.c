/* What an ATA disk says of itself: IDENTIFY, features, SMART, logs.
 * Ref: ATA/ATAPI-7 volume 1, 6.16 (IDENTIFY DEVICE), 6.47 (SET FEATURES), 6.53 (SMART);
 * ATA8-ACS, annex A (logs). */
#include "hw/ide/ide_priv.h"

#include <glib.h>
#include <string.h>

enum { SMART_KEY = 0xc24f, LOG_DIRECTORY = 0x00, LOG_QUEUED_ERROR = 0x10 };
enum { /* subcommands of SMART */
       SMART_READ_DATA = 0xd0,
       SMART_READ_THRESHOLDS = 0xd1,
       SMART_AUTOSAVE = 0xd2,
       SMART_SAVE = 0xd3,
       SMART_TEST = 0xd4,
       SMART_READ_LOG = 0xd5,
       SMART_ENABLE = 0xd8,
       SMART_DISABLE = 0xd9,
       SMART_STATUS = 0xda
};
enum { /* subcommands of SET FEATURES */
       CACHE_ON = 0x02,
       SET_MODE = 0x03,
       APM_ON = 0x05,
       ACOUSTIC_ON = 0x42,
       LOOKAHEAD_OFF = 0x55,
       DEFAULTS_KEPT = 0x66,
       CACHE_OFF = 0x82,
       APM_OFF = 0x85,
       LOOKAHEAD_ON = 0xaa,
       ACOUSTIC_OFF = 0xc2,
       DEFAULTS_BACK = 0xcc
};

void ata_put16(uint8_t *id, unsigned word, uint16_t v)
{
    st_le16(id + 2 * word, v);
}

/* Text is in words whose first character is the upper byte. */
void ata_put_text(uint8_t *id, unsigned word, unsigned bytes, const char *text)
{
    size_t len = strlen(text);
    for (unsigned i = 0; i < bytes; i++)
        id[2 * word + (i ^ 1)] = (uint8_t)(i < len ? text[i] : ' ');
}

/* Sixteen heads of 63 sectors, as far as cylinders go, unless the user gave the geometry. */
static void geometry(const struct ide_hd *d, uint64_t *cyls, unsigned *heads, unsigned *secs)
{
    *heads = d->cyls ? d->heads : 16;
    *secs = d->cyls ? d->secs : 63;
    *cyls = d->cyls ? d->cyls : MIN(ata_sectors(d) / (*heads * *secs), (uint64_t)16383);
    if (*cyls == 0)
        *cyls = 1;
}

void ata_set_geometry(struct ata_state *s, const struct ide_hd *d)
{
    uint64_t cyls;
    unsigned heads, secs;
    geometry(d, &cyls, &heads, &secs);
    s->cylinders = (uint16_t)cyls;
    s->heads = (uint8_t)heads;
    s->sectors = (uint8_t)secs;
}

static void put_geometry(uint8_t *id, const struct ide_hd *d, const struct ata_state *s)
{
    uint64_t cyls;
    unsigned heads, secs;
    geometry(d, &cyls, &heads, &secs);
    ata_put16(id, 1, (uint16_t)cyls);
    ata_put16(id, 3, (uint16_t)heads);
    ata_put16(id, 6, (uint16_t)secs);
    ata_put16(id, 54, s->cylinders);
    ata_put16(id, 55, s->heads);
    ata_put16(id, 56, s->sectors);
    st_le32(id + 2 * 57, (uint32_t)s->cylinders * s->heads * s->sectors);
}

/* Transfer modes: PIO 4, multi-word DMA 2, Ultra DMA 5, and which of them is chosen. */
static void put_modes(uint8_t *id, const struct ata_state *s)
{
    unsigned kind = s->mode >> 3, n = s->mode & 7;
    ata_put16(id, 53, 0x0007);
    ata_put16(id, 63, (uint16_t)(0x0007 | (kind == 4 ? 0x100U << n : 0)));
    ata_put16(id, 64, 0x0003);
    for (unsigned w = 65; w <= 68; w++)
        ata_put16(id, w, 120);
    ata_put16(id, 88, (uint16_t)(0x003f | (kind == 8 ? 0x100U << n : 0)));
}

static void put_features(uint8_t *id, const struct ide_hd *d, const struct ata_state *s)
{
    uint16_t wwn = d->wwn ? 0x100 : 0;
    ata_put16(id, 80, 0x00f0); /* ATA-4 to ATA-7 */
    ata_put16(id, 81, 0x0016);
    ata_put16(id, 82, 0x4069);                   /* NOP, look-ahead, write cache, power, SMART */
    ata_put16(id, 83, 0x7400);                   /* 48 bits, both flushes */
    ata_put16(id, 84, (uint16_t)(0x4020 | wwn)); /* general purpose logging */
    ata_put16(id, 85, (uint16_t)(0x4048 | (s->cached ? 0x20 : 0) | (s->smart ? 0x01 : 0)));
    ata_put16(id, 86, 0x3400);
    ata_put16(id, 87, (uint16_t)(0x4020 | wwn));
    ata_put16(id, 93, 0x6001 | 0x2000); /* 80 wires */
    if (!d->wwn)
        return;
    for (unsigned i = 0; i < 4; i++)
        ata_put16(id, 108 + i, (uint16_t)(d->wwn >> (48 - 16 * i)));
}

static void put_medium(uint8_t *id, const struct ide_hd *d, const struct ata_state *s)
{
    unsigned per_physical = (unsigned)__builtin_ctzll(d->physical_block_size / ATA_SECTOR);
    st_le32(id + 2 * 60, (uint32_t)MIN(s->max_sectors, ATA_MAX_LBA28 - 1));
    st_le64(id + 2 * 100, s->max_sectors);
    ata_put16(id, 106, (uint16_t)(per_physical ? 0x6000 | per_physical : 0x4000));
    if (d->discard_granularity) {
        ata_put16(id, 69, 0x4020); /* what was trimmed reads as zero, in a determinate way */
        ata_put16(id, 105, 8);
        ata_put16(id, 169, 1);
    }
    ata_put16(id, 217, d->rotation_rate);
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t total = 0;
    for (size_t i = 0; i < n; i++)
        total = (uint8_t)(total + p[i]);
    return total;
}

static void seal(uint8_t *p)
{
    p[ATA_SECTOR - 1] = (uint8_t)-sum(p, ATA_SECTOR - 1);
}

void ata_identify(struct ata_command *c)
{
    const struct ide_hd *d = ata_disk(c);
    const struct ata_state *s = ata_state_of(c);
    uint8_t *id = ata_buffer(c, ATA_SECTOR);
    ata_put16(id, 0, 0x0040);
    put_geometry(id, d, s);
    ata_put_text(id, 10, 20, d->serial ? d->serial : d->made_serial);
    ata_put_text(id, 23, 8, d->version);
    ata_put_text(id, 27, 40, d->model);
    ata_put16(id, 47, 0x8010);
    ata_put16(id, 49, 0x0f00); /* LBA, DMA, IORDY */
    ata_put16(id, 50, 0x4000);
    ata_put16(id, 59, s->multiple ? 0x0100U | s->multiple : 0);
    put_modes(id, s);
    ata_put16(id, 75, 31);     /* queue depth less 1 */
    ata_put16(id, 76, 0x0106); /* queued commands, both first speeds */
    put_features(id, d, s);
    put_medium(id, d, s);
    ata_put16(id, 222, 0x1020); /* serial transport */
    id[2 * 255] = 0xa5;
    seal(id);
    ata_reply(c, ATA_SECTOR);
}

static void set_mode(struct ata_command *c)
{
    unsigned kind = c->count >> 3 & 0x1f, n = c->count & 7;
    bool ok = kind == 0 ? n <= 1 : kind == 1 ? n <= 4 : kind == 4 ? n <= 2 : kind == 8 && n <= 5;
    if (!ok) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    if (kind >= 4)
        ata_state_of(c)->mode = (uint8_t)c->count;
    ata_done(c);
}

void ata_set_features(struct ata_command *c)
{
    struct ata_state *s = ata_state_of(c);
    switch (c->feature & 0xff) {
    case SET_MODE: set_mode(c); return;
    case CACHE_ON: s->cached = 1; break;
    case CACHE_OFF: /* what is cached goes out now */
        s->cached = 0;
        ata_flush(c);
        return;
    case APM_ON:
    case APM_OFF:
    case ACOUSTIC_ON:
    case ACOUSTIC_OFF:
    case LOOKAHEAD_ON:
    case LOOKAHEAD_OFF:
    case DEFAULTS_KEPT:
    case DEFAULTS_BACK: break;
    default: ata_fail(c, ATA_ABRT); return;
    }
    ata_done(c);
}

/* Attributes: number, flags, worst and threshold; all as good as new. */
static const struct {
    uint8_t id, flags, value, threshold;
} attributes[] = {
    {1, 0x03, 100, 6},   /* read errors */
    {3, 0x03, 100, 0},   /* spin-up time */
    {4, 0x02, 100, 20},  /* starts */
    {5, 0x03, 100, 36},  /* reallocated sectors */
    {9, 0x03, 100, 0},   /* power-on hours */
    {12, 0x03, 100, 0},  /* power cycles */
    {190, 0x03, 69, 50}, /* temperature of the air */
};

static void smart_data(struct ata_command *c, bool thresholds)
{
    uint8_t *p = ata_buffer(c, ATA_SECTOR);
    st_le16(p, 1);
    for (unsigned i = 0; i < ARRAY_SIZE(attributes); i++) {
        uint8_t *a = p + 2 + 12 * i;
        a[0] = attributes[i].id;
        if (thresholds) {
            a[1] = attributes[i].threshold;
            continue;
        }
        a[1] = attributes[i].flags;
        a[3] = a[4] = attributes[i].value;
    }
    if (!thresholds) {
        p[362] = 0x02; /* off-line collection done */
        st_le16(p + 364, 288);
        p[367] = 0x53 | 0x08; /* tests: short and extended */
        st_le16(p + 368, 0x03);
        p[370] = 0x01;
        p[372] = 2;
        p[373] = 54;
    }
    seal(p);
    ata_reply(c, ATA_SECTOR);
}

/* Logs: the directory, errors (none) and self tests (none). */
static void smart_log(struct ata_command *c)
{
    uint8_t *p = ata_buffer(c, ATA_SECTOR), log = c->lba & 0xff;
    if (log != 0 && log != 1 && log != 6) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    p[0] = 1;
    if (log == 0)
        p[2] = p[12] = 1;
    else
        seal(p);
    ata_reply(c, ATA_SECTOR);
}

void ata_smart(struct ata_command *c)
{
    struct ata_state *s = ata_state_of(c);
    unsigned what = c->feature & 0xff;
    if ((c->lba >> 8 & 0xffff) != SMART_KEY || (!s->smart && what != SMART_ENABLE)) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    switch (what) {
    case SMART_READ_DATA:
    case SMART_READ_THRESHOLDS: smart_data(c, what == SMART_READ_THRESHOLDS); return;
    case SMART_READ_LOG: smart_log(c); return;
    case SMART_ENABLE: s->smart = 1; break;
    case SMART_DISABLE: s->smart = 0; break;
    case SMART_AUTOSAVE:
    case SMART_SAVE:
    case SMART_TEST: /* passes at once */
    case SMART_STATUS: /* the key stays: no threshold is exceeded */ break;
    default: ata_fail(c, ATA_ABRT); return;
    }
    ata_done(c);
}

static void queued_error(const struct ata_state *s, uint8_t *p)
{
    p[0] = s->failed_tag;
    p[2] = s->failed_status;
    p[3] = s->failed_error;
    p[4] = (uint8_t)s->failed_lba;
    p[5] = (uint8_t)(s->failed_lba >> 8);
    p[6] = (uint8_t)(s->failed_lba >> 16);
    p[7] = ATA_DEVICE_LBA;
    p[8] = (uint8_t)(s->failed_lba >> 24);
    p[9] = (uint8_t)(s->failed_lba >> 32);
    p[10] = (uint8_t)(s->failed_lba >> 40);
    seal(p);
}

void ata_read_log(struct ata_command *c, bool is_dma)
{
    unsigned log = c->lba & 0xff, page = c->lba >> 8 & 0xff;
    if ((log != LOG_DIRECTORY && log != LOG_QUEUED_ERROR) || page || c->count != 1) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    uint8_t *p = ata_buffer(c, ATA_SECTOR);
    if (log == LOG_DIRECTORY) {
        st_le16(p, 1);
        st_le16(p + 2 * LOG_QUEUED_ERROR, 1);
    } else {
        queued_error(ata_state_of(c), p);
    }
    c->protocol = is_dma ? ATA_DMA_IN : ATA_PIO_IN;
    ata_reply(c, ATA_SECTOR);
}
