/* The real-time clock of a PC and its CMOS RAM. */
#ifndef HW_RTC_MC146818_H
#define HW_RTC_MC146818_H

#include "core/device.h"

enum { CMOS_SIZE = 128 };

/* Bytes of the CMOS RAM behind the clock's registers (from 0x0e on), for boards: what the BIOS
 * finds there.  They survive a reset. */
void mc146818_set(struct device *dev, unsigned at, uint8_t value);
uint8_t mc146818_get(struct device *dev, unsigned at);
/* Whether the index port masks NMI. */
bool mc146818_masks_nmi(const struct device *dev);

#endif
