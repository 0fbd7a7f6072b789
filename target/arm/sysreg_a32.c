/*
 * Registers of coprocessors 14 and 15, by table.  Most are the low or the high half of an AArch64
 * register; those that are banked by security have an instance for each (arm_a32_bank()).
 * Ref: DDI 0487, G8 (AArch32 System register descriptions), G7.3 (VMSAv8-32 register summary).
 */
#include "target/arm/a32.h"
#include "target/arm/arm.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/debug.h"
#include "target/arm/helpers.h"
#include "target/arm/sysreg.h"

#include "core/machine.h"
#include "util/log.h"

#include <glib.h>
#include <stddef.h>

/* Who may: by default PL1 and above read and write. */
enum {
    RO = 1,
    WO = 2,
    PL0 = 4,    /* User mode, too */
    PL0_RO = 8, /* User mode may read */
    HYP = 16,   /* Hyp mode, and Monitor mode while NS is set */
    SEC = 32,   /* secure PL1 only */
    HIGH = 64,  /* bits 63..32 of the field */
    BANK = 128, /* of an array by exception level: [arm_a32_bank()] */
    WIDE = 256, /* MRRC, MCRR */
    NEEDS_EL2 = 512,
    NEEDS_EL3 = 1024,
    NEEDS_V8 = 2048,
    NEEDS_LPAE = 4096,
    CONST = 8192,  /* 32 bits of struct arm_ids; no writes */
    VM = 1 << 14,  /* HCR.TVM and TRVM trap it */
    ID = 1 << 15,  /* HCR.TID3 */
    RAZ = 1 << 16, /* reads as zero, ignores writes */
    ONLY_V7 = 1 << 17,
    NEEDS_MP = 1 << 18,
    NEEDS_PAN2 = 1 << 19,
    NEEDS_CCIDX = 1 << 20,
    NEEDS_SPECRES = 1 << 21,
    NO_EL3 = 1 << 22, /* where there is no EL3 that uses AArch32 */
    NEEDS_V82 = 1 << 24,
    UPPER = 1 << 23 /* Hyp mode, and the secure world's PL1 */
};

struct reg {
    uint32_t key, flags, offset; /* of struct arm_cpu; 0: functions only */
    uint64_t (*read)(struct arm_cpu *cpu, const struct reg *r);
    void (*write)(struct arm_cpu *cpu, const struct reg *r, uint64_t val);
};

/* --- fields --- */

static uint64_t *field_of(struct arm_cpu *cpu, const struct reg *r)
{
    uint64_t *field = (uint64_t *)((char *)cpu + r->offset);
    return r->flags & BANK ? field + arm_a32_bank(cpu) : field;
}

static uint64_t read_field(struct arm_cpu *cpu, const struct reg *r)
{
    uint64_t v = *field_of(cpu, r);
    if (r->flags & WIDE)
        return v;
    return r->flags & HIGH ? v >> 32 : (uint32_t)v;
}

static void write_field(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    uint64_t *v = field_of(cpu, r);
    if (r->flags & WIDE)
        *v = val;
    else if (r->flags & HIGH)
        *v = (*v & 0xffffffff) | val << 32;
    else
        *v = (*v & ~UINT64_C(0xffffffff)) | (uint32_t)val;
}

static uint64_t read_const(struct arm_cpu *cpu, const struct reg *r)
{
    return *(uint32_t *)((char *)cpu + r->offset);
}

/* Registers whose secure copy lies elsewhere. */
static uint64_t *chosen(struct arm_cpu *cpu, uint64_t *nonsecure, uint64_t *secure)
{
    return arm_a32_bank(cpu) == 3 ? secure : nonsecure;
}

#define CHOSEN(name, ns, s_)                                                                       \
    static uint64_t read_##name(struct arm_cpu *cpu, const struct reg *r UNUSED)                   \
    {                                                                                              \
        return (uint32_t)*chosen(cpu, &cpu->s.ns, &cpu->s.a32.s_);                                 \
    }                                                                                              \
    static void write_##name(struct arm_cpu *cpu, const struct reg *r UNUSED, uint64_t val)        \
    {                                                                                              \
        uint64_t *p = chosen(cpu, &cpu->s.ns, &cpu->s.a32.s_);                                     \
        *p = (*p & ~UINT64_C(0xffffffff)) | val;                                                   \
    }
CHOSEN(ifsr, ifsr, ifsr_s)
CHOSEN(csselr, csselr_el1, csselr_s)
CHOSEN(tpidrurw, tpidr_el[0], tpidrurw_s)
CHOSEN(tpidruro, tpidrro_el0, tpidruro_s)
CHOSEN(tpidrprw, tpidr_el[1], tpidrprw_s)

static uint64_t read_dacr(struct arm_cpu *cpu, const struct reg *r UNUSED)
{
    return (uint32_t)*chosen(cpu, &cpu->s.dacr, &cpu->s.a32.dacr_s);
}

static void write_dacr(struct arm_cpu *cpu, const struct reg *r UNUSED, uint64_t val)
{
    uint64_t *p = chosen(cpu, &cpu->s.dacr, &cpu->s.a32.dacr_s);
    if (*p == val)
        return;
    *p = val;
    guest_tlb_flush(&cpu->cpu);
}

static uint64_t read_contextidr(struct arm_cpu *cpu, const struct reg *r UNUSED)
{
    return (uint32_t)*chosen(cpu, &cpu->s.contextidr_el1, &cpu->s.a32.contextidr_s);
}

static void write_contextidr(struct arm_cpu *cpu, const struct reg *r UNUSED, uint64_t val)
{
    *chosen(cpu, &cpu->s.contextidr_el1, &cpu->s.a32.contextidr_s) = val;
    guest_space_changed(&cpu->cpu);
}

/* --- identification --- */

static uint64_t read_midr(struct arm_cpu *cpu, const struct reg *r UNUSED)
{
    bool is_virtual = cpu->s.ps.el == 1 && arm_el2_enabled(cpu);
    return (uint32_t)(is_virtual ? cpu->s.vpidr_el2 : cpu->id.midr);
}

