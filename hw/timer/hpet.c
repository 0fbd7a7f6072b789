/*
 * High precision event timers.  Ref: IA-PC HPET Specification 1.0a, chapter 2.
 *
 * The counter runs at 100 MHz on virtual time.
 */
#include "hw/timer/hpet.h"
#include "core/clock.h"
#include "core/machine.h"
#include "util/bits.h"

enum { REGS_SIZE = 0x400, TICK_NS = 10, MIN_TIMERS = 3, MAX_TIMERS = 32 };
enum { CAPABILITIES = 0x00, CONFIG = 0x10, STATUS = 0x20, COUNTER = 0xf0, TIMERS = 0x100 };
enum { T_CONFIG = 0x00, T_COMPARATOR = 0x08, T_ROUTE = 0x10, T_STRIDE = 0x20 };
enum { CONFIG_ENABLE = 1, CONFIG_LEGACY = 2 };
enum {
    T_LEVEL = 1 << 1,
    T_INT = 1 << 2,
    T_PERIODIC = 1 << 3,
    T_CAN_PERIODIC = 1 << 4,
    T_CAN_64 = 1 << 5,
    T_VALUE_SET = 1 << 6,
    T_32BIT = 1 << 8,
    T_FSB = 1 << 14,
    T_CAN_FSB = 1 << 15,
    T_WRITABLE = 0x7f4e | T_VALUE_SET,
};
enum { LINE_PIT = 0, LINE_RTC = 8 };
static const uint64_t ID = 0x8086a001; /* legacy routes, 64 bits, revision 1 */
static const uint64_t PERIOD_FS = 10000000;
static const ns_t SHORTEST_NS = 10000;

struct comparator {
    uint64_t config, value, period, route;
    int64_t next; /* virtual time of the next match, -1: none */
    uint8_t both; /* the low half was written with T_VALUE_SET: the high half follows */
    uint8_t pad[7];
};

struct hpet {
    struct device dev;
    uint32_t ntimers, routes;
    bool msi;
    struct timer timer;
    struct irq line[HPET_LINES];
    struct hpet_state {
        struct comparator t[MAX_TIMERS];
        uint64_t config, status;
        uint64_t offset;  /* counter less virtual ticks; the counter itself while it stands */
        uint8_t pit, rtc; /* levels of the inputs */
        uint8_t pad[6];
    } s;
};

static bool runs(const struct hpet *h)
{
    return h->s.config & CONFIG_ENABLE;
}

static uint64_t counter_at(const struct hpet *h, ns_t now)
{
    return runs(h) ? (uint64_t)now / TICK_NS + h->s.offset : h->s.offset;
}

static bool is_32bit(const struct comparator *t)
{
    return t->config & T_32BIT;
}

/* Find the time of a comparator's next match, given that those up to `now` are dealt with. */
static void find_next(struct hpet *h, struct comparator *t, ns_t now)
{
    uint64_t left = t->value - counter_at(h, now);
    if (is_32bit(t))
        left = (uint32_t)left ? (uint32_t)left : UINT64_C(1) << 32;
    bool in_reach = left && left < (uint64_t)(INT64_MAX / 2 / TICK_NS);
    if (runs(h) && in_reach)
        t->next = (now / TICK_NS + (ns_t)left) * TICK_NS;
    else
        t->next = -1;
}

static bool is_legacy(const struct hpet *h, unsigned n)
{
    return (h->s.config & CONFIG_LEGACY) && n < 2;
}

static unsigned line_of(const struct hpet *h, unsigned n)
{
    if (is_legacy(h, n))
        return n == 0 ? LINE_PIT : LINE_RTC;
    return (unsigned)extract64(h->s.t[n].config, 9, 5);
}

/* Level-triggered timers whose status bit is set hold their line. */
static bool line_level(const struct hpet *h, unsigned line)
{
    bool legacy = h->s.config & CONFIG_LEGACY;
    bool level = !legacy && ((line == LINE_PIT && h->s.pit) || (line == LINE_RTC && h->s.rtc));
    for (unsigned n = 0; n < h->ntimers; n++) {
        const struct comparator *t = &h->s.t[n];
        if ((t->config & T_INT) && (t->config & T_LEVEL) && !(t->config & T_FSB) &&
            (h->s.status >> n & 1) && line_of(h, n) == line)
            level = true;
    }
    return level;
}

static void update_lines(struct hpet *h)
{
    for (unsigned i = 0; i < HPET_LINES; i++)
        irq_set(&h->line[i], line_level(h, i));
}

static void interrupt(struct hpet *h, unsigned n)
{
    const struct comparator *t = &h->s.t[n];
    if (t->config & T_LEVEL)
        h->s.status |= BIT64(n);
    if (!(t->config & T_INT))
        return;
    if (t->config & T_FSB) {
        if (h->dev.machine)
            mem_write(&h->dev.machine->as, t->route >> 32, 4, (uint32_t)t->route);
    } else if (!(t->config & T_LEVEL)) {
        irq_pulse(&h->line[line_of(h, n)]);
    }
}

