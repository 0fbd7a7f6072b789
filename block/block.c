/* Disks by name: opening, claiming, and running requests. */
#include "block/block.h"
#include "block/block_priv.h"

#include "core/device.h"
#include "util/bits.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t MAX_SIZE = INT64_MAX - SECTOR;
static struct block_node *all; /* process-wide, as the ids of the command line are */

struct block_node *block_find(const char *id)
{
    for (struct block_node *b = all; b; b = b->next)
        if (!strcmp(b->id, id))
            return b;
    return NULL;
}

static bool is_live(const struct block_node *wanted)
{
    for (const struct block_node *b = all; b; b = b->next)
        if (b == wanted)
            return true;
    return false;
}

/* Formats that are told by their first bytes. */
static const struct {
    const char *format, *magic;
    size_t off, len;
} magics[] = {
    {"qcow2", "QFI\xfb", 0, 4},         {"vmdk", "KDMV", 0, 4},
    {"vhdx", "vhdxfile", 0, 8},         {"vpc", "conectix", 0, 8},
    {"luks", "LUKS\xba\xbe", 0, 6},     {"qed", "QED\0", 0, 4},
    {"vdi", "\x7f\x10\xda\xbe", 64, 4}, {"parallels", "WithoutFreeSpace", 0, 16},
};

static const char *probe_format(int fd)
{
    uint8_t head[SECTOR];

    if (file_pread(fd, head, sizeof(head), 0))
        return "raw";
    for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
        if (!memcmp(head + magics[i].off, magics[i].magic, magics[i].len))
            return magics[i].format;
    return "raw";
}

static bool is_known_format(const char *format)
{
    for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
        if (!strcmp(format, magics[i].format))
            return true;
    return false;
}

static bool check_format(struct block_node *b, const char *format, struct error **errp)
{
    const char *what = format ? format : probe_format(b->fd);

    if (!strcmp(what, "raw"))
        return true;
    if (!is_known_format(what)) {
        error_set(errp, "unknown format '%s', wanted raw", what);
        return false;
    }
    error_set(errp, "'%s': format '%s' is not supported yet, only raw", b->path, what);
    if (!format)
        error_append(errp, " (format=raw shows the file as it is)");
    return false;
}

/* A path such as "nbd:..." that names no file means a protocol. */
static bool check_protocol(const char *path, struct error **errp)
{
    static const char *const known[] = {"nbd", "nbd+unix", "http",    "https", "ftp",
                                        "ssh", "iscsi",    "rbd",     "nfs",   "json",
                                        "fat", "blkdebug", "null-co", NULL};
    const char *colon = strchr(path, ':');
    g_autofree char *word = colon ? g_strndup(path, colon - path) : NULL;

    if (!word || !g_strv_contains(known, word) || !access(path, F_OK))
        return true;
    error_set(errp, "could not open '%s': protocol '%s' is not supported, only files", path, word);
    return false;
}

static bool find_size(struct block_node *b, struct error **errp)
{
    struct stat st;

    if (fstat(b->fd, &st) < 0) {
        error_set(errp, "could not look at '%s': %s", b->path, g_strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
        error_set(errp, "could not open '%s': it is no regular file or block device", b->path);
        return false;
    }
    uint64_t size = st.st_size;
    if (S_ISBLK(st.st_mode) && ioctl(b->fd, BLKGETSIZE64, &size) < 0) {
        error_set(errp, "could not find the size of '%s': %s", b->path, g_strerror(errno));
        return false;
    }
    b->size = align_up(MIN(size, MAX_SIZE), SECTOR);
    return true;
}

static bool open_file(struct block_node *b, bool writable, struct error **errp)
{
    if (!check_protocol(b->path, errp))
        return false;
    b->fd = open(b->path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
    if (b->fd >= 0)
        return true;
    int why = errno;
    error_set(errp, "could not open '%s': %s", b->path, g_strerror(why));
    if (writable && (why == EACCES || why == EROFS || why == EPERM))
        error_append(errp, " (readonly=on or snapshot=on do not need to write to it)");
    return false;
}

static void free_node(struct block_node *b)
{
    overlay_free(b->overlay);
    if (b->fd >= 0)
        close(b->fd);
    cond_fini(&b->idle);
    mutex_fini(&b->lock);
    g_free(b->id);
    g_free(b->path);
    g_free(b->owner);
    g_free(b);
}

static bool open_node(struct block_node *b, const char *format, bool snapshot, struct error **errp)
{
    bool writable = !b->read_only && !snapshot;

    if (!open_file(b, writable, errp) || !find_size(b, errp) || !check_format(b, format, errp) ||
        !file_lock(b->fd, b->path, writable, errp))
        return false;
    if (snapshot && !b->read_only)
        b->overlay = overlay_new(b->size, errp);
    return b->overlay || !snapshot || b->read_only;
}

static char *make_id(void)
{
    for (unsigned i = 0;; i++) {
        char *id = g_strdup_printf("#block%u", i);
        if (!block_find(id))
            return id;
        g_free(id);
    }
}

struct block_node *block_open(const char *id, const char *path, const char *format, bool read_only,
                              bool snapshot, struct error **errp)
{
    if (id && block_find(id)) {
        error_set(errp, "drive '%s' exists already", id);
        return NULL;
    }
    struct block_node *b = g_new0(struct block_node, 1), **p = &all;
    b->id = id ? g_strdup(id) : make_id();
    b->path = g_strdup(g_str_has_prefix(path, "file:") ? path + 5 : path);
    b->fd = -1;
    b->read_only = read_only;
    b->discard = true;
    mutex_init(&b->lock);
    cond_init(&b->idle);
    if (!open_node(b, format, snapshot, errp)) {
        error_prefix(errp, "drive '%s'", b->id);
        free_node(b);
        return NULL;
    }
    while (*p)
        p = &(*p)->next;
    *p = b;
    return b;
}

void block_close(struct block_node *b)
{
    struct block_node **p = &all;

    if (!b)
        return;
    block_drain(b);
    if (!b->read_only && !b->overlay && !b->unsafe)
        fdatasync(b->fd);
    while (*p && *p != b)
        p = &(*p)->next;
    if (*p)
        *p = b->next;
    free_node(b);
}

void block_close_all(void)
{
    while (all)
        block_close(all);
    pool_stop();
}

uint64_t block_size(const struct block_node *b)
{
    return b->size;
}

bool block_read_only(const struct block_node *b)
{
    return b->read_only;
}

const char *block_id(const struct block_node *b)
{
    return b->id;
}

void block_set_unsafe(struct block_node *b, bool unsafe)
{
    b->unsafe = unsafe;
}

void block_set_discard(struct block_node *b, bool discard)
{
    b->discard = discard;
}

bool block_attach(struct block_node *b, const char *owner, struct error **errp)
{
    if (b->owner) {
        error_set(errp, "drive '%s' is in use by '%s'", b->id, b->owner);
        return false;
    }
    b->owner = g_strdup(owner);
    return true;
}

static bool is_change(enum block_op op)
{
    return op == BLOCK_WRITE || op == BLOCK_DISCARD || op == BLOCK_WRITE_ZEROES;
}

static uint64_t buffer_bytes(const struct block_req *req)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < req->niov; i++)
        sum += req->iov[i].iov_len;
    return sum;
}

