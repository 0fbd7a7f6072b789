/*
 * Protocol file: whole transfers on host files and block devices.
 *
 * With cache.direct=on the host wants offsets, lengths and addresses aligned: what is not goes
 * through a buffer, and a part of a block is changed while its range is held.  Ref: preadv(2),
 * fallocate(2), open(2) on O_DIRECT.
 */
#include "block/file_priv.h"

#include "util/bits.h"
#include "util/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 64, ZERO_BUF = 65536, MAX_ALIGN = 4096, BOUNCE = 1 << 20 };
static const uint64_t MAX_SIZE = INT64_MAX - SECTOR;

static int transfer(int fd, bool write, struct sg sg, uint64_t bytes, uint64_t off)
{
    struct iovec batch[BATCH];

    while (bytes) {
        int n = sg_batch(sg, bytes, batch, BATCH);
        if (!n)
            return -EINVAL; /* fewer buffers than bytes */
        ssize_t done = write ? pwritev(fd, batch, n, (off_t)off) : preadv(fd, batch, n, (off_t)off);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        if (!done && write)
            return -EIO;
        if (!done) {
            sg_zero(sg, bytes);
            return 0;
        }
        sg = sg_skip(sg, done);
        bytes -= done;
        off += done;
    }
    return 0;
}

int file_readv(int fd, struct sg sg, uint64_t bytes, uint64_t off)
{
    return transfer(fd, false, sg, bytes, off);
}

int file_writev(int fd, struct sg sg, uint64_t bytes, uint64_t off)
{
    return transfer(fd, true, sg, bytes, off);
}

int file_pread(int fd, void *buf, size_t n, uint64_t off)
{
    struct iovec iov = {buf, n};

    return transfer(fd, false, (struct sg){&iov, 1, 0}, n, off);
}

int file_pwrite(int fd, const void *buf, size_t n, uint64_t off)
{
    struct iovec iov = {(void *)(uintptr_t)buf, n};

    return transfer(fd, true, (struct sg){&iov, 1, 0}, n, off);
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

static int punch(int fd, uint64_t off, uint64_t bytes)
{
    int ret;

    do
        ret = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)bytes);
    while (ret < 0 && errno == EINTR);
    return ret ? -errno : 0;
}

/* A hint: a host that cannot do it has done enough. */
int file_discard(int fd, uint64_t off, uint64_t bytes)
{
    int ret = punch(fd, off, bytes);

    return is_unsupported(-ret) ? 0 : ret;
}

/* --- opening --- */
static bool find_size(struct block_node *b, int fd, struct error **errp)
{
    struct stat st;

    if (fstat(fd, &st) < 0) {
        error_set(errp, "could not look at '%s': %s", b->path, g_strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
        error_set(errp, "could not open '%s': it is no regular file or block device", b->path);
        return false;
    }
    uint64_t size = st.st_size;
    if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &size) < 0) {
        error_set(errp, "could not find the size of '%s': %s", b->path, g_strerror(errno));
        return false;
    }
    b->size = align_up(MIN(size, MAX_SIZE), SECTOR);
    return true;
}

static bool is_denied(int why)
{
    return why == EACCES || why == EROFS || why == EPERM;
}

