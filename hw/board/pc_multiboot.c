/* Multiboot kernels: ELF files, and others with addresses in their header.
 * Ref: Multiboot Specification version 0.6.96. */
#include "core/loader.h"
#include "hw/board/pc_boot_priv.h"
#include "util/bits.h"

#include <inttypes.h>
#include <string.h>

enum { SEARCH = 8192, PAGE = 4096, MAP_ENTRY = 24, MAP_ROOM = 128 };
enum { /* of the header */
       H_FLAGS = 4,
       H_CHECKSUM = 8,
       H_HEADER_ADDR = 12,
       H_LOAD_ADDR = 16,
       H_LOAD_END = 20,
       H_BSS_END = 24,
       H_ENTRY = 28,
       H_MIN = 12,
       H_WITH_ADDRESSES = 32
};
enum { HEADER_UNKNOWN = 0xfff8, HEADER_ADDRESSES = 0x10000 };
enum { /* of the information */
       I_FLAGS = 0,
       I_MEM_LOWER = 4,
       I_MEM_UPPER = 8,
       I_CMDLINE = 16,
       I_MODS_COUNT = 20,
       I_MODS_ADDR = 24,
       I_MMAP_LENGTH = 44,
       I_MMAP_ADDR = 48,
       I_LOADER_NAME = 64,
       I_SIZE = 120
};
enum { HAS_MEMORY = 1, HAS_CMDLINE = 4, HAS_MODS = 8, HAS_MMAP = 0x40, HAS_LOADER = 0x200 };
enum { MODULE_SIZE = 16, MODULE_END = 4, MODULE_STRING = 8, LOWER_KIB = 636 };
static const uint32_t MODULES_MAX = UINT32_C(3) << 30;
static const uint32_t HEADER_MAGIC = 0x1badb002, START_MAGIC = 0x2badb002;

/* The header's offset in the file; -1: none. */
static int64_t find_header(const struct pc_boot_bytes *k)
{
    size_t end = MIN(k->len, SEARCH);
    for (size_t at = 0; at + H_MIN <= end; at += 4) {
        const uint8_t *h = k->data + at;
        if (ld_le32(h) == HEADER_MAGIC &&
            ld_le32(h) + ld_le32(h + H_FLAGS) + ld_le32(h + H_CHECKSUM) == 0)
            return (int64_t)at;
    }
    return -1;
}

bool pc_multiboot_probe(const struct pc_boot_bytes *k)
{
    return find_header(k) >= 0;
}

static bool fail(const struct pc_boot *b, struct error **errp)
{
    error_prefix(errp, "multiboot kernel '%s'", b->m->cfg.kernel);
    return false;
}

/* A file that is loaded as its header says. */
static bool add_flat(struct pc_boot *b, size_t at, gpa *end, struct error **errp)
{
    const uint8_t *h = b->kernel.data + at;
    if (at + H_WITH_ADDRESSES > b->kernel.len) {
        error_set(errp, "the file ends in its header");
        return fail(b, errp);
    }
    uint32_t header = ld_le32(h + H_HEADER_ADDR), load = ld_le32(h + H_LOAD_ADDR);
    uint32_t load_end = ld_le32(h + H_LOAD_END), bss_end = ld_le32(h + H_BSS_END);
    uint64_t skip = (uint64_t)at - (header - load);
    if (header < load || header - load > at) {
        error_set(errp, "load_addr %#x lies before the start of the file", load);
        return fail(b, errp);
    }
    uint64_t len = load_end ? (uint64_t)load_end - load : b->kernel.len - skip;
    if ((load_end && load_end < load) || len > b->kernel.len - skip) {
        error_set(errp, "load_end_addr %#x lies beyond the end of the file", load_end);
        return fail(b, errp);
    }
    b->eip = ld_le32(h + H_ENTRY);
    *end = MAX(load + len, bss_end);
    if (!pc_boot_check_range(b, load, *end - load, errp))
        return false;
    uint8_t *image = pc_boot_new_image(b, *end - load, errp);
    if (image == NULL)
        return false;
    memcpy(image, b->kernel.data + skip, len);
    pc_boot_set_image(b, image, load, *end - load);
    return true;
}

static bool add_elf(struct pc_boot *b, gpa *end, struct error **errp)
{
    struct elf_info info;
    if (!pc_boot_flatten_elf(b, &info, errp))
        return false;
    b->eip = (uint32_t)info.entry;
    *end = info.high;
    return true;
}

static bool add_kernel(struct pc_boot *b, gpa *end, struct error **errp)
{
    int64_t at = find_header(&b->kernel);
    uint32_t flags = ld_le32(b->kernel.data + at + H_FLAGS);
    if (flags & HEADER_UNKNOWN) {
        error_set(errp, "its header demands features that are not known (flags %#x)", flags);
        return fail(b, errp);
    }
    return flags & HEADER_ADDRESSES ? add_flat(b, (size_t)at, end, errp) : add_elf(b, end, errp);
}

/* ---- modules ---- */

/* "FILE ARGS,FILE ARGS": the texts; a comma of a name is written twice. */
static GPtrArray *split_modules(const char *text)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
    GString *s = g_string_new(NULL);
    for (const char *p = text; p && *p; p++) {
        if (p[0] == ',' && p[1] != ',') {
            g_ptr_array_add(list, g_string_free(s, FALSE));
            s = g_string_new(NULL);
            continue;
        }
        p += p[0] == ',';
        g_string_append_c(s, *p);
    }
    if (s->len)
        g_ptr_array_add(list, g_string_free(s, FALSE));
    else
        g_string_free(s, TRUE);
    return list;
}

