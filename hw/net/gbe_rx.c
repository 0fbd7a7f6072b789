/* Reception: filters, checksum verification, descriptors.  Ref: SDM 3.2, 82574 7.1. */
#include "hw/net/gbe.h"
#include "net/offload.h"
#include "util/bits.h"

#include <glib.h>
#include <string.h>
#include <zlib.h>

enum {
    DESC_SIZE = 16,
    SPLIT_SIZE = 32,
    SPLIT_BUFFERS = 4,
    FCS = 4,
    VLAN_TAG = 4,
    MAC_LEN = 6,
    MAC_PAIR = 12,
    MAX_STANDARD = 1522,
    MAX_LONG = 16384
};
enum {
    ST_DD = 0x01,
    ST_EOP = 0x02,
    ST_IXSM = 0x04,
    ST_VP = 0x08,
    ST_UDPCS = 0x10,
    ST_TCPCS = 0x20,
    ST_IPCS = 0x40,
    ST_PIF = 0x80
};
enum { ERR_TCPE = 0x20, ERR_IPE = 0x40, EXT_ERR_SHIFT = 24 };
enum { MRQ_QUEUE_SHIFT = 8, HDR_SPLIT = 1 << 15 };
enum { RXCSUM_IP = 1 << 8, RXCSUM_TU = 1 << 9, RADDRS = 16 };
static const uint32_t RAH_VALID = UINT32_C(1) << 31;

static bool is_extended(const struct gbe *g)
{
    return g->model->is_82574 && (gbe_reg(g, RFCTL) & RFCTL_EXTEN);
}

/* Descriptors of four buffers, for long frames.  82574 7.1.6. */
static bool is_split(const struct gbe *g)
{
    return is_extended(g) && (gbe_reg(g, RCTL) >> 10 & 3) == 1;
}

static unsigned desc_size(const struct gbe *g)
{
    return is_split(g) ? SPLIT_SIZE : DESC_SIZE;
}

static uint32_t ring_size(const struct gbe *g, unsigned q)
{
    return gbe_ring(g, q, RDLEN) / desc_size(g);
}

static bool enabled(const struct gbe *g)
{
    return (gbe_reg(g, RCTL) & RCTL_EN) && pci_is_master(&g->pci);
}

/* Bytes of the i-th buffer of a split descriptor. */
static uint32_t split_size(const struct gbe *g, unsigned i)
{
    uint32_t v = gbe_reg(g, PSRCTL);

    return i == 0 ? (v & 0x7f) * 128 : (v >> (8 * i) & 0x3f) * 1024;
}

/* Bytes that a descriptor's buffers hold.  SDM 13.4.22. */
static uint32_t buffer_size(const struct gbe *g)
{
    if (is_split(g))
        return MAX(split_size(g, 0) + split_size(g, 1) + split_size(g, 2) + split_size(g, 3), 128);
    uint32_t rctl = gbe_reg(g, RCTL), code = rctl >> 16 & 3;

    if ((rctl & RCTL_BSEX) && code)
        return 32768U >> code;
    return 2048U >> code;
}

/* Descriptors that the driver has given and we have not used. */
static uint32_t free_descriptors(const struct gbe *g, unsigned q)
{
    uint32_t size = ring_size(g, q), head = gbe_ring(g, q, RDH), tail = gbe_ring(g, q, RDT);

    if (head >= size || tail >= size)
        return 0;
    return tail >= head ? tail - head : size - head + tail;
}

bool gbe_rx_has_room(const struct gbe *g, unsigned q)
{
    return !enabled(g) || free_descriptors(g, q) > 0;
}

static bool hash_matches(const struct gbe *g, const uint8_t *mac)
{
    static const uint8_t shift[] = {4, 3, 2, 0};
    unsigned bits = (unsigned)ld_le16(mac + 4) >> shift[gbe_reg(g, RCTL) >> 12 & 3] & 0xfff;

    return gbe_reg(g, MTA + 4 * (bits >> 5)) >> (bits & 31) & 1;
}

static bool exact_match(const struct gbe *g, const uint8_t *mac)
{
    for (unsigned i = 0; i < RADDRS; i++) {
        uint32_t low = gbe_reg(g, RAL + 8 * i), high = gbe_reg(g, RAL + 8 * i + 4);
        if ((high & RAH_VALID) && ld_le32(mac) == low && ld_le16(mac + 4) == (high & 0xffff))
            return true;
    }
    return false;
}

static bool has_tag(const struct gbe *g, const uint8_t *f)
{
    return ld_be16(f + MAC_PAIR) == (gbe_reg(g, VET) & 0xffff);
}

