/*
 * System registers that control exception levels and address translation, thread identities, saved
 * state.  Ref: the manual, D19.2.
 */
#include "target/arm/cpu_priv.h"
#include "target/arm/sysreg.h"
#include "target/arm/tlbi.h"

#include <sys/random.h>

#define S(field)  .off = offsetof(struct arm_cpu, s.field)
#define KEY(...)  .key = ARM_SYSREG(__VA_ARGS__)
#define SYS(bit)  .fgt = ARM_FGT_SYSTEM | (bit)
#define VM        .hcr_r = HCR_TRVM, .hcr_w = HCR_TVM
#define F(name)   .feature = 1 + ARM_F_##name
#define PLAIN     .flags = ARM_REG_PLAIN | ARM_REG_QUIET
#define PLAIN_VHE .flags = ARM_REG_PLAIN | ARM_REG_QUIET | ARM_REG_VHE
#define EL2REG    .flags = ARM_REG_NEEDS_EL2
#define EL2PLAIN  .flags = ARM_REG_PLAIN | ARM_REG_QUIET | ARM_REG_NEEDS_EL2
#define EL3REG    .flags = ARM_REG_NEEDS_EL3
#define EL3PLAIN  .flags = ARM_REG_PLAIN | ARM_REG_QUIET | ARM_REG_NEEDS_EL3

/* ---- translation control ---- */

/* Everything but the base address changes what translations look like. */
static void write_and_flush(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    uint64_t *field = arm_sysreg_field(cpu, r);

    if (*field == val)
        return;
    *field = val;
    guest_tlb_flush(&cpu->cpu);
    arm_state_changed(cpu);
}

/* Bits that exist; those of features that do not are as reset made them. */
static uint64_t sctlr_mask(const struct arm_cpu *cpu, unsigned el)
{
    uint64_t m = SCTLR_M | SCTLR_A | SCTLR_C | SCTLR_SA | SCTLR_I | SCTLR_WXN | SCTLR_EE;

    if (el == 1 || (el == 2 && arm_has(cpu, ARM_F_VHE)))
        m |= SCTLR_SA0 | SCTLR_DZE | SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | SCTLR_E0E | SCTLR_UCI;
    if (el == 1)
        m |= SCTLR_UMA | SCTLR_CP15BEN | SCTLR_SED; /* ITD is not there: no IT block is disabled */
    m |= arm_has(cpu, ARM_F_PAN) && el < 3 ? SCTLR_SPAN : 0;
    m |= arm_has(cpu, ARM_F_PAN3) && el < 3 ? SCTLR_EPAN : 0;
    m |= arm_has(cpu, ARM_F_LSE2) ? SCTLR_NAA : 0;
    m |= arm_has(cpu, ARM_F_RAS) ? SCTLR_IESB : 0;
    m |= arm_has(cpu, ARM_F_SSBS) ? SCTLR_DSSBS : 0;
    m |= arm_has(cpu, ARM_F_BTI) ? SCTLR_BT0 | SCTLR_BT1 : 0;
    m |= arm_has(cpu, ARM_F_MOPS) && el < 3 ? SCTLR_MSCEN : 0;
    m |= arm_has(cpu, ARM_F_SPECRES) && el < 3 ? SCTLR_ENRCTX : 0;
    m |= arm_has(cpu, ARM_F_CSV2_2) && el < 3 ? SCTLR_TSCXT : 0;
    if (arm_has(cpu, ARM_F_PAUTH))
        m |= SCTLR_ENIA | SCTLR_ENIB | SCTLR_ENDA | SCTLR_ENDB;
    return m;
}

static void write_sctlr(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    const uint64_t mapping = SCTLR_M | SCTLR_WXN | SCTLR_EE | SCTLR_EPAN | SCTLR_C | SCTLR_I;
    uint64_t *field = arm_sysreg_field(cpu, r), mask = sctlr_mask(cpu, r->arg);
    uint64_t old = *field;

    *field = (old & ~mask) | (val & mask);
    if ((old ^ *field) & mapping)
        guest_tlb_flush(&cpu->cpu);
    guest_mode_changed(&cpu->cpu);
}

static void write_ttbr(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    uint64_t *field = arm_sysreg_field(cpu, r), old = *field;

    *field = val;
    if ((old ^ val) & MASK64(1, 47) && r->arg == 3)
        guest_tlb_flush(&cpu->cpu);
    guest_space_changed(&cpu->cpu);
}

