/*
 * Exceptions taken to AArch32 state: vectors, modes, fault status.
 *
 * While EL3 uses AArch32, all privileged modes of the secure world but Monitor mode belong to EL3,
 * too; `bank` below says which copy of a banked system register that is.
 * Ref: DDI 0487, G1.12 to G1.16, G1.17 (AArch32.EnterMode), G8.2.37 (DFSR), G8.2.81 (IFSR).
 */
#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"
#include "util/log.h"

#include <inttypes.h>

/* --- banks --- */

bool arm_el3_is_a32(const struct arm_cpu *cpu)
{
    return arm_has_el3(cpu) && !arm_has(cpu, ARM_F_AARCH64);
}

unsigned arm_a32_bank(const struct arm_cpu *cpu)
{
    return arm_el3_is_a32(cpu) && arm_is_secure_below(cpu) ? 3 : 1;
}

uint64_t *arm_a32_spsr(struct arm_cpu *cpu, unsigned mode)
{
    struct arm_state *s = &cpu->s;
    switch (mode) {
    case A32_FIQ: return &s->spsr_fiq;
    case A32_IRQ: return &s->spsr_irq;
    case A32_ABT: return &s->spsr_abt;
    case A32_UND: return &s->spsr_und;
    case A32_MON: return &s->spsr_mon;
    case A32_HYP: return &s->spsr_el[2];
    case A32_SVC: return &s->spsr_el[1];
    }
    return NULL;
}

/* Where a mode keeps r8..r14 while another one is in use; NULL: it shares User mode's.  Must agree
 * with arm_a32_set_mode(). */
static uint64_t *home_of(struct arm_cpu *cpu, unsigned mode, unsigned n)
{
    static const uint8_t link[] = {
        [A32_IRQ & 15] = 16, [A32_SVC & 15] = 18, [A32_ABT & 15] = 20, [A32_UND & 15] = 22};
    if (mode == A32_FIQ)
        return &cpu->x[n + 16];
    if (n < 13)
        return NULL;
    if (mode == A32_MON)
        return n == 13 ? &cpu->s.sp_mon : &cpu->s.lr_mon;
    if (mode == A32_HYP)
        return n == 13 ? &cpu->x[15] : NULL;
    if (mode == A32_USR || mode == A32_SYS)
        return NULL;
    return &cpu->x[link[mode & 15] + (n == 13)];
}

uint64_t *arm_a32_banked(struct arm_cpu *cpu, unsigned mode, unsigned n)
{
    unsigned now = cpu->s.ps.mode;
    uint64_t *home = home_of(cpu, mode, n), *ours = home_of(cpu, now, n);
    if (mode == now || (!home && !ours))
        return &cpu->x[n];
    return home ? home : ours; /* User mode's is where ours would be */
}

/* --- syndromes --- */

unsigned arm_a32_register_view(struct arm_cpu *cpu, unsigned n)
{
    uint64_t *home = n < 8 || n > 14 ? NULL : home_of(cpu, cpu->s.ps.mode, n);
    bool is_ours = home >= cpu->x && home < cpu->x + 31;
    return arm_el_is_a64(cpu, 2) && is_ours ? (unsigned)(home - cpu->x) : n;
}

uint32_t arm_a32_fault_syndrome(struct arm_cpu *cpu, uint32_t mark)
{
    uint32_t iss = mark >> A32_MARK_ISS_SHIFT << A32_MARK_ISS_LOW;
    if (!iss)
        return 0;
    unsigned rt = iss >> 16 & 31;
    return (iss & ~(UINT32_C(31) << 16)) | arm_a32_register_view(cpu, rt) << 16;
}

/* --- entry --- */

static unsigned el_of_mode(const struct arm_cpu *cpu, unsigned mode)
{
    if (mode == A32_HYP)
        return 2;
    return mode == A32_MON ? 3 : arm_a32_bank(cpu);
}

enum { MASK_A = DAIF_A, MASK_I = DAIF_I, MASK_F = DAIF_F };

static NOINLINE void log_entry(const struct arm_cpu *cpu, unsigned mode, uint32_t vector)
{
    log_printf(LOG_INT,
               "exception: cpu %u: AArch32 mode 0x%x -> 0x%x, vector 0x%08" PRIx32
               ", pc 0x%08" PRIx64 "\n",
               cpu->cpu.index, cpu->s.ps.mode, mode, vector, cpu->pc);
}

