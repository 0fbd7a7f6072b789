/* The NBD server, judged by libnbd, and by hand where that would not send what is wrong. */
#include "block/nbd_server.h"
#include "util/bits.h"
#include "util/optparse.h"
#include "util/secret.h"
#include "util/tls.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <libnbd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MIB = 1 << 20, SIZE = 8 * MIB };

static char *dir;

struct bench {
    char *image, *path;
    struct block_node *disk;
    struct nbd_handle *h;
};

static void check(bool ok, struct error *err)
{
    if (!ok)
        g_error("%s", error_text(err));
}

static void nbd(int ret)
{
    if (ret < 0)
        g_error("%s", nbd_get_error());
}

static struct nbd_handle *client(const char *path, const char *name)
{
    struct nbd_handle *h = nbd_create();

    g_assert_nonnull(h);
    nbd(nbd_set_export_name(h, name));
    nbd(nbd_add_meta_context(h, LIBNBD_CONTEXT_BASE_ALLOCATION));
    nbd(nbd_add_meta_context(h, "qemu:allocation-depth"));
    nbd(nbd_set_strict_mode(h, 0)); /* let wrong requests through */
    nbd(nbd_connect_unix(h, path));
    return h;
}

/* Credentials of that id, whose keys are in a directory of that name. */
static void make_psk(const char *id, const char *keys, bool server)
{
    g_autofree char *sub = g_build_filename(dir, id, NULL);
    g_autofree char *path = g_build_filename(sub, "keys.psk", NULL);
    g_autofree char *text =
        g_strdup_printf("dir=%s,endpoint=%s,username=alice", sub, server ? "server" : "client");
    struct opts *o = opts_parse(text, NULL);
    struct error *err = NULL;

    g_assert_cmpint(g_mkdir(sub, 0700), ==, 0);
    g_assert_true(g_file_set_contents(path, keys, -1, NULL));
    check(tls_creds_create("tls-creds-psk", id, o, &err), err);
    opts_free(o);
}

static void remove_psk(const char *id)
{
    g_autofree char *sub = g_build_filename(dir, id, NULL);
    g_autofree char *path = g_build_filename(sub, "keys.psk", NULL);

    g_assert_true(tls_creds_delete(id));
    g_unlink(path);
    g_rmdir(sub);
}

static void start(struct bench *t, unsigned max)
{
    struct nbd_listen l = {.path = t->path, .fd = -1, .max_connections = max};
    struct error *err = NULL;

    check(nbd_server_start(&l, &err), err);
}

static struct bench bench_new(bool writable)
{
    static unsigned n;
    struct bench t = {.image = g_strdup_printf("%s/%u.qcow2", dir, n),
                      .path = g_strdup_printf("%s/%u.sock", dir, n)};
    struct opts *o = opts_parse("size=8M", NULL);
    struct error *err = NULL;

    n++;
    check(block_create("qcow2", t.image, o, &err), err);
    opts_free(o);
    t.disk = block_open("disk", t.image, "qcow2", false, false, &err);
    check(t.disk, err);
    block_set_discard(t.disk, true);
    start(&t, 0);
    check(nbd_export_add(&(struct nbd_export_opts){.id = "e",
                                                   .name = "one",
                                                   .description = "first",
                                                   .node = t.disk,
                                                   .writable = writable,
                                                   .allocation_depth = true},
                         &err),
          err);
    t.h = client(t.path, "one");
    return t;
}

static void bench_free(struct bench *t)
{
    if (t->h)
        nbd_close(t->h);
    nbd_server_stop();
    g_assert_false(g_file_test(t->path, G_FILE_TEST_EXISTS));
    block_close_all();
    g_unlink(t->image);
    g_free(t->image);
    g_free(t->path);
}

static void expect_bytes(struct nbd_handle *h, uint64_t off, size_t n, uint8_t value, uint32_t how)
{
    g_autofree uint8_t *buf = g_malloc(n);

    memset(buf, ~value, n);
    nbd(nbd_pread(h, buf, n, off, how));
    for (size_t i = 0; i < n; i++)
        g_assert_cmphex(buf[i], ==, value);
}

