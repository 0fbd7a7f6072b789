/* Jobs on disks: states, and what the copies hold when the disk changes all the while. */
#include "block/job.h"
#include "core/event.h"
#include "util/optparse.h"
#include "util/thread.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { MIB = 1 << 20, SIZE = 12 * MIB };

static char *dir;
static unsigned files; /* made so far */
static const struct job_options plain = {.id = "j"};

static char *new_path(void)
{
    return g_strdup_printf("%s/%u", dir, files++);
}

static void check(bool ok, struct error *err)
{
    if (!ok)
        g_error("%s", error_text(err));
}

static char *make_image(const char *format, uint64_t size)
{
    char *path = new_path();
    struct opts *o = opts_parse("", NULL);
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT, size);
    struct error *err = NULL;

    opts_set(o, "size", text);
    check(block_create(format, path, o, &err), err);
    opts_free(o);
    return path;
}

static struct block_node *open_disk(const char *path, const char *format)
{
    struct error *err = NULL;
    struct block_node *b = block_open("disk", path, format, false, false, &err);

    check(b, err);
    return b;
}

/* ---- a disk and what it must hold ---- */

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

static int run(struct block_node *b, enum block_op op, uint64_t off, uint64_t n, void *buf)
{
    struct iovec iov = {buf, n};
    struct wait w = {
        .req = {.op = op, .offset = off, .bytes = n, .iov = &iov, .niov = 1, .done = on_done}};

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

struct rig {
    struct block_node *disk;
    uint8_t *model;
    pthread_t thread;
    bool is_running;
    _Atomic bool stop;
    _Atomic unsigned turns;
    GRand *rand; /* the thread's while it runs */
};

/* One write, or zeros. */
static void change(struct rig *r)
{
    uint64_t n = (uint64_t)g_rand_int_range(r->rand, 1, 64) * 4096,
             off = (uint64_t)g_rand_int_range(r->rand, 0, (gint32)((SIZE - n) / 4096 + 1)) * 4096;
    bool zero = g_rand_int_range(r->rand, 0, 8) == 0;

    if (zero)
        memset(r->model + off, 0, n);
    else
        memset(r->model + off, g_rand_int_range(r->rand, 0, 256), n);
    int ret = zero ? run(r->disk, BLOCK_WRITE_ZEROES, off, n, NULL)
                   : run(r->disk, BLOCK_WRITE, off, n, r->model + off);
    g_assert_cmpint(ret, ==, 0);
}

static void *write_on(void *arg)
{
    struct rig *r = arg;

    while (!r->stop) {
        change(r);
        r->turns++;
    }
    return NULL;
}

static void go(struct rig *r)
{
    r->stop = false;
    r->thread = thread_start("writer", write_on, r);
    r->is_running = true;
}

static void halt(struct rig *r)
{
    r->stop = true;
    if (r->is_running)
        pthread_join(r->thread, NULL);
    r->is_running = false;
}

static void spin(void)
{
    g_main_context_iteration(NULL, FALSE);
    g_usleep(500);
}

/* Let the writer make n turns. */
static void let_write(struct rig *r, unsigned n)
{
    unsigned until = r->turns + n;

    while (r->turns < until)
        spin();
}

static void check_holds(struct block_node *b, const uint8_t *wanted)
{
    g_autofree uint8_t *got = g_malloc(MIB);

    for (uint64_t off = 0; off < SIZE; off += MIB) {
        g_assert_cmpint(block_pread(b, got, MIB, off), ==, 0);
        g_assert_cmpmem(got, MIB, wanted + off, MIB);
    }
}

static void check_file(const char *path, const uint8_t *wanted)
{
    struct error *err = NULL;
    struct block_node *b = block_open("copy", path, "qcow2", true, false, &err);
    struct block_check result;

    check(b, err);
    check_holds(b, wanted);
    check(block_check(b, 0, true, &result, &err), err);
    g_assert_cmpuint(result.corruptions, ==, 0);
    block_close(b);
}

static struct rig *new_rig(guint32 seed)
{
    g_autofree char *path = make_image("qcow2", SIZE);
    struct rig *r = g_new0(struct rig, 1);

    r->disk = open_disk(path, "qcow2");
    r->model = g_malloc0(SIZE);
    r->rand = g_rand_new_with_seed(seed);
    for (int i = 0; i < 30; i++)
        change(r);
    return r;
}

static void free_rig(struct rig *r)
{
    halt(r);
    check_holds(r->disk, r->model);
    block_close_all();
    g_rand_free(r->rand);
    g_free(r->model);
    g_free(r);
}

/* ---- jobs ---- */

static void await_end(void)
{
    while (job_find("j"))
        spin();
}

static void await_status(enum job_status s)
{
    struct job_info i = {.status = JOB_NULL};

    while (i.status != s) {
        g_assert_nonnull(job_find("j"));
        job_get_info(job_find("j"), &i);
        spin();
    }
}

static void complete(void)
{
    struct error *err = NULL;

    await_status(JOB_READY);
    check(job_complete(job_find("j"), &err), err);
    await_end();
}

static void snapshot(struct rig *r)
{
    g_autofree char *path = new_path();
    struct block_overlay s = {.b = r->disk, .path = path};
    struct error *err = NULL;

    check(block_overlay_prepare(&s, &err), err);
    block_overlay_commit(&s);
}

static void commit_all(struct rig *r)
{
    struct error *err = NULL;

    check(job_start_commit(r->disk, NULL, NULL, NULL, &plain, &err), err);
    complete();
    g_assert_null(block_backing(r->disk));
}

static void commit_below(struct rig *r)
{
    struct error *err = NULL;
    struct block_node *top = block_backing(r->disk);

    check(job_start_commit(r->disk, top, NULL, NULL, &plain, &err), err);
    await_end();
    g_assert_null(block_backing(block_backing(r->disk)));
}

static void stream(struct rig *r, struct block_node *base)
{
    struct error *err = NULL;

    check(job_start_stream(r->disk, base, NULL, &plain, &err), err);
    await_end();
    g_assert_true(block_backing(r->disk) == base);
}

static void mirror(struct rig *r, bool top_only, bool blocking)
{
    g_autofree char *path = new_path();
    struct job_target t = {
        .path = path, .format = "qcow2", .top_only = top_only, .blocking = blocking};
    struct error *err = NULL;

    check(job_start_mirror(r->disk, &t, &plain, &err), err);
    await_status(JOB_READY);
    let_write(r, 20);
    complete();
    g_assert_cmpstr(block_path(r->disk), ==, path);
}

static void test_the_disk_holds_what_is_written_whatever_is_done_to_it(void)
{
    struct rig *r = new_rig(1);

    go(r);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++) {
            snapshot(r);
            let_write(r, 20);
        }
        commit_below(r);
        let_write(r, 20);
        commit_all(r);
        let_write(r, 20);
        snapshot(r);
        mirror(r, true, true);
        let_write(r, 20);
        snapshot(r);
        stream(r, block_backing(block_backing(r->disk)));
        stream(r, NULL);
        mirror(r, false, round % 2);
    }
    free_rig(r);
}

