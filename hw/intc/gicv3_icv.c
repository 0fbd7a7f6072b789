/*
 * GICv3 virtual CPU interface: what a hypervisor puts into list registers (ICH_*), and what its
 * guest sees of it (ICV_*).
 * Ref: GIC Architecture Specification, version 3 and 4 (IHI 0069), chapters 6, 12.3 and 12.4.
 */
#include "hw/intc/gicv3_priv.h"
#include "util/bits.h"

#include <glib.h>

enum {
    HCR_EN = 1 << 0,
    HCR_UIE = 1 << 1,
    HCR_LRENPIE = 1 << 2,
    HCR_NPIE = 1 << 3,
    HCR_VGRP0_EIE = 1 << 4,
    HCR_VGRP0_DIE = 1 << 5,
    HCR_VGRP1_EIE = 1 << 6,
    HCR_VGRP1_DIE = 1 << 7,
    HCR_TRAPS = 0x5c00, /* TC, TALL0, TALL1, TDIR: the target's business */
    HCR_EOICOUNT_SHIFT = 27,
};
static const uint32_t HCR_EOICOUNT = UINT32_C(0x1f) << HCR_EOICOUNT_SHIFT;
static const uint32_t HCR_BITS = UINT32_C(0xf80000ff) | HCR_TRAPS;
enum { VTR_TDS = 1 << 19, VTR_NV4 = 1 << 20, VTR_A3V = 1 << 21, VTR_PRE_SHIFT = 26 };
enum { PRIORITY_BITS = 5, VTR_PRI_SHIFT = 29 };
enum {
    VMCR_VENG0 = 1 << 0,
    VMCR_VENG1 = 1 << 1,
    VMCR_VFIQEN = 1 << 3, /* always, with system registers */
    VMCR_VCBPR = 1 << 4,
    VMCR_VEOIM = 1 << 9,
    VMCR_FLAGS = VMCR_VENG0 | VMCR_VENG1 | VMCR_VCBPR | VMCR_VEOIM,
    VMCR_VBPR1_SHIFT = 18,
    VMCR_VBPR0_SHIFT = 21,
    VMCR_VPMR_SHIFT = 24,
    VBPR_MAX = 7,
    VBPR0_MIN = 2,
    VBPR1_MIN = 3,
};
enum { LR_INVALID, LR_PENDING, LR_ACTIVE, LR_BOTH };
enum { LR_STATE_SHIFT = 62, LR_PRIORITY_SHIFT = 48, LR_PINTID_SHIFT = 32, LR_PINTID_LEN = 13 };
static const uint64_t LR_EOI = BIT64(41), LR_GROUP1 = BIT64(60), LR_HW = BIT64(61);
static const uint64_t LR_BITS = UINT64_C(0xf0f81fff0000ffff);
enum {
    MISR_EOI = 1 << 0,
    MISR_U = 1 << 1,
    MISR_LRENP = 1 << 2,
    MISR_NP = 1 << 3,
    MISR_VGRP0_E = 1 << 4,
    MISR_VGRP0_D = 1 << 5,
    MISR_VGRP1_E = 1 << 6,
    MISR_VGRP1_D = 1 << 7,
};
enum {
    ICV_CBPR = 1 << 0,
    ICV_EOIMODE = 1 << 1,
    ICV_FIXED = (PRIORITY_BITS - 1) << 8 | 1 << 15 | 1 << 18, /* PRIbits, A3V, RSS */
};
enum { INTID_MASK = 0xffffff, MAINTENANCE_INTID = 16 + GICV3_MAINTENANCE_PPI, NO_LR = -1 };

/* List registers. */

static unsigned lr_state(uint64_t lr)
{
    return (unsigned)(lr >> LR_STATE_SHIFT);
}

static uint32_t lr_intid(uint64_t lr)
{
    return (uint32_t)lr;
}

static unsigned lr_priority(uint64_t lr)
{
    return (unsigned)extract64(lr, LR_PRIORITY_SHIFT, 8);
}

static unsigned lr_group(uint64_t lr)
{
    return lr & LR_GROUP1 ? 1 : 0;
}

static void set_lr_state(struct gicv3_redist *r, int i, unsigned state)
{
    r->s.lr[i] = deposit64(r->s.lr[i], LR_STATE_SHIFT, 2, state);
}