/* A periodic comparator moves on by its period past the time it has matched at. */
static void match(struct hpet *h, unsigned n, ns_t now)
{
    struct comparator *t = &h->s.t[n];
    ns_t at = t->next;
    if ((t->config & T_PERIODIC) && t->period) {
        uint64_t missed = (uint64_t)(now - at) / TICK_NS / t->period;
        t->value += (missed + 1) * t->period;
        if (is_32bit(t))
            t->value = (uint32_t)t->value;
        find_next(h, t, now);
    } else {
        find_next(h, t, now);
    }
    interrupt(h, n);
}

static void settle(struct hpet *h, ns_t now)
{
    for (unsigned n = 0; n < h->ntimers; n++)
        if (h->s.t[n].next >= 0 && h->s.t[n].next <= now)
            match(h, n, now);
}

static void arm(struct hpet *h, ns_t now)
{
    ns_t first = -1;
    for (unsigned n = 0; n < h->ntimers; n++) {
        const struct comparator *t = &h->s.t[n];
        bool wanted = t->next >= 0 && (t->config & (T_INT | T_LEVEL));
        ns_t at = t->next;
        if (wanted && (t->config & T_PERIODIC) && at < now + SHORTEST_NS &&
            t->period * TICK_NS < (uint64_t)SHORTEST_NS)
            at = now + SHORTEST_NS;
        if (wanted && (first < 0 || at < first))
            first = at;
    }
    if (first >= 0)
        timer_set(&h->timer, first);
    else
        timer_cancel(&h->timer);
}

static void hpet_sync(struct device *dev)
{
    struct hpet *h = (struct hpet *)dev;
    ns_t now = clock_now();
    settle(h, now);
    update_lines(h);
    arm(h, now);
}

static void fired(void *opaque)
{
    hpet_sync(opaque);
}

static void input(struct hpet *h, uint8_t *level_of, bool level)
{
    mutex_lock(&h->dev.lock);
    *level_of = level;
    update_lines(h);
    mutex_unlock(&h->dev.lock);
}

void hpet_pit(void *opaque, unsigned n UNUSED, bool level)
{
    struct hpet *h = opaque;
    input(h, &h->s.pit, level);
}

void hpet_rtc(void *opaque, unsigned n UNUSED, bool level)
{
    struct hpet *h = opaque;
    input(h, &h->s.rtc, level);
}

struct irq *hpet_line(struct device *dev, unsigned n)
{
    return &((struct hpet *)dev)->line[n];
}

static uint64_t read64(const struct hpet *h, uint64_t off)
{
    uint64_t n = (off - TIMERS) / T_STRIDE;
    switch (off) {
    case CAPABILITIES: return PERIOD_FS << 32 | ID | (uint64_t)(h->ntimers - 1) << 8;
    case CONFIG: return h->s.config;
    case STATUS: return h->s.status;
    case COUNTER: return counter_at(h, clock_now());
    default: break;
    }
    if (off < TIMERS || n >= h->ntimers)
        return 0;
    switch ((off - TIMERS) % T_STRIDE) {
    case T_CONFIG: return h->s.t[n].config;
    case T_COMPARATOR: return h->s.t[n].value;
    case T_ROUTE: return h->s.t[n].route;
    default: return 0;
    }
}

static uint64_t hpet_read(struct device *dev, struct access a)
{
    struct hpet *h = (struct hpet *)dev;
    if (!a.peek) {
        settle(h, clock_now());
        update_lines(h);
    }
    return read64(h, a.off & ~UINT64_C(7)) >> (a.off & 4 ? 32 : 0);
}

static void write_config(struct hpet *h, uint64_t v, ns_t now)
{
    uint64_t counter = counter_at(h, now);
    h->s.config = v & (CONFIG_ENABLE | CONFIG_LEGACY);
    h->s.offset = runs(h) ? counter - (uint64_t)now / TICK_NS : counter;
    for (unsigned n = 0; n < h->ntimers; n++)
        find_next(h, &h->s.t[n], now);
}

static void write_timer_config(struct hpet *h, struct comparator *t, uint64_t v, ns_t now)
{
    uint64_t writable = T_WRITABLE & ~(uint64_t)(h->msi ? 0 : T_FSB);
    bool was_32bit = is_32bit(t);
    t->config = (t->config & ~writable) | (v & writable);
    if (!is_32bit(t) || was_32bit == is_32bit(t)) {
        find_next(h, t, now);
        return;
    }
    t->value = (uint32_t)t->value;
    t->period = (uint32_t)t->period;
    find_next(h, t, now);
}

/* Of a periodic timer, what is written is the period; the comparator too where T_VALUE_SET says so,
 * which holds for one write of 64 bits, also in two halves. */