/* Append a file to the modules' bytes, at the start of a page. */
static bool append_module(struct pc_boot *b, GByteArray *all, const char *text, struct error **errp)
{
    struct pc_boot_bytes f = {NULL, 0};
    g_autofree char *path = g_strndup(text, strcspn(text, " "));
    if (!pc_boot_read(b, "module", path, &f, errp))
        return false;
    uint64_t at = align_up(all->len, PAGE);
    if (at + f.len > MODULES_MAX) {
        error_set(errp, "-initrd: more than %u MiB of modules", MODULES_MAX >> 20);
        g_free(f.data);
        return false;
    }
    g_byte_array_set_size(all, (guint)at);
    g_byte_array_append(all, f.data, (guint)f.len);
    g_free(f.data);
    return true;
}

/* Read them; ends has where each ends in the bytes of all. */
static bool read_modules(struct pc_boot *b, const GPtrArray *texts, uint32_t *ends,
                         struct error **errp)
{
    GByteArray *all = g_byte_array_new();
    bool ok = true;
    for (guint i = 0; ok && i < texts->len; i++) {
        ok = append_module(b, all, g_ptr_array_index(texts, i), errp);
        ends[i] = all->len;
    }
    b->initrd.len = all->len;
    b->initrd.data = g_byte_array_free(all, FALSE);
    return ok;
}

static void fill_modules(struct pc_boot *b, unsigned info, const GPtrArray *texts,
                         const uint32_t *ends)
{
    unsigned list = pc_boot_info(b, (size_t)MODULE_SIZE * texts->len);
    uint64_t start = 0;
    for (guint i = 0; i < texts->len; i++) {
        unsigned name = pc_boot_info_string(b, g_ptr_array_index(texts, i));
        uint8_t *m = b->info->data + list + i * MODULE_SIZE;
        st_le32(m, (uint32_t)(b->initrd_addr + start));
        st_le32(m + MODULE_END, (uint32_t)(b->initrd_addr + ends[i]));
        st_le32(m + MODULE_STRING, (uint32_t)b->info_addr + name);
        start = align_up(ends[i], PAGE);
    }
    st_le32(b->info->data + info + I_MODS_COUNT, texts->len);
    st_le32(b->info->data + info + I_MODS_ADDR, (uint32_t)b->info_addr + list);
}

static bool add_modules(struct pc_boot *b, unsigned info, gpa kernel_end, struct error **errp)
{
    g_autoptr(GPtrArray) texts = split_modules(b->m->cfg.initrd);
    g_autofree uint32_t *ends = g_new0(uint32_t, texts->len + 1);
    if (texts->len == 0)
        return true;
    if (!read_modules(b, texts, ends, errp))
        return false;
    gpa at = align_up(MAX(kernel_end, PC_HIGH), PAGE);
    if (at + b->initrd.len > pc_boot_ram_end(b)) {
        error_set(errp,
                  "-initrd: %zu bytes of modules do not fit into %" PRIu64
                  " MiB of RAM: try a larger -m",
                  b->initrd.len, b->m->cfg.ram_size >> 20);
        return false;
    }
    b->initrd_addr = at;
    pc_boot_add(b, PC_INITRD, 0, b->initrd.len, at);
    fill_modules(b, info, texts, ends);
    return true;
}

/* ---- information ---- */

/* The first argument is the kernel's name. */
static unsigned add_cmdline(struct pc_boot *b)
{
    g_autofree char *line = g_strconcat(b->m->cfg.kernel, *b->cmdline ? " " : "", b->cmdline, NULL);
    return pc_boot_info_cmdline(b, line);
}

static void fill_info(struct pc_boot *b, unsigned at)
{
    unsigned line = add_cmdline(b), name = pc_boot_info_string(b, "tinamou");
    b->map_at = pc_boot_info(b, MAP_ENTRY * MAP_ROOM);
    b->map_room = MAP_ROOM;
    b->map_size_at = at + I_MMAP_LENGTH;
    uint8_t *p = b->info->data + at;
    uint32_t base = (uint32_t)b->info_addr;
    st_le32(p + I_FLAGS, HAS_MEMORY | HAS_CMDLINE | HAS_MODS | HAS_MMAP | HAS_LOADER);
    st_le32(p + I_MEM_LOWER, LOWER_KIB);
    st_le32(p + I_MEM_UPPER, (uint32_t)((pc_boot_ram_end(b) - PC_HIGH) / 1024));
    st_le32(p + I_CMDLINE, base + line);
    st_le32(p + I_MMAP_ADDR, base + b->map_at);
    st_le32(p + I_LOADER_NAME, base + name);
}

bool pc_multiboot_load(struct pc_boot *b, struct error **errp)
{
    gpa end = 0;
    if (!add_kernel(b, &end, errp) || !pc_boot_place_info(b, errp))
        return false;
    unsigned at = pc_boot_info(b, I_SIZE);
    if (!add_modules(b, at, end, errp))
        return false;
    fill_info(b, at);
    b->entry = PC_ENTRY_MULTIBOOT;
    b->eax = START_MAGIC;
    b->ebx = at;
    return true;
}
