/* Network cards on PCI, driven by hand: rings, checksums, segmentation, filters, EEPROMs, MSI-X. */
#include "core/ram.h"
#include "hw/net/ether.h"
#include "hw/net/gbe.h"
#include "net/net_priv.h"
#include "net/offload.h"
#include "tests/unit/pci_bench.h"
#include "util/bits.h"

#include <string.h>

extern const struct device_type ecam_root_type, ecam_host_type, e1000_type, e1000e_type,
    ne2k_pci_type, rtl8139_type;

enum { SLOT = 1, DECODE = PCI_COMMAND_MEMORY | PCI_COMMAND_IO | PCI_COMMAND_MASTER };
enum {
    TX_RING = 0x10000,
    RX_RING = 0x20000,
    TX_DATA = 0x30000,
    RX_DATA = 0x40000,
    ENTRIES = 8,
    MSIX_AT = 0x50000
};

/* A card, and a back end that keeps what it gets. */
struct rig {
    struct pci_bench *t;
    struct device *dev;
    struct net_client *wire;
    gpa regs;
    GPtrArray *sent;    /* GBytes * */
    struct net_hdr hdr; /* of the last */
    bool full;
};

static bool wire_send(struct net_client *c, const struct net_frame *f)
{
    struct rig *r = c->opaque;
    GByteArray *bytes = g_byte_array_new();

    if (r->full)
        return false;
    for (unsigned i = 0; i < f->niov; i++)
        g_byte_array_append(bytes, f->iov[i].iov_base, (guint)f->iov[i].iov_len);
    g_ptr_array_add(r->sent, g_byte_array_free_to_bytes(bytes));
    r->hdr = f->hdr;
    return true;
}

static const struct net_client_ops wire_ops = {.type = "wire", .send = wire_send};

static const uint8_t *sent(struct rig *r, unsigned i, gsize *n)
{
    g_assert_cmpuint(i, <, r->sent->len);
    return g_bytes_get_data(g_ptr_array_index(r->sent, i), n);
}

static uint8_t *ram(struct rig *r, uint32_t off)
{
    return r->t->b->ram->host + off;
}

static struct rig *rig_new(const struct device_type *type, unsigned bar)
{
    struct rig *r = g_new0(struct rig, 1);
    struct error *err = NULL;

    r->t = pci_bench_new(&ecam_host_type);
    r->sent = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    r->wire = net_client_new(&wire_ops, "wire", 0, NET_CAP_ALL, r);
    r->dev = device_new(type, r->t->m, "card");
    if (!device_set(r->dev, "netdev", "wire", &err) ||
        !device_set(r->dev, "mac", "52:54:00:12:34:56", &err) ||
        !hw_bus_plug(r->t->m, r->dev, NULL, &err) || !device_realize(r->dev, &err))
        g_error("%s", error_text(err));
    unsigned slot = (unsigned)((struct pci_device *)r->dev)->devfn >> 3;
    for (unsigned i = 0; i < 4; i++)
        cfg_write(r->t, slot, PCI_BAR0 + 4 * i, 4, (uint32_t)MMIO + i * 0x100000);
    cfg_write(r->t, slot, PCI_COMMAND, 2, DECODE);
    r->regs = MMIO + bar * 0x100000;
    return r;
}

static void rig_free(struct rig *r)
{
    pci_bench_free(r->t);
    net_free_all();
    g_ptr_array_unref(r->sent);
    g_free(r);
}

static uint32_t rd(struct rig *r, unsigned off)
{
    return peek(r->t, r->regs + off, 4);
}

static void wr(struct rig *r, unsigned off, uint32_t v)
{
    poke(r->t, r->regs + off, 4, v);
}

static bool irq_is_high(const struct rig *r)
{
    for (unsigned i = 0; i < ECAM_INTX_LINES; i++)
        if (r->t->irq[i])
            return true;
    return false;
}

/* Rings of 8 descriptors, buffers of 2 KiB, every frame welcome. */
static void gbe_start(struct rig *r)
{
    wr(r, TDBAL, (uint32_t)BENCH_RAM + TX_RING);
    wr(r, TDLEN, 16 * ENTRIES);
    wr(r, RDBAL, (uint32_t)BENCH_RAM + RX_RING);
    wr(r, RDLEN, 16 * ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i++)
        st_le64(ram(r, RX_RING + 16 * i), BENCH_RAM + RX_DATA + 2048 * i);
    wr(r, RDT, ENTRIES - 1);
    wr(r, RCTL, RCTL_EN | RCTL_BAM | RCTL_SECRC);
    wr(r, TCTL, TCTL_EN | TCTL_PSP);
}

static void make_frame(uint8_t *f, size_t n, const char *to)
{
    for (size_t i = 0; i < n; i++)
        f[i] = (uint8_t)(i * 3);
    memcpy(f, to, 6);
    st_be16(f + 12, 0x1234);
}

static void arrive(struct rig *r, const uint8_t *data, size_t n)
{
    struct iovec iov = {(void *)(uintptr_t)data, n};
    struct net_frame f = {&iov, 1, n, {0}};

    net_send(r->wire, &f);
    net_burst_end(r->wire);
}

static const char own[] = "\x52\x54\x00\x12\x34\x56", other[] = "\x52\x54\x00\x12\x34\x57",
                  everyone[] = "\xff\xff\xff\xff\xff\xff";

static void test_e1000_sends_and_pads(void)
{
    struct rig *r = rig_new(&e1000_type, 0);
    gsize n;

    gbe_start(r);
    wr(r, IMS, ICR_TXDW);
    make_frame(ram(r, TX_DATA), 50, other);
    st_le64(ram(r, TX_RING), BENCH_RAM + TX_DATA);
    st_le32(ram(r, TX_RING + 8), 50 | 0x0bU << 24); /* EOP IFCS RS */
    wr(r, TDT, 1);
    const uint8_t *f = sent(r, 0, &n);
    g_assert_cmpuint(n, ==, 60);
    g_assert_cmpmem(f, 50, ram(r, TX_DATA), 50);
    g_assert_cmpuint(f[55], ==, 0);
    g_assert_cmphex(ram(r, TX_RING)[12], ==, 1);
    g_assert_cmpuint(rd(r, TDH), ==, 1);
    g_assert_true(irq_is_high(r));
    g_assert_cmphex(rd(r, ICR) & (ICR_TXDW | ICR_ASSERTED), ==, ICR_TXDW | ICR_ASSERTED);
    g_assert_false(irq_is_high(r));
    g_assert_cmpuint(rd(r, GPTC), ==, 1);
    g_assert_cmpuint(rd(r, GPTC), ==, 0); /* cleared by reading */
    rig_free(r);
}

