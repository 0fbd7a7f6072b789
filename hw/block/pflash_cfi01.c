/*
 * NOR flash bank: two 16-bit Intel chips side by side on a 32-bit bus, 32 MiB unless a board wants
 * another number of blocks.
 *
 * QUIRK: both chips take every command, whatever the width of the write.  Guests probe with narrow
 * accesses, take the bank for 16-bit chips, and find that this works.
 *
 * Ref: JEDEC JESD68.01 (CFI); Intel StrataFlash P30 datasheet (document 306666), command set 0001.
 *
 * While the chips are in read-array mode, guests read the bank as memory.  Programming and erasing
 * take no time.
 */
#include "hw/block/pflash_cfi01.h"
#include "block/block.h"
#include "core/machine.h"
#include "core/ram.h"
#include "util/bits.h"
#include "util/host_mem.h"
#include "util/log.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum { MAX_BLOCKS = 65536, MIN_BLOCK = 256, MAX_BLOCK = 16 << 20 }; /* a block spans all chips */
enum { BUFFER_BITS = 9, BUFFER_SIZE = 2 << BUFFER_BITS, SECTOR = 512 }; /* bits: of a chip */
enum { MANUFACTURER = 0x89, DEVICE_CODE = 0x18, READ_CONFIG = 0xbfcf };
enum {
    CMD_PROGRAM_ALT = 0x10,
    CMD_ERASE = 0x20,
    CMD_PROGRAM = 0x40,
    CMD_CLEAR_STATUS = 0x50,
    CMD_LOCK_SETUP = 0x60,
    CMD_READ_STATUS = 0x70,
    CMD_READ_ID = 0x90,
    CMD_QUERY = 0x98,
    CMD_SUSPEND = 0xb0,
    CMD_PROTECTION = 0xc0,
    CMD_CONFIRM = 0xd0,
    CMD_BUFFERED = 0xe8,
    CMD_READ_ARRAY = 0xff,
};
enum { LOCK_SET = 0x01, LOCK_CONFIG = 0x03, LOCK_DOWN = 0x2f };
enum { SR_READY = 0x80, SR_ERASE = 0x20, SR_PROGRAM = 0x10, SR_LOCKED = 0x02, SR_SEQUENCE = 0x30 };
enum mode { ARRAY, STATUS, ID, QUERY }; /* what reads return */
enum phase { READY, PROGRAM, PROTECTION, ERASE, LOCK, BUF_COUNT, BUF_DATA, BUF_CONFIRM };

struct pflash_cfi01 {
    struct device dev;
    struct block_node *drive;
    char *name;
    uint32_t blocks, block_size; /* in bytes */
    uint8_t width;               /* bytes of the bank: 4 are two chips side by side, 1 is one */
    bool secure;
    uint64_t size; /* bytes of the bank */
    struct mem_region region, view;
    struct ram_block *ram;
    bool own_ram;
    /* Writing back: one request at a time, of everything that changed since the last. */
    struct block_req req;
    struct iovec iov;
    struct cond written;
    uint64_t dirty_from, dirty_to;
    bool writing, failed;
    struct pflash_cfi01_state {
        uint8_t mode, phase;
        uint8_t status;
        uint8_t bad_buffer;  /* an address of the buffered program lay outside it */
        uint16_t count, got; /* writes of the buffered program */
        uint32_t base;       /* its first address */
        uint8_t buffer[BUFFER_SIZE];
    } s;
};

/* From 0x10 on.  Ref: JESD68.01 tables 1 to 5; datasheet appendix "CFI". */
/* clang-format off */
static const uint8_t query[] = {
    'Q', 'R', 'Y',
    0x01, 0x00, 0x31, 0x00,             /* Intel extended command set, its table */
    0x00, 0x00, 0x00, 0x00,
    0x17, 0x20, 0x85, 0x95,             /* Vcc 1.7-2.0 V, Vpp 8.5-9.5 V */
    0x08, 0x09, 0x0a, 0x00,             /* typical times: word, buffer, erase, chip */
    0x01, 0x01, 0x02, 0x00,             /* the longest, as powers of two of these */
    0x00, 0x00, 0x00,                   /* size, as a power of two; x8 or x16 */
    BUFFER_BITS, 0x00,
    0x01, 0x00, 0x00, 0x00, 0x00,       /* one region: its blocks less one, and their size */
    'P', 'R', 'I', '1', '0',
    0x00, 0x00, 0x00, 0x00,             /* no optional features */
    0x00, 0x00, 0x00, 0x18, 0x00, 0x00,
};
/* clang-format on */
enum { QUERY_START = 0x10, QUERY_CHIP_SIZE = 0x27, QUERY_INTERFACE = 0x28, QUERY_BLOCKS = 0x2d };
enum { QUERY_BLOCK_SIZE = 0x2f, BLOCK_SIZE_UNIT = 256 };

