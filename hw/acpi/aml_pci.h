/* AML of PCI root buses. */
#ifndef HW_ACPI_AML_PCI_H
#define HW_ACPI_AML_PCI_H

#include "hw/acpi/aml.h"

/* The method _OSC of an Express root: the system may control all there is. */
void aml_pci_osc(struct aml *d);
/* Name (name, Package): the link device of each slot's pins, links[0] for INTA of slot 0. */
void aml_pci_routes(struct aml *d, const char *name, const char *const links[4]);

#endif
