/* PCI: configuration space, BARs, interrupts and DMA of functions, by a guest's accesses. */
#include "hw/registry.h"
#include "tests/unit/pci_bench.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>

enum { BAR_SIZE = 0x4000, IO_BAR_SIZE = 0x20, VECTORS = 4, SLOT = 3 };
enum { DECODE = PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER };

struct probe {
    struct pci_device pci;
    struct mem_region mem, msix, high;
    struct mem_region io;
    struct probe_state {
        struct pci_state pci;
        uint64_t last; /* written to its registers */
    } s;
};

static uint64_t probe_read(struct device *dev UNUSED, struct access a)
{
    return 0x1000 + a.off;
}

static void probe_write(struct device *dev, struct access a UNUSED, uint64_t val)
{
    ((struct probe *)dev)->s.last = val;
}

static const struct mmio_ops probe_ops = {probe_read, probe_write, .size = BAR_SIZE};
static const struct mmio_ops probe_io_ops = {probe_read, probe_write, .size = IO_BAR_SIZE};

static bool probe_realize(struct device *dev, struct error **errp)
{
    struct probe *d = (struct probe *)dev;
    static const struct pci_ids ids = {0x1234, 0x5678, 0x9abc, 0xdef0, 0xff0000, 7, 1};
    if (!pci_init(&d->pci, &ids, NULL, errp))
        return false;
    region_init_mmio(&d->mem, "probe-mem", &probe_ops, dev);
    region_init_mmio(&d->high, "probe-high", &probe_ops, dev);
    region_init_mmio(&d->io, "probe-io", &probe_io_ops, dev);
    pci_add_bar(&d->pci, 0, PCI_BAR_MEM32, &d->mem);
    pci_add_bar(&d->pci, 1, PCI_BAR_IO, &d->io);
    pci_add_bar(&d->pci, 2, PCI_BAR_MEM64_PREF, &d->high);
    pci_add_msix_bar(&d->pci, VECTORS, 4);
    pci_add_msi(&d->pci, VECTORS);
    pci_add_pm(&d->pci);
    pci_add_express(&d->pci);
    return true;
}

static void probe_unrealize(struct device *dev)
{
    pci_fini((struct pci_device *)dev);
}

static const struct state_field probe_state[] = {
    STATE(probe, pci, 0),
    STATE(probe, last, 0),
    STATE_END,
};

static const struct prop probe_props[] = {
    PCI_PROPS(probe),
    PROP_END,
};

DEVICE_CLASS(probe) = {
    .desc = "what the tests look at",
    .bus = "PCI",
    .user_creatable = true,
    .props = probe_props,
    .state = probe_state,
    .realize = probe_realize,
    .unrealize = probe_unrealize,
    .reset = pci_reset,
    .sync = pci_sync,
};

static struct pci_bench *setup(struct probe **d)
{
    struct pci_bench *t = pci_bench_new(hw_device_find("gpex-pcihost"));
    *d = (struct probe *)pci_bench_add(t, &probe_type, "probe", NULL, "03.0", NULL);
    g_assert_nonnull(*d);
    return t;
}

static void enable(struct pci_bench *t)
{
    cfg_write(t, SLOT, PCI_BAR0, 4, (uint32_t)MMIO + 0x100000);
    cfg_write(t, SLOT, PCI_BAR0 + 4, 4, 0x1000);
    cfg_write(t, SLOT, PCI_BAR0 + 8, 4, 0);
    cfg_write(t, SLOT, PCI_BAR0 + 12, 4, MMIO_HIGH >> 32);
    cfg_write(t, SLOT, PCI_BAR0 + 16, 4, (uint32_t)MMIO + 0x200000);
    cfg_write(t, SLOT, PCI_COMMAND, 2, DECODE);
}

static void test_header_shows_the_ids(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    g_assert_cmphex(cfg_read(t, SLOT, 0, 4), ==, 0x56781234);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_REVISION, 4), ==, 0xff000007);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_SUBSYSTEM_VENDOR, 4), ==, 0xdef09abc);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_INTERRUPT_PIN, 1), ==, 1);
    cfg_write(t, SLOT, 0, 4, 0);
    g_assert_cmphex(cfg_read(t, SLOT, 0, 4), ==, 0x56781234);
    pci_bench_free(t);
}

