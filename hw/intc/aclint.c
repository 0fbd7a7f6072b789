/*
 * RISC-V ACLINT: MTIMER (machine timers) and MSWI/SSWI (software interrupts); together they make a
 * SiFive CLINT. Ref: RISC-V Advanced Core Local Interruptor Specification 1.0-rc4; SiFive FU540
 * manual, chapter 9.
 */
#include "hw/intc/aclint.h"
#include "core/clock.h"

#include <glib.h>

enum { MTIMER_SIZE = 0x8000, MTIME = 0x7ff8, MTIMER_SLOTS = MTIME / 8 };
enum { SWI_SIZE = 0x4000 };

struct aclint_mtimer;
struct hart_timer {
    struct aclint_mtimer *owner;
    unsigned hart;
    struct timer timer;
    struct irq irq;
};

struct aclint_mtimer {
    struct device dev;
    uint32_t num_harts;
    struct hart_timer *harts; /* num_harts of them */
    void (*on_offset)(void *opaque, int64_t ticks);
    void *on_offset_opaque;
    struct aclint_mtimer_state {
        int64_t offset; /* of mtime, in ticks of virtual time */
        uint64_t mtimecmp[ACLINT_MAX_HARTS];
    } s;
};

struct aclint_swi {
    struct device dev;
    uint32_t num_harts;
    bool sswi; /* SETSSIP: reads zero and only sets, the hart clears sip.SSIP itself */
    struct irq *lines;
    struct aclint_swi_state {
        uint8_t msip[ACLINT_MAX_HARTS];
    } s;
};

static uint64_t mtime(const struct aclint_mtimer *c)
{
    return (uint64_t)(clock_now() / ACLINT_NS_PER_TICK) + (uint64_t)c->s.offset;
}

/* Virtual time at which mtime reaches cmp; INT64_MAX when that is beyond it. */
static ns_t deadline(const struct aclint_mtimer *c, uint64_t cmp)
{
    uint64_t ticks = cmp - (uint64_t)c->s.offset;
    return ticks > INT64_MAX / ACLINT_NS_PER_TICK ? INT64_MAX : (ns_t)ticks * ACLINT_NS_PER_TICK;
}

/* MTIP is mtime >= mtimecmp; while it is low, a timer waits for the moment it rises. */
static void update_hart(struct hart_timer *h)
{
    struct aclint_mtimer *c = h->owner;
    uint64_t cmp = c->s.mtimecmp[h->hart];
    bool due = mtime(c) >= cmp;
    ns_t when = due ? INT64_MAX : deadline(c, cmp);
    if (when == INT64_MAX)
        timer_cancel(&h->timer);
    else
        timer_set(&h->timer, when);
    irq_set(&h->irq, due);
}

static void timer_fired(void *opaque)
{
    update_hart(opaque);
}

static void aclint_mtimer_sync(struct device *dev)
{
    struct aclint_mtimer *c = (struct aclint_mtimer *)dev;
    if (c->on_offset)
        c->on_offset(c->on_offset_opaque, c->s.offset);
    for (unsigned i = 0; i < c->num_harts; i++)
        update_hart(&c->harts[i]);
}

/* The 64-bit register that holds off, or NULL; *is_mtime tells the one that is not stored. */
static uint64_t *register_at(struct aclint_mtimer *c, uint64_t off, bool *is_mtime)
{
    *is_mtime = off >= MTIME;
    if (*is_mtime)
        return NULL;
    return off / 8 < c->num_harts ? &c->s.mtimecmp[off / 8] : NULL;
}

static uint64_t aclint_mtimer_read(struct device *dev, struct access a)
{
    struct aclint_mtimer *c = (struct aclint_mtimer *)dev;
    bool is_mtime;
    const uint64_t *reg = register_at(c, a.off, &is_mtime);
    uint64_t v = is_mtime ? mtime(c) : reg ? *reg : 0;
    return a.size == 8 ? v : (uint32_t)(a.off & 4 ? v >> 32 : v);
}

static uint64_t merge(uint64_t old, struct access a, uint64_t val)
{
    if (a.size == 8)
        return val;
    return a.off & 4 ? (uint32_t)old | val << 32 : (old & ~UINT64_C(0xffffffff)) | (uint32_t)val;
}

static void aclint_mtimer_write(struct device *dev, struct access a, uint64_t val)
{
    struct aclint_mtimer *c = (struct aclint_mtimer *)dev;
    bool is_mtime;
    uint64_t *reg = register_at(c, a.off, &is_mtime);
    if (is_mtime) {
        uint64_t t = mtime(c);
        c->s.offset = (int64_t)((uint64_t)c->s.offset + merge(t, a, val) - t);
        aclint_mtimer_sync(dev);
    } else if (reg) {
        *reg = merge(*reg, a, val);
        update_hart(&c->harts[a.off / 8]);
    } else {
        dev_guest_error(dev, "write to mtimecmp of hart %u, which does not exist",
                        (unsigned)(a.off / 8));
    }
}

static bool check_harts(uint32_t n, unsigned max, struct error **errp)
{
    if (n >= 1 && n <= max)
        return true;
    error_set(errp, "num-harts is %u, must be 1 to %u", n, max);
    return false;
}

