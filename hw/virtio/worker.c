/*
 * Has a device's queues looked at on a thread of their own, or on an -object iothread, in place of
 * the vCPU that notified it.
 *
 * A notification is a bit in `kicked`.  machine_pause() waits until all bits are served, so that a
 * paused machine's memory and devices stand still.
 */
#include "core/machine.h"
#include "hw/virtio/iothread.h"
#include "hw/virtio/virtio.h"
#include "util/bits.h"

#include <glib.h>

struct virtio_worker {
    struct io_work work;
    struct virtio_device *v;
    _Atomic uint64_t kicked; /* a bit for each queue to look at */
    struct iothread *thread;
    struct machine_pause_listener pause;
};

static void look_at(struct io_work *work)
{
    struct virtio_worker *w = container_of(work, struct virtio_worker, work);
    struct virtio_device *v = w->v;
    uint64_t queues = atomic_exchange_explicit(&w->kicked, 0, memory_order_acq_rel);
    mutex_lock(&v->dev.lock);
    for (; queues; queues &= queues - 1) {
        unsigned i = (unsigned)__builtin_ctzll(queues);
        if (i < v->nqueues && virtq_is_live(v, i))
            v->vcls->queue(v, i);
    }
    mutex_unlock(&v->dev.lock);
}

void virtio_worker_kick(struct virtio_worker *w, unsigned queue)
{
    /* Whoever set a bit before has queued the work, which takes all of them. */
    if (!atomic_fetch_or_explicit(&w->kicked, BIT64(queue), memory_order_acq_rel))
        iothread_queue(w->thread, &w->work);
}

/* The vCPUs are parked, so there is an end to it. */
static void pause_changed(struct machine_pause_listener *l, bool paused)
{
    struct virtio_worker *w = container_of(l, struct virtio_worker, pause);
    if (paused)
        iothread_wait(w->thread, &w->work);
}

struct virtio_worker *virtio_worker_new(struct virtio_device *v)
{
    struct virtio_worker *w = g_new0(struct virtio_worker, 1);
    w->v = v;
    w->work.fn = look_at;
    w->thread = v->iothread ? v->iothread : iothread_new();
    w->pause.changed = pause_changed;
    if (v->dev.machine)
        machine_add_pause_listener(v->dev.machine, &w->pause);
    return w;
}

void virtio_worker_free(struct virtio_worker *w)
{
    if (w == NULL)
        return;
    if (w->v->dev.machine)
        machine_del_pause_listener(w->v->dev.machine, &w->pause);
    iothread_wait(w->thread, &w->work);
    if (!w->v->iothread)
        iothread_free(w->thread);
    g_free(w);
}