static void test_absent_functions_read_as_ones(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    g_assert_cmphex(cfg_read(t, 4, 0, 4), ==, UINT32_MAX);
    g_assert_cmphex(cfg_read(t, 4, 2, 2), ==, 0xffff);
    g_assert_cmphex(peek(t, config_address(9, 0, 0, 0), 4), ==, UINT32_MAX);
    g_assert_cmphex(peek(t, config_address(0, SLOT, 1, 0), 4), ==, UINT32_MAX);
    poke(t, config_address(9, 0, 0, 4), 4, 7);
    g_assert_cmphex(peek(t, MMIO + 0x1234, 4), ==, UINT32_MAX); /* no BAR is there */
    poke(t, MMIO + 0x1234, 4, 1);
    pci_bench_free(t);
}

static void test_bars_tell_their_size(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    for (unsigned i = 0; i < 6; i++)
        cfg_write(t, SLOT, PCI_BAR0 + 4 * i, 4, UINT32_MAX);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_BAR0, 4), ==, (uint32_t)-BAR_SIZE);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_BAR0 + 4, 4), ==, (uint32_t)-IO_BAR_SIZE | 1);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_BAR0 + 8, 4), ==, (uint32_t)-BAR_SIZE | 0xc);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_BAR0 + 12, 4), ==, UINT32_MAX);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_BAR0 + 16, 4), ==, (uint32_t)-4096);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_BAR0 + 20, 4), ==, 0);
    pci_bench_free(t);
}

static void test_bars_follow_their_registers(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    enable(t);
    g_assert_cmphex(peek(t, MMIO + 0x100008, 4), ==, 0x1008);
    g_assert_cmphex(peek(t, IO + 0x1004, 1), ==, 0x04);
    g_assert_cmphex(peek(t, MMIO_HIGH + 0x20, 4), ==, 0x1020);
    poke(t, MMIO_HIGH, 4, 77);
    g_assert_cmpuint(d->s.last, ==, 77);
    cfg_write(t, SLOT, PCI_BAR0, 4, (uint32_t)MMIO + 0x500000);
    g_assert_cmphex(peek(t, MMIO + 0x100008, 4), ==, UINT32_MAX);
    g_assert_cmphex(peek(t, MMIO + 0x500008, 4), ==, 0x1008);
    cfg_write(t, SLOT, PCI_COMMAND, 2, PCI_COMMAND_IO);
    g_assert_cmphex(peek(t, MMIO + 0x500008, 4), ==, UINT32_MAX);
    g_assert_cmphex(peek(t, IO + 0x1004, 1), ==, 0x04);
    pci_bench_free(t);
}

/* A BAR outside of the windows must not cover RAM. */
static void test_bars_stay_in_the_windows(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    enable(t);
    poke(t, BENCH_RAM, 4, 0x55aa);
    cfg_write(t, SLOT, PCI_BAR0, 4, (uint32_t)BENCH_RAM);
    g_assert_cmphex(peek(t, BENCH_RAM, 4), ==, 0x55aa);
    cfg_write(t, SLOT, PCI_BAR0 + 12, 4, UINT32_MAX);
    cfg_write(t, SLOT, PCI_BAR0 + 8, 4, UINT32_MAX);
    g_assert_cmphex(peek(t, BENCH_RAM, 4), ==, 0x55aa);
    pci_bench_free(t);
}

static void test_d3_stops_decoding(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    enable(t);
    unsigned pm = cfg_find_cap(t, config_address(0, SLOT, 0, 0), PCI_CAP_PM);
    cfg_write(t, SLOT, pm + PCI_PM_CONTROL, 2, 3);
    g_assert_cmphex(peek(t, MMIO + 0x100008, 4), ==, UINT32_MAX);
    g_assert_false(pci_is_master(&d->pci));
    cfg_write(t, SLOT, pm + PCI_PM_CONTROL, 2, 0);
    g_assert_cmphex(peek(t, MMIO + 0x100008, 4), ==, 0x1008);
    pci_bench_free(t);
}

