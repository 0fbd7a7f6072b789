/* Host memory that backs guest RAM and ROM, with one note byte a page. */
#ifndef CORE_RAM_H
#define CORE_RAM_H

#include "core/types.h"
#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>

enum { RAM_PAGE_BITS = 12, RAM_PAGE_SIZE = 1 << RAM_PAGE_BITS };
/* Bits of a page's note. */
enum {
    RAM_PAGE_CODE =
        1, /* translated code was made from it: stores must be told to the accelerator */
    RAM_PAGE_WRITABLE = 2, /* some vCPU may hold a write TLB entry for it */
    RAM_PAGE_DIRTY = 4,    /* written since dirty tracking last cleared it */
    RAM_PAGE_MOVES = 8,    /* its code was seen at several virtual addresses */
};

/* Where pages of a block are mapped from, copy on write: something that must stay as it is until
 * they are gone or copied. */
struct ram_source {
    void (*end)(struct ram_source *s);
    struct ram_piece {
        uint64_t off, size; /* of the block */
    } * piece;              /* in order */
    unsigned n;
};

struct ram_block {
    char *name;
    uint8_t *host;            /* page aligned, one mapping, never moves */
    uint64_t size;            /* bytes, a multiple of the page size */
    uint8_t *notes;           /* size >> RAM_PAGE_BITS bytes; accessed with atomic operations */
    struct address_space *as; /* whose listeners hear of writes to code pages; may be NULL */
    int fd;                   /* a file behind (some of) the mapping, or -1; ram_free() closes it */
    struct ram_source *source; /* or NULL */
    struct ram_block *next;
};

/* Map size bytes of zeroed memory (rounded up to pages); NULL and *errp when the host has not
 * enough. */
struct ram_block *ram_new(const char *name, uint64_t size, struct error **errp) MUST_CHECK;
void ram_free(struct ram_block *ram);
/* Something other than a vCPU's store wrote [off, off+len): sets dirty notes and tells listeners of
 * code pages. */
void ram_written(struct ram_block *ram, uint64_t off, uint64_t len);
uint64_t ram_pages(const struct ram_block *ram);
/* Clear the dirty notes and set the bits of their pages in map (page n is bit n % 64 of word
 * n / 64); returns how many were dirty.  Their bytes may be read after accel_ops.protect_ram(). */
uint64_t ram_take_dirty(struct ram_block *ram, uint64_t *map);
/* Put other contents into a block at its place: take_shadow is a private mapping of its size (of
 * host_ram_map(), or of a file; or, with a source, of pieces of both); while no vCPU runs. */
void ram_adopt(struct ram_block *ram, void *take_shadow, struct ram_source *take_source);
/* Copy what is mapped from a source, and end it; while no vCPU runs. */
void ram_copy_source(struct ram_block *ram);

#endif
