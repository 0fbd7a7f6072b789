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
