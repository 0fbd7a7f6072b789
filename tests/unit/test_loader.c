/* Files, ELF, Image headers and wrappers: good, truncated at every length, and with random damage.
 */
#include "core/loader.h"
#include "core/machine.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { MAX = 1 << 20 };

struct blob {
    uint8_t data[8192];
    size_t len;
};

static struct mem_region root, ram_mr;
static struct address_space as;
static struct ram_block *ram;

static void text_like(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = i / 3 % 50 + (i % 7 == 0);
}

static struct blob gzip_of(const uint8_t *p, size_t n)
{
    struct blob b = {.len = sizeof(b.data)};
    z_stream z = {.next_in = (Bytef *)(uintptr_t)p,
                  .avail_in = n,
                  .next_out = b.data,
                  .avail_out = sizeof(b.data)};

    g_assert_cmpint(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    b.len = z.total_out;
    deflateEnd(&z);
    return b;
}

static struct blob zstd_of(const uint8_t *p, size_t n)
{
    struct blob b = {0};

    b.len = ZSTD_compress(b.data, sizeof(b.data), p, n, 19);
    g_assert_false(ZSTD_isError(b.len));
    return b;
}

static struct blob zboot_of(const struct blob *payload, const char *method)
{
    struct blob b = {.len = 128 + payload->len};

    memcpy(b.data, "MZ\0\0zimg", 8);
    st_le32(b.data + 8, 128);
    st_le32(b.data + 12, payload->len);
    g_strlcpy((char *)b.data + 24, method, 32);
    memcpy(b.data + 128, payload->data, payload->len);
    return b;
}

static bool unwrap(const struct blob *b, size_t len, size_t max, uint8_t **out, size_t *out_len,
                   struct error **errp)
{
    *out = g_memdup2(b->data, len);
    *out_len = len;
    return load_unwrap(out, out_len, max, "kernel", errp);
}

static void expect_plain(const struct blob *b, const uint8_t *want, size_t n)
{
    uint8_t *out;
    size_t len;

    g_assert_true(unwrap(b, b->len, MAX, &out, &len, NULL));
    g_assert_cmpmem(out, len, want, n);
    g_free(out);
}

/* Every prefix that still shows its magic must fail with a message, never crash or pass. */
static void expect_truncation_told(const struct blob *b, size_t magic)
{
    for (size_t n = magic; n < b->len; n++) {
        struct error *err = NULL;
        uint8_t *out;
        size_t len;
        g_assert_false(unwrap(b, n, MAX, &out, &len, &err));
        g_assert_nonnull(strstr(error_text(err), "'kernel'"));
        error_free(err);
        g_free(out);
    }
}

static void damage(const struct blob *b)
{
    for (int round = 0; round < 2000; round++) {
        struct blob c = *b;
        struct error *err = NULL;
        uint8_t *out;
        size_t len;
        for (int i = g_test_rand_int_range(1, 6); i; i--)
            c.data[g_test_rand_int_range(0, c.len)] = g_test_rand_int();
        bool ok = unwrap(&c, c.len, MAX, &out, &len, &err);
        g_assert_true(ok == !err);
        g_assert_cmpuint(len, <=, MAX);
        error_free(err);
        g_free(out);
    }
}

static void test_wrappers(void)
{
    uint8_t plain[5000], *out;
    size_t len;
    struct error *err = NULL;

    text_like(plain, sizeof(plain));
    struct blob gz = gzip_of(plain, sizeof(plain)), zs = zstd_of(plain, sizeof(plain));
    struct blob zb = zboot_of(&gz, "gzip"), zbz = zboot_of(&zs, "zstd"),
                gzgz = gzip_of(gz.data, gz.len);
    const struct blob *const good[] = {&gz, &zs, &zb, &zbz, &gzgz};
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        expect_plain(good[i], plain, sizeof(plain));
        expect_truncation_told(good[i], 8);
        damage(good[i]);
        g_assert_false(unwrap(good[i], good[i]->len, 4999, &out, &len, &err));
        g_assert_nonnull(strstr(error_text(err), "too large"));
        g_clear_pointer(&err, error_free);
        g_free(out);
        g_assert_true(unwrap(good[i], good[i]->len, 5000, &out, &len, &err));
        g_free(out);
    }
    struct blob xz = zboot_of(&gz, "xzkern");
    g_assert_false(unwrap(&xz, xz.len, MAX, &out, &len, &err));
    g_assert_nonnull(strstr(error_text(err), "'xzkern'"));
    error_free(err);
    g_free(out);
}

static void test_what_is_not_wrapped_stays(void)
{
    struct blob b = {.len = 100};
    uint8_t *out;
    size_t len;

    text_like(b.data, b.len);
    for (size_t n = 0; n <= b.len; n++) {
        g_assert_true(unwrap(&b, n, MAX, &out, &len, NULL));
        g_assert_cmpmem(out, len, b.data, n);
        g_free(out);
    }
}

/* 64-bit RISC-V: one segment of 100 bytes at 0x2000 (virtual 0x80002000) that takes 200, entry in
 * its middle. */
static struct blob elf_blob(void)
{
    struct blob b = {.len = 120 + 100};

