/* Software step: the exception after each instruction.  Ref: DDI 0487, D2.12 (software step). */
#include "target/arm/cpu_priv.h"
#include "target/arm/helpers.h"

enum { ISS_ISV = 1 << 24, ISS_EX = 1 << 6, IFSC_DEBUG = 0x22 };

/* PSTATE.SS set: one instruction may run.  Clear: it has, or SPSR said that none may. */
void helper_step(struct arm_cpu *cpu, uint32_t is_exclusive)
{
    struct arm_pstate *p = &cpu->s.ps;
    bool to_el2 =
        arm_el2_enabled(cpu) && ((cpu->s.mdcr_el2 & MDCR2_TDE) || (cpu->s.hcr_el2 & HCR_TGE));
    unsigned el = to_el2 ? 2 : 1;
    if (p->ss) {
        p->ss = false;
        cpu->stepped = is_exclusive ? ARM_STEPPED_EXCLUSIVE : ARM_STEPPED;
        return;
    }
    uint32_t iss = IFSC_DEBUG | (cpu->stepped ? ISS_ISV : 0) |
                   (cpu->stepped == ARM_STEPPED_EXCLUSIVE ? ISS_EX : 0);
    cpu->stepped = ARM_NOT_STEPPED;
    arm_raise(cpu, el, ESR(p->el < el ? ARM_EC_STEP_LOWER : ARM_EC_STEP_SAME, iss));
}
