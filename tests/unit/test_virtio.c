/* Virtio over MMIO: a small driver that plays by the rules, and one that does not. */
#include "block/block.h"
#include "core/ram.h"
#include "hw/bus.h"
#include "hw/virtio/mmio.h"
#include "hw/virtio/virtio.h"
#include "tests/unit/bench.h"
#include "util/bits.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

extern const struct device_type virtio_mmio_type, virtio_blk_type, virtio_rng_type,
    virtio_serial_type, virtconsole_type, virtserialport_type;

enum { QSIZE = 8, RINGS = 0x10000, RING_STRIDE = 0x4000, DATA = 0x100000 };
enum { NEXT = 1, WRITE = 2, INDIRECT = 4 };
enum { DISK_SECTORS = 64 };

/* A transport with a device in it, and the driver's side of its queues. */
struct rig {
    struct bench *b; /* of the transport */
    struct device *dev;
    uint16_t avail[8], used_seen[8];
    char *path;
};

static struct bench *new_transport(bool modern)
{
    struct bench *b = bench_new_raw(&virtio_mmio_type);
    bench_set(b, "force-legacy", modern ? "off" : "on");
    bench_realize(b);
    return b;
}

static void plug(struct rig *r, const struct device_type *type, const char *prop, const char *val)
{
    struct error *err = NULL;
    r->dev = device_new(type, r->b->m, "dut");
    if ((prop && !device_set(r->dev, prop, val, &err)) ||
        !hw_bus_plug(r->b->m, r->dev, NULL, &err) || !device_realize(r->dev, &err))
        g_error("%s", error_text(err));
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

static uint64_t desc_at(unsigned q)
{
    return RINGS + (uint64_t)q * RING_STRIDE;
}

/* The legacy layout, also used by the modern set-up. */
static uint64_t avail_at(unsigned q)
{
    return desc_at(q) + QSIZE * 16;
}

static uint64_t used_at(unsigned q)
{
    return desc_at(q) + 4096;
}

static void set_up_queue(struct rig *r, unsigned q, bool modern)
{
    wr(r, 0x30, q);
    wr(r, 0x38, QSIZE);
    if (!modern) {
        wr(r, 0x3c, 4096);
        wr(r, 0x40, (uint32_t)((BENCH_RAM + desc_at(q)) / 4096));
        return;
    }
    wr(r, 0x80, (uint32_t)(BENCH_RAM + desc_at(q)));
    wr(r, 0x90, (uint32_t)(BENCH_RAM + avail_at(q)));
    wr(r, 0xa0, (uint32_t)(BENCH_RAM + used_at(q)));
    wr(r, 0x44, 1);
}

/* The initialization sequence of section 3.1.1, accepting `features`. */
static void start(struct rig *r, bool modern, uint64_t features, unsigned nqueues)
{
    wr(r, 0x70, 0);
    wr(r, 0x70, 3);
    wr(r, 0x24, 0);
    wr(r, 0x20, (uint32_t)features);
    if (modern) {
        wr(r, 0x24, 1);
        wr(r, 0x20, (uint32_t)(features >> 32) | 1);
        wr(r, 0x70, 11);
        g_assert_cmphex(rd(r, 0x70), ==, 11);
    } else {
        wr(r, 0x28, 4096);
    }
    memset(mem(r, RINGS), 0, 8 * RING_STRIDE);
    memset(r->avail, 0, sizeof(r->avail));
    memset(r->used_seen, 0, sizeof(r->used_seen));
    for (unsigned q = 0; q < nqueues; q++)
        set_up_queue(r, q, modern);
    wr(r, 0x70, modern ? 15 : 7);
}

static void desc(struct rig *r, unsigned q, unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
                 uint16_t next)
{
    uint8_t *d = mem(r, desc_at(q) + i * 16);
    st_le64(d, addr);
    st_le32(d + 8, len);
    st_le16(d + 12, flags);
    st_le16(d + 14, next);
}

static void offer(struct rig *r, unsigned q, uint16_t head)
{
    uint8_t *a = mem(r, avail_at(q));
    st_le16(a + 4 + 2 * (r->avail[q] % QSIZE), head);
    st_le16(a + 2, ++r->avail[q]);
    wr(r, 0x50, q);
}

static uint16_t used_idx(struct rig *r, unsigned q)
{
    return ld_le16(mem(r, used_at(q) + 2));
}

static bool irq_is_high(void *rig)
{
    return ((struct rig *)rig)->b->irq;
}

/* Wait for the interrupt, acknowledge it; the bytes written of the last used entry of q. */
static uint32_t finish(struct rig *r, unsigned q)
{
    g_assert_true(bench_wait(irq_is_high, r));
    g_assert_cmphex(rd(r, 0x60), ==, 1);
    wr(r, 0x64, 1);
    g_assert_false(r->b->irq);
    uint16_t i = (uint16_t)(used_idx(r, q) - 1) % QSIZE;
    return ld_le32(mem(r, used_at(q) + 4 + i * 8 + 4));
}

static struct rig *new_blk(bool modern, bool read_only)
{
    struct rig *r = g_new0(struct rig, 1);
    int fd = g_file_open_tmp("virtio-XXXXXX", &r->path, NULL);
    g_assert_cmpint(ftruncate(fd, DISK_SECTORS * 512), ==, 0);
    g_assert_cmpint(pwrite(fd, "sector one", 10, 512), ==, 10);
    close(fd);
    g_assert_nonnull(block_open("disk", r->path, "raw", read_only, false, NULL));
    r->b = new_transport(modern);
    plug(r, &virtio_blk_type, "drive", "disk");
    return r;
}

static void rig_free(struct rig *r)
{
    bench_free(r->b);
    block_close_all();
    if (r->path)
        g_unlink(r->path);
    g_free(r->path);
    g_free(r);
}

/* A request in three descriptors: header, data, status; the status byte. */
static uint8_t request(struct rig *r, uint32_t type, uint64_t sector, uint32_t len, bool to_guest)
{
    st_le32(mem(r, DATA), type);
    st_le64(mem(r, DATA + 8), sector);
    *mem(r, DATA + 16) = 0xee;
    desc(r, 0, 0, BENCH_RAM + DATA, 16, NEXT, len ? 1 : 2);
    desc(r, 0, 1, BENCH_RAM + DATA + 0x1000, len, NEXT | (to_guest ? WRITE : 0), 2);
    desc(r, 0, 2, BENCH_RAM + DATA + 16, 1, WRITE, 0);
    offer(r, 0, 0);
    finish(r, 0);
    return *mem(r, DATA + 16);
}

static void test_identity(void)
{
    for (unsigned modern = 0; modern < 2; modern++) {
        struct rig *r = new_blk(modern, false);
        g_assert_cmphex(rd(r, 0), ==, 0x74726976);
        g_assert_cmphex(rd(r, 4), ==, 1 + modern);
        g_assert_cmphex(rd(r, 8), ==, 2);
        wr(r, 0x14, 1);
        g_assert_cmphex(rd(r, 0x10), ==, modern ? 1 | 1 << (VIRTIO_F_RING_RESET - 32) : 0);
        g_assert_cmphex(bench_read(r->b, 0x100, 8), ==, DISK_SECTORS);
        g_assert_cmphex(bench_read(r->b, 0x1fc, 4), ==, 0);
        wr(r, 0x30, 1);
        g_assert_cmphex(rd(r, 0x34), ==, 0);
        rig_free(r);
    }
}

static void test_empty_slot(void)
{
    struct rig r = {.b = new_transport(false)};
    g_assert_cmphex(rd(&r, 0), ==, 0x74726976);
    g_assert_cmphex(rd(&r, 8), ==, 0);
    wr(&r, 0x70, 1);
    wr(&r, 0x50, 0);
    g_assert_cmphex(rd(&r, 0x70), ==, 0);
    bench_free(r.b);
}

static void test_blk_reads_and_writes(void)
{
    for (unsigned modern = 0; modern < 2; modern++) {
        struct rig *r = new_blk(modern, false);
        start(r, modern, BIT64(9), 1);
        g_assert_cmpint(request(r, 0, 1, 512, true), ==, 0);
        g_assert_cmpstr((char *)mem(r, DATA + 0x1000), ==, "sector one");
        memcpy(mem(r, DATA + 0x1000), "changed", 8);
        g_assert_cmpint(request(r, 1, 63, 512, false), ==, 0);
        g_assert_cmpint(request(r, 4, 0, 0, false), ==, 0);
        memset(mem(r, DATA + 0x1000), 0, 512);
        g_assert_cmpint(request(r, 0, 63, 512, true), ==, 0);
        g_assert_cmpstr((char *)mem(r, DATA + 0x1000), ==, "changed");
        g_assert_cmpint(used_idx(r, 0), ==, 4);
        rig_free(r);
    }
}

static void test_blk_refuses_what_is_out_of_bounds(void)
{
    struct rig *r = new_blk(true, false);
    start(r, true, BIT64(9), 1);
    g_assert_cmpint(request(r, 0, DISK_SECTORS, 512, true), ==, 1);
    g_assert_cmpint(request(r, 0, DISK_SECTORS - 1, 1024, true), ==, 1);
    g_assert_cmpint(request(r, 0, UINT64_MAX, 512, true), ==, 1);
    g_assert_cmpint(request(r, 0, UINT64_MAX / 512, 1024, true), ==, 1);
    g_assert_cmpint(request(r, 0, 0, 100, true), ==, 1);
    g_assert_cmpint(request(r, 99, 0, 512, true), ==, 2);
    rig_free(r);
}

static void test_blk_read_only(void)
{
    struct rig *r = new_blk(true, true);
    wr(r, 0x14, 0);
    g_assert_true(rd(r, 0x10) & 1 << 5);
    start(r, true, BIT64(5) | BIT64(9), 1);
    g_assert_cmpint(request(r, 1, 0, 512, false), ==, 1);
    rig_free(r);
}

static void test_blk_discard_and_id(void)
{
    struct rig *r = new_blk(true, false);
    uint8_t *range = mem(r, DATA + 0x1000);
    start(r, true, BIT64(9) | BIT64(13) | BIT64(14), 1);
    st_le64(range, 1);
    st_le32(range + 8, 1);
    st_le32(range + 12, 0);
    g_assert_cmpint(request(r, 13, 0, 16, false), ==, 0);
    g_assert_cmpint(request(r, 0, 1, 512, true), ==, 0);
    g_assert_cmpint(range[0], ==, 0);
    st_le64(range, 1);
    st_le32(range + 8, UINT32_MAX);
    g_assert_cmpint(request(r, 11, 0, 16, false), ==, 1);
    st_le32(range + 12, 2);
    g_assert_cmpint(request(r, 11, 0, 16, false), ==, 2);
    g_assert_cmpint(request(r, 11, 0, 32, false), ==, 2);
    g_assert_cmpint(request(r, 8, 0, 20, true), ==, 0);
    rig_free(r);
}

static void test_indirect_descriptors(void)
{
    struct rig *r = new_blk(true, false);
    uint8_t *t = mem(r, DATA + 0x3000);
    start(r, true, BIT64(9) | BIT64(28), 1);
    st_le32(mem(r, DATA), 0);
    st_le64(mem(r, DATA + 8), 1);
    memset(t, 0, 48);
    st_le64(t, BENCH_RAM + DATA);
    st_le32(t + 8, 16);
    st_le16(t + 12, NEXT);
    st_le16(t + 14, 1);
    st_le64(t + 16, BENCH_RAM + DATA + 0x1000);
    st_le32(t + 24, 513); /* data and status in one */
    st_le16(t + 28, WRITE);
    desc(r, 0, 3, BENCH_RAM + DATA + 0x3000, 32, INDIRECT, 0);
    offer(r, 0, 3);
    g_assert_cmpint(finish(r, 0), ==, 513);
    g_assert_cmpstr((char *)mem(r, DATA + 0x1000), ==, "sector one");
    g_assert_cmpint(*mem(r, DATA + 0x1000 + 512), ==, 0);
    rig_free(r);
}

/* With event indices there is no interrupt before used_event is reached. */
static void test_event_index(void)
{
    struct rig *r = g_new0(struct rig, 1);
    r->b = new_transport(true);
    plug(r, &virtio_rng_type, NULL, NULL);
    start(r, true, BIT64(29), 1);
    st_le16(mem(r, avail_at(0) + 4 + 2 * QSIZE), 2); /* used_event: tell when three are used */
    for (unsigned i = 0; i < 4; i++) {
        desc(r, 0, i, BENCH_RAM + DATA + i * 64, 64, WRITE, 0);
        offer(r, 0, (uint16_t)i);
        g_assert_cmpint(used_idx(r, 0), ==, i + 1);
        if (i == 0) {
            g_assert_true(r->b->irq); /* the first time it cannot know */
            wr(r, 0x64, 1);
        } else {
            g_assert_cmpint(r->b->irq, ==, i >= 2);
        }
    }
    g_assert_cmpint(ld_le16(mem(r, used_at(0) + 4 + 8 * QSIZE)), ==, 4); /* avail_event */
    rig_free(r);
}

/* The driver of kvm-unit-tests never writes the status; one that has given up gets nothing. */
static void test_legacy_driver_starts_by_notifying(void)
{
    struct rig *r = g_new0(struct rig, 1);
    r->b = new_transport(false);
    plug(r, &virtio_rng_type, NULL, NULL);
    wr(r, 0x28, 4096);
    set_up_queue(r, 0, false);
    desc(r, 0, 0, BENCH_RAM + DATA, 64, WRITE, 0);
    wr(r, 0x70, 0x80);
    offer(r, 0, 0);
    g_assert_cmpint(used_idx(r, 0), ==, 0);
    wr(r, 0x70, 3);
    wr(r, 0x50, 0);
    g_assert_cmpint(finish(r, 0), ==, 64);
    g_assert_cmphex(rd(r, 0x70), ==, 7);
    rig_free(r);
}

static void test_rng_fills_and_limits(void)
{
    struct rig *r = g_new0(struct rig, 1);
    r->b = new_transport(false);
    r->dev = device_new(&virtio_rng_type, r->b->m, "dut");
    g_assert_true(device_set(r->dev, "max-bytes", "16", NULL));
    g_assert_true(device_set(r->dev, "period", "20", NULL));
    g_assert_true(hw_bus_plug(r->b->m, r->dev, NULL, NULL));
    g_assert_true(device_realize(r->dev, NULL));
    start(r, false, 0, 1);
    memset(mem(r, DATA), 0, 64);
    desc(r, 0, 0, BENCH_RAM + DATA, 64, WRITE, 0);
    offer(r, 0, 0);
    g_assert_cmpint(finish(r, 0), ==, 16);
    g_assert_cmpuint(ld_le64(mem(r, DATA)) | ld_le64(mem(r, DATA + 8)), !=, 0);
    g_assert_cmpuint(ld_le64(mem(r, DATA + 16)), ==, 0);
    offer(r, 0, 0);
    g_assert_false(r->b->irq); /* the quota is used up */
    g_assert_cmpint(finish(r, 0), ==, 16);
    rig_free(r);
}

/* Ways to break a ring; each must stop the device, not us. */
static void break_loop(struct rig *r)
{
    desc(r, 0, 0, BENCH_RAM + DATA, 16, NEXT, 1);
    desc(r, 0, 1, BENCH_RAM + DATA, 16, NEXT, 0);
    offer(r, 0, 0);
}

static void break_range(struct rig *r)
{
    desc(r, 0, 0, BENCH_RAM + DATA, 16, NEXT, 60000);
    offer(r, 0, 0);
}

static void break_head(struct rig *r)
{
    offer(r, 0, 40000);
}

static void break_address(struct rig *r)
{
    desc(r, 0, 0, 0x1000, 16, 0, 0);
    offer(r, 0, 0);
}

static void break_length(struct rig *r)
{
    desc(r, 0, 0, BENCH_RAM + DATA, UINT32_MAX, 0, 0);
    offer(r, 0, 0);
}

static void break_wrap(struct rig *r)
{
    desc(r, 0, 0, UINT64_MAX - 4, 64, WRITE, 0);
    offer(r, 0, 0);
}

static void break_order(struct rig *r)
{
    desc(r, 0, 0, BENCH_RAM + DATA, 16, NEXT | WRITE, 1);
    desc(r, 0, 1, BENCH_RAM + DATA, 16, 0, 0);
    offer(r, 0, 0);
}

static void break_index(struct rig *r)
{
    r->avail[0] = 999;
    offer(r, 0, 0);
}

static void break_nested(struct rig *r)
{
    uint8_t *t = mem(r, DATA + 0x3000);
    st_le64(t, BENCH_RAM + DATA + 0x3000);
    st_le32(t + 8, 16);
    st_le16(t + 12, INDIRECT);
    desc(r, 0, 0, BENCH_RAM + DATA + 0x3000, 16, INDIRECT, 0);
    offer(r, 0, 0);
}

static void break_table(struct rig *r)
{
    desc(r, 0, 0, BENCH_RAM + DATA, 0xfffffff0, INDIRECT, 0);
    offer(r, 0, 0);
}

static void break_request(struct rig *r)
{
    desc(r, 0, 0, BENCH_RAM + DATA, 15, NEXT, 1);
    desc(r, 0, 1, BENCH_RAM + DATA + 16, 1, WRITE, 0);
    offer(r, 0, 0);
}

static void test_broken_rings_stop_the_device(void)
{
    static void (*const ways[])(struct rig *) = {
        break_loop,  break_range, break_head,   break_address, break_length, break_wrap,
        break_order, break_index, break_nested, break_table,   break_request};
    struct rig *r = new_blk(true, false);
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        start(r, true, BIT64(9) | BIT64(28), 1);
        ways[i](r);
        g_assert_cmphex(rd(r, 0x70) & 0x40, ==, 0x40);
        g_assert_cmphex(rd(r, 0x60), ==, 2);
        start(r, true, BIT64(9), 1); /* a reset heals it */
        g_assert_cmpint(request(r, 0, 1, 512, true), ==, 0);
    }
    rig_free(r);
}

