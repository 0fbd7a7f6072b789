/*
 * From the region tree to sorted ranges, and their publication.
 *
 * Readers load the view and search it without a lock.  A replaced view stays on a list until no
 * reader can hold it: vCPUs hold one only between safe points, other threads only inside an access,
 * which they count in `readers`.
 */
#include "core/flatview_priv.h"
#include "core/loader.h"
#include "core/memory.h"

#include <glib.h>
#include <string.h>

enum {
    MAX_DEPTH = 32,   /* of nested containers: boards have three or four */
    RETIRED_MANY = 64 /* views kept before we ask for a chance to free them */
};

/* A window of guest addresses, end exclusive. */
struct window {
    gpa base, end;
};

static gpa add_clamped(gpa a, uint64_t b)
{
    return a + b < a ? UINT64_MAX : a + b;
}

static void append(GArray *ranges, gpa base, gpa end, struct mem_region *mr, gpa mr_base)
{
    struct flat_range r = {base, end - base, mr, base - mr_base};

    g_array_append_val(ranges, r);
}

static int by_base(const void *a, const void *b)
{
    const struct flat_range *x = a, *y = b;

    return x->base < y->base ? -1 : x->base > y->base;
}

/* Show mr in those parts of w that nothing of higher priority has taken; ranges is sorted before
 * and after. */
static void show_leaf(GArray *ranges, struct mem_region *mr, gpa mr_base, struct window w)
{
    guint taken = ranges->len;
    gpa at = w.base;

    for (guint i = 0; i < taken && at < w.end; i++) {
        struct flat_range r = g_array_index(ranges, struct flat_range, i);
        if (r.base + r.size <= at)
            continue;
        if (r.base >= w.end)
            break;
        if (r.base > at)
            append(ranges, at, r.base, mr, mr_base);
        at = r.base + r.size;
    }
    if (at < w.end)
        append(ranges, at, w.end, mr, mr_base);
    if (ranges->len != taken)
        g_array_sort(ranges, by_base);
}

static void show(GArray *ranges, struct mem_region *mr, gpa base, struct window w, int depth)
{
    gpa end = add_clamped(base, mr->size);

    w.base = MAX(w.base, base);
    w.end = MIN(w.end, end);
    if (w.base >= w.end)
        return;
    if (mr->kind == MEM_ALIAS && depth < MAX_DEPTH) {
        show(ranges, mr->target, base, w, depth + 1);
        return;
    }
    if (mr->kind != MEM_CONTAINER) {
        show_leaf(ranges, mr, base, w);
        return;
    }
    for (struct mem_region *c = mr->children; c && depth < MAX_DEPTH; c = c->next)
        if (base + c->base >= base) /* a child beyond the end of all addresses does not wrap */
            show(ranges, c, base + c->base, w, depth + 1);
}

struct flat_view *flat_view_render(struct mem_region *root)
{
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(struct flat_range));

    show(ranges, root, 0, (struct window){0, UINT64_MAX}, 0);
    struct flat_view *v = g_malloc0(sizeof(*v) + ranges->len * sizeof(struct flat_range));
    v->n = ranges->len;
    if (v->n)
        memcpy(v->r, ranges->data, v->n * sizeof(struct flat_range));
    return v;
}

bool flat_view_equal(const struct flat_view *a, const struct flat_view *b)
{
    return a->n == b->n && !memcmp(a->r, b->r, a->n * sizeof(struct flat_range));
}

