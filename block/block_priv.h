/* Inside of the block layer: nodes, drivers, scattered buffers, worker threads. */
#ifndef BLOCK_BLOCK_PRIV_H
#define BLOCK_BLOCK_PRIV_H

#include "block/block.h"
#include "util/optparse.h"
#include "util/thread.h"

#include <stddef.h>

enum { SECTOR = 512, PROBE_SIZE = 2048 };

/* --- sg.c: a place in scattered buffers, passed by value --- */
struct sg {
    const struct iovec *iov;
    unsigned n;
    size_t at; /* bytes into *iov */
};
struct sg sg_skip(struct sg sg, uint64_t bytes);
/* The next buffers, at most max of them and bytes in sum; returns how many. */
int sg_batch(struct sg sg, uint64_t bytes, struct iovec *batch, int max);
void sg_read(struct sg sg, void *buf, size_t n); /* buffers -> buf */
void sg_fill(struct sg sg, const void *buf, size_t n);
void sg_zero(struct sg sg, uint64_t n);
bool sg_is_zero(struct sg sg, uint64_t n);
bool buffer_is_zero(const void *buf, size_t n);

/* --- ranges.c: who works on which bytes --- */
struct range {
    uint64_t start, end;
    bool exclusive;
    struct range *next;
};
struct ranges {
    struct mutex lock; /* a leaf */
    struct cond freed;
    struct range *first GUARDED_BY(lock);
};
void ranges_init(struct ranges *r);
void ranges_fini(struct ranges *r);
/* Wait until nobody holds bytes of [start, end) exclusively or, for an exclusive hold, at all; *own
 * is the hold. */
void ranges_take(struct ranges *r, struct range *own, uint64_t start, uint64_t end, bool exclusive);
/* The same without waiting; false when it would have to. */
bool ranges_try_take(struct ranges *r, struct range *own, uint64_t start, uint64_t end,
                     bool exclusive);
void ranges_drop(struct ranges *r, struct range *own);

/* --- options of a node: the keys of o that begin with prefix --- */
struct node_opts {
    struct opts *o;
    const char *prefix; /* "", "file.", "file.backing.", ... */
};
const char *node_opt(struct node_opts n, const char *key, const char *def);
bool node_opt_bool(struct node_opts n, const char *key, bool def, bool *out,
                   struct error **errp) MUST_CHECK;
bool node_opt_uint(struct node_opts n, const char *key, uint64_t max, uint64_t def, uint64_t *out,
                   struct error **errp) MUST_CHECK;
bool node_opt_size(struct node_opts n, const char *key, uint64_t def, uint64_t *out,
                   struct error **errp) MUST_CHECK;
/* One of choices (NULL-terminated; the first when absent); its index, or -1 and *errp. */
int node_opt_choice(struct node_opts n, const char *key, const char *const *choices,
                    struct error **errp);
/* Whether any key begins with prefix + key + ".". */
bool node_opt_has_group(struct node_opts n, const char *key);

/*
 * A driver.  Offsets and lengths are bytes, and lie inside the node; sg has as many bytes as are
 * asked for.  int results are 0 or -errno.  The operations on data run on many threads at once, the
 * others in the main thread while nothing is in flight.  NULL: the driver has no such thing.
 */
