/* The virtio core: status, features, configuration and interrupts.  Ref: VIRTIO 1.2, sections 2
 * and 3. */
#include "hw/virtio/virtio.h"

#include "core/machine.h"
#include "util/bits.h"
#include "util/optparse.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

enum { MAX_CONFIG = 256 };

struct virtio_state *virtio_state(struct virtio_device *v)
{
    return (struct virtio_state *)(void *)((char *)v + v->dev.type->state_off);
}

bool virtio_has(struct virtio_device *v, unsigned feature)
{
    return virtio_state(v)->features >> feature & 1;
}

void virtq_again(struct virtio_device *v, unsigned queue)
{
    v->again_queues |= BIT64(queue);
    timer_set(&v->again, clock_now());
}

static void run_again(void *opaque)
{
    struct virtio_device *v = opaque;
    uint64_t queues = v->again_queues;
    v->again_queues = 0;
    for (; queues; queues &= queues - 1) {
        unsigned i = (unsigned)__builtin_ctzll(queues);
        if (virtq_is_live(v, i))
            v->vcls->queue(v, i);
    }
}

void virtio_init(struct virtio_device *v, const struct virtio_class *vcls, unsigned nqueues,
                 unsigned queue_max, unsigned config_size)
{
    assert(nqueues <= VIRTIO_MAX_QUEUES && queue_max <= VIRTIO_MAX_QUEUE_SIZE &&
           config_size <= MAX_CONFIG);
    v->nqueues = nqueues;
    v->queue_max = queue_max;
    v->config_size = config_size;
    timer_init(&v->again, &v->dev.lock, run_again, v);
    cond_init(&v->drained);
    v->vcls = vcls;
    if (vcls->thread != VIRTIO_ON_VCPU)
        v->worker = virtio_worker_new(v);
}

unsigned virtio_default_queues(const struct virtio_device *v, unsigned max)
{
    const struct device *t = v->transport;
    if (t == NULL || t->machine == NULL || t->type->cls->bus == NULL ||
        strcmp(t->type->cls->bus, "PCI") != 0)
        return 1;
    return CLAMP(t->machine->cfg.smp, 1, max);
}

bool virtio_parse_ioeventfd(const char *text, enum virtio_thread_wish *wish, struct error **errp)
{
    bool on = false;
    if (strcmp(text, "auto") == 0) {
        *wish = VIRTIO_THREAD_AUTO;
        return true;
    }
    if (!parse_bool(text, &on, errp)) {
        error_prefix(errp, "ioeventfd");
        return false;
    }
    *wish = on ? VIRTIO_THREAD_ON : VIRTIO_THREAD_OFF;
    return true;
}

void virtio_choose_thread(struct virtio_device *v, enum virtio_thread_wish wish)
{
    bool by_itself = v->vcls && v->vcls->thread == VIRTIO_OWN_UNLESS_ASKED;
    v->use_worker = wish == VIRTIO_THREAD_AUTO ? by_itself : wish == VIRTIO_THREAD_ON;
    v->use_worker |= v->iothread != NULL;
}

void virtio_fini(struct virtio_device *v)
{
    g_clear_pointer(&v->worker, virtio_worker_free);
    timer_cancel(&v->again);
    cond_fini(&v->drained);
}

static void live_changed(struct virtio_device *v)
{
    if (v->vcls && v->vcls->live_changed)
        v->vcls->live_changed(v);
}

static void interrupt(struct virtio_device *v, unsigned event)
{
    if (v->transport_ops)
        v->transport_ops->interrupt(v->transport, v, event);
}

void virtio_sync(struct device *dev)
{
    struct virtio_device *v = (struct virtio_device *)dev;
    const struct virtio_state *s = virtio_state(v);
    for (unsigned i = 0; i < v->nqueues; i++) {
        virtq_unmap(v, i);
        if (s->q[i].ready && !virtq_map(v, i))
            virtio_break(v, i, "its rings are not in RAM");
        if (virtq_is_live(v, i)) /* loaded: its driver may have told the device that was saved */
            virtq_again(v, i);
    }
    live_changed(v);
    interrupt(v, VIRTIO_EVENT_NONE);
}

bool virtio_can_save(struct device *dev, struct error **errp)
{
    struct virtio_device *v = (struct virtio_device *)dev;
    for (unsigned i = 0; i < v->nqueues; i++) {
        if (v->vq[i].in_flight == 0)
            continue;
        error_set(errp, "queue %u has %u requests in flight", i, v->vq[i].in_flight);
        return false;
    }
    return true;
}

