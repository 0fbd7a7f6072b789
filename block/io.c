/* Blocking access to a node: its bounds, its driver, its backing file. */
#include "block/bitmap_priv.h"
#include "block/block_priv.h"

#include "core/event.h"
#include "util/bits.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdatomic.h>

static const uint64_t MAX_OFFSET = INT64_MAX;

/* How many of the bytes at off lie inside b. */
static uint64_t inside(const struct block_node *b, uint64_t off, uint64_t bytes)
{
    uint64_t size = b->size;

    return off >= size ? 0 : MIN(bytes, size - off);
}

int node_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    uint64_t n = inside(b, off, bytes);
    int ret = n ? b->drv->read(b, off, n, sg) : 0;

    if (!ret && n < bytes)
        sg_zero(sg_skip(sg, n), bytes - n);
    return ret;
}

/* Whether a change of these bytes is possible: a protocol's node may grow. */
static int check_change(const struct block_node *b, uint64_t off, uint64_t bytes)
{
    if (b->flags & BLOCK_READ_ONLY)
        return -EROFS;
    if (off > MAX_OFFSET || bytes > MAX_OFFSET - off)
        return -EFBIG;
    return b->drv->is_protocol || inside(b, off, bytes) == bytes ? 0 : -ENOSPC;
}

void block_set_write_threshold(struct block_node *b, uint64_t bytes)
{
    atomic_store_explicit(&b->write_threshold, bytes, memory_order_relaxed);
}

uint64_t block_write_threshold(const struct block_node *b)
{
    return atomic_load_explicit(&b->write_threshold, memory_order_relaxed);
}

static int begin_change(struct block_node *b, uint64_t off, uint64_t bytes)
{
    int ret = check_change(b, off, bytes);
    uint64_t limit = block_write_threshold(b), end = off + bytes;

    if (!ret && limit && end > limit &&
        atomic_compare_exchange_strong_explicit(&b->write_threshold, &limit, 0,
                                                memory_order_relaxed, memory_order_relaxed))
        event_emit("BLOCK_WRITE_THRESHOLD",
                   "{\"node-name\": \"%s\", \"amount-exceeded\": %" PRIu64
                   ", \"write-threshold\": %" PRIu64 "}",
                   block_node_name(b), end - limit, limit);
    return ret;
}

int node_write(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    int ret = begin_change(b, off, bytes);

    if (ret || !bytes)
        return ret;
    ret = b->drv->write ? b->drv->write(b, off, bytes, sg) : -ENOTSUP;
    bitmaps_record(b, off, bytes);
    return ret;
}

int node_pread(struct block_node *b, void *buf, size_t n, uint64_t off)
{
    struct iovec iov = {buf, n};

    return node_read(b, off, n, (struct sg){&iov, 1, 0});
}

int node_pwrite(struct block_node *b, const void *buf, size_t n, uint64_t off)
{
    struct iovec iov = {(void *)(uintptr_t)buf, n};

    return node_write(b, off, n, (struct sg){&iov, 1, 0});
}

static int zero_by_writing(struct block_node *b, uint64_t off, uint64_t bytes)
{
    static const char zeros[65536];
    int ret = 0;

    for (uint64_t n; !ret && bytes; bytes -= n, off += n) {
        n = MIN(bytes, sizeof(zeros));
        ret = node_pwrite(b, zeros, n, off);
    }
    return ret;
}

int node_try_zeroes(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap)
{
    int ret = begin_change(b, off, bytes);

    if (ret || !bytes)
        return ret;
    ret = b->drv->write_zeroes ? b->drv->write_zeroes(b, off, bytes, may_unmap) : -ENOTSUP;
    bitmaps_record(b, off, bytes);
    return ret;
}

int node_write_zeroes(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap)
{
    int ret = node_try_zeroes(b, off, bytes, may_unmap);

    return ret == -ENOTSUP ? zero_by_writing(b, off, bytes) : ret;
}

int node_discard(struct block_node *b, uint64_t off, uint64_t bytes)
{
    if (b->flags & BLOCK_READ_ONLY)
        return -EROFS;
    uint64_t n = inside(b, off, bytes);
    if (!n || !(b->flags & BLOCK_UNMAP) || !b->drv->discard)
        return 0;
    int ret = b->drv->discard(b, off, n);
    bitmaps_record(b, off, n);
    return ret == -ENOTSUP ? 0 : ret;
}

int node_flush(struct block_node *b)
{
    if (b->flags & BLOCK_READ_ONLY || !b->drv->flush)
        return 0;
    return b->drv->flush(b);
}

int node_read_backing(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    if (b->backing)
        return node_read(b->backing, off, bytes, sg);
    sg_zero(sg, bytes);
    return 0;
}

/* --- the public blocking calls --- */
int block_pread(struct block_node *b, void *buf, size_t n, uint64_t off)
{
    return node_pread(b, buf, n, off);
}

int block_pwrite(struct block_node *b, const void *buf, size_t n, uint64_t off)
{
    return node_pwrite(b, buf, n, off);
}

int block_pwrite_zeroes(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap)
{
    return node_write_zeroes(b, off, bytes, may_unmap);
}

int block_pwrite_compressed(struct block_node *b, const void *buf, size_t n, uint64_t off)
{
    int ret = begin_change(b, off, n);

    if (ret)
        return ret;
    ret = b->drv->write_compressed ? b->drv->write_compressed(b, off, n, buf) : -ENOTSUP;
    bitmaps_record(b, off, n);
    return ret;
}

int block_pdiscard(struct block_node *b, uint64_t off, uint64_t bytes)
{
    return node_discard(b, off, bytes);
}

int block_flush(struct block_node *b)
{
    return node_flush(b);
}

/* --- where bytes come from --- */
int block_map_layer(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    uint64_t n = inside(b, off, bytes);

    *e = (struct block_extent){.bytes = bytes, .zero = true};
    if (!n)
        return bytes ? 0 : -EINVAL;
    *e = (struct block_extent){.bytes = n, .data = true, .allocated = true, .layer = b};
    return b->drv->map ? b->drv->map(b, off, n, e) : 0;
}

int block_map(struct block_node *b, struct block_node *base, uint64_t off, uint64_t bytes,
              struct block_extent *e)
{
    uint64_t want = inside(b, off, bytes);
    unsigned depth = 0;

    if (!want)
        return -EINVAL;
    for (struct block_node *p = b; p && p != base; p = p->backing, depth++) {
        struct block_extent one;
        int ret = block_map_layer(p, off, want, &one);
        if (ret)
            return ret;
        want = MIN(want, one.bytes);
        bool is_end =
            off >= p->size; /* beyond a short backing file there are zeros, by its overlay */
        if (!one.allocated && !is_end && p->backing)
            continue;
        *e = one;
        e->bytes = want;
        e->depth = is_end && depth ? depth - 1 : depth;
        e->layer = one.allocated ? p : NULL;
        if (!one.allocated)
            e->zero = true;
        return 0;
    }
    *e = (struct block_extent){.bytes = want, .depth = depth};
    return 0;
}
