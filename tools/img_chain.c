/* Commands on two images or a chain: compare, rebase, commit. */
#include "tools/img.h"

#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 2 << 20 };

/* --- compare: 0 equal, 1 different, 2 failed --- */
enum { SAME = 0, DIFFERENT = 1, COMPARE_FAILED = 2 };

static int read_failed(struct block_node *b, uint64_t off, int ret)
{
    img_error("reading '%s' at offset %" PRIu64 " failed: %s", block_path(b), off,
              g_strerror(-ret));
    return COMPARE_FAILED;
}

/* What is at off in b, which may end before: zeros then. */
static int status_at(struct block_node *b, uint64_t off, uint64_t n, struct block_extent *e)
{
    *e = (struct block_extent){.bytes = n, .zero = true};
    return off < block_size(b) ? block_map(b, NULL, off, n, e) : 0;
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, uint64_t n)
{
    uint64_t i = 0;

    while (i < n && a[i] == b[i])
        i++;
    return i;
}

struct comparison {
    struct img_args a;
    struct block_node *b[2];
    bool strict;
    uint8_t *buf[2];
};

static int compare_bytes(struct comparison *c, uint64_t off, uint64_t n)
{
    for (int i = 0; i < 2; i++) {
        int ret = block_pread(c->b[i], c->buf[i], n, off);
        if (ret)
            return read_failed(c->b[i], off, ret);
    }
    uint64_t at = first_difference(c->buf[0], c->buf[1], n);
    if (at == n)
        return SAME;
    if (!c->a.quiet)
        printf("Content mismatch at offset %" PRIu64 "!\n", off + at / 512 * 512);
    return DIFFERENT;
}

static int compare_piece(struct comparison *c, uint64_t off, uint64_t n, uint64_t *len)
{
    struct block_extent e[2];

    for (int i = 0; i < 2; i++) {
        int ret = status_at(c->b[i], off, n, &e[i]);
        if (ret)
            return read_failed(c->b[i], off, ret);
        n = MIN(n, e[i].bytes);
    }
    *len = n;
    if (c->strict && off < MIN(block_size(c->b[0]), block_size(c->b[1])) &&
        !e[0].layer != !e[1].layer) {
        if (!c->a.quiet)
            printf("Strict mode: Offset %" PRIu64 " block status mismatch!\n", off);
        return DIFFERENT;
    }
    return e[0].zero && e[1].zero ? SAME : compare_bytes(c, off, n);
}

static int compare_images(struct comparison *c)
{
    uint64_t size[2] = {block_size(c->b[0]), block_size(c->b[1])}, end = MAX(size[0], size[1]), len;
    int status = SAME;

    if (size[0] != size[1] && c->strict) {
        if (!c->a.quiet)
            printf("Strict mode: Image size mismatch!\n");
        return DIFFERENT;
    }
    for (uint64_t at = 0; at < end && status == SAME; at += len) {
        img_progress(&c->a, at, end);
        status = compare_piece(c, at, MIN(CHUNK, end - at), &len);
    }
    if (status != SAME)
        return status;
    img_progress_end(&c->a);
    if (size[0] != size[1] && !c->a.quiet)
        printf("Warning: Image size mismatch!\n");
    if (!c->a.quiet)
        printf("Images are identical.\n");
    return SAME;
}

int img_compare(int argc, char **argv)
{
    struct comparison c = {0};
    const char *format2 = NULL;

    for (int what; (what = img_getopt(argc, argv, "f:F:T:ps", NULL, &c.a)) != -1;) {
        if (what == '?')
            return COMPARE_FAILED;
        if (what == 'F')
            format2 = optarg;
        c.strict |= what == 's';
    }
    if (!img_want(argc, argv, 2, "two images"))
        return COMPARE_FAILED;
    for (int i = 0; i < 2; i++) {
        c.b[i] = img_open(&c.a, argv[optind + i], i ? format2 : c.a.format, c.a.src_cache,
                          BLOCK_READ_ONLY);
        if (!c.b[i])
            return COMPARE_FAILED;
        c.buf[i] = g_malloc(CHUNK);
    }
    int status = compare_images(&c);
    g_free(c.buf[0]);
    g_free(c.buf[1]);
    return status;
}

/* --- rebase --- */
struct rebase {
    struct img_args a;
    const char *path, *backing, *format;
    bool unsafe;
};

/* What old and new backing file have at off differs: it goes into the image. */
static int keep_difference(struct block_node *b, struct block_node *old,
                           struct block_node *new_backing, uint64_t off, uint64_t n,
                           uint8_t *buf[2])
{
    memset(buf[1], 0, n);
    int ret = block_pread(old, buf[0], n, off);
    if (!ret && new_backing)
        ret = block_pread(new_backing, buf[1], n, off);
    return ret || !memcmp(buf[0], buf[1], n) ? ret : block_pwrite(b, buf[0], n, off);
}

static int keep_all(struct rebase *r, struct block_node *b, struct block_node *new_backing)
{
    struct block_node *old = block_backing(b);
    uint64_t size = block_size(b);
    uint8_t *buf[2] = {g_malloc(CHUNK), g_malloc(CHUNK)};
    struct block_extent e;
    int ret = 0;

    for (uint64_t at = 0; !ret && at < size; at += e.bytes) {
        img_progress(&r->a, at, size);
        ret = block_map_layer(b, at, MIN(CHUNK, size - at), &e);
        if (ret || e.allocated)
            continue;
        if (old)
            ret = keep_difference(b, old, new_backing, at, e.bytes, buf);
        else if (new_backing && at < block_size(new_backing))
            ret = block_pwrite_zeroes(b, at, e.bytes, true);
    }
    g_free(buf[0]);
    g_free(buf[1]);
    if (!ret)
        ret = block_flush(b);
    if (ret)
        img_error("copying from the old backing file failed: %s", g_strerror(-ret));
    else
        img_progress_end(&r->a);
    return ret;
}

