/* Directories as FAT disks: what is refused, what the host changes meanwhile, any piece read alone.
 * Whole file systems are judged by tests/boot/test_fat.py. */
#include "block/block.h"
#include "util/bits.h"
#include "util/optparse.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { VOLUME = 63 * 512 };

static char *top;

static char *in_top(const char *name)
{
    return g_build_filename(top, name, NULL);
}

static void make_dir(const char *name)
{
    g_autofree char *path = in_top(name);

    g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
}

static void make_file(const char *name, char fill, size_t size)
{
    g_autofree char *path = in_top(name), *data = g_malloc(size + 1);

    memset(data, fill, size);
    g_assert_true(g_file_set_contents(path, data, (gssize)size, NULL));
}

static void make_sparse(const char *name, off_t size)
{
    g_autofree char *path = in_top(name);

    make_file(name, 0, 0);
    g_assert_cmpint(truncate(path, size), ==, 0);
}

static void remove_tree(const char *path)
{
    GDir *d = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d))) {
        g_autofree char *sub = g_build_filename(path, name, NULL);
        remove_tree(sub);
    }
    if (d)
        g_dir_close(d);
    g_remove(path);
}

static void start(void)
{
    remove_tree(top);
    g_assert_cmpint(g_mkdir(top, 0755), ==, 0);
}

static struct block_node *try_open(const char *kind, const char *options, char **why)
{
    g_autofree char *path = g_strconcat("fat:", kind, top, NULL);
    struct opts *o = opts_parse(options, NULL);
    struct error *err = NULL;
    struct block_node *b = block_open_drive("disk", path, "raw", o, 0, &err);

    if (why)
        *why = g_strdup(err ? error_text(err) : "");
    else if (err)
        g_error("%s", error_text(err));
    error_free(err);
    opts_free(o);
    return b;
}

static struct block_node *open_dir(const char *kind)
{
    return try_open(kind, "", NULL);
}

static void expect_refusal(const char *kind, const char *options, const char *part)
{
    g_autofree char *why = NULL;

    g_assert_null(try_open(kind, options, &why));
    g_test_message("%s", why);
    g_assert_nonnull(strstr(why, part));
    g_assert_null(strchr(why, '\n'));
}

/* --- finding a file in the root of a FAT16 volume --- */
/* The offset of the data of the file whose alias is given as 11 characters. */
static uint64_t find_file(struct block_node *b, const char *alias, uint32_t *size)
{
    uint8_t boot[512], e[32];

    g_assert_cmpint(block_pread(b, boot, sizeof(boot), VOLUME), ==, 0);
    uint64_t root = VOLUME + 512 * (ld_le16(boot + 14) + 2 * (uint64_t)ld_le16(boot + 22)),
             data = root + 32 * (uint64_t)ld_le16(boot + 17);
    for (uint64_t at = root; at < data; at += sizeof(e)) {
        g_assert_cmpint(block_pread(b, e, sizeof(e), at), ==, 0);
        if (!memcmp(e, alias, 11) && e[11] != 0x0f) {
            *size = ld_le32(e + 28);
            return data + (ld_le16(e + 26) - 2ULL) * boot[13] * 512;
        }
    }
    g_error("no file %s", alias);
}

static void test_a_disk_is_read_only_without_being_told(void)
{
    uint8_t buf[512] = {0};

    start();
    make_file("A", 'a', 100);
    struct block_node *b = open_dir("");
    g_assert_true(block_read_only(b));
    g_assert_cmpuint(block_size(b), ==, 528482304);
    g_assert_cmpint(block_pwrite(b, buf, sizeof(buf), 0), ==, -EROFS);
    block_close_all();
}

