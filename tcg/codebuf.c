/* Code memory: the same pages mapped twice, near the program text, filled segment by segment. */
#include "tcg/codebuf.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE /* Linux 5.14; older ones refuse, and pages come one by one */
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

/* All of it must be in reach of 32-bit displacements from all of it. */
enum { MAX_SIZE = 1 << 30, MIN_SEGMENT = 1 << 20, FILL_ALIGN = 16, NEAR_STEP = 64 << 20 };
enum { READY_STEP = 512 << 10, READY_AHEAD = 64 << 10 };
#define NEAR_LIMIT (UINT64_C(2000) << 20) /* of the 2 GiB that a 32-bit displacement reaches */

static size_t round_up(size_t v, size_t a)
{
    return (v + a - 1) / a * a;
}

/* Address space at want, or anywhere for NULL, that nothing is mapped into yet. */
static void *reserve_at(void *want, size_t size)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    return mmap(want, size, PROT_NONE, flags | (want ? MAP_FIXED_NOREPLACE : 0), -1, 0);
}

/* Such space within reach of the program text; anywhere if the addresses around it are taken. */
static void *reserve_near_text(size_t size)
{
    uintptr_t text = (uintptr_t)codebuf_new / NEAR_STEP * NEAR_STEP;
    for (uintptr_t off = NEAR_STEP; off + size < NEAR_LIMIT; off += NEAR_STEP) {
        for (int below = 0; below < 2; below++) {
            if (below && text < off + size)
                continue;
            void *want = (void *)(below ? text - off - size : text + off);
            void *p = reserve_at(want, size);
            if (p == want)
                return p;
            if (p != MAP_FAILED) /* an old kernel took the address as a hint */
                munmap(p, size);
            else if (errno != EEXIST)
                return p;
        }
    }
    return reserve_at(NULL, size);
}

/*
 * Both views come from one shared anonymous mapping rather than a memory file, since perf looks up
 * translated code by name in anonymous memory only.  They are only readable until there are two, so
 * that neither is ever both writable and executable.  Ref: mremap(2): an old size of 0 duplicates a
 * shared mapping.
 */
static bool map_anonymous_twice(struct codebuf *cb)
{
    int flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    return mmap(cb->rw, cb->size, PROT_READ, flags, -1, 0) != MAP_FAILED &&
           mremap(cb->rw, 0, cb->size, MREMAP_MAYMOVE | MREMAP_FIXED, cb->rx) != MAP_FAILED &&
           !mprotect(cb->rw, cb->size, PROT_READ | PROT_WRITE) &&
           !mprotect(cb->rx, cb->size, PROT_READ | PROT_EXEC);
}

/* For hosts that do not duplicate mappings, or do not let anonymous memory become executable. */
static bool map_file_twice(struct codebuf *cb)
{
    int fd = memfd_create("translated-code", MFD_CLOEXEC);
    int flags = MAP_SHARED | MAP_FIXED;
    bool ok = fd >= 0 && !ftruncate(fd, cb->size) &&
              mmap(cb->rw, cb->size, PROT_READ | PROT_WRITE, flags, fd, 0) != MAP_FAILED &&
              mmap(cb->rx, cb->size, PROT_READ | PROT_EXEC, flags, fd, 0) != MAP_FAILED;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    errno = saved;
    return ok;
}

/* Both views replace what was reserved for them: nobody else's mapping is ever touched. */
static bool map_views(struct codebuf *cb, struct error **errp)
{
    void *rx = reserve_near_text(cb->size), *rw = reserve_at(NULL, cb->size);
    cb->rx = rx;
    cb->rw = rw;
    if (rx != MAP_FAILED && rw != MAP_FAILED && (map_anonymous_twice(cb) || map_file_twice(cb)))
        return true;
    error_set(errp, "cannot map %zu MiB of memory for translated code twice: %s", cb->size >> 20,
              strerror(errno));
    if (rx != MAP_FAILED)
        munmap(rx, cb->size);
    if (rw != MAP_FAILED)
        munmap(rw, cb->size);
    return false;
}

struct codebuf *codebuf_new(size_t size, unsigned nsegs, struct error **errp)
{
    nsegs = nsegs ? nsegs : 1;
    size_t seg = round_up(size / nsegs, MIN_SEGMENT);
    seg = seg ? seg : MIN_SEGMENT;
    if (seg > MAX_SIZE / nsegs) {
        error_set(errp, "a code buffer of %zu MiB is too large: the most is %d MiB", size >> 20,
                  MAX_SIZE >> 20);
        return NULL;
    }
    struct codebuf *cb = g_new0(struct codebuf, 1);
    cb->nsegs = nsegs;
    cb->seg_size = seg;
    cb->size = seg * nsegs;
    if (map_views(cb, errp))
        return cb;
    g_free(cb);
    return NULL;
}

void codebuf_free(struct codebuf *cb)
{
    if (!cb)
        return;
    munmap(cb->rw, cb->size);
    munmap(cb->rx, cb->size);
    g_free(cb);
}

uint8_t *codebuf_reserve(struct codebuf *cb, size_t max, uint8_t **rx)
{
    cb->used = round_up(cb->used, FILL_ALIGN);
    if (cb->used + max > cb->seg_size)
        return NULL;
    size_t off = cb->cur * cb->seg_size + cb->used;
    *rx = cb->rx + off;
    return cb->rw + off;
}

/* One system call a step costs less than a page fault in each view for each of its pages. */
static void make_ready(struct codebuf *cb, size_t end)
{
    size_t step = MIN(READY_STEP, cb->size - cb->ready);
    if (end + READY_AHEAD <= cb->ready || !step)
        return;
    madvise(cb->rw + cb->ready, step, MADV_POPULATE_WRITE);
    madvise(cb->rx + cb->ready, step, MADV_POPULATE_READ);
    cb->ready += step;
}

void codebuf_commit(struct codebuf *cb, size_t used)
{
    cb->used += used;
    make_ready(cb, cb->cur * cb->seg_size + cb->used);
}

unsigned codebuf_next_segment(struct codebuf *cb)
{
    cb->cur = (cb->cur + 1) % cb->nsegs;
    cb->used = cb->cur == 0 ? cb->stub_end : 0;
    return cb->cur;
}

unsigned codebuf_segment_of(const struct codebuf *cb, const void *rx)
{
    return ((const uint8_t *)rx - cb->rx) / cb->seg_size;
}
