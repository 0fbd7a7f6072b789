/*
 * Memory back ends: -object memory-backend-ram, -memfd and -file, which -machine memory-backend=ID
 * or -numa node,memdev=ID make the machine's RAM, or a part of it; and -mem-path.
 *
 * The machine has one piece of anonymous memory.  A back end decides how much of it there is,
 * whether all is there from the start, and what file lies behind its part.
 */
#include "system/setup.h"
#include "util/bits.h"
#include "util/host_mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

struct memdev {
    char *id, *path; /* path: a file, or a directory for one without a name; NULL: anonymous */
    uint64_t size;   /* bytes */
    uint64_t offset; /* of the file, where it begins */
    bool prealloc, share, discard, in_use;
};

static GPtrArray *memdevs, *used; /* of struct memdev; process-wide, as the ids of -object are */

static void free_memdev(void *memdev)
{
    struct memdev *d = memdev;

    g_free(d->id);
    g_free(d->path);
    g_free(d);
}

/* What users want gone with the process is written to no disk. */
static void discard(const struct memdev *d)
{
    int fd = d->discard && d->in_use && d->path ? open(d->path, O_RDWR | O_CLOEXEC) : -1;
    struct stat st;

    if (fd < 0)
        return;
    if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)d->offset,
                  (off_t)d->size) < 0) {
        /* then it stays */
    }
    close(fd);
}

void memdev_free_all(void)
{
    for (guint i = 0; memdevs && i < memdevs->len; i++)
        discard(g_ptr_array_index(memdevs, i));
    g_clear_pointer(&used, g_ptr_array_unref);
    g_clear_pointer(&memdevs, g_ptr_array_unref);
}

static struct memdev *find(const char *id)
{
    for (guint i = 0; memdevs && i < memdevs->len; i++) {
        struct memdev *d = g_ptr_array_index(memdevs, i);
        if (!strcmp(d->id, id))
            return d;
    }
    return NULL;
}

/* Keys that choose how the host keeps the memory: of one process with one kind of memory they only
 * need to be well formed. */
static bool check_placement(struct opts *o, struct error **errp)
{
    static const char *const flags[] = {"merge", "dump", "reserve", "seal", "pmem"};
    const char *policy = opts_get(o, "policy", "default");
    uint64_t threads;
    bool value;

    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        if (!opts_get_bool(o, flags[i], false, &value, errp))
            return false;
    if (!opts_get_uint(o, "prealloc-threads", 4096, 1, &threads, errp))
        return false;
    if (!strcmp(policy, "default") && !opts_get(o, "host-nodes", NULL))
        return true;
    error_set(errp, "memory cannot be bound to nodes of the host: leave out host-nodes and policy");
    return false;
}

#define MEMDEV_KEYS                                                                                \
    "qom-type", "id", "size", "share", "merge", "dump", "reserve", "policy", "host-nodes",         \
        "prealloc", "prealloc-threads", "x-use-canonical-path-for-ramblock-id"
const char *const memdev_keys[] = {MEMDEV_KEYS, NULL};
const char *const memdev_file_keys[] = {MEMDEV_KEYS, "mem-path", "discard-data", "offset", "align",
                                        "pmem",      "readonly", "rom",          NULL};
const char *const memdev_memfd_keys[] = {MEMDEV_KEYS, "seal", "hugetlb", "hugetlbsize", NULL};

static bool add(const char *id, const struct memdev *d, struct error **errp)
{
    if (!d->size) {
        error_set(errp, "wanted size=SIZE");
        return false;
    }
    if (find(id)) {
        error_set(errp, "id '%s' is taken", id);
        return false;
    }
    if (!memdevs)
        memdevs = g_ptr_array_new_with_free_func(free_memdev);
    struct memdev *copy = g_memdup2(d, sizeof(*d));
    copy->id = g_strdup(id);
    copy->path = g_strdup(d->path);
    g_ptr_array_add(memdevs, copy);
    return true;
}

