/* Images as files: what they tell about themselves, snapshots in them, resize, check, create. */
#include "block/bitmap_priv.h"
#include "block/block_priv.h"
#include "core/clock.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>

/* --- facts --- */
static void add_fact(struct block_info *info, struct block_fact fact)
{
    g_array_append_val(info->facts, fact);
}

void info_add_text(struct block_info *info, const char *key, const char *label, char *take_text)
{
    add_fact(info, (struct block_fact){key, label, FACT_TEXT, take_text, 0});
}

void info_add_bool(struct block_info *info, const char *key, const char *label, bool value)
{
    add_fact(info, (struct block_fact){key, label, FACT_BOOL, NULL, value});
}

void info_add_bitmaps(struct block_info *info, const char *key, const char *label)
{
    add_fact(info, (struct block_fact){key, label, FACT_BITMAPS, NULL, 0});
}

void info_add_uint(struct block_info *info, const char *key, const char *label, uint64_t value)
{
    add_fact(info, (struct block_fact){key, label, FACT_UINT, NULL, value});
}

/* What the host keeps for the file below b. */
static bool find_actual_size(const struct block_node *b, uint64_t *size)
{
    struct stat st;

    while (b->file)
        b = b->file;
    if (strcmp(b->drv->name, "file") || stat(b->path, &st) || !S_ISREG(st.st_mode))
        return false;
    *size = (uint64_t)st.st_blocks * 512;
    return true;
}

bool block_get_info(struct block_node *b, struct block_info *info, struct error **errp UNUSED)
{
    *info = (struct block_info){.format = b->drv->name, .virtual_size = b->size};
    info->path = g_strdup(b->path);
    info->facts = g_array_new(FALSE, TRUE, sizeof(struct block_fact));
    info->has_actual_size = find_actual_size(b, &info->actual_size);
    info->backing_path = g_strdup(b->backing_path);
    info->backing_format = g_strdup(b->backing_format);
    if (b->backing_path)
        info->full_backing_path = block_resolve_path(b->path, b->backing_path);
    if (b->drv->info)
        b->drv->info(b, info);
    return true;
}

void block_info_fini(struct block_info *info)
{
    for (guint i = 0; info->facts && i < info->facts->len; i++)
        g_free(g_array_index(info->facts, struct block_fact, i).text);
    if (info->facts)
        g_array_unref(info->facts);
    g_free(info->path);
    g_free(info->backing_path);
    g_free(info->backing_format);
    g_free(info->full_backing_path);
}

/* --- operations that only some formats have --- */
static bool has_op(const struct block_node *b, bool has, const char *what, struct error **errp)
{
    if (!has)
        error_set(errp, "'%s': format '%s' %s", b->path, b->drv->name, what);
    return has;
}

static bool is_writable(const struct block_node *b, struct error **errp)
{
    if (!(b->flags & BLOCK_READ_ONLY))
        return true;
    error_set(errp, "'%s' is open read-only", b->path);
    return false;
}

bool block_resize(struct block_node *b, uint64_t size, const char *prealloc, struct error **errp)
{
    if (!has_op(b, b->drv->resize, "cannot be resized", errp) || !is_writable(b, errp))
        return false;
    node_quiesce(b);
    bool ok = b->drv->resize(b, size, prealloc, errp);
    bitmaps_resize(b);
    node_resume(b);
    return ok;
}

bool block_check(struct block_node *b, unsigned fix, bool quiet, struct block_check *result,
                 struct error **errp)
{
    *result = (struct block_check){0};
    if (!has_op(b, b->drv->check, "has no consistency check", errp) ||
        (fix && !is_writable(b, errp)))
        return false;
    block_drain(b);
    return b->drv->check(b, fix, quiet, result, errp);
}

bool block_set_backing_path(struct block_node *b, const char *path, const char *format,
                            struct error **errp)
{
    if (!has_op(b, b->drv->set_backing, "has no backing files", errp) || !is_writable(b, errp))
        return false;
    block_drain(b);
    return b->drv->set_backing(b, path, format, errp);
}

struct block_snapshot block_snapshot_now(const char *name)
{
    int64_t us = g_get_real_time();
    struct block_snapshot s = {.date_sec = us / 1000000,
                               .date_nsec = (uint32_t)(us % 1000000 * 1000),
                               .vm_clock_ns = (uint64_t)clock_now(),
                               .icount = UINT64_MAX};

    g_strlcpy(s.name, name, sizeof(s.name));
    return s;
}

bool block_can_snapshot(const struct block_node *b)
{
    return b->drv->snapshot_create && !(b->flags & BLOCK_READ_ONLY);
}

static bool snapshot_ready(struct block_node *b, struct error **errp)
{
    if (!has_op(b, b->drv->snapshot_create, "has no snapshots inside the image; qcow2 has", errp) ||
        !is_writable(b, errp) || !node_check_idle(b, errp))
        return false;
    block_drain(b);
    return true;
}

bool block_snapshot_create(struct block_node *b, const struct block_snapshot *s,
                           struct error **errp)
{
    return snapshot_ready(b, errp) && b->drv->snapshot_create(b, s, errp);
}

