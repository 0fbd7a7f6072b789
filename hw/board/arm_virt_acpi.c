/*
 * The Arm virt board's ACPI tables.
 * Ref: ACPI Specification 6.5, 5.2.12 (MADT) and 5.2.25 (GTDT); Arm DEN 0049 (IORT); Arm DEN 0029
 * (BSA).
 */
#include "hw/acpi/aml.h"
#include "hw/acpi/aml_devices.h"
#include "hw/acpi/aml_pci.h"
#include "hw/acpi/srat.h"
#include "hw/acpi/tables.h"
#include "hw/board/arm_virt.h"
#include "hw/intc/gicv3.h"
#include "hw/pci/host_ecam.h"

enum { FIRST_PPI = 16, FIRST_SPI = 32 };
enum { STA_PRESENT = 0xb /* and enabled, and works */ };

/* ---- DSDT ---- */

static void put_resources(struct aml *d, gpa base, uint64_t size, unsigned spi, bool edge)
{
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_memory32_fixed(d, (uint32_t)base, (uint32_t)size);
    aml_irq(d, FIRST_SPI + spi, edge);
    aml_end(d);
}

static void put_uart(struct aml *d, const struct arm_virt *b)
{
    const struct arm_virt_range *r = &b->map[ARM_VIRT_UART];
    aml_device_begin(d, "COM0");
    aml_name_string(d, "_HID", "ARMH0011");
    aml_name_int(d, "_UID", 0);
    put_resources(d, r->base, r->size, ARM_VIRT_SPI_UART, false);
    aml_end(d);
}

static void put_fw_cfg(struct aml *d, const struct arm_virt *b)
{
    const struct arm_virt_range *r = &b->map[ARM_VIRT_FW_CFG];
    aml_device_begin(d, "FWCF");
    aml_name_string(d, "_HID", "QEMU0002");
    aml_name_int(d, "_STA", STA_PRESENT);
    aml_name_int(d, "_CCA", 1);
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_memory32_fixed(d, (uint32_t)r->base, (uint32_t)r->size);
    aml_end(d);
    aml_end(d);
}

static void put_virtio(struct aml *d, const struct arm_virt *b)
{
    const struct arm_virt_range *r = &b->map[ARM_VIRT_VIRTIO];
    for (unsigned i = 0; i < b->virtio_slots; i++)
        aml_virtio_mmio(d, i, (uint32_t)(r->base + i * r->size), (uint32_t)r->size,
                        FIRST_SPI + ARM_VIRT_SPI_VIRTIO + i);
}

static void put_windows(struct aml *d, const struct arm_virt *b)
{
    const struct arm_virt_range *ecam = &b->map[ARM_VIRT_PCIE_ECAM],
                                *io = &b->map[ARM_VIRT_PCIE_PIO],
                                *low = &b->map[ARM_VIRT_PCIE_MMIO],
                                *high = &b->map[ARM_VIRT_HIGH_MMIO];
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_bus_range(d, 0, (uint16_t)(ecam->size / ECAM_BUS_SIZE - 1));
    aml_memory_window(d, low->base, low->size, AML_RANGE_PRODUCER);
    aml_io_window(d, 0, io->size, io->base);
    if (high->size)
        aml_memory_window(d, high->base, high->size, AML_RANGE_PRODUCER);
    aml_end(d);
}

/* Configuration space, so that nothing else is put there. */
static void put_reserved(struct aml *d, const struct arm_virt *b)
{
    const struct arm_virt_range *ecam = &b->map[ARM_VIRT_PCIE_ECAM];
    aml_device_begin(d, "RES0");
    aml_name_eisaid(d, "_HID", "PNP0C02");
    aml_name(d, "_CRS");
    aml_resources_begin(d);
    aml_memory_window(d, ecam->base, ecam->size, AML_RANGE_CONSUMER);
    aml_end(d);
    aml_end(d);
}

