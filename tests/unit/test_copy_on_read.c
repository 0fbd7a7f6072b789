/* copy-on-read: an overlay that keeps what is read from its backing file, and nothing else. */
#include "block/block.h"
#include "util/bits.h"
#include "util/optparse.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { BASE = (3 << 20) - 1024, DISK = (4 << 20) - 512 };

static char *dir, *path, *base;

/* Data with holes. */
static uint8_t *make_base(void)
{
    uint8_t *data = g_malloc0(DISK);

    for (size_t i = 0; i < BASE; i++)
        data[i] = i / 150000 % 3 == 1 ? 0 : (uint8_t)(i / 512 + i % 251);
    g_assert_true(g_file_set_contents(base, (char *)data, BASE, NULL));
    return data;
}

static void make_overlay(const char *options)
{
    g_autofree char *all =
        g_strdup_printf("size=%d,backing_file=base,backing_fmt=raw,%s", DISK, options);
    struct opts *o = opts_parse(all, NULL);
    struct error *err = NULL;

    if (!block_create("qcow2", path, o, &err))
        g_error("%s", error_text(err));
    opts_free(o);
}

static struct block_node *open_overlay(unsigned flags)
{
    struct error *err = NULL;
    struct block_node *b = block_open_path("disk", path, "qcow2", flags | BLOCK_NO_FLUSH, &err);

    if (!b)
        g_error("%s", error_text(err));
    return b;
}

static struct block_node *open_copying(void)
{
    struct block_node *b = open_overlay(0);

    g_assert_true(block_set_copy_on_read(b, NULL));
    return b;
}

static void compare(struct block_node *b, const uint8_t *model)
{
    g_autofree uint8_t *buf = g_malloc(DISK);

    g_assert_cmpint(block_pread(b, buf, DISK, 0), ==, 0);
    for (size_t i = 0; i < DISK; i++)
        if (buf[i] != model[i])
            g_error("byte %#zx is %#x, not %#x", i, buf[i], model[i]);
}

static void check_image(void)
{
    struct block_node *b = open_overlay(BLOCK_READ_ONLY | BLOCK_NO_BACKING);
    struct block_check r;

    g_assert_true(block_check(b, 0, false, &r, NULL));
    g_assert_cmpuint(r.corruptions + r.leaks + r.check_errors, ==, 0);
    block_close(b);
}

static void random_op(struct block_node *b, uint8_t *model)
{
    size_t off = (size_t)g_test_rand_int_range(0, DISK / 512) * 512,
           n = (size_t)g_test_rand_int_range(1, 600) * 512;

    n = MIN(n, DISK - off);
    g_autofree uint8_t *buf = g_malloc(n);

    switch (g_test_rand_int_range(0, 4)) {
    case 0:
        n = MIN(n, 5120);
        memset(buf, g_test_rand_int_range(0, 256), n);
        memcpy(model + off, buf, n);
        g_assert_cmpint(block_pwrite(b, buf, n, off), ==, 0);
        break;
    case 1:
        n = MIN(n, 70000 / 512 * 512);
        memset(model + off, 0, n);
        g_assert_cmpint(block_pwrite_zeroes(b, off, n, true), ==, 0);
        break;
    default:
        g_assert_cmpint(block_pread(b, buf, n, off), ==, 0);
        g_assert_cmpmem(buf, n, model + off, n);
    }
}

static void test_what_was_read_needs_no_backing_file(gconstpointer data)
{
    g_autofree uint8_t *model = make_base();
    g_autofree char *before = NULL, *after = NULL;
    gsize n, m;

    make_overlay(data);
    g_assert_true(g_file_get_contents(base, &before, &n, NULL));
    struct block_node *b = open_copying();
    for (int i = 0; i < 150; i++)
        random_op(b, model);
    compare(b, model);
    block_close(b);
    check_image();
    b = open_overlay(BLOCK_NO_BACKING);
    compare(b, model);
    block_close(b);
    g_assert_true(g_file_get_contents(base, &after, &m, NULL));
    g_assert_cmpmem(before, n, after, m);
}

static bool is_allocated(struct block_node *b, uint64_t off)
{
    struct block_extent e;

    g_assert_cmpint(block_map_layer(b, off, 512, &e), ==, 0);
    return e.allocated;
}

static void test_only_what_is_read_is_copied(void)
{
    g_autofree uint8_t *model = make_base();
    uint8_t buf[1024];

    make_overlay("cluster_size=4096");
    struct block_node *b = open_overlay(0);
    g_assert_cmpint(block_pread(b, buf, 512, 4096), ==, 0);
    g_assert_false(is_allocated(b, 4096)); /* nobody asked for it */
    block_close(b);
    b = open_copying();
    g_assert_cmpint(block_pread(b, buf, 1024, 3 * 4096 - 512), ==, 0);
    g_assert_cmpmem(buf, 1024, model + 3 * 4096 - 512, 1024);
    g_assert_false(is_allocated(b, 4096));
    g_assert_true(is_allocated(b, 2 * 4096) && is_allocated(b, 3 * 4096));
    g_assert_false(is_allocated(b, 4 * 4096));
    g_assert_cmpint(block_pread(b, buf, 512, BASE + 4096), ==, 0); /* behind the base's end */
    g_assert_false(is_allocated(b, BASE + 4096));
    block_close(b);
}

/* --- at once with writes --- */
struct job {
    struct block_req req;
    struct iovec iov;
    uint8_t *buf;
};

