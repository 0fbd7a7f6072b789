/*
 * Helpers of privileged instructions: traps and returns, waiting, fences, CSRs, cache blocks.
 *
 * On entry of a helper that may raise, the pc slot holds the instruction's own address.
 * Ref: Priv. 3.3 (MRET, SRET, WFI), 10.2 (SFENCE.VMA), 11 (Svinval); Volume I, chapters "Zawrs" and
 * "CMO".
 */
#include "accel/tcg/guest.h"
#include "core/machine.h"
#include "target/riscv/cpu_priv.h"
#include "target/riscv/csr.h"
#include "target/riscv/helpers.h"
#include "util/bits.h"

#include <sched.h>

/* ---- traps and returns ---- */

static NORETURN void illegal(struct rv_cpu *cpu, uint32_t insn)
{
    rv_raise(cpu, CAUSE_ILLEGAL, insn);
}

void helper_raise_illegal(struct rv_cpu *cpu, uint32_t insn)
{
    illegal(cpu, insn);
}

/* These end their unit with a look-up at the pc slot, so their traps need not unwind. */
static void trap_illegal(struct rv_cpu *cpu, uint32_t insn)
{
    rv_take_trap(cpu, CAUSE_ILLEGAL, false, insn);
}

void helper_ecall(struct rv_cpu *cpu)
{
    rv_take_trap(cpu, CAUSE_ECALL_U + cpu->s.prv, false, 0);
}

void helper_ebreak(struct rv_cpu *cpu, uint64_t pc)
{
    if (cpu->cpu.machine->semihost)
        rv_semihost(cpu);
    rv_raise(cpu, CAUSE_BREAKPOINT, pc);
}

void helper_raise_misaligned_fetch(struct rv_cpu *cpu, uint64_t target)
{
    rv_raise(cpu, CAUSE_FETCH_MISALIGNED, target);
}

/* The least privileged mode there is: what xPP holds after a return. */
static unsigned least_privilege(const struct rv_cpu *cpu)
{
    return rv_has(cpu, EXT_U) ? PRV_U : PRV_M;
}

static uint64_t return_pc(const struct rv_cpu *cpu, uint64_t epc)
{
    return rv_has(cpu, EXT_ZCA) ? epc : epc & ~UINT64_C(3);
}

/* Lowering the privilege may unmask what was pending. */
static void return_to(struct rv_cpu *cpu, unsigned prv, uint64_t epc)
{
    cpu->pc = return_pc(cpu, epc);
    rv_set_privilege(cpu, prv);
    rv_irq_reevaluate(cpu);
}

void helper_mret(struct rv_cpu *cpu, uint32_t insn)
{
    uint64_t st = cpu->s.mstatus;
    unsigned prv = field_get(st, MSTATUS_MPP);

    if (cpu->s.prv != PRV_M) {
        trap_illegal(cpu, insn);
        return;
    }
    st = field_set(st, MSTATUS_MIE, field_get(st, MSTATUS_MPIE)) | MSTATUS_MPIE;
    st = field_set(st, MSTATUS_MPP, least_privilege(cpu));
    if (prv != PRV_M)
        st &= ~MSTATUS_MPRV;
    cpu->s.mstatus = st;
    return_to(cpu, prv, cpu->s.mepc);
}

void helper_sret(struct rv_cpu *cpu, uint32_t insn)
{
    uint64_t st = cpu->s.mstatus;
    unsigned prv = st & MSTATUS_SPP ? PRV_S : PRV_U;

    if (!rv_has(cpu, EXT_S) || cpu->s.prv == PRV_U || (cpu->s.prv == PRV_S && (st & MSTATUS_TSR))) {
        trap_illegal(cpu, insn);
        return;
    }
    st = field_set(st, MSTATUS_SIE, field_get(st, MSTATUS_SPIE)) | MSTATUS_SPIE;
    st &= ~(MSTATUS_SPP | MSTATUS_MPRV);
    cpu->s.mstatus = st;
    return_to(cpu, prv, cpu->s.sepc);
}

/* ---- waiting ---- */

/* No wait is bounded here: with TW, and in user mode below a supervisor, WFI is illegal at once. */
void helper_wfi(struct rv_cpu *cpu, uint32_t insn)
{
    bool user_below_s = cpu->s.prv == PRV_U && rv_has(cpu, EXT_S);

    if (user_below_s || (cpu->s.prv != PRV_M && (cpu->s.mstatus & MSTATUS_TW)))
        illegal(cpu, insn);
    cpu->pc += 4;
    cpu->cpu.halted = true;
}

/*
 * Waiting for the reservation set ends at any time for any reason, so it ends at once: bounded, and
 * TW does not apply. Somebody else is to write meanwhile, which takes a host core.
 */
