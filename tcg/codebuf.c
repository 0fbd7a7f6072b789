/* Code memory: a memory file mapped twice, near the program text, filled segment by segment. */
#include "tcg/codebuf.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* All of it must be in reach of 32-bit displacements from all of it. */
enum { MAX_SIZE = 1 << 30, MIN_SEGMENT = 1 << 20, FILL_ALIGN = 16, NEAR_STEP = 64 << 20 };
#define NEAR_LIMIT (UINT64_C(2000) << 20) /* of the 2 GiB that a 32-bit displacement reaches */

static size_t round_up(size_t v, size_t a)
{
    return (v + a - 1) / a * a;
}

/* An executable view within reach of the program text; anywhere if the addresses around it are
 * taken. */
static void *map_near_text(int fd, size_t size)
{
    uintptr_t text = (uintptr_t)codebuf_new / NEAR_STEP * NEAR_STEP;
    int prot = PROT_READ | PROT_EXEC;
    for (uintptr_t off = NEAR_STEP; off + size < NEAR_LIMIT; off += NEAR_STEP) {
        for (int below = 0; below < 2; below++) {
            if (below && text < off + size)
                continue;
            void *want = (void *)(below ? text - off - size : text + off);
            void *p = mmap(want, size, prot, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
            if (p == want)
                return p;
            if (p != MAP_FAILED) /* an old kernel took the address as a hint */
                munmap(p, size);
            else if (errno != EEXIST)
                return p;
        }
    }
    return mmap(NULL, size, prot, MAP_SHARED, fd, 0);
}

static bool map_views(struct codebuf *cb, int fd, struct error **errp)
{
    if (ftruncate(fd, cb->size)) {
        error_set(errp, "cannot size the code buffer to %zu MiB: %s", cb->size >> 20,
                  strerror(errno));
        return false;
    }
    cb->rw = mmap(NULL, cb->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (cb->rw == MAP_FAILED) {
        error_set(errp, "cannot map the code buffer for writing: %s", strerror(errno));
        return false;
    }
    cb->rx = map_near_text(fd, cb->size);
    if (cb->rx == MAP_FAILED) {
        error_set(errp, "cannot map the code buffer for execution: %s", strerror(errno));
        munmap(cb->rw, cb->size);
        return false;
    }
    return true;
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
    int fd = memfd_create("translated-code", MFD_CLOEXEC);
    if (fd < 0) {
        error_set(errp, "cannot create a memory file for translated code: %s", strerror(errno));
        return NULL;
    }
    struct codebuf *cb = g_new0(struct codebuf, 1);
    cb->nsegs = nsegs;
    cb->seg_size = seg;
    cb->size = seg * nsegs;
    if (!map_views(cb, fd, errp)) {
        g_free(cb);
        cb = NULL;
    }
    close(fd);
    return cb;
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

void codebuf_commit(struct codebuf *cb, size_t used)
{
    cb->used += used;
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
