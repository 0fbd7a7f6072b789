/* The chip set of a PC: host bridges with PAM and SMRAM, PIIX3, power management of PIIX4. */
#include "core/action.h"
#include "core/clock.h"
#include "hw/acpi/ich9_lpc.h"
#include "hw/acpi/piix4_pm.h"
#include "hw/acpi/pm.h"
#include "hw/bus.h"
#include "hw/isa/piix.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/host_pc.h"
#include "hw/pci/pci.h"
#include "tests/unit/bench.h"

#include <glib.h>
#include <string.h>

extern const struct device_type i440fx_host_type, q35_host_type, piix3_type, piix4_pm_type;
extern const struct device_type piix3_ide_type, ich9_lpc_type, fw_cfg_io_type;
enum { LOW_RAM = 64 << 20, TSEG = 16 << 20, PM = 0x600, SLOT_PIIX = 1 << 11 };

static struct {
    struct bench *b;
    struct machine *m;
    struct device *host, *piix3, *pm;
    struct mem_region ram, rom;
    struct ram_block *rom_ram;
    bool line[ISA_IRQS], smi_seen, all_seen;
} r;

static void on_line(void *opaque G_GNUC_UNUSED, unsigned n, bool level)
{
    r.line[n] = level;
}

static void on_smi(void *opaque G_GNUC_UNUSED, unsigned n G_GNUC_UNUSED, bool level)
{
    r.smi_seen |= level;
}

static void on_smi_all(void *opaque G_GNUC_UNUSED, unsigned n G_GNUC_UNUSED, bool level)
{
    r.all_seen |= level;
}

static struct device *plug(const struct device_type *type, const char *addr)
{
    struct error *err = NULL;
    struct device *dev = device_new(type, r.m, type->name);
    if (!device_set(dev, "addr", addr, &err) || !hw_bus_plug(r.m, dev, NULL, &err) ||
        !device_realize(dev, &err))
        g_error("%s", error_text(err));
    return dev;
}

static void set_up(const struct device_type *host)
{
    struct error *err = NULL;
    memset(&r, 0, sizeof(r));
    r.b = bench_new_empty();
    r.m = r.b->m;
    struct ram_block *ram = machine_new_ram(r.m, "pc.ram", LOW_RAM, NULL);
    region_init_ram(&r.ram, "pc.ram", ram, 0, LOW_RAM);
    region_add(&r.m->root, 0, &r.ram, 0);
    r.host = device_new(host, r.m, "host");
    pc_host_configure(r.host, &(struct pc_host_config){.ram = ram,
                                                       .low_ram = LOW_RAM,
                                                       .low_end = 0xfec00000,
                                                       .high_base = 0x100000000,
                                                       .high_size = UINT64_C(1) << 34});
    if (!device_realize(r.host, &err))
        g_error("%s", error_text(err));
    r.rom_ram = machine_new_ram(r.m, "rom", 0x20000, NULL);
    memset(r.rom_ram->host, 0xaa, 0x20000);
    region_init_rom(&r.rom, "rom", r.rom_ram);
    region_add(pc_host_roms(r.host), 0x20000, &r.rom, 0);
    address_space_update(&r.m->as);
}

static void set_up_piix(void)
{
    set_up(&i440fx_host_type);
    r.piix3 = plug(&piix3_type, "01.0");
    ((struct pci_device *)r.piix3)->multifunction = true;
    for (unsigned n = 0; n < PC_HOST_PIRQS; n++)
        irq_connect(pc_host_irq(r.host, n), piix3_pirq, r.piix3, n);
    for (unsigned n = 0; n < ISA_IRQS; n++)
        irq_connect(&piix3_isa(r.piix3)->irq[n], on_line, NULL, n);
    r.pm = plug(&piix4_pm_type, "01.3");
    irq_connect(piix4_pm_smi(r.pm), on_smi, NULL, 0);
    if (!isa_connect_irq(piix3_isa(r.piix3), piix4_pm_sci(r.pm), 9, NULL))
        g_error("no line 9");
}

static void tear_down(void)
{
    bench_free(r.b);
}

