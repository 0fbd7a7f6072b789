/* Zeros and discards: entries change, data does not move. */
#include "block/qcow2/qcow2_priv.h"

#include <errno.h>

#define ALL_ZERO (MASK64(SUBCLUSTERS, SUBCLUSTERS))

enum how { KEEP_PLACE, GIVE_PLACE_UP, FORGET };

/* What an entry becomes. */
static struct l2_entry zeroed(const struct qcow2 *q, struct l2_entry old, enum how how)
{
    bool keep = how == KEEP_PLACE && !(old.word & ENTRY_COMPRESSED) &&
                entry_has_host(q, old.word) && old.word & ENTRY_COPIED;
    uint64_t place = keep || (q->data && entry_has_host(q, old.word))
                         ? old.word & (ENTRY_OFFSET | ENTRY_COPIED)
                         : 0;

    if (how == FORGET)
        return (struct l2_entry){0, 0};
    if (q->has_subclusters)
        return (struct l2_entry){place, ALL_ZERO};
    return (struct l2_entry){place | ENTRY_ZERO, 0};
}

/* One cluster; `make` also when it has no table yet. */
static int change_one(struct block_node *b, uint64_t off, enum how how, bool make)
{
    struct qcow2 *q = qcow2(b);
    struct table *t;
    int ret = l2_readable(b, off, &t);

    if (ret || (!t && !make))
        return ret;
    if (t && how == FORGET && !l2_get(q, t, off).word && !l2_get(q, t, off).bitmap)
        return 0;
    ret = l2_writable(b, off, &t);
    if (ret)
        return ret;
    struct l2_entry old = l2_get(q, t, off), e = zeroed(q, old, how);
    if (!(e.word & ENTRY_OFFSET))
        entry_free_later(q, old);
    if (e.word != old.word || e.bitmap != old.bitmap)
        l2_put(q, t, off, e);
    return 0;
}

/* Whole clusters in small batches, so that neither the lock nor unwritten tables add up. */
static int change_range(struct block_node *b, uint64_t off, uint64_t end, enum how how, bool make)
{
    struct qcow2 *q = qcow2(b);
    int ret = 0;

    while (!ret && off < end) {
        ret = qcow2_make_room(b);
        mutex_lock(&q->lock);
        ret = ret ? ret : q->is_corrupt ? -EIO : 0;
        for (unsigned i = 0; !ret && i < 1024 && off < end; i++) {
            uint64_t span = l2_span(q);
            bool is_hole =
                !make && (off >> (q->cluster_bits + q->l2_bits) >= q->l1_size ||
                          !(q->l1[off >> (q->cluster_bits + q->l2_bits)] & ENTRY_OFFSET));
            if (!is_hole)
                ret = change_one(b, off, how, make);
            off = is_hole ? (off | (span - 1)) + 1 : off + q->cluster_size;
        }
        mutex_unlock(&q->lock);
    }
    return ret;
}

static int change_held(struct block_node *b, uint64_t off, uint64_t end, enum how how, bool make)
{
    struct qcow2 *q = qcow2(b);
    struct range hold;

    ranges_take(&q->ranges, &hold, off, end, true);
    int ret = change_range(b, off, end, how, make);
    ranges_drop(&q->ranges, &hold);
    return ret;
}

int qcow2_zero_held(struct block_node *b, uint64_t off, uint64_t end)
{
    return change_range(b, off, end, GIVE_PLACE_UP, true);
}

/* Whether [off, off + bytes) reads as zeros already, without looking into data. */
static int reads_zero(struct block_node *b, uint64_t off, uint64_t bytes, bool *yes)
{
    struct qcow2 *q = qcow2(b);
    struct extent e;
    int ret = 0;

    *yes = true;
    for (; !ret && bytes && *yes; bytes -= e.bytes, off += e.bytes) {
        mutex_lock(&q->lock);
        ret = extent_find(b, off, bytes, &e);
        mutex_unlock(&q->lock);
        *yes = !ret && (e.type == EXT_ZERO || e.type == EXT_ZERO_ALLOCATED ||
                        (e.type == EXT_NONE && !b->backing));
    }
    return ret;
}

/* A part of a cluster. */
static int zero_part(struct block_node *b, uint64_t off, uint64_t bytes)
{
    g_autofree char *zeros = NULL;
    bool yes;
    int ret = bytes ? reads_zero(b, off, bytes, &yes) : 0;

    if (ret || !bytes || yes)
        return ret;
    zeros = g_try_malloc0(bytes);
    struct iovec iov = {zeros, bytes};
    return zeros ? qcow2_write_at(b, off, bytes, (struct sg){&iov, 1, 0}) : -ENOMEM;
}

int qcow2_zero_at(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap)
{
    struct qcow2 *q = qcow2(b);
    uint64_t end = off + bytes, start = align_up(off, q->cluster_size);
    uint64_t stop = end == q->disk_size ? align_up(end, q->cluster_size) : cluster_floor(q, end);

    if (q->version < 3 && b->backing)
        return -ENOTSUP;
    if (start >= stop)
        return zero_part(b, off, bytes);
    int ret = zero_part(b, off, start - off);
    if (!ret && end > stop)
        ret = zero_part(b, stop, end - stop);
    enum how how = q->version < 3 ? FORGET : may_unmap ? GIVE_PLACE_UP : KEEP_PLACE;
    if (!ret && q->data && !(q->autoclear & AUTOCLEAR_DATA_RAW) && may_unmap)
        (void)!node_discard(q->data, start, MIN(stop, end) - start);
    if (!ret && q->data && q->autoclear & AUTOCLEAR_DATA_RAW)
        ret = node_write_zeroes(q->data, start, MIN(stop, end) - start, may_unmap);
    return ret ? ret : change_held(b, start, stop, how, how != FORGET);
}

/* What is discarded reads as zeros; nothing of a backing file may come to light. */
int qcow2_discard_at(struct block_node *b, uint64_t off, uint64_t bytes)
{
    struct qcow2 *q = qcow2(b);
    uint64_t end = off + bytes, start = align_up(off, q->cluster_size);
    uint64_t stop = end == q->disk_size ? align_up(end, q->cluster_size) : cluster_floor(q, end);

    if (start >= stop || (q->version < 3 && b->backing))
        return 0;
    if (q->data)
        return qcow2_zero_at(b, start, MIN(stop, end) - start, true);
    return change_held(b, start, stop, b->backing ? GIVE_PLACE_UP : FORGET, b->backing != NULL);
}

int qcow2_forget_at(struct block_node *b, uint64_t off, uint64_t bytes)
{
    return change_held(b, off, off + bytes, FORGET, false);
}
