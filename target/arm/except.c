/*
 * Exceptions: entry and return, PSTATE as saved, which level takes what; interrupts; the faults of
 * memory accesses.  Ref: the manual, D1.3 (Exceptions), D1.4 (return), D1.3.6 (asynchronous).
 */
#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/debug.h"
#include "target/arm/m_priv.h"
#include "util/log.h"

#include <inttypes.h>

/* ---- PSTATE ---- */

uint32_t arm_flags_to_nzcv(uint32_t flags)
{
    return (flags & ARM_FLAG_N ? 8u << 28 : 0) | (flags & ARM_FLAG_Z ? 4u << 28 : 0) |
           (flags & ARM_FLAG_NOT_C ? 0 : 2u << 28) | (flags & ARM_FLAG_V ? 1u << 28 : 0);
}

uint32_t arm_flags_from_nzcv(uint32_t nzcv)
{
    return (nzcv >> 31 & 1 ? ARM_FLAG_N : 0) | (nzcv >> 30 & 1 ? ARM_FLAG_Z : 0) |
           (nzcv >> 29 & 1 ? 0 : ARM_FLAG_NOT_C) | (nzcv >> 28 & 1 ? ARM_FLAG_V : 0);
}

static uint32_t spsr_common(const struct arm_cpu *cpu)
{
    const struct arm_pstate *p = &cpu->s.ps;

    return arm_flags_to_nzcv(cpu->flags) | (p->dit ? SPSR_DIT : 0) | (p->pan ? SPSR_PAN : 0) |
           (p->ss ? SPSR_SS : 0) | (p->il ? SPSR_IL : 0);
}

uint32_t arm_spsr_from_pstate(struct arm_cpu *cpu)
{
    const struct arm_pstate *p = &cpu->s.ps;
    uint32_t v = spsr_common(cpu);

    if (!p->a32) {
        v |= (p->tco ? SPSR_TCO : 0) | (p->uao ? SPSR_UAO : 0) | (p->ssbs ? SPSR_SSBS : 0);
        v |= (uint32_t)arm_btype(cpu) << SPSR_BTYPE_SHIFT | (uint32_t)p->daif << SPSR_DAIF_SHIFT;
        return v | (uint32_t)p->el << SPSR_EL_SHIFT | p->spsel;
    }
    v |= (cpu->qf ? SPSR_Q : 0) | (p->ssbs ? SPSR_SSBS32 : 0) | cpu->ge << SPSR_GE_SHIFT;
    v |= (uint32_t)(p->it & 3) << 25 | (uint32_t)(p->it >> 2) << 10;
    v |= (uint32_t)(p->daif & 7) << SPSR_DAIF_SHIFT | (p->be ? SPSR_E : 0);
    return v | (p->thumb ? SPSR_T : 0) | SPSR_NRW | (p->mode & 15);
}

void arm_sp_out(struct arm_cpu *cpu)
{
    const struct arm_pstate *p = &cpu->s.ps;

    if (!p->a32)
        cpu->s.sp_el[p->spsel ? p->el : 0] = cpu->x[31];
}

void arm_sp_in(struct arm_cpu *cpu)
{
    const struct arm_pstate *p = &cpu->s.ps;

    if (!p->a32)
        cpu->x[31] = cpu->s.sp_el[p->spsel ? p->el : 0];
}

/* ---- AArch32's banked registers ---- */

static void swap(uint64_t *a, uint64_t *b)
{
    uint64_t t = *a;

    *a = *b;
    *b = t;
}

/*
 * Registers of modes that are not in use are where AArch64 state shows them (the manual, D1.8.1,
 * table of register mappings); those of a mode in use have changed places with the ones of User
 * mode.  So doing this twice is doing nothing.
 */
