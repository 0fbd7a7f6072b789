/*
 * Format qcow2, inside.  Ref: the qcow2 image format specification, versions 2 and 3.
 *
 * q->lock guards all metadata and is never held over a transfer of guest data.  Metadata is changed
 * in memory and written in an order that leaves a whole image wherever it is cut off (writeback.c);
 * clusters that are no longer needed are freed only after nothing on the medium refers to them.
 */
#ifndef BLOCK_QCOW2_QCOW2_PRIV_H
#define BLOCK_QCOW2_QCOW2_PRIV_H

#include "block/block_priv.h"
#include "util/bits.h"

enum { /* header, section "Header" */
       HDR_V2_LENGTH = 72,
       HDR_V3_LENGTH = 104,
       MIN_CLUSTER_BITS = 9,
       MAX_CLUSTER_BITS = 21,
};
enum {
    INCOMPAT_DIRTY = 1,
    INCOMPAT_CORRUPT = 2,
    INCOMPAT_DATA_FILE = 4,
    INCOMPAT_COMPRESSION = 8,
    INCOMPAT_EXT_L2 = 16
};
enum { COMPAT_LAZY_REFCOUNTS = 1 };
enum { AUTOCLEAR_BITMAPS = 1, AUTOCLEAR_DATA_RAW = 2 };
enum { COMPRESSION_ZLIB = 0, COMPRESSION_ZSTD = 1 };
#define EXT_BACKING_FORMAT UINT32_C(0xe2792aca)
#define EXT_FEATURE_NAMES  UINT32_C(0x6803f857)
#define EXT_BITMAPS        UINT32_C(0x23852875)
#define EXT_LUKS           UINT32_C(0x0537be77)
#define EXT_DATA_FILE      UINT32_C(0x44415441)

#define ENTRY_COPIED     BIT64(63)
#define ENTRY_COMPRESSED BIT64(62)
#define ENTRY_ZERO       BIT64(0)
#define ENTRY_OFFSET     MASK64(9, 47)

enum {
    MAX_L1_BYTES = 32 << 20,
    MAX_REFTABLE_BYTES = 8 << 20,
    MAX_SNAPSHOTS = 65536,
    MAX_SNAPSHOT_TABLE = 64 << 20,
    MAX_SNAPSHOT_EXTRA = 1024,
    MAX_BACKING_NAME = 1023,
    MAX_EXTENSIONS = 1 << 20, /* bytes of header extensions that are kept */
    CACHE_BYTES = 32 << 20,   /* of L2 tables, and again of refcount blocks */
    CACHE_MIN = 16,           /* tables, however large */
    SUBCLUSTERS = 32,
};

/* One L2 table or refcount block, as on the medium. */
struct table {
    uint64_t off;
    uint8_t *data;
    bool dirty, busy; /* busy: being written */
    GList link;       /* in the order of use */
};
struct cache {
    GHashTable *by_off; /* of struct table */
    GQueue lru;         /* the head is the next to go */
    unsigned limit, dirty;
    size_t table_size;
};

/* What the header on the medium says. */
struct header_places {
    uint64_t l1_offset, reftable_offset;
    uint32_t l1_size, reftable_clusters;
};

struct extension {
    uint32_t magic, len;
    uint8_t *data;
};

struct qsnapshot {
    struct block_snapshot info;
    uint64_t l1_offset;
    uint32_t l1_size; /* entries */
    uint8_t *extra;   /* what follows the extra data that we know */
    uint32_t extra_size;
};

/* Clusters that nothing in memory refers to, but maybe something on the medium. */
struct pending_free {
    uint64_t off, clusters;
};

struct qcow2 {
    uint32_t version, header_length, crypt_method;
    uint64_t incompat, compat, autoclear;
    unsigned compression;
    unsigned cluster_bits, l2_bits, refcount_order,
        rb_bits; /* rb_bits: log2 of entries of a refcount block */
    uint64_t cluster_size;
    unsigned entry_size; /* of an L2 entry, bytes */
    bool has_subclusters;
    uint64_t disk_size;      /* the guest's disk, bytes */
    GArray *extensions;      /* struct extension, those that are not of our making */
    struct block_node *data; /* external data file, or NULL */
    char *data_path;
    GArray *bitmaps; /* struct qbitmap: the directory on the medium; NULL: none.  Main thread */
    uint8_t *bitmap_dir;
    uint64_t bitmap_dir_size, bitmap_dir_offset;
    bool bitmaps_in_use; /* and marked so there */

    struct mutex lock; /* a leaf: guards what follows */
    uint64_t *l1;      /* host order */
    uint32_t l1_size;  /* entries */
    uint64_t l1_offset;
    uint32_t l1_dirty_start, l1_dirty_end;
    uint64_t *reftable;
    uint32_t reftable_size; /* entries */
    uint32_t reftable_clusters;
    uint64_t reftable_offset;
    uint32_t rt_dirty_start, rt_dirty_end;
    GArray *snapshots; /* struct qsnapshot */
    uint64_t snapshots_offset, snapshots_bytes;
    struct header_places on_disk;
    struct cache l2, rb;
    GArray *frees;  /* struct pending_free */
    GArray *parked; /* struct pending_free: free as soon as no mapping has them */
    struct block_mapping *mappings;
    uint64_t free_hint;  /* no free cluster below this index */
    uint64_t high_water; /* nothing was ever written from this host offset on */
    uint64_t packed_end; /* where the next compressed cluster may follow, 0: nowhere */
    bool is_corrupt;
    bool is_creating;
    bool is_copy_told; /* copy-on-read failed, and the user knows */

