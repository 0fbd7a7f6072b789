/*
 * AHCI host bus adapter of ICH9: six ports, native queued commands.
 * Ref: Serial ATA AHCI 1.3.1: 3 (registers), 4 (memory), 5 (operation), 6 (errors);
 * Serial ATA 2.6, 10.3 (FIS types); ICH9 data sheet, chapter 15.
 */
#include "core/machine.h"
#include "hw/ide/ide.h"
#include "hw/pci/pci.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { PORTS = 6, SLOTS = 32, REGS_SIZE = 0x1000, PORT_REGS = 0x100, PORT_STRIDE = 0x80 };
enum { ABAR = 5, INDEX_BAR = 4, INDEX_SIZE = 32, INDEX = 0x10, INDEX_DATA = 0x14 };
enum { CAP = 0x00, GHC = 0x04, IS = 0x08, PI = 0x0c, VS = 0x10 };
enum { GHC_RESET = 1, GHC_INTERRUPTS = 2 };
static const uint32_t GHC_AHCI = 1u << 31;
/* 64-bit addresses, queues, command list override, 6 Gb/s, no legacy mode, 32 slots. */
static const uint32_t CAPABILITIES =
    1u << 31 | 1u << 30 | 1 << 24 | 3 << 20 | 1 << 18 | (SLOTS - 1) << 8 | (PORTS - 1);
enum { VERSION = 0x00010300 };
enum { /* of a port */
       P_CLB = 0x00,
       P_CLBU = 0x04,
       P_FB = 0x08,
       P_FBU = 0x0c,
       P_IS = 0x10,
       P_IE = 0x14,
       P_CMD = 0x18,
       P_TFD = 0x20,
       P_SIG = 0x24,
       P_SSTS = 0x28,
       P_SCTL = 0x2c,
       P_SERR = 0x30,
       P_SACT = 0x34,
       P_CI = 0x38,
       P_SNTF = 0x3c
};
enum { /* interrupts of a port */
       I_D2H = 1 << 0,
       I_PIO = 1 << 1,
       I_BITS = 1 << 3,
       I_CONNECT = 1 << 6,
       I_OVERFLOW = 1 << 24,
       I_HOST_BUS = 1 << 29,
       I_TASK_FILE = 1 << 30
};
static const uint32_t I_WRITABLE = 0xfdc000ff;
enum {
    CMD_START = 1 << 0,
    CMD_OVERRIDE = 1 << 3,
    CMD_FIS = 1 << 4,
    CMD_SLOT = 0x1f << 8,
    CMD_FIS_RUNS = 1 << 14,
    CMD_RUNS = 1 << 15,
    CMD_ATAPI = 1 << 24,
    CMD_WRITABLE = 0x0300001f | CMD_OVERRIDE
};
enum { SSTS_UP = 0x133, SERR_EXCHANGED = 1 << 26 };
enum { /* FIS types, and where they are received */
       FIS_H2D = 0x27,
       FIS_D2H = 0x34,
       FIS_PIO_SETUP = 0x5f,
       FIS_SET_BITS = 0xa1,
       AT_PIO_SETUP = 0x20,
       AT_D2H = 0x40,
       AT_SET_BITS = 0x58
};
enum { FIS_COMMAND = 0x80, FIS_INTERRUPT = 0x40, FIS_TO_HOST = 0x20, CONTROL_RESET = 0x04 };
enum { HEADER_SIZE = 32, TABLE_ATAPI = 0x40, TABLE_PRDT = 0x80, PRD_SIZE = 16, CFIS_SIZE = 64 };
enum { HEADER_CLEAR_BUSY = 1 << 10 };

struct ahci_port_state {
    uint64_t clb, fb;
    uint32_t is, ie, cmd, tfd, sig, sctl, serr, sact, ci;
    uint8_t halted;      /* after an error, until the port is started again */
    uint8_t in_reset;    /* a software reset has begun */
    uint8_t has_greeted; /* the signature was written to the receive area */
    uint8_t pad;
    struct ata_state drive;
};

/* A command on its way. */
struct slot {
    struct ata_command *c;
    gpa header, table;
    uint16_t nprd, prd; /* descriptors, and the one in use */
    uint32_t used;      /* bytes of it */
    uint32_t moved;
    bool is_queued;
};

