/* Dirty bitmaps as nodes, drivers and jobs see them. */
#ifndef BLOCK_BITMAP_PRIV_H
#define BLOCK_BITMAP_PRIV_H

#include "block/bitmap.h"
#include "block/dirty.h"

#include <stdatomic.h>

struct block_bitmap {
    char *name;
    struct block_node *node; /* follows the image's contents: bitmaps_moved() */
    struct dirty dirty;      /* has its own lock */
    _Atomic bool enabled;
    bool persistent, inconsistent; /* inconsistent: only its name and granularity are known */
    unsigned holds;                /* jobs and exports */
    struct block_bitmap *next;     /* changed while the node is quiesced */
};

/* Set in m what s has. */
void bitmap_add_saved(struct block_bitmap *m, struct bitmap_saved *s);
/* Bytes of the node were changed, on any thread. */
void bitmaps_record(struct block_node *b, uint64_t off, uint64_t bytes);
/* Everything may have changed. */
void bitmaps_record_all(struct block_node *b);
/* The node has another size now. */
void bitmaps_resize(struct block_node *b);
/* b has another's contents now. */
void bitmaps_moved(struct block_node *b);
void bitmaps_free(struct block_node *b);
/* For a driver that loads one: no checks; NULL when there is no memory for that many bits. */
struct block_bitmap *bitmap_new(struct block_node *b, const char *name, uint64_t granularity);

#endif