static uint32_t read_eisr(const struct gicv3_redist *r)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < GICV3_LRS; i++)
        val |= (uint32_t)(lr_state(r->s.lr[i]) == LR_INVALID &&
                          (r->s.lr[i] & (LR_HW | LR_EOI)) == LR_EOI)
               << i;
    return val;
}

static uint32_t read_elrsr(const struct gicv3_redist *r)
{
    uint32_t val = 0;
    for (unsigned i = 0; i < GICV3_LRS; i++)
        val |= (uint32_t)(lr_state(r->s.lr[i]) == LR_INVALID &&
                          (r->s.lr[i] & (LR_HW | LR_EOI)) != LR_EOI)
               << i;
    return val;
}

static unsigned count_lrs(const struct gicv3_redist *r, bool pending_only)
{
    unsigned n = 0;
    for (unsigned i = 0; i < GICV3_LRS; i++) {
        unsigned state = lr_state(r->s.lr[i]);
        n += pending_only ? state == LR_PENDING : state != LR_INVALID;
    }
    return n;
}

/* Causes of the maintenance interrupt. */
static uint32_t read_misr(const struct gicv3_redist *r)
{
    uint32_t hcr = r->s.ich_hcr, vmcr = r->s.ich_vmcr, val = read_eisr(r) ? MISR_EOI : 0;
    if ((hcr & HCR_UIE) && count_lrs(r, false) <= 1)
        val |= MISR_U;
    if ((hcr & HCR_LRENPIE) && (hcr & HCR_EOICOUNT))
        val |= MISR_LRENP;
    if ((hcr & HCR_NPIE) && count_lrs(r, true) == 0)
        val |= MISR_NP;
    val |= vmcr & VMCR_VENG0 ? (hcr & HCR_VGRP0_EIE ? MISR_VGRP0_E : 0)
                             : (hcr & HCR_VGRP0_DIE ? MISR_VGRP0_D : 0);
    val |= vmcr & VMCR_VENG1 ? (hcr & HCR_VGRP1_EIE ? MISR_VGRP1_E : 0)
                             : (hcr & HCR_VGRP1_DIE ? MISR_VGRP1_D : 0);
    return val;
}

/* Priorities. */

static unsigned vbpr(const struct gicv3_redist *r, unsigned group)
{
    return (unsigned)extract64(r->s.ich_vmcr, group ? VMCR_VBPR1_SHIFT : VMCR_VBPR0_SHIFT, 3);
}

static unsigned group_priority(const struct gicv3_redist *r, unsigned priority, unsigned group)
{
    bool own = group && !(r->s.ich_vmcr & VMCR_VCBPR);
    return priority & gicv3_group_mask(own ? vbpr(r, 1) - 1 : vbpr(r, 0));
}

static unsigned running_priority(const struct gicv3_redist *r)
{
    return gicv3_active_priority(r->s.ich_ap[0] | r->s.ich_ap[1]);
}

/* The list register of the highest priority that is pending, of an enabled group. */
static int best_lr(const struct gicv3_redist *r)
{
    int best = NO_LR;
    if (!(r->s.ich_hcr & HCR_EN))
        return NO_LR;
    for (int i = 0; i < GICV3_LRS; i++) {
        uint64_t lr = r->s.lr[i];
        if (lr_state(lr) == LR_PENDING &&
            (r->s.ich_vmcr & (lr_group(lr) ? VMCR_VENG1 : VMCR_VENG0)) &&
            (best == NO_LR || lr_priority(lr) < lr_priority(r->s.lr[best])))
            best = i;
    }
    return best;
}

static bool can_signal(const struct gicv3_redist *r, uint64_t lr)
{
    unsigned priority = lr_priority(lr), group = lr_group(lr), running = running_priority(r);
    if (priority >= r->s.ich_vmcr >> VMCR_VPMR_SHIFT)
        return false;
    return running == GICV3_IDLE ||
           group_priority(r, priority, group) < group_priority(r, running, group);
}

static void drive(struct irq *line, bool level)
{
    if (irq_level(line) != level)
        irq_set(line, level);
}

