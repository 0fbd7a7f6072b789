/*
 * How an Arm program calls for semihosting: HLT #0xF000 in A64; SVC #0x123456, HLT #0xF000 in A32;
 * SVC #0xAB, HLT #0x3C in T32.  Ref: Semihosting for AArch32 and AArch64, 4 (entry).
 */
#include "core/semihost.h"

#include "core/machine.h"
#include "target/arm/cpu_priv.h"

#include <glib.h>

enum { NAP_US = 1000, SYS_HEAPINFO = 0x16 };

/* Microcontrollers begin with a stack, and libraries set up another where the answer to HEAPINFO
 * says; their idea without one fits no such memory map. */
static void tell_stack(struct arm_cpu *cpu, uint32_t arg)
{
    struct address_space *as = cpu->cpu.as;
    uint64_t block, base;

    if (mem_read(as, arg, 4, &block) == MEM_OK && mem_read(as, block + 8, 4, &base) == MEM_OK &&
        base == 0)
        mem_write(as, block + 8, 4, (uint32_t)cpu->x[13] & ~7U);
}

void arm_semihost(struct arm_cpu *cpu, unsigned len)
{
    const struct semihost *s = cpu->cpu.machine->semihost;
    uint64_t result, arg = cpu->x[1];
    bool a32 = cpu->s.ps.a32;

    if (!s || (cpu->s.ps.el == 0 && !semihost_serves_user(s)))
        return;
    if (semihost_call(&cpu->cpu, a32 ? 4 : 8, (uint32_t)cpu->x[0], a32 ? (uint32_t)arg : arg,
                      &result)) {
        if (cpu->cfg.nvic_ops && cpu->x[0] == SYS_HEAPINFO)
            tell_stack(cpu, (uint32_t)arg);
        cpu->x[0] = a32 ? (uint32_t)result : result;
        cpu->pc += len;
    } else {
        arm_pmu_not_done(cpu);
        g_usleep(NAP_US); /* the same instruction again, after the safe point */
    }
    guest_unwind(&cpu->cpu);
}
