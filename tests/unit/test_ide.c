/* ATA disks and ATAPI drives: on an ISA channel, and on PIIX with bus mastering. */
#include "block/block.h"
#include "hw/drive.h"
#include "hw/isa/isa.h"
#include "hw/pci/pci.h"
#include "tests/unit/pci_bench.h"
#include "util/bits.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

extern const struct device_type ide_hd_type, ide_cd_type, isa_ide_type, piix3_ide_type;
extern const struct device_type isa_bridge_type, ecam_host_type;

enum { SECTORS = 2048, DATA = 0x1f0, ERR = 0x1f1, COUNT = 0x1f2, LBA = 0x1f3, DEV = 0x1f6 };
enum { CMD = 0x1f7, CTL = 0x3f6, BM = 0xc000 };

static struct {
    struct pci_bench *t;
    struct machine *m;
    struct device *adapter, *disk, *cd;
    bool line[ISA_IRQS];
    unsigned rises[ISA_IRQS];
    char *disk_path, *cd_path;
} r;

static void on_line(void *opaque G_GNUC_UNUSED, unsigned n, bool level)
{
    r.line[n] = level;
    r.rises[n] += level;
}

static char *make_image(const char *id, bool is_cd)
{
    char *path = NULL;
    int fd = g_file_open_tmp("ide-XXXXXX", &path, NULL);
    uint8_t sector[512];
    for (unsigned n = 0; n < SECTORS; n++) {
        memset(sector, (uint8_t)n, sizeof(sector));
        st_le32(sector, n);
        g_assert_cmpint(pwrite(fd, sector, 512, (off_t)n * 512), ==, 512);
    }
    close(fd);
    g_assert_nonnull(block_open(id, path, "raw", is_cd, false, NULL));
    return path;
}

static struct device *plug(const struct device_type *type, const char *id, const char *bus,
                           const char *drive)
{
    struct error *err = NULL;
    struct device *dev = device_new(type, r.m, id);
    if ((drive && !device_set(dev, "drive", drive, &err)) || !hw_bus_plug(r.m, dev, bus, &err) ||
        !device_realize(dev, &err))
        g_error("%s", error_text(err));
    return dev;
}

static void set_up(const struct device_type *adapter)
{
    memset(&r, 0, sizeof(r));
    r.t = pci_bench_new(&ecam_host_type);
    r.m = r.t->m;
    struct device *bridge = device_new(&isa_bridge_type, r.m, "isa");
    g_assert_true(device_realize(bridge, NULL));
    for (unsigned n = 0; n < ISA_IRQS; n++)
        irq_connect(&isa_bridge_bus(bridge)->irq[n], on_line, NULL, n);
    r.adapter = plug(adapter, "ide", NULL, NULL);
    r.disk_path = make_image("d", false);
    r.cd_path = make_image("c", true);
    r.disk = plug(&ide_hd_type, "disk", "ide.0", "d");
    r.cd = plug(&ide_cd_type, "cd", "ide.0", "c");
}

static void tear_down(void)
{
    pci_bench_free(r.t);
    block_close_all();
    g_unlink(r.disk_path);
    g_unlink(r.cd_path);
    g_free(r.disk_path);
    g_free(r.cd_path);
}

static unsigned in(unsigned port, unsigned size)
{
    uint64_t v = 0;
    g_assert_cmpint(mem_read(&r.m->io, port, size, &v), ==, MEM_OK);
    return (unsigned)v;
}

static void out(unsigned port, unsigned size, unsigned v)
{
    g_assert_cmpint(mem_write(&r.m->io, port, size, v), ==, MEM_OK);
}

static unsigned wait_status(void)
{
    gint64 end = g_get_monotonic_time() + 2 * G_USEC_PER_SEC;
    while ((in(CTL, 1) & 0x80) && g_get_monotonic_time() < end)
        g_usleep(50);
    return in(CMD, 1);
}

struct tf {
    unsigned feature, count, device, command;
    uint64_t lba;
    bool is_ext;
};

/* Write the registers and the command; the status when the drive is no longer busy. */
static unsigned issue(struct tf t)
{
    out(DEV, 1, t.device);
    if (t.is_ext) {
        out(COUNT, 1, t.count >> 8);
        for (unsigned i = 0; i < 3; i++)
            out(LBA + i, 1, t.lba >> (24 + 8 * i) & 0xff);
    }
    out(ERR, 1, t.feature);
    out(COUNT, 1, t.count & 0xff);
    for (unsigned i = 0; i < 3; i++)
        out(LBA + i, 1, t.lba >> 8 * i & 0xff);
    out(CMD, 1, t.command);
    return wait_status();
}

