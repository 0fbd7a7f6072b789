/* Zba, Zbb, Zbc, Zbs: bit manipulation.  Ref: The RISC-V Instruction Set Manual, Volume I, 2024,
 * chapter 30. */
#include "target/riscv/trans.h"

typedef ir_val build1(struct ir *ir, ir_val a);
typedef ir_val build2(struct ir *ir, ir_val a, ir_val b);

static bool op_one(struct dis *d, const struct args_r1 *a, build1 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr(d, a->rs1)));
    return true;
}

static bool op_one_w(struct dis *d, const struct args_r1 *a, build1 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr32(d, a->rs1)));
    return true;
}

static bool op_reg(struct dis *d, const struct args_r *a, build2 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr(d, a->rs1), gpr(d, a->rs2)));
    return true;
}

static bool op_reg_w(struct dis *d, const struct args_r *a, build2 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr32(d, a->rs1), gpr32(d, a->rs2)));
    return true;
}

/* --- Zba --- */

static bool shift_add(struct dis *d, const struct args_r *a, unsigned shift)
{
    ir_val scaled = ir_shl(d->ir, gpr(d, a->rs1), imm(d, shift));
    set_gpr(d, a->rd, ir_add(d->ir, scaled, gpr(d, a->rs2)));
    return true;
}

static bool shift_add_uw(struct dis *d, const struct args_r *a, unsigned shift)
{
    ir_val index = ir_zext32(d->ir, gpr32(d, a->rs1));
    ir_val scaled = ir_shl(d->ir, index, imm(d, shift));
    set_gpr(d, a->rd, ir_add(d->ir, scaled, gpr(d, a->rs2)));
    return true;
}

bool trans_sh1add(struct dis *d, const struct args_r *a)
{
    return shift_add(d, a, 1);
}

bool trans_sh2add(struct dis *d, const struct args_r *a)
{
    return shift_add(d, a, 2);
}

bool trans_sh3add(struct dis *d, const struct args_r *a)
{
    return shift_add(d, a, 3);
}

bool trans_add_uw(struct dis *d, const struct args_r *a)
{
    return shift_add_uw(d, a, 0);
}

bool trans_sh1add_uw(struct dis *d, const struct args_r *a)
{
    return shift_add_uw(d, a, 1);
}

bool trans_sh2add_uw(struct dis *d, const struct args_r *a)
{
    return shift_add_uw(d, a, 2);
}

bool trans_sh3add_uw(struct dis *d, const struct args_r *a)
{
    return shift_add_uw(d, a, 3);
}

bool trans_slli_uw(struct dis *d, const struct args_sh6 *a)
{
    ir_val index = ir_zext32(d->ir, gpr32(d, a->rs1));
    set_gpr(d, a->rd, ir_shl(d->ir, index, imm(d, a->imm)));
    return true;
}

/* --- Zbb: logic --- */

bool trans_andn(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_andn);
}

bool trans_orn(struct dis *d, const struct args_r *a)
{
    set_gpr(d, a->rd, ir_or(d->ir, gpr(d, a->rs1), ir_not(d->ir, gpr(d, a->rs2))));
    return true;
}

bool trans_xnor(struct dis *d, const struct args_r *a)
{
    set_gpr(d, a->rd, ir_not(d->ir, ir_xor(d->ir, gpr(d, a->rs1), gpr(d, a->rs2))));
    return true;
}

/* rs1 if it compares so with rs2, else rs2. */
static bool pick(struct dis *d, const struct args_r *a, enum ir_cc cc)
{
    ir_val x = gpr(d, a->rs1), y = gpr(d, a->rs2);
    set_gpr(d, a->rd, ir_select(d->ir, x, y, x, y, cc));
    return true;
}

bool trans_max(struct dis *d, const struct args_r *a)
{
    return pick(d, a, IR_GT);
}

bool trans_maxu(struct dis *d, const struct args_r *a)
{
    return pick(d, a, IR_GTU);
}

bool trans_min(struct dis *d, const struct args_r *a)
{
    return pick(d, a, IR_LT);
}

bool trans_minu(struct dis *d, const struct args_r *a)
{
    return pick(d, a, IR_LTU);
}

/* --- Zbb: rotation --- */

bool trans_rol(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_rotl);
}

bool trans_ror(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_rotr);
}

bool trans_rolw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_rotl);
}

bool trans_rorw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_rotr);
}

bool trans_rori(struct dis *d, const struct args_sh6 *a)
{
    set_gpr(d, a->rd, ir_rotr(d->ir, gpr(d, a->rs1), imm(d, a->imm)));
    return true;
}

bool trans_roriw(struct dis *d, const struct args_sh6 *a)
{
    set_gpr(d, a->rd, ir_rotr(d->ir, gpr32(d, a->rs1), imm32(d, a->imm)));
    return true;
}

/* --- Zbb: counting, bytes --- */

bool trans_clz(struct dis *d, const struct args_r1 *a)
{
    return op_one(d, a, ir_clz);
}

bool trans_ctz(struct dis *d, const struct args_r1 *a)
{
    return op_one(d, a, ir_ctz);
}

bool trans_cpop(struct dis *d, const struct args_r1 *a)
{
    return op_one(d, a, ir_popcnt);
}

