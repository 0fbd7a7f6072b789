/* 9P requests on open files and directories, and locks.  Ref: the 9P2000.L protocol description. */
#include "fsdev/p9_priv.h"
#include "util/bits.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MAX_NAME_BYTES = 255, DIRENT_HEADER = 24, DIRENT_ROOM = 32 + MAX_NAME_BYTES };
enum { P9_LOCK_READ = 0, P9_LOCK_WRITE = 1, P9_LOCK_NONE = 2 };
enum { LOCK_DONE = 0, LOCK_TAKEN = 1, LOCK_FAILED = 2 };

/* The protocol's open flags are Linux's; those that are the guest kernel's own business (append,
 * direct, asynchronous) stay there: it says where to write, and its buffers are not aligned. */
static int open_flags(uint32_t p9)
{
    static const struct {
        uint32_t p9;
        int host;
    } map[] = {
        {01000, O_TRUNC},   {010000, O_DSYNC}, {0200000, O_DIRECTORY}, {01000000, O_NOATIME},
        {04000000, O_SYNC}, {0200, O_EXCL},    {0400000, O_NOFOLLOW},
    };
    int flags = (p9 & 3) == 1 ? O_WRONLY : (p9 & 3) == 2 ? O_RDWR : O_RDONLY;
    for (size_t i = 0; i < ARRAY_SIZE(map); i++)
        if (p9 & map[i].p9)
            flags |= map[i].host;
    return flags & ~O_NOFOLLOW; /* a link is never followed, nor opened */
}

int p9_lopen(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    int flags = open_flags(p9_get32(c)) & ~O_EXCL;
    struct p9_server *s = c->s;
    struct stat st;
    if (!f)
        return -EBADF;
    if (c->bad || f->fd >= 0 || f->is_xattr)
        return -EINVAL;
    if (s->fs->read_only && ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC)))
        return -EROFS;
    int ret = p9_file_room(s);
    if (ret == 0)
        ret = local_stat(s->fs, f->node->fd, &st);
    if (ret)
        return ret;
    f->fd = local_open(s->fs, f->node, flags);
    if (f->fd < 0) {
        ret = f->fd;
        f->fd = -1;
        return ret;
    }
    s->files++;
    p9_put_qid(c, &st);
    p9_put32(c, 0); /* as much at once as a message holds */
    return 0;
}

/* The fid of the directory becomes that of the new, open file. */
int p9_lcreate(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    const char *name = p9_get_string(c);
    int flags = open_flags(p9_get32(c));
    uint32_t mode = p9_get32(c);
    struct creds who = {f ? f->who.uid : 0, p9_get32(c)};
    struct p9_server *s = c->s;
    struct node *n;
    struct stat st;
    if (!f)
        return -EBADF;
    if (c->bad || f->fd >= 0 || f->is_xattr)
        return -EINVAL;
    int ret = s->files + 2 <= s->fs->max_files ? 0 : -EMFILE;
    int fd = ret ? ret : local_create(s->fs, f->node, name, flags, mode, who);
    if (fd < 0)
        return fd;
    ret = local_lookup(s->fs, f->node, name, &n);
    if (ret == 0 && (ret = local_stat(s->fs, n->fd, &st)))
        local_unref(n);
    if (ret) {
        close(fd);
        return ret;
    }
    s->files += 2;
    s->files -= local_unref(f->node);
    f->node = n;
    f->fd = fd;
    p9_put_qid(c, &st);
    p9_put32(c, 0);
    return 0;
}

int p9_read(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    uint64_t off = p9_get64(c);
    uint32_t count = p9_get32(c);
    struct p9_server *s = c->s;
    if (!f)
        return -EBADF;
    if (c->bad || off > INT64_MAX)
        return -EINVAL;
    count = (uint32_t)MIN((size_t)count, c->out_max - P9_DATA_HEADER);
    if (f->is_xattr)
        return p9_xattr_read(c, f, off, count);
    if (f->fd < 0)
        return -EBADF;
    unsigned n = p9_slice(s->iov, c->in_iov, c->nin, P9_DATA_HEADER, count);
    ssize_t got = n ? preadv(f->fd, s->iov, (int)n, (off_t)off) : 0;
    if (got < 0)
        return -errno;
    p9_put32(c, (uint32_t)got);
    c->out_len += (size_t)got;
    return 0;
}

