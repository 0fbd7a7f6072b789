/* A vCPU's thread: find the unit for the pc, run it, handle why it came back. */
#include "accel/tcg/tcg_priv.h"
#include "util/log.h"

#include <sched.h>
#include <stdatomic.h>
#include <string.h>

/* Where the last run left: an exit that may be chained to the unit that comes next. */
struct departure {
    uintptr_t site;
    uint64_t evictions;
    bool chain, cache; /* patch the jump; or put the next unit into the dispatch cache */
    bool plain;        /* a region cannot do the next instruction: let a unit do it */
};

static void set_pc(struct tcg_vcpu *v, uint64_t pc)
{
    memcpy((char *)v->cpu + v->ops->slots[v->ops->pc_slot].off, &pc, 8);
}

static void log_dispatch(struct tcg_vcpu *v, gva pc, const struct unit *u)
{
    if (!log_wants_code(pc, u->len))
        return;
    if (log_enabled(LOG_EXEC))
        log_printf(LOG_EXEC, "exec cpu %u pc %016lx mode %x: %u insns, host %p\n", v->cpu->index,
                   (unsigned long)pc, u->mode, u->insns, (const void *)u->code.start);
    if (log_enabled(LOG_CPU)) {
        FILE *f = log_begin();
        v->cpu->ops->dump(v->cpu, f);
        log_end();
    }
}

enum { SIDE_BURST = 1024, SIDE_BURST_US = 4000 };

/* A region that is left by side exits all the time, since its loop drives a device, say, is no
 * gain. */
static void judge_region(struct tcg_vcpu *v, uintptr_t site)
{
    int64_t now = g_get_monotonic_time();
    struct unit *u = unit_by_address(v->tcg, site);
    if (now - v->side_burst < SIDE_BURST_US && u && u->base)
        unit_drop_region(v, u);
    v->side_burst = now;
}

/* While still in code, so that the unit cannot go away. */
static struct departure leave(struct tcg_vcpu *v, struct tcg_exit x)
{
    struct departure d = {.evictions =
                              atomic_load_explicit(&v->tcg->evictions, memory_order_relaxed)};
    switch (x.kind) {
    case TCG_EXIT_DIRECT: {
        v->stats.exit_direct++;
        struct unit *from = unit_by_address(v->tcg, x.site);
        int n = from ? host_code_exit(&from->code, x.site) : -1;
        if (n < 0)
            g_error("no unit at host address %#lx", (unsigned long)x.site);
        set_pc(v, host_code_pc(&from->code, v->cpu, from->code.exits[n].pc));
        d.site = x.site;
        d.chain = from->code.exits[n].same_page && from->mode == v->mode;
        d.cache = !d.chain;
        break;
    }
    case TCG_EXIT_LOOKUP:
        v->stats.exit_lookup++;
        d.cache = true;
        break;
    case TCG_EXIT_REQUEST: v->stats.exit_request++; break;
    case TCG_EXIT_SIDE:
        guest_mode_changed(v->cpu); /* in the midst of a block it may be another */
        d.plain = true;
        if (++v->stats.exit_side % SIDE_BURST == 0)
            judge_region(v, x.site);
        break;
    default:
        v->stats.exit_main++;
        if (x.reason == 2)
            sched_yield();
    }
    return d;
}

static struct tcg_exit run_unit(struct tcg_vcpu *v, gva pc, struct unit *u)
{
    tcg_env(v->cpu)->page = pc & PAGE_MASK_;
    v->current_be = v->tcg->be;
    v->current = v->tcg->be->is_native ? NULL : u;
    struct tcg_exit x =
        UNLIKELY(v->tcg->be_ref) ? lockstep_run(v, u) : v->tcg->be->enter(v->cpu, &u->code);
    if (dispatch_swapped(v))
        guest_mode_changed(v->cpu);
    return x;
}

