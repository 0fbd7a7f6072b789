/* Disk images: -drive and its short forms, -blockdev, -snapshot. */
#include "block/block.h"
#include "system/setup.h"

#include <string.h>

enum drive_if { DRIVE_NONE, DRIVE_VIRTIO, DRIVE_PFLASH };

struct drive {
    char *id, *path, *format, *serial;
    enum drive_if iface;
    int index; /* -1: the next free one */
    bool read_only, snapshot;
};

/* Everything a -drive may say; those that change only how the host does it are checked and have no
 * further effect. */
static const char *const drive_keys[] = {"file",         "if",
                                         "format",       "id",
                                         "index",        "unit",
                                         "bus",          "media",
                                         "cache",        "aio",
                                         "discard",      "detect-zeroes",
                                         "readonly",     "read-only",
                                         "snapshot",     "copy-on-read",
                                         "werror",       "rerror",
                                         "serial",       "driver",
                                         "file.driver",  "file.filename",
                                         "file.locking", NULL};

void drive_free(void *drive)
{
    struct drive *d = drive;

    g_free(d->id);
    g_free(d->path);
    g_free(d->format);
    g_free(d->serial);
    g_free(d);
}

/* The value of key must be one of choices (or absent); the index, 0 when absent, or -1 with *errp.
 */
static int choice(struct opts *o, const char *key, const char *const *choices, struct error **errp)
{
    const char *value = opts_get(o, key, choices[0]);

    for (int i = 0; choices[i]; i++)
        if (!strcmp(choices[i], value))
            return i;
    const char *near = nearest_name(value, choices);
    g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)choices);
    error_set(errp, "%s=%s: wanted one of %s", key, value, all);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return -1;
}

/* Host-side tuning: values are checked, so that a slip is not silent.  The guest is always told of
 * a write cache and flushes it, and a flush always reaches the medium, so every cache mode is at
 * least as safe as its name says. */
static bool check_tuning(struct opts *o, struct error **errp)
{
    static const char *const cache[] = {"writeback",    "none",       "unsafe",
                                        "writethrough", "directsync", NULL};
    static const char *const aio[] = {"threads", "native", "io_uring", NULL};
    static const char *const discard[] = {"ignore", "off", "unmap", "on", NULL};
    static const char *const zeroes[] = {"off", "on", "unmap", NULL};
    static const char *const on_error[] = {"report", "ignore", "enospc", "stop", "auto", NULL};
    static const char *const driver[] = {"file", "host_device", NULL};
    bool copy_on_read, locking;

    return choice(o, "cache", cache, errp) >= 0 && choice(o, "aio", aio, errp) >= 0 &&
           choice(o, "discard", discard, errp) >= 0 &&
           choice(o, "detect-zeroes", zeroes, errp) >= 0 &&
           choice(o, "werror", on_error, errp) >= 0 && choice(o, "rerror", on_error, errp) >= 0 &&
           choice(o, "file.driver", driver, errp) >= 0 &&
           opts_get_bool(o, "copy-on-read", false, &copy_on_read, errp) &&
           (!strcmp(opts_get(o, "file.locking", "auto"), "auto") ||
            opts_get_bool(o, "file.locking", true, &locking, errp));
}

static bool parse_if(struct setup *s, struct opts *o, struct drive *d, struct error **errp)
{
    static const char *const names[] = {"none", "virtio", "pflash", NULL};
    static const char *const others[] = {"ide", "scsi", "sd", "mtd", "floppy", "xen", NULL};
    const char *def = s->cls->default_block_if ? s->cls->default_block_if : "none";
    const char *name = opts_get(o, "if", def);

    for (int i = 0; names[i]; i++)
        if (!strcmp(name, names[i])) {
            d->iface = (enum drive_if)i;
            return true;
        }
    if (g_strv_contains(others, name)) {
        error_set(errp, "if=%s: machine '%s' has no such controller; use if=%s", name, s->cls->name,
                  def);
        return false;
    }
    const char *near = nearest_name(name, names);
    error_set(errp, "if=%s: no such interface; did you mean '%s'?", name, near ? near : def);
    return false;
}

