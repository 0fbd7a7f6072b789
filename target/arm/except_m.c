/*
 * Exceptions of M-profile processors: entry with stacking, return, derived exceptions, lazy
 * preservation of FP state, lockup, sleep.
 *
 * An exception is pending in the NVIC first; entry pushes a frame and then takes whatever has the
 * highest priority, so that late arrivals, derived exceptions and tail-chaining need no more.
 * Ref: v7-M, B1.5; DDI 0553, B3.
 */
#include "core/memory.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/m_priv.h"
#include "util/log.h"

#include <inttypes.h>

enum { R_R12 = 12, R_SP = 13, R_LR = 14 };
enum { FRAME_BASIC = 0x20, FRAME_EXTENDED = 0x68, FRAME_FP = 0x20, FP_WORDS = 16 };
enum { XPSR_PADDED = 1 << 9, XPSR_IPSR = 0x1ff };
enum { HFSR_VECTTBL = 1 << 1, DFSR_BKPT = 1 << 1 };
static const uint32_t HFSR_DEBUGEVT = UINT32_C(1) << 31, LOCKUP_PC = 0xeffffffe;

/* EXC_RETURN. */
enum {
    RET_SPSEL = 1 << 2,
    RET_THREAD = 1 << 3,
    RET_BASIC = 1 << 4, /* the frame has no FP state */
    RET_DCRS = 1 << 5,
};

static const struct nvic_ops *nvic(const struct arm_cpu *cpu)
{
    return cpu->cfg.nvic_ops;
}

static unsigned preempting(const struct arm_cpu *cpu)
{
    return nvic(cpu)->preempting(cpu->cfg.nvic, arm_m_masks(cpu));
}

/* The exception that becomes pending; NVIC_NONE: none can. */
static unsigned raise_exception(struct arm_cpu *cpu, unsigned exception)
{
    return nvic(cpu)->raise(cpu->cfg.nvic, exception, arm_m_masks(cpu));
}

static void set_status(struct arm_cpu *cpu, uint32_t cfsr)
{
    arm_m_set_reg(cpu, NVIC_CFSR, arm_m_reg(cpu, NVIC_CFSR) | cfsr);
}

static unsigned exception_of(uint32_t cfsr)
{
    return cfsr >> 16 ? NVIC_USAGE_FAULT : cfsr >> 8 ? NVIC_BUS_FAULT : NVIC_MEM_MANAGE;
}

void arm_m_lockup(struct arm_cpu *cpu, const char *why)
{
    if (!cpu->m.s.lockup)
        log_warn("cpu %u: lockup at pc 0x%08" PRIx64 ": %s", cpu->cpu.index, cpu->pc, why);
    cpu->m.s.lockup = true;
    cpu->pc = LOCKUP_PC;
    cpu->s.ps.it = 0;
    cpu->cpu.halted = true;
}

/* ---- the stack ---- */

/* Accesses by which state is saved and restored: the first fault stops them. */
struct transfer {
    struct arm_cpu *cpu;
    unsigned idx;
    uint32_t mem_error, bus_error; /* bits of CFSR */
    uint32_t error;                /* what happened; 0: nothing */
};

static bool may_transfer(struct transfer *t, uint32_t addr, enum guest_access access)
{
    uint32_t cfsr;
    if (t->error)
        return false;
    if (arm_m_may_access(t->cpu, addr, access, t->idx, &cfsr))
        return true;
    t->error = cfsr == CFSR_PRECISERR ? t->bus_error : t->mem_error;
    return false;
}

static void push_word(struct transfer *t, uint32_t addr, uint32_t val)
{
    if (!may_transfer(t, addr, GUEST_WRITE))
        return;
    if (mem_write(t->cpu->cpu.as, addr, 4, val) == MEM_UNMAPPED)
        t->error = t->bus_error;
}

static uint32_t pop_word(struct transfer *t, uint32_t addr)
{
    uint64_t val = 0;
    if (!may_transfer(t, addr, GUEST_READ))
        return 0;
    if (mem_read(t->cpu->cpu.as, addr, 4, &val) != MEM_OK)
        t->error = t->bus_error;
    return (uint32_t)val;
}

