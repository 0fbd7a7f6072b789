/* A PCI hierarchy without a board: host bridge, RAM for DMA, and configuration accesses. */
#ifndef TESTS_UNIT_PCI_BENCH_H
#define TESTS_UNIT_PCI_BENCH_H

#include "hw/pci/host_ecam.h"
#include "hw/pci/pci.h"
#include "tests/unit/bench.h"

#include <glib.h>

static const gpa ECAM = 0x30000000, MMIO = 0x40000000, MMIO_HIGH = 0x400000000, IO = 0x3000000;
enum { MMIO_SIZE = 0x40000000, IO_SIZE = 0x10000 };

struct pci_bench {
    struct bench *b;
    struct machine *m;
    struct device *host;
    bool irq[ECAM_INTX_LINES];
};

static void pci_bench_irq(void *opaque, unsigned n, bool level)
{
    ((struct pci_bench *)opaque)->irq[n] = level;
}

static inline struct pci_bench *pci_bench_new(const struct device_type *host_type)
{
    struct pci_bench *t = g_new0(struct pci_bench, 1);
    t->b = bench_new_empty();
    t->m = t->b->m;
    t->host = device_new(host_type, t->m, "host");
    ecam_set_windows(
        t->host, &(struct ecam_windows){IO, IO_SIZE, {MMIO, MMIO_SIZE}, {MMIO_HIGH, 1ULL << 34}});
    for (unsigned i = 0; i < ECAM_INTX_LINES; i++)
        irq_connect(ecam_irq(t->host, i), pci_bench_irq, t, i);
    g_assert_true(device_realize(t->host, NULL));
    region_add(&t->m->root, ECAM, &t->host->mmio, 0);
    address_space_update(&t->m->as);
    return t;
}

static inline void pci_bench_free(struct pci_bench *t)
{
    bench_free(t->b);
    g_free(t);
}

/* Plug and realize; the device, or NULL with the error in *errp. */
static inline struct device *pci_bench_add(struct pci_bench *t, const struct device_type *type,
                                           const char *id, const char *bus, const char *addr,
                                           struct error **errp)
{
    struct device *dev = device_new(type, t->m, id);
    if ((!addr || device_set(dev, "addr", addr, errp)) && hw_bus_plug(t->m, dev, bus, errp) &&
        device_realize(dev, errp))
        return dev;
    hw_bus_unplug(dev);
    device_free(dev);
    return NULL;
}

static inline uint32_t peek(struct pci_bench *t, gpa addr, unsigned size)
{
    uint64_t v;
    g_assert_cmpint(mem_read(&t->m->as, addr, size, &v), ==, MEM_OK);
    return (uint32_t)v;
}

static inline void poke(struct pci_bench *t, gpa addr, unsigned size, uint32_t v)
{
    g_assert_cmpint(mem_write(&t->m->as, addr, size, v), ==, MEM_OK);
}

static inline gpa config_address(unsigned bus, unsigned slot, unsigned fn, unsigned off)
{
    return ECAM + ((gpa)bus << 20) + (slot << 15) + (fn << 12) + off;
}

static inline uint32_t cfg_read(struct pci_bench *t, unsigned slot, unsigned off, unsigned size)
{
    return peek(t, config_address(0, slot, 0, off), size);
}

static inline void cfg_write(struct pci_bench *t, unsigned slot, unsigned off, unsigned size,
                             uint32_t v)
{
    poke(t, config_address(0, slot, 0, off), size, v);
}

/* The offset of a capability of the function at base, or 0. */
static inline unsigned cfg_find_cap(struct pci_bench *t, gpa base, uint8_t id)
{
    unsigned left = 48;
    for (unsigned at = peek(t, base + PCI_CAPABILITIES, 1); at && left--;
         at = peek(t, base + at + 1, 1))
        if (peek(t, base + at, 1) == id)
            return at;
    return 0;
}

#endif
