/*
 * Virtio memory balloon.  Ref: VIRTIO 1.2, section 5.5.
 *
 * What the guest puts into the balloon, or reports or hints as free, is given back to the host; it
 * reads as zeros when the guest uses it again.
 */
#include "hw/virtio/balloon.h"
#include "core/clock.h"
#include "core/event.h"
#include "core/machine.h"
#include "core/ram.h"
#include "hw/virtio/virtio.h"
#include "util/bits.h"
#include "util/log.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    F_MUST_TELL_HOST = 0,
    F_STATS_VQ = 1,
    F_DEFLATE_ON_OOM = 2,
    F_FREE_PAGE_HINT = 3,
    F_PAGE_POISON = 4,
    F_REPORTING = 5,
};
enum { INFLATEQ, DEFLATEQ, STATSQ, FREE_PAGEQ, REPORTINGQ, MAX_QUEUES };
enum { QUEUE_SIZE = 128, CONFIG_SIZE = 16, CONFIG_ACTUAL = 4, CONFIG_POISON = 12 };
enum { PAGE_BITS = 12, PFN_BYTES = 4, STAT_BYTES = 10, PFNS_AT_ONCE = 256 };
enum { CMD_STOP = 0, CMD_FIRST_ID = 2 };
enum { MIN_REPORT = 256 << 10 }; /* bytes: less is not worth a mapping */
static const ns_t NS_PER_S = 1000 * 1000 * 1000;

struct virtio_balloon {
    struct virtio_device v;
    bool deflate_on_oom, free_page_hint, page_poison, free_page_reporting;
    uint32_t polling; /* seconds between statistics, 0: none are asked for */
    struct timer poll;
    struct virtq_elem *stats_e; /* the guest's buffer, until it is asked for new ones */
    uint64_t stats[BALLOON_STATS];
    int64_t stats_time;
    bool hinting; /* between the guest's announcement of a round of hints and its end */
    /* The balloon may take a page of the host's in parts: what of it is in, by its address. */
    uint8_t *part_host;
    uint64_t part_bits;
    struct virtio_balloon_state {
        struct virtio_state v;
        uint32_t target; /* pages that should be in the balloon */
        uint32_t actual; /* that the guest says are */
        uint32_t hint_id, poison;
    } s;
};

static struct device *last_of_type(struct machine *m, const struct device_type *type)
{
    struct device *found = NULL;
    for (struct device *dev = m->devices; dev; dev = dev->next)
        if (dev->type == type)
            found = dev;
    return found;
}

static uint64_t ram_bytes(const struct virtio_balloon *b)
{
    return b->v.dev.machine ? b->v.dev.machine->cfg.ram_size : 0;
}

/* Whole pages of the host's inside [host, host+n): the first, and *bytes of them. */
static uint8_t *whole_pages(uint8_t *host, uint64_t n, uint64_t *bytes)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), at = (uint64_t)(uintptr_t)host;
    uint64_t from = align_up(at, page), to = align_down(at + n, page);
    *bytes = from < to ? to - from : 0;
    return host + (from - at);
}

/* Let the host take back memory whose contents nobody will look at. */
static void release(struct ram_block *ram, uint8_t *host, uint64_t n)
{
    uint64_t bytes;
    uint8_t *at = whole_pages(host, n, &bytes);
    /* Memory that others share is in a file, and stays there until it is removed from that. */
    if (bytes && madvise(at, bytes, ram->fd >= 0 ? MADV_REMOVE : MADV_DONTNEED) == 0)
        ram_written(ram, (uint64_t)(at - ram->host), bytes);
}

/* The same for memory that must then read as zeros: the guest may count on that, and below a
 * restored machine's memory lies the file it came from. */
static void release_zeroed(struct ram_block *ram, uint8_t *host, uint64_t n)
{
    uint64_t bytes;
    uint8_t *at = whole_pages(host, n, &bytes);
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (bytes < MIN_REPORT)
        return;
    if (ram->fd >= 0 ? madvise(at, bytes, MADV_REMOVE) == 0
                     : mmap(at, bytes, PROT_READ | PROT_WRITE, flags, -1, 0) != MAP_FAILED)
        ram_written(ram, (uint64_t)(at - ram->host), bytes);
}

