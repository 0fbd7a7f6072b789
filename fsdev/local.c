/*
 * The host's files below a shared directory.
 *
 * Each file the guest holds is an O_PATH descriptor, found from its parent's descriptor by one name
 * without following links.  So neither ".." nor a symbolic link, the guest's or another process's,
 * leads out of the share, whatever is renamed meanwhile.
 */
#include "fsdev/fsdev_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { PERMISSIONS = 07777 };

struct fd_path local_path(int fd)
{
    struct fd_path p;
    g_snprintf(p.text, sizeof(p.text), "/proc/self/fd/%d", fd);
    return p;
}

static struct node *node_new(struct node *parent, const char *name, int take_fd)
{
    struct node *n = g_new0(struct node, 1);
    n->parent = parent ? local_ref(parent) : NULL;
    n->name = g_strdup(name);
    n->fd = take_fd;
    n->refs = 1;
    return n;
}

struct node *local_root(const struct fsdev *fs)
{
    return node_new(NULL, NULL, fs->root);
}

struct node *local_ref(struct node *n)
{
    n->refs++;
    return n;
}

/* A loop, for a guest may nest directories as deep as it has descriptors. */
unsigned local_unref(struct node *n)
{
    unsigned closed = 0;
    while (n && --n->refs == 0) {
        struct node *parent = n->parent;
        if (parent) { /* the root's descriptor is the fsdev's */
            close(n->fd);
            closed++;
        }
        g_free(n->name);
        g_free(n);
        n = parent;
    }
    return closed;
}

/* One component that may be made, removed or looked up. */
static bool is_name(const char *name)
{
    return *name && !strchr(name, '/') && strcmp(name, ".") && strcmp(name, "..");
}

static int lookup_fd(const struct fsdev *fs, int dir, const char *name)
{
    int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return -errno;
    if (fs->multidevs == MULTIDEVS_FORBID && fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 &&
        st.st_dev != fs->root_dev) {
        close(fd);
        return -EXDEV;
    }
    return fd;
}

int local_lookup(const struct fsdev *fs, struct node *dir, const char *name, struct node **out)
{
    if (!strcmp(name, "..")) {
        *out = local_ref(dir->parent ? dir->parent : dir);
        return 0;
    }
    if (!is_name(name))
        return -ENOENT;
    int fd = lookup_fd(fs, dir->fd, name);
    if (fd < 0)
        return fd;
    *out = node_new(dir, name, fd);
    return 0;
}

int local_stat(const struct fsdev *fs, int fd, struct stat *st)
{
    if (fstatat(fd, "", st, AT_EMPTY_PATH))
        return -errno;
    if (fs->model == SECURITY_MAPPED)
        mapped_stat(fd, st);
    return 0;
}

