/* Give others access to a disk image by the NBD protocol: the options of qemu-nbd. */
#include "tools/nbdtool.h"

#include "block/block.h"
#include "block/nbd_server.h"
#include "tools/object.h"
#include "util/optparse.h"
#include "util/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    OPT_CACHE = 256,
    OPT_AIO,
    OPT_DISCARD,
    OPT_ZEROES,
    OPT_IMAGE_OPTS,
    OPT_FORK,
    OPT_PID_FILE,
    OPT_OBJECT,
    OPT_TLS,
    OPT_TLS_HOST,
    OPT_TLS_AUTHZ,
    OPT_SELINUX
};
enum { FIRST_PASSED_FD = 3 };

const char *nbd_program;

struct nbd_args {
    const char *file, *format, *path, *bind, *port, *name, *description, *cache, *aio, *discard,
        *zeroes, *snapshot, *pid_file, *offset, *bitmap, *tls_id, *tls_host;
    bool read_only, overlay, persistent, image_opts, fork, list, depth;
    uint64_t shared;
    int ready_fd; /* where the parent waits, or -1 */
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {"port", required_argument, NULL, 'p'},
    {"bind", required_argument, NULL, 'b'},
    {"socket", required_argument, NULL, 'k'},
    {"shared", required_argument, NULL, 'e'},
    {"persistent", no_argument, NULL, 't'},
    {"verbose", no_argument, NULL, 'v'},
    {"export-name", required_argument, NULL, 'x'},
    {"description", required_argument, NULL, 'D'},
    {"offset", required_argument, NULL, 'o'},
    {"allocation-depth", no_argument, NULL, 'A'},
    {"bitmap", required_argument, NULL, 'B'},
    {"list", no_argument, NULL, 'L'},
    {"object", required_argument, NULL, OPT_OBJECT},
    {"tls-creds", required_argument, NULL, OPT_TLS},
    {"tls-authz", required_argument, NULL, OPT_TLS_AUTHZ},
    {"tls-hostname", required_argument, NULL, OPT_TLS_HOST},
    {"trace", required_argument, NULL, 'T'},
    {"fork", no_argument, NULL, OPT_FORK},
    {"pid-file", required_argument, NULL, OPT_PID_FILE},
    {"selinux-label", required_argument, NULL, OPT_SELINUX},
    {"connect", required_argument, NULL, 'c'},
    {"disconnect", required_argument, NULL, 'd'},
    {"format", required_argument, NULL, 'f'},
    {"read-only", no_argument, NULL, 'r'},
    {"snapshot", no_argument, NULL, 's'},
    {"load-snapshot", required_argument, NULL, 'l'},
    {"nocache", no_argument, NULL, 'n'},
    {"cache", required_argument, NULL, OPT_CACHE},
    {"aio", required_argument, NULL, OPT_AIO},
    {"discard", required_argument, NULL, OPT_DISCARD},
    {"detect-zeroes", required_argument, NULL, OPT_ZEROES},
    {"image-opts", no_argument, NULL, OPT_IMAGE_OPTS},
    {0},
};

static const char help_text[] =
    "  -h, --help              show this\n"
    "  -V, --version           show the version\n"
    "Where peers connect:\n"
    "  -p, --port=PORT         a TCP port (default: 10809)\n"
    "  -b, --bind=ADDR         of this address (default: all)\n"
    "  -k, --socket=PATH       a UNIX socket instead\n"
    "  -e, --shared=N          by how many at the same time, 0: any number (default: 1)\n"
    "  -t, --persistent        go on when the last one has gone\n"
    "  -x, --export-name=NAME  under this name (default: empty)\n"
    "  -D, --description=TEXT  what peers are told of it\n"
    "  -L, --list              list what the server there offers, and exit\n"
    "      --tls-creds=ID      peers must use TLS, with these credentials (see --object); with\n"
    "                          --list, those of a client\n"
    "      --tls-hostname=NAME with --list: the name in the server's certificate\n"
    "What they get:\n"
    "  -f, --format=FORMAT     format of the image (default: found out)\n"
    "  -r, --read-only         nothing is written\n"
    "  -s, --snapshot          what is written is dropped at the end\n"
    "  -l, --load-snapshot=ID_OR_NAME\n"
    "                          a snapshot that is in the image, read-only\n"
    "  -o, --offset=BYTES      the image from there on (a multiple of 512)\n"
    "  -A, --allocation-depth  tell which image of the chain data come from\n"
    "  -B, --bitmap=NAME       tell what a dirty bitmap of the image has\n"
    "      --cache=MODE        none, writeback, writethrough, directsync or unsafe; -n: none\n"
    "      --aio=MODE          threads or io_uring\n"
    "      --discard=MODE      unmap (default) or ignore\n"
    "      --detect-zeroes=M   off, on or unmap\n"
    "      --image-opts        FILE is options, as of -blockdev\n"
    "The process:\n"
    "      --fork              go to the background once peers can connect\n"
    "      --pid-file=FILE     write the process id there\n"
    "      --object=TYPE,id=ID,...\n"
    "                          secret, tls-creds-x509, tls-creds-psk or tls-creds-anon\n"
    "      --trace, -v         accepted\n";

