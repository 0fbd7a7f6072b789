/* Transmission: descriptors, checksum insertion, segmentation.  Ref: SDM 3.3 and 3.5. */
#include "hw/net/gbe.h"
#include "net/offload.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>

enum { DESC_SIZE = 16, BUDGET = 1024 };
enum { DTYP_CONTEXT = 0, DTYP_DATA = 1 };
enum {
    CMD_EOP = 0x01,
    CMD_IC = 0x04,
    CMD_TSE = 0x04,
    CMD_RS = 0x08,
    CMD_DEXT = 0x20,
    CMD_VLE = 0x40,
    CMD_IDE = 0x80
};
enum { TUCMD_TCP = 1, TUCMD_IP = 2, POPTS_IXSM = 1, POPTS_TXSM = 2, STA_DD = 1 };
enum { VLAN_TAG = 4, MAC_PAIR = 12, FCS = 4 };

/* A transmit context: where headers begin and what is to be computed.  SDM 3.3.6. */
struct context {
    unsigned ipcss, ipcso, ipcse, tucss, tucso, tucse, mss, hdr_len, tucmd;
};

static struct context load_context(const uint8_t *p)
{
    return (struct context){
        p[0], p[1], ld_le16(p + 2), p[4], p[5], ld_le16(p + 6), ld_le16(p + 14), p[13], p[11]};
}

/* Sum bytes css..cse (0: to the end) into the 16 bits at cso. */
static void insert_sum(uint8_t *frame, size_t n, unsigned css, unsigned cso, unsigned cse)
{
    size_t end = cse && cse + 1U < n ? cse + 1U : n;

    if (css < end && cso + 2U <= n)
        st_le16(frame + cso, csum_fold(csum_add(frame + css, end - css, 0)));
}

/* What the driver leaves to TCP segmentation: lengths, IP's checksum, the length in the pseudo
 * header.  SDM 3.5.7. */
static bool prepare_tso(struct gbe *g, const struct context *c, struct net_hdr *h)
{
    uint8_t *ip = g->tx_buf + c->ipcss;
    bool v4 = c->tucmd & TUCMD_IP, tcp = c->tucmd & TUCMD_TCP;
    uint32_t n = g->tx_len;

    if (c->mss == 0 || c->ipcss + 40U > n || c->tucss + 20U > n || c->tucso + 2U > n ||
        c->tucso < c->tucss || c->tucss < c->ipcss)
        return false;
    if (v4) {
        st_be16(ip + 2, (uint16_t)(n - c->ipcss));
        st_le16(ip + 10, 0);
        insert_sum(g->tx_buf, n, c->ipcss, c->ipcss + 10, c->ipcss + (ip[0] & 15) * 4U - 1);
    } else {
        st_be16(ip + 4, (uint16_t)(n - c->ipcss - 40));
    }
    if (!tcp)
        st_be16(g->tx_buf + c->tucss + 4, (uint16_t)(n - c->tucss));
    uint64_t sum = offload_pseudo_sum(ip, tcp ? 6 : 17, n - c->tucss);
    st_le16(g->tx_buf + c->tucso, (uint16_t)~csum_fold(sum));
    *h = (struct net_hdr){
        NET_HDR_NEEDS_CSUM,   tcp ? v4 ? NET_GSO_TCPV4 : NET_GSO_TCPV6 : NET_GSO_UDP,
        (uint16_t)c->hdr_len, (uint16_t)c->mss,
        (uint16_t)c->tucss,   (uint16_t)(c->tucso - c->tucss)};
    return true;
}

/* Checksums of one packet; the last may be left to the back end. */
static void prepare_sums(struct gbe *g, const struct context *c, uint8_t popts, struct net_hdr *h)
{
    if (popts & POPTS_IXSM)
        insert_sum(g->tx_buf, g->tx_len, c->ipcss, c->ipcso, c->ipcse);
    if (!(popts & POPTS_TXSM))
        return;
    if (c->tucse == 0 && c->tucso >= c->tucss && c->tucso + 2U <= g->tx_len)
        *h = (struct net_hdr){
            NET_HDR_NEEDS_CSUM, 0, 0, 0, (uint16_t)c->tucss, (uint16_t)(c->tucso - c->tucss)};
    else
        insert_sum(g->tx_buf, g->tx_len, c->tucss, c->tucso, c->tucse);
}

static void insert_vlan(struct gbe *g, uint16_t tag, struct net_hdr *h)
{
    if (g->tx_len < NET_ETH_HEADER || g->tx_len + VLAN_TAG > GBE_TX_MAX)
        return;
    memmove(g->tx_buf + MAC_PAIR + VLAN_TAG, g->tx_buf + MAC_PAIR, g->tx_len - MAC_PAIR);
    st_be16(g->tx_buf + MAC_PAIR, (uint16_t)gbe_reg(g, VET));
    st_be16(g->tx_buf + MAC_PAIR + 2, tag);
    g->tx_len += VLAN_TAG;
    if (h->flags)
        h->csum_start += VLAN_TAG;
    if (h->gso_type)
        h->hdr_len += VLAN_TAG;
}

static void count_sent(struct gbe *g)
{
    const uint8_t *f = g->tx_buf;
    uint64_t octets = g->tx_len + FCS;

    gbe_count(g, TPT, 1);
    gbe_count(g, GPTC, 1);
    gbe_count_octets(g, TOTL, octets);
    gbe_count_octets(g, GOTCL, octets);
    gbe_count_size(g, PTC64, octets);
    if (f[0] & 1)
        gbe_count(g, memcmp(f, "\xff\xff\xff\xff\xff\xff", 6) ? MPTC : BPTC, 1);
    if (g->tx_hdr.gso_type)
        gbe_count(g, TSCTC, 1);
}

