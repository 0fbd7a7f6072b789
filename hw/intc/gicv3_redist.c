/*
 * GICv3 redistributor of one CPU: its private interrupts, and which interrupt comes first.
 * Ref: GIC Architecture Specification, version 3 and 4 (IHI 0069), 12.11 (GICR_*).
 */
#include "hw/intc/gicv3_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <stdatomic.h>

enum {
    GICR_CTLR = 0x0,
    GICR_IIDR = 0x4,
    GICR_TYPER = 0x8,
    GICR_WAKER = 0x14,
    GICR_SETLPIR = 0x40,
    GICR_CLRLPIR = 0x48,
    GICR_PROPBASER = 0x70,
    GICR_PENDBASER = 0x78,
    GICR_INVLPIR = 0xa0,
    GICR_INVALLR = 0xb0,
    GICR_SYNCR = 0xc0,
    GICR_IDREGS = 0xffd0,
    SGI_FRAME = 0x10000,
    SGI_ICFGR0 = 0xc00, /* in that frame */
};
enum {
    CTLR_ENABLE_LPIS = 1 << 0,
    CTLR_CES = 1 << 1, /* LPIs can be disabled again */
    CTLR_IR = 1 << 2,  /* INVLPIR and INVALLR work with an ITS, too */
    CTLR_DPG0 = 1 << 24,
    CTLR_DPG1NS = 1 << 25,
    CTLR_DPG1S = 1 << 26,
};
enum {
    WAKER_SLEEP = 2,
    WAKER_CHILDREN_ASLEEP = 4,
    /* Ours: as after reset.  It says that it sleeps, but programs that do not know of sleep get
     * their interrupts, as they do elsewhere. */
    WAKER_UNTOUCHED = 1 << 30
};
enum { TYPER_PLPIS = 1, TYPER_DIRECT_LPI = 8, TYPER_LAST = 0x10, TYPER_DPGS = 0x20 };
enum { TYPER_NUMBER_SHIFT = 8, SGI_EDGES = 0xffff, PPI_FIRST = 16, PPIS = 16 };
static const uint32_t IIDR_ARM = 0x43b;
/* Shareability, cacheability and addresses are kept as they were written. */
static const uint64_t PROPBASER_BITS = UINT64_C(0x070fffffffffff9f);
static const uint64_t PENDBASER_BITS = UINT64_C(0x470fffffffff0f80), PENDBASER_PTZ = BIT64(62);

static struct gicv3_redist *redist(struct device *dev)
{
    return (struct gicv3_redist *)dev;
}

/* Which interrupt comes first. */

static uint32_t group_enable(enum gicv3_group group)
{
    switch (group) {
    case GICV3_G0: return CTLR_GRP0;
    case GICV3_G1S: return CTLR_GRP1S;
    default: return CTLR_GRP1NS;
    }
}

static bool is_awake(const struct gicv3_redist *r)
{
    return !(r->s.waker & WAKER_SLEEP) || (r->s.waker & WAKER_UNTOUCHED);
}

static uint32_t best_of_group(const struct gicv3_redist *r, enum gicv3_group group)
{
    /* Pairs with the exchange in the distributor's publish(). */
    uint32_t spi = atomic_load_explicit(&r->spi_best[group], memory_order_acquire);
    uint32_t best = MIN(r->local_best[group], spi);
    return group == GICV3_G1NS ? MIN(best, r->lpi_best) : best;
}

static void find_best(struct gicv3_redist *r)
{
    uint32_t enables = atomic_load_explicit(&r->gic->enables, memory_order_acquire);
    r->best = GICV3_NONE;
    if (!is_awake(r))
        return;
    for (enum gicv3_group group = GICV3_G0; group < GICV3_GROUPS; group++) {
        if (!(enables & group_enable(group)) || !r->s.igrpen[group])
            continue;
        uint32_t best = best_of_group(r, group);
        if (best < r->best) {
            r->best = best;
            r->best_group = group;
        }
    }
}

