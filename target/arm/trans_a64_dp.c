/* A64: data processing, immediate and register.  Ref: DDI 0487, C6.2. */
#include "target/arm/a64.h"

#include "util/bits.h"

typedef ir_val build2(struct ir *ir, ir_val a, ir_val b);

static ir_val imm(struct dis *d, bool sf, uint64_t value)
{
    return ir_const(d->ir, type_of_sf(sf), sf ? value : (uint32_t)value);
}

static unsigned width_of(bool sf)
{
    return sf ? 64 : 32;
}

/* --- pc-relative addresses --- */

bool trans_adr(struct dis *d, const struct args_adr *a)
{
    set_gpr(d, a->rd, pc64(d, d->pc + a->imm));
    return true;
}

bool trans_adrp(struct dis *d, const struct args_adr *a)
{
    set_gpr(d, a->rd, pc64(d, (d->pc & ~UINT64_C(0xfff)) + ((uint64_t)(int64_t)a->imm << 12)));
    return true;
}

/* --- addition and subtraction --- */

static ir_val add_flags(struct dis *d, ir_val x, ir_val y)
{
    ir_val sum = ir_add(d->ir, x, y);
    flags_add(d, x, y);
    return sum;
}

/* The result is known to conditions only if a register has it: then it costs nothing. */
static void set_sum(struct dis *d, int rd, ir_val x, ir_val y)
{
    ir_val sum = add_flags(d, x, y);
    if (rd != 31)
        flags_result(d, sum);
    set_gpr(d, rd, sum);
}

static void set_difference(struct dis *d, int rd, ir_val x, ir_val y)
{
    flags_sub(d, x, y);
    if (rd == 31)
        return;
    ir_val difference = ir_sub(d->ir, x, y);
    flags_result(d, difference);
    set_gpr(d, rd, difference);
}

static ir_val addsub_imm(struct dis *d, const struct args_addsub_i *a)
{
    return imm(d, a->sf, (uint64_t)a->imm << (a->sh ? 12 : 0));
}

/* The stack pointer stays a multiple of 16 if it goes up or down by one. */
static void set_gpr_sp_by_16(struct dis *d, const struct args_addsub_i *a, ir_val v)
{
    bool aligned =
        d->sp_aligned && a->rd == 31 && a->rn == 31 && a->sf && (a->sh || !(a->imm & 15));
    set_gpr_sp(d, a->rd, v);
    if (aligned)
        d->sp_aligned = true;
}

bool trans_add_imm(struct dis *d, const struct args_addsub_i *a)
{
    set_gpr_sp_by_16(d, a, ir_add(d->ir, gpr_sp(d, a->rn, a->sf), addsub_imm(d, a)));
    return true;
}

bool trans_sub_imm(struct dis *d, const struct args_addsub_i *a)
{
    set_gpr_sp_by_16(d, a, ir_sub(d->ir, gpr_sp(d, a->rn, a->sf), addsub_imm(d, a)));
    return true;
}

bool trans_adds_imm(struct dis *d, const struct args_addsub_i *a)
{
    set_sum(d, a->rd, gpr_sp(d, a->rn, a->sf), addsub_imm(d, a));
    return true;
}

bool trans_subs_imm(struct dis *d, const struct args_addsub_i *a)
{
    set_difference(d, a->rd, gpr_sp(d, a->rn, a->sf), addsub_imm(d, a));
    return true;
}

/* LSL LSR ASR ROR by a constant less than the width. */
static ir_val shifted(struct dis *d, ir_val v, unsigned kind, unsigned amount)
{
    static build2 *const op[] = {ir_shl, ir_shr, ir_sar, ir_rotr};
    if (!amount)
        return v;
    return op[kind](d->ir, v, ir_const(d->ir, ir_type_of(d->ir, v), amount));
}

static ir_val shifted_rm(struct dis *d, const struct args_addsub_s *a)
{
    return shifted(d, gpr(d, a->rm, a->sf), a->shift, a->amount);
}

static bool is_bad_shift(const struct args_addsub_s *a)
{
    return !a->sf && a->amount >= 32;
}