struct ahci;
struct ahci_port {
    struct ahci *h;
    struct ide_bus bus;
    unsigned n;
    struct slot slot[SLOTS];
    struct ahci_port_state *s;
};

struct ahci {
    struct pci_device pci;
    struct ahci_port port[PORTS];
    struct mem_region regs, index_regs;
    struct ahci_state {
        struct pci_state pci;
        uint32_t ghc, is, index;
        uint32_t pad;
        struct ahci_port_state port[PORTS];
    } s;
};

extern const struct device_type ahci_type, ich9_ahci_type;

/* --- interrupts --- */

/* Gather the ports' lines; one that newly rises is a message. */
static void update_irq(struct ahci *h)
{
    uint32_t was = h->s.is;
    for (unsigned n = 0; n < PORTS; n++)
        if (h->s.port[n].is & h->s.port[n].ie)
            h->s.is |= 1u << n;
    bool on = h->s.ghc & GHC_INTERRUPTS;
    if (!pci_msi_enabled(&h->pci))
        pci_set_irq(&h->pci, on && h->s.is);
    else if (on && (h->s.is & ~was))
        pci_notify(&h->pci, 0);
}

static void raise_port(struct ahci_port *p, uint32_t bits)
{
    bool was = p->s->is & p->s->ie;
    p->s->is |= bits;
    if (!was || (p->s->is & p->s->ie))
        update_irq(p->h);
}

/* --- received FISes --- */

static void receive_fis(struct ahci_port *p, unsigned at, const uint8_t *fis, size_t n)
{
    if (!(p->s->cmd & CMD_FIS))
        return;
    if (!pci_dma_write(&p->h->pci, p->s->fb + at, fis, n))
        raise_port(p, I_HOST_BUS);
}

static void put_registers(uint8_t *fis, const struct ata_command *c)
{
    fis[2] = c->status;
    fis[3] = c->error;
    for (unsigned i = 0; i < 3; i++) {
        fis[4 + i] = (uint8_t)(c->lba >> 8 * i);
        fis[8 + i] = (uint8_t)(c->lba >> (24 + 8 * i));
    }
    fis[7] = c->device;
    fis[12] = (uint8_t)c->count;
    fis[13] = (uint8_t)(c->count >> 8);
}

static void send_d2h(struct ahci_port *p, const struct ata_command *c)
{
    uint8_t fis[20] = {FIS_D2H, FIS_INTERRUPT};
    put_registers(fis, c);
    receive_fis(p, AT_D2H, fis, sizeof(fis));
}

static void send_pio_setup(struct ahci_port *p, const struct ata_command *c, uint32_t n)
{
    uint8_t fis[20] = {FIS_PIO_SETUP};
    bool in = c->protocol == ATA_PIO_IN;
    put_registers(fis, c);
    fis[1] = (uint8_t)(FIS_INTERRUPT | (in ? FIS_TO_HOST : 0));
    fis[2] = ATA_DRDY | ATA_DSC | ATA_DRQ;
    fis[15] = in ? ATA_DRDY | ATA_DSC : ATA_BSY | ATA_DRDY;
    st_le16(fis + 16, (uint16_t)n);
    receive_fis(p, AT_PIO_SETUP, fis, sizeof(fis));
}

/* For the FIS that a drive sends after a reset. */
static void greet(struct ahci_port *p)
{
    struct ata_command c = {.status = ATA_DRDY | ATA_DSC, .error = 1};
    if (!ide_has_drive(&p->bus, 0) || p->s->has_greeted || !(p->s->cmd & CMD_FIS))
        return;
    ata_signature(&p->bus, 0, &c.count, &c.lba);
    if (ide_is_atapi(&p->bus, 0))
        c.status = 0;
    send_d2h(p, &c);
    p->s->has_greeted = 1;
}

/* --- commands --- */

static void drop_all(struct ahci_port *p)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        if (p->slot[i].c)
            ata_drop(p->slot[i].c);
        p->slot[i].c = NULL;
    }
}

static bool is_idle(const struct ahci_port *p)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (p->slot[i].c)
            return false;
    return true;
}