/* The gathered frame; false when it must wait. */
static bool send_frame(struct gbe *g)
{
    struct iovec iov = {g->tx_buf, g->tx_len};
    struct net_frame f = {&iov, 1, g->tx_len, g->tx_hdr};

    if (!offload_valid(&f)) {
        dev_guest_error(&g->pci.dev, "a frame of %u bytes cannot be sent", g->tx_len);
    } else if (gbe_reg(g, RCTL) & RCTL_LBM) {
        gbe_receive(&g->nic, &f); /* MAC loopback, SDM 13.4.22 */
        gbe_burst_end(&g->nic);
    } else if (!net_nic_send(&g->nic, &f)) {
        return false;
    }
    if (g->tx_len >= NET_ETH_HEADER)
        count_sent(g);
    g->tx_len = 0;
    return true;
}

/* Headers and checksums of the frame that a descriptor ended. */
static void finish_frame(struct gbe *g, const uint8_t *d, bool extended)
{
    uint8_t cmd = d[11];
    struct context c = load_context(g->s.context);

    g->tx_hdr = (struct net_hdr){0};
    if (g->tx_len < NET_MIN_FRAME && (gbe_reg(g, TCTL) & TCTL_PSP)) {
        memset(g->tx_buf + g->tx_len, 0, NET_MIN_FRAME - g->tx_len);
        g->tx_len = NET_MIN_FRAME;
    }
    if (!extended && (cmd & CMD_IC))
        insert_sum(g->tx_buf, g->tx_len, d[13], d[10], 0);
    if (extended && g->s.ctx_valid && (cmd & CMD_TSE)) {
        if (!prepare_tso(g, &c, &g->tx_hdr))
            dev_guest_error(&g->pci.dev, "segmentation by a context that makes no sense");
    } else if (extended && g->s.ctx_valid) {
        prepare_sums(g, &c, d[13], &g->tx_hdr);
    }
    if ((cmd & CMD_VLE) && (gbe_reg(g, CTRL) & CTRL_VME))
        insert_vlan(g, ld_le16(d + 14), &g->tx_hdr);
}

/* Append a descriptor's buffer. */
static void gather(struct gbe *g, gpa addr, uint32_t n)
{
    if (n > GBE_TX_MAX - VLAN_TAG - g->tx_len) {
        dev_guest_error(&g->pci.dev, "a frame of more than %d bytes", GBE_TX_MAX);
        n = GBE_TX_MAX - VLAN_TAG - g->tx_len;
    }
    if (!pci_dma_read(&g->pci, addr, g->tx_buf + g->tx_len, n))
        dev_guest_error(&g->pci.dev, "a buffer at %#llx is not in memory",
                        (unsigned long long)addr);
    g->tx_len += n;
}

static gpa desc_address(const struct gbe *g)
{
    return ((gpa)gbe_reg(g, TDBAH) << 32 | gbe_reg(g, TDBAL)) + (gpa)gbe_reg(g, TDH) * DESC_SIZE;
}

/* Status back, next descriptor. */
static void retire(struct gbe *g, uint8_t *d)
{
    uint32_t head = gbe_reg(g, TDH) + 1, size = gbe_reg(g, TDLEN) / DESC_SIZE;

    if (d[11] & CMD_RS) {
        d[12] |= STA_DD;
        if (!pci_dma_write(&g->pci, desc_address(g) + 12, d + 12, 1))
            dev_guest_error(&g->pci.dev, "the transmit ring is not in memory");
    }
    gbe_put(g, TDH, head >= size ? 0 : head);
    if (d[11] & CMD_RS)
        gbe_raise_tx(g, d[11] & CMD_IDE);
}

/* One descriptor; false when the back end is full and it must be looked at again. */
static bool step(struct gbe *g)
{
    uint8_t d[DESC_SIZE];

    if (!pci_dma_read(&g->pci, desc_address(g), d, sizeof(d)))
        dev_guest_error(&g->pci.dev, "the transmit ring is not in memory");
    bool extended = d[11] & CMD_DEXT;
    if (extended && d[10] >> 4 == DTYP_CONTEXT) {
        memcpy(g->s.context, d, sizeof(d));
        g->s.ctx_valid = 1;
        retire(g, d);
        return true;
    }
    if (!g->tx_waits) {
        gather(g, ld_le64(d), extended ? ld_le32(d + 8) & 0xfffff : ld_le16(d + 8));
        if (d[11] & CMD_EOP)
            finish_frame(g, d, extended);
    }
    if (d[11] & CMD_EOP) {
        g->tx_waits = !send_frame(g);
        if (g->tx_waits)
            return false;
    }
    retire(g, d);
    return true;
}

void gbe_send(struct gbe *g)
{
    unsigned budget = BUDGET;

    if (!(gbe_reg(g, TCTL) & TCTL_EN) || !pci_is_master(&g->pci))
        return;
    uint32_t size = gbe_reg(g, TDLEN) / DESC_SIZE;
    if (gbe_reg(g, TDH) >= size || gbe_reg(g, TDT) >= size || gbe_reg(g, TDH) == gbe_reg(g, TDT))
        return;
    while (gbe_reg(g, TDH) != gbe_reg(g, TDT)) {
        if (budget-- == 0) {
            timer_set(&g->tx_again, clock_now()); /* the rest from the main loop */
            return;
        }
        if (!step(g))
            return;
    }
    gbe_raise(g, ICR_TXQE);
}

void gbe_writable(struct net_client *c)
{
    struct gbe *g = c->opaque;

    if (g->tx_waits)
        gbe_send(g);
}
