/*
 * GICv2m: a frame whose writes become shared peripheral interrupts, for messages of PCI functions.
 * Ref: Arm Server Base System Architecture (DEN 0029), appendix "GICv2m architecture".
 */
#include "hw/intc/gicv2m.h"

#include <glib.h>

enum { MSI_TYPER = 0x008, MSI_SETSPI_NS = 0x040, MSI_IIDR = 0xfcc };
enum { TYPER_BASE_SHIFT = 16, PRODUCT_ID = 0x53, IIDR_PRODUCT_SHIFT = 20 };
enum { MIN_SPI = 32, MAX_SPIS = 988 };

struct gicv2m {
    struct device dev;
    uint32_t base_spi, num_spi; /* the first one's INTID, and how many */
    struct irq *out;
    struct gicv2m_state {
        uint8_t none;
    } s;
};

static uint64_t gicv2m_read(struct device *dev, struct access a)
{
    const struct gicv2m *m = (struct gicv2m *)dev;
    switch (a.off) {
    case MSI_TYPER: return (uint64_t)m->base_spi << TYPER_BASE_SHIFT | m->num_spi;
    case MSI_IIDR: return (uint64_t)PRODUCT_ID << IIDR_PRODUCT_SHIFT;
    default: return 0;
    }
}

static void gicv2m_write(struct device *dev, struct access a, uint64_t v)
{
    struct gicv2m *m = (struct gicv2m *)dev;
    uint32_t n = ((uint32_t)v & 0x3ff) - m->base_spi;
    if (a.off == MSI_SETSPI_NS && n < m->num_spi)
        irq_pulse(&m->out[n]);
    else
        dev_guest_error(dev, "write %#x to register %#x: no such interrupt or register",
                        (unsigned)v, (unsigned)a.off);
}

struct irq *gicv2m_irq(struct device *dev, unsigned n)
{
    return &((struct gicv2m *)dev)->out[n];
}

static bool gicv2m_realize(struct device *dev, struct error **errp)
{
    struct gicv2m *m = (struct gicv2m *)dev;
    if (m->base_spi < MIN_SPI || m->num_spi < 1 || m->base_spi + m->num_spi > MIN_SPI + MAX_SPIS) {
        error_set(errp, "base-spi %u and num-spi %u: interrupts must lie from %d to %d",
                  m->base_spi, m->num_spi, MIN_SPI, MIN_SPI + MAX_SPIS - 1);
        return false;
    }
    m->out = g_new0(struct irq, m->num_spi);
    return true;
}

static void gicv2m_unrealize(struct device *dev)
{
    g_free(((struct gicv2m *)dev)->out);
}

static const struct state_field gicv2m_state[] = {
    STATE(gicv2m, none, 0),
    STATE_END,
};

static const struct prop gicv2m_props[] = {
    PROP(prop_uint32, gicv2m, "base-spi", base_spi, "80", "INTID of the first interrupt"),
    PROP(prop_uint32, gicv2m, "num-spi", num_spi, "64", "interrupts"),
    PROP_END,
};

DEVICE_CLASS_NAMED(gicv2m, "arm-gicv2m") = {
    .desc = "GICv2m message frame",
    .compatible = "arm,gic-v2m-frame",
    .mmio = {gicv2m_read, gicv2m_write, .min = 4, .max = 4, .size = 0x1000},
    .props = gicv2m_props,
    .state = gicv2m_state,
    .realize = gicv2m_realize,
    .unrealize = gicv2m_unrealize,
};
