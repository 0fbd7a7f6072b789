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

static unsigned context_index(unsigned q, bool tse)
{
    return q * 2 + tse;
}

static uint8_t *context_at(struct gbe *g, unsigned q, bool tse)
{
    return g->s.context + (size_t)context_index(q, tse) * GBE_CONTEXT;
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
static bool prepare_tso(struct gbe_tx *t, const struct context *c)
{
    uint8_t *ip = t->buf + c->ipcss;
    bool v4 = c->tucmd & TUCMD_IP, tcp = c->tucmd & TUCMD_TCP;
    uint32_t n = t->len;

    if (c->mss == 0 || c->ipcss + 40U > n || c->tucss + 20U > n || c->tucso + 2U > n ||
        c->tucso < c->tucss || c->tucss < c->ipcss)
        return false;
    if (v4) {
        st_be16(ip + 2, (uint16_t)(n - c->ipcss));
        st_le16(ip + 10, 0);
        insert_sum(t->buf, n, c->ipcss, c->ipcss + 10, c->ipcss + (ip[0] & 15) * 4U - 1);
    } else {
        st_be16(ip + 4, (uint16_t)(n - c->ipcss - 40));
    }
    if (!tcp)
        st_be16(t->buf + c->tucss + 4, (uint16_t)(n - c->tucss));
    uint64_t sum = offload_pseudo_sum(ip, tcp ? 6 : 17, n - c->tucss);
    st_le16(t->buf + c->tucso, (uint16_t)~csum_fold(sum));
    t->hdr = (struct net_hdr){
        NET_HDR_NEEDS_CSUM,   tcp ? v4 ? NET_GSO_TCPV4 : NET_GSO_TCPV6 : NET_GSO_UDP,
        (uint16_t)c->hdr_len, (uint16_t)c->mss,
        (uint16_t)c->tucss,   (uint16_t)(c->tucso - c->tucss)};
    return true;
}

/* Checksums of one packet; the last may be left to the back end. */
static void prepare_sums(struct gbe_tx *t, const struct context *c, uint8_t popts)
{
    if (popts & POPTS_IXSM)
        insert_sum(t->buf, t->len, c->ipcss, c->ipcso, c->ipcse);
    if (!(popts & POPTS_TXSM))
        return;
    if (c->tucse == 0 && c->tucso >= c->tucss && c->tucso + 2U <= t->len)
        t->hdr = (struct net_hdr){
            NET_HDR_NEEDS_CSUM, 0, 0, 0, (uint16_t)c->tucss, (uint16_t)(c->tucso - c->tucss)};
    else
        insert_sum(t->buf, t->len, c->tucss, c->tucso, c->tucse);
}

static void insert_vlan(const struct gbe *g, struct gbe_tx *t, uint16_t tag)
{
    struct net_hdr *h = &t->hdr;

    if (t->len < NET_ETH_HEADER || t->len + VLAN_TAG > GBE_TX_MAX)
        return;
    memmove(t->buf + MAC_PAIR + VLAN_TAG, t->buf + MAC_PAIR, t->len - MAC_PAIR);
    st_be16(t->buf + MAC_PAIR, (uint16_t)gbe_reg(g, VET));
    st_be16(t->buf + MAC_PAIR + 2, tag);
    t->len += VLAN_TAG;
    if (h->flags)
        h->csum_start += VLAN_TAG;
    if (h->gso_type)
        h->hdr_len += VLAN_TAG;
}

static void count_sent(struct gbe *g, const struct gbe_tx *t)
{
    const uint8_t *f = t->buf;
    uint64_t octets = t->len + FCS;

    gbe_count(g, TPT, 1);
    gbe_count(g, GPTC, 1);
    gbe_count_octets(g, TOTL, octets);
    gbe_count_octets(g, GOTCL, octets);
    gbe_count_size(g, PTC64, octets);
    if (f[0] & 1)
        gbe_count(g, memcmp(f, "\xff\xff\xff\xff\xff\xff", 6) ? MPTC : BPTC, 1);
    if (t->hdr.gso_type)
        gbe_count(g, TSCTC, 1);
}

/* The gathered frame; false when it must wait. */
static bool send_frame(struct gbe *g, struct gbe_tx *t)
{
    struct iovec iov = {t->buf, t->len};
    struct net_frame f = {&iov, 1, t->len, t->hdr};

    if (!offload_valid(&f)) {
        dev_guest_error(&g->pci.dev, "a frame of %u bytes cannot be sent", t->len);
    } else if (gbe_reg(g, RCTL) & RCTL_LBM) {
        gbe_receive(&g->nic, &f); /* MAC loopback, SDM 13.4.22 */
        gbe_burst_end(&g->nic);
    } else if (!net_nic_send(&g->nic, &f)) {
        return false;
    }
    if (t->len >= NET_ETH_HEADER)
        count_sent(g, t);
    t->len = 0;
    return true;
}

/* Headers and checksums of the frame that a descriptor ended.  DCMD.TSE chooses the context for
 * segmentation or that for checksums. */
static void finish_frame(struct gbe *g, unsigned q, const uint8_t *d, bool extended)
{
    struct gbe_tx *t = &g->tx[q];
    uint8_t cmd = d[11];
    bool tse = cmd & CMD_TSE, known = g->s.ctx_valid >> context_index(q, tse) & 1;
    struct context c = load_context(context_at(g, q, tse));

    t->hdr = (struct net_hdr){0};
    if (t->len < NET_MIN_FRAME && (gbe_reg(g, TCTL) & TCTL_PSP)) {
        memset(t->buf + t->len, 0, NET_MIN_FRAME - t->len);
        t->len = NET_MIN_FRAME;
    }
    if (!extended && (cmd & CMD_IC))
        insert_sum(t->buf, t->len, d[13], d[10], 0);
    if (extended && known && tse) {
        if (!prepare_tso(t, &c))
            dev_guest_error(&g->pci.dev, "segmentation by a context that makes no sense");
    } else if (extended && known) {
        prepare_sums(t, &c, d[13]);
    }
    if ((cmd & CMD_VLE) && (gbe_reg(g, CTRL) & CTRL_VME))
        insert_vlan(g, t, ld_le16(d + 14));
}

/* Append a descriptor's buffer. */
static void gather(struct gbe *g, struct gbe_tx *t, gpa addr, uint32_t n)
{
    if (n > GBE_TX_MAX - VLAN_TAG - t->len) {
        dev_guest_error(&g->pci.dev, "a frame of more than %d bytes", GBE_TX_MAX);
        n = GBE_TX_MAX - VLAN_TAG - t->len;
    }
    if (!pci_dma_read(&g->pci, addr, t->buf + t->len, n))
        dev_guest_error(&g->pci.dev, "a buffer at %#llx is not in memory",
                        (unsigned long long)addr);
    t->len += n;
}

static gpa desc_address(const struct gbe *g, unsigned q)
{
    return ((gpa)gbe_ring(g, q, TDBAH) << 32 | gbe_ring(g, q, TDBAL)) +
           (gpa)gbe_ring(g, q, TDH) * DESC_SIZE;
}

static uint32_t ring_size(const struct gbe *g, unsigned q)
{
    return gbe_ring(g, q, TDLEN) / DESC_SIZE;
}

/* Descriptors that wait to be sent. */
static uint32_t pending(const struct gbe *g, unsigned q)
{
    uint32_t size = ring_size(g, q), head = gbe_ring(g, q, TDH), tail = gbe_ring(g, q, TDT);

    if (head >= size || tail >= size)
        return 0;
    return tail >= head ? tail - head : size - head + tail;
}

/* TXDCTL.LWTHRESH, in units of eight descriptors: fewer than that are left. */
static bool is_low(const struct gbe *g, unsigned q)
{
    uint32_t threshold = (gbe_ring(g, q, TXDCTL) >> 25) * 8;

    return threshold && pending(g, q) == threshold - 1;
}

/* Status back, next descriptor. */
static void retire(struct gbe *g, unsigned q, uint8_t *d)
{
    uint32_t head = gbe_ring(g, q, TDH) + 1;

    if (d[11] & CMD_RS) {
        d[12] |= STA_DD;
        if (!pci_dma_write(&g->pci, desc_address(g, q) + 12, d + 12, 1))
            dev_guest_error(&g->pci.dev, "the transmit ring is not in memory");
    }
    gbe_put(g, TDH + q * QUEUE_STRIDE, head >= ring_size(g, q) ? 0 : head);
    if (is_low(g, q))
        gbe_raise(g, ICR_TXD_LOW);
    if (d[11] & CMD_RS)
        gbe_raise_tx(g, q, d[11] & CMD_IDE);
}

static void take_context(struct gbe *g, unsigned q, const uint8_t *d)
{
    bool tse = d[11] & CMD_TSE;

    memcpy(context_at(g, q, tse), d, GBE_CONTEXT);
    g->s.ctx_valid = (uint8_t)(g->s.ctx_valid | 1U << context_index(q, tse));
}

/* One descriptor; false when the back end is full and it must be looked at again. */
static bool step(struct gbe *g, unsigned q)
{
    struct gbe_tx *t = &g->tx[q];
    uint8_t d[DESC_SIZE];

    if (!pci_dma_read(&g->pci, desc_address(g, q), d, sizeof(d)))
        dev_guest_error(&g->pci.dev, "the transmit ring is not in memory");
    bool extended = d[11] & CMD_DEXT;
    if (extended && d[10] >> 4 == DTYP_CONTEXT) {
        take_context(g, q, d);
        retire(g, q, d);
        return true;
    }
    if (!t->waits) {
        gather(g, t, ld_le64(d), extended ? ld_le32(d + 8) & 0xfffff : ld_le16(d + 8));
        if (d[11] & CMD_EOP)
            finish_frame(g, q, d, extended);
    }
    if (d[11] & CMD_EOP) {
        t->waits = !send_frame(g, t);
        if (t->waits)
            return false;
    }
    retire(g, q, d);
    return true;
}

/* What a queue holds, up to the budget; false when the back end is full or the budget spent. */
static bool send_queue(struct gbe *g, unsigned q, unsigned *budget)
{
    if (!pending(g, q))
        return true;
    while (pending(g, q)) {
        if (*budget == 0) {
            timer_set(&g->tx_again, clock_now()); /* the rest from the main loop */
            return false;
        }
        --*budget;
        if (!step(g, q))
            return false;
    }
    gbe_raise(g, ICR_TXQE | (g->model->is_82574 ? ICR_TXQ0 << q : 0));
    return true;
}

void gbe_send(struct gbe *g)
{
    unsigned budget = BUDGET;

    if (!(gbe_reg(g, TCTL) & TCTL_EN) || !pci_is_master(&g->pci))
        return;
    for (unsigned q = 0; q < gbe_queues(g); q++)
        if (!send_queue(g, q, &budget))
            return;
}

void gbe_writable(struct net_client *c)
{
    struct gbe *g = c->opaque;

    if (g->tx[0].waits || g->tx[1].waits)
        gbe_send(g);
}
