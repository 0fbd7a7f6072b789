/* Virtio over PCI: its registers in their BARs, by a small driver. */
#include "hw/registry.h"
#include "hw/virtio/pci.h"
#include "hw/virtio/virtio.h"
#include "tests/unit/pci_bench.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { SLOT = 1, QSIZE = 8, DESC = 0x10000, AVAIL = 0x11000, USED = 0x12000, DATA = 0x20000 };
enum { LEGACY_RINGS = 0x30000, CAP_VENDOR_TYPE = 3 };
enum {
    VIRTIO_CAP_COMMON = 1,
    VIRTIO_CAP_NOTIFY,
    VIRTIO_CAP_ISR,
    VIRTIO_CAP_DEVICE,
    VIRTIO_CAP_CFG
};
static const gpa MODERN = MMIO_HIGH + 0x100000, MSIX = MMIO + 0x1000, LEGACY = IO + 0x1000;
static const gpa MESSAGE = BENCH_RAM + 0x40000;

struct rig {
    struct pci_bench *t;
    struct device *dev;
};

static struct device *add(struct pci_bench *t, const char *type, const char *prop,
                          const char *value, struct error **errp)
{
    struct device *dev = device_new(hw_device_find(type), t->m, "dut");
    struct device *inner = virtio_pci_create_inner(dev);
    bool is_inner = prop && !props_find(dev->type->cls->props, prop);
    if ((!prop || device_set(is_inner ? inner : dev, prop, value, errp)) &&
        hw_bus_plug(t->m, dev, NULL, errp) && device_realize(inner, errp) &&
        device_realize(dev, errp))
        return dev;
    device_free(inner);
    hw_bus_unplug(dev);
    device_free(dev);
    return NULL;
}

static struct rig setup(const char *type, const char *prop, const char *value)
{
    struct pci_bench *t = pci_bench_new(hw_device_find("gpex-pcihost"));
    struct rig r = {t, add(t, type, prop, value, NULL)};
    g_assert_nonnull(r.dev);
    cfg_write(t, SLOT, PCI_BAR0, 4, 0x1000);
    cfg_write(t, SLOT, PCI_BAR0 + 4, 4, (uint32_t)MSIX);
    cfg_write(t, SLOT, PCI_BAR0 + 16, 4, (uint32_t)MODERN);
    cfg_write(t, SLOT, PCI_BAR0 + 20, 4, MODERN >> 32);
    cfg_write(t, SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER);
    return r;
}

/* The vendor capability of a type, or 0. */
static unsigned find_cap(struct rig *r, unsigned type)
{
    for (unsigned at = cfg_read(r->t, SLOT, PCI_CAPABILITIES, 1); at;
         at = cfg_read(r->t, SLOT, at + 1, 1))
        if (cfg_read(r->t, SLOT, at, 1) == PCI_CAP_VENDOR &&
            cfg_read(r->t, SLOT, at + CAP_VENDOR_TYPE, 1) == type)
            return at;
    return 0;
}

/* Where the driver finds a structure. */
static gpa part(struct rig *r, unsigned type)
{
    unsigned cap = find_cap(r, type);
    g_assert_true(cap && cfg_read(r->t, SLOT, cap + 4, 1) == 4);
    return MODERN + cfg_read(r->t, SLOT, cap + 8, 4);
}

static void *ram(struct rig *r, uint64_t off)
{
    return r->t->b->ram->host + off;
}

/* One buffer of 16 writable bytes as the n-th that is made available. */
static void offer_buffer(struct rig *r, uint64_t desc, uint64_t avail, unsigned n)
{
    uint8_t *d = ram(r, desc), *a = ram(r, avail);
    st_le64(d, BENCH_RAM + DATA);
    st_le32(d + 8, 16);
    st_le16(d + 12, 2);
    st_le16(a + 4 + 2 * (n % QSIZE), 0);
    st_le16(a + 2, (uint16_t)(n + 1));
}

