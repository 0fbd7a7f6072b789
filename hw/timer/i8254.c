/*
 * 8254 interval timer of a PC, with port 0x61: gate of counter 2, speaker, refresh toggle.
 * Ref: Intel 8254 data sheet (231164-005); 82371SB (PIIX3) data sheet, 2.5.4 (NMI status and
 * control).
 *
 * A counter is not stepped: what it shows follows from when it was loaded.  QUIRK: in the periodic
 * modes the interrupt output shows the rising edge only, as a pulse.
 */
#include "core/clock.h"
#include "hw/isa/isa.h"
#include "util/bits.h"

enum { COUNTERS = 3, CONTROL = 3, IRQ_COUNTER = 0, SPEAKER_COUNTER = 2 };
enum { FREQUENCY = 1193182, REFRESH_NS = 15085 };
enum { RW_LATCH, RW_LOW, RW_HIGH, RW_BOTH };
enum { READ_BACK = 3, NO_COUNT = 0x20, NO_STATUS = 0x10, STATUS_OUT = 0x80, STATUS_NULL = 0x40 };
enum { MODE_TERMINAL, MODE_ONE_SHOT, MODE_RATE, MODE_SQUARE, MODE_STROBE, MODE_HW_STROBE };
enum { SPEAKER_GATE = 0x01, SPEAKER_MASK = 0x0f, REFRESH = 0x10, SPEAKER_OUT = 0x20 };
enum { SHORT_COUNT = 48 }; /* periods below about 40 us are not kept exactly */
static const ns_t SECOND = 1000000000, SHORT_NS = 20000, MAX_LAG_NS = 100000000;

struct counter {
    int64_t start;    /* virtual time when it was loaded; while it rests, ticks it had made */
    uint32_t count;   /* that was loaded, 1 to 65536 */
    uint32_t reload;  /* that was written */
    uint16_t latched; /* count */
    uint8_t mode, bcd, rw, gate;
    uint8_t loaded, resting; /* counting has begun; the gate holds it */
    uint8_t pending;         /* reload takes effect at the end of a half or period */
    uint8_t null_count;
    uint8_t write_low, write_second, read_second;
    uint8_t count_latched, status_latched; /* bytes still to be read; whether it is */
    uint8_t status;
};

struct i8254 {
    struct device dev;
    struct timer timer;
    uint32_t irq;
    struct mem_region ports, speaker;
    struct i8254_state {
        struct counter counter[COUNTERS];
        int64_t next; /* virtual time of the next edge of counter 0, -1: none */
        uint8_t port61;
        uint8_t pad[7];
    } s;
};

static int64_t ticks_of(ns_t ns)
{
    return ns <= 0 ? 0 : (int64_t)((unsigned __int128)ns * FREQUENCY / (uint64_t)SECOND);
}

/* When tick n happens, rounded up so that ticks_of() of it is n. */
static ns_t ns_of(int64_t ticks)
{
    return (ns_t)(((unsigned __int128)ticks * (uint64_t)SECOND + FREQUENCY - 1) / FREQUENCY);
}

static bool is_periodic(const struct counter *c)
{
    return c->mode == MODE_RATE || c->mode == MODE_SQUARE;
}

static bool is_triggered(const struct counter *c)
{
    return c->mode == MODE_ONE_SHOT || c->mode == MODE_HW_STROBE;
}

static int64_t elapsed(const struct counter *c, ns_t now)
{
    if (!c->loaded)
        return 0;
    return c->resting ? c->start : ticks_of(now - c->start);
}

static void load(struct counter *c, ns_t now)
{
    c->count = c->reload;
    c->start = c->resting ? 0 : now;
    c->loaded = 1;
    c->pending = c->null_count = 0;
}

/* A count that was written during a period begins after it, in mode 3 after the half that ran. */
enum { PENDING_HALF = 1, PENDING_PERIOD = 2 };

static void change_later(struct counter *c, ns_t now)
{
    int64_t t = elapsed(c, now), n = c->count;
    if (!c->resting)
        c->start += ns_of(t / n * n);
    c->pending = c->mode == MODE_SQUARE && t % n < (n + 1) / 2 ? PENDING_HALF : PENDING_PERIOD;
}

