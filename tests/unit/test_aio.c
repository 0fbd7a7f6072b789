/* The engines that run a disk's requests, aio=threads and aio=io_uring: the same results from both,
 * and what happens where the kernel refuses.  With -m perf: how fast they are. */
#include "block/block.h"
#include "util/bits.h"
#include "util/optparse.h"
#include "util/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { REGION = 16384, REGIONS = 48, PIECES = 3 };

static char *dir, *path;
static bool runs_dry;      /* no engine io_uring on this host */
static bool writes_direct; /* the host has O_DIRECT: so that writes go to the ring */
static bool discards; /* what is discarded reads as zeros: not of parts of an image's clusters */

/* A way to open the disk. */
struct way {
    const char *name, *options;
    unsigned flags;
    const char *kind; /* options of a qcow2 image; NULL: raw */
};
static const struct way ways[] = {
    {"threads", "file.aio=threads", 0, NULL},
    {"io_uring", "file.aio=io_uring", 0, NULL},
    {"native", "file.aio=native", 0, NULL},
    {"direct", "file.aio=io_uring", BLOCK_DIRECT, NULL},
    {"through", "file.aio=io_uring", BLOCK_WRITETHROUGH, NULL},
    {"qcow2", "file.aio=io_uring", BLOCK_NO_FLUSH, ""},
    {"qcow2-small", "file.aio=io_uring", BLOCK_NO_FLUSH, "cluster_size=512"},
    {"qcow2-subclusters", "file.aio=io_uring", BLOCK_NO_FLUSH, "extended_l2=on"},
    {"qcow2-direct", "file.aio=io_uring", BLOCK_DIRECT | BLOCK_NO_FLUSH, ""},
    {"qcow2-threads", "file.aio=threads", BLOCK_NO_FLUSH, ""},
};

/* A request, its buffers and its completion. */
struct job {
    struct block_req req;
    struct iovec iov[PIECES];
    uint8_t *buf;
    int ret;
    bool is_done;
};

static void on_done(struct block_req *req, int ret)
{
    struct job *j = req->opaque;

    j->ret = ret;
    __atomic_store_n(&j->is_done, true, __ATOMIC_RELEASE);
}

static struct block_node *open_way(const struct way *way, unsigned more)
{
    struct opts *o = opts_parse(way->options, NULL);
    struct error *err = NULL;
    struct block_node *b = block_open_drive("disk", path, way->kind ? "qcow2" : "raw", o,
                                            way->flags | more | BLOCK_UNMAP, &err);

    if (err)
        g_test_message("%s", error_text(err));
    error_free(err);
    opts_free(o);
    return b;
}

static struct block_node *open_as(const char *options, unsigned flags)
{
    const struct way way = {NULL, options, flags, NULL};

    return open_way(&way, 0);
}

/* An image with the bytes of the file at path takes its place. */
static void make_image(const char *kind)
{
    g_autofree char *raw = NULL;
    struct error *err = NULL;
    gsize n;

    g_assert_true(g_file_get_contents(path, &raw, &n, NULL));
    g_autofree char *text = g_strdup_printf("size=%zu,%s", n, kind);
    struct opts *o = opts_parse(text, NULL);
    if (!block_create("qcow2", path, o, &err))
        g_error("%s", error_text(err));
    opts_free(o);
    struct block_node *b = block_open_path(NULL, path, "qcow2", BLOCK_NO_FLUSH, &err);
    g_assert_cmpint(block_pwrite(b, raw, n, 0), ==, 0);
    block_close(b);
}

static void make_file(size_t size)
{
    g_autofree uint8_t *data = g_malloc(size + 1);

    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i / 512 + i % 251);
    g_assert_true(g_file_set_contents(path, (char *)data, (gssize)size, NULL));
}

static void start(struct block_node *b, struct job *j, enum block_op op, uint64_t off, uint64_t n)
{
    j->req.op = op;
    j->req.offset = off;
    j->req.bytes = n;
    j->req.done = on_done;
    j->req.opaque = j;
    j->is_done = false;
    block_submit(b, &j->req);
}

static int run(struct block_node *b, enum block_op op, uint64_t off, uint64_t n, void *buf)
{
    struct job j = {.iov = {{buf, n}}};

    j.req.iov = j.iov;
    j.req.niov = buf ? 1 : 0;
    start(b, &j, op, off, n);
    block_drain(b);
    g_assert_true(j.is_done);
    return j.ret;
}

