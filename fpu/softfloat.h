/*
 * Exact floating point in integer arithmetic: binary16, binary32, binary64 and bfloat16.
 * Ref: IEEE Std 754-2019 (clause numbers below); RISC-V Unprivileged ISA (F, D, Zfh, Zfa, Zfbfmin).
 *
 * Values are bit patterns. Every function is pure but for the flags it ORs into env->flags, so an
 * env belongs to one thread; nothing fails and nothing is allocated.
 */
#ifndef FPU_SOFTFLOAT_H
#define FPU_SOFTFLOAT_H

#include <stdbool.h>
#include <stdint.h>

typedef uint16_t f16;
typedef uint16_t bf16;
typedef uint32_t f32;
typedef uint64_t f64;

/*
 * Rounding direction (4.3), in the encoding of the RISC-V frm field. ODD truncates and then jams
 * what was lost into the last bit, so that a second rounding to a narrower format is exact.
 */
enum fp_round { FP_RNE, FP_RTZ, FP_RDN, FP_RUP, FP_RMM, FP_ODD };

/* Exceptions (clause 7), in the encoding of the RISC-V fflags field. */
enum fp_flag {
    FP_NX = 1,
    FP_UF = 2,
    FP_OF = 4,
    FP_DZ = 8,
    FP_NV = 16,
    /*
     * Subnormal operand. FP_NAN_X86 raises it as MXCSR.DE: an operand that was *not* flushed, and
     * only if no NaN or invalid operation takes precedence. The other modes raise it as Arm's
     * FPSR.IDC: an operand that *was* flushed. Hence it is never seen with RISC-V's settings.
     * Half-precision operands raise neither (Arm FZ16, x86 VCVTPH2PS).
     */
    FP_ID = 32,
};

/* Which NaN an operation gives (6.2). */
enum fp_nan {
    FP_NAN_DEFAULT, /* always the positive canonical quiet NaN: RISC-V; Arm with FPCR.DN = 1 */
    FP_NAN_X86,     /* SSE: the first NaN operand, made quiet; else the negative default NaN */
    FP_NAN_ARM,     /* Arm DN = 0: signalling NaNs first, then operand order; positive default */
};

/* How operations behave, and the flags they have raised. All zero is RISC-V's reset state. */
struct fp_env {
    uint8_t round;      /* enum fp_round; conversions to integer take their own instead */
    uint8_t flags;      /* enum fp_flag bits; sticky, only ever ORed */
    uint8_t nan;        /* enum fp_nan */
    bool tiny_before;   /* tininess is detected before rounding (7.5 a): Arm */
    bool flush_inputs;  /* subnormal operands count as zero: x86 DAZ, Arm FZ */
    bool flush_outputs; /* tiny results become zero. UF is raised, and NX unless tiny_before */
    uint8_t trapped;    /* FP_OF, FP_UF: not masked on x86: raised for exact results, too, and NX
                           only for what an unbounded exponent loses; the value is of no use then */
};

/* For the `neg` operand of the fma functions. */
enum fp_neg { FP_NEG_PRODUCT = 1, FP_NEG_ADDEND = 2 };

/* Arithmetic, rounded once as env->round says (5.4.1). */
f16 f16_add(f16 a, f16 b, struct fp_env *env);
f32 f32_add(f32 a, f32 b, struct fp_env *env);
f64 f64_add(f64 a, f64 b, struct fp_env *env);
f16 f16_sub(f16 a, f16 b, struct fp_env *env);
f32 f32_sub(f32 a, f32 b, struct fp_env *env);
f64 f64_sub(f64 a, f64 b, struct fp_env *env);
f16 f16_mul(f16 a, f16 b, struct fp_env *env);
f32 f32_mul(f32 a, f32 b, struct fp_env *env);
f64 f64_mul(f64 a, f64 b, struct fp_env *env);
f16 f16_div(f16 a, f16 b, struct fp_env *env);
f32 f32_div(f32 a, f32 b, struct fp_env *env);
f64 f64_div(f64 a, f64 b, struct fp_env *env);
f16 f16_sqrt(f16 a, struct fp_env *env);
f32 f32_sqrt(f32 a, struct fp_env *env);
f64 f64_sqrt(f64 a, struct fp_env *env);

