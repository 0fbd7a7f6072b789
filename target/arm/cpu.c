/* The processor: its state table, reset, register dump, what translation depends on, floating-point
 * environment, saving and loading. */
#include "target/arm/cpu.h"

#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/debug.h"
#include "target/arm/tlbi.h"
#include "util/log.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

/* ---- exception levels ---- */

uint64_t arm_hcr(const struct arm_cpu *cpu)
{
    uint64_t hcr = cpu->s.hcr_el2;

    if (!arm_el2_enabled(cpu))
        return 0;
    if (hcr & HCR_TGE) {
        hcr &= ~(HCR_VM | HCR_DC | HCR_VI | HCR_VF | HCR_VSE | HCR_PTW | HCR_SWIO | HCR_FB);
        hcr |= HCR_FMO | HCR_IMO | HCR_AMO;
        if (hcr & HCR_E2H)
            hcr &= HCR_E2H | HCR_TGE | HCR_RW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_API | HCR_APK |
                   HCR_TEA | HCR_TERR | HCR_CD | HCR_ID | HCR_FWB | HCR_ENSCXT;
    }
    return hcr;
}

unsigned arm_highest_el(const struct arm_cpu *cpu)
{
    return arm_has_el3(cpu) ? 3 : arm_has_el2(cpu) ? 2 : 1;
}

bool arm_el_is_a64(const struct arm_cpu *cpu, unsigned el)
{
    if (!arm_has(cpu, ARM_F_AARCH64))
        return false;
    if (el == cpu->s.ps.el)
        return !cpu->s.ps.a32;
    if (el == 3 || !arm_has(cpu, ARM_F_AARCH32_EL1))
        return true;
    if (arm_has_el3(cpu) && !(cpu->s.scr_el3 & SCR_RW))
        return false;
    if (el == 2 || !arm_el2_enabled(cpu))
        return true;
    return arm_is_host(cpu) || (cpu->s.hcr_el2 & HCR_RW);
}

unsigned arm_regime_el(const struct arm_cpu *cpu)
{
    if (cpu->s.ps.el)
        return cpu->s.ps.el;
    if (cpu->s.ps.a32 && arm_a32_bank(cpu) == 3)
        return 3;
    return arm_is_host(cpu) ? 2 : 1;
}

unsigned arm_idx_regime(unsigned idx)
{
    static const uint8_t el[] = {
        [ARM_IDX_EL10_0] = 1, [ARM_IDX_EL10_1] = 1, [ARM_IDX_EL10_1_PAN] = 1, [ARM_IDX_EL2] = 2,
        [ARM_IDX_EL20_0] = 2, [ARM_IDX_EL20_2] = 2, [ARM_IDX_EL20_2_PAN] = 2, [ARM_IDX_EL3] = 3,
    };

    return el[idx & 7];
}

/* ---- mode ---- */

static unsigned idx_of(const struct arm_cpu *cpu, bool pan)
{
    switch (cpu->s.ps.el) {
    case 0: return arm_is_host(cpu) ? ARM_IDX_EL20_0 : ARM_IDX_EL10_0;
    case 1: return pan ? ARM_IDX_EL10_1_PAN : ARM_IDX_EL10_1;
    case 2:
        if (!(cpu->s.hcr_el2 & HCR_E2H))
            return ARM_IDX_EL2;
        return pan ? ARM_IDX_EL20_2_PAN : ARM_IDX_EL20_2;
    default: return ARM_IDX_EL3;
    }
}

unsigned arm_data_idx(const struct arm_cpu *cpu)
{
    return idx_of(cpu, cpu->s.ps.pan);
}

static unsigned fetch_idx(struct cpu *cpu)
{
    return idx_of(arm(cpu), false);
}

/* A two-bit enable of FP: whether it traps at EL0, or above. */
static bool fpen_traps(uint64_t reg, bool is_el0)
{
    unsigned fpen = reg >> CPACR_FPEN_SHIFT & 3;

    return !(fpen & 1) || (fpen == 1 && is_el0);
}

/* Ref: the manual, D1.3.5. */
unsigned arm_fp_trap_el(const struct arm_cpu *cpu)
{
    const struct arm_state *s = &cpu->s;
    unsigned el = s->ps.el;

    if (s->ps.a32 && arm_a32_fp_is_off(cpu))
        return 1;
    if (el <= 1 && !arm_is_host(cpu) && fpen_traps(s->cpacr_el1, el == 0))
        return 1;
    if (el <= 2 && arm_el2_enabled(cpu)) {
        bool e2h = s->hcr_el2 & HCR_E2H;
        bool traps = e2h ? fpen_traps(s->cptr_el2, el == 0 && arm_is_host(cpu))
                         : (s->cptr_el2 & CPTR_TFP) != 0;
        if (traps)
            return 2;
    }
    return arm_has_el3(cpu) && (s->cptr_el3 & CPTR_TFP) ? 3 : 0;
}

