/* ELF executables into guest memory.  Ref: System V ABI, chapters 4 and 5; nothing in the file is
 * trusted. */
#include "core/elf_priv.h"
#include "core/loader.h"
#include "core/machine.h"
#include "util/bits.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

enum { EI_CLASS = 4, EI_DATA = 5, CLASS32 = 1, CLASS64 = 2, DATA_LE = 1, DATA_BE = 2 };
enum { EHDR32 = 52, EHDR64 = 64, PHDR32 = 32, PHDR64 = 56, ET_EXEC = 2, ET_DYN = 3 };
enum { PT_LOAD = 1, PT_NOTE = 4 };
static const uint64_t MAX_EXTENT = UINT64_C(1)
                                   << 40; /* of zeroed memory that a header may ask for */

struct segment {
    uint32_t type;
    uint64_t offset, vaddr, paddr, filesz, memsz;
};

uint16_t elf_get16(const struct elf *e, size_t at)
{
    return e->big_endian ? ld_be16(e->data + at) : ld_le16(e->data + at);
}

uint32_t elf_get32(const struct elf *e, size_t at)
{
    return e->big_endian ? ld_be32(e->data + at) : ld_le32(e->data + at);
}

uint64_t elf_get64(const struct elf *e, size_t at)
{
    return e->big_endian ? ld_be64(e->data + at) : ld_le64(e->data + at);
}

uint64_t elf_get_word(const struct elf *e, size_t at32, size_t at64)
{
    return e->is64 ? elf_get64(e, at64) : elf_get32(e, at32);
}

bool elf_open(struct elf *e, const uint8_t *data, size_t len)
{
    *e = (struct elf){.data = data, .len = len};
    if (len < EHDR32 || memcmp(data, "\177ELF", 4))
        return false;
    if (data[EI_CLASS] != CLASS32 && data[EI_CLASS] != CLASS64)
        return false;
    if (data[EI_DATA] != DATA_LE && data[EI_DATA] != DATA_BE)
        return false;
    e->is64 = data[EI_CLASS] == CLASS64;
    e->big_endian = data[EI_DATA] == DATA_BE;
    return !e->is64 || len >= EHDR64;
}

bool elf_probe(const uint8_t *data, size_t len, struct elf_info *info)
{
    struct elf e;

    if (!elf_open(&e, data, len))
        return false;
    *info = (struct elf_info){.is64 = e.is64, .big_endian = e.big_endian};
    info->machine = elf_get16(&e, 18);
    info->entry = elf_get_word(&e, 24, 24);
    return true;
}

/* The program header table: its offset, and how many entries of which size. */
static bool table_bounds(const struct elf *e, uint64_t *off, unsigned *n, unsigned *step,
                         struct error **errp)
{
    *off = elf_get_word(e, 28, 32);
    *step = elf_get16(e, e->is64 ? 54 : 42);
    *n = elf_get16(e, e->is64 ? 56 : 44);
    if (!*n) {
        error_set(errp, "ELF file has no program headers");
        return false;
    }
    if (*step < (e->is64 ? PHDR64 : PHDR32)) {
        error_set(errp, "ELF program headers have %u bytes, which is too few", *step);
        return false;
    }
    if (*off > e->len || (uint64_t)*n * *step > e->len - *off) {
        error_set(errp, "ELF program headers lie beyond the end of the file (truncated?)");
        return false;
    }
    return true;
}

static struct segment get_segment(const struct elf *e, uint64_t at)
{
    struct segment s = {.type = elf_get32(e, at)};

    s.offset = elf_get_word(e, at + 4, at + 8);
    s.vaddr = elf_get_word(e, at + 8, at + 16);
    s.paddr = elf_get_word(e, at + 12, at + 24);
    s.filesz = elf_get_word(e, at + 16, at + 32);
    s.memsz = elf_get_word(e, at + 20, at + 40);
    return s;
}

static bool check_segment(const struct elf *e, const struct segment *s, struct error **errp)
{
    if (s->offset > e->len || s->filesz > e->len - s->offset) {
        error_set(errp, "ELF segment at 0x%" PRIx64 " lies beyond the end of the file (truncated?)",
                  s->paddr);
        return false;
    }
    if (s->filesz > s->memsz || s->memsz > MAX_EXTENT || s->paddr + s->memsz < s->paddr) {
        error_set(errp,
                  "ELF segment at 0x%" PRIx64 " has impossible sizes: 0x%" PRIx64
                  " in the file, 0x%" PRIx64 " in memory",
                  s->paddr, s->filesz, s->memsz);
        return false;
    }
    return true;
}

/* Zero memory behind what the file holds; in steps, for the amount is the file's word. */
static bool zero_fill(struct address_space *as, gpa addr, uint64_t len, struct error **errp)
{
    static const uint8_t zeros[65536];

    for (uint64_t n; len; len -= n, addr += n) {
        n = MIN(len, sizeof(zeros));
        if (!load_blob(as, addr, zeros, n, "zeroed part of an ELF segment", errp))
            return false;
    }
    return true;
}

static bool load_segment(struct address_space *as, const struct elf *e, const struct segment *s,
                         struct error **errp)
{
    if (!check_segment(e, s, errp) ||
        !load_blob(as, s->paddr, e->data + s->offset, s->filesz, "ELF segment", errp))
        return false;
    return zero_fill(as, s->paddr + s->filesz, s->memsz - s->filesz, errp);
}

static bool is_memory(struct address_space *as, gpa addr)
{
    const struct flat_range *r = address_space_find(as, addr);

    return r && r->mr->ram;
}

