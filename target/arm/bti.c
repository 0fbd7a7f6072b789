/*
 * Branch target identification: what is left to decide when a branch has landed on an instruction
 * that it may not land on in a guarded page.
 *
 * Indirect branches note PSTATE.BTYPE and where they went.  Nobody looks until the page walk has
 * met a guarded page (ARM_MODE_BTI); from then on each unit begins with a look. Ref: DDI 0487,
 * D8.4.6 (PSTATE.BTYPE), BTypeCompatible.
 */
#include "target/arm/a64.h"
#include "target/arm/cpu_priv.h"

unsigned arm_btype(struct arm_cpu *cpu)
{
    unsigned btype = cpu->btype_pc == cpu->pc ? cpu->s.ps.btype : 0;
    if (btype != ARM_BTYPE_BR)
        return btype;
    return arm_is_guarded(cpu, cpu->btype_from) ? 3 : 1;
}

void helper_bti_check(struct arm_cpu *cpu, uint32_t insn)
{
    unsigned btype = arm_btype(cpu);
    bool is_el0 = cpu->s.ps.el == 0;
    bool bt = cpu->s.sctlr_el[arm_regime_el(cpu)] & (is_el0 ? SCTLR_BT0 : SCTLR_BT1);
    if (!(a64_landings(insn, bt) >> btype & 1) && arm_is_guarded(cpu, cpu->pc)) {
        cpu->s.ps.btype = (uint8_t)btype;
        arm_raise(cpu, 1, ESR(ARM_EC_BTI, btype));
    }
    cpu->s.ps.btype = 0;
}
