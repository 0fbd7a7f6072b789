/* Code memory: one reservation, mapped twice (written here, executed there), cut into segments that
 * are evicted oldest first. */
#ifndef TCG_CODEBUF_H
#define TCG_CODEBUF_H

#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct codebuf {
    uint8_t *rw, *rx; /* the two views; equal offsets */
    size_t size;
    unsigned nsegs;
    size_t seg_size;
    size_t stub_end; /* shared stubs fill [0, stub_end) and are never evicted */
    unsigned cur;    /* segment being filled */
    size_t used;     /* bytes used of it */
    size_t ready;    /* bytes of the whole buffer, from its start, that are there without a fault */
};

/* size is rounded up to nsegs segments of at least 1 MiB; placed within 2 GiB of the program text
 * when the host allows. */
struct codebuf *codebuf_new(size_t size, unsigned nsegs, struct error **errp) MUST_CHECK;
void codebuf_free(struct codebuf *cb);
/* Room for max bytes at the fill point (16-byte aligned): writable address, *rx the executable one;
 * NULL: segment full. */
uint8_t *codebuf_reserve(struct codebuf *cb, size_t max, uint8_t **rx);
void codebuf_commit(struct codebuf *cb, size_t used);
/* Start filling the next segment (wrapping); the caller has evicted what was in it. */
unsigned codebuf_next_segment(struct codebuf *cb);
unsigned codebuf_segment_of(const struct codebuf *cb, const void *rx);
static inline uint8_t *codebuf_rw(const struct codebuf *cb, const void *rx)
{
    return cb->rw + ((const uint8_t *)rx - cb->rx);
}

#endif
