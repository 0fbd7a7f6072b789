/* Threads that look at queues of devices: what -object iothread creates, and those of a device's
 * own. */
#ifndef HW_VIRTIO_IOTHREAD_H
#define HW_VIRTIO_IOTHREAD_H

#include "core/prop.h"

struct iothread;

/* Something to do on such a thread.  Zeroed but for fn, it is owned by whoever queues it. */
struct io_work {
    void (*fn)(struct io_work *w);
    struct io_work *next;
    bool queued;
};

enum iothread_tuning {
    IOTHREAD_POLL_MAX_NS, /* how long to look for more work before sleeping */
    IOTHREAD_POLL_GROW,   /* this and what follows is kept, and has no effect */
    IOTHREAD_POLL_SHRINK,
    IOTHREAD_AIO_MAX_BATCH,
    IOTHREAD_TUNINGS
};
extern const char *const iothread_tuning_names[IOTHREAD_TUNINGS + 1]; /* ended by NULL */

/* A thread without a name, of one device.  It starts with the first work: a process that forks to
 * the background does so before. */
struct iothread *iothread_new(void);
/* No work may be queued. */
void iothread_free(struct iothread *t);
/* Have w->fn(w) called soon, once however often it is queued before that; any thread. */
void iothread_queue(struct iothread *t, struct io_work *w);
/* Wait until w is neither queued nor running; not with a lock held that fn takes. */
void iothread_wait(struct iothread *t, struct io_work *w);

/* -object iothread,id=ID.  They are made and deleted in the main thread. */
bool iothread_create(const char *id, const uint64_t tuning[IOTHREAD_TUNINGS],
                     struct error **errp) MUST_CHECK;
/* False when there is none; no device may use it. */
bool iothread_delete(const char *id);
void iothread_free_all(void);
struct iothread *iothread_find(const char *id);
/* All that have an id; NULL begins and ends. */
struct iothread *iothread_next(const struct iothread *t);
const char *iothread_id(const struct iothread *t);
uint64_t iothread_tuning(const struct iothread *t, enum iothread_tuning what);
/* The host's id of the thread, which is started if it was not. */
int iothread_tid(struct iothread *t);

extern const struct prop_kind prop_iothread; /* field type: struct iothread *; value is an id */

#endif