static bool parse_common(struct opts *o, struct memdev *d, struct error **errp)
{
    return opts_get_size(o, "size", 0, &d->size, errp) &&
           opts_get_bool(o, "prealloc", false, &d->prealloc, errp) &&
           opts_get_bool(o, "share", d->share, &d->share, errp) && check_placement(o, errp);
}

bool memdev_create(const char *id, struct opts *o, struct error **errp)
{
    struct memdev d = {0};

    return parse_common(o, &d, errp) && add(id, &d, errp);
}

bool memdev_create_memfd(const char *id, struct opts *o, struct error **errp)
{
    struct memdev d = {.share = true};
    bool huge;

    if (!opts_get_bool(o, "hugetlb", false, &huge, errp) || !parse_common(o, &d, errp))
        return false;
    if (huge || opts_get(o, "hugetlbsize", NULL)) {
        error_set(errp, "hugetlb: memory has transparent huge pages only; leave it out");
        return false;
    }
    return add(id, &d, errp);
}

bool memdev_create_file(const char *id, struct opts *o, struct error **errp)
{
    uint64_t align, page = host_page_size();
    bool readonly;
    struct memdev d = {.path = (char *)(uintptr_t)opts_get(o, "mem-path", NULL)};

    if (!parse_common(o, &d, errp) || !opts_get_size(o, "offset", 0, &d.offset, errp) ||
        !opts_get_size(o, "align", page, &align, errp) ||
        !opts_get_bool(o, "discard-data", false, &d.discard, errp) ||
        !opts_get_bool(o, "readonly", false, &readonly, errp))
        return false;
    if (!d.path)
        error_set(errp, "wanted mem-path=FILE");
    else if (readonly)
        error_set(errp, "readonly=on: a machine's memory must be writable; share=off leaves the "
                        "file as it is");
    else if (strcmp(opts_get(o, "rom", "auto"), "auto") && strcmp(opts_get(o, "rom", ""), "off"))
        error_set(errp, "rom=%s: a machine's memory is no ROM", opts_get(o, "rom", ""));
    else if (d.offset % page || align > page)
        error_set(errp, "offset must be a multiple of %" G_GUINT64_FORMAT ", align at most that",
                  page);
    else
        return add(id, &d, errp);
    return false;
}

bool memdev_destroy(const char *id UNUSED)
{
    return false; /* a machine's memory stays; one that no machine uses costs nothing */
}

bool memdev_use(const char *id, uint64_t *size, struct error **errp)
{
    struct memdev *d = find(id);

    if (!d || d->in_use) {
        error_set(errp, d ? "-object %s is in use" : "no -object memory-backend-ram has that id",
                  id);
        return false;
    }
    if (!used)
        used = g_ptr_array_new();
    d->in_use = true;
    g_ptr_array_add(used, d);
    *size = d->size;
    return true;
}

const char *memdev_used(unsigned nth, uint64_t *size, bool *share, bool *prealloc)
{
    const struct memdev *d = used && nth < used->len ? g_ptr_array_index(used, nth) : NULL;

    if (!d)
        return NULL;
    *size = d->size;
    *share = d->share;
    *prealloc = d->prealloc;
    return d->id;
}

/* ---- files ---- */