static void read_data(uint8_t *buf, unsigned n)
{
    for (unsigned i = 0; i < n; i += 2)
        st_le16(buf + i, (uint16_t)in(DATA, 2));
}

static void write_data(const uint8_t *buf, unsigned n)
{
    for (unsigned i = 0; i < n; i += 4)
        out(DATA, 4, ld_le32(buf + i));
}

static void test_signatures(void)
{
    set_up(&isa_ide_type);
    for (unsigned unit = 0; unit < 2; unit++) {
        out(DEV, 1, unit << 4);
        g_assert_cmphex(in(LBA + 1, 1) | in(LBA + 2, 1) << 8, ==, unit ? 0xeb14 : 0);
    }
    out(CTL, 1, 4);
    g_assert_cmphex(in(CTL, 1), ==, 0x80);
    out(CTL, 1, 0);
    g_assert_cmphex(in(CTL, 1), ==, 0x50);
    g_assert_cmphex(in(COUNT, 1), ==, 1);
    g_assert_cmphex(in(LBA, 1), ==, 1);
    g_assert_cmphex(in(DEV, 1), ==, 0xa0);
    g_assert_cmphex(issue((struct tf){.command = 0x90}), ==, 0x50);
    g_assert_cmphex(in(ERR, 1), ==, 1);
    tear_down();
}

static void test_identify(void)
{
    uint8_t id[512], total = 0;
    set_up(&isa_ide_type);
    g_assert_cmphex(issue((struct tf){.command = 0xec}), ==, 0x58);
    g_assert_cmpuint(r.rises[14], ==, 1);
    read_data(id, 512);
    g_assert_cmphex(wait_status(), ==, 0x50);
    for (unsigned i = 0; i < 512; i++)
        total += id[i];
    g_assert_cmphex(total, ==, 0);
    g_assert_cmpuint(ld_le32(id + 120), ==, SECTORS);
    g_assert_cmpuint(ld_le64(id + 200), ==, SECTORS);
    g_assert_cmpmem(id + 54, 14, "EQUMH RADDSI K", 14);
    g_assert_cmphex(issue((struct tf){.command = 0xec, .device = 0x10}), ==, 0x51);
    g_assert_cmphex(in(ERR, 1), ==, 0x04);
    g_assert_cmphex(in(LBA + 1, 1), ==, 0x14);
    g_assert_cmphex(issue((struct tf){.command = 0xa1, .device = 0x10}), ==, 0x58);
    read_data(id, 512);
    g_assert_cmphex(ld_le16(id), ==, 0x85c0);
    tear_down();
}

static void test_reading_by_every_address(void)
{
    static const struct tf ways[] = {
        {.command = 0x20, .device = 0x40, .lba = 1100, .count = 2},
        {.command = 0x20, .device = 0xa1, .lba = 0x12c | 0 << 8, .count = 1}, /* CHS 1/1/44 */
        {.command = 0x24, .device = 0x40, .lba = 1100, .count = 2, .is_ext = true},
        {.command = 0xc4, .device = 0x40, .lba = 1100, .count = 2},
        {.command = 0x29, .device = 0x40, .lba = 1100, .count = 2, .is_ext = true},
    };
    uint8_t buf[512];
    set_up(&isa_ide_type);
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        unsigned before = r.rises[14], blocks = ways[i].command == 0xc4 || ways[i].command == 0x29;
        unsigned first = i == 1 ? 63 + 43 + 16 * 63 : 1100;
        g_assert_cmphex(issue(ways[i]), ==, 0x58);
        for (unsigned n = 0; n < ways[i].count; n++) {
            read_data(buf, 512);
            g_assert_cmpuint(ld_le32(buf), ==, first + n);
            g_assert_cmphex(buf[511], ==, (first + n) & 0xff);
            wait_status();
        }
        g_assert_cmphex(in(CTL, 1), ==, 0x50);
        g_assert_cmpuint(r.rises[14] - before, ==, blocks ? 1 : ways[i].count);
    }
    tear_down();
}

