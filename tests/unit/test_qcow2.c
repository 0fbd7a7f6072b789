/* Images of format qcow2: random operations against a model, backing files, snapshots, sizes,
 * repair, refusals. */
#include "block/block.h"
#include "util/bits.h"
#include "util/optparse.h"
#include "util/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir, *path, *base_path;

static void create(const char *file, const char *options)
{
    struct error *err = NULL;
    struct opts *o = opts_parse(options, NULL);

    if (!block_create("qcow2", file, o, &err))
        g_error("%s: %s", options, error_text(err));
    opts_free(o);
}

static struct block_node *open_flags(const char *file, unsigned flags)
{
    struct error *err = NULL;
    struct block_node *b = block_open_path(NULL, file, "qcow2", flags, &err);

    if (err)
        g_error("%s", error_text(err));
    return b;
}

static struct block_node *open_image(void)
{
    return open_flags(path, BLOCK_UNMAP | BLOCK_NO_FLUSH); /* no power fails here */
}

/* The image has no damage and, if asked for, nothing that is counted and not used. */
static void check_whole(bool allow_leaks)
{
    struct error *err = NULL;
    struct block_check r;
    struct block_node *b = open_flags(path, BLOCK_READ_ONLY | BLOCK_FOR_CHECK);

    g_assert_true(block_check(b, 0, allow_leaks, &r, &err));
    g_assert_cmpuint(r.corruptions, ==, 0);
    g_assert_cmpuint(r.check_errors, ==, 0);
    if (!allow_leaks)
        g_assert_cmpuint(r.leaks, ==, 0);
    block_close(b);
}

static void compare(struct block_node *b, const uint8_t *model, size_t size)
{
    g_autofree uint8_t *buf = g_malloc(size);

    g_assert_cmpint(block_pread(b, buf, size, 0), ==, 0);
    for (size_t i = 0; i < size; i++)
        if (buf[i] != model[i])
            g_error("byte %#zx is %#x, not %#x", i, buf[i], model[i]);
}

static void random_op(struct block_node *b, uint8_t *model, size_t size, unsigned unit)
{
    size_t off = (size_t)g_test_rand_int_range(0, (int)(size / unit)) * unit;
    size_t n = (size_t)g_test_rand_int_range(1, g_test_rand_int_range(0, 4) ? 40 : 600) * unit;

    n = MIN(n, size - off);
    g_autofree uint8_t *buf = g_malloc(n);
    int what = g_test_rand_int_range(0, 10);

    if (what < 5) {
        memset(buf, g_test_rand_int_range(0, 256), n);
        memcpy(model + off, buf, n);
        g_assert_cmpint(block_pwrite(b, buf, n, off), ==, 0);
    } else if (what == 5) {
        memset(model + off, 0, n);
        g_assert_cmpint(block_pwrite_zeroes(b, off, n, g_test_rand_bit()), ==, 0);
    } else if (what == 6) { /* what is discarded may read as anything: settle it with zeros */
        g_assert_cmpint(block_pdiscard(b, off, n), ==, 0);
        g_assert_cmpint(block_pwrite_zeroes(b, off, n, true), ==, 0);
        memset(model + off, 0, n);
    } else if (what == 7 && g_test_rand_bit()) {
        g_assert_cmpint(block_flush(b), ==, 0);
    } else {
        g_assert_cmpint(block_pread(b, buf, n, off), ==, 0);
        g_assert_cmpmem(buf, n, model + off, n);
    }
}

static void random_compressed(struct block_node *b, uint8_t *model, size_t size, size_t cluster)
{
    size_t off = (size_t)g_test_rand_int_range(0, (int)(size / cluster)) * cluster;

    for (size_t i = 0; i < cluster; i++)
        model[off + i] = (uint8_t)(i / 7);
    int ret = block_pwrite_compressed(b, model + off, cluster, off);
    g_assert_true(ret == 0 || ret == -ENOTSUP);
    if (ret)
        g_assert_cmpint(block_pwrite(b, model + off, cluster, off), ==, 0);
}

