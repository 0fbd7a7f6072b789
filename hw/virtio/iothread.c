/* Threads that look at queues of devices, in place of the vCPU that notified them. */
#include "hw/virtio/iothread.h"

#include "util/thread.h"

#include <glib.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct iothread {
    char *id; /* NULL: of one device */
    uint64_t tuning[IOTHREAD_TUNINGS];
    _Atomic bool pending; /* there is work: what a thread looks at that does not sleep yet */
    struct mutex lock;    /* a leaf: guards what follows */
    struct cond wake, idle;
    struct io_work *head GUARDED_BY(lock), **tail GUARDED_BY(lock), *running GUARDED_BY(lock);
    bool started GUARDED_BY(lock), asleep GUARDED_BY(lock), quit GUARDED_BY(lock);
    int tid GUARDED_BY(lock);
    pthread_t thread;
    struct iothread *next;
};

/* Objects of the command line and the monitor, of the main thread. */
static struct iothread *iothreads;

const char *const iothread_tuning_names[IOTHREAD_TUNINGS + 1] = {
    "poll-max-ns", "poll-grow", "poll-shrink", "aio-max-batch", NULL};

/* Look for work for a while: going to sleep and waking takes longer than a short wait. */
static void poll_for_work(struct iothread *t)
{
    int64_t end = monotonic_ns() + (int64_t)t->tuning[IOTHREAD_POLL_MAX_NS];
    while (!atomic_load_explicit(&t->pending, memory_order_acquire) && monotonic_ns() < end)
        sched_yield();
}

/* The next work, NULL to quit. */
static struct io_work *next_work(struct iothread *t)
{
    struct io_work *w;
    mutex_lock(&t->lock);
    t->running = NULL;
    cond_broadcast(&t->idle);
    if (t->tuning[IOTHREAD_POLL_MAX_NS] && !t->head && !t->quit) {
        mutex_unlock(&t->lock);
        poll_for_work(t);
        mutex_lock(&t->lock);
    }
    while (!t->head && !t->quit) {
        t->asleep = true;
        cond_wait(&t->wake, &t->lock);
        t->asleep = false;
    }
    w = t->head;
    if (w) {
        t->head = w->next;
        t->tail = t->head ? t->tail : &t->head;
        w->queued = false;
    }
    t->running = w;
    atomic_store_explicit(&t->pending, t->head != NULL, memory_order_release);
    mutex_unlock(&t->lock);
    return w;
}

static void *thread_main(void *opaque)
{
    struct iothread *t = opaque;
    struct io_work *w;
    mutex_lock(&t->lock);
    t->tid = (int)syscall(SYS_gettid);
    mutex_unlock(&t->lock);
    while ((w = next_work(t)))
        w->fn(w);
    return NULL;
}

static void start(struct iothread *t) REQUIRES(t->lock)
{
    g_autofree char *name = t->id ? g_strdup_printf("IO %s", t->id) : g_strdup("virtio");
    if (t->started)
        return;
    t->started = true;
    t->thread = thread_start(name, thread_main, t);
}

void iothread_queue(struct iothread *t, struct io_work *w)
{
    mutex_lock(&t->lock);
    if (!w->queued) {
        w->queued = true;
        w->next = NULL;
        *t->tail = w;
        t->tail = &w->next;
        atomic_store_explicit(&t->pending, true, memory_order_release);
        start(t);
        if (t->asleep)
            cond_signal(&t->wake);
    }
    mutex_unlock(&t->lock);
}

void iothread_wait(struct iothread *t, struct io_work *w)
{
    mutex_lock(&t->lock);
    while (w->queued || t->running == w)
        cond_wait(&t->idle, &t->lock);
    mutex_unlock(&t->lock);
}

struct iothread *iothread_new(void)
{
    struct iothread *t = g_new0(struct iothread, 1);
    mutex_init(&t->lock);
    cond_init(&t->wake);
    cond_init(&t->idle);
    t->tail = &t->head;
    return t;
}

void iothread_free(struct iothread *t)
{
    mutex_lock(&t->lock);
    t->quit = true;
    cond_signal(&t->wake);
    bool started = t->started;
    mutex_unlock(&t->lock);
    if (started)
        pthread_join(t->thread, NULL);
    cond_fini(&t->wake);
    cond_fini(&t->idle);
    mutex_fini(&t->lock);
    g_free(t->id);
    g_free(t);
}

bool iothread_create(const char *id, const uint64_t tuning[IOTHREAD_TUNINGS], struct error **errp)
{
    enum { MAX_POLL_NS = 1000000000 };
    if (iothread_find(id)) {
        error_set(errp, "object '%s' exists already", id);
        return false;
    }
    if (tuning[IOTHREAD_POLL_MAX_NS] > MAX_POLL_NS) {
        error_set(errp, "poll-max-ns is more than a second");
        return false;
    }
    struct iothread *t = iothread_new(), **end = &iothreads;
    t->id = g_strdup(id);
    memcpy(t->tuning, tuning, sizeof(t->tuning));
    while (*end)
        end = &(*end)->next;
    *end = t;
    return true;
}

bool iothread_delete(const char *id)
{
    struct iothread **p = &iothreads, *t;
    while (*p && strcmp((*p)->id, id) != 0)
        p = &(*p)->next;
    t = *p;
    if (!t)
        return false;
    *p = t->next;
    iothread_free(t);
    return true;
}

void iothread_free_all(void)
{
    while (iothreads)
        iothread_delete(iothreads->id);
}

struct iothread *iothread_find(const char *id)
{
    struct iothread *t = iothreads;
    while (t && strcmp(t->id, id) != 0)
        t = t->next;
    return t;
}

struct iothread *iothread_next(const struct iothread *t)
{
    return t ? t->next : iothreads;
}

const char *iothread_id(const struct iothread *t)
{
    return t->id;
}

uint64_t iothread_tuning(const struct iothread *t, enum iothread_tuning what)
{
    return t->tuning[what];
}

static void nothing(struct io_work *w UNUSED)
{
}

int iothread_tid(struct iothread *t)
{
    struct io_work hello = {.fn = nothing};
    iothread_queue(t, &hello);
    iothread_wait(t, &hello);
    mutex_lock(&t->lock);
    int tid = t->tid;
    mutex_unlock(&t->lock);
    return tid;
}

static bool parse(void *field, const char *text, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    struct iothread *t = iothread_find(text);
    if (t) {
        *(struct iothread **)field = t;
        return true;
    }
    for (const struct iothread *i = iothreads; i; i = i->next)
        g_ptr_array_add(names, i->id);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(text, (const char *const *)names->pdata);
    error_set(errp, "there is no -object iothread with id '%s'", text);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return false;
}

static void print(const void *field, FILE *f)
{
    const struct iothread *t = *(struct iothread *const *)field;
    fputs(t ? t->id : "", f);
}

const struct prop_kind prop_iothread = {.name = "iothread", .parse = parse, .print = print};
