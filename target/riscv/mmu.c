/*
 * Address translation: Sv32, Sv39, Sv48, Sv57, with Svade/Svadu, Svnapot and Svpbmt.
 * Ref: Priv. 10.3 to 10.6 (the algorithm is 10.3.2), 11 (Svnapot), 12 (Svpbmt), 14 (Svadu).
 */
#include "accel/tcg/guest.h"
#include "target/riscv/cpu.h"
#include "target/riscv/csr.h"
#include "util/bits.h"
#include "util/log.h"

#include <inttypes.h>

enum { PAGE_BITS = 12, NAPOT_BITS = 16 };
enum {
    PTE_V = 1 << 0,
    PTE_R = 1 << 1,
    PTE_W = 1 << 2,
    PTE_X = 1 << 3,
    PTE_U = 1 << 4,
    PTE_G = 1 << 5,
    PTE_A = 1 << 6,
    PTE_D = 1 << 7,
};
#define PTE_RESERVED MASK64(54, 7)
#define PTE_PBMT     MASK64(61, 2)
#define PTE_N        BIT64(63)
#define PTE64_PPN    MASK64(10, 44)
enum { PBMT_RESERVED = 3 };

/* Geometry of a translation scheme. */
struct scheme {
    uint8_t levels, index_bits, pte_size;
};

/* One translation under way. */
struct walk {
    struct rv_cpu *cpu;
    struct scheme sv;
    gva addr;
    unsigned access; /* enum guest_access */
    unsigned prv;    /* whose access: PRV_U or PRV_S */
    bool sum, mxr;
    bool peek; /* a debugger looks: no checks, no A/D, no faults */
    bool global;
    unsigned level; /* of the entry in pte */
    gpa pte_addr;
    uint64_t pte;
};

enum walk_result { WALK_OK, WALK_PAGE_FAULT, WALK_ACCESS_FAULT };

static uint32_t page_fault(unsigned access)
{
    return access == GUEST_FETCH   ? CAUSE_FETCH_PAGE
           : access == GUEST_WRITE ? CAUSE_STORE_PAGE
                                   : CAUSE_LOAD_PAGE;
}

static uint32_t access_fault(unsigned access)
{
    return access == GUEST_FETCH   ? CAUSE_FETCH_ACCESS
           : access == GUEST_WRITE ? CAUSE_STORE_ACCESS
                                   : CAUSE_LOAD_ACCESS;
}

/* False: satp says Bare. */
static bool get_scheme(const struct rv_cpu *cpu, struct scheme *sv)
{
    if (cpu->xlen == 32) {
        *sv = (struct scheme){2, 10, 4};
        return cpu->s.satp & SATP32_MODE;
    }
    switch (field_get(cpu->s.satp, SATP64_MODE)) {
    case SATP_SV39: *sv = (struct scheme){3, 9, 8}; return true;
    case SATP_SV48: *sv = (struct scheme){4, 9, 8}; return true;
    case SATP_SV57: *sv = (struct scheme){5, 9, 8}; return true;
    default: return false;
    }
}

static gpa root_table(const struct rv_cpu *cpu)
{
    return (cpu->s.satp & (cpu->xlen == 32 ? SATP32_PPN : SATP64_PPN)) << PAGE_BITS;
}

/* log2 of what an entry of a level maps. */
static unsigned level_bits(const struct walk *w, unsigned level)
{
    return PAGE_BITS + w->sv.index_bits * level;
}

/* Bits above the translated ones must equal the top one of these; Sv32 translates all. */
static bool is_canonical(const struct walk *w)
{
    if (w->sv.pte_size == 4)
        return true;
    return (gva)sextract64(w->addr, 0, level_bits(w, w->sv.levels)) == w->addr;
}

static gpa pte_ppn(const struct walk *w)
{
    return w->sv.pte_size == 4 ? (uint32_t)w->pte >> 10 : field_get(w->pte, PTE64_PPN);
}

static bool load_pte(struct walk *w)
{
    if (w->peek) {
        w->pte = 0;
        return mem_peek(w->cpu->cpu.as, w->pte_addr, &w->pte, w->sv.pte_size);
    }
    return rv_pmp_check(w->cpu, w->pte_addr, w->sv.pte_size, GUEST_READ, PRV_S, NULL) &&
           guest_phys_ld(&w->cpu->cpu, w->pte_addr, w->sv.pte_size, &w->pte);
}