/* A context and a data descriptor: 4000 bytes of TCP payload in segments of 1000. */
static void test_e1000_leaves_segmentation_to_the_wire(void)
{
    struct rig *r = rig_new(&e1000_type, 0);
    uint8_t *f = ram(r, TX_DATA), *ip = f + 14, *d = ram(r, TX_RING);
    enum { PAYLOAD = 4000, SIZE = 54 + PAYLOAD };
    gsize n;

    gbe_start(r);
    make_frame(f, SIZE, other);
    st_be16(f + 12, 0x0800);
    memset(ip, 0, 40);
    ip[0] = 0x45;
    ip[9] = 6;
    st_be32(ip + 12, 0x0a00020f);
    st_be32(ip + 16, 0x0a000202);
    ip[20 + 12] = 0x50;
    d[0] = 14; /* IPCSS, IPCSO, IPCSE */
    d[1] = 24;
    st_le16(d + 2, 33);
    d[4] = 34; /* TUCSS, TUCSO, TUCSE */
    d[5] = 50;
    st_le32(d + 8, PAYLOAD | 0x27U << 24); /* TCP, IP, TSE, DEXT */
    d[13] = 54;
    st_le16(d + 14, 1000);
    st_le64(d + 16, BENCH_RAM + TX_DATA);
    st_le32(d + 24, SIZE | 1U << 20 | 0x2dU << 24); /* EOP TSE RS DEXT */
    d[29] = 3;
    wr(r, TDT, 2);
    f = (uint8_t *)(uintptr_t)sent(r, 0, &n);
    g_assert_cmpuint(n, ==, SIZE);
    g_assert_cmpuint(r->hdr.gso_type, ==, NET_GSO_TCPV4);
    g_assert_cmpuint(r->hdr.gso_size, ==, 1000);
    g_assert_cmpuint(ld_be16(f + 16), ==, SIZE - 14);
    g_assert_cmphex(csum_fold(csum_add(f + 14, 20, 0)), ==, 0);
    /* What the wire makes of the checksum is right. */
    g_assert_true(offload_complete_csum(f, n, &r->hdr));
    uint64_t pseudo = offload_pseudo_sum(f + 14, 6, (uint32_t)n - 34);
    g_assert_cmphex(csum_fold(csum_add(f + 34, n - 34, pseudo)), ==, 0);
    r->wire->caps = 0; /* a wire that can do nothing gets segments */
    wr(r, TDH, 0);
    g_ptr_array_set_size(r->sent, 0);
    wr(r, TDT, 2);
    g_assert_cmpuint(r->sent->len, ==, 4);
    rig_free(r);
}

static void test_e1000_waits_for_a_full_wire(void)
{
    struct rig *r = rig_new(&e1000_type, 0);

    gbe_start(r);
    make_frame(ram(r, TX_DATA), 100, other);
    for (unsigned i = 0; i < 3; i++) {
        st_le64(ram(r, TX_RING + 16 * i), BENCH_RAM + TX_DATA);
        st_le32(ram(r, TX_RING + 16 * i + 8), 100 | 0x09U << 24);
    }
    r->full = true;
    wr(r, TDT, 3);
    g_assert_cmpuint(rd(r, TDH), ==, 0);
    r->full = false;
    net_writable(r->wire);
    g_assert_cmpuint(rd(r, TDH), ==, 3);
    g_assert_cmpuint(r->sent->len, ==, 3);
    rig_free(r);
}

static void test_e1000_receives_and_filters(void)
{
    struct rig *r = rig_new(&e1000_type, 0);
    uint8_t f[1500];
    const uint8_t *d = ram(r, RX_RING);

    gbe_start(r);
    wr(r, IMS, ICR_RXT0);
    make_frame(f, 200, other);
    arrive(r, f, 200);
    g_assert_cmpuint(rd(r, RDH), ==, 0);
    make_frame(f, 200, own);
    arrive(r, f, 200);
    g_assert_cmpuint(rd(r, RDH), ==, 1);
    g_assert_cmpuint(ld_le16(d + 8), ==, 200);
    g_assert_cmphex(d[12] & 3, ==, 3);
    g_assert_cmpmem(ram(r, RX_DATA), 200, f, 200);
    g_assert_true(irq_is_high(r));
    make_frame(f, 20, everyone);
    arrive(r, f, 20);
    g_assert_cmpuint(ld_le16(d + 24), ==, 60); /* padded */
    make_frame(f, 100, "\x01\x00\x5e\x00\x00\x01");
    arrive(r, f, 100);
    g_assert_cmpuint(rd(r, RDH), ==, 2);
    wr(r, MTA + 4 * (0x0100 >> 4 >> 5), ~0U); /* hash of the upper bits */
    arrive(r, f, 100);
    g_assert_cmpuint(rd(r, RDH), ==, 3);
    wr(r, RCTL, rd(r, RCTL) | RCTL_UPE);
    make_frame(f, 100, other);
    arrive(r, f, 100);
    g_assert_cmpuint(rd(r, RDH), ==, 4);
    g_assert_cmpuint(rd(r, TPR), ==, 4);
    rig_free(r);
}

static void test_e1000_keeps_frames_until_there_are_buffers(void)
{
    struct rig *r = rig_new(&e1000_type, 0);
    uint8_t f[100];

    gbe_start(r);
    make_frame(f, 100, own);
    for (unsigned i = 0; i < 10; i++) {
        f[20] = (uint8_t)i;
        arrive(r, f, 100);
    }
    g_assert_cmpuint(rd(r, RDH), ==, 7);
    g_assert_false(net_can_send(r->wire));
    wr(r, RDT, 3);
    net_flush(r->wire);
    for (unsigned i = 0; i < 1000 && rd(r, RDH) != 2; i++)
        g_usleep(1000);
    g_assert_cmpuint(rd(r, RDH), ==, 2);
    g_assert_cmpuint(ram(r, RX_DATA + 2048)[20], ==, 9);
    rig_free(r);
}

static void test_e1000_moves_vlan_tags(void)
{
    struct rig *r = rig_new(&e1000_type, 0);
    uint8_t f[100];
    gsize n;

    gbe_start(r);
    wr(r, CTRL, rd(r, CTRL) | CTRL_VME);
    make_frame(f, 100, own);
    st_be32(f + 12, 0x81000123);
    arrive(r, f, 100);
    g_assert_cmpuint(ld_le16(ram(r, RX_RING + 8)), ==, 96);
    g_assert_cmphex(ram(r, RX_RING)[12] & 8, ==, 8);
    g_assert_cmphex(ld_le16(ram(r, RX_RING + 14)), ==, 0x123);
    make_frame(ram(r, TX_DATA), 80, other);
    st_le64(ram(r, TX_RING), BENCH_RAM + TX_DATA);
    st_le32(ram(r, TX_RING + 8), 80 | 0x41U << 24); /* EOP VLE */
    st_le16(ram(r, TX_RING + 14), 0x456);
    wr(r, TDT, 1);
    const uint8_t *s = sent(r, 0, &n);
    g_assert_cmpuint(n, ==, 84);
    g_assert_cmphex(ld_be32(s + 12), ==, 0x81000456);
    rig_free(r);
}

