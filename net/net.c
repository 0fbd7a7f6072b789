/* Clients, and the way of a frame from one to the other. */
#include "net/net_priv.h"
#include "net/offload.h"
#include "util/log.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

struct net_packet {
    struct net_packet *next;
    struct net_hdr hdr;
    size_t size;
    uint8_t data[];
};

/* All clients of the process, as with character devices: made and freed in the main thread. */
static struct net_client *clients;

struct net_client *net_clients(void)
{
    return clients;
}

static void append(struct net_client *c)
{
    struct net_client **end = &clients;

    while (*end)
        end = &(*end)->next;
    *end = c;
}

static void unlink_client(struct net_client *c)
{
    struct net_client **p = &clients;

    while (*p && *p != c)
        p = &(*p)->next;
    if (*p)
        *p = c->next;
}

static void init_common(struct net_client *c, const struct net_client_ops *ops, void *opaque)
{
    *c = (struct net_client){.ops = ops, .opaque = opaque};
    mutex_init(&c->lock);
    cond_init(&c->idle);
    c->tail = &c->head;
    append(c);
}

static char *nic_name(const char *model, const char *id)
{
    if (id)
        return g_strdup(id);
    for (unsigned n = 0;; n++) {
        char *name = g_strdup_printf("%s.%u", model, n);
        if (!net_find_any(name))
            return name;
        g_free(name);
    }
}

void net_nic_init(struct net_client *c, const struct net_client_ops *ops, const char *model,
                  const char *id, struct mutex *dev_lock, void *opaque)
{
    g_autofree char *name = nic_name(model, id);

    init_common(c, ops, opaque);
    c->name = g_steal_pointer(&name);
    c->model = g_strdup(model);
    c->is_nic = true;
    c->dev_lock = dev_lock;
}

struct net_client *net_client_new(const struct net_client_ops *ops, const char *id, unsigned index,
                                  unsigned caps, void *opaque)
{
    struct net_client *c = g_new(struct net_client, 1);

    init_common(c, ops, opaque);
    c->name = g_strdup(id);
    c->index = index;
    c->caps = caps;
    if (!ops->peer_ready)
        net_context(); /* which stands in for it */
    return c;
}

static void drop_queue(struct net_client *c)
{
    while (c->head) {
        struct net_packet *p = c->head;
        c->head = p->next;
        g_free(p);
    }
    c->tail = &c->head;
    c->queued = 0;
    c->queued_bytes = 0;
}

void net_call(struct net_client *c, void (*fn)(struct net_client *c))
{
    if (!c->is_nic) {
        fn(c);
        return;
    }
    mutex_lock(c->dev_lock);
    fn(c);
    mutex_unlock(c->dev_lock);
}

static void forget_peer(struct net_client *c)
{
    struct mutex *lock = c->is_nic ? c->dev_lock : &c->lock;

    mutex_lock(lock);
    c->peer = NULL;
    mutex_unlock(lock);
}

/* Part a back end from its peer.  When this returns no thread is on its way to the peer. */
static void disconnect(struct net_client *b)
{
    struct net_client *peer = b->peer;

    if (!peer)
        return;
    forget_peer(peer);
    mutex_lock(&b->lock);
    b->peer = NULL;
    while (b->pins || b->delivering)
        cond_wait(&b->idle, &b->lock);
    drop_queue(b);
    b->full = false;
    mutex_unlock(&b->lock);
    if (!peer->is_nic) {
        mutex_lock(&peer->lock);
        while (peer->pins)
            cond_wait(&peer->idle, &peer->lock);
        mutex_unlock(&peer->lock);
    }
}

static void fini_common(struct net_client *c)
{
    unlink_client(c);
    drop_queue(c);
    cond_fini(&c->idle);
    mutex_fini(&c->lock);
    g_free(c->name);
    g_free(c->model);
}

void net_nic_fini(struct net_client *c)
{
    if (c->peer)
        disconnect(c->peer);
    fini_common(c);
}

static void nothing(void *unused UNUSED)
{
}

void net_client_free(struct net_client *c)
{
    struct net_client *peer = c->peer;

    disconnect(c);
    if (peer && peer->ops->link_changed)
        net_call(peer, peer->ops->link_changed);
    while (c->filters)
        net_filter_del(c->filters);
    net_context_sync(nothing, NULL); /* flushes that were asked for have run */
    if (c->ops->close)
        c->ops->close(c);
    fini_common(c);
    g_free(c);
}

void net_client_discard(struct net_client *c)
{
    fini_common(c);
    g_free(c);
}

void net_join(struct net_client *a, struct net_client *b)
{
    assert(!a->peer && !b->peer);
    a->peer = b;
    b->peer = a;
}

bool net_nic_connect(struct net_client *nic, struct net_client *backend, struct error **errp)
{
    if (backend == NULL)
        return true;
    if (backend->peer) {
        error_set(errp, "netdev '%s' is in use by '%s'", backend->name, backend->peer->name);
        return false;
    }
    net_join(nic, backend);
    return true;
}

