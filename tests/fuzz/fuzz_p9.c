/*
 * A hostile client of the 9P server: any requests, in any order, with any names, on a directory
 * that has links out of itself.  Nothing outside may change, and nothing outside may be read.
 *
 * Input: a byte of choices, then requests: a type, and values for its fields.
 */
#include "fsdev/fsdev.h"
#include "tests/fuzz/fuzz.h"
#include "util/bits.h"

#include <ftw.h>
#include <glib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_REQUESTS = 100, BUFFER = 16384, HEADER = 7 };
static const char SECRET[] = "nothing in the share leads here";

/* Each request's fields: 1 2 4 8 numbers of so many bytes, f a fid, s a name, d data, n names. */
static const struct {
    uint8_t type;
    const char *fields;
} requests[] = {
    {8, "f"},      {12, "f4"},     {14, "fs444"}, {16, "fss4"},       {18, "fs4444"},
    {20, "ffs"},   {22, "f"},      {24, "f8"},    {26, "f444488888"}, {30, "ffs"},
    {32, "fs84"},  {40, "f84"},    {50, "f4"},    {52, "f14884s"},    {54, "f1884s"},
    {70, "ffs"},   {72, "fs44"},   {74, "fsfs"},  {76, "fs4"},        {100, "4s"},
    {102, "fss4"}, {104, "ffss4"}, {108, "2"},    {110, "ff n"},      {116, "f84"},
    {118, "f8d"},  {120, "f"},     {122, "f"},    {110, "ff n"},      {110, "ff n"},
    {12, "f4"},    {200, "448"},
};
static const char *const names[] = {
    "a",  "b",   "c",         "dir",           "..",     ".",        "",       "out",
    "up", "a/b", "../secret", "/etc/hostname", "secret", "9P2000.L", "user.x", "user.virtfs.uid",
};

static char *top;

static int remove_one(const char *path, const struct stat *st UNUSED, int type UNUSED,
                      struct FTW *at UNUSED)
{
    return remove(path);
}

