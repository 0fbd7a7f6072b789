/*
 * Booting Arm boards.
 * Ref: Linux Documentation/arch/arm64/booting.rst and Documentation/arch/arm/booting.rst; QEMU
 * documentation, "virt" generic virtual platform, "Hardware configuration information for
 * bare-metal programming".
 */
#include "hw/board/arm_boot.h"
#include "core/loader.h"
#include "hw/misc/fw_cfg.h"
#include "target/arm/arm.h"
#include "util/bits.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

static const uint64_t MIB = UINT64_C(1) << 20;
enum { SEED_SIZE = 32, KASLR_SEED_SIZE = 8 };
enum { IMAGE_DEFAULT_OFFSET = 0x80000, ZIMAGE_OFFSET = 0x10000, LOW_OFFSETS = 0x1000 };
static const uint64_t IMAGE_ALIGN = UINT64_C(2) << 20;
static const uint64_t NO_MACHINE_TYPE = UINT32_MAX; /* r1: the device tree says it */

static struct cpu *first(const struct arm_boot *b)
{
    return b->m->cpus[0];
}

static bool is64(const struct arm_boot *b)
{
    return arm_is_aarch64(first(b));
}

static const char *arch_name(const struct arm_boot *b)
{
    return is64(b) ? "aarch64" : "arm";
}

/* A kernel for the other state needs another processor. */
static bool check_arch(const struct arm_boot *b, const struct boot_image *img, struct error **errp)
{
    if (boot_image_check_arch(img, arch_name(b), errp))
        return true;
    const char *arch = image_arch(img->data, img->len);
    if (is64(b) && strcmp(arch, "arm") == 0)
        error_append(errp, "; a 32-bit processor is -cpu cortex-a15");
    else if (strcmp(arch, "aarch64") == 0)
        error_append(errp, "; a 64-bit processor is -cpu cortex-a57, or max");
    return false;
}

bool arm_boot_load_bios(struct arm_boot *b, struct error **errp)
{
    const char *bios = b->m->cfg.bios;
    size_t len;
    g_autofree char *path = firmware_find(b->m, bios, errp);
    g_autofree uint8_t *data = path ? load_file(path, b->flash->size, &len, errp) : NULL;
    if (data == NULL) {
        error_prefix(errp, "-bios %s", bios);
        return false;
    }
    memcpy(b->flash->host, data, len);
    b->has_firmware = true;
    return true;
}

/* The firmware finds it in fw_cfg. */
static void offer(struct arm_boot *b, uint16_t size_key, uint16_t data_key, const void *data,
                  size_t len)
{
    fw_cfg_set_u32(b->fw_cfg, size_key, (uint32_t)len);
    fw_cfg_set_item(b->fw_cfg, data_key, data, len);
}

static bool offer_file(struct arm_boot *b, const char *what, const char *path, bool is_kernel,
                       uint16_t size_key, uint16_t data_key, struct error **errp)
{
    if (path == NULL)
        return true;
    struct boot_image *img = boot_image_read(&b->images, what, path, is_kernel, errp);
    bool ok = img && (!is_kernel || check_arch(b, img, errp));
    if (ok)
        offer(b, size_key, data_key, img->data, img->len);
    boot_image_free(img);
    return ok;
}

static bool offer_all(struct arm_boot *b, struct error **errp)
{
    const struct machine_config *cfg = &b->m->cfg;
    const char *append = cfg->append ? cfg->append : "";
    if (cfg->kernel)
        offer(b, FW_CFG_CMDLINE_SIZE, FW_CFG_CMDLINE_DATA, append, strlen(append) + 1);
    return offer_file(b, "kernel", cfg->kernel, true, FW_CFG_KERNEL_SIZE, FW_CFG_KERNEL_DATA,
                      errp) &&
           offer_file(b, "initrd", cfg->initrd, false, FW_CFG_INITRD_SIZE, FW_CFG_INITRD_DATA,
                      errp);
}

/*
 * Where a flat kernel goes.  An Image of Linux wants its text offset from a multiple of 2 MiB;
 * since 3.17 (with an image size) that is 0 more often than not, and then the first 2 MiB are left
 * free.
 */
static gpa kernel_address(const struct arm_boot *b, const struct boot_image *img)
{
    struct image_info info;
    if (!is64(b))
        return b->ram_base + ZIMAGE_OFFSET;
    uint64_t offset = IMAGE_DEFAULT_OFFSET;
    if (image_probe(img->data, img->len, &info) && info.image_size != 0)
        offset = info.text_offset;
    return b->ram_base + offset + (offset < LOW_OFFSETS ? IMAGE_ALIGN : 0);
}

static bool load_kernel(struct arm_boot *b, struct error **errp)
{
    struct elf_info elf;
    struct uimage_info u;
    b->load = b->load_end = b->ram_base;
    struct boot_image *img = boot_image_read(&b->images, "kernel", b->m->cfg.kernel, true, errp);
    if (img == NULL)
        return false;
    bool is_uimage = uimage_probe(img->data, img->len, &u);
    if (!check_arch(b, img, errp) ||
        (is_uimage && !uimage_unwrap(&img->data, &img->len, b->ram_size, img->path, errp))) {
        boot_image_free(img);
        return false;
    }
    bool is_elf = elf_probe(img->data, img->len, &elf);
    gpa at = is_uimage && !u.any_address ? u.load : kernel_address(b, img);
    img = boot_image_place(&b->images, img, at, errp);
    if (img == NULL)
        return false;
    b->load = img->low;
    b->load_end = img->high;
    b->entry = is_uimage && !u.any_address ? u.entry : img->entry;
    b->is_linux = !is_elf;
    return true;
}

