/*
 * Performance monitors, PMUv3: cycles, instructions, software increments, and counters chained to
 * others.  A cycle is a nanosecond of virtual time.  Instructions are counted by translated code
 * while a counter wants them (ARM_MODE_COUNT, ARM_SLOT_INSNS): exactly, each as it begins; one that
 * takes an exception is taken off again.
 * Ref: the manual, D13 (The Performance Monitors Extension), and CountPMUEvents() of its
 * pseudocode.
 */
#include "target/arm/cpu_priv.h"
#include "target/arm/sysreg.h"

#include "accel/tcg/guest.h"

#include <glib.h>

enum {
    PMCR_E = 1,
    PMCR_P = 2,
    PMCR_C = 4,
    PMCR_D = 8,
    PMCR_X = 16,
    PMCR_DP = 32,
    PMCR_LC = 64,
    PMCR_LP = 128, /* PMUv3p5: overflow after 64 bits */
    PMCR_WRITABLE = 0x79
};
enum {
    EVENT_SW_INCR = 0x00,
    EVENT_INST_RETIRED = 0x08,
    EVENT_CPU_CYCLES = 0x11,
    EVENT_CHAIN = 0x1e,
    EVENT_STALL_FRONTEND = 0x23,
    EVENT_STALL_BACKEND = 0x24,
    EVENT_STALL = 0x3c
};
enum { CYCLE = 31 /* bit of the cycle counter */ };
enum { USEREN_EN = 1, USEREN_SW = 2, USEREN_CR = 4, USEREN_ER = 8 };
enum { USEREN_WRITES = 16 }; /* the same bits let EL0 write */
enum { SDER_SUNIDEN = 2 };

/* PMEVTYPER<n>, PMCCFILTR: where nothing is counted (NSK, NSU and M: where it is not as P, U say;
 * NSH: where it is). */
#define FILTER_P   BIT64(31)
#define FILTER_U   BIT64(30)
#define FILTER_NSK BIT64(29)
#define FILTER_NSU BIT64(28)
#define FILTER_NSH BIT64(27)
#define FILTER_M   BIT64(26)

/* ---- which counters count, here and now ---- */

/* Event counters have 64 bits as of PMUv3p5; of older ones the upper half counts on unseen. */
static bool has_long_counters(const struct arm_cpu *cpu)
{
    return arm_has(cpu, ARM_F_E0PD);
}

/* PMUv3p1, which came with Armv8.1: events of 16 bits, MDCR_EL2.HPMD. */
static bool is_v8_1(const struct arm_cpu *cpu)
{
    return arm_has(cpu, ARM_F_LSE);
}

/* The event counters below MDCR_EL2.HPMN; EL2 keeps the others for itself. */
static unsigned shared_counters(const struct arm_cpu *cpu)
{
    unsigned n = cpu->id.pmu_counters;

    return arm_has_el2(cpu) ? MIN(n, (unsigned)(cpu->s.mdcr_el2 & 31)) : n;
}

/* How many event counters the current level can access. */
static unsigned visible_counters(const struct arm_cpu *cpu)
{
    return cpu->s.ps.el <= 1 && arm_el2_enabled(cpu) ? shared_counters(cpu) : cpu->id.pmu_counters;
}

static uint64_t visible_bits(const struct arm_cpu *cpu)
{
    return BIT64(CYCLE) | (BIT64(visible_counters(cpu)) - 1);
}

static bool is_reserved(const struct arm_cpu *cpu, unsigned n)
{
    return n != CYCLE && n >= shared_counters(cpu);
}

static bool is_secure(const struct arm_cpu *cpu)
{
    return arm_has_el3(cpu) && arm_is_secure(cpu);
}

/* PMCR_EL0.E, or for the counters of EL2 MDCR_EL2.HPME. */
static bool is_enabled(const struct arm_cpu *cpu, unsigned n)
{
    return is_reserved(cpu, n) ? cpu->s.mdcr_el2 & MDCR2_HPME : cpu->s.pmcr & PMCR_E;
}

