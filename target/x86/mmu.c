/*
 * Paging: none, 32-bit, PAE, four and five levels; rights, protection keys, accessed and dirty
 * bits.
 *
 * Ref: SDM vol. 3, chapter 4 (4.3 to 4.5 formats, 4.6 rights, 4.7 error codes, 4.8 accessed and
 * dirty flags, 4.10 TLBs and PCIDs).
 */
#include "target/x86/cpu_priv.h"
#include "util/bits.h"

enum { PAGE_BITS = 12, NO_PAGING_BITS = 20, MAX_LEVELS = 5 };
enum {
    PTE_P = 1 << 0,
    PTE_W = 1 << 1,
    PTE_U = 1 << 2,
    PTE_A = 1 << 5,
    PTE_D = 1 << 6,
    PTE_PS = 1 << 7,
    PTE_G = 1 << 8
};
#define PTE_NX       BIT64(63)
#define PTE_KEY      MASK64(59, 4)
#define ADDRESS_BITS MASK64(12, 40)
enum { ASID_PAGED = 1 << 16, PCID_MASK = 0xfff };

struct walk {
    struct x86_cpu *cpu;
    gva addr;
    enum guest_access access;
    bool is_user, smap;
    unsigned levels, index_bits, entry_size;
    /* What was found: entries from the root (top) down to the leaf (bottom). */
    unsigned top, bottom;
    gpa entry_addr[MAX_LEVELS];
    uint64_t entry[MAX_LEVELS];
    uint64_t rights; /* W and U: allowed by all levels; NX: forbidden by one */
};

/* ---- address spaces ---- */

uint32_t x86_asid_of_pcid(unsigned pcid)
{
    return ASID_PAGED | pcid;
}

uint32_t x86_asid(struct cpu *c)
{
    const struct x86_state *s = &x86(c)->s;

    if (!(s->cr0 & X86_CR0_PG))
        return 0;
    return x86_asid_of_pcid(s->cr4 & X86_CR4_PCIDE ? s->cr3 & PCID_MASK : 0);
}

static gpa a20(const struct x86_cpu *cpu, gpa addr)
{
    return cpu->s.a20_off ? addr & ~BIT64(20) : addr;
}

uint64_t x86_phys_mask(const struct x86_cpu *cpu)
{
    return MASK64(0, cpu->phys_bits);
}

/* ---- geometry ---- */

static void set_scheme(struct walk *w)
{
    const struct x86_state *s = &w->cpu->s;

    w->index_bits = 9;
    w->entry_size = 8;
    if (s->efer & X86_EFER_LMA) {
        w->levels = s->cr4 & X86_CR4_LA57 ? 5 : 4;
    } else if (s->cr4 & X86_CR4_PAE) {
        w->levels = 3;
    } else {
        w->levels = 2;
        w->index_bits = 10;
        w->entry_size = 4;
    }
}

/* log2 of what an entry of a level (0: page tables) maps. */
static unsigned level_bits(const struct walk *w, unsigned level)
{
    return PAGE_BITS + w->index_bits * level;
}

static bool is_large(const struct walk *w, unsigned level, uint64_t entry)
{
    if (!(entry & PTE_PS) || level == 0 || level > 2)
        return false;
    if (w->levels == 2)
        return w->cpu->s.cr4 & X86_CR4_PSE;
    return level == 1 || (w->levels > 3 && x86_has(w->cpu, X86_F_PDPE1GB));
}

/* Of a page of 4 MiB: PSE-36 puts bits 32 to 39 of the address at 13, as many as there are.
 * Ref: SDM vol. 3, table 4-4. */
static uint64_t reserved_bits_of_pse(const struct x86_cpu *cpu)
{
    enum { FIRST = 13, LAST = 21, MAX_BITS = 40 };
    unsigned bits = cpu->phys_bits < MAX_BITS ? cpu->phys_bits : MAX_BITS;
    unsigned first = FIRST + (x86_has(cpu, X86_F_PSE36) ? bits - 32 : 0);

    return MASK64(first, LAST + 1 - first);
}

