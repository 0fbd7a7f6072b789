/* Network cards of microcontroller boards: LAN9118, Stellaris; FIFOs, filters, PHY, EEPROM. */
#include "net/net_priv.h"
#include "tests/unit/bench.h"
#include "util/bits.h"

#include <string.h>
#include <zlib.h>

extern const struct device_type lan9118_type, stellaris_enet_type;

enum { RX_DATA = 0, TX_DATA = 0x20, RX_STATUS = 0x40, TX_STATUS = 0x48, INT_STS = 0x58 };
enum { MAC_CR = 1, RXEN = 4, TXEN = 8, PROMISCUOUS = 1 << 18 };

static struct bench *b;
static struct net_client *wire;
static GByteArray *last; /* frame that reached the wire */
static unsigned frames;
static bool full;

static bool wire_send(struct net_client *c G_GNUC_UNUSED, const struct net_frame *f)
{
    if (full)
        return false;
    g_byte_array_set_size(last, 0);
    for (unsigned i = 0; i < f->niov; i++)
        g_byte_array_append(last, f->iov[i].iov_base, (guint)f->iov[i].iov_len);
    frames++;
    return true;
}

static const struct net_client_ops wire_ops = {.type = "wire", .send = wire_send};

static uint32_t rd(uint64_t off)
{
    return (uint32_t)bench_read(b, off, 4);
}

static void wr(uint64_t off, uint32_t val)
{
    bench_write(b, off, 4, val);
}

static uint32_t mac_read(unsigned reg)
{
    wr(0xa4, 0xc0000000 | reg);
    return rd(0xa8);
}

static void mac_write(unsigned reg, uint32_t val)
{
    wr(0xa8, val);
    wr(0xa4, 0x80000000 | reg);
}

static uint32_t phy_read(unsigned reg)
{
    mac_write(6, 1 << 11 | reg << 6 | 1);
    return mac_read(7);
}

static void setup_card(const struct device_type *type)
{
    full = false;
    frames = 0;
    last = g_byte_array_new();
    wire = net_client_new(&wire_ops, "wire", 0, 0, NULL);
    b = bench_new_raw(type);
    bench_set(b, "netdev", "wire");
    bench_set(b, "mac", "52:54:00:12:34:56");
    bench_realize(b);
}

static void setup(void)
{
    setup_card(&lan9118_type);
    wr(0x70, 2); /* transmitter on */
    mac_write(MAC_CR, RXEN | TXEN);
}

static void teardown(void)
{
    bench_free(b);
    net_free_all();
    g_byte_array_unref(last);
}

static void deliver(const uint8_t *to, size_t len)
{
    uint8_t frame[2048] = {0};
    struct iovec iov = {frame, len};
    struct net_frame f = {.iov = &iov, .niov = 1, .size = len};
    memcpy(frame, to, 6);
    for (size_t i = 14; i < len; i++)
        frame[i] = (uint8_t)i;
    net_send(wire, &f);
}