static struct pflash_cfi01 *self(struct device *dev)
{
    return (struct pflash_cfi01 *)dev;
}

static bool writable(const struct pflash_cfi01 *p)
{
    return p->drive == NULL || !block_read_only(p->drive);
}

static unsigned chips(const struct pflash_cfi01 *p)
{
    return p->width == PFLASH_BANK_WIDTH ? 2 : 1;
}

static void write_back(struct pflash_cfi01 *p);

/* On a worker thread. */
static void write_done(struct block_req *req, int ret)
{
    struct pflash_cfi01 *p = req->opaque;
    mutex_lock(&p->dev.lock);
    if (ret < 0 && !p->failed) {
        p->failed = true;
        log_warn("%s: writing to '%s' failed: %s", p->dev.id, block_id(p->drive), strerror(-ret));
    }
    p->writing = false;
    write_back(p);
    cond_broadcast(&p->written);
    mutex_unlock(&p->dev.lock);
}

/* The worker may read while the guest changes the same bytes: then they are dirty again, and
 * written once more. */
static void write_back(struct pflash_cfi01 *p)
{
    if (p->writing || p->dirty_from >= p->dirty_to)
        return;
    p->iov = (struct iovec){p->ram->host + p->dirty_from, p->dirty_to - p->dirty_from};
    p->req = (struct block_req){.op = BLOCK_WRITE,
                                .offset = p->dirty_from,
                                .bytes = p->iov.iov_len,
                                .iov = &p->iov,
                                .niov = 1,
                                .done = write_done,
                                .opaque = p};
    p->dirty_from = p->dirty_to = 0;
    p->writing = true;
    block_submit(p->drive, &p->req);
}

/* Bytes of the bank changed. */
static void changed(struct pflash_cfi01 *p, uint64_t from, uint64_t len)
{
    uint64_t to = align_up(from + len, SECTOR);
    ram_written(p->ram, from, len);
    if (p->drive == NULL)
        return;
    from = align_down(from, SECTOR);
    p->dirty_from = p->dirty_to ? MIN(p->dirty_from, from) : from;
    p->dirty_to = MAX(p->dirty_to, to);
    write_back(p);
}

/* Programming clears bits; only erasing sets them. */
static void program_bytes(struct pflash_cfi01 *p, uint64_t off, const uint8_t *bytes, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        p->ram->host[off + i] &= bytes[i];
    changed(p, off, n);
}

static void fail(struct pflash_cfi01 *p, uint8_t status)
{
    p->s.status |= status;
    p->s.phase = READY;
}

static void program(struct pflash_cfi01 *p, struct access a, uint64_t val)
{
    uint8_t bytes[8];
    p->s.phase = READY;
    if (!writable(p)) {
        fail(p, SR_PROGRAM | SR_LOCKED);
        return;
    }
    st_le64(bytes, val);
    program_bytes(p, a.off, bytes, a.size);
}

static void erase(struct pflash_cfi01 *p, uint64_t off, uint8_t cmd)
{
    uint64_t base = align_down(off, p->block_size);
    p->s.phase = READY;
    if (cmd != CMD_CONFIRM) {
        fail(p, SR_SEQUENCE);
    } else if (!writable(p)) {
        fail(p, SR_ERASE | SR_LOCKED);
    } else {
        memset(p->ram->host + base, 0xff, p->block_size);
        changed(p, base, p->block_size);
    }
}

static void buffer_start(struct pflash_cfi01 *p, uint16_t val)
{
    if (val >= 1u << BUFFER_BITS) {
        fail(p, SR_SEQUENCE);
        return;
    }
    p->s.count = val + 1;
    p->s.got = p->s.bad_buffer = 0;
    memset(p->s.buffer, 0xff, sizeof(p->s.buffer));
    p->s.phase = BUF_DATA;
}

