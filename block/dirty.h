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
void dirty_clear(struct dirty *d);
/* Whether the bytes at off are dirty, and for how many of them, at most max (at least 1), that is
 * so: *bytes. */
bool dirty_run(struct dirty *d, uint64_t off, uint64_t max, uint64_t *bytes);
/* Set in `to` what is set in `from`, of a disk of that size. */
void dirty_merge(struct dirty *to, struct dirty *from);
/* n bytes of the bits from chunk 8 * first on, the lowest chunk in bit 0; what is beyond the end is
 * 0. */
void dirty_store(struct dirty *d, uint64_t first, void *out, size_t n);
/* Set those that are set there. */
void dirty_load(struct dirty *d, uint64_t first, const void *in, size_t n);

#endif
