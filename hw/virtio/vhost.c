/* The kernel's end of vhost: memory, rings, and what was written.  Ref: linux/vhost.h. */
#include "hw/virtio/vhost.h"
#include "core/ram.h"
#include "util/bits.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    LOG_PAGE_BITS = 12, /* VHOST_PAGE_SIZE */
    BATCH = 64,         /* pages noted at a time, without the lock */
};
/* Memory beyond is not shown to the kernel: its log would be too large. */
static const gpa MAX_ADDRESS = UINT64_C(1) << 46;

static int linux_open(const char *path)
{
    return open(path, O_RDWR | O_CLOEXEC);
}

static int linux_ioctl(int fd, unsigned long request, void *arg)
{
    return ioctl(fd, request, arg);
}

const struct vhost_kernel vhost_linux = {linux_open, linux_ioctl};

bool vhost_call(struct vhost *h, unsigned long request, void *arg, const char *what,
                struct error **errp)
{
    if (h->kernel->ioctl(h->fd, request, arg) == 0)
        return true;
    error_set(errp, "the host's kernel would not %s: %s", what, g_strerror(errno));
    return false;
}

/* ---- memory ---- */

static bool follows(const struct vhost_region *r, const struct vhost_region *next)
{
    return r->ram == next->ram && r->base + r->size == next->base && r->off + r->size == next->off;
}

static GArray *list_regions(const struct flat_view *view)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct vhost_region));
    for (size_t i = 0; i < view->n; i++) {
        const struct flat_range *f = &view->r[i];
        if (f->mr->kind != MEM_RAM || f->base + f->size > MAX_ADDRESS ||
            (f->base | f->size) & (VHOST_PAGE_SIZE - 1))
            continue;
        struct vhost_region r = {f->base, f->size, f->mr->ram_off + f->mr_off, f->mr->ram};
        struct vhost_region *last =
            list->len ? &g_array_index(list, struct vhost_region, list->len - 1) : NULL;
        if (last && follows(last, &r))
            last->size += r.size;
        else
            g_array_append_val(list, r);
    }
    return list;
}

static bool same_regions(const GArray *a, const GArray *b)
{
    return a && a->len == b->len &&
           memcmp(a->data, b->data, a->len * sizeof(struct vhost_region)) == 0;
}

/* The log reaches to the end of the highest region.  A larger one takes over the bits of the one
 * before, which the kernel has let go of. */
static bool size_log(struct vhost *h, const GArray *regions, struct error **errp)
{
    gpa end = 0;
    for (guint i = 0; i < regions->len; i++) {
        const struct vhost_region *r = &g_array_index(regions, struct vhost_region, i);
        end = MAX(end, r->base + r->size);
    }
    uint64_t size = align_up(end >> LOG_PAGE_BITS >> 3, 4096);
    if (size <= h->log_size)
        return true;
    void *log = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (log == MAP_FAILED) {
        error_set(errp, "no memory for a log of %" G_GUINT64_FORMAT " bytes", size);
        return false;
    }
    uint64_t base = (uintptr_t)log;
    if (!vhost_call(h, VHOST_SET_LOG_BASE, &base, "log what it writes", errp)) {
        munmap(log, size);
        return false;
    }
    if (h->log) {
        memcpy(log, h->log, h->log_size);
        munmap(h->log, h->log_size);
    }
    h->log = log;
    h->log_size = size;
    return true;
}

static bool send_table(struct vhost *h, const GArray *regions, struct error **errp)
{
    g_autofree struct vhost_memory *m =
        g_malloc0(sizeof(*m) + regions->len * sizeof(struct vhost_memory_region));
    m->nregions = regions->len;
    for (guint i = 0; i < regions->len; i++) {
        const struct vhost_region *r = &g_array_index(regions, struct vhost_region, i);
        m->regions[i] = (struct vhost_memory_region){
            .guest_phys_addr = r->base,
            .memory_size = r->size,
            .userspace_addr = (uintptr_t)(r->ram->host + r->off),
        };
    }
    return vhost_call(h, VHOST_SET_MEM_TABLE, m, "take the guest's memory", errp);
}

