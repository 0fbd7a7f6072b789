/* Flat views, between flatview.c and the accesses in memory.c and dma.c. */
#ifndef CORE_FLATVIEW_PRIV_H
#define CORE_FLATVIEW_PRIV_H

#include "core/memory.h"

/* Flatten a tree; g_free it. */
struct flat_view *flat_view_render(struct mem_region *root);
bool flat_view_equal(const struct flat_view *a, const struct flat_view *b);
/* Index of the first range that ends beyond addr, n when there is none. */
size_t flat_view_index(const struct flat_view *v, gpa addr);

/* Bracket an access: keeps views alive for threads that are no vCPUs.  Cheap, nests. */
void view_enter(struct address_space *as);
void view_leave(struct address_space *as);

/* One access to registers; with peek, no side effects. */
uint64_t mmio_read_as(struct mem_region *mr, uint64_t off, unsigned size, bool peek);
/* Whether reads of this range come from host memory, and where that is. */
bool range_is_memory(const struct flat_range *r);
/* Whether writes go to host memory (not to registers, not dropped). */
bool range_is_writable(const struct flat_range *r);

#endif