static void write_comparator(struct hpet *h, struct comparator *t, struct access a, uint64_t v,
                             ns_t now)
{
    unsigned lsb = a.off & 4 ? 32 : 0, len = a.size * 8U;
    bool set = !(t->config & T_PERIODIC) || (t->config & T_VALUE_SET) || (lsb && t->both);
    if (is_32bit(t) && lsb)
        return;
    t->both = !lsb && len == 32 && (t->config & T_VALUE_SET);
    if (set)
        t->value = deposit64(t->value, lsb, len, v);
    if (t->config & T_PERIODIC)
        t->period = deposit64(t->period, lsb, len, v);
    if (is_32bit(t)) {
        t->value = (uint32_t)t->value;
        t->period = (uint32_t)t->period;
    }
    t->config &= ~(uint64_t)T_VALUE_SET;
    find_next(h, t, now);
}

static void write_timer(struct hpet *h, struct access a, uint64_t v, ns_t now)
{
    uint64_t n = (a.off - TIMERS) / T_STRIDE, reg = (a.off - TIMERS) % T_STRIDE;
    unsigned lsb = a.off & 4 ? 32 : 0;
    if (n >= h->ntimers)
        return;
    struct comparator *t = &h->s.t[n];
    switch (reg & ~UINT64_C(7)) {
    case T_CONFIG: write_timer_config(h, t, deposit64(t->config, lsb, a.size * 8U, v), now); break;
    case T_COMPARATOR: write_comparator(h, t, a, v, now); break;
    case T_ROUTE: t->route = deposit64(t->route, lsb, a.size * 8U, v); break;
    default: break;
    }
}

static void hpet_write(struct device *dev, struct access a, uint64_t v)
{
    struct hpet *h = (struct hpet *)dev;
    ns_t now = clock_now();
    unsigned lsb = a.off & 4 ? 32 : 0;
    settle(h, now);
    switch (a.off & ~UINT64_C(7)) {
    case CAPABILITIES: break;
    case CONFIG: write_config(h, deposit64(h->s.config, lsb, a.size * 8U, v), now); break;
    case STATUS: h->s.status &= ~(v << lsb); break;
    case COUNTER:
        if (runs(h)) {
            dev_guest_error(dev, "write to the counter while it runs");
            break;
        }
        h->s.offset = deposit64(h->s.offset, lsb, a.size * 8U, v);
        break;
    default:
        if (a.off >= TIMERS)
            write_timer(h, a, v, now);
    }
    hpet_sync(dev);
}

static void hpet_reset(struct device *dev)
{
    struct hpet *h = (struct hpet *)dev;
    for (unsigned n = 0; n < MAX_TIMERS; n++)
        h->s.t[n] =
            (struct comparator){.config = T_CAN_PERIODIC | T_CAN_64 | (h->msi ? T_CAN_FSB : 0) |
                                          (uint64_t)h->routes << 32,
                                .value = UINT64_MAX,
                                .next = -1};
}

static void hpet_loaded(struct device *dev)
{
    struct hpet *h = (struct hpet *)dev;
    for (unsigned n = 0; n < MAX_TIMERS; n++)
        if (h->s.t[n].next > INT64_MAX / 4)
            h->s.t[n].next = -1;
}

static bool hpet_realize(struct device *dev, struct error **errp)
{
    struct hpet *h = (struct hpet *)dev;
    if (h->ntimers < MIN_TIMERS || h->ntimers > MAX_TIMERS) {
        error_set(errp, "timers is %u, must be %d to %d", h->ntimers, MIN_TIMERS, MAX_TIMERS);
        return false;
    }
    timer_init(&h->timer, &dev->lock, fired, h);
    return true;
}

static void hpet_unrealize(struct device *dev)
{
    timer_cancel(&((struct hpet *)dev)->timer);
}

static const struct state_field hpet_state[] = {
    STATE(hpet, t, 0),         STATE(hpet, config, 0),
    STATE(hpet, status, 0),    STATE(hpet, offset, 0),
    STATE_KEEP(hpet, pit),     STATE_KEEP(hpet, rtc),
    STATE_ARRAY(hpet, pad, 0), STATE_END,
};

static const struct prop hpet_props[] = {
    PROP(prop_uint32, hpet, "timers", ntimers, "3", "comparators"),
    PROP(prop_uint32, hpet, "hpet-intcap", routes, "4", "interrupt lines they may use, as bits"),
    PROP(prop_bool, hpet, "msi", msi, "off", "they may send messages"),
    PROP_END,
};

DEVICE_CLASS(hpet) = {
    .desc = "High precision event timers",
    .mmio = {hpet_read, hpet_write, .min = 4, .max = 8, .size = REGS_SIZE},
    .props = hpet_props,
    .state = hpet_state,
    .realize = hpet_realize,
    .unrealize = hpet_unrealize,
    .reset = hpet_reset,
    .loaded = hpet_loaded,
    .sync = hpet_sync,
};