/* SDM 3.2.1; *by_hash: passed the imperfect filter only. */
static bool wanted(const struct gbe *g, const uint8_t *f, bool *by_hash)
{
    uint32_t rctl = gbe_reg(g, RCTL);

    *by_hash = false;
    if ((rctl & RCTL_VFE) && has_tag(g, f)) {
        unsigned id = ld_be16(f + MAC_PAIR + 2) & 0xfff;
        if (!(gbe_reg(g, VFTA + 4 * (id >> 5)) >> (id & 31) & 1))
            return false;
    }
    bool group = f[0] & 1, broadcast = !memcmp(f, "\xff\xff\xff\xff\xff\xff", MAC_LEN);
    if ((rctl & (group ? RCTL_MPE : RCTL_UPE)) || (broadcast && (rctl & RCTL_BAM)) ||
        exact_match(g, f))
        return true;
    *by_hash = true;
    return group && hash_matches(g, f);
}

/* A frame on its way into the ring. */
struct incoming {
    const uint8_t *data;
    size_t n; /* with the frame check sequence, if that is kept */
    uint8_t status, errors;
    uint16_t tag, csum, ip_id;
    unsigned queue, rss_type;
    uint32_t hash;
    unsigned
        header; /* bytes that go into a split descriptor's first buffer alone; 0: as they come */
};

/* IPv4's own checksum, and TCP's and UDP's of packets that are no fragments.  SDM 3.2.9. */
static void verify(const struct gbe *g, struct incoming *in, size_t n, bool known_good)
{
    uint32_t on = gbe_reg(g, RXCSUM);
    const uint8_t *ip = in->data + NET_ETH_HEADER;
    unsigned type = ld_be16(in->data + MAC_PAIR), header, proto;
    size_t len;

    if (type == 0x0800 && n >= NET_ETH_HEADER + 20U && ip[0] >> 4 == 4) {
        header = (ip[0] & 15) * 4U;
        len = ld_be16(ip + 2);
        proto = ip[9];
        if (header < 20 || len < header || len > n - NET_ETH_HEADER)
            return;
        in->status |= on & RXCSUM_IP ? ST_IPCS : 0;
        if ((on & RXCSUM_IP) && csum_fold(csum_add(ip, header, 0)))
            in->errors |= ERR_IPE;
        if (ld_be16(ip + 6) & 0x3fff)
            return;
    } else if (type == 0x86dd && n >= NET_ETH_HEADER + 40U) {
        header = 40;
        len = 40U + ld_be16(ip + 4);
        proto = ip[6];
        if (len > n - NET_ETH_HEADER)
            return;
    } else {
        return;
    }
    bool udp = proto == 17;
    if (!(on & RXCSUM_TU) || (!udp && proto != 6) || len - header < (udp ? 8U : 20U) ||
        (udp && ld_le16(ip + header + 6) == 0))
        return;
    in->status |= ST_TCPCS | (udp && g->model->is_82574 ? ST_UDPCS : 0);
    uint64_t sum = known_good ? 0 : offload_pseudo_sum(ip, proto, (uint32_t)(len - header));
    if (!known_good && csum_fold(csum_add(ip + header, len - header, sum)))
        in->errors |= ERR_TCPE;
}

/* The descriptor's 16 bytes when a piece of n bytes is in its buffer. */
static void fill_desc(const struct gbe *g, uint8_t *d, const struct incoming *in, size_t n,
                      bool last)
{
    uint8_t status = last ? in->status | ST_DD | ST_EOP : ST_DD, errors = last ? in->errors : 0;

    if (is_extended(g)) {
        uint32_t sums = (uint32_t)in->csum << 16 | in->ip_id;
        st_le32(d, last ? in->queue << MRQ_QUEUE_SHIFT | in->rss_type : 0);
        st_le32(d + 4, !last ? 0 : gbe_reg(g, RXCSUM) & RXCSUM_PCSD ? in->hash : sums);
        st_le32(d + 8, status | (uint32_t)errors << EXT_ERR_SHIFT);
        st_le16(d + 12, (uint16_t)n);
        st_le16(d + 14, in->tag);
        return;
    }
    st_le16(d + 8, (uint16_t)n);
    st_le16(d + 10, in->csum);
    d[12] = status;
    d[13] = errors;
    st_le16(d + 14, in->tag);
}

/* The same of a split descriptor: known headers have the first buffer for themselves, if all of
 * the frame fits; else data fill the buffers in turn.  82574 7.1.10. */
