/*
 * Booting RISC-V boards.
 * Ref: OpenSBI documentation, "firmware/fw_dynamic"; Linux Documentation/arch/riscv/boot.rst and
 * boot-image-header.rst.
 */
#include "hw/board/riscv_boot.h"
#include "core/loader.h"
#include "hw/misc/fw_cfg.h"
#include "util/bits.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

static const uint64_t MIB = UINT64_C(1) << 20;
static const gpa FDT_LIMIT = UINT64_C(3) << 30; /* 32-bit addresses that every kernel maps early */
enum { FDT_SLACK = 4096, SEED_SIZE = 32 };
enum { INFO_MAGIC = 0x4942534f, INFO_VERSION = 2, INFO_MODE_S = 1 };

static const char *arch_name(const struct riscv_boot *b)
{
    return b->is64 ? "riscv64" : "riscv32";
}

static gpa ram_end(const struct riscv_boot *b)
{
    return b->ram_base + b->ram_size;
}

/* OpenSBI where distributions put it. */
static char *find_opensbi(struct riscv_boot *b, struct error **errp)
{
    static const char *const names[2][5] = {
        {"opensbi-riscv32-generic-fw_dynamic.bin",
         "/usr/lib/riscv32-linux-gnu/opensbi/generic/fw_dynamic.bin",
         "/usr/share/opensbi/ilp32/generic/firmware/fw_dynamic.bin", NULL},
        {"opensbi-riscv64-generic-fw_dynamic.bin",
         "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin",
         "/usr/share/qemu/opensbi-riscv64-generic-fw_dynamic.bin",
         "/usr/share/opensbi/lp64/generic/firmware/fw_dynamic.bin", NULL},
    };
    for (const char *const *name = names[b->is64]; *name; name++) {
        char *path = firmware_find(b->m, *name, NULL);
        if (path)
            return path;
    }
    error_set(errp, "could not find the default firmware %s", names[b->is64][0]);
    if (b->is64)
        error_append(errp, "; install the package 'opensbi' (apt-get install opensbi), or give "
                           "-bios FILE, or -bios none");
    else
        error_append(errp, "; build OpenSBI with PLATFORM_RISCV_XLEN=32, or give -bios FILE, or "
                           "-bios none");
    return NULL;
}

static bool bios_is_none(const struct riscv_boot *b)
{
    return b->m->cfg.bios && strcmp(b->m->cfg.bios, "none") == 0;
}

/* The file of -bios, or NULL with *errp. */
static char *bios_path(struct riscv_boot *b, struct error **errp)
{
    const char *bios = b->m->cfg.bios;
    if (bios == NULL || strcmp(bios, "default") == 0)
        return find_opensbi(b, errp);
    char *path = firmware_find(b->m, bios, errp);
    if (path == NULL)
        error_prefix(errp, "-bios %s", bios);
    return path;
}

/* Machine-mode code at the start of RAM; what comes after it starts at *end. */
static bool load_firmware(struct riscv_boot *b, gpa *end, struct error **errp)
{
    *end = b->start = b->ram_base;
    if (bios_is_none(b)) {
        if (b->has_flash)
            b->start = b->flash_base;
        return true;
    }
    g_autofree char *path = bios_path(b, errp);
    if (path == NULL)
        return false;
    struct boot_image *img = boot_image_read(&b->images, "firmware", path, true, errp);
    if (img == NULL)
        return false;
    if (!boot_image_check_arch(img, arch_name(b), errp)) {
        boot_image_free(img);
        return false;
    }
    img = boot_image_place(&b->images, img, b->ram_base, errp);
    if (img == NULL)
        return false;
    b->start = img->entry;
    *end = MAX(*end, img->high);
    return true;
}

/* With firmware in flash for supervisor mode, that loads the kernel: it finds it in fw_cfg. */
static bool offer_kernel(struct riscv_boot *b, struct boot_image *img)
{
    const char *append = b->m->cfg.append ? b->m->cfg.append : "";
    fw_cfg_set_u32(b->fw_cfg, FW_CFG_KERNEL_SIZE, (uint32_t)img->len);
    fw_cfg_set_item(b->fw_cfg, FW_CFG_KERNEL_DATA, img->data, img->len);
    fw_cfg_set_u32(b->fw_cfg, FW_CFG_CMDLINE_SIZE, (uint32_t)strlen(append) + 1);
    fw_cfg_set_item(b->fw_cfg, FW_CFG_CMDLINE_DATA, append, strlen(append) + 1);
    boot_image_free(img);
    return true;
}

static bool load_kernel(struct riscv_boot *b, gpa firmware_end, struct error **errp)
{
    const char *path = b->m->cfg.kernel;
    bool by_flash = b->has_flash && !bios_is_none(b);
    b->kernel_start = b->kernel_end = align_up(firmware_end, b->is64 ? 2 * MIB : 4 * MIB);
    if (by_flash)
        b->next = b->flash_base;
    if (path == NULL)
        return true;
    struct boot_image *img = boot_image_read(&b->images, "kernel", path, true, errp);
    if (img == NULL)
        return false;
    if (!boot_image_check_arch(img, arch_name(b), errp)) {
        boot_image_free(img);
        return false;
    }
    if (by_flash)
        return offer_kernel(b, img);
    img = boot_image_place(&b->images, img, b->kernel_start, errp);
    if (img == NULL)
        return false;
    b->kernel_start = img->entry;
    b->kernel_end = img->high;
    b->next = img->entry;
    if (bios_is_none(b) && !b->has_flash)
        b->start = img->entry;
    return true;
}

/* At half of RAM, at most 128 MiB in, so that a kernel that moves or unpacks itself does not meet
 * it. */
