/*
 * Sockets served by the kernel: the device with a stand-in for the kernel, a thread that works on
 * the rings in guest memory as the memory table and the addresses it was given say.
 */
#include "core/ram.h"
#include "hw/bus.h"
#include "hw/virtio/mmio.h"
#include "hw/virtio/vhost.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/vsock.h"
#include "tests/unit/bench.h"
#include "util/bits.h"
#include "util/thread.h"

#include <errno.h>
#include <glib.h>
#include <linux/vhost.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

extern const struct device_type virtio_mmio_type, vhost_vsock_type;

enum { RX, TX, EVENT, QUEUES, QSIZE = 8, RINGS = 0x10000, RING_STRIDE = 0x4000 };
enum { RX_DATA = 0x100000, TX_DATA = 0x180000, EVENT_DATA = 0x1f0000, STEP = 0x1000 };
enum { NEXT = 1, WRITE = 2, CID = 42, MAX_REGIONS = 8, PACKET = 64 };

/* ---- the stand-in for the kernel ---- */

struct fake_ring {
    unsigned num, base;
    struct vhost_vring_addr addr;
    int kick, call, err;
};

static struct fake {
    struct mutex lock; /* guards all below */
    uint64_t offers, features, cid, log;
    struct vhost_memory *table;
    struct fake_ring ring[2];
    bool owned, running;
    unsigned long refuse; /* the request that fails */
    int refuse_errno, open_errno;
    int wake; /* the thread looks again */
    bool quit;
    unsigned starts, stops, echoes;
} k;

static uint8_t *fake_at(gpa addr, uint64_t len)
{
    for (unsigned i = 0; i < k.table->nregions; i++) {
        const struct vhost_memory_region *r = &k.table->regions[i];
        if (addr >= r->guest_phys_addr && addr + len <= r->guest_phys_addr + r->memory_size)
            return (uint8_t *)(uintptr_t)(r->userspace_addr + addr - r->guest_phys_addr);
    }
    return NULL;
}

static void fake_log(gpa addr)
{
    if (k.features >> VHOST_F_LOG_ALL & 1)
        __atomic_fetch_or((uint8_t *)(uintptr_t)k.log + (addr >> 12 >> 3),
                          (uint8_t)(1 << (addr >> 12 & 7)), __ATOMIC_SEQ_CST);
}

/* The next available descriptor (chains of one), or NULL. */
static const uint8_t *fake_next(struct fake_ring *r, uint16_t *head)
{
    const uint8_t *avail = (const uint8_t *)(uintptr_t)r->addr.avail_user_addr;
    uint16_t idx = __atomic_load_n((const uint16_t *)(const void *)(avail + 2), __ATOMIC_ACQUIRE);
    if (idx == (uint16_t)r->base)
        return NULL;
    *head = ld_le16(avail + 4 + 2 * (r->base % r->num));
    return (const uint8_t *)(uintptr_t)r->addr.desc_user_addr + (size_t)*head * 16;
}

static void fake_use(struct fake_ring *r, uint16_t head, uint32_t written)
{
    uint8_t *used = (uint8_t *)(uintptr_t)r->addr.used_user_addr;
    uint16_t idx = ld_le16(used + 2);
    st_le32(used + 4 + 8 * (idx % r->num), head);
    st_le32(used + 8 + 8 * (idx % r->num), written);
    __atomic_store_n((uint16_t *)(void *)(used + 2), (uint16_t)(idx + 1), __ATOMIC_RELEASE);
    r->base = (uint16_t)(r->base + 1);
    if (r->addr.flags & 1 << VHOST_VRING_F_LOG)
        fake_log(r->addr.log_guest_addr);
    uint64_t one = 1;
    g_assert_cmpint(write(r->call, &one, 8), ==, 8);
}

static void fake_error(struct fake_ring *r)
{
    uint64_t one = 1;
    k.running = false;
    g_assert_cmpint(write(r->err, &one, 8), ==, 8);
}