void gicv3_virtual_changed(struct gicv3_redist *r)
{
    int i = best_lr(r);
    bool signal = i != NO_LR && can_signal(r, r->s.lr[i]);
    unsigned group = signal ? lr_group(r->s.lr[i]) : 0;
    drive(&r->out[GICV3_VIRQ], signal && group);
    drive(&r->out[GICV3_VFIQ], signal && !group);
    bool maintenance = (r->s.ich_hcr & HCR_EN) && read_misr(r);
    if (maintenance != (r->s.level >> MAINTENANCE_INTID & 1))
        gicv3_local_input(r, MAINTENANCE_INTID, maintenance);
}

/* Acknowledge and end. */

static uint32_t acknowledge(struct gicv3_redist *r, unsigned group) REQUIRES(r->lock)
{
    int i = best_lr(r);
    if (i == NO_LR || lr_group(r->s.lr[i]) != group || !can_signal(r, r->s.lr[i]))
        return GICV3_SPURIOUS;
    uint64_t lr = r->s.lr[i];
    uint32_t intid = lr_intid(lr);
    if (intid >= GICV3_SPECIAL && intid < GICV3_INTIDS)
        return intid;
    r->s.ich_ap[group] |= UINT32_C(1) << (group_priority(r, lr_priority(lr), group) >> 3);
    set_lr_state(r, i, intid >= GICV3_FIRST_LPI ? LR_INVALID : LR_ACTIVE);
    gicv3_virtual_changed(r);
    return intid;
}

static uint32_t highest_pending(const struct gicv3_redist *r, unsigned group)
{
    int i = best_lr(r);
    return i != NO_LR && lr_group(r->s.lr[i]) == group ? lr_intid(r->s.lr[i]) : GICV3_SPURIOUS;
}

static int find_active(const struct gicv3_redist *r, uint32_t intid)
{
    for (int i = 0; i < GICV3_LRS; i++)
        if ((lr_state(r->s.lr[i]) & LR_ACTIVE) && lr_intid(r->s.lr[i]) == intid)
            return i;
    return NO_LR;
}

static void count_eoi(struct gicv3_redist *r)
{
    r->s.ich_hcr += UINT32_C(1) << HCR_EOICOUNT_SHIFT; /* wraps in its own bits: they are the top */
}

/* The virtual interrupt is no longer active; the physical INTID that must follow, 0: none. */
static uint32_t deactivate_lr(struct gicv3_redist *r, int i)
{
    uint64_t lr = r->s.lr[i];
    set_lr_state(r, i, lr_state(lr) & ~(unsigned)LR_ACTIVE);
    return lr & LR_HW ? (uint32_t)extract64(lr, LR_PINTID_SHIFT, LR_PINTID_LEN) : 0;
}

/* End of interrupt in one group: drop the priority, then deactivate unless that is split off. */
static uint32_t end_of_interrupt(struct gicv3_redist *r, unsigned group, uint32_t intid)
{
    uint32_t all = r->s.ich_ap[0] | r->s.ich_ap[1], highest = all & -all;
    if (!(r->s.ich_ap[group] & highest))
        return 0;
    unsigned dropped = gicv3_active_priority(all);
    r->s.ich_ap[group] &= ~highest;
    if ((r->s.ich_vmcr & VMCR_VEOIM) || intid >= GICV3_FIRST_LPI)
        return 0;
    int i = find_active(r, intid);
    if (i == NO_LR) {
        count_eoi(r);
        return 0;
    }
    uint64_t lr = r->s.lr[i];
    bool same = lr_group(lr) == group && group_priority(r, lr_priority(lr), group) == dropped;
    return same ? deactivate_lr(r, i) : 0;
}

static uint32_t write_dir(struct gicv3_redist *r, uint32_t intid)
{
    if (!(r->s.ich_vmcr & VMCR_VEOIM) || intid >= GICV3_FIRST_LPI)
        return 0;
    int i = find_active(r, intid);
    if (i != NO_LR)
        return deactivate_lr(r, i);
    count_eoi(r);
    return 0;
}

