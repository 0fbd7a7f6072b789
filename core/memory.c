/* Regions, and single accesses to them. */
#include "core/memory.h"

#include "core/cpu.h"
#include "core/device.h"
#include "core/flatview_priv.h"
#include "core/ram.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

/* How long a thread inside one device waits for another: two devices that reach for each other must
 * not hang. */
static const int64_t NESTED_WAIT_NS = 100 * 1000 * 1000;
enum { MAX_DEFERRED = 256 };

static void region_init(struct mem_region *mr, const char *name, enum mem_kind kind, uint64_t size)
{
    *mr = (struct mem_region){.name = name, .kind = kind, .size = size};
}

void region_init_container(struct mem_region *mr, const char *name, uint64_t size)
{
    region_init(mr, name, MEM_CONTAINER, size);
}

void region_init_ram(struct mem_region *mr, const char *name, struct ram_block *ram,
                     uint64_t ram_off, uint64_t size)
{
    uint64_t room = ram_off < ram->size ? ram->size - ram_off : 0;

    region_init(mr, name, MEM_RAM, MIN(size, room));
    mr->ram = ram;
    mr->ram_off = ram_off;
}

void region_init_rom(struct mem_region *mr, const char *name, struct ram_block *ram)
{
    region_init(mr, name, MEM_ROM, ram->size);
    mr->ram = ram;
}

void region_init_mmio(struct mem_region *mr, const char *name, const struct mmio_ops *ops,
                      struct device *dev)
{
    region_init(mr, name, MEM_MMIO, ops->size);
    mr->ops = ops;
    mr->dev = dev;
}

void region_init_rom_device(struct mem_region *mr, const char *name, struct ram_block *ram,
                            const struct mmio_ops *ops, struct device *dev)
{
    region_init(mr, name, MEM_ROM, ram->size);
    mr->ram = ram;
    mr->ops = ops;
    mr->dev = dev;
    mr->rom_device = true;
    atomic_store_explicit(&mr->romd, true, memory_order_release);
}

void region_init_alias(struct mem_region *mr, const char *name, struct mem_region *target,
                       uint64_t size)
{
    region_init(mr, name, MEM_ALIAS, size);
    mr->target = target;
}

static struct address_space *space_of(const struct mem_region *mr)
{
    while (mr->parent)
        mr = mr->parent;
    return mr->as;
}

/* A tree that no address space shows yet belongs to its builder and needs no lock. */
static void lock_map(struct address_space *as) NO_THREAD_ANALYSIS
{
    if (as)
        mutex_lock(&as->lock);
}

static void unlock_map(struct address_space *as) NO_THREAD_ANALYSIS
{
    if (as)
        mutex_unlock(&as->lock);
}

void region_add(struct mem_region *parent, gpa base, struct mem_region *child, int priority)
{
    struct address_space *as = space_of(parent);
    struct mem_region **p = &parent->children;

    lock_map(as);
    child->base = base;
    child->priority = priority;
    child->parent = parent;
    while (*p && (*p)->priority > priority)
        p = &(*p)->next;
    child->next = *p;
    *p = child;
    unlock_map(as);
}

void region_del(struct mem_region *child)
{
    if (!child->parent)
        return;
    struct address_space *as = space_of(child);
    struct mem_region **p = &child->parent->children;
    lock_map(as);
    while (*p && *p != child)
        p = &(*p)->next;
    if (*p)
        *p = child->next;
    child->parent = child->next = NULL;
    unlock_map(as);
}

void region_set_romd(struct mem_region *mr, bool romd)
{
    struct address_space *as = space_of(mr);

    if (atomic_exchange_explicit(&mr->romd, romd, memory_order_acq_rel) == romd || !as)
        return;
    for (struct memory_listener *l = as->listeners; l; l = l->next)
        if (l->romd_changed)
            l->romd_changed(l, mr);
}

void view_enter(struct address_space *as)
{
    if (!cpu_current())
        atomic_fetch_add_explicit(&as->readers, 1, memory_order_seq_cst);
}

void view_leave(struct address_space *as)
{
    if (!cpu_current())
        atomic_fetch_sub_explicit(&as->readers, 1, memory_order_release);
}

bool range_is_memory(const struct flat_range *r)
{
    const struct mem_region *mr = r->mr;

    if (mr->kind == MEM_RAM)
        return true;
    return mr->kind == MEM_ROM &&
           (!mr->rom_device || atomic_load_explicit(&mr->romd, memory_order_acquire));
}