static uint64_t read_mpidr(struct arm_cpu *cpu, const struct reg *r UNUSED)
{
    bool is_virtual = cpu->s.ps.el == 1 && arm_el2_enabled(cpu);
    return (uint32_t)(is_virtual ? cpu->s.vmpidr_el2 : arm_mpidr(&cpu->cpu));
}

static uint64_t read_id64(struct arm_cpu *cpu, const struct reg *r)
{
    return (uint32_t) * (uint64_t *)((char *)cpu + r->offset);
}

static uint64_t read_ccsidr(struct arm_cpu *cpu, const struct reg *r UNUSED)
{
    return (uint32_t)cpu->id.ccsidr[read_csselr(cpu, r) & 15];
}

/* Of FEAT_CCIDX: the number of sets. */
static uint64_t read_ccsidr2(struct arm_cpu *cpu, const struct reg *r)
{
    return cpu->id.ccsidr[read_csselr(cpu, r) & 15] >> 32;
}

/* Bits 25..24: processors of the cluster, less one. */
static uint64_t read_l2ctlr(struct arm_cpu *cpu, const struct reg *r UNUSED)
{
    unsigned n = cpu->cpu.machine->ncpus;
    return (uint64_t)(MIN(n, 4u) - 1) << 24;
}

/* --- control --- */

static void write_sctlr(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    uint64_t *p = r->flags & BANK ? &cpu->s.sctlr_el[arm_a32_bank(cpu)] : &cpu->s.sctlr_el[2];
    const uint64_t flushes =
        SCTLR_M | SCTLR_WXN | A32_SCTLR_UWXN | A32_SCTLR_AFE | A32_SCTLR_TRE | SCTLR_EE;
    uint64_t changed;
    if (arm_has(cpu, ARM_F_V8))
        val &= ~SCTLR_ITD; /* no IT block is disabled */
    changed = *p ^ val;
    *p = val;
    if (changed & flushes)
        guest_tlb_flush(&cpu->cpu);
    arm_state_changed(cpu);
}

static void write_ttbcr(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    if (!arm_has(cpu, ARM_F_LPAE))
        val &= 0x37;
    write_field(cpu, r, val);
    guest_tlb_flush(&cpu->cpu);
    guest_space_changed(&cpu->cpu);
}

static void write_ttbr(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    uint64_t *p = field_of(cpu, r), old = *p;
    write_field(cpu, r, val);
    if (old != *p && !(cpu->s.tcr_el[arm_a32_bank(cpu)] & A32_TTBCR_EAE))
        guest_space_changed(&cpu->cpu);
    else if (old >> 48 != *p >> 48)
        guest_space_changed(&cpu->cpu);
}

/* Fields that the secure world keeps for itself read as zero in the other one.  Ref: NSACR. */
static uint64_t cpacr_kept(const struct arm_cpu *cpu)
{
    bool is_other = arm_el3_is_a32(cpu) && !arm_is_secure(cpu);
    return is_other && (cpu->s.a32.nsacr & 0xc00) != 0xc00 ? 0x00f00000 : 0;
}

static uint64_t read_cpacr(struct arm_cpu *cpu, const struct reg *r UNUSED)
{
    return cpu->s.cpacr_el1 & ~cpacr_kept(cpu);
}

static void write_cpacr(struct arm_cpu *cpu, const struct reg *r UNUSED, uint64_t val)
{
    uint64_t kept = cpacr_kept(cpu);
    val = (val & ~kept) | (cpu->s.cpacr_el1 & kept);
    uint32_t mask = arm_has(cpu, ARM_F_VFP) ? 0x00f00000 : 0;
    if (arm_has(cpu, ARM_F_NEON))
        mask |= UINT32_C(1) << 31;
    if (arm_has(cpu, ARM_F_VFP) && !arm_has(cpu, ARM_F_VFP_D32))
        val |= UINT32_C(1) << 30;
    cpu->s.cpacr_el1 = val & (mask | UINT32_C(1) << 30);
    guest_mode_changed(&cpu->cpu);
}

/* Changes what the world is: masks of interrupts, banks, address space. */
static void write_scr(struct arm_cpu *cpu, const struct reg *r UNUSED, uint64_t val)
{
    cpu->s.scr_el3 = val & 0x33ff;
    arm_state_changed(cpu);
}

static void write_nsacr(struct arm_cpu *cpu, const struct reg *r UNUSED, uint64_t val)
{
    cpu->s.a32.nsacr = val & 0x8c00;
    guest_mode_changed(&cpu->cpu);
}

/* Without EL3, or with one that uses AArch64, both fields are open. */
static uint64_t read_nsacr_constant(struct arm_cpu *cpu UNUSED, const struct reg *r UNUSED)
{
    return 0xc00;
}

static uint64_t read_rvbar(struct arm_cpu *cpu, const struct reg *r UNUSED)
{
    return (uint32_t)cpu->cfg.reset_pc;
}

static void write_hcr(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    write_field(cpu, r, val);
    guest_tlb_flush(&cpu->cpu);
    arm_state_changed(cpu);
}

static void write_and_change_mode(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    write_field(cpu, r, val);
    guest_mode_changed(&cpu->cpu);
}

static void write_mdcr(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    write_field(cpu, r, val);
    arm_pmu_controls_changed(cpu);
    guest_mode_changed(&cpu->cpu);
}

static void write_and_flush(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    write_field(cpu, r, val);
    guest_tlb_flush(&cpu->cpu);
    guest_space_changed(&cpu->cpu);
}

static void write_vbar(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    write_field(cpu, r, val & ~UINT64_C(31));
}

/* --- maintenance: caches are coherent; what was translated is dropped when it is written to --- */

static void write_nothing(struct arm_cpu *cpu UNUSED, const struct reg *r UNUSED,
                          uint64_t val UNUSED)
{
}

/* CP15ISB, CP15DSB and CP15DMB, which Armv8 lets software turn off.  All accesses are in order
 * here. */
static void write_barrier(struct arm_cpu *cpu, const struct reg *r UNUSED, uint64_t val UNUSED)
{
    uint64_t sctlr = cpu->s.sctlr_el[arm_regime_el(cpu)];
    if (arm_has(cpu, ARM_F_V8) && !(sctlr & SCTLR_CP15BEN))
        arm_raise_undefined(cpu);
}