static bool is_forbidden_event(const struct arm_cpu *cpu, unsigned n)
{
    const struct arm_state *s = &cpu->s;
    bool is_user32 = s->ps.el == 0 && !arm_el_is_a64(cpu, 1);

    if (is_secure(cpu) && !(s->mdcr_el3 & MDCR3_SPME) && !(is_user32 && (s->sder & SDER_SUNIDEN)))
        return true;
    return s->ps.el == 2 && is_v8_1(cpu) && !is_reserved(cpu, n) && (s->mdcr_el2 & MDCR2_HPMD);
}

/* Where events may not be counted, cycles may unless PMCR_EL0.DP says otherwise. */
static bool is_forbidden(const struct arm_cpu *cpu, unsigned n)
{
    const struct arm_state *s = &cpu->s;

    if (n != CYCLE)
        return is_forbidden_event(cpu, n);
    if ((s->pmcr & PMCR_DP) && is_forbidden_event(cpu, n))
        return true;
    if (!has_long_counters(cpu))
        return false;
    return (is_secure(cpu) && (s->mdcr_el3 & MDCR3_SCCD)) ||
           (s->ps.el == 2 && (s->mdcr_el2 & MDCR2_HCCD));
}

static bool is_filtered(const struct arm_cpu *cpu, unsigned n)
{
    uint64_t f = n == CYCLE ? cpu->s.pmccfiltr : cpu->s.pmevtyper[n];
    bool secure = is_secure(cpu);

    switch (cpu->s.ps.el) {
    case 0: return !!(f & FILTER_U) != (!secure && (f & FILTER_NSU));
    case 1: return !!(f & FILTER_P) != (!secure && (f & FILTER_NSK));
    case 2: return !(f & FILTER_NSH);
    default: return !!(f & FILTER_P) != !!(f & FILTER_M);
    }
}

static unsigned event_of(const struct arm_cpu *cpu, unsigned n)
{
    return n == CYCLE ? EVENT_CPU_CYCLES : cpu->s.pmevtyper[n] & 0xffff;
}

static bool is_event_counted(const struct arm_cpu *cpu, unsigned n)
{
    switch (event_of(cpu, n)) {
    case EVENT_SW_INCR:
    case EVENT_INST_RETIRED:
    case EVENT_CPU_CYCLES: return true;
    case EVENT_CHAIN: return n & 1;
    default: return false;
    }
}

static bool is_running(const struct arm_cpu *cpu, unsigned n)
{
    return is_enabled(cpu, n) && is_event_counted(cpu, n) && !is_filtered(cpu, n) &&
           !is_forbidden(cpu, n);
}

static bool is_there(const struct arm_cpu *cpu, unsigned n)
{
    return n == CYCLE || n < cpu->id.pmu_counters;
}

static uint32_t running_counters(const struct arm_cpu *cpu)
{
    uint32_t mask = 0;

    for (uint64_t left = cpu->s.pmcnten; left; left &= left - 1) {
        unsigned n = (unsigned)__builtin_ctzll(left);
        if (n <= CYCLE && is_there(cpu, n) && is_running(cpu, n))
            mask |= 1u << n;
    }
    return mask;
}

/* ---- counting ---- */

static uint64_t *base_of(struct arm_cpu *cpu, unsigned n)
{
    return n == CYCLE ? &cpu->s.pmccntr : &cpu->s.pmevcntr[n];
}

static bool counts_insns(const struct arm_cpu *cpu, unsigned n)
{
    return event_of(cpu, n) == EVENT_INST_RETIRED;
}

/* What goes on by itself while counter n runs: its base is the difference to that. */
static uint64_t elapsed(const struct arm_cpu *cpu, unsigned n)
{
    if (counts_insns(cpu, n))
        return cpu->insns;
    if (event_of(cpu, n) != EVENT_CPU_CYCLES)
        return 0;
    uint64_t now = clock_now();
    return n == CYCLE && (cpu->s.pmcr & PMCR_D) && !(cpu->s.pmcr & PMCR_LC) ? now / 64 : now;
}

static uint64_t value(struct arm_cpu *cpu, unsigned n)
{
    return *base_of(cpu, n) + (cpu->pmu_on >> n & 1 ? elapsed(cpu, n) : 0);
}

