/* Zfa: additional floating-point instructions.  Ref: The RISC-V Instruction Set Manual, Volume I,
 * 2024, chapter 25. */
#include "target/riscv/trans_f.h"

typedef ir_val soft2(struct ir *ir, ir_val a, ir_val b, ir_val how);

/* --- fli: table "Immediate values loaded by the FLI instructions"; half, single, double --- */

static const struct {
    uint16_t h;
    uint32_t s;
    uint64_t d;
} constants[32] = {
    {0xbc00, 0xbf800000, 0xbff0000000000000}, /* -1 */
    {0x0400, 0x00800000, 0x0010000000000000}, /* smallest normal */
    {0x0100, 0x37800000, 0x3ef0000000000000}, /* 2^-16 */
    {0x0200, 0x38000000, 0x3f00000000000000}, /* 2^-15 */
    {0x1c00, 0x3b800000, 0x3f70000000000000}, /* 2^-8 */
    {0x2000, 0x3c000000, 0x3f80000000000000}, /* 2^-7 */
    {0x2c00, 0x3d800000, 0x3fb0000000000000}, /* 1/16 */
    {0x3000, 0x3e000000, 0x3fc0000000000000}, /* 1/8 */
    {0x3400, 0x3e800000, 0x3fd0000000000000}, /* 0.25 */
    {0x3500, 0x3ea00000, 0x3fd4000000000000}, /* 0.3125 */
    {0x3600, 0x3ec00000, 0x3fd8000000000000}, /* 0.375 */
    {0x3700, 0x3ee00000, 0x3fdc000000000000}, /* 0.4375 */
    {0x3800, 0x3f000000, 0x3fe0000000000000}, /* 0.5 */
    {0x3900, 0x3f200000, 0x3fe4000000000000}, /* 0.625 */
    {0x3a00, 0x3f400000, 0x3fe8000000000000}, /* 0.75 */
    {0x3b00, 0x3f600000, 0x3fec000000000000}, /* 0.875 */
    {0x3c00, 0x3f800000, 0x3ff0000000000000}, /* 1 */
    {0x3d00, 0x3fa00000, 0x3ff4000000000000}, /* 1.25 */
    {0x3e00, 0x3fc00000, 0x3ff8000000000000}, /* 1.5 */
    {0x3f00, 0x3fe00000, 0x3ffc000000000000}, /* 1.75 */
    {0x4000, 0x40000000, 0x4000000000000000}, /* 2 */
    {0x4100, 0x40200000, 0x4004000000000000}, /* 2.5 */
    {0x4200, 0x40400000, 0x4008000000000000}, /* 3 */
    {0x4400, 0x40800000, 0x4010000000000000}, /* 4 */
    {0x4800, 0x41000000, 0x4020000000000000}, /* 8 */
    {0x4c00, 0x41800000, 0x4030000000000000}, /* 16 */
    {0x5800, 0x43000000, 0x4060000000000000}, /* 128 */
    {0x5c00, 0x43800000, 0x4070000000000000}, /* 256 */
    {0x7800, 0x47000000, 0x40e0000000000000}, /* 2^15 */
    {0x7c00, 0x47800000, 0x40f0000000000000}, /* 2^16; infinity in half precision */
    {0x7c00, 0x7f800000, 0x7ff0000000000000}, /* infinity */
    {0x7e00, 0x7fc00000, 0x7ff8000000000000}, /* canonical NaN */
};

bool trans_fli(struct dis *d, const struct args_fmv *a)
{
    if (fp_dirty(d))
        return true;
    uint64_t bits = constants[a->rs1].d;
    if (a->fmt == FMT_S)
        bits = UINT64_C(0xffffffff00000000) | constants[a->rs1].s;
    else if (a->fmt == FMT_H)
        bits = UINT64_C(0xffffffffffff0000) | constants[a->rs1].h;
    ir_set(d->ir, RV_SLOT_F0 + a->rd, ir_const(d->ir, F64, bits));
    return true;
}

/* --- minimum and maximum that give NaN for NaN --- */

static bool minmax(struct dis *d, const struct args_fp2 *a, soft2 *soft)
{
    if (fp_dirty(d))
        return true;
    ir_val how = fp_how(d, a->fmt, 0, 0);
    fp_set_bits(d, a->rd, soft(d->ir, fp_bits(d, a->rs1), fp_bits(d, a->rs2), how));
    return true;
}

bool trans_fminm(struct dis *d, const struct args_fp2 *a)
{
    return minmax(d, a, call_fminm);
}

bool trans_fmaxm(struct dis *d, const struct args_fp2 *a)
{
    return minmax(d, a, call_fmaxm);
}

/* --- rounding to integral values --- */

/* exact: 0, or IR_RINT_EXACT to raise NX. */
static bool round_integral(struct dis *d, const struct args_fp1 *a, uint32_t exact)
{
    int rm = fp_round(d, a->rm);
    if (rm < 0)
        return false;
    if (fp_dirty(d))
        return true;
    if (a->fmt != FMT_H) {
        fp_set(d, a->fmt, a->rd, ir_frint(d->ir, fp_get(d, a->fmt, a->rs1), rm | exact));
        return true;
    }
    ir_val x = fp_bits(d, a->rs1), how = fp_how(d, a->fmt, rm, 0);
    fp_set_bits(d, a->rd, exact ? call_froundnx(d->ir, x, how) : call_fround(d->ir, x, how));
    return true;
}

bool trans_fround(struct dis *d, const struct args_fp1 *a)
{
    return round_integral(d, a, 0);
}

bool trans_froundnx(struct dis *d, const struct args_fp1 *a)
{
    return round_integral(d, a, IR_RINT_EXACT);
}

bool trans_fcvtmod_w_d(struct dis *d, const struct args_r1 *a)
{
    if (fp_dirty(d))
        return true;
    set_gpr(d, a->rd, call_fcvtmod_w_d(d->ir, fp_bits(d, a->rs1)));
    return true;
}

/* --- RV32: doubles from and to two x registers --- */

bool trans_fmvh_x_d(struct dis *d, const struct args_r1 *a)
{
    ir_val high = ir_sar(d->ir, fp_bits(d, a->rs1), ir_const(d->ir, I64, 32));
    set_gpr(d, a->rd, high);
    return true;
}

bool trans_fmvp_d_x(struct dis *d, const struct args_r *a)
{
    if (fp_dirty(d))
        return true;
    ir_val high = ir_shl(d->ir, gpr64(d, a->rs2), ir_const(d->ir, I64, 32));
    fp_set_bits(d, a->rd, ir_or(d->ir, high, ir_zext32(d->ir, gpr32(d, a->rs1))));
    return true;
}
