/* Checksums and segmentation in software.  Ref: RFC 1071, RFC 791, RFC 8200, RFC 9293. */
#include "net/offload.h"
#include "net/net_priv.h"
#include "util/bits.h"

#include <string.h>

enum { ETH_IPV4 = 0x0800, ETH_IPV6 = 0x86dd, ETH_VLAN = 0x8100, ETH_QINQ = 0x88a8, VLAN_TAG = 4 };
enum {
    IPV4_MIN = 20,
    IPV4_LEN = 2,
    IPV4_ID = 4,
    IPV4_FRAG = 6,
    IPV4_PROTO = 9,
    IPV4_CSUM = 10,
    IPV4_SRC = 12
};
enum { IPV4_MORE = 0x2000, IPV4_DONT = 0x4000 };
enum {
    IPV6_SIZE = 40,
    IPV6_LEN = 4,
    IPV6_NEXT = 6,
    IPV6_SRC = 8,
    IPV6_FRAGMENT = 44,
    FRAG_SIZE = 8
};
enum { TCP_MIN = 20, TCP_SEQ = 4, TCP_ACK = 8, TCP_OFF = 12, TCP_FLAGS = 13, TCP_CSUM = 16 };
enum { TCP_FIN = 1, TCP_PSH = 8, TCP_F_ACK = 16, TCP_CWR = 128 };
enum { UDP_SIZE = 8, UDP_LEN = 4, UDP_CSUM = 6 };
enum { PROTO_TCP = 6, PROTO_UDP = 17, MAX_HEADERS = 256 };

uint64_t csum_add(const void *data, size_t n, uint64_t sum)
{
    const uint8_t *p = data;
    uint64_t a = 0, b = 0;

    for (; n >= 16; p += 16, n -= 16) { /* two chains; 2^32 words of 32 bits do not overflow */
        a += (uint64_t)ld_le32(p) + ld_le32(p + 4);
        b += (uint64_t)ld_le32(p + 8) + ld_le32(p + 12);
    }
    for (; n >= 2; p += 2, n -= 2)
        a += ld_le16(p);
    if (n)
        a += *p;
    a += b;
    sum += (a & UINT32_MAX) + (a >> 32);
    return sum;
}

uint16_t csum_fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

uint64_t offload_pseudo_sum(const uint8_t *ip, unsigned proto, uint32_t len)
{
    bool v6 = ip[0] >> 4 == 6;
    uint64_t sum = v6 ? csum_add(ip + IPV6_SRC, 32, 0) : csum_add(ip + IPV4_SRC, 8, 0);

    return sum + __builtin_bswap16((uint16_t)len) + __builtin_bswap16((uint16_t)(len >> 16)) +
           __builtin_bswap16((uint16_t)proto);
}

/* The field holds the pseudo header's sum when the rest is summed; UDP sends 0 as ones. */
bool offload_complete_csum(uint8_t *frame, size_t n, const struct net_hdr *hdr)
{
    size_t at = (size_t)hdr->csum_start + hdr->csum_offset;

    if (at + 2 > n)
        return false;
    uint16_t sum = csum_fold(csum_add(frame + hdr->csum_start, n - hdr->csum_start, 0));
    st_le16(frame + at, sum == 0 && hdr->csum_offset == UDP_CSUM ? 0xffff : sum);
    return true;
}

unsigned offload_needs(const struct net_hdr *hdr)
{
    unsigned needs = hdr->flags & NET_HDR_NEEDS_CSUM ? NET_CAP_CSUM : 0;

    switch (hdr->gso_type & ~NET_GSO_ECN) {
    case NET_GSO_TCPV4: needs |= NET_CAP_TSO4; break;
    case NET_GSO_TCPV6: needs |= NET_CAP_TSO6; break;
    case NET_GSO_UDP: needs |= NET_CAP_UFO; break;
    default: break;
    }
    return needs | (hdr->gso_type & NET_GSO_ECN ? NET_CAP_ECN : 0);
}

bool offload_valid(const struct net_frame *f)
{
    const struct net_hdr *h = &f->hdr;
    unsigned kind = h->gso_type & ~(unsigned)NET_GSO_ECN;

    if (f->size < NET_ETH_HEADER || f->size > NET_MAX_FRAME)
        return false;
    if ((h->flags & NET_HDR_NEEDS_CSUM) && (size_t)h->csum_start + h->csum_offset + 2 > f->size)
        return false;
    if (kind == NET_GSO_NONE)
        return !(h->gso_type & NET_GSO_ECN);
    return (kind == NET_GSO_TCPV4 || kind == NET_GSO_TCPV6 || kind == NET_GSO_UDP) &&
           h->gso_size > 0 && (h->flags & NET_HDR_NEEDS_CSUM);
}