static int open_fd(int path_fd, int flags)
{
    struct stat st;
    if (fstatat(path_fd, "", &st, AT_EMPTY_PATH))
        return -errno;
    if (S_ISLNK(st.st_mode))
        return -ELOOP;
    if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        return -ENXIO; /* the guest's own kernel serves devices, pipes and sockets */
    int fd = open(local_path(path_fd).text, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int local_open(const struct fsdev *fs, const struct node *n, int flags)
{
    if (fs->sync_writes && (flags & O_ACCMODE) != O_RDONLY)
        flags |= O_DSYNC;
    int fd = open_fd(n->fd, flags & ~(O_CREAT | O_EXCL));
    if (fd == -EPERM && (flags & O_NOATIME)) /* only the owner may ask for that */
        fd = open_fd(n->fd, flags & ~(O_CREAT | O_EXCL | O_NOATIME));
    return fd;
}

/* Give what was just made behind fd its owner and mode (with its type). */
static int set_new(const struct fsdev *fs, int fd, mode_t mode, struct creds who)
{
    if (fs->model == SECURITY_MAPPED) {
        int ret = mapped_set_owner(fd, who.uid, who.gid);
        return ret ? ret : mapped_set_mode(fd, mode);
    }
    if (fchownat(fd, "", who.uid, who.gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) &&
        fs->model == SECURITY_PASSTHROUGH)
        return -errno;
    if (S_ISLNK(mode) || chmod(local_path(fd).text, mode & PERMISSIONS) == 0)
        return 0;
    return -errno;
}

/* The same for a name; it is taken away again when that fails. */
static int finish_new(const struct fsdev *fs, int dir, const char *name, mode_t mode, dev_t rdev,
                      struct creds who)
{
    int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int ret = fd < 0 ? -errno : set_new(fs, fd, mode, who);
    if (ret == 0 && fs->model == SECURITY_MAPPED && (S_ISCHR(mode) || S_ISBLK(mode)))
        ret = mapped_set_rdev(fd, rdev);
    if (fd >= 0)
        close(fd);
    if (ret)
        unlinkat(dir, name, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
    return ret;
}

static int host_mode(const struct fsdev *fs, mode_t mode)
{
    return (int)(fs->model == SECURITY_MAPPED ? fs->file_mode : mode & PERMISSIONS);
}

static int open_existing(const struct fsdev *fs, struct node *dir, const char *name, int flags)
{
    struct node *n;
    int fd = local_lookup(fs, dir, name, &n);
    if (fd == 0) {
        fd = local_open(fs, n, flags);
        local_unref(n);
    }
    return fd;
}

int local_create(const struct fsdev *fs, struct node *dir, const char *name, int flags, mode_t mode,
                 struct creds who)
{
    if (!is_name(name))
        return -EINVAL;
    int how = flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    if (fs->sync_writes)
        how |= O_DSYNC;
    int fd = openat(dir->fd, name, how & ~O_NOATIME, host_mode(fs, mode));
    if (fd < 0)
        return errno == EEXIST && !(flags & O_EXCL) ? open_existing(fs, dir, name, flags) : -errno;
    int ret = set_new(fs, fd, S_IFREG | (mode & PERMISSIONS), who);
    if (ret == 0)
        return fd;
    close(fd);
    unlinkat(dir->fd, name, 0);
    return ret;
}

int local_mkdir(const struct fsdev *fs, const struct node *dir, const char *name, mode_t mode,
                struct creds who)
{
    mode_t host = fs->model == SECURITY_MAPPED ? fs->dir_mode : mode & PERMISSIONS;
    if (!is_name(name))
        return -EINVAL;
    if (mkdirat(dir->fd, name, host))
        return -errno;
    return finish_new(fs, dir->fd, name, S_IFDIR | (mode & PERMISSIONS), 0, who);
}

/* A plain file that stands for something else; its contents are text. */
static int make_stand_in(const struct fsdev *fs, const struct node *dir, const char *name,
                         const char *text)
{
    int fd =
        openat(dir->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, fs->file_mode);
    if (fd < 0)
        return -errno;
    size_t n = strlen(text);
    ssize_t put = write(fd, text, n);
    int ret = put == (ssize_t)n ? 0 : put < 0 ? -errno : -ENOSPC;
    close(fd);
    if (ret)
        unlinkat(dir->fd, name, 0);
    return ret;
}

int local_symlink(const struct fsdev *fs, const struct node *dir, const char *name,
                  const char *target, struct creds who)
{
    int ret;
    if (!is_name(name))
        return -EINVAL;
    if (fs->model == SECURITY_MAPPED)
        ret = make_stand_in(fs, dir, name, target);
    else
        ret = symlinkat(target, dir->fd, name) ? -errno : 0;
    return ret ? ret : finish_new(fs, dir->fd, name, S_IFLNK | 0777, 0, who);
}

int local_mknod(const struct fsdev *fs, const struct node *dir, const char *name, mode_t mode,
                dev_t rdev, struct creds who)
{
    int ret;
    if (!is_name(name) || S_ISDIR(mode) || S_ISLNK(mode))
        return -EINVAL;
    if ((mode & S_IFMT) == 0)
        mode |= S_IFREG;
    if (fs->model == SECURITY_MAPPED)
        ret = make_stand_in(fs, dir, name, "");
    else
        ret = mknodat(dir->fd, name, mode, rdev) ? -errno : 0;
    return ret ? ret : finish_new(fs, dir->fd, name, mode, rdev, who);
}

int local_readlink(const struct fsdev *fs, const struct node *n, char *buf, size_t size)
{
    struct stat st;
    ssize_t got = readlinkat(n->fd, "", buf, size - 1);
    if (got < 0 && fs->model == SECURITY_MAPPED && local_stat(fs, n->fd, &st) == 0 &&
        S_ISLNK(st.st_mode)) {
        int fd = open_fd(n->fd, O_RDONLY);
        got = fd < 0 ? -1 : read(fd, buf, size - 1);
        if (fd >= 0)
            close(fd);
    }
    if (got < 0)
        return errno == ENOENT ? -EINVAL : -errno;
    buf[got] = '\0';
    return (int)got;
}

int local_link(const struct node *n, const struct node *dir, const char *name)
{
    if (!is_name(name))
        return -EINVAL;
    return linkat(AT_FDCWD, local_path(n->fd).text, dir->fd, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

int local_unlink(const struct node *dir, const char *name, int flags)
{
    if (!is_name(name))
        return -EINVAL;
    return unlinkat(dir->fd, name, flags) ? -errno : 0;
}

/* Whether n's parent still has n under its name. */
static int check_name(const struct node *n, struct stat *st)
{
    struct stat there;
    if (!n->parent)
        return -EBUSY;
    if (fstatat(n->fd, "", st, AT_EMPTY_PATH) ||
        fstatat(n->parent->fd, n->name, &there, AT_SYMLINK_NOFOLLOW))
        return -errno;
    return st->st_dev == there.st_dev && st->st_ino == there.st_ino ? 0 : -ENOENT;
}

int local_remove(const struct node *n)
{
    struct stat st;
    int ret = check_name(n, &st);
    return ret ? ret : local_unlink(n->parent, n->name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
}

int local_rename(const struct node *from, const char *old, const struct node *to, const char *new)
{
    if (!is_name(old) || !is_name(new))
        return -EINVAL;
    return renameat(from->fd, old, to->fd, new) ? -errno : 0;
}

int local_move(struct node *n, struct node *to, const char *new, unsigned *files)
{
    struct stat st;
    int ret = check_name(n, &st);
    for (const struct node *up = to; ret == 0 && up; up = up->parent)
        if (up == n)
            return -EINVAL;
    if (ret == 0)
        ret = local_rename(n->parent, n->name, to, new);
    if (ret)
        return ret;
    local_ref(to);
    *files -= local_unref(n->parent);
    n->parent = to;
    g_free(n->name);
    n->name = g_strdup(new);
    return 0;
}

int local_chmod(const struct fsdev *fs, const struct node *n, mode_t mode)
{
    struct stat st;
    if (fs->model != SECURITY_MAPPED)
        return chmod(local_path(n->fd).text, mode & PERMISSIONS) ? -errno : 0;
    int ret = local_stat(fs, n->fd, &st);
    return ret ? ret : mapped_set_mode(n->fd, (st.st_mode & S_IFMT) | (mode & PERMISSIONS));
}

int local_chown(const struct fsdev *fs, const struct node *n, uint32_t uid, uint32_t gid)
{
    if (fs->model == SECURITY_MAPPED)
        return mapped_set_owner(n->fd, uid, gid);
    if (fchownat(n->fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    return fs->model == SECURITY_NONE && errno == EPERM ? 0 : -errno;
}

int local_truncate(const struct node *n, uint64_t size)
{
    if (size > INT64_MAX)
        return -EINVAL;
    int fd = open_fd(n->fd, O_WRONLY);
    if (fd < 0)
        return fd;
    int ret = ftruncate(fd, (off_t)size) ? -errno : 0;
    close(fd);
    return ret;
}

int local_utimens(const struct node *n, const struct timespec ts[2])
{
    return utimensat(AT_FDCWD, local_path(n->fd).text, ts, 0) ? -errno : 0;
}