static void enable_queue(struct rig *r)
{
    gpa c = part(r, VIRTIO_CAP_COMMON);
    poke(r->t, c + 0x16, 2, 0);
    poke(r->t, c + 0x18, 2, QSIZE);
    poke(r->t, c + 0x20, 4, (uint32_t)BENCH_RAM + DESC);
    poke(r->t, c + 0x28, 4, (uint32_t)BENCH_RAM + AVAIL);
    poke(r->t, c + 0x30, 4, (uint32_t)BENCH_RAM + USED);
    poke(r->t, c + 0x1c, 2, 1);
    g_assert_cmpuint(peek(r->t, c + 0x1c, 2), ==, 1);
}

static void start_modern(struct rig *r, uint64_t more_features)
{
    gpa c = part(r, VIRTIO_CAP_COMMON);
    uint64_t features = BIT64(VIRTIO_F_VERSION_1) | more_features;
    poke(r->t, c + 0x14, 1, 0);
    poke(r->t, c + 0x14, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    for (unsigned word = 0; word < 2; word++) {
        poke(r->t, c + 8, 4, word);
        poke(r->t, c + 0xc, 4, (uint32_t)(features >> (32 * word)));
    }
    poke(r->t, c + 0x14, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    g_assert_true(peek(r->t, c + 0x14, 1) & VIRTIO_FEATURES_OK);
    enable_queue(r);
    poke(r->t, c + 0x14, 1,
         VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK | VIRTIO_DRIVER_OK);
}

static unsigned used_idx(struct rig *r)
{
    return ld_le16((uint8_t *)ram(r, USED) + 2);
}

static void test_ids_follow_the_form(void)
{
    static const struct {
        const char *type;
        uint32_t id, subsystem;
        uint8_t revision;
    } rows[] = {
        {"virtio-rng-pci", 0x10051af4, 0x00041af4, 0},
        {"virtio-rng-pci-transitional", 0x10051af4, 0x00041af4, 0},
        {"virtio-rng-pci-non-transitional", 0x10441af4, 0x11001af4, 1},
        {"virtio-serial-pci", 0x10031af4, 0x00031af4, 0},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct rig r = setup(rows[i].type, NULL, NULL);
        g_assert_cmphex(cfg_read(r.t, SLOT, 0, 4), ==, rows[i].id);
        g_assert_cmphex(cfg_read(r.t, SLOT, PCI_SUBSYSTEM_VENDOR, 4), ==, rows[i].subsystem);
        g_assert_cmphex(cfg_read(r.t, SLOT, PCI_REVISION, 1), ==, rows[i].revision);
        pci_bench_free(r.t);
    }
}

static void test_faces_can_be_disabled(void)
{
    struct rig r = setup("virtio-rng-pci", "disable-legacy", "on");
    g_assert_cmphex(cfg_read(r.t, SLOT, 0, 4), ==, 0x10441af4);
    g_assert_cmphex(cfg_read(r.t, SLOT, PCI_BAR0, 4), ==, 0);
    pci_bench_free(r.t);
    r = setup("virtio-rng-pci", "disable-modern", "on");
    g_assert_cmpuint(find_cap(&r, VIRTIO_CAP_COMMON), ==, 0);
    pci_bench_free(r.t);
    r = setup("virtio-rng-pci", "vectors", "0");
    g_assert_cmpuint(cfg_find_cap(r.t, config_address(0, SLOT, 0, 0), PCI_CAP_MSIX), ==, 0);
    pci_bench_free(r.t);
}

static void test_bad_properties_are_refused(void)
{
    static const struct {
        const char *type, *prop, *value, *text;
    } rows[] = {
        {"virtio-rng-pci", "vectors", "129", "vectors is 129"},
        {"virtio-rng-pci", "disable-legacy", "maybe", "disable-legacy"},
        {"virtio-rng-pci-non-transitional", "addr", "44", "up to 1f"},
    };
    struct pci_bench *t = pci_bench_new(hw_device_find("gpex-pcihost"));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct error *err = NULL;
        g_assert_null(add(t, rows[i].type, rows[i].prop, rows[i].value, &err));
        g_assert_nonnull(strstr(error_text(err), rows[i].text));
        error_free(err);
    }
    pci_bench_free(t);
}

static void test_modern_driver_gets_its_bytes_and_its_interrupt(void)
{
    struct rig r = setup("virtio-rng-pci", NULL, NULL);
    start_modern(&r, 0);
    offer_buffer(&r, DESC, AVAIL, 0);
    poke(r.t, part(&r, VIRTIO_CAP_NOTIFY), 2, 0);
    g_assert_cmpuint(used_idx(&r), ==, 1);
    g_assert_true(r.t->irq[SLOT]);
    g_assert_cmpuint(peek(r.t, part(&r, VIRTIO_CAP_ISR), 1), ==, VIRTIO_ISR_QUEUE);
    g_assert_false(r.t->irq[SLOT]);
    g_assert_cmpuint(peek(r.t, part(&r, VIRTIO_CAP_ISR), 1), ==, 0);
    pci_bench_free(r.t);
}

static void test_msix_vectors_of_queues(void)
{
    struct rig r = setup("virtio-rng-pci", NULL, NULL);
    gpa c = part(&r, VIRTIO_CAP_COMMON);
    unsigned cap = cfg_find_cap(r.t, config_address(0, SLOT, 0, 0), PCI_CAP_MSIX);
    start_modern(&r, 0);
    poke(r.t, MSIX + 16, 4, (uint32_t)MESSAGE);
    poke(r.t, MSIX + 24, 4, 0x77);
    poke(r.t, MSIX + 28, 4, 0);
    cfg_write(r.t, SLOT, cap + PCI_MSIX_CONTROL, 2, PCI_MSIX_ENABLE);
    poke(r.t, c + 0x1a, 2, 9); /* there is no such vector */
    g_assert_cmphex(peek(r.t, c + 0x1a, 2), ==, 0xffff);
    g_assert_cmphex(peek(r.t, c + 0x10, 2), ==, 0xffff);
    poke(r.t, c + 0x1a, 2, 1);
    g_assert_cmphex(peek(r.t, c + 0x1a, 2), ==, 1);
    offer_buffer(&r, DESC, AVAIL, 0);
    poke(r.t, part(&r, VIRTIO_CAP_NOTIFY), 2, 0);
    g_assert_cmphex(peek(r.t, MESSAGE, 4), ==, 0x77);
    g_assert_false(r.t->irq[SLOT]);
    poke(r.t, c + 0x14, 1, 0); /* a reset takes the vectors */
    g_assert_cmphex(peek(r.t, c + 0x1a, 2), ==, 0xffff);
    pci_bench_free(r.t);
}

static void test_legacy_driver_by_io_ports(void)
{
    struct rig r = setup("virtio-rng-pci", NULL, NULL);
    unsigned num = peek(r.t, LEGACY + 12, 2);
    uint64_t used = align_up(LEGACY_RINGS + 16 * num + 6 + 2 * num, 4096);
    poke(r.t, LEGACY + 18, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    g_assert_true(peek(r.t, LEGACY, 4) >> VIRTIO_F_INDIRECT_DESC & 1);
    poke(r.t, LEGACY + 4, 4, 0);
    poke(r.t, LEGACY + 14, 2, 0);
    poke(r.t, LEGACY + 8, 4, (uint32_t)((BENCH_RAM + LEGACY_RINGS) >> 12));
    g_assert_cmphex(peek(r.t, LEGACY + 8, 4), ==, (BENCH_RAM + LEGACY_RINGS) >> 12);
    poke(r.t, LEGACY + 18, 1, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK);
    offer_buffer(&r, LEGACY_RINGS, LEGACY_RINGS + 16 * num, 0);
    poke(r.t, LEGACY + 16, 2, 0);
    g_assert_cmpuint(ld_le16((uint8_t *)ram(&r, used) + 2), ==, 1);
    g_assert_true(r.t->irq[SLOT]);
    g_assert_cmpuint(peek(r.t, LEGACY + 19, 1), ==, VIRTIO_ISR_QUEUE);
    g_assert_false(r.t->irq[SLOT]);
    pci_bench_free(r.t);
}

/* Firmware that has mapped no BAR reaches registers by the capability's window. */
static void test_registers_through_configuration_space(void)
{
    struct rig r = setup("virtio-rng-pci", NULL, NULL);
    unsigned cap = find_cap(&r, VIRTIO_CAP_CFG);
    cfg_write(r.t, SLOT, PCI_COMMAND, 2, 0);
    cfg_write(r.t, SLOT, cap + 4, 1, 4);
    cfg_write(r.t, SLOT, cap + 8, 4, 0x14);
    cfg_write(r.t, SLOT, cap + 12, 4, 1);
    cfg_write(r.t, SLOT, cap + 16, 4, VIRTIO_ACKNOWLEDGE);
    g_assert_cmphex(cfg_read(r.t, SLOT, cap + 16, 1), ==, VIRTIO_ACKNOWLEDGE);
    cfg_write(r.t, SLOT, cap + 8, 4, 0x12); /* num_queues */
    cfg_write(r.t, SLOT, cap + 12, 4, 2);
    g_assert_cmphex(cfg_read(r.t, SLOT, cap + 16, 2), ==, 1);
    cfg_write(r.t, SLOT, cap + 8, 4, 0xfffffffe);
    g_assert_cmphex(cfg_read(r.t, SLOT, cap + 16, 2), ==, 1); /* outside: as it was */
    pci_bench_free(r.t);
}

static void test_nothing_moves_without_bus_mastering(void)
{
    struct rig r = setup("virtio-rng-pci", NULL, NULL);
    start_modern(&r, 0);
    cfg_write(r.t, SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    offer_buffer(&r, DESC, AVAIL, 0);
    poke(r.t, part(&r, VIRTIO_CAP_NOTIFY), 2, 0);
    g_assert_cmpuint(used_idx(&r), ==, 0);
    cfg_write(r.t, SLOT, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    g_assert_cmpuint(used_idx(&r), ==, 1); /* it looks again */
    pci_bench_free(r.t);
}

enum { PACKED_AVAIL = 1 << 7, PACKED_USED = 1 << 15, RING_NEXT = 1, RING_WRITE = 2 };

/* The driver's side of a packed ring. */
struct packed {
    struct rig r;
    unsigned next, used;
    bool wrap, used_wrap;
};

static struct packed setup_packed(uint64_t more_features)
{
    struct packed p = {setup("virtio-rng-pci", "packed", "on"), 0, 0, true, true};
    start_modern(&p.r, BIT64(VIRTIO_F_RING_PACKED) | more_features);
    return p;
}

/* A chain of n descriptors of len writable bytes each; the first one's flags last, as drivers do.
 */
static void packed_offer(struct packed *p, unsigned n, uint32_t len, uint16_t id)
{
    uint8_t *first = NULL;
    uint16_t first_flags = 0;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *d = ram(&p->r, DESC + 16 * p->next);
        unsigned flags =
            RING_WRITE | (i + 1 < n ? RING_NEXT : 0) | (p->wrap ? PACKED_AVAIL : PACKED_USED);
        st_le64(d, BENCH_RAM + DATA + 64 * i);
        st_le32(d + 8, len);
        st_le16(d + 12, id);
        if (i == 0)
            first_flags = (uint16_t)flags, first = d;
        else
            st_le16(d + 14, (uint16_t)flags);
        if (++p->next == QSIZE) {
            p->next = 0;
            p->wrap = !p->wrap;
        }
    }
    st_le16(first + 14, first_flags);
    poke(p->r.t, part(&p->r, VIRTIO_CAP_NOTIFY), 2, 0);
}

/* The next used chain of n descriptors has this id; the bytes written, or -1 when it is not there.
 */
static int packed_take(struct packed *p, unsigned n, uint16_t id)
{
    const uint8_t *d = ram(&p->r, DESC + 16 * p->used);
    uint16_t flags = ld_le16(d + 14), both = PACKED_AVAIL | PACKED_USED;
    if ((flags & both) != (p->used_wrap ? both : 0))
        return -1;
    g_assert_cmpuint(ld_le16(d + 12), ==, id);
    p->used += n;
    if (p->used >= QSIZE) {
        p->used -= QSIZE;
        p->used_wrap = !p->used_wrap;
    }
    return (int)ld_le32(d + 8);
}

static void test_packed_ring_goes_round(void)
{
    struct packed p = setup_packed(0);
    for (uint16_t i = 0; i < 100; i++) {
        unsigned n = 1 + i % 3;
        packed_offer(&p, n, 16, i);
        g_assert_cmpint(packed_take(&p, n, i), ==, 16 * n);
        g_assert_cmpint(packed_take(&p, n, i), ==, -1);
        g_assert_true(p.r.t->irq[SLOT]);
        peek(p.r.t, part(&p.r, VIRTIO_CAP_ISR), 1);
    }
    pci_bench_free(p.r.t);
}

/* A ring that is reset begins at its first lap again.  Section 2.6.1. */
static void test_queues_are_reset_alone(void)
{
    struct packed p = setup_packed(BIT64(VIRTIO_F_RING_RESET));
    gpa c = part(&p.r, VIRTIO_CAP_COMMON);
    for (uint16_t lap = 0; lap < 10; lap++) {
        for (uint16_t i = 0; i < lap; i++) {
            packed_offer(&p, 1, 16, i);
            g_assert_cmpint(packed_take(&p, 1, i), ==, 16);
        }
        poke(p.r.t, c + 0x1a, 2, 1);
        poke(p.r.t, c + 0x3a, 2, 0); /* means nothing */
        g_assert_cmpuint(peek(p.r.t, c + 0x1c, 2), ==, 1);
        poke(p.r.t, c + 0x3a, 2, 1);
        g_assert_cmpuint(peek(p.r.t, c + 0x3a, 2), ==, 0);
        g_assert_cmpuint(peek(p.r.t, c + 0x1c, 2), ==, 0);
        g_assert_cmphex(peek(p.r.t, c + 0x1a, 2), ==, 0xffff);
        g_assert_cmphex(peek(p.r.t, c + 0x14, 1) & VIRTIO_DRIVER_OK, ==, VIRTIO_DRIVER_OK);
        memset(ram(&p.r, DESC), 0, QSIZE * 16);
        p.next = p.used = 0;
        p.wrap = p.used_wrap = true;
        enable_queue(&p.r);
    }
    pci_bench_free(p.r.t);
}

static void test_packed_driver_chooses_its_interrupts(void)
{
    struct packed p = setup_packed(BIT64(VIRTIO_F_EVENT_IDX));
    uint8_t *event = ram(&p.r, AVAIL);
    st_le16(event + 2, 1); /* none */
    packed_offer(&p, 1, 16, 0);
    g_assert_false(p.r.t->irq[SLOT]);
    g_assert_cmphex(ld_le32(ram(&p.r, USED)), ==, 2 << 16 | 0x8000 | 1); /* it wants the next one */
    st_le16(event, 0x8000 | 3); /* when descriptor 3 of this lap is used */
    st_le16(event + 2, 2);
    packed_offer(&p, 1, 16, 1);
    packed_offer(&p, 1, 16, 2);
    g_assert_false(p.r.t->irq[SLOT]);
    packed_offer(&p, 1, 16, 3);
    g_assert_true(p.r.t->irq[SLOT]);
    peek(p.r.t, part(&p.r, VIRTIO_CAP_ISR), 1);
    st_le16(event, 1); /* descriptor 1 of the next lap */
    for (uint16_t i = 4; i < 9; i++)
        packed_offer(&p, 1, 16, i);
    g_assert_false(p.r.t->irq[SLOT]);
    packed_offer(&p, 1, 16, 9);
    g_assert_true(p.r.t->irq[SLOT]);
    pci_bench_free(p.r.t);
}

static void test_broken_packed_ring_stops_the_device(void)
{
    struct packed p = setup_packed(0);
    gpa c = part(&p.r, VIRTIO_CAP_COMMON);
    for (unsigned i = 0; i < QSIZE; i++) { /* a chain without an end */
        uint8_t *d = ram(&p.r, DESC + 16 * i);
        st_le64(d, BENCH_RAM + DATA);
        st_le32(d + 8, 16);
        st_le16(d + 14, RING_WRITE | RING_NEXT | PACKED_AVAIL);
    }
    poke(p.r.t, part(&p.r, VIRTIO_CAP_NOTIFY), 2, 0);
    g_assert_true(peek(p.r.t, c + 0x14, 1) & VIRTIO_NEEDS_RESET);
    memset(ram(&p.r, DESC), 0, 16 * QSIZE);
    p = (struct packed){p.r, 0, 0, true, true};
    start_modern(&p.r, BIT64(VIRTIO_F_RING_PACKED));
    packed_offer(&p, 2, 16, 5);
    g_assert_cmpint(packed_take(&p, 2, 5), ==, 32);
    pci_bench_free(p.r.t);
}

/* With its quota used up the device puts a chain back, and takes it later. */
static void test_packed_chain_is_put_back(void)
{
    struct packed p = {setup("virtio-rng-pci", "max-bytes", "40"), 0, 0, true, true};
    ((struct virtio_device *)machine_find_device(p.r.t->m, "dut/virtio-backend"))->packed = true;
    start_modern(&p.r, BIT64(VIRTIO_F_RING_PACKED));
    packed_offer(&p, 3, 16, 1); /* 40 of 48 bytes */
    g_assert_cmpint(packed_take(&p, 3, 1), ==, 40);
    packed_offer(&p, 3, 16, 2);
    packed_offer(&p, 2, 16, 3);
    g_assert_cmpint(packed_take(&p, 3, 2), ==, -1);
    pci_bench_free(p.r.t);
}

static void test_each_queue_may_have_a_notify_page(void)
{
    struct rig r = setup("virtio-serial-pci", "page-per-vq", "on");
    unsigned cap = find_cap(&r, VIRTIO_CAP_NOTIFY);
    gpa c = part(&r, VIRTIO_CAP_COMMON);
    g_assert_cmphex(cfg_read(r.t, SLOT, cap + 16, 4), ==, 4096);
    poke(r.t, c + 0x16, 2, 3);
    g_assert_cmpuint(peek(r.t, c + 0x1e, 2), ==, 3);
    g_assert_cmpuint(peek(r.t, c + 0x12, 2), ==, 64);
    poke(r.t, part(&r, VIRTIO_CAP_NOTIFY) + 63 * 4096, 2, 63);
    pci_bench_free(r.t);
}

/* Any access of any size at any place of either BAR is answered. */
static void test_random_accesses(void)
{
    struct rig r = setup("virtio-serial-pci", NULL, NULL);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned size = 1U << g_test_rand_int_range(0, 4);
        gpa at = i % 4 == 0   ? LEGACY + (gpa)g_test_rand_int_range(0, 32)
                 : i % 4 == 1 ? MODERN + (gpa)g_test_rand_int_range(0, 0x40)
                 : i % 4 == 2 ? MSIX + (gpa)g_test_rand_int_range(0, 0x1000 - 8)
                              : MODERN + (gpa)g_test_rand_int_range(0, 0x4000 - 8);
        uint64_t v;
        if (i % 3)
            mem_write(&r.t->m->as, at, size, i % 5 ? (uint32_t)g_test_rand_int() : i % 8);
        else
            mem_read(&r.t->m->as, at, size, &v);
    }
    device_reset(r.dev);
    pci_bench_free(r.t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/virtio-pci/ids", test_ids_follow_the_form);
    g_test_add_func("/virtio-pci/faces", test_faces_can_be_disabled);
    g_test_add_func("/virtio-pci/refused", test_bad_properties_are_refused);
    g_test_add_func("/virtio-pci/modern", test_modern_driver_gets_its_bytes_and_its_interrupt);
    g_test_add_func("/virtio-pci/msix", test_msix_vectors_of_queues);
    g_test_add_func("/virtio-pci/legacy", test_legacy_driver_by_io_ports);
    g_test_add_func("/virtio-pci/window", test_registers_through_configuration_space);
    g_test_add_func("/virtio-pci/master", test_nothing_moves_without_bus_mastering);
    g_test_add_func("/virtio-pci/packed/laps", test_packed_ring_goes_round);
    g_test_add_func("/virtio-pci/packed/events", test_packed_driver_chooses_its_interrupts);
    g_test_add_func("/virtio-pci/packed/reset", test_queues_are_reset_alone);
    g_test_add_func("/virtio-pci/packed/broken", test_broken_packed_ring_stops_the_device);
    g_test_add_func("/virtio-pci/packed/unpop", test_packed_chain_is_put_back);
    g_test_add_func("/virtio-pci/page-per-vq", test_each_queue_may_have_a_notify_page);
    g_test_add_func("/virtio-pci/random", test_random_accesses);
    return g_test_run();
}
