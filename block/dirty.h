/* Which parts of a disk have changed since they were copied.  Any thread. */
#ifndef BLOCK_DIRTY_H
#define BLOCK_DIRTY_H

#include "util/thread.h"

#include <stdbool.h>
#include <stdint.h>

struct dirty {
    uint64_t size, granularity; /* bytes; granularity: of a chunk, one bit */
    uint64_t chunks;
    struct mutex lock; /* a leaf */
    uint64_t *bits GUARDED_BY(lock), count GUARDED_BY(lock), cursor GUARDED_BY(lock);
};

/* The wanted granularity (a power of two), or more for a disk so large that the bits would be many.
 */
uint64_t dirty_granularity(uint64_t size, uint64_t wanted);
/* All clean; false when there is no memory for it, dirty_fini() all the same. */
bool dirty_init(struct dirty *d, uint64_t size, uint64_t granularity);
void dirty_fini(struct dirty *d);
/* True when nothing was dirty before. */
bool dirty_set(struct dirty *d, uint64_t off, uint64_t bytes);
/* The next dirty bytes in a row, at most max (but one chunk at least), which are clean then; false
 * when there are none. */
bool dirty_take(struct dirty *d, uint64_t max, uint64_t *off, uint64_t *bytes);
/* The same for the chunk at off alone. */
bool dirty_take_at(struct dirty *d, uint64_t off);
uint64_t dirty_bytes(struct dirty *d);

#endif
