/* The store of translated units: by physical place, mode and pc (relative ones need no pc); by
 * page; by host address; and the jumps between them. */
#include "accel/tcg/tcg_priv.h"

#include <stdatomic.h>

static unsigned hash_of(const uint8_t *host, gva key, uint32_t mode)
{
    uint64_t h = (uint64_t)(uintptr_t)host * UINT64_C(0x9e3779b97f4a7c15) ^
                 (key >> 12) * UINT64_C(0xd6e8feb86659fd93) ^ mode * UINT64_C(0xa0761d6478bd642f);
    return (h ^ h >> 29) >> 8 & ((1 << UNIT_HASH_BITS) - 1);
}

struct unit *unit_lookup(struct tcg *t, const uint8_t *host, gva key, uint32_t mode)
{
    /* Pairs with the release in unit_publish(); unlinked units stay readable until their segment is
     * evicted. */
    struct unit *u = atomic_load_explicit(&t->hash[hash_of(host, key, mode)], memory_order_acquire);
    while (u && !(u->host == host && u->key == key && u->mode == mode && u->valid))
        u = atomic_load_explicit(&u->hash_next, memory_order_acquire);
    return u;
}

struct code_page *code_page_get(struct tcg *t, uint8_t *host_page, bool create,
                                const struct tlb_entry *e)
{
    struct code_page *p = g_hash_table_lookup(t->pages, host_page);
    if (!p && create) {
        p = g_new0(struct code_page, 1);
        p->host = host_page;
        p->ram = e->ram;
        p->off = e->ram_off;
        p->seen = ANY_PC;
        g_hash_table_insert(t->pages, host_page, p);
    }
    return p;
}

static struct code_page *page_of(struct tcg *t, const uint8_t *host)
{
    return g_hash_table_lookup(t->pages, (void *)((uintptr_t)host & PAGE_MASK_));
}

static struct page_link *page_link(struct unit *u, bool second)
{
    return second ? &u->in_page2 : &u->in_page;
}

static void list_add(struct unit **list, struct unit *u, bool second)
{
    struct page_link *l = page_link(u, second);
    *l = (struct page_link){*list, list};
    if (*list)
        page_link(*list, second)->prev = &l->next;
    *list = u;
}

static void list_remove(struct unit *u, bool second)
{
    struct page_link *l = page_link(u, second);
    *l->prev = l->next;
    if (l->next)
        page_link(l->next, second)->prev = l->prev;
}