static void test_writing(void)
{
    uint8_t buf[1024], back[1024];
    set_up(&isa_ide_type);
    for (unsigned i = 0; i < sizeof(buf); i++)
        buf[i] = (uint8_t)(i * 3);
    unsigned before = r.rises[14];
    g_assert_cmphex(issue((struct tf){.command = 0x30, .device = 0x40, .lba = 7, .count = 2}), ==,
                    0x58);
    g_assert_cmpuint(r.rises[14], ==, before);
    write_data(buf, 512);
    g_assert_cmphex(wait_status(), ==, 0x58);
    write_data(buf + 512, 512);
    g_assert_cmphex(wait_status(), ==, 0x50);
    g_assert_cmpuint(r.rises[14], ==, before + 2);
    g_assert_cmphex(issue((struct tf){.command = 0xe7}), ==, 0x50);
    g_assert_cmpint(block_pread(block_find("d"), back, 1024, 7 * 512), ==, 0);
    g_assert_cmpmem(buf, 1024, back, 1024);
    tear_down();
}

static void test_errors(void)
{
    set_up(&isa_ide_type);
    g_assert_cmphex(issue((struct tf){.command = 0x20, .device = 0x40, .lba = SECTORS, .count = 1}),
                    ==, 0x51);
    g_assert_cmphex(in(ERR, 1), ==, 0x10);
    g_assert_cmphex(issue((struct tf){.command = 0x20, .lba = 0, .count = 1}), ==, 0x51);
    g_assert_cmphex(in(ERR, 1), ==, 0x10); /* there is no sector 0 */
    g_assert_cmphex(issue((struct tf){.command = 0xff}), ==, 0x51);
    g_assert_cmphex(in(ERR, 1), ==, 0x04);
    g_assert_cmphex(issue((struct tf){.command = 0xc8, .device = 0x40, .count = 1}), ==, 0x51);
    g_assert_cmphex(in(ERR, 1), ==, 0x04); /* this adapter has no DMA */
    g_assert_cmphex(issue((struct tf){.command = 0xc6, .count = 3}), ==, 0x51);
    tear_down();
}

static void test_settings(void)
{
    uint8_t buf[512];
    set_up(&isa_ide_type);
    g_assert_cmphex(issue((struct tf){.command = 0xc6, .count = 4}), ==, 0x50);
    g_assert_cmphex(issue((struct tf){.command = 0xef, .feature = 0x82}), ==, 0x50);
    g_assert_cmphex(issue((struct tf){.command = 0xef, .feature = 3, .count = 0x22}), ==, 0x50);
    g_assert_cmphex(issue((struct tf){.command = 0xec}), ==, 0x58);
    read_data(buf, 512);
    g_assert_cmphex(ld_le16(buf + 118), ==, 0x104);
    g_assert_cmphex(ld_le16(buf + 170) & 0x20, ==, 0);
    g_assert_cmphex(ld_le16(buf + 126), ==, 0x0407);
    g_assert_cmphex(issue((struct tf){.command = 0xe0}), ==, 0x50);
    g_assert_cmphex(issue((struct tf){.command = 0xe5}), ==, 0x50);
    g_assert_cmphex(in(COUNT, 1), ==, 0);
    g_assert_cmphex(issue((struct tf){.command = 0xf8, .device = 0x40}), ==, 0x50);
    g_assert_cmphex(in(LBA, 1) | in(LBA + 1, 1) << 8, ==, SECTORS - 1);
    g_assert_cmphex(issue((struct tf){.command = 0xf9, .device = 0x40, .lba = 999}), ==, 0x50);
    g_assert_cmphex(issue((struct tf){.command = 0x40, .device = 0x40, .lba = 1000, .count = 1}),
                    ==, 0x51);
    g_assert_cmphex(issue((struct tf){.command = 0x40, .device = 0x40, .lba = 999, .count = 1}), ==,
                    0x50);
    tear_down();
}

static void test_smart(void)
{
    uint8_t buf[512], total = 0;
    set_up(&isa_ide_type);
    g_assert_cmphex(issue((struct tf){.command = 0xb0, .feature = 0xd0, .lba = 0xc24f00}), ==,
                    0x58);
    read_data(buf, 512);
    for (unsigned i = 0; i < 512; i++)
        total += buf[i];
    g_assert_cmphex(total, ==, 0);
    g_assert_cmphex(issue((struct tf){.command = 0xb0, .feature = 0xda, .lba = 0xc24f00}), ==,
                    0x50);
    g_assert_cmphex(in(LBA + 1, 1), ==, 0x4f);
    g_assert_cmphex(issue((struct tf){.command = 0xb0, .feature = 0xda}), ==, 0x51);
    tear_down();
}

