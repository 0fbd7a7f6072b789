/*
 * MC146818A real-time clock with 128 bytes of CMOS RAM, ports 0x70 and 0x71.
 * Ref: Motorola MC146818A data sheet (1984); the century byte is that of ACPI's FADT.
 *
 * While it runs, the time registers are made from the clock when somebody looks; while the guest
 * sets them (SET) or holds the divider, they are bytes.
 */
#include "hw/rtc/mc146818.h"
#include "core/clock.h"
#include "core/event.h"
#include "hw/isa/isa.h"
#include "util/bits.h"

#include <string.h>
#include <time.h>

enum {
    SECONDS,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    DAY_OF_WEEK,
    DAY_OF_MONTH,
    MONTH,
    YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D,
    CENTURY = 0x32
};
enum { A_UIP = 0x80, A_DIVIDER = 0x70, A_RATE = 0x0f, A_RUN = 0x20, A_HELD = 0x60 };
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_SQWE = 0x08 };
enum { B_BINARY = 0x04, B_24H = 0x02 };
enum { C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10, C_FLAGS = 0x70, D_VALID = 0x80 };
enum { ALARM_ANY = 0xc0, PM = 0x80, MAX_LOST = 1000, DAY = 86400 };
static const int64_t MAX_TIME = 9000000000;
static const ns_t SECOND = 1000000000, UIP_NS = 244000, HALF = 500000000;

struct mc146818 {
    struct device dev;
    struct timer timer;
    struct mem_region ports;
    uint32_t irq;
    char *lost_tick_policy;
    bool reinject;
    struct mc146818_state {
        int64_t offset;   /* of the guest's time from UTC, ns; while it stands: the part of a second
                             that had passed */
        int64_t seen;     /* the guest's time, ns, up to which flags are set */
        int64_t periodic; /* virtual time of the next periodic event, -1: none */
        uint32_t lost;    /* periodic interrupts that the guest did not take in time */
        uint8_t index, nmi_masked;
        uint8_t cmos[CMOS_SIZE];
        uint8_t pad[2];
    } s;
};

static bool runs(const struct mc146818_state *s)
{
    return !(s->cmos[REG_B] & B_SET) && (s->cmos[REG_A] & A_DIVIDER) == A_RUN;
}

static ns_t guest_time(const struct mc146818_state *s)
{
    return (ns_t)((uint64_t)clock_wall() + (uint64_t)s->offset);
}

static ns_t fraction(ns_t t)
{
    return (t % SECOND + SECOND) % SECOND;
}

static int64_t whole_seconds(ns_t t)
{
    return (t - fraction(t)) / SECOND;
}

static uint8_t encode(const struct mc146818_state *s, int v)
{
    return (uint8_t)(s->cmos[REG_B] & B_BINARY ? v : v / 10 << 4 | v % 10);
}

