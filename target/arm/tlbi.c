/*
 * TLB invalidation.  Each processor owns its TLB, so a broadcast puts the operation in the queue of
 * every other one, which works on it at its next safe point; the sender's DSB waits until all have.
 * Ref: the manual, D8.14 (TLB maintenance), B2.3.12 (completion by DSB).
 */
#include "target/arm/tlbi.h"

#include "core/machine.h"
#include "target/arm/cpu_priv.h"

#include <glib.h>

enum { QUEUE_OPS = 64, MAX_RANGE = 512 };

/* What others asked of a processor and it has not done yet. */
struct arm_tlbi_queue {
    struct mutex lock; /* leaf */
    unsigned n;
    bool overflow; /* more than fit: invalidate everything */
    bool posted;   /* the vCPU has been told */
    struct arm_tlbi_op op[QUEUE_OPS];
    unsigned nwaiters;
    struct arm_cpu *waiter[MACHINE_MAX_CPUS]; /* who counts on it (tlbi_waits) */
};

static void flush_range(struct arm_cpu *cpu, const struct arm_tlbi_op *op)
{
    if (op->pages > MAX_RANGE) {
        guest_tlb_flush(&cpu->cpu);
        return;
    }
    for (uint64_t i = 0; i < op->pages; i++)
        guest_tlb_flush_page(&cpu->cpu, op->addr + (i << op->page_bits));
}

static void do_op(struct arm_cpu *cpu, const struct arm_tlbi_op *op)
{
    if (cpu->tagged_pages && (op->kind == ARM_TLBI_PAGE || op->kind == ARM_TLBI_RANGE)) {
        cpu->tagged_pages = false; /* entries stand under other tags of the address, too */
        guest_tlb_flush(&cpu->cpu);
        return;
    }
    switch (op->kind) {
    case ARM_TLBI_ALL: guest_tlb_flush(&cpu->cpu); break;
    case ARM_TLBI_ASID: guest_tlb_flush_asid(&cpu->cpu, op->asid); break;
    case ARM_TLBI_PAGE: guest_tlb_flush_page(&cpu->cpu, op->addr); break;
    default: flush_range(cpu, op);
    }
}

/* On the vCPU's thread: all that is in its queue. */
static void work(struct cpu *c, void *arg UNUSED)
{
    struct arm_cpu *cpu = arm(c);
    struct arm_tlbi_queue *q = cpu->tlbi;

    mutex_lock(&q->lock);
    if (q->overflow)
        guest_tlb_flush(c);
    for (unsigned i = 0; i < q->n && !q->overflow; i++)
        do_op(cpu, &q->op[i]);
    q->n = 0;
    q->overflow = q->posted = false;
    for (unsigned i = 0; i < q->nwaiters; i++)
        atomic_fetch_sub(&q->waiter[i]->tlbi_waits, 1);
    q->nwaiters = 0;
    mutex_unlock(&q->lock);
}

static void ask(struct arm_cpu *from, struct arm_cpu *to, const struct arm_tlbi_op *op)
{
    struct arm_tlbi_queue *q = to->tlbi;
    bool post;

    mutex_lock(&q->lock);
    if (op->kind == ARM_TLBI_ALL || q->n == QUEUE_OPS)
        q->overflow = true;
    else if (!q->overflow)
        q->op[q->n++] = *op;
    bool counted = false;
    for (unsigned i = 0; i < q->nwaiters; i++)
        counted |= q->waiter[i] == from;
    if (!counted) {
        q->waiter[q->nwaiters++] = from;
        atomic_fetch_add(&from->tlbi_waits, 1);
    }
    post = !q->posted;
    q->posted = true;
    mutex_unlock(&q->lock);
    if (post)
        cpu_run_async(&to->cpu, work, NULL);
}

void arm_tlbi(struct arm_cpu *cpu, struct arm_tlbi_op op, bool broadcast)
{
    struct machine *m = cpu->cpu.machine;

    do_op(cpu, &op);
    for (unsigned i = 0; broadcast && i < m->ncpus; i++)
        if (m->cpus[i] != &cpu->cpu && m->cpus[i]->started)
            ask(cpu, arm(m->cpus[i]), &op);
}

void arm_tlbi_init(struct arm_cpu *cpu)
{
    cpu->tlbi = g_new0(struct arm_tlbi_queue, 1);
    mutex_init(&cpu->tlbi->lock);
}

void arm_tlbi_fini(struct arm_cpu *cpu)
{
    mutex_fini(&cpu->tlbi->lock);
    g_free(cpu->tlbi);
}