const uint8_t *net_linear(const struct net_frame *f, uint8_t *buf)
{
    size_t n = 0;

    if (f->niov == 1)
        return f->iov[0].iov_base;
    if (f->size > NET_MAX_FRAME)
        return NULL;
    for (unsigned i = 0; i < f->niov; i++) {
        memcpy(buf + n, f->iov[i].iov_base, f->iov[i].iov_len);
        n += f->iov[i].iov_len;
    }
    return buf;
}

/* Where the network header begins; *type is what follows the tags. */
static unsigned network_offset(const uint8_t *frame, size_t n, unsigned *type)
{
    unsigned at = NET_ETH_HEADER;

    *type = ld_be16(frame + at - 2);
    while ((*type == ETH_VLAN || *type == ETH_QINQ) && at + VLAN_TAG <= n) {
        at += VLAN_TAG;
        *type = ld_be16(frame + at - 2);
    }
    return at;
}

/* A frame being cut up. */
struct cut {
    const uint8_t *frame;
    size_t size;
    unsigned l3, l4, headers; /* offsets: network header, transport header, payload */
    unsigned piece;           /* bytes of payload in each */
    bool v6;
    uint8_t head[MAX_HEADERS];
    offload_emit_fn *emit;
    void *opaque;
};

static void emit_piece(struct cut *c, unsigned head_len, size_t from, size_t len)
{
    struct iovec iov[2] = {{c->head, head_len}, {(uint8_t *)(uintptr_t)(c->frame + from), len}};
    struct net_frame f = {iov, 2, head_len + len, {0}};

    c->emit(c->opaque, &f);
}

/* IPv4: length, identification of the i-th piece, fragment field, checksum.  IPv6: length. */
static void fix_ip(struct cut *c, unsigned ip_len, unsigned i, unsigned frag)
{
    uint8_t *ip = c->head + c->l3;

    if (c->v6) {
        st_be16(ip + IPV6_LEN, (uint16_t)(ip_len - IPV6_SIZE));
        return;
    }
    st_be16(ip + IPV4_LEN, (uint16_t)ip_len);
    st_be16(ip + IPV4_ID, (uint16_t)(ld_be16(ip + IPV4_ID) + i));
    st_be16(ip + IPV4_FRAG, (uint16_t)frag);
    st_le16(ip + IPV4_CSUM, 0);
    st_le16(ip + IPV4_CSUM, csum_fold(csum_add(ip, (ip[0] & 15) * 4U, 0)));
}

static void fix_tcp(struct cut *c, size_t from, size_t len)
{
    uint8_t *tcp = c->head + c->l4, flags = tcp[TCP_FLAGS];
    unsigned tcp_len = c->headers - c->l4 + (unsigned)len;

    st_be32(tcp + TCP_SEQ, ld_be32(tcp + TCP_SEQ) + (uint32_t)(from - c->headers));
    if (from + len < c->size)
        flags &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (from > c->headers)
        flags &= (uint8_t)~TCP_CWR;
    tcp[TCP_FLAGS] = flags;
    st_le16(tcp + TCP_CSUM, 0);
    uint64_t sum = offload_pseudo_sum(c->head + c->l3, PROTO_TCP, tcp_len);
    sum = csum_add(c->frame + from, len, sum); /* headers are of even length */
    st_le16(tcp + TCP_CSUM, csum_fold(csum_add(tcp, c->headers - c->l4, sum)));
}

static void cut_tcp(struct cut *c)
{
    unsigned i = 0, frag = c->v6 ? 0 : ld_be16(c->frame + c->l3 + IPV4_FRAG);
    size_t from = c->headers;

    do {
        size_t len = MIN(c->size - from, c->piece);
        memcpy(c->head, c->frame, c->headers);
        fix_ip(c, c->headers - c->l3 + (unsigned)len, i++, frag);
        fix_tcp(c, from, len);
        emit_piece(c, c->headers, from, len);
        from += len;
    } while (from < c->size);
}