bool trans_add_reg(struct dis *d, const struct args_addsub_s *a)
{
    if (is_bad_shift(a))
        return false;
    set_gpr(d, a->rd, ir_add(d->ir, gpr(d, a->rn, a->sf), shifted_rm(d, a)));
    return true;
}

bool trans_sub_reg(struct dis *d, const struct args_addsub_s *a)
{
    if (is_bad_shift(a))
        return false;
    set_gpr(d, a->rd, ir_sub(d->ir, gpr(d, a->rn, a->sf), shifted_rm(d, a)));
    return true;
}

bool trans_adds_reg(struct dis *d, const struct args_addsub_s *a)
{
    if (is_bad_shift(a))
        return false;
    set_sum(d, a->rd, gpr(d, a->rn, a->sf), shifted_rm(d, a));
    return true;
}

bool trans_subs_reg(struct dis *d, const struct args_addsub_s *a)
{
    if (is_bad_shift(a))
        return false;
    set_difference(d, a->rd, gpr(d, a->rn, a->sf), shifted_rm(d, a));
    return true;
}

ir_val a64_extended(struct dis *d, int rm, unsigned option, unsigned shift)
{
    ir_val v = gpr64(d, rm);
    switch (option) {
    case 0: v = ir_zext8(d->ir, v); break;
    case 1: v = ir_zext16(d->ir, v); break;
    case 2: v = ir_zext32(d->ir, ir_trunc(d->ir, v)); break;
    case 4: v = ir_sext8(d->ir, v); break;
    case 5: v = ir_sext16(d->ir, v); break;
    case 6: v = ir_sext32(d->ir, ir_trunc(d->ir, v)); break;
    }
    return ir_shl(d->ir, v, imm64(d, shift));
}

static ir_val extended_rm(struct dis *d, const struct args_addsub_x *a)
{
    ir_val v = a64_extended(d, a->rm, a->option, a->amount);
    return a->sf ? v : ir_trunc(d->ir, v);
}

bool trans_add_ext(struct dis *d, const struct args_addsub_x *a)
{
    set_gpr_sp(d, a->rd, ir_add(d->ir, gpr_sp(d, a->rn, a->sf), extended_rm(d, a)));
    return true;
}

bool trans_sub_ext(struct dis *d, const struct args_addsub_x *a)
{
    set_gpr_sp(d, a->rd, ir_sub(d->ir, gpr_sp(d, a->rn, a->sf), extended_rm(d, a)));
    return true;
}

bool trans_adds_ext(struct dis *d, const struct args_addsub_x *a)
{
    set_sum(d, a->rd, gpr_sp(d, a->rn, a->sf), extended_rm(d, a));
    return true;
}

bool trans_subs_ext(struct dis *d, const struct args_addsub_x *a)
{
    set_difference(d, a->rd, gpr_sp(d, a->rn, a->sf), extended_rm(d, a));
    return true;
}

/* x + y + C, where SBC is the addition of the complement. */
static bool add_carry(struct dis *d, const struct args_rrr *a, bool complement, bool set_flags)
{
    ir_val x = gpr(d, a->rn, a->sf), y = gpr(d, a->rm, a->sf), carry = flag_carry(d);
    if (complement)
        y = ir_not(d->ir, y);
    ir_val c = a->sf ? carry : ir_trunc(d->ir, carry);
    ir_val sum = ir_add(d->ir, ir_add(d->ir, x, y), c);
    if (set_flags)
        flags_adc(d, x, y, carry);
    set_gpr(d, a->rd, sum);
    return true;
}

bool trans_adc(struct dis *d, const struct args_rrr *a)
{
    return add_carry(d, a, false, false);
}

bool trans_adcs(struct dis *d, const struct args_rrr *a)
{
    return add_carry(d, a, false, true);
}

bool trans_sbc(struct dis *d, const struct args_rrr *a)
{
    return add_carry(d, a, true, false);
}

bool trans_sbcs(struct dis *d, const struct args_rrr *a)
{
    return add_carry(d, a, true, true);
}

/* --- logic --- */

/*
 * A run of imms + 1 ones, rotated right by immr in an element of 2 to 64 bits, all elements alike;
 * the element's size is the highest set bit of N:NOT(imms).  False: reserved.
 * Ref: DDI 0487, DecodeBitMasks.
 */
