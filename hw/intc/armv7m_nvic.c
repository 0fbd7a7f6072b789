/*
 * Nested vectored interrupt controller of M-profile processors: which exception comes next.
 * Ref: Armv7-M Architecture Reference Manual (DDI 0403), B1.5 and B3.4; Armv8-M (DDI 0553), B3.
 */
#include "hw/intc/armv7m_priv.h"

#include <assert.h>
#include <glib.h>

enum { PRIORITY_HARD_FAULT = -1, PRIORITY_NMI = -2, PRIORITY_RESET = -3 };
enum { DEMCR_MON_EN = 1 << 16 };

unsigned armv7m_exceptions(const struct armv7m *n)
{
    return NVIC_IRQ0 + n->nirqs;
}

/* Priorities have the high bits only. */
uint8_t armv7m_priority_mask(const struct armv7m *n)
{
    return (uint8_t)(0xff00 >> n->ids.priority_bits);
}

bool armv7m_is_enabled(const struct armv7m *n, unsigned exception)
{
    switch (exception) {
    case NVIC_MEM_MANAGE: return n->s.shcsr_enables & SHCSR_MEMFAULTENA;
    case NVIC_BUS_FAULT: return n->s.shcsr_enables & SHCSR_BUSFAULTENA;
    case NVIC_USAGE_FAULT: return n->s.shcsr_enables & SHCSR_USGFAULTENA;
    case NVIC_DEBUG_MONITOR: return n->s.reg[NVIC_DEMCR] & DEMCR_MON_EN;
    default: return exception < NVIC_IRQ0 || armv7m_bit(n->s.enabled, exception);
    }
}

static int priority(const struct armv7m *n, unsigned exception)
{
    switch (exception) {
    case NVIC_RESET: return PRIORITY_RESET;
    case NVIC_NMI: return PRIORITY_NMI;
    case NVIC_HARD_FAULT: return PRIORITY_HARD_FAULT;
    default: return n->s.priority[exception];
    }
}

/* B1.5.4: only the group part of a priority decides on preemption. */
static int group_priority(const struct armv7m *n, int p)
{
    return p < 0 ? p : p & ~(int)((2U << n->s.prigroup) - 1);
}

/* Of the lowest priority value and then number in a set; 0: it is empty. */
static unsigned best_of(const struct armv7m *n, const uint32_t *set, bool enabled_only)
{
    unsigned best = NVIC_NONE;
    for (unsigned w = 0; w < ARMV7M_WORDS; w++) {
        for (uint32_t bits = set[w]; bits; bits &= bits - 1) {
            unsigned e = w * 32 + (unsigned)__builtin_ctz(bits);
            if ((!enabled_only || armv7m_is_enabled(n, e)) &&
                (best == NVIC_NONE || priority(n, e) < priority(n, best)))
                best = e;
        }
    }
    return best;
}

unsigned armv7m_highest_pending(const struct armv7m *n)
{
    return best_of(n, n->s.pending, true);
}

unsigned armv7m_current(const struct armv7m *n)
{
    return best_of(n, n->s.active, false);
}

unsigned armv7m_active_count(const struct armv7m *n)
{
    unsigned count = 0;
    for (unsigned w = 0; w < ARMV7M_WORDS; w++)
        count += (unsigned)__builtin_popcount(n->s.active[w]);
    return count;
}

static int active_priority(const struct armv7m *n)
{
    unsigned current = armv7m_current(n);
    return current ? group_priority(n, priority(n, current)) : ARMV7M_LOWEST;
}

static int masked_priority(const struct armv7m *n, struct nvic_masks m)
{
    int p = active_priority(n);
    if (m.basepri)
        p = MIN(p, group_priority(n, m.basepri));
    if (m.primask)
        p = MIN(p, 0);
    return m.faultmask ? MIN(p, PRIORITY_HARD_FAULT) : p;
}

static bool preempts(const struct armv7m *n, unsigned exception, int execution)
{
    return exception && group_priority(n, priority(n, exception)) < execution;
}

void armv7m_update(struct armv7m *n)
{
    bool level = preempts(n, armv7m_highest_pending(n), active_priority(n));
    if (irq_level(&n->dev.irq) != level)
        irq_set(&n->dev.irq, level);
    if (level && n->cpu_ops && n->cpu_ops->pending)
        n->cpu_ops->pending(n->cpu);
}

void armv7m_pend(struct armv7m *n, unsigned exception, bool on)
{
    if (exception == NVIC_NONE || exception >= armv7m_exceptions(n))
        return;
    bool rises = on && !armv7m_bit(n->s.pending, exception);
    armv7m_set_bit(n->s.pending, exception, on);
    if (rises && (n->s.reg[NVIC_SCR] & NVIC_SCR_SEVONPEND) && n->cpu_ops)
        n->cpu_ops->event(n->cpu);
    armv7m_update(n);
}

