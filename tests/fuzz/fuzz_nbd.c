/*
 * Any bytes as what a client sends to the NBD server: both phases, with a small qcow2 image that it
 * may write to, and one that it may not.
 */
#include "block/nbd_server.h"
#include "tests/fuzz/fuzz.h"
#include "util/bits.h"
#include "util/optparse.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char *image;

static void remove_image(void)
{
    g_unlink(image);
}

static void add_export(const char *name, struct block_node *b, bool writable)
{
    struct nbd_export_opts e = {
        .id = name, .node = b, .writable = writable, .allocation_depth = true};

    if (!nbd_export_add(&e, NULL))
        abort();
}

static void set_up(void)
{
    struct opts *o = opts_parse("size=1M", NULL);

    image = g_strdup_printf("%s/fuzz-nbd-%ld.qcow2", g_get_tmp_dir(), (long)getpid());
    if (!block_create("qcow2", image, o, NULL))
        abort();
    opts_free(o);
    struct block_node *b = block_open("disk", image, "qcow2", false, false, NULL);
    if (!b)
        abort();
    atexit(remove_image);
    add_export("", b, true);
    add_export("r", b, false);
}

static void *drain(void *fd)
{
    uint8_t buf[65536];

    while (read(GPOINTER_TO_INT(fd), buf, sizeof(buf)) > 0)
        continue;
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    int fds[2];

    if (!image)
        set_up();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
        abort();
    if (send(fds[0], data, len, MSG_NOSIGNAL) != (ssize_t)len)
        abort();
    shutdown(fds[0], SHUT_WR);
    GThread *t = g_thread_new("drain", drain, GINT_TO_POINTER(fds[0]));
    nbd_serve(fds[1]);
    g_thread_join(t);
    close(fds[0]);
    return 0;
}

/* --- inputs to begin with: a whole conversation --- */
static size_t put_option(uint8_t *p, uint32_t option, const void *data, uint32_t n)
{
    memcpy(p, "IHAVEOPT", 8);
    st_be32(p + 8, option);
    st_be32(p + 12, n);
    memcpy(p + 16, data, n);
    return 16 + n;
}

static size_t put_request(uint8_t *p, uint64_t random)
{
    uint32_t type = random % 9, n = random >> 8 & 0xff;

    memset(p, 0, 28 + 256);
    st_be32(p, 0x25609513);
    st_be16(p + 4, (uint16_t)(random >> 16 & (random >> 32 & 31)));
    st_be16(p + 6, (uint16_t)(type == 2 ? 7 : type));
    st_be64(p + 8, random);
    st_be64(p + 16, random >> 40 & 0xfffff);
    st_be32(p + 24, type == 1 ? n : n << (random >> 60));
    return 28 + (type == 1 ? n : 0);
}

size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    static const char context[] = "\0\0\0\0\0\0\0\2\0\0\0\17base:allocation\0\0\0\5qemu:";
    static const char go[] = "\0\0\0\0\0\1\0\3", go_r[] = "\0\0\0\1r\0\0";
    size_t n = 4;

    st_be32(buf, 3);
    n += put_option(buf + n, 8, "", 0);
    n += put_option(buf + n, random & 1 ? 9 : 10, context, sizeof(context) - 1);
    if (random & 2)
        n += put_option(buf + n, 3, "", 0);
    if (random & 4)
        n += put_option(buf + n, 6, go, 8);
    if (random & 8)
        n += put_option(buf + n, 7, go, 8);
    else
        n += put_option(buf + n, random & 16 ? 7 : 1, go_r, random & 16 ? 7 : 0);
    for (unsigned i = 0; i < 20; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        n += put_request(buf + n, random ^ random >> 29);
    }
    return n;
}
