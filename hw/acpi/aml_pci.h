/* AML of PCI root buses. */
#ifndef HW_ACPI_AML_PCI_H
#define HW_ACPI_AML_PCI_H

#include "hw/acpi/aml.h"

/* The method _OSC of an Express root: the system may control all there is. */
void aml_pci_osc(struct aml *d);
/* Name (name, Package): the link device of each slot's pins, links[0] for INTA of slot 0. */
void aml_pci_routes(struct aml *d, const char *name, const char *const links[4]);
/* A link device whose line cannot be changed: a shared one that is active low, as PCI has them, or
 * one that is active high. */
enum aml_line { AML_LINE_PCI, AML_LINE_HIGH };
void aml_fixed_link(struct aml *d, const char *name, unsigned uid, uint32_t gsi,
                    enum aml_line line);
/* Four of them, L000 to L003, for lines from gsi on; and _PRT with these. */
void aml_fixed_links(struct aml *d, uint32_t gsi, enum aml_line line);
void aml_fixed_routes(struct aml *d);

#endif