/* The log first: with it on, the kernel takes no memory that the log does not reach. */
static bool set_memory(struct vhost *h, const struct flat_view *view, struct error **errp)
{
    GArray *now = list_regions(view);
    mutex_lock(&h->lock);
    bool same = same_regions(h->regions, now);
    bool ok = same || (size_log(h, now, errp) && send_table(h, now, errp));
    if (ok && !same) {
        GArray *old = h->regions;
        h->regions = now;
        now = old;
    }
    mutex_unlock(&h->lock);
    if (now)
        g_array_unref(now);
    return ok;
}

static void memory_changed(struct memory_listener *l, const struct flat_view *now)
{
    struct vhost *h = container_of(l, struct vhost, listener);
    struct error *err = NULL;
    if (set_memory(h, now, &err))
        return;
    log_warn("vhost: after a change of the memory map %s", error_text(err));
    error_free(err);
}

/* ---- what the kernel wrote ---- */

struct written {
    struct ram_block *ram;
    uint64_t off;
};

/* Take bits of the log from *page of region r on, up to a batch; *page says where to go on. */
static unsigned take_pages(struct vhost *h, const struct vhost_region *r, uint64_t *page,
                           struct written *out)
{
    uint64_t first = r->base >> LOG_PAGE_BITS, end = first + (r->size >> LOG_PAGE_BITS);
    unsigned n = 0;
    while (*page < end && n < BATCH) {
        uint64_t *word = &h->log[*page / 64], bit = BIT64(*page % 64);
        uint64_t bits = __atomic_load_n(word, __ATOMIC_RELAXED);
        if (bits >> (*page % 64) == 0) { /* nothing in the rest of this word */
            *page = (*page / 64 + 1) * 64;
            continue;
        }
        /* Acquire: the data that the kernel logged is seen by whoever is told of it. */
        if ((bits & bit) && (__atomic_fetch_and(word, ~bit, __ATOMIC_ACQ_REL) & bit))
            out[n++] = (struct written){r->ram, r->off + ((*page - first) << LOG_PAGE_BITS)};
        ++*page;
    }
    return n;
}

/* Region i as it is now; false beyond the last. */
static bool take_batch(struct vhost *h, guint i, uint64_t *page, struct written *out, unsigned *n)
{
    bool more = false;
    mutex_lock(&h->lock);
    if (h->regions && i < h->regions->len && h->log) {
        const struct vhost_region *r = &g_array_index(h->regions, struct vhost_region, i);
        *page = MAX(*page, r->base >> LOG_PAGE_BITS);
        *n = take_pages(h, r, page, out);
        more = true;
    }
    mutex_unlock(&h->lock);
    return more;
}

static void note_logged(struct vhost *h)
{
    struct written pages[BATCH];
    uint64_t page = 0;
    unsigned n;
    for (guint i = 0; take_batch(h, i, &page, pages, &n);) {
        for (unsigned k = 0; k < n; k++)
            ram_written(pages[k].ram, pages[k].off, 1 << LOG_PAGE_BITS);
        if (n < BATCH) {
            i++;
            page = 0;
        }
    }
}

static void note_all(struct vhost *h)
{
    for (guint i = 0; i < h->regions->len; i++) {
        const struct vhost_region *r = &g_array_index(h->regions, struct vhost_region, i);
        ram_written(r->ram, r->off, r->size);
    }
}

void vhost_harvest(struct vhost *h, bool stopped)
{
    if (h->logs)
        note_logged(h);
    else if (stopped)
        note_all(h);
}

/* ---- life ---- */

