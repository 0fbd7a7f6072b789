/* Images of a board in memory.  Ref: Microsoft Portable Executable and Common Object File Format,
 * revision 11 (for what a kernel's EFI side says of its length). */
#include "hw/board/images.h"
#include "core/loader.h"
#include "util/bits.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>

static const uint64_t MIB = UINT64_C(1) << 20;

void boot_image_free(void *p)
{
    struct boot_image *img = p;
    if (img == NULL)
        return;
    g_free(img->path);
    g_free(img->what);
    g_free(img->data);
    g_free(img);
}

void boot_images_init(struct boot_images *b)
{
    b->list = g_ptr_array_new_with_free_func(boot_image_free);
}

void boot_images_fini(struct boot_images *b)
{
    if (b->list)
        g_ptr_array_unref(b->list);
    b->list = NULL;
}

static gpa ram_end(const struct boot_images *b)
{
    return b->ram_base + b->ram_size;
}

bool boot_image_check_arch(const struct boot_image *img, const char *want, struct error **errp)
{
    const char *arch = image_arch(img->data, img->len);
    if (arch == NULL || strcmp(arch, want) == 0)
        return true;
    error_set(errp, "%s '%s' is for %s, this machine is %s", img->what, img->path, arch, want);
    return false;
}

/* Bytes that the PE sections of a kernel Image (its EFI side) say the file has; 0 when there are
 * none. */
static uint64_t pe_size(const uint8_t *d, size_t len)
{
    if (len < 2 || d[0] != 'M' || d[1] != 'Z')
        return 0;
    uint64_t pe = len < 64 ? 64 : ld_le32(d + 0x3c), end = pe + 24;
    if (end > len)
        return end;
    if (memcmp(d + pe, "PE\0", 4) != 0)
        return 0;
    unsigned n = ld_le16(d + pe + 6);
    uint64_t table = pe + 24 + ld_le16(d + pe + 20);
    end = table + (uint64_t)n * 40;
    for (unsigned i = 0; i < n && table + (i + 1) * 40 <= len; i++) {
        const uint8_t *sec = d + table + i * 40;
        end = MAX(end, (uint64_t)ld_le32(sec + 16) + ld_le32(sec + 20));
    }
    return end;
}

static bool check_whole(const struct boot_image *img, struct error **errp)
{
    uint64_t want = img->is_program ? pe_size(img->data, img->len) : 0;
    if (img->len == 0)
        error_set(errp, "%s '%s' is empty", img->what, img->path);
    else if (img->len < want)
        error_set(errp, "%s '%s' is truncated: its header tells of %" PRIu64 " bytes, it has %zu",
                  img->what, img->path, want, img->len);
    else
        return true;
    return false;
}

struct boot_image *boot_image_read(const struct boot_images *b, const char *what, const char *path,
                                   bool is_program, struct error **errp)
{
    struct boot_image *img = g_new0(struct boot_image, 1);
    size_t max = MIN(b->ram_size, SIZE_MAX / 2);
    img->what = g_strdup(what);
    img->path = g_strdup(path);
    img->is_program = is_program;
    img->data = load_file(path, max, &img->len, errp);
    if (img->data == NULL)
        error_prefix(errp, "could not load %s", what); /* tools look for these words */
    else if ((!is_program || load_unwrap(&img->data, &img->len, max, path, errp)) &&
             check_whole(img, errp))
        return img;
    boot_image_free(img);
    return NULL;
}

/* Two images in one place would silently destroy each other. */
static bool check_overlap(struct boot_images *b, const struct boot_image *img, struct error **errp)
{
    for (guint i = 0; i < b->list->len; i++) {
        const struct boot_image *o = g_ptr_array_index(b->list, i);
        if (img->low >= o->high || o->low >= img->high)
            continue;
        error_set(errp,
                  "%s '%s' (%#" PRIx64 " to %#" PRIx64 ") overlaps %s '%s' (%#" PRIx64
                  " to %#" PRIx64 ")",
                  img->what, img->path, img->low, img->high, o->what, o->path, o->low, o->high);
        if (strcmp(o->what, "firmware") == 0)
            error_append(errp, "; a kernel that runs in machine mode needs -bios none");
        return false;
    }
    return true;
}

static bool image_copy(struct boot_images *b, struct boot_image *img, struct error **errp)
{
    struct elf_info elf;
    if (!img->is_elf)
        return load_blob(b->as, img->low, img->data, img->len, img->path, errp);
    if (!elf_load(b->as, img->data, img->len, &elf, img->path, errp))
        return false;
    img->low = elf.low;
    img->high = elf.high;
    img->entry = elf.entry;
    return true;
}

bool boot_image_check_room(const struct boot_images *b, const struct boot_image *img, gpa limit,
                           struct error **errp)
{
    if (img->high <= limit)
        return true;
    uint64_t need = align_up(img->high - b->ram_base + 4 * MIB, MIB) / MIB;
    error_set(errp, "%s '%s' does not fit into %" PRIu64 " MiB of RAM: try -m %" PRIu64 "M",
              img->what, img->path, b->ram_size / MIB, need);
    return false;
}

struct boot_image *boot_image_place(struct boot_images *b, struct boot_image *take_img, gpa addr,
                                    struct error **errp)
{
    struct image_info info;
    struct elf_info elf;
    struct boot_image *img = take_img;
    img->is_elf = img->is_program && elf_probe(img->data, img->len, &elf);
    img->low = img->entry = addr;
    img->high = addr + img->len;
    if (img->is_program && !img->is_elf && image_probe(img->data, img->len, &info))
        img->high = addr + MAX(img->len, MIN(info.image_size, UINT32_MAX));
    if ((img->is_elf || boot_image_check_room(b, img, ram_end(b), errp)) &&
        image_copy(b, img, errp) && check_overlap(b, img, errp)) {
        g_ptr_array_add(b->list, img);
        return img;
    }
    boot_image_free(img);
    return NULL;
}

bool boot_images_check_fdt(const struct boot_images *b, gpa at, uint64_t len, struct error **errp)
{
    for (guint i = 0; i < b->list->len; i++) {
        const struct boot_image *img = g_ptr_array_index(b->list, i);
        if (img->high <= at || img->low >= at + len)
            continue;
        uint64_t need = align_up(img->high - b->ram_base + 4 * MIB, MIB) / MIB;
        error_set(errp,
                  "%s '%s' leaves no room for the device tree in %" PRIu64
                  " MiB of RAM: try -m %" PRIu64 "M",
                  img->what, img->path, b->ram_size / MIB, need);
        return false;
    }
    return true;
}

bool boot_images_restore(struct boot_images *b, struct error **errp)
{
    bool ok = true;
    for (guint i = 0; ok && i < b->list->len; i++)
        ok = image_copy(b, g_ptr_array_index(b->list, i), errp);
    return ok;
}

bool board_dump_fdt(struct machine *m, struct fdt *fdt, struct error **errp)
{
    const char *path = m->cfg.dumpdtb;

    m->fdt = fdt;
    if (path == NULL)
        return true;
    if (!fdt_write(fdt, path, errp))
        return false;
    log_info("device tree written to '%s', exiting", path);
    m->cfg.start_paused = true;
    machine_request_shutdown(m, SHUTDOWN_HOST_UI, 0);
    return true;
}