/* The wires of the EEPROM: one word. */
static uint16_t microwire(struct rig *r, unsigned reg, unsigned address, uint32_t cs, uint32_t sk,
                          uint32_t di, uint32_t do_)
{
    unsigned command = 6 << 6 | address, v = 0;

    wr(r, reg, 0);
    wr(r, reg, cs);
    for (int i = 8; i >= 0; i--) {
        uint32_t bit = command >> i & 1 ? di : 0;
        wr(r, reg, cs | bit);
        wr(r, reg, cs | bit | sk);
        wr(r, reg, cs | bit);
    }
    for (int i = 0; i < 16; i++) {
        wr(r, reg, cs | sk);
        v = v << 1 | !!(rd(r, reg) & do_);
        wr(r, reg, cs);
    }
    wr(r, reg, 0);
    return (uint16_t)v;
}

static void test_e1000_eeprom_and_phy(void)
{
    struct rig *r = rig_new(&e1000_type, 0);
    uint16_t sum = 0;

    for (unsigned i = 0; i < 64; i++)
        sum = (uint16_t)(sum + microwire(r, EECD, i, 2, 1, 4, 8));
    g_assert_cmphex(sum, ==, 0xbaba);
    g_assert_cmphex(microwire(r, EECD, 2, 2, 1, 4, 8), ==, 0x5634);
    wr(r, EERD, 0x0001 | 1 << 8);
    g_assert_cmphex(rd(r, EERD) >> 16, ==, 0x1200);
    wr(r, MDIC, 2U << 26 | 1 << 21 | 2 << 16);
    g_assert_cmphex(rd(r, MDIC) & 0x1000ffff, ==, 0x10000141);
    wr(r, MDIC, 2U << 26 | 2 << 21 | 2 << 16); /* no PHY there */
    g_assert_cmphex(rd(r, MDIC) & 1 << 30, ==, 1 << 30);
    g_assert_cmphex(rd(r, STATUS) & 2, ==, 2);
    g_assert_true(net_set_link("wire", false, NULL));
    g_assert_cmphex(rd(r, STATUS) & 2, ==, 0);
    rig_free(r);
}

static void test_e1000_interrupts_at_the_rate_asked_for(void)
{
    struct rig *r = rig_new(&e1000_type, 0);

    clock_start();
    wr(r, ITR, 0xffff); /* 16.8 ms */
    wr(r, IMS, ICR_LSC);
    wr(r, ICS, ICR_LSC);
    g_assert_true(irq_is_high(r));
    rd(r, ICR);
    wr(r, ICS, ICR_LSC);
    g_assert_false(irq_is_high(r));
    for (unsigned i = 0; i < 500 && !irq_is_high(r); i++) {
        g_main_context_iteration(NULL, FALSE);
        g_usleep(1000);
    }
    g_assert_true(irq_is_high(r));
    rig_free(r);
}

static void test_e1000e_extended_descriptors_and_msix(void)
{
    struct rig *r = rig_new(&e1000e_type, 0);
    gpa table = MMIO + 3 * 0x100000;
    unsigned cap = cfg_find_cap(r->t, config_address(0, SLOT, 0, 0), 0x11);
    uint8_t f[100];

    g_assert_cmpuint(cap, !=, 0);
    for (unsigned v = 0; v < GBE_VECTORS; v++) {
        poke(r->t, table + 16 * v, 4, (uint32_t)BENCH_RAM + MSIX_AT + 4 * v);
        poke(r->t, table + 16 * v + 4, 4, 0);
        poke(r->t, table + 16 * v + 8, 4, 0x100 + v);
        poke(r->t, table + 16 * v + 12, 4, 0);
    }
    cfg_write(r->t, SLOT, cap + 2, 2, 0x8000);
    gbe_start(r);
    wr(r, RFCTL, RFCTL_EXTEN);
    wr(r, IVAR, 8 | 0 | (8 | 1) << 8 | (8 | 2) << 16); /* RxQ0: 0, TxQ0: 1, other: 2 */
    wr(r, EIAC, ICR_RXQ0 | ICR_TXQ0);
    wr(r, IMS, ICR_RXQ0 | ICR_TXQ0 | ICR_OTHER | ICR_LSC);
    make_frame(f, 100, own);
    arrive(r, f, 100);
    g_assert_cmphex(ld_le32(ram(r, MSIX_AT)), ==, 0x100);
    g_assert_cmphex(ld_le32(ram(r, RX_RING + 8)) & 3, ==, 3);
    g_assert_cmpuint(ld_le16(ram(r, RX_RING + 12)), ==, 100);
    st_le32(ram(r, MSIX_AT), 0);
    arrive(r, f, 100); /* cleared by itself: it comes again */
    g_assert_cmphex(ld_le32(ram(r, MSIX_AT)), ==, 0x100);
    g_assert_cmphex(ld_le32(ram(r, MSIX_AT + 4)), ==, 0);
    g_assert_true(net_set_link("wire", false, NULL));
    g_assert_cmphex(ld_le32(ram(r, MSIX_AT + 8)), ==, 0x102);
    g_assert_cmphex(rd(r, ICR) & ICR_LSC, ==, ICR_LSC);
    g_assert_false(irq_is_high(r));
    rig_free(r);
}

static void test_e1000e_splits_long_frames_over_buffers(void)
{
    struct rig *r = rig_new(&e1000e_type, 0);
    uint8_t *d = ram(r, RX_RING), f[5000];

    gbe_start(r);
    wr(r, RFCTL, RFCTL_EXTEN);
    wr(r, PSRCTL, 2 | 4 << 8 | 4 << 16); /* 256 bytes, 4 KiB, 4 KiB */
    for (unsigned i = 0; i < 6; i++)     /* of two descriptors */
        st_le64(d + 32 * (i / 3) + 8 * (i % 3), BENCH_RAM + RX_DATA + 0x1000 * i);
    wr(r, RDT, 3);
    wr(r, RCTL, RCTL_EN | RCTL_SECRC | RCTL_LPE | 1 << 10);
    make_frame(f, sizeof(f), own);
    arrive(r, f, sizeof(f));
    g_assert_cmpuint(rd(r, RDH), ==, 1);
    g_assert_cmphex(ld_le32(d + 8) & 3, ==, 3);
    g_assert_cmpuint(ld_le16(d + 12), ==, 256);
    g_assert_cmpuint(ld_le16(d + 18), ==, 4096);
    g_assert_cmpuint(ld_le16(d + 20), ==, 5000 - 256 - 4096);
    g_assert_cmpmem(ram(r, RX_DATA), 256, f, 256);
    g_assert_cmpmem(ram(r, RX_DATA + 0x1000), 4096, f + 256, 4096);
    g_assert_cmpmem(ram(r, RX_DATA + 0x2000), 648, f + 4352, 648);
    rig_free(r);
}

/* The key, packets and hashes that Microsoft publishes to verify RSS with. */
static const uint8_t rss_key[] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                  0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                  0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                  0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
enum { IPV4_HASH = 0x323e8fc2, IPV4_TCP_HASH = 0x51ccc178, IPV6_TCP_HASH = 0x40207d3d };

