/*
 * Generic Interrupt Controller, version 2, as a GIC-400: inputs, outputs, register blocks.
 * Ref: Arm IHI 0048B.b (GIC Architecture Specification 2.0); Arm DDI 0471 (GIC-400).
 */
#include "core/cpu.h"
#include "hw/intc/gicv2_priv.h"

#include <string.h>

static struct gicv2 *self(struct device *dev)
{
    return (struct gicv2 *)dev;
}

unsigned gic_current(const struct gicv2 *g)
{
    const struct cpu *cpu = cpu_current();
    return cpu && cpu->index < g->num_cpu ? cpu->index : 0;
}

uint8_t *gic_prio(struct gicv2 *g, unsigned cpu, unsigned id)
{
    return id < GICV2_PRIVATE ? &g->s.prio_cpu[cpu][id] : &g->s.prio[id];
}

void gic_deactivate(struct gicv2 *g, unsigned cpu, unsigned id)
{
    if (id < g->num_irq)
        gic_set_bit(&g->s.active, cpu, id, false);
}

/* Lines of one interface. */
static void drive(struct gicv2 *g, unsigned cpu, const struct gic_if *i, const struct gic_best *b,
                  enum gicv2_line irq, bool on)
{
    bool signal = on && gic_signals(i, b), fiq = !b->group1 && (i->ctlr & GICC_FIQEN);
    irq_set(&g->out[cpu][irq], signal && !fiq);
    irq_set(&g->out[cpu][irq + 1], signal && fiq);
}

static void update_virtual(struct gicv2 *g, unsigned cpu)
{
    struct gic_best b = gic_best_virtual(g, cpu);
    drive(g, cpu, &g->s.vcpu[cpu], &b, GICV2_VIRQ, g->s.virt[cpu].hcr & 1);
    gic_set_bit(&g->s.level, cpu, GIC_MAINTENANCE, gic_maintenance(g, cpu));
}

void gic_update(struct gicv2 *g)
{
    for (unsigned cpu = 0; cpu < g->num_cpu; cpu++) {
        if (g->has_virtualization)
            update_virtual(g, cpu);
        struct gic_best b = gic_best_physical(g, cpu);
        drive(g, cpu, &g->s.cpu[cpu], &b, GICV2_IRQ, true);
    }
}

static void set_input(struct gicv2 *g, unsigned cpu, unsigned id, bool level)
{
    if (id >= g->num_irq || cpu >= g->num_cpu)
        return;
    mutex_lock(&g->dev.lock);
    bool rises = level && !gic_bit(&g->s.level, cpu, id);
    gic_set_bit(&g->s.level, cpu, id, level);
    if (rises && gic_bit(&g->s.edge, cpu, id))
        gic_set_bit(&g->s.latch, cpu, id, true);
    gic_update(g);
    mutex_unlock(&g->dev.lock);
}

void gicv2_set_spi(void *gic, unsigned n, bool level)
{
    set_input(gic, 0, GICV2_PRIVATE + n, level);
}

void gicv2_set_ppi(void *gic, unsigned n, bool level)
{
    set_input(gic, n / GICV2_PRIVATE, n % GICV2_PRIVATE, level);
}

struct irq *gicv2_output(struct device *dev, unsigned cpu, enum gicv2_line line)
{
    return &self(dev)->out[cpu][line];
}

struct mem_region *gicv2_region(struct device *dev, enum gicv2_block block)
{
    return &self(dev)->blocks[block];
}

void gicv2_set_nonsecure_start(struct device *dev, bool on)
{
    self(dev)->nonsecure_start = on;
}

static uint64_t dist_read(struct device *dev, struct access a)
{
    return gicd_read(self(dev), (unsigned)a.off, a.size, !self(dev)->has_security);
}

static void dist_write(struct device *dev, struct access a, uint64_t v)
{
    gicd_write(self(dev), (unsigned)a.off, a.size, (uint32_t)v, !self(dev)->has_security);
    gic_update(self(dev));
}

static uint64_t secure_dist_read(struct device *dev, struct access a)
{
    return gicd_read(self(dev), (unsigned)a.off, a.size, true);
}

static void secure_dist_write(struct device *dev, struct access a, uint64_t v)
{
    gicd_write(self(dev), (unsigned)a.off, a.size, (uint32_t)v, true);
    gic_update(self(dev));
}

