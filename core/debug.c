/* Breakpoints, watchpoints, single step and stops of a machine's vCPUs. */
#include "core/debug.h"

#include "core/clock.h"
#include "core/machine.h"

#include <glib.h>
#include <stdatomic.h>
#include <string.h>

enum { PAGE_BYTES = 4096 };

struct debug {
    struct machine *m;
    debug_stopped_fn *stopped;
    void *opaque;
    unsigned step_flags;
    unsigned npoints;
    struct debug_point *points; /* changed inside machine_pause() only */
    _Atomic bool asked;         /* serve_stops() is on its way */
};

struct debug *debug_new(struct machine *m)
{
    struct debug *d = g_new0(struct debug, 1);

    d->m = m;
    d->step_flags = DEBUG_STEP_NO_IRQ | DEBUG_STEP_NO_TIME;
    return d;
}

void debug_free(struct debug *d)
{
    if (!d)
        return;
    while (g_source_remove_by_user_data(d))
        ;
    g_free(d->points);
    g_free(d);
}

/* ---- points ---- */

static bool is_watch(const struct debug_point *p)
{
    return p->kind >= DEBUG_WATCH_WRITE;
}

/* Whether [a, a + alen) and [b, b + blen) have a byte in common; the end of the address space is no
 * special case. */
static bool meet(gva a, uint64_t alen, gva b, uint64_t blen)
{
    return alen && blen && (b - a < alen || a - b < blen);
}

bool debug_break_at(const struct debug *d, gva pc, gva mask)
{
    for (unsigned i = 0; i < d->npoints; i++)
        if (!((d->points[i].addr ^ pc) & mask) && !is_watch(&d->points[i]))
            return true;
    return false;
}

static bool any_meets(const struct debug *d, bool watch, gva first, uint64_t len)
{
    for (unsigned i = 0; i < d->npoints; i++) {
        const struct debug_point *p = &d->points[i];
        if (is_watch(p) == watch && meet(p->addr, watch ? p->len : 1, first, len))
            return true;
    }
    return false;
}

bool debug_breaks_in(const struct debug *d, gva first, uint64_t len)
{
    return any_meets(d, false, first, len);
}

bool debug_watches(const struct debug *d, gva first, uint64_t len)
{
    return any_meets(d, true, first, len);
}

static void update_active(const struct debug *d, struct cpu *cpu)
{
    cpu->debug.active = d->npoints || cpu->debug.pass || cpu->debug.action >= DEBUG_STEP;
}

/* A point came or went, at *p: every vCPU is parked. */
static void points_changed(struct debug *d, const struct debug_point *p)
{
    struct machine *m = d->m;

    for (unsigned i = 0; i < m->ncpus; i++)
        update_active(d, m->cpus[i]);
    if (m->accel->debug_changed)
        m->accel->debug_changed(m, p);
}

static int find_point(const struct debug *d, const struct debug_point *p)
{
    for (unsigned i = 0; i < d->npoints; i++)
        if (d->points[i].kind == p->kind && d->points[i].addr == p->addr &&
            (!is_watch(p) || d->points[i].len == p->len))
            return (int)i;
    return -1;
}

bool debug_insert(struct machine *m, const struct debug_point *p, struct error **errp)
{
    struct debug *d = m->debug;

    if (find_point(d, p) >= 0)
        return true;
    if (d->npoints == DEBUG_MAX_POINTS) {
        error_set(errp, "there can be at most %d breakpoints and watchpoints", DEBUG_MAX_POINTS);
        return false;
    }
    machine_pause(m);
    if (!d->points)
        d->points = g_new0(struct debug_point, DEBUG_MAX_POINTS);
    d->points[d->npoints++] = *p;
    points_changed(d, p);
    machine_resume(m);
    return true;
}

/* Inside machine_pause(). */
static void remove_at(struct debug *d, unsigned i)
{
    struct debug_point gone = d->points[i];

    d->points[i] = d->points[--d->npoints];
    points_changed(d, &gone);
}

void debug_remove(struct machine *m, const struct debug_point *p)
{
    int i = find_point(m->debug, p);

    if (i < 0)
        return;
    machine_pause(m);
    remove_at(m->debug, (unsigned)i);
    machine_resume(m);
}

void debug_remove_all(struct machine *m)
{
    struct debug *d = m->debug;

    if (!d->npoints)
        return;
    machine_pause(m);
    while (d->npoints)
        remove_at(d, d->npoints - 1);
    machine_resume(m);
}

/* ---- stops: from the vCPU's thread to the debugger ---- */

