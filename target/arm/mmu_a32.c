/*
 * Address translation of AArch32 regimes: short descriptors with domains, long descriptors, Hyp
 * mode, stage 2.  Ref: DDI 0487, G5 (The AArch32 Virtual Memory System Architecture).
 */
#include "target/arm/a32.h"
#include "target/arm/arm.h"
#include "target/arm/cpu_priv.h"

#include <glib.h>

enum { FETCH = 1 << GUEST_FETCH, READ = 1 << GUEST_READ, WRITE = 1 << GUEST_WRITE, PAGE_BITS = 12 };

/* A translation under way. */
struct walk {
    struct arm_cpu *cpu;
    uint32_t va;
    enum guest_access access;
    unsigned bank; /* index of the regime's registers */
    uint64_t sctlr, ttbcr;
    bool is_hyp, user, pan, secure;
    bool stage1_only;         /* tables are behind stage 2, the result is not */
    uint64_t hcr;             /* HCR as this regime has it */
    struct arm_a32_leaf leaf; /* what stage 1 ended at */
    struct guest_walk *out;
};

/* What a descriptor says. */
struct leaf {
    uint64_t addr;
    unsigned bits, level; /* level as in fault codes */
    unsigned prot;
    bool nonsecure, ng;
};

static bool fail(struct walk *w, uint32_t cause)
{
    w->out->cause = cause;
    return false;
}

static bool has_stage2(const struct walk *w)
{
    return !w->is_hyp && !w->secure && (w->hcr & (HCR_VM | HCR_DC));
}

/* Physical address of an intermediate one. */
static bool to_physical(struct walk *w, uint64_t *addr)
{
    struct guest_walk out;
    if (!has_stage2(w))
        return true;
    if (!arm_a32_stage2(w->cpu, *addr, GUEST_READ, &out))
        return fail(w, out.cause | CAUSE_STAGE2 | CAUSE_S1PTW);
    *addr = out.addr;
    return true;
}

/* A descriptor of `size` bytes at a physical or intermediate address. */
static bool descriptor(struct walk *w, uint64_t addr, unsigned size, unsigned level, uint64_t *val)
{
    if (!to_physical(w, &addr))
        return false;
    if (w->secure)
        addr |= ARM_SECURE_SPACE;
    if (!guest_phys_ld(&w->cpu->cpu, addr, size, val))
        return fail(w, FSC_EXTERNAL_WALK | level);
    if (w->sctlr & SCTLR_EE)
        *val = size == 4 ? __builtin_bswap32((uint32_t)*val) : __builtin_bswap64(*val);
    return true;
}

/* --- permissions --- */

/* What may be done in the mode of the access.  PXN and XN are about privileged and all fetches. */
static unsigned effective_prot(const struct walk *w, unsigned user, unsigned priv, bool xn,
                               bool pxn)
{
    unsigned prot = w->user ? user : priv;
    bool may_fetch = (prot & READ) && !xn && (w->user || !pxn);
    if (!w->user && !w->is_hyp && (user & WRITE) && (w->sctlr & A32_SCTLR_UWXN))
        may_fetch = false;
    if ((prot & WRITE) && (w->sctlr & SCTLR_WXN))
        may_fetch = false;
    if (w->pan && user)
        prot = 0;
    return prot | (may_fetch ? FETCH : 0);
}

/* Ref: G5.7, AP[2:0] with SCTLR.AFE clear; the first index is AP. */
static void full_permissions(unsigned ap, unsigned *user, unsigned *priv)
{
    static const uint8_t users[] = {0, 0, READ, READ | WRITE, 0, 0, READ, READ};
    static const uint8_t privs[] = {0, READ | WRITE, READ | WRITE, READ | WRITE,
                                    0, READ,         READ,         READ};
    *user = users[ap];
    *priv = privs[ap];
}

static void simple_permissions(unsigned ap2_1, unsigned *user, unsigned *priv)
{
    *priv = ap2_1 & 2 ? READ : READ | WRITE;
    *user = ap2_1 & 1 ? *priv : 0;
}

/* --- stage 2 behind stage 1, and the result --- */

static bool finish(struct walk *w, struct leaf *l)
{
    struct guest_walk *out = w->out;
    uint64_t offset = w->va & ((UINT64_C(1) << l->bits) - 1);
    if (!(l->prot >> w->access & 1))
        return fail(w, FSC_PERMISSION | l->level);
    out->addr = l->addr | offset;
    out->page_bits = (uint8_t)l->bits;
    out->prot = (uint8_t)l->prot;
    out->global = !l->ng;
    if (has_stage2(w) && !w->stage1_only) {
        struct guest_walk s2;
        if (!arm_a32_stage2(w->cpu, out->addr, w->access, &s2))
            return fail(w, s2.cause | CAUSE_STAGE2);
        out->addr = s2.addr;
        out->prot &= s2.prot;
        out->page_bits = MIN(out->page_bits, s2.page_bits);
    }
    if (w->secure && !l->nonsecure)
        out->addr |= ARM_SECURE_SPACE;
    out->alike_bits = out->page_bits;
    return true;
}