/* Carry out what time has brought. */
static void settle(struct counter *c, ns_t now)
{
    if (!c->pending || c->resting)
        return;
    int64_t at = c->pending == PENDING_HALF ? (c->count + 1) / 2 : c->count;
    if (elapsed(c, now) < at)
        return;
    c->start += ns_of(at) - (c->pending == PENDING_HALF ? ns_of((c->reload + 1) / 2) : 0);
    c->count = c->reload;
    c->pending = c->null_count = 0;
}

static bool output(const struct counter *c, ns_t now)
{
    int64_t t = elapsed(c, now), n = c->count;
    switch (c->mode) {
    case MODE_TERMINAL: return c->loaded && t >= n;
    case MODE_ONE_SHOT: return !c->loaded || t >= n;
    case MODE_RATE: return !c->loaded || c->resting || t % n != n - 1;
    case MODE_SQUARE: return !c->loaded || c->resting || t % n < (n + 1) / 2;
    default: return !c->loaded || t != n;
    }
}

static uint32_t count_now(const struct counter *c, ns_t now)
{
    int64_t t = elapsed(c, now), n = c->count, wrap = c->bcd ? 10000 : 65536;
    if (c->mode == MODE_RATE)
        return (uint32_t)(n - t % n);
    if (c->mode == MODE_SQUARE) {
        t %= n;
        if (t >= (n + 1) / 2)
            t -= (n + 1) / 2;
        return (uint32_t)((n & ~INT64_C(1)) - 2 * t);
    }
    return (uint32_t)(((n - t) % wrap + wrap) % wrap);
}

static uint16_t count_bits(const struct counter *c, ns_t now)
{
    uint32_t v = count_now(c, now);
    if (!c->bcd)
        return (uint16_t)v;
    return (uint16_t)(v / 1000 % 10 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10);
}

/* The tick at which the output next changes; in periodic modes, next rises.  -1: never. */
static int64_t next_edge(const struct counter *c, ns_t now)
{
    int64_t t = elapsed(c, now), n = c->count;
    if (!c->loaded || c->resting)
        return -1;
    if (is_periodic(c))
        return n < 2 ? -1 : (t / n + 1) * n;
    if (t < n)
        return n;
    return c->mode >= MODE_STROBE && t == n ? n + 1 : -1;
}

static void set_next(struct i8254 *p, ns_t now)
{
    const struct counter *c = &p->s.counter[IRQ_COUNTER];
    int64_t edge = next_edge(c, now);
    p->s.next = edge < 0 ? -1 : c->start + ns_of(edge);
    if (edge >= 0 && is_periodic(c) && c->count < SHORT_COUNT && p->s.next < now + SHORT_NS)
        p->s.next = now + SHORT_NS;
}

static void arm(struct i8254 *p)
{
    if (p->s.next >= 0)
        timer_set(&p->timer, p->s.next);
    else
        timer_cancel(&p->timer);
}

static void update(struct i8254 *p, ns_t now)
{
    irq_set(&p->dev.irq,
            is_periodic(&p->s.counter[IRQ_COUNTER]) || output(&p->s.counter[IRQ_COUNTER], now));
    set_next(p, now);
    arm(p);
}

/* Edges that came late are made up for one by one, unless they are hopelessly many. */
static void edge_fired(void *opaque)
{
    struct i8254 *p = opaque;
    struct counter *c = &p->s.counter[IRQ_COUNTER];
    ns_t now = clock_now(), at = p->s.next;
    if (at < 0)
        return;
    if (now - at > MAX_LAG_NS || at > now)
        at = now;
    settle(c, at);
    if (is_periodic(c))
        irq_set(&p->dev.irq, false);
    update(p, at);
}

static void latch_status(struct counter *c, ns_t now)
{
    if (c->status_latched)
        return;
    c->status = (uint8_t)((output(c, now) ? STATUS_OUT : 0) | (c->null_count ? STATUS_NULL : 0) |
                          c->rw << 4 | c->mode << 1 | c->bcd);
    c->status_latched = 1;
}

static void latch_count(struct counter *c, ns_t now)
{
    if (c->count_latched)
        return;
    c->latched = count_bits(c, now);
    c->count_latched = c->rw == RW_BOTH ? 2 : 1;
}

