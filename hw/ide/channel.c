/*
 * A parallel ATA channel.  Ref: ATA/ATAPI-7 volume 2: 9 (protocols), 10 (registers).
 */
#include "hw/ide/channel.h"
#include "core/machine.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { DATA, ERROR_FEATURE, COUNT, LBA_LOW, LBA_MID, LBA_HIGH, DEVICE, STATUS_COMMAND };
enum { C_NIEN = 0x02, C_SRST = 0x04, C_HOB = 0x80 };
enum { READY = ATA_DRDY | ATA_DSC, PORT_PRIORITY = 1, DEVICE_FIXED = 0xa0 };

static unsigned selected(const struct ide_channel *ch)
{
    return ch->s->device & ATA_DEVICE_SECOND ? 1 : 0;
}

static struct ide_registers *regs(struct ide_channel *ch)
{
    return &ch->s->regs[selected(ch)];
}

void ide_channel_sync(struct ide_channel *ch)
{
    irq_set(&ch->irq, ch->s->irq && !(ch->s->control & C_NIEN));
}

static void raise_irq(struct ide_channel *ch)
{
    ch->s->irq = 1;
    if (ch->dma)
        ch->dma->interrupt(ch);
    ide_channel_sync(ch);
}

static void lower_irq(struct ide_channel *ch)
{
    ch->s->irq = 0;
    ide_channel_sync(ch);
}

/* The drive wants, or has, the next block. */
static void begin_block(struct ide_channel *ch)
{
    struct ata_command *c = ch->active;
    struct ide_registers *r = &ch->s->regs[c->unit];
    uint32_t n = MIN(c->block, ch->total - ch->at);
    ch->end = ch->at + n;
    r->status = READY | ATA_DRQ;
    if (c->is_packet) {
        r->count = c->count & 0xff;
        if (!c->is_cdb)
            r->lba = deposit64(r->lba, 8, 16, n);
    }
    if (c->protocol == ATA_PIO_IN || !ch->is_first || (c->is_packet && !c->is_cdb))
        raise_irq(ch);
    ch->is_first = false;
}

static void on_data(struct ata_command *c, uint32_t n)
{
    struct ide_channel *ch = c->opaque;
    if (c->protocol == ATA_DMA_IN || c->protocol == ATA_DMA_OUT) {
        if (ch->dma)
            ch->dma->ready(ch, c, n);
        else
            ata_data_done(c, 0);
        return;
    }
    ch->at = 0;
    ch->total = n;
    begin_block(ch);
}

static void on_done(struct ata_command *c)
{
    struct ide_channel *ch = c->opaque;
    struct ide_registers *r = &ch->s->regs[c->unit];
    bool is_quiet = c->protocol == ATA_PIO_IN && !c->is_packet && !(c->status & ATA_ERR);
    r->status = c->status;
    r->error = c->error;
    r->count = c->count;
    r->lba = c->lba;
    ch->s->device = (uint8_t)((ch->s->device & 0xf0) | (c->device & 15));
    ch->active = NULL;
    if (ch->dma)
        ch->dma->idle(ch);
    if (!is_quiet)
        raise_irq(ch);
}

static const struct ata_adapter adapter = {on_data, on_done};

void ide_channel_moved(struct ide_channel *ch, uint32_t n)
{
    if (ch->active)
        ata_data_done(ch->active, n);
}

/* Bytes at the data register: whatever is beyond the block is not the drive's. */
static void next_block(struct ide_channel *ch)
{
    struct ata_command *c = ch->active;
    if (ch->at < ch->end)
        return;
    if (ch->at < ch->total) {
        begin_block(ch);
        return;
    }
    ch->s->regs[c->unit].status = ATA_BSY;
    ata_data_done(c, ch->total);
}

static bool has_block(struct ide_channel *ch, enum ata_protocol p)
{
    return ch->active && (ch->s->regs[ch->active->unit].status & ATA_DRQ) &&
           ch->active->protocol == p && ch->active->unit == selected(ch);
}

static uint32_t read_data(struct ide_channel *ch, unsigned size, bool peek)
{
    uint32_t v = 0;
    if (!has_block(ch, ATA_PIO_IN))
        return UINT32_MAX;
    uint32_t n = MIN(size, ch->end - ch->at);
    memcpy(&v, ch->active->data + ch->at, n);
    if (!peek) {
        ch->at += n;
        next_block(ch);
    }
    return v;
}

