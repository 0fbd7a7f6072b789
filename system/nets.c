/*
 * -netdev, -nic, -net and -object filter-dump.
 *
 * -net KIND makes a port of hub 0 for a back end or a network card; -nic makes both ends at once;
 * without any of them a PC has a card on a user network, other machines have no network.
 */
#include "hw/bus.h"
#include "hw/registry.h"
#include "net/net.h"
#include "system/setup.h"
#include "util/log.h"

#include <string.h>

/* A network card that -net nic or -nic asked for, made once the machine is there. */
struct wanted_nic {
    const char *option; /* for messages: "-nic user" */
    char *model, *mac, *id, *netdev, *addr, *vectors;
};

static void nic_free(void *opaque)
{
    struct wanted_nic *n = opaque;

    g_free(n->model);
    g_free(n->mac);
    g_free(n->id);
    g_free(n->netdev);
    g_free(n->addr);
    g_free(n->vectors);
    g_free(n);
}

static GPtrArray *nics(struct setup *s)
{
    if (!s->nics)
        s->nics = g_ptr_array_new_with_free_func(nic_free);
    return s->nics;
}

/* Take a key out of o: what is left goes to the back end. */
static char *steal(struct opts *o, const char *key)
{
    char *value = NULL;

    for (size_t i = 0; i < o->n;) {
        if (!opts_key_equal(o->pair[i].key, key)) {
            i++;
            continue;
        }
        g_free(value);
        value = o->pair[i].value;
        g_free(o->pair[i].key);
        o->n--;
        memmove(&o->pair[i], &o->pair[i + 1], (o->n - i) * sizeof(o->pair[0]));
    }
    return value;
}

static struct wanted_nic *steal_nic(struct opts *o, const char *option)
{
    struct wanted_nic *n = g_new0(struct wanted_nic, 1);
    char *mac = steal(o, "mac");

    n->option = option;
    n->model = steal(o, "model");
    n->mac = steal(o, "macaddr");
    if (!n->mac)
        n->mac = mac;
    else
        g_free(mac);
    n->addr = steal(o, "addr");
    n->vectors = steal(o, "vectors");
    return n;
}

/* -redir [tcp:|udp:]PORT:[ADDR]:PORT as the value of hostfwd=, or NULL. */
static char *forward_of_redir(const char *text)
{
    const char *kind = g_str_has_prefix(text, "udp:") ? "udp" : "tcp";

    if (g_str_has_prefix(text, "udp:") || g_str_has_prefix(text, "tcp:"))
        text += 4;
    else if (*text == ':')
        text++;
    g_auto(GStrv) part = g_strsplit(text, ":", 4);
    if (g_strv_length(part) != 3)
        return NULL;
    return g_strdup_printf("%s::%s-%s:%s", kind, part[0], part[1], part[2]);
}

static bool add_old_forwards(const struct cli *cli, struct opts *o, struct error **errp)
{
    for (guint i = 0; i < cli->redir->len; i++) {
        const char *text = g_ptr_array_index(cli->redir, i);
        g_autofree char *value = forward_of_redir(text);
        g_autofree char *key = g_strdup_printf("hostfwd.%u", i);
        if (!value) {
            error_set(errp, "-redir %s: wanted [tcp|udp]:PORT:[GUESTADDR]:PORT", text);
            return false;
        }
        opts_set(o, key, value);
    }
    return true;
}

/* What -smb, -tftp, -bootp and -redir ask for becomes part of the first user network. */
static bool add_old_options(struct setup *s, struct opts *o, const char *type, struct error **errp)
{
    const struct cli *cli = s->cli;

    if (s->has_user_net || strcmp(type, "user"))
        return true;
    s->has_user_net = true;
    if (cli->smb)
        opts_set(o, "smb", cli->smb);
    if (cli->tftp)
        opts_set(o, "tftp", cli->tftp);
    if (cli->bootp)
        opts_set(o, "bootfile", cli->bootp);
    return add_old_forwards(cli, o, errp);
}

static bool add_netdev(struct setup *s, struct opts *o, const char *option UNUSED,
                       struct error **errp)
{
    const char *type = opts_get(o, "type", NULL), *id = opts_get(o, "id", NULL);

