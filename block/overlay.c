/*
 * Filter: the private overlay of snapshot=on: a sparse file without a name, and one bit a sector
 * that says what lies in it.
 *
 * With bits as fine as the guest's sectors no write has to copy anything first.  A bit is set after
 * its data was written, so a reader that sees it finds them.
 */
#include "block/block_priv.h"

#include "util/bits.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct overlay {
    int fd;
    _Atomic uint8_t *map; /* one bit a sector: it lies here, not in the base */
    size_t map_size;
    struct mutex lock; /* a leaf: one partial-sector update at a time */
};

static int open_unnamed(struct error **errp)
{
    const char *dir = g_getenv("TMPDIR");

    if (!dir || !*dir)
        dir = "/var/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    g_autofree char *path = g_build_filename(dir, "tinamou-snapshot-XXXXXX", NULL);
    fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        error_set(errp, "could not make a temporary file in '%s' for snapshot=on: %s", dir,
                  g_strerror(errno));
    else
        unlink(path);
    return fd;
}

/* The map of a large disk is large, but costs memory only where there are writes. */
static void new_map(struct overlay *o, uint64_t size, struct error **errp)
{
    o->map_size = size / SECTOR / 8 + 1;
    void *p = mmap(NULL, o->map_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        error_set(errp, "no memory for the map of snapshot=on: %s", g_strerror(errno));
        return;
    }
    o->map = p;
}

static struct overlay *overlay_new(uint64_t size, struct error **errp)
{
    struct overlay *o = g_new0(struct overlay, 1);

    mutex_init(&o->lock);
    o->fd = open_unnamed(errp);
    if (o->fd >= 0)
        new_map(o, size, errp);
    return o;
}

static void overlay_close(struct block_node *b)
{
    struct overlay *o = b->state;

    if (o->fd >= 0)
        close(o->fd);
    if (o->map)
        munmap((void *)(uintptr_t)o->map, o->map_size);
    mutex_fini(&o->lock);
    g_free(o);
}

static bool is_here(const struct overlay *o, uint64_t sector)
{
    return atomic_load_explicit(&o->map[sector / 8], memory_order_acquire) >> (sector % 8) &
           1; /* pairs with mark() */
}

static void mark(struct overlay *o, uint64_t off, uint64_t bytes)
{
    uint64_t end = (off + bytes) / SECTOR;

    for (uint64_t s = off / SECTOR; s < end;) {
        if (s % 8 == 0 && end - s >= 8) {
            atomic_store_explicit(&o->map[s / 8], 0xff, memory_order_release);
            s += 8;
            continue;
        }
        atomic_fetch_or_explicit(&o->map[s / 8], (uint8_t)(1 << (s % 8)), memory_order_release);
        s++;
    }
}

/* How far from off on, at most to end, the sectors lie in the same place as the first. */
static uint64_t run_end(const struct overlay *o, uint64_t off, uint64_t end)
{
    uint64_t s = off / SECTOR;
    bool here = is_here(o, s);
    uint8_t whole = here ? 0xff : 0;

    for (s++; s * SECTOR < end; s++) {
        if (s % 8 == 0 && atomic_load_explicit(&o->map[s / 8], memory_order_acquire) == whole)
            s += 7;
        else if (is_here(o, s) != here)
            break;
    }
    return MIN(s * SECTOR, end);
}

static int overlay_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct overlay *o = b->state;
    uint64_t end = off + bytes;

    for (uint64_t next; off < end; sg = sg_skip(sg, next - off), off = next) {
        next = run_end(o, off, end);
        int ret = is_here(o, off / SECTOR) ? file_readv(o->fd, sg, next - off, off)
                                           : node_read(b->file, off, next - off, sg);
        if (ret)
            return ret;
    }
    return 0;
}

