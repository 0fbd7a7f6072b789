/*
 * The Arm virt board, 64 and 32 bit.
 * Ref: QEMU documentation, "virt" generic virtual platform (arm); addresses and interrupts as its
 * device tree shows them.
 */
#include "hw/board/arm_virt.h"
#include "core/loader.h"
#include "core/numa.h"
#include "hw/acpi/ged.h"
#include "hw/acpi/tables.h"
#include "hw/block/pflash_cfi01.h"
#include "hw/board/boards.h"
#include "hw/gpio/pl061.h"
#include "hw/intc/gicv3.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/smbios.h"
#include "hw/pci/host_ecam.h"
#include "hw/registry.h"
#include "util/bits.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

static const struct arm_virt_range fixed_map[ARM_VIRT_PLACES] = {
    [ARM_VIRT_FLASH] = {0x0, 0x4000000}, /* each bank */
    [ARM_VIRT_GIC_DIST] = {0x8000000, 0x10000},
    [ARM_VIRT_GIC_CPU] = {0x8010000, 0x10000},
    [ARM_VIRT_GIC_V2M] = {0x8020000, 0x1000},
    [ARM_VIRT_GIC_HYP] = {0x8030000, 0x10000},
    [ARM_VIRT_GIC_VCPU] = {0x8040000, 0x10000},
    [ARM_VIRT_GIC_ITS] = {0x8080000, 0x20000},
    [ARM_VIRT_GIC_REDIST] = {0x80a0000, 0xf60000},
    [ARM_VIRT_UART] = {0x9000000, 0x1000},
    [ARM_VIRT_RTC] = {0x9010000, 0x1000},
    [ARM_VIRT_FW_CFG] = {0x9020000, 0x18},
    [ARM_VIRT_GPIO] = {0x9030000, 0x1000},
    [ARM_VIRT_SECURE_UART] = {0x9040000, 0x1000},
    [ARM_VIRT_GED] = {0x9080000, 0x4},
    [ARM_VIRT_SECURE_GPIO] = {0x90b0000, 0x1000},
    [ARM_VIRT_VIRTIO] = {0xa000000, 0x200}, /* each slot */
    [ARM_VIRT_SECURE_MEM] = {0xe000000, 0x1000000},
    [ARM_VIRT_PCIE_MMIO] = {0x10000000, 0x2eff0000},
    [ARM_VIRT_PCIE_PIO] = {0x3eff0000, 0x10000},
    [ARM_VIRT_DRAM] = {0x40000000, 0},
};

enum { FLASH_BLOCKS = 256, MAX_CPUS_V2 = 8, CPUS_PER_CLUSTER_V2 = 8, CPUS_PER_CLUSTER_V3 = 16 };
enum { REDIST_SIZE = 0x20000, AFF1_SHIFT = 8, PRESS_MS = 100 };
static const uint64_t MIB = UINT64_C(1) << 20, GIB = UINT64_C(1) << 30;
static const struct arm_virt_range low_ecam = {0x3f000000, 0x1000000};

/* ---- options ---- */

static bool fail(struct error **errp)
{
    error_prefix(errp, "machine 'virt'");
    return false;
}

/* A choice among words; index into names, or -1 with *errp. */
static int choose(const char *option, const char *value, const char *const *names,
                  struct error **errp)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], value) == 0)
            return i;
    g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)names);
    error_set(errp, "%s=%s: wanted one of %s", option, value, all);
    return -1;
}

/* Without a wish it is a GICv2, which serves eight processors, or else a GICv3. */
static bool choose_gic(struct arm_virt *b, struct error **errp)
{
    const char *want = b->gic_wanted;
    unsigned cpus = MAX(b->m.cfg.smp, 1);
    if (want == NULL)
        b->gic_version = cpus > MAX_CPUS_V2 ? 3 : 2;
    else if (strcmp(want, "2") == 0)
        b->gic_version = 2;
    else if (strcmp(want, "3") == 0 || strcmp(want, "max") == 0)
        b->gic_version = 3;
    else if (strcmp(want, "host") == 0)
        error_set(errp,
                  "gic-version=host: the host's controller serves KVM only; wanted 2, 3 or max");
    else
        error_set(errp, "gic-version=%s: wanted 2, 3 or max", want);
    if (b->gic_version == 2 && cpus > MAX_CPUS_V2)
        error_set(errp, "gic-version=2 serves at most %d CPUs, -smp asks for %u; wanted 3",
                  MAX_CPUS_V2, cpus);
    else if (b->gic_version)
        return true;
    return fail(errp);
}