/* Bits of an entry that must be 0.  Ref: SDM vol. 3, figures 4-4, 4-7, 4-11. */
static uint64_t reserved_bits(const struct walk *w, unsigned level, bool large)
{
    const struct x86_cpu *cpu = w->cpu;
    uint64_t bits = MASK64(0, 52) & ~x86_phys_mask(cpu);

    if (w->levels == 2)
        return large ? reserved_bits_of_pse(cpu) : 0;
    if (!(cpu->s.efer & X86_EFER_NXE))
        bits |= PTE_NX;
    if (w->levels == 3)
        bits |= MASK64(52, 11);
    if (large)
        bits |= MASK64(13, level_bits(w, level) - 13);
    else if (level > 1)
        bits |= PTE_PS;
    return bits;
}

static gpa leaf_address(const struct walk *w)
{
    uint64_t e = w->entry[w->bottom], inside = BIT64(level_bits(w, w->bottom)) - 1;
    uint64_t base = w->levels == 2 ? (uint32_t)e & ~UINT64_C(0xfff) : e & ADDRESS_BITS;

    if (w->levels == 2 && w->bottom == 1 && x86_has(w->cpu, X86_F_PSE36))
        base |= extract64(e, 13, 8) << 32;
    return (base & ~inside) | (w->addr & inside);
}

/* ---- down the tables ---- */

/* Where there is no memory, there are ones. */
static uint64_t load_entry(const struct walk *w, gpa addr, bool peek)
{
    uint64_t val = w->entry_size == 4 ? UINT32_MAX : UINT64_MAX;

    if (peek) {
        uint64_t seen = 0;
        return mem_peek(w->cpu->cpu.as, addr, &seen, w->entry_size) ? seen : val;
    }
    guest_phys_ld(&w->cpu->cpu, addr, w->entry_size, &val);
    return val;
}

/* Fill w; the result is the P and RSVD bits of a fault, or -1: there is a leaf. */
static int descend(struct walk *w, bool peek)
{
    const struct x86_cpu *cpu = w->cpu;
    gpa table = cpu->s.cr3 & (w->levels == 2 ? MASK64(12, 20) : ADDRESS_BITS);
    unsigned level = w->levels - 1;

    w->rights = PTE_W | PTE_U;
    if (w->levels == 3) { /* loaded with CR3 */
        uint64_t pdpte = cpu->s.pdpte[w->addr >> 30 & 3];
        if (!(pdpte & PTE_P))
            return 0;
        table = pdpte & ADDRESS_BITS;
        level--;
    }
    for (w->top = level;; level--) {
        uint64_t index = extract64(w->addr, level_bits(w, level), w->index_bits);
        gpa at = a20(cpu, table + index * w->entry_size);
        uint64_t e = load_entry(w, at, peek);
        bool large = is_large(w, level, e);
        w->entry_addr[level] = at;
        w->entry[level] = e;
        w->bottom = level;
        if (!(e & PTE_P))
            return 0;
        if (e & reserved_bits(w, level, large))
            return X86_PF_P | X86_PF_RSVD;
        w->rights = (w->rights & e & (PTE_W | PTE_U)) | ((w->rights | e) & PTE_NX);
        if (large || level == 0)
            return -1;
        table = w->entry_size == 4 ? (uint32_t)e & ~UINT64_C(0xfff) : e & ADDRESS_BITS;
    }
}

/* ---- rights ---- */

/* Bits 1 << enum guest_access that the levels' W, U and NX allow. Ref: SDM vol. 3, 4.6.1. */
static unsigned rights_prot(const struct walk *w)
{
    const struct x86_state *s = &w->cpu->s;
    bool user_page = w->rights & PTE_U;
    unsigned prot = w->rights & PTE_NX && w->levels > 2 ? 0 : 1u << GUEST_FETCH;

    if (w->is_user) {
        if (!user_page)
            return 0;
        return prot | 1u << GUEST_READ | (w->rights & PTE_W ? 1u << GUEST_WRITE : 0);
    }
    if (user_page && (s->cr4 & X86_CR4_SMEP))
        prot = 0;
    if (user_page && w->smap)
        return prot;
    if ((w->rights & PTE_W) || !(s->cr0 & X86_CR0_WP))
        prot |= 1u << GUEST_WRITE;
    return prot | 1u << GUEST_READ;
}

/* What the protection key of a user page takes away.  Ref: SDM vol. 3, 4.6.2. */
static unsigned key_denies(const struct walk *w)
{
    const struct x86_state *s = &w->cpu->s;
    unsigned key;

    if (!(s->cr4 & X86_CR4_PKE) || !(s->efer & X86_EFER_LMA) || !(w->rights & PTE_U))
        return 0;
    key = s->pkru >> 2 * field_get(w->entry[w->bottom], PTE_KEY) & 3;
    if (key & 1)
        return 1u << GUEST_READ | 1u << GUEST_WRITE;
    return (key & 2) && (w->is_user || (s->cr0 & X86_CR0_WP)) ? 1u << GUEST_WRITE : 0;
}

