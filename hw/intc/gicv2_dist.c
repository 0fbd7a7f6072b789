/* GICv2: the distributor's registers.  Ref: IHI 0048B.b, 4.3; DDI 0471, 3.2. */
#include "hw/intc/gicv2_priv.h"
#include "util/bits.h"

enum {
    CTLR = 0x000,
    TYPER = 0x004,
    IIDR = 0x008,
    IGROUPR = 0x080,
    ISENABLER = 0x100,
    ICENABLER = 0x180,
    ISPENDR = 0x200,
    ICPENDR = 0x280,
    ISACTIVER = 0x300,
    ICACTIVER = 0x380,
    IPRIORITYR = 0x400,
    ITARGETSR = 0x800,
    ICFGR = 0xc00,
    PPISR = 0xd00,
    NSACR = 0xe00,
    SGIR = 0xf00,
    CPENDSGIR = 0xf10,
    SPENDSGIR = 0xf20,
    SGIS_END = 0xf30,
    PERIPH_ID = 0xfd0,
    REGS_END = 0x1000,
};
enum { BANK = 0x80 }; /* bytes of a register with one bit an interrupt */
enum { IIDR_GIC400 = 0x0200143b, TYPER_SECURITY = 1 << 10, TYPER_CPUS_SHIFT = 5 };
enum { SGI_TARGETS_SHIFT = 16, SGI_FILTER_SHIFT = 24, SGI_NSATT = 1 << 15 };
enum { SGI_TO_LIST, SGI_TO_OTHERS, SGI_TO_SELF };

static uint32_t pending_word(struct gicv2 *g, unsigned cpu, unsigned w)
{
    uint32_t level = *gic_word(&g->s.level, cpu, w) & ~*gic_word(&g->s.edge, cpu, w);
    return *gic_word(&g->s.latch, cpu, w) | level;
}

/* The interrupts of a word that this access may see. */
static uint32_t visible(struct gicv2 *g, unsigned cpu, unsigned w, bool secure)
{
    if (w * 32 >= g->num_irq)
        return 0;
    return secure ? UINT32_MAX : *gic_word(&g->s.group1, cpu, w);
}

static bool sees(struct gicv2 *g, unsigned cpu, unsigned id, bool secure)
{
    return visible(g, cpu, id / 32, secure) >> id % 32 & 1;
}

static uint32_t read_typer(const struct gicv2 *g)
{
    return (g->num_irq / 32 - 1) | (g->num_cpu - 1) << TYPER_CPUS_SHIFT |
           (g->has_security ? TYPER_SECURITY : 0);
}

static uint32_t read_ctlr(const struct gicv2 *g, bool secure)
{
    return secure ? g->s.ctlr : g->s.ctlr >> 1 & 1;
}

static void write_ctlr(struct gicv2 *g, uint32_t v, bool secure)
{
    if (secure)
        g->s.ctlr = v & (GICD_GRP0 | GICD_GRP1);
    else
        g->s.ctlr = (g->s.ctlr & GICD_GRP0) | (v & 1 ? GICD_GRP1 : 0);
}

/* One word of a register with a bit an interrupt. */
static uint32_t read_bits(struct gicv2 *g, unsigned cpu, unsigned off, bool secure)
{
    struct gicv2_state *s = &g->s;
    unsigned w = off % BANK / 4;
    uint32_t mask = visible(g, cpu, w, secure);
    switch (off / BANK * BANK) {
    case IGROUPR: return secure ? *gic_word(&s->group1, cpu, w) & mask : 0;
    case ISENABLER:
    case ICENABLER: return *gic_word(&s->enabled, cpu, w) & mask;
    case ISPENDR:
    case ICPENDR: return pending_word(g, cpu, w) & mask;
    default: return *gic_word(&s->active, cpu, w) & mask;
    }
}