static uint32_t in(unsigned port, unsigned size)
{
    uint64_t v = 0;
    return mem_read(&r.m->io, port, size, &v) == MEM_OK ? (uint32_t)v : UINT32_MAX;
}

static void out(unsigned port, unsigned size, uint32_t v)
{
    g_assert_cmpint(mem_write(&r.m->io, port, size, v), ==, MEM_OK);
}

static uint32_t cfg(unsigned devfn_shifted, unsigned off, unsigned size)
{
    out(0xcf8, 4, 0x80000000 | devfn_shifted | (off & 0xfc));
    return in(0xcfc + (off & 3), size);
}

static void set_cfg(unsigned devfn_shifted, unsigned off, unsigned size, uint32_t v)
{
    out(0xcf8, 4, 0x80000000 | devfn_shifted | (off & 0xfc));
    out(0xcfc + (off & 3), size, v);
}

static uint8_t rd(struct address_space *as, gpa at)
{
    uint64_t v = 0xee;
    return mem_read(as, at, 1, &v) == MEM_OK ? (uint8_t)v : 0xee;
}

static void wr(gpa at, uint8_t v)
{
    mem_write(&r.m->as, at, 1, v);
}

static void test_configuration_ports(void)
{
    set_up(&i440fx_host_type);
    g_assert_cmphex(cfg(0, 0, 4), ==, 0x12378086);
    g_assert_cmphex(cfg(0, 2, 2), ==, 0x1237);
    g_assert_cmphex(cfg(0, 3, 1), ==, 0x12);
    g_assert_cmphex(cfg(5 << 11, 0, 4), ==, 0xffffffff);
    g_assert_cmphex(in(0xcf8, 4), ==, 0x80002800);
    out(0xcf8, 2, 0x1234); /* not all of it: no access to the register */
    g_assert_cmphex(in(0xcf8, 4), ==, 0x80002800);
    out(0xcf8, 4, 0x00000000);
    g_assert_cmphex(in(0xcfc, 4), ==, 0xffffffff);
    out(0xcf9, 1, 0x02);
    g_assert_cmphex(in(0xcf9, 1), ==, 0x02);
    tear_down();
}

static void test_attributes_of_memory(void)
{
    set_up(&i440fx_host_type);
    struct address_space *as = &r.m->as;
    wr(0xf1000, 1);
    g_assert_cmphex(rd(as, 0xf1000), ==, 0xaa);
    g_assert_cmphex(rd(as, 0xc8000), ==, 0xff); /* no ROM there */
    set_cfg(0, 0x59, 1, 0x20);                  /* reads from the ROM, writes to memory */
    wr(0xf1000, 2);
    g_assert_cmphex(rd(as, 0xf1000), ==, 0xaa);
    set_cfg(0, 0x59, 1, 0x10); /* memory, protected */
    g_assert_cmphex(rd(as, 0xf1000), ==, 2);
    wr(0xf1000, 3);
    g_assert_cmphex(rd(as, 0xf1000), ==, 2);
    set_cfg(0, 0x59, 1, 0x30);
    wr(0xf1000, 4);
    g_assert_cmphex(rd(as, 0xf1000), ==, 4);
    set_cfg(0, 0x5b, 1, 0x30); /* 0xcc000 to 0xcffff */
    wr(0xcc000, 5);
    wr(0xcbfff, 6);
    wr(0xd0000, 7);
    g_assert_cmphex(rd(as, 0xcc000), ==, 5);
    g_assert_cmphex(rd(as, 0xcbfff), ==, 0xff);
    g_assert_cmphex(rd(as, 0xd0000), ==, 0xff);
    device_reset((struct device *)((struct pci_device *)r.m->devices->next));
    g_assert_cmphex(rd(as, 0xf1000), ==, 0xaa);
    tear_down();
}

