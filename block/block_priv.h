/* Inside of the block layer: nodes, the worker threads, files, and the overlay of snapshot=on. */
#ifndef BLOCK_BLOCK_PRIV_H
#define BLOCK_BLOCK_PRIV_H

#include "block/block.h"
#include "util/thread.h"

#include <stddef.h>

enum { SECTOR = 512 };

/* Written sectors of a read-only base, in a file without a name. */
struct overlay {
    int fd;
    _Atomic uint8_t *map; /* one bit a sector: it lies here, not in the base */
    size_t map_size;
    struct mutex lock; /* a leaf: one partial-sector update at a time */
};

struct block_node {
    char *id, *path;
    char *owner; /* device that claimed it, or NULL */
    void *slot;  /* the property through which it did */
    int fd;
    uint64_t size; /* bytes, a multiple of SECTOR */
    bool read_only, unsafe, discard;
    struct overlay *overlay; /* or NULL */
    struct mutex lock;       /* a leaf: guards in_flight */
    struct cond idle;
    unsigned in_flight GUARDED_BY(lock);
    struct block_node *next;
};

/* file.c: whole transfers on a file; bytes beyond its end read as zero.  0 or -errno.  `skip` bytes
 * into the vector. */
int file_read(int fd, const struct block_req *req, uint64_t skip, uint64_t bytes);
int file_write(int fd, const struct block_req *req);
int file_pread(int fd, void *buf, size_t n, uint64_t off);
int file_pwrite(int fd, const void *buf, size_t n, uint64_t off);
int file_write_zeroes(int fd, uint64_t off, uint64_t bytes);
int file_discard(int fd, uint64_t off, uint64_t bytes);
/* Lock for reading or writing against other processes; false and *errp, naming the holder, when one
 * has it. */
bool file_lock(int fd, const char *path, bool write, struct error **errp);

/* overlay.c */
struct overlay *overlay_new(uint64_t size, struct error **errp);
void overlay_free(struct overlay *o);
int overlay_read(struct block_node *b, const struct block_req *req);
int overlay_write(struct block_node *b, const struct block_req *req);
int overlay_write_zeroes(struct block_node *b, uint64_t off, uint64_t bytes);

/* pool.c: run requests on worker threads, started on first use. */
void pool_submit(struct block_req *req);
void pool_stop(void);
/* block.c: called by the pool. */
void block_run(struct block_req *req);

#endif
