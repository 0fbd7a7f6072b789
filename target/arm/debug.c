/*
 * Self-hosted debug: breakpoints and watchpoints of the program's own.  Software step is step.c.
 *
 * While a breakpoint may match, units are made in a mode of their own (ARM_MODE_BREAK) and ask
 * before each instruction whose address break_filter does not rule out.  Pages with a watched byte
 * are in no level of the TLB (guest_walk.asks).
 * Ref: the manual, D2.8 (breakpoints), D2.9 (watchpoints), D2.3 (routing), D2.4 (enables); G2.
 */
#include "target/arm/debug.h"

#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/helpers.h"

#include <glib.h>

enum {
    CR_ENABLE = 1 << 0,
    CR_PRIV_SHIFT = 1, /* PMC, PAC */
    CR_LOAD = 1 << 3,
    CR_STORE = 1 << 4,
    CR_HMC = 1 << 13,
    CR_SSC_SHIFT = 14,
    CR_LINK_SHIFT = 16,
    CR_WATCH_LINKED = 1 << 20,
    CR_TYPE_SHIFT = 20, /* DBGBCR.BT */
    CR_MASK_SHIFT = 24
};
/* DBGBCR.BT, with LINKED for the odd ones. */
enum {
    BT_LINKED = 1,
    BT_ADDRESS = 0,
    BT_CONTEXT = 2,
    BT_MISMATCH = 4,
    BT_CONTEXT1 = 6,
    BT_VMID = 8,
    BT_VMID_CONTEXT = 10,
    BT_CONTEXT2 = 12,
    BT_CONTEXT12 = 14
};

/* ---- who is stopped, and where ---- */

unsigned arm_debug_target(const struct arm_cpu *cpu)
{
    const struct arm_state *s = &cpu->s;

    if (s->ps.el <= 1 && arm_el2_enabled(cpu) &&
        ((s->mdcr_el2 & MDCR2_TDE) || (s->hcr_el2 & HCR_TGE)))
        return 2;
    return MAX(s->ps.el, 1);
}

/* By the OS lock, or the OS double lock, which DBGPRCR.CORENPDRQ overrides.  Ref: H8.1
 * (DoubleLockStatus). */
static bool is_locked(const struct arm_cpu *cpu)
{
    return (cpu->s.oslock & 1) || ((cpu->s.osdlr_el1 & 1) && !(cpu->s.dbgprcr_el1 & 1));
}

void arm_set_double_lock(struct arm_cpu *cpu, uint64_t val)
{
    bool is_present = arm_has(cpu, ARM_F_DOUBLELOCK) || !arm_has(cpu, ARM_F_V8);

    cpu->s.osdlr_el1 = is_present ? val & 1 : 0;
    guest_mode_changed(&cpu->cpu);
}

/* Without AArch64 above, PL1 is stopped whatever PSTATE and MDSCR.KDE say, Hyp mode never. */
static bool enabled_in_a32(const struct arm_cpu *cpu)
{
    const struct arm_state *s = &cpu->s;

    if (is_locked(cpu) || s->ps.el == 2)
        return false;
    return !arm_is_secure(cpu) || !(s->mdcr_el3 & MDCR3_SDD);
}

bool arm_debug_exceptions_enabled(const struct arm_cpu *cpu)
{
    const struct arm_state *s = &cpu->s;
    unsigned to = s->ps.el <= 1 ? arm_debug_target(cpu) : 2;

    if (s->ps.a32 && !arm_el_is_a64(cpu, 1) && !arm_is_host(cpu))
        return enabled_in_a32(cpu);
    if (is_locked(cpu) || s->ps.el > to || (s->ps.el == 2 && !arm_el2_enabled(cpu)))
        return false;
    if (s->ps.el == 2 && !((s->mdcr_el2 & MDCR2_TDE) || (s->hcr_el2 & HCR_TGE)))
        return false;
    if (arm_is_secure(cpu) && (s->mdcr_el3 & MDCR3_SDD))
        return false;
    return s->ps.el < to || ((s->mdscr_el1 & MDSCR_KDE) && !(s->ps.daif & DAIF_D));
}

/* ---- matching ---- */

static unsigned type_of(uint64_t bcr)
{
    return bcr >> CR_TYPE_SHIFT & 15;
}

static bool is_context_aware(const struct arm_cpu *cpu, unsigned n)
{
    return n < cpu->id.breakpoints &&
           n >= (unsigned)cpu->id.breakpoints - cpu->id.context_breakpoints;
}

