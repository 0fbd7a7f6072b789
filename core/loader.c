/*
 * Files into guest memory: reading, Linux Image headers, telling the architecture of an image.
 *
 * Ref: Linux Documentation/arch/riscv/boot-image-header.rst, Documentation/arch/arm64/booting.rst,
 * Documentation/arch/x86/boot.rst; PE/COFF specification, Microsoft, section 3.
 */
#include "core/loader.h"

#include "core/machine.h"
#include "util/bits.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IMAGE_HEADER = 64, IMAGE_MAGIC2 = 0x38 };
enum { EM_386 = 3, EM_ARM = 40, EM_X86_64 = 62, EM_AARCH64 = 183, EM_RISCV = 243 };

static bool out_of_memory(const char *path, uint64_t size, struct error **errp)
{
    error_set(errp, "could not load '%s': no memory for %" G_GUINT64_FORMAT " bytes", path, size);
    return false;
}

/* Read until the end of the file; *buf grows from the size that fstat told, for a pipe tells none.
 */
static bool read_all(int fd, const char *path, size_t max, uint8_t **buf, size_t *len,
                     struct error **errp)
{
    size_t room = *len;

    for (*len = 0;;) {
        if (*len == room) {
            room = MIN(room + room / 2 + 65536, max + 1);
            uint8_t *more = g_try_realloc(*buf, room);
            if (!more)
                return out_of_memory(path, room, errp);
            *buf = more;
        }
        ssize_t n = read(fd, *buf + *len, room - *len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_set(errp, "could not read '%s': %s", path, g_strerror(errno));
            return false;
        }
        *len += n;
        if (*len > max) {
            error_set(errp, "'%s' is too large, at most %zu bytes fit", path, max);
            return false;
        }
        if (!n)
            return true;
    }
}

static bool check_file(int fd, const char *path, size_t max, size_t *size, struct error **errp)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode)) {
        error_set(errp, "could not load '%s': %s", path,
                  S_ISDIR(st.st_mode) ? "is a directory" : g_strerror(errno));
        return false;
    }
    if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max) {
        error_set(errp, "'%s' is too large, at most %zu bytes fit", path, max);
        return false;
    }
    *size = S_ISREG(st.st_mode) ? st.st_size + 1
                                : 0; /* the extra byte meets the end of the file at once */
    return true;
}

/* Reading a kernel must not take a page fault every 4 KiB. */
static void expect_large(uint8_t *buf, size_t len)
{
    enum { HUGE_PAGE = 2 << 20 };
    uintptr_t start = ((uintptr_t)buf + HUGE_PAGE - 1) & -(uintptr_t)HUGE_PAGE;
    uintptr_t end = ((uintptr_t)buf + len) & -(uintptr_t)HUGE_PAGE;

    if (end > start)
        madvise((void *)start, end - start, MADV_HUGEPAGE);
}

uint8_t *load_file(const char *path, size_t max, size_t *len, struct error **errp)
{
    uint8_t *buf = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        error_set(errp, "could not open '%s': %s", path, g_strerror(errno));
        return NULL;
    }
    bool ok = check_file(fd, path, max, len, errp);
    if (ok && *len) {
        buf = g_try_malloc(*len);
        ok = buf || out_of_memory(path, *len, errp);
        if (ok)
            expect_large(buf, *len);
    }
    ok = ok && read_all(fd, path, max, &buf, len, errp);
    close(fd);
    if (ok)
        return buf;
    g_free(buf);
    return NULL;
}

bool image_probe(const uint8_t *data, size_t len, struct image_info *info)
{
    if (len < IMAGE_HEADER)
        return false;
    info->text_offset = ld_le64(data + 8);
    info->image_size = ld_le64(data + 16);
    info->flags = ld_le64(data + 24);
    if (!memcmp(data + IMAGE_MAGIC2, "RSC\005", 4)) {
        info->arch =
            info->text_offset == 0x400000 ? "riscv32" : "riscv64"; /* 4 MB pages or 2 MB pages */
        return true;
    }
    if (!memcmp(data + IMAGE_MAGIC2, "ARM\x64", 4)) {
        info->arch = "aarch64";
        if (!info->image_size) /* before Linux 3.17 the offset's byte order is undefined, and it is
                                  this */
            info->text_offset = 0x80000;
        return true;
    }
    return false;
}

static const char *elf_arch(const struct elf_info *info)
{
    switch (info->machine) {
    case EM_RISCV: return info->is64 ? "riscv64" : "riscv32";
    case EM_AARCH64: return "aarch64";
    case EM_ARM: return "arm";
    case EM_X86_64: return "x86_64";
    case EM_386: return "i386";
    default: return NULL;
    }
}