/* Allocated on first use, so that boards can wire lines before realize. */
static struct hart_timer *hart_timer(struct aclint_mtimer *c, unsigned hart)
{
    if (c->harts == NULL) {
        c->harts = g_new0(struct hart_timer, c->num_harts);
        for (unsigned i = 0; i < c->num_harts; i++) {
            struct hart_timer *h = &c->harts[i];
            h->owner = c;
            h->hart = i;
            timer_init(&h->timer, &c->dev.lock, timer_fired, h);
        }
    }
    return &c->harts[hart];
}

struct irq *aclint_mtimer_irq(struct device *dev, unsigned hart)
{
    return &hart_timer((struct aclint_mtimer *)dev, hart)->irq;
}

void aclint_mtimer_on_offset(struct device *dev, void (*fn)(void *opaque, int64_t ticks),
                             void *opaque)
{
    struct aclint_mtimer *c = (struct aclint_mtimer *)dev;
    c->on_offset = fn;
    c->on_offset_opaque = opaque;
}

static bool aclint_mtimer_realize(struct device *dev, struct error **errp)
{
    struct aclint_mtimer *c = (struct aclint_mtimer *)dev;
    if (!check_harts(c->num_harts, ACLINT_MAX_HARTS, errp))
        return false;
    hart_timer(c, 0);
    return true;
}

static void aclint_mtimer_unrealize(struct device *dev)
{
    struct aclint_mtimer *c = (struct aclint_mtimer *)dev;
    for (unsigned i = 0; c->harts && i < c->num_harts; i++)
        timer_cancel(&c->harts[i].timer);
    g_free(c->harts);
    c->harts = NULL;
}

static const struct state_field aclint_mtimer_state[] = {
    STATE(aclint_mtimer, offset, 0),
    STATE_ARRAY(aclint_mtimer, mtimecmp, UINT64_MAX), /* no interrupt until software asks */
    STATE_END,
};

static const struct prop aclint_mtimer_props[] = {
    PROP(prop_uint32, aclint_mtimer, "num-harts", num_harts, "1", "harts served"),
    PROP_END,
};

DEVICE_CLASS_NAMED(aclint_mtimer, "riscv.aclint.mtimer") = {
    .desc = "RISC-V ACLINT machine timer",
    .compatible = "riscv,aclint-mtimer",
    .mmio = {aclint_mtimer_read, aclint_mtimer_write, .min = 4, .max = 8, .size = MTIMER_SIZE},
    .props = aclint_mtimer_props,
    .state = aclint_mtimer_state,
    .realize = aclint_mtimer_realize,
    .unrealize = aclint_mtimer_unrealize,
    .sync = aclint_mtimer_sync,
};

static uint64_t aclint_swi_read(struct device *dev, struct access a)
{
    struct aclint_swi *c = (struct aclint_swi *)dev;
    uint64_t hart = a.off / 4;
    return hart < c->num_harts && !c->sswi ? c->s.msip[hart] : 0;
}

static void aclint_swi_write(struct device *dev, struct access a, uint64_t val)
{
    struct aclint_swi *c = (struct aclint_swi *)dev;
    uint64_t hart = a.off / 4;
    if (hart >= c->num_harts) {
        dev_guest_error(dev, "write for hart %u, which does not exist", (unsigned)hart);
    } else if (c->sswi) {
        if (val & 1) /* an edge: the bit in the hart stays until the hart clears it */
            irq_pulse(&c->lines[hart]);
    } else {
        c->s.msip[hart] = val & 1;
        irq_set(&c->lines[hart], val & 1);
    }
}

static void aclint_swi_sync(struct device *dev)
{
    struct aclint_swi *c = (struct aclint_swi *)dev;
    for (unsigned i = 0; c->lines && i < c->num_harts; i++)
        irq_set(&c->lines[i], c->s.msip[i]);
}

struct irq *aclint_swi_irq(struct device *dev, unsigned hart)
{
    struct aclint_swi *c = (struct aclint_swi *)dev;
    if (c->lines == NULL)
        c->lines = g_new0(struct irq, c->num_harts);
    return &c->lines[hart];
}

static bool aclint_swi_realize(struct device *dev, struct error **errp)
{
    struct aclint_swi *c = (struct aclint_swi *)dev;
    if (!check_harts(c->num_harts, ACLINT_MAX_HARTS, errp))
        return false;
    aclint_swi_irq(dev, 0);
    return true;
}

static void aclint_swi_unrealize(struct device *dev)
{
    struct aclint_swi *c = (struct aclint_swi *)dev;
    g_free(c->lines);
    c->lines = NULL;
}

static const struct state_field aclint_swi_state[] = {
    STATE_ARRAY(aclint_swi, msip, 0),
    STATE_END,
};

static const struct prop aclint_swi_props[] = {
    PROP(prop_uint32, aclint_swi, "num-harts", num_harts, "1", "harts served"),
    PROP(prop_bool, aclint_swi, "sswi", sswi, "off", "supervisor instead of machine interrupts"),
    PROP_END,
};

DEVICE_CLASS_NAMED(aclint_swi, "riscv.aclint.swi") = {
    .desc = "RISC-V ACLINT software interrupts",
    .compatible = "riscv,aclint-mswi",
    .mmio = {aclint_swi_read, aclint_swi_write, .min = 4, .max = 4, .size = SWI_SIZE},
    .props = aclint_swi_props,
    .state = aclint_swi_state,
    .realize = aclint_swi_realize,
    .unrealize = aclint_swi_unrealize,
    .sync = aclint_swi_sync,
};
