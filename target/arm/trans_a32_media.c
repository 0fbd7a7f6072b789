/* A32 and T32: parallel arithmetic, saturation, packing, extension, bit fields, checksums.
 * Ref: DDI 0487, F5.1. */
#include "target/arm/trans_a32.h"

#include "util/bits.h"

/* --- parallel addition and subtraction: what string functions use goes in line --- */

enum { PAR_ADD16, PAR_SUB16 = 3, PAR_ADD8, PAR_SUB8 = 7 };
enum { PREFIX_S = 1, PREFIX_Q, PREFIX_U = 5, PREFIX_UQ };

static bool is_lanewise(unsigned op)
{
    return op == PAR_ADD16 || op == PAR_SUB16 || op == PAR_ADD8 || op == PAR_SUB8;
}

static ir_val par_saturating(struct dis *d, const struct args_par *a, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    unsigned esz = a->op == PAR_ADD16 || a->op == PAR_SUB16;
    bool adds = a->op == PAR_ADD16 || a->op == PAR_ADD8;
    ir_val x = ir_vfrom32(ir, ir_bits_f32(ir, n)), y = ir_vfrom32(ir, ir_bits_f32(ir, m));
    ir_val r;
    if (a->prefix == PREFIX_Q)
        r = adds ? ir_vqadds(ir, x, y, esz) : ir_vqsubs(ir, x, y, esz);
    else
        r = adds ? ir_vqaddu(ir, x, y, esz) : ir_vqsubu(ir, x, y, esz);
    return ir_bits_i32(ir, ir_vto32(ir, r));
}

/* The top bits of lanes as GE.  Of bits 0, 8, 16 and 24 the product has all four in its highest
 * byte. */
static ir_val ge_of_tops(struct dis *d, ir_val tops, bool halves)
{
    struct ir *ir = d->ir;
    ir_val low = ir_shr(ir, tops, imm32(d, 7));
    if (halves)
        low = ir_or(ir, low, ir_shr(ir, tops, imm32(d, 15)));
    return ir_shr(ir, ir_mul(ir, low, imm32(d, 0x01020408)), imm32(d, 24));
}

/* UADD8, UADD16, USUB8, USUB16: lanes are kept apart by their top bits, which are done without
 * carries.  GE: a carry, no borrow. */
static ir_val par_unsigned(struct dis *d, const struct args_par *a, ir_val n, ir_val m)
{
    struct ir *ir = d->ir;
    bool halves = a->op == PAR_ADD16 || a->op == PAR_SUB16;
    bool adds = a->op == PAR_ADD16 || a->op == PAR_ADD8;
    ir_val top = imm32(d, halves ? 0x80008000 : 0x80808080);
    ir_val rest = imm32(d, halves ? 0x7fff7fff : 0x7f7f7f7f);
    ir_val r, out;
    if (adds) {
        r = ir_add(ir, ir_and(ir, n, rest), ir_and(ir, m, rest));
        r = ir_xor(ir, r, ir_and(ir, ir_xor(ir, n, m), top));
        out = ir_or(ir, ir_and(ir, n, m), ir_andn(ir, ir_or(ir, n, m), r));
    } else {
        r = ir_sub(ir, ir_or(ir, n, top), ir_and(ir, m, rest));
        r = ir_xor(ir, r, ir_andn(ir, top, ir_xor(ir, n, m)));
        out = ir_or(ir, ir_andn(ir, n, m), ir_andn(ir, ir_or(ir, n, ir_not(ir, m)), r));
    }
    ir_set(ir, ARM_SLOT_GE, ge_of_tops(d, ir_and(ir, out, top), halves));
    return r;
}

