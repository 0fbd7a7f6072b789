/* Helpers of integer instructions: flags, checksums. */
#include "target/arm/cpu.h"
#include "target/arm/helpers.h"

#include "util/bits.h"

#include <zlib.h>

/* --- flags --- */

static uint32_t pack(bool n, bool z, bool c, bool v)
{
    return (n ? ARM_FLAG_N : 0) | (z ? ARM_FLAG_Z : 0) | (c ? 0 : ARM_FLAG_NOT_C) |
           (v ? ARM_FLAG_V : 0);
}

uint32_t helper_flags_sub32(uint32_t a, uint32_t b)
{
    uint32_t r = a - b;
    return pack(r >> 31, !r, a >= b, ((a ^ b) & (a ^ r)) >> 31);
}

uint32_t helper_flags_sub64(uint64_t a, uint64_t b)
{
    uint64_t r = a - b;
    return pack(r >> 63, !r, a >= b, ((a ^ b) & (a ^ r)) >> 63);
}

uint32_t helper_flags_adc32(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t r = a + b + c;
    return pack(r >> 31, !r, r < a || (c && r == a), ((a ^ r) & (b ^ r)) >> 31);
}

uint32_t helper_flags_adc64(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t r = a + b + c;
    return pack(r >> 63, !r, r < a || (c && r == a), ((a ^ r) & (b ^ r)) >> 63);
}

/* --- CRC32: no inversion before or after.  Ref: DDI 0487, C6.2.82 (CRC32B and the like). --- */

uint32_t helper_crc32(uint32_t acc, uint64_t data, uint32_t bytes)
{
    uint8_t buf[8];
    memcpy(buf, &data, sizeof(buf));
    return ~(uint32_t)crc32(~acc, buf, bytes);
}

/* Castagnoli's polynomial, four bits at a time. */
uint32_t helper_crc32c(uint32_t acc, uint64_t data, uint32_t bytes)
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
