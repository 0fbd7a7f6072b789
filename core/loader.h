/* Kernel, firmware and raw images into guest memory. */
#ifndef CORE_LOADER_H
#define CORE_LOADER_H

#include "core/memory.h"

#include <glib.h>
#include <stdbool.h>

/* A whole file in host memory (g_malloc; g_free it), at most max bytes; NULL and *errp otherwise.
 */
uint8_t *load_file(const char *path, size_t max, size_t *len, struct error **errp) MUST_CHECK;
/* Undo gzip, zstd and EFI zboot wrapping (nested at most 3 deep) in place of *data; unchanged if
 * none; false: corrupt. */
bool load_unwrap(uint8_t **data, size_t *len, size_t max, const char *path,
                 struct error **errp) MUST_CHECK;

struct elf_info {
    bool is64, big_endian;
    uint16_t machine;          /* e_machine: 243 RISC-V, 183 AArch64, 40 Arm, 62 x86-64, 3 i386 */
    uint64_t entry, low, high; /* physical extent loaded */
};
bool elf_probe(const uint8_t *data, size_t len, struct elf_info *info);
/* Load PT_LOAD segments at p_paddr (p_vaddr is kept for symbols); entry is mapped to its physical
 * address. */
bool elf_load(struct address_space *as, const uint8_t *data, size_t len, struct elf_info *info,
              const char *path, struct error **errp) MUST_CHECK;
/* What there is to load, for loaders that bring it into memory themselves: checked to lie in the
 * file; data points into it.  An array (g_array_unref it) of at least one, with entry, low and high
 * of info as elf_load() sets them; NULL with *errp. */
struct elf_segment {
    gpa paddr;
    const uint8_t *data;
    uint64_t filesz, memsz; /* bytes in the file, and in memory; the difference is zeros */
};
GArray *elf_segments(const uint8_t *data, size_t len, struct elf_info *info, const char *path,
                     struct error **errp) MUST_CHECK;
/* What the note of an owner ("Xen") with a type says, and its length; NULL when there is none. */
const uint8_t *elf_note(const uint8_t *data, size_t len, const char *owner, uint32_t type,
                        size_t *desc_len);
/* Linux "Image" header of RISC-V and arm64. */
struct image_info {
    const char *arch; /* "riscv64", "riscv32", "aarch64" */
    uint64_t text_offset, image_size, flags;
};
bool image_probe(const uint8_t *data, size_t len, struct image_info *info);
/* U-Boot's legacy image. */
struct uimage_info {
    const char *arch; /* NULL: one we have no name for */
    bool any_address; /* load and entry mean nothing */
    gpa load, entry;
};
bool uimage_probe(const uint8_t *data, size_t len, struct uimage_info *info);
/* Check it, and leave what it holds, unpacked, in place of *data; false with *errp. */
bool uimage_unwrap(uint8_t **data, size_t *len, size_t max, const char *path,
                   struct error **errp) MUST_CHECK;
/* Architecture name ("riscv64", "aarch64", "arm", "x86_64", "i386") that an image file is for, or
 * NULL when it does not tell. */
const char *image_arch(const uint8_t *data, size_t len);
/* Copy to guest memory; false with *errp when [addr, addr+len) is not all RAM or ROM. */
bool load_blob(struct address_space *as, gpa addr, const void *data, size_t len, const char *what,
               struct error **errp) MUST_CHECK;
/* What the two functions above have loaded, by address, each once however often it is loaded. */
struct load_note {
    gpa addr;
    uint64_t size; /* bytes */
    char *name;
    struct load_note *next;
};
void load_note(struct address_space *as, gpa addr, uint64_t size, const char *name);
void load_notes_free(struct address_space *as);
/* Find a firmware file in the search directories (or as a path if it has a slash); g_free it; NULL
 * with *errp that lists where it looked. */
char *firmware_find(const struct machine *m, const char *name, struct error **errp) MUST_CHECK;

#endif
