/*
 * Address translation, stage 1 of all regimes in AArch64 state, and what the accelerator, debuggers
 * and AT instructions ask of it.
 *
 * Ref: the manual, D8.2 (translation process), D8.3 (descriptors), D8.4 (permissions), D8.5
 * (hardware updates), D8.15 (faults).
 */
#include "target/arm/mmu.h"

#include "target/arm/a32.h"
#include "target/arm/debug.h"

#include "util/log.h"

#include <inttypes.h>

enum { PAGE_BITS = 12 };
#define DESC_VALID   BIT64(0)
#define DESC_TABLE   BIT64(1)
#define DESC_AF      BIT64(10)
#define DESC_NG      BIT64(11)
#define DESC_AP1     BIT64(6)
#define DESC_AP2     BIT64(7)
#define DESC_NS      BIT64(5)
#define DESC_GP      BIT64(50)
#define DESC_DBM     BIT64(51)
#define DESC_PXN     BIT64(53)
#define DESC_UXN     BIT64(54)
#define TABLE_PXN    BIT64(59)
#define TABLE_UXN    BIT64(60)
#define TABLE_AP0    BIT64(61)
#define TABLE_AP1    BIT64(62)
#define TABLE_NS     BIT64(63)
#define TABLE_LIMITS (TABLE_PXN | TABLE_UXN | TABLE_AP0 | TABLE_AP1)

uint32_t arm_fsc(unsigned code, int level)
{
    if (level >= 0)
        return code | (unsigned)level;
    switch (code) {
    case FSC_ADDRESS_SIZE: return FSC_LEVEL_MINUS1_SIZE;
    case FSC_TRANSLATION: return FSC_LEVEL_MINUS1_TRANSLATION;
    default: return FSC_LEVEL_MINUS1_WALK;
    }
}

unsigned arm_pa_limit(const struct arm_cpu *cpu, unsigned ps)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48, 52, 52};

    return MIN(bits[ps & 7], cpu->id.pa_bits);
}

/* ---- descriptors ---- */

unsigned arm_level_bits(const struct arm_geometry *g, int level)
{
    return g->granule + (unsigned)(3 - level) * (g->granule - 3u);
}

gpa arm_desc_addr(const struct arm_geometry *g, gpa table, int level, uint64_t addr)
{
    unsigned low = arm_level_bits(g, level), high = g->bits;

    if (level != g->level)
        high = low + g->granule - 3u;
    return table + (extract64(addr, low, high - low) << 3);
}

gpa arm_desc_output(const struct arm_geometry *g, uint64_t desc, unsigned low)
{
    if (g->ds)
        return (desc & MASK64(low, 50 - low)) | extract64(desc, 8, 2) << 50;
    gpa out = desc & MASK64(low, 48 - low);
    return g->pa52 ? out | extract64(desc, 12, 4) << 48 : out;
}

bool arm_desc_is_block(const struct arm_geometry *g, uint64_t desc, int level)
{
    if (level == 3)
        return desc & DESC_TABLE;
    if (desc & DESC_TABLE)
        return false;
    switch (g->granule) {
    case 12: return level == 1 || level == 2 || (level == 0 && g->ds);
    case 14: return level == 2 || (level == 1 && g->ds);
    default: return level == 2 || (level == 1 && g->pa52);
    }
}

static gpa in_world(const struct arm_walk *w, gpa addr, bool secure)
{
    (void)w;
    return secure ? addr | ARM_SECURE_SPACE : addr;
}

bool arm_desc_load(struct arm_walk *w, const struct arm_geometry *g, gpa addr, uint64_t *desc)
{
    bool ok;

    *desc = 0;
    if (w->peek)
        ok = mem_peek(w->cpu->cpu.as, addr, desc, sizeof(*desc));
    else
        ok = guest_phys_ld(&w->cpu->cpu, addr, sizeof(*desc), desc);
    if (ok && g->be)
        *desc = __builtin_bswap64(*desc);
    return ok;
}

bool arm_desc_update(struct arm_walk *w, const struct arm_geometry *g, gpa addr, uint64_t *desc,
                     uint64_t set, uint64_t clear, bool *again)
{
    uint64_t old = *desc, want = (old | set) & ~clear;
    bool done = true;

    if (want == old || w->peek)
        return true;
    *desc = want;
    if (g->be)
        old = __builtin_bswap64(old), want = __builtin_bswap64(want);
    if (!guest_phys_cas(&w->cpu->cpu, addr, sizeof(want), old, want, &done))
        return false;
    *again |= !done;
    return true;
}