static int open_host(struct block_node *b, bool read_only)
{
    int how =
        (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | (b->flags & BLOCK_DIRECT ? O_DIRECT : 0);

    return fds_open(b->path, how, 0);
}

static bool open_fd(struct block_node *b, struct file *f, struct error **errp)
{
    f->fd = open_host(b, b->flags & BLOCK_READ_ONLY);
    if (f->fd < 0 && is_denied(errno) && b->flags & BLOCK_AUTO_READ_ONLY) {
        b->flags |= BLOCK_READ_ONLY;
        f->fd = open_host(b, true);
    }
    if (f->fd >= 0)
        return true;
    int why = errno;
    error_set(errp, "could not open '%s': %s", b->path, g_strerror(why));
    if (!(b->flags & BLOCK_READ_ONLY) && is_denied(why))
        error_append(errp, " (readonly=on or snapshot=on do not need to write to it)");
    if (b->flags & BLOCK_DIRECT && why == EINVAL)
        error_append(errp, " (its file system has no direct access: use cache=writeback)");
    return false;
}

/* The smallest block that a direct read takes. */
static unsigned find_align(int fd)
{
    g_autofree char *raw = g_malloc(2 * MAX_ALIGN);
    char *buf = (char *)align_up((uintptr_t)raw, MAX_ALIGN);

    return pread(fd, buf, SECTOR, 0) >= 0 ? SECTOR : MAX_ALIGN;
}

/* *aio: 0 worker threads, else the kernel's own queue. */
static bool read_options(struct file *f, struct node_opts o, int *aio, struct error **errp)
{
    static const char *const engines[] = {"threads", "native", "io_uring", NULL};
    static const char *const locking[] = {"auto", "on", "off", NULL};
    int lock = node_opt_choice(o, "locking", locking, errp);

    f->lock = lock != 2;
    return lock >= 0 && (*aio = node_opt_choice(o, "aio", engines, errp)) >= 0;
}

static bool file_open(struct block_node *b, struct node_opts o, struct error **errp)
{
    struct file *f = g_new0(struct file, 1);
    int aio;

    f->fd = -1;
    b->state = f;
    ranges_init(&f->ranges);
    mutex_init(&f->size_lock);
    if (g_str_has_prefix(b->path, "file:"))
        memmove(b->path, b->path + 5, strlen(b->path + 5) + 1);
    if (!*b->path) {
        error_set(errp, "driver=file wants a filename=");
        return false;
    }
    if (b->flags & BLOCK_AUTO_READ_ONLY && !access(b->path, F_OK) && access(b->path, W_OK))
        b->flags |= BLOCK_READ_ONLY;
    if (!read_options(f, o, &aio, errp) || !open_fd(b, f, errp) || !find_size(b, f->fd, errp))
        return false;
    f->is_direct = b->flags & BLOCK_DIRECT;
    f->align = f->is_direct ? find_align(f->fd) : 1;
    if (f->lock && !(b->flags & BLOCK_NO_LOCK) && !file_lock_node(b, f->fd, errp))
        return false;
    f->uring = aio ? uring_new(b) : NULL;
    b->flags |= f->uring ? BLOCK_HAS_QUEUE : 0;
    return true;
}

static bool host_device_open(struct block_node *b, struct node_opts o, struct error **errp)
{
    struct stat st;

    if (g_str_has_prefix(b->path, "host_device:"))
        memmove(b->path, b->path + 12, strlen(b->path + 12) + 1);
    if (!stat(b->path, &st) && !S_ISBLK(st.st_mode)) {
        error_set(errp, "could not open '%s': it is no block device (driver=file opens files)",
                  b->path);
        return false;
    }
    return file_open(b, o, errp);
}

static void file_close(struct block_node *b)
{
    struct file *f = b->state;

    uring_free(f->uring);
    if (f->fd >= 0)
        close(f->fd);
    mutex_fini(&f->size_lock);
    ranges_fini(&f->ranges);
    g_free(f);
}

static void file_moved(struct block_node *b)
{
    uring_moved(((struct file *)b->state)->uring, b);
}

/* A second descriptor with the other access; the first one's lock goes with it. */
static bool file_reopen(struct block_node *b, bool read_only, struct error **errp)
{
    struct file *f = b->state;
    struct flock none = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    int fd = open_host(b, read_only);

    if (fd < 0) {
        error_set(errp, "could not open '%s' for %s: %s", b->path,
                  read_only ? "reading" : "writing", g_strerror(errno));
        return false;
    }
    bool locks = f->lock && !(b->flags & BLOCK_NO_LOCK);
    if (locks)
        fcntl(f->fd, F_OFD_SETLK, &none);
    if (locks && !file_lock(fd, b->path, !read_only, errp)) {
        close(fd);
        return file_lock(f->fd, b->path, !(b->flags & BLOCK_READ_ONLY), NULL) && false;
    }
    close(f->fd);
    f->fd = fd;
    b->flags = read_only ? b->flags | BLOCK_READ_ONLY : b->flags & ~BLOCK_READ_ONLY;
    return true;
}

/* --- transfers --- */
bool file_is_aligned(const struct file *f, uint64_t off, uint64_t bytes, struct sg sg)
{
    uint64_t bits = off | bytes;
    struct iovec one;

    for (uint64_t left = bytes; left && sg_batch(sg, left, &one, 1); left -= one.iov_len) {
        bits |= (uintptr_t)one.iov_base | one.iov_len;
        sg = sg_skip(sg, one.iov_len);
    }
    return !(bits & (f->align - 1));
}

static void grow(struct block_node *b, struct file *f, uint64_t end)
{
    mutex_lock(&f->size_lock);
    if (end > b->size)
        b->size = align_up(end, SECTOR);
    mutex_unlock(&f->size_lock);
}

static char *bounce_new(char **raw, size_t n)
{
    *raw = g_try_malloc(n + MAX_ALIGN);
    return *raw ? (char *)align_up((uintptr_t)*raw, MAX_ALIGN) : NULL;
}

static int direct_piece(struct file *f, bool write, char *buf, uint64_t off, size_t n, struct sg sg)
{
    uint64_t start = align_down(off, f->align), end = align_up(off + n, f->align);
    int ret = 0;

    if (!write || start != off || end != off + n)
        ret = file_pread(f->fd, buf, end - start, start);
    if (ret)
        return ret;
    if (!write) {
        sg_fill(sg, buf + (off - start), n);
        return 0;
    }
    sg_read(sg, buf + (off - start), n);
    return file_pwrite(f->fd, buf, end - start, start);
}

/* A direct transfer of what is not aligned, piece by piece through a buffer. */
static int direct_bounce(struct file *f, bool write, uint64_t off, uint64_t bytes, struct sg sg)
{
    g_autofree char *raw = NULL;
    char *buf = bounce_new(&raw, BOUNCE + 2 * MAX_ALIGN);
    struct range hold;
    int ret = 0;

    if (!buf)
        return -ENOMEM;
    ranges_take(&f->ranges, &hold, align_down(off, f->align), align_up(off + bytes, f->align),
                write);
    for (uint64_t n; bytes && !ret; bytes -= n, off += n, sg = sg_skip(sg, n)) {
        n = MIN(bytes, BOUNCE);
        ret = direct_piece(f, write, buf, off, n, sg);
    }
    ranges_drop(&f->ranges, &hold);
    return ret;
}

static int direct_transfer(struct file *f, bool write, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct range hold;

    if (!file_is_aligned(f, off, bytes, sg))
        return direct_bounce(f, write, off, bytes, sg);
    ranges_take(&f->ranges, &hold, off, off + bytes, false);
    int ret = transfer(f->fd, write, sg, bytes, off);
    ranges_drop(&f->ranges, &hold);
    return ret;
}

static int file_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct file *f = b->state;

    return f->is_direct ? direct_transfer(f, false, off, bytes, sg)
                        : file_readv(f->fd, sg, bytes, off);
}

