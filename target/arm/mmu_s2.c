/* Stage 2: intermediate to physical addresses, as a hypervisor says.  Ref: the manual, D8.2.10
 * (stage 2), D8.4.5 (permissions), VTCR_EL2. */
#include "target/arm/mmu.h"

#define DESC_VALID BIT64(0)
#define DESC_TABLE BIT64(1)
#define DESC_READ  BIT64(6)
#define DESC_WRITE BIT64(7)
#define DESC_AF    BIT64(10)
#define DESC_DBM   BIT64(51)
#define VTCR_HA    BIT64(21)
#define VTCR_HD    BIT64(22)
#define VTCR_DS    BIT64(32)
#define VTCR_SL2   BIT64(33)

bool arm_has_stage2(const struct arm_cpu *cpu)
{
    return arm_hcr(cpu) & (HCR_VM | HCR_DC);
}

static bool fail(struct arm_walk *w, unsigned code, int level, bool s1ptw)
{
    w->cause = arm_fsc(code, level) | CAUSE_STAGE2 | (s1ptw ? CAUSE_S1PTW : 0);
    return false;
}

/* The first level: SL0 (and SL2) mean other ones by granule. */
static int first_level(uint64_t vtcr, const struct arm_geometry *g)
{
    static const int8_t level4k[] = {2, 1, 0, 3}, level16k[] = {3, 2, 1, 0},
                        level64k[] = {3, 2, 1, 3};
    unsigned sl0 = vtcr >> 6 & 3;

    if (g->granule == 12)
        return g->ds && (vtcr & VTCR_SL2) ? -1 : level4k[sl0];
    return g->granule == 14 ? level16k[sl0] : level64k[sl0];
}

/* A first level that there is not: too high for what the processor addresses, or of a feature that
 * it does not have.  Ref: AArch64.S2InvalidSL(). */
static bool is_bad_level(const struct arm_cpu *cpu, uint64_t vtcr, const struct arm_geometry *g)
{
    unsigned sl0 = vtcr >> 6 & 3, pa = cpu->id.pa_bits;
    bool sl2 = g->ds && (vtcr & VTCR_SL2);

    if (g->granule == 12)
        return sl2 ? sl0 != 0 : sl0 == 3 ? !arm_has(cpu, ARM_F_TTST) : sl0 == 2 && pa < 44;
    if (g->granule == 14)
        return sl0 == 3 ? !g->ds : sl0 == 2 && pa < 42;
    return sl0 == 3 || (sl0 == 2 && pa < 44);
}

/* False: the fields contradict each other. */
static bool geometry(const struct arm_cpu *cpu, struct arm_geometry *g)
{
    static const uint8_t tg0[] = {12, 16, 14, 12};
    uint64_t vtcr = cpu->s.vtcr_el2, vttbr = cpu->s.vttbr_el2;
    unsigned pa = arm_pa_limit(cpu, vtcr >> 16 & 7);

    *g = (struct arm_geometry){.granule = tg0[vtcr >> 14 & 3]};
    if (g->granule == 14 && !cpu->id.has_16k)
        g->granule = 12;
    g->ds = (vtcr & VTCR_DS) && g->granule != 16 && arm_has(cpu, ARM_F_LPA2);
    g->pa52 = g->granule == 16 && arm_has(cpu, ARM_F_LPA);
    g->ha = (vtcr & VTCR_HA) && arm_has(cpu, ARM_F_HAFDBS);
    g->hd = (vtcr & VTCR_HD) && g->ha;
    g->be = cpu->s.sctlr_el[2] & SCTLR_EE;
    g->bits = (uint8_t)(64 - MAX(vtcr & 63, 12));
    g->level = (int8_t)first_level(vtcr, g);
    g->base = vttbr & MASK64(1, 47);
    if (is_bad_level(cpu, vtcr, g) || g->bits <= g->granule)
        return false;
    unsigned low = arm_level_bits(g, g->level);
    unsigned index = g->bits > low ? g->bits - low : 0;
    if (!index || index > g->granule - 3u + 4)
        return false; /* at most 16 tables side by side */
    if (pa > 48 && (g->ds || g->pa52))
        g->base = (g->base & ~UINT64_C(0x3f)) | extract64(vttbr, 2, 4) << 48;
    g->base = g->base >> (index + 3) << (index + 3);
    return true;
}