/* Restrictions of speculation by context: nothing is predicted. */
static void write_rctx(struct arm_cpu *cpu, const struct reg *r UNUSED, uint64_t val UNUSED)
{
    if (!cpu->s.ps.el && !(cpu->s.sctlr_el[arm_regime_el(cpu)] & SCTLR_ENRCTX))
        arm_a32_refuse(cpu, ARM_TRAP_EL1, true);
}

/* TLB: op2 says what: of one address by 1, 3, 5, 7, of an ASID by 2 (which only CONTEXTIDR's are
 * known by), else all of it.  Stage 2's are by intermediate addresses, which nothing is found by.
 */
static void write_tlbi(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    unsigned op1 = r->key >> 12 & 7, crm = r->key >> 4 & 15, op2 = r->key & 15;
    bool everywhere = crm == 3 || (arm_hcr(cpu) & HCR_FB);
    bool stage2 = op1 == 4 && (crm == 0 || crm == 4);
    if ((op2 & 1) && !stage2)
        arm_a32_tlbi_page(cpu, val & 0xfffff000, everywhere);
    else if (op2 == 2 && op1 == 0)
        arm_a32_tlbi_asid(cpu, val & 0xff, everywhere);
    else
        arm_a32_tlbi_all(cpu, everywhere || crm == 0);
}

/* --- address translation --- */

/* CRm 8: ATS1C by op2 0 to 3, ATS12NSO by 4 to 7; CRm 9: ATS1CP, which heeds PAN. */
static void write_ats(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    unsigned op2 = r->key & 7;
    bool heeds_pan = (r->key >> 4 & 15) == 9 && cpu->s.ps.pan;
    struct arm_a32_at at = {
        .va = (uint32_t)val,
        .access = op2 & 1 ? GUEST_WRITE : GUEST_READ,
        .idx = r->flags & HYP ? ARM_IDX_EL2
               : op2 & 2      ? ARM_IDX_EL10_0
               : heeds_pan    ? ARM_IDX_EL10_1_PAN
                              : ARM_IDX_EL10_1,
        .stage1_only = !(op2 & 4),
        .nonsecure = op2 & 4,
    };
    uint64_t par;
    uint32_t cause;
    if (arm_a32_par(cpu, &at, &par, &cause)) {
        *chosen(cpu, &cpu->s.par_el1, &cpu->s.a32.par_s) = par;
        return;
    }
    arm_pmu_not_done(cpu);
    arm_raise_fault(&cpu->cpu, at.va, at.access, at.idx, cause | CAUSE_CM | CAUSE_WNR);
    guest_unwind(&cpu->cpu);
}

static uint64_t read_par(struct arm_cpu *cpu, const struct reg *r)
{
    uint64_t v = *chosen(cpu, &cpu->s.par_el1, &cpu->s.a32.par_s);
    return r->flags & WIDE ? v : (uint32_t)v;
}

static void write_par(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    uint64_t *p = chosen(cpu, &cpu->s.par_el1, &cpu->s.a32.par_s);
    *p = r->flags & WIDE ? val : (*p & ~UINT64_C(0xffffffff)) | val;
}

/* --- debug --- */

/* DBGDIDR.Version: Armv7 without and with registers in coprocessor 14, Armv7.1, Armv8 and later,
 * which ID_DFR0 has, too. */
static uint32_t debug_version(const struct arm_cpu *cpu)
{
    if (arm_has(cpu, ARM_F_V8))
        return cpu->id.dfr0 & 15;
    return arm_has(cpu, ARM_F_LPAE) ? 5 : arm_has(cpu, ARM_F_MP) ? 3 : 4;
}

static uint64_t read_dbgdidr(struct arm_cpu *cpu, const struct reg *r UNUSED)
{
    enum { SE_IMP = 1 << 12, NSUHD_IMP = 1 << 14, DEVID_IMP = 1 << 15 };
    const struct arm_ids *id = &cpu->id;
    uint32_t version = debug_version(cpu);
    return (uint64_t)(id->watchpoints - 1) << 28 | (uint64_t)(id->breakpoints - 1) << 24 |
           (uint64_t)(id->context_breakpoints - 1) << 20 | version << 16 |
           (version > 4 ? DEVID_IMP : 0) | (arm_has(cpu, ARM_F_SECURE) ? SE_IMP | NSUHD_IMP : 0);
}

/* Watchpoints have masks, breakpoints have none, vectors are caught by address. */
static uint64_t read_dbgdevid(struct arm_cpu *cpu, const struct reg *r UNUSED)
{
    bool has_lock = arm_has(cpu, ARM_F_DOUBLELOCK) || !arm_has(cpu, ARM_F_V8);
    return 0xf10 | (arm_has(cpu, ARM_F_VIRT) ? 1u << 16 : 0) | (has_lock ? 1u << 20 : 0);
}

static void write_oslar(struct arm_cpu *cpu, const struct reg *r UNUSED, uint64_t val)
{
    enum { KEY = 0xc5acce55 };
    cpu->s.oslock = val == (uint32_t)KEY;
    guest_mode_changed(&cpu->cpu);
}

static void write_dbgvcr(struct arm_cpu *cpu, const struct reg *r UNUSED, uint64_t val)
{
    cpu->s.dbgvcr = val & ARM_VCR_BITS;
    arm_debug_changed(cpu);
}

/* --- the table --- */

#define F(field)                offsetof(struct arm_cpu, s.field)
#define IDF(field)              offsetof(struct arm_cpu, id.field)
#define P15(op1, crn, crm, op2) A32_CP(15, op1, crn, crm, op2)
#define P14(op1, crn, crm, op2) A32_CP(14, op1, crn, crm, op2)
#define W15(op1, crm)           A32_CP64(15, op1, crm)
#define W14(op1, crm)           A32_CP64(14, op1, crm)

