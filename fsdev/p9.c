/*
 * A file server for the 9P2000.L protocol: messages, the session and its fids.
 * Ref: the 9P2000.L protocol description, with numbers as in Linux's include/net/9p/9p.h.
 *
 * The client is a guest: every length is checked before use, and what it can make us hold
 * (descriptors, attribute values, fids) is bounded.
 */
#include "fsdev/p9_priv.h"
#include "util/bits.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MIN_MSIZE = 4096, MAX_MSIZE = 1 << 20, MAX_WALK = 16, MAX_DEVICES = 4096 };
enum { QID_DIR = 0x80, QID_SYMLINK = 0x02 };

static bool take(struct call *c, size_t n)
{
    if (c->left >= n && !c->bad)
        return true;
    c->bad = true;
    c->left = 0;
    return false;
}

static uint64_t get(struct call *c, unsigned n)
{
    uint8_t buf[8] = {0};
    if (!take(c, n))
        return 0;
    memcpy(buf, c->p, n);
    c->p += n;
    c->left -= n;
    return ld_le64(buf);
}

uint8_t p9_get8(struct call *c)
{
    return (uint8_t)get(c, 1);
}

uint16_t p9_get16(struct call *c)
{
    return (uint16_t)get(c, 2);
}

uint32_t p9_get32(struct call *c)
{
    return (uint32_t)get(c, 4);
}

uint64_t p9_get64(struct call *c)
{
    return get(c, 8);
}

/* The text moves down over its length, which makes room for its end. */
const char *p9_get_string(struct call *c)
{
    uint16_t n = p9_get16(c);
    if (!take(c, n) || memchr(c->p, 0, n)) {
        c->bad = true;
        return "";
    }
    char *text = (char *)c->p - 1;
    memmove(text, c->p, n);
    text[n] = '\0';
    c->p += n;
    c->left -= n;
    return text;
}

struct fid *p9_get_fid(struct call *c)
{
    uint32_t id = p9_get32(c);
    return c->bad ? NULL : g_hash_table_lookup(c->s->fids, &id);
}

void p9_put_bytes(struct call *c, const void *buf, size_t n)
{
    if (c->out_max - c->out_len < n) {
        c->bad = true;
        return;
    }
    memcpy(c->out + c->out_len, buf, n);
    c->out_len += n;
}

void p9_put8(struct call *c, uint8_t v)
{
    p9_put_bytes(c, &v, 1);
}

void p9_put16(struct call *c, uint16_t v)
{
    p9_put_bytes(c, &v, 2);
}

void p9_put32(struct call *c, uint32_t v)
{
    p9_put_bytes(c, &v, 4);
}

void p9_put64(struct call *c, uint64_t v)
{
    p9_put_bytes(c, &v, 8);
}

void p9_put_string(struct call *c, const char *text)
{
    size_t n = MIN(strlen(text), (size_t)UINT16_MAX);
    p9_put16(c, (uint16_t)n);
    p9_put_bytes(c, text, n);
}

static unsigned device_index(struct p9_server *s, dev_t dev)
{
    unsigned i = 0;
    while (i < s->ndevs && s->devs[i] != dev)
        i++;
    if (i < s->ndevs || s->ndevs == MAX_DEVICES)
        return i + 1;
    s->devs = g_renew(dev_t, s->devs, s->ndevs + 1);
    s->devs[s->ndevs++] = dev;
    return i + 1;
}

/* Inode numbers of other file systems get a prefix of their own, so that no two files look alike.
 */
uint64_t p9_qid_path(struct p9_server *s, dev_t dev, uint64_t ino)
{
    if (dev == s->fs->root_dev || s->fs->multidevs == MULTIDEVS_FORBID)
        return ino;
    if (s->fs->multidevs == MULTIDEVS_WARN) {
        if (!s->warned)
            log_warn("-fsdev %s: files of several file systems, whose inode numbers may be equal; "
                     "multidevs=remap keeps them apart",
                     s->fs->id);
        s->warned = true;
        return ino;
    }
    uint64_t prefix = (uint64_t)device_index(s, dev) << 48;
    if (ino >> 48 == 0)
        return prefix | ino;
    return BIT64(63) | (ino * UINT64_C(0x9e3779b97f4a7c15) + prefix);
}

