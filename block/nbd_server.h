/*
 * A server that gives others access to disks by the NBD protocol.
 *
 * There is one server in a process.  It has a thread that accepts, and two for each connection:
 * one reads requests, which run like a guest's, one sends replies.  What peers send is never
 * trusted.  All functions here are for the main thread, unless said otherwise.
 * Ref: NetworkBlockDevice, "The NBD protocol" (doc/proto.md), 2023.
 */
#ifndef BLOCK_NBD_SERVER_H
#define BLOCK_NBD_SERVER_H

#include "block/block.h"

enum { NBD_DEFAULT_PORT = 10809, NBD_MAX_CONNECTIONS = 100, NBD_HANDSHAKE_SECONDS = 10 };

struct tls_creds;

struct nbd_listen {
    const char *path;         /* a UNIX socket; or */
    const char *host, *port;  /* NULL: all addresses, the default port; or */
    int fd;                   /* when not negative: a socket that listens already, which is taken */
    unsigned max_connections; /* at the same time; 0: any number */
    unsigned handshake_seconds; /* until a peer must have chosen an export; 0: for ever */
    /* Called on some thread when the last of the peers that had chosen an export has gone; or NULL.
     */
    void (*idle)(void *opaque);
    void *opaque;
    struct tls_creds *tls; /* peers must begin with TLS; a reference is taken; or NULL */
};
/* Listen.  False and *errp when that is not possible, or a server runs. */
bool nbd_server_start(const struct nbd_listen *l, struct error **errp) MUST_CHECK;
bool nbd_server_is_running(void);
/* Cut all connections, remove all exports.  Nothing when no server runs. */
void nbd_server_stop(void);

struct nbd_export_opts {
    const char *id, *name, *description; /* name NULL: id; description may be NULL */
    struct block_node *node;
    bool writable, writethrough;
    bool is_waiting; /* the machine waits for its state: what its devices hold may be written */
    bool allocation_depth;      /* offer qemu:allocation-depth */
    const char *const *bitmaps; /* dirty bitmaps of the chain to offer; ended by NULL, or NULL */
};
/* Offer a node; it stays open until the export is removed. */
bool nbd_export_add(const struct nbd_export_opts *o, struct error **errp) MUST_CHECK;
/* By id.  hard: cut its connections; else false when there are some. */
bool nbd_export_del(const char *id, bool hard, struct error **errp) MUST_CHECK;
/* The id of the export that has this name, or NULL. */
const char *nbd_export_by_name(const char *name);
struct nbd_export_info {
    const char *id, *name, *node_name;
    bool shutting_down;
};
void nbd_export_foreach(void (*fn)(const struct nbd_export_info *e, void *opaque), void *opaque);

struct nbd_handle;
/* Have libnbd's handle begin its connection with TLS; 0, or -1 and libnbd's error. */
int nbd_use_tls(struct nbd_handle *h, const struct tls_creds *tls);

/* Serve one peer on a connected socket, which is taken, until it is gone.  For programs that test
 * the server; the server need not listen. */
void nbd_serve(int take_fd);

#endif
