/* The Arm virt board's device tree.  Ref: Devicetree Specification 0.4; Linux
 * Documentation/devicetree/bindings. */
#include "hw/board/arm_virt.h"
#include "hw/board/numa_fdt.h"
#include "hw/pci/host_ecam.h"

#include <string.h>

static const char GIC[] = "/intc@8000000", V2M[] = "/intc@8000000/v2m@8020000",
                  ITS[] = "/intc@8000000/its@8080000", CLOCK[] = "/apb-pclk";
static const char *const PL011_COMPATIBLE[] = {"arm,pl011", "arm,primecell", NULL};
static const char *const PL031_COMPATIBLE[] = {"arm,pl031", "arm,primecell", NULL};
static const char *const PL061_COMPATIBLE[] = {"arm,pl061", "arm,primecell", NULL};
static const char *const PSCI_COMPATIBLE[] = {"arm,psci-1.0", "arm,psci-0.2", "arm,psci", NULL};
static const char *const UART_CLOCKS[] = {"uartclk", "apb_pclk", NULL};
static const char *const TIMER_COMPATIBLE[] = {"arm,armv8-timer", "arm,armv7-timer", NULL};
enum { CLOCK_HZ = 24000000, POWER_KEY = 116 };
enum { SPI = 0, PPI = 1, EDGE_RISING = 1, LEVEL_HIGH = 4, PPI_CPUS_SHIFT = 8 };
enum { PSCI_SUSPEND = 1, PSCI_OFF = 2, PSCI_ON = 3, PSCI_MIGRATE = 5 };
static const uint32_t PSCI_32 = 0x84000000, PSCI_64 = 0xc4000000;

static void put_range(struct fdt *f, const char *path, const struct arm_virt_range *r)
{
    fdt_reg64(f, path, r->base, r->size);
}

static void put_spi(struct fdt *f, const char *path, unsigned spi, unsigned trigger)
{
    FDT_CELLS(f, path, "interrupts", SPI, spi, trigger);
}

/* Flags of a private interrupt; a GICv2 wants the processors that have it, too. */
static uint32_t ppi_flags(const struct arm_virt *b)
{
    uint32_t cpus = b->gic_version == 2 ? (1U << b->m.ncpus) - 1 : 0;
    return cpus << PPI_CPUS_SHIFT | LEVEL_HIGH;
}

/* What only the secure world has. */
static void put_secure_status(struct fdt *f, const char *path)
{
    fdt_string(f, path, "status", "disabled");
    fdt_string(f, path, "secure-status", "okay");
}

static void put_root(struct fdt *f, const struct arm_virt *b)
{
    fdt_string(f, "/", "compatible", b->dt_compatible);
    fdt_string(f, "/", "model", "linux,dummy-virt");
    fdt_u32(f, "/", "#address-cells", 2);
    fdt_u32(f, "/", "#size-cells", 2);
    fdt_flag(f, "/", "dma-coherent");
    fdt_u32(f, "/", "interrupt-parent", fdt_phandle(f, GIC));
}

static void put_clock(struct fdt *f)
{
    fdt_string(f, CLOCK, "compatible", "fixed-clock");
    fdt_u32(f, CLOCK, "#clock-cells", 0);
    fdt_u32(f, CLOCK, "clock-frequency", CLOCK_HZ);
    fdt_string(f, CLOCK, "clock-output-names", "clk24mhz");
    fdt_phandle(f, CLOCK);
}

/* In the order of the binding: secure, non-secure, virtual, of the hypervisor, its virtual one. */
static void put_timer(struct fdt *f, const struct arm_virt *b)
{
    static const enum arm_timer order[] = {ARM_TIMER_SEC, ARM_TIMER_PHYS, ARM_TIMER_VIRT,
                                           ARM_TIMER_HYP, ARM_TIMER_HYPVIRT};
    uint32_t cells[G_N_ELEMENTS(order) * 3], *c = cells;
    bool is64 = arm_is_aarch64(b->m.cpus[0]);
    size_t n = is64 && b->virtualization ? G_N_ELEMENTS(order) : G_N_ELEMENTS(order) - 1;
    for (size_t i = 0; i < n; i++) {
        *c++ = PPI;
        *c++ = arm_virt_timer_ppi[order[i]];
        *c++ = ppi_flags(b);
    }
    fdt_strings(f, "/timer", "compatible", is64 ? TIMER_COMPATIBLE : TIMER_COMPATIBLE + 1);
    fdt_flag(f, "/timer", "always-on");
    fdt_cells(f, "/timer", "interrupts", cells, n * 3);
}

