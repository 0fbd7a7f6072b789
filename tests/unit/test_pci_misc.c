/* PCI functions of few registers: watchdog, crash report, test and educational devices. */
#include "core/action.h"
#include "core/clock.h"
#include "hw/registry.h"
#include "tests/unit/pci_bench.h"
#include "util/bits.h"

extern const struct device_type edu_type, i6300esb_type, pci_testdev_type, pvpanic_pci_type;

enum { SLOT = 1, IO_AT = 0x1000 };
static const gpa BAR = 0x40000000;

static struct pci_bench *setup(const struct device_type *type, struct device **dev)
{
    struct pci_bench *t = pci_bench_new(hw_device_find("gpex-pcihost"));
    *dev = pci_bench_add(t, type, "d", NULL, "01.0", NULL);
    g_assert_nonnull(*dev);
    cfg_write(t, SLOT, PCI_BAR0, 4, (uint32_t)BAR);
    cfg_write(t, SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER);
    return t;
}

static bool was_asked(void *machine)
{
    return ((struct machine *)machine)->pending != 0;
}

static void unlocked_write(struct pci_bench *t, unsigned off, uint32_t v)
{
    poke(t, BAR + 12, 2, 0x80);
    poke(t, BAR + 12, 2, 0x86);
    poke(t, BAR + off, 4, v);
}

static bool has_irq(struct pci_bench *t)
{
    return cfg_read(t, SLOT, PCI_STATUS, 2) & PCI_STATUS_INTERRUPT;
}

static void test_watchdog_has_two_stages(void)
{
    struct device *dev;
    struct pci_bench *t = setup(&i6300esb_type, &dev);
    t->m->cfg.watchdog = WATCHDOG_PAUSE;
    t->m->run_state = RUN_PAUSED;
    poke(t, BAR, 4, 5); /* locked */
    g_assert_cmphex(peek(t, BAR, 4), ==, 0xfffff);
    unlocked_write(t, 0, 0xfffff001);
    unlocked_write(t, 4, 1);
    g_assert_cmphex(peek(t, BAR, 4), ==, 0xff001);
    unlocked_write(t, 0, 1);
    cfg_write(t, SLOT, 0x60, 2, 0x04); /* microseconds; interrupt and output on */
    cfg_write(t, SLOT, 0x68, 1, 2);
    g_assert_true(bench_wait(was_asked, t->m));
    g_assert_cmphex(peek(t, BAR + 8, 4), ==, 1);
    g_assert_cmphex(peek(t, BAR + 12, 4), ==, 0x200);
    machine_serve_requests(t->m);
    g_assert_cmpint(t->m->run_state, ==, RUN_WATCHDOG);
    poke(t, BAR + 8, 4, 1);
    unlocked_write(t, 12, 0x200);
    g_assert_cmphex(peek(t, BAR + 8, 4) | peek(t, BAR + 12, 4), ==, 0);
    pci_bench_free(t);
}

static void test_watchdog_is_fed_and_locked(void)
{
    struct device *dev;
    struct pci_bench *t = setup(&i6300esb_type, &dev);
    unlocked_write(t, 0, 0xfffff);
    unlocked_write(t, 4, 0xfffff);
    cfg_write(t, SLOT, 0x60, 2, 0x23); /* no interrupt, no output */
    cfg_write(t, SLOT, 0x68, 1, 3);    /* on, for good */
    unlocked_write(t, 12, 0x100);
    cfg_write(t, SLOT, 0x68, 1, 0);
    g_assert_cmphex(cfg_read(t, SLOT, 0x68, 1), ==, 3);
    g_assert_cmphex(peek(t, BAR + 12, 4), ==, 0);
    g_assert_false(was_asked(t->m));
    pci_bench_free(t);
}

static void test_crash_report(void)
{
    struct device *dev;
    struct pci_bench *t = setup(&pvpanic_pci_type, &dev);
    g_assert_cmphex(cfg_read(t, SLOT, 0, 4), ==, 0x00111b36);
    g_assert_cmphex(peek(t, BAR, 1), ==, 7);
    t->m->cfg.panic = PANIC_EXIT_FAILURE;
    poke(t, BAR, 1, 1);
    machine_serve_requests(t->m);
    g_assert_cmpint(t->m->cause, ==, SHUTDOWN_GUEST_PANIC);
    g_assert_cmpint(t->m->exit_status, ==, 1);
    pci_bench_free(t);
}

static void test_panic_may_go_on_or_pause(void)
{
    struct device *dev;
    struct pci_bench *t = setup(&pvpanic_pci_type, &dev);
    t->m->run_state = RUN_PAUSED;
    t->m->cfg.panic = PANIC_NONE;
    poke(t, BAR, 1, 1);
    machine_serve_requests(t->m);
    g_assert_cmpint(t->m->run_state, ==, RUN_PAUSED);
    t->m->cfg.panic = PANIC_PAUSE;
    poke(t, BAR, 1, 1);
    machine_serve_requests(t->m);
    g_assert_cmpint(t->m->run_state, ==, RUN_GUEST_PANICKED);
    g_assert_cmpint(t->m->cause, ==, SHUTDOWN_NONE);
    pci_bench_free(t);
}

