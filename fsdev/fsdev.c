/* The list of shared directories, and the options that make one. */
#include "fsdev/fsdev_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MOST_FILES = 1 << 18, RESERVED_FILES = 512 };

/* Made from the command line before any device, freed after all of them. */
static struct fsdev *fsdevs;

struct fsdev *fsdev_find(const char *id)
{
    struct fsdev *f = fsdevs;
    while (f && strcmp(f->id, id) != 0)
        f = f->next;
    return f;
}

static void fsdev_free(struct fsdev *f)
{
    if (f->root >= 0)
        close(f->root);
    g_free(f->id);
    g_free(f->path);
    g_free(f);
}

void fsdev_free_all(void)
{
    while (fsdevs) {
        struct fsdev *f = fsdevs;
        fsdevs = f->next;
        fsdev_free(f);
    }
}

/* Each file that the guest knows is a descriptor here: raise the limit to what the host allows. */
static unsigned raise_file_limit(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l))
        return RESERVED_FILES;
    rlim_t want = MIN(l.rlim_max, (rlim_t)MOST_FILES + RESERVED_FILES);
    if (l.rlim_cur < want) {
        rlim_t had = l.rlim_cur;
        l.rlim_cur = want;
        if (setrlimit(RLIMIT_NOFILE, &l))
            l.rlim_cur = had;
    }
    rlim_t n = l.rlim_cur > 2 * RESERVED_FILES ? l.rlim_cur - RESERVED_FILES : l.rlim_cur / 2;
    return (unsigned)MIN(n, (rlim_t)MOST_FILES);
}

/* The index of the value of key among the NULL-terminated choices; -1 with *errp when it is none of
 * them. */
static int choice(struct opts *o, const char *key, const char *def, const char *const *choices,
                  struct error **errp)
{
    const char *value = opts_get(o, key, def);
    for (int i = 0; value && choices[i]; i++)
        if (!strcmp(choices[i], value))
            return i;
    g_autofree char *all = g_strjoinv(", ", (char **)(uintptr_t)choices);
    if (!value) {
        error_set(errp, "wanted %s=: one of %s", key, all);
        return -1;
    }
    const char *near = nearest_name(value, choices);
    error_set(errp, "%s=%s: wanted one of %s", key, value, all);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return -1;
}

static bool parse_model(struct opts *o, struct fsdev *f, struct error **errp)
{
    static const char *const names[] = {"passthrough", "none", "mapped-xattr", "mapped", NULL};
    const char *value = opts_get(o, "security_model", NULL);
    if (value && !strcmp(value, "mapped-file")) {
        error_set(errp, "security_model=mapped-file is not supported; use mapped-xattr");
        return false;
    }
    /* Whoever only reads has nothing to map. */
    int i = choice(o, "security_model", f->read_only ? "none" : NULL, names, errp);
    if (i < 0)
        return false;
    f->model = i == 0 ? SECURITY_PASSTHROUGH : i == 1 ? SECURITY_NONE : SECURITY_MAPPED;
    return true;
}

/* An octal mode; those of the host matter only where the guest's are kept elsewhere. */
static bool parse_mode(struct opts *o, const char *key, bool mapped, mode_t def, mode_t *out,
                       struct error **errp)
{
    const char *text = opts_get(o, key, NULL);
    char *end;
    *out = def;
    if (!text)
        return true;
    if (!mapped) {
        error_set(errp, "%s goes with security_model=mapped-xattr only", key);
        return false;
    }
    unsigned long v = strtoul(text, &end, 8);
    if (*text == '\0' || *end || v > 0777) {
        error_set(errp, "%s=%s: wanted an octal mode from 0 to 0777", key, text);
        return false;
    }
    *out = (mode_t)v;
    return true;
}

static bool open_root(struct fsdev *f, struct error **errp)
{
    struct stat st;
    f->root = open(f->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (f->root < 0 || fstatat(f->root, "", &st, AT_EMPTY_PATH)) {
        error_set(errp, "could not open directory '%s': %s", f->path, strerror(errno));
        return false;
    }
    if (access(local_path(f->root).text, F_OK)) {
        error_set(errp, "sharing a directory needs /proc/self/fd, which is not there");
        return false;
    }
    f->root_dev = st.st_dev;
    f->max_files = raise_file_limit();
    return true;
}

static bool parse(struct opts *o, struct fsdev *f, struct error **errp)
{
    static const char *const drivers[] = {"local", NULL};
    static const char *const multidevs[] = {"remap", "forbid", "warn", NULL};
    static const char *const writeouts[] = {"", "immediate", NULL};
    static const char *const keys[] = {"fsdriver", "id",    "path",  "security_model", "readonly",
                                       "writeout", "fmode", "dmode", "multidevs",      NULL};
    if (choice(o, "fsdriver", NULL, drivers, errp) < 0 ||
        !opts_get_bool(o, "readonly", false, &f->read_only, errp) || !parse_model(o, f, errp))
        return false;
    bool mapped = f->model == SECURITY_MAPPED;
    if (!parse_mode(o, "fmode", mapped, 0600, &f->file_mode, errp) ||
        !parse_mode(o, "dmode", mapped, 0700, &f->dir_mode, errp))
        return false;
    int devs = choice(o, "multidevs", "remap", multidevs, errp);
    int writeout = devs < 0 ? -1 : choice(o, "writeout", "", writeouts, errp);
    if (writeout < 0)
        return false;
    f->multidevs = (enum multidevs)devs;
    f->sync_writes = writeout == 1;
    f->id = g_strdup(opts_get(o, "id", NULL));
    f->path = g_strdup(opts_get(o, "path", NULL));
    if (!f->path || !f->id || !*f->id) {
        error_set(errp, "wanted %s", f->path ? "id=ID" : "path=DIRECTORY");
        return false;
    }
    return opts_check_used(o, keys, errp);
}

bool fsdev_new(struct opts *o, struct error **errp)
{
    struct fsdev *f = g_new0(struct fsdev, 1);
    f->root = -1;
    bool ok = parse(o, f, errp);
    if (ok && fsdev_find(f->id)) {
        error_set(errp, "id=%s: another -fsdev has that id", f->id);
        ok = false;
    }
    if (!ok || !open_root(f, errp)) {
        fsdev_free(f);
        return false;
    }
    f->next = fsdevs;
    fsdevs = f;
    return true;
}

static bool parse_prop(void *field, const char *text, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (struct fsdev *f = fsdevs; f; f = f->next) {
        if (!strcmp(f->id, text)) {
            *(struct fsdev **)field = f;
            return true;
        }
        g_ptr_array_add(names, f->id);
    }
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(text, (const char *const *)names->pdata);
    error_set(errp, "there is no -fsdev with id '%s'", text);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return false;
}

static void print_prop(const void *field, FILE *out)
{
    const struct fsdev *f = *(struct fsdev *const *)field;
    fputs(f ? f->id : "", out);
}

const struct prop_kind prop_fsdev = {.name = "fsdev", .parse = parse_prop, .print = print_prop};
