/*
 * The soft MMU's two levels.
 *
 * First level: direct mapped, probed by emitted code, no ASIDs; entries of one address space are
 * dropped at a switch, global ones stay.  Second level: set-associative and tagged, so a switch
 * empties nothing.
 */
#include "accel/tcg/tcg_priv.h"
#include "util/bits.h"
#include "util/log.h"

#include <string.h>

/* --- second level
 * ----------------------------------------------------------------------------------------------------
 */
static uint64_t l2_tag(gva addr, unsigned idx)
{
    return (addr & PAGE_MASK_) | L2_VALID | idx;
}
/* Entries of one page under all MMU indices share a set: a flush by address looks at one. */
static unsigned l2_set(gva addr)
{
    uint64_t page = addr >> TCG_PAGE_BITS;
    return (page ^ page >> L2_BITS) & (L2_SETS - 1);
}
static bool entry_matches(const struct tlb_entry *e, uint64_t tag, uint32_t asid)
{
    return e->tag == tag && ((e->flags & L2_GLOBAL) || e->asid == asid);
}
/* Bloom filter of large mappings that were cached as 4 KiB pieces, one hash per mapping size. */
static unsigned large_bit(gva addr, unsigned page_bits)
{
    return ((addr >> page_bits) + page_bits) * UINT64_C(0x9e3779b97f4a7c15) >>
           (64 - LARGE_FILTER_LOG2);
}
static void large_add(struct tcg_vcpu *v, gva addr, unsigned page_bits)
{
    unsigned bit = large_bit(addr, page_bits);
    v->large_sizes |= UINT64_C(1) << page_bits;
    v->large[bit >> 6] |= UINT64_C(1) << (bit & 63);
}
static bool large_near(const struct tcg_vcpu *v, gva addr)
{
    for (uint64_t sizes = v->large_sizes; sizes; sizes &= sizes - 1) {
        unsigned bit = large_bit(addr, __builtin_ctzll(sizes));
        if (v->large[bit >> 6] >> (bit & 63) & 1)
            return true;
    }
    return false;
}

static struct tlb_entry *l2_find(struct tcg_vcpu *v, gva addr, enum guest_access access,
                                 unsigned idx)
{
    uint64_t tag = l2_tag(addr, idx);
    struct tlb_entry *set = v->l2[l2_set(addr)];
    for (unsigned i = 0; i < L2_WAYS; i++)
        if (entry_matches(&set[i], tag, v->asid) && (set[i].prot >> access & 1))
            return &set[i];
    return NULL;
}

/* The way to fill: the same page's old entry (its rights grew), an empty one, or the next in turn.
 */
static struct tlb_entry *l2_victim(struct tcg_vcpu *v, gva addr, unsigned idx)
{
    uint64_t tag = l2_tag(addr, idx);
    unsigned set = l2_set(addr);
    for (unsigned i = 0; i < L2_WAYS; i++)
        if (entry_matches(&v->l2[set][i], tag, v->asid))
            return &v->l2[set][i];
    for (unsigned i = 0; i < L2_WAYS; i++)
        if (!v->l2[set][i].tag)
            return &v->l2[set][i];
    return &v->l2[set][v->l2_next[set]++ % L2_WAYS];
}

/* Describe what lies at the physical page of w->addr; false when the page is not wholly one thing.
 */
static bool describe_page(struct tcg_vcpu *v, struct tlb_entry *e, const struct guest_walk *w)
{
    gpa page = w->addr & PAGE_MASK_;
    const struct flat_range *r = address_space_find(v->cpu->as, w->addr);
    e->host = NULL;
    e->mr = NULL;
    if (!r)
        return false;
    uint64_t at =
        page - r->base + r->mr_off; /* wraps when the range starts inside the page: then unused */
    e->mr = r->mr;
    e->mr_off = at;
    bool whole = r->base <= page && page - r->base + PAGE_SIZE_ <= r->size;
    bool ram =
        r->mr->kind == MEM_RAM || (r->mr->kind == MEM_ROM && (!r->mr->rom_device || r->mr->romd));
    if (ram && whole) {
        e->ram = r->mr->ram;
        e->ram_off = r->mr->ram_off + at;
        e->host = e->ram->host + e->ram_off;
        e->note = e->ram->notes + (e->ram_off >> RAM_PAGE_BITS);
        if (r->mr->kind == MEM_ROM)
            e->prot &= ~(1u << GUEST_WRITE);
    }
    return whole;
}