static size_t make_tcp4(uint8_t *f)
{
    static const uint8_t addresses[] = {66, 9, 149, 187, 161, 142, 100, 80};

    memset(f, 0, 100);
    make_frame(f, 14, own);
    st_be16(f + 12, 0x0800);
    f[14] = 0x45;
    st_be16(f + 16, 40);
    st_be16(f + 18, 0x7788);
    f[23] = 6;
    memcpy(f + 26, addresses, 8);
    st_be16(f + 34, 2794);
    st_be16(f + 36, 1766);
    f[46] = 0x50;
    return 60;
}

static size_t make_tcp6(uint8_t *f)
{
    static const uint8_t src[] = {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff,
                                  0,    0,    0,    0,    0,    0,    0,    7},
                         dst[] = {0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1};

    memset(f, 0, 100);
    make_frame(f, 14, own);
    st_be16(f + 12, 0x86dd);
    f[14] = 0x60;
    st_be16(f + 18, 28);
    f[20] = 60; /* destination options: nothing but padding */
    memcpy(f + 22, src, 16);
    memcpy(f + 38, dst, 16);
    f[54] = 6;
    f[56] = 1;
    f[57] = 4;
    st_be16(f + 62, 2794);
    st_be16(f + 64, 1766);
    f[74] = 0x50;
    return 82;
}

/* Queue 1's rings behind those of queue 0. */
static void start_second_queue(struct rig *r)
{
    wr(r, TDBAL + QUEUE_STRIDE, (uint32_t)BENCH_RAM + TX_RING + 0x100);
    wr(r, TDLEN + QUEUE_STRIDE, 16 * ENTRIES);
    wr(r, RDBAL + QUEUE_STRIDE, (uint32_t)BENCH_RAM + RX_RING + 0x100);
    wr(r, RDLEN + QUEUE_STRIDE, 16 * ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i++)
        st_le64(ram(r, RX_RING + 0x100 + 16 * i), BENCH_RAM + RX_DATA + 2048 * i);
    wr(r, RDT + QUEUE_STRIDE, ENTRIES - 1);
}

static struct rig *start_rss(void)
{
    struct rig *r = rig_new(&e1000e_type, 0);

    gbe_start(r);
    start_second_queue(r);
    wr(r, RFCTL, RFCTL_EXTEN);
    wr(r, RXCSUM, 0x300 | RXCSUM_PCSD);
    wr(r, MRQC, 1 | 0x1f << 16);
    for (unsigned i = 0; i < sizeof(rss_key); i += 4)
        wr(r, RSSRK + i, ld_le32(rss_key + i));
    return r;
}

static void expect_hash(struct rig *r, unsigned ring, unsigned mrq, uint32_t hash)
{
    g_assert_cmphex(ld_le32(ram(r, RX_RING + ring)), ==, mrq);
    g_assert_cmphex(ld_le32(ram(r, RX_RING + ring + 4)), ==, hash);
}

static void test_e1000e_hashes_choose_the_queue(void)
{
    struct rig *r = start_rss();
    uint8_t f[100];

    arrive(r, f, make_tcp4(f));
    expect_hash(r, 0, 1, IPV4_TCP_HASH);
    st_be16(f + 20, 0x2000); /* a fragment: its ports are not to be looked at */
    arrive(r, f, 60);
    expect_hash(r, 16, 2, IPV4_HASH);
    arrive(r, f, make_tcp6(f));
    expect_hash(r, 32, 3, IPV6_TCP_HASH);
    make_frame(f, 60, own);
    arrive(r, f, 60);
    expect_hash(r, 48, 0, 0);
    /* The low seven bits are the entry; its top bit the queue. */
    wr(r, RETA + (IPV4_TCP_HASH & 0x7c), 0x80U << 8 * (IPV4_TCP_HASH & 3));
    arrive(r, f, make_tcp4(f));
    g_assert_cmpuint(rd(r, RDH), ==, 4);
    g_assert_cmpuint(rd(r, RDH + QUEUE_STRIDE), ==, 1);
    expect_hash(r, 0x100, 1 << 8 | 1, IPV4_TCP_HASH);
    g_assert_cmphex(rd(r, ICR) & (ICR_RXQ0 | ICR_RXQ1), ==, ICR_RXQ0 | ICR_RXQ1);
    arrive(r, f, 60);
    g_assert_cmphex(rd(r, ICR) & (ICR_RXQ0 | ICR_RXQ1), ==, ICR_RXQ1);
    rig_free(r);
}

static void test_e1000e_without_rss_tells_checksum_and_identification(void)
{
    struct rig *r = start_rss();
    uint8_t f[100];

    wr(r, RXCSUM, 0x300 | 26); /* from the addresses on */
    arrive(r, f, make_tcp4(f));
    g_assert_cmphex(ld_le32(ram(r, RX_RING)), ==, 0);
    g_assert_cmphex(ld_le16(ram(r, RX_RING + 4)), ==, 0x7788);
    g_assert_cmphex(ld_le16(ram(r, RX_RING + 6)), !=, 0);
    g_assert_cmpuint(rd(r, RDH + QUEUE_STRIDE), ==, 0);
    rig_free(r);
}

/* A context of each kind in either queue: the other's stay what they were. */
static void test_e1000e_sends_from_both_queues(void)
{
    struct rig *r = start_rss();
    uint8_t *d = ram(r, TX_RING + 0x100);

    make_frame(ram(r, TX_DATA), 64, other);
    memset(d, 0, 16); /* checksum over bytes 14 and on, to be put at 16 */
    d[4] = 14;
    d[5] = 16;
    st_le32(d + 8, 0x20000000);
    st_le64(d + 16, BENCH_RAM + TX_DATA);
    st_le32(d + 24, 64 | 1 << 20 | 0x2b000000); /* DEXT, RS, IFCS, EOP */
    st_le32(d + 28, 2 << 8);
    wr(r, TDT + QUEUE_STRIDE, 2);
    g_assert_cmpuint(r->sent->len, ==, 1);
    g_assert_cmpuint(rd(r, TDH + QUEUE_STRIDE), ==, 2);
    g_assert_cmpuint(rd(r, TDH), ==, 0);
    g_assert_cmphex(rd(r, ICR) & (ICR_TXQ0 | ICR_TXQ1), ==, ICR_TXQ1);
    memcpy(ram(r, TX_RING), d + 16, 16); /* no context in queue 0: nothing is put in */
    wr(r, TDT, 1);
    gsize n;
    const uint8_t *f = g_bytes_get_data(g_ptr_array_index(r->sent, 1), &n);
    g_assert_cmpmem(f, n, ram(r, TX_DATA), 64);
    rig_free(r);
}

static void test_e1000e_gives_headers_a_buffer_of_their_own(void)
{
    struct rig *r = start_rss();
    uint8_t *d = ram(r, RX_RING), f[100];

    wr(r, PSRCTL, 2 | 4 << 8 | 4 << 16);
    for (unsigned i = 0; i < 3; i++)
        st_le64(d + 8 * i, BENCH_RAM + RX_DATA + 0x1000 * i);
    wr(r, RDT, 3);
    wr(r, RCTL, RCTL_EN | RCTL_SECRC | RCTL_LPE | 1 << 10);
    arrive(r, f, make_tcp4(f));
    g_assert_cmpuint(ld_le16(d + 12), ==, 54);
    g_assert_cmphex(ld_le16(d + 16), ==, 0x8000 | 54);
    g_assert_cmpuint(ld_le16(d + 18), ==, 6);
    rig_free(r);
}