/*
 * ±(a * b) ± c rounded once (5.4.1); neg is a mask of enum fp_neg. A NaN operand's sign is negated
 * as well under FP_NAN_ARM (FMSUB negates operands), never under FP_NAN_X86. Infinity times zero
 * plus a quiet NaN raises NV (7.2 c leaves it open), but not under FP_NAN_X86.
 */
f16 f16_fma(f16 a, f16 b, f16 c, int neg, struct fp_env *env);
f32 f32_fma(f32 a, f32 b, f32 c, int neg, struct fp_env *env);
f64 f64_fma(f64 a, f64 b, f64 c, int neg, struct fp_env *env);

/*
 * minimumNumber and maximumNumber (9.6), as RISC-V F 2.2: of a number and a NaN the number; a
 * signalling NaN raises NV; -0 < +0. Arm's FMINNM differs: there a signalling NaN gives a NaN.
 */
f16 f16_min(f16 a, f16 b, struct fp_env *env);
f32 f32_min(f32 a, f32 b, struct fp_env *env);
f64 f64_min(f64 a, f64 b, struct fp_env *env);
f16 f16_max(f16 a, f16 b, struct fp_env *env);
f32 f32_max(f32 a, f32 b, struct fp_env *env);
f64 f64_max(f64 a, f64 b, struct fp_env *env);

/* minimum and maximum (9.6): any NaN operand gives a NaN; -0 < +0. RISC-V fminm, Arm FMIN. */
f16 f16_minimum(f16 a, f16 b, struct fp_env *env);
f32 f32_minimum(f32 a, f32 b, struct fp_env *env);
f64 f64_minimum(f64 a, f64 b, struct fp_env *env);
f16 f16_maximum(f16 a, f16 b, struct fp_env *env);
f32 f32_maximum(f32 a, f32 b, struct fp_env *env);
f64 f64_maximum(f64 a, f64 b, struct fp_env *env);

/* Quiet predicates (5.11, table 5.3): NV for a signalling NaN only; false with any NaN. */
bool f16_eq(f16 a, f16 b, struct fp_env *env);
bool f32_eq(f32 a, f32 b, struct fp_env *env);
bool f64_eq(f64 a, f64 b, struct fp_env *env);
bool f16_lt_quiet(f16 a, f16 b, struct fp_env *env);
bool f32_lt_quiet(f32 a, f32 b, struct fp_env *env);
bool f64_lt_quiet(f64 a, f64 b, struct fp_env *env);
bool f16_le_quiet(f16 a, f16 b, struct fp_env *env);
bool f32_le_quiet(f32 a, f32 b, struct fp_env *env);
bool f64_le_quiet(f64 a, f64 b, struct fp_env *env);

/* True if a or b is a NaN; NV for a signalling one only (5.11, table 5.3). */
bool f16_unordered(f16 a, f16 b, struct fp_env *env);
bool f32_unordered(f32 a, f32 b, struct fp_env *env);
bool f64_unordered(f64 a, f64 b, struct fp_env *env);

/* Signalling predicates (5.11, table 5.2): NV and false with any NaN. */
bool f16_lt(f16 a, f16 b, struct fp_env *env);
bool f32_lt(f32 a, f32 b, struct fp_env *env);
bool f64_lt(f64 a, f64 b, struct fp_env *env);
bool f16_le(f16 a, f16 b, struct fp_env *env);
bool f32_le(f32 a, f32 b, struct fp_env *env);
bool f64_le(f64 a, f64 b, struct fp_env *env);

