/*
 * The x87's 80-bit numbers: arithmetic as the x87 does it, in integers, the same on every host.
 * Ref: Intel SDM volume 1, chapters 4.8, 4.9 and 8; volume 2 (F2XM1 to FYL2XP1).
 *
 * Every function is pure but for the env, which belongs to one thread; nothing fails.
 */
#ifndef FPU_X80_H
#define FPU_X80_H

#include <stdbool.h>
#include <stdint.h>

struct f80 {
    uint64_t man; /* with its leading bit */
    uint16_t se;  /* sign, biased exponent */
};

/* Exceptions in the order of the status word, and of the masks in the control word. */
enum x87_flag {
    X87_IE = 1,
    X87_DE = 2,
    X87_ZE = 4,
    X87_OE = 8,
    X87_UE = 16,
    X87_PE = 32,
    X87_ALL = 63,
    X87_BEFORE = X87_IE | X87_DE | X87_ZE, /* noticed before there is a result */
};

/*
 * control: masks, precision (PC: of the functions that say so) and rounding (RC) as in the control
 * word.  Of a function that leaves an exception of X87_BEFORE that is not masked in flags, the
 * result means nothing, and no other one is raised.  Overflow and underflow that are not masked
 * give the result with its exponent off by 24576 (8.5.4), where it is an f80.
 */
struct f80_env {
    uint16_t control;
    uint8_t flags; /* enum x87_flag; only ever ORed */
    bool up;       /* the last result was rounded away from zero: C1 */
};

static inline bool f80_stops(const struct f80_env *env)
{
    return env->flags & ~env->control & X87_BEFORE;
}

static inline bool f80_is_nan(struct f80 a)
{
    return (a.se & 0x7fff) == 0x7fff && a.man << 1;
}
static inline bool f80_is_snan(struct f80 a)
{
    return f80_is_nan(a) && !(a.man >> 62 & 1);
}

/* The NaN that invalid operations give. */
struct f80 f80_indefinite(void);
/* FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: n in the order of their opcodes; by RC. */
struct f80 f80_constant(unsigned n, uint16_t control);
/* One rounding by PC and RC. */
struct f80 f80_add(struct f80 a, struct f80 b, struct f80_env *env);
struct f80 f80_sub(struct f80 a, struct f80 b, struct f80_env *env);
struct f80 f80_mul(struct f80 a, struct f80 b, struct f80_env *env);
struct f80 f80_div(struct f80 a, struct f80 b, struct f80_env *env);
struct f80 f80_sqrt(struct f80 a, struct f80_env *env);
/* The same in integers whatever the host: for tests, and for what the host cannot do. */
struct f80 f80_soft_add(struct f80 a, struct f80 b, struct f80_env *env);
struct f80 f80_soft_sub(struct f80 a, struct f80 b, struct f80_env *env);
struct f80 f80_soft_mul(struct f80 a, struct f80 b, struct f80_env *env);
struct f80 f80_soft_div(struct f80 a, struct f80 b, struct f80_env *env);
struct f80 f80_soft_sqrt(struct f80 a, struct f80_env *env);

/*
 * What is left of a after division by b: with the quotient truncated (FPREM) or rounded to nearest
 * (FPREM1).  Of operands whose exponents differ by 64 or more only part of the work is done, and
 * *partial is true; else the low three bits of the quotient are in *quotient.
 */
struct f80 f80_rem(struct f80 a, struct f80 b, bool nearest, unsigned *quotient, bool *partial,
                   struct f80_env *env);
/* To an integral value by RC. */
struct f80 f80_rint(struct f80 a, struct f80_env *env);
/* a times two to the power of b, truncated. */
struct f80 f80_scale(struct f80 a, struct f80 b, struct f80_env *env);
/* Significand in [1, 2) with the sign of a; *exponent as a number. */
struct f80 f80_extract(struct f80 a, struct f80 *exponent, struct f80_env *env);

/* As bits C3, C2, C0 of the status word, in place. */
enum { X87_GREATER = 0, X87_LESS = 0x100, X87_EQUAL = 0x4000, X87_UNORDERED = 0x4500 };
/* quiet: only signalling NaNs are invalid. */
unsigned f80_compare(struct f80 a, struct f80 b, bool quiet, struct f80_env *env);
/* C3, C2, C1, C0 of FXAM for a register that is not empty. */
unsigned f80_examine(struct f80 a);

/* The same with NaNs as they are, and *denormal X87_DE or 0 instead of flags: operands in memory.
 */
struct f80 f80_widen_f32(uint32_t bits, unsigned *denormal);
struct f80 f80_widen_f64(uint64_t bits, unsigned *denormal);
/* A denormal operand stops nothing, masked or not. */
struct f80 f80_from_f32(uint32_t bits, struct f80_env *env);
struct f80 f80_from_f64(uint64_t bits, struct f80_env *env);
struct f80 f80_from_int(int64_t x);
/* 18 decimal digits, lowest first, two a byte; the tenth byte has the sign. */
struct f80 f80_from_bcd(const uint8_t digits[10]);
/* By RC.  Overflow and underflow that are not masked are raised; the result is then none. */
uint32_t f80_to_f32(struct f80 a, struct f80_env *env);
uint64_t f80_to_f64(struct f80 a, struct f80_env *env);
/* To a signed integer of 16, 32 or 64 bits, by RC or truncated; out of range: the smallest one. */
int64_t f80_to_int(struct f80 a, unsigned bits, bool truncate, struct f80_env *env);
void f80_to_bcd(struct f80 a, uint8_t digits[10], struct f80_env *env);

/* Transcendental functions, as the host's x87 has them if there is one. */
struct f80 f80_2xm1(struct f80 a, struct f80_env *env);                 /* 2^a - 1 */
struct f80 f80_yl2x(struct f80 x, struct f80 y, struct f80_env *env);   /* y * log2(x) */
struct f80 f80_yl2xp1(struct f80 x, struct f80 y, struct f80_env *env); /* y * log2(x + 1) */
struct f80 f80_atan(struct f80 x, struct f80 y, struct f80_env *env);   /* of y / x */
/* *far: a was 2^63 or more, and is the result. */
struct f80 f80_sin(struct f80 a, bool *far, struct f80_env *env);
struct f80 f80_cos(struct f80 a, bool *far, struct f80_env *env);
struct f80 f80_tan(struct f80 a, bool *far, struct f80_env *env);
/* The sine; *cosine is set if there is a result. */
struct f80 f80_sincos(struct f80 a, struct f80 *cosine, bool *far, struct f80_env *env);

/* The same, rounded once from results of more than 100 bits: on hosts without an x87, and where
 * some exception is not masked. */
struct f80 f80_soft_2xm1(struct f80 a, struct f80_env *env);
struct f80 f80_soft_yl2x(struct f80 x, struct f80 y, struct f80_env *env);
struct f80 f80_soft_yl2xp1(struct f80 x, struct f80 y, struct f80_env *env);
struct f80 f80_soft_atan(struct f80 x, struct f80 y, struct f80_env *env);
struct f80 f80_soft_sin(struct f80 a, bool *far, struct f80_env *env);
struct f80 f80_soft_cos(struct f80 a, bool *far, struct f80_env *env);
struct f80 f80_soft_tan(struct f80 a, bool *far, struct f80_env *env);
struct f80 f80_soft_sincos(struct f80 a, struct f80 *cosine, bool *far, struct f80_env *env);

#endif
