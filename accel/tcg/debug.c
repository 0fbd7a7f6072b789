/*
 * Breakpoints and watchpoints in translated code.
 *
 * No unit starts at a breakpoint or runs over it: units end before it, and those that did not are
 * dropped when it is set.  So whoever goes there comes to the executor, which holds the vCPU.  No
 * level of the TLB has a page with a watchpoint: its accesses take the slow path, which asks.
 */
#include "accel/tcg/tcg_priv.h"

bool break_at(const struct tcg_vcpu *v, gva pc, bool relative)
{
    return debug_break_at(v->tcg->m->debug, pc, relative ? ~PAGE_MASK_ : ~UINT64_C(0));
}

bool break_near(const struct tcg_vcpu *v, const struct unit *u)
{
    const struct debug *d = v->tcg->m->debug;
    return u->relative ? debug_breaks_in(d, 0, UINT64_MAX)
                       : debug_breaks_in(d, u->pc & PAGE_MASK_, PAGE_SIZE_);
}

bool watch_near(const struct tcg_vcpu *v, gva addr, unsigned bits)
{
    return v->cpu->debug.active &&
           debug_watches(v->tcg->m->debug, addr >> bits << bits, UINT64_C(1) << bits);
}

/* Granules of addr and of what may end there. */
static uint64_t granules_at(gva addr)
{
    unsigned off = addr & ~PAGE_MASK_, before = off ? off - 1 : 0;
    return UINT64_C(1) << (off >> GRANULE_BITS) | UINT64_C(1) << (before >> GRANULE_BITS);
}

/* Whether the unit may hold the instruction at addr, start there or end there. */
static bool may_hold(const struct unit *u, gva addr)
{
    gva apart = (addr & PAGE_MASK_) - (u->pc & PAGE_MASK_);
    if ((u->relative || !apart) && (u->granules & granules_at(addr)))
        return true;
    return u->page2 && apart == PAGE_SIZE_ && (u->granules2 & granules_at(addr));
}

static void drop_holders(struct tcg *t, struct unit *list, bool second, gva addr) REQUIRES(t->lock)
{
    for (struct unit *u = list, *next; u; u = next) {
        next = second ? u->in_page2.next : u->in_page.next;
        if (may_hold(u, addr))
            unit_invalidate(t, u, NULL);
    }
}

/* Few of the pages have code that any unit runs at addr. */
static void drop_units(struct tcg *t, gva addr)
{
    GHashTableIter it;
    gpointer page;
    mutex_lock(&t->lock);
    g_hash_table_iter_init(&it, t->pages);
    while (g_hash_table_iter_next(&it, NULL, &page)) {
        const struct code_page *p = page;
        if (!(p->seen_at & page_filter(addr)) || !(p->granules & granules_at(addr)))
            continue;
        drop_holders(t, p->units, false, addr);
        drop_holders(t, p->units2, true, addr);
    }
    mutex_unlock(&t->lock);
}

void tcg_debug_changed(struct machine *m, const struct debug_point *p)
{
    if (p->kind < DEBUG_WATCH_WRITE) {
        drop_units(m->accel_props, p->addr);
        return;
    }
    for (unsigned i = 0; i < m->ncpus; i++)
        if (m->cpus[i]->accel)
            vcpu_ask(tcg_vcpu(m->cpus[i]), TODO_TLB | TODO_DISPATCH);
}
