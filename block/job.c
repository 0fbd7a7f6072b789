/* Jobs: their states, the thread, what users ask of them. */
#include "block/job_priv.h"

#include "core/event.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum { SLICE_NS = 100000000, RETRY_NS = 100000000 };

const char *const job_status_names[] = {"created",   "running", "paused",  "ready",
                                        "standby",   "waiting", "pending", "aborting",
                                        "concluded", "null",    NULL};

static struct block_job *all; /* process-wide, as nodes are; main thread only */

struct block_job *job_find(const char *id)
{
    for (struct block_job *j = all; j; j = j->next)
        if (!strcmp(j->id, id))
            return j;
    return NULL;
}

struct block_job *job_next(const struct block_job *j)
{
    return j ? j->next : all;
}

/* --- states --- */
static void set_status_locked(struct block_job *j, enum job_status s) REQUIRES(j->lock)
{
    if (j->status == s)
        return;
    j->status = s;
    event_emit("JOB_STATUS_CHANGE", "{\"status\": \"%s\", \"id\": \"%s\"}", job_status_names[s],
               j->id);
}

static void set_status(struct block_job *j, enum job_status s)
{
    mutex_lock(&j->lock);
    set_status_locked(j, s);
    mutex_unlock(&j->lock);
}

static enum job_status status_of(struct block_job *j)
{
    mutex_lock(&j->lock);
    enum job_status s = j->status;
    mutex_unlock(&j->lock);
    return s;
}

/* BLOCK_JOB_READY and its like. */
static void tell(struct block_job *j, const char *event)
{
    g_autofree char *quoted = j->error ? g_strescape(j->error, NULL) : NULL;
    g_autofree char *error = quoted ? g_strdup_printf(", \"error\": \"%s\"", quoted) : g_strdup("");
    uint64_t speed;

    if (!j->root)
        return;
    mutex_lock(&j->lock);
    speed = j->speed;
    mutex_unlock(&j->lock);
    event_emit(event,
               "{\"type\": \"%s\", \"device\": \"%s\", \"len\": %" PRIu64 ", \"offset\": %" PRIu64
               ", \"speed\": %" PRIu64 "%s}",
               j->ops->type, j->id, (uint64_t)j->len, (uint64_t)j->offset, speed,
               strcmp(event, "BLOCK_JOB_COMPLETED") ? "" : error);
}

/* --- the beginning --- */
static bool check_id(const char *id, struct error **errp)
{
    if (!g_ascii_isalpha(*id) ||
        strspn(id, G_CSET_A_2_Z G_CSET_a_2_z "0123456789-._") != strlen(id)) {
        error_set(errp, "job-id '%s': wanted a letter, then letters, digits, '-', '.' and '_'", id);
        return false;
    }
    if (!job_find(id))
        return true;
    error_set(errp, "job-id '%s' is taken by another job", id);
    return false;
}

bool job_init(struct block_job *j, const struct job_ops *ops, struct block_node *root,
              const struct job_options *o, struct error **errp)
{
    const char *id = o->id || !root ? o->id : block_drive_name(root);

    if (!id)
        error_set(errp, "wanted a job-id: node '%s' is no -drive whose name the job could take",
                  block_node_name(root));
    else if (root && root->parents)
        error_set(errp, "node '%s' is in use by another node: wanted the top of a disk",
                  root->name);
    else if (root && block_is_empty(root))
        error_set(errp, "drive '%s' is empty", id);
    if (!id || (root && (root->parents || block_is_empty(root))) || !check_id(id, errp) ||
        !node_check_idle(root, errp))
        return false;
    j->id = g_strdup(id);
    j->ops = ops;
    j->root = root;
    j->nodes = g_ptr_array_new();
    j->auto_finalize = !o->wait_finalize;
    j->auto_dismiss = !o->wait_dismiss;
    j->on_source_error = o->on_source_error;
    j->on_target_error = o->on_target_error;
    j->speed = o->speed;
    j->io_status = "ok";
    j->status = JOB_NULL;
    mutex_init(&j->lock);
    cond_init(&j->wake);
    return true;
}

void job_fini(struct block_job *j)
{
    g_free(j->id);
    g_free(j->error);
    g_ptr_array_unref(j->nodes);
    cond_fini(&j->wake);
    mutex_fini(&j->lock);
    g_free(j);
}