static bool bit_mask(const struct args_logic_i *a, uint64_t *out)
{
    unsigned sizes = a->n << 6 | (~a->imms & 0x3f);
    if ((a->n && !a->sf) || sizes < 2)
        return false;
    unsigned size = 1u << (31 - __builtin_clz(sizes));
    unsigned ones = (a->imms & (size - 1)) + 1, rotate = a->immr & (size - 1);
    if (ones == size)
        return false;
    uint64_t v = MASK64(0, ones);
    if (rotate)
        v = (v >> rotate | v << (size - rotate)) & MASK64(0, size);
    for (; size < 64; size *= 2)
        v |= v << size;
    *out = v;
    return true;
}

static bool logic_imm(struct dis *d, const struct args_logic_i *a, build2 *op)
{
    uint64_t mask;
    if (!bit_mask(a, &mask))
        return false;
    set_gpr_sp(d, a->rd, op(d->ir, gpr(d, a->rn, a->sf), imm(d, a->sf, mask)));
    return true;
}

bool trans_and_imm(struct dis *d, const struct args_logic_i *a)
{
    return logic_imm(d, a, ir_and);
}

bool trans_orr_imm(struct dis *d, const struct args_logic_i *a)
{
    return logic_imm(d, a, ir_or);
}

bool trans_eor_imm(struct dis *d, const struct args_logic_i *a)
{
    return logic_imm(d, a, ir_xor);
}

bool trans_ands_imm(struct dis *d, const struct args_logic_i *a)
{
    uint64_t mask;
    if (!bit_mask(a, &mask))
        return false;
    ir_val v = ir_and(d->ir, gpr(d, a->rn, a->sf), imm(d, a->sf, mask));
    flags_logic(d, v);
    set_gpr(d, a->rd, v);
    return true;
}

static bool logic_reg(struct dis *d, const struct args_addsub_s *a, build2 *op, bool invert)
{
    if (is_bad_shift(a))
        return false;
    ir_val y = shifted_rm(d, a);
    set_gpr(d, a->rd, op(d->ir, gpr(d, a->rn, a->sf), invert ? ir_not(d->ir, y) : y));
    return true;
}

bool trans_and_reg(struct dis *d, const struct args_addsub_s *a)
{
    return logic_reg(d, a, ir_and, false);
}

bool trans_bic_reg(struct dis *d, const struct args_addsub_s *a)
{
    return logic_reg(d, a, ir_andn, false);
}

bool trans_orr_reg(struct dis *d, const struct args_addsub_s *a)
{
    return logic_reg(d, a, ir_or, false);
}

bool trans_orn_reg(struct dis *d, const struct args_addsub_s *a)
{
    return logic_reg(d, a, ir_or, true);
}

bool trans_eor_reg(struct dis *d, const struct args_addsub_s *a)
{
    return logic_reg(d, a, ir_xor, false);
}

bool trans_eon_reg(struct dis *d, const struct args_addsub_s *a)
{
    return logic_reg(d, a, ir_xor, true);
}

static bool logic_flags(struct dis *d, const struct args_addsub_s *a, build2 *op)
{
    if (is_bad_shift(a))
        return false;
    ir_val v = op(d->ir, gpr(d, a->rn, a->sf), shifted_rm(d, a));
    flags_logic(d, v);
    set_gpr(d, a->rd, v);
    return true;
}

bool trans_ands_reg(struct dis *d, const struct args_addsub_s *a)
{
    return logic_flags(d, a, ir_and);
}

bool trans_bics_reg(struct dis *d, const struct args_addsub_s *a)
{
    return logic_flags(d, a, ir_andn);
}

/* --- wide moves --- */

static bool is_bad_half(const struct args_movw *a)
{
    return !a->sf && a->hw >= 2;
}

bool trans_movz(struct dis *d, const struct args_movw *a)
{
    if (is_bad_half(a))
        return false;
    set_gpr(d, a->rd, imm64(d, (uint64_t)a->imm << a->hw * 16));
    return true;
}

bool trans_movn(struct dis *d, const struct args_movw *a)
{
    if (is_bad_half(a))
        return false;
    set_gpr(d, a->rd, imm(d, a->sf, ~((uint64_t)a->imm << a->hw * 16)));
    return true;
}

