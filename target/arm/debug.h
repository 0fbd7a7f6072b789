/* Self-hosted debug (debug.c): breakpoints and watchpoints that the guest has set. */
#ifndef TARGET_ARM_DEBUG_H
#define TARGET_ARM_DEBUG_H

#include "accel/tcg/guest.h"
#include "target/arm/cpu.h"

/* DBGVCR: U, S, P, D, I and F of the current, of Monitor mode's and of the other world's vectors.
 */
#define ARM_VCR_BITS UINT32_C(0xde00dede)
/* The exception level that debug exceptions of the current one go to. */
unsigned arm_debug_target(const struct arm_cpu *cpu);
/* Whether they are generated here, the OS lock, MDCR_ELx and PSTATE.D considered. */
bool arm_debug_exceptions_enabled(const struct arm_cpu *cpu);
/* OSDLR_EL1 is written: bit 0 keeps debug exceptions from being generated. */
void arm_set_double_lock(struct arm_cpu *cpu, uint64_t val);
/* step.c: a synchronous exception at the pc slot is about to be entered. */
void arm_unstep(struct arm_cpu *cpu);
/* PSTATE.SS after a return with spsr, whose other fields are in place; was_enabled: debug
 * exceptions were where it came from.  Ref: the manual, DebugExceptionReturnSS. */
bool arm_returns_stepping(const struct arm_cpu *cpu, uint32_t spsr, bool was_enabled);
/* DBGBCR, DBGBVR, DBGWCR or DBGWVR was written, or loaded. */
void arm_debug_changed(struct arm_cpu *cpu);
/* Whether some breakpoint may match at the current level: units are to ask (ARM_MODE_BREAK). */
bool arm_breaks(const struct arm_cpu *cpu);
/* Of a successful walk: what watchpoints make of it. */
void arm_debug_limit(const struct arm_cpu *cpu, gva addr, enum guest_access access,
                     struct guest_walk *out);
/* Whether the access is one that raises a Watchpoint exception. */
bool arm_watches(struct arm_cpu *cpu, gva addr, unsigned size, bool is_write, bool is_user);
/* Enter that exception. */
void arm_take_watchpoint(struct arm_cpu *cpu, gva addr, bool is_write, bool is_maintenance);

#endif