static void set_value(struct arm_cpu *cpu, unsigned n, uint64_t val)
{
    *base_of(cpu, n) = val - (cpu->pmu_on >> n & 1 ? elapsed(cpu, n) : 0);
    cpu->pmu_seen[n] = val;
}

/* The counter overflows after 64 bits, not 32. */
static bool is_long(const struct arm_cpu *cpu, unsigned n)
{
    if (n == CYCLE)
        return cpu->s.pmcr & PMCR_LC;
    if (is_reserved(cpu, n))
        return has_long_counters(cpu) && (cpu->s.mdcr_el2 & MDCR2_HLP);
    return cpu->s.pmcr & PMCR_LP;
}

static uint64_t until_overflow(struct arm_cpu *cpu, unsigned n)
{
    uint64_t v = value(cpu, n);

    return is_long(cpu, n) ? -v : (UINT64_C(1) << 32) - (uint32_t)v;
}

/* Set the flags of counters that have passed their end since they were looked at last, in
 * ascending order: the odd one behind may be chained.  Its own instructions only a processor's
 * thread knows. */
static void note_overflows(struct arm_cpu *cpu, bool is_own_thread) REQUIRES(&cpu->timer_lock)
{
    for (unsigned n = 0; n <= CYCLE; n++) {
        if (!(cpu->pmu_on >> n & 1) || (!is_own_thread && counts_insns(cpu, n)))
            continue;
        uint64_t v = value(cpu, n), seen = cpu->pmu_seen[n];
        uint64_t times = is_long(cpu, n) ? v < seen : (v >> 32) - (seen >> 32);
        cpu->pmu_seen[n] = v;
        if (!times)
            continue;
        cpu->s.pmovs |= BIT64(n);
        if (!(n & 1) && (cpu->pmu_on >> (n + 1) & 1) && event_of(cpu, n + 1) == EVENT_CHAIN)
            *base_of(cpu, n + 1) += times;
    }
}

static void update_irq(struct arm_cpu *cpu) REQUIRES(&cpu->timer_lock)
{
    bool level = false;

    for (uint64_t left = cpu->s.pmovs & cpu->s.pminten; left; left &= left - 1)
        level |= is_enabled(cpu, (unsigned)__builtin_ctzll(left));
    irq_set(&cpu->pmu_irq, level);
}

/* When to look again.  Instructions: long before they could have been executed, but for the end. */
static uint64_t time_to_overflow(struct arm_cpu *cpu, unsigned n)
{
    enum { PER_NANOSECOND = 4, SHORTEST = 10000 };
    uint64_t left = until_overflow(cpu, n);

    return counts_insns(cpu, n) ? MAX(left / PER_NANOSECOND, SHORTEST) : left;
}

static bool wakes(const struct arm_cpu *cpu, unsigned n)
{
    uint64_t inten = cpu->s.pminten;
    bool chains = n != CYCLE && !(n & 1) && (cpu->pmu_on >> (n + 1) & 1) &&
                  event_of(cpu, n + 1) == EVENT_CHAIN && (inten >> (n + 1) & 1);

    return (cpu->pmu_on >> n & 1) && event_of(cpu, n) != EVENT_CHAIN &&
           event_of(cpu, n) != EVENT_SW_INCR && ((inten >> n & 1) || chains);
}

/* The timer fires when the next counter with an interrupt overflows. */
static void arm_overflow(struct arm_cpu *cpu) REQUIRES(&cpu->timer_lock)
{
    uint64_t next = UINT64_MAX;

    for (unsigned n = 0; cpu->pmu_on && n <= CYCLE; n++)
        if (wakes(cpu, n))
            next = MIN(next, time_to_overflow(cpu, n));
    if (next > INT64_MAX / 2)
        timer_cancel(&cpu->pmu_timer);
    else
        timer_set(&cpu->pmu_timer, clock_now() + (ns_t)next);
}

/* Changes of what runs happen between these: values stay. */
static void begin(struct arm_cpu *cpu, uint64_t *saved) ACQUIRE(&cpu->timer_lock)
{
    mutex_lock(&cpu->timer_lock);
    note_overflows(cpu, true);
    for (unsigned n = 0; n <= CYCLE; n++)
        saved[n] = is_there(cpu, n) ? value(cpu, n) : 0;
}