/* Queued commands run beside each other, all others alone. */
static bool is_exclusive(const struct ahci_port *p)
{
    for (unsigned i = 0; i < SLOTS; i++)
        if (p->slot[i].c && !p->slot[i].is_queued)
            return true;
    return false;
}

/* Between the buffer and the next bytes of the descriptor table; how many there were. */
static uint32_t move(struct ahci_port *p, struct slot *sl, uint8_t *buf, uint32_t n, bool in)
{
    uint8_t prd[PRD_SIZE];
    uint32_t done = 0;
    while (done < n && sl->prd < sl->nprd) {
        gpa at = sl->table + TABLE_PRDT + (gpa)sl->prd * PRD_SIZE;
        if (!pci_dma_read(&p->h->pci, at, prd, PRD_SIZE))
            break;
        uint32_t bytes = (ld_le32(prd + 12) & 0x3fffff) + 1;
        uint32_t part = MIN(n - done, bytes - MIN(sl->used, bytes));
        gpa to = (ld_le64(prd) & ~UINT64_C(1)) + sl->used;
        bool ok = in ? pci_dma_write(&p->h->pci, to, buf + done, part)
                     : pci_dma_read(&p->h->pci, to, buf + done, part);
        if (!ok)
            raise_port(p, I_HOST_BUS);
        done += part;
        sl->used += part;
        if (sl->used >= bytes) {
            sl->prd++;
            sl->used = 0;
        }
    }
    sl->moved += done;
    return done;
}

static void on_data(struct ata_command *c, uint32_t n)
{
    struct ahci_port *p = c->opaque;
    struct slot *sl = &p->slot[c->tag];
    bool in = c->protocol == ATA_PIO_IN || c->protocol == ATA_DMA_IN;
    if (c->protocol == ATA_PIO_IN || c->protocol == ATA_PIO_OUT)
        send_pio_setup(p, c, MIN(n, c->block));
    if (c->is_cdb) {
        bool ok = pci_dma_read(&p->h->pci, sl->table + TABLE_ATAPI, c->data, n);
        ata_data_done(c, ok ? n : 0);
        return;
    }
    uint32_t moved = move(p, sl, c->data, n, in);
    if (moved < n)
        raise_port(p, I_OVERFLOW);
    ata_data_done(c, moved);
}

static void run(struct ahci_port *p);

static void finish_queued(struct ahci_port *p, const struct ata_command *c)
{
    uint32_t bit = 1u << c->tag;
    bool failed = c->status & ATA_ERR;
    uint8_t fis[8] = {FIS_SET_BITS, FIS_INTERRUPT, c->status & 0x77, c->error};
    st_le32(fis + 4, failed ? 0 : bit);
    receive_fis(p, AT_SET_BITS, fis, sizeof(fis));
    p->s->tfd = (p->s->tfd & ATA_BSY) | (c->status & 0x77u) | (uint32_t)c->error << 8;
    if (failed) {
        p->s->drive.failed_tag = (uint8_t)c->tag;
        p->s->drive.failed_status = c->status;
        p->s->drive.failed_error = c->error;
        p->s->halted = 1;
    } else {
        p->s->sact &= ~bit;
    }
    raise_port(p, I_BITS | (failed ? I_TASK_FILE : 0));
}

/* A failed command stays in the list: software finds it by CCS. */
static void finish_plain(struct ahci_port *p, const struct ata_command *c)
{
    bool failed = c->status & ATA_ERR;
    bool by_pio_setup = c->protocol == ATA_PIO_IN && !c->is_packet && !failed;
    p->s->tfd = c->status | (uint32_t)c->error << 8;
    if (!by_pio_setup)
        send_d2h(p, c);
    if (failed)
        p->s->halted = 1;
    else
        p->s->ci &= ~(1u << c->tag);
    raise_port(p, (by_pio_setup ? I_PIO : I_D2H) | (failed ? I_TASK_FILE : 0));
}

static void on_done(struct ata_command *c)
{
    struct ahci_port *p = c->opaque;
    struct slot *sl = &p->slot[c->tag];
    uint8_t moved[4];
    st_le32(moved, sl->moved);
    if (!sl->is_queued && !pci_dma_write(&p->h->pci, sl->header + 4, moved, sizeof(moved)))
        raise_port(p, I_HOST_BUS);
    sl->c = NULL;
    if (sl->is_queued)
        finish_queued(p, c);
    else
        finish_plain(p, c);
    run(p);
}

