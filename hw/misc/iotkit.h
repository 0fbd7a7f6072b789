/* Identification registers of IoT Kit and TrustZone peripherals; wiring of the system control. */
#ifndef HW_MISC_IOTKIT_H
#define HW_MISC_IOTKIT_H

#include "core/device.h"

/* Before realize: told, with a lock held, where the processor begins at the next reset
 * (INITSVTOR0); takes leaf locks only. */
void iotkit_sysctl_on_vectors(struct device *sysctl, void (*fn)(void *opaque, uint32_t addr),
                              void *opaque);

enum { IOTKIT_ID_REGS = 0xfd0, IOTKIT_SIZE = 0x1000 };
/* The register at off, from IOTKIT_ID_REGS on; part: the low byte of its part number; revision: its
 * third identification byte. */
static inline uint32_t iotkit_id(uint32_t off, uint8_t part, uint8_t revision)
{
    static const uint8_t ids[] = {4, 0, 0, 0, 0, 0xb8, 0, 0, 0x0d, 0xf0, 0x05, 0xb1};
    uint32_t i = (off - IOTKIT_ID_REGS) / 4;
    return i == 4 ? part : i == 6 ? revision : ids[i % sizeof(ids)];
}

#endif