/* clang-format off */
static const struct reg table[] = {
    /* c0: identification */
    {P15(0, 0, 0, 0), RO, 0, read_midr, NULL},
    {P15(0, 0, 0, 1), RO, IDF(ctr), read_id64, NULL},
    {P15(0, 0, 0, 2), RO | RAZ, 0, NULL, NULL},                          /* TCMTR */
    {P15(0, 0, 0, 3), RO | RAZ, 0, NULL, NULL},                          /* TLBTR */
    {P15(0, 0, 0, 4), RO, 0, read_midr, NULL},
    {P15(0, 0, 0, 5), RO, 0, read_mpidr, NULL},
    {P15(0, 0, 0, 6), RO, IDF(revidr), read_id64, NULL},
    {P15(0, 0, 0, 7), RO, 0, read_midr, NULL},
    {P15(0, 0, 1, 0), CONST | ID, IDF(pfr0), NULL, NULL},
    {P15(0, 0, 1, 1), CONST | ID, IDF(pfr1), NULL, NULL},
    {P15(0, 0, 1, 2), CONST | ID, IDF(dfr0), NULL, NULL},
    {P15(0, 0, 1, 3), CONST | ID, IDF(afr0), NULL, NULL},
    {P15(0, 0, 1, 4), CONST | ID, IDF(mmfr0), NULL, NULL},
    {P15(0, 0, 1, 5), CONST | ID, IDF(mmfr1), NULL, NULL},
    {P15(0, 0, 1, 6), CONST | ID, IDF(mmfr2), NULL, NULL},
    {P15(0, 0, 1, 7), CONST | ID, IDF(mmfr3), NULL, NULL},
    {P15(0, 0, 2, 0), CONST | ID, IDF(isar0), NULL, NULL},
    {P15(0, 0, 2, 1), CONST | ID, IDF(isar1), NULL, NULL},
    {P15(0, 0, 2, 2), CONST | ID, IDF(isar2), NULL, NULL},
    {P15(0, 0, 2, 3), CONST | ID, IDF(isar3), NULL, NULL},
    {P15(0, 0, 2, 4), CONST | ID, IDF(isar4), NULL, NULL},
    {P15(0, 0, 2, 5), CONST | ID, IDF(isar5), NULL, NULL},
    {P15(0, 0, 2, 6), CONST | ID, IDF(mmfr4), NULL, NULL},
    {P15(0, 0, 2, 7), CONST | ID, IDF(isar6), NULL, NULL},
    {P15(0, 0, 3, 4), CONST | ID, IDF(pfr2), NULL, NULL},
    {P15(0, 0, 3, 5), CONST | ID, IDF(dfr1), NULL, NULL},
    {P15(0, 0, 3, 6), CONST | ID, IDF(mmfr5), NULL, NULL},
    {P15(1, 0, 0, 0), RO, 0, read_ccsidr, NULL},
    {P15(1, 0, 0, 1), RO, IDF(clidr), read_id64, NULL},
    {P15(1, 0, 0, 7), RO | RAZ, 0, NULL, NULL},                          /* AIDR */
    {P15(1, 0, 0, 2), RO | NEEDS_CCIDX, 0, read_ccsidr2, NULL},
    {P15(2, 0, 0, 0), 0, 0, read_csselr, write_csselr},
    {P15(4, 0, 0, 0), HYP, F(vpidr_el2), NULL, NULL},
    {P15(4, 0, 0, 5), HYP, F(vmpidr_el2), NULL, NULL},
    /* c1: control */
    {P15(0, 1, 0, 0), BANK | VM, F(sctlr_el), NULL, write_sctlr},
    {P15(0, 1, 0, 1), BANK, F(actlr_el), NULL, NULL},
    {P15(0, 1, 0, 2), 0, F(cpacr_el1), read_cpacr, write_cpacr},
    {P15(0, 1, 0, 3), BANK | HIGH | NEEDS_V82, F(actlr_el), NULL, NULL},
    {P15(0, 1, 1, 0), SEC | NEEDS_EL3, F(scr_el3), NULL, write_scr},
    {P15(0, 1, 1, 1), SEC | NEEDS_EL3, F(sder), NULL, write_mdcr},
    {P15(0, 1, 1, 2), NEEDS_EL3, F(a32.nsacr), NULL, write_nsacr},
    {P15(0, 1, 1, 2), RO | NO_EL3 | NEEDS_V8, 0, read_nsacr_constant, NULL},
    {P15(0, 1, 3, 1), SEC | NEEDS_EL3, F(mdcr_el3), NULL, write_mdcr},
    {P15(4, 1, 0, 0), HYP, F(sctlr_el[2]), NULL, write_sctlr},
    {P15(4, 1, 0, 1), HYP, F(actlr_el[2]), NULL, NULL},
    {P15(4, 1, 0, 3), HYP | HIGH | NEEDS_V82, F(actlr_el[2]), NULL, NULL},
    {P15(4, 1, 1, 0), HYP, F(hcr_el2), NULL, write_hcr},
    {P15(4, 1, 1, 1), HYP, F(mdcr_el2), NULL, write_mdcr},
    {P15(4, 1, 1, 2), HYP, F(cptr_el2), NULL, write_and_change_mode},
    {P15(4, 1, 1, 3), HYP, F(hstr_el2), NULL, write_and_change_mode},
    {P15(4, 1, 1, 4), HYP | HIGH | NEEDS_V8, F(hcr_el2), NULL, write_hcr},
    {P15(4, 1, 1, 7), HYP, F(hacr_el2), NULL, NULL},
    /* c2, c3: tables */
    {P15(0, 2, 0, 0), BANK | VM, F(ttbr0_el), NULL, write_ttbr},
    {P15(0, 2, 0, 1), BANK | VM, F(ttbr1_el), NULL, write_ttbr},
    {P15(0, 2, 0, 2), BANK | VM, F(tcr_el), NULL, write_ttbcr},
    {P15(0, 2, 0, 3), BANK | HIGH | VM | NEEDS_V8, F(tcr_el), NULL, write_and_flush},
    {P15(4, 2, 0, 2), HYP, F(tcr_el[2]), NULL, write_and_flush},
    {P15(4, 2, 1, 2), HYP, F(vtcr_el2), NULL, write_and_flush},
    {W15(0, 2), BANK | VM | WIDE | NEEDS_LPAE, F(ttbr0_el), NULL, write_ttbr},
    {W15(1, 2), BANK | VM | WIDE | NEEDS_LPAE, F(ttbr1_el), NULL, write_ttbr},
    {W15(4, 2), HYP | WIDE, F(ttbr0_el[2]), NULL, write_and_flush},
    {W15(6, 2), HYP | WIDE, F(vttbr_el2), NULL, write_and_flush},
    {P15(0, 3, 0, 0), VM, 0, read_dacr, write_dacr},
    /* c5, c6: faults */
    {P15(0, 5, 0, 0), BANK | VM, F(esr_el), NULL, NULL},
    {P15(0, 5, 0, 1), VM, 0, read_ifsr, write_ifsr},
    {P15(0, 5, 1, 0), BANK | VM, F(afsr0_el), NULL, NULL},
    {P15(0, 5, 1, 1), BANK | VM, F(afsr1_el), NULL, NULL},
    {P15(4, 5, 1, 0), HYP, F(afsr0_el[2]), NULL, NULL},
    {P15(4, 5, 1, 1), HYP, F(afsr1_el[2]), NULL, NULL},
    {P15(4, 5, 2, 0), HYP, F(esr_el[2]), NULL, NULL},
    {P15(0, 6, 0, 0), BANK | VM, F(far_el), NULL, NULL},
    {P15(0, 6, 0, 2), BANK | VM | HIGH, F(far_el), NULL, NULL},
    {P15(4, 6, 0, 0), HYP, F(far_el[2]), NULL, NULL},
    {P15(4, 6, 0, 2), HYP | HIGH, F(far_el[2]), NULL, NULL},
    {P15(4, 6, 0, 4), HYP, F(hpfar_el2), NULL, NULL},
    /* c7: caches, barriers, address translation */
    {P15(0, 7, 0, 4), WO | ONLY_V7, 0, NULL, write_nothing},             /* v6's wait for interrupt */
    {P15(0, 7, 1, 0), WO | NEEDS_MP, 0, NULL, write_nothing},
    {P15(0, 7, 1, 6), WO | NEEDS_MP, 0, NULL, write_nothing},
    {P15(0, 7, 3, 4), WO | PL0 | NEEDS_SPECRES, 0, NULL, write_rctx}, /* CFPRCTX */
    {P15(0, 7, 3, 5), WO | PL0 | NEEDS_SPECRES, 0, NULL, write_rctx}, /* DVPRCTX */
    {P15(0, 7, 3, 7), WO | PL0 | NEEDS_SPECRES, 0, NULL, write_rctx}, /* CPPRCTX */
    {P15(0, 7, 4, 0), 0, 0, read_par, write_par},
    {P15(0, 7, 5, 0), WO, 0, NULL, write_nothing},
    {P15(0, 7, 5, 1), WO, 0, NULL, write_nothing},
    {P15(0, 7, 5, 4), WO | PL0, 0, NULL, write_barrier},
    {P15(0, 7, 5, 6), WO, 0, NULL, write_nothing},
    {P15(0, 7, 5, 7), WO, 0, NULL, write_nothing},
    {P15(0, 7, 6, 1), WO, 0, NULL, write_nothing},
    {P15(0, 7, 6, 2), WO, 0, NULL, write_nothing},
    {P15(0, 7, 8, 0), WO, 0, NULL, write_ats},
    {P15(0, 7, 8, 1), WO, 0, NULL, write_ats},
    {P15(0, 7, 8, 2), WO, 0, NULL, write_ats},
    {P15(0, 7, 8, 3), WO, 0, NULL, write_ats},
    {P15(0, 7, 8, 4), WO | UPPER, 0, NULL, write_ats},
    {P15(0, 7, 8, 5), WO | UPPER, 0, NULL, write_ats},
    {P15(0, 7, 8, 6), WO | UPPER, 0, NULL, write_ats},
    {P15(0, 7, 8, 7), WO | UPPER, 0, NULL, write_ats},
    {P15(0, 7, 9, 0), WO | NEEDS_PAN2, 0, NULL, write_ats},
    {P15(0, 7, 9, 1), WO | NEEDS_PAN2, 0, NULL, write_ats},
    {P15(0, 7, 10, 1), WO, 0, NULL, write_nothing},
    {P15(0, 7, 10, 2), WO, 0, NULL, write_nothing},
    {P15(0, 7, 10, 4), WO | PL0, 0, NULL, write_barrier},
    {P15(0, 7, 10, 5), WO | PL0, 0, NULL, write_barrier},
    {P15(0, 7, 11, 1), WO, 0, NULL, write_nothing},
    {P15(0, 7, 13, 1), WO, 0, NULL, write_nothing},
    {P15(0, 7, 14, 1), WO, 0, NULL, write_nothing},
    {P15(0, 7, 14, 2), WO, 0, NULL, write_nothing},
    {P15(4, 7, 8, 0), WO | HYP, 0, NULL, write_ats},
    {P15(4, 7, 8, 1), WO | HYP, 0, NULL, write_ats},
    {W15(0, 7), WIDE | NEEDS_LPAE, 0, read_par, write_par},
    /* c8: TLB */
    {P15(0, 8, 3, 0), WO | NEEDS_MP, 0, NULL, write_tlbi}, {P15(0, 8, 3, 1), WO | NEEDS_MP, 0, NULL, write_tlbi},
    {P15(0, 8, 3, 2), WO | NEEDS_MP, 0, NULL, write_tlbi}, {P15(0, 8, 3, 3), WO | NEEDS_MP, 0, NULL, write_tlbi},
    {P15(0, 8, 3, 5), WO | NEEDS_V8, 0, NULL, write_tlbi}, {P15(0, 8, 3, 7), WO | NEEDS_V8, 0, NULL, write_tlbi},
    {P15(0, 8, 5, 0), WO, 0, NULL, write_tlbi}, {P15(0, 8, 5, 1), WO, 0, NULL, write_tlbi},
    {P15(0, 8, 5, 2), WO, 0, NULL, write_tlbi},
    {P15(0, 8, 6, 0), WO, 0, NULL, write_tlbi}, {P15(0, 8, 6, 1), WO, 0, NULL, write_tlbi},
    {P15(0, 8, 6, 2), WO, 0, NULL, write_tlbi},
    {P15(0, 8, 7, 0), WO, 0, NULL, write_tlbi}, {P15(0, 8, 7, 1), WO, 0, NULL, write_tlbi},
    {P15(0, 8, 7, 2), WO, 0, NULL, write_tlbi}, {P15(0, 8, 7, 3), WO | NEEDS_MP, 0, NULL, write_tlbi},
    {P15(0, 8, 7, 5), WO | NEEDS_V8, 0, NULL, write_tlbi}, {P15(0, 8, 7, 7), WO | NEEDS_V8, 0, NULL, write_tlbi},
    {P15(4, 8, 0, 1), WO | HYP | NEEDS_V8, 0, NULL, write_tlbi}, {P15(4, 8, 0, 5), WO | HYP | NEEDS_V8, 0, NULL, write_tlbi},
    {P15(4, 8, 3, 0), WO | HYP, 0, NULL, write_tlbi}, {P15(4, 8, 3, 1), WO | HYP, 0, NULL, write_tlbi},
    {P15(4, 8, 3, 4), WO | HYP, 0, NULL, write_tlbi}, {P15(4, 8, 3, 5), WO | HYP | NEEDS_V8, 0, NULL, write_tlbi},
    {P15(4, 8, 4, 1), WO | HYP | NEEDS_V8, 0, NULL, write_tlbi}, {P15(4, 8, 4, 5), WO | HYP | NEEDS_V8, 0, NULL, write_tlbi},
    {P15(4, 8, 7, 0), WO | HYP, 0, NULL, write_tlbi}, {P15(4, 8, 7, 1), WO | HYP, 0, NULL, write_tlbi},
    {P15(4, 8, 7, 4), WO | HYP, 0, NULL, write_tlbi}, {P15(4, 8, 7, 5), WO | HYP | NEEDS_V8, 0, NULL, write_tlbi},
    /* c9: level 2 cache of some models */
    {P15(1, 9, 0, 2), 0, 0, read_l2ctlr, write_nothing},
    {P15(1, 9, 0, 3), RAZ, 0, NULL, NULL},
    /* c10: memory attributes */
    {P15(0, 10, 0, 0), RAZ | ONLY_V7, 0, NULL, NULL},
    {P15(0, 10, 2, 0), BANK | VM, F(mair_el), NULL, NULL},
    {P15(0, 10, 2, 1), BANK | VM | HIGH, F(mair_el), NULL, NULL},
    {P15(0, 10, 3, 0), BANK | VM, F(amair_el), NULL, NULL},
    {P15(0, 10, 3, 1), BANK | VM | HIGH, F(amair_el), NULL, NULL},
    {P15(4, 10, 2, 0), HYP, F(mair_el[2]), NULL, NULL},
    {P15(4, 10, 2, 1), HYP | HIGH, F(mair_el[2]), NULL, NULL},
    {P15(4, 10, 3, 0), HYP, F(amair_el[2]), NULL, NULL},
    {P15(4, 10, 3, 1), HYP | HIGH, F(amair_el[2]), NULL, NULL},
    /* c12: vectors */
    {P15(0, 12, 0, 0), BANK, F(vbar_el), NULL, write_vbar},
    {P15(0, 12, 0, 1), SEC | NEEDS_EL3, F(a32.mvbar), NULL, write_vbar},
    {P15(0, 12, 0, 1), RO | NO_EL3 | NEEDS_V8, 0, read_rvbar, NULL},
    {P15(4, 12, 0, 0), HYP, F(vbar_el[2]), NULL, write_vbar},
    {P15(4, 12, 0, 1), RO | HYP | NO_EL3 | NEEDS_V8, 0, read_rvbar, NULL},
    /* c13: contexts and threads */
    {P15(0, 13, 0, 0), RAZ, 0, NULL, NULL},                              /* FCSEIDR */
    {P15(0, 13, 0, 1), VM, 0, read_contextidr, write_contextidr},
    {P15(0, 13, 0, 2), PL0, 0, read_tpidrurw, write_tpidrurw},
    {P15(0, 13, 0, 3), PL0_RO, 0, read_tpidruro, write_tpidruro},
    {P15(0, 13, 0, 4), 0, 0, read_tpidrprw, write_tpidrprw},
    {P15(4, 13, 0, 2), HYP, F(tpidr_el[2]), NULL, NULL},
    /* c15: peripherals' base */
    {P15(4, 15, 0, 0), RO, IDF(cbar), read_id64, NULL},
    /* coprocessor 14: debug, Jazelle, ThumbEE */
    {P14(0, 0, 0, 0), RO | PL0_RO, 0, read_dbgdidr, NULL},
    {P14(0, 0, 6, 0), RAZ, 0, NULL, NULL},                               /* DBGWFAR */
    {P14(0, 0, 7, 0), 0, F(dbgvcr), NULL, write_dbgvcr},
    {P14(0, 1, 0, 0), RO | PL0_RO | RAZ, 0, NULL, NULL},                 /* DBGDRAR */
    {P14(0, 2, 0, 0), RO | PL0_RO | RAZ, 0, NULL, NULL},                 /* DBGDSAR */
    {W14(0, 1), RO | PL0_RO | RAZ | WIDE, 0, NULL, NULL},
    {W14(0, 2), RO | PL0_RO | RAZ | WIDE, 0, NULL, NULL},
    {P14(0, 1, 0, 4), WO, 0, NULL, write_oslar},
    {P14(0, 7, 0, 7), RO | RAZ, 0, NULL, NULL},                          /* DBGDEVID2 */
    {P14(0, 7, 1, 7), RO | RAZ, 0, NULL, NULL},                          /* DBGDEVID1 */
    {P14(0, 7, 2, 7), RO, 0, read_dbgdevid, NULL},
    {P14(6, 0, 0, 0), RAZ | ONLY_V7, 0, NULL, NULL},                     /* TEECR */
    {P14(6, 1, 0, 0), RAZ | PL0 | ONLY_V7, 0, NULL, NULL},               /* TEEHBR */
    {P14(7, 0, 0, 0), RO | RAZ | PL0_RO, 0, NULL, NULL},                 /* JIDR */
    {P14(7, 1, 0, 0), RAZ, 0, NULL, NULL},                               /* JOSCR */
    {P14(7, 2, 0, 0), RAZ, 0, NULL, NULL},                               /* JMCR */
};
/* clang-format on */