static bool put_split(struct gbe *g, const struct incoming *in, size_t at, size_t n, gpa where)
{
    uint8_t d[SPLIT_SIZE], back[SPLIT_SIZE] = {0};
    bool last = at + n == in->n, ok = pci_dma_read(&g->pci, where, d, sizeof(d));

    fill_desc(g, back, in, 0, last);
    if (in->header)
        st_le16(back + 16, (uint16_t)(in->header | HDR_SPLIT));
    for (unsigned i = 0; ok && i < SPLIT_BUFFERS; i++) {
        size_t part = MIN(n, i == 0 && in->header ? in->header : split_size(g, i));
        ok = part == 0 || pci_dma_write(&g->pci, ld_le64(d + 8 * i), in->data + at, part);
        st_le16(back + (i == 0 ? 12 : 16 + 2 * i), (uint16_t)part);
        at += part;
        n -= part;
    }
    ok = ok && pci_dma_write(&g->pci, where, back, 8) &&
         pci_dma_write(&g->pci, where + 12, back + 12, SPLIT_SIZE - 12);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* the driver polls the status */
    return ok && pci_dma_write(&g->pci, where + 8, back + 8, 4);
}

static bool put_whole(struct gbe *g, const struct incoming *in, size_t at, size_t n, gpa where)
{
    uint8_t d[DESC_SIZE];
    unsigned status = is_extended(g) ? 8 : 12, others = is_extended(g) ? 12 : 8;

    bool ok = pci_dma_read(&g->pci, where, d, sizeof(d)) &&
              pci_dma_write(&g->pci, ld_le64(d), in->data + at, n);
    fill_desc(g, d, in, n, at + n == in->n);
    ok = ok && (!is_extended(g) || pci_dma_write(&g->pci, where, d, 8)) &&
         pci_dma_write(&g->pci, where + others, d + others, 4);
    __atomic_thread_fence(__ATOMIC_RELEASE); /* the driver polls the status */
    return ok && pci_dma_write(&g->pci, where + status, d + status, 4);
}

/* Put one piece where the descriptor at RDH says. */
static void put_piece(struct gbe *g, const struct incoming *in, size_t at, size_t n)
{
    unsigned q = in->queue;
    gpa where = ((gpa)gbe_ring(g, q, RDBAH) << 32 | gbe_ring(g, q, RDBAL)) +
                (gpa)gbe_ring(g, q, RDH) * desc_size(g);

    if (!(is_split(g) ? put_split : put_whole)(g, in, at, n, where))
        dev_guest_error(&g->pci.dev, "the receive ring or a buffer is not in memory");
    uint32_t head = gbe_ring(g, q, RDH) + 1;
    gbe_put(g, RDH + q * QUEUE_STRIDE, head >= ring_size(g, q) ? 0 : head);
}

static void count_received(struct gbe *g, const uint8_t *f, size_t n)
{
    gbe_count(g, TPR, 1);
    gbe_count(g, GPRC, 1);
    gbe_count_octets(g, TORL, n);
    gbe_count_octets(g, GORCL, n);
    gbe_count_size(g, PRC64, n);
    if (f[0] & 1)
        gbe_count(g, memcmp(f, "\xff\xff\xff\xff\xff\xff", MAC_LEN) ? MPRC : BPRC, 1);
}

/* The frame in one piece of at least 60 bytes in buf, with room for its check sequence; its length,
 * 0 when it is not one. */
static size_t flatten(const struct net_frame *f, uint8_t *buf)
{
    size_t n = 0;

    if (f->size < NET_ETH_HEADER || f->size > MAX_LONG)
        return 0;
    for (unsigned i = 0; i < f->niov; n += f->iov[i++].iov_len)
        memcpy(buf + n, f->iov[i].iov_base, f->iov[i].iov_len);
    if (n < NET_MIN_FRAME) {
        memset(buf + n, 0, NET_MIN_FRAME - n);
        n = NET_MIN_FRAME;
    }
    return (f->hdr.flags & NET_HDR_NEEDS_CSUM) && !offload_complete_csum(buf, f->size, &f->hdr) ? 0
                                                                                                : n;
}

/* CTRL.VME: the tag moves from the frame to the descriptor. */
static size_t strip_tag(const struct gbe *g, uint8_t *buf, size_t n, struct incoming *in)
{
    if (!has_tag(g, buf))
        return n;
    in->status |= ST_VP;
    if (!(gbe_reg(g, CTRL) & CTRL_VME))
        return n;
    in->tag = ld_be16(buf + MAC_PAIR + 2);
    memmove(buf + MAC_PAIR, buf + MAC_PAIR + VLAN_TAG, n - MAC_PAIR - VLAN_TAG);
    return n - VLAN_TAG;
}

