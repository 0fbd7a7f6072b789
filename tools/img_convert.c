/*
 * Commands that copy: convert, dd.
 *
 * A few threads take chunks in order, read one and write it; compressing is what keeps more than
 * one busy.
 */
#include "tools/img.h"
#include "tools/img_create.h"
#include "util/bits.h"
#include "util/thread.h"

#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 2 << 20, MAX_THREADS = 16 };

struct source {
    struct block_node *b;
    uint64_t start; /* in the new image */
};

struct copy {
    struct source *src;
    unsigned n_src;
    struct block_node *dst;
    uint64_t size, sparse; /* sparse: shortest run of zeros that is left out; 0: none is */
    uint64_t chunk;
    bool compress,
        has_backing; /* has_backing: what the top of the source does not have stays out */
    bool dst_is_zero, salvage;
    const struct img_args *args;
    struct mutex lock; /* guards what follows */
    uint64_t next, done;
    int ret;
    const char *what;
    uint64_t where;
};

static void fail_at(struct copy *c, int ret, const char *what, uint64_t where)
{
    mutex_lock(&c->lock);
    if (!c->ret) {
        c->ret = ret;
        c->what = what;
        c->where = where;
    }
    mutex_unlock(&c->lock);
}

static struct source *source_at(struct copy *c, uint64_t off)
{
    unsigned i = 0;

    while (i + 1 < c->n_src && off >= c->src[i + 1].start)
        i++;
    return &c->src[i];
}

static bool write_out(struct copy *c, const uint8_t *buf, uint64_t off, uint64_t n)
{
    int ret = c->compress ? block_pwrite_compressed(c->dst, buf, n, off)
                          : block_pwrite(c->dst, buf, n, off);

    if (ret)
        fail_at(c, ret, "writing", off);
    return !ret;
}

static bool write_zeros(struct copy *c, uint64_t off, uint64_t n)
{
    int ret = c->dst_is_zero && !c->has_backing ? 0 : block_pwrite_zeroes(c->dst, off, n, true);

    if (ret)
        fail_at(c, ret, "writing zeros", off);
    return !ret;
}

/* How many bytes from the start are all zero, or all not, in pieces of c->sparse. */
static uint64_t run_of(const struct copy *c, const uint8_t *buf, uint64_t n, bool *is_zero)
{
    uint64_t unit = MAX(c->sparse, 512), at = MIN(unit, n);

    *is_zero = c->sparse && buf[0] == 0 && !memcmp(buf, buf + 1, at - 1);
    for (; c->sparse && at < n; at += MIN(unit, n - at)) {
        uint64_t len = MIN(unit, n - at);
        bool zero = buf[at] == 0 && !memcmp(buf + at, buf + at + 1, len - 1);
        if (zero != *is_zero)
            return at;
    }
    return n;
}

static bool copy_data(struct copy *c, const uint8_t *buf, uint64_t off, uint64_t n)
{
    bool is_zero;

    if (c->compress) { /* whole clusters, or nothing */
        bool all = run_of(c, buf, n, &is_zero) == n && is_zero && c->sparse;
        return all ? write_zeros(c, off, n) : write_out(c, buf, off, n);
    }
    for (uint64_t len; n; n -= len, off += len, buf += len) {
        len = run_of(c, buf, n, &is_zero);
        if (!(is_zero ? write_zeros(c, off, len) : write_out(c, buf, off, len)))
            return false;
    }
    return true;
}

static bool read_piece(struct copy *c, struct source *s, uint8_t *buf, uint64_t off, uint64_t n)
{
    int ret = block_pread(s->b, buf, n, off - s->start);

    if (!ret)
        return true;
    if (!c->salvage) {
        fail_at(c, ret, "reading", off);
        return false;
    }
    img_warn("reading %" PRIu64 " bytes at offset %" PRIu64 " failed: they are zeros in the copy",
             n, off);
    memset(buf, 0, n);
    return true;
}

/* Part of a chunk that lies in one source and comes from one place. */
static bool copy_piece(struct copy *c, struct source *s, uint8_t *buf, uint64_t off, uint64_t n,
                       uint64_t *len)
{
    struct block_extent e;
    uint64_t end = s->start + block_size(s->b);

    n = MIN(n, end - off);
    int ret = block_map(s->b, c->has_backing ? block_backing(s->b) : NULL, off - s->start, n, &e);
    if (ret) {
        fail_at(c, ret, "reading the tables", off);
        return false;
    }
    *len = MIN(e.bytes, n);
    if (c->has_backing && !e.layer)
        return true;
    if (e.zero && c->sparse)
        return write_zeros(c, off, *len);
    return read_piece(c, s, buf, off, *len) && copy_data(c, buf, off, *len);
}

