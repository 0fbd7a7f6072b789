/*
 * SiFive test finisher: ends the emulation with a status, or resets.
 * Ref: the "sifive,test0" (status) and "sifive,test1" (with reset) device-tree bindings.
 */
#include "core/device.h"
#include "core/machine.h"

enum { FINISHER_FAIL = 0x3333, FINISHER_PASS = 0x5555, FINISHER_RESET = 0x7777 };

struct sifive_test {
    struct device dev;
    struct sifive_test_state { /* write only: nothing that a guest could read back */
        uint8_t none;
    } s;
};

static uint64_t sifive_test_read(struct device *dev UNUSED, struct access a UNUSED)
{
    return 0;
}

static void sifive_test_write(struct device *dev, struct access a, uint64_t val)
{
    struct machine *m = dev->machine;
    unsigned what = val & 0xffff, code = (val >> 16) & 0xffff;
    if (a.off != 0 || m == NULL)
        return;
    switch (what) {
    case FINISHER_FAIL: machine_request_shutdown(m, SHUTDOWN_GUEST_PANIC, code & 0xff); break;
    case FINISHER_PASS: machine_request_shutdown(m, SHUTDOWN_GUEST_OFF, 0); break;
    case FINISHER_RESET: machine_request_reset(m); break;
    default: dev_guest_error(dev, "write of unknown command %#x", what);
    }
}

static const struct state_field sifive_test_state[] = {
    STATE(sifive_test, none, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(sifive_test, "riscv.sifive.test") = {
    .desc = "SiFive test finisher (power off, exit status, reset)",
    .compatible = "sifive,test1",
    .mmio = {sifive_test_read, sifive_test_write, .min = 2, .max = 4, .size = 0x1000},
    .state = sifive_test_state,
};
