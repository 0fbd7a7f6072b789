/*
 * Jobs: backup: a copy of a disk as it was when the job began.
 *
 * A chunk that is not copied yet is "dirty".  The job copies chunk by chunk; a change by the guest
 * waits until the chunks it touches have been copied.  Holds on ranges keep the two apart.
 */
#include "block/dirty.h"
#include "block/job_priv.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

struct backup {
    struct block_job j;
    struct node_hook hook;
    struct block_node *target, *until;
    struct ranges ranges;
    struct dirty todo;
    bool unmap, compress, is_new;
    _Atomic int guest_ret; /* what became of a copy for the guest's sake */
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

static void set_hook(struct backup *k, bool on)
{
    struct block_node *b = k->j.root;

    node_quiesce(b);
    b->hook = on ? &k->hook : NULL;
    node_resume(b);
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
    uint64_t n = MIN(k->todo.granularity, b->size - off);
    struct range hold;
    struct block_extent e;

    *copied = 0;
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

static int backup_run(struct block_job *j)
{
    void *buf = g_try_malloc(JOB_PIECE);
    int ret = buf ? copy_all((struct backup *)j, buf) : -ENOMEM;

    g_free(buf);
    return ret;
}

static void backup_end(struct block_job *j)
{
    struct backup *k = (struct backup *)j;

    set_hook(k, false);
    target_close(k->target);
}

static void backup_free(struct block_job *j)
{
    struct backup *k = (struct backup *)j;

    ranges_fini(&k->ranges);
    dirty_fini(&k->todo);
}

static const struct job_ops backup_ops = {"backup",   backup_run,  NULL, backup_end,
                                          backup_end, backup_free, false};

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

    if (!check_compress(k, errp))
        return false;
    if (!dirty_init(&k->todo, root->size, JOB_CHUNK) || k->todo.granularity > JOB_PIECE) {
        error_set(errp, "'%s' is too large for a backup", block_id(root));
        dirty_fini(&k->todo);
        return false;
    }
    dirty_set(&k->todo, 0, root->size);
    ranges_init(&k->ranges);
    k->hook.before = before_change;
    k->j.len = root->size;
    job_claim(&k->j, root);
    job_claim(&k->j, k->target);
    set_hook(k, true);
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
    k->compress = t->compress;
    if (k->target && start(k, errp))
        return true;
    if (k->target)
        target_close(k->target);
    job_fini(&k->j);
    return false;
}
