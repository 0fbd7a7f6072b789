/*
 * The private overlay of snapshot=on: a sparse file without a name, and one bit a sector that says
 * what lies in it.
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
#include <unistd.h>

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
static bool new_map(struct overlay *o, uint64_t size, struct error **errp)
{
    o->map_size = size / SECTOR / 8 + 1;
    void *p = mmap(NULL, o->map_size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        error_set(errp, "no memory for the map of snapshot=on: %s", g_strerror(errno));
        return false;
    }
    o->map = p;
    return true;
}

struct overlay *overlay_new(uint64_t size, struct error **errp)
{
    struct overlay *o = g_new0(struct overlay, 1);

    mutex_init(&o->lock);
    o->fd = open_unnamed(errp);
    if (o->fd >= 0 && new_map(o, size, errp))
        return o;
    overlay_free(o);
    return NULL;
}

void overlay_free(struct overlay *o)
{
    if (!o)
        return;
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

int overlay_read(struct block_node *b, const struct block_req *req)
{
    uint64_t end = req->offset + req->bytes;

    for (uint64_t at = req->offset, next; at < end; at = next) {
        next = run_end(b->overlay, at, end);
        int fd = is_here(b->overlay, at / SECTOR) ? b->overlay->fd : b->fd;
        int ret = file_read(fd, req, at - req->offset, next - at);
        if (ret)
            return ret;
    }
    return 0;
}

/* Change n bytes inside one sector; buf NULL: to zero. */
static int patch_sector(struct block_node *b, const uint8_t *buf, size_t n, uint64_t off)
{
    struct overlay *o = b->overlay;
    uint64_t base = align_down(off, SECTOR);
    uint8_t sector[SECTOR];

    mutex_lock(&o->lock);
    int ret = file_pread(is_here(o, base / SECTOR) ? o->fd : b->fd, sector, SECTOR, base);
    if (!ret && buf)
        memcpy(sector + (off - base), buf, n);
    else if (!ret)
        memset(sector + (off - base), 0, n);
    if (!ret)
        ret = file_pwrite(o->fd, sector, SECTOR, base);
    if (!ret)
        mark(o, base, SECTOR);
    mutex_unlock(&o->lock);
    return ret;
}

/* Whole sectors in one go, the rest one by one; buf NULL: zeros. */
static int write_unaligned(struct block_node *b, const uint8_t *buf, uint64_t n, uint64_t off)
{
    for (uint64_t len; n; n -= len, off += len, buf = buf ? buf + len : NULL) {
        int ret;
        if (off % SECTOR || n < SECTOR) {
            len = MIN(n, SECTOR - off % SECTOR);
            ret = patch_sector(b, buf, len, off);
        } else {
            len = align_down(n, SECTOR);
            ret = buf ? file_pwrite(b->overlay->fd, buf, len, off)
                      : file_write_zeroes(b->overlay->fd, off, len);
            if (!ret)
                mark(b->overlay, off, len);
        }
        if (ret)
            return ret;
    }
    return 0;
}

int overlay_write(struct block_node *b, const struct block_req *req)
{
    uint64_t off = req->offset, left = req->bytes;

    if (req->offset % SECTOR == 0 && req->bytes % SECTOR == 0) {
        int ret = file_write(b->overlay->fd, req);
        if (!ret)
            mark(b->overlay, req->offset, req->bytes);
        return ret;
    }
    for (unsigned i = 0; i < req->niov && left; i++) {
        uint64_t n = MIN(left, req->iov[i].iov_len);
        int ret = write_unaligned(b, req->iov[i].iov_base, n, off);
        if (ret)
            return ret;
        off += n;
        left -= n;
    }
    return left ? -EINVAL : 0;
}

int overlay_write_zeroes(struct block_node *b, uint64_t off, uint64_t bytes)
{
    return write_unaligned(b, NULL, bytes, off);
}