static bool choose_msi(struct arm_virt *b, struct error **errp)
{
    static const char *const names[] = {"auto", "its", "gicv2m", "off", NULL};
    bool can_its = b->gic_version == 3;
    switch (choose("msi", b->msi_wanted, names, errp)) {
    case 0:
        b->msi = !can_its ? ARM_VIRT_MSI_V2M : b->its_wanted ? ARM_VIRT_MSI_ITS : ARM_VIRT_MSI_NONE;
        return true;
    case 1:
        b->msi = ARM_VIRT_MSI_ITS;
        if (can_its)
            return true;
        error_set(errp, "msi=its needs gic-version=3");
        break;
    case 2: b->msi = ARM_VIRT_MSI_V2M; return true;
    case 3: b->msi = ARM_VIRT_MSI_NONE; return true;
    default: break;
    }
    return fail(errp);
}

static bool choose_acpi(struct arm_virt *b, struct error **errp)
{
    static const char *const names[] = {"auto", "on", "off", NULL};
    int i = choose("acpi", b->acpi_wanted, names, errp);
    if (i < 0)
        return fail(errp);
    b->acpi = i == 1 || (i == 0 && strcmp(b->m.cls->arch, "aarch64") == 0);
    return true;
}

static bool check_absent(const struct arm_virt *b, struct error **errp)
{
    if (b->mte)
        error_set(errp, "mte=on: the memory tagging extension is not supported");
    else if (b->ras)
        error_set(errp, "ras=on: reporting memory errors of the host needs KVM");
    else if (b->usb)
        error_set(errp, "usb=on: this machine has no USB controller of its own");
    else if (strcmp(b->iommu, "none") != 0)
        error_set(errp, "iommu=%s: only 'none' is supported", b->iommu);
    else if (b->virtio_slots > ARM_VIRT_VIRTIO_SLOTS)
        error_set(errp, "virtio-mmio-transports=%u: at most %d", b->virtio_slots,
                  ARM_VIRT_VIRTIO_SLOTS);
    else if (!is_pow2(b->highmem_mmio_size) || b->highmem_mmio_size < GIB)
        error_set(errp, "highmem-mmio-size: wanted a power of two of at least 1G");
    else if (strlen(b->oem_id) > 6 || strlen(b->oem_table_id) > 8)
        error_set(errp, "x-oem-id has at most 6 characters, x-oem-table-id at most 8");
    else
        return true;
    return fail(errp);
}

/* What is there from the start in EL3 answers PSCI itself: firmware, or an ELF program. */
static bool has_monitor(const struct arm_virt *b)
{
    g_autofree uint8_t *data = NULL;
    struct elf_info elf;
    size_t len;
    if (!b->secure || b->boot.has_firmware || b->m.cfg.kernel == NULL)
        return b->secure && b->boot.has_firmware;
    data = load_file(b->m.cfg.kernel, SIZE_MAX / 2, &len, NULL);
    return data && elf_probe(data, len, &elf);
}

static bool choose_all(struct arm_virt *b, struct error **errp)
{
    const char *bios = b->m.cfg.bios;
    if (bios && (strcmp(bios, "none") == 0 || strcmp(bios, "default") == 0))
        b->m.cfg.bios = NULL; /* there is no firmware of the board's own */
    b->boot.has_firmware = b->m.cfg.bios || b->pflash[0];
    b->psci = has_monitor(b) ? ARM_PSCI_NONE : b->virtualization ? ARM_PSCI_SMC : ARM_PSCI_HVC;
    b->dtb_randomness &= b->dtb_kaslr_seed;
    return check_absent(b, errp) && choose_gic(b, errp) && choose_msi(b, errp) &&
           choose_acpi(b, errp);
}

/* ---- processors and memory ---- */

/* Make a device of the board's own; it is realized by the caller. */
static struct device *create(struct arm_virt *b, const char *type, const char *id)
{
    const struct device_type *t = hw_device_find(type);
    assert(t);
    return device_new(t, &b->m, id);
}

/* Realize a device with registers at base, in one of the worlds, and its line at an interrupt. */
static bool attach_in(struct arm_virt *b, struct mem_region *world, struct device *dev, gpa base,
                      unsigned spi, struct error **errp)
{
    if (!device_realize(dev, errp))
        return false;
    arm_virt_connect(b, &dev->irq, spi);
    region_add(world, base, &dev->mmio, 1);
    return true;
}