static const struct ata_adapter adapter = {on_data, on_done};

static void reset_drive(struct ahci_port *p)
{
    struct ata_command c = {0};
    drop_all(p);
    p->s->halted = p->s->has_greeted = 0;
    if (!ide_has_drive(&p->bus, 0)) {
        p->s->tfd = 0x7f;
        p->s->sig = UINT32_MAX;
        return;
    }
    ata_signature(&p->bus, 0, &c.count, &c.lba);
    p->s->sig = (uint32_t)c.lba << 8 | (c.count & 0xff);
    p->s->tfd = 0x100 | (ide_is_atapi(&p->bus, 0) ? 0 : ATA_DRDY | ATA_DSC);
    greet(p);
}

/* A FIS that writes the control register: software reset begins and ends with two of them. */
static void control_fis(struct ahci_port *p, unsigned slot, const uint8_t *fis)
{
    bool reset = fis[15] & CONTROL_RESET;
    p->s->ci &= ~(1u << slot);
    if (reset) {
        drop_all(p);
        p->s->tfd = ATA_BSY;
    } else if (p->s->in_reset) {
        ata_soft_reset(&p->bus, 0);
        reset_drive(p);
    }
    p->s->in_reset = reset;
}

static void start(struct ahci_port *p, unsigned slot, const uint8_t *fis)
{
    struct slot *sl = &p->slot[slot];
    struct ata_command *c = ata_command_new(&p->bus, 0, &adapter, p);
    c->tag = slot;
    c->command = fis[2];
    c->feature = (uint16_t)(fis[3] | fis[11] << 8);
    c->lba = fis[4] | fis[5] << 8 | (uint32_t)fis[6] << 16 | (uint64_t)fis[8] << 24 |
             (uint64_t)fis[9] << 32 | (uint64_t)fis[10] << 40;
    c->device = fis[7];
    c->count = (uint16_t)(fis[12] | fis[13] << 8);
    c->is_queued = sl->is_queued;
    sl->c = c;
    p->s->cmd = (uint32_t)deposit64(p->s->cmd, 8, 5, slot);
    if (sl->is_queued) /* the drive accepts it, and is free for the next */
        p->s->ci &= ~(1u << slot);
    else
        p->s->tfd |= ATA_BSY;
    ata_start(c);
}

static bool is_queued_fis(const uint8_t *fis)
{
    return fis[2] == ATA_CMD_READ_FPDMA || fis[2] == ATA_CMD_WRITE_FPDMA;
}

/* Take the command in a slot; false when it must wait. */
static bool issue(struct ahci_port *p, unsigned slot)
{
    uint8_t header[HEADER_SIZE], fis[CFIS_SIZE];
    struct slot sl = {.header = p->s->clb + slot * HEADER_SIZE};
    struct pci_device *pci = &p->h->pci;
    if (!pci_dma_read(pci, sl.header, header, HEADER_SIZE) ||
        !pci_dma_read(pci, sl.table = ld_le64(header + 8) & ~UINT64_C(127), fis, CFIS_SIZE)) {
        p->s->halted = 1;
        raise_port(p, I_HOST_BUS);
        return false;
    }
    sl.nprd = ld_le16(header + 2);
    sl.is_queued = fis[0] == FIS_H2D && (fis[1] & FIS_COMMAND) && is_queued_fis(fis);
    if (is_exclusive(p) || (!sl.is_queued && !is_idle(p)))
        return false;
    if (fis[0] != FIS_H2D) {
        dev_guest_error(&pci->dev, "port %u: FIS of type %#x is no command", p->n, fis[0]);
        p->s->ci &= ~(1u << slot);
    } else if (!(fis[1] & FIS_COMMAND)) {
        control_fis(p, slot, fis);
    } else {
        p->slot[slot] = sl;
        start(p, slot, fis);
    }
    return true;
}

static bool may_run(const struct ahci_port *p)
{
    return (p->s->cmd & CMD_START) && !p->s->halted && ide_has_drive(&p->bus, 0);
}