/* Many operations, reopening now and then, checking at the end. */
static void run_model(const char *options, size_t cluster, bool has_backing)
{
    enum { SIZE = 3 << 20 };
    g_autofree uint8_t *model = g_malloc0(SIZE);

    g_test_message("%s", options);
    if (has_backing) {
        for (size_t i = 0; i < SIZE - 70000; i++)
            model[i] = (uint8_t)(i / 512 * 7 + i);
        g_assert_true(g_file_set_contents(base_path, (char *)model, SIZE - 70000, NULL));
        memset(model + SIZE - 70000, 0, 70000);
    }
    create(path, options);
    struct block_node *b = open_image();
    for (int i = 0; i < 600; i++) {
        if (i % 40 == 39)
            random_compressed(b, model, SIZE, cluster);
        random_op(b, model, SIZE, i % 3 ? 512 : 4096);
        if (i % 150 == 149) {
            compare(b, model, SIZE);
            block_close(b);
            check_whole(false);
            b = open_image();
        }
    }
    compare(b, model, SIZE);
    block_close(b);
    check_whole(false);
    unlink(path);
}

static void test_every_kind_of_image_keeps_its_data(void)
{
    static const struct {
        const char *options;
        size_t cluster;
    } kinds[] = {
        {"size=3M", 65536},
        {"size=3M,cluster_size=512", 512},
        {"size=3M,cluster_size=2M", 2 << 20},
        {"size=3M,compat=v2", 65536},
        {"size=3M,refcount_bits=1,cluster_size=4k", 4096},
        {"size=3M,refcount_bits=64,cluster_size=1k", 1024},
        {"size=3M,refcount_bits=2,compression_type=zstd", 65536},
        {"size=3M,extended_l2=on", 65536},
        {"size=3M,extended_l2=on,cluster_size=16k,lazy_refcounts=on", 16384},
        {"size=3M,preallocation=metadata", 65536},
        {"size=3M,preallocation=full,cluster_size=8k", 8192},
        {"size=3M,preallocation=falloc,extended_l2=on", 65536},
        {"size=3M,data_file=data.raw", 65536},
        {"size=3M,data_file=data.raw,data_file_raw=on", 65536},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        run_model(kinds[i].options, kinds[i].cluster, false);
}

static void test_a_backing_file_shows_through_and_is_left_alone(void)
{
    static const char *const kinds[] = {"compat=v3",
                                        "cluster_size=4k",
                                        "compat=v2",
                                        "extended_l2=on",
                                        "extended_l2=on,cluster_size=16k",
                                        "cluster_size=2M"};
    static const size_t clusters[] = {65536, 4096, 65536, 65536, 16384, 2 << 20};

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *options =
            g_strdup_printf("size=3M,backing_file=base.img,backing_fmt=raw,%s", kinds[i]);
        run_model(options, clusters[i], true);
    }
}

static struct block_snapshot named(const char *name)
{
    struct block_snapshot s = {
        .date_sec = 1700000000, .date_nsec = 5, .vm_clock_ns = 123456789, .icount = UINT64_MAX};

    g_strlcpy(s.name, name, sizeof(s.name));
    return s;
}

static void must_snapshot(struct block_node *b, const char *name, uint64_t vm_state)
{
    struct block_snapshot s = named(name);
    struct error *err = NULL;

    s.vm_state_size = vm_state;
    if (!block_snapshot_create(b, &s, &err))
        g_error("%s", error_text(err));
}

