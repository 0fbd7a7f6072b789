/*
 * A counter that counts down with virtual time, as many timer blocks have one.  It keeps the moment
 * at which it reaches 0, in ticks since the machine started, and computes its value when asked.
 */
#ifndef HW_TIMER_DOWNCOUNTER_H
#define HW_TIMER_DOWNCOUNTER_H

#include "core/clock.h"

#include <stdbool.h>
#include <stdint.h>

/* What a guest can see of it: lies in the device's state. */
struct downcounter_state {
    uint64_t zero;    /* tick at which it reaches 0, while it runs */
    uint32_t value;   /* while it stands still */
    uint32_t reload;  /* what follows 0, one tick later */
    uint32_t running; /* 0 or 1 */
    uint32_t oneshot; /* it stops at 0 */
};

typedef void downcounter_fn(void *opaque);
struct downcounter {
    struct downcounter_state *s;
    uint64_t hz;
    struct timer timer;
    downcounter_fn *expired;
    void *opaque;
};

/* All functions are for callers that hold the device's lock.  expired(opaque) is called, with it
 * held, each time the counter has reached 0 (once if that was several times ago). */
void downcounter_init(struct downcounter *c, struct downcounter_state *s, struct mutex *lock,
                      downcounter_fn *expired, void *opaque);
void downcounter_fini(struct downcounter *c);
/* Ticks per second, at least 1; the value stays. */
void downcounter_set_hz(struct downcounter *c, uint64_t hz);
uint32_t downcounter_value(struct downcounter *c);
void downcounter_set_value(struct downcounter *c, uint32_t value);
void downcounter_run(struct downcounter *c, bool run);
/* Catch up with the time, and wait for what comes: after a change of s, and as part of a device's
 * sync. */
void downcounter_sync(struct downcounter *c);

#endif
