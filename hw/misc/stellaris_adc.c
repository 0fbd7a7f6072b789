/*
 * Analog-to-digital converter of Stellaris microcontrollers.
 * Ref: LM3S6965 data sheet, chapter 12.
 *
 * A conversion takes no time.  The analog inputs are at ground; the temperature is 25 degrees.
 */
#include "hw/stellaris.h"

#include <string.h>

enum {
    ACTSS = 0x00,
    RIS = 0x04,
    IM = 0x08,
    ISC = 0x0c,
    OSTAT = 0x10,
    EMUX = 0x14,
    USTAT = 0x18,
    SSPRI = 0x20,
    PSSI = 0x28,
    SAC = 0x30,
    SEQUENCERS = 0x40,
    STRIDE = 0x20,
    TMLB = 0x100
};
enum { SSMUX = 0x0, SSCTL = 0x4, SSFIFO = 0x8, SSFSTAT = 0xc };
enum { N = STELLARIS_ADC_SEQUENCERS, DEPTH = 8, ALL = 0xf };
enum { STEP_DIFFERENTIAL = 1, STEP_END = 2, STEP_INTERRUPT = 4, STEP_TEMPERATURE = 8 };
enum { SOURCE_PROCESSOR = 0, SOURCE_TIMER = 5, SOURCE_ALWAYS = 15 };
enum { FSTAT_EMPTY = 0x100, FSTAT_FULL = 0x1000, TEMPERATURE = 557, MIDDLE = 512 };
static const uint8_t depth[N] = {8, 4, 4, 1};

struct stellaris_adc {
    struct device dev;
    struct irq irqs[N];
    struct stellaris_adc_state {
        uint32_t actss, ris, im, ostat, emux, ustat, sspri, sac, tmlb;
        struct sequencer {
            uint32_t mux, ctl;
            uint16_t fifo[DEPTH];
            uint32_t head, len;
        } seq[N];
    } s;
};

static struct stellaris_adc *adc(struct device *dev)
{
    return (struct stellaris_adc *)dev;
}

static void stellaris_adc_sync(struct device *dev)
{
    struct stellaris_adc *a = adc(dev);
    for (unsigned i = 0; i < N; i++)
        irq_set(&a->irqs[i], a->s.ris & a->s.im & 1U << i);
}

/* 12.2.5: a difference of nothing is the middle of the range. */
static uint16_t sample(uint32_t control)
{
    if (control & STEP_TEMPERATURE)
        return TEMPERATURE;
    return control & STEP_DIFFERENTIAL ? MIDDLE : 0;
}

static void push(struct stellaris_adc *a, unsigned n, uint16_t val)
{
    struct sequencer *q = &a->s.seq[n];
    if (q->len == depth[n]) {
        a->s.ostat |= 1U << n;
        return;
    }
    q->fifo[(q->head + q->len++) % depth[n]] = val;
}

static uint32_t pop(struct stellaris_adc *a, unsigned n)
{
    struct sequencer *q = &a->s.seq[n];
    uint32_t val = q->fifo[q->head];
    if (q->len == 0) {
        a->s.ustat |= 1U << n;
        return val;
    }
    q->head = (q->head + 1) % depth[n];
    q->len--;
    return val;
}

/* The steps of sequencer n, up to the one that says it is the last. */
static void run(struct stellaris_adc *a, unsigned n)
{
    for (unsigned step = 0; step < depth[n]; step++) {
        uint32_t control = a->s.seq[n].ctl >> step * 4 & 0xf;
        push(a, n, sample(control));
        if (control & STEP_INTERRUPT)
            a->s.ris |= 1U << n;
        if (control & STEP_END)
            return;
    }
}

static void trigger(struct stellaris_adc *a, unsigned source, uint32_t sequencers)
{
    for (unsigned n = 0; n < N; n++)
        if ((sequencers & a->s.actss) >> n & 1 && (a->s.emux >> n * 4 & 0xf) == source)
            run(a, n);
}

/* Sequencers that sample always fill their FIFOs as soon as there is room. */
static void refill(struct stellaris_adc *a)
{
    for (unsigned n = 0; n < N; n++)
        if (a->s.seq[n].len == 0)
            trigger(a, SOURCE_ALWAYS, 1U << n);
}

void stellaris_adc_trigger(void *dev, unsigned n UNUSED, bool level)
{
    struct stellaris_adc *a = dev;
    if (!level)
        return;
    mutex_lock(&a->dev.lock);
    trigger(a, SOURCE_TIMER, ALL);
    stellaris_adc_sync(&a->dev);
    mutex_unlock(&a->dev.lock);
}

static uint32_t fifo_status(const struct stellaris_adc *a, unsigned n)
{
    const struct sequencer *q = &a->s.seq[n];
    return (q->len == 0 ? FSTAT_EMPTY : 0) | (q->len == depth[n] ? FSTAT_FULL : 0) |
           ((q->head + q->len) % depth[n]) << 4 | q->head;
}

