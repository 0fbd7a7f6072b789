/* Raw disks: transfers, odd sizes, snapshots, locks, formats, errors. */
#include "block/block.h"
#include "core/device.h"
#include "util/bits.h"
#include "util/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir, *path;

/* A request and its completion. */
struct wait {
    struct block_req req;
    struct mutex lock;
    struct cond done;
    bool is_done;
    int ret;
};

static void on_done(struct block_req *req, int ret)
{
    struct wait *w = req->opaque;

    mutex_lock(&w->lock);
    w->ret = ret;
    w->is_done = true;
    cond_signal(&w->done);
    mutex_unlock(&w->lock);
}

static int run_vec(struct block_node *b, enum block_op op, uint64_t off, uint64_t n,
                   struct iovec *iov, unsigned niov)
{
    struct wait w = {
        .req = {.op = op, .offset = off, .bytes = n, .iov = iov, .niov = niov, .done = on_done}};

    w.req.opaque = &w;
    mutex_init(&w.lock);
    cond_init(&w.done);
    block_submit(b, &w.req);
    mutex_lock(&w.lock);
    while (!w.is_done)
        cond_wait(&w.done, &w.lock);
    mutex_unlock(&w.lock);
    cond_fini(&w.done);
    mutex_fini(&w.lock);
    return w.ret;
}

static int run(struct block_node *b, enum block_op op, uint64_t off, uint64_t n, void *buf)
{
    struct iovec iov = {buf, n};

    return run_vec(b, op, off, n, &iov, buf ? 1 : 0);
}

static void make_file(size_t size)
{
    g_autofree char *data = g_malloc(size + 1);

    for (size_t i = 0; i < size; i++)
        data[i] = i / 512 + i % 251;
    g_assert_true(g_file_set_contents(path, data, size, NULL));
}

static struct block_node *open_disk(const char *format, bool read_only, bool snapshot)
{
    struct error *err = NULL;
    struct block_node *b = block_open("disk", path, format, read_only, snapshot, &err);

    if (err)
        g_error("%s", error_text(err));
    return b;
}

static char *open_error(const char *name, const char *format, bool read_only)
{
    struct error *err = NULL;

    g_assert_null(block_open("other", name, format, read_only, false, &err));
    char *text = g_strdup(error_text(err));
    error_free(err);
    return text;
}

static void test_read_write_and_scatter(void)
{
    uint8_t a[1000], c[3096], back[4096];
    struct iovec iov[3] = {{a, sizeof(a)}, {NULL, 0}, {c, sizeof(c)}};

    make_file(8192);
    struct block_node *b = open_disk(NULL, false, false);
    g_assert_cmpuint(block_size(b), ==, 8192);
    memset(a, 0xaa, sizeof(a));
    memset(c, 0xcc, sizeof(c));
    g_assert_cmpint(run_vec(b, BLOCK_WRITE, 512, 4096, iov, 3), ==, 0);
    g_assert_cmpint(run(b, BLOCK_READ, 512, 4096, back), ==, 0);
    g_assert_cmpmem(back, 1000, a, 1000);
    g_assert_cmpmem(back + 1000, 3096, c, 3096);
    g_assert_cmpint(run(b, BLOCK_FLUSH, 0, 0, NULL), ==, 0);
    memset(a, 0, sizeof(a));
    g_assert_cmpint(run_vec(b, BLOCK_READ, 512, 4096, iov, 3), ==, 0);
    g_assert_cmphex(a[999], ==, 0xaa);
    block_close(b);
    g_autofree char *file = NULL;
    gsize len;
    g_assert_true(g_file_get_contents(path, &file, &len, NULL));
    g_assert_cmpuint(len, ==, 8192);
    g_assert_cmpmem(file + 512, 1000, back, 1000);
}

static void test_odd_size_reads_zeros_to_the_sector(void)
{
    uint8_t buf[512];

    make_file(1000);
    struct block_node *b = open_disk(NULL, false, false);
    g_assert_cmpuint(block_size(b), ==, 1024);
    memset(buf, 0xff, sizeof(buf));
    g_assert_cmpint(run(b, BLOCK_READ, 512, 512, buf), ==, 0);
    g_assert_cmphex(buf[487], ==, (uint8_t)(999 / 512 + 999 % 251));
    g_assert_cmphex(buf[488], ==, 0);
    g_assert_cmphex(buf[511], ==, 0);
    g_assert_cmpint(run(b, BLOCK_READ, 1024, 512, buf), ==, -EINVAL);
    g_assert_cmpint(run(b, BLOCK_READ, 512, 1024, buf), ==, -EINVAL);
    g_assert_cmpint(run(b, BLOCK_READ, UINT64_MAX - 100, 512, buf), ==, -EINVAL);
    g_assert_cmpint(run(b, BLOCK_WRITE, 512, UINT64_MAX, buf), ==, -EINVAL);
    block_close(b);
}