static int file_write(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct file *f = b->state;
    int ret = f->is_direct ? direct_transfer(f, true, off, bytes, sg)
                           : file_writev(f->fd, sg, bytes, off);

    if (!ret && off + bytes > b->size)
        grow(b, f, off + bytes);
    return ret;
}

/* Zeros beyond the end come with the new size. */
static int extend_to(struct block_node *b, struct file *f, uint64_t end)
{
    int ret = 0;

    mutex_lock(&f->size_lock);
    if (end > b->size) {
        ret = ftruncate(f->fd, (off_t)end) ? -errno : 0;
        if (!ret)
            b->size = align_up(end, SECTOR);
    }
    mutex_unlock(&f->size_lock);
    return ret;
}

static int write_zeroes(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap)
{
    struct file *f = b->state;
    uint64_t old = b->size;
    int ret = off + bytes > old ? extend_to(b, f, off + bytes) : 0;

    if (ret || off >= old)
        return ret;
    if (may_unmap && b->flags & BLOCK_UNMAP && punch(f->fd, off, bytes) == 0)
        return 0;
    return f->is_direct && (off | bytes) & (f->align - 1) ? -ENOTSUP
                                                          : file_write_zeroes(f->fd, off, bytes);
}

static int discard(struct block_node *b, uint64_t off, uint64_t bytes)
{
    return file_discard(((struct file *)b->state)->fd, off, bytes);
}

static bool submit(struct block_node *b, struct block_req *req, uint64_t off)
{
    struct file *f = b->state;

    return f->uring && uring_submit(f->uring, req, off);
}

static int flush(struct block_node *b)
{
    if (b->flags & BLOCK_NO_FLUSH)
        return 0;
    return fdatasync(((struct file *)b->state)->fd) < 0 ? -errno : 0;
}