static void test_rings_outside_ram_are_refused(void)
{
    struct rig *r = new_blk(true, false);
    start(r, true, 0, 0);
    wr(r, 0x30, 0);
    wr(r, 0x38, 3); /* not a power of two */
    wr(r, 0x38, 4096);
    g_assert_cmpuint(rd(r, 0x38), ==, 0);
    wr(r, 0x38, QSIZE);
    wr(r, 0x80, 0x1000);
    wr(r, 0x90, (uint32_t)BENCH_RAM + 1);
    wr(r, 0xa0, (uint32_t)(BENCH_RAM + BENCH_RAM_SIZE - 8));
    wr(r, 0x44, 1);
    g_assert_cmpuint(rd(r, 0x44), ==, 0);
    wr(r, 0x50, 0);
    wr(r, 0x50, 12345);
    rig_free(r);
}

static void test_reset_waits_for_requests(void)
{
    struct rig *r = new_blk(true, false);
    for (unsigned i = 0; i < 200; i++) {
        start(r, true, BIT64(9), 1);
        st_le32(mem(r, DATA), 0);
        st_le64(mem(r, DATA + 8), 0);
        desc(r, 0, 0, BENCH_RAM + DATA, 16, NEXT, 1);
        desc(r, 0, 1, BENCH_RAM + DATA + 0x1000, 8192 + 1, WRITE, 0);
        offer(r, 0, 0);
        wr(r, 0x70, 0);
        g_assert_false(r->b->irq);
        memset(mem(r, DATA), 0x55, 0x10000);
        g_usleep(i % 4 * 50);
        g_assert_cmpint(*mem(r, DATA + 0x1000), ==, 0x55);
    }
    rig_free(r);
}

