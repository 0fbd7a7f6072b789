/* The MADT's entries of PCs.  Ref: ACPI Specification 6.5, 5.2.12. */
#include "hw/acpi/madt_pc.h"

enum { LAPIC = 0, IOAPIC = 1, OVERRIDE = 2, LAPIC_NMI = 4, X2APIC = 9 };
enum { ENABLED = 1, ALL_CPUS = 0xff, FIRST_X2APIC = 255, LINT1 = 1 };
static const uint32_t LAPIC_BASE = 0xfee00000;

void madt_pc_begin(struct acpi *a, bool has_8259)
{
    acpi_begin(a, "APIC", 3);
    acpi_u32(a, LAPIC_BASE);
    acpi_u32(a, has_8259);
}

/* Ref: 5.2.12.2 and 5.2.12.12: IDs from 255 on are for x2APICs. */
void madt_pc_cpu(struct acpi *a, uint32_t uid, uint32_t apic_id)
{
    if (apic_id < FIRST_X2APIC) {
        acpi_u8(a, LAPIC);
        acpi_u8(a, 8);
        acpi_u8(a, (uint8_t)uid);
        acpi_u8(a, (uint8_t)apic_id);
        acpi_u32(a, ENABLED);
        return;
    }
    acpi_u8(a, X2APIC);
    acpi_u8(a, 16);
    acpi_u16(a, 0);
    acpi_u32(a, apic_id);
    acpi_u32(a, ENABLED);
    acpi_u32(a, uid);
}

void madt_pc_ioapic(struct acpi *a, uint8_t id, uint32_t base, uint32_t first_gsi)
{
    acpi_u8(a, IOAPIC);
    acpi_u8(a, 12);
    acpi_u8(a, id);
    acpi_u8(a, 0);
    acpi_u32(a, base);
    acpi_u32(a, first_gsi);
}

void madt_pc_override(struct acpi *a, uint8_t irq, uint32_t gsi, uint16_t flags)
{
    acpi_u8(a, OVERRIDE);
    acpi_u8(a, 10);
    acpi_u8(a, 0);
    acpi_u8(a, irq);
    acpi_u32(a, gsi);
    acpi_u16(a, flags);
}

void madt_pc_nmi(struct acpi *a)
{
    acpi_u8(a, LAPIC_NMI);
    acpi_u8(a, 6);
    acpi_u8(a, ALL_CPUS);
    acpi_u16(a, 0);
    acpi_u8(a, LINT1);
}