static bool load_initrd(struct riscv_boot *b, struct error **errp)
{
    const char *path = b->m->cfg.initrd;
    if (path == NULL)
        return true;
    struct boot_image *img = boot_image_read(&b->images, "initrd", path, false, errp);
    if (img == NULL)
        return false;
    if (b->has_flash && !bios_is_none(b)) {
        fw_cfg_set_u32(b->fw_cfg, FW_CFG_INITRD_SIZE, (uint32_t)img->len);
        fw_cfg_set_item(b->fw_cfg, FW_CFG_INITRD_DATA, img->data, img->len);
        boot_image_free(img);
        return true;
    }
    gpa close = align_up(b->kernel_end, 2 * MIB);
    gpa at = MAX(close, b->kernel_start + MIN(b->ram_size / 2, 128 * MIB));
    img->low = at + img->len <= b->fdt_addr ? at : close;
    img->high = img->low + img->len;
    if (!boot_image_check_room(&b->images, img, b->fdt_addr, errp)) {
        boot_image_free(img);
        return false;
    }
    b->initrd_start = img->low;
    b->initrd_size = img->len;
    return boot_image_place(&b->images, img, img->low, errp) != NULL;
}

/* As high as a multiple of 2 MiB allows, in RAM and below FDT_LIMIT. */
static void place_fdt(struct riscv_boot *b)
{
    size_t len;
    fdt_blob(b->fdt, &len);
    gpa top = MIN(ram_end(b), FDT_LIMIT);
    len += FDT_SLACK + (b->m->cfg.append ? strlen(b->m->cfg.append) : 0);
    b->fdt_addr = len < b->ram_size ? align_down(top - len, 2 * MIB) : b->ram_base;
}

static void set_seed(struct riscv_boot *b)
{
    uint8_t seed[SEED_SIZE];
    if (b->randomness && getrandom(seed, sizeof(seed), 0) == sizeof(seed))
        fdt_bytes(b->fdt, "/chosen", "rng-seed", seed, sizeof(seed));
}

static void complete_chosen(struct riscv_boot *b)
{
    const char *append = b->m->cfg.append;
    if (append && *append)
        fdt_string(b->fdt, "/chosen", "bootargs", append);
    if (b->initrd_size) {
        fdt_u64(b->fdt, "/chosen", "linux,initrd-start", b->initrd_start);
        fdt_u64(b->fdt, "/chosen", "linux,initrd-end", b->initrd_start + b->initrd_size);
    }
    set_seed(b);
}

static bool write_fdt(struct riscv_boot *b, struct error **errp)
{
    size_t len;
    const void *blob = fdt_blob(b->fdt, &len);
    return load_blob(&b->m->as, b->fdt_addr, blob, len, "device tree", errp);
}

static void put32(uint8_t **p, uint32_t v)
{
    st_le32(*p, v);
    *p += 4;
}

/* A register-sized word. */
static void put_long(const struct riscv_boot *b, uint8_t **p, uint64_t v)
{
    put32(p, (uint32_t)v);
    if (b->is64)
        put32(p, (uint32_t)(v >> 32));
}

/*
 * The reset vector: hart id in a0, device tree in a1, struct fw_dynamic_info in a2, and off to the
 * firmware. Offsets from t0 are those of the two doublewords after the code and of the struct
 * behind them.
 */
static void write_reset_vector(struct riscv_boot *b)
{
    uint8_t *p = b->mrom->host;
    uint32_t width = b->is64 ? 3 : 2;    /* funct3 of ld, lw */
    put32(&p, 0x00000297);               /* auipc t0, 0 */
    put32(&p, 0x02828613);               /* addi  a2, t0, 40 */
    put32(&p, 0xf1402573);               /* csrr  a0, mhartid */
    put32(&p, 0x02028583 | width << 12); /* l     a1, 32(t0) */
    put32(&p, 0x01828283 | width << 12); /* l     t0, 24(t0) */
    put32(&p, 0x00028067);               /* jr    t0 */
    put32(&p, (uint32_t)b->start);
    put32(&p, (uint32_t)(b->start >> 32));
    put32(&p, (uint32_t)b->fdt_addr);
    put32(&p, (uint32_t)(b->fdt_addr >> 32));
    put_long(b, &p, INFO_MAGIC);
    put_long(b, &p, INFO_VERSION);
    put_long(b, &p, b->next);
    put_long(b, &p, INFO_MODE_S);
    put_long(b, &p, 0); /* options */
    put_long(b, &p, 0); /* boot hart */
}

bool riscv_boot_load(struct riscv_boot *b, struct error **errp)
{
    gpa firmware_end;
    b->images.as = &b->m->as;
    b->images.ram_base = b->ram_base;
    b->images.ram_size = b->ram_size;
    boot_images_init(&b->images);
    if (!load_firmware(b, &firmware_end, errp))
        return false;
    place_fdt(b);
    if (!load_kernel(b, firmware_end, errp) || !load_initrd(b, errp))
        return false;
    complete_chosen(b);
    size_t len;
    fdt_blob(b->fdt, &len);
    if (!boot_images_check_fdt(&b->images, b->fdt_addr, len, errp) || !write_fdt(b, errp))
        return false;
    write_reset_vector(b);
    b->fresh = true;
    return true;
}

void riscv_boot_reset(struct riscv_boot *b)
{
    struct error *err = NULL;
    if (b->fresh) { /* the reset that ends the machine's creation */
        b->fresh = false;
        return;
    }
    bool ok = boot_images_restore(&b->images, &err);
    set_seed(b);
    if (!ok || !write_fdt(b, &err))
        error_report(err);
}

void riscv_boot_fini(struct riscv_boot *b)
{
    boot_images_fini(&b->images);
    fdt_free(b->fdt);
}