static int check_req(const struct block_node *b, const struct block_req *req)
{
    bool has_data = req->op == BLOCK_READ || req->op == BLOCK_WRITE;

    if (req->op == BLOCK_FLUSH)
        return 0;
    if (is_change(req->op) && b->read_only)
        return -EROFS;
    if (req->offset > b->size || req->bytes > b->size - req->offset)
        return -EINVAL;
    return has_data && buffer_bytes(req) < req->bytes ? -EINVAL : 0;
}

static int flush(struct block_node *b)
{
    if (b->unsafe || b->read_only || b->overlay)
        return 0;
    return fdatasync(b->fd) < 0 ? -errno : 0;
}

static int perform(struct block_node *b, const struct block_req *req)
{
    int ret = check_req(b, req);

    if (ret)
        return ret;
    switch (req->op) {
    case BLOCK_READ:
        return b->overlay ? overlay_read(b, req) : file_read(b->fd, req, 0, req->bytes);
    case BLOCK_WRITE: return b->overlay ? overlay_write(b, req) : file_write(b->fd, req);
    case BLOCK_FLUSH: return flush(b);
    case BLOCK_DISCARD:
        return b->overlay || !b->discard ? 0 : file_discard(b->fd, req->offset, req->bytes);
    case BLOCK_WRITE_ZEROES:
        return b->overlay ? overlay_write_zeroes(b, req->offset, req->bytes)
                          : file_write_zeroes(b->fd, req->offset, req->bytes);
    }
    return -EINVAL;
}

/* After done() the request is the caller's again; only the node is touched. */
void block_run(struct block_req *req)
{
    struct block_node *b = req->node;

    req->done(req, perform(b, req));
    mutex_lock(&b->lock);
    if (!--b->in_flight)
        cond_broadcast(&b->idle);
    mutex_unlock(&b->lock);
}

void block_submit(struct block_node *b, struct block_req *req)
{
    req->node = b;
    mutex_lock(&b->lock);
    b->in_flight++;
    mutex_unlock(&b->lock);
    pool_submit(req);
}

void block_drain(struct block_node *b)
{
    mutex_lock(&b->lock);
    while (b->in_flight)
        cond_wait(&b->idle, &b->lock);
    mutex_unlock(&b->lock);
}

static bool prop_parse(void *field, const char *text, struct error **errp)
{
    struct block_node *b = block_find(text);
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    if (b) {
        *(struct block_node **)field = b;
        return true;
    }
    for (const struct block_node *p = all; p; p = p->next)
        g_ptr_array_add(names, p->id);
    g_ptr_array_add(names, NULL);
    const char *near = nearest_name(text, (const char *const *)names->pdata);
    error_set(errp, "no drive '%s'", text);
    if (near)
        error_append(errp, ", did you mean '%s'?", near);
    return false;
}

static void prop_print(const void *field, FILE *f)
{
    const struct block_node *b = *(struct block_node *const *)field;

    fprintf(f, "\"%s\"", b && is_live(b) ? b->id : "");
}

/* Give up the claim, if it is ours; no request may reach its device later. */
static void prop_fini(void *field)
{
    struct block_node **b = field;

    if (*b && is_live(*b) && (*b)->slot == field) {
        block_drain(*b);
        g_clear_pointer(&(*b)->owner, g_free);
        (*b)->slot = NULL;
    }
    *b = NULL;
}

static bool prop_realize(const struct prop *p, struct device *dev, struct error **errp)
{
    struct block_node **slot = (struct block_node **)(void *)((char *)dev + p->off), *b = *slot;

    if (!b)
        return true;
    if (!block_attach(b, dev->id, errp))
        return false;
    b->slot = slot;
    return true;
}

const struct prop_kind prop_drive = {"drive", prop_parse, prop_print, prop_fini, prop_realize};
