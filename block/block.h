/*
 * Disks as devices, the monitor and the image tool see them: a graph of nodes, each run by a driver
 * (a format such as qcow2, a protocol such as file), opened from options.
 *
 * Nodes are opened, closed and rearranged in the main thread only; requests may come from any
 * thread and run on worker threads.  The blocking calls below (block_pread() and so on) run in the
 * caller's thread: not with a device's lock held.
 */
#ifndef BLOCK_BLOCK_H
#define BLOCK_BLOCK_H

#include "core/prop.h"
#include "util/error.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct block_node;
struct opts;

/* --- requests --- */
enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };

/* done() runs on a worker thread, ret is 0 or a negative errno.  The request belongs to the caller.
 */
struct block_req {
    enum block_op op;
    uint64_t offset; /* bytes */
    uint64_t bytes;  /* total of iov, or the length of a discard */
    struct iovec *iov;
    unsigned niov;
    void (*done)(struct block_req *req, int ret);
    void *opaque;
    struct block_req *next;
    struct block_node *node; /* set by block_submit() */
    int64_t start_ns;        /* likewise: when it was submitted */
    bool keep_space;         /* BLOCK_WRITE_ZEROES: the image must not free the space */
    bool only_fast;          /* likewise: -ENOTSUP rather than writing zeros as data */
    bool is_cancelled;       /* the block layer's, as is is_part: of another request */
    bool is_part;
};

void block_submit(struct block_node *b, struct block_req *req);
/* Wait until nothing is in flight.  Not with a lock held that a done() function takes. */
void block_drain(struct block_node *b);
void block_drain_all(void);

/* --- opening --- */
enum block_flags {
    BLOCK_READ_ONLY = 1 << 0,
    BLOCK_AUTO_READ_ONLY = 1 << 1, /* fall back to read-only when the host denies writing */
    BLOCK_SNAPSHOT = 1 << 2,       /* keep changes in a temporary file */
    BLOCK_DIRECT = 1 << 3,         /* pass by the host's page cache */
    BLOCK_NO_FLUSH = 1 << 4,       /* flushes reach the host's cache only */
    BLOCK_WRITETHROUGH = 1 << 5,   /* each write is followed by a flush */
    BLOCK_UNMAP = 1 << 6,          /* discards free space in the image and on the host */
    BLOCK_NO_LOCK = 1 << 7,        /* do not keep other processes off (force-share) */
    BLOCK_NO_BACKING = 1 << 8,     /* leave the backing file closed */
    BLOCK_FOR_CHECK = 1 << 9,      /* open what is marked dirty or corrupt as it is */
    BLOCK_NO_WARN = 1 << 10,       /* say nothing about a guessed raw format */
    BLOCK_QUIET = 1 << 11,         /* nor about damage */
    BLOCK_COPY_ON_READ = 1 << 12,  /* keep what is read from the backing file */
    BLOCK_HAS_QUEUE = 1 << 13,     /* a host file with aio=io_uring; set by its driver */
};

/* Open an image by its path ("disk.qcow2", "nbd://host/export", "json:{...}").  format NULL: look
 * at its first bytes. id NULL: make one up.  NULL and *errp when it cannot be opened. */
struct block_node *block_open_path(const char *id, const char *path, const char *format,
                                   unsigned flags, struct error **errp) MUST_CHECK;
/* The same without the name of a drive: for a medium. */
struct block_node *block_open_medium(const char *path, const char *format, unsigned flags,
                                     struct error **errp) MUST_CHECK;
/* The same, with flags as two switches. */
struct block_node *block_open(const char *id, const char *path, const char *format, bool read_only,
                              bool snapshot, struct error **errp) MUST_CHECK;
/* A -drive: path (or NULL when o has "file." keys) and the image's keys among o; others are left
 * alone. */
struct block_node *block_open_drive(const char *id, const char *path, const char *format,
                                    struct opts *o, unsigned flags, struct error **errp) MUST_CHECK;