static bool parse_place(struct opts *o, struct drive *d, struct error **errp)
{
    static const char *const media[] = {"disk", "cdrom", NULL};
    uint64_t index, bus;
    int kind = choice(o, "media", media, errp);
    const char *key = opts_get(o, "index", NULL) ? "index" : "unit";

    if (kind < 0 || !opts_get_uint(o, "bus", 0, 0, &bus, errp) ||
        !opts_get_uint(o, key, 255, 255, &index, errp))
        return false;
    d->index = opts_get(o, key, NULL) ? (int)index : -1;
    d->read_only = kind == 1;
    return true;
}

static bool parse_image(struct setup *s, struct opts *o, struct drive *d, struct error **errp)
{
    const char *ro = opts_get(o, "readonly", NULL) ? "readonly" : "read-only";

    d->path = g_strdup(opts_get(o, "file", opts_get(o, "file.filename", NULL)));
    d->format = g_strdup(opts_get(o, "format", opts_get(o, "driver", NULL)));
    d->serial = g_strdup(opts_get(o, "serial", NULL));
    d->id = g_strdup(opts_get(o, "id", NULL));
    return opts_get_bool(o, ro, d->read_only, &d->read_only, errp) &&
           opts_get_bool(o, "snapshot", s->cli->snapshot, &d->snapshot, errp);
}

static bool parse_drive(struct setup *s, struct opts *o, struct drive *d, struct error **errp)
{
    if (!parse_if(s, o, d, errp) || !parse_place(o, d, errp) || !parse_image(s, o, d, errp) ||
        !check_tuning(o, errp) || !opts_check_used(o, drive_keys, errp))
        return false;
    if (!d->path || !*d->path)
        error_set(errp, "wanted file=FILE");
    return d->path && *d->path;
}

static struct drive *drive_at(const struct setup *s, enum drive_if iface, int index)
{
    for (guint i = 0; i < s->drives->len; i++) {
        struct drive *d = g_ptr_array_index(s->drives, i);
        if (d->iface == iface && d->index == index)
            return d;
    }
    return NULL;
}

/* Settle the index, and the name that follows from it. */
static bool place_drive(struct setup *s, struct drive *d, struct error **errp)
{
    static const char *const stems[] = {"none", "virtio", "pflash"};

    if (d->index < 0)
        for (d->index = 0; drive_at(s, d->iface, d->index);)
            d->index++;
    else if (d->iface != DRIVE_NONE && drive_at(s, d->iface, d->index)) {
        error_set(errp, "index=%d is taken by another drive", d->index);
        return false;
    }
    if (!d->id)
        d->id = g_strdup_printf("%s%d", stems[d->iface], d->index);
    return true;
}

static bool add_drive(struct setup *s, const char *text, struct error **errp)
{
    struct drive *d = g_new0(struct drive, 1);
    struct opts *o = opts_parse(text, NULL);
    bool ok = parse_drive(s, o, d, errp) && place_drive(s, d, errp) &&
              block_open(d->id, d->path, d->format, d->read_only, d->snapshot, errp);

    opts_free(o);
    if (ok) {
        g_ptr_array_add(s->drives, d);
        return true;
    }
    drive_free(d);
    error_prefix(errp, "-drive %s", text);
    return false;
}

/* One -blockdev.  A protocol node (driver=file) is opened when a format node or a device needs it:
 * as raw. */
struct node {
    char *name, *path, *file; /* file: the node below, by name */
    const char *format;
    bool read_only, used;
};

static void node_free(void *node)
{
    struct node *n = node;

    g_free(n->name);
    g_free(n->path);
    g_free(n->file);
    g_free(n);
}

/* Keys that tune the host side only. */
static void accept_node_tuning(struct opts *o)
{
    static const char *const keys[] = {
        "cache.direct", "cache.no-flush",    "discard",        "detect-zeroes",
        "aio",          "locking",           "auto-read-only", "file.aio",
        "file.locking", "file.cache.direct", "file.discard",   NULL};

    for (size_t i = 0; keys[i]; i++)
        opts_get(o, keys[i], NULL);
}