static char *cpu_path(const struct arm_virt *b, unsigned i)
{
    return g_strdup_printf("/cpus/cpu@%x", (unsigned)arm_virt_affinity(b, i));
}

static void put_cpu(struct fdt *f, const struct arm_virt *b, unsigned i)
{
    const struct machine_config *cfg = &b->m.cfg;
    unsigned threads = MAX(cfg->threads, 1), cores = MAX(cfg->cores, 1), core = i / threads;
    g_autofree char *path = cpu_path(b, i);
    g_autofree char *place =
        g_strdup_printf("/cpus/cpu-map/socket%u/cluster0/core%u", core / cores, core % cores);
    g_autofree char *thread =
        threads > 1 ? g_strdup_printf("%s/thread%u", place, i % threads) : g_strdup(place);
    fdt_string(f, path, "device_type", "cpu");
    fdt_string(f, path, "compatible", arm_compatible(b->m.cpus[i]));
    if (b->psci != ARM_PSCI_NONE && b->m.ncpus > 1)
        fdt_string(f, path, "enable-method", "psci");
    fdt_u32(f, path, "reg", (uint32_t)arm_virt_affinity(b, i));
    board_fdt_cpu_node(f, &b->m, path, i);
    fdt_u32(f, thread, "cpu", fdt_phandle(f, path));
}

/* Subnodes come out in reverse order of creation, so the last is made first. */
static void put_cpus(struct fdt *f, const struct arm_virt *b)
{
    fdt_u32(f, "/cpus", "#address-cells", 1);
    fdt_u32(f, "/cpus", "#size-cells", 0);
    fdt_node(f, "/cpus/cpu-map");
    for (unsigned i = b->m.ncpus; i-- > 0;)
        put_cpu(f, b, i);
}

static void put_gic_common(struct fdt *f)
{
    fdt_u32(f, GIC, "#interrupt-cells", 3);
    fdt_flag(f, GIC, "interrupt-controller");
    fdt_u32(f, GIC, "#address-cells", 2);
    fdt_u32(f, GIC, "#size-cells", 2);
    fdt_flag(f, GIC, "ranges");
    fdt_phandle(f, GIC);
}

static void put_ranges(struct fdt *f, const char *path, const struct arm_virt *b,
                       const enum arm_virt_place *places, size_t n)
{
    g_autofree uint32_t *cells = g_new(uint32_t, n * 4);
    for (size_t i = 0; i < n; i++) {
        const struct arm_virt_range *r = &b->map[places[i]];
        uint32_t four[4] = {(uint32_t)(r->base >> 32), (uint32_t)r->base, (uint32_t)(r->size >> 32),
                            (uint32_t)r->size};
        memcpy(cells + 4 * i, four, sizeof(four));
    }
    fdt_cells(f, path, "reg", cells, n * 4);
}

static void put_gicv2(struct fdt *f, const struct arm_virt *b)
{
    static const enum arm_virt_place places[] = {ARM_VIRT_GIC_DIST, ARM_VIRT_GIC_CPU,
                                                 ARM_VIRT_GIC_HYP, ARM_VIRT_GIC_VCPU};
    fdt_string(f, GIC, "compatible", "arm,cortex-a15-gic");
    put_ranges(f, GIC, b, places, b->virtualization ? 4 : 2);
}

static void put_gicv3(struct fdt *f, const struct arm_virt *b)
{
    static const enum arm_virt_place places[] = {ARM_VIRT_GIC_DIST, ARM_VIRT_GIC_REDIST,
                                                 ARM_VIRT_HIGH_REDIST};
    unsigned regions = b->m.ncpus > b->redists ? 2 : 1;
    fdt_string(f, GIC, "compatible", "arm,gic-v3");
    fdt_u32(f, GIC, "#redistributor-regions", regions);
    put_ranges(f, GIC, b, places, 1 + regions);
}