static void set_running(struct arm_cpu *cpu) REQUIRES(&cpu->timer_lock)
{
    bool insns = false;

    cpu->pmu_on = running_counters(cpu);
    for (uint32_t left = cpu->pmu_on; left; left &= left - 1)
        insns |= counts_insns(cpu, (unsigned)__builtin_ctz(left));
    if (insns == cpu->pmu_counts_insns)
        return;
    cpu->pmu_counts_insns = insns;
    guest_mode_changed(&cpu->cpu);
}

static void end(struct arm_cpu *cpu, const uint64_t *saved) RELEASE(&cpu->timer_lock)
{
    set_running(cpu);
    for (unsigned n = 0; n <= CYCLE; n++)
        if (is_there(cpu, n))
            set_value(cpu, n, saved[n]);
    arm_overflow(cpu);
    update_irq(cpu);
    mutex_unlock(&cpu->timer_lock);
}

/* Bring flags and chained counters up to date, in the processor's own thread. */
static void look(struct arm_cpu *cpu)
{
    mutex_lock(&cpu->timer_lock);
    note_overflows(cpu, true);
    update_irq(cpu);
    mutex_unlock(&cpu->timer_lock);
}

static void look_and_rearm(struct cpu *c, void *arg UNUSED)
{
    struct arm_cpu *cpu = (struct arm_cpu *)c;

    look(cpu);
    mutex_lock(&cpu->timer_lock);
    arm_overflow(cpu);
    mutex_unlock(&cpu->timer_lock);
}

/* A counter that was near its end may have passed it.  Runs with timer_lock held. */
static void fired(void *opaque) NO_THREAD_ANALYSIS
{
    struct arm_cpu *cpu = opaque;

    note_overflows(cpu, false);
    update_irq(cpu);
    if (cpu->pmu_counts_insns)
        cpu_run_async(&cpu->cpu, look_and_rearm, NULL);
    else
        arm_overflow(cpu);
}

void arm_pmu_init(struct arm_cpu *cpu)
{
    timer_init(&cpu->pmu_timer, &cpu->timer_lock, fired, cpu);
}

void arm_pmu_fini(struct arm_cpu *cpu)
{
    timer_cancel(&cpu->pmu_timer);
}

void arm_pmu_update(struct arm_cpu *cpu)
{
    mutex_lock(&cpu->timer_lock);
    set_running(cpu);
    for (unsigned n = 0; n <= CYCLE; n++)
        cpu->pmu_seen[n] = is_there(cpu, n) ? value(cpu, n) : 0;
    arm_overflow(cpu);
    update_irq(cpu);
    mutex_unlock(&cpu->timer_lock);
}

void arm_pmu_controls_changed(struct arm_cpu *cpu)
{
    uint64_t saved[CYCLE + 1];

    begin(cpu, saved);
    end(cpu, saved);
}

void arm_pmu_follow(struct arm_cpu *cpu)
{
    if (running_counters(cpu) != cpu->pmu_on)
        arm_pmu_controls_changed(cpu);
}

/* ---- access ---- */

/* arg: which bits of PMUSERENR_EL0 let EL0 in for reading; writing needs EN (or SW). */
static enum arm_access check_traps(const struct arm_cpu *cpu)
{
    unsigned el = cpu->s.ps.el;

    if (el <= 1 && arm_el2_enabled(cpu) && (cpu->s.mdcr_el2 & MDCR2_TPM))
        return ARM_TRAP_EL2;
    return el < 3 && arm_has_el3(cpu) && (cpu->s.mdcr_el3 & MDCR3_TPM) ? ARM_TRAP_EL3 : ARM_ALLOWED;
}

static enum arm_access check_pmu(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                 bool is_write)
{
    unsigned let_in = is_write && !(r->arg & USEREN_WRITES) ? r->arg & (USEREN_EN | USEREN_SW)
                                                            : r->arg & ~(unsigned)USEREN_WRITES;

    if (cpu->s.ps.el == 0 && !(cpu->s.pmuserenr & let_in))
        return ARM_TRAP_EL1;
    return check_traps(cpu);
}