/* top/secret, top/share/{out -> ../secret, up -> .., dir/} */
static void make_tree(void)
{
    g_autofree char *share = g_strdup_printf("%s/share", top);
    g_autofree char *secret = g_strdup_printf("%s/secret", top);
    g_autofree char *dir = g_strdup_printf("%s/dir", share);
    g_autofree char *out = g_strdup_printf("%s/out", share);
    g_autofree char *up = g_strdup_printf("%s/up", share);
    nftw(share, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (!g_file_test(secret, G_FILE_TEST_EXISTS) && !g_file_set_contents(secret, SECRET, -1, NULL))
        g_error("no temporary file");
    if (mkdir(share, 0700) || mkdir(dir, 0700) || symlink("../secret", out) || symlink("..", up))
        g_error("no temporary directory");
}

static void remove_top(void)
{
    nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void check_outside(void)
{
    g_autofree char *secret = g_strdup_printf("%s/secret", top), *text = NULL;
    GDir *d = g_dir_open(top, 0, NULL);
    unsigned n = 0;
    while (g_dir_read_name(d))
        n++;
    g_dir_close(d);
    if (n != 2 || !g_file_get_contents(secret, &text, NULL, NULL) || strcmp(text, SECRET) != 0)
        g_error("something outside the share changed");
}

static size_t put(uint8_t *buf, uint64_t v, unsigned n)
{
    uint8_t le[8];
    st_le64(le, v);
    memcpy(buf, le, n);
    return n;
}

static size_t put_name(uint8_t *buf, struct fuzz_in *in)
{
    uint64_t v = fuzz_take(in, 1);
    const char *name = names[v % ARRAY_SIZE(names)];
    size_t n = strlen(name);
    put(buf, v & 0x80 ? fuzz_take(in, 2) : n, 2);
    memcpy(buf + 2, name, n);
    return 2 + n;
}

/* Numbers are small more often than not. */
static uint64_t number(struct fuzz_in *in, unsigned n)
{
    uint64_t v = fuzz_take(in, 1);
    return v < 0xe0 ? v : fuzz_take(in, n);
}

static size_t put_field(uint8_t *buf, char field, struct fuzz_in *in)
{
    size_t n = 0;
    switch (field) {
    case 'f': return put(buf, fuzz_take(in, 1) % 8, 4);
    case 's': return put_name(buf, in);
    case 'd': n = put(buf, number(in, 4), 4); return n + put(buf + n, fuzz_take(in, 8), 8);
    case 'n': {
        uint64_t count = fuzz_take(in, 1) % 4;
        n = put(buf, count, 2);
        while (count--)
            n += put_name(buf + n, in);
        return n;
    }
    case ' ': return 0;
    default: return put(buf, number(in, (unsigned)(field - '0')), (unsigned)(field - '0'));
    }
}

static void one_request(struct p9_server *s, struct fuzz_in *in, uint8_t *out, uint8_t *reply)
{
    uint64_t v = fuzz_take(in, 1);
    size_t at = v % ARRAY_SIZE(requests), n = HEADER, cut = v & 0x80 ? fuzz_take(in, 1) : 0;
    out[4] = requests[at].type;
    st_le16(out + 5, (uint16_t)v);
    for (const char *f = requests[at].fields; *f; f++)
        n += put_field(out + n, *f, in);
    st_le32(out, (uint32_t)(cut ? number(in, 4) : n));
    n = cut ? MIN(n, cut) : n;
    size_t room = cut ? cut * 4 : BUFFER;
    struct iovec o[2] = {{out, n / 2}, {out + n / 2, n - n / 2}};
    struct iovec i[2] = {{reply, room / 3}, {reply + room / 3, room - room / 3}};
    size_t got = p9_server_handle(s, o, 2, i, 2);
    if (got > room || (got && ld_le32(reply) != got))
        g_error("an answer of %zu bytes says %u and has room for %zu", got, ld_le32(reply), room);
    if (memmem(reply, got, SECRET, strlen(SECRET)))
        g_error("an answer has bytes from outside the share");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const models[] = {"none", "mapped-xattr", "passthrough", "mapped"};
    struct fuzz_in in = {data, len};
    uint64_t how = fuzz_take(&in, 1);
    struct error *err = NULL;
    if (!top) {
        top = g_dir_make_tmp("fuzz-p9-XXXXXX", NULL);
        atexit(remove_top);
    }
    make_tree();
    g_autofree char *text =
        g_strdup_printf("local,id=f,path=%s/share,security_model=%s,readonly=%s", top,
                        models[how & 3], how & 4 && how & 8 ? "on" : "off");
    struct opts *o = opts_parse(text, "fsdriver");
    if (!fsdev_new(o, &err))
        g_error("%s", error_text(err));
    opts_free(o);
    struct p9_server *s = p9_server_new(fsdev_find("f"));
    g_autofree uint8_t *out = g_malloc0(BUFFER), *reply = g_malloc0(BUFFER);
    for (unsigned n = 0; in.left && n < MAX_REQUESTS; n++)
        one_request(s, &in, out, reply);
    p9_server_free(s);
    fsdev_free_all();
    check_outside();
    return 0;
}

/* A version, an attach as fid 0, some walks and opens, and more. */
size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    static const uint8_t head[] = {
        0,  19, 0xff, 0, 0,    1, 0, 13,       /* version, msize 65536 */
        21, 0,  7,    0, 0,    0,              /* attach fid 0 */
        23, 0,  1,    1, 3,                    /* walk to dir as fid 1 */
        23, 0,  2,    0,                       /* clone as fid 2 */
        2,  2,  0,    2, 0xff, 0, 1, 0,  0, 0, /* create a */
    };
    GRand *rng = g_rand_new_with_seed((guint32)random);
    size_t n = sizeof(head);
    memcpy(buf, head, n);
    buf[0] = (uint8_t)random;
    for (unsigned i = 32 + g_rand_int(rng) % 512; i; i--)
        buf[n++] = (uint8_t)g_rand_int(rng);
    g_rand_free(rng);
    return n;
}
