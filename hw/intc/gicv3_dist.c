/*
 * GICv3 distributor: shared peripheral interrupts, their routing, and the parts of the controller.
 * Ref: GIC Architecture Specification, version 3 and 4 (IHI 0069), 12.9 (GICD_*).
 */
#include "hw/intc/gicv3_priv.h"
#include "util/bits.h"

#include <glib.h>
#include <stdatomic.h>
#include <string.h>

enum {
    GICD_CTLR = 0x0,
    GICD_TYPER = 0x4,
    GICD_IIDR = 0x8,
    GICD_TYPER2 = 0xc,
    GICD_SETSPI_NSR = 0x40,
    GICD_CLRSPI_NSR = 0x48,
    GICD_SETSPI_SR = 0x50,
    GICD_CLRSPI_SR = 0x58,
    GICD_ITARGETSR = 0x800,
    GICD_ICFGR = 0xc00,
    GICD_SGIR = 0xf00,
    GICD_SGI_END = 0xf30,
    GICD_IROUTER = 0x6000,
    GICD_IROUTER_END = GICD_IROUTER + 8 * GICV3_SPECIAL,
    GICD_IDREGS = 0xffd0
};
enum { CTLR_ARE_S = 0x10, CTLR_ARE_NS = 0x20, CTLR_NS_ARE = 0x10 };
enum {
    TYPER_SECURITY = 1 << 10,
    TYPER_MBIS = 1 << 16,
    TYPER_LPIS = 1 << 17,
    TYPER_ID_BITS_SHIFT = 19,
    TYPER_A3V = 1 << 24,
    TYPER_RSS = 1 << 26,
    ID_BITS_WITHOUT_LPIS = 10
};
static const uint64_t IROUTER_IRM = BIT64(31), IROUTER_BITS = UINT64_C(0xff80ffffff);
static const uint32_t IIDR_ARM = 0x43b;
enum { NSACR_SET = 1, NSACR_CLEAR = 2, NSACR_ROUTE = 3 };

/* CPUs whose best SPI changed. */
struct cpu_set {
    uint64_t bits[MACHINE_MAX_CPUS / 64];
};

static struct gicv3 *gic(struct device *dev)
{
    return (struct gicv3 *)dev;
}

static void add_cpu(struct cpu_set *set, unsigned cpu)
{
    set->bits[cpu / 64] |= BIT64(cpu % 64);
}

static bool ds(const struct gicv3 *g)
{
    return !g->security || (g->s.ctlr & CTLR_DS);
}

static void update_cpus(struct gicv3 *g, const struct cpu_set *set)
{
    for (unsigned i = 0; i < ARRAY_SIZE(set->bits); i++)
        for (uint64_t w = set->bits[i]; w; w &= w - 1)
            gicv3_update_cpu(g->cpus[i * 64 + (unsigned)__builtin_ctzll(w)]);
}

static void refresh_all_cpus(struct gicv3 *g)
{
    for (unsigned i = 0; i < g->ncpus; i++)
        gicv3_refresh_cpu(g->cpus[i]);
}

/* Routing. */

struct gicv3_redist *gicv3_find_cpu(struct gicv3 *g, uint32_t affinity)
{
    unsigned low = 0, high = g->ncpus;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (g->by_affinity[mid]->affinity < affinity)
            low = mid + 1;
        else
            high = mid;
    }
    return low < g->ncpus && g->by_affinity[low]->affinity == affinity ? g->by_affinity[low] : NULL;
}

static enum gicv3_group group_of(const struct gicv3 *g, unsigned n)
{
    return gicv3_bank_group(&g->s.bank[n / 32], n % 32, ds(g));
}

static bool participates(const struct gicv3_redist *r, enum gicv3_group group)
{
    return atomic_load_explicit(&r->one_of_n, memory_order_acquire) >> group & 1;
}

