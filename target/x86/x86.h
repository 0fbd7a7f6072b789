/* x86 processors as boards and main see them. */
#ifndef TARGET_X86_X86_H
#define TARGET_X86_X86_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct cpu;
struct machine;
struct apic_ops;
struct apic_cpu_ops;
struct address_space;

/*
 * Interrupt inputs: n of cpu_irq_set().  INTR is the 8259's line where there is no local APIC, or
 * its ExtINT; APIC is the local APIC's own ("a vector above the processor's priority is pending").
 * NMI, SMI and INIT are edges: the processor latches them.
 */
enum { X86_LINE_INTR, X86_LINE_APIC, X86_LINE_NMI, X86_LINE_SMI, X86_LINE_INIT, X86_LINES };

/* Drive one, as cpu_irq_set(); a rising edge of NMI, SMI and INIT sticks.  Any thread; opaque is
 * the cpu. */
void x86_irq_set(void *opaque, unsigned n, bool level);
/* What a local APIC tells its processor (core/apic.h). */
extern const struct apic_cpu_ops x86_apic_cpu_ops;

/* What the board decides about its processors. */
struct x86_cpu_config {
    uint32_t apic_id;
    bool is_bsp;
    unsigned sockets, cores, threads; /* of the machine, for CPUID leaves 4, 0xb, 0x1f */
};

/* Create a processor of a model with features ("Haswell,-avx2,+rdrand") and add it to the machine;
 * NULL and *errp otherwise.  The class's arch ("x86_64", "i386") says what models there are. */
struct cpu *x86_cpu_new(struct machine *m, const char *model, const struct x86_cpu_config *config,
                        struct error **errp) MUST_CHECK;
/* The interrupt acknowledge cycle of the 8259: the vector.  Called on the vCPU's thread, which has
 * seen X86_LINE_INTR; without one, vector 255. */
void x86_cpu_set_pic(struct cpu *cpu, unsigned (*acknowledge)(void *opaque), void *opaque);
/* Its local APIC (core/apic.h); without one CPUID says so and MSR 0x1b is not there. */
void x86_cpu_set_apic(struct cpu *cpu, const struct apic_ops *ops, void *apic);
/* Whether its model and -cpu say that it has a local APIC, and whether with x2APIC. */
bool x86_cpu_wants_apic(const struct cpu *cpu, bool *x2apic);
/* What it sees of memory in SMM, with SMRAM open; NULL: the same as otherwise. */
void x86_cpu_set_smm_space(struct cpu *cpu, struct address_space *as);
/* Where code starts instead of at the reset vector 0xfffffff0: for kernels that the emulator
 * loads.  Survives resets.  For what Linux' boot protocols and PVH want: 32-bit protected mode,
 * paging off, flat segments, interrupts off; esi or ebx points to the boot information. */
struct x86_boot {
    uint32_t eip, eax, ebx, esi, esp;
    uint32_t gdt; /* address of a table with flat code at selector 0x10 and data at 0x18 */
    uint16_t gdt_limit;
};
void x86_cpu_set_boot(struct cpu *cpu, const struct x86_boot *boot);
/* Gate A20: address bit 20 of all physical accesses is 0 while it is off.  Any thread. */
void x86_cpu_set_a20(struct cpu *cpu, bool on);
/* The FERR# output of the x87 unit goes to IRQ 13 and is cleared by port 0xf0. */
struct irq *x86_cpu_ferr(struct cpu *cpu);
void x86_cpu_clear_ferr(struct cpu *cpu);
/* Frequency of the time stamp counter in Hz. */
uint64_t x86_tsc_hz(struct cpu *cpu);
unsigned x86_phys_bits(struct cpu *cpu);
/* -cpu help of an architecture; and -cpu MODEL,help. */
void x86_cpu_list(FILE *f, unsigned bits);
bool x86_cpu_help(const char *model, FILE *f, struct error **errp);

#endif
