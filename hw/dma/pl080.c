/*
 * PrimeCell DMA controllers PL080 and PL081.  Ref: Arm DDI 0196 (PL080), DDI 0218 (PL081).
 *
 * Transfers take no time, and pass through memory.  Peripherals never ask for one: a channel whose
 * flow is controlled by one waits.
 */
#include "hw/dma/pl080.h"
#include "core/clock.h"
#include "core/machine.h"

#include <glib.h>

enum {
    INT_STATUS = 0x000,
    INT_TC_STATUS = 0x004,
    INT_TC_CLEAR = 0x008,
    INT_ERROR_STATUS = 0x00c,
    INT_ERROR_CLEAR = 0x010,
    RAW_TC = 0x014,
    RAW_ERROR = 0x018,
    ENABLED = 0x01c,
    SOFT_REQUESTS = 0x020, /* to 0x02c: burst, single, last burst, last single */
    CONFIGURATION = 0x030,
    SYNC = 0x034,
    CHANNELS_AT = 0x100,
    STRIDE = 0x20,
    PERIPH_ID = 0xfe0
};
enum { SRC = 0x00, DST = 0x04, LLI = 0x08, CONTROL = 0x0c, CONFIG = 0x10 };
enum { CHANNELS = 8, CHUNK = 256, MAX_ITEMS = 64 };
enum { CONFIG_ENABLE = 1, CONFIG_ERROR_INT = 1 << 14, CONFIG_TC_INT = 1 << 15 };
enum { CONFIG_HALT = 1 << 18, CONFIG_MASK = 0x5ffef, CONTROL_SRC_STEP = 1 << 26 };
enum { CONTROL_DST_STEP = 1 << 27, COUNT_MASK = 0xfff };
static const uint32_t CONTROL_TC = UINT32_C(1) << 31;

struct pl080 {
    struct device dev;
    struct irq error_irq, count_irq;
    uint32_t channels;
    struct timer run; /* transfers happen outside of register accesses */
    struct pl080_state {
        uint32_t config, sync, tc, error;
        struct pl080_channel {
            uint32_t src, dst, lli, control, config;
        } ch[CHANNELS];
    } s;
};

static struct pl080 *dma(struct device *dev)
{
    return (struct pl080 *)dev;
}

/* Interrupts that the channels' masks let through. */
static uint32_t masked(const struct pl080 *d, uint32_t raw, uint32_t bit)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < d->channels; i++)
        val |= d->s.ch[i].config & bit ? raw & 1U << i : 0;
    return val;
}

static uint32_t enabled(const struct pl080 *d)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < d->channels; i++)
        val |= (d->s.ch[i].config & CONFIG_ENABLE) << i;
    return val;
}

static void drive(struct pl080 *d)
{
    uint32_t tc = masked(d, d->s.tc, CONFIG_TC_INT);
    uint32_t error = masked(d, d->s.error, CONFIG_ERROR_INT);
    irq_set(&d->count_irq, tc);
    irq_set(&d->error_irq, error);
    irq_set(&d->dev.irq, tc | error);
}

/* ---- transfers ---- */

/* Bytes of an item: 1, 2 or 4; 0: reserved. */
static uint32_t width(uint32_t code)
{
    return code > 2 ? 0 : 1U << code;
}

/* A piece of the transfer at the channel's addresses, as its steps say. */
static bool copy(struct pl080 *d, struct pl080_channel *c, uint32_t bytes, uint32_t src_width,
                 uint32_t dst_width)
{
    struct address_space *as = &d->dev.machine->as;
    uint8_t buf[CHUNK];
    for (uint32_t at = 0; at < bytes; at += src_width) {
        if (!dma_read(as, c->src, buf + at, src_width))
            return false;
        c->src += c->control & CONTROL_SRC_STEP ? src_width : 0;
    }
    for (uint32_t at = 0; at < bytes; at += dst_width) {
        if (!dma_write(as, c->dst, buf + at, dst_width))
            return false;
        c->dst += c->control & CONTROL_DST_STEP ? dst_width : 0;
    }
    return true;
}

/* All of a list item; false when memory refuses. */
static bool transfer(struct pl080 *d, struct pl080_channel *c)
{
    uint32_t src_width = width(c->control >> 18 & 7), dst_width = width(c->control >> 21 & 7);
    uint32_t left = (c->control & COUNT_MASK) * src_width;
    if (src_width == 0 || dst_width == 0 || left % dst_width)
        return false;
    for (uint32_t n; left; left -= n) {
        n = MIN(left, CHUNK);
        if (!copy(d, c, n, src_width, dst_width))
            return false;
    }
    c->control &= ~(uint32_t)COUNT_MASK;
    return true;
}

/* 3.6: the next list item replaces addresses and control. */
static bool load_item(struct pl080 *d, struct pl080_channel *c)
{
    uint32_t word[4];
    for (unsigned i = 0; i < 4; i++) {
        uint64_t val;
        if (mem_read(&d->dev.machine->as, (c->lli & ~UINT32_C(3)) + i * 4, 4, &val) != MEM_OK)
            return false;
        word[i] = (uint32_t)val;
    }
    c->src = word[0];
    c->dst = word[1];
    c->lli = word[2];
    c->control = word[3];
    return true;
}

static bool is_ready(const struct pl080 *d, const struct pl080_channel *c)
{
    uint32_t flow = c->config >> 11 & 7;
    return (d->s.config & 1) && (c->config & CONFIG_ENABLE) && !(c->config & CONFIG_HALT) &&
           flow == 0; /* memory to memory */
}

