/*
 * Jobs: backup: a copy of a disk as it was when the job began.
 *
 * A chunk that is not copied yet is "dirty".  The job copies chunk by chunk; a change by the guest
 * waits until the chunks it touches have been copied.  Holds on ranges keep the two apart.
 */
#include "block/bitmap_priv.h"
#include "block/job_priv.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

enum { STAND_BY_NS = 1000000000 };

struct backup {
    struct block_job j;
    struct node_hook hook;
    struct block_node *target, *until;
    struct ranges ranges;
    struct dirty todo;
    bool unmap, compress, is_new, none;
    struct block_bitmap *bitmap; /* or NULL */
    enum job_bitmap_mode bitmap_mode;
    struct bitmap_saved *bits; /* those of the bitmap when the job began */
    _Atomic int guest_ret;     /* what became of a copy for the guest's sake */
};

static int copy_chunk(struct backup *k, uint64_t off, void *buf, bool *is_read)
{
    struct copier c = {k->j.root, k->target, k->unmap, k->compress, buf};
    uint64_t n = MIN(k->todo.granularity, k->todo.size - off);

    if (!dirty_take_at(&k->todo, off))
        return 0;
    int ret = copier_copy(&c, off, n, is_read);
    if (ret)
        dirty_set(&k->todo, off, n);
    else
        k->j.offset += n;
    return ret;
}

/* The guest's change waits for this.  When the copy fails, the job does; the guest goes on. */
static void before_change(struct node_hook *h, struct range *hold, uint64_t off, uint64_t bytes)
{
    struct backup *k = container_of(h, struct backup, hook);
    uint64_t g = k->todo.granularity, end = MIN(off + bytes, k->todo.size);
    bool is_read;
    int ret = 0;

    if (k->guest_ret || !dirty_bytes(&k->todo))
        return;
    void *buf = g_try_malloc(JOB_PIECE);
    for (off = off / g * g; buf && off < end && !ret; off += g) {
        ranges_take(&k->ranges, hold, off, off + g, true);
        ret = copy_chunk(k, off, buf, &is_read);
        ranges_drop(&k->ranges, hold);
    }
    g_free(buf);
    if (!buf || ret) {
        k->guest_ret = buf ? ret : -ENOMEM;
        job_wake(&k->j);
    }
}

/* From here on changes wait for their copy, and the bitmap gathers what is written. */
static void begin(struct backup *k)
{
    struct block_node *root = k->j.root;

    node_quiesce(root);
    if (k->bitmap) {
        bitmap_hold(k->bitmap);
        dirty_merge(&k->todo, &k->bitmap->dirty);
        dirty_clear(&k->bitmap->dirty);
    } else {
        dirty_set(&k->todo, 0, root->size);
    }
    k->j.len = dirty_bytes(&k->todo);
    root->hook = &k->hook;
    node_resume(root);
}

/* --- the thread --- */
static int copy_held(struct backup *k, uint64_t off, void *buf)
{
    struct range hold;
    bool is_read;

    for (;;) {
        ranges_take(&k->ranges, &hold, off, off + k->todo.granularity, true);
        int ret = copy_chunk(k, off, buf, &is_read);
        ranges_drop(&k->ranges, &hold);
        if (!ret || !job_may_retry(&k->j, is_read, ret) || !job_point(&k->j, 0))
            return ret;
    }
}

/* What a new target need not get is done as soon as it is found; its chunk is held meanwhile. */
static int skip_or_copy(struct backup *k, uint64_t off, void *buf, uint64_t *copied)
{
    struct block_node *b = k->j.root;
    uint64_t n = MIN(k->todo.granularity, b->size - off), run;
    struct range hold;
    struct block_extent e;

    *copied = 0;
    if (!dirty_run(&k->todo, off, n, &run)) /* not asked for, or done for the guest's sake */
        return 0;
    ranges_take(&k->ranges, &hold, off, off + n, true);
    int ret = k->is_new ? block_map(b, k->until, off, n, &e) : 0;
    bool skip = k->is_new && !ret && e.bytes >= n && (k->until ? !e.layer : e.zero);
    if (skip && dirty_take_at(&k->todo, off))
        k->j.offset += n;
    ranges_drop(&k->ranges, &hold);
    if (ret || skip)
        return ret;
    *copied = n;
    return copy_held(k, off, buf);
}

