/*
 * Floating-point instructions of SSE, AVX, FMA and F16C on 128 bits, exactly.
 * Ref: SDM volume 1, 10.2.3 (MXCSR), 11.5 (exceptions), 14.5.2 (NaNs of FMA); volume 2.
 */
#ifndef FPU_SSE_H
#define FPU_SSE_H

#include <stdint.h>

/* MXCSR. */
enum {
    SSE_IE = 1 << 0,
    SSE_DE = 1 << 1,
    SSE_ZE = 1 << 2,
    SSE_OE = 1 << 3,
    SSE_UE = 1 << 4,
    SSE_PE = 1 << 5,
    SSE_FLAGS = 0x3f,
    SSE_DAZ = 1 << 6,
    SSE_MASK_SHIFT = 7, /* of the flags, in their order */
    SSE_RC_SHIFT = 13,
    SSE_FTZ = 1 << 15,
    SSE_RESET = 0x1f80
};

/* An instruction: opcode, map (1: 0F, 2: 0F 38, 3: 0F 3A) from bit 8, prefix (66, F3, F2: 1 to 3)
 * from bit 10, W in bit 12, an immediate byte from bit 14. */
enum { SSE_MAP_SHIFT = 8, SSE_PREFIX_SHIFT = 10, SSE_W = 1 << 12, SSE_IMM_SHIFT = 14 };

/*
 * Run one: r from its sources in order (FMA: all three operands; of scalar instructions the first
 * is what gives the rest of the result; of unary ones the only source is the first, or both).
 * Integers are in the low half. COMIS: ZF, PF, 1, CF as LAHF has them, in bits 14, 10, 9, 8. Flags
 * are ORed into *mxcsr, whose other bits say how to round and what to flush.
 */
void sse_run(uint32_t insn, const uint64_t arg[3][2], uint64_t r[2], uint32_t *mxcsr);

/* DPPS multiplies, adds neighbours, and adds their sums: the next step takes place unless one
 * raised exceptions that are not masked.  Other instructions have one step. */
enum { SSE_STEPS = 3 };
/* OR the flags that each step of an instruction raises into flags. */
void sse_raise(uint32_t insn, const uint64_t arg[3][2], uint32_t mxcsr, uint32_t flags[SSE_STEPS]);

#endif
