/*
 * The two 8237A DMA controllers of a PC, with page registers.
 * Ref: Intel 8237A data sheet (231466-005); 82371SB (PIIX3) data sheet, 2.5.1.
 *
 * Bursts run in the main loop, where no lock is held; a client asks with its request line.
 */
#include "core/clock.h"
#include "core/machine.h"
#include "hw/isa/isa.h"
#include "util/bits.h"

#include <glib.h>

enum { CHIPS = 2, CHANNELS = 4, CASCADE = 4, CHUNK = 4096 };
enum { /* registers beyond the channels' */
       STATUS_COMMAND = 8,
       REQUEST = 9,
       SINGLE_MASK = 10,
       MODE = 11,
       CLEAR_FLIPFLOP = 12,
       TEMPORARY_CLEAR = 13,
       CLEAR_MASK = 14,
       ALL_MASK = 15
};
enum { COMMAND_MEMORY = 0x01, COMMAND_HOLD = 0x02, COMMAND_OFF = 0x04, COMMAND_ROTATE = 0x10 };
enum { MODE_AUTO = 0x10, MODE_DOWN = 0x20, MODE_TYPE = 0x0c, MODE_CASCADE = 0xc0 };
enum { TYPE_VERIFY = 0x00, TYPE_WRITE = 0x04, TYPE_READ = 0x08 };
enum { PAGES = 16, BURST_LIMIT = 1 << 17 };

struct channel {
    uint16_t base_address, base_count, address, count;
    uint8_t mode, page;
};

struct chip {
    struct channel channel[CHANNELS];
    uint8_t command, mask, request; /* request: by software */
    uint8_t done;                   /* terminal counts since the status was read */
    uint8_t high;                   /* the flip-flop: the next access is to the high byte */
    uint8_t temporary, lowest;
    uint8_t pad;
};

struct i8237 {
    struct device dev;
    struct timer work;
    struct mem_region ports[CHIPS], pages;
    struct {
        const struct isa_dma_client *ops;
        void *opaque;
    } client[CHIPS * CHANNELS];
    struct i8237_state {
        struct chip chip[CHIPS];
        uint8_t lines; /* requests of the devices */
        uint8_t scratch[PAGES];
        uint8_t pad;
    } s;
};

/* Which channel a page register belongs to, -1: none. */
static const int8_t page_channel[PAGES] = {-1, 2, 3, 1, -1, -1, -1, 0, -1, 6, 7, 5, -1, -1, -1, 4};

static struct channel *channel_of(struct i8237 *d, unsigned n)
{
    return &d->s.chip[n / CHANNELS].channel[n % CHANNELS];
}

static bool chip_works(const struct chip *c)
{
    return !(c->command & COMMAND_OFF);
}

/* Whether a channel has something to do and may do it. */
static bool is_ready(const struct i8237 *d, unsigned n)
{
    const struct chip *c = &d->s.chip[n / CHANNELS], *second = &d->s.chip[1];
    unsigned bit = 1U << n % CHANNELS;
    if (n == CASCADE || !chip_works(c))
        return false;
    if (c->request & bit)
        return true;
    bool passes = n > CASCADE || (chip_works(second) && !(second->mask & 1));
    return passes && !(c->mask & bit) && (d->s.lines >> n & 1) && d->client[n].ops &&
           (c->channel[n % CHANNELS].mode & MODE_CASCADE) != MODE_CASCADE;
}

/* The ready channel of the highest priority, -1: none. */
static int choose(const struct i8237 *d)
{
    for (unsigned chip = 0; chip < CHIPS; chip++)
        for (unsigned i = 0; i < CHANNELS; i++) {
            unsigned n = chip * CHANNELS + (d->s.chip[chip].lowest + 1U + i) % CHANNELS;
            if (is_ready(d, n))
                return (int)n;
        }
    return -1;
}

static void kick(struct i8237 *d)
{
    if (choose(d) >= 0)
        timer_set(&d->work, clock_now());
}

/* Bytes that one count stands for. */
static unsigned width(unsigned n)
{
    return n > CASCADE ? 2 : 1;
}

static gpa address_of(struct i8237 *d, unsigned n)
{
    const struct channel *c = channel_of(d, n);
    if (n > CASCADE)
        return (gpa)(c->page & 0xfe) << 16 | (gpa)c->address << 1;
    return (gpa)c->page << 16 | c->address;
}