static void exchange_banks(struct arm_cpu *cpu, unsigned mode)
{
    uint64_t *x = cpu->x;

    switch (mode) {
    case A32_HYP: swap(&x[13], &x[15]); break;
    case A32_IRQ: swap(&x[14], &x[16]), swap(&x[13], &x[17]); break;
    case A32_SVC: swap(&x[14], &x[18]), swap(&x[13], &x[19]); break;
    case A32_ABT: swap(&x[14], &x[20]), swap(&x[13], &x[21]); break;
    case A32_UND: swap(&x[14], &x[22]), swap(&x[13], &x[23]); break;
    case A32_MON: swap(&x[14], &cpu->s.lr_mon), swap(&x[13], &cpu->s.sp_mon); break;
    case A32_FIQ:
        for (unsigned i = 8; i <= 14; i++)
            swap(&x[i], &x[i + 16]);
        break;
    }
}

void arm_a32_set_mode(struct arm_cpu *cpu, unsigned mode)
{
    if (cpu->s.ps.mode == mode)
        return;
    exchange_banks(cpu, cpu->s.ps.mode);
    exchange_banks(cpu, mode);
    cpu->s.ps.mode = mode;
}

/* ---- entry ---- */

static const char *const ec_names[64] = {
    [ARM_EC_UNKNOWN] = "unknown or undefined",
    [ARM_EC_WFX] = "WFx trap",
    [ARM_EC_FP] = "FP access trap",
    [ARM_EC_PAUTH] = "pointer authentication trap",
    [ARM_EC_BTI] = "branch target",
    [ARM_EC_ILLEGAL] = "illegal execution state",
    [ARM_EC_SVC32] = "SVC, AArch32",
    [ARM_EC_HVC32] = "HVC, AArch32",
    [ARM_EC_SMC32] = "SMC, AArch32",
    [ARM_EC_SVC] = "SVC",
    [ARM_EC_HVC] = "HVC",
    [ARM_EC_SMC] = "SMC",
    [ARM_EC_SYSREG] = "system register trap",
    [ARM_EC_ERET] = "ERET trap",
    [ARM_EC_FPAC] = "pointer authentication failure",
    [ARM_EC_INSN_LOWER] = "instruction abort",
    [ARM_EC_INSN_SAME] = "instruction abort, same level",
    [ARM_EC_PC_ALIGN] = "PC alignment",
    [ARM_EC_DATA_LOWER] = "data abort",
    [ARM_EC_DATA_SAME] = "data abort, same level",
    [ARM_EC_SP_ALIGN] = "SP alignment",
    [ARM_EC_MOPS] = "memory copy and set",
    [ARM_EC_SERROR] = "SError",
    [ARM_EC_BREAK_LOWER] = "breakpoint",
    [ARM_EC_BREAK_SAME] = "breakpoint, same level",
    [ARM_EC_STEP_LOWER] = "software step",
    [ARM_EC_STEP_SAME] = "software step, same level",
    [ARM_EC_WATCH_LOWER] = "watchpoint",
    [ARM_EC_WATCH_SAME] = "watchpoint, same level",
    [ARM_EC_BRK] = "BRK",
};

static NOINLINE void log_entry(struct arm_cpu *cpu, unsigned el, enum arm_vector vector,
                               uint32_t esr)
{
    static const char *const kinds[] = {"synchronous", "IRQ", "FIQ", "SError"};
    const char *what = vector == ARM_VECTOR_SYNC ? ec_names[esr_ec(esr)] : NULL;

    log_printf(LOG_INT,
               "exception: cpu %u: %s%s%s, EL%u -> EL%u, ESR 0x%08" PRIx32 ", ELR 0x%" PRIx64
               ", FAR 0x%" PRIx64 "\n",
               cpu->cpu.index, kinds[vector / 0x80], what ? ": " : "", what ? what : "",
               cpu->s.ps.el, el, vector == ARM_VECTOR_SYNC ? esr : 0, cpu->pc, cpu->s.far_el[el]);
}