void helper_wrs(struct rv_cpu *cpu, uint32_t insn UNUSED, uint32_t is_sto UNUSED)
{
    cpu->pc += 4;
    if (cpu->res_addr != UINT64_MAX)
        sched_yield();
}

/* ---- fences ---- */

enum { SFENCE_HAS_ADDR = 1, SFENCE_HAS_ASID = 2, SFENCE_IS_SINVAL = 4, SFENCE_IS_ORDER = 8 };

void helper_sfence_vma(struct rv_cpu *cpu, uint64_t addr, uint64_t asid, uint32_t flags,
                       uint32_t insn)
{
    bool trapped = cpu->s.prv == PRV_S && (cpu->s.mstatus & MSTATUS_TVM);

    if (!rv_has(cpu, EXT_S) || cpu->s.prv == PRV_U || (trapped && !(flags & SFENCE_IS_ORDER)))
        illegal(cpu, insn);
    if (flags & SFENCE_IS_ORDER)
        return; /* SINVAL.VMA has acted already */
    if (cpu->xlen == 32)
        addr = (uint32_t)addr;
    switch (flags & (SFENCE_HAS_ADDR | SFENCE_HAS_ASID)) {
    case 0: guest_tlb_flush(&cpu->cpu); break;
    case SFENCE_HAS_ADDR: guest_tlb_flush_page(&cpu->cpu, addr); break;
    case SFENCE_HAS_ASID: guest_tlb_flush_asid(&cpu->cpu, rv_asid_id(cpu, asid)); break;
    default: guest_tlb_flush_page_asid(&cpu->cpu, addr, rv_asid_id(cpu, asid)); break;
    }
}

/* The accelerator notices stores to code by itself. */
void helper_fence_i(struct rv_cpu *cpu UNUSED)
{
    atomic_thread_fence(memory_order_seq_cst);
}

/* ---- state ---- */

uint64_t helper_csr(struct rv_cpu *cpu, uint32_t num, uint32_t ops, uint64_t val, uint32_t insn)
{
    return rv_csr_access(cpu, num, ops, val, insn);
}

uint64_t helper_csr_allowed(struct rv_cpu *cpu, uint32_t num, uint32_t ops, uint64_t val)
{
    return rv_csr_access_open(cpu, num, ops, val);
}

void helper_irq_reevaluate(struct rv_cpu *cpu)
{
    rv_irq_reevaluate(cpu);
}

void helper_fs_dirty(struct rv_cpu *cpu)
{
    cpu->s.mstatus |= MSTATUS_FS;
    guest_mode_changed(&cpu->cpu);
}

/* ---- cache blocks ---- */

enum { CBO_KIND_INVAL, CBO_KIND_CLEAN, CBO_KIND_FLUSH, CBO_KIND_ZERO = 4 };

static uint64_t cbo_enable(uint32_t kind)
{
    switch (kind) {
    case CBO_KIND_INVAL: return ENVCFG_CBIE;
    case CBO_KIND_ZERO: return ENVCFG_CBZE;
    default: return ENVCFG_CBCFE;
    }
}

/* menvcfg governs less privileged modes, senvcfg user mode. */
static bool cbo_is_enabled(const struct rv_cpu *cpu, uint32_t kind)
{
    uint64_t bits = cbo_enable(kind);

    if (cpu->s.prv != PRV_M && !(cpu->s.menvcfg & bits))
        return false;
    return cpu->s.prv != PRV_U || !rv_has(cpu, EXT_S) || (cpu->s.senvcfg & bits);
}

/* Management needs either a load or a store to be allowed; its fault is a store's. */
static void check_managed(struct rv_cpu *cpu, uint64_t addr, unsigned idx)
{
    struct guest_walk w;

    if (rv_walk(&cpu->cpu, addr, GUEST_READ, idx, &w) ||
        rv_walk(&cpu->cpu, addr, GUEST_WRITE, idx, &w))
        return;
    rv_raise(cpu, w.cause, addr);
}

/* Memory is coherent: cleaning, flushing and invalidating have nothing to do but fault. */
void helper_cbo(struct rv_cpu *cpu, uint64_t addr, uint32_t kind, uint32_t insn)
{
    unsigned idx = rv_mode(&cpu->cpu) >> RV_MODE_IDX_SHIFT & 7;

    if (!cbo_is_enabled(cpu, kind))
        illegal(cpu, insn);
    if (cpu->xlen == 32)
        addr = (uint32_t)addr;
    if (kind != CBO_KIND_ZERO) {
        check_managed(cpu, addr, idx);
        return;
    }
    uint64_t block = align_down(addr, cpu->cboz_size);
    guest_probe(&cpu->cpu, block, cpu->cboz_size, GUEST_WRITE, idx);
    guest_zero(&cpu->cpu, block, cpu->cboz_size, idx);
}
