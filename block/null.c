/* Protocol null-co: reads zeros, forgets writes; for measuring what lies above it. */
#include "block/block_priv.h"

#include <errno.h>
#include <glib.h>
#include <unistd.h>

struct null {
    uint64_t latency_ns;
    bool read_zeroes;
};

static bool null_open(struct block_node *b, struct node_opts o, struct error **errp)
{
    const uint64_t def = (uint64_t)1 << 30;
    struct null *s = g_new0(struct null, 1);
    uint64_t size;

    b->state = s;
    if (!node_opt_size(o, "size", def, &size, errp) ||
        !node_opt_bool(o, "read-zeroes", true, &s->read_zeroes, errp) ||
        !node_opt_uint(o, "latency-ns", 1000000000, 0, &s->latency_ns, errp))
        return false;
    b->size = size;
    return true;
}

static void null_close(struct block_node *b)
{
    g_free(b->state);
}

static void delay(const struct null *s)
{
    if (s->latency_ns)
        usleep((useconds_t)(s->latency_ns / 1000));
}

static int null_read(struct block_node *b, uint64_t off UNUSED, uint64_t bytes, struct sg sg)
{
    const struct null *s = b->state;

    delay(s);
    if (s->read_zeroes)
        sg_zero(sg, bytes);
    return 0;
}

static int null_write(struct block_node *b, uint64_t off UNUSED, uint64_t bytes UNUSED,
                      struct sg sg UNUSED)
{
    delay(b->state);
    return 0;
}

static int null_write_zeroes(struct block_node *b, uint64_t off UNUSED, uint64_t bytes UNUSED,
                             bool may_unmap UNUSED)
{
    delay(b->state);
    return 0;
}

static int null_discard(struct block_node *b, uint64_t off UNUSED, uint64_t bytes UNUSED)
{
    delay(b->state);
    return 0;
}

static int null_flush(struct block_node *b)
{
    delay(b->state);
    return 0;
}

static int null_map(struct block_node *b, uint64_t off, uint64_t bytes UNUSED,
                    struct block_extent *e)
{
    e->zero = ((const struct null *)b->state)->read_zeroes;
    e->has_offset = true;
    e->offset = off;
    e->path = b->path;
    return 0;
}

static const char *const null_schemes[] = {"null-co", NULL};
static const char *const null_keys[] = {"size", "read-zeroes", "latency-ns", NULL};

const struct block_driver null_driver = {
    .name = "null-co",
    .is_protocol = true,
    .schemes = null_schemes,
    .keys = null_keys,
    .open = null_open,
    .close = null_close,
    .read = null_read,
    .write = null_write,
    .write_zeroes = null_write_zeroes,
    .discard = null_discard,
    .flush = null_flush,
    .map = null_map,
};

/* --- a drive without a medium: only its name; it is in no list of drivers --- */
static int empty_read(struct block_node *b UNUSED, uint64_t off UNUSED, uint64_t bytes UNUSED,
                      struct sg sg UNUSED)
{
    return -ENOMEDIUM;
}

static const struct block_driver empty_driver = {
    .name = "empty",
    .is_protocol = true,
    .read = empty_read,
};

struct block_node *block_open_empty(const char *id, struct error **errp)
{
    if (block_find(id)) {
        error_set(errp, "drive '%s' exists already", id);
        return NULL;
    }
    struct block_node *b = node_new(&empty_driver, "", BLOCK_READ_ONLY);
    b->id = g_strdup(id);
    node_link(b);
    return b;
}

/* What of b is its device's stays. */
static void put_empty(struct block_node *b)
{
    struct block_node *old = node_new(&empty_driver, "", BLOCK_READ_ONLY);

    node_link(old);
    block_cancel_stalled(b);
    node_quiesce(b);
    node_exchange(b, old);
    node_resume(b);
    node_flush_last(old);
    node_unref(old);
    block_name_drive(b, NULL);
}

bool block_take_away(struct block_node *b, struct error **errp)
{
    if (!node_check_idle(b, errp))
        return false;
    if (b->exports || b->parents) {
        error_set(errp, "drive '%s' is in use by %s", block_id(b),
                  b->exports ? "an export" : "another node");
        return false;
    }
    if (b->owner)
        put_empty(b);
    else
        block_close(b);
    return true;
}

bool block_is_empty(const struct block_node *b)
{
    return b->drv == &empty_driver;
}