static int decode(const struct mc146818_state *s, uint8_t v)
{
    return s->cmos[REG_B] & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hour(const struct mc146818_state *s, int h)
{
    if (s->cmos[REG_B] & B_24H)
        return encode(s, h);
    return (uint8_t)(encode(s, h % 12 ? h % 12 : 12) | (h >= 12 ? PM : 0));
}

static int decode_hour(const struct mc146818_state *s, uint8_t v)
{
    if (s->cmos[REG_B] & B_24H)
        return decode(s, v);
    return decode(s, v & 0x7f) % 12 + (v & PM ? 12 : 0);
}

/* The registers as they are at a time in seconds. */
static void show_time(struct mc146818_state *s, int64_t seconds)
{
    struct tm tm;
    time_t t = seconds;
    if (gmtime_r(&t, &tm) == NULL)
        return;
    s->cmos[SECONDS] = encode(s, tm.tm_sec);
    s->cmos[MINUTES] = encode(s, tm.tm_min);
    s->cmos[HOURS] = encode_hour(s, tm.tm_hour);
    s->cmos[DAY_OF_WEEK] = encode(s, tm.tm_wday + 1);
    s->cmos[DAY_OF_MONTH] = encode(s, tm.tm_mday);
    s->cmos[MONTH] = encode(s, tm.tm_mon + 1);
    int year = 1900 + tm.tm_year, century = year / 100; /* 1684 to 2255: see MAX_TIME */
    s->cmos[YEAR] = encode(s, year % 100);
    s->cmos[CENTURY] = (uint8_t)(century / 10 << 4 | century % 10);
}

/* Seconds since 1970 that the registers say, within what nanoseconds can count. */
static int64_t read_time(const struct mc146818_state *s)
{
    int century = (s->cmos[CENTURY] >> 4) * 10 + (s->cmos[CENTURY] & 15);
    struct tm tm = {.tm_sec = decode(s, s->cmos[SECONDS]),
                    .tm_min = decode(s, s->cmos[MINUTES]),
                    .tm_hour = decode_hour(s, s->cmos[HOURS]),
                    .tm_mday = decode(s, s->cmos[DAY_OF_MONTH]),
                    .tm_mon = decode(s, s->cmos[MONTH]) - 1,
                    .tm_year = decode(s, s->cmos[YEAR]) + century * 100 - 1900};
    int64_t t = timegm(&tm);
    return t > MAX_TIME ? MAX_TIME : t < -MAX_TIME ? -MAX_TIME : t;
}

/* Take the registers as the time, with the fraction of a second given. */
static void set_time(struct mc146818_state *s, ns_t part)
{
    ns_t t = read_time(s) * SECOND + part;
    s->offset = (int64_t)((uint64_t)t - (uint64_t)clock_wall());
    s->seen = t;
    event_emit("RTC_CHANGE", "{\"offset\": %lld}", (long long)(s->offset / SECOND));
}

static bool matches(const struct mc146818_state *s, unsigned reg, int v)
{
    uint8_t alarm = s->cmos[reg];
    if ((alarm & ALARM_ANY) == ALARM_ANY)
        return true;
    return v == (reg == HOURS_ALARM ? decode_hour(s, alarm) : decode(s, alarm));
}

/* Seconds from second `from` of a day to the next that matches the alarm, counting through
 * midnight; -1: there is none. */
static int64_t until_alarm(const struct mc146818_state *s, int from)
{
    for (int i = 0; i <= 24; i++) {
        int h = (from / 3600 + i) % 24;
        if (!matches(s, HOURS_ALARM, h))
            continue;
        for (int m = 0; m < 60; m++) {
            int at = (from / 3600 + i) * 3600 + m * 60;
            if (at + 59 < from || !matches(s, MINUTES_ALARM, m))
                continue;
            for (int sec = 0; sec < 60; sec++)
                if (at + sec >= from && matches(s, SECONDS_ALARM, sec))
                    return at + sec - from;
        }
    }
    return -1;
}

/* The first second after `second` that matches, or -1. */
static int64_t next_alarm(const struct mc146818_state *s, int64_t second)
{
    int64_t left = until_alarm(s, (int)(((second + 1) % DAY + DAY) % DAY));
    return left < 0 ? -1 : second + 1 + left;
}

/* Virtual ns of a periodic event's interval, 0: none.  Ref: data sheet, table 5. */
static ns_t period(const struct mc146818_state *s)
{
    unsigned rate = s->cmos[REG_A] & A_RATE;
    if (rate == 0 || (s->cmos[REG_A] & A_DIVIDER) == A_HELD ||
        (s->cmos[REG_A] & A_DIVIDER) == (A_HELD | 0x10))
        return 0;
    return SECOND * (1 << ((rate < 3 ? rate + 7 : rate) - 1)) / 32768;
}

/* Set the flags of what has happened since the last look. */
static void settle(struct mc146818 *r)
{
    struct mc146818_state *s = &r->s;
    if (runs(s)) {
        ns_t now = guest_time(s);
        int64_t was = whole_seconds(s->seen), is = whole_seconds(now);
        int64_t alarm = is > was ? next_alarm(s, was) : -1;
        if (is > was)
            s->cmos[REG_C] |= C_UF;
        if (alarm >= 0 && alarm <= is)
            s->cmos[REG_C] |= C_AF;
        s->seen = now;
        show_time(s, is);
    }
    ns_t step = period(s), now = clock_now();
    if (step && s->periodic >= 0 && now >= s->periodic) {
        uint64_t n = (uint64_t)(now - s->periodic) / (uint64_t)step;
        uint64_t lost = n + (s->cmos[REG_C] & C_PF ? 1 : 0);
        if (r->reinject && (s->cmos[REG_B] & B_PIE))
            s->lost = (uint32_t)(s->lost + lost > MAX_LOST ? MAX_LOST : s->lost + lost);
        s->cmos[REG_C] |= C_PF;
        s->periodic += (ns_t)(n + 1) * step;
    }
}

static void arm(struct mc146818 *r)
{
    const struct mc146818_state *s = &r->s;
    ns_t left = -1;
    uint8_t wanted = s->cmos[REG_B] & (uint8_t)~s->cmos[REG_C];
    if (runs(s) && (wanted & B_UIE))
        left = SECOND - fraction(s->seen);
    int64_t alarm = runs(s) && (wanted & B_AIE) ? next_alarm(s, whole_seconds(s->seen)) : -1;
    if (alarm >= 0 && (left < 0 || alarm * SECOND - s->seen < left))
        left = alarm * SECOND - s->seen;
    ns_t at = left < 0 ? -1 : clock_now() + left;
    bool periodic =
        s->periodic >= 0 && ((wanted & B_PIE) || (r->reinject && (s->cmos[REG_B] & B_PIE)));
    if (periodic && (at < 0 || s->periodic < at))
        at = s->periodic;
    if (at >= 0)
        timer_set(&r->timer, at);
    else
        timer_cancel(&r->timer);
}

static void mc146818_sync(struct device *dev)
{
    struct mc146818 *r = (struct mc146818 *)dev;
    struct mc146818_state *s = &r->s;
    settle(r);
    bool raised = s->cmos[REG_C] & s->cmos[REG_B] & C_FLAGS;
    s->cmos[REG_C] = (s->cmos[REG_C] & C_FLAGS) | (raised ? C_IRQF : 0);
    irq_set(&dev->irq, raised);
    arm(r);
}

static void timer_fired(void *opaque)
{
    mc146818_sync(opaque);
}

static void restart_periodic(struct mc146818_state *s)
{
    ns_t step = period(s);
    s->periodic = step ? clock_now() / step * step + step : -1;
}

/* Running begins and ends with SET and with the divider; data sheet, "divider control". */
static void change_control(struct mc146818_state *s, unsigned reg, uint8_t v)
{
    bool ran = runs(s);
    uint8_t divider = s->cmos[REG_A] & A_DIVIDER, rate = s->cmos[REG_A] & A_RATE;
    ns_t part = ran ? fraction(s->seen) : s->offset;
    if (reg == REG_A)
        s->cmos[REG_A] = v & (uint8_t)~A_UIP;
    else
        s->cmos[REG_B] = v & B_SET ? v & (uint8_t)~B_UIE : v; /* SET clears UIE */
    if (divider != (s->cmos[REG_A] & A_DIVIDER))
        part = HALF;
    if (ran && !runs(s))
        s->offset = part;
    else if (!ran && runs(s))
        set_time(s, part);
    else if (!ran)
        s->offset = part;
    if (divider != (s->cmos[REG_A] & A_DIVIDER) || rate != (s->cmos[REG_A] & A_RATE))
        restart_periodic(s);
}

static bool is_time(unsigned reg)
{
    return reg == CENTURY || reg == SECONDS || reg == MINUTES || reg == HOURS ||
           (reg >= DAY_OF_WEEK && reg <= YEAR);
}

static void write_register(struct mc146818 *r, uint8_t v)
{
    struct mc146818_state *s = &r->s;
    unsigned reg = s->index;
    settle(r);
    switch (reg) {
    case REG_A:
    case REG_B: change_control(s, reg, v); break;
    case REG_C:
    case REG_D: break; /* read-only */
    default:
        s->cmos[reg] = v;
        if (is_time(reg) && reg != DAY_OF_WEEK && runs(s))
            set_time(s, fraction(s->seen));
    }
    mc146818_sync(&r->dev);
}

static uint8_t update_in_progress(const struct mc146818_state *s)
{
    return runs(s) && fraction(guest_time(s)) >= SECOND - UIP_NS ? A_UIP : 0;
}

/* Reading C clears the flags; a tick that had no room gets its turn now. */
static uint8_t read_flags(struct mc146818 *r, bool peek)
{
    struct mc146818_state *s = &r->s;
    uint8_t v = s->cmos[REG_C];
    if (peek)
        return v;
    s->cmos[REG_C] = 0;
    irq_set(&r->dev.irq, false);
    if (s->lost > 0 && (s->cmos[REG_B] & B_PIE)) {
        s->lost--;
        s->cmos[REG_C] = C_PF;
    }
    mc146818_sync(&r->dev);
    return v;
}

static uint64_t mc146818_read(struct device *dev, struct access a)
{
    struct mc146818 *r = (struct mc146818 *)dev;
    struct mc146818_state *s = &r->s;
    if (a.off == 0) /* the index is write-only */
        return 0xff;
    if (!a.peek)
        mc146818_sync(dev);
    switch (s->index) {
    case REG_A: return s->cmos[REG_A] | update_in_progress(s);
    case REG_C: return read_flags(r, a.peek);
    case REG_D: return D_VALID;
    default: return s->cmos[s->index % CMOS_SIZE];
    }
}

/* Bit 7 of the index port masks NMI: it is kept apart from the index. */
static void mc146818_write(struct device *dev, struct access a, uint64_t val)
{
    struct mc146818 *r = (struct mc146818 *)dev;
    if (a.off == 0) {
        r->s.index = val & 0x7f;
        r->s.nmi_masked = val >> 7 & 1;
    } else {
        write_register(r, (uint8_t)val);
    }
}

void mc146818_set(struct device *dev, unsigned at, uint8_t value)
{
    if (at > REG_D && at < CMOS_SIZE)
        ((struct mc146818 *)dev)->s.cmos[at] = value;
}

uint8_t mc146818_get(struct device *dev, unsigned at)
{
    return at < CMOS_SIZE ? ((struct mc146818 *)dev)->s.cmos[at] : 0xff;
}

bool mc146818_masks_nmi(const struct device *dev)
{
    return ((const struct mc146818 *)dev)->s.nmi_masked;
}

/* RESET clears the enables and the flags; time, divider and RAM are the battery's. */
static void mc146818_reset(struct device *dev)
{
    struct mc146818_state *s = &((struct mc146818 *)dev)->s;
    s->cmos[REG_B] &= (uint8_t) ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    s->cmos[REG_C] = 0;
    restart_periodic(s);
}

static void mc146818_loaded(struct device *dev)
{
    struct mc146818_state *s = &((struct mc146818 *)dev)->s;
    s->index %= CMOS_SIZE;
    if (!runs(s))
        s->offset = fraction(s->offset);
    if (s->periodic > INT64_MAX / 4)
        restart_periodic(s);
    s->seen = runs(s) ? guest_time(s) : s->seen;
}

static bool choose_policy(struct mc146818 *r, struct error **errp)
{
    const char *p = r->lost_tick_policy;
    if (strcmp(p, "discard") && strcmp(p, "slew")) {
        error_set(errp, "lost_tick_policy=%s: must be discard or slew", p);
        return false;
    }
    r->reinject = strcmp(p, "slew") == 0;
    return true;
}

static bool mc146818_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops ops = {mc146818_read, mc146818_write, .min = 1, .max = 1,
                                        .size = 2};
    struct mc146818 *r = (struct mc146818 *)dev;
    struct isa_bus *bus = isa_bus_of(dev, errp);
    if (bus == NULL || !choose_policy(r, errp))
        return false;
    if (!dev->irq.handler && !isa_connect_irq(bus, &dev->irq, r->irq, errp))
        return false;
    timer_init(&r->timer, &dev->lock, timer_fired, r);
    r->s.cmos[REG_A] = A_RUN | 6;
    r->s.cmos[REG_B] = B_24H;
    r->s.seen = guest_time(&r->s);
    region_init_mmio(&r->ports, "rtc", &ops, dev);
    isa_add_ports(bus, 0x70, &r->ports);
    return true;
}

