/* fw_cfg: items, the file directory, DMA. */
#include "hw/misc/fw_cfg.h"
#include "tests/unit/bench.h"
#include "ui/console.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

extern const struct device_type fw_cfg_type, ramfb_type;

enum { DATA = 0, SELECTOR = 8, DMA = 16, DIR_ENTRY = 64 };

static void select_key(struct bench *b, uint16_t key)
{
    bench_write(b, SELECTOR, 2, __builtin_bswap16(key));
}

static void add(struct bench *b, const char *name, const char *text)
{
    struct error *err = NULL;
    if (!fw_cfg_add_file(b->dev, name, text, strlen(text), &err))
        g_error("%s", error_text(err));
}

static void test_signature_and_id(void)
{
    struct bench *b = bench_new(&fw_cfg_type);
    char text[5] = "";
    select_key(b, FW_CFG_SIGNATURE);
    for (unsigned i = 0; i < 4; i++)
        text[i] = (char)bench_rd(b, DATA);
    g_assert_cmpstr(text, ==, "QEMU");
    g_assert_cmpint(bench_rd(b, DATA), ==, 0); /* beyond the end */
    select_key(b, FW_CFG_ID);
    g_assert_cmphex(bench_read(b, DATA, 4), ==, 3);
    g_assert_cmphex(__builtin_bswap64(bench_read(b, DMA, 8)), ==, UINT64_C(0x51454d5520434647));
    g_assert_cmphex(__builtin_bswap32((uint32_t)bench_read(b, DMA + 4, 4)), ==, 0x20434647);
    select_key(b, 0x1234);
    g_assert_cmphex(bench_read(b, DATA, 8), ==, 0);
    bench_free(b);
}

static void test_directory_lists_files(void)
{
    struct bench *b = bench_new(&fw_cfg_type);
    uint8_t dir[4 + 2 * DIR_ENTRY];
    add(b, "etc/one", "first");
    add(b, "opt/two", "the second");
    select_key(b, FW_CFG_FILE_DIR);
    for (size_t i = 0; i < sizeof(dir); i++)
        dir[i] = bench_rd(b, DATA);
    g_assert_cmpint(ld_be32(dir), ==, 2);
    g_assert_cmpint(ld_be32(dir + 4 + DIR_ENTRY), ==, 10);
    g_assert_cmpstr((char *)dir + 4 + DIR_ENTRY + 8, ==, "opt/two");
    select_key(b, ld_be16(dir + 4 + DIR_ENTRY + 4));
    g_assert_cmphex(bench_read(b, DATA, 8), ==, ld_le64("the seco"));
    bench_free(b);
}

static void test_bad_file_names_are_refused(void)
{
    struct bench *b = bench_new(&fw_cfg_type);
    struct error *err = NULL;
    g_autofree char *lengthy = g_strnfill(56, 'x');
    add(b, "opt/a", "1");
    g_assert_false(fw_cfg_add_file(b->dev, "opt/a", "2", 1, &err));
    g_assert_nonnull(strstr(error_text(err), "opt/a"));
    g_clear_pointer(&err, error_free);
    g_assert_false(fw_cfg_add_file(b->dev, lengthy, "2", 1, &err));
    g_clear_pointer(&err, error_free);
    g_assert_false(fw_cfg_add_file(b->dev, "", "2", 1, NULL));
    g_assert_false(fw_cfg_add_option(b->m, "opt/b", "/nonexistent/file", NULL, &err));
    g_assert_nonnull(strstr(error_text(err), "/nonexistent/file"));
    error_free(err);
    g_assert_true(fw_cfg_add_option(b->m, "opt/b", NULL, "text", NULL));
    bench_free(b);
}

/* Run one DMA; the control word afterwards. */
static uint32_t dma(struct bench *b, uint32_t control, uint32_t len, gpa addr)
{
    uint8_t *desc = b->ram->host + 0x100;
    st_be32(desc, control);
    st_be32(desc + 4, len);
    st_be64(desc + 8, addr);
    bench_write(b, DMA, 4, 0);
    bench_write(b, DMA + 4, 4, __builtin_bswap32((uint32_t)BENCH_RAM + 0x100));
    return ld_be32(desc);
}

static void test_dma_reads_and_pads(void)
{
    struct bench *b = bench_new(&fw_cfg_type);
    add(b, "opt/a", "hello");
    memset(b->ram->host + 0x1000, 0xee, 16);
    g_assert_cmphex(dma(b, FW_CFG_FILE_FIRST << 16 | 8 | 2, 8, BENCH_RAM + 0x1000), ==, 0);
    g_assert_cmpmem(b->ram->host + 0x1000, 9, "hello\0\0\0\xee", 9);
    g_assert_cmphex(dma(b, FW_CFG_FILE_FIRST << 16 | 8 | 4, 3, 0), ==, 0); /* skip */
    g_assert_cmpint(bench_rd(b, DATA), ==, 'l');
    bench_free(b);
}