static void run(struct ahci_port *p)
{
    for (unsigned i = 0; i < SLOTS && may_run(p); i++)
        if ((p->s->ci >> i & 1) && !p->slot[i].c && !issue(p, i))
            return;
}

/* --- registers --- */

static void stop(struct ahci_port *p)
{
    drop_all(p);
    p->s->ci = p->s->sact = 0;
    p->s->halted = 0;
    p->s->cmd &= ~(uint32_t)CMD_SLOT;
    p->s->tfd &= ~(uint32_t)(ATA_BSY | ATA_DRQ);
}

static void write_cmd(struct ahci_port *p, uint32_t v)
{
    uint32_t was = p->s->cmd, runs = 0;
    if (v & CMD_START)
        runs |= CMD_RUNS;
    if (v & CMD_FIS)
        runs |= CMD_FIS_RUNS;
    p->s->cmd = (v & CMD_WRITABLE & ~(uint32_t)CMD_OVERRIDE) | runs | (was & CMD_SLOT);
    if (ide_is_atapi(&p->bus, 0))
        p->s->cmd |= CMD_ATAPI;
    if (v & CMD_OVERRIDE)
        p->s->tfd &= ~(uint32_t)(ATA_BSY | ATA_DRQ);
    if ((was & CMD_START) && !(v & CMD_START))
        stop(p);
    greet(p);
    run(p);
}

/* COMRESET: DET goes to 1 and back. */
static void write_sctl(struct ahci_port *p, uint32_t v)
{
    uint32_t was = p->s->sctl & 15;
    p->s->sctl = v & 0xfff;
    if ((v & 15) == 1) {
        drop_all(p);
        p->s->tfd = 0x7f;
        p->s->sig = UINT32_MAX;
    } else if (was == 1 && (v & 15) == 0) {
        ata_soft_reset(&p->bus, 0);
        reset_drive(p);
        if (ide_has_drive(&p->bus, 0)) {
            p->s->serr |= SERR_EXCHANGED;
            raise_port(p, I_CONNECT);
        }
    }
}

static void write_serr(struct ahci_port *p, uint32_t v)
{
    p->s->serr &= ~v;
    if (!(p->s->serr & SERR_EXCHANGED))
        p->s->is &= ~(uint32_t)I_CONNECT;
}

static uint32_t link_status(const struct ahci_port *p)
{
    unsigned det = p->s->sctl & 15;
    if (!ide_has_drive(&p->bus, 0) || det == 4)
        return det == 4 ? 4 : 0;
    return det == 1 ? 1 : SSTS_UP;
}

static uint32_t port_read(const struct ahci_port *p, unsigned reg)
{
    const struct ahci_port_state *s = p->s;
    switch (reg) {
    case P_CLB: return (uint32_t)s->clb;
    case P_CLBU: return (uint32_t)(s->clb >> 32);
    case P_FB: return (uint32_t)s->fb;
    case P_FBU: return (uint32_t)(s->fb >> 32);
    case P_IS: return s->is;
    case P_IE: return s->ie;
    case P_CMD: return s->cmd;
    case P_TFD: return s->tfd;
    case P_SIG: return s->sig;
    case P_SSTS: return link_status(p);
    case P_SCTL: return s->sctl;
    case P_SERR: return s->serr;
    case P_SACT: return s->sact;
    case P_CI: return s->ci;
    default: return 0;
    }
}

static void port_write(struct ahci_port *p, unsigned reg, uint32_t v)
{
    struct ahci_port_state *s = p->s;
    switch (reg) {
    case P_CLB: s->clb = deposit64(s->clb, 0, 32, v & ~1023u); break;
    case P_CLBU: s->clb = deposit64(s->clb, 32, 32, v); break;
    case P_FB: s->fb = deposit64(s->fb, 0, 32, v & ~255u); break;
    case P_FBU: s->fb = deposit64(s->fb, 32, 32, v); break;
    case P_IS: s->is &= ~(v & ~(uint32_t)I_CONNECT); break;
    case P_IE: s->ie = v & I_WRITABLE; break;
    case P_CMD: write_cmd(p, v); break;
    case P_SCTL: write_sctl(p, v); break;
    case P_SERR: write_serr(p, v); break;
    case P_SACT: s->sact |= s->cmd & CMD_START ? v : 0; break;
    case P_CI:
        s->ci |= s->cmd & CMD_START ? v : 0;
        run(p);
        break;
    default: break; /* read-only, or of features that are not there */
    }
    update_irq(p->h);
}

