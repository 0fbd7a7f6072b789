/*
 * The parts of a GICv3.
 *
 * Locks: a device's own (held by the memory core during register accesses) comes first, then one
 * redistributor's `lock`, then the distributor's `spi_lock`, which is a leaf; never two
 * redistributors' at once.  An SPI is pending in the distributor, which publishes the best one for
 * each CPU and group in `spi_best`; whoever changed that then has the redistributor look
 * (gicv3_update_cpu()).
 */
#ifndef HW_INTC_GICV3_PRIV_H
#define HW_INTC_GICV3_PRIV_H

#include "core/machine.h"
#include "hw/intc/gicv3.h"

enum {
    GICV3_SPURIOUS = 1023,
    GICV3_SPECIAL = 1020, /* to 1023 */
    GICV3_WORDS = 32,     /* of 32 INTIDs, the first of them private */
    GICV3_INTIDS = 1024,
    GICV3_FIRST_LPI = 8192,
    GICV3_ID_BITS = 16,
    GICV3_LPI_WORDS = (1 << GICV3_ID_BITS) / 64,
    GICV3_LRS = 4,
    GICV3_PRIO_MASK = 0xf8, /* 5 bits */
    GICV3_IDLE = 0xff,
};

enum gicv3_group { GICV3_G0, GICV3_G1S, GICV3_G1NS, GICV3_GROUPS };

/* GICD_CTLR, as secure accesses see it. */
enum { CTLR_GRP0 = 1, CTLR_GRP1NS = 2, CTLR_GRP1S = 4, CTLR_DS = 0x40, CTLR_E1NWF = 0x80 };

/* An interrupt that could be taken: priority above INTID, so that the least is the best. */
enum { GICV3_INTID_BITS = 24, GICV3_INTID_MASK = 0xffffff };
static const uint32_t GICV3_NONE = UINT32_MAX;

/* 32 interrupts; registers of this form are in the distributor and in each redistributor. */
struct gicv3_bank {
    uint32_t group, modifier, enabled;
    uint32_t latch;   /* pending by an edge or by software */
    uint32_t active;  /* or active and pending */
    uint32_t message; /* level set by GICD_SETSPI */
    uint32_t edge;
    uint32_t nsacr[2];
    uint8_t priority[32];
};

/* One access to registers: ns when it is non-secure and there are secure interrupts; ds when there
 * are none (GICD_CTLR.DS). */
struct gicv3_view {
    bool ns, ds;
};

struct gicv3_redist;

struct gicv3 {
    struct device dev;
    struct mem_region secure;
    uint32_t ncpus, nirqs;
    bool security, lpi, firmware_init;
    bool has_its;                      /* so that LPIs come from there alone */
    uint32_t *affinity;                /* of each CPU: Aff3 to Aff0, a byte each */
    struct gicv3_redist **cpus;        /* by index */
    struct gicv3_redist **by_affinity; /* sorted */
    _Atomic uint32_t enables;      /* s.ctlr, for redistributors; DS always set without security */
    struct mutex spi_lock;         /* guards the rest, and s */
    uint32_t ready[GICV3_WORDS];   /* pending, enabled, not active */
    uint16_t target[GICV3_INTIDS]; /* index of the CPU, GICV3_NO_CPU: none */
    struct gicv3_state {
        uint64_t ctlr;
        struct gicv3_bank bank[GICV3_WORDS];
        uint32_t level[GICV3_WORDS]; /* inputs */
        uint64_t router[GICV3_INTIDS];
    } s;
};
enum { GICV3_NO_CPU = UINT16_MAX };

/* What derives of a redistributor's LPIs: of those that are pending and enabled. */
struct gicv3_lpis {
    uint64_t ready[GICV3_LPI_WORDS];
    uint64_t summary[GICV3_LPI_WORDS / 64]; /* words of ready that are not 0 */
    uint8_t priority[1 << GICV3_ID_BITS];
};

