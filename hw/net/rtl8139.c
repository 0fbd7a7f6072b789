/*
 * Realtek RTL8139C(L)+ Fast Ethernet controller: the ring of the 8139 and the descriptors of C+
 * mode. Ref: Realtek, "RTL8139C(L) Advanced" and "RTL8139C(L)+" data sheets; register names are
 * theirs.
 */
#include "core/clock.h"
#include "hw/boot_order.h"
#include "hw/net/ether.h"
#include "hw/pci/pci.h"
#include "net/net.h"
#include "net/offload.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>
#include <zlib.h>

enum { /* registers */
       IDR0 = 0x00,
       MAR0 = 0x08,
       TSD0 = 0x10,
       DTCCR = 0x10, /* C+ mode: where to dump the counters */
       TSAD0 = 0x20,
       TNPDS = 0x20, /* C+ mode: normal and high priority transmit descriptors */
       THPDS = 0x28,
       RBSTART = 0x30,
       ERSR = 0x36,
       CR = 0x37,
       CAPR = 0x38,
       CBR = 0x3a,
       IMR = 0x3c,
       ISR = 0x3e,
       TCR = 0x40,
       RCR = 0x44,
       TCTR = 0x48,
       MPC = 0x4c,
       CR9346 = 0x50,
       CONFIG0 = 0x51,
       CONFIG1 = 0x52,
       TIMER_INT = 0x54,
       MSR = 0x58,
       CONFIG3 = 0x59,
       CONFIG4 = 0x5a,
       MULINT = 0x5c,
       RERID = 0x5e,
       TSAD = 0x60,
       BMCR = 0x62,
       BMSR = 0x64,
       ANAR = 0x66,
       ANLPAR = 0x68,
       ANER = 0x6a,
       NWAYTR = 0x70,
       CSCR = 0x74,
       CONFIG5 = 0xd8,
       TPPOLL = 0xd9,
       CPCR = 0xe0,
       RDSAR = 0xe4,
       ETTHR = 0xec,
       REGS = 0x100,
};
enum { CR_BUFE = 0x01, CR_TE = 0x04, CR_RE = 0x08, CR_RST = 0x10 };
enum {
    I_ROK = 0x01,
    I_RER = 0x02,
    I_TOK = 0x04,
    I_TER = 0x08,
    I_RXOVW = 0x10,
    I_LINK = 0x20,
    I_FOVW = 0x40,
    I_TDU = 0x80,
    I_SWINT = 0x100,
    I_TIMEOUT = 0x4000,
    I_SERR = 0x8000
};
enum { RCR_AAP = 0x01, RCR_APM = 0x02, RCR_AM = 0x04, RCR_AB = 0x08, RCR_WRAP = 0x80 };
enum {
    TSD_OWN = 1 << 13,
    TSD_TUN = 1 << 14,
    TSD_TOK = 1 << 15,
    TSD_SIZE = 0x1fff,
    TX_MAX = 1792,
    SLOTS = 4
};
enum {
    TCR_LOOPBACK = 3 << 17,
    TCR_CRC = 1 << 16,
    RX_MAX = 16384,
    FCS = 4,
    RX_HEADER = 4,
    SLACK = 16
};
enum { CP_TX = 0x01, CP_RX = 0x02, CP_RX_CSUM = 0x20, CP_RX_VLAN = 0x40 };
enum {
    POLL_HIGH = 0x80,
    POLL_NORMAL = 0x40,
    POLL_SWINT = 0x01,
    DESC_SIZE = 16,
    BUDGET = 256,
    RING_MAX = 64
};
enum {
    EE_DO = 1,
    EE_DI = 2,
    EE_SK = 4,
    EE_CS = 8,
    EE_MODE = 0xc0,
    EE_MODE_PROGRAM = 0x80,
    EE_MODE_CONFIG = 0xc0,
    EE_MODE_LOAD = 0x40,
    EE_BITS = 9,
    EE_READ = 6
};
enum {
    MAC_LEN = 6,
    MAC_PAIR = 12,
    VLAN_TAG = 4,
    VLAN_TYPE = 0x8100,
    FRAME_MAX = 0x10000 + SLACK,
    EEPROM_WORDS = 64
};
static const uint32_t D_OWN = UINT32_C(1) << 31, D_EOR = 1 << 30, D_FS = 1 << 29, D_LS = 1 << 28;
static const uint32_t TX_LGSEN = 1 << 27, TX_IPCS = 1 << 18, TX_UDPCS = 1 << 17, TX_TCPCS = 1 << 16,
                      TX_TAGC = 1 << 17;
static const uint32_t RX_MAR = 1 << 27, RX_PAM = 1 << 26, RX_BAR = 1 << 25, RX_PID_SHIFT = 17,
                      RX_IPF = 1 << 16, RX_UDPF = 1 << 15, RX_TCPF = 1 << 14, RX_TAVA = 1 << 16;
static const ns_t TICK_NS = 30; /* of TCTR: the PCI clock, 33 MHz */

