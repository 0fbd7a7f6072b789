/* Extended attributes of shared files.  With mapped-xattr, user.virtfs.* is ours; access control
 * lists, which the host would apply to its own users, are kept below it. */
#include "fsdev/fsdev_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#define OURS "user.virtfs."

static bool is_acl(const char *name)
{
    return g_str_has_prefix(name, "system.posix_acl_");
}

/* The host's name into buf; NULL when the guest may not use it. */
static const char *host_name(const struct fsdev *fs, const char *name, char buf[XATTR_NAME_MAX + 1])
{
    if (fs->model != SECURITY_MAPPED)
        return name;
    if (g_str_has_prefix(name, OURS))
        return NULL;
    if (!is_acl(name))
        return name;
    return g_snprintf(buf, XATTR_NAME_MAX + 1, OURS "%s", name) <= XATTR_NAME_MAX ? buf : NULL;
}

ssize_t local_xattr_get(const struct fsdev *fs, const struct node *n, const char *name, void *buf,
                        size_t size)
{
    char space[XATTR_NAME_MAX + 1];
    const char *host = host_name(fs, name, space);
    if (!host)
        return -ENODATA;
    ssize_t got = getxattr(local_path(n->fd).text, host, buf, size);
    return got < 0 ? -errno : got;
}

/* What the guest calls a name of the host's list, or NULL. */
static const char *guest_name(const struct fsdev *fs, const char *name)
{
    if (fs->model != SECURITY_MAPPED || !g_str_has_prefix(name, OURS))
        return name;
    name += strlen(OURS);
    return is_acl(name) ? name : NULL;
}

ssize_t local_xattr_list(const struct fsdev *fs, const struct node *n, char *buf, size_t size)
{
    g_autofree char *all = g_malloc(size);
    size_t used = 0;
    ssize_t got = listxattr(local_path(n->fd).text, all, size);
    if (got < 0)
        return -errno;
    for (ssize_t i = 0; i < got;) {
        const char *name = guest_name(fs, all + i);
        i += (ssize_t)strlen(all + i) + 1;
        if (!name)
            continue;
        memcpy(buf + used, name, strlen(name) + 1); /* never longer than what it came from */
        used += strlen(name) + 1;
    }
    return (ssize_t)used;
}

int local_xattr_set(const struct fsdev *fs, const struct node *n, const char *name, const void *buf,
                    size_t size, int flags)
{
    char space[XATTR_NAME_MAX + 1];
    const char *host = host_name(fs, name, space);
    if (!host)
        return -EACCES;
    return setxattr(local_path(n->fd).text, host, buf, size, flags) ? -errno : 0;
}

int local_xattr_remove(const struct fsdev *fs, const struct node *n, const char *name)
{
    char space[XATTR_NAME_MAX + 1];
    const char *host = host_name(fs, name, space);
    if (!host)
        return -EACCES;
    return removexattr(local_path(n->fd).text, host) ? -errno : 0;
}