/* EOIR and DIR: they can end the physical interrupt that stands behind, as non-secure software. */
static void end(struct gicv3_redist *r, enum gicv3_reg reg, uint32_t intid)
{
    if (intid >= GICV3_SPECIAL && intid < GICV3_INTIDS)
        return;
    mutex_lock(&r->lock);
    uint32_t pintid =
        reg == GICV3_DIR ? write_dir(r, intid) : end_of_interrupt(r, reg == GICV3_EOIR1, intid);
    gicv3_virtual_changed(r);
    mutex_unlock(&r->lock);
    if (pintid)
        gicv3_deactivate(r, pintid, !gicv3_has_ds(r->gic));
}

/* ICV_* registers. */

static uint32_t read_bpr1(const struct gicv3_redist *r)
{
    if (r->s.ich_vmcr & VMCR_VCBPR)
        return MIN(vbpr(r, 0) + 1, (unsigned)VBPR_MAX);
    return vbpr(r, 1);
}

static uint32_t read_ctlr(const struct gicv3_redist *r)
{
    return (r->s.ich_vmcr & VMCR_VCBPR ? ICV_CBPR : 0) |
           (r->s.ich_vmcr & VMCR_VEOIM ? ICV_EOIMODE : 0) | ICV_FIXED;
}

static void write_ctlr(struct gicv3_redist *r, uint64_t val)
{
    r->s.ich_vmcr &= ~(uint32_t)(VMCR_VCBPR | VMCR_VEOIM);
    r->s.ich_vmcr |= (val & ICV_CBPR ? VMCR_VCBPR : 0) | (val & ICV_EOIMODE ? VMCR_VEOIM : 0);
}

static void set_vmcr_field(struct gicv3_redist *r, unsigned lsb, unsigned len, uint64_t val)
{
    r->s.ich_vmcr = (uint32_t)deposit64(r->s.ich_vmcr, lsb, len, val);
}

static void set_vbpr(struct gicv3_redist *r, unsigned group, unsigned val)
{
    unsigned least = group ? VBPR1_MIN : VBPR0_MIN;
    set_vmcr_field(r, group ? VMCR_VBPR1_SHIFT : VMCR_VBPR0_SHIFT, 3, MAX(val & VBPR_MAX, least));
}

static uint32_t read_icv_locked(struct gicv3_redist *r, enum gicv3_reg reg) REQUIRES(r->lock)
{
    switch (reg) {
    case GICV3_IAR0: return acknowledge(r, 0);
    case GICV3_IAR1: return acknowledge(r, 1);
    case GICV3_HPPIR0: return highest_pending(r, 0);
    case GICV3_HPPIR1: return highest_pending(r, 1);
    case GICV3_PMR: return r->s.ich_vmcr >> VMCR_VPMR_SHIFT;
    case GICV3_RPR: return running_priority(r);
    case GICV3_BPR0: return vbpr(r, 0);
    case GICV3_BPR1: return read_bpr1(r);
    case GICV3_CTLR: return read_ctlr(r);
    case GICV3_IGRPEN0: return r->s.ich_vmcr & VMCR_VENG0 ? 1 : 0;
    case GICV3_IGRPEN1: return r->s.ich_vmcr & VMCR_VENG1 ? 1 : 0;
    case GICV3_AP0R0: return r->s.ich_ap[0];
    case GICV3_AP1R0: return r->s.ich_ap[1];
    default: return 0;
    }
}

uint64_t gicv3_icv_read(struct gicv3_redist *r, enum gicv3_reg reg)
{
    mutex_lock(&r->lock);
    uint32_t val = read_icv_locked(r, reg);
    mutex_unlock(&r->lock);
    return val;
}

static void write_icv_locked(struct gicv3_redist *r, enum gicv3_reg reg, uint32_t val)
{
    switch (reg) {
    case GICV3_PMR: set_vmcr_field(r, VMCR_VPMR_SHIFT, 8, val & GICV3_PRIO_MASK); break;
    case GICV3_BPR0: set_vbpr(r, 0, val); break;
    case GICV3_BPR1:
        if (!(r->s.ich_vmcr & VMCR_VCBPR))
            set_vbpr(r, 1, val);
        break;
    case GICV3_CTLR: write_ctlr(r, val); break;
    case GICV3_IGRPEN0: set_vmcr_field(r, 0, 1, val & 1); break;
    case GICV3_IGRPEN1: set_vmcr_field(r, 1, 1, val & 1); break;
    case GICV3_AP0R0: r->s.ich_ap[0] = val; break;
    case GICV3_AP1R0: r->s.ich_ap[1] = val; break;
    default: break;
    }
}

