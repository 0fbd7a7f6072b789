/*
 * Traps: entry to supervisor and machine mode, choice of interrupts, the faults of memory accesses.
 * Ref: Priv. 3.1.6 to 3.1.15 and 3.3.2 (machine mode), 10.1 (supervisor mode).
 */
#include "accel/tcg/guest.h"
#include "target/riscv/cpu.h"
#include "target/riscv/csr.h"
#include "util/bits.h"
#include "util/log.h"

#include <inttypes.h>

static const char *const exception_names[] = {
    [CAUSE_FETCH_MISALIGNED] = "misaligned_fetch",
    [CAUSE_FETCH_ACCESS] = "fault_fetch",
    [CAUSE_ILLEGAL] = "illegal_instruction",
    [CAUSE_BREAKPOINT] = "breakpoint",
    [CAUSE_LOAD_MISALIGNED] = "misaligned_load",
    [CAUSE_LOAD_ACCESS] = "fault_load",
    [CAUSE_STORE_MISALIGNED] = "misaligned_store",
    [CAUSE_STORE_ACCESS] = "fault_store",
    [CAUSE_ECALL_U] = "user_ecall",
    [CAUSE_ECALL_S] = "supervisor_ecall",
    [CAUSE_ECALL_M] = "machine_ecall",
    [CAUSE_FETCH_PAGE] = "exec_page_fault",
    [CAUSE_LOAD_PAGE] = "load_page_fault",
    [CAUSE_STORE_PAGE] = "store_page_fault",
};
static const char *const interrupt_names[] = {
    [1] = "s_software", [3] = "m_software", [5] = "s_timer",
    [7] = "m_timer",    [9] = "s_external", [11] = "m_external",
};

static const char *cause_name(uint64_t cause, bool interrupt)
{
    const char *const *names = interrupt ? interrupt_names : exception_names;
    size_t n = interrupt ? ARRAY_SIZE(interrupt_names) : ARRAY_SIZE(exception_names);

    return cause < n && names[cause] ? names[cause] : "unknown";
}

static NOINLINE void log_trap(struct rv_cpu *cpu, uint64_t cause, bool interrupt, uint64_t tval,
                              bool to_s)
{
    static const char prv_letter[] = "US-M";

    log_printf(LOG_INT,
               "trap: hart:%u, async:%d, cause:%016" PRIx64 ", epc:0x%016" PRIx64
               ", tval:0x%016" PRIx64 ", desc=%s, %c->%c\n",
               cpu->hartid, interrupt, cause, cpu->pc, tval, cause_name(cause, interrupt),
               prv_letter[cpu->s.prv & 3], to_s ? 'S' : 'M');
}

/* Where a trap goes: BASE, or BASE + 4 * cause for interrupts in vectored mode. */
static uint64_t vector(const struct rv_cpu *cpu, uint64_t tvec, uint64_t cause, bool interrupt)
{
    uint64_t pc = tvec & ~UINT64_C(3);

    if (interrupt && (tvec & 1))
        pc += 4 * cause;
    return cpu->xlen == 32 ? (uint32_t)pc : pc;
}

static void enter_supervisor(struct rv_cpu *cpu, uint64_t cause, bool interrupt, uint64_t tval)
{
    struct rv_state *s = &cpu->s;
    uint64_t st = s->mstatus & ~(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP);

    if (s->mstatus & MSTATUS_SIE)
        st |= MSTATUS_SPIE;
    if (s->prv == PRV_S)
        st |= MSTATUS_SPP;
    s->mstatus = st;
    s->scause = cause | (uint64_t)interrupt << (cpu->xlen - 1);
    s->sepc = cpu->pc;
    s->stval = tval;
    s->prv = PRV_S;
    cpu->pc = vector(cpu, s->stvec, cause, interrupt);
}

static void enter_machine(struct rv_cpu *cpu, uint64_t cause, bool interrupt, uint64_t tval)
{
    struct rv_state *s = &cpu->s;
    uint64_t st = s->mstatus & ~(MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP);

    if (s->mstatus & MSTATUS_MIE)
        st |= MSTATUS_MPIE;
    s->mstatus = field_set(st, MSTATUS_MPP, s->prv);
    s->mcause = cause | (uint64_t)interrupt << (cpu->xlen - 1);
    s->mepc = cpu->pc;
    s->mtval = tval;
    s->prv = PRV_M;
    cpu->pc = vector(cpu, s->mtvec, cause, interrupt);
}

