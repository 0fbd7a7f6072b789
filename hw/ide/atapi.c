/*
 * Packet commands: an ATA wrapping of the SCSI CD-ROM drive.
 * Ref: ATA/ATAPI-7 volume 1, 6.22 (PACKET), 6.17 (IDENTIFY PACKET DEVICE); SFF-8020i.
 */
#include "hw/ide/ide_priv.h"
#include "hw/scsi/disk.h"

#include <glib.h>
#include <string.h>

enum {
    DMA = 0x01,
    LONG_READ = 64,
    SET_MODE = 0x03,
    MAX_REPLY = 65536,
    SENSE_SHIFT = 4,
    BLOCK = 2048
};
enum {
    READ_10 = 0x28,
    READ_12 = 0xa8,
    READ_CD = 0xbe,
    MODE_SELECT_6 = 0x15,
    MODE_SELECT_10 = 0x55
};
enum { REQUEST_SENSE = 0x03, SENSE_BYTES = SCSI_SENSE_BYTES };

static void identify_packet(struct ata_command *c)
{
    uint8_t *id = ata_buffer(c, ATA_SECTOR);
    const struct device *dev = c->bus->drive[c->unit];
    unsigned mode = ata_state_of(c)->mode;
    ata_put16(id, 0, 0x85c0); /* CD-ROM, removable, quick packets of 12 bytes */
    ata_put_text(id, 10, 20, scsi_disk_serial(dev));
    ata_put_text(id, 23, 8, scsi_disk_version(dev));
    ata_put_text(id, 27, 40, scsi_disk_product(dev));
    ata_put16(id, 49, 0x0f00);
    ata_put16(id, 53, 0x0007);
    ata_put16(id, 63, (uint16_t)(0x0007 | (mode >> 3 == 4 ? 0x100U << (mode & 7) : 0)));
    ata_put16(id, 64, 0x0003);
    for (unsigned w = 65; w <= 68; w++)
        ata_put16(id, w, 120);
    ata_put16(id, 71, 30);
    ata_put16(id, 72, 30);
    ata_put16(id, 76, 0x0006);
    ata_put16(id, 80, 0x00f0);
    ata_put16(id, 82, 0x0210); /* packets, DEVICE RESET */
    ata_put16(id, 83, 0x4000);
    ata_put16(id, 84, 0x4000);
    ata_put16(id, 85, 0x0210);
    ata_put16(id, 87, 0x4000);
    ata_put16(id, 88, (uint16_t)(0x003f | (mode >> 3 == 8 ? 0x100U << (mode & 7) : 0)));
    ata_put16(id, 93, 0x6001);
    ata_reply(c, ATA_SECTOR);
}

/* --- PACKET --- */

static void finish(struct ata_command *c)
{
    c->count = ATAPI_CD | ATAPI_IO;
    ata_done(c);
}

/* The error register has the sense key; the sense data wait for REQUEST SENSE. */
static void fail_sense(struct ata_command *c)
{
    struct ata_state *s = ata_state_of(c);
    const uint8_t *sense = c->scsi.sense;
    s->failed_lba = (uint64_t)sense[2] << 16 | (uint64_t)sense[12] << 8 | sense[13];
    c->count = ATAPI_CD | ATAPI_IO;
    ata_fail(c, (uint8_t)(sense[2] << SENSE_SHIFT | ATA_ABRT));
}

static void start_scsi(struct ata_command *c);

static void shorten(struct ata_command *c);

static void reply_taken(struct ata_command *c)
{
    if (c->scsi_left == 0) {
        finish(c);
        return;
    }
    shorten(c);
    start_scsi(c);
}

/* The PIO byte count: the limit is even, unless all fits. */
static uint32_t drq_bytes(const struct ata_command *c, uint32_t n)
{
    uint32_t limit = (uint32_t)(c->lba >> 8 & 0xffff);
    if (limit == 0)
        limit = 0xfffe;
    if (n > limit && (limit & 1))
        limit--;
    return limit ? limit : 2;
}

static void scsi_complete(struct ata_command *c)
{
    bool to_host = c->scsi.nout == 0;
    uint32_t n = (uint32_t)c->scsi.done_bytes;
    if (c->scsi.status != SCSI_GOOD) {
        fail_sense(c);
    } else if (n == 0 || !to_host) {
        finish(c);
    } else {
        c->block = drq_bytes(c, n);
        c->count = ATAPI_IO;
        ata_send(c, c->by_dma ? ATA_DMA_IN : ATA_PIO_IN, n, reply_taken);
    }
}

/* On a worker thread. */
static void scsi_done(struct scsi_request *r)
{
    struct ata_command *c = r->opaque;
    struct ide_bus *bus = c->bus;
    mutex_lock(&bus->adapter->lock);
    bus->in_flight--;
    c->in_flight = false;
    if (c->is_dropped)
        ata_drop(c);
    else
        scsi_complete(c);
    cond_broadcast(&bus->idle);
    mutex_unlock(&bus->adapter->lock);
}

/* Sense data of the last command, once. */
static bool own_sense(struct ata_command *c)
{
    struct ata_state *s = ata_state_of(c);
    struct scsi_request sense = {0};
    if (c->cdb[0] != REQUEST_SENSE || s->failed_lba == 0)
        return false;
    scsi_fail(&sense, (uint8_t)(s->failed_lba >> 16), (uint16_t)s->failed_lba);
    s->failed_lba = 0;
    scsi_reply(&c->scsi, sense.sense, SENSE_BYTES, c->cdb[4]);
    return true;
}