static uint32_t access_error(const struct walk *w)
{
    const struct x86_state *s = &w->cpu->s;
    bool tells_fetch = (s->efer & X86_EFER_NXE) && (s->cr4 & X86_CR4_PAE);
    uint32_t error = w->is_user ? X86_PF_U : 0;

    if (w->access == GUEST_WRITE)
        error |= X86_PF_W;
    if (w->access == GUEST_FETCH && (tells_fetch || (s->cr4 & X86_CR4_SMEP)))
        error |= X86_PF_I;
    return error;
}

/* ---- accessed and dirty ---- */

/* False: an entry has changed meanwhile; walk again. */
static bool mark(struct walk *w)
{
    for (unsigned level = w->top + 1; level-- > w->bottom;) {
        uint64_t e = w->entry[level], want = e | PTE_A;
        bool ok = true;
        if (level == w->bottom && w->access == GUEST_WRITE)
            want |= PTE_D;
        if (want == e)
            continue;
        /* An entry in ROM stays as it is. */
        if (guest_phys_cas(&w->cpu->cpu, w->entry_addr[level], w->entry_size, e, want, &ok) && !ok)
            return false;
        w->entry[level] = want;
    }
    return true;
}

static bool walk_tables(struct walk *w, struct guest_walk *out)
{
    unsigned prot, denied;

    do {
        int fault = descend(w, false);
        if (fault >= 0) {
            out->cause = (uint32_t)fault | access_error(w);
            return false;
        }
        prot = rights_prot(w);
        denied = key_denies(w);
        if (!(prot & ~denied & 1u << w->access)) {
            bool by_key = denied & 1u << w->access;
            out->cause = X86_PF_P | access_error(w) | (by_key ? X86_PF_PK : 0);
            return false;
        }
    } while (!mark(w));
    prot &= ~denied;
    if (!(w->entry[w->bottom] & PTE_D))
        prot &= ~(1u << GUEST_WRITE);
    out->prot = (uint8_t)prot;
    out->global = (w->entry[w->bottom] & PTE_G) && (w->cpu->s.cr4 & X86_CR4_PGE);
    out->page_bits = (uint8_t)level_bits(w, w->bottom);
    out->addr = leaf_address(w);
    return true;
}

/* Without A20 a large page is not one piece, nor with breakpoints in it. */
static uint8_t alike_bits(const struct x86_cpu *cpu, gva addr, unsigned page_bits)
{
    uint64_t size = BIT64(page_bits);

    if (cpu->s.a20_off || x86_watched(cpu, align_down(addr, size), size))
        return PAGE_BITS;
    return (uint8_t)page_bits;
}

bool x86_walk(struct cpu *c, gva addr, enum guest_access access, unsigned idx,
              struct guest_walk *out)
{
    struct x86_cpu *cpu = x86(c);
    struct walk w = {.cpu = cpu,
                     .addr = addr,
                     .access = access,
                     .is_user = idx == X86_IDX_USER,
                     .smap = idx == X86_IDX_KERNEL_SMAP};

    if (x86_is_long(cpu) && !x86_is_canonical(cpu, addr)) {
        out->cause = X86_CAUSE_NOT_CANONICAL;
        return false;
    }
    if (!(cpu->s.cr0 & X86_CR0_PG)) {
        out->addr = addr;
        out->page_bits = NO_PAGING_BITS;
        out->prot = 1 << GUEST_READ | 1 << GUEST_WRITE | 1 << GUEST_FETCH;
    } else {
        set_scheme(&w);
        if (!walk_tables(&w, out))
            return false;
    }
    out->alike_bits = alike_bits(cpu, addr, out->page_bits);
    out->asks = x86_watched(cpu, align_down(addr, 1 << PAGE_BITS), 1 << PAGE_BITS);
    out->addr = a20(cpu, out->addr);
    return true;
}

