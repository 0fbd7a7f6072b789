/*
 * Calls that firmware answers, where there is none: PSCI 1.1 and the SMC Calling Convention's own.
 * Ref: Power State Coordination Interface (DEN 0022), 5; SMC Calling Convention (DEN 0028), 7.
 */
#include "core/machine.h"
#include "target/arm/cpu_priv.h"
#include "util/log.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

enum {
    PSCI_VERSION = 0x84000000u,
    PSCI_CPU_SUSPEND = 0x84000001u,
    PSCI_CPU_OFF = 0x84000002u,
    PSCI_CPU_ON = 0x84000003u,
    PSCI_AFFINITY_INFO = 0x84000004u,
    PSCI_MIGRATE = 0x84000005u,
    PSCI_MIGRATE_INFO_TYPE = 0x84000006u,
    PSCI_SYSTEM_OFF = 0x84000008u,
    PSCI_SYSTEM_RESET = 0x84000009u,
    PSCI_FEATURES = 0x8400000au,
    PSCI_SYSTEM_SUSPEND = 0x8400000eu,
    PSCI_SYSTEM_RESET2 = 0x84000012u,
    SMCCC_VERSION = 0x80000000u,
    SMCCC_ARCH_FEATURES = 0x80000001u,
    TRNG_VERSION = 0x84000050u,
    TRNG_FEATURES = 0x84000051u,
    TRNG_GET_UUID = 0x84000052u,
    TRNG_RND = 0x84000053u,
    CALL_64 = 0x40000000u
};
enum {
    PSCI_SUCCESS = 0,
    PSCI_NOT_SUPPORTED = -1,
    PSCI_INVALID_PARAMETERS = -2,
    PSCI_DENIED = -3,
    PSCI_ALREADY_ON = -4,
    PSCI_ON_PENDING = -5
};
enum { PSCI_1_1 = 1 << 16 | 1, SMCCC_1_2 = 1 << 16 | 2, TRNG_1_0 = 1 << 16 };
#define MPIDR_AFFINITY UINT64_C(0xff00ffffff)

/* ---- processors ---- */

static struct arm_cpu *find_cpu(struct machine *m, uint64_t affinity)
{
    for (unsigned i = 0; i < m->ncpus; i++)
        if ((arm(m->cpus[i])->cfg.mpidr & MPIDR_AFFINITY) == affinity)
            return arm(m->cpus[i]);
    return NULL;
}

struct entry {
    uint64_t pc, context;
    unsigned el;
    bool thumb;
};

/* On the vCPU's thread. */
static void enter(struct cpu *c, void *arg)
{
    struct entry *e = arg;
    struct arm_cpu *cpu = arm(c);
    const uint64_t x[4] = {e->context};

    if (cpu->gic_ops)
        cpu->gic_ops->reset(cpu->gic, c->index);
    c->ops->reset(c);
    arm_enter_boot(cpu, e->pc, e->el, x);
    atomic_store(&cpu->power_on_pending, false);
    g_free(e);
}

/* The processor begins at the level of the caller's kind: EL2 for SMC calls where there is EL2. */
static int64_t cpu_on(struct arm_cpu *cpu, uint64_t affinity, uint64_t pc, uint64_t context)
{
    struct arm_cpu *to = find_cpu(cpu->cpu.machine, affinity & MPIDR_AFFINITY);

    if (!to)
        return PSCI_INVALID_PARAMETERS;
    if (to->cpu.started)
        return PSCI_ALREADY_ON;
    if (atomic_exchange(&to->power_on_pending, true))
        return PSCI_ON_PENDING;
    struct entry *e = g_new(struct entry, 1);
    *e = (struct entry){pc, context, arm_has_el2(to) ? 2 : 1, false};
    cpu_run_async(&to->cpu, enter, e);
    cpu_power_on(&to->cpu);
    return PSCI_SUCCESS;
}

static int64_t affinity_info(struct arm_cpu *cpu, uint64_t affinity, uint64_t level)
{
    const struct arm_cpu *of = find_cpu(cpu->cpu.machine, affinity & MPIDR_AFFINITY);

    if (level > 3)
        return PSCI_INVALID_PARAMETERS;
    if (level)
        return 0; /* some processor of the cluster is on: this one */
    if (!of)
        return PSCI_INVALID_PARAMETERS;
    return of->cpu.started ? 0 : of->power_on_pending ? 2 : 1;
}