/* IPv4 fragments of a datagram whose checksum is complete. */
static void cut_udp4(struct cut *c)
{
    size_t from = c->l4;

    while (from < c->size) {
        size_t len = MIN(c->size - from, c->piece);
        bool last = from + len == c->size;
        memcpy(c->head, c->frame, c->l4);
        fix_ip(c, c->l4 - c->l3 + (unsigned)len, 0,
               (unsigned)((from - c->l4) / 8) | (last ? 0 : IPV4_MORE));
        emit_piece(c, c->l4, from, len);
        from += len;
    }
}

/* IPv6 fragments: a fragment header goes between.  Section 4.5. */
static void cut_udp6(struct cut *c)
{
    uint32_t id = g_random_int();
    size_t from = c->l4;

    while (from < c->size) {
        size_t len = MIN(c->size - from, c->piece);
        uint8_t *fh = c->head + c->l4;
        memcpy(c->head, c->frame, c->l4);
        fh[0] = c->head[c->l3 + IPV6_NEXT];
        fh[1] = 0;
        st_be16(fh + 2, (uint16_t)((from - c->l4) | (from + len < c->size)));
        st_be32(fh + 4, id);
        c->head[c->l3 + IPV6_NEXT] = IPV6_FRAGMENT;
        fix_ip(c, c->l4 - c->l3 + FRAG_SIZE + (unsigned)len, 0, 0);
        emit_piece(c, c->l4 + FRAG_SIZE, from, len);
        from += len;
    }
}

/* Find the headers that the offload header speaks of; false when they are not there. */
static bool find_headers(struct cut *c, const struct net_hdr *h)
{
    unsigned type, udp = (h->gso_type & ~NET_GSO_ECN) == NET_GSO_UDP;

    c->l3 = network_offset(c->frame, c->size, &type);
    c->v6 = type == ETH_IPV6;
    c->l4 = h->csum_start;
    if ((type != ETH_IPV4 && !c->v6) || c->l4 < c->l3 + (c->v6 ? IPV6_SIZE : IPV4_MIN) ||
        c->l4 + TCP_MIN > c->size)
        return false;
    if (!c->v6 && c->l4 != c->l3 + (c->frame[c->l3] & 15) * 4U)
        return false;
    if (udp && c->v6 && c->l4 != c->l3 + IPV6_SIZE)
        return false;
    c->headers = c->l4 + (udp ? UDP_SIZE : (c->frame[c->l4 + TCP_OFF] >> 4) * 4U);
    c->piece = udp ? h->gso_size & ~7U : h->gso_size;
    return c->headers >= c->l4 + (udp ? UDP_SIZE : TCP_MIN) && c->headers <= c->size &&
           c->headers + FRAG_SIZE <= MAX_HEADERS && c->piece > 0;
}

static void cut_up(struct cut *c, uint8_t *frame, const struct net_hdr *h)
{
    if ((h->gso_type & ~NET_GSO_ECN) != NET_GSO_UDP) {
        cut_tcp(c);
        return;
    }
    if (!offload_complete_csum(frame, c->size, h))
        return;
    if (c->v6)
        cut_udp6(c);
    else
        cut_udp4(c);
}

static void complete(const struct net_frame *f, uint8_t *frame, offload_emit_fn *emit, void *opaque)
{
    struct iovec iov = {frame, f->size};
    struct net_frame done = {&iov, 1, f->size, {0}};

    if (offload_complete_csum(frame, f->size, &f->hdr))
        emit(opaque, &done);
}

void offload_convert(const struct net_frame *f, unsigned caps, offload_emit_fn *emit, void *opaque)
{
    unsigned missing = offload_needs(&f->hdr) & ~caps;

    if (!missing && (f->hdr.flags == 0 || (caps & NET_CAP_CSUM))) {
        emit(opaque, f);
        return;
    }
    if (!missing) { /* it is only said that the checksum is right */
        struct net_frame plain = *f;
        plain.hdr = (struct net_hdr){0};
        emit(opaque, &plain);
        return;
    }
    if (!offload_valid(f))
        return;
    uint8_t *frame = g_malloc(f->size);
    const uint8_t *at = net_linear(f, frame);
    if (at != frame)
        memcpy(frame, at, f->size);
    struct cut c = {.frame = frame, .size = f->size, .emit = emit, .opaque = opaque};
    if (f->hdr.gso_type == NET_GSO_NONE)
        complete(f, frame, emit, opaque);
    else if (find_headers(&c, &f->hdr))
        cut_up(&c, frame, &f->hdr);
    g_free(frame);
}

