/* Helpers of M-profile instructions.  On entry the pc slot holds the instruction's own address,
 * unless said. */
#include "target/arm/helpers.h"

#include "core/machine.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/m_priv.h"

/* What has put the processor to sleep must not run on. */
static void leave_if_halted(struct arm_cpu *cpu)
{
    if (cpu->cpu.halted)
        guest_unwind(&cpu->cpu);
}

/* Ref: v7-M, BXWritePC(). */
void helper_m_bx(struct arm_cpu *cpu, uint32_t target, uint32_t may_return)
{
    unsigned magic = cpu->m.version >= 8 ? target >> 24 == 0xff : target >> 28 == 0xf;
    if (may_return && magic) {
        arm_m_return(cpu, target);
        leave_if_halted(cpu);
        return;
    }
    cpu->s.ps.thumb = target & 1;
    cpu->pc = target & ~1u;
    guest_mode_changed(&cpu->cpu);
}

/* pc is the next instruction's, and EPSR.IT. */
void helper_m_svc(struct arm_cpu *cpu)
{
    arm_m_take(cpu, NVIC_SVCALL);
    guest_unwind(&cpu->cpu);
}

void helper_m_bkpt(struct arm_cpu *cpu, uint32_t imm)
{
    enum { SEMIHOSTING = 0xab };
    if (imm == SEMIHOSTING)
        arm_semihost(cpu, 2);
    arm_m_take_breakpoint(cpu);
    guest_unwind(&cpu->cpu);
}

uint32_t helper_m_mrs(struct arm_cpu *cpu, uint32_t sysm)
{
    return arm_m_mrs(cpu, sysm);
}

void helper_m_msr(struct arm_cpu *cpu, uint32_t sysm, uint32_t mask, uint32_t val)
{
    arm_m_msr(cpu, sysm, mask, val);
}

void helper_m_set_primask(struct arm_cpu *cpu, uint32_t on)
{
    enum { SYSM_PRIMASK = 16 };
    arm_m_msr(cpu, SYSM_PRIMASK, 0, on);
}

void helper_m_set_faultmask(struct arm_cpu *cpu, uint32_t on)
{
    enum { SYSM_FAULTMASK = 19 };
    arm_m_msr(cpu, SYSM_FAULTMASK, 0, on);
}

void helper_m_begin_fp(struct arm_cpu *cpu)
{
    arm_m_begin_fp(cpu);
    guest_unwind(&cpu->cpu); /* the same instruction again */
}

void helper_m_divide_by_zero(struct arm_cpu *cpu)
{
    if (arm_m_reg(cpu, NVIC_CCR) & NVIC_CCR_DIV_0_TRP)
        arm_raise(cpu, 1, ARM_M_SYNDROME(CFSR_DIVBYZERO));
}

void helper_m_wfi(struct arm_cpu *cpu)
{
    cpu->cpu.halted = !arm_m_wakes(cpu);
}

void helper_m_wfe(struct arm_cpu *cpu)
{
    bool was_set = atomic_exchange(&cpu->event_sent, false) || cpu->s.event;
    cpu->s.event = false;
    cpu->m.s.waits_for_event = cpu->cpu.halted = !was_set && !arm_m_wakes(cpu);
}

uint32_t helper_m_tt(struct arm_cpu *cpu, uint32_t addr, uint32_t unprivileged)
{
    return arm_m_test_target(cpu, addr, unprivileged);
}