/* ---- the regime ---- */

void arm_walk_init(struct arm_walk *w, struct arm_cpu *cpu, gva addr, enum guest_access access,
                   unsigned idx)
{
    *w = (struct arm_walk){.cpu = cpu, .addr = addr, .access = access, .el = arm_idx_regime(idx)};
    w->user = idx == ARM_IDX_EL10_0 || idx == ARM_IDX_EL20_0;
    w->pan = idx == ARM_IDX_EL10_1_PAN || idx == ARM_IDX_EL20_2_PAN;
    w->split = idx != ARM_IDX_EL2 && idx != ARM_IDX_EL3;
    w->secure = w->el == 3 || (w->el == 1 && arm_is_secure_below(cpu));
    w->stage2 = w->el == 1 && arm_has_stage2(cpu);
}

/* Stage 1 is on.  Ref: the manual, SCTLR_ELx.M, HCR_EL2.{DC,TGE}. */
static bool is_enabled(const struct arm_walk *w)
{
    const struct arm_state *s = &w->cpu->s;

    if (w->el == 1 && arm_el2_enabled(w->cpu) && (s->hcr_el2 & (HCR_DC | HCR_TGE)))
        return false;
    return s->sctlr_el[w->el] & SCTLR_M;
}

/* The fields of TCR_ELx for one half of the address space. */
struct half {
    bool upper;
    unsigned tsz, tg, ps, sh;
    bool tbi, epd, hpd, ds, ha, hd, e0pd;
    uint64_t ttbr;
};

static struct half split_half(const struct arm_walk *w, uint64_t tcr)
{
    const struct arm_state *s = &w->cpu->s;
    static const uint8_t tg1[] = {12, 14, 12, 16};
    static const uint8_t tg0[] = {12, 16, 14, 12};
    bool up = w->addr >> 55 & 1;

    return (struct half){
        .upper = up,
        .tsz = extract64(tcr, up ? 16 : 0, 6),
        .tg = up ? tg1[tcr >> 30 & 3] : tg0[tcr >> 14 & 3],
        .ps = tcr >> 32 & 7,
        .sh = tcr >> (up ? 28 : 12) & 3,
        .tbi = (tcr & (up ? TCR_TBI1 : TCR_TBI0)) &&
               !(w->access == GUEST_FETCH && (tcr & (up ? TCR_TBID1 : TCR_TBID0))),
        .epd = tcr & (up ? TCR_EPD1 : TCR_EPD0),
        .hpd = tcr & (up ? TCR_HPD1 : TCR_HPD0),
        .ds = tcr & TCR_DS,
        .ha = tcr & TCR_HA,
        .hd = tcr & TCR_HD,
        .e0pd = w->user && (tcr & (up ? TCR_E0PD1 : TCR_E0PD0)),
        .ttbr = up ? s->ttbr1_el[w->el] : s->ttbr0_el[w->el],
    };
}

static struct half single_half(const struct arm_walk *w, uint64_t tcr)
{
    static const uint8_t tg0[] = {12, 16, 14, 12};

    return (struct half){
        .tsz = extract64(tcr, 0, 6),
        .tg = tg0[tcr >> 14 & 3],
        .ps = tcr >> 16 & 7,
        .sh = tcr >> 12 & 3,
        .tbi = (tcr & TCR2_TBI) && !(w->access == GUEST_FETCH && (tcr & TCR2_TBID)),
        .hpd = tcr & TCR2_HPD,
        .ds = tcr & TCR2_DS,
        .ha = tcr & TCR2_HA,
        .hd = tcr & TCR2_HD,
        .ttbr = w->cpu->s.ttbr0_el[w->el],
    };
}

/* What the features leave of the fields; sizes out of range are as large or small as may be. */
static struct half get_half(const struct arm_walk *w)
{
    const struct arm_cpu *cpu = w->cpu;
    uint64_t tcr = cpu->s.tcr_el[w->el];
    struct half h = w->split ? split_half(w, tcr) : single_half(w, tcr);