/* PSTATE of the handler; sctlr: of the level it runs at. */
static void set_pstate(struct arm_cpu *cpu, unsigned el, uint64_t sctlr, unsigned masks)
{
    struct arm_pstate *p = &cpu->s.ps;
    bool sets_pan = el != 2 && arm_has(cpu, ARM_F_PAN) && !(sctlr & SCTLR_SPAN);
    p->el = (uint8_t)el;
    p->a32 = true;
    p->daif = (p->daif & 7) | (uint8_t)masks;
    p->it = 0;
    p->il = p->ss = false;
    p->thumb = sctlr & A32_SCTLR_TE;
    p->be = sctlr & SCTLR_EE;
    p->pan |= sets_pan;
    if (arm_has(cpu, ARM_F_SSBS))
        p->ssbs = sctlr & A32_SCTLR_DSSBS;
}

/* masks: interrupts masked besides those that are. */
static void enter(struct arm_cpu *cpu, unsigned mode, uint32_t vector, uint32_t link,
                  unsigned masks)
{
    uint32_t spsr = arm_spsr_from_pstate(cpu);
    unsigned from = cpu->s.ps.el, el = el_of_mode(cpu, mode);
    if (log_enabled(LOG_INT))
        log_entry(cpu, mode, vector);
    arm_a32_set_mode(cpu, mode);
    *arm_a32_spsr(cpu, mode) = spsr;
    if (mode == A32_HYP)
        cpu->s.elr_el[2] = link;
    else
        cpu->x[14] = link;
    set_pstate(cpu, el, cpu->s.sctlr_el[mode == A32_MON ? 3 : el], masks);
    cpu->pc = vector;
    cpu->cpu.halted = false;
    arm_pmu_level_changed(cpu);
    if (from > 1 || el > 1)
        guest_space_changed(&cpu->cpu);
    guest_mode_changed(&cpu->cpu);
    if (mode == A32_MON)
        arm_irq_changed(cpu);
}

uint32_t arm_a32_vector_base(const struct arm_cpu *cpu)
{
    unsigned bank = arm_a32_bank(cpu);
    if (cpu->s.sctlr_el[bank] & A32_SCTLR_V)
        return 0xffff0000;
    return (uint32_t)cpu->s.vbar_el[bank] & ~31u;
}

static void enter_monitor(struct arm_cpu *cpu, uint32_t offset, uint32_t link)
{
    if (cpu->s.ps.mode == A32_MON)
        cpu->s.scr_el3 &= ~SCR_NS;
    enter(cpu, A32_MON, ((uint32_t)cpu->s.a32.mvbar & ~31u) + offset, link,
          MASK_A | MASK_I | MASK_F);
}

/* Ref: G1.17.1, AArch32.EnterHypMode: asynchronous exceptions that go to Monitor mode stay
 * unmasked. */
static void enter_hyp(struct arm_cpu *cpu, uint32_t offset, uint32_t link)
{
    uint64_t scr = arm_has_el3(cpu) ? cpu->s.scr_el3 : 0;
    unsigned masks =
        (scr & SCR_EA ? 0 : MASK_A) | (scr & SCR_IRQ ? 0 : MASK_I) | (scr & SCR_FIQ ? 0 : MASK_F);
    enter(cpu, A32_HYP, ((uint32_t)cpu->s.vbar_el[2] & ~31u) + offset, link, masks);
}

/* --- synchronous exceptions --- */

enum {
    VECTOR_UND = 0x04,
    VECTOR_SVC = 0x08,
    VECTOR_PABT = 0x0c,
    VECTOR_DABT = 0x10,
    VECTOR_HYP_TRAP = 0x14,
    VECTOR_IRQ = 0x18,
    VECTOR_FIQ = 0x1c
};

static uint32_t thumb_or(const struct arm_cpu *cpu, uint32_t thumb, uint32_t arm32)
{
    return cpu->s.ps.thumb ? thumb : arm32;
}

static void enter_undefined(struct arm_cpu *cpu)
{
    uint32_t link = (uint32_t)cpu->pc + thumb_or(cpu, 2, 4);
    enter(cpu, A32_UND, arm_a32_vector_base(cpu) + VECTOR_UND, link, MASK_I);
}

/* Fault status of the short-descriptor format by that of the long one: sections are level 1, pages
 * level 2. */
