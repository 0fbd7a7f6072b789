/* What AArch32 state shares with AArch64's system registers: timers, performance monitors, the
 * interrupt controller's interface; TLB maintenance, PSCI, stage 2 of an AArch64 hypervisor. */
#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/helpers.h"
#include "target/arm/mmu.h"
#include "target/arm/sysreg.h"
#include "target/arm/tlbi.h"

/* --- registers --- */

/* A run of coprocessor 15 registers: crn, the first and last crm, op1, that are op0 3, op1, crn,
 * crm, op2 of AArch64. */
struct alias {
    uint8_t op1, crn, crm, crm_last, op1_64;
};
static const struct alias aliases[] = {
    {0, 4, 6, 6, 0},    /* ICC_PMR */
    {0, 9, 12, 13, 3},  /* PMCR to PMXEVCNTR */
    {0, 12, 1, 1, 0},   /* ISR */
    {0, 12, 8, 12, 0},  /* ICC_* */
    {0, 14, 0, 0, 3},   /* CNTFRQ */
    {0, 14, 1, 1, 0},   /* CNTKCTL */
    {0, 14, 2, 3, 3},   /* CNTP_*, CNTV_* */
    {0, 14, 8, 15, 3},  /* PMEVCNTR<n>, PMEVTYPER<n> */
    {4, 12, 8, 9, 4},   /* ICH_AP0R<n>, ICH_AP1R<n>, ICC_HSRE */
    {4, 12, 11, 13, 4}, /* ICH_HCR to ICH_LR15 */
    {4, 14, 1, 2, 4},   /* CNTHCTL, CNTHP_* */
    {6, 12, 12, 12, 6}, /* ICC_MCTLR, ICC_MSRE, ICC_MGRPEN1 */
};
/* By MRRC and MCRR. */
static const struct {
    uint32_t key, key64;
} wide_aliases[] = {
    {A32_CP64(15, 0, 9), ARM_SYSREG(3, 3, 9, 13, 0)},   /* PMCCNTR */
    {A32_CP64(15, 0, 12), ARM_SYSREG(3, 0, 12, 11, 5)}, /* ICC_SGI1R */
    {A32_CP64(15, 1, 12), ARM_SYSREG(3, 0, 12, 11, 6)}, /* ICC_ASGI1R */
    {A32_CP64(15, 2, 12), ARM_SYSREG(3, 0, 12, 11, 7)}, /* ICC_SGI0R */
    {A32_CP64(15, 0, 14), ARM_SYSREG(3, 3, 14, 0, 1)},  /* CNTPCT */
    {A32_CP64(15, 1, 14), ARM_SYSREG(3, 3, 14, 0, 2)},  /* CNTVCT */
    {A32_CP64(15, 2, 14), ARM_SYSREG(3, 3, 14, 2, 2)},  /* CNTP_CVAL */
    {A32_CP64(15, 3, 14), ARM_SYSREG(3, 3, 14, 3, 2)},  /* CNTV_CVAL */
    {A32_CP64(15, 4, 14), ARM_SYSREG(3, 4, 14, 0, 3)},  /* CNTVOFF */
    {A32_CP64(15, 6, 14), ARM_SYSREG(3, 4, 14, 2, 2)},  /* CNTHP_CVAL */
};

/* PMUSERENR, PMINTENSET, PMINTENCLR, PMOVSSET: c9, c14. */
static uint32_t pmu_c14(unsigned op2)
{
    return ARM_SYSREG(3, op2 == 1 || op2 == 2 ? 0 : 3, 9, 14, op2);
}

