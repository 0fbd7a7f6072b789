/* Environment calls, CSRs, privileged instructions, Zawrs, Svinval.  Ref: Volume I, 2024,
 * chapters 2.8, 6, 14.5; Volume II, 3.3. */
#include "target/riscv/trans.h"

#include "target/riscv/csr.h"
#include "util/bits.h"

/* --- calls --- */

bool trans_ecall(struct dis *d, const struct args_none *a UNUSED)
{
    set_pc(d, d->pc);
    call_ecall(d->ir);
    end_lookup(d);
    return true;
}

bool trans_ebreak(struct dis *d, const struct args_none *a UNUSED)
{
    set_pc(d, d->pc);
    call_ebreak(d->ir, pc64(d, d->pc));
    end_lookup(d);
    return true;
}

bool trans_mret(struct dis *d, const struct args_none *a UNUSED)
{
    set_pc(d, d->pc);
    call_mret(d->ir, imm32(d, d->insn));
    end_lookup(d);
    return true;
}

bool trans_sret(struct dis *d, const struct args_none *a UNUSED)
{
    set_pc(d, d->pc);
    call_sret(d->ir, imm32(d, d->insn));
    end_lookup(d);
    return true;
}

/* --- waiting --- */

bool trans_wfi(struct dis *d, const struct args_none *a UNUSED)
{
    set_pc(d, d->pc);
    call_wfi(d->ir, imm32(d, d->insn));
    end_main(d, MAIN_WFI);
    return true;
}

static bool wait_reservation(struct dis *d, bool is_short)
{
    set_pc(d, d->pc);
    call_wrs(d->ir, imm32(d, d->insn), imm32(d, is_short));
    end_main(d, MAIN_YIELD);
    return true;
}

bool trans_wrs_nto(struct dis *d, const struct args_none *a UNUSED)
{
    return wait_reservation(d, false);
}

bool trans_wrs_sto(struct dis *d, const struct args_none *a UNUSED)
{
    return wait_reservation(d, true);
}

/* --- fences of translation and code --- */

bool trans_fence_i(struct dis *d, const struct args_none *a UNUSED)
{
    call_fence_i(d->ir);
    end_mode(d);
    return true;
}

static bool flush_translations(struct dis *d, const struct args_rs12 *a, uint32_t flags)
{
    flags |= (a->rs1 ? SFENCE_ADDR : 0) | (a->rs2 ? SFENCE_ASID : 0);
    set_pc(d, d->pc);
    call_sfence_vma(d->ir, addr(d, a->rs1, 0), gpr64(d, a->rs2), imm32(d, flags),
                    imm32(d, d->insn));
    end_mode(d);
    return true;
}

bool trans_sfence_vma(struct dis *d, const struct args_rs12 *a)
{
    return flush_translations(d, a, 0);
}

bool trans_sinval_vma(struct dis *d, const struct args_rs12 *a)
{
    return flush_translations(d, a, SFENCE_SINVAL);
}

/* sinval.vma has acted at once, so these only keep order.  Ref: Volume II, chapter 12.2 (Svinval).
 */
bool trans_sfence_w_inval(struct dis *d, const struct args_none *a UNUSED)
{
    ir_fence(d->ir, IR_FENCE_ALL);
    return true;
}

bool trans_sfence_inval_ir(struct dis *d, const struct args_none *a UNUSED)
{
    ir_fence(d->ir, IR_FENCE_ALL);
    return true;
}

/* --- CSRs --- */

static ir_val access_csr(struct dis *d, int csr, unsigned ops, ir_val operand)
{
    set_pc(d, d->pc);
    if (rv_csr_is_open(d->cpu, csr, ops, d->priv))
        return call_csr_allowed(d->ir, imm32(d, csr), imm32(d, ops), operand);
    return call_csr(d->ir, imm32(d, csr), imm32(d, ops), operand, imm32(d, d->insn));
}

/*
 * CSRs that are only storage, or flags: neither the mode of translated code nor what interrupts may
 * come depends on them. A write of fflags makes mstatus.FS dirty, which is part of the mode unless
 * it is so already.
 */
