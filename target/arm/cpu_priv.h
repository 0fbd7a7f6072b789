/* Shared between the files of target/arm that make up the processor: no matter of translation. */
#ifndef TARGET_ARM_CPU_PRIV_H
#define TARGET_ARM_CPU_PRIV_H

#include "accel/tcg/guest.h"
#include "target/arm/bits.h"
#include "target/arm/cpu.h"
#include "util/bits.h"

/* --- exception levels --- */

static inline bool arm_has_el2(const struct arm_cpu *cpu)
{
    return arm_has(cpu, ARM_F_VIRT);
}
static inline bool arm_has_el3(const struct arm_cpu *cpu)
{
    return arm_has(cpu, ARM_F_SECURE);
}
/* EL0 to EL2 are secure; without EL3 the processor is non-secure. */
static inline bool arm_is_secure_below(const struct arm_cpu *cpu)
{
    return arm_has_el3(cpu) && !(cpu->s.scr_el3 & SCR_NS);
}
static inline bool arm_is_secure(const struct arm_cpu *cpu)
{
    return arm_has_el3(cpu) && (cpu->s.ps.el == 3 || !(cpu->s.scr_el3 & SCR_NS));
}
/* EL2 exists and is enabled in the current security state. */
static inline bool arm_el2_enabled(const struct arm_cpu *cpu)
{
    return arm_has_el2(cpu) && !arm_is_secure_below(cpu);
}
/* HCR_EL2 as far as it has effects: 0 while EL2 is disabled. */
uint64_t arm_hcr(const struct arm_cpu *cpu);
static inline bool arm_is_host(const struct arm_cpu *cpu) /* {E2H,TGE} is {1,1} */
{
    return (arm_hcr(cpu) & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);
}
/* Whether an exception level uses AArch64; EL0's is the current one's when there. */
bool arm_el_is_a64(const struct arm_cpu *cpu, unsigned el);
unsigned arm_highest_el(const struct arm_cpu *cpu);
/* The level whose SCTLR, TCR and TTBRs the current level uses: 1, 2, 3. */
unsigned arm_regime_el(const struct arm_cpu *cpu);
/* The regime of an MMU index: the exception level that controls it, and whether it is EL2&0. */
unsigned arm_idx_regime(unsigned idx);

/* --- PSTATE --- */

/* PSTATE as SPSR_ELx holds it. */
uint32_t arm_spsr_from_pstate(struct arm_cpu *cpu);
uint32_t arm_flags_to_nzcv(uint32_t flags); /* bits 31..28 */
uint32_t arm_flags_from_nzcv(uint32_t nzcv);
/* Make x[31] the stack pointer that PSTATE.{EL,SP} names; around changes of them. */
void arm_sp_out(struct arm_cpu *cpu);
void arm_sp_in(struct arm_cpu *cpu);
/* AArch32: make r8..r14 those of a mode. */
void arm_a32_set_mode(struct arm_cpu *cpu, unsigned mode);
/* Mode, space and interrupts after anything about them changed. */
void arm_state_changed(struct arm_cpu *cpu);

/* --- exceptions (except.c) --- */

enum arm_vector {
    ARM_VECTOR_SYNC = 0,
    ARM_VECTOR_IRQ = 0x80,
    ARM_VECTOR_FIQ = 0x100,
    ARM_VECTOR_SERROR = 0x180
};
/* Enter an exception at an AArch64 level; the pc slot is the preferred return address. */
void arm_enter_a64(struct arm_cpu *cpu, unsigned el, enum arm_vector vector, uint32_t esr);
/* Take the synchronous exception of the instruction at the pc slot to el, or where el's are routed
 * (HCR_EL2.TGE). */
void arm_take_sync(struct arm_cpu *cpu, unsigned el, uint32_t esr);
/* The same with FAR_ELx. */
void arm_take_abort(struct arm_cpu *cpu, unsigned el, uint32_t esr, uint64_t far);
/* The same as arm_take_sync() and leave translated code. */
void arm_raise(struct arm_cpu *cpu, unsigned el, uint32_t esr) NORETURN;
/* Unallocated or disabled instruction. */
void arm_raise_undefined(struct arm_cpu *cpu) NORETURN;
/* Exception return to what spsr says, at pc. */
void arm_return(struct arm_cpu *cpu, uint32_t spsr, uint64_t pc);
bool arm_interrupt(struct cpu *cpu);
bool arm_has_work(struct cpu *cpu);
/* sysreg_gic.c: of a processor with EL3 and a GICv3: the exception level may have changed. */
void arm_tell_gic(struct arm_cpu *cpu);
/* Something about pending or masked interrupts changed. */
void arm_irq_changed(struct arm_cpu *cpu);
void arm_raise_fault(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx,
                     uint32_t cause);