static bool find_alias(uint32_t key, uint32_t *key64)
{
    unsigned op1 = key >> 12 & 15, crn = key >> 8 & 15, crm = key >> 4 & 15, op2 = key & 15;
    for (size_t i = 0; i < ARRAY_SIZE(wide_aliases); i++)
        if (wide_aliases[i].key == key) {
            *key64 = wide_aliases[i].key64;
            return true;
        }
    if (key >> 16 != 15)
        return false;
    if (op1 == 0 && crn == 9 && crm == 14 && op2 < 4) {
        *key64 = pmu_c14(op2);
        return true;
    }
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        const struct alias *a = &aliases[i];
        if (a->op1 == op1 && a->crn == crn && crm >= a->crm && crm <= a->crm_last) {
            *key64 = ARM_SYSREG(3, a->op1_64, crn, crm, op2);
            return true;
        }
    }
    return false;
}

/* ICH_LRC<n>: the high halves of ICH_LR<n>_EL2. */
static bool is_lrc(uint32_t key)
{
    return (key & ~UINT32_C(0x1f)) == A32_CP(15, 4, 12, 14, 0);
}

bool arm_a32_alias_read(struct arm_cpu *cpu, uint32_t key, uint64_t *val)
{
    uint32_t key64;
    if (is_lrc(key)) {
        *val = arm_sysreg_read(cpu, ARM_SYSREG(3, 4, 12, 12 + (key >> 4 & 1), key & 7), 0) >> 32;
        return true;
    }
    if (!find_alias(key, &key64))
        return false;
    *val = arm_sysreg_read(cpu, key64, 0);
    return true;
}

bool arm_a32_alias_write(struct arm_cpu *cpu, uint32_t key, uint64_t val)
{
    uint32_t key64;
    bool high = is_lrc(key);
    if (high)
        key64 = ARM_SYSREG(3, 4, 12, 12 + (key >> 4 & 1), key & 7);
    else if (!find_alias(key, &key64))
        return false;
    bool is_lr = high || (key & ~UINT32_C(0x1f)) == A32_CP(15, 4, 12, 12, 0);
    if (is_lr) {
        uint64_t old = arm_sysreg_read(cpu, key64, 0);
        val = high ? (uint32_t)old | val << 32 : (old & ~UINT64_C(0xffffffff)) | val;
    }
    arm_sysreg_write(cpu, key64, 0, val);
    return true;
}

/* --- TLB --- */

void arm_a32_tlbi_page(struct arm_cpu *cpu, uint32_t addr, bool everywhere)
{
    struct arm_tlbi_op op = {.kind = ARM_TLBI_PAGE, .page_bits = 12, .addr = addr};
    arm_tlbi(cpu, op, everywhere);
}

/* In the current world and VM. */
void arm_a32_tlbi_asid(struct arm_cpu *cpu, uint32_t asid, bool everywhere)
{
    uint32_t space = (arm_a32_asid(cpu) & 0xffff0000) | asid;
    arm_tlbi(cpu, (struct arm_tlbi_op){.kind = ARM_TLBI_ASID, .asid = space}, everywhere);
}

void arm_a32_tlbi_all(struct arm_cpu *cpu, bool everywhere)
{
    arm_tlbi(cpu, (struct arm_tlbi_op){.kind = ARM_TLBI_ALL}, everywhere);
}

/* --- stage 2 --- */

bool arm_a32_stage2_of_a64(struct arm_cpu *cpu, uint64_t ipa, enum guest_access access,
                           struct guest_walk *out)
{
    struct arm_walk w;
    arm_walk_init(&w, cpu, 0, access, ARM_IDX_EL10_1);
    if (!arm_walk_stage2(&w, ipa, false, access)) {
        out->cause = w.cause & ~(uint32_t)CAUSE_STAGE2;
        cpu->fault.ipa = ipa;
        return false;
    }
    *out = (struct guest_walk){.addr = w.s2.addr, .page_bits = w.s2.bits, .prot = w.s2.prot};
    return true;
}

/* --- PSCI --- */

bool arm_a32_psci(struct arm_cpu *cpu, unsigned len)
{
    if (!arm_psci(cpu))
        return false;
    cpu->x[0] = (uint32_t)cpu->x[0];
    cpu->pc = (uint32_t)(cpu->pc + len);
    return true;
}
