/* Events on their way from any thread to the watchers in the main loop. */
#include "core/event.h"

#include "util/thread.h"

#include <glib.h>
#include <stdarg.h>
#include <stdatomic.h>

struct happening {
    const char *name; /* a string constant */
    char *data;
    int64_t wall_us;
};

struct watcher {
    event_fn *fn;
    void *opaque;
};

/* The process has one set of watchers, as it has one main loop. */
static struct mutex lock = {PTHREAD_MUTEX_INITIALIZER}; /* a leaf: queue, scheduled */
static GQueue queue = G_QUEUE_INIT;                     /* of struct happening */
static GArray *watchers;                                /* of struct watcher; main loop's thread */
static _Atomic unsigned nwatchers;
static bool scheduled;

static struct happening *take_first(void)
{
    mutex_lock(&lock);
    struct happening *h = g_queue_pop_head(&queue);
    if (h == NULL)
        scheduled = false;
    mutex_unlock(&lock);
    return h;
}

void event_flush(void)
{
    struct happening *h;

    while ((h = take_first()) != NULL) {
        for (guint i = 0; watchers && i < watchers->len; i++) {
            struct watcher w = g_array_index(watchers, struct watcher, i);
            w.fn(w.opaque, h->name, h->data, h->wall_us);
        }
        g_free(h->data);
        g_free(h);
    }
}

static gboolean deliver(gpointer unused UNUSED)
{
    event_flush();
    return G_SOURCE_REMOVE;
}

void event_emit(const char *name, const char *fmt, ...)
{
    /* Pairs with the add in event_watch(): an event that races with it may be missed. */
    if (atomic_load_explicit(&nwatchers, memory_order_relaxed) == 0)
        return;
    struct happening *h = g_new0(struct happening, 1);
    h->name = name;
    h->wall_us = g_get_real_time();
    if (fmt) {
        va_list ap;
        va_start(ap, fmt);
        h->data = g_strdup_vprintf(fmt, ap);
        va_end(ap);
    }
    mutex_lock(&lock);
    g_queue_push_tail(&queue, h);
    if (!scheduled) {
        scheduled = true;
        g_idle_add_full(G_PRIORITY_DEFAULT, deliver, NULL, NULL);
    }
    mutex_unlock(&lock);
}

void event_watch(event_fn *fn, void *opaque)
{
    struct watcher w = {fn, opaque};

    if (watchers == NULL)
        watchers = g_array_new(FALSE, FALSE, sizeof(struct watcher));
    g_array_append_val(watchers, w);
    atomic_fetch_add_explicit(&nwatchers, 1, memory_order_relaxed);
}

void event_unwatch(event_fn *fn, void *opaque)
{
    for (guint i = 0; watchers && i < watchers->len; i++) {
        struct watcher *w = &g_array_index(watchers, struct watcher, i);
        if (w->fn != fn || w->opaque != opaque)
            continue;
        g_array_remove_index(watchers, i);
        atomic_fetch_sub_explicit(&nwatchers, 1, memory_order_relaxed);
        return;
    }
}
