/* Dirty bitmaps of nodes. */
#include "block/bitmap_priv.h"

#include "block/block_priv.h"
#include "util/bits.h"

#include <inttypes.h>
#include <string.h>

enum { MIN_DEFAULT = 4096 };
static const uint64_t MAX_GRANULARITY = UINT64_C(1) << 31;

struct bitmap_saved {
    struct dirty dirty;
    bool enabled;
};

/* --- finding --- */
struct block_bitmap *bitmap_next(struct block_node *b, struct block_bitmap *m)
{
    return m ? m->next : b->bitmaps;
}

struct block_node *bitmap_node(const struct block_bitmap *m)
{
    return m->node;
}

void bitmap_get_info(struct block_bitmap *m, struct bitmap_info *out)
{
    *out = (struct bitmap_info){
        .name = m->name,
        .granularity = m->dirty.granularity,
        .count = m->inconsistent ? 0 : dirty_bytes(&m->dirty),
        .recording = m->enabled && !m->inconsistent,
        .busy = m->holds,
        .persistent = m->persistent,
        .inconsistent = m->inconsistent,
    };
}

struct block_bitmap *bitmap_find(struct block_node *b, const char *name, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (struct block_bitmap *m = b->bitmaps; m; m = m->next) {
        if (!strcmp(m->name, name))
            return m;
        g_ptr_array_add(names, m->name);
    }
    if (!errp)
        return NULL;
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(name, (const char *const *)names->pdata);
    error_set(errp, "'%s' has no dirty bitmap '%s'", block_id(b), name);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    return NULL;
}

/* --- making --- */
struct block_bitmap *bitmap_new(struct block_node *b, const char *name, uint64_t granularity)
{
    struct block_bitmap *m = g_new0(struct block_bitmap, 1), **p = &b->bitmaps;
    bool ok = dirty_init(&m->dirty, b->size, granularity);

    if (!ok || m->dirty.granularity != granularity) {
        dirty_fini(&m->dirty);
        g_free(m);
        return NULL;
    }
    m->name = g_strdup(name);
    m->node = b;
    node_quiesce(b);
    while (*p)
        p = &(*p)->next;
    *p = m;
    node_resume(b);
    return m;
}

static uint64_t default_granularity(struct block_node *b)
{
    struct block_info info = {0};
    uint64_t g = BITMAP_DEFAULT_GRANULARITY;

    if (block_get_info(b, &info, NULL) && info.cluster_size)
        g = CLAMP(info.cluster_size, MIN_DEFAULT, BITMAP_DEFAULT_GRANULARITY);
    block_info_fini(&info);
    return g;
}

static bool check_new(struct block_node *b, const struct bitmap_options *o, uint64_t granularity,
                      struct error **errp)
{
    if (!*o->name || strlen(o->name) > BITMAP_MAX_NAME)
        error_set(errp, "the name of a dirty bitmap has 1 to %d bytes", BITMAP_MAX_NAME);
    else if (bitmap_find(b, o->name, NULL))
        error_set(errp, "'%s' has a dirty bitmap '%s' already", block_id(b), o->name);
    else if (granularity < BITMAP_MIN_GRANULARITY || granularity > MAX_GRANULARITY ||
             granularity & (granularity - 1))
        error_set(errp, "granularity: wanted a power of two from %d to 2G, found %" PRIu64,
                  BITMAP_MIN_GRANULARITY, granularity);
    else if (o->persistent && (!b->drv->can_keep_bitmaps || !b->drv->can_keep_bitmaps(b)))
        error_set(errp,
                  "'%s' cannot keep a dirty bitmap: wanted a writable qcow2 image of version 3",
                  block_id(b));
    else
        return true;
    return false;
}

struct block_bitmap *bitmap_add(struct block_node *b, const struct bitmap_options *o,
                                struct error **errp)
{
    uint64_t granularity = o->granularity ? o->granularity : default_granularity(b);

    if (!check_new(b, o, granularity, errp))
        return NULL;
    struct block_bitmap *m = bitmap_new(b, o->name, granularity);
    if (!m) {
        error_set(errp, "granularity %" PRIu64 " is too fine for a disk of %" PRIu64 " bytes",
                  granularity, block_size(b));
        return NULL;
    }
    m->persistent = o->persistent;
    m->enabled = !o->disabled;
    return m;
}

static void bitmap_free(struct block_bitmap *m)
{
    dirty_fini(&m->dirty);
    g_free(m->name);
    g_free(m);
}

void bitmaps_free(struct block_node *b)
{
    while (b->bitmaps) {
        struct block_bitmap *m = b->bitmaps;
        b->bitmaps = m->next;
        bitmap_free(m);
    }
}

