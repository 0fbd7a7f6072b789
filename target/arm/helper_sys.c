/* Helpers of system instructions and exceptions.  On entry of one that may raise, the pc slot holds
 * the instruction's own address. */
#include "target/arm/helpers.h"

#include "core/machine.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/debug.h"
#include "target/arm/sysreg.h"

#include <glib.h>

/* ---- exceptions ---- */

void helper_raise(struct arm_cpu *cpu, uint32_t syndrome, uint32_t el)
{
    arm_raise(cpu, el, syndrome);
}

static bool is_fgt_svc(const struct arm_cpu *cpu)
{
    if (!arm_has(cpu, ARM_F_FGT) || cpu->s.ps.el > 1 || !arm_el2_enabled(cpu) || arm_is_host(cpu) ||
        (arm_has_el3(cpu) && !(cpu->s.scr_el3 & SCR_FGTEN)))
        return false;
    return cpu->s.hfgitr_el2 >> (cpu->s.ps.el ? 53 : 52) & 1;
}

/* pc is the next instruction's. */
void helper_svc(struct arm_cpu *cpu, uint32_t imm)
{
    if (UNLIKELY(is_fgt_svc(cpu))) {
        cpu->pc -= 4;
        arm_pmu_not_done(cpu);
        arm_take_sync(cpu, 2, ESR(ARM_EC_SVC, imm));
        return;
    }
    arm_take_sync(cpu, 1, ESR(ARM_EC_SVC, imm));
}

/* Ref: the manual, C6.2.135 (HVC): undefined at EL0, without EL2, or where it is disabled. */
void helper_hvc(struct arm_cpu *cpu, uint32_t imm)
{
    unsigned el = cpu->s.ps.el;

    if (el && cpu->cfg.psci == ARM_PSCI_HVC && arm_psci(cpu)) {
        cpu->pc += 4;
        return;
    }
    bool off = arm_has_el3(cpu) ? !(cpu->s.scr_el3 & SCR_HCE) : !!(cpu->s.hcr_el2 & HCR_HCD);
    if (!el || !arm_has_el2(cpu) || off || (el == 1 && arm_is_secure_below(cpu)))
        arm_raise_undefined(cpu);
    cpu->pc += 4;
    arm_take_sync(cpu, el == 3 ? 3 : 2, ESR(ARM_EC_HVC, imm));
}

/* A call that HCR_EL2.TSC traps goes to EL2 whether EL3 is there or not (where PSCI is by SMC). */
void helper_smc(struct arm_cpu *cpu, uint32_t imm)
{
    unsigned el = cpu->s.ps.el;
    bool psci = cpu->cfg.psci == ARM_PSCI_SMC;

    if (!el || (!arm_has_el3(cpu) && !psci && !(el == 1 && (arm_hcr(cpu) & HCR_TSC))))
        arm_raise_undefined(cpu);
    if (el == 1 && (arm_hcr(cpu) & HCR_TSC))
        arm_raise(cpu, 2, ESR(ARM_EC_SMC, imm));
    if (psci && arm_psci(cpu)) {
        cpu->pc += 4;
        return;
    }
    if (!arm_has_el3(cpu) || (cpu->s.scr_el3 & SCR_SMD))
        arm_raise_undefined(cpu);
    cpu->pc += 4;
    arm_take_sync(cpu, 3, ESR(ARM_EC_SMC, imm));
}

void helper_brk(struct arm_cpu *cpu, uint32_t imm)
{
    arm_raise(cpu, arm_debug_target(cpu), ESR(ARM_EC_BRK, imm));
}

void helper_hlt(struct arm_cpu *cpu, uint32_t imm)
{
    if (imm == 0xf000)
        arm_semihost(cpu, 4);
    arm_raise_undefined(cpu); /* halting debug is not there */
}

void helper_eret(struct arm_cpu *cpu, uint64_t pc)
{
    unsigned el = cpu->s.ps.el;

    if (el == 1 && arm_has(cpu, ARM_F_FGT) && arm_el2_enabled(cpu) &&
        (cpu->s.hfgitr_el2 >> 51 & 1) && (!arm_has_el3(cpu) || (cpu->s.scr_el3 & SCR_FGTEN)))
        arm_raise(cpu, 2, ESR(ARM_EC_ERET, 0));
    arm_return(cpu, (uint32_t)cpu->s.spsr_el[el], pc);
}

/* ---- waiting ---- */

enum { WFX_WFI = 0, WFX_WFE = 1, WFX_WFIT = 2, WFX_WFET = 3 };

/* Ref: the manual, D1.6: nTWI and nTWE at EL0, TWI and TWE of HCR_EL2 and SCR_EL3. */
static void check_wfx(struct arm_cpu *cpu, bool is_wfe, bool has_limit)
{
    unsigned el = cpu->s.ps.el, ti = has_limit ? 2 + is_wfe : is_wfe;
    uint32_t esr = ESR(ARM_EC_WFX, 0x1e << 20 | ti);

    if (el == 0 && !(cpu->s.sctlr_el[arm_regime_el(cpu)] & (is_wfe ? SCTLR_NTWE : SCTLR_NTWI)))
        arm_raise(cpu, 1, esr);
    if (el <= 1 && (arm_hcr(cpu) & (is_wfe ? HCR_TWE : HCR_TWI)))
        arm_raise(cpu, 2, esr);
    if (el <= 2 && arm_has_el3(cpu) && (cpu->s.scr_el3 & (is_wfe ? SCR_TWE : SCR_TWI)))
        arm_raise(cpu, 3, esr);
}

