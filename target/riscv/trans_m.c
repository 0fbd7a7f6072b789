/* M: multiplication and division.  Ref: The RISC-V Instruction Set Manual, Volume I, 2024,
 * chapter 13. */
#include "target/riscv/trans.h"

typedef ir_val build2(struct ir *ir, ir_val a, ir_val b);

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

bool trans_mul(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_mul);
}

bool trans_mulh(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_mulhs);
}

bool trans_mulhu(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_mulhu);
}

/* A negative first operand counts 2^width too much in the unsigned product. */
bool trans_mulhsu(struct dis *d, const struct args_r *a)
{
    ir_val x = gpr(d, a->rs1), y = gpr(d, a->rs2);
    ir_val sign = ir_sar(d->ir, x, imm(d, d->xlen - 1));
    ir_val high = ir_mulhu(d->ir, x, y);
    set_gpr(d, a->rd, ir_sub(d->ir, high, ir_and(d->ir, sign, y)));
    return true;
}

/* Division by zero and overflow have the results that the IR's operations have. */
bool trans_div(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_divs);
}

bool trans_divu(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_divu);
}

bool trans_rem(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_rems);
}

bool trans_remu(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_remu);
}

bool trans_mulw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_mul);
}

bool trans_divw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_divs);
}

bool trans_divuw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_divu);
}

bool trans_remw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_rems);
}

bool trans_remuw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_remu);
}