/* Chapter 4.6.2: Group 0 comes as FIQ; Group 1 as IRQ to the security state it belongs to, and as
 * FIQ to the other one and to EL3 in AArch64. */
static bool is_fiq(const struct gicv3_redist *r)
{
    if (r->best_group == GICV3_G0)
        return true;
    if (!r->gic->security || gicv3_has_ds(r->gic))
        return false;
    if (r->s.el == 3 && !r->s.el3_a32)
        return true;
    return (r->best_group == GICV3_G1S) != (r->s.secure != 0);
}

static void drive(struct gicv3_redist *r, enum gicv3_line line, bool level)
{
    if (irq_level(&r->out[line]) != level)
        irq_set(&r->out[line], level);
}

void gicv3_evaluate(struct gicv3_redist *r)
{
    find_best(r);
    bool signal = gicv3_can_signal(r), fiq = signal && is_fiq(r);
    drive(r, GICV3_IRQ, signal && !fiq);
    drive(r, GICV3_FIQ, fiq);
}

void gicv3_update_cpu(struct gicv3_redist *r)
{
    mutex_lock(&r->lock);
    gicv3_evaluate(r);
    mutex_unlock(&r->lock);
}

void gicv3_local_changed(struct gicv3_redist *r)
{
    const struct gicv3_bank *b = &r->s.bank;
    for (unsigned i = 0; i < GICV3_GROUPS; i++)
        r->local_best[i] = GICV3_NONE;
    for (uint32_t bits = gicv3_bank_ready(b, r->s.level); bits; bits &= bits - 1) {
        unsigned n = (unsigned)__builtin_ctz(bits);
        uint32_t *best = &r->local_best[gicv3_bank_group(b, n, gicv3_has_ds(r->gic))];
        *best = MIN(*best, gicv3_candidate(b->priority[n], n));
    }
    gicv3_evaluate(r);
}

void gicv3_refresh_cpu(struct gicv3_redist *r)
{
    mutex_lock(&r->lock);
    gicv3_lpi_sync(r);
    gicv3_local_changed(r);
    gicv3_virtual_changed(r);
    mutex_unlock(&r->lock);
}

bool gicv3_update_participation(struct gicv3_redist *r)
{
    static const uint32_t declined[GICV3_GROUPS] = {CTLR_DPG0, CTLR_DPG1S, CTLR_DPG1NS};
    uint8_t mask = 0;
    for (unsigned i = 0; i < GICV3_GROUPS && is_awake(r); i++)
        mask |= (uint8_t)((r->s.igrpen[i] && !(r->s.ctlr & declined[i])) << i);
    return atomic_exchange_explicit(&r->one_of_n, mask, memory_order_acq_rel) != mask;
}

void gicv3_set_ppi(void *opaque, unsigned ppi, bool level)
{
    struct gicv3_redist *r = opaque;
    if (ppi >= PPIS)
        return;
    mutex_lock(&r->lock);
    gicv3_local_input(r, PPI_FIRST + ppi, level);
    mutex_unlock(&r->lock);
}

void gicv3_local_input(struct gicv3_redist *r, unsigned n, bool level)
{
    uint32_t bit = UINT32_C(1) << n;
    if (level && !(r->s.level & bit))
        r->s.bank.latch |= bit & r->s.bank.edge;
    r->s.level = level ? r->s.level | bit : r->s.level & ~bit;
    gicv3_local_changed(r);
}

void gicv3_local_activate(struct gicv3_redist *r, uint32_t intid)
{
    if (intid >= GICV3_FIRST_LPI) {
        gicv3_lpi_acknowledge(r, intid);
        return;
    }
    r->s.bank.latch &= ~(UINT32_C(1) << intid);
    r->s.bank.active |= UINT32_C(1) << intid;
    gicv3_local_changed(r);
}

static void deactivate_private(struct gicv3_redist *r, uint32_t intid, bool ns_only)
{
    mutex_lock(&r->lock);
    if (!ns_only || (r->s.bank.group >> intid & 1)) {
        r->s.bank.active &= ~(UINT32_C(1) << intid);
        gicv3_local_changed(r);
    }
    mutex_unlock(&r->lock);
}

