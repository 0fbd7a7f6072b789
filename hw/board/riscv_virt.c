/*
 * The RISC-V virt board, 64 and 32 bit: harts, a PLIC (or APLIC and IMSICs), a CLINT, a UART,
 * virtio slots and flash. Ref: QEMU documentation, "virt" Generic Virtual Platform (riscv);
 * addresses as its device tree shows them.
 */
#include "hw/board/riscv_virt.h"
#include "core/loader.h"
#include "core/numa.h"
#include "hw/block/pflash_cfi01.h"
#include "hw/board/boards.h"
#include "hw/intc/aclint.h"
#include "hw/intc/aplic.h"
#include "hw/intc/imsic.h"
#include "hw/intc/plic.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/host_ecam.h"
#include "hw/registry.h"
#include "target/riscv/riscv.h"
#include "util/bits.h"

#include <assert.h>
#include <string.h>

const struct virt_range virt_map[VIRT_PLACES] = {
    [VIRT_MROM] = {0x1000, 0xf000},
    [VIRT_TEST] = {0x100000, 0x1000},
    [VIRT_RTC] = {0x101000, 0x1000},
    [VIRT_CLINT] = {0x2000000, 0x10000},
    [VIRT_ACLINT_SSWI] = {0x2f00000, 0x4000},
    [VIRT_PLIC] = {0xc000000, 0x600000},
    [VIRT_APLIC_M] = {0xc000000, APLIC_SIZE},
    [VIRT_APLIC_S] = {0xd000000, APLIC_SIZE},
    [VIRT_IMSIC_M] = {0x24000000, 0x4000000},
    [VIRT_IMSIC_S] = {0x28000000, 0x8000000},
    [VIRT_UART0] = {0x10000000, 0x100},
    [VIRT_VIRTIO] = {0x10001000, 0x1000},
    [VIRT_FW_CFG] = {0x10100000, 0x18},
    [VIRT_FLASH] = {0x20000000, 0x2000000},
    [VIRT_PCIE_ECAM] = {0x30000000, 0x10000000},
    [VIRT_PCIE_MMIO] = {0x40000000, 0x40000000},
    [VIRT_PCIE_IO] = {0x3000000, 0x10000},
    [VIRT_DRAM] = {0x80000000, 0},
};
enum { MTIMER_OFFSET = 0x4000, NS_PER_TICK = 1000000000 / VIRT_TIMEBASE_HZ };

/* Make a device of the board's own; it is realized by the caller. */
static struct device *create(struct riscv_virt *b, const char *type, const char *id)
{
    const struct device_type *t = hw_device_find(type);
    assert(t);
    return device_new(t, &b->m, id);
}

static bool set_number(struct device *dev, const char *prop, unsigned value, struct error **errp)
{
    g_autofree char *text = g_strdup_printf("%u", value);
    return device_set(dev, prop, text, errp);
}

static void map(struct riscv_virt *b, struct device *dev, gpa base)
{
    region_add(&b->m.root, base, &dev->mmio, 0);
}

/* Realize a device with registers at base and its line at a source of the interrupt controller (0:
 * none). */
static bool attach(struct riscv_virt *b, struct device *dev, gpa base, unsigned irq,
                   struct error **errp)
{
    if (!device_realize(dev, errp))
        return false;
    if (irq)
        irq_connect(&dev->irq, b->intc_input, b->intc, irq);
    map(b, dev, base);
    return true;
}

static bool choose_aia(struct riscv_virt *b, struct error **errp)
{
    static const char *const kinds[] = {"none", "aplic", "aplic-imsic", NULL};
    const char *aia = b->aia ? b->aia : "none";

    while (kinds[b->aia_kind] && strcmp(kinds[b->aia_kind], aia) != 0)
        b->aia_kind++;
    if (!kinds[b->aia_kind])
        error_set(errp, "aia=%s: wanted none, aplic or aplic-imsic", aia);
    else if (b->aia_guests && b->aia_kind != VIRT_AIA_IMSIC)
        error_set(errp, "aia-guests=%u is for aia=aplic-imsic", b->aia_guests);
    else if (b->aia_guests > IMSIC_MAX_GUESTS)
        error_set(errp, "aia-guests=%u: wanted 0 to %d", b->aia_guests, IMSIC_MAX_GUESTS);
    else
        return true;
    error_prefix(errp, "machine 'virt'");
    return false;
}

