/*
 * Interrupt controllers of x86 processors: the contract between the target, which asks for vectors
 * and decodes MSR and CR8 accesses, and the device that answers (a local APIC, or on processors
 * without one the 8259 pair).
 *
 * The board hands `apic_ops` with its opaque to the target, and the target's `apic_cpu_ops` with
 * the cpu to the device.
 */
#ifndef CORE_APIC_H
#define CORE_APIC_H

#include "core/types.h"

#include <stdbool.h>
#include <stdint.h>

enum { MSR_IA32_APIC_BASE = 0x1b, MSR_IA32_TSC_DEADLINE = 0x6e0 };
enum { MSR_X2APIC_FIRST = 0x800, MSR_X2APIC_LAST = 0x8ff };
enum { /* of IA32_APIC_BASE */
       APIC_BASE_BSP = 1 << 8,
       APIC_BASE_X2APIC = 1 << 10,
       APIC_BASE_ENABLE = 1 << 11,
};

/*
 * Asked by the target on the vCPU's own thread, without locks; opaque is this vCPU's.  Where there
 * is no local APIC, all but has_interrupt and accept are NULL.
 */
struct apic_ops {
    /* Whether a maskable interrupt is there for the processor to take once EFLAGS.IF allows it:
     * a vector above the processor's priority, or the 8259's INTR through LINT0. */
    bool (*has_interrupt)(void *opaque);
    /* Take it: the interrupt acknowledge cycle.  The vector; an interrupt that has gone meanwhile
     * gives the spurious vector of whoever had asked.  -1: there is none at all. */
    int (*accept)(void *opaque);
    /* Bits 7:4 of the task priority register, as CR8 shows them (0 to 15). */
    unsigned (*get_tpr)(void *opaque);
    void (*set_tpr)(void *opaque, unsigned cr8);
    /* MSR_IA32_APIC_BASE, MSR_IA32_TSC_DEADLINE and MSR_X2APIC_*; false: #GP(0).  Reserved bits,
     * modes and transitions between them are checked here. */
    bool (*msr_read)(void *opaque, uint32_t msr, uint64_t *val);
    bool (*msr_write)(void *opaque, uint32_t msr, uint64_t val);
    /* What INIT does to it: all but the ID, the base and the mode.  A machine's reset resets the
     * device itself. */
    void (*init)(void *opaque);
};

/*
 * Told by the device, from any thread and with any lock held: each may set atomics of the vCPU and
 * cpu_request() it, no more.
 */
struct apic_cpu_ops {
    /* has_interrupt() may have become true (or false); let the vCPU ask. */
    void (*interrupt)(struct cpu *cpu);
    void (*nmi)(struct cpu *cpu);
    void (*smi)(struct cpu *cpu);
    /* INIT: as the pin does it (waits for a start-up IPI unless it is the boot processor). */
    void (*init)(struct cpu *cpu);
    /* Start-up at vector << 12, ignored unless it waits for that. */
    void (*sipi)(struct cpu *cpu, uint8_t vector);
    /* Virtual time at which its time-stamp counter reaches tsc, for TSC-deadline; a past one if it
     * has.  When the counter is written, the target calls apic_ops.msr_write with the deadline it
     * reads. */
    ns_t (*tsc_time)(struct cpu *cpu, uint64_t tsc);
};

#endif