static bool is_plain(const struct dis *d, int csr)
{
    switch (csr) {
    case CSR_FFLAGS: return d->fs == MODE_FS_DIRTY;
    case CSR_SSCRATCH:
    case CSR_SEPC:
    case CSR_SCAUSE:
    case CSR_STVAL:
    case CSR_MSCRATCH:
    case CSR_MEPC:
    case CSR_MCAUSE:
    case CSR_MTVAL: return true;
    default: return false;
    }
}

/* CSRs that are nothing but storage of some bits: displacement, or 0. */
struct storage {
    uint64_t off, mask;
};

static struct storage storage_of(const struct dis *d, int csr)
{
    static const struct {
        uint16_t csr, off;
        uint64_t mask; /* 0: that of an exception pc */
    } table[] = {
        {CSR_STVEC, offsetof(struct rv_cpu, s.stvec), ~UINT64_C(2)},
        {CSR_SSCRATCH, offsetof(struct rv_cpu, s.sscratch), ~UINT64_C(0)},
        {CSR_SEPC, offsetof(struct rv_cpu, s.sepc), 0},
        {CSR_SCAUSE, offsetof(struct rv_cpu, s.scause), ~UINT64_C(0)},
        {CSR_STVAL, offsetof(struct rv_cpu, s.stval), ~UINT64_C(0)},
        {CSR_MTVEC, offsetof(struct rv_cpu, s.mtvec), ~UINT64_C(2)},
        {CSR_MSCRATCH, offsetof(struct rv_cpu, s.mscratch), ~UINT64_C(0)},
        {CSR_MEPC, offsetof(struct rv_cpu, s.mepc), 0},
        {CSR_MCAUSE, offsetof(struct rv_cpu, s.mcause), ~UINT64_C(0)},
        {CSR_MTVAL, offsetof(struct rv_cpu, s.mtval), ~UINT64_C(0)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].csr == csr)
            return (struct storage){table[i].off,
                                    table[i].mask ? table[i].mask : rv_epc_mask(d->cpu)};
    return (struct storage){0};
}

static ir_val updated(struct dis *d, unsigned ops, ir_val old, ir_val operand)
{
    if (ops & RV_CSR_SET)
        return ir_or(d->ir, old, operand);
    return ops & RV_CSR_CLEAR ? ir_andn(d->ir, old, operand) : operand;
}

/* Trap handlers begin and end with these: no helper call for them. */
static void access_storage(struct dis *d, const struct args_csr *a, unsigned ops, ir_val operand,
                           struct storage at)
{
    ir_val old = ir_env_ld(d->ir, I64, MO_64, at.off);
    if (ops & ~RV_CSR_READ)
        ir_env_st(d->ir,
                  ir_and(d->ir, updated(d, ops, old, operand), ir_const(d->ir, I64, at.mask)),
                  MO_64, at.off);
    if (ops & RV_CSR_READ)
        set_gpr(d, a->rd, old);
}

/* --- sstatus --- */

enum { STATUS_OFF = offsetof(struct rv_cpu, s.mstatus) };

static ir_val read_sstatus(struct dis *d)
{
    uint64_t sd = d->fs == MODE_FS_DIRTY ? BIT64(63) : 0;
    ir_val st = ir_env_ld(d->ir, I64, MO_64, STATUS_OFF);
    st = ir_and(d->ir, st, ir_const(d->ir, I64, rv_sstatus_bits(d->cpu).readable));
    return ir_or(d->ir, st, ir_const(d->ir, I64, sd));
}

/*
 * SIE was set: what is pending and enabled is taken before the next instruction.  Nothing is, as a
 * rule, and then the unit goes on.
 */
static void look_for_interrupts(struct dis *d)
{
    struct ir *ir = d->ir;
    unsigned some = ir_block_new(ir), none = ir_block_new(ir);
    ir_val lines = ir_env_ld(ir, I64, MO_64, offsetof(struct rv_cpu, cpu.irq_lines));
    ir_val sw = ir_env_ld(ir, I64, MO_64, offsetof(struct rv_cpu, s.mip_sw));
    ir_val mie = ir_env_ld(ir, I64, MO_64, offsetof(struct rv_cpu, s.mie));
    ir_val pending = ir_and(ir, ir_or(ir, lines, sw), mie);
    ir_brcond(ir, pending, ir_const(ir, I64, 0), IR_NE, some, none);
    ir_block_begin(ir, some);
    set_pc(d, d->next);
    call_irq_reevaluate(ir);
    ir_exit_lookup(ir);
    ir_block_begin(ir, none);
}

