/*
 * Hubs: what comes in at one port goes out at all others.  -netdev hubport, and what -net makes.
 *
 * A port is the peer of a NIC or of another back end.  A frame that a NIC sends (its device's lock
 * is held) goes to other NICs by way of their queues and the network thread.
 */
#include "net/net_priv.h"

#include <string.h>

struct hub_port {
    struct net_client *client;
    int hub;
    struct hub_port *next;
};

/* All ports of all hubs, in order; changed in the main thread while `lock` is held for writing. */
static struct {
    pthread_rwlock_t lock;
    struct hub_port *ports;
} hubs = {PTHREAD_RWLOCK_INITIALIZER, NULL};

/* Runs under the sender's locks; never full: a port that is loses the frame. */
static bool hub_send(struct net_client *c, const struct net_frame *f)
{
    const struct hub_port *from = c->opaque;
    bool from_nic = net_peer_is_nic(c);

    pthread_rwlock_rdlock(&hubs.lock);
    for (struct hub_port *p = hubs.ports; p; p = p->next) {
        if (p->hub != from->hub || p == from)
            continue;
        if (from_nic && net_peer_is_nic(p->client)) {
            net_enqueue(p->client, f);
            net_defer_flush(p->client);
        } else {
            net_send(p->client, f);
        }
    }
    pthread_rwlock_unlock(&hubs.lock);
    return true;
}

static void hub_burst_end(struct net_client *c)
{
    const struct hub_port *from = c->opaque;

    pthread_rwlock_rdlock(&hubs.lock);
    for (struct hub_port *p = hubs.ports; p; p = p->next)
        if (p->hub == from->hub && p != from)
            net_burst_end(p->client);
    pthread_rwlock_unlock(&hubs.lock);
}

static void hub_close(struct net_client *c)
{
    struct hub_port *port = c->opaque, **at = &hubs.ports;

    pthread_rwlock_wrlock(&hubs.lock);
    while (*at != port)
        at = &(*at)->next;
    *at = port->next;
    pthread_rwlock_unlock(&hubs.lock);
    g_free(port);
}

static char *hub_info(struct net_client *c)
{
    return g_strdup_printf("hubid=%d", ((struct hub_port *)c->opaque)->hub);
}

static const struct net_client_ops hub_ops = {
    .type = "hubport",
    .send = hub_send,
    .burst_end = hub_burst_end,
    .info = hub_info,
    .close = hub_close,
};

int net_hub_of(const struct net_client *c)
{
    return c->ops == &hub_ops ? ((const struct hub_port *)c->opaque)->hub : -1;
}

static char *port_name(int hub)
{
    for (unsigned n = 0;; n++) {
        char *name = g_strdup_printf("hub%dport%u", hub, n);
        if (!net_find_any(name))
            return name;
        g_free(name);
    }
}

struct net_client *net_hub_port(int hub, const char *id, struct net_client *backend)
{
    g_autofree char *name = id ? g_strdup(id) : port_name(hub);
    struct hub_port *port = g_new0(struct hub_port, 1), **end = &hubs.ports;

    port->hub = hub;
    port->client = net_client_new(&hub_ops, name, 0, NET_CAP_ALL, port);
    port->client->implicit = id == NULL;
    if (backend)
        net_join(port->client, backend);
    pthread_rwlock_wrlock(&hubs.lock);
    while (*end)
        end = &(*end)->next;
    *end = port;
    pthread_rwlock_unlock(&hubs.lock);
    return port->client;
}

static bool hubport_open(struct opts *o, const char *id, struct error **errp)
{
    const char *netdev = opts_get(o, "netdev", NULL);
    struct net_client *backend = NULL;
    uint64_t hub;

    if (!opts_get(o, "hubid", NULL)) {
        error_set(errp, "wanted hubid=N, the number of the hub");
        return false;
    }
    if (!opts_get_uint(o, "hubid", INT32_MAX, 0, &hub, errp))
        return false;
    if (netdev && !(backend = net_find(netdev, errp)))
        return false;
    if (backend && (backend->peer || net_hub_of(backend) >= 0)) {
        error_set(errp, "netdev=%s: %s", netdev,
                  backend->peer ? "it is in use" : "it is itself a port of a hub");
        return false;
    }
    net_hub_port((int)hub, id, backend);
    return true;
}

static const char *const hubport_options[] = {"hubid", "netdev", NULL};

const struct net_driver net_driver_hubport = {
    .name = "hubport",
    .help = "hubid=N[,netdev=ID]: a port of a hub",
    .options = hubport_options,
    .open = hubport_open,
};
