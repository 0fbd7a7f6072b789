/* NOR flash: what EDK2's, U-Boot's and Linux's drivers do to a pair of Intel chips. */
#include "block/block.h"
#include "core/ram.h"
#include "hw/block/pflash_cfi01.h"
#include "tests/unit/bench.h"
#include "util/bits.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

extern const struct device_type pflash_cfi01_type;

enum { BLOCK = 256 << 10, READY = 0x00800080 };

static uint64_t rd(struct bench *b, uint64_t off, unsigned size)
{
    struct mem_region *mr = pflash_region(b->dev);
    return mr->romd ? ld_le32(mr->ram->host + off) & MASK64(0, size * 8) : mmio_read(mr, off, size);
}

static void wr(struct bench *b, uint64_t off, unsigned size, uint64_t val)
{
    mmio_write(pflash_region(b->dev), off, size, val);
}

/* A command to both chips. */
static void cmd(struct bench *b, uint64_t off, uint8_t c)
{
    wr(b, off, 4, (uint32_t)c << 16 | c);
}

static void program(struct bench *b, uint64_t off, uint32_t val)
{
    cmd(b, off, 0x40);
    wr(b, off, 4, val);
}

static void test_erased_and_readable_as_memory(void)
{
    struct bench *b = bench_new(&pflash_cfi01_type);
    g_assert_true(pflash_region(b->dev)->romd);
    g_assert_cmphex(rd(b, 0x1000, 4), ==, UINT32_MAX);
    bench_free(b);
}

static void test_identification_and_query(void)
{
    struct bench *b = bench_new(&pflash_cfi01_type);
    cmd(b, 0, 0x90);
    g_assert_false(pflash_region(b->dev)->romd);
    g_assert_cmphex(rd(b, 0, 4), ==, 0x00890089);
    g_assert_cmphex(rd(b, 4, 4), ==, 0x00180018);
    g_assert_cmphex(rd(b, BLOCK + 8, 4), ==, 0);
    cmd(b, 0x55 * 4, 0x98);
    g_assert_cmphex(rd(b, 0x10 * 4, 4), ==, 'Q' << 16 | 'Q');
    g_assert_cmphex(rd(b, 0x12 * 4, 2), ==, 'Y');
    g_assert_cmphex(rd(b, 0x27 * 4 + 2, 2), ==, 24);
    g_assert_cmphex(rd(b, 0x2d * 4, 2), ==, 127);
    g_assert_cmphex(rd(b, 0x30 * 4, 2), ==, 2);
    g_assert_cmphex(rd(b, 0x31 * 4, 2), ==, 'P');
    cmd(b, 0, 0xff);
    g_assert_true(pflash_region(b->dev)->romd);
    bench_free(b);
}

static void test_programming_clears_bits_erasing_sets_them(void)
{
    struct bench *b = bench_new(&pflash_cfi01_type);
    program(b, BLOCK, 0x12345678);
    g_assert_cmphex(rd(b, BLOCK, 4), ==, READY);
    program(b, BLOCK, 0xffff00ff);
    cmd(b, 0, 0xff);
    g_assert_cmphex(rd(b, BLOCK, 4), ==, 0x12340078);
    cmd(b, BLOCK + 0x100, 0x20);
    cmd(b, BLOCK + 0x100, 0xd0);
    g_assert_cmphex(rd(b, BLOCK, 4), ==, READY);
    cmd(b, 0, 0xff);
    g_assert_cmphex(rd(b, BLOCK, 4), ==, UINT32_MAX);
    bench_free(b);
}

/* U-Boot takes the bank for 16-bit chips, and expects that to work. */
static void test_narrow_accesses_work_as_wide_ones(void)
{
    struct bench *b = bench_new(&pflash_cfi01_type);
    wr(b, 0, 2, 0x90);
    g_assert_cmphex(rd(b, 0, 4), ==, 0x00890089);
    wr(b, 0, 2, 0xff);
    wr(b, 0x22, 2, 0xe8);
    wr(b, 0x22, 2, 2);
    for (unsigned i = 0; i < 3; i++)
        wr(b, 0x22 + i * 2, 2, 0x1111 * (i + 1));
    wr(b, 0x22, 2, 0xd0);
    g_assert_cmphex(rd(b, 0, 2), ==, 0x80);
    wr(b, 0, 1, 0x40);
    wr(b, 0x29, 1, 0x44);
    wr(b, 0, 2, 0xff);
    g_assert_true(pflash_region(b->dev)->romd);
    g_assert_cmphex(rd(b, 0x20, 4), ==, 0x1111ffff);
    g_assert_cmphex(rd(b, 0x24, 4), ==, 0x33332222);
    g_assert_cmphex(rd(b, 0x28, 4), ==, 0xffff44ff);
    bench_free(b);
}

