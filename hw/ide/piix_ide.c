/*
 * IDE function of PIIX3 and PIIX4: two channels in compatibility mode, with bus mastering.
 * Ref: 82371SB (PIIX3) and 82371AB (PIIX4) data sheets, IDE function; SFF-8038i 1.0.
 */
#include "hw/ide/piix_ide.h"
#include "core/machine.h"
#include "hw/ide/channel.h"
#include "hw/isa/isa.h"
#include "hw/pci/pci.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { CHANNELS = 2, BM_STRIDE = 8, BM_BAR = 4, BM_SIZE = 16, IDETIM = 0x40 };
enum { BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4 };
enum { BM_START = 0x01, BM_TO_MEMORY = 0x08 };
enum { BM_ACTIVE = 0x01, BM_ERROR = 0x02, BM_INTERRUPT = 0x04, BM_CAPABLE = 0x60 };
enum { PRD_BYTES = 8, PRD_LAST = 1u << 31, PRD_LIMIT = 65536 };

struct bus_master {
    uint32_t table;    /* as written */
    uint32_t next;     /* the next descriptor */
    uint32_t at, left; /* of the one in use: address and bytes */
    uint8_t command, status;
    uint8_t is_last; /* the one in use */
    uint8_t pad;
};

struct piix_ide {
    struct pci_device pci;
    struct ide_channel ch[CHANNELS];
    uint32_t waiting[CHANNELS]; /* bytes that wait for the engine's start */
    struct mem_region bm;
    struct piix_ide_state {
        struct pci_state pci;
        struct ide_channel_state ch[CHANNELS];
        struct bus_master bm[CHANNELS];
    } s;
};

struct irq *piix_ide_irq(struct device *dev, unsigned n)
{
    return &((struct piix_ide *)dev)->ch[n].irq;
}

static struct piix_ide *of_channel(struct ide_channel *ch, unsigned *n)
{
    struct piix_ide *d = (struct piix_ide *)ch->dev;
    *n = ch == &d->ch[1];
    return d;
}

/* The next descriptor; false when the last one was used up, or they lead nowhere.  A table is at
 * most PRD_LIMIT bytes, so it has an end. */
static bool next_descriptor(struct piix_ide *d, struct bus_master *bm)
{
    uint8_t prd[PRD_BYTES];
    if (bm->is_last || bm->next - (bm->table & ~3U) >= PRD_LIMIT ||
        !pci_dma_read(&d->pci, bm->next, prd, PRD_BYTES))
        return false;
    uint32_t count = ld_le32(prd + 4);
    bm->at = ld_le32(prd) & ~1U;
    bm->left = count & 0xfffe ? count & 0xfffe : 65536;
    bm->is_last = (count & PRD_LAST) != 0;
    bm->next += PRD_BYTES;
    return true;
}

/* Move n bytes of buf; how many found a place. */
static uint32_t move(struct piix_ide *d, struct bus_master *bm, uint8_t *buf, uint32_t n,
                     bool to_memory)
{
    uint32_t done = 0;
    while (done < n) {
        if (bm->left == 0 && !next_descriptor(d, bm))
            break;
        uint32_t part = MIN(n - done, bm->left);
        bool ok = to_memory ? pci_dma_write(&d->pci, bm->at, buf + done, part)
                            : pci_dma_read(&d->pci, bm->at, buf + done, part);
        if (!ok)
            bm->status |= BM_ERROR;
        bm->at += part;
        bm->left -= part;
        done += part;
    }
    return done;
}

static void run(struct piix_ide *d, unsigned n)
{
    struct bus_master *bm = &d->s.bm[n];
    struct ata_command *c = d->ch[n].active;
    uint32_t want = d->waiting[n];
    if (c == NULL || want == 0 || !(bm->command & BM_START))
        return;
    bool in = c->protocol == ATA_DMA_IN;
    d->waiting[n] = 0;
    if (in != !!(bm->command & BM_TO_MEMORY))
        dev_guest_error(&d->pci.dev, "bus master and drive disagree on the direction");
    ide_channel_moved(&d->ch[n], move(d, bm, c->data, want, in));
}

static void dma_ready(struct ide_channel *ch, struct ata_command *c UNUSED, uint32_t n)
{
    unsigned which;
    struct piix_ide *d = of_channel(ch, &which);
    d->waiting[which] = n;
    run(d, which);
}

static void dma_interrupt(struct ide_channel *ch)
{
    unsigned n;
    struct piix_ide *d = of_channel(ch, &n);
    d->s.bm[n].status |= BM_INTERRUPT;
}

/* The engine stops by itself when the table is used up; what is left of it makes it look active. */
static void dma_idle(struct ide_channel *ch)
{
    unsigned n;
    struct piix_ide *d = of_channel(ch, &n);
    struct bus_master *bm = &d->s.bm[n];
    d->waiting[n] = 0;
    if (bm->left == 0 && bm->is_last)
        bm->status &= (uint8_t)~BM_ACTIVE;
}