static void test_any_piece_is_what_the_whole_has_there(void)
{
    enum { SIZE = 1 << 20 };
    g_autofree uint8_t *whole = g_malloc(SIZE), *piece = g_malloc(SIZE);

    start();
    make_dir("dir/below");
    for (char c = 'a'; c < 'k'; c++) {
        char name[] = {'d', 'i', 'r', '/', c, 0};
        make_file(name, c, (size_t)(c - 'a') * 3001);
    }
    for (int kind = 0; kind < 3; kind++) {
        static const char *const kinds[] = {"floppy:", "16:", "32:"};
        struct block_node *b = open_dir(kinds[kind]);
        uint64_t size = MIN(SIZE, block_size(b));
        g_assert_cmpint(block_pread(b, whole, size, 0), ==, 0);
        for (int i = 0; i < 300; i++) {
            uint64_t off = (uint64_t)g_test_rand_int_range(0, (int)size),
                     n = (uint64_t)g_test_rand_int_range(0, (int)MIN(size - off, 9000)) + 1;
            g_assert_cmpint(block_pread(b, piece, n, off), ==, 0);
            g_assert_cmpmem(piece, n, whole + off, n);
        }
        block_close_all();
    }
}

static void test_free_space_is_a_hole(void)
{
    struct block_extent e;

    start();
    make_file("A", 'a', 100);
    struct block_node *b = open_dir("");
    g_assert_cmpint(block_map(b, NULL, block_size(b) / 2, 4096, &e), ==, 0);
    g_assert_true(e.zero && e.bytes == 4096);
    g_assert_cmpint(block_map(b, NULL, 0, block_size(b), &e), ==, 0);
    g_assert_true(e.data && !e.zero && e.has_offset && e.offset == 0);
    g_assert_cmpuint(e.bytes, <, 1 << 20);
    block_close_all();
}

/* --- the host goes on --- */
static void run_changes(void)
{
    uint8_t buf[512], zeros[512] = {0};
    g_autofree char *cut = in_top("CUT"), *gone = in_top("GONE");
    uint32_t size;

    start();
    make_file("CUT", 'c', 8192);
    make_file("GONE", 'g', 8192);
    make_file("GROWN", 'G', 100);
    struct block_node *b = open_dir("");
    uint64_t at = find_file(b, "CUT        ", &size), at_gone = find_file(b, "GONE       ", &size),
             at_grown = find_file(b, "GROWN      ", &size);
    g_assert_cmpuint(size, ==, 100);
    g_assert_cmpint(truncate(cut, 4096), ==, 0);
    make_file("GROWN", 'G', 5000);
    g_assert_cmpint(unlink(gone), ==, 0);
    for (int i = 0; i < 2; i++) {
        g_assert_cmpint(block_pread(b, buf, 512, at + 3584), ==, 0);
        g_assert_cmphex(buf[511], ==, 'c');
        g_assert_cmpint(block_pread(b, buf, 512, at + 4096), ==, 0);
        g_assert_cmpmem(buf, 512, zeros, 512);
        g_assert_cmpint(block_pread(b, buf, 512, at_grown), ==, 0);
        g_assert_cmphex(buf[99], ==, 'G');
        g_assert_cmpmem(buf + 100, 412, zeros, 412);
        g_assert_cmpint(block_pread(b, buf, 512, at_gone), ==, -ENOENT);
    }
    make_file("CUT", 'n', 8192);
    block_close_all();
}