static const uint8_t own[] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t other[] = {0x52, 0x54, 0, 0x12, 0x34, 0x57};
static const uint8_t group[] = {0x01, 0, 0x5e, 1, 2, 3};
static const uint8_t everybody[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void test_identity(void)
{
    setup();
    g_assert_cmphex(rd(0x50), ==, 0x01180001);
    g_assert_cmphex(rd(0x64), ==, 0x87654321);
    g_assert_cmphex(rd(0x74), ==, 0x00050004);
    g_assert_cmphex(rd(0x80), ==, 4608);
    g_assert_cmphex(rd(0x84) & 1, ==, 1);
    g_assert_cmphex(mac_read(2), ==, 0x5634);
    g_assert_cmphex(mac_read(3), ==, 0x12005452);
    g_assert_cmphex(phy_read(2), ==, 7);
    g_assert_cmphex(phy_read(3), ==, 0xc0d1);
    g_assert_cmphex(phy_read(1), ==, 0x782d);
    wr(0xb0, 0x80000003); /* read byte 3 of the EEPROM */
    g_assert_cmphex(rd(0xb4), ==, 0);
    wr(0xb4, 0x99);
    wr(0xb0, 0xb0000003); /* protected */
    wr(0xb0, 0xa0000000);
    wr(0xb0, 0xb0000003);
    wr(0xb0, 0xf0000000); /* reload */
    g_assert_cmphex(mac_read(3), ==, 0x12995452);
    wr(0x74, 1); /* soft reset */
    g_assert_cmphex(mac_read(MAC_CR), ==, PROMISCUOUS);
    teardown();
}

static void test_receives_behind_an_offset(void)
{
    setup();
    wr(0x54, 0x100);
    wr(0x5c, 8);
    wr(0x6c, 0x40000200); /* two bytes, up to 16 */
    g_assert_false(b->irq);
    deliver(own, 61);
    g_assert_true(b->irq);
    g_assert_cmphex(rd(0x7c), ==, 0x00010000 | 80);
    g_assert_cmphex(rd(0x44), ==, 65U << 16);
    g_assert_cmphex(rd(RX_STATUS), ==, 65U << 16);
    wr(INT_STS, 8);
    g_assert_false(b->irq);
    uint8_t bytes[80];
    for (unsigned i = 0; i < 80; i += 4)
        st_le32(bytes + i, rd(RX_DATA + i % 32));
    g_assert_cmpmem(bytes + 2, 6, own, 6);
    g_assert_cmpuint(bytes[2 + 60], ==, 60);
    uint32_t fcs = (uint32_t)crc32(crc32(0, NULL, 0), bytes + 2, 61);
    g_assert_cmphex(ld_le32(bytes + 2 + 61), ==, fcs);
    g_assert_cmphex(rd(0x7c), ==, 0);
    rd(RX_DATA);
    g_assert_cmphex(rd(INT_STS) & 1 << 14, !=, 0); /* nothing was there */
    deliver(own, 60);
    deliver(own, 100);
    rd(RX_DATA);
    wr(0x78, 0x80000000); /* skip the rest of the first */
    rd(RX_STATUS);
    g_assert_cmphex(rd(RX_STATUS), ==, 104U << 16);
    g_assert_cmphex(rd(0x7c), ==, 112);
    wr(0x6c, 0x8000);
    g_assert_cmphex(rd(0x7c), ==, 0);
    teardown();
}

static bool arrives(const uint8_t *to, uint32_t mode)
{
    wr(0x6c, 0x8000);
    mac_write(MAC_CR, RXEN | mode);
    deliver(to, 60);
    return rd(0x7c) != 0;
}

static void test_filters(void)
{
    setup();
    g_assert_true(arrives(own, 0) && arrives(everybody, 0));
    g_assert_cmphex(rd(RX_STATUS) & 1 << 13, !=, 0);
    g_assert_false(arrives(other, 0) || arrives(group, 0));
    g_assert_true(arrives(other, PROMISCUOUS) && arrives(group, 1 << 19));
    g_assert_false(arrives(other, 1 << 19) || arrives(everybody, 1 << 11));
    g_assert_true(arrives(other, 1 << 17));
    g_assert_false(arrives(own, 1 << 17));
    g_assert_false(arrives(group, 1 << 13));
    for (unsigned reg = 4; reg <= 5; reg++)
        mac_write(reg, UINT32_MAX);
    g_assert_true(arrives(group, 1 << 13));
    g_assert_false(arrives(other, 1 << 13));
    g_assert_true(arrives(other, 1 << 13 | 1 << 15));
    g_assert_true(arrives(other, 1U << 31)); /* and says that it failed */
    g_assert_cmphex(rd(RX_STATUS) & 1 << 30, !=, 0);
    mac_write(MAC_CR, 0);
    wr(0x6c, 0x8000);
    deliver(own, 60);
    g_assert_cmphex(rd(0x7c), ==, 0);
    teardown();
}

static void nothing(void *arg G_GNUC_UNUSED)
{
}

/* Frames wait with the back end until there is room. */
static void test_receive_fifo_fills(void)
{
    setup();
    for (unsigned i = 0; i < 20; i++)
        deliver(own, 1000);
    uint32_t waiting = rd(0x7c) >> 16;
    g_assert_cmpuint(waiting, ==, 10); /* of 1004 bytes in 10560 */
    for (unsigned i = 0; i < waiting; i++) {
        rd(RX_STATUS);
        for (unsigned j = 0; j < 1004; j += 4)
            rd(RX_DATA);
    }
    net_context_sync(nothing, NULL); /* the network's thread has delivered what it was told to */
    net_flush(wire);
    g_assert_cmpuint(rd(0x7c) >> 16, ==, 10);
    teardown();
}

static void transmit(uint32_t a, uint32_t b_word, const uint8_t *data, unsigned words)
{
    wr(TX_DATA, a);
    wr(TX_DATA + 4, b_word);
    for (unsigned i = 0; i < words; i++)
        wr(TX_DATA, ld_le32(data + i * 4));
}

static void test_transmits_in_pieces(void)
{
    uint8_t data[64];
    setup();
    for (unsigned i = 0; i < 64; i++)
        data[i] = (uint8_t)i;
    /* 10 bytes at offset 1; then 61 at offset 3, of an interrupt, padded to 16 bytes. */
    transmit(0x00010000 | 1 << 13 | 10, 0x12340000 | 71, data, 3);
    g_assert_cmpuint(frames, ==, 0);
    transmit(0x81030000 | 1 << 12 | 61, 0x12340000 | 71, data, 16);
    g_assert_cmpuint(frames, ==, 1);
    g_assert_cmpuint(last->len, ==, 71);
    g_assert_cmpmem(last->data, 10, data + 1, 10);
    g_assert_cmpmem(last->data + 10, 61, data + 3, 61);
    g_assert_cmphex(rd(INT_STS) & 1 << 21, !=, 0);
    g_assert_cmphex(rd(0x80), ==, 0x10000 | 4608);
    g_assert_cmphex(rd(TX_STATUS), ==, 0x12340000);
    transmit(1 << 13 | 1 << 12 | 20, 20, data, 5); /* padded */
    g_assert_cmpuint(last->len, ==, 60);
    rd(TX_STATUS);
    transmit(1 << 13 | 1 << 12 | 20, 30, data, 5); /* a lie */
    g_assert_cmphex(rd(TX_STATUS) & 0x8000, !=, 0);
    g_assert_cmphex(rd(INT_STS) & 1 << 13, !=, 0);
    g_assert_cmpuint(frames, ==, 2);
    teardown();
}

static void test_transmit_waits_for_room(void)
{
    uint8_t data[64] = {0};
    setup();
    full = true;
    transmit(1 << 13 | 1 << 12 | 64, 64, data, 16);
    transmit(1 << 13 | 1 << 12 | 60, 60, data, 15);
    g_assert_cmphex(rd(0x80), ==, 4608 - 17 * 4);
    full = false;
    net_writable(wire);
    g_assert_cmpuint(frames, ==, 2);
    g_assert_cmpuint(last->len, ==, 60);
    mac_write(MAC_CR, RXEN | TXEN | 1 << 21 | PROMISCUOUS); /* loop back */
    transmit(1 << 13 | 1 << 12 | 60, 60, data, 15);
    g_assert_cmpuint(frames, ==, 2);
    g_assert_cmphex(rd(0x7c) >> 16, ==, 1);
    teardown();
}

static void test_timer_and_software_interrupt(void)
{
    setup();
    wr(0x54, 0x100);
    wr(0x5c, 0x80000000);
    g_assert_true(b->irq);
    wr(INT_STS, 0x80000000);
    g_assert_false(b->irq);
    wr(0x5c, 1 << 19);
    wr(0x8c, 1 << 29 | 5);
    g_assert_cmpuint(rd(0x90), <=, 5);
    g_assert_true(bench_wait(bench_irq_is_high, b));
    g_assert_cmpuint(rd(0x90), >, 0xff00);
    wr(0x8c, 0);
    g_assert_cmphex(rd(0x90), ==, 0xffff);
    teardown();
}

static void test_stellaris_receives(void)
{
    setup_card(&stellaris_enet_type);
    g_assert_cmphex(rd(0x14), ==, 0x12005452);
    g_assert_cmphex(rd(0x18), ==, 0x5634);
    wr(0x04, 1);
    deliver(own, 60);
    g_assert_cmpuint(rd(0x34), ==, 0); /* not enabled */
    wr(0x08, 1);
    deliver(other, 60);
    deliver(group, 60);
    g_assert_false(b->irq);
    deliver(own, 61);
    deliver(everybody, 60);
    g_assert_true(b->irq);
    wr(0x00, 1);
    g_assert_false(b->irq);
    g_assert_cmpuint(rd(0x34), ==, 2);
    g_assert_cmphex(bench_peek(b, 0x10, 4), ==, 0x54520000 | (2 + 61 + 4));
    uint8_t bytes[68];
    for (unsigned i = 0; i < 68; i += 4)
        st_le32(bytes + i, rd(0x10));
    g_assert_cmpmem(bytes + 2, 6, own, 6);
    g_assert_cmphex(ld_le32(bytes + 63), ==, (uint32_t)crc32(crc32(0, NULL, 0), bytes + 2, 61));
    g_assert_cmpuint(rd(0x34), ==, 1);
    wr(0x08, 0x17); /* clear, and take everything */
    g_assert_cmpuint(rd(0x34), ==, 0);
    for (unsigned i = 0; i < 5; i++)
        deliver(other, 1000);
    g_assert_cmpuint(rd(0x34), ==, 2); /* others wait */
    teardown();
}

static void test_stellaris_transmits(void)
{
    setup_card(&stellaris_enet_type);
    wr(0x0c, 3);
    wr(0x10, 0x00020000 | 10); /* 10 bytes behind the header */
    for (unsigned i = 0; i < 6; i++)
        wr(0x10, i);
    g_assert_cmpuint(frames, ==, 0);
    full = true;
    wr(0x38, 1);
    g_assert_cmpuint(rd(0x38), ==, 1);
    full = false;
    net_writable(wire);
    g_assert_cmpuint(rd(0x38), ==, 0);
    g_assert_cmpuint(frames, ==, 1);
    g_assert_cmpuint(last->len, ==, 60); /* padded */
    g_assert_cmphex(last->data[0] | last->data[1], ==, 2);
    g_assert_cmphex(rd(0x00), ==, 4);
    wr(0x10, 100); /* says more than comes */
    wr(0x38, 1);
    g_assert_cmphex(rd(0x00), ==, 6);
    g_assert_cmpuint(frames, ==, 1);
    wr(0x20, 1 | 2 << 3); /* the PHY's registers */
    g_assert_cmphex(rd(0x30), ==, 0x000e);
    g_assert_cmphex(rd(0x20) & 1, ==, 0);
    wr(0x20, 1 | 1 << 3);
    g_assert_cmphex(rd(0x30) & 0x24, ==, 0x24);
    teardown();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lan9118/identity", test_identity);
    g_test_add_func("/lan9118/receive", test_receives_behind_an_offset);
    g_test_add_func("/lan9118/filters", test_filters);
    g_test_add_func("/lan9118/receive-full", test_receive_fifo_fills);
    g_test_add_func("/lan9118/transmit", test_transmits_in_pieces);
    g_test_add_func("/lan9118/transmit-full", test_transmit_waits_for_room);
    g_test_add_func("/lan9118/timer", test_timer_and_software_interrupt);
    g_test_add_func("/stellaris/receive", test_stellaris_receives);
    g_test_add_func("/stellaris/transmit", test_stellaris_transmits);
    return g_test_run();
}
