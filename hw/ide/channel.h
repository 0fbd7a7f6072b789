/* A parallel ATA channel: the registers of two drives, as ports of a PC. */
#ifndef HW_IDE_CHANNEL_H
#define HW_IDE_CHANNEL_H

#include "hw/ide/ide.h"

struct ide_registers {
    uint64_t lba; /* bytes 0 to 2 as written last, 3 to 5 as before that */
    uint16_t feature, count;
    uint8_t error, status;
    uint8_t pad[2];
};

struct ide_channel_state {
    struct ide_registers regs[IDE_UNITS];
    struct ata_state drive[IDE_UNITS];
    uint8_t device, control;
    uint8_t irq; /* asserted, whether enabled or not */
    uint8_t pad[5];
};

struct ide_channel;

/* Bus mastering, of adapters that have it. */
struct ide_dma_ops {
    /* n bytes of c->data wait to be moved: ide_channel_moved() when they were. */
    void (*ready)(struct ide_channel *ch, struct ata_command *c, uint32_t n);
    /* The interrupt line rises. */
    void (*interrupt)(struct ide_channel *ch);
    /* There is no command any more. */
    void (*idle)(struct ide_channel *ch);
};

struct ide_channel {
    struct ide_bus bus;
    struct device *dev;
    struct irq irq;
    struct mem_region command, control;
    struct ide_channel_state *s;
    const struct ide_dma_ops *dma; /* NULL: none */
    struct ata_command *active;
    uint32_t at, end, total; /* of a PIO transfer: position, end of the block, of all */
    bool is_first;           /* its first block */
};

/* For an adapter's realize, its channel number `place`: s is in its state.  The ports are not shown
 * yet. */
void ide_channel_init(struct ide_channel *ch, struct device *dev, unsigned place,
                      struct ide_channel_state *s, const struct ide_dma_ops *dma);
/* Take the registers off the machine's ports; waits for the drives. */
void ide_channel_fini(struct ide_channel *ch);
/* Put the registers where the ports say; their ops, which know the adapter alone, call the
 * functions below. */
struct ide_ports {
    uint16_t command, control;
    const struct mmio_ops *command_ops, *control_ops;
};
void ide_channel_show(struct ide_channel *ch, const struct ide_ports *p);
uint64_t ide_channel_read(struct ide_channel *ch, struct access a);
void ide_channel_write(struct ide_channel *ch, struct access a, uint64_t v);
uint8_t ide_channel_status(struct ide_channel *ch);
void ide_channel_control(struct ide_channel *ch, uint8_t v);
/* For the adapter's reset, loaded, sync, can_save. */
void ide_channel_reset(struct ide_channel *ch);
void ide_channel_loaded(struct ide_channel *ch);
void ide_channel_sync(struct ide_channel *ch);
bool ide_channel_can_save(struct ide_channel *ch, struct error **errp);
/* DMA has moved n bytes of what was ready. */
void ide_channel_moved(struct ide_channel *ch, uint32_t n);

#endif