static bool context_matches(const struct arm_cpu *cpu, unsigned type, uint32_t id)
{
    const struct arm_state *s = &cpu->s;

    if (arm_is_host(cpu) || s->ps.el > 1)
        return type == BT_CONTEXT && arm_is_host(cpu) && id == (uint32_t)s->contextidr_el2;
    return id == (uint32_t)s->contextidr_el1;
}

static bool vmid_matches(const struct arm_cpu *cpu, uint64_t bvr)
{
    unsigned bits = arm_has(cpu, ARM_F_VMID16) && (cpu->s.vtcr_el2 & BIT64(19)) ? 16 : 8;

    return cpu->s.ps.el <= 1 && arm_el2_enabled(cpu) && !arm_is_host(cpu) &&
           extract64(bvr, 32, bits) == extract64(cpu->s.vttbr_el2, 48, bits);
}

/* The context that breakpoint n names is the current one. */
static bool in_context(const struct arm_cpu *cpu, unsigned n)
{
    uint64_t bvr = cpu->s.dbgbvr[n];
    unsigned type = type_of(cpu->s.dbgbcr[n]) & ~BT_LINKED;
    bool vhe = arm_has(cpu, ARM_F_VHE);
    bool id2 = !arm_is_secure(cpu) && bvr >> 32 == (uint32_t)cpu->s.contextidr_el2;

    switch (type) {
    case BT_CONTEXT: return context_matches(cpu, type, (uint32_t)bvr);
    case BT_CONTEXT1: return vhe && context_matches(cpu, type, (uint32_t)bvr);
    case BT_VMID: return vmid_matches(cpu, bvr);
    case BT_VMID_CONTEXT:
        return vmid_matches(cpu, bvr) && context_matches(cpu, BT_CONTEXT1, (uint32_t)bvr);
    case BT_CONTEXT2: return vhe && id2;
    case BT_CONTEXT12: return vhe && id2 && context_matches(cpu, BT_CONTEXT1, (uint32_t)bvr);
    default: return false;
    }
}

/* The breakpoint that another one, or a watchpoint, is linked to. */
static bool link_matches(const struct arm_cpu *cpu, unsigned n)
{
    uint64_t bcr = is_context_aware(cpu, n) ? cpu->s.dbgbcr[n] : 0;

    return (bcr & CR_ENABLE) && (type_of(bcr) & BT_LINKED) && in_context(cpu, n);
}

/* Exception level and security state: HMC, SSC and PMC or PAC.  Ref: the manual, tables of D2.8.4
 * and D2.9.4 (execution conditions). */
static bool state_matches(const struct arm_cpu *cpu, uint64_t cr, bool is_user)
{
    unsigned ssc = cr >> CR_SSC_SHIFT & 3, priv = cr >> CR_PRIV_SHIFT & 3;
    bool hmc = cr & CR_HMC, secure = arm_is_secure(cpu);

    if (ssc == 1 && secure)
        return false;
    if ((ssc == 2 || (ssc == 3 && !hmc)) && !secure)
        return false;
    if (is_user)
        return priv & 2;
    switch (cpu->s.ps.el) {
    case 3: return hmc && !(ssc & 1);
    case 2: return (hmc && !(ssc == 2 && priv == 0)) || ssc == 3;
    default: return priv & 1;
    }
}

/* Bits of an address that are compared: below a tag. */
static uint64_t compared(uint64_t addr)
{
    return addr << 8;
}

static bool address_matches(const struct arm_cpu *cpu, unsigned n, uint64_t pc)
{
    uint64_t differs = (cpu->s.dbgbvr[n] ^ pc) & ~UINT64_C(3);
    uint64_t bcr = cpu->s.dbgbcr[n];
    bool any_a32 = arm_has(cpu, ARM_F_AARCH32_EL0) || arm_has(cpu, ARM_F_AARCH32_EL1);
    bool here = !any_a32 || (bcr >> (5 + (pc & 3)) & 1);

    return here && !(arm_el_is_a64(cpu, 1) ? compared(differs) : (uint32_t)differs);
}

/* AArch32 alone: PMC 0 is for User, System and Supervisor mode. */
static bool is_for_os(const struct arm_cpu *cpu, uint64_t bcr)
{
    unsigned mode = cpu->s.ps.mode;

    return !(bcr & (CR_HMC | 3 << CR_PRIV_SHIFT)) && cpu->s.ps.a32 && !arm_el_is_a64(cpu, 1) &&
           (mode == A32_USR || mode == A32_SYS || mode == A32_SVC) &&
           state_matches(cpu, bcr | 3 << CR_PRIV_SHIFT, cpu->s.ps.el == 0);
}

