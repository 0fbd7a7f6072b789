/* What happens when the host fails a request: it is reported, ignored, or the machine stops until
 * the user has helped and goes on, and then it is tried again. */
#include "block/block_priv.h"

#include "core/event.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static struct {
    block_stop_fn *fn;
    void *opaque;
} stop_hook; /* set at start-up */

const char *const block_on_error_names[] = {"auto", "report", "ignore", "enospc", "stop", NULL};

void block_set_on_error(struct block_node *b, enum block_on_error read, enum block_on_error write)
{
    b->on_read_error = read;
    b->on_write_error = write;
}

static gboolean call_stop(void *arg UNUSED)
{
    if (stop_hook.fn)
        stop_hook.fn(stop_hook.opaque);
    return G_SOURCE_REMOVE;
}

static void on_event(void *opaque UNUSED, const char *name, const char *data UNUSED,
                     int64_t wall_us UNUSED)
{
    if (!strcmp(name, "RESUME"))
        block_retry_stalled();
}

void block_set_stop_hook(block_stop_fn *fn, void *opaque)
{
    if (stop_hook.fn)
        event_unwatch(on_event, NULL);
    stop_hook.fn = fn;
    stop_hook.opaque = opaque;
    if (fn)
        event_watch(on_event, NULL);
}

static enum block_on_error decide(const struct block_node *b, const struct block_req *req, int ret)
{
    enum block_on_error how = req->op == BLOCK_READ ? b->on_read_error : b->on_write_error;

    if (how == BLOCK_ON_ERROR_AUTO)
        how = req->op == BLOCK_READ ? BLOCK_ON_ERROR_REPORT : BLOCK_ON_ERROR_ENOSPC;
    if (how == BLOCK_ON_ERROR_ENOSPC)
        how = ret == -ENOSPC ? BLOCK_ON_ERROR_STOP : BLOCK_ON_ERROR_REPORT;
    return how == BLOCK_ON_ERROR_STOP && !stop_hook.fn ? BLOCK_ON_ERROR_REPORT : how;
}

static void tell(const struct block_node *b, const struct block_req *req, int ret,
                 enum block_on_error how)
{
    static const char *const actions[] = {"report", "report", "ignore", "stop", "stop"};
    const char *operation = req->op == BLOCK_READ ? "read" : "write",
               *is_full = ret == -ENOSPC ? "true" : "false";

    event_emit("BLOCK_IO_ERROR",
               "{\"device\": \"%s\", \"node-name\": \"%s\", \"operation\": \"%s\", \"action\": "
               "\"%s\", \"nospace\": %s, "
               "\"reason\": \"%s\"}",
               b->id ? b->id : "", b->name, operation, actions[how], is_full, g_strerror(-ret));
}

bool policy_apply(struct block_node *b, struct block_req *req, int *ret)
{
    enum block_on_error how = decide(b, req, *ret);

    tell(b, req, *ret, how);
    if (how == BLOCK_ON_ERROR_IGNORE)
        *ret = 0;
    if (how != BLOCK_ON_ERROR_STOP)
        return false;
    mutex_lock(&b->lock);
    req->next = b->stalled;
    b->stalled = req;
    mutex_unlock(&b->lock);
    g_idle_add(call_stop, NULL);
    return true;
}

/* In the order in which they failed. */
static void resubmit(struct block_node *b, bool cancel)
{
    struct block_req *list = NULL, *next;

    mutex_lock(&b->lock);
    for (struct block_req *r = b->stalled; r; r = next) {
        next = r->next;
        r->next = list;
        list = r;
    }
    b->stalled = NULL;
    for (struct block_req *r = list; r; r = r->next)
        b->in_flight++;
    mutex_unlock(&b->lock);
    for (struct block_req *r = list; r; r = next) {
        next = r->next;
        r->is_cancelled = cancel;
        block_start(r);
    }
}

void block_retry_stalled(void)
{
    for (struct block_node *b = NULL; (b = block_next(b));)
        resubmit(b, false);
}

void block_cancel_stalled(struct block_node *b)
{
    resubmit(b, true);
}
