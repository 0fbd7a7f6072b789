/* The generic timers and counters.  Ref: the manual, D12 (The Generic Timer in AArch64 state). */
#include "target/arm/cpu_priv.h"
#include "target/arm/sysreg.h"

#define NS_PER_S UINT64_C(1000000000)

enum { CTL_ENABLE = 1, CTL_IMASK = 2, CTL_ISTATUS = 4 };

/* ---- counting ---- */

uint64_t arm_counter(const struct arm_cpu *cpu)
{
    unsigned __int128 ns = (uint64_t)clock_now();

    return (uint64_t)(ns * cpu->timer_hz / NS_PER_S);
}

/* The first nanosecond at which the counter has a value; INT64_MAX: too far to count. */
static ns_t time_of_count(const struct arm_cpu *cpu, uint64_t count)
{
    unsigned __int128 ns =
        ((unsigned __int128)count * NS_PER_S + cpu->timer_hz - 1) / cpu->timer_hz;

    return ns > INT64_MAX ? INT64_MAX : (ns_t)ns;
}

/* CNTPOFF_EL2 applies below EL2 where it is enabled.  Ref: the manual, D12.2.4. */
static bool has_phys_offset(const struct arm_cpu *cpu)
{
    const struct arm_state *s = &cpu->s;

    return arm_has(cpu, ARM_F_ECV) && arm_el2_enabled(cpu) && (s->cnthctl_el2 & BIT64(12)) &&
           (!arm_has_el3(cpu) || (s->scr_el3 & SCR_ECVEN)) && !arm_is_host(cpu);
}

static uint64_t timer_offset(const struct arm_cpu *cpu, unsigned t)
{
    if (t == ARM_TIMER_VIRT)
        return arm_has_el2(cpu) ? cpu->s.cntvoff_el2 : 0;
    return t == ARM_TIMER_PHYS && has_phys_offset(cpu) ? cpu->s.cntpoff_el2 : 0;
}

/* What the instruction sees: EL2 (and EL0 under a host) knows no offset. */
static uint64_t seen_offset(const struct arm_cpu *cpu, unsigned t)
{
    bool host = (cpu->s.ps.el == 2 && (cpu->s.hcr_el2 & HCR_E2H)) ||
                (cpu->s.ps.el == 0 && arm_is_host(cpu));

    if (t == ARM_TIMER_PHYS && cpu->s.ps.el >= 2)
        return 0;
    return host ? 0 : timer_offset(cpu, t);
}

uint64_t arm_virtual_count(const struct arm_cpu *cpu)
{
    return arm_counter(cpu) - seen_offset(cpu, ARM_TIMER_VIRT);
}

/* ---- the outputs ---- */

static bool is_due(const struct arm_cpu *cpu, unsigned t, uint64_t count)
{
    return count - timer_offset(cpu, t) >= cpu->s.timer[t].cval;
}

static void update_locked(struct arm_cpu *cpu, unsigned t) REQUIRES(&cpu->timer_lock)
{
    const struct arm_timer_regs *r = &cpu->s.timer[t];
    uint64_t count = arm_counter(cpu), offset = timer_offset(cpu, t);
    bool on = r->ctl & CTL_ENABLE, due = on && is_due(cpu, t, count);

    irq_set(&cpu->timer_irq[t], due && !(r->ctl & CTL_IMASK));
    if (!on || due || r->cval + offset < r->cval || r->cval + offset < count) {
        timer_cancel(&cpu->timers[t]);
        return;
    }
    ns_t when = time_of_count(cpu, r->cval + offset);
    if (when == INT64_MAX)
        timer_cancel(&cpu->timers[t]);
    else
        timer_set(&cpu->timers[t], when);
}

void arm_timers_update(struct arm_cpu *cpu)
{
    mutex_lock(&cpu->timer_lock);
    for (unsigned t = 0; t < ARM_TIMERS; t++)
        update_locked(cpu, t);
    mutex_unlock(&cpu->timer_lock);
}

