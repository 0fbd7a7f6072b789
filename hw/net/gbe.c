/* Registers, EEPROM, PHY, statistics and interrupts.  Ref: SDM 13, 82574 10. */
#include "hw/net/gbe.h"
#include "core/machine.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { STATUS_FD = 1, STATUS_LU = 2, STATUS_1000 = 2 << 6, STATUS_MASTER_ENABLE = 1 << 19 };
enum {
    EECD_SK = 1,
    EECD_CS = 2,
    EECD_DI = 4,
    EECD_DO = 8,
    EECD_REQ = 1 << 6,
    EECD_GNT = 1 << 7,
    EECD_PRES = 1 << 8,
    EECD_AUTO_RD = 1 << 9
};
enum { MICROWIRE_BITS = 9, MICROWIRE_READ = 6 };
enum { EERD_START = 1, EERD_DONE_8254X = 1 << 4, EERD_DONE_82574 = 1 << 1 };
enum {
    MDIC_WRITE = 1,
    MDIC_READ = 2,
    MDIC_READY = 1 << 28,
    MDIC_INT = 1 << 29,
    MDIC_ERROR = 1 << 30,
    PHY_ADDRESS = 1
};
enum {
    PHY_CTRL = 0,
    PHY_STATUS = 1,
    PHY_ID1 = 2,
    PHY_ID2 = 3,
    PHY_ANAR = 4,
    PHY_LPA = 5,
    PHY_1000T_CTRL = 9,
    PHY_1000T_STATUS = 10,
    PHY_EXT_STATUS = 15,
    M88_CONTROL = 16,
    M88_STATUS = 17,
    PHY_PAGE_22 = 22,
    PHY_PAGE_31 = 31
};
enum {
    PHY_RESET = 0x8000,
    PHY_AN_RESTART = 0x0200,
    PHY_LINK = 0x0004,
    PHY_AN_DONE = 0x0020,
    M88_LINK = 0x0400
};
enum { CTRL_EXT_EIAME = 1 << 24, CTRL_EXT_IAME = 1 << 27, IO_SIZE = 32, IOADDR = 0, IODATA = 4 };
enum { SWSM_SMBI = 1, EXTCNF_MDIO = 1 << 5, MTA_END = 0x5400, RAL_END = 0x5480, VFTA_END = 0x5800 };
enum { ITR_UNIT_NS = 256, DELAY_UNIT_NS = 1024 };
static const uint32_t OTHER_CAUSES = ICR_LSC | ICR_RXO | ICR_MDAC | ICR_TXD_LOW | ICR_SRPD;
static const uint32_t RX_QUEUES = ICR_RXQ0 | ICR_RXQ1;

static uint32_t irq_causes(const struct gbe *g)
{
    return gbe_reg(g, ICR) & gbe_reg(g, IMS) & ~ICR_ASSERTED;
}

bool gbe_link_up(const struct gbe *g)
{
    return net_nic_link_up(&g->nic);
}

/* Causes that each MSI-X vector stands for, by IVAR.  82574 10.2.4.9. */
static uint32_t vector_causes(const struct gbe *g, unsigned vector)
{
    static const uint32_t group[] = {ICR_RXQ0, ICR_RXQ1, ICR_TXQ0, ICR_TXQ1, ICR_OTHER};
    uint32_t ivar = gbe_reg(g, IVAR), causes = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(group); i++) {
        unsigned entry = ivar >> (4 * i) & 15;
        if ((entry & 8) && (entry & 7) == vector)
            causes |= group[i];
    }
    return causes;
}

/* Whether a vector may interrupt now; else a timer will look again. */
static bool throttle(struct gbe *g, unsigned vector, uint32_t interval)
{
    ns_t now = clock_now();

    if (interval && now < g->next_irq[vector]) {
        timer_set(&g->irq_timer, g->next_irq[vector]);
        return false;
    }
    g->next_irq[vector] = now + (ns_t)interval * ITR_UNIT_NS;
    return true;
}