bool trans_movk(struct dis *d, const struct args_movw *a)
{
    if (is_bad_half(a))
        return false;
    uint32_t field = a->hw * 16 | 16 << 8;
    set_gpr(d, a->rd, ir_deposit(d->ir, gpr(d, a->rd, a->sf), imm(d, a->sf, a->imm), field));
    return true;
}

/* --- bit fields --- */

static bool is_bad_field(const struct args_logic_i *a)
{
    return a->n != a->sf || (!a->sf && (a->immr >= 32 || a->imms >= 32));
}

typedef ir_val build_field(struct ir *ir, ir_val v, uint32_t field);

/* A field to the bottom, or the lowest bits up; zeros below, above what `extract` puts there. */
static bool move_field(struct dis *d, const struct args_logic_i *a, build_field *extract)
{
    if (is_bad_field(a))
        return false;
    unsigned lsb = a->immr, msb = a->imms, width = width_of(a->sf);
    ir_val v = gpr(d, a->rn, a->sf);
    if (msb >= lsb)
        v = extract(d->ir, v, lsb | (msb - lsb + 1) << 8);
    else
        v = ir_shl(d->ir, msb + 1 == lsb ? v : extract(d->ir, v, (msb + 1) << 8),
                   imm(d, a->sf, width - lsb));
    set_gpr(d, a->rd, v);
    return true;
}

bool trans_ubfm(struct dis *d, const struct args_logic_i *a)
{
    return move_field(d, a, ir_extract);
}

bool trans_sbfm(struct dis *d, const struct args_logic_i *a)
{
    return move_field(d, a, ir_sextract);
}

bool trans_bfm(struct dis *d, const struct args_logic_i *a)
{
    if (is_bad_field(a))
        return false;
    unsigned lsb = a->immr, msb = a->imms;
    ir_val v = gpr(d, a->rn, a->sf), into = gpr(d, a->rd, a->sf);
    if (msb >= lsb)
        v = ir_deposit(d->ir, into, shifted(d, v, 1, lsb), (msb - lsb + 1) << 8);
    else
        v = ir_deposit(d->ir, into, v, (width_of(a->sf) - lsb) | (msb + 1) << 8);
    set_gpr(d, a->rd, v);
    return true;
}

bool trans_extr(struct dis *d, const struct args_extr *a)
{
    if (a->n != a->sf || (!a->sf && a->imms >= 32))
        return false;
    ir_val low = gpr(d, a->rm, a->sf), high = gpr(d, a->rn, a->sf);
    ir_val v = low;
    if (a->rm == a->rn)
        v = shifted(d, low, 3, a->imms);
    else if (a->imms)
        v = ir_or(d->ir, shifted(d, low, 1, a->imms),
                  shifted(d, high, 0, width_of(a->sf) - a->imms));
    set_gpr(d, a->rd, v);
    return true;
}

/* --- conditions --- */

/* Else the flags are nzcv. */
static bool conditional_compare(struct dis *d, ir_val packed, unsigned cond, unsigned nzcv)
{
    uint32_t other = (nzcv & 8 ? ARM_FLAG_N : 0) | (nzcv & 4 ? ARM_FLAG_Z : 0) |
                     (nzcv & 2 ? 0 : ARM_FLAG_NOT_C) | (nzcv & 1 ? ARM_FLAG_V : 0);
    packed = flag_select(d, cond, packed, imm32(d, other));
    ir_set(d->ir, ARM_SLOT_FLAGS, packed);
    flags_forget(d);
    return true;
}

bool trans_ccmp_reg(struct dis *d, const struct args_ccmp_r *a)
{
    ir_val packed = flags_of_sub(d, gpr(d, a->rn, a->sf), gpr(d, a->rm, a->sf));
    return conditional_compare(d, packed, a->cond, a->nzcv);
}

bool trans_ccmn_reg(struct dis *d, const struct args_ccmp_r *a)
{
    ir_val packed = flags_of_add(d, gpr(d, a->rn, a->sf), gpr(d, a->rm, a->sf));
    return conditional_compare(d, packed, a->cond, a->nzcv);
}