void unit_publish(struct tcg *t, struct unit *u)
{
    struct code_page *p = page_of(t, u->host), *p2 = u->page2 ? page_of(t, u->page2) : NULL;
    list_add(&p->units, u, false);
    p->granules |= u->granules;
    p->seen_at |= u->relative ? UINT64_MAX : page_filter(u->pc);
    if (p2) {
        p2->seen_at |= page_filter(u->pc + PAGE_SIZE_);
        list_add(&p2->units2, u, true);
        p2->granules |= u->granules2;
    }
    uint32_t start = u->code.start - t->cb->rx;
    g_ptr_array_add(t->segs[u->segment].units, u);
    g_array_append_val(t->segs[u->segment].starts, start);
    if (!u->global && !u->relative)
        p->seen = u->pc & PAGE_MASK_;
    if (u->base)
        return; /* found through it */
    unsigned h = hash_of(u->host, u->key, u->mode);
    atomic_store_explicit(&u->hash_next, atomic_load_explicit(&t->hash[h], memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&t->hash[h], u, memory_order_release);
}

/* The last unit that starts at or before addr, if it reaches that far. */
static struct unit *search_segment(struct tcg *t, uintptr_t addr)
{
    const struct segment *seg = &t->segs[codebuf_segment_of(t->cb, (void *)addr)];
    const uint32_t *starts = (const uint32_t *)(void *)seg->starts->data;
    uint32_t off = addr - (uintptr_t)t->cb->rx;
    unsigned lo = 0, hi = seg->starts->len;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (starts[mid] <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    struct unit *u = lo ? g_ptr_array_index(seg->units, lo - 1) : NULL;
    return u && addr - (uintptr_t)u->code.start < u->code.size ? u : NULL;
}

struct unit *unit_by_address(struct tcg *t, uintptr_t addr)
{
    if (addr - (uintptr_t)t->cb->rx >= t->cb->size)
        return NULL;
    mutex_lock(&t->lock);
    struct unit *u = search_segment(t, addr);
    mutex_unlock(&t->lock);
    return u;
}

/* --- links
 * ------------------------------------------------------------------------------------------------------------
 */
static void unlink_exit(struct tcg *t, struct unit *from, unsigned exit)
{
    t->be->patch(&from->code, exit, NULL, t->cb);
    from->out[exit] = NULL;
}

static void chain_locked(struct tcg_vcpu *v, struct unit *from, unsigned exit, struct unit *to)
{
    if (!to->incoming)
        to->incoming = g_array_new(FALSE, FALSE, sizeof(struct unit_link));
    struct unit_link l = {from, exit};
    g_array_append_val(to->incoming, l);
    from->out[exit] = to;
    v->tcg->be->patch(&from->code, exit, &to->code, v->tcg->cb);
    v->stats.chained++;
}

static bool same_page(const uint8_t *a, const uint8_t *b)
{
    return (((uintptr_t)a ^ (uintptr_t)b) & PAGE_MASK_) == 0;
}

/* Whether an exit for pc may jump to it, where both lie in the same physical page. */
static bool fits(const struct unit *from, gva pc, const struct unit *to)
{
    gva differ = pc ^ to->pc;
    return from->relative == to->relative && !(to->relative ? differ & ~PAGE_MASK_ : differ);
}

bool unit_chain(struct tcg_vcpu *v, uintptr_t site, struct unit *to)
{
    struct tcg *t = v->tcg;
    mutex_lock(&t->lock);
    struct unit *from = search_segment(t, site);
    int exit = from ? host_code_exit(&from->code, site) : -1;
    /* An interrupt may have been taken since: then `to` is not where the exit leads.  And the page
     * tables may have changed without a fence: what is linked must hold wherever the page is
     * mapped.
     */
    bool good = exit >= 0 && fits(from, from->code.exits[exit].pc, to) && from->valid &&
                to->valid && !from->out[exit] && from->mode == to->mode &&
                same_page(from->host, to->host);
    if (good)
        chain_locked(v, from, exit, to);
    mutex_unlock(&t->lock);
    return good;
}

static void drop_incoming(struct unit *to, const struct unit *from)
{
    for (unsigned i = 0; to->incoming && i < to->incoming->len;) {
        if (g_array_index(to->incoming, struct unit_link, i).from == from)
            g_array_remove_index_fast(to->incoming, i);
        else
            i++;
    }
}

static void unlink_all(struct tcg *t, struct unit *u)
{
    for (unsigned i = 0; u->incoming && i < u->incoming->len; i++) {
        struct unit_link l = g_array_index(u->incoming, struct unit_link, i);
        unlink_exit(t, l.from, l.exit);
    }
    if (u->incoming)
        g_array_set_size(u->incoming, 0);
    for (unsigned i = 0; i < u->code.nexits; i++) {
        if (!u->out[i])
            continue;
        drop_incoming(u->out[i], u);
        unlink_exit(t, u, i);
    }
}

static void hash_remove(struct tcg *t, struct unit *u)
{
    struct unit *_Atomic *link = &t->hash[hash_of(u->host, u->key, u->mode)];
    while (atomic_load_explicit(link, memory_order_relaxed) &&
           atomic_load_explicit(link, memory_order_relaxed) != u)
        link = &atomic_load_explicit(link, memory_order_relaxed)->hash_next;
    if (atomic_load_explicit(link, memory_order_relaxed))
        atomic_store_explicit(link, atomic_load_explicit(&u->hash_next, memory_order_relaxed),
                              memory_order_release);
}

/* Nothing jumps to it any more. */
static void bypass(struct tcg *t, struct unit *u, struct tcg_vcpu *self)
{
    unlink_all(t, u);
    for (unsigned i = 0; i < t->m->ncpus; i++) {
        struct tcg_vcpu *v = tcg_vcpu(t->m->cpus[i]);
        if (v == self)
            dispatch_forget_unit(v, u);
        else
            vcpu_ask(v, TODO_DISPATCH);
    }
}

void unit_set_region(struct tcg *t, struct unit *base, struct unit *region, struct tcg_vcpu *self)
{
    atomic_store(&base->region, region);
    bypass(t, base, self);
}

void unit_invalidate(struct tcg *t, struct unit *u, struct tcg_vcpu *self)
{
    if (!u->valid)
        return;
    u->valid = false;
    if (u->region)
        unit_invalidate(t, u->region, self);
    if (u->base)
        atomic_store(&u->base->region, NULL);
    else
        hash_remove(t, u);
    list_remove(u, false);
    if (u->page2)
        list_remove(u, true);
    bypass(t, u, self);
    if (self)
        self->stats.invalidated++;
}

void unit_drop_region(struct tcg_vcpu *v, struct unit *region)
{
    mutex_lock(&v->tcg->lock);
    if (region->valid) {
        atomic_store(&region->base->no_region, true);
        unit_invalidate(v->tcg, region, v);
    }
    mutex_unlock(&v->tcg->lock);
}

static void invalidate_settled(struct tcg *t, struct code_page *p, struct tcg_vcpu *self)
    REQUIRES(t->lock)
{
    for (struct unit *u = p->units, *next; u; u = next) {
        next = u->in_page.next;
        if (!u->global && !u->relative && !u->page2)
            unit_invalidate(t, u, self);
    }
}

bool code_page_settle(struct tcg_vcpu *v, gva pc, const struct tlb_entry *e)
{
    struct tcg *t = v->tcg;
    mutex_lock(&t->lock);
    struct code_page *p = code_page_get(t, e->host, false, NULL);
    bool settled = !p || p->seen == ANY_PC || p->seen == (pc & PAGE_MASK_);
    if (!settled) {
        __atomic_fetch_or(e->note, RAM_PAGE_MOVES, __ATOMIC_RELAXED);
        invalidate_settled(t, p, v);
    }
    mutex_unlock(&t->lock);
    return settled;
}

void unit_free(struct tcg *t, struct unit *u)
{
    t->be->release(&u->code);
    host_code_free(&u->code);
    if (t->be_ref) {
        t->be_ref->release(&u->ref);
        host_code_free(&u->ref);
    }
    if (u->incoming)
        g_array_free(u->incoming, TRUE);
    g_free(u->out);
    g_free(u);
}

/* Every vCPU is out of translated code (excl_begin): forget all units of a segment before it is
 * filled again. */
void units_evict_segment(struct tcg *t, unsigned seg)
{
    GPtrArray *units = t->segs[seg].units;
    mutex_lock(&t->lock);
    for (unsigned i = 0; i < units->len; i++) {
        struct unit *u = g_ptr_array_index(units, i);
        if (u->valid)
            unit_invalidate(t, u, NULL);
    }
    for (unsigned i = 0; i < units->len; i++)
        unit_free(t, g_ptr_array_index(units, i));
    g_ptr_array_set_size(units, 0);
    g_array_set_size(t->segs[seg].starts, 0);
    mutex_unlock(&t->lock);
    /* They do it themselves before they enter code again: their salts are theirs alone. */
    for (unsigned i = 0; i < t->m->ncpus; i++)
        vcpu_ask(tcg_vcpu(t->m->cpus[i]), TODO_DISPATCH);
}
