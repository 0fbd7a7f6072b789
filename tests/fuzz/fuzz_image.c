/* Any bytes as a disk image of any format: opened, read, written, mapped, resized, its snapshots
 * used, checked, mended. */
#include "block/bitmap.h"
#include "block/block.h"
#include "tests/fuzz/fuzz.h"
#include "util/optparse.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FILE = 64 << 20, PIECE = 8192 };

static const char *image_path(void)
{
    static char *path;

    if (!path) {
        const char *dir = access("/dev/shm", W_OK) ? g_get_tmp_dir() : "/dev/shm";
        path = g_strdup_printf("%s/tinamou-fuzz-%d.img", dir, (int)getpid());
    }
    return path;
}

/* "SPRS" and pieces - sector (3 bytes), length (2 bytes), data - are a file with holes: of formats
 * whose parts lie far from each other. */
static bool write_pieces(int fd, const uint8_t *data, size_t len)
{
    struct fuzz_in in = {data + 4, len - len / 8 - 4};

    while (in.left > 5) {
        off_t at = (off_t)fuzz_take(&in, 3) * 512 % MAX_FILE;
        size_t n = fuzz_take(&in, 2);
        n = MIN(n, in.left);
        if (pwrite(fd, in.p, n, at) != (ssize_t)n)
            return false;
        in.p += n;
        in.left -= n;
    }
    return true;
}

static void write_file(const uint8_t *data, size_t len)
{
    int fd = open(image_path(), O_RDWR | O_CREAT | O_TRUNC, 0600);
    bool has_holes = len > 4 && !memcmp(data, "SPRS", 4);

    if (fd < 0 || !(has_holes ? write_pieces(fd, data, len) : write(fd, data, len) == (ssize_t)len))
        g_error("could not write '%s'", image_path());
    close(fd);
}

static void snapshots(struct block_node *b, uint64_t what)
{
    GArray *list = block_snapshot_list(b);
    struct block_snapshot s = {.icount = UINT64_MAX};
    struct error *err = NULL;
    bool ok = true;

    if (what & 1)
        ok = block_snapshot_create(b, &s, &err);
    for (guint i = 0; ok && list && i < MIN(list->len, 3); i++) {
        const struct block_snapshot *old = &g_array_index(list, struct block_snapshot, i);
        ok = what & 2 ? block_snapshot_goto(b, old->id, &err)
                      : block_snapshot_delete(b, old->id, &err);
    }
    error_free(err);
    if (list)
        g_array_unref(list);
}

static int vmstate(struct block_node *b, const uint8_t *buf, uint64_t off)
{
    int ret = off % 3 ? block_vmstate_begin(b) : 0;

    return ret ? ret : block_vmstate_write(b, buf, 700, off % 5 ? 0 : off);
}

static void transfer(struct block_node *b, uint64_t r)
{
    static uint8_t buf[PIECE];
    uint64_t size = block_size(b), off = size ? (r >> 8) % size : 0, n = MIN(PIECE, size - off);
    struct block_extent e;
    int ret = 0;

    switch (r & 7) {
    case 0: ret = block_pwrite(b, buf, n, off); break;
    case 1: ret = block_pwrite_zeroes(b, off, n, r & 8); break;
    case 2: ret = block_pdiscard(b, off, n); break;
    case 3: ret = block_flush(b); break;
    case 4: ret = n ? block_map(b, NULL, off, size - off, &e) : 0; break;
    case 5: ret = vmstate(b, buf, off); break;
    case 6: ret = block_pwrite_compressed(b, buf, n, off - off % PIECE); break;
    default: ret = block_pread(b, buf, n, off);
    }
    if (ret > 0)
        g_error("a positive result");
}

static void look(struct block_node *b)
{
    struct error *err = NULL;
    struct block_info info;

    if (block_get_info(b, &info, &err))
        block_info_fini(&info);
    error_free(err);
}

static void bitmaps(struct block_node *b, uint64_t r)
{
    struct bitmap_options o = {.name = "new", .granularity = 512, .persistent = r & 1};
    struct block_bitmap *last = NULL;
    struct error *err = NULL;

    if (!bitmap_add(b, &o, &err))
        g_clear_pointer(&err, error_free);
    for (struct block_bitmap *m = NULL; (m = bitmap_next(b, m)); last = m) {
        struct bitmap_info i;
        uint64_t n;
        bitmap_get_info(m, &i);
        (void)bitmap_run(m, r % (block_size(b) + 1), UINT64_MAX, &n);
        if ((last && !bitmap_merge(m, last, &err)) || (r & 2 && !bitmap_clear(m, &err)))
            g_clear_pointer(&err, error_free);
    }
    if (r & 4 && last && !bitmap_remove(b, last, &err))
        g_clear_pointer(&err, error_free);
}

