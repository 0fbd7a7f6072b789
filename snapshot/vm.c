/* Snapshots of the whole machine inside its disk images. */
#include "snapshot/vm.h"

#include "core/clock.h"
#include "snapshot/load.h"
#include "snapshot/vm_place.h"
#include "util/log.h"

#include <string.h>

/* Made before going back to a snapshot, in case that its state cannot be used. */
static const char BACKUP[] = "before-loadvm";

/* ---- disks ---- */

static bool is_disk(const struct block_node *b)
{
    return !block_read_only(b) && (block_owner(b) || strcmp(block_id(b), block_node_name(b)) != 0);
}

static bool cannot(const struct block_node *b, struct error **errp)
{
    error_set(errp,
              "drive '%s' (%s) is writable but cannot hold snapshots: use a qcow2 image, or "
              "readonly=on",
              block_id(b), block_driver_name(b));
    return false;
}

static bool add_named(GPtrArray *out, const char *name, struct error **errp)
{
    struct block_node *b = block_find(name);

    if (b == NULL)
        error_set(errp, "there is no drive '%s'", name);
    else if (block_can_snapshot(b)) {
        g_ptr_array_add(out, b);
        return true;
    } else
        cannot(b, errp);
    return false;
}

static bool add_all(GPtrArray *out, struct error **errp)
{
    for (struct block_node *b = NULL; (b = block_next_root(b));) {
        if (!is_disk(b))
            continue;
        if (!block_can_snapshot(b))
            return cannot(b, errp);
        g_ptr_array_add(out, b);
    }
    if (out->len)
        return true;
    error_set(errp, "no drive can hold snapshots: the machine needs a writable qcow2 image");
    return false;
}

/* The disks concerned; the one that holds the state comes first. */
static GPtrArray *find_disks(const struct vm_snapshot_disks *d, struct error **errp)
{
    GPtrArray *out = g_ptr_array_new();
    bool ok = true;

    if (d->vmstate)
        ok = add_named(out, d->vmstate, errp);
    for (const char *const *name = d->disks; ok && name && *name; name++)
        if (!out->len || block_find(*name) != g_ptr_array_index(out, 0))
            ok = add_named(out, *name, errp);
    if (ok && !d->disks && !d->vmstate)
        ok = add_all(out, errp);
    if (ok)
        return out;
    g_ptr_array_unref(out);
    return NULL;
}

/* By id or name, as users give it; false when there is none. */
static bool find_snapshot(struct block_node *b, const char *which, struct block_snapshot *out)
{
    GArray *list = block_snapshot_list(b);
    bool found = false;

    for (int by_name = 1; list && !found && by_name >= 0; by_name--)
        for (guint i = 0; !found && i < list->len; i++) {
            const struct block_snapshot *s = &g_array_index(list, struct block_snapshot, i);
            found = !strcmp(by_name ? s->name : s->id, which);
            if (found)
                *out = *s;
        }
    if (list)
        g_array_unref(list);
    return found;
}

/* ---- a stream of earlier days ---- */

enum { VM_BUFFER = 1 << 20 };

/* Small transfers are gathered: each would be one of a cluster. */
struct vm_io {
    struct snap_io io;
    struct block_node *b;
    uint64_t pos, size; /* of the buffer's end; bytes there are */
    size_t fill, at;
    uint8_t *buf;
};

static bool vm_refill(struct vm_io *v, struct error **errp)
{
    size_t n = MIN(v->size - v->pos, VM_BUFFER);
    int ret = n ? block_vmstate_read(v->b, v->buf, n, v->pos) : 0;

    v->pos += n;
    v->fill = n;
    v->at = 0;
    if (n && ret == 0)
        return true;
    error_set(errp, "%s", n ? g_strerror(-ret) : "the saved state ends too early");
    return false;
}

static bool vm_read(struct snap_io *io, void *data, size_t n, struct error **errp)
{
    struct vm_io *v = (struct vm_io *)io;
    uint8_t *p = data;

    while (n) {
        if (v->at == v->fill && !vm_refill(v, errp))
            return false;
        size_t part = MIN(n, v->fill - v->at);
        memcpy(p, v->buf + v->at, part);
        v->at += part;
        p += part;
        n -= part;
    }
    return true;
}

static void vm_io_init(struct vm_io *v, struct block_node *b, uint64_t size)
{
    *v = (struct vm_io){.io = {.read = vm_read}, .b = b, .size = size, .buf = g_malloc(VM_BUFFER)};
}

/* ---- standing still ---- */

struct stop {
    struct machine *m;
    enum run_state was;
};

