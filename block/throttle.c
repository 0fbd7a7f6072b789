/*
 * Limits on the rate of requests: token buckets, shared by the drives of a group.
 *
 * A request is let through when no bucket that it draws from is in debt, and may then put it into
 * debt; others wait in order.  One thread lets them go when their time has come.
 */
#include "block/block_priv.h"

#include <glib.h>
#include <string.h>

enum { BUCKETS = BLOCK_LIMITS, NS = 1000000000 };

struct throttle {
    char *name;
    unsigned refs;
    struct block_limits limits;
    double tokens[BUCKETS],
        burst[BUCKETS]; /* what may still be used: on average, and at the rate of a burst */
    int64_t last_ns;
    struct block_req *first, **last; /* those that wait */
    struct throttle *next;
};

static struct {
    struct mutex lock; /* a leaf: guards all groups */
    struct cond work;
    struct throttle *groups;
    pthread_t thread;
    bool started, quit;
} all = {.lock = {PTHREAD_MUTEX_INITIALIZER}, .work = {PTHREAD_COND_INITIALIZER}};

static bool has_limits(const struct block_limits *l)
{
    for (int i = 0; i < BUCKETS; i++)
        if (l->avg[i])
            return true;
    return false;
}

static double capacity(const struct block_limits *l, int i)
{
    return l->max[i] ? (double)l->max[i] * (double)MAX(l->length[i], 1) : (double)l->avg[i] / 10;
}

static void refill(struct throttle *t, int64_t now)
{
    double s = (double)(now - t->last_ns) / NS;

    for (int i = 0; i < BUCKETS; i++) {
        double max = (double)t->limits.max[i];
        t->tokens[i] = MIN(t->tokens[i] + s * (double)t->limits.avg[i], capacity(&t->limits, i));
        t->burst[i] = MIN(t->burst[i] + s * max, max / 10);
    }
    t->last_ns = now;
}

/* What a request draws from bucket i; 0: nothing. */
static double cost(const struct throttle *t, const struct block_req *req, int i)
{
    bool is_read = req->op == BLOCK_READ, is_bytes = i < BLOCK_IOPS_TOTAL;
    int direction = i % 3; /* both, reads, writes */
    uint64_t size = t->limits.iops_size;

    if (!t->limits.avg[i] || req->op == BLOCK_FLUSH || (direction == 1 && !is_read) ||
        (direction == 2 && is_read))
        return 0;
    if (is_bytes)
        return req->op == BLOCK_DISCARD ? 0 : (double)req->bytes;
    return size && req->bytes > size ? (double)req->bytes / (double)size : 1;
}

/* How long the request has to wait; 0: it may go, and has paid. */
static int64_t admit(struct throttle *t, const struct block_req *req, int64_t now)
{
    double wait = 0;

    refill(t, now);
    for (int i = 0; i < BUCKETS; i++) {
        if (!cost(t, req, i))
            continue;
        if (t->tokens[i] < 0)
            wait = MAX(wait, -t->tokens[i] / (double)t->limits.avg[i]);
        if (t->limits.max[i] && t->limits.length[i] > 1 && t->burst[i] < 0)
            wait = MAX(wait, -t->burst[i] / (double)t->limits.max[i]);
    }
    if (wait > 0)
        return MAX((int64_t)(wait * NS), 1);
    for (int i = 0; i < BUCKETS; i++) {
        t->tokens[i] -= cost(t, req, i);
        t->burst[i] -= cost(t, req, i);
    }
    return 0;
}

/* Let go what may; the time until the next may, or -1. */
static int64_t run_group(struct throttle *t, int64_t now)
{
    while (t->first) {
        int64_t wait = admit(t, t->first, now);
        if (wait)
            return wait;
        struct block_req *req = t->first;
        t->first = req->next;
        block_start(req);
    }
    return -1;
}

static void *run(void *arg UNUSED)
{
    mutex_lock(&all.lock);
    while (!all.quit) {
        int64_t now = monotonic_ns(), next = NS;
        for (struct throttle *t = all.groups; t; t = t->next) {
            int64_t wait = run_group(t, now);
            if (wait > 0)
                next = MIN(next, wait);
        }
        cond_wait_until(&all.work, &all.lock, now + next);
    }
    mutex_unlock(&all.lock);
    return NULL;
}

static void start_thread(void)
{
    if (all.started)
        return;
    cond_init(&all.work);
    all.quit = false;
    all.thread = thread_start("throttle", run, NULL);
    all.started = true;
}