/* --- short descriptors.  Ref: G5.4 --- */

enum { DOMAIN_CLIENT = 1, DOMAIN_MANAGER = 3 };

struct short_leaf {
    struct leaf l;
    unsigned ap, domain;
    bool xn, pxn;
};

static bool check_short(struct walk *w, struct short_leaf *s)
{
    unsigned user, priv;
    uint64_t dacr = w->bank == 3 ? w->cpu->s.a32.dacr_s : w->cpu->s.dacr;
    unsigned how = dacr >> 2 * s->domain & 3;
    w->cpu->fault.domain = (uint8_t)s->domain;
    if ((w->sctlr & A32_SCTLR_AFE) && !(s->ap & 1))
        return fail(w, FSC_ACCESS_FLAG | s->l.level);
    if (how != DOMAIN_CLIENT && how != DOMAIN_MANAGER)
        return fail(w, FSC_DOMAIN | s->l.level);
    if (how == DOMAIN_MANAGER) {
        s->l.prot = READ | WRITE | FETCH;
    } else {
        if (w->sctlr & A32_SCTLR_AFE)
            simple_permissions(s->ap >> 1, &user, &priv);
        else
            full_permissions(s->ap, &user, &priv);
        s->l.prot = effective_prot(w, user, priv, s->xn, s->pxn);
    }
    return finish(w, &s->l);
}

static bool section(struct walk *w, uint32_t desc)
{
    bool is_super = desc >> 18 & 1;
    struct short_leaf s = {
        .l = {.addr = desc & 0xfff00000,
              .bits = 20,
              .level = 1,
              .nonsecure = desc >> 19 & 1,
              .ng = desc >> 17 & 1},
        .ap = (desc >> 10 & 3) | (desc >> 13 & 4),
        .domain = desc >> 5 & 15,
        .xn = desc >> 4 & 1,
        .pxn = desc & 1,
    };
    w->leaf = (struct arm_a32_leaf){is_super ? A32_LEAF_SUPERSECTION : A32_LEAF_SECTION, desc};
    if (is_super) {
        s.l.addr = (desc & 0xff000000) | (uint64_t)(desc >> 20 & 15) << 32 |
                   (uint64_t)(desc >> 5 & 15) << 36;
        s.l.bits = 24;
        s.domain = 0;
    }
    return check_short(w, &s);
}

static bool page(struct walk *w, uint32_t first)
{
    uint64_t desc;
    if (!descriptor(w, (first & ~0x3ffu) | (w->va >> 12 & 0xff) << 2, 4, 2, &desc))
        return false;
    bool is_large = !(desc & 2);
    w->cpu->fault.domain = first >> 5 & 15;
    if (!(desc & 3))
        return fail(w, FSC_TRANSLATION | 2);
    w->leaf = (struct arm_a32_leaf){is_large ? A32_LEAF_LARGE_PAGE : A32_LEAF_PAGE, desc};
    struct short_leaf s = {
        .l = {.addr = desc & (is_large ? 0xffff0000 : 0xfffff000),
              .bits = is_large ? 16 : 12,
              .level = 2,
              .nonsecure = first >> 3 & 1,
              .ng = desc >> 11 & 1},
        .ap = (desc >> 4 & 3) | (desc >> 7 & 4),
        .domain = first >> 5 & 15,
        .xn = is_large ? desc >> 15 & 1 : desc & 1,
        .pxn = first >> 2 & 1,
    };
    return check_short(w, &s);
}

static bool walk_short(struct walk *w)
{
    const struct arm_state *st = &w->cpu->s;
    unsigned n = w->ttbcr & 7;
    bool high = n && w->va >> (32 - n);
    uint64_t ttbr = high ? st->ttbr1_el[w->bank] : st->ttbr0_el[w->bank], desc;
    if (high)
        n = 0;
    w->cpu->fault.domain = 0;
    if (w->ttbcr & (high ? A32_TTBCR_PD1 : A32_TTBCR_PD0))
        return fail(w, FSC_TRANSLATION | 1);
    uint32_t base = (uint32_t)ttbr & ~((1u << (14 - n)) - 1);
    uint32_t index = w->va << n >> n >> 20;
    if (!descriptor(w, base | index << 2, 4, 1, &desc))
        return false;
    switch (desc & 3) {
    case 0: return fail(w, FSC_TRANSLATION | 1);
    case 1: return page(w, (uint32_t)desc);
    }
    return section(w, (uint32_t)desc);
}