static const struct ide_dma_ops dma_ops = {dma_ready, dma_interrupt, dma_idle};

static uint8_t bm_read_byte(const struct bus_master *bm, unsigned reg)
{
    switch (reg) {
    case BM_COMMAND: return bm->command;
    case BM_STATUS: return bm->status | BM_CAPABLE;
    default: return reg >= BM_TABLE ? (uint8_t)(bm->table >> 8 * (reg - BM_TABLE)) : 0xff;
    }
}

static void write_command(struct piix_ide *d, unsigned n, uint8_t v)
{
    struct bus_master *bm = &d->s.bm[n];
    bool starts = (v & BM_START) && !(bm->command & BM_START);
    bm->command = v & (BM_START | BM_TO_MEMORY);
    if (!(v & BM_START))
        bm->status &= (uint8_t)~BM_ACTIVE;
    if (!starts)
        return;
    bm->status |= BM_ACTIVE;
    bm->next = bm->table & ~3U;
    bm->left = bm->is_last = 0;
    run(d, n);
}

static void bm_write_byte(struct piix_ide *d, unsigned n, unsigned reg, uint8_t v)
{
    struct bus_master *bm = &d->s.bm[n];
    if (reg == BM_COMMAND)
        write_command(d, n, v);
    else if (reg == BM_STATUS)
        bm->status = (uint8_t)((v & BM_CAPABLE) | (bm->status & ~v & (BM_ERROR | BM_INTERRUPT)) |
                               (bm->status & BM_ACTIVE));
    else if (reg >= BM_TABLE)
        bm->table = (uint32_t)deposit64(bm->table, 8 * (reg - BM_TABLE), 8, v) & ~3U;
}

static uint64_t bm_read(struct device *dev, struct access a)
{
    struct piix_ide *d = (struct piix_ide *)dev;
    uint64_t v = 0;
    for (unsigned i = 0; i < a.size; i++) {
        unsigned at = (unsigned)a.off + i;
        v |= (uint64_t)bm_read_byte(&d->s.bm[at / BM_STRIDE], at % BM_STRIDE) << 8 * i;
    }
    return v;
}

static void bm_write(struct device *dev, struct access a, uint64_t v)
{
    for (unsigned i = 0; i < a.size; i++) {
        unsigned at = (unsigned)a.off + i;
        bm_write_byte((struct piix_ide *)dev, at / BM_STRIDE, at % BM_STRIDE,
                      (uint8_t)(v >> 8 * i));
    }
}

static uint64_t command_read_0(struct device *dev, struct access a)
{
    return ide_channel_read(&((struct piix_ide *)dev)->ch[0], a);
}

static void command_write_0(struct device *dev, struct access a, uint64_t v)
{
    ide_channel_write(&((struct piix_ide *)dev)->ch[0], a, v);
}

static uint64_t status_read_0(struct device *dev, struct access a UNUSED)
{
    return ide_channel_status(&((struct piix_ide *)dev)->ch[0]);
}

static void control_write_0(struct device *dev, struct access a UNUSED, uint64_t v)
{
    ide_channel_control(&((struct piix_ide *)dev)->ch[0], (uint8_t)v);
}

static uint64_t command_read_1(struct device *dev, struct access a)
{
    return ide_channel_read(&((struct piix_ide *)dev)->ch[1], a);
}

static void command_write_1(struct device *dev, struct access a, uint64_t v)
{
    ide_channel_write(&((struct piix_ide *)dev)->ch[1], a, v);
}

static uint64_t status_read_1(struct device *dev, struct access a UNUSED)
{
    return ide_channel_status(&((struct piix_ide *)dev)->ch[1]);
}

static void control_write_1(struct device *dev, struct access a UNUSED, uint64_t v)
{
    ide_channel_control(&((struct piix_ide *)dev)->ch[1], (uint8_t)v);
}

static const struct mmio_ops command_ops[CHANNELS] = {
    {command_read_0, command_write_0, .min = 1, .max = 4, .size = 8},
    {command_read_1, command_write_1, .min = 1, .max = 4, .size = 8},
};
static const struct mmio_ops control_ops[CHANNELS] = {
    {status_read_0, control_write_0, .min = 1, .max = 1, .size = 1},
    {status_read_1, control_write_1, .min = 1, .max = 1, .size = 1},
};
static const struct mmio_ops bm_ops = {bm_read, bm_write, .min = 1, .max = 4, .size = BM_SIZE};

extern const struct device_type piix3_ide_type, piix4_ide_type;

static struct isa_bus *find_isa(struct machine *m)
{
    for (struct hw_bus *b = m->buses; b; b = b->next)
        if (strcmp(b->type, "ISA") == 0)
            return (struct isa_bus *)b;
    return NULL;
}

