/*
 * The educational device: what courses on writing drivers use.
 * Ref: QEMU's documentation, "EDU device" (identification, factorial, interrupts, DMA).
 */
#include "core/clock.h"
#include "hw/pci/pci.h"
#include "util/bits.h"

#include <glib.h>

enum {
    ID = 0x00,
    LIVENESS = 0x04,
    FACTORIAL = 0x08,
    STATUS = 0x20,
    IRQ_STATUS = 0x24,
    IRQ_RAISE = 0x60,
    IRQ_ACK = 0x64,
    DMA_SOURCE = 0x80,
    DMA_TARGET = 0x88,
    DMA_COUNT = 0x90,
    DMA_COMMAND = 0x98
};
enum { EDU_ID = 0x010000ed, COMPUTING = 1, IRQ_FACTORIAL = 0x80 };
enum { DMA_START = 1, DMA_TO_MEMORY = 2, DMA_IRQ = 4, IRQ_DMA = 0x100 };
enum { EDU_BAR = 1 << 20, BUFFER_AT = 0x40000, BUFFER_SIZE = 4096 };
#define COMPUTE_NS 1000000
#define DMA_NS     1000000

struct edu {
    struct pci_device pci;
    struct mem_region regs;
    struct timer compute, dma;
    uint64_t dma_mask;
    struct edu_state {
        struct pci_state pci;
        ns_t computed, copied; /* when what was started is done, 0: nothing was */
        uint64_t source, target, count;
        uint32_t command, alive, factorial, status, irq;
        uint32_t pad;
        uint8_t buffer[BUFFER_SIZE];
    } s;
};

static void drive(struct edu *e)
{
    pci_set_irq(&e->pci, e->s.irq && !pci_msi_enabled(&e->pci));
}

static void raise_irq(struct edu *e, uint32_t bits)
{
    e->s.irq |= bits;
    if (e->s.irq && pci_msi_enabled(&e->pci))
        pci_notify(&e->pci, 0);
    drive(e);
}

static void computed(void *opaque)
{
    struct edu *e = opaque;
    uint32_t product = 1;
    /* Past 33 the product is zero, modulo 2 to the 32, and stays so. */
    for (uint32_t i = e->s.factorial; i > 1 && product; i--)
        product *= i;
    e->s.factorial = product;
    e->s.computed = 0;
    if (e->s.status & IRQ_FACTORIAL)
        raise_irq(e, 1);
}

/* Where in the buffer n bytes at a device address are; NULL when they are not all there. */
static uint8_t *in_buffer(struct edu *e, uint64_t at, uint64_t n)
{
    if (at >= BUFFER_AT && at - BUFFER_AT <= BUFFER_SIZE && n <= BUFFER_SIZE - (at - BUFFER_AT))
        return e->s.buffer + (at - BUFFER_AT);
    dev_guest_error(&e->pci.dev, "DMA of %llu bytes at %#llx, which is not in the buffer",
                    (unsigned long long)n, (unsigned long long)at);
    return NULL;
}

static gpa masked(struct edu *e, uint64_t addr)
{
    if (addr & ~e->dma_mask)
        dev_guest_error(&e->pci.dev, "DMA address %#llx has bits that the device does not drive",
                        (unsigned long long)addr);
    return addr & e->dma_mask;
}

static void copied(void *opaque)
{
    struct edu *e = opaque;
    bool to_memory = e->s.command & DMA_TO_MEMORY;
    uint64_t n = e->s.count;
    uint8_t *buf = in_buffer(e, to_memory ? e->s.source : e->s.target, n);
    if (buf && to_memory && !pci_dma_write(&e->pci, masked(e, e->s.target), buf, n))
        dev_guest_error(&e->pci.dev, "DMA to where no memory is");
    if (buf && !to_memory && !pci_dma_read(&e->pci, masked(e, e->s.source), buf, n))
        dev_guest_error(&e->pci.dev, "DMA from where no memory is");
    e->s.copied = 0;
    e->s.command &= ~(uint32_t)DMA_START;
    if (e->s.command & DMA_IRQ)
        raise_irq(e, IRQ_DMA);
}

static uint64_t edu_read(struct device *dev, struct access a)
{
    const struct edu *e = (struct edu *)dev;
    if (a.off < DMA_SOURCE && a.size != 4)
        return UINT64_MAX;
    switch (a.off) {
    case ID: return EDU_ID;
    case LIVENESS: return e->s.alive;
    case FACTORIAL: return e->s.factorial;
    case STATUS: return e->s.status | (e->s.computed ? COMPUTING : 0);
    case IRQ_STATUS: return e->s.irq;
    case DMA_SOURCE: return e->s.source;
    case DMA_TARGET: return e->s.target;
    case DMA_COUNT: return e->s.count;
    case DMA_COMMAND: return e->s.command;
    default: return UINT64_MAX;
    }
}