static void test_what_is_written_is_read(void)
{
    struct bench t = bench_new(true);
    g_autofree uint8_t *buf = g_malloc(3 * MIB);

    memset(buf, 0x5a, 3 * MIB);
    nbd(nbd_pwrite(t.h, buf, 3 * MIB, 1000, LIBNBD_CMD_FLAG_FUA));
    nbd(nbd_flush(t.h, 0));
    expect_bytes(t.h, 1000, 3 * MIB, 0x5a, 0);
    expect_bytes(t.h, 0, 1000, 0, LIBNBD_CMD_FLAG_DF);
    nbd(nbd_zero(t.h, 70000, 4000, LIBNBD_CMD_FLAG_NO_HOLE));
    nbd(nbd_zero(t.h, MIB + 1, MIB, LIBNBD_CMD_FLAG_FUA));
    expect_bytes(t.h, 4000, 70000, 0, 0);
    expect_bytes(t.h, MIB + 1, MIB, 0, 0);
    nbd(nbd_trim(t.h, 2 * MIB, MIB, 0));
    expect_bytes(t.h, 3 * MIB, 1000, 0x5a, 0);
    /* What one connection flushed, another reads. */
    struct nbd_handle *other = client(t.path, "one");
    g_assert_cmpint(nbd_can_multi_conn(other), ==, 1);
    expect_bytes(other, 1000, 3000, 0x5a, 0);
    nbd_close(other);
    bench_free(&t);
}

static void test_zeros_that_must_be_fast(void)
{
    struct bench t = bench_new(true);
    g_autofree char *above = g_strdup_printf("%s/above.qcow2", dir);
    struct error *err = NULL;

    g_assert_cmpint(nbd_can_fast_zero(t.h), ==, 1);
    nbd(nbd_zero(t.h, MIB, 0, LIBNBD_CMD_FLAG_FAST_ZERO));
    /* An old image cannot hide what lies below but by writing zeros. */
    g_autofree char *text =
        g_strdup_printf("size=8M,compat=0.10,backing_file=%s,backing_fmt=qcow2", t.image);
    struct opts *o = opts_parse(text, NULL);
    nbd_server_stop();
    block_close_all();
    check(block_create("qcow2", above, o, &err), err);
    opts_free(o);
    t.disk = block_open("disk", above, "qcow2", false, false, &err);
    check(t.disk, err);
    start(&t, 0);
    check(nbd_export_add(
              &(struct nbd_export_opts){.id = "e", .name = "one", .node = t.disk, .writable = true},
              &err),
          err);
    struct nbd_handle *h = client(t.path, "one");
    g_assert_cmpint(nbd_zero(h, MIB, 0, LIBNBD_CMD_FLAG_FAST_ZERO), <, 0);
    g_assert_cmpint(nbd_get_errno(), ==, ENOTSUP);
    nbd(nbd_zero(h, MIB, 0, 0));
    nbd_close(h);
    bench_free(&t);
    g_unlink(above);
}

/* By a client with these credentials, or none: the handle, or NULL. */
static struct nbd_handle *tls_client(const char *path, const char *id)
{
    struct error *err = NULL;
    struct tls_creds *c = id ? tls_creds_get(id, false, &err) : NULL;
    struct nbd_handle *h = nbd_create();

    check(!err, err);
    nbd(nbd_set_export_name(h, "one"));
    if (c)
        nbd(nbd_use_tls(h, c));
    if (nbd_connect_unix(h, path) < 0)
        g_clear_pointer(&h, nbd_close);
    tls_creds_put(c);
    return h;
}

static void test_tls_is_wanted_when_there_is_a_key(void)
{
    static const char key[] =
        "alice:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                      other[] =
                          "alice:ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    struct bench t = bench_new(true);
    g_autofree uint8_t *buf = g_malloc(3 * MIB);
    struct error *err = NULL;

    nbd_close(t.h);
    nbd_server_stop();
    make_psk("server", key, true);
    make_psk("client", key, false);
    make_psk("stranger", other, false);
    struct nbd_listen l = {.path = t.path, .fd = -1, .tls = tls_creds_get("server", true, &err)};
    check(l.tls && nbd_server_start(&l, &err), err);
    tls_creds_put(l.tls);
    struct nbd_export_opts e = {.id = "e", .name = "one", .node = t.disk, .writable = true};
    check(nbd_export_add(&e, &err), err);
    g_assert_null(tls_client(t.path, NULL));
    g_assert_null(tls_client(t.path, "stranger"));
    t.h = tls_client(t.path, "client");
    g_assert_nonnull(t.h);
    g_assert_true(tls_creds_in_use("server"));
    memset(buf, 0xa5, 3 * MIB);
    nbd(nbd_pwrite(t.h, buf, 3 * MIB, 77, LIBNBD_CMD_FLAG_FUA));
    expect_bytes(t.h, 77, 3 * MIB, 0xa5, 0);
    bench_free(&t);
    g_assert_false(tls_creds_in_use("server"));
    remove_psk("server");
    remove_psk("client");
    remove_psk("stranger");
}