/* Offset of the vector by where the exception comes from.  Ref: the manual, D1.3.2. */
static unsigned vector_base(const struct arm_cpu *cpu, unsigned el)
{
    const struct arm_pstate *p = &cpu->s.ps;
    bool lower_is_a64;

    if (el == p->el)
        return p->spsel ? 0x200 : 0;
    if (el == 3)
        lower_is_a64 = arm_el_is_a64(cpu, arm_el2_enabled(cpu) ? 2 : 1);
    else if (el == 2 && p->el == 0 && arm_is_host(cpu))
        lower_is_a64 = !p->a32;
    else
        lower_is_a64 = arm_el_is_a64(cpu, el - 1);
    return lower_is_a64 ? 0x400 : 0x600;
}

/* Whether an exception to el sets PSTATE.PAN: SCTLR_ELx.SPAN is 0. */
static bool entry_sets_pan(const struct arm_cpu *cpu, unsigned el)
{
    if (!arm_has(cpu, ARM_F_PAN) || (cpu->s.sctlr_el[el] & SCTLR_SPAN))
        return false;
    return el == 1 || (el == 2 && (cpu->s.hcr_el2 & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE));
}

void arm_enter_a64(struct arm_cpu *cpu, unsigned el, enum arm_vector vector, uint32_t esr)
{
    struct arm_state *s = &cpu->s;
    struct arm_pstate *p = &s->ps;
    unsigned base = vector_base(cpu, el), from = p->el;

    if (log_enabled(LOG_INT))
        log_entry(cpu, el, vector, esr);
    if (vector == ARM_VECTOR_SYNC)
        arm_unstep(cpu);
    cpu->stepped = ARM_NOT_STEPPED;
    s->spsr_el[el] = arm_spsr_from_pstate(cpu);
    s->elr_el[el] = cpu->pc;
    if (vector == ARM_VECTOR_SYNC || vector == ARM_VECTOR_SERROR)
        s->esr_el[el] = esr;
    if (p->a32)
        arm_a32_set_mode(cpu, A32_USR);
    else
        arm_sp_out(cpu);
    bool pan = p->pan || entry_sets_pan(cpu, el);
    *p = (struct arm_pstate){.el = el,
                             .spsel = 1,
                             .daif = 15,
                             .pan = pan,
                             .dit = p->dit,
                             .ssbs = arm_has(cpu, ARM_F_SSBS) && (s->sctlr_el[el] & SCTLR_DSSBS),
                             .tco = false};
    arm_sp_in(cpu);
    cpu->pc = (s->vbar_el[el] & ~UINT64_C(0x7ff)) + base + vector;
    cpu->cpu.halted = false;
    arm_pmu_level_changed(cpu);
    if (from > 1 || el > 1)
        guest_space_changed(&cpu->cpu);
    guest_mode_changed(&cpu->cpu);
    if (el == 3)
        arm_irq_changed(cpu);
}

/* ---- synchronous exceptions ---- */

/* What EL1 would take goes to EL2 with HCR_EL2.TGE, and some of it with no more to say. */
static unsigned route(const struct arm_cpu *cpu, unsigned el, uint32_t *esr)
{
    if (el < cpu->s.ps.el)
        el = cpu->s.ps.el;
    if (el == 0)
        el = 1;
    if (el == 1 && cpu->s.ps.el == 0 && arm_el2_enabled(cpu) && (cpu->s.hcr_el2 & HCR_TGE)) {
        if (esr_ec(*esr) == ARM_EC_FP)
            *esr = ESR(ARM_EC_UNKNOWN, 0);
        return 2;
    }
    return el;
}

void arm_take_sync(struct arm_cpu *cpu, unsigned el, uint32_t esr)
{
    if (arm_is_m(cpu)) {
        arm_m_take_sync(cpu, esr);
        return;
    }
    if (!cpu->s.ps.a32)
        esr |= ESR_IL;
    el = route(cpu, el, &esr);
    if (!arm_el_is_a64(cpu, el)) {
        arm_a32_take_sync(cpu, el, esr, 0);
        return;
    }
    if (esr_ec(esr) == ARM_EC_PC_ALIGN)
        cpu->s.far_el[el] = cpu->pc;
    arm_enter_a64(cpu, el, ARM_VECTOR_SYNC, esr);
}