static void write_data(struct ide_channel *ch, uint32_t v, unsigned size)
{
    if (!has_block(ch, ATA_PIO_OUT))
        return;
    uint32_t n = MIN(size, ch->end - ch->at);
    memcpy(ch->active->data + ch->at, &v, n);
    ch->at += n;
    next_block(ch);
}

static uint8_t read_register(struct ide_channel *ch, unsigned reg)
{
    const struct ide_registers *r = regs(ch);
    bool hob = ch->s->control & C_HOB;
    if (!ide_has_drive(&ch->bus, selected(ch)))
        return reg == DEVICE && (ide_has_drive(&ch->bus, 0) || ide_has_drive(&ch->bus, 1))
                   ? ch->s->device | DEVICE_FIXED
                   : 0;
    switch (reg) {
    case ERROR_FEATURE: return r->error;
    case COUNT: return (uint8_t)(hob ? r->count >> 8 : r->count);
    case LBA_LOW:
    case LBA_MID:
    case LBA_HIGH: return (uint8_t)(r->lba >> 8 * (reg - LBA_LOW + (hob ? 3 : 0)));
    case DEVICE: return ch->s->device | DEVICE_FIXED;
    default: return r->status;
    }
}

uint64_t ide_channel_read(struct ide_channel *ch, struct access a)
{
    if (a.off == DATA)
        return read_data(ch, a.size, a.peek);
    uint64_t v = 0;
    for (unsigned i = 0; i < a.size && a.off + i <= STATUS_COMMAND; i++)
        v |= (uint64_t)read_register(ch, (unsigned)a.off + i) << 8 * i;
    if (!a.peek && a.off + a.size > STATUS_COMMAND)
        lower_irq(ch);
    return v;
}

static void drop(struct ide_channel *ch)
{
    if (ch->active == NULL)
        return;
    ata_drop(ch->active);
    ch->active = NULL;
    if (ch->dma)
        ch->dma->idle(ch);
}

static void set_signature(struct ide_channel *ch, unsigned unit)
{
    struct ide_registers *r = &ch->s->regs[unit];
    ata_signature(&ch->bus, unit, &r->count, &r->lba);
    r->error = 1;
    r->status = ide_is_atapi(&ch->bus, unit) ? 0 : READY;
}

static void soft_reset(struct ide_channel *ch)
{
    drop(ch);
    lower_irq(ch);
    ch->s->device = 0;
    for (unsigned i = 0; i < IDE_UNITS; i++) {
        ata_soft_reset(&ch->bus, i);
        set_signature(ch, i);
        ch->s->regs[i].status = ATA_BSY;
    }
}

void ide_channel_control(struct ide_channel *ch, uint8_t v)
{
    uint8_t was = ch->s->control;
    ch->s->control = v;
    if ((v & C_SRST) && !(was & C_SRST))
        soft_reset(ch);
    else if (!(v & C_SRST) && (was & C_SRST))
        for (unsigned i = 0; i < IDE_UNITS; i++)
            set_signature(ch, i);
    ide_channel_sync(ch);
}

/* Diagnosis runs on both drives, and the first answers for them. */
static void diagnose(struct ide_channel *ch)
{
    ch->s->device = 0;
    for (unsigned i = 0; i < IDE_UNITS; i++)
        set_signature(ch, i);
    raise_irq(ch);
}

static void run_command(struct ide_channel *ch, uint8_t command)
{
    unsigned unit = selected(ch);
    struct ide_registers *r = regs(ch);
    lower_irq(ch);
    if (command == ATA_CMD_RESET && ide_is_atapi(&ch->bus, unit)) {
        drop(ch);
        set_signature(ch, unit);
        return;
    }
    if (ch->active)
        return; /* busy */
    if (command == ATA_CMD_DIAGNOSE) {
        diagnose(ch);
        return;
    }
    if (!ide_has_drive(&ch->bus, unit))
        return;
    struct ata_command *c = ata_command_new(&ch->bus, unit, &adapter, ch);
    c->feature = r->feature;
    c->count = r->count;
    c->lba = r->lba;
    c->device = ch->s->device;
    c->command = command;
    ch->active = c;
    ch->is_first = true;
    r->status = ATA_BSY;
    ata_start(c);
}

