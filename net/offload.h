/*
 * Checksums, segmentation and merging of TCP frames in software.
 * Ref: RFC 1071 (Internet checksum), RFC 791, RFC 8200, RFC 9293; virtio 1.2, section 5.1.6.
 */
#ifndef NET_OFFLOAD_H
#define NET_OFFLOAD_H

#include "net/net.h"

/* The one's complement sum of n bytes, not folded; add several (each of even length but the last)
 * and fold. */
uint64_t csum_add(const void *data, size_t n, uint64_t sum);
uint16_t csum_fold(uint64_t sum); /* complemented, in network byte order as stored by memcpy */

/* Fill in the checksum that hdr asks for; false when it points outside of the frame. */
bool offload_complete_csum(uint8_t *frame, size_t n, const struct net_hdr *hdr);
/* The capabilities that a receiver needs for a frame as it is. */
unsigned offload_needs(const struct net_hdr *hdr);
/* False when the header is nonsense for this frame: lengths, protocol, offsets. */
bool offload_valid(const struct net_frame *f);
/* Hand the frame on in a form that `caps` suffices for: as it is, with checksums filled in, or in
 * pieces. */
typedef void offload_emit_fn(void *opaque, const struct net_frame *f);
void offload_convert(const struct net_frame *f, unsigned caps, offload_emit_fn *emit, void *opaque);
/* The sum over the pseudo header of an IPv4 or IPv6 packet (by its version) whose transport part
 * has len bytes. */
uint64_t offload_pseudo_sum(const uint8_t *ip, unsigned proto, uint32_t len);

/* Merging: consecutive segments of a TCP stream become one frame with gso_size.  Frames are held
 * back until gro_flush(). */
enum { GRO_FLOWS = 8 };
struct gro_flow {
    uint8_t *buf;             /* NET_MAX_FRAME bytes, once used */
    size_t size;              /* 0: free */
    unsigned l3, l4, payload; /* offsets in buf */
    uint32_t next_seq;
    uint16_t gso_size; /* payload of the first segment */
    unsigned count;
    bool v6, closed; /* closed: nothing more may be added */
};
struct gro {
    offload_emit_fn *emit;
    void *opaque;
    unsigned caps; /* of the receiver */
    unsigned held, next;
    struct gro_flow flow[GRO_FLOWS];
};
void gro_init(struct gro *g, offload_emit_fn *emit, void *opaque);
void gro_fini(struct gro *g);
/* A complete frame with a right checksum (as made by a host stack). */
void gro_add(struct gro *g, const uint8_t *frame, size_t n);
void gro_flush(struct gro *g);

#endif