static void use(struct block_node *b, struct fuzz_in *in, unsigned what)
{
    struct error *err = NULL;
    struct block_check r;

    look(b);
    for (int i = 0; i < 12; i++)
        transfer(b, fuzz_take(in, 6));
    if (what & 4)
        snapshots(b, what >> 3);
    if (what & 128)
        bitmaps(b, fuzz_take(in, 2));
    if (what & 32 && !block_resize(b, fuzz_take(in, 2) * 512, "off", &err))
        g_clear_pointer(&err, error_free);
    if (what & 64 && !block_check(b, block_read_only(b) ? 0 : 3, true, &r, &err))
        g_clear_pointer(&err, error_free);
    for (int i = 0; i < 8; i++)
        transfer(b, fuzz_take(in, 6));
}

/* Names of other files are left alone: an input must not reach them. */
static bool names_files(const uint8_t *data, size_t len)
{
    return memmem(data, len, "DATA", 4) || memmem(data, len, "json:", 5);
}

/* The last bytes say what is done with the image that the others are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_in in = {data + len - len / 8, len / 8};
    unsigned what = (unsigned)fuzz_take(&in, 1);
    unsigned flags = BLOCK_NO_WARN | BLOCK_QUIET | BLOCK_NO_FLUSH | BLOCK_NO_BACKING | BLOCK_UNMAP;
    struct error *err = NULL;

    if (names_files(data, len))
        return 0;
    write_file(data, len);
    flags |= what & 1 ? BLOCK_READ_ONLY : 0;
    flags |= what & 2 ? BLOCK_FOR_CHECK : 0;
    struct block_node *b = block_open_path(NULL, image_path(), NULL, flags, &err);
    if (b)
        use(b, &in, what);
    block_close(b);
    error_free(err);
    unlink(image_path());
    return 0;
}

/* A small image with something of everything in it. */
static void make_image(uint64_t random)
{
    static const char *const kinds[] = {"cluster_size=512,size=64k",
                                        "cluster_size=512,size=64k,compat=v2",
                                        "cluster_size=512,size=20k,refcount_bits=1",
                                        "cluster_size=1k,size=64k,compression_type=zstd",
                                        "cluster_size=512,size=64k,backing_file=x,backing_fmt=raw",
                                        "cluster_size=512,size=8k,refcount_bits=64"};
    struct opts *o = opts_parse(kinds[random % G_N_ELEMENTS(kinds)], NULL);
    struct block_snapshot s = {.name = "one", .icount = UINT64_MAX};
    static uint8_t text[1024];
    struct error *err = NULL;

    memset(text, 'x', sizeof(text));
    if (!block_create("qcow2", image_path(), o, &err))
        g_error("%s", error_text(err));
    opts_free(o);
    struct block_node *b =
        block_open_path(NULL, image_path(), "qcow2", BLOCK_NO_BACKING | BLOCK_NO_FLUSH, &err);
    if (!b)
        g_error("%s", error_text(err));
    int ret = block_pwrite(b, text, 1024, 1024) | block_pwrite_compressed(b, text, 1024, 4096) |
              block_pwrite_zeroes(b, 6144, 1024, true);
    if (ret || (random & 64 && !block_snapshot_create(b, &s, &err)))
        g_clear_pointer(&err, error_free);
    struct bitmap_options m = {.name = "m", .granularity = 512, .persistent = true};
    if (random & 128 && !bitmap_add(b, &m, &err))
        g_clear_pointer(&err, error_free);
    ret = block_pwrite(b, text, 512, 1024);
    block_close(b);
}

size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    g_autofree char *data = NULL;
    gsize len;

    make_image(random >> 8);
    if (!g_file_get_contents(image_path(), &data, &len, NULL))
        return 0;
    len = MIN(len, FUZZ_MAX - 512);
    memcpy(buf, data, len);
    for (int i = 0; i < 64; i++) /* what is done with it */
        buf[len + (size_t)i] = (uint8_t)(random >> (i % 8 * 8));
    unlink(image_path());
    return len + 64;
}