/* A packet command by PIO: the bytes that came, and the error register. */
static unsigned packet(const uint8_t *cdb, uint8_t *buf, unsigned limit, unsigned *error)
{
    unsigned got = 0;
    g_assert_cmphex(issue((struct tf){.command = 0xa0, .device = 0x10, .lba = limit << 8}), ==,
                    0x58);
    g_assert_cmphex(in(COUNT, 1), ==, 1);
    write_data(cdb, 12);
    while (wait_status() & 0x08) {
        unsigned n = in(LBA + 1, 1) | in(LBA + 2, 1) << 8;
        g_assert_cmphex(in(COUNT, 1), ==, 2);
        g_assert_cmpuint(n, <=, limit);
        read_data(buf + got, n);
        got += n;
    }
    g_assert_cmphex(in(COUNT, 1), ==, 3);
    *error = in(CTL, 1) & 1 ? in(ERR, 1) : 0;
    return got;
}

static void test_packets(void)
{
    static const uint8_t ready[12] = {0}, sense[12] = {3, 0, 0, 0, 18},
                         inquiry[12] = {0x12, 0, 0, 0, 36};
    static const uint8_t capacity[12] = {0x25}, toc[12] = {0x43, 0, 0, 0, 0, 0, 0, 0, 64};
    static const uint8_t unknown[12] = {0x99};
    uint8_t buf[8192];
    unsigned error;
    set_up(&isa_ide_type);
    g_assert_cmpuint(packet(ready, buf, 64, &error), ==, 0);
    g_assert_cmphex(error, ==, 0x64); /* unit attention */
    g_assert_cmpuint(packet(sense, buf, 64, &error), ==, 18);
    g_assert_cmphex(buf[2], ==, 6);
    g_assert_cmphex(buf[12], ==, 0x29);
    g_assert_cmpuint(packet(ready, buf, 64, &error), ==, 0);
    g_assert_cmphex(error, ==, 0);
    g_assert_cmpuint(packet(inquiry, buf, 64, &error), ==, 36);
    g_assert_cmphex(buf[0], ==, 5);
    g_assert_cmpuint(packet(capacity, buf, 64, &error), ==, 8);
    g_assert_cmpuint(ld_be32(buf), ==, SECTORS / 4 - 1);
    g_assert_cmpuint(packet(toc, buf, 64, &error), ==, 20);
    packet(unknown, buf, 64, &error);
    g_assert_cmphex(error, ==, 0x54);
    tear_down();
}

static void test_reading_a_disc(void)
{
    uint8_t cdb[12] = {0x28, 0, 0, 0, 0, 5, 0, 0, 3}, *buf = g_malloc(200 * 2048);
    unsigned error;
    set_up(&isa_ide_type);
    packet((const uint8_t[12]){0}, buf, 64, &error);
    g_assert_cmpuint(packet(cdb, buf, 2048, &error), ==, 3 * 2048);
    g_assert_cmpuint(ld_le32(buf), ==, 20);
    g_assert_cmpuint(ld_le32(buf + 4096 + 1536), ==, 31);
    st_be16(cdb + 7, 150); /* longer than one piece */
    g_assert_cmpuint(packet(cdb, buf, 0xfffe, &error), ==, 150 * 2048);
    for (unsigned n = 0; n < 600; n++)
        g_assert_cmpuint(ld_le32(buf + n * 512), ==, 20 + n);
    st_be32(cdb + 2, SECTORS / 4);
    packet(cdb, buf, 2048, &error);
    g_assert_cmphex(error, ==, 0x54);
    g_free(buf);
    tear_down();
}

static void test_changing_the_disc(void)
{
    static const uint8_t ready[12] = {0};
    uint8_t buf[64];
    unsigned error;
    set_up(&isa_ide_type);
    packet(ready, buf, 64, &error);
    g_assert_true(r.cd->type->cls->drive->move_tray(r.cd, true, false, NULL));
    g_assert_true(r.cd->type->cls->drive->set_medium(r.cd, NULL, NULL));
    packet(ready, buf, 64, &error);
    g_assert_cmphex(error, ==, 0x24);
    g_assert_true(r.cd->type->cls->drive->move_tray(r.cd, false, false, NULL));
    packet(ready, buf, 64, &error);
    g_assert_cmphex(error, ==, 0x24);
    tear_down();
}