void virtio_config_changed(struct virtio_device *v)
{
    struct virtio_state *s = virtio_state(v);
    s->generation++;
    if (!(s->status & VIRTIO_DRIVER_OK))
        return;
    s->isr |= VIRTIO_ISR_CONFIG;
    interrupt(v, VIRTIO_EVENT_CONFIG);
}

void virtio_break(struct virtio_device *v, unsigned queue, const char *why)
{
    struct virtio_state *s = virtio_state(v);
    dev_guest_error(&v->dev, "queue %u: %s; the device stops until it is reset", queue, why);
    s->broken = 1;
    live_changed(v);
    if (!(s->features >> VIRTIO_F_VERSION_1 & 1))
        return;
    s->status |= VIRTIO_NEEDS_RESET;
    virtio_config_changed(v);
}

/* With dev.lock held. */
static uint64_t offered(struct virtio_device *v)
{
    uint64_t f = v->vcls->features(v);
    f |= v->indirect_desc ? BIT64(VIRTIO_F_INDIRECT_DESC) : 0;
    f |= v->event_idx ? BIT64(VIRTIO_F_EVENT_IDX) : 0;
    if (v->modern)
        return f | BIT64(VIRTIO_F_VERSION_1) | (v->packed ? BIT64(VIRTIO_F_RING_PACKED) : 0) |
               (v->iommu_platform ? BIT64(VIRTIO_F_ACCESS_PLATFORM) : 0) |
               (v->queue_reset ? BIT64(VIRTIO_F_RING_RESET) : 0);
    return f | (v->any_layout ? BIT64(VIRTIO_F_ANY_LAYOUT) : 0);
}

uint64_t virtio_offered(struct virtio_device *v)
{
    mutex_lock(&v->dev.lock);
    uint64_t f = offered(v);
    mutex_unlock(&v->dev.lock);
    return f;
}

void virtio_accept(struct virtio_device *v, uint64_t features)
{
    struct virtio_state *s = virtio_state(v);
    mutex_lock(&v->dev.lock);
    if (s->status & VIRTIO_FEATURES_OK)
        dev_guest_error(&v->dev, "features written after FEATURES_OK");
    else
        s->features = features & offered(v);
    mutex_unlock(&v->dev.lock);
}

/* As if the machine had just been reset, for this device alone. */
static void reset_locked(struct virtio_device *v)
{
    const struct device_class *cls = v->dev.type->cls;
    state_reset(cls->state, v);
    if (cls->reset)
        cls->reset(&v->dev);
    cls->sync(&v->dev);
}

static void negotiated(struct virtio_device *v)
{
    if (v->vcls->negotiated)
        v->vcls->negotiated(v);
}

static void look_at_queues(struct virtio_device *v)
{
    for (unsigned i = 0; i < v->nqueues; i++)
        if (virtq_is_live(v, i))
            v->vcls->queue(v, i);
}

/* The driver is up: look at buffers that it made available before it said so. */
static void go_live(struct virtio_device *v)
{
    if (!v->modern) /* legacy drivers have no FEATURES_OK step */
        negotiated(v);
    look_at_queues(v);
}

static void change_status(struct virtio_device *v, uint8_t status)
{
    struct virtio_state *s = virtio_state(v);
    uint8_t rising = status & ~s->status;
    if (v->modern && (rising & VIRTIO_FEATURES_OK)) {
        if (s->features >> VIRTIO_F_VERSION_1 & 1)
            negotiated(v);
        else
            status &= (uint8_t)~VIRTIO_FEATURES_OK; /* section 6.1: a driver that is not virtio 1 */
    }
    s->status = status | (s->status & VIRTIO_NEEDS_RESET);
    live_changed(v);
    if (rising & VIRTIO_DRIVER_OK)
        go_live(v);
}

void virtio_set_status(struct virtio_device *v, uint8_t status)
{
    mutex_lock(&v->dev.lock);
    if (status == 0)
        reset_locked(v);
    else
        change_status(v, status);
    mutex_unlock(&v->dev.lock);
}

