/* A64: branches.  Ref: DDI 0487, C6.2. */
#include "target/arm/a64.h"

#include "util/bits.h"

enum { PAGE_BITS = 12 };

/* --- direct --- */

/* Go on with the instructions at target: forwards only, so that every guest loop has an exit where
 * requests are polled. */
static bool can_follow(const struct dis *d, uint64_t target)
{
    return target > d->pc && (target ^ d->start) >> PAGE_BITS == 0;
}

static bool jump(struct dis *d, uint64_t target)
{
    if (can_follow(d, target))
        d->next = target;
    else
        end_jump(d, target);
    return true;
}

static uint64_t target_of(const struct dis *d, int32_t words)
{
    return d->pc + (int64_t)words * 4;
}

bool trans_b(struct dis *d, const struct args_imm26 *a)
{
    return jump(d, target_of(d, a->imm));
}

bool trans_bl(struct dis *d, const struct args_imm26 *a)
{
    set_gpr(d, 30, pc64(d, d->next));
    ir_exit_jump(d->ir, target_of(d, a->imm), d->next, IR_HINT_CALL);
    d->ended = true;
    return true;
}

bool trans_b_cond(struct dis *d, const struct args_cond *a)
{
    struct flag_test t = flag_test(d, a->cond);
    if (t.is_always)
        return jump(d, target_of(d, a->imm));
    ir_exit_if(d->ir, t.a, t.b, t.cc, target_of(d, a->imm));
    return true;
}

static bool branch_on_zero(struct dis *d, const struct args_cb *a, enum ir_cc cc)
{
    ir_val zero = ir_const(d->ir, type_of_sf(a->sf), 0);
    ir_exit_if(d->ir, gpr(d, a->rt, a->sf), zero, cc, target_of(d, a->imm));
    return true;
}

bool trans_cbz(struct dis *d, const struct args_cb *a)
{
    return branch_on_zero(d, a, IR_EQ);
}

bool trans_cbnz(struct dis *d, const struct args_cb *a)
{
    return branch_on_zero(d, a, IR_NE);
}

static bool branch_on_bit(struct dis *d, const struct args_tb *a, enum ir_cc cc)
{
    bool high = a->bit >= 32;
    ir_val mask = ir_const(d->ir, type_of_sf(high), BIT64(a->bit));
    ir_val bit = ir_and(d->ir, gpr(d, a->rt, high), mask);
    ir_exit_if(d->ir, bit, ir_const(d->ir, type_of_sf(high), 0), cc, target_of(d, a->imm));
    return true;
}

bool trans_tbz(struct dis *d, const struct args_tb *a)
{
    return branch_on_bit(d, a, IR_EQ);
}

bool trans_tbnz(struct dis *d, const struct args_tb *a)
{
    return branch_on_bit(d, a, IR_NE);
}

/* --- to a register --- */

/* Bit 55 says which half of the address space, and so what the top byte becomes.
 * Ref: DDI 0487, AArch64.BranchAddr. */
ir_val branch_target(struct dis *d, ir_val addr)
{
    enum { WITHOUT_TAG = 0 | 56 << 8 };
    bool lower = d->mode & ARM_MODE_TBI, upper = d->mode & ARM_MODE_TBI1;
    if (!lower && !upper)
        return addr;
    ir_val plain = ir_sextract(d->ir, addr, WITHOUT_TAG);
    if (lower && upper)
        return plain;
    if (upper)
        return ir_or(d->ir, addr, ir_and(d->ir, plain, imm64(d, MASK64(56, 8))));
    return ir_and(d->ir, addr, ir_or(d->ir, plain, imm64(d, MASK64(0, 56))));
}

/* --- branch target identification --- */

unsigned a64_landings(uint32_t insn, bool bt)
{
    enum { NONE = 1 << 0, C = 1 << 1 | 1 << 2, J = 1 << 1 | 1 << 3 | 1 << ARM_BTYPE_BR };
    switch (insn) {
    case 0xd503245f: return NONE | C;     /* BTI c */
    case 0xd503249f: return NONE | J;     /* BTI j */
    case 0xd50324df: return NONE | C | J; /* BTI jc */
    case 0xd503233f:                      /* PACIASP */
    case 0xd503237f: return bt ? NONE | C : NONE | C | J;
    }
    bool debugs = (insn & 0xffe0001f) == 0xd4200000 || (insn & 0xffe0001f) == 0xd4400000;
    return debugs ? NONE | C | J : NONE; /* BRK, HLT */
}

