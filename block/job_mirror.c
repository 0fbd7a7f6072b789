/*
 * Jobs that follow the guest: mirror, and commit of what it writes to.
 *
 * Each change of the source makes its chunk dirty after it was made; the thread cleans a chunk
 * before it copies it.  So whatever is clean and not being copied is the same on both sides.  The
 * last chunks are copied while the guest's requests wait.  Whoever copies a chunk holds it, and
 * reads it then: the last one copies what is there last.
 */
#include "block/dirty.h"
#include "block/job_priv.h"

#include "util/bits.h"

#include <errno.h>
#include <glib.h>

enum { NEARLY = 1 << 20, IDLE_NS = 500000000 };

struct mirror {
    struct block_job j;
    struct node_hook hook;
    struct block_node *target, *until; /* until: what is not copied, NULL: all is */
    struct dirty dirty;
    struct copier copier;
    struct ranges ranges; /* being copied */
    _Atomic bool is_ready;
    bool is_blocking; /* the guest's change is complete when it is copied */
    bool unmap, is_commit,
        is_new; /* is_new: the target has zeros, or `until`, where nothing is copied */
    bool is_hooked, is_quiesced;
};

static int copy_held(struct mirror *m, struct copier *c, uint64_t off, uint64_t n, bool *is_read)
{
    struct range hold;

    ranges_take(&m->ranges, &hold, off, off + n, true);
    int ret = copier_copy(c, off, n, is_read);
    ranges_drop(&m->ranges, &hold);
    return ret;
}

/* --- watching the guest --- */
/* What fails stays dirty: the thread will find out why. */
static void copy_now(struct mirror *m, uint64_t off, uint64_t bytes)
{
    uint64_t g = m->dirty.granularity, end = MIN(off + bytes, m->dirty.size);
    struct copier c;
    bool is_read;

    bool ok = copier_init(&c, m->j.root, m->target);
    c.unmap = m->unmap;
    for (off = off / g * g; ok && off < end; off += g) {
        uint64_t n = MIN(g, m->dirty.size - off);
        ok = !dirty_take_at(&m->dirty, off) || !copy_held(m, &c, off, n, &is_read);
        if (!ok)
            dirty_set(&m->dirty, off, n);
    }
    copier_fini(&c);
}

static void after_change(struct node_hook *h, struct range *hold UNUSED, uint64_t off,
                         uint64_t bytes)
{
    struct mirror *m = container_of(h, struct mirror, hook);

    if (dirty_set(&m->dirty, off, bytes))
        job_wake(&m->j);
    if (m->is_blocking && m->is_ready)
        copy_now(m, off, bytes);
}

static void set_hook(struct mirror *m, bool on)
{
    struct block_node *b = m->j.root;

    node_quiesce(b);
    b->hook = on ? &m->hook : NULL;
    m->is_hooked = on;
    node_resume(b);
}

/* --- the thread --- */
static void set_len(struct mirror *m)
{
    m->j.len = m->j.offset + dirty_bytes(&m->dirty);
}

/* Where the bytes of the source come from, as far as they matter. */
static int map_source(const struct mirror *m, uint64_t off, uint64_t n, struct block_extent *e)
{
    struct block_node *b = m->j.root;

    if (b->drv != &overlay_driver || !m->is_commit)
        return block_map(b, m->until, off, n, e);
    int ret = block_map_layer(b, off, n, e);
    if (e->layer != b)
        e->layer = NULL;
    return ret;
}

static bool has_to_be_copied(const struct mirror *m, const struct block_extent *e)
{
    if (m->until || m->is_commit)
        return e->layer;
    return !m->is_new || !e->zero;
}

/* Mark what differs from what the target has now. */
static int mark_all(struct mirror *m)
{
    struct block_node *b = m->j.root;
    struct block_extent e;

    for (uint64_t off = 0; off < b->size; off += e.bytes) {
        int ret = map_source(m, off, b->size - off, &e);
        if (ret)
            return ret;
        if (has_to_be_copied(m, &e))
            dirty_set(&m->dirty, off, e.bytes);
        if (!job_point(&m->j, 0))
            return -ECANCELED;
    }
    return 0;
}

/* Off and n were taken from the dirty ones. */
static int copy_one(struct mirror *m, uint64_t off, uint64_t n)
{
    bool is_read;
    int ret;

    while ((ret = copy_held(m, &m->copier, off, n, &is_read)))
        if (!job_may_retry(&m->j, is_read, ret) || !job_point(&m->j, 0))
            return ret;
    m->j.offset += n;
    set_len(m);
    return 0;
}

static int copy_dirty(struct mirror *m)
{
    uint64_t off, n;

    while (dirty_take(&m->dirty, JOB_PIECE, &off, &n)) {
        int ret = copy_one(m, off, n);
        if (ret)
            return ret;
        if (!job_point(&m->j, n))
            return -ECANCELED;
        if (job_is_told_to_end(&m->j) && dirty_bytes(&m->dirty) <= NEARLY)
            return 0;
    }
    return 0;
}

static int mirror_run(struct block_job *j)
{
    struct mirror *m = (struct mirror *)j;
    int ret = mark_all(m);

    set_len(m);
    while (!ret) {
        ret = copy_dirty(m);
        if (ret)
            break;
        if (!job_point(j, 0))
            return -ECANCELED;
        job_set_ready(j);
        m->is_ready = true;
        if (job_is_told_to_end(j))
            return 0;
        if (!dirty_bytes(&m->dirty))
            job_wait(j, IDLE_NS);
    }
    return ret;
}

