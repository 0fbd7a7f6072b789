/* PrimeCell general-purpose input and output (PL061).  Ref: Arm DDI 0190. */
#include "hw/gpio/pl061.h"

enum {
    DATA_END = 0x400, /* address bits 9:2 say which pins an access means */
    DIR = 0x400,
    IS = 0x404, /* 1: by level */
    IBE = 0x408,
    IEV = 0x40c, /* 1: rising edge, or high level */
    IE = 0x410,
    RIS = 0x414,
    MIS = 0x418,
    IC = 0x41c,
    AFSEL = 0x420,
    PERIPH_ID = 0xfe0,
    REGS_SIZE = 0x1000,
};

struct pl061 {
    struct device dev;
    struct irq out[PL061_PINS];
    struct pl061_state {
        uint8_t in; /* levels from outside; their sources drive them again after a reset */
        uint8_t data, dir;
        uint8_t is, ibe, iev, ie, afsel;
        uint8_t edges; /* interrupts latched */
    } s;
};

/* Levels of the pins: outputs by what was written, inputs from outside. */
static uint8_t pins(const struct pl061_state *s)
{
    return (s->data & s->dir) | (s->in & ~s->dir);
}

static uint8_t raw_status(const struct pl061_state *s)
{
    uint8_t active = (uint8_t) ~(pins(s) ^ s->iev);
    return (s->edges & ~s->is) | (active & s->is);
}

static void note_edges(struct pl061_state *s, uint8_t before)
{
    uint8_t now = pins(s), changed = now ^ before;
    uint8_t wanted = (uint8_t) ~(now ^ s->iev);
    s->edges |= changed & (s->ibe | wanted) & ~s->is;
}

static void pl061_sync(struct device *dev)
{
    struct pl061 *p = (struct pl061 *)dev;
    const struct pl061_state *s = &p->s;
    for (unsigned n = 0; n < PL061_PINS; n++)
        irq_set(&p->out[n], s->dir >> n & s->data >> n & 1);
    irq_set(&dev->irq, (raw_status(s) & s->ie) != 0);
}

void pl061_set_input(void *opaque, unsigned n, bool level)
{
    struct pl061 *p = opaque;
    if (n >= PL061_PINS)
        return;
    mutex_lock(&p->dev.lock);
    uint8_t before = pins(&p->s), bit = (uint8_t)(1U << n);
    p->s.in = level ? p->s.in | bit : p->s.in & ~bit;
    note_edges(&p->s, before);
    irq_set(&p->dev.irq, (raw_status(&p->s) & p->s.ie) != 0);
    mutex_unlock(&p->dev.lock);
}

struct irq *pl061_output(struct device *dev, unsigned n)
{
    return &((struct pl061 *)dev)->out[n];
}

static uint8_t read_id(uint64_t off)
{
    static const uint8_t ids[] = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    uint64_t i = (off - PERIPH_ID) / 4;
    return i < sizeof(ids) ? ids[i] : 0;
}

static uint64_t pl061_read(struct device *dev, struct access a)
{
    const struct pl061_state *s = &((struct pl061 *)dev)->s;
    if (a.off < DATA_END)
        return pins(s) & a.off >> 2;
    switch (a.off) {
    case DIR: return s->dir;
    case IS: return s->is;
    case IBE: return s->ibe;
    case IEV: return s->iev;
    case IE: return s->ie;
    case RIS: return raw_status(s);
    case MIS: return raw_status(s) & s->ie;
    case AFSEL: return s->afsel;
    default: break;
    }
    if (a.off >= PERIPH_ID)
        return read_id(a.off);
    dev_guest_error(dev, "read of write-only or unknown register %#x", (unsigned)a.off);
    return 0;
}

static void write_control(struct pl061 *p, uint64_t off, uint8_t v)
{
    struct pl061_state *s = &p->s;
    switch (off) {
    case DIR: s->dir = v; break;
    case IS: s->is = v; break;
    case IBE: s->ibe = v; break;
    case IEV: s->iev = v; break;
    case IE: s->ie = v; break;
    case IC: s->edges &= (uint8_t)~v; break;
    case AFSEL: s->afsel = v; break; /* the pins have no other function */
    default:
        dev_guest_error(&p->dev, "write %#x to read-only or unknown register %#x", v,
                        (unsigned)off);
    }
}

static void pl061_write(struct device *dev, struct access a, uint64_t val)
{
    struct pl061 *p = (struct pl061 *)dev;
    uint8_t before = pins(&p->s), mask = (uint8_t)(a.off >> 2), v = (uint8_t)val;
    if (a.off < DATA_END)
        p->s.data = (p->s.data & ~(mask & p->s.dir)) | (v & mask & p->s.dir);
    else
        write_control(p, a.off, v);
    note_edges(&p->s, before);
    pl061_sync(dev);
}

static const struct state_field pl061_state[] = {
    STATE_KEEP(pl061, in),  STATE(pl061, data, 0),
    STATE(pl061, dir, 0),   STATE(pl061, is, 0),
    STATE(pl061, ibe, 0),   STATE(pl061, iev, 0),
    STATE(pl061, ie, 0),    STATE(pl061, afsel, 0),
    STATE(pl061, edges, 0), STATE_END,
};

DEVICE_CLASS(pl061) = {
    .desc = "PrimeCell general-purpose input and output (PL061)",
    .compatible = "arm,pl061",
    .mmio = {pl061_read, pl061_write, .min = 4, .max = 4, .size = REGS_SIZE},
    .state = pl061_state,
    .sync = pl061_sync,
};