/* --- finding, access --- */

static const struct {
    uint32_t flag;
    enum arm_feature feature;
} needs[] = {
    {NEEDS_V82, ARM_F_UAO}, /* as ID_MMFR4.AC2 */
    {NEEDS_V8, ARM_F_V8},     {NEEDS_LPAE, ARM_F_LPAE},   {NEEDS_MP, ARM_F_MP},
    {NEEDS_PAN2, ARM_F_PAN2}, {NEEDS_CCIDX, ARM_F_CCIDX}, {NEEDS_SPECRES, ARM_F_SPECRES},
};

static bool is_present(const struct arm_cpu *cpu, const struct reg *r)
{
    if ((r->flags & (NEEDS_EL2 | HYP)) && !arm_has_el2(cpu))
        return false;
    if ((r->flags & NEEDS_EL3) && !arm_el3_is_a32(cpu))
        return false;
    if ((r->flags & NO_EL3) && arm_el3_is_a32(cpu))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
        if ((r->flags & needs[i].flag) && !arm_has(cpu, needs[i].feature))
            return false;
    if (r->key == P15(0, 12, 0, 1) && (r->flags & NO_EL3) && arm_has_el2(cpu))
        return false; /* RVBAR is of the highest level */
    return !(r->flags & ONLY_V7) || !arm_has(cpu, ARM_F_V8);
}