static void reset_host(struct ahci *h)
{
    h->s.ghc = GHC_AHCI;
    h->s.is = 0;
    for (unsigned n = 0; n < PORTS; n++) {
        struct ahci_port *p = &h->port[n];
        struct ata_state drive = p->s->drive;
        uint64_t clb = p->s->clb, fb = p->s->fb;
        drop_all(p);
        *p->s = (struct ahci_port_state){.clb = clb, .fb = fb, .cmd = 6, .drive = drive};
        ata_soft_reset(&p->bus, 0);
        reset_drive(p);
        if (ide_has_drive(&p->bus, 0)) {
            p->s->serr = SERR_EXCHANGED;
            p->s->is = I_CONNECT;
        }
    }
}

static uint32_t read32(struct ahci *h, unsigned off)
{
    if (off >= PORT_REGS) {
        unsigned n = (off - PORT_REGS) / PORT_STRIDE;
        return n < PORTS ? port_read(&h->port[n], (off - PORT_REGS) % PORT_STRIDE) : 0;
    }
    switch (off) {
    case CAP: return CAPABILITIES;
    case GHC: return h->s.ghc;
    case IS: return h->s.is;
    case PI: return (1u << PORTS) - 1;
    case VS: return VERSION;
    default: return 0;
    }
}

static void write32(struct ahci *h, unsigned off, uint32_t v)
{
    if (off >= PORT_REGS) {
        unsigned n = (off - PORT_REGS) / PORT_STRIDE;
        if (n < PORTS)
            port_write(&h->port[n], (off - PORT_REGS) % PORT_STRIDE, v);
        return;
    }
    if (off == GHC) {
        if (v & GHC_RESET)
            reset_host(h);
        else
            h->s.ghc = GHC_AHCI | (v & GHC_INTERRUPTS);
    } else if (off == IS) {
        h->s.is &= ~v;
    }
    update_irq(h);
}

static uint64_t regs_read(struct device *dev, struct access a)
{
    return read32((struct ahci *)dev, (unsigned)a.off);
}

static void regs_write(struct device *dev, struct access a, uint64_t v)
{
    write32((struct ahci *)dev, (unsigned)a.off, (uint32_t)v);
}

/* A pair of ports for software without memory access. */
static uint64_t index_read(struct device *dev, struct access a)
{
    struct ahci *h = (struct ahci *)dev;
    if (a.off == INDEX)
        return h->s.index;
    return a.off == INDEX_DATA ? read32(h, h->s.index) : 0;
}

static void index_write(struct device *dev, struct access a, uint64_t v)
{
    struct ahci *h = (struct ahci *)dev;
    if (a.off == INDEX)
        h->s.index = (uint32_t)v & (REGS_SIZE - 4);
    else if (a.off == INDEX_DATA)
        write32(h, h->s.index, (uint32_t)v);
}

/* --- the device --- */

static void on_changed(struct ide_bus *bus, unsigned unit UNUSED)
{
    struct ahci_port *p = container_of(bus, struct ahci_port, bus);
    reset_drive(p);
}

static void init_ports(struct ahci *h)
{
    static const struct ide_bus_ops bus_ops = {on_changed};
    for (unsigned n = 0; n < PORTS; n++) {
        struct ahci_port *p = &h->port[n];
        struct ata_state *const states[] = {&h->s.port[n].drive};
        p->h = h;
        p->n = n;
        p->s = &h->s.port[n];
        ide_bus_init(&p->bus, &h->pci.dev, &bus_ops, n, 1, states);
    }
}

static void add_sata_capability(struct pci_device *p)
{
    unsigned at = pci_add_capability(p, 0x12, 0xa8, 8);
    pci_config_init(p, at + 2, 2, 0x0010);
    pci_config_init(p, at + 4, 4, INDEX / 4 << 4 | (4 + INDEX_BAR));
}