/* Counts until the terminal count or the end of the page, whichever comes first. */
static uint32_t run_length(const struct channel *c)
{
    uint32_t left = (uint32_t)c->count + 1;
    uint32_t room = c->mode & MODE_DOWN ? (uint32_t)c->address + 1 : 0x10000U - c->address;
    return left < room ? left : room;
}

/* After n counts; whether that was the terminal one. */
static bool advance(struct i8237 *d, unsigned n, uint32_t counts)
{
    struct chip *chip = &d->s.chip[n / CHANNELS];
    struct channel *c = channel_of(d, n);
    uint8_t bit = (uint8_t)(1U << n % CHANNELS);
    bool last = counts == (uint32_t)c->count + 1;
    c->address = (uint16_t)(c->mode & MODE_DOWN ? c->address - counts : c->address + counts);
    c->count = (uint16_t)(c->count - counts);
    if (!last)
        return false;
    chip->done |= bit;
    chip->request &= (uint8_t)~bit;
    if (c->mode & MODE_AUTO) {
        c->address = c->base_address;
        c->count = c->base_count;
    } else {
        chip->mask |= bit;
    }
    return true;
}

static void reverse(uint8_t *buf, uint32_t bytes, unsigned step)
{
    for (uint32_t i = 0, j = bytes - step; i < j; i += step, j -= step)
        for (unsigned b = 0; b < step; b++) {
            uint8_t t = buf[i + b];
            buf[i + b] = buf[j + b];
            buf[j + b] = t;
        }
}

struct burst {
    unsigned n;
    gpa at; /* the lowest byte */
    uint32_t bytes;
    uint8_t type;
    bool down;
};

static struct burst plan(struct i8237 *d, unsigned n)
{
    const struct channel *c = channel_of(d, n);
    uint32_t counts = MIN(run_length(c), (uint32_t)CHUNK / 2);
    struct burst b = {.n = n,
                      .at = address_of(d, n),
                      .bytes = counts * width(n),
                      .type = c->mode & MODE_TYPE,
                      .down = c->mode & MODE_DOWN};
    if (b.down)
        b.at -= b.bytes - width(n);
    return b;
}

/* Between memory and the client, no lock held; how many bytes were moved. */
static uint32_t carry_out(struct i8237 *d, const struct burst *b)
{
    uint8_t buf[CHUNK] = {0};
    struct address_space *as = &d->dev.machine->as;
    const struct isa_dma_client *ops = d->client[b->n].ops;
    if (b->type == TYPE_READ) {
        if (!dma_read(as, b->at, buf, b->bytes))
            dev_guest_error(&d->dev, "channel %u reads where no memory is", b->n);
        if (b->down)
            reverse(buf, b->bytes, width(b->n));
    }
    uint32_t n =
        ops ? ops->transfer(d->client[b->n].opaque, buf, b->bytes, b->type != TYPE_READ) : b->bytes;
    n = MIN(n, b->bytes) / width(b->n) * width(b->n);
    if (b->type == TYPE_WRITE && n > 0) {
        if (b->down)
            reverse(buf, n, width(b->n));
        if (!dma_write(as, b->down ? b->at + (b->bytes - n) : b->at, buf, n))
            dev_guest_error(&d->dev, "channel %u writes where no memory is", b->n);
    }
    return n;
}

/* Channel 0 to channel 1.  Ref: data sheet, "Memory-to-Memory". */
static void copy_memory(struct i8237 *d, struct chip *chip)
{
    struct channel *to = &chip->channel[1];
    struct address_space *as = &d->dev.machine->as;
    uint64_t byte = 0;
    for (uint32_t left = (uint32_t)to->count + 1; left > 0; left--) {
        if (!dma_read(as, address_of(d, 0), &byte, 1) || !dma_write(as, address_of(d, 1), &byte, 1))
            dev_guest_error(&d->dev, "memory-to-memory transfer where no memory is");
        if (!(chip->command & COMMAND_HOLD))
            chip->channel[0].address += chip->channel[0].mode & MODE_DOWN ? 0xffff : 1;
        chip->channel[0].count--;
        advance(d, 1, 1);
    }
    chip->temporary = (uint8_t)byte;
    chip->request &= 0xfe;
}