/* What of a frame decides whether it may be merged. */
struct segment {
    const uint8_t *frame;
    size_t size; /* without Ethernet padding */
    unsigned l3, l4, payload;
    bool v6;
};

/* A plain TCP segment: no fragments, no IP options, no flags but ACK and PSH. */
static bool parse_segment(const uint8_t *frame, size_t n, struct segment *s)
{
    unsigned type, len;

    *s = (struct segment){.frame = frame};
    if (n < NET_ETH_HEADER + IPV4_MIN + TCP_MIN)
        return false;
    s->l3 = network_offset(frame, n, &type);
    const uint8_t *ip = frame + s->l3;
    s->v6 = type == ETH_IPV6;
    s->l4 = s->l3 + (s->v6 ? IPV6_SIZE : IPV4_MIN);
    if ((type != ETH_IPV4 && !s->v6) || s->l4 + TCP_MIN > n)
        return false;
    if (s->v6 ? ip[IPV6_NEXT] != PROTO_TCP
              : ip[0] != 0x45 || ip[IPV4_PROTO] != PROTO_TCP ||
                    (ld_be16(ip + IPV4_FRAG) & ~IPV4_DONT))
        return false;
    len = s->v6 ? ld_be16(ip + IPV6_LEN) + IPV6_SIZE : ld_be16(ip + IPV4_LEN);
    s->size = s->l3 + len;
    s->payload = s->l4 + (frame[s->l4 + TCP_OFF] >> 4) * 4U;
    return s->size <= n && s->payload < s->size && s->payload >= s->l4 + TCP_MIN &&
           (frame[s->l4 + TCP_FLAGS] & ~TCP_PSH) == TCP_F_ACK;
}

/* Same addresses, ports, and nothing else that the stack would tell apart. */
static bool same_flow(const struct gro_flow *w, const struct segment *s)
{
    const uint8_t *a = w->buf, *b = s->frame;

    if (w->v6 != s->v6 || w->l3 != s->l3 || memcmp(a, b, w->l3))
        return false;
    unsigned addresses = w->l3 + (w->v6 ? IPV6_SRC : IPV4_SRC);
    return !memcmp(a + addresses, b + addresses, w->l4 + 4 - addresses);
}

static bool follows(const struct gro_flow *w, const struct segment *s)
{
    const uint8_t *a = w->buf, *b = s->frame;
    size_t len = s->size - s->payload;

    if (w->closed || w->payload != s->payload || len > w->gso_size ||
        w->size + len > w->l3 + UINT16_MAX)
        return false;
    /* Class and hop limit; acknowledged, window and options. */
    if (w->v6 ? memcmp(a + w->l3, b + w->l3, 4) || a[w->l3 + 7] != b[w->l3 + 7]
              : a[w->l3 + 1] != b[w->l3 + 1] || a[w->l3 + 8] != b[w->l3 + 8])
        return false;
    return ld_be32(b + w->l4 + TCP_SEQ) == w->next_seq &&
           !memcmp(a + w->l4 + TCP_ACK, b + w->l4 + TCP_ACK, 5) &&
           !memcmp(a + w->l4 + 14, b + w->l4 + 14, 2) &&
           !memcmp(a + w->l4 + TCP_MIN, b + w->l4 + TCP_MIN, w->payload - w->l4 - TCP_MIN);
}

/* The frame that a flow has become, with the header that asks the receiver to treat it as many. */
static void flow_emit(struct gro *g, struct gro_flow *w)
{
    struct iovec iov = {w->buf, w->size};
    struct net_frame f = {&iov, 1, w->size, {.flags = NET_HDR_DATA_VALID}};
    uint8_t *ip = w->buf + w->l3;

    if (w->count > 1) {
        unsigned tcp_len = (unsigned)(w->size - w->l4), ip_len = (unsigned)(w->size - w->l3);
        st_be16(ip + (w->v6 ? IPV6_LEN : IPV4_LEN),
                (uint16_t)(w->v6 ? ip_len - IPV6_SIZE : ip_len));
        if (!w->v6) {
            st_le16(ip + IPV4_CSUM, 0);
            st_le16(ip + IPV4_CSUM, csum_fold(csum_add(ip, IPV4_MIN, 0)));
        }
        st_le16(w->buf + w->l4 + TCP_CSUM,
                (uint16_t)~csum_fold(offload_pseudo_sum(ip, PROTO_TCP, tcp_len)));
        f.hdr = (struct net_hdr){NET_HDR_NEEDS_CSUM,   w->v6 ? NET_GSO_TCPV6 : NET_GSO_TCPV4,
                                 (uint16_t)w->payload, w->gso_size,
                                 (uint16_t)w->l4,      TCP_CSUM};
    }
    w->size = 0;
    g->held--;
    g->emit(g->opaque, &f);
}

