/* The floppy disk controller: for boards. */
#ifndef HW_BLOCK_FDC_H
#define HW_BLOCK_FDC_H

#include "core/device.h"

/* The kind of drive as a PC's CMOS RAM has it (0: none, 4: 1.44 MB); of unit 0 or 1. */
uint8_t fdc_cmos_type(const struct device *dev, unsigned unit);
/* Hear of drives that are plugged in: fn is called for each, in the main thread. */
void fdc_on_drive(struct device *dev, void (*fn)(void *opaque), void *opaque);

#endif