/* Filters, seldom there. */
static void show_filters(struct net_client *backend, const struct net_frame *f)
{
    if (LIKELY(!backend->filters))
        return;
    mutex_lock(&backend->lock);
    for (struct net_filter *fl = backend->filters; fl; fl = fl->next)
        fl->frame(fl, f);
    mutex_unlock(&backend->lock);
}

/* The machine is stopped: nothing may change its memory. */
static _Atomic bool paused;

void net_set_paused(bool now)
{
    paused = now;
    for (struct net_client *c = clients; c; c = c->next) {
        if (c->is_nic)
            continue;
        mutex_lock(&c->lock);
        while (now && (c->delivering || c->pins)) /* what was on its way arrives */
            cond_wait(&c->idle, &c->lock);
        mutex_unlock(&c->lock);
        if (!now && c->ops->peer_ready)
            c->ops->peer_ready(c);
        else if (!now)
            net_defer_flush(c);
    }
}

void net_filter_add(struct net_client *backend, struct net_filter *fl)
{
    mutex_lock(&backend->lock);
    fl->backend = backend;
    fl->next = backend->filters;
    backend->filters = fl;
    mutex_unlock(&backend->lock);
}

void net_filter_del(struct net_filter *fl)
{
    struct net_client *b = fl->backend;

    mutex_lock(&b->lock);
    if (b->filters == fl) {
        b->filters = fl->next;
    } else {
        struct net_filter *p = b->filters;
        while (p->next != fl)
            p = p->next;
        p->next = fl->next;
    }
    mutex_unlock(&b->lock);
    fl->free(fl);
}

bool net_nic_link_up(const struct net_client *nic)
{
    return !nic->link_down && !(nic->peer && nic->peer->link_down);
}

/* One frame on its way to a back end, in one or more pieces. */
struct sending {
    struct net_client *to;
    bool refused;
};

static void send_piece(void *opaque, const struct net_frame *f)
{
    struct sending *s = opaque;

    s->refused = !s->to->ops->send(s->to, f);
}

/* False when `to` is full and has not taken the frame.  Pieces after the first are lost to a full
 * back end, which has been told. */
static bool send_to_backend(struct net_client *to, const struct net_frame *f)
{
    struct sending s = {to, false};

    if (LIKELY(!(offload_needs(&f->hdr) & ~to->caps)))
        return to->ops->send(to, f);
    offload_convert(f, to->caps, send_piece, &s);
    return !s.refused || f->hdr.gso_type != NET_GSO_NONE;
}

bool net_nic_send(struct net_client *nic, const struct net_frame *f)
{
    struct net_client *to = nic->peer;

    if (!to || !net_nic_link_up(nic))
        return true; /* into the void */
    show_filters(to, f);
    if (send_to_backend(to, f))
        return true;
    to->sender_waits = true; /* before the second try: room made after it is told of */
    return send_to_backend(to, f);
}

/* Queue a copy; with b->lock held. */
static void enqueue_locked(struct net_client *b, const struct net_frame *f)
{
    if (b->queued >= NET_QUEUE_FRAMES || b->queued_bytes + f->size > NET_QUEUE_BYTES ||
        f->size > NET_MAX_FRAME) {
        b->lost++;
        return;
    }
    struct net_packet *p = g_malloc(sizeof(*p) + f->size);
    p->next = NULL;
    p->hdr = f->hdr;
    p->size = f->size;
    size_t n = 0;
    for (unsigned i = 0; i < f->niov; n += f->iov[i++].iov_len)
        memcpy(p->data + n, f->iov[i].iov_base, f->iov[i].iov_len);
    *b->tail = p;
    b->tail = &p->next;
    b->queued++;
    b->queued_bytes += p->size;
}

static struct net_packet *dequeue_locked(struct net_client *b)
{
    struct net_packet *p = b->head;

    if (!p)
        return NULL;
    b->head = p->next;
    if (!b->head)
        b->tail = &b->head;
    b->queued--;
    b->queued_bytes -= p->size;
    return p;
}

static void requeue_locked(struct net_client *b, struct net_packet *p)
{
    p->next = b->head;
    b->head = p;
    if (!p->next)
        b->tail = &p->next;
    b->queued++;
    b->queued_bytes += p->size;
}

struct delivery {
    struct net_client *nic;
    bool took_all;
};

static void receive_piece(void *opaque, const struct net_frame *f)
{
    struct delivery *d = opaque;

    d->took_all = d->nic->ops->receive(d->nic, f) && d->took_all;
}

/* Hand one frame to the NIC; false when it had no room.  Of a frame in pieces the rest is lost
 * then: the sender's TCP sends it again. */
