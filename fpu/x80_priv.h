/* Between the files of the x87's numbers. */
#ifndef FPU_X80_PRIV_H
#define FPU_X80_PRIV_H

#include "fpu/softfloat_priv.h"
#include "fpu/x80.h"

enum { F80_BIAS = 16383, F80_EMIN = -16382, F80_EMAX = 16383, F80_MAX_SE = 0x7fff };

static inline bool f80_sign(struct f80 a)
{
    return a.se >> 15;
}

/* False: an encoding that the x87 refuses (SDM volume 1, 8.2.2). */
bool f80_unpack(struct f80 a, struct fp_num *n);
/* Rounded to prec bits by RC; with what that raises.  Flags of operands must have been raised. */
struct f80 f80_pack(const struct fp_num *n, unsigned prec, struct f80_env *env);
/* Raise IE and give the NaN for it. */
struct f80 f80_invalid(struct f80_env *env);
/* Operands that are NaNs or refused: true, with the result. */
bool f80_is_special(struct f80 a, struct f80 b, struct fp_num *x, struct fp_num *y,
                    struct f80 *result, struct f80_env *env);
enum fp_round f80_round_mode(const struct f80_env *env);
/* Flags of fpu/softfloat.h as the x87 has them. */
unsigned f80_flags(unsigned fp_flags);

#endif