static char *secret_of(const char *options, struct error **errp)
{
    struct opts *o = opts_parse(options, NULL);
    bool ok = secret_create("s", o, errp);
    char *text = ok ? secret_get("s", NULL, errp) : NULL;

    opts_free(o);
    g_assert_cmpint(secret_delete("s"), ==, ok);
    return text;
}

static void test_secrets_are_decoded_and_deciphered(void)
{
    struct error *err = NULL;
    struct opts *key =
        opts_parse("format=base64,data=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", NULL);
    g_autofree char *raw = secret_of("data=letmein", &err);
    g_autofree char *coded = secret_of("data=bGV0\nbWVpbg==,format=base64", &err);

    check(secret_create("master", key, &err), err);
    opts_free(key);
    /* openssl enc -aes-256-cbc -a -K 000102...1f -iv 000102...0f */
    g_autofree char *hidden = secret_of("keyid=master,format=base64,iv=AAECAwQFBgcICQoLDA0ODw==,"
                                        "data=SI4JuWqmJF8bjD9IJ662eg==",
                                        &err);
    check(hidden, err);
    g_assert_cmpstr(raw, ==, "letmein");
    g_assert_cmpstr(coded, ==, "letmein");
    g_assert_cmpstr(hidden, ==, "letmein");
    g_assert_null(
        secret_of("keyid=master,format=base64,iv=AAECAwQFBgcICQoLDA0ODw==,data=AAAA", NULL));
    g_assert_null(secret_of("keyid=nobody,format=base64,iv=AA==,data=AAAA", NULL));
    g_assert_null(secret_of("format=base64,data=a*b", NULL));
    g_assert_true(secret_delete("master"));
}

struct extents {
    uint32_t entry[64];
    size_t n;
    const char *of;
};

static int note_extents(void *opaque, const char *context, uint64_t off G_GNUC_UNUSED,
                        uint32_t *entries, size_t n, int *error G_GNUC_UNUSED)
{
    struct extents *x = opaque;

    if (strcmp(context, x->of))
        return 0;
    x->n = MIN(n, G_N_ELEMENTS(x->entry));
    memcpy(x->entry, entries, x->n * sizeof(*entries));
    return 0;
}

static struct extents status(struct nbd_handle *h, const char *of, uint64_t off, uint64_t n,
                             uint32_t flags)
{
    struct extents x = {.of = of};

    nbd(nbd_block_status(h, n, off, (nbd_extent_callback){note_extents, &x, NULL}, flags));
    return x;
}

static void test_extents_tell_data_from_holes(void)
{
    struct bench t = bench_new(true);
    g_autofree uint8_t *buf = g_malloc0(MIB);
    const char *alloc = LIBNBD_CONTEXT_BASE_ALLOCATION;

    buf[0] = 1;
    nbd(nbd_pwrite(t.h, buf, MIB, MIB, 0));
    struct extents x = status(t.h, alloc, 0, SIZE, 0);
    static const uint32_t want[] = {MIB, 3, MIB, 0, 6 * MIB, 3};
    g_assert_cmpmem(x.entry, x.n * 4, want, sizeof(want));
    x = status(t.h, alloc, MIB / 2, SIZE / 2, LIBNBD_CMD_FLAG_REQ_ONE);
    g_assert_cmpuint(x.n, ==, 2);
    g_assert_cmpuint(x.entry[0], ==, MIB / 2);
    x = status(t.h, "qemu:allocation-depth", 0, 2 * MIB, 0);
    static const uint32_t depth[] = {MIB, 0, MIB, 1};
    g_assert_cmpmem(x.entry, x.n * 4, depth, sizeof(depth));
    bench_free(&t);
}