static uint32_t read_sequencer(struct stellaris_adc *a, unsigned n, uint32_t off, bool peek)
{
    const struct sequencer *q = &a->s.seq[n];
    switch (off) {
    case SSMUX: return q->mux;
    case SSCTL: return q->ctl;
    case SSFIFO: return peek ? q->fifo[q->head] : pop(a, n);
    case SSFSTAT: return fifo_status(a, n);
    default: return 0;
    }
}

static bool is_sequencer(uint32_t off)
{
    return off >= SEQUENCERS && off < SEQUENCERS + N * STRIDE;
}

static uint64_t stellaris_adc_read(struct device *dev, struct access acc)
{
    struct stellaris_adc *a = adc(dev);
    uint32_t off = (uint32_t)acc.off, val;
    if (is_sequencer(off)) {
        off -= SEQUENCERS;
        val = read_sequencer(a, off / STRIDE, off % STRIDE, acc.peek);
        if (!acc.peek)
            refill(a);
        stellaris_adc_sync(dev);
        return val;
    }
    switch (off) {
    case ACTSS: return a->s.actss;
    case RIS: return a->s.ris;
    case IM: return a->s.im;
    case ISC: return a->s.ris & a->s.im;
    case OSTAT: return a->s.ostat;
    case EMUX: return a->s.emux;
    case USTAT: return a->s.ustat;
    case SSPRI: return a->s.sspri;
    case SAC: return a->s.sac;
    case TMLB: return a->s.tmlb;
    default: return 0;
    }
}

/* Fields of the steps that the sequencer has. */
static bool write_sequencer(struct stellaris_adc *a, unsigned n, uint32_t off, uint32_t val)
{
    struct sequencer *q = &a->s.seq[n];
    uint32_t steps = depth[n] == DEPTH ? UINT32_MAX : (1U << depth[n] * 4) - 1;
    switch (off) {
    case SSMUX: q->mux = val & 0x33333333 & steps; return true;
    case SSCTL: q->ctl = val & steps; return true;
    default: return false;
    }
}

static bool write_register(struct stellaris_adc *a, uint32_t off, uint32_t val)
{
    switch (off) {
    case ACTSS: a->s.actss = val & ALL; return true;
    case IM: a->s.im = val & ALL; return true;
    case ISC: a->s.ris &= ~val; return true;
    case OSTAT: a->s.ostat &= ~val; return true;
    case EMUX: a->s.emux = val & 0xffff; return true;
    case USTAT: a->s.ustat &= ~val; return true;
    case SSPRI: a->s.sspri = val & 0x3333; return true;
    case PSSI: trigger(a, SOURCE_PROCESSOR, val & ALL); return true;
    case SAC: a->s.sac = val & 7; return true;
    case TMLB: a->s.tmlb = val & 1; return true;
    default: return false;
    }
}

static void stellaris_adc_write(struct device *dev, struct access acc, uint64_t val)
{
    struct stellaris_adc *a = adc(dev);
    uint32_t off = (uint32_t)acc.off, at = off - SEQUENCERS;
    bool ok = is_sequencer(off) ? write_sequencer(a, at / STRIDE, at % STRIDE, (uint32_t)val)
                                : write_register(a, off, (uint32_t)val);
    if (!ok)
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val, off);
    refill(a);
    stellaris_adc_sync(dev);
}

struct irq *stellaris_adc_irq(struct device *dev, unsigned sequencer)
{
    return &adc(dev)->irqs[sequencer];
}

static void stellaris_adc_loaded(struct device *dev)
{
    for (unsigned n = 0; n < N; n++) {
        struct sequencer *q = &adc(dev)->s.seq[n];
        q->head %= depth[n];
        q->len = q->len > depth[n] ? depth[n] : q->len;
    }
}

static const struct state_field stellaris_adc_state[] = {
    STATE(stellaris_adc, actss, 0),
    STATE(stellaris_adc, ris, 0),
    STATE(stellaris_adc, im, 0),
    STATE(stellaris_adc, ostat, 0),
    STATE(stellaris_adc, emux, 0),
    STATE(stellaris_adc, ustat, 0),
    STATE(stellaris_adc, sspri, 0x3210),
    STATE(stellaris_adc, sac, 0),
    STATE(stellaris_adc, tmlb, 0),
    STATE_ARRAY(stellaris_adc, seq, 0),
    STATE_END,
};

DEVICE_CLASS_NAMED(stellaris_adc, "stellaris-adc") = {
    .desc = "Stellaris analog-to-digital converter",
    .mmio = {stellaris_adc_read, stellaris_adc_write, .min = 4, .max = 4, .size = 0x1000},
    .state = stellaris_adc_state,
    .sync = stellaris_adc_sync,
    .loaded = stellaris_adc_loaded,
};
