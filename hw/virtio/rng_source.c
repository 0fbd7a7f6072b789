/* Sources of random bytes, by id. */
#include "hw/virtio/rng_source.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

struct rng_source {
    char *id;
    int fd; /* -1: getrandom() */
    struct rng_source *next;
};

/* Objects of the command line: made before any device, freed after all of them, never changed
 * between. */
static struct rng_source *sources;

struct rng_source *rng_source_find(const char *id)
{
    struct rng_source *s = sources;
    while (s && strcmp(s->id, id) != 0)
        s = s->next;
    return s;
}

static bool add(const char *id, int fd, struct error **errp)
{
    if (rng_source_find(id)) {
        error_set(errp, "object '%s' exists already", id);
        return false;
    }
    struct rng_source *s = g_new0(struct rng_source, 1);
    s->id = g_strdup(id);
    s->fd = fd;
    s->next = sources;
    sources = s;
    return true;
}

bool rng_source_new_file(const char *id, const char *path, struct error **errp)
{
    const char *name = path ? path : "/dev/urandom";
    int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        error_set(errp, "could not open '%s': %s", name, strerror(errno));
        return false;
    }
    if (add(id, fd, errp))
        return true;
    close(fd);
    return false;
}

bool rng_source_new_builtin(const char *id, struct error **errp)
{
    return add(id, -1, errp);
}

static void free_source(struct rng_source *s)
{
    if (s->fd >= 0)
        close(s->fd);
    g_free(s->id);
    g_free(s);
}

bool rng_source_delete(const char *id)
{
    struct rng_source **p = &sources, *s;
    while (*p && strcmp((*p)->id, id) != 0)
        p = &(*p)->next;
    s = *p;
    if (!s)
        return false;
    *p = s->next;
    free_source(s);
    return true;
}

void rng_source_free_all(void)
{
    while (sources) {
        struct rng_source *s = sources;
        sources = s->next;
        free_source(s);
    }
}

long rng_source_read(struct rng_source *src, void *buf, size_t n)
{
    ssize_t got;
    do
        got = src && src->fd >= 0 ? read(src->fd, buf, n) : getrandom(buf, n, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN ? 0 : -errno;
    return got;
}

static bool parse(void *field, const char *text, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    struct rng_source *s = rng_source_find(text);
    if (s) {
        *(struct rng_source **)field = s;
        return true;
    }
    for (const struct rng_source *r = sources; r; r = r->next)
        g_ptr_array_add(names, r->id);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(text, (const char *const *)names->pdata);
    error_set(errp, "there is no -object rng-random or rng-builtin with id '%s'", text);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return false;
}

static void print(const void *field, FILE *f)
{
    const struct rng_source *s = *(struct rng_source *const *)field;
    fputs(s ? s->id : "builtin", f);
}

const struct prop_kind prop_rng_source = {.name = "rng object", .parse = parse, .print = print};
