/*
 * The x87's 80-bit numbers on a host that has an x87: it does what it does exactly, as long as all
 * exceptions are masked.
 *
 * The host's flags are sticky, and to clear them is slow.  So an operation runs with whatever flags
 * are left; only if it may have raised one that the caller has not seen yet, it runs once more with
 * all of them clear.
 */
#include "fpu/x80.h"

enum { ABI_CONTROL = 0x37f, ROUNDING = 0xf00 };

static inline void set_control(uint16_t control)
{
    __asm__ volatile("fldcw %0" : : "m"(control));
}

static inline void clear_flags(void)
{
    __asm__ volatile("fnclex");
}

static inline uint16_t do_add(const struct f80 *a, const struct f80 *b, struct f80 *r)
{
    uint16_t status;
    __asm__ volatile("fldt %2; fldt %3; faddp; fnstsw %0; fstpt %1"
                     : "=a"(status), "=m"(*r)
                     : "m"(*a), "m"(*b));
    return status;
}

/* FSUBP and FDIVP by their bytes: assemblers differ about which is which. */
static inline uint16_t do_sub(const struct f80 *a, const struct f80 *b, struct f80 *r)
{
    uint16_t status;
    __asm__ volatile("fldt %2; fldt %3; .byte 0xde, 0xe9; fnstsw %0; fstpt %1"
                     : "=a"(status), "=m"(*r)
                     : "m"(*a), "m"(*b));
    return status;
}

static inline uint16_t do_mul(const struct f80 *a, const struct f80 *b, struct f80 *r)
{
    uint16_t status;
    __asm__ volatile("fldt %2; fldt %3; fmulp; fnstsw %0; fstpt %1"
                     : "=a"(status), "=m"(*r)
                     : "m"(*a), "m"(*b));
    return status;
}

static inline uint16_t do_div(const struct f80 *a, const struct f80 *b, struct f80 *r)
{
    uint16_t status;
    __asm__ volatile("fldt %2; fldt %3; .byte 0xde, 0xf9; fnstsw %0; fstpt %1"
                     : "=a"(status), "=m"(*r)
                     : "m"(*a), "m"(*b));
    return status;
}

static inline uint16_t do_sqrt(const struct f80 *a, const struct f80 *b, struct f80 *r)
{
    uint16_t status;
    (void)b;
    __asm__ volatile("fldt %2; fsqrt; fnstsw %0; fstpt %1" : "=a"(status), "=m"(*r) : "m"(*a));
    return status;
}

typedef uint16_t op_fn(const struct f80 *a, const struct f80 *b, struct f80 *r);

static inline __attribute__((always_inline)) struct f80
run(op_fn *op, const struct f80 *a, const struct f80 *b, struct f80_env *env)
{
    struct f80 r = {0};
    bool other = (env->control & ROUNDING) != (ABI_CONTROL & ROUNDING);
    if (other)
        set_control(X87_ALL | (env->control & ROUNDING));
    uint16_t status = op(a, b, &r);
    if (status & X87_ALL & ~env->flags) {
        clear_flags();
        status = op(a, b, &r);
    }
    if (other)
        set_control(ABI_CONTROL);
    env->flags |= status & X87_ALL;
    env->up = status >> 9 & 1;
    return r;
}

static bool all_masked(const struct f80_env *env)
{
    return (env->control & X87_ALL) == X87_ALL;
}

struct f80 f80_add(struct f80 a, struct f80 b, struct f80_env *env)
{
    return all_masked(env) ? run(do_add, &a, &b, env) : f80_soft_add(a, b, env);
}

struct f80 f80_sub(struct f80 a, struct f80 b, struct f80_env *env)
{
    return all_masked(env) ? run(do_sub, &a, &b, env) : f80_soft_sub(a, b, env);
}

struct f80 f80_mul(struct f80 a, struct f80 b, struct f80_env *env)
{
    return all_masked(env) ? run(do_mul, &a, &b, env) : f80_soft_mul(a, b, env);
}

struct f80 f80_div(struct f80 a, struct f80 b, struct f80_env *env)
{
    return all_masked(env) ? run(do_div, &a, &b, env) : f80_soft_div(a, b, env);
}

struct f80 f80_sqrt(struct f80 a, struct f80_env *env)
{
    return all_masked(env) ? run(do_sqrt, &a, &a, env) : f80_soft_sqrt(a, env);
}