static void set_level(struct armv7m *n, unsigned exception, bool level)
{
    mutex_lock(&n->dev.lock);
    bool rises = level && !armv7m_bit(n->s.level, exception);
    armv7m_set_bit(n->s.level, exception, level);
    if (rises)
        armv7m_pend(n, exception, true);
    mutex_unlock(&n->dev.lock);
}

void armv7m_set_irq(void *opaque, unsigned irq, bool level)
{
    struct armv7m *n = opaque;
    if (irq < n->nirqs)
        set_level(n, NVIC_IRQ0 + irq, level);
}

void armv7m_set_nmi(void *opaque, unsigned unused UNUSED, bool level)
{
    set_level(opaque, NVIC_NMI, level);
}

void armv7m_set_vectors(struct device *nvic, uint32_t addr)
{
    mutex_lock(&nvic->lock);
    armv7m(nvic)->init_vtor = addr;
    mutex_unlock(&nvic->lock);
}

/* What the processor asks. */

static void connect_cpu(void *nvic, const struct nvic_cpu_ops *ops, void *cpu,
                        const struct nvic_ids *ids)
{
    struct armv7m *n = nvic;
    assert(ids->priority_bits >= 2 && ids->priority_bits <= 8 &&
           ids->mpu_regions <= NVIC_MPU_REGIONS);
    n->cpu_ops = ops;
    n->cpu = cpu;
    n->ids = *ids;
}

static unsigned preempting(void *nvic, struct nvic_masks m)
{
    struct armv7m *n = nvic;
    mutex_lock(&n->dev.lock);
    unsigned e = armv7m_highest_pending(n);
    if (!preempts(n, e, masked_priority(n, m)))
        e = NVIC_NONE;
    mutex_unlock(&n->dev.lock);
    return e;
}

static int execution_priority(void *nvic, struct nvic_masks m)
{
    struct armv7m *n = nvic;
    mutex_lock(&n->dev.lock);
    int p = masked_priority(n, m);
    mutex_unlock(&n->dev.lock);
    return p;
}

/* Priority escalation (B1.5.10 of DDI 0403): what cannot be taken becomes HardFault; what cannot
 * even then locks the processor up. */
static unsigned raise_exception(void *nvic, unsigned exception, struct nvic_masks m)
{
    struct armv7m *n = nvic;
    mutex_lock(&n->dev.lock);
    int execution = masked_priority(n, m);
    bool direct = exception < armv7m_exceptions(n) && armv7m_is_enabled(n, exception) &&
                  preempts(n, exception, execution);
    if (!direct) {
        if (exception != NVIC_HARD_FAULT && execution > PRIORITY_HARD_FAULT)
            n->s.reg[NVIC_HFSR] |= NVIC_HFSR_FORCED;
        exception = execution > PRIORITY_HARD_FAULT ? NVIC_HARD_FAULT : NVIC_NONE;
    }
    armv7m_pend(n, exception, true);
    mutex_unlock(&n->dev.lock);
    return exception;
}

static bool can_take(void *nvic, unsigned exception, struct nvic_masks m)
{
    struct armv7m *n = nvic;
    mutex_lock(&n->dev.lock);
    bool yes = exception < armv7m_exceptions(n) && armv7m_is_enabled(n, exception) &&
               preempts(n, exception, masked_priority(n, m));
    mutex_unlock(&n->dev.lock);
    return yes;
}

static void set_pending(void *nvic, unsigned exception)
{
    struct armv7m *n = nvic;
    mutex_lock(&n->dev.lock);
    armv7m_pend(n, exception, true);
    mutex_unlock(&n->dev.lock);
}

static void enter(void *nvic, unsigned exception)
{
    struct armv7m *n = nvic;
    if (exception >= armv7m_exceptions(n))
        return;
    mutex_lock(&n->dev.lock);
    armv7m_set_bit(n->s.pending, exception, false);
    armv7m_set_bit(n->s.active, exception, true);
    armv7m_update(n);
    mutex_unlock(&n->dev.lock);
}

/* B3.4.1: an input that is still high makes the interrupt pending again. */
static bool leave(void *nvic, unsigned exception)
{
    struct armv7m *n = nvic;
    if (exception >= armv7m_exceptions(n))
        return false;
    mutex_lock(&n->dev.lock);
    bool was_active = armv7m_bit(n->s.active, exception);
    armv7m_set_bit(n->s.active, exception, false);
    if (was_active && armv7m_bit(n->s.level, exception))
        armv7m_pend(n, exception, true);
    armv7m_update(n);
    mutex_unlock(&n->dev.lock);
    return was_active;
}

static unsigned count_active(void *nvic)
{
    struct armv7m *n = nvic;
    mutex_lock(&n->dev.lock);
    unsigned count = armv7m_active_count(n);
    mutex_unlock(&n->dev.lock);
    return count;
}