/* --- the last step --- */
static int copy_rest(struct mirror *m)
{
    uint64_t off, n;
    bool is_read;
    int ret = 0;

    while (!ret && dirty_take(&m->dirty, JOB_PIECE, &off, &n)) {
        ret = copier_copy(&m->copier, off, n, &is_read);
        m->j.offset += n;
    }
    set_len(m);
    return ret ? ret : node_flush(m->target);
}

static int mirror_prepare(struct block_job *j)
{
    struct mirror *m = (struct mirror *)j;

    node_quiesce(j->root);
    m->is_quiesced = true;
    return copy_rest(m);
}

/* The root shows the target; what it showed goes, unless the user opened it. */
static void pivot_mirror(struct mirror *m)
{
    struct block_node *root = m->j.root, *old = m->target;

    old->by_user |= !root->id && !root->owner;
    node_exchange(root, old);
    if (old->by_user)
        (void)!node_set_read_only(old, true, NULL);
    node_settle(old);
}

/* The root shows the last of its chain, and what was above that goes. */
static void pivot_commit(struct mirror *m)
{
    struct block_node *root = m->j.root, *base = m->target;

    if (root->file == base)
        root->file = NULL;
    else
        node_overlay_of(root, base)->backing = NULL;
    base->parents--;
    block_set_discard(base, root->flags & BLOCK_UNMAP);
    base->detect_zeroes = root->detect_zeroes;
    base->by_user |= !root->id && !root->owner;
    node_exchange(root, base);
    node_settle(base);
}

static void end_watching(struct mirror *m)
{
    if (m->is_hooked)
        set_hook(m, false);
    if (m->is_quiesced)
        node_resume(m->j.root);
    m->is_hooked = m->is_quiesced = false;
}

static void let_go(struct mirror *m)
{
    if (!m->is_commit) {
        target_close(m->target);
        return;
    }
    node_quiesce(m->j.root);
    (void)!node_set_read_only(m->target, true, NULL); /* its file stays locked, then */
    node_resume(m->j.root);
}

static void mirror_commit(struct block_job *j)
{
    struct mirror *m = (struct mirror *)j;

    set_hook(m, false);
    if (!job_completes(j))
        let_go(m);
    else if (m->is_commit)
        pivot_commit(m);
    else
        pivot_mirror(m);
    end_watching(m);
}

static void mirror_abort(struct block_job *j)
{
    struct mirror *m = (struct mirror *)j;

    end_watching(m);
    let_go(m);
}

static void mirror_free(struct block_job *j)
{
    struct mirror *m = (struct mirror *)j;

    ranges_fini(&m->ranges);
    dirty_fini(&m->dirty);
    copier_fini(&m->copier);
}

static const struct job_ops mirror_ops = {"mirror",     mirror_run,  mirror_prepare, mirror_commit,
                                          mirror_abort, mirror_free, false};
static const struct job_ops commit_ops = {"commit",     mirror_run,  mirror_prepare, mirror_commit,
                                          mirror_abort, mirror_free, false};

/* --- the beginning --- */
static bool start(struct mirror *m, uint64_t granularity, struct error **errp)
{
    struct block_node *root = m->j.root;

    m->hook.after = after_change;
    ranges_init(&m->ranges);
    bool ok = dirty_init(&m->dirty, root->size, granularity ? granularity : JOB_CHUNK);
    if (!copier_init(&m->copier, root, m->target) || !ok) {
        error_set(errp, "no memory to keep track of the changes of '%s'", block_id(root));
        mirror_free(&m->j);
        return false;
    }
    m->copier.unmap = m->unmap;
    job_claim(&m->j, root);
    job_claim(&m->j, m->target);
    set_hook(m, true);
    job_start(&m->j);
    return true;
}

static bool check_granularity(uint64_t g, struct error **errp)
{
    if (!g || (is_pow2(g) && g >= SECTOR && g <= 64 << 20))
        return true;
    error_set(errp, "granularity: wanted a power of two from 512 to 64M");
    return false;
}

bool job_start_mirror(struct block_node *root, const struct job_target *t,
                      const struct job_options *o, struct error **errp)
{
    struct mirror *m = g_new0(struct mirror, 1);

    if (!check_granularity(t->granularity, errp) || !job_init(&m->j, &mirror_ops, root, o, errp)) {
        g_free(m);
        return false;
    }
    m->target = target_open(root, t, &m->is_new, errp);
    m->until = t->top_only ? root->backing : NULL;
    m->unmap = t->unmap;
    m->is_blocking = t->blocking;
    if (m->target && start(m, t->granularity, errp))
        return true;
    if (m->target)
        target_close(m->target);
    job_fini(&m->j);
    return false;
}

/* The base takes writes from now on, and has room for all. */
static bool open_base(struct block_node *root, struct block_node *base, struct error **errp)
{
    if (base->parents > 1) {
        error_set(errp, "node '%s' is the backing file of other images, too, which would change",
                  base->name);
        return false;
    }
    node_quiesce(root);
    bool ok = node_set_read_only(base, false, errp) &&
              (base->size >= root->size || block_resize(base, root->size, "off", errp));
    if (!ok)
        (void)!node_set_read_only(base, true, NULL);
    node_resume(root);
    return ok;
}

bool job_start_active_commit(struct block_node *root, struct block_node *base,
                             const struct job_options *o, struct error **errp)
{
    struct mirror *m = g_new0(struct mirror, 1);

    if (!job_init(&m->j, &commit_ops, root, o, errp)) {
        g_free(m);
        return false;
    }
    m->is_commit = true;
    m->target = m->until = base;
    if (open_base(root, base, errp)) {
        if (start(m, 0, errp))
            return true;
        let_go(m);
    }
    job_fini(&m->j);
    return false;
}
