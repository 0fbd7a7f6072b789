/*
 * Performance monitors, PMUv3: cycles, instructions and software increments.  A cycle is a
 * nanosecond of virtual time, and so is an instruction, since translated code counts none.
 * Ref: the manual, D13 (The Performance Monitors Extension).
 */
#include "target/arm/cpu_priv.h"
#include "target/arm/sysreg.h"

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
    EVENT_STALL_FRONTEND = 0x23,
    EVENT_STALL_BACKEND = 0x24,
    EVENT_STALL = 0x3c
};
enum { CYCLE = 31 /* bit of the cycle counter */ };
enum { USEREN_EN = 1, USEREN_SW = 2, USEREN_CR = 4, USEREN_ER = 8 };
enum { USEREN_WRITES = 16 }; /* the same bits let EL0 write */

/* ---- counting ---- */

static uint64_t all_bits(const struct arm_cpu *cpu)
{
    return BIT64(CYCLE) | (BIT64(cpu->id.pmu_counters) - 1);
}

static uint64_t *base_of(struct arm_cpu *cpu, unsigned n)
{
    return n == CYCLE ? &cpu->s.pmccntr : &cpu->s.pmevcntr[n];
}

static bool counts_time(const struct arm_cpu *cpu, unsigned n)
{
    unsigned event = cpu->s.pmevtyper[n < CYCLE ? n : 0] & 0xffff;

    return n == CYCLE || event == EVENT_INST_RETIRED || event == EVENT_CPU_CYCLES;
}

/* P and U of the filter say at which levels nothing is counted; both: nowhere that matters. */
static bool is_filtered(const struct arm_cpu *cpu, unsigned n)
{
    uint64_t filter = n == CYCLE ? cpu->s.pmccfiltr : cpu->s.pmevtyper[n];

    return (filter >> 30 & 3) == 3;
}

static bool is_running(const struct arm_cpu *cpu, unsigned n)
{
    return (cpu->s.pmcr & PMCR_E) && (cpu->s.pmcnten >> n & 1) && counts_time(cpu, n) &&
           !is_filtered(cpu, n);
}

static uint64_t elapsed(const struct arm_cpu *cpu, unsigned n)
{
    uint64_t now = clock_now();

    return n == CYCLE && (cpu->s.pmcr & PMCR_D) && !(cpu->s.pmcr & PMCR_LC) ? now / 64 : now;
}

/* Event counters have 64 bits as of PMUv3p5; of older ones the upper half counts on unseen. */
static bool has_long_counters(const struct arm_cpu *cpu)
{
    return arm_has(cpu, ARM_F_E0PD);
}

static uint64_t value(struct arm_cpu *cpu, unsigned n)
{
    return *base_of(cpu, n) + (is_running(cpu, n) ? elapsed(cpu, n) : 0);
}

static void set_value(struct arm_cpu *cpu, unsigned n, uint64_t val)
{
    *base_of(cpu, n) = val - (is_running(cpu, n) ? elapsed(cpu, n) : 0);
    cpu->pmu_seen[n] = val;
}

/* The counter overflows after 64 bits, not 32. */
static bool is_long(const struct arm_cpu *cpu, unsigned n)
{
    return cpu->s.pmcr & (n == CYCLE ? PMCR_LC : PMCR_LP);
}

static uint64_t until_overflow(struct arm_cpu *cpu, unsigned n)
{
    uint64_t v = value(cpu, n);

    return is_long(cpu, n) ? -v : (UINT64_C(1) << 32) - (uint32_t)v;
}

/* Set the flags of counters that have passed their end since they were looked at last. */
static void note_overflows(struct arm_cpu *cpu) REQUIRES(&cpu->timer_lock)
{
    for (unsigned n = 0; n <= CYCLE; n++) {
        if (!is_running(cpu, n))
            continue;
        uint64_t v = value(cpu, n), seen = cpu->pmu_seen[n];
        if (is_long(cpu, n) ? v < seen : v >> 32 != seen >> 32)
            cpu->s.pmovs |= BIT64(n);
        cpu->pmu_seen[n] = v;
    }
}

static void update_irq(struct arm_cpu *cpu) REQUIRES(&cpu->timer_lock)
{
    irq_set(&cpu->pmu_irq, (cpu->s.pmcr & PMCR_E) && (cpu->s.pmovs & cpu->s.pminten));
}

/* The timer fires when the next counter with an interrupt overflows. */
static void arm_overflow(struct arm_cpu *cpu) REQUIRES(&cpu->timer_lock)
{
    uint64_t next = UINT64_MAX;

    for (unsigned n = 0; n <= CYCLE; n++)
        if ((cpu->s.pminten & all_bits(cpu)) >> n & 1 && is_running(cpu, n))
            next = MIN(next, until_overflow(cpu, n));
    if (next > INT64_MAX / 2)
        timer_cancel(&cpu->pmu_timer);
    else
        timer_set(&cpu->pmu_timer, clock_now() + (ns_t)next);
}

/* Changes of what runs happen between these: values stay. */
static void begin(struct arm_cpu *cpu, uint64_t *saved) ACQUIRE(&cpu->timer_lock)
{
    mutex_lock(&cpu->timer_lock);
    note_overflows(cpu);
    for (unsigned n = 0; n <= CYCLE; n++)
        saved[n] = n < ARM_PMU_COUNTERS || n == CYCLE ? value(cpu, n) : 0;
}