bool trans_par(struct dis *d, const struct args_par *a)
{
    struct ir *ir = d->ir;
    if (!(a->prefix & 3) || a->rd == 15 || a->rn == 15 || a->rm == 15)
        return false;
    if (is_lanewise(a->op) &&
        (a->prefix == PREFIX_U || a->prefix == PREFIX_Q || a->prefix == PREFIX_UQ)) {
        ir_val n = a32_reg(d, a->rn), m = a32_reg(d, a->rm);
        bool plain = a->prefix == PREFIX_U;
        a32_set_reg(d, a->rd, plain ? par_unsigned(d, a, n, m) : par_saturating(d, a, n, m));
        return true;
    }
    ir_val how = imm32(d, a->op | a->prefix << 4);
    ir_val r = call_a32_parallel(ir, a32_reg(d, a->rn), a32_reg(d, a->rm), how);
    if (a->prefix == PREFIX_S || a->prefix == PREFIX_U)
        ir_set(ir, ARM_SLOT_GE, ir_trunc(ir, ir_shr(ir, r, imm64(d, 32))));
    a32_set_reg(d, a->rd, ir_trunc(ir, r));
    return true;
}

/* GE bit n, moved to bit 8 n, becomes byte n of the mask. */
bool trans_sel(struct dis *d, const struct args_r3 *a)
{
    if (a->rd == 15 || a->rn == 15 || a->rm == 15)
        return false;
    struct ir *ir = d->ir;
    ir_val spread = ir_mul(ir, ir_get(ir, ARM_SLOT_GE), imm32(d, 0x00204081));
    ir_val mask = ir_mul(ir, ir_and(ir, spread, imm32(d, 0x01010101)), imm32(d, 0xff));
    ir_val n = ir_and(ir, a32_reg(d, a->rn), mask), m = ir_andn(ir, a32_reg(d, a->rm), mask);
    a32_set_reg(d, a->rd, ir_or(ir, n, m));
    return true;
}

bool trans_usada8(struct dis *d, const struct args_mul *a)
{
    if (a->rd == 15 || a->rn == 15 || a->rm == 15)
        return false;
    ir_val r = call_a32_usad8(d->ir, a32_reg(d, a->rn), a32_reg(d, a->rm));
    if (a->ra != 15)
        r = ir_add(d->ir, r, a32_reg(d, a->ra));
    a32_set_reg(d, a->rd, r);
    return true;
}

/* --- saturation --- */

/* An I64 limited to low..high. */
static ir_val clamp(struct dis *d, ir_val v, int64_t low, int64_t high)
{
    ir_val lo = imm64(d, low), hi = imm64(d, high);
    v = ir_select(d->ir, v, lo, lo, v, IR_LT);
    return ir_select(d->ir, v, hi, hi, v, IR_GT);
}

static ir_val saturate(struct dis *d, ir_val v, int64_t low, int64_t high)
{
    ir_val limited = clamp(d, v, low, high);
    a32_set_q(d, ir_setcond(d->ir, v, limited, IR_NE));
    return limited;
}

bool trans_qaddsub(struct dis *d, const struct args_qaddsub *a)
{
    enum { SUBTRACTS = 1, DOUBLES = 2 };
    if (a->rd == 15 || a->rn == 15 || a->rm == 15)
        return false;
    ir_val m = ir_sext32(d->ir, a32_reg(d, a->rm)), n = ir_sext32(d->ir, a32_reg(d, a->rn));
    if (a->op & DOUBLES)
        n = saturate(d, ir_add(d->ir, n, n), INT32_MIN, INT32_MAX);
    ir_val r = a->op & SUBTRACTS ? ir_sub(d->ir, m, n) : ir_add(d->ir, m, n);
    a32_set_reg(d, a->rd, ir_trunc(d->ir, saturate(d, r, INT32_MIN, INT32_MAX)));
    return true;
}

static bool saturate_shifted(struct dis *d, const struct args_sat *a, int64_t low, int64_t high)
{
    if (a->rd == 15 || a->rn == 15)
        return false;
    ir_val v = a32_shift_imm(d, a32_reg(d, a->rn), a->sh ? A32_ASR : A32_LSL, a->amount);
    a32_set_reg(d, a->rd, ir_trunc(d->ir, saturate(d, ir_sext32(d->ir, v), low, high)));
    return true;
}

