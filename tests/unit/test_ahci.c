/* AHCI, by a small driver: command lists, queued commands, errors, resets. */
#include "block/block.h"
#include "tests/unit/pci_bench.h"
#include "util/bits.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

extern const struct device_type ahci_type, ide_hd_type, ide_cd_type, ecam_host_type;

enum { SECTORS = 2048, SLOT = 1 };
static const gpa ABAR = 0x40000000, LIST = BENCH_RAM + 0x1000, FIS = BENCH_RAM + 0x2000;
static const gpa TABLES = BENCH_RAM + 0x4000, DATA = BENCH_RAM + 0x40000;
enum { P_IS = 0x10, P_IE = 0x14, P_CMD = 0x18, P_TFD = 0x20, P_SIG = 0x24, P_SSTS = 0x28 };
enum { P_SCTL = 0x2c, P_SERR = 0x30, P_SACT = 0x34, P_CI = 0x38 };

static struct {
    struct pci_bench *t;
    struct device *ahci;
    char *path[2];
} r;

static char *make_image(const char *id, bool is_cd)
{
    char *path = NULL;
    int fd = g_file_open_tmp("ahci-XXXXXX", &path, NULL);
    for (unsigned n = 0; n < SECTORS; n++)
        g_assert_cmpint(pwrite(fd, &n, 4, (off_t)n * 512), ==, 4);
    g_assert_cmpint(ftruncate(fd, SECTORS * 512), ==, 0);
    close(fd);
    g_assert_nonnull(block_open(id, path, "raw", is_cd, false, NULL));
    return path;
}

static void plug(const struct device_type *type, const char *bus, const char *drive)
{
    struct error *err = NULL;
    struct device *dev = device_new(type, r.t->m, drive);
    if (!device_set(dev, "drive", drive, &err) || !hw_bus_plug(r.t->m, dev, bus, &err) ||
        !device_realize(dev, &err))
        g_error("%s", error_text(err));
}

static uint32_t rd(unsigned port, unsigned reg)
{
    return peek(r.t, ABAR + 0x100 + port * 0x80 + reg, 4);
}

static void wr(unsigned port, unsigned reg, uint32_t v)
{
    poke(r.t, ABAR + 0x100 + port * 0x80 + reg, 4, v);
}

static void start_port(unsigned port)
{
    wr(port, 0x00, (uint32_t)LIST);
    wr(port, 0x08, (uint32_t)FIS);
    wr(port, P_IE, 0xffffffff);
    wr(port, P_CMD, 0x16);
    wr(port, P_SERR, 0xffffffff);
    wr(port, P_IS, 0xffffffff);
    wr(port, P_CMD, 0x17);
}

static void set_up(void)
{
    r.t = pci_bench_new(&ecam_host_type);
    r.ahci = pci_bench_add(r.t, &ahci_type, "ahci", NULL, "2.0", NULL);
    r.path[0] = make_image("d", false);
    r.path[1] = make_image("c", true);
    plug(&ide_hd_type, "ahci.0", "d");
    plug(&ide_cd_type, "ahci.3", "c");
    cfg_write(r.t, 2, 0x24, 4, (uint32_t)ABAR);
    cfg_write(r.t, 2, 4, 2, 6);
    poke(r.t, ABAR + 4, 4, 0x80000002);
}

static void tear_down(void)
{
    pci_bench_free(r.t);
    block_close_all();
    for (unsigned i = 0; i < 2; i++) {
        g_unlink(r.path[i]);
        g_free(r.path[i]);
    }
}

struct cmd {
    unsigned slot, command, feature, count, device, bytes;
    uint64_t lba;
    bool is_write;
    const uint8_t *cdb;
};