/* Echo one packet; false when there is none, or nowhere to put it. */
static bool fake_echo(void)
{
    uint16_t out, in;
    const uint8_t *from = fake_next(&k.ring[TX], &out);
    const uint8_t *to = from ? fake_next(&k.ring[RX], &in) : NULL;
    if (!to)
        return false;
    const uint8_t *src = fake_at(ld_le64(from), PACKET);
    uint8_t *dst = fake_at(ld_le64(to), PACKET);
    if (!src || !dst) {
        fake_error(&k.ring[src ? RX : TX]);
        return false;
    }
    memcpy(dst, src, PACKET);
    fake_log(ld_le64(to));
    k.echoes++;
    fake_use(&k.ring[RX], in, PACKET);
    fake_use(&k.ring[TX], out, 0);
    return true;
}

static void fake_serve(struct pollfd *p)
{
    uint64_t n;
    mutex_lock(&k.lock);
    for (unsigned i = 0; i < 2; i++)
        if (p[i].revents & POLLIN) /* as the kernel does: seen, whether it runs or not */
            g_assert_cmpint(read(p[i].fd, &n, 8), ==, 8);
    while (k.running && fake_echo())
        continue;
    mutex_unlock(&k.lock);
}

static void *fake_thread(void *unused UNUSED)
{
    for (;;) {
        mutex_lock(&k.lock);
        bool quit = k.quit;
        struct pollfd p[3] = {
            {k.ring[RX].kick, POLLIN, 0}, {k.ring[TX].kick, POLLIN, 0}, {k.wake, POLLIN, 0}};
        mutex_unlock(&k.lock);
        if (quit)
            return NULL;
        poll(p, 3, -1);
        uint64_t n;
        if ((p[2].revents & POLLIN) && read(k.wake, &n, 8) != 8)
            continue;
        fake_serve(p);
    }
}

static void wake_fake(void)
{
    uint64_t one = 1;
    g_assert_cmpint(write(k.wake, &one, 8), ==, 8);
}

static int fake_open(const char *path)
{
    g_assert_cmpstr(path, ==, "/dev/vhost-vsock");
    if (k.open_errno) {
        errno = k.open_errno;
        return -1;
    }
    return eventfd(0, EFD_CLOEXEC);
}

static int fake_set_table(const struct vhost_memory *m)
{
    size_t n = sizeof(*m) + m->nregions * sizeof(m->regions[0]);
    g_assert_cmpuint(m->nregions, <=, MAX_REGIONS);
    memcpy(k.table, m, n);
    return 0;
}

static int fake_set_base(const struct vhost_vring_state *s)
{
    if (k.running) /* a ring in use stays where it is */
        return EBUSY;
    k.ring[s->index].base = s->num;
    return 0;
}

static int fake_run(bool on)
{
    k.starts += on && !k.running;
    k.stops += !on && k.running;
    k.running = on;
    return 0;
}

static int fake_request(unsigned long request, void *arg)
{
    struct vhost_vring_file *f = arg;
    struct vhost_vring_state *s = arg;
    if (request != VHOST_SET_OWNER)
        g_assert_true(k.owned); /* before anything else */
    switch (request) {
    case VHOST_SET_OWNER: k.owned = true; return 0;
    case VHOST_GET_FEATURES: *(uint64_t *)arg = k.offers; return 0;
    case VHOST_SET_FEATURES:
        k.features = *(uint64_t *)arg;
        return k.features & ~k.offers ? EOPNOTSUPP : 0;
    case VHOST_SET_MEM_TABLE: return fake_set_table(arg);
    case VHOST_SET_LOG_BASE: k.log = *(uint64_t *)arg; return 0;
    case VHOST_SET_VRING_NUM: k.ring[s->index].num = s->num; return 0;
    case VHOST_SET_VRING_BASE: return fake_set_base(s);
    case VHOST_GET_VRING_BASE: s->num = k.ring[s->index].base; return 0;
    case VHOST_SET_VRING_ADDR:
        k.ring[((struct vhost_vring_addr *)arg)->index].addr = *(struct vhost_vring_addr *)arg;
        return 0;
    case VHOST_SET_VRING_KICK: k.ring[f->index].kick = f->fd; return 0;
    case VHOST_SET_VRING_CALL: k.ring[f->index].call = f->fd; return 0;
    case VHOST_SET_VRING_ERR: k.ring[f->index].err = f->fd; return 0;
    case VHOST_VSOCK_SET_GUEST_CID: k.cid = *(uint64_t *)arg; return 0;
    case VHOST_VSOCK_SET_RUNNING: return fake_run(*(int *)arg);
    default: g_assert_not_reached();
    }
}