    struct ranges ranges;    /* guest clusters that requests work on */
    struct mutex flush_lock; /* before lock: one writeback at a time */
};

static inline struct qcow2 *qcow2(const struct block_node *b)
{
    return b->state;
}
static inline uint64_t cluster_offset(const struct qcow2 *q, uint64_t off)
{
    return off & (q->cluster_size - 1);
}
static inline uint64_t cluster_floor(const struct qcow2 *q, uint64_t off)
{
    return off & ~(q->cluster_size - 1);
}
static inline uint64_t clusters_of(const struct qcow2 *q, uint64_t bytes)
{
    return (bytes >> q->cluster_bits) + ((bytes & (q->cluster_size - 1)) != 0);
}
static inline uint64_t l2_span(const struct qcow2 *q) /* guest bytes that an L2 table maps */
{
    return q->cluster_size << q->l2_bits;
}
static inline uint64_t vmstate_start(const struct qcow2 *q)
{
    return align_up(q->disk_size, l2_span(q));
}

/* --- cache.c; lock held --- */
void cache_init(struct cache *c, size_t table_size);
void cache_fini(struct cache *c);
/* The table at host offset off, read if need be; valid until the next cache_get() or the lock's
 * release. */
int cache_get(struct block_node *b, struct cache *c, uint64_t off, struct table **t);
/* The same for a cluster that was just allocated: all zeros, nothing is read. */
struct table *cache_new(struct cache *c, uint64_t off);
void cache_dirty(struct cache *c, struct table *t);
void cache_forget(struct cache *c, uint64_t off);

/* --- header.c --- */
bool header_read(struct block_node *b, struct node_opts o, struct error **errp);
/* Write the header, its extensions and the backing file's name. */
int header_write(struct block_node *b);
void extensions_free(struct qcow2 *q);
/* Say once that metadata is wrong, and mark the image so that it is not written to again.  Returns
 * -EIO. */
int qcow2_corrupt(struct block_node *b, const char *fmt, ...) PRINTF(2, 3);
/* What the bits of an image that we do not know are called by itself; free the text. */
char *feature_names(struct qcow2 *q, const uint8_t *table, size_t len, uint64_t bits);

/* --- refcount.c; lock held --- */
int refcount_get(struct block_node *b, uint64_t cluster, uint64_t *count);
int refcount_add(struct block_node *b, uint64_t off, uint64_t clusters, int delta);
int refcount_set(struct block_node *b, uint64_t cluster, uint64_t count);
/* Whether host bytes lie where header, L1 or refcount table are. */
bool overlaps_tables(const struct qcow2 *q, uint64_t host, uint64_t bytes);
/* One to want clusters in a row: where, and how many. */
int clusters_alloc(struct block_node *b, uint64_t want, uint64_t *off, uint64_t *got);
/* Exactly n clusters in a row. */
int clusters_alloc_run(struct block_node *b, uint64_t n, uint64_t *off);
/* Room for n bytes of compressed data. */
int bytes_alloc(struct block_node *b, uint64_t n, uint64_t *off);
/* Drop one reference to each when nothing on the medium has it any more. */
void clusters_free_later(struct qcow2 *q, uint64_t off, uint64_t clusters);
int pending_frees_apply(struct block_node *b, GArray *frees);
uint64_t refcount_load(const struct qcow2 *q, const uint8_t *data, uint64_t i);
void refcount_store(const struct qcow2 *q, uint8_t *data, uint64_t i, uint64_t count);
uint64_t refcount_max(const struct qcow2 *q);

/* --- cluster.c; lock held --- */
enum extent_type { EXT_NONE, EXT_ZERO, EXT_ZERO_ALLOCATED, EXT_DATA, EXT_COMPRESSED };
struct extent {
    enum extent_type type;
    uint64_t host;         /* of the first byte asked for; compressed: of the data */
    uint64_t bytes;        /* of the guest's */
    uint64_t packed_bytes; /* compressed: at most this many */
    bool is_copied;        /* may be written in place */
};
int extent_find(struct block_node *b, uint64_t off, uint64_t bytes, struct extent *e);
/* The L2 table of guest offset off, made or made our own if need be. */
int l2_writable(struct block_node *b, uint64_t off, struct table **t);
/* The L2 table for reading; *t NULL when there is none. */
int l2_readable(struct block_node *b, uint64_t off, struct table **t);
/* Whether that table is in memory. */
bool is_l2_cached(const struct block_node *b, uint64_t off);
struct l2_entry {
    uint64_t word, bitmap; /* bitmap: subclusters, low half allocated, high half zero */
};
struct l2_entry l2_get(const struct qcow2 *q, const struct table *t, uint64_t off);
void l2_put(struct qcow2 *q, struct table *t, uint64_t off, struct l2_entry e);
void l1_dirty(struct qcow2 *q, uint32_t i);
int l1_grow(struct block_node *b, uint64_t entries);
/* Drop the references of one entry later. */
void entry_free_later(struct qcow2 *q, struct l2_entry e);
void packed_place(const struct qcow2 *q, uint64_t word, uint64_t *host, uint64_t *bytes);
uint64_t packed_word(const struct qcow2 *q, uint64_t host, uint64_t bytes);
bool entry_has_host(const struct qcow2 *q, uint64_t word);