struct block_driver {
    const char *name;
    bool is_protocol;
    const char *const *schemes; /* protocols: what may stand before ':' in a path */
    const char *const *keys;    /* options beyond the common ones */
    /* How sure the driver is that the image is its own, 0: not at all. */
    int (*probe)(const uint8_t *head, size_t n);
    /* b has its children, flags and path; the driver sets size and state. */
    bool (*open)(struct block_node *b, struct node_opts o, struct error **errp);
    void (*close)(struct block_node *b);
    int (*read)(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg);
    int (*write)(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg);
    int (*write_zeroes)(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap);
    int (*write_compressed)(struct block_node *b, uint64_t off, uint64_t bytes, const void *buf);
    int (*discard)(struct block_node *b, uint64_t off, uint64_t bytes);
    /* All that was written reaches the medium, or with BLOCK_NO_FLUSH the host. */
    int (*flush)(struct block_node *b);
    int (*map)(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e);
    bool (*resize)(struct block_node *b, uint64_t size, const char *prealloc, struct error **errp);
    bool (*reopen)(struct block_node *b, bool read_only, struct error **errp);
    bool (*snapshot_create)(struct block_node *b, const struct block_snapshot *s,
                            struct error **errp);
    bool (*snapshot_goto)(struct block_node *b, const char *which, struct error **errp);
    bool (*snapshot_delete)(struct block_node *b, const char *which, struct error **errp);
    bool (*snapshot_load)(struct block_node *b, const char *which, struct error **errp);
    GArray *(*snapshot_list)(struct block_node *b);
    int (*vmstate_begin)(struct block_node *b);
    int (*vmstate_write)(struct block_node *b, const void *buf, size_t n, uint64_t pos);
    int (*vmstate_read)(struct block_node *b, void *buf, size_t n, uint64_t pos);
    /* m->pos is set; ranges, pieces and the place among the driver's mappings are its. */
    int (*vmstate_map)(struct block_node *b, struct block_mapping *m, void *at, uint64_t n);
    void (*vmstate_unmap)(struct block_mapping *m);
    void (*info)(struct block_node *b, struct block_info *info);
    bool (*check)(struct block_node *b, unsigned fix, bool quiet, struct block_check *result,
                  struct error **errp);
    bool (*create)(const char *path, struct opts *o, struct error **errp);
    /* The same into an open file that nobody uses. */
    bool (*format)(struct block_node *file, struct opts *o, struct error **errp);
    const struct block_create_opt *create_opts;
    bool (*set_backing)(struct block_node *b, const char *path, const char *format,
                        struct error **errp);
    bool (*make_empty)(struct block_node *b, struct error **errp);
    /* b->state came from another node: for drivers that keep a pointer to theirs. */
    void (*moved)(struct block_node *b);
    /* Whether it could keep persistent dirty bitmaps; write those of b->bitmaps that are, before it
     * is closed or read-only. */
    bool (*can_keep_bitmaps)(const struct block_node *b);
    int (*keep_bitmaps)(struct block_node *b);
    /* The file was opened for writing: make the rest ready, BLOCK_READ_ONLY is taken off after it.
     */
    bool (*set_writable)(struct block_node *b, struct error **errp);
    bool has_backing;
    bool is_read_only; /* never written to: a format in it is read-only without being told */
    /* The node below that has the bytes as they are, at *off of it: requests may pass by b. */
    struct block_node *(*through)(struct block_node *b, uint64_t *off);
    /* Take a request that passed by the nodes above, at off of b, to end in block_finish() or
     * pool_submit(); false: run it on a worker thread.  From any thread, without blocking. */
    bool (*submit)(struct block_node *b, struct block_req *req, uint64_t off);
};
extern const struct block_driver file_driver, host_device_driver, nbd_driver, null_driver,
    fat_driver, raw_driver, overlay_driver, copy_on_read_driver, qcow2_driver, vdi_driver,
    vhdx_driver, vmdk_driver, vpc_driver;
/* Formats first, in the order in which they are asked to probe; ended by NULL. */
extern const struct block_driver *const block_drivers[];
const struct block_driver *driver_find(const char *name);

/* Called on worker threads for each change that is submitted to a root: before it and after it,
 * whether or not it went well.  hold is a place for a hold on a range.  NULL: not called. */
struct node_hook {
    void (*before)(struct node_hook *h, struct range *hold, uint64_t off, uint64_t bytes);
    void (*after)(struct node_hook *h, struct range *hold, uint64_t off, uint64_t bytes);
};