static void run_snapshots(const char *options)
{
    enum { SIZE = 2 << 20, STATE = 300000, N = 4 };
    g_autofree uint8_t *model = g_malloc0(SIZE), *state = g_malloc(STATE), *back = g_malloc(STATE);
    uint8_t *kept[N];
    struct error *err = NULL;

    g_test_message("%s", options);
    create(path, options);
    struct block_node *b = open_image();
    g_assert_true(block_can_snapshot(b));
    for (int k = 0; k < N; k++) {
        g_autofree char *name = g_strdup_printf("snap%d", k);
        for (int i = 0; i < 60; i++)
            random_op(b, model, SIZE, 512);
        memset(state, 'a' + k, STATE);
        g_assert_cmpint(block_vmstate_begin(b), ==, 0);
        g_assert_cmpint(block_vmstate_write(b, state, 100000, 0), ==, 0);
        g_assert_cmpint(block_vmstate_write(b, state + 100000, STATE - 100000, 100000), ==, 0);
        must_snapshot(b, name, STATE);
        kept[k] = g_memdup2(model, SIZE);
        compare(b, model, SIZE);
    }
    for (int i = 0; i < 60; i++)
        random_op(b, model, SIZE, 512);
    compare(b, model, SIZE);
    block_close(b);
    check_whole(false);
    b = open_image();
    static const int order[] = {2, 0, 3, 1};
    for (int i = 0; i < N; i++) {
        g_autofree char *name = g_strdup_printf("snap%d", order[i]);
        g_assert_true(block_snapshot_goto(b, name, &err));
        compare(b, kept[order[i]], SIZE);
        g_assert_cmpint(block_vmstate_read(b, back, STATE, 0), ==, 0);
        memset(state, 'a' + order[i], STATE);
        g_assert_cmpmem(back, STATE, state, STATE);
        memcpy(model, kept[order[i]], SIZE);
        for (int j = 0; j < 30; j++)
            random_op(b, model, SIZE, 512);
        compare(b, model, SIZE);
    }
    GArray *list = block_snapshot_list(b);
    g_assert_cmpuint(list->len, ==, N);
    const struct block_snapshot *s = &g_array_index(list, struct block_snapshot, 1);
    g_assert_cmpstr(s->name, ==, "snap1");
    g_assert_cmpstr(s->id, ==, "2");
    g_assert_cmpuint(s->vm_state_size, ==, STATE);
    g_assert_cmpuint(s->vm_clock_ns, ==, 123456789);
    g_assert_cmpuint(s->disk_size, ==, SIZE);
    g_array_unref(list);
    g_assert_true(block_snapshot_delete(b, "3", &err));
    g_assert_true(block_snapshot_delete(b, "snap0", &err));
    g_assert_false(block_snapshot_delete(b, "snap0", &err));
    g_assert_nonnull(strstr(error_text(err), "no snapshot 'snap0'"));
    g_clear_pointer(&err, error_free);
    compare(b, model, SIZE);
    block_close(b);
    check_whole(false);
    b = open_image();
    g_assert_true(block_snapshot_goto(b, "snap1", &err));
    compare(b, kept[1], SIZE);
    g_assert_true(block_snapshot_delete(b, "snap1", &err) &&
                  block_snapshot_delete(b, "snap3", &err));
    compare(b, kept[1], SIZE);
    block_close(b);
    check_whole(false);
    for (int k = 0; k < N; k++)
        g_free(kept[k]);
    unlink(path);
}

static void test_snapshots_come_back_as_they_were(void)
{
    run_snapshots("size=2M");
    run_snapshots("size=2M,cluster_size=1k,refcount_bits=8");
    run_snapshots("size=2M,compat=v2,cluster_size=4k");
    run_snapshots("size=2M,extended_l2=on,cluster_size=16k");
}