/* One burst; false when there is nothing to do. */
static bool serve_one(struct i8237 *d, uint32_t *moved)
{
    mutex_lock(&d->dev.lock);
    int n = choose(d);
    struct chip *chip = &d->s.chip[n < 0 ? 0 : n / CHANNELS];
    if (n == 0 && (chip->command & COMMAND_MEMORY) && (chip->request & 1)) {
        copy_memory(d, chip);
        n = -1;
    }
    if (n < 0) {
        mutex_unlock(&d->dev.lock);
        return false;
    }
    struct burst b = plan(d, (unsigned)n);
    mutex_unlock(&d->dev.lock);
    uint32_t done = carry_out(d, &b);
    mutex_lock(&d->dev.lock);
    bool last = done > 0 && advance(d, b.n, done / width(b.n));
    if (chip->command & COMMAND_ROTATE)
        chip->lowest = (uint8_t)(b.n % CHANNELS);
    mutex_unlock(&d->dev.lock);
    if (last && d->client[b.n].ops && d->client[b.n].ops->terminal_count)
        d->client[b.n].ops->terminal_count(d->client[b.n].opaque);
    *moved += done;
    return done > 0;
}

/* A client that never ends gets its next turn in the next round of the main loop. */
static void run(void *opaque)
{
    struct i8237 *d = opaque;
    uint32_t moved = 0;
    while (moved < BURST_LIMIT && serve_one(d, &moved))
        ;
    mutex_lock(&d->dev.lock);
    if (moved >= BURST_LIMIT)
        kick(d);
    mutex_unlock(&d->dev.lock);
}

static void attach(void *opaque, unsigned channel, const struct isa_dma_client *c, void *client)
{
    struct i8237 *d = opaque;
    if (channel >= CHIPS * CHANNELS || channel == CASCADE)
        return;
    d->client[channel].ops = c;
    d->client[channel].opaque = client;
}

static void request(void *opaque, unsigned channel, bool level)
{
    struct i8237 *d = opaque;
    if (channel >= CHIPS * CHANNELS)
        return;
    mutex_lock(&d->dev.lock);
    d->s.lines = (uint8_t)deposit64(d->s.lines, channel, 1, level);
    kick(d);
    mutex_unlock(&d->dev.lock);
}

static const struct isa_dma_ops dma_ops = {attach, request};

static uint8_t half(struct chip *c, uint16_t v)
{
    uint8_t out = (uint8_t)(c->high ? v >> 8 : v);
    c->high = !c->high;
    return out;
}

static uint8_t read_status(struct i8237 *d, unsigned which)
{
    struct chip *c = &d->s.chip[which];
    uint8_t lines = which ? d->s.lines >> 4 : d->s.lines & 15;
    uint8_t v = (uint8_t)(c->done | (lines | c->request) << 4);
    c->done = 0;
    return v;
}

static uint64_t chip_read(struct device *dev, unsigned which, unsigned reg, bool peek)
{
    struct i8237 *d = (struct i8237 *)dev;
    struct chip *c = &d->s.chip[which], before = *c;
    uint8_t v = 0;
    if (reg < STATUS_COMMAND)
        v = half(c, reg & 1 ? c->channel[reg / 2].count : c->channel[reg / 2].address);
    else if (reg == STATUS_COMMAND)
        v = read_status(d, which);
    else if (reg == TEMPORARY_CLEAR)
        v = c->temporary;
    else if (reg == ALL_MASK)
        v = c->mask | 0xf0;
    if (peek)
        *c = before;
    return v;
}

static void put_half(struct chip *c, uint16_t *base, uint16_t *current, uint8_t v)
{
    *base = (uint16_t)deposit64(*base, c->high ? 8 : 0, 8, v);
    *current = (uint16_t)deposit64(*current, c->high ? 8 : 0, 8, v);
    c->high = !c->high;
}

static void clear(struct chip *c)
{
    c->command = c->request = c->done = c->high = c->temporary = 0;
    c->lowest = CHANNELS - 1;
    c->mask = 15;
}

static void chip_write(struct device *dev, unsigned which, unsigned reg, uint8_t v)
{
    struct i8237 *d = (struct i8237 *)dev;
    struct chip *c = &d->s.chip[which];
    struct channel *ch = &c->channel[reg / 2 % CHANNELS];
    if (reg < STATUS_COMMAND && (reg & 1))
        put_half(c, &ch->base_count, &ch->count, v);
    else if (reg < STATUS_COMMAND)
        put_half(c, &ch->base_address, &ch->address, v);
    switch (reg) {
    case STATUS_COMMAND: c->command = v; break;
    case REQUEST: c->request = (uint8_t)deposit64(c->request, v & 3, 1, v >> 2 & 1); break;
    case SINGLE_MASK: c->mask = (uint8_t)deposit64(c->mask, v & 3, 1, v >> 2 & 1); break;
    case MODE: c->channel[v & 3].mode = v & 0xfc; break;
    case CLEAR_FLIPFLOP: c->high = 0; break;
    case TEMPORARY_CLEAR: clear(c); break;
    case CLEAR_MASK: c->mask = 0; break;
    case ALL_MASK: c->mask = v & 15; break;
    default: break;
    }
    kick(d);
}