struct rtl8139 {
    struct pci_device pci;
    struct nic_conf conf;
    struct net_client nic;
    struct mem_region io, mem;
    uint16_t eeprom[EEPROM_WORDS];
    int32_t bootindex;
    struct timer timeout, tx_again;
    uint8_t *tx_buf; /* FRAME_MAX */
    uint32_t tx_len;
    bool tx_waits;
    struct net_hdr tx_hdr;
    struct rtl8139_state {
        struct pci_state pci;
        uint8_t reg[REGS];
        uint32_t tsd[SLOTS];
        int64_t tctr_base; /* virtual time of TCTR's 0 */
        uint64_t tx_ok, rx_ok, tx_err, rx_err, rx_phys, rx_broadcast;
        uint32_t rx_multicast, rx_missed;
        uint32_t tx_at[2],
            rx_at;    /* C+ mode: next descriptor of the rings: normal, high; received */
        uint16_t cbr; /* end of what is in the receive buffer */
        uint16_t ee_word;
        uint8_t ee_count, ee_out, tx_slot;
        uint8_t full; /* a frame did not fit: RxBufOvw was set */
        uint8_t pad[4];
    } s;
};

static uint8_t r8(const struct rtl8139 *n, unsigned off)
{
    return n->s.reg[off];
}

static uint16_t r16(const struct rtl8139 *n, unsigned off)
{
    return ld_le16(n->s.reg + off);
}

static uint32_t r32(const struct rtl8139 *n, unsigned off)
{
    return ld_le32(n->s.reg + off);
}

static void update_irq(struct rtl8139 *n)
{
    pci_set_irq(&n->pci, r16(n, ISR) & r16(n, IMR));
}

static void add_causes(struct rtl8139 *n, unsigned causes)
{
    st_le16(n->s.reg + ISR, (uint16_t)(r16(n, ISR) | causes));
    update_irq(n);
}

/* The receive buffer of C mode. */
static uint32_t ring_size(const struct rtl8139 *n)
{
    return 8192U << (r32(n, RCR) >> 11 & 3);
}

/* CAPR lags behind the driver's position by 16.  Data sheet, "Current Address of Packet Read". */
static uint32_t read_position(const struct rtl8139 *n)
{
    return (r16(n, CAPR) + SLACK) % ring_size(n);
}

static uint32_t ring_used(const struct rtl8139 *n)
{
    uint32_t size = ring_size(n);

    return (n->s.cbr % size + size - read_position(n)) % size;
}

static bool cplus_rx(const struct rtl8139 *n)
{
    return r16(n, CPCR) & CP_RX;
}

static bool receives(const struct rtl8139 *n)
{
    return (r8(n, CR) & CR_RE) && pci_is_master(&n->pci) && net_nic_link_up(&n->nic);
}

static bool hash_matches(const struct rtl8139 *n, const uint8_t *mac)
{
    unsigned bits = ether_hash(mac);

    return n->s.reg[MAR0 + bits / 8] >> (bits % 8) & 1;
}

/* Whether the filters let a frame in, and why: MAR, PAM, BAR of the status. */
static bool wanted(const struct rtl8139 *n, const uint8_t *f, uint32_t *why)
{
    uint32_t rcr = r32(n, RCR);
    bool broadcast = !memcmp(f, "\xff\xff\xff\xff\xff\xff", MAC_LEN),
         own = !memcmp(f, n->s.reg + IDR0, MAC_LEN);

    *why = broadcast ? RX_BAR : f[0] & 1 ? RX_MAR : own ? RX_PAM : 0;
    if (rcr & RCR_AAP)
        return true;
    if (broadcast)
        return rcr & RCR_AB;
    if (f[0] & 1)
        return (rcr & RCR_AM) && hash_matches(n, f);
    return own && (rcr & RCR_APM);
}

static void ring_write(struct rtl8139 *n, uint32_t at, const uint8_t *data, uint32_t len)
{
    uint32_t size = ring_size(n), first = r32(n, RCR) & RCR_WRAP ? len : MIN(len, size - at);

    if (!pci_dma_write(&n->pci, r32(n, RBSTART) + at, data, first) ||
        (first < len && !pci_dma_write(&n->pci, r32(n, RBSTART), data + first, len - first)))
        dev_guest_error(&n->pci.dev, "the receive buffer is not in memory");
}

/* C mode: header, data and check sequence into the ring; false when they do not fit. */
static bool receive_ring(struct rtl8139 *n, const uint8_t *f, uint32_t len, uint32_t why)
{
    uint32_t size = ring_size(n), at = n->s.cbr % size, need = (RX_HEADER + len + FCS + 3) & ~3U;
    uint8_t head[RX_HEADER];

    if (need + SLACK > size)
        return true; /* never */
    if (ring_used(n) + need >= size)
        return false;
    st_le16(head, (uint16_t)(1 | why >> 12)); /* ROK; MAR, PAM, BAR are bits 15 to 13 here */
    st_le16(head + 2, (uint16_t)(len + FCS));
    ring_write(n, at, head, sizeof(head));
    ring_write(n, (at + RX_HEADER) % size, f, len + FCS);
    n->s.cbr = (uint16_t)((at + need) % size);
    n->s.reg[CR] &= (uint8_t)~CR_BUFE;
    return true;
}

