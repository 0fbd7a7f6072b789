/*
 * Identification registers, computed from the features that a processor has so that they agree.
 * Ref: the manual, D19.2 (ID_AA64*), G8.2 (ID_*), K14 (which feature is which field).
 */
#include "target/arm/cpu_priv.h"

struct field {
    const struct arm_cpu *cpu;
    uint64_t val;
};

/* The field of four bits at lsb. */
static void put(struct field *r, unsigned lsb, uint64_t val)
{
    r->val |= val << lsb;
}

static void put_if(struct field *r, unsigned lsb, enum arm_feature f, uint64_t val)
{
    if (arm_has(r->cpu, f))
        r->val = deposit64(r->val, lsb, 4, val);
}

static uint64_t el_width(const struct arm_cpu *cpu, enum arm_feature a32)
{
    return arm_has(cpu, a32) ? 2 : 1;
}

static uint64_t aa64pfr0(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};
    uint64_t fp = arm_has(cpu, ARM_F_VFP) ? arm_has(cpu, ARM_F_FP16) : 15;
    uint64_t simd = arm_has(cpu, ARM_F_NEON) ? arm_has(cpu, ARM_F_FP16) : 15;

    put(&r, 0, el_width(cpu, ARM_F_AARCH32_EL0));
    put(&r, 4, el_width(cpu, ARM_F_AARCH32_EL1));
    put_if(&r, 8, ARM_F_VIRT, el_width(cpu, ARM_F_AARCH32_EL1));
    put_if(&r, 12, ARM_F_SECURE, el_width(cpu, ARM_F_AARCH32_EL1));
    put(&r, 16, fp);
    put(&r, 20, simd);
    put(&r, 24, cpu->gic_ops != NULL);
    put_if(&r, 28, ARM_F_RAS, 1);
    put_if(&r, 48, ARM_F_DIT, 1);
    put_if(&r, 56, ARM_F_CSV2, 1);
    put_if(&r, 56, ARM_F_CSV2_2, 2);
    put_if(&r, 60, ARM_F_CSV3, 1);
    return r.val;
}

static uint64_t aa64pfr1(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};

    put_if(&r, 0, ARM_F_BTI, 1);
    put_if(&r, 4, ARM_F_SSBS, 1);
    put_if(&r, 4, ARM_F_SSBS2, 2);
    return r.val;
}

static uint64_t pmu_version(const struct arm_cpu *cpu)
{
    if (!arm_has(cpu, ARM_F_PMU))
        return 0;
    return arm_has(cpu, ARM_F_E0PD)   ? 6
           : arm_has(cpu, ARM_F_LSE2) ? 5
           : arm_has(cpu, ARM_F_LSE)  ? 4
                                      : 1;
}

static uint64_t debug_version(const struct arm_cpu *cpu)
{
    return arm_has(cpu, ARM_F_LSE2)  ? 9
           : arm_has(cpu, ARM_F_UAO) ? 8
           : arm_has(cpu, ARM_F_VHE) ? 7
                                     : 6;
}

static uint64_t aa64dfr0(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};

    put(&r, 0, debug_version(cpu));
    put(&r, 8, pmu_version(cpu));
    put(&r, 12, cpu->id.breakpoints - 1u);
    put(&r, 20, cpu->id.watchpoints - 1u);
    put(&r, 28, cpu->id.context_breakpoints - 1u);
    put(&r, 36, arm_has(cpu, ARM_F_DOUBLELOCK) ? 0 : 15);
    return r.val;
}

static uint64_t aa64isar0(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};

    put_if(&r, 4, ARM_F_AES, 1);
    put_if(&r, 4, ARM_F_PMULL, 2);
    put_if(&r, 8, ARM_F_SHA1, 1);
    put_if(&r, 12, ARM_F_SHA256, 1);
    put_if(&r, 12, ARM_F_SHA512, 2);
    put_if(&r, 16, ARM_F_CRC32, 1);
    put_if(&r, 20, ARM_F_LSE, 2);
    put_if(&r, 28, ARM_F_RDM, 1);
    put_if(&r, 32, ARM_F_SHA3, 1);
    put_if(&r, 36, ARM_F_SM3, 1);
    put_if(&r, 40, ARM_F_SM4, 1);
    put_if(&r, 44, ARM_F_DOTPROD, 1);
    put_if(&r, 48, ARM_F_FHM, 1);
    put_if(&r, 52, ARM_F_FLAGM, 1);
    put_if(&r, 52, ARM_F_FLAGM2, 2);
    put_if(&r, 56, ARM_F_TLBIOS, 1);
    put_if(&r, 56, ARM_F_TLBIRANGE, 2);
    put_if(&r, 60, ARM_F_RNG, 1);
    return r.val;
}