/* --- against a model --- */
static void cut(struct job *j, uint8_t *buf, uint64_t n)
{
    uint64_t a = (uint64_t)g_test_rand_int_range(0, (int)n + 1) & ~(uint64_t)511;

    j->req.iov = j->iov;
    j->req.niov = g_test_rand_bit() ? 1 : PIECES;
    if (j->req.niov == 1) {
        j->iov[0] = (struct iovec){buf, n};
        return;
    }
    j->iov[0] = (struct iovec){buf, a};
    j->iov[1] = (struct iovec){NULL, 0};
    j->iov[2] = (struct iovec){buf + a, n - a};
}

/* One request in region i; the model is told what it does. */
static void start_random(struct block_node *b, struct job *j, int i, uint8_t *model)
{
    static const enum block_op ops[] = {BLOCK_READ,  BLOCK_READ,    BLOCK_WRITE,       BLOCK_WRITE,
                                        BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES};
    enum block_op op = ops[g_test_rand_int_range(0, G_N_ELEMENTS(ops))];
    uint64_t off = (uint64_t)g_test_rand_int_range(0, REGION / 512) * 512,
             n = (uint64_t)g_test_rand_int_range(1, (int)(REGION - off) / 512 + 1) * 512,
             at = (uint64_t)i * REGION + off;

    if (op == BLOCK_DISCARD && !discards)
        op = BLOCK_WRITE_ZEROES;
    cut(j, j->buf, n);
    memset(j->buf, g_test_rand_int_range(0, 256), n);
    if (op == BLOCK_WRITE)
        memcpy(model + at, j->buf, n);
    else if (op == BLOCK_DISCARD || op == BLOCK_WRITE_ZEROES)
        memset(model + at, 0, n);
    if (op > BLOCK_WRITE)
        j->req.niov = 0;
    start(b, j, op, op == BLOCK_FLUSH ? 0 : at, op == BLOCK_FLUSH ? 0 : n);
}

static void check_round(const struct job *jobs, const uint8_t *model)
{
    for (int i = 0; i < REGIONS; i++) {
        const struct block_req *r = &jobs[i].req;
        g_assert_true(jobs[i].is_done);
        g_assert_cmpint(jobs[i].ret, ==, 0);
        if (r->op == BLOCK_READ)
            g_assert_cmpmem(jobs[i].buf, r->bytes, model + r->offset, r->bytes);
    }
}

static void test_results_are_those_of_a_model(gconstpointer data)
{
    const struct way *way = data;
    g_autofree struct job *jobs = g_new0(struct job, REGIONS);
    g_autofree char *file = NULL;
    g_autofree uint8_t *model = NULL;
    gsize len;

    make_file((size_t)REGIONS * REGION);
    g_assert_true(g_file_get_contents(path, (char **)&model, &len, NULL));
    if (way->kind)
        make_image(way->kind);
    discards = !way->kind;
    struct block_node *b = open_way(way, 0);
    if (!b) {
        g_assert_true(way->flags & BLOCK_DIRECT);
        g_test_skip("no direct access here");
        return;
    }
    for (int i = 0; i < REGIONS; i++) /* some aligned for direct access, some not */
        jobs[i].buf = (uint8_t *)aligned_alloc(4096, 2 * REGION) + (i % 3 == 2 ? 8 : 0);
    for (int round = 0; round < 40; round++) {
        for (int i = 0; i < REGIONS; i++)
            start_random(b, &jobs[i], i, model);
        block_drain(b);
        check_round(jobs, model);
    }
    block_close_all();
    for (int i = 0; i < REGIONS; i++)
        free(jobs[i].buf - (i % 3 == 2 ? 8 : 0));
    b = open_way(way, BLOCK_READ_ONLY);
    file = g_malloc((size_t)REGIONS * REGION);
    g_assert_cmpint(block_pread(b, file, (size_t)REGIONS * REGION, 0), ==, 0);
    block_close(b);
    g_assert_cmpmem(file, (size_t)REGIONS * REGION, model, (size_t)REGIONS * REGION);
}

/* --- ends and errors --- */
static void test_more_requests_than_the_ring_holds(gconstpointer data)
{
    const struct way *way = data;
    enum { N = 600 };
    g_autofree struct job *jobs = g_new0(struct job, N);
    g_autofree uint8_t *buf = g_malloc(N * 512);

    make_file(N * 512);
    struct block_node *b = open_as(way->options, 0);
    for (int i = 0; i < N; i++) {
        jobs[i].iov[0] = (struct iovec){buf + i * 512, 512};
        jobs[i].req.iov = jobs[i].iov;
        jobs[i].req.niov = 1;
        start(b, &jobs[i], BLOCK_READ, (uint64_t)(N - 1 - i) * 512, 512);
    }
    block_drain(b);
    for (int i = 0; i < N; i++) {
        g_assert_true(jobs[i].is_done && jobs[i].ret == 0);
        g_assert_cmphex(buf[i * 512], ==, (uint8_t)(N - 1 - i + (N - 1 - i) * 512 % 251));
    }
    block_close_all();
}