    if (!type) {
        error_set(errp, "wanted a back end first: user,id=ID; 'help' lists them");
        return false;
    }
    if (!id || !*id) {
        error_set(errp, "wanted id=ID, a name for -device to use");
        return false;
    }
    return add_old_options(s, o, type, errp) && net_backend_new(o, type, id, errp);
}

/* The name that net_backend_new() chose or was given. */
static struct net_client *new_backend(struct setup *s, struct opts *o, const char *type,
                                      const char *id, struct error **errp)
{
    if (!add_old_options(s, o, type, errp) || !net_backend_new(o, type, id, errp))
        return NULL;
    return net_find(opts_get(o, "id", ""), errp);
}

static bool add_nic(struct setup *s, struct opts *o, const char *option, struct error **errp)
{
    g_autofree char *id = steal(o, "id"), *type = steal(o, "type");

    if (!g_strcmp0(type, "none")) {
        return true; /* there is none that was not asked for */
    }
    struct wanted_nic *n = steal_nic(o, option);
    g_ptr_array_add(nics(s), n);
    if (!type)
        type = g_strdup("user");
    struct net_client *c = new_backend(s, o, type, id, errp);
    if (c)
        n->netdev = g_strdup(c->name);
    return c != NULL;
}

static bool add_net_card(struct setup *s, struct opts *o, const char *option, struct error **errp)
{
    static const char *const keys[] = {"type",    "id",   "name",    "netdev", "model",
                                       "macaddr", "addr", "vectors", NULL};
    struct wanted_nic *n = steal_nic(o, option);
    const char *netdev = opts_get(o, "netdev", NULL);

    g_ptr_array_add(nics(s), n);
    n->id = g_strdup(opts_get(o, "id", opts_get(o, "name", NULL)));
    opts_get(o, "type", NULL);
    if (!opts_check_used(o, keys, errp) || (netdev && !net_find(netdev, errp)))
        return false;
    n->netdev = g_strdup(netdev ? netdev : net_hub_port(0, NULL, NULL)->name);
    return true;
}

static bool add_net(struct setup *s, struct opts *o, const char *option, struct error **errp)
{
    const char *type = opts_get(o, "type", NULL);
    g_autofree char *name = NULL;

    if (!type) {
        error_set(errp, "wanted nic, none or a back end such as user");
        return false;
    }
    if (!strcmp(type, "none")) {
        return true; /* there is none that was not asked for */
    }
    if (!strcmp(type, "nic"))
        return add_net_card(s, o, option, errp);
    name = steal(o, "name");
    g_autofree char *kind = g_strdup(type), *id = steal(o, "id");
    struct net_client *c = new_backend(s, o, kind, id ? id : name, errp);
    if (!c)
        return false;
    net_hub_port(0, NULL, c);
    return true;
}

/* Each text of a list through fn. */
static bool each(struct setup *s, GPtrArray *list, const char *option, const char *implied,
                 bool (*fn)(struct setup *, struct opts *, const char *, struct error **),
                 struct error **errp)
{
    for (guint i = 0; i < list->len; i++) {
        const char *text = g_ptr_array_index(list, i);
        const char *whole = setup_own(s, g_strdup_printf("-%s %s", option, text));
        struct opts *o = opts_parse_any(text, implied, errp);
        bool ok = o && fn(s, o, whole, errp);
        opts_free(o);
        if (!ok) {
            error_prefix(errp, "%s", whole);
            return false;
        }
    }
    return true;
}

/* Of boards that have a card unless there is to be none; and old scripts relied on the network that
 * there was without being asked for. */
static bool add_default_network(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;
    bool is_said = cli->netdev->len || cli->nic->len || cli->net->len || cli->nodefaults;
    bool is_wanted = cli->smb || cli->tftp || cli->bootp || cli->redir->len;

    if (s->has_user_net || (!is_wanted && (is_said || !s->cls->has_nic)))
        return true;
    struct opts *o = opts_parse("user", "type");
    bool ok = add_nic(s, o, "-nic user", errp);
    opts_free(o);
    return ok;
}