static bool check_props(const struct riscv_virt *b, struct error **errp)
{
    const char *acpi = b->acpi ? b->acpi : "auto";
    if (strcmp(acpi, "off") != 0 && strcmp(acpi, "auto") != 0)
        error_set(errp, "acpi=%s: only 'off' and 'auto' are supported; guests use the device tree",
                  acpi);
    else if (b->usb || b->iommu_sys)
        error_set(errp, "%s=on: this machine has no %s", b->usb ? "usb" : "iommu-sys",
                  b->usb ? "USB controller" : "system IOMMU");
    else
        return true;
    error_prefix(errp, "machine 'virt'");
    return false;
}

static bool create_harts(struct riscv_virt *b, struct error **errp)
{
    struct machine *m = &b->m;
    const char *model = m->cfg.cpu_model ? m->cfg.cpu_model : m->cls->default_cpu;
    for (unsigned i = 0; i < MAX(m->cfg.smp, 1); i++) {
        struct cpu *cpu = riscv_cpu_new(m, model, i, errp);
        if (cpu == NULL)
            return false;
        unsigned want = b->boot.is64 ? 64 : 32;
        if (riscv_xlen(cpu) != want) {
            error_set(errp, "-cpu %s has %u bits, machine '%s' of %s needs %u", model,
                      riscv_xlen(cpu), m->cls->name, m->cls->arch, want);
            return false;
        }
        riscv_cpu_set_reset_pc(cpu, virt_map[VIRT_MROM].base);
        riscv_cpu_set_time_period(cpu, NS_PER_TICK);
    }
    return true;
}

static bool create_memory(struct riscv_virt *b, struct error **errp)
{
    struct machine *m = &b->m;
    struct ram_block *mrom =
        machine_new_ram(m, "riscv_virt_board.mrom", virt_map[VIRT_MROM].size, errp);
    struct ram_block *dram = mrom ? machine_new_main_ram(m, "riscv_virt_board.ram", errp) : NULL;
    if (dram == NULL)
        return false;
    region_init_rom(&b->mrom, mrom->name, mrom);
    region_add(&m->root, virt_map[VIRT_MROM].base, &b->mrom, 0);
    region_init_ram(&b->dram, dram->name, dram, 0, m->cfg.ram_size);
    region_add(&m->root, virt_map[VIRT_DRAM].base, &b->dram, 0);
    b->boot.mrom = mrom;
    return true;
}

static bool create_plic(struct riscv_virt *b, struct error **errp)
{
    struct device *plic = b->intc = create(b, "riscv.sifive.plic", "plic");
    b->intc_input = plic_set_input;
    if (!set_number(plic, "num-contexts", 2 * b->m.ncpus, errp) ||
        !attach(b, plic, virt_map[VIRT_PLIC].base, 0, errp))
        return false;
    for (unsigned i = 0; i < b->m.ncpus; i++) {
        irq_connect(plic_output(plic, 2 * i), riscv_irq_set, b->m.cpus[i], RISCV_IRQ_MEI);
        irq_connect(plic_output(plic, 2 * i + 1), riscv_irq_set, b->m.cpus[i], RISCV_IRQ_SEI);
    }
    return true;
}

static bool create_imsics(struct riscv_virt *b, bool supervisor, struct error **errp)
{
    const struct virt_range *place = &virt_map[supervisor ? VIRT_IMSIC_S : VIRT_IMSIC_M];
    unsigned guests = supervisor ? b->aia_guests : 0;
    uint64_t stride = (uint64_t)IMSIC_PAGE << imsic_guest_bits(guests);
    for (unsigned i = 0; i < b->m.ncpus; i++) {
        g_autofree char *id = g_strdup_printf("imsic-%c.%u", supervisor ? 's' : 'm', i);
        struct device *dev = create(b, "riscv.imsic", id);
        if (!set_number(dev, "guests", guests, errp) || !device_realize(dev, errp))
            return false;
        region_add(&b->m.root, place->base + i * stride, imsic_region(dev), 0);
        irq_connect(imsic_output(dev), riscv_irq_set, b->m.cpus[i],
                    supervisor ? RISCV_IRQ_SEI : RISCV_IRQ_MEI);
        riscv_cpu_set_imsic(b->m.cpus[i], supervisor, &imsic_cpu_ops, dev);
    }
    return true;
}

