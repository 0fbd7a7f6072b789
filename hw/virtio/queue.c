/*
 * Virtqueues: what both layouts share, and the split one, with indirect descriptors and event
 * indices.
 * Ref: VIRTIO 1.2, section 2.7.
 *
 * The rings belong to the guest and may hold anything, and may change while they are read: each
 * descriptor is copied once and checked before use, chains are bounded by the queue's size, and a
 * rule broken stops the device until reset.
 */
#include "core/machine.h"
#include "core/ram.h"
#include "hw/virtio/queue_priv.h"
#include "util/bits.h"

#include <glib.h>

enum { AVAIL_NO_INTERRUPT = 1, AVAIL_IDX = 2, AVAIL_RING = 4, USED_IDX = 2, USED_RING = 4 };

static struct address_space *space(struct virtio_device *v)
{
    return &v->dev.machine->as;
}

uint8_t *virtq_map_part(struct virtio_device *v, gpa addr, uint64_t len, unsigned align,
                        bool writable, struct ram_block **ram)
{
    uint64_t off, n = len;
    if (addr & (align - 1))
        return NULL;
    uint8_t *host = dma_map(space(v), addr, &n, writable, ram, &off);
    return host && n >= len ? host : NULL;
}

bool virtio_queue_size_ok(struct virtio_device *v, uint32_t n)
{
    return n && n <= v->queue_max && (virtq_is_packed(v) || is_pow2(n));
}

bool virtq_map(struct virtio_device *v, unsigned queue)
{
    struct virtio_queue_state *q = virtq_state(v, queue);
    struct virtq *vq = &v->vq[queue];
    struct ram_block *ram;
    if (v->dev.machine == NULL || !virtio_queue_size_ok(v, q->num))
        return false;
    if (virtq_is_packed(v)) {
        if (packed_map(v, queue))
            return true;
        virtq_unmap(v, queue);
        return false;
    }
    vq->desc = virtq_map_part(v, q->desc, (uint64_t)q->num * DESC_SIZE, 16, false, &ram);
    vq->avail = virtq_map_part(v, q->avail, 6 + 2 * (uint64_t)q->num, 2, false, &ram);
    vq->used = virtq_map_part(v, q->used, 6 + 8 * (uint64_t)q->num, 4, true, &vq->used_ram);
    if (vq->desc && vq->avail && vq->used)
        return true;
    virtq_unmap(v, queue);
    return false;
}

void virtq_unmap(struct virtio_device *v, unsigned queue)
{
    struct virtq *vq = &v->vq[queue];
    vq->desc = vq->avail = NULL;
    vq->used = vq->ring = NULL;
}

static bool may_dma(const struct virtio_device *v)
{
    return !v->transport_ops || !v->transport_ops->may_dma ||
           v->transport_ops->may_dma(v->transport);
}

bool virtq_is_live(struct virtio_device *v, unsigned queue)
{
    const struct virtio_state *s = virtio_state(v);
    return v->vq[queue].used && s->q[queue].ready && !s->broken && (s->status & VIRTIO_DRIVER_OK) &&
           may_dma(v);
}

/* Pairs with the driver's release store of idx: what it put into the ring before is seen after. */
static uint16_t avail_idx(const struct virtq *vq)
{
    return __atomic_load_n((const uint16_t *)(const void *)(vq->avail + AVAIL_IDX),
                           __ATOMIC_ACQUIRE);
}

struct virtq_desc virtq_load_desc(const uint8_t *at)
{
    uint8_t copy[DESC_SIZE];
    memcpy(copy, at, DESC_SIZE);
    return (struct virtq_desc){ld_le64(copy), ld_le32(copy + 8), ld_le16(copy + 12),
                               ld_le16(copy + 14)};
}