bool trans_clzw(struct dis *d, const struct args_r1 *a)
{
    return op_one_w(d, a, ir_clz);
}

bool trans_ctzw(struct dis *d, const struct args_r1 *a)
{
    return op_one_w(d, a, ir_ctz);
}

bool trans_cpopw(struct dis *d, const struct args_r1 *a)
{
    return op_one_w(d, a, ir_popcnt);
}

bool trans_sext_b(struct dis *d, const struct args_r1 *a)
{
    return op_one(d, a, ir_sext8);
}

bool trans_sext_h(struct dis *d, const struct args_r1 *a)
{
    return op_one(d, a, ir_sext16);
}

bool trans_zext_h(struct dis *d, const struct args_r1 *a)
{
    return op_one(d, a, ir_zext16);
}

bool trans_rev8(struct dis *d, const struct args_r1 *a)
{
    return op_one(d, a, ir_bswap);
}

/* Bit 7 of each byte becomes "the byte is not zero"; that bit, times 255, fills the byte. */
bool trans_orc_b(struct dis *d, const struct args_r1 *a)
{
    ir_val x = gpr(d, a->rs1), low = imm(d, 0x7f7f7f7f7f7f7f7f);
    ir_val carry = ir_add(d->ir, ir_and(d->ir, x, low), low);
    ir_val top = ir_andn(d->ir, ir_or(d->ir, carry, x), low);
    ir_val bit = ir_shr(d->ir, top, imm(d, 7));
    set_gpr(d, a->rd, ir_or(d->ir, ir_sub(d->ir, top, bit), top));
    return true;
}

/* --- Zbc: on RV32 the 64-bit product of the zero-extended operands has all that is asked for ---
 */

static ir_val product(struct dis *d, const struct args_r *a, bool high)
{
    ir_val x = gpr64(d, a->rs1), y = gpr64(d, a->rs2);
    if (d->xt == I64)
        return high ? call_clmulh(d->ir, x, y) : call_clmul(d->ir, x, y);
    x = ir_zext32(d->ir, gpr32(d, a->rs1));
    y = ir_zext32(d->ir, gpr32(d, a->rs2));
    ir_val p = call_clmul(d->ir, x, y);
    return high ? ir_shr(d->ir, p, ir_const(d->ir, I64, 32)) : p;
}

static ir_val narrow(struct dis *d, ir_val v)
{
    return d->xt == I32 ? ir_trunc(d->ir, v) : v;
}

bool trans_clmul(struct dis *d, const struct args_r *a)
{
    set_gpr(d, a->rd, narrow(d, product(d, a, false)));
    return true;
}

bool trans_clmulh(struct dis *d, const struct args_r *a)
{
    set_gpr(d, a->rd, narrow(d, product(d, a, true)));
    return true;
}

/* Bits 2*xlen-2 .. xlen-1 of the product. */
bool trans_clmulr(struct dis *d, const struct args_r *a)
{
    ir_val high = ir_shl(d->ir, narrow(d, product(d, a, true)), imm(d, 1));
    ir_val low = ir_shr(d->ir, narrow(d, product(d, a, false)), imm(d, d->xlen - 1));
    set_gpr(d, a->rd, ir_or(d->ir, high, low));
    return true;
}

/* --- Zbs --- */

static ir_val bit_at(struct dis *d, ir_val n)
{
    return ir_shl(d->ir, imm(d, 1), n);
}

static void bit_op(struct dis *d, int rd, int rs1, ir_val n, build2 *op)
{
    set_gpr(d, rd, op(d->ir, gpr(d, rs1), bit_at(d, n)));
}

static void bit_extract(struct dis *d, int rd, int rs1, ir_val n)
{
    set_gpr(d, rd, ir_and(d->ir, ir_shr(d->ir, gpr(d, rs1), n), imm(d, 1)));
}

bool trans_bclr(struct dis *d, const struct args_r *a)
{
    bit_op(d, a->rd, a->rs1, gpr(d, a->rs2), ir_andn);
    return true;
}

bool trans_binv(struct dis *d, const struct args_r *a)
{
    bit_op(d, a->rd, a->rs1, gpr(d, a->rs2), ir_xor);
    return true;
}

bool trans_bset(struct dis *d, const struct args_r *a)
{
    bit_op(d, a->rd, a->rs1, gpr(d, a->rs2), ir_or);
    return true;
}

bool trans_bext(struct dis *d, const struct args_r *a)
{
    bit_extract(d, a->rd, a->rs1, gpr(d, a->rs2));
    return true;
}

bool trans_bclri(struct dis *d, const struct args_sh6 *a)
{
    bit_op(d, a->rd, a->rs1, imm(d, a->imm), ir_andn);
    return true;
}

bool trans_binvi(struct dis *d, const struct args_sh6 *a)
{
    bit_op(d, a->rd, a->rs1, imm(d, a->imm), ir_xor);
    return true;
}

bool trans_bseti(struct dis *d, const struct args_sh6 *a)
{
    bit_op(d, a->rd, a->rs1, imm(d, a->imm), ir_or);
    return true;
}

bool trans_bexti(struct dis *d, const struct args_sh6 *a)
{
    bit_extract(d, a->rd, a->rs1, imm(d, a->imm));
    return true;
}
