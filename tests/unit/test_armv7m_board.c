/* Boards with an M-profile processor: memory maps, bit-band aliases, programs in every form, what
 * they refuse; and the loader of files and numbers. */
#include "accel/tcg/tcg.h"
#include "core/clock.h"
#include "core/ihex.h"
#include "hw/board/boards.h"
#include "hw/registry.h"
#include "util/bits.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

struct rig {
    struct machine *m;
    void *accel_props;
    struct error *err;
};

static char *dir; /* holds the files below */

static const char *file(const char *name, const void *data, size_t len)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    g_assert_true(g_file_set_contents(path, data, (gssize)len, NULL));
    return g_intern_string(path);
}

static void remove_files(void)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    for (const char *name; d && (name = g_dir_read_name(d));) {
        g_autofree char *path = g_build_filename(dir, name, NULL);
        g_unlink(path);
    }
    g_dir_close(d);
    g_rmdir(dir);
}

static struct rig rig_new(const struct machine_class *cls)
{
    struct rig r = {.accel_props = g_malloc0(tcg_accel_ops.props_size + 1)};
    props_init(tcg_accel_ops.props, r.accel_props);
    clock_init();
    r.m = machine_new(cls, &tcg_accel_ops, r.accel_props);
    r.m->cfg.ram_size = cls->default_ram;
    r.m->cfg.smp = r.m->cfg.max_cpus = 1;
    return r;
}

static void rig_start(struct rig *r)
{
    if (!machine_init(r->m, &r->err))
        g_error("%s", error_text(r->err));
}

/* The machine must refuse, saying each of the two words. */
static void rig_refuses(struct rig *r, const char *word, const char *word2)
{
    g_assert_false(machine_init(r->m, &r->err));
    g_assert_nonnull(strstr(error_text(r->err), word));
    g_assert_nonnull(strstr(error_text(r->err), word2));
    g_assert_null(strchr(error_text(r->err), '\n'));
}

static void rig_free(struct rig *r)
{
    error_free(r->err);
    machine_free(r->m);
    props_fini(tcg_accel_ops.props, r->accel_props);
    g_free(r->accel_props);
}

static uint32_t rd(struct rig *r, gpa addr, unsigned size)
{
    uint64_t val = 0;
    g_assert_cmpint(mem_read(&r->m->as, addr, size, &val), ==, MEM_OK);
    return (uint32_t)val;
}

static void wr(struct rig *r, gpa addr, unsigned size, uint32_t val)
{
    g_assert_cmpint(mem_write(&r->m->as, addr, size, val), ==, MEM_OK);
}

static void test_bit_bands(void)
{
    struct rig r = rig_new(&mps2_an385_class);
    rig_start(&r);
    wr(&r, 0x20000100, 4, 0x80000010);
    g_assert_cmphex(rd(&r, 0x22002010, 4), ==, 1); /* bit 4 */
    g_assert_cmphex(rd(&r, 0x22002014, 1), ==, 0);
    g_assert_cmphex(rd(&r, 0x2200207c, 2), ==, 1); /* bit 31 */
    wr(&r, 0x22002000, 4, 0xfffffffe);             /* only bit 0 of a value counts */
    wr(&r, 0x22002004, 1, 1);
    wr(&r, 0x22002010, 2, 0);
    wr(&r, 0x22002020, 4, 3); /* bit 8 */
    g_assert_cmphex(rd(&r, 0x20000100, 4), ==, 0x80000102);
    wr(&r, 0x40010004, 4, 0);
    wr(&r, 0x42000000 + 0x10004 * 32 + 5 * 4, 4, 1); /* a device's register */
    g_assert_cmphex(rd(&r, 0x40010004, 4), ==, 1 << 5);
    wr(&r, 0x42000000 + 0x10004 * 32 + 9 * 4, 4, 1);
    wr(&r, 0x42000000 + 0x10004 * 32 + 5 * 4, 4, 0);
    g_assert_cmphex(rd(&r, 0x40010004, 4), ==, 1 << 9);
    g_assert_cmphex(rd(&r, 0x42000000 + 0x10004 * 32 + 9 * 4, 4), ==, 1);
    rig_free(&r);
    r = rig_new(&mps2_an500_class); /* has none */
    rig_start(&r);
    uint64_t val;
    g_assert_cmpint(mem_read(&r.m->as, 0x22000000, 4, &val), ==, MEM_UNMAPPED);
    rig_free(&r);
}

