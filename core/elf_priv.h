/* Fields of an ELF file of either class and byte order.  Ref: System V ABI, chapter 4; offsets are
 * the caller's to check against len. */
#ifndef CORE_ELF_PRIV_H
#define CORE_ELF_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A file with its class and byte order. */
struct elf {
    const uint8_t *data;
    size_t len;
    bool is64, big_endian;
};

/* False when it is no ELF file, or shorter than its header. */
bool elf_open(struct elf *e, const uint8_t *data, size_t len);
uint16_t elf_get16(const struct elf *e, size_t at);
uint32_t elf_get32(const struct elf *e, size_t at);
uint64_t elf_get64(const struct elf *e, size_t at);
/* An address-sized field, which lies elsewhere in the two classes. */
uint64_t elf_get_word(const struct elf *e, size_t at32, size_t at64);

#endif
