/*
 * The second level of the soft MMU: one table of 4 KiB pages, which grows, and one of 2 MiB pages.
 *
 * Both are set-associative, newest entry first, and tagged with a number of the address space. A
 * space that is flushed gets a new number, so nothing is searched and a switch empties nothing;
 * dead entries go as new ones come. Larger mappings are kept in pieces of 2 MiB, those that are not
 * wholly one kind of memory in pieces of 4 KiB.
 */
#include "accel/tcg/tlb_priv.h"
#include "util/bits.h"

#include <string.h>

/* Fields of an entry's info. */
enum { INFO_PROT = 8, INFO_FLAGS = 12, INFO_BITS = 16 };

/* Where the guest may not write, no note allows it. */
static const uint8_t no_notes[TCG_L2_NOTES];

/* --- spaces --- */
static uint32_t new_number(struct tcg_vcpu *v)
{
    return ++v->l2.seed;
}

static void set_space(struct tcg_vcpu *v, uint32_t number)
{
    v->l2.space = number;
    tcg_env(v->cpu)->space = v->tcg->lockstep ? 0 : number;
}

void l2_enter_space(struct tcg_vcpu *v)
{
    struct tlb_space *s = &v->l2.spaces[v->asid % SPACE_SLOTS];
    if (s->asid != v->asid || !s->number)
        *s = (struct tlb_space){v->asid, new_number(v)};
    set_space(v, s->number);
}

/* Numbers begin again: no entry may have one. */
static void empty_tables(struct tcg_vcpu *v)
{
    struct tcg_env *env = tcg_env(v->cpu);
    memset(env->large, 0xff, sizeof(env->large));
    memset(env->l2, 0xff, (env->l2_mask + 1) * sizeof(struct tcg_l2_entry[TCG_L2_WAYS]));
    v->l2.seed = 0;
}

void l2_forget_all(struct tcg_vcpu *v)
{
    if (v->l2.seed > UINT32_MAX / 2)
        empty_tables(v);
    memset(v->l2.spaces, 0, sizeof(v->l2.spaces));
    memset(v->l2.filter, 0, sizeof(v->l2.filter));
    v->l2.large_sizes = 0;
    v->l2.pieces = false;
    v->l2.nregions = 0;
    v->l2.any = new_number(v);
    tcg_env(v->cpu)->space_any = v->tcg->lockstep ? 0 : v->l2.any;
    l2_enter_space(v);
}

/* The number of a space, or 0 when no entry can have it. */
static uint32_t space_number(const struct tcg_vcpu *v, uint32_t asid)
{
    const struct tlb_space *s = &v->l2.spaces[asid % SPACE_SLOTS];
    return s->asid == asid ? s->number : 0;
}

void l2_forget_space(struct tcg_vcpu *v, uint32_t asid)
{
    if (space_number(v, asid))
        v->l2.spaces[asid % SPACE_SLOTS].number = 0;
    if (asid == v->asid)
        l2_enter_space(v);
}

/* --- entries --- */
static struct tcg_l2_entry *page_set(struct tcg_vcpu *v, gva addr)
{
    struct tcg_env *env = tcg_env(v->cpu);
    return &env->l2[tcg_l2_set(addr, env->l2_mask) * TCG_L2_WAYS];
}
static struct tcg_l2_entry *large_set(struct tcg_vcpu *v, gva addr)
{
    return tcg_env(v->cpu)->large[tcg_large_set(addr)];
}
static uint64_t tag_of(gva addr, unsigned idx, unsigned bits)
{
    return (addr >> bits << bits) | idx << TCG_L2_IDX_SHIFT;
}
static bool is_current(const struct tcg_vcpu *v, const struct tcg_l2_entry *k)
{
    return k->space == v->l2.space || k->space == v->l2.any;
}
static bool matches(const struct tcg_vcpu *v, const struct tcg_l2_entry *k, uint64_t tag)
{
    return (k->tag & ~(uint64_t)TCG_L2_NO_READ) == tag && is_current(v, k);
}

static const struct tcg_l2_entry *find_way(const struct tcg_vcpu *v, const struct tcg_l2_entry *set,
                                           unsigned ways, uint64_t tag, enum guest_access access)
{
    for (unsigned i = 0; i < ways; i++)
        if (matches(v, &set[i], tag) && (set[i].info >> (INFO_PROT + access) & 1))
            return &set[i];
    return NULL;
}