static void test_zeroes_and_discard(void)
{
    uint8_t buf[4096];

    make_file(65536);
    struct block_node *b = open_disk("raw", false, false);
    g_assert_cmpint(run(b, BLOCK_WRITE_ZEROES, 512, 20000, NULL), ==, 0);
    g_assert_cmpint(run(b, BLOCK_READ, 512, 4096, buf), ==, 0);
    for (size_t i = 0; i < sizeof(buf); i++)
        g_assert_cmphex(buf[i], ==, 0);
    g_assert_cmpint(run(b, BLOCK_READ, 20480, 512, buf), ==, 0);
    g_assert_cmphex(buf[100], ==, (uint8_t)(20580 / 512 + 20580 % 251));
    g_assert_cmpint(run(b, BLOCK_DISCARD, 32768, 32768, NULL), ==, 0);
    g_assert_cmpuint(block_size(b), ==, 65536);
    g_assert_cmpint(run(b, BLOCK_DISCARD, 65536, 512, NULL), ==, -EINVAL);
    block_close(b);
}

static void test_read_only_refuses_changes(void)
{
    uint8_t buf[512] = {0};

    make_file(4096);
    struct block_node *b = open_disk(NULL, true, false);
    g_assert_true(block_read_only(b));
    g_assert_cmpint(run(b, BLOCK_WRITE, 0, 512, buf), ==, -EROFS);
    g_assert_cmpint(run(b, BLOCK_DISCARD, 0, 512, NULL), ==, -EROFS);
    g_assert_cmpint(run(b, BLOCK_WRITE_ZEROES, 0, 512, NULL), ==, -EROFS);
    g_assert_cmpint(run(b, BLOCK_READ, 0, 512, buf), ==, 0);
    g_assert_cmpint(run(b, BLOCK_FLUSH, 0, 0, NULL), ==, 0);
    block_close(b);
}

/* Random operations against a model, on the file and on a snapshot of it, which must not touch the
 * file. */
static void check_against_model(bool snapshot)
{
    enum { SIZE = 40960 };
    g_autofree uint8_t *model = g_malloc0(SIZE), *buf = g_malloc(SIZE);
    g_autofree char *before = NULL, *after = NULL;
    gsize n1, n2;

    make_file(SIZE - 300);
    g_assert_true(g_file_get_contents(path, &before, &n1, NULL));
    memcpy(model, before, n1);
    struct block_node *b = open_disk(NULL, false, snapshot);
    for (int i = 0; i < 3000; i++) {
        unsigned unit = snapshot && i % 3 == 0 ? 1 : 512;
        unsigned off = g_test_rand_int_range(0, SIZE / unit),
                 n = g_test_rand_int_range(0, SIZE / unit - off + 1);
        off *= unit;
        n = MIN(n * unit, 6000);
        int what = g_test_rand_int_range(0, 4);
        if (what == 0) {
            memset(buf, i, n);
            memcpy(model + off, buf, n);
            struct iovec iov[2] = {{buf, n / 3}, {buf + n / 3, n - n / 3}};
            g_assert_cmpint(run_vec(b, BLOCK_WRITE, off, n, iov, 2), ==, 0);
        } else if (what == 1 && n) {
            memset(model + off, 0, n);
            g_assert_cmpint(run(b, BLOCK_WRITE_ZEROES, off, n, NULL), ==, 0);
        } else {
            struct iovec iov[2] = {{buf, n / 2}, {buf + n / 2, n - n / 2}};
            g_assert_cmpint(run_vec(b, BLOCK_READ, off, n, iov, 2), ==, 0);
            g_assert_cmpmem(buf, n, model + off, n);
        }
    }
    block_close(b);
    g_assert_true(g_file_get_contents(path, &after, &n2, NULL));
    if (snapshot)
        g_assert_cmpmem(before, n1, after, n2);
    else
        g_assert_cmpmem(model, n2, after, n2);
}

static void test_random_operations(void)
{
    check_against_model(false);
    check_against_model(true);
}