/* Let the exit that was taken last lead to u, which is at pc, from now on. */
static void link_up(struct tcg_vcpu *v, gva pc, struct unit *u, const struct departure *d)
{
    uint64_t evictions = atomic_load_explicit(&v->tcg->evictions, memory_order_relaxed);
    dispatch_note_run(v, pc, u);
    if (u->mode != v->mode) /* alone */
        return;
    if (d->chain && d->evictions == evictions && !u->page2 && unit_chain(v, d->site, u))
        return;
    if (d->cache || d->chain)
        dispatch_fill(v, pc, u);
}

static bool wants_region(struct tcg_vcpu *v, gva pc, const struct unit *u)
{
    if (LIKELY(!v->sampled && v->tcg->tier != REGIONS_ALL))
        return false;
    bool hot = v->tcg->tier == REGIONS_ALL || sample_is_hot(v, pc, u);
    v->sampled = false;
    return hot && !u->region && !u->no_region && !u->page2 && !(u->mode & UNIT_ALONE) &&
           !break_near(v, u);
}

static void enter_code(struct tcg_vcpu *v)
{
    if (UNLIKELY(v->exclusive))
        excl_begin(v->tcg, v);
    vcpu_enter_code(v);
}

static void leave_code(struct tcg_vcpu *v)
{
    vcpu_leave_code(v);
    if (UNLIKELY(v->exclusive))
        excl_end(v->tcg, v);
}

/* True when some instruction was run, or its fetch has trapped. */
static bool step(struct tcg_vcpu *v, struct departure *d)
{
    struct tlb_entry e;
    bool ran = false;
    gva pc = v->cpu->ops->get_pc(v->cpu);
    enter_code(v);
    /* Pairs with vcpu_ask(): whoever saw us out of code takes what he asked for as done. */
    if (UNLIKELY(atomic_load_explicit(&v->todo, memory_order_seq_cst))) {
        leave_code(v);
        return false;
    }
    struct unit *u = unit_find(v, pc, &e), *region = NULL;
    if (UNLIKELY(u && !d->plain && wants_region(v, pc, u))) {
        leave_code(v);
        unit_make_region(v, pc, &e);
        return false;
    }
    if (LIKELY(u)) {
        if (!d->plain && (region = atomic_load_explicit(&u->region, memory_order_acquire)))
            u = region;
        link_up(v, pc, u, d);
        if (UNLIKELY(log_mask & (LOG_EXEC | LOG_CPU)))
            log_dispatch(v, pc, u);
        struct tcg_exit x = run_unit(v, pc, u);
        *d = leave(v, x);
        ran = x.kind != TCG_EXIT_REQUEST || v->cpu->ops->get_pc(v->cpu) != pc;
    }
    leave_code(v);
    if (UNLIKELY(!u) && (!e.host || !unit_make(v, pc, &e))) {
        *d = (struct departure){0};
        return true;
    }
    return ran;
}

/* An instruction that asked for it, see enum once. */
static NOINLINE bool step_once(struct tcg_vcpu *v, struct departure *d)
{
    bool single = v->single;
    v->single = true;
    v->exclusive = v->once == ONCE_EXCLUSIVE;
    bool ran = step(v, d);
    if (ran)
        v->once = ONCE_NOT;
    v->single = single;
    v->exclusive = false;
    return ran;
}

static bool step_any(struct tcg_vcpu *v, struct departure *d)
{
    return UNLIKELY(v->once) ? step_once(v, d) : step(v, d);
}

/* With a debugger that has set breakpoints or wants single steps. */
static void step_debugged(struct tcg_vcpu *v, struct departure *d)
{
    struct cpu *cpu = v->cpu;
    if (debug_before(cpu, cpu->ops->get_pc(cpu)))
        return;
    cpu->halted = false; /* a step out of WFI */
    v->single = debug_is_single(cpu);
    if (step_any(v, d) && v->single)
        debug_after(cpu, cpu->ops->get_pc(cpu));
    v->single = false;
}

static bool is_idle(const struct cpu *cpu)
{
    return !cpu->started || (cpu->halted && !(cpu->debug.active && debug_is_single(cpu)));
}

