/*
 * Packed virtqueues: one ring of descriptors that driver and device both write.
 * Ref: VIRTIO 1.2, section 2.8.
 *
 * A position in the ring is an index and a wrap counter that toggles with each lap; the counters
 * start at 1 and are kept inverted, so that a reset to zero is right.
 */
#include "core/ram.h"
#include "hw/virtio/queue_priv.h"
#include "util/bits.h"

#include <glib.h>

enum { DESC_LEN = 8, DESC_ID = 12, DESC_FLAGS = 14, DESC_AVAIL = 1 << 7, DESC_USED = 1 << 15 };
enum { EVENT_SIZE = 4, EVENT_FLAGS = 2, EVENT_WRAP = 1 << 15 };
enum { EVENTS_ON = 0, EVENTS_OFF = 1, EVENTS_AT = 2 };

bool packed_map(struct virtio_device *v, unsigned queue)
{
    const struct virtio_queue_state *q = virtq_state(v, queue);
    struct virtq *vq = &v->vq[queue];
    struct ram_block *ram;
    vq->ring = virtq_map_part(v, q->desc, (uint64_t)q->num * DESC_SIZE, 16, true, &vq->ring_ram);
    vq->avail = virtq_map_part(v, q->avail, EVENT_SIZE, 4, false, &ram);
    vq->used = virtq_map_part(v, q->used, EVENT_SIZE, 4, true, &vq->used_ram);
    vq->desc = vq->ring;
    return vq->ring && vq->avail && vq->used && q->last_avail < q->num && q->used_idx < q->num;
}

/* The id comes before the flags, where split descriptors have flags and next. */
static struct virtq_desc load_packed_desc(const uint8_t *at)
{
    struct virtq_desc d = virtq_load_desc(at);
    return (struct virtq_desc){d.addr, d.len, .flags = d.next, .next = d.flags};
}

static uint16_t load_acquire(const uint8_t *p)
{
    return __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE);
}

/* Pairs with the driver's barrier before it stores flags: the rest of the descriptor is seen after
 * them. */
static bool is_available(const struct virtq *vq, const struct virtio_queue_state *q)
{
    uint16_t flags = load_acquire(vq->desc + (size_t)q->last_avail * DESC_SIZE + DESC_FLAGS);
    bool wrap = !q->avail_wrapped;
    return !!(flags & DESC_AVAIL) == wrap && !!(flags & DESC_USED) != wrap;
}

