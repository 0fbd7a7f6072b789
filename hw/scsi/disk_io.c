/* Commands that move data to and from the medium.  Ref: SBC-3, section 5. */
#include "hw/scsi/disk_priv.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum { FUA = 0x08, WS_UNMAP = 0x08, WS_NO_DATA = 0x01, BYTE_CHECK = 0x06 };
enum { UNMAP_HEADER = 8, UNMAP_RANGE = 16, MAX_RANGES = 255 };
enum { MAX_PATTERN = 256 << 10, MAX_COMPARE = 16 << 20 };

/* Where and how many blocks, by the command's length. */
static void get_range(const struct scsi_request *r, uint64_t *lba, uint64_t *n)
{
    const uint8_t *c = r->cdb;
    switch (scsi_cdb_len(c[0])) {
    case 6:
        *lba = ld_be32(c) & 0x1fffff;
        *n = c[4] ? c[4] : 256;
        break;
    case 10:
        *lba = ld_be32(c + 2);
        *n = ld_be16(c + 7);
        break;
    case 12:
        *lba = ld_be32(c + 2);
        *n = ld_be32(c + 6);
        break;
    default: *lba = ld_be64(c + 2); *n = ld_be32(c + 10);
    }
}

static bool in_range(const struct scsi_disk *d, uint64_t lba, uint64_t n)
{
    uint64_t size = disk_blocks(d);
    return lba <= size && n <= size - lba;
}

/* Sense data for an error of the host's. */
static void fail_io(struct scsi_request *r, int err)
{
    bool read = r->io.op == BLOCK_READ;
    switch (-err) {
    case ENOSPC: scsi_fail(r, SENSE_PROTECT, ASC_SPACE); break;
    case ENOTSUP: scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_OPCODE); break;
    case ENOMEM: scsi_fail(r, SENSE_HARDWARE, ASC_INTERNAL); break;
    default: scsi_fail(r, SENSE_MEDIUM, read ? ASC_READ_ERROR : ASC_WRITE_ERROR);
    }
}

/* What VERIFY read is in bounce. */
static void compare(struct scsi_request *r)
{
    const uint8_t *at = r->bounce;
    uint64_t left = r->wanted;
    for (unsigned i = 0; i < r->nout && left > 0; i++) {
        size_t part = MIN(left, r->out[i].iov_len);
        if (memcmp(r->out[i].iov_base, at, part)) {
            scsi_fail(r, SENSE_MISCOMPARE, ASC_MISCOMPARE);
            return;
        }
        at += part;
        left -= part;
    }
}

static void submit(struct scsi_request *r);

/* The next range of an UNMAP, or the next piece of a WRITE SAME. */
static void next_step(struct scsi_request *r)
{
    const struct scsi_disk *d = (const struct scsi_disk *)r->unit;
    if (r->io.op == BLOCK_DISCARD) {
        const uint8_t *range = r->bounce + (r->wanted - r->repeat) * UNMAP_RANGE;
        r->io.offset = ld_be64(range) * d->logical_block_size;
        r->io.bytes = (uint64_t)ld_be32(range + 8) * d->logical_block_size;
        r->repeat--;
    } else {
        r->io.offset += r->io.bytes;
        r->io.bytes = MIN(r->repeat, (uint64_t)MAX_PATTERN);
        r->piece.iov_len = r->io.bytes;
        r->repeat -= r->io.bytes;
    }
    submit(r);
}

static void io_done(struct block_req *io, int ret)
{
    struct scsi_request *r = io->opaque;
    if (ret) {
        fail_io(r, ret);
        r->done(r);
    } else if (r->repeat) {
        next_step(r);
    } else if (r->then_flush) {
        r->then_flush = false;
        io->op = BLOCK_FLUSH;
        submit(r);
    } else {
        if (r->then_compare)
            compare(r);
        r->done(r);
    }
}

static void submit(struct scsi_request *r)
{
    r->io.done = io_done;
    r->io.opaque = r;
    /* Later steps go where the first one did: the medium may be out by now. */
    block_submit(r->io.node ? r->io.node : ((struct scsi_disk *)r->unit)->drive, &r->io);
}

