/* Files that machines are saved to. */
#include "snapshot/file_target.h"

#include "snapshot/mapped.h"
#include "util/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool cannot_open(const char *path, struct error **errp)
{
    error_set(errp, "could not open '%s' for writing: %s", path, g_strerror(errno));
    return false;
}

/* Whoever may read the file may read the guest's memory. */
static bool open_temporary(struct file_target *t, const struct stat *old)
{
    t->temporary = g_strdup_printf("%s.XXXXXX", t->path);
    t->fd = g_mkstemp_full(t->temporary, O_RDWR | O_CLOEXEC, 0600);
    if (t->fd < 0) {
        g_clear_pointer(&t->temporary, g_free);
        return false;
    }
    if (old && fchown(t->fd, old->st_uid, old->st_gid) == 0)
        fchmod(t->fd, old->st_mode & 07777);
    return true;
}

/* Memory of a machine may be mapped from it: file_guard_mapped(). */
static bool lock_whole(struct file_target *t, struct error **errp)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(t->fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES))
        return true;
    error_set(errp, "'%s' is in use: a machine was loaded from it and runs on it", t->path);
    return false;
}

static bool open_in_place(struct file_target *t, struct error **errp)
{
    t->fd = fds_open(t->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (t->fd < 0)
        return cannot_open(t->path, errp);
    if (!lock_whole(t, errp))
        return false;
    if (ftruncate(t->fd, (off_t)t->base) < 0) /* what is not written must be zero */
        return cannot_open(t->path, errp);
    return true;
}

/* A pipe, a terminal, a disk: what is sent to it is a stream. */
static bool open_special(struct file_target *t, struct error **errp)
{
    t->fd = open(t->path, O_WRONLY | O_CLOEXEC);
    if (t->fd >= 0 && t->base == 0)
        return true;
    if (t->fd < 0)
        return cannot_open(t->path, errp);
    error_set(errp, "'%s' is no plain file: offset= cannot be used", t->path);
    return false;
}

static bool open_target(struct file_target *t, struct error **errp)
{
    struct stat st;
    bool exists = stat(t->path, &st) == 0, passed = g_str_has_prefix(t->path, "/dev/fdset/");

    if (exists && !S_ISREG(st.st_mode))
        return open_special(t, errp);
    if (exists && access(t->path, W_OK) < 0)
        return cannot_open(t->path, errp);
    t->can_map = t->base % MAPPED_BASE_ALIGN == 0;
    if (t->base == 0 && !passed && (!exists || st.st_nlink == 1) &&
        open_temporary(t, exists ? &st : NULL))
        return true;
    return open_in_place(t, errp);
}

struct file_target *file_target_open(const struct migrate_uri *u, struct error **errp)
{
    struct file_target *t = g_new0(struct file_target, 1);
    char *real = realpath(u->text, NULL); /* a link stays one */

    *t = (struct file_target){.fd = -1, .base = u->offset, .path = g_strdup(real ? real : u->text)};
    free(real);
    if (open_target(t, errp))
        return t;
    file_target_free(t);
    return NULL;
}

bool file_target_commit(struct file_target *t, struct error **errp)
{
    if (t->temporary && g_rename(t->temporary, t->path) < 0) {
        error_set(errp, "could not rename '%s' to '%s': %s", t->temporary, t->path,
                  g_strerror(errno));
        return false;
    }
    g_clear_pointer(&t->temporary, g_free);
    return true;
}

void file_target_free(struct file_target *t)
{
    if (t == NULL)
        return;
    if (t->temporary)
        g_unlink(t->temporary);
    if (t->fd >= 0)
        close(t->fd);
    g_free(t->temporary);
    g_free(t->path);
    g_free(t);
}

void file_guard_mapped(int fd)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

    fcntl(fd, F_OFD_SETLK, &lock); /* file systems without locks: then there is no guard */
}