/* C+ mode: what the checksums of a frame are.  Data sheet, "Receive Status Descriptor". */
static uint32_t protocol_bits(const uint8_t *f, size_t n, bool known_good)
{
    enum { PID_TCP = 1, PID_UDP = 2, PID_IP = 3 };
    const uint8_t *ip = f + NET_ETH_HEADER;

    if (n < NET_ETH_HEADER + 20U || ld_be16(f + MAC_PAIR) != 0x0800 || ip[0] >> 4 != 4)
        return 0;
    unsigned header = (ip[0] & 15) * 4U, len = ld_be16(ip + 2), proto = ip[9];
    if (header < 20 || len < header || len > n - NET_ETH_HEADER)
        return 0;
    uint32_t bits = csum_fold(csum_add(ip, header, 0)) ? RX_IPF : 0;
    bool tcp = proto == 6, udp = proto == 17;
    if ((!tcp && !udp) || (ld_be16(ip + 6) & 0x3fff) || len - header < (tcp ? 20U : 8U))
        return bits | PID_IP << RX_PID_SHIFT;
    bits |= (uint32_t)(tcp ? PID_TCP : PID_UDP) << RX_PID_SHIFT;
    if (known_good || (udp && ld_le16(ip + header + 6) == 0))
        return bits;
    uint64_t sum = offload_pseudo_sum(ip, proto, len - header);
    return csum_fold(csum_add(ip + header, len - header, sum)) ? bits | (tcp ? RX_TCPF : RX_UDPF)
                                                               : bits;
}

static gpa rx_desc(const struct rtl8139 *n)
{
    return ld_le64(n->s.reg + RDSAR) + (gpa)n->s.rx_at * DESC_SIZE;
}

/* C+ mode: one frame into one or more descriptors; false when they do not suffice (none is taken).
 */
static bool receive_descs(struct rtl8139 *n, uint8_t *f, uint32_t len, uint32_t status)
{
    uint32_t total = len + FCS, at = 0, first = n->s.rx_at, tag = 0;
    uint8_t d[DESC_SIZE];

    if ((r16(n, CPCR) & CP_RX_VLAN) && ld_be16(f + MAC_PAIR) == VLAN_TYPE) {
        tag = RX_TAVA | ld_le16(f + MAC_PAIR + 2);
        memmove(f + MAC_PAIR, f + MAC_PAIR + VLAN_TAG, total - MAC_PAIR - VLAN_TAG);
        total -= VLAN_TAG;
    }
    for (unsigned count = 0; at < total; count++) {
        if (count == RING_MAX || !pci_dma_read(&n->pci, rx_desc(n), d, sizeof(d)) ||
            !(ld_le32(d) & D_OWN)) {
            n->s.rx_at = first;
            return false;
        }
        uint32_t eor = ld_le32(d) & D_EOR, room = ld_le32(d) & 0x1fff, part = MIN(room, total - at);
        bool last = at + part == total;
        bool ok = pci_dma_write(&n->pci, ld_le64(d + 8), f + at, part);
        st_le32(d, eor | (at == 0 ? D_FS : 0) | (last ? D_LS | status : 0) | (last ? total : part));
        st_le32(d + 4, tag);
        if (!ok || !pci_dma_write(&n->pci, rx_desc(n) + 4, d + 4, 4) ||
            !pci_dma_write(&n->pci, rx_desc(n), d, 4))
            dev_guest_error(&n->pci.dev, "a receive buffer is not in memory");
        at += part;
        n->s.rx_at = eor || n->s.rx_at >= 1023 ? 0 : n->s.rx_at + 1;
    }
    return true;
}

static bool nic_receive(struct net_client *c, const struct net_frame *f)
{
    struct rtl8139 *n = c->opaque;
    uint8_t buf[RX_MAX + FCS];
    uint32_t len = 0, why;

    if (!receives(n) || f->size < NET_ETH_HEADER || f->size > RX_MAX)
        return true;
    for (unsigned i = 0; i < f->niov; len += (uint32_t)f->iov[i++].iov_len)
        memcpy(buf + len, f->iov[i].iov_base, f->iov[i].iov_len);
    if ((f->hdr.flags & NET_HDR_NEEDS_CSUM) && !offload_complete_csum(buf, len, &f->hdr))
        return true;
    if (len < NET_MIN_FRAME) {
        memset(buf + len, 0, NET_MIN_FRAME - len);
        len = NET_MIN_FRAME;
    }
    if (!wanted(n, buf, &why))
        return true;
    st_le32(buf + len, (uint32_t)crc32(crc32(0, NULL, 0), buf, len));
    bool good = f->hdr.flags, checks = r16(n, CPCR) & CP_RX_CSUM;
    bool took = cplus_rx(n)
                    ? receive_descs(n, buf, len, why | (checks ? protocol_bits(buf, len, good) : 0))
                    : receive_ring(n, buf, len, why);
    if (!took) {
        if (!n->s.full)
            add_causes(n, I_RXOVW);
        n->s.full = 1;
        return false;
    }
    n->s.rx_ok++;
    n->s.rx_broadcast += why == RX_BAR;
    n->s.rx_phys += why == RX_PAM;
    n->s.rx_multicast += why == RX_MAR;
    st_le16(n->s.reg + ISR, (uint16_t)(r16(n, ISR) | I_ROK));
    return true;
}

static void nic_burst_end(struct net_client *c)
{
    update_irq(c->opaque);
}

