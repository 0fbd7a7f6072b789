/*
 * DP8390 and what an NE2000 has around it.
 *
 * A frame that the ring has no room for waits with the back end, so that the overwrite warning
 * never comes: the card reads on when the boundary pointer moves.  A driver that leaves frames in
 * the ring counts on the interrupt of the next one, or on that warning; it is reminded by PRX once
 * when it acknowledges that.  Nothing collides.  The upper half of addresses of DMA (LAS) does not
 * exist.
 */
#include "hw/net/ne2000.h"
#include "hw/net/ether.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>
#include <zlib.h>

enum { P_COMMAND = 0x00, P_DATA = 0x10, P_RESET = 0x18 };
enum { /* page 0, reads */
       R_CLDA0 = 0x01,
       R_CLDA1 = 0x02,
       R_BNRY = 0x03,
       R_TSR = 0x04,
       R_NCR = 0x05,
       R_FIFO = 0x06,
       R_ISR = 0x07,
       R_CRDA0 = 0x08,
       R_CRDA1 = 0x09,
       R_ID0 = 0x0a,
       R_ID1 = 0x0b,
       R_RSR = 0x0c,
       R_MISSED = 0x0f
};
enum { /* page 0, writes */
       W_PSTART = 0x01,
       W_PSTOP = 0x02,
       W_BNRY = 0x03,
       W_TPSR = 0x04,
       W_TBCR0 = 0x05,
       W_TBCR1 = 0x06,
       W_ISR = 0x07,
       W_RSAR0 = 0x08,
       W_RSAR1 = 0x09,
       W_RBCR0 = 0x0a,
       W_RBCR1 = 0x0b,
       W_RCR = 0x0c,
       W_TCR = 0x0d,
       W_DCR = 0x0e,
       W_IMR = 0x0f
};
enum { PAGE1_PAR = 0x01, PAGE1_CURR = 0x07, PAGE1_MAR = 0x08 };
enum { /* page 3 of the RTL8029AS */
       R3_9346CR = 0x01,
       R3_CONFIG0 = 0x03,
       R3_CONFIG2 = 0x05,
       R3_CONFIG3 = 0x06,
       R3_HLTCLK = 0x09,
       R3_ID0 = 0x0e,
       R3_ID1 = 0x0f,
       EE_CONFIG = 0xc0 /* 9346CR: CONFIG registers may be written */
};
enum {
    CR_STOP = 0x01,
    CR_START = 0x02,
    CR_TXP = 0x04,
    CR_DMA = 0x38,
    CR_READ = 0x08,
    CR_WRITE = 0x10,
    CR_SEND_PACKET = 0x18,
    CR_NO_DMA = 0x20,
    CR_PAGE_SHIFT = 6
};
enum {
    ISR_PRX = 0x01,
    ISR_PTX = 0x02,
    ISR_CNT = 0x20,
    ISR_RDC = 0x40,
    ISR_RST = 0x80,
    IMR_ALL = 0x7f
};
enum { DCR_WORD = 0x01, DCR_BIG_ENDIAN = 0x02, DCR_NORMAL = 0x08 };
enum { TCR_NO_CRC = 0x01, TCR_LOOP = 0x06 };
enum { RCR_BROADCAST = 0x04, RCR_MULTICAST = 0x08, RCR_ALL = 0x10, RCR_MONITOR = 0x20 };
enum { RSR_PRX = 0x01, RSR_CRC = 0x02, RSR_MULTICAST = 0x20, RSR_DISABLED = 0x40 };
enum { TSR_PTX = 0x01, TSR_NO_CARRIER = 0x10 };
enum { RAM_BASE = 0x4000, PAGE = 256, HEADER = 4, COUNTER_MAX = 0xc0, COUNTER_WARN = 0x80 };
enum { FRAME_MAX = NE_RAM, NOBODY = 0xff };

static unsigned page_of(const struct ne2000_state *s)
{
    return s->cr >> CR_PAGE_SHIFT;
}

void ne2000_update_irq(struct ne2000 *n)
{
    bool level = n->s->isr & n->s->imr & IMR_ALL;
    if (n->is_8029)
        pci_set_irq(&n->pci, level);
    else
        irq_set(&n->dev.irq, level);
}

/* ---- memory of the card ---- */

