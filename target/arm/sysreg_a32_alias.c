/* What AArch32 state shares with AArch64's system registers: timers, performance monitors, the
 * interrupt controller's interface; TLB maintenance, PSCI, stage 2 of an AArch64 hypervisor. */
#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/helpers.h"
#include "target/arm/mmu.h"
#include "target/arm/sysreg.h"
#include "target/arm/tlbi.h"

/* --- registers --- */

/* A run of coprocessor registers: crn, the first and last crm, op1, those of op2 that are set in
 * `which`; they are op0 3 (of coprocessor 14: 2), op1_64, crn, crm, op2 of AArch64. */
struct alias {
    uint8_t cp, op1, crn, crm, crm_last, op1_64, which;
    uint8_t since; /* 1 + enum arm_feature; 0: always */
};
#define SINCE(f) (1 + ARM_F_##f)
static const struct alias aliases[] = {
    {15, 0, 4, 6, 6, 0, 0x01, 0},             /* ICC_PMR */
    {15, 0, 5, 3, 3, 0, 0x03, SINCE(RAS)},    /* ERRIDR, ERRSELR */
    {15, 0, 9, 12, 12, 3, 0xff, 0},           /* PMCR to PMCEID1 */
    {15, 0, 9, 13, 13, 3, 0x07, 0},           /* PMCCNTR, PMXEVTYPER, PMXEVCNTR */
    {15, 0, 9, 14, 14, 3, 0x01, 0},           /* PMUSERENR */
    {15, 0, 9, 14, 14, 0, 0x06, 0},           /* PMINTENSET, PMINTENCLR */
    {15, 0, 9, 14, 14, 3, 0x08, SINCE(LPAE)}, /* PMOVSSET */
    {15, 0, 9, 14, 14, 0, 0x40, SINCE(LSE2)}, /* PMMIR */
    {15, 0, 12, 1, 1, 0, 0x01, 0},            /* ISR */
    {15, 0, 12, 1, 1, 0, 0x02, SINCE(RAS)},   /* DISR */
    {15, 0, 12, 8, 8, 0, 0xff, 0},            /* ICC_IAR0 to ICC_BPR0, ICC_AP0R<n> */
    {15, 0, 12, 9, 9, 0, 0x0f, 0},            /* ICC_AP1R<n> */
    {15, 0, 12, 11, 11, 0, 0x0a, 0},          /* ICC_DIR, ICC_RPR */
    {15, 0, 12, 12, 12, 0, 0xff, 0},          /* ICC_IAR1 to ICC_IGRPEN1 */
    {15, 0, 14, 0, 0, 3, 0x01, 0},            /* CNTFRQ */
    {15, 0, 14, 1, 1, 0, 0x01, 0},            /* CNTKCTL */
    {15, 0, 14, 2, 3, 3, 0x03, 0},            /* CNTP_TVAL, CNTP_CTL, CNTV_TVAL, CNTV_CTL */
    {15, 0, 14, 8, 15, 3, 0xff, SINCE(V8)},   /* PMEVCNTR<n>, PMEVTYPER<n> */
    {15, 4, 5, 2, 2, 4, 0x08, SINCE(RAS)},    /* VDFSR */
    {15, 4, 12, 1, 1, 4, 0x02, SINCE(RAS)},   /* VDISR */
    {15, 4, 12, 8, 8, 4, 0x0f, 0},            /* ICH_AP0R<n> */
    {15, 4, 12, 9, 9, 4, 0x2f, 0},            /* ICH_AP1R<n>, ICC_HSRE */
    {15, 4, 12, 11, 11, 4, 0xaf, 0},          /* ICH_HCR to ICH_VMCR */
    {15, 4, 12, 12, 13, 4, 0xff, 0},          /* ICH_LR<n> */
    {15, 4, 14, 1, 1, 4, 0x01, 0},            /* CNTHCTL */
    {15, 4, 14, 2, 2, 4, 0x03, 0},            /* CNTHP_TVAL, CNTHP_CTL */
    {15, 6, 12, 12, 12, 6, 0xb0, 0},          /* ICC_MCTLR, ICC_MSRE, ICC_MGRPEN1 */
    {14, 0, 0, 0, 0, 0, 0x04, 0},             /* DBGDTRRXext */
    {14, 0, 0, 1, 1, 3, 0x01, 0},             /* DBGDSCRint */
    {14, 0, 0, 2, 2, 0, 0x01, SINCE(V8)},     /* DBGDCCINT */
    {14, 0, 0, 2, 3, 0, 0x04, 0},             /* DBGDSCRext, DBGDTRTXext */
    {14, 0, 0, 5, 5, 3, 0x01, 0},             /* DBGDTRRXint, DBGDTRTXint */
    {14, 0, 0, 6, 6, 0, 0x04, 0},             /* DBGOSECCR */
    {14, 0, 0, 0, 15, 0, 0xf0, 0},            /* DBGBVR<n>, DBGBCR<n>, DBGWVR<n>, DBGWCR<n> */
    {14, 0, 1, 1, 1, 0, 0x10, 0},             /* DBGOSLSR */
    {14, 0, 1, 3, 4, 0, 0x10, 0},             /* DBGOSDLR, DBGPRCR */
    {14, 0, 7, 8, 9, 0, 0x40, 0},             /* DBGCLAIMSET, DBGCLAIMCLR */
    {14, 0, 7, 14, 14, 0, 0x40, 0},           /* DBGAUTHSTATUS */
};
/* By MRRC and MCRR. */
static const struct {
    uint32_t key, key64;
    uint8_t since;
} wide_aliases[] = {
    {A32_CP64(15, 0, 9), ARM_SYSREG(3, 3, 9, 13, 0), SINCE(V8)},   /* PMCCNTR */
    {A32_CP64(15, 0, 12), ARM_SYSREG(3, 0, 12, 11, 5), 0},         /* ICC_SGI1R */
    {A32_CP64(15, 1, 12), ARM_SYSREG(3, 0, 12, 11, 6), 0},         /* ICC_ASGI1R */
    {A32_CP64(15, 2, 12), ARM_SYSREG(3, 0, 12, 11, 7), 0},         /* ICC_SGI0R */
    {A32_CP64(15, 0, 14), ARM_SYSREG(3, 3, 14, 0, 1), 0},          /* CNTPCT */
    {A32_CP64(15, 1, 14), ARM_SYSREG(3, 3, 14, 0, 2), 0},          /* CNTVCT */
    {A32_CP64(15, 2, 14), ARM_SYSREG(3, 3, 14, 2, 2), 0},          /* CNTP_CVAL */
    {A32_CP64(15, 3, 14), ARM_SYSREG(3, 3, 14, 3, 2), 0},          /* CNTV_CVAL */
    {A32_CP64(15, 4, 14), ARM_SYSREG(3, 4, 14, 0, 3), 0},          /* CNTVOFF */
    {A32_CP64(15, 6, 14), ARM_SYSREG(3, 4, 14, 2, 2), 0},          /* CNTHP_CVAL */
    {A32_CP64(15, 8, 14), ARM_SYSREG(3, 3, 14, 0, 5), SINCE(ECV)}, /* CNTPCTSS */
    {A32_CP64(15, 9, 14), ARM_SYSREG(3, 3, 14, 0, 6), SINCE(ECV)}, /* CNTVCTSS */
};

