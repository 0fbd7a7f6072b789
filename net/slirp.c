/*
 * -netdev user: a NATed network inside of this process, by libslirp.
 *
 * Each instance has a thread that sleeps in poll(), feeds slirp what the guest sent, and delivers
 * what slirp makes to the NIC.  libslirp takes a guest's TCP segments of any size, so segmentation
 * is left undone; what it sends is cut to the MTU and merged again, per burst, for NICs that take
 * large frames (docs/net.md has the measurements).
 */
#include "core/clock.h"
#include "net/slirp_priv.h"
#include "util/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { TX_BYTES = 4 << 20, NS_PER_MS = 1000000, MAX_WAIT_MS = 60000, LAG_MS = 5 };

struct user_tx {
    struct user_tx *next;
    struct net_hdr hdr;
    size_t size;
    uint8_t data[];
};

void user_kick(struct user_net *u)
{
    uint64_t one = 1;

    while (write(u->event_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

/* On a vCPU's thread, mostly. */
static bool user_send(struct net_client *c, const struct net_frame *f)
{
    struct user_net *u = c->opaque;

    if (f->size > NET_MAX_FRAME)
        return true;
    struct user_tx *t = g_malloc(sizeof(*t) + f->size);
    t->next = NULL;
    t->hdr = f->hdr;
    t->size = f->size;
    size_t n = 0;
    for (unsigned i = 0; i < f->niov; n += f->iov[i++].iov_len)
        memcpy(t->data + n, f->iov[i].iov_base, f->iov[i].iov_len);
    mutex_lock(&u->tx_lock);
    bool fits = u->tx_bytes <= TX_BYTES, wake = u->sleeping;
    if (fits) {
        *u->tx_tail = t;
        u->tx_tail = &t->next;
        u->tx_bytes += sizeof(*t) + t->size;
        u->sleeping = false;
    }
    mutex_unlock(&u->tx_lock);
    if (!fits)
        g_free(t);
    else if (wake)
        user_kick(u);
    return fits;
}

static void user_peer_ready(struct net_client *c)
{
    user_kick(c->opaque);
}

/* All that the guest sent so far. */
static struct user_tx *take_tx(struct user_net *u)
{
    mutex_lock(&u->tx_lock);
    struct user_tx *t = u->tx_head;
    u->tx_head = NULL;
    u->tx_tail = &u->tx_head;
    u->tx_bytes = 0;
    mutex_unlock(&u->tx_lock);
    return t;
}

static void input_tx(struct user_net *u)
{
    for (struct user_tx *t = take_tx(u), *next; t; t = next) {
        next = t->next;
        if (!(t->hdr.flags & NET_HDR_NEEDS_CSUM) ||
            offload_complete_csum(t->data, t->size, &t->hdr))
            slirp_input(u->slirp, t->data, (int)t->size);
        g_free(t);
    }
}

static void deliver(void *opaque, const struct net_frame *f)
{
    struct user_net *u = opaque;

    u->sent = true;
    net_send(u->client, f);
}

/* From slirp, with u->lock held. */
static ssize_t cb_send_packet(const void *buf, size_t len, void *opaque)
{
    struct user_net *u = opaque;
    static const uint8_t zeros[NET_MIN_FRAME];

    if (len < NET_MIN_FRAME) {
        struct iovec iov[2] = {{(void *)(uintptr_t)buf, len},
                               {(void *)(uintptr_t)zeros, NET_MIN_FRAME - len}};
        struct net_frame f = {iov, 2, NET_MIN_FRAME, {.flags = NET_HDR_DATA_VALID}};
        gro_flush(&u->gro);
        deliver(u, &f);
    } else {
        gro_add(&u->gro, buf, len);
    }
    return (ssize_t)len;
}

static void cb_guest_error(const char *msg, void *opaque)
{
    const struct user_net *u = opaque;

    if (log_enabled(LOG_GUEST_ERRORS))
        log_guest_error("netdev %s: %s", u->client->name, msg);
}

static int64_t cb_clock_get_ns(void *opaque UNUSED)
{
    return clock_now();
}

static void *cb_timer_new(SlirpTimerCb fn, void *cb_opaque, void *opaque)
{
    struct user_net *u = opaque;
    struct user_timer *t = g_new0(struct user_timer, 1);

    *t = (struct user_timer){fn, cb_opaque, INT64_MAX, u->timers};
    u->timers = t;
    return t;
}

static void cb_timer_free(void *timer, void *opaque)
{
    struct user_net *u = opaque;
    struct user_timer **p = &u->timers;

    while (*p && *p != timer)
        p = &(*p)->next;
    if (*p)
        *p = (*p)->next;
    g_free(timer);
}

static void cb_timer_mod(void *timer, int64_t expire_ms, void *opaque UNUSED)
{
    ((struct user_timer *)timer)->deadline_ms = expire_ms;
}

static void cb_nothing_fd(int fd UNUSED, void *opaque UNUSED)
{
}

/* More may be sent: the loop looks again after each step anyway, but another thread may ask. */
static void cb_notify(void *opaque)
{
    user_kick(opaque);
}

static const SlirpCb callbacks = {
    .send_packet = cb_send_packet,
    .guest_error = cb_guest_error,
    .clock_get_ns = cb_clock_get_ns,
    .timer_new = cb_timer_new,
    .timer_free = cb_timer_free,
    .timer_mod = cb_timer_mod,
    .register_poll_fd = cb_nothing_fd,
    .unregister_poll_fd = cb_nothing_fd,
    .notify = cb_notify,
};

static int add_fd(struct user_net *u, int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};

    g_array_append_val(u->fds, p);
    return (int)u->fds->len - 1;
}

static int add_poll(int fd, int events, void *opaque)
{
    return add_fd(opaque, fd,
                  (short)((events & SLIRP_POLL_IN ? POLLIN : 0) |
                          (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
                          (events & SLIRP_POLL_PRI ? POLLPRI : 0)));
}

static int get_revents(int i, void *opaque)
{
    const struct user_net *u = opaque;
    short r = u->ready[i].revents;

    return (r & POLLIN ? SLIRP_POLL_IN : 0) | (r & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (r & POLLPRI ? SLIRP_POLL_PRI : 0) | (r & POLLERR ? SLIRP_POLL_ERR : 0) |
           (r & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* Milliseconds until the first timer, at most `ms`. */
static uint32_t until_timer(const struct user_net *u, uint32_t ms)
{
    int64_t now = clock_now() / NS_PER_MS;

    for (const struct user_timer *t = u->timers; t; t = t->next)
        if (t->deadline_ms != INT64_MAX)
            ms = (uint32_t)MIN((int64_t)ms, MAX(t->deadline_ms - now + 1, 0));
    return ms;
}

static void run_timers(struct user_net *u)
{
    int64_t now = clock_now() / NS_PER_MS;

    for (struct user_timer *t = u->timers; t;) {
        bool due = t->deadline_ms <= now;
        SlirpTimerCb fn = t->fn;
        void *opaque = t->opaque;
        if (due)
            t->deadline_ms = INT64_MAX;
        t = t->next;
        if (due)
            fn(opaque);
    }
}

/* Sleep until there is something to do; u->lock is held before and after. */
static bool wait_for_work(struct user_net *u) REQUIRES(u->lock)
{
    uint32_t ms = MAX_WAIT_MS;
    uint64_t count;
    bool lag = user_forwards_lag(u);

    g_array_set_size(u->fds, 0);
    add_fd(u, u->event_fd, POLLIN);
    slirp_pollfds_fill(u->slirp, &ms, add_poll, u);
    ms = until_timer(u, ms);
    mutex_unlock(&u->lock);
    mutex_lock(&u->tx_lock);
    u->sleeping = !u->tx_head;
    if (!u->sleeping)
        ms = lag ? MIN(ms, LAG_MS) : 0;
    mutex_unlock(&u->tx_lock);
    u->ready = (struct pollfd *)(void *)u->fds->data;
    int ret = poll(u->ready, u->fds->len, (int)ms);
    mutex_lock(&u->tx_lock);
    u->sleeping = false;
    mutex_unlock(&u->tx_lock);
    if (u->ready[0].revents && read(u->event_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        log_warn("netdev %s: reading its eventfd: %s", u->client->name, g_strerror(errno));
    mutex_lock(&u->lock);
    return ret >= 0;
}

static void *user_thread(void *opaque)
{
    struct user_net *u = opaque;

    mutex_lock(&u->lock);
    while (!u->quit) {
        bool ok = wait_for_work(u);
        u->gro.caps = net_peer_caps(u->client);
        slirp_pollfds_poll(u->slirp, !ok, get_revents, u);
        run_timers(u);
        if (!user_forwards_lag(u))
            input_tx(u);
        user_forwards_resume(u);
        gro_flush(&u->gro);
        net_flush(u->client);
        if (u->sent)
            net_burst_end(u->client);
        u->sent = false;
        net_writable(u->client);
    }
    mutex_unlock(&u->lock);
    return NULL;
}

static char *user_info(struct net_client *c)
{
    const struct user_net *u = c->opaque;

    return g_strdup_printf("net=%s,restrict=%s", u->net_text, u->restricted ? "on" : "off");
}

static void user_free(struct user_net *u)
{
    if (u->slirp)
        slirp_cleanup(u->slirp);
    for (struct user_tx *t = take_tx(u), *next; t; t = next) {
        next = t->next;
        g_free(t);
    }
    while (u->timers)
        cb_timer_free(u->timers, u);
    user_free_forwards(u);
    user_unshare(u);
    gro_fini(&u->gro);
    if (u->event_fd >= 0)
        close(u->event_fd);
    g_array_unref(u->fds);
    user_unlink_sockets(u);
    g_free(u->net_text);
    mutex_fini(&u->lock);
    mutex_fini(&u->tx_lock);
    g_free(u);
}

static void user_close(struct net_client *c)
{
    struct user_net *u = c->opaque;

    mutex_lock(&u->lock);
    u->quit = true;
    mutex_unlock(&u->lock);
    user_kick(u);
    pthread_join(u->thread, NULL);
    user_free(u);
}

const struct net_client_ops net_user_ops = {
    .type = "user",
    .send = user_send,
    .peer_ready = user_peer_ready,
    .info = user_info,
    .close = user_close,
};

static struct user_net *user_new(void)
{
    struct user_net *u = g_new0(struct user_net, 1);

    mutex_init(&u->lock);
    mutex_init(&u->tx_lock);
    u->tx_tail = &u->tx_head;
    u->fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd));
    u->sockets = g_ptr_array_new_with_free_func(g_free);
    u->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    gro_init(&u->gro, deliver, u);
    return u;
}

/* Start slirp; its timers and rules need it before the thread runs. */
static bool user_start(struct user_net *u, struct opts *o, struct error **errp)
{
    g_autoptr(GPtrArray) owned = g_ptr_array_new_with_free_func(g_free);
    SlirpConfig cfg = {.version = SLIRP_CONFIG_VERSION_MAX};

    if (u->event_fd < 0) {
        error_set(errp, "could not make an eventfd: %s", g_strerror(errno));
        return false;
    }
    if (!user_parse_config(u, o, &cfg, owned, errp))
        return false;
    u->restricted = cfg.restricted;
    u->slirp = slirp_new(&cfg, &callbacks, u);
    if (!u->slirp) {
        error_set(errp, "libslirp refused this configuration");
        return false;
    }
    return user_add_rules(u, o, errp);
}

static bool user_open(struct opts *o, const char *id, struct error **errp)
{
    struct user_net *u = user_new();

    u->client = net_client_new(&net_user_ops, id, 0, NET_CAP_ALL, u);
    if (user_start(u, o, errp)) {
        g_autofree char *name = g_strdup_printf("net/%s", id);
        u->thread = thread_start(name, user_thread, u);
        return true;
    }
    net_client_discard(u->client);
    user_free(u);
    return false;
}

const struct net_driver net_driver_user = {
    .name = "user",
    .help = "[,net=ADDR/LEN][,hostfwd=RULE][,...]: a private network, without privileges",
    .options = user_options,
    .open = user_open,
};

static struct user_net *find_user(const char *id, struct error **errp)
{
    struct net_client *found = NULL;

    if (id) {
        found = net_find(id, errp);
        if (found && found->ops != &net_user_ops) {
            error_set(errp, "netdev '%s' is not of type user", id);
            found = NULL;
        }
        return found ? found->opaque : NULL;
    }
    for (struct net_client *c = net_clients(); c; c = c->next) {
        if (c->ops != &net_user_ops)
            continue;
        if (found) {
            error_set(errp, "there are several user networks: say which by its id, such as '%s'",
                      found->name);
            return NULL;
        }
        found = c;
    }
    if (!found)
        error_set(errp, "there is no user network");
    return found ? found->opaque : NULL;
}

static bool change_hostfwd(const char *id, const char *rule, bool add, struct error **errp)
{
    struct user_net *u = find_user(id, errp);

    if (!u)
        return false;
    mutex_lock(&u->lock);
    bool ok = user_hostfwd(u, rule, add, errp);
    mutex_unlock(&u->lock);
    user_kick(u); /* to poll the new socket */
    return ok;
}

bool net_hostfwd_add(const char *id, const char *rule, struct error **errp)
{
    return change_hostfwd(id, rule, true, errp);
}

bool net_hostfwd_remove(const char *id, const char *rule, struct error **errp)
{
    return change_hostfwd(id, rule, false, errp);
}

bool net_print_usernet(FILE *f)
{
    bool any = false;

    for (struct net_client *c = net_clients(); c; c = c->next) {
        if (c->ops != &net_user_ops)
            continue;
        struct user_net *u = c->opaque;
        mutex_lock(&u->lock);
        char *text = slirp_connection_info(u->slirp);
        mutex_unlock(&u->lock);
        fprintf(f, "Hub %d (%s):\n%s", c->peer ? net_hub_of(c->peer) : -1, c->name, text);
        g_free(text);
        any = true;
    }
    return any;
}
