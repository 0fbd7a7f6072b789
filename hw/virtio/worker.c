/*
 * A thread that looks at a device's queues in place of the vCPU that notified it.
 *
 * A notification is a bit in `kicked`, and a wake-up when the thread sleeps.  machine_pause() waits
 * until all bits are served, so that a paused machine's memory and devices stand still.
 */
#include "core/machine.h"
#include "hw/virtio/virtio.h"
#include "util/bits.h"

#include <glib.h>

struct virtio_worker {
    struct virtio_device *v;
    _Atomic uint64_t kicked; /* a bit for each queue to look at */
    struct mutex lock;       /* a leaf: guards what follows */
    struct cond wake, idle;
    bool started GUARDED_BY(lock), busy GUARDED_BY(lock), quit GUARDED_BY(lock);
    pthread_t thread;
    struct machine_pause_listener pause;
};

static void look_at(struct virtio_device *v, uint64_t queues)
{
    mutex_lock(&v->dev.lock);
    for (; queues; queues &= queues - 1) {
        unsigned i = (unsigned)__builtin_ctzll(queues);
        if (i < v->nqueues && virtq_is_live(v, i))
            v->vcls->queue(v, i);
    }
    mutex_unlock(&v->dev.lock);
}

/* Sleep until there is something to do; the queues, or 0 to quit. */
static uint64_t next_kicks(struct virtio_worker *w)
{
    uint64_t queues = 0;
    mutex_lock(&w->lock);
    for (w->busy = false; !w->quit && queues == 0;) {
        queues = atomic_exchange_explicit(&w->kicked, 0, memory_order_acq_rel);
        if (queues)
            break;
        cond_broadcast(&w->idle);
        cond_wait(&w->wake, &w->lock);
    }
    w->busy = true;
    mutex_unlock(&w->lock);
    return queues;
}

static void *worker_thread(void *opaque)
{
    struct virtio_worker *w = opaque;
    uint64_t queues;
    while ((queues = next_kicks(w)))
        look_at(w->v, queues);
    return NULL;
}

/* The thread starts with the first notification: a process that forks to the background does so
 * before. */
void virtio_worker_kick(struct virtio_worker *w, unsigned queue)
{
    /* Whoever set a bit before has woken the thread, which takes all of them. */
    if (atomic_fetch_or_explicit(&w->kicked, BIT64(queue), memory_order_acq_rel))
        return;
    mutex_lock(&w->lock);
    if (!w->started) {
        w->started = true;
        w->thread = thread_start("virtio", worker_thread, w);
    } else if (!w->busy) {
        cond_signal(&w->wake);
    }
    mutex_unlock(&w->lock);
}

/* The vCPUs are parked, so there is an end to it. */
static void pause_changed(struct machine_pause_listener *l, bool paused)
{
    struct virtio_worker *w = container_of(l, struct virtio_worker, pause);
    mutex_lock(&w->lock);
    while (paused && w->started &&
           (w->busy || atomic_load_explicit(&w->kicked, memory_order_acquire)))
        cond_wait(&w->idle, &w->lock);
    mutex_unlock(&w->lock);
}

struct virtio_worker *virtio_worker_new(struct virtio_device *v)
{
    struct virtio_worker *w = g_new0(struct virtio_worker, 1);
    w->v = v;
    mutex_init(&w->lock);
    cond_init(&w->wake);
    cond_init(&w->idle);
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
    mutex_lock(&w->lock);
    w->quit = true;
    cond_signal(&w->wake);
    mutex_unlock(&w->lock);
    if (w->started)
        pthread_join(w->thread, NULL);
    cond_fini(&w->wake);
    cond_fini(&w->idle);
    mutex_fini(&w->lock);
    g_free(w);
}