void p9_put_qid_raw(struct call *c, uint8_t type, uint32_t version, uint64_t path)
{
    p9_put8(c, type);
    p9_put32(c, version);
    p9_put64(c, path);
}

void p9_put_qid(struct call *c, const struct stat *st)
{
    uint8_t type = S_ISDIR(st->st_mode) ? QID_DIR : S_ISLNK(st->st_mode) ? QID_SYMLINK : 0;
    uint32_t version =
        (uint32_t)st->st_mtim.tv_sec ^ (uint32_t)st->st_mtim.tv_nsec ^ (uint32_t)(st->st_size << 8);
    p9_put_qid_raw(c, type, version, p9_qid_path(c->s, st->st_dev, st->st_ino));
}

int p9_file_room(const struct p9_server *s)
{
    return s->files < s->fs->max_files ? 0 : -EMFILE;
}

struct fid *p9_fid_new(struct p9_server *s, uint32_t id, struct node *take_node, struct creds who,
                       int *err)
{
    *err = g_hash_table_contains(s->fids, &id)                  ? -EINVAL
           : g_hash_table_size(s->fids) >= s->fs->max_files + 1 ? -EMFILE
                                                                : 0;
    if (*err) {
        s->files -= local_unref(take_node);
        return NULL;
    }
    struct fid *f = g_new0(struct fid, 1);
    *f = (struct fid){.id = id, .node = take_node, .who = who, .fd = -1};
    g_hash_table_add(s->fids, f);
    return f;
}

static void fid_free(struct p9_server *s, struct fid *f)
{
    p9_lock_drop(s, f);
    if (f->fd >= 0) {
        close(f->fd);
        s->files--;
    }
    s->files -= local_unref(f->node);
    s->xattr_total -= f->xattr_size;
    g_free(f->xattr_name);
    g_free(f->xattr);
    g_free(f);
}

int p9_fid_clunk(struct p9_server *s, struct fid *f)
{
    int ret = f->xattr_writes ? p9_xattr_finish(f, s->fs) : 0;
    g_hash_table_remove(s->fids, f);
    fid_free(s, f);
    return ret;
}

void p9_server_reset(struct p9_server *s)
{
    GHashTableIter iter;
    gpointer f;
    g_hash_table_iter_init(&iter, s->fids);
    while (g_hash_table_iter_next(&iter, &f, NULL)) {
        g_hash_table_iter_remove(&iter);
        fid_free(s, f);
    }
    s->msize = MAX_MSIZE;
}

unsigned p9_server_fids(const struct p9_server *s)
{
    return g_hash_table_size(s->fids);
}

static int p9_version(struct call *c)
{
    uint32_t msize = p9_get32(c);
    bool known = !strcmp(p9_get_string(c), "9P2000.L");
    if (c->bad || msize < MIN_MSIZE)
        return -EMSGSIZE;
    p9_server_reset(c->s);
    c->s->msize = MIN(msize, (uint32_t)MAX_MSIZE);
    p9_put32(c, c->s->msize);
    p9_put_string(c, known ? "9P2000.L" : "unknown");
    return 0;
}

static int p9_auth(struct call *c UNUSED)
{
    return -EOPNOTSUPP; /* there is nothing to prove */
}

static int p9_attach(struct call *c)
{
    struct stat st;
    int err;
    uint32_t id = p9_get32(c);
    p9_get32(c); /* afid */
    p9_get_string(c);
    p9_get_string(c);
    struct creds who = {p9_get32(c), 0};
    if (c->bad)
        return -EINVAL;
    int ret = local_stat(c->s->fs, c->s->root->fd, &st);
    if (ret)
        return ret;
    if (!p9_fid_new(c->s, id, local_ref(c->s->root), who, &err))
        return err;
    p9_put_qid(c, &st);
    return 0;
}

/* Everything is done in order, so what is to be flushed has been answered. */
static int p9_flush(struct call *c)
{
    p9_get16(c);
    return 0;
}