/*
 * A link at the start of RAM puts the file's headers on a page below it, in a segment that begins
 * at file offset 0.  Nothing there is meant to be loaded: skip such pages while no memory lies
 * there.
 */
static void skip_headers_below_memory(struct address_space *as, struct segment *s)
{
    enum { PAGE = 4096 };
    while (s->offset < PAGE && s->filesz > PAGE && !is_memory(as, s->paddr)) {
        s->offset += PAGE;
        s->paddr += PAGE;
        s->vaddr += PAGE;
        s->filesz -= PAGE;
        s->memsz -= PAGE;
    }
}

static void note_extent(struct elf_info *info, const struct segment *s, uint64_t virtual_entry)
{
    info->low = MIN(info->low, s->paddr);
    info->high = MAX(info->high, s->paddr + s->memsz);
    if (virtual_entry >= s->vaddr && virtual_entry - s->vaddr < s->memsz)
        info->entry = s->paddr + (virtual_entry - s->vaddr);
}

static bool load_segments(struct address_space *as, const struct elf *e, struct elf_info *info,
                          struct error **errp)
{
    uint64_t off, virtual_entry = info->entry;
    unsigned n, step, loaded = 0;

    if (!table_bounds(e, &off, &n, &step, errp))
        return false;
    for (unsigned i = 0; i < n; i++) {
        struct segment s = get_segment(e, off + (uint64_t)i * step);
        if (s.type != PT_LOAD || !s.memsz)
            continue;
        skip_headers_below_memory(as, &s);
        if (!load_segment(as, e, &s, errp))
            return false;
        note_extent(info, &s, virtual_entry);
        loaded++;
    }
    if (!loaded)
        error_set(errp, "ELF file has nothing to load");
    return loaded;
}

/* Open an executable file; false with *errp. */
static bool open_program(struct elf *e, const uint8_t *data, size_t len, struct elf_info *info,
                         const char *path, struct error **errp)
{
    if (!elf_open(e, data, len) || !elf_probe(data, len, info)) {
        error_set(errp, "'%s' is not an ELF file", path);
        return false;
    }
    unsigned type = elf_get16(e, 16);
    info->low = UINT64_MAX;
    if (type == ET_EXEC || type == ET_DYN)
        return true;
    error_set(errp, "ELF file is of type %u, wanted an executable (2) or a shared object (3)",
              type);
    error_prefix(errp, "could not load '%s'", path);
    return false;
}

bool elf_load(struct address_space *as, const uint8_t *data, size_t len, struct elf_info *info,
              const char *path, struct error **errp)
{
    struct elf e;

    if (!open_program(&e, data, len, info, path, errp))
        return false;
    if (load_segments(as, &e, info, errp)) {
        load_note(as, info->low, info->high - info->low, path);
        return true;
    }
    error_prefix(errp, "could not load '%s'", path);
    return false;
}

static bool collect_segments(const struct elf *e, struct elf_info *info, GArray *list,
                             struct error **errp)
{
    uint64_t off, virtual_entry = info->entry;
    unsigned n, step;

    if (!table_bounds(e, &off, &n, &step, errp))
        return false;
    for (unsigned i = 0; i < n; i++) {
        struct segment s = get_segment(e, off + (uint64_t)i * step);
        if (s.type != PT_LOAD || !s.memsz)
            continue;
        if (!check_segment(e, &s, errp))
            return false;
        struct elf_segment out = {s.paddr, e->data + s.offset, s.filesz, s.memsz};
        g_array_append_val(list, out);
        note_extent(info, &s, virtual_entry);
    }
    if (!list->len)
        error_set(errp, "ELF file has nothing to load");
    return list->len;
}

GArray *elf_segments(const uint8_t *data, size_t len, struct elf_info *info, const char *path,
                     struct error **errp)
{
    struct elf e;

    if (!open_program(&e, data, len, info, path, errp))
        return NULL;
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct elf_segment));
    if (collect_segments(&e, info, list, errp))
        return list;
    error_prefix(errp, "could not load '%s'", path);
    g_array_unref(list);
    return NULL;
}

/* The note among those in [at, end) of the file. */
static const uint8_t *find_note(const struct elf *e, uint64_t at, uint64_t end, const char *owner,
                                uint32_t type, size_t *desc_len)
{
    enum { NOTE_HEADER = 12, NOTE_ALIGN = 4 };

    while (end - at >= NOTE_HEADER) {
        uint64_t name_len = elf_get32(e, at), desc = elf_get32(e, at + 4);
        uint64_t desc_at = at + NOTE_HEADER + align_up(name_len, NOTE_ALIGN);
        if (desc_at > end || desc > end - desc_at)
            return NULL;
        if (elf_get32(e, at + 8) == type && name_len == strlen(owner) + 1 &&
            memcmp(e->data + at + NOTE_HEADER, owner, name_len) == 0) {
            *desc_len = desc;
            return e->data + desc_at;
        }
        at = MIN(desc_at + align_up(desc, NOTE_ALIGN), end);
    }
    return NULL;
}

const uint8_t *elf_note(const uint8_t *data, size_t len, const char *owner, uint32_t type,
                        size_t *desc_len)
{
    struct elf e;
    uint64_t off;
    unsigned n, step;

    if (!elf_open(&e, data, len) || !table_bounds(&e, &off, &n, &step, NULL))
        return NULL;
    for (unsigned i = 0; i < n; i++) {
        struct segment s = get_segment(&e, off + (uint64_t)i * step);
        if (s.type != PT_NOTE || !check_segment(&e, &s, NULL))
            continue;
        const uint8_t *desc = find_note(&e, s.offset, s.offset + s.filesz, owner, type, desc_len);
        if (desc)
            return desc;
    }
    return NULL;
}
