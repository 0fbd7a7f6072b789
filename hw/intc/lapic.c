/*
 * Local APIC: what it accepts, hands to its processor and hears the end of.
 * Ref: Intel SDM volume 3, chapter 11 (APIC), edition of 2023; 11.8 (handling interrupts).
 */
#include "core/intc.h"
#include "hw/intc/lapic_priv.h"
#include "util/bits.h"

#include <string.h>

enum { VERSION_VECTORS = 8, EXTINT_LVT = 0x700, DEFAULT_SVR = 0xff };

/* The highest vector whose bit is set, -1: none.  Pairs with set_bit(): relaxed, for what a message
 * has brought besides its bit is memory that the guest orders itself. */
static int highest(const uint32_t *words)
{
    for (int i = VERSION_VECTORS - 1; i >= 0; i--) {
        uint32_t v = lapic_load(&words[i]);
        if (v)
            return i * 32 + 31 - __builtin_clz(v);
    }
    return -1;
}

/* Release: what the sender did before is seen by the processor that takes the vector. */
static void set_bit(uint32_t *words, unsigned n, bool on)
{
    uint32_t bit = UINT32_C(1) << n % 32;
    if (on)
        __atomic_fetch_or(&words[n / 32], bit, __ATOMIC_RELEASE);
    else
        __atomic_fetch_and(&words[n / 32], ~bit, __ATOMIC_RELEASE);
}

static bool test_bit(const uint32_t *words, unsigned n)
{
    return lapic_load(&words[n / 32]) >> n % 32 & 1;
}

/* Processor priority.  Ref: 11.8.3.1. */
uint32_t lapic_ppr(const struct lapic *l)
{
    int in_service = highest(l->s.isr);
    uint32_t tpr = lapic_load(&l->s.tpr), class = in_service < 0 ? 0 : (uint32_t)in_service & 0xf0;
    return (tpr & 0xf0) >= class ? tpr : class;
}

static void tell(struct lapic *l)
{
    if (l->ops)
        l->ops->interrupt(l->cpu);
}

void lapic_error(struct lapic *l, uint32_t bits)
{
    uint32_t lvt = lapic_load(&l->s.lvt[LVT_ERROR]);
    uint32_t was = __atomic_fetch_or(&l->s.esr_pending, bits, __ATOMIC_RELAXED);
    struct apic_message m = {.mode = APIC_FIXED, .vector = (uint8_t)lvt};
    if ((was & bits) != bits && !(lvt & LVT_MASKED) && m.vector >= 16)
        lapic_receive(l, &m);
}

/* Trigger mode before the request: whoever takes the vector looks at it. */
static void receive_fixed(struct lapic *l, const struct apic_message *m)
{
    if (!(lapic_load(&l->s.svr) & SVR_ENABLE))
        return;
    if (m->vector < 16) {
        lapic_error(l, ESR_RECEIVE_VECTOR);
        return;
    }
    set_bit(l->s.tmr, m->vector, m->is_level);
    set_bit(l->s.irr, m->vector, true);
    tell(l);
}

static void receive_extint(struct lapic *l)
{
    __atomic_store_n(&l->s.extint, 1, __ATOMIC_RELEASE);
    tell(l);
}

void lapic_receive(struct lapic *l, const struct apic_message *m)
{
    if (l->ops == NULL)
        return;
    switch (m->mode) {
    case APIC_FIXED:
    case APIC_LOWEST: receive_fixed(l, m); break;
    case APIC_SMI: l->ops->smi(l->cpu); break;
    case APIC_NMI: l->ops->nmi(l->cpu); break;
    case APIC_INIT: l->ops->init(l->cpu); break;
    case APIC_SIPI: l->ops->sipi(l->cpu, m->vector); break;
    case APIC_EXTINT: receive_extint(l); break;
    default: break;
    }
}

void lapic_nmi(struct device *dev)
{
    struct lapic *l = (struct lapic *)dev;
    l->ops->nmi(l->cpu);
}