/* Each byte of the PROM is there twice, since it has only half of the data lines; "WW" says that
 * the card has all of them. */
static uint8_t prom(const struct ne2000 *n, unsigned at)
{
    if (at / 2 < ETHER_MAC_LEN)
        return n->conf.mac.byte[at / 2];
    return at / 2 >= NE_PROM / 2 - 2 ? 'W' : 0;
}

static uint8_t load(const struct ne2000 *n, uint16_t at)
{
    if (at < NE_PROM)
        return prom(n, at);
    return at >= RAM_BASE && at < RAM_BASE + NE_RAM ? n->s->ram[at - RAM_BASE] : NOBODY;
}

static void store(struct ne2000 *n, uint16_t at, uint8_t val)
{
    if (at >= RAM_BASE && at < RAM_BASE + NE_RAM)
        n->s->ram[at - RAM_BASE] = val;
}

/* The next address in the ring of pages. */
static uint16_t ring_next(const struct ne2000_state *s, uint16_t at)
{
    at++;
    return at == s->pstop << 8 ? (uint16_t)(s->pstart << 8) : at;
}

/* ---- remote DMA ---- */

static void dma_done(struct ne2000 *n)
{
    struct ne2000_state *s = n->s;
    s->cr = (uint8_t)((s->cr & ~CR_DMA) | CR_NO_DMA);
    s->isr |= ISR_RDC;
    if (s->next_page) {
        s->bnry = s->next_page;
        s->next_page = 0;
        net_rx_ready(&n->nic);
    }
    ne2000_update_irq(n);
}

/* The packet at the boundary pointer, with its header; then the boundary moves on. */
static void dma_send_packet(struct ne2000 *n)
{
    struct ne2000_state *s = n->s;
    uint16_t at = (uint16_t)(s->bnry << 8), header = at;
    uint8_t byte[HEADER];
    for (unsigned i = 0; i < HEADER; i++, at = ring_next(s, at))
        byte[i] = load(n, at);
    s->crda = header;
    s->left = ld_le16(byte + 2);
    s->next_page = byte[1];
}

static void dma_begin(struct ne2000 *n, uint8_t command)
{
    struct ne2000_state *s = n->s;
    s->next_page = 0;
    s->crda = s->rsar;
    s->left = s->rbcr;
    if (command == CR_SEND_PACKET)
        dma_send_packet(n);
    if (s->left == 0)
        dma_done(n);
}

static bool dma_runs(const struct ne2000_state *s, bool reads)
{
    uint8_t command = s->cr & CR_DMA;
    return reads ? command == CR_READ || command == CR_SEND_PACKET : command == CR_WRITE;
}

static void dma_step(struct ne2000 *n, unsigned width)
{
    struct ne2000_state *s = n->s;
    for (unsigned i = 0; i < width; i++)
        s->crda = ring_next(s, s->crda);
    s->left -= MIN(s->left, width);
    if (s->left == 0)
        dma_done(n);
}

/* Where byte i of a transfer lies. */
static uint16_t lane(const struct ne2000_state *s, unsigned i, unsigned width)
{
    bool swap = width == 2 && (s->dcr & DCR_BIG_ENDIAN);
    uint16_t at = s->crda;
    for (unsigned k = swap ? 1 - i : i; k > 0; k--)
        at = ring_next(s, at);
    return at;
}

/* One transfer, of the width that DCR says. */
static unsigned data_in(struct ne2000 *n, unsigned width, bool peek)
{
    unsigned val = 0;
    if (!dma_runs(n->s, true))
        return width == 2 ? 0xffff : NOBODY;
    for (unsigned i = 0; i < width; i++)
        val |= (unsigned)load(n, lane(n->s, i, width)) << (8 * i);
    if (!peek)
        dma_step(n, width);
    return val;
}

static void data_out(struct ne2000 *n, unsigned width, unsigned val)
{
    if (!dma_runs(n->s, false))
        return;
    for (unsigned i = 0; i < width; i++)
        store(n, lane(n->s, i, width), (uint8_t)(val >> (8 * i)));
    dma_step(n, width);
}

static uint32_t read_data(struct ne2000 *n, unsigned size, bool peek)
{
    unsigned width = n->s->dcr & DCR_WORD ? 2 : 1;
    uint32_t val = 0;
    for (unsigned i = 0; i < size; i += width)
        val |= (uint32_t)data_in(n, width, peek) << (8 * i);
    return val;
}