void arm_take_abort(struct arm_cpu *cpu, unsigned el, uint32_t esr, uint64_t far)
{
    el = route(cpu, el, &esr);
    if (!arm_el_is_a64(cpu, el)) {
        arm_a32_take_sync(cpu, el, esr, far);
        return;
    }
    cpu->s.far_el[el] = far;
    arm_enter_a64(cpu, el, ARM_VECTOR_SYNC, esr);
}

void arm_raise(struct arm_cpu *cpu, unsigned el, uint32_t esr)
{
    if (esr_ec(esr) != ARM_EC_SVC32)
        arm_pmu_not_done(cpu);
    arm_take_sync(cpu, el, esr);
    guest_unwind(&cpu->cpu);
}

void arm_raise_undefined(struct arm_cpu *cpu)
{
    arm_raise(cpu, 1, ESR(ARM_EC_UNKNOWN, 0));
}

/* ---- return ---- */

/* The level that SPSR_ELx.M names, or -1 for a reserved value.  Ref: the manual, D1.4.4. */
static int spsr_el(const struct arm_cpu *cpu, uint32_t spsr)
{
    if (!(spsr & SPSR_NRW)) {
        int el = spsr >> SPSR_EL_SHIFT & 3;
        return (spsr & 2) || (el == 0 && (spsr & 1)) ? -1 : el;
    }
    switch (spsr & 31) {
    case A32_USR: return 0;
    case A32_FIQ:
    case A32_IRQ:
    case A32_SVC:
    case A32_ABT:
    case A32_UND:
    case A32_SYS: return arm_is_secure_below(cpu) && !arm_el_is_a64(cpu, 3) ? 3 : 1;
    case A32_HYP: return 2;
    case A32_MON: return 3;
    default: return -1;
    }
}

/* Whether el, below this one, is in AArch64 state after a return that says a32 for it. */
static bool width_is_right(const struct arm_cpu *cpu, unsigned el, bool a32)
{
    if (a32 && !arm_has(cpu, el ? ARM_F_AARCH32_EL1 : ARM_F_AARCH32_EL0))
        return false;
    if (el == 0)
        return a32 || arm_el_is_a64(cpu, 1) || arm_is_host(cpu);
    return el == cpu->s.ps.el ? a32 == cpu->s.ps.a32 : arm_el_is_a64(cpu, el) == !a32;
}

static bool return_is_legal(const struct arm_cpu *cpu, int el, uint32_t spsr)
{
    if (el < 0 || el > cpu->s.ps.el || (el == 2 && !arm_has_el2(cpu)))
        return false;
    if (el == 2 && cpu->s.ps.el == 3 && !(cpu->s.scr_el3 & SCR_NS))
        return false;
    if (el == 1 && arm_el2_enabled(cpu) && (cpu->s.hcr_el2 & HCR_TGE))
        return false;
    return width_is_right(cpu, el, spsr & SPSR_NRW);
}

/* A return address loses its tag as the level returned to says. */
static uint64_t untagged_pc(const struct arm_cpu *cpu, uint64_t pc)
{
    uint32_t mode = arm_mode((struct cpu *)(uintptr_t)&cpu->cpu);
    bool upper = pc >> 55 & 1;
    bool is_split = cpu->s.ps.el <= 1 || (mode >> ARM_MODE_IDX_SHIFT & 7) == ARM_IDX_EL20_0 ||
                    (mode >> ARM_MODE_IDX_SHIFT & 7) == ARM_IDX_EL20_2 ||
                    (mode >> ARM_MODE_IDX_SHIFT & 7) == ARM_IDX_EL20_2_PAN;

    if (!(mode & (upper ? ARM_MODE_TBI1 : ARM_MODE_TBI)))
        return pc;
    return is_split ? (uint64_t)sextract64(pc, 0, 56) : extract64(pc, 0, 56);
}