static void test_buffered_program(void)
{
    struct bench *b = bench_new(&pflash_cfi01_type);
    cmd(b, BLOCK, 0xe8);
    g_assert_cmphex(rd(b, BLOCK, 4), ==, READY);
    wr(b, BLOCK, 4, 31 << 16 | 31);
    for (uint32_t i = 0; i < 32; i++)
        wr(b, BLOCK + i * 4, 4, 0x01010101 * i);
    cmd(b, BLOCK, 0xd0);
    g_assert_cmphex(rd(b, BLOCK, 4), ==, READY);
    cmd(b, 0, 0xff);
    g_assert_cmphex(rd(b, BLOCK + 7 * 4, 4), ==, 0x07070707);
    g_assert_cmphex(rd(b, BLOCK + 32 * 4, 4), ==, UINT32_MAX);
    bench_free(b);
}

/* Counts, addresses and confirmations that make no sense are sequence errors, and touch nothing. */
static void test_hostile_buffered_programs(void)
{
    struct bench *b = bench_new(&pflash_cfi01_type);
    const uint64_t last = PFLASH_SIZE - 4;
    cmd(b, 0, 0xe8);
    wr(b, 0, 4, UINT32_MAX);
    g_assert_cmphex(rd(b, 0, 4), ==, 0x00b000b0);
    cmd(b, 0, 0x50);
    cmd(b, last, 0xe8);
    wr(b, last, 4, 255 << 16 | 255);
    for (unsigned i = 0; i < 256; i++)
        wr(b, last, 4, 0);
    cmd(b, last, 0xd0); /* all in one place: odd, but it ends where the flash does */
    g_assert_cmphex(rd(b, 0, 4), ==, READY);
    cmd(b, BLOCK, 0xe8);
    wr(b, BLOCK, 4, 1 << 16 | 1);
    wr(b, BLOCK, 4, 0);
    wr(b, 2 * BLOCK, 4, 0); /* another block */
    cmd(b, BLOCK, 0xd0);
    g_assert_cmphex(rd(b, 0, 4), ==, 0x00b000b0);
    cmd(b, 0, 0x50);
    cmd(b, 0, 0x20);
    cmd(b, 0, 0x40); /* not a confirmation */
    g_assert_cmphex(rd(b, 0, 4), ==, 0x00b000b0);
    bench_free(b);
}

static void test_locks_are_accepted(void)
{
    struct bench *b = bench_new(&pflash_cfi01_type);
    cmd(b, BLOCK, 0x60);
    cmd(b, BLOCK, 0xd0);
    g_assert_cmphex(rd(b, BLOCK, 4), ==, READY);
    cmd(b, BLOCK, 0x60);
    cmd(b, BLOCK, 0x77);
    g_assert_cmphex(rd(b, BLOCK, 4), ==, 0x00b000b0);
    bench_free(b);
}

static char *new_image(uint64_t size)
{
    char *path = NULL;
    int fd = g_file_open_tmp("pflash-XXXXXX", &path, NULL);
    g_assert_cmpint(ftruncate(fd, (off_t)size), ==, 0);
    g_assert_cmpint(pwrite(fd, "flash", 5, 0), ==, 5);
    close(fd);
    return path;
}

static void test_changes_go_back_to_the_drive(void)
{
    g_autofree char *path = new_image(PFLASH_SIZE);
    g_assert_nonnull(block_open("flash", path, "raw", false, false, NULL));
    struct bench *b = bench_new_raw(&pflash_cfi01_type);
    uint32_t word = 0;
    bench_set(b, "drive", "flash");
    bench_realize(b);
    g_assert_cmphex(rd(b, 0, 4), ==, ld_le32("flash"));
    for (unsigned i = 0; i < 1000; i++) {
        cmd(b, BLOCK * (i % 3), 0x20);
        cmd(b, BLOCK * (i % 3), 0xd0);
        program(b, BLOCK * (i % 3) + 8, i);
    }
    bench_free(b);
    block_close_all();
    int fd = open(path, O_RDONLY);
    g_assert_cmpint(pread(fd, &word, 4, 8), ==, 4);
    g_assert_cmphex(word, ==, 999);
    g_assert_cmpint(pread(fd, &word, 4, BLOCK + 8), ==, 4);
    g_assert_cmphex(word, ==, 997);
    close(fd);
    g_unlink(path);
}