static bool has_spi(const struct gicv3_redist *r)
{
    for (unsigned i = 0; i < GICV3_GROUPS; i++)
        if (atomic_load_explicit(&r->spi_best[i], memory_order_relaxed) != GICV3_NONE)
            return true;
    return false;
}

/* 1 of N: the CPU it was sent to before if that still participates, else one that has no SPI
 * pending, else any. */
static unsigned choose_cpu(struct gicv3 *g, unsigned n, enum gicv3_group group)
{
    unsigned any = GICV3_NO_CPU;
    if (g->target[n] < g->ncpus && participates(g->cpus[g->target[n]], group))
        return g->target[n];
    for (unsigned i = 0; i < g->ncpus; i++) {
        unsigned cpu = (n + i) % g->ncpus;
        if (!participates(g->cpus[cpu], group))
            continue;
        if (!has_spi(g->cpus[cpu]))
            return cpu;
        if (any == GICV3_NO_CPU)
            any = cpu;
    }
    return any;
}

static unsigned routed_cpu(struct gicv3 *g, unsigned n, enum gicv3_group group)
{
    uint64_t route = g->s.router[n];
    if (route & IROUTER_IRM)
        return choose_cpu(g, n, group);
    const struct gicv3_redist *r =
        gicv3_find_cpu(g, (uint32_t)(route & 0xffffff) | (uint32_t)(route >> 32) << 24);
    return r ? r->index : GICV3_NO_CPU;
}

/* The best SPI of each CPU and group. */

static void publish(struct gicv3_redist *r, enum gicv3_group group, uint32_t candidate,
                    struct cpu_set *changed)
{
    /* Pairs with the acquire load in gicv3_evaluate(), which runs later for every CPU in changed.
     */
    if (atomic_exchange_explicit(&r->spi_best[group], candidate, memory_order_acq_rel) != candidate)
        add_cpu(changed, r->index);
}

static uint32_t candidate_of(const struct gicv3 *g, unsigned n)
{
    return gicv3_candidate(g->s.bank[n / 32].priority[n % 32], n);
}

static void consider(struct gicv3 *g, unsigned n, uint32_t best[][GICV3_GROUPS])
{
    enum gicv3_group group = group_of(g, n);
    unsigned cpu = g->target[n] = (uint16_t)routed_cpu(g, n, group);
    if (cpu != GICV3_NO_CPU)
        best[cpu][group] = MIN(best[cpu][group], candidate_of(g, n));
}

/* After anything: look at every SPI. */
static void recompute(struct gicv3 *g, struct cpu_set *changed)
{
    uint32_t best[MACHINE_MAX_CPUS][GICV3_GROUPS];
    memset(best, 0xff, sizeof(best[0]) * g->ncpus);
    for (unsigned w = 1; w < g->nirqs / 32; w++) {
        g->ready[w] = gicv3_bank_ready(&g->s.bank[w], g->s.level[w]);
        for (uint32_t bits = g->ready[w]; bits; bits &= bits - 1)
            consider(g, w * 32 + (unsigned)__builtin_ctz(bits), best);
    }
    for (unsigned cpu = 0; cpu < g->ncpus; cpu++)
        for (unsigned group = 0; group < GICV3_GROUPS; group++)
            publish(g->cpus[cpu], group, best[cpu][group], changed);
}

/* What was the best of a CPU is gone. */
static void find_next(struct gicv3 *g, struct gicv3_redist *r, enum gicv3_group group,
                      struct cpu_set *changed)
{
    uint32_t best = GICV3_NONE;
    for (unsigned w = 1; w < g->nirqs / 32; w++) {
        for (uint32_t bits = g->ready[w]; bits; bits &= bits - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(bits);
            if (g->target[n] == r->index && group_of(g, n) == group)
                best = MIN(best, candidate_of(g, n));
        }
    }
    publish(r, group, best, changed);
}

