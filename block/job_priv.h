/* Inside of jobs: the common part, what kinds of jobs bring, copying. */
#ifndef BLOCK_JOB_PRIV_H
#define BLOCK_JOB_PRIV_H

#include "block/block_priv.h"
#include "block/job.h"

#include <stdatomic.h>

enum { JOB_PIECE = 1 << 20, JOB_CHUNK = 64 << 10 };

/* Every kind of job starts with this. */
struct block_job {
    char *id;
    const struct job_ops *ops;
    struct block_node *root; /* the disk that it works on */
    GPtrArray *nodes;        /* struct block_node that it has marked as its own */
    bool auto_finalize, auto_dismiss;
    enum job_on_error on_source_error, on_target_error;
    _Atomic uint64_t offset, len; /* progress, bytes */
    pthread_t thread;
    bool has_thread;
    struct mutex lock; /* a leaf, but for events */
    struct cond wake;
    enum job_status status GUARDED_BY(lock);
    uint64_t speed GUARDED_BY(lock);
    int64_t slice_ns GUARDED_BY(lock); /* the speed limit: bytes since then */
    uint64_t slice_bytes GUARDED_BY(lock);
    bool pause GUARDED_BY(lock), cancel GUARDED_BY(lock), force GUARDED_BY(lock),
        complete GUARDED_BY(lock);
    const char *io_status GUARDED_BY(lock);
    int ret; /* of the thread, then of the last step */
    char *error;
    struct block_job *next;
};

struct job_ops {
    const char *type;
    /* On the job's thread; 0 or -errno. */
    int (*run)(struct block_job *j);
    /* Main thread, when run() went well: what can fail of the last step.  0 or -errno. */
    int (*prepare)(struct block_job *j);
    /* Then one of these. */
    void (*commit)(struct block_job *j);
    void (*abort)(struct block_job *j);
    void (*free)(struct block_job *j);
    bool in_main_loop; /* run() is for the main thread */
};

/* --- job.c --- */
/* Fill in the common part and check that the nodes of root's chain and of other's (or NULL) are
 * free; false: *errp, and nothing is to be undone. */
bool job_init(struct block_job *j, const struct job_ops *ops, struct block_node *root,
              const struct job_options *o, struct error **errp) MUST_CHECK;
void job_fini(struct block_job *j); /* of a job that was not started */
/* Mark b and what is below it. */
void job_claim(struct block_job *j, struct block_node *b);
/* Start the thread; the job is its own from now on. */
void job_start(struct block_job *j);
/* For the thread: let bytes count against the speed limit, pause when told to; false: end now. */
bool job_point(struct block_job *j, uint64_t bytes);
/* A transfer failed; false: the job fails, true: try again after job_point(). */
bool job_may_retry(struct block_job *j, bool is_read, int ret);
/* Say that the copy is complete. */
void job_set_ready(struct block_job *j);
/* Ready: wait until something has to be done.  False: end. */
bool job_is_told_to_end(struct block_job *j);
void job_wait(struct block_job *j, int64_t ns);
void job_wake(struct block_job *j);
/* Told to complete, not only to stop. */
bool job_completes(struct block_job *j);

/* --- job_copy.c: on any thread; 0 or -errno, *is_read tells which side failed --- */
struct copier {
    struct block_node *from, *to;
    bool unmap, compress;
    void *buf; /* JOB_PIECE bytes */
};
bool copier_init(struct copier *c, struct block_node *from, struct block_node *to);
void copier_fini(struct copier *c);
int copier_copy(struct copier *c, uint64_t off, uint64_t bytes, bool *is_read);

/* Active commit: root goes into base. */
bool job_start_active_commit(struct block_node *root, struct block_node *base,
                             const struct job_options *o, struct error **errp) MUST_CHECK;

/* --- job_target.c --- */
/* Make and open what t names, or take the node; *is_new: it has nothing but zeros (or its backing
 * file) yet. */
struct block_node *target_open(struct block_node *root, const struct job_target *t, bool *is_new,
                               struct error **errp);
/* Close what target_open() opened. */
void target_close(struct block_node *target);

#endif
