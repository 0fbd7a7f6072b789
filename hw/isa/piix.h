/* PIIX3, the bridge to the ISA bus: wiring. */
#ifndef HW_ISA_PIIX_H
#define HW_ISA_PIIX_H

#include "hw/isa/isa.h"

/* The ISA bus behind PIIX3, once it is plugged in (before it is realized, too, its lines may be
 * connected). */
struct isa_bus *piix3_isa(struct device *dev);
/* PCI interrupt line n of a host bridge as hw/pci counts them, 0 to 3: an irq_handler whose opaque
 * is the PIIX3. */
void piix3_pirq(void *opaque, unsigned n, bool level);

#endif