static void write_control(struct i8254 *p, uint8_t v, ns_t now)
{
    unsigned which = v >> 6, mode = v >> 1 & 7;
    struct counter *c = &p->s.counter[which];
    if (which == READ_BACK) {
        for (unsigned i = 0; i < COUNTERS; i++) {
            if (!(v >> (1 + i) & 1))
                continue;
            if (!(v & NO_COUNT))
                latch_count(&p->s.counter[i], now);
            if (!(v & NO_STATUS))
                latch_status(&p->s.counter[i], now);
        }
        return;
    }
    if ((v >> 4 & 3) == RW_LATCH) {
        latch_count(c, now);
        return;
    }
    c->rw = v >> 4 & 3;
    c->mode = (uint8_t)(mode > MODE_HW_STROBE ? mode - 4 : mode);
    c->bcd = v & 1;
    c->loaded = c->resting = c->pending = 0;
    c->resting = !c->gate;
    c->null_count = 1;
    c->write_second = c->read_second = c->count_latched = c->status_latched = 0;
}

static uint32_t decode_count(const struct counter *c, uint16_t v)
{
    if (!c->bcd)
        return v ? v : 65536;
    uint32_t n = (v >> 12) * 1000U + (v >> 8 & 15) * 100U + (v >> 4 & 15) * 10U + (v & 15);
    return n ? n : 10000;
}

static void set_count(struct counter *c, uint16_t v, ns_t now)
{
    c->reload = decode_count(c, v);
    c->null_count = 1;
    if (is_triggered(c))
        return;
    if (is_periodic(c) && c->loaded)
        change_later(c, now);
    else
        load(c, now);
}

static void write_count(struct counter *c, uint8_t v, ns_t now)
{
    if (c->rw == RW_LOW) {
        set_count(c, v, now);
    } else if (c->rw == RW_HIGH) {
        set_count(c, (uint16_t)(v << 8), now);
    } else if (!c->write_second) {
        c->write_low = v;
        c->write_second = 1;
        if (c->mode == MODE_TERMINAL) /* the first byte stops it */
            c->loaded = 0;
    } else {
        c->write_second = 0;
        set_count(c, (uint16_t)(v << 8 | c->write_low), now);
    }
}

static uint8_t read_counter(struct counter *c, ns_t now)
{
    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    uint16_t v = c->count_latched ? c->latched : count_bits(c, now);
    bool high = c->rw == RW_HIGH || (c->rw == RW_BOTH && c->read_second);
    if (c->rw == RW_BOTH)
        c->read_second = !c->read_second;
    if (c->count_latched)
        c->count_latched--;
    return (uint8_t)(high ? v >> 8 : v);
}

/* Ref: data sheet, table of gate operations. */
static void set_gate(struct counter *c, bool level, ns_t now)
{
    if (c->gate == level)
        return;
    settle(c, now);
    int64_t t = elapsed(c, now);
    c->gate = level;
    if (is_triggered(c)) {
        c->resting = 0;
        if (level && c->reload)
            load(c, now);
        return;
    }
    c->resting = !level;
    if (!c->loaded)
        return;
    if (level && is_periodic(c))
        load(c, now);
    else
        c->start = level ? now - ns_of(t) : t;
}

static uint64_t i8254_read(struct device *dev, struct access a)
{
    struct i8254 *p = (struct i8254 *)dev;
    ns_t now = clock_now();
    if (a.off == CONTROL)
        return 0xff; /* write-only */
    struct counter *c = &p->s.counter[a.off], before = *c;
    settle(c, now);
    uint8_t v = read_counter(c, now);
    if (a.peek)
        *c = before;
    return v;
}

static void i8254_write(struct device *dev, struct access a, uint64_t val)
{
    struct i8254 *p = (struct i8254 *)dev;
    ns_t now = clock_now();
    for (unsigned i = 0; i < COUNTERS; i++)
        settle(&p->s.counter[i], now);
    if (a.off == CONTROL)
        write_control(p, (uint8_t)val, now);
    else
        write_count(&p->s.counter[a.off], (uint8_t)val, now);
    bool touches_irq = a.off == IRQ_COUNTER || (a.off == CONTROL && val >> 6 == IRQ_COUNTER);
    if (touches_irq)
        update(p, now);
}