/* Change n bytes inside one sector; sg NULL: to zero. */
static int patch_sector(struct block_node *b, const struct sg *sg, size_t n, uint64_t off)
{
    struct overlay *o = b->state;
    uint64_t base = align_down(off, SECTOR);
    uint8_t sector[SECTOR];

    mutex_lock(&o->lock);
    int ret = is_here(o, base / SECTOR) ? file_pread(o->fd, sector, SECTOR, base)
                                        : node_pread(b->file, sector, SECTOR, base);
    if (!ret && sg)
        sg_read(*sg, sector + (off - base), n);
    else if (!ret)
        memset(sector + (off - base), 0, n);
    if (!ret)
        ret = file_pwrite(o->fd, sector, SECTOR, base);
    if (!ret)
        mark(o, base, SECTOR);
    mutex_unlock(&o->lock);
    return ret;
}

/* Whole sectors in one go, the ends one by one; sg NULL: zeros. */
static int change(struct block_node *b, const struct sg *from, uint64_t n, uint64_t off)
{
    struct overlay *o = b->state;
    struct sg sg = from ? *from : (struct sg){0};

    for (uint64_t len; n; n -= len, off += len) {
        int ret;
        if (off % SECTOR || n < SECTOR) {
            len = MIN(n, SECTOR - off % SECTOR);
            ret = patch_sector(b, from ? &sg : NULL, len, off);
        } else {
            len = align_down(n, SECTOR);
            ret = from ? file_writev(o->fd, sg, len, off) : file_write_zeroes(o->fd, off, len);
            if (!ret)
                mark(o, off, len);
        }
        if (ret)
            return ret;
        if (from)
            sg = sg_skip(sg, len);
    }
    return 0;
}

static int overlay_write(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    return change(b, &sg, bytes, off);
}

static int overlay_write_zeroes(struct block_node *b, uint64_t off, uint64_t bytes,
                                bool may_unmap UNUSED)
{
    return change(b, NULL, bytes, off);
}

/* The changes are lost at the end anyway. */
static int overlay_flush(struct block_node *b UNUSED)
{
    return 0;
}

static int overlay_map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    struct overlay *o = b->state;
    uint64_t end = run_end(o, off, off + bytes);

    if (!is_here(o, off / SECTOR))
        return block_map(b->file, NULL, off, end - off, e);
    e->bytes = end - off;
    return 0;
}

/* No request is in flight.  The map first: what it does not name any more may go. */
static bool overlay_make_empty(struct block_node *b, struct error **errp)
{
    struct overlay *o = b->state;
    struct stat st;

    if (madvise((void *)(uintptr_t)o->map, o->map_size, MADV_DONTNEED) || fstat(o->fd, &st) ||
        ftruncate(o->fd, 0) || ftruncate(o->fd, st.st_size)) {
        error_set(errp, "could not drop the changes to '%s': %s", b->path, g_strerror(errno));
        return false;
    }
    return true;
}

static bool overlay_init(struct block_node *b, struct node_opts n UNUSED, struct error **errp)
{
    struct overlay *o = overlay_new(b->file->size, errp);

    b->state = o;
    b->size = align_up(b->file->size, SECTOR);
    return o->map;
}

struct block_node *overlay_open(struct block_node *take_b, struct error **errp)
{
    struct block_node *b =
        node_new(&overlay_driver, take_b->path, take_b->flags & ~BLOCK_READ_ONLY);

    b->file = take_b;
    b->detect_zeroes = take_b->detect_zeroes;
    take_b->parents++;
    if (overlay_init(b, (struct node_opts){NULL, ""}, errp)) {
        node_link(b);
        return b;
    }
    node_unref(b);
    return NULL;
}

const struct block_driver overlay_driver = {
    .name = "snapshot-overlay",
    .open = overlay_init,
    .close = overlay_close,
    .read = overlay_read,
    .write = overlay_write,
    .write_zeroes = overlay_write_zeroes,
    .flush = overlay_flush,
    .map = overlay_map,
    .make_empty = overlay_make_empty,
};