static bool is_leaf(const struct walk *w)
{
    return w->pte & (PTE_R | PTE_X);
}

/* No reserved bit or combination is set: for all levels, or for pointers to the next table. */
static bool is_well_formed(const struct walk *w)
{
    const struct rv_cpu *cpu = w->cpu;
    uint64_t pte = w->pte;

    if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W)
        return false;
    if (!is_leaf(w) && (pte & (PTE_U | PTE_A | PTE_D)))
        return false;
    if (w->sv.pte_size == 4)
        return true;
    if (pte & PTE_RESERVED)
        return false;
    bool pbmt = rv_has(cpu, EXT_SVPBMT) && (cpu->s.menvcfg & ENVCFG_PBMTE) && is_leaf(w);
    if ((pte & PTE_PBMT) && (!pbmt || field_get(pte, PTE_PBMT) == PBMT_RESERVED))
        return false;
    return !(pte & PTE_N) || (rv_has(cpu, EXT_SVNAPOT) && is_leaf(w));
}

/* Superpages are aligned to their size; Svnapot knows 64 KiB, written as 8 in the low bits of PPN.
 */
static bool is_aligned(const struct walk *w)
{
    if ((w->pte & PTE_N) && w->sv.pte_size == 8)
        return w->level == 0 && (pte_ppn(w) & 15) == 8;
    return (pte_ppn(w) & (BIT64(w->sv.index_bits * w->level) - 1)) == 0;
}

/* Down to the leaf. */
static enum walk_result find_leaf(struct walk *w)
{
    gpa table = root_table(w->cpu);

    if (!is_canonical(w))
        return WALK_PAGE_FAULT;
    w->global = false;
    for (w->level = w->sv.levels; w->level-- > 0;) {
        uint64_t index = extract64(w->addr, level_bits(w, w->level), w->sv.index_bits);
        w->pte_addr = table + index * w->sv.pte_size;
        if (!load_pte(w))
            return WALK_ACCESS_FAULT;
        if (!is_well_formed(w))
            return WALK_PAGE_FAULT;
        w->global |= w->pte & PTE_G;
        if (is_leaf(w))
            return is_aligned(w) ? WALK_OK : WALK_PAGE_FAULT;
        table = pte_ppn(w) << PAGE_BITS;
    }
    return WALK_PAGE_FAULT;
}

/* What the leaf's R, W, X and U let this privilege do: bits 1 << enum guest_access. */
static unsigned leaf_prot(const struct walk *w)
{
    unsigned prot = 0;
    bool user = w->pte & PTE_U;

    if (w->prv == PRV_U ? !user : user && !w->sum)
        return 0;
    if ((w->pte & PTE_R) || (w->mxr && (w->pte & PTE_X)))
        prot |= 1 << GUEST_READ;
    if (w->pte & PTE_W)
        prot |= 1 << GUEST_WRITE;
    if ((w->pte & PTE_X) && user == (w->prv == PRV_U))
        prot |= 1 << GUEST_FETCH;
    return prot;
}

/* Whether the hart sets A and D itself.  With neither extension named it does, as harts did before
 * they had names. */
static bool updates_ad(const struct rv_cpu *cpu)
{
    if (rv_has(cpu, EXT_SVADU))
        return cpu->s.menvcfg & ENVCFG_ADUE;
    return !rv_has(cpu, EXT_SVADE);
}

/* Set A, and D for a store; *again when the entry changed meanwhile and must be read anew. */
static enum walk_result update_ad(struct walk *w, bool *again)
{
    uint64_t want = w->pte | PTE_A | (w->access == GUEST_WRITE ? PTE_D : 0);
    bool done = false;

    if (want == w->pte)
        return WALK_OK;
    if (!updates_ad(w->cpu))
        return WALK_PAGE_FAULT;
    if (!rv_pmp_check(w->cpu, w->pte_addr, w->sv.pte_size, GUEST_WRITE, PRV_S, NULL) ||
        !guest_phys_cas(&w->cpu->cpu, w->pte_addr, w->sv.pte_size, w->pte, want, &done))
        return WALK_ACCESS_FAULT;
    *again = !done;
    w->pte = want;
    return WALK_OK;
}

static enum walk_result translate(struct walk *w)
{
    bool again;

    do {
        again = false;
        enum walk_result r = find_leaf(w);
        if (r != WALK_OK)
            return r;
        if (!(leaf_prot(w) >> w->access & 1))
            return WALK_PAGE_FAULT;
        r = update_ad(w, &again);
        if (r != WALK_OK)
            return r;
    } while (again);
    return WALK_OK;
}