/* A guest page of 4 KiB; larger pages of the host are given back when all of one is in. */
static void put_in(struct virtio_balloon *b, uint32_t pfn)
{
    uint64_t n = UINT64_C(1) << PAGE_BITS, off, page = (uint64_t)sysconf(_SC_PAGESIZE);
    struct ram_block *ram;
    uint8_t *host = dma_map(&b->v.dev.machine->as, (gpa)pfn << PAGE_BITS, &n, true, &ram, &off);
    if (host == NULL || n < UINT64_C(1) << PAGE_BITS) {
        dev_guest_error(&b->v.dev, "page %#x in the balloon is not RAM", pfn);
        return;
    }
    if (page <= n || page / n > 64) {
        release(ram, host, n);
        return;
    }
    uint64_t within = (uint64_t)(uintptr_t)host & (page - 1), parts = page >> PAGE_BITS;
    if (b->part_host != host - within)
        b->part_bits = 0;
    b->part_host = host - within;
    b->part_bits |= BIT64(within >> PAGE_BITS);
    if (b->part_bits == MASK64(0, parts))
        release(ram, b->part_host, page);
}

/* A list of page numbers. */
static void take_pages(struct virtio_balloon *b, const struct virtq_elem *e, bool in)
{
    uint8_t buf[PFNS_AT_ONCE * PFN_BYTES];
    uint64_t off = 0, n;
    while ((n = virtq_read(e, off, buf, sizeof(buf))) >= PFN_BYTES) {
        for (uint64_t i = 0; in && i + PFN_BYTES <= n; i += PFN_BYTES)
            put_in(b, ld_le32(buf + i));
        off += n;
    }
    if (!in) /* what was a part of a page is used again */
        b->part_host = NULL;
}

static void run_pages(struct virtio_balloon *b, unsigned queue)
{
    struct virtq_elem *e;
    unsigned budget = virtq_budget(&b->v);
    while ((e = virtq_next(&b->v, queue, &budget))) {
        take_pages(b, e, queue == INFLATEQ);
        virtq_push(&b->v, e, 0);
    }
    virtq_interrupt(&b->v, queue);
}

/* Free pages, each an in segment of the guest's. */
static void release_segments(const struct virtq_elem *e)
{
    for (unsigned i = e->nout; i < e->nout + e->nin; i++)
        release_zeroed(e->ram[i], e->iov[i].iov_base, e->iov[i].iov_len);
}

static void run_reporting(struct virtio_balloon *b, unsigned queue)
{
    struct virtq_elem *e;
    unsigned budget = virtq_budget(&b->v);
    /* The guest wants its free pages poisoned with something else than zeros: they must stay. */
    bool keep = virtio_has(&b->v, F_PAGE_POISON) && b->s.poison != 0;
    while ((e = virtq_next(&b->v, queue, &budget))) {
        if (!keep)
            release_segments(e);
        virtq_push(&b->v, e, 0);
    }
    virtq_interrupt(&b->v, queue);
}

/* Hints: an out segment names the round, in segments are free pages of it. */
static void run_hints(struct virtio_balloon *b, unsigned queue)
{
    struct virtq_elem *e;
    unsigned budget = virtq_budget(&b->v);
    uint8_t id[4];
    while ((e = virtq_next(&b->v, queue, &budget))) {
        if (e->nout && virtq_read(e, 0, id, sizeof(id)) == sizeof(id))
            b->hinting = ld_le32(id) == b->s.hint_id && b->s.hint_id >= CMD_FIRST_ID;
        else if (b->hinting && !b->s.poison)
            release_segments(e);
        virtq_push(&b->v, e, 0);
    }
    virtq_interrupt(&b->v, queue);
}

static void read_stats(struct virtio_balloon *b, const struct virtq_elem *e)
{
    uint8_t stat[STAT_BYTES];
    memset(b->stats, 0xff, sizeof(b->stats));
    for (uint64_t off = 0; virtq_read(e, off, stat, STAT_BYTES) == STAT_BYTES; off += STAT_BYTES) {
        uint16_t tag = ld_le16(stat);
        if (tag < BALLOON_STATS)
            b->stats[tag] = ld_le64(stat + 2);
    }
    b->stats_time = g_get_real_time() / G_USEC_PER_SEC;
}

static void arm_poll(struct virtio_balloon *b)
{
    if (b->polling && b->stats_e)
        timer_set(&b->poll, clock_now() + b->polling * NS_PER_S);
}

/* The guest answers with the one buffer it has; giving that back asks for the next. */
static void run_stats(struct virtio_balloon *b)
{
    struct virtq_elem *e;
    unsigned budget = virtq_budget(&b->v);
    while ((e = virtq_next(&b->v, STATSQ, &budget))) {
        if (b->stats_e)
            virtq_push(&b->v, b->stats_e, 0);
        b->stats_e = e;
        read_stats(b, e);
    }
    arm_poll(b);
}

static void poll_stats(void *opaque)
{
    struct virtio_balloon *b = opaque;
    if (b->stats_e == NULL || !b->polling)
        return;
    virtq_push(&b->v, b->stats_e, 0);
    b->stats_e = NULL;
    virtq_interrupt(&b->v, STATSQ);
}