static int map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    int fd = ((struct file *)b->state)->fd;
    off_t data = lseek(fd, (off_t)off, SEEK_DATA), hole;

    e->has_offset = true;
    e->offset = off;
    e->path = b->path;
    if (data < 0 && errno == ENXIO) { /* a hole up to the end */
        e->data = false;
        e->zero = true;
    } else if (data > (off_t)off) {
        e->data = false;
        e->zero = true;
        e->bytes = MIN(bytes, (uint64_t)data - off);
    } else if (data == (off_t)off && (hole = lseek(fd, (off_t)off, SEEK_HOLE)) > (off_t)off) {
        e->bytes = MIN(bytes, (uint64_t)hole - off);
    }
    return 0;
}

/* --- size --- */
static int allocate(int fd, uint64_t off, uint64_t bytes, const char *prealloc)
{
    if (!strcmp(prealloc, "off") || !strcmp(prealloc, "metadata") || !bytes)
        return 0;
    if (!strcmp(prealloc, "falloc"))
        return -posix_fallocate(fd, (off_t)off, (off_t)bytes);
    int ret = zero_by_writing(fd, off, bytes);
    return ret ? ret : fdatasync(fd) ? -errno : 0;
}

static bool resize(struct block_node *b, uint64_t size, const char *prealloc, struct error **errp)
{
    struct file *f = b->state;
    struct stat st;

    if (fstat(f->fd, &st) || (S_ISREG(st.st_mode) && size > MAX_SIZE)) {
        error_set(errp, "'%s' cannot have %" G_GUINT64_FORMAT " bytes", b->path, size);
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        error_set(errp, "'%s' is a device: its size is fixed", b->path);
        return false;
    }
    int ret = ftruncate(f->fd, (off_t)size) ? -errno : 0;
    if (!ret && size > (uint64_t)st.st_size)
        ret = allocate(f->fd, st.st_size, size - st.st_size, prealloc);
    if (ret) {
        error_set(errp, "could not resize '%s': %s", b->path, g_strerror(-ret));
        return false;
    }
    b->size = align_up(size, SECTOR);
    return true;
}

bool file_create(const char *path, uint64_t size, const char *prealloc, struct error **errp)
{
    static const char *const ways[] = {"off", "metadata", "falloc", "full", NULL};
    const char *name = g_str_has_prefix(path, "file:") ? path + 5 : path;

    if (!g_strv_contains(ways, prealloc)) {
        const char *near = nearest_name(prealloc, ways);
        error_set(errp, "preallocation=%s: wanted one of off, falloc, full; did you mean '%s'?",
                  prealloc, near ? near : "off");
        return false;
    }
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        error_set(errp, "could not create '%s': %s", name, g_strerror(errno));
        return false;
    }
    struct stat st;
    bool is_file = !fstat(fd, &st) && S_ISREG(st.st_mode);
    bool ok = file_lock(fd, name, true, errp);
    int ret = ok && is_file && (ftruncate(fd, 0) || ftruncate(fd, (off_t)size)) ? -errno : 0;
    if (ok && is_file && !ret)
        ret = allocate(fd, 0, size, prealloc);
    if (ret)
        error_set(errp, "could not give '%s' %" G_GUINT64_FORMAT " bytes: %s", name, size,
                  g_strerror(-ret));
    close(fd);
    return ok && !ret;
}

static const char *const file_schemes[] = {"file", NULL}, *const device_schemes[] = {"host_device",
                                                                                     NULL};
static const char *const file_keys[] = {"filename", "locking", "aio", NULL};

#define FILE_OPS                                                                                   \
    .is_protocol = true, .keys = file_keys, .close = file_close, .read = file_read,                \
    .write = file_write, .write_zeroes = write_zeroes, .discard = discard, .flush = flush,         \
    .map = map, .resize = resize, .reopen = file_reopen, .moved = file_moved, .submit = submit

const struct block_driver file_driver = {
    .name = "file", .schemes = file_schemes, .open = file_open, FILE_OPS};
const struct block_driver host_device_driver = {
    .name = "host_device", .schemes = device_schemes, .open = host_device_open, FILE_OPS};

bool file_set_locked(struct block_node *b, bool on, struct error **errp)
{
    struct file *f = b->state;
    struct flock none = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

    if (b->drv->reopen != file_reopen || !f->lock || b->flags & BLOCK_NO_LOCK)
        return true;
    if (!on) {
        fcntl(f->fd, F_OFD_SETLK, &none);
        return true;
    }
    b->lock_pending = false;
    return file_lock(f->fd, b->path, !(b->flags & BLOCK_READ_ONLY), errp);
}