/* Compressed clusters are made of all that falls into them. */
static bool copy_packed(struct copy *c, uint8_t *buf, uint64_t off, uint64_t n)
{
    bool any = false;

    for (uint64_t at = off, len; at < off + n; at += len) {
        struct source *s = source_at(c, at);
        struct block_extent e;
        len = MIN(off + n, s->start + block_size(s->b)) - at;
        int ret =
            block_map(s->b, c->has_backing ? block_backing(s->b) : NULL, at - s->start, len, &e);
        if (ret) {
            fail_at(c, ret, "reading the tables", at);
            return false;
        }
        len = MIN(len, e.bytes);
        any |= e.layer || !c->has_backing;
        if (!read_piece(c, s, buf + (at - off), at, len))
            return false;
    }
    return !any || copy_data(c, buf, off, n);
}

static bool copy_chunk(struct copy *c, uint8_t *buf, uint64_t off, uint64_t n)
{
    if (c->compress)
        return copy_packed(c, buf, off, n);
    for (uint64_t len; n; n -= len, off += len)
        if (!copy_piece(c, source_at(c, off), buf, off, n, &len))
            return false;
    return true;
}

static bool next_chunk(struct copy *c, uint64_t *off, uint64_t *n)
{
    mutex_lock(&c->lock);
    *off = c->next;
    *n = c->ret ? 0 : MIN(c->chunk, c->size - c->next);
    c->next += *n;
    mutex_unlock(&c->lock);
    return *n;
}

static void *worker(void *copy)
{
    struct copy *c = copy;
    g_autofree uint8_t *buf = g_malloc(c->chunk);

    for (uint64_t off, n; next_chunk(c, &off, &n) && copy_chunk(c, buf, off, n);) {
        mutex_lock(&c->lock);
        c->done += n;
        img_progress(c->args, c->done, c->size);
        mutex_unlock(&c->lock);
    }
    return NULL;
}

static int run_copy(struct copy *c, unsigned threads)
{
    pthread_t t[MAX_THREADS];

    mutex_init(&c->lock);
    img_progress(c->args, 0, c->size);
    for (unsigned i = 0; i < threads; i++)
        t[i] = thread_start("copy", worker, c);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    int ret = c->ret ? c->ret : block_flush(c->dst);
    if (ret)
        img_error("%s at offset %" PRIu64 " failed: %s", c->ret ? c->what : "flushing", c->where,
                  g_strerror(-ret));
    else
        img_progress_end(c->args);
    mutex_fini(&c->lock);
    return ret ? IMG_FAILED : IMG_OK;
}

/* --- convert --- */
struct convert {
    struct img_args a;
    struct opts *o;
    const char *out_format, *backing, *snapshot;
    bool compress, no_create, target_is_zero, salvage, target_opts, help, bitmaps, skip_broken;
    uint64_t sparse;
    unsigned threads;
    struct source *src;
    unsigned n_src;
    uint64_t size;
};

enum { TARGET_IS_ZERO = IMG_OPT_OWN, SALVAGE, TARGET_IMAGE_OPTS, BITMAPS, SKIP_BROKEN };

static const struct option convert_long[] = {
    {"target-is-zero", no_argument, NULL, TARGET_IS_ZERO},
    {"salvage", no_argument, NULL, SALVAGE},
    {"target-image-opts", no_argument, NULL, TARGET_IMAGE_OPTS},
    {"bitmaps", no_argument, NULL, BITMAPS},
    {"skip-broken-bitmaps", no_argument, NULL, SKIP_BROKEN},
    {0}};

static bool parse_threads(const char *text, unsigned *n)
{
    uint64_t v;
    struct error *err = NULL;

    if (parse_uint(text, MAX_THREADS, &v, &err) && v) {
        *n = (unsigned)v;
        return true;
    }
    img_error("-m %s: wanted 1 to %d", text, MAX_THREADS);
    error_free(err);
    return false;
}