static void fire_msix(struct gbe *g, uint32_t causes)
{
    for (unsigned v = 0; v < GBE_VECTORS; v++) {
        uint32_t now = causes & vector_causes(g, v) & ~g->s.fired;
        if (!now || !throttle(g, v, gbe_reg(g, EITR + 4 * v) & 0xffff))
            continue;
        g->s.fired |= now;
        if (gbe_reg(g, CTRL_EXT) & CTRL_EXT_EIAME)
            gbe_put(g, IMS, gbe_reg(g, IMS) & ~(now & gbe_reg(g, IAM)));
        uint32_t clear = now & gbe_reg(g, EIAC);
        gbe_put(g, ICR, gbe_reg(g, ICR) & ~clear);
        g->s.fired &= ~clear;
        pci_notify(&g->pci, v);
    }
}

/* Drive what follows from ICR and IMS: a level, or messages for causes that are new. */
static void update_irq(struct gbe *g)
{
    uint32_t causes = irq_causes(g);

    g->s.fired &= causes;
    if (pci_msix_enabled(&g->pci)) {
        fire_msix(g, causes);
        return;
    }
    if (!causes) {
        gbe_put(g, ICR, gbe_reg(g, ICR) & ~ICR_ASSERTED);
        pci_set_irq(&g->pci, false);
        return;
    }
    if (gbe_reg(g, ICR) & ICR_ASSERTED && !(causes & ~g->s.fired))
        return;
    if (g->mitigation && !throttle(g, 0, gbe_reg(g, ITR) & 0xffff))
        return;
    gbe_put(g, ICR, gbe_reg(g, ICR) | ICR_ASSERTED);
    g->s.fired |= causes;
    if (!pci_notify(&g->pci, 0))
        pci_set_irq(&g->pci, true);
}

void gbe_raise(struct gbe *g, uint32_t causes)
{
    if (g->model->is_82574 && (causes & OTHER_CAUSES))
        causes |= ICR_OTHER;
    gbe_put(g, ICR, gbe_reg(g, ICR) | causes);
    g->s.fired &= ~causes;
    update_irq(g);
}

/* SDM 3.2.7.1: a packet timer that each packet restarts, and an absolute one that bounds it. */
static bool delay(struct timer *t, bool *armed, ns_t *end, uint32_t packet, uint32_t absolute)
{
    ns_t now = clock_now();

    if (!packet)
        return false;
    if (!*armed)
        *end = absolute ? now + (ns_t)absolute * DELAY_UNIT_NS : INT64_MAX;
    *armed = true;
    timer_set(t, MIN(*end, now + (ns_t)packet * DELAY_UNIT_NS));
    return true;
}

void gbe_raise_rx(struct gbe *g, uint32_t causes)
{
    if ((causes & ICR_RXT0) && delay(&g->rx_delay, &g->rx_delay_armed, &g->rx_delay_end,
                                     gbe_reg(g, RDTR) & 0xffff, gbe_reg(g, RADV) & 0xffff)) {
        g->rx_delayed |= causes & RX_QUEUES;
        causes &= ~(uint32_t)ICR_RXT0;
        if (!(causes & ~RX_QUEUES))
            causes = 0;
    }
    if (causes)
        gbe_raise(g, causes);
}

void gbe_raise_tx(struct gbe *g, unsigned q, bool delayed)
{
    uint32_t queue = g->model->is_82574 ? ICR_TXQ0 << q : 0;

    if (delayed && delay(&g->tx_delay, &g->tx_delay_armed, &g->tx_delay_end,
                         gbe_reg(g, TIDV) & 0xffff, gbe_reg(g, TADV) & 0xffff))
        g->tx_delayed |= queue;
    else
        gbe_raise(g, ICR_TXDW | queue);
}

static void rx_delay_over(void *opaque)
{
    struct gbe *g = opaque;
    uint32_t queues = g->rx_delayed;

    g->rx_delay_armed = false;
    g->rx_delayed = 0;
    gbe_raise(g, ICR_RXT0 | queues);
}

static void tx_delay_over(void *opaque)
{
    struct gbe *g = opaque;
    uint32_t queues = g->tx_delayed;

    g->tx_delay_armed = false;
    g->tx_delayed = 0;
    gbe_raise(g, ICR_TXDW | queues);
}

static void irq_timer_over(void *opaque)
{
    update_irq(opaque);
}

static void tx_again(void *opaque)
{
    gbe_send(opaque);
}

/* Statistics, SDM 13.7: they stick at their highest value. */
void gbe_count(struct gbe *g, unsigned stat, uint64_t n)
{
    gbe_put(g, stat, (uint32_t)MIN((uint64_t)gbe_reg(g, stat) + n, UINT32_MAX));
}

