/*
 * Watchdogs after Arm's SP805: that of the CMSDK, and that of Luminary's microcontrollers.
 * Ref: Cortex-M System Design Kit Technical Reference Manual (DDI 0479), section 4.6; Arm Watchdog
 * Module (SP805), DDI 0270; LM3S6965 data sheet, chapter 11.
 */
#include "hw/timer/sp805.h"
#include "core/action.h"
#include "core/device.h"
#include "core/machine.h"
#include "hw/cmsdk.h"
#include "hw/timer/downcounter.h"

#include <glib.h>
#include <string.h>

enum {
    LOAD = 0x0,
    VALUE = 0x4,
    CONTROL = 0x8,
    INTCLR = 0xc,
    RIS = 0x10,
    MIS = 0x14,
    LUMINARY_TEST = 0x418,
    LOCK = 0xc00,
    ITCR = 0xf00,
    ITOP = 0xf04
};
enum { INT_ENABLE = 1, RESET_ENABLE = 2, UNLOCK = 0x1acce551, PART = 0x24, TEST_STALL = 0x100 };

struct sp805 {
    struct device dev;
    uint32_t hz;
    bool luminary;
    struct irq about_to_reset;
    struct downcounter counter;
    struct sp805_state {
        struct downcounter_state counter;
        uint32_t control, load, ris, locked, itcr, itop;
        uint64_t test;
    } s;
};

static struct sp805 *dog(struct device *dev)
{
    return (struct sp805 *)dev;
}

static void drive(struct sp805 *w)
{
    bool level = w->s.itcr ? w->s.itop >> 1 & 1 : w->s.ris && (w->s.control & INT_ENABLE);
    irq_set(&w->dev.irq, level);
}

/* The first time it reaches 0 it interrupts; if that was not cleared until the second time, it
 * resets the machine. */
static void expired(void *opaque)
{
    struct sp805 *w = opaque;
    if (w->s.ris && (w->s.control & RESET_ENABLE) && w->dev.machine) {
        irq_pulse(&w->about_to_reset);
        machine_watchdog(w->dev.machine);
    }
    w->s.ris = 1;
    drive(w);
}

static uint32_t luminary_id(uint32_t off)
{
    static const uint8_t ids[] = {0, 0, 0, 0, 5, 0x18, 0x18, 1, 0x0d, 0xf0, 5, 0xb1};
    return ids[(off - CMSDK_ID_REGS) / 4 % sizeof(ids)];
}

static uint64_t sp805_read(struct device *dev, struct access a)
{
    struct sp805 *w = dog(dev);
    downcounter_sync(&w->counter);
    switch (a.off) {
    case LOAD: return w->s.load;
    case VALUE: return downcounter_value(&w->counter);
    case CONTROL: return w->s.control;
    case RIS: return w->s.ris;
    case MIS: return w->s.ris & w->s.control & INT_ENABLE;
    case LUMINARY_TEST: return w->luminary ? w->s.test : 0;
    case LOCK: return w->s.locked;
    case ITCR: return w->luminary ? 0 : w->s.itcr;
    default: break;
    }
    if (a.off < CMSDK_ID_REGS)
        return 0;
    return w->luminary ? luminary_id((uint32_t)a.off) : cmsdk_id((uint32_t)a.off, PART);
}

static void restart(struct sp805 *w)
{
    w->s.counter.reload = w->s.load;
    downcounter_set_value(&w->counter, w->s.load);
}

/* Luminary's stays enabled once it is. */
static void write_control(struct sp805 *w, uint32_t val)
{
    uint32_t sticky = w->luminary ? w->s.control & INT_ENABLE : 0;
    bool was = w->s.control & INT_ENABLE;
    w->s.control = (val & (INT_ENABLE | RESET_ENABLE)) | sticky;
    bool now = w->s.control & INT_ENABLE;
    if (now && !was)
        restart(w);
    downcounter_run(&w->counter, now);
}

static bool write_register(struct sp805 *w, uint64_t off, uint32_t val)
{
    switch (off) {
    case LOAD:
        w->s.load = val;
        restart(w);
        return true;
    case CONTROL: write_control(w, val); return true;
    case INTCLR:
        w->s.ris = 0;
        restart(w);
        return true;
    case LUMINARY_TEST: w->s.test = val & TEST_STALL; return w->luminary;
    case ITCR: w->s.itcr = w->luminary ? 0 : val & 1; return !w->luminary;
    case ITOP: w->s.itop = w->luminary ? 0 : val & 3; return !w->luminary;
    default: return false;
    }
}

static void sp805_write(struct device *dev, struct access a, uint64_t val)
{
    struct sp805 *w = dog(dev);
    downcounter_sync(&w->counter);
    if (a.off == LOCK)
        w->s.locked = val != UNLOCK;
    else if (w->s.locked)
        dev_guest_error(dev, "write to register %#x while it is locked", (unsigned)a.off);
    else if (!write_register(w, a.off, (uint32_t)val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
    drive(w);
}

struct irq *sp805_reset_line(struct device *dev)
{
    return &dog(dev)->about_to_reset;
}

void sp805_set_hz(struct device *dev, uint64_t hz)
{
    mutex_lock(&dev->lock);
    downcounter_set_hz(&dog(dev)->counter, hz);
    mutex_unlock(&dev->lock);
}

static bool sp805_realize(struct device *dev, struct error **errp UNUSED)
{
    struct sp805 *w = dog(dev);
    downcounter_set_hz(&w->counter, w->hz);
    downcounter_init(&w->counter, &w->s.counter, &dev->lock, expired, w);
    return true;
}

static void sp805_unrealize(struct device *dev)
{
    downcounter_fini(&dog(dev)->counter);
}

static void sp805_reset(struct device *dev)
{
    struct sp805 *w = dog(dev);
    w->s.counter.value = w->s.counter.reload = w->s.load;
}

static void sp805_sync(struct device *dev)
{
    downcounter_sync(&dog(dev)->counter);
    drive(dog(dev));
}

static void sp805_loaded(struct device *dev)
{
    struct sp805 *w = dog(dev);
    w->s.ris &= 1;
    w->s.locked &= 1;
    w->s.counter.oneshot = 0;
}

static const struct state_field sp805_state[] = {
    STATE(sp805, counter, 0), STATE(sp805, control, 0), STATE(sp805, load, UINT32_MAX),
    STATE(sp805, ris, 0),     STATE(sp805, locked, 0),  STATE(sp805, itcr, 0),
    STATE(sp805, itop, 0),    STATE(sp805, test, 0),    STATE_END,
};

static const struct prop sp805_props[] = {
    PROP(prop_uint32, sp805, "clock-frequency", hz, "25000000", "input clock in Hz"),
    PROP(prop_bool, sp805, "luminary", luminary, "off", "as in Luminary's microcontrollers"),
    PROP_END,
};

DEVICE_CLASS_NAMED(sp805, "cmsdk-apb-watchdog") = {
    .desc = "Watchdog (SP805, CMSDK APB, Luminary)",
    .mmio = {sp805_read, sp805_write, .min = 4, .max = 4, .size = CMSDK_SIZE},
    .props = sp805_props,
    .state = sp805_state,
    .realize = sp805_realize,
    .unrealize = sp805_unrealize,
    .reset = sp805_reset,
    .sync = sp805_sync,
    .loaded = sp805_loaded,
};
