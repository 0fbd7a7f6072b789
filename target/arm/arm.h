/* Arm processors as boards and main see them. */
#ifndef TARGET_ARM_ARM_H
#define TARGET_ARM_ARM_H

#include "core/intc.h"
#include "core/nvic.h"
#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cpu;
struct irq;
struct machine;

/* Interrupt inputs: n of cpu_irq_set(). */
enum { ARM_LINE_IRQ, ARM_LINE_FIQ, ARM_LINE_VIRQ, ARM_LINE_VFIQ, ARM_LINES };

/* Outputs of the generic timers, each with a PPI of its own on the usual boards. */
enum arm_timer {
    ARM_TIMER_PHYS,    /* CNTP, non-secure EL1: PPI 14 (INTID 30) */
    ARM_TIMER_VIRT,    /* CNTV: PPI 11 (27) */
    ARM_TIMER_HYP,     /* CNTHP: PPI 10 (26) */
    ARM_TIMER_SEC,     /* CNTPS: PPI 13 (29) */
    ARM_TIMER_HYPVIRT, /* CNTHV: PPI 12 (28) */
    ARM_TIMERS
};

enum arm_psci { ARM_PSCI_NONE, ARM_PSCI_HVC, ARM_PSCI_SMC };

/* What the board decides about its processors. */
struct arm_cpu_config {
    bool has_el2, has_el3; /* as far as the model has them */
    bool start_off;        /* powered off until PSCI's CPU_ON */
    uint64_t mpidr;        /* affinity fields */
    uint64_t reset_pc;     /* RVBAR */
    enum arm_psci psci;    /* calls that the emulator answers itself, for want of firmware */
    /* M-profile processors: their interrupt controller, which arm_cpu_new() connects; it starts by
     * the vector table at its NVIC_VTOR.  NULL: the board has none, and takes no such processor. */
    const struct nvic_ops *nvic_ops;
    void *nvic;
};

/* Create a processor of a model with properties ("cortex-a57,pmu=off") and add it to the machine;
 * NULL and *errp otherwise.  The class's arch ("aarch64", "arm") says what models there are. */
struct cpu *arm_cpu_new(struct machine *m, const char *model, const struct arm_cpu_config *config,
                        struct error **errp) MUST_CHECK;
/* How the processor begins instead of at its reset vector: in AArch64 or AArch32 state, at pc in
 * exception level el (not secure), with x0..x3 (r0..r3); PSTATE as Linux wants it (interrupts
 * masked, MMU off).  Survives resets. */
void arm_cpu_set_boot(struct cpu *cpu, uint64_t pc, unsigned el, const uint64_t x[4]);
bool arm_is_aarch64(struct cpu *cpu);        /* the highest exception level uses AArch64 */
const char *arm_compatible(struct cpu *cpu); /* "arm,cortex-a57": for the device tree; static */
uint64_t arm_mpidr(struct cpu *cpu);
bool arm_has_pmu(struct cpu *cpu);
unsigned arm_pa_bits(struct cpu *cpu); /* width of physical addresses */
/* Where to connect the outputs; owned by the processor. */
struct irq *arm_timer_irq(struct cpu *cpu, enum arm_timer t);
struct irq *arm_pmu_irq(struct cpu *cpu);
/* Frequency of the generic timers in Hz; 62500000 until set. */
void arm_cpu_set_timer_hz(struct cpu *cpu, uint64_t hz);
/* The system-register interface of a GICv3; without it ICC_* registers are undefined and
 * ID_AA64PFR0_EL1.GIC is 0.  Before the machine starts. */
void arm_cpu_set_gicv3(struct cpu *cpu, const struct gicv3_cpu_ops *ops, void *gic);
/* -cpu help of an architecture; and -cpu MODEL,help. */
void arm_cpu_list(FILE *f, unsigned bits);
bool arm_cpu_help(const char *model, FILE *f, struct error **errp);

/* A physical address of the secure world is this plus the address: boards with secure memory map it
 * there, and an alias of everything else. */
#define ARM_SECURE_SPACE (UINT64_C(1) << 60)

#endif
