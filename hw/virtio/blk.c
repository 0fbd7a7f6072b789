/*
 * Virtio block device.  Ref: VIRTIO 1.2, section 5.2.
 *
 * A request is popped and checked on the vCPU's thread, handed to the block layer, and completed on
 * one of its worker threads under the device's lock.
 */
#include "block/block.h"
#include "hw/boot_order.h"
#include "hw/drive.h"
#include "hw/on_error.h"
#include "hw/virtio/iothread.h"
#include "hw/virtio/virtio.h"
#include "util/bits.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum { /* feature bits */
       F_SEG_MAX = 2,
       F_GEOMETRY = 4,
       F_RO = 5,
       F_BLK_SIZE = 6,
       F_FLUSH = 9,
       F_TOPOLOGY = 10,
       F_CONFIG_WCE = 11,
       F_MQ = 12,
       F_DISCARD = 13,
       F_WRITE_ZEROES = 14,
};
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, T_DISCARD = 11, T_WRITE_ZEROES = 13 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { HEADER_SIZE = 16, RANGE_SIZE = 16, ID_SIZE = 20, RANGE_UNMAP = 1 };
enum { CONFIG_SIZE = 60, CONFIG_WCE = 32 };
enum { SECTOR = 512, MAX_BLK_QUEUES = VIRTIO_MAX_QUEUES, MAX_BLOCK_SIZE = 2 << 20 };

struct virtio_blk {
    struct virtio_device v;
    struct block_node *drive;
    char *serial, *werror, *rerror, *write_cache;
    uint64_t logical_block_size, physical_block_size, min_io_size, opt_io_size;
    uint32_t max_discard_sectors, max_write_zeroes_sectors, cyls, heads, secs;
    int32_t bootindex;
    uint16_t queue_size, num_queues;
    bool start_writeback, config_wce, discard, write_zeroes, share_rw;
    struct cond idle; /* in_flight fell to zero */
    unsigned in_flight;
    bool resetting; /* completions are dropped */
    struct virtio_blk_state {
        struct virtio_state v;
        uint8_t writeback; /* 0: each write reaches the medium before it completes */
        uint8_t pad[7];
    } s;
};

struct blk_request {
    struct block_req r;
    struct virtio_blk *b;
    struct virtq_elem *e;
    uint8_t *status; /* the last byte of the in segments */
    uint64_t written;
};

static uint64_t capacity(const struct virtio_blk *b)
{
    return align_up(block_size(b->drive), SECTOR) / SECTOR;
}

/* Set the status byte and give the chain back.  The last in segment gets its status byte back, too,
 * so that it counts. */
static void finish(struct blk_request *q, uint8_t status)
{
    struct virtio_blk *b = q->b;
    unsigned queue = q->e->queue;
    *q->status = status;
    q->e->iov[q->e->nout + q->e->nin - 1].iov_len++;
    virtq_push(&b->v, q->e, q->written + 1);
    virtq_interrupt(&b->v, queue);
    g_free(q);
}

/* On a worker thread. */
static void request_done(struct block_req *r, int ret)
{
    struct blk_request *q = r->opaque;
    struct virtio_blk *b = q->b;
    mutex_lock(&b->v.dev.lock);
    if (r->op == BLOCK_WRITE && ret == 0 && !b->s.writeback && !b->resetting) {
        r->op = BLOCK_FLUSH;
        mutex_unlock(&b->v.dev.lock);
        block_submit(b->drive, r);
        return;
    }
    if (b->resetting) {
        virtq_drop(&b->v, q->e);
        g_free(q);
    } else {
        if (r->op == BLOCK_READ && ret == 0)
            q->written = q->e->in_bytes - 1;
        finish(q, ret == 0 ? S_OK : ret == -ENOTSUP ? S_UNSUPP : S_IOERR);
    }
    if (--b->in_flight == 0)
        cond_broadcast(&b->idle);
    mutex_unlock(&b->v.dev.lock);
}

static void submit(struct blk_request *q, enum block_op op, uint64_t sector, uint64_t bytes)
{
    q->r.op = op;
    q->r.offset = sector * SECTOR;
    q->r.bytes = bytes;
    q->r.done = request_done;
    q->r.opaque = q;
    q->b->in_flight++;
    block_submit(q->b->drive, &q->r);
}

