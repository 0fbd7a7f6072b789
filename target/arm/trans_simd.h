/* Calls of the SIMD and FP helpers, and what the translation of AdvSIMD and scalar FP shares. */
#ifndef TARGET_ARM_TRANS_SIMD_H
#define TARGET_ARM_TRANS_SIMD_H

#include "target/arm/simd.h"
#include "target/arm/trans.h"

/* The slots of vector registers, for calls of helpers; three of them, of which some may be the
 * same. */
struct ir_slot_set simd_slot(unsigned n);
struct ir_slot_set simd_slots(unsigned a, unsigned b, unsigned c);
/* Whole operations by number. */
void simd_call(struct dis *d, uint32_t op, struct simd_desc desc);
void simd_call_fp(struct dis *d, uint32_t op, struct simd_desc desc);
/* log2 of the bytes of a scalar's type: 0 single, 1 double, 3 half. */
unsigned fp_esz(int ft);
/* Whether the processor has that type. */
bool fp_has_type(const struct dis *d, int ft);

/* The value that an immediate of 8 bits stands for. */
uint64_t fp_expand_imm(unsigned esz, unsigned imm);

/* An element of a register, zero- or sign-extended: I64. */
ir_val simd_element(struct dis *d, int n, unsigned esz, unsigned index);
ir_val simd_element_signed(struct dis *d, int n, unsigned esz, unsigned index);
/* Write a register: two halves (I64); or one scalar in the low bits of an I64, with zeros above it.
 */
void simd_set(struct dis *d, int n, ir_val low, ir_val high);
void simd_set_scalar(struct dis *d, int n, ir_val bits);
/* Replace one element by the low bits of an I64. */
void simd_insert(struct dis *d, int n, unsigned esz, unsigned index, ir_val bits);

#endif
