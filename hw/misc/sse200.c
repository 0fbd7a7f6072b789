/*
 * What the SSE-200 subsystem has for its two processors: which of them asks, and message handling
 * units, by which each interrupts the other.
 * Ref: Arm CoreLink SSE-200 Subsystem for Embedded Technical Reference Manual (101104):
 * CPU_IDENTITY, message handling unit.
 *
 * There is the first processor only.
 */
#include "core/device.h"
#include "hw/misc/iotkit.h"

static void set_unknown(struct device *dev, struct access a, uint64_t val)
{
    dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                    (unsigned)a.off);
}

enum { REVISION = 0x0b };

/* ---- CPU_IDENTITY ---- */

struct sse200_cpuid {
    struct device dev;
    struct sse200_cpuid_state {
        char nothing;
    } s;
};

/* CPUID, at 0, is 0: the first processor. */
static uint64_t cpuid_read(struct device *dev UNUSED, struct access a)
{
    return a.off >= IOTKIT_ID_REGS ? iotkit_id((uint32_t)a.off, 0x58, REVISION) : 0;
}

static const struct state_field sse200_cpuid_state[] = {
    STATE(sse200_cpuid, nothing, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(sse200_cpuid, "armsse-cpuid") = {
    .desc = "SSE-200 processor identity",
    .mmio = {cpuid_read, set_unknown, .min = 4, .max = 4, .size = IOTKIT_SIZE},
    .state = sse200_cpuid_state,
};

/* ---- message handling unit ---- */

enum { INTR_STAT = 0, INTR_SET = 4, INTR_CLR = 8, OF_SECOND = 0x10, MHU_BITS = 15 };

struct sse200_mhu {
    struct device dev; /* its line: the first processor's interrupt */
    struct sse200_mhu_state {
        uint32_t intr[2];
    } s;
};

static uint32_t *mhu_intr(struct sse200_mhu *m, uint64_t off)
{
    return &m->s.intr[off >= OF_SECOND];
}

static uint64_t mhu_read(struct device *dev, struct access a)
{
    struct sse200_mhu *m = (struct sse200_mhu *)dev;
    if (a.off == INTR_STAT || a.off == OF_SECOND + INTR_STAT)
        return *mhu_intr(m, a.off);
    return a.off >= IOTKIT_ID_REGS ? iotkit_id((uint32_t)a.off, 0x56, REVISION) : 0;
}

static void mhu_sync(struct device *dev)
{
    irq_set(&dev->irq, ((struct sse200_mhu *)dev)->s.intr[0]);
}

static void mhu_write(struct device *dev, struct access a, uint64_t val)
{
    struct sse200_mhu *m = (struct sse200_mhu *)dev;
    switch (a.off) {
    case INTR_SET:
    case OF_SECOND + INTR_SET: *mhu_intr(m, a.off) |= (uint32_t)val & MHU_BITS; break;
    case INTR_CLR:
    case OF_SECOND + INTR_CLR: *mhu_intr(m, a.off) &= ~(uint32_t)val; break;
    default: set_unknown(dev, a, val);
    }
    mhu_sync(dev);
}

static const struct state_field sse200_mhu_state[] = {
    STATE_ARRAY(sse200_mhu, intr, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(sse200_mhu, "armsse-mhu") = {
    .desc = "SSE-200 message handling unit",
    .mmio = {mhu_read, mhu_write, .min = 4, .max = 4, .size = IOTKIT_SIZE},
    .state = sse200_mhu_state,
    .sync = mhu_sync,
};
