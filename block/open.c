/* From paths and options to nodes: protocols, probing, children, backing chains. */
#include "block/block_priv.h"

#include "util/log.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_CHAIN = 200,
    CHILD_FLAGS = BLOCK_READ_ONLY | BLOCK_AUTO_READ_ONLY | BLOCK_DIRECT | BLOCK_NO_FLUSH |
                  BLOCK_UNMAP | BLOCK_NO_LOCK
};

static _Thread_local unsigned
    chain_depth; /* images being opened: a chain that bites its tail must end */

/* Formats that are told by their first bytes, but that there is no driver for. */
static const struct {
    const char *format, *magic;
    size_t len;
} foreign[] = {
    {"luks", "LUKS\xba\xbe", 6},
    {"qed", "QED\0", 4},
    {"parallels", "WithoutFreeSpace", 16},
    {"parallels", "WithouFreSpacExt", 16},
};

static const char *const common_keys[] = {
    "driver",  "node-name",     "read-only",   "auto-read-only", "cache.direct", "cache.no-flush",
    "discard", "detect-zeroes", "force-share", "file",           "backing",      "filename"};

bool block_cache_flags(const char *mode, unsigned *flags)
{
    static const struct {
        const char *name;
        unsigned flags;
    } modes[] = {
        {"writeback", 0},
        {"none", BLOCK_DIRECT},
        {"off", BLOCK_DIRECT},
        {"writethrough", BLOCK_WRITETHROUGH},
        {"directsync", BLOCK_DIRECT | BLOCK_WRITETHROUGH},
        {"unsafe", BLOCK_NO_FLUSH},
    };

    for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
        if (!strcmp(mode, modes[i].name)) {
            *flags =
                (*flags & ~(BLOCK_DIRECT | BLOCK_WRITETHROUGH | BLOCK_NO_FLUSH)) | modes[i].flags;
            return true;
        }
    return false;
}

/* --- common options --- */
static bool set_flag(struct node_opts o, const char *key, unsigned bit, unsigned *flags,
                     struct error **errp)
{
    bool on;

    if (!node_opt_bool(o, key, *flags & bit, &on, errp))
        return false;
    *flags = on ? *flags | bit : *flags & ~bit;
    return true;
}

static bool read_common(struct node_opts o, unsigned *flags, enum block_zeroes *zeroes,
                        struct error **errp)
{
    static const char *const discard[] = {"", "ignore", "off", "unmap", "on", NULL};
    static const char *const detect[] = {"off", "on", "unmap", NULL};
    int d, z;

    if (!set_flag(o, "read-only", BLOCK_READ_ONLY, flags, errp) ||
        !set_flag(o, "auto-read-only", BLOCK_AUTO_READ_ONLY, flags, errp) ||
        !set_flag(o, "cache.direct", BLOCK_DIRECT, flags, errp) ||
        !set_flag(o, "cache.no-flush", BLOCK_NO_FLUSH, flags, errp) ||
        !set_flag(o, "force-share", BLOCK_NO_LOCK, flags, errp) ||
        (d = node_opt_choice(o, "discard", discard, errp)) < 0 ||
        (z = node_opt_choice(o, "detect-zeroes", detect, errp)) < 0)
        return false;
    if (d)
        *flags = d > 2 ? *flags | BLOCK_UNMAP : *flags & ~BLOCK_UNMAP;
    *zeroes = (enum block_zeroes)z;
    if (*zeroes == BLOCK_ZEROES_UNMAP && !(*flags & BLOCK_UNMAP)) {
        error_set(errp, "%sdetect-zeroes=unmap needs discard=unmap", o.prefix);
        return false;
    }
    if (*flags & BLOCK_NO_LOCK && !(*flags & BLOCK_READ_ONLY)) {
        error_set(errp, "%sforce-share=on needs read-only=on", o.prefix);
        return false;
    }
    return true;
}

static bool check_name(const char *name, struct error **errp)
{
    if (!g_ascii_isalpha(*name) ||
        strspn(name, G_CSET_A_2_Z G_CSET_a_2_z "0123456789-._") != strlen(name)) {
        error_set(errp, "node-name=%s: wanted a letter, then letters, digits, '-', '.' and '_'",
                  name);
        return false;
    }
    if (!block_find(name))
        return true;
    error_set(errp, "node-name=%s: that name is taken", name);
    return false;
}