static void test_resize_keeps_data_and_shows_zeros(void)
{
    enum { SIZE = 1 << 20, LARGE = 40 << 20 };
    g_autofree uint8_t *model = g_malloc0(LARGE);
    struct error *err = NULL;

    memset(model, 0x5a, SIZE);
    g_assert_true(g_file_set_contents(base_path, (char *)model, SIZE, NULL));
    create(path, "size=512k,cluster_size=512,backing_file=base.img,backing_fmt=raw");
    struct block_node *b = open_image();
    memset(model + SIZE / 2, 0, SIZE / 2);
    g_assert_true(block_resize(b, LARGE, "off", &err));
    g_assert_cmpuint(block_size(b), ==, LARGE);
    compare(b, model, LARGE); /* the backing file's second half does not come to light */
    memset(model + LARGE - 5000, 7, 5000);
    g_assert_cmpint(block_pwrite(b, model + LARGE - 5000, 5000, LARGE - 5000), ==, 0);
    g_assert_true(block_resize(b, 256 << 10, "off", &err));
    g_assert_true(block_resize(b, LARGE, "off", &err));
    memset(model + (256 << 10), 0, LARGE - (256 << 10));
    compare(b, model, LARGE);
    g_assert_false(block_resize(b, LARGE + 1, "off", &err));
    g_clear_pointer(&err, error_free);
    g_assert_false(block_resize(b, 1ULL << 62, "off", &err));
    g_clear_pointer(&err, error_free);
    block_close(b);
    check_whole(false);
}

/* A file whose first bytes are changed at `off`. */
static void poke(uint64_t off, uint64_t value, unsigned bytes)
{
    uint8_t buf[8];
    int fd = open(path, O_RDWR);

    st_be64(buf, value << (64 - 8 * bytes));
    g_assert_cmpint(pwrite(fd, buf, bytes, (off_t)off), ==, bytes);
    close(fd);
}

static void expect_refusal(unsigned flags, const char *part)
{
    struct error *err = NULL;

    g_assert_null(block_open_path(NULL, path, NULL, flags, &err));
    g_test_message("%s", error_text(err));
    g_assert_nonnull(strstr(error_text(err), part));
    error_free(err);
}