struct gicv3_redist {
    struct device dev;
    struct mem_region secure;
    struct gicv3 *gic;
    unsigned index;
    uint32_t affinity;
    bool last; /* of a run of frames */
    struct irq out[GICV3_LINES];
    _Atomic uint32_t spi_best[GICV3_GROUPS]; /* stored under gic->spi_lock */
    _Atomic uint8_t one_of_n;          /* groups whose 1-of-N interrupts may come here; ditto */
    struct mutex lock;                 /* guards the rest, and s */
    uint32_t local_best[GICV3_GROUPS]; /* SGIs and PPIs */
    uint32_t lpi_best;
    uint32_t best; /* of all that may be signalled to this CPU */
    enum gicv3_group best_group;
    struct gicv3_lpis *lpis; /* NULL: there are no LPIs */
    struct gicv3_redist_state {
        uint32_t level; /* inputs */
        struct gicv3_bank bank;
        uint32_t ctlr, waker;
        uint64_t propbaser, pendbaser;
        uint64_t lpi_pending[GICV3_LPI_WORDS];
        /* CPU interface */
        uint32_t igrpen[GICV3_GROUPS], bpr[GICV3_GROUPS], ap[GICV3_GROUPS];
        uint32_t icc_ctlr[GICV3_GROUPS]; /* CBPR and EOImode of the group's security state */
        uint32_t icc_ctlr_el3;           /* EOImode_EL3 and PMHE */
        uint32_t pmr;
        uint16_t el;      /* where the CPU executes, which it says after a reset, too; */
        uint16_t el3_a32; /* EL3 is AArch32; */
        uint32_t secure;  /* not 0: in secure state */
        /* Virtual interface */
        uint32_t ich_hcr, ich_vmcr, ich_ap[2];
        uint64_t lr[GICV3_LRS];
    } s;
};

static inline struct gicv3_redist *gicv3_cpu(struct device *gic, unsigned cpu)
{
    return ((struct gicv3 *)gic)->cpus[cpu];
}
static inline bool gicv3_has_ds(const struct gicv3 *g)
{
    return g->enables & CTLR_DS;
}
static inline uint32_t gicv3_candidate(unsigned priority, uint32_t intid)
{
    return priority << GICV3_INTID_BITS | intid;
}

/* gicv3_bank.c */
/* Registers at their offsets in a distributor's frame, as words; level is the inputs.  Those of an
 * interrupt that the view may not see read as 0 and ignore writes. */
bool gicv3_is_bank_register(uint32_t off);
unsigned gicv3_bank_index(uint32_t off);
uint32_t gicv3_bank_read(const struct gicv3_bank *b, uint32_t level, uint32_t off,
                         struct gicv3_view v);
/* mask: bytes of the word that are written. */
void gicv3_bank_write(struct gicv3_bank *b, uint32_t off, uint32_t val, uint32_t mask,
                      struct gicv3_view v);
uint32_t gicv3_bank_ready(const struct gicv3_bank *b, uint32_t level);
enum gicv3_group gicv3_bank_group(const struct gicv3_bank *b, unsigned bit, bool ds);
unsigned gicv3_bank_nsacr(const struct gicv3_bank *b, unsigned bit);
/* Accesses of any size by way of words. */
typedef uint32_t gicv3_read_fn(struct device *dev, uint32_t off, bool secure);
typedef void gicv3_write_fn(struct device *dev, uint32_t off, uint32_t val, uint32_t mask,
                            bool secure);
uint64_t gicv3_read_by_words(struct device *dev, struct access a, bool secure, gicv3_read_fn *fn);
void gicv3_write_by_words(struct device *dev, struct access a, uint64_t val, bool secure,
                          gicv3_write_fn *fn);
/* The identification registers from 0xffd0 on; part is the low part number. */
uint32_t gicv3_id_register(uint32_t off);
/* Replace one half of a 64-bit register. */
void gicv3_set_half(uint64_t *reg, uint32_t off, uint32_t val);
static inline uint32_t gicv3_half(uint64_t reg, uint32_t off)
{
    return (uint32_t)(off & 4 ? reg >> 32 : reg);
}

/* gicv3_dist.c */
/* The CPU with this affinity, or NULL. */
struct gicv3_redist *gicv3_find_cpu(struct gicv3 *g, uint32_t affinity);
/* Acknowledge: pending becomes active; false when it is no longer the best for that CPU. */
bool gicv3_spi_activate(struct gicv3 *g, struct gicv3_redist *r, uint32_t candidate,
                        enum gicv3_group group);