static void test_changes_on_the_host_are_told_once(void)
{
    if (g_test_subprocess()) {
        run_changes();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*'CUT' has changed on the host*");
    g_test_trap_assert_stderr("*'GONE' cannot be opened any more*");
    g_test_trap_assert_stderr("*'GROWN' has changed*");
    g_test_trap_assert_stderr_unmatched("*'GONE'*'GONE'*");
}

static unsigned open_files(void)
{
    GDir *d = g_dir_open("/proc/self/fd", 0, NULL);
    unsigned n = 0;

    while (g_dir_read_name(d))
        n++;
    g_dir_close(d);
    return n;
}

static void test_few_files_are_kept_open(void)
{
    uint8_t buf[512];
    uint32_t size;

    start();
    for (int i = 0; i < 40; i++) {
        g_autofree char *name = g_strdup_printf("FILE%d", i);
        make_file(name, (char)('0' + i), 3000);
    }
    struct block_node *b = open_dir("");
    unsigned before = open_files();
    for (int i = 0; i < 120; i++) {
        g_autofree char *name = g_strdup_printf("FILE%-7d", i * 7 % 40);
        uint64_t at = find_file(b, name, &size);
        g_assert_cmpint(block_pread(b, buf, 512, at + 2048), ==, 0);
        g_assert_cmphex(buf[511], ==, '0' + i * 7 % 40);
    }
    g_assert_cmpuint(open_files(), <=, before + 8);
    block_close_all();
    g_assert_cmpuint(open_files(), <, before);
}

/* --- limits --- */
static void test_what_does_not_fit_is_told(void)
{
    start();
    make_file("A", 'a', 100);
    expect_refusal("rw:", "", "cannot be written to");
    expect_refusal("16:floppy:", "", "a floppy disk has FAT12");
    expect_refusal("", "file.label=much too long", "wanted 1 to 11");
    expect_refusal("", "file.label=a/b", "wanted 1 to 11");
    make_sparse("B", 4 << 20);
    expect_refusal("floppy:", "", "do not fit on a floppy disk of 2880 KiB");
    make_sparse("C", (off_t)3 << 30);
    expect_refusal("16:", "", "too much for FAT16; fat:32:");
    expect_refusal("12:", "", "too much for FAT12");
    block_close(open_dir("")); /* becomes FAT32 */
    make_sparse("D", (off_t)1 << 32);
    expect_refusal("", "", "'D' is too large: a file on FAT has at most 4 GiB - 1 bytes");
    make_sparse("D", ((off_t)1 << 32) - 1);
    struct block_node *b = open_dir("32:");
    g_assert_cmpuint(block_size(b), >, (uint64_t)7 << 30);
    block_close_all();
}

static void test_deep_trees_end(void)
{
    GString *path = g_string_new("d");

    start();
    for (int i = 0; i < 70; i++)
        g_string_append(path, "/d");
    make_dir(path->str);
    g_string_free(path, TRUE);
    expect_refusal("", "", "lies too deep");
}

/* Names of 240 characters take 20 entries each. */
static void test_a_large_root_directory_grows_or_is_refused(void)
{
    start();
    for (int i = 0; i < 3300; i++) {
        g_autofree char *name = g_strdup_printf("%0240d", i);
        make_file(name, 'x', 0);
    }
    expect_refusal("", "", "directory '.' needs 66001 entries, FAT has at most 65536");
    remove_tree(top);
    start();
    for (int i = 0; i < 2000; i++) {
        g_autofree char *name = g_strdup_printf("%0240d", i);
        make_file(name, 'x', 0);
    }
    block_close(open_dir("16:"));
    block_close(open_dir("32:"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *dir = g_dir_make_tmp("tinamou-fat-XXXXXX", NULL);
    top = g_build_filename(dir, "tree", NULL);
    g_test_add_func("/fat/read-only", test_a_disk_is_read_only_without_being_told);
    g_test_add_func("/fat/pieces", test_any_piece_is_what_the_whole_has_there);
    g_test_add_func("/fat/map", test_free_space_is_a_hole);
    g_test_add_func("/fat/changes", test_changes_on_the_host_are_told_once);
    g_test_add_func("/fat/files", test_few_files_are_kept_open);
    g_test_add_func("/fat/limits", test_what_does_not_fit_is_told);
    g_test_add_func("/fat/deep", test_deep_trees_end);
    g_test_add_func("/fat/root", test_a_large_root_directory_grows_or_is_refused);
    int ret = g_test_run();
    remove_tree(dir);
    g_free(top);
    return ret;
}