void gbe_count_octets(struct gbe *g, unsigned low, uint64_t n)
{
    uint64_t sum = ((uint64_t)gbe_reg(g, low + 4) << 32 | gbe_reg(g, low)) + n;

    gbe_put(g, low, (uint32_t)sum);
    gbe_put(g, low + 4, (uint32_t)(sum >> 32));
}

void gbe_count_size(struct gbe *g, unsigned first, size_t n)
{
    static const uint16_t limit[] = {64, 127, 255, 511, 1023};
    unsigned i = 0;

    while (i < G_N_ELEMENTS(limit) && n > limit[i])
        i++;
    gbe_count(g, first + 4 * i, 1);
}

/* The EEPROM's wires, SDM 5.3.1: a start bit, two bits of command, six of address, then data. */
static void eecd_clock(struct gbe *g, uint32_t v)
{
    struct gbe_state *s = &g->s;

    if (s->ee_out) {
        gbe_put(g, EECD, (v & ~(uint32_t)EECD_DO) | (s->ee_word & 0x8000 ? EECD_DO : 0));
        s->ee_word = (uint16_t)(s->ee_word << 1);
        return;
    }
    if (s->ee_count == 0 && !(v & EECD_DI))
        return; /* waits for the start bit */
    s->ee_word = (uint16_t)(s->ee_word << 1 | !!(v & EECD_DI));
    if (++s->ee_count < MICROWIRE_BITS)
        return;
    s->ee_out = s->ee_word >> 6 == MICROWIRE_READ;
    s->ee_word = s->ee_out ? g->eeprom[s->ee_word & (EEPROM_WORDS - 1)] : 0;
    s->ee_count = 0;
}

static void write_eecd(struct gbe *g, uint32_t v)
{
    uint32_t old = gbe_reg(g, EECD);

    v = (v & (EECD_SK | EECD_CS | EECD_DI | EECD_REQ | 0x30)) | (old & EECD_DO);
    gbe_put(g, EECD, v);
    if (!(v & EECD_CS)) {
        g->s.ee_word = g->s.ee_count = g->s.ee_out = 0;
        gbe_put(g, EECD, v & ~(uint32_t)EECD_DO);
    } else if (v & ~old & EECD_SK) {
        eecd_clock(g, v);
    }
}

static uint32_t read_eecd(const struct gbe *g)
{
    uint32_t v = gbe_reg(g, EECD) | EECD_PRES | (gbe_reg(g, EECD) & EECD_REQ ? EECD_GNT : 0);

    return g->model->is_82574 ? v | EECD_AUTO_RD : v;
}

/* SDM 13.4.4: the two families place address and done bit differently. */
static void write_eerd(struct gbe *g, uint32_t v)
{
    bool new = g->model->is_82574;
    unsigned address = new ? v >> 2 & 0x3fff : v >> 8 & 0xff;

    if (v & EERD_START)
        v = (v & 0xfffc) | (uint32_t)(new ? EERD_DONE_82574 : EERD_DONE_8254X) |
            (address < EEPROM_WORDS ? (uint32_t)g->eeprom[address] << 16 : 0xffff0000);
    gbe_put(g, EERD, v);
}

static void set_link_bits(struct gbe *g)
{
    uint16_t *phy = g->s.phy;
    bool up = gbe_link_up(g);

    phy[PHY_STATUS] = (uint16_t)((phy[PHY_STATUS] & ~(PHY_LINK | PHY_AN_DONE)) |
                                 (up ? PHY_LINK | PHY_AN_DONE : 0));
    phy[M88_STATUS] = (uint16_t)((phy[M88_STATUS] & ~M88_LINK) | (up ? M88_LINK : 0));
    phy[PHY_LPA] = up ? 0xc5e1 : 0;
    phy[PHY_1000T_STATUS] = up ? 0x3c00 : 0;
}

static void reset_phy(struct gbe *g)
{
    uint16_t *phy = g->s.phy;

    memset(phy, 0, sizeof(g->s.phy));
    phy[PHY_CTRL] = 0x1140;
    phy[PHY_STATUS] = 0x7949;
    phy[PHY_ID1] = g->model->phy_id1;
    phy[PHY_ID2] = g->model->phy_id2;
    phy[PHY_ANAR] = 0x0de1;
    phy[6] = 0x000d;
    phy[PHY_1000T_CTRL] = 0x0e00;
    phy[PHY_EXT_STATUS] = 0x3000;
    phy[M88_CONTROL] = 0x0360;
    phy[M88_STATUS] = 0xa800; /* 1000 Mbit/s, full duplex, resolved */
    set_link_bits(g);
}