static void push_fp(struct transfer *t, uint32_t addr)
{
    for (unsigned i = 0; i < FP_WORDS; i++)
        push_word(t, addr + 4 * i, t->cpu->v[i / 4].s[i % 4]);
    push_word(t, addr + 4 * FP_WORDS, arm_m_fpscr(t->cpu));
}

static void pop_fp(struct transfer *t, uint32_t addr)
{
    uint32_t word[FP_WORDS + 1];
    for (unsigned i = 0; i <= FP_WORDS; i++)
        word[i] = pop_word(t, addr + 4 * i);
    if (t->error)
        return;
    for (unsigned i = 0; i < FP_WORDS; i++)
        t->cpu->v[i / 4].s[i % 4] = word[i];
    arm_m_set_fpscr(t->cpu, word[FP_WORDS]);
}

/* ---- entry ---- */

static bool is_ready(const struct arm_cpu *cpu, unsigned exception)
{
    return nvic(cpu)->can_take(cpu->cfg.nvic, exception, arm_m_masks(cpu));
}

/* Note where FP state belongs, and by whose rights.  Ref: v7-M, UpdateFPCCR(). */
static void defer_fp(struct arm_cpu *cpu, uint32_t addr)
{
    uint32_t fpccr = arm_m_reg(cpu, NVIC_FPCCR) & (FPCCR_ASPEN | FPCCR_LSPEN);
    fpccr |= FPCCR_LSPACT;
    fpccr |= arm_m_is_privileged(cpu) ? 0 : FPCCR_USER;
    fpccr |= arm_m_is_handler(cpu) ? 0 : FPCCR_THREAD;
    fpccr |= is_ready(cpu, NVIC_HARD_FAULT) ? FPCCR_HFRDY : 0;
    fpccr |= is_ready(cpu, NVIC_MEM_MANAGE) ? FPCCR_MMRDY : 0;
    fpccr |= is_ready(cpu, NVIC_BUS_FAULT) ? FPCCR_BFRDY : 0;
    fpccr |= is_ready(cpu, NVIC_DEBUG_MONITOR) ? FPCCR_MONRDY : 0;
    arm_m_set_reg(cpu, NVIC_FPCAR, addr & ~7u);
    arm_m_set_reg(cpu, NVIC_FPCCR, fpccr);
}

static void save_fp(struct transfer *t, uint32_t addr)
{
    struct arm_cpu *cpu = t->cpu;
    if (arm_m_reg(cpu, NVIC_FPCCR) & FPCCR_LSPEN)
        defer_fp(cpu, addr);
    else if (arm_m_fp_enabled(cpu, arm_m_is_privileged(cpu)))
        push_fp(t, addr);
    else if (!t->error)
        t->error = CFSR_NOCP;
}

static uint32_t exc_return(const struct arm_cpu *cpu, bool has_fp)
{
    uint32_t v = cpu->m.version >= 8 ? 0xffffff80 | RET_DCRS : 0xffffffe1;
    v |= has_fp ? 0 : RET_BASIC;
    v |= arm_m_is_handler(cpu) ? 0 : RET_THREAD;
    return v | (arm_m_stack(cpu) ? RET_SPSEL : 0);
}

static void push_frame(struct transfer *t, uint32_t frame, uint32_t xpsr, bool has_fp)
{
    const struct arm_cpu *cpu = t->cpu;
    for (unsigned i = 0; i < 4; i++)
        push_word(t, frame + 4 * i, (uint32_t)cpu->x[i]);
    push_word(t, frame + 16, (uint32_t)cpu->x[R_R12]);
    push_word(t, frame + 20, (uint32_t)cpu->x[R_LR]);
    push_word(t, frame + 24, (uint32_t)cpu->pc);
    push_word(t, frame + 28, xpsr);
    if (has_fp)
        save_fp(t, frame + FRAME_FP);
}