    if (h.tg == 14 && !cpu->id.has_16k)
        h.tg = 12;
    h.ds = h.ds && h.tg != 16 && arm_has(cpu, ARM_F_LPA2);
    h.ha = h.ha && arm_has(cpu, ARM_F_HAFDBS);
    h.hd = h.hd && h.ha;
    h.hpd = h.hpd && arm_has(cpu, ARM_F_HPDS);
    h.e0pd = h.e0pd && arm_has(cpu, ARM_F_E0PD);
    unsigned low = h.ds || (h.tg == 16 && arm_has(cpu, ARM_F_LVA)) ? 12 : 16;
    unsigned high = !arm_has(cpu, ARM_F_TTST) ? 39 : h.tg == 16 ? 47 : 48;
    h.tsz = MIN(MAX(h.tsz, low), high);
    return h;
}

/* The bits above the translated ones all equal bit 55 (or are 0); with TBI the top byte is free. */
static bool is_canonical(const struct arm_walk *w, const struct half *h)
{
    unsigned bits = 64 - h->tsz, top = h->tbi ? 56 : 64;
    uint64_t high = extract64(w->addr, bits, top - bits);

    return high == (h->upper ? BIT64(top - bits) - 1 : 0);
}

static struct arm_geometry geometry(const struct arm_walk *w, const struct half *h)
{
    struct arm_geometry g = {.granule = h->tg, .bits = 64 - h->tsz, .ds = h->ds};
    unsigned stride = h->tg - 3u;

    g.pa52 = h->tg == 16 && arm_has(w->cpu, ARM_F_LPA);
    g.ha = h->ha;
    g.hd = h->hd;
    g.be = w->cpu->s.sctlr_el[w->el] & SCTLR_EE;
    g.level = (int8_t)(4 - (int)((g.bits - h->tg + stride - 1) / stride));
    g.base = h->ttbr & MASK64(1, 47);
    unsigned align = g.bits - arm_level_bits(&g, g.level) + 3;
    if (arm_pa_limit(w->cpu, h->ps) > 48 && (g.ds || g.pa52)) {
        g.base = (g.base & ~UINT64_C(0x3f)) | extract64(h->ttbr, 2, 4) << 48;
        align = MAX(align, 6);
    }
    g.base = g.base >> align << align;
    return g;
}

bool arm_walk_geometry(const struct arm_walk *w, struct arm_geometry *g)
{
    if (!is_enabled(w))
        return false;
    struct half h = get_half(w);
    *g = geometry(w, &h);
    return !h.epd;
}

/* ---- the walk ---- */

static bool fail(struct arm_walk *w, unsigned code, int level)
{
    w->cause = arm_fsc(code, level);
    return false;
}

/* Where a table of stage 1 lies: translated by stage 2. */
static bool locate(struct arm_walk *w, gpa table, bool secure, gpa *out)
{
    if (!w->stage2) {
        *out = in_world(w, table, secure);
        return true;
    }
    if (!arm_walk_stage2(w, table, true, GUEST_READ))
        return false;
    *out = w->s2.addr;
    return true;
}

static bool find_leaf(struct arm_walk *w, const struct arm_geometry *g, const struct half *h)
{
    unsigned pa = arm_pa_limit(w->cpu, h->ps);
    gpa table = g->base;
    bool secure = w->secure;

    w->tables = 0;
    if (table >> pa)
        return fail(w, FSC_ADDRESS_SIZE, 0);
    for (int level = g->level; level <= 3; level++) {
        if (!locate(w, arm_desc_addr(g, table, level, w->addr), secure, &w->s1.desc_addr))
            return false;
        if (!arm_desc_load(w, g, w->s1.desc_addr, &w->s1.desc))
            return fail(w, FSC_EXTERNAL_WALK, level);
        uint64_t desc = w->s1.desc;
        w->s1.level = (int8_t)level;
        if (!(desc & DESC_VALID))
            return fail(w, FSC_TRANSLATION, level);
        bool leaf = arm_desc_is_block(g, desc, level);
        if (!leaf && (level == 3 || !(desc & DESC_TABLE)))
            return fail(w, FSC_TRANSLATION, level);
        w->s1.bits = arm_level_bits(g, level);
        table = arm_desc_output(g, desc, leaf ? w->s1.bits : g->granule);
        if (table >> pa)
            return fail(w, FSC_ADDRESS_SIZE, level);
        if (leaf) {
            w->s1.secure = secure && !(desc & DESC_NS);
            w->s1.addr = table | (w->addr & (BIT64(w->s1.bits) - 1));
            return true;
        }
        w->tables |= h->hpd ? desc & TABLE_NS : desc & (TABLE_LIMITS | TABLE_NS);
        secure = secure && !(desc & TABLE_NS);
    }
    return fail(w, FSC_TRANSLATION, 3);
}