static void write_phy(struct gbe *g, unsigned r, uint16_t v)
{
    bool other_page = g->model->is_82574 && g->s.phy[PHY_PAGE_31] && r < 16;

    if (other_page || r == PHY_STATUS || r == PHY_ID1 || r == PHY_ID2 || r == PHY_LPA ||
        r == PHY_1000T_STATUS || r == PHY_EXT_STATUS || r == M88_STATUS)
        return; /* read-only */
    if (r != PHY_CTRL) {
        g->s.phy[r] = v;
        return;
    }
    if (v & PHY_RESET)
        reset_phy(g);
    else
        g->s.phy[PHY_CTRL] = v & (uint16_t)~PHY_AN_RESTART;
    if (v & (PHY_AN_RESTART | PHY_RESET)) {
        set_link_bits(g);
        gbe_raise(g, ICR_LSC);
    }
}

/* SDM 13.4.7: the access is done at once. */
static void write_mdic(struct gbe *g, uint32_t v)
{
    unsigned op = v >> 26 & 3, r = v >> 16 & 31;

    v &= ~(uint32_t)(MDIC_ERROR | MDIC_READY);
    if ((v >> 21 & 31) != PHY_ADDRESS)
        v |= MDIC_ERROR;
    else if (op == MDIC_WRITE)
        write_phy(g, r, (uint16_t)v);
    else if (op == MDIC_READ)
        v = (v & 0xffff0000) | g->s.phy[r];
    gbe_put(g, MDIC, v | MDIC_READY);
    if (v & MDIC_INT)
        gbe_raise(g, ICR_MDAC);
}

static uint32_t read_status(const struct gbe *g)
{
    uint32_t v = STATUS_FD | STATUS_1000 | 0x80000000;

    if (gbe_link_up(g) && (gbe_reg(g, CTRL) & CTRL_SLU))
        v |= STATUS_LU;
    if (g->model->is_82574 && !(gbe_reg(g, CTRL) & CTRL_MASTER_DISABLE))
        v |= STATUS_MASTER_ENABLE;
    return v;
}

/* Reading acknowledges.  The 82574 keeps causes in MSI-X mode, 82574 10.2.4.1, unless nothing is
 * enabled or they were told. */
static uint32_t read_icr(struct gbe *g)
{
    uint32_t v = gbe_reg(g, ICR);
    bool msix = pci_msix_enabled(&g->pci);

    if (g->model->is_82574 && (gbe_reg(g, CTRL_EXT) & CTRL_EXT_IAME) && (v & ICR_ASSERTED))
        gbe_put(g, IMS, gbe_reg(g, IMS) & ~gbe_reg(g, IAM));
    if (!msix || !gbe_reg(g, IMS) || (v & OTHER_CAUSES))
        gbe_put(g, ICR,
                msix ? v & (ICR_RXQ0 | ICR_RXQ1 | ICR_TXQ0 | ICR_TXQ1) & gbe_reg(g, IMS) : 0);
    update_irq(g);
    return v;
}

/* 82574 10.2.9: a clock for time stamps, scaled by TIMINCA. */
static uint64_t systim(const struct gbe *g)
{
    uint32_t inca = gbe_reg(g, TIMINCA);
    uint64_t period = inca >> 24, step = inca & 0xffffff; /* `step` each `period` of 40 ns */

    return period ? (uint64_t)clock_now() / 40 / period * step : 0;
}

static uint32_t read_reg(struct gbe *g, unsigned off)
{
    uint32_t v = gbe_reg(g, off);

    switch (off) {
    case STATUS: return read_status(g);
    case EECD: return read_eecd(g);
    case ICR: return read_icr(g);
    case ICS:
    case IMC: return 0;
    case SWSM: gbe_put(g, SWSM, v | SWSM_SMBI); return v;
    case SYSTIML: gbe_put(g, SYSTIMH, (uint32_t)(systim(g) >> 32)); return (uint32_t)systim(g);
    default: break;
    }
    if (off >= STATS && off < STATS_END)
        gbe_put(g, off, 0); /* cleared by reading */
    return v;
}

