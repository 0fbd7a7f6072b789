/*
 * Protocol fat, for -blockdev vvfat: a directory of the host as a disk with a FAT file system.
 *
 * Names, sizes and times are those of the moment when it was opened; what files contain is read
 * from the host when the guest reads it.  The directory is never written to.
 */
#include "block/fat/fat_priv.h"
#include "util/bits.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_FILES = 8 };

/* A file of the host that is kept open. */
struct open_file {
    struct fat_node *node; /* NULL: free */
    int fd;
    unsigned users;
    uint64_t last_use;
};

struct fat {
    struct fat_tree tree;
    struct fat_layout layout;
    char *dir;
    struct mutex lock; /* a leaf */
    struct open_file open[OPEN_FILES] GUARDED_BY(lock);
    uint64_t uses GUARDED_BY(lock);
};

/* --- files of the host --- */
static void tell_change(struct fat *f, struct fat_node *n, const char *what)
{
    mutex_lock(&f->lock);
    bool is_told = n->is_told;
    n->is_told = true;
    mutex_unlock(&f->lock);
    if (is_told)
        return;
    g_autofree char *path = fat_node_path(n);
    log_warn("fat:%s: '%s' %s: the guest keeps the size that it had, and may read a mixture",
             f->dir, path, what);
}

static int open_node(struct fat *f, struct fat_node *n)
{
    g_autofree char *path = fat_node_path(n);
    int fd = openat(f->tree.fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0) {
        int why = errno;
        tell_change(f, n, "cannot be opened any more");
        return -why;
    }
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        tell_change(f, n, "is no file any more");
        return -EIO;
    }
    if (st.st_size != n->size || st.st_mtime != n->mtime)
        tell_change(f, n, "has changed on the host");
    return fd;
}

static struct open_file *find_open(struct fat *f, const struct fat_node *n) REQUIRES(f->lock)
{
    for (int i = 0; i < OPEN_FILES; i++)
        if (f->open[i].node == n)
            return &f->open[i];
    return NULL;
}

/* The place of the file that was not used for longest. */
static struct open_file *find_oldest(struct fat *f) REQUIRES(f->lock)
{
    struct open_file *best = NULL;

    for (int i = 0; i < OPEN_FILES; i++) {
        struct open_file *o = &f->open[i];
        if (!o->node)
            return o;
        if (!o->users && (!best || o->last_use < best->last_use))
            best = o;
    }
    return best;
}

static int take_open(struct fat *f, const struct fat_node *n)
{
    int fd = -1;

    mutex_lock(&f->lock);
    struct open_file *o = find_open(f, n);
    if (o) {
        o->users++;
        o->last_use = ++f->uses;
        fd = o->fd;
    }
    mutex_unlock(&f->lock);
    return fd;
}

/* Keep it for the next who reads, unless all places are in use. */
static void give_back(struct fat *f, struct fat_node *n, int fd)
{
    int unwanted = -1;

    mutex_lock(&f->lock);
    struct open_file *o = find_open(f, n);
    if (o && o->fd == fd) {
        o->users--;
    } else if (o || !(o = find_oldest(f))) {
        unwanted = fd;
    } else {
        unwanted = o->node ? o->fd : -1;
        *o = (struct open_file){n, fd, 0, ++f->uses};
    }
    mutex_unlock(&f->lock);
    if (unwanted >= 0)
        close(unwanted);
}

/* Bytes of a file, zeros behind its end. */
static int read_file(struct fat *f, struct fat_node *n, uint64_t off, uint64_t bytes, struct sg sg)
{
    uint64_t inside = off < n->size ? MIN(bytes, n->size - off) : 0;
    int fd = inside ? take_open(f, n) : -1, ret = 0;

    sg_zero(sg_skip(sg, inside), bytes - inside);
    if (!inside)
        return 0;
    if (fd < 0)
        fd = open_node(f, n);
    if (fd < 0)
        return fd;
    ret = file_readv(fd, sg, inside, off);
    give_back(f, n, fd);
    return ret;
}

/* --- reading --- */
static void read_dir(const struct fat_node *n, uint64_t off, uint64_t bytes, struct sg sg)
{
    uint64_t inside = off < n->size ? MIN(bytes, n->size - off) : 0;

    if (inside)
        sg_fill(sg, n->content + off, inside);
    sg_zero(sg_skip(sg, inside), bytes - inside);
}

/* Where a cluster's bytes begin on the disk. */
static uint64_t cluster_place(const struct fat_layout *l, uint32_t cluster)
{
    return (l->data + (uint64_t)(cluster - FAT_FIRST) * l->per_cluster) * SECTOR;
}

/* What lies at off, from the data on: a node and how far it reaches, or nothing up to the end. */
static struct fat_node *node_by_offset(const struct fat *f, uint64_t off, uint64_t *end)
{
    const struct fat_layout *l = &f->layout;
    uint64_t index = (off - l->data * SECTOR) / SECTOR / l->per_cluster;
    struct fat_node *n =
        index < l->used ? fat_node_at(&f->tree, l, (uint32_t)index + FAT_FIRST) : NULL;

    *end = n ? cluster_place(l, n->first + n->clusters) : l->disk * SECTOR;
    return n;
}

/* Part of one sector before the data. */
static void read_meta(const struct fat *f, uint64_t off, uint64_t bytes, struct sg sg)
{
    uint8_t sector[SECTOR];

    fat_meta_sector(&f->tree, &f->layout, off / SECTOR, sector);
    sg_fill(sg, sector + off % SECTOR, bytes);
}

