/* Back ends by name: creation from options, removal, links, what the monitor shows. */
#include "core/event.h"
#include "net/net_priv.h"
#include "util/log.h"

#include <string.h>

static const struct net_driver *const drivers[] = {
    &net_driver_socket, &net_driver_stream, &net_driver_dgram, &net_driver_hubport,
    &net_driver_tap,    &net_driver_bridge, &net_driver_user,
};
const char *const net_backend_types[] = {"socket", "stream", "dgram", "hubport",
                                         "tap",    "bridge", "user",  NULL};

/* Kinds that other emulators have, and what to use here. */
static const struct {
    const char *name, *instead;
} absent[] = {
    {"l2tpv3", "dgram carries Ethernet over UDP"},
    {"vde", "connect to the switch with stream or tap"},
    {"vhost-user", "tap or stream reach another process"},
    {"vhost-vdpa", "tap reaches the host's network"},
    {"vmnet-shared", "user does the same here"},
    {"netmap", "use tap"},
    {"passt", "start passt yourself and connect with stream,addr.type=unix,addr.path=SOCKET"},
};

static const struct net_driver *driver_find(const char *name, struct error **errp)
{
    for (size_t i = 0; i < G_N_ELEMENTS(drivers); i++)
        if (!strcmp(drivers[i]->name, name))
            return drivers[i];
    for (size_t i = 0; i < G_N_ELEMENTS(absent); i++)
        if (!strcmp(absent[i].name, name)) {
            error_set(errp, "back end '%s' is not supported: %s", name, absent[i].instead);
            return NULL;
        }
    const char *near = nearest_name(name, net_backend_types);
    if (!strcmp(name, "dump")) {
        error_set(
            errp,
            "there is no back end 'dump': use -object filter-dump,id=ID,netdev=NETDEV,file=FILE");
        return NULL;
    }
    error_set(errp, "no such back end '%s'", name);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    else
        error_append(errp, "; 'help' lists them");
    return NULL;
}

/* A name the user could not have chosen, for back ends without an id. */
static char *make_id(void)
{
    for (unsigned n = 0;; n++) {
        char *id = g_strdup_printf("#net%03u", n);
        if (!net_find_any(id))
            return id;
        g_free(id);
    }
}

/* Below a key: an index of a list, or a member of an address. */
static bool is_member(const char *name)
{
    static const char *const members[] = {"type",    "host",  "port",     "to",  "ipv4",
                                          "ipv6",    "path",  "abstract", "str", "keep-alive",
                                          "numeric", "tight", NULL};
    g_auto(GStrv) parts = g_strsplit(name, ".", 2);

    return g_ascii_isdigit(parts[0][0]) || g_strv_contains(members, parts[0]);
}

/* Mark the driver's options as known; it reads what it needs later. */
static void note_known(struct opts *o, const char *const *options)
{
    for (const char *const *k = options; *k; k++) {
        size_t n = strlen(*k);
        opts_get(o, *k, NULL);
        for (size_t i = 0; i < o->n; i++)
            if (!strncmp(o->pair[i].key, *k, n) && o->pair[i].key[n] == '.' &&
                is_member(o->pair[i].key + n + 1))
                o->pair[i].used = true;
    }
}

bool net_backend_new(struct opts *o, const char *type, const char *id, struct error **errp)
{
    const struct net_driver *d = driver_find(type, errp);

    if (!d)
        return false;
    if (id && net_find_any(id)) {
        error_set(errp, "id=%s: another network client has that id", id);
        return false;
    }
    g_autofree char *name = id ? g_strdup(id) : make_id();
    opts_set(o, "id", name);
    note_known(o, d->options);
    opts_get(o, "type", NULL);
    opts_get(o, "id", NULL);
    if (!opts_check_used(o, d->options, errp) || !d->open(o, name, errp))
        return false;
    for (struct net_client *c = net_clients(); c; c = c->next)
        if (!strcmp(c->name, name))
            c->implicit = id == NULL;
    return true;
}

struct net_client *net_find_queue(const char *id, unsigned index)
{
    for (struct net_client *c = net_clients(); c; c = c->next)
        if (!c->is_nic && c->index == index && !strcmp(c->name, id))
            return c;
    return NULL;
}

struct net_client *net_find_any(const char *name)
{
    for (struct net_client *c = net_clients(); c; c = c->next)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

void net_each_name(bool all, void (*fn)(void *opaque, const char *name), void *opaque)
{
    for (struct net_client *c = net_clients(); c; c = c->next)
        if (c->index == 0 && (all || !c->is_nic))
            fn(opaque, c->name);
}

static void set_not_found(const char *what, const char *id, bool nics, struct error **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (struct net_client *c = net_clients(); c; c = c->next)
        if (!c->implicit && (nics || !c->is_nic))
            g_ptr_array_add(names, c->name);
    g_ptr_array_add(names, NULL);
    error_set(errp, "there is no %s '%s'", what, id);
    const char *near = nearest_name(id, (const char *const *)names->pdata);
    if (near)
        error_append(errp, "; did you mean '%s'?", near);
    else if (names->len > 1)
        error_append(errp, "; there is '%s'", (const char *)g_ptr_array_index(names, 0));
}

struct net_client *net_find(const char *id, struct error **errp)
{
    struct net_client *c = net_find_queue(id, 0);