static void enter_state(struct arm_cpu *cpu, unsigned el, uint32_t spsr)
{
    struct arm_pstate *p = &cpu->s.ps;
    bool a32 = spsr & SPSR_NRW;

    *p = (struct arm_pstate){.el = el, .a32 = a32, .daif = spsr >> SPSR_DAIF_SHIFT & 15};
    p->il = spsr & SPSR_IL;
    p->pan = arm_has(cpu, ARM_F_PAN) && (spsr & SPSR_PAN);
    p->dit = arm_has(cpu, ARM_F_DIT) && (spsr & SPSR_DIT);
    if (!a32) {
        p->spsel = spsr & 1;
        p->uao = arm_has(cpu, ARM_F_UAO) && (spsr & SPSR_UAO);
        p->ssbs = arm_has(cpu, ARM_F_SSBS) && (spsr & SPSR_SSBS);
        p->btype = arm_has(cpu, ARM_F_BTI) ? spsr >> SPSR_BTYPE_SHIFT & 3 : 0;
        arm_sp_in(cpu);
        return;
    }
    p->daif &= 7;
    p->ssbs = arm_has(cpu, ARM_F_SSBS) && (spsr & SPSR_SSBS32);
    p->thumb = spsr & SPSR_T;
    p->be = spsr & SPSR_E;
    p->it = (spsr >> 25 & 3) | (spsr >> 10 & 0x3f) << 2;
    cpu->qf = !!(spsr & SPSR_Q);
    cpu->ge = spsr >> SPSR_GE_SHIFT & 15;
    p->mode = A32_USR;
    for (unsigned i = 0; i < 15; i++)
        cpu->x[i] = (uint32_t)cpu->x[i];
    arm_a32_set_mode(cpu, spsr & 31);
}

void arm_return(struct arm_cpu *cpu, uint32_t spsr, uint64_t pc)
{
    struct arm_pstate *p = &cpu->s.ps;
    int el = spsr_el(cpu, spsr);
    unsigned from = p->el;
    bool debugged = arm_debug_exceptions_enabled(cpu);

    cpu->flags = arm_flags_from_nzcv(spsr);
    cpu->excl_addr = UINT64_MAX;
    cpu->s.event = true;
    if (!return_is_legal(cpu, el, spsr)) {
        p->il = true;
        p->daif = spsr >> SPSR_DAIF_SHIFT & 15;
        cpu->pc = pc;
    } else {
        arm_sp_out(cpu);
        if (p->a32)
            arm_a32_set_mode(cpu, A32_USR);
        enter_state(cpu, el, spsr);
        if (p->a32)
            pc = (uint32_t)pc & (p->thumb ? ~1u : ~3u);
        cpu->pc = p->a32 ? pc : untagged_pc(cpu, pc);
        cpu->btype_pc = cpu->pc;
    }
    p->ss = arm_returns_stepping(cpu, spsr, debugged);
    arm_pmu_level_changed(cpu);
    if (from > 1)
        guest_space_changed(&cpu->cpu);
    guest_mode_changed(&cpu->cpu);
    arm_irq_changed(cpu);
}

/* ---- interrupts ---- */

enum {
    IRQ_BIT = 1 << ARM_LINE_IRQ,
    FIQ_BIT = 1 << ARM_LINE_FIQ,
    VIRQ_BIT = 1 << ARM_LINE_VIRQ,
    VFIQ_BIT = 1 << ARM_LINE_VFIQ,
    VSE_BIT = 1 << ARM_LINES
};

