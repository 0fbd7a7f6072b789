/*
 * AdvSIMD, floating-point and cryptographic operations on whole registers, by number.
 *
 * The decode table and the translation name an operation; the kernels in helper_simd.c, helper_fp.c
 * and helper_crypto.c do it for any element size and width.
 */
#ifndef TARGET_ARM_SIMD_H
#define TARGET_ARM_SIMD_H

#include "fpu/softfloat.h"

#include <stdbool.h>
#include <stdint.h>

union arm_vreg;

/* Integer operations (helper_simd.c), named after their instructions. */
enum simd_op {
    /* two operands, lane by lane */
    VI_ADD,
    VI_SUB,
    VI_MUL,
    VI_MLA,
    VI_MLS,
    VI_PMUL,
    VI_SHADD,
    VI_UHADD,
    VI_SRHADD,
    VI_URHADD,
    VI_SHSUB,
    VI_UHSUB,
    VI_SQADD,
    VI_UQADD,
    VI_SQSUB,
    VI_UQSUB,
    VI_CMGT,
    VI_CMGE,
    VI_CMHI,
    VI_CMHS,
    VI_CMEQ,
    VI_CMTST,
    VI_SSHL,
    VI_USHL,
    VI_SRSHL,
    VI_URSHL,
    VI_SQSHL,
    VI_UQSHL,
    VI_SQRSHL,
    VI_UQRSHL,
    VI_SMAX,
    VI_UMAX,
    VI_SMIN,
    VI_UMIN,
    VI_SABD,
    VI_UABD,
    VI_SABA,
    VI_UABA,
    VI_SQDMULH,
    VI_SQRDMULH,
    VI_SQRDMLAH,
    VI_SQRDMLSH,
    VI_SDOT,
    VI_UDOT,
    VI_USDOT,
    VI_SUDOT,
    VI_AND,
    VI_BIC,
    VI_ORR,
    VI_ORN,
    VI_EOR,
    VI_BSL,
    VI_BIT,
    VI_BIF,
    /* pairs of lanes */
    VI_ADDP,
    VI_SMAXP,
    VI_UMAXP,
    VI_SMINP,
    VI_UMINP,
    VI_SADDLP,
    VI_UADDLP,
    VI_SADALP,
    VI_UADALP,
    /* all lanes */
    VI_ADDV,
    VI_SMAXV,
    VI_UMAXV,
    VI_SMINV,
    VI_UMINV,
    VI_SADDLV,
    VI_UADDLV,
    /* results twice as wide */
    VI_SADDL,
    VI_UADDL,
    VI_SSUBL,
    VI_USUBL,
    VI_SABAL,
    VI_UABAL,
    VI_SABDL,
    VI_UABDL,
    VI_SMULL,
    VI_UMULL,
    VI_SMLAL,
    VI_UMLAL,
    VI_SMLSL,
    VI_UMLSL,
    VI_SQDMULL,
    VI_SQDMLAL,
    VI_SQDMLSL,
    VI_PMULL,
    VI_SHLL,
    VI_SSHLL,
    VI_USHLL,
    VI_SADDW,
    VI_UADDW,
    VI_SSUBW,
    VI_USUBW,
    /* results half as wide */
    VI_ADDHN,
    VI_RADDHN,
    VI_SUBHN,
    VI_RSUBHN,
    VI_XTN,
    VI_SQXTN,
    VI_UQXTN,
    VI_SQXTUN,
    VI_SHRN,
    VI_RSHRN,
    VI_SQSHRN,
    VI_SQRSHRN,
    VI_UQSHRN,
    VI_UQRSHRN,
    VI_SQSHRUN,
    VI_SQRSHRUN,
    /* one operand */
    VI_ABS,
    VI_NEG,
    VI_NOT,
    VI_RBIT,
    VI_CLS,
    VI_CLZ,
    VI_CNT,
    VI_SQABS,
    VI_SQNEG,
    VI_SUQADD,
    VI_USQADD,
    VI_CMGT0,
    VI_CMGE0,
    VI_CMEQ0,
    VI_CMLE0,
    VI_CMLT0,
    VI_URECPE,
    VI_URSQRTE,
    /* shifts by an immediate */
    VI_SSHR,
    VI_USHR,
    VI_SSRA,
    VI_USRA,
    VI_SRSHR,
    VI_URSHR,
    VI_SRSRA,
    VI_URSRA,
    VI_SHL,
    VI_SRI,
    VI_SLI,
    VI_SQSHLI,
    VI_UQSHLI,
    VI_SQSHLU,
    /* rearrangements, matrices */
    VI_REV16,
    VI_REV32,
    VI_REV64,
    VI_ZIP1,
    VI_ZIP2,
    VI_UZP1,
    VI_UZP2,
    VI_TRN1,
    VI_TRN2,
    VI_EXT,
    VI_SMMLA,
    VI_UMMLA,
    VI_USMMLA,
    VI_OPS
};

