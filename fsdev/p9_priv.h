/* Inside the 9P file server: fids, and one request being served. */
#ifndef FSDEV_P9_PRIV_H
#define FSDEV_P9_PRIV_H

#include "fsdev/fsdev_priv.h"

enum { /* requests; the answer is one more */
       P9_RLERROR = 7,
       P9_TSTATFS = 8,
       P9_TLOPEN = 12,
       P9_TLCREATE = 14,
       P9_TSYMLINK = 16,
       P9_TMKNOD = 18,
       P9_TRENAME = 20,
       P9_TREADLINK = 22,
       P9_TGETATTR = 24,
       P9_TSETATTR = 26,
       P9_TXATTRWALK = 30,
       P9_TXATTRCREATE = 32,
       P9_TREADDIR = 40,
       P9_TFSYNC = 50,
       P9_TLOCK = 52,
       P9_TGETLOCK = 54,
       P9_TLINK = 70,
       P9_TMKDIR = 72,
       P9_TRENAMEAT = 74,
       P9_TUNLINKAT = 76,
       P9_TVERSION = 100,
       P9_TAUTH = 102,
       P9_TATTACH = 104,
       P9_TFLUSH = 108,
       P9_TWALK = 110,
       P9_TREAD = 116,
       P9_TWRITE = 118,
       P9_TCLUNK = 120,
       P9_TREMOVE = 122,
       P9_NTYPES = 128,
};
enum { P9_HEADER = 7, P9_DATA_HEADER = P9_HEADER + 4, P9_WRITE_HEADER = P9_HEADER + 16 };
enum { P9_MAX_XATTR = 64 << 10, P9_MAX_XATTR_TOTAL = 32 << 20, P9_MAX_SEGMENTS = 1024 };

struct lock_file;

struct fid {
    uint32_t id;
    struct node *node;
    struct creds who;        /* gid 0 until a request names one */
    int fd;                  /* open file or directory, or -1 */
    struct lock_file *locks; /* holds byte range locks of its file, or NULL */
    /* Of an attribute: Txattrwalk reads, Txattrcreate fills it for Tclunk to set. */
    bool is_xattr, xattr_writes;
    char *xattr_name;
    uint8_t *xattr;
    size_t xattr_size, xattr_filled;
    int xattr_flags;
};

struct p9_server {
    struct fsdev *fs;
    struct node *root;
    uint32_t msize;
    GHashTable *fids;  /* by &fid->id */
    GHashTable *locks; /* struct lock_file by itself */
    unsigned files;    /* descriptors held */
    size_t xattr_total;
    dev_t *devs; /* other file systems met, for inode numbers */
    unsigned ndevs;
    bool warned;
    uint8_t *in, *out; /* a request and an answer, msize_max each */
    struct iovec *iov; /* P9_MAX_SEGMENTS */
};

/* A request, what is left to decode of it, and its answer so far. */
struct call {
    struct p9_server *s;
    uint8_t *p;
    size_t left;
    bool bad;
    uint8_t *out;
    size_t out_len, out_max; /* with the header */
    const struct iovec *out_iov, *in_iov;
    unsigned nout, nin;
};

/* Decode; after a short message everything is 0 and "" and call.bad is set. */
uint8_t p9_get8(struct call *c);
uint16_t p9_get16(struct call *c);
uint32_t p9_get32(struct call *c);
uint64_t p9_get64(struct call *c);
const char *p9_get_string(struct call *c);
/* The fid whose number comes next; NULL when there is none. */
struct fid *p9_get_fid(struct call *c);
/* Encode; what does not fit sets call.bad. */
void p9_put8(struct call *c, uint8_t v);
void p9_put16(struct call *c, uint16_t v);
void p9_put32(struct call *c, uint32_t v);
void p9_put64(struct call *c, uint64_t v);
void p9_put_bytes(struct call *c, const void *buf, size_t n);
void p9_put_string(struct call *c, const char *text);
void p9_put_qid(struct call *c, const struct stat *st);
void p9_put_qid_raw(struct call *c, uint8_t type, uint32_t version, uint64_t path);
uint64_t p9_qid_path(struct p9_server *s, dev_t dev, uint64_t ino);

/* A new fid for node, whose reference it takes over; NULL and *err when the number is taken or
 * there are too many. */
struct fid *p9_fid_new(struct p9_server *s, uint32_t id, struct node *take_node, struct creds who,
                       int *err);
/* Close and forget it; 0 or a negative errno from setting its attribute. */
int p9_fid_clunk(struct p9_server *s, struct fid *f);
/* Room for one more descriptor? */
int p9_file_room(const struct p9_server *s);
void p9_lock_drop(struct p9_server *s, struct fid *f);
/* n bytes of the segments, `off` bytes in, as segments of their own; how many of them. */
unsigned p9_slice(struct iovec *to, const struct iovec *iov, unsigned count, size_t off, size_t n);

/* Requests: 0 or a negative errno.  p9_io.c and p9_xattr.c have what p9_ops.c has not. */
int p9_lopen(struct call *c);
int p9_lcreate(struct call *c);
int p9_read(struct call *c);
int p9_write(struct call *c);
int p9_readdir(struct call *c);
int p9_fsync(struct call *c);
int p9_lock(struct call *c);
int p9_getlock(struct call *c);
int p9_xattrwalk(struct call *c);
int p9_xattrcreate(struct call *c);
int p9_xattr_read(struct call *c, const struct fid *f, uint64_t off, uint32_t count);
int p9_xattr_write(struct call *c, struct fid *f, uint64_t off, uint32_t count);
int p9_xattr_finish(struct fid *f, const struct fsdev *fs);
int p9_statfs(struct call *c);
int p9_symlink(struct call *c);
int p9_mknod(struct call *c);
int p9_rename(struct call *c);
int p9_readlink(struct call *c);
int p9_getattr(struct call *c);
int p9_setattr(struct call *c);
int p9_link(struct call *c);
int p9_mkdir(struct call *c);
int p9_renameat(struct call *c);
int p9_unlinkat(struct call *c);
int p9_remove(struct call *c);

#endif
