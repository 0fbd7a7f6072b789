/* A GICv2, shared by its parts: distributor, CPU interfaces, virtualization. */
#ifndef HW_INTC_GICV2_PRIV_H
#define HW_INTC_GICV2_PRIV_H

#include "hw/intc/gicv2.h"

enum { GIC_WORDS = 32, GIC_LRS = 4, GIC_SGIS = 16 };
enum { GIC_PRIO_MASK = 0xf8, GIC_IDLE_PRIO = 0xff, GIC_NS_PRIO = 0x80, GIC_LEVEL_SHIFT = 3 };
enum { GIC_SPURIOUS = 1023, GIC_OTHER_GROUP = 1022 };
enum { GIC_MIN_BPR = 2, GIC_MIN_ABPR = 3 };
enum { GIC_MAINTENANCE = 25 }; /* INTID */
enum { GICD_GRP0 = 1, GICD_GRP1 = 2 };
enum {
    GICC_GRP0 = 0x001,
    GICC_GRP1 = 0x002,
    GICC_ACKCTL = 0x004,
    GICC_FIQEN = 0x008,
    GICC_CBPR = 0x010,
    GICC_EOIMODE = 0x200,
    GICC_EOIMODE_NS = 0x400,
};

/* One bit an interrupt: the first 32 are each processor's own. */
struct gic_bits {
    uint32_t cpu[GICV2_MAX_CPUS];
    uint32_t spi[GIC_WORDS]; /* the first is not used */
};

/* A CPU interface: of a processor, or virtual. */
struct gic_if {
    uint16_t ctlr;
    uint8_t pmr, bpr, abpr;
    uint8_t pad[3];
    uint32_t apr[2]; /* active priorities of group 0 and 1; a virtual one has only the first */
};

struct gic_virt {
    uint32_t hcr;
    uint32_t lr[GIC_LRS];
};

struct gicv2 {
    struct device dev;
    uint32_t num_cpu, num_irq;
    bool has_security, has_virtualization, nonsecure_start;
    struct mem_region blocks[GICV2_BLOCKS];
    struct irq out[GICV2_MAX_CPUS][GICV2_LINES];
    struct gicv2_state {
        struct gic_bits level; /* inputs; devices drive them again after a reset */
        struct gic_bits latch; /* pending by an edge or by software */
        struct gic_bits enabled, active, group1;
        struct gic_bits edge; /* ICFGR: edge-triggered */
        uint8_t prio_cpu[GICV2_MAX_CPUS][GICV2_PRIVATE];
        uint8_t prio[GIC_WORDS * 32];
        uint8_t targets[GIC_WORDS * 32];            /* a bit a processor */
        uint8_t sgi_from[GICV2_MAX_CPUS][GIC_SGIS]; /* senders of pending ones, a bit each */
        struct gic_if cpu[GICV2_MAX_CPUS], vcpu[GICV2_MAX_CPUS];
        struct gic_virt virt[GICV2_MAX_CPUS];
        uint32_t ctlr; /* GICD_CTLR */
    } s;
};

/* The pending interrupt that an interface would take, and its rank. */
struct gic_best {
    unsigned id; /* GIC_SPURIOUS: none */
    unsigned lr; /* of a virtual interface */
    uint8_t prio;
    bool group1;
};

static inline uint32_t *gic_word(struct gic_bits *b, unsigned cpu, unsigned w)
{
    return w == 0 ? &b->cpu[cpu] : &b->spi[w];
}
static inline bool gic_bit(struct gic_bits *b, unsigned cpu, unsigned id)
{
    return *gic_word(b, cpu, id / 32) >> id % 32 & 1;
}
static inline void gic_set_bit(struct gic_bits *b, unsigned cpu, unsigned id, bool v)
{
    uint32_t mask = UINT32_C(1) << id % 32, *w = gic_word(b, cpu, id / 32);
    *w = v ? *w | mask : *w & ~mask;
}

/* The processor whose thread this is; 0 for debuggers. */
unsigned gic_current(const struct gicv2 *g);

/* gicv2.c: recompute everything that s drives. */
void gic_update(struct gicv2 *g);
uint8_t *gic_prio(struct gicv2 *g, unsigned cpu, unsigned id);
/* The end of an interrupt's handling. */
void gic_deactivate(struct gicv2 *g, unsigned cpu, unsigned id);

/* gicv2_dist.c; secure: the full view, which there is only one of without security extensions. */
uint32_t gicd_read(struct gicv2 *g, unsigned off, unsigned size, bool secure);
void gicd_write(struct gicv2 *g, unsigned off, unsigned size, uint32_t v, bool secure);

/* gicv2_cpu.c: physical and virtual interfaces. */
struct gic_best gic_best_physical(struct gicv2 *g, unsigned cpu);
/* Whether b interrupts the processor now. */
bool gic_signals(const struct gic_if *i, const struct gic_best *b);
uint32_t gicc_read(struct gicv2 *g, unsigned cpu, unsigned off, bool secure, bool peek);
void gicc_write(struct gicv2 *g, unsigned cpu, unsigned off, uint32_t v, bool secure);
uint32_t gicv_read(struct gicv2 *g, unsigned cpu, unsigned off, bool peek);
void gicv_write(struct gicv2 *g, unsigned cpu, unsigned off, uint32_t v);

/* gicv2_virt.c */
struct gic_best gic_best_virtual(struct gicv2 *g, unsigned cpu);
/* Take a list register's interrupt; end one: false when no list register holds it. */
uint32_t gic_lr_acknowledge(struct gicv2 *g, unsigned cpu, unsigned lr);
void gic_lr_end(struct gicv2 *g, unsigned cpu, unsigned id, bool deactivate);
bool gic_maintenance(struct gicv2 *g, unsigned cpu);
uint32_t gich_read(struct gicv2 *g, unsigned cpu, unsigned off);
void gich_write(struct gicv2 *g, unsigned cpu, unsigned off, uint32_t v);

#endif
