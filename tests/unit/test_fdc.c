/* The floppy controller with its drives, by DMA and by programmed I/O. */
#include "block/block.h"
#include "hw/block/fdc.h"
#include "hw/drive.h"
#include "tests/unit/isa_bench.h"
#include "util/bits.h"

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

extern const struct device_type fdc_type, floppy_type, i8237_type;

enum { DOR = 0x3f2, MSR = 0x3f4, FIFO = 0x3f5, DIR_CCR = 0x3f7, SECTORS = 2880 };
static struct isa_bench *i;
static struct device *fdc, *drive_a;
static struct mem_region low;
static char *path;

static void command(unsigned n, ...)
{
    va_list ap;
    va_start(ap, n);
    while (n-- > 0) {
        g_assert_cmphex(isa_in(i, MSR) & 0xc0, ==, 0x80);
        isa_out(i, FIFO, va_arg(ap, unsigned));
    }
    va_end(ap);
}

static bool has_result(void *unused G_GNUC_UNUSED)
{
    return (isa_in(i, MSR) & 0xd0) == 0xd0;
}

static void expect(const char *hex)
{
    g_autoptr(GString) got = g_string_new(NULL);
    g_assert_true(bench_wait(has_result, NULL));
    while (isa_in(i, MSR) & 0x40)
        g_string_append_printf(got, "%s%02x", got->len ? " " : "", isa_in(i, FIFO));
    g_assert_cmpstr(got->str, ==, hex);
}

static void reset_controller(void)
{
    isa_out(i, DOR, 0x18);
    g_assert_cmphex(isa_in(i, MSR), ==, 0);
    isa_out(i, DOR, 0x1c);
    g_assert_true(i->line[6]);
    for (unsigned n = 0; n < 4; n++) {
        g_autofree char *want = g_strdup_printf("%02x 00", 0xc0 | n);
        command(1, 8);
        expect(want);
    }
    g_assert_false(i->line[6]);
    command(3, 3, 0xdf, 2);
    isa_out(i, DIR_CCR, 0);
}

static unsigned told;

static void on_drive(void *opaque G_GNUC_UNUSED)
{
    told++;
}

static void set_up(bool read_only)
{
    struct error *err = NULL;
    int fd = g_file_open_tmp("fdc-XXXXXX", &path, NULL);
    for (unsigned n = 0; n < SECTORS; n++)
        g_assert_cmpint(pwrite(fd, &n, 4, (off_t)n * 512), ==, 4);
    g_assert_cmpint(ftruncate(fd, SECTORS * 512), ==, 0);
    close(fd);
    g_assert_nonnull(block_open("a", path, "raw", read_only, false, NULL));
    i = isa_bench_new();
    isa_bench_add(i, &i8237_type, NULL);
    fdc = isa_bench_add(i, &fdc_type, NULL);
    told = 0;
    fdc_on_drive(fdc, on_drive, NULL);
    drive_a = device_new(&floppy_type, i->b->m, "fd0");
    if (!device_set(drive_a, "drive", "a", &err) || !hw_bus_plug(i->b->m, drive_a, NULL, &err) ||
        !device_realize(drive_a, &err))
        g_error("%s", error_text(err));
    struct ram_block *ram = machine_new_ram(i->b->m, "low", 1 << 20, NULL);
    region_init_ram(&low, "low", ram, 0, 1 << 20);
    region_add(&i->b->m->root, 0, &low, 0);
    address_space_update(&i->b->m->as);
    isa_out(i, 0xd6, 0xc0);
    isa_out(i, 0xd4, 0x00);
    reset_controller();
}

static void tear_down(void)
{
    isa_bench_free(i);
    block_close_all();
    g_unlink(path);
    g_free(path);
}

static void program_dma(bool to_memory, unsigned at, unsigned bytes)
{
    isa_out(i, 0x0a, 6);
    isa_out(i, 0x0c, 0);
    isa_out(i, 0x0b, to_memory ? 0x46 : 0x4a);
    isa_out(i, 0x04, at & 0xff);
    isa_out(i, 0x04, at >> 8 & 0xff);
    isa_out(i, 0x81, at >> 16);
    isa_out(i, 0x05, (bytes - 1) & 0xff);
    isa_out(i, 0x05, (bytes - 1) >> 8);
    isa_out(i, 0x0a, 2);
}

