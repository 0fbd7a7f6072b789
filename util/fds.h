/*
 * File descriptors that a client passed in: by name (getfd), and in sets (add-fd), whose members
 * are opened as /dev/fdset/N.  Main thread only.
 */
#ifndef UTIL_FDS_H
#define UTIL_FDS_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Keep take_fd under a name, which must not be a number; one of the same name is closed. */
bool fds_put(const char *name, int take_fd, struct error **errp) MUST_CHECK;
/* Hand one over: the caller's to close, the name is free again.  -1 and *errp when there is none.
 * A number is that descriptor of ours itself. */
int fds_take(const char *name, struct error **errp) MUST_CHECK;
bool fds_close(const char *name, struct error **errp) MUST_CHECK;

/* A member of a set, as fds_set_foreach() tells of it. */
struct fds_member {
    int64_t set;
    int fd;
    const char *opaque; /* text that the client gave, or NULL */
};
/* Add take_fd to a set; *set < 0: a new one, whose number is stored. */
bool fds_set_add(int64_t *set, int take_fd, const char *opaque, struct error **errp) MUST_CHECK;
/* Close one member, or all (fd < 0). */
bool fds_set_remove(int64_t set, int fd, struct error **errp) MUST_CHECK;
void fds_set_foreach(void (*fn)(const struct fds_member *m, void *opaque), void *opaque);
/* open(2), except that "/dev/fdset/N" is a duplicate of the member of set N whose access mode is
 * that of flags.  -1 and errno. */
int fds_open(const char *path, int flags, mode_t mode) MUST_CHECK;

#endif
