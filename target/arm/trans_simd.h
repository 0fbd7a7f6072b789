/* Calls of the SIMD and FP helpers, and what the translation of AdvSIMD and scalar FP shares. */
#ifndef TARGET_ARM_TRANS_SIMD_H
#define TARGET_ARM_TRANS_SIMD_H

#include "target/arm/simd.h"
#include "target/arm/trans.h"

/* A vector register as a value; to be written, with zeros above enum simd_width. */
ir_val vreg(struct dis *d, int n);
void set_vreg(struct dis *d, int n, ir_val v, unsigned w);
ir_val vconst(struct dis *d, uint64_t low, uint64_t high);
/*
 * Operations of enum simd_op and enum simd_fp_op on values; IR_NONE: nothing was built that has an
 * effect, call the helper.  Integer ones leave what is above the width undefined, the others zero.
 * Whether the host's arithmetic is what is asked for is the caller's to know.
 */
struct vec {
    unsigned esz, w, imm; /* of struct simd_desc */
    ir_val old;           /* of the destination */
};
ir_val vec_value(struct dis *d, uint32_t op, const struct vec *x, ir_val n, ir_val m);
ir_val vfp_value(struct dis *d, uint32_t op, const struct vec *x, ir_val n, ir_val m);
/* Operations of enum simd_op in the translator's own; false: nothing was built, call the helper. */
bool vec_inline(struct dis *d, uint32_t op, const struct simd_desc *x);
bool vec_inline_element(struct dis *d, uint32_t op, const struct simd_desc *x);
/*
 * trans_fz.c: an instruction in line where FPCR.FZ makes no difference, or else by its helper:
 * fz_begin() first, then the operands; where they are safe, what follows; then, if fz_otherwise()
 * says so, the helper's call, and fz_end().  Nothing is built, and false told, while FZ is 0.
 */
struct fz {
    bool on;
    unsigned slow, join; /* blocks */
};
/* What is done with an operand: 0 is safe for all but divisors. */
enum fz_kind {
    FZ_SAFE,  /* nothing can be flushed */
    FZ_INPUT, /* the result is not small unless the operand is */
    FZ_SUM,
    FZ_PRODUCT,
    FZ_FUSED, /* product and sum, fused or not */
    FZ_DIVIDEND,
    FZ_DIVISOR,
    FZ_NARROW,
    FZ_NOT /* never in line */
};
void fz_begin(struct dis *d, struct fz *z);
/* A F32 or F64; all lanes of a V128. */
void fz_operand(struct dis *d, const struct fz *z, enum fz_kind kind, ir_val v);
void fz_lanes(struct dis *d, const struct fz *z, enum fz_kind kind, unsigned esz, ir_val v);
bool fz_otherwise(struct dis *d, const struct fz *z);
void fz_end(struct dis *d, const struct fz *z);
/* The same for enum simd_fp_op: on single and double scalars, on vectors, by element; true with
 * z->on: unless it must be flushed. */
bool fp_inline(struct dis *d, uint32_t op, const struct simd_desc *x, struct fz *z);
bool vfp_inline(struct dis *d, uint32_t op, const struct simd_desc *x, struct fz *z);
bool vfp_inline_element(struct dis *d, uint32_t op, const struct simd_desc *x, struct fz *z);
/* Whether the translator has operations for elements of a size. */
bool fp_is_native(unsigned esz);
/* enum ir_nan under FPCR.DN. */
uint32_t fp_nan_rule(const struct dis *d);
/* enum ir_round for an operation that rounds as rm (enum fp_round) says. */
uint32_t fp_rounding(const struct dis *d, unsigned rm);

/* The slots of vector registers, for calls of helpers; three of them, of which some may be the
 * same. */
struct ir_slot_set simd_slot(unsigned n);
struct ir_slot_set simd_slots(unsigned a, unsigned b, unsigned c);
/* Whether an operation of enum simd_op may set FPSR.QC. */
bool simd_saturates(uint32_t op);
/* Whole operations by number. */
void simd_call(struct dis *d, uint32_t op, struct simd_desc desc);
void simd_call_fp(struct dis *d, uint32_t op, struct simd_desc desc);
/* log2 of the bytes of a scalar's type: 0 single, 1 double, 3 half. */
unsigned fp_esz(int ft);
/* Whether the processor has that type. */
bool fp_has_type(const struct dis *d, int ft);

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