static uint32_t tbi_mode(const struct arm_cpu *cpu, unsigned regime, bool is_split)
{
    uint64_t tcr = cpu->s.tcr_el[regime];
    uint32_t mode = 0;

    if (!is_split)
        return tcr & TCR2_TBI ? ARM_MODE_TBI | ARM_MODE_TBI1 : 0;
    mode |= tcr & TCR_TBI0 ? ARM_MODE_TBI : 0;
    mode |= tcr & TCR_TBI1 ? ARM_MODE_TBI1 : 0;
    return mode;
}

/* Whether instructions that are as a rule open at this level are to ask for traps. */
static bool traps_are_on(const struct arm_cpu *cpu, uint64_t sctlr)
{
    const uint64_t open = SCTLR_UCI | SCTLR_UCT | SCTLR_DZE | SCTLR_NTWI | SCTLR_NTWE | SCTLR_UMA;
    const uint64_t traps = HCR_TWI | HCR_TWE | HCR_TID0 | HCR_TID1 | HCR_TID2 | HCR_TID3 |
                           HCR_TIDCP | HCR_TACR | HCR_TSW | HCR_TPCP | HCR_TPU | HCR_TTLB |
                           HCR_TVM | HCR_TRVM | HCR_TDZ | HCR_TID4 | HCR_TICAB | HCR_TOCU |
                           HCR_TTLBIS | HCR_TTLBOS | HCR_TLOR;
    const struct arm_state *s = &cpu->s;

    if (s->ps.el == 0 && (sctlr & open) != open)
        return true;
    if (s->ps.el <= 1 && (arm_hcr(cpu) & traps))
        return true;
    if (s->ps.el <= 1 && arm_el2_enabled(cpu) && arm_has(cpu, ARM_F_FGT) &&
        (s->hfgrtr_el2 | s->hfgwtr_el2 | s->hfgitr_el2 | s->hdfgrtr_el2 | s->hdfgwtr_el2))
        return true;
    return s->ps.el <= 2 && (s->scr_el3 & (SCR_TWI | SCR_TWE)) && arm_has_el3(cpu);
}

static uint32_t a64_mode(const struct arm_cpu *cpu, uint64_t sctlr, unsigned regime, unsigned idx)
{
    const struct arm_state *s = &cpu->s;
    const uint64_t pauth = SCTLR_ENIA | SCTLR_ENIB | SCTLR_ENDA | SCTLR_ENDB;
    bool is_el0 = s->ps.el == 0;
    bool is_split =
        regime == 1 || idx == ARM_IDX_EL20_0 || idx == ARM_IDX_EL20_2 || idx == ARM_IDX_EL20_2_PAN;
    uint32_t mode = tbi_mode(cpu, regime, is_split);

    if (sctlr & (is_el0 ? SCTLR_E0E : SCTLR_EE))
        mode |= ARM_MODE_BE;
    if (sctlr & (is_el0 ? SCTLR_SA0 : SCTLR_SA))
        mode |= ARM_MODE_SA;
    if (sctlr & (is_el0 ? SCTLR_BT0 : SCTLR_BT1))
        mode |= ARM_MODE_BT;
    if (sctlr & SCTLR_NAA)
        mode |= ARM_MODE_NAA;
    if (cpu->guarded_pages)
        mode |= ARM_MODE_BTI;
    if ((sctlr & pauth) && arm_has(cpu, ARM_F_PAUTH))
        mode |= ARM_MODE_PAUTH;
    if (!s->ps.uao && (s->ps.el == 1 || (s->ps.el == 2 && arm_is_host(cpu))))
        mode |= ARM_MODE_UNPRIV;
    if (traps_are_on(cpu, sctlr))
        mode |= ARM_MODE_TRAPS;
    return mode;
}

static uint32_t a32_mode(const struct arm_cpu *cpu, uint64_t sctlr)
{
    const struct arm_state *s = &cpu->s;
    uint32_t mode = ARM_MODE_A32 | (uint32_t)s->ps.it << ARM_MODE_IT_SHIFT |
                    (s->ps.mode == A32_SYS ? ARM_MODE_SYS : 0);

    if (s->ps.thumb)
        mode |= ARM_MODE_THUMB;
    if (s->ps.be)
        mode |= ARM_MODE_BE;
    if (s->fpcr & (7 << 16 | 3 << 20))
        mode |= ARM_MODE_VLEN;
    (void)sctlr;
    return mode;
}