static uint64_t pauth_level(const struct arm_cpu *cpu)
{
    if (!arm_has(cpu, ARM_F_PAUTH2))
        return 1;
    return arm_has(cpu, ARM_F_FPACCOMBINE) ? 5 : arm_has(cpu, ARM_F_FPAC) ? 4 : 3;
}

static uint64_t aa64isar1(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};
    bool impdef = arm_has(cpu, ARM_F_PAUTH_IMPDEF);

    put_if(&r, 0, ARM_F_DPB, 1);
    put_if(&r, 0, ARM_F_DPB2, 2);
    if (arm_has(cpu, ARM_F_PAUTH)) {
        put(&r, impdef ? 8 : 4, pauth_level(cpu));
        put(&r, impdef ? 28 : 24, 1);
    }
    put_if(&r, 12, ARM_F_JSCVT, 1);
    put_if(&r, 16, ARM_F_FCMA, 1);
    put_if(&r, 20, ARM_F_LRCPC, 1);
    put_if(&r, 20, ARM_F_LRCPC2, 2);
    put_if(&r, 32, ARM_F_FRINTTS, 1);
    put_if(&r, 36, ARM_F_SB, 1);
    put_if(&r, 40, ARM_F_SPECRES, 1);
    put_if(&r, 44, ARM_F_BF16, 1);
    put_if(&r, 48, ARM_F_DGH, 1);
    put_if(&r, 52, ARM_F_I8MM, 1);
    return r.val;
}

static uint64_t aa64isar2(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};

    put_if(&r, 0, ARM_F_WFXT, 2);
    put_if(&r, 16, ARM_F_MOPS, 1);
    put_if(&r, 20, ARM_F_HBC, 1);
    put_if(&r, 52, ARM_F_CSSC, 1);
    return r.val;
}

static uint64_t pa_range(unsigned bits)
{
    static const uint8_t range[] = {32, 36, 40, 42, 44, 48, 52};
    uint64_t n = 0;

    while (n + 1 < ARRAY_SIZE(range) && range[n] < bits)
        n++;
    return n;
}

/* Granules: 64 KiB and 4 KiB always, 16 KiB as the model says (has_16k). */
static uint64_t aa64mmfr0(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};
    bool lpa2 = arm_has(cpu, ARM_F_LPA2);

    put(&r, 0, pa_range(cpu->id.pa_bits));
    put(&r, 4, 2);
    put(&r, 8, 1);
    put(&r, 12, 1);
    put(&r, 20, !cpu->id.has_16k ? 0 : lpa2 ? 2 : 1);
    put(&r, 28, lpa2);
    if (arm_has(cpu, ARM_F_GTG)) {
        put(&r, 32, !cpu->id.has_16k ? 1 : lpa2 ? 3 : 2);
        put(&r, 36, 2);
        put(&r, 40, lpa2 ? 3 : 2);
    }
    put_if(&r, 56, ARM_F_FGT, 1);
    put_if(&r, 60, ARM_F_ECV, 2);
    return r.val;
}

static uint64_t aa64mmfr1(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};

    put_if(&r, 0, ARM_F_HAFDBS, 2);
    put_if(&r, 4, ARM_F_VMID16, 2);
    put_if(&r, 8, ARM_F_VHE, 1);
    put_if(&r, 12, ARM_F_HPDS, 1);
    put_if(&r, 12, ARM_F_HPDS2, 2);
    put_if(&r, 16, ARM_F_VHE, 1); /* LORegions came with Armv8.1 */
    put_if(&r, 20, ARM_F_PAN, 1);
    put_if(&r, 20, ARM_F_PAN2, 2);
    put_if(&r, 20, ARM_F_PAN3, 3);
    put_if(&r, 28, ARM_F_XNX, 1);
    put_if(&r, 36, ARM_F_ETS, 1);
    put_if(&r, 40, ARM_F_HCX, 1);
    return r.val;
}

static uint64_t aa64mmfr2(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};

    put_if(&r, 0, ARM_F_TTCNP, 1);
    put_if(&r, 4, ARM_F_UAO, 1);
    put_if(&r, 12, ARM_F_RAS, 1); /* IESB */
    put_if(&r, 16, ARM_F_LVA, 1);
    put_if(&r, 20, ARM_F_CCIDX, 1);
    put_if(&r, 28, ARM_F_TTST, 1);
    put_if(&r, 32, ARM_F_LSE2, 1);
    put_if(&r, 36, ARM_F_IDST, 1);
    put_if(&r, 40, ARM_F_S2FWB, 1);
    put_if(&r, 48, ARM_F_TTL, 1);
    put_if(&r, 52, ARM_F_BBM, 2);
    put_if(&r, 56, ARM_F_EVT, 2);
    put_if(&r, 60, ARM_F_E0PD, 1);
    return r.val;
}