/* The driver made room. */
static void rx_resume(struct rtl8139 *n)
{
    n->s.full = 0;
    net_rx_ready(&n->nic);
}

/* The frame in tx_buf; false when the back end is full. */
static bool send_frame(struct rtl8139 *n)
{
    struct iovec iov = {n->tx_buf, n->tx_len};
    struct net_frame f = {&iov, 1, n->tx_len, n->tx_hdr};

    if (!offload_valid(&f)) {
        n->s.tx_err++;
    } else if ((r32(n, TCR) & TCR_LOOPBACK) == TCR_LOOPBACK) {
        nic_receive(&n->nic, &f);
        n->s.tx_ok++;
    } else if (net_nic_send(&n->nic, &f)) {
        n->s.tx_ok++;
    } else {
        return false;
    }
    n->tx_len = 0;
    n->tx_hdr = (struct net_hdr){0};
    return true;
}

/* C mode: the slots in turn, as long as the driver has given them. */
static void send_slots(struct rtl8139 *n)
{
    for (unsigned i = 0; i < SLOTS && (r8(n, CR) & CR_TE) && !(n->s.tsd[n->s.tx_slot] & TSD_OWN);
         i++) {
        uint32_t *tsd = &n->s.tsd[n->s.tx_slot], len = *tsd & TSD_SIZE;
        n->tx_len = MIN(len, TX_MAX);
        n->tx_hdr = (struct net_hdr){0};
        if (!pci_dma_read(&n->pci, r32(n, TSAD0 + 4U * n->s.tx_slot), n->tx_buf, n->tx_len))
            dev_guest_error(&n->pci.dev, "a transmit buffer is not in memory");
        if (!send_frame(n)) {
            n->tx_waits = true;
            return;
        }
        *tsd |= TSD_OWN | TSD_TOK;
        n->s.tx_slot = (uint8_t)((n->s.tx_slot + 1) % SLOTS);
        add_causes(n, I_TOK);
    }
}

/* C+ mode: checksums and segmentation that the last descriptor asks for; IPv4 only. */
static void finish_offloads(struct rtl8139 *n, uint32_t d0)
{
    uint8_t *f = n->tx_buf, *ip = f + NET_ETH_HEADER;

    if (!(d0 & (TX_LGSEN | TX_IPCS | TX_UDPCS | TX_TCPCS)) || n->tx_len < NET_ETH_HEADER + 20U ||
        ip[0] >> 4 != 4)
        return;
    unsigned header = (ip[0] & 15) * 4U, l4 = NET_ETH_HEADER + header, proto = ip[9];
    if (header < 20 || l4 + 20U > n->tx_len)
        return;
    unsigned len = n->tx_len - l4;
    if (d0 & TX_LGSEN)
        st_be16(ip + 2, (uint16_t)(n->tx_len - NET_ETH_HEADER));
    else
        len = MIN(len, (unsigned)MAX(ld_be16(ip + 2), header) - header);
    if (d0 & (TX_LGSEN | TX_IPCS)) {
        st_le16(ip + 10, 0);
        st_le16(ip + 10, csum_fold(csum_add(ip, header, 0)));
    }
    if (!(d0 & (TX_LGSEN | TX_UDPCS | TX_TCPCS)))
        return;
    uint16_t offset = proto == 17 ? 6 : 16;
    st_le16(f + l4 + offset, (uint16_t)~csum_fold(offload_pseudo_sum(ip, proto, len)));
    n->tx_hdr = (struct net_hdr){NET_HDR_NEEDS_CSUM, 0, 0, 0, (uint16_t)l4, offset};
    if ((d0 & TX_LGSEN) && proto == 6) {
        n->tx_hdr.gso_type = NET_GSO_TCPV4;
        n->tx_hdr.gso_size = (uint16_t)(d0 >> 16 & 0x7ff);
        n->tx_hdr.hdr_len = (uint16_t)(l4 + (f[l4 + 12] >> 4) * 4U);
    }
}

static void insert_tag(struct rtl8139 *n, uint32_t d1)
{
    uint8_t *f = n->tx_buf;

    if (!(d1 & TX_TAGC) || n->tx_len < NET_ETH_HEADER || n->tx_len + VLAN_TAG > FRAME_MAX)
        return;
    memmove(f + MAC_PAIR + VLAN_TAG, f + MAC_PAIR, n->tx_len - MAC_PAIR);
    st_be16(f + MAC_PAIR, VLAN_TYPE);
    st_le16(f + MAC_PAIR + 2, (uint16_t)d1);
    n->tx_len += VLAN_TAG;
    n->tx_hdr.csum_start += n->tx_hdr.flags ? VLAN_TAG : 0;
}

