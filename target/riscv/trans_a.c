/* A and Zacas: reservations, atomic memory operations.  Ref: The RISC-V Instruction Set Manual,
 * Volume I, 2024, chapters 14, 16. */
#include "target/riscv/trans.h"

#include "accel/tcg/guest.h"

typedef ir_val build_amo(struct ir *ir, ir_val addr, ir_val v, uint32_t memop);

static uint32_t memop_of(const struct dis *d, uint32_t size, int aq, int rl)
{
    return size | MO_ALIGN | (aq ? MO_ACQ : 0) | (rl ? MO_REL : 0) | d->mem;
}

static ir_val operand(struct dis *d, int reg, uint32_t size)
{
    return size == MO_32 ? gpr32(d, reg) : gpr64(d, reg);
}

/* --- LR and SC: the reservation is an address and the value seen there --- */

static bool load_reserved(struct dis *d, const struct args_lr *a, uint32_t size)
{
    ir_val where = addr(d, a->rs1, 0);
    ir_val v = ir_ld(d->ir, I64, where, memop_of(d, size, a->aq, a->rl) | MO_SIGN);
    ir_set(d->ir, RV_SLOT_RES_ADDR, where);
    ir_set(d->ir, RV_SLOT_RES_VAL, v);
    set_gpr(d, a->rd, v);
    return true;
}

static void finish_sc(struct dis *d, int rd, ir_val failed, unsigned join)
{
    ir_set(d->ir, RV_SLOT_RES_ADDR, ir_const(d->ir, I64, ~UINT64_C(0)));
    set_gpr(d, rd, failed);
    ir_br(d->ir, join);
}

/* Values do not outlive a block, so each branch reads the registers again. */
static bool store_conditional(struct dis *d, const struct args_atomic *a, uint32_t size)
{
    uint32_t memop = memop_of(d, size, a->aq, a->rl);
    unsigned try = ir_block_new(d->ir), miss = ir_block_new(d->ir), join = ir_block_new(d->ir);
    ir_brcond(d->ir, ir_get(d->ir, RV_SLOT_RES_ADDR), addr(d, a->rs1, 0), IR_EQ, try, miss);

    ir_block_begin(d->ir, try);
    ir_val seen = ir_get(d->ir, RV_SLOT_RES_VAL);
    if (size == MO_32)
        seen = ir_trunc(d->ir, seen);
    ir_val old = ir_cas(d->ir, addr(d, a->rs1, 0), seen, operand(d, a->rs2, size), memop);
    finish_sc(d, a->rd, ir_setcond(d->ir, old, seen, IR_NE), join);

    /* An address that no store could use raises even if the reservation is gone. */
    ir_block_begin(d->ir, miss);
    set_pc(d, d->pc);
    call_sc_check(d->ir, addr(d, a->rs1, 0), imm32(d, memop));
    finish_sc(d, a->rd, imm(d, 1), join);

    ir_block_begin(d->ir, join);
    return true;
}

bool trans_lr_w(struct dis *d, const struct args_lr *a)
{
    return load_reserved(d, a, MO_32);
}

bool trans_lr_d(struct dis *d, const struct args_lr *a)
{
    return load_reserved(d, a, MO_64);
}

bool trans_sc_w(struct dis *d, const struct args_atomic *a)
{
    return store_conditional(d, a, MO_32);
}

bool trans_sc_d(struct dis *d, const struct args_atomic *a)
{
    return store_conditional(d, a, MO_64);
}

/* --- AMOs --- */

static bool amo(struct dis *d, const struct args_atomic *a, build_amo *op, uint32_t size)
{
    uint32_t memop = memop_of(d, size, a->aq, a->rl) | MO_SIGN;
    set_gpr(d, a->rd, op(d->ir, addr(d, a->rs1, 0), operand(d, a->rs2, size), memop));
    return true;
}

bool trans_amoswap_w(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_swap, MO_32);
}

bool trans_amoadd_w(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_add, MO_32);
}

bool trans_amoxor_w(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_xor, MO_32);
}

bool trans_amoand_w(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_and, MO_32);
}

bool trans_amoor_w(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_or, MO_32);
}

bool trans_amomin_w(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_min, MO_32);
}

bool trans_amomax_w(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_max, MO_32);
}

bool trans_amominu_w(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_minu, MO_32);
}

bool trans_amomaxu_w(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_maxu, MO_32);
}

bool trans_amoswap_d(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_swap, MO_64);
}

bool trans_amoadd_d(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_add, MO_64);
}

bool trans_amoxor_d(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_xor, MO_64);
}

bool trans_amoand_d(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_and, MO_64);
}

bool trans_amoor_d(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_or, MO_64);
}

bool trans_amomin_d(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_min, MO_64);
}

bool trans_amomax_d(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_max, MO_64);
}

bool trans_amominu_d(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_minu, MO_64);
}

bool trans_amomaxu_d(struct dis *d, const struct args_atomic *a)
{
    return amo(d, a, ir_atomic_maxu, MO_64);
}

/* --- Zacas --- */

static bool compare_and_swap(struct dis *d, const struct args_atomic *a, uint32_t size)
{
    uint32_t memop = memop_of(d, size, a->aq, a->rl) | MO_SIGN;
    ir_val expect = operand(d, a->rd, size), v = operand(d, a->rs2, size);
    set_gpr(d, a->rd, ir_cas(d->ir, addr(d, a->rs1, 0), expect, v, memop));
    return true;
}

bool trans_amocas_w(struct dis *d, const struct args_atomic *a)
{
    return compare_and_swap(d, a, MO_32);
}

bool trans_amocas_d(struct dis *d, const struct args_atomic *a)
{
    return compare_and_swap(d, a, MO_64);
}

/* RV32: 64 bits in an even register and the next; the pair x0 is zero. */
static ir_val get_pair(struct dis *d, int reg)
{
    if (!reg)
        return ir_const(d->ir, I64, 0);
    ir_val high = ir_shl(d->ir, gpr64(d, reg + 1), ir_const(d->ir, I64, 32));
    return ir_or(d->ir, ir_zext32(d->ir, gpr32(d, reg)), high);
}

bool trans_amocas_d2(struct dis *d, const struct args_atomic *a)
{
    uint32_t memop = memop_of(d, MO_64, a->aq, a->rl);
    ir_val old = ir_cas(d->ir, addr(d, a->rs1, 0), get_pair(d, a->rd), get_pair(d, a->rs2), memop);
    if (a->rd) {
        set_gpr(d, a->rd, ir_trunc(d->ir, old));
        set_gpr(d, a->rd + 1, ir_sar(d->ir, old, ir_const(d->ir, I64, 32)));
    }
    return true;
}

bool trans_amocas_q(struct dis *d, const struct args_atomic *a)
{
    set_pc(d, d->pc);
    call_amocas_q(d->ir, addr(d, a->rs1, 0), imm32(d, a->rd), imm32(d, a->rs2),
                  imm32(d, memop_of(d, MO_128, a->aq, a->rl)));
    return true;
}