static void test_what_is_wrong_is_refused_and_nothing_more(void)
{
    struct bench t = bench_new(false);
    uint8_t buf[512] = {0};

    g_assert_cmpint(nbd_is_read_only(t.h), ==, 1);
    g_assert_cmpint(nbd_pwrite(t.h, buf, 512, 0, 0), <, 0);
    g_assert_cmpint(nbd_get_errno(), ==, EPERM);
    g_assert_cmpint(nbd_zero(t.h, 512, 0, 0), <, 0);
    g_assert_cmpint(nbd_get_errno(), ==, EPERM);
    g_assert_cmpint(nbd_pread(t.h, buf, 512, SIZE - 100, 0), <, 0);
    g_assert_cmpint(nbd_get_errno(), ==, EINVAL);
    g_assert_cmpint(nbd_pread(t.h, buf, 512, UINT64_MAX - 100, 0), <, 0);
    g_assert_cmpint(nbd_cache(t.h, 512, SIZE - 100, 0), <, 0);
    g_assert_cmpint(nbd_get_errno(), ==, EINVAL);
    nbd(nbd_cache(t.h, 512, 0, 0));
    g_assert_cmpint(nbd_pread(t.h, buf, 512, 0, LIBNBD_CMD_FLAG_REQ_ONE), <, 0);
    expect_bytes(t.h, 0, 512, 0, 0);
    bench_free(&t);
}

static void test_writes_beyond_the_end_find_no_space(void)
{
    struct bench t = bench_new(true);
    uint8_t buf[512] = {0};

    g_assert_cmpint(nbd_pwrite(t.h, buf, 512, SIZE - 511, 0), <, 0);
    g_assert_cmpint(nbd_get_errno(), ==, ENOSPC);
    nbd(nbd_pwrite(t.h, buf, 512, SIZE - 512, 0));
    bench_free(&t);
}

static int note_name(void *opaque, const char *name, const char *description)
{
    g_string_append_printf(opaque, "%s=%s ", name, description);
    return 0;
}

static void test_exports_are_listed_added_and_removed(void)
{
    struct bench t = bench_new(false);
    struct nbd_handle *h = nbd_create();
    g_autoptr(GString) names = g_string_new(NULL);
    struct nbd_export_opts two = {.id = "f", .name = "two", .node = t.disk};
    struct error *err = NULL;

    check(nbd_export_add(&two, &err), err);
    g_assert_false(nbd_export_add(&two, &err));
    error_free(err);
    err = NULL;
    nbd(nbd_set_opt_mode(h, true));
    nbd(nbd_connect_unix(h, t.path));
    nbd(nbd_opt_list(h, (nbd_list_callback){note_name, names, NULL}));
    g_assert_cmpstr(names->str, ==, "one=first two= ");
    nbd(nbd_set_export_name(h, "three"));
    g_assert_cmpint(nbd_opt_info(h), <, 0);
    nbd(nbd_set_export_name(h, "one"));
    nbd(nbd_opt_info(h));
    g_assert_cmpint(nbd_get_size(h), ==, SIZE);
    nbd(nbd_opt_abort(h));
    nbd_close(h);
    g_assert_false(nbd_export_del("e", false, &err)); /* our client is there */
    error_free(err);
    err = NULL;
    check(nbd_export_del("e", true, &err), err);
    uint8_t byte;
    g_assert_cmpint(nbd_pread(t.h, &byte, 1, 0, 0), <, 0);
    bench_free(&t);
}

static void test_one_at_a_time_means_the_next_waits(void)
{
    struct bench t = bench_new(false);
    struct error *err = NULL;

    nbd_close(t.h);
    nbd_server_stop();
    start(&t, 1);
    check(nbd_export_add(&(struct nbd_export_opts){.id = "one", .node = t.disk}, &err), err);
    t.h = client(t.path, "one");
    g_assert_cmpint(nbd_can_multi_conn(t.h), ==, 0);
    struct nbd_handle *next = nbd_create();
    nbd(nbd_set_export_name(next, "one"));
    nbd(nbd_aio_connect_unix(next, t.path));
    struct pollfd p = {.fd = nbd_aio_get_fd(next), .events = POLLIN};
    g_assert_cmpint(poll(&p, 1, 50), ==, 0); /* no greeting */
    nbd_close(t.h);
    t.h = next;
    while (!nbd_aio_is_ready(next))
        nbd(nbd_poll(next, -1));
    expect_bytes(next, 0, 10, 0, 0);
    bench_free(&t);
}

/* ---- by hand ---- */

static void *serve_peer(void *fd)
{
    nbd_serve(GPOINTER_TO_INT(fd));
    return NULL;
}

