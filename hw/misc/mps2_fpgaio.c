/*
 * LEDs, buttons and counters of the MPS2 FPGA images.
 * Ref: Arm MPS2 application notes AN385 (DAI 0385), AN386, AN500, AN505: FPGA system control and
 * I/O.
 */
#include "core/clock.h"
#include "core/device.h"

enum {
    LED0 = 0x0,
    DBGCTRL = 0x4,
    BUTTON = 0x8,
    CLK1HZ = 0x10,
    CLK100HZ = 0x14,
    COUNTER = 0x18,
    PRESCALE = 0x1c,
    PSCNTR = 0x20,
    SWITCH = 0x28,
    MISC = 0x4c
};
static const uint64_t NS_PER_S = 1000000000;

struct mps2_fpgaio {
    struct device dev;
    uint32_t hz, leds;
    bool has_debug;
    struct mps2_fpgaio_state {
        /* Virtual ns (tick of the prescaler) at which each counter would have been 0. */
        int64_t zero_1hz, zero_100hz, zero_counter, zero_pscntr;
        uint32_t led0, dbgctrl, prescale, misc;
    } s;
};

static struct mps2_fpgaio *io(struct device *dev)
{
    return (struct mps2_fpgaio *)dev;
}

static uint64_t ticks(uint64_t hz)
{
    return (uint64_t)((unsigned __int128)(uint64_t)clock_now() * hz / NS_PER_S);
}

/* The prescaler counts down from PRESCALE to 0, then COUNTER counts up. */
static uint64_t counter_ticks(const struct mps2_fpgaio *f)
{
    return ticks(f->hz) / ((uint64_t)f->s.prescale + 1);
}

static uint32_t prescaler(const struct mps2_fpgaio *f)
{
    uint64_t period = (uint64_t)f->s.prescale + 1;
    return (uint32_t)(f->s.prescale - (ticks(f->hz) - (uint64_t)f->s.zero_pscntr) % period);
}

static uint64_t mps2_fpgaio_read(struct device *dev, struct access a)
{
    const struct mps2_fpgaio *f = io(dev);
    switch (a.off) {
    case LED0: return f->s.led0;
    case DBGCTRL: return f->s.dbgctrl;
    case CLK1HZ: return (uint32_t)(ticks(1) - (uint64_t)f->s.zero_1hz);
    case CLK100HZ: return (uint32_t)(ticks(100) - (uint64_t)f->s.zero_100hz);
    case COUNTER: return (uint32_t)(counter_ticks(f) - (uint64_t)f->s.zero_counter);
    case PRESCALE: return f->s.prescale;
    case PSCNTR: return prescaler(f);
    case MISC: return f->s.misc;
    default: return 0; /* buttons and switches: nobody touches them */
    }
}

static void write_prescale(struct mps2_fpgaio *f, uint32_t val)
{
    uint64_t counter = counter_ticks(f) - (uint64_t)f->s.zero_counter;
    f->s.prescale = val;
    f->s.zero_counter = (int64_t)(counter_ticks(f) - counter);
}

static bool write_register(struct mps2_fpgaio *f, uint64_t off, uint32_t val)
{
    switch (off) {
    case LED0: f->s.led0 = val & (f->leds < 32 ? (1U << f->leds) - 1 : UINT32_MAX); return true;
    case DBGCTRL: f->s.dbgctrl = f->has_debug ? val & 3 : 0; return f->has_debug;
    case CLK1HZ: f->s.zero_1hz = (int64_t)(ticks(1) - val); return true;
    case CLK100HZ: f->s.zero_100hz = (int64_t)(ticks(100) - val); return true;
    case COUNTER: f->s.zero_counter = (int64_t)(counter_ticks(f) - val); return true;
    case PRESCALE: write_prescale(f, val); return true;
    case PSCNTR: f->s.zero_pscntr = (int64_t)(ticks(f->hz) + val - f->s.prescale); return true;
    case MISC: f->s.misc = val & 0x3ff; return true;
    default: return false;
    }
}

static void mps2_fpgaio_write(struct device *dev, struct access a, uint64_t val)
{
    if (!write_register(io(dev), a.off, (uint32_t)val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
}

/* Counters begin at 0. */
static void mps2_fpgaio_reset(struct device *dev)
{
    struct mps2_fpgaio *f = io(dev);
    f->s.zero_1hz = (int64_t)ticks(1);
    f->s.zero_100hz = (int64_t)ticks(100);
    f->s.zero_counter = (int64_t)counter_ticks(f);
    f->s.zero_pscntr = (int64_t)ticks(f->hz);
}

static const struct state_field mps2_fpgaio_state[] = {
    STATE(mps2_fpgaio, zero_1hz, 0),
    STATE(mps2_fpgaio, zero_100hz, 0),
    STATE(mps2_fpgaio, zero_counter, 0),
    STATE(mps2_fpgaio, zero_pscntr, 0),
    STATE(mps2_fpgaio, led0, 0),
    STATE(mps2_fpgaio, dbgctrl, 0),
    STATE(mps2_fpgaio, prescale, 0),
    STATE(mps2_fpgaio, misc, 0),
    STATE_END,
};

static const struct prop mps2_fpgaio_props[] = {
    PROP(prop_uint32, mps2_fpgaio, "prescale-clk", hz, "20000000", "clock of the prescaler in Hz"),
    PROP(prop_uint32, mps2_fpgaio, "num-leds", leds, "2", "LEDs"),
    PROP(prop_bool, mps2_fpgaio, "has-dbgctrl", has_debug, "off", "it has register DBGCTRL"),
    PROP_END,
};

DEVICE_CLASS_NAMED(mps2_fpgaio, "mps2-fpgaio") = {
    .desc = "MPS2 LEDs, buttons and counters",
    .mmio = {mps2_fpgaio_read, mps2_fpgaio_write, .min = 4, .max = 4, .size = 0x1000},
    .props = mps2_fpgaio_props,
    .state = mps2_fpgaio_state,
    .reset = mps2_fpgaio_reset,
};