/* Software step is for debuggers in AArch64 state. */
static bool steps(const struct arm_cpu *cpu)
{
    return arm_debug_exceptions_enabled(cpu) && arm_el_is_a64(cpu, arm_debug_target(cpu));
}

/* Without stage 1, data are Device-nGnRnE, unless HCR_EL2.DC says Normal. */
static bool is_all_device(const struct arm_cpu *cpu, unsigned regime)
{
    uint64_t hcr = regime == 1 ? arm_hcr(cpu) : 0;

    return !(cpu->s.sctlr_el[regime] & SCTLR_M) && !(hcr & HCR_DC);
}

uint32_t arm_mode(struct cpu *c)
{
    const struct arm_cpu *cpu = arm(c);
    const struct arm_state *s = &cpu->s;
    unsigned regime = arm_regime_el(cpu), idx = arm_data_idx(cpu);
    uint64_t sctlr = s->sctlr_el[regime];
    uint32_t mode = s->ps.el | idx << ARM_MODE_IDX_SHIFT | arm_fp_trap_el(cpu) << ARM_MODE_FP_SHIFT;

    mode |= arm_is_secure(cpu) ? ARM_MODE_SECURE : 0;
    mode |= sctlr & SCTLR_A || (!s->ps.a32 && is_all_device(cpu, regime)) ? ARM_MODE_ALIGN : 0;
    mode |= s->fpcr & FPCR_DN ? ARM_MODE_DN : 0;
    mode |= s->fpcr & FPCR_FZ ? ARM_MODE_FZ : 0;
    mode |= s->fpcr & FPCR_FZ16 ? ARM_MODE_FZ16 : 0;
    mode |= (s->fpcr >> FPCR_RMODE_SHIFT & 3) << ARM_MODE_RM_SHIFT;
    mode |= s->ps.il ? ARM_MODE_IL : 0;
    mode |= (s->mdscr_el1 & MDSCR_SS) && steps(cpu) ? ARM_MODE_SS : 0;
    mode |= !cpu->pmu_counts_insns ? 0 : s->ps.a32 ? ARM_MODE_BREAK : ARM_MODE_COUNT;
    mode |= UNLIKELY(cpu->break_filter) && arm_breaks(cpu) ? ARM_MODE_BREAK : 0;
    return mode | (s->ps.a32 ? a32_mode(cpu, sctlr) : a64_mode(cpu, sctlr, regime, idx));
}

/* A32 and T32 exchange; not in an IT block. */
static uint32_t swapped(uint32_t mode)
{
    if (!(mode & ARM_MODE_A32) || (mode & UINT32_C(0xff) << ARM_MODE_IT_SHIFT))
        return mode;
    return mode ^ ARM_MODE_THUMB;
}

/* ---- address spaces ---- */

/*
 * ASID in the low half, VMID in the high one.  EL2 and EL3 have neither: their entries are global
 * under indices of their own.  The secure world takes the complement of VMID 0.
 */
static uint32_t asid(struct cpu *c)
{
    const struct arm_cpu *cpu = arm(c);
    const struct arm_state *s = &cpu->s;
    if (arm_a32_is_short(cpu))
        return arm_a32_asid(cpu);
    bool host = (s->ps.el == 2 && (s->hcr_el2 & HCR_E2H)) || (s->ps.el == 0 && arm_is_host(cpu));
    bool is_a32 = !host && !arm_el_is_a64(cpu, 1);
    unsigned el = host ? 2 : is_a32 ? arm_a32_bank(cpu) : 1;
    uint64_t tcr = s->tcr_el[el];
    uint32_t id = (tcr & TCR_A1 ? s->ttbr1_el[el] : s->ttbr0_el[el]) >> 48;

    if (is_a32 || !(tcr & TCR_AS))
        id &= 0xff;
    if (host)
        return id;
    if (arm_is_secure_below(cpu))
        return id | 0xffffu << 16;
    if (arm_has_el2(cpu))
        id |= (uint32_t)(s->vttbr_el2 >> 48) << 16;
    return id;
}

static bool idx_has_asid(struct cpu *c, unsigned idx)
{
    const struct arm_cpu *cpu = arm(c);

    switch (idx) {
    case ARM_IDX_EL10_0:
    case ARM_IDX_EL10_1:
    case ARM_IDX_EL10_1_PAN: return (cpu->s.sctlr_el[1] & SCTLR_M) || cpu->no_globals;
    case ARM_IDX_EL20_0:
    case ARM_IDX_EL20_2:
    case ARM_IDX_EL20_2_PAN: return cpu->s.sctlr_el[2] & SCTLR_M;
    default: return false;
    }
}