static bool attach(struct arm_virt *b, struct device *dev, enum arm_virt_place place, unsigned spi,
                   struct error **errp)
{
    return attach_in(b, &b->m.root, dev, b->map[place].base, spi, errp);
}

/* A cluster has as many processors as a software-generated interrupt can name. */
uint64_t arm_virt_affinity(const struct arm_virt *b, unsigned i)
{
    unsigned cluster = b->gic_version == 2 ? CPUS_PER_CLUSTER_V2 : CPUS_PER_CLUSTER_V3;
    return (uint64_t)(i / cluster) << AFF1_SHIFT | i % cluster;
}

static const char *default_model(const struct arm_virt *b)
{
    const struct machine_config *cfg = &b->m.cfg;
    g_autofree uint8_t *data = NULL;
    size_t len;
    if (cfg->kernel == NULL || strcmp(b->m.cls->arch, "aarch64") != 0)
        return b->m.cls->default_cpu;
    data = load_file(cfg->kernel, SIZE_MAX / 2, &len, NULL);
    const char *arch = data ? image_arch(data, len) : NULL;
    return arch && strcmp(arch, "arm") == 0 ? "cortex-a15" : b->m.cls->default_cpu;
}

static bool create_cpus(struct arm_virt *b, struct error **errp)
{
    struct machine *m = &b->m;
    const char *model = m->cfg.cpu_model ? m->cfg.cpu_model : default_model(b);
    for (unsigned i = 0; i < MAX(m->cfg.smp, 1); i++) {
        struct arm_cpu_config config = {
            .has_el2 = b->virtualization,
            .has_el3 = b->secure,
            .start_off = i > 0 && b->psci != ARM_PSCI_NONE,
            .mpidr = arm_virt_affinity(b, i),
            .reset_pc = b->map[ARM_VIRT_FLASH].base,
            .psci = b->psci,
        };
        if (arm_cpu_new(m, model, &config, errp) == NULL)
            return false;
    }
    return true;
}

/* Give the next region above RAM its place; false when it lies beyond the address width. */
static bool place_high(const struct arm_virt *b, gpa *at, uint64_t size, bool wanted,
                       struct arm_virt_range *out)
{
    gpa base = align_up(*at, size);
    bool fits = base + size <= UINT64_C(1) << arm_pa_bits(b->m.cpus[0]);
    if ((wanted && fits) || !b->compact_highmem)
        *at = base + size;
    if (wanted && fits)
        *out = (struct arm_virt_range){base, size};
    return wanted && fits;
}

/* Ref: QEMU documentation, "virt": highmem and compact-highmem. */
static void place_high_regions(struct arm_virt *b)
{
    gpa ram_end = b->map[ARM_VIRT_DRAM].base + b->m.cfg.ram_size;
    gpa at = MAX(256 * GIB, align_up(ram_end, GIB));
    bool is64 = arm_is_aarch64(b->m.cpus[0]);
    struct arm_virt_range *ecam = &b->map[ARM_VIRT_PCIE_ECAM];
    *ecam = low_ecam;
    place_high(b, &at, 64 * MIB, b->highmem && b->highmem_redists, &b->map[ARM_VIRT_HIGH_REDIST]);
    place_high(b, &at, 256 * MIB, b->highmem && b->highmem_ecam && is64, ecam);
    place_high(b, &at, b->highmem_mmio_size, b->highmem && b->highmem_mmio,
               &b->map[ARM_VIRT_HIGH_MMIO]);
}

static bool check_ram(const struct arm_virt *b, struct error **errp)
{
    unsigned bits = b->highmem ? arm_pa_bits(b->m.cpus[0]) : 32;
    uint64_t room = (UINT64_C(1) << bits) - b->map[ARM_VIRT_DRAM].base;
    if (b->m.cfg.ram_size <= room)
        return true;
    error_set(errp, "-m: at most %" PRIu64 "M fit into the %u address bits%s", room / MIB, bits,
              b->highmem ? " of this processor" : " that highmem=off leaves");
    return false;
}

