/*
 * The first level of the soft MMU: direct mapped, probed by emitted code, no address spaces; what
 * belongs to one space is dropped at a switch, what is global stays.
 */
#include "accel/tcg/tlb_priv.h"
#include "util/bits.h"

#include <string.h>

static unsigned l1_index(gva addr)
{
    return addr >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1);
}

void *tlb_l1_host(struct tcg_vcpu *v, gva addr, enum guest_access access, unsigned idx)
{
    const struct tcg_tlb *l1 = &tcg_env(v->cpu)->tlb[idx];
    unsigned i = l1_index(addr);
    if (access == GUEST_WRITE)
        return l1->wtag[i] == (addr & PAGE_MASK_) ? (void *)(uintptr_t)(addr + l1->wadd[i]) : NULL;
    return l1->rtag[i] == (addr & PAGE_MASK_) ? (void *)(uintptr_t)(addr + l1->radd[i]) : NULL;
}

/* Announce the write entry, then look whether the page became code meanwhile.
 * Pairs with code_page_protect(), which marks the page as code, then looks for announced writers.
 */
static bool may_hold_write_tag(const struct tlb_entry *e)
{
    uint8_t note = __atomic_or_fetch(e->note, RAM_PAGE_WRITABLE | RAM_PAGE_DIRTY, __ATOMIC_SEQ_CST);
    return !(note & RAM_PAGE_CODE);
}

bool tlb_fill_l1(struct tcg_vcpu *v, const struct tlb_entry *e, gva addr, enum guest_access access,
                 unsigned idx)
{
    if (!e->kept || !e->host || e->watched || v->phase != LOCKSTEP_OFF || v->tcg->lockstep)
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
    l1->local[i / TCG_TLB_CHUNK] |= !(e->flags & L2_GLOBAL);
    v->stats.l1_fills++;
    return true;
}

enum { CHUNK_WORDS = TCG_TLB_SIZE / TCG_TLB_CHUNK / 8 };

/* What fn is asked to do with the entries of a chunk. */
typedef void chunk_fn(struct tcg_tlb *l1, unsigned first, const void *arg);

/* For the chunks that have a mark, in used or local. */
static void each_chunk(struct tcg_tlb *l1, const uint8_t *marks, chunk_fn *fn, const void *arg)
{
    for (unsigned w = 0; w < CHUNK_WORDS; w++)
        for (uint64_t m = ld_le64(&marks[w * 8]); m; m &= m - 1)
            fn(l1, (w * 8 + __builtin_ctzll(m) / 8) * TCG_TLB_CHUNK, arg);
}

static void each_used_chunk(struct tcg_tlb *l1, chunk_fn *fn, const void *arg)
{
    each_chunk(l1, l1->used, fn, arg);
}

static void chunk_empty(struct tcg_tlb *l1, unsigned first, const void *arg UNUSED)
{
    memset(&l1->rtag[first], 0xff, TCG_TLB_CHUNK * 8);
    memset(&l1->wtag[first], 0xff, TCG_TLB_CHUNK * 8);
}
static void chunk_empty_local(struct tcg_tlb *l1, unsigned first, const void *arg)
{
    chunk_empty(l1, first, arg);
    l1->used[first / TCG_TLB_CHUNK] = 0;
}
static void chunk_empty_writes(struct tcg_tlb *l1, unsigned first, const void *arg UNUSED)
{
    memset(&l1->wtag[first], 0xff, TCG_TLB_CHUNK * 8);
}
struct mapping {
    gva addr;
    unsigned bits;
};
static void chunk_forget(struct tcg_tlb *l1, unsigned first, const void *mapping)
{
    const struct mapping *m = mapping;
    for (unsigned i = first; i < first + TCG_TLB_CHUNK; i++) {
        if (!((l1->rtag[i] ^ m->addr) >> m->bits))
            l1->rtag[i] = TCG_TLB_EMPTY;
        if (!((l1->wtag[i] ^ m->addr) >> m->bits))
            l1->wtag[i] = TCG_TLB_EMPTY;
    }
}
static void chunk_withdraw(struct tcg_tlb *l1, unsigned first, const void *host_page)
{
    for (unsigned i = first; i < first + TCG_TLB_CHUNK; i++)
        if (l1->wtag[i] + l1->wadd[i] == (uintptr_t)host_page)
            l1->wtag[i] = TCG_TLB_EMPTY;
}

static void l1_clear(struct tcg_vcpu *v, unsigned idx)
{
    struct tcg_tlb *l1 = &tcg_env(v->cpu)->tlb[idx];
    each_used_chunk(l1, chunk_empty, NULL);
    memset(l1->used, 0, sizeof(l1->used));
    memset(l1->local, 0, sizeof(l1->local));
}

void l1_clear_all(struct tcg_vcpu *v)
{
    for (unsigned used = v->idx_used; used; used &= used - 1)
        l1_clear(v, __builtin_ctz(used));
}

void l1_clear_local(struct tcg_vcpu *v)
{
    for (unsigned used = v->idx_used; used; used &= used - 1) {
        struct tcg_tlb *l1 = &tcg_env(v->cpu)->tlb[__builtin_ctz(used)];
        each_chunk(l1, l1->local, chunk_empty_local, NULL);
        memset(l1->local, 0, sizeof(l1->local));
    }
}

static void clear_entry(struct tcg_tlb *l1, unsigned i, gva page)
{
    if (l1->rtag[i] == page)
        l1->rtag[i] = TCG_TLB_EMPTY;
    if (l1->wtag[i] == page)
        l1->wtag[i] = TCG_TLB_EMPTY;
}

void l1_clear_mapping(struct tcg_vcpu *v, gva addr, unsigned bits)
{
    struct mapping m = {addr, bits};
    for (unsigned used = v->idx_used; used; used &= used - 1) {
        struct tcg_tlb *l1 = &tcg_env(v->cpu)->tlb[__builtin_ctz(used)];
        if (bits <= TCG_PAGE_BITS)
            clear_entry(l1, l1_index(addr), addr & PAGE_MASK_);
        else
            each_used_chunk(l1, chunk_forget, &m);
    }
}

void tlb_withdraw_writes(struct tcg_vcpu *v)
{
    for (unsigned used = v->idx_used; used; used &= used - 1)
        each_used_chunk(&tcg_env(v->cpu)->tlb[__builtin_ctz(used)], chunk_empty_writes, NULL);
}

void tlb_withdraw_page(struct tcg_vcpu *v, const uint8_t *host_page)
{
    for (unsigned used = v->idx_used; used; used &= used - 1)
        each_used_chunk(&tcg_env(v->cpu)->tlb[__builtin_ctz(used)], chunk_withdraw, host_page);
}