static void write_data(struct ne2000 *n, unsigned size, uint32_t val)
{
    unsigned width = n->s->dcr & DCR_WORD ? 2 : 1;
    for (unsigned i = 0; i < size; i += width)
        data_out(n, width, val >> (8 * i));
}

/* ---- receive ---- */

static bool wanted(const struct ne2000_state *s, const uint8_t *mac)
{
    unsigned bit = ether_hash(mac);
    if ((s->rcr & RCR_BROADCAST) && ether_is_broadcast(mac))
        return true;
    if (mac[0] & 1)
        return (s->rcr & RCR_MULTICAST) && (s->mar[bit / 8] >> bit % 8 & 1);
    return (s->rcr & RCR_ALL) || memcmp(mac, s->par, ETHER_MAC_LEN) == 0;
}

static void count_missed(struct ne2000_state *s)
{
    if (s->missed < COUNTER_MAX)
        s->missed++;
    if (s->missed & COUNTER_WARN)
        s->isr |= ISR_CNT;
}

/* Pages between the page that is written next and the boundary.  Drivers that keep the boundary one
 * page behind write the page before the ring when they mean its last one. */
static unsigned free_pages(const struct ne2000_state *s)
{
    unsigned size = (unsigned)(s->pstop - s->pstart), bnry = s->bnry;
    if (bnry < s->pstart || bnry >= s->pstop)
        bnry = s->pstop - 1U;
    return bnry > s->curr ? bnry - s->curr : size + bnry - s->curr;
}

static uint8_t page_after(const struct ne2000_state *s, unsigned page, unsigned pages)
{
    page += pages;
    return (uint8_t)(page >= s->pstop ? page - (s->pstop - s->pstart) : page);
}

static void put_frame(struct ne2000 *n, const uint8_t *frame, size_t len, unsigned pages)
{
    struct ne2000_state *s = n->s;
    uint8_t next = page_after(s, s->curr, pages), header[HEADER] = {s->rsr, next};
    uint16_t at = (uint16_t)(s->curr << 8);
    st_le16(header + 2, (uint16_t)len);
    for (unsigned i = 0; i < HEADER; i++, at = ring_next(s, at))
        store(n, at, header[i]);
    for (size_t i = 0; i < len; i++, at = ring_next(s, at))
        store(n, at, frame[i]);
    s->clda = at;
    s->curr = next;
    s->isr |= ISR_PRX;
}

/* Is there a ring, and is what is written next inside? */
static bool has_ring(const struct ne2000_state *s)
{
    return s->pstart < s->pstop && s->curr >= s->pstart && s->curr < s->pstop;
}

static bool receives(const struct ne2000_state *s)
{
    return s->running && !(s->tcr & TCR_LOOP);
}

static bool nic_receive(struct net_client *c, const struct net_frame *f)
{
    struct ne2000 *n = c->opaque;
    struct ne2000_state *s = n->s;
    uint8_t frame[2048];
    size_t len = ether_gather(f, frame, sizeof(frame));
    unsigned pages = (unsigned)(len + HEADER + PAGE - 1) / PAGE;
    if (!receives(s) || len == 0 || !wanted(s, frame))
        return true;
    if ((s->rcr & RCR_MONITOR) || !has_ring(s)) {
        s->rsr = s->rcr & RCR_MONITOR ? RSR_PRX | RSR_DISABLED : 0;
        count_missed(s);
    } else if (pages >= free_pages(s)) {
        return pages >= (unsigned)(s->pstop - s->pstart); /* there will never be room: lost */
    } else {
        s->rsr = RSR_PRX | (frame[0] & 1 ? RSR_MULTICAST : 0);
        put_frame(n, frame, len, pages);
    }
    ne2000_update_irq(n);
    return true;
}

/* ---- transmit ---- */

static void sent(struct ne2000 *n, uint8_t status)
{
    struct ne2000_state *s = n->s;
    s->tsr = status;
    s->cr &= (uint8_t)~CR_TXP;
    s->isr |= ISR_PTX;
    ne2000_update_irq(n);
}

