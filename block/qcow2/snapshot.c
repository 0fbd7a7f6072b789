/* Snapshots inside the image, and the machine's state behind the disk.  Ref: section "Snapshots".
 */
#include "block/qcow2/qcow2_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRY_HEAD = 40, EXTRA_KNOWN = 24 };

/* --- the table --- */
void snapshots_free(struct qcow2 *q)
{
    for (guint i = 0; q->snapshots && i < q->snapshots->len; i++)
        g_free(g_array_index(q->snapshots, struct qsnapshot, i).extra);
    g_clear_pointer(&q->snapshots, g_array_unref);
}

static void copy_text(char *to, size_t room, const uint8_t *from, size_t n)
{
    memcpy(to, from, MIN(n, room - 1));
}

/* One entry at p, which has n bytes; its length, or 0 when it is cut off. */
static size_t parse_entry(struct qcow2 *q, const uint8_t *p, size_t n, struct qsnapshot *s)
{
    *s = (struct qsnapshot){0};
    if (n < ENTRY_HEAD)
        return 0;
    size_t id = ld_be16(p + 12), name = ld_be16(p + 14), extra = ld_be32(p + 36);
    if (extra > MAX_SNAPSHOT_EXTRA || n < ENTRY_HEAD + extra + id + name)
        return 0;
    s->l1_offset = ld_be64(p);
    s->l1_size = ld_be32(p + 8);
    s->info.date_sec = ld_be32(p + 16);
    s->info.date_nsec = ld_be32(p + 20);
    s->info.vm_clock_ns = ld_be64(p + 24);
    s->info.vm_state_size = extra >= 8 ? ld_be64(p + 40) : ld_be32(p + 32);
    s->info.disk_size = extra >= 16 ? ld_be64(p + 48) : q->disk_size;
    s->info.icount = extra >= 24 ? ld_be64(p + 56) : UINT64_MAX;
    if (extra > EXTRA_KNOWN) {
        s->extra_size = (uint32_t)extra - EXTRA_KNOWN;
        s->extra = g_memdup2(p + ENTRY_HEAD + EXTRA_KNOWN, s->extra_size);
    }
    copy_text(s->info.id, sizeof(s->info.id), p + ENTRY_HEAD + extra, id);
    copy_text(s->info.name, sizeof(s->info.name), p + ENTRY_HEAD + extra + id, name);
    return align_up(ENTRY_HEAD + extra + id + name, 8);
}

static size_t entry_limit(const struct qsnapshot *s)
{
    return ENTRY_HEAD + EXTRA_KNOWN + s->extra_size + sizeof(s->info.id) + sizeof(s->info.name) + 8;
}

static size_t put_entry(const struct qsnapshot *s, uint8_t *p)
{
    size_t id = strlen(s->info.id), name = strlen(s->info.name),
           extra = EXTRA_KNOWN + s->extra_size;

    st_be64(p, s->l1_offset);
    st_be32(p + 8, s->l1_size);
    st_be16(p + 12, (uint16_t)id);
    st_be16(p + 14, (uint16_t)name);
    st_be32(p + 16, (uint32_t)s->info.date_sec);
    st_be32(p + 20, s->info.date_nsec);
    st_be64(p + 24, s->info.vm_clock_ns);
    st_be32(p + 32, (uint32_t)MIN(s->info.vm_state_size, UINT32_MAX));
    st_be32(p + 36, (uint32_t)extra);
    st_be64(p + 40, s->info.vm_state_size);
    st_be64(p + 48, s->info.disk_size);
    st_be64(p + 56, s->info.icount);
    if (s->extra_size)
        memcpy(p + 64, s->extra, s->extra_size);
    memcpy(p + ENTRY_HEAD + extra, s->info.id, id);
    memcpy(p + ENTRY_HEAD + extra + id, s->info.name, name);
    return align_up(ENTRY_HEAD + extra + id + name, 8);
}

static bool bad_table(struct block_node *b, struct error **errp)
{
    error_set(errp, "the snapshot table of '%s' is damaged", b->path);
    return false;
}

static bool check_entry(const struct block_node *b, const struct qcow2 *q,
                        const struct qsnapshot *s)
{
    return !cluster_offset(q, s->l1_offset) && s->l1_offset <= b->file->size &&
           s->l1_size <= MAX_L1_BYTES / 8 && s->info.disk_size < INT64_MAX - l2_span(q) &&
           (s->info.disk_size + l2_span(q) - 1) / l2_span(q) <= MAX_L1_BYTES / 8;
}

