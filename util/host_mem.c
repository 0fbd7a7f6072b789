/* Large host mappings.  Ref: Linux mmap(2), memfd_create(2), madvise(2). */
#include "util/host_mem.h"

#include "util/bits.h"

#include <errno.h>
#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };
/* What we leave free behind our text for the heap to grow into. */
static const uint64_t HEAP_ROOM = UINT64_C(256) << 20;
/* How far from our text code may lie: 2 GB less room for the program itself. */
static const uint64_t NEAR_REACH = (UINT64_C(2) << 30) - (UINT64_C(64) << 20);

size_t host_page_size(void)
{
    return sysconf(_SC_PAGESIZE);
}

/* A memfd of size bytes, or -1 with errno. */
static int new_memfd(const char *name, size_t size)
{
    int fd = memfd_create(name, MFD_CLOEXEC);

    if (fd >= 0 && ftruncate(fd, size) < 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Reserve a range whose start is aligned for huge pages; the surplus is given back. */
static uint8_t *reserve_aligned(size_t size)
{
    size_t total = size + HUGE_PAGE;
    uint8_t *p = mmap(NULL, total, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    size_t head = align_up((uintptr_t)p, HUGE_PAGE) - (uintptr_t)p;
    if (head)
        munmap(p, head);
    munmap(p + head + size, total - head - size);
    return p + head;
}

void *host_ram_map(size_t size, int *fd, struct error **errp)
{
    int file = -1, flags = MAP_PRIVATE | MAP_ANONYMOUS;
    uint8_t *at = size && size < SIZE_MAX / 2 ? reserve_aligned(size) : NULL;
    void *p = MAP_FAILED;

    if (fd) {
        file = at ? new_memfd("guest-ram", size) : -1;
        flags = MAP_SHARED;
    }
    if (at && (!fd || file >= 0))
        p = mmap(at, size, PROT_READ | PROT_WRITE, flags | MAP_FIXED, file, 0);
    if (p == MAP_FAILED) {
        error_set(errp, "could not map %zu MB of memory: %s", size >> 20,
                  g_strerror(at ? errno : ENOMEM));
        if (at)
            munmap(at, size);
        if (file >= 0)
            close(file);
        return NULL;
    }
    madvise(p, size, MADV_HUGEPAGE);
    madvise(p, size, MADV_DONTDUMP);
    if (fd)
        *fd = file;
    return p;
}

void host_ram_unmap(void *p, size_t size, int fd)
{
    munmap(p, size);
    if (fd >= 0)
        close(fd);
}

/* Map fd executable at exactly addr, or fail without touching what is there. */
static uint8_t *map_exec_at(uint64_t addr, size_t size, int fd)
{
    void *hint = (void *)(uintptr_t)addr;
    void *p = mmap(hint, size, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);

    if (p == MAP_FAILED)
        return NULL;
    if (p != hint) { /* a kernel before 4.17 takes the address as a hint */
        munmap(p, size);
        return NULL;
    }
    return p;
}

/* Try addresses ever farther from our text, above and below in turn. */
static uint8_t *map_exec_near(size_t size, int fd)
{
    uint64_t text = align_down((uintptr_t)&host_code_map, HUGE_PAGE);

    for (uint64_t dist = HEAP_ROOM; dist + size < NEAR_REACH; dist += 8 * HUGE_PAGE) {
        uint8_t *p = map_exec_at(text + dist, size, fd);
        if (!p && text > dist + size + HUGE_PAGE)
            p = map_exec_at(text - align_up(dist + size, HUGE_PAGE), size, fd);
        if (p)
            return p;
    }
    return NULL;
}

bool host_code_map(struct host_code *c, size_t size, struct error **errp)
{
    *c = (struct host_code){.size = align_up(size, host_page_size())};
    int fd = new_memfd("code", c->size);
    if (fd < 0) {
        error_set(errp, "could not make %zu MB of code memory: %s", size >> 20, g_strerror(errno));
        return false;
    }
    c->rx = map_exec_near(c->size, fd);
    c->near_text = c->rx;
    void *rx = c->rx ? c->rx : mmap(NULL, c->size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    void *rw = mmap(NULL, c->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (rx == MAP_FAILED || rw == MAP_FAILED)
        error_set(errp, "could not map %zu MB of code memory: %s", size >> 20, g_strerror(errno));
    c->rx = rx == MAP_FAILED ? NULL : rx;
    c->rw = rw == MAP_FAILED ? NULL : rw;
    close(fd);
    if (c->rx && c->rw)
        return true;
    host_code_unmap(c);
    return false;
}

void host_code_unmap(struct host_code *c)
{
    if (c->rx)
        munmap(c->rx, c->size);
    if (c->rw)
        munmap(c->rw, c->size);
    *c = (struct host_code){0};
}
