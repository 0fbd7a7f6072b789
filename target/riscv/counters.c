/*
 * Counters and the supervisor timer.
 *
 * Cycles and retired instructions are derived from virtual time, one a nanosecond.  A running
 * counter is kept as its value minus the free-running count, a stopped one as its value. Ref:
 * Priv. 3.1.10 to 3.1.12 (mcycle, mhpmcounter, mcounteren, mcountinhibit), 12 (Sstc).
 */
#include "core/clock.h"
#include "target/riscv/cpu.h"
#include "target/riscv/csr.h"
#include "util/bits.h"

enum { HPM_CYCLES = 1, HPM_INSTRET = 2 }; /* mhpmevent values that count; 0 counts nothing */

static uint64_t free_running(void)
{
    return clock_now();
}

static uint64_t *counter_base(struct rv_cpu *cpu, unsigned n)
{
    switch (n) {
    case 0: return &cpu->s.mcycle_base;
    case 2: return &cpu->s.minstret_base;
    default: return &cpu->s.mhpmcounter[n & 31];
    }
}

static bool is_running(const struct rv_cpu *cpu, unsigned n)
{
    if (cpu->s.mcountinhibit >> n & 1)
        return false;
    return n < RV_HPM_FIRST || cpu->s.mhpmevent[n & 31] != 0;
}

/*
 * QUIRK: instret follows virtual time, but code that has just written it sees an exact count: the
 * instructions in between, as far as they are straight-line and of four bytes. Ref: Priv. 3.1.10
 * ("The value written will be the value read by the following instruction").
 */
static bool just_written(const struct rv_cpu *cpu, uint64_t *val)
{
    enum { EXACT_NS = 100000, EXACT_BYTES = 64, INSN_BYTES = 4 };
    uint64_t bytes = cpu->pc - cpu->instret_write_pc;

    if (bytes < INSN_BYTES || bytes > EXACT_BYTES ||
        free_running() - cpu->instret_write_time > EXACT_NS)
        return false;
    *val = cpu->instret_written + bytes / INSN_BYTES - 1;
    return true;
}

uint64_t rv_counter_read(struct rv_cpu *cpu, unsigned n)
{
    uint64_t base = *counter_base(cpu, n), val;

    if (n == 2 && is_running(cpu, n) && just_written(cpu, &val))
        return val;
    return is_running(cpu, n) ? base + free_running() : base;
}

void rv_counter_write(struct rv_cpu *cpu, unsigned n, uint64_t val)
{
    if (n == 2) {
        cpu->instret_written = val;
        cpu->instret_write_pc = cpu->pc;
        cpu->instret_write_time = free_running();
    }
    *counter_base(cpu, n) = is_running(cpu, n) ? val - free_running() : val;
}

void rv_set_countinhibit(struct rv_cpu *cpu, uint64_t val)
{
    uint64_t changed = cpu->s.mcountinhibit ^ val, value[32];

    for (unsigned n = 0; n < 32; n++)
        if (changed >> n & 1)
            value[n] = rv_counter_read(cpu, n);
    cpu->s.mcountinhibit = val;
    for (unsigned n = 0; n < 32; n++)
        if (changed >> n & 1)
            rv_counter_write(cpu, n, value[n]);
}

/* Events other than the two we can count are not supported: the register stays "no event". */
void rv_set_hpmevent(struct rv_cpu *cpu, unsigned n, uint64_t val)
{
    uint64_t value = rv_counter_read(cpu, n);

    cpu->s.mhpmevent[n & 31] = val == HPM_CYCLES || val == HPM_INSTRET ? val : 0;
    rv_counter_write(cpu, n, value);
}

static int64_t time_offset(struct rv_cpu *cpu)
{
    return atomic_load_explicit(&cpu->time_offset, memory_order_relaxed);
}

uint64_t rv_time(struct rv_cpu *cpu)
{
    return (uint64_t)clock_now() / cpu->time_period + (uint64_t)time_offset(cpu);
}

/* When time reaches stimecmp, or INT64_MAX when that is further away than virtual time can count.
 */
static ns_t stimer_deadline(struct rv_cpu *cpu, uint64_t now)
{
    uint64_t ticks = now / cpu->time_period;
    uint64_t ahead = cpu->s.stimecmp - (ticks + (uint64_t)time_offset(cpu));

    if (ahead > INT64_MAX / cpu->time_period - ticks)
        return INT64_MAX;
    return (ns_t)((ticks + ahead) * cpu->time_period);
}

static void stimer_update_locked(struct rv_cpu *cpu) REQUIRES(&cpu->stimer_lock)
{
    uint64_t now = clock_now();
    bool on = cpu->s.menvcfg & ENVCFG_STCE;
    bool due = on && now / cpu->time_period + (uint64_t)time_offset(cpu) >= cpu->s.stimecmp;
    ns_t deadline = on && !due ? stimer_deadline(cpu, now) : INT64_MAX;

    cpu_irq_set(&cpu->cpu, RISCV_IRQ_STI, due);
    if (deadline != INT64_MAX)
        timer_set(&cpu->stimer, deadline);
    else
        timer_cancel(&cpu->stimer);
}

void rv_stimer_update(struct rv_cpu *cpu)
{
    if (!rv_has(cpu, EXT_SSTC))
        return;
    mutex_lock(&cpu->stimer_lock);
    stimer_update_locked(cpu);
    mutex_unlock(&cpu->stimer_lock);
}

/* Runs with stimer_lock held. */
static void stimer_fired(void *opaque) NO_THREAD_ANALYSIS
{
    stimer_update_locked(opaque);
}

void rv_stimer_init(struct rv_cpu *cpu)
{
    mutex_init(&cpu->stimer_lock);
    timer_init(&cpu->stimer, &cpu->stimer_lock, stimer_fired, cpu);
}

void rv_stimer_fini(struct rv_cpu *cpu)
{
    timer_cancel(&cpu->stimer);
    mutex_fini(&cpu->stimer_lock);
}

void rv_set_stimecmp(struct rv_cpu *cpu, uint64_t val)
{
    mutex_lock(&cpu->stimer_lock);
    cpu->s.stimecmp = val;
    stimer_update_locked(cpu);
    mutex_unlock(&cpu->stimer_lock);
}

void rv_set_menvcfg(struct rv_cpu *cpu, uint64_t val)
{
    mutex_lock(&cpu->stimer_lock);
    uint64_t changed = cpu->s.menvcfg ^ val;
    cpu->s.menvcfg = val;
    if (changed & ENVCFG_STCE) {
        cpu->s.mip_sw &= ~(uint64_t)IRQ_STI; /* from now on read-only, or again the software's */
        stimer_update_locked(cpu);
    }
    mutex_unlock(&cpu->stimer_lock);
}
