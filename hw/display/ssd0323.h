/* Wiring of an SSD0323: bytes from a serial bus, and a pin that says what they are. */
#ifndef HW_DISPLAY_SSD0323_H
#define HW_DISPLAY_SSD0323_H

#include "core/device.h"

enum { SSD0323_COLUMNS = 64, SSD0323_ROWS = 80, SSD0323_PIXELS_A_BYTE = 2 };

/* One byte; fits pl022_transfer_fn.  Takes the device's lock, which is a leaf. */
uint32_t ssd0323_transfer(void *dev, uint32_t out, unsigned bits);
/* irq_handlers: the data/command pin (high: data), and chip select (low: selected). */
void ssd0323_set_data(void *dev, unsigned n, bool level);
void ssd0323_set_select(void *dev, unsigned n, bool level);

/* For whoever shows it: copy the memory, two pixels a byte, the left one low, and say whether the
 * display is on.  Any thread. */
bool ssd0323_copy(struct device *dev, uint8_t pixels[SSD0323_ROWS][SSD0323_COLUMNS]);

#endif