static void NORETURN power_off(struct arm_cpu *cpu)
{
    cpu->cpu.started = false;
    guest_unwind(&cpu->cpu);
}

/* Wait for an interrupt, whether it is masked or not. */
static void NORETURN wait_for_wakeup(struct arm_cpu *cpu)
{
    cpu->cpu.halted = true;
    guest_unwind(&cpu->cpu);
}

/* What the processor holds is lost, and it begins at pc once an interrupt comes.  Timers count on
 * and the interrupt controller keeps what it has: they are what wakes it. */
static void NORETURN power_down(struct arm_cpu *cpu, uint64_t pc, uint64_t context)
{
    const uint64_t x[4] = {context};
    struct arm_timer_regs timer[ARRAY_SIZE(cpu->s.timer)];
    uint64_t cntkctl = cpu->s.cntkctl_el1, cnthctl = cpu->s.cnthctl_el2, voff = cpu->s.cntvoff_el2,
             poff = cpu->s.cntpoff_el2;

    memcpy(timer, cpu->s.timer, sizeof(timer));
    cpu->cpu.ops->reset(&cpu->cpu);
    memcpy(cpu->s.timer, timer, sizeof(timer));
    cpu->s.cntkctl_el1 = cntkctl;
    cpu->s.cnthctl_el2 = cnthctl;
    cpu->s.cntvoff_el2 = voff;
    cpu->s.cntpoff_el2 = poff;
    arm_timers_update(cpu);
    arm_enter_boot(cpu, pc, arm_has_el2(cpu) ? 2 : 1, x);
    wait_for_wakeup(cpu);
}

/* States are standby states, which retain everything, or power-down states of any level.
 * Ref: DEN 0022, 5.4.2 (power_state in the original format). */
static int64_t cpu_suspend(struct arm_cpu *cpu, uint64_t state, uint64_t pc, uint64_t context)
{
    enum { POWER_DOWN = 1 << 16 };
    const uint32_t reserved = 0xfcfe0000;

    if (state & reserved)
        return PSCI_INVALID_PARAMETERS;
    if (state & POWER_DOWN)
        power_down(cpu, pc, context);
    cpu->x[0] = PSCI_SUCCESS;
    cpu->pc += 4;
    wait_for_wakeup(cpu);
}

/* The last processor that is on powers down. */
static int64_t system_suspend(struct arm_cpu *cpu, uint64_t pc, uint64_t context)
{
    const struct machine *m = cpu->cpu.machine;

    for (unsigned i = 0; i < m->ncpus; i++)
        if (m->cpus[i] != &cpu->cpu && (m->cpus[i]->started || arm(m->cpus[i])->power_on_pending))
            return PSCI_DENIED;
    power_down(cpu, pc, context);
}

static void NORETURN stop(struct arm_cpu *cpu, bool reset)
{
    if (reset)
        machine_request_reset(cpu->cpu.machine);
    else
        machine_request_shutdown(cpu->cpu.machine, SHUTDOWN_GUEST_OFF, 0);
    cpu->cpu.halted = true;
    guest_unwind(&cpu->cpu);
}

/* ---- what there is ---- */

static bool is_known(uint32_t fn)
{
    switch (fn & ~CALL_64) {
    case PSCI_CPU_SUSPEND:
    case PSCI_CPU_ON:
    case PSCI_AFFINITY_INFO:
    case PSCI_SYSTEM_SUSPEND:
    case PSCI_SYSTEM_RESET2: return true;
    }
    switch (fn) {
    case PSCI_VERSION:
    case PSCI_CPU_OFF:
    case PSCI_MIGRATE_INFO_TYPE:
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET:
    case PSCI_FEATURES:
    case SMCCC_VERSION: return true;
    }
    return false;
}

/* ---- entropy.  Ref: Arm True Random Number Generator Firmware Interface (DEN 0098). ---- */