bool trans_ccmp_imm(struct dis *d, const struct args_ccmp_i *a)
{
    ir_val packed = flags_of_sub(d, gpr(d, a->rn, a->sf), imm(d, a->sf, a->imm));
    return conditional_compare(d, packed, a->cond, a->nzcv);
}

bool trans_ccmn_imm(struct dis *d, const struct args_ccmp_i *a)
{
    ir_val packed = flags_of_add(d, gpr(d, a->rn, a->sf), imm(d, a->sf, a->imm));
    return conditional_compare(d, packed, a->cond, a->nzcv);
}

bool trans_csel(struct dis *d, const struct args_csel *a)
{
    set_gpr(d, a->rd, flag_select(d, a->cond, gpr(d, a->rn, a->sf), gpr(d, a->rm, a->sf)));
    return true;
}

/* CSET and CSETM are CSINC and CSINV of the zero register, with the condition inverted. */
static bool is_set(const struct args_csel *a)
{
    return a->rn == 31 && a->rm == 31 && a->cond < 14;
}

bool trans_csinc(struct dis *d, const struct args_csel *a)
{
    ir_val v;
    if (is_set(a))
        v = flag_setcond(d, a->cond ^ 1, type_of_sf(a->sf));
    else
        v = flag_select(d, a->cond, gpr(d, a->rn, a->sf),
                        ir_add(d->ir, gpr(d, a->rm, a->sf), imm(d, a->sf, 1)));
    set_gpr(d, a->rd, v);
    return true;
}

bool trans_csinv(struct dis *d, const struct args_csel *a)
{
    ir_val v;
    if (is_set(a))
        v = ir_neg(d->ir, flag_setcond(d, a->cond ^ 1, type_of_sf(a->sf)));
    else
        v = flag_select(d, a->cond, gpr(d, a->rn, a->sf), ir_not(d->ir, gpr(d, a->rm, a->sf)));
    set_gpr(d, a->rd, v);
    return true;
}

bool trans_csneg(struct dis *d, const struct args_csel *a)
{
    set_gpr(d, a->rd,
            flag_select(d, a->cond, gpr(d, a->rn, a->sf), ir_neg(d->ir, gpr(d, a->rm, a->sf))));
    return true;
}

/* --- flags --- */

bool trans_rmif(struct dis *d, const struct args_rmif *a)
{
    enum { NZCV_SHIFT = 28 };
    uint32_t mask = (uint32_t)a->mask << NZCV_SHIFT;
    ir_val v = ir_trunc(d->ir, ir_rotr(d->ir, gpr64(d, a->rn), imm64(d, a->imm)));
    v = ir_and(d->ir, ir_shl(d->ir, v, imm32(d, NZCV_SHIFT)), imm32(d, mask));
    flags_set_nzcv(d, ir_or(d->ir, ir_and(d->ir, flags_get_nzcv(d), imm32(d, ~mask)), v));
    return true;
}

/* N and Z of the low bits, V if the bit above differs from the highest of them. */
static bool set_flags_of_low(struct dis *d, int rn, unsigned bits)
{
    enum { N_BIT = 31, Z_BIT = 30, C_BIT = 29, V_BIT = 28 };
    ir_val v = gpr32(d, rn), top = ir_shl(d->ir, v, imm32(d, 32 - bits));
    ir_val n = ir_and(d->ir, top, imm32(d, BIT64(N_BIT)));
    ir_val z = ir_setcond(d->ir, top, imm32(d, 0), IR_EQ);
    ir_val differ = ir_xor(d->ir, v, ir_shr(d->ir, v, imm32(d, 1)));
    ir_val overflow = ir_extract(d->ir, differ, (bits - 1) | 1 << 8);
    ir_val c = ir_and(d->ir, flags_get_nzcv(d), imm32(d, BIT64(C_BIT)));
    ir_val nz = ir_or(d->ir, n, ir_shl(d->ir, z, imm32(d, Z_BIT)));
    ir_val cv = ir_or(d->ir, c, ir_shl(d->ir, overflow, imm32(d, V_BIT)));
    flags_set_nzcv(d, ir_or(d->ir, nz, cv));
    return true;
}

