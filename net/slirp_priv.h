/* User-mode networking: what its two files share. */
#ifndef NET_SLIRP_PRIV_H
#define NET_SLIRP_PRIV_H

#include "net/net_priv.h"
#include "net/offload.h"

#include <poll.h>
#include <slirp/libslirp.h>

struct user_timer {
    SlirpTimerCb fn;
    void *opaque;
    int64_t deadline_ms; /* virtual time; INT64_MAX: not armed */
    struct user_timer *next;
};

/* guestfwd to a socket of the host: one connection, made at start. */
struct user_forward {
    struct user_net *u;
    struct in_addr addr;
    int port, fd, poll_index;
    struct user_forward *next;
};

struct user_tx; /* a frame from the guest */

struct user_net {
    struct net_client *client;
    Slirp *slirp;
    pthread_t thread;
    /* Guards slirp and all down to the next lock.  Comes before a device's lock: the thread calls
     * NICs with it. */
    struct mutex lock;
    bool quit;
    struct user_timer *timers;
    struct user_forward *forwards;
    struct gro gro;
    bool sent;            /* something since the last burst ended */
    GArray *fds;          /* struct pollfd */
    struct pollfd *ready; /* fds->data while slirp looks at the results */
    char *net_text;       /* for `info network` */
    bool restricted;
    GPtrArray *sockets; /* paths of hostfwd=unix: */

    struct mutex tx_lock; /* a leaf */
    struct user_tx *tx_head, **tx_tail;
    size_t tx_bytes;
    bool sleeping;
    int event_fd;
};

/* Parse the options into a running instance's rules; slirp_opts.c. */
bool user_parse_config(struct user_net *u, struct opts *o, SlirpConfig *cfg, GPtrArray *owned,
                       struct error **errp);
bool user_add_rules(struct user_net *u, struct opts *o, struct error **errp);
bool user_hostfwd(struct user_net *u, const char *rule, bool add, struct error **errp);
/* At the end of u: its sockets go from the host's directories. */
void user_unlink_sockets(struct user_net *u);
extern const char *const user_options[];

#endif