static void test_what_cannot_be_used_is_told(void)
{
    static const struct {
        uint64_t off, value;
        unsigned bytes;
        const char *part;
    } rows[] = {
        {4, 9, 4, "version"},
        {20, 5, 4, "cluster size"},
        {20, 40, 4, "cluster size"},
        {32, 2, 4, "LUKS"},
        {32, 1, 4, "encrypted"},
        {36, 0, 4, "L1 table is too small"},
        {36, 0x40000000, 4, "too large"},
        {40, 0x123, 8, "impossible place"},
        {48, 0x33, 8, "impossible place"},
        {56, 0x7fffffff, 4, "too large"},
        {96, 7, 4, "64 bits"},
        {100, 90, 4, "length of its header"},
        {72, BIT64(40), 8, "features that are not supported: bit 40"},
        {72, 2, 8, "marked as damaged"},
        {60, 5, 4, "snapshot table"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        create(path, "size=1M");
        poke(rows[i].off, rows[i].value, rows[i].bytes);
        expect_refusal(0, rows[i].part);
    }
    create(path, "size=1M,backing_file=/nonexistent/base,backing_fmt=raw");
    expect_refusal(0, "backing file of");
    create(path, "size=1M,backing_file=disk.qcow2,backing_fmt=qcow2");
    expect_refusal(0, "could not lock");
    expect_refusal(BLOCK_READ_ONLY, "longer than");
}

/* The size that the disk had is as good as the header's: its L1 table would be as large. */
static void test_a_snapshot_larger_than_any_disk_is_refused(void)
{
    uint8_t be[8];

    create(path, "size=1M,cluster_size=512");
    struct block_node *b = open_image();
    must_snapshot(b, "one", 0);
    block_close(b);
    int fd = open(path, O_RDONLY);
    g_assert_cmpint(pread(fd, be, 8, 64), ==, 8);
    close(fd);
    poke(ld_be64(be) + 48, BIT64(46), 8);
    expect_refusal(0, "snapshot table");
}

static void test_a_dirty_image_is_repaired_when_it_is_opened(void)
{
    char buf[65536] = "data";

    create(path, "size=1M,lazy_refcounts=on");
    struct block_node *b = open_image();
    g_assert_cmpint(block_pwrite(b, buf, sizeof(buf), 65536), ==, 0);
    block_close(b);
    poke(72, 1, 8);
    uint8_t zeros[2] = {0};
    int fd = open(path, O_RDWR);
    g_assert_cmpint(pwrite(fd, zeros, 2, 2 * 65536 + 2 * 4), ==, 2); /* the count of some cluster */
    close(fd);
    b = open_image();
    g_assert_cmpint(block_pread(b, buf, 4, 65536), ==, 0);
    g_assert_cmpstr(buf, ==, "data");
    block_close(b);
    check_whole(false);
}

static void test_repair_mends_counts_and_structure(void)
{
    struct error *err = NULL;
    struct block_check r;
    char buf[65536] = "data";

    for (int kind = 0; kind < 4; kind++) {
        create(path, "size=1M");
        struct block_node *b = open_image();
        g_assert_cmpint(block_pwrite(b, buf, sizeof(buf), 65536), ==, 0);
        block_close(b);
        switch (kind) {
        case 0: poke(2 * 65536 + 2 * 5, 2, 2); break;              /* a leak */
        case 1: poke(2 * 65536 + 2 * 4, 0, 2); break;              /* in use, but counted as free */
        case 2: poke(65536, 0x1234567, 8); break;                  /* no refcount block */
        case 3: poke(4 * 65536 + 8, 0x8000777777770000, 8); break; /* data beyond the file */
        }
        b = open_flags(path, BLOCK_FOR_CHECK);
        g_assert_true(block_check(b, BLOCK_FIX_LEAKS | BLOCK_FIX_ERRORS, true, &r, &err));
        g_assert_cmpuint(r.corruptions + r.leaks, >, 0);
        g_assert_cmpuint(r.corruptions, ==, r.corruptions_fixed);
        block_close(b);
        check_whole(false);
        b = open_image();
        g_assert_cmpint(block_pread(b, buf, 4, 65536), ==, 0);
        if (kind != 3)
            g_assert_cmpstr(buf, ==, "data");
        block_close(b);
    }
}

/* --- many requests at once --- */
struct job {
    struct block_req req;
    struct iovec iov;
    uint8_t *buf;
    _Atomic unsigned *left;
};

static void on_done(struct block_req *req, int ret)
{
    struct job *j = req->opaque;

    g_assert_cmpint(ret, ==, 0);
    (*j->left)--;
}

/* Each 512-byte sector is written by one request, clusters by several at once. */
static void test_requests_in_parallel_do_not_mix(void)
{
    enum { N = 1024, UNIT = 1536 };
    g_autofree struct job *jobs = g_new0(struct job, N);
    g_autofree uint8_t *model = g_malloc0(N * UNIT);
    _Atomic unsigned left = N;

    create(path, "size=2M,cluster_size=16k,extended_l2=on");
    struct block_node *b = open_image();
    for (unsigned i = 0; i < N; i++) {
        struct job *j = &jobs[i * 7 % N];
        unsigned at = i * 7 % N;
        memset(model + at * UNIT, (int)(at % 255 + 1), UNIT);
        j->left = &left;
        j->iov = (struct iovec){model + at * UNIT, UNIT};
        j->req = (struct block_req){.op = i % 50 == 49 ? BLOCK_FLUSH : BLOCK_WRITE,
                                    .offset = at * UNIT,
                                    .bytes = UNIT,
                                    .iov = &j->iov,
                                    .niov = 1,
                                    .done = on_done,
                                    .opaque = j};
        if (j->req.op == BLOCK_FLUSH)
            memset(model + at * UNIT, 0, UNIT);
        block_submit(b, &j->req);
    }
    block_drain(b);
    g_assert_cmpuint(left, ==, 0);
    compare(b, model, N * UNIT);
    block_close(b);
    check_whole(false);
    b = open_image();
    compare(b, model, N * UNIT);
    block_close(b);
}

/* --- cut off at any moment --- */
enum { CUT_SECTORS = 4096, CUT_UNIT = 4096 };

/* What the writer shares with its judge: by sector, the generation of the last write that began,
 * and of the last that was flushed. */
struct cut_log {
    uint32_t begun[CUT_SECTORS], flushed[CUT_SECTORS];
};

/* Writes until it is killed: each sector's bytes tell its generation. */
static void write_for_ever(struct cut_log *log, unsigned seed, unsigned flags)
{
    g_autofree uint32_t *buf = g_malloc(CUT_UNIT);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    struct block_node *b = open_flags(path, flags);

    for (uint32_t n = 1;; n++) {
        unsigned at = (unsigned)g_rand_int_range(rand, 0, CUT_SECTORS);
        uint32_t gen = log->begun[at] + 1;
        for (unsigned i = 0; i < CUT_UNIT / 4; i++)
            buf[i] = gen;
        log->begun[at] = gen;
        if (block_pwrite(b, buf, CUT_UNIT, (uint64_t)at * CUT_UNIT))
            _exit(2);
        if (n % 64 == 0 && block_pdiscard(b, 0, 65536))
            _exit(2);
        if (n % 64 == 0)
            for (unsigned i = 0; i < 65536 / CUT_UNIT; i++)
                log->begun[i] = log->flushed[i] = UINT32_MAX / 2; /* anything goes from here on */
        if (n % 32)
            continue;
        if (block_flush(b))
            _exit(3);
        memcpy(log->flushed, log->begun, sizeof(log->flushed));
    }
}

/* The next writer goes on from what is there. */
static void judge(struct cut_log *log)
{
    g_autofree uint32_t *buf = g_malloc(CUT_UNIT);

    check_whole(true);
    struct block_node *b = open_flags(path, BLOCK_READ_ONLY);
    for (unsigned at = 65536 / CUT_UNIT; at < CUT_SECTORS; at++) {
        g_assert_cmpint(block_pread(b, buf, CUT_UNIT, (uint64_t)at * CUT_UNIT), ==, 0);
        if (buf[0] < log->flushed[at] || buf[0] > log->begun[at])
            g_error("sector %u has generation %u, not %u to %u", at, buf[0], log->flushed[at],
                    log->begun[at]);
        log->flushed[at] = log->begun[at] = buf[0];
    }
    block_close(b);
}

static void judge_by_other_tool(const char *tool)
{
    g_autofree char *command =
        tool ? g_strdup_printf("%s check -q %s >/dev/null 2>&1", tool, path) : NULL;
    int status = tool ? system(command) : 0;

    if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != 3) /* 3: leaks */
        g_error("%s: exit status %d", command, WEXITSTATUS(status));
}