/* Address mismatch is AArch32's way to step: every instruction but the one that is named. */
static bool breakpoint_matches(const struct arm_cpu *cpu, unsigned n)
{
    uint64_t bcr = cpu->s.dbgbcr[n];
    unsigned type = type_of(bcr), base = type & ~BT_LINKED;

    if (!(bcr & CR_ENABLE) || !(is_for_os(cpu, bcr) || state_matches(cpu, bcr, cpu->s.ps.el == 0)))
        return false;
    if (base == BT_ADDRESS || (base == BT_MISMATCH && !arm_el_is_a64(cpu, 1))) {
        bool hit = address_matches(cpu, n, cpu->pc) == (base == BT_ADDRESS);
        return hit && (!(type & BT_LINKED) || link_matches(cpu, bcr >> CR_LINK_SHIFT & 15));
    }
    return !(type & BT_LINKED) && is_context_aware(cpu, n) && in_context(cpu, n);
}

static uint64_t watched_mask(uint64_t wcr)
{
    unsigned mask = wcr >> CR_MASK_SHIFT & 31;

    return mask > 2 ? BIT64(mask) - 1 : 7;
}

/* Byte addr is one of those that watchpoint n is for. */
static bool byte_matches(const struct arm_cpu *cpu, unsigned n, uint64_t addr)
{
    uint64_t wcr = cpu->s.dbgwcr[n], wvr = cpu->s.dbgwvr[n], mask = watched_mask(wcr);

    if (compared((wvr ^ addr) & ~mask))
        return false;
    if (mask > 7)
        return true;
    if (wvr & 4) /* the upper half only, by BAS[3:0] */
        return (addr & 4) && (wcr >> (5 + (addr & 3)) & 1);
    return wcr >> (5 + (addr & 7)) & 1;
}

struct watched_access {
    uint64_t addr;
    unsigned size;
    bool is_write, is_user;
};

static bool watchpoint_matches(const struct arm_cpu *cpu, unsigned n,
                               const struct watched_access *a)
{
    uint64_t wcr = cpu->s.dbgwcr[n];

    if (!(wcr & CR_ENABLE) || !(wcr & (a->is_write ? CR_STORE : CR_LOAD)) ||
        !state_matches(cpu, wcr, a->is_user))
        return false;
    if ((wcr & CR_WATCH_LINKED) && !link_matches(cpu, wcr >> CR_LINK_SHIFT & 15))
        return false;
    for (unsigned i = 0; i < a->size; i++)
        if (byte_matches(cpu, n, a->addr + i))
            return true;
    return false;
}

/* ---- what the accelerator has to know ---- */

static uint64_t filter_of(const struct arm_cpu *cpu, unsigned n)
{
    if (!(cpu->s.dbgbcr[n] & CR_ENABLE))
        return 0;
    if ((type_of(cpu->s.dbgbcr[n]) & ~BT_LINKED) != BT_ADDRESS)
        return UINT64_MAX;
    return BIT64(cpu->s.dbgbvr[n] >> 2 & 63);
}

void arm_debug_changed(struct arm_cpu *cpu)
{
    bool watched = false;

    cpu->break_filter = 0;
    for (unsigned i = 0; i < cpu->id.breakpoints; i++)
        cpu->break_filter |= filter_of(cpu, i);
    if (cpu->s.dbgvcr && arm_has(cpu, ARM_F_AARCH32_EL1))
        cpu->break_filter = UINT64_MAX;
    for (unsigned i = 0; i < cpu->id.watchpoints; i++)
        watched |= cpu->s.dbgwcr[i] & CR_ENABLE;
    if (watched || cpu->is_watching)
        guest_tlb_flush(&cpu->cpu);
    cpu->is_watching = watched;
    guest_mode_changed(&cpu->cpu);
}

bool arm_breaks(const struct arm_cpu *cpu)
{
    return cpu->break_filter && (cpu->s.mdscr_el1 & MDSCR_MDE) && arm_debug_exceptions_enabled(cpu);
}

/* Some byte of the page around addr is watched. */
static bool is_watched_page(const struct arm_cpu *cpu, uint64_t addr)
{
    for (unsigned i = 0; i < cpu->id.watchpoints; i++) {
        uint64_t mask = watched_mask(cpu->s.dbgwcr[i]) | 0xfff;
        if ((cpu->s.dbgwcr[i] & CR_ENABLE) && !compared((cpu->s.dbgwvr[i] ^ addr) & ~mask))
            return true;
    }
    return false;
}

