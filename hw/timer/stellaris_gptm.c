/*
 * General-purpose timer module of Stellaris microcontrollers: two timers of 16 bits, or one of 32,
 * or a real-time clock.
 * Ref: LM3S6965 data sheet, chapter 10.
 *
 * Nothing is connected to the capture pins: edges never come.
 */
#include "core/clock.h"
#include "hw/stellaris.h"
#include "hw/timer/downcounter.h"

#include <glib.h>

enum {
    CFG = 0x00,
    TAMR = 0x04,
    TBMR = 0x08,
    CTL = 0x0c,
    IMR = 0x18,
    RIS = 0x1c,
    MIS = 0x20,
    ICR = 0x24,
    TAILR = 0x28,
    TBILR = 0x2c,
    TAMATCHR = 0x30,
    TBMATCHR = 0x34,
    TAPR = 0x38,
    TBPR = 0x3c,
    TAPMR = 0x40,
    TBPMR = 0x44,
    TAR = 0x48,
    TBR = 0x4c
};
enum { A, B, TIMERS };
enum { CFG_32BIT = 0, CFG_RTC = 1, CFG_16BIT = 4 };
enum { MODE_ONESHOT = 1, MODE_PERIODIC = 2, MODE_CAPTURE = 3, MODE_MASK = 3, MR_MASK = 0xf };
enum { CTL_ENABLE = 1, CTL_RTC = 1 << 4, CTL_TRIGGER = 1 << 5, CTL_B_SHIFT = 8, CTL_MASK = 0x6f7f };
enum { INT_TIMEOUT = 1, INT_RTC = 8, INT_B_SHIFT = 8, INT_ALL = 0x70f };
enum { RTC_HZ = 32768, HZ_RESET = 12000000 };
static const uint64_t NS_PER_S = 1000000000;

struct stellaris_gptm {
    struct device dev;
    struct irq irq_b, trigger;
    uint64_t hz;
    struct stellaris_gptm_timer {
        struct stellaris_gptm *owner;
        unsigned n;
        struct downcounter counter;
    } timers[TIMERS];
    struct timer rtc;
    struct stellaris_gptm_state {
        struct downcounter_state counter[TIMERS];
        int64_t rtc_zero;   /* virtual ns at which the real-time clock would have been 0 */
        uint32_t rtc_value; /* while it stands still */
        uint32_t cfg, mr[TIMERS], ctl, imr, ris, ilr[TIMERS], match[TIMERS], pr[TIMERS],
            pmr[TIMERS];
        uint32_t pad;
    } s;
};

static struct stellaris_gptm *gptm(struct device *dev)
{
    return (struct stellaris_gptm *)dev;
}

static bool is_wide(const struct stellaris_gptm_state *s)
{
    return s->cfg == CFG_32BIT || s->cfg == CFG_RTC;
}

static bool is_enabled(const struct stellaris_gptm_state *s, unsigned n)
{
    return s->ctl >> n * CTL_B_SHIFT & CTL_ENABLE;
}

static void drive(struct stellaris_gptm *g)
{
    uint32_t mis = g->s.ris & g->s.imr;
    irq_set(&g->dev.irq, mis & 0xff);
    irq_set(&g->irq_b, mis >> INT_B_SHIFT);
}

/* ---- counting ---- */

static void expired(void *opaque)
{
    struct stellaris_gptm_timer *t = opaque;
    struct stellaris_gptm_state *s = &t->owner->s;
    s->ris |= (uint32_t)INT_TIMEOUT << t->n * INT_B_SHIFT;
    if (s->counter[t->n].oneshot)
        s->ctl &= ~((uint32_t)CTL_ENABLE << t->n * CTL_B_SHIFT);
    if (s->ctl >> t->n * CTL_B_SHIFT & CTL_TRIGGER)
        irq_pulse(&t->owner->trigger);
    drive(t->owner);
}