static int fat_read(struct block_node *b, uint64_t off, uint64_t bytes, struct sg sg)
{
    struct fat *f = b->state;
    uint64_t data = f->layout.data * SECTOR, n = 0, end;
    int ret = 0;

    for (; !ret && bytes; bytes -= n, off += n, sg = sg_skip(sg, n)) {
        if (off < data) {
            n = MIN(bytes, SECTOR - off % SECTOR);
            read_meta(f, off, n, sg);
            continue;
        }
        struct fat_node *node = node_by_offset(f, off, &end);
        n = MIN(bytes, end - off);
        if (!node)
            sg_zero(sg, n);
        else if (node->is_dir)
            read_dir(node, off - cluster_place(&f->layout, node->first), n, sg);
        else
            ret = read_file(f, node, off - cluster_place(&f->layout, node->first), n, sg);
    }
    return ret;
}

static int fat_map(struct block_node *b, uint64_t off, uint64_t bytes, struct block_extent *e)
{
    const struct fat *f = b->state;
    uint64_t data = f->layout.data * SECTOR, end = data;
    bool is_free = off >= data && !node_by_offset(f, off, &end);

    e->bytes = MIN(bytes, end - off);
    e->has_offset = true;
    e->offset = off;
    e->path = b->path;
    e->data = !is_free;
    e->zero = is_free;
    return 0;
}

/* --- opening --- */
struct wanted {
    const char *dir, *label;
    unsigned bits; /* 0: whatever is large enough */
    bool is_floppy, is_writable;
};

/* fat:[12:|16:|32:][floppy:][rw:]DIR, the words in any order. */
static void parse_path(const char *path, struct wanted *w)
{
    static const struct {
        const char *word;
        unsigned bits;
    } types[] = {{"12:", 12}, {"16:", 16}, {"32:", 32}};
    bool again = true;

    while (again) {
        again = false;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
            if (g_str_has_prefix(path, types[i].word)) {
                w->bits = types[i].bits;
                path += 3;
                again = true;
            }
        if (g_str_has_prefix(path, "floppy:")) {
            w->is_floppy = again = true;
            path += strlen("floppy:");
        } else if (g_str_has_prefix(path, "rw:")) {
            w->is_writable = again = true;
            path += strlen("rw:");
        }
    }
    w->dir = path;
}

static bool check_label(const char *label, struct error **errp)
{
    size_t n = strlen(label);
    bool is_ok = n && n <= FAT_SHORT && *label != ' ';

    for (size_t i = 0; i < n; i++)
        is_ok = is_ok && g_ascii_isprint(label[i]) && !strchr("\"*+,./:;<=>?[\\]|", label[i]);
    if (!is_ok)
        error_set(errp, "label=%s: wanted 1 to %d ASCII characters without \"*+,./:;<=>?[\\]|",
                  label, FAT_SHORT);
    return is_ok;
}

static bool read_options(struct block_node *b, struct node_opts o, struct wanted *w,
                         struct error **errp)
{
    static const char *const types[] = {"0", "12", "16", "32", NULL};
    static const unsigned bits[] = {0, 12, 16, 32};
    const char *dir = node_opt(o, "dir", NULL);

    *w = (struct wanted){.label = node_opt(o, "label", "QEMU VVFAT")};
    parse_path(g_str_has_prefix(b->path, "fat:") ? b->path + 4 : b->path, w);
    if (dir)
        w->dir = dir;
    int type = node_opt(o, "fat-type", NULL) ? node_opt_choice(o, "fat-type", types, errp) : 0;
    if (type < 0 || !node_opt_bool(o, "floppy", w->is_floppy, &w->is_floppy, errp) ||
        !node_opt_bool(o, "rw", w->is_writable, &w->is_writable, errp) ||
        !check_label(w->label, errp))
        return false;
    if (type > 0)
        w->bits = bits[type];
    if (w->is_writable) {
        error_set(
            errp,
            "fat:rw:%s: the directory cannot be written to; use fat:%s, with snapshot=on for a "
            "guest that has to write (what it writes is dropped at the end)",
            w->dir, w->dir);
        return false;
    }
    if (!*w->dir)
        error_set(errp, "wanted a directory: fat:DIR, or driver=vvfat,dir=DIR");
    return *w->dir;
}

static bool fat_open(struct block_node *b, struct node_opts o, struct error **errp)
{
    struct fat *f = g_new0(struct fat, 1);
    struct wanted w;

    b->state = f;
    f->tree.fd = -1;
    mutex_init(&f->lock);
    if (!read_options(b, o, &w, errp))
        return false;
    f->dir = g_strdup(w.dir);
    g_strlcpy(f->tree.label, w.label, sizeof(f->tree.label));
    if (!fat_tree_load(&f->tree, f->dir, errp) ||
        !fat_layout_make(&f->layout, &f->tree, w.bits, w.is_floppy, errp))
        return false;
    b->size = f->layout.disk * SECTOR;
    b->flags |= BLOCK_READ_ONLY;
    if (!*b->path) {
        g_free(b->path);
        b->path = g_strconcat("fat:", f->dir, NULL);
    }
    return true;
}

static void fat_close(struct block_node *b)
{
    struct fat *f = b->state;

    for (int i = 0; i < OPEN_FILES; i++)
        if (f->open[i].node)
            close(f->open[i].fd);
    fat_tree_free(&f->tree);
    mutex_fini(&f->lock);
    g_free(f->dir);
    g_free(f);
}

static const char *const fat_schemes[] = {"fat", NULL};
static const char *const fat_keys[] = {"dir", "fat-type", "floppy", "label", "rw", NULL};

const struct block_driver fat_driver = {
    .name = "vvfat",
    .is_protocol = true,
    .is_read_only = true,
    .schemes = fat_schemes,
    .keys = fat_keys,
    .open = fat_open,
    .close = fat_close,
    .read = fat_read,
    .map = fat_map,
};