static unsigned disas(struct cpu *cpu, FILE *f, gva pc, const uint8_t *bytes, unsigned len)
{
    return arm_disas(cpu, f, pc, bytes, len);
}

/* AArch64: the instruction; AArch32: PSTATE.IT and the syndrome of its data aborts. */
static void restored(struct cpu *c, uint32_t word)
{
    struct arm_cpu *cpu = arm(c);

    cpu->fault.insn = word;
    arm_pmu_not_done(cpu);
    if (!cpu->s.ps.a32 || cpu->s.ps.it == (word & A32_MARK_IT))
        return;
    cpu->s.ps.it = (uint8_t)word;
    guest_mode_changed(c);
}

#define GUEST_OPS(table)                                                                           \
    {                                                                                              \
        .slots = table, .name = "arm", .nslots = ARM_SLOTS, .pc_slot = ARM_SLOT_PC,                \
        .narrow_modes = ARM_MODE_A32, .mode = arm_mode, .swapped = swapped, .asid = asid,          \
        .fetch_idx = fetch_idx, .idx_has_asid = idx_has_asid, .translate = arm_translate,          \
        .walk = arm_walk, .may_access = arm_may_access, .raise_fault = arm_raise_fault,            \
        .restored = restored, .disas = disas,                                                      \
    }

const struct guest_ops arm_guest_ops = GUEST_OPS(arm_slots);
const struct guest_ops arm32_guest_ops = GUEST_OPS(arm32_slots);

/* ---- floating-point environment ---- */

enum {
    MXCSR_IE = 0x01,
    MXCSR_DE = 0x02,
    MXCSR_ZE = 0x04,
    MXCSR_OE = 0x08,
    MXCSR_UE = 0x10,
    MXCSR_PE = 0x20,
    MXCSR_FLAGS = 0x3f,
    MXCSR_MASKS = 0x1f80,
    MXCSR_RC_SHIFT = 13,
};
static const struct {
    uint32_t fpsr, mxcsr;
} flag_map[] = {
    {FPSR_IOC, MXCSR_IE}, {FPSR_DZC, MXCSR_ZE}, {FPSR_OFC, MXCSR_OE},
    {FPSR_UFC, MXCSR_UE}, {FPSR_IXC, MXCSR_PE},
};

/* Rounding bits for FPCR.RMode: nearest, up, down, zero. */
static uint32_t mxcsr_rounding(uint32_t fpcr)
{
    static const uint8_t rc[] = {0, 2, 1, 3};

    return (uint32_t)rc[fpcr >> FPCR_RMODE_SHIFT & 3] << MXCSR_RC_SHIFT;
}

uint32_t arm_fpsr(struct arm_cpu *cpu)
{
    uint32_t m = guest_fpenv_get(&cpu->cpu), val = cpu->qc ? FPSR_QC : 0;

    for (size_t i = 0; i < ARRAY_SIZE(flag_map); i++)
        val |= m & flag_map[i].mxcsr ? flag_map[i].fpsr : 0;
    return val | (cpu->s.fpsr_idc ? FPSR_IDC : 0);
}

void arm_set_fpsr(struct arm_cpu *cpu, uint32_t val)
{
    uint32_t m = MXCSR_MASKS | mxcsr_rounding(cpu->s.fpcr);

    for (size_t i = 0; i < ARRAY_SIZE(flag_map); i++)
        m |= val & flag_map[i].fpsr ? flag_map[i].mxcsr : 0;
    cpu->s.fpsr_idc = !!(val & FPSR_IDC);
    cpu->qc = !!(val & FPSR_QC) && !arm_is_m(cpu);
    guest_fpenv_set(&cpu->cpu, m);
}

void arm_set_fpcr(struct arm_cpu *cpu, uint32_t val)
{
    uint32_t flags = guest_fpenv_get(&cpu->cpu) & MXCSR_FLAGS;
    uint32_t mask = FPCR_AHP | FPCR_DN | FPCR_FZ | 3u << FPCR_RMODE_SHIFT;

    if (arm_has(cpu, ARM_F_FP16))
        mask |= FPCR_FZ16;
    if (!arm_has(cpu, ARM_F_AARCH64) && !arm_is_m(cpu))
        mask |= FPCR_LEN | FPCR_STRIDE;
    cpu->s.fpcr = val & mask;
    guest_fpenv_set(&cpu->cpu, flags | MXCSR_MASKS | mxcsr_rounding(cpu->s.fpcr));
    guest_mode_changed(&cpu->cpu);
}

/* ---- reset ---- */