static void test_a_backup_holds_the_disk_as_it_was(void)
{
    struct rig *r = new_rig(2);

    for (int round = 0; round < 3; round++) {
        g_autofree char *path = new_path();
        struct job_target t = {.path = path, .format = "qcow2", .compress = round == 2};
        struct error *err = NULL;
        g_autofree uint8_t *was = g_memdup2(r->model, SIZE);
        struct job_options slow = {.id = "j", .speed = 8 * MIB};
        check(job_start_backup(r->disk, &t, &slow, &err), err);
        go(r);
        let_write(r, 30);
        check(job_set_speed(job_find("j"), 0, &err), err);
        await_end();
        halt(r);
        check_file(path, was);
    }
    free_rig(r);
}

/* All that the guest overwrote is in the copy, and nothing but what was on the disk. */
static void check_undo(const char *path, const uint8_t *was, const uint8_t *is)
{
    enum { CHUNK = 64 << 10 };
    struct error *err = NULL;
    struct block_node *b = block_open("undo", path, "qcow2", true, false, &err);
    g_autofree uint8_t *got = g_malloc(SIZE), *zeros = g_malloc0(CHUNK);

    check(b, err);
    g_assert_cmpint(block_pread(b, got, SIZE, 0), ==, 0);
    block_close(b);
    for (size_t off = 0; off < SIZE; off += CHUNK)
        if (memcmp(got + off, was + off, CHUNK)) {
            g_assert_cmpmem(got + off, CHUNK, zeros, CHUNK);
            g_assert_cmpmem(is + off, CHUNK, was + off, CHUNK);
        }
}