static void kill_one(struct cut_log *log, unsigned seed, unsigned flags)
{
    pid_t pid = fork();

    if (!pid)
        write_for_ever(log, seed, flags);
    g_usleep(2000 + seed * 7919 % 25000);
    g_assert_cmpint(kill(pid, SIGKILL), ==, 0);
    int status;
    waitpid(pid, &status, 0);
    g_assert_true(WIFSIGNALED(status));
}

static void test_a_killed_writer_leaves_a_whole_image(void)
{
    static const char *const kinds[] = {"size=16M", "size=16M,cluster_size=4k,refcount_bits=8",
                                        "size=16M,extended_l2=on,cluster_size=32k",
                                        "size=16M,compat=v2,cluster_size=512"};
    struct cut_log *log =
        mmap(NULL, sizeof(*log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    g_autofree char *tool = g_find_program_in_path("qemu-img");

    block_close_all(); /* no threads when the writer forks off */
    for (unsigned i = 0; i < 40; i++) {
        if (i % 10 == 0) {
            create(path, kinds[i / 10]);
            memset(log, 0, sizeof(*log));
        }
        kill_one(log, i, i % 2 ? BLOCK_UNMAP | BLOCK_NO_FLUSH : BLOCK_UNMAP);
        judge(log);
        if (i % 5 == 4)
            judge_by_other_tool(tool);
    }
    munmap(log, sizeof(*log));
}

/* --- memory that is mapped from a saved state --- */
static unsigned lets;

static void let_go_of(struct block_mapping *m)
{
    lets++;
    block_vmstate_unmap(m);
}

static void fill_pattern(uint8_t *p, size_t n, unsigned salt)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)((i >> 12) * 7 + i + salt);
}