enum {
    R_TSD0 = 0x10,
    R_TSAD0 = 0x20,
    R_TNPDS = 0x20,
    R_RBSTART = 0x30,
    R_CR = 0x37,
    R_CAPR = 0x38,
    R_CBR = 0x3a,
    R_IMR = 0x3c,
    R_ISR = 0x3e,
    R_RCR = 0x44,
    R_9346 = 0x50,
    R_CPCR = 0xe0,
    R_RDSAR = 0xe4,
    R_TPPOLL = 0xd9
};

static void wr8(struct rig *r, unsigned off, uint8_t v)
{
    poke(r->t, r->regs + off, 1, v);
}

static void wr16(struct rig *r, unsigned off, uint16_t v)
{
    poke(r->t, r->regs + off, 2, v);
}

static void test_rtl8139_sends_by_slots(void)
{
    struct rig *r = rig_new(&rtl8139_type, 1);
    gsize n;

    wr8(r, R_CR, 0x0c);
    wr16(r, R_IMR, 0x0004);
    make_frame(ram(r, TX_DATA), 300, other);
    for (unsigned i = 0; i < 6; i++) {
        wr(r, R_TSAD0 + 4 * (i % 4), (uint32_t)BENCH_RAM + TX_DATA);
        wr(r, R_TSD0 + 4 * (i % 4), 200 + i);
        g_assert_cmphex(rd(r, R_TSD0 + 4 * (i % 4)) & 0xa000, ==, 0xa000);
    }
    g_assert_cmpuint(r->sent->len, ==, 6);
    const uint8_t *f = sent(r, 5, &n);
    g_assert_cmpuint(n, ==, 205);
    g_assert_cmpmem(f, n, ram(r, TX_DATA), n);
    g_assert_true(irq_is_high(r));
    wr16(r, R_ISR, 0xffff);
    g_assert_false(irq_is_high(r));
    rig_free(r);
}

/* Fill the ring, read it as a driver does, wrap around: nothing is lost or reordered. */
static void test_rtl8139_receives_into_its_ring(void)
{
    struct rig *r = rig_new(&rtl8139_type, 1);
    uint32_t at = 0;
    uint8_t f[1000];

    wr(r, R_RBSTART, (uint32_t)BENCH_RAM + RX_DATA);
    wr8(r, R_CR, 0x0c);
    wr(r, R_RCR, 0x0a); /* own and broadcast, 8 KiB */
    for (unsigned i = 0; i < 40; i++) {
        size_t n = 100 + i * 20;
        make_frame(f, n, own);
        f[14] = (uint8_t)i;
        arrive(r, f, n);
        g_assert_cmphex(peek(r->t, r->regs + R_CR, 1) & 1, ==, 0);
        g_assert_cmphex(ld_le16(ram(r, RX_DATA + at)), ==, 0x4001);
        g_assert_cmpuint(ld_le16(ram(r, RX_DATA + at + 2)), ==, n + 4);
        g_assert_cmpuint(ram(r, RX_DATA + (at + 4 + 14) % 8192)[0], ==, i);
        at = ((at + 4 + (uint32_t)n + 4 + 3) & ~3U) % 8192;
        wr16(r, R_CAPR, (uint16_t)(at - 16));
        g_assert_cmphex(peek(r->t, r->regs + R_CR, 1) & 1, ==, 1);
        g_assert_cmpuint(peek(r->t, r->regs + R_CBR, 2), ==, at);
    }
    for (unsigned i = 0; i < 12; i++) /* more than fits */
        arrive(r, f, 1000);
    g_assert_false(net_can_send(r->wire));
    g_assert_cmphex(peek(r->t, r->regs + R_ISR, 2) & 0x11, ==, 0x11);
    rig_free(r);
}

static void test_rtl8139_cplus_descriptors(void)
{
    struct rig *r = rig_new(&rtl8139_type, 1);
    uint8_t f[400], *d = ram(r, TX_RING);
    gsize n;

    wr16(r, R_CPCR, 0x0003);
    wr8(r, R_CR, 0x0c);
    wr(r, R_RCR, 0x0a);
    wr(r, R_TNPDS, (uint32_t)BENCH_RAM + TX_RING);
    wr(r, R_TNPDS + 4, 0);
    wr(r, R_RDSAR, (uint32_t)BENCH_RAM + RX_RING);
    wr(r, R_RDSAR + 4, 0);
    make_frame(ram(r, TX_DATA), 300, other);
    st_le32(d, 0x80000000 | 1U << 29 | 100); /* OWN FS */
    st_le64(d + 8, BENCH_RAM + TX_DATA);
    st_le32(d + 16, 0x80000000 | 1U << 30 | 1U << 28 | 200); /* OWN EOR LS */
    st_le64(d + 24, BENCH_RAM + TX_DATA + 100);
    wr8(r, R_TPPOLL, 0x40);
    const uint8_t *s = sent(r, 0, &n);
    g_assert_cmpuint(n, ==, 300);
    g_assert_cmpmem(s, n, ram(r, TX_DATA), n);
    g_assert_cmphex(ld_le32(d) >> 31 | ld_le32(d + 16) >> 31, ==, 0);
    for (unsigned i = 0; i < 2; i++) {
        st_le32(ram(r, RX_RING + 16 * i), 0x80000000 | (i ? 1U << 30 : 0) | 256);
        st_le64(ram(r, RX_RING + 16 * i + 8), BENCH_RAM + RX_DATA + 256 * i);
    }
    make_frame(f, 400, own);
    arrive(r, f, 400); /* in two pieces */
    g_assert_cmphex(ld_le32(ram(r, RX_RING)), ==, 1U << 29 | 256);
    g_assert_cmphex(ld_le32(ram(r, RX_RING + 16)), ==, 1U << 30 | 1U << 28 | 1U << 26 | 404);
    g_assert_cmpmem(ram(r, RX_DATA), 400, f, 400);
    arrive(r, f, 400); /* none is left */
    g_assert_false(net_can_send(r->wire));
    rig_free(r);
}

static void test_rtl8139_eeprom_and_configuration_lock(void)
{
    struct rig *r = rig_new(&rtl8139_type, 1);
    unsigned command = 6 << 6 | 7, v = 0;

    wr8(r, R_9346, 0x80);
    for (int i = 8; i >= 0; i--) {
        uint8_t bit = command >> i & 1 ? 2 : 0;
        wr8(r, R_9346, 0x88 | bit);
        wr8(r, R_9346, 0x8c | bit);
    }
    for (int i = 0; i < 16; i++) {
        wr8(r, R_9346, 0x88);
        wr8(r, R_9346, 0x8c);
        v = v << 1 | (peek(r->t, r->regs + R_9346, 1) & 1);
    }
    g_assert_cmphex(v, ==, 0x5452);
    wr8(r, R_9346, 0);
    wr(r, 0, 0x11223344);
    g_assert_cmphex(rd(r, 0), ==, 0x12005452);
    wr8(r, R_9346, 0xc0);
    wr(r, 0, 0x11223344);
    g_assert_cmphex(rd(r, 0), ==, 0x11223344);
    wr(r, 0xd8, 0x05f60000); /* an RTL8169 would keep that */
    g_assert_cmphex(rd(r, 0xd8) >> 16, ==, 0);
    rig_free(r);
}

