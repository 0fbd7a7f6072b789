/* Zicbom and Zicboz: cache blocks.  Ref: The RISC-V Instruction Set Manual, Volume I, 2024,
 * chapter 19. */
#include "target/riscv/trans.h"

/* Whether the privilege may do it, and whether the block may be stored to, the helper asks. */
static bool cache_block(struct dis *d, const struct args_rs1 *a, enum rv_cbo op)
{
    set_pc(d, d->pc);
    call_cbo(d->ir, addr(d, a->rs1, 0), imm32(d, op), imm32(d, d->insn));
    return true;
}

bool trans_cbo_inval(struct dis *d, const struct args_rs1 *a)
{
    return cache_block(d, a, CBO_INVAL);
}

bool trans_cbo_clean(struct dis *d, const struct args_rs1 *a)
{
    return cache_block(d, a, CBO_CLEAN);
}

bool trans_cbo_flush(struct dis *d, const struct args_rs1 *a)
{
    return cache_block(d, a, CBO_FLUSH);
}

bool trans_cbo_zero(struct dis *d, const struct args_rs1 *a)
{
    return cache_block(d, a, CBO_ZERO);
}