/* One descriptor of a C+ ring; false when there is none, or it must wait. */
static bool step(struct rtl8139 *n, unsigned ring)
{
    gpa where = ld_le64(n->s.reg + (ring ? THPDS : TNPDS)) + (gpa)n->s.tx_at[ring] * DESC_SIZE;
    uint8_t d[DESC_SIZE];

    if (!pci_dma_read(&n->pci, where, d, sizeof(d)))
        return false;
    uint32_t d0 = ld_le32(d), len = d0 & 0xffff;
    if (!(d0 & D_OWN))
        return false;
    if (!n->tx_waits) {
        if (d0 & D_FS)
            n->tx_len = 0;
        len = MIN(len, FRAME_MAX - VLAN_TAG - n->tx_len);
        if (!pci_dma_read(&n->pci, ld_le64(d + 8), n->tx_buf + n->tx_len, len))
            dev_guest_error(&n->pci.dev, "a transmit buffer is not in memory");
        n->tx_len += len;
        if (d0 & D_LS) {
            n->tx_hdr = (struct net_hdr){0};
            finish_offloads(n, d0);
            insert_tag(n, ld_le32(d + 4));
        }
    }
    if (d0 & D_LS) {
        n->tx_waits = !send_frame(n);
        if (n->tx_waits)
            return false;
    }
    st_le32(d, d0 & ~D_OWN);
    if (!pci_dma_write(&n->pci, where, d, 4))
        dev_guest_error(&n->pci.dev, "the transmit ring is not in memory");
    n->s.tx_at[ring] = (d0 & D_EOR) || n->s.tx_at[ring] >= 1023 ? 0 : n->s.tx_at[ring] + 1;
    return true;
}

static void send_descs(struct rtl8139 *n)
{
    unsigned budget = BUDGET;

    if (!(r8(n, CR) & CR_TE) || !pci_is_master(&n->pci))
        return;
    for (unsigned i = 0; i < 2; i++) {
        unsigned ring = 1 - i, done = 0, poll = ring ? POLL_HIGH : POLL_NORMAL;
        if (!(r8(n, TPPOLL) & poll))
            continue;
        while (budget && step(n, ring)) {
            budget--;
            done++;
        }
        if (done)
            add_causes(n, I_TOK);
        if (n->tx_waits)
            return;
        if (!budget) {
            timer_set(&n->tx_again, clock_now());
            return;
        }
        n->s.reg[TPPOLL] &= (uint8_t)~poll;
        add_causes(n, I_TDU);
    }
}

static void send_more(struct rtl8139 *n)
{
    if (r16(n, CPCR) & CP_TX)
        send_descs(n);
    else
        send_slots(n);
}

static void tx_again(void *opaque)
{
    send_more(opaque);
}

static void nic_writable(struct net_client *c)
{
    struct rtl8139 *n = c->opaque;

    if (!n->tx_waits)
        return;
    if (!(r16(n, CPCR) & CP_TX))
        n->tx_waits = false;
    send_more(n);
}

static void set_link(struct rtl8139 *n)
{
    bool up = net_nic_link_up(&n->nic);
    uint16_t bmsr = r16(n, BMSR) & 0xffdb;

    n->s.reg[MSR] = (uint8_t)((n->s.reg[MSR] & ~4) | (up ? 0 : 4)); /* LINKB is active low */
    st_le16(n->s.reg + BMSR, bmsr | (up ? 0x24 : 0));
    st_le16(n->s.reg + ANLPAR, up ? 0x45e1 : 0);
    st_le16(n->s.reg + CSCR, up ? 0x07c8 : 0x0700);
}

static void nic_link_changed(struct net_client *c)
{
    struct rtl8139 *n = c->opaque;

    set_link(n);
    add_causes(n, I_LINK);
}

static const struct net_client_ops nic_ops = {
    .type = "nic",
    .receive = nic_receive,
    .burst_end = nic_burst_end,
    .writable = nic_writable,
    .link_changed = nic_link_changed,
};

/* CR.RST: the data sheet's list; addresses and configuration stay. */
static void reset_mac(struct rtl8139 *n)
{
    struct rtl8139_state *s = &n->s;

    timer_cancel(&n->tx_again);
    n->tx_len = 0;
    n->tx_waits = false;
    s->reg[CR] = CR_BUFE;
    for (unsigned i = 0; i < SLOTS; i++)
        s->tsd[i] = TSD_OWN;
    s->tx_at[0] = s->tx_at[1] = s->rx_at = 0;
    s->tx_slot = s->full = 0;
    s->cbr = 0;
    st_le16(s->reg + CAPR, (uint16_t)-SLACK);
    st_le16(s->reg + IMR, 0);
    st_le16(s->reg + ISR, 0);
    st_le16(s->reg + CPCR, 0);
    s->reg[TPPOLL] = 0;
    st_le32(s->reg + TCR, 0x74800600); /* the version of the C+ */
    st_le32(s->reg + RCR, 0);
    update_irq(n);
}

static void load_eeprom(struct rtl8139 *n)
{
    for (unsigned i = 0; i < 3; i++)
        st_le16(n->s.reg + IDR0 + 2 * i, n->eeprom[7 + i]);
}

static void rtl8139_reset(struct device *dev)
{
    struct rtl8139 *n = (struct rtl8139 *)dev;
    uint8_t *reg = n->s.reg;

    pci_reset(dev);
    reset_mac(n);
    timer_cancel(&n->timeout);
    load_eeprom(n);
    n->s.tctr_base = clock_now();
    reg[CONFIG1] = 0x0d; /* memory and I/O mapped, power management */
    reg[CONFIG3] = 0x01;
    reg[CONFIG5] = 0x03;
    reg[MSR] = 0xd0;
    reg[RERID] = 0x20;
    st_le16(reg + BMCR, 0x3100);
    st_le16(reg + BMSR, 0x7809);
    st_le16(reg + ANAR, 0x05e1);
    st_le16(reg + ANER, 0x0001);
    set_link(n);
    net_rx_ready(&n->nic);
}