/* LPIs have no active state. */
void gicv3_deactivate(struct gicv3_redist *r, uint32_t intid, bool ns_only)
{
    if (intid < GICV3_PRIVATE)
        deactivate_private(r, intid, ns_only);
    else if (intid < GICV3_SPECIAL)
        gicv3_spi_deactivate(r->gic, intid, ns_only);
}

/* Registers. */

static uint32_t read_ctlr(const struct gicv3_redist *r, struct gicv3_view v)
{
    uint32_t val = r->s.ctlr | (r->lpis ? CTLR_CES | CTLR_IR : 0);
    return v.ns ? val & ~(uint32_t)(CTLR_DPG0 | CTLR_DPG1S) : val;
}

static void write_ctlr(struct gicv3_redist *r, uint32_t val, struct gicv3_view v) REQUIRES(r->lock)
{
    uint32_t writable = CTLR_DPG1NS | (r->lpis ? CTLR_ENABLE_LPIS : 0);
    if (!v.ns)
        writable |= CTLR_DPG0 | (v.ds ? 0 : CTLR_DPG1S);
    uint32_t was = r->s.ctlr;
    r->s.ctlr = (was & ~writable) | (val & writable);
    if ((was ^ r->s.ctlr) & CTLR_ENABLE_LPIS)
        gicv3_lpi_enable(r, r->s.ctlr & CTLR_ENABLE_LPIS);
}

static uint64_t typer(const struct gicv3_redist *r)
{
    uint64_t lpis = r->lpis ? TYPER_PLPIS | (r->gic->has_its ? 0 : TYPER_DIRECT_LPI) : 0;
    return lpis | (r->last ? TYPER_LAST : 0) | TYPER_DPGS | r->index << TYPER_NUMBER_SHIFT |
           (uint64_t)r->affinity << 32;
}

/* Interrupts go to sleep at once, and wake up at once. */
static uint32_t read_waker(const struct gicv3_redist *r, struct gicv3_view v)
{
    if (v.ns)
        return 0;
    return r->s.waker & WAKER_SLEEP ? WAKER_SLEEP | WAKER_CHILDREN_ASLEEP : 0;
}

static uint32_t read_control(const struct gicv3_redist *r, uint32_t off, struct gicv3_view v)
{
    switch (off & ~4U) {
    case GICR_TYPER: return gicv3_half(typer(r), off);
    case GICR_PROPBASER: return r->lpis ? gicv3_half(r->s.propbaser, off) : 0;
    case GICR_PENDBASER: return r->lpis ? gicv3_half(r->s.pendbaser & ~PENDBASER_PTZ, off) : 0;
    default: break;
    }
    switch (off) {
    case GICR_CTLR: return read_ctlr(r, v);
    case GICR_IIDR: return IIDR_ARM;
    case GICR_WAKER: return read_waker(r, v);
    case GICR_SYNCR: return 0; /* never busy */
    default: return gicv3_id_register(off);
    }
}

static bool is_bank(uint32_t off)
{
    off -= SGI_FRAME;
    return off < SGI_FRAME && gicv3_is_bank_register(off) && gicv3_bank_index(off) == 0;
}

static struct gicv3_view view_of(const struct gicv3_redist *r, bool secure)
{
    bool ds = gicv3_has_ds(r->gic);
    return (struct gicv3_view){.ns = !secure && !ds, .ds = ds};
}

static uint32_t redist_read32(struct device *dev, uint32_t off, bool secure)
{
    struct gicv3_redist *r = redist(dev);
    struct gicv3_view v = view_of(r, secure);
    mutex_lock(&r->lock);
    uint32_t val = is_bank(off)      ? gicv3_bank_read(&r->s.bank, r->s.level, off - SGI_FRAME, v)
                   : off < SGI_FRAME ? read_control(r, off, v)
                                     : 0;
    mutex_unlock(&r->lock);
    return val;
}