static void put_pci(struct aml *d, const struct arm_virt *b)
{
    aml_device_begin(d, "PCI0");
    aml_name_eisaid(d, "_HID", "PNP0A08");
    aml_name_eisaid(d, "_CID", "PNP0A03");
    aml_name_int(d, "_SEG", 0);
    aml_name_int(d, "_BBN", 0);
    aml_name_int(d, "_UID", 0);
    aml_name_int(d, "_CCA", 1);
    aml_method_begin(d, "_CBA", 0, false);
    aml_op(d, AML_RETURN);
    aml_int(d, b->map[ARM_VIRT_PCIE_ECAM].base);
    aml_end(d);
    aml_fixed_routes(d);
    put_windows(d, b);
    aml_pci_osc(d);
    put_reserved(d, b);
    aml_end(d);
}

static uint32_t put_dsdt(struct acpi *a, const struct arm_virt *b)
{
    struct aml *d = aml_new();
    aml_scope_begin(d, "\\_SB");
    aml_processors(d, b->m.ncpus);
    put_uart(d, b);
    put_fw_cfg(d, b);
    put_virtio(d, b);
    aml_fixed_links(d, FIRST_SPI + ARM_VIRT_SPI_PCIE, AML_LINE_HIGH);
    put_pci(d, b);
    aml_ged(d, (uint32_t)b->map[ARM_VIRT_GED].base, FIRST_SPI + ARM_VIRT_SPI_GED);
    aml_end(d);
    uint32_t at = acpi_put_dsdt(a, d);
    aml_free(d);
    return at;
}

/* ---- interrupts and timers ---- */

enum { MADT_GICC = 0xb, MADT_GICD = 0xc, MADT_MSI_FRAME = 0xd, MADT_GICR = 0xe, MADT_ITS = 0xf };

static uint64_t redist_of(const struct arm_virt *b, unsigned i)
{
    bool high = i >= b->redists;
    if (b->gic_version == 2)
        return 0;
    return b->map[high ? ARM_VIRT_HIGH_REDIST : ARM_VIRT_GIC_REDIST].base +
           (uint64_t)(high ? i - b->redists : i) * GICV3_REDIST_SIZE;
}

static void put_gicc(struct acpi *a, const struct arm_virt *b, unsigned i)
{
    bool v2 = b->gic_version == 2, virt = b->virtualization;
    acpi_u8(a, MADT_GICC);
    acpi_u8(a, 80);
    acpi_u16(a, 0);
    acpi_u32(a, i);
    acpi_u32(a, i); /* UID */
    acpi_u32(a, 1); /* enabled */
    acpi_u32(a, 0);
    acpi_u32(a, arm_has_pmu(b->m.cpus[i]) ? FIRST_PPI + ARM_VIRT_PPI_PMU : 0);
    acpi_u64(a, 0);
    acpi_u64(a, v2 ? b->map[ARM_VIRT_GIC_CPU].base : 0);
    acpi_u64(a, v2 && virt ? b->map[ARM_VIRT_GIC_VCPU].base : 0);
    acpi_u64(a, v2 && virt ? b->map[ARM_VIRT_GIC_HYP].base : 0);
    acpi_u32(a, virt ? FIRST_PPI + ARM_VIRT_PPI_MAINTENANCE : 0);
    acpi_u64(a, redist_of(b, i));
    acpi_u64(a, arm_virt_affinity(b, i));
    acpi_u32(a, 0); /* efficiency class, reserved, SPE interrupt */
}

static void put_gicd(struct acpi *a, const struct arm_virt *b)
{
    acpi_u8(a, MADT_GICD);
    acpi_u8(a, 24);
    acpi_u16(a, 0);
    acpi_u32(a, 0);
    acpi_u64(a, b->map[ARM_VIRT_GIC_DIST].base);
    acpi_u32(a, 0);
    acpi_u8(a, (uint8_t)b->gic_version);
    acpi_zeros(a, 3);
}