/* Ticks since TCTR was written. */
static uint32_t tctr(const struct rtl8139 *n)
{
    return (uint32_t)((clock_now() - n->s.tctr_base) / TICK_NS);
}

static void arm_timeout(struct rtl8139 *n)
{
    uint32_t at = r32(n, TIMER_INT);

    timer_cancel(&n->timeout);
    if (at && tctr(n) < at)
        timer_set(&n->timeout, n->s.tctr_base + (ns_t)at * TICK_NS);
}

static void timeout(void *opaque)
{
    add_causes(opaque, I_TIMEOUT);
}

static void eeprom_clock(struct rtl8139 *n, uint8_t v)
{
    struct rtl8139_state *s = &n->s;

    if (s->ee_out) {
        s->reg[CR9346] = (uint8_t)((v & ~EE_DO) | (s->ee_word & 0x8000 ? EE_DO : 0));
        s->ee_word = (uint16_t)(s->ee_word << 1);
        return;
    }
    if (s->ee_count == 0 && !(v & EE_DI))
        return; /* waits for the start bit */
    s->ee_word = (uint16_t)(s->ee_word << 1 | !!(v & EE_DI));
    if (++s->ee_count < EE_BITS)
        return;
    s->ee_out = s->ee_word >> 6 == EE_READ;
    s->ee_word = s->ee_out ? n->eeprom[s->ee_word & (EEPROM_WORDS - 1)] : 0;
    s->ee_count = 0;
}

/* The mode bits: load, program by hand, or allow the configuration to be written. */
static void write_9346(struct rtl8139 *n, uint8_t v)
{
    uint8_t old = r8(n, CR9346);

    if ((v & EE_MODE) == EE_MODE_LOAD) {
        load_eeprom(n);
        v = 0;
    }
    n->s.reg[CR9346] = (uint8_t)((v & ~EE_DO) | (old & EE_DO));
    if ((v & EE_MODE) != EE_MODE_PROGRAM || !(v & EE_CS)) {
        n->s.ee_word = n->s.ee_count = n->s.ee_out = 0;
        n->s.reg[CR9346] &= (uint8_t)~EE_DO;
    } else if (v & ~old & EE_SK) {
        eeprom_clock(n, v);
    }
}

/* DTCCR: the counters to memory, or to zero.  Data sheet, "Dump Tally Counter Command". */
static void write_dtccr(struct rtl8139 *n, uint32_t v)
{
    enum { CMD = 8, CLEAR = 1, SIZE = 64 };
    struct rtl8139_state *s = &n->s;
    uint8_t dump[SIZE] = {0};

    if (v & CLEAR) {
        s->tx_ok = s->rx_ok = s->tx_err = s->rx_err = s->rx_phys = s->rx_broadcast = 0;
        s->rx_multicast = 0;
    }
    if (v & CMD) {
        st_le64(dump, s->tx_ok);
        st_le64(dump + 8, s->rx_ok);
        st_le64(dump + 16, s->tx_err);
        st_le32(dump + 24, (uint32_t)s->rx_err);
        st_le64(dump + 40, s->rx_phys);
        st_le64(dump + 48, s->rx_broadcast);
        st_le32(dump + 56, s->rx_multicast);
        gpa to = ((gpa)r32(n, DTCCR + 4) << 32 | v) & ~(gpa)(SIZE - 1);
        if (!pci_dma_write(&n->pci, to, dump, SIZE))
            dev_guest_error(&n->pci.dev, "the counters' address is not in memory");
    }
    st_le32(n->s.reg + DTCCR, v & ~(uint32_t)(CMD | CLEAR));
}

static void write_tsd(struct rtl8139 *n, unsigned i, uint32_t v)
{
    n->s.tsd[i] = v & (TSD_SIZE | 0x3f0000 | TSD_OWN);
    if (!(v & TSD_OWN))
        send_slots(n);
}

static void write_cr(struct rtl8139 *n, uint8_t v)
{
    if (v & CR_RST)
        reset_mac(n);
    n->s.reg[CR] = (uint8_t)((n->s.reg[CR] & CR_BUFE) | (v & (CR_TE | CR_RE)));
    if (v & CR_RE)
        rx_resume(n);
}

static void write_bmcr(struct rtl8139 *n, uint16_t v)
{
    bool restart = v & 0x8200;

    st_le16(n->s.reg + BMCR, v & 0x8000 ? 0x3100 : v & 0xfdff);
    if (restart) {
        set_link(n);
        add_causes(n, I_LINK);
    }
}

static void write_capr(struct rtl8139 *n, uint16_t v)
{
    st_le16(n->s.reg + CAPR, v);
    if (ring_used(n) == 0)
        n->s.reg[CR] |= CR_BUFE;
    rx_resume(n);
}

static void write_isr(struct rtl8139 *n, uint16_t v)
{
    st_le16(n->s.reg + ISR, (uint16_t)(r16(n, ISR) & ~v));
    update_irq(n);
    if ((v & (I_RXOVW | I_FOVW | I_ROK)) && n->s.full)
        rx_resume(n);
}

