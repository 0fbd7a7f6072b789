/* ACPI's tables of nodes: which processors and what memory they have, and how far they are. */
#ifndef HW_ACPI_SRAT_H
#define HW_ACPI_SRAT_H

#include "core/numa.h"
#include "hw/acpi/tables.h"

/* Between acpi_srat_begin() and acpi_end(): processors by APIC ID, or by the UID of their GIC
 * interface, and memory. */
void acpi_srat_begin(struct acpi *a);
void acpi_srat_apic(struct acpi *a, unsigned node, uint32_t apic_id);
void acpi_srat_gicc(struct acpi *a, unsigned node, uint32_t uid);
void acpi_srat_memory(struct acpi *a, const struct numa *n, const struct numa_span *spans,
                      unsigned nspans);
/* The distances, if there are any. */
void acpi_put_slit(struct acpi *a, const struct numa *n);

#endif
