/*
 * A hostile guest on PCI Express: any configuration space, any BAR, rings with anything in them; a
 * root port, a bridge to conventional PCI, virtio functions behind them and on the root bus.
 *
 * Input: a byte of choices, then operations.
 */
#include "core/ram.h"
#include "hw/hotplug.h"
#include "hw/registry.h"
#include "hw/virtio/pci.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/pci_bench.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { MAX_OPS = 300, DATA = 0x40000, BUSES = 4, SLOTS = 4, CARD = 3 };
enum {
    OP_CONFIG,
    OP_CONFIG_BIT,
    OP_BAR,
    OP_WINDOW,
    OP_MEMORY,
    OP_RING,
    OP_LOOP,
    OP_RESET,
    OP_CARD,
    OPS
};

struct rig {
    struct pci_bench *t;
    unsigned n; /* functions, f0 and so on */
};

static struct device *function(struct rig *r, unsigned n)
{
    g_autofree char *id = g_strdup_printf("f%u", n);
    return machine_find_device(r->t->m, id);
}

static void add_as(struct rig *r, const char *id, const char *type, const char *bus,
                   const char *prop)
{
    struct machine *m = r->t->m;
    struct device *dev = device_new(hw_device_find(type), m, id), *inner = NULL;
    if (virtio_pci_inner(dev->type))
        inner = virtio_pci_create_inner(dev);
    if ((prop && inner && !device_set(inner, prop, "on", NULL)) ||
        !hw_bus_plug(m, dev, bus, NULL) || (inner && !device_realize(inner, NULL)) ||
        !device_realize(dev, NULL))
        g_error("%s on %s", type, bus);
}

static void add(struct rig *r, const char *type, const char *bus, const char *prop)
{
    g_autofree char *id = g_strdup_printf("f%u", r->n++);
    add_as(r, id, type, bus, prop);
}

/* Let the guest listen to the button, or each press is a warning. */
static void press_button(struct rig *r, struct device *card)
{
    const struct pci_device *port = (const struct pci_device *)function(r, 0);
    gpa at = config_address(0, 1, 0, port->express_cap + PCIE_SLOT_CONTROL);
    uint64_t v;
    mem_read(&r->t->m->as, at, 2, &v);
    mem_write(&r->t->m->as, at, 2, v | 0x21);
    (void)!hw_hotplug_unplug(card, NULL);
}

/* The user puts a card into the root port's slot, or wants it back. */
static void change_card(struct rig *r, struct fuzz_in *in)
{
    uint64_t how = fuzz_take(in, 1);
    struct machine *m = r->t->m;
    struct device *card = function(r, CARD);
    const char *type = how & 2 ? "virtio-serial-pci" : "virtio-rng-pci";
    m->run_state = how & 1 ? RUN_RUNNING : RUN_PRELAUNCH;
    if (card) {
        press_button(r, card);
    } else if (hw_hotplug_check(m, hw_device_find(type), "f0", NULL)) {
        machine_pause(m);
        add_as(r, "f3", type, "f0", how & 4 ? "packed" : NULL);
        hw_hotplug_added(function(r, CARD));
        machine_resume(m);
    }
}