/* Runs with timer_lock held. */
static void fired(void *opaque) NO_THREAD_ANALYSIS
{
    struct arm_cpu *cpu = opaque;

    for (unsigned t = 0; t < ARM_TIMERS; t++)
        update_locked(cpu, t);
}

void arm_timers_init(struct arm_cpu *cpu)
{
    for (unsigned t = 0; t < ARM_TIMERS; t++)
        timer_init(&cpu->timers[t], &cpu->timer_lock, fired, cpu);
}

void arm_timers_fini(struct arm_cpu *cpu)
{
    for (unsigned t = 0; t < ARM_TIMERS; t++)
        timer_cancel(&cpu->timers[t]);
}

/* ---- registers ---- */

static uint64_t read_ctl(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    const struct arm_timer_regs *t = &cpu->s.timer[r->arg];
    bool due = (t->ctl & CTL_ENABLE) && is_due(cpu, r->arg, arm_counter(cpu));

    return (t->ctl & (CTL_ENABLE | CTL_IMASK)) | (due ? CTL_ISTATUS : 0);
}

static void write_ctl(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    mutex_lock(&cpu->timer_lock);
    cpu->s.timer[r->arg].ctl = val & (CTL_ENABLE | CTL_IMASK);
    update_locked(cpu, r->arg);
    mutex_unlock(&cpu->timer_lock);
}

static uint64_t read_cval(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    return cpu->s.timer[r->arg].cval;
}

static void write_cval(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    mutex_lock(&cpu->timer_lock);
    cpu->s.timer[r->arg].cval = val;
    update_locked(cpu, r->arg);
    mutex_unlock(&cpu->timer_lock);
}

static uint64_t read_tval(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    uint64_t count = arm_counter(cpu) - timer_offset(cpu, r->arg);

    return (uint32_t)(cpu->s.timer[r->arg].cval - count);
}

static void write_tval(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    uint64_t count = arm_counter(cpu) - timer_offset(cpu, r->arg);

    write_cval(cpu, r, count + (uint64_t)(int64_t)(int32_t)val);
}

static uint64_t read_count(struct arm_cpu *cpu, const struct arm_sysreg *r)
{
    return arm_counter(cpu) - seen_offset(cpu, r->arg);
}

static void write_offset(struct arm_cpu *cpu, const struct arm_sysreg *r, uint64_t val)
{
    mutex_lock(&cpu->timer_lock);
    *arm_sysreg_field(cpu, r) = val;
    update_locked(cpu, ARM_TIMER_VIRT);
    update_locked(cpu, ARM_TIMER_PHYS);
    mutex_unlock(&cpu->timer_lock);
}

static void write_hctl(struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED, uint64_t val)
{
    mutex_lock(&cpu->timer_lock);
    cpu->s.cnthctl_el2 = val & (arm_has(cpu, ARM_F_VHE) ? MASK64(0, 20) : 0xff);
    update_locked(cpu, ARM_TIMER_PHYS);
    mutex_unlock(&cpu->timer_lock);
}

/* ---- access ---- */

enum { KCTL_PCTEN = 0, KCTL_VCTEN = 1, KCTL_VTEN = 8, KCTL_PTEN = 9 };

/* CNTKCTL_EL1's bit, or CNTHCTL_EL2's under a host, lets EL0 in. */
static bool el0_is_let_in(const struct arm_cpu *cpu, unsigned bit)
{
    uint64_t ctl = arm_is_host(cpu) ? cpu->s.cnthctl_el2 : cpu->s.cntkctl_el1;

    return ctl >> bit & 1;
}

/* CNTHCTL_EL2 keeps EL1 and EL0 from the physical counter (timer: from it). */
static bool el2_traps_physical(const struct arm_cpu *cpu, bool is_timer)
{
    bool e2h = cpu->s.hcr_el2 & HCR_E2H;
    unsigned bit = (e2h ? 10 : 0) + is_timer;

    return cpu->s.ps.el <= 1 && arm_el2_enabled(cpu) && !arm_is_host(cpu) &&
           !(cpu->s.cnthctl_el2 >> bit & 1);
}

