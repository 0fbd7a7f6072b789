/*
 * PrimeCell general-purpose input and output (PL061), and Luminary's, which has more registers.
 * Ref: Arm DDI 0190; LM3S6965 data sheet, chapter 9.
 */
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
    /* Luminary's. */
    DR2R = 0x500,
    DR4R = 0x504,
    DR8R = 0x508,
    ODR = 0x50c,
    PUR = 0x510,
    PDR = 0x514,
    SLR = 0x518,
    DEN = 0x51c,
    LOCK = 0x520,
    CR = 0x524,
    PERIPH_ID = 0xfe0,
    REGS_SIZE = 0x1000,
};

static const uint32_t UNLOCK = 0x1acce551;

struct pl061 {
    struct device dev;
    bool luminary;
    uint8_t jtag_pins;
    struct irq out[PL061_PINS];
    struct pl061_state {
        uint8_t in; /* levels from outside; their sources drive them again after a reset */
        uint8_t data, dir;
        uint8_t is, ibe, iev, ie, afsel;
        uint8_t edges;                                                 /* interrupts latched */
        uint8_t dr2r, dr4r, dr8r, odr, pur, pdr, slr, den, locked, cr; /* Luminary's */
    } s;
};

/* Levels of the pins: outputs by what was written, inputs from outside or by their pull-ups. */
static uint8_t pins(const struct pl061_state *s)
{
    return (s->data & s->dir) | ((s->in | s->pur) & ~s->dir);
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

static uint8_t read_id(const struct pl061 *p, uint64_t off)
{
    static const uint8_t ids[2][8] = {{0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1},
                                      {0x61, 0x00, 0x18, 0x01, 0x0d, 0xf0, 0x05, 0xb1}};
    uint64_t i = (off - PERIPH_ID) / 4;
    return i < sizeof(ids[0]) ? ids[p->luminary][i] : 0;
}

/* The register of Luminary's that keeps what is written at off; NULL: there is none. */
static uint8_t *luminary_register(struct pl061 *p, uint64_t off)
{
    struct pl061_state *s = &p->s;
    if (!p->luminary)
        return NULL;
    switch (off) {
    case DR2R: return &s->dr2r;
    case DR4R: return &s->dr4r;
    case DR8R: return &s->dr8r;
    case ODR: return &s->odr;
    case PUR: return &s->pur;
    case PDR: return &s->pdr;
    case SLR: return &s->slr;
    case DEN: return &s->den;
    case LOCK: return &s->locked;
    case CR: return &s->cr;
    default: return NULL;
    }
}

/* Of the drive strengths, and of the pulls, the last one that was asked for holds. */
static void write_luminary(struct pl061 *p, uint64_t off, uint8_t *reg, uint32_t val)
{
    struct pl061_state *s = &p->s;
    uint8_t v = (uint8_t)val;
    if (off == LOCK) {
        s->locked = val != UNLOCK;
        return;
    }
    if (off == CR) {
        if (!s->locked)
            s->cr = (uint8_t)((v & p->jtag_pins) | ~p->jtag_pins);
        return;
    }
    if (off <= DR8R) {
        s->dr2r &= (uint8_t)~v;
        s->dr4r &= (uint8_t)~v;
        s->dr8r &= (uint8_t)~v;
        *reg |= v;
        return;
    }
    if (off == PUR)
        s->pdr &= (uint8_t)~v;
    else if (off == PDR)
        s->pur &= (uint8_t)~v;
    *reg = v;
}

static uint64_t pl061_read(struct device *dev, struct access a)
{
    struct pl061 *p = (struct pl061 *)dev;
    const struct pl061_state *s = &p->s;
    const uint8_t *extra = luminary_register(p, a.off);
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
    if (extra)
        return *extra;
    if (a.off >= PERIPH_ID)
        return read_id(p, a.off);
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
    case AFSEL: /* what the other function is, the pins do not show */
        s->afsel = (uint8_t)((v & s->cr) | (s->afsel & ~s->cr));
        break;
    default:
        dev_guest_error(&p->dev, "write %#x to read-only or unknown register %#x", v,
                        (unsigned)off);
    }
}

static void pl061_write(struct device *dev, struct access a, uint64_t val)
{
    struct pl061 *p = (struct pl061 *)dev;
    uint8_t before = pins(&p->s), mask = (uint8_t)(a.off >> 2), v = (uint8_t)val;
    uint8_t *extra = luminary_register(p, a.off);
    if (extra)
        write_luminary(p, a.off, extra, (uint32_t)val);
    else if (a.off < DATA_END)
        p->s.data = (p->s.data & ~(mask & p->s.dir)) | (v & mask & p->s.dir);
    else
        write_control(p, a.off, v);
    note_edges(&p->s, before);
    pl061_sync(dev);
}

/* Pins of the debug port begin as such, and protected. */
static void pl061_reset(struct device *dev)
{
    struct pl061 *p = (struct pl061 *)dev;
    if (!p->luminary) {
        p->s.cr = 0xff;
        return;
    }
    p->s.dr2r = 0xff;
    p->s.locked = 1;
    p->s.cr = (uint8_t)~p->jtag_pins;
    p->s.afsel = p->s.den = p->s.pur = p->jtag_pins;
}

static const struct state_field pl061_state[] = {
    STATE_KEEP(pl061, in),  STATE(pl061, data, 0),   STATE(pl061, dir, 0),  STATE(pl061, is, 0),
    STATE(pl061, ibe, 0),   STATE(pl061, iev, 0),    STATE(pl061, ie, 0),   STATE(pl061, afsel, 0),
    STATE(pl061, edges, 0), STATE(pl061, dr2r, 0),   STATE(pl061, dr4r, 0), STATE(pl061, dr8r, 0),
    STATE(pl061, odr, 0),   STATE(pl061, pur, 0),    STATE(pl061, pdr, 0),  STATE(pl061, slr, 0),
    STATE(pl061, den, 0),   STATE(pl061, locked, 0), STATE(pl061, cr, 0),   STATE_END,
};

static const struct prop pl061_props[] = {
    PROP(prop_bool, pl061, "luminary", luminary, "off", "as in Luminary's microcontrollers"),
    PROP(prop_uint8, pl061, "jtag-pins", jtag_pins, "0", "Luminary's pins of the debug port"),
    PROP_END,
};

DEVICE_CLASS(pl061) = {
    .desc = "PrimeCell general-purpose input and output (PL061)",
    .compatible = "arm,pl061",
    .mmio = {pl061_read, pl061_write, .min = 4, .max = 4, .size = REGS_SIZE},
    .props = pl061_props,
    .state = pl061_state,
    .reset = pl061_reset,
    .sync = pl061_sync,
};
