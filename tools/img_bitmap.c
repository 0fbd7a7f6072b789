/* Dirty bitmaps in images: the command `bitmap`, and what `convert --bitmaps` copies. */
#include "block/bitmap.h"
#include "tools/img.h"

#include <getopt.h>
#include <glib.h>
#include <string.h>

enum { ADD = IMG_OPT_OWN, REMOVE, CLEAR, ENABLE, DISABLE, MERGE };

/* One thing to do, in the order of the command line. */
struct action {
    int what;
    const char *source; /* MERGE */
};

struct bitmap_args {
    struct img_args a;
    GArray *actions;
    const char *source_file, *source_format, *name;
    uint64_t granularity;
};

static bool merge_one(const struct bitmap_args *v, struct block_bitmap *to, struct block_node *b,
                      const char *name, struct error **errp)
{
    struct img_args other = {.share = v->a.share};
    struct block_node *from_node = b;

    if (v->source_file)
        from_node = img_open(&other, v->source_file, v->source_format, NULL,
                             BLOCK_READ_ONLY | BLOCK_NO_BACKING);
    if (!from_node) {
        error_set(errp, "the image to merge from could not be opened");
        return false;
    }
    struct block_bitmap *from = bitmap_find(from_node, name, errp);
    bool ok = from && bitmap_merge(to, from, errp);
    if (from_node != b)
        block_close(from_node);
    return ok;
}

static bool act(const struct bitmap_args *v, const struct action *x, struct block_node *b,
                struct error **errp)
{
    struct bitmap_options o = {.name = v->name, .granularity = v->granularity, .persistent = true};

    if (x->what == ADD)
        return bitmap_add(b, &o, errp);
    struct block_bitmap *m = bitmap_find(b, v->name, errp);
    if (!m)
        return false;
    switch (x->what) {
    case REMOVE: return bitmap_remove(b, m, errp);
    case CLEAR: return bitmap_clear(m, errp);
    case ENABLE: return bitmap_enable(m, true, errp);
    case DISABLE: return bitmap_enable(m, false, errp);
    default: return merge_one(v, m, b, x->source, errp);
    }
}

static int run(const struct bitmap_args *v, const char *path)
{
    struct block_node *b = img_open(&v->a, path, v->a.format, NULL, BLOCK_NO_BACKING);
    struct error *err = NULL;
    bool ok = b;

    for (guint i = 0; ok && i < v->actions->len; i++)
        ok = act(v, &g_array_index(v->actions, struct action, i), b, &err);
    if (!b)
        return IMG_FAILED;
    block_close(b);
    if (ok)
        return IMG_OK;
    error_prefix(&err, "bitmap %s", v->name);
    return img_fail(err);
}

static bool take_option(int what, struct bitmap_args *v)
{
    struct action x = {what, optarg};

    if (what >= IMG_OPT_OWN)
        g_array_append_val(v->actions, x);
    else if (what == 'b')
        v->source_file = optarg;
    else if (what == 'F')
        v->source_format = optarg;
    else if (what == 'g')
        return img_parse_size(optarg, &v->granularity);
    else
        return false;
    return true;
}

static bool check(const struct bitmap_args *v)
{
    bool merges = false, adds = false;

    for (guint i = 0; i < v->actions->len; i++) {
        merges |= g_array_index(v->actions, struct action, i).what == MERGE;
        adds |= g_array_index(v->actions, struct action, i).what == ADD;
    }
    if (!v->actions->len)
        img_error("bitmap: wanted --add, --remove, --clear, --enable, --disable or --merge SOURCE");
    else if (v->source_file && !merges)
        img_error("bitmap: -b is for --merge");
    else if (v->source_format && !v->source_file)
        img_error("bitmap: -F is for -b");
    else if (v->granularity && !adds)
        img_error("bitmap: -g is for --add");
    else
        return true;
    return false;
}

int img_bitmap(int argc, char **argv)
{
    static const struct option more[] = {{"add", no_argument, NULL, ADD},
                                         {"remove", no_argument, NULL, REMOVE},
                                         {"clear", no_argument, NULL, CLEAR},
                                         {"enable", no_argument, NULL, ENABLE},
                                         {"disable", no_argument, NULL, DISABLE},
                                         {"merge", required_argument, NULL, MERGE},
                                         {"granularity", required_argument, NULL, 'g'},
                                         {"source-file", required_argument, NULL, 'b'},
                                         {"source-format", required_argument, NULL, 'F'},
                                         {0}};
    struct bitmap_args v = {.actions = g_array_new(FALSE, FALSE, sizeof(struct action))};
    int status = IMG_FAILED;

    for (int what; (what = img_getopt(argc, argv, "f:b:F:g:", more, &v.a)) != -1;)
        if (!take_option(what, &v))
            goto out;
    if (!check(&v) || !img_want(argc, argv, 2, "an image and the name of a bitmap"))
        goto out;
    v.name = argv[optind + 1];
    status = run(&v, argv[optind]);
out:
    g_array_unref(v.actions);
    return status;
}

static bool copy_one(struct block_bitmap *m, struct block_node *to, bool skip_broken)
{
    struct bitmap_info i;
    struct error *err = NULL;

    bitmap_get_info(m, &i);
    struct bitmap_options o = {i.name, i.granularity, true, !i.recording};
    if (i.inconsistent && skip_broken) {
        img_warn("dirty bitmap '%s' was not saved and is left out", i.name);
        return true;
    }
    struct block_bitmap *copy = bitmap_check_free(m, &err) ? bitmap_add(to, &o, &err) : NULL;
    if (!copy || !bitmap_merge(copy, m, &err)) {
        img_fail(err);
        return false;
    }
    return true;
}

bool img_copy_bitmaps(struct block_node *from, struct block_node *to, bool skip_broken)
{
    struct bitmap_info i;

    for (struct block_bitmap *m = NULL; (m = bitmap_next(from, m));) {
        bitmap_get_info(m, &i);
        if (i.persistent && !copy_one(m, to, skip_broken))
            return false;
    }
    return true;
}