static void put_gicr(struct acpi *a, const struct arm_virt_range *r, unsigned cpus)
{
    if (cpus == 0)
        return;
    acpi_u8(a, MADT_GICR);
    acpi_u8(a, 16);
    acpi_u16(a, 0);
    acpi_u64(a, r->base);
    acpi_u32(a, (uint32_t)r->size);
}

static void put_its(struct acpi *a, const struct arm_virt *b)
{
    acpi_u8(a, MADT_ITS);
    acpi_u8(a, 20);
    acpi_u16(a, 0);
    acpi_u32(a, 0);
    acpi_u64(a, b->map[ARM_VIRT_GIC_ITS].base);
    acpi_u32(a, 0);
}

static void put_msi_frame(struct acpi *a, const struct arm_virt *b)
{
    acpi_u8(a, MADT_MSI_FRAME);
    acpi_u8(a, 24);
    acpi_u16(a, 0);
    acpi_u32(a, 0);
    acpi_u64(a, b->map[ARM_VIRT_GIC_V2M].base);
    acpi_u32(a, 1); /* the numbers that follow are right */
    acpi_u16(a, ARM_VIRT_V2M_SPIS);
    acpi_u16(a, FIRST_SPI + ARM_VIRT_SPI_V2M);
}

static void put_madt(struct acpi *a, const struct arm_virt *b)
{
    acpi_begin(a, "APIC", 5);
    acpi_u32(a, 0);
    acpi_u32(a, 0);
    for (unsigned i = 0; i < b->m.ncpus; i++)
        put_gicc(a, b, i);
    put_gicd(a, b);
    if (b->gic_version == 3) {
        put_gicr(a, &b->map[ARM_VIRT_GIC_REDIST], b->redists);
        put_gicr(a, &b->map[ARM_VIRT_HIGH_REDIST], b->m.ncpus - b->redists);
    }
    if (b->msi == ARM_VIRT_MSI_ITS)
        put_its(a, b);
    if (b->msi == ARM_VIRT_MSI_V2M)
        put_msi_frame(a, b);
    acpi_end(a, true);
}

enum { GTDT_ALWAYS_ON = 4 /* level, active high */ };

static void put_gtdt_timer(struct acpi *a, enum arm_timer t)
{
    acpi_u32(a, FIRST_PPI + arm_virt_timer_ppi[t]);
    acpi_u32(a, GTDT_ALWAYS_ON);
}

static void put_gtdt(struct acpi *a, const struct arm_virt *b)
{
    acpi_begin(a, "GTDT", 3);
    acpi_u64(a, UINT64_MAX); /* no frame in memory */
    acpi_u32(a, 0);
    put_gtdt_timer(a, ARM_TIMER_SEC);
    put_gtdt_timer(a, ARM_TIMER_PHYS);
    put_gtdt_timer(a, ARM_TIMER_VIRT);
    put_gtdt_timer(a, ARM_TIMER_HYP);
    acpi_u64(a, UINT64_MAX);
    acpi_u32(a, 0); /* platform timers */
    acpi_u32(a, 0);
    if (b->virtualization)
        put_gtdt_timer(a, ARM_TIMER_HYPVIRT);
    else
        acpi_u64(a, 0);
    acpi_end(a, true);
}

/* ---- nodes ---- */

static void put_nodes(struct acpi *a, const struct arm_virt *b)
{
    const struct numa *n = b->m.cfg.numa;
    if (n == NULL)
        return;
    acpi_srat_begin(a);
    for (unsigned i = 0; i < b->m.ncpus; i++)
        acpi_srat_gicc(a, n->node_of_cpu[i], i);
    acpi_srat_memory(a, n, &(struct numa_span){b->map[ARM_VIRT_DRAM].base, b->m.cfg.ram_size}, 1);
    acpi_end(a, true);
    acpi_put_slit(a, n);
}

enum { IORT_ITS_GROUP = 0, IORT_ROOT_COMPLEX = 2, IORT_FIRST = 48, IORT_ITS_SIZE = 24 };
enum { IORT_RC_SIZE = 36, IORT_MAPPING_SIZE = 20, IORT_COHERENT = 1, IORT_DACS_CPM = 3 };