static int copy_all(struct backup *k, void *buf)
{
    struct block_job *j = &k->j;
    uint64_t n;

    for (uint64_t off = 0; off < j->root->size; off += k->todo.granularity) {
        int ret = skip_or_copy(k, off, buf, &n);
        if (!ret)
            ret = k->guest_ret;
        if (ret)
            return ret;
        if (!job_point(j, n))
            return -ECANCELED;
    }
    return k->guest_ret ? k->guest_ret : node_flush(k->target);
}

/* sync=none: the guest's changes are all there is to do. */
static int stand_by(struct backup *k)
{
    while (!k->guest_ret && job_point(&k->j, 0))
        job_wait(&k->j, STAND_BY_NS);
    return k->guest_ret ? k->guest_ret : -ECANCELED;
}

static int backup_run(struct block_job *j)
{
    struct backup *k = (struct backup *)j;

    if (k->none)
        return stand_by(k);
    void *buf = g_try_malloc(JOB_PIECE);
    int ret = buf ? copy_all(k, buf) : -ENOMEM;

    g_free(buf);
    return ret;
}

/* The bitmap has what was written since the job began; what was not copied is to be told, too. */
static void settle_bitmap(struct backup *k, bool ok)
{
    if (!k->bitmap)
        return;
    if (k->bitmap_mode == JOB_BITMAP_NEVER || (!ok && k->bitmap_mode == JOB_BITMAP_ON_SUCCESS))
        bitmap_add_saved(k->bitmap, k->bits);
    else if (!ok)
        dirty_merge(&k->bitmap->dirty, &k->todo);
    bitmap_release(k->bitmap);
}

static void end_backup(struct backup *k, bool ok)
{
    node_quiesce(k->j.root);
    k->j.root->hook = NULL;
    settle_bitmap(k, ok);
    node_resume(k->j.root);
    target_close(k->target);
}

static void backup_commit(struct block_job *j)
{
    end_backup((struct backup *)j, true);
}

static void backup_abort(struct block_job *j)
{
    end_backup((struct backup *)j, false);
}

static void backup_free(struct block_job *j)
{
    struct backup *k = (struct backup *)j;

    ranges_fini(&k->ranges);
    dirty_fini(&k->todo);
    bitmap_saved_free(k->bits);
}

static const struct job_ops backup_ops = {"backup",     backup_run,  NULL, backup_commit,
                                          backup_abort, backup_free, false};

static bool check_compress(const struct backup *k, struct error **errp)
{
    struct block_info info = {0};

    if (!k->compress)
        return true;
    bool ok = k->target->drv->write_compressed && block_get_info(k->target, &info, NULL) &&
              info.cluster_size == JOB_CHUNK;
    if (!ok)
        error_set(errp, "compress: the target must be a qcow2 image with clusters of 64 KiB");
    block_info_fini(&info);
    return ok;
}

static bool start(struct backup *k, struct error **errp)
{
    struct block_node *root = k->j.root;

    if (!check_compress(k, errp) || (k->bitmap && !bitmap_check_free(k->bitmap, errp)))
        return false;
    if (k->bitmap && !(k->bits = bitmap_save(k->bitmap))) {
        error_set(errp, "there is no memory for dirty bitmap '%s'", k->bitmap->name);
        return false;
    }
    if (!dirty_init(&k->todo, root->size, JOB_CHUNK) || k->todo.granularity > JOB_PIECE) {
        error_set(errp, "'%s' is too large for a backup", block_id(root));
        dirty_fini(&k->todo);
        return false;
    }
    ranges_init(&k->ranges);
    k->hook.before = before_change;
    job_claim(&k->j, root);
    job_claim(&k->j, k->target);
    begin(k);
    job_start(&k->j);
    return true;
}

bool job_start_backup(struct block_node *root, const struct job_target *t,
                      const struct job_options *o, struct error **errp)
{
    struct backup *k = g_new0(struct backup, 1);

    if (!job_init(&k->j, &backup_ops, root, o, errp)) {
        g_free(k);
        return false;
    }
    k->target = target_open(root, t, &k->is_new, errp);
    k->until = t->top_only ? root->backing : NULL;
    k->unmap = true;
    k->none = t->none;
    k->compress = t->compress;
    k->bitmap = t->bitmap;
    k->bitmap_mode = t->bitmap_mode;
    if (k->target && start(k, errp))
        return true;
    if (k->target)
        target_close(k->target);
    job_fini(&k->j);
    return false;
}