/* Whether timer n counts down by the clock. */
static bool counts(const struct stellaris_gptm_state *s, unsigned n)
{
    uint32_t mode = s->mr[n] & MODE_MASK;
    return is_enabled(s, n) && (mode == MODE_ONESHOT || mode == MODE_PERIODIC) &&
           (s->cfg == CFG_32BIT ? n == A : s->cfg == CFG_16BIT);
}

/* 10.2.2: in 32-bit mode both load registers are one. */
static uint32_t load_value(const struct stellaris_gptm_state *s, unsigned n)
{
    if (is_wide(s))
        return (s->ilr[B] << 16) | (s->ilr[A] & 0xffff);
    return s->ilr[n] & 0xffff;
}

/* The prescaler divides in 16-bit modes. */
static uint64_t rate(const struct stellaris_gptm *g, unsigned n)
{
    return g->s.cfg == CFG_16BIT ? g->hz / (g->s.pr[n] + UINT64_C(1)) : g->hz;
}

static void set_modes(struct stellaris_gptm *g)
{
    for (unsigned n = 0; n < TIMERS; n++) {
        g->s.counter[n].reload = load_value(&g->s, n);
        g->s.counter[n].oneshot = (g->s.mr[n] & MODE_MASK) == MODE_ONESHOT;
    }
}

/* ---- real-time clock ---- */

static bool rtc_runs(const struct stellaris_gptm_state *s)
{
    return s->cfg == CFG_RTC && is_enabled(s, A);
}

static uint32_t rtc_now(const struct stellaris_gptm_state *s)
{
    if (!rtc_runs(s))
        return s->rtc_value;
    return (uint32_t)(((uint64_t)clock_now() - (uint64_t)s->rtc_zero) / NS_PER_S);
}

static void rtc_set(struct stellaris_gptm_state *s, uint32_t value)
{
    s->rtc_value = value;
    s->rtc_zero = (int64_t)((uint64_t)clock_now() - value * NS_PER_S);
}

static uint32_t rtc_match(const struct stellaris_gptm_state *s)
{
    return (s->match[B] << 16) | (s->match[A] & 0xffff);
}

/* Wait for the match, which comes once in 2^32 seconds. */
static void rtc_arm(struct stellaris_gptm *g)
{
    uint64_t left = (uint32_t)(rtc_match(&g->s) - rtc_now(&g->s));
    if (!rtc_runs(&g->s)) {
        timer_cancel(&g->rtc);
        return;
    }
    left = left ? left : UINT64_C(1) << 32;
    timer_set(&g->rtc, (ns_t)((uint64_t)g->s.rtc_zero + (rtc_now(&g->s) + left) * NS_PER_S));
}

static void rtc_fired(void *opaque)
{
    struct stellaris_gptm *g = opaque;
    if (rtc_runs(&g->s) && rtc_now(&g->s) == rtc_match(&g->s))
        g->s.ris |= INT_RTC;
    rtc_arm(g);
    drive(g);
}

/* ---- registers ---- */

static void catch_up(struct stellaris_gptm *g)
{
    for (unsigned n = 0; n < TIMERS; n++)
        downcounter_sync(&g->timers[n].counter);
}

static uint32_t value(struct stellaris_gptm *g, unsigned n)
{
    if (g->s.cfg == CFG_RTC)
        return n == A ? rtc_now(&g->s) : rtc_now(&g->s) >> 16;
    if (g->s.cfg == CFG_32BIT) {
        uint32_t val = downcounter_value(&g->timers[A].counter);
        return n == A ? val : val >> 16;
    }
    return downcounter_value(&g->timers[n].counter) & 0xffff;
}