static void test_a_last_sector_that_is_cut_off_reads_as_zeros(gconstpointer data)
{
    const struct way *way = data;
    uint8_t buf[1024], zeros[412] = {0};

    make_file(1636);
    struct block_node *b = open_as(way->options, 0);
    g_assert_cmpuint(block_size(b), ==, 2048);
    memset(buf, 0xee, sizeof(buf));
    g_assert_cmpint(run(b, BLOCK_READ, 1024, 1024, buf), ==, 0);
    g_assert_cmphex(buf[611], ==, (uint8_t)(1635 / 512 + 1635 % 251));
    g_assert_cmpmem(buf + 612, 412, zeros, 412);
    g_assert_cmpint(run(b, BLOCK_WRITE, 1536, 512, buf), ==, 0);
    g_assert_cmpint(run(b, BLOCK_READ, 2048, 512, buf), ==, -EINVAL);
    block_close_all();
}

static void test_errors_of_the_host_arrive(gconstpointer data)
{
    const struct way *way = data;
    uint8_t *buf = aligned_alloc(4096, 8192);
    struct rlimit old, small;
    struct block_stats stats;

    memset(buf, 0, 8192);
    make_file(65536);
    struct block_node *b = open_as(way->options, writes_direct ? BLOCK_DIRECT : 0);
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){4096, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    g_assert_cmpint(run(b, BLOCK_WRITE, 8192, 8192, buf), ==, -EFBIG);
    g_assert_cmpint(run(b, BLOCK_WRITE, 0, 4096, buf), ==, 0);
    setrlimit(RLIMIT_FSIZE, &old);
    g_assert_cmpint(run(b, BLOCK_WRITE, 8192, 8192, buf), ==, 0);
    block_get_stats(b, &stats);
    g_assert_cmpuint(stats.failed[BLOCK_WRITE], ==, 1);
    g_assert_cmpuint(stats.ops[BLOCK_WRITE], ==, 2);
    block_close_all();
    b = open_as("file.aio=io_uring", BLOCK_READ_ONLY);
    g_assert_cmpint(run(b, BLOCK_WRITE, 0, 512, buf), ==, -EROFS);
    g_assert_cmpint(run(b, BLOCK_FLUSH, 0, 0, NULL), ==, 0);
    block_close_all();
    free(buf);
}

static unsigned stops;

static void count_stop(void *opaque G_GNUC_UNUSED)
{
    stops++;
}

static void test_what_failed_is_tried_again_when_the_machine_goes_on(gconstpointer data)
{
    const struct way *way = data;
    uint8_t *buf = aligned_alloc(4096, 8192);
    struct job j = {.iov = {{buf, 8192}}};
    struct rlimit old, small;

    memset(buf, 0, 8192);
    make_file(65536);
    struct block_node *b = open_as(way->options, writes_direct ? BLOCK_DIRECT : 0);
    getrlimit(RLIMIT_FSIZE, &old);
    small = (struct rlimit){4096, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    block_set_on_error(b, BLOCK_ON_ERROR_STOP, BLOCK_ON_ERROR_STOP);
    block_set_stop_hook(count_stop, NULL);
    stops = 0;
    j.req.iov = j.iov;
    j.req.niov = 1;
    start(b, &j, BLOCK_WRITE, 8192, 8192);
    while (!stops)
        g_main_context_iteration(NULL, TRUE);
    block_drain(b);
    g_assert_false(j.is_done);
    setrlimit(RLIMIT_FSIZE, &old);
    block_retry_stalled();
    block_drain(b);
    g_assert_true(j.is_done && !j.ret);
    block_set_stop_hook(NULL, NULL);
    block_close_all();
    free(buf);
}

static void test_limits_slow_requests_down(gconstpointer data)
{
    const struct way *way = data;
    const struct block_limits limits = {.avg[BLOCK_IOPS_TOTAL] = 200};
    enum { N = 60 };
    g_autofree struct job *jobs = g_new0(struct job, N);
    g_autofree uint8_t *buf = g_malloc(N * 512);

    make_file(N * 512);
    struct block_node *b = open_as(way->options, 0);
    g_assert_true(block_set_limits(b, &limits, NULL, NULL));
    int64_t begin_ns = monotonic_ns();
    for (int i = 0; i < N; i++) {
        jobs[i].iov[0] = (struct iovec){buf + i * 512, 512};
        jobs[i].req.iov = jobs[i].iov;
        jobs[i].req.niov = 1;
        start(b, &jobs[i], BLOCK_READ, (uint64_t)i * 512, 512);
    }
    while (!__atomic_load_n(&jobs[N - 1].is_done, __ATOMIC_ACQUIRE))
        g_usleep(1000);
    g_assert_cmpint(monotonic_ns() - begin_ns, >, 100 * 1000000); /* 20 are free, 5 ms each */
    block_drain(b);
    for (int i = 0; i < N; i++)
        g_assert_true(jobs[i].is_done && !jobs[i].ret);
    block_close_all();
}

/* --- where the kernel refuses --- */
/* A system call fails from here on, in every thread. */
static void deny(unsigned call)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {G_N_ELEMENTS(code), code};

    g_assert_cmpint(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), ==, 0);
    g_assert_cmpint(
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program), ==, 0);
}