/* Buses 1 and 2 with windows, BARs of slots 0 to 3 side by side: what firmware would have done. */
static void program(struct rig *r)
{
    struct pci_bench *t = r->t;
    for (unsigned slot = 1; slot <= 2; slot++) {
        cfg_write(t, slot, PCI_PRIMARY_BUS, 4, slot << 16 | slot << 8);
        cfg_write(t, slot, PCI_MEMORY_BASE, 4, (0x4000 + slot * 0x100) * 0x10001U);
        cfg_write(t, slot, PCI_PREF_BASE, 4, 0x00010001 + (slot * 0x100) * 0x10001U);
        cfg_write(t, slot, PCI_PREF_BASE_UPPER, 4, MMIO_HIGH >> 32);
        cfg_write(t, slot, PCI_PREF_LIMIT_UPPER, 4, MMIO_HIGH >> 32);
        cfg_write(t, slot, PCI_IO_BASE, 2, slot * 0x1010);
        cfg_write(t, slot, PCI_COMMAND, 2, 7);
    }
    for (unsigned bus = 0; bus <= 2; bus++)
        for (unsigned slot = bus ? 0 : 3; slot < SLOTS; slot++) {
            gpa c = config_address(bus, slot, 0, 0);
            poke(t, c + PCI_BAR0, 4, bus * 0x1000 + slot * 0x80);
            poke(t, c + PCI_BAR0 + 4, 4, (uint32_t)MMIO + bus * 0x1000000 + slot * 0x1000);
            poke(t, c + PCI_BAR0 + 16, 4, bus * 0x1000000 + slot * 0x4000);
            poke(t, c + PCI_BAR0 + 20, 4, MMIO_HIGH >> 32);
            poke(t, c + PCI_COMMAND, 2, 7);
        }
}

static uint64_t value(struct fuzz_in *in)
{
    uint64_t how = fuzz_take(in, 1);
    switch (how & 7) {
    case 0: return fuzz_take(in, 4);
    case 1: return UINT32_MAX;
    case 2: return BENCH_RAM + DATA + fuzz_take(in, 2);
    case 3: return MMIO + fuzz_take(in, 3);
    case 4: return MMIO_HIGH >> 32;
    default: return how >> 3;
    }
}

static gpa config_place(struct fuzz_in *in)
{
    uint64_t where = fuzz_take(in, 1), off = fuzz_take(in, 1);
    off = where & 0x80 ? 0x100 + 4 * off : off;
    return config_address(where % BUSES, where / BUSES % SLOTS, where >> 6 & 1, (unsigned)off);
}

static void access_at(struct rig *r, struct fuzz_in *in, gpa addr)
{
    uint64_t how = fuzz_take(in, 1), v;
    unsigned size = 1U << (how & 3);
    if (how & 4)
        mem_read(&r->t->m->as, addr, size, &v);
    else
        mem_write(&r->t->m->as, addr, size, value(in));
}

static gpa bar_place(struct fuzz_in *in)
{
    uint64_t which = fuzz_take(in, 1), off = fuzz_take(in, 2), bus = which % 3;
    switch (which >> 4 & 3) {
    case 0: return IO + bus * 0x1000 + (off & 0x3ff);
    case 1: return MMIO + bus * 0x1000000 + (off & 0x3fff);
    default: return MMIO_HIGH + bus * 0x1000000 + (which >> 2 & 3) * 0x4000 + (off & 0x3fff);
    }
}

static void put_bytes(struct rig *r, struct fuzz_in *in)
{
    uint64_t off = fuzz_take(in, 2), n = fuzz_take(in, 1) % 32;
    uint8_t *base = r->t->b->ram->host + DATA;
    for (uint64_t i = 0; i < n; i++)
        base[off + i] = (uint8_t)fuzz_take(in, 1);
}

/* A descriptor, an entry of the available ring and a notification for a virtio function. */
static void put_ring(struct rig *r, struct fuzz_in *in)
{
    uint64_t how = fuzz_take(in, 1);
    uint8_t *d = r->t->b->ram->host + DATA + (how & 7) * 16;
    st_le64(d, BENCH_RAM + DATA + fuzz_take(in, 2));
    st_le32(d + 8, (uint32_t)fuzz_take(in, 1));
    st_le16(d + 12, (uint16_t)fuzz_take(in, 2));
    st_le16(d + 14, (uint16_t)fuzz_take(in, 2));
    gpa notify = MMIO_HIGH + (how >> 6) % 3 * 0x1000000 + (how >> 3 & 3) * 0x4000 + 0x3000;
    mem_write(&r->t->m->as, notify, 2, how & 1);
}

static void save_and_load(struct device *dev)
{
    const struct device_class *cls = dev->type->cls;
    g_autofree uint8_t *buf = g_malloc(state_size(cls->state));
    mutex_lock(&dev->lock);
    state_save(cls->state, dev, buf);
    state_load(cls->state, dev, buf);
    cls->sync(dev);
    mutex_unlock(&dev->lock);
}