/* A drive without a medium: a name that a device with exchangeable media takes over. */
struct block_node *block_open_empty(const char *id, struct error **errp) MUST_CHECK;
bool block_is_empty(const struct block_node *b);
/* drive_del: close a drive's image.  Its device, if it has one, keeps an empty drive, and every
 * request fails.  Main thread. */
bool block_take_away(struct block_node *b, struct error **errp) MUST_CHECK;
/* A -blockdev or blockdev-add: driver=, node-name= and all it needs; keys that nothing asks for are
 * an error. */
struct block_node *block_open_node(struct opts *o, struct error **errp) MUST_CHECK;
/* False when a key of o was asked for by nobody; more: names that the caller knows,
 * NULL-terminated. */
bool block_check_options(struct opts *o, const char *const *more, struct error **errp) MUST_CHECK;
/* Flags from cache=none|writeback|writethrough|directsync|unsafe; false when mode is none of these.
 */
bool block_cache_flags(const char *mode, unsigned *flags);
void block_close(struct block_node *b); /* waits for requests in flight, flushes or says why not */
void block_close_all(void);
/* By the id of a drive or the name of a node. */
struct block_node *block_find(const char *id);
/* All nodes, and those that are no other's child; NULL begins and ends. */
struct block_node *block_next(const struct block_node *b);
struct block_node *block_next_root(const struct block_node *b);
/* Names of all formats and protocols, NULL-terminated. */
const char *const *block_driver_names(void);

/* --- images that move with a machine to another process --- */
/* From here on images are opened although another process still writes them; raw ones only, for
 * what formats keep in memory would be stale. */
void block_expect_handover(void);
/* Take the locks that others must have given up by now; false and *errp, and none is taken. */
bool block_take_over(struct error **errp) MUST_CHECK;
/* Give up all locks: nothing may be written from here to block_take_over(). */
void block_hand_over(void);

/* --- what a node is --- */
uint64_t block_size(const struct block_node *b); /* bytes */
bool block_read_only(const struct block_node *b);
const char *
block_id(const struct block_node *b); /* of the drive; the node's name when it is none */
const char *block_node_name(const struct block_node *b); /* of the node */
const char *block_path(const struct block_node *b);
const char *block_driver_name(const struct block_node *b);
const char *block_owner(const struct block_node *b); /* the device that uses it, or NULL */
/* Others are given access to it (block/nbd_server.h). */
bool block_is_exported(const struct block_node *b);
struct block_node *block_file(const struct block_node *b);
struct block_node *block_backing(const struct block_node *b);
unsigned block_get_flags(const struct block_node *b); /* enum block_flags */
/* Claim for one device; false when another device has it. */
bool block_attach(struct block_node *b, const char *owner, struct error **errp);
void block_detach(struct block_node *b);
/* The property through which the device has it, so that the device's end detaches it. */
void block_set_slot(struct block_node *b, struct block_node **slot);
/* The name of its -drive, NULL when it has none. */
const char *block_drive_name(const struct block_node *b);
/* Give it that name; NULL takes the name off, which closes what -blockdev did not open. */
void block_name_drive(struct block_node *b, const char *name);
/* False with *errp when a job uses b or what is below it. */
bool block_check_idle(const struct block_node *b, struct error **errp) MUST_CHECK;

/* --- what the host does with it --- */
/* cache=unsafe: flushes do nothing.  discard: frees space, or does nothing. */
void block_set_unsafe(struct block_node *b, bool unsafe);
void block_set_discard(struct block_node *b, bool discard);
/* What is read from the backing file is kept in the image.  False and *errp, which says why, where
 * nothing could be kept. */
bool block_set_copy_on_read(struct block_node *b, struct error **errp) MUST_CHECK;
enum block_zeroes { BLOCK_ZEROES_OFF, BLOCK_ZEROES_ON, BLOCK_ZEROES_UNMAP };
void block_set_detect_zeroes(struct block_node *b, enum block_zeroes how);
const char *block_detect_zeroes_name(const struct block_node *b); /* as the option says it */

/* blockdev-reopen: what a node is open with.  The backing file is taken as it is given, NULL: none.
 */