static int open_file(const struct memdev *d, struct error **errp)
{
    struct stat st;
    bool is_dir = !stat(d->path, &st) && S_ISDIR(st.st_mode);
    int fd = is_dir ? open(d->path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
                    : open(d->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    uint64_t end = d->offset + d->size;

    if (fd >= 0 && !fstat(fd, &st) &&
        (!S_ISREG(st.st_mode) || (uint64_t)st.st_size >= end || !ftruncate(fd, (off_t)end)))
        return fd;
    error_set(errp, "memory back end '%s': %s: %s", d->id, d->path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool back_part(struct ram_block *ram, uint64_t at, const struct memdev *d,
                      struct error **errp)
{
    int fd = open_file(d, errp);

    if (fd < 0)
        return false;
    if (mmap(ram->host + at, d->size, PROT_READ | PROT_WRITE,
             (d->share ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED, fd,
             (off_t)d->offset) == MAP_FAILED) {
        error_set(errp, "memory back end '%s': mapping %s: %s", d->id, d->path, g_strerror(errno));
        close(fd);
        return false;
    }
    if (ram->fd < 0)
        ram->fd = fd;
    else
        close(fd); /* the mapping stays */
    return true;
}

static bool back_ram(struct ram_block *ram, struct error **errp)
{
    uint64_t at = 0;

    for (guint i = 0; i < used->len; i++) {
        const struct memdev *d = g_ptr_array_index(used, i);
        if (at % host_page_size() || d->size % host_page_size() || at + d->size > ram->size) {
            error_set(errp, "memory back end '%s': its size must be a multiple of %zu", d->id,
                      host_page_size());
            return false;
        }
        if (d->path && !back_part(ram, at, d, errp))
            return false;
        at += d->size;
    }
    return true;
}

/* ---- the machine's memory ---- */

static bool choose_backend(struct setup *s, const char *id, struct error **errp)
{
    uint64_t size;

    if (!memdev_use(id, &size, errp)) {
        error_prefix(errp, "-machine memory-backend=%s", id);
        return false;
    }
    if (s->cli->memory && size != s->cfg.ram_size) {
        error_set(errp,
                  "-machine memory-backend=%s: it has %" G_GUINT64_FORMAT
                  " bytes, but -m says %" G_GUINT64_FORMAT,
                  id, size, s->cfg.ram_size);
        return false;
    }
    s->cfg.ram_size = size;
    return true;
}

/* -mem-path is a back end without a name. */
static bool choose_path(struct setup *s, struct error **errp)
{
    static const char id[] = "-mem-path";
    struct memdev d = {.path = (char *)(uintptr_t)s->cli->mem_path,
                       .size = s->cfg.ram_size,
                       .prealloc = s->cli->mem_prealloc};

    return add(id, &d, errp) && memdev_use(id, &d.size, errp);
}

bool setup_memory(struct setup *s, struct error **errp)
{
    const char *id = setup_machine_opt(s, "memory-backend");

    s->cfg.back_ram = back_ram;
    used = used ? used : g_ptr_array_new();
    if (id && s->cli->mem_path) {
        error_set(errp, "-mem-path %s: the memory is that of memory-backend=%s", s->cli->mem_path,
                  id);
        return false;
    }
    if (id)
        return choose_backend(s, id, errp);
    return !s->cli->mem_path || s->cli->numa->len || choose_path(s, errp);
}

static struct ram_block *main_ram(const struct setup *s)
{
    struct ram_block *ram = s->machine->rams;

    while (ram && ram->size != s->cfg.ram_size)
        ram = ram->next;
    return ram;
}

static bool populate(struct ram_block *ram, uint64_t at, uint64_t size, const char *id,
                     struct error **errp)
{
    if (!madvise(ram->host + at, size, MADV_POPULATE_WRITE))
        return true;
    error_set(errp, "cannot allocate %" G_GUINT64_FORMAT " bytes for '%s' now: %s", size, id,
              g_strerror(errno));
    return false;
}

bool setup_prealloc(struct setup *s, struct error **errp)
{
    struct ram_block *ram = main_ram(s);
    uint64_t at = 0;

    if (ram && s->cli->mem_prealloc)
        return populate(ram, 0, ram->size, "-mem-prealloc", errp);
    for (guint i = 0; ram && i < used->len; i++) {
        const struct memdev *d = g_ptr_array_index(used, i);
        if (d->prealloc && !populate(ram, at, d->size, d->id, errp))
            return false;
        at += d->size;
    }
    return true;
}