static void put_msi(struct fdt *f, const struct arm_virt *b)
{
    const char *path = b->msi == ARM_VIRT_MSI_ITS ? ITS : V2M;
    if (b->msi == ARM_VIRT_MSI_NONE)
        return;
    fdt_flag(f, path, "msi-controller");
    if (b->msi == ARM_VIRT_MSI_ITS) {
        fdt_string(f, path, "compatible", "arm,gic-v3-its");
        fdt_u32(f, path, "#msi-cells", 1);
        put_range(f, path, &b->map[ARM_VIRT_GIC_ITS]);
    } else {
        fdt_string(f, path, "compatible", "arm,gic-v2m-frame");
        put_range(f, path, &b->map[ARM_VIRT_GIC_V2M]);
    }
    fdt_phandle(f, path);
}

static void put_gic(struct fdt *f, const struct arm_virt *b)
{
    put_gic_common(f);
    if (b->gic_version == 2)
        put_gicv2(f, b);
    else
        put_gicv3(f, b);
    if (b->virtualization)
        FDT_CELLS(f, GIC, "interrupts", PPI, ARM_VIRT_PPI_MAINTENANCE, ppi_flags(b));
    put_msi(f, b);
}

static void put_pmu(struct fdt *f, const struct arm_virt *b)
{
    if (!arm_has_pmu(b->m.cpus[0]) || !arm_is_aarch64(b->m.cpus[0]))
        return;
    fdt_string(f, "/pmu", "compatible", "arm,armv8-pmuv3");
    FDT_CELLS(f, "/pmu", "interrupts", PPI, ARM_VIRT_PPI_PMU, ppi_flags(b));
}

static void put_uart(struct fdt *f, const struct arm_virt *b, const char *path,
                     enum arm_virt_place place, unsigned spi)
{
    uint32_t clock = fdt_phandle(f, CLOCK);
    fdt_strings(f, path, "compatible", PL011_COMPATIBLE);
    put_range(f, path, &b->map[place]);
    put_spi(f, path, spi, LEVEL_HIGH);
    FDT_CELLS(f, path, "clocks", clock, clock);
    fdt_strings(f, path, "clock-names", UART_CLOCKS);
}

static void put_uarts(struct fdt *f, const struct arm_virt *b)
{
    static const char path[] = "/pl011@9000000", secure[] = "/pl011@9040000";
    put_uart(f, b, path, ARM_VIRT_UART, ARM_VIRT_SPI_UART);
    fdt_string(f, "/chosen", "stdout-path", path);
    fdt_string(f, "/aliases", "serial0", path);
    if (!b->secure)
        return;
    put_uart(f, b, secure, ARM_VIRT_SECURE_UART, ARM_VIRT_SPI_SECURE_UART);
    put_secure_status(f, secure);
    fdt_string(f, "/secure-chosen", "stdout-path", secure);
    fdt_string(f, "/aliases", "serial1", secure);
}

static void put_rtc(struct fdt *f, const struct arm_virt *b)
{
    static const char path[] = "/pl031@9010000";
    fdt_strings(f, path, "compatible", PL031_COMPATIBLE);
    put_range(f, path, &b->map[ARM_VIRT_RTC]);
    put_spi(f, path, ARM_VIRT_SPI_RTC, LEVEL_HIGH);
    fdt_u32(f, path, "clocks", fdt_phandle(f, CLOCK));
    fdt_string(f, path, "clock-names", "apb_pclk");
}

static void put_gpio(struct fdt *f, const struct arm_virt *b, const char *path,
                     enum arm_virt_place place, unsigned spi)
{
    fdt_strings(f, path, "compatible", PL061_COMPATIBLE);
    put_range(f, path, &b->map[place]);
    fdt_u32(f, path, "#gpio-cells", 2);
    fdt_flag(f, path, "gpio-controller");
    put_spi(f, path, spi, LEVEL_HIGH);
    fdt_u32(f, path, "clocks", fdt_phandle(f, CLOCK));
    fdt_string(f, path, "clock-names", "apb_pclk");
}