/*
 * Data sheet, "Loopback modes": the receiver leaves the end of the frame in the FIFO, and two bytes
 * of its length, the upper one twice; nothing goes to memory.  It finds a bad check sequence unless
 * the frame brought its own.
 */
static void loop_back(struct ne2000 *n, const uint8_t *frame, size_t len)
{
    static const uint8_t status[] = {0, 0x53, 0x43, 0x03};
    struct ne2000_state *s = n->s;
    uint8_t fcs[ETHER_FCS];
    uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), frame, (unsigned)len);
    bool good = (s->tcr & TCR_NO_CRC) && crc == 0x2144df1c; /* of a frame with its sequence */
    size_t all = len + (s->tcr & TCR_NO_CRC ? 0 : ETHER_FCS), i;
    st_le32(fcs, crc);
    for (i = 0; i < all; i++)
        s->fifo[i % NE_FIFO] = i < len ? frame[i] : fcs[i - len];
    s->fifo[i++ % NE_FIFO] = (uint8_t)all;
    s->fifo[i++ % NE_FIFO] = (uint8_t)(all >> 8);
    s->fifo[i++ % NE_FIFO] = (uint8_t)(all >> 8);
    s->fifo_at = 0;
    s->rsr = good ? RSR_PRX : RSR_CRC;
    sent(n, status[s->tcr >> 1 & 3]);
}

static void transmit(struct ne2000 *n)
{
    struct ne2000_state *s = n->s;
    uint8_t frame[FRAME_MAX];
    size_t len = MIN(s->tbcr, FRAME_MAX);
    if (!(s->cr & CR_TXP) || !s->running)
        return;
    for (size_t i = 0; i < len; i++)
        frame[i] = load(n, (uint16_t)((s->tpsr << 8) + i));
    if (s->tcr & TCR_LOOP) {
        loop_back(n, frame, len);
        return;
    }
    if ((s->tcr & TCR_NO_CRC) && len >= ETHER_FCS)
        len -= ETHER_FCS; /* the cable has none */
    struct iovec iov = {frame, len};
    struct net_frame f = {.iov = &iov, .niov = 1, .size = len};
    bool up = net_nic_link_up(&n->nic);
    if (up && len >= NET_ETH_HEADER && !net_nic_send(&n->nic, &f))
        return; /* TXP stays until there is room */
    sent(n, up ? TSR_PTX : TSR_PTX | TSR_NO_CARRIER);
}

static void nic_writable(struct net_client *c)
{
    transmit(c->opaque);
}

static const struct net_client_ops nic_ops = {
    .type = "nic",
    .receive = nic_receive,
    .writable = nic_writable,
};

/* ---- registers ---- */

/* Neither start nor stop: as it was. */
static void write_command(struct ne2000 *n, uint8_t val)
{
    struct ne2000_state *s = n->s;
    uint8_t dma = val & CR_DMA, waits = s->cr & CR_TXP;
    s->cr = val | waits;
    if (val & CR_STOP) {
        s->cr &= (uint8_t)~CR_TXP;
        s->isr |= ISR_RST;
        s->running = 0;
    } else if (val & CR_START) {
        s->isr &= (uint8_t)~ISR_RST;
        s->running = 1;
    }
    if (dma & CR_NO_DMA)
        s->next_page = 0;
    else if (dma)
        dma_begin(n, dma);
    if (!waits)
        transmit(n);
    if (receives(s))
        net_rx_ready(&n->nic);
    ne2000_update_irq(n);
}

static uint8_t read_counter(struct ne2000_state *s, bool peek)
{
    uint8_t val = s->missed;
    if (!peek)
        s->missed = 0;
    return val;
}

static uint8_t read_fifo(struct ne2000_state *s, bool peek)
{
    uint8_t val = s->fifo[s->fifo_at % NE_FIFO];
    s->fifo_at += !peek;
    return val;
}

