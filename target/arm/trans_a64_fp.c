/*
 * A64: scalar floating point.  Ref: Arm ARM (DDI 0487), C4.1.96, C7.2.
 *
 * A scalar is the low element of a vector register; writing one clears the rest.
 */
#include "target/arm/a64.h"
#include "target/arm/fp.h"
#include "target/arm/trans_simd.h"

unsigned fp_esz(int ft)
{
    return ft == 0 ? 2 : ft == 1 ? 3 : 1;
}

bool fp_has_type(const struct dis *d, int ft)
{
    return ft != 3 || dis_has(d, ARM_F_FP16);
}

/* VFPExpandImm(): sign, 4 bits of fraction, 3 of a small exponent. */
uint64_t fp_expand_imm(unsigned esz, unsigned imm)
{
    static const struct {
        uint8_t exp_bits, frac_bits;
    } formats[4] = {{0, 0}, {5, 10}, {8, 23}, {11, 52}};
    unsigned e = formats[esz].exp_bits, f = formats[esz].frac_bits;
    uint64_t sign = imm >> 7, high = imm >> 6 & 1;
    uint64_t exp = (high ? simd_mask(e - 3) << 2 : UINT64_C(1) << (e - 1)) | (imm >> 4 & 3);
    return sign << (e + f) | exp << f | (uint64_t)(imm & 15) << (f - 4);
}

/* --- data processing --- */

bool trans_fp(struct dis *d, const struct args_fp2 *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rd = a->rd,
                             .rn = a->rn,
                             .rm = a->rm,
                             .esz = fp_esz(a->ft),
                             .w = SIMD_SCALAR,
                             .imm = a->imm};
    simd_call_fp(d, a->op, desc);
    return true;
}

/* A single to bfloat16, which is named by the size of its result. */
bool trans_bfcvt(struct dis *d, const struct args_fp2 *a)
{
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rd = a->rd, .rn = a->rn, .esz = 1, .w = SIMD_SCALAR};
    simd_call_fp(d, a->op, desc);
    return true;
}

/* neg: bit 1 (o1) negates product and addend, bit 0 (o0) the product. */
bool trans_fmadd(struct dis *d, const struct args_fp3 *a)
{
    static const uint8_t signs[4] = {0, FP_NEG_PRODUCT, FP_NEG_PRODUCT | FP_NEG_ADDEND,
                                     FP_NEG_ADDEND};
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rd = a->rd,
                             .rn = a->rn,
                             .rm = a->rm,
                             .ra = a->ra,
                             .esz = fp_esz(a->ft),
                             .imm = signs[a->neg]};
    call_fp_madd(d->ir, imm32(d, simd_pack(desc)), simd_slots(a->rn, a->rm, a->ra),
                 simd_slot(a->rd));
    return true;
}

bool trans_fcvt(struct dis *d, const struct args_fcvt *a)
{
    if (a->from == a->to)
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {
        .rd = a->rd, .rn = a->rn, .esz = fp_esz(a->from), .imm = fp_esz(a->to)};
    call_fp_cvt(d->ir, imm32(d, simd_pack(desc)), simd_slot(a->rn), simd_slot(a->rd));
    return true;
}

/* --- comparison and selection --- */

enum { CMP_SIGNALLING = 1, CMP_ZERO = 2 }; /* imm of helper_fp_cmp */

static void compare(struct dis *d, struct simd_desc x, ir_val takes_place)
{
    ir_val nzcv = call_fp_cmp(d->ir, imm32(d, simd_pack(x)), takes_place,
                              simd_slots(x.rn, x.rm, x.rm), ir_slots_none());
    flags_set_nzcv(d, nzcv);
}

bool trans_fcmp(struct dis *d, const struct args_fcmp *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rn = a->rn,
                             .rm = a->rm,
                             .esz = fp_esz(a->ft),
                             .imm = (a->is_signalling ? CMP_SIGNALLING : 0) |
                                    (a->is_zero ? CMP_ZERO : 0)};
    compare(d, desc, imm32(d, 1));
    return true;
}