static void run_tests(struct pci_bench *t, gpa bar, unsigned first_off)
{
    static const uint8_t data[] = {0xfa, 0xce, 0xfa};
    for (unsigned i = 0; i < 3; i++) {
        poke(t, bar, 1, i);
        g_assert_cmphex(peek(t, bar + 1, 1), ==, 1);
        g_assert_cmphex(peek(t, bar + 4, 4), ==, first_off + i);
        g_assert_cmphex(peek(t, bar + 8, 4), ==, data[i]);
        g_assert_cmphex(peek(t, bar + 16 + i, 1), !=, 0);
        poke(t, bar + first_off + i, 1, data[i]);
        poke(t, bar + first_off + i, 1, 0); /* counts where any data does */
        g_assert_cmpuint(peek(t, bar + 12, 4), ==, i == 1 ? 2 : 1);
    }
    poke(t, bar, 1, 3);
    g_assert_cmphex(peek(t, bar + 1, 1), ==, 0);
}

static void test_testdev_counts_writes(void)
{
    struct device *dev;
    struct pci_bench *t = setup(&pci_testdev_type, &dev);
    cfg_write(t, SLOT, PCI_BAR0 + 4, 4, IO_AT);
    run_tests(t, BAR, 0x800);
    run_tests(t, IO + IO_AT, 0x83);
    pci_bench_free(t);
}

static bool is_computed(void *bench)
{
    return !(peek(bench, BAR + 0x20, 4) & 1);
}

static void test_edu_computes(void)
{
    struct device *dev;
    struct pci_bench *t = setup(&edu_type, &dev);
    g_assert_cmphex(peek(t, BAR, 4), ==, 0x010000ed);
    poke(t, BAR + 4, 4, 0x12345678);
    g_assert_cmphex(peek(t, BAR + 4, 4), ==, ~0x12345678U);
    poke(t, BAR + 0x20, 4, 0x80);
    poke(t, BAR + 8, 4, 10);
    g_assert_cmphex(peek(t, BAR + 0x20, 4), ==, 0x81);
    g_assert_true(bench_wait(is_computed, t));
    g_assert_cmpuint(peek(t, BAR + 8, 4), ==, 3628800);
    g_assert_true(has_irq(t));
    g_assert_cmphex(peek(t, BAR + 0x24, 4), ==, 1);
    poke(t, BAR + 0x64, 4, 1);
    g_assert_false(has_irq(t));
    poke(t, BAR + 8, 4, UINT32_MAX);
    g_assert_true(bench_wait(is_computed, t));
    g_assert_cmpuint(peek(t, BAR + 8, 4), ==, 0);
    pci_bench_free(t);
}

static bool is_copied(void *bench)
{
    return !(peek(bench, BAR + 0x98, 4) & 1);
}

static void transfer(struct pci_bench *t, uint64_t from, uint64_t to, uint32_t n, uint32_t command)
{
    poke(t, BAR + 0x80, 4, (uint32_t)from);
    poke(t, BAR + 0x88, 4, (uint32_t)to);
    poke(t, BAR + 0x90, 4, n);
    poke(t, BAR + 0x98, 4, command);
    g_assert_false(is_copied(t));
    g_assert_true(bench_wait(is_copied, t));
}

static void test_edu_copies(void)
{
    struct pci_bench *t = pci_bench_new(hw_device_find("gpex-pcihost"));
    struct device *dev = device_new(&edu_type, t->m, "d");
    g_assert_true(device_set(dev, "dma_mask", "0xffffffff", NULL));
    g_assert_true(hw_bus_plug(t->m, dev, NULL, NULL) && device_realize(dev, NULL));
    cfg_write(t, SLOT, PCI_BAR0, 4, (uint32_t)BAR);
    cfg_write(t, SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    uint8_t *ram = t->b->ram->host;
    memcpy(ram + 0x1000, "teaching", 8);
    transfer(t, BENCH_RAM + 0x1000, 0x40010, 8, 1);
    transfer(t, 0x40010, BENCH_RAM + 0x2000, 8, 7);
    g_assert_cmpmem(ram + 0x2000, 8, "teaching", 8);
    g_assert_cmphex(peek(t, BAR + 0x24, 4), ==, 0x100);
    transfer(t, 0x40ff9, BENCH_RAM + 0x3000, 8, 3); /* one byte beyond the buffer: nothing moves */
    g_assert_cmphex(ram[0x3000], ==, 0);
    transfer(t, BENCH_RAM, 0x3ffff, 8, 1);
    pci_bench_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_init();
    clock_start();
    g_test_add_func("/pci-misc/watchdog", test_watchdog_has_two_stages);
    g_test_add_func("/pci-misc/watchdog-locked", test_watchdog_is_fed_and_locked);
    g_test_add_func("/pci-misc/pvpanic", test_crash_report);
    g_test_add_func("/pci-misc/panic-action", test_panic_may_go_on_or_pause);
    g_test_add_func("/pci-misc/testdev", test_testdev_counts_writes);
    g_test_add_func("/pci-misc/edu", test_edu_computes);
    g_test_add_func("/pci-misc/edu-dma", test_edu_copies);
    return g_test_run();
}