struct block_node {
    char *id;   /* of the drive, or NULL */
    char *name; /* of the node */
    char *path;
    char *owner; /* device that claimed it, or NULL */
    void *slot;  /* the property through which it did */
    const struct block_driver *drv;
    void *state;                      /* the driver's */
    _Atomic uint64_t size;            /* bytes; of a file that is written to, it grows */
    _Atomic uint64_t write_threshold; /* block_set_write_threshold() */
    unsigned flags;                   /* enum block_flags */
    enum block_zeroes detect_zeroes;
    bool by_user;      /* -blockdev or blockdev-add named it: stays open until blockdev-del */
    bool is_guess;     /* raw because nothing else matched: its first sector must stay like that */
    bool lock_pending; /* another process still writes it: lock.c */
    struct block_node *file; /* what a format lies in */
    struct block_node *backing;
    char *backing_path, *backing_format; /* as the image names it, or NULL */
    struct throttle *throttle;           /* or NULL */
    struct node_hook *hook;              /* of a job, or NULL; changed while quiesced */
    struct block_bitmap *bitmaps;        /* changed while quiesced */
    const char *job;                     /* id of the job that uses it, or NULL; main thread */
    enum block_on_error on_read_error, on_write_error;
    unsigned refs; /* parents, and the user when `held` */
    unsigned parents;
    unsigned exports, writable_exports; /* that offer it to others; main thread */
    struct mutex lock;                  /* a leaf: guards in_flight */
    struct cond idle;
    unsigned in_flight GUARDED_BY(lock);
    struct block_req *stalled GUARDED_BY(lock); /* failed, and the machine stopped for it */
    unsigned quiesced GUARDED_BY(lock);         /* requests wait in held while this is not 0 */
    struct block_req *held GUARDED_BY(lock), *last_held GUARDED_BY(lock);
    struct block_stats stats GUARDED_BY(lock);
    struct block_node *next;
};

/* --- io.c: blocking access to a node; bytes beyond its end read as zero --- */
int node_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg);
int node_write(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg);
int node_pread(struct block_node *b, void *buf, size_t n, uint64_t off);
int node_pwrite(struct block_node *b, const void *buf, size_t n, uint64_t off);
int node_write_zeroes(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap);
/* The same, but -ENOTSUP where it would take writing zeros as data; some may be written then. */
int node_try_zeroes(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap);
int node_discard(struct block_node *b, uint64_t off, uint64_t bytes);
int node_flush(struct block_node *b);
/* Before it is closed: a failure is told. */
void node_flush_last(struct block_node *b);
/* From the backing file, zeros where there is none. */
int node_read_backing(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg);

/* --- graph.c --- */
struct block_node *node_new(const struct block_driver *drv, const char *path, unsigned flags);
void node_link(struct block_node *b);
struct block_node *node_ref(struct block_node *b);
void node_unref(struct block_node *b);

/* --- replace.c: main thread --- */
/* Hold back what is submitted to b, wait for what is in flight; nests.  node_resume() lets it go.
 */
void node_quiesce(struct block_node *b);
void node_resume(struct block_node *b);
/* Count as a request in flight, after waiting until none is held back: for access that is no
 * request.  Any thread but the main one. */
void node_enter(struct block_node *b);
void node_leave(struct block_node *b);
/* An export of b begins or ends, which keeps b open. */
void node_export(struct block_node *b, bool begins, bool writable);
/* b->lock held: keep req for node_resume(); false when it may run. */
bool node_hold_locked(struct block_node *b, struct block_req *req) REQUIRES(b->lock);
/* Exchange what two nodes show, not who uses them.  Both quiesced or without users. */
void node_exchange(struct block_node *a, struct block_node *b);
/* Count the users of b anew; closed when there are none. */
void node_settle(struct block_node *b);
/* Another backing file (NULL: none) in memory; the old one is closed unless others use it. */
void node_set_backing(struct block_node *b, struct block_node *backing);
/* Open b's file the other way.  Without users' requests in flight. */
bool node_set_read_only(struct block_node *b, bool read_only, struct error **errp) MUST_CHECK;
/* False when a job uses b or what is below it. */
bool node_check_idle(const struct block_node *b, struct error **errp) MUST_CHECK;
/* The image that what b holds by itself lies above: its backing file, or what snapshot=on protects;
 * NULL: none. */
