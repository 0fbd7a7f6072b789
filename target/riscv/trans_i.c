/* RV32I, RV64I, Zicond, Zimop.  Ref: The RISC-V Instruction Set Manual, Volume I, 2024, chapters 2,
 * 4, 12 and 13. */
#include "target/riscv/trans.h"

#include "util/bits.h"

typedef ir_val build2(struct ir *ir, ir_val a, ir_val b);

enum { PAGE_BITS = 12 };

/* --- constants and arithmetic --- */

bool trans_lui(struct dis *d, const struct args_u *a)
{
    set_gpr(d, a->rd, ir_const(d->ir, I64, a->imm));
    return true;
}

bool trans_auipc(struct dis *d, const struct args_u *a)
{
    set_gpr(d, a->rd, pc_gpr(d, d->pc + a->imm));
    return true;
}

static bool op_imm(struct dis *d, const struct args_i *a, build2 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr(d, a->rs1), imm(d, a->imm)));
    return true;
}

static bool op_reg(struct dis *d, const struct args_r *a, build2 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr(d, a->rs1), gpr(d, a->rs2)));
    return true;
}

static bool op_shift(struct dis *d, const struct args_sh6 *a, build2 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr(d, a->rs1), imm(d, a->imm)));
    return true;
}

/* The *W instructions: on the low halves, result sign-extended. */
static bool op_reg_w(struct dis *d, const struct args_r *a, build2 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr32(d, a->rs1), gpr32(d, a->rs2)));
    return true;
}

static bool op_shift_w(struct dis *d, const struct args_sh6 *a, build2 *op)
{
    set_gpr(d, a->rd, op(d->ir, gpr32(d, a->rs1), imm32(d, a->imm)));
    return true;
}

bool trans_addi(struct dis *d, const struct args_i *a)
{
    return op_imm(d, a, ir_add);
}

bool trans_xori(struct dis *d, const struct args_i *a)
{
    return op_imm(d, a, ir_xor);
}

bool trans_ori(struct dis *d, const struct args_i *a)
{
    return op_imm(d, a, ir_or);
}

bool trans_andi(struct dis *d, const struct args_i *a)
{
    return op_imm(d, a, ir_and);
}

bool trans_slti(struct dis *d, const struct args_i *a)
{
    set_gpr(d, a->rd, ir_setcond(d->ir, gpr(d, a->rs1), imm(d, a->imm), IR_LT));
    return true;
}

bool trans_sltiu(struct dis *d, const struct args_i *a)
{
    set_gpr(d, a->rd, ir_setcond(d->ir, gpr(d, a->rs1), imm(d, a->imm), IR_LTU));
    return true;
}

bool trans_slli(struct dis *d, const struct args_sh6 *a)
{
    return op_shift(d, a, ir_shl);
}

bool trans_srli(struct dis *d, const struct args_sh6 *a)
{
    return op_shift(d, a, ir_shr);
}

bool trans_srai(struct dis *d, const struct args_sh6 *a)
{
    return op_shift(d, a, ir_sar);
}

bool trans_add(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_add);
}

bool trans_sub(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_sub);
}

/* Counts are taken modulo the width by the IR as by the ISA. */
bool trans_sll(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_shl);
}

bool trans_srl(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_shr);
}

bool trans_sra(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_sar);
}

bool trans_slt(struct dis *d, const struct args_r *a)
{
    set_gpr(d, a->rd, ir_setcond(d->ir, gpr(d, a->rs1), gpr(d, a->rs2), IR_LT));
    return true;
}

bool trans_sltu(struct dis *d, const struct args_r *a)
{
    set_gpr(d, a->rd, ir_setcond(d->ir, gpr(d, a->rs1), gpr(d, a->rs2), IR_LTU));
    return true;
}

bool trans_xor(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_xor);
}

bool trans_or(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_or);
}

bool trans_and(struct dis *d, const struct args_r *a)
{
    return op_reg(d, a, ir_and);
}

bool trans_addiw(struct dis *d, const struct args_i *a)
{
    set_gpr(d, a->rd, ir_add(d->ir, gpr32(d, a->rs1), imm32(d, a->imm)));
    return true;
}

bool trans_slliw(struct dis *d, const struct args_sh6 *a)
{
    return op_shift_w(d, a, ir_shl);
}

bool trans_srliw(struct dis *d, const struct args_sh6 *a)
{
    return op_shift_w(d, a, ir_shr);
}

bool trans_sraiw(struct dis *d, const struct args_sh6 *a)
{
    return op_shift_w(d, a, ir_sar);
}

bool trans_addw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_add);
}

bool trans_subw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_sub);
}

