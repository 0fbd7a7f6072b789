/*
 * Bit-band alias of Cortex-M3 and M4: each word stands for one bit of the first MiB behind `base`.
 * Ref: Cortex-M3 Technical Reference Manual (DDI 0337), bit-banding.
 *
 * An access of some size to the alias is one of the same size to what it stands for.
 */
#include "core/device.h"
#include "core/machine.h"

enum { ALIAS_SIZE = 32 << 20 };

struct bitband {
    struct device dev;
    uint32_t base;
    struct bitband_state {
        char nothing;
    } s;
};

/* Where the bit lies: the address of the unit of that size, and the bit in it. */
static gpa target_of(const struct bitband *b, struct access a, unsigned *bit)
{
    gpa byte = a.off / 32, addr = byte & ~(gpa)(a.size - 1);
    *bit = (unsigned)(byte - addr) * 8 + (a.off / 4) % 8;
    return b->base + addr;
}

/* mem_read() takes the lock of a device behind the alias; this one has nothing to protect. */
static uint64_t bitband_read(struct device *dev, struct access a)
{
    unsigned bit;
    uint64_t val = 0;
    gpa addr = target_of((struct bitband *)dev, a, &bit);
    if (a.peek) {
        uint8_t byte = 0;
        return mem_peek(&dev->machine->as, addr + bit / 8, &byte, 1) ? byte >> bit % 8 & 1 : 0;
    }
    if (mem_read(&dev->machine->as, addr, a.size, &val) != MEM_OK)
        dev_guest_error(dev, "read of a bit at %#x, where nothing is", (unsigned)addr);
    return val >> bit & 1;
}

static void bitband_write(struct device *dev, struct access a, uint64_t val)
{
    unsigned bit;
    gpa addr = target_of((struct bitband *)dev, a, &bit);
    if (mem_write_bits(&dev->machine->as, addr, a.size, UINT64_C(1) << bit, (val & 1) << bit) !=
        MEM_OK)
        dev_guest_error(dev, "write of a bit at %#x, where nothing can be written", (unsigned)addr);
}

static bool bitband_realize(struct device *dev, struct error **errp)
{
    if (dev->machine)
        return true;
    error_set(errp, "there is no memory for it to stand for");
    return false;
}

static const struct state_field bitband_state[] = {
    STATE(bitband, nothing, 0),
    STATE_END,
};

static const struct prop bitband_props[] = {
    PROP(prop_uint32, bitband, "base", base, "0", "address of what it stands for"),
    PROP_END,
};

DEVICE_CLASS_NAMED(bitband, "ARM-bitband-memory") = {
    .desc = "Bit-band alias of an Arm M-profile processor",
    .mmio = {bitband_read, bitband_write, .min = 1, .max = 4, .size = ALIAS_SIZE},
    .props = bitband_props,
    .state = bitband_state,
    .realize = bitband_realize,
};
