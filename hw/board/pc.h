/* The boards pc and q35: their parts. */
#ifndef HW_BOARD_PC_H
#define HW_BOARD_PC_H

#include "hw/board/pc_boot.h"
#include "hw/board/pc_parts.h"
#include "hw/intc/ioapic.h"
#include "hw/isa/isa.h"

#include "target/x86/x86.h"

enum { PC_FLASH_BANKS = 2 };
enum pc_choice { PC_AUTO, PC_ON, PC_OFF };

struct pc {
    struct machine m;
    struct pc_parts parts;
    struct pc_boot boot;
    bool is_q35;
    /* What -machine said. */
    char *pflash[PC_FLASH_BANKS];
    char *acpi_wanted, *smm_wanted, *vmport_wanted, *smbios_entry, *oem_id, *oem_table_id;
    bool hpet_on, pit_on, pic_on, i8042_on, fd_bootchk, usb, sata_on, smbus_on, bypass_iommu,
        nvdimm, hmat;
    uint64_t max_low_ram; /* 0: as the board likes */
    uint64_t max_flash;
    bool acpi, smm, has_smbios_3;
    GPtrArray *user_tables; /* of -acpitable */
    unsigned resets;
    /* Memory, in bytes. */
    uint64_t low_ram, high_ram;
    struct ram_block *ram;
    struct mem_region low, high, bios, isa_bios;
    /* Its parts.  lpc is the bridge to ISA, PIIX3 or ICH9; pm has ACPI's registers. */
    struct device *host, *lpc, *pm, *apic_bus, *ioapic, *fw_cfg;
    struct device *lapic[MACHINE_MAX_CPUS];
    struct irq rtc_line;            /* what the clock's output is to interrupt controllers */
    uint16_t woken_by;              /* ACPI_PM1_*: what happened while the machine slept */
    struct irq_or pin[IOAPIC_PINS]; /* what drives a pin of the I/O APIC; input 0 is the ISA line */
};

/* pc_flash.c: flash from the drives of pflash0 and pflash1 where the BIOS would be, the first one
 * up to 4 GiB, the other below it. */
bool pc_create_flash(struct pc *b, struct error **errp) MUST_CHECK;

/* pc_firmware.c: the BIOS where the processors start; once the devices are there, what it is told.
 */
bool pc_create_bios(struct pc *b, struct error **errp) MUST_CHECK;
/* Show the last 128 KiB of it below 1 MiB, too, until PAM hides them. */
bool pc_show_low(struct pc *b, const uint8_t *data, size_t len, struct error **errp) MUST_CHECK;
bool pc_tell_firmware(struct pc *b, struct error **errp) MUST_CHECK;

/* S3 to S5: SLP_TYP, and whether there is such a state. */
enum { PC_SLEEP_STATES = 3, PC_SLEEP_EXISTS = 0x80 };
uint8_t pc_sleep_state(const struct pc *b, unsigned state);

/* pc_acpi.c */
bool pc_create_acpi(struct pc *b, struct error **errp) MUST_CHECK;

#endif