/* --- PIIX --- */

static void set_up_ports(void)
{
    unsigned slot = (unsigned)((struct pci_device *)r.adapter)->devfn / 8;
    cfg_write(r.t, slot, 0x20, 4, BM);
    cfg_write(r.t, slot, 4, 2, 5);
}

static void set_up_piix(void)
{
    set_up(&piix3_ide_type);
    unsigned slot = (unsigned)((struct pci_device *)r.adapter)->devfn / 8;
    g_assert_cmphex(cfg_read(r.t, slot, 0, 4), ==, 0x70108086);
    g_assert_cmphex(cfg_read(r.t, slot, 8, 4) >> 8, ==, 0x010180);
    set_up_ports();
}

static unsigned bm(unsigned reg, unsigned size)
{
    return peek(r.t, IO + BM + reg, size);
}

static void set_bm(unsigned reg, unsigned size, unsigned v)
{
    poke(r.t, IO + BM + reg, size, v);
}

static void put_prd(unsigned n, gpa at, unsigned bytes, bool last)
{
    poke(r.t, BENCH_RAM + 0x1000 + 8 * n, 4, (uint32_t)at);
    poke(r.t, BENCH_RAM + 0x1004 + 8 * n, 4, bytes | (last ? 1u << 31 : 0));
}

static void wait_bm(void)
{
    gint64 end = g_get_monotonic_time() + 2 * G_USEC_PER_SEC;
    while (!(bm(2, 1) & 4) && g_get_monotonic_time() < end)
        g_usleep(50);
}

static void test_bus_master(void)
{
    set_up_piix();
    put_prd(0, BENCH_RAM + 0x20000, 1024, false);
    put_prd(1, BENCH_RAM + 0x30000, 1024, true);
    set_bm(4, 4, BENCH_RAM + 0x1000);
    g_assert_cmphex(bm(4, 4), ==, BENCH_RAM + 0x1000);
    set_bm(0, 1, 8);
    out(DEV, 1, 0x40);
    out(COUNT, 1, 4);
    out(LBA, 1, 100);
    out(LBA + 1, 1, 0);
    out(LBA + 2, 1, 0);
    out(CMD, 1, 0xc8);
    g_assert_cmphex(bm(2, 1) & 7, ==, 0);
    set_bm(0, 1, 9);
    wait_bm();
    g_assert_cmphex(bm(2, 1) & 7, ==, 4);
    g_assert_true(r.line[14]);
    g_assert_cmphex(in(CMD, 1), ==, 0x50);
    g_assert_false(r.line[14]);
    g_assert_cmpuint(peek(r.t, BENCH_RAM + 0x20000 + 512, 4), ==, 101);
    g_assert_cmpuint(peek(r.t, BENCH_RAM + 0x30000 + 512, 4), ==, 103);
    set_bm(0, 1, 0);
    set_bm(2, 1, 4);
    g_assert_cmphex(bm(2, 1) & 7, ==, 0);
    set_bm(0, 1, 1); /* to the disk */
    put_prd(0, BENCH_RAM + 0x20000, 2048, true);
    out(DEV, 1, 0x40);
    out(COUNT, 1, 4);
    out(LBA, 1, 200);
    out(CMD, 1, 0xca);
    wait_bm();
    g_assert_cmphex(in(CMD, 1), ==, 0x50);
    uint8_t sector[512];
    g_assert_cmpint(block_pread(block_find("d"), sector, 512, 201 * 512), ==, 0);
    g_assert_cmpuint(ld_le32(sector), ==, 101);
    tear_down();
}

static void test_bus_master_with_a_short_table(void)
{
    set_up_piix();
    put_prd(0, BENCH_RAM + 0x20000, 512, true);
    set_bm(4, 4, BENCH_RAM + 0x1000);
    out(DEV, 1, 0x40);
    out(COUNT, 1, 4);
    out(LBA, 1, 0);
    out(CMD, 1, 0xc8);
    set_bm(0, 1, 9);
    wait_bm();
    g_assert_cmphex(in(CMD, 1) & 0x81, ==, 1);
    tear_down();
}