static bool convert_option(struct convert *c, int what)
{
    switch (what) {
    case 'O': c->out_format = optarg; return true;
    case 'B':
        c->backing = optarg;
        opts_set(c->o, "backing_file", optarg);
        return true;
    case 'F': opts_set(c->o, "backing_fmt", optarg); return true;
    case 'c': c->compress = true; return true;
    case 'n': c->no_create = true; return true;
    case 'l': c->snapshot = optarg; return true;
    case 'S': return img_parse_size(optarg, &c->sparse);
    case 'm': return parse_threads(optarg, &c->threads);
    case 'o':
        c->help |= img_is_help(optarg);
        img_add_options(c->o, optarg);
        return true;
    case TARGET_IS_ZERO: c->target_is_zero = true; return true;
    case SALVAGE: c->salvage = true; return true;
    case TARGET_IMAGE_OPTS: c->target_opts = true; return true;
    case BITMAPS: c->bitmaps = true; return true;
    case SKIP_BROKEN: c->skip_broken = true; return true;
    case 'W':
    case 'C':
    case 'r': return true; /* how fast, not what */
    }
    return false;
}

static bool parse_convert(int argc, char **argv, struct convert *c)
{
    for (int what;
         (what = img_getopt(argc, argv, "f:O:B:F:cCno:l:S:m:Wr:pt:T:", convert_long, &c->a)) != -1;)
        if (!convert_option(c, what))
            return false;
    if (c->skip_broken && !c->bitmaps)
        img_error("convert: --skip-broken-bitmaps is for --bitmaps");
    else if (c->bitmaps && argc - optind > 2)
        img_error("convert: --bitmaps is for one image, found %d", argc - optind - 1);
    else if (c->help || argc - optind >= 2)
        return true;
    else
        img_error("convert: wanted FILE... NEWFILE (%s convert -h shows how)", img_program);
    return false;
}

/* "snapshot.id=X", "snapshot.name=X" or X. */
static bool apply_snapshot(struct block_node *b, const char *what)
{
    struct opts *o = opts_parse(what, "any");
    const char *which =
        opts_get(o, "snapshot.id", opts_get(o, "snapshot.name", opts_get(o, "any", what)));
    struct error *err = NULL;
    bool ok = block_snapshot_load(b, which, &err);

    opts_free(o);
    if (!ok)
        img_fail(err);
    return ok;
}

static bool open_sources(struct convert *c, char **paths, int n)
{
    c->src = g_new0(struct source, n);
    for (int i = 0; i < n; i++) {
        struct block_node *b =
            img_open(&c->a, paths[i], c->a.format, c->a.src_cache, BLOCK_READ_ONLY);
        if (!b || (c->snapshot && !apply_snapshot(b, c->snapshot)))
            return false;
        c->src[c->n_src++] = (struct source){b, c->size};
        c->size += block_size(b);
    }
    return true;
}

static bool create_target(struct convert *c, const char *path)
{
    g_autofree char *size = g_strdup_printf("%" PRIu64, align_up(c->size, 512));
    struct error *err = NULL;

    if (c->no_create)
        return true;
    if (c->compress && strcmp(opts_get(c->o, "preallocation", "off"), "off")) {
        img_error("convert: -c and preallocation exclude each other");
        return false;
    }
    if (!opts_get(c->o, "size", NULL))
        opts_set(c->o, "size", size);
    const char *backing = opts_get(c->o, "backing_file", NULL);
    if (backing && !opts_get(c->o, "backing_fmt", NULL)) {
        g_autofree char *full = block_resolve_path(path, backing);
        struct img_args plain = {0};
        struct block_node *b =
            img_open(&plain, full, NULL, NULL, BLOCK_READ_ONLY | BLOCK_NO_LOCK | BLOCK_NO_BACKING);
        if (!b)
            return false;
        opts_set(c->o, "backing_fmt", block_driver_name(b));
        block_close(b);
    }
    if (block_create(c->out_format, path, c->o, &err))
        return true;
    img_fail(err);
    return false;
}

static struct block_node *open_target(struct convert *c, const char *path)
{
    struct img_args a = c->a;

    a.share = false;
    a.image_opts = c->target_opts;
    struct block_node *b = img_open(&a, path, c->target_opts ? NULL : c->out_format,
                                    c->a.cache ? c->a.cache : "unsafe", BLOCK_UNMAP);
    if (b && block_size(b) < c->size) {
        img_error("'%s' has %" PRIu64 " bytes, less than the %" PRIu64 " of what is to be copied",
                  path, block_size(b), c->size);
        return NULL;
    }
    return b;
}

static uint64_t chunk_size(struct block_node *b, bool compress)
{
    struct block_info i;
    struct error *err = NULL;

    if (!compress || !block_get_info(b, &i, &err))
        return CHUNK;
    uint64_t size = i.cluster_size ? i.cluster_size : 65536;
    block_info_fini(&i);
    return size;
}

