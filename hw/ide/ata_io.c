/* Moving sectors between an ATA disk and its adapter, a chunk at a time.
 * Ref: ATA/ATAPI-7 volume 1, 6.25 to 6.69; ATA8-ACS 7.10 (TRIM), 7.16 (queued commands). */
#include "hw/ide/ide_priv.h"

#include <errno.h>
#include <glib.h>

enum { TRIM = 0x01, TRIM_ENTRY = 8, TRIM_MAX_BLOCKS = 8, QUEUED_FUA = 0x80, MAX_TAG = 31 };

static void submit(struct ata_command *c, enum block_op op, uint64_t sector, uint64_t sectors,
                   void (*then)(struct ata_command *c));

uint64_t ata_address(const struct ata_command *c, bool is_ext)
{
    const struct ata_state *s = ata_state_of(c);
    if (is_ext)
        return c->lba & MASK64(0, 48);
    if (c->device & ATA_DEVICE_LBA)
        return (c->lba & 0xffffff) | (uint64_t)(c->device & 15) << 24;
    uint64_t sector = c->lba & 0xff, cylinder = c->lba >> 8 & 0xffff, head = c->device & 15U;
    if (sector == 0 || sector > s->sectors || head >= s->heads)
        return UINT64_MAX;
    return (cylinder * s->heads + head) * s->sectors + sector - 1;
}

void ata_put_address(struct ata_command *c, bool is_ext, uint64_t sector)
{
    const struct ata_state *s = ata_state_of(c);
    if (is_ext) {
        c->lba = sector & MASK64(0, 48);
    } else if (c->device & ATA_DEVICE_LBA) {
        c->lba = sector & 0xffffff;
        c->device = (uint8_t)((c->device & 0xf0) | (sector >> 24 & 15));
    } else {
        uint64_t track = sector / s->sectors;
        c->lba = sector % s->sectors + 1;
        c->lba |= track / s->heads << 8 & 0xffff00;
        c->device = (uint8_t)((c->device & 0xf0) | track % s->heads);
    }
}

static uint64_t sector_count(const struct ata_command *c, bool is_ext)
{
    if (is_ext)
        return c->count ? c->count : 65536;
    return c->count & 0xff ? c->count & 0xff : 256;
}

static bool is_ext_command(const struct ata_command *c)
{
    switch (c->command) {
    case 0x24:
    case 0x25:
    case 0x29:
    case 0x34:
    case 0x35:
    case 0x39:
    case 0x3d:
    case 0x42:
    case 0xce: return true;
    default: return false;
    }
}

/* Say where it went wrong. */
static void fail_io(struct ata_command *c, int err)
{
    if (c->is_queued)
        ata_state_of(c)->failed_lba = c->sector;
    else if (!c->is_trim && c->io.op != BLOCK_FLUSH)
        ata_put_address(c, is_ext_command(c), c->sector);
    ata_fail(c, c->is_trim || c->io.op == BLOCK_FLUSH || err == -ENOSPC ? ATA_ABRT : ATA_UNC);
}

/* On a worker thread. */
static void io_done(struct block_req *io, int ret)
{
    struct ata_command *c = io->opaque;
    struct ide_bus *bus = c->bus;
    mutex_lock(&bus->adapter->lock);
    bus->in_flight--;
    c->in_flight = false;
    if (c->is_dropped)
        ata_drop(c);
    else if (ret < 0 && !(c->is_trim && ret == -ENOTSUP))
        fail_io(c, ret);
    else
        c->taken(c);
    cond_broadcast(&bus->idle);
    mutex_unlock(&bus->adapter->lock);
}

static void submit(struct ata_command *c, enum block_op op, uint64_t sector, uint64_t sectors,
                   void (*then)(struct ata_command *c))
{
    c->taken = then;
    c->iov = (struct iovec){c->data, sectors * ATA_SECTOR};
    c->io = (struct block_req){.op = op,
                               .offset = sector * ATA_SECTOR,
                               .bytes = sectors * ATA_SECTOR,
                               .iov = op == BLOCK_READ || op == BLOCK_WRITE ? &c->iov : NULL,
                               .niov = op == BLOCK_READ || op == BLOCK_WRITE,
                               .done = io_done,
                               .opaque = c};
    c->in_flight = true;
    c->bus->in_flight++;
    block_submit(ata_disk(c)->drive, &c->io);
}

/* Registers after a transfer: where it ended, and nothing left. */
static void finish(struct ata_command *c)
{
    if (!c->is_queued) {
        ata_put_address(c, is_ext_command(c), c->sector - 1);
        c->count = 0;
    }
    ata_done(c);
}

static void flush_then_finish(struct ata_command *c)
{
    bool flush = c->is_write && (c->is_fua || !ata_state_of(c)->cached);
    if (flush)
        submit(c, BLOCK_FLUSH, 0, 0, finish);
    else
        finish(c);
}

