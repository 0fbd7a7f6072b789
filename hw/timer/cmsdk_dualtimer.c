/*
 * CMSDK APB dual timer: two counters of 16 or 32 bits, each free-running, periodic or one-shot.
 * Ref: Cortex-M System Design Kit Technical Reference Manual (DDI 0479), section 4.5.
 */
#include "hw/timer/cmsdk_dualtimer.h"
#include "hw/cmsdk.h"
#include "hw/timer/downcounter.h"

#include <glib.h>

enum {
    LOAD = 0x0,
    VALUE = 0x4,
    CONTROL = 0x8,
    INTCLR = 0xc,
    RIS = 0x10,
    MIS = 0x14,
    BGLOAD = 0x18,
    STRIDE = 0x20,
    ITCR = 0xf00,
    ITOP = 0xf04
};
enum {
    ONESHOT = 0x01,
    SIZE_32 = 0x02,
    PRESCALE_SHIFT = 2,
    INT_ENABLE = 0x20,
    PERIODIC = 0x40,
    ENABLE = 0x80,
    CONTROL_MASK = 0xef,
    CONTROL_RESET = 0x20
};
enum { TIMERS = 2, PART = 0x23 };

struct cmsdk_dualtimer;
struct dual_counter {
    struct cmsdk_dualtimer *owner;
    unsigned n;
    struct downcounter counter;
    struct irq irq;
};

struct cmsdk_dualtimer {
    struct device dev;
    uint32_t hz;
    struct dual_counter timers[TIMERS];
    struct cmsdk_dualtimer_state {
        struct downcounter_state counter[TIMERS];
        uint32_t control[TIMERS], load[TIMERS], ris[TIMERS];
        uint32_t itcr, itop;
    } s;
};

static struct cmsdk_dualtimer *dual(struct device *dev)
{
    return (struct cmsdk_dualtimer *)dev;
}

static bool masked_status(const struct cmsdk_dualtimer *d, unsigned n)
{
    return d->s.ris[n] && (d->s.control[n] & INT_ENABLE);
}

/* In integration test mode ITOP drives the lines. */
static void drive(struct cmsdk_dualtimer *d)
{
    bool any = false;
    for (unsigned n = 0; n < TIMERS; n++) {
        bool level = d->s.itcr ? d->s.itop >> n & 1 : masked_status(d, n);
        irq_set(&d->timers[n].irq, level);
        any |= level;
    }
    irq_set(&d->dev.irq, any);
}

static void expired(void *opaque)
{
    struct dual_counter *t = opaque;
    t->owner->s.ris[t->n] = 1;
    drive(t->owner);
}

static uint32_t width_mask(const struct cmsdk_dualtimer *d, unsigned n)
{
    return d->s.control[n] & SIZE_32 ? UINT32_MAX : UINT16_MAX;
}

/* What follows 0: the load value, or all ones of a free-running counter.  A load of 0 in periodic
 * mode expires at once, and stays. */
static void set_reload(struct cmsdk_dualtimer *d, unsigned n)
{
    struct downcounter_state *c = &d->s.counter[n];
    uint32_t mask = width_mask(d, n);
    c->oneshot = d->s.control[n] & ONESHOT;
    c->reload = d->s.control[n] & PERIODIC ? d->s.load[n] & mask : mask;
    if ((d->s.control[n] & PERIODIC) && c->reload)
        c->reload--; /* a period is as many ticks as the load value */
}

static uint64_t frequency(const struct cmsdk_dualtimer *d, unsigned n)
{
    static const uint32_t divisors[] = {1, 16, 256, 256};
    return MAX(d->hz / divisors[d->s.control[n] >> PRESCALE_SHIFT & 3], 1);
}

static uint32_t read_timer(struct cmsdk_dualtimer *d, unsigned n, uint32_t off)
{
    switch (off) {
    case LOAD:
    case BGLOAD: return d->s.load[n];
    case VALUE: return downcounter_value(&d->timers[n].counter) & width_mask(d, n);
    case CONTROL: return d->s.control[n];
    case RIS: return d->s.ris[n];
    case MIS: return masked_status(d, n);
    default: return 0;
    }
}

static uint64_t cmsdk_dualtimer_read(struct device *dev, struct access a)
{
    struct cmsdk_dualtimer *d = dual(dev);
    uint32_t off = (uint32_t)a.off;
    for (unsigned n = 0; n < TIMERS; n++)
        downcounter_sync(&d->timers[n].counter);
    if (off < TIMERS * STRIDE)
        return read_timer(d, off / STRIDE, off % STRIDE);
    if (off == ITCR)
        return d->s.itcr;
    return off >= CMSDK_ID_REGS ? cmsdk_id(off, PART) : 0;
}

