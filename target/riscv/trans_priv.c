/* Environment calls, CSRs, privileged instructions, Zawrs, Svinval.  Ref: Volume I, 2024,
 * chapters 2.8, 6, 14.5; Volume II, 3.3. */
#include "target/riscv/trans.h"

#include "target/riscv/csr.h"

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
    call_ebreak(d->ir, ir_const(d->ir, I64, d->pc));
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

/* Displacement of a CSR that the hart may access here and that is nothing but 64 bits of storage,
 * or 0. */
static uint64_t storage_of(const struct dis *d, int csr)
{
    static const struct {
        uint16_t csr, off;
    } table[] = {
        {CSR_SSCRATCH, offsetof(struct rv_cpu, s.sscratch)},
        {CSR_SCAUSE, offsetof(struct rv_cpu, s.scause)},
        {CSR_STVAL, offsetof(struct rv_cpu, s.stval)},
        {CSR_MSCRATCH, offsetof(struct rv_cpu, s.mscratch)},
        {CSR_MCAUSE, offsetof(struct rv_cpu, s.mcause)},
        {CSR_MTVAL, offsetof(struct rv_cpu, s.mtval)},
    };
    bool allowed = d->priv >= (unsigned)(csr >> 8 & 3) && (csr >> 8 != 1 || dis_has(d, EXT_S));
    for (size_t i = 0; allowed && d->xlen == 64 && i < ARRAY_SIZE(table); i++)
        if (table[i].csr == csr)
            return table[i].off;
    return 0;
}

/* Trap handlers begin and end with these: no helper call for them. */
static void access_storage(struct dis *d, const struct args_csr *a, unsigned ops, ir_val operand,
                           uint64_t off)
{
    ir_val old = ir_env_ld(d->ir, I64, MO_64, off);
    if (ops & RV_CSR_WRITE)
        ir_env_st(d->ir, operand, MO_64, off);
    else if (ops & RV_CSR_SET)
        ir_env_st(d->ir, ir_or(d->ir, old, operand), MO_64, off);
    else if (ops & RV_CSR_CLEAR)
        ir_env_st(d->ir, ir_andn(d->ir, old, operand), MO_64, off);
    if (ops & RV_CSR_READ)
        set_gpr(d, a->rd, old);
}

/* A write may change the mode, so that the unit ends; a read alone cannot. */
static bool csr_insn(struct dis *d, const struct args_csr *a, unsigned ops, ir_val operand)
{
    uint64_t off = storage_of(d, a->csr);
    if (off) {
        access_storage(d, a, ops, operand, off);
        return true;
    }
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
