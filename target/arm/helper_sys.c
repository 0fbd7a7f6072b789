/* Helpers of system instructions and exceptions. */
#include "target/arm/cpu.h"
#include "target/arm/helpers.h"

#include "accel/tcg/guest.h"

void helper_raise(struct arm_cpu *cpu, uint32_t syndrome UNUSED, uint32_t el UNUSED)
{
    guest_unwind(&cpu->cpu);
}