static const struct reg *find(const struct arm_cpu *cpu, uint32_t key)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].key == key && is_present(cpu, &table[i]))
            return &table[i];
    return NULL;
}

static bool may_access(const struct arm_cpu *cpu, const struct reg *r, bool is_write)
{
    unsigned el = cpu->s.ps.el;
    if (r->flags & (is_write ? RO | CONST : WO))
        return false;
    if (!el)
        return (r->flags & PL0) || (!is_write && (r->flags & PL0_RO));
    if (r->flags & HYP)
        return el == 2 || (el == 3 && (cpu->s.scr_el3 & SCR_NS));
    if (r->flags & SEC)
        return el == 3;
    if (r->flags & UPPER)
        return el >= 2;
    if (r->key == P15(0, 1, 1, 2) && is_write)
        return el == 3; /* NSACR */
    return true;
}

/* Identification and cache registers.  Ref: HCR. */
static bool is_trapped_by_hcr(uint64_t hcr, unsigned op1, unsigned crn, unsigned crm, unsigned op2)
{
    if (crn == 0 && crm == 0) {
        bool is_cache = op1 == 2 || (op1 == 1 && op2 < 3) || (op1 == 0 && op2 == 1);
        bool is_other = (op1 == 1 && op2 == 7) || (op1 == 0 && (op2 == 2 || op2 == 3 || op2 == 6));
        return (is_cache && (hcr & HCR_TID2)) || (is_other && (hcr & HCR_TID1));
    }
    if (crn != 7)
        return crn == 8 && (hcr & HCR_TTLB);
    bool by_set = op2 == 2 && (crm == 6 || crm == 10 || crm == 14);
    bool to_coherency = op2 == 1 && (crm == 6 || crm == 10 || crm == 14);
    bool to_unification =
        (crm == 5 && op2 < 2) || (crm == 1 && op2 == 0) || (crm == 11 && op2 == 1);
    return (by_set && (hcr & HCR_TSW)) || (to_coherency && (hcr & HCR_TPCP)) ||
           (to_unification && (hcr & HCR_TPU));
}

