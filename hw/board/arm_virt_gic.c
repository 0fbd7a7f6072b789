/* The Arm virt board's interrupt controllers and their wiring. */
#include "hw/board/arm_virt.h"
#include "hw/intc/gicv2.h"
#include "hw/intc/gicv2m.h"
#include "hw/intc/gicv3.h"
#include "hw/registry.h"

#include <assert.h>

const uint8_t arm_virt_timer_ppi[ARM_TIMERS] = {
    [ARM_TIMER_PHYS] = 14, [ARM_TIMER_VIRT] = 11,    [ARM_TIMER_HYP] = 10,
    [ARM_TIMER_SEC] = 13,  [ARM_TIMER_HYPVIRT] = 12,
};
enum { FIRST_PPI = 16, FIRST_SPI = 32 };

static struct device *create(struct arm_virt *b, const char *type, const char *id)
{
    const struct device_type *t = hw_device_find(type);
    assert(t);
    return device_new(t, &b->m, id);
}

static bool set_number(struct device *dev, const char *prop, unsigned value, struct error **errp)
{
    g_autofree char *text = g_strdup_printf("%u", value);
    return device_set(dev, prop, text, errp);
}

static bool set_bool(struct device *dev, const char *prop, bool value, struct error **errp)
{
    return device_set(dev, prop, value ? "on" : "off", errp);
}

void arm_virt_connect(struct arm_virt *b, struct irq *irq, unsigned spi)
{
    irq_connect(irq, b->gic_version == 2 ? gicv2_set_spi : gicv3_set_input, b->gic, spi);
}

static void connect_ppi(struct arm_virt *b, struct irq *irq, unsigned cpu, unsigned ppi)
{
    if (b->gic_version == 2)
        irq_connect(irq, gicv2_set_ppi, b->gic, cpu * GICV2_PRIVATE + FIRST_PPI + ppi);
    else
        irq_connect(irq, gicv3_set_ppi, gicv3_redist(b->gic, cpu), ppi);
}

static struct irq *output(struct arm_virt *b, unsigned cpu, unsigned line)
{
    return b->gic_version == 2 ? gicv2_output(b->gic, cpu, line) : gicv3_output(b->gic, cpu, line);
}

/* Both controllers number their outputs alike. */
static void connect_cpu(struct arm_virt *b, unsigned i)
{
    static const unsigned inputs[GICV2_LINES] = {
        [GICV2_IRQ] = ARM_LINE_IRQ,
        [GICV2_FIQ] = ARM_LINE_FIQ,
        [GICV2_VIRQ] = ARM_LINE_VIRQ,
        [GICV2_VFIQ] = ARM_LINE_VFIQ,
    };
    struct cpu *cpu = b->m.cpus[i];
    for (unsigned line = 0; line < GICV2_LINES; line++)
        irq_connect(output(b, i, line), cpu_irq_set, cpu, inputs[line]);
    for (unsigned t = 0; t < ARM_TIMERS; t++)
        connect_ppi(b, arm_timer_irq(cpu, t), i, arm_virt_timer_ppi[t]);
    connect_ppi(b, arm_pmu_irq(cpu), i, ARM_VIRT_PPI_PMU);
}

/* Without firmware a kernel that is not secure needs what firmware would have given to it. */
static bool stands_in_for_firmware(const struct arm_virt *b)
{
    return b->secure && !b->boot.has_firmware && b->m.cfg.kernel;
}

static void map_gicv2(struct arm_virt *b)
{
    static const struct {
        enum gicv2_block block;
        enum arm_virt_place place;
        bool needs_secure, needs_virt;
    } blocks[] = {
        {GICV2_DIST, ARM_VIRT_GIC_DIST, false, false},
        {GICV2_CPU, ARM_VIRT_GIC_CPU, false, false},
        {GICV2_HYP, ARM_VIRT_GIC_HYP, false, true},
        {GICV2_VCPU, ARM_VIRT_GIC_VCPU, false, true},
        {GICV2_SECURE_DIST, ARM_VIRT_GIC_DIST, true, false},
        {GICV2_SECURE_CPU, ARM_VIRT_GIC_CPU, true, false},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(blocks); i++) {
        if ((blocks[i].needs_secure && !b->secure) || (blocks[i].needs_virt && !b->virtualization))
            continue;
        struct mem_region *where = blocks[i].needs_secure ? &b->secure_world : &b->m.root;
        region_add(where, b->map[blocks[i].place].base, gicv2_region(b->gic, blocks[i].block), 1);
    }
}