/* Pending, active or enabled of one SPI changed, nothing else. */
static void spi_changed(struct gicv3 *g, unsigned n, struct cpu_set *changed)
{
    unsigned w = n / 32;
    uint32_t bit = UINT32_C(1) << n % 32, was = g->ready[w] & bit;
    enum gicv3_group group = group_of(g, n);
    g->ready[w] = gicv3_bank_ready(&g->s.bank[w], g->s.level[w]);
    uint32_t is = g->ready[w] & bit;
    if (is == was)
        return;
    if (is)
        g->target[n] = (uint16_t)routed_cpu(g, n, group);
    if (g->target[n] == GICV3_NO_CPU)
        return;
    struct gicv3_redist *r = g->cpus[g->target[n]];
    uint32_t best = atomic_load_explicit(&r->spi_best[group], memory_order_relaxed);
    if (is)
        publish(r, group, MIN(best, candidate_of(g, n)), changed);
    else if ((best & GICV3_INTID_MASK) == n)
        find_next(g, r, group, changed);
}

void gicv3_reroute(struct gicv3 *g)
{
    struct cpu_set changed = {0};
    mutex_lock(&g->spi_lock);
    recompute(g, &changed);
    mutex_unlock(&g->spi_lock);
    update_cpus(g, &changed);
}

void gicv3_set_input(void *opaque, unsigned spi, bool level)
{
    struct gicv3 *g = opaque;
    unsigned n = GICV3_PRIVATE + spi, w = n / 32;
    uint32_t bit = UINT32_C(1) << n % 32;
    struct cpu_set changed = {0};
    if (spi >= GICV3_MAX_IRQS || n >= g->nirqs)
        return;
    mutex_lock(&g->spi_lock);
    if (level && !(g->s.level[w] & bit))
        g->s.bank[w].latch |= bit & g->s.bank[w].edge;
    g->s.level[w] = level ? g->s.level[w] | bit : g->s.level[w] & ~bit;
    spi_changed(g, n, &changed);
    mutex_unlock(&g->spi_lock);
    update_cpus(g, &changed);
}

/* Only to be called for what the CPU's evaluation found, which may be out of date. */
bool gicv3_spi_activate(struct gicv3 *g, struct gicv3_redist *r, uint32_t candidate,
                        enum gicv3_group group)
{
    unsigned n = candidate & GICV3_INTID_MASK;
    struct cpu_set unused = {0};
    mutex_lock(&g->spi_lock);
    bool ok = atomic_load_explicit(&r->spi_best[group], memory_order_relaxed) == candidate;
    if (ok) {
        struct gicv3_bank *b = &g->s.bank[n / 32];
        b->latch &= ~(UINT32_C(1) << n % 32);
        b->active |= UINT32_C(1) << n % 32;
        spi_changed(g, n, &unused); /* only this CPU's, and it evaluates next */
    }
    mutex_unlock(&g->spi_lock);
    return ok;
}

void gicv3_spi_deactivate(struct gicv3 *g, unsigned n, bool ns_only)
{
    struct cpu_set changed = {0};
    if (n >= g->nirqs)
        return;
    mutex_lock(&g->spi_lock);
    if (!ns_only || group_of(g, n) == GICV3_G1NS) {
        g->s.bank[n / 32].active &= ~(UINT32_C(1) << n % 32);
        spi_changed(g, n, &changed);
    }
    mutex_unlock(&g->spi_lock);
    update_cpus(g, &changed);
}

/* Registers. */

static struct gicv3_view view_of(const struct gicv3 *g, bool secure)
{
    return (struct gicv3_view){.ns = !secure && !ds(g), .ds = ds(g)};
}

static uint32_t read_ctlr(const struct gicv3 *g, struct gicv3_view v)
{
    if (v.ns)
        return (g->s.ctlr & CTLR_GRP1NS) | CTLR_NS_ARE;
    if (v.ds)
        return (g->s.ctlr & (CTLR_GRP0 | CTLR_GRP1NS | CTLR_E1NWF)) | CTLR_DS | CTLR_ARE_S;
    return g->s.ctlr | CTLR_ARE_S | CTLR_ARE_NS;
}