/* At half of RAM, at most 128 MiB in, so that a kernel that moves or unpacks itself does not meet
 * it. */
static gpa initrd_address(const struct arm_boot *b, uint64_t len)
{
    gpa close = align_up(b->load_end, 2 * MIB);
    gpa far = align_down(b->ram_base + MIN(b->ram_size / 2, 128 * MIB), 4096);
    return close > far || far + len > b->ram_base + b->ram_size ? close : far;
}

static bool load_initrd(struct arm_boot *b, struct error **errp)
{
    const char *path = b->m->cfg.initrd;
    b->initrd = initrd_address(b, 0);
    if (path == NULL)
        return true;
    struct boot_image *img = boot_image_read(&b->images, "initrd", path, false, errp);
    if (img == NULL)
        return false;
    b->initrd = initrd_address(b, img->len);
    b->initrd_size = img->len;
    return boot_image_place(&b->images, img, b->initrd, errp) != NULL;
}

static void set_seeds(struct arm_boot *b)
{
    uint8_t seed[SEED_SIZE + KASLR_SEED_SIZE];
    if (!b->randomness || getrandom(seed, sizeof(seed), 0) != sizeof(seed))
        return;
    fdt_bytes(b->fdt, "/chosen", "rng-seed", seed, SEED_SIZE);
    fdt_bytes(b->fdt, "/chosen", "kaslr-seed", seed + SEED_SIZE, KASLR_SEED_SIZE);
}

static void complete_chosen(struct arm_boot *b)
{
    const char *append = b->m->cfg.append;
    if (append && *append)
        fdt_string(b->fdt, "/chosen", "bootargs", append);
    if (b->initrd_size) {
        fdt_u64(b->fdt, "/chosen", "linux,initrd-start", b->initrd);
        fdt_u64(b->fdt, "/chosen", "linux,initrd-end", b->initrd + b->initrd_size);
    }
    set_seeds(b);
}

/* Behind the initrd for Linux; else at the start of RAM, where firmware and programs look. */
static gpa place_fdt(const struct arm_boot *b)
{
    if (!b->is_linux)
        return b->ram_base;
    return align_up(b->initrd + b->initrd_size, is64(b) ? 2 * MIB : 4096);
}

/* False: a program that lies there does without the tree. */
static bool want_fdt(const struct arm_boot *b, size_t len)
{
    return b->is_linux || boot_images_check_fdt(&b->images, b->fdt_addr, len, NULL);
}

static bool write_fdt(struct arm_boot *b, struct error **errp)
{
    size_t len;
    const void *blob = fdt_blob(b->fdt, &len);
    if (!want_fdt(b, len))
        return true;
    if (b->fdt_addr + len <= b->ram_base + b->ram_size)
        return load_blob(&b->m->as, b->fdt_addr, blob, len, "device tree", errp);
    error_set(errp, "no room for the device tree in %" PRIu64 " MiB of RAM: try a larger -m",
              b->ram_size / MIB);
    return false;
}

/* Linux begins in EL2 where there is one, or in EL1; other programs in the highest level. */
static void set_start(struct arm_boot *b)
{
    uint64_t x[4] = {0};
    b->el = b->has_el2 ? 2 : 1;
    if (!b->is_linux && b->has_el3)
        b->el = 3;
    if (b->is_linux && is64(b)) {
        x[0] = b->fdt_addr;
    } else if (b->is_linux) {
        x[1] = NO_MACHINE_TYPE;
        x[2] = b->fdt_addr;
    }
    for (unsigned i = 0; i < (b->el == 3 ? b->m->ncpus : 1); i++) /* nobody else would start them */
        arm_cpu_set_boot(b->m->cpus[i], b->entry, b->el, x);
}

static bool load_program(struct arm_boot *b, struct error **errp)
{
    return load_kernel(b, errp) && load_initrd(b, errp);
}

bool arm_boot_load(struct arm_boot *b, struct error **errp)
{
    bool program = !b->has_firmware && b->m->cfg.kernel;
    b->images.as = &b->m->as;
    b->images.ram_base = b->ram_base;
    b->images.ram_size = b->ram_size;
    boot_images_init(&b->images);
    b->load = b->load_end = b->initrd = b->ram_base;
    if (program ? !load_program(b, errp) : !offer_all(b, errp))
        return false;
    complete_chosen(b);
    b->fdt_addr = place_fdt(b);
    if (program)
        set_start(b);
    b->fresh = true;
    return write_fdt(b, errp);
}

void arm_boot_reset(struct arm_boot *b)
{
    struct error *err = NULL;
    if (b->fresh) { /* the reset that ends the machine's creation */
        b->fresh = false;
        return;
    }
    bool ok = boot_images_restore(&b->images, &err);
    set_seeds(b);
    if (!ok || !write_fdt(b, &err))
        error_report(err);
}

void arm_boot_fini(struct arm_boot *b)
{
    boot_images_fini(&b->images);
    fdt_free(b->fdt);
}