static uint8_t *map_state(struct block_node *b, struct block_mapping *m, size_t n, uint64_t pos)
{
    uint8_t *at = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    *m = (struct block_mapping){.let_go = let_go_of};
    g_assert_true(at != MAP_FAILED);
    g_assert_cmpint(block_vmstate_map(b, m, at, n, pos), ==, 0);
    return at;
}

/* All that could write over a freed cluster: the next state, and much of the guest's. */
static void use_all_space(struct block_node *b, uint8_t *buf, size_t n)
{
    memset(buf, 0xd1, n);
    g_assert_cmpint(block_flush(b), ==, 0);
    g_assert_cmpint(block_flush(b), ==, 0);
    g_assert_cmpint(block_vmstate_begin(b), ==, 0);
    g_assert_cmpint(block_vmstate_write(b, buf, n, 0), ==, 0);
    for (uint64_t off = 0; off < 16 << 20; off += n)
        g_assert_cmpint(block_pwrite(b, buf, n, off), ==, 0);
    g_assert_cmpint(block_flush(b), ==, 0);
    g_assert_cmpint(block_flush(b), ==, 0);
}

static void run_mapping(const char *options, bool is_mapped, bool close_first)
{
    enum { N = 4 << 20, HOLE = 1 << 20, POS = 3 << 16 };
    g_autofree uint8_t *state = g_malloc(N), *other = g_malloc(N);
    struct error *err = NULL;
    struct block_mapping m, second;

    g_test_message("%s", options);
    create(path, options);
    struct block_node *b = open_image();
    fill_pattern(state, N, 5);
    memset(state + HOLE, 0, HOLE);
    g_assert_cmpint(block_vmstate_begin(b), ==, 0);
    g_assert_cmpint(block_vmstate_write(b, state, HOLE, POS), ==, 0);
    g_assert_cmpint(block_vmstate_write(b, state + 2 * HOLE, N - 2 * HOLE, POS + 2 * HOLE), ==, 0);
    must_snapshot(b, "one", POS + N);
    g_assert_true(block_snapshot_goto(b, "one", &err));
    uint8_t *at = map_state(b, &m, N, POS), *again = map_state(b, &second, N, POS);
    g_assert_cmpint(m.pieces->len != 0, ==, is_mapped);
    g_assert_cmpmem(at, N, state, N);
    g_assert_true(block_snapshot_delete(b, "one", &err));
    use_all_space(b, other, N);
    g_assert_cmpmem(at, N, state, N);
    block_vmstate_unmap(&second);
    munmap(again, N);
    use_all_space(b, other, N);
    g_assert_cmpmem(at, N, state, N);
    lets = 0;
    if (!close_first)
        block_vmstate_unmap(&m);
    block_close(b);
    block_vmstate_unmap(&m); /* does nothing more */
    g_assert_cmpuint(lets, ==, close_first);
    munmap(at, N);
    check_whole(false); /* what was kept back is free */
    unlink(path);
}

static void test_mapped_state_stays_as_it_is(void)
{
    run_mapping("size=16M", true, false);
    run_mapping("size=16M", true, true);
    run_mapping("size=16M,cluster_size=2M", true, false);
    run_mapping("size=16M,cluster_size=4k,compat=v2", true, false);
    run_mapping("size=16M,extended_l2=on", true, false);
    run_mapping("size=16M,cluster_size=512", false, false); /* nothing is aligned: it is read */
}