/* What the descriptor, the tables above it and SCTLR let this privilege do.  read_only: AP[2], as
 * it would be after a hardware update. */
static unsigned permissions(const struct arm_walk *w, bool read_only)
{
    uint64_t desc = w->s1.desc, sctlr = w->cpu->s.sctlr_el[w->el];
    bool ap1 = (desc & DESC_AP1) && !(w->tables & TABLE_AP0);
    bool uxn = (desc & DESC_UXN) || (w->tables & TABLE_UXN);
    bool pxn = (desc & DESC_PXN) || (w->tables & TABLE_PXN);
    bool ro = read_only || (w->tables & TABLE_AP1), xn;
    unsigned prot;

    if (!w->split) {
        prot = ro ? ARM_PROT_R : ARM_PROT_RW;
        xn = uxn;
    } else if (w->user) {
        prot = !ap1 ? 0 : ro ? ARM_PROT_R : ARM_PROT_RW;
        xn = uxn;
    } else {
        prot = ro ? ARM_PROT_R : ARM_PROT_RW;
        xn = pxn || (ap1 && !ro);
        bool epan = (sctlr & SCTLR_EPAN) && arm_has(w->cpu, ARM_F_PAN3) && !uxn;
        if (w->pan && (ap1 || epan))
            prot = 0;
    }
    if ((sctlr & SCTLR_WXN) && (prot & ARM_PROT_W))
        xn = true;
    if (w->secure && !w->s1.secure && (w->cpu->s.scr_el3 & SCR_SIF))
        xn = true;
    return xn ? prot : prot | ARM_PROT_X;
}

/* The access flag and dirty state, by hardware where it is on. */
static bool update(struct arm_walk *w, const struct arm_geometry *g, bool *again)
{
    uint64_t *desc = &w->s1.desc;
    bool dirtiable = g->hd && (*desc & DESC_DBM), read_only = *desc & DESC_AP2;
    uint64_t set = 0, clear = 0;

    if (!(*desc & DESC_AF)) {
        if (!g->ha && !w->peek)
            return fail(w, FSC_ACCESS_FLAG, w->s1.level);
        set = DESC_AF;
    }
    unsigned would = permissions(w, read_only && !dirtiable);
    if (!w->peek && !(would >> w->access & 1))
        return fail(w, FSC_PERMISSION, w->s1.level);
    if (w->access == GUEST_WRITE && read_only && dirtiable)
        clear = DESC_AP2;
    if ((set | clear) && w->stage2 && !w->peek &&
        !(w->s2.prot & ARM_PROT_W)) { /* stage 2 must let the table be written */
        w->cause = arm_fsc(FSC_PERMISSION, w->s2.level) | CAUSE_STAGE2 | CAUSE_S1PTW | CAUSE_WNR;
        return false;
    }
    if (!arm_desc_update(w, g, w->s1.desc_addr, desc, set, clear, again))
        return fail(w, FSC_EXTERNAL_WALK, w->s1.level);
    w->s1.prot = permissions(w, *desc & DESC_AP2);
    return true;
}

static void flat(struct arm_walk *w)
{
    uint64_t tcr = w->cpu->s.tcr_el[w->el];
    bool up = w->addr >> 55 & 1;
    bool tbi = w->split ? tcr & (up ? TCR_TBI1 : TCR_TBI0) : tcr & TCR2_TBI;

    w->s1 = (struct arm_leaf){.addr = tbi ? extract64(w->addr, 0, 56) : w->addr,
                              .bits = PAGE_BITS,
                              .prot = ARM_PROT_ALL,
                              .secure = w->secure,
                              .attr = w->stage2 && (w->cpu->s.hcr_el2 & HCR_DC) ? 0xff : 0};
}