static bool pin(const struct lapic *l, unsigned n)
{
    bool low = lapic_load(&l->s.lvt[LVT_LINT0 + n]) & LVT_LOW;
    return (lapic_load(&l->s.lint) >> n & 1) != low;
}

/* A pin of fixed delivery: an edge, or a level that has not been served yet (remote IRR). */
static void pin_fixed(struct lapic *l, unsigned n)
{
    uint32_t *lvt = &l->s.lvt[LVT_LINT0 + n];
    struct apic_message m = {.mode = APIC_FIXED,
                             .is_level = lapic_load(lvt) & LVT_LEVEL,
                             .vector = (uint8_t)lapic_load(lvt)};
    if (m.is_level && (__atomic_fetch_or(lvt, LVT_REMOTE_IRR, __ATOMIC_ACQ_REL) & LVT_REMOTE_IRR))
        return;
    lapic_receive(l, &m);
}

static void pin_rose(struct lapic *l, unsigned n)
{
    uint32_t lvt = lapic_load(&l->s.lvt[LVT_LINT0 + n]);
    struct apic_message m = {.mode = (uint8_t)(lvt >> 8 & 7), .vector = (uint8_t)lvt};
    if (lvt & LVT_MASKED)
        return;
    if (m.mode == APIC_FIXED)
        pin_fixed(l, n);
    else if (m.mode != APIC_EXTINT)
        lapic_receive(l, &m);
}

void lapic_set_lint(void *opaque, unsigned n, bool level)
{
    struct lapic *l = opaque;
    if (n > 1)
        return;
    bool was = pin(l, n);
    set_bit(&l->s.lint, n, level);
    if (!lapic_enabled(l)) { /* the pins are the processor's INTR and NMI */
        if (n == 1 && level && l->ops)
            l->ops->nmi(l->cpu);
    } else if (pin(l, n) && !was) {
        pin_rose(l, n);
    }
    tell(l);
}

void lapic_set_pic(struct device *dev, int (*accept)(void *opaque), void *opaque)
{
    struct lapic *l = (struct lapic *)dev;
    l->pic_accept = accept;
    l->pic = opaque;
}

/* INTR of the 8259 through LINT0, and past a disabled APIC. */
static bool has_external(const struct lapic *l)
{
    uint32_t lvt = lapic_load(&l->s.lvt[LVT_LINT0]);
    if (__atomic_load_n(&l->s.extint, __ATOMIC_ACQUIRE))
        return true;
    if (!lapic_enabled(l))
        return lapic_load(&l->s.lint) & 1;
    return !(lvt & LVT_MASKED) && (lvt >> 8 & 7) == APIC_EXTINT && pin(l, 0);
}

/* The vector to take, -1: none above the processor's priority. */
static int pending(const struct lapic *l)
{
    int v = lapic_enabled(l) && (l->s.svr & SVR_ENABLE) ? highest(l->s.irr) : -1;
    return v >= 0 && ((uint32_t)v & 0xf0) > (lapic_ppr(l) & 0xf0) ? v : -1;
}

static bool lapic_has_interrupt(void *opaque)
{
    const struct lapic *l = opaque;
    return pending(l) >= 0 || has_external(l);
}

static int lapic_accept(void *opaque)
{
    struct lapic *l = opaque;
    int v = pending(l);
    if (v >= 0) {
        /* Acquire: pairs with set_bit(). */
        __atomic_fetch_and(&l->s.irr[v / 32], ~(UINT32_C(1) << v % 32), __ATOMIC_ACQUIRE);
        set_bit(l->s.isr, (unsigned)v, true);
        return v;
    }
    if (!has_external(l) || l->pic_accept == NULL)
        return -1;
    __atomic_store_n(&l->s.extint, 0, __ATOMIC_RELAXED);
    return l->pic_accept(l->pic);
}