const char *virtq_add_segment(struct virtio_device *v, struct virtq_chain *c,
                              const struct virtq_desc *d)
{
    bool writable = d->flags & DESC_WRITE;
    gpa addr = d->addr;
    if (!writable && c->nin)
        return "a readable descriptor follows a writable one";
    for (uint64_t left = d->len; left > 0;) {
        unsigned i = c->nout + c->nin;
        uint64_t n = left, off;
        if (i == VIRTIO_MAX_SEGMENTS)
            return "a chain has too many segments";
        void *host = dma_map(space(v), addr, &n, writable, &v->scratch_ram[i], &off);
        if (host == NULL || n == 0)
            return "a buffer is not in RAM";
        v->scratch_iov[i] = (struct iovec){host, n};
        *(writable ? &c->nin : &c->nout) += 1;
        *(writable ? &c->in_bytes : &c->out_bytes) += n;
        addr += n;
        left -= n;
    }
    return NULL;
}

/* Follow a chain through a table of n descriptors; each may be visited once, which bounds loops. */
static const char *walk(struct virtio_device *v, struct virtq_chain *c, const uint8_t *table,
                        unsigned n, unsigned head, struct virtq_desc *indirect)
{
    unsigned at = head;
    for (unsigned seen = 0; seen < n; seen++) {
        if (at >= n)
            return "a descriptor number is out of range";
        struct virtq_desc d = virtq_load_desc(table + (size_t)at * DESC_SIZE);
        if (d.flags & DESC_INDIRECT) {
            if (indirect == NULL || (d.flags & DESC_NEXT))
                return "an indirect descriptor is nested or chained";
            *indirect = d;
            return NULL;
        }
        const char *wrong = virtq_add_segment(v, c, &d);
        if (wrong || !(d.flags & DESC_NEXT))
            return wrong;
        at = d.next;
    }
    return "a descriptor chain has a loop";
}

const uint8_t *virtq_indirect_table(struct virtio_device *v, const struct virtq_desc *d,
                                    unsigned *n, const char **wrong)
{
    struct ram_block *ram;
    uint64_t off, len = d->len;
    *n = d->len / DESC_SIZE;
    *wrong = NULL;
    if (!virtio_has(v, VIRTIO_F_INDIRECT_DESC))
        *wrong = "an indirect descriptor was not negotiated";
    else if (d->len == 0 || d->len % DESC_SIZE || *n > VIRTIO_MAX_SEGMENTS)
        *wrong = "an indirect table has a bad size";
    if (*wrong)
        return NULL;
    const uint8_t *table = dma_map(space(v), d->addr, &len, false, &ram, &off);
    if (table && len >= d->len)
        return table;
    *wrong = "an indirect table is not in RAM";
    return NULL;
}

static const char *walk_indirect(struct virtio_device *v, struct virtq_chain *c,
                                 const struct virtq_desc *d)
{
    const char *wrong;
    unsigned n;
    const uint8_t *table = virtq_indirect_table(v, d, &n, &wrong);
    return table ? walk(v, c, table, n, 0, NULL) : wrong;
}

struct virtq_elem *virtq_elem_new(struct virtio_device *v, unsigned queue, uint16_t head,
                                  const struct virtq_chain *c)
{
    unsigned n = c->nout + c->nin;
    struct virtq_elem *e =
        g_malloc(sizeof(*e) + n * (sizeof(struct iovec) + sizeof(struct ram_block *)));
    *e = (struct virtq_elem){.queue = (uint16_t)queue,
                             .head = head,
                             .nout = c->nout,
                             .nin = c->nin,
                             .out_bytes = c->out_bytes,
                             .in_bytes = c->in_bytes,
                             .iov = (void *)(e + 1)};
    e->ram = (void *)(e->iov + n);
    memcpy(e->iov, v->scratch_iov, n * sizeof(*e->iov));
    memcpy(e->ram, v->scratch_ram, n * sizeof(*e->ram));
    return e;
}

static struct virtq_elem *collect(struct virtio_device *v, unsigned queue, uint16_t head)
{
    struct virtq_chain c = {0};
    struct virtq_desc indirect = {0};
    const char *wrong = walk(v, &c, v->vq[queue].desc, virtq_state(v, queue)->num, head, &indirect);
    if (wrong == NULL && (indirect.flags & DESC_INDIRECT))
        wrong = walk_indirect(v, &c, &indirect);
    if (wrong) {
        virtio_break(v, queue, wrong);
        return NULL;
    }
    return virtq_elem_new(v, queue, head, &c);
}

