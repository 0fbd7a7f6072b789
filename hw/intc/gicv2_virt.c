/* GICv2: list registers (GICH).  Ref: IHI 0048B.b, chapter 5; DDI 0471, 3.4. */
#include "hw/intc/gicv2_priv.h"
#include "util/bits.h"

#include <glib.h>

enum {
    HCR = 0x00,
    VTR = 0x04,
    VMCR = 0x08,
    MISR = 0x10,
    EISR0 = 0x20,
    ELRSR0 = 0x30,
    APR = 0xf0,
    LR0 = 0x100,
    LR_END = LR0 + 4 * GIC_LRS,
};
enum {
    HCR_EN = 0x01,
    HCR_UIE = 0x02,
    HCR_LRENPIE = 0x04,
    HCR_NPIE = 0x08,
    HCR_GRP0E = 0x10,
    HCR_GRP0D = 0x20,
    HCR_GRP1E = 0x40,
    HCR_GRP1D = 0x80,
    HCR_EOI_SHIFT = 27,
};
static const uint32_t HCR_MASK = 0xf80000ff, HCR_EOI_ONE = UINT32_C(1) << HCR_EOI_SHIFT;
enum {
    MISR_EOI = 0x01,
    MISR_U = 0x02,
    MISR_LRENP = 0x04,
    MISR_NP = 0x08,
    MISR_GRP0E = 0x10,
    MISR_GRP0D = 0x20,
    MISR_GRP1E = 0x40,
    MISR_GRP1D = 0x80,
};
static const uint32_t LR_PENDING = UINT32_C(1) << 28, LR_ACTIVE = UINT32_C(1) << 29,
                      LR_STATE = UINT32_C(3) << 28, LR_GROUP1 = UINT32_C(1) << 30,
                      LR_HW = UINT32_C(1) << 31, LR_EOI = UINT32_C(1) << 19;
enum { LR_ID = 0x3ff, LR_PHYSICAL_SHIFT = 10, LR_CPU_MASK = 0x1c00, LR_PRIO_SHIFT = 23 };
/* 5 priority bits, 5 preemption bits, and the number of list registers less one. */
static const uint32_t VTR_VALUE = UINT32_C(4) << 29 | UINT32_C(4) << 26 | (GIC_LRS - 1);
enum { VMCR_CTLR = 0x21f, VMCR_ABPR_SHIFT = 18, VMCR_BPR_SHIFT = 21, VMCR_PMR_SHIFT = 27 };

static uint8_t lr_prio(uint32_t lr)
{
    return (uint8_t)(lr >> LR_PRIO_SHIFT << GIC_LEVEL_SHIFT);
}

static bool lr_is_candidate(const struct gic_if *i, uint32_t lr)
{
    return (lr & LR_STATE) == LR_PENDING && (i->ctlr & (lr & LR_GROUP1 ? GICC_GRP1 : GICC_GRP0));
}

struct gic_best gic_best_virtual(struct gicv2 *g, unsigned cpu)
{
    struct gic_best b = {.id = GIC_SPURIOUS, .prio = GIC_IDLE_PRIO};
    for (unsigned n = 0; n < GIC_LRS; n++) {
        uint32_t lr = g->s.virt[cpu].lr[n];
        if (!lr_is_candidate(&g->s.vcpu[cpu], lr) || lr_prio(lr) >= b.prio)
            continue;
        b.id = lr & LR_ID;
        b.lr = n;
        b.prio = lr_prio(lr);
        b.group1 = lr & LR_GROUP1;
    }
    return b;
}

uint32_t gic_lr_acknowledge(struct gicv2 *g, unsigned cpu, unsigned n)
{
    uint32_t *lr = &g->s.virt[cpu].lr[n];
    *lr = (*lr & ~LR_STATE) | LR_ACTIVE;
    bool from_cpu = !(*lr & LR_HW) && (*lr & LR_ID) < GIC_SGIS;
    return *lr & (from_cpu ? LR_ID | LR_CPU_MASK : LR_ID);
}

/* Ref: 5.2.1.  What ends and is in no list register, the hypervisor counts. */
void gic_lr_end(struct gicv2 *g, unsigned cpu, unsigned id, bool deactivate)
{
    struct gic_virt *v = &g->s.virt[cpu];
    for (unsigned n = 0; n < GIC_LRS; n++) {
        uint32_t lr = v->lr[n];
        if ((lr & LR_ID) != id || !(lr & LR_ACTIVE))
            continue;
        if (!deactivate)
            return;
        v->lr[n] = lr & ~LR_ACTIVE;
        if (lr & LR_HW)
            gic_deactivate(g, cpu, lr >> LR_PHYSICAL_SHIFT & LR_ID);
        return;
    }
    if (v->hcr >> HCR_EOI_SHIFT != 0x1f)
        v->hcr += HCR_EOI_ONE;
}

