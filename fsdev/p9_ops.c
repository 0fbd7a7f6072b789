/* 9P requests on names and attributes.  Ref: the 9P2000.L protocol description. */
#include "fsdev/p9_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

enum {
    SET_MODE = 1,
    SET_UID = 2,
    SET_GID = 4,
    SET_SIZE = 8,
    SET_ATIME = 0x10,
    SET_MTIME = 0x20,
    SET_CTIME = 0x40,
    SET_ATIME_TO = 0x80,
    SET_MTIME_TO = 0x100,
};
static const uint64_t GETATTR_BASIC = 0x7ff; /* mode to blocks: all but birth and generation */
enum { DOTL_REMOVEDIR = 0x200 };

int p9_statfs(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    struct statfs st;
    if (!f)
        return -EBADF;
    if (fstatfs(f->node->fd, &st))
        return -errno;
    p9_put32(c, (uint32_t)st.f_type);
    p9_put32(c, (uint32_t)st.f_bsize);
    p9_put64(c, st.f_blocks);
    p9_put64(c, st.f_bfree);
    p9_put64(c, st.f_bavail);
    p9_put64(c, st.f_files);
    p9_put64(c, st.f_ffree);
    p9_put64(c, (uint32_t)st.f_fsid.__val[0] | (uint64_t)(uint32_t)st.f_fsid.__val[1] << 32);
    p9_put32(c, (uint32_t)st.f_namelen);
    return 0;
}

/* The qid of name in dir, just made. */
static int put_qid_of(struct call *c, struct node *dir, const char *name)
{
    struct node *n;
    struct stat st;
    int ret = local_lookup(c->s->fs, dir, name, &n);
    if (ret)
        return ret;
    ret = local_stat(c->s->fs, n->fd, &st);
    local_unref(n);
    if (ret == 0)
        p9_put_qid(c, &st);
    return ret;
}

int p9_symlink(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    const char *name = p9_get_string(c), *target = p9_get_string(c);
    struct creds who = {f ? f->who.uid : 0, p9_get32(c)};
    if (!f)
        return -EBADF;
    if (c->bad || strlen(target) >= PATH_MAX)
        return c->bad ? -EINVAL : -ENAMETOOLONG;
    int ret = local_symlink(c->s->fs, f->node, name, target, who);
    return ret ? ret : put_qid_of(c, f->node, name);
}

int p9_mknod(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    const char *name = p9_get_string(c);
    uint32_t mode = p9_get32(c), major = p9_get32(c), minor = p9_get32(c);
    struct creds who = {f ? f->who.uid : 0, p9_get32(c)};
    if (!f)
        return -EBADF;
    if (c->bad)
        return -EINVAL;
    int ret = local_mknod(c->s->fs, f->node, name, mode, makedev(major, minor), who);
    return ret ? ret : put_qid_of(c, f->node, name);
}

int p9_mkdir(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    const char *name = p9_get_string(c);
    uint32_t mode = p9_get32(c);
    struct creds who = {f ? f->who.uid : 0, p9_get32(c)};
    if (!f)
        return -EBADF;
    if (c->bad)
        return -EINVAL;
    int ret = local_mkdir(c->s->fs, f->node, name, mode, who);
    return ret ? ret : put_qid_of(c, f->node, name);
}

int p9_rename(struct call *c)
{
    struct fid *f = p9_get_fid(c), *to = p9_get_fid(c);
    const char *name = p9_get_string(c);
    if (!f || !to)
        return -EBADF;
    return c->bad ? -EINVAL : local_move(f->node, to->node, name, &c->s->files);
}

int p9_renameat(struct call *c)
{
    struct fid *from = p9_get_fid(c);
    const char *old = p9_get_string(c);
    struct fid *to = p9_get_fid(c);
    const char *new = p9_get_string(c);
    if (!from || !to)
        return -EBADF;
    return c->bad ? -EINVAL : local_rename(from->node, old, to->node, new);
}

int p9_link(struct call *c)
{
    struct fid *dir = p9_get_fid(c), *f = p9_get_fid(c);
    const char *name = p9_get_string(c);
    if (!f || !dir)
        return -EBADF;
    return c->bad ? -EINVAL : local_link(f->node, dir->node, name);
}