bool x86_debug_translate(struct cpu *c, gva addr, gpa *out)
{
    struct x86_cpu *cpu = x86(c);
    struct walk w = {.cpu = cpu, .addr = x86_linear(cpu, addr)};

    *out = a20(cpu, w.addr);
    if (!(cpu->s.cr0 & X86_CR0_PG))
        return true;
    set_scheme(&w);
    if ((x86_is_long(cpu) && !x86_is_canonical(cpu, addr)) || descend(&w, true) >= 0)
        return false;
    *out = a20(cpu, leaf_address(&w));
    return true;
}

/* Ref: SDM vol. 3, 4.4.1. */
bool x86_load_pdptes(struct x86_cpu *cpu, uint64_t cr3)
{
    uint64_t pdpte[4], reserved = MASK64(1, 2) | MASK64(5, 4) | ~x86_phys_mask(cpu);
    struct walk w = {.cpu = cpu, .entry_size = 8};

    for (unsigned i = 0; i < 4; i++) {
        pdpte[i] = load_entry(&w, a20(cpu, (cr3 & MASK64(5, 27)) + 8 * i), false);
        if ((pdpte[i] & PTE_P) && (pdpte[i] & reserved))
            return false;
    }
    for (unsigned i = 0; i < 4; i++)
        cpu->s.pdpte[i] = pdpte[i];
    return true;
}

/* ---- for people ---- */

struct tables {
    struct walk w;
    unsigned left; /* entries that may still be read: tables may be a maze */
    cpu_mapping_fn *fn;
    void *opaque;
};
enum { MAX_ENTRIES = 1 << 22 };

/* The letters of the incumbent's "info tlb". */
static bool tell_leaf(struct tables *t, gva va, unsigned level, uint64_t entry)
{
    static const struct {
        uint64_t bit;
        char letter;
    } letters[] = {{PTE_NX, 'X'}, {PTE_G, 'G'},  {PTE_PS, 'P'}, {PTE_D, 'D'}, {PTE_A, 'A'},
                   {1 << 4, 'C'}, {1 << 3, 'T'}, {PTE_U, 'U'},  {PTE_W, 'W'}};
    char attr[10] = "---------";

    for (unsigned i = 0; i < 9; i++)
        if (entry & letters[i].bit && !(letters[i].bit == PTE_PS && level == 0))
            attr[i] = letters[i].letter;
    t->w.addr = va;
    t->w.bottom = level;
    t->w.entry[level] = entry;
    return t->fn(t->opaque, va, leaf_address(&t->w), BIT64(level_bits(&t->w, level)), attr);
}

static bool walk_table(struct tables *t, gpa table, unsigned level, gva base)
{
    struct walk *w = &t->w;

    for (unsigned i = 0; i < 1u << w->index_bits; i++) {
        gva va = base | (gva)i << level_bits(w, level);
        uint64_t e = load_entry(w, a20(w->cpu, table + (gpa)i * w->entry_size), true);
        if (!t->left--)
            return false;
        if (w->levels > 3 && level == w->levels - 1)
            va = (gva)sextract64(va, 0, level_bits(w, w->levels));
        if (!(e & PTE_P))
            continue;
        bool leaf = level == 0 || is_large(w, level, e);
        if (e & reserved_bits(w, level, leaf && level))
            continue;
        gpa next = w->entry_size == 4 ? (uint32_t)e & ~UINT64_C(0xfff) : e & ADDRESS_BITS;
        if (leaf ? !tell_leaf(t, va, level, e) : !walk_table(t, next, level - 1, va))
            return false;
    }
    return true;
}

bool x86_mappings(struct cpu *c, cpu_mapping_fn *fn, void *opaque, bool *complete)
{
    struct x86_cpu *cpu = x86(c);
    struct tables t = {.w = {.cpu = cpu}, .left = MAX_ENTRIES, .fn = fn, .opaque = opaque};

    if (!(cpu->s.cr0 & X86_CR0_PG))
        return false;
    set_scheme(&t.w);
    *complete = true;
    if (t.w.levels != 3) {
        gpa root = cpu->s.cr3 & (t.w.levels == 2 ? MASK64(12, 20) : ADDRESS_BITS);
        *complete = walk_table(&t, root, t.w.levels - 1, 0);
        return true;
    }
    for (unsigned i = 0; i < 4 && *complete; i++)
        if (cpu->s.pdpte[i] & PTE_P)
            *complete = walk_table(&t, cpu->s.pdpte[i] & ADDRESS_BITS, 1, (gva)i << 30);
    return true;
}