/* False: the frame would lie below the limit; Armv8-M leaves the stack pointer there. */
static bool has_room(struct arm_cpu *cpu, uint32_t sp, uint32_t frame)
{
    uint32_t limit = arm_m_limit(cpu);
    if (!limit || (frame >= limit && frame <= sp))
        return true;
    cpu->x[R_SP] = limit;
    return false;
}

/* Ref: v7-M, PushStack().  xpsr: to be saved.  Returns EXC_RETURN. */
static uint32_t push_stack(struct arm_cpu *cpu, uint32_t xpsr)
{
    struct transfer t = {.cpu = cpu, .mem_error = CFSR_MSTKERR, .bus_error = CFSR_STKERR};
    bool has_fp = cpu->m.s.control & M_CONTROL_FPCA;
    bool aligns = has_fp || (arm_m_reg(cpu, NVIC_CCR) & NVIC_CCR_STKALIGN);
    uint32_t sp = (uint32_t)cpu->x[R_SP], ret = exc_return(cpu, has_fp);
    uint32_t frame = (sp - (has_fp ? FRAME_EXTENDED : FRAME_BASIC)) & (aligns ? ~4u : ~0u);
    xpsr |= aligns && (sp & 4) ? XPSR_PADDED : 0;
    t.idx = arm_m_idx(cpu, arm_m_is_privileged(cpu));
    if (has_room(cpu, sp, frame)) {
        push_frame(&t, frame, xpsr, has_fp);
        cpu->x[R_SP] = frame;
    } else {
        t.error = CFSR_STKOF;
    }
    if (t.error) {
        set_status(cpu, t.error);
        raise_exception(cpu, exception_of(t.error));
    }
    return ret;
}

static NOINLINE void log_entry(const struct arm_cpu *cpu, unsigned exception)
{
    log_printf(LOG_INT,
               "exception: cpu %u: %u, from %s %" PRIu32 ", pc 0x%08" PRIx64 ", sp 0x%08" PRIx64
               ", CFSR 0x%08" PRIx32 "\n",
               cpu->cpu.index, exception, arm_m_is_handler(cpu) ? "handler" : "thread",
               cpu->m.s.exception, cpu->pc, cpu->x[R_SP], arm_m_reg(cpu, NVIC_CFSR));
}

/* The vector of what has the highest priority, by the default memory map.  A table that cannot be
 * read is a HardFault of its own.  NVIC_NONE: lockup. */
static unsigned pick_vector(struct arm_cpu *cpu, uint32_t *vector)
{
    for (;;) {
        unsigned exception = preempting(cpu);
        uint64_t word;
        if (exception == NVIC_NONE)
            return NVIC_NONE;
        if (mem_read(cpu->cpu.as, arm_m_reg(cpu, NVIC_VTOR) + 4 * exception, 4, &word) == MEM_OK) {
            *vector = (uint32_t)word;
            return exception;
        }
        arm_m_set_reg(cpu, NVIC_HFSR, arm_m_reg(cpu, NVIC_HFSR) | HFSR_VECTTBL);
        if (exception == NVIC_HARD_FAULT || exception == NVIC_NMI ||
            raise_exception(cpu, NVIC_HARD_FAULT) == NVIC_NONE)
            return NVIC_NONE;
    }
}

/* Begin a handler; the stack holds what it returns to.  Ref: v7-M, ExceptionTaken(). */
static void begin_handler(struct arm_cpu *cpu, uint32_t ret)
{
    struct arm_m_state *s = &cpu->m.s;
    uint32_t vector = 0;
    unsigned exception = pick_vector(cpu, &vector);
    if (exception == NVIC_NONE) {
        arm_m_lockup(cpu, "no exception can be taken");
        return;
    }
    if (log_enabled(LOG_INT))
        log_entry(cpu, exception);
    arm_m_sp_out(cpu);
    s->exception = exception;
    s->control &= M_CONTROL_NPRIV;
    arm_m_sp_in(cpu);
    cpu->x[R_LR] = ret;
    cpu->pc = vector & ~1u;
    cpu->s.ps.thumb = vector & 1;
    cpu->s.ps.it = 0;
    cpu->s.event = true;
    cpu->excl_addr = UINT64_MAX;
    cpu->cpu.halted = s->lockup = s->waits_for_event = false;
    nvic(cpu)->enter(cpu->cfg.nvic, exception);
    arm_m_changed(cpu);
}

