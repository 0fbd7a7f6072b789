/*
 * Stores to pages that translated code was made from.
 *
 * Order: mark the page as code, withdraw every write tag that could miss the mark, wait for vCPUs
 * that may hold one, then read the bytes and publish.  A store that comes later finds no write tag,
 * takes the slow path, and ends in smc_written().  What it writes before the unit is published is
 * noted in tcg->making: then the unit is not published but made again.
 */
#include "accel/tcg/tcg_priv.h"
#include "util/bits.h"

#include <sched.h>
#include <stdatomic.h>

static void wait_for_write_tags(struct tcg_vcpu *self)
{
    struct tcg *t = self->tcg;
    for (unsigned i = 0; i < t->m->ncpus; i++) {
        struct tcg_vcpu *v = tcg_vcpu(t->m->cpus[i]);
        if (v == self)
            continue;
        vcpu_ask(v, TODO_WTAGS);
        /* Out of code, it serves the request before it enters code again. */
        while (atomic_load(&v->in_code) && (atomic_load(&v->todo) & TODO_WTAGS))
            sched_yield();
    }
}

/* From a thread that is no vCPU's.  A vCPU that is out of code serves the request first. */
void smc_withdraw_all(struct tcg *t)
{
    for (unsigned i = 0; i < t->m->ncpus; i++)
        vcpu_ask(tcg_vcpu(t->m->cpus[i]), TODO_WTAGS);
    for (unsigned i = 0; i < t->m->ncpus; i++) {
        struct tcg_vcpu *v = tcg_vcpu(t->m->cpus[i]);
        while (atomic_load(&v->in_code) && (atomic_load(&v->todo) & TODO_WTAGS))
            sched_yield();
    }
}

void code_page_protect(struct tcg_vcpu *v, const struct tlb_entry *e, unsigned nth)
{
    mutex_lock(&v->tcg->lock);
    v->tcg->making[nth] = (struct making){e->host, 0};
    mutex_unlock(&v->tcg->lock);
    uint8_t old = __atomic_fetch_or(e->note, RAM_PAGE_CODE, __ATOMIC_SEQ_CST);
    if (!(old & RAM_PAGE_WRITABLE))
        return;
    tlb_withdraw_page(v, e->host);
    if (v->tcg->m->ncpus > 1)
        wait_for_write_tags(v);
    /* Only now: until the tags are gone, whoever else translates from this page must wait, too. */
    __atomic_fetch_and(e->note, (uint8_t)~RAM_PAGE_WRITABLE, __ATOMIC_SEQ_CST);
}

bool smc_end_making(struct tcg *t, const struct unit *u)
{
    bool fresh = !(t->making[0].written & u->granules) && !(t->making[1].written & u->granules2);
    t->making[0].host = t->making[1].host = NULL;
    return fresh;
}

/* Whether a unit is being made from the page. */
static bool note_making(struct tcg *t, const uint8_t *host_page, uint64_t mask) REQUIRES(t->lock)
{
    bool found = false;
    for (unsigned i = 0; i < G_N_ELEMENTS(t->making); i++)
        if (t->making[i].host == host_page) {
            t->making[i].written |= mask;
            found = true;
        }
    return found;
}

/* False: nothing was made from these granules. */
static bool invalidate_granules(struct tcg *t, struct tcg_vcpu *self, struct code_page *p,
                                uint64_t mask) REQUIRES(t->lock)
{
    bool found = false;
    for (struct unit *u = p->units, *next; u; u = next) {
        next = u->in_page.next;
        if (u->granules & mask) {
            unit_invalidate(t, u, self);
            found = true;
        }
    }
    for (struct unit *u = p->units2, *next; u; u = next) {
        next = u->in_page2.next;
        if (u->granules2 & mask) {
            unit_invalidate(t, u, self);
            found = true;
        }
    }
    p->granules &= ~mask;
    return found;
}

/* Whether the page is being filled with something else, from one end to the other: then each store
 * would be seen until the last of its units is hit. */
static bool is_overwritten(struct code_page *p, uint32_t off, uint32_t len, bool hit)
{
    enum { RUN_BYTES = 256, RUN_HITS = 3 };
    if (off != p->run_end) {
        p->run_start = off;
        p->run_hits = 0;
    }
    p->run_end = off + len;
    p->run_hits += hit;
    return p->run_hits >= RUN_HITS && p->run_end - p->run_start >= RUN_BYTES;
}

/* Invalidate what was made from [off, off+len) of one page; clear the mark when nothing is left. */
static void written_page(struct tcg *t, struct tcg_vcpu *self, struct ram_block *ram, uint64_t off,
                         uint64_t len) REQUIRES(t->lock)
{
    uint8_t *host = ram->host + (off & PAGE_MASK_);
    struct code_page *p = code_page_get(t, host, false, NULL);
    uint64_t mask = granule_mask(off, len);
    if (p) {
        bool hit = (p->granules & mask) && invalidate_granules(t, self, p, mask);
        if (is_overwritten(p, off & ~PAGE_MASK_, len, hit))
            invalidate_granules(t, self, p, UINT64_MAX);
    }
    if (!note_making(t, host, mask) && (!p || (!p->units && !p->units2))) {
        if (p) {
            p->granules = 0;
            p->seen_at = 0;
            p->seen = ANY_PC;
        }
        __atomic_fetch_and(&ram->notes[off >> RAM_PAGE_BITS],
                           (uint8_t) ~(RAM_PAGE_CODE | RAM_PAGE_MOVES), __ATOMIC_SEQ_CST);
    }
}

void smc_written(struct tcg *t, struct tcg_vcpu *self, struct ram_block *ram, uint64_t off,
                 uint64_t len)
{
    if (self)
        self->stats.smc_writes++;
    mutex_lock(&t->lock);
    while (len) {
        uint64_t n = MIN(len, PAGE_SIZE_ - (off & ~PAGE_MASK_));
        if (__atomic_load_n(&ram->notes[off >> RAM_PAGE_BITS], __ATOMIC_ACQUIRE) & RAM_PAGE_CODE)
            written_page(t, self, ram, off, n);
        off += n;
        len -= n;
    }
    mutex_unlock(&t->lock);
}
