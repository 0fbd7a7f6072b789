/* Ethernet frames as simple network cards take them: whole, with padding and check sequence. */
#ifndef HW_NET_ETHER_H
#define HW_NET_ETHER_H

#include "net/net.h"

enum { ETHER_MAC_LEN = 6, ETHER_FCS = 4 };

/* Copy a frame into buf, pad it to the least length and append its check sequence; how many bytes
 * that are, or 0 when it has more than max or is none. */
size_t ether_gather(const struct net_frame *f, uint8_t *buf, size_t max);
bool ether_is_broadcast(const uint8_t *mac);
/* The upper six bits of the check sequence over an address, most significant first: which bit of a
 * hash filter stands for it. */
unsigned ether_hash(const uint8_t *mac);

#endif