static uint64_t read_cpu(struct gicv2 *g, struct access a, bool secure)
{
    uint32_t v = gicc_read(g, gic_current(g), (unsigned)a.off, secure, a.peek);
    if (!a.peek)
        gic_update(g);
    return v;
}

static uint64_t cpu_read(struct device *dev, struct access a)
{
    return read_cpu(self(dev), a, !self(dev)->has_security);
}

static void cpu_write(struct device *dev, struct access a, uint64_t v)
{
    struct gicv2 *g = self(dev);
    gicc_write(g, gic_current(g), (unsigned)a.off, (uint32_t)v, !g->has_security);
    gic_update(g);
}

static uint64_t secure_cpu_read(struct device *dev, struct access a)
{
    return read_cpu(self(dev), a, true);
}

static void secure_cpu_write(struct device *dev, struct access a, uint64_t v)
{
    struct gicv2 *g = self(dev);
    gicc_write(g, gic_current(g), (unsigned)a.off, (uint32_t)v, true);
    gic_update(g);
}

/* Ref: GIC-400 3.1: after a page for the processor that asks, 512 bytes for each processor. */
enum { HYP_PAGE = 0x1000, HYP_STRIDE = 0x200 };

static unsigned hyp_cpu(const struct gicv2 *g, uint64_t off)
{
    uint64_t n = off < HYP_PAGE ? gic_current(g) : (off - HYP_PAGE) / HYP_STRIDE;
    return n < g->num_cpu ? (unsigned)n : 0;
}

static uint64_t hyp_read(struct device *dev, struct access a)
{
    return gich_read(self(dev), hyp_cpu(self(dev), a.off), a.off % HYP_STRIDE);
}

static void hyp_write(struct device *dev, struct access a, uint64_t v)
{
    gich_write(self(dev), hyp_cpu(self(dev), a.off), a.off % HYP_STRIDE, (uint32_t)v);
    gic_update(self(dev));
}

static uint64_t vcpu_read(struct device *dev, struct access a)
{
    struct gicv2 *g = self(dev);
    uint32_t v = gicv_read(g, gic_current(g), (unsigned)a.off, a.peek);
    if (!a.peek)
        gic_update(g);
    return v;
}

static void vcpu_write(struct device *dev, struct access a, uint64_t v)
{
    struct gicv2 *g = self(dev);
    gicv_write(g, gic_current(g), (unsigned)a.off, (uint32_t)v);
    gic_update(g);
}

static const struct {
    const char *name;
    struct mmio_ops ops;
} block_types[GICV2_BLOCKS] = {
    [GICV2_DIST] = {"gic_dist",
                    {.read = dist_read, .write = dist_write, .min = 1, .max = 4, .size = 0x1000}},
    [GICV2_CPU] = {"gic_cpu",
                   {.read = cpu_read, .write = cpu_write, .min = 4, .max = 4, .size = 0x2000}},
    [GICV2_HYP] = {"gic_viface",
                   {.read = hyp_read, .write = hyp_write, .min = 4, .max = 4, .size = 0x2000}},
    [GICV2_VCPU] = {"gic_vcpu",
                    {.read = vcpu_read, .write = vcpu_write, .min = 4, .max = 4, .size = 0x2000}},
    [GICV2_SECURE_DIST] = {"gic_dist-secure",
                           {.read = secure_dist_read,
                            .write = secure_dist_write,
                            .min = 1,
                            .max = 4,
                            .size = 0x1000}},
    [GICV2_SECURE_CPU] =
        {"gic_cpu-secure",
         {.read = secure_cpu_read, .write = secure_cpu_write, .min = 4, .max = 4, .size = 0x2000}},
};

static bool gicv2_realize(struct device *dev, struct error **errp)
{
    struct gicv2 *g = self(dev);
    if (g->num_cpu < 1 || g->num_cpu > GICV2_MAX_CPUS)
        error_set(errp, "num-cpu is %u, must be 1 to %d", g->num_cpu, GICV2_MAX_CPUS);
    else if (g->num_irq < 64 || g->num_irq > GICV2_MAX_IRQS || g->num_irq % 32)
        error_set(errp, "num-irq is %u, must be a multiple of 32 from 64 to 992", g->num_irq);
    else {
        for (unsigned i = 0; i < GICV2_BLOCKS; i++)
            region_init_mmio(&g->blocks[i], block_types[i].name, &block_types[i].ops, dev);
        return true;
    }
    return false;
}