static uint64_t hcr_mask(const struct arm_cpu *cpu)
{
    uint64_t m = MASK64(0, 34) & ~(BIT64(29)); /* to ID; HCD is there without EL3 only */

    m |= arm_has_el3(cpu) ? 0 : HCR_HCD;
    m |= arm_has(cpu, ARM_F_VHE) ? HCR_E2H | HCR_TLOR : 0;
    m |= arm_has(cpu, ARM_F_RAS) ? HCR_TERR | HCR_TEA : 0;
    m |= arm_has(cpu, ARM_F_PAUTH) ? HCR_APK | HCR_API : 0;
    m |= arm_has(cpu, ARM_F_S2FWB) ? HCR_FWB : 0;
    m |= arm_has(cpu, ARM_F_CSV2_2) ? HCR_ENSCXT : 0;
    if (arm_has(cpu, ARM_F_EVT))
        m |= HCR_TID4 | HCR_TICAB | HCR_TOCU | HCR_TTLBIS | HCR_TTLBOS;
    return m;
}

static void write_hcr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    uint64_t old = cpu->s.hcr_el2;

    val &= hcr_mask(cpu);
    if (!arm_has(cpu, ARM_F_AARCH32_EL1))
        val |= HCR_RW;
    cpu->s.hcr_el2 = val;
    if ((val & (HCR_VM | HCR_DC)) && !cpu->no_globals) {
        cpu->no_globals = true;
        guest_tlb_flush(&cpu->cpu);
    }
    if ((old ^ val) & (HCR_DC | HCR_PTW | HCR_FWB | HCR_CD | HCR_ID | HCR_VM | HCR_E2H))
        guest_tlb_flush(&cpu->cpu);
    else if (((old ^ val) & HCR_TGE) && !(val & HCR_E2H))
        guest_tlb_flush(&cpu->cpu);
    arm_state_changed(cpu);
}

static void write_scr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    uint64_t m = MASK64(0, 4) | SCR_SMD | SCR_HCE | SCR_SIF | SCR_RW | SCR_ST | SCR_TWI | SCR_TWE;
    uint64_t old = cpu->s.scr_el3;

    m |= arm_has(cpu, ARM_F_VHE) ? SCR_TLOR : 0;
    m |= arm_has(cpu, ARM_F_RAS) ? SCR_TERR : 0;
    m |= arm_has(cpu, ARM_F_PAUTH) ? SCR_APK | SCR_API : 0;
    m |= arm_has(cpu, ARM_F_DOUBLEFAULT) ? SCR_EASE | SCR_NMEA : 0;
    m |= arm_has(cpu, ARM_F_CSV2_2) ? SCR_ENSCXT : 0;
    m |= arm_has(cpu, ARM_F_FGT) ? SCR_FGTEN : 0;
    m |= arm_has(cpu, ARM_F_ECV) ? SCR_ECVEN : 0;
    m |= arm_has(cpu, ARM_F_HCX) ? SCR_HXEN : 0;
    cpu->s.scr_el3 = (val & m) | 0x30;
    if (!arm_has(cpu, ARM_F_AARCH32_EL1))
        cpu->s.scr_el3 |= SCR_RW;
    if ((old ^ val) & SCR_NS && !cpu->no_globals && !(old & SCR_NS)) {
        cpu->no_globals = true; /* entries of EL1&0 are of one world from here on */
        guest_tlb_flush(&cpu->cpu);
    }
    arm_state_changed(cpu);
}

/* ---- traps of FP and the like ---- */

static enum arm_access check_cpacr(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                   bool is_write UNUSED)
{
    if (r->arg == 1 && cpu->s.ps.el == 1 && arm_el2_enabled(cpu) && (cpu->s.cptr_el2 & CPTR_TCPAC))
        return ARM_TRAP_EL2;
    if (cpu->s.ps.el < 3 && arm_has_el3(cpu) && (cpu->s.cptr_el3 & CPTR_TCPAC))
        return ARM_TRAP_EL3;
    return ARM_ALLOWED;
}

/* FPEXC32_EL2 is trapped as an FP instruction is. */
static enum arm_access check_fpexc(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                   bool is_write UNUSED)
{
    switch (arm_fp_trap_el(cpu)) {
    case 2: return ARM_FP_TRAP_EL2;
    case 3: return ARM_FP_TRAP_EL3;
    default: return ARM_ALLOWED;
    }
}

static void write_cpacr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    cpu->s.cpacr_el1 = val & (UINT64_C(3) << CPACR_FPEN_SHIFT | CPACR_TTA);
    guest_mode_changed(&cpu->cpu);
}

static void write_cptr_el2(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    if (cpu->s.hcr_el2 & HCR_E2H)
        cpu->s.cptr_el2 = val & (UINT64_C(3) << CPACR_FPEN_SHIFT | CPACR_TTA | CPTR_TCPAC);
    else
        cpu->s.cptr_el2 = (val & (CPTR_TFP | CPTR_TTA | CPTR_TCPAC)) | 0x33ff;
    guest_mode_changed(&cpu->cpu);
}

static void write_cptr_el3(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    cpu->s.cptr_el3 = val & (CPTR_TFP | CPTR_TTA | CPTR_TCPAC);
    guest_mode_changed(&cpu->cpu);
}

static enum arm_access check_pauth(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                   bool is_write UNUSED)
{
    unsigned el = cpu->s.ps.el;