static void put_iort_node(struct acpi *a, uint8_t type, uint16_t size, uint8_t revision,
                          uint32_t id, uint32_t mappings)
{
    acpi_u8(a, type);
    acpi_u16(a, size);
    acpi_u8(a, revision);
    acpi_u32(a, id);
    acpi_u32(a, mappings);
    acpi_u32(a, mappings ? IORT_RC_SIZE : 0);
}

/* Requester IDs of the root complex are device IDs of the translation service. */
static void put_iort(struct acpi *a)
{
    acpi_begin(a, "IORT", 3);
    acpi_u32(a, 2);
    acpi_u32(a, IORT_FIRST);
    acpi_u32(a, 0);
    put_iort_node(a, IORT_ITS_GROUP, IORT_ITS_SIZE, 1, 0, 0);
    acpi_u32(a, 1);
    acpi_u32(a, 0);
    put_iort_node(a, IORT_ROOT_COMPLEX, IORT_RC_SIZE + IORT_MAPPING_SIZE, 3, 1, 1);
    acpi_u32(a, IORT_COHERENT);
    acpi_zeros(a, 3);
    acpi_u8(a, IORT_DACS_CPM);
    acpi_u32(a, 0); /* no ATS */
    acpi_u32(a, 0); /* segment */
    acpi_u8(a, 64); /* bits of address */
    acpi_zeros(a, 3);
    acpi_u32(a, 0);
    acpi_u32(a, 0xffff); /* one less than there are */
    acpi_u32(a, 0);
    acpi_u32(a, IORT_FIRST);
    acpi_u32(a, 0);
    acpi_end(a, true);
}

/* ---- all ---- */

enum { ARM_BOOT_PSCI = 1, ARM_BOOT_HVC = 2, SERIAL_PL011 = 3, INTERRUPT_GIC = 8 };

static void put_serial(struct acpi *a, const struct arm_virt *b)
{
    const struct arm_virt_range *r = &b->map[ARM_VIRT_UART];
    struct acpi_serial s = {.type = SERIAL_PL011,
                            .interrupt = INTERRUPT_GIC,
                            .bits = 32,
                            .access = 4,
                            .base = r->base,
                            .size = r->size,
                            .gsi = FIRST_SPI + ARM_VIRT_SPI_UART,
                            .path = "\\_SB.COM0"};
    acpi_put_spcr(a, &s);
    acpi_put_dbg2(a, &s);
}

static uint16_t psci_flags(const struct arm_virt *b)
{
    switch (b->psci) {
    case ARM_PSCI_NONE: return 0;
    case ARM_PSCI_HVC: return ARM_BOOT_PSCI | ARM_BOOT_HVC;
    case ARM_PSCI_SMC: return ARM_BOOT_PSCI;
    }
    return 0;
}

struct acpi *arm_virt_acpi(const struct arm_virt *b)
{
    const struct machine_config *cfg = &b->m.cfg;
    const struct arm_virt_range *ecam = &b->map[ARM_VIRT_PCIE_ECAM];
    struct acpi *a = acpi_new(b->oem_id, b->oem_table_id);
    uint32_t dsdt = put_dsdt(a, b);
    acpi_put_fadt(a, dsdt, &(struct acpi_reduced){.arm_boot = psci_flags(b)});
    put_madt(a, b);
    acpi_put_pptt(a, &(struct acpi_topology){b->m.ncpus, MAX(cfg->cores, 1), MAX(cfg->threads, 1)});
    put_gtdt(a, b);
    put_nodes(a, b);
    acpi_put_mcfg(a, &(struct acpi_ecam){ecam->base, (uint8_t)(ecam->size / ECAM_BUS_SIZE - 1)});
    put_serial(a, b);
    if (b->msi == ARM_VIRT_MSI_ITS)
        put_iort(a);
    return a;
}