/* Fill a slot: its data go in two pieces, the first of 512 bytes. */
static void prepare(struct cmd c)
{
    gpa table = TABLES + c.slot * 0x400, data = DATA + c.slot * 0x10000;
    uint8_t fis[20] = {0x27,
                       0x80,
                       (uint8_t)c.command,
                       (uint8_t)c.feature,
                       (uint8_t)c.lba,
                       (uint8_t)(c.lba >> 8),
                       (uint8_t)(c.lba >> 16),
                       (uint8_t)c.device,
                       (uint8_t)(c.lba >> 24),
                       0,
                       0,
                       (uint8_t)(c.feature >> 8),
                       (uint8_t)c.count,
                       (uint8_t)(c.count >> 8)};
    unsigned pieces = c.bytes > 512 ? 2 : c.bytes ? 1 : 0;
    struct address_space *as = &r.t->m->as;
    g_assert_true(dma_write(as, table, fis, sizeof(fis)));
    if (c.cdb)
        g_assert_true(dma_write(as, table + 0x40, c.cdb, 12));
    for (unsigned i = 0; i < pieces; i++) {
        poke(r.t, table + 0x80 + 16 * i, 4, (uint32_t)(data + 512 * i));
        poke(r.t, table + 0x84 + 16 * i, 4, 0);
        poke(r.t, table + 0x8c + 16 * i, 4, (i ? c.bytes - 512 : MIN(c.bytes, 512u)) - 1);
    }
    poke(r.t, LIST + c.slot * 32, 4,
         5 | (c.cdb ? 0x20u : 0) | (c.is_write ? 0x40u : 0) | pieces << 16);
    poke(r.t, LIST + c.slot * 32 + 4, 4, 0);
    poke(r.t, LIST + c.slot * 32 + 8, 4, (uint32_t)table);
    poke(r.t, LIST + c.slot * 32 + 12, 4, 0);
}

static void wait_bits(unsigned port, unsigned reg, uint32_t mask, uint32_t value)
{
    gint64 end = g_get_monotonic_time() + 2 * G_USEC_PER_SEC;
    while ((rd(port, reg) & mask) != value && g_get_monotonic_time() < end)
        g_usleep(50);
    g_assert_cmphex(rd(port, reg) & mask, ==, value);
}

static void test_registers(void)
{
    set_up();
    g_assert_cmphex(cfg_read(r.t, 2, 0, 4), ==, 0x29228086);
    g_assert_cmphex(cfg_read(r.t, 2, 8, 4) >> 8, ==, 0x010601);
    g_assert_cmphex(peek(r.t, ABAR, 4), ==, 0xc1341f05);
    g_assert_cmphex(peek(r.t, ABAR + 0xc, 4), ==, 0x3f);
    g_assert_cmphex(peek(r.t, ABAR + 0x10, 4), ==, 0x10300);
    g_assert_cmphex(rd(0, P_SSTS), ==, 0x133);
    g_assert_cmphex(rd(1, P_SSTS), ==, 0);
    g_assert_cmphex(rd(0, P_SIG), ==, 0x101);
    g_assert_cmphex(rd(3, P_SIG), ==, 0xeb140101);
    g_assert_cmphex(rd(1, P_SIG), ==, 0xffffffff);
    start_port(0);
    g_assert_cmphex(rd(0, P_CMD), ==, 0xc017);
    g_assert_cmphex(peek(r.t, FIS + 0x40, 1), ==, 0x34); /* its greeting */
    g_assert_cmphex(peek(r.t, FIS + 0x4c, 1), ==, 1);
    tear_down();
}

static void test_pio_and_dma(void)
{
    set_up();
    start_port(0);
    prepare((struct cmd){.slot = SLOT, .command = 0xec, .bytes = 512});
    wr(0, P_CI, 1 << SLOT);
    wait_bits(0, P_CI, 1 << SLOT, 0);
    g_assert_cmphex(rd(0, P_IS), ==, 2);
    g_assert_true(r.t->irq[2]);
    g_assert_cmphex(peek(r.t, ABAR + 8, 4), ==, 1);
    g_assert_cmphex(peek(r.t, LIST + SLOT * 32 + 4, 4), ==, 512);
    g_assert_cmphex(peek(r.t, DATA + SLOT * 0x10000 + 120, 4), ==, SECTORS);
    wr(0, P_IS, 2);
    poke(r.t, ABAR + 8, 4, 1);
    g_assert_false(r.t->irq[2]);
    prepare((struct cmd){
        .slot = 2, .command = 0x25, .lba = 300, .count = 4, .device = 0x40, .bytes = 2048});
    wr(0, P_CI, 1 << 2);
    wait_bits(0, P_CI, 1 << 2, 0);
    g_assert_cmphex(rd(0, P_IS), ==, 1);
    g_assert_cmphex(rd(0, P_TFD), ==, 0x50);
    g_assert_cmpuint(peek(r.t, DATA + 0x20000, 4), ==, 300);
    g_assert_cmpuint(peek(r.t, DATA + 0x20000 + 1536, 4), ==, 303);
    tear_down();
}

