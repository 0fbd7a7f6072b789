/* Kernels of PCs: from the command line into memory or fw_cfg.
 * Ref: Intel SDM volume 3, 3.4.5 (descriptors); QEMU documentation, "QEMU Firmware Configuration
 * (fw_cfg) Device". */
#include "hw/board/pc_boot.h"
#include "core/loader.h"
#include "hw/board/pc_boot_priv.h"
#include "hw/misc/fw_cfg.h"
#include "target/x86/x86.h"
#include "util/bits.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

enum { KIB = 1 << 10, INFO_ALIGN = 16, INFO_MAX = 64 * KIB, SEED_SIZE = 32, PAGE = 4 * KIB };
enum { MAP_ENTRY_ZEROPAGE = 20, MAP_ENTRY = 24 };
static const uint64_t MIB = 1 << 20;

/* ---- the list of things to load ---- */

void pc_boot_add(struct pc_boot *b, enum pc_source from, uint64_t offset, uint64_t len, gpa at)
{
    struct pc_load load = {.from = from, .at = at, .offset = offset, .len = len};
    if (len)
        g_array_append_val(b->loads, load);
}

unsigned pc_boot_info(struct pc_boot *b, size_t n)
{
    unsigned at = (unsigned)align_up(b->info->len, INFO_ALIGN);
    g_byte_array_set_size(b->info, at + (guint)n);
    memset(b->info->data + at, 0, n);
    return at;
}

unsigned pc_boot_info_string(struct pc_boot *b, const char *s)
{
    size_t n = strlen(s) + 1;
    unsigned at = pc_boot_info(b, n);
    memcpy(b->info->data + at, s, n);
    return at;
}

unsigned pc_boot_info_cmdline(struct pc_boot *b, const char *s)
{
    size_t n = strlen(s);
    b->cmdline_at = pc_boot_info(b, n + 1 + b->append_room);
    memcpy(b->info->data + b->cmdline_at, s, n);
    return b->cmdline_at;
}

gpa pc_boot_ram_end(const struct pc_boot *b)
{
    return b->ram_low - b->reserved_top;
}

static bool is_taken(const struct pc_boot *b, gpa from, gpa to)
{
    for (guint i = 0; i < b->loads->len; i++) {
        const struct pc_load *l = &g_array_index(b->loads, struct pc_load, i);
        if (l->at < to && from < l->at + l->len)
            return true;
    }
    return false;
}

bool pc_boot_place_info(struct pc_boot *b, struct error **errp)
{
    for (gpa at = INFO_MAX; at + INFO_MAX <= PC_LOW_END; at += INFO_MAX)
        if (!is_taken(b, at, at + INFO_MAX)) {
            b->info_addr = at;
            return true;
        }
    error_set(errp, "kernel '%s' leaves no 64 KiB between 64 and 636 KiB for what it is to be told",
              b->m->cfg.kernel);
    return false;
}

bool pc_boot_place_initrd(struct pc_boot *b, gpa from, gpa to, struct error **errp)
{
    uint64_t len = b->initrd.len, end = MIN(to, pc_boot_ram_end(b));
    if (end > from && len <= end - from && align_down(end - len, PAGE) >= from) {
        b->initrd_addr = align_down(end - len, PAGE);
        pc_boot_add(b, PC_INITRD, 0, len, b->initrd_addr);
        return true;
    }
    uint64_t need = (align_up(from + len + b->reserved_top, MIB) + MIB) / MIB;
    error_set(errp,
              "initrd '%s' (%" PRIu64 " KiB) does not fit between the kernel and %" PRIu64 " MiB",
              b->m->cfg.initrd, len / KIB, end / MIB);
    if (to >= pc_boot_ram_end(b))
        error_append(errp, ": try -m %" PRIu64 "M", need);
    else
        error_append(errp, ", where the kernel wants it");
    return false;
}

/* Memory that nobody has: not the BIOS, not devices. */
bool pc_boot_check_range(const struct pc_boot *b, gpa at, uint64_t len, struct error **errp)
{
    gpa low = b->has_firmware ? PC_LOW_BEGIN : 0;
    bool in_low = at >= low && at + len <= PC_LOW_END;
    bool in_high = at >= PC_HIGH && at + len <= pc_boot_ram_end(b);
    if (at + len >= at && (in_low || in_high))
        return true;
    error_set(errp, "kernel '%s' wants %#" PRIx64 " to %#" PRIx64 ", which is not free memory",
              b->m->cfg.kernel, at, at + len);
    if (at >= PC_HIGH && at + len > at && at + len < UINT32_MAX)
        error_append(errp, ": try -m %" PRIu64 "M",
                     (align_up(at + len + b->reserved_top, MIB) + MIB) / MIB);
    return false;
}