/* Queues of features that the driver did not take leave no gap: the next one has their number. */
static unsigned role_of(struct virtio_balloon *b, unsigned queue)
{
    static const struct {
        unsigned feature, role;
    } more[] = {{F_STATS_VQ, STATSQ}, {F_FREE_PAGE_HINT, FREE_PAGEQ}, {F_REPORTING, REPORTINGQ}};
    unsigned next = STATSQ;
    if (queue <= DEFLATEQ)
        return queue;
    for (size_t i = 0; i < ARRAY_SIZE(more); i++)
        if (virtio_has(&b->v, more[i].feature) && next++ == queue)
            return more[i].role;
    return MAX_QUEUES;
}

static void virtio_balloon_queue(struct virtio_device *v, unsigned queue)
{
    struct virtio_balloon *b = (struct virtio_balloon *)v;
    switch (role_of(b, queue)) {
    case STATSQ: run_stats(b); break;
    case FREE_PAGEQ: run_hints(b, queue); break;
    case REPORTINGQ: run_reporting(b, queue); break;
    case MAX_QUEUES: break;
    default: run_pages(b, queue);
    }
}

static uint64_t virtio_balloon_features(struct virtio_device *v)
{
    const struct virtio_balloon *b = (const struct virtio_balloon *)v;
    return BIT64(F_STATS_VQ) | (b->deflate_on_oom ? BIT64(F_DEFLATE_ON_OOM) : 0) |
           (b->free_page_hint ? BIT64(F_FREE_PAGE_HINT) : 0) |
           (b->page_poison ? BIT64(F_PAGE_POISON) : 0) |
           (b->free_page_reporting ? BIT64(F_REPORTING) : 0);
}

static void virtio_balloon_config_read(struct virtio_device *v, uint8_t *config)
{
    const struct virtio_balloon *b = (const struct virtio_balloon *)v;
    st_le32(config, b->s.target);
    st_le32(config + CONFIG_ACTUAL, b->s.actual);
    st_le32(config + 8, b->s.hint_id);
    st_le32(config + CONFIG_POISON, b->s.poison);
}

static void set_actual(struct virtio_balloon *b, uint32_t pages)
{
    uint64_t ram = ram_bytes(b), in = (uint64_t)pages << PAGE_BITS;
    if (pages == b->s.actual)
        return;
    b->s.actual = pages;
    event_emit("BALLOON_CHANGE", "{\"actual\": %llu}",
               (unsigned long long)(ram > in ? ram - in : 0));
}

/* The guest may write in pieces: put them into the word. */
static void virtio_balloon_config_write(struct virtio_device *v, uint32_t off, unsigned size,
                                        uint32_t val)
{
    struct virtio_balloon *b = (struct virtio_balloon *)v;
    unsigned word = off & ~3U, shift = off % 4 * 8, bits = size * 8;
    if (size > 4 - off % 4 || (word != CONFIG_ACTUAL && word != CONFIG_POISON)) {
        dev_guest_error(&v->dev, "write to read-only configuration at %#x", off);
        return;
    }
    if (word == CONFIG_ACTUAL)
        set_actual(b, (uint32_t)deposit64(b->s.actual, shift, bits, val));
    else if (virtio_has(v, F_PAGE_POISON))
        b->s.poison = (uint32_t)deposit64(b->s.poison, shift, bits, val);
}

static void drop_stats(struct virtio_balloon *b)
{
    if (b->stats_e)
        virtq_drop(&b->v, b->stats_e);
    b->stats_e = NULL;
}

static void virtio_balloon_queue_reset(struct virtio_device *v, unsigned queue)
{
    if (queue == STATSQ)
        drop_stats((struct virtio_balloon *)v);
}

static const struct virtio_class virtio_balloon_vclass = {
    .id = VIRTIO_ID_BALLOON,
    .features = virtio_balloon_features,
    .config_read = virtio_balloon_config_read,
    .config_write = virtio_balloon_config_write,
    .queue = virtio_balloon_queue,
    .queue_reset = virtio_balloon_queue_reset,
};

static void virtio_balloon_reset(struct device *dev)
{
    struct virtio_balloon *b = (struct virtio_balloon *)dev;
    drop_stats(b);
    b->part_host = NULL;
    b->hinting = false;
}

extern const struct device_type virtio_balloon_type;

static bool virtio_balloon_realize(struct device *dev, struct error **errp)
{
    struct virtio_balloon *b = (struct virtio_balloon *)dev;
    for (const struct device *o = dev->machine ? dev->machine->devices : NULL; o; o = o->next)
        if (o != dev && o->type == dev->type && o->realized) {
            error_set(errp, "the machine has a balloon already: '%s'", o->id);
            return false;
        }
    memset(b->stats, 0xff, sizeof(b->stats));
    timer_init(&b->poll, &dev->lock, poll_stats, b);
    unsigned queues = 3 + b->free_page_hint + b->free_page_reporting;
    virtio_init(&b->v, &virtio_balloon_vclass, queues, QUEUE_SIZE, CONFIG_SIZE);
    return true;
}

