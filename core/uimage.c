/*
 * U-Boot's legacy kernel images (uImage).
 * Ref: U-Boot documentation, "mkimage"; the header as its include/image.h documents it: 64 bytes,
 * big endian.
 */
#include "core/loader.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>
#include <zlib.h>

enum { HEADER = 64, MAGIC = 0x27051956 };
enum { HEADER_CRC = 4, SIZE = 12, LOAD = 16, ENTRY = 20, DATA_CRC = 24, ARCH = 29, TYPE = 30 };
enum { COMPRESSION = 31, TYPE_KERNEL = 2, TYPE_KERNEL_NOLOAD = 14 };
enum { ARCH_ARM = 2, ARCH_I386 = 3, ARCH_ARM64 = 22, ARCH_X86_64 = 24, ARCH_RISCV = 26 };

static const char *arch_name(uint8_t arch)
{
    switch (arch) {
    case ARCH_ARM: return "arm";
    case ARCH_I386: return "i386";
    case ARCH_ARM64: return "aarch64";
    case ARCH_X86_64: return "x86_64";
    case ARCH_RISCV: return "riscv64";
    default: return NULL;
    }
}

bool uimage_probe(const uint8_t *data, size_t len, struct uimage_info *info)
{
    if (len < HEADER || ld_be32(data) != MAGIC)
        return false;
    info->arch = arch_name(data[ARCH]);
    info->any_address = data[TYPE] == TYPE_KERNEL_NOLOAD;
    info->load = ld_be32(data + LOAD);
    info->entry = ld_be32(data + ENTRY);
    return true;
}

/* The checksum of the header is made with its own field 0. */
static bool header_is_good(const uint8_t *data)
{
    uint8_t copy[HEADER];
    memcpy(copy, data, HEADER);
    memset(copy + HEADER_CRC, 0, 4);
    return crc32(0, copy, HEADER) == ld_be32(data + HEADER_CRC);
}

static bool check(const uint8_t *data, size_t len, const char *path, struct error **errp)
{
    uint32_t size = ld_be32(data + SIZE);
    if (!header_is_good(data))
        error_set(errp, "uImage '%s': the header's checksum is wrong", path);
    else if (data[TYPE] != TYPE_KERNEL && data[TYPE] != TYPE_KERNEL_NOLOAD)
        error_set(errp, "uImage '%s' holds no kernel (type %u; a kernel has type %d)", path,
                  data[TYPE], TYPE_KERNEL);
    else if (size > len - HEADER)
        error_set(errp, "uImage '%s' is truncated: its header tells of %u bytes, it has %zu", path,
                  size, len - HEADER);
    else if (crc32(0, data + HEADER, size) != ld_be32(data + DATA_CRC))
        error_set(errp, "uImage '%s': the checksum of its contents is wrong", path);
    else
        return true;
    return false;
}

/* What the header calls the compression must be what load_unwrap() finds. */
static bool check_compression(uint8_t method, const char *path, struct error **errp)
{
    static const char *const names[] = {"none", "gzip", "bzip2", "lzma", "lzo", "lz4", "zstd"};
    const char *name = method < G_N_ELEMENTS(names) ? names[method] : "unknown";
    if (method == 0 || !strcmp(name, "gzip") || !strcmp(name, "zstd"))
        return true;
    error_set(errp,
              "uImage '%s' is compressed by a method that is not supported (%s); gzip and "
              "zstd are",
              path, name);
    return false;
}

bool uimage_unwrap(uint8_t **data, size_t *len, size_t max, const char *path, struct error **errp)
{
    if (!check(*data, *len, path, errp) || !check_compression((*data)[COMPRESSION], path, errp))
        return false;
    *len = ld_be32(*data + SIZE);
    memmove(*data, *data + HEADER, *len);
    return load_unwrap(data, len, max, path, errp);
}