static bool create_aplic(struct riscv_virt *b, bool supervisor, struct device **out,
                         struct error **errp)
{
    struct device *dev = *out = create(b, "riscv.aplic", supervisor ? "aplic-s" : "aplic-m");
    const struct virt_range *place = &virt_map[supervisor ? VIRT_APLIC_S : VIRT_APLIC_M];
    if (!set_number(dev, "num-harts", b->m.ncpus, errp) ||
        !device_set(dev, "mmode", supervisor ? "off" : "on", errp) ||
        !attach(b, dev, place->base, 0, errp))
        return false;
    for (unsigned i = 0; i < b->m.ncpus && b->aia_kind == VIRT_AIA_APLIC; i++)
        irq_connect(aplic_output(dev, i), riscv_irq_set, b->m.cpus[i],
                    supervisor ? RISCV_IRQ_SEI : RISCV_IRQ_MEI);
    return true;
}

static bool create_aia(struct riscv_virt *b, struct error **errp)
{
    struct device *child;
    if (b->aia_kind == VIRT_AIA_IMSIC &&
        (!create_imsics(b, false, errp) || !create_imsics(b, true, errp)))
        return false;
    if (!create_aplic(b, false, &b->intc, errp) || !create_aplic(b, true, &child, errp))
        return false;
    aplic_set_child(b->intc, child);
    b->intc_input = aplic_set_input;
    return true;
}

static void time_offset_changed(void *opaque, int64_t ticks)
{
    struct machine *m = opaque;
    for (unsigned i = 0; i < m->ncpus; i++)
        riscv_cpu_set_time_offset(m->cpus[i], ticks);
}

static bool create_mtimer(struct riscv_virt *b, struct error **errp)
{
    struct device *dev = create(b, "riscv.aclint.mtimer", "mtimer");
    if (!set_number(dev, "num-harts", b->m.ncpus, errp))
        return false;
    for (unsigned i = 0; i < b->m.ncpus; i++)
        irq_connect(aclint_mtimer_irq(dev, i), riscv_irq_set, b->m.cpus[i], RISCV_IRQ_MTI);
    aclint_mtimer_on_offset(dev, time_offset_changed, &b->m);
    return attach(b, dev, virt_map[VIRT_CLINT].base + MTIMER_OFFSET, 0, errp);
}

static bool create_swi(struct riscv_virt *b, bool sswi, struct error **errp)
{
    struct device *dev = create(b, "riscv.aclint.swi", sswi ? "sswi" : "mswi");
    if (!set_number(dev, "num-harts", b->m.ncpus, errp) ||
        !device_set(dev, "sswi", sswi ? "on" : "off", errp))
        return false;
    for (unsigned i = 0; i < b->m.ncpus; i++)
        irq_connect(aclint_swi_irq(dev, i), riscv_irq_set, b->m.cpus[i],
                    sswi ? RISCV_IRQ_SSI : RISCV_IRQ_MSI);
    return attach(b, dev, virt_map[sswi ? VIRT_ACLINT_SSWI : VIRT_CLINT].base, 0, errp);
}

static bool create_interrupts(struct riscv_virt *b, struct error **errp)
{
    bool ok = b->aia_kind == VIRT_AIA_NONE ? create_plic(b, errp) : create_aia(b, errp);
    return ok && create_swi(b, false, errp) && create_mtimer(b, errp) &&
           (!b->aclint || create_swi(b, true, errp));
}

static bool create_uart(struct riscv_virt *b, struct error **errp)
{
    struct device *uart = create(b, "serial-mm", "serial0");
    const char *chardev = b->m.cfg.serial[0];
    return set_number(uart, "clock-frequency", VIRT_UART_HZ, errp) &&
           (chardev == NULL || device_set(uart, "chardev", chardev, errp)) &&
           attach(b, uart, virt_map[VIRT_UART0].base, VIRT_IRQ_UART0, errp);
}