static uint32_t read_register(struct stellaris_gptm *g, uint32_t off)
{
    const struct stellaris_gptm_state *s = &g->s;
    unsigned n = off >> 2 & 1; /* pairs of registers begin at multiples of 8, except the modes */
    switch (off) {
    case CFG: return s->cfg;
    case TAMR: return s->mr[A];
    case TBMR: return s->mr[B];
    case CTL: return s->ctl;
    case IMR: return s->imr;
    case RIS: return s->ris;
    case MIS: return s->ris & s->imr;
    case TAILR: return is_wide(s) ? load_value(s, A) : s->ilr[A] & 0xffff;
    case TBILR: return s->ilr[B];
    case TAMATCHR: return is_wide(s) ? rtc_match(s) : s->match[A] & 0xffff;
    case TBMATCHR: return s->match[B];
    case TAPR:
    case TBPR: return s->pr[n];
    case TAPMR:
    case TBPMR: return s->pmr[n];
    case TAR:
    case TBR: return value(g, n);
    default: return 0;
    }
}

static uint64_t stellaris_gptm_read(struct device *dev, struct access a)
{
    catch_up(gptm(dev));
    return read_register(gptm(dev), (uint32_t)a.off);
}

/* Registers of 16 bits each; that of timer A has all 32 where both are one. */
static void write_pair(const struct stellaris_gptm_state *s, uint32_t pair[TIMERS], unsigned n,
                       uint32_t val)
{
    pair[n] = val & 0xffff;
    if (n == A && is_wide(s))
        pair[B] = val >> 16;
}

/* Start and stop what CTL and the modes say. */
static void update_running(struct stellaris_gptm *g, bool rtc_ran, uint32_t rtc_value)
{
    for (unsigned n = 0; n < TIMERS; n++) {
        struct downcounter *c = &g->timers[n].counter;
        bool run = counts(&g->s, n);
        if (run && !g->s.counter[n].running)
            downcounter_set_value(c, load_value(&g->s, n));
        downcounter_run(c, run);
    }
    if (rtc_runs(&g->s) && !rtc_ran)
        rtc_set(&g->s, 1); /* 10.2.2.2 */
    else if (!rtc_runs(&g->s) && rtc_ran)
        g->s.rtc_value = rtc_value;
}

static void write_load(struct stellaris_gptm *g, unsigned n, uint32_t val)
{
    write_pair(&g->s, g->s.ilr, n, val);
    set_modes(g);
    if (is_wide(&g->s))
        n = A;
    downcounter_set_value(&g->timers[n].counter, load_value(&g->s, n));
    if (g->s.cfg == CFG_RTC)
        rtc_set(&g->s, load_value(&g->s, A));
}

static bool write_register(struct stellaris_gptm *g, uint32_t off, uint32_t val)
{
    struct stellaris_gptm_state *s = &g->s;
    unsigned n = off >> 2 & 1;
    switch (off) {
    case CFG: s->cfg = val & 7; break;
    case TAMR: s->mr[A] = val & MR_MASK; break;
    case TBMR: s->mr[B] = val & MR_MASK; break;
    case CTL: s->ctl = val & CTL_MASK; break;
    case IMR: s->imr = val & INT_ALL; break;
    case ICR: s->ris &= ~val; break;
    case TAILR:
    case TBILR: write_load(g, n, val); break;
    case TAMATCHR:
    case TBMATCHR: write_pair(s, s->match, n, val); break;
    case TAPR:
    case TBPR:
        s->pr[n] = val & 0xff;
        downcounter_set_hz(&g->timers[n].counter, rate(g, n));
        break;
    case TAPMR:
    case TBPMR: s->pmr[n] = val & 0xff; break;
    default: return false;
    }
    return true;
}