void arm_m_take(struct arm_cpu *cpu, unsigned exception)
{
    if (raise_exception(cpu, exception) == NVIC_NONE) {
        arm_m_lockup(cpu, "a fault at the priority of HardFault or above");
        return;
    }
    begin_handler(cpu, push_stack(cpu, arm_m_xpsr(cpu)));
}

/* ---- synchronous exceptions ---- */

static void take_usage_fault(struct arm_cpu *cpu, uint32_t cfsr)
{
    set_status(cpu, cfsr);
    arm_m_take(cpu, NVIC_USAGE_FAULT);
}

/* Code that was made before CPACR changed may still say that there is no FP. */
static bool is_outdated(const struct arm_cpu *cpu)
{
    return cpu->m.has_fp && arm_m_fp_enabled(cpu, arm_m_is_privileged(cpu));
}

void arm_m_take_sync(struct arm_cpu *cpu, uint32_t esr)
{
    switch (esr_ec(esr)) {
    case ARM_EC_M: take_usage_fault(cpu, esr << 16); break;
    case ARM_EC_FP:
        if (is_outdated(cpu))
            guest_mode_changed(&cpu->cpu);
        else
            take_usage_fault(cpu, CFSR_NOCP);
        break;
    case ARM_EC_ILLEGAL: take_usage_fault(cpu, CFSR_INVSTATE); break;
    default: take_usage_fault(cpu, CFSR_UNDEFINSTR); break;
    }
}

/* Ref: v7-M, C1.4.2: without halting debug, DebugMonitor if it may be taken, else HardFault. */
void arm_m_take_breakpoint(struct arm_cpu *cpu)
{
    uint32_t hfsr = arm_m_reg(cpu, NVIC_HFSR);
    arm_m_set_reg(cpu, NVIC_DFSR, arm_m_reg(cpu, NVIC_DFSR) | DFSR_BKPT);
    unsigned taken = raise_exception(cpu, NVIC_DEBUG_MONITOR);
    if (taken == NVIC_NONE) {
        arm_m_lockup(cpu, "BKPT at the priority of HardFault or above");
        return;
    }
    if (taken == NVIC_HARD_FAULT)
        arm_m_set_reg(cpu, NVIC_HFSR, hfsr | HFSR_DEBUGEVT);
    begin_handler(cpu, push_stack(cpu, arm_m_xpsr(cpu)));
}

/* A data access of a handler that CCR.BFHFNMIGN lets have no consequences: go on behind it. */
static bool is_ignored(struct arm_cpu *cpu, enum guest_access access)
{
    uint64_t half;
    if (access == GUEST_FETCH || !cpu->m.is_negative ||
        !(arm_m_reg(cpu, NVIC_CCR) & NVIC_CCR_BFHFNMIGN) ||
        mem_read(cpu->cpu.as, cpu->pc, 2, &half) != MEM_OK)
        return false;
    cpu->pc = (uint32_t)(cpu->pc + (half >> 11 < 0x1d ? 2 : 4));
    return true;
}

static void take_bus_fault(struct arm_cpu *cpu, uint32_t addr, enum guest_access access)
{
    if (access == GUEST_FETCH) {
        set_status(cpu, CFSR_IBUSERR);
    } else {
        arm_m_set_reg(cpu, NVIC_BFAR, addr);
        set_status(cpu, CFSR_PRECISERR | CFSR_BFARVALID);
    }
    if (!is_ignored(cpu, access))
        arm_m_take(cpu, NVIC_BUS_FAULT);
}