static bool stop_machine(struct stop *s, struct machine *m, enum run_state why, struct error **errp)
{
    *s = (struct stop){m, m->run_state};
    if (m->run_state == RUN_INMIGRATE || m->run_state == RUN_FINISH_MIGRATE) {
        error_set(errp, "the machine's state is on its way in or out");
        return false;
    }
    machine_stop(m, why);
    block_drain_all();
    if (machine_settle(m)) {
        block_drain_all();
        return true;
    }
    error_set(errp, "the machine was shut down");
    return false;
}

static void go_on(struct stop *s)
{
    struct error *err = NULL;

    if (s->was == RUN_RUNNING && !machine_cont(s->m, &err))
        error_report(err);
    else if (s->was != RUN_RUNNING && s->m->run_state != s->was)
        machine_stop(s->m, s->was);
}

/* ---- saving ---- */

/* Ids of snapshots that go when the new one is there, one a disk ("" for none). */
static GPtrArray *old_ids(const GPtrArray *disks, const char *name)
{
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < disks->len; i++) {
        struct block_snapshot old = {0};
        bool found =
            find_snapshot(g_ptr_array_index(disks, i), name, &old) && !strcmp(old.name, name);
        g_ptr_array_add(ids, g_strdup(found ? old.id : ""));
    }
    return ids;
}

/* An id that is free on every disk: the same on all. */
static void choose_id(const GPtrArray *disks, struct block_snapshot *s)
{
    for (unsigned n = 1;; n++) {
        struct block_snapshot other;
        bool used = false;
        g_snprintf(s->id, sizeof(s->id), "%u", n);
        for (guint i = 0; !used && i < disks->len; i++)
            used = find_snapshot(g_ptr_array_index(disks, i), s->id, &other);
        if (!used)
            return;
    }
}

static void drop_snapshots(const GPtrArray *disks, guint n, const char *id)
{
    for (guint i = 0; i < n; i++) {
        struct error *err = NULL;
        if (!block_snapshot_delete(g_ptr_array_index(disks, i), id, &err)) {
            log_warn("%s", error_text(err));
            error_free(err);
        }
    }
}

/* On all disks or on none. */
static bool create_all(const GPtrArray *disks, struct block_snapshot *s, struct error **errp)
{
    for (guint i = 0; i < disks->len; i++) {
        struct block_snapshot one = *s;
        if (i) /* the state lies in the first one */
            one.vm_state_size = 0;
        if (block_snapshot_create(g_ptr_array_index(disks, i), &one, errp))
            continue;
        error_prefix(errp, "drive '%s'", block_id(g_ptr_array_index(disks, i)));
        drop_snapshots(disks, i, s->id);
        return false;
    }
    return true;
}

static bool write_state(struct machine *m, struct block_node *b, bool ran, uint64_t *size,
                        struct error **errp)
{
    struct vm_place v;
    int ret = block_vmstate_begin(b);

    if (ret) {
        error_set(errp, "'%s' cannot take the machine's state: %s", block_id(b), g_strerror(-ret));
        return false;
    }
    vm_place_init(&v, m, b, 0);
    bool ok = snapshot_write_mapped(m, &v.place, ran, size, errp) && vm_place_flush(&v, errp);
    vm_place_fini(&v);
    return ok;
}

static bool save_stopped(struct machine *m, const char *name, const GPtrArray *disks, bool ran,
                         struct error **errp)
{
    g_autoptr(GPtrArray) old = old_ids(disks, name);
    struct block_snapshot s;

    s = block_snapshot_now(name);
    choose_id(disks, &s);
    if (!write_state(m, g_ptr_array_index(disks, 0), ran, &s.vm_state_size, errp) ||
        !create_all(disks, &s, errp))
        return false;
    for (guint i = 0; i < disks->len; i++) {
        const char *id = g_ptr_array_index(old, i);
        if (*id && !block_snapshot_delete(g_ptr_array_index(disks, i), id, errp))
            return false;
    }
    return true;
}

static char *default_name(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();

    return g_date_time_format(now, "vm-%Y%m%d%H%M%S");
}

bool vm_snapshot_save(struct machine *m, const char *name, const struct vm_snapshot_disks *d,
                      struct error **errp)
{
    g_autofree char *made_up = name ? NULL : default_name();
    g_autoptr(GPtrArray) disks = find_disks(d, errp);
    struct stop stop;

    if (disks == NULL)
        return false;
    bool ok = stop_machine(&stop, m, RUN_SAVE_VM, errp) &&
              save_stopped(m, name ? name : made_up, disks, stop.was == RUN_RUNNING, errp);
    go_on(&stop);
    return ok;
}

/* ---- loading ---- */

/* Every disk must have it, and the first one the state. */
static bool find_state(GPtrArray *disks, const char *name, struct block_snapshot *s,
                       struct error **errp)
{
    int holder = -1;

