/*
 * Virtual Ethernet: network cards (NICs), back ends that reach the host, and what lies between.
 *
 * A client is one end of a cable; a NIC's peer is a back end (or a port of a hub).  Frames carry
 * the checksum and segmentation work that is still to do on them, in the terms of virtio 1.2
 * section 5.1.6; who receives says what of that it can do itself (`caps`), the rest is done in
 * software on the way.
 *
 * Threads.  A NIC sends with its device's lock held; the back end's `send` takes the frame or says
 * that it is full, and calls neither waits.  A back end sends from a thread of its own that holds
 * no lock; the core takes the device's lock around the NIC's `receive`.  What a NIC has no room for
 * waits in a bounded queue and is delivered, in order, by the back end's thread when the NIC says
 * net_rx_ready().  docs/locking.md has the order: device > back end > leaf.
 *
 * Clients come and go in the main thread only.
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "core/prop.h"
#include "util/optparse.h"
#include "util/thread.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/uio.h>

enum {
    NET_MTU = 1500,             /* bytes of payload of a plain frame */
    NET_ETH_HEADER = 14,        /* two addresses and a type */
    NET_MIN_FRAME = 60,         /* without the frame check sequence */
    NET_MAX_FRAME = 65536 + 64, /* the largest that moves, before segmentation */
    NET_MAX_SEGMENTS = 64,      /* iovecs of a frame that a NIC may pass; more are gathered */
    NET_QUEUE_FRAMES = 4096,    /* that wait for a NIC */
    NET_QUEUE_BYTES = 16 << 20,
    NET_MAX_QUEUES = 16,
};

enum net_hdr_flag { NET_HDR_NEEDS_CSUM = 1, NET_HDR_DATA_VALID = 2 };
enum net_gso {
    NET_GSO_NONE = 0,
    NET_GSO_TCPV4 = 1,
    NET_GSO_UDP = 3,
    NET_GSO_TCPV6 = 4,
    NET_GSO_ECN = 0x80
};

/* What is left to do on a frame. */
struct net_hdr {
    uint8_t flags, gso_type;
    uint16_t hdr_len, gso_size; /* bytes */
    uint16_t csum_start, csum_offset;
};
enum { NET_HDR_BYTES = 10 };
/* From and to the 10 bytes, little endian, of virtio 1.2 section 5.1.6. */
void net_hdr_load(struct net_hdr *h, const uint8_t *p);
void net_hdr_store(uint8_t *p, const struct net_hdr *h);

struct net_frame {
    const struct iovec *iov;
    unsigned niov;
    size_t size; /* bytes in all of iov */
    struct net_hdr hdr;
};

/* Work that a receiver can do, or need not have done. */
enum net_cap {
    NET_CAP_CSUM = 1, /* complete a checksum */
    NET_CAP_TSO4 = 2,
    NET_CAP_TSO6 = 4,
    NET_CAP_ECN = 8,
    NET_CAP_UFO = 16,
    NET_CAP_ALL = 31,
};

struct net_client;

/* What a NIC's driver wants to receive. */
enum net_rx_mode { NET_RX_NONE, NET_RX_NORMAL, NET_RX_ALL };
struct net_rx_filter {
    bool promiscuous, broadcast, unicast_overflow, multicast_overflow;
    enum net_rx_mode unicast, multicast, vlan;
    uint8_t mac[6];
    GByteArray *unicast_table, *multicast_table; /* six bytes each */
    GArray *vlan_table;                          /* uint16_t */
};

struct net_client_ops {
    const char *type; /* "nic", "user", "tap": as `info network` shows it */
    /* Back ends: take a frame from the peer; the peer's device lock may be held.  False: full now,
     * net_writable() will follow. */
    bool (*send)(struct net_client *c, const struct net_frame *f);
    /* Back ends: the peer has room: have net_flush() called soon from your thread, and read on.
     * Any thread, the device's lock held; NULL: the network thread does it. */
    void (*peer_ready)(struct net_client *c);
    /* Back ends: after a net_flush() on the network thread: read on; optional. */
    void (*resume)(struct net_client *c);
    /* NICs, dev_lock held: take a frame; false when there is no room (net_rx_ready() will follow).
     */
    bool (*receive)(struct net_client *c, const struct net_frame *f);
    /* NICs, dev_lock held: the last frame of a burst was received: interrupt; optional.  Back ends
     * (of which only hubs are peers of others): the same, no lock held. */
    void (*burst_end)(struct net_client *c);
    /* NICs, dev_lock held: the back end that was full has room; optional. */
    void (*writable)(struct net_client *c);
    /* The link went up or down (dev_lock held for NICs); optional. */
    void (*link_changed)(struct net_client *c);
    /* NICs, dev_lock held: fill in f, whose tables are empty; optional. */
    void (*rx_filter)(struct net_client *c, struct net_rx_filter *f);
    /* What `info network` shows after the type; optional. */
    char *(*info)(struct net_client *c);
    /* Stop threads, close files; the client itself is freed by the core.  NULL for NICs. */
    void (*close)(struct net_client *c);
};