static uint32_t read_reg(void *nvic, enum nvic_reg reg)
{
    struct armv7m *n = nvic;
    mutex_lock(&n->dev.lock);
    uint32_t val = n->s.reg[reg];
    mutex_unlock(&n->dev.lock);
    return val;
}

static void write_reg(void *nvic, enum nvic_reg reg, uint32_t val)
{
    struct armv7m *n = nvic;
    mutex_lock(&n->dev.lock);
    n->s.reg[reg] = val;
    armv7m_update(n);
    mutex_unlock(&n->dev.lock);
}

static const uint32_t *regs(void *nvic)
{
    return ((struct armv7m *)nvic)->s.reg;
}

static const struct nvic_mpu *mpu(void *nvic)
{
    return &((struct armv7m *)nvic)->s.mpu;
}

const struct nvic_ops armv7m_nvic_ops = {
    .connect = connect_cpu,
    .preempting = preempting,
    .execution_priority = execution_priority,
    .raise = raise_exception,
    .can_take = can_take,
    .set_pending = set_pending,
    .enter = enter,
    .leave = leave,
    .count_active = count_active,
    .read = read_reg,
    .write = write_reg,
    .regs = regs,
    .mpu = mpu,
};

static bool armv7m_nvic_realize(struct device *dev, struct error **errp)
{
    struct armv7m *n = armv7m(dev);
    if (n->nirqs < 1 || n->nirqs > ARMV7M_MAX_IRQS) {
        error_set(errp, "num-irq is %u, must be 1 to %d", n->nirqs, ARMV7M_MAX_IRQS);
        return false;
    }
    if (n->ids.version == 0) /* no processor has said what it is: a Cortex-M3 */
        n->ids = (struct nvic_ids){
            .cpuid = 0x412fc231, .version = 7, .priority_bits = 8, .mpu_regions = 8};
    armv7m_tick_init(n);
    return true;
}

static void armv7m_nvic_unrealize(struct device *dev)
{
    timer_cancel(&armv7m(dev)->systick);
}

static void armv7m_nvic_reset(struct device *dev)
{
    armv7m_scs_reset(armv7m(dev));
}

static void armv7m_nvic_sync(struct device *dev)
{
    struct armv7m *n = armv7m(dev);
    armv7m_tick_sync(n);
    armv7m_update(n);
}

/* Numbers that do not exist must not be pending or active. */
static void armv7m_nvic_loaded(struct device *dev)
{
    struct armv7m *n = armv7m(dev);
    for (unsigned e = 0; e < NVIC_EXCEPTIONS; e++) {
        n->s.priority[e] &= armv7m_priority_mask(n);
        if (e != NVIC_NONE && e < armv7m_exceptions(n))
            continue;
        armv7m_set_bit(n->s.pending, e, false);
        armv7m_set_bit(n->s.active, e, false);
        armv7m_set_bit(n->s.enabled, e, false);
    }
    armv7m_scs_loaded(n);
    armv7m_tick_loaded(n);
}

static const struct state_field armv7m_nvic_state[] = {
    STATE_ARRAY(armv7m, enabled, 0),
    STATE_ARRAY(armv7m, pending, 0),
    STATE_ARRAY(armv7m, active, 0),
    {"level", offsetof(struct armv7m, s.level), sizeof(((struct armv7m *)0)->s.level), 4, 0, true},
    STATE_ARRAY(armv7m, priority, 0),
    STATE_ARRAY(armv7m, reg, 0),
    STATE(armv7m, prigroup, 0),
    STATE(armv7m, shcsr_enables, 0),
    STATE(armv7m, actlr, 0),
    STATE(armv7m, afsr, 0),
    STATE(armv7m, csselr, 0),
    STATE(armv7m, mpu, 0),
    STATE(armv7m, tick_csr, 0),
    STATE(armv7m, tick_reload, 0),
    STATE(armv7m, tick_zero, 0),
    STATE(armv7m, tick_current, 0),
    STATE_END,
};

static const struct prop armv7m_nvic_props[] = {
    PROP(prop_uint32, armv7m, "num-irq", nirqs, "64", "external interrupts"),
    PROP(prop_uint32, armv7m, "init-vtor", init_vtor, "0", "address of the vector table at reset"),
    PROP_END,
};

DEVICE_CLASS_NAMED(armv7m, "armv7m_nvic") = {
    .desc = "Arm M-profile interrupt controller, SysTick and system control",
    .compatible = "arm,armv7m-nvic",
    .mmio = {armv7m_scs_read, armv7m_scs_write, .min = 1, .max = 4, .size = 0x1000},
    .props = armv7m_nvic_props,
    .state = armv7m_nvic_state,
    .realize = armv7m_nvic_realize,
    .unrealize = armv7m_nvic_unrealize,
    .reset = armv7m_nvic_reset,
    .sync = armv7m_nvic_sync,
    .loaded = armv7m_nvic_loaded,
};
