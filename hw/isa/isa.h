/*
 * The ISA bus: I/O ports, sixteen interrupt lines, DMA channels.
 *
 * Whoever is the bridge to it (PIIX, LPC, or a board without one) owns a struct isa_bus; a device
 * of class .bus = "ISA" finds it in its realize.  Ref: ISA System Architecture; names of the lines
 * are those of the PC AT.
 */
#ifndef HW_ISA_ISA_H
#define HW_ISA_ISA_H

#include "hw/bus.h"

/* The extra lines are pins 16 to 23 of an I/O APIC: not of the bus, but test devices drive them. */
enum { ISA_IRQS = 16, ISA_EXTRA_LINES = 8, ISA_DMA_CHANNELS = 8 };

struct isa_dma_client;

/* The DMA controller, as devices see it. */
struct isa_dma_ops {
    void (*attach)(void *opaque, unsigned channel, const struct isa_dma_client *c, void *client);
    /* The request line; the transfer runs when the channel is unmasked, now or later. */
    void (*request)(void *opaque, unsigned channel, bool level);
};

/* What a channel's device does when it is served: called by the controller in its own thread of
 * work, with no lock of the device held. */
struct isa_dma_client {
    /* Move up to n bytes, at the beginning of buf; `to_memory` says which way.  How many were
     * moved; fewer end the burst.  last: the n-th is the terminal count. */
    uint32_t (*transfer)(void *client, uint8_t *buf, uint32_t n, bool to_memory);
    /* The channel has come to its terminal count. */
    void (*terminal_count)(void *client);
};

struct isa_bus {
    struct hw_bus hw;
    struct machine *machine;
    /* To the interrupt controllers; the bridge connects them. */
    struct irq irq[ISA_IRQS + ISA_EXTRA_LINES];
    struct mutex lock; /* a leaf, before those of interrupt controllers */
    unsigned raised[ISA_IRQS + ISA_EXTRA_LINES] GUARDED_BY(lock);
    const struct isa_dma_ops *dma; /* NULL: no DMA on this bus */
    void *dma_opaque;
};

/* For a bridge's realize and unrealize.  The bus is called "isa.0". */
void isa_bus_init(struct isa_bus *bus, struct device *owner);
void isa_bus_fini(struct isa_bus *bus);
/* The bus of a device that was plugged in; NULL with *errp when it was not. */
struct isa_bus *isa_bus_of(struct device *dev, struct error **errp) MUST_CHECK;
/* An irq_handler for sources other than devices of the bus (PCI routing); opaque is the bus. */
void isa_irq_handler(void *bus, unsigned n, bool level);

/* For realize: connect an output to line n, which several may share; false when n is no line. */
bool isa_connect_irq(struct isa_bus *bus, struct irq *irq, unsigned n,
                     struct error **errp) MUST_CHECK;
/* Show a region of ports; the later one wins where several overlap. */
void isa_add_ports(struct isa_bus *bus, uint16_t port, struct mem_region *mr);
/* For unrealize; nothing when it is not shown. */
void isa_del_ports(struct machine *m, struct mem_region *mr);

/* A bridge without registers, for boards without PCI. */
struct isa_bus *isa_bridge_bus(struct device *dev);

#endif