/* Floating-point operations (helper_fp.c). */
enum simd_fp_op {
    F_ADD,
    F_SUB,
    F_MUL,
    F_NMUL,
    F_MULX,
    F_DIV,
    F_MAX,
    F_MIN,
    F_MAXNM,
    F_MINNM,
    F_ABD,
    F_MLA,
    F_MLS,
    F_MADD, /* a + n * m; its own helper; imm: enum fp_neg */
    F_RECPS,
    F_RSQRTS,
    F_CMEQ,
    F_CMGE,
    F_CMGT,
    F_ACGE,
    F_ACGT,
    F_CMEQ0,
    F_CMGE0,
    F_CMGT0,
    F_CMLE0,
    F_CMLT0,
    F_ADDP,
    F_MAXP,
    F_MINP,
    F_MAXNMP,
    F_MINNMP,
    F_MAXV,
    F_MINV,
    F_MAXNMV,
    F_MINNMV,
    F_MOV,
    F_ABS,
    F_NEG,
    F_SQRT,
    F_RECPE,
    F_RSQRTE,
    F_RECPX,
    F_RINT,  /* imm: enum fp_round */
    F_RINTX, /* current rounding, exact */
    F_RINTI,
    F_RINTTS, /* imm: number of bits less 31 | 128 current rounding rather than towards zero */
    F_TO_S,   /* to integer; imm: enum fp_round */
    F_TO_U,
    F_TO_SFIX, /* towards zero; imm: fraction bits */
    F_TO_UFIX,
    F_SCVTF, /* imm: fraction bits */
    F_UCVTF,
    F_CVTN, /* esz: of the narrow format */
    F_CVTXN,
    F_CVTL,
    F_BFCVT,
    F_BFCVTN,
    F_MLAL, /* imm: upper half */
    F_MLSL,
    F_CMLA, /* imm: rotation in quarters */
    F_CADD,
    F_BFDOT,
    F_BFMMLA,
    F_BFMLAL, /* imm: odd elements */
    F_OPS
};

/* Cryptographic operations on all 128 bits (helper_crypto.c). */
enum simd_crypto_op {
    C_AESE,
    C_AESD,
    C_AESMC,
    C_AESIMC,
    C_SHA1C,
    C_SHA1P,
    C_SHA1M,
    C_SHA1SU0,
    C_SHA1H,
    C_SHA1SU1,
    C_SHA256H,
    C_SHA256H2,
    C_SHA256SU0,
    C_SHA256SU1,
    C_SHA512H,
    C_SHA512H2,
    C_SHA512SU0,
    C_SHA512SU1,
    C_RAX1,
    C_EOR3,
    C_BCAX,
    C_XAR,
    C_SM3SS1,
    C_SM3TT1A,
    C_SM3TT1B,
    C_SM3TT2A,
    C_SM3TT2B,
    C_SM3PARTW1,
    C_SM3PARTW2,
    C_SM4E,
    C_SM4EKEY,
    C_OPS
};

/* How much of a register an operation is about. */
enum simd_width { SIMD_SCALAR, SIMD_HALF, SIMD_FULL };

/*
 * The two words that say to a helper what to do.  op: the operation, with SIMD_ELEM when the second
 * operand is one element for all lanes: its index is imm, log2 of its bytes is in ra.  SIMD_STD:
 * under AArch32's standard FPSCR value (DN, FZ, round to nearest).
 */