/*
 * Setting or clearing constant bits that neither the mode nor the MMU index depends on: what
 * switching interrupts on and off is.
 */
static bool update_sstatus(struct dis *d, const struct args_csr *a, unsigned ops, ir_val operand)
{
    uint64_t bits;
    if ((ops & RV_CSR_WRITE) || !ir_is_const(d->ir, operand, &bits))
        return false;
    bits &= rv_sstatus_bits(d->cpu).writable;
    if (bits & ~(uint64_t)(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP))
        return false;
    ir_val old = read_sstatus(d), st = ir_env_ld(d->ir, I64, MO_64, STATUS_OFF);
    ir_env_st(d->ir, updated(d, ops, st, ir_const(d->ir, I64, bits)), MO_64, STATUS_OFF);
    set_gpr(d, a->rd, old);
    if ((ops & RV_CSR_SET) && (bits & MSTATUS_SIE))
        look_for_interrupts(d);
    return true;
}

static bool access_sstatus(struct dis *d, const struct args_csr *a, unsigned ops, ir_val operand)
{
    if (ops != RV_CSR_READ)
        return update_sstatus(d, a, ops, operand);
    set_gpr(d, a->rd, read_sstatus(d));
    return true;
}

/* --- any --- */

/* Without calling for it. */
static bool access_inline(struct dis *d, const struct args_csr *a, unsigned ops, ir_val operand)
{
    if (d->xlen != 64 || !rv_csr_is_open(d->cpu, a->csr, ops, d->priv))
        return false;
    if (a->csr == CSR_SSTATUS)
        return access_sstatus(d, a, ops, operand);
    struct storage at = storage_of(d, a->csr);
    if (at.off)
        access_storage(d, a, ops, operand, at);
    return at.off;
}

/* A write may change the mode, so that the unit ends; a read alone cannot. */
static bool csr_insn(struct dis *d, const struct args_csr *a, unsigned ops, ir_val operand)
{
    if (access_inline(d, a, ops, operand))
        return true;
    ir_val old = access_csr(d, a->csr, ops, operand);
    if (ops & RV_CSR_READ)
        set_gpr(d, a->rd, old);
    if ((ops & ~RV_CSR_READ) && !is_plain(d, a->csr))
        end_mode(d);
    return true;
}

/* CSRRW with rd = x0 does not read; CSRRS and CSRRC with rs1 = x0, or a zero immediate, do not
 * write. */
static unsigned swap_ops(const struct args_csr *a)
{
    return RV_CSR_WRITE | (a->rd ? RV_CSR_READ : 0);
}

static unsigned update_ops(const struct args_csr *a, unsigned op)
{
    return RV_CSR_READ | (a->rs1 ? op : 0);
}

bool trans_csrrw(struct dis *d, const struct args_csr *a)
{
    return csr_insn(d, a, swap_ops(a), gpr64(d, a->rs1));
}

bool trans_csrrs(struct dis *d, const struct args_csr *a)
{
    return csr_insn(d, a, update_ops(a, RV_CSR_SET), gpr64(d, a->rs1));
}

bool trans_csrrc(struct dis *d, const struct args_csr *a)
{
    return csr_insn(d, a, update_ops(a, RV_CSR_CLEAR), gpr64(d, a->rs1));
}

bool trans_csrrwi(struct dis *d, const struct args_csr *a)
{
    return csr_insn(d, a, swap_ops(a), ir_const(d->ir, I64, a->rs1));
}

bool trans_csrrsi(struct dis *d, const struct args_csr *a)
{
    return csr_insn(d, a, update_ops(a, RV_CSR_SET), ir_const(d->ir, I64, a->rs1));
}

bool trans_csrrci(struct dis *d, const struct args_csr *a)
{
    return csr_insn(d, a, update_ops(a, RV_CSR_CLEAR), ir_const(d->ir, I64, a->rs1));
}
