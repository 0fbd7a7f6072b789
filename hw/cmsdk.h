/* Identification registers of the Cortex-M System Design Kit's peripherals. */
#ifndef HW_CMSDK_H
#define HW_CMSDK_H

#include <stdint.h>

enum { CMSDK_ID_REGS = 0xfd0, CMSDK_SIZE = 0x1000 };
/* The register at off, from CMSDK_ID_REGS on; part: the low byte of its part number. */
static inline uint32_t cmsdk_id(uint32_t off, uint8_t part)
{
    static const uint8_t ids[] = {4, 0, 0, 0, 0, 0xb8, 0x1b, 0, 0x0d, 0xf0, 0x05, 0xb1};
    uint32_t i = (off - CMSDK_ID_REGS) / 4;
    return i == 4 ? part : ids[i % sizeof(ids)];
}

#endif