static void test_mps2_map(void)
{
    struct rig r = rig_new(&mps2_an385_class);
    rig_start(&r);
    wr(&r, 0x3ffffc, 4, 0x1234);
    g_assert_cmphex(rd(&r, 0x7ffffc, 4), ==, 0x1234); /* mirrors */
    wr(&r, 0x1000010, 4, 0x77);
    g_assert_cmphex(rd(&r, 0x100c010, 4), ==, 0x77);
    g_assert_cmphex(rd(&r, 0x800000, 4), ==, 0); /* reserved */
    g_assert_cmphex(rd(&r, 0x4002fffc, 4), ==, 0x41043850);
    g_assert_cmphex(rd(&r, 0x40200050, 4), ==, 0x01180001);
    g_assert_cmphex(rd(&r, 0xe000e004, 4), ==, 1); /* interrupts in 32s, less one */
    rig_free(&r);
    r = rig_new(&mps2_an500_class);
    rig_start(&r);
    g_assert_cmphex(rd(&r, 0xa0000064, 4), ==, 0x87654321);
    rig_free(&r);
}

static void test_an505_aliases(void)
{
    struct rig r = rig_new(&mps2_an505_class);
    rig_start(&r);
    wr(&r, 0x10000100, 4, 0x11);
    g_assert_cmphex(rd(&r, 0x00000100, 4), ==, 0x11);
    g_assert_cmphex(rd(&r, 0x10400100, 4), ==, 0x11);
    wr(&r, 0x38000100, 4, 0x22);
    g_assert_cmphex(rd(&r, 0x28000100, 4), ==, 0x22);
    wr(&r, 0x30000100, 4, 0x33);
    g_assert_cmphex(rd(&r, 0x20000100, 4), ==, 0x33);
    wr(&r, 0x50200010, 4, 99);
    g_assert_cmphex(rd(&r, 0x40200010, 4), ==, 99);
    g_assert_cmphex(rd(&r, 0x50021110, 4), ==, 0x10000000); /* only in the secure part */
    g_assert_cmphex(rd(&r, 0x40080fe0, 4), ==, 0x53);
    g_assert_cmphex(rd(&r, 0x50080fe0, 4), ==, 0x52);
    g_assert_cmphex(rd(&r, 0x40300ffc, 4), ==, 0x41045050);
    g_assert_cmphex(rd(&r, 0xe000ed08, 4), ==, 0x10000000);
    rig_free(&r);
}

/* Four banks of SRAM with their guards, message units, the second processor's control. */
static void test_an521(void)
{
    struct rig r = rig_new(&mps2_an521_class);
    rig_start(&r);
    wr(&r, 0x3001fffc, 4, 0x33);
    g_assert_cmphex(rd(&r, 0x2001fffc, 4), ==, 0x33);
    g_assert_cmphex(rd(&r, 0x50086fe0, 4), ==, 0x60);
    g_assert_cmphex(rd(&r, 0x40020000, 4), ==, 0x22041743);
    g_assert_cmphex(rd(&r, 0x4001f000, 4), ==, 0);
    wr(&r, 0x50003004, 4, 0xff);
    g_assert_cmphex(rd(&r, 0x40003000, 4), ==, 15);
    g_assert_cmphex(rd(&r, 0xe000e200, 4), ==, 1 << 6); /* pending */
    wr(&r, 0x40003008, 4, 7);
    g_assert_cmphex(rd(&r, 0x40003000, 4), ==, 8);
    g_assert_cmphex(rd(&r, 0x40003010, 4), ==, 0);
    g_assert_cmphex(rd(&r, 0x50021118, 4), ==, 2); /* it waits */
    wr(&r, 0x50021114, 4, 0x10380010);
    g_assert_cmphex(rd(&r, 0x50021114, 4), ==, 0x10380000);
    g_assert_cmphex(rd(&r, 0x50021200, 4), ==, 0x7f);
    g_assert_cmphex(rd(&r, 0x40300ffc, 4), ==, 0x41045210);
    rig_free(&r);
}

