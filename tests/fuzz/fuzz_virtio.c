/*
 * Hostile virtqueues: a virtio device behind MMIO whose driver set it up well, then fills rings and
 * buffers with anything and pulls any register.
 *
 * Input: bytes for device, transport and features; then operations.
 */
#include "core/ram.h"
#include "hw/bus.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/virtio_types.h"
#include "tests/unit/bench.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

extern const struct device_type virtio_mmio_type;

enum { QUEUES = 4, QSIZE = 8, RINGS = 0x10000, STRIDE = 0x4000, DATA = 0x40000 };
enum { MAX_OPS = 200 };
enum { OP_DESC, OP_AVAIL, OP_RING_BYTES, OP_DATA_BYTES, OP_NOTIFY, OP_REGISTER, OP_LOOP, OP_READ };
enum {
    REG_FEATURES = 0x20,
    REG_FEATURES_SEL = 0x24,
    REG_PAGE_SIZE = 0x28,
    REG_QUEUE = 0x30,
    REG_QUEUE_SIZE = 0x38,
    REG_ALIGN = 0x3c,
    REG_PFN = 0x40,
    REG_READY = 0x44,
    REG_NOTIFY = 0x50,
    REG_STATUS = 0x70,
    REG_DESC = 0x80,
    REG_AVAIL = 0x90,
    REG_USED = 0xa0,
};

struct rig {
    struct bench *b; /* of the transport */
    struct device *dev;
    bool modern, packed;
    uint16_t avail[QUEUES]; /* packed: descriptors offered so far */
};

static void wr(struct rig *r, uint64_t off, uint32_t val)
{
    bench_write(r->b, off, 4, val);
}

static uint8_t *mem(struct rig *r, uint64_t off)
{
    return r->b->ram->host + off % BENCH_RAM_SIZE;
}

static uint64_t desc_at(unsigned q)
{
    return RINGS + (uint64_t)q * STRIDE;
}

static bool plug(struct rig *r, uint64_t which)
{
    r->dev = device_new(fuzz_virtio_type(which), r->b->m, "dut");
    if (r->packed && !device_set(r->dev, "packed", "on", NULL))
        return false;
    if (!fuzz_virtio_set_up(r->dev, which & 4) || !hw_bus_plug(r->b->m, r->dev, NULL, NULL) ||
        !device_realize(r->dev, NULL))
        return false;
    fuzz_virtio_fill(r->dev);
    return true;
}

static void set_up_queue(struct rig *r, unsigned q)
{
    uint32_t base = (uint32_t)(BENCH_RAM + desc_at(q));
    wr(r, REG_QUEUE, q);
    wr(r, REG_QUEUE_SIZE, QSIZE);
    if (!r->modern) {
        wr(r, REG_ALIGN, 4096);
        wr(r, REG_PFN, base / 4096);
        return;
    }
    wr(r, REG_DESC, base);
    wr(r, REG_AVAIL, base + QSIZE * 16); /* packed: the driver's events */
    wr(r, REG_USED, base + 4096);
    wr(r, REG_READY, 1);
}

static void start(struct rig *r, uint32_t features)
{
    wr(r, REG_STATUS, 0);
    wr(r, REG_STATUS, 3);
    wr(r, REG_FEATURES_SEL, 0);
    wr(r, REG_FEATURES, features);
    wr(r, REG_FEATURES_SEL, 1);
    wr(r, REG_FEATURES, r->packed ? 5 : 1);
    wr(r, r->modern ? REG_STATUS : REG_PAGE_SIZE, r->modern ? 11 : 4096);
    for (unsigned q = 0; q < QUEUES; q++)
        set_up_queue(r, q);
    wr(r, REG_STATUS, r->modern ? 15 : 7);
}

/* Addresses that are mostly in memory: buffers, the rings themselves, the end of memory, anything.
 */
static uint64_t address(struct fuzz_in *in)
{
    uint64_t how = fuzz_take(in, 1), low = fuzz_take(in, 2);
    switch (how & 7) {
    case 0: return fuzz_take(in, 8);
    case 1: return BENCH_RAM + RINGS + low;
    case 2: return BENCH_RAM + BENCH_RAM_SIZE - low;
    default: return BENCH_RAM + DATA + low;
    }
}

/* Packed: addr, len, id, flags; available in this lap, unless the input would have it otherwise. */
static void put_packed_desc(struct rig *r, struct fuzz_in *in)
{
    uint64_t at = fuzz_take(in, 1), flags = fuzz_take(in, 1);
    unsigned q = at >> 3 & 3, n = at & 0x80 ? at & 7 : r->avail[q] % QSIZE;
    bool wrap = r->avail[q] / QSIZE % 2 == 0;
    uint8_t *d = mem(r, desc_at(q) + n * 16);
    st_le64(d, address(in));
    st_le32(d + 8, at & 0x40 ? fuzz_take(in, 4) : fuzz_take(in, 1) * 16);
    st_le16(d + 12, flags & 8 ? fuzz_take(in, 2) : n);
    st_le16(d + 14, (flags & 7) | (flags & 0x80 ? (flags << 8 & 0x8080) : wrap ? 0x80 : 0x8000));
    r->avail[q]++;
    if (!(flags & 0x40))
        wr(r, REG_NOTIFY, q);
}

static void put_desc(struct rig *r, struct fuzz_in *in)
{
    if (r->packed) {
        put_packed_desc(r, in);
        return;
    }
    uint64_t at = fuzz_take(in, 1);
    uint8_t *d = mem(r, desc_at(at >> 3 & 3) + (at & 7) * 16);
    if (at & 0x80) /* of an indirect table */
        d = mem(r, DATA + (at & 31) * 16);
    st_le64(d, address(in));
    st_le32(d + 8, at & 0x40 ? fuzz_take(in, 4) : fuzz_take(in, 1) * 16);
    uint64_t flags = fuzz_take(in, 1);
    st_le16(d + 12, flags & 7);
    st_le16(d + 14, flags & 8 ? fuzz_take(in, 2) : flags >> 4 & 7);
}