static int fake_ioctl(int fd UNUSED, unsigned long request, void *arg)
{
    mutex_lock(&k.lock);
    int err = request == k.refuse ? k.refuse_errno : fake_request(request, arg);
    mutex_unlock(&k.lock);
    wake_fake();
    errno = err;
    return err ? -1 : 0;
}

static const struct vhost_kernel fake_kernel = {fake_open, fake_ioctl};

static void fake_init(void)
{
    k = (struct fake){.offers = BIT64(VIRTIO_F_VERSION_1) | BIT64(VHOST_F_LOG_ALL) |
                                BIT64(VIRTIO_F_EVENT_IDX) | BIT64(VIRTIO_F_ACCESS_PLATFORM) | 2};
    mutex_init(&k.lock);
    k.wake = eventfd(0, EFD_CLOEXEC);
    k.table = g_malloc0(sizeof(*k.table) + MAX_REGIONS * sizeof(k.table->regions[0]));
    k.ring[RX].kick = k.ring[TX].kick = -1;
}

/* ---- the driver ---- */

struct rig {
    struct bench *b;
    struct device *dev;
    pthread_t thread;
    uint16_t avail[QUEUES];
};

static bool try_plug(struct rig *r, const char *props, struct error **errp)
{
    r->dev = device_new(&vhost_vsock_type, r->b->m, "dut");
    vhost_vsock_use_kernel(r->dev, &fake_kernel);
    g_auto(GStrv) words = g_strsplit(props, ",", 0);
    for (char **w = words; *w; w++) {
        g_auto(GStrv) kv = g_strsplit(*w, "=", 2);
        if (!device_set(r->dev, kv[0], kv[1], errp))
            return false;
    }
    return hw_bus_plug(r->b->m, r->dev, NULL, errp) && device_realize(r->dev, errp);
}

static struct rig *rig_new(void)
{
    struct rig *r = g_new0(struct rig, 1);
    r->b = bench_new_raw(&virtio_mmio_type);
    bench_set(r->b, "force-legacy", "off");
    bench_realize(r->b);
    return r;
}

static struct rig *rig_with(const char *props)
{
    struct error *err = NULL;
    struct rig *r = rig_new();
    if (!try_plug(r, props, &err))
        g_error("%s", error_text(err));
    r->thread = thread_start("fake", fake_thread, NULL);
    return r;
}

static struct rig *rig(void)
{
    fake_init();
    return rig_with("guest-cid=42");
}

static void fake_fini(void)
{
    g_free(k.table);
    close(k.wake);
    mutex_fini(&k.lock);
}

static void rig_free(struct rig *r)
{
    if (r->thread) {
        mutex_lock(&k.lock);
        k.quit = true;
        mutex_unlock(&k.lock);
        wake_fake();
        pthread_join(r->thread, NULL);
    }
    bench_free(r->b);
    fake_fini();
    g_free(r);
}

static uint32_t rd(struct rig *r, uint64_t off)
{
    return (uint32_t)bench_read(r->b, off, 4);
}

static void wr(struct rig *r, uint64_t off, uint32_t val)
{
    bench_write(r->b, off, 4, val);
}

static uint8_t *mem(struct rig *r, uint64_t off)
{
    return r->b->ram->host + off;
}

static uint64_t ring_at(unsigned q)
{
    return RINGS + (uint64_t)q * RING_STRIDE;
}

static uint64_t avail_at(unsigned q)
{
    return ring_at(q) + 0x1000;
}

static uint64_t used_at(unsigned q)
{
    return ring_at(q) + 0x2000;
}

