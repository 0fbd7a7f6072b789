/* Dirty bitmaps: what they record, that images keep them, backups by them. */
#include "block/bitmap.h"
#include "block/job.h"
#include "util/optparse.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20, SIZE = 4 * MIB, KIB64 = 65536 };

static char *dir;
static unsigned files;

static void check(bool ok, struct error *err)
{
    if (!ok)
        g_error("%s", error_text(err));
}

/* The call, which leaves an error in err, must fail with that text in it. */
#define EXPECT_ERROR(call, part)                                                                   \
    do {                                                                                           \
        bool went_well = (call);                                                                   \
        g_assert_false(went_well);                                                                 \
        g_assert_nonnull(strstr(error_text(err), part));                                           \
        error_free(err);                                                                           \
        err = NULL;                                                                                \
    } while (0)

static char *new_image(const char *options)
{
    char *path = g_strdup_printf("%s/%u", dir, files++);
    struct opts *o = opts_parse(options, NULL);
    struct error *err = NULL;

    check(block_create("qcow2", path, o, &err), err);
    opts_free(o);
    return path;
}

static struct block_node *open_image(const char *path, unsigned flags)
{
    struct error *err = NULL;
    struct block_node *b = block_open_path("disk", path, "qcow2", flags | BLOCK_QUIET, &err);

    check(b, err);
    return b;
}

static struct block_bitmap *add(struct block_node *b, const char *name, uint64_t granularity)
{
    struct bitmap_options o = {.name = name, .granularity = granularity, .persistent = true};
    struct error *err = NULL;
    struct block_bitmap *m = bitmap_add(b, &o, &err);

    check(m, err);
    return m;
}

static void fill(struct block_node *b, uint64_t off, uint64_t n, uint8_t value)
{
    g_autofree uint8_t *buf = g_malloc(n);

    memset(buf, value, n);
    g_assert_cmpint(block_pwrite(b, buf, n, off), ==, 0);
}

static uint64_t count(struct block_node *b, const char *name)
{
    struct bitmap_info i;

    bitmap_get_info(bitmap_find(b, name, NULL), &i);
    return i.count;
}

static bool is_dirty(struct block_node *b, const char *name, uint64_t off)
{
    uint64_t n;

    return bitmap_run(bitmap_find(b, name, NULL), off, 1, &n);
}

/* No damage, no leak. */
static void expect_sound(const char *path)
{
    struct block_node *b = open_image(path, BLOCK_READ_ONLY | BLOCK_FOR_CHECK);
    struct block_check r;
    struct error *err = NULL;

    check(block_check(b, 0, false, &r, &err), err);
    g_assert_cmpuint(r.corruptions + r.leaks + r.check_errors, ==, 0);
    block_close(b);
}

static void test_writes_are_recorded(void)
{
    g_autofree char *path = new_image("size=4M");
    struct block_node *b = open_image(path, 0);
    struct block_bitmap *m = add(b, "m", 4096);
    struct error *err = NULL;
    uint64_t n;

    fill(b, 10000, 5000, 1); /* chunks 2 and 3 */
    g_assert_cmpuint(count(b, "m"), ==, 8192);
    g_assert_false(bitmap_run(m, 0, SIZE, &n));
    g_assert_cmpuint(n, ==, 8192);
    g_assert_true(bitmap_run(m, 8192, SIZE, &n));
    g_assert_cmpuint(n, ==, 8192);
    g_assert_cmpint(block_pwrite_zeroes(b, MIB, KIB64, true), ==, 0);
    g_assert_cmpuint(count(b, "m"), ==, 8192 + KIB64);
    check(bitmap_enable(m, false, &err), err);
    fill(b, 2 * MIB, 4096, 1);
    g_assert_false(is_dirty(b, "m", 2 * MIB));
    check(bitmap_clear(m, &err), err);
    g_assert_cmpuint(count(b, "m"), ==, 0);
    struct block_bitmap *coarse = add(b, "coarse", KIB64);
    check(bitmap_enable(m, true, &err), err);
    fill(b, 3 * MIB, 1, 1);
    check(bitmap_clear(coarse, &err), err);
    check(bitmap_merge(coarse, m, &err), err);
    g_assert_cmpuint(count(b, "coarse"), ==, KIB64);
    EXPECT_ERROR(bitmap_add(b, &(struct bitmap_options){.name = "m"}, &err), "already");
    EXPECT_ERROR(bitmap_add(b, &(struct bitmap_options){.name = "x", .granularity = 1000}, &err),
                 "power of two");
    check(bitmap_remove(b, m, &err), err);
    g_assert_null(bitmap_find(b, "m", NULL));
    block_close(b);
    expect_sound(path);
}

