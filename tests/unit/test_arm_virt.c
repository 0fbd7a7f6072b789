/* The Arm virt board: where kernels, initrd and device tree go, its options, and its ACPI tables.
 */
#include "accel/tcg/tcg.h"
#include "core/clock.h"
#include "hw/acpi/tables.h"
#include "hw/board/arm_virt.h"
#include "hw/board/boards.h"
#include "util/bits.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <zlib.h>

/* Of libfdt, whose header has an fdt_string() of its own. */
int fdt_check_header(const void *tree);
int fdt_path_offset(const void *tree, const char *path);
const void *fdt_getprop(const void *tree, int node, const char *name, int *len);

enum { MIB = 1 << 20 };
static const gpa DRAM = 0x40000000;

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

static struct rig rig_new(const struct machine_class *cls, unsigned ram_mib, unsigned cpus)
{
    static const char *const dirs[] = {NULL};
    struct rig r = {.accel_props = g_malloc0(tcg_accel_ops.props_size + 1)};
    props_init(tcg_accel_ops.props, r.accel_props);
    clock_init();
    r.m = machine_new(cls, &tcg_accel_ops, r.accel_props);
    r.m->cfg.ram_size = (uint64_t)ram_mib * MIB;
    r.m->cfg.smp = r.m->cfg.max_cpus = cpus;
    r.m->cfg.sockets = r.m->cfg.threads = 1;
    r.m->cfg.cores = cpus;
    r.m->cfg.firmware_dirs = dirs;
    return r;
}

static void rig_set(struct rig *r, const char *name, const char *value)
{
    if (!props_set(r->m->cls->props, r->m, name, value, &r->err))
        g_error("%s", error_text(r->err));
}

static void rig_start(struct rig *r)
{
    if (!machine_init(r->m, &r->err))
        g_error("%s", error_text(r->err));
}

/* The machine must refuse, saying each of the two words, in one line. */
static void rig_refuses(struct rig *r, const char *word, const char *word2)
{
    g_assert_false(machine_init(r->m, &r->err));
    g_assert_nonnull(strstr(error_text(r->err), word));
    g_assert_nonnull(strstr(error_text(r->err), word2));
    g_assert_null(strchr(error_text(r->err), '\n'));
    error_free(r->err);
    r->err = NULL;
}

static void rig_free(struct rig *r)
{
    machine_free(r->m);
    props_fini(tcg_accel_ops.props, r->accel_props);
    g_free(r->accel_props);
}

static uint32_t word_at(struct rig *r, gpa addr)
{
    uint8_t bytes[4];
    g_assert_true(mem_peek(&r->m->as, addr, bytes, 4));
    return ld_le32(bytes);
}

static const void *tree_at(struct rig *r, gpa addr)
{
    static uint8_t copy[MIB];
    g_assert_true(mem_peek(&r->m->as, addr, copy, sizeof(copy)));
    g_assert_cmpint(fdt_check_header(copy), ==, 0);
    return copy;
}

static const void *get(const void *tree, const char *path, const char *prop, int *len)
{
    int node = fdt_path_offset(tree, path);
    return node < 0 ? NULL : fdt_getprop(tree, node, prop, len);
}

/* An arm64 Image with a text offset and a size. */
static const char *image(uint64_t offset, uint64_t size)
{
    uint8_t data[128] = {0};
    st_le32(data, 0x14000000);
    st_le64(data + 8, offset);
    st_le64(data + 16, size);
    memcpy(data + 56, "ARM\x64", 4);
    return file("Image", data, sizeof(data));
}

static void test_image_goes_to_its_text_offset(void)
{
    static const struct {
        uint64_t offset, size, want;
    } cases[] = {{0, 0x100000, 0x200000}, {0x80000, 0x100000, 0x80000}, {0, 0, 0x80000}};
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct rig r = rig_new(&aarch64_virt_class, 128, 1);
        r.m->cfg.kernel = image(cases[i].offset, cases[i].size);
        r.m->cfg.initrd = file("initrd", "INITRD..", 8);
        r.m->cfg.append = "console=ttyAMA0";
        rig_start(&r);
        g_assert_cmphex(word_at(&r, DRAM + cases[i].want), ==, 0x14000000);
        g_assert_cmphex(word_at(&r, DRAM + 64 * MIB), ==, 0x54494e49);
        const void *tree = tree_at(&r, DRAM + 66 * MIB);
        int len;
        g_assert_cmpstr(get(tree, "/chosen", "bootargs", &len), ==, "console=ttyAMA0");
        g_assert_cmphex(ld_be64(get(tree, "/chosen", "linux,initrd-end", &len)), ==,
                        DRAM + 64 * MIB + 8);
        g_assert_nonnull(get(tree, "/psci", "method", &len));
        rig_free(&r);
    }
}

