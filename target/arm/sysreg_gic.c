/*
 * The CPU interface of a GICv3 as system registers: who may, and whether the physical or the
 * virtual interface answers.  Ref: GIC Architecture Specification (IHI 0069), 12.2 to 12.7.
 */
#include "target/arm/cpu_priv.h"
#include "target/arm/sysreg.h"

enum {
    ICH_HCR_TC = 1 << 10,
    ICH_HCR_TALL0 = 1 << 11,
    ICH_HCR_TALL1 = 1 << 12,
    ICH_HCR_TDIR = 1 << 14
};

/* Which group a register belongs to: by it interrupts are routed. */
enum group { GROUP0, GROUP1, COMMON, GENERATE };

static enum group group_of(unsigned reg)
{
    switch (reg) {
    case GICV3_IAR0:
    case GICV3_EOIR0:
    case GICV3_HPPIR0:
    case GICV3_BPR0:
    case GICV3_IGRPEN0: return GROUP0;
    case GICV3_SGI0R:
    case GICV3_SGI1R:
    case GICV3_ASGI1R: return GENERATE;
    case GICV3_PMR:
    case GICV3_RPR:
    case GICV3_CTLR:
    case GICV3_DIR: return COMMON;
    default: return reg >= GICV3_AP0R0 && reg < GICV3_AP1R0 ? GROUP0 : GROUP1;
    }
}

/* HCR_EL2 bits that route a group to EL2: at EL1 the virtual interface then has the name. */
static uint64_t virtual_bits(enum group g)
{
    return g == GROUP0 ? HCR_FMO : g == GROUP1 ? HCR_IMO : HCR_FMO | HCR_IMO;
}

static struct gicv3_who who(const struct arm_cpu *cpu, unsigned reg)
{
    bool is_icc = reg < GICV3_ICH_HCR;
    bool is_virtual = is_icc && cpu->s.ps.el == 1 && group_of(reg) != GENERATE &&
                      (arm_hcr(cpu) & virtual_bits(group_of(reg)));

    return (struct gicv3_who){
        .el = cpu->s.ps.el,
        .secure = arm_is_secure_below(cpu),
        .is_virtual = is_virtual,
        .group0_ns = !(cpu->s.scr_el3 & SCR_FIQ),
        .el3_a32 = arm_has_el3(cpu) && !arm_el_is_a64(cpu, 3),
    };
}

/* What is an FIQ depends on where the processor is; within a security state below EL3 it does not
 * matter where. */
void arm_tell_gic(struct arm_cpu *cpu)
{
    struct gicv3_who w = who(cpu, GICV3_REGS);
    uint8_t place = (uint8_t)((w.el == 3) | w.secure << 1 | w.el3_a32 << 2 | 1 << 3);

    if (cpu->gic_told == place)
        return;
    cpu->gic_told = place;
    cpu->gic_ops->state_changed(cpu->gic, cpu->cpu.index, w);
}

static uint64_t read_icc(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    return cpu->gic_ops->read(cpu->gic, cpu->cpu.index, r->arg, who(cpu, r->arg));
}

static void write_icc(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    cpu->gic_ops->write(cpu->gic, cpu->cpu.index, r->arg, val, who(cpu, r->arg));
    arm_irq_changed(cpu);
}

static uint64_t ich_trap(enum group g, unsigned reg)
{
    if (reg == GICV3_DIR)
        return ICH_HCR_TC | ICH_HCR_TDIR;
    return g == GROUP0 ? ICH_HCR_TALL0 : g == GROUP1 ? ICH_HCR_TALL1 : ICH_HCR_TC;
}

static bool traps_to_el3(const struct arm_cpu *cpu, enum group g)
{
    uint64_t scr = cpu->s.scr_el3;
    bool fiq = scr & SCR_FIQ, irq = scr & SCR_IRQ;

    return arm_has_el3(cpu) && cpu->s.ps.el < 3 &&
           (g == GROUP0   ? fiq
            : g == GROUP1 ? irq
                          : fiq && irq);
}

static uint64_t ask(const struct arm_cpu *cpu, unsigned reg, unsigned el)
{
    return cpu->gic_ops->read(cpu->gic, cpu->cpu.index, reg, (struct gicv3_who){.el = el});
}

/* Registers in numbers: there is one of active priorities for every 32 levels of preemption, and as
 * many list registers as ICH_VTR_EL2 says. */