static void on_done(struct block_req *req UNUSED, int ret)
{
    g_assert_cmpint(ret, ==, 0);
}

static void submit(struct block_node *b, struct job *j, enum block_op op, uint64_t off, uint64_t n)
{
    j->iov = (struct iovec){j->buf, n};
    j->req = (struct block_req){
        .op = op, .offset = off, .bytes = n, .iov = &j->iov, .niov = 1, .done = on_done};
    block_submit(b, &j->req);
}

static void test_a_copy_never_undoes_a_write(void)
{
    enum { JOBS = 128, SPAN = 32768 };
    g_autofree uint8_t *model = make_base();
    g_autofree struct job *jobs = g_new0(struct job, JOBS);

    make_overlay("cluster_size=65536");
    for (int i = 0; i < JOBS; i++)
        jobs[i].buf = g_malloc(SPAN);
    struct block_node *b = open_copying();
    for (uint64_t area = 0; area + SPAN * 2 < DISK; area += SPAN * 2) {
        for (int i = 0; i < JOBS; i++) {
            uint64_t off = area + (uint64_t)i * 512;
            memset(jobs[i].buf, i, 512);
            if (i % 2)
                submit(b, &jobs[i], BLOCK_READ, area, SPAN);
            else
                submit(b, &jobs[i], BLOCK_WRITE, off, 512);
            if (i % 2 == 0)
                memset(model + off, i, 512);
        }
        block_drain(b);
    }
    compare(b, model);
    block_close(b);
    check_image();
    for (int i = 0; i < JOBS; i++)
        g_free(jobs[i].buf);
}

/* --- where it cannot be --- */
static void run_full(void)
{
    g_autofree uint8_t *model = make_base();
    struct rlimit small = {1 << 20, RLIM_INFINITY};

    make_overlay("cluster_size=65536");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &small);
    small.rlim_cur = 1 << 20;
    setrlimit(RLIMIT_FSIZE, &small);
    struct block_node *b = open_copying();
    compare(b, model);
    compare(b, model);
    block_close(b);
}

static void test_a_full_host_does_not_stop_reads(void)
{
    if (g_test_subprocess()) {
        run_full();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*could not copy to*File too large; reads go on without*");
    g_test_trap_assert_stderr_unmatched("*could not copy*could not copy*");
}

static void expect_no(struct block_node *b, const char *part)
{
    struct error *err = NULL;

    g_assert_nonnull(b);
    g_assert_false(block_set_copy_on_read(b, &err));
    g_test_message("%s", error_text(err));
    g_assert_nonnull(strstr(error_text(err), part));
    error_free(err);
    block_close(b);
}

static void test_it_is_refused_where_nothing_could_be_kept(void)
{
    g_free(make_base());
    make_overlay("cluster_size=65536");
    expect_no(open_overlay(BLOCK_READ_ONLY), "is read-only");
    expect_no(block_open("disk", path, "qcow2", false, true, NULL), "snapshot=on");
    expect_no(block_open("disk", base, "raw", false, false, NULL), "format 'raw'");
}

static struct block_node *open_filter(const char *more, struct error **errp)
{
    g_autofree char *text = g_strdup_printf("driver=copy-on-read,node-name=cor,file.driver=qcow2,"
                                            "file.file.driver=file,file.file.filename=%s%s",
                                            path, more);
    struct opts *o = opts_parse(text, NULL);
    struct block_node *b = block_open_node(o, errp);

    opts_free(o);
    return b;
}

static void test_a_filter_does_the_same(void)
{
    g_autofree uint8_t *model = make_base();
    struct error *err = NULL;

    make_overlay("cluster_size=65536");
    struct block_node *b = open_filter("", &err);
    if (!b)
        g_error("%s", error_text(err));
    for (int i = 0; i < 60; i++)
        random_op(b, model);
    compare(b, model);
    block_close(b);
    b = open_overlay(BLOCK_NO_BACKING);
    compare(b, model);
    block_close(b);
    g_assert_null(open_filter(",file.read-only=on,read-only=on", &err));
    g_assert_nonnull(strstr(error_text(err), "driver=copy-on-read"));
    error_free(err);
    block_close_all();
}

int main(int argc, char **argv)
{
    static const char *const kinds[] = {"cluster_size=65536", "compat=v2", "cluster_size=512",
                                        "cluster_size=2M", "extended_l2=on"};

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("tinamou-cor-XXXXXX", NULL);
    path = g_build_filename(dir, "disk.qcow2", NULL);
    base = g_build_filename(dir, "base", NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *name = g_strdup_printf("/copy-on-read/%s", kinds[i]);
        g_test_add_data_func(name, kinds[i], test_what_was_read_needs_no_backing_file);
    }
    g_test_add_func("/copy-on-read/only", test_only_what_is_read_is_copied);
    g_test_add_func("/copy-on-read/parallel", test_a_copy_never_undoes_a_write);
    g_test_add_func("/copy-on-read/full", test_a_full_host_does_not_stop_reads);
    g_test_add_func("/copy-on-read/refused", test_it_is_refused_where_nothing_could_be_kept);
    g_test_add_func("/copy-on-read/filter", test_a_filter_does_the_same);
    int ret = g_test_run();
    block_close_all();
    unlink(path);
    unlink(base);
    rmdir(dir);
    g_free(path);
    g_free(base);
    g_free(dir);
    return ret;
}