static void test_memory_of_smm(void)
{
    set_up(&i440fx_host_type);
    struct address_space *smm = pc_host_smm_space(r.host);
    g_assert_cmphex(rd(&r.m->as, 0xa0000), ==, 0xff);
    set_cfg(0, 0x72, 1, 0x4a); /* open */
    wr(0xa0000, 0x55);
    g_assert_cmphex(rd(&r.m->as, 0xa0000), ==, 0x55);
    set_cfg(0, 0x72, 1, 0x1a); /* closed and locked */
    g_assert_cmphex(rd(&r.m->as, 0xa0000), ==, 0xff);
    g_assert_cmphex(rd(smm, 0xa0000), ==, 0x55);
    g_assert_cmphex(rd(smm, 0xf1000), ==, 0xaa);
    set_cfg(0, 0x72, 1, 0x4a);
    g_assert_cmphex(cfg(0, 0x72, 1), ==, 0x1a);
    tear_down();
}

static void test_q35(void)
{
    set_up(&q35_host_type);
    struct address_space *smm = pc_host_smm_space(r.host);
    g_assert_cmphex(cfg(0, 0, 4), ==, 0x29c08086);
    set_cfg(0, 0x60, 4, 0xb0000001);
    uint64_t v = 0;
    g_assert_cmpint(mem_read(&r.m->as, 0xb0000000, 4, &v), ==, MEM_OK);
    g_assert_cmphex(v, ==, 0x29c08086);
    set_cfg(0, 0x90, 1, 0x30);
    wr(0xf0000, 9);
    g_assert_cmphex(rd(&r.m->as, 0xf0000), ==, 9);
    wr(LOW_RAM - 4096, 0x66);
    set_cfg(0, 0x9d, 1, 0x08);
    set_cfg(0, 0x9e, 1, 0x01); /* the last MiB is TSEG */
    g_assert_cmphex(rd(&r.m->as, LOW_RAM - 4096), ==, 0xff);
    g_assert_cmphex(rd(smm, LOW_RAM - 4096), ==, 0x66);
    tear_down();
}

/* OVMF asks for more than 8 MiB; a machine without that keeps what was written. */
static void test_extended_tseg(void)
{
    set_up(&q35_host_type);
    set_cfg(0, 0x50, 2, 0xffff);
    g_assert_cmphex(cfg(0, 0x50, 2), ==, 16);
    set_cfg(0, 0xac, 4, 0x3f000000); /* where firmware puts TSEG */
    g_assert_cmphex(cfg(0, 0xac, 4), ==, 0x3f000000);
    set_cfg(0, 0x50, 2, 0x1234);
    g_assert_cmphex(cfg(0, 0x50, 4), ==, 0x1234);
    g_assert_cmphex(rd(&r.m->as, LOW_RAM - TSEG), ==, 0);
    set_cfg(0, 0x9d, 1, 0x08);
    set_cfg(0, 0x9e, 1, 0x07);
    g_assert_cmphex(rd(&r.m->as, LOW_RAM - TSEG), ==, 0xff);
    g_assert_cmphex(rd(&r.m->as, LOW_RAM - TSEG - 1), ==, 0);
    tear_down();
}

static void test_interrupt_routing(void)
{
    set_up_piix();
    g_assert_cmphex(cfg(SLOT_PIIX, 0, 4), ==, 0x70008086);
    g_assert_cmphex(cfg(SLOT_PIIX, 0x60, 1), ==, 0x80);
    set_cfg(SLOT_PIIX, 0x60, 1, 10);
    piix3_pirq(r.piix3, 1, true); /* INTA of slot 1 */
    g_assert_true(r.line[10]);
    set_cfg(SLOT_PIIX, 0x60, 1, 11);
    g_assert_false(r.line[10]);
    g_assert_true(r.line[11]);
    set_cfg(SLOT_PIIX, 0x60, 1, 2); /* not for PCI */
    g_assert_false(r.line[11]);
    piix3_pirq(r.piix3, 1, false);
    tear_down();
}

