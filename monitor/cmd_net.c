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

static JsonNode *run_set_link(struct mon_call *c, struct error **errp)
{
    const char *name = mon_str(c, "name", "");

    if (!net_find_any(name))
        c->error_class = "DeviceNotFound";
    return net_set_link(name, mon_bool(c, "up", true), errp) ? mon_ok() : NULL;
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

static const struct mon_arg link_args[] = {
    {"name", MON_STR, .help = "network card or back end", .complete = complete_clients},
    {"up", MON_BOOL, .help = "on or off"},
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
    {.qmp = "set_link",
     .hmp = "set_link",
     .args = link_args,
     .help = "plug or unplug a network cable",
     .run = run_set_link},
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