static bool create_gicv2(struct arm_virt *b, struct error **errp)
{
    b->gic = create(b, "arm_gic", "gic");
    gicv2_set_nonsecure_start(b->gic, stands_in_for_firmware(b));
    if (!set_number(b->gic, "num-cpu", b->m.ncpus, errp) ||
        !set_number(b->gic, "num-irq", ARM_VIRT_IRQS, errp) ||
        !set_bool(b->gic, "has-security-extensions", b->secure, errp) ||
        !set_bool(b->gic, "has-virtualization-extensions", b->virtualization, errp) ||
        !device_realize(b->gic, errp))
        return false;
    map_gicv2(b);
    return true;
}

/* The frames of processor i, in the first region or in the one above RAM. */
static gpa redist_base(const struct arm_virt *b, unsigned i)
{
    bool high = i >= b->redists;
    unsigned n = high ? i - b->redists : i;
    return b->map[high ? ARM_VIRT_HIGH_REDIST : ARM_VIRT_GIC_REDIST].base +
           (gpa)n * GICV3_REDIST_SIZE;
}

static void map_gicv3(struct arm_virt *b)
{
    gpa dist = b->map[ARM_VIRT_GIC_DIST].base;
    region_add(&b->m.root, dist, &b->gic->mmio, 1);
    if (b->secure)
        region_add(&b->secure_world, dist, gicv3_secure_region(b->gic), 1);
    for (unsigned i = 0; i < b->m.ncpus; i++) {
        region_add(&b->m.root, redist_base(b, i), &gicv3_redist(b->gic, i)->mmio, 1);
        if (b->secure)
            region_add(&b->secure_world, redist_base(b, i), gicv3_redist_secure_region(b->gic, i),
                       1);
    }
    gicv3_end_redists(b->gic, b->redists - 1);
}

static bool create_gicv3(struct arm_virt *b, struct error **errp)
{
    b->gic = create(b, "arm-gicv3", "gic");
    for (unsigned i = 0; i < b->m.ncpus; i++)
        gicv3_set_affinity(b->gic, i, arm_virt_affinity(b, i));
    if (!set_number(b->gic, "num-cpu", b->m.ncpus, errp) ||
        !set_number(b->gic, "num-irq", ARM_VIRT_IRQS, errp) ||
        !set_bool(b->gic, "has-security-extensions", b->secure, errp) ||
        !set_bool(b->gic, "has-lpi", b->msi == ARM_VIRT_MSI_ITS, errp) ||
        !set_bool(b->gic, "firmware-init", stands_in_for_firmware(b), errp) ||
        !device_realize(b->gic, errp))
        return false;
    map_gicv3(b);
    for (unsigned i = 0; i < b->m.ncpus; i++)
        arm_cpu_set_gicv3(b->m.cpus[i], &gicv3_cpu_ops, b->gic);
    return true;
}

static bool create_its(struct arm_virt *b, struct error **errp)
{
    b->its = create(b, "arm-gicv3-its", "its");
    gicv3_its_attach(b->its, b->gic);
    if (!device_realize(b->its, errp))
        return false;
    region_add(&b->m.root, b->map[ARM_VIRT_GIC_ITS].base, &b->its->mmio, 0);
    return true;
}

static bool create_v2m(struct arm_virt *b, struct error **errp)
{
    struct device *dev = create(b, "arm-gicv2m", "gicv2m");
    if (!set_number(dev, "base-spi", ARM_VIRT_SPI_V2M + FIRST_SPI, errp) ||
        !set_number(dev, "num-spi", ARM_VIRT_V2M_SPIS, errp) || !device_realize(dev, errp))
        return false;
    for (unsigned i = 0; i < ARM_VIRT_V2M_SPIS; i++)
        arm_virt_connect(b, gicv2m_irq(dev, i), ARM_VIRT_SPI_V2M + i);
    region_add(&b->m.root, b->map[ARM_VIRT_GIC_V2M].base, &dev->mmio, 0);
    return true;
}

static bool create_msi(struct arm_virt *b, struct error **errp)
{
    switch (b->msi) {
    case ARM_VIRT_MSI_NONE: return true;
    case ARM_VIRT_MSI_V2M: return create_v2m(b, errp);
    case ARM_VIRT_MSI_ITS: return create_its(b, errp);
    }
    unreachable();
}

bool arm_virt_create_gic(struct arm_virt *b, struct error **errp)
{
    if (b->gic_version == 2 ? !create_gicv2(b, errp) : !create_gicv3(b, errp))
        return false;
    for (unsigned i = 0; i < b->m.ncpus; i++)
        connect_cpu(b, i);
    return create_msi(b, errp);
}