static void test_queued_commands(void)
{
    uint8_t sector[512];
    set_up();
    start_port(0);
    for (unsigned i = 0; i < 8; i++) {
        bool is_write = i == 7;
        prepare((struct cmd){.slot = i,
                             .command = is_write ? 0x61 : 0x60,
                             .feature = 3,
                             .count = i << 3,
                             .lba = 100 * i,
                             .device = 0x40,
                             .bytes = 1536,
                             .is_write = is_write});
    }
    poke(r.t, DATA + 7 * 0x10000, 4, 0xabcd);
    wr(0, P_SACT, 0xff);
    wr(0, P_CI, 0xff);
    wait_bits(0, P_SACT, 0xff, 0);
    g_assert_cmphex(rd(0, P_CI), ==, 0);
    g_assert_cmphex(rd(0, P_IS) & 8, ==, 8);
    for (unsigned i = 0; i < 7; i++)
        g_assert_cmpuint(peek(r.t, DATA + i * 0x10000 + 1024, 4), ==, 100 * i + 2);
    g_assert_cmpint(block_pread(block_find("d"), sector, 512, 700 * 512), ==, 0);
    g_assert_cmphex(ld_le32(sector), ==, 0xabcd);
    tear_down();
}

static void test_errors_stop_the_port(void)
{
    set_up();
    start_port(0);
    prepare((struct cmd){
        .slot = 0, .command = 0x25, .lba = SECTORS, .count = 1, .device = 0x40, .bytes = 512});
    wr(0, P_CI, 1);
    wait_bits(0, P_IS, 1u << 30, 1u << 30);
    g_assert_cmphex(rd(0, P_TFD), ==, 0x1051);
    g_assert_cmphex(rd(0, P_CI), ==, 1);
    wr(0, P_CMD, 0x16);
    g_assert_cmphex(rd(0, P_CI), ==, 0);
    start_port(0);
    prepare((struct cmd){.slot = 5,
                         .command = 0x60,
                         .feature = 1,
                         .count = 5 << 3,
                         .lba = SECTORS + 9,
                         .device = 0x40,
                         .bytes = 512});
    wr(0, P_SACT, 1 << 5);
    wr(0, P_CI, 1 << 5);
    wait_bits(0, P_IS, 1u << 30, 1u << 30);
    g_assert_cmphex(rd(0, P_SACT), ==, 1 << 5);
    start_port(0);
    wr(0, P_CMD, 0x16);
    start_port(0);
    prepare((struct cmd){.slot = 0, .command = 0x2f, .lba = 0x10, .count = 1, .bytes = 512});
    wr(0, P_CI, 1);
    wait_bits(0, P_CI, 1, 0);
    g_assert_cmphex(peek(r.t, DATA, 1), ==, 5); /* the log names the tag and the place */
    g_assert_cmpuint(peek(r.t, DATA + 4, 2), ==, SECTORS + 9);
    tear_down();
}

static void test_packets(void)
{
    static const uint8_t ready[12] = {0}, read[12] = {0x28, 0, 0, 0, 0, 6, 0, 0, 1};
    set_up();
    start_port(3);
    g_assert_cmphex(rd(3, P_CMD) >> 24 & 1, ==, 1);
    prepare((struct cmd){.slot = 0, .command = 0xa0, .cdb = ready});
    wr(3, P_CI, 1);
    wait_bits(3, P_IS, 1u << 30, 1u << 30); /* unit attention */
    g_assert_cmphex(rd(3, P_TFD), ==, 0x6451);
    wr(3, P_CMD, 0x16);
    start_port(3);
    prepare((struct cmd){.slot = 1, .command = 0xa0, .feature = 1, .cdb = read, .bytes = 2048});
    wr(3, P_CI, 2);
    wait_bits(3, P_CI, 2, 0);
    g_assert_cmpuint(peek(r.t, DATA + 0x10000 + 512, 4), ==, 25);
    tear_down();
}