/* --- changing --- */
static bool check_idle(const struct block_bitmap *m, struct error **errp)
{
    if (m->holds)
        error_set(errp, "dirty bitmap '%s' is in use by a job or an export", m->name);
    return !m->holds;
}

bool bitmap_check_free(const struct block_bitmap *m, struct error **errp)
{
    if (!check_idle(m, errp))
        return false;
    if (m->inconsistent)
        error_set(errp,
                  "dirty bitmap '%s' was not saved when the image was last in use: it can only be "
                  "removed",
                  m->name);
    return !m->inconsistent;
}

bool bitmap_remove(struct block_node *b, struct block_bitmap *m, struct error **errp)
{
    struct block_bitmap **p = &b->bitmaps;

    if (!check_idle(m, errp))
        return false;
    if (m->persistent && block_read_only(b)) {
        error_set(errp, "'%s' is read-only: dirty bitmap '%s' stays in it", block_id(b), m->name);
        return false;
    }
    node_quiesce(b);
    while (*p != m)
        p = &(*p)->next;
    *p = m->next;
    node_resume(b);
    bitmap_free(m);
    return true;
}

bool bitmap_clear(struct block_bitmap *m, struct error **errp)
{
    if (!bitmap_check_free(m, errp))
        return false;
    dirty_clear(&m->dirty);
    return true;
}

bool bitmap_enable(struct block_bitmap *m, bool on, struct error **errp)
{
    if (!bitmap_check_free(m, errp))
        return false;
    if (on && block_read_only(m->node)) {
        error_set(errp, "'%s' is read-only", block_id(m->node));
        return false;
    }
    m->enabled = on;
    return true;
}

bool bitmap_merge(struct block_bitmap *to, struct block_bitmap *from, struct error **errp)
{
    if (!bitmap_check_free(to, errp) || !bitmap_check_free(from, errp))
        return false;
    if (to->dirty.size != from->dirty.size) {
        error_set(errp, "dirty bitmap '%s' is of a disk of another size", from->name);
        return false;
    }
    if (to != from)
        dirty_merge(&to->dirty, &from->dirty);
    return true;
}

struct bitmap_saved *bitmap_save(struct block_bitmap *m)
{
    struct bitmap_saved *s = g_new0(struct bitmap_saved, 1);

    s->enabled = m->enabled;
    if (dirty_init(&s->dirty, m->dirty.size, m->dirty.granularity)) {
        dirty_merge(&s->dirty, &m->dirty);
        return s;
    }
    bitmap_saved_free(s);
    return NULL;
}

void bitmap_restore(struct block_bitmap *m, struct bitmap_saved *take_s)
{
    dirty_clear(&m->dirty);
    dirty_merge(&m->dirty, &take_s->dirty);
    m->enabled = take_s->enabled;
    bitmap_saved_free(take_s);
}

void bitmap_saved_free(struct bitmap_saved *take_s)
{
    if (!take_s)
        return;
    dirty_fini(&take_s->dirty);
    g_free(take_s);
}

void bitmap_add_saved(struct block_bitmap *m, struct bitmap_saved *s)
{
    dirty_merge(&m->dirty, &s->dirty);
}

void bitmap_hold(struct block_bitmap *m)
{
    m->holds++;
}

void bitmap_release(struct block_bitmap *m)
{
    m->holds--;
}

bool bitmap_run(struct block_bitmap *m, uint64_t off, uint64_t max, uint64_t *bytes)
{
    return dirty_run(&m->dirty, off, max, bytes);
}

/* --- what the node tells --- */
void bitmaps_record(struct block_node *b, uint64_t off, uint64_t bytes)
{
    for (struct block_bitmap *m = b->bitmaps; m; m = m->next)
        if (atomic_load_explicit(&m->enabled, memory_order_relaxed))
            dirty_set(&m->dirty, off, bytes);
}

void bitmaps_record_all(struct block_node *b)
{
    bitmaps_record(b, 0, UINT64_MAX);
}

/* What is new counts as written. */
void bitmaps_resize(struct block_node *b)
{
    for (struct block_bitmap *m = b->bitmaps; m; m = m->next) {
        uint64_t old_size = m->dirty.size;
        struct dirty now;
        if (!dirty_init(&now, b->size, m->dirty.granularity) ||
            now.granularity != m->dirty.granularity) {
            dirty_fini(&now);
            m->inconsistent = true;
            continue;
        }
        dirty_merge(&now, &m->dirty);
        if (b->size > old_size && m->enabled)
            dirty_set(&now, old_size, b->size - old_size);
        dirty_fini(&m->dirty);
        m->dirty = now;
    }
}

void bitmaps_moved(struct block_node *b)
{
    for (struct block_bitmap *m = b->bitmaps; m; m = m->next)
        m->node = b;
}
