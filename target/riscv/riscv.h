/* RISC-V harts as boards and main see them. */
#ifndef TARGET_RISCV_RISCV_H
#define TARGET_RISCV_RISCV_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct cpu;
struct machine;

/* Interrupt inputs: n of cpu_irq_set(); also their bits in mip. Ref: Priv. 3.1.9. */
enum {
    RISCV_IRQ_SSI = 1,
    RISCV_IRQ_MSI = 3,
    RISCV_IRQ_STI = 5,
    RISCV_IRQ_MTI = 7,
    RISCV_IRQ_SEI = 9,
    RISCV_IRQ_MEI = 11
};

/* Create a hart of a model with properties ("rv64,zba=off,sv48=on") and add it to the machine; NULL
 * and *errp otherwise. */
struct cpu *riscv_cpu_new(struct machine *m, const char *model, unsigned hartid,
                          struct error **errp) MUST_CHECK;
/* "rv64imafdc_zicsr_..." for riscv,isa; owned by the caller (g_free). */
char *riscv_isa_string(struct cpu *cpu);
/* Names for riscv,isa-extensions; returns how many; pointers are static. */
size_t riscv_isa_extensions(struct cpu *cpu, const char *out[], size_t max);
const char *
riscv_mmu_type(struct cpu *cpu); /* "riscv,sv57", "riscv,sv48", ..., NULL without an MMU */
unsigned riscv_xlen(struct cpu *cpu);
bool riscv_has(struct cpu *cpu, const char *ext); /* "zicbom" */
/* Bytes of the blocks that Zicbom and Zicboz work on, 0 without the extension: for
 * riscv,cbom-block-size. */
unsigned riscv_cbom_block_size(struct cpu *cpu);
unsigned riscv_cboz_block_size(struct cpu *cpu);
void riscv_cpu_set_reset_pc(struct cpu *cpu, uint64_t pc);
/* The time CSR: one tick every period nanoseconds of virtual time, plus offset ticks. */
void riscv_cpu_set_time_period(struct cpu *cpu, uint64_t period);
void riscv_cpu_set_time_offset(struct cpu *cpu, int64_t ticks);
/* Give the hart the registers of an IMSIC of machine or supervisor level, and with it Smaia and
 * Ssaia; opaque for ops.  Before the machine starts. */
struct imsic_ops;
void riscv_cpu_set_imsic(struct cpu *cpu, bool supervisor, const struct imsic_ops *ops,
                         void *imsic);
/* Drive an interrupt input, as cpu_irq_set(), but a pulse on RISCV_IRQ_SSI sticks until the hart
 * clears sip.SSIP (SSWI). */
void riscv_irq_set(void *cpu, unsigned n, bool level);
/* -cpu help for xlen 32 or 64; and -cpu MODEL,help. */
void riscv_cpu_list(FILE *f, unsigned xlen);
bool riscv_cpu_help(const char *model, FILE *f, struct error **errp);

#endif
