/* The Arm virt board, shared by its parts: wiring, device tree and ACPI tables. */
#ifndef HW_BOARD_ARM_VIRT_H
#define HW_BOARD_ARM_VIRT_H

#include "core/machine.h"
#include "hw/board/arm_boot.h"

enum { ARM_VIRT_VIRTIO_SLOTS = 32, ARM_VIRT_FLASH_BANKS = 2 };

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
    ARM_VIRT_HIGH_ECAM,
    ARM_VIRT_HIGH_MMIO,
    ARM_VIRT_PLACES,
};

struct arm_virt_range {
    gpa base;
    uint64_t size; /* bytes */
};

/* Numbers of shared peripheral interrupts: 32 less than the INTID. */
enum {
    ARM_VIRT_SPI_UART = 1,
    ARM_VIRT_SPI_RTC = 2,
    ARM_VIRT_SPI_PCIE = 3, /* four */
    ARM_VIRT_SPI_GPIO = 7,
    ARM_VIRT_SPI_SECURE_UART = 8,
    ARM_VIRT_SPI_GED = 9,
    ARM_VIRT_SPI_VIRTIO = 16, /* one a slot */
    ARM_VIRT_SPI_V2M = 48,    /* 64, for messages */
    ARM_VIRT_SPIS = 256
};
/* INTIDs of private peripheral interrupts. */
enum { ARM_VIRT_PPI_MAINTENANCE = 25, ARM_VIRT_PPI_PMU = 23 };
extern const uint8_t arm_virt_timer_ppi[]; /* by enum arm_timer */

struct arm_virt {
    struct machine m;
    /* Options. */
    bool secure, virtualization, dtb_randomness;

    struct arm_virt_range map[ARM_VIRT_PLACES];
    struct device *fw_cfg, *uart;
    struct mem_region dram;
    struct arm_boot boot;
};

/* The device tree of a board whose devices exist. */
struct fdt *arm_virt_fdt(struct arm_virt *b);

#endif