static bool in_range(const struct virtio_blk *b, uint64_t sector, uint64_t bytes)
{
    uint64_t n = bytes / SECTOR, size = capacity(b);
    return bytes % b->logical_block_size == 0 && sector % (b->logical_block_size / SECTOR) == 0 &&
           sector <= size && n <= size - sector;
}

/* Cut n bytes off the front of the out segments. */
static void skip_header(struct virtq_elem *e, struct block_req *r, uint64_t n)
{
    unsigned i = 0;
    while (i < e->nout && n >= e->iov[i].iov_len)
        n -= e->iov[i++].iov_len;
    if (i < e->nout) {
        e->iov[i].iov_base = (uint8_t *)e->iov[i].iov_base + n;
        e->iov[i].iov_len -= n;
    }
    r->iov = e->iov + i;
    r->niov = e->nout - i;
}

static void start_read(struct blk_request *q, uint64_t sector)
{
    struct virtq_elem *e = q->e;
    uint64_t bytes = e->in_bytes - 1;
    if (!in_range(q->b, sector, bytes)) {
        finish(q, S_IOERR);
        return;
    }
    q->r.iov = e->iov + e->nout;
    q->r.niov = e->iov[e->nout + e->nin - 1].iov_len ? e->nin : e->nin - 1;
    submit(q, BLOCK_READ, sector, bytes);
}

static void start_write(struct blk_request *q, uint64_t sector)
{
    uint64_t bytes = q->e->out_bytes - HEADER_SIZE;
    if (block_read_only(q->b->drive) || !in_range(q->b, sector, bytes)) {
        finish(q, S_IOERR);
        return;
    }
    skip_header(q->e, &q->r, HEADER_SIZE);
    submit(q, BLOCK_WRITE, sector, bytes);
}

/* Discard and write-zeroes carry a list of ranges; we offer a length of one.  Section 5.2.6. */
static void start_range(struct blk_request *q, enum block_op op, uint32_t max_sectors)
{
    uint8_t range[RANGE_SIZE];
    uint64_t bytes = q->e->out_bytes - HEADER_SIZE;
    if (bytes != RANGE_SIZE) {
        finish(q, bytes > RANGE_SIZE ? S_UNSUPP : S_IOERR);
        return;
    }
    virtq_read(q->e, HEADER_SIZE, range, RANGE_SIZE);
    uint64_t sector = ld_le64(range);
    uint32_t sectors = ld_le32(range + 8), flags = ld_le32(range + 12);
    if (flags & ~(op == BLOCK_WRITE_ZEROES ? RANGE_UNMAP : 0U))
        finish(q, S_UNSUPP);
    else if (block_read_only(q->b->drive) || sectors > max_sectors ||
             !in_range(q->b, sector, (uint64_t)sectors * SECTOR))
        finish(q, S_IOERR);
    else
        submit(q, op, sector, (uint64_t)sectors * SECTOR);
}

static void get_id(struct blk_request *q)
{
    char id[ID_SIZE] = {0};
    uint64_t room = MIN(q->e->in_bytes - 1, ID_SIZE);
    if (q->b->serial)
        memcpy(id, q->b->serial, MIN(strlen(q->b->serial), ID_SIZE));
    q->written = virtq_write(q->e, 0, id, room);
    finish(q, S_OK);
}

static void start(struct blk_request *q, uint32_t type, uint64_t sector)
{
    struct virtio_blk *b = q->b;
    switch (type) {
    case T_IN: start_read(q, sector); break;
    case T_OUT: start_write(q, sector); break;
    case T_FLUSH: submit(q, BLOCK_FLUSH, 0, 0); break;
    case T_GET_ID: get_id(q); break;
    case T_DISCARD:
        if (b->discard)
            start_range(q, BLOCK_DISCARD, b->max_discard_sectors);
        else
            finish(q, S_UNSUPP);
        break;
    case T_WRITE_ZEROES:
        if (b->write_zeroes)
            start_range(q, BLOCK_WRITE_ZEROES, b->max_write_zeroes_sectors);
        else
            finish(q, S_UNSUPP);
        break;
    default: finish(q, S_UNSUPP);
    }
}

