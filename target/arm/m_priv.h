/*
 * Parts of an M-profile processor: the processor (cpu_m.c), exceptions (except_m.c), memory
 * protection (mmu_m.c), models (models_m.c), instructions (trans_m.c, helper_m.c).
 *
 * Ref: Armv7-M Architecture Reference Manual (DDI 0403), "v7-M" in these files; Armv6-M (DDI 0419);
 * Armv8-M (DDI 0553).
 */
#ifndef TARGET_ARM_M_PRIV_H
#define TARGET_ARM_M_PRIV_H

#include "accel/tcg/guest.h"
#include "core/nvic.h"
#include "target/arm/cpu.h"

/* MMU indices: bit 0: privileged, bit 1: at a negative priority. */
enum { ARM_IDX_M_PRIV = 1, ARM_IDX_M_NEGATIVE = 2 };

/* Exceptions as their syndromes name them to arm_take_sync(): an EC of no other meaning, and the
 * bits of CFSR. */
enum { ARM_EC_M = 0x3f };
enum {
    CFSR_IACCVIOL = 1 << 0,
    CFSR_DACCVIOL = 1 << 1,
    CFSR_MUNSTKERR = 1 << 3,
    CFSR_MSTKERR = 1 << 4,
    CFSR_MLSPERR = 1 << 5,
    CFSR_MMARVALID = 1 << 7,
    CFSR_IBUSERR = 1 << 8,
    CFSR_PRECISERR = 1 << 9,
    CFSR_UNSTKERR = 1 << 11,
    CFSR_STKERR = 1 << 12,
    CFSR_LSPERR = 1 << 13,
    CFSR_BFARVALID = 1 << 15,
    CFSR_UNDEFINSTR = 1 << 16,
    CFSR_INVSTATE = 1 << 17,
    CFSR_INVPC = 1 << 18,
    CFSR_NOCP = 1 << 19,
    CFSR_STKOF = 1 << 20,
    CFSR_UNALIGNED = 1 << 24,
    CFSR_DIVBYZERO = 1 << 25
};
/* A UsageFault's bits are in the upper half. */
#define ARM_M_SYNDROME(cfsr) ((uint32_t)ARM_EC_M << 26 | (uint32_t)(cfsr) >> 16)

enum {
    FPCCR_LSPACT = 1 << 0,
    FPCCR_USER = 1 << 1,
    FPCCR_THREAD = 1 << 3,
    FPCCR_HFRDY = 1 << 4,
    FPCCR_MMRDY = 1 << 5,
    FPCCR_BFRDY = 1 << 6,
    FPCCR_MONRDY = 1 << 8,
    FPCCR_LSPEN = 1 << 30,
};
#define FPCCR_ASPEN (UINT32_C(1) << 31)

/* --- models_m.c --- */
bool arm_m_is_model(const char *name);
/* Model and properties of -cpu TEXT, as far as the processor is configured by them. */
bool arm_m_configure(struct arm_cpu *cpu, const char *text, struct error **errp) MUST_CHECK;
void arm_m_ids(const struct arm_cpu *cpu, struct nvic_ids *out);
const char *arm_m_model_name(const struct arm_m_model *m);
const char *arm_m_model_compatible(const struct arm_m_model *m);
void arm_m_cpu_list(FILE *f);
bool arm_m_cpu_help(const char *model, FILE *f);

/* --- cpu_m.c --- */
extern const struct guest_ops arm_m_guest_ops;
/* arm_cpu_new() of a configuration with an NVIC. */
struct cpu *arm_m_cpu_new(struct machine *m, const char *model, const struct arm_cpu_config *config,
                          struct error **errp) MUST_CHECK;