/* Hand over one stop that the debugger has not heard of. */
static void tell(struct debug *d, struct cpu *cpu)
{
    struct cpu_debug *c = &cpu->debug;

    /* Pairs with the store in hold_with(): the stop was written before. */
    if (!atomic_load_explicit(&c->held, memory_order_acquire) || !c->stop.reason || c->told)
        return;
    cpu_wait_parked(cpu);
    c->told = true;
    c->pass_pc = cpu->ops->get_pc(cpu);
    if (d->stopped)
        d->stopped(d->opaque, cpu, &c->stop);
    else
        debug_set_action(cpu, DEBUG_RUN, 0, 0);
}

static gboolean serve_stops(gpointer opaque)
{
    struct debug *d = opaque;

    atomic_store_explicit(&d->asked, false, memory_order_seq_cst);
    for (unsigned i = 0; i < d->m->ncpus; i++)
        tell(d, d->m->cpus[i]);
    return G_SOURCE_REMOVE;
}

static void ask_to_serve(struct debug *d)
{
    if (atomic_exchange_explicit(&d->asked, true, memory_order_seq_cst))
        return;
    GSource *src = g_idle_source_new();
    g_source_set_priority(src, G_PRIORITY_HIGH);
    g_source_set_callback(src, serve_stops, d, NULL);
    g_source_attach(src, NULL);
    g_source_unref(src);
}

/* On the vCPU's thread: park at the next safe point, for the debugger to look. */
static void hold_with(struct cpu *cpu, struct debug_stop stop)
{
    cpu->debug.stop = stop;
    atomic_store_explicit(&cpu->debug.held, true, memory_order_release);
    cpu_request(cpu, CPU_REQ_STOP);
    ask_to_serve(cpu->machine->debug);
}

bool debug_is_held(const struct cpu *cpu)
{
    return atomic_load_explicit(&cpu->debug.held, memory_order_acquire);
}

/* ---- what a vCPU asks ---- */

bool debug_before(struct cpu *cpu, gva pc)
{
    struct cpu_debug *c = &cpu->debug;
    const struct debug *d = cpu->machine->debug;

    if (c->pass && pc != c->pass_pc) { /* an interrupt came first */
        c->pass = false;
        update_active(d, cpu);
    }
    if (c->pass || !debug_break_at(d, pc, ~UINT64_C(0)))
        return false;
    bool hard = find_point(d, &(struct debug_point){DEBUG_BREAK_SOFT, pc, 0}) < 0;
    hold_with(cpu,
              (struct debug_stop){DEBUG_AT_BREAK, hard ? DEBUG_BREAK_HARD : DEBUG_BREAK_SOFT, pc});
    return true;
}

bool debug_is_single(const struct cpu *cpu)
{
    return cpu->debug.pass || cpu->debug.action >= DEBUG_STEP;
}

void debug_after(struct cpu *cpu, gva pc)
{
    struct cpu_debug *c = &cpu->debug;

    if (debug_is_held(cpu)) /* by a watchpoint: it did not get through */
        return;
    c->pass = false;
    update_active(cpu->machine->debug, cpu);
    if (c->action < DEBUG_STEP ||
        (c->action == DEBUG_STEP_RANGE && pc - c->range_start < c->range_end - c->range_start))
        return;
    hold_with(cpu, (struct debug_stop){.reason = DEBUG_STEPPED});
}

bool debug_blocks_irqs(const struct cpu *cpu)
{
    return cpu->debug.action >= DEBUG_STEP && (cpu->machine->debug->step_flags & DEBUG_STEP_NO_IRQ);
}

static bool watches_kind(const struct debug_point *p, bool is_write)
{
    return p->kind == DEBUG_WATCH_ACCESS ||
           p->kind == (is_write ? DEBUG_WATCH_WRITE : DEBUG_WATCH_READ);
}

bool debug_access(struct cpu *cpu, gva addr, unsigned size, bool is_write)
{
    const struct debug *d = cpu->machine->debug;

    if (cpu->debug.pass)
        return false;
    for (unsigned i = 0; i < d->npoints; i++) {
        const struct debug_point *p = &d->points[i];
        if (!watches_kind(p, is_write) || !meet(p->addr, p->len, addr, size))
            continue;
        gva at = p->addr - addr < size ? p->addr : addr; /* the first byte that both have */
        hold_with(cpu, (struct debug_stop){DEBUG_AT_WATCH, p->kind, at});
        return true;
    }
    return false;
}

/* ---- what the debugger wants of a vCPU ---- */

/* While the machine runs, vCPUs are held and let go one by one. */
static void update_time(struct machine *m)
{
    if (m->pause_depth)
        return;
    if (debug_stops_time(m))
        clock_stop();
    else
        clock_start();
}

/* Out of the park, if the machine runs. */
static void release(struct cpu *cpu)
{
    if (cpu->machine->pause_depth)
        return;
    update_time(cpu->machine);
    cpu_resume(cpu);
}

