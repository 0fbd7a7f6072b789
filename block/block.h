/* Disks as devices see them: asynchronous reads, writes, flushes on a node opened from -drive or
 * -blockdev. */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include "core/prop.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct block_node;

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };

/* done() runs on a worker thread, ret is 0 or a negative errno.  The request belongs to the caller.
 */
struct block_req {
    enum block_op op;
    uint64_t offset; /* bytes */
    uint64_t bytes;  /* total of iov, or the length of a discard */
    struct iovec *iov;
    unsigned niov;
    void (*done)(struct block_req *req, int ret);
    void *opaque;
    struct block_req *next;
    struct block_node *node; /* set by block_submit() */
};

/* Open from "file=PATH,if=virtio,format=raw,readonly=on,id=ID,..." ; the rest of the keys is read
 * by system/. */
struct block_node *block_open(const char *id, const char *path, const char *format, bool read_only,
                              bool snapshot, struct error **errp) MUST_CHECK;
struct block_node *block_find(const char *id);
void block_close(struct block_node *b); /* waits for requests in flight, flushes */
void block_close_all(void);
uint64_t block_size(const struct block_node *b); /* bytes */
bool block_read_only(const struct block_node *b);
const char *block_id(const struct block_node *b);
/* Claim for one device; false when another device has it. */
bool block_attach(struct block_node *b, const char *owner, struct error **errp);
void block_submit(struct block_node *b, struct block_req *req);
/* Wait until nothing is in flight.  Not with a lock held that a done() function takes. */
void block_drain(struct block_node *b);
/* cache=unsafe: flushes do nothing.  discard=ignore: discards do nothing (default: they free host
 * space). */
void block_set_unsafe(struct block_node *b, bool unsafe);
void block_set_discard(struct block_node *b, bool discard);

extern const struct prop_kind prop_drive; /* field type: struct block_node *; value is a node id */

#endif
