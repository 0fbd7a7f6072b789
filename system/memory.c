/*
 * Memory back ends: -object memory-backend-ram, which -machine memory-backend=ID makes the
 * machine's RAM.
 *
 * Every machine has anonymous memory of its own with or without one; what a back end decides is the
 * size and whether all of it is there from the start.
 */
#include "system/setup.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

struct memdev {
    char *id;
    uint64_t size; /* bytes */
    bool prealloc;
};

static GPtrArray *memdevs; /* of struct memdev; process-wide, as the ids of -object are */

static void free_memdev(void *memdev)
{
    struct memdev *d = memdev;

    g_free(d->id);
    g_free(d);
}

void memdev_free_all(void)
{
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
    static const char *const flags[] = {"share", "merge", "dump", "reserve"};
    const char *policy = opts_get(o, "policy", "default");
    bool value;

    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        if (!opts_get_bool(o, flags[i], false, &value, errp))
            return false;
    if (!strcmp(policy, "default") && !opts_get(o, "host-nodes", NULL))
        return true;
    error_set(errp, "memory cannot be bound to nodes of the host: leave out host-nodes and policy");
    return false;
}

const char *const memdev_keys[] = {"qom-type", "id",     "size",       "share",    "merge", "dump",
                                   "reserve",  "policy", "host-nodes", "prealloc", NULL};

bool memdev_create(const char *id, struct opts *o, struct error **errp)
{
    struct memdev d = {0};

    if (!opts_get_size(o, "size", 0, &d.size, errp) ||
        !opts_get_bool(o, "prealloc", false, &d.prealloc, errp) || !check_placement(o, errp))
        return false;
    if (!d.size) {
        error_set(errp, "wanted size=SIZE");
        return false;
    }
    if (find(id)) {
        error_set(errp, "id '%s' is taken", id);
        return false;
    }
    if (!memdevs)
        memdevs = g_ptr_array_new_with_free_func(free_memdev);
    d.id = g_strdup(id);
    g_ptr_array_add(memdevs, g_memdup2(&d, sizeof(d)));
    return true;
}

bool memdev_destroy(const char *id UNUSED)
{
    return false; /* a machine's memory stays; one that no machine uses costs nothing */
}

static struct memdev *chosen(struct setup *s)
{
    const char *id = setup_machine_opt(s, "memory-backend");

    return id ? find(id) : NULL;
}

bool setup_memory(struct setup *s, struct error **errp)
{
    const char *id = setup_machine_opt(s, "memory-backend");
    const struct memdev *d = chosen(s);

    if (!id)
        return true;
    if (!d) {
        error_set(errp, "-machine memory-backend=%s: no -object memory-backend-ram has that id",
                  id);
        return false;
    }
    if (s->cli->memory && d->size != s->cfg.ram_size) {
        error_set(errp,
                  "-machine memory-backend=%s: it has %" G_GUINT64_FORMAT
                  " bytes, but -m says %" G_GUINT64_FORMAT,
                  id, d->size, s->cfg.ram_size);
        return false;
    }
    s->cfg.ram_size = d->size;
    return true;
}

bool setup_prealloc(struct setup *s, struct error **errp)
{
    const struct memdev *d = chosen(s);

    for (struct ram_block *ram = s->machine->rams; d && d->prealloc && ram; ram = ram->next) {
        if (ram->size != s->cfg.ram_size || !madvise(ram->host, ram->size, MADV_POPULATE_WRITE))
            continue;
        error_set(errp, "cannot allocate %" G_GUINT64_FORMAT " bytes for '%s' now: %s", ram->size,
                  d->id, g_strerror(errno));
        return false;
    }
    return true;
}