static const char *const access_names[] = {
    [GUEST_READ] = "read", [GUEST_WRITE] = "write", [GUEST_FETCH] = "fetch"};

static void log_no_page(const struct tcg_vcpu *v, gva addr, enum guest_access access,
                        uint32_t cause)
{
    log_printf(LOG_MMU, "mmu: cpu %u: no page for %s at 0x%016lx, cause %u\n", v->cpu->index,
               access_names[access], (unsigned long)addr, cause);
}

static void log_fill(const struct tcg_vcpu *v, gva addr, enum guest_access access,
                     const struct tlb_entry *e, const struct guest_walk *w)
{
    log_printf(LOG_MMU,
               "mmu: cpu %u: fill for %s at 0x%016lx, index %lu, asid %u: physical 0x%lx "
               "(%s), page of 2^%u bytes, %c%c%c%s%s\n",
               v->cpu->index, access_names[access], (unsigned long)addr,
               (unsigned long)e->tag & (L2_VALID - 1), e->asid, (unsigned long)w->addr, e->mr->name,
               w->page_bits, e->prot >> GUEST_READ & 1 ? 'r' : '-',
               e->prot >> GUEST_WRITE & 1 ? 'w' : '-', e->prot >> GUEST_FETCH & 1 ? 'x' : '-',
               e->flags & L2_GLOBAL ? ", global" : "", e->host ? "" : ", registers");
}

static struct tlb_entry *walk(struct tcg_vcpu *v, gva addr, enum guest_access access, unsigned idx,
                              uint32_t *cause)
{
    struct guest_walk w = {0};
    v->stats.walks++;
    if (!v->ops->walk(v->cpu, addr, access, idx, &w)) {
        *cause = w.cause;
        if (log_enabled(LOG_MMU))
            log_no_page(v, addr, access, w.cause);
        return NULL;
    }
    bool tagged = v->ops->idx_has_asid(v->cpu, idx);
    struct tlb_entry e = {
        .tag = l2_tag(addr, idx), .asid = v->asid, .prot = w.prot, .page_bits = w.page_bits};
    e.flags = (w.global || !tagged ? L2_GLOBAL : 0) | (w.page_bits > TCG_PAGE_BITS ? L2_LARGE : 0);
    bool whole = describe_page(v, &e, &w);
    if (!e.mr) {
        *cause = GUEST_CAUSE_BUS;
        if (log_enabled(LOG_MMU))
            log_no_page(v, addr, access, *cause);
        return NULL;
    }
    if (log_enabled(LOG_MMU))
        log_fill(v, addr, access, &e, &w);
    if (!whole || w.uncached || w.page_bits < TCG_PAGE_BITS || !e.host) {
        v->uncached = e; /* registers, or a page of mixed kinds: ask again every time */
        v->uncached.tag = 0;
        return &v->uncached;
    }
    if (e.flags & L2_LARGE)
        large_add(v, addr, MIN(w.page_bits, 63));
    struct tlb_entry *slot = l2_victim(v, addr, idx);
    *slot = e;
    return slot;
}

struct tlb_entry *tlb_get(struct tcg_vcpu *v, gva addr, enum guest_access access, unsigned idx,
                          uint32_t *cause)
{
    struct tlb_entry *e = l2_find(v, addr, access, idx);
    if (LIKELY(e)) {
        v->stats.l2_hits++;
        return e;
    }
    return walk(v, addr, access, idx, cause);
}

/* --- first level
 * ------------------------------------------------------------------------------------------------------
 */
static unsigned l1_index(gva addr)
{
    return addr >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1);
}

/* Announce the write entry, then look whether the page became code meanwhile.
 * Pairs with code_page_protect(), which marks the page as code, then looks for announced writers.
 */
static bool may_hold_write_tag(struct tlb_entry *e)
{
    uint8_t note = __atomic_or_fetch(e->note, RAM_PAGE_WRITABLE | RAM_PAGE_DIRTY, __ATOMIC_SEQ_CST);
    return !(note & RAM_PAGE_CODE);
}

