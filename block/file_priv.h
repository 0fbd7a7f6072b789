/* Inside of the protocol file: an open file, and the engine that runs its requests. */
#ifndef BLOCK_FILE_PRIV_H
#define BLOCK_FILE_PRIV_H

#include "block/block_priv.h"

struct uring;

struct file {
    int fd;
    bool is_direct, lock;
    unsigned align;       /* of direct transfers, bytes */
    struct ranges ranges; /* direct: parts of blocks */
    struct mutex size_lock;
    struct uring *uring; /* aio=io_uring; NULL: worker threads */
};

/* Whether a direct transfer of these bytes needs no buffer of ours. */
bool file_is_aligned(const struct file *f, uint64_t off, uint64_t bytes, struct sg sg);

/* uring.c: a ring and its thread for the requests of b; NULL, said once, where the kernel has none.
 * Main thread. */
struct uring *uring_new(struct block_node *b);
/* Nothing is in flight. */
void uring_free(struct uring *u);
/* The file is b's now (u may be NULL).  Nothing is in flight. */
void uring_moved(struct uring *u, struct block_node *b);
/* struct block_driver's submit for u's node. */
bool uring_submit(struct uring *u, struct block_req *req, uint64_t off);

#endif
