/* What translation tells the helper of AArch32's vector and FP operations. */
#ifndef TARGET_ARM_NEON_A32_H
#define TARGET_ARM_NEON_A32_H

#include "target/arm/simd.h"

#include <stdint.h>

/* Operations that AArch64 does not have, or has otherwise: beyond F_OPS. */
enum a32_fp_op {
    A32_F_MLA = F_OPS, /* product rounded before the sum: VMLA, VMLS */
    A32_F_MLS,
    A32_F_RECPS,
    A32_F_RSQRTS,
    A32_F_OPS
};

/* Which table: bits 15..12 of the operation. */
enum { A32_OP_INT = 0, A32_OP_FP = 1 << 12, A32_OP_FP_STD = 2 << 12, A32_OP_CRYPTO = 3 << 12 };

/* Of short vectors: an operation of another kind on each of their registers, which has one source;
 * VMLA and its kin, by imm; an immediate number. */
enum { A32_OP_UNARY = 1 << 16, A32_OP_MAC = 4 << 12, A32_OP_NUMBER = 5 << 12 };

/* A register by its first word: S n is n, D n is 2n, Q n is 4n; and by log2 of its bytes. */
struct a32_vreg {
    uint8_t word, size;
};
enum { A32_VNONE = 0, A32_H = 1, A32_S = 2, A32_D = 3, A32_Q = 4 };

struct a32_vop {
    struct a32_vreg d, n, m;
    uint8_t esz, w, imm; /* of struct simd */
    uint8_t elem;        /* m: one element for all lanes: 1 + its index; esz says which */
    uint8_t elem_esz;
};

static inline uint64_t a32_vreg_pack(struct a32_vreg r)
{
    return r.word | (uint64_t)r.size << 6;
}
static inline struct a32_vreg a32_vreg_unpack(uint64_t v)
{
    return (struct a32_vreg){v & 63, v >> 6 & 7};
}
static inline uint64_t a32_vop_pack(struct a32_vop o)
{
    return a32_vreg_pack(o.d) | a32_vreg_pack(o.n) << 9 | a32_vreg_pack(o.m) << 18 |
           (uint64_t)o.esz << 27 | (uint64_t)o.w << 29 | (uint64_t)o.imm << 32 |
           (uint64_t)o.elem << 40 | (uint64_t)o.elem_esz << 48;
}
static inline struct a32_vop a32_vop_unpack(uint64_t v)
{
    return (struct a32_vop){.d = a32_vreg_unpack(v),
                            .n = a32_vreg_unpack(v >> 9),
                            .m = a32_vreg_unpack(v >> 18),
                            .esz = v >> 27 & 3,
                            .w = v >> 29 & 3,
                            .imm = v >> 32 & 255,
                            .elem = v >> 40 & 255,
                            .elem_esz = v >> 48 & 3};
}

#endif