/* The highest slot comes first: there the first device goes that names no bus. */
static bool create_virtio_slots(struct riscv_virt *b, struct error **errp)
{
    for (unsigned i = VIRT_VIRTIO_SLOTS; i-- > 0;) {
        g_autofree char *id = g_strdup_printf("virtio-mmio.%u", i);
        gpa base = virt_map[VIRT_VIRTIO].base + i * virt_map[VIRT_VIRTIO].size;
        if (!attach(b, create(b, "virtio-mmio", id), base, VIRT_IRQ_VIRTIO + i, errp))
            return false;
    }
    return true;
}

/* 64 bit: 16 GiB, after RAM and naturally aligned; 32 bit: the last 4 GiB of 34 address bits. */
static void place_high_window(struct riscv_virt *b)
{
    gpa ram_end = virt_map[VIRT_DRAM].base + b->m.cfg.ram_size;
    uint64_t size = b->boot.is64 ? UINT64_C(16) << 30 : UINT64_C(4) << 30;
    b->pcie_high.size = size;
    b->pcie_high.base = b->boot.is64 ? align_up(ram_end, size) : UINT64_C(12) << 30;
}

static bool create_pcie(struct riscv_virt *b, struct error **errp)
{
    struct device *dev = create(b, "gpex-pcihost", "gpex-pcihost");
    place_high_window(b);
    ecam_set_windows(dev, &(struct ecam_windows){
                              .io = virt_map[VIRT_PCIE_IO].base,
                              .io_size = virt_map[VIRT_PCIE_IO].size,
                              .low = {virt_map[VIRT_PCIE_MMIO].base, virt_map[VIRT_PCIE_MMIO].size},
                              .high = {b->pcie_high.base, b->pcie_high.size},
                          });
    for (unsigned i = 0; i < ECAM_INTX_LINES; i++)
        irq_connect(ecam_irq(dev, i), b->intc_input, b->intc, VIRT_IRQ_PCIE + i);
    return attach(b, dev, virt_map[VIRT_PCIE_ECAM].base, 0, errp);
}

static bool create_fw_cfg(struct riscv_virt *b, struct error **errp)
{
    struct device *dev = b->fw_cfg = create(b, "fw_cfg_mem", "fw_cfg");
    if (!attach(b, dev, virt_map[VIRT_FW_CFG].base, 0, errp))
        return false;
    fw_cfg_set_u16(dev, FW_CFG_NB_CPUS, (uint16_t)b->m.ncpus);
    fw_cfg_set_u16(dev, FW_CFG_MAX_CPUS, (uint16_t)MAX(b->m.cfg.max_cpus, b->m.ncpus));
    return true;
}

static bool create_flash(struct riscv_virt *b, unsigned bank, struct error **errp)
{
    g_autofree char *id = g_strdup_printf("virt.flash%u", bank);
    struct device *dev = b->flash[bank] = create(b, "cfi.pflash01", id);
    if ((b->pflash[bank] && !device_set(dev, "drive", b->pflash[bank], errp)) ||
        !device_realize(dev, errp)) {
        error_prefix(errp, "pflash%u", bank);
        return false;
    }
    const struct virt_range *r = &virt_map[VIRT_FLASH];
    region_add(&b->m.root, r->base + bank * r->size, pflash_region(dev), 0);
    return true;
}

static bool create_devices(struct riscv_virt *b, struct error **errp)
{
    return attach(b, create(b, "riscv.sifive.test", "test"), virt_map[VIRT_TEST].base, 0, errp) &&
           attach(b, create(b, "goldfish_rtc", "rtc"), virt_map[VIRT_RTC].base, VIRT_IRQ_RTC,
                  errp) &&
           create_uart(b, errp) && create_virtio_slots(b, errp) && create_pcie(b, errp) &&
           create_fw_cfg(b, errp) && create_flash(b, 0, errp) && create_flash(b, 1, errp);
}

/* The board's own tree, or that of -dtb. */
static struct fdt *create_fdt(struct riscv_virt *b, struct error **errp)
{
    const char *path = b->m.cfg.dtb;
    size_t len;
    if (path == NULL)
        return riscv_virt_fdt(b);
    g_autofree uint8_t *data = load_file(path, 16 << 20, &len, errp);
    struct fdt *f = data ? fdt_from_blob(data, len, path, errp) : NULL;
    if (f == NULL)
        error_prefix(errp, "-dtb");
    return f;
}

