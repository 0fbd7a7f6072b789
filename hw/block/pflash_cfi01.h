/* Wiring of a NOR flash bank. */
#ifndef HW_BLOCK_PFLASH_CFI01_H
#define HW_BLOCK_PFLASH_CFI01_H

#include "core/device.h"

enum { PFLASH_SIZE = 32 << 20, PFLASH_BANK_WIDTH = 4 }; /* bytes; the defaults */

/* The bank's region, valid once it is realized. */
struct mem_region *pflash_region(struct device *dev);
/* With secure=on, what others than system management mode see instead: it cannot be written.  NULL
 * otherwise. */
struct mem_region *pflash_view(struct device *dev);
/* What it holds, for boards that fill it from a file. */
struct ram_block *pflash_ram(struct device *dev);
bool pflash_has_drive(struct device *dev);

#endif