/* Random rings and registers: nothing is asserted but that we live (under the sanitizers). */
/* Section 2.6.1: the queue forgets everything, and nothing that was in flight reaches the driver.
 */
static void test_queue_is_reset_alone(void)
{
    struct rig *r = new_blk(true, false);
    start(r, true, BIT64(9), 1);
    wr(r, 0xc0, 1); /* not negotiated */
    g_assert_cmpuint(rd(r, 0x44), ==, 1);
    start(r, true, BIT64(9) | BIT64(VIRTIO_F_RING_RESET), 1);
    for (unsigned lap = 0; lap < 20; lap++) {
        g_assert_cmpint(request(r, 0, 1, 512, true), ==, 0);
        desc(r, 0, 0, BENCH_RAM + DATA, 16, NEXT, 1);
        desc(r, 0, 1, BENCH_RAM + DATA + 0x1000, 512, NEXT | WRITE, 2);
        for (unsigned i = 0; i < lap % 5; i++)
            offer(r, 0, 0);
        wr(r, 0xc0, 1);
        wr(r, 0x64, 1);
        g_assert_cmpuint(rd(r, 0xc0), ==, 0);
        g_assert_cmpuint(rd(r, 0x44), ==, 0);
        g_assert_cmpuint(rd(r, 0x38), ==, 0);
        g_assert_cmpuint(rd(r, 0x70), ==, 15); /* the device goes on */
        memset(mem(r, RINGS), 0, RING_STRIDE);
        memset(mem(r, DATA + 0x1000), 0, 512);
        wr(r, 0x50, 0);
        r->avail[0] = 0;
        g_assert_cmpuint(used_idx(r, 0), ==, 0);
        g_assert_cmpuint(*mem(r, DATA + 0x1000), ==, 0);
        set_up_queue(r, 0, true);
    }
    rig_free(r);
}