/* ---- NE2000: 16 KiB of its memory in use, transmit pages from 0x40, the ring from 0x46 to 0x80 */

enum {
    NE_CR,
    NE_DATA = 0x10,
    NE_RESET = 0x1f,
    NE_TX = 0x40,
    NE_START = 0x46,
    NE_STOP = 0x80,
    NE_IO = 0x1000
};

static uint8_t ne_in(struct rig *r, unsigned reg)
{
    return (uint8_t)peek(r->t, r->regs + reg, 1);
}

static void ne_out(struct rig *r, unsigned reg, unsigned v)
{
    poke(r->t, r->regs + reg, 1, v);
}

static void ne_remote(struct rig *r, unsigned at, unsigned n, unsigned command)
{
    ne_out(r, 0x0a, n & 0xff);
    ne_out(r, 0x0b, n >> 8);
    ne_out(r, 0x08, at & 0xff);
    ne_out(r, 0x09, at >> 8);
    ne_out(r, NE_CR, command);
}

static void ne_get(struct rig *r, unsigned at, void *buf, unsigned n)
{
    ne_remote(r, at, n, 0x0a);
    for (unsigned i = 0; i < n; i += 2)
        st_le16((uint8_t *)buf + i, (uint16_t)peek(r->t, r->regs + NE_DATA, 2));
}

static void ne_put(struct rig *r, unsigned at, const void *buf, unsigned n)
{
    ne_remote(r, at, n, 0x12);
    for (unsigned i = 0; i < n; i += 2)
        poke(r->t, r->regs + NE_DATA, 2, ld_le16((const uint8_t *)buf + i));
}

static struct rig *ne_start(void)
{
    struct rig *r = rig_new(&ne2k_pci_type, 0);
    unsigned slot = (unsigned)((struct pci_device *)r->dev)->devfn >> 3;
    cfg_write(r->t, slot, PCI_BAR0, 4, NE_IO);
    g_assert_cmphex(cfg_read(r->t, slot, 0, 4), ==, 0x802910ec);
    r->regs = IO + NE_IO;
    ne_out(r, NE_CR, 0x21);
    ne_out(r, 0x0e, 0x49); /* words, no loopback */
    ne_out(r, 0x0d, 0);
    ne_out(r, 0x0c, 0x04);
    ne_out(r, 0x01, NE_START);
    ne_out(r, 0x02, NE_STOP);
    ne_out(r, 0x03, NE_START);
    ne_out(r, 0x07, 0xff);
    ne_out(r, 0x0f, 0x7f);
    ne_out(r, NE_CR, 0x61);
    for (unsigned i = 0; i < 6; i++)
        ne_out(r, 1 + i, (uint8_t)own[i]);
    ne_out(r, 0x07, NE_START + 1);
    ne_out(r, NE_CR, 0x22);
    return r;
}

static uint8_t ne_curr(struct rig *r)
{
    ne_out(r, NE_CR, 0x62);
    uint8_t v = ne_in(r, 0x07);
    ne_out(r, NE_CR, 0x22);
    return v;
}

static void test_ne2000_prom_and_remote_dma(void)
{
    static const uint8_t mac[] = {0x52, 0x52, 0x54, 0x54, 0, 0, 0x12, 0x12, 0x34, 0x34, 0x56, 0x56};
    struct rig *r = ne_start();
    uint8_t buf[32], want[] = "what was written";
    ne_get(r, 0, buf, sizeof(buf));
    g_assert_cmpmem(buf, 12, mac, 12);
    g_assert_cmpmem(buf + 28, 4, "WWWW", 4);
    g_assert_cmphex(ne_in(r, 0x07), ==, 0x40);
    g_assert_true(irq_is_high(r));
    ne_out(r, 0x07, 0x40);
    g_assert_false(irq_is_high(r));
    ne_put(r, 0x7ff8, want, 16); /* goes on where the ring begins */
    ne_get(r, 0x7ff8, buf, 16);
    g_assert_cmpmem(buf, 16, want, 16);
    ne_get(r, NE_START << 8, buf, 8);
    g_assert_cmpmem(buf, 8, want + 8, 8);
    g_assert_cmphex(peek(r->t, r->regs + NE_DATA, 2), ==, 0xffff); /* it is over */
    ne_out(r, 0x0e, 0x48);                                         /* bytes */
    ne_remote(r, 0x7ff8, 3, 0x0a);
    g_assert_cmphex(ne_in(r, NE_DATA), ==, 'w');
    g_assert_cmphex(ne_in(r, 0x08), ==, 0xf9);
    g_assert_cmphex(ne_in(r, 0x09), ==, 0x7f);
    ne_out(r, 0x0e, 0x4b); /* words, the upper byte first */
    ne_remote(r, 0x7ff8, 4, 0x0a);
    g_assert_cmphex(peek(r->t, r->regs + NE_DATA, 2), ==, 'w' << 8 | 'h');
    ne_out(r, NE_CR, 0xe2); /* page 3 of the RTL8029 */
    g_assert_cmphex(ne_in(r, 0x0e), ==, 0x29);
    ne_out(r, 0x06, 0x40);
    g_assert_cmphex(ne_in(r, 0x06), ==, 0);
    ne_out(r, 0x01, 0xc0);
    ne_out(r, 0x06, 0x40);
    g_assert_cmphex(ne_in(r, 0x06), ==, 0x40);
    g_assert_cmphex(ne_in(r, NE_RESET), ==, 0);
    g_assert_cmphex(ne_in(r, NE_CR), ==, 0x21);
    g_assert_cmphex(ne_in(r, 0x07), ==, 0x80);
    rig_free(r);
}

static void ne_send(struct rig *r, const uint8_t *f, unsigned n)
{
    ne_put(r, NE_TX << 8, f, n);
    ne_out(r, 0x07, 0xff);
    ne_out(r, 0x04, NE_TX);
    ne_out(r, 0x05, n & 0xff);
    ne_out(r, 0x06, n >> 8);
    ne_out(r, NE_CR, 0x26);
}