/* PMCEID2 and PMCEID3 are the high halves of the first two. */
enum { PMCEID2 = A32_CP(15, 0, 9, 14, 4), PMCEID3 };

static bool is_there(const struct arm_cpu *cpu, uint8_t since)
{
    return !since || arm_has(cpu, since - 1);
}

static bool find_wide(const struct arm_cpu *cpu, uint32_t key, uint32_t *key64)
{
    for (size_t i = 0; i < ARRAY_SIZE(wide_aliases); i++)
        if (wide_aliases[i].key == key && is_there(cpu, wide_aliases[i].since)) {
            *key64 = wide_aliases[i].key64;
            return true;
        }
    return false;
}

static bool find_alias(const struct arm_cpu *cpu, uint32_t key, uint32_t *key64)
{
    unsigned cp = key >> 16 & 15, op1 = key >> 12 & 15, crn = key >> 8 & 15, crm = key >> 4 & 15,
             op2 = key & 15;
    if (key & A32_CP_64)
        return find_wide(cpu, key, key64);
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        const struct alias *a = &aliases[i];
        if (a->cp == cp && a->op1 == op1 && a->crn == crn && crm >= a->crm && crm <= a->crm_last &&
            (a->which >> op2 & 1) && is_there(cpu, a->since)) {
            *key64 = ARM_SYSREG(cp == 15 ? 3u : 2u, a->op1_64, crn, crm, op2);
            return true;
        }
    }
    if ((key & ~UINT32_C(1)) != PMCEID2 || !arm_has(cpu, ARM_F_LSE))
        return false;
    *key64 = ARM_SYSREG(3, 3, 9, 12, 6 | (key & 1));
    return true;
}