static void test_random_rings(void)
{
    struct rig *r = new_blk(true, false);
    for (unsigned i = 0; i < 3000; i++) {
        start(r, true, BIT64(9) | BIT64(13) | BIT64(14) | BIT64(28) | BIT64(29), 1);
        for (unsigned d = 0; d < QSIZE; d++) {
            uint64_t addr = BENCH_RAM + DATA + (uint64_t)g_test_rand_int_range(0, 0x8000);
            desc(r, 0, d, i % 7 ? addr : (uint64_t)(uint32_t)g_test_rand_int() << 8,
                 (uint32_t)g_test_rand_int_range(0, 0x800), (uint16_t)g_test_rand_int_range(0, 8),
                 (uint16_t)g_test_rand_int_range(0, QSIZE + 1));
        }
        for (unsigned d = 0; d < 64; d++)
            mem(r, DATA)[g_test_rand_int_range(0, 0x8000)] =
                (uint8_t)(g_test_rand_int_range(0, 16));
        for (unsigned d = 0; d < 6; d++)
            offer(r, 0, (uint16_t)g_test_rand_int_range(0, QSIZE));
    }
    rig_free(r);
}

static struct rig *new_serial(void)
{
    struct rig *r = g_new0(struct rig, 1);
    struct error *err = NULL;
    r->b = new_transport(true);
    plug(r, &virtio_serial_type, "max_ports", "3");
    struct device *con = device_new(&virtconsole_type, r->b->m, "con");
    struct device *port = device_new(&virtserialport_type, r->b->m, "port");
    if (!device_set(port, "name", "org.test.0", &err) || !hw_bus_plug(r->b->m, con, NULL, &err) ||
        !hw_bus_plug(r->b->m, port, "dut.0", &err) || !device_realize(con, &err) ||
        !device_realize(port, &err))
        g_error("%s", error_text(err));
    return r;
}

