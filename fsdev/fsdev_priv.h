/* A shared directory and the host's files in it, for the file server. */
#ifndef FSDEV_FSDEV_PRIV_H
#define FSDEV_FSDEV_PRIV_H

#include "fsdev/fsdev.h"

#include <glib.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Where owner, mode and device numbers that the guest sets are kept. */
enum security_model {
    SECURITY_PASSTHROUGH, /* in the host's inode; an owner that cannot be set is an error */
    SECURITY_NONE,        /* the same, but it is no error */
    SECURITY_MAPPED,      /* in attributes user.virtfs.* of a plain file */
};
/* What tells files on several host file systems below the directory apart. */
enum multidevs { MULTIDEVS_REMAP, MULTIDEVS_FORBID, MULTIDEVS_WARN };

struct fsdev {
    char *id, *path;
    enum security_model model;
    enum multidevs multidevs;
    bool read_only, sync_writes;
    mode_t file_mode, dir_mode; /* of what is made on the host, for SECURITY_MAPPED */
    int root;                   /* O_PATH */
    dev_t root_dev;
    unsigned max_files; /* descriptors that one server may hold */
    struct fsdev *next;
};

/* A file or directory of the host, held by an O_PATH descriptor: whatever happens to its name, this
 * stays the same file.  Shared by the fids that name it; the parent is kept as long. */
struct node {
    struct node *parent; /* NULL: the root of the share */
    char *name;          /* in the parent, when it was looked up */
    int fd;
    unsigned refs;
};

/* Who makes a file. */
struct creds {
    uint32_t uid, gid;
};

/* A path that opens the very file behind fd. */
struct fd_path {
    char text[32];
};
struct fd_path local_path(int fd);

/* All of these return 0 (or a descriptor, or a count) or a negative errno, never follow a symbolic
 * link, and only ever reach files below the root. */

/* The child named name; for "..", the parent, which is the root itself for the root. */
int local_lookup(const struct fsdev *fs, struct node *dir, const char *name, struct node **out);
struct node *local_root(const struct fsdev *fs);
struct node *local_ref(struct node *n);
/* How many descriptors that closed. */
unsigned local_unref(struct node *n);
/* What the guest is shown of a file. */
int local_stat(const struct fsdev *fs, int fd, struct stat *st);
/* A plain file or directory for reading and writing: others (devices, pipes) are not opened. */
int local_open(const struct fsdev *fs, const struct node *n, int flags);
int local_create(const struct fsdev *fs, struct node *dir, const char *name, int flags, mode_t mode,
                 struct creds who);
int local_mkdir(const struct fsdev *fs, const struct node *dir, const char *name, mode_t mode,
                struct creds who);
int local_symlink(const struct fsdev *fs, const struct node *dir, const char *name,
                  const char *target, struct creds who);
int local_mknod(const struct fsdev *fs, const struct node *dir, const char *name, mode_t mode,
                dev_t rdev, struct creds who);
int local_readlink(const struct fsdev *fs, const struct node *n, char *buf, size_t size);
int local_link(const struct node *n, const struct node *dir, const char *name);
/* name in dir, or n itself where its parent still has it under its name. */
int local_unlink(const struct node *dir, const char *name, int flags);
int local_remove(const struct node *n);
/* Give n, which its parent still has, a new name; *files counts descriptors. */
int local_move(struct node *n, struct node *to, const char *name, unsigned *files);
int local_rename(const struct node *from, const char *old, const struct node *to, const char *new);
int local_chmod(const struct fsdev *fs, const struct node *n, mode_t mode);
int local_chown(const struct fsdev *fs, const struct node *n, uint32_t uid, uint32_t gid);
int local_truncate(const struct node *n, uint64_t size);
int local_utimens(const struct node *n, const struct timespec ts[2]);

/* Extended attributes as the guest names them.  Names that keep what a security model hides are
 * not visible. */
ssize_t local_xattr_get(const struct fsdev *fs, const struct node *n, const char *name, void *buf,
                        size_t size);
ssize_t local_xattr_list(const struct fsdev *fs, const struct node *n, char *buf, size_t size);
int local_xattr_set(const struct fsdev *fs, const struct node *n, const char *name, const void *buf,
                    size_t size, int flags);
int local_xattr_remove(const struct fsdev *fs, const struct node *n, const char *name);

/* local_mapped.c: attributes user.virtfs.*, numbers little endian. */
void mapped_stat(int fd, struct stat *st);
int mapped_set_owner(int fd, uint32_t uid, uint32_t gid); /* UINT32_MAX: leave */
int mapped_set_mode(int fd, mode_t mode);
int mapped_set_rdev(int fd, dev_t rdev);

#endif