/* A register of enum nvic_reg, now. */
static inline uint32_t arm_m_reg(const struct arm_cpu *cpu, enum nvic_reg reg)
{
    return cpu->cfg.nvic_ops->regs(cpu->cfg.nvic)[reg];
}
void arm_m_set_reg(struct arm_cpu *cpu, enum nvic_reg reg, uint32_t val);
static inline bool arm_m_is_handler(const struct arm_cpu *cpu)
{
    return cpu->m.s.exception != 0;
}
/* Handler mode, or Thread mode that is. */
bool arm_m_is_privileged(const struct arm_cpu *cpu);
/* Which of MSP (0) and PSP (1) is r13. */
unsigned arm_m_stack(const struct arm_cpu *cpu);
/* Store r13 where it belongs, and load it; around changes of mode and CONTROL.SPSEL. */
void arm_m_sp_out(struct arm_cpu *cpu);
void arm_m_sp_in(struct arm_cpu *cpu);
struct nvic_masks arm_m_masks(const struct arm_cpu *cpu);
/* The whole of xPSR. */
uint32_t arm_m_xpsr(const struct arm_cpu *cpu);
/* Flags, T and IT from xPSR; the exception number is the caller's affair. */
void arm_m_set_xpsr(struct arm_cpu *cpu, uint32_t xpsr);
/* The limit that holds for r13 now; 0: none. */
uint32_t arm_m_limit(const struct arm_cpu *cpu);
/* After changes of mode, masks or priority: recompute what follows. */
void arm_m_changed(struct arm_cpu *cpu);
/* Whether an FP instruction may be executed at this privilege. */
bool arm_m_fp_enabled(const struct arm_cpu *cpu, bool is_privileged);
uint32_t arm_m_fpscr(struct arm_cpu *cpu);
void arm_m_set_fpscr(struct arm_cpu *cpu, uint32_t val);
/* Special registers by SYSm of MRS and MSR; mask: bits 11..10 of MSR. */
uint32_t arm_m_mrs(const struct arm_cpu *cpu, unsigned sysm);
void arm_m_msr(struct arm_cpu *cpu, unsigned sysm, unsigned mask, uint32_t val);
/* The same for debuggers, whatever the privilege. */
uint32_t arm_m_debug_read(struct arm_cpu *cpu, unsigned sysm);
void arm_m_debug_write(struct arm_cpu *cpu, unsigned sysm, uint32_t val);

/* --- except_m.c --- */
/* The synchronous exception that a syndrome names, of the instruction at the pc slot. */
void arm_m_take_sync(struct arm_cpu *cpu, uint32_t esr);
void arm_m_raise_fault(struct cpu *c, gva addr, enum guest_access access, unsigned idx,
                       uint32_t cause);
/* An exception by number: entered, or what it escalates to. */
void arm_m_take(struct arm_cpu *cpu, unsigned exception);
/* BKPT: DebugMonitor, or HardFault. */
void arm_m_take_breakpoint(struct arm_cpu *cpu);
/* Return from an exception by what LR was given. */
void arm_m_return(struct arm_cpu *cpu, uint32_t exc_return);
/* Before the first FP instruction of a context: save that of another, begin anew. */
void arm_m_begin_fp(struct arm_cpu *cpu);
bool arm_m_interrupt(struct cpu *c);
bool arm_m_has_work(struct cpu *c);
/* Whether a sleeping processor has a reason to go on. */
bool arm_m_wakes(struct arm_cpu *cpu);
/* The processor stops until reset. */
void arm_m_lockup(struct arm_cpu *cpu, const char *why);

/* --- mmu_m.c --- */
/* Whether an access is allowed; *cfsr: CFSR_DACCVIOL, or CFSR_PRECISERR for what answers with a bus
 * fault whatever is there. */
bool arm_m_may_access(const struct arm_cpu *cpu, uint32_t addr, enum guest_access access,
                      unsigned idx, uint32_t *cfsr);
bool arm_m_walk(struct cpu *c, gva addr, enum guest_access access, unsigned idx,
                struct guest_walk *out);
bool arm_m_debug_translate(struct cpu *c, gva addr, gpa *out);
/* The index of accesses with a privilege at the priority of now. */
unsigned arm_m_idx(const struct arm_cpu *cpu, bool is_privileged);
/* What TT, TTT (and with `alternate` TTA, TTAT) say of an address.  Ref: DDI 0553, TT_RESP. */
uint32_t arm_m_test_target(const struct arm_cpu *cpu, uint32_t addr, bool unprivileged);

#endif