static void put_power_key(struct fdt *f, const struct arm_virt *b)
{
    static const char gpio[] = "/pl061@9030000", key[] = "/gpio-keys/poweroff";
    put_gpio(f, b, gpio, ARM_VIRT_GPIO, ARM_VIRT_SPI_GPIO);
    fdt_string(f, "/gpio-keys", "compatible", "gpio-keys");
    fdt_string(f, key, "label", "GPIO Key Poweroff");
    fdt_u32(f, key, "linux,code", POWER_KEY);
    FDT_CELLS(f, key, "gpios", fdt_phandle(f, gpio), ARM_VIRT_POWER_PIN, 0);
}

static void put_secure_gpio(struct fdt *f, const struct arm_virt *b)
{
    static const char gpio[] = "/pl061@90b0000";
    static const char *const users[] = {"gpio-poweroff", "gpio-restart"};
    put_gpio(f, b, gpio, ARM_VIRT_SECURE_GPIO, ARM_VIRT_SPI_SECURE_GPIO);
    put_secure_status(f, gpio);
    for (unsigned pin = 0; pin < G_N_ELEMENTS(users); pin++) {
        g_autofree char *path = g_strdup_printf("/%s", users[pin]);
        fdt_string(f, path, "compatible", users[pin]);
        FDT_CELLS(f, path, "gpios", fdt_phandle(f, gpio), pin, 0);
        put_secure_status(f, path);
    }
}

static void put_virtio(struct fdt *f, const struct arm_virt *b)
{
    const struct arm_virt_range *r = &b->map[ARM_VIRT_VIRTIO];
    for (unsigned i = b->virtio_slots; i-- > 0;) {
        gpa base = r->base + i * r->size;
        g_autofree char *path = g_strdup_printf("/virtio_mmio@%x", (unsigned)base);
        fdt_string(f, path, "compatible", "virtio,mmio");
        fdt_reg64(f, path, base, r->size);
        put_spi(f, path, ARM_VIRT_SPI_VIRTIO + i, EDGE_RISING);
        fdt_flag(f, path, "dma-coherent");
    }
}

enum { PCI_SPACE_IO = 0x1000000, PCI_SPACE_MEM32 = 0x2000000, PCI_SPACE_MEM64 = 0x3000000 };

/* Who hears pin of slot, for the four slots after which the rotation repeats. */
static void put_pcie_map(struct fdt *f, const char *path)
{
    enum { CELLS = 10, SLOT_SHIFT = 11 };
    uint32_t cells[ECAM_INTX_LINES * ECAM_INTX_LINES * CELLS] = {0}, *c = cells;
    for (unsigned slot = 0; slot < ECAM_INTX_LINES; slot++)
        for (unsigned pin = 0; pin < ECAM_INTX_LINES; pin++, c += CELLS) {
            c[0] = slot << SLOT_SHIFT;
            c[3] = pin + 1;
            c[4] = fdt_phandle(f, GIC);
            c[7] = SPI;
            c[8] = ARM_VIRT_SPI_PCIE + (slot + pin) % ECAM_INTX_LINES;
            c[9] = LEVEL_HIGH;
        }
    fdt_u32(f, path, "#interrupt-cells", 1);
    FDT_CELLS(f, path, "interrupt-map-mask", 3U << SLOT_SHIFT, 0, 0, 7);
    fdt_cells(f, path, "interrupt-map", cells, G_N_ELEMENTS(cells));
}

static void put_pcie_ranges(struct fdt *f, const char *path, const struct arm_virt *b)
{
    const struct arm_virt_range *io = &b->map[ARM_VIRT_PCIE_PIO],
                                *low = &b->map[ARM_VIRT_PCIE_MMIO],
                                *high = &b->map[ARM_VIRT_HIGH_MMIO];
    uint32_t cells[] = {PCI_SPACE_IO,
                        0,
                        0,
                        0,
                        (uint32_t)io->base,
                        0,
                        (uint32_t)io->size,
                        PCI_SPACE_MEM32,
                        0,
                        (uint32_t)low->base,
                        0,
                        (uint32_t)low->base,
                        0,
                        (uint32_t)low->size,
                        PCI_SPACE_MEM64,
                        (uint32_t)(high->base >> 32),
                        (uint32_t)high->base,
                        (uint32_t)(high->base >> 32),
                        (uint32_t)high->base,
                        (uint32_t)(high->size >> 32),
                        (uint32_t)high->size};
    fdt_cells(f, path, "ranges", cells, high->size ? 21 : 14);
}