static void stellaris_gptm_write(struct device *dev, struct access a, uint64_t val)
{
    struct stellaris_gptm *g = gptm(dev);
    catch_up(g);
    bool rtc_ran = rtc_runs(&g->s);
    uint32_t rtc_value = rtc_now(&g->s), off = (uint32_t)a.off;
    if (!write_register(g, off, (uint32_t)val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val, off);
    if (off <= CTL) {
        set_modes(g);
        for (unsigned n = 0; off == CFG && n < TIMERS; n++)
            downcounter_set_hz(&g->timers[n].counter, rate(g, n));
        update_running(g, rtc_ran, rtc_value);
    }
    rtc_arm(g);
    drive(g);
}

/* ---- the device ---- */

struct irq *stellaris_gptm_irq_b(struct device *dev)
{
    return &gptm(dev)->irq_b;
}

struct irq *stellaris_gptm_adc_trigger(struct device *dev)
{
    return &gptm(dev)->trigger;
}

void stellaris_gptm_set_hz(struct device *dev, uint64_t hz)
{
    struct stellaris_gptm *g = gptm(dev);
    mutex_lock(&dev->lock);
    if (g->hz != hz) {
        g->hz = hz;
        for (unsigned n = 0; n < TIMERS; n++)
            downcounter_set_hz(&g->timers[n].counter, rate(g, n));
    }
    mutex_unlock(&dev->lock);
}

static bool stellaris_gptm_realize(struct device *dev, struct error **errp UNUSED)
{
    struct stellaris_gptm *g = gptm(dev);
    g->hz = g->hz ? g->hz : HZ_RESET;
    for (unsigned n = 0; n < TIMERS; n++) {
        g->timers[n].owner = g;
        g->timers[n].n = n;
        g->timers[n].counter.hz = g->hz;
        downcounter_init(&g->timers[n].counter, &g->s.counter[n], &dev->lock, expired,
                         &g->timers[n]);
    }
    timer_init(&g->rtc, &dev->lock, rtc_fired, g);
    return true;
}

static void stellaris_gptm_unrealize(struct device *dev)
{
    for (unsigned n = 0; n < TIMERS; n++)
        downcounter_fini(&gptm(dev)->timers[n].counter);
    timer_cancel(&gptm(dev)->rtc);
}

static void stellaris_gptm_sync(struct device *dev)
{
    struct stellaris_gptm *g = gptm(dev);
    for (unsigned n = 0; n < TIMERS; n++)
        g->timers[n].counter.hz = MAX(rate(g, n), 1);
    catch_up(g);
    rtc_arm(g);
    drive(g);
}

static void stellaris_gptm_reset(struct device *dev)
{
    set_modes(gptm(dev));
}

static void stellaris_gptm_loaded(struct device *dev)
{
    struct stellaris_gptm_state *s = &gptm(dev)->s;
    s->cfg &= 7;
    s->ctl &= CTL_MASK;
    for (unsigned n = 0; n < TIMERS; n++) {
        s->pr[n] &= 0xff;
        s->mr[n] &= MR_MASK;
    }
    set_modes(gptm(dev));
    rtc_set(s, rtc_now(s));
}

static const struct state_field stellaris_gptm_state[] = {
    STATE_ARRAY(stellaris_gptm, counter, 0),
    STATE(stellaris_gptm, rtc_zero, 0),
    STATE(stellaris_gptm, rtc_value, 0),
    STATE(stellaris_gptm, cfg, 0),
    STATE_ARRAY(stellaris_gptm, mr, 0),
    STATE(stellaris_gptm, ctl, 0),
    STATE(stellaris_gptm, imr, 0),
    STATE(stellaris_gptm, ris, 0),
    STATE_ARRAY(stellaris_gptm, ilr, 0xffff),
    STATE_ARRAY(stellaris_gptm, match, 0xffff),
    STATE_ARRAY(stellaris_gptm, pr, 0),
    STATE_ARRAY(stellaris_gptm, pmr, 0),
    STATE(stellaris_gptm, pad, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(stellaris_gptm, "stellaris-gptm") = {
    .desc = "Stellaris general-purpose timer module",
    .mmio = {stellaris_gptm_read, stellaris_gptm_write, .min = 4, .max = 4, .size = 0x1000},
    .state = stellaris_gptm_state,
    .realize = stellaris_gptm_realize,
    .unrealize = stellaris_gptm_unrealize,
    .reset = stellaris_gptm_reset,
    .sync = stellaris_gptm_sync,
    .loaded = stellaris_gptm_loaded,
};