static void test_power_management(void)
{
    set_up_piix();
    const unsigned fn = SLOT_PIIX | 3 << 8;
    g_assert_cmphex(cfg(fn, 0, 4), ==, 0x71138086);
    g_assert_cmphex(in(PM, 2), ==, 0xffffffff);
    set_cfg(fn, 0x40, 4, PM | 1);
    set_cfg(fn, 0x80, 1, 1);
    g_assert_cmphex(in(PM + 4, 2), ==, 0);
    out(0xb2, 1, 0xf1);
    g_assert_cmphex(in(PM + 4, 2), ==, 1);
    out(PM + 2, 2, 0x100);
    g_assert_false(r.line[9]);
    piix4_pm_event(r.pm, ACPI_PM1_POWER_BUTTON);
    g_assert_true(r.line[9]);
    g_assert_cmphex(in(PM, 2) & 0x100, ==, 0x100);
    out(PM, 2, 0x100);
    g_assert_false(r.line[9]);
    uint32_t before = in(PM + 8, 4);
    g_usleep(2000);
    g_assert_cmpuint((in(PM + 8, 4) - before) & 0xffffff, >, 3000);
    g_assert_false(r.smi_seen);
    set_cfg(fn, 0x5b, 1, 2);
    out(0xb2, 1, 0x12);
    g_assert_true(r.smi_seen);
    out(PM + 4, 2, 0x2000); /* S5 */
    machine_serve_requests(r.m);
    g_assert_cmpint(r.m->cause, ==, SHUTDOWN_GUEST_OFF);
    tear_down();
}

static void test_ports_of_functions(void)
{
    set_up_piix();
    plug(&piix3_ide_type, "01.1");
    const unsigned fn = SLOT_PIIX | 1 << 8;
    set_cfg(fn, 0x20, 4, 0xc000);
    set_cfg(fn, 4, 2, 5);
    g_assert_cmphex(in(0xc002, 1), ==, 0x60);
    set_cfg(fn, 4, 2, 0);
    g_assert_cmphex(in(0xc002, 1), ==, 0xffffffff);
    tear_down();
}

static void test_lpc_bridge(void)
{
    set_up(&q35_host_type);
    struct device *lpc = plug(&ich9_lpc_type, "1f.0");
    const unsigned fn = 0x1f << 11;
    for (unsigned n = 0; n < PC_HOST_PIRQS; n++)
        irq_connect(pc_host_irq(r.host, n), ich9_pirq, lpc, n);
    for (unsigned n = 0; n < ISA_IRQS; n++)
        irq_connect(&ich9_isa(lpc)->irq[n], on_line, NULL, n);
    g_assert_true(isa_connect_irq(ich9_isa(lpc), ich9_sci(lpc), 9, NULL));
    irq_connect(ich9_smi(lpc), on_smi, NULL, 0);
    g_assert_cmphex(cfg(fn, 0, 4), ==, 0x29188086);
    set_cfg(fn, 0x69, 1, 11);
    ich9_pirq(lpc, 1, true);
    g_assert_true(r.line[11]);
    g_assert_true(irq_level(ich9_apic_line(lpc, 1)));
    ich9_pirq(lpc, 1, false);
    g_assert_false(r.line[11]);
    set_cfg(fn, 0x40, 4, PM | 1);
    set_cfg(fn, 0x44, 1, 0x80);
    out(0xb2, 1, 2);
    g_assert_cmphex(in(PM + 4, 2), ==, 1);
    out(PM + 0x30, 4, 0x21);
    out(0xb2, 1, 0x55);
    g_assert_true(r.smi_seen);
    g_assert_cmphex(in(PM + 0x34, 4), ==, 0x20);
    set_cfg(fn, 0xa0, 1, 0x10); /* SMI_LOCK */
    out(PM + 0x30, 4, 0);
    g_assert_cmphex(in(PM + 0x30, 4), ==, 0x03);
    set_cfg(fn, 0xa0, 1, 0);
    g_assert_cmphex(cfg(fn, 0xa0, 1), ==, 0x10);
    out(PM + 2, 2, 0x100);
    ich9_pm_event(lpc, ACPI_PM1_POWER_BUTTON);
    g_assert_true(r.line[9]);
    set_cfg(fn, 0xf0, 4, 0xfed1c001);
    mem_write(&r.m->as, 0xfed1f404, 4, 0x80);
    g_assert_cmphex(rd(&r.m->as, 0xfed1f404), ==, 0x80);
    out(PM + 4, 2, 0x2000 | 7 << 10);
    machine_serve_requests(r.m);
    g_assert_cmpint(r.m->cause, ==, SHUTDOWN_GUEST_OFF);
    tear_down();
}

