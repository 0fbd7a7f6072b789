/*
 * Goldfish real-time clock.
 * Ref: "Goldfish virtual hardware" reference, Android Open Source Project, section RTC;
 * google,goldfish-rtc binding.
 */
#include "core/clock.h"
#include "core/device.h"

enum {
    TIME_LOW = 0x00,  /* reading latches the high half */
    TIME_HIGH = 0x04, /* write high first, then low */
    ALARM_LOW = 0x08, /* writing arms */
    ALARM_HIGH = 0x0c,
    IRQ_ENABLED = 0x10,
    CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18,
    CLEAR_INTERRUPT = 0x1c,
};

struct goldfish_rtc {
    struct device dev;
    struct timer alarm;
    struct goldfish_rtc_state {
        int64_t offset;      /* guest's time minus the host's UTC, in ns; survives reset like a
                                battery-backed clock */
        uint64_t alarm_next; /* guest time in ns */
        uint32_t time_high;  /* latched by reading (or written before) TIME_LOW */
        uint32_t alarm_high;
        uint8_t alarm_running, irq_pending, irq_enabled;
        uint8_t pad[5];
    } s;
};

static uint64_t now(const struct goldfish_rtc *rtc)
{
    return (uint64_t)clock_wall() + (uint64_t)rtc->s.offset;
}

/* The line, and the host timer that stands for the alarm, follow from s. */
static void goldfish_rtc_sync(struct device *dev)
{
    struct goldfish_rtc *rtc = (struct goldfish_rtc *)dev;
    struct goldfish_rtc_state *s = &rtc->s;
    uint64_t rtc_now = now(rtc), t = (uint64_t)clock_now();
    if (s->alarm_running && s->alarm_next <= rtc_now) {
        s->alarm_running = 0;
        s->irq_pending = 1;
    }
    uint64_t left = s->alarm_next - rtc_now;
    if (s->alarm_running)
        timer_set(&rtc->alarm, left > INT64_MAX - t ? INT64_MAX : (ns_t)(t + left));
    else
        timer_cancel(&rtc->alarm);
    irq_set(&dev->irq, s->irq_pending && s->irq_enabled);
}

static void alarm_fired(void *opaque)
{
    goldfish_rtc_sync(opaque);
}

static uint64_t goldfish_rtc_read(struct device *dev, struct access a)
{
    struct goldfish_rtc *rtc = (struct goldfish_rtc *)dev;
    struct goldfish_rtc_state *s = &rtc->s;
    uint64_t t = now(rtc);
    switch (a.off) {
    case TIME_LOW:
        if (!a.peek)
            s->time_high = t >> 32;
        return (uint32_t)t;
    case TIME_HIGH: return s->time_high;
    case ALARM_LOW: return (uint32_t)s->alarm_next;
    case ALARM_HIGH: return s->alarm_next >> 32;
    case IRQ_ENABLED: return s->irq_enabled;
    case ALARM_STATUS: return s->alarm_running;
    default: return 0;
    }
}

static void goldfish_rtc_write(struct device *dev, struct access a, uint64_t val)
{
    struct goldfish_rtc *rtc = (struct goldfish_rtc *)dev;
    struct goldfish_rtc_state *s = &rtc->s;
    switch (a.off) {
    case TIME_LOW:
        s->offset =
            (int64_t)(((uint64_t)s->time_high << 32 | (uint32_t)val) - (uint64_t)clock_wall());
        break;
    case TIME_HIGH: s->time_high = val; break;
    case ALARM_LOW:
        s->alarm_next = (uint64_t)s->alarm_high << 32 | (uint32_t)val;
        s->alarm_running = 1;
        break;
    case ALARM_HIGH: s->alarm_high = val; break;
    case IRQ_ENABLED: s->irq_enabled = val & 1; break;
    case CLEAR_ALARM: s->alarm_running = 0; break;
    case CLEAR_INTERRUPT: s->irq_pending = 0; break;
    default: dev_guest_error(dev, "write to read-only or unknown register %#x", (unsigned)a.off);
    }
    goldfish_rtc_sync(dev);
}

static bool goldfish_rtc_realize(struct device *dev, struct error **errp UNUSED)
{
    struct goldfish_rtc *rtc = (struct goldfish_rtc *)dev;
    timer_init(&rtc->alarm, &dev->lock, alarm_fired, rtc);
    return true;
}

static void goldfish_rtc_unrealize(struct device *dev)
{
    timer_cancel(&((struct goldfish_rtc *)dev)->alarm);
}

static const struct state_field goldfish_rtc_state[] = {
    STATE_KEEP(goldfish_rtc, offset),
    STATE(goldfish_rtc, alarm_next, 0),
    STATE(goldfish_rtc, time_high, 0),
    STATE(goldfish_rtc, alarm_high, 0),
    STATE(goldfish_rtc, alarm_running, 0),
    STATE(goldfish_rtc, irq_pending, 0),
    STATE(goldfish_rtc, irq_enabled, 0),
    STATE_ARRAY(goldfish_rtc, pad, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(goldfish_rtc, "goldfish_rtc") = {
    .desc = "Goldfish real-time clock",
    .compatible = "google,goldfish-rtc",
    .mmio = {goldfish_rtc_read, goldfish_rtc_write, .min = 4, .max = 4, .size = 0x24},
    .state = goldfish_rtc_state,
    .realize = goldfish_rtc_realize,
    .unrealize = goldfish_rtc_unrealize,
    .sync = goldfish_rtc_sync,
};
