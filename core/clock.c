/*
 * Virtual time and its timers.
 *
 * Time is CLOCK_MONOTONIC less an offset, read under a sequence count.  Timers are a sorted list;
 * one timerfd in the main loop is set for the earliest, and moved only to an earlier time: a
 * deadline that moves later costs no system call, only one early wake-up.
 */
#include "core/clock.h"

#include <assert.h>
#include <errno.h>
#include <glib-unix.h>
#include <stdatomic.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

static struct {
    _Atomic uint32_t seq; /* odd while the next two change */
    _Atomic int64_t base; /* running: monotonic time of virtual 0; stopped: the virtual time */
    _Atomic bool running;
    int64_t wall_offset; /* constant once the machine runs */
    bool wall_is_virtual;
    struct mutex lock;    /* a leaf: guards all below */
    struct timer *first;  /* sorted by deadline */
    struct timer *firing; /* its callback runs now */
    struct cond fired;    /* firing changed */
    int64_t set_for;      /* monotonic time that the timerfd is set for, INT64_MAX: none */
    int fd;
    pthread_t loop_thread;
    bool ready;
    /* Who keeps virtual time instead (clock_set_counter()); constant while the machine runs. */
    ns_t (*counter)(void *opaque);
    void (*timers_changed)(void *opaque);
    void *counter_opaque;
    _Atomic int64_t counter_offset;
} clk = {
    .fd = -1,
    .set_for = INT64_MAX,
    .lock = {PTHREAD_MUTEX_INITIALIZER},
    .fired = {PTHREAD_COND_INITIALIZER},
};

static ns_t virtual_at(int64_t mono)
{
    uint32_t seq;
    ns_t now;

    do { /* pairs with set_mode() */
        seq = atomic_load_explicit(&clk.seq, memory_order_acquire);
        int64_t base = atomic_load_explicit(&clk.base, memory_order_acquire);
        now = atomic_load_explicit(&clk.running, memory_order_acquire) ? mono - base : base;
    } while ((seq & 1) || atomic_load_explicit(&clk.seq, memory_order_relaxed) != seq);
    return now;
}

ns_t clock_now(void)
{
    if (clk.counter)
        return clk.counter(clk.counter_opaque) + atomic_load(&clk.counter_offset);
    return virtual_at(monotonic_ns());
}