static bool load(struct riscv_virt *b, struct error **errp)
{
    struct riscv_boot *boot = &b->boot;
    boot->m = &b->m;
    boot->ram_base = virt_map[VIRT_DRAM].base;
    boot->mrom_base = virt_map[VIRT_MROM].base;
    boot->ram_size = b->m.cfg.ram_size;
    boot->fw_cfg = b->fw_cfg;
    boot->has_flash = pflash_has_drive(b->flash[0]);
    boot->flash_base = virt_map[VIRT_FLASH].base;
    boot->randomness = b->dtb_randomness;
    boot->fdt = create_fdt(b, errp);
    address_space_update(&b->m.as);
    return boot->fdt && riscv_boot_load(boot, errp);
}

static bool riscv_virt_init(struct machine *m, struct error **errp)
{
    struct riscv_virt *b = (struct riscv_virt *)m;
    b->boot.is64 = strcmp(m->cls->arch, "riscv64") == 0;
    return choose_aia(b, errp) && check_props(b, errp) && create_harts(b, errp) &&
           create_memory(b, errp) && create_interrupts(b, errp) && create_devices(b, errp) &&
           load(b, errp) && board_dump_fdt(m, b->boot.fdt, errp);
}

static void riscv_virt_reset(struct machine *m)
{
    riscv_boot_reset(&((struct riscv_virt *)m)->boot);
}

static void riscv_virt_fini(struct machine *m)
{
    riscv_boot_fini(&((struct riscv_virt *)m)->boot);
}

static const struct prop riscv_virt_props[] = {
    PROP(prop_bool, riscv_virt, "aclint", aclint, "off",
         "ACLINT devices, with supervisor software interrupts, instead of a CLINT"),
    PROP(prop_string, riscv_virt, "acpi", acpi, "auto", "ACPI tables: off or auto (which is off)"),
    PROP(prop_string, riscv_virt, "aia", aia, "none",
         "interrupt controller: none (a PLIC), aplic, or aplic-imsic (messages)"),
    PROP(prop_uint32, riscv_virt, "aia-guests", aia_guests, "0",
         "interrupt files for guests of each IMSIC, 0 to 7"),
    PROP(prop_bool, riscv_virt, "dtb-randomness", dtb_randomness, "on",
         "random seed in the device tree"),
    PROP(prop_bool, riscv_virt, "iommu-sys", iommu_sys, "off", "system IOMMU: off"),
    PROP(prop_string, riscv_virt, "pflash0", pflash[0], NULL, "drive of the first flash bank"),
    PROP(prop_string, riscv_virt, "pflash1", pflash[1], NULL, "drive of the second flash bank"),
    PROP(prop_bool, riscv_virt, "spcr", spcr, "on", "ACPI serial console table (no ACPI: unused)"),
    PROP(prop_bool, riscv_virt, "usb", usb, "off", "USB controller: off"),
    PROP_END,
};

const struct machine_class riscv64_virt_class = {
    .name = "virt",
    .desc = "RISC-V VirtIO board",
    .arch = "riscv64",
    .default_cpu = "rv64",
    .max_cpus = MACHINE_MAX_CPUS,
    .default_ram = 128 << 20,
    .default_net = "virtio",
    .numa = NUMA_EVENLY,
    .default_block_if = "virtio",
    .size = sizeof(struct riscv_virt),
    .props = riscv_virt_props,
    .init = riscv_virt_init,
    .reset = riscv_virt_reset,
    .fini = riscv_virt_fini,
};

const struct machine_class riscv32_virt_class = {
    .name = "virt",
    .desc = "RISC-V VirtIO board",
    .arch = "riscv32",
    .default_cpu = "rv32",
    .max_cpus = MACHINE_MAX_CPUS,
    .default_ram = 128 << 20,
    .default_net = "virtio",
    .numa = NUMA_EVENLY,
    .default_block_if = "virtio",
    .size = sizeof(struct riscv_virt),
    .props = riscv_virt_props,
    .init = riscv_virt_init,
    .reset = riscv_virt_reset,
    .fini = riscv_virt_fini,
};
