/* Disk images: -drive and its short forms, -blockdev, -snapshot. */
#include "block/block.h"
#include "system/setup.h"
#include "util/log.h"

#include <string.h>

enum drive_if { DRIVE_NONE, DRIVE_VIRTIO, DRIVE_PFLASH, DRIVE_IDE, DRIVE_FLOPPY };

struct drive {
    char *id, *path, *format, *serial;
    enum drive_if iface;
    int index; /* -1: the next free one */
    int bus;   /* of IDE, which index is a unit of; -1: index counts through all of them */
    unsigned flags;
    enum block_on_error on_read_error, on_write_error;
    struct block_limits limits;
    char *group;
    bool is_cdrom, is_empty, copy_on_read;
};

/* Everything a -drive may say beside the options of block nodes. */
static const char *const drive_keys[] = {"file",
                                         "if",
                                         "format",
                                         "id",
                                         "index",
                                         "unit",
                                         "bus",
                                         "media",
                                         "cache",
                                         "aio",
                                         "readonly",
                                         "snapshot",
                                         "werror",
                                         "rerror",
                                         "serial",
                                         "group",
                                         "iops-size",
                                         "throttling.group",
                                         "throttling.iops-size",
                                         "copy-on-read",
                                         "cache.writeback",
                                         NULL};

