/* Commands that make images or change their size: create, resize, measure; and the options of -o.
 */
#include "tools/img_create.h"
#include "tools/img.h"

#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool img_is_help(const char *options)
{
    g_auto(GStrv) words = g_strsplit(options ? options : "", ",", -1);

    return g_strv_contains((const char *const *)words, "help") ||
           g_strv_contains((const char *const *)words, "?");
}

bool img_print_create_opts(const char *format)
{
    const struct block_create_opt *o = block_create_opts(format);

    if (!o) {
        img_error("images of format '%s' cannot be made", format);
        return false;
    }
    printf("Supported %s options:\n", format);
    for (; o->name; o++)
        printf("  %-22s - %s\n", o->name, o->help);
    return true;
}

void img_add_options(struct opts *o, const char *text)
{
    struct opts *more = opts_parse(text, NULL);

    for (size_t i = 0; i < more->n; i++)
        opts_set(o, more->pair[i].key, more->pair[i].value);
    opts_free(more);
}

/* The size of a new image without one is that of its backing file, whose format is found out when
 * it is not given. */
static bool adopt_backing(struct opts *o, const char *path, bool unsafe)
{
    const char *backing = opts_get(o, "backing_file", NULL),
               *format = opts_get(o, "backing_fmt", NULL);
    struct img_args plain = {0};

    if (!backing || (unsafe && opts_get(o, "size", NULL) && format))
        return true;
    g_autofree char *full = block_resolve_path(path, backing);
    struct block_node *b = img_open(&plain, full, format, NULL, BLOCK_READ_ONLY | BLOCK_NO_LOCK);
    if (!b)
        return false;
    if (!format) {
        img_warn("the format of the backing file was not given; it looks like %s, and that is "
                 "recorded (-F says it)",
                 block_driver_name(b));
        opts_set(o, "backing_fmt", block_driver_name(b));
    }
    if (!opts_get(o, "size", NULL)) {
        g_autofree char *size = g_strdup_printf("%" PRIu64, block_size(b));
        opts_set(o, "size", size);
    }
    block_close(b);
    return true;
}

static int create_image(const struct img_args *a, const char *format, const char *path,
                        struct opts *o, bool unsafe)
{
    struct error *err = NULL;

    if (!adopt_backing(o, path, unsafe))
        return IMG_FAILED;
    if (!opts_get(o, "size", NULL)) {
        img_error("create: wanted a SIZE after '%s', or a backing file that has one", path);
        return IMG_FAILED;
    }
    uint64_t size;
    if (!opts_get_size(o, "size", 0, &size, &err))
        return img_fail(err);
    if (!a->quiet) {
        printf("Formatting '%s', fmt=%s size=%" PRIu64, path, format, size);
        for (size_t i = 0; i < o->n; i++)
            if (strcmp(o->pair[i].key, "size"))
                printf(" %s=%s", o->pair[i].key, o->pair[i].value);
        printf("\n");
    }
    return block_create(format, path, o, &err) ? IMG_OK : img_fail(err);
}

struct create_args {
    struct img_args a;
    struct opts *o;
    const char *help;
    bool unsafe;
};

static bool create_option(struct create_args *c, int what)
{
    switch (what) {
    case 'b': opts_set(c->o, "backing_file", optarg); break;
    case 'F': opts_set(c->o, "backing_fmt", optarg); break;
    case 'u': c->unsafe = true; break;
    case 'o':
        if (img_is_help(optarg))
            c->help = optarg;
        else
            img_add_options(c->o, optarg);
        break;
    }
    return what != '?';
}

int img_create(int argc, char **argv)
{
    struct create_args c = {.o = opts_parse("", NULL)};
    int status = IMG_FAILED;

    for (int what; (what = img_getopt(argc, argv, "f:b:F:o:u6", NULL, &c.a)) != -1;)
        if (!create_option(&c, what))
            goto out;
    const char *format = c.a.format ? c.a.format : "raw";
    if (c.help) {
        status = img_print_create_opts(format) ? IMG_OK : IMG_FAILED;
        goto out;
    }
    if (argc - optind < 1 || argc - optind > 2) {
        img_error("create: wanted FILE [SIZE] (%s create -h shows how)", img_program);
        goto out;
    }
    if (argc - optind == 2)
        opts_set(c.o, "size", argv[optind + 1]);
    status = create_image(&c.a, format, argv[optind], c.o, c.unsafe);
out:
    opts_free(c.o);
    return status;
}

/* --- resize --- */
static bool new_size(const struct block_node *b, const char *text, uint64_t *size)
{
    uint64_t old = block_size(b), n;
    char sign = *text;

    if (!img_parse_size(text + (sign == '+' || sign == '-'), &n))
        return false;
    *size = sign == '+' ? old + n : sign == '-' ? old - n : n;
    bool fits = !(sign == '+' && *size < old) && !(sign == '-' && n > old) &&
                *size <= (uint64_t)INT64_MAX - 512;
    if (!fits)
        img_error("%s does not fit a disk of %" PRIu64 " bytes", text, old);
    *size = (*size + 511) & ~UINT64_C(511);
    return fits;
}

static int resize_image(const struct img_args *a, struct block_node *b, const char *text,
                        const char *prealloc, bool shrink)
{
    struct error *err = NULL;
    uint64_t size;

    if (!new_size(b, text, &size))
        return IMG_FAILED;
    if (size < block_size(b) && !shrink) {
        img_error("'%s' would become smaller, and what lies behind %" PRIu64
                  " bytes would be lost: add --shrink",
                  block_path(b), size);
        return IMG_FAILED;
    }
    if (!block_resize(b, size, prealloc, &err))
        return img_fail(err);
    if (!a->quiet)
        printf("Image resized.\n");
    return IMG_OK;
}