struct block_reopen {
    bool read_only, unmap, no_flush;
    enum block_zeroes detect_zeroes;
    struct block_node *backing;
};
struct block_reopen block_reopen_now(const struct block_node *b);
bool block_reopen_check(const struct block_node *b, const struct block_reopen *r,
                        struct error **errp) MUST_CHECK;
bool block_reopen(struct block_node *b, const struct block_reopen *r,
                  struct error **errp) MUST_CHECK;

/* Limits on the rate of requests, per second; 0: none. */
enum block_limit {
    BLOCK_BPS_TOTAL,
    BLOCK_BPS_READ,
    BLOCK_BPS_WRITE,
    BLOCK_IOPS_TOTAL,
    BLOCK_IOPS_READ,
    BLOCK_IOPS_WRITE,
    BLOCK_LIMITS
};
struct block_limits {
    uint64_t avg[BLOCK_LIMITS], max[BLOCK_LIMITS],
        length[BLOCK_LIMITS]; /* length: of a burst at max, in seconds */
    uint64_t iops_size;       /* bytes that count as one operation; 0: any number */
};
extern const char *const block_limit_names[BLOCK_LIMITS]; /* "bps-total", ... */
/* group: drives that share the limits, NULL: this drive alone.  Main thread. */
bool block_set_limits(struct block_node *b, const struct block_limits *l, const char *group,
                      struct error **errp) MUST_CHECK;
/* False when there are none. */
bool block_get_limits(const struct block_node *b, struct block_limits *l, const char **group);

/* What to do when the host fails a request. */
enum block_on_error {
    BLOCK_ON_ERROR_AUTO,
    BLOCK_ON_ERROR_REPORT,
    BLOCK_ON_ERROR_IGNORE,
    BLOCK_ON_ERROR_ENOSPC,
    BLOCK_ON_ERROR_STOP
};
extern const char *const block_on_error_names[]; /* NULL-terminated */
void block_set_on_error(struct block_node *b, enum block_on_error read, enum block_on_error write);
/* How to stop the machine: called in the main loop.  Without it errors are reported.  What stalled
 * is tried again when the event RESUME comes. */
typedef void block_stop_fn(void *opaque);
void block_set_stop_hook(block_stop_fn *fn, void *opaque);
void block_retry_stalled(void);
/* Those that wait for a resumed machine complete with an error, on a worker thread: before a
 * device's reset waits for its requests. */
void block_cancel_stalled(struct block_node *b);

/* Since the node was opened, by enum block_op. */
struct block_stats {
    uint64_t ops[5], bytes[5], ns[5], failed[5];
};
void block_get_stats(struct block_node *b, struct block_stats *out);

/* --- blocking calls: 0 or a negative errno --- */
int block_pread(struct block_node *b, void *buf, size_t n, uint64_t off) MUST_CHECK;
int block_pwrite(struct block_node *b, const void *buf, size_t n, uint64_t off) MUST_CHECK;
int block_pwrite_zeroes(struct block_node *b, uint64_t off, uint64_t bytes,
                        bool may_unmap) MUST_CHECK;
int block_pwrite_compressed(struct block_node *b, const void *buf, size_t n,
                            uint64_t off) MUST_CHECK;
int block_pdiscard(struct block_node *b, uint64_t off, uint64_t bytes) MUST_CHECK;
int block_flush(struct block_node *b) MUST_CHECK;

/* Where the bytes from off on come from, as far as they come from one place. */
struct block_extent {
    uint64_t bytes;           /* length, at least 1 */
    uint64_t offset;          /* in file, when has_offset */
    struct block_node *layer; /* the node of the backing chain that has them, NULL: none */
    const char *path;         /* file that has them, when has_offset */
    unsigned depth;           /* of layer: 0 is the top */
    bool data, zero, has_offset, compressed, allocated; /* allocated: in the layer that was asked */
};
/* Of this node alone (allocated tells whether to look further down), and through the chain down to
 * but not including `base` (NULL: all of it). */