static void take(struct virtio_blk *b, struct virtq_elem *e)
{
    uint8_t header[HEADER_SIZE];
    if (e->out_bytes < HEADER_SIZE || e->in_bytes < 1) {
        unsigned queue = e->queue;
        virtq_drop(&b->v, e);
        virtio_break(&b->v, queue, "a request has no header or no status byte");
        return;
    }
    virtq_read(e, 0, header, HEADER_SIZE);
    struct blk_request *q = g_new0(struct blk_request, 1);
    struct iovec *last = &e->iov[e->nout + e->nin - 1];
    last->iov_len--;
    q->b = b;
    q->e = e;
    q->status = (uint8_t *)last->iov_base + last->iov_len;
    start(q, ld_le32(header), ld_le64(header + 8));
}

static void virtio_blk_queue(struct virtio_device *v, unsigned queue)
{
    struct virtq_elem *e;
    struct virtio_blk *b = (struct virtio_blk *)v;
    if (b->resetting)
        return;
    unsigned budget = virtq_budget(v);
    while ((e = virtq_next(v, queue, &budget)))
        take(b, e);
}

/* No limit for a segment: SeaBIOS multiplies it by their number in 32 bits, and read nothing for
 * ever. */
static uint64_t virtio_blk_features(struct virtio_device *v)
{
    const struct virtio_blk *b = (const struct virtio_blk *)v;
    return BIT64(F_SEG_MAX) | BIT64(F_GEOMETRY) | BIT64(F_BLK_SIZE) | BIT64(F_FLUSH) |
           BIT64(F_TOPOLOGY) | (b->config_wce ? BIT64(F_CONFIG_WCE) : 0) |
           (block_read_only(b->drive) ? BIT64(F_RO) : 0) | (b->num_queues > 1 ? BIT64(F_MQ) : 0) |
           (b->discard ? BIT64(F_DISCARD) : 0) | (b->write_zeroes ? BIT64(F_WRITE_ZEROES) : 0);
}

/* Section 5.2.6.2: a driver that cannot flush gets a write-through cache. */
static void virtio_blk_negotiated(struct virtio_device *v)
{
    struct virtio_blk *b = (struct virtio_blk *)v;
    if (!virtio_has(v, F_FLUSH) && !virtio_has(v, F_CONFIG_WCE))
        b->s.writeback = 0;
}

/* Cylinders of 16 heads and 63 sectors, unless the user gave the geometry. */
static void put_geometry(const struct virtio_blk *b, uint8_t *config)
{
    uint32_t heads = b->cyls ? b->heads : 16, secs = b->cyls ? b->secs : 63;
    uint64_t cyls = b->cyls ? b->cyls : capacity(b) / (16 * 63);
    st_le16(config + 16, (uint16_t)CLAMP(cyls, 2, 16383));
    config[18] = (uint8_t)heads;
    config[19] = (uint8_t)secs;
}

/* struct virtio_blk_config, section 5.2.4. */
static void virtio_blk_config_read(struct virtio_device *v, uint8_t *config)
{
    const struct virtio_blk *b = (const struct virtio_blk *)v;
    uint32_t block = (uint32_t)b->logical_block_size;
    st_le64(config, capacity(b));
    st_le32(config + 12, b->queue_size - 2U); /* header and status take a descriptor each */
    put_geometry(b, config);
    st_le32(config + 20, block);
    config[24] = (uint8_t)__builtin_ctzll(b->physical_block_size / block);
    st_le16(config + 26, (uint16_t)(b->min_io_size / block));
    st_le32(config + 28, (uint32_t)(b->opt_io_size / block));
    config[CONFIG_WCE] = b->s.writeback;
    st_le16(config + 34, b->num_queues);
    st_le32(config + 36, b->max_discard_sectors);
    st_le32(config + 40, 1);
    st_le32(config + 44, block / SECTOR);
    st_le32(config + 48, b->max_write_zeroes_sectors);
    st_le32(config + 52, 1);
    config[56] = 1; /* write-zeroes may unmap */
}

static void virtio_blk_config_write(struct virtio_device *v, uint32_t off, unsigned size,
                                    uint32_t val)
{
    struct virtio_blk *b = (struct virtio_blk *)v;
    if (off == CONFIG_WCE && size == 1 && virtio_has(v, F_CONFIG_WCE))
        b->s.writeback = val & 1;
    else
        dev_guest_error(&v->dev, "write to read-only configuration at %#x", off);
}

static void virtio_blk_queue_reset(struct virtio_device *v, unsigned queue UNUSED)
{
    block_cancel_stalled(((struct virtio_blk *)v)->drive);
}