int p9_write(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    uint64_t off = p9_get64(c);
    uint32_t count = p9_get32(c);
    struct p9_server *s = c->s;
    if (!f)
        return -EBADF;
    if (c->bad || off > INT64_MAX)
        return -EINVAL;
    if (f->is_xattr)
        return p9_xattr_write(c, f, off, count);
    if (f->fd < 0)
        return -EBADF;
    count = MIN(count, s->msize);
    unsigned n = p9_slice(s->iov, c->out_iov, c->nout, P9_WRITE_HEADER, count);
    ssize_t put = n ? pwritev(f->fd, s->iov, (int)n, (off_t)off) : 0;
    if (put < 0)
        return -errno;
    p9_put32(c, (uint32_t)put);
    return 0;
}

int p9_fsync(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    uint32_t data_only = p9_get32(c);
    if (!f || f->fd < 0)
        return -EBADF;
    return (data_only ? fdatasync(f->fd) : fsync(f->fd)) ? -errno : 0;
}

/* One entry, if it still fits into `room` bytes.  What is above the root is not the guest's. */
static bool put_entry(struct call *c, const struct fid *f, const struct dirent64 *d, dev_t dev,
                      size_t room)
{
    bool mapped = c->s->fs->model == SECURITY_MAPPED;
    size_t name = strlen(d->d_name);
    uint64_t ino = d->d_ino;
    struct stat st;
    if (DIRENT_HEADER + name > room)
        return false;
    if (!strcmp(d->d_name, "..")) {
        const struct node *up = f->node->parent ? f->node->parent : f->node;
        if (fstatat(up->fd, "", &st, AT_EMPTY_PATH) == 0) {
            ino = st.st_ino;
            dev = st.st_dev;
        }
    }
    p9_put_qid_raw(c,
                   d->d_type == DT_DIR   ? 0x80
                   : d->d_type == DT_LNK ? 0x02
                                         : 0,
                   0, p9_qid_path(c->s, dev, ino));
    p9_put64(c, (uint64_t)d->d_off);
    p9_put8(c,
            mapped && d->d_type != DT_DIR ? DT_UNKNOWN : d->d_type); /* it may stand for anything */
    p9_put_string(c, d->d_name);
    return true;
}

/* Entries from the file position on, at most room bytes of them; bytes used, or a negative errno.
 */
static ssize_t put_entries(struct call *c, struct fid *f, dev_t dev, size_t room)
{
    char buf[16384] __attribute__((aligned(16)));
    size_t used = 0, start = c->out_len;
    for (;;) {
        /* An entry takes at most 7/6 of what it takes here, so that hardly any is read twice. */
        size_t want = MAX((room - used) / 7 * 6, (size_t)DIRENT_ROOM);
        ssize_t got = getdents64(f->fd, buf, MIN(want, sizeof(buf)));
        if (got <= 0)
            return got < 0 && used == 0 ? -errno : (ssize_t)used;
        for (ssize_t i = 0; i < got;) {
            const struct dirent64 *d = (const void *)(buf + i);
            if (!put_entry(c, f, d, dev, room - used))
                return used ? (ssize_t)used : -EINVAL;
            used = c->out_len - start;
            i += d->d_reclen;
        }
        if (room - used < DIRENT_ROOM)
            return (ssize_t)used;
    }
}

int p9_readdir(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    uint64_t off = p9_get64(c);
    uint32_t count = p9_get32(c);
    struct stat st;
    if (!f || f->fd < 0)
        return -EBADF;
    if (c->bad || off > INT64_MAX)
        return -EINVAL;
    if (lseek(f->fd, (off_t)off, SEEK_SET) < 0 || fstat(f->fd, &st))
        return -errno;
    size_t room = MIN((size_t)count, c->out_max - P9_DATA_HEADER), at = c->out_len;
    p9_put32(c, 0);
    ssize_t n = put_entries(c, f, st.st_dev, room);
    if (n < 0)
        return (int)n;
    st_le32(c->out + at, (uint32_t)n);
    return 0;
}

