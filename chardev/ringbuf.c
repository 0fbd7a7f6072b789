/* A ring in memory that keeps the last output. */
#include "chardev/chardev_priv.h"

#include "util/bits.h"

#include <string.h>

enum { DEFAULT_SIZE = 65536, MAX_SIZE = 1 << 30 };

struct ring {
    uint8_t *data;
    size_t size, head, tail; /* counts of bytes ever put in and taken out; size is a power of two */
};

static ssize_t ring_write(struct chardev *c, const uint8_t *buf, size_t n)
{
    struct ring *r = c->priv;

    for (size_t i = 0; i < n; i++)
        r->data[r->head++ & (r->size - 1)] = buf[i];
    if (r->head - r->tail > r->size)
        r->tail = r->head - r->size; /* the oldest are overwritten */
    return n;
}

size_t chardev_ringbuf_read(struct chardev *c, uint8_t *buf, size_t n)
{
    struct ring *r = c->priv;
    size_t i = 0;

    if (c->drv != &chardev_ringbuf)
        return 0;
    while (i < n && r->tail != r->head)
        buf[i++] = r->data[r->tail++ & (r->size - 1)];
    return i;
}

bool chardev_is_ringbuf(const struct chardev *c)
{
    return c->drv == &chardev_ringbuf;
}

static bool ring_open(struct chardev *c, struct opts *o, struct error **errp)
{
    uint64_t size;

    if (!opts_get_size(o, "size", DEFAULT_SIZE, &size, errp))
        return false;
    if (!is_pow2(size) || size > MAX_SIZE) {
        error_set(errp, "size: wanted a power of two up to 1G, found %" G_GUINT64_FORMAT, size);
        return false;
    }
    struct ring *r = g_new0(struct ring, 1);
    r->size = size;
    r->data = g_try_malloc0(size);
    if (!r->data) {
        error_set(errp, "size: no memory for %" G_GUINT64_FORMAT " bytes", size);
        g_free(r);
        return false;
    }
    c->priv = r;
    chardev_connect(c, -1, -1);
    return true;
}

static void ring_close(struct chardev *c)
{
    struct ring *r = c->priv;

    chardev_disconnect(c);
    g_free(r->data);
    g_free(r);
}

static const char *const ring_options[] = {"size", NULL};
const struct chardev_driver chardev_ringbuf = {
    .name = "ringbuf",
    .help = "the last output, kept in memory: size=SIZE",
    .options = ring_options,
    .open = ring_open,
    .close = ring_close,
    .write = ring_write,
};