void drive_free(void *drive)
{
    struct drive *d = drive;

    g_free(d->id);
    g_free(d->path);
    g_free(d->format);
    g_free(d->serial);
    g_free(d->group);
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

/* cache=MODE, then cache.direct= and its neighbours for what they name. */
static bool parse_cache(struct opts *o, struct drive *d, struct error **errp)
{
    static const char *const modes[] = {"writeback",    "none",       "off", "unsafe",
                                        "writethrough", "directsync", NULL};
    int mode = choice(o, "cache", modes, errp);
    bool writeback;

    if (mode < 0)
        return false;
    block_cache_flags(modes[mode], &d->flags);
    if (!opts_get_bool(o, "cache.writeback", !(d->flags & BLOCK_WRITETHROUGH), &writeback, errp))
        return false;
    d->flags = writeback ? d->flags & ~(unsigned)BLOCK_WRITETHROUGH : d->flags | BLOCK_WRITETHROUGH;
    return true;
}

static bool parse_on_error(struct opts *o, const char *key, enum block_on_error *how,
                           struct error **errp)
{
    int i = choice(o, key, block_on_error_names, errp);

    *how = i < 0 ? BLOCK_ON_ERROR_AUTO : (enum block_on_error)i;
    return i >= 0;
}

/* The value of one limit under its three names: throttling.bps-total, bps-total and the old bps. */
static bool parse_limit(struct opts *o, const char *name, const char *old, const char *suffix,
                        uint64_t *out, struct error **errp)
{
    g_autofree char *full = g_strconcat("throttling.", name, suffix, NULL),
                    *plain = g_strconcat(name, suffix, NULL),
                    *brief = g_strconcat(old, suffix, NULL);
    const char *key = opts_get(o, full, NULL) ? full : opts_get(o, plain, NULL) ? plain : brief;

    return opts_get_size(o, key, 0, out, errp);
}

static bool parse_limits(struct opts *o, struct drive *d, struct error **errp)
{
    static const char *const old[BLOCK_LIMITS] = {"bps",  "bps-rd",  "bps-wr",
                                                  "iops", "iops-rd", "iops-wr"};
    struct block_limits *l = &d->limits;

    d->group = g_strdup(opts_get(o, "throttling.group", opts_get(o, "group", NULL)));
    for (int i = 0; i < BLOCK_LIMITS; i++)
        if (!parse_limit(o, block_limit_names[i], old[i], "", &l->avg[i], errp) ||
            !parse_limit(o, block_limit_names[i], old[i], "-max", &l->max[i], errp) ||
            !parse_limit(o, block_limit_names[i], old[i], "-max-length", &l->length[i], errp))
            return false;
    return parse_limit(o, "iops-size", "iops-size", "", &l->iops_size, errp);
}

/* How the host does it. */
static bool parse_tuning(struct opts *o, struct drive *d, struct error **errp)
{
    static const char *const aio[] = {"threads", "native", "io_uring", NULL};

    if (!parse_cache(o, d, errp) || choice(o, "aio", aio, errp) < 0 ||
        !parse_on_error(o, "rerror", &d->on_read_error, errp) ||
        !parse_on_error(o, "werror", &d->on_write_error, errp) || !parse_limits(o, d, errp) ||
        !opts_get_bool(o, "copy-on-read", false, &d->copy_on_read, errp))
        return false;
    if (opts_get(o, "aio", NULL) && !opts_get(o, "file.aio", NULL))
        opts_set(o, "file.aio", opts_get(o, "aio", NULL));
    opts_get(o, "file.aio", NULL); /* other protocols have no use for it */
    return true;
}

static bool parse_if(struct setup *s, struct opts *o, struct drive *d, struct error **errp)
{
    static const char *const names[] = {"none", "virtio", "pflash", "ide", "floppy", NULL};
    static const char *const others[] = {"ide", "scsi", "sd", "mtd", "floppy", "xen", NULL};
    const char *def = s->cls->default_block_if ? s->cls->default_block_if : "none";
    const char *name = opts_get(o, "if", def);
    bool is_pc = !strcmp(def, "ide"); /* these have floppies, too */

    for (int i = 0; names[i]; i++)
        if (!strcmp(name, names[i]) && (i < DRIVE_IDE || is_pc)) {
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

    if (kind < 0 || !opts_get_uint(o, "bus", d->iface == DRIVE_IDE ? 5 : 0, 0, &bus, errp) ||
        !opts_get_uint(o, key, 255, 255, &index, errp))
        return false;
    d->index = opts_get(o, key, NULL) ? (int)index : -1;
    d->bus =
        d->iface == DRIVE_IDE && opts_get(o, "bus", NULL) && !strcmp(key, "unit") ? (int)bus : -1;
    d->is_cdrom = kind == 1;
    d->flags |= kind == 1 ? BLOCK_READ_ONLY : 0;
    return true;
}

static bool parse_image(struct setup *s, struct opts *o, struct drive *d, struct error **errp)
{
    const char *ro = opts_get(o, "readonly", NULL) ? "readonly" : "read-only";
    bool read_only, snapshot;

    d->path = g_strdup(opts_get(o, "file", NULL));
    d->format = g_strdup(opts_get(o, "format", opts_get(o, "driver", NULL)));
    d->serial = g_strdup(opts_get(o, "serial", NULL));
    d->id = g_strdup(opts_get(o, "id", NULL));
    if (!opts_get_bool(o, ro, d->flags & BLOCK_READ_ONLY, &read_only, errp) ||
        !opts_get_bool(o, "snapshot", s->cli->snapshot, &snapshot, errp))
        return false;
    d->flags = read_only ? d->flags | BLOCK_READ_ONLY : d->flags & ~(unsigned)BLOCK_READ_ONLY;
    d->flags |= snapshot ? BLOCK_SNAPSHOT : 0;
    return true;
}

static bool has_file(const struct opts *o)
{
    for (size_t i = 0; i < o->n; i++)
        if (g_str_has_prefix(o->pair[i].key, "file.") && strcmp(o->pair[i].key, "file.locking") &&
            strcmp(o->pair[i].key, "file.aio"))
            return true;
    return false;
}

static bool parse_drive(struct setup *s, struct opts *o, struct drive *d, struct error **errp)
{
    if (!parse_if(s, o, d, errp) || !parse_place(o, d, errp) || !parse_image(s, o, d, errp) ||
        !parse_tuning(o, d, errp))
        return false;
    if ((d->path && *d->path) || has_file(o))
        return true;
    if (!opts_check_used(o, drive_keys,
                         errp)) /* rather than "wanted file=" when that was misspelt */
        return false;
    d->is_empty = (d->is_cdrom && (d->iface == DRIVE_NONE || d->iface == DRIVE_IDE)) ||
                  d->iface == DRIVE_FLOPPY;
    if (!d->is_empty)
        error_set(errp, "wanted file=FILE");
    return d->is_empty;
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

/* Users count the drives of all IDE buses in a row. */
static int ide_units(const struct setup *s)
{
    return s->cls->ide_units ? (int)s->cls->ide_units : 2;
}

/* Settle the index, and the name that follows from it. */
static bool place_drive(struct setup *s, struct drive *d, struct error **errp)
{
    static const char *const stems[] = {"none", "virtio", "pflash", "ide", "floppy"};

    if (d->bus >= 0)
        d->index = d->bus * ide_units(s) + MAX(d->index, 0);
    if (d->index < 0)
        for (d->index = 0; drive_at(s, d->iface, d->index);)
            d->index++;
    else if (d->iface != DRIVE_NONE && drive_at(s, d->iface, d->index)) {
        error_set(errp, "index=%d is taken by another drive", d->index);
        return false;
    }
    if (!d->id && d->iface == DRIVE_IDE)
        d->id = g_strdup_printf("ide%d-%s%d", d->index / ide_units(s), d->is_cdrom ? "cd" : "hd",
                                d->index % ide_units(s));
    if (!d->id)
        d->id = g_strdup_printf("%s%d", stems[d->iface], d->index);
    return true;
}

/* A disk without anything to copy from or to does as well without. */
static void set_copy_on_read(struct block_node *b)
{
    struct error *err = NULL;

    if (!block_set_copy_on_read(b, &err))
        log_warn("copy-on-read=on has no effect: %s", error_text(err));
    error_free(err);
}

static bool open_drive(struct drive *d, struct opts *o, struct error **errp)
{
    if (d->is_empty)
        return block_open_empty(d->id, errp);
    struct block_node *b = block_open_drive(d->id, d->path, d->format, o, d->flags, errp);

    if (!b || !block_check_options(o, drive_keys, errp) ||
        !block_set_limits(b, &d->limits, d->group, errp))
        return false;
    block_set_on_error(b, d->on_read_error, d->on_write_error);
    if (d->copy_on_read)
        set_copy_on_read(b);
    return true;
}

static bool add_drive(struct setup *s, const char *text, struct error **errp)
{
    struct drive *d = g_new0(struct drive, 1);
    struct opts *o = opts_parse(text, NULL);
    bool ok = parse_drive(s, o, d, errp) && place_drive(s, d, errp) && open_drive(d, o, errp);

    opts_free(o);
    if (ok) {
        g_ptr_array_add(s->drives, d);
        return true;
    }
    drive_free(d);
    error_prefix(errp, "-drive %s", text);
    return false;
}

bool setup_hot_drive(struct setup *s, const char *text, struct error **errp)
{
    struct opts *o = opts_parse(text, NULL);
    const char *iface = opts_get(o, "if", NULL);
    g_autofree char *whole = iface ? g_strdup(text) : g_strconcat(text, ",if=none", NULL);
    bool is_none = !iface || !strcmp(iface, "none");

    if (!is_none)
        error_set(errp, "if=%s: a running machine takes drives with if=none only, for device_add",
                  iface);
    opts_free(o);
    return is_none && add_drive(s, whole, errp);
}

static bool add_node(const char *text, struct error **errp)
{
    struct opts *o = opts_parse_any(text, "driver", errp);
    bool ok = o && block_open_node(o, errp);

    opts_free(o);
    if (!ok)
        error_prefix(errp, "-blockdev %s", text);
    return ok;
}

static bool open_nodes(struct setup *s, struct error **errp)
{
    const GPtrArray *nodes = s->cli->blockdev;

    if (nodes->len && s->cli->snapshot)
        log_warn("-snapshot covers -drive only: what -blockdev opens is written to");
    for (guint i = 0; i < nodes->len; i++)
        if (!add_node(g_ptr_array_index(nodes, i), errp))
            return false;
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
            error_set(errp, "-drive %s: machine '%s' has no flash bank %d",
                      d->path ? d->path : d->id, s->cls->name, d->index);
            return false;
        }
        if (!props_set(s->cls->props, s->machine, prop, d->id, errp))
            return false;
    }
    return true;
}

/* The device that has a drive, and where it is; NULL: none is made. */
static const char *device_of(const struct setup *s, const struct drive *d, char **place)
{
    int units = ide_units(s);

    *place = g_strdup("");
    switch (d->iface) {
    case DRIVE_VIRTIO: return "virtio-blk";
    case DRIVE_IDE:
        g_free(*place);
        *place = g_strdup_printf(",bus=ide.%d,unit=%d", d->index / units, d->index % units);
        return d->is_cdrom ? "ide-cd" : "ide-hd";
    case DRIVE_FLOPPY:
        g_free(*place);
        *place = g_strdup_printf(",unit=%d", d->index);
        return "floppy";
    case DRIVE_NONE:
    case DRIVE_PFLASH: return NULL;
    }
    unreachable();
}

bool setup_drive_devices(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->drives->len; i++) {
        const struct drive *d = g_ptr_array_index(s->drives, i);
        g_autofree char *place = NULL;
        const char *type = device_of(s, d, &place);
        if (type == NULL)
            continue;
        g_autofree char *text =
            g_strdup_printf("drive=%s%s%s%s", d->id, place, d->serial ? ",serial=" : "",
                            d->serial ? d->serial : "");
        struct opts *o = opts_parse(text, NULL);
        bool ok = device_create(s, type, o, errp);
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "-drive file=%s", d->path ? d->path : d->id);
            return false;
        }
    }
    return true;
}