/* Inputs that are active, with what HCR_EL2 makes of the virtual ones. */
static unsigned pending(const struct arm_cpu *cpu)
{
    unsigned lines = atomic_load_explicit(&cpu->cpu.irq_lines, memory_order_acquire);
    uint64_t hcr = arm_hcr(cpu);

    if (hcr & HCR_VI)
        lines |= VIRQ_BIT;
    if (hcr & HCR_VF)
        lines |= VFIQ_BIT;
    if (!(hcr & HCR_IMO) || (hcr & HCR_TGE))
        lines &= ~VIRQ_BIT;
    if (!(hcr & HCR_FMO) || (hcr & HCR_TGE))
        lines &= ~VFIQ_BIT;
    if ((hcr & HCR_AMO) && (hcr & HCR_VSE))
        lines |= VSE_BIT;
    return lines;
}

/* The level that takes a physical interrupt, 0 when it is masked or none may.  Ref: the manual,
 * D1.3.6.3 (routing) and D1.3.6.4 (masking). */
static unsigned physical_target(const struct arm_cpu *cpu, uint64_t scr_bit, uint64_t hcr_bit,
                                unsigned mask_bit)
{
    const struct arm_pstate *p = &cpu->s.ps;
    unsigned el = 1;

    if (arm_has_el3(cpu) && (cpu->s.scr_el3 & scr_bit))
        el = 3;
    else if (arm_hcr(cpu) & hcr_bit)
        el = 2;
    if (el < p->el)
        return 0;
    if (el > p->el && el > 1 && !(el == 2 && arm_is_host(cpu)))
        return el; /* PSTATE does not mask what goes to a higher level */
    return p->daif & mask_bit ? 0 : el;
}

static unsigned virtual_target(const struct arm_cpu *cpu, unsigned mask_bit)
{
    return cpu->s.ps.el < 2 && !(cpu->s.ps.daif & mask_bit) ? 1 : 0;
}

struct pick {
    unsigned el;
    enum arm_vector vector;
};

/* The interrupt to be taken now; FIQ before IRQ, physical before virtual. */
static bool pick(const struct arm_cpu *cpu, struct pick *out)
{
    unsigned lines = pending(cpu), el;

    if (LIKELY(!lines))
        return false;
    if ((lines & FIQ_BIT) && (el = physical_target(cpu, SCR_FIQ, HCR_FMO, DAIF_F)))
        *out = (struct pick){el, ARM_VECTOR_FIQ};
    else if ((lines & IRQ_BIT) && (el = physical_target(cpu, SCR_IRQ, HCR_IMO, DAIF_I)))
        *out = (struct pick){el, ARM_VECTOR_IRQ};
    else if ((lines & VSE_BIT) && (el = virtual_target(cpu, DAIF_A)))
        *out = (struct pick){el, ARM_VECTOR_SERROR};
    else if ((lines & VFIQ_BIT) && (el = virtual_target(cpu, DAIF_F)))
        *out = (struct pick){el, ARM_VECTOR_FIQ};
    else if ((lines & VIRQ_BIT) && (el = virtual_target(cpu, DAIF_I)))
        *out = (struct pick){el, ARM_VECTOR_IRQ};
    else
        return false;
    return true;
}

void arm_irq_changed(struct arm_cpu *cpu)
{
    struct pick p;

    if (UNLIKELY(cpu->gic_ops && arm_has_el3(cpu)))
        arm_tell_gic(cpu);
    if (UNLIKELY(pick(cpu, &p)))
        cpu_request(&cpu->cpu, CPU_REQ_IRQ);
}

bool arm_interrupt(struct cpu *c)
{
    struct arm_cpu *cpu = arm(c);
    struct pick p;

    if (!pick(cpu, &p))
        return false;
    uint32_t esr = 0;
    if (p.vector == ARM_VECTOR_SERROR) {
        cpu->s.hcr_el2 &= ~HCR_VSE;
        esr = ESR(ARM_EC_SERROR, cpu->s.vsesr_el2 & 0x1ffffff);
    }
    if (arm_el_is_a64(cpu, p.el))
        arm_enter_a64(cpu, p.el, p.vector, esr);
    else
        arm_a32_take_interrupt(cpu, p.el, p.vector);
    return true;
}