/* Cut segments to n bytes in all; how many are left. */
static unsigned trim(struct iovec *iov, unsigned count, uint64_t n)
{
    unsigned i = 0;
    for (; i < count && n > 0; i++) {
        iov[i].iov_len = MIN(iov[i].iov_len, n);
        n -= iov[i].iov_len;
    }
    return i;
}

bool disk_read_blocks(struct scsi_disk *d, struct scsi_request *r, uint64_t lba, uint64_t n)
{
    if (!in_range(d, lba, n))
        return scsi_fail(r, SENSE_ILLEGAL, ASC_LBA_RANGE);
    r->wanted = n * d->logical_block_size;
    scsi_good(r);
    if (r->wanted > r->in_bytes || n == 0) {
        r->overrun = n > 0;
        return true;
    }
    r->done_bytes = r->wanted;
    r->io = (struct block_req){
        .op = BLOCK_READ, .offset = lba * d->logical_block_size, .bytes = r->wanted, .iov = r->in};
    r->io.niov = trim(r->in, r->nin, r->wanted);
    submit(r);
    return false;
}

bool disk_read(struct scsi_disk *d, struct scsi_request *r)
{
    uint64_t lba, n;
    get_range(r, &lba, &n);
    if (r->cdb[0] != READ_6 && (r->cdb[1] & 0xe0))
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB); /* no protection information */
    return disk_not_ready(d, r) || disk_read_blocks(d, r, lba, n);
}

static bool cannot_write(const struct scsi_disk *d, struct scsi_request *r, uint64_t lba,
                         uint64_t n)
{
    if (disk_not_ready(d, r))
        return true;
    if (disk_read_only(d))
        return scsi_fail(r, SENSE_PROTECT, ASC_WRITE_PROTECTED);
    return !in_range(d, lba, n) && scsi_fail(r, SENSE_ILLEGAL, ASC_LBA_RANGE);
}

bool disk_write(struct scsi_disk *d, struct scsi_request *r, bool verify)
{
    uint64_t lba, n;
    get_range(r, &lba, &n);
    if (r->cdb[0] != WRITE_6 && (r->cdb[1] & 0xe0))
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    if (cannot_write(d, r, lba, n))
        return true;
    r->wanted = n * d->logical_block_size;
    scsi_good(r);
    if (r->wanted > r->out_bytes || n == 0) {
        r->overrun = n > 0;
        return true;
    }
    r->done_bytes = r->wanted;
    r->then_flush =
        verify || !d->s.cached || (r->cdb[0] != WRITE_6 && (r->cdb[1] & FUA) && d->dpofua);
    r->io = (struct block_req){.op = BLOCK_WRITE,
                               .offset = lba * d->logical_block_size,
                               .bytes = r->wanted,
                               .iov = r->out};
    r->io.niov = trim(r->out, r->nout, r->wanted);
    submit(r);
    return false;
}

bool disk_verify(struct scsi_disk *d, struct scsi_request *r)
{
    uint64_t lba, n;
    get_range(r, &lba, &n);
    if (disk_not_ready(d, r))
        return true;
    if (!in_range(d, lba, n))
        return scsi_fail(r, SENSE_ILLEGAL, ASC_LBA_RANGE);
    r->wanted = n * d->logical_block_size;
    scsi_good(r);
    if (!(r->cdb[1] & BYTE_CHECK) || n == 0)
        return true;
    if ((r->cdb[1] & BYTE_CHECK) != 2 || r->wanted > MAX_COMPARE)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    r->overrun = r->wanted > r->out_bytes;
    if (r->overrun)
        return true;
    r->done_bytes = r->wanted;
    r->bounce = g_malloc(r->wanted);
    r->piece = (struct iovec){r->bounce, r->wanted};
    r->then_compare = true;
    r->io = (struct block_req){.op = BLOCK_READ,
                               .offset = lba * d->logical_block_size,
                               .bytes = r->wanted,
                               .iov = &r->piece,
                               .niov = 1};
    submit(r);
    return false;
}