/*
 * A wait that may end at any time: the first ones in a row only give way to other threads, later
 * ones sleep, no longer than the period of an event stream.  Nobody tells when another processor
 * clears this one's exclusive monitor, which is what most waits are for.
 */
static void doze(struct arm_cpu *cpu)
{
    enum { YIELDS = 16, NAP_US = 50, APART_US = 200 };
    int64_t now = g_get_monotonic_time();

    if (now - cpu->dozed_at > APART_US)
        cpu->dozes = 0;
    if (++cpu->dozes > YIELDS && !atomic_load(&cpu->cpu.request) && !arm_has_work(&cpu->cpu)) {
        g_usleep(NAP_US);
        now = g_get_monotonic_time();
    }
    cpu->dozed_at = now;
}

static bool has_passed(const struct arm_cpu *cpu, uint64_t limit)
{
    return arm_virtual_count(cpu) >= limit;
}

/* With a limit the wait may end early, and so it does: at once when an interrupt is there, else
 * after the thread has given way. */
void helper_wfi(struct arm_cpu *cpu, uint32_t has_limit, uint64_t limit)
{
    if (arm_has_work(&cpu->cpu) || (has_limit && has_passed(cpu, limit)))
        return;
    check_wfx(cpu, false, has_limit);
    cpu->cpu.halted = !has_limit;
    if (has_limit)
        doze(cpu);
}

uint32_t helper_wfe(struct arm_cpu *cpu, uint32_t has_limit, uint64_t limit)
{
    if (cpu->s.event || atomic_exchange(&cpu->event_sent, false)) {
        cpu->s.event = false;
        return 0;
    }
    if (has_limit && has_passed(cpu, limit))
        return 0;
    check_wfx(cpu, true, has_limit);
    doze(cpu);
    return !atomic_exchange(&cpu->event_sent, false);
}

/* No physical error ever waits.  A virtual one that is masked goes to VDISR_EL2.  Ref: the manual,
 * C6.2.98 (ESB), AArch64.vESBOperation. */
void helper_esb(struct arm_cpu *cpu)
{
    const uint64_t deferred = BIT64(31);
    uint64_t hcr = arm_hcr(cpu);

    if (cpu->s.ps.el > 1 || !(hcr & HCR_AMO) || !(hcr & HCR_VSE) || !(cpu->s.ps.daif & DAIF_A))
        return;
    cpu->s.vdisr_el2 = deferred | (cpu->s.vsesr_el2 & 0x1ffffff);
    cpu->s.hcr_el2 &= ~HCR_VSE;
}

void helper_sev(struct arm_cpu *cpu, uint32_t local)
{
    const struct machine *m = cpu->cpu.machine;

    cpu->s.event = true;
    for (unsigned i = 0; !local && i < m->ncpus; i++)
        atomic_store(&arm(m->cpus[i])->event_sent, true);
}

/* ---- state ---- */

uint64_t helper_sysreg_read(struct arm_cpu *cpu, uint32_t key, uint32_t rt)
{
    return arm_sysreg_read(cpu, key, rt);
}

void helper_sysreg_write(struct arm_cpu *cpu, uint32_t key, uint32_t rt, uint64_t val)
{
    arm_sysreg_write(cpu, key, rt, val);
}

/* DAIF at EL0 needs SCTLR_ELx.UMA. */
static void check_uma(struct arm_cpu *cpu, bool is_set)
{
    /* MSR (immediate): Op0 0, CRn 4, Rt 31, Op1 3, Op2 6 or 7 */
    uint32_t iss = (is_set ? 6u : 7u) << 17 | 3 << 14 | 4 << 10 | 31 << 5;

    if (cpu->s.ps.el == 0 && !(cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_UMA))
        arm_raise(cpu, 1, ESR(ARM_EC_SYSREG, iss));
}

void helper_set_pstate(struct arm_cpu *cpu, uint32_t field, uint32_t val)
{
    struct arm_pstate *p = &cpu->s.ps;

    switch (field) {
    case ARM_PSTATE_UAO: p->uao = val; break;
    case ARM_PSTATE_PAN: p->pan = val; break;
    case ARM_PSTATE_SPSEL:
        arm_sp_out(cpu);
        p->spsel = val;
        arm_sp_in(cpu);
        break;
    case ARM_PSTATE_DAIFSET:
        check_uma(cpu, true);
        p->daif |= val;
        break;
    case ARM_PSTATE_DAIFCLR:
        check_uma(cpu, false);
        p->daif &= ~val;
        break;
    }
    guest_mode_changed(&cpu->cpu);
    arm_irq_changed(cpu);
}

void helper_irq_changed(struct arm_cpu *cpu)
{
    arm_irq_changed(cpu);
}