/* header_read() left the number of entries in snapshots_bytes. */
bool snapshots_read(struct block_node *b, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    uint64_t count = q->snapshots_bytes, at = 0;

    q->snapshots = g_array_new(FALSE, TRUE, sizeof(struct qsnapshot));
    q->snapshots_bytes = 0;
    if (!count)
        return true;
    uint64_t size = q->snapshots_offset < b->file->size ? b->file->size - q->snapshots_offset : 0;
    size = MIN(size,
               MIN(count * (ENTRY_HEAD + MAX_SNAPSHOT_EXTRA + 2 * UINT16_MAX), MAX_SNAPSHOT_TABLE));
    g_autofree uint8_t *data = count <= MAX_SNAPSHOTS && size ? g_try_malloc(size) : NULL;
    if (!data || cluster_offset(q, q->snapshots_offset) ||
        node_pread(b->file, data, size, q->snapshots_offset))
        return bad_table(b, errp);
    for (uint64_t i = 0; i < count; i++) {
        struct qsnapshot s;
        size_t n = parse_entry(q, data + at, size - at, &s);
        g_array_append_val(q->snapshots, s);
        at += n;
        if (!n || at > size || !check_entry(b, q, &s))
            return bad_table(b, errp);
    }
    q->snapshots_bytes = at;
    return true;
}

/* The list in a new place on the medium, and the header that names it. */
static int write_table(struct block_node *b, GArray *list)
{
    struct qcow2 *q = qcow2(b);
    uint64_t old = q->snapshots_offset, old_bytes = q->snapshots_bytes, off = 0;
    size_t room = 0, n = 0;

    for (guint i = 0; i < list->len; i++)
        room += entry_limit(&g_array_index(list, struct qsnapshot, i));
    g_autofree uint8_t *data = g_malloc0(room + 1);
    for (guint i = 0; i < list->len; i++)
        n += put_entry(&g_array_index(list, struct qsnapshot, i), data + n);
    mutex_lock(&q->lock);
    int ret = n ? clusters_alloc_run(b, clusters_of(q, n), &off) : 0;
    mutex_unlock(&q->lock);
    if (!ret && n)
        ret = node_pwrite(b->file, data, n, off);
    if (!ret)
        ret = qcow2_flush(b);
    if (ret)
        return ret;
    GArray *old_list = q->snapshots;
    q->snapshots = list;
    q->snapshots_offset = off;
    q->snapshots_bytes = n;
    ret = header_write(b);
    if (!ret)
        ret = node_flush(b->file);
    if (ret) {
        q->snapshots = old_list;
        q->snapshots_offset = old;
        q->snapshots_bytes = old_bytes;
        return ret;
    }
    g_array_unref(old_list);
    mutex_lock(&q->lock);
    clusters_free_later(q, old, clusters_of(q, old_bytes));
    mutex_unlock(&q->lock);
    return 0;
}

/* --- trees of clusters --- */
static int count_entry(struct block_node *b, struct l2_entry e, int delta)
{
    struct qcow2 *q = qcow2(b);
    uint64_t host, bytes;

    if (e.word & ENTRY_COMPRESSED) {
        packed_place(q, e.word, &host, &bytes);
        return refcount_add(b, cluster_floor(q, host),
                            clusters_of(q, cluster_offset(q, host) + bytes), delta);
    }
    return e.word & ENTRY_OFFSET
               ? refcount_add(b, cluster_floor(q, e.word & ENTRY_OFFSET), 1, delta)
               : 0;
}

static int load_l2(struct block_node *b, uint64_t l1_entry, struct table **t)
{
    uint64_t off = l1_entry & ENTRY_OFFSET;

    if (cluster_offset(qcow2(b), off) || off >= qcow2(b)->high_water)
        return qcow2_corrupt(b, "an L2 table cannot be at %#" PRIx64, off);
    return cache_get(b, &qcow2(b)->l2, off, t);
}

/* Count an L2 table and all that it names up or down. */
static int count_l2(struct block_node *b, uint64_t l1_entry, int delta)
{
    struct qcow2 *q = qcow2(b);
    struct table *t;
    int ret = load_l2(b, l1_entry, &t);

    for (uint64_t i = 0; !ret && i < BIT64(q->l2_bits); i++)
        ret = count_entry(b, l2_get(q, t, i << q->cluster_bits), delta);
    return ret ? ret : refcount_add(b, l1_entry & ENTRY_OFFSET, 1, delta);
}