static void take_mem_manage(struct arm_cpu *cpu, uint32_t addr, enum guest_access access)
{
    if (access == GUEST_FETCH) {
        set_status(cpu, CFSR_IACCVIOL);
    } else {
        arm_m_set_reg(cpu, NVIC_MMFAR, addr);
        set_status(cpu, CFSR_DACCVIOL | CFSR_MMARVALID);
    }
    arm_m_take(cpu, NVIC_MEM_MANAGE);
}

void arm_m_raise_fault(struct cpu *c, gva addr, enum guest_access access, unsigned idx UNUSED,
                       uint32_t cause)
{
    struct arm_cpu *cpu = arm(c);
    if (cause == GUEST_CAUSE_MISALIGNED)
        take_usage_fault(cpu, CFSR_UNALIGNED);
    else if (cause == GUEST_CAUSE_BUS)
        take_bus_fault(cpu, (uint32_t)addr, access);
    else
        take_mem_manage(cpu, (uint32_t)addr, access);
}

/* ---- return ---- */

/* INVPC is a fault of the handler's end: the frame stays, and LR names it. */
static void refuse_return(struct arm_cpu *cpu, uint32_t ret)
{
    set_status(cpu, CFSR_INVPC);
    if (raise_exception(cpu, NVIC_USAGE_FAULT) == NVIC_NONE)
        arm_m_lockup(cpu, "an exception return that is not possible");
    else
        begin_handler(cpu, ret);
}

/* Bits that must be one, or zero, or match what there is. */
static bool is_well_formed(const struct arm_cpu *cpu, uint32_t ret)
{
    bool v8 = cpu->m.version >= 8;
    if (!(ret & RET_BASIC) && !cpu->m.has_fp)
        return false;
    if (v8)
        return (ret & 0x00ffff82) == 0x00ffff80;
    unsigned kind = ret & 15;
    return (ret & 0x0fffffe0) == 0x0fffffe0 && (kind == 1 || kind == 9 || kind == 13);
}

/* May the handler return to where ret says?  Ref: v7-M, ExceptionReturn(). */
static bool is_consistent(const struct arm_cpu *cpu, uint32_t ret, unsigned nested)
{
    if (!is_well_formed(cpu, ret))
        return false;
    bool may_nest = arm_m_reg(cpu, NVIC_CCR) & NVIC_CCR_NONBASETHRDENA;
    return !(ret & RET_THREAD) || nested == 1 || may_nest;
}

/* The handler is over.  FAULTMASK ends with anything but NMI. */
static bool deactivate(struct arm_cpu *cpu)
{
    unsigned exception = cpu->m.s.exception;
    bool was_active = nvic(cpu)->leave(cpu->cfg.nvic, exception);
    if (exception != NVIC_NMI)
        cpu->m.s.faultmask = 0;
    cpu->m.is_negative = nvic(cpu)->execution_priority(cpu->cfg.nvic, arm_m_masks(cpu)) < 0;
    return was_active;
}

/* FP state is where entry left it, or still in the registers. */
static void restore_fp(struct transfer *t, uint32_t addr)
{
    struct arm_cpu *cpu = t->cpu;
    uint32_t fpccr = arm_m_reg(cpu, NVIC_FPCCR);
    if (fpccr & FPCCR_LSPACT)
        arm_m_set_reg(cpu, NVIC_FPCCR, fpccr & ~(uint32_t)FPCCR_LSPACT);
    else if (!arm_m_fp_enabled(cpu, arm_m_is_privileged(cpu)))
        t->error = t->error ? t->error : CFSR_NOCP;
    else
        pop_fp(t, addr);
}

struct frame {
    uint32_t reg[8]; /* r0..r3, r12, lr, pc, xPSR */
};

static void set_frame(struct arm_cpu *cpu, const struct frame *f)
{
    for (unsigned i = 0; i < 4; i++)
        cpu->x[i] = f->reg[i];
    cpu->x[R_R12] = f->reg[4];
    cpu->x[R_LR] = f->reg[5];
    cpu->pc = f->reg[6] & ~1u;
    arm_m_set_xpsr(cpu, f->reg[7]);
}