static void write_ctrl(struct gbe *g, uint32_t v)
{
    if (v & CTRL_RST) { /* SDM 14.9: all but the PCI side and what the EEPROM gives */
        uint32_t msix = gbe_reg(g, IVAR);
        gbe_reset_mac(g);
        gbe_put(g, IVAR, msix);
        update_irq(g);
        return;
    }
    if (v & CTRL_PHY_RST)
        reset_phy(g);
    uint32_t rising = v & ~gbe_reg(g, CTRL);
    gbe_put(g, CTRL, v & ~CTRL_PHY_RST);
    if (rising & CTRL_SLU)
        gbe_raise(g, ICR_LSC);
}

static void flush_delays(struct gbe *g, unsigned off, uint32_t v)
{
    if (!(v >> 31)) /* FPD */
        return;
    gbe_put(g, off, v & 0xffff);
    if (off == RDTR)
        rx_delay_over(g);
    else
        tx_delay_over(g);
}

static void write_ims(struct gbe *g, uint32_t v)
{
    gbe_put(g, IMS, gbe_reg(g, IMS) | (v & 0x01ffffff));
    g->s.fired &= ~v;
    update_irq(g);
}

static void rx_ready(struct gbe *g)
{
    for (unsigned q = 0; q < gbe_queues(g); q++)
        if (gbe_rx_has_room(g, q)) {
            net_rx_ready(&g->nic);
            return;
        }
}

/* The rings' registers; off is that of queue 0 at `at`, for whichever queue. */
static void write_ring(struct gbe *g, unsigned off, unsigned at, uint32_t v)
{
    switch (off) {
    case RDLEN:
    case TDLEN: gbe_put(g, at, v & 0xfff80); break;
    case RDH:
    case TDH: gbe_put(g, at, v & 0xffff); break;
    case RDBAL:
    case TDBAL: gbe_put(g, at, v & ~UINT32_C(15)); break;
    case RDT:
        gbe_put(g, at, v & 0xffff);
        rx_ready(g);
        break;
    case TDT:
        gbe_put(g, at, v & 0xffff);
        gbe_send(g);
        break;
    default: break;
    }
}

/* The same register of queue 0. */
static unsigned of_queue0(const struct gbe *g, unsigned off)
{
    bool second = (off >= RDBAL + QUEUE_STRIDE && off <= RXDCTL + QUEUE_STRIDE) ||
                  (off >= TDBAL + QUEUE_STRIDE && off <= TXDCTL + QUEUE_STRIDE);

    return second && gbe_queues(g) > 1 ? off - QUEUE_STRIDE : off;
}

/* Registers with an effect; false for those that only hold what is written. */
static bool write_special(struct gbe *g, unsigned off, uint32_t v)
{
    switch (off) {
    case CTRL: write_ctrl(g, v); return true;
    case STATUS: return true;
    case EECD: write_eecd(g, v); return true;
    case EERD: write_eerd(g, v); return true;
    case MDIC: write_mdic(g, v); return true;
    case ICR:
        gbe_put(g, ICR, gbe_reg(g, ICR) & ~v);
        update_irq(g);
        return true;
    case ICS: gbe_raise(g, v & 0x01ffffff); return true;
    case IMS: write_ims(g, v); return true;
    case IMC:
        gbe_put(g, IMS, gbe_reg(g, IMS) & ~v);
        update_irq(g);
        return true;
    case EXTCNF_CTRL: gbe_put(g, off, v & EXTCNF_MDIO); return true;
    case FWSM: return true;
    case SYSTIML:
    case SYSTIMH: return true;
    default: return false;
    }
}

static void write_reg(struct gbe *g, unsigned off, uint32_t v)
{
    if (write_special(g, off, v) || (off >= STATS && off < STATS_END))
        return;
    gbe_put(g, off, v);
    switch (off) {
    case RDTR:
    case TIDV: flush_delays(g, off, v); break;
    case RCTL: rx_ready(g); break;
    case TCTL: gbe_send(g); break;
    default: write_ring(g, of_queue0(g, off), off, v);
    }
}

static uint64_t regs_read(struct device *dev, struct access a)
{
    struct gbe *g = (struct gbe *)dev;
    unsigned off = (unsigned)a.off & ~3U;

    if (off >= GBE_REGS_SIZE)
        return 0;
    return a.peek ? gbe_reg(g, off) : read_reg(g, off);
}