    if (el == 1 && arm_el2_enabled(cpu) && !(cpu->s.hcr_el2 & HCR_APK))
        return ARM_TRAP_EL2;
    return el < 3 && arm_has_el3(cpu) && !(cpu->s.scr_el3 & SCR_APK) ? ARM_TRAP_EL3 : ARM_ALLOWED;
}

static enum arm_access check_scr(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                 bool is_write UNUSED)
{
    uint64_t bit = BIT64(r->arg);

    return cpu->s.ps.el == 2 && arm_has_el3(cpu) && !(cpu->s.scr_el3 & bit) ? ARM_TRAP_EL3
                                                                            : ARM_ALLOWED;
}

/* SCXTNUM_ELx: HCR_EL2 and SCR_EL3.EnSCXT, SCTLR_ELx.TSCXT. */
static enum arm_access check_scxtnum(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                     bool is_write UNUSED)
{
    unsigned el = cpu->s.ps.el;

    if (el == 0 && (cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_TSCXT))
        return ARM_TRAP_EL1;
    if (el <= 1 && r->arg <= 1 && arm_el2_enabled(cpu) && !(cpu->s.hcr_el2 & HCR_ENSCXT) &&
        !arm_is_host(cpu))
        return ARM_TRAP_EL2;
    return el < 3 && arm_has_el3(cpu) && !(cpu->s.scr_el3 & SCR_ENSCXT) ? ARM_TRAP_EL3
                                                                        : ARM_ALLOWED;
}

/* ---- PSTATE ---- */

static uint64_t read_currentel(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return (uint64_t)cpu->s.ps.el << 2;
}

static uint64_t read_nzcv(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return arm_flags_to_nzcv(cpu->flags);
}

static void write_nzcv(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    cpu->flags = arm_flags_from_nzcv((uint32_t)val);
}

static enum arm_access check_daif(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                  bool is_write UNUSED)
{
    bool open = cpu->s.ps.el || (cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_UMA);

    return open ? ARM_ALLOWED : ARM_TRAP_EL1;
}

static uint64_t read_daif(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return (uint64_t)cpu->s.ps.daif << SPSR_DAIF_SHIFT;
}

static void write_daif(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    cpu->s.ps.daif = val >> SPSR_DAIF_SHIFT & 15;
    guest_mode_changed(&cpu->cpu);
    arm_irq_changed(cpu);
}

/* Flags of PSTATE that are bools: arg is the bit in the register, off the flag. */
static uint64_t read_flag(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    return (uint64_t) * ((const bool *)cpu + r->off) << r->arg;
}

static void write_flag(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    *((bool *)cpu + r->off) = val >> r->arg & 1;
    guest_mode_changed(&cpu->cpu);
}

static uint64_t read_spsel(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return cpu->s.ps.spsel;
}

static void write_spsel(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    arm_sp_out(cpu);
    cpu->s.ps.spsel = val & 1;
    arm_sp_in(cpu);
}

/* SP_EL0 cannot be named while it is in use. */
static enum arm_access check_sp_el0(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                    bool is_write UNUSED)
{
    return cpu->s.ps.spsel ? ARM_ALLOWED : ARM_UNDEFINED;
}

static uint64_t read_fpcr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return cpu->s.fpcr;
}

static void write_fpcr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    arm_set_fpcr(cpu, (uint32_t)val);
}

static uint64_t read_fpsr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return arm_fpsr(cpu);
}

static void write_fpsr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    arm_set_fpsr(cpu, (uint32_t)val);
}

/* ---- others ---- */

/* CPSR's A, I and F bits: what is pending.  At EL1 the virtual ones, if they are routed so. */
static uint64_t read_isr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    uint64_t lines = atomic_load_explicit(&cpu->cpu.irq_lines, memory_order_acquire);
    uint64_t hcr = cpu->s.ps.el == 1 ? arm_hcr(cpu) : 0, val = 0;
    bool virq = (lines >> ARM_LINE_VIRQ & 1) || (hcr & HCR_VI);
    bool vfiq = (lines >> ARM_LINE_VFIQ & 1) || (hcr & HCR_VF);

    val |= (hcr & HCR_IMO ? virq : lines >> ARM_LINE_IRQ & 1) ? 1 << 7 : 0;
    val |= (hcr & HCR_FMO ? vfiq : lines >> ARM_LINE_FIQ & 1) ? 1 << 6 : 0;
    val |= (hcr & HCR_AMO) && (hcr & HCR_VSE) ? 1 << 8 : 0;
    return val;
}

/* The highest level begins in AArch64 state. */
static uint64_t read_rmr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return (cpu->s.rmr & 2) | arm_has(cpu, ARM_F_AARCH64);
}

static uint64_t read_rvbar(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return cpu->cfg.reset_pc;
}

/* RVBAR and RMR exist at the highest level only. */
static enum arm_access check_highest(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                     bool is_write UNUSED)
{
    return arm_highest_el(cpu) == r->arg ? ARM_ALLOWED : ARM_UNDEFINED;
}