static const struct virtio_class virtio_blk_vclass = {
    .id = VIRTIO_ID_BLOCK,
    .features = virtio_blk_features,
    .negotiated = virtio_blk_negotiated,
    .config_read = virtio_blk_config_read,
    .config_write = virtio_blk_config_write,
    .queue = virtio_blk_queue,
    .queue_reset = virtio_blk_queue_reset,
    .thread = VIRTIO_OWN_IF_ASKED,
};

/* Wait until the workers have let go of guest memory; the lock is released meanwhile, new requests
 * are not taken. */
static void virtio_blk_reset(struct device *dev) REQUIRES(dev->lock)
{
    struct virtio_blk *b = (struct virtio_blk *)dev;
    b->resetting = true;
    block_cancel_stalled(b->drive);
    while (b->in_flight)
        cond_wait(&b->idle, &dev->lock);
    b->resetting = false;
    b->s.writeback = b->start_writeback;
}

static bool check_block_size(const char *name, uint64_t v, struct error **errp)
{
    if (is_pow2(v) && v >= SECTOR && v <= MAX_BLOCK_SIZE)
        return true;
    error_set(errp, "%s is %llu, must be a power of two from %d to %d", name, (unsigned long long)v,
              SECTOR, MAX_BLOCK_SIZE);
    return false;
}

static bool check_sizes(struct virtio_blk *b, struct error **errp)
{
    if (b->physical_block_size < b->logical_block_size)
        b->physical_block_size = b->logical_block_size;
    if (!check_block_size("logical_block_size", b->logical_block_size, errp) ||
        !check_block_size("physical_block_size", b->physical_block_size, errp))
        return false;
    if (b->min_io_size % b->logical_block_size || b->opt_io_size % b->logical_block_size ||
        b->min_io_size / b->logical_block_size > UINT16_MAX ||
        b->opt_io_size / b->logical_block_size > UINT32_MAX) {
        error_set(errp, "min_io_size and opt_io_size must be multiples of logical_block_size");
        return false;
    }
    if (b->cyls && (b->cyls > 65535 || b->heads - 1 >= 255 || b->secs - 1 >= 255)) {
        error_set(errp, "cyls, heads and secs are %u, %u, %u, must be 1 to 65535, 255, 255",
                  b->cyls, b->heads, b->secs);
        return false;
    }
    return true;
}

static bool check_queues(const struct virtio_blk *b, struct error **errp)
{
    if (!is_pow2(b->queue_size) || b->queue_size < 4 || b->queue_size > VIRTIO_MAX_QUEUE_SIZE) {
        error_set(errp, "queue-size is %u, must be a power of two from 4 to %d", b->queue_size,
                  VIRTIO_MAX_QUEUE_SIZE);
        return false;
    }
    if (b->num_queues < 1 || b->num_queues > MAX_BLK_QUEUES) {
        error_set(errp, "num-queues is %u, must be 1 to %d", b->num_queues, MAX_BLK_QUEUES);
        return false;
    }
    return true;
}

static bool parse_write_cache(struct virtio_blk *b, struct error **errp)
{
    b->start_writeback = strcmp(b->write_cache, "off") != 0;
    if (!b->start_writeback || strcmp(b->write_cache, "on") == 0 ||
        strcmp(b->write_cache, "auto") == 0)
        return true;
    error_set(errp, "write-cache is '%s', must be on, off or auto", b->write_cache);
    return false;
}

static bool virtio_blk_realize(struct device *dev, struct error **errp)
{
    struct virtio_blk *b = (struct virtio_blk *)dev;
    if (b->drive == NULL) {
        error_set(errp, "needs drive=ID, the id of a -drive or -blockdev");
        return false;
    }
    if (block_is_empty(b->drive)) {
        error_set(errp, "drive '%s' is empty: it needs file=FILE", block_id(b->drive));
        return false;
    }
    if (b->num_queues == UINT16_MAX)
        b->num_queues = (uint16_t)virtio_default_queues(&b->v, MAX_BLK_QUEUES);
    if (!check_sizes(b, errp) || !check_queues(b, errp) || !parse_write_cache(b, errp) ||
        !disk_set_on_error(b->drive, b->rerror, b->werror, errp))
        return false;
    cond_init(&b->idle);
    virtio_init(&b->v, &virtio_blk_vclass, b->num_queues, b->queue_size, CONFIG_SIZE);
    return true;
}