/*
 * WFI with an interrupt pending that is not taken (masked globally) falls through, and firmware
 * waits in such loops for another hart.  After some rounds give the host's processor to that hart,
 * for longer and longer: OpenSBI 1.1 stores a hart's entry point after the state that releases it,
 * so a hart that looks in between starts at a stale one.  The longer the naps, the rarer that is:
 * with 4 ms, and more vCPUs than host processors, every 40th boot failed.
 */
static void wake_from_wfi(struct tcg_vcpu *v)
{
    enum { YIELD_AFTER = 4, NAP_AFTER = 16, NAP_US = 50, NAP_DOUBLINGS = 8 };
    v->cpu->halted = false;
    atomic_fetch_or(&v->cpu->request, CPU_REQ_IRQ);
    v->futile_wakes++;
    if (v->futile_wakes > NAP_AFTER)
        g_usleep(NAP_US << MIN(v->futile_wakes - NAP_AFTER, NAP_DOUBLINGS));
    else if (v->futile_wakes > YIELD_AFTER)
        sched_yield();
}

/*
 * After an interrupt to another vCPU firmware spins until it has been served there (SBI remote
 * fences).  When the host has too few processors that one may not even run: hand it ours, until it
 * has taken the interrupt or this one has gone on to something else.
 */
static void yield_to_interrupted(struct tcg_vcpu *v)
{
    enum { MAX_YIELDS = 200 };
    struct cpu *cpu = v->cpu;
    uint64_t lines = atomic_load_explicit(&cpu->interrupted->irq_lines, memory_order_relaxed);
    if (!v->yields)
        v->sent_mode = v->mode;
    if ((lines & cpu->interrupted_line) && v->mode == v->sent_mode && !cpu->halted &&
        v->yields++ < MAX_YIELDS) {
        sched_yield(); /* the request stays: the next poll comes back here */
        return;
    }
    v->yields = 0;
    atomic_fetch_and(&cpu->request, ~(uint32_t)CPU_REQ_SENT);
}

/* At a safe point; false when the thread must end. */
static bool serve_requests(struct tcg_vcpu *v)
{
    struct cpu *cpu = v->cpu;
    uint32_t req = atomic_load(&cpu->request);
    if (LIKELY(!req))
        return true;
    if (req & CPU_REQ_SENT)
        yield_to_interrupted(v);
    if (req & CPU_REQ_ACCEL) {
        atomic_fetch_and(&cpu->request, ~(uint32_t)CPU_REQ_ACCEL);
        vcpu_do(v);
    }
    if (req & (CPU_REQ_WORK | CPU_REQ_STOP | CPU_REQ_QUIT)) {
        if (!cpu_handle_requests(cpu))
            return false;
        guest_space_changed(cpu); /* work may have reset the CPU */
        guest_mode_changed(cpu);
    }
    if (req & CPU_REQ_IRQ) {
        atomic_fetch_and(&cpu->request, ~(uint32_t)CPU_REQ_IRQ);
        bool wait = UNLIKELY(cpu->debug.active) && debug_blocks_irqs(cpu);
        if (!wait && cpu->ops->interrupt(cpu)) {
            v->stats.interrupts++;
            v->futile_wakes = 0;
        }
    }
    return true;
}

void tcg_cpu_thread(struct cpu *cpu)
{
    struct tcg_vcpu *v = tcg_vcpu(cpu);
    struct departure d = {0};
    cpu_set_current(cpu);
    guest_space_changed(cpu);
    v->mode = v->ops->mode(cpu);
    dispatch_forget_all(v);
    struct sampler *sampler = v->tcg->tier == REGIONS_AUTO ? sampler_new(v) : NULL;
    for (;;) {
        if (cpu->halted && cpu->started && cpu->ops->has_work(cpu))
            wake_from_wfi(v);
        if (!serve_requests(v))
            break;
        bool counts = v->tcg->counting.cpu;
        if (is_idle(cpu))
            counts ? count_sleep(v) : cpu_sleep(cpu);
        else if (UNLIKELY(counts) && !count_grant(v))
            cpu_wait(cpu);
        else if (UNLIKELY(cpu->debug.active))
            step_debugged(v, &d);
        else
            step_any(v, &d);
    }
    sampler_free(sampler);
    cpu_set_current(NULL);
}