struct block_node *node_image_below(const struct block_node *b);
/* The node of top's chain whose backing file is `wanted`; NULL: none. */
struct block_node *node_overlay_of(struct block_node *top, const struct block_node *wanted);

/* --- external.c --- */
/* How an image in any directory names b as its backing file; g_free it. */
char *node_backing_name(const struct block_node *b);
/* node_open_image() with a node name, or NULL. */
struct block_node *node_open_target(const char *path, const char *format, const char *name,
                                    unsigned flags, struct error **errp);

/* --- open.c: the child that key names: a node by name, nested options, or path when there are
 * none.  prefix + key + "." are its own options. */
struct block_node *node_open_file(struct node_opts parent, const char *key, const char *path,
                                  unsigned flags, struct error **errp);
struct block_node *node_open_image(const char *path, const char *format, struct node_opts o,
                                   unsigned flags, struct error **errp);
/* Open the backing file that b->backing_path names, or the one that o asks for. */
bool node_open_backing(struct block_node *b, struct node_opts o, struct error **errp);

/* --- file.c --- */
int file_pread(int fd, void *buf, size_t n, uint64_t off);
int file_pwrite(int fd, const void *buf, size_t n, uint64_t off);
int file_write_zeroes(int fd, uint64_t off, uint64_t bytes);
int file_readv(int fd, struct sg sg, uint64_t bytes, uint64_t off);
int file_writev(int fd, struct sg sg, uint64_t bytes, uint64_t off);
int file_discard(int fd, uint64_t off, uint64_t bytes);
/* Make a file of a size (bytes) for a new image; -1 and *errp. */
bool file_create(const char *path, uint64_t size, const char *prealloc, struct error **errp);
/* --- lock.c: lock for reading or writing against other processes; false and *errp, naming the
 * holder. */
bool file_lock(int fd, const char *path, bool write, struct error **errp);
/* The same for a node that is being opened; b->lock_pending when its lock must wait for
 * block_take_over(). */
bool file_lock_node(struct block_node *b, int fd, struct error **errp);
/* Whether a format that was opened on b->file may be used although the lock of that waits. */
bool file_may_wait(const struct block_node *b, struct error **errp);
/* file.c: take or give up the lock of a file's node; nothing for other nodes. */
bool file_set_locked(struct block_node *b, bool on, struct error **errp);

/* overlay.c: a node that keeps the changes to b, which it takes over */
struct block_node *overlay_open(struct block_node *take_b, struct error **errp);

/* throttle.c */
void throttle_submit(struct throttle *t, struct block_req *req);
void throttle_release(struct throttle *t,
                      const struct block_node *b); /* let go all that waits for b */
void throttle_unref(struct throttle *t);
void throttle_stop(void);
/* policy.c: what becomes of a request that failed; true when it waits for the machine to go on. */
bool policy_apply(struct block_node *b, struct block_req *req, int *ret);

/* pool.c: run requests on worker threads, started on first use. */
void pool_submit(struct block_req *req);
void pool_stop(void);
/* block.c: to where a request runs best; to its end, in a worker thread; what comes after that: ret
 * is 0 or -errno, the request may be the caller's again when this returns. */
void block_start(struct block_req *req);
void block_run(struct block_req *req);
void block_finish(struct block_req *req, int ret);
/* Whether the first n bytes of an image make it one of a format, for those whose format was
 * guessed: a guest could that way have the next run open host files for it. */
bool block_looks_like_format(const void *head, size_t n);

/* Add one to info->facts; take_text is owned. */
void info_add_text(struct block_info *info, const char *key, const char *label, char *take_text);
void info_add_bool(struct block_info *info, const char *key, const char *label, bool value);
void info_add_bitmaps(struct block_info *info, const char *key, const char *label);
void info_add_uint(struct block_info *info, const char *key, const char *label, uint64_t value);

#endif