/* --- long descriptors.  Ref: G5.5 --- */

struct table {
    uint64_t base;
    unsigned level, input; /* bits of the input address */
    bool stage2;
};

/* Attributes that tables pass on to what they lead to. */
struct inherited {
    bool ns, xn, pxn, no_user, read_only;
};

static uint64_t long_base(const struct table *t, uint64_t ttbr)
{
    unsigned index_bits = t->input - (39 - 9 * t->level);
    return ttbr & MASK64(index_bits + 3, 40 - index_bits - 3);
}

static unsigned stage1_prot(const struct walk *w, uint64_t desc, const struct inherited *i)
{
    unsigned user, priv, ap = desc >> 6 & 3;
    if (w->is_hyp)
        ap &= 2;
    if (i->no_user)
        ap &= 2;
    if (i->read_only)
        ap |= 2;
    simple_permissions(ap, &user, &priv);
    return effective_prot(w, user, priv, (desc >> 54 & 1) || i->xn,
                          !w->is_hyp && ((desc >> 53 & 1) || i->pxn));
}

static unsigned stage2_prot(uint64_t desc)
{
    unsigned prot = (desc >> 6 & 1 ? READ : 0) | (desc >> 7 & 1 ? WRITE : 0);
    return prot | ((prot & READ) && !(desc >> 54 & 1) ? FETCH : 0);
}

static void inherit(struct inherited *i, uint64_t desc)
{
    i->ns |= desc >> 63 & 1;
    i->read_only |= desc >> 62 & 1;
    i->no_user |= desc >> 61 & 1;
    i->xn |= desc >> 60 & 1;
    i->pxn |= desc >> 59 & 1;
}

/* Find the last descriptor for addr. */
static bool walk_tables(struct walk *w, struct table t, uint64_t addr, struct leaf *l)
{
    struct inherited in = {0};
    uint64_t desc;
    for (unsigned level = t.level;; level++) {
        unsigned shift = 39 - 9 * level;
        unsigned bits = level == t.level ? t.input - shift : 9;
        uint64_t index = addr >> shift & ((UINT64_C(1) << bits) - 1);
        if (!descriptor(w, t.base | index << 3, 8, level, &desc))
            return false;
        bool is_leaf = level == 3 || !(desc & 2);
        if (!(desc & 1) || (level == 3 && !(desc & 2)))
            return fail(w, FSC_TRANSLATION | level);
        if (is_leaf) {
            l->bits = shift;
            l->level = level;
            break;
        }
        if (!t.stage2)
            inherit(&in, desc);
        t.base = desc & MASK64(12, 28);
    }
    if (!t.stage2)
        w->leaf = (struct arm_a32_leaf){A32_LEAF_LONG, desc};
    if (!(desc >> 10 & 1))
        return fail(w, FSC_ACCESS_FLAG | l->level);
    l->addr = desc & MASK64(l->bits, 40 - l->bits);
    l->prot = t.stage2 ? stage2_prot(desc) : stage1_prot(w, desc, &in);
    l->nonsecure = (desc >> 5 & 1) || in.ns;
    l->ng = !w->is_hyp && (desc >> 11 & 1);
    return true;
}

/* Whether va lies below 2^(32 - size), or above 2^32 less that. */
static bool is_low(uint32_t va, unsigned size)
{
    return !size || !(va >> (32 - size));
}

static bool is_high(uint32_t va, unsigned size)
{
    return size && va >> (32 - size) == (1u << size) - 1;
}

/* Which table serves va; false: none.  Ref: G5.5.7 (Selecting between TTBR0 and TTBR1). */
static bool choose_table(struct walk *w, struct table *t)
{
    const struct arm_state *s = &w->cpu->s;
    unsigned t0 = w->ttbcr & 7, t1 = w->is_hyp ? 0 : w->ttbcr >> 16 & 7;
    bool high = !w->is_hyp && !is_low(w->va, t0) && (!t1 || is_high(w->va, t1));
    if (!w->is_hyp && !t0 && is_high(w->va, t1))
        high = true;
    if (!high && !is_low(w->va, t0))
        return false;
    if (!w->is_hyp && w->ttbcr >> (high ? 23 : 7) & 1)
        return false;
    t->input = 32 - (high ? t1 : t0);
    t->level = t->input > 30 ? 1 : 2;
    t->stage2 = false;
    t->base = long_base(t, high ? s->ttbr1_el[w->bank] : s->ttbr0_el[w->bank]);
    return true;
}