static void start_scsi(struct ata_command *c)
{
    struct scsi_request *r = &c->scsi;
    scsi_request_fini(r);
    bool out = r->nout > 0;
    *r = (struct scsi_request){.done = scsi_done, .opaque = c};
    memcpy(r->cdb, c->cdb, ATAPI_CDB);
    c->iov = (struct iovec){c->data, c->now};
    r->out = r->in = &c->iov;
    r->nout = out;
    r->nin = !out;
    r->out_bytes = out ? c->now : 0;
    r->in_bytes = out ? 0 : c->now;
    if (own_sense(c)) {
        scsi_complete(c);
        return;
    }
    c->in_flight = true;
    c->bus->in_flight++;
    if (!scsi_start(&c->bus->scsi, c->unit, 0, r))
        return;
    c->in_flight = false;
    c->bus->in_flight--;
    if (c->cdb[0] != REQUEST_SENSE)
        ata_state_of(c)->failed_lba = 0;
    scsi_complete(c);
}

/* Blocks of a read command, by its length field. */
static uint64_t read_blocks(const uint8_t *cdb)
{
    switch (cdb[0]) {
    case READ_10: return ld_be16(cdb + 7);
    case READ_12: return ld_be32(cdb + 6);
    case READ_CD: return (uint64_t)cdb[6] << 16 | ld_be16(cdb + 7);
    default: return 0;
    }
}

static void set_blocks(uint8_t *cdb, uint32_t n)
{
    if (cdb[0] == READ_10)
        st_be16(cdb + 7, (uint16_t)n);
    else if (cdb[0] == READ_12)
        st_be32(cdb + 6, n);
    else
        cdb[6] = 0, st_be16(cdb + 7, (uint16_t)n);
}

/* A long read goes in pieces: each is a command of its own to the unit. */
static void shorten(struct ata_command *c)
{
    uint32_t n = (uint32_t)MIN(c->scsi_left, (uint64_t)LONG_READ);
    if (c->scsi.done_bytes)
        st_be32(c->cdb + 2, ld_be32(c->cdb + 2) + (uint32_t)(c->scsi.done_bytes / BLOCK));
    set_blocks(c->cdb, n);
    c->scsi_left -= n;
    c->now = n * BLOCK;
    ata_buffer(c, c->now);
}

static void parameters_taken(struct ata_command *c)
{
    c->scsi.nout = 1;
    start_scsi(c);
}

static uint32_t parameter_bytes(const uint8_t *cdb)
{
    return cdb[0] == MODE_SELECT_6 ? cdb[4] : cdb[0] == MODE_SELECT_10 ? ld_be16(cdb + 7) : 0;
}

static void cdb_taken(struct ata_command *c)
{
    memcpy(c->cdb, c->data, ATAPI_CDB);
    c->is_cdb = false;
    c->scsi_left = read_blocks(c->cdb);
    uint32_t out = parameter_bytes(c->cdb);
    if (c->scsi_left > LONG_READ) {
        shorten(c);
        start_scsi(c);
    } else if (out) {
        c->scsi_left = 0;
        c->count = 0;
        c->block = drq_bytes(c, out);
        ata_buffer(c, out);
        ata_send(c, c->by_dma ? ATA_DMA_OUT : ATA_PIO_OUT, out, parameters_taken);
    } else {
        c->now = MAX(LONG_READ * BLOCK, MAX_REPLY);
        c->scsi_left = 0;
        ata_buffer(c, c->now);
        start_scsi(c);
    }
}

static void packet(struct ata_command *c)
{
    c->is_packet = true;
    c->is_cdb = true;
    c->by_dma = c->feature & DMA;
    c->count = ATAPI_CD;
    c->block = ATAPI_CDB;
    ata_buffer(c, ATAPI_CDB);
    ata_send(c, ATA_PIO_OUT, ATAPI_CDB, cdb_taken);
}

/* A packet drive refuses IDENTIFY DEVICE and shows its signature. */
static void refuse(struct ata_command *c)
{
    ata_signature(c->bus, c->unit, &c->count, &c->lba);
    ata_fail(c, ATA_ABRT);
}

static void check_power(struct ata_command *c)
{
    c->count = 0xff;
    ata_done(c);
}

void atapi_start(struct ata_command *c)
{
    switch (c->command) {
    case 0xa0: packet(c); break;
    case 0xa1: identify_packet(c); break;
    case 0x20:
    case 0xec: refuse(c); break;
    case ATA_CMD_DIAGNOSE:
        ata_signature(c->bus, c->unit, &c->count, &c->lba);
        c->error = 1;
        c->device = 0;
        ata_done(c);
        break;
    case 0xef:
        if ((c->feature & 0xff) == SET_MODE)
            ata_set_features(c);
        else
            ata_fail(c, ATA_ABRT);
        break;
    case 0xe0:
    case 0xe1:
    case 0xe6:
    case 0x94:
    case 0x95: ata_done(c); break;
    case 0xe5:
    case 0x98: check_power(c); break;
    default: ata_fail(c, ATA_ABRT);
    }
}