static const char *uimage(uint32_t load, uint32_t entry, uint8_t type, bool spoil)
{
    uint8_t data[64 + 16] = {0};
    memcpy(data + 64, "0123456789abcdef", 16);
    st_be32(data, 0x27051956);
    st_be32(data + 12, 16);
    st_be32(data + 16, load);
    st_be32(data + 20, entry);
    st_be32(data + 24, (uint32_t)crc32(0, data + 64, 16) + spoil);
    data[29] = 2;
    data[30] = type;
    st_be32(data + 4, (uint32_t)crc32(0, data, 64));
    return file("uImage", data, sizeof(data));
}

static void test_uimage_goes_where_it_says(void)
{
    struct rig r = rig_new(&arm_virt_class, 128, 1);
    r.m->cfg.kernel = uimage(0x40008000, 0x40008000, 2, false);
    rig_start(&r);
    g_assert_cmphex(word_at(&r, 0x40008000), ==, 0x33323130);
    rig_free(&r);
    r = rig_new(&arm_virt_class, 128, 1);
    r.m->cfg.kernel = uimage(0, 0, 14, false); /* anywhere */
    rig_start(&r);
    g_assert_cmphex(word_at(&r, 0x40010000), ==, 0x33323130);
    rig_free(&r);
}

static void test_bad_images(void)
{
    struct rig r = rig_new(&arm_virt_class, 128, 1);
    r.m->cfg.kernel = uimage(0x40008000, 0x40008000, 2, true);
    rig_refuses(&r, "uImage", "checksum");
    rig_free(&r);
    r = rig_new(&arm_virt_class, 128, 1);
    r.m->cfg.kernel = image(0, MIB);
    rig_refuses(&r, "aarch64", "cortex-a57");
    rig_free(&r);
    r = rig_new(&aarch64_virt_class, 128, 1);
    r.m->cfg.cpu_model = "cortex-a57";
    r.m->cfg.kernel = uimage(0x40008000, 0x40008000, 2, false);
    rig_refuses(&r, "for arm", "cortex-a15");
    rig_free(&r);
}

