/* PrimeCell real-time clock (PL031): UTC in seconds.  Ref: Arm DDI 0224, revision r1p3. */
#include "core/clock.h"
#include "core/device.h"

enum {
    DR = 0x00, /* the time */
    MR = 0x04, /* of the alarm */
    LR = 0x08, /* load: set the time */
    CR = 0x0c,
    IMSC = 0x10,
    RIS = 0x14,
    MIS = 0x18,
    ICR = 0x1c,
    PERIPH_ID = 0xfe0,
    REGS_SIZE = 0x1000,
};
static const ns_t SECOND = 1000000000;

struct pl031 {
    struct device dev;
    struct timer alarm;
    struct pl031_state {
        int64_t offset; /* the guest's time less the host's UTC, in ns; survives reset like a
                           battery-backed clock */
        uint32_t match, load;
        uint8_t ris, imsc;
        uint8_t armed; /* match was written, and has not been reached since */
        uint8_t pad[5];
    } s;
};

static uint64_t now_ns(const struct pl031 *r)
{
    return (uint64_t)clock_wall() + (uint64_t)r->s.offset;
}

static uint32_t now(const struct pl031 *r)
{
    return (uint32_t)(now_ns(r) / (uint64_t)SECOND);
}

/* Nanoseconds until the clock shows the time of the alarm; it wraps after 136 years. */
static ns_t until_match(const struct pl031 *r)
{
    uint32_t seconds = r->s.match - now(r);
    ns_t into = (ns_t)(now_ns(r) % (uint64_t)SECOND);
    return seconds ? (ns_t)seconds * SECOND - into : 0;
}

static void pl031_sync(struct device *dev)
{
    struct pl031 *r = (struct pl031 *)dev;
    ns_t left = until_match(r);
    if (r->s.armed && left == 0) {
        r->s.armed = 0;
        r->s.ris = 1;
    }
    if (r->s.armed)
        timer_set(&r->alarm, clock_now() + left);
    else
        timer_cancel(&r->alarm);
    irq_set(&dev->irq, r->s.ris & r->s.imsc);
}

static void alarm_fired(void *opaque)
{
    pl031_sync(opaque);
}

static uint8_t read_id(uint64_t off)
{
    static const uint8_t ids[] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    uint64_t i = (off - PERIPH_ID) / 4;
    return i < sizeof(ids) ? ids[i] : 0;
}

static uint64_t pl031_read(struct device *dev, struct access a)
{
    const struct pl031 *r = (struct pl031 *)dev;
    switch (a.off) {
    case DR: return now(r);
    case MR: return r->s.match;
    case LR: return r->s.load;
    case CR: return 1; /* it cannot be stopped */
    case IMSC: return r->s.imsc;
    case RIS: return r->s.ris;
    case MIS: return r->s.ris & r->s.imsc;
    default: break;
    }
    if (a.off >= PERIPH_ID)
        return read_id(a.off);
    dev_guest_error(dev, "read of write-only or unknown register %#x", (unsigned)a.off);
    return 0;
}

static void set_time(struct pl031 *r, uint32_t seconds)
{
    r->s.load = seconds;
    r->s.offset = (int64_t)((uint64_t)seconds * (uint64_t)SECOND - (uint64_t)clock_wall());
}

static void pl031_write(struct device *dev, struct access a, uint64_t val)
{
    struct pl031 *r = (struct pl031 *)dev;
    switch (a.off) {
    case MR:
        r->s.match = (uint32_t)val;
        r->s.armed = 1;
        break;
    case LR: set_time(r, (uint32_t)val); break;
    case CR: break;
    case IMSC: r->s.imsc = val & 1; break;
    case ICR: r->s.ris &= ~val & 1; break;
    default: dev_guest_error(dev, "write to read-only or unknown register %#x", (unsigned)a.off);
    }
    pl031_sync(dev);
}

static bool pl031_realize(struct device *dev, struct error **errp UNUSED)
{
    struct pl031 *r = (struct pl031 *)dev;
    timer_init(&r->alarm, &dev->lock, alarm_fired, r);
    return true;
}

static void pl031_unrealize(struct device *dev)
{
    timer_cancel(&((struct pl031 *)dev)->alarm);
}

static const struct state_field pl031_state[] = {
    STATE_KEEP(pl031, offset),  STATE(pl031, match, 0),
    STATE(pl031, load, 0),      STATE(pl031, ris, 0),
    STATE(pl031, imsc, 0),      STATE(pl031, armed, 0),
    STATE_ARRAY(pl031, pad, 0), STATE_END,
};

DEVICE_CLASS(pl031) = {
    .desc = "PrimeCell real-time clock (PL031)",
    .compatible = "arm,pl031",
    .mmio = {pl031_read, pl031_write, .min = 4, .max = 4, .size = REGS_SIZE},
    .state = pl031_state,
    .realize = pl031_realize,
    .unrealize = pl031_unrealize,
    .sync = pl031_sync,
};