bool trans_setf8(struct dis *d, const struct args_rn *a)
{
    return set_flags_of_low(d, a->rn, 8);
}

bool trans_setf16(struct dis *d, const struct args_rn *a)
{
    return set_flags_of_low(d, a->rn, 16);
}

bool trans_cfinv(struct dis *d, const struct args_none *a UNUSED)
{
    ir_val f = ir_get(d->ir, ARM_SLOT_FLAGS);
    ir_set(d->ir, ARM_SLOT_FLAGS, ir_xor(d->ir, f, imm32(d, ARM_FLAG_NOT_C)));
    flags_forget(d);
    return true;
}

/* Flag `flag` (ARM_FLAG_*) of the packed slot as 0 or 1. */
static ir_val flag_bit(struct dis *d, uint32_t flag)
{
    unsigned bit = (unsigned)__builtin_ctz(flag);
    return ir_extract(d->ir, ir_get(d->ir, ARM_SLOT_FLAGS), bit | 1 << 8);
}

/* Pack four flags of 0 or 1. */
static bool set_packed(struct dis *d, ir_val n, ir_val z, ir_val not_c, ir_val v)
{
    ir_val nz = ir_or(d->ir, ir_shl(d->ir, n, imm32(d, 15)), ir_shl(d->ir, z, imm32(d, 14)));
    ir_val cv = ir_or(d->ir, ir_shl(d->ir, not_c, imm32(d, 8)), v);
    ir_set(d->ir, ARM_SLOT_FLAGS, ir_or(d->ir, nz, cv));
    flags_forget(d);
    return true;
}

/* From the alternative form of a floating-point comparison: N = !C & !Z, Z = Z & C, C = C | Z,
 * V = !C & Z. */
bool trans_xaflag(struct dis *d, const struct args_none *a UNUSED)
{
    ir_val z = flag_bit(d, ARM_FLAG_Z), not_c = flag_bit(d, ARM_FLAG_NOT_C);
    return set_packed(d, ir_andn(d->ir, not_c, z), ir_andn(d->ir, z, not_c),
                      ir_andn(d->ir, not_c, z), ir_and(d->ir, not_c, z));
}

/* To it: N = 0, Z = Z | V, C = C & !V, V = 0. */
bool trans_axflag(struct dis *d, const struct args_none *a UNUSED)
{
    ir_val z = flag_bit(d, ARM_FLAG_Z), not_c = flag_bit(d, ARM_FLAG_NOT_C);
    ir_val v = flag_bit(d, ARM_FLAG_V), zero = imm32(d, 0);
    return set_packed(d, zero, ir_or(d->ir, z, v), ir_or(d->ir, not_c, v), zero);
}

/* --- multiplication and division --- */

bool trans_madd(struct dis *d, const struct args_rrrr *a)
{
    ir_val product = ir_mul(d->ir, gpr(d, a->rn, a->sf), gpr(d, a->rm, a->sf));
    set_gpr(d, a->rd, ir_add(d->ir, gpr(d, a->ra, a->sf), product));
    return true;
}

bool trans_msub(struct dis *d, const struct args_rrrr *a)
{
    ir_val product = ir_mul(d->ir, gpr(d, a->rn, a->sf), gpr(d, a->rm, a->sf));
    set_gpr(d, a->rd, ir_sub(d->ir, gpr(d, a->ra, a->sf), product));
    return true;
}

typedef ir_val build1(struct ir *ir, ir_val a);

static bool multiply_long(struct dis *d, const struct args_rrrr *a, build1 *extend, build2 *op)
{
    ir_val x = extend(d->ir, gpr32(d, a->rn)), y = extend(d->ir, gpr32(d, a->rm));
    set_gpr(d, a->rd, op(d->ir, gpr64(d, a->ra), ir_mul(d->ir, x, y)));
    return true;
}

bool trans_smaddl(struct dis *d, const struct args_rrrr *a)
{
    return multiply_long(d, a, ir_sext32, ir_add);
}

bool trans_smsubl(struct dis *d, const struct args_rrrr *a)
{
    return multiply_long(d, a, ir_sext32, ir_sub);
}

bool trans_umaddl(struct dis *d, const struct args_rrrr *a)
{
    return multiply_long(d, a, ir_zext32, ir_add);
}