static void buffer_data(struct pflash_cfi01 *p, struct access a, uint64_t val)
{
    struct pflash_cfi01_state *s = &p->s;
    uint8_t bytes[8];
    if (s->got == 0)
        s->base = (uint32_t)a.off;
    uint64_t at = a.off - s->base; /* wraps to something huge below the base */
    st_le64(bytes, val);
    if (at < BUFFER_SIZE && at + a.size <= BUFFER_SIZE &&
        a.off / p->block_size == s->base / p->block_size)
        memcpy(s->buffer + at, bytes, a.size);
    else
        s->bad_buffer = 1;
    if (++s->got >= s->count)
        s->phase = BUF_CONFIRM;
}

static void buffer_commit(struct pflash_cfi01 *p, uint8_t cmd)
{
    struct pflash_cfi01_state *s = &p->s;
    s->phase = READY;
    if (cmd != CMD_CONFIRM || s->bad_buffer)
        fail(p, SR_SEQUENCE);
    else if (!writable(p))
        fail(p, SR_PROGRAM | SR_LOCKED);
    else if (s->base < p->size) /* what was not written is 0xff and changes nothing */
        program_bytes(p, s->base, s->buffer, MIN(BUFFER_SIZE, p->size - s->base));
}

static void set_mode(struct pflash_cfi01 *p, enum mode mode, enum phase phase)
{
    p->s.mode = mode;
    p->s.phase = phase;
}

static void command(struct pflash_cfi01 *p, uint8_t cmd)
{
    switch (cmd) {
    case 0x00: /* what probes for other command sets write */
    case 0xf0:
    case CMD_READ_ARRAY: set_mode(p, ARRAY, READY); break;
    case CMD_READ_STATUS:
    case CMD_SUSPEND: /* nothing runs that could be suspended, or resumed */
    case CMD_CONFIRM: set_mode(p, STATUS, READY); break;
    case CMD_READ_ID: set_mode(p, ID, READY); break;
    case CMD_QUERY: set_mode(p, QUERY, READY); break;
    case CMD_CLEAR_STATUS: p->s.status = 0; break;
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT: set_mode(p, STATUS, PROGRAM); break;
    case CMD_PROTECTION: set_mode(p, STATUS, PROTECTION); break;
    case CMD_ERASE: set_mode(p, STATUS, ERASE); break;
    case CMD_LOCK_SETUP: set_mode(p, STATUS, LOCK); break;
    case CMD_BUFFERED: set_mode(p, STATUS, BUF_COUNT); break;
    default: dev_guest_error(&p->dev, "unknown command %#x", cmd); set_mode(p, ARRAY, READY);
    }
}

/* Blocks are never locked: the lock commands succeed without effect. */
static void lock_command(struct pflash_cfi01 *p, uint8_t cmd)
{
    bool known = cmd == LOCK_SET || cmd == LOCK_DOWN || cmd == LOCK_CONFIG || cmd == CMD_CONFIRM;
    if (known)
        p->s.phase = READY;
    else
        fail(p, SR_SEQUENCE);
}

static uint16_t read_id(uint64_t addr)
{
    switch (addr & 0xff) {
    case 0: return MANUFACTURER;
    case 1: return DEVICE_CODE;
    case 2: return 0; /* not locked */
    case 5: return READ_CONFIG;
    default: return 0;
    }
}

static uint16_t read_query(const struct pflash_cfi01 *p, uint64_t addr)
{
    uint64_t at = addr & 0xff, unit = p->block_size / chips(p) / BLOCK_SIZE_UNIT;
    switch (at) {
    case QUERY_CHIP_SIZE: return (uint16_t)(64 - __builtin_clzll(p->size / chips(p) - 1));
    case QUERY_INTERFACE: return chips(p) == 2; /* x16, or x8 */
    case QUERY_BLOCKS: return (uint16_t)((p->blocks - 1) & 0xff);
    case QUERY_BLOCKS + 1: return (uint16_t)((p->blocks - 1) >> 8);
    case QUERY_BLOCK_SIZE: return (uint16_t)(unit & 0xff);
    case QUERY_BLOCK_SIZE + 1: return (uint16_t)(unit >> 8);
    default:
        return at >= QUERY_START && at < QUERY_START + sizeof(query) ? query[at - QUERY_START] : 0;
    }
}