static enum arm_access check_pmcr(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                  bool is_write)
{
    enum arm_access a = check_pmu(cpu, r, is_write);

    if (a == ARM_ALLOWED && cpu->s.ps.el <= 1 && arm_el2_enabled(cpu) &&
        (cpu->s.mdcr_el2 & MDCR2_TPMCR))
        return ARM_TRAP_EL2;
    return a;
}

/* PMUSERENR_EL0: EL0 reads it whatever it says. */
static enum arm_access check_useren(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                    bool is_write UNUSED)
{
    return check_traps(cpu);
}

/* Which counter an access is about: by PMSELR_EL0, or by the encoding. */
static unsigned selected(const struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    if ((r->key & ARM_SYSREG_CRN) == 9 << 7)
        return cpu->s.pmselr & 31;
    return (r->key >> 3 & 3) << 3 | (r->key & 7);
}

/* A counter that EL2 keeps for itself is EL2's to emulate. */
static enum arm_access check_event(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                   bool is_write)
{
    unsigned n = selected(cpu, r);
    bool is_direct = (r->key & ARM_SYSREG_CRN) != 9 << 7;

    if (is_direct && !is_there(cpu, n))
        return ARM_UNDEFINED;
    enum arm_access a = check_pmu(cpu, r, is_write);
    return a == ARM_ALLOWED && n != CYCLE && n >= visible_counters(cpu) && is_there(cpu, n)
               ? ARM_TRAP_EL2
               : a;
}

/* ---- registers ---- */

static uint64_t pmcr_bits(const struct arm_cpu *cpu)
{
    return PMCR_WRITABLE | (has_long_counters(cpu) ? PMCR_LP : 0);
}

static uint64_t read_pmcr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    uint64_t n = visible_counters(cpu);

    return (uint64_t)cpu->id.pmu_code << 16 | n << 11 | (cpu->s.pmcr & pmcr_bits(cpu));
}

static void write_pmcr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    uint64_t saved[CYCLE + 1];

    begin(cpu, saved);
    cpu->s.pmcr = val & pmcr_bits(cpu);
    for (unsigned n = 0; (val & PMCR_P) && n < visible_counters(cpu); n++)
        saved[n] = 0;
    if (val & PMCR_C)
        saved[CYCLE] = 0;
    end(cpu, saved);
}

static uint64_t read_bits(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    if (arm_sysreg_field(cpu, r) == &cpu->s.pmovs)
        look(cpu);
    return *arm_sysreg_field(cpu, r) & visible_bits(cpu);
}

static void change_bits(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t set,
                        uint64_t clear)
{
    uint64_t saved[CYCLE + 1], *field = arm_sysreg_field(cpu, r), mine = visible_bits(cpu);

    begin(cpu, saved);
    *field = (*field & ~(clear & mine)) | (set & mine);
    end(cpu, saved);
}

static void write_set(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    change_bits(cpu, r, val, 0);
}

static void write_clr(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    change_bits(cpu, r, 0, val);
}

static void write_swinc(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    mutex_lock(&cpu->timer_lock);
    note_overflows(cpu, true);
    for (unsigned n = 0; n < visible_counters(cpu); n++)
        if ((val & cpu->pmu_on) >> n & 1 && event_of(cpu, n) == EVENT_SW_INCR)
            ++*base_of(cpu, n);
    note_overflows(cpu, true);
    update_irq(cpu);
    mutex_unlock(&cpu->timer_lock);
}

static uint64_t current_value(struct arm_cpu *cpu, unsigned n)
{
    mutex_lock(&cpu->timer_lock);
    note_overflows(cpu, true);
    update_irq(cpu);
    uint64_t v = value(cpu, n);
    mutex_unlock(&cpu->timer_lock);
    return v;
}

static uint64_t read_cycles(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return current_value(cpu, CYCLE);
}

static void set_counter(struct arm_cpu *cpu, unsigned n, uint64_t val)
{
    uint64_t saved[CYCLE + 1];

    begin(cpu, saved);
    saved[n] = val;
    end(cpu, saved);
}

static void write_cycles(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    set_counter(cpu, CYCLE, val);
}

