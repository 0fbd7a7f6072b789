/*
 * GICv2: CPU interfaces, those of processors (GICC) and virtual ones (GICV).
 * Ref: IHI 0048B.b, 3.2 to 3.7, 4.4 and 5.5; DDI 0471, 3.3 and 3.5.
 */
#include "hw/intc/gicv2_priv.h"
#include "util/bits.h"

#include <glib.h>

enum {
    CTLR = 0x00,
    PMR = 0x04,
    BPR = 0x08,
    IAR = 0x0c,
    EOIR = 0x10,
    RPR = 0x14,
    HPPIR = 0x18,
    ABPR = 0x1c,
    AIAR = 0x20,
    AEOIR = 0x24,
    AHPPIR = 0x28,
    APR0 = 0xd0,
    APR3 = 0xdc,
    NSAPR0 = 0xe0,
    NSAPR3 = 0xec,
    IIDR = 0xfc,
    DEACTIVATE = 0x1000, /* GICC_DIR */
};
enum { IIDR_GIC400 = 0x0202143b, SGI_CPU_SHIFT = 10, ID_MASK = 0x3ff };
enum { CTLR_ALL = 0x7ff, CTLR_ONE_STATE = 0x3ff, CTLR_NS_BYPASS = 0x60, CTLR_NS_ALL = 0x261 };
enum { NS_LEVELS_SHIFT = 16 }; /* the levels that non-secure software uses are the upper half */

/* One access: to which interface, and what of it may be seen. */
struct view {
    struct gicv2 *g;
    struct gic_if *i;
    unsigned cpu;
    bool full; /* of both groups: secure, virtual, or there is one state only */
    bool virt;
};

static struct gic_best none(void)
{
    return (struct gic_best){.id = GIC_SPURIOUS, .prio = GIC_IDLE_PRIO};
}

/* Interrupts of a word that are pending for the processor, enabled, and of an enabled group. */
static uint32_t candidates(struct gicv2 *g, unsigned cpu, unsigned w)
{
    struct gicv2_state *s = &g->s;
    uint32_t enabled_groups = s->ctlr & s->cpu[cpu].ctlr;
    uint32_t group1 = *gic_word(&s->group1, cpu, w);
    uint32_t level = *gic_word(&s->level, cpu, w) & ~*gic_word(&s->edge, cpu, w);
    uint32_t pending = *gic_word(&s->latch, cpu, w) | level;
    uint32_t allowed =
        (enabled_groups & GICD_GRP0 ? ~group1 : 0) | (enabled_groups & GICD_GRP1 ? group1 : 0);
    return pending & allowed & *gic_word(&s->enabled, cpu, w) & ~*gic_word(&s->active, cpu, w);
}

struct gic_best gic_best_physical(struct gicv2 *g, unsigned cpu)
{
    struct gic_best b = none();
    unsigned best_prio = GIC_IDLE_PRIO + 1;
    for (unsigned w = 0; w < g->num_irq / 32; w++) {
        uint32_t c = candidates(g, cpu, w);
        for (; c; c &= c - 1) {
            unsigned id = w * 32 + (unsigned)__builtin_ctz(c);
            uint8_t prio = *gic_prio(g, cpu, id);
            if (prio >= best_prio || (w && !(g->s.targets[id] >> cpu & 1)))
                continue;
            best_prio = b.prio = prio;
            b.id = id;
            b.group1 = gic_bit(&g->s.group1, cpu, id);
        }
    }
    return b;
}

/* The part of a priority that decides on preemption.  Ref: 3.3.3. */
static uint8_t group_priority(const struct gic_if *i, bool group1, uint8_t prio)
{
    unsigned lsb = group1 && !(i->ctlr & GICC_CBPR) ? i->abpr : i->bpr + 1U;
    return (uint8_t)(prio >> lsb << lsb);
}

/* GIC_IDLE_PRIO when nothing is active. */
static uint8_t running_priority(const struct gic_if *i)
{
    uint32_t active = i->apr[0] | i->apr[1];
    return active ? (uint8_t)(__builtin_ctz(active) << GIC_LEVEL_SHIFT) : GIC_IDLE_PRIO;
}

bool gic_signals(const struct gic_if *i, const struct gic_best *b)
{
    return b->id != GIC_SPURIOUS && b->prio < i->pmr &&
           group_priority(i, b->group1, b->prio) < running_priority(i);
}

static struct gic_best best(const struct view *v)
{
    return v->virt ? gic_best_virtual(v->g, v->cpu) : gic_best_physical(v->g, v->cpu);
}