uint8_t *pc_boot_new_image(const struct pc_boot *b, uint64_t len, struct error **errp)
{
    uint8_t *image = g_try_malloc0(len);
    if (image == NULL)
        error_set(errp, "kernel '%s': no memory for its %" PRIu64 " bytes", b->m->cfg.kernel, len);
    return image;
}

void pc_boot_set_image(struct pc_boot *b, uint8_t *take_data, gpa at, uint64_t len)
{
    g_free(b->kernel.data);
    b->kernel.data = take_data;
    b->kernel.len = len;
    b->kernel_addr = at;
    pc_boot_add(b, PC_KERNEL, 0, len, at);
}

bool pc_boot_flatten_elf(struct pc_boot *b, struct elf_info *info, struct error **errp)
{
    g_autoptr(GArray) list =
        elf_segments(b->kernel.data, b->kernel.len, info, b->m->cfg.kernel, errp);
    if (list == NULL || !pc_boot_check_range(b, info->low, info->high - info->low, errp))
        return false;
    uint8_t *image = pc_boot_new_image(b, info->high - info->low, errp);
    if (image == NULL)
        return false;
    for (guint i = 0; i < list->len; i++) {
        const struct elf_segment *s = &g_array_index(list, struct elf_segment, i);
        memcpy(image + (s->paddr - info->low), s->data, s->filesz);
    }
    pc_boot_set_image(b, image, info->low, info->high - info->low);
    return true;
}

/* ---- reading ---- */

static bool read_image(struct pc_boot *b, const char *what, const char *path, bool is_program,
                       struct pc_boot_bytes *to, struct error **errp)
{
    struct boot_images images = {.ram_size = b->m->cfg.ram_size};
    struct boot_image *img = boot_image_read(&images, what, path, is_program, errp);
    if (img == NULL)
        return false;
    to->data = g_steal_pointer(&img->data);
    to->len = img->len;
    boot_image_free(img);
    return true;
}

bool pc_boot_read(struct pc_boot *b, const char *what, const char *path, struct pc_boot_bytes *to,
                  struct error **errp)
{
    return read_image(b, what, path, false, to, errp);
}

/* A kernel of another architecture; 32-bit ones run on 64-bit processors. */
static bool check_arch(const struct pc_boot *b, struct error **errp)
{
    const char *arch = image_arch(b->kernel.data, b->kernel.len), *own = b->m->cls->arch;
    if (arch == NULL || strcmp(arch, own) == 0 || strcmp(arch, "i386") == 0)
        return true;
    error_set(errp, "kernel '%s' is for %s, this machine is %s", b->m->cfg.kernel, arch, own);
    return false;
}

static bool fail_unknown(const struct pc_boot *b, struct error **errp)
{
    const struct pc_boot_bytes *k = &b->kernel;
    const char *path = b->m->cfg.kernel;
    struct elf_info elf;
    if (elf_probe(k->data, k->len, &elf))
        error_set(errp,
                  "kernel '%s' is an ELF file with neither a multiboot header nor a PVH note: "
                  "wanted one of them, or a bzImage",
                  path);
    else if (k->len >= 512 && ld_le16(k->data + 510) == 0xaa55)
        error_set(errp,
                  "kernel '%s' is a boot sector or disk image, which -drive format=raw,file=... "
                  "starts; wanted a bzImage, a multiboot or a PVH kernel",
                  path);
    else
        error_set(errp, "kernel '%s' is no kernel: wanted a bzImage, a multiboot or a PVH kernel",
                  path);
    return false;
}

static bool load_kernel(struct pc_boot *b, struct error **errp)
{
    const char *append = b->m->cfg.append;
    b->cmdline = g_malloc0((append ? strlen(append) : 0) + 1 + b->append_room);
    strcpy(b->cmdline, append ? append : "");
    if (!read_image(b, "kernel", b->m->cfg.kernel, true, &b->kernel, errp) || !check_arch(b, errp))
        return false;
    if (pc_linux_probe(&b->kernel))
        return pc_linux_load(b, errp);
    if (pc_multiboot_probe(&b->kernel))
        return pc_multiboot_load(b, errp);
    return pc_pvh_probe(&b->kernel) ? pc_pvh_load(b, errp) : fail_unknown(b, errp);
}

/* Kernels say themselves where they go. */
static bool check_places(const struct pc_boot *b, struct error **errp)
{
    for (guint i = 0; i < b->loads->len; i++) {
        const struct pc_load *l = &g_array_index(b->loads, struct pc_load, i);
        if (!pc_boot_check_range(b, l->at, l->len, errp))
            return false;
    }
    if (b->info->len <= INFO_MAX)
        return true;
    error_set(errp,
              "-append, -initrd: what the kernel is to be told of them takes more than %u KiB",
              INFO_MAX / KIB);
    return false;
}