static void next_chunk(struct ata_command *c);

static void chunk_written(struct ata_command *c)
{
    c->sector += c->now / ATA_SECTOR;
    c->left -= c->now / ATA_SECTOR;
    next_chunk(c);
}

static void chunk_filled(struct ata_command *c)
{
    submit(c, BLOCK_WRITE, c->sector, c->now / ATA_SECTOR, chunk_written);
}

static void chunk_read(struct ata_command *c)
{
    if (c->is_verify)
        chunk_written(c);
    else
        ata_send(c, c->protocol, c->now, chunk_written);
}

/* The buffer was made by begin(); what is read or filled overwrites all that is used of it. */
static void next_chunk(struct ata_command *c)
{
    uint64_t n = MIN(c->left, (uint64_t)ATA_CHUNK);
    if (n == 0) {
        flush_then_finish(c);
        return;
    }
    c->now = (uint32_t)n * ATA_SECTOR;
    if (c->is_write)
        ata_send(c, c->protocol, c->now, chunk_filled);
    else
        submit(c, BLOCK_READ, c->sector, n, chunk_read);
}

static void begin(struct ata_command *c, uint64_t sector, uint64_t n)
{
    uint64_t size = ata_state_of(c)->max_sectors;
    if (sector >= size || n > size - sector) {
        if (c->is_queued)
            ata_state_of(c)->failed_lba = sector;
        ata_fail(c, ATA_IDNF);
        return;
    }
    c->sector = sector;
    c->left = n;
    ata_buffer(c, (uint32_t)MIN(n, (uint64_t)ATA_CHUNK) * ATA_SECTOR);
    next_chunk(c);
}

void ata_read_write(struct ata_command *c, bool is_ext, bool is_dma, bool is_write, bool is_fua)
{
    c->is_write = is_write;
    c->is_fua = is_fua;
    c->block = ATA_SECTOR;
    c->protocol =
        is_dma ? (is_write ? ATA_DMA_OUT : ATA_DMA_IN) : (is_write ? ATA_PIO_OUT : ATA_PIO_IN);
    begin(c, ata_address(c, is_ext), sector_count(c, is_ext));
}

void ata_multiple(struct ata_command *c, bool is_ext, bool is_write, bool is_fua)
{
    unsigned multiple = ata_state_of(c)->multiple;
    if (multiple == 0) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    c->is_write = is_write;
    c->is_fua = is_fua;
    c->block = multiple * ATA_SECTOR;
    c->protocol = is_write ? ATA_PIO_OUT : ATA_PIO_IN;
    begin(c, ata_address(c, is_ext), sector_count(c, is_ext));
}

/* FPDMA: the count is where the features are, the tag in the count. */
void ata_queued(struct ata_command *c, bool is_write)
{
    if (!c->is_queued) { /* the adapter has no queue */
        ata_fail(c, ATA_ABRT);
        return;
    }
    c->is_write = is_write;
    c->is_fua = c->device & QUEUED_FUA;
    c->protocol = is_write ? ATA_DMA_OUT : ATA_DMA_IN;
    begin(c, ata_address(c, true), c->feature ? c->feature : 65536);
}

void ata_verify(struct ata_command *c, bool is_ext)
{
    c->is_verify = true;
    c->protocol = ATA_NO_DATA;
    begin(c, ata_address(c, is_ext), sector_count(c, is_ext));
}

void ata_flush(struct ata_command *c)
{
    submit(c, BLOCK_FLUSH, 0, 0, ata_done);
}

/* The next range of the list; empty ones are passed over. */
static void next_range(struct ata_command *c)
{
    uint64_t size = ata_state_of(c)->max_sectors;
    while (c->trim_at < c->now) {
        uint64_t entry = ld_le64(c->data + c->trim_at), n = entry >> 48;
        uint64_t sector = entry & MASK64(0, 48);
        c->trim_at += TRIM_ENTRY;
        if (n == 0)
            continue;
        if (sector >= size || n > size - sector) {
            ata_fail(c, ATA_IDNF);
            return;
        }
        submit(c, BLOCK_DISCARD, sector, n, next_range);
        return;
    }
    ata_done(c);
}

void ata_trim(struct ata_command *c)
{
    uint32_t n = c->count ? c->count : 65536;
    if (!(c->feature & TRIM) || ata_disk(c)->discard_granularity == 0 || n > TRIM_MAX_BLOCKS) {
        ata_fail(c, ATA_ABRT);
        return;
    }
    c->is_trim = true;
    ata_buffer(c, n * ATA_SECTOR);
    ata_send(c, ATA_DMA_OUT, n * ATA_SECTOR, next_range);
}