void nbd_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    fprintf(stderr, "%s: %s\n", nbd_program, text);
}

static bool fail(struct error *take_err)
{
    nbd_error("%s", error_text(take_err));
    error_free(take_err);
    return false;
}

/* --- options --- */
static bool unknown_option(char **argv)
{
    const char *word = argv[optind - 1], *names[G_N_ELEMENTS(long_options)] = {0};

    for (size_t i = 0; long_options[i].name; i++)
        names[i] = long_options[i].name;
    g_autofree char *name = g_strndup(word, strcspn(word, "="));
    const char *near = g_str_has_prefix(name, "--") ? nearest_name(name + 2, names) : NULL;
    if (near)
        nbd_error("no option '%s', did you mean '--%s'?", word, near);
    else
        nbd_error("no option '%s', or its argument is missing (%s --help lists them)", word,
                  nbd_program);
    return false;
}

static bool refuse(int opt)
{
    if (opt == OPT_TLS_AUTHZ)
        nbd_error(
            "--tls-authz is not supported: verify-peer=on of the credentials lets in all whom "
            "their authority vouches for");
    else if (opt == OPT_SELINUX)
        nbd_error("--selinux-label is not supported");
    else
        nbd_error("-%c: connecting the kernel's devices is nbd-client(8)'s: serve with -k PATH, "
                  "then nbd-client -unix PATH /dev/nbdN",
                  opt);
    return false;
}

static bool take_shared(struct nbd_args *a, const char *text)
{
    struct error *err = NULL;

    if (parse_uint(text, INT32_MAX, &a->shared, &err))
        return true;
    error_prefix(&err, "--shared");
    return fail(err);
}

static bool add_object(const char *text)
{
    struct error *err = NULL;

    return tool_object(text, &err) || fail(err);
}

static bool take_option(int opt, struct nbd_args *a)
{
    switch (opt) {
    case 'p': a->port = optarg; return true;
    case 'b': a->bind = optarg; return true;
    case 'k': a->path = optarg; return true;
    case 'e': return take_shared(a, optarg);
    case 't': a->persistent = true; return true;
    case 'x': a->name = optarg; return true;
    case 'D': a->description = optarg; return true;
    case 'o': a->offset = optarg; return true;
    case 'A': a->depth = true; return true;
    case 'B': a->bitmap = optarg; return true;
    case 'L': a->list = true; return true;
    case 'f': a->format = optarg; return true;
    case 'r': a->read_only = true; return true;
    case 's': a->overlay = true; return true;
    case 'l':
        a->snapshot = optarg;
        a->read_only = true;
        return true;
    case 'n': a->cache = "none"; return true;
    case OPT_CACHE: a->cache = optarg; return true;
    case OPT_AIO: a->aio = optarg; return true;
    case OPT_DISCARD: a->discard = optarg; return true;
    case OPT_ZEROES: a->zeroes = optarg; return true;
    case OPT_IMAGE_OPTS: a->image_opts = true; return true;
    case OPT_FORK: a->fork = true; return true;
    case OPT_PID_FILE: a->pid_file = optarg; return true;
    case OPT_TLS: a->tls_id = optarg; return true;
    case OPT_TLS_HOST: a->tls_host = optarg; return true;
    case OPT_OBJECT: return add_object(optarg);
    case 'v':
    case 'T': return true;
    default: return refuse(opt);
    }
}

