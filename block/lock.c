/* Locks on image files, against other processes.  Ref: fcntl(2) on open file description locks. */
#include "block/block_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes whose shared locks tell what a program does, or does not want others to do: as qemu-img 7.2
 * takes them, so that either sees the other.  Who writes here locks all of the file. */
enum { BYTE_READS = 100, BYTE_WRITES = 101, BYTE_NO_WRITES = 201, BYTE_NO_RESIZE = 203 };

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

/* 0, or an errno. */
static int lock_bytes(int fd, int type, off_t start, off_t len)
{
    struct flock lk = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

    return fcntl(fd, F_OFD_SETLK, &lk) ? errno : 0;
}

/* Whether another program says with its locks that it writes. */
static bool has_writer(int fd)
{
    struct flock lk = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = BYTE_WRITES, .l_len = 1};

    return !fcntl(fd, F_OFD_GETLK, &lk) && lk.l_type != F_UNLCK;
}

static int lock_for_reading(int fd)
{
    int ret = lock_bytes(fd, F_RDLCK, 0, BYTE_READS + 1);

    if (!ret)
        ret = lock_bytes(fd, F_RDLCK, BYTE_NO_WRITES, 1);
    if (!ret)
        ret = lock_bytes(fd, F_RDLCK, BYTE_NO_RESIZE, 1);
    return !ret && has_writer(fd) ? EAGAIN : ret;
}

bool file_lock(int fd, const char *path, bool write, struct error **errp)
{
    int ret = write ? lock_bytes(fd, F_WRLCK, 0, 0) : lock_for_reading(fd);

    if (!ret)
        return true;
    if (ret != EAGAIN && ret != EACCES)
        return true; /* a file system without locks */
    set_locked(fd, path, write, errp);
    return false;
}

/* ---- handing over ---- */

static bool expects_handover; /* process-wide; set before images are opened */

void block_expect_handover(void)
{
    expects_handover = true;
}

bool file_lock_node(struct block_node *b, int fd, struct error **errp)
{
    struct error *err = NULL;

    b->lock_pending = false;
    if (file_lock(fd, b->path, !(b->flags & BLOCK_READ_ONLY), &err))
        return true;
    if (!expects_handover) {
        error_move(errp, err);
        return false;
    }
    error_free(err);
    b->lock_pending = true;
    return true;
}

bool file_may_wait(const struct block_node *b, struct error **errp)
{
    if (!b->file || !b->file->lock_pending || !strcmp(b->drv->name, "raw"))
        return true;
    error_set(errp,
              "'%s' is in use by another process, and only raw images can be taken over from a "
              "machine that runs; end that one first, with its state in a file",
              b->file->path);
    return false;
}

bool block_take_over(struct error **errp)
{
    expects_handover = false;
    for (struct block_node *b = NULL; (b = block_next(b));) {
        if (file_set_locked(b, true, errp))
            continue;
        block_hand_over();
        return false;
    }
    return true;
}

void block_hand_over(void)
{
    for (struct block_node *b = NULL; (b = block_next(b));)
        if (!file_set_locked(b, false, NULL))
            unreachable();
}
