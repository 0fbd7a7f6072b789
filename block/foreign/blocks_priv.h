/* Formats that are a table of equal blocks, read only: what they share. */
#ifndef BLOCK_FOREIGN_BLOCKS_PRIV_H
#define BLOCK_FOREIGN_BLOCKS_PRIV_H

#include "block/block_priv.h"
#include "util/bits.h"

/* Where a block lies in the file, or one of these. */
enum { BLOCK_ABSENT = 0, BLOCK_ZERO = 1 };
enum { MAX_BLOCKS = 1 << 26 };

struct blocks {
    uint64_t block_size; /* bytes */
    uint64_t n;
    uint64_t *place;
    bool is_plain; /* the blocks lie in order from the file's start: there is no table */
};

/* Room for the table of a disk of this size; *table has n words of `width` bytes at `off` of the
 * file, little or big endian, as they are.  False and *errp. */
bool blocks_new(struct block_node *b, uint64_t block_size, uint64_t disk_size, struct error **errp);
bool blocks_read_table(struct block_node *b, uint64_t off, uint64_t bytes, uint8_t **table,
                       struct error **errp);
void blocks_close(struct block_node *b);
int blocks_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg);
int blocks_map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e);
void blocks_info(struct block_node *b, struct block_info *info);
/* Always false: "could not open 'PATH' as FORMAT: what". */
bool foreign_refuse(struct block_node *b, const char *what, struct error **errp);
/* Formats that are only read need read-only=on, or snapshot=on. */
bool foreign_is_read_only(struct block_node *b, struct error **errp);

#endif
