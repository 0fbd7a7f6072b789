/* What both directions of migration have in common: parameters, status, calls into the main loop.
 */
#include "snapshot/migrate_priv.h"

#include "core/event.h"

#include <glib.h>
#include <unistd.h>

enum { DEFAULT_BANDWIDTH = 128 << 20, DEFAULT_DOWNTIME_MS = 300, NS_PER_MS = 1000000 };

const char *migrate_status_name(enum migrate_status status)
{
    static const char *const names[] = {
        [MIGRATE_NONE] = "none",           [MIGRATE_SETUP] = "setup",
        [MIGRATE_ACTIVE] = "active",       [MIGRATE_PRE_SWITCHOVER] = "pre-switchover",
        [MIGRATE_DEVICE] = "device",       [MIGRATE_CANCELLING] = "cancelling",
        [MIGRATE_CANCELLED] = "cancelled", [MIGRATE_COMPLETED] = "completed",
        [MIGRATE_FAILED] = "failed",
    };
    return names[status];
}

struct migration *migration_new(struct machine *m)
{
    struct migration *g = g_new0(struct migration, 1);

    g->m = m;
    g->mapped_fd = -1;
    g->autostart = !m->cfg.start_paused;
    g->params = (struct migrate_params){.max_bandwidth = DEFAULT_BANDWIDTH,
                                        .downtime_limit_ms = DEFAULT_DOWNTIME_MS,
                                        .exit_on_error = true};
    mutex_init(&g->lock);
    return g;
}

void migration_free(struct migration *g)
{
    if (g == NULL)
        return;
    outgoing_end(g);
    incoming_end(g);
    if (g->mapped_fd >= 0)
        close(g->mapped_fd);
    g_free(g->info.error);
    mutex_fini(&g->lock);
    g_free(g);
}

void migration_on_end(struct migration *g, void (*fn)(void *opaque), void *opaque)
{
    g->on_end = fn;
    g->on_end_opaque = opaque;
}

void migration_tell_end(struct migration *g)
{
    void (*fn)(void *) = g->on_end;

    g->on_end = NULL;
    if (fn)
        fn(g->on_end_opaque);
}

struct migrate_params *migration_params(struct migration *g)
{
    return &g->params;
}

static bool is_over(enum migrate_status status)
{
    return status == MIGRATE_CANCELLED || status == MIGRATE_COMPLETED || status == MIGRATE_FAILED;
}

void migration_set_status(struct migration *g, enum migrate_status status, const char *why)
{
    mutex_lock(&g->lock);
    bool news = g->info.status != status;
    g->info.status = status;
    g_free(g->info.error);
    g->info.error = g_strdup(why);
    if (is_over(status))
        g->end_ns = monotonic_ns();
    mutex_unlock(&g->lock);
    if (news && g->params.events)
        event_emit("MIGRATION", "{\"status\": \"%s\"}", migrate_status_name(status));
}

void migration_query(struct migration *g, struct migrate_info *info)
{
    mutex_lock(&g->lock);
    *info = g->info;
    info->error = g_strdup(g->info.error);
    if (g->info.status != MIGRATE_NONE)
        info->total_time =
            (uint64_t)(((g->end_ns ? g->end_ns : monotonic_ns()) - g->start_ns) / NS_PER_MS);
    mutex_unlock(&g->lock);
}

/* ---- calls into the main loop ---- */

void main_call_init(struct main_call *c)
{
    *c = (struct main_call){0};
    mutex_init(&c->lock);
    cond_init(&c->changed);
}

void main_call_fini(struct main_call *c)
{
    cond_fini(&c->changed);
    mutex_fini(&c->lock);
}

static gboolean serve_call(gpointer opaque)
{
    struct main_call *c = opaque;

    mutex_lock(&c->lock);
    bool wanted = c->wanted && !c->closing;
    c->wanted = false;
    mutex_unlock(&c->lock);
    if (!wanted)
        return G_SOURCE_REMOVE;
    bool ok = c->fn(c->arg, c->errp);
    mutex_lock(&c->lock);
    c->ok = ok;
    c->done = true;
    cond_broadcast(&c->changed);
    mutex_unlock(&c->lock);
    return G_SOURCE_REMOVE;
}

bool main_call(struct main_call *c, bool (*fn)(void *arg, struct error **errp), void *arg,
               struct error **errp)
{
    mutex_lock(&c->lock);
    c->fn = fn;
    c->arg = arg;
    c->errp = errp;
    c->done = false;
    c->wanted = true;
    g_idle_add_full(G_PRIORITY_HIGH, serve_call, c, NULL);
    while (!c->done && !c->closing)
        cond_wait(&c->changed, &c->lock);
    bool done = c->done, ok = c->ok;
    mutex_unlock(&c->lock);
    if (!done)
        error_set(errp, "the machine is being shut down");
    return done && ok;
}

void main_call_close(struct main_call *c)
{
    mutex_lock(&c->lock);
    c->closing = true;
    cond_broadcast(&c->changed);
    mutex_unlock(&c->lock);
    while (g_source_remove_by_user_data(c))
        ;
}
