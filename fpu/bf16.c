/* bfloat16: binary32's range with 8 significant bits. Contracts in softfloat.h. */
#include "fpu/softfloat.h"
#include "fpu/softfloat_priv.h"

f32 bf16_to_f32(bf16 a, struct fp_env *env)
{
    return fp_convert(&fp_format_f32, &fp_format_bf16, a, env);
}