static uint8_t read_page0(struct ne2000 *n, unsigned reg, bool peek)
{
    struct ne2000_state *s = n->s;
    switch (reg) {
    case R_CLDA0: return (uint8_t)s->clda;
    case R_CLDA1: return (uint8_t)(s->clda >> 8);
    case R_BNRY: return s->bnry;
    case R_TSR: return s->tsr;
    case R_FIFO: return read_fifo(s, peek);
    case R_ISR: return s->isr;
    case R_CRDA0: return (uint8_t)s->crda;
    case R_CRDA1: return (uint8_t)(s->crda >> 8);
    case R_ID0: return n->is_8029 ? 'P' : NOBODY;
    case R_ID1: return n->is_8029 ? 'p' : NOBODY;
    case R_RSR: return s->rsr;
    case R_MISSED: return read_counter(s, peek);
    default: return 0; /* no collisions, no errors */
    }
}

static void set_byte(uint16_t *to, bool high, uint8_t val)
{
    *to = (uint16_t)(high ? (*to & 0xff) | val << 8 : (*to & 0xff00) | val);
}

/* Some keep the boundary at the page before what is read next, some at that page. */
static bool has_unread(const struct ne2000_state *s)
{
    return has_ring(s) && s->curr != s->bnry && s->curr != page_after(s, s->bnry, 1);
}

static void acknowledge(struct ne2000 *n, uint8_t causes)
{
    n->s->isr &= (uint8_t)~causes;
    if ((causes & ISR_PRX) && has_unread(n->s) && !n->reminded) {
        n->s->isr |= ISR_PRX;
        n->reminded = true;
    }
}

static void write_page0(struct ne2000 *n, unsigned reg, uint8_t val)
{
    struct ne2000_state *s = n->s;
    switch (reg) {
    case W_PSTART: s->pstart = val; break;
    case W_PSTOP: s->pstop = val; break;
    case W_BNRY:
        s->bnry = val;
        n->reminded = false;
        net_rx_ready(&n->nic);
        break;
    case W_TPSR: s->tpsr = val; break;
    case W_TBCR0:
    case W_TBCR1: set_byte(&s->tbcr, reg == W_TBCR1, val); break;
    case W_ISR: acknowledge(n, val & IMR_ALL); break;
    case W_RSAR0:
    case W_RSAR1: set_byte(&s->rsar, reg == W_RSAR1, val); break;
    case W_RBCR0:
    case W_RBCR1: set_byte(&s->rbcr, reg == W_RBCR1, val); break;
    case W_RCR: s->rcr = val & 0x3f; break;
    case W_TCR: s->tcr = val & 0x1f; break;
    case W_DCR: s->dcr = val & 0x7f; break;
    case W_IMR: s->imr = val & IMR_ALL; break;
    default: break;
    }
    ne2000_update_irq(n);
}

static uint8_t read_page1(const struct ne2000_state *s, unsigned reg)
{
    if (reg >= PAGE1_MAR)
        return s->mar[reg - PAGE1_MAR];
    return reg == PAGE1_CURR ? s->curr : s->par[reg - PAGE1_PAR];
}

static void write_page1(struct ne2000_state *s, unsigned reg, uint8_t val)
{
    if (reg >= PAGE1_MAR)
        s->mar[reg - PAGE1_MAR] = val;
    else if (reg == PAGE1_CURR)
        s->curr = val;
    else
        s->par[reg - PAGE1_PAR] = val;
}

/* Page 2 shows what is written on page 0, for diagnosis. */
static uint8_t read_page2(const struct ne2000_state *s, unsigned reg)
{
    switch (reg) {
    case W_PSTART: return s->pstart;
    case W_PSTOP: return s->pstop;
    case 0x03: return s->next_page;
    case W_TPSR: return s->tpsr;
    case 0x05: return s->curr;
    case 0x06: return (uint8_t)(s->clda >> 8);
    case 0x07: return (uint8_t)s->clda;
    case W_RCR: return s->rcr | 0xc0;
    case W_TCR: return s->tcr | 0xe0;
    case W_DCR: return s->dcr | 0x80;
    case W_IMR: return s->imr | 0x80;
    default: return NOBODY;
    }
}

static void write_page2(struct ne2000_state *s, unsigned reg, uint8_t val)
{
    switch (reg) {
    case 0x01:
    case 0x02: set_byte(&s->clda, reg == 0x02, val); break;
    case 0x03: s->next_page = val; break;
    case 0x05: s->curr = val; break;
    case 0x06:
    case 0x07: set_byte(&s->clda, reg == 0x06, val); break;
    default: break;
    }
}