static void test_lm3s_map(void)
{
    struct rig r = rig_new(&lm3s6965evb_class);
    rig_start(&r);
    g_assert_cmpint(mem_write(&r.m->as, 0x100, 4, 5), ==, MEM_READ_ONLY); /* flash */
    g_assert_cmphex(rd(&r, 0x100, 4), ==, 0);
    wr(&r, 0x400fd000, 4, 0x100);
    wr(&r, 0x400fd004, 4, 5);
    wr(&r, 0x400fd008, 4, 0xa4420002); /* erase, program */
    wr(&r, 0x400fd008, 4, 0xa4420001);
    g_assert_cmphex(rd(&r, 0x100, 4), ==, 5);
    g_assert_cmphex(rd(&r, 0x104, 4), ==, UINT32_MAX);
    g_assert_cmphex(rd(&r, 0x400fe1e0, 4), ==, 0x005452);
    g_assert_cmphex(rd(&r, 0x40048014, 4) & 0xffffff, ==, 0x005452);
    g_assert_cmphex(rd(&r, 0x4000cfe8, 4), ==, 0x18);
    rig_free(&r);
}

/* ---- programs ---- */

static const uint8_t flat[16] = {0, 0x10, 0, 0x20, 9, 0, 0, 0, 0xfe, 0xe7};

static void test_flat_programs(void)
{
    struct rig r = rig_new(&mps2_an505_class);
    r.m->cfg.kernel = file("flat", flat, sizeof(flat));
    rig_start(&r);
    g_assert_cmphex(rd(&r, 0x10000000, 4), ==, 0x20001000);
    wr(&r, 0x10000000, 4, 0);
    machine_request_host_reset(r.m);
    machine_serve_requests(r.m);
    g_assert_cmphex(rd(&r, 0x10000000, 4), ==, 0x20001000); /* again */
    rig_free(&r);
    g_autofree uint8_t *big = g_malloc0(300 << 10);
    r = rig_new(&lm3s6965evb_class);
    r.m->cfg.kernel = file("big", big, 300 << 10);
    rig_refuses(&r, "has room for 256K", "lm3s6965evb");
    rig_free(&r);
}

static void test_hex_programs(void)
{
    static const char hex[] = ":020000042000DA\r\n"
                              ":0400100078563412D8\n"
                              ":020000040000FA\n:0800000000100020090000 00";
    static const char good[] = ":020000042000DA\r\n:0400100078563412D8\n:020000040000FA\n"
                               ":080000000010002009000000BF\n:04000005000000 9\n";
    struct error *err = NULL;
    g_assert_true(ihex_probe((const uint8_t *)hex, sizeof(hex) - 1));
    g_assert_null(ihex_parse((const uint8_t *)hex, sizeof(hex) - 1, &err));
    g_assert_nonnull(strstr(error_text(err), "line 4"));
    error_free(err);
    err = NULL;
    g_assert_null(ihex_parse((const uint8_t *)good, sizeof(good) - 1, &err));
    g_assert_nonnull(strstr(error_text(err), "line 5"));
    error_free(err);
    g_autofree char *text = g_strndup(good, sizeof(good) - 1);
    strcpy(strstr(text, ":04000005"), ":00000001FF\n");
    struct rig r = rig_new(&mps2_an385_class);
    r.m->cfg.kernel = file("good.hex", text, strlen(text));
    rig_start(&r);
    g_assert_cmphex(rd(&r, 0, 4), ==, 0x20001000);
    g_assert_cmphex(rd(&r, 0x20000010, 4), ==, 0x12345678);
    rig_free(&r);
    text[20] = '5';
    r = rig_new(&mps2_an385_class);
    r.m->cfg.kernel = file("bad.hex", text, strlen(text));
    rig_refuses(&r, "bad.hex", "line 2");
    rig_free(&r);
}

/* ELF header and one segment of 8 bytes at `at`. */
static const char *elf(const char *name, uint16_t machine, uint32_t at)
{
    uint8_t e[92] = {0x7f, 'E', 'L', 'F', 1, 1, 1};
    e[16] = 2;
    st_le16(e + 18, machine);
    st_le32(e + 28, 52);
    st_le16(e + 42, 32);
    st_le16(e + 44, 1);
    st_le32(e + 52, 1);
    st_le32(e + 56, 84);
    st_le32(e + 60, at);
    st_le32(e + 64, at);
    st_le32(e + 68, 8);
    st_le32(e + 72, 8);
    memcpy(e + 84, flat, 8);
    return file(name, e, sizeof(e));
}