int block_map_layer(struct block_node *b, uint64_t off, uint64_t bytes,
                    struct block_extent *e) MUST_CHECK;
int block_map(struct block_node *b, struct block_node *base, uint64_t off, uint64_t bytes,
              struct block_extent *e) MUST_CHECK;

/* prealloc: off, metadata, falloc or full (for what is added). */
bool block_resize(struct block_node *b, uint64_t size, const char *prealloc,
                  struct error **errp) MUST_CHECK;

/* When a change reaches beyond that many bytes, say so once by BLOCK_WRITE_THRESHOLD, before it is
 * made; 0: never. */
void block_set_write_threshold(struct block_node *b, uint64_t bytes);
uint64_t block_write_threshold(const struct block_node *b); /* 0: none, or it was exceeded */

/* --- snapshots inside an image --- */
struct block_snapshot {
    char id[64], name[256];
    uint64_t vm_state_size; /* bytes */
    int64_t date_sec;       /* since 1970 */
    uint32_t date_nsec;
    uint64_t vm_clock_ns;
    uint64_t disk_size; /* of the guest's disk at that time, bytes */
    uint64_t icount;    /* UINT64_MAX: not kept */
};
/* One of that name and of this moment, without state; a name that is too long is cut. */
struct block_snapshot block_snapshot_now(const char *name);
/* Whether snapshots can be made in b: its format has them and it is writable. */
bool block_can_snapshot(const struct block_node *b);
/* s->id "" takes the next free number; disk_size is filled in.  Also ends the VM state that was
 * written. */
bool block_snapshot_create(struct block_node *b, const struct block_snapshot *s,
                           struct error **errp) MUST_CHECK;
/* By id, or else by name. */
bool block_snapshot_goto(struct block_node *b, const char *id_or_name,
                         struct error **errp) MUST_CHECK;
bool block_snapshot_delete(struct block_node *b, const char *id_or_name,
                           struct error **errp) MUST_CHECK;
/* Of struct block_snapshot, g_array_unref() it; NULL when the format has none. */
GArray *block_snapshot_list(struct block_node *b);
/* Show a snapshot instead of the disk, in memory only: b must be open read-only. */
bool block_snapshot_load(struct block_node *b, const char *id_or_name,
                         struct error **errp) MUST_CHECK;
/* The state of the machine beside the disk: written, in any order, after block_vmstate_begin() and
 * before block_snapshot_create(), read after block_snapshot_goto().  What was not written is zero.
 */
int block_vmstate_begin(struct block_node *b) MUST_CHECK;
int block_vmstate_write(struct block_node *b, const void *buf, size_t n, uint64_t pos) MUST_CHECK;
int block_vmstate_read(struct block_node *b, void *buf, size_t n, uint64_t pos) MUST_CHECK;

/* Memory that shows a part of that state, as far as possible mapped from the image's file, copy on
 * write.  As long as the mapping is there the image keeps what was mapped as it is. */
struct block_piece {
    uint64_t off, bytes; /* of the memory */
};
struct block_mapping {
    /* The image is about to be closed: copy what is mapped, then unmap.  Main thread. */
    void (*let_go)(struct block_mapping *m);
    GArray *pieces; /* of struct block_piece: what is mapped, in order */
    /* The driver's. */
    const struct block_driver *drv;
    void *state;
    GArray *ranges;
    uint64_t pos;
    struct block_mapping *next;
};
/* at: n bytes of private memory, all zero, n a multiple of the page size.  Let
 * block_vmstate_unmap() follow in any case, after `at` is gone or was copied. */
int block_vmstate_map(struct block_node *b, struct block_mapping *m, void *at, uint64_t n,
                      uint64_t pos) MUST_CHECK;
void block_vmstate_unmap(struct block_mapping *m);