struct net_packet; /* a frame's copy in a queue */
struct net_filter;

struct net_client {
    const struct net_client_ops *ops;
    char *name;  /* a back end's id; what `info network` calls a NIC */
    char *model; /* NICs: "virtio-net-device" */
    void *opaque;
    unsigned index; /* of the queue, when a netdev has several */
    bool is_nic;
    bool implicit; /* made by -net or -nic, without an id of the user's; a card that the board has
                      anyway */
    _Atomic unsigned caps;   /* enum net_cap: of frames sent to it */
    _Atomic bool link_down;  /* set_link off */
    struct mutex *dev_lock;  /* NICs: guards ops calls, and `peer` of a NIC */
    struct net_client *peer; /* NICs: under dev_lock; back ends: under lock */

    struct mutex lock; /* back ends: guards what follows; below the device's lock */
    struct cond idle;  /* pins fell to zero */
    unsigned pins;     /* threads that use `peer` without the lock */
    bool delivering, full, ready_again;
    struct net_packet *head, **tail; /* frames that wait for the NIC */
    unsigned queued;
    size_t queued_bytes;
    uint64_t lost;
    _Atomic bool sender_waits;          /* the NIC saw `send` fail */
    _Atomic bool flush_posted;          /* net_defer_flush() */
    struct net_filter *_Atomic filters; /* changed in the main thread, under lock */
    uint8_t mac[6];                     /* NICs: for `info network` */
    _Atomic bool filter_known; /* nobody asked for the receive filter since it last changed */
    struct net_client *next;
};

/* NICs.  nic_init() in realize, with dev_lock the device's; nic_fini() in unrealize. */
void net_nic_init(struct net_client *c, const struct net_client_ops *ops, const char *model,
                  const char *id, struct mutex *dev_lock, void *opaque);
void net_nic_fini(struct net_client *c);
/* Connect queue i of a NIC to queue i of netdev (may be NULL: no cable); false when it is taken. */
bool net_nic_connect(struct net_client *nic, struct net_client *backend,
                     struct error **errp) MUST_CHECK;
/* Send from a NIC, dev_lock held.  False: the back end is full, keep the frame until ->writable. */
bool net_nic_send(struct net_client *nic, const struct net_frame *f);
/* The NIC has room again.  dev_lock held; cheap when nothing waits. */
void net_rx_ready(struct net_client *nic);
/* Nothing is unplugged or switched off on the way.  dev_lock held. */
bool net_nic_link_up(const struct net_client *nic);

/* Back ends.  Frames that the NIC has no room for are queued, and lost beyond a bound.  No lock
 * held.  After the last frame of a burst, net_burst_end() makes the NIC interrupt. */
void net_send(struct net_client *backend, const struct net_frame *f);
void net_burst_end(struct net_client *backend);
/* False while frames wait: a back end that can leave them with their source does. */
bool net_can_send(struct net_client *backend);
/* Deliver what waits. */
void net_flush(struct net_client *backend);
/* After `send` returned false: there is room again. */
void net_writable(struct net_client *backend);

/* Announcements of cards, after a machine has moved: rounds of broadcasts in their name,
 * initial_ms, then step_ms more each time, but at most max_ms apart. */
enum { NET_ANNOUNCE_MAX_ROUNDS = 1000, NET_ANNOUNCE_MAX_MS = 100000 };
struct net_announce_params {
    uint64_t initial_ms, max_ms, rounds, step_ms;
};
#define NET_ANNOUNCE_DEFAULT                                                                       \
    {                                                                                              \
        .initial_ms = 50, .max_ms = 550, .rounds = 5, .step_ms = 100                               \
    }