/* Up to the end of its list, or a while: lists can be rings. */
static void run_channel(struct pl080 *d, unsigned i)
{
    struct pl080_channel *c = &d->s.ch[i];
    for (unsigned n = 0; n < MAX_ITEMS && is_ready(d, c); n++) {
        bool ok = transfer(d, c);
        if (ok && (c->control & CONTROL_TC))
            d->s.tc |= 1U << i;
        if (ok && (c->lli & ~UINT32_C(3))) {
            ok = load_item(d, c);
        } else {
            c->config &= ~(uint32_t)CONFIG_ENABLE;
        }
        if (ok)
            continue;
        d->s.error |= 1U << i;
        c->config &= ~(uint32_t)CONFIG_ENABLE;
    }
}

static bool any_ready(const struct pl080 *d)
{
    for (unsigned i = 0; i < d->channels; i++)
        if (is_ready(d, &d->s.ch[i]))
            return true;
    return false;
}

static void run(void *opaque)
{
    struct pl080 *d = opaque;
    for (unsigned i = 0; i < d->channels; i++)
        run_channel(d, i);
    drive(d);
    if (any_ready(d))
        timer_set(&d->run, clock_now() + 1000000);
}

/* ---- registers ---- */

static uint32_t *channel_register(struct pl080 *d, uint32_t off)
{
    uint32_t at = off - CHANNELS_AT;
    if (off < CHANNELS_AT || at / STRIDE >= d->channels)
        return NULL;
    struct pl080_channel *c = &d->s.ch[at / STRIDE];
    switch (at % STRIDE) {
    case SRC: return &c->src;
    case DST: return &c->dst;
    case LLI: return &c->lli;
    case CONTROL: return &c->control;
    case CONFIG: return &c->config;
    default: return NULL;
    }
}

static uint64_t pl080_read(struct device *dev, struct access a)
{
    static const uint8_t ids[2][8] = {{0x81, 0x10, 0x04, 0x0a, 0x0d, 0xf0, 0x05, 0xb1},
                                      {0x80, 0x10, 0x04, 0x0a, 0x0d, 0xf0, 0x05, 0xb1}};
    struct pl080 *d = dma(dev);
    uint32_t off = (uint32_t)a.off;
    const uint32_t *reg = channel_register(d, off);
    if (reg)
        return *reg;
    switch (off) {
    case INT_STATUS:
        return masked(d, d->s.tc, CONFIG_TC_INT) | masked(d, d->s.error, CONFIG_ERROR_INT);
    case INT_TC_STATUS: return masked(d, d->s.tc, CONFIG_TC_INT);
    case INT_ERROR_STATUS: return masked(d, d->s.error, CONFIG_ERROR_INT);
    case RAW_TC: return d->s.tc;
    case RAW_ERROR: return d->s.error;
    case ENABLED: return enabled(d);
    case CONFIGURATION: return d->s.config;
    case SYNC: return d->s.sync;
    default: break;
    }
    return off >= PERIPH_ID && off < PERIPH_ID + 32
               ? ids[d->channels == CHANNELS][(off - PERIPH_ID) / 4]
               : 0;
}

static bool write_register(struct pl080 *d, uint32_t off, uint32_t val)
{
    uint32_t *reg = channel_register(d, off);
    if (reg) {
        *reg = off % STRIDE == CONFIG ? val & CONFIG_MASK : val;
        return true;
    }
    switch (off) {
    case INT_TC_CLEAR: d->s.tc &= ~val; return true;
    case INT_ERROR_CLEAR: d->s.error &= ~val; return true;
    case CONFIGURATION: d->s.config = val & 1; return true; /* memory is little-endian */
    case SYNC: d->s.sync = val & 0xffff; return true;
    default: return off >= SOFT_REQUESTS && off < CONFIGURATION;
    }
}

static void pl080_write(struct device *dev, struct access a, uint64_t val)
{
    struct pl080 *d = dma(dev);
    if (!write_register(d, (uint32_t)a.off, (uint32_t)val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
    if (any_ready(d))
        timer_set(&d->run, clock_now());
    drive(d);
}

struct irq *pl080_error_irq(struct device *dev)
{
    return &dma(dev)->error_irq;
}

struct irq *pl080_count_irq(struct device *dev)
{
    return &dma(dev)->count_irq;
}

static bool pl080_realize(struct device *dev, struct error **errp)
{
    struct pl080 *d = dma(dev);
    if ((d->channels == 2 || d->channels == CHANNELS) && dev->machine) {
        timer_init(&d->run, &dev->lock, run, d);
        return true;
    }
    error_set(errp, "channels is %u: wanted 8 (PL080) or 2 (PL081)", d->channels);
    return false;
}

static void pl080_unrealize(struct device *dev)
{
    timer_cancel(&dma(dev)->run);
}

static void pl080_sync(struct device *dev)
{
    drive(dma(dev));
    if (any_ready(dma(dev)))
        timer_set(&dma(dev)->run, clock_now());
}

static const struct state_field pl080_state[] = {
    STATE(pl080, config, 0), STATE(pl080, sync, 0),     STATE(pl080, tc, 0),
    STATE(pl080, error, 0),  STATE_ARRAY(pl080, ch, 0), STATE_END,
};

static const struct prop pl080_props[] = {
    PROP(prop_uint32, pl080, "channels", channels, "8", "8: a PL080; 2: a PL081"),
    PROP_END,
};

DEVICE_CLASS(pl080) = {
    .desc = "PrimeCell DMA controller (PL080, PL081)",
    .mmio = {pl080_read, pl080_write, .min = 4, .max = 4, .size = 0x1000},
    .props = pl080_props,
    .state = pl080_state,
    .realize = pl080_realize,
    .unrealize = pl080_unrealize,
    .sync = pl080_sync,
};
