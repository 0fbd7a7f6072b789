/* Zicbom and Zicboz: cache blocks.  Ref: The RISC-V Instruction Set Manual, Volume I, 2024,
 * chapter 19. */
#include "target/riscv/csr.h"
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

/* Go on in a block where *envcfg.CBZE allows it; elsewhere the helper raises. */
static void check_zero_enabled(struct dis *d, const struct args_rs1 *a)
{
    struct ir *ir = d->ir;
    unsigned on = ir_block_new(ir), off = ir_block_new(ir);
    ir_val en = ir_env_ld(ir, I64, MO_64, offsetof(struct rv_cpu, s.menvcfg));
    if (d->priv == PRV_U && dis_has(d, EXT_S))
        en = ir_and(ir, en, ir_env_ld(ir, I64, MO_64, offsetof(struct rv_cpu, s.senvcfg)));
    en = ir_and(ir, en, ir_const(ir, I64, ENVCFG_CBZE));
    ir_brcond(ir, en, ir_const(ir, I64, 0), IR_NE, on, off);
    ir_block_begin(ir, off);
    cache_block(d, a, CBO_ZERO);
    ir_exit_lookup(ir);
    ir_block_begin(ir, on);
}

/* Kernels clear their pages with it: stores that share one check.  The block lies in one page, so
 * that only the first of them can fault. */
bool trans_cbo_zero(struct dis *d, const struct args_rs1 *a)
{
    enum { LARGEST_INLINE = 128 };
    if (d->cpu->cboz_size > LARGEST_INLINE || d->xlen != 64)
        return cache_block(d, a, CBO_ZERO);
    if (d->priv != PRV_M)
        check_zero_enabled(d, a);
    ir_val zero = ir_const(d->ir, I64, 0);
    ir_val block =
        ir_and(d->ir, gpr64(d, a->rs1), ir_const(d->ir, I64, -(uint64_t)d->cpu->cboz_size));
    for (unsigned i = 0; i < d->cpu->cboz_size; i += 8)
        ir_st(d->ir, ir_add(d->ir, block, ir_const(d->ir, I64, i)), zero, MO_64 | d->mem);
    return true;
}
