/* System registers that identify the processor and its caches.  Ref: the manual, D19.2. */
#include "target/arm/cpu_priv.h"
#include "target/arm/sysreg.h"

#define ID(field) offsetof(struct arm_cpu, id.field)

static uint64_t read_midr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return cpu->s.ps.el == 1 && arm_el2_enabled(cpu) ? cpu->s.vpidr_el2 : cpu->id.midr;
}

static uint64_t read_mpidr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return cpu->s.ps.el == 1 && arm_el2_enabled(cpu) ? cpu->s.vmpidr_el2 : arm_mpidr(&cpu->cpu);
}

/* AArch32's identification registers are unknown where there is no AArch32 state: zero. */
static uint64_t read32(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    return *(const uint32_t *)(const void *)((const char *)cpu + r->off);
}

static uint64_t read_pfr0(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return cpu->id.aa64pfr0 | (uint64_t)(cpu->gic_ops != NULL) << 24;
}

static uint64_t read_ccsidr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return cpu->id.ccsidr[cpu->s.csselr_el1 & 15];
}

/* DZP: DC ZVA is prohibited here. */
static uint64_t read_dczid(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    unsigned el = cpu->s.ps.el;
    bool off = el == 0 && !(cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_DZE);

    if (el <= 1 && (arm_hcr(cpu) & HCR_TDZ))
        off = true;
    return cpu->id.dczid | (off ? 1 << 4 : 0);
}

static enum arm_access check_ctr(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                 bool is_write UNUSED)
{
    bool open = cpu->s.ps.el || (cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_UCT);

    return open ? ARM_ALLOWED : ARM_TRAP_EL1;
}

#define G3         .hcr_r = HCR_TID3
#define ID64(n, o) .name = #n "_EL1", .off = ID(o), .rights = ARM_R1_UP, G3
#define ID32(n, o) .name = #n "_EL1", .off = ID(o), .rights = ARM_R1_UP, G3, .read = read32
#define SYS(bit)   .fgt = ARM_FGT_SYSTEM | (bit)
#define KEY(...)   .key = ARM_SYSREG(__VA_ARGS__)