/* ---- carrying it out ---- */

static struct pc_boot_bytes source(const struct pc_boot *b, enum pc_source from)
{
    switch (from) {
    case PC_SETUP: return b->setup;
    case PC_KERNEL: return b->kernel;
    case PC_INITRD: return b->initrd;
    case PC_CMDLINE:
        return (struct pc_boot_bytes){(uint8_t *)b->cmdline,
                                      strlen(b->cmdline) + 1 + b->append_room};
    case PC_INFO: return (struct pc_boot_bytes){b->info->data, b->info->len};
    }
    return (struct pc_boot_bytes){NULL, 0};
}

static bool load_one(const struct pc_boot *b, const struct pc_load *l, struct error **errp)
{
    return load_blob(&b->m->as, l->at, source(b, l->from).data + l->offset, l->len, "kernel", errp);
}

/* Memory as the board has it, in the form of each protocol. */
static void fill_map(struct pc_boot *b)
{
    unsigned step = b->entry == PC_ENTRY_ZEROPAGE ? MAP_ENTRY_ZEROPAGE : MAP_ENTRY;
    unsigned n = MIN(b->map_len, b->map_room), before = b->entry == PC_ENTRY_MULTIBOOT ? 4 : 0;
    for (unsigned i = 0; i < n; i++) {
        uint8_t *e = b->info->data + b->map_at + i * step;
        if (before)
            st_le32(e, MAP_ENTRY - 4);
        st_le64(e + before, b->map[i].base);
        st_le64(e + before + 8, b->map[i].size);
        st_le32(e + before + 16, b->map[i].type);
    }
    if (b->entry == PC_ENTRY_ZEROPAGE)
        b->info->data[b->map_size_at] = (uint8_t)n;
    else
        st_le32(b->info->data + b->map_size_at, before ? n * step : n);
    if (b->rsdp_at)
        st_le64(b->info->data + b->rsdp_at, b->rsdp);
}

static void fill_seed(struct pc_boot *b)
{
    if (b->seed_at && getrandom(b->info->data + b->seed_at, SEED_SIZE, 0) != SEED_SIZE)
        memset(b->info->data + b->seed_at, 0, SEED_SIZE);
}

/* Flat segments of 4 GiB at the selectors that Linux counts on. */
static unsigned add_gdt(struct pc_boot *b)
{
    unsigned at = pc_boot_info(b, 32);
    st_le64(b->info->data + at + 16, 0x00cf9b000000ffff);
    st_le64(b->info->data + at + 24, 0x00cf93000000ffff);
    return at;
}

/* What a board without firmware needs besides. */
static void prepare_direct(struct pc_boot *b)
{
    unsigned gdt = add_gdt(b);
    struct x86_boot start = {.eip = b->eip,
                             .eax = b->eax,
                             .ebx = b->ebx,
                             .esi = b->esi,
                             .gdt = (uint32_t)b->info_addr + gdt,
                             .gdt_limit = 31};
    fill_map(b);
    pc_boot_add(b, PC_INFO, 0, b->info->len, b->info_addr);
    x86_cpu_set_boot(b->m->cpus[0], &start);
}

static bool enter(struct pc_boot *b, struct error **errp)
{
    for (guint i = 0; i < b->loads->len; i++)
        if (!load_one(b, &g_array_index(b->loads, struct pc_load, i), errp))
            return false;
    return true;
}

/* ---- giving it to firmware ---- */

static const char INFO_FILE[] = "etc/kernel-boot", ROM_FILE[] = "genroms/kernel-boot.bin";
/* As SeaBIOS calls it; before disks. */
static const char ROM_FIRST[] = "/rom@genroms/kernel-boot.bin";

static void offer_cmdline(struct pc_boot *b)
{
    size_t len = strlen(b->cmdline) + 1;
    fw_cfg_set_u32(b->fw_cfg, FW_CFG_CMDLINE_SIZE, (uint32_t)len);
    fw_cfg_set_item(b->fw_cfg, FW_CFG_CMDLINE_DATA, b->cmdline, len);
}

