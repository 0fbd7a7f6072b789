/*
 * The x87's 80-bit numbers on a host that has an x87: it does what it does exactly, unless that
 * raises an exception that is not masked.
 *
 * The host's flags are sticky, and to clear them is slow.  So an operation runs with whatever flags
 * are left; only if it may have raised one that the caller has not seen yet, it runs once more with
 * all of them clear.
 */
#include "fpu/x80.h"

enum { ABI_CONTROL = 0x37f, ROUNDING = 0xf00, C2 = 0x400 };

static inline void set_control(uint16_t control)
{
    __asm__ volatile("fldcw %0" : : "m"(control));
}

static inline void clear_flags(void)
{
    __asm__ volatile("fnclex");
}

/* What an instruction makes of its operands, and the status word it leaves. */
typedef uint16_t op_fn(const struct f80 *a, const struct f80 *b, struct f80 *r);

#define OP_1(name, insn)                                                                           \
    static inline uint16_t do_##name(const struct f80 *a, const struct f80 *b, struct f80 *r)      \
    {                                                                                              \
        uint16_t status;                                                                           \
        (void)b;                                                                                   \
        __asm__ volatile("fldt %2; " insn "; fnstsw %0; fstpt %1"                                  \
                         : "=a"(status), "=m"(*r)                                                  \
                         : "m"(*a));                                                               \
        return status;                                                                             \
    }
/* first and second: "%2" is a, "%3" b; the second is ST(0). */
#define OP_2(name, first, second, insn)                                                            \
    static inline uint16_t do_##name(const struct f80 *a, const struct f80 *b, struct f80 *r)      \
    {                                                                                              \
        uint16_t status;                                                                           \
        __asm__ volatile("fldt " first "; fldt " second "; " insn "; fnstsw %0; fstpt %1"          \
                         : "=a"(status), "=m"(*r)                                                  \
                         : "m"(*a), "m"(*b));                                                      \
        return status;                                                                             \
    }

OP_2(add, "%2", "%3", "faddp")
/* FSUBP and FDIVP by their bytes: assemblers differ about which is which. */
OP_2(sub, "%2", "%3", ".byte 0xde, 0xe9")
OP_2(mul, "%2", "%3", "fmulp")
OP_2(div, "%2", "%3", ".byte 0xde, 0xf9")
OP_2(yl2x, "%3", "%2", "fyl2x")
OP_2(yl2xp1, "%3", "%2", "fyl2xp1")
OP_2(atan, "%3", "%2", "fpatan")
OP_1(sqrt, "fsqrt")
OP_1(2xm1, "f2xm1")
OP_1(sin, "fsin")
OP_1(cos, "fcos")

/* It pushes another number, unless the operand is too large: C2, bit 2 of AH. */
static inline uint16_t do_tan(const struct f80 *a, const struct f80 *b, struct f80 *r)
{
    uint16_t status;
    (void)b;
    __asm__ volatile("fldt %2; fptan; fnstsw %0; testb $4, %%ah; jnz 1f; fstp %%st(0); 1: fstpt %1"
                     : "=a"(status), "=m"(*r)
                     : "m"(*a)
                     : "cc");
    return status;
}

static inline uint16_t do_sincos(const struct f80 *a, const struct f80 *b, struct f80 *r)
{
    uint16_t status;
    (void)b;
    __asm__ volatile("fldt %3; fsincos; fnstsw %0; testb $4, %%ah; jnz 1f; fstpt %2; 1: fstpt %1"
                     : "=a"(status), "=m"(r[0]), "=m"(r[1])
                     : "m"(*a)
                     : "cc");
    return status;
}

/*
 * False, and env is as before: an exception would be raised that is not masked.  r: the second
 * result, too, if there is one.  *far: C2, the operand is too large.
 */