int p9_unlinkat(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    const char *name = p9_get_string(c);
    uint32_t flags = p9_get32(c);
    if (!f)
        return -EBADF;
    if (c->bad || (flags & ~(uint32_t)DOTL_REMOVEDIR))
        return -EINVAL;
    return local_unlink(f->node, name, flags ? AT_REMOVEDIR : 0);
}

/* The fid is gone whether or not the file could be removed. */
int p9_remove(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    if (!f)
        return -EBADF;
    int ret = c->s->fs->read_only ? -EROFS : local_remove(f->node);
    p9_fid_clunk(c->s, f);
    return ret;
}

int p9_readlink(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    char target[PATH_MAX];
    if (!f)
        return -EBADF;
    int n = local_readlink(c->s->fs, f->node, target, sizeof(target));
    if (n < 0)
        return n;
    p9_put_string(c, target);
    return 0;
}

static void put_time(struct call *c, const struct timespec *t)
{
    p9_put64(c, (uint64_t)t->tv_sec);
    p9_put64(c, (uint64_t)t->tv_nsec);
}

int p9_getattr(struct call *c)
{
    static const struct timespec none;
    struct fid *f = p9_get_fid(c);
    uint64_t wanted = p9_get64(c);
    struct stat st;
    if (!f)
        return -EBADF;
    int ret = local_stat(c->s->fs, f->node->fd, &st);
    if (ret)
        return ret;
    p9_put64(c, wanted & GETATTR_BASIC);
    p9_put_qid(c, &st);
    p9_put32(c, st.st_mode);
    p9_put32(c, st.st_uid);
    p9_put32(c, st.st_gid);
    p9_put64(c, st.st_nlink);
    p9_put64(c, st.st_rdev);
    p9_put64(c, (uint64_t)st.st_size);
    p9_put64(c, (uint64_t)st.st_blksize);
    p9_put64(c, (uint64_t)st.st_blocks);
    put_time(c, &st.st_atim);
    put_time(c, &st.st_mtim);
    put_time(c, &st.st_ctim);
    put_time(c, &none);
    p9_put64(c, 0);
    p9_put64(c, 0);
    return 0;
}

struct attrs {
    uint32_t valid, mode, uid, gid;
    uint64_t size;
    struct timespec ts[2];
};

static void get_time(struct call *c, const struct attrs *a, uint32_t touch, uint32_t set,
                     struct timespec *t)
{
    uint64_t sec = p9_get64(c), nsec = p9_get64(c);
    if (!(a->valid & touch))
        *t = (struct timespec){0, UTIME_OMIT};
    else if (!(a->valid & set))
        *t = (struct timespec){0, UTIME_NOW};
    else
        *t = (struct timespec){(time_t)sec, (long)(nsec % 1000000000)};
}

static int set_attrs(const struct fsdev *fs, const struct node *n, const struct attrs *a)
{
    int ret = a->valid & SET_MODE ? local_chmod(fs, n, a->mode) : 0;
    if (ret == 0 && (a->valid & (SET_UID | SET_GID)))
        ret = local_chown(fs, n, a->valid & SET_UID ? a->uid : UINT32_MAX,
                          a->valid & SET_GID ? a->gid : UINT32_MAX);
    if (ret == 0 && (a->valid & SET_SIZE))
        ret = local_truncate(n, a->size);
    if (ret == 0 && (a->valid & (SET_ATIME | SET_MTIME)))
        ret = local_utimens(n, a->ts);
    else if (ret == 0 && a->valid == SET_CTIME) /* any change of the inode does that */
        ret = local_chown(fs, n, UINT32_MAX, UINT32_MAX);
    return ret;
}

int p9_setattr(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    struct attrs a = {.valid = p9_get32(c)};
    a.mode = p9_get32(c);
    a.uid = p9_get32(c);
    a.gid = p9_get32(c);
    a.size = p9_get64(c);
    get_time(c, &a, SET_ATIME, SET_ATIME_TO, &a.ts[0]);
    get_time(c, &a, SET_MTIME, SET_MTIME_TO, &a.ts[1]);
    if (!f)
        return -EBADF;
    return c->bad ? -EINVAL : set_attrs(c->s->fs, f->node, &a);
}
