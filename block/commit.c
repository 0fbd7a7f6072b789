/* Commit at once: what a disk's top image has goes into the image below it, which then shows it. */
#include "block/job_priv.h"

#include <errno.h>
#include <glib.h>

static int copy_all(struct block_node *b, struct block_node *below)
{
    struct copier c;
    struct block_extent e;
    bool is_read;
    int ret = copier_init(&c, b, below) ? 0 : -ENOMEM;

    for (uint64_t off = 0; off < b->size && !ret; off += e.bytes) {
        ret = block_map_layer(b, off, b->size - off, &e);
        if (!ret && e.layer == b && e.allocated)
            ret = copier_copy(&c, off, e.bytes, &is_read);
    }
    copier_fini(&c);
    return ret ? ret : node_flush(below);
}

static bool commit_into(struct block_node *b, struct block_node *below, struct error **errp)
{
    if (below->size < b->size && !block_resize(below, b->size, "off", errp))
        return false;
    int ret = copy_all(b, below);
    if (!ret)
        return block_make_empty(b, errp);
    error_set(errp, "could not copy '%s' into '%s': %s", block_id(b), below->path,
              g_strerror(-ret));
    return false;
}

bool block_can_commit(const struct block_node *b)
{
    return node_image_below(b) && !b->parents && !(b->flags & BLOCK_READ_ONLY);
}

static bool check(const struct block_node *b, const struct block_node *below, struct error **errp)
{
    if (b->parents)
        error_set(errp, "'%s' is part of a disk: name the disk", b->name);
    else if (b->flags & BLOCK_READ_ONLY)
        error_set(errp, "'%s' is open read-only", block_id(b));
    else if (!below)
        error_set(errp, "'%s' has neither snapshot=on nor a backing file to commit to",
                  block_id(b));
    else if (below->parents > 1)
        error_set(errp, "'%s' is below other images, too, which would change", below->path);
    else
        return node_check_idle(b, errp);
    return false;
}

bool block_commit_now(struct block_node *b, struct error **errp)
{
    struct block_node *below = node_image_below(b);

    if (!check(b, below, errp))
        return false;
    node_quiesce(b);
    bool was_read_only = below->flags & BLOCK_READ_ONLY;
    bool ok = node_set_read_only(below, false, errp) && commit_into(b, below, errp);
    if (was_read_only)
        (void)!node_set_read_only(below, true, NULL); /* its file stays locked, then */
    node_resume(b);
    return ok;
}