static void test_intx_is_level_shared_and_rotated(void)
{
    struct probe *d, *other;
    struct pci_bench *t = setup(&d);
    other = (struct probe *)pci_bench_add(t, &probe_type, "other", NULL, "07", NULL);
    pci_set_irq(&d->pci, true);
    pci_set_irq(&other->pci, true);
    g_assert_true(t->irq[3] && !t->irq[0] && !t->irq[1] && !t->irq[2]);
    g_assert_true(cfg_read(t, SLOT, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
    pci_set_irq(&d->pci, false);
    g_assert_true(t->irq[3]); /* the other one still drives it */
    cfg_write(t, 7, PCI_COMMAND, 2, PCI_COMMAND_INTX_DISABLE);
    g_assert_false(t->irq[3]);
    g_assert_true(cfg_read(t, 7, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT);
    cfg_write(t, 7, PCI_COMMAND, 2, 0);
    g_assert_true(t->irq[3]);
    device_reset(&other->pci.dev);
    g_assert_false(t->irq[3]);
    pci_bench_free(t);
}

static void put_msix_entry(struct pci_bench *t, unsigned n, gpa addr, uint32_t data, bool masked)
{
    gpa table = MMIO + 0x200000 + 16 * n;
    poke(t, table, 4, (uint32_t)addr);
    poke(t, table + 4, 4, (uint32_t)(addr >> 32));
    poke(t, table + 8, 4, data);
    poke(t, table + 12, 4, masked);
}

static void test_msix_writes_its_message_and_keeps_masked_ones(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    gpa pba = MMIO + 0x200000 + 2048;
    enable(t);
    unsigned cap = cfg_find_cap(t, config_address(0, SLOT, 0, 0), PCI_CAP_MSIX);
    g_assert_cmphex(peek(t, MMIO + 0x20000c, 4), ==, 1); /* masked after reset */
    put_msix_entry(t, 1, BENCH_RAM + 64, 0xabcd, false);
    g_assert_false(pci_notify(&d->pci, 1));
    cfg_write(t, SLOT, cap + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
    g_assert_true(pci_notify(&d->pci, 1));
    g_assert_cmphex(peek(t, BENCH_RAM + 64, 4), ==, 0xabcd);
    put_msix_entry(t, 2, BENCH_RAM + 68, 0x1234, true);
    g_assert_true(pci_notify(&d->pci, 2) && pci_notify(&d->pci, 99));
    g_assert_cmphex(peek(t, BENCH_RAM + 68, 4), ==, 0);
    g_assert_cmphex(peek(t, pba, 4), ==, 1 << 2);
    poke(t, MMIO + 0x20002c, 4, 0);
    g_assert_cmphex(peek(t, BENCH_RAM + 68, 4), ==, 0x1234);
    g_assert_cmphex(peek(t, pba, 4), ==, 0);
    poke(t, BENCH_RAM + 64, 4, 0);
    cfg_write(t, SLOT, cap + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE | PCI_MSIX_MASK_ALL);
    g_assert_true(pci_notify(&d->pci, 1));
    g_assert_cmphex(peek(t, BENCH_RAM + 64, 4), ==, 0);
    cfg_write(t, SLOT, cap + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
    g_assert_cmphex(peek(t, BENCH_RAM + 64, 4), ==, 0xabcd);
    pci_bench_free(t);
}

static void test_msix_replaces_intx(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    enable(t);
    unsigned cap = cfg_find_cap(t, config_address(0, SLOT, 0, 0), PCI_CAP_MSIX);
    pci_set_irq(&d->pci, true);
    g_assert_true(t->irq[3]);
    cfg_write(t, SLOT, cap + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
    g_assert_false(t->irq[3]);
    pci_bench_free(t);
}

static void test_msi_uses_the_vectors_it_was_given(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    enable(t);
    unsigned cap = cfg_find_cap(t, config_address(0, SLOT, 0, 0), PCI_CAP_MSI);
    cfg_write(t, SLOT, cap + PCI_MSI_ADDRESS, 4, (uint32_t)BENCH_RAM + 128);
    cfg_write(t, SLOT, cap + PCI_MSI_DATA, 2, 0x40);
    cfg_write(t, SLOT, cap + PCI_MSI_CONTROL, 2, PCI_MSI_ENABLE | 1 << 4); /* two vectors */
    g_assert_true(pci_notify(&d->pci, 3));
    g_assert_cmphex(peek(t, BENCH_RAM + 128, 4), ==, 0x41);
    cfg_write(t, SLOT, cap + PCI_MSI_MASK, 4, 1);
    g_assert_true(pci_notify(&d->pci, 0));
    g_assert_cmphex(cfg_read(t, SLOT, cap + PCI_MSI_PENDING, 4), ==, 1);
    cfg_write(t, SLOT, cap + PCI_MSI_MASK, 4, 0);
    g_assert_cmphex(peek(t, BENCH_RAM + 128, 4), ==, 0x40);
    g_assert_cmphex(cfg_read(t, SLOT, cap + PCI_MSI_PENDING, 4), ==, 0);
    pci_bench_free(t);
}

static void test_dma_needs_the_bus_master_bit(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    uint32_t v = 0x11223344;
    uint64_t n = 4;
    g_assert_false(pci_dma_write(&d->pci, BENCH_RAM, &v, 4));
    g_assert_null(pci_dma_map(&d->pci, BENCH_RAM, &n, true, NULL, NULL));
    g_assert_cmphex(peek(t, BENCH_RAM, 4), ==, 0);
    cfg_write(t, SLOT, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
    g_assert_true(pci_dma_write(&d->pci, BENCH_RAM, &v, 4));
    g_assert_cmphex(peek(t, BENCH_RAM, 4), ==, v);
    g_assert_nonnull(pci_dma_map(&d->pci, BENCH_RAM, &n, true, NULL, NULL));
    pci_bench_free(t);
}

static void test_function_reset_restores_the_function(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    enable(t);
    poke(t, MMIO_HIGH, 4, 77);
    unsigned cap = cfg_find_cap(t, config_address(0, SLOT, 0, 0), PCI_CAP_EXPRESS);
    cfg_write(t, SLOT, cap + PCIE_DEVICE_CONTROL, 2, PCIE_DEVICE_CONTROL_FLR);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_COMMAND, 2), ==, 0);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_BAR0, 4), ==, 0);
    g_assert_cmpuint(d->s.last, ==, 0);
    g_assert_cmphex(peek(t, MMIO + 0x100008, 4), ==, UINT32_MAX);
    pci_bench_free(t);
}

static void test_rom_shows_when_it_is_enabled(void)
{
    struct pci_bench *t = pci_bench_new(hw_device_find("gpex-pcihost"));
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("rom-XXXXXX", &path, NULL);
    g_assert_cmpint(write(fd, "\x55\xaa", 2), ==, 2);
    close(fd);
    struct device *dev = device_new(&probe_type, t->m, "probe");
    g_assert_true(device_set(dev, "addr", "3", NULL) && device_set(dev, "romfile", path, NULL) &&
                  hw_bus_plug(t->m, dev, NULL, NULL) && device_realize(dev, NULL));
    unlink(path);
    cfg_write(t, SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    cfg_write(t, SLOT, PCI_ROM, 4, UINT32_MAX);
    g_assert_cmphex(cfg_read(t, SLOT, PCI_ROM, 4), ==, (uint32_t)-4096 | 1);
    cfg_write(t, SLOT, PCI_ROM, 4, (uint32_t)MMIO + 0x800000);
    g_assert_cmphex(peek(t, MMIO + 0x800000, 2), ==, 0xffff);
    cfg_write(t, SLOT, PCI_ROM, 4, (uint32_t)MMIO + 0x800001);
    g_assert_cmphex(peek(t, MMIO + 0x800000, 2), ==, 0xaa55);
    pci_bench_free(t);
}

enum { RP = 1 };

/* A root port at slot 1 with buses 1 to 2, a probe behind it, and windows of 1 MiB. */
static struct pci_bench *setup_port(struct probe **d, const char *kind, const char *addr)
{
    struct pci_bench *t = pci_bench_new(hw_device_find("gpex-pcihost"));
    g_assert_nonnull(pci_bench_add(t, hw_device_find(kind), "rp", NULL, "1", NULL));
    *d = (struct probe *)pci_bench_add(t, &probe_type, "probe", "rp", addr, NULL);
    g_assert_nonnull(*d);
    cfg_write(t, RP, PCI_PRIMARY_BUS, 4, 0x00020100);
    cfg_write(t, RP, PCI_MEMORY_BASE, 4, 0x41004100);
    cfg_write(t, RP, PCI_PREF_BASE, 4, 0x00010001);
    cfg_write(t, RP, PCI_PREF_BASE_UPPER, 4, MMIO_HIGH >> 32);
    cfg_write(t, RP, PCI_PREF_LIMIT_UPPER, 4, MMIO_HIGH >> 32);
    cfg_write(t, RP, PCI_IO_BASE, 2, 0x1010);
    cfg_write(t, RP, PCI_COMMAND, 2, DECODE);
    return t;
}

static void enable_behind(struct pci_bench *t, unsigned slot)
{
    poke(t, config_address(1, slot, 0, PCI_BAR0), 4, 0x41000000);
    poke(t, config_address(1, slot, 0, PCI_BAR0 + 4), 4, 0x1040);
    poke(t, config_address(1, slot, 0, PCI_BAR0 + 8), 4, 0x4000);
    poke(t, config_address(1, slot, 0, PCI_BAR0 + 12), 4, MMIO_HIGH >> 32);
    poke(t, config_address(1, slot, 0, PCI_BAR0 + 16), 4, 0x41010000);
    poke(t, config_address(1, slot, 0, PCI_COMMAND), 2, DECODE);
}

static void test_root_port_forwards_its_windows(void)
{
    struct probe *d;
    struct pci_bench *t = setup_port(&d, "pcie-root-port", NULL);
    g_assert_cmphex(peek(t, config_address(1, 0, 0, 0), 4), ==, 0x56781234);
    g_assert_cmphex(peek(t, config_address(1, 1, 0, 0), 4), ==,
                    UINT32_MAX); /* a link has one slot */
    g_assert_cmphex(peek(t, config_address(2, 0, 0, 0), 4), ==, UINT32_MAX);
    enable_behind(t, 0);
    g_assert_cmphex(peek(t, 0x41000008, 4), ==, 0x1008);
    g_assert_cmphex(peek(t, IO + 0x1044, 1), ==, 0x04);
    g_assert_cmphex(peek(t, MMIO_HIGH + 0x4020, 4), ==, 0x1020);
    cfg_write(t, RP, PCI_MEMORY_BASE, 4, 0x42004200); /* the window moves away */
    g_assert_cmphex(peek(t, 0x41000008, 4), ==, UINT32_MAX);
    cfg_write(t, RP, PCI_MEMORY_BASE, 4, 0x41004100);
    g_assert_cmphex(peek(t, 0x41000008, 4), ==, 0x1008);
    cfg_write(t, RP, PCI_COMMAND, 2, PCI_COMMAND_IO);
    g_assert_cmphex(peek(t, 0x41000008, 4), ==, UINT32_MAX);
    g_assert_cmphex(peek(t, IO + 0x1044, 1), ==, 0x04);
    g_assert_false(pci_is_master(&d->pci));
    pci_bench_free(t);
}

static void test_renumbered_buses_are_found(void)
{
    struct probe *d;
    struct pci_bench *t = setup_port(&d, "pcie-root-port", NULL);
    cfg_write(t, RP, PCI_PRIMARY_BUS, 4, 0x00090800);
    g_assert_cmphex(peek(t, config_address(1, 0, 0, 0), 4), ==, UINT32_MAX);
    g_assert_cmphex(peek(t, config_address(8, 0, 0, 0), 4), ==, 0x56781234);
    cfg_write(t, RP, PCI_PRIMARY_BUS, 4, 0x00000100); /* subordinate below secondary */
    g_assert_cmphex(peek(t, config_address(1, 0, 0, 0), 4), ==, UINT32_MAX);
    pci_bench_free(t);
}

/* INTA of slot 2 behind a bridge in slot 1 comes as pin (0 + 2 + 1) % 4. */
static void test_interrupts_turn_at_each_bridge(void)
{
    struct probe *d;
    struct pci_bench *t = setup_port(&d, "pcie-pci-bridge", "2");
    pci_set_irq(&d->pci, true);
    g_assert_true(t->irq[3] && !t->irq[1] && !t->irq[2]);
    pci_set_irq(&d->pci, false);
    g_assert_false(t->irq[3]);
    pci_bench_free(t);
}

struct message {
    uint32_t requester, data;
    gpa addr;
    bool wanted;
};

static bool on_message(void *opaque, uint32_t requester, gpa addr, uint32_t data)
{
    struct message *m = opaque;
    m->requester = requester;
    m->addr = addr;
    m->data = data;
    return m->wanted;
}

/* Send a message of a function through its MSI capability; what the host bridge was told. */
static struct message send_message(struct pci_bench *t, struct probe *d, gpa at, bool wanted)
{
    struct message m = {.wanted = wanted};
    unsigned cap = cfg_find_cap(t, at, PCI_CAP_MSI);
    ecam_set_message_handler(t->host, on_message, &m);
    poke(t, at + PCI_COMMAND, 2, DECODE);
    poke(t, at + cap + PCI_MSI_ADDRESS, 4, (uint32_t)BENCH_RAM + 256);
    poke(t, at + cap + PCI_MSI_DATA, 2, 0x77);
    poke(t, at + cap + PCI_MSI_CONTROL, 2, PCI_MSI_ENABLE);
    g_assert_true(pci_notify(&d->pci, 0));
    ecam_set_message_handler(t->host, NULL, NULL);
    return m;
}

static void test_messages_tell_who_sends_them(void)
{
    static const struct {
        const char *bridge;
        unsigned bus, slot, requester;
    } rows[] = {
        {"pcie-root-port", 1, 0, 0x100},
        {"pcie-pci-bridge", 1, 2, 0x100}, /* the bridge speaks for what is behind it */
        {"pci-bridge", 1, 2, RP << 3},
    };
    struct probe *d;
    struct pci_bench *t = setup(&d);
    struct message m = send_message(t, d, config_address(0, SLOT, 0, 0), true);
    g_assert_cmphex(m.requester, ==, SLOT << 3);
    g_assert_cmphex(m.addr, ==, BENCH_RAM + 256);
    g_assert_cmphex(m.data, ==, 0x77);
    g_assert_cmphex(peek(t, BENCH_RAM + 256, 4), ==, 0);
    send_message(t, d, config_address(0, SLOT, 0, 0), false);
    g_assert_cmphex(peek(t, BENCH_RAM + 256, 4), ==, 0x77);
    pci_bench_free(t);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        t = setup_port(&d, rows[i].bridge, rows[i].slot ? "2" : NULL);
        cfg_write(t, RP, PCI_COMMAND, 2, DECODE);
        m = send_message(t, d, config_address(rows[i].bus, rows[i].slot, 0, 0), true);
        g_assert_cmphex(m.requester, ==, rows[i].requester);
        pci_bench_free(t);
    }
}

static void test_conventional_buses_have_no_express(void)
{
    struct probe *d;
    struct pci_bench *t = setup_port(&d, "pcie-pci-bridge", "2");
    gpa at = config_address(1, 2, 0, 0);
    g_assert_cmpuint(cfg_find_cap(t, at, PCI_CAP_EXPRESS), ==, 0);
    g_assert_cmpuint(cfg_find_cap(t, at, PCI_CAP_MSIX), !=, 0);
    g_assert_cmphex(peek(t, at + 0x100, 4), ==, 0);
    pci_bench_free(t);
}

static void test_secondary_reset_reaches_what_is_behind(void)
{
    struct probe *d;
    struct pci_bench *t = setup_port(&d, "pcie-root-port", NULL);
    enable_behind(t, 0);
    pci_set_irq(&d->pci, true);
    cfg_write(t, RP, PCI_BRIDGE_CONTROL, 2, PCI_BRIDGE_CONTROL_RESET);
    g_assert_cmphex(peek(t, config_address(1, 0, 0, PCI_COMMAND), 2), ==, 0);
    g_assert_cmphex(peek(t, 0x41000008, 4), ==, UINT32_MAX);
    g_assert_false(t->irq[1]);
    g_assert_cmphex(cfg_read(t, RP, PCI_SECONDARY_BUS, 1), ==, 1); /* the bridge keeps its own */
    pci_bench_free(t);
}

static void test_slot_shows_what_is_in_it(void)
{
    struct probe *d;
    struct pci_bench *t = setup_port(&d, "pcie-root-port", NULL);
    g_assert_nonnull(pci_bench_add(t, hw_device_find("pcie-root-port"), "empty", NULL, "2", NULL));
    unsigned cap = cfg_find_cap(t, config_address(0, RP, 0, 0), PCI_CAP_EXPRESS);
    g_assert_cmphex(cfg_read(t, RP, cap + PCIE_SLOT_STATUS, 2) & 0x40, ==, 0x40);
    g_assert_cmphex(cfg_read(t, 2, cap + PCIE_SLOT_STATUS, 2) & 0x40, ==, 0);
    pci_bench_free(t);
}

static void test_fabric_has_an_order(void)
{
    static const struct {
        const char *type, *bus, *text;
    } rows[] = {
        {"pcie-root-port", "rp", "belongs on the root bus"},
        {"x3130-upstream", NULL, "belongs below a root port"},
        {"xio3130-downstream", NULL, "belongs on an x3130-upstream"},
        {"pcie-pci-bridge", "conv", "needs a PCI Express bus"},
    };
    struct pci_bench *t = pci_bench_new(hw_device_find("gpex-pcihost"));
    g_assert_nonnull(pci_bench_add(t, hw_device_find("pcie-root-port"), "rp", NULL, NULL, NULL));
    g_assert_nonnull(pci_bench_add(t, hw_device_find("pci-bridge"), "conv", NULL, NULL, NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct error *err = NULL;
        g_assert_null(pci_bench_add(t, hw_device_find(rows[i].type), "x", rows[i].bus, NULL, &err));
        g_assert_nonnull(strstr(error_text(err), rows[i].text));
        error_free(err);
    }
    pci_bench_free(t);
}

static void test_tree_is_printed(void)
{
    struct probe *d;
    struct pci_bench *t = setup_port(&d, "pcie-root-port", NULL);
    char text[4096] = "";
    FILE *f = fmemopen(text, sizeof(text) - 1, "w");
    enable_behind(t, 0);
    pci_print(t->m, f);
    fclose(f);
    g_assert_nonnull(
        strstr(text, "  Bus  0, device   1, function 0:\n    PCI bridge: PCI device 1b36:000c\n"));
    g_assert_nonnull(strstr(text, "      secondary bus 1.\n      subordinate bus 2.\n"));
    g_assert_nonnull(strstr(text, "      memory range [0x41000000, 0x410fffff]\n"));
    g_assert_nonnull(strstr(text, "  Bus  1, device   0, function 0:\n"));
    g_assert_nonnull(strstr(text, "      BAR0: 32 bit memory at 0x41000000 [0x41003fff].\n"));
    g_assert_nonnull(strstr(text, "      id \"probe\"\n"));
    pci_bench_free(t);
}

/* Windows, bus numbers, commands of a bridge and of what is behind it, in any order. */
static void test_hostile_bridges_are_harmless(void)
{
    struct probe *d;
    struct pci_bench *t = setup_port(&d, "pcie-root-port", NULL);
    g_assert_nonnull(pci_bench_add(t, hw_device_find("pci-bridge"), "b", NULL, "2", NULL));
    g_assert_nonnull(pci_bench_add(t, &probe_type, "q", "b", "9", NULL));
    poke(t, BENCH_RAM + 4096, 4, 0x600d);
    for (unsigned i = 0; i < 50000; i++) {
        unsigned size = 1U << g_test_rand_int_range(0, 3), bus = i % 5;
        unsigned off = (unsigned)g_test_rand_int_range(0, i % 4 ? 64 : 4096) & ~(size - 1);
        unsigned slot = (unsigned)g_test_rand_int_range(0, 10);
        uint32_t v = i % 3 ? (uint32_t)g_test_rand_int() : i % 4;
        poke(t, config_address(bus, slot, 0, off), size, v);
        peek(t, config_address(bus, slot, 0, off), size);
    }
    g_assert_cmphex(peek(t, BENCH_RAM + 4096, 4), ==, 0x600d);
    pci_bench_free(t);
}

static void expect_error(struct pci_bench *t, const char *addr, const char *text)
{
    struct error *err = NULL;
    g_assert_null(pci_bench_add(t, &probe_type, "second", NULL, addr, &err));
    g_assert_nonnull(strstr(error_text(err), text));
    error_free(err);
}

static void test_bad_addresses_are_refused(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    expect_error(t, "3", "'probe' is there already");
    expect_error(t, "3.1", "multifunction=on");
    expect_error(t, "20", "up to 1f");
    expect_error(t, "1.8", "up to 7");
    expect_error(t, "one", "no PCI address");
    expect_error(t, "1.", "no PCI address");
    expect_error(t, "00.0", "'gpex-root' is there already");
    g_assert_nonnull(pci_bench_add(t, &probe_type, "x", NULL, "0x1f.0x7", NULL));
    g_assert_nonnull(pci_bench_add(t, &probe_type, "auto", NULL, NULL, NULL));
    g_assert_cmphex(cfg_read(t, 1, 0, 4), ==, 0x56781234);
    pci_bench_free(t);
}

static void test_a_full_bus_says_so(void)
{
    struct pci_bench *t = pci_bench_new(hw_device_find("gpex-pcihost"));
    struct error *err = NULL;
    for (unsigned i = 1; i < 32; i++)
        g_assert_nonnull(pci_bench_add(t, &probe_type, "p", NULL, NULL, NULL));
    g_assert_null(pci_bench_add(t, &probe_type, "q", NULL, NULL, &err));
    g_assert_nonnull(strstr(error_text(err), "'pcie.0' has no free slot"));
    error_free(err);
    pci_bench_free(t);
}

static void test_state_survives_save_and_load(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    g_autofree uint8_t *buf = g_malloc(state_size(probe_state));
    enable(t);
    state_save(probe_state, d, buf);
    device_reset(&d->pci.dev);
    g_assert_cmphex(peek(t, MMIO + 0x100008, 4), ==, UINT32_MAX);
    state_load(probe_state, d, buf);
    mutex_lock(&d->pci.dev.lock);
    pci_sync(&d->pci.dev);
    mutex_unlock(&d->pci.dev.lock);
    g_assert_cmphex(peek(t, MMIO + 0x100008, 4), ==, 0x1008);
    g_assert_true(pci_is_master(&d->pci));
    pci_bench_free(t);
}

/* Whatever is written, the function answers, RAM stays, and a reset brings all back. */
static void test_hostile_config_writes_are_harmless(void)
{
    struct probe *d;
    struct pci_bench *t = setup(&d);
    poke(t, BENCH_RAM + 4096, 4, 0x600d);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned size = 1U << g_test_rand_int_range(0, 3);
        unsigned off = (unsigned)g_test_rand_int_range(0, i % 3 ? 256 : 4096) & ~(size - 1);
        uint32_t v = i % 7 ? (uint32_t)g_test_rand_int() : UINT32_MAX;
        cfg_write(t, SLOT, off, size, v);
        cfg_read(t, SLOT, off, size);
        if (i % 16 == 0 && !pci_is_master(&d->pci))
            pci_notify(&d->pci, i % 8);
        pci_set_irq(&d->pci, i & 1);
    }
    g_assert_cmphex(peek(t, BENCH_RAM + 4096, 4), ==, 0x600d);
    device_reset(&d->pci.dev);
    g_assert_cmphex(cfg_read(t, SLOT, 0, 4), ==, 0x56781234);
    enable(t);
    g_assert_cmphex(peek(t, MMIO + 0x100008, 4), ==, 0x1008);
    pci_bench_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pci/header", test_header_shows_the_ids);
    g_test_add_func("/pci/absent", test_absent_functions_read_as_ones);
    g_test_add_func("/pci/bar/size", test_bars_tell_their_size);
    g_test_add_func("/pci/bar/map", test_bars_follow_their_registers);
    g_test_add_func("/pci/bar/window", test_bars_stay_in_the_windows);
    g_test_add_func("/pci/pm", test_d3_stops_decoding);
    g_test_add_func("/pci/intx", test_intx_is_level_shared_and_rotated);
    g_test_add_func("/pci/msix/message", test_msix_writes_its_message_and_keeps_masked_ones);
    g_test_add_func("/pci/msix/intx", test_msix_replaces_intx);
    g_test_add_func("/pci/msi", test_msi_uses_the_vectors_it_was_given);
    g_test_add_func("/pci/requester", test_messages_tell_who_sends_them);
    g_test_add_func("/pci/dma", test_dma_needs_the_bus_master_bit);
    g_test_add_func("/pci/flr", test_function_reset_restores_the_function);
    g_test_add_func("/pci/rom", test_rom_shows_when_it_is_enabled);
    g_test_add_func("/pci/bridge/windows", test_root_port_forwards_its_windows);
    g_test_add_func("/pci/bridge/numbers", test_renumbered_buses_are_found);
    g_test_add_func("/pci/bridge/intx", test_interrupts_turn_at_each_bridge);
    g_test_add_func("/pci/bridge/conventional", test_conventional_buses_have_no_express);
    g_test_add_func("/pci/bridge/reset", test_secondary_reset_reaches_what_is_behind);
    g_test_add_func("/pci/bridge/slot", test_slot_shows_what_is_in_it);
    g_test_add_func("/pci/bridge/order", test_fabric_has_an_order);
    g_test_add_func("/pci/bridge/hostile", test_hostile_bridges_are_harmless);
    g_test_add_func("/pci/info", test_tree_is_printed);
    g_test_add_func("/pci/address", test_bad_addresses_are_refused);
    g_test_add_func("/pci/full", test_a_full_bus_says_so);
    g_test_add_func("/pci/state", test_state_survives_save_and_load);
    g_test_add_func("/pci/hostile", test_hostile_config_writes_are_harmless);
    return g_test_run();
}