static void gicv2_unrealize(struct device *dev)
{
    for (unsigned i = 0; i < GICV2_BLOCKS; i++)
        if (self(dev)->blocks[i].parent)
            region_del(&self(dev)->blocks[i]);
}

/* SGIs are edge-triggered and enabled for good; a uniprocessor's interrupts go to it. */
static void gicv2_reset(struct device *dev)
{
    struct gicv2 *g = self(dev);
    for (unsigned i = 0; i < g->num_cpu; i++) {
        g->s.enabled.cpu[i] = g->s.edge.cpu[i] = 0xffff;
        for (unsigned v = 0; v < 2; v++) {
            struct gic_if *f = v ? &g->s.vcpu[i] : &g->s.cpu[i];
            f->bpr = GIC_MIN_BPR;
            f->abpr = GIC_MIN_ABPR;
        }
    }
    if (g->num_cpu == 1)
        memset(g->s.targets, 1, sizeof(g->s.targets));
    if (!g->has_security || !g->nonsecure_start)
        return;
    memset(&g->s.group1, 0xff, sizeof(g->s.group1));
    for (unsigned i = 0; i < g->num_cpu; i++)
        g->s.cpu[i].pmr = GIC_NS_PRIO;
    for (unsigned i = 0; i < sizeof(g->s.prio); i++)
        g->s.prio[i] = GIC_NS_PRIO;
    memset(g->s.prio_cpu, GIC_NS_PRIO, sizeof(g->s.prio_cpu));
}

static void gicv2_sync(struct device *dev)
{
    if (self(dev)->num_cpu <= GICV2_MAX_CPUS)
        gic_update(self(dev));
}

/* Binary points are shift counts. */
static void gicv2_loaded(struct device *dev)
{
    struct gicv2 *g = self(dev);
    for (unsigned i = 0; i < GICV2_MAX_CPUS; i++)
        for (unsigned v = 0; v < 2; v++) {
            struct gic_if *f = v ? &g->s.vcpu[i] : &g->s.cpu[i];
            f->bpr &= 7;
            f->abpr &= 7;
        }
}

#define GIC_FIELD(field, keep)                                                                     \
    {                                                                                              \
#field, offsetof(struct gicv2, s.field), sizeof(((struct gicv2 *)0)->s.field), 4, 0, keep  \
    }
#define GIC_BYTES(field)                                                                           \
    {                                                                                              \
#field, offsetof(struct gicv2, s.field), sizeof(((struct gicv2 *)0)->s.field), 1, 0, false \
    }

static const struct state_field gicv2_state[] = {
    GIC_FIELD(level, true),
    GIC_FIELD(latch, false),
    GIC_FIELD(enabled, false),
    GIC_FIELD(active, false),
    GIC_FIELD(group1, false),
    GIC_FIELD(edge, false),
    GIC_BYTES(prio_cpu),
    GIC_BYTES(prio),
    GIC_BYTES(targets),
    GIC_BYTES(sgi_from),
    STATE_ARRAY(gicv2, cpu, 0),
    STATE_ARRAY(gicv2, vcpu, 0),
    STATE_ARRAY(gicv2, virt, 0),
    STATE(gicv2, ctlr, 0),
    STATE_END,
};

static const struct prop gicv2_props[] = {
    PROP(prop_uint32, gicv2, "num-cpu", num_cpu, "1", "processors, 1 to 8"),
    PROP(prop_uint32, gicv2, "num-irq", num_irq, "64",
         "interrupts, with the 32 that are private to each processor"),
    PROP(prop_bool, gicv2, "has-security-extensions", has_security, "off",
         "secure and non-secure views of the registers"),
    PROP(prop_bool, gicv2, "has-virtualization-extensions", has_virtualization, "off",
         "list registers and virtual CPU interfaces"),
    PROP_END,
};

DEVICE_CLASS_NAMED(gicv2, "arm_gic") = {
    .desc = "Arm Generic Interrupt Controller, version 2",
    .compatible = "arm,cortex-a15-gic",
    .props = gicv2_props,
    .state = gicv2_state,
    .realize = gicv2_realize,
    .unrealize = gicv2_unrealize,
    .reset = gicv2_reset,
    .loaded = gicv2_loaded,
    .sync = gicv2_sync,
};
