/* PCI IDE function of PIIX3 and PIIX4: its wiring. */
#ifndef HW_IDE_PIIX_IDE_H
#define HW_IDE_PIIX_IDE_H

#include "core/device.h"

/* The interrupt of channel n, 0 or 1; connect it before realize, or it goes to line 14 + n of the
 * machine's ISA bus. */
struct irq *piix_ide_irq(struct device *dev, unsigned n);

#endif