/* clang-format off */
static const struct state_field state_table[] = {
    STATE(arm_cpu, ps, 0), STATE_ARRAY(arm_cpu, sp_el, 0), STATE_ARRAY(arm_cpu, elr_el, 0),
    STATE_ARRAY(arm_cpu, spsr_el, 0), STATE_ARRAY(arm_cpu, esr_el, 0), STATE_ARRAY(arm_cpu, far_el, 0),
    STATE_ARRAY(arm_cpu, vbar_el, 0), STATE_ARRAY(arm_cpu, sctlr_el, 0), STATE_ARRAY(arm_cpu, tcr_el, 0),
    STATE_ARRAY(arm_cpu, ttbr0_el, 0), STATE_ARRAY(arm_cpu, ttbr1_el, 0), STATE_ARRAY(arm_cpu, mair_el, 0),
    STATE_ARRAY(arm_cpu, actlr_el, 0), STATE_ARRAY(arm_cpu, afsr0_el, 0), STATE_ARRAY(arm_cpu, afsr1_el, 0),
    STATE_ARRAY(arm_cpu, amair_el, 0), STATE(arm_cpu, hcr_el2, 0), STATE(arm_cpu, scr_el3, 0),
    STATE(arm_cpu, cpacr_el1, 0), STATE(arm_cpu, cptr_el2, 0), STATE(arm_cpu, cptr_el3, 0),
    STATE(arm_cpu, hcrx_el2, 0), STATE(arm_cpu, hstr_el2, 0), STATE(arm_cpu, hacr_el2, 0),
    STATE(arm_cpu, hpfar_el2, 0), STATE(arm_cpu, vttbr_el2, 0), STATE(arm_cpu, vtcr_el2, 0),
    STATE(arm_cpu, vpidr_el2, 0), STATE(arm_cpu, vmpidr_el2, 0), STATE(arm_cpu, hfgrtr_el2, 0),
    STATE(arm_cpu, hfgwtr_el2, 0), STATE(arm_cpu, hfgitr_el2, 0), STATE(arm_cpu, hdfgrtr_el2, 0),
    STATE(arm_cpu, hdfgwtr_el2, 0), STATE_ARRAY(arm_cpu, tpidr_el, 0), STATE(arm_cpu, tpidrro_el0, 0),
    STATE(arm_cpu, contextidr_el1, 0), STATE(arm_cpu, contextidr_el2, 0), STATE_ARRAY(arm_cpu, scxtnum_el, 0),
    STATE(arm_cpu, par_el1, 0), STATE(arm_cpu, csselr_el1, 0), STATE(arm_cpu, rmr, 0),
    STATE(arm_cpu, disr_el1, 0), STATE(arm_cpu, vdisr_el2, 0), STATE(arm_cpu, vsesr_el2, 0),
    STATE(arm_cpu, lorsa_el1, 0), STATE(arm_cpu, lorea_el1, 0), STATE(arm_cpu, lorn_el1, 0),
    STATE(arm_cpu, lorc_el1, 0), STATE(arm_cpu, spsr_abt, 0), STATE(arm_cpu, spsr_und, 0),
    STATE(arm_cpu, spsr_irq, 0), STATE(arm_cpu, spsr_fiq, 0), STATE(arm_cpu, dacr, 0), STATE(arm_cpu, ifsr, 0),
    STATE(arm_cpu, fpexc, 0), STATE(arm_cpu, sder, 0), STATE(arm_cpu, apia, 0), STATE(arm_cpu, apib, 0),
    STATE(arm_cpu, apda, 0), STATE(arm_cpu, apdb, 0), STATE(arm_cpu, apga, 0), STATE(arm_cpu, mdscr_el1, 0),
    STATE(arm_cpu, mdccint_el1, 0), STATE(arm_cpu, mdcr_el2, 0), STATE(arm_cpu, mdcr_el3, 0),
    STATE(arm_cpu, osdlr_el1, 0), STATE(arm_cpu, oslock, 1), STATE(arm_cpu, oseccr_el1, 0),
    STATE(arm_cpu, osdtrrx_el1, 0), STATE(arm_cpu, osdtrtx_el1, 0), STATE(arm_cpu, dbgclaim, 0),
    STATE(arm_cpu, dbgprcr_el1, 0), STATE(arm_cpu, dbgvcr, 0), STATE_ARRAY(arm_cpu, dbgbvr, 0),
    STATE_ARRAY(arm_cpu, dbgbcr, 0), STATE_ARRAY(arm_cpu, dbgwvr, 0), STATE_ARRAY(arm_cpu, dbgwcr, 0),
    STATE(arm_cpu, cntfrq, 0), STATE(arm_cpu, cntkctl_el1, 0), STATE(arm_cpu, cnthctl_el2, 3),
    STATE(arm_cpu, cntvoff_el2, 0), STATE(arm_cpu, cntpoff_el2, 0), STATE(arm_cpu, timer, 0),
    STATE(arm_cpu, pmcr, 0), STATE(arm_cpu, pmcnten, 0), STATE(arm_cpu, pmovs, 0), STATE(arm_cpu, pminten, 0),
    STATE(arm_cpu, pmuserenr, 0), STATE(arm_cpu, pmselr, 0), STATE(arm_cpu, pmccfiltr, 0),
    STATE(arm_cpu, pmccntr, 0), STATE_ARRAY(arm_cpu, pmevcntr, 0), STATE_ARRAY(arm_cpu, pmevtyper, 0),
    STATE(arm_cpu, sp_mon, 0), STATE(arm_cpu, lr_mon, 0), STATE(arm_cpu, spsr_mon, 0), STATE(arm_cpu, elr_hyp, 0),
    STATE(arm_cpu, a32, 0),
    STATE(arm_cpu, fpcr, 0), STATE(arm_cpu, fpsr_idc, 0), STATE(arm_cpu, event, 0), STATE(arm_cpu, pad, 0),
    STATE_END,
};
/* clang-format on */