/* Ask to be told of the next buffer; true when one has come meanwhile. */
static bool rearm(struct virtio_device *v, unsigned queue)
{
    struct virtq *vq = &v->vq[queue];
    struct virtio_queue_state *q = virtq_state(v, queue);
    if (!virtio_has(v, VIRTIO_F_EVENT_IDX))
        return false;
    uint8_t *event = vq->used + USED_RING + 8 * (size_t)q->num;
    __atomic_store_n((uint16_t *)(void *)event, q->last_avail, __ATOMIC_RELAXED);
    ram_written(vq->used_ram, (uint64_t)(event - vq->used_ram->host), 2);
    /* Pairs with the driver's barrier between storing idx and reading avail_event: one of us sees
     * the other. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return avail_idx(vq) != q->last_avail;
}

struct virtq_elem *virtq_pop(struct virtio_device *v, unsigned queue)
{
    struct virtq *vq = &v->vq[queue];
    struct virtio_queue_state *q = virtq_state(v, queue);
    if (!virtq_is_live(v, queue))
        return NULL;
    if (v->dev.machine->frozen) { /* after the state was taken there is nothing to take */
        virtq_again(v, queue);
        return NULL;
    }
    if (virtq_is_packed(v))
        return packed_pop(v, queue);
    if (avail_idx(vq) == q->last_avail && !rearm(v, queue))
        return NULL;
    if ((uint16_t)(avail_idx(vq) - q->last_avail) > q->num || vq->in_flight >= q->num) {
        virtio_break(v, queue, "more buffers are available than the queue has entries");
        return NULL;
    }
    uint16_t head = ld_le16(vq->avail + AVAIL_RING + 2 * (size_t)(q->last_avail & (q->num - 1)));
    struct virtq_elem *e = collect(v, queue, head);
    if (e) {
        q->last_avail++;
        vq->in_flight++;
    }
    return e;
}

unsigned virtq_budget(const struct virtio_device *v)
{
    return 4 * v->queue_max;
}

struct virtq_elem *virtq_next(struct virtio_device *v, unsigned queue, unsigned *budget)
{
    if (*budget == 0) {
        virtq_again(v, queue);
        return NULL;
    }
    --*budget;
    return virtq_pop(v, queue);
}

void virtq_drop(struct virtio_device *v, struct virtq_elem *take_e)
{
    struct virtq *vq = &v->vq[take_e->queue];
    if (vq->in_flight && --vq->in_flight == 0)
        cond_broadcast(&v->drained);
    g_free(take_e);
}

void virtq_unpop(struct virtio_device *v, struct virtq_elem *take_e)
{
    if (virtq_is_packed(v))
        packed_unpop(v, take_e);
    else
        virtq_state(v, take_e->queue)->last_avail--;
    virtq_drop(v, take_e);
}

/* Tell the memory core which in segments were written, up to n bytes. */
static void mark_written(const struct virtq_elem *e, uint64_t n)
{
    for (unsigned i = e->nout; i < e->nout + e->nin && n > 0; i++) {
        uint64_t part = MIN(n, e->iov[i].iov_len);
        const uint8_t *base = e->iov[i].iov_base;
        ram_written(e->ram[i], (uint64_t)(base - e->ram[i]->host), part);
        n -= part;
    }
}

/* Write entry number i, from used_idx on; not yet seen by the driver. */
static void put_used(struct virtio_device *v, const struct virtq_elem *e, uint64_t written,
                     unsigned i)
{
    struct virtq *vq = &v->vq[e->queue];
    const struct virtio_queue_state *q = virtq_state(v, e->queue);
    uint8_t *slot = vq->used + USED_RING + 8 * (size_t)((q->used_idx + i) & (q->num - 1));
    st_le32(slot, e->head);
    st_le32(slot + 4, (uint32_t)written);
    ram_written(vq->used_ram, (uint64_t)(slot - vq->used_ram->host), 8);
}