/* Registers from the frame at r13, which is already that of the mode returned to; false: a fault,
 * to be taken with r13 as it is.  Ref: v7-M, PopStack(). */
static bool pop_stack(struct arm_cpu *cpu, uint32_t ret, uint32_t *xpsr)
{
    struct transfer t = {.cpu = cpu, .mem_error = CFSR_MUNSTKERR, .bus_error = CFSR_UNSTKERR};
    struct frame f;
    bool has_fp = !(ret & RET_BASIC);
    uint32_t frame = (uint32_t)cpu->x[R_SP];
    bool aligns = has_fp || (arm_m_reg(cpu, NVIC_CCR) & NVIC_CCR_STKALIGN);
    bool is_privileged = !(ret & RET_THREAD) || !(cpu->m.s.control & M_CONTROL_NPRIV);
    t.idx = arm_m_idx(cpu, is_privileged);
    for (unsigned i = 0; i < ARRAY_SIZE(f.reg); i++)
        f.reg[i] = pop_word(&t, frame + 4 * i);
    if (has_fp && !t.error)
        restore_fp(&t, frame + FRAME_FP);
    if (t.error) {
        set_status(cpu, t.error);
        raise_exception(cpu, exception_of(t.error));
        return false;
    }
    frame += has_fp ? FRAME_EXTENDED : FRAME_BASIC;
    cpu->x[R_SP] = frame | (aligns && (f.reg[7] & XPSR_PADDED) ? 4 : 0);
    set_frame(cpu, &f);
    *xpsr = f.reg[7];
    return true;
}

/* Change from the handler that ends to the stack, mode and FP context of ret. */
static void leave_handler(struct arm_cpu *cpu, uint32_t ret)
{
    struct arm_m_state *s = &cpu->m.s;
    arm_m_sp_out(cpu);
    s->control &= M_CONTROL_NPRIV;
    if (ret & RET_THREAD)
        s->exception = 0;
    if ((ret & RET_THREAD) && (ret & RET_SPSEL))
        s->control |= M_CONTROL_SPSEL;
    arm_m_sp_in(cpu);
}

static void sleep_on_exit(struct arm_cpu *cpu)
{
    if (arm_m_is_handler(cpu) || !(arm_m_reg(cpu, NVIC_SCR) & NVIC_SCR_SLEEPONEXIT))
        return;
    cpu->cpu.halted = true;
    cpu_request(&cpu->cpu, CPU_REQ_IRQ);
}

/* What the frame says must agree with the mode that ret says; a fault otherwise pushes what it
 * was. */
static void end_return(struct arm_cpu *cpu, uint32_t ret, uint32_t xpsr)
{
    struct arm_m_state *s = &cpu->m.s;
    unsigned exception = xpsr & XPSR_IPSR;
    bool to_thread = ret & RET_THREAD;
    s->control |= ret & RET_BASIC ? 0 : M_CONTROL_FPCA;
    cpu->excl_addr = UINT64_MAX;
    cpu->s.event = true;
    if (to_thread != (exception == 0)) {
        set_status(cpu, CFSR_INVPC);
        if (raise_exception(cpu, NVIC_USAGE_FAULT) == NVIC_NONE)
            arm_m_lockup(cpu, "a return to a mode that the frame is not of");
        else
            begin_handler(cpu,
                          push_stack(cpu, (arm_m_xpsr(cpu) & ~(uint32_t)XPSR_IPSR) | exception));
        return;
    }
    s->exception = exception;
    sleep_on_exit(cpu);
    arm_m_changed(cpu);
}

void arm_m_return(struct arm_cpu *cpu, uint32_t ret)
{
    unsigned nested = nvic(cpu)->count_active(cpu->cfg.nvic);
    bool was_active = deactivate(cpu);
    uint32_t xpsr;
    if (!was_active || !is_consistent(cpu, ret, nested)) {
        refuse_return(cpu, 0xf0000000 | ret);
        return;
    }
    if (preempting(cpu) != NVIC_NONE) { /* tail-chaining: the frame serves again */
        begin_handler(cpu, ret);
        return;
    }
    leave_handler(cpu, ret);
    if (pop_stack(cpu, ret, &xpsr))
        end_return(cpu, ret, xpsr);
    else
        begin_handler(cpu, ret);
}