bool trans_umsubl(struct dis *d, const struct args_rrrr *a)
{
    return multiply_long(d, a, ir_zext32, ir_sub);
}

static bool op_reg(struct dis *d, const struct args_rrr *a, build2 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr(d, a->rn, a->sf), gpr(d, a->rm, a->sf)));
    return true;
}

bool trans_smulh(struct dis *d, const struct args_rrr *a)
{
    return op_reg(d, a, ir_mulhs);
}

bool trans_umulh(struct dis *d, const struct args_rrr *a)
{
    return op_reg(d, a, ir_mulhu);
}

/* Division by zero gives zero. */
static bool divide(struct dis *d, const struct args_rrr *a, build2 *op)
{
    ir_val by = gpr(d, a->rm, a->sf), zero = imm(d, a->sf, 0);
    ir_val quotient = op(d->ir, gpr(d, a->rn, a->sf), by);
    set_gpr(d, a->rd, ir_select(d->ir, by, zero, zero, quotient, IR_EQ));
    return true;
}

bool trans_udiv(struct dis *d, const struct args_rrr *a)
{
    return divide(d, a, ir_divu);
}

bool trans_sdiv(struct dis *d, const struct args_rrr *a)
{
    return divide(d, a, ir_divs);
}

/* --- shifts: counts are taken modulo the width by the IR as by the architecture --- */

bool trans_lslv(struct dis *d, const struct args_rrr *a)
{
    return op_reg(d, a, ir_shl);
}

bool trans_lsrv(struct dis *d, const struct args_rrr *a)
{
    return op_reg(d, a, ir_shr);
}

bool trans_asrv(struct dis *d, const struct args_rrr *a)
{
    return op_reg(d, a, ir_sar);
}

bool trans_rorv(struct dis *d, const struct args_rrr *a)
{
    return op_reg(d, a, ir_rotr);
}

/* --- one operand --- */

static bool op_one(struct dis *d, const struct args_rr *a, build1 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr(d, a->rn, a->sf)));
    return true;
}

bool trans_clz(struct dis *d, const struct args_rr *a)
{
    return op_one(d, a, ir_clz);
}

bool trans_ctz(struct dis *d, const struct args_rr *a)
{
    return op_one(d, a, ir_ctz);
}

bool trans_cnt(struct dis *d, const struct args_rr *a)
{
    return op_one(d, a, ir_popcnt);
}

bool trans_rev(struct dis *d, const struct args_rr *a)
{
    return op_one(d, a, ir_bswap);
}

/* The sign is not counted. */
bool trans_cls(struct dis *d, const struct args_rr *a)
{
    ir_val v = gpr(d, a->rn, a->sf);
    ir_val sign = ir_sar(d->ir, v, imm(d, a->sf, width_of(a->sf) - 1));
    ir_val same = ir_clz(d->ir, ir_xor(d->ir, v, sign));
    set_gpr(d, a->rd, ir_sub(d->ir, same, imm(d, a->sf, 1)));
    return true;
}

/* Swap neighbouring fields of `shift` bits; low: the mask of every other. */
static ir_val swap_fields(struct dis *d, ir_val v, bool sf, unsigned shift, uint64_t low)
{
    ir_val n = imm(d, sf, shift), mask = imm(d, sf, low);
    ir_val down = ir_and(d->ir, ir_shr(d->ir, v, n), mask);
    return ir_or(d->ir, down, ir_shl(d->ir, ir_and(d->ir, v, mask), n));
}

bool trans_rbit(struct dis *d, const struct args_rr *a)
{
    ir_val v = ir_bswap(d->ir, gpr(d, a->rn, a->sf));
    v = swap_fields(d, v, a->sf, 4, UINT64_C(0x0f0f0f0f0f0f0f0f));
    v = swap_fields(d, v, a->sf, 2, UINT64_C(0x3333333333333333));
    v = swap_fields(d, v, a->sf, 1, UINT64_C(0x5555555555555555));
    set_gpr(d, a->rd, v);
    return true;
}