static void test_ne2000_sends(void)
{
    struct rig *r = ne_start();
    uint8_t frame[100];
    gsize n;
    make_frame(frame, sizeof(frame), other);
    ne_send(r, frame, sizeof(frame));
    const uint8_t *f = sent(r, 0, &n);
    g_assert_cmpmem(f, n, frame, sizeof(frame));
    g_assert_cmphex(ne_in(r, NE_CR), ==, 0x22);
    g_assert_cmphex(ne_in(r, 0x04), ==, 0x01);
    g_assert_cmphex(ne_in(r, 0x07), ==, 0x02);
    g_assert_true(irq_is_high(r));
    r->full = true;
    ne_send(r, frame, sizeof(frame));
    g_assert_cmphex(ne_in(r, NE_CR), ==, 0x26);
    g_assert_cmphex(ne_in(r, 0x07), ==, 0);
    r->full = false;
    net_writable(r->wire);
    g_assert_cmphex(ne_in(r, NE_CR), ==, 0x22);
    g_assert_cmpuint(r->sent->len, ==, 2);
    ne_out(r, 0x0d, 0x01); /* the driver brings the check sequence */
    ne_send(r, frame, sizeof(frame));
    sent(r, 2, &n);
    g_assert_cmpuint(n, ==, sizeof(frame) - 4);
    rig_free(r);
}

static void test_ne2000_receives_into_its_ring(void)
{
    struct rig *r = ne_start();
    uint8_t frame[1514], buf[1518];
    make_frame(frame, sizeof(frame), own);
    arrive(r, frame, 300);
    g_assert_cmphex(ne_in(r, 0x07), ==, 0x01);
    g_assert_cmphex(ne_curr(r), ==, NE_START + 3);
    ne_get(r, (NE_START + 1) << 8, buf, 308);
    g_assert_cmpmem(buf, 4, "\x01\x49\x30\x01", 4); /* status, next page, length */
    g_assert_cmpmem(buf + 4, 300, frame, 300);
    ne_out(r, NE_CR, 0x20);          /* neither start nor stop: it goes on */
    for (unsigned i = 0; i < 9; i++) /* six pages each: the last does not fit */
        arrive(r, frame, sizeof(frame));
    g_assert_cmphex(ne_curr(r), ==, NE_START + 3 + 9 * 6);
    arrive(r, frame, sizeof(frame));
    g_assert_cmphex(ne_curr(r), ==, NE_START + 3 + 9 * 6);
    ne_out(r, 0x07, 0xff); /* a reminder, once */
    g_assert_cmphex(ne_in(r, 0x07), ==, 0x01);
    ne_out(r, 0x07, 0xff);
    g_assert_cmphex(ne_in(r, 0x07), ==, 0);
    ne_out(r, 0x03, NE_START + 9); /* makes room: over the end of the ring */
    net_flush(r->wire);
    g_assert_cmphex(ne_curr(r), ==, NE_START + 5);
    ne_out(r, 0x03, NE_START - 1); /* as Linux writes it for the last page */
    arrive(r, frame, sizeof(frame));
    g_assert_cmphex(ne_curr(r), ==, NE_START + 11);
    ne_out(r, 0x03, 0x7f);
    ne_remote(r, 0, 0, 0x1a); /* send packet: reads the header for its length */
    g_assert_cmphex(ne_in(r, 0x09), ==, 0x7f);
    rig_free(r);
}

static void test_ne2000_send_packet_moves_the_boundary(void)
{
    struct rig *r = ne_start();
    uint8_t frame[100];
    make_frame(frame, sizeof(frame), own);
    arrive(r, frame, sizeof(frame));
    ne_out(r, 0x03, NE_START + 1);
    ne_out(r, 0x07, 0xff);
    ne_out(r, NE_CR, 0x1a);
    g_assert_cmphex(peek(r->t, r->regs + NE_DATA, 2), ==, (NE_START + 2) << 8 | 1);
    g_assert_cmphex(peek(r->t, r->regs + NE_DATA, 2), ==, 104);
    for (unsigned i = 4; i < 104; i += 2)
        g_assert_cmphex(peek(r->t, r->regs + NE_DATA, 2), ==, ld_le16(frame + (i - 4)));
    g_assert_cmphex(ne_in(r, 0x07), ==, 0x40);
    g_assert_cmphex(ne_in(r, 0x03), ==, NE_START + 2);
    rig_free(r);
}

static bool ne_takes(struct rig *r, unsigned rcr, const char *to)
{
    uint8_t frame[60], before = ne_curr(r);
    make_frame(frame, sizeof(frame), to);
    ne_out(r, 0x0c, rcr);
    arrive(r, frame, sizeof(frame));
    ne_out(r, 0x03, before == NE_START ? NE_STOP - 1 : before - 1);
    return ne_curr(r) != before;
}

static void test_ne2000_filters(void)
{
    static const char all[] = "\xff\xff\xff\xff\xff\xff", group[] = "\x01\x00\x5e\x00\x00\x01";
    struct rig *r = ne_start();
    g_assert_true(ne_takes(r, 0, own));
    g_assert_false(ne_takes(r, 0, other));
    g_assert_true(ne_takes(r, 0x10, other));
    g_assert_false(ne_takes(r, 0, all));
    g_assert_true(ne_takes(r, 0x04, all));
    g_assert_false(ne_takes(r, 0x1c, group));
    unsigned bit = ether_hash((const uint8_t *)group);
    ne_out(r, NE_CR, 0x62);
    ne_out(r, 8 + bit / 8, 1U << bit % 8);
    ne_out(r, NE_CR, 0x22);
    g_assert_true(ne_takes(r, 0x08, group));
    g_assert_false(ne_takes(r, 0x08, "\x01\x00\x5e\x00\x00\x02"));
    g_assert_true(ne_takes(r, 0x08, group));
    g_assert_cmphex(ne_in(r, 0x0c), ==, 0x21);
    g_assert_false(ne_takes(r, 0x20, own)); /* monitor mode counts */
    g_assert_cmphex(ne_in(r, 0x0c), ==, 0x41);
    g_assert_cmphex(ne_in(r, 0x0f), ==, 1);
    g_assert_cmphex(ne_in(r, 0x0f), ==, 0);
    ne_out(r, 0x07, 0xff);
    ne_out(r, NE_CR, 0x21); /* stopped: nothing comes in */
    uint8_t frame[60];
    make_frame(frame, sizeof(frame), own);
    arrive(r, frame, sizeof(frame));
    g_assert_cmphex(ne_in(r, 0x07) & 0x81, ==, 0x80);
    rig_free(r);
}

/* 17 bytes and a check sequence of 4: the byte count follows behind them. */
static void test_ne2000_loopback(void)
{
    struct rig *r = ne_start();
    uint8_t frame[18];
    make_frame(frame, sizeof(frame), own);
    ne_out(r, 0x0e, 0x40);
    ne_out(r, 0x0d, 0x02);
    ne_send(r, frame, 17);
    g_assert_cmpuint(r->sent->len, ==, 0);
    g_assert_cmphex(ne_in(r, 0x04), ==, 0x53);
    g_assert_cmphex(ne_in(r, 0x0c), ==, 0x02);
    g_assert_cmphex(ne_in(r, 0x07), ==, 0x02);
    g_assert_cmphex(ne_in(r, 0x06), ==, frame[16]);
    for (unsigned i = 0; i < 4; i++)
        ne_in(r, 0x06);
    g_assert_cmphex(ne_in(r, 0x06), ==, 21);
    g_assert_cmphex(ne_in(r, 0x06), ==, 0);
    rig_free(r);
}