static void test_dma_errors(void)
{
    struct bench *b = bench_new(&fw_cfg_type);
    add(b, "opt/a", "hello");
    g_assert_cmphex(dma(b, FW_CFG_FILE_FIRST << 16 | 8 | 2, 8, 0x1000), ==, 1);     /* no RAM */
    g_assert_cmphex(dma(b, FW_CFG_FILE_FIRST << 16 | 8 | 16, 4, BENCH_RAM), ==, 1); /* read-only */
    g_assert_cmphex(dma(b, FW_CFG_FILE_FIRST << 16 | 8 | 2, UINT32_MAX, BENCH_RAM), ==, 1);
    bench_write(b, DMA, 8, __builtin_bswap64(UINT64_MAX - 3)); /* a descriptor nowhere */
    bench_free(b);
}

/* A picture of four by two pixels at BENCH_RAM + 0x2000, rows 32 bytes apart. */
static void set_picture(struct bench *b, const char *fourcc, uint32_t width, uint32_t dma_status)
{
    uint8_t *at = b->ram->host + 0x1000;
    uint16_t key = fw_cfg_file_key(b->dev, "etc/ramfb");
    memset(at, 0, 28);
    st_be64(at, BENCH_RAM + 0x2000);
    st_be32(at + 8, ld_le32(fourcc));
    st_be32(at + 16, width);
    st_be32(at + 20, 2);
    st_be32(at + 24, 32);
    g_assert_cmphex(dma(b, (uint32_t)key << 16 | 8 | 16, 28, BENCH_RAM + 0x1000), ==, dma_status);
}

static void check_picture(unsigned width, unsigned height, unsigned x, unsigned y, uint32_t want)
{
    struct console *con = console_next(NULL);
    console_refresh(con);
    const struct surface *s = console_lock(con);
    g_assert_cmpuint(s->width, ==, width);
    g_assert_cmpuint(s->height, ==, height);
    g_assert_cmphex(s->pixels[y * s->stride + x], ==, want);
    console_unlock(con);
}

static void test_ramfb_shows_what_was_written(void)
{
    struct bench *b = bench_new(&fw_cfg_type);
    struct device *ramfb = device_new(&ramfb_type, b->m, "ramfb");
    struct error *err = NULL;
    if (!device_realize(ramfb, &err))
        g_error("%s", error_text(err));
    device_reset(ramfb);
    check_picture(640, 480, 0, 0, 0); /* none yet */
    st_le32(b->ram->host + 0x2000 + 32 + 8, 0x99123456);
    set_picture(b, "XR24", 4, 0);
    check_picture(4, 2, 2, 1, 0x123456);
    set_picture(b, "XB24", 4, 0);
    check_picture(4, 2, 2, 1, 0x563412);
    set_picture(b, "RG16", 4, 0);
    check_picture(4, 2, 0, 1, 0);
    st_le16(b->ram->host + 0x2000 + 32 + 6, 0xf81f);
    check_picture(4, 2, 3, 1, 0xff00ff);
    set_picture(b, "XR24", 9, 0); /* wider than its rows: none */
    check_picture(640, 480, 0, 0, 0);
    set_picture(b, "NV12", 4, 0);
    check_picture(640, 480, 0, 0, 0);
    set_picture(b, "XR24", 4, 0);
    st_be64(b->ram->host + 0x1000, 0x1000); /* no RAM there: black */
    uint16_t key = fw_cfg_file_key(b->dev, "etc/ramfb");
    g_assert_cmphex(dma(b, (uint32_t)key << 16 | 8 | 16, 8, BENCH_RAM + 0x1000), ==, 0);
    check_picture(4, 2, 2, 1, 0);
    g_assert_cmphex(dma(b, (uint32_t)key << 16 | 8 | 16, 29, BENCH_RAM + 0x1000), ==, 1);
    device_reset(ramfb);
    check_picture(640, 480, 0, 0, 0);
    select_key(b, key);
    bench_read(b, DATA, 8);
    bench_read(b, DATA, 8);
    g_assert_cmphex(bench_read(b, DATA, 4), ==, 0);
    bench_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fw_cfg/signature", test_signature_and_id);
    g_test_add_func("/fw_cfg/directory", test_directory_lists_files);
    g_test_add_func("/fw_cfg/names", test_bad_file_names_are_refused);
    g_test_add_func("/fw_cfg/dma", test_dma_reads_and_pads);
    g_test_add_func("/fw_cfg/dma-errors", test_dma_errors);
    g_test_add_func("/fw_cfg/ramfb", test_ramfb_shows_what_was_written);
    return g_test_run();
}