/* lanes: the bits that the access covers. */
static void write_bits(struct gicv2 *g, unsigned cpu, unsigned off, uint32_t v, uint32_t lanes,
                       bool secure)
{
    struct gicv2_state *s = &g->s;
    unsigned w = off % BANK / 4;
    uint32_t mask = visible(g, cpu, w, secure) & lanes, sgis = w == 0 ? 0xffff : 0;
    uint32_t *group = gic_word(&s->group1, cpu, w);
    v &= mask;
    switch (off / BANK * BANK) {
    case IGROUPR: *group = secure ? (*group & ~mask) | v : *group; break;
    case ISENABLER: *gic_word(&s->enabled, cpu, w) |= v; break;
    case ICENABLER: *gic_word(&s->enabled, cpu, w) &= ~v | sgis; break;
    case ISPENDR: *gic_word(&s->latch, cpu, w) |= v & ~sgis; break;
    case ICPENDR: *gic_word(&s->latch, cpu, w) &= ~v | sgis; break;
    case ISACTIVER: *gic_word(&s->active, cpu, w) |= v; break;
    default: *gic_word(&s->active, cpu, w) &= ~v;
    }
}

/* Non-secure software sees the upper half of the priorities as all of them.  Ref: 3.5.1 ff. */
static uint8_t read_priority(struct gicv2 *g, unsigned cpu, unsigned id, bool secure)
{
    uint8_t prio = id < g->num_irq && sees(g, cpu, id, secure) ? *gic_prio(g, cpu, id) : 0;
    return secure ? prio : (uint8_t)(prio << 1);
}

static void write_priority(struct gicv2 *g, unsigned cpu, unsigned id, uint8_t v, bool secure)
{
    if (id < g->num_irq && sees(g, cpu, id, secure))
        *gic_prio(g, cpu, id) = (secure ? v : v >> 1 | GIC_NS_PRIO) & GIC_PRIO_MASK;
}

static uint8_t read_target(struct gicv2 *g, unsigned cpu, unsigned id, bool secure)
{
    if (g->num_cpu == 1 || id >= g->num_irq || !sees(g, cpu, id, secure))
        return 0; /* with one processor they are read as zero */
    return id < GICV2_PRIVATE ? (uint8_t)(1U << cpu) : g->s.targets[id];
}

static void write_target(struct gicv2 *g, unsigned cpu, unsigned id, uint8_t v, bool secure)
{
    if (g->num_cpu > 1 && id >= GICV2_PRIVATE && id < g->num_irq && sees(g, cpu, id, secure))
        g->s.targets[id] = v & (uint8_t)((1U << g->num_cpu) - 1);
}

/* Two bits an interrupt, of which the upper says whether it is edge-triggered. */
static uint32_t read_config(struct gicv2 *g, unsigned cpu, unsigned off, bool secure)
{
    unsigned first = (off - ICFGR) / 4 * 16;
    uint32_t v = 0;
    for (unsigned i = 0; i < 16; i++)
        if (first + i < g->num_irq && sees(g, cpu, first + i, secure) &&
            gic_bit(&g->s.edge, cpu, first + i))
            v |= 2U << 2 * i;
    return v;
}

/* Of private interrupts it is fixed. */
static void write_config(struct gicv2 *g, unsigned cpu, unsigned off, uint32_t v, uint32_t lanes,
                         bool secure)
{
    unsigned first = (off - ICFGR) / 4 * 16;
    for (unsigned i = 0; i < 16; i++) {
        uint32_t bit = 2U << 2 * i;
        if ((lanes & bit) && first + i >= GICV2_PRIVATE && first + i < g->num_irq &&
            sees(g, cpu, first + i, secure))
            gic_set_bit(&g->s.edge, cpu, first + i, v & bit);
    }
}

static void set_sgi(struct gicv2 *g, unsigned to, unsigned id, uint8_t senders)
{
    g->s.sgi_from[to][id] = senders;
    gic_set_bit(&g->s.latch, to, id, senders != 0);
}

/* Ref: 4.3.15: a secure sender chooses the group for which the interrupt must be configured. */
static void send_sgi(struct gicv2 *g, unsigned cpu, uint32_t v, bool secure)
{
    unsigned id = v & 0xf, targets = v >> SGI_TARGETS_SHIFT & 0xff;
    unsigned filter = v >> SGI_FILTER_SHIFT & 3;
    bool want_group1 = !secure || (v & SGI_NSATT);
    if (filter == SGI_TO_OTHERS)
        targets = ~(1U << cpu);
    else if (filter == SGI_TO_SELF)
        targets = 1U << cpu;
    for (unsigned to = 0; to < g->num_cpu; to++)
        if ((targets >> to & 1) &&
            (!g->has_security || gic_bit(&g->s.group1, to, id) == want_group1))
            set_sgi(g, to, id, g->s.sgi_from[to][id] | (uint8_t)(1U << cpu));
}

