/* Helpers of A32 and T32 system instructions: PSTATE, banked registers, exceptions and return. */
#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/helpers.h"

#include "util/log.h"

static uint32_t low(uint64_t v)
{
    return (uint32_t)v;
}

/* --- exception generation --- */

void helper_a32_semihost(struct arm_cpu *cpu, uint32_t len)
{
    arm_semihost(cpu, len);
}

static void advance(struct arm_cpu *cpu, unsigned len)
{
    cpu->pc = (uint32_t)(cpu->pc + len);
    helper_a32_advance_it(cpu);
}

/* HVC is undefined without EL2, in secure state, and unless SCR.HCE says otherwise.  Ref: F5.1.51.
 */
void helper_a32_hvc(struct arm_cpu *cpu, uint32_t imm)
{
    const struct arm_state *s = &cpu->s;
    unsigned len = 4;
    if (cpu->cfg.psci == ARM_PSCI_HVC && arm_a32_psci(cpu, len))
        guest_unwind(&cpu->cpu);
    if (!arm_has_el2(cpu) || arm_is_secure(cpu) || (arm_has_el3(cpu) && !(s->scr_el3 & SCR_HCE)) ||
        (!arm_has_el3(cpu) && (s->hcr_el2 & HCR_HCD)))
        arm_raise_undefined(cpu);
    advance(cpu, len);
    arm_take_sync(cpu, 2, ESR(ARM_EC_HVC32, imm));
    guest_unwind(&cpu->cpu);
}

void helper_a32_smc(struct arm_cpu *cpu, uint32_t cond)
{
    if (cpu->s.ps.el < 2 && (arm_hcr(cpu) & HCR_TSC))
        arm_raise(cpu, 2, ESR(ARM_EC_SMC32, cond & 0x1f00000));
    if (cpu->cfg.psci == ARM_PSCI_SMC && arm_a32_psci(cpu, 4))
        guest_unwind(&cpu->cpu);
    if (!arm_has_el3(cpu) || (cpu->s.scr_el3 & SCR_SMD))
        arm_raise_undefined(cpu);
    advance(cpu, 4);
    arm_take_sync(cpu, 3, ESR(ARM_EC_SMC32, 0));
    guest_unwind(&cpu->cpu);
}

/* --- return --- */

static void return_to(struct arm_cpu *cpu, uint32_t pc, uint32_t psr)
{
    arm_return(cpu, psr | SPSR_NRW, pc);
}

void helper_a32_return(struct arm_cpu *cpu, uint32_t pc)
{
    const uint64_t *spsr = arm_a32_spsr(cpu, cpu->s.ps.mode);
    return_to(cpu, pc, spsr ? low(*spsr) : 0);
}

void helper_a32_rfe(struct arm_cpu *cpu, uint32_t pc, uint32_t psr)
{
    return_to(cpu, pc, psr);
}

uint32_t helper_a32_elr_hyp(struct arm_cpu *cpu)
{
    return low(cpu->s.elr_el[2]);
}

/* --- PSTATE --- */

/* Execution state reads as zero.  Ref: F5.1.116 (MRS). */
uint32_t helper_a32_get_cpsr(struct arm_cpu *cpu)
{
    const uint32_t execution = 0x0600fc00 | SPSR_T | SPSR_SS | 1u << 24;
    return arm_spsr_from_pstate(cpu) & ~execution;
}

/* Bits of PSTATE.AIF that a write may change.  Ref: G1.9.3 (CPSRWriteByInstr). */
static uint32_t writable_masks(const struct arm_cpu *cpu, uint32_t value)
{
    const uint32_t bit_a = 1u << 8, bit_i = 1u << 7, bit_f = 1u << 6;
    uint32_t bits = bit_a | bit_i | bit_f;
    bool is_v7_ns = arm_el3_is_a32(cpu) && !arm_is_secure(cpu) && !arm_has_el2(cpu);
    if (is_v7_ns && !(cpu->s.scr_el3 & 1u << 5))
        bits &= ~bit_a;
    if (is_v7_ns && !(cpu->s.scr_el3 & 1u << 4))
        bits &= ~bit_f;
    if ((cpu->s.sctlr_el[arm_a32_bank(cpu)] & 1u << 27) && (value & bit_f) == 0)
        bits |= bit_f; /* NMFI: may be cleared only */
    return bits;
}

/* Whether the current mode may be changed to another by an instruction.  Ref: G1.9.3
 * (AArch32.WriteMode, BadMode). */
static bool may_change_mode(const struct arm_cpu *cpu, unsigned mode)
{
    bool secure = arm_is_secure(cpu);
    switch (mode) {
    case A32_USR:
    case A32_FIQ:
    case A32_IRQ:
    case A32_SVC:
    case A32_ABT:
    case A32_UND:
    case A32_SYS: return cpu->s.ps.mode != A32_HYP;
    case A32_MON: return arm_el3_is_a32(cpu) && secure;
    case A32_HYP: return cpu->s.ps.mode == A32_HYP;
    }
    return false;
}