static void test_elf_programs(void)
{
    struct rig r = rig_new(&mps2_an385_class);
    r.m->cfg.kernel = elf("ok.elf", 40, 0);
    rig_start(&r);
    g_assert_cmphex(rd(&r, 4, 4), ==, 9);
    rig_free(&r);
    r = rig_new(&mps2_an385_class);
    r.m->cfg.kernel = elf("riscv.elf", 243, 0);
    rig_refuses(&r, "riscv32", "this machine is arm");
    rig_free(&r);
    r = rig_new(&lm3s6965evb_class);
    r.m->cfg.kernel = elf("high.elf", 40, 0x10000000);
    rig_refuses(&r, "no memory at 0x10000000", "begins at 0");
    rig_free(&r);
}

static void test_refusals(void)
{
    struct rig r = rig_new(&mps2_an386_class);
    r.m->cfg.cpu_model = "cortex-m3";
    rig_refuses(&r, "cortex-m3", "cortex-m4");
    rig_free(&r);
    r = rig_new(&mps2_an386_class);
    r.m->cfg.cpu_model = "cortex-m33"; /* begins alike */
    rig_refuses(&r, "cortex-m33", "cortex-m4");
    rig_free(&r);
    r = rig_new(&lm3s6965evb_class);
    r.m->cfg.ram_size = 128 << 20;
    rig_refuses(&r, "-m", "64K");
    rig_free(&r);
    r = rig_new(&mps2_an385_class);
    r.m->cfg.bios = "x";
    rig_refuses(&r, "-bios", "-kernel");
    rig_free(&r);
}

/* ---- the loader ---- */

static bool load(struct rig *r, const char *const props[])
{
    struct device *dev = device_new(hw_device_find("loader"), r->m, NULL);
    for (; props[0]; props += 2)
        g_assert_true(device_set(dev, props[0], props[1], &r->err));
    return device_realize(dev, &r->err);
}

static void test_loader(void)
{
    struct rig r = rig_new(&mps2_an385_class);
    rig_start(&r);
    const char *raw = file("raw", flat, sizeof(flat));
    const char *const number[] = {"addr", "0x20000000", "data", "0x11223344", "data-len",
                                  "4",    "data-be",    "on",   NULL};
    const char *const bytes[] = {"addr", "0x20000100", "file", raw, NULL};
    const char *const program[] = {"file", elf("l.elf", 40, 0), NULL};
    const char *const start[] = {"addr", "0x200", "cpu-num", "0", NULL};
    g_assert_true(load(&r, number) && load(&r, bytes) && load(&r, program));
    g_assert_cmphex(rd(&r, 0x20000000, 4), ==, 0x44332211);
    g_assert_cmphex(rd(&r, 0x20000104, 4), ==, 9);
    g_assert_cmphex(r.m->cpus[0]->ops->get_pc(r.m->cpus[0]) & ~1U, ==, 8);
    g_assert_true(load(&r, start));
    g_assert_cmphex(r.m->cpus[0]->ops->get_pc(r.m->cpus[0]), ==, 0x200);
    wr(&r, 0x20000000, 4, 0);
    machine_request_host_reset(r.m);
    machine_serve_requests(r.m);
    g_assert_cmphex(rd(&r, 0x20000000, 4), ==, 0x44332211);
    g_assert_cmphex(r.m->cpus[0]->ops->get_pc(r.m->cpus[0]), ==, 0x200);
    const char *const nowhere[] = {"addr", "0x30000000", "file", raw, NULL};
    g_assert_false(load(&r, nowhere));
    g_assert_nonnull(strstr(error_text(r.err), "no memory at 0x30000000"));
    rig_free(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("armv7m-XXXXXX", NULL);
    g_test_add_func("/armv7m-board/bitband", test_bit_bands);
    g_test_add_func("/armv7m-board/mps2", test_mps2_map);
    g_test_add_func("/armv7m-board/an505", test_an505_aliases);
    g_test_add_func("/armv7m-board/an521", test_an521);
    g_test_add_func("/armv7m-board/lm3s6965evb", test_lm3s_map);
    g_test_add_func("/armv7m-board/flat", test_flat_programs);
    g_test_add_func("/armv7m-board/hex", test_hex_programs);
    g_test_add_func("/armv7m-board/elf", test_elf_programs);
    g_test_add_func("/armv7m-board/refusals", test_refusals);
    g_test_add_func("/armv7m-board/loader", test_loader);
    int status = g_test_run();
    remove_files();
    g_free(dir);
    return status;
}