/* --- cpu.c --- */
extern const struct cpu_ops arm64_cpu_ops, arm32_cpu_ops;
extern const struct guest_ops arm_guest_ops, arm32_guest_ops;
uint32_t arm_mode(struct cpu *cpu);
/* The MMU index of loads and stores at the current level, enum arm_idx. */
unsigned arm_data_idx(const struct arm_cpu *cpu);
/* The exception level that FP instructions trap to, 0: none. */
unsigned arm_fp_trap_el(const struct arm_cpu *cpu);
uint32_t arm_fpsr(struct arm_cpu *cpu);
void arm_set_fpsr(struct arm_cpu *cpu, uint32_t val);
void arm_set_fpcr(struct arm_cpu *cpu, uint32_t val);
/* After reset: begin at pc in exception level el, not secure, as firmware would let it. */
void arm_enter_boot(struct arm_cpu *cpu, uint64_t pc, unsigned el, const uint64_t x[4]);
/* Recompute everything derived from s. */
void arm_sync(struct arm_cpu *cpu);

/* --- mmu.c --- */
bool arm_walk(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx,
              struct guest_walk *out);
bool arm_may_access(struct cpu *cpu, gva addr, uint32_t memop, enum guest_access access,
                    uint32_t *cause);
/* Whether stores to addr are to Device memory, if it is mapped. */
bool arm_is_device(struct arm_cpu *cpu, gva addr, unsigned idx);
bool arm_debug_translate(struct cpu *cpu, gva addr, gpa *out);

/* mappings.c: cpu_ops.mappings. */
bool arm_mappings(struct cpu *cpu, cpu_mapping_fn *fn, void *opaque, bool *complete);
/* Whether the page of code at addr is guarded (GP of its descriptor): for BTI. */
bool arm_is_guarded(struct arm_cpu *cpu, gva addr);
/* PSTATE.BTYPE of the instruction at the pc slot (bti.c). */
unsigned arm_btype(struct arm_cpu *cpu);
/* An AT instruction: what it asks for. */
struct arm_at {
    gva addr;
    unsigned idx;
    enum guest_access access;
    bool stage1_only;
};
/* SH of PAR for an attribute of MAIR and what tables say. */
unsigned arm_par_shareability(unsigned attr, unsigned sh);
/* Its answer for PAR_EL1; false: a fault to be raised (guest_walk.cause). */
bool arm_translate_at(struct arm_cpu *cpu, const struct arm_at *at, uint64_t *par, uint32_t *cause);

/* --- timer.c, pmu.c --- */
uint64_t arm_counter(const struct arm_cpu *cpu); /* CNTPCT without an offset */
uint64_t arm_virtual_count(const struct arm_cpu *cpu);
void arm_timers_init(struct arm_cpu *cpu);
void arm_timers_fini(struct arm_cpu *cpu);
void arm_timers_update(struct arm_cpu *cpu);
void arm_pmu_init(struct arm_cpu *cpu);
void arm_pmu_fini(struct arm_cpu *cpu);
void arm_pmu_update(struct arm_cpu *cpu);
/* What MDCR_ELx and the like say of counting has changed. */
void arm_pmu_controls_changed(struct arm_cpu *cpu);
/* Start and stop counters as the exception level and the security state ask; in the vCPU's thread.
 */
void arm_pmu_follow(struct arm_cpu *cpu);
/* The instruction under way does not end: it takes an exception, or is to begin anew. */
static inline void arm_pmu_not_done(struct arm_cpu *cpu)
{
    cpu->insns -= cpu->pmu_counts_insns;
}
static inline void arm_pmu_level_changed(struct arm_cpu *cpu)
{
    if (UNLIKELY(cpu->s.pmcnten))
        arm_pmu_follow(cpu);
}

/* --- psci.c --- */
/* Answer a call of firmware by its registers. */
bool arm_psci(struct arm_cpu *cpu);

/* --- disas.c --- */
unsigned arm_disas(struct cpu *cpu, FILE *f, gva pc, const uint8_t *bytes, unsigned len);

/* --- gdb.c: cpu_ops.debug_* --- */
const struct debug_regs *arm_debug_regs(struct cpu *cpu);
bool arm_debug_reg_read(struct cpu *cpu, const struct debug_reg *reg, uint8_t *buf);
bool arm_debug_reg_write(struct cpu *cpu, const struct debug_reg *reg, const uint8_t *buf);
void arm_debug_regs_free(struct arm_cpu *cpu);
/* Bits of code and data addresses that hold authentication codes: of the lower half, with tags
 * ignored. */
uint64_t arm_pac_mask(const struct arm_cpu *cpu);

/* --- backtrace.c --- */
void arm_backtrace(struct cpu *cpu, cpu_frame_fn *frame, void *opaque);

/* --- semihost.c --- */
/* Serve the call at the pc slot, an instruction of len bytes, and leave translated code; returns
 * when calls are not served. */
void arm_semihost(struct arm_cpu *cpu, unsigned len);

/* --- models.c --- */
struct arm_model;
/* Model and properties of -cpu TEXT into a processor's configuration. */
bool arm_configure(struct arm_cpu *cpu, const char *text, bool is32,
                   struct error **errp) MUST_CHECK;
const char *arm_model_compatible(const struct arm_model *m);
const char *arm_model_name(const struct arm_model *m);
/* idregs.c: all of cpu->id that follows from features; the model has filled the rest. */
void arm_compute_ids(struct arm_cpu *cpu);

#endif