/* Affinity routing is all there is: the ARE bits read as one.  DS stays once it is set. */
static void write_ctlr(struct gicv3 *g, uint32_t val, struct gicv3_view v)
{
    uint32_t writable = v.ns ? CTLR_GRP1NS : CTLR_GRP0 | CTLR_GRP1NS | CTLR_E1NWF;
    if (!v.ns && !v.ds)
        writable |= CTLR_GRP1S | CTLR_DS;
    g->s.ctlr = (g->s.ctlr & ~writable) | (val & writable);
    if (g->s.ctlr & CTLR_DS)
        g->s.ctlr &= ~(uint32_t)CTLR_GRP1S;
}

static void publish_enables(struct gicv3 *g)
{
    atomic_store_explicit(&g->enables, g->s.ctlr | (g->security ? 0 : CTLR_DS),
                          memory_order_release);
}

static uint32_t read_typer(const struct gicv3 *g)
{
    unsigned id_bits = g->lpi ? GICV3_ID_BITS : ID_BITS_WITHOUT_LPIS;
    return (g->nirqs / 32 - 1) | (ds(g) ? 0 : TYPER_SECURITY) | TYPER_MBIS |
           (g->lpi ? TYPER_LPIS : 0) | (id_bits - 1) << TYPER_ID_BITS_SHIFT | TYPER_A3V | TYPER_RSS;
}

/* The interrupt of a router register; 0: there is none. */
static unsigned routed_intid(const struct gicv3 *g, uint32_t off)
{
    unsigned n = (off - GICD_IROUTER) / 8;
    return off >= GICD_IROUTER && off < GICD_IROUTER_END && n >= GICV3_PRIVATE && n < g->nirqs ? n
                                                                                               : 0;
}

static bool may_route(const struct gicv3 *g, unsigned n, struct gicv3_view v)
{
    const struct gicv3_bank *b = &g->s.bank[n / 32];
    return !v.ns || (b->group >> n % 32 & 1) || gicv3_bank_nsacr(b, n % 32) >= NSACR_ROUTE;
}

static uint32_t read_router(const struct gicv3 *g, uint32_t off, struct gicv3_view v)
{
    unsigned n = routed_intid(g, off);
    return n && may_route(g, n, v) ? gicv3_half(g->s.router[n], off) : 0;
}

static void write_router(struct gicv3 *g, uint32_t off, uint32_t val, struct gicv3_view v)
{
    unsigned n = routed_intid(g, off);
    if (n == 0 || !may_route(g, n, v))
        return;
    gicv3_set_half(&g->s.router[n], off, val);
    g->s.router[n] &= IROUTER_BITS;
    g->target[n] = GICV3_NO_CPU;
}

/* The bank that off lies in, or NULL; private interrupts are the redistributors'. */
static struct gicv3_bank *bank_at(struct gicv3 *g, uint32_t off, unsigned *index)
{
    if (!gicv3_is_bank_register(off))
        return NULL;
    *index = gicv3_bank_index(off);
    return *index >= 1 && *index < g->nirqs / 32 ? &g->s.bank[*index] : NULL;
}

static uint32_t read_locked(struct gicv3 *g, uint32_t off, struct gicv3_view v)
{
    unsigned i;
    struct gicv3_bank *b = bank_at(g, off, &i);
    if (b)
        return gicv3_bank_read(b, g->s.level[i], off, v);
    switch (off) {
    case GICD_CTLR: return read_ctlr(g, v);
    case GICD_TYPER: return read_typer(g);
    case GICD_IIDR: return IIDR_ARM;
    default: return off >= GICD_IDREGS ? gicv3_id_register(off) : read_router(g, off, v);
    }
}