static bool is_there(const struct arm_cpu *cpu, unsigned reg)
{
    unsigned apr = reg >= GICV3_ICH_AP0R0 ? (reg - GICV3_ICH_AP0R0) % 4 : (reg - GICV3_AP0R0) % 4;

    if (reg >= GICV3_ICH_LR0)
        return reg - GICV3_ICH_LR0 <= (ask(cpu, GICV3_ICH_VTR, 2) & 31);
    if (reg >= GICV3_ICH_AP0R0)
        return apr < 1u << ((ask(cpu, GICV3_ICH_VTR, 2) >> 26 & 7) - 4);
    if (reg >= GICV3_AP0R0 && reg < GICV3_ICH_HCR)
        return apr < 1u << ((ask(cpu, GICV3_CTLR, 1) >> 8 & 7) - 4);
    return true;
}

static enum arm_access check_ich(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                 bool is_write UNUSED)
{
    return is_there(cpu, r->arg) ? ARM_ALLOWED : ARM_UNDEFINED;
}

static enum arm_access check_icc(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                 bool is_write UNUSED)
{
    enum group g = group_of(r->arg);
    struct gicv3_who w = who(cpu, r->arg);

    if (!is_there(cpu, r->arg))
        return ARM_UNDEFINED;
    if (cpu->s.ps.el == 1 && arm_el2_enabled(cpu)) {
        uint64_t ich = ask(cpu, GICV3_ICH_HCR, 2);
        if (ich & ich_trap(g, r->arg))
            return ARM_TRAP_EL2;
        if (g == GENERATE && (arm_hcr(cpu) & (HCR_FMO | HCR_IMO)))
            return ARM_TRAP_EL2;
    }
    return !w.is_virtual && traps_to_el3(cpu, g) ? ARM_TRAP_EL3 : ARM_ALLOWED;
}

/* The system-register interface is always on: SRE, DFB, DIB, and Enable at EL2 and EL3. */
static uint64_t read_sre(struct arm_cpu *cpu UNUSED, const struct arm_sysreg *r)
{
    return r->arg;
}

static void write_sre(struct arm_cpu *cpu UNUSED, const struct arm_sysreg *r UNUSED,
                      uint64_t val UNUSED)
{
}

#define KEY(...) .key = ARM_SYSREG(__VA_ARGS__)
#define ICC(n, crn, crm, op2, who_may, reg)                                                        \
    {                                                                                              \
        .name = n, KEY(3, 0, crn, crm, op2), .rights = who_may, .check = check_icc,                \
        .read = read_icc, .write = write_icc, .arg = reg,                                          \
        .flags = ARM_REG_NEEDS_GIC | ARM_REG_QUIET                                                 \
    }
#define IAR(n, crm, reg)                                                                           \
    {                                                                                              \
        .name = n, KEY(3, 0, 12, crm, 0), .rights = ARM_R1_UP, .check = check_icc,                 \
        .read = read_icc, .arg = reg,                                                              \
        .flags = ARM_REG_NEEDS_GIC | ARM_REG_QUIET | ARM_REG_READ_ACTS                             \
    }
#define ICC3(n, crm, op2, reg)                                                                     \
    {                                                                                              \
        .name = n, KEY(3, 6, 12, crm, op2), .rights = ARM_RW3, .read = read_icc,                   \
        .write = write_icc, .arg = reg,                                                            \
        .flags = ARM_REG_NEEDS_GIC | ARM_REG_QUIET | ARM_REG_NEEDS_EL3                             \
    }
#define ICH(n, crm, op2, who_may, reg)                                                             \
    {                                                                                              \
        .name = n, KEY(3, 4, 12, crm, op2), .rights = who_may, .check = check_ich,                 \
        .read = read_icc, .write = write_icc, .arg = reg,                                          \
        .flags = ARM_REG_NEEDS_GIC | ARM_REG_QUIET | ARM_REG_NEEDS_EL2                             \
    }
#define ICH_LR(n) ICH("ICH_LR" #n "_EL2", 12 + (n) / 8, (n) % 8, ARM_RW2, GICV3_ICH_LR0 + (n))
#define SRE(n, op1, crm, who_may, val, needs)                                                      \
    {                                                                                              \
        .name = n, KEY(3, op1, 12, crm, 5), .rights = who_may, .read = read_sre,                   \
        .write = write_sre, .arg = val, .flags = ARM_REG_NEEDS_GIC | ARM_REG_QUIET | (needs)       \
    }

