/*
 * What address translation instructions leave in PAR in AArch32 state.
 * Ref: DDI 0487, G8.2.114 (PAR), G5.7 (memory attributes), G8.2.118 (PRRR), G8.2.110 (NMRR).
 */
#include "target/arm/a32.h"
#include "target/arm/cpu_priv.h"

/* Cacheability as in TEX[1:0] and NMRR: of PAR's inner field. */
static const uint8_t inner_of[4] = {0, 5, 6, 7};
enum { INNER_ORDERED = 1, INNER_DEVICE = 3 };
enum { PAR_FAULT = 1, PAR_SUPERSECTION = 1 << 1, PAR_NS = 1 << 9, PAR_LPAE = 1 << 11 };

/* Attributes of the short format. */
struct attributes {
    unsigned inner, outer; /* PAR's fields */
    bool shareable, inner_shareable;
};

static struct attributes ordered(unsigned inner)
{
    return (struct attributes){.inner = inner, .shareable = true};
}

/* By the descriptor alone: TEX, C, B. */
static struct attributes direct(unsigned tex, unsigned cb, bool s)
{
    if (tex & 4)
        return (struct attributes){inner_of[cb], tex & 3, s, false};
    switch (tex << 2 | cb) {
    case 0: return ordered(INNER_ORDERED);
    case 1: return ordered(INNER_DEVICE);
    case 2: return (struct attributes){inner_of[2], 2, s, false};
    case 3: return (struct attributes){inner_of[3], 3, s, false};
    case 7: return (struct attributes){inner_of[1], 1, s, false};
    case 8: return (struct attributes){INNER_DEVICE, 0, false, false};
    }
    return (struct attributes){0, 0, s, false};
}

/* By PRRR and NMRR, which are where MAIR's halves are: n is TEX[0], C, B. */
static struct attributes remapped(const struct arm_cpu *cpu, unsigned bank, unsigned n, bool s)
{
    enum { ORDERED, DEVICE };
    uint32_t prrr = (uint32_t)cpu->s.mair_el[bank], nmrr = (uint32_t)(cpu->s.mair_el[bank] >> 32);
    bool outer_only = prrr >> (24 + n) & 1;
    switch (prrr >> 2 * n & 3) {
    case ORDERED: return ordered(INNER_ORDERED);
    case DEVICE: return (struct attributes){INNER_DEVICE, 0, prrr >> (s ? 17 : 16) & 1, outer_only};
    }
    return (struct attributes){inner_of[nmrr >> 2 * n & 3], nmrr >> (16 + 2 * n) & 3,
                               prrr >> (s ? 19 : 18) & 1, outer_only};
}

static struct attributes short_attributes(const struct arm_cpu *cpu, unsigned bank,
                                          const struct arm_a32_leaf *leaf)
{
    uint32_t desc = (uint32_t)leaf->desc;
    bool is_page = leaf->kind == A32_LEAF_PAGE;
    unsigned tex = desc >> (is_page ? 6 : 12) & 7, cb = desc >> 2 & 3;
    bool is_section = leaf->kind == A32_LEAF_SECTION || leaf->kind == A32_LEAF_SUPERSECTION;
    bool s = desc >> (is_section ? 16 : 10) & 1;
    if (leaf->kind == A32_LEAF_NONE)
        return ordered(INNER_ORDERED);
    if (cpu->s.sctlr_el[bank] & A32_SCTLR_TRE)
        return remapped(cpu, bank, (tex & 1) << 2 | cb, s);
    return direct(tex, cb, s);
}

static uint64_t short_par(const struct arm_cpu *cpu, unsigned bank, uint64_t pa,
                          const struct arm_a32_leaf *leaf)
{
    struct attributes a = short_attributes(cpu, bank, leaf);
    uint64_t par = a.inner << 4 | a.outer << 2 | (a.shareable ? 1u << 7 : 0) |
                   (a.shareable && a.inner_shareable ? 1u << 10 : 0);
    if (leaf->kind == A32_LEAF_SUPERSECTION)
        return par | (pa & 0xff000000) | (pa >> 32 & 0xff) << 16 | PAR_SUPERSECTION;
    return par | (uint32_t)pa;
}

static uint64_t long_par(const struct arm_cpu *cpu, unsigned bank, uint64_t pa,
                         const struct arm_a32_leaf *leaf)
{
    uint64_t attr = 0;
    if (leaf->kind == A32_LEAF_LONG)
        attr = cpu->s.mair_el[bank] >> 8 * (leaf->desc >> 2 & 7) & 0xff;
    uint64_t sh = arm_par_shareability((unsigned)attr, leaf->desc >> 8 & 3);
    return pa | attr << 56 | sh << 7 | PAR_LPAE;
}

static uint64_t fault_par(uint32_t cause, bool is_long)
{
    uint32_t fsr = arm_a32_fault_status(cause & 0x3f, is_long);
    if (!is_long)
        return PAR_FAULT | (fsr & 15) << 1 | (fsr >> 10 & 1) << 5 | (fsr >> 12 & 1) << 6;
    return PAR_FAULT | PAR_LPAE | (uint64_t)(fsr & 0x3f) << 1 |
           (cause & CAUSE_STAGE2 ? 1u << 9 : 0) | (cause & CAUSE_S1PTW ? 1u << 8 : 0);
}

/* Faults of the walk itself, which are not the answer. */
static bool is_raised(const struct arm_a32_at *at, uint32_t cause)
{
    return fsc_is_external_walk(cause & 0x3f) || (at->stage1_only && (cause & CAUSE_STAGE2));
}

bool arm_a32_par(struct arm_cpu *cpu, const struct arm_a32_at *at, uint64_t *par, uint32_t *cause)
{
    struct guest_walk out;
    struct arm_a32_leaf leaf;
    unsigned bank = at->idx == ARM_IDX_EL2 ? 2 : at->nonsecure ? 1 : arm_a32_bank(cpu);
    bool is_long = bank == 2 || cpu->s.ps.el == 2 || (cpu->s.tcr_el[bank] & A32_TTBCR_EAE);
    if (!arm_a32_translate_at(cpu, at, &out, &leaf)) {
        *cause = out.cause;
        *par = fault_par(out.cause, is_long);
        return !is_raised(at, out.cause);
    }
    uint64_t pa = out.addr & ~ARM_SECURE_SPACE & ~UINT64_C(0xfff);
    *par = is_long ? long_par(cpu, bank, pa, &leaf) : short_par(cpu, bank, pa, &leaf);
    if (!(out.addr & ARM_SECURE_SPACE))
        *par |= PAR_NS;
    return true;
}
