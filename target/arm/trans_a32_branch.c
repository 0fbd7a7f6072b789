/* A32 and T32: branches, calls, IT.  Ref: DDI 0487, F5.1. */
#include "target/arm/trans_a32.h"

enum { PAGE_BITS = 12 };

static uint32_t target_of(const struct dis *d, int32_t offset)
{
    return (uint32_t)d->pc + (a32_is_thumb(d) ? 4 : 8) + (uint32_t)offset;
}

/* Go on with the instructions at target: forwards only, so that every guest loop has an exit where
 * requests are polled. */
static bool can_follow(const struct dis *d, uint32_t target)
{
    return target > d->pc && (target ^ (uint32_t)d->start) >> PAGE_BITS == 0 &&
           ((const struct dis_a32 *)d)->run_cond == A32_NO_RUN &&
           !((const struct dis_a32 *)d)->began_in_it;
}

static void jump(struct dis *d, uint32_t target)
{
    if (can_follow(d, target))
        d->next = target;
    else
        a32_jump(d, target);
}

static void jump_if(struct dis *d, unsigned cond, uint32_t target)
{
    struct flag_test t = flag_test(d, cond);
    ir_exit_if(d->ir, t.a, t.b, t.cc, target);
}

/* A32's tests its condition itself; T32's in an IT block is in a run. */
bool trans_b(struct dis *d, const struct args_b *a)
{
    unsigned cond = dis_a32(d)->cond;
    if (!a32_may_branch(d))
        return false; /* UNPREDICTABLE, like all branches inside an IT block */
    if (a32_is_thumb(d) || cond == A32_COND_AL)
        jump(d, target_of(d, a->imm));
    else
        jump_if(d, cond, target_of(d, a->imm));
    return true;
}

bool trans_b_cond(struct dis *d, const struct args_bcond *a)
{
    if (d->it)
        return false;
    jump_if(d, a->cond, target_of(d, a->imm));
    return true;
}

bool trans_cbz(struct dis *d, const struct args_cbz *a)
{
    if (d->it)
        return false;
    ir_exit_if(d->ir, a32_reg(d, a->rn), imm32(d, 0), a->nz ? IR_NE : IR_EQ, target_of(d, a->imm));
    return true;
}

/* The offset of T32's far branches: I1 and I2 are J1 and J2 exclusive-or NOT S. */
static int32_t far_offset(const struct args_bl *a)
{
    uint32_t i1 = !(a->j1 ^ a->s), i2 = !(a->j2 ^ a->s);
    uint32_t v = (uint32_t)a->s << 31 | i1 << 30 | i2 << 29 | (uint32_t)a->imm << 8;
    return ((int32_t)v >> 8) * 2;
}

bool trans_b_t32(struct dis *d, const struct args_bl *a)
{
    if (!a32_may_branch(d))
        return false;
    jump(d, target_of(d, far_offset(a)));
    return true;
}

static void set_link(struct dis *d)
{
    uint32_t ret = (uint32_t)(d->pc + d->len) | a32_is_thumb(d);
    a32_set_reg(d, 14, ir_trunc(d->ir, pc64(d, ret)));
}

bool trans_bl(struct dis *d, const struct args_b *a)
{
    set_link(d);
    a32_call(d, target_of(d, a->imm));
    return true;
}

bool trans_bl_t32(struct dis *d, const struct args_bl *a)
{
    if (!a32_may_branch(d))
        return false;
    set_link(d);
    a32_call(d, target_of(d, far_offset(a)));
    return true;
}

bool trans_blx_imm(struct dis *d, const struct args_b *a)
{
    set_link(d);
    a32_call_exchange(d, target_of(d, a->imm));
    return true;
}

bool trans_blx_t32(struct dis *d, const struct args_bl *a)
{
    if (!a32_may_branch(d))
        return false;
    set_link(d);
    a32_call_exchange(d, (target_of(d, 0) & ~3u) + (uint32_t)far_offset(a));
    return true;
}

bool trans_bx(struct dis *d, const struct args_rm *a)
{
    if (!a32_may_branch(d))
        return false;
    a32_bx(d, a32_reg(d, a->rm), a->rm == 14 ? IR_HINT_RET : IR_HINT_NONE);
    return true;
}

bool trans_blx_reg(struct dis *d, const struct args_rm *a)
{
    if (a->rm == 15 || !a32_may_branch(d))
        return false;
    ir_val target = a32_reg(d, a->rm);
    set_link(d);
    a32_bx(d, target, IR_HINT_CALL);
    return true;
}

/* TBB, TBH. */
bool trans_tb(struct dis *d, const struct args_tb *a)
{
    if (a->rm == 15 || !a32_may_branch(d))
        return false;
    ir_val index = a32_reg(d, a->rm);
    if (a->half)
        index = ir_shl(d->ir, index, imm32(d, 1));
    ir_val addr = a32_addr(d, ir_add(d->ir, a32_reg(d, a->rn), index));
    ir_val off = ir_ld(d->ir, I32, addr, d->mem | (a->half ? MO_16 : MO_8));
    off = ir_shl(d->ir, off, imm32(d, 1));
    a32_branch(d, ir_add(d->ir, a32_reg(d, 15), off), IR_HINT_NONE);
    return true;
}

/* The condition of the first instruction is that of the second after an advance: kept together. */
bool trans_it(struct dis *d, const struct args_it *a)
{
    if (d->it || a->cond == 15)
        return false;
    d->it = (unsigned)a->cond << 4 | (unsigned)a->mask;
    return true;
}