static void test_packets_by_dma(void)
{
    static const uint8_t cdb[12] = {0x28, 0, 0, 0, 0, 2, 0, 0, 2};
    uint8_t buf[64];
    unsigned error;
    set_up_piix();
    packet((const uint8_t[12]){0}, buf, 64, &error);
    put_prd(0, BENCH_RAM + 0x20000, 4096, true);
    set_bm(4, 4, BENCH_RAM + 0x1000);
    set_bm(2, 1, 4);
    g_assert_cmphex(issue((struct tf){.command = 0xa0, .device = 0x10, .feature = 1}), ==, 0x58);
    set_bm(0, 1, 9);
    write_data(cdb, 12);
    wait_bm();
    g_assert_cmphex(in(CMD, 1), ==, 0x50);
    g_assert_cmpuint(peek(r.t, BENCH_RAM + 0x20000 + 2048, 4), ==, 12);
    tear_down();
}

static void test_a_reset_ends_a_transfer(void)
{
    struct error *err = NULL;
    set_up(&isa_ide_type);
    g_assert_cmphex(issue((struct tf){.command = 0x20, .device = 0x40, .count = 8}), ==, 0x58);
    in(DATA, 2);
    g_assert_false(r.adapter->type->cls->can_save(r.adapter, &err));
    error_free(err);
    device_reset(r.adapter);
    g_assert_true(r.adapter->type->cls->can_save(r.adapter, NULL));
    g_assert_cmphex(in(CTL, 1), ==, 0x50);
    g_assert_cmphex(in(DATA, 2), ==, 0xffff);
    g_assert_false(r.line[14]);
    tear_down();
}

static void test_units(void)
{
    struct error *err = NULL;
    set_up(&isa_ide_type);
    struct device *more = device_new(&ide_hd_type, r.m, "more");
    g_assert_false(hw_bus_plug(r.m, more, "ide.0", &err));
    g_assert_nonnull(strstr(error_text(err), "taken"));
    error_free(err);
    tear_down();
}

static void reset_adapter(void)
{
    device_reset(r.adapter);
    set_up_ports();
    set_bm(4, 4, BENCH_RAM + 0x1000);
}

/* Any registers and commands, in any order. */
static void test_random_commands(void)
{
    set_up_piix();
    put_prd(0, BENCH_RAM + 0x20000, 0, false);
    put_prd(1, BENCH_RAM + 0x40000, 0x8000, true);
    set_bm(4, 4, BENCH_RAM + 0x1000);
    for (unsigned n = 0; n < 6000; n++) {
        unsigned reg = (unsigned)g_test_rand_int_range(0, 8), v = (unsigned)g_test_rand_int();
        switch (g_test_rand_int_range(0, 8)) {
        case 0: set_bm((unsigned)g_test_rand_int_range(0, 3), 1, v & 0xff); break;
        case 1: in(DATA, 2); break;
        case 2: write_data((const uint8_t *)&v, 4); break;
        case 3: out(CTL, 1, n % 50 ? v & 0x80 : v & 0xff); break;
        case 4: out(COUNT, 1, v & 3); break;
        case 5: in(DATA + reg, 1); break;
        default: out(DATA + reg, 1, reg == 6 ? v & 0x5f : v & 0xff);
        }
        if (n % 512 == 0)
            reset_adapter();
    }
    tear_down();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ide/signature", test_signatures);
    g_test_add_func("/ide/identify", test_identify);
    g_test_add_func("/ide/read", test_reading_by_every_address);
    g_test_add_func("/ide/write", test_writing);
    g_test_add_func("/ide/errors", test_errors);
    g_test_add_func("/ide/settings", test_settings);
    g_test_add_func("/ide/smart", test_smart);
    g_test_add_func("/ide/units", test_units);
    g_test_add_func("/ide/reset", test_a_reset_ends_a_transfer);
    g_test_add_func("/atapi/packets", test_packets);
    g_test_add_func("/atapi/read", test_reading_a_disc);
    g_test_add_func("/atapi/change", test_changing_the_disc);
    g_test_add_func("/piix/dma", test_bus_master);
    g_test_add_func("/piix/short", test_bus_master_with_a_short_table);
    g_test_add_func("/piix/packets", test_packets_by_dma);
    g_test_add_func("/piix/random", test_random_commands);
    return g_test_run();
}