/* What one chip answers at a word address, while it does not show the array. */
static uint16_t answer(const struct pflash_cfi01 *p, uint64_t addr)
{
    switch (p->s.mode) {
    case ID: return read_id(addr);
    case QUERY: return read_query(p, addr);
    default: return p->s.status;
    }
}

static uint64_t pflash_read(struct device *dev, struct access a)
{
    struct pflash_cfi01 *p = self(dev);
    uint64_t v = 0;
    for (unsigned i = 0; i < a.size; i++) {
        uint64_t at = a.off + i;
        uint16_t lane = p->s.mode == ARRAY ? 0 : answer(p, at / p->width);
        uint8_t byte = p->s.mode == ARRAY ? p->ram->host[at]
                                          : (uint8_t)(lane >> (chips(p) == 2 && at % 2) * 8);
        v |= (uint64_t)byte << i * 8;
    }
    return v;
}

static void pflash_sync(struct device *dev)
{
    region_set_romd(&self(dev)->region, self(dev)->s.mode == ARRAY);
}

/* QUIRK: right after a clear the register is 0, not ready: OVMF knows flash from ROM and RAM by
 * that. */
static bool keeps_cleared(const struct pflash_cfi01 *p, uint8_t cmd)
{
    return p->s.phase == READY && (cmd == CMD_CLEAR_STATUS || cmd == CMD_READ_STATUS);
}

static void pflash_write(struct device *dev, struct access a, uint64_t val)
{
    struct pflash_cfi01 *p = self(dev);
    uint8_t cmd = val & 0xff;
    if (!keeps_cleared(p, cmd))
        p->s.status |= SR_READY;
    switch (p->s.phase) {
    case PROGRAM: program(p, a, val); break;
    case PROTECTION: fail(p, SR_PROGRAM | SR_LOCKED); break; /* the register is locked */
    case ERASE: erase(p, a.off, cmd); break;
    case LOCK: lock_command(p, cmd); break;
    case BUF_COUNT: buffer_start(p, val & 0xffff); break;
    case BUF_DATA: buffer_data(p, a, val); break;
    case BUF_CONFIRM: buffer_commit(p, cmd); break;
    default: command(p, cmd);
    }
    pflash_sync(dev);
}

static const struct mmio_ops pflash_ops = {pflash_read, pflash_write, .min = 1, .max = 4};

struct load {
    struct mutex lock;
    struct cond done;
    bool finished;
    int ret;
};

static void load_done(struct block_req *req, int ret)
{
    struct load *l = req->opaque;
    mutex_lock(&l->lock);
    l->ret = ret;
    l->finished = true;
    cond_signal(&l->done);
    mutex_unlock(&l->lock);
}

static int read_drive(struct pflash_cfi01 *p, uint64_t bytes)
{
    struct load l = {.finished = false};
    struct iovec iov = {p->ram->host, bytes};
    struct block_req req = {.op = BLOCK_READ, .bytes = bytes, .iov = &iov, .niov = 1};
    req.done = load_done;
    req.opaque = &l;
    mutex_init(&l.lock);
    cond_init(&l.done);
    block_submit(p->drive, &req);
    mutex_lock(&l.lock);
    while (!l.finished)
        cond_wait(&l.done, &l.lock);
    mutex_unlock(&l.lock);
    cond_fini(&l.done);
    mutex_fini(&l.lock);
    return l.ret;
}

/* A read-only image may be shorter than the bank: what it lacks reads as erased. */
static bool load(struct pflash_cfi01 *p, struct error **errp)
{
    uint64_t size = block_size(p->drive);
    bool fits = size == p->size || (size < p->size && block_read_only(p->drive));
    if (!fits) {
        error_set(errp,
                  "the image of '%s' has %llu bytes, the flash has %llu; make it that size "
                  "(truncate -s %lluM), or add readonly=on when it is smaller",
                  block_id(p->drive), (unsigned long long)size, (unsigned long long)p->size,
                  (unsigned long long)p->size >> 20);
        return false;
    }
    int ret = size ? read_drive(p, size) : 0;
    if (ret < 0)
        error_set(errp, "could not read '%s': %s", block_id(p->drive), strerror(-ret));
    return ret == 0;
}