/* A backing file that is larger than the disk shows nothing of itself in the machine's state. */
static void test_state_has_zeros_where_nothing_was_written(void)
{
    enum { N = 64 << 10 };
    g_autofree uint8_t *buf = g_malloc(N), *zeros = g_malloc0(N);
    uint64_t end = UINT64_C(1) << 30;

    create(base_path, "size=1G");
    struct block_node *b = open_flags(base_path, 0);
    memset(buf, 'b', N);
    for (uint64_t off = 0; off < end; off += 512 << 10)
        g_assert_cmpint(block_pwrite(b, buf, N, off), ==, 0);
    block_close(b);
    g_autofree char *options =
        g_strdup_printf("size=1M,backing_file=%s,backing_fmt=qcow2", base_path);
    create(path, options);
    b = open_image();
    g_assert_cmpint(block_vmstate_begin(b), ==, 0);
    g_assert_cmpint(block_vmstate_write(b, buf, 100, 5000), ==, 0);
    g_assert_cmpint(block_vmstate_read(b, buf, N, 0), ==, 0);
    g_assert_cmpmem(buf, 5000, zeros, 5000);
    g_assert_cmpint(buf[5000], ==, 'b');
    g_assert_cmpmem(buf + 5100, N - 5100, zeros, N - 5100);
    g_assert_cmpint(block_vmstate_read(b, buf, N, 10 * N), ==, 0);
    g_assert_cmpmem(buf, N, zeros, N);
    block_close(b);
    check_whole(false);
    unlink(path);
    unlink(base_path);
}

/* --- the end of an image --- */
static void close_where_nothing_can_be_written(void)
{
    const struct rlimit small = {512, 512};
    uint8_t buf[512] = {1};

    create(path, "size=1M");
    struct block_node *b = open_image();
    g_assert_cmpint(block_pwrite(b, buf, sizeof(buf), 0), ==, 0);
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    block_close(b);
}

static void test_a_failed_last_flush_is_told(void)
{
    if (g_test_subprocess()) {
        close_where_nothing_can_be_written();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*warning: closing '*disk.qcow2': what was written last may not have "
                              "reached it: File too large*");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("tinamou-qcow2-XXXXXX", NULL);
    path = g_build_filename(dir, "disk.qcow2", NULL);
    base_path = g_build_filename(dir, "base.img", NULL);
    g_test_add_func("/qcow2/killed", test_a_killed_writer_leaves_a_whole_image);
    g_test_add_func("/qcow2/kinds", test_every_kind_of_image_keeps_its_data);
    g_test_add_func("/qcow2/backing", test_a_backing_file_shows_through_and_is_left_alone);
    g_test_add_func("/qcow2/snapshot-size", test_a_snapshot_larger_than_any_disk_is_refused);
    g_test_add_func("/qcow2/snapshots", test_snapshots_come_back_as_they_were);
    g_test_add_func("/qcow2/resize", test_resize_keeps_data_and_shows_zeros);
    g_test_add_func("/qcow2/refusals", test_what_cannot_be_used_is_told);
    g_test_add_func("/qcow2/dirty", test_a_dirty_image_is_repaired_when_it_is_opened);
    g_test_add_func("/qcow2/repair", test_repair_mends_counts_and_structure);
    g_test_add_func("/qcow2/parallel", test_requests_in_parallel_do_not_mix);
    g_test_add_func("/qcow2/last-flush", test_a_failed_last_flush_is_told);
    g_test_add_func("/qcow2/mapped-state", test_mapped_state_stays_as_it_is);
    g_test_add_func("/qcow2/state-zeros", test_state_has_zeros_where_nothing_was_written);
    int ret = g_test_run();
    block_close_all();
    g_autofree char *data = g_build_filename(dir, "data.raw", NULL);
    unlink(path);
    unlink(base_path);
    unlink(data);
    rmdir(dir);
    g_free(path);
    g_free(base_path);
    g_free(dir);
    return ret;
}