static void offer(struct rig *r, struct fuzz_in *in)
{
    uint64_t v = fuzz_take(in, 1);
    unsigned q = v >> 3 & 3;
    uint8_t *a = mem(r, desc_at(q) + QSIZE * 16);
    st_le16(a + 4 + 2 * (r->avail[q] % QSIZE), v & 7);
    st_le16(a + 2, ++r->avail[q]);
    wr(r, REG_NOTIFY, q);
}

static void put_bytes(struct rig *r, struct fuzz_in *in, uint64_t base)
{
    uint64_t off = fuzz_take(in, 2), n = fuzz_take(in, 1) % 32;
    for (uint64_t i = 0; i < n; i++)
        *mem(r, base + off + i) = fuzz_take(in, 1);
}

static void step(struct rig *r, struct fuzz_in *in)
{
    switch (fuzz_take(in, 1) & 7) {
    case OP_DESC: put_desc(r, in); break;
    case OP_AVAIL: offer(r, in); break;
    case OP_RING_BYTES: put_bytes(r, in, RINGS); break;
    case OP_DATA_BYTES: put_bytes(r, in, DATA); break;
    case OP_NOTIFY: wr(r, REG_NOTIFY, fuzz_take(in, 1)); break;
    case OP_REGISTER: {
        uint64_t off = fuzz_take(in, 1) * 4 & 0x3fc, val = fuzz_take(in, 4);
        bench_write(r->b, off & 0x1ff, 1u << (off >> 9 & 1) * 2, val);
        break;
    }
    case OP_LOOP: g_main_context_iteration(NULL, FALSE); break;
    default: bench_read(r->b, fuzz_take(in, 2) & 0x1ff, 4);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct fuzz_in in = {data, len};
    uint64_t which = fuzz_take(&in, 1), flags = fuzz_take(&in, 1);
    struct rig r = {.modern = flags & 1};
    r.b = bench_new_raw(&virtio_mmio_type);
    r.packed = r.modern && (flags & 2);
    bench_set(r.b, "force-legacy", r.modern ? "off" : "on");
    bench_realize(r.b);
    if (plug(&r, which)) {
        start(&r, (uint32_t)fuzz_take(&in, 4));
        for (unsigned n = 0; in.left && n < MAX_OPS; n++)
            step(&r, &in);
        while (g_main_context_iteration(NULL, FALSE))
            continue;
        device_reset(r.dev);
        device_reset(r.b->dev);
    }
    bench_free(r.b);
    fuzz_virtio_clean();
    return 0;
}

/* A SCSI command in two descriptors, on the first request queue: 51 bytes out, 108 and data in. */
static size_t seed_scsi(GRand *rng, uint8_t *buf)
{
    static const uint8_t opcodes[] = {0x00, 0x03, 0x08, 0x12, 0x15, 0x1a, 0x1b, 0x25, 0x28, 0x2a,
                                      0x2f, 0x35, 0x41, 0x42, 0x43, 0x46, 0x4a, 0x51, 0x55, 0x5a,
                                      0x88, 0x8a, 0x93, 0x9e, 0xa0, 0xa8, 0xbe, 0xbd};
    static const uint8_t rest[] = {
        OP_DESC,  2 << 3, 3,       0, 0, 3,   0x11, /* out, to be continued */
        OP_DESC,  17,     3,       0, 1, 255, 0x02, /* in: queue 2, descriptor 1 */
        OP_AVAIL, 2 << 3, OP_LOOP,
    };
    const uint8_t head[] = {OP_DATA_BYTES, 0, 0, 31, 1, g_rand_int(rng) & 1, 0x40, 0, 0, 0, 0, 0};
    size_t n = sizeof(head);
    memcpy(buf, head, n);
    memset(buf + n, 0, 11); /* tag and attributes */
    n += 11;
    buf[n++] = opcodes[g_rand_int(rng) % G_N_ELEMENTS(opcodes)];
    for (unsigned i = 0; i < 11; i++)
        buf[n++] = g_rand_int(rng) & 3 ? g_rand_int(rng) % 4 : g_rand_int(rng);
    memcpy(buf + n, rest, sizeof(rest));
    return n + sizeof(rest);
}

/* One good block request, and more of the same with changes. */
size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    static const uint8_t request[] = {
        OP_DATA_BYTES, 0, 0,       16,      0, 0,  0,    0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        OP_DESC,       0, 3,       0,       0, 1,  0x11, /* 0: header, next 1 */
        OP_DESC,       1, 3,       0,       1, 32, 0x23, /* 1: data for writing, next 2 */
        OP_DESC,       2, 3,       0,       8, 1,  0x02, /* 2: status */
        OP_AVAIL,      0, OP_LOOP, OP_LOOP,
    };
    GRand *rng = g_rand_new_with_seed((guint32)random);
    size_t n = 6;
    st_le64(buf, random);
    if (random >> 60) {
        memcpy(buf + n, request, sizeof(request));
        n += sizeof(request);
    }
    if ((random & 0x38) == 0x10 || (random & 0x38) == 0x28) {
        for (unsigned i = 0; i < 8; i++)
            n += seed_scsi(rng, buf + n);
    }
    for (unsigned i = 32 + g_rand_int(rng) % 512; i; i--)
        buf[n++] = g_rand_int(rng);
    g_rand_free(rng);
    return n;
}