bool trans_sllw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_shl);
}

bool trans_srlw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_shr);
}

bool trans_sraw(struct dis *d, const struct args_r *a)
{
    return op_reg_w(d, a, ir_sar);
}

/* --- Zicond --- */

static bool conditional_zero(struct dis *d, const struct args_r *a, enum ir_cc cc)
{
    ir_val zero = imm(d, 0);
    set_gpr(d, a->rd, ir_select(d->ir, gpr(d, a->rs2), zero, zero, gpr(d, a->rs1), cc));
    return true;
}

bool trans_czero_eqz(struct dis *d, const struct args_r *a)
{
    return conditional_zero(d, a, IR_EQ);
}

bool trans_czero_nez(struct dis *d, const struct args_r *a)
{
    return conditional_zero(d, a, IR_NE);
}

/* --- Zimop, Zcmop: until an extension gives them a meaning they write zero, or nothing --- */

bool trans_mop_r(struct dis *d, const struct args_rd *a)
{
    set_gpr(d, a->rd, imm(d, 0));
    return true;
}

bool trans_mop_rr(struct dis *d, const struct args_rd *a)
{
    set_gpr(d, a->rd, imm(d, 0));
    return true;
}

bool trans_c_mop(struct dis *d UNUSED, const struct args_none *a UNUSED)
{
    return true;
}

/* --- jumps --- */

/* x1 and x5 hold return addresses by convention.  Ref: Volume I, 2.5.1, table "Return-address stack
 * prediction hints". */
static bool is_link(int reg)
{
    return reg == 1 || reg == 5;
}

static uint64_t target_pc(const struct dis *d, int64_t offset)
{
    uint64_t pc = d->pc + offset;
    return d->xlen == 32 ? (uint32_t)pc : pc;
}

/* Go on with the instructions at target: forwards only, so that every guest loop has an exit where
 * requests are polled. */
static bool can_follow(const struct dis *d, uint64_t target)
{
    return target > d->pc && (target ^ d->start) >> PAGE_BITS == 0;
}

static void jump(struct dis *d, uint64_t target)
{
    if (target & pc_align_mask(d)) {
        raise_misaligned(d, pc64(d, target));
        d->ended = true;
    } else if (can_follow(d, target)) {
        d->next = target;
    } else {
        end_jump(d, target);
    }
}

bool trans_jal(struct dis *d, const struct args_j *a)
{
    uint64_t target = target_pc(d, a->imm);
    if (!a->rd || (target & pc_align_mask(d))) {
        jump(d, target);
        return true;
    }
    uint64_t ret = d->next;
    set_gpr(d, a->rd, pc_gpr(d, ret));
    ir_exit_jump(d->ir, target, ret, is_link(a->rd) ? IR_HINT_CALL : IR_HINT_NONE);
    d->ended = true;
    return true;
}

static unsigned jalr_hint(int rd, int rs1)
{
    if (!is_link(rd))
        return is_link(rs1) ? IR_HINT_RET : IR_HINT_NONE;
    return is_link(rs1) && rs1 != rd ? IR_HINT_CALL | IR_HINT_RET : IR_HINT_CALL;
}

static ir_val jalr_target(struct dis *d, const struct args_i *a)
{
    return ir_and(d->ir, addr(d, a->rs1, a->imm), ir_const(d->ir, I64, ~UINT64_C(1)));
}

/* Without C a target whose bit 1 is set raises before rd is written. */
static void check_jalr_target(struct dis *d, const struct args_i *a)
{
    unsigned bad = ir_block_new(d->ir), good = ir_block_new(d->ir);
    ir_val bit = ir_and(d->ir, jalr_target(d, a), ir_const(d->ir, I64, 2));
    ir_brcond(d->ir, bit, ir_const(d->ir, I64, 0), IR_NE, bad, good);
    ir_block_begin(d->ir, bad);
    raise_misaligned(d, jalr_target(d, a));
    ir_block_begin(d->ir, good);
}

bool trans_jalr(struct dis *d, const struct args_i *a)
{
    if (pc_align_mask(d) & 2)
        check_jalr_target(d, a);
    ir_val target = jalr_target(d, a);
    set_gpr(d, a->rd, pc_gpr(d, d->next));
    ir_exit_ind(d->ir, target, d->next, jalr_hint(a->rd, a->rs1));
    d->ended = true;
    return true;
}

/* --- branches --- */

static void branch_misaligned(struct dis *d, const struct args_b *a, enum ir_cc cc, uint64_t target)
{
    unsigned taken = ir_block_new(d->ir), next = ir_block_new(d->ir);
    ir_brcond(d->ir, gpr(d, a->rs1), gpr(d, a->rs2), cc, taken, next);
    ir_block_begin(d->ir, taken);
    raise_misaligned(d, pc64(d, target));
    ir_block_begin(d->ir, next);
}

