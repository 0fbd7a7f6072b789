/*
 * The local APIC's timer.  Ref: Intel SDM volume 3, 11.5.4.
 *
 * It counts at 1 GHz before it is divided; what it shows follows from when it was loaded.
 */
#include "hw/intc/lapic_priv.h"
#include "util/bits.h"

enum { MODE_SHIFT = 17, MODE_ONE_SHOT = 0, MODE_PERIODIC = 1, MODE_DEADLINE = 2 };
enum { DIVIDE_MASK = 0xb };
static const ns_t SHORTEST_NS = 10000; /* between wake-ups: shorter periods are not kept */

static unsigned mode(const struct lapic *l)
{
    return l->s.lvt[LVT_TIMER] >> MODE_SHIFT & 3;
}

static unsigned shift(const struct lapic *l)
{
    unsigned v = l->s.divide;
    return (((v & 3) | (v >> 1 & 4)) + 1) & 7;
}

static ns_t period(const struct lapic *l)
{
    return (ns_t)l->s.initial << shift(l);
}

static bool is_masked(const struct lapic *l)
{
    return l->s.lvt[LVT_TIMER] & LVT_MASKED;
}

bool lapic_timer_is_deadline(const struct lapic *l)
{
    return mode(l) == MODE_DEADLINE;
}

static void expire(struct lapic *l)
{
    struct apic_message m = {.mode = APIC_FIXED, .vector = (uint8_t)l->s.lvt[LVT_TIMER]};
    if (!is_masked(l))
        lapic_receive(l, &m);
}

void lapic_timer_settle(struct lapic *l)
{
    struct lapic_state *s = &l->s;
    ns_t now = clock_now(), step = period(l);
    if (s->next < 0 || now < s->next)
        return;
    expire(l);
    if (mode(l) == MODE_PERIODIC && step > 0) {
        s->next += ((now - s->next) / step + 1) * step;
        return;
    }
    s->next = -1;
    s->deadline = 0;
}

void lapic_timer_arm(struct lapic *l)
{
    ns_t at = l->s.next;
    if (at < 0 || is_masked(l)) {
        timer_cancel(&l->timer);
        return;
    }
    if (mode(l) == MODE_PERIODIC && period(l) < SHORTEST_NS && at < clock_now() + SHORTEST_NS)
        at = clock_now() + SHORTEST_NS;
    timer_set(&l->timer, at);
}

static void fired(void *opaque)
{
    struct lapic *l = opaque;
    lapic_timer_settle(l);
    lapic_timer_arm(l);
}

void lapic_timer_init(struct lapic *l)
{
    timer_init(&l->timer, &l->dev.lock, fired, l);
}

/* Writing the initial count loads and starts it; 0 stops it. */
void lapic_timer_load(struct lapic *l, uint32_t initial)
{
    if (lapic_timer_is_deadline(l))
        return;
    lapic_timer_settle(l);
    l->s.initial = initial;
    l->s.start = clock_now();
    l->s.next = initial ? l->s.start + period(l) : -1;
    lapic_timer_arm(l);
}

uint32_t lapic_timer_current(const struct lapic *l)
{
    const struct lapic_state *s = &l->s;
    if (lapic_timer_is_deadline(l) || s->initial == 0)
        return 0;
    uint64_t ticks = (uint64_t)(clock_now() - s->start) >> shift(l);
    if (mode(l) == MODE_PERIODIC)
        return s->initial - (uint32_t)(ticks % s->initial);
    return ticks < s->initial ? s->initial - (uint32_t)ticks : 0;
}

/* What is left is counted at the new speed. */
void lapic_timer_divide(struct lapic *l, uint32_t v)
{
    struct lapic_state *s = &l->s;
    lapic_timer_settle(l);
    uint32_t left = lapic_timer_current(l);
    s->divide = v & DIVIDE_MASK;
    if (s->next < 0 || lapic_timer_is_deadline(l))
        return;
    s->start = clock_now() - ((ns_t)(s->initial - left) << shift(l));
    s->next = clock_now() + ((ns_t)left << shift(l));
    lapic_timer_arm(l);
}

/* Going to or from the deadline mode disarms it. */
void lapic_timer_lvt(struct lapic *l, uint32_t v)
{
    bool was_deadline = lapic_timer_is_deadline(l);
    lapic_timer_settle(l);
    l->s.lvt[LVT_TIMER] = v;
    if (was_deadline != lapic_timer_is_deadline(l)) {
        l->s.initial = 0;
        l->s.deadline = 0;
        l->s.next = -1;
    }
    lapic_timer_arm(l);
}

void lapic_timer_deadline(struct lapic *l, uint64_t tsc)
{
    if (!lapic_timer_is_deadline(l))
        return;
    lapic_timer_settle(l);
    l->s.deadline = tsc;
    ns_t at = tsc && l->ops->tsc_time ? l->ops->tsc_time(l->cpu, tsc) : -1;
    l->s.next = tsc == 0 ? -1 : at < 0 ? 0 : at;
    lapic_timer_settle(l); /* one that has passed already */
    lapic_timer_arm(l);
}