/* ---- AArch32's, of Armv8 processors ---- */

static uint32_t isar5(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};

    put(&r, 0, 1); /* SEVL */
    put_if(&r, 4, ARM_F_AES, 1);
    put_if(&r, 4, ARM_F_PMULL, 2);
    put_if(&r, 8, ARM_F_SHA1, 1);
    put_if(&r, 12, ARM_F_SHA256, 1);
    put_if(&r, 16, ARM_F_CRC32, 1);
    put_if(&r, 24, ARM_F_RDM, 1);
    put_if(&r, 28, ARM_F_FCMA, 1);
    return r.val;
}

static uint32_t isar6(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};

    put_if(&r, 0, ARM_F_JSCVT, 1);
    put_if(&r, 4, ARM_F_DOTPROD, 1);
    put_if(&r, 8, ARM_F_FHM, 1);
    put_if(&r, 12, ARM_F_SB, 1);
    put_if(&r, 16, ARM_F_SPECRES, 1);
    put_if(&r, 20, ARM_F_BF16, 1);
    put_if(&r, 24, ARM_F_I8MM, 1);
    return r.val;
}

static uint32_t pfr1(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};

    if (arm_has(cpu, ARM_F_AARCH32_EL1)) {
        put(&r, 0, 1);
        put_if(&r, 4, ARM_F_SECURE, 1);
        put_if(&r, 12, ARM_F_VIRT, 1);
    }
    put(&r, 16, arm_has(cpu, ARM_F_ECV) ? 2 : 1); /* generic timer */
    put(&r, 28, cpu->gic_ops != NULL);
    return r.val;
}

static uint32_t dfr0(const struct arm_cpu *cpu)
{
    struct field r = {cpu, 0};

    put(&r, 0, debug_version(cpu));
    put_if(&r, 4, ARM_F_SECURE, debug_version(cpu));
    put(&r, 24, pmu_version(cpu) == 1 ? 3 : pmu_version(cpu));
    return r.val;
}

/* The first cores say nothing of auxiliary fault status registers, which read as zero.  Ref: TRMs
 * of the Cortex-A53 and the Cortex-A57, ID_MMFR0_EL1. */
static bool has_only_actlr(const struct arm_cpu *cpu)
{
    unsigned part = cpu->id.midr >> 4 & 0xfff;

    return part == 0xd03 || part == 0xd07;
}

static void mmfrs(struct arm_cpu *cpu)
{
    struct field r3 = {cpu, 0x02102211}, r4 = {cpu, 0};

    put_if(&r3, 16, ARM_F_PAN, 1);
    put_if(&r3, 16, ARM_F_PAN2, 2);
    put_if(&r4, 4, ARM_F_UAO, 1); /* AC2 */
    put_if(&r4, 8, ARM_F_XNX, 1);
    put_if(&r4, 12, ARM_F_TTCNP, 1);
    put_if(&r4, 16, ARM_F_HPDS, 1);
    put_if(&r4, 16, ARM_F_HPDS2, 2);
    put_if(&r4, 24, ARM_F_CCIDX, 1);
    put_if(&r4, 28, ARM_F_EVT, 2);
    cpu->id.mmfr0 = 0x10001105 | (has_only_actlr(cpu) ? 1u : 2u) << 20;
    cpu->id.mmfr1 = 0x40000000;
    cpu->id.mmfr2 = 0x01260000;
    cpu->id.mmfr3 = (uint32_t)r3.val;
    cpu->id.mmfr4 = (uint32_t)r4.val;
}

static void mvfrs(struct arm_cpu *cpu)
{
    bool fp = arm_has(cpu, ARM_F_VFP), simd = arm_has(cpu, ARM_F_NEON);
    bool fp16 = arm_has(cpu, ARM_F_FP16);

    cpu->id.fpsid = fp ? 0x41034070 : 0;
    cpu->id.mvfr0 = fp ? 0x10110222 : 0;
    cpu->id.mvfr1 = (fp ? 0x10000011 | (fp16 ? 3u : 2u) << 24 : 0) |
                    (simd ? 0x00011100 | (fp16 ? 2u : 1u) << 20 : 0);
    cpu->id.mvfr2 = fp ? 0x43 : 0;
    if (!simd)
        cpu->id.mvfr2 &= ~15u;
}

