/*
 * PrimeCell synchronous serial port (PL022).  Ref: Arm DDI 0194, revision r1p4.
 * Also the SSI of Stellaris microcontrollers: LM3S6965 data sheet, chapter 14.
 *
 * As a master it exchanges a frame as soon as there is one to send, in no time.  As a slave it
 * waits for a master that is not there.
 */
#include "hw/ssi/pl022.h"

enum {
    CR0 = 0x00,
    CR1 = 0x04,
    DR = 0x08,
    SR = 0x0c,
    CPSR = 0x10,
    IMSC = 0x14,
    RIS = 0x18,
    MIS = 0x1c,
    ICR = 0x20,
    DMACR = 0x24,
    PERIPH_ID = 0xfe0
};
enum { CR1_LBM = 1, CR1_SSE = 2, CR1_MS = 4, CR1_MASK = 0xf };
enum { SR_TFE = 1, SR_TNF = 2, SR_RNE = 4, SR_RFF = 8, SR_BSY = 16 };
enum { INT_ROR = 1, INT_RT = 2, INT_RX = 4, INT_TX = 8, INT_ALL = 15, DEPTH = 8 };

struct pl022 {
    struct device dev;
    pl022_transfer_fn *transfer;
    void *peer;
    struct pl022_state {
        uint32_t cr0, cr1, cpsr, imsc, latched, dmacr; /* latched: ROR and RT */
        uint32_t tx_head, tx_len, rx_head, rx_len;
        uint16_t tx[DEPTH], rx[DEPTH];
    } s;
};

static struct pl022 *ssp(struct device *dev)
{
    return (struct pl022 *)dev;
}

void pl022_connect(struct device *dev, pl022_transfer_fn *transfer, void *opaque)
{
    ssp(dev)->transfer = transfer;
    ssp(dev)->peer = opaque;
}

/* 3.3.7: the FIFOs' interrupts are levels: half full or more, half empty or more. */
static uint32_t raw_status(const struct pl022_state *s)
{
    return s->latched | (s->rx_len >= DEPTH / 2 ? INT_RX : 0) |
           (s->tx_len <= DEPTH / 2 ? INT_TX : 0);
}

static void drive(struct pl022 *p)
{
    irq_set(&p->dev.irq, raw_status(&p->s) & p->s.imsc);
}

static void receive(struct pl022_state *s, uint32_t word)
{
    if (s->rx_len == DEPTH) {
        s->latched |= INT_ROR;
        return;
    }
    s->rx[(s->rx_head + s->rx_len++) % DEPTH] = (uint16_t)word;
}

/* Exchange what is to be sent. */
static void exchange(struct pl022 *p)
{
    struct pl022_state *s = &p->s;
    unsigned bits = (s->cr0 & 0xf) + 1;
    uint32_t mask = (1U << bits) - 1;
    while ((s->cr1 & CR1_SSE) && !(s->cr1 & CR1_MS) && s->tx_len) {
        uint32_t out = s->tx[s->tx_head] & mask, in = 0;
        s->tx_head = (s->tx_head + 1) % DEPTH;
        s->tx_len--;
        if (s->cr1 & CR1_LBM)
            in = out;
        else if (p->transfer)
            in = p->transfer(p->peer, out, bits);
        receive(s, in & mask);
    }
    if (s->rx_len && (s->cr1 & CR1_SSE))
        s->latched |= INT_RT; /* nothing more comes by itself */
}

static uint32_t pop(struct pl022_state *s, bool peek)
{
    uint32_t val = s->rx[s->rx_head];
    if (s->rx_len && !peek) {
        s->rx_head = (s->rx_head + 1) % DEPTH;
        if (--s->rx_len == 0)
            s->latched &= ~(uint32_t)INT_RT;
    }
    return val;
}

static uint32_t status(const struct pl022_state *s)
{
    return (s->tx_len == 0 ? SR_TFE : 0) | (s->tx_len < DEPTH ? SR_TNF : 0) |
           (s->rx_len ? SR_RNE : 0) | (s->rx_len == DEPTH ? SR_RFF : 0) | (s->tx_len ? SR_BSY : 0);
}

static uint64_t pl022_read(struct device *dev, struct access a)
{
    static const uint8_t ids[] = {0x22, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct pl022 *p = ssp(dev);
    uint32_t val;
    switch (a.off) {
    case CR0: return p->s.cr0;
    case CR1: return p->s.cr1;
    case DR:
        val = pop(&p->s, a.peek);
        drive(p);
        return val;
    case SR: return status(&p->s);
    case CPSR: return p->s.cpsr;
    case IMSC: return p->s.imsc;
    case RIS: return raw_status(&p->s);
    case MIS: return raw_status(&p->s) & p->s.imsc;
    case DMACR: return p->s.dmacr;
    default: break;
    }
    return a.off >= PERIPH_ID && a.off < PERIPH_ID + sizeof(ids) * 4 ? ids[(a.off - PERIPH_ID) / 4]
                                                                     : 0;
}

static void push(struct pl022_state *s, uint16_t word)
{
    if (s->tx_len < DEPTH)
        s->tx[(s->tx_head + s->tx_len++) % DEPTH] = word;
}

static bool write_register(struct pl022_state *s, uint64_t off, uint32_t val)
{
    switch (off) {
    case CR0: s->cr0 = val & 0xffff; return true;
    case CR1: s->cr1 = val & CR1_MASK; return true;
    case DR: push(s, (uint16_t)val); return true;
    case CPSR: s->cpsr = val & 0xfe; return true;
    case IMSC: s->imsc = val & INT_ALL; return true;
    case ICR: s->latched &= ~(val & (INT_ROR | INT_RT)); return true;
    case DMACR: s->dmacr = val & 3; return true; /* there is no DMA controller to ask */
    default: return false;
    }
}

static void pl022_write(struct device *dev, struct access a, uint64_t val)
{
    if (!write_register(&ssp(dev)->s, a.off, (uint32_t)val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
    if (a.off == DR || a.off == CR1)
        exchange(ssp(dev));
    drive(ssp(dev));
}

static void pl022_sync(struct device *dev)
{
    drive(ssp(dev));
}

static void pl022_loaded(struct device *dev)
{
    struct pl022_state *s = &ssp(dev)->s;
    s->latched &= INT_ROR | INT_RT;
    s->tx_head %= DEPTH;
    s->rx_head %= DEPTH;
    s->tx_len = s->tx_len > DEPTH ? DEPTH : s->tx_len;
    s->rx_len = s->rx_len > DEPTH ? DEPTH : s->rx_len;
}

static const struct state_field pl022_state[] = {
    STATE(pl022, cr0, 0),
    STATE(pl022, cr1, 0),
    STATE(pl022, cpsr, 0),
    STATE(pl022, imsc, 0),
    STATE(pl022, latched, 0),
    STATE(pl022, dmacr, 0),
    STATE(pl022, tx_head, 0),
    STATE(pl022, tx_len, 0),
    STATE(pl022, rx_head, 0),
    STATE(pl022, rx_len, 0),
    STATE_ARRAY(pl022, tx, 0),
    STATE_ARRAY(pl022, rx, 0),
    STATE_END,
};

DEVICE_CLASS(pl022) = {
    .desc = "PrimeCell synchronous serial port (PL022)",
    .compatible = "arm,pl022",
    .mmio = {pl022_read, pl022_write, .min = 4, .max = 4, .size = 0x1000},
    .state = pl022_state,
    .sync = pl022_sync,
    .loaded = pl022_loaded,
};
