/* Commands about networks. */
#include "monitor/commands_priv.h"

#include "net/net.h"
#include "util/optparse.h"

static void complete_clients(struct machine *m UNUSED, void (*add)(void *opaque, const char *word),
                             void *opaque)
{
    net_each_name(true, add, opaque);
}

static void complete_netdevs(struct machine *m UNUSED, void (*add)(void *opaque, const char *word),
                             void *opaque)
{
    net_each_name(false, add, opaque);
}

static bool text_network(struct mon_call *c UNUSED, FILE *out, struct error **errp UNUSED)
{
    net_print_info(out);
    return true;
}

static bool text_usernet(struct mon_call *c UNUSED, FILE *out, struct error **errp UNUSED)
{
    net_print_usernet(out);
    return true;
}

static char *mac_text(const uint8_t *m)
{
    return g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
}

static JsonNode *run_set_link(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "name", "");

    if (!net_find_any(name))
        c->error_class = "DeviceNotFound";
    return net_set_link(name, mon_bool(c, "up", true), errp) ? mon_ok() : NULL;
}

static JsonArray *addresses(const GByteArray *table)
{
    JsonArray *list = json_array_new();

    for (guint i = 0; i + 6 <= table->len; i += 6) {
        g_autofree char *text = mac_text(table->data + i);
        json_array_add_string_element(list, text);
    }
    return list;
}

static JsonObject *describe_filter(const struct net_client *c, const struct net_rx_filter *f)
{
    static const char *const modes[] = {"none", "normal", "all"};
    JsonObject *o = json_object_new();
    JsonArray *vlans = json_array_new();
    g_autofree char *mac = mac_text(f->mac);

    json_object_set_string_member(o, "name", c->name);
    json_object_set_boolean_member(o, "promiscuous", f->promiscuous);
    json_object_set_string_member(o, "multicast", modes[f->multicast]);
    json_object_set_string_member(o, "unicast", modes[f->unicast]);
    json_object_set_string_member(o, "vlan", modes[f->vlan]);
    json_object_set_boolean_member(o, "broadcast-allowed", f->broadcast);
    json_object_set_boolean_member(o, "multicast-overflow", f->multicast_overflow);
    json_object_set_boolean_member(o, "unicast-overflow", f->unicast_overflow);
    json_object_set_string_member(o, "main-mac", mac);
    for (guint i = 0; i < f->vlan_table->len; i++)
        json_array_add_int_element(vlans, g_array_index(f->vlan_table, uint16_t, i));
    json_object_set_array_member(o, "vlan-table", vlans);
    json_object_set_array_member(o, "unicast-table", addresses(f->unicast_table));
    json_object_set_array_member(o, "multicast-table", addresses(f->multicast_table));
    return o;
}

/* Of one NIC, or of all that tell theirs. */
static JsonNode *run_rx_filter(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "name", NULL);
    JsonArray *list = json_array_new();
    struct net_client *only = name ? net_find_any(name) : NULL;

    for (struct net_client *n = NULL; (n = net_next(n));) {
        struct net_rx_filter f;
        if (n->index || (name && n != only) || !net_rx_filter_get(n, &f))
            continue;
        json_array_add_object_element(list, describe_filter(n, &f));
        net_rx_filter_clear(&f);
    }
    if (!name || json_array_get_length(list))
        return mon_array(list);
    json_array_unref(list);
    error_set(errp, only ? "'%s' does not tell its receive filter" : "no network card '%s'", name);
    return NULL;
}

static JsonNode *run_netdev_add(struct mon_call *c, struct error **errp)
{
    const char *type = mon_str(c, "type", ""), *id = mon_str(c, "id", "");

    return net_backend_new(c->opts, type, id, errp) ? mon_ok() : NULL;
}

static JsonNode *run_netdev_del(struct mon_call *c, struct error **errp)
{
    const char *id = mon_str(c, "id", "");

    if (!net_find_queue(id, 0))
        c->error_class = "DeviceNotFound";
    return net_backend_del(id, errp) ? mon_ok() : NULL;
}

/* [NETDEV] RULE */
static bool text_hostfwd_add(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    const char *first = mon_str(c, "netdev", ""), *second = mon_str(c, "rule", NULL);

    return net_hostfwd_add(second ? first : NULL, second ? second : first, errp);
}

static bool text_hostfwd_remove(struct mon_call *c, FILE *out, struct error **errp)
{
    const char *first = mon_str(c, "netdev", ""), *second = mon_str(c, "rule", NULL);

    if (!net_hostfwd_remove(second ? first : NULL, second ? second : first, errp))
        return false;
    fprintf(out, "host forwarding rule for %s removed\n", second ? second : first);
    return true;
}