/* One block of zeros needs no buffer; anything else is written again and again. */
static bool same_pattern(struct scsi_disk *d, struct scsi_request *r, const uint8_t *block,
                         uint64_t lba, uint64_t bytes)
{
    size_t size = d->logical_block_size;
    r->io = (struct block_req){.op = BLOCK_WRITE_ZEROES, .offset = lba * size, .bytes = bytes};
    if (block && (block[0] || memcmp(block, block + 1, size - 1))) {
        size_t piece = MIN(bytes, (uint64_t)MAX_PATTERN);
        r->bounce = g_malloc(piece);
        for (size_t at = 0; at < piece; at += size)
            memcpy(r->bounce + at, block, size);
        r->piece = (struct iovec){r->bounce, piece};
        r->io = (struct block_req){
            .op = BLOCK_WRITE, .offset = lba * size, .bytes = piece, .iov = &r->piece, .niov = 1};
        r->repeat = bytes - piece;
    }
    r->then_flush = !d->s.cached;
    submit(r);
    return false;
}

bool disk_write_same(struct scsi_disk *d, struct scsi_request *r)
{
    uint64_t lba, n;
    bool no_data = r->cdb[0] == WRITE_SAME_16 && (r->cdb[1] & WS_NO_DATA);
    size_t size = d->logical_block_size;
    get_range(r, &lba, &n);
    if (cannot_write(d, r, lba, n))
        return true;
    if (n == 0 || n * size > d->max_unmap_size || (r->cdb[1] & ~(WS_UNMAP | WS_NO_DATA)) ||
        size > MAX_PATTERN)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    g_autofree uint8_t *block = no_data ? NULL : g_malloc(size);
    scsi_good(r);
    if (block && scsi_fetch(r, block, size) != size) {
        r->overrun = true;
        return true;
    }
    r->done_bytes = block ? size : 0;
    return same_pattern(d, r, block, lba, n * size);
}

static bool check_ranges(const struct scsi_disk *d, const uint8_t *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t blocks = ld_be32(ranges + i * UNMAP_RANGE + 8);
        if (!in_range(d, ld_be64(ranges + i * UNMAP_RANGE), blocks))
            return false;
    }
    return true;
}

bool disk_unmap(struct scsi_disk *d, struct scsi_request *r)
{
    uint8_t buf[UNMAP_HEADER + UNMAP_RANGE * MAX_RANGES];
    size_t len = ld_be16(r->cdb + 7);
    if (cannot_write(d, r, 0, 0))
        return true;
    if (r->cdb[1] & 1) /* anchored: not offered */
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_CDB);
    if (len == 0)
        return scsi_good(r);
    if (len < UNMAP_HEADER)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_PARAMETER_LENGTH);
    len = MIN(len, sizeof(buf));
    if (scsi_fetch(r, buf, len) != len || (size_t)ld_be16(buf + 2) + UNMAP_HEADER > len)
        return scsi_fail(r, SENSE_ILLEGAL, ASC_INVALID_PARAMETER);
    size_t n = ld_be16(buf + 2) / UNMAP_RANGE;
    r->done_bytes = len;
    if (n == 0)
        return scsi_good(r);
    if (!check_ranges(d, buf + UNMAP_HEADER, n))
        return scsi_fail(r, SENSE_ILLEGAL, ASC_LBA_RANGE);
    r->bounce = g_malloc(n * UNMAP_RANGE);
    memcpy(r->bounce, buf + UNMAP_HEADER, n * UNMAP_RANGE);
    r->wanted = r->repeat = n;
    r->io = (struct block_req){.op = BLOCK_DISCARD};
    scsi_good(r);
    next_step(r);
    return false;
}

bool disk_flush(struct scsi_disk *d, struct scsi_request *r)
{
    if (disk_not_ready(d, r))
        return true;
    scsi_good(r);
    r->io = (struct block_req){.op = BLOCK_FLUSH};
    submit(r);
    return false;
}

bool disk_seek(struct scsi_disk *d, struct scsi_request *r)
{
    uint64_t lba = r->cdb[0] == SEEK_6 ? ld_be32(r->cdb) & 0x1fffff : ld_be32(r->cdb + 2);
    if (disk_not_ready(d, r))
        return true;
    return in_range(d, lba, 1) ? scsi_good(r) : scsi_fail(r, SENSE_ILLEGAL, ASC_LBA_RANGE);
}