static const struct block_driver *driver_by_name(const char *name, struct error **errp)
{
    const struct block_driver *drv = driver_find(name);

    if (drv)
        return drv;
    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
        if (!strcmp(name, foreign[i].format)) {
            error_set(errp, "format '%s' is not supported", name);
            return NULL;
        }
    g_autofree char *names = g_strjoinv(", ", (char **)(uintptr_t)block_driver_names());
    const char *near = nearest_name(name, block_driver_names());
    error_set(errp, "unknown format '%s', wanted one of %s", name, names);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    return NULL;
}

/* --- making one node --- */
static struct block_node *finish_node(struct block_node *take_b, struct node_opts o,
                                      enum block_zeroes zeroes, struct error **errp)
{
    const char *name = node_opt(o, "node-name", NULL);

    take_b->detect_zeroes = zeroes;
    if (name)
        take_b->name = g_strdup(name);
    if ((!name || check_name(name, errp)) && take_b->drv->open(take_b, o, errp) &&
        file_may_wait(take_b, errp)) {
        node_link(take_b);
        if (take_b->drv->has_backing && !node_open_backing(take_b, o, errp)) {
            node_unref(take_b);
            return NULL;
        }
        return take_b;
    }
    node_unref(take_b);
    return NULL;
}

static struct block_node *open_protocol(const struct block_driver *drv, const char *path,
                                        struct node_opts o, unsigned flags, struct error **errp)
{
    enum block_zeroes zeroes;

    if (!read_common(o, &flags, &zeroes, errp))
        return NULL;
    if (!path)
        path = node_opt(o, "filename", NULL);
    return finish_node(node_new(drv, path ? path : "", flags), o, zeroes, errp);
}

static struct block_node *open_format(const struct block_driver *drv, struct block_node *take_file,
                                      const char *path, struct node_opts o, unsigned flags,
                                      struct error **errp)
{
    enum block_zeroes zeroes;

    if (!read_common(o, &flags, &zeroes, errp)) {
        node_unref(take_file);
        return NULL;
    }
    if (take_file->drv->is_read_only)
        flags |= BLOCK_READ_ONLY;
    if (take_file->flags & BLOCK_READ_ONLY && !(flags & BLOCK_READ_ONLY)) {
        if (!(flags & BLOCK_AUTO_READ_ONLY)) {
            error_set(errp, "node '%s' is read-only: add read-only=on", take_file->name);
            node_unref(take_file);
            return NULL;
        }
        flags |= BLOCK_READ_ONLY;
    }
    struct block_node *b = node_new(drv, path ? path : take_file->path, flags);
    b->file = take_file;
    take_file->parents++;
    return finish_node(b, o, zeroes, errp);
}

/* --- paths --- */
/* The word before ':' when the path is no plain file. */
static char *scheme_of(const char *path)
{
    const char *colon = strchr(path, ':'), *slash = strchr(path, '/');

    if (!colon || colon == path || (slash && slash < colon))
        return NULL;
    char *word = g_strndup(path, colon - path);
    if (strspn(word, G_CSET_A_2_Z G_CSET_a_2_z "0123456789+-.") == strlen(word))
        return word;
    g_free(word);
    return NULL;
}

bool block_path_is_plain(const char *path)
{
    g_autofree char *scheme = scheme_of(path);

    return !scheme || !access(path, F_OK);
}

static const struct block_driver *driver_by_scheme(const char *scheme)
{
    for (const struct block_driver *const *d = block_drivers; *d; d++)
        if ((*d)->schemes && g_strv_contains((*d)->schemes, scheme))
            return *d;
    return NULL;
}

static bool is_known_scheme(const char *scheme)
{
    static const char *const known[] = {"http",   "https",    "ftp",     "ftps", "ssh",
                                        "iscsi",  "rbd",      "nfs",     "nvme", "vxhs",
                                        "quorum", "blkdebug", "gluster", NULL};

    return g_strv_contains(known, scheme);
}