static void test_a_backup_of_what_is_overwritten_ends_when_it_is_told_to(void)
{
    struct rig *r = new_rig(5);
    g_autofree char *path = new_path();
    struct job_target t = {.path = path, .format = "qcow2", .none = true};
    struct error *err = NULL;

    go(r);
    let_write(r, 30);
    halt(r);
    g_autofree uint8_t *was = g_memdup2(r->model, SIZE);
    check(job_start_backup(r->disk, &t, &plain, &err), err);
    go(r);
    let_write(r, 10);
    halt(r);
    check(job_cancel(job_find("j"), false, &err), err);
    await_end();
    check_undo(path, was, r->model);
    free_rig(r);
}

static void test_a_cancelled_mirror_that_was_ready_is_a_copy_of_that_moment(void)
{
    struct rig *r = new_rig(3);
    g_autofree char *path = new_path();
    struct job_target t = {.path = path, .format = "qcow2"};
    struct error *err = NULL;

    check(job_start_mirror(r->disk, &t, &plain, &err), err);
    go(r);
    await_status(JOB_READY);
    let_write(r, 20);
    halt(r);
    check(job_cancel(job_find("j"), false, &err), err);
    await_end();
    g_assert_cmpstr(block_path(r->disk), !=, path);
    check_file(path, r->model);
    free_rig(r);
}

/* Cancelled at any time, or ended with the process. */
static void test_what_is_cancelled_leaves_the_disk_alone(void)
{
    for (int round = 0; round < 8; round++) {
        struct rig *r = new_rig(4);
        g_autofree char *path = new_path();
        struct job_target t = {.path = path, .format = "qcow2"};
        struct error *err = NULL;
        snapshot(r);
        snapshot(r);
        go(r);
        if (round % 4 == 0)
            check(job_start_mirror(r->disk, &t, &plain, &err), err);
        else if (round % 4 == 1)
            check(job_start_backup(r->disk, &t, &plain, &err), err);
        else if (round % 4 == 2)
            check(job_start_commit(r->disk, NULL, NULL, NULL, &plain, &err), err);
        else
            check(job_start_stream(r->disk, NULL, NULL, &plain, &err), err);
        let_write(r, (unsigned)round);
        if (round < 4)
            job_stop_all();
        else if (job_find("j"))
            check(job_cancel(job_find("j"), true, &err), err);
        await_end();
        g_assert_cmpuint(round % 4 == 3 || block_backing(r->disk), !=, 0);
        free_rig(r);
    }
}

static void test_a_disk_without_a_user_stays_while_it_has_a_job(void)
{
    struct rig *r = new_rig(7);
    g_autofree char *path = new_path();
    struct job_target t = {.path = path, .format = "qcow2"};
    struct job_options o = {.id = "j", .speed = MIB};
    struct error *err = NULL;

    check(block_attach(r->disk, "device", &err), err);
    check(job_start_mirror(r->disk, &t, &o, &err), err);
    block_name_drive(r->disk, NULL);
    block_detach(r->disk);
    check(job_set_speed(job_find("j"), 0, &err), err);
    await_status(JOB_READY);
    check(job_cancel(job_find("j"), false, &err), err);
    await_end();
    g_assert_null(block_next(NULL)); /* closed with the job's end */
    check_file(path, r->model);
    block_close_all();
    g_rand_free(r->rand);
    g_free(r->model);
    g_free(r);
}

/* ---- states ---- */

static GString *log_text;

static void on_event(void *opaque G_GNUC_UNUSED, const char *name, const char *data,
                     int64_t wall_us G_GNUC_UNUSED)
{
    static const char status[] = "{\"status\": \"";

    if (!strcmp(name, "JOB_STATUS_CHANGE") && g_str_has_prefix(data, status)) {
        const char *word = data + strlen(status);
        g_string_append_printf(log_text, "%.*s ", (int)strcspn(word, "\""), word);
    } else if (g_str_has_prefix(name, "BLOCK_JOB_")) {
        g_string_append_printf(log_text, "%s ", name + strlen("BLOCK_JOB_"));
    }
}

static void refuses(bool ok, struct error **err)
{
    g_assert_false(ok);
    g_assert_nonnull(*err);
    g_clear_pointer(err, error_free);
}