static void send_control(struct rig *r, uint32_t port, uint16_t event, uint16_t value)
{
    st_le32(mem(r, DATA), port);
    st_le16(mem(r, DATA + 4), event);
    st_le16(mem(r, DATA + 6), value);
    desc(r, 3, 0, BENCH_RAM + DATA, 8, 0, 0);
    offer(r, 3, 0);
}

static const uint8_t *control_message(struct rig *r, unsigned i, uint32_t port, uint16_t event)
{
    const uint8_t *m = mem(r, DATA + 0x1000 + i * 0x100);
    g_assert_cmpint(used_idx(r, 2), >, i);
    g_assert_cmpint(ld_le32(m), ==, port);
    g_assert_cmpint(ld_le16(m + 4), ==, event);
    return m + 8;
}

static void test_serial_announces_its_ports(void)
{
    struct rig *r = new_serial();
    start(r, true, BIT64(1), 4);
    g_assert_cmpuint(bench_read(r->b, 0x104, 4), ==, 3);
    send_control(r, 0, 0, 1); /* device ready; no buffers for the answer yet */
    for (unsigned i = 0; i < 6; i++) {
        desc(r, 2, i, BENCH_RAM + DATA + 0x1000 + i * 0x100, 0x100, WRITE, 0);
        offer(r, 2, (uint16_t)i);
    }
    control_message(r, 0, 0, 1);
    control_message(r, 1, 1, 1);
    send_control(r, 0, 3, 1);
    control_message(r, 2, 0, 4);
    send_control(r, 1, 3, 1);
    g_assert_cmpmem(control_message(r, 3, 1, 7), 10, "org.test.0", 10);
    send_control(r, 77, 3, 1);
    send_control(r, 2, 3, 1);
    send_control(r, 0, 99, 1);
    g_assert_cmpint(used_idx(r, 2), ==, 4);
    rig_free(r);
}