/* Send n bytes, then the end; what comes back. */
static GByteArray *converse(const void *data, size_t n)
{
    GByteArray *got = g_byte_array_new();
    uint8_t buf[4096];
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    GThread *t = g_thread_new("peer", serve_peer, GINT_TO_POINTER(fds[1]));
    g_assert_cmpint(send(fds[0], data, n, MSG_NOSIGNAL), ==, (ssize_t)n);
    shutdown(fds[0], SHUT_WR);
    for (ssize_t m; (m = read(fds[0], buf, sizeof(buf))) > 0;)
        g_byte_array_append(got, buf, (guint)m);
    g_thread_join(t);
    close(fds[0]);
    return got;
}

static size_t put_option(uint8_t *p, uint32_t option, const void *data, uint32_t n)
{
    memcpy(p, "IHAVEOPT", 8);
    st_be32(p + 8, option);
    st_be32(p + 12, n);
    memcpy(p + 16, data, n);
    return 16 + n;
}

/* Options that nobody should send are answered by one error each, and the next is read. */
static void test_bad_options_are_answered(void)
{
    static const uint8_t long_name[] = {0, 0, 0, 200, 'a', 0, 0};
    uint8_t out[512] = {0, 0, 0, 3};
    size_t n = 4;

    n += put_option(out + n, 77, "x", 1);
    n += put_option(out + n, 5, "", 0);  /* STARTTLS */
    n += put_option(out + n, 3, "x", 1); /* LIST with data */
    n += put_option(out + n, 7, long_name, sizeof(long_name));
    n += put_option(out + n, 10, long_name, sizeof(long_name)); /* before structured replies */
    n += put_option(out + n, 2, "", 0);
    g_autoptr(GByteArray) got = converse(out, n);
    static const uint32_t want[] = {0x80000001, 0x80000002, 0x80000003, 0x80000003, 0x80000003, 1};
    size_t at = 18;
    for (size_t i = 0; i < G_N_ELEMENTS(want); i++) {
        g_assert_cmpuint(at + 20, <=, got->len);
        g_assert_cmphex(ld_be64(got->data + at), ==, UINT64_C(0x3e889045565a9));
        g_assert_cmphex(ld_be32(got->data + at + 12), ==, want[i]);
        at += 20 + ld_be32(got->data + at + 16);
    }
    g_assert_cmpuint(at, ==, got->len);
}

/* The oldest handshake, a request of an unknown kind, one with a wrong magic: the end. */
static void test_old_clients_and_noise(void)
{
    struct bench t = bench_new(false);
    uint8_t out[256] = {0, 0, 0, 1};
    size_t n = 4;

    n += put_option(out + n, 1, "one", 3);
    st_be32(out + n, 0x25609513);
    st_be16(out + n + 6, 99);
    st_be32(out + n + 28, 0x11111111);
    n += 2 * 28;
    g_autoptr(GByteArray) got = converse(out, n);
    g_assert_cmpuint(got->len, ==, 18 + 134 + 16);
    g_assert_cmpuint(ld_be64(got->data + 18), ==, SIZE);
    g_assert_cmphex(ld_be32(got->data + 152), ==, 0x67446698);
    g_assert_cmpuint(ld_be32(got->data + 156), ==, EINVAL);
    g_autoptr(GByteArray) noise = converse("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 31);
    g_assert_cmpuint(noise->len, ==, 18);
    bench_free(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("test_nbd_XXXXXX", NULL);
    g_test_add_func("/nbd/data", test_what_is_written_is_read);
    g_test_add_func("/nbd/fast-zero", test_zeros_that_must_be_fast);
    g_test_add_func("/nbd/tls", test_tls_is_wanted_when_there_is_a_key);
    g_test_add_func("/nbd/secrets", test_secrets_are_decoded_and_deciphered);
    g_test_add_func("/nbd/extents", test_extents_tell_data_from_holes);
    g_test_add_func("/nbd/refused", test_what_is_wrong_is_refused_and_nothing_more);
    g_test_add_func("/nbd/end", test_writes_beyond_the_end_find_no_space);
    g_test_add_func("/nbd/exports", test_exports_are_listed_added_and_removed);
    g_test_add_func("/nbd/one", test_one_at_a_time_means_the_next_waits);
    g_test_add_func("/nbd/options", test_bad_options_are_answered);
    g_test_add_func("/nbd/old", test_old_clients_and_noise);
    int ret = g_test_run();
    g_rmdir(dir);
    g_free(dir);
    return ret;
}
