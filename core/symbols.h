/* Names for guest addresses: from the symbol table of an ELF file, or a System.map. */
#ifndef CORE_SYMBOLS_H
#define CORE_SYMBOLS_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbols;

struct symbols *symbols_new(void);
void symbols_free(struct symbols *s);
/* Add a file's functions: an ELF file with a symbol table, or lines "ADDRESS TYPE NAME" as nm,
 * System.map and /proc/kallsyms have them.  False with *errp when there are none. */
bool symbols_add(struct symbols *s, const char *path, struct error **errp) MUST_CHECK;
/* Add the functions that a Linux kernel, whose memory is in data, names itself; false when there is
 * no such table.  Nothing in it is trusted.  Since Linux 7 it does not say where it was linked:
 * data then begins at SYMBOLS_IMAGE_BASE. */
#define SYMBOLS_IMAGE_BASE (UINT64_C(1) << 40)
bool symbols_add_kallsyms(struct symbols *s, const uint8_t *data, size_t len) MUST_CHECK;
/* The function that holds addr, and how far in; NULL when none does.  Valid until symbols_free().
 */
const char *symbols_find(struct symbols *s, uint64_t addr, uint64_t *offset);
/* The address of a name, as the file has it. */
bool symbols_address(struct symbols *s, const char *name, uint64_t *addr);
/* All names are found by bytes higher than the files say: a kernel that moved itself. */
void symbols_set_slide(struct symbols *s, uint64_t bytes);
unsigned symbols_count(const struct symbols *s);

#endif