void rv_take_trap(struct rv_cpu *cpu, uint64_t cause, bool interrupt, uint64_t tval)
{
    uint64_t delegated = interrupt ? cpu->s.mideleg : cpu->s.medeleg;
    bool to_s = cpu->s.prv <= PRV_S && (delegated >> cause & 1);

    if (cpu->xlen == 32)
        tval = (uint32_t)tval;
    if (log_enabled(LOG_INT))
        log_trap(cpu, cause, interrupt, tval, to_s);
    if (to_s)
        enter_supervisor(cpu, cause, interrupt, tval);
    else
        enter_machine(cpu, cause, interrupt, tval);
    guest_mode_changed(&cpu->cpu);
}

void rv_raise(struct rv_cpu *cpu, uint64_t cause, uint64_t tval)
{
    rv_take_trap(cpu, cause, false, tval);
    guest_unwind(&cpu->cpu);
}

void rv_raise_fault(struct cpu *cpu, gva addr, int access, unsigned idx UNUSED, uint32_t cause)
{
    static const uint8_t misaligned[] = {CAUSE_LOAD_MISALIGNED, CAUSE_STORE_MISALIGNED,
                                         CAUSE_FETCH_MISALIGNED};
    static const uint8_t bus[] = {CAUSE_LOAD_ACCESS, CAUSE_STORE_ACCESS, CAUSE_FETCH_ACCESS};

    if (cause == GUEST_CAUSE_MISALIGNED)
        cause = misaligned[access];
    else if (cause == GUEST_CAUSE_BUS)
        cause = bus[access];
    rv_take_trap(rv(cpu), cause, false, addr);
}

/*
 * Lines and software bits.  The supervisor software line is an edge: it is moved to the software
 * bit, which the guest clears (ACLINT 4: SETSSIP only sets).  Only the vCPU's own thread writes
 * mip_sw.
 */
static uint64_t latch_mip(struct rv_cpu *cpu)
{
    uint64_t lines = atomic_load_explicit(&cpu->cpu.irq_lines, memory_order_acquire);

    if (UNLIKELY(lines & IRQ_SSI)) {
        atomic_fetch_and_explicit(&cpu->cpu.irq_lines, ~(uint64_t)IRQ_SSI, memory_order_acq_rel);
        cpu->s.mip_sw |= IRQ_SSI;
    }
    return (lines & (IRQ_M | IRQ_S)) | cpu->s.mip_sw;
}

uint64_t rv_mip(struct rv_cpu *cpu)
{
    uint64_t mip = latch_mip(cpu);

    if ((cpu->s.menvcfg & ENVCFG_STCE) && rv_time(cpu) >= cpu->s.stimecmp)
        mip |= IRQ_STI; /* the timer's thread may not have got there yet */
    return mip;
}

/* Bits of mip that would be taken now; those for machine mode first. Ref: Priv. 3.1.9. */
static uint64_t deliverable(struct rv_cpu *cpu)
{
    const struct rv_state *s = &cpu->s;
    uint64_t pending = latch_mip(cpu) & s->mie;

    if (LIKELY(!pending))
        return 0;
    uint64_t m = pending & ~s->mideleg, sup = pending & s->mideleg;
    if (m && (s->prv < PRV_M || (s->mstatus & MSTATUS_MIE)))
        return m;
    if (sup && (s->prv < PRV_S || (s->prv == PRV_S && (s->mstatus & MSTATUS_SIE))))
        return sup;
    return 0;
}

void rv_irq_reevaluate(struct rv_cpu *cpu)
{
    if (UNLIKELY(deliverable(cpu)))
        cpu_request(&cpu->cpu, CPU_REQ_IRQ);
}

unsigned rv_first_interrupt(uint64_t bits)
{
    static const uint8_t priority[] = {11, 3, 7, 9, 1, 5}; /* MEI MSI MTI SEI SSI STI */
    size_t i = 0;

    while (i < ARRAY_SIZE(priority) - 1 && !(bits >> priority[i] & 1))
        i++;
    return priority[i];
}

bool rv_deliver_interrupt(struct cpu *cpu)
{
    uint64_t bits = deliverable(rv(cpu));

    if (!bits)
        return false;
    rv_take_trap(rv(cpu), rv_first_interrupt(bits), true, 0);
    return true;
}

void rv_set_privilege(struct rv_cpu *cpu, unsigned prv)
{
    cpu->s.prv = prv;
    guest_mode_changed(&cpu->cpu);
}