/* The protocol that a path names: file, unless it says another. */
static const struct block_driver *driver_by_path(const char *path, struct error **errp)
{
    g_autofree char *scheme = scheme_of(path);

    if (!scheme || !access(path, F_OK))
        return &file_driver;
    const struct block_driver *drv = driver_by_scheme(scheme);
    if (drv)
        return drv;
    if (!is_known_scheme(scheme))
        return &file_driver;
    error_set(errp, "could not open '%s': protocol '%s' is not supported", path, scheme);
    return NULL;
}

static struct block_node *ref_named(const char *name, unsigned flags, struct error **errp)
{
    struct block_node *b = block_find(name);

    if (!b) {
        error_set(errp, "no node is named '%s'", name);
        return NULL;
    }
    if (b->owner) {
        error_set(errp, "node '%s' is in use by '%s'", name, b->owner);
        return NULL;
    }
    if (!node_check_idle(b, errp))
        return NULL;
    bool can_upgrade =
        b->flags & BLOCK_AUTO_READ_ONLY && b->flags & BLOCK_READ_ONLY && b->drv->reopen;
    if (can_upgrade && !(flags & BLOCK_READ_ONLY) && !b->drv->reopen(b, false, NULL))
        return node_ref(b); /* stays read-only: whoever needs more says so */
    return node_ref(b);
}

struct block_node *node_open_file(struct node_opts parent, const char *key, const char *path,
                                  unsigned flags, struct error **errp)
{
    g_autofree char *prefix = g_strconcat(parent.prefix, key, ".", NULL);
    const char *name = path || node_opt_has_group(parent, key) ? NULL : node_opt(parent, key, NULL);
    struct node_opts o = {parent.o, prefix};

    if (name && parent.o)
        return ref_named(name, flags, errp);
    const char *driver = node_opt(o, "driver", NULL);
    if (!path)
        path = node_opt(o, "filename", NULL);
    if (!path && !driver) {
        error_set(errp, "wanted %s%s=NODE or %s%s.filename=FILE", parent.prefix, key, parent.prefix,
                  key);
        return NULL;
    }
    const struct block_driver *drv =
        driver ? driver_by_name(driver, errp) : driver_by_path(path, errp);
    if (!drv)
        return NULL;
    if (!drv->is_protocol) /* a format in a format, as a raw window into a qcow2 */
        return node_open_image(path, drv->name, o, flags & CHILD_FLAGS, errp);
    return open_protocol(drv, path, o, flags & CHILD_FLAGS, errp);
}

