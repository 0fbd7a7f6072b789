/*
 * The debugger's side of a machine, whatever runs its vCPUs: breakpoints, watchpoints, single step,
 * stops, registers, memory.
 *
 * A debugger works in the main loop's thread, on vCPUs that are parked.  A vCPU that has a reason
 * to stop is held: it parks itself, and stays parked when the machine goes on, until the debugger
 * says what it is to do.  Breakpoints and watchpoints are by virtual address, in every address
 * space, and hold for all vCPUs; they change only inside machine_pause(), so that vCPUs read them
 * without a lock.  Watchpoints stop before the access is done.
 */
#ifndef CORE_DEBUG_H
#define CORE_DEBUG_H

#include "core/cpu.h"
#include "util/annot.h"
#include "util/error.h"

/* What single step leaves out: bits of debug_set_step_flags(). */
enum { DEBUG_STEP_NO_IRQ = 1, DEBUG_STEP_NO_TIME = 2 };

enum { DEBUG_MAX_POINTS = 4096, DEBUG_MAX_REG_BYTES = 1024 };

/* --- for debuggers: main loop's thread --- */
/* A vCPU has stopped and is held; called from the main loop, the machine may be running. */
typedef void debug_stopped_fn(void *opaque, struct cpu *cpu, const struct debug_stop *stop);
/* Take the machine (NULL: leave it, with no points left and every vCPU let go).  One debugger at a
 * time: the later one displaces the earlier. */
void debug_attach(struct machine *m, debug_stopped_fn *stopped, void *opaque);
/* Set or remove a point; both are idempotent.  False when there are too many. */
bool debug_insert(struct machine *m, const struct debug_point *p, struct error **errp) MUST_CHECK;
void debug_remove(struct machine *m, const struct debug_point *p);
void debug_remove_all(struct machine *m);
/* What a parked vCPU does once the machine runs; start and end (exclusive) are of DEBUG_STEP_RANGE.
 * When the machine runs already it does so at once. */
void debug_set_action(struct cpu *cpu, enum debug_action action, gva start, gva end);
void debug_set_step_flags(struct machine *m, unsigned flags);
/* Park one vCPU while the machine runs (false) or let it be. */
void debug_hold(struct cpu *cpu);
bool debug_is_held(const struct cpu *cpu);

/* Bytes at a virtual address, or at a physical one; false when some are not there.  Reads leave no
 * trace in devices; writes reach ROM, and registers as a store would. */
bool debug_read(struct cpu *cpu, bool physical, gva addr, void *buf, size_t len) MUST_CHECK;
bool debug_write(struct cpu *cpu, bool physical, gva addr, const void *buf, size_t len) MUST_CHECK;
/* One register of ops->debug_regs(), (bits + 7) / 8 bytes, little endian; false when it does not
 * exist now. */
bool debug_reg_read(struct cpu *cpu, const struct debug_reg *reg, uint8_t *buf) MUST_CHECK;
bool debug_reg_write(struct cpu *cpu, const struct debug_reg *reg, const uint8_t *buf) MUST_CHECK;

/* --- for the machine --- */
struct debug *debug_new(struct machine *m);
void debug_free(struct debug *d);
/* Virtual time stands still although the machine runs: no vCPU does but those that step. */
bool debug_stops_time(const struct machine *m);

/* --- for accelerators: the vCPU's thread; only while cpu->debug.active, unless said --- */
/* Whether a breakpoint is set at an address that agrees with pc in the bits of mask (any time). */
bool debug_break_at(const struct debug *d, gva pc, gva mask);
/* Whether some breakpoint, or watchpoint, meets [first, first + len) (any time). */
bool debug_breaks_in(const struct debug *d, gva first, uint64_t len);
bool debug_watches(const struct debug *d, gva first, uint64_t len);
/* The vCPU is about to run the instruction at pc: true when it is held instead. */
bool debug_before(struct cpu *cpu, gva pc);
/* It must run one instruction only, then call debug_after() with the new pc. */
bool debug_is_single(const struct cpu *cpu);
void debug_after(struct cpu *cpu, gva pc);
/* Whether interrupts are to wait. */
bool debug_blocks_irqs(const struct cpu *cpu);
/* It is about to access memory: true when it is held instead and the access must not be done. */
bool debug_access(struct cpu *cpu, gva addr, unsigned size, bool is_write);

#endif