/* "-5M" is a size, not an option: it is taken off the end before the options are read. */
int img_resize(int argc, char **argv)
{
    static const struct option own[] = {{"preallocation", required_argument, NULL, IMG_OPT_OWN},
                                        {"shrink", no_argument, NULL, IMG_OPT_OWN + 1},
                                        {0}};
    const char *prealloc = "off", *size = argc > 2 ? argv[--argc] : "";
    struct img_args a = {0};
    bool shrink = false;

    if (argc > 1 && (!strcmp(size, "-h") || !strcmp(size, "--help")))
        argc++;
    for (int c; (c = img_getopt(argc, argv, "f:", own, &a)) != -1;) {
        if (c == '?')
            return IMG_FAILED;
        if (c == IMG_OPT_OWN)
            prealloc = optarg;
        shrink |= c == IMG_OPT_OWN + 1;
    }
    if (!img_want(argc, argv, 1, "FILE [+|-]SIZE"))
        return IMG_FAILED;
    struct block_node *b = img_open(&a, argv[optind], a.format, NULL, BLOCK_UNMAP);
    return b ? resize_image(&a, b, size, prealloc, shrink) : IMG_FAILED;
}

/* --- measure --- */
/* Bytes of tables that a qcow2 image of this many data bytes and this size has. */
static uint64_t qcow2_tables(struct opts *o, uint64_t size, uint64_t data, struct error **errp)
{
    uint64_t cluster, bits, entry;
    bool extended;

    if (!opts_get_size(o, "cluster_size", 65536, &cluster, errp) ||
        !opts_get_uint(o, "refcount_bits", 64, 16, &bits, errp) ||
        !opts_get_bool(o, "extended_l2", false, &extended, errp) || cluster < 512 ||
        cluster > 2 << 20)
        return 0;
    entry = extended ? 16 : 8;
    uint64_t span = cluster * (cluster / entry), l2 = (size + span - 1) / span,
             l1 = (l2 * 8 + cluster - 1) / cluster;
    uint64_t used = 1 + l2 + l1 + (data + cluster - 1) / cluster, per = cluster * 8 / bits, rb = 0,
             rt = 0;
    for (;;) {
        uint64_t need = (used + rb + rt + per - 1) / per,
                 table = (need * 8 + cluster - 1) / cluster;
        if (need <= rb && table <= rt)
            break;
        rb = need;
        rt = table;
    }
    return (1 + l2 + l1 + rb + rt) * cluster;
}

/* Bytes that hold data, in whole clusters. */
static uint64_t data_bytes(struct block_node *b, uint64_t unit)
{
    uint64_t sum = 0, counted = 0, size = block_size(b);
    struct block_extent e;

    for (uint64_t at = 0; at < size; at += e.bytes) {
        if (block_map(b, NULL, at, size - at, &e))
            return size;
        uint64_t from = MAX(at / unit * unit, counted),
                 to = (at + e.bytes + unit - 1) / unit * unit;
        if (e.zero || !e.data || to <= from)
            continue;
        sum += to - from;
        counted = to;
    }
    return sum;
}

static void print_measure(bool json, uint64_t required, uint64_t full)
{
    if (json)
        printf("{\n    \"required\": %" PRIu64 ",\n    \"fully-allocated\": %" PRIu64 "\n}\n",
               required, full);
    else
        printf("required size: %" PRIu64 "\nfully allocated size: %" PRIu64 "\n", required, full);
}

static int measure(const struct img_args *a, const char *format, struct opts *o, uint64_t size,
                   uint64_t data)
{
    struct error *err = NULL;

    if (!strcmp(format, "raw")) {
        print_measure(a->json, size, size);
        return IMG_OK;
    }
    if (strcmp(format, "qcow2")) {
        img_error("measure: format '%s' cannot be measured, only raw and qcow2", format);
        return IMG_FAILED;
    }
    const char *prealloc = opts_get(o, "preallocation", "off");
    bool all = !strcmp(prealloc, "falloc") || !strcmp(prealloc, "full");
    uint64_t tables = qcow2_tables(o, size, size, &err);
    if (!tables)
        return img_fail(err);
    print_measure(a->json, tables + (all ? size : data), tables + size);
    return IMG_OK;
}

int img_measure(int argc, char **argv)
{
    static const struct option own[] = {{"size", required_argument, NULL, IMG_OPT_OWN}, {0}};
    struct opts *o = opts_parse("", NULL);
    const char *format = "raw", *text = NULL;
    struct img_args a = {0};
    struct error *err = NULL;
    uint64_t size, cluster;
    int status = IMG_FAILED;

    for (int c; (c = img_getopt(argc, argv, "f:O:o:", own, &a)) != -1;) {
        if (c == '?')
            goto out;
        if (c == 'O')
            format = optarg;
        else if (c == 'o')
            img_add_options(o, optarg);
        else
            text = optarg;
    }
    if (!opts_get_size(o, "cluster_size", 65536, &cluster, &err)) {
        img_fail(err);
    } else if (text) {
        if (img_want(argc, argv, 0, "no image beside --size") && img_parse_size(text, &size))
            status = measure(&a, format, o, size, 0);
    } else if (img_want(argc, argv, 1, "one image, or --size")) {
        struct block_node *b = img_open(&a, argv[optind], a.format, NULL, BLOCK_READ_ONLY);
        if (b)
            status = measure(&a, format, o, block_size(b), data_bytes(b, MAX(cluster, 512)));
    }
out:
    opts_free(o);
    return status;
}
