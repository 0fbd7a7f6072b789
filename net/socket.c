/* -netdev socket: the older words for stream and dgram. */
#include "net/stream.h"

#include <string.h>

static bool open_mcast(struct opts *o, const char *id, const char *text, struct error **errp)
{
    const char *from = opts_get(o, "localaddr", NULL);
    struct net_address group = {.fd = -1}, local = {.fd = -1};
    g_autofree char *with_port = from ? g_strdup_printf("%s:0", from) : NULL;

    if (!net_address_parse(text, SOCK_DGRAM, false, &group, errp))
        return false;
    if (!net_address_is_multicast(&group)) {
        error_set(errp, "mcast=%s: not a multicast address, such as 230.0.0.1:1234", text);
        net_address_clear(&group);
        return false;
    }
    if (from && !net_address_parse(with_port, SOCK_DGRAM, true, &local, errp)) {
        net_address_clear(&group);
        return false;
    }
    return net_dgram_new(id, &local, &group, true, errp);
}

static bool open_udp(struct opts *o, const char *id, const char *text, struct error **errp)
{
    const char *from = opts_get(o, "localaddr", NULL);
    struct net_address remote = {.fd = -1}, local = {.fd = -1};

    if (!from) {
        error_set(errp, "udp= needs localaddr=HOST:PORT");
        return false;
    }
    if (!net_address_parse(text, SOCK_DGRAM, false, &remote, errp) ||
        !net_address_parse(from, SOCK_DGRAM, true, &local, errp)) {
        net_address_clear(&remote);
        return false;
    }
    return net_dgram_new(id, &local, &remote, true, errp);
}

static bool open_fd(const char *id, const char *text, struct error **errp)
{
    struct net_address a = {.fd = -1}, none = {.fd = -1};
    int type;
    socklen_t len = sizeof(type);

    if (!net_check_fd(text, 0, &a.fd, errp))
        return false;
    a.text = g_strdup_printf("fd:%s", text);
    getsockopt(a.fd, SOL_SOCKET, SO_TYPE, &type, &len);
    if (type == SOCK_DGRAM)
        return net_dgram_new(id, &a, &none, true, errp);
    return net_stream_new(id, &a, false, true, 0, errp);
}

static bool open_stream(const char *id, const char *text, bool is_server, struct error **errp)
{
    struct net_address a = {.fd = -1};

    return net_address_parse(text, SOCK_STREAM, is_server, &a, errp) &&
           net_stream_new(id, &a, is_server, true, 0, errp);
}

static bool socket_open(struct opts *o, const char *id, struct error **errp)
{
    static const char *const kinds[] = {"fd", "listen", "connect", "mcast", "udp"};
    const char *value[G_N_ELEMENTS(kinds)];
    unsigned n = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        value[i] = opts_get(o, kinds[i], NULL);
        n += value[i] != NULL;
    }
    if (n != 1) {
        error_set(errp, "wanted exactly one of listen=, connect=, mcast=, udp= and fd=");
        return false;
    }
    if (value[0])
        return open_fd(id, value[0], errp);
    if (value[1] || value[2])
        return open_stream(id, value[1] ? value[1] : value[2], value[1] != NULL, errp);
    return value[3] ? open_mcast(o, id, value[3], errp) : open_udp(o, id, value[4], errp);
}

static const char *const socket_options[] = {"fd",  "listen",    "connect", "mcast",
                                             "udp", "localaddr", NULL};

const struct net_driver net_driver_socket = {
    .name = "socket",
    .help = "listen=[HOST]:PORT | connect=HOST:PORT | mcast=ADDR:PORT | "
            "udp=HOST:PORT,localaddr=HOST:PORT | fd=N",
    .options = socket_options,
    .open = socket_open,
};