bool tlb_fill_l1(struct tcg_vcpu *v, struct tlb_entry *e, gva addr, enum guest_access access,
                 unsigned idx)
{
    if (!e->tag || !e->host || v->phase != LOCKSTEP_OFF || v->tcg->lockstep)
        return false;
    struct tcg_tlb *l1 = &tcg_env(v->cpu)->tlb[idx];
    gva page = addr & PAGE_MASK_;
    unsigned i = l1_index(addr);
    if (access == GUEST_READ) {
        l1->rtag[i] = page;
        l1->radd[i] = (uint64_t)(uintptr_t)e->host - page;
    } else if (may_hold_write_tag(e)) {
        l1->wtag[i] = page;
        l1->wadd[i] = (uint64_t)(uintptr_t)e->host - page;
    } else {
        return false;
    }
    l1->used[i / TCG_TLB_CHUNK] = 1;
    if (!(e->flags & L2_GLOBAL))
        v->idx_local[idx] = true;
    v->idx_used |= 1u << idx;
    v->stats.l1_fills++;
    return true;
}

/* Every index that lies in a chunk with entries: from the word of eight chunks that *w counts. */
static uint64_t used_chunks(const struct tcg_tlb *l1, unsigned w)
{
    uint64_t bytes;
    memcpy(&bytes, &l1->used[w * 8], 8);
    return bytes;
}
enum { CHUNK_WORDS = TCG_TLB_SIZE / TCG_TLB_CHUNK / 8 };

/* What fn is asked to do with the entries of a chunk. */
typedef void chunk_fn(struct tcg_tlb *l1, unsigned first, uint64_t arg);

static void each_used_chunk(struct tcg_tlb *l1, chunk_fn *fn, uint64_t arg)
{
    for (unsigned w = 0; w < CHUNK_WORDS; w++)
        for (uint64_t m = used_chunks(l1, w); m; m &= m - 1)
            fn(l1, (w * 8 + __builtin_ctzll(m) / 8) * TCG_TLB_CHUNK, arg);
}

static void chunk_empty(struct tcg_tlb *l1, unsigned first, uint64_t arg UNUSED)
{
    memset(&l1->rtag[first], 0xff, TCG_TLB_CHUNK * 8);
    memset(&l1->wtag[first], 0xff, TCG_TLB_CHUNK * 8);
}
static void chunk_empty_writes(struct tcg_tlb *l1, unsigned first, uint64_t arg UNUSED)
{
    memset(&l1->wtag[first], 0xff, TCG_TLB_CHUNK * 8);
}
static void chunk_withdraw(struct tcg_tlb *l1, unsigned first, uint64_t host_page)
{
    for (unsigned i = first; i < first + TCG_TLB_CHUNK; i++)
        if (l1->wtag[i] + l1->wadd[i] == host_page)
            l1->wtag[i] = TCG_TLB_EMPTY;
}

static void l1_clear(struct tcg_vcpu *v, unsigned idx)
{
    struct tcg_tlb *l1 = &tcg_env(v->cpu)->tlb[idx];
    each_used_chunk(l1, chunk_empty, 0);
    memset(l1->used, 0, sizeof(l1->used));
    v->idx_local[idx] = false;
}
static void l1_clear_all(struct tcg_vcpu *v)
{
    for (unsigned idx = 0; idx < TCG_MMU_MODES; idx++)
        l1_clear(v, idx);
}
static void l1_clear_page(struct tcg_vcpu *v, gva addr)
{
    unsigned i = l1_index(addr);
    for (unsigned used = v->idx_used; used; used &= used - 1) {
        struct tcg_tlb *l1 = &tcg_env(v->cpu)->tlb[__builtin_ctz(used)];
        if (l1->rtag[i] == (addr & PAGE_MASK_))
            l1->rtag[i] = TCG_TLB_EMPTY;
        if (l1->wtag[i] == (addr & PAGE_MASK_))
            l1->wtag[i] = TCG_TLB_EMPTY;
    }
}

void tlb_withdraw_writes(struct tcg_vcpu *v)
{
    for (unsigned idx = 0; idx < TCG_MMU_MODES; idx++)
        each_used_chunk(&tcg_env(v->cpu)->tlb[idx], chunk_empty_writes, 0);
}

void tlb_withdraw_page(struct tcg_vcpu *v, const uint8_t *host_page)
{
    for (unsigned idx = 0; idx < TCG_MMU_MODES; idx++)
        each_used_chunk(&tcg_env(v->cpu)->tlb[idx], chunk_withdraw, (uintptr_t)host_page);
}

