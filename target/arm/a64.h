/* What the translation of A64 shares: the decoders, and what several groups of instructions need.
 */
#ifndef TARGET_ARM_A64_H
#define TARGET_ARM_A64_H

#include "target/arm/a64_decode.h"
#include "target/arm/simd.h"
#include "target/arm/trans.h"

/* An x register as an address of code: the tag is removed as TBI of its half of the address space
 * says. */
ir_val branch_target(struct dis *d, ir_val addr) ARM_SYMBOL(branch_target);
/* Rm extended by option (UXTB UXTH UXTW UXTX SXTB SXTH SXTW SXTX), then shifted left: I64. */
ir_val a64_extended(struct dis *d, int rm, unsigned option, unsigned shift);
/* I32 or I64. */
static inline enum ir_type type_of_sf(bool sf)
{
    return sf ? I64 : I32;
}

#endif
