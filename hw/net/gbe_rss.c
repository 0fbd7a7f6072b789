/*
 * Receive side scaling: a hash of addresses and ports that chooses a receive queue.
 * Ref: 82574 7.1.11 (hash function, hash types, redirection), 10.2.5.14 and on (MRQC, RETA, RSSRK).
 */
#include "hw/net/gbe.h"
#include "util/bits.h"

#include <string.h>

enum { MRQC_RSS = 1, RETA_QUEUE = 7, RETA_MASK = 127 };
enum { FIELD_TCPIPV4 = 16, FIELD_IPV4, FIELD_TCPIPV6, FIELD_IPV6EX, FIELD_IPV6 };
enum { TYPE_NONE, TYPE_TCPIPV4, TYPE_IPV4, TYPE_TCPIPV6, TYPE_IPV6EX, TYPE_IPV6 };
enum { RFCTL_IPV6_EX_DIS = 1 << 16, RFCTL_NEW_IPV6_EXT_DIS = 1 << 17 };
enum { PROTO_TCP = 6, PROTO_UDP = 17 };
enum { EXT_HOP = 0, EXT_ROUTING = 43, EXT_FRAGMENT = 44, EXT_DESTINATION = 60 };
enum { OPT_PAD1 = 0, OPT_HOME_ADDRESS = 201, ROUTING_TYPE_2 = 2, MAX_EXTENSIONS = 8 };
enum { ETH_IPV4 = 0x0800, ETH_IPV6 = 0x86dd, VLAN_TAG = 4, IP6_HEADER = 40, IP6_ADDR = 16 };

/* What follows IP's header at `at`. */
static void find_transport(const uint8_t *f, size_t n, size_t at, uint8_t proto,
                           struct gbe_headers *h)
{
    size_t len = 0;

    h->payload = h->transport = (unsigned)at;
    if (h->fragment)
        return;
    if (proto == PROTO_TCP && at + 20 <= n)
        len = (f[at + 12] >> 4) * 4U;
    else if (proto == PROTO_UDP)
        len = 8;
    if (len < 8 || at + len > n || (proto == PROTO_TCP && len < 20))
        return;
    h->proto = proto;
    h->payload = (unsigned)(at + len);
}

static void find_ipv4(const uint8_t *f, size_t n, size_t at, struct gbe_headers *h)
{
    size_t len = at < n ? (f[at] & 15) * 4U : 0;

    if (len < 20 || at + len > n || f[at] >> 4 != 4)
        return;
    h->ip = (unsigned)at;
    h->src = f + at + 12;
    h->dst = f + at + 16;
    h->fragment = ld_be16(f + at + 6) & 0x3fff;
    find_transport(f, n, at + len, f[at + 9], h);
}

/* The home address option of a destination options header takes the source's place. */
static void find_home_address(const uint8_t *ext, size_t len, struct gbe_headers *h)
{
    for (size_t i = 2; i < len;) {
        size_t step = ext[i] == OPT_PAD1 ? 1 : i + 1 < len ? 2U + ext[i + 1] : len;
        if (ext[i] == OPT_HOME_ADDRESS && step == 2 + IP6_ADDR && i + step <= len)
            h->src = ext + i + 2;
        i += step;
    }
}

static void use_extension(uint8_t kind, const uint8_t *ext, size_t len, struct gbe_headers *h)
{
    if (kind == EXT_DESTINATION)
        find_home_address(ext, len, h);
    else if (kind == EXT_ROUTING && ext[2] == ROUTING_TYPE_2 && ext[3] && len >= 8 + IP6_ADDR)
        h->dst = ext + 8;
}

static void find_ipv6(const struct gbe *g, const uint8_t *f, size_t n, size_t at,
                      struct gbe_headers *h)
{
    uint32_t off = gbe_reg(g, RFCTL);

    if (at + IP6_HEADER > n || f[at] >> 4 != 6)
        return;
    h->ip = (unsigned)at;
    h->v6 = true;
    h->src = f + at + 8;
    h->dst = f + at + 24;
    uint8_t next = f[at + 6];
    at += IP6_HEADER;
    for (unsigned i = 0; i < MAX_EXTENSIONS && !(off & RFCTL_IPV6_EX_DIS); i++) {
        bool fragment = next == EXT_FRAGMENT;
        if (next != EXT_HOP && next != EXT_ROUTING && next != EXT_DESTINATION && !fragment)
            break;
        size_t len = at + 8 > n ? 0 : fragment ? 8 : (f[at + 1] + 1U) * 8;
        if (!len || at + len > n)
            break;
        h->fragment |= fragment;
        if (!(off & RFCTL_NEW_IPV6_EXT_DIS))
            use_extension(next, f + at, len, h);
        next = f[at];
        at += len;
    }
    find_transport(f, n, at, next, h);
}

