/* The RISC-V virt board, shared by its parts: wiring and device tree. */
#ifndef HW_BOARD_RISCV_VIRT_H
#define HW_BOARD_RISCV_VIRT_H

#include "core/irq.h"
#include "core/machine.h"
#include "hw/board/riscv_boot.h"

enum { VIRT_VIRTIO_SLOTS = 8, VIRT_FLASH_BANKS = 2 };

enum virt_place {
    VIRT_MROM,
    VIRT_TEST,
    VIRT_RTC,
    VIRT_CLINT,
    VIRT_ACLINT_SSWI,
    VIRT_PLIC,
    VIRT_APLIC_M,
    VIRT_APLIC_S,
    VIRT_IMSIC_M,
    VIRT_IMSIC_S,
    VIRT_UART0,
    VIRT_VIRTIO,
    VIRT_FW_CFG,
    VIRT_FLASH,
    VIRT_PCIE_ECAM,
    VIRT_PCIE_MMIO,
    VIRT_PCIE_IO,
    VIRT_DRAM,
    VIRT_PLACES,
};

struct virt_range {
    gpa base;
    uint64_t size; /* bytes */
};
extern const struct virt_range virt_map[VIRT_PLACES];

enum { VIRT_IRQ_VIRTIO = 1, VIRT_IRQ_UART0 = 10, VIRT_IRQ_RTC = 11, VIRT_IRQ_PCIE = 32 };
enum { VIRT_TIMEBASE_HZ = 10000000, VIRT_UART_HZ = 3686400 };

/* Who takes interrupts: a PLIC, an APLIC, or an APLIC that sends messages to IMSICs. */
enum virt_aia { VIRT_AIA_NONE, VIRT_AIA_APLIC, VIRT_AIA_IMSIC };

struct riscv_virt {
    struct machine m;
    bool aclint, dtb_randomness;
    char *acpi, *aia, *pflash[VIRT_FLASH_BANKS];
    uint32_t aia_guests;
    enum virt_aia aia_kind;
    bool usb, iommu_sys, spcr;
    struct virt_range pcie_high; /* window for 64-bit BARs, above RAM */
    struct device *intc;         /* where wires lead: the PLIC, or the APLIC's root domain */
    irq_handler *intc_input;
    struct device *fw_cfg, *flash[VIRT_FLASH_BANKS];
    struct mem_region mrom, dram;
    struct riscv_boot boot;
};

/* The device tree of a board whose harts exist. */
struct fdt *riscv_virt_fdt(struct riscv_virt *b);

#endif