bool block_snapshot_goto(struct block_node *b, const char *id_or_name, struct error **errp)
{
    if (!snapshot_ready(b, errp) || !b->drv->snapshot_goto(b, id_or_name, errp))
        return false;
    bitmaps_record_all(b); /* anything may be different now */
    return true;
}

bool block_snapshot_delete(struct block_node *b, const char *id_or_name, struct error **errp)
{
    return snapshot_ready(b, errp) && b->drv->snapshot_delete(b, id_or_name, errp);
}

bool block_snapshot_load(struct block_node *b, const char *id_or_name, struct error **errp)
{
    return has_op(b, b->drv->snapshot_load, "has no snapshots inside the image; qcow2 has", errp) &&
           b->drv->snapshot_load(b, id_or_name, errp);
}

bool block_make_empty(struct block_node *b, struct error **errp)
{
    if (!has_op(b, b->drv->make_empty, "has no backing files", errp) || !is_writable(b, errp))
        return false;
    block_drain(b);
    return b->drv->make_empty(b, errp);
}

GArray *block_snapshot_list(struct block_node *b)
{
    return b->drv->snapshot_list ? b->drv->snapshot_list(b) : NULL;
}

int block_vmstate_begin(struct block_node *b)
{
    if (b->flags & BLOCK_READ_ONLY)
        return -EROFS;
    return b->drv->vmstate_begin ? b->drv->vmstate_begin(b) : -ENOTSUP;
}

int block_vmstate_write(struct block_node *b, const void *buf, size_t n, uint64_t pos)
{
    if (b->flags & BLOCK_READ_ONLY)
        return -EROFS;
    return b->drv->vmstate_write ? b->drv->vmstate_write(b, buf, n, pos) : -ENOTSUP;
}

int block_vmstate_read(struct block_node *b, void *buf, size_t n, uint64_t pos)
{
    return b->drv->vmstate_read ? b->drv->vmstate_read(b, buf, n, pos) : -ENOTSUP;
}

int block_vmstate_map(struct block_node *b, struct block_mapping *m, void *at, uint64_t n,
                      uint64_t pos)
{
    m->pos = pos;
    m->drv = b->drv;
    return b->drv->vmstate_map ? b->drv->vmstate_map(b, m, at, n) : -ENOTSUP;
}

void block_vmstate_unmap(struct block_mapping *m)
{
    if (m->state)
        m->drv->vmstate_unmap(m);
    m->state = NULL;
    g_clear_pointer(&m->ranges, g_array_unref);
    g_clear_pointer(&m->pieces, g_array_unref);
}

/* --- create --- */
static const struct block_driver *creator(const char *format, struct error **errp)
{
    const struct block_driver *drv = driver_find(format);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (drv && drv->create)
        return drv;
    for (const struct block_driver *const *d = block_drivers; *d; d++)
        if ((*d)->create)
            g_ptr_array_add(names, (gpointer)(uintptr_t)(*d)->name);
    g_ptr_array_add(names, NULL);
    g_autofree char *list = g_strjoinv(", ", (char **)names->pdata);
    const char *near = nearest_name(format, (const char *const *)names->pdata);
    error_set(errp, "images of format '%s' cannot be made, only %s", format, list);
    if (near && !drv)
        error_append(errp, "; did you mean '%s'?", near);
    return NULL;
}

const struct block_create_opt *block_create_opts(const char *format)
{
    const struct block_driver *drv = driver_find(format);

    return drv ? drv->create_opts : NULL;
}

static bool check_create_opts(const struct block_driver *drv, const struct opts *o,
                              struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (const struct block_create_opt *c = drv->create_opts; c->name; c++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)c->name);
    g_ptr_array_add(names, NULL);
    for (size_t i = 0; i < o->n; i++) {
        bool known = false;
        for (guint k = 0; k + 1 < names->len; k++)
            known |= opts_key_equal(g_ptr_array_index(names, k), o->pair[i].key);
        if (known)
            continue;
        const char *near = nearest_name(o->pair[i].key, (const char *const *)names->pdata);
        error_set(errp, "format '%s' has no option '%s'", drv->name, o->pair[i].key);
        if (near)
            error_append(errp, ", did you mean '%s'?", near);
        return false;
    }
    return true;
}

bool block_create(const char *format, const char *path, struct opts *o, struct error **errp)
{
    const struct block_driver *drv = creator(format, errp);

    return drv && check_create_opts(drv, o, errp) && drv->create(path, o, errp);
}

static bool check_formattable(const struct block_node *f, struct error **errp)
{
    if (!node_check_idle(f, errp))
        return false;
    if (f->owner || f->parents || f->exports)
        error_set(errp, "node '%s' is in use by %s: an image cannot be made in it", block_id(f),
                  f->owner     ? f->owner
                  : f->parents ? "another node"
                               : "an export");
    else if (block_read_only(f))
        error_set(errp, "node '%s' is read-only: an image cannot be made in it", block_id(f));
    else
        return true;
    return false;
}

bool block_format(const char *format, struct block_node *file, struct opts *o, struct error **errp)
{
    const struct block_driver *drv = creator(format, errp);

    return drv && check_formattable(file, errp) && check_create_opts(drv, o, errp) &&
           drv->format(file, o, errp);
}
