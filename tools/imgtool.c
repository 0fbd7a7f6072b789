/* Disk images from the command line: the commands of qemu-img with their options, output and exit
 * statuses. */
#include "tools/img.h"
#include "tools/object.h"
#include "util/optparse.h"

#include <getopt.h>
#include <glib.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_LONG = 24 };

const char *img_program;

/* clang-format off */
const struct img_command img_commands[] = {
    {"bitmap", "--add|--remove|--clear|--enable|--disable|--merge SOURCE... [-b FILE [-F FORMAT]] [-f FORMAT] [-g SIZE] FILE NAME", "change dirty bitmaps", img_bitmap},
    {"check", "[-f FORMAT] [--output=human|json] [-r leaks|all] [-q] [-U] FILE", "look for damage, repair it", img_check},
    {"commit", "[-f FORMAT] [-b BASE] [-d] [-p] [-q] FILE", "write changes back to the backing file", img_commit},
    {"compare", "[-f FORMAT] [-F FORMAT2] [-s] [-p] [-q] [-U] FILE FILE2", "compare the contents of two images", img_compare},
    {"convert", "[-f FORMAT] [-O FORMAT] [-o OPTIONS] [-B BASE [-F FORMAT]] [-c] [-n] [-l SNAPSHOT] [-S SIZE] [-m N] [-W] [-p] [-q] [-U]\n"
     "            [--bitmaps [--skip-broken-bitmaps]] FILE... NEWFILE", "copy to another format", img_convert},
    {"create", "[-f FORMAT] [-b BASE [-F FORMAT]] [-u] [-o OPTIONS] [-q] FILE [SIZE]", "make an image", img_create},
    {"dd", "[-f FORMAT] [-O FORMAT] [bs=SIZE] [count=N] [skip=N] if=FILE of=NEWFILE", "copy blocks", img_dd},
    {"info", "[-f FORMAT] [--output=human|json] [--backing-chain] [-U] FILE", "tell what an image is", img_info},
    {"map", "[-f FORMAT] [--output=human|json] [--start-offset=N] [--max-length=N] [-U] FILE", "list where data lies", img_map},
    {"measure", "[-f FORMAT] [-O FORMAT] [-o OPTIONS] [--output=human|json] [--size SIZE | FILE]", "how large a new image would get", img_measure},
    {"rebase", "[-f FORMAT] [-u] -b BASE [-F FORMAT] [-p] [-q] FILE", "change the backing file", img_rebase},
    {"resize", "[-f FORMAT] [--preallocation=MODE] [--shrink] [-q] FILE [+|-]SIZE", "change the disk's size", img_resize},
    {"snapshot", "[-f FORMAT] [-l | -c NAME | -a NAME | -d NAME] [-q] [-U] FILE", "list, create, apply, delete snapshots", img_snapshot},
    {0},
};
/* clang-format on */

/* Commands that exist elsewhere. */
static const char *const foreign[] = {"amend", "bench", NULL};

static void say(const char *kind, const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);

    fflush(stdout);
    fprintf(stderr, "%s: %s%s\n", img_program, kind, text);
}

void img_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say("", fmt, ap);
    va_end(ap);
}

void img_warn(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say("warning: ", fmt, ap);
    va_end(ap);
}

int img_fail(struct error *take_err)
{
    img_error("%s", error_text(take_err));
    error_free(take_err);
    return IMG_FAILED;
}