bool arm_walk_stage1(struct arm_walk *w)
{
    bool again;

    if (!is_enabled(w)) {
        flat(w);
        return !(w->s1.addr >> w->cpu->id.pa_bits) || fail(w, FSC_ADDRESS_SIZE, 0);
    }
    struct half h = get_half(w);
    if (h.epd || h.e0pd || !is_canonical(w, &h))
        return fail(w, FSC_TRANSLATION, 0);
    struct arm_geometry g = geometry(w, &h);
    do {
        again = false;
        if (!find_leaf(w, &g, &h) || !update(w, &g, &again))
            return false;
    } while (again);
    w->s1.ng = w->split && (w->s1.desc & DESC_NG);
    w->s1.attr = w->cpu->s.mair_el[w->el] >> 8 * (w->s1.desc >> 2 & 7);
    w->s1.sh = g.ds ? h.sh : w->s1.desc >> 8 & 3;
    return true;
}

/* ---- for the accelerator ---- */

static NOINLINE void log_fault(const struct arm_walk *w)
{
    log_printf(LOG_MMU,
               "mmu: cpu %u: stage %d fault 0x%02x at 0x%016" PRIx64 " (EL%u regime, %s), "
               "descriptor 0x%" PRIx64 " at 0x%" PRIx64 ", IPA 0x%" PRIx64 "\n",
               w->cpu->cpu.index, w->cause & CAUSE_STAGE2 ? 2 : 1, w->cause & 0x3f, w->addr, w->el,
               w->user ? "unprivileged" : "privileged",
               w->cause & CAUSE_STAGE2 ? w->s2.desc : w->s1.desc,
               w->cause & CAUSE_STAGE2 ? w->s2.desc_addr : w->s1.desc_addr, w->ipa);
}

/* A tag in the top byte: the page is in the TLB once for each. */
static bool is_tagged(const struct arm_walk *w)
{
    unsigned top = w->addr >> 56;

    return top != (w->addr >> 55 & 1 && w->split ? 0xff : 0);
}

/* Both stages. */
static bool translate(struct arm_walk *w)
{
    if (!arm_walk_stage1(w))
        return false;
    if (!w->stage2)
        return true;
    w->ipa = w->s1.addr;
    return arm_walk_stage2(w, w->s1.addr, false, w->access);
}

/* From now on units check where branches land. */
static void meet_guarded_page(struct arm_cpu *cpu)
{
    if (!arm_has(cpu, ARM_F_BTI))
        return;
    cpu->guarded_pages = true;
    guest_mode_changed(&cpu->cpu);
}

/* Device memory refuses misaligned accesses, whichever stage makes it that. */
static bool is_device(const struct arm_walk *w)
{
    return !(w->s1.attr & 0xf0) || (w->stage2 && arm_is_device_s2(w));
}

static bool walk_a64(struct arm_cpu *cpu, gva addr, enum guest_access access, unsigned idx,
                     struct guest_walk *out)
{
    struct arm_walk w;

    arm_walk_init(&w, cpu, addr, access, idx);
    if (!translate(&w)) {
        out->cause = w.cause;
        cpu->fault.ipa = w.ipa;
        if (log_enabled(LOG_MMU))
            log_fault(&w);
        return false;
    }
    out->addr = w.stage2 ? w.s2.addr : in_world(&w, w.s1.addr, w.s1.secure);
    out->page_bits = w.stage2 ? MIN(w.s1.bits, w.s2.bits) : w.s1.bits;
    out->alike_bits = out->page_bits;
    out->prot = w.stage2 ? w.s1.prot & w.s2.prot : w.s1.prot;
    out->global = !w.s1.ng && !(w.el == 1 && cpu->no_globals);
    cpu->tagged_pages |= is_tagged(&w);
    if (access == GUEST_FETCH && (w.s1.desc & DESC_GP) && !cpu->guarded_pages)
        meet_guarded_page(cpu);
    if (is_enabled(&w) && is_device(&w)) {
        out->asks = access != GUEST_FETCH;
        out->prot &= out->asks ? out->prot : 1 << GUEST_FETCH;
    }
    return true;
}

bool arm_walk(struct cpu *c, gva addr, enum guest_access access, unsigned idx,
              struct guest_walk *out)
{
    struct arm_cpu *cpu = arm(c);
    bool ok;

    if (!arm_el_is_a64(cpu, arm_idx_regime(idx)))
        ok = arm_a32_walk(c, addr, access, idx, out);
    else
        ok = walk_a64(cpu, cpu->s.ps.a32 ? (uint32_t)addr : addr, access, idx, out);
    if (ok)
        arm_debug_limit(cpu, addr, access, out);
    return ok;
}

