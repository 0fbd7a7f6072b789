/* Ethernet over a stream, for the two drivers that offer it. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "net/sockaddr.h"

/* A client called id; takes the address, also when it fails. */
bool net_stream_new(const char *id, struct net_address *take_a, bool is_server, bool is_legacy,
                    uint64_t reconnect_ms, struct error **errp);
/* Ethernet in datagrams to `remote` (or by a connected socket); joins the group when that is
 * multicast.  local may be NULL for a group. */
bool net_dgram_new(const char *id, struct net_address *take_local, struct net_address *take_remote,
                   bool is_legacy, struct error **errp);

#endif