static bool branch(struct dis *d, const struct args_b *a, enum ir_cc cc)
{
    uint64_t target = target_pc(d, a->imm);
    if (a->rs1 == a->rs2) {
        if (cc == IR_EQ || cc == IR_GE || cc == IR_GEU)
            jump(d, target);
    } else if (target & pc_align_mask(d)) {
        branch_misaligned(d, a, cc, target);
    } else {
        ir_exit_if(d->ir, gpr(d, a->rs1), gpr(d, a->rs2), cc, target);
    }
    return true;
}

bool trans_beq(struct dis *d, const struct args_b *a)
{
    return branch(d, a, IR_EQ);
}

bool trans_bne(struct dis *d, const struct args_b *a)
{
    return branch(d, a, IR_NE);
}

bool trans_blt(struct dis *d, const struct args_b *a)
{
    return branch(d, a, IR_LT);
}

bool trans_bge(struct dis *d, const struct args_b *a)
{
    return branch(d, a, IR_GE);
}

bool trans_bltu(struct dis *d, const struct args_b *a)
{
    return branch(d, a, IR_LTU);
}

bool trans_bgeu(struct dis *d, const struct args_b *a)
{
    return branch(d, a, IR_GEU);
}

/* --- loads and stores: misaligned ones are done in hardware --- */

static bool load(struct dis *d, const struct args_i *a, uint32_t memop)
{
    set_gpr(d, a->rd, ir_ld(d->ir, I64, addr(d, a->rs1, a->imm), memop | d->mem));
    return true;
}

bool trans_lb(struct dis *d, const struct args_i *a)
{
    return load(d, a, MO_8 | MO_SIGN);
}

bool trans_lh(struct dis *d, const struct args_i *a)
{
    return load(d, a, MO_16 | MO_SIGN);
}

bool trans_lw(struct dis *d, const struct args_i *a)
{
    return load(d, a, MO_32 | MO_SIGN);
}

bool trans_ld(struct dis *d, const struct args_i *a)
{
    return load(d, a, MO_64);
}

bool trans_lbu(struct dis *d, const struct args_i *a)
{
    return load(d, a, MO_8);
}

bool trans_lhu(struct dis *d, const struct args_i *a)
{
    return load(d, a, MO_16);
}

bool trans_lwu(struct dis *d, const struct args_i *a)
{
    return load(d, a, MO_32);
}

static bool store(struct dis *d, const struct args_s *a, uint32_t memop)
{
    ir_st(d->ir, addr(d, a->rs1, a->imm), gpr64(d, a->rs2), memop | d->mem);
    return true;
}

bool trans_sb(struct dis *d, const struct args_s *a)
{
    return store(d, a, MO_8);
}

bool trans_sh(struct dis *d, const struct args_s *a)
{
    return store(d, a, MO_16);
}

bool trans_sw(struct dis *d, const struct args_s *a)
{
    return store(d, a, MO_32);
}

bool trans_sd(struct dis *d, const struct args_s *a)
{
    return store(d, a, MO_64);
}

/* --- fences --- */

/* Which of four orderings a fence asks for: sets are device input and output, memory reads and
 * writes (bits 3..0). */
static uint32_t fence_kinds(unsigned pred, unsigned succ)
{
    bool pr = pred & 10, pw = pred & 5, sr = succ & 10, sw = succ & 5;
    return (pr && sr ? IR_FENCE_RR : 0) | (pr && sw ? IR_FENCE_RW : 0) |
           (pw && sr ? IR_FENCE_WR : 0) | (pw && sw ? IR_FENCE_WW : 0);
}

/* A hart that spins on another, whose thread may be waiting for this host core.  Ref: Volume I,
 * chapter 10 (Zihintpause). */
static bool is_pause(const struct dis *d)
{
    return d->insn == 0x0100000f && dis_has(d, EXT_ZIHINTPAUSE);
}

/* Reserved fm are to be taken as 0.  Ref: Volume I, 2.7. */
bool trans_fence(struct dis *d, const struct args_fence *a)
{
    enum { FM_TSO = 8, RW = 3 };
    uint32_t kinds = fence_kinds(a->pred, a->succ);
    if (a->fm == FM_TSO && a->pred == RW && a->succ == RW)
        kinds &= ~IR_FENCE_WR;
    if (kinds)
        ir_fence(d->ir, kinds);
    if (is_pause(d))
        end_main(d, MAIN_YIELD);
    return true;
}