/*
 * Byte range locks.  The guest's kernel arbitrates between its own processes before it asks us; all
 * that is left is to keep out the host's.  So one descriptor a file holds the locks of all fids:
 * they do not exclude each other.
 * QUIRK: ranges that two processes of the guest have locked for reading are let go when one of them
 * unlocks, as far as the host sees.
 */
struct lock_file {
    dev_t dev;
    ino_t ino;
    int fd;
    unsigned users;
};

void p9_lock_drop(struct p9_server *s, struct fid *f)
{
    struct lock_file *l = f->locks;
    f->locks = NULL;
    if (!l || --l->users)
        return;
    g_hash_table_remove(s->locks, l);
    close(l->fd);
    s->files--;
    g_free(l);
}

static struct lock_file *find_lock_file(struct p9_server *s, const struct stat *st)
{
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, s->locks);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        struct lock_file *l = key;
        if (l->dev == st->st_dev && l->ino == st->st_ino)
            return l;
    }
    return NULL;
}

static int need_lock_file(struct p9_server *s, struct fid *f)
{
    struct stat st;
    if (f->locks)
        return 0;
    int ret = p9_file_room(s);
    if (ret || fstat(f->fd, &st))
        return ret ? ret : -errno;
    struct lock_file *l = find_lock_file(s, &st);
    if (!l) {
        int fd = s->fs->read_only ? -EROFS : local_open(s->fs, f->node, O_RDWR);
        if (fd < 0)
            fd = local_open(s->fs, f->node, O_RDONLY);
        if (fd < 0)
            return fd;
        l = g_new0(struct lock_file, 1);
        *l = (struct lock_file){st.st_dev, st.st_ino, fd, 0};
        g_hash_table_add(s->locks, l);
        s->files++;
    }
    l->users++;
    f->locks = l;
    return 0;
}

static struct flock lock_range(uint8_t type, uint64_t start, uint64_t len)
{
    return (struct flock){
        .l_type = (short)(type == P9_LOCK_READ    ? F_RDLCK
                          : type == P9_LOCK_WRITE ? F_WRLCK
                                                  : F_UNLCK),
        .l_whence = SEEK_SET,
        .l_start = (off_t)start,
        .l_len = (off_t)len,
    };
}

/* The same for both requests: the fid, type, range, process and its name. */
static int get_lock(struct call *c, bool has_flags, struct fid **f, struct flock *fl)
{
    *f = p9_get_fid(c);
    uint8_t type = p9_get8(c);
    if (has_flags)
        p9_get32(c); /* to wait is the client's business */
    uint64_t start = p9_get64(c), len = p9_get64(c);
    if (!*f || (*f)->fd < 0)
        return -EBADF;
    if (type > P9_LOCK_NONE || start > INT64_MAX || len > INT64_MAX)
        return -EINVAL;
    *fl = lock_range(type, start, len);
    return need_lock_file(c->s, *f);
}

int p9_lock(struct call *c)
{
    struct fid *f;
    struct flock fl;
    int ret = get_lock(c, true, &f, &fl);
    if (ret)
        return ret;
    uint8_t status = LOCK_DONE;
    /* EBADF: the host does not let us lock a file like that; the guest still has its own lock. */
    if (fcntl(f->locks->fd, F_OFD_SETLK, &fl) && errno != EBADF)
        status = errno == EAGAIN || errno == EACCES ? LOCK_TAKEN : LOCK_FAILED;
    p9_put8(c, status);
    return 0;
}

int p9_getlock(struct call *c)
{
    struct fid *f;
    struct flock fl;
    int ret = get_lock(c, false, &f, &fl);
    uint32_t process = p9_get32(c);
    const char *client = p9_get_string(c);
    if (ret || c->bad)
        return ret ? ret : -EINVAL;
    if (fl.l_type != F_UNLCK && fcntl(f->locks->fd, F_OFD_GETLK, &fl) && errno != EBADF)
        return -errno;
    p9_put8(c, fl.l_type == F_RDLCK   ? P9_LOCK_READ
               : fl.l_type == F_WRLCK ? P9_LOCK_WRITE
                                      : P9_LOCK_NONE);
    p9_put64(c, (uint64_t)fl.l_start);
    p9_put64(c, (uint64_t)fl.l_len);
    p9_put32(c, process);
    p9_put_string(c, client);
    return 0;
}
