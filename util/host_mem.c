/* Large host mappings.  Ref: Linux mmap(2), memfd_create(2), madvise(2). */
#include "util/host_mem.h"

#include "util/bits.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

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

/* Map copies of the first size bytes, which are a file's then, over what follows. */
static bool repeat(uint8_t *p, size_t size, size_t total)
{
    int file = new_memfd("fill", size);
    bool ok = file >= 0 && pwrite(file, p, size, 0) == (ssize_t)size;

    for (size_t off = size; ok && off < total; off += size)
        ok = mmap(p + off, MIN(size, total - off), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
                  file, 0) != MAP_FAILED;
    if (file >= 0)
        close(file);
    return ok;
}

void host_ram_fill(void *p, size_t size, uint8_t byte)
{
    const size_t piece = 512 << 10;

    memset(p, byte, MIN(size, piece));
    if (size > piece && !repeat(p, piece, size))
        memset(p, byte, size);
}

void host_ram_unmap(void *p, size_t size, int fd)
{
    munmap(p, size);
    if (fd >= 0)
        close(fd);
}