static void virtio_blk_unrealize(struct device *dev)
{
    struct virtio_blk *b = (struct virtio_blk *)dev;
    mutex_lock(&dev->lock);
    virtio_blk_reset(dev);
    mutex_unlock(&dev->lock);
    virtio_fini(&b->v);
    cond_fini(&b->idle);
}

static void drive_status(const struct device *dev, struct drive_status *out)
{
    out->medium = ((const struct virtio_blk *)dev)->drive;
    out->name = out->medium ? block_drive_name(out->medium) : NULL;
}

/* Section 5.2.5: the driver reads the capacity again. */
static void resized(struct device *dev)
{
    mutex_lock(&dev->lock);
    virtio_config_changed(&((struct virtio_blk *)dev)->v);
    mutex_unlock(&dev->lock);
}

static const struct drive_ops virtio_blk_drive_ops = {.status = drive_status, .resized = resized};

static const struct state_field virtio_blk_state[] = {
    STATE(virtio_blk, v, 0),
    STATE(virtio_blk, writeback, 1),
    STATE_ARRAY(virtio_blk, pad, 0),
    STATE_END,
};

static const struct prop virtio_blk_props[] = {
    PROP(prop_drive, virtio_blk, "drive", drive, NULL, "id of the -drive or -blockdev"),
    PROP(prop_string, virtio_blk, "serial", serial, NULL, "serial number, up to 20 characters"),
    PROP(prop_size, virtio_blk, "logical_block_size", logical_block_size, "512",
         "smallest request in bytes"),
    PROP(prop_size, virtio_blk, "physical_block_size", physical_block_size, "512",
         "block size of the medium"),
    PROP(prop_size, virtio_blk, "min_io_size", min_io_size, "0", "suggested smallest request"),
    PROP(prop_size, virtio_blk, "opt_io_size", opt_io_size, "0", "suggested request"),
    PROP(prop_uint32, virtio_blk, "cyls", cyls, "0", "geometry: cylinders (0: from the size)"),
    PROP(prop_uint32, virtio_blk, "heads", heads, "0", "geometry: heads"),
    PROP(prop_uint32, virtio_blk, "secs", secs, "0", "geometry: sectors"),
    PROP(prop_uint16, virtio_blk, "queue-size", queue_size, "256", "entries of a queue"),
    PROP(prop_uint16, virtio_blk, "num-queues", num_queues, "65535",
         "request queues (default: on PCI one for each CPU, else 1)"),
    PROP(prop_string, virtio_blk, "write-cache", write_cache, "auto",
         "cache at reset: on, off or auto (on)"),
    PROP(prop_bool, virtio_blk, "config-wce", config_wce, "on", "guest may turn the cache off"),
    PROP(prop_bool, virtio_blk, "discard", discard, "on", "offer discard"),
    PROP(prop_bool, virtio_blk, "write-zeroes", write_zeroes, "on", "offer write-zeroes"),
    PROP(prop_uint32, virtio_blk, "max-discard-sectors", max_discard_sectors, "4194303",
         "longest discard"),
    PROP(prop_uint32, virtio_blk, "max-write-zeroes-sectors", max_write_zeroes_sectors, "4194303",
         "longest write-zeroes"),
    PROP(prop_string, virtio_blk, "werror", werror, "auto",
         "write errors: report, ignore, enospc, stop"),
    PROP(prop_string, virtio_blk, "rerror", rerror, "auto", "read errors: report, ignore, stop"),
    PROP(prop_bool, virtio_blk, "share-rw", share_rw, "off", "accepted; a node has one device"),
    PROP_BOOTINDEX(virtio_blk, bootindex, "disk@0,0"),
    PROP(prop_iothread, virtio_blk, "iothread", v.iothread, NULL,
         "id of the -object iothread that looks at the queues"),
    VIRTIO_PROPS(virtio_blk),
    PROP_END,
};

DEVICE_CLASS_NAMED(virtio_blk, "virtio-blk-device") = {
    .desc = "Virtio block device",
    .bus = "virtio-mmio-bus",
    .user_creatable = true,
    .props = virtio_blk_props,
    .state = virtio_blk_state,
    .realize = virtio_blk_realize,
    .unrealize = virtio_blk_unrealize,
    .sync = virtio_sync,
    .can_save = virtio_can_save,
    .reset = virtio_blk_reset,
    .drive = &virtio_blk_drive_ops,
};