uint32_t virtio_config_get(struct virtio_device *v, uint64_t off, unsigned size)
{
    uint8_t config[MAX_CONFIG + 4] = {0};
    if (off + size > v->config_size)
        return 0;
    mutex_lock(&v->dev.lock);
    v->vcls->config_read(v, config);
    mutex_unlock(&v->dev.lock);
    return ld_le32(config + off) & (uint32_t)MASK64(0, size * 8);
}

void virtio_config_set(struct virtio_device *v, uint64_t off, unsigned size, uint32_t val)
{
    if (off + size > v->config_size || v->vcls->config_write == NULL) {
        dev_guest_error(&v->dev, "write to read-only configuration at %#x", (unsigned)off);
        return;
    }
    mutex_lock(&v->dev.lock);
    v->vcls->config_write(v, (uint32_t)off, size, val);
    mutex_unlock(&v->dev.lock);
}

/* Drivers from before virtio 1 use a device that they have not said is theirs: section 3.1.2, which
 * has a device take the first notification for DRIVER_OK. */
static void start_for_legacy_driver(struct virtio_device *v, unsigned queue)
{
    const struct virtio_state *s = virtio_state(v);

    mutex_lock(&v->dev.lock);
    if (!v->modern && queue < v->nqueues && s->q[queue].ready &&
        !(s->status & (VIRTIO_DRIVER_OK | VIRTIO_FAILED)))
        change_status(v, s->status | VIRTIO_DRIVER_OK);
    mutex_unlock(&v->dev.lock);
}

void virtio_notify(struct virtio_device *v, unsigned queue)
{
    start_for_legacy_driver(v, queue);
    if (v->use_worker && v->worker) {
        if (queue < v->nqueues)
            virtio_worker_kick(v->worker, queue);
        return;
    }
    mutex_lock(&v->dev.lock);
    if (queue < v->nqueues && virtq_is_live(v, queue))
        v->vcls->queue(v, queue);
    mutex_unlock(&v->dev.lock);
}

void virtio_isr_ack(struct virtio_device *v, uint8_t bits)
{
    mutex_lock(&v->dev.lock);
    virtio_state(v)->isr &= (uint8_t)~bits;
    interrupt(v, VIRTIO_EVENT_NONE);
    mutex_unlock(&v->dev.lock);
}

uint8_t virtio_isr_take(struct virtio_device *v)
{
    struct virtio_state *s = virtio_state(v);
    mutex_lock(&v->dev.lock);
    uint8_t isr = s->isr;
    s->isr = 0;
    interrupt(v, VIRTIO_EVENT_NONE);
    mutex_unlock(&v->dev.lock);
    return isr;
}

void virtio_kick(struct virtio_device *v)
{
    mutex_lock(&v->dev.lock);
    live_changed(v);
    look_at_queues(v);
    mutex_unlock(&v->dev.lock);
}

void virtio_queue_enable(struct virtio_device *v, unsigned queue, bool on)
{
    mutex_lock(&v->dev.lock);
    struct virtio_queue_state *q = &virtio_state(v)->q[queue];
    virtq_unmap(v, queue);
    q->ready = on && virtq_map(v, queue);
    live_changed(v);
    if (on && !q->ready)
        dev_guest_error(&v->dev, "queue %u: %u entries at %#llx, %#llx, %#llx are not all in RAM",
                        queue, q->num, (unsigned long long)q->desc, (unsigned long long)q->avail,
                        (unsigned long long)q->used);
    mutex_unlock(&v->dev.lock);
}

/* The transport's lock is held, so nobody starts the queue again before it is empty. */
static void reset_queue(struct virtio_device *v, unsigned queue) REQUIRES(v->dev.lock)
{
    struct virtio_queue_state *q = &virtio_state(v)->q[queue];
    q->ready = 0; /* chains that are given back go nowhere */
    if (v->vcls->queue_reset)
        v->vcls->queue_reset(v, queue);
    while (v->vq[queue].in_flight)
        cond_wait(&v->drained, &v->dev.lock);
    virtq_unmap(v, queue);
    *q = (struct virtio_queue_state){0};
}

void virtio_queue_reset(struct virtio_device *v, unsigned queue)
{
    mutex_lock(&v->dev.lock);
    if (!virtio_has(v, VIRTIO_F_RING_RESET))
        dev_guest_error(&v->dev, "queue %u reset, which was not negotiated", queue);
    else if (virtio_state(v)->q[queue].ready)
        reset_queue(v, queue);
    mutex_unlock(&v->dev.lock);
}
