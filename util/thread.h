/* Annotated mutex, condition variable and threads over pthreads. */
#ifndef UTIL_THREAD_H
#define UTIL_THREAD_H

#include "util/annot.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct CAPABILITY("mutex") mutex {
    pthread_mutex_t m;
};
struct cond {
    pthread_cond_t c;
};

void mutex_init(struct mutex *m);
void mutex_fini(struct mutex *m);
void mutex_lock(struct mutex *m) ACQUIRE(m);
void mutex_unlock(struct mutex *m) RELEASE(m);
/* Lock unless somebody, this thread included, holds m; whether it did. */
bool mutex_try_lock(struct mutex *m) TSA(try_acquire_capability(true, m)) MUST_CHECK;
/* What mutex_lock_for() came to; only MUTEX_LOCKED obliges the caller to unlock. */
enum mutex_result { MUTEX_LOCKED, MUTEX_OWN, MUTEX_TIMEOUT };
/* Lock, but give up when this thread holds m already or after ns nanoseconds. */
enum mutex_result mutex_lock_for(struct mutex *m, int64_t ns) MUST_CHECK;
/* How many mutexes this thread holds. */
unsigned mutex_held_count(void);
void cond_init(struct cond *c); /* waits against CLOCK_MONOTONIC */
void cond_fini(struct cond *c);
void cond_wait(struct cond *c, struct mutex *m) REQUIRES(m);
/* Wait until signalled or CLOCK_MONOTONIC reaches deadline_ns; false on timeout. */
bool cond_wait_until(struct cond *c, struct mutex *m, int64_t deadline_ns) REQUIRES(m);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);
/* CLOCK_MONOTONIC in nanoseconds. */
int64_t monotonic_ns(void);
/* Start a thread with a name (cut to 15 characters); it must be joined. */
pthread_t thread_start(const char *name, void *(*fn)(void *), void *arg);

#endif