static uint32_t short_fsr(uint32_t fsc)
{
    bool page = (fsc & 3) == 2;
    uint32_t fs = 0;
    switch (fsc & 0x3c) {
    case FSC_TRANSLATION: fs = page ? 0x07 : 0x05; break;
    case FSC_ACCESS_FLAG: fs = page ? 0x06 : 0x03; break;
    case FSC_PERMISSION: fs = page ? 0x0f : 0x0d; break;
    case FSC_EXTERNAL: fs = 0x08; break;
    case FSC_EXTERNAL_WALK: fs = page ? 0x0e : 0x0c; break;
    case FSC_ALIGNMENT & 0x3c: fs = fsc == FSC_DEBUG ? 0x02 : 0x01; break;
    case FSC_TLB_CONFLICT: fs = 0x10; break;
    case FSC_DOMAIN: fs = page ? 0x0b : 0x09; break;
    }
    return (fs & 15) | (fs & 16) << 6;
}

uint32_t arm_a32_fault_status(uint32_t fsc, bool is_long)
{
    return is_long ? fsc | 1u << 9 : short_fsr(fsc);
}

static uint32_t fault_status(const struct arm_cpu *cpu, uint32_t iss)
{
    return arm_a32_fault_status(iss & 0x3f, cpu->s.tcr_el[arm_a32_bank(cpu)] & A32_TTBCR_EAE);
}

static void set_fault_regs(struct arm_cpu *cpu, bool is_data, uint32_t fsr, uint32_t far)
{
    struct arm_state *s = &cpu->s;
    unsigned bank = arm_a32_bank(cpu);
    uint64_t old = s->far_el[bank];
    if (is_data) {
        s->esr_el[bank] = fsr;
        s->far_el[bank] = (old & ~UINT64_C(0xffffffff)) | far;
    } else {
        *(bank == 3 ? &s->a32.ifsr_s : &s->ifsr) = fsr;
        s->far_el[bank] = (uint32_t)old | (uint64_t)far << 32;
    }
}

static bool is_external(uint32_t fsc)
{
    return (fsc & 0x3c) == FSC_EXTERNAL || (fsc & 0x3c) == FSC_EXTERNAL_WALK;
}

/* Ref: G8.2.37: WnR, CM, the domain of faults that have one. */
static uint32_t data_status(const struct arm_cpu *cpu, uint32_t iss)
{
    enum { ISS_WNR = 1 << 6, ISS_CM = 1 << 8 };
    uint32_t fsr = fault_status(cpu, iss);
    if (!(fsr & 1u << 9))
        fsr |= (uint32_t)cpu->fault.domain << 4;
    return fsr | (iss & ISS_WNR ? 1u << 11 : 0) | (iss & ISS_CM ? 1u << 13 : 0);
}

static void enter_abort(struct arm_cpu *cpu, bool is_data, uint32_t iss, uint32_t far)
{
    uint32_t link = (uint32_t)cpu->pc + (is_data ? 8 : 4);
    bool to_monitor = arm_el3_is_a32(cpu) && is_external(iss & 0x3f) &&
                      ((cpu->s.scr_el3 & SCR_EA) || cpu->s.ps.mode == A32_MON);
    set_fault_regs(cpu, is_data, is_data ? data_status(cpu, iss) : fault_status(cpu, iss), far);
    if (to_monitor)
        enter_monitor(cpu, is_data ? VECTOR_DABT : VECTOR_PABT, link);
    else
        enter(cpu, A32_ABT, arm_a32_vector_base(cpu) + (is_data ? VECTOR_DABT : VECTOR_PABT), link,
              MASK_A | MASK_I);
}

/* Vector of an exception taken from Hyp mode itself; others share one. */
static uint32_t hyp_vector(const struct arm_cpu *cpu, unsigned ec)
{
    if (cpu->s.ps.mode != A32_HYP)
        return VECTOR_HYP_TRAP;
    switch (ec) {
    case ARM_EC_SVC32:
    case ARM_EC_HVC32: return VECTOR_SVC;
    case ARM_EC_INSN_LOWER:
    case ARM_EC_INSN_SAME:
    case ARM_EC_BKPT32: return VECTOR_PABT;
    case ARM_EC_DATA_LOWER:
    case ARM_EC_DATA_SAME: return VECTOR_DABT;
    }
    return VECTOR_UND;
}

