/*
 * Safe points between vCPUs: requests to others, and sections in which no other vCPU runs
 * translated code.
 *
 * A vCPU is "in code" from vcpu_enter_code() to vcpu_leave_code(); everywhere else it is at a safe
 * point and may be ignored.
 */
#include "accel/tcg/tcg_priv.h"

#include <sched.h>
#include <stdatomic.h>

/* Pairs with excl_begin(): either it sees in_code, or we see its request and stay out. */
void vcpu_enter_code(struct tcg_vcpu *v)
{
    atomic_store_explicit(&v->in_code, true, memory_order_seq_cst);
    while (UNLIKELY(atomic_load_explicit(&v->tcg->excl_waiters, memory_order_seq_cst)) &&
           !v->exclusive) {
        atomic_store_explicit(&v->in_code, false, memory_order_seq_cst);
        while (atomic_load_explicit(&v->tcg->excl_waiters, memory_order_acquire))
            sched_yield();
        atomic_store_explicit(&v->in_code, true, memory_order_seq_cst);
    }
}

void vcpu_leave_code(struct tcg_vcpu *v)
{
    atomic_store_explicit(&v->in_code, false, memory_order_release);
}

void excl_begin(struct tcg *t, struct tcg_vcpu *self)
{
    uint32_t none = 0;
    while (!atomic_compare_exchange_weak(&t->excl_waiters, &none, 1)) {
        none = 0;
        sched_yield(); /* another section; we are at a safe point, so it does not wait for us */
    }
    for (unsigned i = 0; i < t->m->ncpus; i++) {
        struct tcg_vcpu *v = tcg_vcpu(t->m->cpus[i]);
        if (v == self)
            continue;
        while (atomic_load_explicit(&v->in_code, memory_order_seq_cst)) {
            cpu_request(v->cpu, CPU_REQ_ACCEL);
            sched_yield();
        }
    }
}

void excl_end(struct tcg *t, struct tcg_vcpu *self UNUSED)
{
    atomic_store_explicit(&t->excl_waiters, 0, memory_order_release);
}

void vcpu_ask(struct tcg_vcpu *v, uint32_t bits)
{
    atomic_fetch_or_explicit(&v->todo, bits, memory_order_seq_cst);
    cpu_request(v->cpu, CPU_REQ_ACCEL);
}

/* On the vCPU's own thread at a safe point. */
void vcpu_do(struct tcg_vcpu *v)
{
    uint32_t todo = atomic_exchange_explicit(&v->todo, 0, memory_order_seq_cst);
    if (todo & TODO_TLB)
        tlb_init(v);
    if (todo & TODO_WTAGS)
        tlb_withdraw_writes(v);
    if (todo & TODO_DISPATCH)
        dispatch_forget_all(v);
    if (todo & TODO_SAMPLE)
        v->sampled = true;
}
