/*
 * How an Arm program calls for semihosting: HLT #0xF000 in A64; SVC #0x123456, HLT #0xF000 in A32;
 * SVC #0xAB, HLT #0x3C in T32.  Ref: Semihosting for AArch32 and AArch64, 4 (entry).
 */
#include "core/semihost.h"

#include "core/machine.h"
#include "target/arm/cpu_priv.h"

#include <glib.h>

enum { NAP_US = 1000 };

void arm_semihost(struct arm_cpu *cpu, unsigned len)
{
    const struct semihost *s = cpu->cpu.machine->semihost;
    uint64_t result, arg = cpu->x[1];
    bool a32 = cpu->s.ps.a32;

    if (!s || (cpu->s.ps.el == 0 && !semihost_serves_user(s)))
        return;
    if (semihost_call(&cpu->cpu, a32 ? 4 : 8, (uint32_t)cpu->x[0], a32 ? (uint32_t)arg : arg,
                      &result)) {
        cpu->x[0] = a32 ? (uint32_t)result : result;
        cpu->pc += len;
    } else {
        g_usleep(NAP_US); /* the same instruction again, after the safe point */
    }
    guest_unwind(&cpu->cpu);
}
