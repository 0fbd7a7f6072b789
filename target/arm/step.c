/*
 * Software step: the exception after each instruction.
 *
 * PSTATE.SS is cleared before the instruction; an exception of the instruction itself, which is to
 * run again, finds it set (arm_unstep()).  Ref: DDI 0487, D2.12 (software step).
 */
#include "target/arm/cpu_priv.h"
#include "target/arm/debug.h"
#include "target/arm/helpers.h"

enum { ISS_ISV = 1 << 24, ISS_EX = 1 << 6, IFSC_DEBUG = 0x22 };

/* PSTATE.SS set: one instruction may run.  Clear: it has, or SPSR said that none may. */
void helper_step(struct arm_cpu *cpu, uint32_t is_exclusive)
{
    struct arm_pstate *p = &cpu->s.ps;
    unsigned el = arm_debug_target(cpu);
    if (p->ss) {
        p->ss = false;
        cpu->stepped = is_exclusive ? ARM_STEPPED_EXCLUSIVE : ARM_STEPPED;
        cpu->step_pc = cpu->pc;
        return;
    }
    uint32_t iss = IFSC_DEBUG | (cpu->stepped ? ISS_ISV : 0) |
                   (cpu->stepped == ARM_STEPPED_EXCLUSIVE ? ISS_EX : 0);
    cpu->stepped = ARM_NOT_STEPPED;
    arm_raise(cpu, el, ESR(p->el < el ? ARM_EC_STEP_LOWER : ARM_EC_STEP_SAME, iss));
}

void arm_unstep(struct arm_cpu *cpu)
{
    if (cpu->stepped && cpu->pc == cpu->step_pc)
        cpu->s.ps.ss = true;
}

bool arm_returns_stepping(const struct arm_cpu *cpu, uint32_t spsr, bool was_enabled)
{
    return (spsr & SPSR_SS) && (cpu->s.mdscr_el1 & MDSCR_SS) && !was_enabled &&
           arm_debug_exceptions_enabled(cpu);
}
