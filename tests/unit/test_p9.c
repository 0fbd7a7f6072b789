/* The 9P file server on a directory, one message at a time. */
#include "fsdev/fsdev.h"
#include "util/bits.h"

#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { RLERROR = 7, TLOPEN = 12, TLCREATE = 14, TRENAME = 20, TGETATTR = 24, TSETATTR = 26 };
enum { TXATTRWALK = 30, TREADDIR = 40, TMKDIR = 72, TUNLINKAT = 76, TVERSION = 100 };
enum { TATTACH = 104, TWALK = 110, TREAD = 116, TWRITE = 118, TCLUNK = 120, TREMOVE = 122 };

struct rig {
    char *dir;
    struct p9_server *s;
    uint8_t reply[8192];
};

static char *path_of(const struct rig *r, const char *name)
{
    return g_build_filename(r->dir, name, NULL);
}

static size_t put(uint8_t *buf, uint64_t v, unsigned n)
{
    uint8_t le[8];
    st_le64(le, v);
    memcpy(buf, le, n);
    return n;
}

/* Send a message whose fields are given as in "4" (a number of 4 bytes) or "s" (text); 0 or the
 * error that came back. */
static int ask(struct rig *r, uint8_t type, const char *fields, ...)
{
    uint8_t buf[4096];
    size_t n = 7;
    va_list ap;
    va_start(ap, fields);
    for (const char *f = fields; *f; f++) {
        if (*f == 's') {
            const char *text = va_arg(ap, const char *);
            n += put(buf + n, strlen(text), 2);
            memcpy(buf + n, text, strlen(text));
            n += strlen(text);
        } else {
            n += put(buf + n, va_arg(ap, uint64_t), (unsigned)(*f - '0'));
        }
    }
    va_end(ap);
    put(buf, n, 4);
    buf[4] = type;
    put(buf + 5, 77, 2);
    struct iovec out = {buf, n}, in = {r->reply, sizeof(r->reply)};
    size_t got = p9_server_handle(r->s, &out, 1, &in, 1);
    g_assert_cmpuint(got, ==, ld_le32(r->reply));
    g_assert_cmpuint(ld_le16(r->reply + 5), ==, 77);
    if (r->reply[4] == RLERROR)
        return (int)ld_le32(r->reply + 7);
    g_assert_cmpuint(r->reply[4], ==, type + 1);
    return 0;
}
#define N(v) ((uint64_t)(v))

static struct rig *new_rig(const char *options)
{
    struct rig *r = g_new0(struct rig, 1);
    struct error *err = NULL;
    g_autofree char *top = g_dir_make_tmp("p9-XXXXXX", NULL);
    r->dir = g_build_filename(top, "share", NULL);
    g_autofree char *secret = g_build_filename(top, "secret", NULL);
    g_autofree char *text = g_strdup_printf("local,id=s,path=%s,%s", r->dir, options);
    g_assert_true(g_file_set_contents(secret, "secret", -1, NULL));
    g_assert_cmpint(g_mkdir(r->dir, 0700), ==, 0);
    struct opts *o = opts_parse(text, "fsdriver");
    if (!fsdev_new(o, &err))
        g_error("%s", error_text(err));
    opts_free(o);
    r->s = p9_server_new(fsdev_find("s"));
    g_assert_cmpint(ask(r, TVERSION, "4s", N(8192), "9P2000.L"), ==, 0);
    g_assert_cmpint(ask(r, TATTACH, "44ss4", N(0), N(~0U), "", "", N(0)), ==, 0);
    return r;
}

static void rig_free(struct rig *r)
{
    g_autofree char *top = g_path_get_dirname(r->dir);
    g_autofree char *command = g_strdup_printf("rm -rf %s", top);
    p9_server_free(r->s);
    fsdev_free_all();
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, NULL, NULL));
    g_free(r->dir);
    g_free(r);
}

static int walk(struct rig *r, uint32_t from, uint32_t to, const char *name)
{
    return ask(r, TWALK, "442s", N(from), N(to), N(1), name);
}