static uint64_t speaker_read(struct device *dev, struct access a UNUSED)
{
    struct i8254 *p = (struct i8254 *)dev;
    ns_t now = clock_now();
    struct counter c = p->s.counter[SPEAKER_COUNTER];
    settle(&c, now);
    return (p->s.port61 & SPEAKER_MASK) | (now / REFRESH_NS & 1 ? REFRESH : 0) |
           (output(&c, now) ? SPEAKER_OUT : 0);
}

static void speaker_write(struct device *dev, struct access a UNUSED, uint64_t val)
{
    struct i8254 *p = (struct i8254 *)dev;
    p->s.port61 = (uint8_t)val & SPEAKER_MASK;
    set_gate(&p->s.counter[SPEAKER_COUNTER], val & SPEAKER_GATE, clock_now());
}

/* Counters begin as a BIOS leaves them that does nothing: free running at the longest period. */
static void i8254_reset(struct device *dev)
{
    struct i8254 *p = (struct i8254 *)dev;
    for (unsigned i = 0; i < COUNTERS; i++) {
        struct counter *c = &p->s.counter[i];
        *c = (struct counter){.mode = MODE_SQUARE, .rw = RW_BOTH, .reload = 65536};
        c->gate = i != SPEAKER_COUNTER;
        c->resting = !c->gate;
        load(c, clock_now());
    }
    set_next(p, clock_now());
}

static void i8254_loaded(struct device *dev)
{
    struct i8254 *p = (struct i8254 *)dev;
    for (unsigned i = 0; i < COUNTERS; i++) {
        struct counter *c = &p->s.counter[i];
        c->mode = c->mode > MODE_HW_STROBE ? MODE_SQUARE : c->mode;
        c->rw = c->rw & 3 ? c->rw & 3 : RW_BOTH;
        c->bcd &= 1;
        c->count = c->count < 1 || c->count > 65536 ? 65536 : c->count;
        c->reload = c->reload > 65536 ? 65536 : c->reload;
        if (c->pending && c->reload == 0)
            c->reload = 65536;
        if (c->start < 0 || c->start > INT64_MAX / 4)
            c->start = 0;
    }
    if (p->s.next > INT64_MAX / 4)
        p->s.next = -1;
}

static void i8254_sync(struct device *dev)
{
    struct i8254 *p = (struct i8254 *)dev;
    const struct counter *c = &p->s.counter[IRQ_COUNTER];
    irq_set(&dev->irq, is_periodic(c) || output(c, clock_now()));
    arm(p);
}

static bool i8254_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops = {i8254_read, i8254_write, .min = 1, .max = 1, .size = 4};
    static const struct mmio_ops speaker_ops = {speaker_read, speaker_write, .min = 1, .max = 1,
                                                .size = 1};
    struct i8254 *p = (struct i8254 *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL)
        return false;
    if (!dev->irq.handler && !isa_connect_irq(bus, &dev->irq, p->irq, errp))
        return false;
    timer_init(&p->timer, &dev->lock, edge_fired, p);
    region_init_mmio(&p->ports, "pit", &ops, dev);
    region_init_mmio(&p->speaker, "pcspk", &speaker_ops, dev);
    isa_add_ports(bus, 0x40, &p->ports);
    isa_add_ports(bus, 0x61, &p->speaker);
    return true;
}

static void i8254_unrealize(struct device *dev)
{
    struct i8254 *p = (struct i8254 *)dev;
    isa_del_ports(dev->machine, &p->ports);
    isa_del_ports(dev->machine, &p->speaker);
    timer_cancel(&p->timer);
}

static const struct state_field i8254_state[] = {
    STATE(i8254, counter, 0),
    STATE(i8254, next, UINT64_MAX),
    STATE(i8254, port61, 0),
    STATE_ARRAY(i8254, pad, 0),
    STATE_END,
};

static const struct prop i8254_props[] = {
    PROP(prop_uint32, i8254, "irq", irq, "0", "interrupt line of counter 0"),
    PROP_END,
};

DEVICE_CLASS_NAMED(i8254, "isa-pit") = {
    .desc = "8254 interval timer of a PC, with its speaker port",
    .bus = "ISA",
    .props = i8254_props,
    .state = i8254_state,
    .realize = i8254_realize,
    .unrealize = i8254_unrealize,
    .reset = i8254_reset,
    .sync = i8254_sync,
    .loaded = i8254_loaded,
};