/* What loaders in firmware look for. */
static void offer_items(struct pc_boot *b)
{
    struct device *dev = b->fw_cfg;
    fw_cfg_set_u32(dev, FW_CFG_KERNEL_ADDR, (uint32_t)b->kernel_addr);
    fw_cfg_set_u32(dev, FW_CFG_KERNEL_ENTRY, b->eip ? b->eip : (uint32_t)b->kernel_addr);
    fw_cfg_set_u32(dev, FW_CFG_KERNEL_SIZE, (uint32_t)b->kernel.len);
    fw_cfg_set_u32(dev, FW_CFG_INITRD_ADDR, (uint32_t)b->initrd_addr);
    fw_cfg_set_u32(dev, FW_CFG_INITRD_SIZE, (uint32_t)b->initrd.len);
    fw_cfg_set_u32(dev, FW_CFG_CMDLINE_ADDR, (uint32_t)b->cmdline_addr);
    offer_cmdline(b);
    fw_cfg_set_u32(dev, FW_CFG_SETUP_ADDR, (uint32_t)b->setup_addr);
    fw_cfg_set_u32(dev, FW_CFG_SETUP_SIZE, (uint32_t)b->setup.len);
    fw_cfg_set_item(dev, FW_CFG_SETUP_DATA, b->setup.data, b->setup.len);
    fw_cfg_take_item(dev, FW_CFG_KERNEL_DATA, g_steal_pointer(&b->kernel.data), b->kernel.len);
    fw_cfg_take_item(dev, FW_CFG_INITRD_DATA, g_steal_pointer(&b->initrd.data), b->initrd.len);
}

static bool offer(struct pc_boot *b, struct error **errp)
{
    uint16_t keys[PC_SOURCES] = {
        [PC_SETUP] = FW_CFG_SETUP_DATA,
        [PC_KERNEL] = FW_CFG_KERNEL_DATA,
        [PC_INITRD] = FW_CFG_INITRD_DATA,
        [PC_CMDLINE] = FW_CFG_CMDLINE_DATA,
    };
    if (b->entry != PC_ENTRY_REAL)
        pc_boot_add(b, PC_INFO, 0, b->info->len, b->info_addr);
    if (!check_places(b, errp) ||
        !fw_cfg_add_file(b->fw_cfg, INFO_FILE, b->info->data, b->info->len, errp))
        return false;
    keys[PC_INFO] = fw_cfg_file_key(b->fw_cfg, INFO_FILE);
    offer_items(b);
    g_autoptr(GByteArray) rom = pc_bootrom_new(b, keys);
    b->m->boot_first = ROM_FIRST;
    return fw_cfg_add_file(b->fw_cfg, ROM_FILE, rom->data, rom->len, errp);
}

static bool begin(struct pc_boot *b, struct error **errp)
{
    if (b->entry == PC_ENTRY_ZEROPAGE)
        b->esi += (uint32_t)b->info_addr;
    else
        b->ebx += (uint32_t)b->info_addr;
    fill_seed(b);
    if (b->has_firmware)
        return offer(b, errp);
    prepare_direct(b);
    return check_places(b, errp) && enter(b, errp);
}

bool pc_boot_load(struct pc_boot *b, struct error **errp)
{
    b->loads = g_array_new(FALSE, FALSE, sizeof(struct pc_load));
    b->info = g_byte_array_new();
    b->fresh = true;
    if (b->m->cfg.kernel == NULL)
        return true;
    return load_kernel(b, errp) && begin(b, errp);
}

void pc_boot_append(struct pc_boot *b, const char *text)
{
    struct error *err = NULL;
    if (b->entry == PC_ENTRY_NONE || *text == '\0')
        return;
    if (strlen(text) > b->append_room) {
        log_warn("the kernel's command line has no room for%s", text);
        return;
    }
    strcat(b->cmdline, text);
    if (b->cmdline_at)
        strcat((char *)b->info->data + b->cmdline_at, text);
    b->append_room -= (unsigned)strlen(text);
    if (b->has_firmware) {
        offer_cmdline(b);
        fw_cfg_replace_file(b->fw_cfg, INFO_FILE, b->info->data, b->info->len);
    } else if (!enter(b, &err)) {
        error_report(err);
    }
}

void pc_boot_reset(struct pc_boot *b)
{
    struct error *err = NULL;
    bool fresh = b->fresh; /* the reset that ends the machine's creation */
    b->fresh = false;
    if (fresh || b->entry == PC_ENTRY_NONE)
        return;
    fill_seed(b);
    if (b->has_firmware)
        fw_cfg_replace_file(b->fw_cfg, INFO_FILE, b->info->data, b->info->len);
    else if (!enter(b, &err))
        error_report(err);
}

void pc_boot_fini(struct pc_boot *b)
{
    g_free(b->setup.data);
    g_free(b->kernel.data);
    g_free(b->initrd.data);
    g_free(b->cmdline);
    if (b->info)
        g_byte_array_unref(b->info);
    if (b->loads)
        g_array_unref(b->loads);
}