static int rebase(struct rebase *r)
{
    struct block_node *b =
        img_open(&r->a, r->path, r->a.format, r->a.cache, r->unsafe ? BLOCK_NO_BACKING : 0);
    struct block_node *new_backing = NULL;
    struct error *err = NULL;

    if (!b)
        return IMG_FAILED;
    if (!r->unsafe && *r->backing) {
        g_autofree char *full = block_resolve_path(r->path, r->backing);
        struct img_args plain = {0};
        new_backing = img_open(&plain, full, r->format, r->a.src_cache, BLOCK_READ_ONLY);
        if (!new_backing)
            return IMG_FAILED;
        if (!r->format)
            r->format = block_driver_name(new_backing);
    }
    if (!r->unsafe && keep_all(r, b, new_backing))
        return IMG_FAILED;
    if (!block_set_backing_path(b, r->backing, r->format, &err))
        return img_fail(err);
    return IMG_OK;
}

int img_rebase(int argc, char **argv)
{
    struct rebase r = {0};

    for (int c; (c = img_getopt(argc, argv, "f:b:F:ut:T:p", NULL, &r.a)) != -1;) {
        if (c == '?')
            return IMG_FAILED;
        if (c == 'b')
            r.backing = optarg;
        else if (c == 'F')
            r.format = optarg;
        r.unsafe |= c == 'u';
    }
    if (!img_want(argc, argv, 1, "one image"))
        return IMG_FAILED;
    if (!r.backing) {
        img_error("rebase: wanted -b BASE, or -b \"\" for none");
        return IMG_FAILED;
    }
    r.path = argv[optind];
    return rebase(&r);
}

/* --- commit --- */
struct commit {
    struct img_args a;
    const char *path, *base;
    bool keep;
};

/* The node of the chain that is to take the changes. */
static struct block_node *find_base(struct commit *c, struct block_node *top)
{
    struct block_node *p = block_backing(top);

    if (!p) {
        img_error("'%s' has no backing file", c->path);
        return NULL;
    }
    for (; c->base && p; p = block_backing(p)) {
        g_autofree char *full = block_resolve_path(c->path, c->base);
        if (!strcmp(block_path(p), c->base) || !strcmp(block_path(p), full))
            break;
    }
    if (!p)
        img_error("'%s' is not among the backing files of '%s'", c->base, c->path);
    return p;
}

static int copy_down(struct commit *c, struct block_node *top, struct block_node *below,
                     struct block_node *base)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    uint64_t size = block_size(top);
    struct block_extent e;
    int ret = 0;

    for (uint64_t at = 0; !ret && at < size; at += e.bytes) {
        img_progress(&c->a, at, size);
        ret = block_map(top, below, at, MIN(CHUNK, size - at), &e);
        if (ret || !e.layer)
            continue;
        if (e.zero) {
            ret = block_pwrite_zeroes(base, at, e.bytes, true);
            continue;
        }
        ret = block_pread(top, buf, e.bytes, at);
        if (!ret)
            ret = block_pwrite(base, buf, e.bytes, at);
    }
    if (!ret)
        ret = block_flush(base);
    if (ret)
        img_error("writing to '%s' failed: %s", block_path(base), g_strerror(-ret));
    return ret;
}

/* The chain is read without locks: the image itself is locked first, and the base when it is opened
 * for writing. */
static int commit_to(struct commit *c, struct block_node *top, struct block_node *below)
{
    struct img_args plain = {.cache = c->a.cache};
    g_autofree char *path = g_strdup(block_path(below));
    struct block_node *base =
        img_open(&plain, path, block_driver_name(below), c->a.cache, BLOCK_UNMAP);
    struct error *err = NULL;

    if (!base)
        return IMG_FAILED;
    if (block_size(base) < block_size(top) && !block_resize(base, block_size(top), "off", &err))
        return img_fail(err);
    if (copy_down(c, top, below, base))
        return IMG_FAILED;
    img_progress_end(&c->a);
    block_close(base);
    return IMG_OK;
}

static int empty_top(struct commit *c, struct block_node *lock)
{
    struct error *err = NULL;

    if (!c->keep && !c->base && !block_make_empty(lock, &err))
        return img_fail(err);
    if (!c->a.quiet)
        printf("Image committed.\n");
    return IMG_OK;
}

static int commit(struct commit *c)
{
    struct img_args chain = {.share = true};
    struct block_node *own =
        img_open(&c->a, c->path, c->a.format, c->a.cache, BLOCK_NO_BACKING | BLOCK_UNMAP);

    if (!own)
        return IMG_FAILED;
    struct block_node *top =
        img_open(&chain, c->path, block_driver_name(own), NULL, BLOCK_READ_ONLY);
    struct block_node *below = top ? find_base(c, top) : NULL;
    if (!below || commit_to(c, top, below))
        return IMG_FAILED;
    block_close(top);
    return empty_top(c, own);
}

int img_commit(int argc, char **argv)
{
    struct commit c = {0};

    for (int what; (what = img_getopt(argc, argv, "f:b:t:r:dp", NULL, &c.a)) != -1;) {
        if (what == '?')
            return IMG_FAILED;
        if (what == 'b')
            c.base = optarg;
        c.keep |= what == 'd';
    }
    if (!img_want(argc, argv, 1, "one image"))
        return IMG_FAILED;
    c.path = argv[optind];
    return commit(&c);
}