/* FEAT_ECV: EL1TVT and EL1TVCT. */
static bool el2_traps_virtual(const struct arm_cpu *cpu, bool is_timer)
{
    return arm_has(cpu, ARM_F_ECV) && cpu->s.ps.el <= 1 && arm_el2_enabled(cpu) &&
           !arm_is_host(cpu) && (cpu->s.cnthctl_el2 >> (is_timer ? 13 : 14) & 1);
}

static enum arm_access check_physical(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                      bool is_write UNUSED)
{
    if (cpu->s.ps.el == 0 && !el0_is_let_in(cpu, KCTL_PTEN))
        return ARM_TRAP_EL1;
    return el2_traps_physical(cpu, true) ? ARM_TRAP_EL2 : ARM_ALLOWED;
}

static enum arm_access check_virtual(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                     bool is_write UNUSED)
{
    if (cpu->s.ps.el == 0 && !el0_is_let_in(cpu, KCTL_VTEN))
        return ARM_TRAP_EL1;
    return el2_traps_virtual(cpu, true) ? ARM_TRAP_EL2 : ARM_ALLOWED;
}

static enum arm_access check_count(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                   bool is_write UNUSED)
{
    bool virt = r->arg == ARM_TIMER_VIRT;

    if (cpu->s.ps.el == 0 && !el0_is_let_in(cpu, virt ? KCTL_VCTEN : KCTL_PCTEN))
        return ARM_TRAP_EL1;
    bool trapped = virt ? el2_traps_virtual(cpu, false) : el2_traps_physical(cpu, false);
    return trapped ? ARM_TRAP_EL2 : ARM_ALLOWED;
}

static enum arm_access check_ecv(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                 bool is_write UNUSED)
{
    bool off = arm_has_el3(cpu) && !(cpu->s.scr_el3 & SCR_ECVEN);

    return cpu->s.ps.el == 2 && off ? ARM_TRAP_EL3 : ARM_ALLOWED;
}

static enum arm_access check_frq(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                 bool is_write)
{
    if (is_write)
        return arm_highest_el(cpu) == cpu->s.ps.el ? ARM_ALLOWED : ARM_UNDEFINED;
    if (cpu->s.ps.el == 0 && !el0_is_let_in(cpu, KCTL_PCTEN) && !el0_is_let_in(cpu, KCTL_VCTEN))
        return ARM_TRAP_EL1;
    return ARM_ALLOWED;
}

/* The secure timer is EL3's, and secure EL1's with SCR_EL3.ST. */
static enum arm_access check_secure(const struct arm_cpu *cpu, const struct arm_sysreg *r UNUSED,
                                    bool is_write UNUSED)
{
    if (cpu->s.ps.el == 3)
        return ARM_ALLOWED;
    if (cpu->s.ps.el == 2 || !arm_is_secure_below(cpu))
        return ARM_UNDEFINED;
    return cpu->s.scr_el3 & SCR_ST ? ARM_ALLOWED : ARM_TRAP_EL3;
}

/* EL0 reaches EL2's timers under a host, by the names of EL1's: CNTHCTL_EL2 decides. */
static enum arm_access check_hyp_name(const struct arm_cpu *cpu, const struct arm_sysreg *r,
                                      bool is_write UNUSED)
{
    if (cpu->s.ps.el)
        return ARM_ALLOWED;
    if (!arm_is_host(cpu))
        return ARM_UNDEFINED;
    return el0_is_let_in(cpu, r->arg == ARM_TIMER_HYP ? KCTL_PTEN : KCTL_VTEN) ? ARM_ALLOWED
                                                                               : ARM_TRAP_EL1;
}