static bool hand_over(struct net_client *nic, const struct net_frame *f, bool end)
{
    struct delivery d = {nic, true};

    mutex_lock(nic->dev_lock);
    if (!net_nic_link_up(nic)) {
        mutex_unlock(nic->dev_lock);
        return true;
    }
    unsigned caps = nic->caps, needs = offload_needs(&f->hdr);
    if (LIKELY(!(needs & ~caps) && ((caps & NET_CAP_CSUM) || !f->hdr.flags)))
        d.took_all = nic->ops->receive(nic, f);
    else
        offload_convert(f, caps, receive_piece, &d);
    if (end && nic->ops->burst_end)
        nic->ops->burst_end(nic);
    mutex_unlock(nic->dev_lock);
    return d.took_all || (needs & ~caps & ~(unsigned)NET_CAP_CSUM);
}

/* Deliver f (or, when NULL, only what waits), as the one thread that does so.  b->lock held; it is
 * released meanwhile. */
static void deliver_locked(struct net_client *b, const struct net_frame *f) REQUIRES(b->lock)
{
    b->delivering = true;
    struct net_client *nic = b->peer;
    bool end = f == NULL;
    while (nic && !b->full && !paused) {
        struct net_packet *p = f ? NULL : dequeue_locked(b);
        if (!f && !p)
            break;
        struct iovec iov = {p ? p->data : NULL, p ? p->size : 0};
        struct net_frame queued = {&iov, 1, p ? p->size : 0, p ? p->hdr : (struct net_hdr){0}};
        b->ready_again = false;
        mutex_unlock(&b->lock);
        bool took = hand_over(nic, f ? f : &queued, end && !b->head);
        mutex_lock(&b->lock);
        if (!took) {
            b->full = !b->ready_again;
            if (p)
                requeue_locked(b, g_steal_pointer(&p));
            else
                enqueue_locked(b, f);
        }
        g_free(p);
        f = NULL;
        nic = b->peer;
    }
    if (f && nic) /* the machine stopped just now */
        enqueue_locked(b, f);
    b->delivering = false;
    cond_broadcast(&b->idle);
}

static void unpin_locked(struct net_client *b)
{
    if (--b->pins == 0)
        cond_broadcast(&b->idle);
}

void net_send(struct net_client *b, const struct net_frame *f)
{
    if (b->link_down)
        return;
    show_filters(b, f);
    mutex_lock(&b->lock);
    struct net_client *peer = b->peer;
    if (peer && !peer->is_nic) { /* a hub's port */
        b->pins++;
        mutex_unlock(&b->lock);
        if (!peer->link_down)
            send_to_backend(peer, f);
        mutex_lock(&b->lock);
        unpin_locked(b);
    } else if (peer && (b->delivering || b->full || b->head || paused)) {
        enqueue_locked(b, f);
    } else if (peer) {
        deliver_locked(b, f);
    }
    mutex_unlock(&b->lock);
}

bool net_peer_is_nic(struct net_client *b)
{
    mutex_lock(&b->lock);
    bool is_nic = b->peer && b->peer->is_nic;
    mutex_unlock(&b->lock);
    return is_nic;
}

unsigned net_peer_caps(struct net_client *b)
{
    mutex_lock(&b->lock);
    unsigned caps = b->peer ? b->peer->caps : 0;
    mutex_unlock(&b->lock);
    return caps;
}

void net_enqueue(struct net_client *b, const struct net_frame *f)
{
    mutex_lock(&b->lock);
    if (b->peer && !b->link_down)
        enqueue_locked(b, f);
    mutex_unlock(&b->lock);
}

/* Call a NIC's or a hub port's function for the peer of b, which may be unplugged meanwhile. */
static void call_peer(struct net_client *b, bool burst)
{
    mutex_lock(&b->lock);
    struct net_client *peer = b->peer;
    b->pins++;
    mutex_unlock(&b->lock);
    void (*fn)(struct net_client *) = !peer   ? NULL
                                      : burst ? peer->ops->burst_end
                                              : peer->ops->writable;
    if (fn)
        net_call(peer, fn);
    mutex_lock(&b->lock);
    unpin_locked(b);
    mutex_unlock(&b->lock);
}

void net_burst_end(struct net_client *b)
{
    call_peer(b, true);
}

void net_writable(struct net_client *b)
{
    if (!paused && atomic_exchange(&b->sender_waits, false))
        call_peer(b, false);
}

bool net_can_send(struct net_client *b)
{
    mutex_lock(&b->lock);
    bool can = !b->full && !b->head && !paused;
    mutex_unlock(&b->lock);
    return can;
}

void net_flush(struct net_client *b)
{
    mutex_lock(&b->lock);
    if (b->peer && b->peer->is_nic && !b->delivering && b->head)
        deliver_locked(b, NULL);
    mutex_unlock(&b->lock);
}

void net_rx_ready(struct net_client *nic)
{
    struct net_client *b = nic->peer;

    if (!b)
        return;
    mutex_lock(&b->lock);
    bool waits = b->full;
    b->full = false;
    b->ready_again = true;
    mutex_unlock(&b->lock);
    if (!waits)
        return;
    if (b->ops->peer_ready)
        b->ops->peer_ready(b);
    else
        net_defer_flush(b);
}