void gbe_find_headers(const struct gbe *g, const uint8_t *f, size_t n, struct gbe_headers *h)
{
    size_t at = NET_ETH_HEADER;

    *h = (struct gbe_headers){0};
    if (n < NET_ETH_HEADER + VLAN_TAG)
        return;
    unsigned type = ld_be16(f + at - 2);
    if (type == (gbe_reg(g, VET) & 0xffff)) {
        at += VLAN_TAG;
        type = ld_be16(f + at - 2);
    }
    if (type == ETH_IPV4)
        find_ipv4(f, n, at, h);
    else if (type == ETH_IPV6)
        find_ipv6(g, f, n, at, h);
}

/* Bit i of the input adds the 32 bits of the key that begin at its bit i. */
static uint32_t toeplitz(const struct gbe *g, const uint8_t *in, size_t n)
{
    enum { KEY = RSSRK_END - RSSRK };
    uint8_t key[KEY + 4] = {0};
    uint32_t hash = 0;

    for (unsigned i = 0; i < KEY; i += 4)
        st_le32(key + i, gbe_reg(g, RSSRK + i));
    uint64_t window = (uint64_t)ld_be32(key) << 32 | ld_be32(key + 4);
    for (size_t i = 0; i < n; i++) {
        for (unsigned bit = 0; bit < 8; bit++)
            if (in[i] >> (7 - bit) & 1)
                hash ^= (uint32_t)(window << bit >> 32);
        window = window << 8 | key[i + 8];
    }
    return hash;
}

static unsigned hash_type(const struct gbe *g, const struct gbe_headers *h)
{
    uint32_t fields = gbe_reg(g, MRQC);
    bool tcp = h->proto == PROTO_TCP;

    if (!h->ip)
        return TYPE_NONE;
    if (!h->v6) {
        if (tcp && fields >> FIELD_TCPIPV4 & 1)
            return TYPE_TCPIPV4;
        return fields >> FIELD_IPV4 & 1 ? TYPE_IPV4 : TYPE_NONE;
    }
    if (tcp && fields >> FIELD_TCPIPV6 & 1)
        return TYPE_TCPIPV6;
    if (fields >> FIELD_IPV6EX & 1)
        return TYPE_IPV6EX;
    return fields >> FIELD_IPV6 & 1 ? TYPE_IPV6 : TYPE_NONE;
}

/* RSS needs MRQC, extended descriptors, and the hash in place of the packet checksum. */
static bool is_on(const struct gbe *g)
{
    return (gbe_reg(g, MRQC) & 3) == MRQC_RSS && (gbe_reg(g, RFCTL) & RFCTL_EXTEN) &&
           (gbe_reg(g, RXCSUM) & RXCSUM_PCSD);
}

unsigned gbe_rss_hash(const struct gbe *g, const uint8_t *f, const struct gbe_headers *h,
                      uint32_t *hash)
{
    unsigned type = is_on(g) ? hash_type(g, h) : TYPE_NONE;
    uint8_t in[2 * IP6_ADDR + 4];
    size_t addr = h->v6 ? IP6_ADDR : 4, n = 2 * addr;

    *hash = 0;
    if (type == TYPE_NONE)
        return type;
    /* IPv6 alone hashes the addresses of the packet's own header. */
    bool own = type == TYPE_IPV6;
    memcpy(in, own ? f + h->ip + 8 : h->src, addr);
    memcpy(in + addr, own ? f + h->ip + 24 : h->dst, addr);
    if (type == TYPE_TCPIPV4 || type == TYPE_TCPIPV6) {
        memcpy(in + n, f + h->transport, 4);
        n += 4;
    }
    *hash = toeplitz(g, in, n);
    return type;
}

unsigned gbe_rss_queue(const struct gbe *g, uint32_t hash)
{
    unsigned i = hash & RETA_MASK;

    return gbe_reg(g, RETA + (i & ~3U)) >> (8 * (i & 3) + RETA_QUEUE) & 1;
}