/* --- formats --- */
static const struct block_driver *probe(struct block_node *file, struct error **errp)
{
    const struct block_driver *best = &raw_driver;
    uint8_t head[PROBE_SIZE];
    int best_score = 0;

    int ret = node_pread(file, head, sizeof(head), 0);
    if (ret) {
        error_set(errp, "could not read '%s' to find its format: %s", file->path, g_strerror(-ret));
        return NULL;
    }
    for (const struct block_driver *const *d = block_drivers; *d; d++) {
        int score = (*d)->probe ? (*d)->probe(head, sizeof(head)) : 0;
        if (score > best_score) {
            best = *d;
            best_score = score;
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
        if (!best_score && !memcmp(head, foreign[i].magic, foreign[i].len)) {
            error_set(errp,
                      "'%s': format '%s' is not supported (format=raw shows the file as it is)",
                      file->path, foreign[i].format);
            return NULL;
        }
    return best;
}

static struct block_node *open_probed(struct block_node *take_file, const char *path,
                                      struct node_opts o, unsigned flags, struct error **errp)
{
    const struct block_driver *drv = probe(take_file, errp);

    if (!drv) {
        node_unref(take_file);
        return NULL;
    }
    bool is_file = take_file->drv == &file_driver;
    struct block_node *b = open_format(drv, take_file, path, o, flags, errp);
    if (b && drv == &raw_driver && is_file) {
        b->is_guess = true; /* a commit may write to it later */
        if (!(b->flags & BLOCK_READ_ONLY) && !(flags & BLOCK_NO_WARN))
            log_warn("the format of '%s' was not given, and it looks like raw: writes that would "
                     "make its first sector "
                     "look like another format are refused; format=raw allows them",
                     b->path);
    }
    return b;
}

/* "json:{...}": the options of the image as its path. */
static struct block_node *open_json(const char *path, const char *format, unsigned flags,
                                    struct error **errp)
{
    struct opts *o = opts_parse_json(path + 5, errp);
    struct node_opts n = {o, ""};

    if (!o) {
        error_append(errp, " (as part of an option, each comma is written ',,')");
        return NULL;
    }
    const char *driver = node_opt(n, "driver", NULL);
    const struct block_driver *drv = driver ? driver_by_name(driver, errp) : NULL;
    struct block_node *b = NULL;
    if (drv && drv->is_protocol) { /* the file alone: look for its format, as for a path */
        struct block_node *file = open_protocol(drv, NULL, n, flags & CHILD_FLAGS, errp);
        const struct block_driver *f = file && format ? driver_by_name(format, errp) : NULL;
        if (file && !format)
            b = open_probed(file, file->path, (struct node_opts){NULL, ""}, flags, errp);
        else if (f)
            b = open_format(f, file, file->path, (struct node_opts){NULL, ""}, flags, errp);
        else
            node_unref(file);
    } else if (drv || !driver) {
        b = node_open_image(NULL, driver ? driver : format, n, flags, errp);
    }
    opts_free(o);
    if (!b)
        error_prefix(errp, "'%s'", path);
    return b;
}

static struct block_node *open_over_file(const char *path, const char *format, struct node_opts o,
                                         unsigned flags, struct error **errp)
{
    const struct block_driver *drv = format ? driver_by_name(format, errp) : NULL;

    if (format && !drv) {
        if (path)
            error_prefix(errp, "'%s'", path);
        return NULL;
    }
    if (drv && drv->is_protocol)
        return open_protocol(drv, path, o, flags, errp);
    enum block_zeroes zeroes; /* the file takes over what the options say */
    if (!read_common(o, &flags, &zeroes, errp))
        return NULL;
    struct block_node *file = node_open_file(o, "file", path, flags, errp);
    if (!file)
        return NULL;
    if (drv)
        return open_format(drv, file, path, o, flags, errp);
    return open_probed(file, path, o, flags, errp);
}

struct block_node *node_open_image(const char *path, const char *format, struct node_opts o,
                                   unsigned flags, struct error **errp)
{
    struct block_node *b = NULL;

    if (!format)
        format = node_opt(o, "driver", NULL);
    if (chain_depth == MAX_CHAIN) {
        error_set(errp, "'%s': the chain of backing files is longer than %d", path ? path : "",
                  MAX_CHAIN);
        return NULL;
    }
    chain_depth++;
    unsigned base = flags & BLOCK_SNAPSHOT ? (flags | BLOCK_READ_ONLY) & ~BLOCK_SNAPSHOT : flags;
    if (path && g_str_has_prefix(path, "json:"))
        b = open_json(path, format, base, errp);
    else
        b = open_over_file(path, format, o, base, errp);
    chain_depth--;
    if (b && flags & BLOCK_SNAPSHOT && !(flags & BLOCK_READ_ONLY))
        b = overlay_open(b, errp);
    return b;
}

/* --- backing files --- */
char *block_resolve_path(const char *image, const char *name)
{
    g_autofree char *scheme = scheme_of(name);

    if (scheme || g_path_is_absolute(name) || g_str_has_prefix(image, "json:"))
        return g_strdup(name);
    g_autofree char *dir = g_path_get_dirname(image);
    return strcmp(dir, ".") || g_str_has_prefix(image, "./") ? g_build_filename(dir, name, NULL)
                                                             : g_strdup(name);
}

static void take_backing(struct block_node *b, struct block_node *take_backing)
{
    b->backing = take_backing;
    take_backing->parents++;
}

bool node_open_backing(struct block_node *b, struct node_opts o, struct error **errp)
{
    g_autofree char *prefix = g_strconcat(o.prefix, "backing.", NULL);
    const char *name = node_opt_has_group(o, "backing") ? NULL : node_opt(o, "backing", NULL);
    unsigned flags = (b->flags & (BLOCK_DIRECT | BLOCK_NO_FLUSH | BLOCK_NO_LOCK)) |
                     BLOCK_READ_ONLY | BLOCK_NO_WARN;
    struct block_node *backing;

    if (name && *name) { /* "": null in JSON, no backing file */
        backing = ref_named(name, BLOCK_READ_ONLY, errp);
    } else if (name || b->flags & BLOCK_NO_BACKING ||
               (!b->backing_path && !node_opt_has_group(o, "backing"))) {
        return true;
    } else {
        struct node_opts sub = {o.o, prefix};
        bool has_file = node_opt_has_group(sub, "file") || node_opt(sub, "file", NULL);
        g_autofree char *path =
            has_file || !b->backing_path ? NULL : block_resolve_path(b->path, b->backing_path);
        const char *format = node_opt(sub, "driver", b->backing_format);
        backing = node_open_image(path, format, sub, flags, errp);
    }
    if (!backing) {
        if (errp && !g_str_has_prefix(error_text(*errp), "backing file of")) /* once for a chain */
            error_prefix(errp, "backing file of '%s'", b->path);
        return false;
    }
    take_backing(b, backing);
    return true;
}

/* --- roots --- */
static struct block_node *named(struct block_node *b, const char *id, struct error **errp)
{
    if (b)
        b->id = g_strdup(id ? id : b->name);
    else if (id)
        error_prefix(errp, "drive '%s'", id);
    return b;
}

struct block_node *block_open_drive(const char *id, const char *path, const char *format,
                                    struct opts *o, unsigned flags, struct error **errp)
{
    if (id && block_find(id)) {
        error_set(errp, "drive '%s' exists already", id);
        return NULL;
    }
    return named(node_open_image(path, format, (struct node_opts){o, ""}, flags, errp), id, errp);
}

struct block_node *block_open_path(const char *id, const char *path, const char *format,
                                   unsigned flags, struct error **errp)
{
    return block_open_drive(id, path, format, NULL, flags, errp);
}

struct block_node *block_open_medium(const char *path, const char *format, unsigned flags,
                                     struct error **errp)
{
    return node_open_image(path, format, (struct node_opts){NULL, ""}, flags, errp);
}

struct block_node *block_open(const char *id, const char *path, const char *format, bool read_only,
                              bool snapshot, struct error **errp)
{
    return block_open_path(id, path, format,
                           (read_only ? BLOCK_READ_ONLY : 0) | (snapshot ? BLOCK_SNAPSHOT : 0),
                           errp);
}

/* Every key that some driver knows, also below "file." and "backing.": for the hint at a misspelt
 * one. */
bool block_check_options(struct opts *o, const char *const *more, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autoptr(GStringChunk) text = g_string_chunk_new(4096);

    for (size_t i = 0; i < ARRAY_SIZE(common_keys); i++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)common_keys[i]);
    for (const struct block_driver *const *d = block_drivers; *d; d++)
        for (const char *const *k = (*d)->keys; k && *k; k++)
            g_ptr_array_add(names, (gpointer)(uintptr_t)*k);
    guint plain = names->len;
    for (guint i = 0; i < 2 * plain; i++) {
        g_autofree char *sub = g_strconcat(i < plain ? "file." : "backing.",
                                           g_ptr_array_index(names, i % plain), NULL);
        g_ptr_array_add(names, g_string_chunk_insert(text, sub));
    }
    for (const char *const *k = more; k && *k; k++)
        g_ptr_array_add(names, (gpointer)(uintptr_t)*k);
    g_ptr_array_add(names, NULL);
    return opts_check_used(o, (const char *const *)names->pdata, errp);
}

struct block_node *block_open_node(struct opts *o, struct error **errp)
{
    struct node_opts n = {o, ""};
    const char *driver = node_opt(n, "driver", NULL);

    if (!driver || !node_opt(n, "node-name", NULL)) {
        error_set(errp, "wanted driver=DRIVER,node-name=ID and what the driver needs, such as "
                        "driver=qcow2,node-name=disk,file.filename=FILE");
        return NULL;
    }
    struct block_node *b = node_open_image(NULL, driver, n, 0, errp);
    if (b && !block_check_options(o, NULL, errp)) {
        block_close(b);
        return NULL;
    }
    if (b)
        b->by_user = true;
    return b;
}