bool range_is_writable(const struct flat_range *r)
{
    return r->mr->kind == MEM_RAM;
}

/* A write that met a busy device while its thread was inside another one; done later by the main
 * loop. */
struct deferred_write {
    struct address_space *as;
    gpa addr;
    uint64_t val;
    unsigned size;
};

static _Atomic unsigned deferred_count;

static gboolean run_deferred(gpointer opaque)
{
    struct deferred_write *w = opaque;

    atomic_fetch_sub_explicit(&deferred_count, 1, memory_order_relaxed);
    mem_write(w->as, w->addr, w->size, w->val);
    g_free(w);
    return G_SOURCE_REMOVE;
}

static void defer_write(struct mem_region *mr, uint64_t off, unsigned size, uint64_t val)
{
    struct deferred_write *w = g_new0(struct deferred_write, 1);

    *w = (struct deferred_write){space_of(mr), off, val, size};
    for (struct mem_region *r = mr; r; r = r->parent)
        w->addr += r->base;
    if (!w->as ||
        atomic_fetch_add_explicit(&deferred_count, 1, memory_order_relaxed) >= MAX_DEFERRED) {
        if (w->as)
            atomic_fetch_sub_explicit(&deferred_count, 1, memory_order_relaxed);
        dev_guest_error(mr->dev, "write from a device that waits for it, dropped");
        g_free(w);
        return;
    }
    g_idle_add_full(G_PRIORITY_DEFAULT, run_deferred, w, NULL);
}

/* Take the lock of a device before its registers are used; anything but MUTEX_LOCKED means: leave
 * it alone. */
static enum mutex_result enter_device(struct device *dev) NO_THREAD_ANALYSIS
{
    if (!mutex_held_count()) {
        mutex_lock(&dev->lock);
        return MUTEX_LOCKED;
    }
    enum mutex_result res = mutex_lock_for(&dev->lock, NESTED_WAIT_NS);
    if (res == MUTEX_OWN)
        dev_guest_error(dev, "DMA to the device's own registers, dropped");
    return res;
}

static unsigned op_min(const struct mmio_ops *ops)
{
    return ops->min ? ops->min : 1;
}

static unsigned op_max(const struct mmio_ops *ops)
{
    return ops->max ? ops->max : 8;
}

/* Bytes of the next piece of an access: a power of two, aligned, at most the device's widest. */
static unsigned piece_size(const struct mmio_ops *ops, uint64_t off, unsigned left)
{
    unsigned size = MIN(left, op_max(ops));

    while (!ops->unaligned && (off & (size - 1)))
        size /= 2;
    return size;
}

/* A read narrower than the device takes: read what surrounds it and pick. */
static uint64_t read_piece(struct mem_region *mr, struct access a)
{
    unsigned min = op_min(mr->ops);

    if (a.off + a.size > mr->size || !mr->ops->read)
        return 0;
    if (a.size >= min)
        return mr->ops->read(mr->dev, a) & MASK64(0, a.size * 8);
    struct access wide = {align_down(a.off, min), min, a.peek};
    return extract64(mr->ops->read(mr->dev, wide), (a.off - wide.off) * 8, a.size * 8);
}

/* A write narrower than the device takes: on its lanes of a wide one, the others zero, as on a bus
 * without strobes. */
static void write_piece(struct mem_region *mr, struct access a, uint64_t val)
{
    unsigned min = op_min(mr->ops);

    if (a.off + a.size > mr->size || !mr->ops->write)
        return;
    val &= MASK64(0, a.size * 8);
    if (a.size >= min) {
        mr->ops->write(mr->dev, a, val);
        return;
    }
    struct access wide = {align_down(a.off, min), min, false};
    mr->ops->write(mr->dev, wide, val << ((a.off - wide.off) * 8));
}

static uint64_t read_pieces(struct mem_region *mr, uint64_t off, unsigned size, bool peek)
{
    uint64_t val = 0;

    for (unsigned done = 0, n; done < size; done += n) {
        n = piece_size(mr->ops, off + done, size - done);
        val |= read_piece(mr, (struct access){off + done, n, peek}) << (done * 8);
    }
    return val;
}

static void write_pieces(struct mem_region *mr, uint64_t off, unsigned size, uint64_t val)
{
    for (unsigned done = 0, n; done < size; done += n) {
        n = piece_size(mr->ops, off + done, size - done);
        write_piece(mr, (struct access){off + done, n, false}, val >> (done * 8));
    }
}

