/*
 * Registers of the local APIC, in memory and as MSRs.
 * Ref: Intel SDM volume 3, 11.4 (registers), 11.5.1 (LVT), 11.12 (x2APIC).
 */
#include "hw/intc/lapic_priv.h"
#include "util/bits.h"

enum { VERSION = 0x14, MAX_LVT_SHIFT = 16, CAN_SUPPRESS_EOI = 1 << 24 };
enum { SVR_MASK = SVR_ENABLE | SVR_NO_BROADCAST | 0x200 | 0xff };
enum { ICR_STATUS = 1 << 12 };
static const uint64_t ICR_LOW_MASK = 0xccfff, ICR_RESERVED = 0xfff33000;
static const uint64_t BASE_RESERVED = 0xfff00000000002ff;

/* Bits that software may set in each LVT entry. */
static const uint32_t lvt_mask[LVTS] = {
    [LVT_TIMER] = LVT_MASKED | 3 << 17 | 0xff,
    [LVT_THERMAL] = LVT_MASKED | 0x7ff,
    [LVT_PERF] = LVT_MASKED | 0x7ff,
    [LVT_LINT0] = LVT_MASKED | LVT_LEVEL | LVT_LOW | 0x7ff,
    [LVT_LINT1] = LVT_MASKED | LVT_LEVEL | LVT_LOW | 0x7ff,
    [LVT_ERROR] = LVT_MASKED | 0xff,
};

static uint32_t id_register(const struct lapic *l)
{
    return lapic_is_x2(l) ? l->apic_id : l->s.id << 24;
}

bool lapic_read(struct lapic *l, unsigned reg, uint32_t *v)
{
    const struct lapic_state *s = &l->s;
    switch (reg) {
    case LAPIC_ID: *v = id_register(l); return true;
    case LAPIC_VERSION: *v = VERSION | (LVTS - 1) << MAX_LVT_SHIFT | CAN_SUPPRESS_EOI; return true;
    case LAPIC_TPR: *v = s->tpr; return true;
    case LAPIC_PPR: *v = lapic_ppr(l); return true;
    case LAPIC_APR:
    case LAPIC_EOI:
    case LAPIC_RRD: *v = 0; return true;
    case LAPIC_LDR: *v = s->ldr; return true;
    case LAPIC_DFR: *v = s->dfr; return true;
    case LAPIC_SVR: *v = s->svr; return true;
    case LAPIC_ESR: *v = s->esr; return true;
    case LAPIC_ICR: *v = (uint32_t)s->icr; return true;
    case LAPIC_ICR_HIGH: *v = (uint32_t)(s->icr >> 32); return true;
    case LAPIC_INITIAL: *v = s->initial; return true;
    case LAPIC_CURRENT: *v = lapic_timer_current(l); return true;
    case LAPIC_DIVIDE: *v = s->divide; return true;
    default: break;
    }
    if (reg >= LAPIC_LVT && reg < LAPIC_LVT + LVTS)
        *v = lapic_load(&s->lvt[reg - LAPIC_LVT]);
    else if (reg >= LAPIC_ISR && reg < LAPIC_ISR + 8)
        *v = s->isr[reg - LAPIC_ISR];
    else if (reg >= LAPIC_TMR && reg < LAPIC_TMR + 8)
        *v = lapic_load(&s->tmr[reg - LAPIC_TMR]);
    else if (reg >= LAPIC_IRR && reg < LAPIC_IRR + 8)
        *v = lapic_load(&s->irr[reg - LAPIC_IRR]);
    else
        return false;
    return true;
}

static void store(uint32_t *p, uint32_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELAXED); /* pairs with lapic_load() in other threads */
}

static void write_lvt(struct lapic *l, unsigned n, uint32_t v)
{
    uint32_t kept = lapic_load(&l->s.lvt[n]) & LVT_REMOTE_IRR;
    v &= lvt_mask[n];
    if (!(l->s.svr & SVR_ENABLE)) /* software-disabled: they stay masked */
        v |= LVT_MASKED;
    if (n == LVT_TIMER && !l->tsc_deadline)
        v &= ~(UINT32_C(2) << 17);
    mutex_lock(&l->dev.lock);
    if (n == LVT_TIMER)
        lapic_timer_lvt(l, v);
    else
        store(&l->s.lvt[n], v | (v & LVT_LEVEL ? kept : 0));
    mutex_unlock(&l->dev.lock);
    l->ops->interrupt(l->cpu);
}