static bool check_redists(struct arm_virt *b, struct error **errp)
{
    unsigned low = (unsigned)(b->map[ARM_VIRT_GIC_REDIST].size / REDIST_SIZE);
    unsigned high = (unsigned)(b->map[ARM_VIRT_HIGH_REDIST].size / REDIST_SIZE);
    b->redists = MIN(low, b->m.ncpus);
    if (b->gic_version != 3 || b->m.ncpus <= low + high)
        return true;
    error_set(errp,
              "-smp %u: without the high region of redistributors (highmem-redists) there is "
              "room for %u CPUs",
              b->m.ncpus, low + high);
    return false;
}

static bool create_memory(struct arm_virt *b, struct error **errp)
{
    struct machine *m = &b->m;
    if (!check_ram(b, errp))
        return false;
    struct ram_block *dram = machine_new_main_ram(m, "mach-virt.ram", errp);
    if (dram == NULL)
        return false;
    region_init_ram(&b->dram, dram->name, dram, 0, m->cfg.ram_size);
    region_add(&m->root, b->map[ARM_VIRT_DRAM].base, &b->dram, 0);
    return true;
}

/* What the secure world sees: everything, and above that its own. */
static bool create_secure_world(struct arm_virt *b, struct error **errp)
{
    const struct arm_virt_range *r = &b->map[ARM_VIRT_SECURE_MEM];
    if (!b->secure)
        return true;
    struct ram_block *ram = machine_new_ram(&b->m, "virt.secure-ram", r->size, errp);
    if (ram == NULL)
        return false;
    region_init_container(&b->secure_world, "secure-memory", ARM_SECURE_SPACE);
    region_init_alias(&b->secure_view, "secure-memory-view", &b->m.root, ARM_SECURE_SPACE);
    region_init_ram(&b->secure_ram, ram->name, ram, 0, r->size);
    region_add(&b->secure_world, 0, &b->secure_view, -1);
    region_add(&b->secure_world, r->base, &b->secure_ram, 1);
    region_add(&b->m.root, ARM_SECURE_SPACE, &b->secure_world, 0);
    return true;
}

/* ---- devices ---- */

static bool create_uart_in(struct arm_virt *b, struct mem_region *world, struct device *dev,
                           unsigned line, enum arm_virt_place place, unsigned spi,
                           struct error **errp)
{
    const char *chardev = b->m.cfg.serial[line];
    return (chardev == NULL || device_set(dev, "chardev", chardev, errp)) &&
           attach_in(b, world, dev, b->map[place].base, spi, errp);
}

static bool create_uarts(struct arm_virt *b, struct error **errp)
{
    b->uart = create(b, "pl011", "serial0");
    return create_uart_in(b, &b->m.root, b->uart, 0, ARM_VIRT_UART, ARM_VIRT_SPI_UART, errp) &&
           (!b->secure || create_uart_in(b, &b->secure_world, create(b, "pl011", "serial1"), 1,
                                         ARM_VIRT_SECURE_UART, ARM_VIRT_SPI_SECURE_UART, errp));
}

/* The highest slot comes first: there the first device goes that names no bus. */
static bool create_virtio_slots(struct arm_virt *b, struct error **errp)
{
    const struct arm_virt_range *r = &b->map[ARM_VIRT_VIRTIO];
    for (unsigned i = b->virtio_slots; i-- > 0;) {
        g_autofree char *id = g_strdup_printf("virtio-mmio.%u", i);
        struct device *dev = create(b, "virtio-mmio", id);
        if (!attach_in(b, &b->m.root, dev, r->base + i * r->size, ARM_VIRT_SPI_VIRTIO + i, errp))
            return false;
        dev->mmio.size = r->size;
    }
    return true;
}

static bool create_pcie(struct arm_virt *b, struct error **errp)
{
    const struct arm_virt_range *m = b->map;
    struct device *dev = create(b, "gpex-pcihost", "gpex-pcihost");
    ecam_set_windows(dev, &(struct ecam_windows){
                              .io = m[ARM_VIRT_PCIE_PIO].base,
                              .io_size = m[ARM_VIRT_PCIE_PIO].size,
                              .low = {m[ARM_VIRT_PCIE_MMIO].base, m[ARM_VIRT_PCIE_MMIO].size},
                              .high = {m[ARM_VIRT_HIGH_MMIO].base, m[ARM_VIRT_HIGH_MMIO].size},
                          });
    if (b->its)
        ecam_set_message_handler(dev, gicv3_its_message, b->its);
    if (!device_realize(dev, errp))
        return false;
    for (unsigned i = 0; i < ECAM_INTX_LINES; i++)
        arm_virt_connect(b, ecam_irq(dev, i), ARM_VIRT_SPI_PCIE + i);
    dev->mmio.size = m[ARM_VIRT_PCIE_ECAM].size;
    region_add(&b->m.root, m[ARM_VIRT_PCIE_ECAM].base, &dev->mmio, 0);
    return true;
}

