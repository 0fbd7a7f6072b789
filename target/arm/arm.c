/* Processors as boards see them: creation, identity, interrupts, timers. */
#include "target/arm/arm.h"

#include "accel/tcg/tcg.h"
#include "core/machine.h"
#include "target/arm/cpu_priv.h"
#include "target/arm/m_priv.h"
#include "target/arm/tlbi.h"

#include <string.h>

enum { DEFAULT_TIMER_HZ = 62500000 };

static bool machine_is32(const struct machine *m)
{
    return m->cls && m->cls->arch && !strcmp(m->cls->arch, "arm");
}

/* Without EL2 or EL3 on the board the processor does not have them at all. */
static void drop_levels(struct arm_cpu *cpu)
{
    if (!cpu->cfg.has_el2)
        cpu->features[ARM_F_VIRT / 64] &= ~BIT64(ARM_F_VIRT % 64);
    if (!cpu->cfg.has_el3)
        cpu->features[ARM_F_SECURE / 64] &= ~BIT64(ARM_F_SECURE % 64);
    cpu->cfg.has_el2 = arm_has_el2(cpu);
    cpu->cfg.has_el3 = arm_has_el3(cpu);
    arm_compute_ids(cpu);
}

struct cpu *arm_cpu_new(struct machine *m, const char *model, const struct arm_cpu_config *config,
                        struct error **errp)
{
    if (config->nvic_ops)
        return arm_m_cpu_new(m, model, config, errp);
    bool is32 = machine_is32(m);
    struct arm_cpu *cpu = m->accel->cpu_alloc(sizeof(*cpu));

    cpu->cfg = *config;
    cpu->timer_hz = DEFAULT_TIMER_HZ;
    if (!model)
        model = is32 ? "cortex-a15" : "cortex-a57";
    if (!arm_configure(cpu, model, is32, errp)) {
        m->accel->cpu_free(&cpu->cpu);
        return NULL;
    }
    drop_levels(cpu);
    cpu_init(&cpu->cpu, is32 ? &arm32_cpu_ops : &arm64_cpu_ops, m, m->ncpus);
    cpu->cpu.start_off = config->start_off;
    mutex_init(&cpu->timer_lock);
    arm_timers_init(cpu);
    arm_pmu_init(cpu);
    arm_tlbi_init(cpu);
    if (!tcg_cpu_attach(&cpu->cpu, is32 ? &arm32_guest_ops : &arm_guest_ops, errp)) {
        cpu->cpu.ops->finalize(&cpu->cpu);
        cpu_fini(&cpu->cpu);
        m->accel->cpu_free(&cpu->cpu);
        return NULL;
    }
    machine_add_cpu(m, &cpu->cpu);
    return &cpu->cpu;
}

void arm_cpu_set_boot(struct cpu *c, uint64_t pc, unsigned el, const uint64_t x[4])
{
    struct arm_boot *b = &arm(c)->boot;

    *b = (struct arm_boot){.valid = true, .el = el, .pc = pc};
    memcpy(b->x, x, sizeof(b->x));
}

bool arm_is_aarch64(struct cpu *cpu)
{
    return arm_has(arm(cpu), ARM_F_AARCH64);
}

const char *arm_compatible(struct cpu *cpu)
{
    return arm_model_compatible(arm(cpu)->model);
}

/* Bit 31 is one (the multiprocessing extensions), bit 30 says that there is one processor only. */
uint64_t arm_mpidr(struct cpu *c)
{
    const struct arm_cpu *cpu = arm(c);

    return cpu->cfg.mpidr | (arm_has(cpu, ARM_F_MP) ? BIT64(31) : 0);
}

bool arm_has_pmu(struct cpu *cpu)
{
    return arm_has(arm(cpu), ARM_F_PMU);
}

unsigned arm_pa_bits(struct cpu *cpu)
{
    return arm(cpu)->id.pa_bits;
}

struct irq *arm_timer_irq(struct cpu *cpu, enum arm_timer t)
{
    return &arm(cpu)->timer_irq[t];
}

struct irq *arm_pmu_irq(struct cpu *cpu)
{
    return &arm(cpu)->pmu_irq;
}

void arm_cpu_set_timer_hz(struct cpu *cpu, uint64_t hz)
{
    arm(cpu)->timer_hz = hz ? hz : DEFAULT_TIMER_HZ;
    arm(cpu)->s.cntfrq = arm(cpu)->timer_hz;
}

void arm_cpu_set_gicv3(struct cpu *cpu, const struct gicv3_cpu_ops *ops, void *gic)
{
    arm(cpu)->gic_ops = ops;
    arm(cpu)->gic = gic;
    arm_compute_ids(arm(cpu));
}
