/* Helpers of integer instructions: checksums. */
#include "target/arm/cpu.h"
#include "target/arm/helpers.h"

#include "util/bits.h"
#include "util/crc32c.h"

#include <zlib.h>

/* --- CRC32: no inversion before or after.  Ref: DDI 0487, C6.2.82 (CRC32B and the like). --- */

uint32_t helper_crc32(uint32_t acc, uint64_t data, uint32_t bytes)
{
    uint8_t buf[8];
    memcpy(buf, &data, sizeof(buf));
    return ~(uint32_t)crc32(~acc, buf, bytes);
}

uint32_t helper_crc32c(uint32_t acc, uint64_t data, uint32_t bytes)
{
    return crc32c(acc, data, bytes);
}