static uint64_t read_count(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    unsigned n = selected(cpu, r);

    if (n >= cpu->id.pmu_counters)
        return 0;
    uint64_t v = current_value(cpu, n);
    return has_long_counters(cpu) ? v : (uint32_t)v;
}

static void write_count(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    unsigned n = selected(cpu, r);

    if (n < cpu->id.pmu_counters)
        set_counter(cpu, n, has_long_counters(cpu) ? val : (uint32_t)val);
}

static uint64_t *type_of(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    unsigned n = selected(cpu, r);

    if (n == CYCLE)
        return &cpu->s.pmccfiltr;
    return n < cpu->id.pmu_counters ? &cpu->s.pmevtyper[n] : NULL;
}

static uint64_t read_type(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    const uint64_t *t = type_of(cpu, r);

    return t ? *t : 0;
}

static uint64_t filter_bits(const struct arm_cpu *cpu)
{
    return FILTER_P | FILTER_U | (arm_has_el2(cpu) ? FILTER_NSH : 0) |
           (arm_has_el3(cpu) ? FILTER_NSK | FILTER_NSU | FILTER_M : 0);
}

static void write_type(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    uint64_t saved[CYCLE + 1], *t = type_of(cpu, r);

    if (!t)
        return;
    begin(cpu, saved);
    *t = val & (filter_bits(cpu) | (t == &cpu->s.pmccfiltr ? 0 : is_v8_1(cpu) ? 0xffff : 0x3ff));
    end(cpu, saved);
}

/* PMCEID0: events 0 to 31; PMCEID1: 32 to 63.  Of the latter Armv8.1 and Armv8.4 ask for those that
 * count stalled cycles, of which there are none. */
static uint64_t read_ceid(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    if (!(r->key & 1))
        return 1u << EVENT_SW_INCR | 1u << EVENT_INST_RETIRED | 1u << EVENT_CPU_CYCLES |
               1u << EVENT_CHAIN;
    uint64_t stalls = 1u << (EVENT_STALL_FRONTEND & 31) | 1u << (EVENT_STALL_BACKEND & 31);
    return (arm_has(cpu, ARM_F_LSE) ? stalls : 0) |
           (arm_has(cpu, ARM_F_LSE2) ? 1u << (EVENT_STALL & 31) : 0);
}

/* PMMIR_EL1 came with Armv8.4's monitors: no slots, no other widths to tell of. */
static uint64_t read_pmmir(struct arm_cpu *cpu UNUSED, const struct arm_sysreg *r UNUSED)
{
    return 0;
}

static enum arm_access check_pmmir(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                   bool is_write)
{
    return arm_has(cpu, ARM_F_PMU) ? check_pmu(cpu, r, is_write) : ARM_UNDEFINED;
}

#define S(field) .off = offsetof(struct arm_cpu, s.field)
#define KEY(...) .key = ARM_SYSREG(__VA_ARGS__)
#define PMU      .feature = 1 + ARM_F_PMU
#define DBG(bit) .fgt = ARM_FGT_DEBUG | (bit)
#define BITS(n, op1, crm, op2, who, field, wr, bit)                                                \
    {                                                                                              \
        .name = n, KEY(3, op1, 9, crm, op2), S(field), .rights = who, PMU, .check = check_pmu,     \
        .arg = USEREN_EN, .read = read_bits, .write = wr, DBG(bit)                                 \
    }
#define EVENT(n)                                                                                   \
    {.name = "PMEVCNTR" #n "_EL0",                                                                 \
     KEY(3, 3, 14, 8 + (n) / 8, (n) % 8),                                                          \
     .rights = ARM_RW0,                                                                            \
     PMU,                                                                                          \
     .check = check_event,                                                                         \
     .arg = USEREN_EN | USEREN_ER,                                                                 \
     .read = read_count,                                                                           \
     .write = write_count,                                                                         \
     DBG(12)},                                                                                     \
    {                                                                                              \
        .name = "PMEVTYPER" #n "_EL0", KEY(3, 3, 14, 12 + (n) / 8, (n) % 8), .rights = ARM_RW0,    \
        PMU, .check = check_event, .arg = USEREN_EN, .read = read_type, .write = write_type,       \
        DBG(13)                                                                                    \
    }

