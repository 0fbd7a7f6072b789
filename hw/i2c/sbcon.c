/*
 * Two-wire serial bus of Arm's development boards: a program moves the lines itself.
 * Ref: Versatile Application Baseboard for ARM926EJ-S User Guide (DUI 0225), serial bus interface;
 * application note AN385 (DAI 0385).
 *
 * Nothing is connected: the data line is as the program leaves it, so nobody acknowledges.
 */
#include "core/device.h"

enum { CONTROL_SET = 0x0, CONTROL_CLEAR = 0x4, LINES = 3 };

struct sbcon {
    struct device dev;
    struct sbcon_state {
        uint32_t out; /* bit 0: clock, bit 1: data */
    } s;
};

static uint64_t sbcon_read(struct device *dev, struct access a)
{
    return a.off == CONTROL_SET ? ((struct sbcon *)dev)->s.out : 0;
}

static void sbcon_write(struct device *dev, struct access a, uint64_t val)
{
    struct sbcon_state *s = &((struct sbcon *)dev)->s;
    switch (a.off) {
    case CONTROL_SET: s->out |= val & LINES; break;
    case CONTROL_CLEAR: s->out &= ~(uint32_t)val; break;
    default:
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
        break;
    }
}

static const struct state_field sbcon_state[] = {
    STATE(sbcon, out, LINES),
    STATE_END,
};

DEVICE_CLASS_NAMED(sbcon, "arm-sbcon-i2c") = {
    .desc = "Two-wire serial bus of Arm boards",
    .mmio = {sbcon_read, sbcon_write, .min = 4, .max = 4, .size = 0x1000},
    .state = sbcon_state,
};