static bool find_leaf(struct arm_walk *w, const struct arm_geometry *g, gpa ipa, bool s1ptw)
{
    unsigned pa = arm_pa_limit(w->cpu, w->cpu->s.vtcr_el2 >> 16 & 7);
    gpa table = g->base;

    for (int level = g->level; level <= 3; level++) {
        struct arm_leaf *s2 = &w->s2;
        s2->level = (int8_t)level;
        s2->desc_addr = arm_desc_addr(g, table, level, ipa);
        if (!arm_desc_load(w, g, s2->desc_addr, &s2->desc))
            return fail(w, FSC_EXTERNAL_WALK, level, s1ptw);
        bool leaf = arm_desc_is_block(g, s2->desc, level);
        if (!(s2->desc & DESC_VALID) || (!leaf && (level == 3 || !(s2->desc & DESC_TABLE))))
            return fail(w, FSC_TRANSLATION, level, s1ptw);
        s2->bits = arm_level_bits(g, level);
        table = arm_desc_output(g, s2->desc, leaf ? s2->bits : g->granule);
        if (table >> pa)
            return fail(w, FSC_ADDRESS_SIZE, level, s1ptw);
        if (leaf) {
            s2->addr = table | (ipa & (BIT64(s2->bits) - 1));
            return true;
        }
    }
    return fail(w, FSC_TRANSLATION, 3, s1ptw);
}

/* XN[1:0]: 00 all may execute, 01 EL0 only, 10 none, 11 EL1 only; without FEAT_XNX the upper bit
 * counts. */
static bool is_executable(const struct arm_walk *w, uint64_t desc)
{
    unsigned xn = desc >> 53 & 3;

    if (!arm_has(w->cpu, ARM_F_XNX))
        return !(xn & 2);
    return xn == 0 || (xn == 1 && w->user) || (xn == 3 && !w->user);
}

static unsigned permissions(const struct arm_walk *w, uint64_t desc, bool writable)
{
    unsigned prot = desc & DESC_READ ? ARM_PROT_R : 0;

    prot |= writable ? ARM_PROT_W : 0;
    return is_executable(w, desc) ? prot | ARM_PROT_X : prot;
}

/* By MemAttr; with HCR_EL2.PTW a table of stage 1 must not lie there. */
bool arm_is_device_s2(const struct arm_walk *w)
{
    unsigned attr = w->s2.desc >> 2 & 15;

    if (!(w->cpu->s.hcr_el2 & HCR_VM))
        return false; /* HCR_EL2.DC alone */
    return w->cpu->s.hcr_el2 & HCR_FWB ? !(attr & 4) : !(attr & 12);
}

static bool check(struct arm_walk *w, const struct arm_geometry *g, bool s1ptw,
                  enum guest_access access, bool *again)
{
    uint64_t *desc = &w->s2.desc, set = 0;
    bool writable = *desc & DESC_WRITE, dirtiable = g->hd && (*desc & DESC_DBM);

    if (w->peek) {
        w->s2.prot = ARM_PROT_ALL;
        return true;
    }
    if (!(*desc & DESC_AF)) {
        if (!g->ha)
            return fail(w, FSC_ACCESS_FLAG, w->s2.level, s1ptw);
        set = DESC_AF;
    }
    if (!(permissions(w, *desc, writable || dirtiable) >> access & 1) ||
        (s1ptw && (w->cpu->s.hcr_el2 & HCR_PTW) && arm_is_device_s2(w)))
        return fail(w, FSC_PERMISSION, w->s2.level, s1ptw);
    if (access == GUEST_WRITE && !writable)
        set |= DESC_WRITE;
    if (!arm_desc_update(w, g, w->s2.desc_addr, desc, set, 0, again))
        return fail(w, FSC_EXTERNAL_WALK, w->s2.level, s1ptw);
    w->s2.prot = permissions(w, *desc, *desc & DESC_WRITE);
    return true;
}

bool arm_walk_stage2(struct arm_walk *w, gpa ipa, bool s1ptw, enum guest_access access)
{
    struct arm_geometry g;
    bool again;

    w->ipa = ipa;
    if (!(arm_hcr(w->cpu) & HCR_VM) && !(w->cpu->s.hcr_el2 & HCR_VM)) {
        w->s2 = (struct arm_leaf){.addr = ipa, .bits = w->s1.bits, .prot = ARM_PROT_ALL};
        return true; /* HCR_EL2.DC alone */
    }
    if (!geometry(w->cpu, &g) || ipa >> g.bits)
        return fail(w, FSC_TRANSLATION, 0, s1ptw);
    do {
        again = false;
        if (!find_leaf(w, &g, ipa, s1ptw) || !check(w, &g, s1ptw, access, &again))
            return false;
    } while (again);
    return true;
}