/* clang-format off */
const struct arm_sysreg arm_sysregs_pmu[] = {
    {.name = "PMCR_EL0", KEY(3, 3, 9, 12, 0), .rights = ARM_RW0, PMU, .check = check_pmcr, .arg = USEREN_EN,
     .read = read_pmcr, .write = write_pmcr, DBG(21)},
    BITS("PMCNTENSET_EL0", 3, 12, 1, ARM_RW0, pmcnten, write_set, 16),
    BITS("PMCNTENCLR_EL0", 3, 12, 2, ARM_RW0, pmcnten, write_clr, 16),
    BITS("PMOVSCLR_EL0", 3, 12, 3, ARM_RW0, pmovs, write_clr, 18),
    {.name = "PMSWINC_EL0", KEY(3, 3, 9, 12, 4), .rights = ARM_W0_UP, PMU, .check = check_pmu,
     .arg = USEREN_EN | USEREN_SW, .write = write_swinc, DBG(20)},
    {.name = "PMSELR_EL0", KEY(3, 3, 9, 12, 5), S(pmselr), .rights = ARM_RW0, PMU, .check = check_pmu,
     .arg = USEREN_EN | USEREN_ER | USEREN_WRITES, .mask = 31, DBG(19)},
    {.name = "PMCEID0_EL0", KEY(3, 3, 9, 12, 6), .rights = ARM_R0_UP, PMU, .check = check_pmu, .arg = USEREN_EN,
     .read = read_ceid, DBG(58)},
    {.name = "PMCEID1_EL0", KEY(3, 3, 9, 12, 7), .rights = ARM_R0_UP, PMU, .check = check_pmu, .arg = USEREN_EN,
     .read = read_ceid, DBG(58)},
    {.name = "PMCCNTR_EL0", KEY(3, 3, 9, 13, 0), .rights = ARM_RW0, PMU, .check = check_pmu,
     .arg = USEREN_EN | USEREN_CR, .read = read_cycles, .write = write_cycles, DBG(15)},
    {.name = "PMXEVTYPER_EL0", KEY(3, 3, 9, 13, 1), .rights = ARM_RW0, PMU, .check = check_event, .arg = USEREN_EN,
     .read = read_type, .write = write_type, DBG(13)},
    {.name = "PMXEVCNTR_EL0", KEY(3, 3, 9, 13, 2), .rights = ARM_RW0, PMU, .check = check_event,
     .arg = USEREN_EN | USEREN_ER, .read = read_count, .write = write_count, DBG(12)},
    {.name = "PMUSERENR_EL0", KEY(3, 3, 9, 14, 0), S(pmuserenr), .rights = ARM_RW1_R0, PMU, .check = check_useren,
     .mask = 15},
    BITS("PMINTENSET_EL1", 0, 14, 1, ARM_RW1, pminten, write_set, 17),
    BITS("PMINTENCLR_EL1", 0, 14, 2, ARM_RW1, pminten, write_clr, 17),
    {.name = "PMMIR_EL1", KEY(3, 0, 9, 14, 6), .rights = ARM_R1_UP, .feature = 1 + ARM_F_LSE2, .check = check_pmmir,
     .flags = ARM_REG_QUIET, .read = read_pmmir, DBG(22)},
    BITS("PMOVSSET_EL0", 3, 14, 3, ARM_RW0, pmovs, write_set, 18),
    {.name = "PMCCFILTR_EL0", KEY(3, 3, 14, 15, 7), .rights = ARM_RW0, PMU, .check = check_pmu, .arg = USEREN_EN,
     .read = read_type, .write = write_type, DBG(14)},
    EVENT(0), EVENT(1), EVENT(2), EVENT(3), EVENT(4), EVENT(5), EVENT(6), EVENT(7), EVENT(8), EVENT(9),
    EVENT(10), EVENT(11), EVENT(12), EVENT(13), EVENT(14), EVENT(15), EVENT(16), EVENT(17), EVENT(18), EVENT(19),
    EVENT(20), EVENT(21), EVENT(22), EVENT(23), EVENT(24), EVENT(25), EVENT(26), EVENT(27), EVENT(28), EVENT(29),
    EVENT(30),
    {0},
};
/* clang-format on */