static uint64_t first_read(struct device *dev, struct access a)
{
    return chip_read(dev, 0, (unsigned)a.off, a.peek);
}

static void first_write(struct device *dev, struct access a, uint64_t v)
{
    chip_write(dev, 0, (unsigned)a.off, (uint8_t)v);
}

/* The second chip's registers are two ports apart. */
static uint64_t second_read(struct device *dev, struct access a)
{
    return chip_read(dev, 1, (unsigned)a.off / 2, a.peek);
}

static void second_write(struct device *dev, struct access a, uint64_t v)
{
    chip_write(dev, 1, (unsigned)a.off / 2, (uint8_t)v);
}

/* Those without a channel just keep what is written; 0x80 is where BIOSes show their progress. */
static uint64_t page_read(struct device *dev, struct access a)
{
    struct i8237 *d = (struct i8237 *)dev;
    int n = page_channel[a.off];
    return n < 0 ? d->s.scratch[a.off] : channel_of(d, (unsigned)n)->page;
}

static void page_write(struct device *dev, struct access a, uint64_t v)
{
    struct i8237 *d = (struct i8237 *)dev;
    int n = page_channel[a.off];
    if (n < 0)
        d->s.scratch[a.off] = (uint8_t)v;
    else
        channel_of(d, (unsigned)n)->page = (uint8_t)v;
}

static void i8237_reset(struct device *dev)
{
    struct i8237 *d = (struct i8237 *)dev;
    for (unsigned i = 0; i < CHIPS; i++)
        clear(&d->s.chip[i]);
    timer_cancel(&d->work);
}

static void i8237_loaded(struct device *dev)
{
    struct i8237 *d = (struct i8237 *)dev;
    for (unsigned i = 0; i < CHIPS; i++) {
        d->s.chip[i].lowest %= CHANNELS;
        d->s.chip[i].high &= 1;
    }
}

static void i8237_sync(struct device *dev)
{
    kick((struct i8237 *)dev);
}

static bool i8237_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops[CHIPS] = {
        {first_read, first_write, .min = 1, .max = 1, .size = 16},
        {second_read, second_write, .min = 1, .max = 1, .size = 32},
    };
    static const struct mmio_ops page_ops = {page_read, page_write, .min = 1, .max = 1,
                                             .size = PAGES};
    struct i8237 *d = (struct i8237 *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL)
        return false;
    timer_init(&d->work, NULL, run, d);
    for (unsigned i = 0; i < CHIPS; i++) {
        region_init_mmio(&d->ports[i], "dma", &ops[i], dev);
        isa_add_ports(bus, i ? 0xc0 : 0x00, &d->ports[i]);
    }
    region_init_mmio(&d->pages, "dma-page", &page_ops, dev);
    isa_add_ports(bus, 0x80, &d->pages);
    bus->dma = &dma_ops;
    bus->dma_opaque = d;
    return true;
}

static void i8237_unrealize(struct device *dev)
{
    struct i8237 *d = (struct i8237 *)dev;
    for (unsigned i = 0; i < CHIPS; i++)
        isa_del_ports(dev->machine, &d->ports[i]);
    isa_del_ports(dev->machine, &d->pages);
    timer_cancel(&d->work);
}

static const struct state_field i8237_state[] = {
    {"chip", offsetof(struct i8237, s.chip), sizeof(((struct i8237 *)0)->s.chip), 2, 0, false},
    STATE_KEEP(i8237, lines),
    STATE_ARRAY(i8237, scratch, 0),
    STATE(i8237, pad, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(i8237, "i8257") = {
    .desc = "8237A DMA controllers of a PC, with page registers",
    .bus = "ISA",
    .state = i8237_state,
    .realize = i8237_realize,
    .unrealize = i8237_unrealize,
    .reset = i8237_reset,
    .loaded = i8237_loaded,
    .sync = i8237_sync,
};