static void write_tppoll(struct rtl8139 *n, uint8_t v)
{
    n->s.reg[TPPOLL] |= v & (POLL_HIGH | POLL_NORMAL);
    if (v & POLL_SWINT)
        add_causes(n, I_SWINT);
    send_more(n);
}

/* Bytes that may be written only with CR9346 in configuration mode. */
static bool locked(const struct rtl8139 *n, unsigned off)
{
    bool config = off < IDR0 + MAC_LEN || (off >= CONFIG0 && off <= CONFIG1) || off == CONFIG3 ||
                  off == CONFIG4 || off == BMCR;

    return config && (r8(n, CR9346) & EE_MODE) != EE_MODE_CONFIG;
}

/* What holds nothing: drivers of the whole family tell the RTL8169 by its size limit of received
 * frames at 0xda, which keeps what is written. */
static bool is_reserved(unsigned off)
{
    return off == 0x06 || off == 0x07 || off == 0x53 || off == 0x5b || off == 0x5f ||
           (off > TPPOLL && off < CPCR) || (off >= CPCR + 2 && off < RDSAR) ||
           (off > ETTHR && off < 0xf0);
}

static bool is_read_only(unsigned off)
{
    return off == ERSR || off == CBR || off == CBR + 1 || off == MSR || off == RERID ||
           off == TSAD || off == TSAD + 1 || (off >= BMSR && off < BMSR + 2) ||
           (off >= ANLPAR && off < ANLPAR + 4);
}

static void write_byte(struct rtl8139 *n, unsigned off, uint8_t v)
{
    if (off == CR)
        write_cr(n, v);
    else if (off == CR9346)
        write_9346(n, v);
    else if (off == TPPOLL)
        write_tppoll(n, v);
    else if (!locked(n, off) && !is_read_only(off) && !is_reserved(off))
        n->s.reg[off] = v;
}

/* Registers of 16 bits with an effect. */
static bool write_word(struct rtl8139 *n, unsigned off, uint16_t v)
{
    switch (off) {
    case CAPR: write_capr(n, v); return true;
    case IMR:
        st_le16(n->s.reg + IMR, v);
        update_irq(n);
        return true;
    case ISR: write_isr(n, v); return true;
    case BMCR: write_bmcr(n, v); return true;
    default: return false;
    }
}

static bool write_long(struct rtl8139 *n, unsigned off, uint32_t v)
{
    bool cplus = r16(n, CPCR) & CP_TX;

    if (off >= TSD0 && off < TSD0 + 4 * SLOTS && !cplus) {
        write_tsd(n, (off - TSD0) / 4, v);
        return true;
    }
    switch (off) {
    case DTCCR: write_dtccr(n, v); return true;
    case TCR: st_le32(n->s.reg + TCR, (v & 0x030707f0) | 0x74800000); return true;
    case RCR:
        st_le32(n->s.reg + RCR, v);
        rx_resume(n);
        return true;
    case TCTR:
        n->s.tctr_base = clock_now();
        arm_timeout(n);
        return true;
    case MPC: n->s.rx_missed = 0; return true;
    case TIMER_INT:
        st_le32(n->s.reg + TIMER_INT, v);
        arm_timeout(n);
        return true;
    case TNPDS: n->s.tx_at[0] = 0; return false;
    case THPDS: n->s.tx_at[1] = 0; return false;
    case RDSAR: n->s.rx_at = 0; return false;
    default: return false;
    }
}

static void write_reg(struct rtl8139 *n, unsigned off, unsigned size, uint32_t v)
{
    if ((size == 4 && write_long(n, off, v)) || (size == 2 && write_word(n, off, (uint16_t)v)))
        return;
    if (size == 4 && off == IMR) { /* with ISR in the upper half */
        write_word(n, IMR, (uint16_t)v);
        write_word(n, ISR, (uint16_t)(v >> 16));
        return;
    }
    for (unsigned i = 0; i < size && off + i < REGS; i++)
        write_byte(n, off + i, (uint8_t)(v >> (8 * i)));
}

/* TSAD: own, abort, underrun and done of the four slots. */
static uint16_t all_slots(const struct rtl8139 *n)
{
    unsigned v = 0;

    for (unsigned i = 0; i < SLOTS; i++)
        v |= (unsigned)!!(n->s.tsd[i] & TSD_OWN) << i |
             (unsigned)!!(n->s.tsd[i] & TSD_TUN) << (8 + i) |
             (unsigned)!!(n->s.tsd[i] & TSD_TOK) << (12 + i);
    return (uint16_t)v;
}

static uint32_t read_reg(struct rtl8139 *n, unsigned off, unsigned size)
{
    uint8_t *reg = n->s.reg;

    st_le16(reg + CBR, n->s.cbr); /* what is computed */
    st_le16(reg + TSAD, all_slots(n));
    st_le32(reg + TCTR, tctr(n));
    st_le32(reg + MPC, n->s.rx_missed & 0xffffff);
    if (off >= TSD0 && off < TSD0 + 4 * SLOTS && !(r16(n, CPCR) & CP_TX))
        return (uint32_t)(n->s.tsd[(off - TSD0) / 4] >> (off % 4 * 8) & MASK64(0, size * 8));
    uint32_t v = 0;
    for (unsigned i = 0; i < size && off + i < REGS; i++)
        v |= (uint32_t)reg[off + i] << (8 * i);
    return v;
}

