/* 9P requests on extended attributes: a fid is the value while it is read or written.
 * Ref: the 9P2000.L protocol description, xattrwalk and xattrcreate. */
#include "fsdev/p9_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

static bool has_room(const struct p9_server *s, size_t n)
{
    return n <= P9_MAX_XATTR_TOTAL && s->xattr_total <= P9_MAX_XATTR_TOTAL - n;
}

/* The value of an attribute, or with an empty name the list of names. */
static ssize_t fetch(const struct p9_server *s, const struct node *n, const char *name,
                     uint8_t *buf)
{
    if (*name)
        return local_xattr_get(s->fs, n, name, buf, P9_MAX_XATTR);
    return local_xattr_list(s->fs, n, (char *)buf, P9_MAX_XATTR);
}

int p9_xattrwalk(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    uint32_t newid = p9_get32(c);
    const char *name = p9_get_string(c);
    struct p9_server *s = c->s;
    int err;
    if (!f)
        return -EBADF;
    if (c->bad || f->is_xattr)
        return -EINVAL;
    g_autofree uint8_t *buf = g_malloc(P9_MAX_XATTR);
    ssize_t n = fetch(s, f->node, name, buf);
    if (n < 0)
        return (int)n;
    if (!has_room(s, (size_t)n))
        return -ENOMEM;
    struct fid *x = p9_fid_new(s, newid, local_ref(f->node), f->who, &err);
    if (!x)
        return err;
    x->is_xattr = true;
    x->xattr = g_malloc((size_t)n + 1);
    memcpy(x->xattr, buf, (size_t)n);
    x->xattr_size = (size_t)n;
    s->xattr_total += x->xattr_size;
    p9_put64(c, (uint64_t)n);
    return 0;
}

int p9_xattrcreate(struct call *c)
{
    struct fid *f = p9_get_fid(c);
    const char *name = p9_get_string(c);
    uint64_t size = p9_get64(c);
    uint32_t flags = p9_get32(c);
    if (!f)
        return -EBADF;
    if (c->bad || f->is_xattr || f->fd >= 0 || !*name ||
        (flags & ~(uint32_t)(XATTR_CREATE | XATTR_REPLACE)))
        return -EINVAL;
    if (size > P9_MAX_XATTR)
        return -E2BIG;
    if (!has_room(c->s, size))
        return -ENOMEM;
    f->is_xattr = f->xattr_writes = true;
    f->xattr_name = g_strdup(name);
    f->xattr = g_malloc0(size + 1);
    f->xattr_size = size;
    f->xattr_flags = (int)flags;
    c->s->xattr_total += size;
    return 0;
}

int p9_xattr_read(struct call *c, const struct fid *f, uint64_t off, uint32_t count)
{
    if (f->xattr_writes)
        return -EINVAL;
    size_t n = off < f->xattr_size ? MIN((size_t)count, f->xattr_size - off) : 0;
    struct p9_server *s = c->s;
    unsigned segments = p9_slice(s->iov, c->in_iov, c->nin, P9_DATA_HEADER, n);
    size_t done = 0;
    for (unsigned i = 0; i < segments; i++) {
        memcpy(s->iov[i].iov_base, f->xattr + off + done, s->iov[i].iov_len);
        done += s->iov[i].iov_len;
    }
    p9_put32(c, (uint32_t)done);
    c->out_len += done;
    return 0;
}

int p9_xattr_write(struct call *c, struct fid *f, uint64_t off, uint32_t count)
{
    struct p9_server *s = c->s;
    if (!f->xattr_writes)
        return -EINVAL;
    if (off > f->xattr_size || count > f->xattr_size - off)
        return -ENOSPC;
    unsigned segments = p9_slice(s->iov, c->out_iov, c->nout, P9_WRITE_HEADER, count);
    size_t done = 0;
    for (unsigned i = 0; i < segments; i++) {
        memcpy(f->xattr + off + done, s->iov[i].iov_base, s->iov[i].iov_len);
        done += s->iov[i].iov_len;
    }
    f->xattr_filled = MAX(f->xattr_filled, off + done);
    p9_put32(c, (uint32_t)done);
    return 0;
}

/* Linux removes an attribute by replacing it with nothing. */
int p9_xattr_finish(struct fid *f, const struct fsdev *fs)
{
    if (f->xattr_size == 0 && f->xattr_flags == XATTR_REPLACE)
        return local_xattr_remove(fs, f->node, f->xattr_name);
    if (f->xattr_filled < f->xattr_size)
        return -EINVAL;
    return local_xattr_set(fs, f->node, f->xattr_name, f->xattr, f->xattr_size, f->xattr_flags);
}
