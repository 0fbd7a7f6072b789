/* The RISC-V virt board: where firmware, kernel, initrd and device tree go, and what bad input
 * says. */
#include "accel/tcg/tcg.h"
#include "core/clock.h"
#include "hw/board/boards.h"
#include "hw/bus.h"
#include "util/bits.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <libfdt.h>
#include <string.h>

enum { MIB = 1 << 20, MROM = 0x1000 };
static const gpa DRAM = 0x80000000;

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

static struct rig rig_new(const struct machine_class *cls, unsigned ram_mib)
{
    static const char *const dirs[] = {NULL};
    struct rig r = {.accel_props = g_malloc0(tcg_accel_ops.props_size + 1)};
    props_init(tcg_accel_ops.props, r.accel_props);
    clock_init();
    r.m = machine_new(cls, &tcg_accel_ops, r.accel_props);
    r.m->cfg.ram_size = (uint64_t)ram_mib * MIB;
    r.m->cfg.smp = r.m->cfg.max_cpus = 2;
    r.m->cfg.sockets = 1;
    r.m->cfg.bios = "none";
    r.m->cfg.firmware_dirs = dirs;
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

static uint64_t peek(struct rig *r, gpa addr)
{
    uint8_t bytes[8] = {0};
    g_assert_true(mem_peek(&r->m->as, addr, bytes, 8));
    return ld_le64(bytes);
}

/* The device tree that the reset vector points to; g_free it. */
static void *tree(struct rig *r)
{
    gpa at = peek(r, MROM + 0x20);
    g_assert_cmphex(at % (2 * MIB), ==, 0);
    void *blob = g_malloc(256 << 10);
    g_assert_true(mem_peek(&r->m->as, at, blob, 256 << 10));
    g_assert_cmpint(fdt_check_header(blob), ==, 0);
    return blob;
}

static const void *prop(const void *blob, const char *path, const char *name, int *len)
{
    int node = fdt_path_offset(blob, path);
    g_assert_cmpint(node, >=, 0);
    return fdt_getprop(blob, node, name, len);
}

static void test_reset_vector_and_dynamic_info(void)
{
    struct rig r = rig_new(&riscv64_virt_class, 256);
    r.m->cfg.bios = file("fw", "firmware", 8);
    r.m->cfg.kernel = file("kernel", "a flat kernel", 13);
    rig_start(&r);
    g_assert_cmphex(peek(&r, MROM) & UINT32_MAX, ==, 0x297);
    g_assert_cmphex(peek(&r, MROM + 0x18), ==, DRAM);
    g_assert_cmphex(peek(&r, MROM + 0x20), ==, 0x8fe00000);
    g_assert_cmphex(peek(&r, MROM + 0x28), ==, 0x4942534f);
    g_assert_cmphex(peek(&r, MROM + 0x30), ==, 2);
    g_assert_cmphex(peek(&r, MROM + 0x38), ==, DRAM + 2 * MIB);
    g_assert_cmphex(peek(&r, MROM + 0x40), ==, 1);
    g_assert_cmphex(peek(&r, DRAM), ==, ld_le64("firmware"));
    g_assert_cmphex(peek(&r, DRAM + 2 * MIB), ==, ld_le64("a flat k"));
    rig_free(&r);
}

static void test_riscv32_uses_words_and_four_mib(void)
{
    struct rig r = rig_new(&riscv32_virt_class, 128);
    r.m->cfg.bios = file("fw", "firmware", 8);
    r.m->cfg.kernel = file("kernel", "a flat kernel", 13);
    rig_start(&r);
    g_assert_cmphex(peek(&r, MROM + 0x28), ==, 0x4942534f | UINT64_C(2) << 32);
    g_assert_cmphex(peek(&r, MROM + 0x30) & UINT32_MAX, ==, DRAM + 4 * MIB);
    rig_free(&r);
}

static void test_machine_mode_kernel(void)
{
    struct rig r = rig_new(&riscv64_virt_class, 128);
    r.m->cfg.kernel = file("kernel", "a flat kernel", 13);
    rig_start(&r);
    g_assert_cmphex(peek(&r, MROM + 0x18), ==, DRAM);
    g_assert_cmphex(peek(&r, DRAM), ==, ld_le64("a flat k"));
    rig_free(&r);
}

static void test_fdt_stays_below_three_gib(void)
{
    struct rig r = rig_new(&riscv64_virt_class, 2048);
    rig_start(&r);
    g_assert_cmphex(peek(&r, MROM + 0x20), ==, 0xbfe00000);
    rig_free(&r);
}

static void test_chosen_names_what_was_loaded(void)
{
    struct rig r = rig_new(&riscv64_virt_class, 128);
    int len;
    r.m->cfg.bios = file("fw", "firmware", 8);
    r.m->cfg.kernel = file("kernel", "a flat kernel", 13);
    r.m->cfg.initrd = file("initrd", "\177ELF, but only by chance", 24);
    r.m->cfg.append = "root=/dev/vda";
    rig_start(&r);
    g_autofree void *blob = tree(&r);
    g_assert_cmpstr(prop(blob, "/chosen", "bootargs", &len), ==, "root=/dev/vda");
    uint64_t start = ld_be64(prop(blob, "/chosen", "linux,initrd-start", &len));
    g_assert_cmphex(ld_be64(prop(blob, "/chosen", "linux,initrd-end", &len)), ==, start + 24);
    g_assert_cmphex(peek(&r, start), ==, ld_le64("\177ELF, bu"));
    g_assert_nonnull(prop(blob, "/chosen", "rng-seed", &len));
    g_assert_cmpint(len, ==, 32);
    rig_free(&r);
}

static void test_reset_puts_images_back(void)
{
    struct rig r = rig_new(&riscv64_virt_class, 128);
    int len;
    r.m->cfg.kernel = file("kernel", "a flat kernel", 13);
    rig_start(&r);
    g_autofree void *before = tree(&r);
    g_assert_true(mem_poke(&r.m->as, DRAM, "garbage!", 8));
    r.m->cls->reset(r.m);
    g_autofree void *after = tree(&r);
    g_assert_cmphex(peek(&r, DRAM), ==, ld_le64("a flat k"));
    g_assert_cmpint(memcmp(prop(before, "/chosen", "rng-seed", &len),
                           prop(after, "/chosen", "rng-seed", &len), 32),
                    !=, 0);
    rig_free(&r);
}

static void test_tree_is_reproducible_without_randomness(void)
{
    struct rig r = rig_new(&riscv64_virt_class, 128);
    int len;
    g_assert_true(props_set(r.m->cls->props, r.m, "dtb-randomness", "off", NULL));
    rig_start(&r);
    g_autofree void *blob = tree(&r);
    g_assert_null(prop(blob, "/chosen", "rng-seed", &len));
    rig_free(&r);
}

/* Linux numbers disks by the order of these nodes: the first device goes to the highest slot. */
static void test_virtio_slots_come_highest_first(void)
{
    struct rig r = rig_new(&riscv64_virt_class, 128);
    rig_start(&r);
    g_autofree void *blob = tree(&r);
    int node = fdt_node_offset_by_compatible(blob, -1, "virtio,mmio");
    g_assert_cmpstr(fdt_get_name(blob, node, NULL), ==, "virtio_mmio@10008000");
    g_assert_cmpstr(r.m->buses->name, ==, "virtio-mmio-bus.7");
    rig_free(&r);
}

static void test_aclint_replaces_the_clint(void)
{
    struct rig r = rig_new(&riscv64_virt_class, 128);
    g_assert_true(props_set(r.m->cls->props, r.m, "aclint", "on", NULL));
    rig_start(&r);
    g_autofree void *blob = tree(&r);
    g_assert_cmpint(fdt_path_offset(blob, "/soc/clint@2000000"), <, 0);
    g_assert_cmpint(fdt_path_offset(blob, "/soc/sswi@2f00000"), >=, 0);
    rig_free(&r);
}

static void test_own_device_tree(void)
{
    struct rig r = rig_new(&riscv64_virt_class, 128);
    uint8_t blob[512];
    int len;
    g_assert_cmpint(fdt_create_empty_tree(blob, sizeof(blob)), ==, 0);
    g_assert_cmpint(fdt_setprop_string(blob, 0, "model", "mine"), ==, 0);
    r.m->cfg.dtb = file("dtb", blob, sizeof(blob));
    r.m->cfg.append = "quiet";
    r.m->cfg.kernel = file("kernel", "a flat kernel", 13);
    rig_start(&r);
    g_autofree void *got = tree(&r);
    g_assert_cmpstr(prop(got, "/", "model", &len), ==, "mine");
    g_assert_cmpstr(prop(got, "/chosen", "bootargs", &len), ==, "quiet");
    rig_free(&r);
}

static void test_bad_input_is_named(void)
{
    static const uint8_t x86_elf[64] = {0x7f, 'E', 'L',      'F',       2,
                                        1,    1,   [16] = 2, [18] = 62, [20] = 1};
    static const struct {
        const char *key, *value;
    } props[] = {{"acpi", "on"}, {"aia", "gic"}, {"aia-guests", "3"}, {"usb", "on"}};
    for (size_t i = 0; i < ARRAY_SIZE(props); i++) {
        struct rig r = rig_new(&riscv64_virt_class, 128);
        g_assert_true(props_set(r.m->cls->props, r.m, props[i].key, props[i].value, NULL));
        rig_refuses(&r, props[i].key, "virt");
        rig_free(&r);
    }
    struct rig r = rig_new(&riscv64_virt_class, 128);
    r.m->cfg.kernel = file("x86", x86_elf, sizeof(x86_elf));
    rig_refuses(&r, "x86_64", "riscv64");
    rig_free(&r);
    r = rig_new(&riscv64_virt_class, 128);
    r.m->cfg.kernel = file("empty", "", 0);
    rig_refuses(&r, "empty", "kernel");
    rig_free(&r);
    r = rig_new(&riscv64_virt_class, 128);
    r.m->cfg.dtb = file("baddtb", "not a tree", 10);
    rig_refuses(&r, "-dtb", "baddtb");
    rig_free(&r);
    r = rig_new(&riscv64_virt_class, 128);
    r.m->cfg.kernel = "/nonexistent/kernel";
    rig_refuses(&r, "kernel", "/nonexistent/kernel");
    rig_free(&r);
    r = rig_new(&riscv64_virt_class, 128);
    g_assert_true(props_set(r.m->cls->props, r.m, "pflash1", "nodrive", NULL));
    rig_refuses(&r, "pflash1", "nodrive");
    rig_free(&r);
}

/* A kernel Image: header magics, a PE header whose section ends at 8 KiB, image_size of 1 MiB. */
static void make_image(uint8_t *d, size_t len)
{
    memset(d, 0, len);
    memcpy(d, "MZ", 2);
    st_le64(d + 8, 2 * MIB);
    st_le64(d + 16, MIB);
    memcpy(d + 0x30, "RISCV", 5);
    memcpy(d + 0x38, "RSC\x05", 4);
    st_le32(d + 0x3c, 0x40);
    memcpy(d + 0x40, "PE\0\0", 4);
    st_le16(d + 0x46, 1);
    st_le32(d + 0x58 + 16, 4096);
    st_le32(d + 0x58 + 20, 4096);
}

static void test_truncated_kernels_at_every_length(void)
{
    static uint8_t image[8192];
    make_image(image, sizeof(image));
    for (size_t len = 2; len < sizeof(image); len += len < 256 ? 1 : 977) {
        struct rig r = rig_new(&riscv64_virt_class, 128);
        r.m->cfg.kernel = file("cut", image, len);
        rig_refuses(&r, "truncated", "cut");
        rig_free(&r);
    }
    struct rig r = rig_new(&riscv64_virt_class, 128);
    r.m->cfg.kernel = file("whole", image, sizeof(image));
    rig_start(&r);
    rig_free(&r);
}

static void test_too_little_memory_says_how_much(void)
{
    static uint8_t image[8192];
    make_image(image, sizeof(image));
    st_le64(image + 16, 200 * MIB); /* with its uninitialized part */
    struct rig r = rig_new(&riscv64_virt_class, 128);
    r.m->cfg.kernel = file("big", image, sizeof(image));
    rig_refuses(&r, "128 MiB", "-m 204M");
    rig_free(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("virt-XXXXXX", NULL);
    g_test_add_func("/virt/reset-vector", test_reset_vector_and_dynamic_info);
    g_test_add_func("/virt/riscv32", test_riscv32_uses_words_and_four_mib);
    g_test_add_func("/virt/machine-mode", test_machine_mode_kernel);
    g_test_add_func("/virt/fdt-limit", test_fdt_stays_below_three_gib);
    g_test_add_func("/virt/chosen", test_chosen_names_what_was_loaded);
    g_test_add_func("/virt/reset", test_reset_puts_images_back);
    g_test_add_func("/virt/reproducible", test_tree_is_reproducible_without_randomness);
    g_test_add_func("/virt/slots", test_virtio_slots_come_highest_first);
    g_test_add_func("/virt/aclint", test_aclint_replaces_the_clint);
    g_test_add_func("/virt/dtb", test_own_device_tree);
    g_test_add_func("/virt/bad-input", test_bad_input_is_named);
    g_test_add_func("/virt/truncated", test_truncated_kernels_at_every_length);
    g_test_add_func("/virt/memory", test_too_little_memory_says_how_much);
    int status = g_test_run();
    remove_files();
    return status;
}
