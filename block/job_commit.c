/* Jobs: commit of images below the one that the guest writes to, which do not change meanwhile. */
#include "block/job_priv.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

struct commit {
    struct block_job j;
    struct block_node *top, *base, *over; /* over: whose backing file top is */
    char *backing_path;                   /* the name for base in over */
    struct copier copier;
    bool was_read_only, is_quiesced;
};

static int copy_extent(struct commit *c, uint64_t off, uint64_t n)
{
    bool is_read;
    int ret;

    while ((ret = copier_copy(&c->copier, off, n, &is_read)))
        if (!job_may_retry(&c->j, is_read, ret) || !job_point(&c->j, 0))
            return ret;
    return 0;
}

static int commit_run(struct block_job *j)
{
    struct commit *c = (struct commit *)j;
    struct block_extent e;

    j->len = c->top->size;
    for (uint64_t off = 0; off < c->top->size; off += e.bytes, j->offset = off) {
        uint64_t n = MIN(c->top->size - off, (uint64_t)JOB_PIECE);
        int ret = block_map(c->top, c->base, off, n, &e);
        bool copies = !ret && e.layer;
        if (copies)
            ret = copy_extent(c, off, e.bytes);
        if (ret)
            return ret;
        if (!job_point(j, copies ? e.bytes : 0))
            return -ECANCELED;
    }
    return node_flush(c->base);
}

static int fail_with(struct block_job *j, struct error *take_err)
{
    j->error = g_strdup(error_text(take_err));
    error_free(take_err);
    return -EIO;
}

/* The image above names base from now on. */
static int commit_prepare(struct block_job *j)
{
    struct commit *c = (struct commit *)j;
    struct error *err = NULL;

    node_quiesce(j->root);
    c->is_quiesced = true;
    c->was_read_only = c->over->flags & BLOCK_READ_ONLY;
    bool ok = node_set_read_only(c->over, false, &err) &&
              block_set_backing_path(c->over, c->backing_path, c->base->drv->name, &err);
    return ok ? 0 : fail_with(j, err);
}

static void settle_files(struct commit *c)
{
    if (c->was_read_only)
        (void)!node_set_read_only(c->over, true, NULL);
    (void)!node_set_read_only(c->base, true, NULL);
    node_resume(c->j.root);
}

static void commit_commit(struct block_job *j)
{
    struct commit *c = (struct commit *)j;

    node_set_backing(c->over, c->base);
    settle_files(c);
}

static void commit_abort(struct block_job *j)
{
    struct commit *c = (struct commit *)j;

    if (!c->is_quiesced)
        node_quiesce(j->root);
    settle_files(c);
}

static void commit_free(struct block_job *j)
{
    struct commit *c = (struct commit *)j;

    copier_fini(&c->copier);
    g_free(c->backing_path);
}

static const struct job_ops commit_ops = {"commit",     commit_run,  commit_prepare, commit_commit,
                                          commit_abort, commit_free, false};

/* Nobody but this chain may have the images that change or go. */
static bool check_shared(const struct commit *c, struct error **errp)
{
    for (const struct block_node *b = c->top; b; b = b == c->base ? NULL : b->backing)
        if (b->parents > 1) {
            error_set(errp, "node '%s' is the backing file of other images, too", b->name);
            return false;
        }
    return true;
}

static bool open_base(struct commit *c, struct error **errp)
{
    node_quiesce(c->j.root);
    bool ok = node_set_read_only(c->base, false, errp) &&
              (c->base->size >= c->top->size || block_resize(c->base, c->top->size, "off", errp));
    if (!ok)
        (void)!node_set_read_only(c->base, true, NULL);
    node_resume(c->j.root);
    return ok;
}

static bool start_below(struct commit *c, struct error **errp)
{
    if (!check_shared(c, errp))
        return false;
    if (!copier_init(&c->copier, c->top, c->base)) {
        error_set(errp, "no memory for the copy");
        return false;
    }
    if (!open_base(c, errp)) {
        copier_fini(&c->copier);
        return false;
    }
    job_claim(&c->j, c->j.root);
    job_start(&c->j);
    return true;
}

static bool commit_below(struct block_node *root, struct block_node *top, struct block_node *base,
                         const char *backing_path, const struct job_options *o, struct error **errp)
{
    struct commit *c = g_new0(struct commit, 1);

    if (!job_init(&c->j, &commit_ops, root, o, errp)) {
        g_free(c);
        return false;
    }
    c->top = top;
    c->base = base;
    c->over = node_overlay_of(root, top);
    c->backing_path = backing_path ? g_strdup(backing_path) : node_backing_name(base);
    if (start_below(c, errp))
        return true;
    g_free(c->backing_path);
    job_fini(&c->j);
    return false;
}

static bool is_below(const struct block_node *b, const struct block_node *wanted)
{
    while (b && b != wanted)
        b = b->backing;
    return b;
}

bool job_start_commit(struct block_node *root, struct block_node *top, struct block_node *base,
                      const char *backing_path, const struct job_options *o, struct error **errp)
{
    bool is_snapshot = root->drv == &overlay_driver; /* of snapshot=on */

    if (!top)
        top = root;
    if (is_snapshot && top == root && !base)
        base = root->file;
    for (struct block_node *b = top->backing; b && !base; b = b->backing)
        if (!b->backing)
            base = b;
    if (!is_below(root, top)) {
        error_set(errp, "node '%s' is not in the chain of '%s'", top->name, block_id(root));
    } else if (!base) {
        error_set(errp, "'%s' has no backing file to commit to", top->path);
    } else if (is_snapshot && top == root ? base != root->file
                                          : top == base || !is_below(top, base)) {
        error_set(errp, "base '%s' is not below top '%s'", base->path, top->path);
    } else if (top == root && backing_path) {
        error_set(errp, "backing-file is for a top that has another image above it");
    } else if (top != root) {
        return commit_below(root, top, base, backing_path, o, errp);
    } else if (root->flags & BLOCK_READ_ONLY) {
        error_set(errp, "'%s' is open read-only", block_id(root));
    } else {
        return job_start_active_commit(root, base, o, errp);
    }
    return false;
}