enum { SIMD_OP = 0x3ff, SIMD_ROT_SHIFT = 10, SIMD_ELEM = 1 << 14, SIMD_STD = 1 << 15 };
struct simd_desc {
    uint8_t rd, rn, rm, ra; /* registers */
    uint8_t esz;            /* log2 of an element's bytes */
    uint8_t w;              /* enum simd_width */
    uint8_t imm;
};
static inline uint32_t simd_pack(struct simd_desc x)
{
    return x.rd | x.rn << 5 | x.rm << 10 | x.ra << 15 | x.esz << 20 | x.w << 22 |
           (uint32_t)x.imm << 24;
}
static inline struct simd_desc simd_unpack(uint32_t d)
{
    return (struct simd_desc){.rd = d & 31,
                              .rn = d >> 5 & 31,
                              .rm = d >> 10 & 31,
                              .ra = d >> 15 & 31,
                              .esz = d >> 20 & 3,
                              .w = d >> 22 & 3,
                              .imm = d >> 24};
}

/* One operation under way, as kernels see it. */
struct simd {
    unsigned esz;  /* log2 of an element's bytes; the narrow ones' where there are two sizes */
    unsigned bits; /* of an element of the result */
    unsigned w, imm;
    bool is_signed;
    bool saturated; /* out */
    struct fp_env env;
    uint32_t fpcr; /* for conversions, which look at AHP and FZ themselves */
};
/* What a kernel gets: copies of the operands.  d: destination, for what accumulates. */
struct simd_operands {
    const union arm_vreg *n, *m, *a, *d;
};

/* Elements; i: index, esz: log2 of bytes. */
uint64_t simd_get(const union arm_vreg *v, unsigned esz, unsigned i);
uint64_t simd_get_signed(const union arm_vreg *v, unsigned esz, unsigned i);
void simd_put(union arm_vreg *v, unsigned esz, unsigned i, uint64_t value);
/* How many elements there are in a width; all-ones masks of an element's size. */
unsigned simd_lanes(unsigned w, unsigned esz);
uint64_t simd_mask(unsigned bits);

/* Apply an operation lane by lane or as its shape says; r: zeroed result. */
enum simd_shape {
    SHAPE_NONE,
    SHAPE_SAME,      /* r = f(d, n, m) */
    SHAPE_LONG,      /* the same where r and d are twice as wide; SIMD_FULL: of upper halves */
    SHAPE_WIDE,      /* n is wide too */
    SHAPE_NARROW,    /* r is half as wide as n and m; SIMD_FULL: into the upper half of d */
    SHAPE_PAIR,      /* r = f(., first, second of a pair) of n and then m; scalar: one pair of n */
    SHAPE_PAIR_LONG, /* r and d are twice as wide: f(d, first, second) */
    SHAPE_FOLD,      /* one result: f over all lanes of n, halves against halves */
    SHAPE_FOLD_LONG, /* the same, twice as wide */
    SHAPE_WHOLE      /* the kernel does it all */
};
typedef uint64_t simd_lane_fn(struct simd *x, uint64_t d, uint64_t n, uint64_t m);
typedef void simd_whole_fn(struct simd *x, union arm_vreg *r, const struct simd_operands *o);
struct simd_kernel {
    uint8_t shape;  /* enum simd_shape */
    bool is_signed; /* lanes are sign-extended before the function sees them */
    simd_lane_fn *lane;
    simd_whole_fn *whole;
};
void simd_apply(const struct simd_kernel *k, struct simd *x, union arm_vreg *r,
                const struct simd_operands *o);
/* The kernels of enum simd_op, simd_fp_op and simd_crypto_op. */
const struct simd_kernel *simd_int_kernel(unsigned op);
const struct simd_kernel *simd_fp_kernel(unsigned op);
simd_whole_fn *simd_crypto_kernel(unsigned op);
/* r: element `index` of v in all lanes. */
void simd_broadcast(union arm_vreg *r, const union arm_vreg *v, unsigned esz, unsigned index);

/* The value that an immediate of 8 bits stands for (trans_a64_fp.c). */
uint64_t fp_expand_imm(unsigned esz, unsigned imm);

#endif