static uint32_t dist_read32(struct device *dev, uint32_t off, bool secure)
{
    struct gicv3 *g = gic(dev);
    mutex_lock(&g->spi_lock);
    uint32_t val = read_locked(g, off, view_of(g, secure));
    mutex_unlock(&g->spi_lock);
    return val;
}

/* 12.9.6..: SETSPI and CLRSPI, for messages of devices; a non-secure one needs an interrupt of its
 * own, or one that GICD_NSACR lends it. */
static void write_message(struct gicv3 *g, uint32_t n, bool set, struct gicv3_view v)
{
    if (n < GICV3_PRIVATE || n >= g->nirqs)
        return;
    struct gicv3_bank *b = &g->s.bank[n / 32];
    uint32_t bit = UINT32_C(1) << n % 32;
    if (v.ns && !(b->group & bit) && gicv3_bank_nsacr(b, n % 32) < (set ? NSACR_SET : NSACR_CLEAR))
        return;
    uint32_t *word = b->edge & bit ? &b->latch : &b->message;
    *word = set ? *word | bit : *word & ~bit;
}

static bool is_known_without_effect(uint32_t off)
{
    return (off >= GICD_ITARGETSR && off < GICD_ICFGR) ||
           (off >= GICD_SGIR && off < GICD_SGI_END) || gicv3_is_bank_register(off) ||
           (off >= GICD_IROUTER && off < GICD_IROUTER_END);
}

/* False: there is no such register, or it cannot be written. */
static bool write_locked(struct gicv3 *g, uint32_t off, uint32_t val, struct gicv3_view v)
{
    switch (off) {
    case GICD_CTLR: write_ctlr(g, val, v); return true;
    case GICD_SETSPI_NSR:
    case GICD_CLRSPI_NSR: write_message(g, val & 0x3ff, off == GICD_SETSPI_NSR, v); return true;
    case GICD_SETSPI_SR:
    case GICD_CLRSPI_SR:
        if (v.ns || v.ds)
            return false;
        write_message(g, val & 0x3ff, off == GICD_SETSPI_SR, v);
        return true;
    default: break;
    }
    if (routed_intid(g, off))
        write_router(g, off, val, v);
    return is_known_without_effect(off);
}

/* Words narrower than 32 bits: priorities, and the message registers. */
static bool takes_narrow(uint32_t off, uint32_t mask)
{
    return mask == 0xffff && off >= GICD_SETSPI_NSR && off <= GICD_CLRSPI_SR;
}

static void dist_write32(struct device *dev, uint32_t off, uint32_t val, uint32_t mask, bool secure)
{
    struct gicv3 *g = gic(dev);
    struct cpu_set changed = {0};
    unsigned i;
    bool ok = true;
    mutex_lock(&g->spi_lock);
    struct gicv3_view v = view_of(g, secure);
    uint32_t was = g->s.ctlr;
    struct gicv3_bank *b = bank_at(g, off, &i);
    if (b)
        gicv3_bank_write(b, off, val, mask, v);
    else
        ok = (mask == UINT32_MAX || takes_narrow(off, mask)) && write_locked(g, off, val, v);
    recompute(g, &changed);
    bool ctlr_changed = g->s.ctlr != was;
    publish_enables(g);
    mutex_unlock(&g->spi_lock);
    if (ctlr_changed)
        refresh_all_cpus(g);
    else
        update_cpus(g, &changed);
    if (!ok)
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", val, off);
}

static uint64_t dist_read(struct device *dev, struct access a)
{
    return gicv3_read_by_words(dev, a, false, dist_read32);
}

static void dist_write(struct device *dev, struct access a, uint64_t val)
{
    gicv3_write_by_words(dev, a, val, false, dist_write32);
}

static uint64_t dist_read_secure(struct device *dev, struct access a)
{
    return gicv3_read_by_words(dev, a, true, dist_read32);
}