static void test_what_is_written_reads_back(void)
{
    struct rig *r = new_rig("security_model=none");
    g_assert_cmpint(ask(r, TWALK, "442", N(0), N(1), N(0)), ==, 0);
    g_assert_cmpint(ask(r, TLCREATE, "4s444", N(1), "f", N(0102), N(0644), N(0)), ==, 0);
    g_assert_cmpint(ask(r, TWRITE, "48448", N(1), N(2), N(8), N(0), N(0)), ==, 0);
    g_assert_cmpint(ask(r, TREAD, "484", N(1), N(0), N(100)), ==, 0);
    g_assert_cmpuint(ld_le32(r->reply + 7), ==, 10);
    g_assert_cmpint(ask(r, TCLUNK, "4", N(1)), ==, 0);
    g_assert_cmpint(ask(r, TREAD, "484", N(1), N(0), N(100)), ==, EBADF);
    rig_free(r);
}

/* Each way out of the directory: a name with a slash, two dots, a link. */
static void test_no_name_leads_out(void)
{
    struct rig *r = new_rig("security_model=none");
    g_autofree char *link = path_of(r, "link"), *up = path_of(r, "up");
    g_assert_cmpint(symlink("../secret", link), ==, 0);
    g_assert_cmpint(symlink("..", up), ==, 0);
    g_assert_cmpint(walk(r, 0, 1, "../secret"), ==, ENOENT);
    g_assert_cmpint(walk(r, 0, 1, "/etc"), ==, ENOENT);
    g_assert_cmpint(walk(r, 0, 1, ".."), ==, 0); /* the root's parent is the root */
    g_assert_cmpint(walk(r, 1, 2, "secret"), ==, ENOENT);
    g_assert_cmpint(walk(r, 0, 2, "link"), ==, 0);
    g_assert_cmpint(ask(r, TLOPEN, "44", N(2), N(0)), ==, ELOOP);
    g_assert_cmpint(walk(r, 0, 3, "up"), ==, 0);
    g_assert_cmpint(walk(r, 3, 4, "secret"), ==, ENOTDIR);
    g_assert_cmpint(ask(r, TLCREATE, "4s444", N(0), "../new", N(0101), N(0644), N(0)), ==, EINVAL);
    g_assert_cmpint(ask(r, TLCREATE, "4s444", N(0), "link", N(0101), N(0644), N(0)), ==, ELOOP);
    g_assert_cmpint(ask(r, TMKDIR, "4s44", N(0), "..", N(0755), N(0)), ==, EINVAL);
    g_assert_cmpint(ask(r, TUNLINKAT, "4s4", N(0), "../secret", N(0)), ==, EINVAL);
    rig_free(r);
}

/* A pipe would block us, a device would be the host's. */
static void test_special_files_are_not_opened(void)
{
    struct rig *r = new_rig("security_model=none");
    g_autofree char *pipe = path_of(r, "pipe");
    g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
    g_assert_cmpint(walk(r, 0, 1, "pipe"), ==, 0);
    g_assert_cmpint(ask(r, TLOPEN, "44", N(1), N(0)), ==, ENXIO);
    rig_free(r);
}