static int32_t btype_offset(void)
{
    return (int32_t)offsetof(struct arm_cpu, s.ps.btype);
}

void a64_check_landing(struct dis *d)
{
    unsigned fit = a64_landings(d->insn, d->mode & ARM_MODE_BT);
    ir_val btype = ir_env_ld(d->ir, I32, MO_8, btype_offset());
    if (fit == 1) {
        check_landing_if(d, btype, imm32(d, 0), IR_NE, d->insn);
        return;
    }
    ir_val fits = ir_and(d->ir, ir_shr(d->ir, imm32(d, fit), btype), imm32(d, 1));
    check_landing_if(d, fits, imm32(d, 0), IR_EQ, d->insn);
    ir_env_st(d->ir, imm32(d, 0), MO_8, btype_offset());
}

/* PSTATE.BTYPE at the target; 0 is what it is without a word. */
static void set_btype(struct dis *d, ir_val target, unsigned btype)
{
    if (!btype || !dis_has(d, ARM_F_BTI))
        return;
    ir_env_st(d->ir, imm32(d, btype), MO_8, btype_offset());
    ir_env_st(d->ir, target, MO_64, (int32_t)offsetof(struct arm_cpu, btype_pc));
    if (btype == ARM_BTYPE_BR)
        ir_env_st(d->ir, pc64(d, d->pc), MO_64, (int32_t)offsetof(struct arm_cpu, btype_from));
}

static unsigned btype_of_br(int rn)
{
    return rn == 16 || rn == 17 ? 1 : ARM_BTYPE_BR;
}

static bool jump_to(struct dis *d, ir_val target, unsigned hint, unsigned btype)
{
    target = branch_target(d, target);
    set_btype(d, target, btype);
    if (hint == IR_HINT_CALL)
        set_gpr(d, 30, pc64(d, d->next));
    ir_exit_ind(d->ir, target, d->next, hint);
    d->ended = true;
    return true;
}

enum { BTYPE_RET = 0, BTYPE_BLR = 2 };

bool trans_br(struct dis *d, const struct args_rn *a)
{
    return jump_to(d, gpr64(d, a->rn), IR_HINT_NONE, btype_of_br(a->rn));
}

bool trans_blr(struct dis *d, const struct args_rn *a)
{
    return jump_to(d, gpr64(d, a->rn), IR_HINT_CALL, BTYPE_BLR);
}

bool trans_ret(struct dis *d, const struct args_rn *a)
{
    return jump_to(d, gpr64(d, a->rn), IR_HINT_RET, BTYPE_RET);
}

/* --- with authentication --- */

/* rm -1: the modifier is zero; 31: the stack pointer. */
static ir_val authenticated(struct dis *d, const struct args_br_pac *a)
{
    ir_val modifier = a->rm < 0 ? imm64(d, 0) : gpr_sp(d, a->rm, true);
    return a64_auth_combined(d, gpr64(d, a->rn), modifier, a->b ? PAUTH_IB : PAUTH_IA);
}

bool trans_br_pac(struct dis *d, const struct args_br_pac *a)
{
    return jump_to(d, authenticated(d, a), IR_HINT_NONE, btype_of_br(a->rn));
}

bool trans_blr_pac(struct dis *d, const struct args_br_pac *a)
{
    return jump_to(d, authenticated(d, a), IR_HINT_CALL, BTYPE_BLR);
}

bool trans_ret_pac(struct dis *d, const struct args_ret_pac *a)
{
    ir_val link = gpr64(d, 30), sp = gpr_sp(d, 31, true);
    return jump_to(d, a64_auth_combined(d, link, sp, a->b ? PAUTH_IB : PAUTH_IA), IR_HINT_RET,
                   BTYPE_RET);
}