static void test_bad_options(void)
{
    static const struct {
        const char *name, *value, *word, *word2;
    } bad[] = {
        {"gic-version", "host", "KVM", "3"},    {"gic-version", "5", "gic-version=5", "max"},
        {"msi", "its", "gic-version=3", "msi"}, {"msi", "maybe", "auto", "gicv2m"},
        {"iommu", "smmuv3", "iommu", "none"},   {"mte", "on", "mte", "tagging"},
        {"acpi", "perhaps", "acpi", "auto"},    {"highmem-mmio-size", "3G", "power", "1G"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        struct rig r = rig_new(&aarch64_virt_class, 128, 1);
        rig_set(&r, bad[i].name, bad[i].value);
        rig_refuses(&r, bad[i].word, bad[i].word2);
        rig_free(&r);
    }
    struct rig r = rig_new(&aarch64_virt_class, 128, 9);
    rig_set(&r, "gic-version", "2");
    rig_refuses(&r, "8 CPUs", "3");
    rig_free(&r);
    r = rig_new(&aarch64_virt_class, 4096, 1);
    rig_set(&r, "highmem", "off");
    rig_refuses(&r, "3072M", "highmem=off");
    rig_free(&r);
}

static gpa ecam_of(struct rig *r)
{
    int len;
    const void *tree = tree_at(r, DRAM);
    return ld_be64(get(tree, "/pcie@10000000", "reg", &len));
}

static void test_places_above_ram(void)
{
    struct rig r = rig_new(&aarch64_virt_class, 256, 9); /* more than a GICv2 serves */
    rig_start(&r);
    int len;
    const void *tree = tree_at(&r, DRAM);
    g_assert_cmpstr(get(tree, "/intc@8000000", "compatible", &len), ==, "arm,gic-v3");
    g_assert_cmphex(ecam_of(&r), ==, 0x4010000000);
    rig_free(&r);
    r = rig_new(&aarch64_virt_class, 256, 1);
    rig_set(&r, "highmem", "off");
    rig_start(&r);
    g_assert_cmphex(ecam_of(&r), ==, 0x3f000000);
    rig_free(&r);
}

/* A disassembler of ACPI tables, where there is one, finds nothing wrong with them. */
static void check_table(const char *name, const uint8_t *data, size_t len)
{
    g_autofree char *tool = g_find_program_in_path("iasl");
    const char *path = file(name, data, len);
    g_autofree char *out = NULL, *err = NULL;
    int status = 0;
    if (tool == NULL)
        return;
    char *argv[] = {tool, (char *)(uintptr_t) "-d", (char *)(uintptr_t)path, NULL};
    g_assert_true(
        g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, NULL));
    g_assert_cmpint(status, ==, 0);
    g_autofree char *dsl = g_strconcat(path, ".dsl", NULL);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(dsl, &text, NULL, NULL));
    if (strstr(text, "Invalid") || strstr(text, "Unknown") || strstr(err, "Error"))
        g_error("%s: %s%s", name, text, err);
    if (strcmp(name, "DSDT") != 0)
        return;
    char *again[] = {tool, (char *)(uintptr_t) "-ve", dsl, NULL};
    g_free(out);
    g_free(err);
    out = err = NULL;
    g_assert_true(
        g_spawn_sync(NULL, again, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status, NULL));
    if (status != 0)
        g_error("%s%s", out, err);
}

static void check_tables(struct rig *r, const char *const *want)
{
    struct acpi *a = arm_virt_acpi((struct arm_virt *)r->m);
    size_t len;
    const uint8_t *blob = acpi_blob(a, &len);
    for (size_t at = 0; at + 36 <= len; at += align_up(ld_le32(blob + at + 4), 16)) {
        g_autofree char *name = g_strndup((const char *)blob + at, 4);
        size_t size = ld_le32(blob + at + 4);
        g_assert_cmpuint(at + size, <=, len);
        g_assert_cmpstr(name, ==, *want++);
        g_autofree uint8_t *copy = g_memdup2(blob + at, size);
        uint8_t sum = 0;
        for (size_t i = 0; i < size; i++)
            sum += copy[i];
        copy[9] -= sum;
        check_table(name, copy, size);
    }
    g_assert_null(*want);
    acpi_free(a);
}

static void test_acpi_tables(void)
{
    static const char *const v2[] = {"DSDT", "FACP", "APIC", "PPTT", "GTDT",
                                     "MCFG", "SPCR", "DBG2", NULL};
    static const char *const v3[] = {"DSDT", "FACP", "APIC", "PPTT", "GTDT",
                                     "MCFG", "SPCR", "DBG2", "IORT", NULL};
    struct rig r = rig_new(&aarch64_virt_class, 128, 4);
    rig_start(&r);
    check_tables(&r, v2);
    rig_free(&r);
    r = rig_new(&aarch64_virt_class, 128, 6);
    rig_set(&r, "gic-version", "3");
    rig_set(&r, "virtualization", "on");
    r.m->cfg.cores = 3;
    r.m->cfg.sockets = 2;
    rig_start(&r);
    check_tables(&r, v3);
    rig_free(&r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("tinamou-test-XXXXXX", NULL);
    g_test_add_func("/arm-virt/image", test_image_goes_to_its_text_offset);
    g_test_add_func("/arm-virt/uimage", test_uimage_goes_where_it_says);
    g_test_add_func("/arm-virt/bad-images", test_bad_images);
    g_test_add_func("/arm-virt/bad-options", test_bad_options);
    g_test_add_func("/arm-virt/places", test_places_above_ram);
    g_test_add_func("/arm-virt/acpi", test_acpi_tables);
    int status = g_test_run();
    remove_files();
    g_free(dir);
    return status;
}
