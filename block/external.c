/* External snapshots: an empty image on top of a disk that is in use, which then takes the writes.
 */
#include "block/block_priv.h"

#include <glib.h>
#include <string.h>

/* How another image can name b as its backing file, from any directory. */
char *node_backing_name(const struct block_node *b)
{
    if (block_path_is_plain(b->path))
        return g_canonicalize_filename(b->path, NULL);
    return g_strdup(b->path);
}

static bool can_take_overlay(struct block_node *b, struct error **errp)
{
    if (b->parents) {
        error_set(errp, "node '%s' is in use by another node: wanted the top of a disk", b->name);
        return false;
    }
    if (b->drv == &overlay_driver) {
        error_set(errp,
                  "'%s' has snapshot=on: its changes are in a file without a name, which no image "
                  "can have as its backing file",
                  block_id(b));
        return false;
    }
    if (block_is_empty(b)) {
        error_set(errp, "drive '%s' is empty", block_id(b));
        return false;
    }
    return node_check_idle(b, errp);
}

static bool has_backing_files(const char *format, struct error **errp)
{
    const struct block_driver *drv = driver_find(format);

    if (drv && drv->has_backing && drv->create)
        return true;
    error_set(errp, "format '%s' has no backing files: use qcow2", format);
    return false;
}

static bool create_overlay(const struct block_node *b, const char *path, const char *format,
                           struct error **errp)
{
    struct opts *o = opts_parse("", NULL);
    g_autofree char *size = g_strdup_printf("%" G_GUINT64_FORMAT, b->size);
    g_autofree char *backing = node_backing_name(b);

    opts_set(o, "size", size);
    opts_set(o, "backing_file", backing);
    opts_set(o, "backing_fmt", b->drv->name);
    bool ok = block_create(format, path, o, errp);
    opts_free(o);
    return ok;
}

struct block_node *node_open_target(const char *path, const char *format, const char *name,
                                    unsigned flags, struct error **errp)
{
    struct opts *o = opts_parse("", NULL);
    struct block_node *b;

    if (name)
        opts_set(o, "node-name", name);
    b = node_open_image(path, format, (struct node_opts){o, ""}, flags, errp);
    opts_free(o);
    return b;
}

/* The contents of take_top go on top of those of b, which is quiesced; b shows them from now on. */
static void put_on_top(struct block_node *b, struct block_node *take_top)
{
    take_top->by_user |= !b->id && !b->owner; /* nothing else would keep it open */
    node_exchange(b, take_top);
    b->backing = take_top;
    take_top->parents++;
    node_settle(take_top);
}

static bool same_file(const struct block_node *b, const char *path)
{
    for (; b; b = b->backing) {
        g_autofree char *one = node_backing_name(b);
        g_autofree char *other = g_canonicalize_filename(path, NULL);
        if (!strcmp(one, other))
            return true;
    }
    return false;
}

bool block_overlay_prepare(struct block_overlay *s, struct error **errp)
{
    struct block_node *b = s->b;
    const char *format = s->format ? s->format : "qcow2";
    unsigned flags = (b->flags & (BLOCK_DIRECT | BLOCK_NO_FLUSH | BLOCK_UNMAP | BLOCK_READ_ONLY)) |
                     BLOCK_NO_BACKING;

    if (!can_take_overlay(b, errp) || !has_backing_files(format, errp))
        return false;
    if (same_file(b, s->path)) {
        error_set(errp, "'%s' is a file of this disk", s->path);
        return false;
    }
    if (!s->existing && !create_overlay(b, s->path, format, errp))
        return false;
    s->top = node_open_target(s->path, format, s->node_name, flags, errp);
    if (!s->top)
        return false;
    s->top->flags &= ~(unsigned)BLOCK_NO_BACKING;
    s->top->detect_zeroes = b->detect_zeroes;
    s->is_new = true;
    return true;
}

bool block_overlay_prepare_node(struct block_overlay *s, struct block_node *top,
                                struct error **errp)
{
    if (!can_take_overlay(s->b, errp) || !node_check_idle(top, errp))
        return false;
    if (top == s->b || top->parents || top->owner || top->id)
        error_set(errp, "node '%s' is in use by %s", top->name,
                  top->owner ? top->owner : "another user");
    else if (!top->drv->has_backing)
        error_set(errp, "node '%s': format '%s' has no backing files", top->name, top->drv->name);
    else if (top->backing)
        error_set(errp, "node '%s' has a backing file already: open it with \"backing\": null",
                  top->name);
    else {
        s->top = top;
        return true;
    }
    return false;
}

void block_overlay_commit(struct block_overlay *s)
{
    node_quiesce(s->b);
    put_on_top(s->b, s->top);
    (void)!node_set_read_only(s->b->backing, true, NULL); /* its file stays locked, then */
    node_resume(s->b);
    s->top = NULL;
}

void block_overlay_abort(struct block_overlay *s)
{
    if (s->is_new && s->top)
        node_unref(s->top);
    s->top = NULL;
}

bool block_change_backing_file(struct block_node *root, struct block_node *image, const char *path,
                               struct error **errp)
{
    bool was_read_only = image->flags & BLOCK_READ_ONLY;
    const char *format = image->backing ? image->backing->drv->name : NULL;

    if (!node_check_idle(root, errp))
        return false;
    struct block_node *p = root;
    while (p && p != image)
        p = p->backing;
    if (!p) {
        error_set(errp, "node '%s' is not in the chain of '%s'", image->name, block_id(root));
        return false;
    }
    node_quiesce(root);
    bool ok =
        node_set_read_only(image, false, errp) && block_set_backing_path(image, path, format, errp);
    if (was_read_only)
        (void)!node_set_read_only(image, true, NULL);
    node_resume(root);
    return ok;
}