static inline __attribute__((always_inline)) bool run_far(op_fn *op, const struct f80 *a,
                                                          const struct f80 *b, struct f80 *r,
                                                          bool *far, struct f80_env *env)
{
    bool other = (env->control & ROUNDING) != (ABI_CONTROL & ROUNDING);
    if (other)
        set_control(X87_ALL | (env->control & ROUNDING));
    uint16_t status = op(a, b, r);
    if (status & X87_ALL & ~env->flags) {
        clear_flags();
        status = op(a, b, r);
    }
    if (other)
        set_control(ABI_CONTROL);
    if (status & X87_ALL & ~env->control)
        return false;
    if (!(env->control & X87_UE) && !(r->se & 0x7fff)) /* exact ones underflow, too (8.5.5) */
        return false;
    env->flags |= status & X87_ALL;
    env->up = status >> 9 & 1;
    *far = status & C2;
    return true;
}

static inline __attribute__((always_inline)) bool
run(op_fn *op, const struct f80 *a, const struct f80 *b, struct f80 *r, struct f80_env *env)
{
    bool far;
    return run_far(op, a, b, r, &far, env);
}

struct f80 f80_add(struct f80 a, struct f80 b, struct f80_env *env)
{
    struct f80 r = {0};
    return run(do_add, &a, &b, &r, env) ? r : f80_soft_add(a, b, env);
}

struct f80 f80_sub(struct f80 a, struct f80 b, struct f80_env *env)
{
    struct f80 r = {0};
    return run(do_sub, &a, &b, &r, env) ? r : f80_soft_sub(a, b, env);
}

struct f80 f80_mul(struct f80 a, struct f80 b, struct f80_env *env)
{
    struct f80 r = {0};
    return run(do_mul, &a, &b, &r, env) ? r : f80_soft_mul(a, b, env);
}

struct f80 f80_div(struct f80 a, struct f80 b, struct f80_env *env)
{
    struct f80 r = {0};
    return run(do_div, &a, &b, &r, env) ? r : f80_soft_div(a, b, env);
}

struct f80 f80_sqrt(struct f80 a, struct f80_env *env)
{
    struct f80 r = {0};
    return run(do_sqrt, &a, &a, &r, env) ? r : f80_soft_sqrt(a, env);
}

struct f80 f80_2xm1(struct f80 a, struct f80_env *env)
{
    struct f80 r = {0};
    return run(do_2xm1, &a, &a, &r, env) ? r : f80_soft_2xm1(a, env);
}

struct f80 f80_yl2x(struct f80 x, struct f80 y, struct f80_env *env)
{
    struct f80 r = {0};
    return run(do_yl2x, &x, &y, &r, env) ? r : f80_soft_yl2x(x, y, env);
}

struct f80 f80_yl2xp1(struct f80 x, struct f80 y, struct f80_env *env)
{
    struct f80 r = {0};
    return run(do_yl2xp1, &x, &y, &r, env) ? r : f80_soft_yl2xp1(x, y, env);
}

struct f80 f80_atan(struct f80 x, struct f80 y, struct f80_env *env)
{
    struct f80 r = {0};
    return run(do_atan, &x, &y, &r, env) ? r : f80_soft_atan(x, y, env);
}

struct f80 f80_sin(struct f80 a, bool *far, struct f80_env *env)
{
    struct f80 r = {0};
    return run_far(do_sin, &a, &a, &r, far, env) ? r : f80_soft_sin(a, far, env);
}

struct f80 f80_cos(struct f80 a, bool *far, struct f80_env *env)
{
    struct f80 r = {0};
    return run_far(do_cos, &a, &a, &r, far, env) ? r : f80_soft_cos(a, far, env);
}

struct f80 f80_tan(struct f80 a, bool *far, struct f80_env *env)
{
    struct f80 r = {0};
    return run_far(do_tan, &a, &a, &r, far, env) ? r : f80_soft_tan(a, far, env);
}

struct f80 f80_sincos(struct f80 a, struct f80 *cosine, bool *far, struct f80_env *env)
{
    struct f80 r[2] = {{0}, {0}};
    if (!run_far(do_sincos, &a, &a, r, far, env))
        return f80_soft_sincos(a, cosine, far, env);
    *cosine = r[1];
    return r[0];
}
