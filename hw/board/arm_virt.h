/* The Arm virt board, shared by its parts: wiring, device tree and ACPI tables. */
#ifndef HW_BOARD_ARM_VIRT_H
#define HW_BOARD_ARM_VIRT_H

#include "core/clock.h"
#include "core/machine.h"
#include "hw/board/arm_boot.h"
#include "target/arm/arm.h"

enum { ARM_VIRT_VIRTIO_SLOTS = 32, ARM_VIRT_FLASH_BANKS = 2 };

struct acpi;

enum arm_virt_place {
    ARM_VIRT_FLASH,
    ARM_VIRT_GIC_DIST,
    ARM_VIRT_GIC_CPU,
    ARM_VIRT_GIC_V2M,
    ARM_VIRT_GIC_HYP,
    ARM_VIRT_GIC_VCPU,
    ARM_VIRT_GIC_ITS,
    ARM_VIRT_GIC_REDIST,
    ARM_VIRT_UART,
    ARM_VIRT_RTC,
    ARM_VIRT_FW_CFG,
    ARM_VIRT_GPIO,
    ARM_VIRT_SECURE_UART,
    ARM_VIRT_GED,
    ARM_VIRT_SECURE_GPIO,
    ARM_VIRT_VIRTIO,
    ARM_VIRT_SECURE_MEM,
    ARM_VIRT_PCIE_MMIO,
    ARM_VIRT_PCIE_PIO,
    ARM_VIRT_PCIE_ECAM,
    ARM_VIRT_DRAM,
    /* Above RAM; size 0: not there. */
    ARM_VIRT_HIGH_REDIST,
    ARM_VIRT_HIGH_MMIO,
    ARM_VIRT_PLACES,
};

struct arm_virt_range {
    gpa base;
    uint64_t size; /* bytes */
};

/* Numbers of shared peripheral interrupts: 32 less than the INTID. */
enum {
    ARM_VIRT_SPI_SECURE_GPIO = 0,
    ARM_VIRT_SPI_UART = 1,
    ARM_VIRT_SPI_RTC = 2,
    ARM_VIRT_SPI_PCIE = 3, /* four */
    ARM_VIRT_SPI_GPIO = 7,
    ARM_VIRT_SPI_SECURE_UART = 8,
    ARM_VIRT_SPI_GED = 9,
    ARM_VIRT_SPI_VIRTIO = 16, /* one a slot */
    ARM_VIRT_SPI_V2M = 48,
    ARM_VIRT_V2M_SPIS = 64,
    ARM_VIRT_IRQS = 288 /* with the 32 private ones */
};
/* Numbers of private peripheral interrupts: 16 less than the INTID. */
enum { ARM_VIRT_PPI_MAINTENANCE = 9, ARM_VIRT_PPI_PMU = 7 };
extern const uint8_t arm_virt_timer_ppi[ARM_TIMERS]; /* by enum arm_timer */
enum { ARM_VIRT_POWER_PIN = 3 };                     /* of the PL061 */

enum arm_virt_msi { ARM_VIRT_MSI_NONE, ARM_VIRT_MSI_V2M, ARM_VIRT_MSI_ITS };

struct arm_virt {
    struct machine m;
    /* Options. */
    bool secure, virtualization, dtb_randomness, dtb_kaslr_seed, mte, ras, usb, bypass_iommu;
    bool highmem, highmem_redists, highmem_ecam, highmem_mmio, compact_highmem, its_wanted;
    uint64_t highmem_mmio_size;
    char *gic_wanted, *msi_wanted, *acpi_wanted, *iommu, *pflash[ARM_VIRT_FLASH_BANKS];
    char *oem_id, *oem_table_id, *dt_compatible;
    uint8_t virtio_slots;

    /* What they come to. */
    unsigned gic_version; /* 2 or 3 */
    enum arm_virt_msi msi;
    enum arm_psci psci;
    bool acpi;
    struct arm_virt_range map[ARM_VIRT_PLACES];
    unsigned redists; /* in the first region of a GICv3; the others are in the high one */

    struct device *gic, *its, *fw_cfg, *uart, *gpio, *ged, *flash[ARM_VIRT_FLASH_BANKS];
    struct mem_region dram, secure_world, secure_view, secure_ram;
    struct timer power_button; /* lets go of it */
    struct arm_boot boot;
};

/* arm_virt.c: the affinity fields of a processor's MPIDR_EL1. */
uint64_t arm_virt_affinity(const struct arm_virt *b, unsigned cpu);

/* arm_virt_gic.c: the interrupt controller of processors that exist, and what turns messages into
 * interrupts. */
bool arm_virt_create_gic(struct arm_virt *b, struct error **errp) MUST_CHECK;
/* Wire a device's line to a shared peripheral interrupt. */
void arm_virt_connect(struct arm_virt *b, struct irq *irq, unsigned spi);

/* arm_virt_fdt.c: the device tree of a board whose devices exist. */
struct fdt *arm_virt_fdt(struct arm_virt *b);

/* arm_virt_acpi.c: the same as ACPI tables; acpi_free() them. */
struct acpi *arm_virt_acpi(const struct arm_virt *b);

#endif
