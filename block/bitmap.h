/*
 * Dirty bitmaps: which parts of a disk were written to since a moment of the user's choice.
 *
 * A bitmap belongs to a node, and has a bit for each `granularity` bytes of it.  While it is
 * enabled, writes to the node set bits.  Persistent ones are kept in the image (qcow2 version 3).
 * All functions are for the main thread, unless said otherwise.
 */
#ifndef BLOCK_BITMAP_H
#define BLOCK_BITMAP_H

#include "block/block.h"

enum { BITMAP_MAX_NAME = 1023, BITMAP_MIN_GRANULARITY = 512, BITMAP_DEFAULT_GRANULARITY = 65536 };

struct block_bitmap;

struct bitmap_info {
    const char *name;
    uint64_t granularity, count; /* bytes; count: that are dirty */
    bool recording, busy, persistent, inconsistent;
};
/* NULL begins and ends. */
struct block_bitmap *bitmap_next(struct block_node *b, struct block_bitmap *m);
/* The node that has it. */
struct block_node *bitmap_node(const struct block_bitmap *m);
void bitmap_get_info(struct block_bitmap *m, struct bitmap_info *out);
/* Of that node; NULL, and *errp with the nearest name unless errp is NULL. */
struct block_bitmap *bitmap_find(struct block_node *b, const char *name, struct error **errp);

struct bitmap_options {
    const char *name;
    uint64_t granularity; /* 0: the image's cluster size, from 4 KiB to 64 KiB */
    bool persistent, disabled;
};
struct block_bitmap *bitmap_add(struct block_node *b, const struct bitmap_options *o,
                                struct error **errp) MUST_CHECK;
/* These fail when a job or an export uses the bitmap, or the image did not keep it whole. */
bool bitmap_check_free(const struct block_bitmap *m, struct error **errp) MUST_CHECK;
bool bitmap_remove(struct block_node *b, struct block_bitmap *m, struct error **errp) MUST_CHECK;
bool bitmap_clear(struct block_bitmap *m, struct error **errp) MUST_CHECK;
bool bitmap_enable(struct block_bitmap *m, bool on, struct error **errp) MUST_CHECK;
/* Set in `to` what is set in `from`, whatever their granularities. */
bool bitmap_merge(struct block_bitmap *to, struct block_bitmap *from,
                  struct error **errp) MUST_CHECK;

/* What a bitmap holds and whether it is enabled, to be put back, or freed. */
struct bitmap_saved;
struct bitmap_saved *bitmap_save(struct block_bitmap *m);
void bitmap_restore(struct block_bitmap *m, struct bitmap_saved *take_s);
void bitmap_saved_free(struct bitmap_saved *take_s);

/* A user that needs it to stay: counted. */
void bitmap_hold(struct block_bitmap *m);
void bitmap_release(struct block_bitmap *m);
/* Whether the bytes at off are dirty, and for how many (at most max) that is so.  Any thread. */
bool bitmap_run(struct block_bitmap *m, uint64_t off, uint64_t max, uint64_t *bytes);

#endif