uint64_t mmio_read_as(struct mem_region *mr, uint64_t off, unsigned size,
                      bool peek) NO_THREAD_ANALYSIS
{
    if (!mr->ops || !size || size > 8)
        return 0;
    if (!mr->dev || mr->ops->unlocked)
        return read_pieces(mr, off, size, peek);
    if (enter_device(mr->dev) != MUTEX_LOCKED)
        return MASK64(0, size * 8);
    uint64_t val = read_pieces(mr, off, size, peek);
    mutex_unlock(&mr->dev->lock);
    return val;
}

uint64_t mmio_read(struct mem_region *mr, uint64_t off, unsigned size)
{
    return mmio_read_as(mr, off, size, false);
}

void mmio_write(struct mem_region *mr, uint64_t off, unsigned size, uint64_t val) NO_THREAD_ANALYSIS
{
    if (!mr->ops || !size || size > 8)
        return;
    if (!mr->dev || mr->ops->unlocked) {
        write_pieces(mr, off, size, val);
        return;
    }
    switch (enter_device(mr->dev)) {
    case MUTEX_LOCKED:
        write_pieces(mr, off, size, val);
        mutex_unlock(&mr->dev->lock);
        break;
    case MUTEX_OWN: break;
    case MUTEX_TIMEOUT: defer_write(mr, off, size, val); break;
    }
}

static uint8_t *host_of(const struct flat_range *r, gpa addr)
{
    return r->mr->ram->host + r->mr->ram_off + r->mr_off + (addr - r->base);
}

/* Aligned accesses are single copy atomic, as the architectures ask; relaxed, for the fences are
 * the guest's. */
static uint64_t ram_load(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    if ((uintptr_t)p & (size - 1)) {
        memcpy(&v, p, size);
        return v;
    }
    switch (size) {
    case 1: return *p;
    case 2: return __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_RELAXED);
    case 4: return __atomic_load_n((const uint32_t *)(const void *)p, __ATOMIC_RELAXED);
    default: return __atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_RELAXED);
    }
}

static void ram_store(uint8_t *p, unsigned size, uint64_t v)
{
    if ((uintptr_t)p & (size - 1)) {
        memcpy(p, &v, size);
        return;
    }
    switch (size) {
    case 1: __atomic_store_n(p, (uint8_t)v, __ATOMIC_RELAXED); break;
    case 2: __atomic_store_n((uint16_t *)(void *)p, (uint16_t)v, __ATOMIC_RELAXED); break;
    case 4: __atomic_store_n((uint32_t *)(void *)p, (uint32_t)v, __ATOMIC_RELAXED); break;
    default: __atomic_store_n((uint64_t *)(void *)p, v, __ATOMIC_RELAXED); break;
    }
}

static bool size_ok(unsigned size)
{
    return size && size <= 8 && is_pow2(size);
}

static bool crosses(const struct flat_range *r, gpa addr, unsigned size)
{
    return size > r->size - (addr - r->base);
}

/* Across the border of two ranges: byte by byte, the worst result wins. */
static enum mem_result read_across(struct address_space *as, gpa addr, unsigned size, uint64_t *val)
{
    enum mem_result worst = MEM_OK;

    for (unsigned i = 0; i < size; i++) {
        uint64_t byte;
        enum mem_result res = mem_read(as, addr + i, 1, &byte);
        *val |= byte << (i * 8);
        worst = MAX(worst, res);
    }
    return worst;
}

static enum mem_result write_across(struct address_space *as, gpa addr, unsigned size, uint64_t val)
{
    enum mem_result worst = MEM_OK;

    for (unsigned i = 0; i < size; i++) {
        enum mem_result res = mem_write(as, addr + i, 1, (val >> (i * 8)) & 0xff);
        worst = MAX(worst, res);
    }
    return worst;
}

static enum mem_result read_in_view(struct address_space *as, gpa addr, unsigned size,
                                    uint64_t *val)
{
    const struct flat_range *r = address_space_find(as, addr);

    if (!r)
        return MEM_UNMAPPED;
    if (crosses(r, addr, size))
        return read_across(as, addr, size, val);
    if (range_is_memory(r))
        *val = ram_load(host_of(r, addr), size);
    else
        *val = mmio_read(r->mr, r->mr_off + (addr - r->base), size);
    return MEM_OK;
}

