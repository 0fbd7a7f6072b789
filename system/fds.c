/* -add-fd: descriptors that we inherit, for files named /dev/fdset/N. */
#include "util/fds.h"
#include "system/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A duplicate, so that closing the set leaves other uses of the number alone. */
static int inherit(uint64_t fd, struct error **errp)
{
    int copy = -1;

    if (fd <= 2)
        error_set(errp, "fd: wanted one above 2, found %d (a standard stream)", (int)fd);
    else if ((copy = fcntl((int)fd, F_DUPFD_CLOEXEC, 0)) < 0)
        error_set(errp, "fd: %d: %s", (int)fd, g_strerror(errno));
    return copy;
}

static bool add_fd(struct opts *o, struct error **errp)
{
    static const char *const keys[] = {"fd", "set", "opaque", NULL};
    uint64_t fd, number;

    if (!opts_get(o, "fd", NULL) || !opts_get(o, "set", NULL)) {
        error_set(errp, "wanted fd=N,set=N");
        return false;
    }
    if (!opts_get_uint(o, "fd", G_MAXINT, 0, &fd, errp) ||
        !opts_get_uint(o, "set", G_MAXINT, 0, &number, errp))
        return false;
    const char *opaque = opts_get(o, "opaque", NULL);
    if (!opts_check_used(o, keys, errp))
        return false;
    int64_t set = (int64_t)number;
    int copy = inherit(fd, errp);
    return copy >= 0 && fds_set_add(&set, copy, opaque, errp);
}

bool setup_fds(struct setup *s, struct error **errp)
{
    for (guint i = 0; i < s->cli->add_fd->len; i++) {
        const char *text = g_ptr_array_index(s->cli->add_fd, i);
        struct opts *o = opts_parse(text, NULL);
        bool ok = add_fd(o, errp);
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "-add-fd %s", text);
            return false;
        }
    }
    return true;
}