static bool create_fw_cfg(struct arm_virt *b, struct error **errp)
{
    struct device *dev = b->fw_cfg = create(b, "fw_cfg_mem", "fw_cfg");
    if (!device_realize(dev, errp))
        return false;
    region_add(&b->m.root, b->map[ARM_VIRT_FW_CFG].base, &dev->mmio, 0);
    fw_cfg_set_u16(dev, FW_CFG_NB_CPUS, (uint16_t)b->m.ncpus);
    fw_cfg_set_u16(dev, FW_CFG_MAX_CPUS, (uint16_t)MAX(b->m.cfg.max_cpus, b->m.ncpus));
    return true;
}

/* Bank 0 holds what the machine begins with: with a secure world, that world's. */
static bool create_flash(struct arm_virt *b, unsigned bank, struct error **errp)
{
    g_autofree char *id = g_strdup_printf("virt.flash%u", bank);
    struct device *dev = b->flash[bank] = create(b, "cfi.pflash01", id);
    g_autofree char *blocks = g_strdup_printf("%d", FLASH_BLOCKS);
    if ((b->pflash[bank] && !device_set(dev, "drive", b->pflash[bank], errp)) ||
        !device_set(dev, "num-blocks", blocks, errp) || !device_realize(dev, errp)) {
        error_prefix(errp, "pflash%u", bank);
        return false;
    }
    const struct arm_virt_range *r = &b->map[ARM_VIRT_FLASH];
    struct mem_region *world = b->secure && bank == 0 ? &b->secure_world : &b->m.root;
    region_add(world, r->base + bank * r->size, pflash_region(dev), 1);
    return true;
}

/* -bios goes to where a drive would be. */
static bool load_bios(struct arm_virt *b, struct error **errp)
{
    if (b->m.cfg.bios == NULL)
        return true;
    if (b->pflash[0]) {
        error_set(errp,
                  "-bios %s: the first flash bank holds a drive (pflash0); wanted only one "
                  "of them",
                  b->m.cfg.bios);
        return false;
    }
    b->boot.m = &b->m;
    b->boot.flash = pflash_ram(b->flash[0]);
    return arm_boot_load_bios(&b->boot, errp);
}

static void secure_power_off(void *m, unsigned n UNUSED, bool level)
{
    if (level)
        machine_request_shutdown(m, SHUTDOWN_GUEST_OFF, 0);
}

static void secure_restart(void *m, unsigned n UNUSED, bool level)
{
    if (level)
        machine_request_reset(m);
}

static bool create_gpios(struct arm_virt *b, struct error **errp)
{
    b->gpio = create(b, "pl061", "gpio");
    if (!attach(b, b->gpio, ARM_VIRT_GPIO, ARM_VIRT_SPI_GPIO, errp))
        return false;
    if (!b->secure)
        return true;
    struct device *dev = create(b, "pl061", "secure-gpio");
    irq_connect(pl061_output(dev, 0), secure_power_off, &b->m, 0);
    irq_connect(pl061_output(dev, 1), secure_restart, &b->m, 0);
    return attach_in(b, &b->secure_world, dev, b->map[ARM_VIRT_SECURE_GPIO].base,
                     ARM_VIRT_SPI_SECURE_GPIO, errp);
}

/* Firmware that finds them in fw_cfg gives them to the system instead of the device tree. */
static bool create_acpi(struct arm_virt *b, struct error **errp)
{
    if (!b->acpi || !b->boot.has_firmware)
        return true;
    b->ged = create(b, "acpi-ged", "acpi-ged");
    if (!attach(b, b->ged, ARM_VIRT_GED, ARM_VIRT_SPI_GED, errp))
        return false;
    struct acpi *a = arm_virt_acpi(b);
    bool ok = acpi_deliver(a, b->fw_cfg, errp);
    acpi_free(a);
    return ok;
}

