/* The x87's 80-bit numbers on hosts that have no x87. */
#include "fpu/x80.h"

struct f80 f80_add(struct f80 a, struct f80 b, struct f80_env *env)
{
    return f80_soft_add(a, b, env);
}

struct f80 f80_sub(struct f80 a, struct f80 b, struct f80_env *env)
{
    return f80_soft_sub(a, b, env);
}

struct f80 f80_mul(struct f80 a, struct f80 b, struct f80_env *env)
{
    return f80_soft_mul(a, b, env);
}

struct f80 f80_div(struct f80 a, struct f80 b, struct f80_env *env)
{
    return f80_soft_div(a, b, env);
}

struct f80 f80_sqrt(struct f80 a, struct f80_env *env)
{
    return f80_soft_sqrt(a, env);
}

struct f80 f80_2xm1(struct f80 a, struct f80_env *env)
{
    return f80_soft_2xm1(a, env);
}

struct f80 f80_yl2x(struct f80 x, struct f80 y, struct f80_env *env)
{
    return f80_soft_yl2x(x, y, env);
}

struct f80 f80_yl2xp1(struct f80 x, struct f80 y, struct f80_env *env)
{
    return f80_soft_yl2xp1(x, y, env);
}

struct f80 f80_atan(struct f80 x, struct f80 y, struct f80_env *env)
{
    return f80_soft_atan(x, y, env);
}

struct f80 f80_sin(struct f80 a, bool *far, struct f80_env *env)
{
    return f80_soft_sin(a, far, env);
}

struct f80 f80_cos(struct f80 a, bool *far, struct f80_env *env)
{
    return f80_soft_cos(a, far, env);
}

struct f80 f80_tan(struct f80 a, bool *far, struct f80_env *env)
{
    return f80_soft_tan(a, far, env);
}

struct f80 f80_sincos(struct f80 a, struct f80 *cosine, bool *far, struct f80_env *env)
{
    return f80_soft_sincos(a, cosine, far, env);
}