static uint16_t used_idx(struct rig *r, unsigned q)
{
    return __atomic_load_n((uint16_t *)(void *)(mem(r, used_at(q)) + 2), __ATOMIC_ACQUIRE);
}

static void set_up_queue(struct rig *r, unsigned q)
{
    wr(r, 0x30, q);
    wr(r, 0x38, QSIZE);
    wr(r, 0x80, (uint32_t)(BENCH_RAM + ring_at(q)));
    wr(r, 0x90, (uint32_t)(BENCH_RAM + avail_at(q)));
    wr(r, 0xa0, (uint32_t)(BENCH_RAM + used_at(q)));
    wr(r, 0x44, 1);
}

/* The sequence of section 3.1.1. */
static void start(struct rig *r)
{
    wr(r, 0x70, 0);
    wr(r, 0x70, 3);
    wr(r, 0x24, 0);
    wr(r, 0x20, 2);
    wr(r, 0x24, 1);
    wr(r, 0x20, 1);
    wr(r, 0x70, 11);
    g_assert_cmphex(rd(r, 0x70), ==, 11);
    memset(mem(r, RINGS), 0, QUEUES * RING_STRIDE);
    memset(r->avail, 0, sizeof(r->avail));
    for (unsigned q = 0; q < QUEUES; q++)
        set_up_queue(r, q);
    wr(r, 0x70, 15);
}

static void offer(struct rig *r, unsigned q, uint64_t addr, uint32_t len, bool notify)
{
    uint16_t n = r->avail[q]++, i = n % QSIZE;
    uint8_t *d = mem(r, ring_at(q) + i * 16), *a = mem(r, avail_at(q));
    st_le64(d, addr);
    st_le32(d + 8, len);
    st_le16(d + 12, q == TX ? 0 : WRITE);
    st_le16(a + 4 + 2 * i, i);
    __atomic_store_n((uint16_t *)(void *)(a + 2), r->avail[q], __ATOMIC_RELEASE);
    if (notify)
        wr(r, 0x50, q);
}

static void offer_rx(struct rig *r)
{
    offer(r, RX, BENCH_RAM + RX_DATA + r->avail[RX] * STEP, STEP, true);
}

static void say(struct rig *r, const char *text, bool notify)
{
    uint64_t at = TX_DATA + r->avail[TX] * STEP;
    memset(mem(r, at), 0, PACKET);
    strcpy((char *)mem(r, at), text);
    offer(r, TX, BENCH_RAM + at, PACKET, notify);
}

static bool irq_is_high(void *rig)
{
    return ((struct rig *)rig)->b->irq;
}

struct progress {
    struct rig *r;
    unsigned q;
    uint16_t idx;
};

static bool has_used(void *opaque)
{
    const struct progress *p = opaque;
    return used_idx(p->r, p->q) == p->idx;
}

static void expect_used(struct rig *r, unsigned q, uint16_t idx)
{
    g_assert_true(bench_wait(has_used, &(struct progress){r, q, idx}));
}

static void expect_irq(struct rig *r)
{
    g_assert_true(bench_wait(irq_is_high, r));
    g_assert_cmphex(rd(r, 0x60), ==, 1);
    wr(r, 0x64, 1);
}

static bool is_dirty(struct rig *r, uint64_t off)
{
    return r->b->ram->notes[off >> RAM_PAGE_BITS] & RAM_PAGE_DIRTY;
}

static void clean(struct rig *r)
{
    g_autofree uint64_t *map = g_new0(uint64_t, BENCH_RAM_SIZE / RAM_PAGE_SIZE / 64);
    ram_take_dirty(r->b->ram, map);
}

/* ---- tests ---- */

