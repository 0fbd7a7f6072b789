/*
 * Jobs: work on images that goes on while the guest uses them.
 *
 * A job runs on a thread of its own from start to end; what changes the graph of nodes is done in
 * the main thread when it has ended.  While it runs, its nodes cannot be rearranged otherwise.
 * Everything here is for the main thread.
 */
#ifndef BLOCK_JOB_H
#define BLOCK_JOB_H

#include "block/block.h"

/* In the order of their names in job_status_names. */
enum job_status {
    JOB_CREATED,
    JOB_RUNNING,
    JOB_PAUSED,
    JOB_READY,   /* the copy is as good as the source and is kept so until it is told to complete */
    JOB_STANDBY, /* paused while ready */
    JOB_WAITING,
    JOB_PENDING, /* done but for the last step, which waits for job-finalize */
    JOB_ABORTING,
    JOB_CONCLUDED,
    JOB_NULL,
};
extern const char *const job_status_names[]; /* NULL-terminated */

/* What to do when the host fails a transfer. */
enum job_on_error { JOB_REPORT, JOB_IGNORE, JOB_STOP, JOB_ENOSPC };

struct job_options {
    const char *id; /* NULL: the drive's name */
    uint64_t speed; /* bytes a second, 0: no limit */
    enum job_on_error on_source_error, on_target_error;
    bool wait_finalize, wait_dismiss;
};

struct block_job;

/* Copy what is in `top` and below it, down to but not including base, into base, then drop it from
 * the chain.  top NULL or the root: all, ready at the end, and base takes the root's place on
 * completion.  base NULL: the last of the chain.  backing_path: what the image above top shall name
 * as its backing file, NULL: base. */
bool job_start_commit(struct block_node *root, struct block_node *top, struct block_node *base,
                      const char *backing_path, const struct job_options *o,
                      struct error **errp) MUST_CHECK;

/* Copy what is below root, down to but not including base, into root.  base NULL: all. */
bool job_start_stream(struct block_node *root, struct block_node *base, const char *backing_path,
                      const struct job_options *o, struct error **errp) MUST_CHECK;

/* Where a copy goes: an open node, or a path to open. */
struct job_target {
    struct block_node *node; /* or NULL */
    const char *path, *format, *node_name;
    bool existing; /* path is there already */
    bool top_only; /* copy only what is not in the backing file, and have that as backing file */
    bool none;     /* backup: copy only what the guest overwrites, until it is cancelled */
    bool unmap;    /* zeros may be holes */
    bool compress;
    bool blocking;        /* mirror: once it is ready, the guest's writes wait for their copy */
    uint64_t granularity; /* of what is copied again; 0: chosen */
    /* Backup: copy only what this says is dirty, or NULL; what becomes of it then. */
    struct block_bitmap *bitmap;
    enum job_bitmap_mode { JOB_BITMAP_ON_SUCCESS, JOB_BITMAP_NEVER, JOB_BITMAP_ALWAYS } bitmap_mode;
};
/* Copy root and what is written to it meanwhile; when told to complete, the target takes root's
 * place. */
bool job_start_mirror(struct block_node *root, const struct job_target *t,
                      const struct job_options *o, struct error **errp) MUST_CHECK;
/* Copy root as it is now: what the guest is about to overwrite is copied first. */
bool job_start_backup(struct block_node *root, const struct job_target *t,
                      const struct job_options *o, struct error **errp) MUST_CHECK;

/* Something short that is done from the main loop, and has an outcome until it is dismissed: not on
 * one disk.  opaque is freed with the job, or at once when it cannot begin. */
typedef bool job_task_fn(void *opaque, struct error **errp);
bool job_start_task(const char *id, const char *type, job_task_fn *fn, void *take_opaque,
                    void (*free_opaque)(void *opaque), struct error **errp) MUST_CHECK;

/* By id; NULL when there is none. */
struct block_job *job_find(const char *id);
struct block_job *job_next(const struct block_job *j); /* NULL begins and ends */

struct job_info {
    const char *id, *type; /* commit, stream, mirror, backup, or a task's */
    enum job_status status;
    uint64_t offset, len, speed; /* bytes */
    bool is_paused, is_busy, is_ready, auto_finalize, auto_dismiss;
    bool is_on_disk;       /* not a task */
    const char *io_status; /* ok, failed, nospace */
    const char *error;     /* why it failed, or NULL */
};
void job_get_info(struct block_job *j, struct job_info *out);

/* What users ask of a job; false with *errp when its status does not allow it. */
bool job_cancel(struct block_job *j, bool force, struct error **errp) MUST_CHECK;
bool job_pause(struct block_job *j, struct error **errp) MUST_CHECK;
bool job_resume(struct block_job *j, struct error **errp) MUST_CHECK;
bool job_complete(struct block_job *j, struct error **errp) MUST_CHECK;
bool job_finalize(struct block_job *j, struct error **errp) MUST_CHECK;
bool job_dismiss(struct block_job *j, struct error **errp) MUST_CHECK;
bool job_set_speed(struct block_job *j, int64_t speed, struct error **errp) MUST_CHECK;

/* Cancel all and wait for them: before nodes are closed. */
void job_stop_all(void);

#endif