void job_claim(struct block_job *j, struct block_node *b)
{
    for (; b; b = b->backing) {
        if (b->job)
            continue;
        b->job = j->id;
        g_ptr_array_add(j->nodes, b);
    }
}

static void release_nodes(struct block_job *j)
{
    for (guint i = 0; i < j->nodes->len; i++)
        ((struct block_node *)g_ptr_array_index(j->nodes, i))->job = NULL;
    g_ptr_array_set_size(j->nodes, 0);
}

static gboolean on_end(gpointer opaque);

static void *run(void *arg)
{
    struct block_job *j = arg;

    j->ret = j->ops->run(j);
    g_idle_add(on_end, j);
    return NULL;
}

static void end(struct block_job *j);

static gboolean run_here(gpointer opaque)
{
    struct block_job *j = opaque;

    j->ret = job_point(j, 0) ? j->ops->run(j) : -ECANCELED;
    end(j);
    return G_SOURCE_REMOVE;
}

void job_start(struct block_job *j)
{
    struct block_job **p = &all;

    while (*p)
        p = &(*p)->next;
    *p = j;
    set_status(j, JOB_CREATED);
    set_status(j, JOB_RUNNING);
    if (j->ops->in_main_loop) {
        g_idle_add(run_here, j);
        return;
    }
    j->thread = thread_start("job", run, j);
    j->has_thread = true;
}

/* --- the end --- */
static void dismiss(struct block_job *j)
{
    struct block_job **p = &all;

    set_status(j, JOB_NULL);
    while (*p != j)
        p = &(*p)->next;
    *p = j->next;
    if (j->ops->free)
        j->ops->free(j);
    job_fini(j);
}

static void conclude(struct block_job *j)
{
    set_status(j, JOB_CONCLUDED);
    if (j->auto_dismiss)
        dismiss(j);
}

static bool is_cancelled(struct block_job *j)
{
    mutex_lock(&j->lock);
    bool yes = j->cancel && j->force;
    mutex_unlock(&j->lock);
    return yes;
}

/* Whoever had the root may have left meanwhile. */
static void leave_root(struct block_job *j)
{
    if (j->root)
        node_settle(j->root);
}

static void fail(struct block_job *j)
{
    bool by_user = is_cancelled(j);

    set_status(j, JOB_ABORTING);
    if (!by_user && !j->error)
        j->error = g_strdup(g_strerror(-j->ret));
    release_nodes(j);
    if (j->ops->abort)
        j->ops->abort(j);
    leave_root(j);
    tell(j, by_user ? "BLOCK_JOB_CANCELLED" : "BLOCK_JOB_COMPLETED");
    conclude(j);
}

static void finish(struct block_job *j)
{
    j->ret = j->ops->prepare ? j->ops->prepare(j) : 0;
    if (j->ret) {
        fail(j);
        return;
    }
    release_nodes(j);
    if (j->ops->commit)
        j->ops->commit(j);
    leave_root(j);
    tell(j, "BLOCK_JOB_COMPLETED");
    conclude(j);
}

static void end(struct block_job *j)
{
    if (j->ret || is_cancelled(j)) {
        fail(j);
        return;
    }
    set_status(j, JOB_WAITING);
    set_status(j, JOB_PENDING);
    if (j->auto_finalize)
        finish(j);
    else
        event_emit("BLOCK_JOB_PENDING", "{\"type\": \"%s\", \"id\": \"%s\"}", j->ops->type, j->id);
}

static gboolean on_end(gpointer opaque)
{
    struct block_job *j = opaque;

    pthread_join(j->thread, NULL);
    j->has_thread = false;
    end(j);
    return G_SOURCE_REMOVE;
}

void job_stop_all(void)
{
    while (all) {
        struct block_job *j = all;
        mutex_lock(&j->lock);
        j->cancel = j->force = true;
        cond_broadcast(&j->wake);
        mutex_unlock(&j->lock);
        j->auto_dismiss = true;
        if (j->has_thread)
            pthread_join(j->thread, NULL);
        j->has_thread = false;
        while (g_source_remove_by_user_data(j)) /* on_end(), run_here() */
            ;
        if (status_of(j) == JOB_CONCLUDED) {
            dismiss(j);
        } else {
            fail(j);
        }
    }
}

/* --- tasks --- */
struct task {
    struct block_job j;
    struct job_ops ops;
    job_task_fn *fn;
    void *opaque;
    void (*free_opaque)(void *opaque);
};

