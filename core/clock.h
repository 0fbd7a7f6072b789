/* Virtual time: nanoseconds that stop with the machine, and timers on it that fire in the main
 * loop. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "core/types.h"
#include "util/thread.h"

#include <stdbool.h>

/* Virtual nanoseconds since the machine started; callable from any thread, lock-free. */
ns_t clock_now(void);
/* Wall clock (UTC) in nanoseconds since 1970, for real-time clocks. */
ns_t clock_wall(void);
/* Make clock_wall() start at base (ns since 1970) now; it then follows the host's clock, or virtual
 * time when follow_virtual
 * (-rtc).  Before the machine runs. */
void clock_wall_set(ns_t base, bool follow_virtual);
/* Stop and restart virtual time with the machine. */
void clock_stop(void);
void clock_start(void);

typedef void timer_fn(void *opaque);
/* A one-shot timer.  fn runs in the main loop's thread with *lock (if not NULL) held. */
struct timer {
    timer_fn *fn;
    void *opaque;
    struct mutex *lock;
    ns_t deadline; /* guarded by the clock's lock */
    bool armed;
    struct timer *next;
};
void timer_init(struct timer *t, struct mutex *lock, timer_fn *fn, void *opaque);
/* (Re)arm for an absolute virtual time; a past one fires at once (from the main loop).  Any thread,
 * any lock. */
void timer_set(struct timer *t, ns_t deadline);
void timer_cancel(struct timer *t);
/* Virtual deadline of the earliest armed timer, INT64_MAX when there is none. */
ns_t timer_next(void);
/* Attach to the default GMainContext; once, at start-up. */
void clock_init(void);

#endif