/* Of coprocessor 14, what is not by AArch64's names: debug, Jazelle's identification. */
static bool is_trapped_cp14(const struct arm_cpu *cpu, uint32_t key)
{
    unsigned op1 = key >> 12 & 15, crn = key >> 8 & 15, crm = key >> 4 & 15;
    uint64_t mdcr = cpu->s.mdcr_el2, bit = MDCR2_TDA;
    if (op1 == 7)
        return crn == 0 && (arm_hcr(cpu) & HCR_TID0);
    if (op1)
        return false;
    if (key & A32_CP_64 || crn == 2 || (crn == 1 && !crm))
        bit = MDCR2_TDRA;
    else if (crn == 1)
        bit = MDCR2_TDOSA;
    return (mdcr & (bit | MDCR2_TDE)) || (arm_hcr(cpu) & HCR_TGE);
}

static bool is_trappable(const struct arm_cpu *cpu)
{
    return cpu->s.ps.el <= 1 && arm_el2_enabled(cpu);
}

/* By the primary register; HSTR_EL2 has no bits for c4 and c14. */
static bool is_trapped_by_hstr(const struct arm_cpu *cpu, uint32_t key)
{
    unsigned n = key & A32_CP_64 ? key >> 4 & 15 : key >> 8 & 15;
    return is_trappable(cpu) && (key >> 16 & 15) == 15 && n != 4 && n != 14 && !arm_is_host(cpu) &&
           (cpu->s.hstr_el2 >> n & 1);
}

/* What a hypervisor has trapped.  Ref: G1.21 (traps and enables to Hyp mode). */
static bool is_trapped(const struct arm_cpu *cpu, const struct reg *r, bool is_write)
{
    uint64_t hcr = arm_hcr(cpu);
    unsigned op1 = r->key >> 12 & 15, crn = r->key >> 8 & 15, crm = r->key >> 4 & 15,
             op2 = r->key & 15;
    if (!is_trappable(cpu))
        return false;
    if ((r->key >> 16 & 15) == 14)
        return is_trapped_cp14(cpu, r->key);
    if ((r->flags & VM) && (hcr & (is_write ? HCR_TVM : HCR_TRVM)))
        return true;
    if ((r->flags & ID) && (hcr & HCR_TID3))
        return true;
    if (r->flags & WIDE)
        return false;
    if (is_trapped_by_hcr(hcr, op1, crn, crm, op2))
        return true;
    if (r->key == P15(0, 1, 0, 2) && (cpu->s.cptr_el2 & CPTR_TCPAC))
        return true;
    return crn == 1 && crm == 0 && op2 == 1 && (hcr & HCR_TACR);
}

