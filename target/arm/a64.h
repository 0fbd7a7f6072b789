/* What the translation of A64 shares: the decoders, and what several groups of instructions need.
 */
#ifndef TARGET_ARM_A64_H
#define TARGET_ARM_A64_H

#include "target/arm/a64_decode.h"
#include "target/arm/simd.h"
#include "target/arm/trans.h"

/* Landings for BTYPE values, a bit each; bit ARM_BTYPE_BR: for both of its.  bt: SCTLR.BTn.
 * Ref: DDI 0487, BTypeCompatible. */
unsigned a64_landings(uint32_t insn, bool bt);
/* At the unit's first instruction: that a branch to it may land here. */
void a64_check_landing(struct dis *d);
/* An x register as an address of code: the tag is removed as TBI of its half of the address space
 * says. */
ir_val branch_target(struct dis *d, ir_val addr) ARM_SYMBOL(branch_target);
/* Keys of pointer authentication instructions, and whether more happens with the pointer. */
enum { PAUTH_IA, PAUTH_IB, PAUTH_DA, PAUTH_DB, PAUTH_KEY = 3, PAUTH_COMBINED = 4 };
/* Of hints: PACIA1716 and the like; PACIAZ; PACIASP. */
enum { PAUTH_HINT_1716, PAUTH_HINT_ZERO, PAUTH_HINT_SP };
/* The pointer that a combined instruction (RETAA, ERETAA) checks, first thing. */
ir_val a64_auth_combined(struct dis *d, ir_val ptr, ir_val modifier, unsigned key);
/* Registers and elements of helper_ld_struct() and helper_st_struct(): vector rt of Q's length and
 * those after it, `selem` of them interleaved, `rpt` times. */
static inline uint32_t struct_how(unsigned rt, bool q, unsigned selem, unsigned rpt)
{
    return rt | (uint32_t)q << 5 | selem << 6 | rpt << 9;
}
/* Of the instructions of FEAT_MOPS, which come in threes. */
enum { MOPS_PROLOGUE, MOPS_MAIN, MOPS_EPILOGUE };
/* An access of 1 to 16 bytes (log2 in size) as a V128; of a load the rest is zero. */
ir_val a64_load_v(struct dis *d, ir_val addr, unsigned size);
void a64_store_v(struct dis *d, ir_val addr, ir_val v, unsigned size);
/* Rm extended by option (UXTB UXTH UXTW UXTX SXTB SXTH SXTW SXTX), then shifted left: I64. */
ir_val a64_extended(struct dis *d, int rm, unsigned option, unsigned shift);
/* I32 or I64. */
static inline enum ir_type type_of_sf(bool sf)
{
    return sf ? I64 : I32;
}

#endif