static void test_ne2000_survives_wild_drivers(void)
{
    struct rig *r = ne_start();
    uint8_t f[1514];
    make_frame(f, sizeof(f), own);
    for (unsigned i = 0; i < 100000; i++) {
        unsigned reg = (unsigned)g_test_rand_int_range(0, NE_RESET - (i % 16 != 0));
        unsigned size = reg % 4 ? 1 : 1U << i % 3;
        uint32_t v = (uint32_t)g_test_rand_int();
        poke(r->t, r->regs + reg, size, reg ? v : (v & 0xf8) | 2);
        peek(r->t, r->regs + reg, size);
        if (i % 5 == 0)
            arrive(r, f, 14 + v % 1500);
        if (i % 64 == 0) {
            g_ptr_array_set_size(r->sent, 0);
            r->full = v & 1;
            net_writable(r->wire);
        }
    }
    rig_free(r);
}

/* Whatever is written, in whatever order, with rings full of noise. */
static void wild(const struct device_type *type, unsigned bar, unsigned size)
{
    struct rig *r = rig_new(type, bar);
    uint8_t f[2000];

    for (uint32_t i = 0; i < 1 << 20; i++)
        r->t->b->ram->host[i] = (uint8_t)g_test_rand_int();
    make_frame(f, sizeof(f), everyone);
    for (unsigned i = 0; i < 30000; i++) {
        unsigned off = (unsigned)g_test_rand_int_range(0, (gint)size) & ~3U;
        uint32_t v = (uint32_t)g_test_rand_int();
        if (i % 3)
            v &= 0xffff >> (i % 12);
        if (i % 7 == 0 && type != &rtl8139_type)
            gbe_start(r);
        poke(r->t, r->regs + off, 4, i % 5 ? v : (uint32_t)BENCH_RAM + (v & 0xffff0));
        st_be16(f + 12, i % 2 ? 0x0800 : 0x86dd);
        st_le32(f + 14 + v % 60, v);
        f[14] = i % 2 ? 0x45 : 0x60;
        if (i % 11 == 0)
            arrive(r, f, 14 + (size_t)g_test_rand_int_range(0, 1900));
        peek(r->t, r->regs + off, 4);
        if (i % 64 == 0) {
            g_ptr_array_set_size(r->sent, 0);
            r->full = i % 128 == 0;
            net_writable(r->wire);
            while (g_main_context_iteration(NULL, FALSE))
                continue;
        }
    }
    rig_free(r);
}

static void test_wild_drivers_do_no_harm(void)
{
    wild(&e1000_type, 0, 0x6000);
    wild(&e1000e_type, 0, 0x6000);
    wild(&rtl8139_type, 1, 0x100);
}

static bool has_three(void *rig)
{
    return ((struct rig *)rig)->sent->len >= 3;
}

static void test_cards_say_where_they_are(void)
{
    static const struct net_announce_params p = {
        .initial_ms = 1, .max_ms = 2, .rounds = 3, .step_ms = 1};
    static const char *const others[] = {"other", NULL}, *const cards[] = {"card", NULL};
    static const uint8_t mac[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
    struct rig *r = rig_new(&e1000_type, 0);
    struct error *err = NULL;
    gsize n;

    g_assert_true(net_announce_start(&p, "a", others, &err));
    g_assert_true(net_announce_start(&p, "a", cards, &err)); /* anew */
    g_assert_true(bench_wait(has_three, r));
    const uint8_t *f = sent(r, 2, &n);
    g_assert_cmpuint(n, ==, 60);
    g_assert_cmphex(f[0] & f[5], ==, 0xff);
    g_assert_cmpmem(f + 6, 6, mac, 6);
    g_assert_cmpmem(f + 12, 10, "\x80\x35\0\1\x08\0\6\4\0\3", 10);
    g_assert_cmpmem(f + 22, 6, mac, 6);
    g_assert_cmpmem(f + 32, 6, mac, 6);
    struct net_announce_params bad = p;
    bad.rounds = 1001;
    g_assert_false(net_announce_start(&bad, NULL, NULL, &err));
    g_clear_pointer(&err, error_free);
    g_assert_true(net_announce_start(&p, NULL, NULL, &err));
    net_announce_stop_all();
    g_assert_cmpuint(r->sent->len, ==, 4);
    rig_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    clock_init();
    g_test_add_func("/nics/announce", test_cards_say_where_they_are);
    g_test_add_func("/nics/e1000/send", test_e1000_sends_and_pads);
    g_test_add_func("/nics/e1000/segment", test_e1000_leaves_segmentation_to_the_wire);
    g_test_add_func("/nics/e1000/wait", test_e1000_waits_for_a_full_wire);
    g_test_add_func("/nics/e1000/receive", test_e1000_receives_and_filters);
    g_test_add_func("/nics/e1000/buffers", test_e1000_keeps_frames_until_there_are_buffers);
    g_test_add_func("/nics/e1000/vlan", test_e1000_moves_vlan_tags);
    g_test_add_func("/nics/e1000/eeprom", test_e1000_eeprom_and_phy);
    g_test_add_func("/nics/e1000/rate", test_e1000_interrupts_at_the_rate_asked_for);
    g_test_add_func("/nics/e1000e/msix", test_e1000e_extended_descriptors_and_msix);
    g_test_add_func("/nics/e1000e/split", test_e1000e_splits_long_frames_over_buffers);
    g_test_add_func("/nics/e1000e/rss", test_e1000e_hashes_choose_the_queue);
    g_test_add_func("/nics/e1000e/checksum",
                    test_e1000e_without_rss_tells_checksum_and_identification);
    g_test_add_func("/nics/e1000e/queues", test_e1000e_sends_from_both_queues);
    g_test_add_func("/nics/e1000e/headers", test_e1000e_gives_headers_a_buffer_of_their_own);
    g_test_add_func("/nics/rtl8139/slots", test_rtl8139_sends_by_slots);
    g_test_add_func("/nics/rtl8139/ring", test_rtl8139_receives_into_its_ring);
    g_test_add_func("/nics/rtl8139/cplus", test_rtl8139_cplus_descriptors);
    g_test_add_func("/nics/rtl8139/eeprom", test_rtl8139_eeprom_and_configuration_lock);
    g_test_add_func("/nics/ne2000/dma", test_ne2000_prom_and_remote_dma);
    g_test_add_func("/nics/ne2000/send", test_ne2000_sends);
    g_test_add_func("/nics/ne2000/receive", test_ne2000_receives_into_its_ring);
    g_test_add_func("/nics/ne2000/packet", test_ne2000_send_packet_moves_the_boundary);
    g_test_add_func("/nics/ne2000/filters", test_ne2000_filters);
    g_test_add_func("/nics/ne2000/loopback", test_ne2000_loopback);
    g_test_add_func("/nics/ne2000/wild", test_ne2000_survives_wild_drivers);
    g_test_add_func("/nics/wild", test_wild_drivers_do_no_harm);
    return g_test_run();
}