static void test_modes_are_mapped(void)
{
    struct rig *r = new_rig("security_model=mapped-xattr");
    g_autofree char *d = path_of(r, "d");
    struct stat st;
    uint8_t mode[4];
    g_assert_cmpint(ask(r, TMKDIR, "4s44", N(0), "d", N(01755), N(5)), ==, 0);
    g_assert_cmpint(stat(d, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 07777, ==, 0700);
    if (getxattr(d, "user.virtfs.mode", mode, 4) == 4)
        g_assert_cmpint(ld_le32(mode), ==, S_IFDIR | 01755);
    g_assert_cmpint(walk(r, 0, 1, "d"), ==, 0);
    g_assert_cmpint(ask(r, TGETATTR, "48", N(1), N(0x7ff)), ==, 0);
    g_assert_cmpint(ld_le32(r->reply + 7 + 8 + 13), ==, S_IFDIR | 01755);
    g_assert_cmpint(ld_le32(r->reply + 7 + 8 + 13 + 8), ==, 5);
    g_assert_cmpint(ask(r, TXATTRWALK, "44s", N(1), N(2), "user.virtfs.mode"), ==, ENODATA);
    g_assert_cmpint(ask(r, TXATTRWALK, "44s", N(1), N(2), ""), ==, 0);
    g_assert_cmpuint(ld_le64(r->reply + 7), ==, 0); /* ours are not listed */
    rig_free(r);
}

static void test_renamed_and_removed(void)
{
    struct rig *r = new_rig("security_model=none");
    g_autofree char *a = path_of(r, "a"), *b = path_of(r, "b");
    g_assert_true(g_file_set_contents(a, "text", -1, NULL));
    g_assert_cmpint(walk(r, 0, 1, "a"), ==, 0);
    g_assert_cmpint(ask(r, TRENAME, "44s", N(1), N(0), "b"), ==, 0);
    g_assert_true(g_file_test(b, G_FILE_TEST_EXISTS));
    g_assert_cmpint(ask(r, TLOPEN, "44", N(1), N(0)), ==, 0);
    g_assert_cmpint(ask(r, TREMOVE, "4", N(1)), ==, 0);
    g_assert_false(g_file_test(b, G_FILE_TEST_EXISTS));
    g_assert_cmpint(ask(r, TCLUNK, "4", N(1)), ==, EBADF);
    rig_free(r);
}

static void test_read_only(void)
{
    struct rig *r = new_rig("security_model=none,readonly=on");
    g_autofree char *a = path_of(r, "a");
    g_assert_true(g_file_set_contents(a, "text", -1, NULL));
    g_assert_cmpint(walk(r, 0, 1, "a"), ==, 0);
    g_assert_cmpint(ask(r, TLOPEN, "44", N(1), N(2)), ==, EROFS);
    g_assert_cmpint(ask(r, TLOPEN, "44", N(1), N(01000)), ==, EROFS);
    g_assert_cmpint(ask(r, TLOPEN, "44", N(1), N(0)), ==, 0);
    g_assert_cmpint(ask(r, TMKDIR, "4s44", N(0), "d", N(0755), N(0)), ==, EROFS);
    g_assert_cmpint(ask(r, TREMOVE, "4", N(1)), ==, EROFS);
    rig_free(r);
}

/* Messages that end too early, name no fid, or say nonsense. */
static void test_bad_messages(void)
{
    struct rig *r = new_rig("security_model=none");
    g_assert_cmpint(ask(r, TWALK, "44", N(0), N(1)), ==, EINVAL);
    g_assert_cmpint(ask(r, TWALK, "442", N(0), N(1), N(17)), ==, EINVAL);
    g_assert_cmpint(ask(r, TWALK, "442", N(9), N(1), N(0)), ==, EBADF);
    g_assert_cmpint(ask(r, TWALK, "4424", N(0), N(1), N(1), N(0xffff)), ==, EINVAL);
    g_assert_cmpint(ask(r, TATTACH, "44ss4", N(0), N(~0U), "", "", N(0)), ==, EINVAL);
    g_assert_cmpint(ask(r, 200, "4", N(0)), ==, EOPNOTSUPP);
    g_assert_cmpint(ask(r, TREADDIR, "484", N(0), N(0), N(100)), ==, EBADF);
    g_assert_cmpint(ask(r, TVERSION, "4s", N(8192), "9P2000.u"), ==, 0);
    g_assert_nonnull(memmem(r->reply, 64, "unknown", 7));
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/p9/write and read", test_what_is_written_reads_back);
    g_test_add_func("/p9/no name leads out", test_no_name_leads_out);
    g_test_add_func("/p9/special files are not opened", test_special_files_are_not_opened);
    g_test_add_func("/p9/modes are mapped", test_modes_are_mapped);
    g_test_add_func("/p9/rename and remove", test_renamed_and_removed);
    g_test_add_func("/p9/read-only", test_read_only);
    g_test_add_func("/p9/bad messages", test_bad_messages);
    return g_test_run();
}