static void test_many_requests_in_flight(void)
{
    enum { N = 200 };
    g_autofree struct wait *w = g_new0(struct wait, N);
    g_autofree uint8_t *buf = g_malloc(N * 512);
    struct iovec iov[N];

    make_file(N * 512);
    struct block_node *b = open_disk(NULL, false, false);
    for (int i = 0; i < N; i++) {
        iov[i] = (struct iovec){buf + i * 512, 512};
        w[i].req = (struct block_req){.op = BLOCK_READ,
                                      .offset = i * 512,
                                      .bytes = 512,
                                      .iov = &iov[i],
                                      .niov = 1,
                                      .done = on_done,
                                      .opaque = &w[i]};
        mutex_init(&w[i].lock);
        cond_init(&w[i].done);
        block_submit(b, &w[i].req);
    }
    block_drain(b);
    for (int i = 0; i < N; i++) {
        g_assert_true(w[i].is_done && w[i].ret == 0);
        g_assert_cmphex(buf[i * 512], ==, (uint8_t)(i + i * 512 % 251));
    }
    block_close(b);
    block_close_all();
    b = open_disk(NULL, false, false); /* the workers start again */
    g_assert_cmpint(run(b, BLOCK_READ, 0, 512, buf), ==, 0);
    block_close_all();
}

static void test_locks_keep_writers_apart(void)
{
    make_file(4096);
    struct block_node *b = open_disk(NULL, false, false);
    g_autofree char *text = open_error(path, NULL, true);
    g_assert_nonnull(strstr(text, "could not lock"));
    block_close(b);
    b = open_disk(NULL, true, false);
    struct block_node *c = block_open("second", path, NULL, true, false, NULL);
    g_assert_nonnull(c);
    struct block_node *d = block_open("third", path, NULL, false, true, NULL);
    g_assert_nonnull(d);
    block_close_all();
}

static void test_lock_names_the_other_process(void)
{
    int to_parent[2], to_child[2];
    char c;

    make_file(4096);
    g_assert_cmpint(pipe(to_parent) | pipe(to_child), ==, 0);
    pid_t pid = fork();
    if (!pid) {
        struct block_node *b = open_disk(NULL, false, false);
        if (write(to_parent[1], "x", 1) != 1 || read(to_child[0], &c, 1) != 1)
            _exit(2);
        block_close(b);
        _exit(0);
    }
    g_assert_cmpint(read(to_parent[0], &c, 1), ==, 1);
    g_autofree char *text = open_error(path, NULL, false),
                    *want = g_strdup_printf("process %d has it open", (int)pid);
    g_assert_nonnull(strstr(text, want));
    g_assert_cmpint(write(to_child[1], "x", 1), ==, 1);
    waitpid(pid, NULL, 0);
}

static void expect_open_error(const char *name, const char *format, bool read_only,
                              const char *part)
{
    g_autofree char *text = open_error(name, format, read_only);

    g_test_message("%s", text);
    g_assert_nonnull(strstr(text, part));
}

static void test_what_cannot_be_opened_is_told(void)
{
    expect_open_error("/nonexistent/disk", NULL, false, "could not open '/nonexistent/disk'");
    expect_open_error(dir, NULL, true, "no regular file");
    expect_open_error("/dev/null", NULL, true, "no regular file");
    expect_open_error("http://localhost/x", NULL, true, "protocol 'http'");
    g_assert_true(g_file_set_contents(path, "QFI\xfb\0\0\0\3", 8, NULL));
    expect_open_error(path, NULL, false, "as qcow2");
    make_file(512);
    expect_open_error(path, "qcow2", false, "no qcow2 image");
    expect_open_error(path, "rwa", false, "'rwa'");
    g_assert_true(g_file_set_contents(path, "QFI\xfb\0\0\0\3", 8, NULL));
    block_close(open_disk("raw", false, false)); /* the user knows better */
    make_file(0);
    struct block_node *b = open_disk(NULL, false, true);
    g_assert_cmpuint(block_size(b), ==, 0);
    g_assert_null(block_open("disk", path, NULL, false, false, NULL)); /* the id is taken */
    block_close(b);
}

static void test_limits_slow_requests_down(void)
{
    struct block_limits l = {.avg = {[BLOCK_IOPS_TOTAL] = 100}},
                        bad = {.max = {[BLOCK_BPS_READ] = 5}}, back;
    struct error *err = NULL;
    const char *group;
    uint8_t buf[512];

    make_file(65536);
    struct block_node *b = open_disk("raw", false, false);
    g_assert_false(block_set_limits(b, &bad, NULL, &err));
    g_assert_nonnull(strstr(error_text(err), "bps-read"));
    g_clear_pointer(&err, error_free);
    g_assert_true(block_set_limits(b, &l, NULL, &err));
    g_assert_true(block_get_limits(b, &back, &group));
    g_assert_cmpuint(back.avg[BLOCK_IOPS_TOTAL], ==, 100);
    int64_t start = monotonic_ns();
    for (int i = 0; i < 40; i++) /* ten are free, the others come every 10 ms */
        g_assert_cmpint(run(b, i % 2 ? BLOCK_READ : BLOCK_WRITE, 0, 512, buf), ==, 0);
    g_assert_cmpint(monotonic_ns() - start, >, 200 * 1000000);
    block_close_all();
}

static unsigned stops;

