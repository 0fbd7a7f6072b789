/* The functions that make pointer authentication codes. */
#ifndef TARGET_ARM_PAUTH_H
#define TARGET_ARM_PAUTH_H

#include <stdint.h>

/* QARMA5, the architected algorithm; key0 and key1 are the key's high and low half.
 * Ref: DDI 0487, ComputePAC(). */
uint64_t arm_pauth_qarma5(uint64_t data, uint64_t modifier, uint64_t key0, uint64_t key1);
/* The emulator's own, an implementation-defined one: not for guests that fear their guests. */
uint64_t arm_pauth_hash(uint64_t data, uint64_t modifier, uint64_t key0, uint64_t key1);

#endif