static bool walk_long(struct walk *w)
{
    struct leaf l = {0};
    struct table t;
    if (!choose_table(w, &t))
        return fail(w, FSC_TRANSLATION | 1);
    return walk_tables(w, t, w->va, &l) && finish(w, &l);
}

/* --- stage 2 --- */

bool arm_a32_stage2(struct arm_cpu *cpu, uint64_t ipa, enum guest_access access,
                    struct guest_walk *out)
{
    const struct arm_state *s = &cpu->s;
    struct walk w = {
        .cpu = cpu, .access = access, .is_hyp = true, .out = out, .sctlr = s->sctlr_el[2]};
    struct leaf l = {0};
    cpu->fault.ipa = ipa;
    if (arm_el_is_a64(cpu, 2))
        return arm_a32_stage2_of_a64(cpu, ipa, access, out);
    int t0sz = (int)(s->vtcr_el2 << 28 & 0xffffffff) >> 28;
    struct table t = {
        .level = s->vtcr_el2 >> 6 & 3 ? 1 : 2, .input = (unsigned)(32 - t0sz), .stage2 = true};
    unsigned least = t.level == 1 ? 31 : 22, most = t.level == 1 ? 43 : 34;
    bool is_reserved = s->vtcr_el2 >> 7 & 1; /* SL0 is 0 or 1 */
    bool is_outside = t.input < 40 && ipa >> t.input;
    if (is_outside || is_reserved || t.input < least || t.input > most)
        return fail(&w, FSC_TRANSLATION | 1); /* whatever the first level */
    t.base = long_base(&t, s->vttbr_el2);
    if (!walk_tables(&w, t, ipa, &l))
        return false;
    if (!(l.prot >> access & 1))
        return fail(&w, FSC_PERMISSION | l.level);
    *out = (struct guest_walk){.addr = l.addr | (ipa & ((UINT64_C(1) << l.bits) - 1)),
                               .page_bits = (uint8_t)l.bits,
                               .alike_bits = (uint8_t)l.bits,
                               .prot = (uint8_t)l.prot};
    return true;
}

/* --- a regime's translation --- */

static void begin(struct walk *w, unsigned idx)
{
    const struct arm_state *s = &w->cpu->s;
    w->is_hyp = idx == ARM_IDX_EL2;
    w->bank = w->is_hyp ? 2 : arm_a32_bank(w->cpu);
    w->sctlr = s->sctlr_el[w->bank];
    w->ttbcr = s->tcr_el[w->bank];
    w->user = idx == ARM_IDX_EL10_0;
    w->pan = idx == ARM_IDX_EL10_1_PAN;
    w->secure = !w->is_hyp && arm_is_secure(w->cpu);
    w->hcr = arm_hcr(w->cpu);
    if (w->hcr & (HCR_DC | HCR_TGE) && !w->is_hyp)
        w->sctlr &= ~SCTLR_M;
}

/* From the secure world, or Hyp mode: the PL1&0 regime that is not secure. */
static void begin_nonsecure(struct walk *w)
{
    const struct arm_state *s = &w->cpu->s;
    w->bank = 1;
    w->secure = false;
    w->hcr = arm_has_el2(w->cpu) ? s->hcr_el2 : 0;
    w->sctlr = s->sctlr_el[1];
    w->ttbcr = s->tcr_el[1];
    if (w->hcr & (HCR_DC | HCR_TGE))
        w->sctlr &= ~SCTLR_M;
}

static bool untranslated(struct walk *w)
{
    struct leaf l = {
        .addr = w->va & ~0xfffu, .bits = PAGE_BITS, .level = 1, .prot = READ | WRITE | FETCH};
    return finish(w, &l);
}

static bool translate(struct walk *w)
{
    if (!(w->sctlr & SCTLR_M))
        return untranslated(w);
    return w->is_hyp || (w->ttbcr & A32_TTBCR_EAE) ? walk_long(w) : walk_short(w);
}

bool arm_a32_walk(struct cpu *cpu, gva addr, enum guest_access access, unsigned idx,
                  struct guest_walk *out)
{
    struct walk w = {.cpu = arm(cpu), .va = (uint32_t)addr, .access = access, .out = out};
    begin(&w, idx);
    return translate(&w);
}

bool arm_a32_translate_at(struct arm_cpu *cpu, const struct arm_a32_at *at, struct guest_walk *out,
                          struct arm_a32_leaf *leaf)
{
    struct walk w = {
        .cpu = cpu, .va = at->va, .access = at->access, .out = out, .stage1_only = at->stage1_only};
    begin(&w, at->idx);
    if (at->nonsecure)
        begin_nonsecure(&w);
    bool ok = translate(&w);
    *leaf = w.leaf;
    return ok;
}