bool trans_rev16(struct dis *d, const struct args_rr *a)
{
    ir_val v = gpr(d, a->rn, a->sf);
    set_gpr(d, a->rd, swap_fields(d, v, a->sf, 8, UINT64_C(0x00ff00ff00ff00ff)));
    return true;
}

bool trans_rev32(struct dis *d, const struct args_rr *a)
{
    set_gpr(d, a->rd, ir_rotr(d->ir, ir_bswap(d->ir, gpr64(d, a->rn)), imm64(d, 32)));
    return true;
}

bool trans_abs(struct dis *d, const struct args_rr *a)
{
    ir_val v = gpr(d, a->rn, a->sf), zero = imm(d, a->sf, 0);
    set_gpr(d, a->rd, ir_select(d->ir, v, zero, ir_neg(d->ir, v), v, IR_LT));
    return true;
}

/* --- minimum and maximum --- */

static bool pick(struct dis *d, int rd, ir_val x, ir_val y, enum ir_cc cc)
{
    set_gpr(d, rd, ir_select(d->ir, x, y, x, y, cc));
    return true;
}

bool trans_smax_imm(struct dis *d, const struct args_minmax_i *a)
{
    return pick(d, a->rd, gpr(d, a->rn, a->sf), imm(d, a->sf, a->imm), IR_GT);
}

bool trans_umax_imm(struct dis *d, const struct args_minmax_i *a)
{
    return pick(d, a->rd, gpr(d, a->rn, a->sf), imm(d, a->sf, a->imm), IR_GTU);
}

bool trans_smin_imm(struct dis *d, const struct args_minmax_i *a)
{
    return pick(d, a->rd, gpr(d, a->rn, a->sf), imm(d, a->sf, a->imm), IR_LT);
}

bool trans_umin_imm(struct dis *d, const struct args_minmax_i *a)
{
    return pick(d, a->rd, gpr(d, a->rn, a->sf), imm(d, a->sf, a->imm), IR_LTU);
}

bool trans_smax_reg(struct dis *d, const struct args_rrr *a)
{
    return pick(d, a->rd, gpr(d, a->rn, a->sf), gpr(d, a->rm, a->sf), IR_GT);
}

bool trans_umax_reg(struct dis *d, const struct args_rrr *a)
{
    return pick(d, a->rd, gpr(d, a->rn, a->sf), gpr(d, a->rm, a->sf), IR_GTU);
}

bool trans_smin_reg(struct dis *d, const struct args_rrr *a)
{
    return pick(d, a->rd, gpr(d, a->rn, a->sf), gpr(d, a->rm, a->sf), IR_LT);
}

bool trans_umin_reg(struct dis *d, const struct args_rrr *a)
{
    return pick(d, a->rd, gpr(d, a->rn, a->sf), gpr(d, a->rm, a->sf), IR_LTU);
}

/* --- CRC32 --- */

typedef ir_val build_crc(struct ir *ir, ir_val acc, ir_val data, ir_val bytes);

static bool checksum(struct dis *d, const struct args_crc *a, build_crc *op, unsigned bytes)
{
    set_gpr(d, a->rd, op(d->ir, gpr32(d, a->rn), gpr64(d, a->rm), imm32(d, bytes)));
    return true;
}

bool trans_crc32b(struct dis *d, const struct args_crc *a)
{
    return checksum(d, a, call_crc32, 1);
}

bool trans_crc32h(struct dis *d, const struct args_crc *a)
{
    return checksum(d, a, call_crc32, 2);
}

bool trans_crc32w(struct dis *d, const struct args_crc *a)
{
    return checksum(d, a, call_crc32, 4);
}

bool trans_crc32x(struct dis *d, const struct args_crc *a)
{
    return checksum(d, a, call_crc32, 8);
}

bool trans_crc32cb(struct dis *d, const struct args_crc *a)
{
    return checksum(d, a, call_crc32c, 1);
}

bool trans_crc32ch(struct dis *d, const struct args_crc *a)
{
    return checksum(d, a, call_crc32c, 2);
}

bool trans_crc32cw(struct dis *d, const struct args_crc *a)
{
    return checksum(d, a, call_crc32c, 4);
}

bool trans_crc32cx(struct dis *d, const struct args_crc *a)
{
    return checksum(d, a, call_crc32c, 8);
}
