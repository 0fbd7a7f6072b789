/*
 * Floating point in the interpreter: each op runs under env->guest_mxcsr, which holds the guest's
 * rounding mode and sticky flags at all times, so C code around it always sees the host's own.
 *
 * What SSE2 computes exactly as the IR asks (arithmetic, comparisons, conversions between formats
 * and from signed integers) runs on the host; the rest, and everything on other hosts, goes through
 * the soft_fp callback. Ref: Intel SDM vol. 1, 10.2.3 (MXCSR); IEEE 754-2019.
 */
#include "tcg/interp/bytecode_priv.h"

enum { MXCSR_RC_SHIFT = 13, MXCSR_MASKS = 0x1f80 };

/* RISC-V numbered exceptions (NX UF OF DZ NV) to MXCSR's bits (IE DE ZE OE UE PE). */
static uint32_t flags_to_mxcsr(uint8_t f)
{
    return (f & 1) << 5 | (f & 2) << 3 | (f & 4) << 1 | (f & 8) >> 1 | (f & 16) >> 4;
}

static unsigned current_round(const struct tcg_env *env)
{
    static const uint8_t rounding[] = {IR_RNE, IR_RDN, IR_RUP, IR_RTZ}; /* by MXCSR.RC */
    return rounding[env->guest_mxcsr >> MXCSR_RC_SHIFT & 3];
}

union ir_vec bc_vfp(struct tcg_env *env, const struct tcg_callbacks *cb, unsigned opc,
                    uint32_t attr, const union ir_vec arg[3])
{
    uint8_t flags = 0;
    union ir_vec v = ir_eval_vfp(cb->soft_fp, opc, attr, arg, current_round(env), &flags);
    env->guest_mxcsr |= flags_to_mxcsr(flags);
    return v;
}

static uint64_t soft(struct tcg_env *env, const struct tcg_callbacks *cb, uint32_t word,
                     const uint64_t arg[3])
{
    uint8_t flags = 0;
    unsigned round = current_round(env);
    unsigned types = (word >> 8 & 15) | (word >> 12 & 15) << 8;
    uint64_t v = cb->soft_fp(word & 0xff, types, word >> 16, arg, round, &flags);
    env->guest_mxcsr |= flags_to_mxcsr(flags);
    return ir_truncate(word >> 12 & 15, v);
}

#if defined(__SSE2__)

static bool is_nan(enum ir_type t, uint64_t v)
{
    return t == F32 ? (v & 0x7fffffff) > 0x7f800000
                    : (v & INT64_MAX) > UINT64_C(0x7ff0000000000000);
}

static uint64_t default_nan(enum ir_type t)
{
    return t == F32 ? 0x7fc00000 : UINT64_C(0x7ff8000000000000);
}

/* Volatile asm, so that no op moves out from between the two changes of MXCSR and comparisons keep
 * their kind. */
#define ARITH(suffix, x, y)                                                                        \
    switch (opc) {                                                                                 \
    case OP_fadd: __asm__ volatile("add" suffix " %1, %0" : "+x"(x) : "x"(y)); break;              \
    case OP_fsub: __asm__ volatile("sub" suffix " %1, %0" : "+x"(x) : "x"(y)); break;              \
    case OP_fmul: __asm__ volatile("mul" suffix " %1, %0" : "+x"(x) : "x"(y)); break;              \
    case OP_fdiv: __asm__ volatile("div" suffix " %1, %0" : "+x"(x) : "x"(y)); break;              \
    default: __asm__ volatile("sqrt" suffix " %1, %0" : "=x"(x) : "x"(x)); break;                  \
    }

static uint64_t arith(unsigned opc, enum ir_type t, const uint64_t arg[3])
{
    double x, y;
    float xs, ys;
    uint64_t v = 0;
    if (t == F64) {
        __builtin_memcpy(&x, &arg[0], 8);
        __builtin_memcpy(&y, &arg[1], 8);
        ARITH("sd", x, y);
        __builtin_memcpy(&v, &x, 8);
    } else {
        __builtin_memcpy(&xs, &arg[0], 4);
        __builtin_memcpy(&ys, &arg[1], 4);
        ARITH("ss", xs, ys);
        __builtin_memcpy(&v, &xs, 4);
    }
    return is_nan(t, v) ? default_nan(t) : v;
}