    for (guint i = 0; i < disks->len; i++) {
        struct block_snapshot one;
        if (!find_snapshot(g_ptr_array_index(disks, i), name, &one)) {
            error_set(errp, "drive '%s' has no snapshot '%s'",
                      block_id(g_ptr_array_index(disks, i)), name);
            return false;
        }
        if (one.vm_state_size && holder < 0) {
            holder = (int)i;
            *s = one;
        }
    }
    if (holder < 0) {
        error_set(errp, "snapshot '%s' is of disks only: go back to it with the machine off", name);
        return false;
    }
    gpointer first = disks->pdata[0];
    disks->pdata[0] = disks->pdata[holder];
    disks->pdata[holder] = first;
    return true;
}

static bool goto_all(const GPtrArray *disks, const char *which, guint *done, struct error **errp)
{
    for (*done = 0; *done < disks->len; ++*done) {
        struct block_node *b = g_ptr_array_index(disks, *done);
        if (block_snapshot_goto(b, which, errp))
            continue;
        error_prefix(errp, "drive '%s'", block_id(b));
        return false;
    }
    return true;
}

/* Disks as they were; what cannot be undone is told. */
static void undo(const GPtrArray *disks, guint done, const char *id)
{
    for (guint i = 0; i < done; i++) {
        struct error *err = NULL;
        if (!block_snapshot_goto(g_ptr_array_index(disks, i), id, &err))
            error_report(err);
    }
}

/* Memory is not compared with its checksums, as it would have to be read for that. */
static struct snapshot *read_state(struct machine *m, struct block_node *b, uint64_t size,
                                   struct error **errp)
{
    struct vm_io v;
    struct vm_place place;

    vm_io_init(&v, b, size);
    vm_place_init(&place, m, b, size);
    struct snapshot *s = snapshot_open_place(&v.io, &place.place, false, m, errp);
    vm_place_fini(&place);
    g_free(v.buf);
    return s;
}

static bool load_stopped(struct machine *m, const char *name, const GPtrArray *disks,
                         const struct block_snapshot *s, struct error **errp)
{
    struct block_snapshot backup;
    struct snapshot *state = NULL;
    bool ran;
    guint done;

    backup = block_snapshot_now(BACKUP);
    choose_id(disks, &backup);
    if (!create_all(disks, &backup, errp))
        return false;
    if (goto_all(disks, name, &done, errp))
        state = read_state(m, g_ptr_array_index(disks, 0), s->vm_state_size, errp);
    if (state)
        snapshot_install(state, &ran);
    else
        undo(disks, done, backup.id);
    snapshot_free(state);
    drop_snapshots(disks, disks->len, backup.id);
    return state;
}

bool vm_snapshot_load(struct machine *m, const char *name, const struct vm_snapshot_disks *d,
                      struct error **errp)
{
    g_autoptr(GPtrArray) disks = find_disks(d, errp);
    struct block_snapshot s = {0};
    struct stop stop;

    if (disks == NULL || !find_state(disks, name, &s, errp))
        return false;
    bool ok =
        stop_machine(&stop, m, RUN_RESTORE_VM, errp) && load_stopped(m, name, disks, &s, errp);
    go_on(&stop);
    return ok;
}

/* ---- the list ---- */

bool vm_snapshot_delete(const char *name, const struct vm_snapshot_disks *d, struct error **errp)
{
    g_autoptr(GPtrArray) disks = find_disks(d, errp);
    struct block_snapshot s = {0};
    bool any = false;

    for (guint i = 0; disks && i < disks->len; i++) {
        struct block_node *b = g_ptr_array_index(disks, i);
        if (!find_snapshot(b, name, &s))
            continue;
        any = true;
        if (!block_snapshot_delete(b, s.id, errp)) {
            error_prefix(errp, "drive '%s'", block_id(b));
            return false;
        }
    }
    if (disks && !any)
        error_set(errp, "no drive has a snapshot '%s'", name);
    return disks && any;
}

GArray *vm_snapshot_list(struct error **errp)
{
    const struct vm_snapshot_disks all = {0};
    g_autoptr(GPtrArray) disks = find_disks(&all, errp);
    GArray *out, *first;

    if (disks == NULL)
        return NULL;
    out = g_array_new(FALSE, FALSE, sizeof(struct block_snapshot));
    first = block_snapshot_list(g_ptr_array_index(disks, 0));
    for (guint k = 0; first && k < first->len; k++) {
        struct block_snapshot s = g_array_index(first, struct block_snapshot, k), other;
        bool everywhere = true;
        for (guint i = 1; everywhere && i < disks->len; i++) {
            everywhere = find_snapshot(g_ptr_array_index(disks, i), s.name, &other);
            if (everywhere && !s.vm_state_size)
                s.vm_state_size = other.vm_state_size;
        }
        if (everywhere && s.vm_state_size)
            g_array_append_val(out, s);
    }
    if (first)
        g_array_unref(first);
    return out;
}
