/* DMA by devices: to and from RAM only, so that it may be done with the device's lock held. */
#ifndef HW_DMA_H
#define HW_DMA_H

#include "core/memory.h"

#include <sys/uio.h>

/* Copy; false when some byte is not RAM (for writes: writable RAM); what lies before it is done. */
bool ram_dma_read(struct address_space *as, gpa addr, void *buf, uint64_t len) MUST_CHECK;
bool ram_dma_write(struct address_space *as, gpa addr, const void *buf, uint64_t len) MUST_CHECK;
bool ram_dma_zero(struct address_space *as, gpa addr, uint64_t len) MUST_CHECK;
/* Tell that [addr, addr+len) was written through pointers that dma_map() gave. */
void ram_dma_wrote(struct address_space *as, gpa addr, uint64_t len);

#endif