static void split_put_used(struct virtio_device *v, struct virtq_elem *const *e,
                           const uint64_t *written, unsigned n)
{
    struct virtq *vq = &v->vq[e[0]->queue];
    struct virtio_queue_state *q = virtq_state(v, e[0]->queue);
    for (unsigned i = 0; i < n; i++)
        put_used(v, e[i], written[i], i);
    q->used_idx = (uint16_t)(q->used_idx + n);
    /* Pairs with the driver's acquire load of idx: the entries and the data are seen before it. */
    __atomic_store_n((uint16_t *)(void *)(vq->used + USED_IDX), q->used_idx, __ATOMIC_RELEASE);
    ram_written(vq->used_ram, (uint64_t)(vq->used - vq->used_ram->host), USED_RING);
}

void virtq_push_many(struct virtio_device *v, struct virtq_elem *const *take_e,
                     const uint64_t *written, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        mark_written(take_e[i], written[i]);
    if (n && virtq_is_live(v, take_e[0]->queue)) {
        if (virtq_is_packed(v))
            packed_put_used(v, take_e, written, n);
        else
            split_put_used(v, take_e, written, n);
    }
    for (unsigned i = 0; i < n; i++)
        virtq_drop(v, take_e[i]);
}

void virtq_push(struct virtio_device *v, struct virtq_elem *take_e, uint64_t written)
{
    virtq_push_many(v, &take_e, &written, 1);
}

/* Section 2.7.7.2: with event indices, when used_idx passed used_event; else unless the driver
 * opted out. */
static bool wants_interrupt(struct virtio_device *v, unsigned queue)
{
    struct virtq *vq = &v->vq[queue];
    struct virtio_queue_state *q = virtq_state(v, queue);
    /* Pairs with the driver's barrier between setting used_event (or flags) and reading idx. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    uint16_t old = q->signalled, now = q->used_idx;
    bool valid = q->signalled_valid;
    if (now == (valid ? old : 0)) /* nothing was pushed since */
        return false;
    q->signalled = now;
    q->signalled_valid = 1;
    if (!virtio_has(v, VIRTIO_F_EVENT_IDX))
        return !(ld_le16(vq->avail) & AVAIL_NO_INTERRUPT);
    uint16_t event = ld_le16(vq->avail + AVAIL_RING + 2 * (size_t)q->num);
    return !valid || (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

void virtq_interrupt(struct virtio_device *v, unsigned queue)
{
    if (!virtq_is_live(v, queue) ||
        !(virtq_is_packed(v) ? packed_wants_interrupt(v, queue) : wants_interrupt(v, queue)))
        return;
    virtio_state(v)->isr |= VIRTIO_ISR_QUEUE;
    if (v->transport_ops)
        v->transport_ops->interrupt(v->transport, v, queue);
}

/* Move n bytes between buf and count segments, starting off bytes in. */
static uint64_t copy(const struct iovec *iov, unsigned count, uint64_t off, uint8_t *to,
                     const uint8_t *from, uint64_t n)
{
    uint64_t done = 0;
    for (unsigned i = 0; i < count && done < n; i++) {
        if (off >= iov[i].iov_len) {
            off -= iov[i].iov_len;
            continue;
        }
        uint64_t part = MIN(n - done, iov[i].iov_len - off);
        uint8_t *seg = (uint8_t *)iov[i].iov_base + off;
        memcpy(to ? to + done : seg, to ? seg : from + done, part);
        done += part;
        off = 0;
    }
    return done;
}

uint64_t virtq_read(const struct virtq_elem *e, uint64_t off, void *buf, uint64_t n)
{
    return copy(e->iov, e->nout, off, buf, NULL, n);
}

uint64_t virtq_write(const struct virtq_elem *e, uint64_t off, const void *buf, uint64_t n)
{
    return copy(e->iov + e->nout, e->nin, off, NULL, buf, n);
}