bool trans_ssat(struct dis *d, const struct args_sat *a)
{
    return saturate_shifted(d, a, -(INT64_C(1) << a->imm), (INT64_C(1) << a->imm) - 1);
}

bool trans_usat(struct dis *d, const struct args_sat *a)
{
    return saturate_shifted(d, a, 0, (INT64_C(1) << a->imm) - 1);
}

static bool saturate_halves(struct dis *d, const struct args_sat16 *a, int64_t low, int64_t high)
{
    struct ir *ir = d->ir;
    if (a->rd == 15 || a->rn == 15)
        return false;
    ir_val v = a32_reg(d, a->rn);
    ir_val lo = saturate(d, ir_sext32(ir, ir_sext16(ir, v)), low, high);
    ir_val hi = saturate(d, ir_sext32(ir, ir_sar(ir, v, imm32(d, 16))), low, high);
    ir_val r =
        ir_or(ir, ir_zext16(ir, ir_trunc(ir, lo)), ir_shl(ir, ir_trunc(ir, hi), imm32(d, 16)));
    a32_set_reg(d, a->rd, r);
    return true;
}

bool trans_ssat16(struct dis *d, const struct args_sat16 *a)
{
    return saturate_halves(d, a, -(INT64_C(1) << a->imm), (INT64_C(1) << a->imm) - 1);
}

bool trans_usat16(struct dis *d, const struct args_sat16 *a)
{
    return saturate_halves(d, a, 0, (INT64_C(1) << a->imm) - 1);
}

/* --- packing and extension --- */

bool trans_pkh(struct dis *d, const struct args_pkh *a)
{
    struct ir *ir = d->ir;
    if (a->rd == 15 || a->rn == 15 || a->rm == 15)
        return false;
    ir_val n = a32_reg(d, a->rn);
    ir_val m = a32_shift_imm(d, a32_reg(d, a->rm), a->tb ? A32_ASR : A32_LSL, a->amount);
    ir_val top = a->tb ? n : m, bottom = a->tb ? m : n;
    a32_set_reg(d, a->rd, ir_or(ir, ir_and(ir, top, imm32(d, 0xffff0000)), ir_zext16(ir, bottom)));
    return true;
}

enum { EXT_SXTB16 = 0, EXT_SXTB = 2, EXT_SXTH = 3, EXT_UXTB16 = 4, EXT_UXTB = 6, EXT_UXTH = 7 };

static ir_val extend16(struct dis *d, ir_val v, bool is_signed, ir_val addend)
{
    struct ir *ir = d->ir;
    ir_val lo = is_signed ? ir_sext8(ir, v) : ir_zext8(ir, v);
    ir_val hi = ir_shr(ir, v, imm32(d, 16));
    hi = is_signed ? ir_sext8(ir, hi) : ir_zext8(ir, hi);
    lo = ir_zext16(ir, ir_add(ir, lo, addend));
    hi = ir_add(ir, hi, ir_shr(ir, addend, imm32(d, 16)));
    return ir_or(ir, lo, ir_shl(ir, hi, imm32(d, 16)));
}

static ir_val extend(struct dis *d, unsigned op, ir_val v)
{
    switch (op) {
    case EXT_SXTB: return ir_sext8(d->ir, v);
    case EXT_SXTH: return ir_sext16(d->ir, v);
    case EXT_UXTB: return ir_zext8(d->ir, v);
    }
    return ir_zext16(d->ir, v);
}

/* Without an addend rn is 15. */
bool trans_ext(struct dis *d, const struct args_ext *a)
{
    if (a->rd == 15 || a->rm == 15)
        return false;
    ir_val v = ir_rotr(d->ir, a32_reg(d, a->rm), imm32(d, a->rot * 8));
    ir_val n = a->rn == 15 ? imm32(d, 0) : a32_reg(d, a->rn);
    if (a->op == EXT_SXTB16 || a->op == EXT_UXTB16)
        v = extend16(d, v, a->op == EXT_SXTB16, n);
    else
        v = ir_add(d->ir, extend(d, a->op, v), n);
    a32_set_reg(d, a->rd, v);
    return true;
}