/* The machine field of the COFF header behind a DOS stub: the kernel as an EFI application, zboot
 * included. */
static const char *pe_arch(const uint8_t *data, size_t len)
{
    if (len < 0x40 || memcmp(data, "MZ", 2))
        return NULL;
    uint32_t off = ld_le32(data + 0x3c);
    if (off > len || len - off < 6 || memcmp(data + off, "PE\0", 4))
        return NULL;
    switch (ld_le16(data + off + 4)) {
    case 0x014c: return "i386";
    case 0x8664: return "x86_64";
    case 0x01c0:
    case 0x01c2:
    case 0x01c4: return "arm";
    case 0xaa64: return "aarch64";
    case 0x5032: return "riscv32";
    case 0x5064: return "riscv64";
    default: return NULL;
    }
}

/* bzImage: bit 0 of xloadflags (since protocol 2.12) says that there is a 64-bit entry point. */
static const char *bzimage_arch(const uint8_t *data, size_t len)
{
    if (len < 0x238 || memcmp(data + 0x202, "HdrS", 4))
        return NULL;
    return ld_le16(data + 0x206) >= 0x20c && (ld_le16(data + 0x236) & 1) ? "x86_64" : "i386";
}

const char *image_arch(const uint8_t *data, size_t len)
{
    struct elf_info elf;
    struct image_info image;
    struct uimage_info uimage;

    if (elf_probe(data, len, &elf))
        return elf_arch(&elf);
    if (uimage_probe(data, len, &uimage))
        return uimage.arch;
    if (image_probe(data, len, &image))
        return image.arch;
    if (len >= 0x28 && ld_le32(data + 0x24) == 0x016f2818)
        return "arm"; /* zImage */
    const char *arch = bzimage_arch(data, len);
    return arch ? arch : pe_arch(data, len);
}

/* The first address in [addr, addr + len) that is neither RAM nor ROM; true when there is none. */
static bool all_memory(struct address_space *as, gpa addr, uint64_t len, gpa *bad)
{
    while (len) {
        const struct flat_range *r = address_space_find(as, addr);
        *bad = addr;
        if (!r || !r->mr->ram)
            return false;
        uint64_t n = MIN(len, r->size - (addr - r->base));
        addr += n;
        len -= n;
    }
    return true;
}

void load_note(struct address_space *as, gpa addr, uint64_t size, const char *name)
{
    struct load_note **p = &as->loads;

    while (*p && (*p)->addr < addr)
        p = &(*p)->next;
    for (const struct load_note *n = *p; n && n->addr == addr; n = n->next)
        if (n->size == size && !strcmp(n->name, name))
            return;
    struct load_note *n = g_new0(struct load_note, 1);
    *n = (struct load_note){addr, size, g_strdup(name), *p};
    *p = n;
}

void load_notes_free(struct address_space *as)
{
    while (as->loads) {
        struct load_note *n = as->loads;
        as->loads = n->next;
        g_free(n->name);
        g_free(n);
    }
}

bool load_blob(struct address_space *as, gpa addr, const void *data, size_t len, const char *what,
               struct error **errp)
{
    gpa bad = addr;

    if (all_memory(as, addr, len, &bad) && mem_poke(as, addr, data, len)) {
        load_note(as, addr, len, what);
        return true;
    }
    error_set(errp,
              "%s does not fit: %zu bytes at 0x%" G_GINT64_MODIFIER
              "x, but there is no memory at 0x%" G_GINT64_MODIFIER "x",
              what, len, addr, bad);
    return false;
}

static void list_places(const char *const *dirs, struct error **errp)
{
    for (const char *const *d = dirs; d && *d; d++)
        error_append(errp, "%s%s", d == dirs ? "; looked in " : ", ", *d);
}

char *firmware_find(const struct machine *m, const char *name, struct error **errp)
{
    const char *const *dirs = m->cfg.firmware_dirs;

    if (!access(name, R_OK) && !g_file_test(name, G_FILE_TEST_IS_DIR))
        return g_strdup(name);
    if (strchr(name, '/')) {
        error_set(errp, "could not find firmware '%s': %s", name, g_strerror(ENOENT));
        return NULL;
    }
    for (const char *const *d = dirs; d && *d; d++) {
        char *path = g_build_filename(*d, name, NULL);
        if (!access(path, R_OK) && g_file_test(path, G_FILE_TEST_IS_REGULAR))
            return path;
        g_free(path);
    }
    error_set(errp, "could not find firmware '%s'", name);
    list_places(dirs, errp);
    return NULL;
}