void gicv3_icv_write(struct gicv3_redist *r, enum gicv3_reg reg, uint64_t val)
{
    if (reg == GICV3_EOIR0 || reg == GICV3_EOIR1 || reg == GICV3_DIR) {
        end(r, reg, (uint32_t)val & INTID_MASK);
        return;
    }
    mutex_lock(&r->lock);
    write_icv_locked(r, reg, (uint32_t)val);
    gicv3_virtual_changed(r);
    mutex_unlock(&r->lock);
}

/* ICH_* registers. */

static void write_vmcr(struct gicv3_redist *r, uint32_t val)
{
    r->s.ich_vmcr =
        (val & (VMCR_FLAGS | (uint32_t)GICV3_PRIO_MASK << VMCR_VPMR_SHIFT)) | VMCR_VFIQEN;
    set_vbpr(r, 0, val >> VMCR_VBPR0_SHIFT);
    set_vbpr(r, 1, val >> VMCR_VBPR1_SHIFT);
}

static bool is_lr(enum gicv3_reg reg)
{
    return reg >= GICV3_ICH_LR0 && reg < GICV3_ICH_LR0 + GICV3_LRS;
}

static uint64_t read_ich_locked(const struct gicv3_redist *r, enum gicv3_reg reg)
{
    if (is_lr(reg))
        return r->s.lr[reg - GICV3_ICH_LR0];
    switch (reg) {
    case GICV3_ICH_HCR: return r->s.ich_hcr;
    case GICV3_ICH_VTR:
        return (GICV3_LRS - 1) | VTR_TDS | VTR_NV4 | VTR_A3V |
               (PRIORITY_BITS - 1) << VTR_PRE_SHIFT |
               (uint32_t)(PRIORITY_BITS - 1) << VTR_PRI_SHIFT;
    case GICV3_ICH_MISR: return read_misr(r);
    case GICV3_ICH_EISR: return read_eisr(r);
    case GICV3_ICH_ELRSR: return read_elrsr(r);
    case GICV3_ICH_VMCR: return r->s.ich_vmcr;
    case GICV3_ICH_AP0R0: return r->s.ich_ap[0];
    case GICV3_ICH_AP1R0: return r->s.ich_ap[1];
    default: return 0;
    }
}

uint64_t gicv3_ich_read(struct gicv3_redist *r, enum gicv3_reg reg)
{
    mutex_lock(&r->lock);
    uint64_t val = read_ich_locked(r, reg);
    mutex_unlock(&r->lock);
    return val;
}

void gicv3_ich_write(struct gicv3_redist *r, enum gicv3_reg reg, uint64_t val)
{
    mutex_lock(&r->lock);
    if (is_lr(reg))
        r->s.lr[reg - GICV3_ICH_LR0] = val & LR_BITS;
    else if (reg == GICV3_ICH_HCR)
        r->s.ich_hcr = (uint32_t)val & HCR_BITS;
    else if (reg == GICV3_ICH_VMCR)
        write_vmcr(r, (uint32_t)val);
    else if (reg == GICV3_ICH_AP0R0)
        r->s.ich_ap[0] = (uint32_t)val;
    else if (reg == GICV3_ICH_AP1R0)
        r->s.ich_ap[1] = (uint32_t)val;
    gicv3_virtual_changed(r);
    mutex_unlock(&r->lock);
}

void gicv3_icv_reset(struct gicv3_redist *r)
{
    r->s.ich_hcr = r->s.ich_ap[0] = r->s.ich_ap[1] = 0;
    for (unsigned i = 0; i < GICV3_LRS; i++)
        r->s.lr[i] = 0;
    write_vmcr(r, 0);
}

void gicv3_icv_loaded(struct gicv3_redist *r)
{
    r->s.ich_hcr &= HCR_BITS;
    write_vmcr(r, r->s.ich_vmcr);
    for (unsigned i = 0; i < GICV3_LRS; i++)
        r->s.lr[i] &= LR_BITS;
}
