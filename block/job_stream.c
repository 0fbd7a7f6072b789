/*
 * Jobs: stream: what an image has from its backing files is copied into it.
 *
 * The guest's changes and the copying of a piece exclude each other by holds on ranges: what the
 * guest wrote is in the image, and is not copied over.
 */
#include "block/job_priv.h"

#include <errno.h>
#include <glib.h>

struct stream {
    struct block_job j;
    struct node_hook hook;
    struct ranges ranges;
    struct block_node *base; /* stays the backing file, or NULL */
    char *backing_path, *backing_format;
    void *buf;
    bool is_quiesced;
};

static void before_change(struct node_hook *h, struct range *hold, uint64_t off, uint64_t bytes)
{
    ranges_take(&container_of(h, struct stream, hook)->ranges, hold, off, off + bytes, false);
}

static void after_change(struct node_hook *h, struct range *hold, uint64_t off UNUSED,
                         uint64_t bytes UNUSED)
{
    ranges_drop(&container_of(h, struct stream, hook)->ranges, hold);
}

static void set_hook(struct stream *s, bool on)
{
    struct block_node *b = s->j.root;

    node_quiesce(b);
    b->hook = on ? &s->hook : NULL;
    node_resume(b);
}

enum source { FROM_NOWHERE, ZEROS, DATA };

/* Where up to *n bytes that the image does not have come from, if not from the base. */
static int find_source(const struct stream *s, uint64_t off, uint64_t *n, enum source *from)
{
    *from = FROM_NOWHERE;
    for (struct block_node *p = s->j.root; p != s->base; p = p->backing) {
        struct block_extent e;
        bool is_root = p == s->j.root;
        if (!p || off >= p->size) { /* a short backing file goes on with zeros */
            *from = p || s->base ? ZEROS : FROM_NOWHERE;
            return 0;
        }
        int ret = block_map_layer(p, off, *n, &e);
        if (ret)
            return ret;
        *n = MIN(*n, e.bytes);
        if (!e.allocated)
            continue;
        *from = is_root ? FROM_NOWHERE : e.zero ? ZEROS : DATA;
        return 0;
    }
    return 0;
}

/* With the piece held. */
static int copy_held(struct stream *s, uint64_t off, uint64_t *n, bool *is_read)
{
    struct block_node *b = s->j.root;
    enum source from;
    int ret = find_source(s, off, n, &from);

    *is_read = true;
    if (ret || from == FROM_NOWHERE)
        return ret;
    if (from == DATA && (ret = node_pread(b, s->buf, *n, off)))
        return ret;
    *is_read = false;
    if (from == ZEROS || buffer_is_zero(s->buf, *n))
        return node_write_zeroes(b, off, *n, false);
    return node_pwrite(b, s->buf, *n, off);
}

static int copy_piece(struct stream *s, uint64_t off, uint64_t *n)
{
    uint64_t most = *n;
    struct range hold;
    bool is_read;
    int ret;

    for (;;) {
        *n = most;
        ranges_take(&s->ranges, &hold, off, off + most, true);
        ret = copy_held(s, off, n, &is_read);
        ranges_drop(&s->ranges, &hold);
        if (!ret || !job_may_retry(&s->j, is_read, ret) || !job_point(&s->j, 0))
            return ret;
    }
}

static int stream_run(struct block_job *j)
{
    struct stream *s = (struct stream *)j;
    uint64_t size = j->root->size;

    j->len = size;
    for (uint64_t off = 0, n; off < size; off += n, j->offset = off) {
        n = MIN(size - off, (uint64_t)JOB_PIECE);
        int ret = copy_piece(s, off, &n);
        if (ret)
            return ret;
        if (!job_point(j, n))
            return -ECANCELED;
    }
    return node_flush(j->root);
}

static int stream_prepare(struct block_job *j)
{
    struct stream *s = (struct stream *)j;
    struct error *err = NULL;

    node_quiesce(j->root);
    s->is_quiesced = true;
    if (block_set_backing_path(j->root, s->backing_path, s->backing_format, &err))
        return 0;
    j->error = g_strdup(error_text(err));
    error_free(err);
    return -EIO;
}

static void end_watching(struct stream *s)
{
    set_hook(s, false);
    if (s->is_quiesced)
        node_resume(s->j.root);
}

static void stream_commit(struct block_job *j)
{
    struct stream *s = (struct stream *)j;

    if (s->base != j->root->backing)
        node_set_backing(j->root, s->base);
    end_watching(s);
}

static void stream_abort(struct block_job *j)
{
    end_watching((struct stream *)j);
}

static void stream_free(struct block_job *j)
{
    struct stream *s = (struct stream *)j;

    ranges_fini(&s->ranges);
    g_free(s->backing_path);
    g_free(s->backing_format);
    g_free(s->buf);
}

static const struct job_ops stream_ops = {"stream",     stream_run,  stream_prepare, stream_commit,
                                          stream_abort, stream_free, false};

static bool check_chain(struct block_node *root, const struct block_node *base, struct error **errp)
{
    const struct block_node *p = root->backing;

    if (root->flags & BLOCK_READ_ONLY) {
        error_set(errp, "'%s' is open read-only", block_id(root));
        return false;
    }
    while (p && base && p != base)
        p = p->backing;
    if (!base || p)
        return true;
    error_set(errp, "base '%s' is not in the chain of '%s'", base->name, block_id(root));
    return false;
}

bool job_start_stream(struct block_node *root, struct block_node *base, const char *backing_path,
                      const struct job_options *o, struct error **errp)
{
    struct stream *s = g_new0(struct stream, 1);

    if (!check_chain(root, base, errp) || !job_init(&s->j, &stream_ops, root, o, errp)) {
        g_free(s);
        return false;
    }
    s->base = base;
    s->backing_path = backing_path ? g_strdup(backing_path) : base ? node_backing_name(base) : NULL;
    s->backing_format = base ? g_strdup(base->drv->name) : NULL;
    s->buf = g_malloc(JOB_PIECE);
    s->hook = (struct node_hook){before_change, after_change};
    ranges_init(&s->ranges);
    job_claim(&s->j, root);
    set_hook(s, true);
    job_start(&s->j);
    return true;
}
