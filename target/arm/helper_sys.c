/* Helpers of system instructions and exceptions.  On entry of one that may raise, the pc slot holds
 * the instruction's own address. */
#include "target/arm/helpers.h"

#include "target/arm/cpu_priv.h"

void helper_raise(struct arm_cpu *cpu, uint32_t syndrome, uint32_t el)
{
    arm_raise(cpu, el, syndrome);
}

void helper_hlt(struct arm_cpu *cpu, uint32_t imm)
{
    if (imm == 0xf000)
        arm_semihost(cpu, 4);
    arm_raise_undefined(cpu); /* halting debug is not there */
}