static enum mem_result write_in_view(struct address_space *as, gpa addr, unsigned size,
                                     uint64_t val)
{
    const struct flat_range *r = address_space_find(as, addr);

    if (!r)
        return MEM_UNMAPPED;
    if (crosses(r, addr, size))
        return write_across(as, addr, size, val);
    if (range_is_writable(r)) {
        uint8_t *p = host_of(r, addr);
        ram_store(p, size, val);
        ram_written(r->mr->ram, p - r->mr->ram->host, size);
        return MEM_OK;
    }
    if (!r->mr->ops)
        return MEM_READ_ONLY;
    mmio_write(r->mr, r->mr_off + (addr - r->base), size, val);
    return MEM_OK;
}

enum mem_result mem_read(struct address_space *as, gpa addr, unsigned size, uint64_t *val)
{
    *val = 0;
    if (!size_ok(size))
        return MEM_BAD_SIZE;
    view_enter(as);
    enum mem_result res = read_in_view(as, addr, size, val);
    view_leave(as);
    return res;
}

enum mem_result mem_write(struct address_space *as, gpa addr, unsigned size, uint64_t val)
{
    if (!size_ok(size))
        return MEM_BAD_SIZE;
    view_enter(as);
    enum mem_result res = write_in_view(as, addr, size, val);
    view_leave(as);
    return res;
}

/* Byte by byte, each by an atomic operation on host memory. */
static void change_ram(const struct flat_range *r, gpa addr, unsigned size, uint64_t mask,
                       uint64_t val)
{
    uint8_t *p = host_of(r, addr);

    for (unsigned i = 0; i < size; i++) {
        uint8_t clear = extract64(mask & ~val, i * 8, 8), set = extract64(mask & val, i * 8, 8);
        if (clear)
            __atomic_fetch_and(p + i, (uint8_t)~clear, __ATOMIC_SEQ_CST);
        if (set)
            __atomic_fetch_or(p + i, set, __ATOMIC_SEQ_CST);
    }
    ram_written(r->mr->ram, p - r->mr->ram->host, size);
}

enum mem_result mem_write_bits(struct address_space *as, gpa addr, unsigned size, uint64_t mask,
                               uint64_t val)
{
    uint64_t old;

    if (!size_ok(size))
        return MEM_BAD_SIZE;
    view_enter(as);
    const struct flat_range *r = address_space_find(as, addr);
    bool is_ram = r && range_is_writable(r) && !crosses(r, addr, size);
    if (is_ram)
        change_ram(r, addr, size, mask, val);
    view_leave(as);
    if (is_ram)
        return MEM_OK;
    enum mem_result res = mem_read(as, addr, size, &old);
    return res != MEM_OK ? res : mem_write(as, addr, size, (old & ~mask) | (val & mask));
}

static const char *kind_name(const struct mem_region *mr)
{
    switch (mr->kind) {
    case MEM_CONTAINER: return "container";
    case MEM_RAM: return "ram";
    case MEM_ROM: return mr->rom_device ? "romd" : "rom";
    case MEM_MMIO: return "i/o";
    case MEM_ALIAS: return "alias";
    }
    unreachable();
}

static void print_tree(const struct mem_region *mr, gpa base, int depth, FILE *f)
{
    fprintf(f, "%*s%016" G_GINT64_MODIFIER "x-%016" G_GINT64_MODIFIER "x (prio %d, %s): %s\n",
            2 * depth + 2, "", base, base + (mr->size ? mr->size - 1 : 0), mr->priority,
            kind_name(mr), mr->name);
    for (const struct mem_region *c = mr->children; c; c = c->next)
        print_tree(c, base + c->base, depth + 1, f);
}

void address_space_print_tree(struct address_space *as, FILE *f)
{
    mutex_lock(&as->lock);
    fprintf(f, "address-space: %s\n", as->root->name);
    print_tree(as->root, 0, 0, f);
    mutex_unlock(&as->lock);
}

void address_space_print_flat(struct address_space *as, FILE *f)
{
    mutex_lock(&as->lock);
    const struct flat_view *v = atomic_load_explicit(&as->view, memory_order_acquire);
    fprintf(f, "FlatView:\n");
    for (size_t i = 0; i < v->n; i++) {
        const struct flat_range *r = &v->r[i];
        fprintf(f, "  %016" G_GINT64_MODIFIER "x-%016" G_GINT64_MODIFIER "x (%s): %s", r->base,
                r->base + r->size - 1, kind_name(r->mr), r->mr->name);
        if (r->mr_off)
            fprintf(f, " @%016" G_GINT64_MODIFIER "x", r->mr_off);
        fputc('\n', f);
    }
    mutex_unlock(&as->lock);
}

void address_space_print(struct address_space *as, FILE *f)
{
    address_space_print_tree(as, f);
    address_space_print_flat(as, f);
}