/* What a read of an acknowledge or highest-pending register returns.  alias: of group 1 alone. */
static unsigned shown_id(const struct view *v, const struct gic_best *b, bool alias)
{
    if (b->id == GIC_SPURIOUS)
        return GIC_SPURIOUS;
    if (alias || !v->full)
        return b->group1 ? b->id : GIC_SPURIOUS;
    return b->group1 && !(v->i->ctlr & GICC_ACKCTL) ? GIC_OTHER_GROUP : b->id;
}

/* An SGI is acknowledged for one sender at a time. */
static uint32_t take_physical(struct gicv2 *g, unsigned cpu, unsigned id)
{
    gic_set_bit(&g->s.active, cpu, id, true);
    if (id >= GIC_SGIS) {
        gic_set_bit(&g->s.latch, cpu, id, false);
        return id;
    }
    uint8_t *from = &g->s.sgi_from[cpu][id];
    unsigned sender = *from ? (unsigned)__builtin_ctz(*from) : 0;
    *from &= (uint8_t)(*from - 1);
    gic_set_bit(&g->s.latch, cpu, id, *from != 0);
    return id | sender << SGI_CPU_SHIFT;
}

static uint32_t acknowledge(const struct view *v, bool alias, bool peek)
{
    struct gic_best b = best(v);
    if (!gic_signals(v->i, &b))
        return GIC_SPURIOUS;
    unsigned id = shown_id(v, &b, alias);
    if (id >= GIC_OTHER_GROUP || peek)
        return id;
    uint8_t level = group_priority(v->i, b.group1, b.prio) >> GIC_LEVEL_SHIFT;
    v->i->apr[b.group1 && !v->virt] |= UINT32_C(1) << level;
    return v->virt ? gic_lr_acknowledge(v->g, v->cpu, b.lr) : take_physical(v->g, v->cpu, id);
}

static uint32_t highest_pending(const struct view *v, bool alias)
{
    struct gic_best b = best(v);
    unsigned id = shown_id(v, &b, alias);
    if (v->virt || id >= GIC_SGIS)
        return id;
    uint8_t from = v->g->s.sgi_from[v->cpu][id];
    return id | (from ? (unsigned)__builtin_ctz(from) << SGI_CPU_SHIFT : 0);
}

static bool deactivates_separately(const struct view *v)
{
    return v->i->ctlr & (v->full ? GICC_EOIMODE : GICC_EOIMODE_NS);
}

static void deactivate(const struct view *v, unsigned id)
{
    if (v->virt)
        gic_lr_end(v->g, v->cpu, id, true);
    else if (v->full || (id < v->g->num_irq && gic_bit(&v->g->s.group1, v->cpu, id)))
        gic_deactivate(v->g, v->cpu, id);
}

/* False when there is no active priority that this access may drop. */
static bool drop_priority(const struct view *v, bool alias)
{
    uint32_t *apr = v->i->apr;
    bool group1 = !v->virt && apr[1] && (!apr[0] || __builtin_ctz(apr[1]) < __builtin_ctz(apr[0]));
    if ((alias || !v->full) && !v->virt && !group1)
        return false;
    if (apr[group1] == 0)
        return false;
    apr[group1] &= apr[group1] - 1;
    return true;
}

static void end_of_interrupt(const struct view *v, uint32_t val, bool alias)
{
    unsigned id = val & ID_MASK;
    if (id >= GIC_OTHER_GROUP - 2)
        return; /* special numbers: ignored */
    if (!drop_priority(v, alias))
        dev_guest_error(&v->g->dev, "end of interrupt %u, of which none is active", id);
    else if (!deactivates_separately(v))
        deactivate(v, id);
    else if (v->virt)
        gic_lr_end(v->g, v->cpu, id, false);
}

static uint32_t read_ctlr(const struct view *v)
{
    uint32_t c = v->i->ctlr;
    if (v->full)
        return c;
    return (c >> 1 & 1) | (c >> 2 & CTLR_NS_BYPASS) | (c & GICC_EOIMODE_NS ? GICC_EOIMODE : 0);
}

static void write_ctlr(const struct view *v, uint32_t val)
{
    uint16_t *c = &v->i->ctlr;
    if (v->full) {
        *c = (uint16_t)(val & (v->g->has_security && !v->virt ? CTLR_ALL : CTLR_ONE_STATE));
        return;
    }
    uint32_t mine = GICC_GRP1 | CTLR_NS_BYPASS << 2 | GICC_EOIMODE_NS;
    uint32_t bits =
        (val & 1) << 1 | (val & CTLR_NS_BYPASS) << 2 | (val & GICC_EOIMODE ? GICC_EOIMODE_NS : 0);
    *c = (uint16_t)((*c & ~mine) | bits);
}