void tlb_init(struct tcg_vcpu *v)
{
    l1_clear_all(v);
    memset(v->l2, 0, sizeof(v->l2));
    memset(v->large, 0, sizeof(v->large));
    v->large_sizes = 0;
    dispatch_forget_all(v);
}

/* --- flushes asked by the guest
 * --------------------------------------------------------------------------------------- */
void guest_tlb_flush(struct cpu *cpu)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    v->stats.flush_all++;
    if (log_enabled(LOG_MMU))
        log_printf(LOG_MMU, "mmu: cpu %u: flush all\n", cpu->index);
    tlb_init(v);
}

void guest_tlb_flush_asid(struct cpu *cpu, uint32_t asid)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    v->stats.flush_asid++;
    if (log_enabled(LOG_MMU))
        log_printf(LOG_MMU, "mmu: cpu %u: flush asid %u\n", cpu->index, asid);
    struct tlb_entry *e = &v->l2[0][0];
    for (unsigned i = 0; i < L2_SETS * L2_WAYS; i++)
        if (!(e[i].flags & L2_GLOBAL) && e[i].asid == asid)
            e[i].tag = 0;
    for (unsigned idx = 0; asid == v->asid && idx < TCG_MMU_MODES; idx++)
        if (v->idx_local[idx])
            l1_clear(v, idx);
    dispatch_forget_asid(v, asid);
}

/* A large mapping was kept as 4 KiB pieces: drop every piece of the mapping that covers addr. */
static void flush_large(struct tcg_vcpu *v, gva addr, bool any_asid, uint32_t asid)
{
    struct tlb_entry *e = &v->l2[0][0];
    v->stats.flush_page_large++;
    for (unsigned i = 0; i < L2_SETS * L2_WAYS; i++) {
        gva mask = ~((UINT64_C(1) << (e[i].page_bits & 63)) - 1);
        bool covers =
            e[i].tag && (e[i].flags & L2_LARGE) && !((e[i].tag ^ addr) & mask & PAGE_MASK_);
        if (covers && (any_asid || (!(e[i].flags & L2_GLOBAL) && e[i].asid == asid)))
            e[i].tag = 0;
    }
    l1_clear_all(v);
    if (any_asid)
        dispatch_forget_all(v);
    else
        dispatch_forget_asid(v, asid);
}

static void log_flush_page(const struct tcg_vcpu *v, gva addr, bool any_asid, uint32_t asid)
{
    g_autofree char *of = any_asid ? NULL : g_strdup_printf(" of asid %u", asid);
    log_printf(LOG_MMU, "mmu: cpu %u: flush page 0x%016lx%s\n", v->cpu->index, (unsigned long)addr,
               of ? of : "");
}

static void flush_page(struct tcg_vcpu *v, gva addr, bool any_asid, uint32_t asid)
{
    v->stats.flush_page++;
    if (log_enabled(LOG_MMU))
        log_flush_page(v, addr, any_asid, asid);
    l1_clear_page(v, addr);
    struct tlb_entry *set = v->l2[l2_set(addr)];
    for (unsigned i = 0; i < L2_WAYS; i++)
        if (!((set[i].tag ^ addr) & PAGE_MASK_) &&
            (any_asid || (!(set[i].flags & L2_GLOBAL) && set[i].asid == asid)))
            set[i].tag = 0;
    if (large_near(v, addr))
        flush_large(v, addr, any_asid, asid);
    else
        dispatch_forget_page(v, addr, any_asid, asid);
}
void guest_tlb_flush_page(struct cpu *cpu, gva addr)
{
    flush_page(tcg_vcpu(cpu), addr, true, 0);
}
void guest_tlb_flush_page_asid(struct cpu *cpu, gva addr, uint32_t asid)
{
    flush_page(tcg_vcpu(cpu), addr, false, asid);
}

/* --- mode and space
 * ------------------------------------------------------------------------------------------------------
 */
void guest_mode_changed(struct cpu *cpu)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    uint32_t mode = v->ops->mode(cpu);
    if (mode == v->mode)
        return;
    v->mode = mode;
    dispatch_mode_changed(v);
}

void guest_space_changed(struct cpu *cpu)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    uint32_t asid = v->ops->asid(cpu);
    if (asid == v->asid)
        return;
    v->asid = asid;
    v->stats.space_switches++;
    for (unsigned idx = 0; idx < TCG_MMU_MODES; idx++)
        if (v->idx_local[idx])
            l1_clear(v, idx);
    dispatch_space_changed(v);
}