bool arm_is_device(struct arm_cpu *cpu, gva addr, unsigned idx)
{
    struct arm_walk w;

    if (!arm_el_is_a64(cpu, arm_idx_regime(idx)))
        return false;
    arm_walk_init(&w, cpu, addr, GUEST_WRITE, idx);
    w.peek = true;
    return translate(&w) && is_device(&w);
}

/* The access lies in a page that is Device memory or watched. */
bool arm_may_access(struct cpu *c, gva addr, uint32_t memop, enum guest_access access,
                    uint32_t *cause)
{
    struct arm_cpu *cpu = arm(c);
    unsigned idx = memop_idx(memop), size = memop_bytes(memop);
    bool user = idx == ARM_IDX_EL10_0 || idx == ARM_IDX_EL20_0, write = access == GUEST_WRITE;

    if ((addr & (memop_alignment(memop) - 1)) && arm_is_device(cpu, addr, idx)) {
        *cause = FSC_ALIGNMENT;
        return false;
    }
    if (!arm_watches(cpu, addr, size, write, user))
        return true;
    *cause = CAUSE_WATCH | (write ? CAUSE_WNR : 0);
    return false;
}

/* The index that a debugger's accesses go by: the current level's. */
static unsigned debug_idx(struct cpu *c)
{
    return arm_data_idx(arm(c));
}

static bool debug_translate_a32(struct cpu *c, gva addr, gpa *out)
{
    struct arm_fault fault = arm(c)->fault;
    struct guest_walk w;
    bool ok = arm_a32_walk(c, addr, GUEST_READ, debug_idx(c), &w);

    arm(c)->fault = fault;
    *out = ok ? w.addr : 0;
    return ok;
}

bool arm_debug_translate(struct cpu *c, gva addr, gpa *out)
{
    struct arm_cpu *cpu = arm(c);
    struct arm_walk w;

    if (!arm_el_is_a64(cpu, arm_idx_regime(debug_idx(c))))
        return debug_translate_a32(c, addr, out);

    arm_walk_init(&w, cpu, cpu->s.ps.a32 ? (uint32_t)addr : addr, GUEST_READ, debug_idx(c));
    w.peek = true;
    if (!translate(&w))
        return false;
    *out = w.stage2 ? w.s2.addr : in_world(&w, w.s1.addr, w.s1.secure);
    return true;
}

bool arm_is_guarded(struct arm_cpu *cpu, gva addr)
{
    struct arm_walk w;

    arm_walk_init(&w, cpu, addr, GUEST_FETCH, arm_guest_ops.fetch_idx(&cpu->cpu));
    w.peek = true;
    return translate(&w) && (w.s1.desc & DESC_GP);
}

/* ---- AT ---- */

/* PAR_EL1 of a failure: F, FST, PTW, S.  Ref: the manual, PAR_EL1. */
static uint64_t par_fault(uint32_t cause)
{
    return 1 | (uint64_t)(cause & 0x3f) << 1 | (cause & CAUSE_S1PTW ? 1 << 8 : 0) |
           (cause & CAUSE_STAGE2 ? 1 << 9 : 0) | 1 << 11;
}

/* Device memory, and what no cache keeps, is outer shareable whatever tables say. */
unsigned arm_par_shareability(unsigned attr, unsigned sh)
{
    return attr & 0xf0 && attr != 0x44 ? sh : 2;
}

static uint64_t par_result(const struct arm_walk *w, bool both)
{
    gpa addr = both && w->stage2 ? w->s2.addr : w->s1.addr;
    uint64_t sh = arm_par_shareability(w->s1.attr, w->s1.sh);

    return (addr & MASK64(12, 40)) | (uint64_t)w->s1.attr << 56 | sh << 7 |
           (w->secure && w->s1.secure ? 0 : 1 << 9) | 1 << 11;
}

bool arm_translate_at(struct arm_cpu *cpu, const struct arm_at *at, uint64_t *par, uint32_t *cause)
{
    struct arm_walk w;

    arm_walk_init(&w, cpu, at->addr, at->access, at->idx);
    bool ok = at->stage1_only ? arm_walk_stage1(&w) : translate(&w);
    if (ok) {
        *par = par_result(&w, !at->stage1_only);
        return true;
    }
    if (fsc_is_external_walk(w.cause & 0x3f) || (at->stage1_only && (w.cause & CAUSE_STAGE2))) {
        cpu->fault.ipa = w.ipa;
        *cause = w.cause;
        return false;
    }
    *par = par_fault(w.cause);
    return true;
}