/* Ref: 3.5.4: priorities of the lower half are shown as 0, the others shifted. */
static uint8_t ns_priority(uint8_t prio)
{
    return prio < GIC_NS_PRIO ? 0 : (uint8_t)(prio << 1);
}

static void write_pmr(const struct view *v, uint32_t val)
{
    if (v->full)
        v->i->pmr = val & GIC_PRIO_MASK;
    else if (v->i->pmr >= GIC_NS_PRIO)
        v->i->pmr = ((val >> 1 & 0x7f) | GIC_NS_PRIO) & GIC_PRIO_MASK;
}

static uint32_t read_bpr(const struct view *v)
{
    if (v->full)
        return v->i->bpr;
    return v->i->ctlr & GICC_CBPR ? MIN(v->i->bpr + 1U, 7) : v->i->abpr;
}

static void write_abpr(const struct view *v, uint32_t val)
{
    v->i->abpr = (uint8_t)MAX(val & 7, GIC_MIN_ABPR);
}

static void write_bpr(const struct view *v, uint32_t val)
{
    if (v->full)
        v->i->bpr = (uint8_t)MAX(val & 7, GIC_MIN_BPR);
    else if (!(v->i->ctlr & GICC_CBPR))
        write_abpr(v, val);
}

static uint32_t read_rpr(const struct view *v)
{
    uint8_t prio = running_priority(v->i);
    if (v->full || prio == GIC_IDLE_PRIO)
        return prio;
    return ns_priority(prio);
}

static uint32_t read_apr(const struct view *v)
{
    return v->full ? v->i->apr[0] : v->i->apr[1] >> NS_LEVELS_SHIFT;
}

static void write_apr(const struct view *v, uint32_t val)
{
    if (v->full)
        v->i->apr[0] = val;
    else
        v->i->apr[1] = (v->i->apr[1] & 0xffff) | val << NS_LEVELS_SHIFT;
}

static uint32_t read_register(const struct view *v, unsigned off, bool peek)
{
    switch (off) {
    case CTLR: return read_ctlr(v);
    case PMR: return v->full ? v->i->pmr : ns_priority(v->i->pmr);
    case BPR: return read_bpr(v);
    case IAR: return acknowledge(v, false, peek);
    case RPR: return read_rpr(v);
    case HPPIR: return highest_pending(v, false);
    case ABPR: return v->full ? v->i->abpr : 0;
    case AIAR: return v->full ? acknowledge(v, true, peek) : GIC_SPURIOUS;
    case AHPPIR: return v->full ? highest_pending(v, true) : GIC_SPURIOUS;
    case APR0: return read_apr(v);
    case NSAPR0: return v->full && !v->virt ? v->i->apr[1] : 0;
    case IIDR: return IIDR_GIC400;
    default: return 0;
    }
}

static void write_register(const struct view *v, unsigned off, uint32_t val)
{
    switch (off) {
    case CTLR: write_ctlr(v, val); break;
    case PMR: write_pmr(v, val); break;
    case BPR: write_bpr(v, val); break;
    case EOIR: end_of_interrupt(v, val, false); break;
    case ABPR:
        if (v->full)
            write_abpr(v, val);
        break;
    case AEOIR:
        if (v->full)
            end_of_interrupt(v, val, true);
        break;
    case APR0: write_apr(v, val); break;
    case NSAPR0:
        if (v->full && !v->virt)
            v->i->apr[1] = val;
        break;
    case APR0 + 4 ... APR3: /* 32 levels need one register of each */
    case NSAPR0 + 4 ... NSAPR3: break;
    case DEACTIVATE:
        if (deactivates_separately(v))
            deactivate(v, val & ID_MASK);
        break;
    default:
        dev_guest_error(&v->g->dev, "write %#x to read-only or unknown CPU interface register %#x",
                        val, off);
    }
}

uint32_t gicc_read(struct gicv2 *g, unsigned cpu, unsigned off, bool secure, bool peek)
{
    return read_register(&(struct view){g, &g->s.cpu[cpu], cpu, secure, false}, off, peek);
}

void gicc_write(struct gicv2 *g, unsigned cpu, unsigned off, uint32_t v, bool secure)
{
    write_register(&(struct view){g, &g->s.cpu[cpu], cpu, secure, false}, off, v);
}

uint32_t gicv_read(struct gicv2 *g, unsigned cpu, unsigned off, bool peek)
{
    return read_register(&(struct view){g, &g->s.vcpu[cpu], cpu, true, true}, off, peek);
}

void gicv_write(struct gicv2 *g, unsigned cpu, unsigned off, uint32_t v)
{
    write_register(&(struct view){g, &g->s.vcpu[cpu], cpu, true, true}, off, v);
}