static ns_t host_wall(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

ns_t clock_wall(void)
{
    return clk.wall_offset + (clk.wall_is_virtual ? clock_now() : host_wall());
}

void clock_wall_set(ns_t base, bool follow_virtual)
{
    clk.wall_is_virtual = follow_virtual;
    clk.wall_offset = base - (follow_virtual ? clock_now() : host_wall());
}

/* Called with clk.lock held, so that there is one writer; pairs with virtual_at(). */
static void set_mode(bool running, int64_t base)
{
    atomic_fetch_add_explicit(&clk.seq, 1, memory_order_relaxed);
    atomic_store_explicit(&clk.base, base, memory_order_release);
    atomic_store_explicit(&clk.running, running, memory_order_release);
    atomic_fetch_add_explicit(&clk.seq, 1, memory_order_release);
}

static bool running(void)
{
    return atomic_load_explicit(&clk.running, memory_order_relaxed);
}

/* Monotonic time of a virtual deadline, while the clock runs; at least 1, for 0 would disarm. */
static int64_t to_monotonic(ns_t deadline)
{
    int64_t base = atomic_load_explicit(&clk.base, memory_order_relaxed), mono;

    if (__builtin_add_overflow(deadline, base, &mono))
        return deadline > 0 ? INT64_MAX - 1 : 1;
    return mono < 1 ? 1 : mono;
}

static void set_timerfd(int64_t mono)
{
    struct itimerspec when = {.it_value = {mono / NS_PER_S, mono % NS_PER_S}};

    clk.set_for = mono;
    timerfd_settime(clk.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Make sure that the main loop wakes for the first timer; called with clk.lock held. */
static void arm_locked(void)
{
    if (clk.counter) {
        clk.timers_changed(clk.counter_opaque);
        return;
    }
    if (!clk.first || !clk.ready || !running())
        return;
    int64_t mono = to_monotonic(clk.first->deadline);
    if (mono < clk.set_for)
        set_timerfd(mono);
}

static void unlink_locked(struct timer *t)
{
    struct timer **p = &clk.first;

    while (*p && *p != t)
        p = &(*p)->next;
    if (*p)
        *p = t->next;
    t->next = NULL;
    t->armed = false;
}

static void link_locked(struct timer *t)
{
    struct timer **p = &clk.first;

    while (*p && (*p)->deadline <= t->deadline)
        p = &(*p)->next;
    t->next = *p;
    *p = t;
    t->armed = true;
}

void timer_init(struct timer *t, struct mutex *lock, timer_fn *fn, void *opaque)
{
    *t = (struct timer){.fn = fn, .opaque = opaque, .lock = lock};
}

void timer_set(struct timer *t, ns_t deadline)
{
    mutex_lock(&clk.lock);
    if (t->armed)
        unlink_locked(t);
    t->deadline = deadline;
    link_locked(t);
    if (clk.first == t)
        arm_locked();
    mutex_unlock(&clk.lock);
}

/*
 * The callback runs with t->lock held and checks, under it, that the timer is still armed; so a
 * caller that holds that lock needs not wait.  `firing` is set after t->lock was taken: waiting for
 * it cannot deadlock on that lock.
 */
void timer_cancel(struct timer *t)
{
    mutex_lock(&clk.lock);
    if (t->armed)
        unlink_locked(t);
    while (clk.firing == t && !pthread_equal(pthread_self(), clk.loop_thread))
        cond_wait(&clk.fired, &clk.lock);
    mutex_unlock(&clk.lock);
}

ns_t timer_next(void)
{
    mutex_lock(&clk.lock);
    ns_t next = clk.first ? clk.first->deadline : INT64_MAX;
    mutex_unlock(&clk.lock);
    return next;
}

void clock_set_counter(ns_t (*now)(void *opaque), void (*timers_changed)(void *opaque),
                       void *opaque)
{
    clk.counter = now;
    clk.timers_changed = timers_changed;
    clk.counter_opaque = opaque;
    atomic_store(&clk.counter_offset, 0);
}

void clock_fire_at(int64_t mono)
{
    mutex_lock(&clk.lock);
    set_timerfd(mono < 1 ? 1 : mono);
    mutex_unlock(&clk.lock);
}

void clock_stop(void)
{
    mutex_lock(&clk.lock);
    if (running())
        set_mode(false, clock_now());
    mutex_unlock(&clk.lock);
}

void clock_start(void)
{
    mutex_lock(&clk.lock);
    if (!running()) {
        set_mode(true, monotonic_ns() - atomic_load_explicit(&clk.base, memory_order_relaxed));
        clk.set_for = INT64_MAX;
        arm_locked();
    }
    mutex_unlock(&clk.lock);
}

void clock_save(struct clock_state *s)
{
    *s = (struct clock_state){clock_now(), clk.wall_offset, clk.wall_is_virtual};
}

bool clock_is_possible(const struct clock_state *s)
{
    const int64_t max = INT64_MAX / 4; /* sums of two, and some more, do not overflow */

    return s->virtual_ns >= 0 && s->virtual_ns <= max && s->wall_offset >= -max &&
           s->wall_offset <= max;
}

void clock_load(const struct clock_state *s)
{
    mutex_lock(&clk.lock);
    assert(!running());
    set_mode(false, s->virtual_ns);
    if (clk.counter)
        atomic_store(&clk.counter_offset, s->virtual_ns - clk.counter(clk.counter_opaque));
    mutex_unlock(&clk.lock);
    clk.wall_offset = s->wall_offset;
    if (clk.wall_is_virtual != s->wall_is_virtual)
        clk.wall_offset +=
            clk.wall_is_virtual ? host_wall() - s->virtual_ns : s->virtual_ns - host_wall();
}

static bool is_due_locked(const struct timer *t)
{
    return running() && t->armed && t->deadline <= clock_now();
}

/* Run t if it is still due once its lock is held: until then its owner may have cancelled or moved
 * it. */
static void fire(struct timer *t, struct mutex *lock) NO_THREAD_ANALYSIS
{
    if (lock)
        mutex_lock(lock);
    mutex_lock(&clk.lock);
    bool due = is_due_locked(t);
    if (due) {
        unlink_locked(t);
        clk.firing = t;
    }
    mutex_unlock(&clk.lock);
    if (due)
        t->fn(t->opaque);
    if (lock)
        mutex_unlock(lock);
    mutex_lock(&clk.lock);
    clk.firing = NULL;
    cond_broadcast(&clk.fired);
    mutex_unlock(&clk.lock);
}

/* The first timer if it is due; its lock is read here, for the timer may be gone from the list a
 * moment later. */
static struct timer *first_due(struct mutex **lock)
{
    mutex_lock(&clk.lock);
    struct timer *t = clk.first && is_due_locked(clk.first) ? clk.first : NULL;
    if (t)
        *lock = t->lock;
    mutex_unlock(&clk.lock);
    return t;
}

/* A bound on the round, so that a guest with timers in the past cannot starve the rest of the main
 * loop. */
static gboolean on_timerfd(gint fd, GIOCondition cond UNUSED, gpointer opaque UNUSED)
{
    enum { MAX_ROUND = 256 };
    struct mutex *lock = NULL;
    struct timer *t;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        g_warning("reading the timer: %s", g_strerror(errno));
    for (int i = 0; i < MAX_ROUND && (t = first_due(&lock)); i++)
        fire(t, lock);
    mutex_lock(&clk.lock);
    clk.set_for = INT64_MAX;
    arm_locked();
    mutex_unlock(&clk.lock);
    return G_SOURCE_CONTINUE;
}

void clock_init(void)
{
    if (clk.ready)
        return;
    clk.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (clk.fd < 0)
        g_error("could not create a timer: %s", g_strerror(errno));
    clk.loop_thread = pthread_self();
    clk.ready = true;
    GSource *src = g_unix_fd_source_new(clk.fd, G_IO_IN);
    g_source_set_priority(src, G_PRIORITY_HIGH);
    g_source_set_callback(src, G_SOURCE_FUNC(on_timerfd), NULL, NULL);
    g_source_attach(src, NULL);
    g_source_unref(src);
}