enum { TCO = PM + 0x60 };

/* Virtual time leaps, and timers that are due then run. */
static void leap(ns_t ns)
{
    struct clock_state s;
    clock_stop();
    clock_save(&s);
    s.virtual_ns += ns;
    clock_load(&s);
    clock_start();
}

static bool ran_out(void *opaque G_GNUC_UNUSED)
{
    return in(TCO + 4, 1) & 8;
}

static bool was_asked(void *opaque G_GNUC_UNUSED)
{
    return r.m->pending != 0;
}

static struct device *set_up_tco(void)
{
    set_up(&q35_host_type);
    struct device *lpc = plug(&ich9_lpc_type, "1f.0");
    irq_connect(ich9_smi(lpc), on_smi, NULL, 0);
    set_cfg(0x1f << 11, 0x40, 4, PM | 1);
    set_cfg(0x1f << 11, 0x44, 1, 0x80);
    r.m->cfg.watchdog = WATCHDOG_PAUSE;
    r.m->run_state = RUN_PAUSED;
    return lpc;
}

static void test_tco_watchdog_has_two_stages(void)
{
    struct device *lpc = set_up_tco();
    g_assert_cmphex(in(TCO + 0x12, 2), ==, 4);
    out(TCO + 0x12, 2, 0xfc64); /* a minute, in ticks of 600 ms */
    g_assert_cmphex(in(TCO + 0x12, 2), ==, 0x64);
    g_assert_cmpuint(in(TCO, 2), ==, 0);
    out(TCO, 2, 1);
    g_assert_cmpuint(in(TCO, 2), ==, 100);
    leap(INT64_C(50) * 600000000);
    g_assert_cmpuint(in(TCO, 2), ==, 50);
    out(TCO, 2, 1);
    g_assert_cmpuint(in(TCO, 2), ==, 100);
    out(PM + 0x30, 4, 0x2001); /* SMIs of TCO */
    leap(INT64_C(100) * 600000000);
    g_assert_true(bench_wait(ran_out, NULL));
    g_assert_true(r.smi_seen);
    g_assert_cmphex(in(PM + 0x34, 4), ==, 0x2000);
    g_assert_cmpuint(in(TCO, 2), ==, 100); /* the second stage */
    g_assert_false(was_asked(NULL));
    leap(INT64_C(100) * 600000000);
    g_assert_true(bench_wait(was_asked, NULL));
    g_assert_cmphex(in(TCO + 6, 2), ==, 2);
    machine_serve_requests(r.m);
    g_assert_cmpint(r.m->run_state, ==, RUN_WATCHDOG);
    device_reset(lpc);
    set_cfg(0x1f << 11, 0x40, 4, PM | 1);
    set_cfg(0x1f << 11, 0x44, 1, 0x80);
    g_assert_cmphex(in(TCO + 6, 2), ==, 2); /* what ended the last run */
    g_assert_cmphex(in(TCO + 4, 2), ==, 0);
    out(TCO + 6, 2, 2);
    g_assert_cmphex(in(TCO + 6, 2), ==, 0);
    tear_down();
}

static void test_tco_is_halted_and_locked(void)
{
    set_up_tco();
    out(TCO, 2, 1);
    out(TCO + 8, 2, 0x0800);
    g_assert_cmpuint(in(TCO, 2), ==, 0);
    out(TCO, 2, 1);
    g_assert_cmpuint(in(TCO, 2), ==, 0);
    out(TCO + 8, 2, 0);
    g_assert_cmpuint(in(TCO, 2), ==, 4);
    out(TCO + 8, 2, 0x1000);
    out(TCO + 8, 2, 0);
    g_assert_cmphex(in(TCO + 8, 2), ==, 0x1000);
    out(PM + 0x30, 4, 0x2000); /* no one lets its SMIs through from now on */
    g_assert_cmphex(in(PM + 0x30, 4) & 0x2000, ==, 0);
    out(TCO + 2, 1, 0x5a); /* to system management code; an answer */
    out(TCO + 3, 1, 0xa5);
    g_assert_cmphex(in(TCO + 2, 2), ==, 0xa55a);
    g_assert_cmphex(in(TCO + 4, 1), ==, 0x06);
    g_assert_false(r.smi_seen);
    tear_down();
}