static void test_kernel_serves_the_rings(void)
{
    struct rig *r = rig();
    g_assert_cmphex(rd(r, 8), ==, 19);
    g_assert_cmpint(bench_read(r->b, 0x100, 8), ==, CID);
    g_assert_cmpint(k.cid, ==, CID);
    g_assert_false(k.running);
    start(r);
    g_assert_true(k.running);
    g_assert_cmphex(k.features, ==, BIT64(VIRTIO_F_VERSION_1) | BIT64(VHOST_F_LOG_ALL) | 2);
    for (unsigned i = 1; i <= 20; i++) {
        g_autofree char *text = g_strdup_printf("packet %u", i);
        uint64_t at = RX_DATA + r->avail[RX] * STEP;
        offer_rx(r);
        say(r, text, true);
        expect_used(r, TX, (uint16_t)i);
        g_assert_cmpstr((char *)mem(r, at), ==, text);
        expect_irq(r);
    }
    rig_free(r);
}

/* What the driver is offered is what both sides know. */
static void test_features_are_those_of_both(void)
{
    fake_init();
    k.offers &= ~(BIT64(VIRTIO_F_EVENT_IDX) | 2);
    struct rig *r = rig_with("guest-cid=42,iommu_platform=on");
    wr(r, 0x14, 0);
    g_assert_cmphex(rd(r, 0x10), ==, 0);
    wr(r, 0x14, 1);
    g_assert_cmphex(rd(r, 0x10), ==,
                    1 | 1 << (VIRTIO_F_ACCESS_PLATFORM - 32) | 1 << (VIRTIO_F_RING_RESET - 32));
    rig_free(r);
}

static void check_refused(const char *props, const char *want)
{
    struct error *err = NULL;
    struct rig *r = rig_new();
    g_assert_false(try_plug(r, props, &err));
    if (!strstr(error_text(err), want))
        g_error("'%s' is not in '%s'", want, error_text(err));
    error_free(err);
    rig_free(r);
}