/* The tables' addresses are fixed while LPIs are enabled. */
static void write_base(struct gicv3_redist *r, uint64_t *reg, uint64_t mask, uint32_t off,
                       uint32_t val)
{
    if (r->lpis == NULL || (r->s.ctlr & CTLR_ENABLE_LPIS))
        return;
    gicv3_set_half(reg, off, val);
    *reg &= mask;
}

/* Those that act on LPIs; they take the lock themselves.  False: not one of them. */
static bool write_lpi_command(struct gicv3_redist *r, uint32_t off, uint32_t val)
{
    bool direct = r->lpis && !r->gic->has_its;
    switch (off) {
    case GICR_SETLPIR:
    case GICR_CLRLPIR:
        if (direct)
            gicv3_lpi_set_pending(r, val, off == GICR_SETLPIR);
        return direct;
    case GICR_INVLPIR: gicv3_lpi_invalidate(r, val); return true;
    case GICR_INVALLR: gicv3_lpi_invalidate_all(r); return true;
    case GICR_INVLPIR + 4: /* virtual PEs: there are none */
    case GICR_INVALLR + 4:
    case GICR_SETLPIR + 4:
    case GICR_CLRLPIR + 4: return true;
    default: return false;
    }
}

static bool write_control(struct gicv3_redist *r, uint32_t off, uint32_t val, struct gicv3_view v)
    REQUIRES(r->lock)
{
    switch (off) {
    case GICR_CTLR: write_ctlr(r, val, v); return true;
    case GICR_WAKER: r->s.waker = v.ns ? r->s.waker : val & WAKER_SLEEP; return true;
    case GICR_PROPBASER:
    case GICR_PROPBASER + 4: write_base(r, &r->s.propbaser, PROPBASER_BITS, off, val); return true;
    case GICR_PENDBASER:
    case GICR_PENDBASER + 4: write_base(r, &r->s.pendbaser, PENDBASER_BITS, off, val); return true;
    default: return false;
    }
}

static bool write_locked(struct gicv3_redist *r, uint32_t off, uint32_t val, uint32_t mask,
                         struct gicv3_view v) REQUIRES(r->lock)
{
    if (is_bank(off)) {
        off -= SGI_FRAME;
        if (off != SGI_ICFGR0) /* SGIs are edges */
            gicv3_bank_write(&r->s.bank, off, val, mask, v);
        return true;
    }
    return mask == UINT32_MAX && write_control(r, off, val, v);
}

static void redist_write32(struct device *dev, uint32_t off, uint32_t val, uint32_t mask,
                           bool secure)
{
    struct gicv3_redist *r = redist(dev);
    struct gicv3_view v = view_of(r, secure);
    if (mask == UINT32_MAX && write_lpi_command(r, off, val))
        return;
    mutex_lock(&r->lock);
    bool ok = write_locked(r, off, val, mask, v);
    bool reroute = gicv3_update_participation(r);
    gicv3_local_changed(r);
    mutex_unlock(&r->lock);
    if (reroute)
        gicv3_reroute(r->gic);
    if (!ok)
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", val, off);
}

static uint64_t redist_read(struct device *dev, struct access a)
{
    return gicv3_read_by_words(dev, a, false, redist_read32);
}

static void redist_write(struct device *dev, struct access a, uint64_t val)
{
    gicv3_write_by_words(dev, a, val, false, redist_write32);
}

static uint64_t redist_read_secure(struct device *dev, struct access a)
{
    return gicv3_read_by_words(dev, a, true, redist_read32);
}

static void redist_write_secure(struct device *dev, struct access a, uint64_t val)
{
    gicv3_write_by_words(dev, a, val, true, redist_write32);
}

static const struct mmio_ops secure_ops = {redist_read_secure, redist_write_secure, .min = 1,
                                           .max = 8, .size = GICV3_REDIST_SIZE};