/* Bits that are one for want of the features they belong to, or that reset to one. */
enum { SCR_RES1 = 0x30, SCTLR1_RESET = 0x00c50838, SCTLR23_RESET = 0x30c50830 };

static void reset_configured(struct arm_cpu *cpu)
{
    struct arm_state *s = &cpu->s;

    s->ps = (struct arm_pstate){.el = arm_highest_el(cpu), .spsel = 1, .daif = 15};
    s->sctlr_el[1] = SCTLR1_RESET;
    if (!arm_has(cpu, ARM_F_AARCH32_EL1)) {
        s->sctlr_el[1] |= SCTLR_NTLSMD | SCTLR_LSMAOE;
        s->hcr_el2 = HCR_RW;
        s->scr_el3 = SCR_RW;
    }
    s->scr_el3 |= SCR_RES1;
    s->sctlr_el[2] = s->sctlr_el[3] = SCTLR23_RESET;
    s->vpidr_el2 = cpu->id.midr;
    s->vmpidr_el2 = arm_mpidr(&cpu->cpu);
    s->cntfrq = cpu->timer_hz;
    s->ps.ssbs = s->ps.tco = false;
    s->mdcr_el2 = arm_has(cpu, ARM_F_PMU) ? cpu->id.pmu_counters : 0; /* HPMN */
    if (!arm_has(cpu, ARM_F_AARCH64))
        arm_a32_reset(cpu);
}

/* What firmware sets up before it enters Linux.  Ref: Linux, Documentation/arch/arm64/booting.rst.
 */
void arm_enter_boot(struct arm_cpu *cpu, uint64_t pc, unsigned el, const uint64_t x[4])
{
    struct arm_state *s = &cpu->s;

    s->ps.el = MAX(MIN(el, arm_highest_el(cpu)), 1);
    if (s->ps.el == 2 && !arm_has_el2(cpu))
        s->ps.el = 1;
    if (s->ps.el < 3)
        s->scr_el3 = SCR_NS | SCR_HCE | SCR_RW | SCR_API | SCR_APK | SCR_ENSCXT | SCR_FGTEN |
                     SCR_ECVEN | SCR_HXEN;
    if (s->ps.el < 2)
        s->hcrx_el2 = arm_has(cpu, ARM_F_MOPS) ? HCRX_MSCEN : 0;
    if (s->ps.el < 2)
        s->hcr_el2 = HCR_RW | HCR_API | HCR_APK;
    cpu->pc = pc;
    memcpy(cpu->x, x, 4 * sizeof(x[0]));
    if (s->ps.a32)
        arm_a32_reset_boot(cpu);
    arm_state_changed(cpu);
}

static void reset(struct cpu *c)
{
    struct arm_cpu *cpu = arm(c);

    memset(cpu->x, 0, sizeof(cpu->x));
    memset(cpu->v, 0, sizeof(cpu->v));
    cpu->pc = cpu->cfg.reset_pc;
    cpu->excl_addr = UINT64_MAX;
    cpu->excl_val = cpu->excl_high = 0;
    cpu->flags = ARM_FLAG_NOT_C;
    cpu->qc = cpu->qf = cpu->ge = 0;
    mutex_lock(&cpu->timer_lock);
    state_reset(state_table, cpu);
    reset_configured(cpu);
    mutex_unlock(&cpu->timer_lock);
    arm_sync(cpu);
    arm_set_fpsr(cpu, 0);
    if (cpu->boot.valid)
        arm_enter_boot(cpu, cpu->boot.pc, cpu->boot.el, cpu->boot.x);
    if (log_enabled(LOG_CPU_RESET)) {
        c->ops->dump(c, log_begin());
        log_end();
    }
}