/* A pin whose level is still there asks again. */
static void repeat_pins(struct lapic *l, uint8_t vector)
{
    for (unsigned n = 0; n < 2; n++) {
        uint32_t *lvt = &l->s.lvt[LVT_LINT0 + n];
        uint32_t v = lapic_load(lvt);
        if (!(v & LVT_REMOTE_IRR) || (uint8_t)v != vector)
            continue;
        __atomic_fetch_and(lvt, ~(uint32_t)LVT_REMOTE_IRR, __ATOMIC_ACQ_REL);
        if (pin(l, n))
            pin_rose(l, n);
    }
}

/* Ref: 11.8.5. */
void lapic_eoi(struct lapic *l)
{
    int v = highest(l->s.isr);
    if (v < 0)
        return;
    set_bit(l->s.isr, (unsigned)v, false);
    if (test_bit(l->s.tmr, (unsigned)v)) {
        repeat_pins(l, (uint8_t)v);
        if (!(l->s.svr & SVR_NO_BROADCAST))
            apic_bus_eoi(l->bus, (uint8_t)v);
    }
    if (pending(l) >= 0)
        tell(l);
}

static unsigned lapic_get_tpr(void *opaque)
{
    return ((struct lapic *)opaque)->s.tpr >> 4;
}

static void lapic_set_tpr(void *opaque, unsigned cr8)
{
    lapic_write(opaque, LAPIC_TPR, (cr8 & 15) << 4);
}

/* What power-up and INIT set alike; the ID, the base and the pins' levels stay.  Ref: 11.4.7. */
static void init_registers(struct lapic *l)
{
    struct lapic_state *s = &l->s;
    struct lapic_state fresh = {.base = s->base,
                                .id = s->id,
                                .lint = s->lint,
                                .dfr = UINT32_MAX,
                                .svr = DEFAULT_SVR,
                                .next = -1};
    for (unsigned i = 0; i < LVTS; i++)
        fresh.lvt[i] = LVT_MASKED;
    /* QUIRK: the boot processor gets the 8259's interrupts although no firmware has asked. */
    if (s->base & APIC_BASE_BSP)
        fresh.lvt[LVT_LINT0] = EXTINT_LVT;
    if (s->base & APIC_BASE_X2APIC)
        fresh.ldr = l->apic_id >> 4 << 16 | UINT32_C(1) << (l->apic_id & 15);
    *s = fresh;
}

static void lapic_init_signal(void *opaque)
{
    struct lapic *l = opaque;
    mutex_lock(&l->dev.lock);
    init_registers(l);
    lapic_timer_arm(l);
    mutex_unlock(&l->dev.lock);
}

const struct apic_ops lapic_ops = {
    .has_interrupt = lapic_has_interrupt,
    .accept = lapic_accept,
    .get_tpr = lapic_get_tpr,
    .set_tpr = lapic_set_tpr,
    .msr_read = lapic_msr_read,
    .msr_write = lapic_msr_write,
    .init = lapic_init_signal,
};

void lapic_attach(struct device *dev, struct device *bus, struct cpu *cpu,
                  const struct apic_cpu_ops *ops)
{
    struct lapic *l = (struct lapic *)dev;
    l->bus = (struct apic_bus *)bus;
    l->cpu = cpu;
    l->ops = ops;
}

static void print_vectors(const char *name, const uint32_t *words, FILE *f)
{
    fprintf(f, "%s ", name);
    for (unsigned v = 0; v < 256; v++)
        if (test_bit(words, v))
            fprintf(f, " %u", v);
    fprintf(f, highest(words) < 0 ? " (none)\n" : "\n");
}

static uint32_t lapic_id(const struct device *dev)
{
    return ((const struct lapic *)dev)->apic_id;
}