/* --- reversal, counting --- */

static bool names_pc(const struct args_r2 *a)
{
    return a->rd == 15 || a->rm == 15;
}

bool trans_rev(struct dis *d, const struct args_r2 *a)
{
    if (names_pc(a))
        return false;
    a32_set_reg(d, a->rd, ir_bswap(d->ir, a32_reg(d, a->rm)));
    return true;
}

bool trans_rev16(struct dis *d, const struct args_r2 *a)
{
    if (names_pc(a))
        return false;
    ir_val v = ir_bswap(d->ir, a32_reg(d, a->rm));
    a32_set_reg(d, a->rd, ir_rotr(d->ir, v, imm32(d, 16)));
    return true;
}

bool trans_revsh(struct dis *d, const struct args_r2 *a)
{
    if (names_pc(a))
        return false;
    ir_val v = ir_bswap(d->ir, a32_reg(d, a->rm));
    a32_set_reg(d, a->rd, ir_sar(d->ir, v, imm32(d, 16)));
    return true;
}

bool trans_rbit(struct dis *d, const struct args_r2 *a)
{
    if (names_pc(a))
        return false;
    a32_set_reg(d, a->rd, call_a32_rbit(d->ir, a32_reg(d, a->rm)));
    return true;
}

bool trans_clz(struct dis *d, const struct args_r2 *a)
{
    if (names_pc(a))
        return false;
    a32_set_reg(d, a->rd, ir_clz(d->ir, a32_reg(d, a->rm)));
    return true;
}

/* --- bit fields --- */

static bool is_field(const struct args_bfx *a)
{
    return a->rd != 15 && a->rn != 15 && a->lsb + a->width <= 32;
}

bool trans_sbfx(struct dis *d, const struct args_bfx *a)
{
    if (!is_field(a))
        return false;
    unsigned up = 32 - a->lsb - a->width;
    ir_val v = ir_shl(d->ir, a32_reg(d, a->rn), imm32(d, up));
    a32_set_reg(d, a->rd, ir_sar(d->ir, v, imm32(d, 32 - a->width)));
    return true;
}

bool trans_ubfx(struct dis *d, const struct args_bfx *a)
{
    if (!is_field(a))
        return false;
    ir_val v = ir_shr(d->ir, a32_reg(d, a->rn), imm32(d, a->lsb));
    a32_set_reg(d, a->rd, ir_and(d->ir, v, imm32(d, BIT64(a->width) - 1)));
    return true;
}

/* BFI, and BFC when rn is 15. */
bool trans_bfi(struct dis *d, const struct args_bfi *a)
{
    struct ir *ir = d->ir;
    if (a->rd == 15 || a->msb < a->lsb)
        return false;
    uint32_t mask = (uint32_t)(BIT64(a->msb + 1) - BIT64(a->lsb));
    ir_val v = ir_and(ir, a32_reg(d, a->rd), imm32(d, ~mask));
    if (a->rn != 15) {
        ir_val n = ir_shl(ir, a32_reg(d, a->rn), imm32(d, a->lsb));
        v = ir_or(ir, v, ir_and(ir, n, imm32(d, mask)));
    }
    a32_set_reg(d, a->rd, v);
    return true;
}

/* --- checksums --- */

bool trans_crc(struct dis *d, const struct args_crc *a)
{
    if (a->sz == 3 || a->rd == 15 || a->rn == 15 || a->rm == 15)
        return false;
    ir_val acc = a32_reg(d, a->rn), data = ir_zext32(d->ir, a32_reg(d, a->rm));
    ir_val bytes = imm32(d, 1u << a->sz);
    a32_set_reg(d, a->rd,
                a->c ? call_crc32c(d->ir, acc, data, bytes) : call_crc32(d->ir, acc, data, bytes));
    return true;
}