static void end(struct arm_cpu *cpu, const uint64_t *saved) RELEASE(&cpu->timer_lock)
{
    for (unsigned n = 0; n <= CYCLE; n++)
        set_value(cpu, n, saved[n]);
    arm_overflow(cpu);
    update_irq(cpu);
    mutex_unlock(&cpu->timer_lock);
}

/* A counter that was near its end has passed it.  Runs with timer_lock held. */
static void fired(void *opaque) NO_THREAD_ANALYSIS
{
    struct arm_cpu *cpu = opaque;

    note_overflows(cpu);
    arm_overflow(cpu);
    update_irq(cpu);
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
    for (unsigned n = 0; n <= CYCLE; n++)
        cpu->pmu_seen[n] = value(cpu, n);
    arm_overflow(cpu);
    update_irq(cpu);
    mutex_unlock(&cpu->timer_lock);
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

static enum arm_access check_event(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                   bool is_write)
{
    unsigned n = (r->key >> 3 & 3) << 3 | (r->key & 7);

    if (n >= cpu->id.pmu_counters)
        return ARM_UNDEFINED;
    return check_pmu(cpu, r, is_write);
}

/* ---- registers ---- */

static uint64_t pmcr_bits(const struct arm_cpu *cpu)
{
    return PMCR_WRITABLE | (has_long_counters(cpu) ? PMCR_LP : 0);
}

static uint64_t read_pmcr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    uint64_t n = cpu->id.pmu_counters;

    return (uint64_t)cpu->id.pmu_code << 16 | n << 11 | (cpu->s.pmcr & pmcr_bits(cpu));
}

static void write_pmcr(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    uint64_t saved[CYCLE + 1];

    begin(cpu, saved);
    cpu->s.pmcr = val & pmcr_bits(cpu);
    for (unsigned n = 0; (val & PMCR_P) && n < cpu->id.pmu_counters; n++)
        saved[n] = 0;
    if (val & PMCR_C)
        saved[CYCLE] = 0;
    end(cpu, saved);
}

static uint64_t read_bits(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    if (arm_sysreg_field(cpu, r) == &cpu->s.pmovs) {
        mutex_lock(&cpu->timer_lock);
        note_overflows(cpu);
        mutex_unlock(&cpu->timer_lock);
    }
    return *arm_sysreg_field(cpu, r) & all_bits(cpu);
}

static void change_bits(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t set,
                        uint64_t clear)
{
    uint64_t saved[CYCLE + 1], *field = arm_sysreg_field(cpu, r);

    begin(cpu, saved);
    *field = ((*field & ~clear) | set) & all_bits(cpu);
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

static void increment(struct arm_cpu *cpu, unsigned n, uint64_t *saved)
{
    bool on = (cpu->s.pmcr & PMCR_E) && (cpu->s.pmcnten >> n & 1);

    if (!on || (cpu->s.pmevtyper[n] & 0xffff) != EVENT_SW_INCR)
        return;
    saved[n]++;
    if (is_long(cpu, n) ? !saved[n] : !(uint32_t)saved[n])
        cpu->s.pmovs |= BIT64(n);
}

static void write_swinc(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    uint64_t saved[CYCLE + 1];

    begin(cpu, saved);
    for (unsigned n = 0; n < cpu->id.pmu_counters; n++)
        if (val >> n & 1)
            increment(cpu, n, saved);
    end(cpu, saved);
}

static uint64_t read_cycles(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED)
{
    return value(cpu, CYCLE);
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

/* Which counter an access is about: by PMSELR_EL0, or by the encoding. */
static unsigned selected(const struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    if ((r->key & ARM_SYSREG_CRN) == 9 << 7)
        return cpu->s.pmselr & 31;
    return (r->key >> 3 & 3) << 3 | (r->key & 7);
}

static uint64_t read_count(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    unsigned n = selected(cpu, r);

    if (n >= cpu->id.pmu_counters)
        return 0;
    return has_long_counters(cpu) ? value(cpu, n) : (uint32_t)value(cpu, n);
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

static void write_type(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    uint64_t saved[CYCLE + 1], *t = type_of(cpu, r);

    if (!t)
        return;
    begin(cpu, saved);
    *t = val & (t == &cpu->s.pmccfiltr ? 0xfc000000 : 0xfe00ffff);
    end(cpu, saved);
}

/* PMCEID0: events 0 to 31; PMCEID1: 32 to 63.  Of the latter Armv8.1 and Armv8.4 ask for those that
 * count stalled cycles, of which there are none. */
static uint64_t read_ceid(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    if (!(r->key & 1))
        return 1u << EVENT_SW_INCR | 1u << EVENT_INST_RETIRED | 1u << EVENT_CPU_CYCLES;
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
#define PMU      .feature = 1 + ARM_F_PMU, .flags = ARM_REG_QUIET
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
    {.name = "PMXEVTYPER_EL0", KEY(3, 3, 9, 13, 1), .rights = ARM_RW0, PMU, .check = check_pmu, .arg = USEREN_EN,
     .read = read_type, .write = write_type, DBG(13)},
    {.name = "PMXEVCNTR_EL0", KEY(3, 3, 9, 13, 2), .rights = ARM_RW0, PMU, .check = check_pmu,
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
