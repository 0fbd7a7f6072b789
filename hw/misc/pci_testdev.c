/*
 * The device of kvm-unit-tests' PCI tests: each BAR begins with a header that names a test by
 * number, where and what to write for it, and how many such writes there were.
 * Ref: QEMU's documentation, "pci-testdev" specification.
 */
#include "hw/pci/pci.h"
#include "util/bits.h"

#include <string.h>

enum { MEM_BAR = 4096, IO_BAR = 256, TESTS = 6, NO_TEST = TESTS };
enum { HDR_TEST = 0, HDR_WIDTH = 1, HDR_OFFSET = 4, HDR_DATA = 8, HDR_COUNT = 12, HDR_NAME = 16 };

/* Three of either BAR.  Which way a write reaches its counter makes no difference here; the names
 * are known to the tests. */
static const struct test {
    const char *name;
    uint8_t bar, data;
    bool any_data;
} tests[TESTS] = {
    {"mmio-no-eventfd", 0, 0xfa, false},        {"mmio-wildcard-eventfd", 0, 0xce, true},
    {"mmio-datamatch-eventfd", 0, 0xfa, false}, {"portio-no-eventfd", 1, 0xfa, false},
    {"portio-wildcard-eventfd", 1, 0xce, true}, {"portio-datamatch-eventfd", 1, 0xfa, false},
};

struct pci_testdev {
    struct pci_device pci;
    struct mem_region mem, io, big;
    uint64_t membar; /* bytes of BAR 2, 0: there is none */
    struct pci_testdev_state {
        struct pci_state pci;
        uint32_t count;
        uint8_t test, pad[3];
    } s;
};

static uint32_t test_offset(unsigned test)
{
    return (tests[test].bar ? IO_BAR : MEM_BAR) / 2 + test;
}

static uint64_t testdev_read(struct device *dev, struct access a)
{
    const struct pci_testdev *d = (struct pci_testdev *)dev;
    uint8_t header[HDR_NAME + 32] = {0};
    if (d->s.test >= TESTS || a.off >= sizeof(header))
        return 0;
    const struct test *t = &tests[d->s.test];
    header[HDR_TEST] = d->s.test;
    header[HDR_WIDTH] = 1;
    st_le32(header + HDR_OFFSET, test_offset(d->s.test));
    st_le32(header + HDR_DATA, t->data);
    st_le32(header + HDR_COUNT, d->s.count);
    memcpy(header + HDR_NAME, t->name, strlen(t->name));
    return header[a.off];
}

/* Tests are numbered from 0 in each BAR. */
static void choose(struct pci_testdev *d, unsigned bar, uint64_t number)
{
    d->s.test = number < TESTS / 2 ? (uint8_t)(bar * (TESTS / 2) + number) : NO_TEST;
    d->s.count = 0;
}

static void write_bar(struct pci_testdev *d, unsigned bar, uint64_t off, uint64_t val)
{
    if (off == HDR_TEST) {
        choose(d, bar, val);
        return;
    }
    if (d->s.test >= TESTS || tests[d->s.test].bar != bar || off != test_offset(d->s.test))
        return;
    d->s.count += tests[d->s.test].any_data || val == tests[d->s.test].data;
}

static void mem_bar_write(struct device *dev, struct access a, uint64_t val)
{
    write_bar((struct pci_testdev *)dev, 0, a.off, val);
}

static void io_bar_write(struct device *dev, struct access a, uint64_t val)
{
    write_bar((struct pci_testdev *)dev, 1, a.off, val);
}

/* BAR 2 only takes up addresses. */
static uint64_t big_read(struct device *dev UNUSED, struct access a UNUSED)
{
    return UINT64_MAX;
}

static void big_write(struct device *dev UNUSED, struct access a UNUSED, uint64_t val UNUSED)
{
}

static bool add_big_bar(struct pci_testdev *d, struct error **errp)
{
    static const struct mmio_ops ops = {.read = big_read, .write = big_write};
    if (d->membar == 0)
        return true;
    if (!is_pow2(d->membar) || d->membar < 16 || d->membar > BIT64(40)) {
        error_set(errp, "membar is %llu, must be a power of two from 16 to 1T",
                  (unsigned long long)d->membar);
        return false;
    }
    region_init_mmio(&d->big, "pci-testdev-membar", &ops, &d->pci.dev);
    d->big.size = d->membar;
    pci_add_bar(&d->pci, 2, PCI_BAR_MEM64_PREF, &d->big);
    return true;
}

static bool testdev_realize(struct device *dev, struct error **errp)
{
    static const struct mmio_ops mem_ops = {
        .read = testdev_read, .write = mem_bar_write, .max = 1, .size = MEM_BAR};
    static const struct mmio_ops io_ops = {
        .read = testdev_read, .write = io_bar_write, .max = 1, .size = IO_BAR};
    static const struct pci_ids ids = {.vendor = 0x1b36,
                                       .device = 0x0005,
                                       .subsystem_vendor = 0x1af4,
                                       .subsystem = 0x1100,
                                       .class_code = 0x00ff00};
    struct pci_testdev *d = (struct pci_testdev *)dev;
    if (!pci_init(&d->pci, &ids, NULL, errp))
        return false;
    region_init_mmio(&d->mem, "pci-testdev-mmio", &mem_ops, dev);
    region_init_mmio(&d->io, "pci-testdev-portio", &io_ops, dev);
    pci_add_bar(&d->pci, 0, PCI_BAR_MEM32, &d->mem);
    pci_add_bar(&d->pci, 1, PCI_BAR_IO, &d->io);
    if (add_big_bar(d, errp))
        return true;
    pci_fini(&d->pci);
    return false;
}

static void testdev_unrealize(struct device *dev)
{
    pci_fini((struct pci_device *)dev);
}

static const struct state_field pci_testdev_state[] = {
    STATE(pci_testdev, pci, 0),
    STATE(pci_testdev, count, 0),
    STATE(pci_testdev, test, NO_TEST),
    STATE_ARRAY(pci_testdev, pad, 0),
    STATE_END,
};

static const struct prop pci_testdev_props[] = {
    PCI_PROPS(pci_testdev),
    PROP(prop_size, pci_testdev, "membar", membar, "0", "size of a memory BAR without anything"),
    PROP_END,
};

DEVICE_CLASS_NAMED(pci_testdev, "pci-testdev") = {
    .desc = "PCI test device",
    .bus = "PCI",
    .user_creatable = true,
    .props = pci_testdev_props,
    .state = pci_testdev_state,
    .realize = testdev_realize,
    .unrealize = testdev_unrealize,
    .reset = pci_reset,
    .sync = pci_sync,
};