    if (!c)
        set_not_found("netdev", id, false, errp);
    return c;
}

bool net_backend_del(const char *id, struct error **errp)
{
    struct net_client *c;

    if (!net_find(id, errp))
        return false;
    while ((c = net_find_any(id)) != NULL)
        net_client_free(c);
    return true;
}

void net_free_all(void)
{
    struct net_client *c;

    net_announce_stop_all();
    do {
        for (c = net_clients(); c && c->is_nic; c = c->next)
            ;
        if (c)
            net_client_free(c);
    } while (c);
    net_context_stop();
}

static void tell_link(struct net_client *c)
{
    if (c && c->ops->link_changed)
        net_call(c, c->ops->link_changed);
}

bool net_set_link(const char *name, bool up, struct error **errp)
{
    if (!net_find_any(name)) {
        set_not_found("network client", name, true, errp);
        return false;
    }
    for (struct net_client *c = net_clients(); c; c = c->next) {
        if (strcmp(c->name, name))
            continue;
        c->link_down = !up;
        tell_link(c);
        tell_link(c->peer);
    }
    return true;
}

static void print_client(struct net_client *c, FILE *f)
{
    g_autofree char *info = c->ops->info ? c->ops->info(c) : NULL;

    fprintf(f, "%s: index=%u,type=%s", c->name, c->index, c->ops->type);
    if (c->is_nic)
        fprintf(f, ",model=%s,macaddr=%02x:%02x:%02x:%02x:%02x:%02x", c->model, c->mac[0],
                c->mac[1], c->mac[2], c->mac[3], c->mac[4], c->mac[5]);
    if (info && *info)
        fprintf(f, ",%s", info);
    if (c->link_down)
        fprintf(f, ",link=off");
    if (c->lost)
        fprintf(f, ",lost=%llu", (unsigned long long)c->lost);
    fputc('\n', f);
}

static void print_hub(int hub, FILE *f)
{
    fprintf(f, "hub %d\n", hub);
    for (struct net_client *c = net_clients(); c; c = c->next) {
        if (net_hub_of(c) != hub)
            continue;
        fprintf(f, " \\ %s", c->name);
        if (c->peer) {
            fputs(": ", f);
            print_client(c->peer, f);
        } else {
            fputc('\n', f);
        }
    }
}

void net_print_info(FILE *f)
{
    int printed = -1;

    for (struct net_client *c = net_clients(); c; c = c->next)
        if (net_hub_of(c) > printed) { /* hubs are numbered upwards by their first port */
            int lowest = net_hub_of(c);
            for (struct net_client *d = net_clients(); d; d = d->next)
                if (net_hub_of(d) > printed && net_hub_of(d) < lowest)
                    lowest = net_hub_of(d);
            print_hub(lowest, f);
            printed = lowest;
            c = net_clients();
        }
    for (struct net_client *c = net_clients(); c; c = c->next) {
        if (net_hub_of(c) >= 0 || (c->peer && net_hub_of(c->peer) >= 0) || (!c->is_nic && c->peer))
            continue;
        print_client(c, f);
        if (c->is_nic && c->peer) {
            fputs(" \\ ", f);
            print_client(c->peer, f);
        }
    }
}

void net_check_connected(void)
{
    for (struct net_client *c = net_clients(); c; c = c->next)
        if (!c->peer && !c->is_nic && c->index == 0 && net_hub_of(c) < 0 && !c->implicit)
            log_warn("netdev '%s' is not connected to a network card", c->name);
        else if (!c->peer && c->is_nic && c->index == 0 && !c->implicit)
            log_warn("network card '%s' is not connected: no netdev", c->name);
}

void net_print_help(FILE *f)
{
    fputs("Available netdev backend types:\n", f);
    for (const char *const *n = net_backend_types; *n; n++)
        fprintf(f, "%s\n", *n);
}

struct net_client *net_next(struct net_client *c)
{
    return c ? c->next : net_clients();
}

bool net_rx_filter_get(struct net_client *nic, struct net_rx_filter *f)
{
    if (!nic->is_nic || !nic->ops->rx_filter)
        return false;
    *f = (struct net_rx_filter){.unicast_table = g_byte_array_new(),
                                .multicast_table = g_byte_array_new(),
                                .vlan_table = g_array_new(FALSE, FALSE, sizeof(uint16_t))};
    mutex_lock(nic->dev_lock);
    nic->filter_known = false;
    nic->ops->rx_filter(nic, f);
    mutex_unlock(nic->dev_lock);
    return true;
}

void net_rx_filter_clear(struct net_rx_filter *f)
{
    g_byte_array_unref(f->unicast_table);
    g_byte_array_unref(f->multicast_table);
    g_array_unref(f->vlan_table);
}

void net_rx_filter_changed(struct net_client *nic)
{
    if (!nic->filter_known)
        event_emit("NIC_RX_FILTER_CHANGED",
                   "{\"name\": \"%s\", \"path\": \"/machine/peripheral/%s\"}", nic->name,
                   nic->name);
    nic->filter_known = true;
}