static int count_tree(struct block_node *b, const uint64_t *l1, uint32_t n, int delta)
{
    struct qcow2 *q = qcow2(b);
    int ret = 0;

    for (uint32_t i = 0; !ret && i < n; i++) {
        if (!(l1[i] & ENTRY_OFFSET))
            continue;
        ret = qcow2_make_room(b);
        mutex_lock(&q->lock);
        ret = ret ? ret : count_l2(b, l1[i], delta);
        mutex_unlock(&q->lock);
    }
    return ret;
}

/* An entry may be written in place when its cluster has one reference. */
static int update_copied(struct block_node *b, uint64_t *word)
{
    struct qcow2 *q = qcow2(b);
    uint64_t count, old = *word;

    if (old & ENTRY_COMPRESSED || !(old & ENTRY_OFFSET))
        return 0;
    int ret = refcount_get(b, (old & ENTRY_OFFSET) >> q->cluster_bits, &count);
    if (!ret)
        *word = count == 1 ? old | ENTRY_COPIED : old & ~ENTRY_COPIED;
    return ret;
}

static int update_l2(struct block_node *b, uint32_t index)
{
    struct qcow2 *q = qcow2(b);
    uint64_t word = q->l1[index];
    struct table *t;
    int ret = load_l2(b, word, &t);

    for (uint64_t i = 0; !ret && i < BIT64(q->l2_bits); i++) {
        struct l2_entry old = l2_get(q, t, i << q->cluster_bits), e = old;
        ret = update_copied(b, &e.word);
        if (!ret && e.word != old.word)
            l2_put(q, t, i << q->cluster_bits, e);
    }
    if (!ret)
        ret = update_copied(b, &word);
    if (!ret && word != q->l1[index]) {
        q->l1[index] = word;
        l1_dirty(q, index);
    }
    return ret;
}

/* Which clusters of the present disk may be written in place. */
static int update_active(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);
    int ret = 0;

    for (uint32_t i = 0; !ret && i < q->l1_size; i++) {
        if (!(q->l1[i] & ENTRY_OFFSET))
            continue;
        ret = qcow2_make_room(b);
        mutex_lock(&q->lock);
        ret = ret ? ret : update_l2(b, i);
        mutex_unlock(&q->lock);
    }
    return ret;
}

/* --- L1 tables on the medium --- */
static int write_l1_copy(struct block_node *b, const uint64_t *l1, uint32_t n, uint64_t *off)
{
    struct qcow2 *q = qcow2(b);
    g_autofree uint64_t *be = g_try_new(uint64_t, n + 1U);

    if (!be)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        st_be64(&be[i], l1[i] & ~ENTRY_COPIED);
    mutex_lock(&q->lock);
    int ret = clusters_alloc_run(b, MAX(1, clusters_of(q, (uint64_t)n * 8)), off);
    mutex_unlock(&q->lock);
    return ret ? ret : node_pwrite(b->file, be, (size_t)n * 8, *off);
}

static int read_l1_copy(struct block_node *b, const struct qsnapshot *s, uint64_t **l1)
{
    *l1 = g_try_new0(uint64_t, s->l1_size + 1U);
    if (!*l1)
        return -ENOMEM;
    int ret = node_pread(b->file, *l1, (size_t)s->l1_size * 8, s->l1_offset);
    for (uint32_t i = 0; i < s->l1_size; i++)
        (*l1)[i] = ld_be64(&(*l1)[i]);
    return ret;
}

/* --- finding --- */
static int find_by(GArray *list, const char *which, bool by_id)
{
    for (guint i = 0; i < list->len; i++) {
        const struct block_snapshot *s = &g_array_index(list, struct qsnapshot, i).info;
        if (!strcmp(by_id ? s->id : s->name, which))
            return (int)i;
    }
    return -1;
}

static int find_snapshot(struct block_node *b, const char *which, struct error **errp)
{
    GArray *list = qcow2(b)->snapshots;
    int i = find_by(list, which, true);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (i < 0)
        i = find_by(list, which, false);
    if (i >= 0)
        return i;
    for (guint k = 0; k < list->len; k++)
        g_ptr_array_add(names, g_array_index(list, struct qsnapshot, k).info.name);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(which, (const char *const *)names->pdata);
    error_set(errp, "'%s' has no snapshot '%s'", b->path, which);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    return -1;
}

static void choose_id(GArray *list, struct block_snapshot *s)
{
    unsigned long max = 0;

    for (guint i = 0; i < list->len; i++)
        max = MAX(max, strtoul(g_array_index(list, struct qsnapshot, i).info.id, NULL, 10));
    if (!*s->id)
        g_snprintf(s->id, sizeof(s->id), "%lu", max + 1);
}

static bool failed(struct block_node *b, int ret, const char *what, struct error **errp)
{
    if (ret)
        error_set(errp, "%s in '%s' failed: %s", what, b->path, g_strerror(-ret));
    return ret;
}

