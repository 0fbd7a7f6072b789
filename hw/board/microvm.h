/* The microvm board, shared by its parts. */
#ifndef HW_BOARD_MICROVM_H
#define HW_BOARD_MICROVM_H

#include "hw/board/pc_boot.h"
#include "hw/board/pc_parts.h"
#include "hw/intc/ioapic.h"

enum {
    MICROVM_SLOTS_MAX = 24, /* virtio-mmio transports with the second I/O APIC, */
    MICROVM_SLOTS_ONE = 8,  /* and without */
    MICROVM_IOAPICS = 2,
    MICROVM_MAP_MAX = 8
};
/* Pins of the first I/O APIC. */
enum { MICROVM_PIT_PIN = 2, MICROVM_SLOT_PIN_ONE = 5, MICROVM_GED_PIN = 9, MICROVM_PCIE_PIN = 16 };
enum { MICROVM_SLOT_SIZE = 512, MICROVM_ECAM_SIZE = 256 << 20, MICROVM_PCIE_MMIO_SIZE = 512 << 20 };
static const gpa MICROVM_GED = 0xfea00000, MICROVM_GED_REGS = 0xfea00200,
                 MICROVM_VIRTIO = 0xfeb00000, MICROVM_ECAM = 0xe0000000,
                 MICROVM_PCIE_MMIO = 0xc0000000, MICROVM_IOAPIC = 0xfec00000,
                 MICROVM_IOAPIC_STEP = 0x10000;
/* Without firmware: what it would have put there. */
static const gpa MICROVM_TABLES = 0xe0000, MICROVM_RSDP = 0xf0000, MICROVM_TABLES_END = 0x100000;

struct acpi;

struct microvm {
    struct machine m;
    struct pc_parts parts;
    /* What -machine said. */
    char *acpi_wanted, *pic_wanted, *pit_wanted, *rtc_wanted, *ioapic2_wanted, *pcie_wanted;
    char *oem_id, *oem_table_id;
    bool isa_serial, option_roms, auto_cmdline, usb;
    /* What that comes to. */
    bool acpi, has_pic, has_pit, has_rtc, has_pcie, has_firmware;
    unsigned ioapics, slots;
    uint64_t low_ram, high_ram; /* bytes */
    struct mem_region low, high, bios, shadow;
    struct ram_block *ram, *shadow_ram;
    uint8_t *image; /* the firmware's last bytes, below 1 MiB: copied at a reset */
    struct device *apic_bus, *ioapic[MICROVM_IOAPICS], *lapic[MACHINE_MAX_CPUS];
    struct device *fw_cfg, *ged, *pcie, *slot[MICROVM_SLOTS_MAX];
    struct irq_or pin[IOAPIC_PINS]; /* of the first I/O APIC */
    gpa pcie_high;                  /* window for 64-bit BARs */
    uint64_t pcie_high_size;
    struct pc_e820 map[MICROVM_MAP_MAX];
    struct pc_boot boot;
};

/* The interrupt number of a virtio-mmio transport. */
unsigned microvm_slot_gsi(const struct microvm *b, unsigned slot);
/* microvm_tables.c: ACPI tables, or those of the MP specification, for a machine without firmware
 * into memory, else into fw_cfg. */
bool microvm_put_tables(struct microvm *b, struct error **errp) MUST_CHECK;

#endif