static uint32_t word(gpa at)
{
    uint64_t v = 0;
    g_assert_cmpint(mem_read(&i->b->m->as, at, 4, &v), ==, MEM_OK);
    return (uint32_t)v;
}

static void test_simple_commands(void)
{
    set_up(false);
    g_assert_cmpuint(told, ==, 1);
    g_assert_cmpuint(fdc_cmos_type(fdc, 0), ==, 4);
    g_assert_cmpuint(fdc_cmos_type(fdc, 1), ==, 0);
    g_assert_cmphex(isa_in(i, DIR_CCR) & 0x80, ==, 0x80);
    command(2, 7, 0);
    g_assert_true(i->line[6]);
    command(1, 8);
    expect("20 00");
    g_assert_cmphex(isa_in(i, DIR_CCR) & 0x80, ==, 0);
    command(3, 0xf, 0, 40);
    command(1, 8);
    expect("20 28");
    command(1, 8);
    expect("80"); /* nothing is pending */
    command(2, 4, 0);
    expect("28");
    command(1, 0x10);
    expect("90");
    command(1, 0x18);
    expect("41");
    command(4, 0x13, 0, 0x4a, 0);
    command(1, 0x94);
    expect("10");
    command(1, 0x0e);
    expect("28 00 00 00 df 02 00 80 4a 00");
    command(1, 0x1f);
    expect("80");
    command(2, 0x4a, 0);
    expect("00 00 00 28 00 01 02");
    command(2, 7, 1); /* there is no drive B */
    command(1, 8);
    expect("71 00");
    tear_down();
}

static void test_reading(void)
{
    set_up(false);
    program_dma(true, 0x8000, 4 * 512);
    command(9, 0xe6, 0, 0, 0, 3, 2, 18, 0x1b, 0xff);
    expect("00 00 00 00 00 07 02");
    for (unsigned n = 0; n < 4; n++)
        g_assert_cmpuint(word(0x8000 + 512 * n), ==, 2 + n);
    program_dma(true, 0x10000, 36 * 512); /* a cylinder */
    command(3, 0xf, 0, 1);
    command(1, 8);
    expect("20 01");
    command(9, 0xe6, 0, 1, 0, 1, 2, 18, 0x1b, 0xff);
    expect("00 00 00 02 00 01 02");
    for (unsigned n = 0; n < 36; n++)
        g_assert_cmpuint(word(0x10000 + 512 * n), ==, 36 + n);
    program_dma(true, 0x8000, 4 * 512); /* more than the track has */
    command(9, 0x46, 0, 1, 0, 18, 2, 18, 0x1b, 0xff);
    expect("40 80 00 02 00 01 02");
    tear_down();
}

static void test_writing(void)
{
    uint8_t back[1024];
    set_up(false);
    for (unsigned n = 0; n < 1024; n++)
        g_assert_true(mem_poke(&i->b->m->as, 0x8000 + n, &(uint8_t){(uint8_t)(n * 5)}, 1));
    program_dma(false, 0x8000, 1024);
    command(9, 0xc5, 4, 0, 1, 2, 2, 18, 0x1b, 0xff);
    expect("04 00 00 00 01 04 02");
    g_assert_cmpint(block_pread(block_find("a"), back, 1024, (18 + 1) * 512), ==, 0);
    for (unsigned n = 0; n < 1024; n++)
        g_assert_cmphex(back[n], ==, (uint8_t)(n * 5));
    program_dma(false, 0x8000, 512); /* scan: it is the same */
    command(9, 0x51, 4, 0, 1, 2, 2, 18, 0x1b, 0x01);
    expect("04 00 08 00 01 03 02");
    program_dma(false, 0x8001, 512);
    command(9, 0x51, 4, 0, 1, 2, 2, 18, 0x1b, 0x01);
    expect("04 00 04 00 01 03 02");
    tear_down();
}

static void test_formatting(void)
{
    uint8_t back[512];
    set_up(false);
    for (unsigned n = 0; n < 18; n++)
        g_assert_true(mem_poke(&i->b->m->as, 0x8000 + 4 * n,
                               (const uint8_t[]){0, 0, (uint8_t)(n + 1), 2}, 4));
    program_dma(false, 0x8000, 18 * 4);
    command(6, 0x4d, 0, 2, 18, 0x54, 0xf6);
    expect("00 00 00 00 00 12 02");
    for (unsigned n = 0; n < 18; n++) {
        g_assert_cmpint(block_pread(block_find("a"), back, 512, n * 512), ==, 0);
        g_assert_cmphex(back[0], ==, 0xf6);
        g_assert_cmphex(back[511], ==, 0xf6);
    }
    tear_down();
}