/* No request is under way while these work. */
static void hold_all(struct block_node *b, struct range *hold)
{
    ranges_take(&qcow2(b)->ranges, hold, 0, UINT64_MAX, true);
}

/* --- the machine's state: data behind the end of the disk --- */
static int drop_vmstate(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);
    int ret = 0;

    for (uint64_t i = vmstate_start(q) / l2_span(q); !ret && i < q->l1_size; i++) {
        struct table *t;
        mutex_lock(&q->lock);
        uint64_t entry = q->l1[i];
        ret = entry & ENTRY_OFFSET ? load_l2(b, entry, &t) : 0;
        for (uint64_t k = 0; !ret && entry & ENTRY_OFFSET && k < BIT64(q->l2_bits); k++)
            entry_free_later(q, l2_get(q, t, k << q->cluster_bits));
        if (!ret && entry & ENTRY_OFFSET) {
            clusters_free_later(q, entry & ENTRY_OFFSET, 1);
            q->l1[i] = 0;
            l1_dirty(q, (uint32_t)i);
        }
        mutex_unlock(&q->lock);
    }
    return ret;
}

int qcow2_vmstate_begin(struct block_node *b)
{
    return qcow2(b)->data ? -ENOTSUP : drop_vmstate(b);
}

int qcow2_vmstate_write(struct block_node *b, const void *buf, size_t n, uint64_t pos)
{
    struct iovec iov = {(void *)(uintptr_t)buf, n};

    if (qcow2(b)->data)
        return -ENOTSUP;
    return qcow2_write_at(b, vmstate_start(qcow2(b)) + pos, n, (struct sg){&iov, 1, 0});
}

/* Behind what was written there are zeros, not what a backing file has there. */
int qcow2_vmstate_read(struct block_node *b, void *buf, size_t n, uint64_t pos)
{
    struct iovec iov = {buf, n};

    return qcow2_read_at(b, vmstate_start(qcow2(b)) + pos, n, (struct sg){&iov, 1, 0});
}

/* --- the operations --- */
static int create_held(struct block_node *b, struct qsnapshot *s)
{
    struct qcow2 *q = qcow2(b);
    int ret = qcow2_writeback(b);

    if (!ret)
        ret = count_tree(b, q->l1, q->l1_size, 1);
    if (!ret)
        ret = update_active(b);
    s->l1_size = q->l1_size;
    if (!ret)
        ret = write_l1_copy(b, q->l1, q->l1_size, &s->l1_offset);
    if (ret)
        return ret;
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct qsnapshot));
    g_array_append_vals(list, q->snapshots->data, q->snapshots->len);
    g_array_append_val(list, *s);
    ret = write_table(b, list);
    if (ret)
        g_array_unref(list);
    return ret ? ret : drop_vmstate(b);
}

static bool can_snapshot(struct block_node *b, struct error **errp)
{
    if (!qcow2(b)->data)
        return true;
    error_set(errp, "'%s' keeps its data in another file and has no snapshots inside", b->path);
    return false;
}

bool qcow2_snapshot_create(struct block_node *b, const struct block_snapshot *info,
                           struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    struct qsnapshot s = {.info = *info};
    struct range hold;

    if (!can_snapshot(b, errp))
        return false;
    if (q->snapshots->len >= MAX_SNAPSHOTS) {
        error_set(errp, "'%s' has %d snapshots, and can have no more", b->path, MAX_SNAPSHOTS);
        return false;
    }
    choose_id(q->snapshots, &s.info);
    if (find_by(q->snapshots, s.info.id, true) >= 0) {
        error_set(errp, "'%s' has a snapshot with id %s already", b->path, s.info.id);
        return false;
    }
    s.info.disk_size = q->disk_size;
    hold_all(b, &hold);
    int ret = create_held(b, &s);
    if (!ret)
        ret = qcow2_flush(b);
    ranges_drop(&q->ranges, &hold);
    return !failed(b, ret, "making a snapshot", errp);
}

static int delete_held(struct block_node *b, guint which)
{
    struct qcow2 *q = qcow2(b);
    struct qsnapshot s = g_array_index(q->snapshots, struct qsnapshot, which);
    g_autofree uint64_t *l1 = NULL;
    int ret = read_l1_copy(b, &s, &l1);

    if (ret)
        return ret;
    GArray *list = g_array_new(FALSE, TRUE, sizeof(struct qsnapshot));
    g_array_append_vals(list, q->snapshots->data, q->snapshots->len);
    g_array_remove_index(list, which);
    ret = write_table(b, list);
    if (ret) {
        g_array_unref(list);
        return ret;
    }
    g_free(s.extra);
    ret = count_tree(b, l1, s.l1_size, -1);
    mutex_lock(&q->lock);
    clusters_free_later(q, s.l1_offset, MAX(1, clusters_of(q, (uint64_t)s.l1_size * 8)));
    mutex_unlock(&q->lock);
    return ret ? ret : update_active(b);
}