static bool gicv3_redist_realize(struct device *dev, struct error **errp)
{
    struct gicv3_redist *r = redist(dev);
    if (r->gic == NULL) {
        error_set(errp, "is made by its distributor");
        return false;
    }
    mutex_init(&r->lock);
    region_init_mmio(&r->secure, "gicv3-redist-secure", &secure_ops, dev);
    if (r->gic->lpi)
        r->lpis = g_new0(struct gicv3_lpis, 1);
    for (unsigned i = 0; i < GICV3_GROUPS; i++)
        atomic_store_explicit(&r->spi_best[i], GICV3_NONE, memory_order_relaxed);
    return true;
}

static void gicv3_redist_unrealize(struct device *dev)
{
    struct gicv3_redist *r = redist(dev);
    region_del(&r->secure);
    g_clear_pointer(&r->lpis, g_free);
    mutex_fini(&r->lock);
}

static void gicv3_redist_reset(struct device *dev)
{
    struct gicv3_redist *r = redist(dev);
    bool firmware = r->gic->firmware_init && r->gic->security;
    mutex_lock(&r->lock);
    r->s.bank.edge = SGI_EDGES;
    r->s.bank.group = firmware ? UINT32_MAX : 0;
    r->s.waker = firmware ? 0 : WAKER_SLEEP | WAKER_UNTOUCHED;
    gicv3_icc_reset(r);
    gicv3_icv_reset(r);
    mutex_unlock(&r->lock);
}

static void gicv3_redist_sync(struct device *dev)
{
    struct gicv3_redist *r = redist(dev);
    mutex_lock(&r->lock);
    bool reroute = gicv3_update_participation(r);
    mutex_unlock(&r->lock);
    gicv3_refresh_cpu(r);
    if (reroute && r->gic->dev.realized)
        gicv3_reroute(r->gic);
}

static void gicv3_redist_loaded(struct device *dev)
{
    struct gicv3_redist *r = redist(dev);
    for (unsigned i = 0; i < GICV3_PRIVATE; i++)
        r->s.bank.priority[i] &= GICV3_PRIO_MASK;
    r->s.propbaser &= PROPBASER_BITS;
    r->s.pendbaser &= PENDBASER_BITS;
    gicv3_icc_loaded(r);
    gicv3_icv_loaded(r);
}

static const struct state_field gicv3_redist_state[] = {
    STATE_KEEP(gicv3_redist, level),
    STATE(gicv3_redist, bank, 0),
    STATE(gicv3_redist, ctlr, 0),
    STATE(gicv3_redist, waker, 0),
    STATE(gicv3_redist, propbaser, 0),
    STATE(gicv3_redist, pendbaser, 0),
    STATE_ARRAY(gicv3_redist, lpi_pending, 0),
    STATE_ARRAY(gicv3_redist, igrpen, 0),
    STATE_ARRAY(gicv3_redist, bpr, 0),
    STATE_ARRAY(gicv3_redist, ap, 0),
    STATE_ARRAY(gicv3_redist, icc_ctlr, 0),
    STATE(gicv3_redist, icc_ctlr_el3, 0),
    STATE(gicv3_redist, pmr, 0),
    STATE_KEEP(gicv3_redist, el),
    STATE_KEEP(gicv3_redist, secure),
    STATE_KEEP(gicv3_redist, el3_a32),
    STATE(gicv3_redist, ich_hcr, 0),
    STATE(gicv3_redist, ich_vmcr, 0),
    STATE_ARRAY(gicv3_redist, ich_ap, 0),
    STATE_ARRAY(gicv3_redist, lr, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(gicv3_redist, "arm-gicv3-redist") = {
    .desc = "Arm GICv3 interrupt controller: redistributor and CPU interface",
    .mmio = {redist_read, redist_write, .min = 1, .max = 8, .size = GICV3_REDIST_SIZE},
    .state = gicv3_redist_state,
    .realize = gicv3_redist_realize,
    .unrealize = gicv3_redist_unrealize,
    .reset = gicv3_redist_reset,
    .sync = gicv3_redist_sync,
    .loaded = gicv3_redist_loaded,
};