static void test_states_follow_each_other_and_refuse_what_does_not_fit(void)
{
    struct rig *r = new_rig(5);
    g_autofree char *path = new_path();
    struct job_target t = {.path = path, .format = "qcow2"};
    struct job_options o = {.id = "j", .speed = MIB, .wait_finalize = true, .wait_dismiss = true};
    struct error *err = NULL;

    log_text = g_string_new(NULL);
    event_watch(on_event, NULL);
    check(job_start_mirror(r->disk, &t, &o, &err), err);
    refuses(job_start_stream(r->disk, NULL, NULL, &plain, &err), &err);
    refuses(block_check_idle(r->disk, &err), &err);
    refuses(block_attach(r->disk, "dev", &err), &err);
    refuses(block_snapshot_create(r->disk, &(struct block_snapshot){.name = "s"}, &err), &err);
    struct block_job *j = job_find("j");
    refuses(job_complete(j, &err), &err);
    refuses(job_resume(j, &err), &err);
    refuses(job_finalize(j, &err), &err);
    refuses(job_dismiss(j, &err), &err);
    refuses(job_set_speed(j, -1, &err), &err);
    check(job_pause(j, &err), err);
    refuses(job_pause(j, &err), &err);
    await_status(JOB_PAUSED);
    check(job_set_speed(j, 0, &err) && job_resume(j, &err), err);
    await_status(JOB_READY);
    check(job_pause(j, &err), err);
    await_status(JOB_STANDBY);
    check(job_resume(j, &err), err);
    await_status(JOB_READY);
    check(job_complete(j, &err), err);
    await_status(JOB_PENDING);
    refuses(job_pause(j, &err), &err);
    check(job_finalize(j, &err), err);
    await_status(JOB_CONCLUDED);
    refuses(job_cancel(j, true, &err), &err);
    check(job_dismiss(j, &err), err);
    g_assert_null(job_find("j"));
    event_flush();
    event_unwatch(on_event, NULL);
    g_assert_cmpstr(log_text->str, ==,
                    "created running paused running ready READY standby ready waiting pending "
                    "PENDING COMPLETED concluded null ");
    g_string_free(log_text, TRUE);
    free_rig(r);
}

static void set_file_limit(rlim_t bytes)
{
    struct rlimit l = {bytes, RLIM_INFINITY};

    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &l), ==, 0);
}

static void test_a_job_rests_when_its_target_fails_and_goes_on(void)
{
    struct rig *r = new_rig(6);
    g_autofree char *path = make_image("raw", SIZE);
    struct job_target t = {.path = path, .format = "raw", .existing = true};
    struct job_options o = {.id = "j", .on_target_error = JOB_STOP};
    struct job_info i;
    struct error *err = NULL;

    set_file_limit(MIB);
    check(job_start_backup(r->disk, &t, &o, &err), err);
    await_status(JOB_PAUSED);
    job_get_info(job_find("j"), &i);
    g_assert_cmpstr(i.io_status, ==, "failed");
    set_file_limit(RLIM_INFINITY);
    check(job_resume(job_find("j"), &err), err);
    await_end();
    struct block_node *b = block_open("copy", path, "raw", true, false, &err);
    check(b, err);
    check_holds(b, r->model);
    o.on_target_error = JOB_REPORT;
    o.wait_dismiss = true;
    block_close(b);
    set_file_limit(MIB);
    check(job_start_backup(r->disk, &t, &o, &err), err);
    await_status(JOB_CONCLUDED);
    set_file_limit(RLIM_INFINITY);
    job_get_info(job_find("j"), &i);
    g_assert_nonnull(i.error);
    check(job_dismiss(job_find("j"), &err), err);
    free_rig(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGXFSZ, SIG_IGN);
    dir = g_dir_make_tmp("tinamou-job-XXXXXX", NULL);
    g_test_add_func("/job/any", test_the_disk_holds_what_is_written_whatever_is_done_to_it);
    g_test_add_func("/job/backup", test_a_backup_holds_the_disk_as_it_was);
    g_test_add_func("/job/backup-none",
                    test_a_backup_of_what_is_overwritten_ends_when_it_is_told_to);
    g_test_add_func("/job/copy", test_a_cancelled_mirror_that_was_ready_is_a_copy_of_that_moment);
    g_test_add_func("/job/cancel", test_what_is_cancelled_leaves_the_disk_alone);
    g_test_add_func("/job/orphan", test_a_disk_without_a_user_stays_while_it_has_a_job);
    g_test_add_func("/job/states", test_states_follow_each_other_and_refuse_what_does_not_fit);
    g_test_add_func("/job/failure", test_a_job_rests_when_its_target_fails_and_goes_on);
    int ret = g_test_run();
    for (unsigned i = 0; i < files; i++) {
        g_autofree char *path = g_strdup_printf("%s/%u", dir, i);
        g_unlink(path);
    }
    g_rmdir(dir);
    g_free(dir);
    return ret;
}
