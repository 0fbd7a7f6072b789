/* The MADT's entries of PCs, between acpi_begin() and acpi_end(). */
#ifndef HW_ACPI_MADT_PC_H
#define HW_ACPI_MADT_PC_H

#include "hw/acpi/tables.h"

enum { MADT_LEVEL_HIGH = 0xd }; /* flags of an override */

/* Begin the table; has_8259: that pair exists, too. */
void madt_pc_begin(struct acpi *a, bool has_8259);
void madt_pc_cpu(struct acpi *a, uint32_t uid, uint32_t apic_id);
void madt_pc_ioapic(struct acpi *a, uint8_t id, uint32_t base, uint32_t first_gsi);
/* An ISA line that is not what its number says. */
void madt_pc_override(struct acpi *a, uint8_t irq, uint32_t gsi, uint16_t flags);
/* Every processor's NMI is at LINT1. */
void madt_pc_nmi(struct acpi *a);

#endif