static void print_and_exit(int opt)
{
    if (opt == 'V')
        printf("qemu-nbd 7.2.0 (Tinamou %s)\n", TINAMOU_VERSION);
    else
        printf("usage: %s [OPTION...] FILE\nGive others access to a disk image by NBD.\n%s",
               nbd_program, help_text);
    exit(0);
}

static bool parse(int argc, char **argv, struct nbd_args *a)
{
    int opt;

    opterr = 0;
    while ((opt = getopt_long(argc, argv, ":hVp:b:k:e:tvx:D:o:AB:LT:c:d:f:rsl:n", long_options,
                              NULL)) != -1) {
        if (opt == '?' || opt == ':')
            return unknown_option(argv);
        if (opt == 'h' || opt == 'V')
            print_and_exit(opt);
        if (!take_option(opt, a))
            return false;
    }
    int words = argc - optind;
    a->file = words ? argv[optind] : NULL;
    if (words == !a->list)
        return true;
    nbd_error(a->list ? "--list takes no file" : "wanted one image, found %d words (%s --help)",
              words, nbd_program);
    return false;
}

/* --- the image --- */
static bool get_flags(const struct nbd_args *a, unsigned *flags)
{
    static const char *const discards[] = {"unmap", "on", "ignore", "off", NULL};
    const char *discard = a->discard ? a->discard : "unmap";

    *flags =
        BLOCK_NO_WARN | (a->read_only ? BLOCK_READ_ONLY : 0) | (a->overlay ? BLOCK_SNAPSHOT : 0);
    if (a->cache && !block_cache_flags(a->cache, flags)) {
        nbd_error("--cache=%s: wanted none, writeback, writethrough, directsync or unsafe",
                  a->cache);
        return false;
    }
    if (!g_strv_contains(discards, discard)) {
        nbd_error("--discard=%s: wanted unmap or ignore", discard);
        return false;
    }
    *flags |= !strcmp(discard, "unmap") || !strcmp(discard, "on") ? BLOCK_UNMAP : 0;
    return true;
}

/* A window onto the image is a raw node above it. */
static void add_offset(const struct nbd_args *a, struct opts *o)
{
    bool raw = !a->format || !strcmp(a->format, "raw");

    opts_set(o, "offset", a->offset);
    if (!raw)
        opts_set(o, "file.driver", a->format);
    opts_set(o, raw ? "file.filename" : "file.file.filename", a->file);
}

static struct block_node *open_image(const struct nbd_args *a)
{
    struct error *err = NULL;
    unsigned flags;

    if (!get_flags(a, &flags))
        return NULL;
    struct opts *o = a->image_opts ? opts_parse_any(a->file, "driver", &err) : opts_parse("", NULL);
    bool from_opts = a->image_opts || a->offset;
    if (o && a->aio)
        opts_set(o, a->image_opts ? "aio" : "file.aio", a->aio);
    if (o && a->zeroes)
        opts_set(o, "detect-zeroes", a->zeroes);
    if (o && a->offset)
        add_offset(a, o);
    struct block_node *b = o ? block_open_drive(NULL, from_opts ? NULL : a->file,
                                                a->offset ? "raw" : a->format, o, flags, &err)
                             : NULL;
    if (b && !block_check_options(o, NULL, &err)) {
        block_close(b);
        b = NULL;
    }
    opts_free(o);
    if (!b)
        fail(err);
    return b;
}

/* ID_OR_NAME, or snapshot.id=ID,snapshot.name=NAME. */
static bool load_snapshot(struct block_node *b, const char *text)
{
    struct opts *o = opts_parse(text, "which");
    const char *which = opts_get(o, "snapshot.id", opts_get(o, "snapshot.name", NULL));
    struct error *err = NULL;

    bool ok = block_snapshot_load(b, which ? which : text, &err);
    opts_free(o);
    return ok || fail(err);
}