static void compute_a32(struct arm_cpu *cpu)
{
    struct arm_ids *id = &cpu->id;
    struct field pfr0 = {cpu, 0x131}, pfr2 = {cpu, 0};
    bool has_smc = arm_has(cpu, ARM_F_AARCH32_EL1) && arm_has(cpu, ARM_F_SECURE);

    put_if(&pfr0, 16, ARM_F_CSV2, 1);
    put_if(&pfr0, 24, ARM_F_DIT, 1);
    put_if(&pfr0, 28, ARM_F_RAS, 1);
    put_if(&pfr2, 0, ARM_F_CSV3, 1);
    put_if(&pfr2, 4, ARM_F_SSBS, 1);
    id->pfr0 = (uint32_t)pfr0.val;
    id->pfr1 = pfr1(cpu);
    id->pfr2 = (uint32_t)pfr2.val;
    id->dfr0 = dfr0(cpu);
    mmfrs(cpu);
    mvfrs(cpu);
    id->isar0 = 0x02101110;
    id->isar1 = 0x13112111;
    id->isar2 = 0x21232042;
    id->isar3 = 0x01112131;
    id->isar4 = 0x00010142 | (has_smc ? 1u << 12 : 0);
    id->isar5 = isar5(cpu);
    id->isar6 = isar6(cpu);
}

/* What fields of AArch32's registers say without a feature. */
static const struct {
    uint8_t feature, lsb, bits, val;
    uint16_t off; /* of struct arm_ids */
} without[] = {
#define WITHOUT(f, reg, lsb, bits, val)                                                            \
    {                                                                                              \
        ARM_F_##f, lsb, bits, val, offsetof(struct arm_ids, reg)                                   \
    }
    WITHOUT(IDIV, isar0, 24, 4, 0),
    WITHOUT(VFP, mvfr0, 0, 32, 0),
    WITHOUT(VFP, mvfr1, 0, 32, 0),
    WITHOUT(VFP, mvfr2, 0, 32, 0),
    WITHOUT(VFP_D32, mvfr0, 0, 4, 1),
    WITHOUT(NEON, mvfr1, 8, 16, 0),
    WITHOUT(SHORT_VECTORS, mvfr0, 24, 4, 0),
    WITHOUT(VFPV4, mvfr1, 28, 4, 0),
    WITHOUT(VFP_HALF, mvfr1, 20, 8, 0),
    WITHOUT(LPAE, mmfr0, 0, 4, 3),
    WITHOUT(MP, mmfr3, 12, 4, 0),
#undef WITHOUT
};

static void hide_absent(struct arm_cpu *cpu)
{
    for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
        uint32_t *reg = (uint32_t *)(void *)((char *)&cpu->id + without[i].off);
        if (!arm_has(cpu, without[i].feature) && (*reg || !without[i].val))
            *reg = (uint32_t)deposit64(*reg, without[i].lsb, without[i].bits, without[i].val);
    }
}

/* Levels that are not there do not show in the registers of an Armv7 processor either. */
static void adjust_v7(struct arm_cpu *cpu)
{
    if (!arm_has_el3(cpu))
        cpu->id.pfr1 &= ~0xf0u;
    if (!arm_has_el2(cpu))
        cpu->id.pfr1 &= ~0xf000u;
    if (!arm_has(cpu, ARM_F_PMU))
        cpu->id.dfr0 &= ~0xf000000u;
}

static bool can_run_a32(const struct arm_cpu *cpu)
{
    return arm_has(cpu, ARM_F_AARCH32_EL0) || arm_has(cpu, ARM_F_AARCH32_EL1);
}

void arm_compute_ids(struct arm_cpu *cpu)
{
    struct arm_ids *id = &cpu->id;

    if (!arm_has(cpu, ARM_F_V8)) {
        adjust_v7(cpu);
        hide_absent(cpu);
        return;
    }
    id->aa64pfr0 = aa64pfr0(cpu);
    id->aa64pfr1 = aa64pfr1(cpu);
    id->aa64dfr0 = aa64dfr0(cpu);
    id->aa64isar0 = aa64isar0(cpu);
    id->aa64isar1 = aa64isar1(cpu);
    id->aa64isar2 = aa64isar2(cpu);
    id->aa64mmfr0 = aa64mmfr0(cpu);
    id->aa64mmfr1 = aa64mmfr1(cpu);
    id->aa64mmfr2 = aa64mmfr2(cpu);
    if (can_run_a32(cpu)) {
        compute_a32(cpu);
        hide_absent(cpu);
    }
}