static void test_read_only_drive(void)
{
    g_autofree char *path = new_image(4096);
    g_assert_nonnull(block_open("flash", path, "raw", true, false, NULL));
    struct bench *b = bench_new_raw(&pflash_cfi01_type);
    bench_set(b, "drive", "flash");
    bench_realize(b);
    g_assert_cmphex(rd(b, 8192, 4), ==, UINT32_MAX);
    program(b, 0, 0);
    g_assert_cmphex(rd(b, 0, 4), ==, 0x00920092);
    cmd(b, 0, 0xff);
    g_assert_cmphex(rd(b, 0, 4), ==, ld_le32("flash"));
    bench_free(b);
    block_close_all();
    g_unlink(path);
}

static void test_image_of_a_wrong_size_is_refused(void)
{
    g_autofree char *path = new_image(4096);
    g_assert_nonnull(block_open("flash", path, "raw", false, false, NULL));
    struct bench *b = bench_new_raw(&pflash_cfi01_type);
    struct error *err = NULL;
    bench_set(b, "drive", "flash");
    g_assert_false(device_realize(b->dev, &err));
    g_assert_nonnull(strstr(error_text(err), "4096"));
    error_free(err);
    bench_free(b);
    block_close_all();
    g_unlink(path);
}

/* One chip of bytes, as firmware of PCs has it. */
static void test_a_bank_of_one_chip(void)
{
    enum { SECTOR = 4096, SECTORS = 892 };
    struct bench *b = bench_new_raw(&pflash_cfi01_type);
    bench_set(b, "width", "1");
    bench_set(b, "sector-length", "4096");
    bench_set(b, "num-blocks", "892");
    bench_realize(b);
    wr(b, SECTOR, 1, 0x10);
    wr(b, SECTOR, 1, 0x5a);
    g_assert_cmphex(rd(b, SECTOR, 1), ==, 0x80);
    wr(b, SECTOR, 1, 0x50);
    wr(b, SECTOR, 1, 0x70);
    g_assert_cmphex(rd(b, SECTOR, 1), ==, 0);
    wr(b, 0, 1, 0x98);
    g_assert_cmphex(rd(b, 0x10, 4) & 0xffffff, ==, 'Q' | 'R' << 8 | 'Y' << 16);
    g_assert_cmphex(rd(b, 0x27, 2), ==, 22); /* x8 */
    g_assert_cmphex(rd(b, 0x2d, 4), ==, (SECTORS - 1) | 16u << 16);
    wr(b, 0, 1, 0xff);
    g_assert_cmphex(rd(b, SECTOR - 1, 4), ==, 0xffff5aff);
    wr(b, SECTOR + 7, 1, 0x20);
    wr(b, SECTOR + 7, 1, 0xd0);
    wr(b, 0, 1, 0xff);
    g_assert_cmphex(rd(b, SECTOR - 1, 4), ==, UINT32_MAX);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pflash/erased", test_erased_and_readable_as_memory);
    g_test_add_func("/pflash/id", test_identification_and_query);
    g_test_add_func("/pflash/program", test_programming_clears_bits_erasing_sets_them);
    g_test_add_func("/pflash/narrow", test_narrow_accesses_work_as_wide_ones);
    g_test_add_func("/pflash/buffered", test_buffered_program);
    g_test_add_func("/pflash/hostile", test_hostile_buffered_programs);
    g_test_add_func("/pflash/locks", test_locks_are_accepted);
    g_test_add_func("/pflash/drive", test_changes_go_back_to_the_drive);
    g_test_add_func("/pflash/read-only", test_read_only_drive);
    g_test_add_func("/pflash/one-chip", test_a_bank_of_one_chip);
    g_test_add_func("/pflash/size", test_image_of_a_wrong_size_is_refused);
    return g_test_run();
}