static bool open_device(struct vhost *h, const char *path, int take_fd, struct error **errp)
{
    h->fd = take_fd >= 0 ? take_fd : h->kernel->open(path);
    if (h->fd >= 0)
        return true;
    int err = errno;
    error_set(errp, "could not open %s: %s", path, g_strerror(err));
    if (err == ENOENT || err == ENODEV)
        error_append(errp, "; does the host's kernel have the module vhost_%s?",
                     strrchr(path, '-') + 1);
    else if (err == EACCES)
        error_append(errp, "; vhostfd= takes a descriptor that somebody else has opened");
    return false;
}

bool vhost_open(struct vhost *h, const struct vhost_kernel *kernel, const char *path, int take_fd,
                struct address_space *as, struct error **errp)
{
    *h = (struct vhost){.kernel = kernel, .fd = -1, .as = as};
    mutex_init(&h->lock);
    h->listener.changed = memory_changed;
    if (open_device(h, path, take_fd, errp) &&
        vhost_call(h, VHOST_SET_OWNER, NULL, "serve this process", errp) &&
        vhost_call(h, VHOST_GET_FEATURES, &h->features, "say what it can do", errp) &&
        set_memory(h, atomic_load_explicit(&as->view, memory_order_seq_cst), errp)) {
        address_space_watch(as, &h->listener);
        return true;
    }
    vhost_close(h);
    return false;
}

void vhost_close(struct vhost *h)
{
    if (!h->kernel)
        return;
    address_space_unwatch(h->as, &h->listener);
    if (h->fd >= 0)
        close(h->fd);
    if (h->log)
        munmap(h->log, h->log_size);
    if (h->regions)
        g_array_unref(h->regions);
    mutex_fini(&h->lock);
    *h = (struct vhost){.fd = -1};
}

/* With VIRTIO_F_ACCESS_PLATFORM the kernel would ask us to translate each address; here they are
 * guest physical whatever the driver was offered. */
bool vhost_set_features(struct vhost *h, uint64_t features, struct error **errp)
{
    uint64_t all = (features | BIT64(VHOST_F_LOG_ALL)) & h->features;
    all &= ~BIT64(VIRTIO_F_ACCESS_PLATFORM);
    if (!vhost_call(h, VHOST_SET_FEATURES, &all, "take the driver's features", errp))
        return false;
    h->logs = all >> VHOST_F_LOG_ALL & 1;
    return true;
}

bool vhost_set_ring(struct vhost *h, const struct vhost_ring *r, struct error **errp)
{
    struct vhost_vring_state num = {r->index, r->num}, base = {r->index, r->base};
    struct vhost_vring_addr addr = {
        .index = r->index,
        .flags = h->logs ? 1U << VHOST_VRING_F_LOG : 0,
        .desc_user_addr = (uintptr_t)r->desc,
        .used_user_addr = (uintptr_t)r->used,
        .avail_user_addr = (uintptr_t)r->avail,
        .log_guest_addr = r->used_addr,
    };
    struct vhost_vring_file kick = {r->index, r->kick}, call = {r->index, r->call},
                            err = {r->index, r->err};
    return vhost_call(h, VHOST_SET_VRING_NUM, &num, "take a ring's size", errp) &&
           vhost_call(h, VHOST_SET_VRING_BASE, &base, "go on in a ring", errp) &&
           vhost_call(h, VHOST_SET_VRING_ADDR, &addr, "take a ring's place", errp) &&
           vhost_call(h, VHOST_SET_VRING_KICK, &kick, "wait for notifications", errp) &&
           vhost_call(h, VHOST_SET_VRING_CALL, &call, "notify", errp) &&
           vhost_call(h, VHOST_SET_VRING_ERR, &err, "report errors", errp);
}

bool vhost_get_base(struct vhost *h, unsigned index, uint16_t *base, struct error **errp)
{
    struct vhost_vring_state state = {index, 0};
    if (!vhost_call(h, VHOST_GET_VRING_BASE, &state, "say where a ring stands", errp))
        return false;
    *base = (uint16_t)state.num;
    return true;
}
