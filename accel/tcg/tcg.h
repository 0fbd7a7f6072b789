/* The translating accelerator, as main sees it. */
#ifndef ACCEL_TCG_TCG_H
#define ACCEL_TCG_TCG_H

#include "accel/tcg/guest.h"
#include "core/accel.h"

extern const struct accel_ops tcg_accel_ops;

/* Tie a vCPU to its target's operations: once, by the target, after cpu_init().  False when the
 * engine asked for is missing here. */
bool tcg_cpu_attach(struct cpu *cpu, const struct guest_ops *ops, struct error **errp);
/* -icount, for an accelerator's properties: virtual time is the number of instructions << shift, in
 * nanoseconds; while the vCPU waits, it goes on by the host's clock (sleeps) or jumps to the next
 * timer. One vCPU only.  Before the machine is made. */
void tcg_count_instructions(void *props, unsigned shift, bool sleeps);
/* Write a perf map (/tmp/perf-PID.map) of translated units; before the first vCPU runs. */
void tcg_enable_perf_map(void);

#endif