/* --- data.c --- */
/* Where the guest's data lies. */
struct block_node *qcow2_data_file(const struct block_node *b);
/* 0 when data may be written at host, else the image is marked as damaged.  Lock held. */
int qcow2_check_host(struct block_node *b, uint64_t host, uint64_t bytes);
/* pass.c: struct block_driver's submit. */
bool qcow2_submit(struct block_node *b, struct block_req *req, uint64_t off);
/* With copy-on-read, too. */
int qcow2_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg);
int qcow2_read_at(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg);
int qcow2_write_at(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg);
int qcow2_write_compressed(struct block_node *b, uint64_t off, uint64_t bytes, const void *buf);
/* zero.c */
int qcow2_zero_at(struct block_node *b, uint64_t off, uint64_t bytes, bool may_unmap);
int qcow2_discard_at(struct block_node *b, uint64_t off, uint64_t bytes);
/* The same for whole clusters of a version 3 image, which the caller holds exclusively. */
int qcow2_zero_held(struct block_node *b, uint64_t off, uint64_t end);
/* Make the clusters of [off, off + bytes) read as if they had never been written. */
int qcow2_forget_at(struct block_node *b, uint64_t off, uint64_t bytes);

/* --- compress.c: 0 or -errno; pack gives -ENOSPC when the result is not smaller than n --- */
int qcow2_unpack(unsigned how, const uint8_t *in, size_t n_in, uint8_t *out, size_t n);
int qcow2_pack(unsigned how, const uint8_t *in, size_t n, uint8_t *out, size_t *n_out);

/* --- writeback.c --- */
/* Write all changed metadata in order; neither lock held. */
int qcow2_writeback(struct block_node *b);
/* Before a request that changes metadata: write some when there is much. */
int qcow2_make_room(struct block_node *b);
int qcow2_flush(struct block_node *b);

/* --- snapshot.c --- */
bool snapshots_read(struct block_node *b, struct error **errp);
void snapshots_free(struct qcow2 *q);
bool qcow2_snapshot_create(struct block_node *b, const struct block_snapshot *s,
                           struct error **errp);
bool qcow2_snapshot_goto(struct block_node *b, const char *which, struct error **errp);
bool qcow2_snapshot_delete(struct block_node *b, const char *which, struct error **errp);
bool qcow2_snapshot_load(struct block_node *b, const char *which, struct error **errp);
GArray *qcow2_snapshot_list(struct block_node *b);
int qcow2_vmstate_write(struct block_node *b, const void *buf, size_t n, uint64_t pos);
int qcow2_vmstate_read(struct block_node *b, void *buf, size_t n, uint64_t pos);

/* Forget the state that no snapshot has. */
int qcow2_vmstate_begin(struct block_node *b);

/* --- mapping.c --- */
int qcow2_vmstate_map(struct block_node *b, struct block_mapping *m, void *at, uint64_t n);
void qcow2_vmstate_unmap(struct block_mapping *m);
/* Whether memory is mapped from the cluster at host; what then becomes of it when it is freed. Lock
 * held. */
bool cluster_is_mapped(const struct qcow2 *q, uint64_t host);
void cluster_park(struct qcow2 *q, uint64_t host);
/* The file is about to be closed.  Main thread, lock not held. */
void mappings_let_go(struct qcow2 *q);

/* --- bitmaps.c; main thread --- */
/* Make what the image has b->bitmaps. */
void bitmaps_load(struct block_node *b);
/* Mark them on the medium: the image may be written to from now on. */
int bitmaps_begin(struct block_node *b);
void bitmaps_forget(struct qcow2 *q);
bool qcow2_can_keep_bitmaps(const struct block_node *b);
int qcow2_keep_bitmaps(struct block_node *b);

/* --- check.c --- */
bool qcow2_check(struct block_node *b, unsigned fix, bool quiet, struct block_check *r,
                 struct error **errp);

/* --- create.c, resize.c --- */
bool qcow2_create(const char *path, struct opts *o, struct error **errp);
bool qcow2_format(struct block_node *file, struct opts *o, struct error **errp);
extern const struct block_create_opt qcow2_create_opts[];
/* Give every cluster of [off, off + bytes) a place. */
int qcow2_preallocate(struct block_node *b, uint64_t off, uint64_t bytes);
bool qcow2_resize(struct block_node *b, uint64_t size, const char *prealloc, struct error **errp);

#endif
