/* Jobs: copying bytes from node to node, and opening what they are copied to. */
#include "block/job_priv.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <string.h>

bool copier_init(struct copier *c, struct block_node *from, struct block_node *to)
{
    *c = (struct copier){.from = from, .to = to, .buf = g_try_malloc(JOB_PIECE)};
    return c->buf;
}

void copier_fini(struct copier *c)
{
    g_free(c->buf);
}

static int copy_data(struct copier *c, uint64_t off, uint64_t n, bool *is_read)
{
    int ret = node_pread(c->from, c->buf, n, off);

    *is_read = ret != 0;
    if (ret)
        return ret;
    if (c->to->is_guess && off == 0 && block_looks_like_format(c->buf, n))
        return -EPERM;
    if (buffer_is_zero(c->buf, n))
        return node_write_zeroes(c->to, off, n, c->unmap);
    return c->compress ? block_pwrite_compressed(c->to, c->buf, n, off)
                       : node_pwrite(c->to, c->buf, n, off);
}

int copier_copy(struct copier *c, uint64_t off, uint64_t bytes, bool *is_read)
{
    int ret = 0;

    for (uint64_t n; bytes && !ret; off += n, bytes -= n) {
        struct block_extent e;
        n = MIN(bytes, (uint64_t)(c->compress ? JOB_CHUNK : JOB_PIECE));
        ret = block_map(c->from, NULL, off, n, &e);
        *is_read = ret != 0;
        if (ret)
            return ret;
        if (!c->compress)
            n = MIN(n, e.bytes);
        ret = e.zero && e.bytes >= n ? node_write_zeroes(c->to, off, n, c->unmap)
                                     : copy_data(c, off, n, is_read);
    }
    return ret;
}

/* --- targets --- */
static bool create_target(struct block_node *root, const struct job_target *t, const char *format,
                          struct error **errp)
{
    struct opts *o = opts_parse("", NULL);
    g_autofree char *size = g_strdup_printf("%" PRIu64, root->size);

    opts_set(o, "size", size);
    if (t->top_only && root->backing) {
        g_autofree char *backing = node_backing_name(root->backing);
        opts_set(o, "backing_file", backing);
        opts_set(o, "backing_fmt", root->backing->drv->name);
    }
    bool ok = block_create(format, t->path, o, errp);
    opts_free(o);
    return ok;
}

static struct block_node *open_path(struct block_node *root, const struct job_target *t,
                                    struct error **errp)
{
    const char *format = t->format ? t->format : t->existing ? NULL : root->drv->name;
    unsigned flags = (root->flags & (BLOCK_DIRECT | BLOCK_NO_FLUSH | BLOCK_UNMAP)) |
                     (t->top_only ? 0 : BLOCK_NO_BACKING);

    if (!t->existing && !create_target(root, t, format, errp))
        return NULL;
    struct block_node *b = node_open_target(t->path, format, t->node_name, flags, errp);
    if (b) {
        b->flags &= ~(unsigned)BLOCK_NO_BACKING;
        b->detect_zeroes = root->detect_zeroes;
    }
    return b;
}

static bool check_target(const struct block_node *root, struct block_node *b, struct error **errp)
{
    if (!node_check_idle(b, errp))
        return false;
    if (b == root || b->owner || b->id || b->parents)
        error_set(errp, "node '%s' is in use by %s: the target of a job must have no user", b->name,
                  b->owner ? b->owner : "another user");
    else if (b->flags & BLOCK_READ_ONLY)
        error_set(errp, "target '%s' is open read-only", b->path);
    else if (b->size != root->size)
        error_set(errp, "target '%s' has %" PRIu64 " bytes, and the disk %" PRIu64, b->path,
                  (uint64_t)b->size, (uint64_t)root->size);
    else
        return true;
    return false;
}

struct block_node *target_open(struct block_node *root, const struct job_target *t, bool *is_new,
                               struct error **errp)
{
    struct block_node *b = t->node;

    *is_new = !t->node && !t->existing;
    if (t->node_name && block_find(t->node_name)) {
        error_set(errp, "node-name '%s' is taken by another node or drive", t->node_name);
        return NULL;
    }
    if (!b)
        b = open_path(root, t, errp);
    if (!b || check_target(root, b, errp))
        return b;
    target_close(b);
    return NULL;
}

void target_close(struct block_node *target)
{
    node_flush_last(target);
    node_settle(target);
}