static void test_bad_properties_are_one_line(void)
{
    static const struct {
        const char *props, *want;
    } cases[] = {
        {"seqpacket=on", "guest-cid= is missing"},
        {"guest-cid=2", "guest-cid is 2, must be 3 to 4294967294"},
        {"guest-cid=4294967295", "must be 3 to 4294967294"},
        {"guest-cid=3,packed=on", "packed=on"},
        {"guest-cid=3,seqpacket=perhaps", "seqpacket (on, off, auto)"},
        {"guest-cid=3,vhostfd=nosuch", "vhostfd"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        fake_init();
        check_refused(cases[i].props, cases[i].want);
    }
    fake_init();
    k.offers &= ~UINT64_C(2);
    check_refused("guest-cid=3,seqpacket=on", "seqpacket=on: the host's kernel does not offer it");
    fake_init();
    k.open_errno = ENOENT;
    check_refused("guest-cid=3", "could not open /dev/vhost-vsock");
    fake_init();
    k.refuse = VHOST_VSOCK_SET_GUEST_CID;
    k.refuse_errno = EADDRINUSE;
    check_refused("guest-cid=3", "guest-cid=3 is another machine's");
    fake_init();
    k.refuse = VHOST_SET_MEM_TABLE;
    k.refuse_errno = E2BIG;
    check_refused("guest-cid=3", "would not take the guest's memory");
}

/* Pages that only the kernel wrote are known as written. */
static void test_written_pages_are_noted(void)
{
    struct rig *r = rig();
    start(r);
    offer_rx(r);
    clean(r);
    say(r, "x", true);
    expect_irq(r);
    g_assert_true(is_dirty(r, RX_DATA));
    g_assert_true(is_dirty(r, used_at(RX)));
    g_assert_false(is_dirty(r, RX_DATA + 2 * STEP));
    rig_free(r);
}

static void test_without_a_log_all_is_noted_at_a_stop(void)
{
    fake_init();
    k.offers &= ~BIT64(VHOST_F_LOG_ALL);
    struct rig *r = rig_with("guest-cid=42");
    start(r);
    clean(r);
    machine_pause(r->b->m);
    g_assert_true(is_dirty(r, 0) && is_dirty(r, BENCH_RAM_SIZE - 1));
    machine_resume(r->b->m);
    rig_free(r);
}

/* Paused, nothing moves, and the state is complete; notifications of before are not lost. */
static void test_pause_takes_the_rings_back(void)
{
    struct rig *r = rig();
    struct virtio_state *s = virtio_state((struct virtio_device *)r->dev);
    start(r);
    offer_rx(r);
    offer_rx(r);
    say(r, "before", true);
    expect_used(r, TX, 1);
    machine_pause(r->b->m);
    g_assert_false(k.running);
    g_assert_true(r->b->irq); /* for what was used before, although nobody waited */
    g_assert_cmpint(s->q[RX].last_avail, ==, 1);
    g_assert_cmpint(s->q[TX].last_avail, ==, 1);
    g_assert_cmpint(s->q[TX].used_idx, ==, 1);
    g_assert_true(r->dev->type->cls->can_save(r->dev, NULL));
    say(r, "meanwhile", true);
    g_usleep(20000);
    g_assert_cmpint(used_idx(r, TX), ==, 1);
    machine_resume(r->b->m);
    g_assert_true(k.running);
    expect_used(r, TX, 2);
    g_assert_cmpstr((char *)mem(r, RX_DATA + STEP), ==, "meanwhile");
    rig_free(r);
}

static void test_reset_stops_the_kernel(void)
{
    struct rig *r = rig();
    struct virtio_state *s = virtio_state((struct virtio_device *)r->dev);
    for (unsigned i = 0; i < 3; i++) {
        start(r);
        g_assert_cmpint(k.ring[TX].base, ==, 0);
        offer_rx(r);
        say(r, "again", true);
        expect_used(r, TX, 1);
        wr(r, 0x70, 0);
        g_assert_false(k.running);
        g_assert_cmpint(s->q[TX].last_avail, ==, 0);
        g_assert_false(r->b->irq);
    }
    g_assert_cmpint(k.starts, ==, 3);
    g_assert_cmpint(k.stops, ==, 3);
    rig_free(r);
}

static void test_queue_is_reset_alone(void)
{
    struct rig *r = rig();
    wr(r, 0x70, 3);
    wr(r, 0x24, 1);
    wr(r, 0x20, 1 | 1 << (VIRTIO_F_RING_RESET - 32));
    wr(r, 0x70, 11);
    for (unsigned q = 0; q < QUEUES; q++)
        set_up_queue(r, q);
    wr(r, 0x70, 15);
    g_assert_true(k.running);
    wr(r, 0x30, TX);
    wr(r, 0xc0, 1);
    g_assert_false(k.running);
    g_assert_cmpint(rd(r, 0x44), ==, 0);
    set_up_queue(r, TX);
    g_assert_true(k.running);
    offer_rx(r);
    say(r, "reset", true);
    expect_used(r, TX, 1);
    rig_free(r);
}

static void test_memory_that_comes_and_goes(void)
{
    struct rig *r = rig();
    struct mem_region more;
    start(r);
    g_assert_cmpint(k.table->nregions, ==, 1);
    g_assert_cmphex(k.table->regions[0].guest_phys_addr, ==, BENCH_RAM);
    g_assert_cmphex(k.table->regions[0].memory_size, ==, BENCH_RAM_SIZE);
    struct ram_block *ram = machine_new_ram(r->b->m, "more", 1 << 20, NULL);
    region_init_ram(&more, "more", ram, 0, 1 << 20);
    region_add(&r->b->m->root, 0x100000000, &more, 0);
    address_space_update(&r->b->m->as);
    g_assert_cmpint(k.table->nregions, ==, 2);
    /* a packet to a page there arrives, and the log reaches so far */
    offer(r, RX, 0x100000000 + 0x3000, STEP, true);
    say(r, "far", true);
    expect_irq(r);
    g_assert_cmpstr((char *)ram->host + 0x3000, ==, "far");
    g_assert_true(ram->notes[3] & RAM_PAGE_DIRTY);
    region_del(&more);
    address_space_update(&r->b->m->as);
    g_assert_cmpint(k.table->nregions, ==, 1);
    rig_free(r);
}

static void load(struct rig *r)
{
    machine_pause(r->b->m);
    r->dev->type->cls->loaded(r->dev);
    device_sync(r->dev);
    machine_resume(r->b->m);
}

/* After a load the driver is told that its connections are gone, as soon as it can be. */
static void test_load_resets_the_transport(void)
{
    for (unsigned early = 0; early < 2; early++) {
        struct rig *r = rig();
        start(r);
        st_le32(mem(r, EVENT_DATA), 0xeeeeeeee);
        if (early)
            offer(r, EVENT, BENCH_RAM + EVENT_DATA, 4, true);
        g_assert_cmpint(used_idx(r, EVENT), ==, 0);
        load(r);
        g_assert_true(k.running);
        if (!early)
            offer(r, EVENT, BENCH_RAM + EVENT_DATA, 4, true);
        expect_used(r, EVENT, 1);
        g_assert_cmphex(ld_le32(mem(r, EVENT_DATA)), ==, 0);
        expect_irq(r);
        offer(r, EVENT, BENCH_RAM + EVENT_DATA, 4, true);
        g_assert_cmpint(used_idx(r, EVENT), ==, 1); /* once */
        rig_free(r);
    }
}

static bool needs_reset(void *rig)
{
    return rd(rig, 0x70) & VIRTIO_NEEDS_RESET;
}

static void test_ring_errors_break_the_device(void)
{
    struct rig *r = rig();
    start(r);
    offer_rx(r);
    offer(r, TX, 0x1000, PACKET, true);
    g_assert_true(bench_wait(needs_reset, r));
    g_assert_false(k.running);
    start(r);
    offer_rx(r);
    say(r, "well again", true);
    expect_used(r, TX, 1);
    rig_free(r);
}

static void test_refusal_lasts_until_reset(void)
{
    struct rig *r = rig();
    k.refuse = VHOST_VSOCK_SET_RUNNING;
    k.refuse_errno = EFAULT;
    start(r);
    g_assert_false(k.running);
    say(r, "nobody listens", true);
    k.refuse = 0;
    machine_pause(r->b->m);
    machine_resume(r->b->m);
    g_assert_false(k.running);
    start(r);
    g_assert_true(k.running);
    rig_free(r);
}

/* The sender of a machine's state may have the address until the machine runs here. */
static void test_incoming_machine_takes_its_cid_late(void)
{
    fake_init();
    struct rig *r = rig_new();
    struct error *err = NULL;
    k.refuse = VHOST_VSOCK_SET_GUEST_CID;
    k.refuse_errno = EADDRINUSE;
    r->b->m->run_state = RUN_INMIGRATE;
    g_assert_true(try_plug(r, "guest-cid=42", &err));
    k.refuse = 0;
    g_assert_cmpint(k.cid, ==, 0);
    r->thread = thread_start("fake", fake_thread, NULL);
    start(r);
    g_assert_true(k.running);
    g_assert_cmpint(k.cid, ==, CID);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vhost-vsock/serves", test_kernel_serves_the_rings);
    g_test_add_func("/vhost-vsock/features", test_features_are_those_of_both);
    g_test_add_func("/vhost-vsock/properties", test_bad_properties_are_one_line);
    g_test_add_func("/vhost-vsock/dirty", test_written_pages_are_noted);
    g_test_add_func("/vhost-vsock/no-log", test_without_a_log_all_is_noted_at_a_stop);
    g_test_add_func("/vhost-vsock/pause", test_pause_takes_the_rings_back);
    g_test_add_func("/vhost-vsock/reset", test_reset_stops_the_kernel);
    g_test_add_func("/vhost-vsock/queue-reset", test_queue_is_reset_alone);
    g_test_add_func("/vhost-vsock/memory", test_memory_that_comes_and_goes);
    g_test_add_func("/vhost-vsock/load", test_load_resets_the_transport);
    g_test_add_func("/vhost-vsock/broken", test_ring_errors_break_the_device);
    g_test_add_func("/vhost-vsock/refused", test_refusal_lasts_until_reset);
    g_test_add_func("/vhost-vsock/incoming", test_incoming_machine_takes_its_cid_late);
    return g_test_run();
}