static void virtio_balloon_unrealize(struct device *dev)
{
    struct virtio_balloon *b = (struct virtio_balloon *)dev;
    timer_cancel(&b->poll);
    virtio_fini(&b->v);
    drop_stats(b);
}

struct device *balloon_find(struct machine *m)
{
    return last_of_type(m, &virtio_balloon_type);
}

void balloon_set(struct device *dev, uint64_t bytes)
{
    struct virtio_balloon *b = (struct virtio_balloon *)dev;
    uint64_t ram = ram_bytes(b);
    mutex_lock(&dev->lock);
    b->s.target = (uint32_t)MIN((ram - MIN(bytes, ram)) >> PAGE_BITS, (uint64_t)UINT32_MAX);
    virtio_config_changed(&b->v);
    mutex_unlock(&dev->lock);
}

void balloon_get(struct device *dev, struct balloon_info *info)
{
    struct virtio_balloon *b = (struct virtio_balloon *)dev;
    uint64_t ram = ram_bytes(b);
    mutex_lock(&dev->lock);
    info->actual = ram - MIN(ram, (uint64_t)b->s.actual << PAGE_BITS);
    info->target = ram - MIN(ram, (uint64_t)b->s.target << PAGE_BITS);
    info->last_update = b->stats_time;
    memcpy(info->stats, b->stats, sizeof(info->stats));
    mutex_unlock(&dev->lock);
}

const char *balloon_stat_name(unsigned tag)
{
    static const char *const names[] = {
        "stat-swap-in",      "stat-swap-out",     "stat-major-faults",     "stat-minor-faults",
        "stat-free-memory",  "stat-total-memory", "stat-available-memory", "stat-disk-caches",
        "stat-htlb-pgalloc", "stat-htlb-pgfail",
    };
    return tag < ARRAY_SIZE(names) ? names[tag] : NULL;
}

void balloon_set_polling(struct device *dev, uint32_t seconds)
{
    struct virtio_balloon *b = (struct virtio_balloon *)dev;
    mutex_lock(&dev->lock);
    b->polling = seconds;
    arm_poll(b);
    mutex_unlock(&dev->lock);
}

uint32_t balloon_polling(struct device *dev)
{
    return ((struct virtio_balloon *)dev)->polling;
}

static const struct state_field virtio_balloon_state[] = {
    STATE(virtio_balloon, v, 0),      STATE_KEEP(virtio_balloon, target),
    STATE(virtio_balloon, actual, 0), STATE(virtio_balloon, hint_id, CMD_STOP),
    STATE(virtio_balloon, poison, 0), STATE_END,
};

/* The buffer that is kept for the next report goes back, and is taken again when time goes on. */
static bool virtio_balloon_can_save(struct device *dev, struct error **errp)
{
    struct virtio_balloon *b = (struct virtio_balloon *)dev;
    if (b->stats_e) {
        virtq_again(&b->v, b->stats_e->queue);
        virtq_unpop(&b->v, b->stats_e);
        b->stats_e = NULL;
    }
    return virtio_can_save(dev, errp);
}

static const struct prop virtio_balloon_props[] = {
    PROP(prop_bool, virtio_balloon, "deflate-on-oom", deflate_on_oom, "off",
         "the guest may take pages back when it runs out"),
    PROP(prop_bool, virtio_balloon, "free-page-hint", free_page_hint, "off",
         "take hints about free pages"),
    PROP(prop_bool, virtio_balloon, "page-poison", page_poison, "on",
         "know what the guest fills free pages with"),
    PROP(prop_bool, virtio_balloon, "free-page-reporting", free_page_reporting, "off",
         "give back what the guest reports as free"),
    PROP(prop_uint32, virtio_balloon, "guest-stats-polling-interval", polling, "0",
         "seconds between statistics (0: none)"),
    VIRTIO_PROPS(virtio_balloon),
    PROP_END,
};

DEVICE_CLASS_NAMED(virtio_balloon, "virtio-balloon-device") = {
    .desc = "Virtio memory balloon",
    .bus = "virtio-mmio-bus",
    .user_creatable = true,
    .props = virtio_balloon_props,
    .state = virtio_balloon_state,
    .realize = virtio_balloon_realize,
    .unrealize = virtio_balloon_unrealize,
    .sync = virtio_sync,
    .can_save = virtio_balloon_can_save,
    .reset = virtio_balloon_reset,
};