const struct tcg_l2_entry *l2_find(struct tcg_vcpu *v, gva addr, enum guest_access access,
                                   unsigned idx)
{
    const struct tcg_l2_entry *k =
        find_way(v, large_set(v, addr), TCG_LARGE_WAYS, tag_of(addr, idx, TCG_LARGE_BITS), access);
    if (k)
        return k;
    return find_way(v, page_set(v, addr), TCG_L2_WAYS, tag_of(addr, idx, TCG_PAGE_BITS), access);
}

void l2_describe(struct tcg_vcpu *v, const struct tcg_l2_entry *k, gva addr, struct tlb_entry *e)
{
    struct mem_region *mr = v->l2.regions[k->info % L2_REGIONS];
    uint8_t *host = (uint8_t *)(uintptr_t)((addr & PAGE_MASK_) + k->add);
    uint64_t ram_off = (uint64_t)(host - mr->ram->host);
    *e = (struct tlb_entry){.host = host,
                            .note = mr->ram->notes + (ram_off >> RAM_PAGE_BITS),
                            .ram = mr->ram,
                            .ram_off = ram_off,
                            .mr = mr,
                            .mr_off = ram_off - mr->ram_off,
                            .prot = k->info >> INFO_PROT & 7,
                            .flags = k->info >> INFO_FLAGS & 3,
                            .page_bits = k->info >> INFO_BITS,
                            .kept = true};
}

/* Where the region is in the vCPU's list; when that is full, all is forgotten first. */
static unsigned region_number(struct tcg_vcpu *v, struct mem_region *mr)
{
    for (unsigned i = v->l2.nregions; i-- > 0;)
        if (v->l2.regions[i] == mr)
            return i;
    if (v->l2.nregions == L2_REGIONS)
        tlb_init(v);
    v->l2.regions[v->l2.nregions] = mr;
    return v->l2.nregions++;
}

/* The way that a new entry takes: the page's old one (its rights grew), an empty one, or the
 * oldest. */
static unsigned way_for(const struct tcg_vcpu *v, const struct tcg_l2_entry *set, unsigned ways,
                        uint64_t tag)
{
    for (unsigned i = 0; i < ways; i++)
        if (matches(v, &set[i], tag))
            return i;
    for (unsigned i = 0; i < ways; i++)
        if (set[i].tag == TCG_TLB_EMPTY)
            return i;
    return ways - 1;
}

/* The newest comes first; true when one that would still match had to go. */
static bool put(struct tcg_vcpu *v, struct tcg_l2_entry *set, unsigned ways,
                const struct tcg_l2_entry *k)
{
    uint64_t tag = k->tag & ~(uint64_t)TCG_L2_NO_READ;
    unsigned i = way_for(v, set, ways, tag);
    bool evicts =
        set[i].tag != TCG_TLB_EMPTY && is_current(v, &set[i]) && !matches(v, &set[i], tag);
    memmove(&set[1], &set[0], i * sizeof(*set));
    set[0] = *k;
    return evicts;
}

/* --- growth --- */
static struct tcg_l2_entry *new_table(unsigned sets)
{
    size_t size = sets * sizeof(struct tcg_l2_entry[TCG_L2_WAYS]);
    struct tcg_l2_entry *table = aligned_alloc(64, size);
    if (!table)
        g_error("out of memory for a TLB of %zu bytes", size);
    memset(table, 0xff, size);
    return table;
}

/* Twice the sets; each set's entries go to one of two, the oldest first. */
static void grow(struct tcg_vcpu *v)
{
    struct tcg_env *env = tcg_env(v->cpu);
    struct tcg_l2_entry *old = env->l2;
    unsigned n = (env->l2_mask + 1) * TCG_L2_WAYS;
    env->l2_mask = 2 * env->l2_mask + 1;
    env->l2 = new_table(env->l2_mask + 1);
    for (unsigned i = n; i-- > 0;)
        if (old[i].tag != TCG_TLB_EMPTY)
            put(v, page_set(v, old[i].tag), TCG_L2_WAYS, &old[i]);
    free(old);
    v->l2.evictions = 0;
}

static void note_eviction(struct tcg_vcpu *v)
{
    unsigned sets = tcg_env(v->cpu)->l2_mask + 1;
    if (++v->l2.evictions > sets * TCG_L2_WAYS / 2 && sets < L2_MAX_SETS)
        grow(v);
}

