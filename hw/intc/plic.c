/*
 * SiFive platform-level interrupt controller.
 * Ref: RISC-V Platform-Level Interrupt Controller Specification 1.0.0; SiFive FU540 manual,
 * chapter 10.
 */
#include "hw/intc/plic.h"

#include <glib.h>

enum { PRIORITY = 0x0, PENDING = 0x1000, ENABLE = 0x2000, CONTEXT = 0x200000, END = 0x600000 };
enum { ENABLE_STRIDE = 0x80, CONTEXT_STRIDE = 0x1000 };
enum { CONTEXT_THRESHOLD = 0, CONTEXT_CLAIM = 4 };
enum { WORDS = PLIC_SOURCES / 32, PRIORITY_MASK = 7 };

struct plic {
    struct device dev;
    uint32_t num_contexts;
    struct irq *outputs;
    struct plic_state {
        uint32_t level[WORDS];   /* inputs; devices drive them again after a reset */
        uint32_t pending[WORDS]; /* the gateway forwarded a request */
        uint32_t claimed[WORDS]; /* being serviced: the gateway forwards nothing more */
        uint32_t enable[PLIC_MAX_CONTEXTS][WORDS];
        uint8_t priority[PLIC_SOURCES];
        uint8_t threshold[PLIC_MAX_CONTEXTS];
    } s;
};

static bool bit(const uint32_t *words, unsigned n)
{
    return words[n / 32] >> n % 32 & 1;
}

static void set_bit(uint32_t *words, unsigned n, bool v)
{
    uint32_t mask = UINT32_C(1) << n % 32;
    words[n / 32] = v ? words[n / 32] | mask : words[n / 32] & ~mask;
}

/* The pending and enabled source of the highest priority above floor; the lowest number wins a tie;
 * 0: none. */
static unsigned best_source(const struct plic_state *s, unsigned context, unsigned floor)
{
    unsigned best = 0, best_priority = floor;
    for (unsigned w = 0; w < WORDS; w++) {
        uint32_t candidates = s->pending[w] & s->enable[context][w];
        for (; candidates; candidates &= candidates - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(candidates);
            if (s->priority[n] > best_priority) {
                best = n;
                best_priority = s->priority[n];
            }
        }
    }
    return best;
}

/* Level gateways: a high input that is not being serviced is a request; a request stays when the
 * input falls. */
static void run_gateways(struct plic_state *s)
{
    for (unsigned w = 0; w < WORDS; w++)
        s->pending[w] |= s->level[w] & ~s->claimed[w];
    s->pending[0] &= ~UINT32_C(1);
}

static void update_context(struct plic *p, unsigned context)
{
    irq_set(&p->outputs[context], best_source(&p->s, context, p->s.threshold[context]) != 0);
}

static void plic_sync(struct device *dev)
{
    struct plic *p = (struct plic *)dev;
    run_gateways(&p->s);
    for (unsigned i = 0; p->outputs && i < p->num_contexts; i++)
        update_context(p, i);
}

void plic_set_input(void *opaque, unsigned n, bool level)
{
    struct plic *p = opaque;
    if (n >= PLIC_SOURCES)
        return;
    mutex_lock(&p->dev.lock);
    set_bit(p->s.level, n, level);
    if (level && !bit(p->s.pending, n))
        plic_sync(&p->dev);
    mutex_unlock(&p->dev.lock);
}

/* A claim does not look at the threshold (specification chapter 9), but priority 0 never
 * interrupts. */
static uint32_t claim(struct plic *p, unsigned context, bool peek)
{
    unsigned n = best_source(&p->s, context, 0);
    if (n && !peek) {
        set_bit(p->s.pending, n, false);
        set_bit(p->s.claimed, n, true);
        plic_sync(&p->dev);
    }
    return n;
}

/* Ignored unless the source is enabled for the context (specification chapter 10). */
static void complete(struct plic *p, unsigned context, uint64_t n)
{
    if (n == 0 || n >= PLIC_SOURCES || !bit(p->s.enable[context], n)) {
        dev_guest_error(&p->dev, "completion of source %u, which context %u has not enabled",
                        (unsigned)n, context);
        return;
    }
    set_bit(p->s.claimed, n, false);
    plic_sync(&p->dev);
}

/* The enable word at off, or NULL. */
static uint32_t *enable_word(struct plic *p, uint64_t off)
{
    uint64_t context = (off - ENABLE) / ENABLE_STRIDE, word = (off - ENABLE) % ENABLE_STRIDE / 4;
    return context < p->num_contexts && word < WORDS ? &p->s.enable[context][word] : NULL;
}