static uint8_t read_page3(const struct ne2000 *n, unsigned reg)
{
    if (!n->is_8029)
        return NOBODY;
    switch (reg) {
    case R3_ID0: return 0x29;
    case R3_ID1: return 0x80;
    default: return n->s->page3[reg];
    }
}

static void write_page3(struct ne2000 *n, unsigned reg, uint8_t val)
{
    uint8_t *r = n->s->page3;
    bool config = (r[R3_9346CR] & EE_CONFIG) == EE_CONFIG;
    if (!n->is_8029)
        return;
    if (reg == R3_9346CR)
        r[reg] = val & 0xce;
    else if (reg == R3_HLTCLK || (config && (reg == R3_CONFIG2 || reg == R3_CONFIG3)))
        r[reg] = val;
}

static uint8_t read_reg(struct ne2000 *n, unsigned reg, bool peek)
{
    if (reg == P_COMMAND)
        return n->s->cr;
    switch (page_of(n->s)) {
    case 0: return read_page0(n, reg, peek);
    case 1: return read_page1(n->s, reg);
    case 2: return read_page2(n->s, reg);
    default: return read_page3(n, reg);
    }
}

static void write_reg(struct ne2000 *n, unsigned reg, uint8_t val)
{
    if (reg == P_COMMAND) {
        write_command(n, val);
        return;
    }
    switch (page_of(n->s)) {
    case 0: write_page0(n, reg, val); break;
    case 1: write_page1(n->s, reg, val); break;
    case 2: write_page2(n->s, reg, val); break;
    default: write_page3(n, reg, val); break;
    }
}

/* What the reset line does; addresses stay. */
static void chip_reset(struct ne2000 *n)
{
    struct ne2000_state *s = n->s;
    s->cr = CR_STOP | CR_NO_DMA;
    s->running = 0;
    s->isr = ISR_RST;
    s->imr = 0;
    s->dcr &= (uint8_t)~DCR_NORMAL;
    s->tcr &= (uint8_t)~TCR_LOOP;
    s->next_page = 0;
    ne2000_update_irq(n);
}

/* ---- ports ---- */

static uint64_t ports_read(struct device *dev, struct access a)
{
    struct ne2000 *n = (struct ne2000 *)dev;
    unsigned off = (unsigned)a.off;
    uint64_t val = 0;
    if (off >= P_RESET) {
        if (!a.peek)
            chip_reset(n);
        return 0;
    }
    if (off >= P_DATA)
        return read_data(n, a.size, a.peek) & MASK64(0, a.size * 8);
    for (unsigned i = 0; i < a.size; i++)
        val |= (uint64_t)read_reg(n, off + i, a.peek) << (8 * i);
    return val;
}

static void ports_write(struct device *dev, struct access a, uint64_t val)
{
    struct ne2000 *n = (struct ne2000 *)dev;
    unsigned off = (unsigned)a.off;
    if (off >= P_RESET)
        chip_reset(n);
    else if (off >= P_DATA)
        write_data(n, a.size, (uint32_t)val);
    else
        for (unsigned i = 0; i < a.size; i++)
            write_reg(n, off + i, (uint8_t)(val >> (8 * i)));
}

/* ---- a card's life ---- */

bool ne2000_init(struct ne2000 *n, struct error **errp)
{
    static const struct mmio_ops ops = {ports_read, ports_write, .min = 1, .max = 4,
                                        .size = NE_PORTS};
    struct device *dev = &n->dev;
    net_mac_settle(&n->conf.mac);
    net_nic_init(&n->nic, &nic_ops, dev->type->name, dev->id, &dev->lock, n);
    memcpy(n->nic.mac, n->conf.mac.byte, ETHER_MAC_LEN);
    if (!net_nic_connect(&n->nic, n->conf.netdev, errp)) {
        net_nic_fini(&n->nic);
        return false;
    }
    region_init_mmio(&n->ports, "ne2000", &ops, dev);
    return true;
}

void ne2000_fini(struct ne2000 *n)
{
    net_nic_fini(&n->nic);
}

/* A frame that waited for room in the back end is gone. */
void ne2000_loaded(struct device *dev)
{
    struct ne2000_state *s = ((struct ne2000 *)dev)->s;
    if (s->cr & CR_TXP)
        s->isr |= ISR_PTX;
    s->cr &= (uint8_t)~CR_TXP;
}