static int task_run(struct block_job *j)
{
    struct task *t = (struct task *)j;
    struct error *err = NULL;

    j->len = 1;
    if (t->fn(t->opaque, &err)) {
        j->offset = 1;
        return 0;
    }
    j->error = g_strdup(error_text(err));
    error_free(err);
    return -EIO;
}

static void task_free(struct block_job *j)
{
    struct task *t = (struct task *)j;

    t->free_opaque(t->opaque);
}

bool job_start_task(const char *id, const char *type, job_task_fn *fn, void *take_opaque,
                    void (*free_opaque)(void *opaque), struct error **errp)
{
    struct job_options o = {.id = id, .wait_dismiss = true};
    struct task *t = g_new0(struct task, 1);

    t->ops =
        (struct job_ops){.type = type, .run = task_run, .free = task_free, .in_main_loop = true};
    if (!job_init(&t->j, &t->ops, NULL, &o, errp)) {
        free_opaque(take_opaque);
        g_free(t);
        return false;
    }
    t->fn = fn;
    t->opaque = take_opaque;
    t->free_opaque = free_opaque;
    job_start(&t->j);
    return true;
}

/* --- for the thread --- */
static bool must_end_locked(const struct block_job *j) REQUIRES(j->lock)
{
    return j->cancel && (j->force || (j->status != JOB_READY && j->status != JOB_STANDBY));
}

static void pause_locked(struct block_job *j) REQUIRES(j->lock)
{
    enum job_status before = j->status;

    if (!j->pause || must_end_locked(j))
        return;
    set_status_locked(j, before == JOB_READY ? JOB_STANDBY : JOB_PAUSED);
    while (j->pause && !must_end_locked(j))
        cond_wait(&j->wake, &j->lock);
    set_status_locked(j, before);
}

/* Sleep off what was done too much in this slice of time. */
static void limit_locked(struct block_job *j, uint64_t bytes) REQUIRES(j->lock)
{
    int64_t now = monotonic_ns();

    if (now - j->slice_ns > SLICE_NS) {
        j->slice_ns = now;
        j->slice_bytes = 0;
    }
    j->slice_bytes += bytes;
    while (j->speed && !must_end_locked(j) && !j->pause) {
        double due = (double)j->slice_bytes / (double)j->speed * 1e9;
        int64_t until = j->slice_ns + (int64_t)MIN(due, 1e12);
        if (due < SLICE_NS / 2 || monotonic_ns() >= until)
            return;
        cond_wait_until(&j->wake, &j->lock, until);
    }
}

bool job_point(struct block_job *j, uint64_t bytes)
{
    mutex_lock(&j->lock);
    limit_locked(j, bytes);
    pause_locked(j);
    bool end = must_end_locked(j);
    if (end)
        j->force = true; /* it ends unfinished */
    mutex_unlock(&j->lock);
    return !end;
}

bool job_may_retry(struct block_job *j, bool is_read, int ret)
{
    static const char *const actions[] = {"report", "ignore", "stop", "stop"};
    enum job_on_error how = is_read ? j->on_source_error : j->on_target_error;

    if (how == JOB_ENOSPC)
        how = ret == -ENOSPC ? JOB_STOP : JOB_REPORT;
    event_emit("BLOCK_JOB_ERROR", "{\"device\": \"%s\", \"operation\": \"%s\", \"action\": \"%s\"}",
               j->id, is_read ? "read" : "write", actions[how]);
    mutex_lock(&j->lock);
    if (how == JOB_STOP) {
        j->pause = true;
        j->io_status = ret == -ENOSPC ? "nospace" : "failed";
    } else if (how == JOB_IGNORE && !must_end_locked(j)) {
        cond_wait_until(&j->wake, &j->lock, monotonic_ns() + RETRY_NS);
    }
    mutex_unlock(&j->lock);
    return how != JOB_REPORT;
}

void job_set_ready(struct block_job *j)
{
    if (status_of(j) == JOB_READY)
        return;
    set_status(j, JOB_READY);
    tell(j, "BLOCK_JOB_READY");
}

bool job_is_told_to_end(struct block_job *j)
{
    mutex_lock(&j->lock);
    bool yes = j->cancel || j->complete;
    mutex_unlock(&j->lock);
    return yes;
}

bool job_completes(struct block_job *j)
{
    mutex_lock(&j->lock);
    bool yes = j->complete && !j->cancel;
    mutex_unlock(&j->lock);
    return yes;
}