static void keep(const char *options)
{
    g_autofree char *path = new_image(options);
    struct block_node *b = open_image(path, 0);
    struct error *err = NULL;

    add(b, "first", 512);
    add(b, "full", KIB64);
    check(bitmap_enable(add(b, "off", KIB64), false, &err), err);
    fill(b, 700, 100, 1);
    fill(b, SIZE - 1, 1, 2);
    fill(b, MIB, MIB, 3);
    for (uint64_t off = 0; off < SIZE; off += KIB64)
        g_assert_cmpint(block_pwrite_zeroes(b, off, 1, true), ==, 0);
    uint64_t was = count(b, "first");
    block_close(b);
    expect_sound(path);
    b = open_image(path, BLOCK_READ_ONLY);
    g_assert_cmpuint(count(b, "first"), ==, was);
    g_assert_cmpuint(count(b, "full"), ==, SIZE);
    g_assert_cmpuint(count(b, "off"), ==, 0);
    g_assert_true(is_dirty(b, "first", 512));
    g_assert_false(is_dirty(b, "first", 1024));
    g_assert_true(is_dirty(b, "first", SIZE - 1));
    block_close(b);
    b = open_image(path, 0);
    fill(b, 3 * MIB + 5000, 1, 4);
    check(bitmap_remove(b, bitmap_find(b, "full", NULL), &err), err);
    block_close(b);
    expect_sound(path);
    b = open_image(path, 0);
    g_assert_cmpuint(count(b, "first"), ==, was + 512);
    g_assert_null(bitmap_find(b, "full", NULL));
    for (struct block_bitmap *m; (m = bitmap_next(b, NULL));)
        check(bitmap_remove(b, m, &err), err);
    block_close(b);
    expect_sound(path);
    b = open_image(path, 0);
    g_assert_null(bitmap_next(b, NULL));
    block_close(b);
}

static void test_images_keep_them(void)
{
    keep("size=4M");
    keep("size=4M,cluster_size=512");
    keep("size=4M,extended_l2=on");
}

static void copy_file(const char *from, const char *to)
{
    g_autofree char *data = NULL;
    gsize n;

    g_assert_true(g_file_get_contents(from, &data, &n, NULL));
    g_assert_true(g_file_set_contents(to, data, (gssize)n, NULL));
}

/* The image as it is on the medium while it is in use: its bitmaps count for nothing. */
static void test_what_was_not_saved_is_told(void)
{
    g_autofree char *path = new_image("size=4M"), *cut = g_strdup_printf("%s/cut", dir);
    struct block_node *b = open_image(path, 0);
    struct bitmap_info i;
    struct error *err = NULL;

    add(b, "m", KIB64);
    block_close(b);
    b = open_image(path, 0);
    fill(b, 0, 100, 1);
    g_assert_cmpint(block_flush(b), ==, 0);
    copy_file(path, cut);
    block_close(b);
    expect_sound(cut);
    b = open_image(cut, 0);
    struct block_bitmap *m = bitmap_find(b, "m", NULL);
    bitmap_get_info(m, &i);
    g_assert_true(i.inconsistent);
    EXPECT_ERROR(bitmap_clear(m, &err), "only be removed");
    block_close(b); /* it stays */
    b = open_image(cut, 0);
    check(bitmap_remove(b, bitmap_find(b, "m", NULL), &err), err);
    add(b, "m", 4096);
    block_close(b);
    expect_sound(cut);
    g_unlink(cut);
}

static void test_another_size_makes_the_rest_dirty(void)
{
    g_autofree char *path = new_image("size=4M");
    struct block_node *b = open_image(path, 0);
    struct error *err = NULL;

    add(b, "m", KIB64);
    check(block_resize(b, SIZE + 3 * KIB64 / 2, "off", &err), err);
    g_assert_cmpuint(count(b, "m"), ==, 2 * KIB64); /* whole chunks */
    block_close(b);
    expect_sound(path);
    b = open_image(path, 0);
    g_assert_false(is_dirty(b, "m", 0));
    g_assert_true(is_dirty(b, "m", SIZE + KIB64));
    block_close(b);
}