/* WFI ends with an interrupt whether PSTATE masks it or not.  Ref: the manual, D1.6.2. */
bool arm_has_work(struct cpu *c)
{
    const struct arm_cpu *cpu = arm(c);
    unsigned lines = pending(cpu);

    if (cpu->s.ps.el >= 2)
        lines &= IRQ_BIT | FIQ_BIT;
    return lines;
}

/* ---- faults of memory accesses ---- */

/* What a load or store does, for EL2's data aborts: ISV, SAS, SSE, SRT, SF, AR.  Only single
 * registers without writeback say so.  Ref: the manual, ESR_ELx, ISS encoding of Data Aborts. */
static uint32_t access_syndrome(uint32_t insn)
{
    unsigned size = insn >> 30, opc = insn >> 22 & 3, rt = insn & 31;
    bool unsigned_offset = (insn & 0x3f000000) == 0x39000000;
    bool other_offset =
        (insn & 0x3f000000) == 0x38000000 &&
        ((insn >> 10 & 3) == 0 || ((insn >> 10 & 3) == 2 && ((insn & (1 << 21)) ? true : true)));
    bool post_or_pre = (insn & 0x3f200400) == 0x38000400;
    bool ordered = (insn & 0x3fa00000) == 0x08800000;
    uint32_t iss = ESR_ISV | size << 22 | rt << 16;

    if (ordered) /* LDAR, STLR and the like */
        return iss | (size == 3 ? 1u << 15 : 0) | 1u << 14;
    if (!(unsigned_offset || other_offset) || post_or_pre)
        return 0;
    if (opc >= 2 && size == 3)
        return 0; /* PRFM */
    if (opc & 2)
        iss |= 1u << 21; /* sign-extending */
    bool sf = opc == 2 || (opc < 2 && size == 3);
    return iss | (sf ? 1u << 15 : 0);
}

static uint32_t abort_fsc(uint32_t cause)
{
    if (cause == GUEST_CAUSE_MISALIGNED)
        return FSC_ALIGNMENT;
    return cause == GUEST_CAUSE_BUS ? FSC_EXTERNAL : cause & 0x3f;
}

void arm_raise_fault(struct cpu *c, gva addr, enum guest_access access, unsigned idx,
                     uint32_t cause)
{
    struct arm_cpu *cpu = arm(c);
    bool special = cause == GUEST_CAUSE_MISALIGNED || cause == GUEST_CAUSE_BUS;

    if (!special && (cause & CAUSE_WATCH)) {
        arm_take_watchpoint(cpu, addr, cause & CAUSE_WNR, cause & CAUSE_CM);
        return;
    }
    bool stage2 = !special && (cause & CAUSE_STAGE2);
    unsigned el = stage2 ? 2 : arm_idx_regime(idx);
    uint32_t iss = abort_fsc(cause);

    if (cpu->s.ps.el > el)
        el = cpu->s.ps.el; /* an unprivileged access */
    bool same = el == cpu->s.ps.el;
    if (stage2) {
        cpu->s.hpfar_el2 = cpu->fault.ipa >> 12 << 4;
        iss |= cause & CAUSE_S1PTW ? 1u << 7 : 0;
    }
    if (access == GUEST_FETCH) {
        arm_take_abort(cpu, el, ESR(same ? ARM_EC_INSN_SAME : ARM_EC_INSN_LOWER, iss), addr);
        return;
    }
    if (access == GUEST_WRITE || (!special && (cause & CAUSE_WNR)))
        iss |= 1u << 6;
    if (!special && (cause & CAUSE_CM))
        iss |= 1u << 8;
    else if (stage2 && !(cause & CAUSE_S1PTW))
        iss |= cpu->s.ps.a32 ? arm_a32_fault_syndrome(cpu, cpu->fault.insn)
                             : access_syndrome(cpu->fault.insn);
    arm_take_abort(cpu, el, ESR(same ? ARM_EC_DATA_SAME : ARM_EC_DATA_LOWER, iss), addr);
}
