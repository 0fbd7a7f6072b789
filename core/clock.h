/* Virtual time: nanoseconds that stop with the machine, and timers on it that fire in the main
 * loop. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "core/types.h"
#include "util/annot.h"
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

/*
 * Let now() keep virtual time instead of the host's clock; NULL: as before.  timers_changed() is
 * called with an inner lock held when another deadline is the first, and after timers were fired;
 * neither may call the clock's functions.  Timers fire when clock_fire_at() says so: at a time of
 * the host's monotonic clock, or at once.
 */
void clock_set_counter(ns_t (*now)(void *opaque), void (*timers_changed)(void *opaque),
                       void *opaque);
void clock_fire_at(int64_t mono);

/* What a saved machine holds of the clocks. */
struct clock_state {
    ns_t virtual_ns;
    ns_t wall_offset;     /* UTC less what it follows */
    bool wall_is_virtual; /* it follows virtual time, else the host's clock */
};
void clock_save(struct clock_state *s);
/* Whether time can go on from there for as long as anybody cares. */
bool clock_is_possible(const struct clock_state *s);
/* Go on from there; while the clock is stopped.  A wall clock that now follows something else than
 * it did goes on from the time it showed. */
void clock_load(const struct clock_state *s);

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