static int convert_to(struct convert *c, const char *path)
{
    if (!create_target(c, path))
        return IMG_FAILED;
    struct block_node *dst = open_target(c, path);
    if (!dst)
        return IMG_FAILED;
    unsigned cpus = (unsigned)MAX(g_get_num_processors(), 1);
    struct copy copy = {.src = c->src,
                        .n_src = c->n_src,
                        .dst = dst,
                        .size = c->size,
                        .sparse = c->sparse,
                        .chunk = chunk_size(dst, c->compress),
                        .compress = c->compress,
                        .has_backing = opts_get(c->o, "backing_file", NULL),
                        .dst_is_zero = !c->no_create || c->target_is_zero,
                        .salvage = c->salvage,
                        .args = &c->a};
    int status =
        run_copy(&copy, c->compress ? MIN(c->threads ? c->threads : cpus, MAX_THREADS) : 1);
    if (status == IMG_OK && c->bitmaps && !img_copy_bitmaps(c->src[0].b, dst, c->skip_broken))
        return IMG_FAILED;
    return status;
}

int img_convert(int argc, char **argv)
{
    struct convert c = {.o = opts_parse("", NULL), .out_format = "raw", .sparse = 4096};
    int status = IMG_FAILED;

    if (parse_convert(argc, argv, &c)) {
        int n = argc - optind - 1;
        if (c.help)
            status = img_print_create_opts(c.out_format) ? IMG_OK : IMG_FAILED;
        else if (open_sources(&c, argv + optind, n))
            status = convert_to(&c, argv[argc - 1]);
    }
    opts_free(c.o);
    g_free(c.src);
    return status;
}

/* --- dd --- */
static bool dd_words(int argc, char **argv, struct opts *o)
{
    static const char *const keys[] = {"if", "of", "bs", "count", "skip", NULL};

    for (int i = optind; i < argc; i++) {
        g_auto(GStrv) word = g_strsplit(argv[i], "=", 2);
        if (word[0] && word[1] && g_strv_contains(keys, word[0])) {
            opts_set(o, word[0], word[1]);
            continue;
        }
        const char *near = word[0] ? nearest_name(word[0], keys) : NULL;
        img_error("dd: '%s': wanted if=, of=, bs=, count= or skip=%s%s", argv[i],
                  near ? "; did you mean " : "", near ? near : "");
        return false;
    }
    if (opts_get(o, "if", NULL) && opts_get(o, "of", NULL))
        return true;
    img_error("dd: wanted if=FILE and of=NEWFILE");
    return false;
}

static int dd_copy(struct convert *c, struct opts *o, struct block_node *in)
{
    uint64_t bs, count, skip, size = block_size(in);
    struct error *err = NULL;

    if (!opts_get_size(o, "bs", 512, &bs, &err) ||
        !opts_get_size(o, "count", UINT64_MAX, &count, &err) ||
        !opts_get_size(o, "skip", 0, &skip, &err))
        return img_fail(err);
    if (!bs || bs > INT32_MAX) {
        img_error("dd: bs=%" PRIu64 ": wanted 1 to %d", bs, INT32_MAX);
        return IMG_FAILED;
    }
    uint64_t start = skip > size / bs ? size : skip * bs, left = size - start;
    c->size = count > left / bs ? left : count * bs;
    if (!create_target(c, opts_get(o, "of", NULL)))
        return IMG_FAILED;
    struct block_node *dst = open_target(c, opts_get(o, "of", NULL));
    if (!dst)
        return IMG_FAILED;
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    for (uint64_t at = 0, n; at < c->size; at += n) {
        n = MIN(CHUNK, c->size - at);
        int ret = block_pread(in, buf, n, start + at);
        if (!ret)
            ret = block_pwrite(dst, buf, n, at);
        if (ret) {
            img_error("copying at offset %" PRIu64 " failed: %s", at, g_strerror(-ret));
            return IMG_FAILED;
        }
    }
    return IMG_OK;
}

int img_dd(int argc, char **argv)
{
    struct convert c = {.o = opts_parse("", NULL), .out_format = "raw"};
    struct opts *o = opts_parse("", NULL);
    int status = IMG_FAILED;

    for (int what; (what = img_getopt(argc, argv, "f:O:", NULL, &c.a)) != -1;) {
        if (what == '?')
            goto out;
        c.out_format = optarg;
    }
    if (!dd_words(argc, argv, o))
        goto out;
    struct block_node *in =
        img_open(&c.a, opts_get(o, "if", NULL), c.a.format, NULL, BLOCK_READ_ONLY);
    if (in)
        status = dd_copy(&c, o, in);
out:
    opts_free(o);
    opts_free(c.o);
    return status;
}