static unsigned leaf_bits(const struct walk *w)
{
    return w->sv.pte_size == 8 && (w->pte & PTE_N) ? NAPOT_BITS : level_bits(w, w->level);
}

static gpa leaf_target(const struct walk *w)
{
    uint64_t inside = BIT64(leaf_bits(w)) - 1;

    return (pte_ppn(w) << PAGE_BITS & ~inside) | (w->addr & inside);
}

/* Which privilege an MMU index stands for; MXR is apart. */
static unsigned idx_prv(unsigned idx)
{
    static const uint8_t prv[] = {PRV_U, PRV_S, PRV_S, PRV_M};

    return prv[idx & 3];
}

/* log2 of the largest range around addr, of the mapping's size or a lower level's, that PMP does
 * not divide. */
static unsigned alike_bits(const struct rv_cpu *cpu, const struct scheme *sv, uint64_t addr,
                           unsigned page_bits)
{
    unsigned bits = page_bits;

    while (bits > PAGE_BITS && !rv_pmp_is_uniform(cpu, addr, bits))
        bits = bits - PAGE_BITS < sv->index_bits ? PAGE_BITS : bits - sv->index_bits;
    return bits;
}

/* Physical protection of the result; PMP has the last word on what the entry may be cached for. */
static bool check_physical(struct rv_cpu *cpu, int access, unsigned prv, struct guest_walk *out)
{
    bool whole;

    out->prot &= rv_pmp_prot(cpu, out->addr, 1, prv, &whole);
    out->uncached = !whole;
    out->cause = access_fault(access);
    return out->prot >> access & 1;
}

static void log_fault(const struct walk *w, uint32_t cause)
{
    log_printf(LOG_MMU,
               "mmu: hart %u: fault %u at 0x%016" PRIx64 " (%s, satp 0x%" PRIx64
               "), entry 0x%" PRIx64 " at 0x%" PRIx64 " level %u\n",
               w->cpu->hartid, cause, w->addr, w->prv == PRV_U ? "user" : "supervisor",
               w->cpu->s.satp, w->pte, w->pte_addr, w->level);
}

static bool walk_tables(struct walk *w, struct guest_walk *out)
{
    enum walk_result r = translate(w);

    if (r != WALK_OK) {
        out->cause = r == WALK_PAGE_FAULT ? page_fault(w->access) : access_fault(w->access);
        if (log_enabled(LOG_MMU))
            log_fault(w, out->cause);
        return false;
    }
    out->addr = leaf_target(w);
    out->page_bits = leaf_bits(w);
    out->alike_bits = alike_bits(w->cpu, &w->sv, out->addr, out->page_bits);
    out->prot = leaf_prot(w);
    if (!(w->pte & PTE_D))
        out->prot &= ~(1 << GUEST_WRITE);
    out->global = w->global;
    return true;
}

bool rv_walk(struct cpu *c, uint64_t addr, int access, unsigned idx, struct guest_walk *out)
{
    struct rv_cpu *cpu = rv(c);
    unsigned prv = idx_prv(idx);
    struct walk w = {.cpu = cpu,
                     .addr = cpu->xlen == 32 ? (uint32_t)addr : addr,
                     .access = access,
                     .prv = prv,
                     .sum = (idx & 3) == RV_IDX_SUM,
                     .mxr = idx & RV_IDX_MXR};

    if (prv == PRV_M || !get_scheme(cpu, &w.sv)) {
        out->addr = w.addr;
        out->page_bits = PAGE_BITS;
        out->prot = 1 << GUEST_READ | 1 << GUEST_WRITE | 1 << GUEST_FETCH;
        out->global = true;
    } else if (!walk_tables(&w, out)) {
        return false;
    }
    return check_physical(cpu, access, prv, out);
}

bool rv_debug_translate(struct cpu *c, uint64_t addr, uint64_t *out)
{
    struct rv_cpu *cpu = rv(c);
    struct walk w = {.cpu = cpu, .addr = cpu->xlen == 32 ? (uint32_t)addr : addr, .peek = true};

    *out = w.addr;
    if (cpu->s.prv == PRV_M || !get_scheme(cpu, &w.sv))
        return true;
    if (find_leaf(&w) != WALK_OK)
        return false;
    *out = leaf_target(&w);
    return true;
}