size_t flat_view_index(const struct flat_view *v, gpa addr)
{
    size_t lo = 0, hi = v->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (v->r[mid].base + (v->r[mid].size - 1) < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Take an equal view back from the retired list: a guest that toggles a mapping makes no new ones.
 */
static struct flat_view *revive(struct address_space *as, const struct flat_view *like)
    REQUIRES(as->lock)
{
    for (struct flat_view **p = &as->retired; *p; p = &(*p)->retired_next)
        if (flat_view_equal(*p, like)) {
            struct flat_view *found = *p;
            *p = found->retired_next;
            as->nretired--;
            return found;
        }
    return NULL;
}

/* Returns whether there is a new view; `many` when the retired ones should be freed soon. */
static bool publish(struct address_space *as, bool *many) REQUIRES(as->lock)
{
    struct flat_view *now = flat_view_render(as->root);
    struct flat_view *old = atomic_load_explicit(&as->view, memory_order_relaxed);

    if (old && flat_view_equal(now, old)) {
        g_free(now);
        return false;
    }
    struct flat_view *again = revive(as, now);
    if (again) {
        g_free(now);
        now = again;
    }
    atomic_store_explicit(&as->view, now,
                          memory_order_seq_cst); /* pairs with address_space_find() */
    if (old) {
        old->retired_next = as->retired;
        as->retired = old;
        as->nretired++;
    }
    *many = as->nretired % RETIRED_MANY == RETIRED_MANY - 1;
    return true;
}

void address_space_update(struct address_space *as)
{
    bool many = false;

    mutex_lock(&as->lock);
    bool changed = publish(as, &many);
    struct flat_view *now = atomic_load_explicit(&as->view, memory_order_relaxed);
    for (struct memory_listener *l = as->listeners; l && changed; l = l->next)
        if (l->changed)
            l->changed(l, now);
    for (struct memory_listener *l = as->watchers; l && changed; l = l->next)
        l->changed(l, now);
    mutex_unlock(&as->lock);
    if (many && as->want_reclaim)
        as->want_reclaim(as->want_reclaim_opaque);
}

/*
 * A thread other than a vCPU counts itself in before it loads the view (both sequentially
 * consistent), so with the count at zero after the newer view was published, nobody holds an older
 * one.
 */
void address_space_reclaim(struct address_space *as)
{
    mutex_lock(&as->lock);
    while (as->retired && !atomic_load_explicit(&as->readers, memory_order_seq_cst)) {
        struct flat_view *v = as->retired;
        as->retired = v->retired_next;
        as->nretired--;
        g_free(v);
    }
    mutex_unlock(&as->lock);
}

void address_space_listen(struct address_space *as, struct memory_listener *l)
{
    mutex_lock(&as->lock);
    l->next = as->listeners;
    as->listeners = l;
    if (l->changed)
        l->changed(l, atomic_load_explicit(&as->view, memory_order_relaxed));
    mutex_unlock(&as->lock);
}

void address_space_watch(struct address_space *as, struct memory_listener *l)
{
    mutex_lock(&as->lock);
    l->next = as->watchers;
    as->watchers = l;
    l->changed(l, atomic_load_explicit(&as->view, memory_order_relaxed));
    mutex_unlock(&as->lock);
}

void address_space_unwatch(struct address_space *as, struct memory_listener *l)
{
    mutex_lock(&as->lock);
    struct memory_listener **p = &as->watchers;
    while (*p && *p != l)
        p = &(*p)->next;
    if (*p)
        *p = l->next;
    mutex_unlock(&as->lock);
}

void address_space_init(struct address_space *as, struct mem_region *root)
{
    memset(as, 0, sizeof(*as));
    mutex_init(&as->lock);
    as->root = root;
    root->as = as;
    address_space_update(as);
}

void address_space_fini(struct address_space *as)
{
    atomic_store_explicit(&as->readers, 0, memory_order_seq_cst);
    address_space_reclaim(as);
    as->root->as = NULL;
    g_free(atomic_exchange_explicit(&as->view, NULL, memory_order_acq_rel));
    mutex_fini(&as->lock);
    load_notes_free(as);
}

const struct flat_range *address_space_find(struct address_space *as, gpa addr)
{
    /* Sequentially consistent for the sake of `readers`; pairs with publish(). */
    const struct flat_view *v = atomic_load_explicit(&as->view, memory_order_seq_cst);
    size_t i = flat_view_index(v, addr);

    return i < v->n && v->r[i].base <= addr ? &v->r[i] : NULL;
}