void arm_sync(struct arm_cpu *cpu)
{
    arm_set_fpcr(cpu, cpu->s.fpcr);
    cpu->no_globals = false;
    guest_tlb_flush(&cpu->cpu);
    arm_timers_update(cpu);
    arm_pmu_update(cpu);
    arm_debug_changed(cpu);
    arm_state_changed(cpu);
}

void arm_state_changed(struct arm_cpu *cpu)
{
    arm_pmu_level_changed(cpu);
    guest_space_changed(&cpu->cpu);
    guest_mode_changed(&cpu->cpu);
    arm_irq_changed(cpu);
}

/* ---- dump ---- */

static void dump_x(const struct arm_cpu *cpu, FILE *f)
{
    fprintf(f, " PC=%016" PRIx64 " ", cpu->pc);
    for (unsigned i = 0; i < 31; i++)
        fprintf(f, "X%02u=%016" PRIx64 "%s", i, cpu->x[i], i % 3 == 1 ? "\n" : " ");
    fprintf(f, " SP=%016" PRIx64 "\n", cpu->x[31]);
}

static void dump_r(const struct arm_cpu *cpu, FILE *f)
{
    for (unsigned i = 0; i < 16; i++)
        fprintf(f, "R%02u=%08" PRIx32 "%s", i, (uint32_t)(i == 15 ? cpu->pc : cpu->x[i]),
                i % 4 == 3 ? "\n" : " ");
}

static const char *a32_mode_name(unsigned mode)
{
    switch (mode) {
    case A32_USR: return "usr";
    case A32_FIQ: return "fiq";
    case A32_IRQ: return "irq";
    case A32_SVC: return "svc";
    case A32_MON: return "mon";
    case A32_ABT: return "abt";
    case A32_HYP: return "hyp";
    case A32_UND: return "und";
    case A32_SYS: return "sys";
    default: return "???";
    }
}

static void dump_pstate(struct arm_cpu *cpu, FILE *f)
{
    uint32_t p = arm_spsr_from_pstate(cpu);

    fprintf(f, "PSTATE=%08" PRIx32 " %c%c%c%c ", p, p >> 31 ? 'N' : '-', p >> 30 & 1 ? 'Z' : '-',
            p >> 29 & 1 ? 'C' : '-', p >> 28 & 1 ? 'V' : '-');
    if (arm_has_el3(cpu))
        fputs(arm_is_secure(cpu) ? "S " : "NS ", f);
    if (cpu->s.ps.a32)
        fprintf(f, "%c %s32\n", cpu->s.ps.thumb ? 'T' : 'A', a32_mode_name(cpu->s.ps.mode));
    else
        fprintf(f, "EL%u%c\n", cpu->s.ps.el, cpu->s.ps.spsel ? 'h' : 't');
}

static void dump_system(const struct arm_cpu *cpu, FILE *f)
{
    const struct arm_state *s = &cpu->s;

    for (unsigned el = 1; el <= arm_highest_el(cpu); el++) {
        fprintf(f,
                "EL%u: ELR=%016" PRIx64 " SPSR=%08" PRIx64 " ESR=%08" PRIx64 " FAR=%016" PRIx64
                " VBAR=%016" PRIx64 "\n",
                el, s->elr_el[el], s->spsr_el[el], s->esr_el[el], s->far_el[el], s->vbar_el[el]);
        fprintf(f,
                "     SCTLR=%016" PRIx64 " TCR=%016" PRIx64 " TTBR0=%016" PRIx64
                " TTBR1=%016" PRIx64 "\n",
                s->sctlr_el[el], s->tcr_el[el], s->ttbr0_el[el], s->ttbr1_el[el]);
    }
    if (arm_has_el2(cpu))
        fprintf(f, "HCR_EL2=%016" PRIx64 " VTTBR_EL2=%016" PRIx64 " VTCR_EL2=%08" PRIx64 "\n",
                s->hcr_el2, s->vttbr_el2, s->vtcr_el2);
    if (arm_has_el3(cpu))
        fprintf(f, "SCR_EL3=%08" PRIx64 "\n", s->scr_el3);
}