static void count_stop(void *opaque UNUSED)
{
    stops++;
}

static void test_errors_follow_the_policy(void)
{
    enum { LIMIT = 4096 };
    uint8_t buf[8192] = {0};
    struct iovec iov = {buf, sizeof(buf)};
    struct wait w = {.req = {.op = BLOCK_WRITE,
                             .offset = 0,
                             .bytes = sizeof(buf),
                             .iov = &iov,
                             .niov = 1,
                             .done = on_done}};

    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    g_assert_cmpint(truncate(path, 65536), ==, 0);
    struct block_node *b = open_disk("raw", false, false);
    struct rlimit old, small = {LIMIT, LIMIT};
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small); /* the host fails writes from here on */
    g_assert_cmpint(run(b, BLOCK_WRITE, 8192, 8192, buf), ==, -EFBIG);
    block_set_on_error(b, BLOCK_ON_ERROR_REPORT, BLOCK_ON_ERROR_IGNORE);
    g_assert_cmpint(run(b, BLOCK_WRITE, 8192, 8192, buf), ==, 0);
    block_set_on_error(b, BLOCK_ON_ERROR_REPORT, BLOCK_ON_ERROR_STOP);
    block_set_stop_hook(count_stop, NULL);
    w.req.opaque = &w;
    w.req.offset = 8192;
    mutex_init(&w.lock);
    cond_init(&w.done);
    block_submit(b, &w.req);
    while (!stops)
        g_main_context_iteration(NULL, TRUE);
    block_drain(b);
    g_assert_false(w.is_done);
    setrlimit(RLIMIT_FSIZE, &old);
    block_retry_stalled();
    block_drain(b);
    g_assert_true(w.is_done && w.ret == 0);
    setrlimit(RLIMIT_FSIZE, &small);
    w.is_done = false;
    block_submit(b, &w.req);
    while (stops < 2)
        g_main_context_iteration(NULL, TRUE);
    block_close(b); /* what waits fails */
    g_assert_true(w.is_done && w.ret == -EIO);
    setrlimit(RLIMIT_FSIZE, &old);
    block_set_stop_hook(NULL, NULL);
    block_close_all();
}

struct user {
    struct device dev;
    struct block_node *drive;
    struct user_state {
        uint8_t x;
    } s;
};
static const struct state_field user_state[] = {STATE(user, x, 0), STATE_END};
static const struct prop user_props[] = {PROP(prop_drive, user, "drive", drive, NULL, "disk"),
                                         PROP_END};
DEVICE_CLASS(user) = {.desc = "drive user", .props = user_props, .state = user_state};

static void test_a_drive_serves_one_device(void)
{
    struct device *a = device_new(&user_type, NULL, "a"), *b = device_new(&user_type, NULL, "b");
    struct error *err = NULL;

    make_file(512);
    open_disk(NULL, false, false);
    g_assert_false(device_set(a, "drive", "dsik", &err));
    g_assert_nonnull(strstr(error_text(err), "did you mean 'disk'?"));
    g_clear_pointer(&err, error_free);
    g_assert_true(device_set(a, "drive", "disk", &err) && device_set(b, "drive", "disk", &err));
    g_assert_true(device_realize(a, &err));
    g_assert_false(device_realize(b, &err));
    g_assert_nonnull(strstr(error_text(err), "in use by 'a'"));
    g_clear_pointer(&err, error_free);
    device_free(b);
    b = device_new(&user_type, NULL, "b");
    g_assert_true(device_set(b, "drive", "disk", &err));
    device_free(a);
    g_assert_true(device_realize(b, &err));
    block_close_all();
    device_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("tinamou-block-XXXXXX", NULL);
    path = g_build_filename(dir, "disk.img", NULL);
    g_test_add_func("/block/lock-process", test_lock_names_the_other_process);
    g_test_add_func("/block/transfer", test_read_write_and_scatter);
    g_test_add_func("/block/odd-size", test_odd_size_reads_zeros_to_the_sector);
    g_test_add_func("/block/zeroes", test_zeroes_and_discard);
    g_test_add_func("/block/read-only", test_read_only_refuses_changes);
    g_test_add_func("/block/random", test_random_operations);
    g_test_add_func("/block/in-flight", test_many_requests_in_flight);
    g_test_add_func("/block/lock", test_locks_keep_writers_apart);
    g_test_add_func("/block/errors", test_what_cannot_be_opened_is_told);
    g_test_add_func("/block/limits", test_limits_slow_requests_down);
    g_test_add_func("/block/on-error", test_errors_follow_the_policy);
    g_test_add_func("/block/claim", test_a_drive_serves_one_device);
    int ret = g_test_run();
    unlink(path);
    rmdir(dir);
    g_free(path);
    g_free(dir);
    return ret;
}