/* One step: *at becomes its child. */
static int walk_step(struct call *c, struct node **at, const char *name)
{
    struct p9_server *s = c->s;
    struct node *next;
    struct stat st;
    int ret = p9_file_room(s);
    if (ret == 0)
        ret = local_lookup(s->fs, *at, name, &next);
    if (ret)
        return ret;
    s->files += strcmp(name, "..") != 0;
    ret = local_stat(s->fs, next->fd, &st);
    if (ret) {
        s->files -= local_unref(next);
        return ret;
    }
    p9_put_qid(c, &st);
    s->files -= local_unref(*at);
    *at = next;
    return 0;
}

/* Make newid, which may be f's own, name `at`. */
static int walk_end(struct p9_server *s, struct fid *f, uint32_t newid, struct node *take_at)
{
    int err;
    if (newid != f->id)
        return p9_fid_new(s, newid, take_at, f->who, &err) ? 0 : err;
    s->files -= local_unref(f->node);
    f->node = take_at;
    return 0;
}

/* The first name that fails decides: alone it is an error, later the walk ends before it. */
static int p9_walk(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    uint32_t newid = p9_get32(c);
    uint16_t n = p9_get16(c), done = 0;
    int ret = 0;
    if (!f)
        return -EBADF;
    if (n > MAX_WALK || f->is_xattr || (newid == f->id && f->fd >= 0))
        return -EINVAL;
    if (newid != f->id && g_hash_table_contains(c->s->fids, &newid))
        return -EINVAL;
    struct node *at = local_ref(f->node);
    size_t count_at = c->out_len;
    p9_put16(c, 0);
    for (; done < n && ret == 0; done += ret == 0) {
        const char *name = p9_get_string(c);
        ret = c->bad ? -EINVAL : walk_step(c, &at, name);
    }
    if (c->bad || (ret && done == 0)) {
        c->s->files -= local_unref(at);
        return ret ? ret : -EINVAL;
    }
    st_le16(c->out + count_at, done);
    if (done == n)
        return walk_end(c->s, f, newid, at);
    c->s->files -= local_unref(at);
    return 0;
}

static int p9_clunk(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    return f ? p9_fid_clunk(c->s, f) : -EBADF;
}

struct op {
    int (*fn)(struct call *c);
    bool writes; /* refused where the share is read-only */
};

static const struct op ops[P9_NTYPES] = {
    [P9_TSTATFS] = {p9_statfs, false},
    [P9_TLOPEN] = {p9_lopen, false}, /* looks itself */
    [P9_TLCREATE] = {p9_lcreate, true},
    [P9_TSYMLINK] = {p9_symlink, true},
    [P9_TMKNOD] = {p9_mknod, true},
    [P9_TRENAME] = {p9_rename, true},
    [P9_TREADLINK] = {p9_readlink, false},
    [P9_TGETATTR] = {p9_getattr, false},
    [P9_TSETATTR] = {p9_setattr, true},
    [P9_TXATTRWALK] = {p9_xattrwalk, false},
    [P9_TXATTRCREATE] = {p9_xattrcreate, true},
    [P9_TREADDIR] = {p9_readdir, false},
    [P9_TFSYNC] = {p9_fsync, false},
    [P9_TLOCK] = {p9_lock, false},
    [P9_TGETLOCK] = {p9_getlock, false},
    [P9_TLINK] = {p9_link, true},
    [P9_TMKDIR] = {p9_mkdir, true},
    [P9_TRENAMEAT] = {p9_renameat, true},
    [P9_TUNLINKAT] = {p9_unlinkat, true},
    [P9_TVERSION] = {p9_version, false},
    [P9_TAUTH] = {p9_auth, false},
    [P9_TATTACH] = {p9_attach, false},
    [P9_TFLUSH] = {p9_flush, false},
    [P9_TWALK] = {p9_walk, false},
    [P9_TREAD] = {p9_read, false},
    [P9_TWRITE] = {p9_write, true},
    [P9_TCLUNK] = {p9_clunk, false},
    [P9_TREMOVE] = {p9_remove, false}, /* looks itself: the fid goes in any case */
};

static int dispatch(struct call *c, uint8_t type)
{
    const struct op *op = type < P9_NTYPES ? &ops[type] : NULL;
    if (!op || !op->fn)
        return -EOPNOTSUPP;
    if (op->writes && c->s->fs->read_only)
        return -EROFS;
    int ret = op->fn(c);
    return ret == 0 && c->bad ? -EINVAL : ret;
}

