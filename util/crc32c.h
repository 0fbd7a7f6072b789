/* CRC32 with Castagnoli's polynomial, without inversion before or after. */
#ifndef UTIL_CRC32C_H
#define UTIL_CRC32C_H

#include <stdint.h>

/* Of the low bytes of data; four bits at a time. */
static inline uint32_t crc32c(uint32_t acc, uint64_t data, unsigned bytes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    for (unsigned i = 0; i < bytes * 2; i++)
        acc = acc >> 4 ^ table[(acc ^ data >> 4 * i) & 15];
    return acc;
}

#endif
