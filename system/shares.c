/* -fsdev and -virtfs: directories of the host that the guest may mount. */
#include "fsdev/fsdev.h"
#include "system/setup.h"

#include <string.h>

static bool add_fsdev(const char *text, struct error **errp)
{
    struct opts *o = opts_parse_any(text, "fsdriver", errp);
    bool ok = o && fsdev_new(o, errp);

    if (o)
        opts_free(o);
    if (!ok)
        error_prefix(errp, "-fsdev %s", text);
    return ok;
}

/* The options of -virtfs without mount_tag, which is the device's; its id is the tag if need be. */
static struct opts *fsdev_part(struct opts *o, const char *tag)
{
    struct opts *part = opts_parse("", NULL);

    for (size_t i = 0; i < o->n; i++)
        if (!opts_key_equal(o->pair[i].key, "mount_tag"))
            opts_set(part, o->pair[i].key, o->pair[i].value);
    if (!opts_get(part, "id", NULL))
        opts_set(part, "id", tag);
    return part;
}

static bool add_virtfs(const char *text, struct error **errp)
{
    struct opts *o = opts_parse_any(text, "fsdriver", errp);
    const char *tag = o ? opts_get(o, "mount_tag", NULL) : NULL;
    bool ok = false;

    if (o && !tag) {
        error_set(errp, "wanted mount_tag=NAME, what the guest mounts");
    } else if (o) {
        struct opts *part = fsdev_part(o, tag);
        ok = fsdev_new(part, errp);
        opts_free(part);
    }
    if (o)
        opts_free(o);
    if (!ok)
        error_prefix(errp, "-virtfs %s", text);
    return ok;
}

bool setup_shares(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->cli->fsdev->len; i++)
        if (!add_fsdev(g_ptr_array_index(s->cli->fsdev, i), errp))
            return false;
    for (guint i = 0; i < s->cli->virtfs->len; i++)
        if (!add_virtfs(g_ptr_array_index(s->cli->virtfs, i), errp))
            return false;
    return true;
}

bool setup_share_devices(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->cli->virtfs->len; i++) {
        const char *text = g_ptr_array_index(s->cli->virtfs, i);
        struct opts *o = opts_parse_any(text, "fsdriver", errp), *props = opts_parse("", NULL);
        const char *tag = opts_get(o, "mount_tag", NULL);
        opts_set(props, "fsdev", opts_get(o, "id", tag));
        opts_set(props, "mount_tag", tag);
        bool ok = device_create(s, "virtio-9p", props, errp);
        opts_free(props);
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "-virtfs %s", text);
            return false;
        }
    }
    return true;
}