static void use_both_ends(struct block_node *b)
{
    g_autofree uint8_t *buf = g_malloc(4096);

    for (uint64_t i = 0; i < 8; i++) {
        memset(buf, (int)i + 1, 4096);
        g_assert_cmpint(run(b, BLOCK_WRITE, i * 4096, 4096, buf), ==, 0);
        memset(buf, 0, 4096);
        g_assert_cmpint(run(b, BLOCK_READ, i * 4096, 4096, buf), ==, 0);
        g_assert_cmphex(buf[4095], ==, i + 1);
    }
    g_assert_cmpint(run(b, BLOCK_FLUSH, 0, 0, NULL), ==, 0);
}

/* In a process of its own: a filter stays. */
static void run_denied(void)
{
    make_file(65536);
    deny(SYS_io_uring_setup);
    use_both_ends(open_as("file.aio=io_uring", 0));
    block_close_all();
    use_both_ends(open_as("file.aio=io_uring", 0));
    block_close_all();
}

static void run_cut_off(const char *kind)
{
    const struct way way = {NULL, "file.aio=io_uring", 0, kind};

    make_file(65536);
    if (kind)
        make_image(kind);
    struct block_node *b = open_way(&way, 0);
    use_both_ends(b);
    deny(SYS_io_uring_enter);
    use_both_ends(b);
    block_close_all();
}