static void test_only_images_of_version_3_keep_them(void)
{
    g_autofree char *path = new_image("size=4M,compat=0.10");
    struct block_node *b = open_image(path, 0);
    struct bitmap_options o = {.name = "m", .persistent = true};
    struct error *err = NULL;

    EXPECT_ERROR(bitmap_add(b, &o, &err), "version 3");
    o.persistent = false;
    check(bitmap_add(b, &o, &err), err);
    block_close(b);
    expect_sound(path);
}

/* ---- backups ---- */

static void await_job(void)
{
    while (job_next(NULL))
        g_main_context_iteration(NULL, TRUE);
}

static void backup(struct block_node *b, const char *to, const char *name,
                   enum job_bitmap_mode mode, bool existing)
{
    struct job_target t = {.path = to,
                           .format = "raw",
                           .existing = existing,
                           .bitmap = name ? bitmap_find(b, name, NULL) : NULL,
                           .bitmap_mode = mode};
    struct job_options o = {.id = "j"};
    struct error *err = NULL;

    check(job_start_backup(b, &t, &o, &err), err);
    if (name) {
        EXPECT_ERROR(bitmap_clear(t.bitmap, &err), "in use");
        fill(b, 2 * MIB, 10, 9); /* after the copy's moment */
    }
    await_job();
}

static uint8_t byte_at(const char *path, uint64_t off)
{
    g_autofree char *data = NULL;
    gsize n;

    g_assert_true(g_file_get_contents(path, &data, &n, NULL));
    g_assert_cmpuint(off, <, n);
    return (uint8_t)data[off];
}

static void test_backups_copy_what_a_bitmap_has(void)
{
    g_autofree char *path = new_image("size=4M"), *raw = g_strdup_printf("%s/raw", dir);
    struct block_node *b = open_image(path, 0);

    fill(b, 0, SIZE, 1);
    add(b, "m", KIB64);
    backup(b, raw, NULL, JOB_BITMAP_NEVER, false);
    fill(b, MIB, 10, 2);
    backup(b, raw, "m", JOB_BITMAP_ON_SUCCESS, true);
    g_assert_cmpuint(byte_at(raw, MIB), ==, 2);
    g_assert_cmpuint(byte_at(raw, 2 * MIB), ==, 1);
    g_assert_false(is_dirty(b, "m", MIB));
    g_assert_true(is_dirty(b, "m", 2 * MIB));
    fill(b, 0, 1, 3);
    backup(b, raw, "m", JOB_BITMAP_NEVER, true);
    g_assert_cmpuint(byte_at(raw, 0), ==, 3);
    g_assert_cmpuint(byte_at(raw, 2 * MIB), ==, 9);
    g_assert_true(is_dirty(b, "m", 0));
    g_assert_cmpuint(count(b, "m"), ==, 2 * KIB64);
    block_close(b);
    expect_sound(path);
    g_unlink(raw);
}

static void test_a_backup_that_ends_early_leaves_the_bitmap_whole(void)
{
    g_autofree char *path = new_image("size=4M"), *raw = g_strdup_printf("%s/raw2", dir);
    struct block_node *b = open_image(path, 0);
    struct error *err = NULL;

    add(b, "m", KIB64);
    fill(b, 0, SIZE / 2, 1);
    struct job_target t = {.path = raw, .format = "raw", .bitmap = bitmap_find(b, "m", NULL)};
    struct job_options slow = {.id = "j", .speed = KIB64};
    check(job_start_backup(b, &t, &slow, &err), err);
    fill(b, 3 * MIB, 1, 1);
    check(job_cancel(job_find("j"), true, &err), err);
    await_job();
    g_assert_cmpuint(count(b, "m"), ==, SIZE / 2 + KIB64);
    block_close(b);
    g_unlink(raw);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("test_bitmap_XXXXXX", NULL);
    g_test_add_func("/bitmap/record", test_writes_are_recorded);
    g_test_add_func("/bitmap/keep", test_images_keep_them);
    g_test_add_func("/bitmap/unsaved", test_what_was_not_saved_is_told);
    g_test_add_func("/bitmap/resize", test_another_size_makes_the_rest_dirty);
    g_test_add_func("/bitmap/version", test_only_images_of_version_3_keep_them);
    g_test_add_func("/bitmap/backup", test_backups_copy_what_a_bitmap_has);
    g_test_add_func("/bitmap/cancel", test_a_backup_that_ends_early_leaves_the_bitmap_whole);
    int ret = g_test_run();
    block_close_all();
    for (unsigned i = 0; i < files; i++) {
        g_autofree char *path = g_strdup_printf("%s/%u", dir, i);
        g_unlink(path);
    }
    g_rmdir(dir);
    g_free(dir);
    return ret;
}