static int64_t trng_random(struct arm_cpu *cpu, bool is64, uint64_t bits)
{
    enum { NO_ENTROPY = -3, WORDS = 3 };
    uint64_t got[WORDS] = {0};
    unsigned word = is64 ? 64 : 32;

    if (!bits || bits > WORDS * word)
        return PSCI_INVALID_PARAMETERS;
    if (getrandom(got, sizeof(got), GRND_NONBLOCK) != sizeof(got))
        return NO_ENTROPY;
    for (unsigned i = 0; i < WORDS; i++) {
        unsigned have = bits > i * word ? MIN(word, (unsigned)bits - i * word) : 0;
        cpu->x[WORDS - i] = have == 64 ? got[i] : got[i] & (BIT64(have) - 1);
    }
    return PSCI_SUCCESS;
}

static bool trng(struct arm_cpu *cpu, uint32_t fn, int64_t *result)
{
    switch (fn) {
    case TRNG_VERSION: *result = TRNG_1_0; return true;
    case TRNG_FEATURES: {
        uint32_t of = (uint32_t)cpu->x[1] & ~CALL_64;
        *result = of >= TRNG_VERSION && of <= TRNG_RND ? 0 : PSCI_NOT_SUPPORTED;
        return true;
    }
    case TRNG_GET_UUID:
        *result = 0x3a5c9e17;
        cpu->x[1] = 0x4f20d861;
        cpu->x[2] = 0xb6947e02;
        cpu->x[3] = 0x91c8d35b;
        return true;
    case TRNG_RND:
    case TRNG_RND | CALL_64: *result = trng_random(cpu, fn & CALL_64, cpu->x[1]); return true;
    }
    return false;
}

/* ---- the call ---- */

static int64_t call(struct arm_cpu *cpu, uint32_t fn)
{
    bool is64 = fn & CALL_64;
    uint64_t a1 = is64 ? cpu->x[1] : (uint32_t)cpu->x[1];
    uint64_t a2 = is64 ? cpu->x[2] : (uint32_t)cpu->x[2];
    uint64_t a3 = is64 ? cpu->x[3] : (uint32_t)cpu->x[3];
    int64_t result;

    switch (fn) {
    case PSCI_VERSION: return PSCI_1_1;
    case PSCI_CPU_OFF: power_off(cpu);
    case PSCI_MIGRATE_INFO_TYPE: return 2; /* no trusted OS that would have to move */
    case PSCI_SYSTEM_OFF: stop(cpu, false);
    case PSCI_SYSTEM_RESET: stop(cpu, true);
    case PSCI_FEATURES: return is_known((uint32_t)a1) ? 0 : PSCI_NOT_SUPPORTED;
    case SMCCC_VERSION: return SMCCC_1_2;
    case SMCCC_ARCH_FEATURES:
        return a1 == SMCCC_VERSION || a1 == SMCCC_ARCH_FEATURES ? 0 : PSCI_NOT_SUPPORTED;
    }
    switch (fn & ~CALL_64) {
    case PSCI_CPU_SUSPEND: return cpu_suspend(cpu, (uint32_t)a1, a2, a3);
    case PSCI_SYSTEM_SUSPEND: return system_suspend(cpu, a1, a2);
    case PSCI_CPU_ON: return cpu_on(cpu, a1, a2, a3);
    case PSCI_AFFINITY_INFO: return affinity_info(cpu, a1, a2);
    case PSCI_SYSTEM_RESET2:
        if (!((uint32_t)a1 >> 31) && (uint32_t)a1)
            return PSCI_INVALID_PARAMETERS;
        stop(cpu, true);
    }
    return trng(cpu, fn, &result) ? result : PSCI_NOT_SUPPORTED;
}

bool arm_psci(struct arm_cpu *cpu)
{
    uint32_t fn = (uint32_t)cpu->x[0];
    int64_t result = call(cpu, fn);

    if (log_enabled(LOG_INT))
        log_printf(LOG_INT, "psci: cpu %u: call 0x%08" PRIx32 ": %" PRId64 "\n", cpu->cpu.index, fn,
                   result);
    cpu->x[0] = cpu->s.ps.a32 ? (uint32_t)result : (uint64_t)result;
    return true;
}