static void write_svr(struct lapic *l, uint32_t v)
{
    bool was = l->s.svr & SVR_ENABLE;
    store(&l->s.svr, v & SVR_MASK);
    if (was && !(v & SVR_ENABLE))
        for (unsigned i = 0; i < LVTS; i++)
            write_lvt(l, i, lapic_load(&l->s.lvt[i]));
    l->ops->interrupt(l->cpu);
}

static void write_tpr(struct lapic *l, uint32_t v)
{
    uint32_t was = l->s.tpr;
    store(&l->s.tpr, v & 0xff);
    if ((v & 0xf0) < (was & 0xf0))
        l->ops->interrupt(l->cpu);
}

/* Writing makes what happened since the last time readable. */
static void write_esr(struct lapic *l)
{
    l->s.esr = __atomic_exchange_n(&l->s.esr_pending, 0, __ATOMIC_RELAXED);
}

static void write_timer(struct lapic *l, unsigned reg, uint32_t v)
{
    mutex_lock(&l->dev.lock);
    if (reg == LAPIC_INITIAL)
        lapic_timer_load(l, v);
    else
        lapic_timer_divide(l, v);
    mutex_unlock(&l->dev.lock);
}

bool lapic_write(struct lapic *l, unsigned reg, uint32_t v)
{
    struct lapic_state *s = &l->s;
    switch (reg) {
    case LAPIC_ID: store(&s->id, v >> 24); return true;
    case LAPIC_TPR: write_tpr(l, v); return true;
    case LAPIC_EOI: lapic_eoi(l); return true;
    case LAPIC_LDR: store(&s->ldr, v & 0xff000000); return true;
    case LAPIC_DFR: store(&s->dfr, v | 0x0fffffff); return true;
    case LAPIC_SVR: write_svr(l, v); return true;
    case LAPIC_ESR: write_esr(l); return true;
    case LAPIC_ICR:
        s->icr = (s->icr & ~UINT64_C(0xffffffff)) | (v & ICR_LOW_MASK & ~(uint64_t)ICR_STATUS);
        apic_bus_ipi(l->bus, l, s->icr);
        return true;
    case LAPIC_ICR_HIGH: s->icr = deposit64(s->icr, 32, 32, v & 0xff000000); return true;
    case LAPIC_INITIAL:
    case LAPIC_DIVIDE: write_timer(l, reg, v); return true;
    case LAPIC_VERSION: /* read-only */
    case LAPIC_APR:
    case LAPIC_PPR:
    case LAPIC_RRD:
    case LAPIC_CURRENT: return true;
    default: break;
    }
    if (reg >= LAPIC_LVT && reg < LAPIC_LVT + LVTS)
        write_lvt(l, reg - LAPIC_LVT, v);
    else
        return reg >= LAPIC_ISR && reg < LAPIC_IRR + 8;
    return true;
}

/* --- MSRs --- */

static bool x2_read(struct lapic *l, unsigned reg, uint64_t *v)
{
    uint32_t low = 0;
    if (reg == LAPIC_ICR) {
        *v = l->s.icr;
        return true;
    }
    bool absent = reg == LAPIC_APR || reg == LAPIC_EOI || reg == LAPIC_RRD || reg == LAPIC_DFR ||
                  reg == LAPIC_ICR_HIGH || reg == LAPIC_SELF_IPI;
    if (absent || !lapic_read(l, reg, &low))
        return false;
    *v = low;
    return true;
}