static void test_a_refusal_is_told_once(void)
{
    if (g_test_subprocess()) {
        run_denied();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*warning: aio=io_uring: the kernel refuses it (Operation not "
                              "permitted): worker threads do its work*");
    g_test_trap_assert_stderr_unmatched("*refuses it*refuses it*");
}

/* It also shows that the ring was in use. */
static void test_a_refusal_under_way_loses_nothing(gconstpointer kind)
{
    if (g_test_subprocess()) {
        run_cut_off(kind);
        return;
    }
    if (runs_dry) {
        g_test_skip("no io_uring here");
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*the kernel refuses to go on*");
}

/* --- how fast --- */
/* The requests come from one thread, as they do from a guest's, which waits for the next to be
 * done. */
struct load {
    struct mutex lock;
    struct cond done;
    struct block_req *first; /* done */
};

static void next_one(struct block_req *req, int ret)
{
    struct load *l = req->opaque;

    g_assert_cmpint(ret, ==, 0);
    mutex_lock(&l->lock);
    req->next = l->first;
    l->first = req;
    cond_signal(&l->done);
    mutex_unlock(&l->lock);
}

static struct block_req *take_done(struct load *l)
{
    mutex_lock(&l->lock);
    while (!l->first)
        cond_wait(&l->done, &l->lock);
    struct block_req *list = l->first;
    l->first = NULL;
    mutex_unlock(&l->lock);
    return list;
}

static int64_t cpu_us(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec +
           u.ru_stime.tv_usec;
}

/* What is done over and over, at random places. */
struct pattern {
    enum block_op op;
    unsigned bytes, depth;
    bool direct;
};

/* Requests done until the time is over. */
static unsigned run_load(struct block_node *b, struct load *l, struct job *jobs,
                         const struct pattern *p)
{
    int64_t end_ns = monotonic_ns() + 2000000000;
    uint64_t places = block_size(b) / p->bytes;
    uint32_t seed = 1;
    unsigned done = 0, under_way = p->depth;
    struct block_req *next;

    for (unsigned i = 0; i < p->depth; i++)
        block_submit(b, &jobs[i].req);
    while (under_way)
        for (struct block_req *r = take_done(l); r; r = next, done++) {
            next = r->next;
            seed = seed * 1664525 + 1013904223;
            r->offset = (seed >> 4) % places * p->bytes;
            if (monotonic_ns() < end_ns)
                block_submit(b, r);
            else
                under_way--;
        }
    return done;
}

static void measure(const struct way *way, const struct pattern *p)
{
    struct block_node *b = open_way(way, p->direct ? BLOCK_DIRECT : 0);
    g_autofree struct job *jobs = g_new0(struct job, p->depth);
    struct load load = {0};
    int64_t cpu = cpu_us(), start_ns = monotonic_ns();

    mutex_init(&load.lock);
    cond_init(&load.done);
    for (unsigned i = 0; i < p->depth; i++) {
        struct job *j = &jobs[i];
        j->buf = aligned_alloc(4096, p->bytes);
        memset(j->buf, 1, p->bytes);
        j->iov[0] = (struct iovec){j->buf, p->bytes};
        j->req = (struct block_req){.op = p->op, .bytes = p->bytes, .iov = j->iov, .niov = 1};
        j->req.done = next_one;
        j->req.opaque = &load;
    }
    unsigned done = run_load(b, &load, jobs, p);
    double seconds = (double)(monotonic_ns() - start_ns) / 1e9;
    g_test_message("%s %3u KiB, depth %2u, %s, aio=%-13s %7.0f/s, %5.1f us of CPU each",
                   p->op == BLOCK_READ ? "read " : "write", p->bytes / 1024, p->depth,
                   p->direct ? "direct" : "cached", way->name, done / seconds,
                   (double)(cpu_us() - cpu) / done);
    block_close(b);
    for (unsigned i = 0; i < p->depth; i++)
        free(jobs[i].buf);
}

static const struct way *find_way(const char *name)
{
    const struct way *w = ways;

    while (strcmp(w->name, name))
        w++;
    return w;
}

static void bench(void)
{
    static const struct pattern patterns[] = {
        {BLOCK_READ, 4096, 1, false},   {BLOCK_READ, 4096, 32, false},
        {BLOCK_READ, 4096, 1, true},    {BLOCK_READ, 4096, 32, true},
        {BLOCK_READ, 262144, 1, false}, {BLOCK_READ, 262144, 8, false},
        {BLOCK_WRITE, 4096, 1, false},  {BLOCK_WRITE, 4096, 32, false},
        {BLOCK_WRITE, 4096, 32, true},
    };

    for (int kind = 0; kind < 2; kind++) {
        make_file((size_t)256 << 20);
        if (kind)
            make_image("");
        for (size_t i = 0; i < G_N_ELEMENTS(patterns); i++)
            for (int round = 0; round < 3; round++)
                for (int w = 0; w < 2; w++)
                    measure(kind ? find_way(w ? "qcow2" : "qcow2-threads") : &ways[w],
                            &patterns[i]);
    }
    block_close_all();
}

static bool has_io_uring(void)
{
    return syscall(SYS_io_uring_setup, 0, NULL) < 0 && errno != ENOSYS && errno != EPERM;
}

static bool has_direct(void)
{
    make_file(4096);
    struct block_node *b = open_as("file.aio=threads", BLOCK_DIRECT);
    block_close(b);
    return b;
}

static void add(const char *name, GTestDataFunc fn, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_autofree char *full = g_strdup_printf("/aio/%s/%s", name, ways[i].name);
        g_test_add_data_func(full, &ways[i], fn);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("tinamou-aio-XXXXXX", NULL);
    path = g_build_filename(dir, "disk.img", NULL);
    runs_dry = !has_io_uring();
    writes_direct = has_direct();
    add("model", test_results_are_those_of_a_model, G_N_ELEMENTS(ways));
    add("many", test_more_requests_than_the_ring_holds, 2);
    add("end", test_a_last_sector_that_is_cut_off_reads_as_zeros, 2);
    add("errors", test_errors_of_the_host_arrive, 2);
    add("retry", test_what_failed_is_tried_again_when_the_machine_goes_on, 2);
    add("limits", test_limits_slow_requests_down, 2);
    g_test_add_func("/aio/refused", test_a_refusal_is_told_once);
    g_test_add_data_func("/aio/cut-off/raw", NULL, test_a_refusal_under_way_loses_nothing);
    g_test_add_data_func("/aio/cut-off/qcow2", "", test_a_refusal_under_way_loses_nothing);
    if (g_test_perf())
        g_test_add_func("/aio/bench", bench);
    int ret = g_test_run();
    unlink(path);
    rmdir(dir);
    g_free(path);
    g_free(dir);
    return ret;
}