static void write_control(struct cmsdk_dualtimer *d, unsigned n, uint32_t val)
{
    struct downcounter *c = &d->timers[n].counter;
    d->s.control[n] = val & CONTROL_MASK;
    set_reload(d, n);
    downcounter_set_hz(c, frequency(d, n));
    downcounter_run(c, val & ENABLE);
}

static bool write_timer(struct cmsdk_dualtimer *d, unsigned n, uint32_t off, uint32_t val)
{
    switch (off) {
    case LOAD:
        d->s.load[n] = val;
        set_reload(d, n);
        downcounter_set_value(&d->timers[n].counter, val & width_mask(d, n));
        return true;
    case BGLOAD: /* from the next time on */
        d->s.load[n] = val;
        set_reload(d, n);
        return true;
    case CONTROL: write_control(d, n, val); return true;
    case INTCLR: d->s.ris[n] = 0; return true;
    default: return false;
    }
}

static void cmsdk_dualtimer_write(struct device *dev, struct access a, uint64_t val)
{
    struct cmsdk_dualtimer *d = dual(dev);
    uint32_t off = (uint32_t)a.off;
    bool ok = true;
    for (unsigned n = 0; n < TIMERS; n++)
        downcounter_sync(&d->timers[n].counter);
    if (off < TIMERS * STRIDE)
        ok = write_timer(d, off / STRIDE, off % STRIDE, (uint32_t)val);
    else if (off == ITCR)
        d->s.itcr = val & 1;
    else if (off == ITOP)
        d->s.itop = val & 3;
    else
        ok = false;
    drive(d);
    if (!ok)
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val, off);
}

struct irq *cmsdk_dualtimer_irq(struct device *dev, unsigned n)
{
    return &dual(dev)->timers[n].irq;
}

static bool cmsdk_dualtimer_realize(struct device *dev, struct error **errp UNUSED)
{
    struct cmsdk_dualtimer *d = dual(dev);
    for (unsigned n = 0; n < TIMERS; n++) {
        d->timers[n].owner = d;
        d->timers[n].n = n;
        downcounter_init(&d->timers[n].counter, &d->s.counter[n], &dev->lock, expired,
                         &d->timers[n]);
    }
    return true;
}

static void cmsdk_dualtimer_unrealize(struct device *dev)
{
    for (unsigned n = 0; n < TIMERS; n++)
        downcounter_fini(&dual(dev)->timers[n].counter);
}

static void cmsdk_dualtimer_reset(struct device *dev)
{
    for (unsigned n = 0; n < TIMERS; n++) {
        dual(dev)->s.counter[n].value = UINT32_MAX;
        set_reload(dual(dev), n);
    }
}

/* Frequencies follow the control registers; a running counter keeps the moment it is due. */
static void cmsdk_dualtimer_sync(struct device *dev)
{
    struct cmsdk_dualtimer *d = dual(dev);
    for (unsigned n = 0; n < TIMERS; n++) {
        d->timers[n].counter.hz = frequency(d, n);
        downcounter_sync(&d->timers[n].counter);
    }
    drive(d);
}

static void cmsdk_dualtimer_loaded(struct device *dev)
{
    struct cmsdk_dualtimer *d = dual(dev);
    for (unsigned n = 0; n < TIMERS; n++) {
        d->s.control[n] &= CONTROL_MASK;
        set_reload(d, n);
    }
}

static const struct state_field cmsdk_dualtimer_state[] = {
    STATE_ARRAY(cmsdk_dualtimer, counter, 0),
    STATE_ARRAY(cmsdk_dualtimer, control, CONTROL_RESET),
    STATE_ARRAY(cmsdk_dualtimer, load, 0),
    STATE_ARRAY(cmsdk_dualtimer, ris, 0),
    STATE(cmsdk_dualtimer, itcr, 0),
    STATE(cmsdk_dualtimer, itop, 0),
    STATE_END,
};

static const struct prop cmsdk_dualtimer_props[] = {
    PROP(prop_uint32, cmsdk_dualtimer, "clock-frequency", hz, "25000000", "input clock in Hz"),
    PROP_END,
};

DEVICE_CLASS_NAMED(cmsdk_dualtimer, "cmsdk-apb-dualtimer") = {
    .desc = "CMSDK APB dual timer",
    .mmio = {cmsdk_dualtimer_read, cmsdk_dualtimer_write, .min = 4, .max = 4, .size = CMSDK_SIZE},
    .props = cmsdk_dualtimer_props,
    .state = cmsdk_dualtimer_state,
    .realize = cmsdk_dualtimer_realize,
    .unrealize = cmsdk_dualtimer_unrealize,
    .reset = cmsdk_dualtimer_reset,
    .sync = cmsdk_dualtimer_sync,
    .loaded = cmsdk_dualtimer_loaded,
};