/* A register of Hyp mode, which Monitor mode reaches while SCR.NS is set. */
static bool is_closed(const struct arm_cpu *cpu, uint32_t key)
{
    bool is_hyp = key & A32_CP_64 ? key == A32_CP64(15, 4, 14) || key == A32_CP64(15, 6, 14)
                                  : (key >> 12 & 15) == 4;
    return is_hyp && cpu->s.ps.el == 3 && !(cpu->s.scr_el3 & SCR_NS);
}

/* ICH_LRC<n>: the high halves of ICH_LR<n>_EL2. */
static bool is_lrc(uint32_t key)
{
    return (key & ~UINT32_C(0x1f)) == A32_CP(15, 4, 12, 14, 0);
}

/* DBGBXVR<n>, the high half of a breakpoint that knows contexts. */
static bool is_bxvr(const struct arm_cpu *cpu, uint32_t key)
{
    unsigned n = key >> 4 & 15, all = cpu->id.breakpoints;
    return (key & ~UINT32_C(0xf0)) == A32_CP(14, 0, 1, 0, 1) && arm_has(cpu, ARM_F_VIRT) &&
           n < all && n + cpu->id.context_breakpoints >= all;
}

static uint32_t bvr_key64(uint32_t key)
{
    return ARM_SYSREG(2, 0, 0, key >> 4 & 15, 4);
}

/* What DBGDSCRint shows of DBGDSCRext besides the channel's flags; what DBGDSCRext does not have of
 * MDSCR_EL1. */
#define DSCR_INT_BITS (MDSCR_MDE | MDSCR_TDCC | MDSCR_MOE)
#define DSCR_NOT_EXT  (MDSCR_SS | MDSCR_KDE)
enum { DBGDSCRINT = A32_CP(14, 0, 0, 1, 0), DBGDSCREXT = A32_CP(14, 0, 0, 2, 2) };

static uint64_t as_a32(const struct arm_cpu *cpu, uint32_t key, uint64_t val)
{
    switch (key) {
    case DBGDSCRINT: return val | (cpu->s.mdscr_el1 & DSCR_INT_BITS);
    case DBGDSCREXT: return val & ~DSCR_NOT_EXT;
    case PMCEID2:
    case PMCEID3: return val >> 32;
    }
    return key & A32_CP_64 ? val : (uint32_t)val;
}

bool arm_a32_alias_read(struct arm_cpu *cpu, uint32_t key, uint64_t *val)
{
    uint32_t key64;
    if (is_lrc(key)) {
        *val = arm_sysreg_read(cpu, ARM_SYSREG(3, 4, 12, 12 + (key >> 4 & 1), key & 7), 0) >> 32;
        return true;
    }
    if (is_bxvr(cpu, key)) {
        *val = arm_sysreg_read(cpu, bvr_key64(key), 0) >> 32;
        return true;
    }
    if (is_closed(cpu, key) || !find_alias(cpu, key, &key64))
        return false;
    *val = as_a32(cpu, key, arm_sysreg_read(cpu, key64, 0));
    return true;
}

/* A field of 64 bits that AArch32 has two registers for: the half that is not written. */
static uint64_t with_other_half(struct arm_cpu *cpu, uint32_t key64, uint64_t val, bool high)
{
    uint64_t old = arm_sysreg_read(cpu, key64, 0);
    return high ? (uint32_t)old | val << 32 : (old & ~UINT64_C(0xffffffff)) | val;
}

bool arm_a32_alias_write(struct arm_cpu *cpu, uint32_t key, uint64_t val)
{
    uint32_t key64;
    bool lrc = is_lrc(key), bxvr = is_bxvr(cpu, key);
    if (lrc)
        key64 = ARM_SYSREG(3, 4, 12, 12 + (key >> 4 & 1), key & 7);
    else if (bxvr)
        key64 = bvr_key64(key);
    else if (is_closed(cpu, key) || !find_alias(cpu, key, &key64))
        return false;
    bool is_half = (key & ~UINT32_C(0x1f)) == A32_CP(15, 4, 12, 12, 0) ||
                   (key & ~UINT32_C(0xf0)) == A32_CP(14, 0, 0, 0, 4); /* ICH_LR<n>, DBGBVR<n> */
    if (lrc || bxvr || is_half)
        val = with_other_half(cpu, key64, val, lrc || bxvr);
    if (key == DBGDSCREXT)
        val = (val & ~DSCR_NOT_EXT) | (cpu->s.mdscr_el1 & DSCR_NOT_EXT);
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