    memcpy(b.data, "\177ELF\2\1\1", 7);
    st_le16(b.data + 16, 2);
    st_le16(b.data + 18, 243);
    st_le64(b.data + 24, 0x80002010);
    st_le64(b.data + 32, 64);
    st_le16(b.data + 54, 56);
    st_le16(b.data + 56, 1);
    st_le32(b.data + 64, 1);
    st_le64(b.data + 72, 120);
    st_le64(b.data + 80, 0x80002000);
    st_le64(b.data + 88, 0x2000);
    st_le64(b.data + 96, 100);
    st_le64(b.data + 104, 200);
    memset(b.data + 120, 0xcc, 100);
    return b;
}

/* The same in 32 bits, big endian (as no guest of ours, but the header says so and is believed). */
static struct blob elf32_blob(void)
{
    struct blob b = {.len = 84 + 16};

    memcpy(b.data, "\177ELF\1\2\1", 7);
    st_be16(b.data + 16, 2);
    st_be16(b.data + 18, 40);
    st_be32(b.data + 24, 0x3000);
    st_be32(b.data + 28, 52);
    st_be16(b.data + 42, 32);
    st_be16(b.data + 44, 1);
    st_be32(b.data + 52, 1);
    st_be32(b.data + 56, 84);
    st_be32(b.data + 60, 0x3000);
    st_be32(b.data + 64, 0x3000);
    st_be32(b.data + 68, 16);
    st_be32(b.data + 72, 16);
    memset(b.data + 84, 0xdd, 16);
    return b;
}

static void test_elf_lands_at_its_physical_addresses(void)
{
    struct blob b = elf_blob(), b32 = elf32_blob();
    struct elf_info info;

    memset(ram->host, 0xff, ram->size);
    g_assert_true(elf_load(&as, b.data, b.len, &info, "k", NULL));
    g_assert_true(info.is64 && info.machine == 243);
    g_assert_cmphex(info.entry, ==, 0x2010);
    g_assert_cmphex(info.low, ==, 0x2000);
    g_assert_cmphex(info.high, ==, 0x20c8);
    g_assert_cmphex(ram->host[0x2063], ==, 0xcc);
    g_assert_cmphex(ram->host[0x2064], ==, 0);
    g_assert_cmphex(ram->host[0x20c7], ==, 0);
    g_assert_cmphex(ram->host[0x20c8], ==, 0xff);
    g_assert_cmpstr(image_arch(b.data, b.len), ==, "riscv64");
    g_assert_true(elf_load(&as, b32.data, b32.len, &info, "k", NULL));
    g_assert_true(info.big_endian && !info.is64);
    g_assert_cmphex(info.entry, ==, 0x3000);
    g_assert_cmphex(ram->host[0x3000], ==, 0xdd);
    g_assert_cmpstr(image_arch(b32.data, b32.len), ==, "arm");
}

static void expect_elf_error(const struct blob *b, size_t len, const char *part)
{
    struct error *err = NULL;
    struct elf_info info;

    g_assert_false(elf_load(&as, b->data, len, &info, "k", &err));
    g_assert_nonnull(strstr(error_text(err), part));
    error_free(err);
}

static void test_bad_elf_is_told(void)
{
    struct blob good = elf_blob(), b;

    for (size_t n = 0; n < good.len; n++)
        expect_elf_error(&good, n, "'k'");
    b = good;
    st_le64(b.data + 88, 0x40000000);
    expect_elf_error(&b, b.len, "no memory at 0x40000000");
    b = good;
    st_le64(b.data + 104, UINT64_C(1) << 60);
    expect_elf_error(&b, b.len, "impossible sizes");
    b = good;
    st_le64(b.data + 104, 50);
    expect_elf_error(&b, b.len, "impossible sizes");
    b = good;
    st_le64(b.data + 88, UINT64_MAX - 10);
    expect_elf_error(&b, b.len, "impossible sizes");
    b = good;
    st_le64(b.data + 104, 1 << 30);
    expect_elf_error(&b, b.len, "no memory at");
    b = good;
    st_le32(b.data + 64, 6);
    expect_elf_error(&b, b.len, "nothing to load");
    b = good;
    st_le16(b.data + 16, 1);
    expect_elf_error(&b, b.len, "of type 1");
    b = good;
    st_le64(b.data + 32, UINT64_MAX - 8);
    expect_elf_error(&b, b.len, "beyond the end");
}

static void test_damaged_elf_does_no_harm(void)
{
    struct blob base[2] = {elf_blob(), elf32_blob()};

    for (int round = 0; round < 20000; round++) {
        struct blob b = base[round & 1];
        struct error *err = NULL;
        struct elf_info info;
        for (int i = g_test_rand_int_range(1, 6); i; i--)
            b.data[g_test_rand_int_range(0, MIN(b.len, 120))] = g_test_rand_int();
        bool ok = elf_load(&as, b.data, b.len, &info, "k", &err);
        g_assert_true(ok == !err);
        error_free(err);
        image_arch(b.data, b.len);
    }
}