/* ---- SMI features, as firmware negotiates them ---- */

static uint8_t smi_answer(struct device *fw_cfg)
{
    out(0x510, 2, fw_cfg_file_key(fw_cfg, "etc/smi/features-ok"));
    return (uint8_t)in(0x511, 1);
}

/* Big-endian DMA: select and write eight bytes. */
static void ask_for_smi_features(struct device *fw_cfg, uint64_t features)
{
    uint32_t key = fw_cfg_file_key(fw_cfg, "etc/smi/requested-features");
    const uint32_t desc[] = {key << 16 | 8 | 16, 8, 0, 0x2000};
    for (unsigned i = 0; i < G_N_ELEMENTS(desc); i++)
        g_assert_cmpint(mem_write(&r.m->as, 0x1000 + 4 * i, 4, GUINT32_SWAP_LE_BE(desc[i])), ==,
                        MEM_OK);
    g_assert_cmpint(mem_write(&r.m->as, 0x2000, 8, features), ==, MEM_OK);
    out(0x514, 4, 0);
    out(0x518, 4, GUINT32_SWAP_LE_BE(0x1000));
}

static bool smi_goes_to_all(void)
{
    r.all_seen = r.smi_seen = false;
    out(0xb2, 1, 0x55);
    g_assert_true(r.all_seen != r.smi_seen);
    return r.all_seen;
}

static void test_smi_features(void)
{
    set_up(&q35_host_type);
    struct device *lpc = plug(&ich9_lpc_type, "1f.0");
    struct device *fw_cfg = device_new(&fw_cfg_io_type, r.m, "fw_cfg");
    g_assert_true(device_realize(fw_cfg, NULL));
    irq_connect(ich9_smi(lpc), on_smi, NULL, 0);
    irq_connect(ich9_smi_all(lpc), on_smi_all, NULL, 0);
    g_assert_true(ich9_offer_smi_features(lpc, fw_cfg, NULL));
    out(0x510, 2, fw_cfg_file_key(fw_cfg, "etc/smi/supported-features"));
    g_assert_cmpuint(in(0x511, 1), ==, 1);
    set_cfg(0x1f << 11, 0x40, 4, PM | 1);
    set_cfg(0x1f << 11, 0x44, 1, 0x80);
    out(PM + 0x30, 4, 0x21);
    g_assert_false(smi_goes_to_all());
    ask_for_smi_features(fw_cfg, 3); /* more than there is */
    g_assert_cmpuint(smi_answer(fw_cfg), ==, 0);
    ask_for_smi_features(fw_cfg, 1);
    g_assert_false(smi_goes_to_all());
    g_assert_cmpuint(smi_answer(fw_cfg), ==, 1);
    g_assert_true(smi_goes_to_all());
    ask_for_smi_features(fw_cfg, 0); /* too late */
    g_assert_cmpuint(smi_answer(fw_cfg), ==, 1);
    g_assert_true(smi_goes_to_all());
    device_reset(lpc);
    set_cfg(0x1f << 11, 0x40, 4, PM | 1);
    set_cfg(0x1f << 11, 0x44, 1, 0x80);
    out(PM + 0x30, 4, 0x21);
    g_assert_false(smi_goes_to_all());
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pc/config", test_configuration_ports);
    g_test_add_func("/pc/pam", test_attributes_of_memory);
    g_test_add_func("/pc/smram", test_memory_of_smm);
    g_test_add_func("/pc/q35", test_q35);
    g_test_add_func("/pc/extended_tseg", test_extended_tseg);
    g_test_add_func("/pc/pirq", test_interrupt_routing);
    g_test_add_func("/pc/pm", test_power_management);
    g_test_add_func("/pc/tco/stages", test_tco_watchdog_has_two_stages);
    g_test_add_func("/pc/tco/locked", test_tco_is_halted_and_locked);
    g_test_add_func("/pc/lpc", test_lpc_bridge);
    g_test_add_func("/pc/smi_features", test_smi_features);
    g_test_add_func("/pc/ports", test_ports_of_functions);
    return g_test_run();
}