static void write_sgi_pending(struct gicv2 *g, unsigned cpu, unsigned off, uint8_t v, bool secure)
{
    unsigned id = off & 0xf;
    uint8_t now = g->s.sgi_from[cpu][id];
    if (sees(g, cpu, id, secure))
        set_sgi(g, cpu, id, off >= SPENDSGIR ? now | v : now & ~v);
}

static uint8_t read_id(unsigned off)
{
    static const uint8_t ids[] = {0x04, 0x00, 0x00, 0x00, 0x90, 0xb4,
                                  0x2b, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    return off % 4 == 0 ? ids[(off - PERIPH_ID) / 4] : 0;
}

static uint8_t read_byte(struct gicv2 *g, unsigned cpu, unsigned off, bool secure)
{
    if (off >= CPENDSGIR)
        return sees(g, cpu, off & 0xf, secure) ? g->s.sgi_from[cpu][off & 0xf] : 0;
    if (off >= ITARGETSR)
        return read_target(g, cpu, off - ITARGETSR, secure);
    return read_priority(g, cpu, off - IPRIORITYR, secure);
}

static void write_byte(struct gicv2 *g, unsigned cpu, unsigned off, uint8_t v, bool secure)
{
    if (off >= CPENDSGIR)
        write_sgi_pending(g, cpu, off, v, secure);
    else if (off >= ITARGETSR)
        write_target(g, cpu, off - ITARGETSR, v, secure);
    else
        write_priority(g, cpu, off - IPRIORITYR, v, secure);
}

/* Registers with a byte an interrupt. */
static bool has_bytes(unsigned off)
{
    return (off >= IPRIORITYR && off < ICFGR) || (off >= CPENDSGIR && off < SGIS_END);
}

static uint32_t read_levels(struct gicv2 *g, unsigned cpu, unsigned off, bool secure)
{
    unsigned w = (off - PPISR) / 4;
    return w < GIC_WORDS ? *gic_word(&g->s.level, cpu, w) & visible(g, cpu, w, secure) : 0;
}

static uint32_t read_word(struct gicv2 *g, unsigned cpu, unsigned off, bool secure)
{
    if (off >= IGROUPR && off < IPRIORITYR)
        return read_bits(g, cpu, off, secure);
    if (off >= ICFGR && off < PPISR)
        return read_config(g, cpu, off, secure);
    if (off >= PPISR && off < NSACR)
        return read_levels(g, cpu, off, secure);
    if (off >= PERIPH_ID)
        return read_id(off);
    switch (off) {
    case CTLR: return read_ctlr(g, secure);
    case TYPER: return read_typer(g);
    case IIDR: return IIDR_GIC400;
    default: return 0;
    }
}

uint32_t gicd_read(struct gicv2 *g, unsigned off, unsigned size, bool secure)
{
    unsigned cpu = gic_current(g);
    uint32_t v = 0;
    if (!has_bytes(off))
        return read_word(g, cpu, off & ~3U, secure) >> off % 4 * 8;
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)read_byte(g, cpu, off + i, secure) << 8 * i;
    return v;
}

static void write_word(struct gicv2 *g, unsigned cpu, unsigned off, uint32_t v, uint32_t lanes,
                       bool secure)
{
    if (off >= IGROUPR && off < IPRIORITYR)
        write_bits(g, cpu, off, v, lanes, secure);
    else if (off >= ICFGR && off < PPISR)
        write_config(g, cpu, off, v, lanes, secure);
    else if (off == CTLR)
        write_ctlr(g, v, secure);
    else if (off == SGIR)
        send_sgi(g, cpu, v, secure);
    else
        dev_guest_error(&g->dev, "write %#x to read-only or unknown distributor register %#x", v,
                        off);
}

void gicd_write(struct gicv2 *g, unsigned off, unsigned size, uint32_t v, bool secure)
{
    unsigned cpu = gic_current(g), shift = off % 4 * 8;
    if (!has_bytes(off)) {
        uint32_t lanes = (uint32_t)MASK64(0, size * 8) << shift;
        write_word(g, cpu, off & ~3U, v << shift, lanes, secure);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        write_byte(g, cpu, off + i, (uint8_t)(v >> 8 * i), secure);
}