/* Debug exceptions are aborts to Hyp mode.  Ref: G5.10.4. */
static uint32_t hyp_syndrome(uint32_t esr)
{
    switch (esr_ec(esr)) {
    case ARM_EC_BREAK_LOWER: return ESR(ARM_EC_INSN_LOWER, esr & 0x1ffffff);
    case ARM_EC_WATCH_LOWER: return ESR(ARM_EC_DATA_LOWER, esr & 0x1ffffff);
    }
    return esr;
}

static void take_to_hyp(struct arm_cpu *cpu, uint32_t esr, uint32_t far)
{
    esr = hyp_syndrome(esr);
    unsigned ec = esr_ec(esr);
    cpu->s.esr_el[2] = esr;
    if (ec == ARM_EC_INSN_LOWER || ec == ARM_EC_INSN_SAME)
        cpu->s.far_el[2] = (uint32_t)cpu->s.far_el[2] | (uint64_t)far << 32;
    else if (ec == ARM_EC_DATA_LOWER || ec == ARM_EC_DATA_SAME)
        cpu->s.far_el[2] = (cpu->s.far_el[2] & ~UINT64_C(0xffffffff)) | far;
    enter_hyp(cpu, hyp_vector(cpu, ec), (uint32_t)cpu->pc);
}

void arm_a32_take_sync(struct arm_cpu *cpu, unsigned el, uint32_t esr, uint64_t far)
{
    unsigned ec = esr_ec(esr);
    if (el == 2) {
        take_to_hyp(cpu, esr, (uint32_t)far);
        return;
    }
    switch (ec) {
    case ARM_EC_SVC32:
        enter(cpu, A32_SVC, arm_a32_vector_base(cpu) + VECTOR_SVC, (uint32_t)cpu->pc, MASK_I);
        break;
    case ARM_EC_SMC32: enter_monitor(cpu, VECTOR_SVC, (uint32_t)cpu->pc); break;
    case ARM_EC_INSN_LOWER:
    case ARM_EC_INSN_SAME: enter_abort(cpu, false, esr, (uint32_t)far); break;
    case ARM_EC_DATA_LOWER:
    case ARM_EC_DATA_SAME: enter_abort(cpu, true, esr, (uint32_t)far); break;
    case ARM_EC_PC_ALIGN: enter_abort(cpu, false, FSC_ALIGNMENT, (uint32_t)cpu->pc); break;
    case ARM_EC_BKPT32:
    case ARM_EC_BREAK_LOWER:
    case ARM_EC_BREAK_SAME:
    case ARM_EC_VECTOR32: enter_abort(cpu, false, FSC_DEBUG, (uint32_t)cpu->pc); break;
    case ARM_EC_WATCH_LOWER:
    case ARM_EC_WATCH_SAME:
        enter_abort(cpu, true, esr & (FSC_DEBUG | 1u << 6), (uint32_t)far);
        break;
    default: enter_undefined(cpu); break;
    }
}

/* --- interrupts --- */

void arm_a32_take_interrupt(struct arm_cpu *cpu, unsigned el, enum arm_vector vector)
{
    uint32_t link = (uint32_t)cpu->pc + 4;
    bool fiq = vector == ARM_VECTOR_FIQ, is_async_abort = vector == ARM_VECTOR_SERROR;
    uint64_t scr_bit = fiq ? SCR_FIQ : is_async_abort ? SCR_EA : SCR_IRQ;
    uint32_t offset = fiq ? VECTOR_FIQ : is_async_abort ? VECTOR_DABT : VECTOR_IRQ;
    unsigned masks = MASK_A | MASK_I | (fiq ? MASK_F : 0);
    if (is_async_abort) {
        link += 4;
        set_fault_regs(cpu, true, cpu->s.tcr_el[arm_a32_bank(cpu)] & A32_TTBCR_EAE ? 0x211 : 0x406,
                       0);
    }
    if (el == 2)
        enter_hyp(cpu, cpu->s.ps.mode == A32_HYP || !is_async_abort ? offset : VECTOR_HYP_TRAP,
                  (uint32_t)cpu->pc);
    else if (el == 3 && (cpu->s.scr_el3 & scr_bit))
        enter_monitor(cpu, offset, link);
    else
        enter(cpu,
              fiq              ? A32_FIQ
              : is_async_abort ? A32_ABT
                               : A32_IRQ,
              arm_a32_vector_base(cpu) + offset, link, masks);
}
