/* Scattered buffers: places in them, copies, zeros. */
#include "block/block_priv.h"

#include <glib.h>
#include <string.h>

struct sg sg_skip(struct sg sg, uint64_t bytes)
{
    while (sg.n && bytes >= sg.iov->iov_len - sg.at) {
        bytes -= sg.iov->iov_len - sg.at;
        sg.iov++;
        sg.n--;
        sg.at = 0;
    }
    sg.at += bytes;
    return sg;
}

int sg_batch(struct sg sg, uint64_t bytes, struct iovec *batch, int max)
{
    int n = 0;

    for (; sg.n && n < max && bytes; sg.iov++, sg.n--, sg.at = 0) {
        size_t len = MIN(sg.iov->iov_len - sg.at, bytes);
        if (!len)
            continue;
        batch[n++] = (struct iovec){(char *)sg.iov->iov_base + sg.at, len};
        bytes -= len;
    }
    return n;
}

/* The next buffer that is not empty, at most n bytes; false at the end. */
static bool next_piece(struct sg *sg, uint64_t n, struct iovec *piece)
{
    if (!n || sg_batch(*sg, n, piece, 1) != 1)
        return false;
    *sg = sg_skip(*sg, piece->iov_len);
    return true;
}

void sg_read(struct sg sg, void *buf, size_t n)
{
    struct iovec p;

    for (char *at = buf; next_piece(&sg, n, &p); at += p.iov_len, n -= p.iov_len)
        memcpy(at, p.iov_base, p.iov_len);
}

void sg_fill(struct sg sg, const void *buf, size_t n)
{
    struct iovec p;

    for (const char *at = buf; next_piece(&sg, n, &p); at += p.iov_len, n -= p.iov_len)
        memcpy(p.iov_base, at, p.iov_len);
}

void sg_zero(struct sg sg, uint64_t n)
{
    struct iovec p;

    for (; next_piece(&sg, n, &p); n -= p.iov_len)
        memset(p.iov_base, 0, p.iov_len);
}

/* The first bytes one by one, the rest compared with them: memcmp() is as fast as it gets. */
bool buffer_is_zero(const void *buf, size_t n)
{
    const char *p = buf;
    size_t head = MIN(n, 16);

    for (size_t i = 0; i < head; i++)
        if (p[i])
            return false;
    return n == head || !memcmp(p, p + head, n - head);
}

bool sg_is_zero(struct sg sg, uint64_t n)
{
    struct iovec p;

    for (; next_piece(&sg, n, &p); n -= p.iov_len)
        if (!buffer_is_zero(p.iov_base, p.iov_len))
            return false;
    return true;
}