void debug_hold(struct cpu *cpu)
{
    atomic_store_explicit(&cpu->debug.held, true, memory_order_release);
    cpu_stop(cpu);
    cpu_wait_parked(cpu);
}

void debug_set_action(struct cpu *cpu, enum debug_action action, gva start, gva end)
{
    struct cpu_debug *c = &cpu->debug;
    gva pc = cpu->ops->get_pc(cpu);

    c->pass = action >= DEBUG_STEP || (action == DEBUG_RUN && c->stop.reason == DEBUG_AT_WATCH &&
                                       c->told && pc == c->pass_pc);
    if (action == DEBUG_HOLD)
        c->pass = false;
    c->pass_pc = pc;
    c->action = action;
    c->range_start = start;
    c->range_end = end;
    c->stop = (struct debug_stop){0};
    c->told = false;
    update_active(cpu->machine->debug, cpu);
    cpu_request(cpu, CPU_REQ_IRQ); /* those that had to wait */
    atomic_store_explicit(&c->held, action == DEBUG_HOLD, memory_order_release);
    if (action != DEBUG_HOLD)
        release(cpu);
}

void debug_set_step_flags(struct machine *m, unsigned flags)
{
    m->debug->step_flags = flags;
}

bool debug_stops_time(const struct machine *m)
{
    if (!(m->debug->step_flags & DEBUG_STEP_NO_TIME))
        return false;
    for (unsigned i = 0; i < m->ncpus; i++)
        if (!debug_is_held(m->cpus[i]) && m->cpus[i]->debug.action < DEBUG_STEP)
            return false;
    return m->ncpus;
}

void debug_attach(struct machine *m, debug_stopped_fn *stopped, void *opaque)
{
    struct debug *d = m->debug;

    d->stopped = stopped;
    d->opaque = opaque;
    if (stopped)
        return;
    machine_pause(m);
    debug_remove_all(m);
    d->step_flags = DEBUG_STEP_NO_IRQ | DEBUG_STEP_NO_TIME;
    for (unsigned i = 0; i < m->ncpus; i++)
        debug_set_action(m->cpus[i], DEBUG_RUN, 0, 0);
    machine_resume(m);
}

/* ---- memory ---- */

static bool peek(struct cpu *cpu, gpa addr, void *buf, size_t len)
{
    return mem_peek(cpu->as, addr, buf, len);
}

/* Registers get what a store would bring; everything else is patched. */
static bool poke(struct cpu *cpu, gpa addr, const void *buf, size_t len)
{
    const struct flat_range *r = address_space_find(cpu->as, addr);

    if (r && r->mr->kind == MEM_MMIO)
        return dma_write(cpu->as, addr, buf, len);
    return mem_poke(cpu->as, addr, buf, len);
}

/* Where addr is, and how many of len bytes are there in one piece. */
static bool locate(struct cpu *cpu, bool physical, gva addr, size_t *len, gpa *where)
{
    *len = MIN(*len, PAGE_BYTES - (addr & (PAGE_BYTES - 1)));
    *where = addr;
    return physical || cpu->ops->debug_translate(cpu, addr, where);
}

bool debug_read(struct cpu *cpu, bool physical, gva addr, void *buf, size_t len)
{
    for (size_t done = 0, n; done < len; done += n) {
        gpa where;
        n = len - done;
        if (!locate(cpu, physical, addr + done, &n, &where) ||
            !peek(cpu, where, (uint8_t *)buf + done, n))
            return false;
    }
    return true;
}

bool debug_write(struct cpu *cpu, bool physical, gva addr, const void *buf, size_t len)
{
    for (size_t done = 0, n; done < len; done += n) {
        gpa where;
        n = len - done;
        if (!locate(cpu, physical, addr + done, &n, &where) ||
            !poke(cpu, where, (const uint8_t *)buf + done, n))
            return false;
    }
    return true;
}

/* ---- registers, on the vCPU's thread ---- */

struct reg_access {
    const struct debug_reg *reg;
    uint8_t *to;
    const uint8_t *from;
    bool done;
};

static void access_reg(struct cpu *cpu, void *opaque)
{
    struct reg_access *a = opaque;

    a->done = a->to ? cpu->ops->debug_reg_read(cpu, a->reg, a->to)
                    : cpu->ops->debug_reg_write(cpu, a->reg, a->from);
}

bool debug_reg_read(struct cpu *cpu, const struct debug_reg *reg, uint8_t *buf)
{
    struct reg_access a = {.reg = reg, .to = buf};

    cpu_run_sync(cpu, access_reg, &a);
    return a.done;
}

bool debug_reg_write(struct cpu *cpu, const struct debug_reg *reg, const uint8_t *buf)
{
    struct reg_access a = {.reg = reg, .from = buf};

    cpu_run_sync(cpu, access_reg, &a);
    return a.done;
}