/* --- options --- */
static const struct option common_long[] = {{"output", required_argument, NULL, IMG_OPT_OUTPUT},
                                            {"image-opts", no_argument, NULL, IMG_OPT_IMAGE_OPTS},
                                            {"object", required_argument, NULL, IMG_OPT_OBJECT},
                                            {"force-share", no_argument, NULL, 'U'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};

static int count_long(const struct option *o)
{
    int n = 0;

    while (o && o[n].name)
        n++;
    return n;
}

static void print_usage(const char *name)
{
    for (const struct img_command *c = img_commands; c->name; c++)
        if (!strcmp(c->name, name))
            printf("usage: %s %s %s\n%s\n", img_program, c->name, c->usage, c->help);
}

static int bad_option(char **argv, const struct option *table)
{
    const char *word = argv[optind - 1], *names[MAX_LONG + 1] = {0};

    for (int i = 0; i < MAX_LONG && table[i].name; i++)
        names[i] = table[i].name;
    g_autofree char *name = g_strndup(word, strcspn(word, "="));
    const char *near = g_str_has_prefix(name, "--") ? nearest_name(name + 2, names) : NULL;
    if (near)
        img_error("%s: no option '%s', did you mean '--%s'?", argv[0], word, near);
    else
        img_error("%s: no option '%s', or its argument is missing (%s %s -h lists them)", argv[0],
                  word, img_program, argv[0]);
    return '?';
}

static int output_format(const char *arg, struct img_args *a)
{
    a->json = !strcmp(arg, "json");
    if (a->json || !strcmp(arg, "human"))
        return 0;
    img_error("--output=%s: wanted human or json", arg);
    return '?';
}

static int take_object(const char *arg)
{
    struct error *err = NULL;

    if (tool_object(arg, &err))
        return 0;
    img_fail(err);
    return '?';
}

/* 0: handled; otherwise the option is the command's. */
static int common_option(int c, struct img_args *a)
{
    switch (c) {
    case 'f': a->format = optarg; return 0;
    case 'q': a->quiet = true; return 0;
    case 'p': a->progress = true; return 0;
    case 'U': a->share = true; return 0;
    case 't': a->cache = optarg; return 0;
    case 'T': a->src_cache = optarg; return 0;
    case IMG_OPT_OUTPUT: return output_format(optarg, a);
    case IMG_OPT_IMAGE_OPTS: a->image_opts = true; return 0;
    case IMG_OPT_OBJECT: return take_object(optarg);
    default: return c;
    }
}

int img_getopt(int argc, char **argv, const char *letters, const struct option *more,
               struct img_args *a)
{
    struct option table[MAX_LONG + 1] = {0};
    int n = count_long(more), m = count_long(common_long), c;
    g_autofree char *text = g_strconcat(":hqU", letters, NULL);

    memcpy(table, common_long, sizeof(*table) * (size_t)m);
    if (n)
        memcpy(table + m, more, sizeof(*table) * (size_t)n);
    opterr = 0;
    do {
        c = getopt_long(argc, argv, text, table, NULL);
        if (c == '?' || c == ':')
            return bad_option(argv, table);
        if (c == 'h') {
            print_usage(argv[0]);
            exit(IMG_OK);
        }
        c = common_option(c, a);
    } while (!c);
    return c;
}

bool img_want(int argc, char **argv, int n, const char *what)
{
    if (argc - optind == n)
        return true;
    img_error("%s: wanted %s, found %d words (%s %s -h shows how)", argv[0], what, argc - optind,
              img_program, argv[0]);
    return false;
}

bool img_parse_size(const char *text, uint64_t *size)
{
    struct error *err = NULL;

    if (parse_size(text, 1, size, &err))
        return true;
    img_fail(err);
    return false;
}

/* --- images --- */
struct block_node *img_open(const struct img_args *a, const char *path, const char *format,
                            const char *cache, unsigned flags)
{
    struct error *err = NULL;
    struct opts *o = NULL;

    if (cache && !block_cache_flags(cache, &flags)) {
        img_error("cache mode '%s': wanted none, writeback, writethrough, directsync or unsafe",
                  cache);
        return NULL;
    }
    flags |= BLOCK_NO_WARN | (a->share ? BLOCK_NO_LOCK : 0);
    if (a->image_opts)
        o = opts_parse_any(path, "driver", &err);
    struct block_node *b =
        err ? NULL : block_open_drive(NULL, a->image_opts ? NULL : path, format, o, flags, &err);
    if (b && o && !block_check_options(o, NULL, &err)) {
        block_close(b);
        b = NULL;
    }
    opts_free(o);
    if (!b)
        img_fail(err);
    return b;
}

/* --- output --- */
void img_progress(const struct img_args *a, uint64_t done, uint64_t all)
{
    static unsigned last = UINT32_MAX;
    unsigned now = all ? (unsigned)((double)done * 10000 / (double)all) : 10000;

    if (!a->progress || a->quiet || (now == last && done))
        return;
    last = now;
    printf("    (%.2f/100%%)\r", now / 100.0);
    fflush(stdout);
}

void img_progress_end(const struct img_args *a)
{
    img_progress(a, 1, 1);
    if (a->progress && !a->quiet)
        printf("\n");
}

char *img_human_size(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes;
    unsigned i = 0;

    for (; v >= 1000 && i < 6; i++)
        v /= 1024;
    return g_strdup_printf("%.3g %s", v, units[i]);
}

static void print_help(void)
{
    g_autofree char *names = g_strjoinv(" ", (char **)(uintptr_t)block_driver_names());

    printf("usage: %s COMMAND [OPTION...] FILE...\n\nCommands:\n", img_program);
    for (const struct img_command *c = img_commands; c->name; c++)
        printf("  %s\n    %s %s\n", c->help, c->name, c->usage);
    printf("\nSizes are in bytes, or have a suffix k, M, G, T, P or E.\nSupported formats: %s\n",
           names);
}

static int unknown_command(const char *name)
{
    const char *names[sizeof(img_commands) / sizeof(img_commands[0])];
    size_t n = 0;

    if (g_strv_contains(foreign, name)) {
        img_error("command '%s' is not supported", name);
        return IMG_FAILED;
    }
    for (const struct img_command *c = img_commands; c->name; c++)
        names[n++] = c->name;
    names[n] = NULL;
    const char *near = nearest_name(name, names);
    if (near)
        img_error("no command '%s', did you mean '%s'?", name, near);
    else
        img_error("no command '%s' (%s --help lists them)", name, img_program);
    return IMG_FAILED;
}

static bool is_word(const char *arg, const char *a, const char *b)
{
    return !strcmp(arg, a) || !strcmp(arg, b);
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    int at = 1;

    img_program = slash ? slash + 1 : argv[0];
    if (argc > 2 &&
        is_word(argv[1], "-T", "--trace")) /* tracing of the other program: nothing to trace here */
        at = 3;
    if (argc <= at) {
        img_error("wanted a command (%s --help lists them)", img_program);
        return IMG_FAILED;
    }
    if (is_word(argv[at], "-h", "--help")) {
        print_help();
        return IMG_OK;
    }
    if (is_word(argv[at], "-V", "--version")) {
        printf("qemu-img version 7.2.0 (Tinamou %s)\n", TINAMOU_VERSION);
        return IMG_OK;
    }
    for (const struct img_command *c = img_commands; c->name; c++)
        if (!strcmp(c->name, argv[at])) {
            int status = c->run(argc - at, argv + at);
            block_close_all();
            return status;
        }
    return unknown_command(argv[at]);
}