/* The comparison, with its exceptions, only if the condition holds; else flags in ra. */
bool trans_fccmp(struct dis *d, const struct args_fccmp *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rn = a->rn,
                             .rm = a->rm,
                             .ra = a->nzcv,
                             .esz = fp_esz(a->ft),
                             .imm = a->is_signalling ? CMP_SIGNALLING : 0};
    ir_val holds = flag_setcond(d, a->cond, I32);
    compare(d, desc, holds);
    return true;
}

bool trans_fcsel(struct dis *d, const struct args_fcsel *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    unsigned esz = fp_esz(a->ft);
    ir_val n = simd_element(d, a->rn, esz, 0), m = simd_element(d, a->rm, esz, 0);
    simd_set_scalar(d, a->rd, flag_select(d, a->cond, n, m));
    return true;
}

/* --- moves --- */

bool trans_fmov_imm(struct dis *d, const struct args_fmovi *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (!fp_is_trapped(d))
        simd_set_scalar(d, a->rd, imm64(d, fp_expand_imm(fp_esz(a->ft), a->imm)));
    return true;
}

/* ft 2 is the upper half of a register. Only halves move from and to either width. */
static bool move_is_valid(const struct dis *d, const struct args_fmovx *a)
{
    return a->ft == 3 ? dis_has(d, ARM_F_FP16) : a->sf == (a->ft != 0);
}

bool trans_fmov_to_x(struct dis *d, const struct args_fmovx *a)
{
    if (!move_is_valid(d, a))
        return false;
    if (fp_is_trapped(d))
        return true;
    set_gpr(d, a->rd,
            a->ft == 2 ? simd_element(d, a->rn, 3, 1) : simd_element(d, a->rn, fp_esz(a->ft), 0));
    return true;
}

bool trans_fmov_to_f(struct dis *d, const struct args_fmovx *a)
{
    if (!move_is_valid(d, a))
        return false;
    if (fp_is_trapped(d))
        return true;
    ir_val v = gpr64(d, a->rn);
    if (a->ft == 2)
        simd_insert(d, a->rd, 3, 1, v);
    else
        simd_set_scalar(d, a->rd, ir_and(d->ir, v, imm64(d, simd_mask(8 << fp_esz(a->ft)))));
    return true;
}

/* --- integers --- */

static uint32_t int_how(const struct args_fint *a, bool is_signed, unsigned fraction)
{
    return fraction | (a->sf ? FP_INT_64 : 0) | (is_signed ? FP_INT_SIGNED : 0);
}

bool trans_fcvt_x(struct dis *d, const struct args_fint *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    bool is_signed = a->op == F_TO_S || a->op == F_TO_SFIX;
    bool is_fixed = a->op == F_TO_SFIX || a->op == F_TO_UFIX;
    struct simd_desc desc = {.rn = a->rn, .esz = fp_esz(a->ft), .imm = is_fixed ? FP_RTZ : a->imm};
    uint32_t how = int_how(a, is_signed, is_fixed ? 64 - a->imm : 0);
    set_gpr(d, a->rd,
            call_fp_to_x(d->ir, imm32(d, simd_pack(desc)), imm32(d, how), simd_slot(a->rn),
                         ir_slots_none()));
    return true;
}

bool trans_fcvt_f(struct dis *d, const struct args_fint *a)
{
    if (!fp_has_type(d, a->ft))
        return false;
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rd = a->rd, .esz = fp_esz(a->ft)};
    uint32_t how = int_how(a, a->op == F_SCVTF, 64 - a->imm);
    call_fp_from_x(d->ir, imm32(d, simd_pack(desc)), imm32(d, how), gpr64(d, a->rn),
                   ir_slots_none(), simd_slot(a->rd));
    return true;
}

bool trans_fjcvtzs(struct dis *d, const struct args_fmovx *a)
{
    if (fp_is_trapped(d))
        return true;
    struct simd_desc desc = {.rn = a->rn};
    ir_val v = call_fp_to_js(d->ir, imm32(d, simd_pack(desc)), simd_slot(a->rn), ir_slots_none());
    set_gpr(d, a->rd, ir_trunc(d->ir, v));
    ir_val z = ir_trunc(d->ir, ir_shr(d->ir, v, imm64(d, 32)));
    flags_set_nzcv(d, ir_shl(d->ir, z, imm32(d, 30)));
    return true;
}