void job_wait(struct block_job *j, int64_t ns)
{
    mutex_lock(&j->lock);
    if (!j->cancel && !j->complete && !j->pause)
        cond_wait_until(&j->wake, &j->lock, monotonic_ns() + ns);
    mutex_unlock(&j->lock);
}

void job_wake(struct block_job *j)
{
    mutex_lock(&j->lock);
    cond_broadcast(&j->wake);
    mutex_unlock(&j->lock);
}

/* --- what users ask for --- */
void job_get_info(struct block_job *j, struct job_info *out)
{
    mutex_lock(&j->lock);
    enum job_status s = j->status;
    *out = (struct job_info){
        .id = j->id,
        .type = j->ops->type,
        .status = s,
        .offset = j->offset,
        .len = j->len,
        .speed = j->speed,
        .is_paused = j->pause,
        .is_busy = s == JOB_RUNNING,
        .is_ready = s == JOB_READY || s == JOB_STANDBY,
        .auto_finalize = j->auto_finalize,
        .auto_dismiss = j->auto_dismiss,
        .is_on_disk = j->root,
        .io_status = j->io_status,
        .error = j->error,
    };
    mutex_unlock(&j->lock);
}

static bool may(struct block_job *j, unsigned statuses, const char *what, struct error **errp)
{
    enum job_status s = status_of(j);

    if (statuses & 1U << s)
        return true;
    error_set(errp, "job '%s' is %s and cannot be %s", j->id, job_status_names[s], what);
    return false;
}

enum {
    AT_WORK =
        1 << JOB_CREATED | 1 << JOB_RUNNING | 1 << JOB_PAUSED | 1 << JOB_READY | 1 << JOB_STANDBY,
    UNFINISHED = AT_WORK | 1 << JOB_WAITING | 1 << JOB_PENDING,
};

bool job_cancel(struct block_job *j, bool force, struct error **errp)
{
    if (!may(j, UNFINISHED, "cancelled", errp))
        return false;
    mutex_lock(&j->lock);
    j->cancel = true;
    j->force |= force || (j->status != JOB_READY && j->status != JOB_STANDBY);
    j->pause = false;
    cond_broadcast(&j->wake);
    bool is_over = j->status == JOB_PENDING;
    mutex_unlock(&j->lock);
    if (is_over)
        fail(j);
    return true;
}

bool job_pause(struct block_job *j, struct error **errp)
{
    if (!may(j, AT_WORK, "paused", errp))
        return false;
    mutex_lock(&j->lock);
    bool was = j->pause;
    j->pause = true;
    cond_broadcast(&j->wake);
    mutex_unlock(&j->lock);
    if (was)
        error_set(errp, "job '%s' is paused already", j->id);
    return !was;
}

bool job_resume(struct block_job *j, struct error **errp)
{
    if (!may(j, AT_WORK, "resumed", errp))
        return false;
    mutex_lock(&j->lock);
    bool was = j->pause;
    j->pause = false;
    j->io_status = "ok";
    cond_broadcast(&j->wake);
    mutex_unlock(&j->lock);
    if (!was)
        error_set(errp, "job '%s' is not paused", j->id);
    return was;
}

bool job_complete(struct block_job *j, struct error **errp)
{
    if (!may(j, 1 << JOB_READY, "completed: that takes a mirror or active commit that is ready",
             errp))
        return false;
    mutex_lock(&j->lock);
    j->complete = true;
    cond_broadcast(&j->wake);
    mutex_unlock(&j->lock);
    return true;
}

bool job_finalize(struct block_job *j, struct error **errp)
{
    if (!may(j, 1 << JOB_PENDING, "finalized", errp))
        return false;
    finish(j);
    return true;
}

bool job_dismiss(struct block_job *j, struct error **errp)
{
    if (!may(j, 1 << JOB_CONCLUDED, "dismissed", errp))
        return false;
    dismiss(j);
    return true;
}

bool job_set_speed(struct block_job *j, int64_t speed, struct error **errp)
{
    if (speed < 0) {
        error_set(errp, "speed: wanted 0 or more bytes a second, found %" PRId64, speed);
        return false;
    }
    if (!may(j, AT_WORK, "given a speed", errp))
        return false;
    mutex_lock(&j->lock);
    j->speed = (uint64_t)speed;
    cond_broadcast(&j->wake);
    mutex_unlock(&j->lock);
    return true;
}
