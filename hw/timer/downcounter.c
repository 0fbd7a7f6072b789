/* Counters that count down with virtual time. */
#include "hw/timer/downcounter.h"

#include <glib.h>

static const uint64_t NS_PER_S = 1000000000, NEVER = UINT64_MAX;

static uint64_t ticks_now(const struct downcounter *c)
{
    return (uint64_t)((unsigned __int128)(uint64_t)clock_now() * c->hz / NS_PER_S);
}

/* The first moment at which ticks_now() is at least `ticks`. */
static ns_t time_of(const struct downcounter *c, uint64_t ticks)
{
    unsigned __int128 ns = ((unsigned __int128)ticks * NS_PER_S + c->hz - 1) / c->hz;
    return ns > INT64_MAX ? INT64_MAX : (ns_t)ns;
}

/* Where it goes on after 0; a reload of 0 leaves it there. */
static void pass_zero(struct downcounter *c, uint64_t now)
{
    struct downcounter_state *s = c->s;
    uint64_t period = (uint64_t)s->reload + 1;
    if (s->oneshot) {
        s->running = 0;
        s->value = 0;
    } else if (s->reload == 0) {
        s->zero = NEVER;
    } else {
        s->zero += ((now - s->zero) / period + 1) * period;
    }
    c->expired(c->opaque);
}

static void catch_up(struct downcounter *c)
{
    uint64_t now = ticks_now(c);
    if (c->s->running && c->s->zero != NEVER && now >= c->s->zero)
        pass_zero(c, now);
}

void downcounter_sync(struct downcounter *c)
{
    catch_up(c);
    if (c->s->running && c->s->zero != NEVER)
        timer_set(&c->timer, time_of(c, c->s->zero));
    else
        timer_cancel(&c->timer);
}

static void fired(void *opaque)
{
    downcounter_sync(opaque);
}

void downcounter_init(struct downcounter *c, struct downcounter_state *s, struct mutex *lock,
                      downcounter_fn *expired, void *opaque)
{
    c->s = s;
    c->expired = expired;
    c->opaque = opaque;
    if (c->hz == 0)
        c->hz = 1;
    timer_init(&c->timer, lock, fired, c);
}

void downcounter_fini(struct downcounter *c)
{
    timer_cancel(&c->timer);
}

/* The tick in which it shows 0 belongs to the period that ends. */
static uint32_t value_now(const struct downcounter *c)
{
    const struct downcounter_state *s = c->s;
    uint64_t now = ticks_now(c);
    if (!s->running)
        return s->value;
    if (s->zero == NEVER || now >= s->zero)
        return 0;
    return (uint32_t)MIN(s->zero - now, (uint64_t)UINT32_MAX);
}

uint32_t downcounter_value(struct downcounter *c)
{
    downcounter_sync(c);
    uint32_t value = value_now(c);
    bool just_passed = c->s->running && !c->s->oneshot && c->s->reload && c->s->zero != NEVER &&
                       c->s->zero - ticks_now(c) == (uint64_t)c->s->reload + 1;
    return just_passed ? 0 : value;
}

static void start_from(struct downcounter *c, uint32_t value)
{
    struct downcounter_state *s = c->s;
    if (value)
        s->zero = ticks_now(c) + value;
    else if (s->reload && !s->oneshot)
        s->zero = ticks_now(c) + s->reload + 1;
    else
        s->zero = NEVER;
}

void downcounter_set_value(struct downcounter *c, uint32_t value)
{
    catch_up(c);
    if (c->s->running)
        start_from(c, value);
    else
        c->s->value = value;
    downcounter_sync(c);
}

void downcounter_run(struct downcounter *c, bool run)
{
    catch_up(c);
    if (run && !c->s->running) {
        start_from(c, c->s->value);
        c->s->running = 1;
    } else if (!run && c->s->running) {
        c->s->value = value_now(c);
        c->s->running = 0;
    }
    downcounter_sync(c);
}

void downcounter_set_hz(struct downcounter *c, uint64_t hz)
{
    if (c->s == NULL) { /* before it is initialised */
        c->hz = MAX(hz, 1);
        return;
    }
    catch_up(c);
    uint32_t value = value_now(c);
    c->hz = MAX(hz, 1);
    if (c->s->running)
        start_from(c, value);
    downcounter_sync(c);
}