static void put_pcie(struct fdt *f, const struct arm_virt *b)
{
    static const char path[] = "/pcie@10000000";
    const struct arm_virt_range *ecam = &b->map[ARM_VIRT_PCIE_ECAM];
    fdt_string(f, path, "compatible", "pci-host-ecam-generic");
    fdt_string(f, path, "device_type", "pci");
    fdt_u32(f, path, "#address-cells", 3);
    fdt_u32(f, path, "#size-cells", 2);
    fdt_u32(f, path, "linux,pci-domain", 0);
    FDT_CELLS(f, path, "bus-range", 0, (uint32_t)(ecam->size / ECAM_BUS_SIZE) - 1);
    fdt_flag(f, path, "dma-coherent");
    if (b->msi != ARM_VIRT_MSI_NONE)
        FDT_CELLS(f, path, "msi-map", 0, fdt_phandle(f, b->msi == ARM_VIRT_MSI_ITS ? ITS : V2M), 0,
                  0x10000);
    put_range(f, path, ecam);
    put_pcie_ranges(f, path, b);
    put_pcie_map(f, path);
}

static void put_flash(struct fdt *f, const char *path, gpa base, uint64_t size, unsigned banks)
{
    fdt_string(f, path, "compatible", "cfi-flash");
    if (banks == 1)
        fdt_reg64(f, path, base, size);
    else
        FDT_CELLS(f, path, "reg", 0, base, 0, size, 0, base + size, 0, size);
    fdt_u32(f, path, "bank-width", 4);
}

static void put_flashes(struct fdt *f, const struct arm_virt *b)
{
    const struct arm_virt_range *r = &b->map[ARM_VIRT_FLASH];
    if (!b->secure) {
        put_flash(f, "/flash@0", r->base, r->size, 2);
        return;
    }
    put_flash(f, "/flash@4000000", r->base + r->size, r->size, 1);
    put_flash(f, "/secflash@0", r->base, r->size, 1);
    put_secure_status(f, "/secflash@0");
}

static void put_fw_cfg(struct fdt *f, const struct arm_virt *b)
{
    static const char path[] = "/fw-cfg@9020000";
    fdt_string(f, path, "compatible", "qemu,fw-cfg-mmio");
    put_range(f, path, &b->map[ARM_VIRT_FW_CFG]);
    fdt_flag(f, path, "dma-coherent");
}

static void put_memory(struct fdt *f, const struct arm_virt *b)
{
    static const char secure[] = "/secram@e000000";
    board_fdt_memory(f, &b->m, b->map[ARM_VIRT_DRAM].base);
    if (!b->secure)
        return;
    fdt_string(f, secure, "device_type", "memory");
    put_range(f, secure, &b->map[ARM_VIRT_SECURE_MEM]);
    put_secure_status(f, secure);
}

static void put_psci(struct fdt *f, const struct arm_virt *b)
{
    static const char path[] = "/psci";
    uint32_t wide = arm_is_aarch64(b->m.cpus[0]) ? PSCI_64 : PSCI_32;
    if (b->psci == ARM_PSCI_NONE)
        return;
    fdt_strings(f, path, "compatible", PSCI_COMPATIBLE);
    fdt_string(f, path, "method", b->psci == ARM_PSCI_SMC ? "smc" : "hvc");
    fdt_u32(f, path, "cpu_suspend", wide | PSCI_SUSPEND);
    fdt_u32(f, path, "cpu_off", PSCI_32 | PSCI_OFF);
    fdt_u32(f, path, "cpu_on", wide | PSCI_ON);
    fdt_u32(f, path, "migrate", wide | PSCI_MIGRATE);
}

struct fdt *arm_virt_fdt(struct arm_virt *b)
{
    struct fdt *f = fdt_new();
    put_root(f, b);
    put_clock(f);
    put_timer(f, b);
    put_cpus(f, b);
    put_flashes(f, b);
    put_gic(f, b);
    put_pmu(f, b);
    put_uarts(f, b);
    put_rtc(f, b);
    put_pcie(f, b);
    put_power_key(f, b);
    if (b->secure)
        put_secure_gpio(f, b);
    put_virtio(f, b);
    put_fw_cfg(f, b);
    put_memory(f, b);
    put_psci(f, b);
    return f;
}