bool qcow2_snapshot_delete(struct block_node *b, const char *which, struct error **errp)
{
    int i = find_snapshot(b, which, errp);
    struct range hold;

    if (i < 0)
        return false;
    hold_all(b, &hold);
    int ret = delete_held(b, (guint)i);
    for (int round = 0; !ret && round < 2;
         round++) /* what the first round frees is counted in the second */
        ret = qcow2_flush(b);
    ranges_drop(&qcow2(b)->ranges, &hold);
    return !failed(b, ret, "deleting a snapshot", errp);
}

/* The snapshot's tree becomes the disk's, in a new L1 table; then the old tree goes. */
static int goto_held(struct block_node *b, const struct qsnapshot *s)
{
    struct qcow2 *q = qcow2(b);
    g_autofree uint64_t *l1 = NULL;
    uint64_t off, need = (s->info.disk_size + l2_span(q) - 1) / l2_span(q);
    uint32_t n = (uint32_t)MAX(s->l1_size, need);
    int ret = read_l1_copy(b, s, &l1);

    if (!ret)
        ret = count_tree(b, l1, s->l1_size, 1);
    if (ret)
        return ret;
    l1 = g_renew(uint64_t, l1, n + 1U);
    memset(l1 + s->l1_size, 0, (n - s->l1_size) * sizeof(*l1));
    ret = write_l1_copy(b, l1, n, &off);
    if (!ret)
        ret = qcow2_flush(b); /* the counts are there before the header names the tree */
    if (ret)
        return ret;
    uint64_t *old = q->l1, old_off = q->l1_offset, old_size = q->l1_size;
    mutex_lock(&q->lock);
    for (uint32_t i = 0; i < n; i++)
        l1[i] &= ~ENTRY_COPIED;
    q->l1 = g_steal_pointer(&l1);
    q->l1_offset = q->on_disk.l1_offset = off;
    q->l1_size = q->on_disk.l1_size = n;
    q->disk_size = s->info.disk_size;
    b->size = q->disk_size;
    mutex_unlock(&q->lock);
    ret = header_write(b);
    if (!ret)
        ret = node_flush(b->file);
    if (!ret)
        ret = count_tree(b, old, (uint32_t)old_size, -1);
    g_free(old);
    mutex_lock(&q->lock);
    clusters_free_later(q, old_off, clusters_of(q, old_size * 8));
    mutex_unlock(&q->lock);
    return ret ? ret : update_active(b);
}

bool qcow2_snapshot_goto(struct block_node *b, const char *which, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    int i = find_snapshot(b, which, errp);
    struct range hold;

    if (i < 0)
        return false;
    struct qsnapshot s = g_array_index(q->snapshots, struct qsnapshot, i);
    hold_all(b, &hold);
    int ret = qcow2_writeback(b);
    if (!ret)
        ret = goto_held(b, &s);
    for (int round = 0; !ret && round < 2; round++)
        ret = qcow2_flush(b);
    ranges_drop(&q->ranges, &hold);
    return !failed(b, ret, "going back to a snapshot", errp);
}

bool qcow2_snapshot_load(struct block_node *b, const char *which, struct error **errp)
{
    struct qcow2 *q = qcow2(b);
    int i = find_snapshot(b, which, errp);
    uint64_t *l1;

    if (i < 0)
        return false;
    const struct qsnapshot *s = &g_array_index(q->snapshots, struct qsnapshot, i);
    int ret = read_l1_copy(b, s, &l1);
    if (ret) {
        g_free(l1);
        return !failed(b, ret, "reading a snapshot", errp);
    }
    g_free(q->l1);
    q->l1 = l1;
    q->l1_size = s->l1_size;
    q->disk_size = s->info.disk_size;
    b->size = q->disk_size;
    return true;
}

GArray *qcow2_snapshot_list(struct block_node *b)
{
    struct qcow2 *q = qcow2(b);
    GArray *out = g_array_new(FALSE, TRUE, sizeof(struct block_snapshot));

    for (guint i = 0; i < q->snapshots->len; i++)
        g_array_append_val(out, g_array_index(q->snapshots, struct qsnapshot, i).info);
    return out;
}