/* --- images as files: the image tool, the monitor --- */
/* One thing that a format tells about itself; keys are those of qemu-img's JSON. */
struct block_fact {
    const char *key, *label;
    /* FACT_BITMAPS: the node's persistent dirty bitmaps (block/bitmap.h). */
    enum { FACT_TEXT, FACT_BOOL, FACT_UINT, FACT_BITMAPS } type;
    char *text;
    uint64_t value;
};
struct block_info {
    const char *format;
    char *path, *backing_path, *backing_format, *full_backing_path;
    uint64_t virtual_size, actual_size, cluster_size; /* bytes; cluster_size 0: none */
    bool is_dirty, is_corrupt, is_encrypted, has_actual_size;
    const char *specific; /* the format's name in "format-specific", NULL: has none */
    GArray *facts;        /* struct block_fact */
};
bool block_get_info(struct block_node *b, struct block_info *info, struct error **errp) MUST_CHECK;
void block_info_fini(struct block_info *info);

struct block_check {
    uint64_t corruptions, leaks, check_errors, corruptions_fixed, leaks_fixed;
    uint64_t image_end, total_clusters, allocated, fragmented, compressed;
    bool has_clusters;
};
enum { BLOCK_FIX_LEAKS = 1, BLOCK_FIX_ERRORS = 2 };
/* Look for damage, and mend it as told; findings go to stderr unless quiet.  False when the format
 * has no check. */
bool block_check(struct block_node *b, unsigned fix, bool quiet, struct block_check *result,
                 struct error **errp) MUST_CHECK;

/* Make an image; o: size and the format's options (backing_file, cluster_size, ...), all of them
 * known to it. */
bool block_create(const char *format, const char *path, struct opts *o,
                  struct error **errp) MUST_CHECK;
/* Make an image in a node that is open and that nobody uses; what it has is lost.  Main thread. */
bool block_format(const char *format, struct block_node *file, struct opts *o,
                  struct error **errp) MUST_CHECK;
struct block_create_opt {
    const char *name, *help;
};
/* The options that a format knows, ended by a NULL name; NULL when it cannot be created. */
const struct block_create_opt *block_create_opts(const char *format);
/* Write another backing file's name into the image; path NULL: none.  The node's own chain stays as
 * it is. */
bool block_set_backing_path(struct block_node *b, const char *path, const char *format,
                            struct error **errp) MUST_CHECK;
/* Drop all that the image itself holds, so that its backing file shows through. */
bool block_make_empty(struct block_node *b, struct error **errp) MUST_CHECK;
/* Write what b itself holds (since snapshot=on, or above its backing file) into the image below,
 * and empty b.  The guest's requests wait meanwhile; main thread. */
bool block_commit_now(struct block_node *b, struct error **errp) MUST_CHECK;
/* Whether there is an image below that b's changes could go into. */
bool block_can_commit(const struct block_node *b);
/* A backing file's name as seen from the image that names it. */
char *block_resolve_path(const char *image, const char *name);

/* --- external snapshots: a new image on top of one in use.  Main thread. --- */
struct block_overlay {
    struct block_node *b;   /* the disk */
    const char *path;       /* of the new image */
    const char *format;     /* NULL: qcow2 */
    const char *node_name;  /* or NULL */
    bool existing;          /* it is there already and has the right backing file */
    struct block_node *top; /* set by the functions below, as is is_new */
    bool is_new;
};
/* Make and open the image; then either block_overlay_commit(), which cannot fail and leaves the
 * guest's requests waiting for a moment, or block_overlay_abort(). */
bool block_overlay_prepare(struct block_overlay *s, struct error **errp) MUST_CHECK;
/* The same with a node that is open, has no user and no backing file yet. */
bool block_overlay_prepare_node(struct block_overlay *s, struct block_node *top,
                                struct error **errp) MUST_CHECK;
void block_overlay_commit(struct block_overlay *s);
void block_overlay_abort(struct block_overlay *s);
/* Write another name of its backing file into an image of root's chain; what is open stays. */
bool block_change_backing_file(struct block_node *root, struct block_node *image, const char *path,
                               struct error **errp) MUST_CHECK;
/* Whether path names a file of the host, not an address or options. */
bool block_path_is_plain(const char *path);

extern const struct prop_kind prop_drive; /* field type: struct block_node *; value is a node id */

#endif