static void dist_write_secure(struct device *dev, struct access a, uint64_t val)
{
    gicv3_write_by_words(dev, a, val, true, dist_write32);
}

static const struct mmio_ops secure_ops = {dist_read_secure, dist_write_secure, .min = 1, .max = 8,
                                           .size = GICV3_DIST_SIZE};

/* Wiring. */

static bool check_props(const struct gicv3 *g, struct error **errp)
{
    if (g->ncpus < 1 || g->ncpus > MACHINE_MAX_CPUS) {
        error_set(errp, "num-cpu is %u, must be 1 to %d", g->ncpus, MACHINE_MAX_CPUS);
        return false;
    }
    if (g->nirqs < 2 * GICV3_PRIVATE || g->nirqs > GICV3_MAX_IRQS || g->nirqs % 32) {
        error_set(errp, "num-irq is %u, must be a multiple of 32 from 64 to %d", g->nirqs,
                  GICV3_MAX_IRQS);
        return false;
    }
    return true;
}

/* Boards give affinities before realize. */
static void need_affinities(struct gicv3 *g)
{
    if (g->affinity)
        return;
    g->affinity = g_new0(uint32_t, MACHINE_MAX_CPUS);
    for (unsigned i = 0; i < MACHINE_MAX_CPUS; i++)
        g->affinity[i] = i;
}

void gicv3_set_affinity(struct device *dev, unsigned cpu, uint64_t mpidr)
{
    struct gicv3 *g = gic(dev);
    need_affinities(g);
    if (cpu < MACHINE_MAX_CPUS)
        g->affinity[cpu] = (uint32_t)(mpidr & 0xffffff) | (uint32_t)(mpidr >> 32 & 0xff) << 24;
}

struct device *gicv3_redist(struct device *dev, unsigned cpu)
{
    return &gicv3_cpu(dev, cpu)->dev;
}

struct mem_region *gicv3_secure_region(struct device *dev)
{
    return &gic(dev)->secure;
}

struct mem_region *gicv3_redist_secure_region(struct device *dev, unsigned cpu)
{
    return &gicv3_cpu(dev, cpu)->secure;
}

void gicv3_end_redists(struct device *dev, unsigned cpu)
{
    if (cpu < gic(dev)->ncpus)
        gicv3_cpu(dev, cpu)->last = true;
}

struct irq *gicv3_output(struct device *dev, unsigned cpu, enum gicv3_line line)
{
    return &gicv3_cpu(dev, cpu)->out[line];
}

static int compare_affinities(const void *a, const void *b)
{
    uint32_t x = (*(struct gicv3_redist *const *)a)->affinity,
             y = (*(struct gicv3_redist *const *)b)->affinity;
    return x < y ? -1 : x > y;
}

extern const struct device_type gicv3_redist_type;

/* They belong to the machine, or to this device when there is none. */
static bool create_redists(struct gicv3 *g, struct error **errp)
{
    for (unsigned i = 0; i < g->ncpus; i++) {
        g_autofree char *id = g_strdup_printf("%s.redist%u", g->dev.id, i);
        struct device *dev = device_new(&gicv3_redist_type, g->dev.machine, id);
        struct gicv3_redist *r = g->cpus[i] = g->by_affinity[i] = (struct gicv3_redist *)dev;
        r->gic = g;
        r->index = i;
        r->affinity = g->affinity[i];
        r->last = i + 1 == g->ncpus;
    }
    qsort(g->by_affinity, g->ncpus, sizeof(*g->by_affinity), compare_affinities);
    for (unsigned i = 0; i < g->ncpus; i++)
        if (!device_realize(&g->cpus[i]->dev, errp))
            return false;
    for (unsigned i = 1; i < g->ncpus; i++) {
        if (g->by_affinity[i - 1]->affinity == g->by_affinity[i]->affinity) {
            error_set(errp, "CPUs %u and %u have the same affinity", g->by_affinity[i - 1]->index,
                      g->by_affinity[i]->index);
            return false;
        }
    }
    return true;
}

