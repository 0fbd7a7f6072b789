/* The host's directory: what is in it, read once when the disk is opened. */
#include "block/fat/fat_priv.h"
#include "util/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_NODES = 1 << 18, MAX_DEPTH = 64 };

/* What is told of once, after all was read. */
struct scan {
    struct fat_tree *t;
    unsigned left_out, renamed;
    char *left_example, *renamed_example;
};

static void free_node(void *node)
{
    struct fat_node *n = node;

    if (n->children)
        g_ptr_array_unref(n->children);
    g_free(n->name);
    g_free(n->long_name);
    g_free(n->content);
    g_free(n);
}

char *fat_node_path(const struct fat_node *n)
{
    GString *path = g_string_new(n->parent ? n->name : ".");

    for (n = n->parent; n && n->parent; n = n->parent) {
        g_string_prepend_c(path, '/');
        g_string_prepend(path, n->name);
    }
    return g_string_free(path, FALSE);
}

static bool refuse(const struct scan *s, const struct fat_node *n, const char *why,
                   struct error **errp)
{
    g_autofree char *path = fat_node_path(n);

    error_set(errp, "fat:%s: '%s' %s", s->t->dir, path, why);
    return false;
}

static void leave_out(struct scan *s, const struct fat_node *n)
{
    if (!s->left_out++)
        s->left_example = fat_node_path(n);
}

static struct fat_node *add_node(struct scan *s, struct fat_node *parent, const char *name,
                                 const struct stat *st)
{
    struct fat_node *n = g_new0(struct fat_node, 1);

    n->parent = parent;
    n->name = g_strdup(name);
    n->is_dir = S_ISDIR(st->st_mode);
    n->is_read_only = !n->is_dir && !(st->st_mode & (S_IWUSR | S_IWGRP | S_IWOTH));
    n->size = n->is_dir ? 0 : (uint32_t)st->st_size;
    n->mtime = st->st_mtime;
    n->atime = st->st_atime;
    n->dev = st->st_dev;
    n->ino = st->st_ino;
    if (n->is_dir)
        n->children = g_ptr_array_new();
    if (parent)
        g_ptr_array_add(parent->children, n);
    g_ptr_array_add(s->t->nodes, n);
    return n;
}

/* Whether a directory is one of those it lies in: a symbolic link that leads back. */
static bool is_loop(const struct fat_node *parent, const struct stat *st)
{
    for (; parent; parent = parent->parent)
        if (parent->dev == st->st_dev && parent->ino == st->st_ino)
            return true;
    return false;
}

static bool check_file(const struct scan *s, int dir_fd, const struct fat_node *probe,
                       const struct stat *st, struct error **errp)
{
    if (st->st_size > UINT32_MAX)
        return refuse(s, probe, "is too large: a file on FAT has at most 4 GiB - 1 bytes", errp);
    if (faccessat(dir_fd, probe->name, R_OK, AT_EACCESS))
        return refuse(s, probe, "cannot be read: its permissions forbid it", errp);
    return true;
}

static bool add_child(struct scan *s, int dir_fd, struct fat_node *dir, const char *name,
                      struct error **errp)
{
    struct fat_node probe = {.parent = dir, .name = (char *)(uintptr_t)name};
    struct stat st;

    if (fstatat(dir_fd, name, &st, 0)) {
        if (errno != ENOENT && errno != ELOOP)
            return refuse(s, &probe, g_strerror(errno), errp);
        leave_out(s, &probe); /* a symbolic link to nowhere, or removed meanwhile */
        return true;
    }
    bool is_dir = S_ISDIR(st.st_mode);
    if ((!is_dir && !S_ISREG(st.st_mode)) || (is_dir && is_loop(dir, &st))) {
        leave_out(s, &probe);
        return true;
    }
    if (s->t->nodes->len == MAX_NODES) {
        error_set(errp, "fat:%s: there are more than %d files and directories in it", s->t->dir,
                  MAX_NODES);
        return false;
    }
    if (!is_dir && !check_file(s, dir_fd, &probe, &st, errp))
        return false;
    add_node(s, dir, name, &st);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* In an order that does not depend on the host's file system. */
static GPtrArray *read_names(DIR *d)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    struct dirent *e;

    while (names->len <= MAX_NODES && (e = readdir(d)))
        if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
            g_ptr_array_add(names, g_strdup(e->d_name));
    g_ptr_array_sort(names, compare_names);
    return names;
}

static bool scan_dir(struct scan *s, struct fat_node *dir, struct error **errp)
{
    g_autofree char *path = fat_node_path(dir);
    int fd = openat(s->t->fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);

    if (!d) {
        g_autofree char *why = g_strdup_printf("cannot be read: %s", g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return refuse(s, dir, why, errp);
    }
    g_autoptr(GPtrArray) names = read_names(d);
    bool ok = true;
    for (guint i = 0; ok && i < names->len; i++)
        ok = add_child(s, dirfd(d), dir, g_ptr_array_index(names, i), errp);
    closedir(d);
    if (ok)
        fat_names_assign(dir->children, &s->renamed, &s->renamed_example);
    return ok;
}

static bool check_depth(const struct scan *s, const struct fat_node *n, struct error **errp)
{
    unsigned depth = 0;

    for (const struct fat_node *p = n; p; p = p->parent)
        depth++;
    return depth <= MAX_DEPTH || refuse(s, n, "lies too deep: 64 levels are possible", errp);
}

static void tell(struct scan *s)
{
    if (s->left_out)
        log_warn("fat:%s: left out %u that are no files or directories, lead nowhere or lead back, "
                 "such as '%s'",
                 s->t->dir, s->left_out, s->left_example);
    if (s->renamed)
        log_warn("fat:%s: the guest sees %u names changed that FAT cannot hold, such as %s",
                 s->t->dir, s->renamed, s->renamed_example);
    g_free(s->left_example);
    g_free(s->renamed_example);
}

bool fat_tree_load(struct fat_tree *t, const char *dir, struct error **errp)
{
    struct scan s = {.t = t};
    struct stat st;
    bool ok = true;

    t->dir = dir;
    t->nodes = g_ptr_array_new_with_free_func(free_node);
    t->fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->fd < 0 || fstat(t->fd, &st)) {
        error_set(errp, "could not open 'fat:%s': %s", dir, g_strerror(errno));
        return false;
    }
    add_node(&s, NULL, "", &st);
    for (guint i = 0; ok && i < t->nodes->len; i++) {
        struct fat_node *n = g_ptr_array_index(t->nodes, i);
        if (n->is_dir)
            ok = check_depth(&s, n, errp) && scan_dir(&s, n, errp);
    }
    tell(&s);
    return ok;
}

void fat_tree_free(struct fat_tree *t)
{
    if (t->nodes)
        g_ptr_array_unref(t->nodes);
    if (t->owners)
        g_ptr_array_unref(t->owners);
    if (t->fd >= 0)
        close(t->fd);
}