static uint64_t to_other_format(enum ir_type t, uint64_t a)
{
    double d;
    float s;
    uint64_t v = 0;
    if (t == F64) {
        __builtin_memcpy(&d, &a, 8);
        __asm__ volatile("cvtsd2ss %1, %0" : "=x"(s) : "x"(d));
        __builtin_memcpy(&v, &s, 4);
        return is_nan(F32, v) ? default_nan(F32) : v;
    }
    __builtin_memcpy(&s, &a, 4);
    __asm__ volatile("cvtss2sd %1, %0" : "=x"(d) : "x"(s));
    __builtin_memcpy(&v, &d, 8);
    return is_nan(F64, v) ? default_nan(F64) : v;
}

/* ucomis is quiet, comis signalling; both set CF and ZF: below, equal, and all three bits when
 * unordered. */
static uint64_t compare(enum ir_cc cc, enum ir_type t, const uint64_t arg[3])
{
    double x, y;
    float xs, ys;
    bool above, above_equal;
    bool quiet = cc == IR_FEQ || cc == IR_FLTQ || cc == IR_FLEQ;
    __builtin_memcpy(&x, &arg[0], 8);
    __builtin_memcpy(&y, &arg[1], 8);
    __builtin_memcpy(&xs, &arg[0], 4);
    __builtin_memcpy(&ys, &arg[1], 4);
    /* operands reversed: "y above x" is false when unordered */
    if (t == F64 && quiet)
        __asm__ volatile("ucomisd %2, %3" : "=@cca"(above), "=@ccae"(above_equal) : "x"(x), "x"(y));
    else if (t == F64)
        __asm__ volatile("comisd %2, %3" : "=@cca"(above), "=@ccae"(above_equal) : "x"(x), "x"(y));
    else if (quiet)
        __asm__ volatile("ucomiss %2, %3"
                         : "=@cca"(above), "=@ccae"(above_equal)
                         : "x"(xs), "x"(ys));
    else
        __asm__ volatile("comiss %2, %3"
                         : "=@cca"(above), "=@ccae"(above_equal)
                         : "x"(xs), "x"(ys));
    if (cc == IR_FEQ)
        return above_equal && !above;
    return cc == IR_FLT || cc == IR_FLTQ ? above : above_equal;
}

static uint64_t from_signed(enum ir_type from, enum ir_type to, uint64_t a)
{
    int64_t i = from == I32 ? (int32_t)a : (int64_t)a;
    double d;
    float s;
    uint64_t v = 0;
    if (to == F64) {
        __asm__ volatile("cvtsi2sdq %1, %0" : "=x"(d) : "r"(i));
        __builtin_memcpy(&v, &d, 8);
    } else {
        __asm__ volatile("cvtsi2ssq %1, %0" : "=x"(s) : "r"(i));
        __builtin_memcpy(&v, &s, 4);
    }
    return v;
}

static bool host_can(uint32_t word)
{
    switch (word & 0xff) {
    case OP_fadd:
    case OP_fsub:
    case OP_fmul:
    case OP_fdiv:
    case OP_fsqrt:
    case OP_fcvt: return word >> 16 == IR_NAN_DEFAULT;
    case OP_fcmp:
    case OP_sitof: return true;
    default: return false;
    }
}

static uint64_t on_host(uint32_t word, const uint64_t arg[3])
{
    enum ir_type t = word >> 8 & 15;
    switch (word & 0xff) {
    case OP_fcvt: return to_other_format(t, arg[0]);
    case OP_fcmp: return compare(word >> 16, t, arg);
    case OP_sitof: return from_signed(t, word >> 12 & 15, arg[0]);
    default: return arith(word & 0xff, t, arg);
    }
}

uint32_t bc_fp_control(void)
{
    return __builtin_ia32_stmxcsr();
}

uint64_t bc_fp(struct tcg_env *env, const struct tcg_callbacks *cb, uint32_t word,
               const uint64_t arg[3])
{
    if (!host_can(word))
        return soft(env, cb, word, arg);
    uint32_t host = __builtin_ia32_stmxcsr(), guest = env->guest_mxcsr | MXCSR_MASKS;
    __asm__ volatile("ldmxcsr %0" : : "m"(guest));
    uint64_t v = on_host(word, arg);
    __asm__ volatile("stmxcsr %0" : "=m"(guest));
    __asm__ volatile("ldmxcsr %0" : : "m"(host));
    env->guest_mxcsr = guest;
    return v;
}

#else

uint32_t bc_fp_control(void)
{
    return 0;
}

uint64_t bc_fp(struct tcg_env *env, const struct tcg_callbacks *cb, uint32_t word,
               const uint64_t arg[3])
{
    return soft(env, cb, word, arg);
}

#endif