static size_t iov_bytes(const struct iovec *iov, unsigned n)
{
    size_t sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += iov[i].iov_len;
    return sum;
}

unsigned p9_slice(struct iovec *to, const struct iovec *iov, unsigned count, size_t off, size_t n)
{
    unsigned used = 0;
    for (unsigned i = 0; i < count && n > 0 && used < P9_MAX_SEGMENTS; i++) {
        if (off >= iov[i].iov_len) {
            off -= iov[i].iov_len;
            continue;
        }
        size_t part = MIN(n, iov[i].iov_len - off);
        to[used++] = (struct iovec){(uint8_t *)iov[i].iov_base + off, part};
        n -= part;
        off = 0;
    }
    return used;
}

static void copy(const struct iovec *iov, unsigned count, uint8_t *buf, size_t n, bool to_iov)
{
    for (unsigned i = 0; i < count && n > 0; i++) {
        size_t part = MIN(n, iov[i].iov_len);
        memcpy(to_iov ? iov[i].iov_base : buf, to_iov ? buf : iov[i].iov_base, part);
        buf += part;
        n -= part;
    }
}

/* The request's bytes into s->in; of a write only what comes before its data.  How many. */
static size_t fetch(struct p9_server *s, const struct iovec *out, unsigned nout)
{
    size_t n = MIN(iov_bytes(out, nout), (size_t)s->msize);
    copy(out, nout, s->in, MIN(n, (size_t)P9_WRITE_HEADER), false);
    if (n < P9_HEADER)
        return 0;
    if (s->in[4] == P9_TWRITE)
        return MIN(n, (size_t)P9_WRITE_HEADER);
    n = MIN(n, (size_t)ld_le32(s->in));
    copy(out, nout, s->in, n, false);
    return n;
}

size_t p9_server_handle(struct p9_server *s, const struct iovec *out, unsigned nout,
                        const struct iovec *in, unsigned nin)
{
    size_t n = fetch(s, out, nout), room = iov_bytes(in, nin);
    if (n < P9_HEADER || room < P9_HEADER + 4)
        return 0;
    uint8_t type = s->in[4];
    struct call c = {.s = s, .p = s->in + P9_HEADER, .left = n - P9_HEADER, .out = s->out};
    c.out_len = P9_HEADER;
    c.out_max = MIN(room, (size_t)s->msize);
    c.out_iov = out;
    c.in_iov = in;
    c.nout = nout;
    c.nin = nin;
    uint16_t tag = ld_le16(s->in + 5);
    int ret = dispatch(&c, type);
    if (ret) {
        type = P9_RLERROR - 1;
        st_le32(s->out + P9_HEADER, (uint32_t)-ret);
        c.out_len = P9_HEADER + 4;
    }
    st_le32(s->out, (uint32_t)c.out_len);
    s->out[4] = type + 1;
    st_le16(s->out + 5, tag);
    bool data_is_there = ret == 0 && type == P9_TREAD; /* p9_read() put it into the segments */
    copy(in, nin, s->out, data_is_there ? P9_DATA_HEADER : c.out_len, true);
    return c.out_len;
}

struct p9_server *p9_server_new(struct fsdev *fs)
{
    struct p9_server *s = g_new0(struct p9_server, 1);
    s->fs = fs;
    s->root = local_root(fs);
    s->fids = g_hash_table_new(g_int_hash, g_int_equal);
    s->locks = g_hash_table_new(NULL, NULL);
    s->in = g_malloc(MAX_MSIZE);
    s->out = g_malloc(MAX_MSIZE);
    s->iov = g_new(struct iovec, P9_MAX_SEGMENTS);
    s->msize = MAX_MSIZE;
    return s;
}

void p9_server_free(struct p9_server *s)
{
    if (!s)
        return;
    p9_server_reset(s);
    local_unref(s->root);
    g_hash_table_unref(s->fids);
    g_hash_table_unref(s->locks);
    g_free(s->devs);
    g_free(s->in);
    g_free(s->out);
    g_free(s->iov);
    g_free(s);
}
