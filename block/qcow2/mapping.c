/*
 * The machine's saved state as memory: mapped copy on write from where its clusters lie.
 *
 * As long as a mapping is there, its clusters must hold what they hold.  Nothing writes to them in
 * place, since a snapshot has them, too; and when the last reference goes they stay counted, are
 * parked, until the mapping ends.
 */
#include "block/file_priv.h"
#include "block/qcow2/qcow2_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAP_MIN = 128 << 10 /* less is read */ };

struct host_range {
    uint64_t start, end; /* of whole clusters in the image's file */
};

/* The descriptor behind b's file and its size, or -1. */
static int file_behind(const struct block_node *b, uint64_t *size)
{
    const struct file *f = b->file->drv == &file_driver ? b->file->state : NULL;
    struct stat st;

    if (!f || f->fd < 0 || fstat(f->fd, &st))
        return -1;
    *size = (uint64_t)st.st_size;
    return f->fd;
}

/* Whether e, which is to be seen at `at`, is there as pages of the file. */
static bool can_map(const struct extent *e, const uint8_t *at, uint64_t file_size)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

    return e->type == EXT_DATA && e->bytes >= MAP_MIN && e->host < file_size &&
           e->bytes <= file_size - e->host &&
           ((e->host | e->bytes | (uintptr_t)at) & (page - 1)) == 0;
}

static void note_range(const struct qcow2 *q, struct block_mapping *m, const struct extent *e,
                       uint64_t off)
{
    struct host_range r = {cluster_floor(q, e->host),
                           align_up(e->host + e->bytes, q->cluster_size)};
    struct block_piece p = {off, e->bytes};

    g_array_append_val(m->ranges, r);
    g_array_append_val(m->pieces, p);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct host_range *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* One extent at p; its clusters are held by m before anybody can free them. */
static int take_extent(struct block_node *b, struct block_mapping *m, const struct extent *e,
                       uint8_t *p, uint64_t off)
{
    uint64_t size = 0;
    int fd = file_behind(b, &size);

    if (e->type != EXT_DATA && e->type != EXT_COMPRESSED)
        return 0; /* nothing but zeros, as is the memory */
    if (fd >= 0 && can_map(e, p, size) &&
        mmap(p, e->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, (off_t)e->host) ==
            p) {
        note_range(qcow2(b), m, e, off);
        return 0;
    }
    return qcow2_vmstate_read(b, p, e->bytes, m->pos + off);
}

int qcow2_vmstate_map(struct block_node *b, struct block_mapping *m, void *at, uint64_t n)
{
    struct qcow2 *q = qcow2(b);
    struct extent e;
    struct range hold;
    int ret = 0;

    m->ranges = g_array_new(FALSE, FALSE, sizeof(struct host_range));
    m->pieces = g_array_new(FALSE, FALSE, sizeof(struct block_piece));
    uint64_t base = vmstate_start(q) + m->pos;
    ranges_take(&q->ranges, &hold, base, base + n, false);
    for (uint64_t off = 0; !ret && off < n; off += e.bytes) {
        mutex_lock(&q->lock);
        ret = extent_find(b, base + off, n - off, &e);
        mutex_unlock(&q->lock);
        if (!ret)
            ret = take_extent(b, m, &e, (uint8_t *)at + off, off);
    }
    g_array_sort(m->ranges, compare_ranges);
    mutex_lock(&q->lock);
    m->state = q;
    m->next = q->mappings;
    q->mappings = m;
    mutex_unlock(&q->lock);
    ranges_drop(&q->ranges, &hold);
    return ret;
}

static bool holds(const struct block_mapping *m, uint64_t host)
{
    const struct host_range *r = (const void *)m->ranges->data;
    guint lo = 0, hi = m->ranges->len;

    while (lo < hi) {
        guint mid = lo + (hi - lo) / 2;
        if (r[mid].end <= host)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < m->ranges->len && r[lo].start <= host;
}

bool cluster_is_mapped(const struct qcow2 *q, uint64_t host)
{
    for (const struct block_mapping *m = q->mappings; m; m = m->next)
        if (holds(m, host))
            return true;
    return false;
}

void cluster_park(struct qcow2 *q, uint64_t host)
{
    struct pending_free f = {host, 1};

    g_array_append_val(q->parked, f);
}

/* Those that no other mapping has are free to go. */
static void free_parked(struct qcow2 *q)
{
    GArray *was = q->parked;

    q->parked = g_array_new(FALSE, FALSE, sizeof(struct pending_free));
    for (guint i = 0; i < was->len; i++) {
        uint64_t host = g_array_index(was, struct pending_free, i).off;
        if (cluster_is_mapped(q, host))
            cluster_park(q, host);
        else
            clusters_free_later(q, host, 1);
    }
    g_array_unref(was);
}

void qcow2_vmstate_unmap(struct block_mapping *m)
{
    struct qcow2 *q = m->state;

    mutex_lock(&q->lock);
    struct block_mapping **p = &q->mappings;
    while (*p && *p != m)
        p = &(*p)->next;
    if (*p)
        *p = m->next;
    free_parked(q);
    mutex_unlock(&q->lock);
}

void mappings_let_go(struct qcow2 *q)
{
    while (q->mappings) {
        struct block_mapping *m = q->mappings;
        m->let_go(m);
        if (q->mappings == m) /* it did not: the file may change under it from now on */
            block_vmstate_unmap(m);
    }
}