static void regs_write(struct device *dev, struct access a, uint64_t val)
{
    if (a.off < GBE_REGS_SIZE)
        write_reg((struct gbe *)dev, (unsigned)a.off & ~3U, (uint32_t)val);
}

/* SDM 13.1.2: an address and a window. */
static uint64_t io_read(struct device *dev, struct access a)
{
    struct gbe *g = (struct gbe *)dev;

    if (a.off == IOADDR)
        return g->s.io_addr;
    if (a.off != IODATA || g->s.io_addr >= GBE_REGS_SIZE)
        return 0;
    return a.peek ? gbe_reg(g, g->s.io_addr & ~3U) : read_reg(g, g->s.io_addr & ~3U);
}

static void io_write(struct device *dev, struct access a, uint64_t val)
{
    struct gbe *g = (struct gbe *)dev;

    if (a.off == IOADDR)
        g->s.io_addr = (uint32_t)val;
    else if (a.off == IODATA && g->s.io_addr < GBE_REGS_SIZE)
        write_reg(g, g->s.io_addr & ~3U, (uint32_t)val);
}

static uint64_t flash_read(struct device *dev UNUSED, struct access a UNUSED)
{
    return UINT64_MAX; /* erased */
}

static void flash_write(struct device *dev, struct access a, uint64_t val UNUSED)
{
    dev_guest_error(dev, "write to the flash at %#x, which is write-protected", (unsigned)a.off);
}

static const struct mmio_ops regs_ops = {regs_read, regs_write, .min = 4, .max = 4,
                                         .size = GBE_BAR_SIZE};
static const struct mmio_ops io_ops = {io_read, io_write, .min = 4, .max = 4, .size = IO_SIZE};
static const struct mmio_ops flash_ops = {flash_read, flash_write, .min = 1, .max = 4,
                                          .size = GBE_BAR_SIZE};

/* SDM 5.6: address, ids, and a checksum that makes the sum BABA. */
static void fill_eeprom(struct gbe *g)
{
    enum { SUM_WORD = 0x3f };
    uint16_t *e = g->eeprom, sum = 0;

    for (unsigned i = 0; i < 3; i++)
        e[i] = ld_le16(g->conf.mac.byte + 2 * i);
    for (unsigned i = 3; i < EEPROM_WORDS; i++)
        e[i] = 0xffff;
    e[3] = 0x0420;
    e[5] = 0x0000;
    e[0x0a] = g->model->is_82574 ? 0x4020 : 0x448b;
    e[0x0b] = g->model->device_id;
    e[0x0c] = e[0x0e] = 0x8086;
    e[0x0d] = g->model->device_id;
    e[0x0f] = 0xb040;
    for (unsigned i = 0; i < SUM_WORD; i++)
        sum = (uint16_t)(sum + e[i]);
    e[SUM_WORD] = (uint16_t)(0xbaba - sum);
}

/* Also by CTRL.RST. */
void gbe_reset_mac(struct gbe *g)
{
    const uint8_t *mac = g->conf.mac.byte;

    timer_cancel(&g->tx_again);
    timer_cancel(&g->rx_delay);
    timer_cancel(&g->tx_delay);
    g->rx_delay_armed = g->tx_delay_armed = false;
    g->rx_delayed = g->tx_delayed = g->raised = 0;
    for (unsigned q = 0; q < GBE_QUEUES; q++) {
        g->tx[q].waits = false;
        g->tx[q].len = 0;
    }
    memset(g->s.reg, 0, sizeof(g->s.reg));
    g->s.ctx_valid = 0;
    g->s.fired = 0;
    gbe_put(g, CTRL, CTRL_FD | CTRL_SLU);
    gbe_put(g, VET, 0x8100);
    gbe_put(g, PBA, g->model->is_82574 ? 0x00140014 : 0x00100030);
    gbe_put(g, RXCSUM, 0x300);
    gbe_put(g, LEDCTL, 0x07068302);
    gbe_put(g, RAL, ld_le32(mac));
    gbe_put(g, RAL + 4, ld_le16(mac + 4) | UINT32_C(1) << 31);
    reset_phy(g);
    memcpy(g->nic.mac, mac, 6);
}