static uint64_t read_context(struct plic *p, uint64_t off, bool peek)
{
    unsigned context = (unsigned)((off - CONTEXT) / CONTEXT_STRIDE);
    if (context >= p->num_contexts)
        return 0;
    switch ((off - CONTEXT) % CONTEXT_STRIDE) {
    case CONTEXT_THRESHOLD: return p->s.threshold[context];
    case CONTEXT_CLAIM: return claim(p, context, peek);
    default: return 0;
    }
}

static uint64_t plic_read(struct device *dev, struct access a)
{
    struct plic *p = (struct plic *)dev;
    if (a.off >= CONTEXT)
        return read_context(p, a.off, a.peek);
    if (a.off >= ENABLE) {
        const uint32_t *word = enable_word(p, a.off);
        return word ? *word : 0;
    }
    if (a.off >= PENDING)
        return a.off - PENDING < sizeof(p->s.pending) ? p->s.pending[(a.off - PENDING) / 4] : 0;
    return a.off / 4 < PLIC_SOURCES ? p->s.priority[a.off / 4] : 0;
}

static bool write_context(struct plic *p, uint64_t off, uint64_t val)
{
    unsigned context = (unsigned)((off - CONTEXT) / CONTEXT_STRIDE);
    if (context >= p->num_contexts)
        return false;
    switch ((off - CONTEXT) % CONTEXT_STRIDE) {
    case CONTEXT_THRESHOLD:
        p->s.threshold[context] = val & PRIORITY_MASK;
        update_context(p, context);
        return true;
    case CONTEXT_CLAIM: complete(p, context, (uint32_t)val); return true;
    default: return false;
    }
}

static bool write_enable(struct plic *p, uint64_t off, uint64_t val)
{
    uint32_t *word = enable_word(p, off);
    if (word == NULL)
        return false;
    bool first = (off - ENABLE) % ENABLE_STRIDE == 0;
    *word = first ? (uint32_t)val & ~UINT32_C(1) : (uint32_t)val;
    update_context(p, (unsigned)((off - ENABLE) / ENABLE_STRIDE));
    return true;
}

static bool write_priority(struct plic *p, uint64_t off, uint64_t val)
{
    uint64_t n = off / 4;
    if (n == 0 || n >= PLIC_SOURCES)
        return false;
    p->s.priority[n] = val & PRIORITY_MASK;
    plic_sync(&p->dev);
    return true;
}

static void plic_write(struct device *dev, struct access a, uint64_t val)
{
    struct plic *p = (struct plic *)dev;
    bool ok = a.off >= CONTEXT   ? write_context(p, a.off, val)
              : a.off >= ENABLE  ? write_enable(p, a.off, val)
              : a.off >= PENDING ? false /* read only */
                                 : write_priority(p, a.off, val);
    if (!ok)
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
}

struct irq *plic_output(struct device *dev, unsigned context)
{
    struct plic *p = (struct plic *)dev;
    if (p->outputs == NULL)
        p->outputs = g_new0(struct irq, p->num_contexts);
    return &p->outputs[context];
}

static bool plic_realize(struct device *dev, struct error **errp)
{
    struct plic *p = (struct plic *)dev;
    if (p->num_contexts < 1 || p->num_contexts > PLIC_MAX_CONTEXTS) {
        error_set(errp, "num-contexts is %u, must be 1 to %d", p->num_contexts, PLIC_MAX_CONTEXTS);
        return false;
    }
    plic_output(dev, 0);
    return true;
}

static void plic_unrealize(struct device *dev)
{
    struct plic *p = (struct plic *)dev;
    g_free(p->outputs);
    p->outputs = NULL;
}

static const struct state_field plic_state[] = {
    {"level", offsetof(struct plic, s.level), sizeof(((struct plic *)0)->s.level), 4, 0, true},
    STATE_ARRAY(plic, pending, 0),
    STATE_ARRAY(plic, claimed, 0),
    {"enable", offsetof(struct plic, s.enable), sizeof(((struct plic *)0)->s.enable), 4, 0, false},
    STATE_ARRAY(plic, priority, 0),
    STATE_ARRAY(plic, threshold, 0),
    STATE_END,
};

static const struct prop plic_props[] = {
    PROP(prop_uint32, plic, "num-contexts", num_contexts, "2",
         "contexts (privilege modes of harts)"),
    PROP_END,
};

DEVICE_CLASS_NAMED(plic, "riscv.sifive.plic") = {
    .desc = "SiFive platform-level interrupt controller",
    .compatible = "sifive,plic-1.0.0",
    .mmio = {plic_read, plic_write, .min = 4, .max = 4, .size = END},
    .props = plic_props,
    .state = plic_state,
    .realize = plic_realize,
    .unrealize = plic_unrealize,
    .sync = plic_sync,
};