static void test_serial_ports_have_numbers(void)
{
    struct rig *r = new_serial();
    struct error *err = NULL;
    struct device *p = device_new(&virtserialport_type, r->b->m, "p");
    g_assert_true(device_set(p, "nr", "1", NULL));
    g_assert_false(hw_bus_plug(r->b->m, p, NULL, &err));
    g_assert_nonnull(strstr(error_text(err), "taken by 'port'"));
    g_clear_pointer(&err, error_free);
    g_assert_true(device_set(p, "nr", "0", NULL));
    g_assert_false(hw_bus_plug(r->b->m, p, NULL, &err));
    g_clear_pointer(&err, error_free);
    g_assert_true(device_set(p, "nr", "5", NULL));
    g_assert_false(hw_bus_plug(r->b->m, p, "virtio-serial-bus.0", &err));
    g_clear_pointer(&err, error_free);
    g_assert_false(hw_bus_plug(r->b->m, p, "virtio-serial-bus.9", &err));
    g_assert_nonnull(strstr(error_text(err), "did you mean 'virtio-serial-bus.0'"));
    g_clear_pointer(&err, error_free);
    g_assert_false(hw_bus_plug(r->b->m, p, "virtio-mmio-bus.0", &err));
    error_free(err);
    rig_free(r);
}