static void mc146818_unrealize(struct device *dev)
{
    struct mc146818 *r = (struct mc146818 *)dev;
    isa_del_ports(dev->machine, &r->ports);
    timer_cancel(&r->timer);
}

static const struct state_field mc146818_state[] = {
    STATE_KEEP(mc146818, offset),
    STATE_KEEP(mc146818, seen),
    STATE(mc146818, periodic, UINT64_MAX),
    STATE(mc146818, lost, 0),
    STATE(mc146818, index, 0),
    STATE(mc146818, nmi_masked, 0),
    {"cmos", offsetof(struct mc146818, s.cmos), CMOS_SIZE, 1, 0, true},
    STATE_ARRAY(mc146818, pad, 0),
    STATE_END,
};

static const struct prop mc146818_props[] = {
    PROP(prop_uint32, mc146818, "irq", irq, "8", "interrupt line"),
    PROP(prop_string, mc146818, "lost_tick_policy", lost_tick_policy, "discard",
         "periodic interrupts that came too fast: discard, or slew (delivered later)"),
    PROP_END,
};

DEVICE_CLASS_NAMED(mc146818, "mc146818rtc") = {
    .desc = "MC146818A real-time clock of a PC, with CMOS RAM",
    .bus = "ISA",
    .props = mc146818_props,
    .state = mc146818_state,
    .realize = mc146818_realize,
    .unrealize = mc146818_unrealize,
    .reset = mc146818_reset,
    .sync = mc146818_sync,
    .loaded = mc146818_loaded,
};