static bool parse_node(struct opts *o, struct node *n, struct error **errp)
{
    static const char *const drivers[] = {"", "raw", "file", "host_device", NULL};
    static const char *const protocols[] = {"file", "host_device", NULL};
    static const char *const keys[] = {
        "driver",        "node-name", "filename",     "file",    "file.driver",
        "file.filename", "read-only", "cache.direct", "discard", NULL};
    int driver = choice(o, "driver", drivers, errp);

    if (driver < 0 || choice(o, "file.driver", protocols, errp) < 0)
        return false;
    n->format = driver == 1 ? "raw" : NULL;
    n->name = g_strdup(opts_get(o, "node-name", NULL));
    n->file = driver == 1 ? g_strdup(opts_get(o, "file", NULL)) : NULL;
    n->path = g_strdup(opts_get(o, driver == 1 ? "file.filename" : "filename", NULL));
    accept_node_tuning(o);
    if (!driver || !n->name || (!n->path && !n->file)) {
        error_set(
            errp,
            "wanted driver=file,node-name=ID,filename=FILE or driver=raw,node-name=ID,file=NODE");
        return false;
    }
    return opts_get_bool(o, "read-only", false, &n->read_only, errp) &&
           opts_check_used(o, keys, errp);
}

static struct node *find_node(GPtrArray *nodes, const char *name)
{
    for (guint i = 0; i < nodes->len; i++) {
        struct node *n = g_ptr_array_index(nodes, i);
        if (!strcmp(n->name, name))
            return n;
    }
    return NULL;
}

static bool add_node(GPtrArray *nodes, const char *text, struct error **errp)
{
    struct node *n = g_new0(struct node, 1), *below;
    struct opts *o = opts_parse(text, NULL);
    bool ok = *text != '{';

    if (!ok)
        error_set(errp, "JSON is not supported yet: write key=value");
    ok = ok && parse_node(o, n, errp);
    if (ok && n->file) {
        below = find_node(nodes, n->file);
        ok = below != NULL;
        if (ok) {
            below->used = true;
            n->path = g_strdup(below->path);
            n->read_only |= below->read_only;
        } else {
            error_set(errp, "file=%s: no -blockdev before it has that node-name", n->file);
        }
    }
    opts_free(o);
    if (ok) {
        g_ptr_array_add(nodes, n);
        return true;
    }
    node_free(n);
    error_prefix(errp, "-blockdev %s", text);
    return false;
}

static bool open_nodes(struct setup *s, struct error **errp)
{
    g_autoptr(GPtrArray) nodes = g_ptr_array_new_with_free_func(node_free);

    for (guint i = 0; i < s->cli->blockdev->len; i++)
        if (!add_node(nodes, g_ptr_array_index(s->cli->blockdev, i), errp))
            return false;
    for (guint i = 0; i < nodes->len; i++) {
        struct node *n = g_ptr_array_index(nodes, i);
        if (!n->used &&
            !block_open(n->name, n->path, "raw", n->read_only, s->cli->snapshot, errp)) {
            error_prefix(errp, "-blockdev node '%s'", n->name);
            return false;
        }
    }
    return true;
}

bool setup_drives(struct setup *s, struct error **errp)
{
    if (!open_nodes(s, errp))
        return false;
    for (guint i = 0; i < s->cli->drive->len; i++)
        if (!add_drive(s, g_ptr_array_index(s->cli->drive, i), errp))
            return false;
    return true;
}

/* if=pflash,unit=N is the board's property pflashN. */
bool setup_flash(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->drives->len; i++) {
        const struct drive *d = g_ptr_array_index(s->drives, i);
        g_autofree char *prop = g_strdup_printf("pflash%d", d->index);
        if (d->iface != DRIVE_PFLASH)
            continue;
        if (!props_find(s->cls->props, prop)) {
            error_set(errp, "-drive %s: machine '%s' has no flash bank %d", d->path, s->cls->name,
                      d->index);
            return false;
        }
        if (!props_set(s->cls->props, s->machine, prop, d->id, errp))
            return false;
    }
    return true;
}

bool setup_drive_devices(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->drives->len; i++) {
        const struct drive *d = g_ptr_array_index(s->drives, i);
        if (d->iface != DRIVE_VIRTIO)
            continue;
        g_autofree char *text = g_strdup_printf("drive=%s%s%s", d->id, d->serial ? ",serial=" : "",
                                                d->serial ? d->serial : "");
        struct opts *o = opts_parse(text, NULL);
        bool ok = device_create(s, "virtio-blk", o, errp);
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "-drive file=%s", d->path);
            return false;
        }
    }
    return true;
}
