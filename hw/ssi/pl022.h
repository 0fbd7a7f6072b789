/* What hangs on a PL022: a peer that answers each word with one. */
#ifndef HW_SSI_PL022_H
#define HW_SSI_PL022_H

#include "core/device.h"

/* One frame of `bits` bits both ways; with the PL022's lock held.  Takes leaf locks only. */
typedef uint32_t pl022_transfer_fn(void *opaque, uint32_t out, unsigned bits);
/* Before realize; without a peer every frame reads as zero. */
void pl022_connect(struct device *dev, pl022_transfer_fn *transfer, void *opaque);

#endif