static uint64_t read_random(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    uint64_t val = 0;
    bool ok = getrandom(&val, sizeof(val), GRND_NONBLOCK) == sizeof(val);

    cpu->flags = ok ? ARM_FLAG_NOT_C : ARM_FLAG_NOT_C | ARM_FLAG_Z;
    return ok ? val : 0;
}

static uint64_t read_disr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    bool virt = cpu->s.ps.el == 1 && (arm_hcr(cpu) & HCR_AMO);

    return virt ? cpu->s.vdisr_el2 : cpu->s.disr_el1;
}

static void write_disr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    if (cpu->s.ps.el == 1 && (arm_hcr(cpu) & HCR_AMO))
        cpu->s.vdisr_el2 = val;
    else
        cpu->s.disr_el1 = val;
}

static enum arm_access check_tlor(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                  bool is_write UNUSED)
{
    return cpu->s.ps.el < 3 && arm_has_el3(cpu) && (cpu->s.scr_el3 & SCR_TLOR) ? ARM_TRAP_EL3
                                                                               : ARM_ALLOWED;
}

/* LORegions do not exist in the secure state. */
static enum arm_access check_lor(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                 bool is_write)
{
    return arm_is_secure_below(cpu) ? ARM_UNDEFINED : check_tlor(cpu, r, is_write);
}

/* Error records: there are none, but who may ask is said. */
static enum arm_access check_terr(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                  bool is_write UNUSED)
{
    return cpu->s.ps.el < 3 && arm_has_el3(cpu) && (cpu->s.scr_el3 & SCR_TERR) ? ARM_TRAP_EL3
                                                                               : ARM_ALLOWED;
}

static uint64_t read_zero(struct arm_cpu *cpu UNUSED, const struct arm_sysreg *r UNUSED)
{
    return 0;
}