static void gicv3_unrealize(struct device *dev)
{
    struct gicv3 *g = gic(dev);
    region_del(&g->secure);
    g_clear_pointer(&g->cpus, g_free);
    g_clear_pointer(&g->by_affinity, g_free);
    g_clear_pointer(&g->affinity, g_free);
    mutex_fini(&g->spi_lock);
}

static bool gicv3_realize(struct device *dev, struct error **errp)
{
    struct gicv3 *g = gic(dev);
    if (dev->machine == NULL) {
        error_set(errp, "needs a machine");
        return false;
    }
    if (!check_props(g, errp))
        return false;
    need_affinities(g);
    mutex_init(&g->spi_lock);
    region_init_mmio(&g->secure, "gicv3-dist-secure", &secure_ops, dev);
    g->cpus = g_new0(struct gicv3_redist *, g->ncpus);
    g->by_affinity = g_new0(struct gicv3_redist *, g->ncpus);
    publish_enables(g);
    if (create_redists(g, errp))
        return true;
    gicv3_unrealize(dev);
    return false;
}

/* As firmware of the secure world leaves it for a kernel that is loaded without any: all interrupts
 * are the non-secure world's. */
static void gicv3_reset(struct device *dev)
{
    struct gicv3 *g = gic(dev);
    for (unsigned w = 1; w < GICV3_WORDS && g->firmware_init && g->security; w++)
        g->s.bank[w].group = UINT32_MAX;
}

static void gicv3_sync(struct device *dev)
{
    struct gicv3 *g = gic(dev);
    struct cpu_set changed = {0};
    mutex_lock(&g->spi_lock);
    publish_enables(g);
    memset(g->target, 0xff, sizeof(g->target));
    recompute(g, &changed);
    mutex_unlock(&g->spi_lock);
    refresh_all_cpus(g);
}

static void gicv3_loaded(struct device *dev)
{
    struct gicv3 *g = gic(dev);
    for (unsigned n = 0; n < GICV3_INTIDS; n++) {
        g->s.router[n] &= IROUTER_BITS;
        g->s.bank[n / 32].priority[n % 32] &= GICV3_PRIO_MASK;
    }
}

static const struct state_field gicv3_state[] = {
    STATE(gicv3, ctlr, 0),
    STATE_ARRAY(gicv3, bank, 0),
    {"level", offsetof(struct gicv3, s.level), sizeof(((struct gicv3 *)0)->s.level), 4, 0, true},
    STATE_ARRAY(gicv3, router, 0),
    STATE_END,
};

static const struct prop gicv3_props[] = {
    PROP(prop_uint32, gicv3, "num-cpu", ncpus, "1", "processors served"),
    PROP(prop_uint32, gicv3, "num-irq", nirqs, "288", "interrupts, the 32 private ones included"),
    PROP(prop_bool, gicv3, "has-security-extensions", security, "off", "two security states"),
    PROP(prop_bool, gicv3, "has-lpi", lpi, "off", "locality-specific interrupts"),
    PROP(prop_bool, gicv3, "firmware-init", firmware_init, "off",
         "reset leaves all interrupts to the non-secure state"),
    PROP_END,
};

DEVICE_CLASS_NAMED(gicv3, "arm-gicv3") = {
    .desc = "Arm GICv3 interrupt controller: distributor",
    .compatible = "arm,gic-v3",
    .mmio = {dist_read, dist_write, .min = 1, .max = 8, .size = GICV3_DIST_SIZE},
    .props = gicv3_props,
    .state = gicv3_state,
    .realize = gicv3_realize,
    .unrealize = gicv3_unrealize,
    .reset = gicv3_reset,
    .sync = gicv3_sync,
    .loaded = gicv3_loaded,
};