static uint64_t rtl8139_read(struct device *dev, struct access a)
{
    return read_reg((struct rtl8139 *)dev, (unsigned)a.off, a.size);
}

static void rtl8139_write(struct device *dev, struct access a, uint64_t val)
{
    write_reg((struct rtl8139 *)dev, (unsigned)a.off, a.size, (uint32_t)val);
}

static const struct mmio_ops regs_ops = {rtl8139_read, rtl8139_write, .min = 1, .max = 4,
                                         .size = REGS};

/* Data sheet, "EEPROM (93C46) Contents". */
static void fill_eeprom(struct rtl8139 *n)
{
    memset(n->eeprom, 0, sizeof(n->eeprom));
    n->eeprom[0] = 0x8129;
    n->eeprom[1] = n->eeprom[3] = 0x10ec;
    n->eeprom[2] = n->eeprom[4] = 0x8139;
    for (unsigned i = 0; i < 3; i++)
        n->eeprom[7 + i] = ld_le16(n->conf.mac.byte + 2 * i);
}

static bool rtl8139_realize(struct device *dev, struct error **errp)
{
    struct rtl8139 *n = (struct rtl8139 *)dev;
    const struct pci_ids ids = {0x10ec, 0x8139, 0x1af4, 0x1100, 0x020000, 0x20, 1};

    if (!pci_init(&n->pci, &ids, NULL, errp))
        return false;
    net_mac_settle(&n->conf.mac);
    fill_eeprom(n);
    net_nic_init(&n->nic, &nic_ops, dev->type->name, dev->id, &dev->lock, n);
    n->nic.caps = NET_CAP_CSUM;
    memcpy(n->nic.mac, n->conf.mac.byte, MAC_LEN);
    if (!net_nic_connect(&n->nic, n->conf.netdev, errp)) {
        net_nic_fini(&n->nic);
        pci_fini(&n->pci);
        return false;
    }
    n->tx_buf = g_malloc(FRAME_MAX);
    timer_init(&n->timeout, &dev->lock, timeout, n);
    timer_init(&n->tx_again, &dev->lock, tx_again, n);
    region_init_mmio(&n->io, "rtl8139-io", &regs_ops, dev);
    region_init_mmio(&n->mem, "rtl8139-mem", &regs_ops, dev);
    pci_add_bar(&n->pci, 0, PCI_BAR_IO, &n->io);
    pci_add_bar(&n->pci, 1, PCI_BAR_MEM32, &n->mem);
    return true;
}

static void rtl8139_unrealize(struct device *dev)
{
    struct rtl8139 *n = (struct rtl8139 *)dev;

    net_nic_fini(&n->nic);
    timer_cancel(&n->timeout);
    timer_cancel(&n->tx_again);
    g_free(n->tx_buf);
    pci_fini(&n->pci);
}

/* After a load, too: a loaded timer has yet to be armed. */
static void rtl8139_sync(struct device *dev)
{
    struct rtl8139 *n = (struct rtl8139 *)dev;

    pci_sync(dev);
    n->s.tx_slot %= SLOTS;
    arm_timeout(n);
    update_irq(n);
}

static const struct state_field rtl8139_state[] = {
    STATE(rtl8139, pci, 0),
    STATE_ARRAY(rtl8139, reg, 0),
    STATE_ARRAY(rtl8139, tsd, TSD_OWN),
    STATE(rtl8139, tctr_base, 0),
    STATE(rtl8139, tx_ok, 0),
    STATE(rtl8139, rx_ok, 0),
    STATE(rtl8139, tx_err, 0),
    STATE(rtl8139, rx_err, 0),
    STATE(rtl8139, rx_phys, 0),
    STATE(rtl8139, rx_broadcast, 0),
    STATE(rtl8139, rx_multicast, 0),
    STATE(rtl8139, rx_missed, 0),
    STATE_ARRAY(rtl8139, tx_at, 0),
    STATE(rtl8139, rx_at, 0),
    STATE(rtl8139, cbr, 0),
    STATE(rtl8139, ee_word, 0),
    STATE(rtl8139, ee_count, 0),
    STATE(rtl8139, ee_out, 0),
    STATE(rtl8139, tx_slot, 0),
    STATE(rtl8139, full, 0),
    STATE_ARRAY(rtl8139, pad, 0),
    STATE_END,
};

static const struct prop rtl8139_props[] = {
    PCI_PROPS(rtl8139),
    NIC_PROPS(rtl8139),
    PROP_BOOTINDEX(rtl8139, bootindex, "ethernet-phy@0"),
    PROP_END,
};

DEVICE_CLASS(rtl8139) = {
    .desc = "Realtek RTL8139C+ Fast Ethernet",
    .bus = "PCI",
    .user_creatable = true,
    .props = rtl8139_props,
    .state = rtl8139_state,
    .realize = rtl8139_realize,
    .unrealize = rtl8139_unrealize,
    .reset = rtl8139_reset,
    .sync = rtl8139_sync,
};