static void start_factorial(struct edu *e, uint32_t n)
{
    if (e->s.computed)
        return; /* it is busy */
    e->s.factorial = n;
    e->s.computed = clock_now() + COMPUTE_NS;
    timer_set(&e->compute, e->s.computed);
}

/* While a transfer runs its registers stay as they are. */
static void write_dma(struct edu *e, uint64_t off, uint64_t val)
{
    if (e->s.copied)
        return;
    switch (off) {
    case DMA_SOURCE: e->s.source = val; break;
    case DMA_TARGET: e->s.target = val; break;
    case DMA_COUNT: e->s.count = val; break;
    case DMA_COMMAND:
        e->s.command = (uint32_t)val & (DMA_START | DMA_TO_MEMORY | DMA_IRQ);
        if (e->s.command & DMA_START) {
            e->s.copied = clock_now() + DMA_NS;
            timer_set(&e->dma, e->s.copied);
        }
        break;
    }
}

static void edu_write(struct device *dev, struct access a, uint64_t val)
{
    struct edu *e = (struct edu *)dev;
    if (a.off >= DMA_SOURCE) {
        write_dma(e, a.off, val);
        return;
    }
    if (a.size != 4)
        return;
    switch (a.off) {
    case LIVENESS: e->s.alive = ~(uint32_t)val; break;
    case FACTORIAL: start_factorial(e, (uint32_t)val); break;
    case STATUS: e->s.status = (uint32_t)val & IRQ_FACTORIAL; break;
    case IRQ_RAISE: raise_irq(e, (uint32_t)val); break;
    case IRQ_ACK:
        e->s.irq &= ~(uint32_t)val;
        drive(e);
        break;
    }
}

static const struct mmio_ops edu_ops = {
    .read = edu_read, .write = edu_write, .min = 4, .max = 8, .size = EDU_BAR};

static bool edu_realize(struct device *dev, struct error **errp)
{
    static const struct pci_ids ids = {.vendor = 0x1234,
                                       .device = 0x11e8,
                                       .subsystem_vendor = 0x1af4,
                                       .subsystem = 0x1100,
                                       .class_code = 0x00ff00,
                                       .revision = 0x10,
                                       .pin = 1};
    struct edu *e = (struct edu *)dev;
    if (!pci_init(&e->pci, &ids, NULL, errp))
        return false;
    region_init_mmio(&e->regs, "edu", &edu_ops, dev);
    pci_add_bar(&e->pci, 0, PCI_BAR_MEM32, &e->regs);
    pci_add_msi(&e->pci, 1);
    timer_init(&e->compute, &dev->lock, computed, e);
    timer_init(&e->dma, &dev->lock, copied, e);
    return true;
}

static void edu_unrealize(struct device *dev)
{
    struct edu *e = (struct edu *)dev;
    timer_cancel(&e->compute);
    timer_cancel(&e->dma);
    pci_fini(&e->pci);
}

static void follow(struct timer *t, ns_t deadline)
{
    if (deadline)
        timer_set(t, deadline);
    else
        timer_cancel(t);
}

static void edu_sync(struct device *dev)
{
    struct edu *e = (struct edu *)dev;
    pci_sync(dev);
    follow(&e->compute, e->s.computed);
    follow(&e->dma, e->s.copied);
    drive(e);
}

static const struct state_field edu_state[] = {
    STATE(edu, pci, 0),          STATE(edu, computed, 0),
    STATE(edu, copied, 0),       STATE(edu, source, 0),
    STATE(edu, target, 0),       STATE(edu, count, 0),
    STATE(edu, command, 0),      STATE(edu, alive, 0),
    STATE(edu, factorial, 0),    STATE(edu, status, 0),
    STATE(edu, irq, 0),          STATE(edu, pad, 0),
    STATE_ARRAY(edu, buffer, 0), STATE_END,
};

static const struct prop edu_props[] = {
    PCI_PROPS(edu),
    PROP(prop_uint64, edu, "dma_mask", dma_mask, "0x0fffffff", "bits of DMA addresses it drives"),
    PROP_END,
};

DEVICE_CLASS(edu) = {
    .desc = "Educational device: factorials, interrupts, DMA",
    .bus = "PCI",
    .user_creatable = true,
    .props = edu_props,
    .state = edu_state,
    .realize = edu_realize,
    .unrealize = edu_unrealize,
    .reset = pci_reset,
    .sync = edu_sync,
};
