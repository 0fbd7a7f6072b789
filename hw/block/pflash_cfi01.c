/*
 * NOR flash bank: two 16-bit Intel chips side by side on a 32-bit bus, 32 MiB.
 * Ref: JEDEC JESD68.01 (CFI); Intel StrataFlash P30 datasheet (document 306666), command set 0001.
 *
 * While both chips are in read-array mode, guests read the bank as memory.  Programming and erasing
 * take no time.
 */
#include "hw/block/pflash_cfi01.h"
#include "block/block.h"
#include "core/machine.h"
#include "core/ram.h"
#include "util/bits.h"
#include "util/log.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum { CHIPS = 2, CHIP_BITS = 24, BLOCK_WORDS = 65536, BLOCKS = 128 };
enum { BUFFER_WORDS = 256, BUFFER_BITS = 9, SECTOR = 512 };
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

struct chip {
    uint8_t mode, phase;
    uint8_t status;
    uint8_t bad_buffer;  /* an address of the buffered program lay outside it */
    uint16_t count, got; /* words of the buffered program */
    uint32_t base;       /* its first word's address */
    uint16_t words[BUFFER_WORDS];
};

struct pflash_cfi01 {
    struct device dev;
    struct block_node *drive;
    char *name;
    struct mem_region region;
    struct ram_block *ram;
    bool own_ram;
    /* Writing back: one request at a time, of everything that changed since the last. */
    struct block_req req;
    struct iovec iov;
    struct cond written;
    uint64_t dirty_from, dirty_to;
    bool writing, failed;
    struct pflash_cfi01_state {
        struct chip chip[CHIPS];
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
    CHIP_BITS, 0x01, 0x00,              /* size; x16 */
    BUFFER_BITS, 0x00,
    0x01, BLOCKS - 1, 0x00, 0x00, 0x02, /* one region: 128 blocks of 128 KiB a chip */
    'P', 'R', 'I', '1', '0',
    0x00, 0x00, 0x00, 0x00,             /* no optional features */
    0x00, 0x00, 0x00, 0x18, 0x00, 0x00,
};
/* clang-format on */

static struct pflash_cfi01 *self(struct device *dev)
{
    return (struct pflash_cfi01 *)dev;
}

static uint8_t *word_at(struct pflash_cfi01 *p, unsigned lane, uint32_t addr)
{
    return p->ram->host + (uint64_t)addr * PFLASH_BANK_WIDTH + lane * 2;
}

static bool writable(const struct pflash_cfi01 *p)
{
    return p->drive == NULL || !block_read_only(p->drive);
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
static void program_word(struct pflash_cfi01 *p, unsigned lane, uint32_t addr, uint16_t val)
{
    uint8_t *w = word_at(p, lane, addr);
    st_le16(w, ld_le16(w) & val);
}

static void fail(struct chip *c, uint8_t status)
{
    c->status |= status;
    c->phase = READY;
}

static void program(struct pflash_cfi01 *p, unsigned lane, uint32_t addr, uint16_t val)
{
    struct chip *c = &p->s.chip[lane];
    c->phase = READY;
    if (!writable(p)) {
        fail(c, SR_PROGRAM | SR_LOCKED);
        return;
    }
    program_word(p, lane, addr, val);
    changed(p, (uint64_t)addr * PFLASH_BANK_WIDTH, PFLASH_BANK_WIDTH);
}

static void erase(struct pflash_cfi01 *p, unsigned lane, uint32_t addr)
{
    struct chip *c = &p->s.chip[lane];
    uint32_t base = align_down(addr, BLOCK_WORDS);
    c->phase = READY;
    if (!writable(p)) {
        fail(c, SR_ERASE | SR_LOCKED);
        return;
    }
    for (uint32_t i = 0; i < BLOCK_WORDS; i++)
        st_le16(word_at(p, lane, base + i), 0xffff);
    changed(p, (uint64_t)base * PFLASH_BANK_WIDTH, (uint64_t)BLOCK_WORDS * PFLASH_BANK_WIDTH);
}

static void buffer_word(struct chip *c, uint32_t addr, uint16_t val)
{
    if (c->got == 0)
        c->base = addr;
    uint32_t at = addr - c->base;
    bool inside = at < c->count && addr / BLOCK_WORDS == c->base / BLOCK_WORDS;
    if (inside)
        c->words[at] = val;
    else
        c->bad_buffer = 1;
    if (++c->got == c->count)
        c->phase = BUF_CONFIRM;
}

static void buffer_start(struct chip *c, uint16_t val)
{
    if (val >= BUFFER_WORDS) {
        fail(c, SR_SEQUENCE);
        return;
    }
    c->count = val + 1;
    c->got = c->bad_buffer = 0;
    memset(c->words, 0xff, sizeof(c->words));
    c->phase = BUF_DATA;
}

static void buffer_commit(struct pflash_cfi01 *p, unsigned lane, uint8_t cmd)
{
    struct chip *c = &p->s.chip[lane];
    bool one_block = (c->base + c->count - 1) / BLOCK_WORDS == c->base / BLOCK_WORDS;
    c->phase = READY;
    if (cmd != CMD_CONFIRM || c->bad_buffer || !one_block) {
        fail(c, SR_SEQUENCE);
        return;
    }
    if (!writable(p)) {
        fail(c, SR_PROGRAM | SR_LOCKED);
        return;
    }
    for (uint32_t i = 0; i < c->count; i++)
        program_word(p, lane, c->base + i, c->words[i]);
    changed(p, (uint64_t)c->base * PFLASH_BANK_WIDTH, (uint64_t)c->count * PFLASH_BANK_WIDTH);
}

static void set_mode(struct chip *c, enum mode mode, enum phase phase)
{
    c->mode = mode;
    c->phase = phase;
}

static void command(struct device *dev, struct chip *c, uint8_t cmd)
{
    switch (cmd) {
    case 0x00: /* what probes for other command sets write */
    case 0xf0:
    case CMD_READ_ARRAY: set_mode(c, ARRAY, READY); break;
    case CMD_READ_STATUS:
    case CMD_SUSPEND: /* nothing runs that could be suspended, or resumed */
    case CMD_CONFIRM: set_mode(c, STATUS, READY); break;
    case CMD_READ_ID: set_mode(c, ID, READY); break;
    case CMD_QUERY: set_mode(c, QUERY, READY); break;
    case CMD_CLEAR_STATUS: c->status = SR_READY; break;
    case CMD_PROGRAM:
    case CMD_PROGRAM_ALT: set_mode(c, STATUS, PROGRAM); break;
    case CMD_PROTECTION: set_mode(c, STATUS, PROTECTION); break;
    case CMD_ERASE: set_mode(c, STATUS, ERASE); break;
    case CMD_LOCK_SETUP: set_mode(c, STATUS, LOCK); break;
    case CMD_BUFFERED: set_mode(c, STATUS, BUF_COUNT); break;
    default: dev_guest_error(dev, "unknown command %#x", cmd); set_mode(c, ARRAY, READY);
    }
}

/* Blocks are never locked: the lock commands succeed without effect. */
static void lock_command(struct chip *c, uint8_t cmd)
{
    bool known = cmd == LOCK_SET || cmd == LOCK_DOWN || cmd == LOCK_CONFIG || cmd == CMD_CONFIRM;
    if (known)
        c->phase = READY;
    else
        fail(c, SR_SEQUENCE);
}

static void chip_write(struct pflash_cfi01 *p, unsigned lane, uint32_t addr, uint16_t val)
{
    struct chip *c = &p->s.chip[lane];
    switch (c->phase) {
    case PROGRAM: program(p, lane, addr, val); break;
    case PROTECTION: fail(c, SR_PROGRAM | SR_LOCKED); break; /* the register is locked */
    case ERASE:
        if ((val & 0xff) == CMD_CONFIRM)
            erase(p, lane, addr);
        else
            fail(c, SR_SEQUENCE);
        break;
    case LOCK: lock_command(c, val & 0xff); break;
    case BUF_COUNT: buffer_start(c, val); break;
    case BUF_DATA: buffer_word(c, addr, val); break;
    case BUF_CONFIRM: buffer_commit(p, lane, val & 0xff); break;
    default: command(&p->dev, c, val & 0xff);
    }
}

static uint16_t read_id(uint32_t addr)
{
    switch (addr & 0xff) {
    case 0: return MANUFACTURER;
    case 1: return DEVICE_CODE;
    case 2: return 0; /* not locked */
    case 5: return READ_CONFIG;
    default: return 0;
    }
}

static uint16_t read_query(uint32_t addr)
{
    uint32_t at = addr & 0xff;
    return at >= 0x10 && at < 0x10 + sizeof(query) ? query[at - 0x10] : 0;
}

static uint16_t chip_read(struct pflash_cfi01 *p, unsigned lane, uint32_t addr)
{
    const struct chip *c = &p->s.chip[lane];
    switch (c->mode) {
    case ARRAY: return ld_le16(word_at(p, lane, addr));
    case ID: return read_id(addr);
    case QUERY: return read_query(addr);
    default: return c->status;
    }
}

static uint64_t pflash_read(struct device *dev, struct access a)
{
    uint32_t addr = (uint32_t)(a.off / PFLASH_BANK_WIDTH);
    uint64_t both = chip_read(self(dev), 0, addr) | (uint64_t)chip_read(self(dev), 1, addr) << 16;
    return both >> (a.off % PFLASH_BANK_WIDTH) * 8;
}

/* Drive the lanes that the access covers; a byte lane that is not driven floats high. */
static void pflash_write(struct device *dev, struct access a, uint64_t val)
{
    struct pflash_cfi01 *p = self(dev);
    unsigned shift = (unsigned)(a.off % PFLASH_BANK_WIDTH) * 8;
    uint32_t mask = (uint32_t)MASK64(0, a.size * 8) << shift;
    uint32_t word = (uint32_t)val << shift | ~mask;
    for (unsigned lane = 0; lane < CHIPS; lane++)
        if (mask >> lane * 16 & 0xffff)
            chip_write(p, lane, (uint32_t)(a.off / PFLASH_BANK_WIDTH), word >> lane * 16 & 0xffff);
    region_set_romd(&p->region, p->s.chip[0].mode == ARRAY && p->s.chip[1].mode == ARRAY);
}

static void pflash_sync(struct device *dev)
{
    struct pflash_cfi01 *p = self(dev);
    region_set_romd(&p->region, p->s.chip[0].mode == ARRAY && p->s.chip[1].mode == ARRAY);
}

/* Reset leaves the chips ready, reading the array, with clean status. */
static void pflash_reset(struct device *dev)
{
    for (unsigned i = 0; i < CHIPS; i++)
        self(dev)->s.chip[i].status = SR_READY;
}

static const struct mmio_ops pflash_ops = {pflash_read, pflash_write, 1, 4, PFLASH_SIZE};

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
    bool fits = size == PFLASH_SIZE || (size < PFLASH_SIZE && block_read_only(p->drive));
    if (!fits) {
        error_set(errp,
                  "the image of '%s' has %llu bytes, the flash has %d; make it that size "
                  "(truncate -s %dM), or add readonly=on when it is smaller",
                  block_id(p->drive), (unsigned long long)size, PFLASH_SIZE, PFLASH_SIZE >> 20);
        return false;
    }
    int ret = size ? read_drive(p, size) : 0;
    if (ret < 0)
        error_set(errp, "could not read '%s': %s", block_id(p->drive), strerror(-ret));
    return ret == 0;
}

static bool pflash_realize(struct device *dev, struct error **errp)
{
    struct pflash_cfi01 *p = self(dev);
    const char *name = p->name ? p->name : dev->id;
    p->own_ram = dev->machine == NULL;
    p->ram = p->own_ram ? ram_new(name, PFLASH_SIZE, errp)
                        : machine_new_ram(dev->machine, name, PFLASH_SIZE, errp);
    if (p->ram == NULL)
        return false;
    cond_init(&p->written);
    region_init_rom_device(&p->region, name, p->ram, &pflash_ops, dev);
    if (p->drive == NULL || block_size(p->drive) < PFLASH_SIZE)
        memset(p->ram->host, 0xff, PFLASH_SIZE);
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
    cond_fini(&p->written);
    if (p->own_ram)
        ram_free(p->ram);
}

struct mem_region *pflash_region(struct device *dev)
{
    return &self(dev)->region;
}

bool pflash_has_drive(struct device *dev)
{
    return self(dev)->drive != NULL;
}

static const struct state_field pflash_state[] = {
    STATE_ARRAY(pflash_cfi01, chip, 0),
    STATE_END,
};

static const struct prop pflash_props[] = {
    PROP(prop_drive, pflash_cfi01, "drive", drive, NULL, "id of the -drive or -blockdev"),
    PROP(prop_string, pflash_cfi01, "name", name, NULL, "name in memory listings"),
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
    .reset = pflash_reset,
};
