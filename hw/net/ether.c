/* Ethernet frames of simple network cards.  Ref: IEEE 802.3, clause 3 (MAC frame). */
#include "hw/net/ether.h"
#include "util/bits.h"

#include <string.h>
#include <zlib.h>

size_t ether_gather(const struct net_frame *f, uint8_t *buf, size_t max)
{
    size_t len = 0;
    if (f->size < NET_ETH_HEADER || f->size > max - ETHER_FCS || max < NET_MIN_FRAME + ETHER_FCS)
        return 0;
    for (unsigned i = 0; i < f->niov; len += f->iov[i++].iov_len)
        memcpy(buf + len, f->iov[i].iov_base, f->iov[i].iov_len);
    if (len < NET_MIN_FRAME) {
        memset(buf + len, 0, NET_MIN_FRAME - len);
        len = NET_MIN_FRAME;
    }
    st_le32(buf + len, (uint32_t)crc32(crc32(0, NULL, 0), buf, (unsigned)len));
    return len + ETHER_FCS;
}

bool ether_is_broadcast(const uint8_t *mac)
{
    return memcmp(mac, "\xff\xff\xff\xff\xff\xff", ETHER_MAC_LEN) == 0;
}

unsigned ether_hash(const uint8_t *mac)
{
    uint32_t crc = (uint32_t)crc32(crc32(0, NULL, 0), mac, ETHER_MAC_LEN) ^ UINT32_MAX;
    unsigned bits = 0;
    for (unsigned i = 0; i < 6; i++)
        bits |= (crc >> i & 1) << (5 - i);
    return bits;
}