/* Begin; an announcement with that id (which may be NULL) begins anew.  cards: their names,
 * NULL-terminated, NULL: all.  Main thread. */
bool net_announce_start(const struct net_announce_params *p, const char *id,
                        const char *const *cards, struct error **errp) MUST_CHECK;
void net_announce_stop_all(void);
/* The frame that is sent. */
void net_announce_frame(uint8_t frame[60], const uint8_t mac[6]);

/* While the machine is paused nothing is delivered: frames wait.  When this returns no thread is
 * in a NIC.  Main thread. */
void net_set_paused(bool paused);

/* Back ends by the command line's words: "user,id=n0,hostfwd=..." or JSON; the number of queues is
 * found by net_find_queue(). */
bool net_backend_new(struct opts *o, const char *type, const char *id,
                     struct error **errp) MUST_CHECK;
/* Queue `index` of the back end (not NIC) called id, or NULL. */
struct net_client *net_find_queue(const char *id, unsigned index);
/* NULL with *errp, which names the nearest, when there is none. */
struct net_client *net_find(const char *id, struct error **errp) MUST_CHECK;
/* The client, NIC or back end, of that name, or NULL. */
struct net_client *net_find_any(const char *name);
/* netdev_del; its NIC stays, without a cable. */
bool net_backend_del(const char *id, struct error **errp) MUST_CHECK;
void net_free_all(void);
/* set_link. */
bool net_set_link(const char *name, bool up, struct error **errp) MUST_CHECK;
/* The port that -net KIND makes on hub 0 for a NIC or back end: id is NULL for a new name. */
struct net_client *net_hub_port(int hub, const char *id, struct net_client *backend);
/* The names of back ends, or (all) of NICs, too. */
void net_each_name(bool all, void (*fn)(void *opaque, const char *name), void *opaque);
/* The receive filter of a NIC; false when it tells none.  Main thread. */
bool net_rx_filter_get(struct net_client *nic, struct net_rx_filter *f);
void net_rx_filter_clear(struct net_rx_filter *f);
/* It has changed: an event says so, once until it is asked for.  dev_lock held. */
void net_rx_filter_changed(struct net_client *nic);
/* All clients; NULL begins and ends. */
struct net_client *net_next(struct net_client *c);
/* `info network`, `info usernet`. */
void net_print_info(FILE *f);
bool net_print_usernet(FILE *f);
/* hostfwd_add and hostfwd_remove; id NULL: the only user-mode back end. */
bool net_hostfwd_add(const char *id, const char *rule, struct error **errp) MUST_CHECK;
bool net_hostfwd_remove(const char *id, const char *rule, struct error **errp) MUST_CHECK;
/* -netdev help; the types' names, NULL-terminated. */
void net_print_help(FILE *f);
extern const char *const net_backend_types[];
/* Warn of back ends without a NIC, once all devices are there. */
void net_check_connected(void);

/* -object filter-dump: every frame that passes netdev, as a pcap file. */
bool net_dump_new(const char *id, const char *netdev, const char *path, uint32_t maxlen,
                  struct error **errp) MUST_CHECK;
bool net_dump_del(const char *id);

/* "52:54:00:12:34:56". */
struct net_mac {
    uint8_t byte[6];
    bool set;
};
bool net_parse_mac(const char *text, struct net_mac *mac, struct error **errp) MUST_CHECK;
/* Choose a free one of 52:54:00:12:34:xx, unless it is set; remember it either way. */
void net_mac_settle(struct net_mac *mac);

extern const struct prop_kind prop_mac;    /* field type: struct net_mac */
extern const struct prop_kind prop_netdev; /* field type: struct net_client *, queue 0 */
/* The properties that every NIC has; conf is a struct nic_conf. */
struct nic_conf {
    struct net_mac mac;
    struct net_client *netdev;
};
#define NIC_PROPS(type)                                                                            \
    PROP(prop_mac, type, "mac", conf.mac, NULL,                                                    \
         "Ethernet address (default: 52:54:00:12:34:56 and on)"),                                  \
        PROP(prop_netdev, type, "netdev", conf.netdev, NULL, "id of the -netdev")

#endif