static bool create_smbios(struct arm_virt *b, struct error **errp)
{
    struct smbios_info info = smbios_describe(&b->m);
    info.processor = arm_compatible(b->m.cpus[0]);
    info.ram_base = b->map[ARM_VIRT_DRAM].base;
    return smbios_deliver(&info, b->fw_cfg, errp);
}

static bool create_devices(struct arm_virt *b, struct error **errp)
{
    return create_uarts(b, errp) &&
           attach(b, create(b, "pl031", "rtc"), ARM_VIRT_RTC, ARM_VIRT_SPI_RTC, errp) &&
           create_gpios(b, errp) && create_virtio_slots(b, errp) && create_pcie(b, errp) &&
           create_fw_cfg(b, errp) && create_flash(b, 0, errp) && create_flash(b, 1, errp) &&
           load_bios(b, errp) && create_acpi(b, errp) && create_smbios(b, errp);
}

static void let_go(void *opaque)
{
    struct arm_virt *b = opaque;
    pl061_set_input(b->gpio, ARM_VIRT_POWER_PIN, false);
}

/* A guest looks at the key a while after its edge. */
static void arm_virt_powerdown(struct machine *m)
{
    struct arm_virt *b = (struct arm_virt *)m;
    pl061_set_input(b->gpio, ARM_VIRT_POWER_PIN, true);
    if (b->ged)
        acpi_ged_event(b->ged, ACPI_GED_POWER_BUTTON);
    timer_set(&b->power_button, clock_now() + (ns_t)PRESS_MS * 1000000);
}

/* ---- the machine ---- */

/* The board's own tree, or that of -dtb. */
static struct fdt *create_fdt(struct arm_virt *b, struct error **errp)
{
    const char *path = b->m.cfg.dtb;
    size_t len;
    if (path == NULL)
        return arm_virt_fdt(b);
    g_autofree uint8_t *data = load_file(path, 16 << 20, &len, errp);
    struct fdt *f = data ? fdt_from_blob(data, len, path, errp) : NULL;
    if (f == NULL)
        error_prefix(errp, "-dtb");
    return f;
}

static bool load(struct arm_virt *b, struct error **errp)
{
    struct arm_boot *boot = &b->boot;
    boot->m = &b->m;
    boot->ram_base = b->map[ARM_VIRT_DRAM].base;
    boot->ram_size = b->m.cfg.ram_size;
    boot->fw_cfg = b->fw_cfg;
    boot->has_el2 = b->virtualization;
    boot->has_el3 = b->secure;
    boot->randomness = b->dtb_randomness;
    boot->fdt = create_fdt(b, errp);
    address_space_update(&b->m.as);
    return boot->fdt && arm_boot_load(boot, errp);
}

static bool arm_virt_init(struct machine *m, struct error **errp)
{
    struct arm_virt *b = (struct arm_virt *)m;
    memcpy(b->map, fixed_map, sizeof(b->map));
    timer_init(&b->power_button, NULL, let_go, b);
    if (!choose_all(b, errp) || !create_cpus(b, errp))
        return false;
    place_high_regions(b);
    return check_redists(b, errp) && create_memory(b, errp) && create_secure_world(b, errp) &&
           arm_virt_create_gic(b, errp) && create_devices(b, errp) && load(b, errp) &&
           board_dump_fdt(m, b->boot.fdt, errp);
}

static void arm_virt_reset(struct machine *m)
{
    arm_boot_reset(&((struct arm_virt *)m)->boot);
}

static void arm_virt_fini(struct machine *m)
{
    struct arm_virt *b = (struct arm_virt *)m;
    if (b->power_button.fn)
        timer_cancel(&b->power_button);
    arm_boot_fini(&b->boot);
}