/* clang-format off */
const struct arm_sysreg arm_sysregs_id[] = {
    {.name = "MIDR_EL1", KEY(3, 0, 0, 0, 0), .rights = ARM_R1_UP, .read = read_midr, SYS(25)},
    {.name = "MPIDR_EL1", KEY(3, 0, 0, 0, 5), .rights = ARM_R1_UP, .read = read_mpidr, SYS(26)},
    {.name = "REVIDR_EL1", KEY(3, 0, 0, 0, 6), .off = ID(revidr), .rights = ARM_R1_UP, .hcr_r = HCR_TID1, SYS(28)},
    {.name = "AIDR_EL1", KEY(3, 1, 0, 0, 7), .rights = ARM_R1_UP, .hcr_r = HCR_TID1, SYS(2)},
    {ID32(ID_PFR0, pfr0), KEY(3, 0, 0, 1, 0)},
    {ID32(ID_PFR1, pfr1), KEY(3, 0, 0, 1, 1)},
    {ID32(ID_DFR0, dfr0), KEY(3, 0, 0, 1, 2)},
    {ID32(ID_AFR0, afr0), KEY(3, 0, 0, 1, 3)},
    {ID32(ID_MMFR0, mmfr0), KEY(3, 0, 0, 1, 4)},
    {ID32(ID_MMFR1, mmfr1), KEY(3, 0, 0, 1, 5)},
    {ID32(ID_MMFR2, mmfr2), KEY(3, 0, 0, 1, 6)},
    {ID32(ID_MMFR3, mmfr3), KEY(3, 0, 0, 1, 7)},
    {ID32(ID_ISAR0, isar0), KEY(3, 0, 0, 2, 0)},
    {ID32(ID_ISAR1, isar1), KEY(3, 0, 0, 2, 1)},
    {ID32(ID_ISAR2, isar2), KEY(3, 0, 0, 2, 2)},
    {ID32(ID_ISAR3, isar3), KEY(3, 0, 0, 2, 3)},
    {ID32(ID_ISAR4, isar4), KEY(3, 0, 0, 2, 4)},
    {ID32(ID_ISAR5, isar5), KEY(3, 0, 0, 2, 5)},
    {ID32(ID_MMFR4, mmfr4), KEY(3, 0, 0, 2, 6)},
    {ID32(ID_ISAR6, isar6), KEY(3, 0, 0, 2, 7)},
    {ID32(MVFR0, mvfr0), KEY(3, 0, 0, 3, 0)},
    {ID32(MVFR1, mvfr1), KEY(3, 0, 0, 3, 1)},
    {ID32(MVFR2, mvfr2), KEY(3, 0, 0, 3, 2)},
    {ID32(ID_PFR2, pfr2), KEY(3, 0, 0, 3, 4)},
    {ID32(ID_DFR1, dfr1), KEY(3, 0, 0, 3, 5)},
    {ID32(ID_MMFR5, mmfr5), KEY(3, 0, 0, 3, 6)},
    {.name = "ID_AA64PFR0_EL1", KEY(3, 0, 0, 4, 0), .rights = ARM_R1_UP, G3, .read = read_pfr0},
    {ID64(ID_AA64PFR1, aa64pfr1), KEY(3, 0, 0, 4, 1)},
    {ID64(ID_AA64DFR0, aa64dfr0), KEY(3, 0, 0, 5, 0)},
    {ID64(ID_AA64DFR1, aa64dfr1), KEY(3, 0, 0, 5, 1)},
    {ID64(ID_AA64ISAR0, aa64isar0), KEY(3, 0, 0, 6, 0)},
    {ID64(ID_AA64ISAR1, aa64isar1), KEY(3, 0, 0, 6, 1)},
    {ID64(ID_AA64ISAR2, aa64isar2), KEY(3, 0, 0, 6, 2)},
    {ID64(ID_AA64MMFR0, aa64mmfr0), KEY(3, 0, 0, 7, 0)},
    {ID64(ID_AA64MMFR1, aa64mmfr1), KEY(3, 0, 0, 7, 1)},
    {ID64(ID_AA64MMFR2, aa64mmfr2), KEY(3, 0, 0, 7, 2)},
    {.name = "CCSIDR_EL1", KEY(3, 1, 0, 0, 0), .rights = ARM_R1_UP, .hcr_r = HCR_TID2 | HCR_TID4, .read = read_ccsidr,
     SYS(9)},
    {.name = "CLIDR_EL1", KEY(3, 1, 0, 0, 1), .off = ID(clidr), .rights = ARM_R1_UP, .hcr_r = HCR_TID2 | HCR_TID4,
     SYS(10)},
    {.name = "CCSIDR2_EL1", KEY(3, 1, 0, 0, 2), .rights = ARM_R1_UP, .hcr_r = HCR_TID2 | HCR_TID4,
     .feature = 1 + ARM_F_CCIDX, SYS(9)},
    {.name = "CSSELR_EL1", KEY(3, 2, 0, 0, 0), .off = offsetof(struct arm_cpu, s.csselr_el1), .rights = ARM_RW1,
     .mask = 15, .flags = ARM_REG_QUIET, .hcr_r = HCR_TID2 | HCR_TID4, .hcr_w = HCR_TID2 | HCR_TID4, SYS(13)},
    {.name = "CTR_EL0", KEY(3, 3, 0, 0, 1), .off = ID(ctr), .rights = ARM_R0_UP, .hcr_r = HCR_TID2,
     .check = check_ctr, SYS(14)},
    {.name = "DCZID_EL0", KEY(3, 3, 0, 0, 7), .rights = ARM_R0_UP, .read = read_dczid, SYS(15)},
    {0},
};
/* clang-format on */
