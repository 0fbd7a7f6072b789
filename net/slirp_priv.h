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

struct user_forward; /* guestfwd to a character device */
struct user_share;   /* smb= */
/* An address and port in a rule. */
struct user_endpoint {
    bool v6;
    struct in_addr ip4;
    struct in6_addr ip6;
    uint16_t port;
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
    struct user_share *share;

    struct mutex tx_lock; /* a leaf */
    struct user_tx *tx_head, **tx_tail;
    size_t tx_bytes;
    bool sleeping;
    int event_fd;
};

/* Wake the thread; any thread. */
void user_kick(struct user_net *u);
/* Parse the options into a running instance's rules; slirp_opts.c. */
bool user_parse_config(struct user_net *u, struct opts *o, SlirpConfig *cfg, GPtrArray *owned,
                       struct error **errp);
bool user_add_rules(struct user_net *u, struct opts *o, struct error **errp);
bool user_hostfwd(struct user_net *u, const char *rule, bool add, struct error **errp);
/* At the end of u: its sockets go from the host's directories. */
void user_unlink_sockets(struct user_net *u);
extern const char *const user_options[];
bool user_parse_ip4(const char *key, const char *text, struct in_addr *out, struct error **errp);
/* "[ADDR]:PORT", an IPv6 address in brackets.  NULL, or what is wrong. */
const char *user_parse_endpoint(const char *text, struct user_endpoint *e);

/* guestfwd.c.  "tcp:ADDR:PORT-TARGET": give the guest a server. */
bool user_guestfwd(struct user_net *u, const char *rule, struct error **errp);
/* In the thread, lock held: whether a target lags so far behind that the guest must wait. */
bool user_forwards_lag(const struct user_net *u);
/* In the thread, lock held: read on from targets for which the guest has room again. */
void user_forwards_resume(struct user_net *u);
/* Once the thread has ended. */
void user_free_forwards(struct user_net *u);

/* smb.c.  Serve a directory of the host to the guest as \\ADDR\qemu; server may be NULL. */
bool user_share(struct user_net *u, const char *dir, const char *server, struct error **errp);
void user_unshare(struct user_net *u);

#endif