/* --- the process --- */
static gboolean quit(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

/* On a thread of the server's. */
static void last_has_gone(void *loop)
{
    g_idle_add(quit, loop);
}

static bool write_pid(const char *path)
{
    FILE *f = fopen(path, "w");
    bool ok = f && fprintf(f, "%ld\n", (long)getpid()) > 0;

    if (f && fclose(f))
        ok = false;
    if (!ok)
        nbd_error("could not write '%s': %s", path, g_strerror(errno));
    return ok;
}

/* The parent goes when the child is ready, or has failed. */
static bool go_to_background(struct nbd_args *a)
{
    int fds[2];
    char byte;

    if (pipe2(fds, O_CLOEXEC)) {
        nbd_error("no pipe: %s", g_strerror(errno));
        return false;
    }
    pid_t pid = fork();
    if (pid < 0) {
        nbd_error("no child process: %s", g_strerror(errno));
        return false;
    }
    if (pid > 0) {
        close(fds[1]);
        _exit(read(fds[0], &byte, 1) == 1 ? 0 : 1);
    }
    close(fds[0]);
    setsid();
    a->ready_fd = fds[1];
    return true;
}

static void say_ready(const struct nbd_args *a)
{
    int null = a->ready_fd < 0 ? -1 : open("/dev/null", O_RDWR | O_CLOEXEC);

    if (a->ready_fd < 0)
        return;
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    if (write(a->ready_fd, "", 1) == 1)
        close(a->ready_fd);
}

/* A service manager may pass the socket.  Ref: sd_listen_fds(3). */
static int passed_socket(void)
{
    const char *pid = g_getenv("LISTEN_PID"), *n = g_getenv("LISTEN_FDS");

    if (!pid || !n || strtol(pid, NULL, 10) != getpid() || strtol(n, NULL, 10) < 1)
        return -1;
    fcntl(FIRST_PASSED_FD, F_SETFD, FD_CLOEXEC);
    return FIRST_PASSED_FD;
}

static bool serve(const struct nbd_args *a, struct block_node *b, GMainLoop *loop)
{
    int fd = passed_socket();
    bool passed = fd >= 0;
    const char *const bitmaps[] = {a->bitmap, NULL};
    struct nbd_listen l = {.path = passed ? NULL : a->path,
                           .host = a->bind,
                           .port = a->port,
                           .fd = fd,
                           .max_connections = (unsigned)a->shared,
                           .idle = a->persistent ? NULL : last_has_gone,
                           .opaque = loop};
    struct nbd_export_opts e = {.id = "image",
                                .name = a->name ? a->name : "",
                                .description = a->description,
                                .node = b,
                                .writable = !block_read_only(b),
                                .allocation_depth = a->depth,
                                .bitmaps = bitmaps};
    struct error *err = NULL;

    if (a->tls_id && !(l.tls = tls_creds_get(a->tls_id, true, &err))) {
        error_prefix(&err, "--tls-creds");
        return fail(err);
    }
    bool ok = nbd_export_add(&e, &err) && nbd_server_start(&l, &err);
    tls_creds_put(l.tls);
    if (!ok)
        return fail(err);
    if (a->pid_file && !write_pid(a->pid_file))
        return false;
    say_ready(a);
    for (const int *sig = (const int[]){SIGTERM, SIGINT, SIGHUP, 0}; *sig; sig++)
        g_unix_signal_add(*sig, quit, loop);
    g_main_loop_run(loop);
    if (a->pid_file)
        unlink(a->pid_file);
    return true;
}

static bool run(struct nbd_args *a)
{
    if (a->fork && !go_to_background(a))
        return false;
    struct block_node *b = open_image(a);
    if (!b || (a->snapshot && !load_snapshot(b, a->snapshot)))
        return false;
    GMainLoop *loop = g_main_loop_new(NULL, FALSE);
    bool ok = serve(a, b, loop);
    nbd_server_stop();
    g_main_loop_unref(loop);
    return ok;
}

static int list(const struct nbd_args *a)
{
    struct error *err = NULL;
    struct tls_creds *tls = a->tls_id ? tls_creds_get(a->tls_id, false, &err) : NULL;

    if (err) {
        error_prefix(&err, "--tls-creds");
        fail(err);
        return 1;
    }
    if (a->tls_host && g_strcmp0(a->tls_host, a->bind)) {
        nbd_error("--tls-hostname=%s: the name in the server's certificate must be that of --bind",
                  a->tls_host);
        tls_creds_put(tls);
        return 1;
    }
    int status = nbd_list(a->path, a->bind, a->port, tls);
    tls_creds_put(tls);
    return status;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    struct nbd_args a = {.shared = 1, .ready_fd = -1};

    nbd_program = slash ? slash + 1 : argv[0];
    if (!parse(argc, argv, &a))
        return 1;
    if (a.list)
        return list(&a);
    bool ok = run(&a);
    block_close_all();
    return ok ? 0 : 1;
}
