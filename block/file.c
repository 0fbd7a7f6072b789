/* Whole transfers on host files, and locks on them.  Ref: preadv(2), fallocate(2), fcntl(2) on open
 * file locks. */
#include "block/block_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 64, ZERO_BUF = 65536 };

/* A place in a vector of buffers. */
struct cursor {
    const struct iovec *iov;
    unsigned left;
    size_t at; /* bytes into *iov */
};

static void skip_bytes(struct cursor *c, uint64_t n)
{
    while (c->left && n >= c->iov->iov_len - c->at) {
        n -= c->iov->iov_len - c->at;
        c->iov++;
        c->left--;
        c->at = 0;
    }
    c->at += n;
}

/* The next buffers, at most `bytes` in sum. */
static int next_batch(const struct cursor *c, uint64_t bytes, struct iovec batch[BATCH])
{
    struct cursor p = *c;
    int n = 0;

    for (; p.left && n < BATCH && bytes; p.iov++, p.left--, p.at = 0) {
        size_t len = MIN(p.iov->iov_len - p.at, bytes);
        if (!len)
            continue;
        batch[n++] = (struct iovec){(char *)p.iov->iov_base + p.at, len};
        bytes -= len;
    }
    return n;
}

static void zero_rest(struct cursor *c, uint64_t bytes)
{
    struct iovec batch[BATCH];
    int n;

    while (bytes && (n = next_batch(c, bytes, batch)))
        for (int i = 0; i < n; i++) {
            memset(batch[i].iov_base, 0, batch[i].iov_len);
            skip_bytes(c, batch[i].iov_len);
            bytes -= batch[i].iov_len;
        }
}

static int transfer(int fd, bool write, struct cursor *c, uint64_t bytes, uint64_t off)
{
    struct iovec batch[BATCH];

    while (bytes) {
        int n = next_batch(c, bytes, batch);
        if (!n)
            return -EINVAL; /* fewer buffers than bytes */
        ssize_t done = write ? pwritev(fd, batch, n, off) : preadv(fd, batch, n, off);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        if (!done && write)
            return -EIO;
        if (!done) {
            zero_rest(c, bytes);
            return 0;
        }
        skip_bytes(c, done);
        bytes -= done;
        off += done;
    }
    return 0;
}

int file_read(int fd, const struct block_req *req, uint64_t skip, uint64_t bytes)
{
    struct cursor c = {req->iov, req->niov, 0};

    skip_bytes(&c, skip);
    return transfer(fd, false, &c, bytes, req->offset + skip);
}

int file_write(int fd, const struct block_req *req)
{
    struct cursor c = {req->iov, req->niov, 0};

    return transfer(fd, true, &c, req->bytes, req->offset);
}

int file_pread(int fd, void *buf, size_t n, uint64_t off)
{
    struct iovec iov = {buf, n};
    struct cursor c = {&iov, 1, 0};

    return transfer(fd, false, &c, n, off);
}

int file_pwrite(int fd, const void *buf, size_t n, uint64_t off)
{
    struct iovec iov = {(void *)(uintptr_t)buf, n};
    struct cursor c = {&iov, 1, 0};

    return transfer(fd, true, &c, n, off);
}

static bool is_unsupported(int err)
{
    return err == EOPNOTSUPP || err == ENOSYS || err == EINVAL || err == ENODEV || err == ENOTTY;
}

static int zero_by_writing(int fd, uint64_t off, uint64_t bytes)
{
    static const uint8_t zeros[ZERO_BUF];

    for (uint64_t n; bytes; bytes -= n, off += n) {
        n = MIN(bytes, sizeof(zeros));
        int ret = file_pwrite(fd, zeros, n, off);
        if (ret)
            return ret;
    }
    return 0;
}

/* Zeros stay allocated where the host can do that, so that a later write does not fail for want of
 * space. */
int file_write_zeroes(int fd, uint64_t off, uint64_t bytes)
{
    static const int ways[] = {FALLOC_FL_ZERO_RANGE, FALLOC_FL_PUNCH_HOLE};

    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        int ret;
        do
            ret = fallocate(fd, ways[i] | FALLOC_FL_KEEP_SIZE, off, bytes);
        while (ret < 0 && errno == EINTR);
        if (!ret)
            return 0;
        if (!is_unsupported(errno))
            return -errno;
    }
    return zero_by_writing(fd, off, bytes);
}

/* A hint: a host that cannot do it has done enough. */
int file_discard(int fd, uint64_t off, uint64_t bytes)
{
    int ret;

    do
        ret = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, bytes);
    while (ret < 0 && errno == EINTR);
    return !ret || is_unsupported(errno) ? 0 : -errno;
}

/* Whether process pid, as far as we may look, has the file open. */
static bool has_open(const char *pid, const struct stat *file)
{
    g_autofree char *dir_path = g_strdup_printf("/proc/%s/fd", pid);
    DIR *dir = opendir(dir_path);
    bool found = false;

    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        struct stat st;
        found = fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode) &&
                st.st_dev == file->st_dev && st.st_ino == file->st_ino;
    }
    if (dir)
        closedir(dir);
    return found;
}

/* Open file locks have no process id, so look for who has the file open; 0 when that is not to be
 * seen. */
static int find_holder(int fd)
{
    struct stat file;
    DIR *dir = opendir("/proc");
    int pid = 0;

    if (!dir || fstat(fd, &file) < 0)
        return 0;
    for (struct dirent *e; !pid && (e = readdir(dir));)
        if (g_ascii_isdigit(e->d_name[0]) && atoi(e->d_name) != getpid() &&
            has_open(e->d_name, &file))
            pid = atoi(e->d_name);
    closedir(dir);
    return pid;
}

static void set_locked(int fd, const char *path, bool write, struct error **errp)
{
    int pid = find_holder(fd);

    error_set(errp, "could not lock '%s' for %s: ", path, write ? "writing" : "reading");
    if (pid)
        error_append(errp, "process %d has it open", pid);
    else
        error_append(errp, "another process, or another drive, uses it");
    error_append(errp, " (readonly=on lets several read, snapshot=on keeps changes private)");
}

bool file_lock(int fd, const char *path, bool write, struct error **errp)
{
    struct flock lk = {.l_type = write ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};

    if (!fcntl(fd, F_OFD_SETLK, &lk))
        return true;
    if (errno != EAGAIN && errno != EACCES)
        return true; /* a file system without locks */
    set_locked(fd, path, write, errp);
    return false;
}