/* List registers whose interrupts have ended, and of which the hypervisor wants to hear. */
static uint32_t ended(const struct gic_virt *v)
{
    uint32_t mask = 0;
    for (unsigned n = 0; n < GIC_LRS; n++)
        if (!(v->lr[n] & (LR_STATE | LR_HW)) && (v->lr[n] & LR_EOI))
            mask |= 1U << n;
    return mask;
}

static uint32_t free_registers(const struct gic_virt *v)
{
    uint32_t mask = 0;
    for (unsigned n = 0; n < GIC_LRS; n++)
        if (!(v->lr[n] & LR_STATE))
            mask |= 1U << n;
    return mask & ~ended(v);
}

static uint32_t misr(const struct gic_virt *v, const struct gic_if *i)
{
    unsigned valid = 0;
    bool pending = false;
    for (unsigned n = 0; n < GIC_LRS; n++) {
        valid += (v->lr[n] & LR_STATE) != 0;
        pending |= (v->lr[n] & LR_PENDING) != 0;
    }
    bool grp0 = i->ctlr & GICC_GRP0, grp1 = i->ctlr & GICC_GRP1;
    return (ended(v) ? MISR_EOI : 0) | ((v->hcr & HCR_UIE) && valid <= 1 ? MISR_U : 0) |
           ((v->hcr & HCR_LRENPIE) && v->hcr >> HCR_EOI_SHIFT ? MISR_LRENP : 0) |
           ((v->hcr & HCR_NPIE) && !pending ? MISR_NP : 0) |
           ((v->hcr & HCR_GRP0E) && grp0 ? MISR_GRP0E : 0) |
           ((v->hcr & HCR_GRP0D) && !grp0 ? MISR_GRP0D : 0) |
           ((v->hcr & HCR_GRP1E) && grp1 ? MISR_GRP1E : 0) |
           ((v->hcr & HCR_GRP1D) && !grp1 ? MISR_GRP1D : 0);
}

bool gic_maintenance(struct gicv2 *g, unsigned cpu)
{
    const struct gic_virt *v = &g->s.virt[cpu];
    return (v->hcr & HCR_EN) && misr(v, &g->s.vcpu[cpu]);
}

static uint32_t read_vmcr(const struct gic_if *i)
{
    return (i->ctlr & VMCR_CTLR) | (uint32_t)i->abpr << VMCR_ABPR_SHIFT |
           (uint32_t)i->bpr << VMCR_BPR_SHIFT |
           (uint32_t)(i->pmr >> GIC_LEVEL_SHIFT) << VMCR_PMR_SHIFT;
}

static void write_vmcr(struct gic_if *i, uint32_t v)
{
    i->ctlr = v & VMCR_CTLR;
    i->abpr = (uint8_t)MAX(v >> VMCR_ABPR_SHIFT & 7, GIC_MIN_ABPR);
    i->bpr = (uint8_t)MAX(v >> VMCR_BPR_SHIFT & 7, GIC_MIN_BPR);
    i->pmr = (uint8_t)(v >> VMCR_PMR_SHIFT << GIC_LEVEL_SHIFT);
}

uint32_t gich_read(struct gicv2 *g, unsigned cpu, unsigned off)
{
    const struct gic_virt *v = &g->s.virt[cpu];
    if (off >= LR0 && off < LR_END)
        return v->lr[(off - LR0) / 4];
    switch (off) {
    case HCR: return v->hcr;
    case VTR: return VTR_VALUE;
    case VMCR: return read_vmcr(&g->s.vcpu[cpu]);
    case MISR: return v->hcr & HCR_EN ? misr(v, &g->s.vcpu[cpu]) : 0;
    case EISR0: return ended(v);
    case ELRSR0: return free_registers(v);
    case APR: return g->s.vcpu[cpu].apr[0];
    default: return 0;
    }
}

void gich_write(struct gicv2 *g, unsigned cpu, unsigned off, uint32_t val)
{
    struct gic_virt *v = &g->s.virt[cpu];
    if (off >= LR0 && off < LR_END) {
        v->lr[(off - LR0) / 4] = val;
        return;
    }
    switch (off) {
    case HCR: v->hcr = val & HCR_MASK; break;
    case VMCR: write_vmcr(&g->s.vcpu[cpu], val); break;
    case APR: g->s.vcpu[cpu].apr[0] = val; break;
    default:
        dev_guest_error(&g->dev, "write %#x to read-only or unknown GICH register %#x", val, off);
    }
}
