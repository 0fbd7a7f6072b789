/*
 * CMSDK APB timer.  Ref: Cortex-M System Design Kit Technical Reference Manual (DDI 0479),
 * section 4.4.
 */
#include "core/device.h"
#include "hw/cmsdk.h"
#include "hw/timer/downcounter.h"

#include <glib.h>

enum { CTRL = 0x0, VALUE = 0x4, RELOAD = 0x8, INTSTATUS = 0xc };
enum { CTRL_EN = 1, CTRL_IRQEN = 8, CTRL_MASK = 0xf, PART = 0x22 };

struct cmsdk_timer {
    struct device dev;
    uint32_t hz;
    struct downcounter counter;
    struct cmsdk_timer_state {
        struct downcounter_state counter;
        uint32_t ctrl, intstatus;
    } s;
};

static struct cmsdk_timer *timer_of(struct device *dev)
{
    return (struct cmsdk_timer *)dev;
}

static void expired(void *opaque)
{
    struct cmsdk_timer *t = opaque;
    if (t->s.ctrl & CTRL_IRQEN)
        t->s.intstatus = 1;
    irq_set(&t->dev.irq, t->s.intstatus);
}

static uint64_t cmsdk_timer_read(struct device *dev, struct access a)
{
    struct cmsdk_timer *t = timer_of(dev);
    switch (a.off) {
    case CTRL: return t->s.ctrl;
    case VALUE: return downcounter_value(&t->counter);
    case RELOAD: return t->s.counter.reload;
    case INTSTATUS: downcounter_sync(&t->counter); return t->s.intstatus;
    default: return a.off >= CMSDK_ID_REGS ? cmsdk_id((uint32_t)a.off, PART) : 0;
    }
}

static void cmsdk_timer_write(struct device *dev, struct access a, uint64_t val)
{
    struct cmsdk_timer *t = timer_of(dev);
    switch (a.off) {
    case CTRL:
        t->s.ctrl = val & CTRL_MASK;
        downcounter_run(&t->counter, val & CTRL_EN);
        break;
    case RELOAD: /* also sets the current value (4.4.2) */
        t->s.counter.reload = (uint32_t)val;
        downcounter_set_value(&t->counter, (uint32_t)val);
        break;
    case VALUE: downcounter_set_value(&t->counter, (uint32_t)val); break;
    case INTSTATUS: t->s.intstatus &= ~(uint32_t)val; break;
    default:
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
        break;
    }
    irq_set(&dev->irq, t->s.intstatus);
}

static bool cmsdk_timer_realize(struct device *dev, struct error **errp UNUSED)
{
    struct cmsdk_timer *t = timer_of(dev);
    downcounter_set_hz(&t->counter, t->hz);
    downcounter_init(&t->counter, &t->s.counter, &dev->lock, expired, t);
    return true;
}

static void cmsdk_timer_unrealize(struct device *dev)
{
    downcounter_fini(&timer_of(dev)->counter);
}

static void cmsdk_timer_sync(struct device *dev)
{
    struct cmsdk_timer *t = timer_of(dev);
    downcounter_sync(&t->counter);
    irq_set(&dev->irq, t->s.intstatus);
}

static void cmsdk_timer_loaded(struct device *dev)
{
    struct cmsdk_timer *t = timer_of(dev);
    t->s.ctrl &= CTRL_MASK;
    t->s.intstatus &= 1;
    t->s.counter.oneshot = 0;
}

static const struct state_field cmsdk_timer_state[] = {
    STATE(cmsdk_timer, counter, 0),
    STATE(cmsdk_timer, ctrl, 0),
    STATE(cmsdk_timer, intstatus, 0),
    STATE_END,
};

static const struct prop cmsdk_timer_props[] = {
    PROP(prop_uint32, cmsdk_timer, "clock-frequency", hz, "25000000", "input clock in Hz"),
    PROP_END,
};

DEVICE_CLASS_NAMED(cmsdk_timer, "cmsdk-apb-timer") = {
    .desc = "CMSDK APB timer",
    .mmio = {cmsdk_timer_read, cmsdk_timer_write, .min = 4, .max = 4, .size = CMSDK_SIZE},
    .props = cmsdk_timer_props,
    .state = cmsdk_timer_state,
    .realize = cmsdk_timer_realize,
    .unrealize = cmsdk_timer_unrealize,
    .sync = cmsdk_timer_sync,
    .loaded = cmsdk_timer_loaded,
};