static void lapic_print(struct device *dev, FILE *f)
{
    static const char *const names[] = {"LVTT", "LVTTHMR", "LVTPC", "LVT0", "LVT1", "LVTERR"};
    const struct lapic_state *s = &((struct lapic *)dev)->s;
    mutex_lock(&dev->lock);
    fprintf(f, "local APIC %u: base %#llx, SPIV %#x, TPR %#x, ESR %#x, ICR %#llx\n",
            ((struct lapic *)dev)->apic_id, (unsigned long long)s->base, s->svr, s->tpr, s->esr,
            (unsigned long long)s->icr);
    fprintf(f, "LDR %#x, DFR %#x\n", s->ldr, s->dfr);
    for (unsigned i = 0; i < LVTS; i++)
        fprintf(f, "%-8s %#010x\n", names[i], s->lvt[i]);
    fprintf(f, "timer: divide %#x, initial count %u, current count %u\n", s->divide, s->initial,
            lapic_timer_current((struct lapic *)dev));
    print_vectors("ISR", s->isr, f);
    print_vectors("IRR", s->irr, f);
    mutex_unlock(&dev->lock);
}

static bool lapic_realize(struct device *dev, struct error **errp)
{
    struct lapic *l = (struct lapic *)dev;
    if (l->bus == NULL || l->ops == NULL) {
        error_set(errp, "needs a processor and a bus to others");
        return false;
    }
    lapic_timer_init(l);
    apic_bus_add(l->bus, l);
    return true;
}

static void lapic_unrealize(struct device *dev)
{
    timer_cancel(&((struct lapic *)dev)->timer);
}

static void lapic_reset(struct device *dev)
{
    struct lapic *l = (struct lapic *)dev;
    l->s.base = APIC_DEFAULT_BASE | APIC_BASE_ENABLE;
    if (l->cpu && l->cpu->index == 0)
        l->s.base |= APIC_BASE_BSP;
    l->s.id = l->apic_id & 0xff;
    init_registers(l);
}

static void lapic_loaded(struct device *dev)
{
    struct lapic_state *s = &((struct lapic *)dev)->s;
    s->divide &= 0xb;
    if (s->next > INT64_MAX / 4)
        s->next = -1;
    if (s->start > clock_now() || s->start < 0)
        s->start = clock_now();
}

static void lapic_sync(struct device *dev)
{
    struct lapic *l = (struct lapic *)dev;
    lapic_timer_arm(l);
    if (lapic_has_interrupt(l))
        tell(l);
}

static const struct state_field lapic_state[] = {
    STATE(lapic, base, 0),
    STATE(lapic, icr, 0),
    STATE(lapic, deadline, 0),
    STATE(lapic, start, 0),
    STATE(lapic, next, UINT64_MAX),
    STATE(lapic, id, 0),
    STATE(lapic, tpr, 0),
    STATE(lapic, ldr, 0),
    STATE(lapic, dfr, UINT32_MAX),
    STATE(lapic, svr, DEFAULT_SVR),
    STATE(lapic, esr, 0),
    STATE(lapic, esr_pending, 0),
    STATE_ARRAY(lapic, lvt, LVT_MASKED),
    STATE(lapic, initial, 0),
    STATE(lapic, divide, 0),
    STATE_ARRAY(lapic, isr, 0),
    STATE_ARRAY(lapic, tmr, 0),
    STATE_ARRAY(lapic, irr, 0),
    STATE_KEEP(lapic, lint),
    STATE(lapic, extint, 0),
    STATE(lapic, pad, 0),
    STATE_END,
};

static const struct prop lapic_props[] = {
    PROP(prop_uint32, lapic, "id", apic_id, "0", "APIC ID"),
    PROP(prop_bool, lapic, "x2apic", x2apic, "on", "its mode may be x2APIC"),
    PROP(prop_bool, lapic, "tsc-deadline", tsc_deadline, "on", "its timer has that mode"),
    PROP_END,
};

static const struct intc_view lapic_view = {.print = lapic_print, .apic_id = lapic_id};

DEVICE_CLASS_NAMED(lapic, "apic") = {
    .desc = "Local APIC of an x86 processor",
    .props = lapic_props,
    .state = lapic_state,
    .realize = lapic_realize,
    .unrealize = lapic_unrealize,
    .reset = lapic_reset,
    .loaded = lapic_loaded,
    .sync = lapic_sync,
    .intc = &lapic_view,
};
