/* The nodes: making, counting, finding, taking down. */
#include "block/bitmap_priv.h"
#include "block/block_priv.h"

#include "block/job.h"
#include "block/nbd_server.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

static struct block_node
    *all; /* process-wide, as the ids of the command line are; main thread only */

const struct block_driver *const block_drivers[] = {
    &raw_driver, &qcow2_driver,   &vmdk_driver,         &vdi_driver, &vhdx_driver,
    &vpc_driver, &file_driver,    &host_device_driver,  &nbd_driver, &null_driver,
    &fat_driver, &overlay_driver, &copy_on_read_driver, NULL,
};

const struct block_driver *driver_find(const char *name)
{
    for (const struct block_driver *const *d = block_drivers; *d; d++)
        if (!strcmp((*d)->name, name))
            return *d;
    return NULL;
}

const char *const *block_driver_names(void)
{
    static const char *names[G_N_ELEMENTS(block_drivers)];

    for (size_t i = 0; block_drivers[i]; i++)
        names[i] = block_drivers[i]->name;
    return names;
}

struct block_node *block_find(const char *id)
{
    for (struct block_node *b = all; b; b = b->next)
        if (b->id && !strcmp(b->id, id))
            return b;
    for (struct block_node *b = all; b; b = b->next)
        if (!strcmp(b->name, id))
            return b;
    return NULL;
}

struct block_node *block_next(const struct block_node *b)
{
    return b ? b->next : all;
}

struct block_node *block_next_root(const struct block_node *b)
{
    struct block_node *p = block_next(b);

    while (p && p->parents)
        p = p->next;
    return p;
}

static char *make_name(void)
{
    for (unsigned i = 0;; i++) {
        char *name = g_strdup_printf("#block%u", i);
        if (!block_find(name))
            return name;
        g_free(name);
    }
}

struct block_node *node_new(const struct block_driver *drv, const char *path, unsigned flags)
{
    struct block_node *b = g_new0(struct block_node, 1);

    b->drv = drv;
    b->path = g_strdup(path);
    b->flags = flags;
    b->refs = 1;
    mutex_init(&b->lock);
    cond_init(&b->idle);
    return b;
}

void node_link(struct block_node *b)
{
    struct block_node **p = &all;

    if (!b->name)
        b->name = make_name();
    while (*p)
        p = &(*p)->next;
    *p = b;
}

static void unlink_node(struct block_node *b)
{
    struct block_node **p = &all;

    while (*p && *p != b)
        p = &(*p)->next;
    if (*p)
        *p = b->next;
}

struct block_node *node_ref(struct block_node *b)
{
    b->refs++;
    return b;
}

static void drop_child(struct block_node *child)
{
    if (!child)
        return;
    child->parents--;
    node_unref(child);
}

void node_unref(struct block_node *b)
{
    if (!b || --b->refs)
        return;
    unlink_node(b);
    if (b->state && b->drv->close)
        b->drv->close(b);
    bitmaps_free(b);
    throttle_unref(b->throttle);
    drop_child(b->file);
    drop_child(b->backing);
    cond_fini(&b->idle);
    mutex_fini(&b->lock);
    g_free(b->id);
    g_free(b->name);
    g_free(b->path);
    g_free(b->owner);
    g_free(b->backing_path);
    g_free(b->backing_format);
    g_free(b);
}

void node_flush_last(struct block_node *b)
{
    int ret = node_flush(b);

    if (ret && !(b->flags & BLOCK_QUIET))
        log_warn("closing '%s': what was written last may not have reached it: %s", b->path,
                 g_strerror(-ret));
}

void block_close(struct block_node *b)
{
    if (!b)
        return;
    block_cancel_stalled(b);
    block_drain(b);
    node_flush_last(b);
    node_unref(b);
}

/* From the top down: a root that is gone makes its children roots. */
void block_close_all(void)
{
    struct block_node *b;

    job_stop_all();
    nbd_server_stop();
    while ((b = block_next_root(NULL)))
        block_close(b);
    throttle_stop();
    pool_stop();
}

uint64_t block_size(const struct block_node *b)
{
    return b->size;
}

bool block_read_only(const struct block_node *b)
{
    return b->flags & BLOCK_READ_ONLY;
}

const char *block_id(const struct block_node *b)
{
    return b->id ? b->id : b->name;
}

const char *block_drive_name(const struct block_node *b)
{
    return b->id;
}

const char *block_node_name(const struct block_node *b)
{
    return b->name;
}

const char *block_path(const struct block_node *b)
{
    return b->path;
}

const char *block_driver_name(const struct block_node *b)
{
    return b->drv->name;
}

const char *block_owner(const struct block_node *b)
{
    return b->owner;
}

bool block_is_exported(const struct block_node *b)
{
    return b->exports;
}

struct block_node *block_file(const struct block_node *b)
{
    return b->file;
}

struct block_node *block_backing(const struct block_node *b)
{
    return b->backing;
}

unsigned block_get_flags(const struct block_node *b)
{
    return b->flags;
}

static void set_flag(struct block_node *b, unsigned flag, bool on)
{
    for (; b; b = b->file)
        b->flags = on ? b->flags | flag : b->flags & ~flag;
}

void block_set_unsafe(struct block_node *b, bool unsafe)
{
    set_flag(b, BLOCK_NO_FLUSH, unsafe);
}

void block_set_discard(struct block_node *b, bool discard)
{
    set_flag(b, BLOCK_UNMAP, discard);
}

bool block_set_copy_on_read(struct block_node *b, struct error **errp)
{
    if (b->drv == &overlay_driver)
        error_set(errp, "'%s' is open with snapshot=on, whose file is dropped at the end", b->path);
    else if (!b->drv->has_backing || !b->drv->write)
        error_set(errp, "'%s' has format '%s', which is not copied to", b->path, b->drv->name);
    else if (b->flags & BLOCK_READ_ONLY)
        error_set(errp, "'%s' is read-only", b->path);
    else
        b->flags |= BLOCK_COPY_ON_READ;
    return b->flags & BLOCK_COPY_ON_READ;
}

void block_set_detect_zeroes(struct block_node *b, enum block_zeroes how)
{
    b->detect_zeroes = how;
}

const char *block_detect_zeroes_name(const struct block_node *b)
{
    static const char *const names[] = {
        [BLOCK_ZEROES_OFF] = "off", [BLOCK_ZEROES_ON] = "on", [BLOCK_ZEROES_UNMAP] = "unmap"};

    return names[b->detect_zeroes];
}