#define S(field) .off = offsetof(struct arm_cpu, s.field)
#define KEY(...) .key = ARM_SYSREG(__VA_ARGS__)
#define TIMER(n, lvl, op1, crm, who_may, chk, t, ...)                                              \
    {.name = n "_TVAL_EL" lvl,                                                                     \
     KEY(3, op1, 14, crm, 0),                                                                      \
     .rights = who_may,                                                                            \
     .check = chk,                                                                                 \
     .read = read_tval,                                                                            \
     .write = write_tval,                                                                          \
     .arg = t,                                                                                     \
     __VA_ARGS__},                                                                                 \
        {.name = n "_CTL_EL" lvl,                                                                  \
         KEY(3, op1, 14, crm, 1),                                                                  \
         .rights = who_may,                                                                        \
         .check = chk,                                                                             \
         .read = read_ctl,                                                                         \
         .write = write_ctl,                                                                       \
         .arg = t,                                                                                 \
         __VA_ARGS__},                                                                             \
    {                                                                                              \
        .name = n "_CVAL_EL" lvl, KEY(3, op1, 14, crm, 2), .rights = who_may, .check = chk,        \
        .read = read_cval, .write = write_cval, .arg = t, __VA_ARGS__                              \
    }
#define EL0FLAGS .flags = ARM_REG_VHE | ARM_REG_QUIET
#define EL2FLAGS .flags = ARM_REG_NEEDS_EL2 | ARM_REG_QUIET
#define COUNT(n, op2, t, ...)                                                                      \
    {                                                                                              \
        .name = n, KEY(3, 3, 14, 0, op2), .rights = ARM_R0_UP, .check = check_count,               \
        .read = read_count, .arg = t, __VA_ARGS__                                                  \
    }

/* clang-format off */
const struct arm_sysreg arm_sysregs_timer[] = {
    {.name = "CNTFRQ_EL0", KEY(3, 3, 14, 0, 0), S(cntfrq), .rights = ARM_RW1_R0, .check = check_frq, .flags = ARM_REG_QUIET},
    COUNT("CNTPCT_EL0", 1, ARM_TIMER_PHYS, .flags = 0), COUNT("CNTVCT_EL0", 2, ARM_TIMER_VIRT, .flags = 0),
    COUNT("CNTPCTSS_EL0", 5, ARM_TIMER_PHYS, .feature = 1 + ARM_F_ECV),
    COUNT("CNTVCTSS_EL0", 6, ARM_TIMER_VIRT, .feature = 1 + ARM_F_ECV),
    {.name = "CNTKCTL_EL1", KEY(3, 0, 14, 1, 0), S(cntkctl_el1), .rights = ARM_RW1, EL0FLAGS, .mask = 0x203ff},
    {.name = "CNTHCTL_EL2", KEY(3, 4, 14, 1, 0), S(cnthctl_el2), .rights = ARM_RW2, EL2FLAGS, .write = write_hctl},
    {.name = "CNTVOFF_EL2", KEY(3, 4, 14, 0, 3), S(cntvoff_el2), .rights = ARM_RW2, EL2FLAGS, .write = write_offset},
    {.name = "CNTPOFF_EL2", KEY(3, 4, 14, 0, 6), S(cntpoff_el2), .rights = ARM_RW2, EL2FLAGS, .write = write_offset,
     .feature = 1 + ARM_F_ECV, .check = check_ecv},
    TIMER("CNTP", "0", 3, 2, ARM_RW0, check_physical, ARM_TIMER_PHYS, EL0FLAGS),
    TIMER("CNTV", "0", 3, 3, ARM_RW0, check_virtual, ARM_TIMER_VIRT, EL0FLAGS),
    TIMER("CNTHP", "2", 4, 2, ARM_RW2, check_hyp_name, ARM_TIMER_HYP, EL2FLAGS),
    TIMER("CNTHV", "2", 4, 3, ARM_RW2, check_hyp_name, ARM_TIMER_HYPVIRT, EL2FLAGS, .feature = 1 + ARM_F_VHE),
    TIMER("CNTPS", "1", 7, 2, ARM_RW1, check_secure, ARM_TIMER_SEC, .flags = ARM_REG_NEEDS_EL3 | ARM_REG_QUIET),
    {0},
};
/* clang-format on */