/* Ref: ESR_ELx, ISS encodings of MCR or MRC, and of MCRR or MRRC accesses. */
static uint32_t syndrome(uint32_t key, uint32_t how, bool is_write)
{
    unsigned cp = key >> 16 & 15;
    uint32_t iss = (how & ~ESR_IL) | (key >> 4 & 15) << 1 | !is_write;
    if (key & A32_CP_64)
        return ESR(cp == 15 ? ARM_EC_CP15_64 : ARM_EC_CP14_64, iss | (key >> 12 & 15) << 16);
    iss |= (key & 7) << 17 | (key >> 12 & 7) << 14 | (key >> 8 & 15) << 10;
    return ESR(cp == 15 ? ARM_EC_CP15 : ARM_EC_CP14, iss);
}

void arm_a32_refuse(struct arm_cpu *cpu, enum arm_access a, bool is_write)
{
    uint32_t esr = syndrome(cpu->cp_key, cpu->cp_how, is_write);
    switch (a) {
    case ARM_TRAP_EL1: arm_raise(cpu, 1, esr);
    case ARM_TRAP_EL2: arm_raise(cpu, 2, esr);
    case ARM_TRAP_EL3:
        if (!arm_el3_is_a32(cpu))
            arm_raise(cpu, 3, esr);
        break;
    default: break;
    }
    arm_raise_undefined(cpu);
}

/* Implementation-defined registers and operations, which HCR.TIDCP traps.  Ref: G8.2.64. */
static bool is_impdef(uint32_t key)
{
    static const uint16_t crms[] = {[9 - 9] = 0x1e7, [10 - 9] = 0x113, [11 - 9] = 0x81ff};
    unsigned crn = key >> 8 & 15, crm = key >> 4 & 15;
    return key >> 16 == 15 && crn >= 9 && crn <= 11 && (crms[crn - 9] >> crm & 1);
}

/* Identification registers that are reserved. */
static bool is_id_space(uint32_t key)
{
    return (key & ~UINT32_C(0xff)) == P15(0, 0, 0, 0) && (key & 0xff) >= 0x30 &&
           (key & 0xff) < 0x80;
}

/* Registers that no row has, which read as zero: identification; of Armv7 cores those that are
 * their own. */
static bool is_tolerated(const struct arm_cpu *cpu, uint32_t key, bool is_write)
{
    unsigned crn = key >> 8 & 15;
    if (!cpu->s.ps.el || (key & A32_CP_64))
        return false;
    if (is_id_space(key))
        return !is_write;
    return key >> 16 == 15 && (crn == 15 || crn == 11) && !arm_has(cpu, ARM_F_V8);
}

static void NORETURN refuse_unknown(struct arm_cpu *cpu, uint32_t key, bool is_write)
{
    log_printf(LOG_UNIMP, "cpu %u: %s of coprocessor %u register %u, c%u, c%u, %u: undefined\n",
               cpu->cpu.index, is_write ? "write" : "read", key >> 16 & 15, key >> 12 & 15,
               key >> 8 & 15, key >> 4 & 15, key & 15);
    arm_raise_undefined(cpu);
}

static const struct reg *checked(struct arm_cpu *cpu, uint32_t key, bool is_write)
{
    const struct reg *r = find(cpu, key);
    bool may_trap = cpu->s.ps.el == 1 && is_trappable(cpu);
    if (!r && may_trap && is_impdef(key) && (arm_hcr(cpu) & HCR_TIDCP))
        arm_a32_refuse(cpu, ARM_TRAP_EL2, is_write);
    if (!r && is_tolerated(cpu, key, is_write)) {
        if (may_trap && is_id_space(key) && (arm_hcr(cpu) & HCR_TID3))
            arm_a32_refuse(cpu, ARM_TRAP_EL2, is_write);
        return NULL;
    }
    if (!r || !may_access(cpu, r, is_write))
        refuse_unknown(cpu, key, is_write);
    if (is_trapped(cpu, r, is_write))
        arm_a32_refuse(cpu, ARM_TRAP_EL2, is_write);
    return r;
}

static uint64_t read_value(struct arm_cpu *cpu, const struct reg *r)
{
    if (r->flags & RAZ)
        return 0;
    if (r->read)
        return r->read(cpu, r);
    return r->flags & CONST ? read_const(cpu, r) : read_field(cpu, r);
}

static void write_value(struct arm_cpu *cpu, const struct reg *r, uint64_t val)
{
    if (r->flags & RAZ)
        return;
    if (r->write)
        r->write(cpu, r, val);
    else
        write_field(cpu, r, val);
}

bool arm_a32_cp_peek(struct arm_cpu *cpu, uint32_t key, uint64_t *val)
{
    const struct reg *r = find(cpu, key);
    if (!r || (r->flags & WO))
        return false;
    *val = read_value(cpu, r);
    return true;
}

bool arm_a32_cp_poke(struct arm_cpu *cpu, uint32_t key, uint64_t val)
{
    const struct reg *r = find(cpu, key);
    if (!r || (r->flags & (RO | CONST)))
        return false;
    write_value(cpu, r, val);
    return true;
}

/* An access begins: what refuses it knows which it is. */
static void begin_access(struct arm_cpu *cpu, uint32_t key, uint32_t how, bool is_write)
{
    cpu->cp_key = key;
    cpu->cp_how = how;
    if (is_trapped_by_hstr(cpu, key))
        arm_a32_refuse(cpu, ARM_TRAP_EL2, is_write);
}

uint64_t helper_a32_cp_read(struct arm_cpu *cpu, uint32_t key, uint32_t how)
{
    uint64_t val;
    begin_access(cpu, key, how, false);
    if (arm_a32_alias_read(cpu, key, &val))
        return val;
    const struct reg *r = checked(cpu, key, false);
    return r ? read_value(cpu, r) : 0;
}

void helper_a32_cp_write(struct arm_cpu *cpu, uint32_t key, uint64_t val, uint32_t how)
{
    begin_access(cpu, key, how, true);
    if (arm_a32_alias_write(cpu, key, val))
        return;
    const struct reg *r = checked(cpu, key, true);
    if (r)
        write_value(cpu, r, val);
}