void tlb_create(struct tcg_vcpu *v)
{
    struct tcg_env *env = tcg_env(v->cpu);
    tcg_env_empty_tlb(env);
    env->l2 = new_table(L2_MIN_SETS);
    env->l2_mask = L2_MIN_SETS - 1;
}

void tlb_destroy(struct tcg_vcpu *v)
{
    if (v->cpu)
        free(tcg_env(v->cpu)->l2);
}

/* --- large mappings --- */
/* Bloom filter of where they are, one hash per size. */
static unsigned filter_bit(gva addr, unsigned page_bits)
{
    return ((addr >> page_bits) + page_bits) * UINT64_C(0x9e3779b97f4a7c15) >>
           (64 - LARGE_FILTER_LOG2);
}
static void filter_add(struct tlb_l2 *l2, gva addr, unsigned page_bits)
{
    unsigned bit = filter_bit(addr, page_bits);
    l2->large_sizes |= UINT64_C(1) << page_bits;
    l2->filter[bit >> 6] |= UINT64_C(1) << (bit & 63);
}
static unsigned largest_near(const struct tlb_l2 *l2, gva addr)
{
    for (uint64_t sizes = l2->large_sizes; sizes;) {
        unsigned bits = 63 - __builtin_clzll(sizes), bit = filter_bit(addr, bits);
        if (l2->filter[bit >> 6] >> (bit & 63) & 1)
            return bits;
        sizes &= ~(UINT64_C(1) << bits);
    }
    return 0;
}

void l2_keep(struct tcg_vcpu *v, const struct tlb_entry *e, gva addr, unsigned idx, unsigned bits)
{
    unsigned region = region_number(v, e->mr);
    uint64_t page = addr >> TCG_PAGE_BITS;
    bool global = e->flags & L2_GLOBAL, writable = e->prot >> GUEST_WRITE & 1;
    struct tcg_l2_entry k = {
        .tag = tag_of(addr, idx, bits) | (e->prot >> GUEST_READ & 1 ? 0 : TCG_L2_NO_READ),
        .add = (uint64_t)(uintptr_t)e->host - (addr & PAGE_MASK_),
        .notes = writable ? (uintptr_t)e->note - page % TCG_L2_NOTES : (uintptr_t)no_notes,
        .space = global ? v->l2.any : v->l2.space,
        .info = region | (uint32_t)e->prot << INFO_PROT | (uint32_t)e->flags << INFO_FLAGS |
                (uint32_t)e->page_bits << INFO_BITS};
    v->idx_used |= 1u << idx;
    if (e->page_bits > TCG_PAGE_BITS)
        filter_add(&v->l2, addr, e->page_bits);
    if (bits == TCG_LARGE_BITS) {
        put(v, large_set(v, addr), TCG_LARGE_WAYS, &k);
        return;
    }
    if (e->page_bits > TCG_PAGE_BITS)
        v->l2.pieces = true;
    if (put(v, page_set(v, addr), TCG_L2_WAYS, &k))
        note_eviction(v);
}

/* --- flushes by address --- */
struct forget {
    gva addr;
    bool any;
    uint32_t number; /* of the space, unless any */
};

/* Those of n entries that map addr, as pages of 2^bits bytes or as part of a larger mapping. */
static void forget_covering(struct tcg_l2_entry *k, unsigned n, unsigned bits,
                            const struct forget *f)
{
    for (; n-- > 0; k++) {
        unsigned span = MAX(bits, k->info >> INFO_BITS & 63);
        if (!((k->tag ^ f->addr) >> span) && (f->any || k->space == f->number))
            k->tag = TCG_TLB_EMPTY;
    }
}

unsigned l2_forget_page(struct tcg_vcpu *v, gva addr, bool any_asid, uint32_t asid)
{
    struct tcg_env *env = tcg_env(v->cpu);
    struct forget f = {addr, any_asid, space_number(v, asid)};
    unsigned bits = largest_near(&v->l2, addr);
    if (bits && v->l2.pieces)
        forget_covering(env->l2, (env->l2_mask + 1) * TCG_L2_WAYS, TCG_PAGE_BITS, &f);
    else
        forget_covering(page_set(v, addr), TCG_L2_WAYS, TCG_PAGE_BITS, &f);
    if (bits)
        forget_covering(env->large[0], TCG_LARGE_SETS * TCG_LARGE_WAYS, TCG_LARGE_BITS, &f);
    return bits;
}