static void test_errors(void)
{
    set_up(true);
    program_dma(false, 0x8000, 512);
    command(9, 0xc5, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    expect("40 02 00 00 00 01 02"); /* protected */
    command(2, 4, 0);
    expect("78");
    command(9, 0xe6, 0, 0, 0, 19, 2, 18, 0x1b, 0xff);
    expect("40 04 00 00 00 13 02"); /* no such sector */
    command(9, 0xe6, 0, 5, 0, 1, 2, 18, 0x1b, 0xff);
    expect("40 04 10 05 00 01 02"); /* the heads are elsewhere */
    isa_out(i, DIR_CCR, 2);
    command(9, 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    expect("40 01 00 00 00 01 02"); /* another data rate */
    isa_out(i, DIR_CCR, 0);
    g_assert_true(drive_a->type->cls->drive->set_medium(drive_a, NULL, NULL));
    g_assert_cmphex(isa_in(i, DIR_CCR) & 0x80, ==, 0x80);
    command(2, 0x4a, 0);
    expect("40 01 00 00 00 01 02");
    tear_down();
}

static bool is_ready(void *unused G_GNUC_UNUSED)
{
    return (isa_in(i, MSR) & 0xf0) == 0xf0;
}

static void test_programmed_io(void)
{
    set_up(false);
    command(3, 3, 0xdf, 3);
    command(9, 0x46, 0, 0, 0, 18, 2, 18, 0x1b, 0xff);
    g_assert_true(bench_wait(is_ready, NULL));
    g_assert_true(i->line[6]);
    uint32_t v = 0;
    for (unsigned n = 0; n < 4; n++)
        v |= (uint32_t)isa_in(i, FIFO) << 8 * n;
    g_assert_cmpuint(v, ==, 17);
    for (unsigned n = 4; n < 512; n++)
        isa_in(i, FIFO);
    expect("40 80 00 01 00 01 02");
    tear_down();
}

static void test_reset_during_a_transfer(void)
{
    set_up(false);
    program_dma(true, 0x8000, 18 * 512);
    command(9, 0xe6, 0, 0, 0, 1, 2, 18, 0x1b, 0xff);
    isa_run(i);
    reset_controller();
    block_drain_all();
    command(1, 0x10);
    expect("90");
    device_reset(fdc);
    tear_down();
}

static uint8_t type_of_empty_drive(const char *one, const char *other)
{
    struct error *err = NULL;
    i = isa_bench_new();
    fdc = isa_bench_add(i, &fdc_type, one, other, NULL);
    struct device *drive = device_new(&floppy_type, i->b->m, "fd0");
    if (!hw_bus_plug(i->b->m, drive, NULL, &err) || !device_realize(drive, &err))
        g_error("%s", error_text(err));
    uint8_t type = fdc_cmos_type(fdc, 0);
    isa_bench_free(i);
    return type;
}

static void test_kinds_of_empty_drives(void)
{
    g_assert_cmpuint(type_of_empty_drive(NULL, NULL), ==,
                     5); /* 2.88 MB, as RBIL's CMOS 10h has it */
    g_assert_cmpuint(type_of_empty_drive("fallback=120", NULL), ==, 2);
    g_assert_cmpuint(type_of_empty_drive("fdtypeA=144", "fallback=120"), ==, 4);
    g_assert_cmpuint(type_of_empty_drive("fdtypeB=144", "fallback=120"), ==, 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fdc/commands", test_simple_commands);
    g_test_add_func("/fdc/read", test_reading);
    g_test_add_func("/fdc/write", test_writing);
    g_test_add_func("/fdc/format", test_formatting);
    g_test_add_func("/fdc/errors", test_errors);
    g_test_add_func("/fdc/pio", test_programmed_io);
    g_test_add_func("/fdc/reset", test_reset_during_a_transfer);
    g_test_add_func("/fdc/kinds", test_kinds_of_empty_drives);
    return g_test_run();
}