static bool connect_irqs(struct piix_ide *d, struct error **errp)
{
    for (unsigned n = 0; n < CHANNELS; n++) {
        struct isa_bus *isa = find_isa(d->pci.dev.machine);
        if (d->ch[n].irq.handler)
            continue;
        if (isa == NULL) {
            error_set(errp, "its interrupts are ISA lines 14 and 15, and the machine has no ISA "
                            "bus; -device ich9-ahci needs none");
            return false;
        }
        if (!isa_connect_irq(isa, &d->ch[n].irq, 14 + n, errp))
            return false;
    }
    return true;
}

static bool piix_ide_realize(struct device *dev, struct error **errp)
{
    static const struct ide_ports ports[CHANNELS] = {
        {0x1f0, 0x3f6, &command_ops[0], &control_ops[0]},
        {0x170, 0x376, &command_ops[1], &control_ops[1]},
    };
    struct piix_ide *d = (struct piix_ide *)dev;
    const struct pci_ids ids = {.vendor = 0x8086,
                                .device = dev->type == &piix4_ide_type ? 0x7111 : 0x7010,
                                .subsystem_vendor = 0x1af4,
                                .subsystem = 0x1100,
                                .class_code = 0x010180};
    if (!connect_irqs(d, errp) || !pci_init(&d->pci, &ids, NULL, errp))
        return false;
    pci_config_writable(&d->pci, IDETIM, 4, 0xffffffff);
    pci_config_writable(&d->pci, IDETIM + 4, 1, 0xff);
    if (dev->type == &piix4_ide_type)
        pci_config_writable(&d->pci, 0x48, 4, 0x3333000f);
    region_init_mmio(&d->bm, "piix-bmdma", &bm_ops, dev);
    pci_add_bar(&d->pci, BM_BAR, PCI_BAR_IO, &d->bm);
    for (unsigned n = 0; n < CHANNELS; n++) {
        ide_channel_init(&d->ch[n], dev, n, &d->s.ch[n], &dma_ops);
        ide_channel_show(&d->ch[n], &ports[n]);
    }
    return true;
}

static void piix_ide_unrealize(struct device *dev)
{
    struct piix_ide *d = (struct piix_ide *)dev;
    for (unsigned n = 0; n < CHANNELS; n++)
        ide_channel_fini(&d->ch[n]);
    pci_fini(&d->pci);
}

static void piix_ide_reset(struct device *dev)
{
    struct piix_ide *d = (struct piix_ide *)dev;
    pci_reset(dev);
    for (unsigned n = 0; n < CHANNELS; n++) {
        d->waiting[n] = 0;
        ide_channel_reset(&d->ch[n]);
    }
}

static void piix_ide_loaded(struct device *dev)
{
    for (unsigned n = 0; n < CHANNELS; n++)
        ide_channel_loaded(&((struct piix_ide *)dev)->ch[n]);
}

static void piix_ide_sync(struct device *dev)
{
    pci_sync(dev);
    for (unsigned n = 0; n < CHANNELS; n++)
        ide_channel_sync(&((struct piix_ide *)dev)->ch[n]);
}

static bool piix_ide_can_save(struct device *dev, struct error **errp)
{
    struct piix_ide *d = (struct piix_ide *)dev;
    return ide_channel_can_save(&d->ch[0], errp) && ide_channel_can_save(&d->ch[1], errp);
}

static const struct state_field piix_ide_state[] = {
    STATE(piix_ide, pci, 0),
    STATE(piix_ide, ch, 0),
    STATE(piix_ide, bm, 0),
    STATE_END,
};

static const struct prop piix_ide_props[] = {
    PCI_PROPS(piix_ide),
    PROP_END,
};

#define PIIX_IDE_CLASS(text)                                                                       \
    {                                                                                              \
        .desc = text, .bus = "PCI", .user_creatable = true, .props = piix_ide_props,               \
        .state = piix_ide_state, .realize = piix_ide_realize, .unrealize = piix_ide_unrealize,     \
        .reset = piix_ide_reset, .loaded = piix_ide_loaded, .sync = piix_ide_sync,                 \
        .can_save = piix_ide_can_save                                                              \
    }

static const struct device_class piix3_ide_class = PIIX_IDE_CLASS("IDE function of PIIX3");
static const struct device_class piix4_ide_class = PIIX_IDE_CLASS("IDE function of PIIX4");

const struct device_type piix3_ide_type = {"piix3-ide", &piix3_ide_class, sizeof(struct piix_ide),
                                           offsetof(struct piix_ide, s),
                                           sizeof(struct piix_ide_state)};
const struct device_type piix4_ide_type = {"piix4-ide", &piix4_ide_class, sizeof(struct piix_ide),
                                           offsetof(struct piix_ide, s),
                                           sizeof(struct piix_ide_state)};