static void test_resets(void)
{
    set_up();
    start_port(0);
    wr(0, P_SCTL, 0x301);
    g_assert_cmphex(rd(0, P_SIG), ==, 0xffffffff);
    wr(0, P_SCTL, 0x300);
    g_assert_cmphex(rd(0, P_SIG), ==, 0x101);
    g_assert_cmphex(rd(0, P_SERR), ==, 1 << 26);
    g_assert_cmphex(rd(0, P_IS) & 0x40, ==, 0x40);
    wr(0, P_SERR, 1 << 26);
    g_assert_cmphex(rd(0, P_IS) & 0x40, ==, 0);
    poke(r.t, ABAR + 4, 4, 1);
    g_assert_cmphex(peek(r.t, ABAR + 4, 4), ==, 0x80000000);
    g_assert_cmphex(rd(0, P_CMD), ==, 6);
    tear_down();
}

static void test_hostile_lists(void)
{
    set_up();
    start_port(0);
    prepare((struct cmd){.slot = 0, .command = 0x25, .count = 4, .device = 0x40, .bytes = 512});
    wr(0, P_CI, 1); /* more sectors than memory */
    wait_bits(0, P_IS, 1u << 24, 1u << 24);
    wait_bits(0, P_IS, 1u << 30, 1u << 30);
    wr(0, P_CMD, 0x16);
    wr(0, 0x00, 0x12340000); /* no memory there */
    wr(0, P_CMD, 0x17);
    wr(0, P_IS, 0xffffffff);
    wr(0, P_CI, 1);
    g_assert_cmphex(rd(0, P_IS) >> 29 & 1, ==, 1);
    device_reset(r.ahci);
    cfg_write(r.t, 2, 0x24, 4, (uint32_t)ABAR);
    cfg_write(r.t, 2, 4, 2, 6);
    g_assert_cmphex(rd(0, P_CI), ==, 0);
    g_assert_cmphex(rd(0, P_CMD), ==, 6);
    tear_down();
}

/* Command lists of any content. */
static void test_random_lists(void)
{
    set_up();
    start_port(0);
    start_port(3);
    for (unsigned n = 0; n < 1500; n++) {
        unsigned port = n % 4 ? 0 : 3, slot = (unsigned)g_test_rand_int_range(0, 32);
        uint8_t cdb[12] = {0};
        static const uint8_t known[] = {0x25, 0x35, 0x60, 0x61, 0xec, 0xc4, 0xea,
                                        0x06, 0x20, 0x30, 0x47, 0xa0, 0x2f, 0xb0};
        for (unsigned b = 0; b < 12; b++)
            cdb[b] = (uint8_t)g_test_rand_int() & (b > 1 && b < 8 ? 0x01 : 0xff);
        prepare((struct cmd){.slot = slot,
                             .command = n % 5 ? known[n % G_N_ELEMENTS(known)]
                                              : (uint8_t)g_test_rand_int(),
                             .feature = (unsigned)g_test_rand_int() & 0xff,
                             .count = (unsigned)g_test_rand_int() & 7,
                             .lba = (uint32_t)g_test_rand_int() & 0xfff,
                             .device = 0x40,
                             .bytes = (unsigned)g_test_rand_int() & 0x7ffe,
                             .is_write = n & 1,
                             .cdb = n % 3 ? NULL : cdb});
        if (n % 7 == 0) /* a descriptor of anything */
            poke(r.t, TABLES + slot * 0x400 + 0x80, 4, (uint32_t)g_test_rand_int());
        wr(port, P_SACT, n % 2 ? 1u << slot : 0);
        wr(port, P_CI, 1u << slot);
        if (n % 16 == 0) {
            wr(port, P_CMD, 0x16);
            start_port(port);
        }
        if (n % 100 == 0)
            wr(port, P_SCTL, (uint32_t)g_test_rand_int() & 0x301);
        rd(port, (unsigned)g_test_rand_int_range(0, 0x20) * 4);
    }
    device_reset(r.ahci);
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ahci/registers", test_registers);
    g_test_add_func("/ahci/commands", test_pio_and_dma);
    g_test_add_func("/ahci/queued", test_queued_commands);
    g_test_add_func("/ahci/errors", test_errors_stop_the_port);
    g_test_add_func("/ahci/packets", test_packets);
    g_test_add_func("/ahci/resets", test_resets);
    g_test_add_func("/ahci/hostile", test_hostile_lists);
    g_test_add_func("/ahci/random", test_random_lists);
    return g_test_run();
}