/* End it; ns_only: unless it is secure.  Takes redistributors' locks. */
void gicv3_spi_deactivate(struct gicv3 *g, unsigned intid, bool ns_only);
/* Some CPU's participation in 1-of-N interrupts changed.  Takes redistributors' locks. */
void gicv3_reroute(struct gicv3 *g);

/* gicv3_redist.c: with r->lock held unless it says otherwise. */
/* Look again at private interrupts, then as gicv3_evaluate(). */
void gicv3_local_changed(struct gicv3_redist *r) REQUIRES(r->lock);
/* The input of a PPI. */
void gicv3_local_input(struct gicv3_redist *r, unsigned n, bool level) REQUIRES(r->lock);
/* Find the best interrupt, and drive the lines. */
void gicv3_evaluate(struct gicv3_redist *r) REQUIRES(r->lock);
/* The same; takes the lock. */
void gicv3_update_cpu(struct gicv3_redist *r);
/* Recompute all that derives from its state and the distributor's; takes the lock. */
void gicv3_refresh_cpu(struct gicv3_redist *r);
/* SGI or PPI, or LPI: pending becomes active. */
void gicv3_local_activate(struct gicv3_redist *r, uint32_t intid) REQUIRES(r->lock);
/* Any interrupt; takes locks. */
void gicv3_deactivate(struct gicv3_redist *r, uint32_t intid, bool ns_only);
/* Which groups' 1-of-N interrupts it takes, to be published; true when it changed (then call
 * gicv3_reroute() without locks). */
bool gicv3_update_participation(struct gicv3_redist *r) REQUIRES(r->lock);

/* gicv3_lpi.c */
uint32_t gicv3_lpi_limit(const struct gicv3_redist *r); /* INTIDs below this; 0: none */
/* These take the lock.  LPIs that are out of range, or of a redistributor that has them off, are
 * ignored. */
void gicv3_lpi_set_pending(struct gicv3_redist *r, uint32_t intid, bool pending);
bool gicv3_lpi_is_pending(struct gicv3_redist *r, uint32_t intid);
void gicv3_lpi_invalidate(struct gicv3_redist *r, uint32_t intid);
void gicv3_lpi_invalidate_all(struct gicv3_redist *r);
/* Every pending LPI of one to another. */
void gicv3_lpi_move_all(struct gicv3_redist *from, struct gicv3_redist *to);
/* With the lock held: */
void gicv3_lpi_acknowledge(struct gicv3_redist *r, uint32_t intid) REQUIRES(r->lock);
void gicv3_lpi_enable(struct gicv3_redist *r, bool on) REQUIRES(r->lock);
/* Recompute all that derives from s. */
void gicv3_lpi_sync(struct gicv3_redist *r) REQUIRES(r->lock);

/* gicv3_icc.c */
/* Whether the best interrupt has the priority to be signalled. */
bool gicv3_can_signal(const struct gicv3_redist *r) REQUIRES(r->lock);
void gicv3_icc_reset(struct gicv3_redist *r) REQUIRES(r->lock);
/* Make loaded registers possible ones. */
void gicv3_icc_loaded(struct gicv3_redist *r);
/* Mask of group priority for a binary point: bits above it. */
static inline unsigned gicv3_group_mask(unsigned bpr)
{
    return 0xffU << (bpr + 1) & 0xff;
}
static inline unsigned gicv3_active_priority(uint32_t ap)
{
    return ap ? (unsigned)__builtin_ctz(ap) << 3 : GICV3_IDLE;
}

/* gicv3_icv.c */
uint64_t gicv3_icv_read(struct gicv3_redist *r, enum gicv3_reg reg);
void gicv3_icv_write(struct gicv3_redist *r, enum gicv3_reg reg, uint64_t val);
uint64_t gicv3_ich_read(struct gicv3_redist *r, enum gicv3_reg reg);
void gicv3_ich_write(struct gicv3_redist *r, enum gicv3_reg reg, uint64_t val);
/* Drive virq, vfiq and the maintenance interrupt; r->lock held. */
void gicv3_virtual_changed(struct gicv3_redist *r) REQUIRES(r->lock);
void gicv3_icv_reset(struct gicv3_redist *r) REQUIRES(r->lock);
void gicv3_icv_loaded(struct gicv3_redist *r);

#endif