static void change_mode(struct arm_cpu *cpu, unsigned mode)
{
    struct arm_pstate *p = &cpu->s.ps;
    if (mode == p->mode)
        return;
    if (!may_change_mode(cpu, mode)) {
        p->il = arm_has(cpu, ARM_F_V8);
        log_guest_error("CPSR: mode 0x%x is none that mode 0x%x may change to\n", mode, p->mode);
        return;
    }
    arm_a32_set_mode(cpu, mode);
    p->el = mode == A32_USR ? 0 : mode == A32_MON ? 3 : mode == A32_HYP ? 2 : arm_a32_bank(cpu);
}

void helper_a32_set_cpsr(struct arm_cpu *cpu, uint32_t value, uint32_t bits)
{
    struct arm_pstate *p = &cpu->s.ps;
    uint32_t aif = bits & writable_masks(cpu, value);
    if (bits >> 28)
        cpu->flags = arm_flags_from_nzcv(value);
    if (bits & SPSR_Q)
        cpu->qf = value >> 27 & 1;
    if (bits >> 16 & 15)
        cpu->ge = value >> 16 & 15;
    if (bits & SPSR_E)
        p->be = value & SPSR_E;
    p->daif = (uint8_t)((p->daif & ~(aif >> 6)) | (value & aif) >> 6) & 15;
    if (bits & 31) {
        change_mode(cpu, value & 31);
        arm_pmu_level_changed(cpu);
    }
    guest_mode_changed(&cpu->cpu);
    arm_irq_changed(cpu);
}

void helper_a32_setend(struct arm_cpu *cpu, uint32_t be)
{
    unsigned regime = arm_regime_el(cpu);
    if (cpu->s.sctlr_el[regime] & SCTLR_SED && arm_has(cpu, ARM_F_V8))
        arm_raise_undefined(cpu);
    cpu->s.ps.be = be;
    guest_mode_changed(&cpu->cpu);
}

void helper_a32_setpan(struct arm_cpu *cpu, uint32_t pan)
{
    cpu->s.ps.pan = pan;
    guest_mode_changed(&cpu->cpu);
}

uint32_t helper_a32_get_spsr(struct arm_cpu *cpu)
{
    const uint64_t *spsr = arm_a32_spsr(cpu, cpu->s.ps.mode);
    return spsr ? low(*spsr) : 0;
}

void helper_a32_set_spsr(struct arm_cpu *cpu, uint32_t value, uint32_t bits)
{
    uint64_t *spsr = arm_a32_spsr(cpu, cpu->s.ps.mode);
    if (spsr)
        *spsr = (*spsr & ~(uint64_t)bits) | (value & bits);
}

/* --- banked registers --- */

uint32_t helper_a32_get_user(struct arm_cpu *cpu, uint32_t n)
{
    return low(*arm_a32_banked(cpu, A32_USR, n));
}

void helper_a32_set_user(struct arm_cpu *cpu, uint32_t n, uint32_t value)
{
    *arm_a32_banked(cpu, A32_USR, n) = value;
}

/* Ref: F5.1.117: the current mode's own, and what a security state does not have, are not for
 * these instructions. */
static bool may_access(const struct arm_cpu *cpu, uint32_t bank, uint32_t n)
{
    unsigned mode = bank & 31, now = cpu->s.ps.mode;
    if (!(bank & A32_BANK_SRS)) {
        bool hyp_own = mode == A32_HYP && now == A32_HYP && n == A32_REG_ELR_HYP;
        if (mode == now && !hyp_own)
            return false;
        if (mode == A32_USR && now == A32_SYS)
            return false;
    }
    switch (mode) {
    case A32_USR:
    case A32_SYS:
    case A32_FIQ:
    case A32_IRQ:
    case A32_SVC:
    case A32_ABT:
    case A32_UND: return true;
    case A32_MON: return arm_el3_is_a32(cpu) && arm_is_secure(cpu);
    case A32_HYP:
        return !(bank & A32_BANK_SRS) && arm_has_el2(cpu) && (now == A32_MON || now == A32_HYP);
    }
    return false;
}

static uint64_t *banked_place(struct arm_cpu *cpu, uint32_t bank, uint32_t n)
{
    unsigned mode = bank & 31;
    uint64_t *place = NULL;
    if (may_access(cpu, bank, n))
        place = n == A32_REG_SPSR      ? arm_a32_spsr(cpu, mode)
                : n == A32_REG_ELR_HYP ? &cpu->s.elr_el[2]
                                       : arm_a32_banked(cpu, mode, n);
    if (!place)
        arm_raise_undefined(cpu);
    return place;
}

uint32_t helper_a32_get_banked(struct arm_cpu *cpu, uint32_t bank, uint32_t n)
{
    return low(*banked_place(cpu, bank, n));
}

void helper_a32_set_banked(struct arm_cpu *cpu, uint32_t bank, uint32_t n, uint32_t value)
{
    *banked_place(cpu, bank, n) = value;
}
