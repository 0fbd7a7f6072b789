/* ACPI's tables of nodes.  Ref: ACPI Specification 6.5, 5.2.16 (SRAT) and 5.2.17 (SLIT). */
#include "hw/acpi/srat.h"

enum { SRAT_APIC = 0, SRAT_MEMORY = 1, SRAT_X2APIC = 2, SRAT_GICC = 3 };
enum { FIRST_X2APIC = 255, ENABLED = 1 };

void acpi_srat_begin(struct acpi *a)
{
    acpi_begin(a, "SRAT", 3);
    acpi_u32(a, 1);
    acpi_u64(a, 0);
}

/* Domains of an APIC are split: the low byte, later the upper three. */
void acpi_srat_apic(struct acpi *a, unsigned node, uint32_t apic_id)
{
    if (apic_id >= FIRST_X2APIC) {
        acpi_u8(a, SRAT_X2APIC);
        acpi_u8(a, 24);
        acpi_u16(a, 0);
        acpi_u32(a, node);
        acpi_u32(a, apic_id);
        acpi_u32(a, ENABLED);
        acpi_u64(a, 0); /* clock domain, reserved */
        return;
    }
    acpi_u8(a, SRAT_APIC);
    acpi_u8(a, 16);
    acpi_u8(a, (uint8_t)node);
    acpi_u8(a, (uint8_t)apic_id);
    acpi_u32(a, ENABLED);
    acpi_u32(a, (node >> 8) << 8); /* SAPIC EID 0 */
    acpi_u32(a, 0);
}

void acpi_srat_gicc(struct acpi *a, unsigned node, uint32_t uid)
{
    acpi_u8(a, SRAT_GICC);
    acpi_u8(a, 18);
    acpi_u32(a, node);
    acpi_u32(a, uid);
    acpi_u32(a, ENABLED);
    acpi_u32(a, 0);
}

static void put_memory(void *opaque, unsigned node, gpa base, uint64_t size)
{
    struct acpi *a = opaque;
    acpi_u8(a, SRAT_MEMORY);
    acpi_u8(a, 40);
    acpi_u32(a, node);
    acpi_u16(a, 0);
    acpi_u64(a, base);
    acpi_u64(a, size);
    acpi_u32(a, 0);
    acpi_u32(a, ENABLED);
    acpi_u64(a, 0);
}

void acpi_srat_memory(struct acpi *a, const struct numa *n, const struct numa_span *spans,
                      unsigned nspans)
{
    numa_visit(n, spans, nspans, put_memory, a);
}

void acpi_put_slit(struct acpi *a, const struct numa *n)
{
    if (!n->has_distances)
        return;
    acpi_begin(a, "SLIT", 1);
    acpi_u64(a, n->nodes);
    for (unsigned i = 0; i < n->nodes; i++)
        acpi_bytes(a, n->distance[i], n->nodes);
    acpi_end(a, true);
}