static bool check_shape(struct pflash_cfi01 *p, struct error **errp)
{
    bool good = p->block_size >= MIN_BLOCK && p->block_size <= MAX_BLOCK && is_pow2(p->block_size);
    if (good && p->blocks == 0 && p->drive)
        p->blocks = (uint32_t)MIN(block_size(p->drive) / p->block_size, UINT32_MAX);
    if (!good)
        error_set(errp, "sector-length is %u, must be a power of two from %d to %d", p->block_size,
                  MIN_BLOCK, MAX_BLOCK);
    else if (p->blocks < 1 || p->blocks > MAX_BLOCKS)
        error_set(errp, "num-blocks is %u, must be from 1 to %d", p->blocks, MAX_BLOCKS);
    else if (p->width != 1 && p->width != PFLASH_BANK_WIDTH)
        error_set(errp, "width is %u, must be 1 or %d", p->width, PFLASH_BANK_WIDTH);
    else
        return true;
    return false;
}

static bool pflash_realize(struct device *dev, struct error **errp)
{
    struct pflash_cfi01 *p = self(dev);
    const char *name = p->name ? p->name : dev->id;
    if (!check_shape(p, errp))
        return false;
    p->size = (uint64_t)p->blocks * p->block_size;
    p->own_ram = dev->machine == NULL;
    p->ram = p->own_ram ? ram_new(name, p->size, errp)
                        : machine_new_ram(dev->machine, name, p->size, errp);
    if (p->ram == NULL)
        return false;
    cond_init(&p->written);
    region_init_rom_device(&p->region, name, p->ram, &pflash_ops, dev);
    region_init_rom(&p->view, name, p->ram);
    if (p->drive == NULL || block_size(p->drive) < p->size)
        host_ram_fill(p->ram->host, p->size, 0xff);
    return p->drive == NULL || load(p, errp);
}

static void pflash_unrealize(struct device *dev)
{
    struct pflash_cfi01 *p = self(dev);
    mutex_lock(&dev->lock);
    while (p->writing)
        cond_wait(&p->written, &dev->lock);
    mutex_unlock(&dev->lock);
    region_del(&p->region);
    region_del(&p->view);
    cond_fini(&p->written);
    if (p->own_ram)
        ram_free(p->ram);
}

struct mem_region *pflash_region(struct device *dev)
{
    return &self(dev)->region;
}

struct mem_region *pflash_view(struct device *dev)
{
    return self(dev)->secure ? &self(dev)->view : NULL;
}

struct ram_block *pflash_ram(struct device *dev)
{
    return self(dev)->ram;
}

bool pflash_has_drive(struct device *dev)
{
    return self(dev)->drive != NULL;
}

static const struct state_field pflash_state[] = {
    STATE(pflash_cfi01, mode, ARRAY),
    STATE(pflash_cfi01, phase, READY),
    STATE(pflash_cfi01, status, SR_READY),
    STATE(pflash_cfi01, bad_buffer, 0),
    STATE(pflash_cfi01, count, 0),
    STATE(pflash_cfi01, got, 0),
    STATE(pflash_cfi01, base, 0),
    STATE_ARRAY(pflash_cfi01, buffer, 0),
    STATE_END,
};

static const struct prop pflash_props[] = {
    PROP(prop_drive, pflash_cfi01, "drive", drive, NULL, "id of the -drive or -blockdev"),
    PROP(prop_string, pflash_cfi01, "name", name, NULL, "name in memory listings"),
    PROP(prop_uint32, pflash_cfi01, "num-blocks", blocks, "128",
         "how many blocks there are (0: as the drive has)"),
    PROP(prop_bool, pflash_cfi01, "secure", secure, "off",
         "only system management mode may write to it (PCs)"),
    PROP(prop_uint32, pflash_cfi01, "sector-length", block_size, "262144", "bytes of a block"),
    PROP(prop_uint8, pflash_cfi01, "width", width, "4", "bytes of the bank: 4 (two chips) or 1"),
    PROP_END,
};

DEVICE_CLASS_NAMED(pflash_cfi01, "cfi.pflash01") = {
    .desc = "NOR flash with CFI, Intel command set",
    .compatible = "cfi-flash",
    .props = pflash_props,
    .state = pflash_state,
    .realize = pflash_realize,
    .unrealize = pflash_unrealize,
    .sync = pflash_sync,
};