/* The minimum threshold: half, a quarter or an eighth of the ring is left.  SDM 13.4.22. */
static bool is_low(const struct gbe *g, unsigned q)
{
    unsigned shift = (gbe_reg(g, RCTL) >> 8 & 3) + 1;

    return free_descriptors(g, q) == ring_size(g, q) >> shift;
}

/* What a descriptor tells of the packet beyond its checksums: hash and queue, IPv4's
 * identification, the sum of all from byte RXCSUM.PCSS on, how headers are split off. */
static void classify(const struct gbe *g, struct incoming *in, size_t n)
{
    struct gbe_headers h;
    size_t start = gbe_reg(g, RXCSUM) & 0xff;

    if (start < n)
        in->csum = __builtin_bswap16(csum_fold(csum_add(in->data + start, n + FCS - start, 0)));
    if (!g->model->is_82574)
        return;
    gbe_find_headers(g, in->data, n, &h);
    in->rss_type = gbe_rss_hash(g, in->data, &h, &in->hash);
    if (in->rss_type)
        in->queue = gbe_rss_queue(g, in->hash);
    if (h.ip && !h.v6)
        in->ip_id = ld_be16(in->data + h.ip + 4);
    size_t room = split_size(g, 1) + split_size(g, 2) + split_size(g, 3);
    if (is_split(g) && h.ip && h.payload <= split_size(g, 0) && in->n - h.payload <= room)
        in->header = h.payload;
}

/* False when there are not enough descriptors now: the frame waits, or is lost if there never
 * will be. */
static bool has_descriptors(struct gbe *g, const struct incoming *in, size_t pieces, bool *lost)
{
    if (free_descriptors(g, in->queue) >= pieces)
        return true;
    *lost = pieces >= ring_size(g, in->queue);
    if (*lost)
        gbe_count(g, MPC, 1);
    return false;
}

static uint32_t queue_cause(const struct gbe *g, const struct incoming *in)
{
    return g->model->is_82574 ? ICR_RXQ0 << in->queue : 0;
}

/* Small frames may interrupt at once, 82574 10.2.5.13. */
static bool is_small(const struct gbe *g, const struct incoming *in)
{
    return g->model->is_82574 && in->n <= (gbe_reg(g, RSRPD) & 0xfff);
}

static void put_frame(struct gbe *g, const struct incoming *in, size_t size)
{
    for (size_t at = 0; at < in->n; at += size) {
        put_piece(g, in, at, MIN(size, in->n - at));
        if (is_low(g, in->queue))
            g->raised |= ICR_RXDMT0;
    }
    g->raised |= ICR_RXT0 | queue_cause(g, in) | (is_small(g, in) ? ICR_SRPD : 0);
}

bool gbe_receive(struct net_client *c, const struct net_frame *f)
{
    struct gbe *g = c->opaque;
    uint8_t buf[MAX_LONG + FCS];
    struct incoming in = {.data = buf};
    bool by_hash, lost, long_ok = gbe_reg(g, RCTL) & (RCTL_LPE | RCTL_SBP);

    if (!enabled(g) || !gbe_link_up(g))
        return true;
    size_t n = flatten(f, buf), size = buffer_size(g);
    if (n == 0 || !wanted(g, buf, &by_hash))
        return true;
    if (n + FCS > MAX_STANDARD && !long_ok) {
        gbe_count(g, ROC, 1);
        return true;
    }
    uint32_t fcs = (uint32_t)crc32(crc32(0, NULL, 0), buf, (unsigned)n);
    size_t whole = n + FCS;
    n = strip_tag(g, buf, n, &in);
    st_le32(buf + n, fcs);
    in.n = n + (gbe_reg(g, RCTL) & RCTL_SECRC ? 0 : FCS);
    classify(g, &in, n);
    if (!has_descriptors(g, &in, (in.n + size - 1) / size, &lost))
        return lost;
    verify(g, &in, n, f->hdr.flags & (NET_HDR_DATA_VALID | NET_HDR_NEEDS_CSUM));
    in.status |= by_hash ? ST_PIF : 0;
    count_received(g, buf, whole);
    put_frame(g, &in, size);
    return true;
}

void gbe_burst_end(struct net_client *c)
{
    struct gbe *g = c->opaque;
    uint32_t causes = g->raised;

    g->raised = 0;
    if (causes)
        gbe_raise_rx(g, causes);
}