bool setup_netdevs(struct setup *s, struct error **errp)
{
    const struct cli *cli = s->cli;

    return each(s, cli->netdev, "netdev", "type", add_netdev, errp) &&
           each(s, cli->nic, "nic", "type", add_nic, errp) &&
           each(s, cli->net, "net", "type", add_net, errp) && add_default_network(s, errp);
}

const char *const filter_dump_keys[] = {"qom-type", "id",    "netdev",   "file",   "maxlen",
                                        "status",   "queue", "position", "insert", NULL};

bool setup_filter_dump(struct opts *o, const char *id, struct error **errp)
{
    const char *netdev = opts_get(o, "netdev", NULL), *file = opts_get(o, "file", NULL);
    uint64_t maxlen;
    bool ok = opts_get_size(o, "maxlen", 65536, &maxlen, errp);

    if (!ok)
        return false;
    if (!netdev || !file) {
        error_set(errp, "wanted netdev=ID and file=FILE");
        return false;
    }
    if (maxlen < 16 || maxlen > UINT32_MAX || strcmp(opts_get(o, "queue", "all"), "all") ||
        strcmp(opts_get(o, "status", "on"), "on")) {
        error_set(errp, "maxlen must be at least 16; queue must be all, status on");
        return false;
    }
    return net_dump_new(id, netdev, file, (uint32_t)maxlen, errp);
}

static bool has_pci(const struct machine *m)
{
    for (const struct hw_bus *b = m->buses; b; b = b->next)
        if (!strcmp(b->type, "PCI"))
            return true;
    return false;
}

/* Names that -nic and -net nic know for devices of another name. */
static const char *device_of_model(const struct setup *s, const char *model)
{
    bool pci = hw_device_find("virtio-net-pci") && has_pci(s->machine);

    if (!model || !strcmp(model, "virtio"))
        return pci ? "virtio-net-pci" : "virtio-net-device";
    return model;
}

/* The board's own card is the first that was asked for without a model, or by its name. */
static bool is_onboard(const struct setup *s, const struct wanted_nic *n)
{
    return s->cls->onboard_nic && (!n->model || !strcmp(n->model, s->cls->onboard_nic));
}

/* A board with a card of its own has no place for others. */
static bool check_onboard(const struct setup *s, const struct wanted_nic *n, struct error **errp)
{
    if (!s->cls->onboard_nic || (is_onboard(s, n) && !s->cfg.nic.netdev))
        return true;
    error_set(errp, "%s: machine '%s' has one network card, a %s, and no place for another",
              n->option, s->cls->name, s->cls->onboard_nic);
    return false;
}

bool setup_onboard_nic(struct setup *s, struct error **errp)
{
    for (guint i = 0; s->nics && s->cls->onboard_nic && i < s->nics->len; i++) {
        const struct wanted_nic *n = g_ptr_array_index(s->nics, i);
        if (!check_onboard(s, n, errp))
            return false;
        s->cfg.nic.netdev = n->netdev;
        s->cfg.nic.mac = n->mac;
    }
    return true;
}

static bool create_nic(struct setup *s, const struct wanted_nic *n, struct error **errp)
{
    struct opts *o = opts_parse("", NULL);

    opts_set(o, "netdev", n->netdev);
    if (n->mac)
        opts_set(o, "mac", n->mac);
    if (n->id)
        opts_set(o, "id", n->id);
    if (n->addr)
        opts_set(o, "addr", n->addr);
    if (n->vectors)
        opts_set(o, "vectors", n->vectors);
    bool ok =
        device_create(s, device_of_model(s, n->model ? n->model : s->cls->default_net), o, errp);
    opts_free(o);
    if (!ok)
        error_prefix(errp, "%s", n->option);
    return ok;
}

static void pause_changed(struct machine_pause_listener *l UNUSED, bool paused)
{
    net_set_paused(paused);
}

bool setup_nics(struct setup *s, struct error **errp)
{
    static struct machine_pause_listener listener = {.changed = pause_changed};

    machine_add_pause_listener(s->machine, &listener);
    for (guint i = 0; s->nics && !s->cls->onboard_nic && i < s->nics->len; i++)
        if (!create_nic(s, g_ptr_array_index(s->nics, i), errp))
            return false;
    net_check_connected();
    return true;
}