static bool ahci_realize(struct device *dev, struct error **errp)
{
    static const struct pci_ids ids = {.vendor = 0x8086,
                                       .device = 0x2922,
                                       .subsystem_vendor = 0x1af4,
                                       .subsystem = 0x1100,
                                       .class_code = 0x010601,
                                       .revision = 2,
                                       .pin = 1};
    static const struct mmio_ops ops = {regs_read, regs_write, .min = 4, .max = 4,
                                        .size = REGS_SIZE};
    static const struct mmio_ops index_ops = {index_read, index_write, .min = 4, .max = 4,
                                              .size = INDEX_SIZE};
    struct ahci *h = (struct ahci *)dev;
    if (!pci_init(&h->pci, &ids, NULL, errp))
        return false;
    region_init_mmio(&h->regs, "ahci", &ops, dev);
    region_init_mmio(&h->index_regs, "ahci-idp", &index_ops, dev);
    pci_add_bar(&h->pci, ABAR, PCI_BAR_MEM32, &h->regs);
    pci_add_bar(&h->pci, INDEX_BAR, PCI_BAR_IO, &h->index_regs);
    pci_add_msi(&h->pci, 1);
    add_sata_capability(&h->pci);
    init_ports(h);
    return true;
}

static void ahci_unrealize(struct device *dev)
{
    struct ahci *h = (struct ahci *)dev;
    mutex_lock(&dev->lock);
    for (unsigned n = 0; n < PORTS; n++)
        drop_all(&h->port[n]);
    mutex_unlock(&dev->lock);
    for (unsigned n = 0; n < PORTS; n++)
        ide_bus_fini(&h->port[n].bus);
    pci_fini(&h->pci);
}

static void ahci_reset(struct device *dev)
{
    struct ahci *h = (struct ahci *)dev;
    pci_reset(dev);
    for (unsigned n = 0; n < PORTS; n++)
        ata_power_up(&h->port[n].bus, 0);
    reset_host(h);
}

static void ahci_loaded(struct device *dev)
{
    struct ahci *h = (struct ahci *)dev;
    h->s.index &= REGS_SIZE - 4;
    h->s.ghc |= GHC_AHCI;
    for (unsigned n = 0; n < PORTS; n++) {
        struct ahci_port *p = &h->port[n];
        drop_all(p);
        ata_check(&p->s->drive);
        p->s->clb &= ~UINT64_C(1023);
        p->s->fb &= ~UINT64_C(255);
    }
}

static void ahci_sync(struct device *dev)
{
    struct ahci *h = (struct ahci *)dev;
    pci_sync(dev);
    update_irq(h);
    for (unsigned n = 0; n < PORTS; n++)
        run(&h->port[n]);
}

static bool ahci_can_save(struct device *dev, struct error **errp)
{
    struct ahci *h = (struct ahci *)dev;
    for (unsigned n = 0; n < PORTS; n++) {
        if (is_idle(&h->port[n]))
            continue;
        error_set(errp, "a transfer of '%s' is on its way; try again", h->port[n].bus.drive[0]->id);
        return false;
    }
    return true;
}

static const struct state_field ahci_state[] = {
    STATE(ahci, pci, 0), STATE(ahci, ghc, 0),  STATE(ahci, is, 0), STATE(ahci, index, 0),
    STATE(ahci, pad, 0), STATE(ahci, port, 0), STATE_END,
};

static const struct prop ahci_props[] = {
    PCI_PROPS(ahci),
    PROP_END,
};

static const struct device_class ahci_class = {
    .desc = "AHCI adapter (ICH9) with six SATA ports",
    .bus = "PCI",
    .user_creatable = true,
    .props = ahci_props,
    .state = ahci_state,
    .realize = ahci_realize,
    .unrealize = ahci_unrealize,
    .reset = ahci_reset,
    .loaded = ahci_loaded,
    .sync = ahci_sync,
    .can_save = ahci_can_save,
};

/* Users know it by both names. */
const struct device_type ahci_type = {"ahci", &ahci_class, sizeof(struct ahci),
                                      offsetof(struct ahci, s), sizeof(struct ahci_state)};
const struct device_type ich9_ahci_type = {"ich9-ahci", &ahci_class, sizeof(struct ahci),
                                           offsetof(struct ahci, s), sizeof(struct ahci_state)};