static void reset_one(struct rig *r, struct fuzz_in *in)
{
    uint64_t v = fuzz_take(in, 1);
    struct device *dev = function(r, v % r->n);
    if (dev == NULL) /* the card is out */
        return;
    if (v & 0x80)
        device_reset(dev);
    else
        save_and_load(dev);
}

static void step(struct rig *r, struct fuzz_in *in)
{
    switch (fuzz_take(in, 1) % OPS) {
    case OP_CONFIG: access_at(r, in, config_place(in)); break;
    case OP_CONFIG_BIT: {
        gpa at = config_place(in) & ~UINT64_C(3);
        poke(r->t, at, 4, peek(r->t, at, 4) ^ 1U << fuzz_take(in, 1) % 32);
        break;
    }
    case OP_BAR: access_at(r, in, bar_place(in)); break;
    case OP_WINDOW: access_at(r, in, MMIO + fuzz_take(in, 4) % (MMIO_SIZE - 8)); break;
    case OP_MEMORY: put_bytes(r, in); break;
    case OP_RING: put_ring(r, in); break;
    case OP_LOOP: g_main_context_iteration(NULL, FALSE); break;
    case OP_CARD: change_card(r, in); break;
    default: reset_one(r, in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_in in = {data, len};
    uint64_t how = fuzz_take(&in, 1);
    struct rig r = {.t = pci_bench_new(hw_device_find("gpex-pcihost"))};
    add(&r, "pcie-root-port", NULL, NULL);
    add(&r, "pcie-pci-bridge", NULL, NULL);
    add(&r, "virtio-rng-pci", NULL, how & 1 ? "packed" : NULL);
    add(&r, how & 2 ? "virtio-serial-pci" : "virtio-rng-pci", "f0", how & 4 ? "packed" : NULL);
    add(&r, "virtio-rng-pci-transitional", "f1", NULL);
    add(&r, "pci-bridge", "f1", NULL);
    if (how & 8)
        program(&r);
    poke(r.t, BENCH_RAM, 4, 0x600d);
    for (unsigned n = 0; in.left && n < MAX_OPS; n++)
        step(&r, &in);
    while (g_main_context_iteration(NULL, FALSE))
        continue;
    for (struct device *dev = r.t->m->devices; dev; dev = dev->next)
        device_reset(dev);
    for (unsigned i = 0; i < ECAM_INTX_LINES; i++)
        if (r.t->irq[i])
            g_error("line %u is high after a reset", i);
    pci_bench_free(r.t);
    return 0;
}

/* A virtio function set up by its common registers, and changes. */
size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    static const uint8_t feature[] = {
        OP_BAR, 0x2c, 0x14,   0,    0,    0x18,       /* status 3 */
        OP_BAR, 0x2c, 0x08,   0,    2,    0x0d,       /* features word 1 */
        OP_BAR, 0x2c, 0x0c,   0,    2,    0x0d,       /* version 1 */
        OP_BAR, 0x2c, 0x14,   0,    0,    0x5d,       /* status 11 */
        OP_BAR, 0x2c, 0x20,   0,    2,    0x02, 0, 0, /* queue at DATA */
        OP_BAR, 0x2c, 0x28,   0,    2,    0x02, 0, 1,    OP_BAR, 0x2c, 0x30, 0, 2, 0x02,
        0,      2,    OP_BAR, 0x2c, 0x1c, 0,    1, 0x0d, OP_BAR, 0x2c, 0x14, 0, 0, 0x7d,
    };
    GRand *rng = g_rand_new_with_seed((guint32)random);
    size_t n = 1;
    buf[0] = (uint8_t)(random | 8);
    if (random >> 62) {
        memcpy(buf + n, feature, sizeof(feature));
        n += sizeof(feature);
    }
    for (unsigned i = 64 + g_rand_int(rng) % 1024; i; i--)
        buf[n++] = (uint8_t)g_rand_int(rng);
    g_rand_free(rng);
    return n;
}