/* Input goes where the guest has buffers, and no further. */
static void test_console_input(void)
{
    struct rig *r = new_serial();
    struct bench port = {.m = r->b->m, .dev = machine_find_device(r->b->m, "con")};
    start(r, true, 0, 4); /* without multiport, port 0 is simply there */
    g_assert_cmpint(bench_type(&port, "hello"), ==, 0);
    desc(r, 0, 0, BENCH_RAM + DATA, 3, WRITE, 0);
    offer(r, 0, 0);
    g_assert_cmpint(bench_type(&port, "hello"), ==, 3);
    g_assert_cmpint(finish(r, 0), ==, 3);
    g_assert_cmpmem(mem(r, DATA), 3, "hel", 3);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio/identity", test_identity);
    g_test_add_func("/virtio/empty", test_empty_slot);
    g_test_add_func("/virtio/blk", test_blk_reads_and_writes);
    g_test_add_func("/virtio/blk-bounds", test_blk_refuses_what_is_out_of_bounds);
    g_test_add_func("/virtio/blk-ro", test_blk_read_only);
    g_test_add_func("/virtio/blk-discard", test_blk_discard_and_id);
    g_test_add_func("/virtio/indirect", test_indirect_descriptors);
    g_test_add_func("/virtio/event-idx", test_event_index);
    g_test_add_func("/virtio/legacy-start", test_legacy_driver_starts_by_notifying);
    g_test_add_func("/virtio/rng", test_rng_fills_and_limits);
    g_test_add_func("/virtio/broken", test_broken_rings_stop_the_device);
    g_test_add_func("/virtio/rings", test_rings_outside_ram_are_refused);
    g_test_add_func("/virtio/reset", test_reset_waits_for_requests);
    g_test_add_func("/virtio/queue/reset", test_queue_is_reset_alone);
    g_test_add_func("/virtio/random", test_random_rings);
    g_test_add_func("/virtio/serial", test_serial_announces_its_ports);
    g_test_add_func("/virtio/serial-nr", test_serial_ports_have_numbers);
    g_test_add_func("/virtio/console-input", test_console_input);
    return g_test_run();
}