/* clang-format off */
const struct arm_sysreg arm_sysregs_gic[] = {
    ICC("ICC_PMR_EL1", 4, 6, 0, ARM_RW1, GICV3_PMR),
    IAR("ICC_IAR0_EL1", 8, GICV3_IAR0),
    ICC("ICC_EOIR0_EL1", 12, 8, 1, ARM_W1_UP, GICV3_EOIR0),
    ICC("ICC_HPPIR0_EL1", 12, 8, 2, ARM_R1_UP, GICV3_HPPIR0),
    ICC("ICC_BPR0_EL1", 12, 8, 3, ARM_RW1, GICV3_BPR0),
    ICC("ICC_AP0R0_EL1", 12, 8, 4, ARM_RW1, GICV3_AP0R0),
    ICC("ICC_AP1R0_EL1", 12, 9, 0, ARM_RW1, GICV3_AP1R0),
    ICC("ICC_DIR_EL1", 12, 11, 1, ARM_W1_UP, GICV3_DIR),
    ICC("ICC_RPR_EL1", 12, 11, 3, ARM_R1_UP, GICV3_RPR),
    ICC("ICC_SGI1R_EL1", 12, 11, 5, ARM_W1_UP, GICV3_SGI1R),
    ICC("ICC_ASGI1R_EL1", 12, 11, 6, ARM_W1_UP, GICV3_ASGI1R),
    ICC("ICC_SGI0R_EL1", 12, 11, 7, ARM_W1_UP, GICV3_SGI0R),
    IAR("ICC_IAR1_EL1", 12, GICV3_IAR1),
    ICC("ICC_EOIR1_EL1", 12, 12, 1, ARM_W1_UP, GICV3_EOIR1),
    ICC("ICC_HPPIR1_EL1", 12, 12, 2, ARM_R1_UP, GICV3_HPPIR1),
    ICC("ICC_BPR1_EL1", 12, 12, 3, ARM_RW1, GICV3_BPR1),
    ICC("ICC_CTLR_EL1", 12, 12, 4, ARM_RW1, GICV3_CTLR),
    ICC("ICC_IGRPEN0_EL1", 12, 12, 6, ARM_RW1, GICV3_IGRPEN0),
    ICC("ICC_IGRPEN1_EL1", 12, 12, 7, ARM_RW1, GICV3_IGRPEN1),
    ICC3("ICC_CTLR_EL3", 12, 4, GICV3_CTLR_EL3),
    ICC3("ICC_IGRPEN1_EL3", 12, 7, GICV3_IGRPEN1_EL3),
    SRE("ICC_SRE_EL1", 0, 12, ARM_RW1, 7, 0),
    SRE("ICC_SRE_EL2", 4, 9, ARM_RW2, 15, ARM_REG_NEEDS_EL2),
    SRE("ICC_SRE_EL3", 6, 12, ARM_RW3, 15, ARM_REG_NEEDS_EL3),
    ICH("ICH_AP0R0_EL2", 8, 0, ARM_RW2, GICV3_ICH_AP0R0),
    ICH("ICH_AP1R0_EL2", 9, 0, ARM_RW2, GICV3_ICH_AP1R0),
    ICH("ICH_HCR_EL2", 11, 0, ARM_RW2, GICV3_ICH_HCR),
    ICH("ICH_VTR_EL2", 11, 1, ARM_R2_UP, GICV3_ICH_VTR),
    ICH("ICH_MISR_EL2", 11, 2, ARM_R2_UP, GICV3_ICH_MISR),
    ICH("ICH_EISR_EL2", 11, 3, ARM_R2_UP, GICV3_ICH_EISR),
    ICH("ICH_ELRSR_EL2", 11, 5, ARM_R2_UP, GICV3_ICH_ELRSR),
    ICH("ICH_VMCR_EL2", 11, 7, ARM_RW2, GICV3_ICH_VMCR),
    /* As many as ICH_VTR_EL2 says, and active priorities of five bits: the others are undefined. */
    ICH_LR(0), ICH_LR(1), ICH_LR(2), ICH_LR(3),
    {0},
};
/* clang-format on */