static void test_image_headers(void)
{
    struct blob b = {.len = 1024};
    struct image_info info;

    memcpy(b.data + 0x38, "RSC\005", 4);
    st_le64(b.data + 8, 0x200000);
    st_le64(b.data + 16, 0x1500000);
    g_assert_true(image_probe(b.data, b.len, &info));
    g_assert_cmpstr(info.arch, ==, "riscv64");
    g_assert_cmphex(info.text_offset, ==, 0x200000);
    g_assert_cmphex(info.image_size, ==, 0x1500000);
    st_le64(b.data + 8, 0x400000);
    g_assert_cmpstr(image_arch(b.data, b.len), ==, "riscv32");
    memcpy(b.data + 0x38, "ARM\x64", 4);
    g_assert_cmpstr(image_arch(b.data, b.len), ==, "aarch64");
    g_assert_false(image_probe(b.data, 63, &info));
    memset(b.data, 0, b.len);
    st_le32(b.data + 0x24, 0x016f2818);
    g_assert_cmpstr(image_arch(b.data, b.len), ==, "arm");
    memset(b.data, 0, b.len);
    memcpy(b.data + 0x202, "HdrS\x0f\x02", 6);
    b.data[0x236] = 1;
    g_assert_cmpstr(image_arch(b.data, b.len), ==, "x86_64");
    b.data[0x236] = 0;
    g_assert_cmpstr(image_arch(b.data, b.len), ==, "i386");
    memset(b.data, 0, b.len);
    memcpy(b.data, "MZ", 2);
    st_le32(b.data + 0x3c, 0x80);
    memcpy(b.data + 0x80, "PE\0\0\x64\x50", 6);
    g_assert_cmpstr(image_arch(b.data, b.len), ==, "riscv64");
    for (size_t n = 0; n < 0x86; n++)
        g_assert_null(image_arch(b.data, n));
    st_le32(b.data + 0x3c, UINT32_MAX);
    g_assert_null(image_arch(b.data, b.len));
}

static void test_files(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "tinamou-test-loader", NULL);
    struct error *err = NULL;
    size_t len;

    g_assert_true(g_file_set_contents(path, "hello", 5, NULL));
    uint8_t *p = load_file(path, 5, &len, &err);
    g_assert_cmpmem(p, len, "hello", 5);
    g_free(p);
    g_assert_null(load_file(path, 4, &len, &err));
    g_assert_nonnull(strstr(error_text(err), "at most 4 bytes"));
    g_clear_pointer(&err, error_free);
    g_assert_true(g_file_set_contents(path, "", 0, NULL));
    p = load_file(path, 5, &len, &err);
    g_assert_nonnull(p);
    g_assert_cmpuint(len, ==, 0);
    g_free(p);
    unlink(path);
    g_assert_null(load_file(path, 5, &len, &err));
    g_assert_nonnull(strstr(error_text(err), "could not open"));
    g_clear_pointer(&err, error_free);
    g_assert_null(load_file(g_get_tmp_dir(), 5, &len, &err));
    g_clear_pointer(&err, error_free);
    g_assert_null(load_file("/dev/zero", 100000, &len, &err));
    g_assert_nonnull(strstr(error_text(err), "too large"));
    error_free(err);
}

static void test_firmware_is_searched_and_the_places_named(void)
{
    g_autofree char *dir = g_dir_make_tmp("tinamou-XXXXXX", NULL),
                    *path = g_build_filename(dir, "fw.bin", NULL);
    const char *const dirs[] = {"/nonexistent", dir, NULL};
    struct machine *m = g_new0(struct machine, 1);
    struct error *err = NULL;

    m->cfg.firmware_dirs = dirs;
    g_assert_true(g_file_set_contents(path, "x", 1, NULL));
    g_autofree char *found = firmware_find(m, "fw.bin", &err);
    g_assert_cmpstr(found, ==, path);
    g_assert_null(firmware_find(m, "fw2.bin", &err));
    g_assert_nonnull(strstr(error_text(err), "looked in /nonexistent, "));
    g_clear_pointer(&err, error_free);
    g_assert_null(firmware_find(m, "./fw.bin", &err));
    error_free(err);
    unlink(path);
    rmdir(dir);
    g_free(m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ram = ram_new("ram", 0x10000, NULL);
    region_init_container(&root, "system", UINT64_MAX);
    region_init_ram(&ram_mr, "ram", ram, 0, 0x10000);
    region_add(&root, 0, &ram_mr, 0);
    address_space_init(&as, &root);
    g_test_add_func("/loader/wrappers", test_wrappers);
    g_test_add_func("/loader/plain", test_what_is_not_wrapped_stays);
    g_test_add_func("/loader/elf", test_elf_lands_at_its_physical_addresses);
    g_test_add_func("/loader/elf-bad", test_bad_elf_is_told);
    g_test_add_func("/loader/elf-damaged", test_damaged_elf_does_no_harm);
    g_test_add_func("/loader/image", test_image_headers);
    g_test_add_func("/loader/file", test_files);
    g_test_add_func("/loader/firmware", test_firmware_is_searched_and_the_places_named);
    int ret = g_test_run();
    address_space_fini(&as);
    ram_free(ram);
    return ret;
}