/* Bits that must be zero in what is written, all for what cannot be written.  Ref: table 11-6. */
static uint64_t x2_reserved(unsigned reg)
{
    switch (reg) {
    case LAPIC_TPR:
    case LAPIC_SELF_IPI: return ~UINT64_C(0xff);
    case LAPIC_SVR: return ~(uint64_t)SVR_MASK;
    case LAPIC_ICR: return ICR_RESERVED;
    case LAPIC_INITIAL: return ~UINT64_C(0xffffffff);
    case LAPIC_DIVIDE: return ~UINT64_C(0xb);
    default: break;
    }
    if (reg >= LAPIC_LVT && reg < LAPIC_LVT + LVTS)
        return ~(uint64_t)(lvt_mask[reg - LAPIC_LVT] | LVT_REMOTE_IRR | ICR_STATUS);
    return UINT64_MAX; /* EOI and ESR take 0 */
}

static bool x2_is_writable(unsigned reg)
{
    return reg == LAPIC_EOI || reg == LAPIC_ESR || x2_reserved(reg) != UINT64_MAX;
}

static bool x2_write(struct lapic *l, unsigned reg, uint64_t v)
{
    if (!x2_is_writable(reg) || (v & x2_reserved(reg)))
        return false;
    if (reg == LAPIC_ICR) {
        l->s.icr = v;
        apic_bus_ipi(l->bus, l, v);
        return true;
    }
    if (reg == LAPIC_SELF_IPI) {
        struct apic_message m = {.mode = APIC_FIXED, .vector = (uint8_t)v};
        if (m.vector < 16)
            lapic_error(l, ESR_SEND_VECTOR);
        else
            lapic_receive(l, &m);
        return true;
    }
    return lapic_write(l, reg, (uint32_t)v);
}

/* Between off, xAPIC and x2APIC.  Ref: figure 11-27 (state transitions). */
static bool may_change_mode(const struct lapic *l, uint64_t v)
{
    bool on = v & APIC_BASE_ENABLE, x2 = v & APIC_BASE_X2APIC;
    bool was_on = lapic_enabled(l), was_x2 = lapic_is_x2(l);
    if (x2 && (!on || !l->x2apic))
        return false;
    if (was_x2)
        return x2 || !on;
    return !x2 || was_on;
}

static bool write_base(struct lapic *l, uint64_t v)
{
    bool was_on = lapic_enabled(l), was_x2 = lapic_is_x2(l);
    if ((v & BASE_RESERVED) || !may_change_mode(l, v))
        return false;
    __atomic_store_n(&l->s.base, v, __ATOMIC_RELAXED); /* pairs with lapic_enabled() */
    if (was_on && !(v & APIC_BASE_ENABLE)) {
        lapic_ops.init(l);
        store(&l->s.id, l->apic_id & 0xff);
    }
    if (!was_x2 && lapic_is_x2(l))
        store(&l->s.ldr, l->apic_id >> 4 << 16 | UINT32_C(1) << (l->apic_id & 15));
    if (lapic_enabled(l) && !lapic_is_x2(l))
        apic_bus_move(l->bus, v & ~UINT64_C(0xfff));
    l->ops->interrupt(l->cpu);
    return true;
}

bool lapic_msr_read(void *opaque, uint32_t msr, uint64_t *v)
{
    struct lapic *l = opaque;
    if (msr == MSR_IA32_APIC_BASE) {
        *v = l->s.base;
        return true;
    }
    if (msr == MSR_IA32_TSC_DEADLINE) {
        *v = lapic_timer_is_deadline(l) ? l->s.deadline : 0;
        return l->tsc_deadline;
    }
    if (msr < MSR_X2APIC_FIRST || msr > MSR_X2APIC_LAST || !lapic_is_x2(l))
        return false;
    return x2_read(l, msr - MSR_X2APIC_FIRST, v);
}

bool lapic_msr_write(void *opaque, uint32_t msr, uint64_t v)
{
    struct lapic *l = opaque;
    if (msr == MSR_IA32_APIC_BASE)
        return write_base(l, v);
    if (msr == MSR_IA32_TSC_DEADLINE) {
        mutex_lock(&l->dev.lock);
        lapic_timer_deadline(l, v);
        mutex_unlock(&l->dev.lock);
        return l->tsc_deadline;
    }
    if (msr < MSR_X2APIC_FIRST || msr > MSR_X2APIC_LAST || !lapic_is_x2(l))
        return false;
    return x2_write(l, msr - MSR_X2APIC_FIRST, v);
}