void throttle_submit(struct throttle *t, struct block_req *req)
{
    mutex_lock(&all.lock);
    bool go = (!t->first || req->op == BLOCK_FLUSH) && !admit(t, req, monotonic_ns());
    if (!go) {
        req->next = NULL;
        if (t->first)
            *t->last = req;
        else
            t->first = req;
        t->last = &req->next;
        start_thread();
        cond_signal(&all.work);
    }
    mutex_unlock(&all.lock);
    if (go)
        block_start(req);
}

void throttle_release(struct throttle *t, const struct block_node *b)
{
    struct block_req *out = NULL, **end = &out, **p = &t->first;

    mutex_lock(&all.lock);
    while (*p) {
        struct block_req *req = *p;
        if (req->node == b) {
            *p = req->next;
            *end = req;
            end = &req->next;
        } else {
            p = &req->next;
        }
    }
    *end = NULL;
    t->last = p;
    mutex_unlock(&all.lock);
    for (struct block_req *next; out; out = next) {
        next = out->next;
        block_start(out);
    }
}

static struct throttle *find(const char *name)
{
    for (struct throttle *t = all.groups; t; t = t->next)
        if (!strcmp(t->name, name))
            return t;
    return NULL;
}

static struct throttle *group_ref(const char *name)
{
    mutex_lock(&all.lock);
    struct throttle *t = find(name);
    if (!t) {
        t = g_new0(struct throttle, 1);
        t->name = g_strdup(name);
        t->last_ns = monotonic_ns();
        t->next = all.groups;
        all.groups = t;
    }
    t->refs++;
    mutex_unlock(&all.lock);
    return t;
}

void throttle_unref(struct throttle *t)
{
    struct throttle **p = &all.groups;

    if (!t)
        return;
    mutex_lock(&all.lock);
    bool last = !--t->refs;
    while (last && *p != t)
        p = &(*p)->next;
    if (last)
        *p = t->next;
    mutex_unlock(&all.lock);
    if (!last)
        return;
    g_free(t->name);
    g_free(t);
}

void throttle_stop(void)
{
    mutex_lock(&all.lock);
    bool was_started = all.started;
    all.quit = true;
    if (was_started)
        cond_signal(&all.work);
    mutex_unlock(&all.lock);
    if (was_started)
        pthread_join(all.thread, NULL);
    all.started = false;
}

static bool check_limits(const struct block_limits *l, struct error **errp)
{
    for (int i = 0; i < BUCKETS; i++) {
        if (l->max[i] && !l->avg[i])
            error_set(errp, "a burst limit needs the limit itself: %s-max without %s",
                      block_limit_names[i], block_limit_names[i]);
        else if (l->max[i] && l->max[i] < l->avg[i])
            error_set(errp, "%s-max is less than %s", block_limit_names[i], block_limit_names[i]);
        else if (i % 3 && l->avg[i] && l->avg[i - i % 3])
            error_set(errp, "%s and %s exclude each other", block_limit_names[i - i % 3],
                      block_limit_names[i]);
        else
            continue;
        return false;
    }
    return true;
}

const char *const block_limit_names[BLOCK_LIMITS] = {"bps-total",  "bps-read",  "bps-write",
                                                     "iops-total", "iops-read", "iops-write"};

bool block_set_limits(struct block_node *b, const struct block_limits *l, const char *group,
                      struct error **errp)
{
    if (!check_limits(l, errp))
        return false;
    block_drain(b);
    if (!has_limits(l) && !group) {
        throttle_unref(b->throttle);
        b->throttle = NULL;
        return true;
    }
    struct throttle *t = group_ref(group ? group : block_id(b));
    mutex_lock(&all.lock);
    if (has_limits(l) || !group)
        t->limits = *l;
    for (int i = 0; i < BUCKETS; i++) {
        t->tokens[i] = capacity(&t->limits, i);
        t->burst[i] = (double)t->limits.max[i] / 10;
    }
    mutex_unlock(&all.lock);
    throttle_unref(b->throttle);
    b->throttle = t;
    return true;
}

bool block_get_limits(const struct block_node *b, struct block_limits *l, const char **group)
{
    *l = (struct block_limits){0};
    if (!b->throttle)
        return false;
    mutex_lock(&all.lock);
    *l = b->throttle->limits;
    *group = b->throttle->name;
    mutex_unlock(&all.lock);
    return true;
}