static void dump(struct cpu *c, FILE *f)
{
    struct arm_cpu *cpu = arm(c);

    if (cpu->s.ps.a32)
        dump_r(cpu, f);
    else
        dump_x(cpu, f);
    dump_pstate(cpu, f);
    dump_system(cpu, f);
    if (!arm_has(cpu, ARM_F_VFP))
        return;
    fprintf(f, "FPCR=%08" PRIx32 " FPSR=%08" PRIx32 "\n", cpu->s.fpcr, arm_fpsr(cpu));
    for (unsigned i = 0; i < 32; i++)
        fprintf(f, "Q%02u=%016" PRIx64 ":%016" PRIx64 "%s", i, cpu->v[i].d[1], cpu->v[i].d[0],
                i % 2 ? "\n" : " ");
}

/* ---- saving and loading ---- */

#define FIELD(name)                                                                                \
    {                                                                                              \
#name, offsetof(struct arm_cpu, name), sizeof(((struct arm_cpu *)0)->name), 8, 0, false    \
    }
#define FIELD32(name)                                                                              \
    {                                                                                              \
#name, offsetof(struct arm_cpu, name), sizeof(((struct arm_cpu *)0)->name), 4, 0, false    \
    }

/* What reset sets by other means than a table. */
static const struct state_field register_table[] = {
    FIELD(x),         FIELD(pc),   FIELD(excl_addr),    FIELD(excl_val),
    FIELD(excl_high), FIELD(v),    FIELD(insns),        FIELD32(flags),
    FIELD32(qc),      FIELD32(qf), FIELD32(saved_fpsr), FIELD32(ge),
    STATE_END,
};

static const struct state_field *const saved_tables[] = {register_table, state_table, NULL};

static void before_save(struct cpu *c)
{
    arm(c)->s.ps.btype = arm_btype(arm(c));
    arm(c)->saved_fpsr = arm_fpsr(arm(c));
}

static void load_pstate(struct arm_cpu *cpu)
{
    struct arm_pstate *p = &cpu->s.ps;

    p->el = MIN(p->el & 3, arm_highest_el(cpu));
    p->spsel &= 1;
    p->daif &= 15;
    p->btype &= 3;
    cpu->btype_pc = cpu->pc;
    p->mode &= 31;
    p->a32 = !arm_has(cpu, ARM_F_AARCH64) ||
             (p->a32 && arm_has(cpu, p->el ? ARM_F_AARCH32_EL1 : ARM_F_AARCH32_EL0));
    if (p->el == 2 && !arm_has_el2(cpu))
        p->el = 1;
    p->a32 = !!p->a32;
}

static void after_load(struct cpu *c)
{
    struct arm_cpu *cpu = arm(c);

    cpu->flags &= ARM_FLAG_ALL;
    cpu->ge &= 15;
    load_pstate(cpu);
    arm_sync(cpu);
    arm_set_fpsr(cpu, cpu->saved_fpsr);
}

static char *describe(struct cpu *c)
{
    const struct arm_cpu *cpu = arm(c);
    GString *text = g_string_new(arm_model_name(cpu->model));
    static const char *const names[] = {
#define ARM_FEATURE(id, name, help) name,
#include "target/arm/features.def"
#undef ARM_FEATURE
    };

    for (unsigned i = 0; i < ARM_FEATURES; i++)
        if (arm_has(cpu, i))
            g_string_append_printf(text, ",%s", names[i]);
    return g_string_free(text, FALSE);
}

/* ---- operations ---- */

static uint64_t get_pc(struct cpu *cpu)
{
    return arm(cpu)->pc;
}

static void set_pc(struct cpu *cpu, uint64_t pc)
{
    arm(cpu)->pc = arm(cpu)->s.ps.a32 ? (uint32_t)pc & ~1u : pc;
}

static void finalize(struct cpu *c)
{
    struct arm_cpu *cpu = arm(c);

    arm_debug_regs_free(cpu);
    arm_timers_fini(cpu);
    arm_pmu_fini(cpu);
    arm_tlbi_fini(cpu);
    mutex_fini(&cpu->timer_lock);
}

#define OPS(name)                                                                                  \
    {                                                                                              \
        .arch = (name), .reset = reset, .interrupt = arm_interrupt, .has_work = arm_has_work,      \
        .get_pc = get_pc, .set_pc = set_pc, .debug_translate = arm_debug_translate,                \
        .debug_regs = arm_debug_regs, .debug_reg_read = arm_debug_reg_read,                        \
        .debug_reg_write = arm_debug_reg_write, .backtrace = arm_backtrace,                        \
        .mappings = arm_mappings, .dump = dump, .disas = disas, .finalize = finalize,              \
        .state = saved_tables, .describe = describe, .before_save = before_save,                   \
        .after_load = after_load                                                                   \
    }

const struct cpu_ops arm64_cpu_ops = OPS("aarch64");
const struct cpu_ops arm32_cpu_ops = OPS("arm");
