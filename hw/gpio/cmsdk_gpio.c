/*
 * CMSDK AHB general-purpose input and output.
 * Ref: Cortex-M System Design Kit Technical Reference Manual (DDI 0479), section 3.1.
 */
#include "hw/gpio/cmsdk_gpio.h"
#include "hw/cmsdk.h"

enum {
    DATA = 0x00,
    DATAOUT = 0x04,
    OUTENSET = 0x10,
    ALTFUNCSET = 0x18,
    INTENSET = 0x20,
    INTTYPESET = 0x28,
    INTPOLSET = 0x30,
    INTSTATUS = 0x38,
    MASKLOW = 0x400,
    MASKHIGH = 0x800,
    MASKEND = 0xc00,
    PART = 0x20
};

struct cmsdk_gpio {
    struct device dev;
    struct irq out[CMSDK_GPIO_PINS], irqs[CMSDK_GPIO_PINS];
    struct cmsdk_gpio_state {
        uint16_t in; /* levels from outside; their sources drive them again after a reset */
        uint16_t dataout, outen, altfunc, inten, inttype, intpol, intstatus;
    } s;
};

static struct cmsdk_gpio *gpio(struct device *dev)
{
    return (struct cmsdk_gpio *)dev;
}

static uint16_t pins(const struct cmsdk_gpio_state *s)
{
    return (uint16_t)((s->dataout & s->outen) | (s->in & ~s->outen));
}

/* Enabled interrupts whose edge there was, or whose level there is. */
static void note_interrupts(struct cmsdk_gpio_state *s, uint16_t before)
{
    uint16_t now = pins(s), wanted = (uint16_t) ~(now ^ s->intpol);
    uint16_t edges = (uint16_t)((now ^ before) & wanted & s->inttype);
    uint16_t levels = (uint16_t)(wanted & ~s->inttype);
    s->intstatus |= (uint16_t)((edges | levels) & s->inten);
}

static void drive(struct cmsdk_gpio *g)
{
    const struct cmsdk_gpio_state *s = &g->s;
    for (unsigned n = 0; n < CMSDK_GPIO_PINS; n++) {
        irq_set(&g->out[n], s->dataout & s->outen & 1U << n);
        irq_set(&g->irqs[n], s->intstatus & 1U << n);
    }
    irq_set(&g->dev.irq, s->intstatus);
}

static void cmsdk_gpio_sync(struct device *dev)
{
    note_interrupts(&gpio(dev)->s, pins(&gpio(dev)->s));
    drive(gpio(dev));
}

void cmsdk_gpio_set_input(void *opaque, unsigned n, bool level)
{
    struct cmsdk_gpio *g = opaque;
    if (n >= CMSDK_GPIO_PINS)
        return;
    mutex_lock(&g->dev.lock);
    uint16_t before = pins(&g->s), bit = (uint16_t)(1U << n);
    g->s.in = (uint16_t)(level ? g->s.in | bit : g->s.in & ~bit);
    note_interrupts(&g->s, before);
    drive(g);
    mutex_unlock(&g->dev.lock);
}

struct irq *cmsdk_gpio_output(struct device *dev, unsigned n)
{
    return &gpio(dev)->out[n];
}

struct irq *cmsdk_gpio_irq(struct device *dev, unsigned n)
{
    return &gpio(dev)->irqs[n];
}

/* Registers that come in pairs: one sets bits, the one behind it clears them. */
static uint16_t *pair(struct cmsdk_gpio_state *s, uint32_t off)
{
    switch (off & ~UINT32_C(4)) {
    case OUTENSET: return &s->outen;
    case ALTFUNCSET: return &s->altfunc;
    case INTENSET: return &s->inten;
    case INTTYPESET: return &s->inttype;
    case INTPOLSET: return &s->intpol;
    default: return NULL;
    }
}

/* The pins that an access to the masked data registers means. */
static uint16_t mask_of(uint32_t off)
{
    unsigned mask = off >> 2 & 0xff;
    return (uint16_t)(off >= MASKHIGH ? mask << 8 : mask);
}

static uint64_t cmsdk_gpio_read(struct device *dev, struct access a)
{
    struct cmsdk_gpio_state *s = &gpio(dev)->s;
    uint32_t off = (uint32_t)a.off;
    const uint16_t *reg = pair(s, off);
    if (reg)
        return *reg;
    if (off >= MASKLOW && off < MASKEND)
        return pins(s) & mask_of(off);
    switch (off) {
    case DATA: return pins(s);
    case DATAOUT: return s->dataout;
    case INTSTATUS: return s->intstatus;
    default: return off >= CMSDK_ID_REGS ? cmsdk_id(off, PART) : 0;
    }
}

static bool write_register(struct cmsdk_gpio_state *s, uint32_t off, uint16_t val)
{
    uint16_t *reg = pair(s, off), mask = mask_of(off);
    if (reg)
        *reg = (uint16_t)(off & 4 ? *reg & ~val : *reg | val);
    else if (off >= MASKLOW && off < MASKEND)
        s->dataout = (uint16_t)((s->dataout & ~mask) | (val & mask));
    else if (off == DATA || off == DATAOUT)
        s->dataout = val;
    else if (off == INTSTATUS)
        s->intstatus &= (uint16_t)~val;
    else
        return false;
    return true;
}

static void cmsdk_gpio_write(struct device *dev, struct access a, uint64_t val)
{
    struct cmsdk_gpio *g = gpio(dev);
    uint16_t before = pins(&g->s);
    if (!write_register(&g->s, (uint32_t)a.off, (uint16_t)val))
        dev_guest_error(dev, "write %#x to read-only or unknown register %#x", (unsigned)val,
                        (unsigned)a.off);
    note_interrupts(&g->s, before);
    drive(g);
}

static const struct state_field cmsdk_gpio_state[] = {
    STATE_KEEP(cmsdk_gpio, in),    STATE(cmsdk_gpio, dataout, 0),   STATE(cmsdk_gpio, outen, 0),
    STATE(cmsdk_gpio, altfunc, 0), STATE(cmsdk_gpio, inten, 0),     STATE(cmsdk_gpio, inttype, 0),
    STATE(cmsdk_gpio, intpol, 0),  STATE(cmsdk_gpio, intstatus, 0), STATE_END,
};

DEVICE_CLASS_NAMED(cmsdk_gpio, "cmsdk-ahb-gpio") = {
    .desc = "CMSDK AHB general-purpose input and output",
    .mmio = {cmsdk_gpio_read, cmsdk_gpio_write, .min = 4, .max = 4, .size = CMSDK_SIZE},
    .state = cmsdk_gpio_state,
    .sync = cmsdk_gpio_sync,
};