void gbe_reset(struct device *dev)
{
    struct gbe *g = (struct gbe *)dev;

    pci_reset(dev);
    gbe_reset_mac(g);
    memset(g->next_irq, 0, sizeof(g->next_irq));
    net_rx_ready(&g->nic); /* what waits is dropped on arrival */
}

void gbe_sync(struct device *dev)
{
    pci_sync(dev);
    update_irq((struct gbe *)dev);
}

static void link_changed(struct net_client *c)
{
    struct gbe *g = c->opaque;

    set_link_bits(g);
    gbe_raise(g, ICR_LSC);
}

static const struct net_client_ops nic_ops = {
    .type = "nic",
    .receive = gbe_receive,
    .burst_end = gbe_burst_end,
    .writable = gbe_writable,
    .link_changed = link_changed,
};

static void add_bars(struct gbe *g)
{
    struct device *dev = &g->pci.dev;

    region_init_mmio(&g->regs, "gbe-registers", &regs_ops, dev);
    region_init_mmio(&g->io, "gbe-io", &io_ops, dev);
    pci_add_bar(&g->pci, 0, PCI_BAR_MEM32, &g->regs);
    if (!g->model->is_82574) {
        pci_add_bar(&g->pci, 1, PCI_BAR_IO, &g->io);
        return;
    }
    region_init_mmio(&g->flash, "gbe-flash", &flash_ops, dev);
    region_init_container(&g->msix, "gbe-msix", 0x4000);
    pci_add_bar(&g->pci, 1, PCI_BAR_MEM32, &g->flash);
    pci_add_bar(&g->pci, 2, PCI_BAR_IO, &g->io);
    pci_add_bar(&g->pci, 3, PCI_BAR_MEM32, &g->msix);
    pci_add_pm(&g->pci);
    pci_add_msi(&g->pci, 1);
    pci_add_express(&g->pci);
    pci_add_msix(&g->pci, GBE_VECTORS, 3, &g->msix, 0, 0x2000);
}

bool gbe_realize(struct gbe *g, const struct gbe_model *model, struct error **errp)
{
    struct device *dev = &g->pci.dev;
    const struct pci_ids ids = {
        0x8086,   model->device_id, 0x8086, model->is_82574 ? 0 : model->device_id,
        0x020000, model->revision,  1};

    g->model = model;
    if (!pci_init(&g->pci, &ids, NULL, errp))
        return false;
    net_mac_settle(&g->conf.mac);
    fill_eeprom(g);
    net_nic_init(&g->nic, &nic_ops, dev->type->name, dev->id, &dev->lock, g);
    g->nic.caps = NET_CAP_CSUM; /* frames whose checksum is not filled in yet: gbe_receive() does */
    if (!net_nic_connect(&g->nic, g->conf.netdev, errp)) {
        net_nic_fini(&g->nic);
        pci_fini(&g->pci);
        return false;
    }
    for (unsigned q = 0; q < gbe_queues(g); q++)
        g->tx[q].buf = g_malloc(GBE_TX_MAX);
    timer_init(&g->tx_again, &dev->lock, tx_again, g);
    timer_init(&g->irq_timer, &dev->lock, irq_timer_over, g);
    timer_init(&g->rx_delay, &dev->lock, rx_delay_over, g);
    timer_init(&g->tx_delay, &dev->lock, tx_delay_over, g);
    add_bars(g);
    return true;
}

void gbe_unrealize(struct device *dev)
{
    struct gbe *g = (struct gbe *)dev;

    net_nic_fini(&g->nic);
    timer_cancel(&g->tx_again);
    timer_cancel(&g->irq_timer);
    timer_cancel(&g->rx_delay);
    timer_cancel(&g->tx_delay);
    for (unsigned q = 0; q < GBE_QUEUES; q++)
        g_free(g->tx[q].buf);
    pci_fini(&g->pci);
}

const struct state_field gbe_state[] = {
    STATE(gbe, pci, 0),           STATE_ARRAY(gbe, reg, 0), STATE_ARRAY(gbe, phy, 0),
    STATE_ARRAY(gbe, context, 0), STATE(gbe, io_addr, 0),   STATE(gbe, ee_word, 0),
    STATE(gbe, ee_count, 0),      STATE(gbe, ee_out, 0),    STATE(gbe, fired, 0),
    STATE(gbe, ctx_valid, 0),     STATE_ARRAY(gbe, pad, 0), STATE_END,
};
