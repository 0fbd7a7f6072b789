/* The file that a machine is saved to: whole or not at all. */
#ifndef SNAPSHOT_FILE_TARGET_H
#define SNAPSHOT_FILE_TARGET_H

#include "snapshot/uri.h"

struct file_target {
    int fd;
    bool can_map; /* a regular file, from a place that can be mapped; else only a stream fits */
    uint64_t base;
    char *path, *temporary; /* temporary NULL: written in place */
};

/* Open it.  A plain file is made under another name and takes its own in file_target_commit(), so
 * that one that is in use, or the last good one, stays as it is until then. */
struct file_target *file_target_open(const struct migrate_uri *u, struct error **errp) MUST_CHECK;
bool file_target_commit(struct file_target *t, struct error **errp) MUST_CHECK;
/* Without a commit nothing is left, save in a file written in place. */
void file_target_free(struct file_target *t);
/* Keep others from writing in the file as long as fd is open, since it is mapped. */
void file_guard_mapped(int fd);

#endif
