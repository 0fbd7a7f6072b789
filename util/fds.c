/* Descriptors by name and in sets. */
#include "util/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct named {
    char *name;
    int fd;
};

struct member {
    struct fds_member m;
    char *opaque;
};

/* Process-wide, as descriptors are. */
static GArray *names;   /* struct named */
static GArray *members; /* struct member, those of a set in the order in which they came */

static int find_name(const char *name)
{
    for (guint i = 0; names && i < names->len; i++)
        if (!strcmp(g_array_index(names, struct named, i).name, name))
            return (int)i;
    return -1;
}

bool fds_close(const char *name, struct error **errp)
{
    int i = find_name(name);

    if (i < 0) {
        error_set(errp, "file descriptor named '%s' not found", name);
        return false;
    }
    struct named n = g_array_index(names, struct named, i);
    g_array_remove_index(names, (guint)i);
    close(n.fd);
    g_free(n.name);
    return true;
}

bool fds_put(const char *name, int take_fd, struct error **errp)
{
    struct named n = {NULL, take_fd};

    if (!*name || g_ascii_isdigit(*name)) {
        error_set(errp, "'%s' as a name: it must not begin with a digit", name);
        close(take_fd);
        return false;
    }
    if (!names)
        names = g_array_new(FALSE, FALSE, sizeof(struct named));
    if (find_name(name) >= 0 && !fds_close(name, errp))
        return false;
    n.name = g_strdup(name);
    g_array_append_val(names, n);
    return true;
}

int fds_take(const char *name, struct error **errp)
{
    char *end;
    int i = find_name(name);

    if (g_ascii_isdigit(*name)) {
        long fd = strtol(name, &end, 10);
        if (!*end && fd <= INT32_MAX && fcntl((int)fd, F_GETFD) >= 0)
            return (int)fd;
    }
    if (i < 0) {
        error_set(errp, "file descriptor named '%s' not found", name);
        return -1;
    }
    struct named n = g_array_index(names, struct named, i);
    g_array_remove_index(names, (guint)i);
    g_free(n.name);
    return n.fd;
}

static bool set_exists(int64_t set)
{
    for (guint i = 0; members && i < members->len; i++)
        if (g_array_index(members, struct member, i).m.set == set)
            return true;
    return false;
}

static int64_t free_set(void)
{
    int64_t set = 0;

    while (set_exists(set))
        set++;
    return set;
}

bool fds_set_add(int64_t *set, int take_fd, const char *opaque, struct error **errp)
{
    struct member m = {.m.fd = take_fd};

    if (fcntl(take_fd, F_GETFD) < 0) {
        error_set(errp, "%d is no open file descriptor", take_fd);
        return false;
    }
    if (!members)
        members = g_array_new(FALSE, FALSE, sizeof(struct member));
    if (*set < 0)
        *set = free_set();
    m.m.set = *set;
    m.opaque = g_strdup(opaque);
    g_array_append_val(members, m);
    return true;
}

bool fds_set_remove(int64_t set, int fd, struct error **errp)
{
    bool found = false;

    for (guint i = 0; members && i < members->len;) {
        struct member m = g_array_index(members, struct member, i);
        if (m.m.set != set || (fd >= 0 && m.m.fd != fd)) {
            i++;
            continue;
        }
        g_array_remove_index(members, i);
        close(m.m.fd);
        g_free(m.opaque);
        found = true;
    }
    if (!found && fd >= 0)
        error_set(errp, "set %" PRId64 " has no file descriptor %d", set, fd);
    else if (!found)
        error_set(errp, "there is no set %" PRId64, set);
    return found;
}

void fds_set_foreach(void (*fn)(const struct fds_member *m, void *opaque), void *opaque)
{
    for (guint i = 0; members && i < members->len; i++) {
        struct member *m = &g_array_index(members, struct member, i);
        struct fds_member shown = {m->m.set, m->m.fd, m->opaque};
        fn(&shown, opaque);
    }
}

static int dup_member(int64_t set, int flags)
{
    bool any = false;

    for (guint i = 0; members && i < members->len; i++) {
        const struct fds_member *m = &g_array_index(members, struct member, i).m;
        if (m->set != set)
            continue;
        any = true;
        int have = fcntl(m->fd, F_GETFL);
        if (have >= 0 && (have & O_ACCMODE) == (flags & O_ACCMODE))
            return fcntl(m->fd, F_DUPFD_CLOEXEC, 0);
    }
    errno = any ? EACCES : ENOENT;
    return -1;
}

int fds_open(const char *path, int flags, mode_t mode)
{
    static const char prefix[] = "/dev/fdset/";
    char *end;

    if (strncmp(path, prefix, strlen(prefix)))
        return open(path, flags | O_CLOEXEC, mode);
    int64_t set = g_ascii_strtoll(path + strlen(prefix), &end, 10);
    if (*end || end == path + strlen(prefix)) {
        errno = ENOENT;
        return -1;
    }
    return dup_member(set, flags);
}