void arm_debug_limit(const struct arm_cpu *cpu, gva addr, enum guest_access access,
                     struct guest_walk *out)
{
    if (LIKELY(!cpu->is_watching))
        return;
    out->alike_bits = 0; /* other pages of the mapping may differ */
    if (!is_watched_page(cpu, addr))
        return;
    if (access == GUEST_FETCH)
        out->prot &= 1 << GUEST_FETCH;
    else
        out->asks = true;
}

bool arm_watches(struct arm_cpu *cpu, gva addr, unsigned size, bool is_write, bool is_user)
{
    struct watched_access a = {addr, size, is_write, is_user};

    if (!cpu->is_watching || !(cpu->s.mdscr_el1 & MDSCR_MDE) || !arm_debug_exceptions_enabled(cpu))
        return false;
    for (unsigned i = 0; i < cpu->id.watchpoints; i++)
        if (watchpoint_matches(cpu, i, &a))
            return true;
    return false;
}

/* ---- exceptions ---- */

enum {
    MOE_BREAKPOINT = 1,
    MOE_VECTOR = 5,
    MOE_WATCHPOINT = 10,
    MOE_SHIFT = 2,
    WNR = 1 << 6,
    CM = 1 << 8
};

/* DBGDSCR.MOE, where the debugger uses AArch32. */
static void set_entry_method(struct arm_cpu *cpu, unsigned el, uint64_t moe)
{
    if (!arm_el_is_a64(cpu, el))
        cpu->s.mdscr_el1 = deposit64(cpu->s.mdscr_el1, MOE_SHIFT, 4, moe);
}

/* DBGVCR: of eight vectors behind base, those whose bit is set. */
static bool is_vector(uint64_t pc, uint64_t base, unsigned which)
{
    uint64_t offset = pc - (uint32_t)base;

    return offset < 32 && !(offset & 3) && (which >> (offset / 4) & 1);
}

/* The instruction is at a vector that DBGVCR catches: of the current world, by the low or the high
 * byte, or of Monitor mode.  Ref: G2.10. */
static bool is_caught_vector(const struct arm_cpu *cpu)
{
    const struct arm_state *s = &cpu->s;
    bool is_privileged = s->ps.a32 && s->ps.el && s->ps.el != 2;

    if (!s->dbgvcr || !is_privileged || arm_el_is_a64(cpu, 1))
        return false;
    unsigned low = s->dbgvcr & 0xff, monitor = s->dbgvcr >> 8 & 0xff, high = s->dbgvcr >> 24;
    unsigned which = arm_el3_is_a32(cpu) && !arm_is_secure(cpu) ? high : low;
    if (is_vector(cpu->pc, arm_a32_vector_base(cpu), which))
        return true;
    return arm_el3_is_a32(cpu) && arm_is_secure(cpu) && is_vector(cpu->pc, s->a32.mvbar, monitor);
}

static void take_vector_catch(struct arm_cpu *cpu)
{
    unsigned el = arm_debug_target(cpu);

    set_entry_method(cpu, el, MOE_VECTOR);
    arm_raise(cpu, el, ESR(ARM_EC_VECTOR32, FSC_DEBUG));
}

void helper_breakpoint(struct arm_cpu *cpu)
{
    unsigned el = arm_debug_target(cpu);
    bool hit = false;

    for (unsigned i = 0; i < cpu->id.breakpoints && !hit; i++)
        hit = breakpoint_matches(cpu, i);
    if (!hit && is_caught_vector(cpu))
        take_vector_catch(cpu);
    if (!hit)
        return;
    set_entry_method(cpu, el, MOE_BREAKPOINT);
    arm_raise(cpu, el, ESR(cpu->s.ps.el < el ? ARM_EC_BREAK_LOWER : ARM_EC_BREAK_SAME, FSC_DEBUG));
}

void arm_take_watchpoint(struct arm_cpu *cpu, gva addr, bool is_write, bool is_maintenance)
{
    unsigned el = arm_debug_target(cpu);
    uint32_t iss = FSC_DEBUG | (is_write ? WNR : 0) | (is_maintenance ? CM : 0);

    set_entry_method(cpu, el, MOE_WATCHPOINT);
    arm_take_abort(cpu, el, ESR(cpu->s.ps.el < el ? ARM_EC_WATCH_LOWER : ARM_EC_WATCH_SAME, iss),
                   addr);
}