static void flow_begin(struct gro *g, struct gro_flow *w, const struct segment *s)
{
    if (!w->buf)
        w->buf = g_malloc(NET_MAX_FRAME);
    memcpy(w->buf, s->frame, s->size);
    w->size = s->size;
    w->l3 = s->l3;
    w->l4 = s->l4;
    w->payload = s->payload;
    w->v6 = s->v6;
    w->gso_size = (uint16_t)(s->size - s->payload);
    w->next_seq = ld_be32(s->frame + s->l4 + TCP_SEQ) + w->gso_size;
    w->count = 1;
    w->closed = s->frame[s->l4 + TCP_FLAGS] & TCP_PSH;
    g->held++;
}

static void flow_append(struct gro_flow *w, const struct segment *s)
{
    size_t len = s->size - s->payload;

    memcpy(w->buf + w->size, s->frame + s->payload, len);
    w->size += len;
    w->next_seq += (uint32_t)len;
    w->count++;
    w->buf[w->l4 + TCP_FLAGS] |= s->frame[s->l4 + TCP_FLAGS] & TCP_PSH;
    w->closed = len < w->gso_size || (s->frame[s->l4 + TCP_FLAGS] & TCP_PSH);
}

void gro_init(struct gro *g, offload_emit_fn *emit, void *opaque)
{
    *g = (struct gro){.emit = emit, .opaque = opaque};
}

void gro_fini(struct gro *g)
{
    for (unsigned i = 0; i < GRO_FLOWS; i++)
        g_free(g->flow[i].buf);
}

static struct gro_flow *find_flow(struct gro *g, const struct segment *s)
{
    for (unsigned i = 0; i < GRO_FLOWS; i++)
        if (g->flow[i].size && same_flow(&g->flow[i], s))
            return &g->flow[i];
    return NULL;
}

static struct gro_flow *free_flow(struct gro *g)
{
    for (unsigned i = 0; i < GRO_FLOWS; i++)
        if (!g->flow[i].size)
            return &g->flow[i];
    struct gro_flow *w = &g->flow[g->next++ % GRO_FLOWS];
    flow_emit(g, w);
    return w;
}

static void pass(struct gro *g, const uint8_t *frame, size_t n)
{
    struct iovec iov = {(uint8_t *)(uintptr_t)frame, n};
    struct net_frame f = {&iov, 1, n, {.flags = NET_HDR_DATA_VALID}};

    g->emit(g->opaque, &f);
}

void gro_add(struct gro *g, const uint8_t *frame, size_t n)
{
    struct segment s;
    bool plain = parse_segment(frame, n, &s);
    struct gro_flow *w = g->held && s.l4 && s.l4 + TCP_MIN <= n ? find_flow(g, &s) : NULL;

    if (plain && w && follows(w, &s)) {
        flow_append(w, &s);
        return;
    }
    if (w) /* keep the order */
        flow_emit(g, w);
    if (plain && (g->caps & (s.v6 ? NET_CAP_TSO6 : NET_CAP_TSO4)))
        flow_begin(g, w ? w : free_flow(g), &s);
    else
        pass(g, frame, n);
}

void gro_flush(struct gro *g)
{
    for (unsigned i = 0; i < GRO_FLOWS && g->held; i++)
        if (g->flow[i].size)
            flow_emit(g, &g->flow[i]);
}

void net_hdr_load(struct net_hdr *h, const uint8_t *p)
{
    *h = (struct net_hdr){p[0],           p[1],           ld_le16(p + 2),
                          ld_le16(p + 4), ld_le16(p + 6), ld_le16(p + 8)};
}

void net_hdr_store(uint8_t *p, const struct net_hdr *h)
{
    p[0] = h->flags;
    p[1] = h->gso_type;
    st_le16(p + 2, h->hdr_len);
    st_le16(p + 4, h->gso_size);
    st_le16(p + 6, h->csum_start);
    st_le16(p + 8, h->csum_offset);
}