/* What is written goes to both drives. */
static void write_register(struct ide_channel *ch, unsigned reg, uint8_t v)
{
    if (ch->active && reg != STATUS_COMMAND && reg != DEVICE)
        return; /* busy */
    ch->s->control &= (uint8_t)~C_HOB;
    for (unsigned i = 0; i < IDE_UNITS; i++) {
        struct ide_registers *r = &ch->s->regs[i];
        unsigned at = 8 * (reg - LBA_LOW);
        if (reg == ERROR_FEATURE) {
            r->feature = (uint16_t)(r->feature << 8 | v);
        } else if (reg == COUNT) {
            r->count = (uint16_t)(r->count << 8 | v);
        } else if (reg >= LBA_LOW && reg <= LBA_HIGH) {
            r->lba = deposit64(r->lba, at + 24, 8, r->lba >> at);
            r->lba = deposit64(r->lba, at, 8, v);
        }
    }
    if (reg == DEVICE)
        ch->s->device = v;
    else if (reg == STATUS_COMMAND)
        run_command(ch, v);
}

void ide_channel_write(struct ide_channel *ch, struct access a, uint64_t v)
{
    if (ch->s->control & C_SRST)
        return;
    if (a.off == DATA) {
        write_data(ch, (uint32_t)v, a.size);
        return;
    }
    for (unsigned i = 0; i < a.size && a.off + i <= STATUS_COMMAND; i++)
        write_register(ch, (unsigned)a.off + i, (uint8_t)(v >> 8 * i));
}

/* Without the effect on the interrupt. */
uint8_t ide_channel_status(struct ide_channel *ch)
{
    return read_register(ch, STATUS_COMMAND);
}

/* A drive that is there is ready after power-up, with its signature. */
static void on_changed(struct ide_bus *bus, unsigned unit)
{
    struct ide_channel *ch = container_of(bus, struct ide_channel, bus);
    set_signature(ch, unit);
}

static const struct ide_bus_ops bus_ops = {on_changed};

void ide_channel_init(struct ide_channel *ch, struct device *dev, unsigned place,
                      struct ide_channel_state *s, const struct ide_dma_ops *dma)
{
    struct ata_state *const states[IDE_UNITS] = {&s->drive[0], &s->drive[1]};
    ch->dev = dev;
    ch->s = s;
    ch->dma = dma;
    ide_bus_init(&ch->bus, dev, &bus_ops, place, IDE_UNITS, states);
}

void ide_channel_show(struct ide_channel *ch, const struct ide_ports *p)
{
    struct machine *m = ch->dev->machine;
    region_init_mmio(&ch->command, "ide", p->command_ops, ch->dev);
    region_init_mmio(&ch->control, "ide-control", p->control_ops, ch->dev);
    region_add(&m->io_root, p->command, &ch->command, PORT_PRIORITY);
    region_add(&m->io_root, p->control, &ch->control, PORT_PRIORITY);
    address_space_update(&m->io);
}

void ide_channel_fini(struct ide_channel *ch)
{
    mutex_lock(&ch->dev->lock);
    drop(ch);
    mutex_unlock(&ch->dev->lock);
    region_del(&ch->command);
    region_del(&ch->control);
    address_space_update(&ch->dev->machine->io);
    ide_bus_fini(&ch->bus);
}

void ide_channel_reset(struct ide_channel *ch)
{
    drop(ch);
    for (unsigned i = 0; i < IDE_UNITS; i++) {
        ata_power_up(&ch->bus, i);
        set_signature(ch, i);
    }
}

void ide_channel_loaded(struct ide_channel *ch)
{
    drop(ch);
    for (unsigned i = 0; i < IDE_UNITS; i++) {
        ata_check(&ch->s->drive[i]);
        ch->s->regs[i].status &= (uint8_t) ~(ATA_DRQ | ATA_BSY);
    }
}

bool ide_channel_can_save(struct ide_channel *ch, struct error **errp)
{
    if (ch->active == NULL)
        return true;
    error_set(errp, "the guest is in the middle of a transfer with '%s'; try again",
              ch->bus.drive[ch->active->unit]->id);
    return false;
}
