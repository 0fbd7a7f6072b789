/*
 * Floating point as Arm's instructions do it, by element size: AArch64 and AArch32 alike.
 * Ref: Arm ARM (DDI 0487) shared/functions/float.
 *
 * esz is log2 of an element's bytes: 1 half, 2 single, 3 double. Values are bit patterns. env holds
 * the controls (FPCR) as armfp_env() sets them, and gathers the exceptions.
 */
#ifndef FPU_ARM_H
#define FPU_ARM_H

#include "fpu/softfloat.h"

/* Bits of FPCR (FPSCR). */
enum {
    ARMFP_FZ16 = 1 << 19,
    ARMFP_RMODE_SHIFT = 22,
    ARMFP_FZ = 1 << 24,
    ARMFP_DN = 1 << 25,
    ARMFP_AHP = 1 << 26,
    /* AArch32's "standard FPSCR value", apart from FZ16 and AHP, which stay */
    ARMFP_STANDARD = ARMFP_FZ | ARMFP_DN
};
/* enum fp_round of FPCR.RMode. */
enum fp_round armfp_round(uint32_t fpcr);
/* An environment without flags, for elements of a size. */
struct fp_env armfp_env(uint32_t fpcr, unsigned esz);

uint64_t armfp_add(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t armfp_sub(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t armfp_mul(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t armfp_div(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t armfp_sqrt(unsigned esz, uint64_t a, struct fp_env *env);
/* c + a * b, fused; neg: enum fp_neg bits. */
uint64_t armfp_fma(unsigned esz, uint64_t c, uint64_t a, uint64_t b, int neg, struct fp_env *env);
/* The product, but 2 for zero times infinity (FMULX). */
uint64_t armfp_mulx(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
/* 2 - a * b and (3 - a * b) / 2, fused (FRECPS, FRSQRTS); zero times infinity counts as zero. */
uint64_t armfp_recps(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t armfp_rsqrts(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
/* Estimates of 8 bits (FRECPE, FRSQRTE), and a power of two near 1/a (FRECPX). */
uint64_t armfp_recpe(unsigned esz, uint64_t a, struct fp_env *env);
uint64_t armfp_rsqrte(unsigned esz, uint64_t a, struct fp_env *env);
uint64_t armfp_recpx(unsigned esz, uint64_t a, struct fp_env *env);
/* The tables behind them: of a in 256..511 (128..511), in units of 1/512; 256..511 in 1/256. */
unsigned armfp_recip_estimate(unsigned a);
unsigned armfp_rsqrt_estimate(unsigned a);

/* Any NaN gives a NaN; the NM forms take a quiet NaN for a missing operand. -0 < +0. */
uint64_t armfp_max(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t armfp_min(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t armfp_maxnm(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
uint64_t armfp_minnm(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
/* False with NaNs; ge and gt signal quiet ones, too. */
bool armfp_eq(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
bool armfp_ge(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
bool armfp_gt(unsigned esz, uint64_t a, uint64_t b, struct fp_env *env);
/* NZCV of FCMP and FCMPE, in bits 3..0. */
unsigned armfp_compare(unsigned esz, uint64_t a, uint64_t b, bool is_signalling,
                       struct fp_env *env);

uint64_t armfp_neg(unsigned esz, uint64_t a);
uint64_t armfp_abs(unsigned esz, uint64_t a);

/* To an integral value; exact: raise NX. bits: the size that the result must fit (FRINT32, FRINT64;
 * else the most negative one, and NV). */
uint64_t armfp_round_int(unsigned esz, uint64_t a, enum fp_round rm, bool exact,
                         struct fp_env *env);
uint64_t armfp_round_size(unsigned esz, uint64_t a, unsigned bits, enum fp_round rm,
                          struct fp_env *env);

/* An integer or fixed-point type. */
struct armfp_int {
    uint8_t bits, fraction_bits;
    bool is_signed;
};
/* Saturating, NaNs to 0; the result is in the low bits, the others are clear. */
uint64_t armfp_to_int(unsigned esz, uint64_t a, struct armfp_int type, enum fp_round rm,
                      struct fp_env *env);
/* x: in the low bits. */
uint64_t armfp_from_int(unsigned esz, uint64_t x, struct armfp_int type, struct fp_env *env);
/* A double to 32 bits modulo 2^32; *exact: its value is that, and it is not -0. */
uint32_t armfp_to_int_js(uint64_t a, bool *exact, struct fp_env *env);

/* Between sizes; fpcr: AHP says which half-precision format, FZ does not apply to halves. FP_ODD in
 * env->round is respected. */
uint64_t armfp_convert(unsigned to, unsigned from, uint64_t a, uint32_t fpcr, struct fp_env *env);
/* A single to bfloat16. */
uint16_t armfp_to_bf16(uint32_t a, struct fp_env *env);

/* A single plus or minus the product of two halves, fused (FMLAL, FMLSL). */
uint32_t armfp_fma_half(uint32_t c, uint16_t a, uint16_t b, bool negate, uint32_t fpcr,
                        struct fp_env *env);
/* c + (a.low * b.low + a.high * b.high) of pairs of bfloat16, each step rounded to odd, subnormals
 * flushed, without exceptions (BFDOT). */
uint32_t armfp_bf16_dot(uint32_t c, uint32_t a, uint32_t b);

#endif