static const struct prop arm_virt_props[] = {
    PROP(prop_string, arm_virt, "acpi", acpi_wanted, "auto",
         "ACPI tables for firmware: on, off or auto (on for aarch64)"),
    PROP(prop_bool, arm_virt, "compact-highmem", compact_highmem, "on",
         "regions above RAM that are off take no addresses"),
    PROP(prop_bool, arm_virt, "default-bus-bypass-iommu", bypass_iommu, "off",
         "nothing: there is no IOMMU to bypass"),
    PROP(prop_string, arm_virt, "dt-compatible", dt_compatible, "linux,dummy-virt",
         "compatible property of the device tree's root"),
    PROP(prop_bool, arm_virt, "dtb-kaslr-seed", dtb_kaslr_seed, "on", "old name of dtb-randomness"),
    PROP(prop_bool, arm_virt, "dtb-randomness", dtb_randomness, "on",
         "random seeds in the device tree"),
    PROP(prop_string, arm_virt, "gic-version", gic_wanted, NULL,
         "interrupt controller: 2, 3 or max (default: 2, with more than 8 CPUs 3)"),
    PROP(prop_bool, arm_virt, "highmem", highmem, "on", "addresses above 4 GiB"),
    PROP(prop_bool, arm_virt, "highmem-ecam", highmem_ecam, "on",
         "256 PCI buses, configured above RAM (off: 16)"),
    PROP(prop_bool, arm_virt, "highmem-mmio", highmem_mmio, "on", "PCI memory window above RAM"),
    PROP(prop_size, arm_virt, "highmem-mmio-size", highmem_mmio_size, "512G", "its size"),
    PROP(prop_bool, arm_virt, "highmem-redists", highmem_redists, "on",
         "redistributors of a GICv3 above RAM, for more than 123 CPUs"),
    PROP(prop_string, arm_virt, "iommu", iommu, "none", "IOMMU: none"),
    PROP(prop_bool, arm_virt, "its", its_wanted, "on",
         "with a GICv3, an interrupt translation service"),
    PROP(prop_string, arm_virt, "msi", msi_wanted, "auto",
         "who takes messages of PCI functions: auto, its, gicv2m or off"),
    PROP(prop_bool, arm_virt, "mte", mte, "off", "memory tagging extension: off"),
    PROP(prop_string, arm_virt, "pflash0", pflash[0], NULL, "drive of the first flash bank"),
    PROP(prop_string, arm_virt, "pflash1", pflash[1], NULL, "drive of the second flash bank"),
    PROP(prop_bool, arm_virt, "ras", ras, "off", "report memory errors of the host: off"),
    PROP(prop_bool, arm_virt, "secure", secure, "off", "EL3 and a secure world"),
    PROP(prop_bool, arm_virt, "usb", usb, "off", "USB controller: off"),
    PROP(prop_uint8, arm_virt, "virtio-mmio-transports", virtio_slots, "32",
         "places for virtio devices that are not on PCI"),
    PROP(prop_bool, arm_virt, "virtualization", virtualization, "off", "EL2, for hypervisors"),
    PROP(prop_string, arm_virt, "x-oem-id", oem_id, "TINAMO", "OEM ID in ACPI tables"),
    PROP(prop_string, arm_virt, "x-oem-table-id", oem_table_id, "TINAMOU ",
         "OEM table ID in ACPI tables"),
    PROP_END,
};

/* Machines that a version of QEMU froze under a name of their own; here they are all the same. */
static const char *const arm_virt_aliases[] = {
    "virt-2.6",  "virt-2.7",  "virt-2.8",  "virt-2.9",  "virt-2.10", "virt-2.11", "virt-2.12",
    "virt-3.0",  "virt-3.1",  "virt-4.0",  "virt-4.1",  "virt-4.2",  "virt-5.0",  "virt-5.1",
    "virt-5.2",  "virt-6.0",  "virt-6.1",  "virt-6.2",  "virt-7.0",  "virt-7.1",  "virt-7.2",
    "virt-8.0",  "virt-8.1",  "virt-8.2",  "virt-9.0",  "virt-9.1",  "virt-9.2",  "virt-10.0",
    "virt-10.1", "virt-10.2", "virt-11.0", "virt-11.1", NULL,
};

#define ARM_VIRT_COMMON                                                                            \
    .name = "virt", .desc = "ARM Virtual Machine", .max_cpus = MACHINE_MAX_CPUS,                   \
    .numa = NUMA_BY_SOCKET, .default_ram = 128 << 20, .default_net = "virtio",                     \
    .default_block_if = "virtio", .size = sizeof(struct arm_virt), .props = arm_virt_props,        \
    .init = arm_virt_init, .reset = arm_virt_reset, .fini = arm_virt_fini,                         \
    .powerdown = arm_virt_powerdown, .aliases = arm_virt_aliases, .has_smbios = true

const struct machine_class aarch64_virt_class = {
    ARM_VIRT_COMMON,
    .arch = "aarch64",
    .default_cpu = "cortex-a57",
};

const struct machine_class arm_virt_class = {
    ARM_VIRT_COMMON,
    .arch = "arm",
    .default_cpu = "cortex-a15",
};