static char **announced_cards(struct mon_call *c)
{
    JsonNode *node = mon_json(c, "interfaces");
    JsonArray *list = node ? json_node_get_array(node) : NULL;
    GPtrArray *names = g_ptr_array_new();

    for (guint i = 0; list && i < json_array_get_length(list); i++)
        g_ptr_array_add(names, g_strdup(json_array_get_string_element(list, i)));
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static JsonNode *announce(struct mon_call *c, const struct net_announce_params *p, char **cards,
                          struct error **errp)
{
    bool ok = net_announce_start(p, mon_str(c, "id", NULL), (const char *const *)cards, errp);

    g_strfreev(cards);
    return ok ? mon_ok() : NULL;
}

static JsonNode *run_announce(struct mon_call *c, struct error **errp)
{
    struct net_announce_params p = {
        .initial_ms = (uint64_t)mon_int(c, "initial", 0),
        .max_ms = (uint64_t)mon_int(c, "max", 0),
        .rounds = (uint64_t)mon_int(c, "rounds", 0),
        .step_ms = (uint64_t)mon_int(c, "step", 0),
    };

    return announce(c, &p, mon_has(c, "interfaces") ? announced_cards(c) : NULL, errp);
}

static bool text_announce(struct mon_call *c, FILE *out UNUSED, struct error **errp)
{
    static const struct net_announce_params p = NET_ANNOUNCE_DEFAULT;
    const char *names = mon_str(c, "interfaces", NULL);
    JsonNode *done = announce(c, &p, names ? g_strsplit(names, ",", -1) : NULL, errp);

    if (done)
        json_node_unref(done);
    return done != NULL;
}

static const struct mon_arg announce_args[] = {
    {"initial", MON_INT, .help = "milliseconds to the second round"},
    {"max", MON_INT, .help = "longest wait"},
    {"rounds", MON_INT, .help = "how many"},
    {"step", MON_INT, .help = "how much longer each wait is"},
    {"interfaces", MON_JSON, .type = "[str]", .optional = true, .help = "names of cards (all)"},
    {"id", MON_STR, .optional = true, .help = "a name to begin anew by"},
    MON_ARG_END,
};
static const struct mon_arg announce_hmp_args[] = {
    {"interfaces", MON_STR, .optional = true, .help = "names of cards, commas between (all)"},
    {"id", MON_STR, .optional = true, .help = "a name to begin anew by"},
    MON_ARG_END,
};
static const struct mon_arg link_args[] = {
    {"name", MON_STR, .help = "network card or back end", .complete = complete_clients},
    {"up", MON_BOOL, .help = "on or off"},
    MON_ARG_END,
};
static const struct mon_arg filter_args[] = {
    {"name", MON_STR, .optional = true, .help = "network card", .complete = complete_clients},
    MON_ARG_END,
};
static const struct mon_arg add_args[] = {
    {"type", MON_STR, .help = "the kind of back end, as for -netdev"},
    {"id", MON_STR, .help = "its name"},
    {"props", MON_OPTS, .optional = true, .help = "its options"},
    MON_ARG_END,
};
static const struct mon_arg del_args[] = {
    {"id", MON_STR, .help = "name of the back end", .complete = complete_netdevs},
    MON_ARG_END,
};
static const struct mon_arg hostfwd_args[] = {
    {"netdev", MON_STR, .help = "[NETDEV] tcp|udp:[HOSTADDR]:PORT-[GUESTADDR]:PORT"},
    {"rule", MON_STR, .optional = true, .help = "the rule, when a back end was named"},
    MON_ARG_END,
};

const struct monitor_command cmd_net[] = {
    {.hmp = "info network", .help = "network cards and back ends", .text = text_network},
    {.hmp = "info usernet", .help = "connections of user networks", .text = text_usernet},
    {.qmp = "announce-self",
     .args = announce_args,
     .help = "broadcast where the network cards are now",
     .run = run_announce},
    {.hmp = "announce_self",
     .args = announce_hmp_args,
     .help = "broadcast where the network cards are now",
     .text = text_announce},
    {.qmp = "set_link",
     .hmp = "set_link",
     .args = link_args,
     .help = "plug or unplug a network cable",
     .run = run_set_link},
    {.qmp = "query-rx-filter",
     .args = filter_args,
     .ret = "[{name: str, promiscuous: bool, multicast: none|normal|all, "
            "unicast: none|normal|all, vlan: none|normal|all, broadcast-allowed: bool, "
            "multicast-overflow: bool, unicast-overflow: bool, main-mac: str, vlan-table: [int], "
            "unicast-table: [str], multicast-table: [str]}]",
     .help = "show what network cards are told to receive",
     .run = run_rx_filter},
    {.qmp = "netdev_add",
     .hmp = "netdev_add",
     .args = add_args,
     .help = "add a network back end",
     .run = run_netdev_add},
    {.qmp = "netdev_del",
     .hmp = "netdev_del",
     .args = del_args,
     .help = "remove a network back end",
     .run = run_netdev_del},
    {.hmp = "hostfwd_add",
     .args = hostfwd_args,
     .help = "forward a port of the host to the guest",
     .text = text_hostfwd_add},
    {.hmp = "hostfwd_remove",
     .args = hostfwd_args,
     .help = "stop forwarding a port: tcp|udp:[HOSTADDR]:PORT",
     .text = text_hostfwd_remove},
    {0},
};
