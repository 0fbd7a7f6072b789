/* The network thread: one GMainContext for all back ends that wait for files. */
#include "net/net_priv.h"

#include <stdatomic.h>

static struct {
    GMainContext *context;
    GMainLoop *loop;
    pthread_t thread;
} io;

static void *run(void *unused UNUSED)
{
    g_main_context_push_thread_default(io.context);
    g_main_loop_run(io.loop);
    g_main_context_pop_thread_default(io.context);
    return NULL;
}

GMainContext *net_context(void)
{
    if (!io.context) {
        io.context = g_main_context_new();
        io.loop = g_main_loop_new(io.context, FALSE);
        io.thread = thread_start("net", run, NULL);
    }
    return io.context;
}

struct sync {
    void (*fn)(void *arg);
    void *arg;
    struct mutex lock;
    struct cond done;
    bool is_done;
};

static gboolean run_sync(gpointer opaque)
{
    struct sync *s = opaque;

    s->fn(s->arg);
    mutex_lock(&s->lock);
    s->is_done = true;
    cond_signal(&s->done);
    mutex_unlock(&s->lock);
    return G_SOURCE_REMOVE;
}

static void post(GSourceFunc fn, void *opaque)
{
    GSource *src = g_idle_source_new();

    g_source_set_priority(src, G_PRIORITY_DEFAULT);
    g_source_set_callback(src, fn, opaque, NULL);
    g_source_attach(src, net_context());
    g_source_unref(src);
}

void net_context_sync(void (*fn)(void *arg), void *arg)
{
    struct sync s = {.fn = fn, .arg = arg};

    if (!io.context)
        return;
    mutex_init(&s.lock);
    cond_init(&s.done);
    post(run_sync, &s);
    mutex_lock(&s.lock);
    while (!s.is_done)
        cond_wait(&s.done, &s.lock);
    mutex_unlock(&s.lock);
    cond_fini(&s.done);
    mutex_fini(&s.lock);
}

static gboolean quit(gpointer unused UNUSED)
{
    g_main_loop_quit(io.loop);
    return G_SOURCE_REMOVE;
}

void net_context_stop(void)
{
    if (!io.context)
        return;
    post(quit, NULL);
    pthread_join(io.thread, NULL);
    g_main_loop_unref(io.loop);
    g_main_context_unref(io.context);
    io.context = NULL;
    io.loop = NULL;
}

GSource *net_watch(int fd, GIOCondition cond, GUnixFDSourceFunc fn, void *opaque)
{
    GSource *src = g_unix_fd_source_new(fd, cond);

    g_source_set_callback(src, G_SOURCE_FUNC(fn), opaque, NULL);
    g_source_attach(src, net_context());
    return src;
}

static gboolean flush_source(gpointer client)
{
    struct net_client *c = client;

    c->flush_posted = false;
    net_flush(c);
    net_writable(c);
    if (c->ops->resume)
        c->ops->resume(c);
    return G_SOURCE_REMOVE;
}

/* net_client_free() waits for what was posted. */
void net_defer_flush(struct net_client *c)
{
    if (!atomic_exchange(&c->flush_posted, true))
        post(flush_source, c);
}