#define KEY_ROW(lo_op2, reg, what, bit)                                                            \
    {.name = "AP" what "KEYLO_EL1",                                                                \
     KEY(3, 0, 2, (lo_op2) >> 3, (lo_op2)&7),                                                      \
     S(ap##reg.lo),                                                                                \
     .rights = ARM_RW1,                                                                            \
     F(PAUTH),                                                                                     \
     .check = check_pauth,                                                                         \
     SYS(bit),                                                                                     \
     .flags = ARM_REG_QUIET},                                                                      \
    {                                                                                              \
        .name = "AP" what "KEYHI_EL1", KEY(3, 0, 2, (lo_op2) >> 3, ((lo_op2)&7) + 1),              \
        S(ap##reg.hi), .rights = ARM_RW1, F(PAUTH), .check = check_pauth, SYS(bit),                \
        .flags = ARM_REG_QUIET                                                                     \
    }

/* clang-format off */
const struct arm_sysreg arm_sysregs_el[] = {
    {.name = "SCTLR_EL1", KEY(3, 0, 1, 0, 0), S(sctlr_el[1]), .rights = ARM_RW1, .flags = ARM_REG_VHE, VM, SYS(29),
     .write = write_sctlr, .arg = 1},
    {.name = "SCTLR_EL2", KEY(3, 4, 1, 0, 0), S(sctlr_el[2]), .rights = ARM_RW2, EL2REG, .write = write_sctlr, .arg = 2},
    {.name = "SCTLR_EL3", KEY(3, 6, 1, 0, 0), S(sctlr_el[3]), .rights = ARM_RW3, EL3REG, .write = write_sctlr, .arg = 3},
    {.name = "ACTLR_EL1", KEY(3, 0, 1, 0, 1), S(actlr_el[1]), .rights = ARM_RW1, .hcr_r = HCR_TACR, .hcr_w = HCR_TACR,
     PLAIN},
    {.name = "ACTLR_EL2", KEY(3, 4, 1, 0, 1), S(actlr_el[2]), .rights = ARM_RW2, EL2PLAIN},
    {.name = "ACTLR_EL3", KEY(3, 6, 1, 0, 1), S(actlr_el[3]), .rights = ARM_RW3, EL3PLAIN},
    {.name = "CPACR_EL1", KEY(3, 0, 1, 0, 2), S(cpacr_el1), .rights = ARM_RW1, .flags = ARM_REG_VHE, .arg = 1,
     .check = check_cpacr, .write = write_cpacr, SYS(12)},
    {.name = "CPTR_EL2", KEY(3, 4, 1, 1, 2), S(cptr_el2), .rights = ARM_RW2, EL2REG, .check = check_cpacr,
     .write = write_cptr_el2, .arg = 2},
    {.name = "CPTR_EL3", KEY(3, 6, 1, 1, 2), S(cptr_el3), .rights = ARM_RW3, EL3REG, .write = write_cptr_el3},
    {.name = "HCR_EL2", KEY(3, 4, 1, 1, 0), S(hcr_el2), .rights = ARM_RW2, EL2REG, .write = write_hcr},
    {.name = "HSTR_EL2", KEY(3, 4, 1, 1, 3), S(hstr_el2), .rights = ARM_RW2, EL2REG},
    {.name = "HACR_EL2", KEY(3, 4, 1, 1, 7), S(hacr_el2), .rights = ARM_RW2, EL2REG},
    {.name = "HCRX_EL2", KEY(3, 4, 1, 2, 2), S(hcrx_el2), .rights = ARM_RW2, EL2REG, F(HCX), .check = check_scr, .arg = 38},
    {.name = "HFGRTR_EL2", KEY(3, 4, 1, 1, 4), S(hfgrtr_el2), .rights = ARM_RW2, EL2REG, F(FGT), .check = check_scr, .arg = 27},
    {.name = "HFGWTR_EL2", KEY(3, 4, 1, 1, 5), S(hfgwtr_el2), .rights = ARM_RW2, EL2REG, F(FGT), .check = check_scr, .arg = 27},
    {.name = "HFGITR_EL2", KEY(3, 4, 1, 1, 6), S(hfgitr_el2), .rights = ARM_RW2, EL2REG, F(FGT), .check = check_scr, .arg = 27},
    {.name = "HDFGRTR_EL2", KEY(3, 4, 3, 1, 4), S(hdfgrtr_el2), .rights = ARM_RW2, EL2REG, F(FGT), .check = check_scr, .arg = 27,
     .mask = ~BIT64(21)},
    {.name = "HDFGWTR_EL2", KEY(3, 4, 3, 1, 5), S(hdfgwtr_el2), .rights = ARM_RW2, EL2REG, F(FGT), .check = check_scr, .arg = 27},
    {.name = "SCR_EL3", KEY(3, 6, 1, 1, 0), S(scr_el3), .rights = ARM_RW3, EL3REG, .write = write_scr},
    {.name = "SDER32_EL3", KEY(3, 6, 1, 1, 1), S(sder), .rights = ARM_RW3, EL3REG, F(AARCH32_EL1), .mask = 3},
    {.name = "TTBR0_EL1", KEY(3, 0, 2, 0, 0), S(ttbr0_el[1]), .rights = ARM_RW1, .flags = ARM_REG_VHE | ARM_REG_QUIET, VM,
     SYS(36), .write = write_ttbr, .arg = 1},
    {.name = "TTBR1_EL1", KEY(3, 0, 2, 0, 1), S(ttbr1_el[1]), .rights = ARM_RW1, .flags = ARM_REG_VHE | ARM_REG_QUIET, VM,
     SYS(37), .write = write_ttbr, .arg = 1},
    {.name = "TTBR0_EL2", KEY(3, 4, 2, 0, 0), S(ttbr0_el[2]), .rights = ARM_RW2, EL2REG, .write = write_ttbr, .arg = 3},
    {.name = "TTBR1_EL2", KEY(3, 4, 2, 0, 1), S(ttbr1_el[2]), .rights = ARM_RW2, EL2REG, F(VHE), .write = write_ttbr, .arg = 2},
    {.name = "TTBR0_EL3", KEY(3, 6, 2, 0, 0), S(ttbr0_el[3]), .rights = ARM_RW3, EL3REG, .write = write_ttbr, .arg = 3},
    {.name = "TCR_EL1", KEY(3, 0, 2, 0, 2), S(tcr_el[1]), .rights = ARM_RW1, .flags = ARM_REG_VHE, VM, SYS(32),
     .write = write_and_flush},
    {.name = "TCR_EL2", KEY(3, 4, 2, 0, 2), S(tcr_el[2]), .rights = ARM_RW2, EL2REG, .write = write_and_flush},
    {.name = "TCR_EL3", KEY(3, 6, 2, 0, 2), S(tcr_el[3]), .rights = ARM_RW3, EL3REG, .write = write_and_flush},
    {.name = "VTTBR_EL2", KEY(3, 4, 2, 1, 0), S(vttbr_el2), .rights = ARM_RW2, EL2REG, .write = write_ttbr, .arg = 2},
    {.name = "VTCR_EL2", KEY(3, 4, 2, 1, 2), S(vtcr_el2), .rights = ARM_RW2, EL2REG, .write = write_and_flush},
    KEY_ROW(0x08, ia, "IA", 7), KEY_ROW(0x0a, ib, "IB", 8),
    KEY_ROW(0x10, da, "DA", 4), KEY_ROW(0x12, db, "DB", 5), KEY_ROW(0x18, ga, "GA", 6),
    {.name = "DACR32_EL2", KEY(3, 4, 3, 0, 0), S(dacr), .rights = ARM_RW2, EL2REG, F(AARCH32_EL1)},
    {.name = "IFSR32_EL2", KEY(3, 4, 5, 0, 1), S(ifsr), .rights = ARM_RW2, EL2REG, F(AARCH32_EL1)},
    {.name = "FPEXC32_EL2", KEY(3, 4, 5, 3, 0), S(fpexc), .rights = ARM_RW2, EL2REG, F(AARCH32_EL1), .check = check_fpexc},
    {.name = "SPSR_EL1", KEY(3, 0, 4, 0, 0), S(spsr_el[1]), .rights = ARM_RW1, PLAIN_VHE},
    {.name = "SPSR_EL2", KEY(3, 4, 4, 0, 0), S(spsr_el[2]), .rights = ARM_RW2, EL2PLAIN},
    {.name = "SPSR_EL3", KEY(3, 6, 4, 0, 0), S(spsr_el[3]), .rights = ARM_RW3, EL3PLAIN},
    {.name = "ELR_EL1", KEY(3, 0, 4, 0, 1), S(elr_el[1]), .rights = ARM_RW1, PLAIN_VHE},
    {.name = "ELR_EL2", KEY(3, 4, 4, 0, 1), S(elr_el[2]), .rights = ARM_RW2, EL2PLAIN},
    {.name = "ELR_EL3", KEY(3, 6, 4, 0, 1), S(elr_el[3]), .rights = ARM_RW3, EL3PLAIN},
    {.name = "SP_EL0", KEY(3, 0, 4, 1, 0), S(sp_el[0]), .rights = ARM_RW1, PLAIN, .check = check_sp_el0},
    {.name = "SP_EL1", KEY(3, 4, 4, 1, 0), S(sp_el[1]), .rights = ARM_RW2, PLAIN},
    {.name = "SP_EL2", KEY(3, 6, 4, 1, 0), S(sp_el[2]), .rights = ARM_RW3, EL2PLAIN},
    {.name = "SPSR_IRQ", KEY(3, 4, 4, 3, 0), S(spsr_irq), .rights = ARM_RW2, EL2REG},
    {.name = "SPSR_ABT", KEY(3, 4, 4, 3, 1), S(spsr_abt), .rights = ARM_RW2, EL2REG},
    {.name = "SPSR_UND", KEY(3, 4, 4, 3, 2), S(spsr_und), .rights = ARM_RW2, EL2REG},
    {.name = "SPSR_FIQ", KEY(3, 4, 4, 3, 3), S(spsr_fiq), .rights = ARM_RW2, EL2REG},
    {.name = "SPSEL", KEY(3, 0, 4, 2, 0), .rights = ARM_RW1, .read = read_spsel, .write = write_spsel},
    {.name = "CURRENTEL", KEY(3, 0, 4, 2, 2), .rights = ARM_R1_UP, .read = read_currentel},
    {.name = "PAN", KEY(3, 0, 4, 2, 3), S(ps.pan), .rights = ARM_RW1, F(PAN), .read = read_flag, .write = write_flag, .arg = 22},
    {.name = "UAO", KEY(3, 0, 4, 2, 4), S(ps.uao), .rights = ARM_RW1, F(UAO), .read = read_flag, .write = write_flag, .arg = 23},
    {.name = "NZCV", KEY(3, 3, 4, 2, 0), .rights = ARM_RW0, .read = read_nzcv, .write = write_nzcv},
    {.name = "DAIF", KEY(3, 3, 4, 2, 1), .rights = ARM_RW0, .check = check_daif, .read = read_daif, .write = write_daif},
    {.name = "DIT", KEY(3, 3, 4, 2, 5), S(ps.dit), .rights = ARM_RW0, F(DIT), .read = read_flag, .write = write_flag, .arg = 24},
    {.name = "SSBS", KEY(3, 3, 4, 2, 6), S(ps.ssbs), .rights = ARM_RW0, F(SSBS2), .read = read_flag, .write = write_flag, .arg = 12},
    {.name = "FPCR", KEY(3, 3, 4, 4, 0), .rights = ARM_RW0, F(VFP), .read = read_fpcr, .write = write_fpcr},
    {.name = "FPSR", KEY(3, 3, 4, 4, 1), .rights = ARM_RW0, F(VFP), .flags = ARM_REG_QUIET,
     .read = read_fpsr, .write = write_fpsr},
    {.name = "AFSR0_EL1", KEY(3, 0, 5, 1, 0), S(afsr0_el[1]), .rights = ARM_RW1, PLAIN_VHE, VM, SYS(0)},
    {.name = "AFSR1_EL1", KEY(3, 0, 5, 1, 1), S(afsr1_el[1]), .rights = ARM_RW1, PLAIN_VHE, VM, SYS(1)},
    {.name = "ESR_EL1", KEY(3, 0, 5, 2, 0), S(esr_el[1]), .rights = ARM_RW1, PLAIN_VHE, VM, SYS(16)},
    {.name = "AFSR0_EL2", KEY(3, 4, 5, 1, 0), S(afsr0_el[2]), .rights = ARM_RW2, EL2PLAIN},
    {.name = "AFSR1_EL2", KEY(3, 4, 5, 1, 1), S(afsr1_el[2]), .rights = ARM_RW2, EL2PLAIN},
    {.name = "ESR_EL2", KEY(3, 4, 5, 2, 0), S(esr_el[2]), .rights = ARM_RW2, EL2PLAIN},
    {.name = "VSESR_EL2", KEY(3, 4, 5, 2, 3), S(vsesr_el2), .rights = ARM_RW2, EL2REG, F(RAS)},
    {.name = "AFSR0_EL3", KEY(3, 6, 5, 1, 0), S(afsr0_el[3]), .rights = ARM_RW3, EL3PLAIN},
    {.name = "AFSR1_EL3", KEY(3, 6, 5, 1, 1), S(afsr1_el[3]), .rights = ARM_RW3, EL3PLAIN},
    {.name = "ESR_EL3", KEY(3, 6, 5, 2, 0), S(esr_el[3]), .rights = ARM_RW3, EL3PLAIN},
    {.name = "ERRIDR_EL1", KEY(3, 0, 5, 3, 0), .rights = ARM_R1_UP, F(RAS), .check = check_terr, .read = read_zero, .hcr_r = HCR_TERR, SYS(40)},
    {.name = "ERRSELR_EL1", KEY(3, 0, 5, 3, 1), .rights = ARM_RW1, F(RAS), .check = check_terr, .read = read_zero, .hcr_r = HCR_TERR,
     .hcr_w = HCR_TERR, SYS(41)},
    {.name = "FAR_EL1", KEY(3, 0, 6, 0, 0), S(far_el[1]), .rights = ARM_RW1, PLAIN_VHE, VM, SYS(17)},
    {.name = "FAR_EL2", KEY(3, 4, 6, 0, 0), S(far_el[2]), .rights = ARM_RW2, EL2PLAIN},
    {.name = "HPFAR_EL2", KEY(3, 4, 6, 0, 4), S(hpfar_el2), .rights = ARM_RW2, EL2PLAIN},
    {.name = "FAR_EL3", KEY(3, 6, 6, 0, 0), S(far_el[3]), .rights = ARM_RW3, EL3PLAIN},
    {.name = "PAR_EL1", KEY(3, 0, 7, 4, 0), S(par_el1), .rights = ARM_RW1, PLAIN, SYS(27)},
    {.name = "MAIR_EL1", KEY(3, 0, 10, 2, 0), S(mair_el[1]), .rights = ARM_RW1, .flags = ARM_REG_VHE, VM, SYS(24),
     .write = write_and_flush},
    {.name = "AMAIR_EL1", KEY(3, 0, 10, 3, 0), S(amair_el[1]), .rights = ARM_RW1, PLAIN_VHE, VM, SYS(3)},
    {.name = "MAIR_EL2", KEY(3, 4, 10, 2, 0), S(mair_el[2]), .rights = ARM_RW2, EL2REG, .write = write_and_flush},
    {.name = "AMAIR_EL2", KEY(3, 4, 10, 3, 0), S(amair_el[2]), .rights = ARM_RW2, EL2PLAIN},
    {.name = "MAIR_EL3", KEY(3, 6, 10, 2, 0), S(mair_el[3]), .rights = ARM_RW3, EL3REG, .write = write_and_flush},
    {.name = "AMAIR_EL3", KEY(3, 6, 10, 3, 0), S(amair_el[3]), .rights = ARM_RW3, EL3PLAIN},
    {.name = "LORSA_EL1", KEY(3, 0, 10, 4, 0), S(lorsa_el1), .rights = ARM_RW1, F(VHE), .check = check_lor,
     .hcr_r = HCR_TLOR, .hcr_w = HCR_TLOR, SYS(23)},
    {.name = "LOREA_EL1", KEY(3, 0, 10, 4, 1), S(lorea_el1), .rights = ARM_RW1, F(VHE), .check = check_lor,
     .hcr_r = HCR_TLOR, .hcr_w = HCR_TLOR, SYS(20)},
    {.name = "LORN_EL1", KEY(3, 0, 10, 4, 2), S(lorn_el1), .rights = ARM_RW1, F(VHE), .check = check_lor,
     .hcr_r = HCR_TLOR, .hcr_w = HCR_TLOR, SYS(22)},
    {.name = "LORC_EL1", KEY(3, 0, 10, 4, 3), S(lorc_el1), .rights = ARM_RW1, F(VHE), .check = check_lor,
     .hcr_r = HCR_TLOR, .hcr_w = HCR_TLOR, SYS(19)},
    {.name = "LORID_EL1", KEY(3, 0, 10, 4, 7), .rights = ARM_R1_UP, F(VHE), .check = check_tlor, .read = read_zero,
     .hcr_r = HCR_TLOR, SYS(21)},
    {.name = "VBAR_EL1", KEY(3, 0, 12, 0, 0), S(vbar_el[1]), .rights = ARM_RW1, PLAIN_VHE, SYS(38)},
    {.name = "VBAR_EL2", KEY(3, 4, 12, 0, 0), S(vbar_el[2]), .rights = ARM_RW2, EL2PLAIN},
    {.name = "VBAR_EL3", KEY(3, 6, 12, 0, 0), S(vbar_el[3]), .rights = ARM_RW3, EL3PLAIN},
    {.name = "RVBAR_EL1", KEY(3, 0, 12, 0, 1), .rights = ARM_R1_UP, .check = check_highest, .arg = 1, .read = read_rvbar},
    {.name = "RVBAR_EL2", KEY(3, 4, 12, 0, 1), .rights = ARM_R2_UP, .check = check_highest, .arg = 2, .read = read_rvbar},
    {.name = "RVBAR_EL3", KEY(3, 6, 12, 0, 1), .rights = ARM_R3, .check = check_highest, .arg = 3, .read = read_rvbar},
    {.name = "RMR_EL1", KEY(3, 0, 12, 0, 2), S(rmr), .rights = ARM_RW1, .check = check_highest, .arg = 1, .read = read_rmr},
    {.name = "RMR_EL2", KEY(3, 4, 12, 0, 2), S(rmr), .rights = ARM_RW2, .check = check_highest, .arg = 2, .read = read_rmr},
    {.name = "RMR_EL3", KEY(3, 6, 12, 0, 2), S(rmr), .rights = ARM_RW3, .check = check_highest, .arg = 3, .read = read_rmr},
    {.name = "ISR_EL1", KEY(3, 0, 12, 1, 0), .rights = ARM_R1_UP, .read = read_isr, SYS(18)},
    {.name = "DISR_EL1", KEY(3, 0, 12, 1, 1), .rights = ARM_RW1, F(RAS), .read = read_disr, .write = write_disr},
    {.name = "VDISR_EL2", KEY(3, 4, 12, 1, 1), S(vdisr_el2), .rights = ARM_RW2, EL2REG, F(RAS)},
    {.name = "CONTEXTIDR_EL1", KEY(3, 0, 13, 0, 1), S(contextidr_el1), .rights = ARM_RW1, PLAIN_VHE, VM, SYS(11)},
    {.name = "CONTEXTIDR_EL2", KEY(3, 4, 13, 0, 1), S(contextidr_el2), .rights = ARM_RW2, EL2PLAIN, F(VHE)},
    {.name = "TPIDR_EL1", KEY(3, 0, 13, 0, 4), S(tpidr_el[1]), .rights = ARM_RW1, PLAIN, SYS(33)},
    {.name = "SCXTNUM_EL1", KEY(3, 0, 13, 0, 7), S(scxtnum_el[1]), .rights = ARM_RW1, F(CSV2_2), .flags = ARM_REG_VHE,
     .check = check_scxtnum, .arg = 1, SYS(30)},
    {.name = "TPIDR_EL0", KEY(3, 3, 13, 0, 2), S(tpidr_el[0]), .rights = ARM_RW0, PLAIN, SYS(35)},
    {.name = "TPIDRRO_EL0", KEY(3, 3, 13, 0, 3), S(tpidrro_el0), .rights = ARM_RW1_R0, PLAIN, SYS(34)},
    {.name = "SCXTNUM_EL0", KEY(3, 3, 13, 0, 7), S(scxtnum_el[0]), .rights = ARM_RW0, F(CSV2_2), .check = check_scxtnum,
     SYS(31)},
    {.name = "TPIDR_EL2", KEY(3, 4, 13, 0, 2), S(tpidr_el[2]), .rights = ARM_RW2, EL2PLAIN},
    {.name = "SCXTNUM_EL2", KEY(3, 4, 13, 0, 7), S(scxtnum_el[2]), .rights = ARM_RW2, EL2REG, F(CSV2_2),
     .check = check_scxtnum, .arg = 2},
    {.name = "TPIDR_EL3", KEY(3, 6, 13, 0, 2), S(tpidr_el[3]), .rights = ARM_RW3, EL3PLAIN},
    {.name = "SCXTNUM_EL3", KEY(3, 6, 13, 0, 7), S(scxtnum_el[3]), .rights = ARM_RW3, EL3REG, F(CSV2_2)},
    {.name = "VPIDR_EL2", KEY(3, 4, 0, 0, 0), S(vpidr_el2), .rights = ARM_RW2, EL2PLAIN},
    {.name = "VMPIDR_EL2", KEY(3, 4, 0, 0, 5), S(vmpidr_el2), .rights = ARM_RW2, EL2PLAIN},
    {.name = "RNDR", KEY(3, 3, 2, 4, 0), .rights = ARM_R0_UP, F(RNG), .flags = ARM_REG_READ_ACTS, .read = read_random},
    {.name = "RNDRRS", KEY(3, 3, 2, 4, 1), .rights = ARM_R0_UP, F(RNG), .flags = ARM_REG_READ_ACTS, .read = read_random},
    {0},
};
/* clang-format on */