/* ---- lazy preservation of FP state ---- */

/* A fault of saving what belongs to another context: pending if that context could have taken it,
 * else HardFault.  Ref: v7-M, PreserveFPState(). */
static void pend_lazy_fault(struct arm_cpu *cpu, uint32_t error)
{
    uint32_t fpccr = arm_m_reg(cpu, NVIC_FPCCR);
    unsigned exception = exception_of(error);
    bool is_ready_then = fpccr & (exception == NVIC_MEM_MANAGE ? FPCCR_MMRDY : FPCCR_BFRDY);
    set_status(cpu, error);
    if (!is_ready_then) {
        if (!(fpccr & FPCCR_HFRDY))
            return;
        arm_m_set_reg(cpu, NVIC_HFSR, arm_m_reg(cpu, NVIC_HFSR) | (uint32_t)NVIC_HFSR_FORCED);
        exception = NVIC_HARD_FAULT;
    }
    nvic(cpu)->set_pending(cpu->cfg.nvic, exception);
}

static void preserve_fp(struct arm_cpu *cpu)
{
    struct transfer t = {.cpu = cpu, .mem_error = CFSR_MLSPERR, .bus_error = CFSR_LSPERR};
    uint32_t fpccr = arm_m_reg(cpu, NVIC_FPCCR);
    bool was_negative = !(fpccr & FPCCR_HFRDY);
    t.idx = (fpccr & FPCCR_USER ? 0 : ARM_IDX_M_PRIV) | (was_negative ? ARM_IDX_M_NEGATIVE : 0);
    push_fp(&t, arm_m_reg(cpu, NVIC_FPCAR));
    if (t.error)
        pend_lazy_fault(cpu, t.error);
    arm_m_set_reg(cpu, NVIC_FPCCR, fpccr & ~(uint32_t)FPCCR_LSPACT);
}

void arm_m_begin_fp(struct arm_cpu *cpu)
{
    uint32_t fpccr = arm_m_reg(cpu, NVIC_FPCCR);
    if (fpccr & FPCCR_LSPACT)
        preserve_fp(cpu);
    if ((fpccr & FPCCR_ASPEN) && !(cpu->m.s.control & M_CONTROL_FPCA)) {
        cpu->m.s.control |= M_CONTROL_FPCA;
        arm_m_set_fpscr(cpu, arm_m_reg(cpu, NVIC_FPDSCR));
    }
    arm_m_changed(cpu);
}

/* ---- interrupts and sleep ---- */

/* Ref: v7-M, B1.5.17, B1.5.19: PRIMASK does not keep an interrupt from ending WFI. */
bool arm_m_wakes(struct arm_cpu *cpu)
{
    struct nvic_masks m = arm_m_masks(cpu);
    m.primask = cpu->m.s.lockup && m.primask;
    if (nvic(cpu)->preempting(cpu->cfg.nvic, m) != NVIC_NONE)
        return true;
    return cpu->m.s.waits_for_event && !cpu->m.s.lockup && atomic_load(&cpu->event_sent);
}

bool arm_m_interrupt(struct cpu *c)
{
    struct arm_cpu *cpu = arm(c);
    if (c->halted) {
        if (!arm_m_wakes(cpu))
            return false;
        if (cpu->m.s.waits_for_event)
            atomic_store(&cpu->event_sent, false);
        c->halted = cpu->m.s.waits_for_event = false;
    }
    if (preempting(cpu) == NVIC_NONE) {
        c->halted = cpu->m.s.lockup;
        return false;
    }
    begin_handler(cpu, push_stack(cpu, arm_m_xpsr(cpu)));
    return true;
}

/* Whatever happens asks for arm_m_interrupt(), which can take the NVIC's lock. */
bool arm_m_has_work(struct cpu *c UNUSED)
{
    return false;
}
