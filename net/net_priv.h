/* Inside of net/: what back ends are made with. */
#ifndef NET_NET_PRIV_H
#define NET_NET_PRIV_H

#include "net/net.h"

#include <glib-unix.h>

/* One kind of back end. */
struct net_driver {
    const char *name, *help;
    const char *const *options; /* NULL-terminated names, for error messages */
    /* Make one client (or one a queue) with net_client_new(). */
    bool (*open)(struct opts *o, const char *id, struct error **errp);
};
extern const struct net_driver net_driver_user, net_driver_tap, net_driver_bridge,
    net_driver_socket, net_driver_stream, net_driver_dgram, net_driver_hubport;

/* A back end's client, on the list; opaque may be set later, before a NIC is connected. */
struct net_client *net_client_new(const struct net_client_ops *ops, const char *id, unsigned index,
                                  unsigned caps, void *opaque);
/* Take it off the list, disconnect, close, free. */
void net_client_free(struct net_client *c);
/* Undo net_client_new(), for a back end that could not be opened: ops are not called. */
void net_client_discard(struct net_client *c);
/* What the NIC (or hub) at the other end can do. */
unsigned net_peer_caps(struct net_client *c);
/* All clients, in order of creation; main thread. */
struct net_client *net_clients(void);
/* Call fn(c), for a NIC with its device's lock held. */
void net_call(struct net_client *c, void (*fn)(struct net_client *c));
/* Join a and b, which are free. */
void net_join(struct net_client *a, struct net_client *b);

/* The network thread's context, for back ends that only wait for a file: started when first asked.
 */
GMainContext *net_context(void);
/* Run fn there when fd is ready; g_source_destroy() and unref it. */
GSource *net_watch(int fd, GIOCondition cond, GUnixFDSourceFunc fn, void *opaque);
/* Run fn(arg) there and wait; not at all when nothing ever ran there. */
void net_context_sync(void (*fn)(void *arg), void *arg);
void net_context_stop(void);
bool net_peer_is_nic(struct net_client *b);
/* Have net_flush(c) called there. */
void net_defer_flush(struct net_client *c);
/* Queue a frame for c's NIC whose device's lock may be held: the caller defers the flush. */
void net_enqueue(struct net_client *c, const struct net_frame *f);

/* A frame's contents in one piece: the iovec itself if it is one, else gathered into buf (of
 * NET_MAX_FRAME bytes); NULL when it is too long. */
const uint8_t *net_linear(const struct net_frame *f, uint8_t *buf);
/* Filters see every frame of a back end. */
struct net_filter {
    char *id;
    struct net_client *backend;
    void (*frame)(struct net_filter *fl, const struct net_frame *f);
    void (*free)(struct net_filter *fl);
    struct net_filter *next;
};
void net_filter_add(struct net_client *backend, struct net_filter *fl);
void net_filter_del(struct net_filter *fl);

/* slirp.c */
extern const struct net_client_ops net_user_ops;
/* hub.c: the number of the hub that a port is in, or -1. */
int net_hub_of(const struct net_client *c);

#endif