/* Ask to be told of the next buffer; true when one has come meanwhile. */
static bool rearm(struct virtio_device *v, unsigned queue)
{
    struct virtq *vq = &v->vq[queue];
    const struct virtio_queue_state *q = virtq_state(v, queue);
    if (!virtio_has(v, VIRTIO_F_EVENT_IDX))
        return false;
    uint32_t at = q->last_avail | (q->avail_wrapped ? 0U : EVENT_WRAP);
    /* Position and flags in one store, so that the driver cannot see one without the other. */
    __atomic_store_n((uint32_t *)(void *)vq->used, at | EVENTS_AT << 16, __ATOMIC_RELAXED);
    ram_written(vq->used_ram, (uint64_t)(vq->used - vq->used_ram->host), EVENT_SIZE);
    /* Pairs with the driver's barrier between storing flags and reading this: one of us sees the
     * other. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return is_available(vq, q);
}

static const char *add_indirect(struct virtio_device *v, struct virtq_chain *c,
                                const struct virtq_desc *d)
{
    const char *wrong = NULL;
    unsigned n;
    const uint8_t *table = virtq_indirect_table(v, d, &n, &wrong);
    for (unsigned i = 0; table && i < n && !wrong; i++) {
        struct virtq_desc inner = load_packed_desc(table + (size_t)i * DESC_SIZE);
        wrong = virtq_add_segment(v, c, &inner);
    }
    return wrong;
}

/* The chain at last_avail: *n descriptors, the last of which holds its id. */
static const char *collect(struct virtio_device *v, unsigned queue, struct virtq_chain *c,
                           uint16_t *id, unsigned *n)
{
    const struct virtio_queue_state *q = virtq_state(v, queue);
    unsigned at = q->last_avail;
    for (*n = 1; *n <= q->num; ++*n) {
        struct virtq_desc d = load_packed_desc(v->vq[queue].desc + (size_t)at * DESC_SIZE);
        bool indirect = d.flags & DESC_INDIRECT;
        if (indirect && (*n > 1 || (d.flags & DESC_NEXT)))
            return "an indirect descriptor is chained";
        const char *wrong = indirect ? add_indirect(v, c, &d) : virtq_add_segment(v, c, &d);
        *id = d.next;
        if (wrong || !(d.flags & DESC_NEXT))
            return wrong;
        at = at + 1 == q->num ? 0 : at + 1;
    }
    return "a descriptor chain has no end";
}

static void advance(const struct virtio_queue_state *q, uint16_t *at, uint8_t *wrapped, unsigned n)
{
    unsigned next = *at + n;
    if (next >= q->num) {
        next -= q->num;
        *wrapped ^= 1;
    }
    *at = (uint16_t)next;
}

struct virtq_elem *packed_pop(struct virtio_device *v, unsigned queue)
{
    struct virtq *vq = &v->vq[queue];
    struct virtio_queue_state *q = virtq_state(v, queue);
    struct virtq_chain c = {0};
    unsigned n = 0;
    uint16_t id = 0;
    if (!is_available(vq, q) && !rearm(v, queue))
        return NULL;
    const char *wrong = vq->in_flight >= q->num
                            ? "more buffers are available than the queue has entries"
                            : collect(v, queue, &c, &id, &n);
    if (wrong) {
        virtio_break(v, queue, wrong);
        return NULL;
    }
    struct virtq_elem *e = virtq_elem_new(v, queue, id, &c);
    e->descs = (uint16_t)n;
    advance(q, &q->last_avail, &q->avail_wrapped, n);
    vq->in_flight++;
    return e;
}

void packed_unpop(struct virtio_device *v, const struct virtq_elem *e)
{
    struct virtio_queue_state *q = virtq_state(v, e->queue);
    if (q->num == 0) /* it was reset meanwhile */
        return;
    if (q->last_avail < e->descs) {
        q->last_avail = (uint16_t)(q->last_avail + q->num);
        q->avail_wrapped ^= 1;
    }
    q->last_avail = (uint16_t)(q->last_avail - e->descs);
}

/* Section 2.8.6: the id and the length first, then the flags with both bits as the lap has them. */
static uint16_t fill_used(struct virtio_device *v, const struct virtq_elem *e, uint64_t written)
{
    struct virtq *vq = &v->vq[e->queue];
    struct virtio_queue_state *q = virtq_state(v, e->queue);
    uint8_t *d = vq->ring + (size_t)q->used_idx * DESC_SIZE;
    unsigned flags = (written ? DESC_WRITE : 0) | (q->used_wrapped ? 0 : DESC_AVAIL | DESC_USED);
    st_le32(d + DESC_LEN, (uint32_t)written);
    st_le16(d + DESC_ID, e->head);
    ram_written(vq->ring_ram, (uint64_t)(d - vq->ring_ram->host), DESC_SIZE);
    advance(q, &q->used_idx, &q->used_wrapped, e->descs);
    return (uint16_t)flags;
}

/* Pairs with the driver's read of flags before the rest. */
static void store_flags(struct virtq *vq, unsigned at, uint16_t flags)
{
    uint8_t *d = vq->ring + (size_t)at * DESC_SIZE;
    __atomic_store_n((uint16_t *)(void *)(d + DESC_FLAGS), flags, __ATOMIC_RELEASE);
    ram_written(vq->ring_ram, (uint64_t)(d - vq->ring_ram->host), DESC_SIZE);
}

void packed_put_used(struct virtio_device *v, struct virtq_elem *const *e, const uint64_t *written,
                     unsigned n)
{
    unsigned queue = e[0]->queue;
    struct virtq *vq = &v->vq[queue];
    const struct virtio_queue_state *q = virtq_state(v, queue);
    unsigned first = q->used_idx;
    uint16_t first_flags = fill_used(v, e[0], written[0]);
    for (unsigned i = 1; i < n; i++) {
        unsigned at = q->used_idx;
        store_flags(vq, at, fill_used(v, e[i], written[i]));
    }
    store_flags(vq, first, first_flags); /* the driver looks here first */
}

/* Descriptors from the position of the last interrupt to (at, wrapped). */
static unsigned distance(const struct virtio_queue_state *q, unsigned at, bool wrapped)
{
    return at + (wrapped != q->signalled_wrapped ? q->num : 0) - q->signalled;
}

/* Section 2.8.10: unless it is off, or at a descriptor that was not used since the last time. */
bool packed_wants_interrupt(struct virtio_device *v, unsigned queue)
{
    struct virtio_queue_state *q = virtq_state(v, queue);
    const struct virtq *vq = &v->vq[queue];
    unsigned used = distance(q, q->used_idx, q->used_wrapped);
    if (used == 0)
        return false;
    /* Pairs with the driver's barrier between writing its event area and reading flags. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint16_t flags = load_acquire(vq->avail + EVENT_FLAGS), at = ld_le16(vq->avail);
    unsigned event = distance(q, at & (EVENT_WRAP - 1), !(at & EVENT_WRAP));
    q->signalled = q->used_idx;
    q->signalled_wrapped = q->used_wrapped;
    if (flags == EVENTS_AT && virtio_has(v, VIRTIO_F_EVENT_IDX))
        return event < used;
    return flags != EVENTS_OFF;
}
