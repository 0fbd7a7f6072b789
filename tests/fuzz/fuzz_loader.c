/*
 * Any bytes as a kernel, firmware or device tree: wrappers undone, headers read, segments loaded,
 * the tree edited as a board edits it.
 */
#include "core/fdt.h"
#include "core/loader.h"
#include "core/ram.h"
#include "tests/fuzz/fuzz.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { RAM_SIZE = 1 << 20, MAX_UNWRAPPED = 4 << 20 };
static const gpa RAM_BASE = 0x80000000;

static struct address_space as;

static void make_memory(void)
{
    static struct mem_region root, ram_mr;
    struct ram_block *ram = ram_new("ram", RAM_SIZE, NULL);
    region_init_container(&root, "root", UINT64_MAX);
    region_init_ram(&ram_mr, "ram", ram, 0, RAM_SIZE);
    region_add(&root, RAM_BASE, &ram_mr, 0);
    address_space_init(&as, &root);
    ram->as = &as;
}

static void edit_tree(const uint8_t *data, size_t len)
{
    size_t size;
    struct fdt *f = fdt_from_blob(data, len, "input", NULL);
    if (!f)
        return;
    fdt_node(f, "/chosen");
    fdt_string(f, "/chosen", "bootargs", "console=ttyS0");
    FDT_CELLS(f, "/chosen", "linux,initrd-start", 0, 0x88000000);
    fdt_has_node(f, "/memory@80000000");
    fdt_blob(f, &size);
    fdt_free(f);
}

static void load(const uint8_t *data, size_t len)
{
    struct elf_info elf;
    struct image_info image;
    image_arch(data, len);
    if (image_probe(data, len, &image) && !image.arch)
        g_error("an image without an architecture");
    if (elf_probe(data, len, &elf) && elf_load(&as, data, len, &elf, "input", NULL) &&
        elf.low > elf.high)
        g_error("extent %#lx..%#lx", (unsigned long)elf.low, (unsigned long)elf.high);
    (void)!load_blob(&as, RAM_BASE + len, data, len, "input", NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (!as.root)
        make_memory();
    size_t n = len;
    uint8_t *copy = g_malloc(len + 1);
    memcpy(copy, data, len);
    copy = g_realloc(copy, len ? len : 1); /* exact, so that a sanitizer sees reads past it */
    edit_tree(copy, n);
    if (load_unwrap(&copy, &n, MAX_UNWRAPPED, "input", NULL)) {
        if (n > MAX_UNWRAPPED && n > len)
            g_error("unwrapped to %zu bytes", n);
        load(copy, n);
    }
    g_free(copy);
    return 0;
}

/* --- seeds --- */
static size_t elf_seed(uint8_t *p, uint64_t random)
{
    bool is64 = random & 1;
    memset(p, 0, 512);
    memcpy(p, "\177ELF", 4);
    p[4] = is64 ? 2 : 1;
    p[5] = random & 2 ? 1 : 2;
    p[6] = 1;
    st_le16(p + 16, 2);
    st_le16(p + 18, 243);
    st_le32(p + 20, 1);
    st_le64(p + 24, 0x80000000);
    if (is64) {
        st_le64(p + 32, 64);
        st_le16(p + 54, 56);
        st_le16(p + 56, 1);
        st_le32(p + 64, 1);
        st_le64(p + 72, 256);
        st_le64(p + 80, 0x80000000);
        st_le64(p + 88, 0x80000000);
        st_le64(p + 96, 128);
        st_le64(p + 104, 256);
    } else {
        st_le32(p + 28, 52);
        st_le16(p + 42, 32);
        st_le16(p + 44, 1);
        st_le32(p + 52, 1);
        st_le32(p + 56, 256);
        st_le32(p + 60, 0x80000000);
        st_le32(p + 64, 0x80000000);
        st_le32(p + 68, 128);
        st_le32(p + 72, 256);
    }
    return 512;
}

static size_t image_seed(uint8_t *p)
{
    memset(p, 0, 256);
    st_le64(p + 8, 0x200000);
    st_le64(p + 16, 256);
    st_le32(p + 32, 2);
    memcpy(p + 48, "RISCV\0\0", 8);
    memcpy(p + 56, "RSC\5", 4);
    return 256;
}

static size_t fdt_seed(uint8_t *p)
{
    size_t len;
    struct fdt *f = fdt_new();
    fdt_node(f, "/cpus/cpu@0");
    fdt_u32(f, "/cpus", "#address-cells", 1);
    fdt_string(f, "/", "model", "seed");
    fdt_phandle(f, "/cpus/cpu@0");
    const void *blob = fdt_blob(f, &len);
    len = MIN(len, FUZZ_MAX);
    memcpy(p, blob, len);
    fdt_free(f);
    return len;
}

static size_t gzip_seed(uint8_t *out, const uint8_t *in, size_t n)
{
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)in, .avail_in = n, .next_out = out, .avail_out = FUZZ_MAX};
    deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return z.total_out;
}

static size_t zboot_seed(uint8_t *out, const uint8_t *in, size_t n)
{
    memset(out, 0, 64);
    memcpy(out, "MZ\0\0zimg", 8);
    st_le32(out + 8, 64);
    st_le32(out + 12, n);
    memcpy(out + 24, "gzip", 4);
    memcpy(out + 64, in, n);
    return 64 + n;
}

size_t fuzz_seed(uint64_t random, uint8_t *buf)
{
    static uint8_t inner[FUZZ_MAX], packed[FUZZ_MAX];
    size_t n = random & 4   ? elf_seed(inner, random)
               : random & 8 ? image_seed(inner)
                            : fdt_seed(inner);
    switch (random >> 8 & 3) {
    case 0: return gzip_seed(buf, inner, n);
    case 1: return ZSTD_compress(buf, FUZZ_MAX, inner, n, 3);
    case 2: return zboot_seed(buf, packed, gzip_seed(packed, inner, n));
    default: memcpy(buf, inner, n); return n;
    }
}