/* The integral value nearest in direction rm; raises NX only if `exact` (5.9). Zero keeps sign. */
f16 f16_round_int(f16 a, enum fp_round rm, bool exact, struct fp_env *env);
f32 f32_round_int(f32 a, enum fp_round rm, bool exact, struct fp_env *env);
f64 f64_round_int(f64 a, enum fp_round rm, bool exact, struct fp_env *env);

/*
 * To integer in direction rm (5.8), raising NX. Out of range after rounding raises NV alone and
 * gives the nearest integer; a NaN gives the largest one (RISC-V F 2.2, table "domains").
 */
int32_t f16_to_i32(f16 a, enum fp_round rm, struct fp_env *env);
int32_t f32_to_i32(f32 a, enum fp_round rm, struct fp_env *env);
int32_t f64_to_i32(f64 a, enum fp_round rm, struct fp_env *env);
uint32_t f16_to_u32(f16 a, enum fp_round rm, struct fp_env *env);
uint32_t f32_to_u32(f32 a, enum fp_round rm, struct fp_env *env);
uint32_t f64_to_u32(f64 a, enum fp_round rm, struct fp_env *env);
int64_t f16_to_i64(f16 a, enum fp_round rm, struct fp_env *env);
int64_t f32_to_i64(f32 a, enum fp_round rm, struct fp_env *env);
int64_t f64_to_i64(f64 a, enum fp_round rm, struct fp_env *env);
uint64_t f16_to_u64(f16 a, enum fp_round rm, struct fp_env *env);
uint64_t f32_to_u64(f32 a, enum fp_round rm, struct fp_env *env);
uint64_t f64_to_u64(f64 a, enum fp_round rm, struct fp_env *env);

/* Truncated modulo 2^32; flags as f64_to_i32 with RTZ; infinities and NaNs give 0 (Zfa fcvtmod). */
int32_t f64_to_i32_mod(f64 a, struct fp_env *env);

/* From integer, rounded as env->round says (5.4.1 convertFromInt). */
f16 f16_from_i32(int32_t x, struct fp_env *env);
f32 f32_from_i32(int32_t x, struct fp_env *env);
f64 f64_from_i32(int32_t x, struct fp_env *env);
f16 f16_from_u32(uint32_t x, struct fp_env *env);
f32 f32_from_u32(uint32_t x, struct fp_env *env);
f64 f64_from_u32(uint32_t x, struct fp_env *env);
f16 f16_from_i64(int64_t x, struct fp_env *env);
f32 f32_from_i64(int64_t x, struct fp_env *env);
f64 f64_from_i64(int64_t x, struct fp_env *env);
f16 f16_from_u64(uint64_t x, struct fp_env *env);
f32 f32_from_u64(uint64_t x, struct fp_env *env);
f64 f64_from_u64(uint64_t x, struct fp_env *env);

/*
 * Between formats (5.4.2). A NaN keeps sign and leading payload bits unless FP_NAN_DEFAULT; a
 * signalling one raises NV. Half precision obeys the flush controls too: where the guest's
 * instruction ignores them (F16C, Arm FCVT), the caller clears them.
 */
f32 f16_to_f32(f16 a, struct fp_env *env);
f64 f16_to_f64(f16 a, struct fp_env *env);
f16 f32_to_f16(f32 a, struct fp_env *env);
f64 f32_to_f64(f32 a, struct fp_env *env);
f16 f64_to_f16(f64 a, struct fp_env *env);
f32 f64_to_f32(f64 a, struct fp_env *env);
f32 bf16_to_f32(bf16 a, struct fp_env *env);
bf16 f32_to_bf16(f32 a, struct fp_env *env);

/* The one-bit mask RISC-V FCLASS gives: -inf -normal -subnormal -0 +0 +sub +norm +inf sNaN qNaN. */
unsigned f16_class(f16 a);
unsigned f32_class(f32 a);
unsigned f64_class(f64 a);

#endif
