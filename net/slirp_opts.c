/* The options of -netdev user, and forwarding rules. */
#include "net/slirp_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { MAX_TEXT = 255, MIN_MASK = 4, MAX_MASK = 30 };

const char *const user_options[] = {
    "ipv4",     "ipv6",        "restrict",       "net",        "mask",      "host",
    "ipv6-net", "ipv6-prefix", "ipv6-prefixlen", "ipv6-host",  "hostname",  "dhcpstart",
    "dns",      "ipv6-dns",    "dnssearch",      "domainname", "tftp",      "tftp-server-name",
    "bootfile", "hostfwd",     "guestfwd",       "smb",        "smbserver", NULL};

bool user_parse_ip4(const char *key, const char *text, struct in_addr *out, struct error **errp)
{
    if (inet_pton(AF_INET, text, out) == 1)
        return true;
    error_set(errp, "%s=%s: wanted an IPv4 address such as 10.0.2.2", key, text);
    return false;
}

static bool parse_ip6(const char *key, const char *text, struct in6_addr *out, struct error **errp)
{
    if (inet_pton(AF_INET6, text, out) == 1)
        return true;
    error_set(errp, "%s=%s: wanted an IPv6 address such as fec0::2", key, text);
    return false;
}

/* "24" or "255.255.255.0". */
static bool parse_mask(const char *text, uint32_t *mask, struct error **errp)
{
    struct in_addr dotted;
    uint64_t bits;

    if (strchr(text, '.')) {
        if (!user_parse_ip4("mask", text, &dotted, errp))
            return false;
        *mask = ntohl(dotted.s_addr);
        if (!(~*mask & (~*mask + 1)) && *mask)
            bits = (uint64_t)__builtin_popcount(*mask);
        else
            bits = 0;
    } else if (!parse_uint(text, 32, &bits, NULL)) {
        bits = 0;
    }
    if (bits < MIN_MASK || bits > MAX_MASK) {
        error_set(errp, "netmask '%s': wanted %d to %d bits, such as /24 or 255.255.255.0", text,
                  MIN_MASK, MAX_MASK);
        return false;
    }
    *mask = ~UINT32_C(0) << (32 - bits);
    return true;
}

/* net=ADDR[/MASK]; the others default to addresses in it. */
static bool parse_net4(struct opts *o, SlirpConfig *cfg, char **text, struct error **errp)
{
    const char *net = opts_get(o, "net", "10.0.2.0"), *mask_text = opts_get(o, "mask", "24");
    g_auto(GStrv) parts = g_strsplit(net, "/", 2);
    uint32_t mask;

    if (!user_parse_ip4("net", parts[0], &cfg->vnetwork, errp) ||
        !parse_mask(parts[1] ? parts[1] : mask_text, &mask, errp))
        return false;
    uint32_t base = ntohl(cfg->vnetwork.s_addr) & mask, hosts = ~mask;
    cfg->vnetmask.s_addr = htonl(mask);
    cfg->vnetwork.s_addr = htonl(base);
    cfg->vhost.s_addr = htonl(base | (2 & hosts));
    cfg->vnameserver.s_addr = htonl(base | (3 & hosts));
    cfg->vdhcp_start.s_addr = htonl(base | (15 < hosts ? 15 : 4 & hosts));
    char dotted[INET_ADDRSTRLEN];
    *text = g_strdup(inet_ntop(AF_INET, &cfg->vnetwork, dotted, sizeof(dotted)));
    return true;
}

/* Read key into *addr, which must lie in the network. */
static bool in_net4(struct opts *o, const char *key, const SlirpConfig *cfg, struct in_addr *addr,
                    struct error **errp)
{
    const char *text = opts_get(o, key, NULL);

    if (text && !user_parse_ip4(key, text, addr, errp))
        return false;
    if ((addr->s_addr & cfg->vnetmask.s_addr) == cfg->vnetwork.s_addr)
        return true;
    error_set(errp, "%s=%s is not in the network %s", key, text, opts_get(o, "net", "10.0.2.0/24"));
    return false;
}

static bool check_distinct4(const SlirpConfig *cfg, struct error **errp)
{
    if (cfg->vhost.s_addr == cfg->vnameserver.s_addr)
        error_set(errp, "dns and host must be different addresses");
    else if (cfg->vdhcp_start.s_addr == cfg->vhost.s_addr ||
             cfg->vdhcp_start.s_addr == cfg->vnameserver.s_addr)
        error_set(errp, "dhcpstart must differ from host and dns");
    else
        return true;
    return false;
}

static bool parse_ipv4(struct user_net *u, struct opts *o, SlirpConfig *cfg, struct error **errp)
{
    return parse_net4(o, cfg, &u->net_text, errp) && in_net4(o, "host", cfg, &cfg->vhost, errp) &&
           in_net4(o, "dns", cfg, &cfg->vnameserver, errp) &&
           in_net4(o, "dhcpstart", cfg, &cfg->vdhcp_start, errp) && check_distinct4(cfg, errp);
}

/* ipv6-net=PREFIX[/LEN], or ipv6-prefix= and ipv6-prefixlen=. */
static bool parse_net6(struct opts *o, SlirpConfig *cfg, struct error **errp)
{
    g_auto(GStrv) parts =
        g_strsplit(opts_get(o, "ipv6-net", opts_get(o, "ipv6-prefix", "fec0::")), "/", 2);
    const char *len = parts[0] && parts[1] ? parts[1] : opts_get(o, "ipv6-prefixlen", "64");
    uint64_t bits;

    if (!parts[0] || !parse_ip6("ipv6-prefix", parts[0], &cfg->vprefix_addr6, errp))
        return false;
    if (!parse_uint(len, 126, &bits, errp)) {
        error_prefix(errp, "ipv6-prefixlen");
        return false;
    }
    cfg->vprefix_len = (uint8_t)bits;
    cfg->vhost6 = cfg->vnameserver6 = cfg->vprefix_addr6;
    cfg->vhost6.s6_addr[15] |= 2;
    cfg->vnameserver6.s6_addr[15] |= 3;
    return true;
}

static bool in_net6(struct opts *o, const char *key, const SlirpConfig *cfg, struct in6_addr *addr,
                    struct error **errp)
{
    const char *text = opts_get(o, key, NULL);
    unsigned whole = cfg->vprefix_len / 8, rest = cfg->vprefix_len % 8;

    if (!text)
        return true;
    if (!parse_ip6(key, text, addr, errp))
        return false;
    if (!memcmp(addr, &cfg->vprefix_addr6, whole) &&
        (!rest || !((addr->s6_addr[whole] ^ cfg->vprefix_addr6.s6_addr[whole]) >> (8 - rest))))
        return true;
    error_set(errp, "%s=%s is not in the network of ipv6-prefix", key, text);
    return false;
}

static bool parse_ipv6(struct opts *o, SlirpConfig *cfg, struct error **errp)
{
    return parse_net6(o, cfg, errp) && in_net6(o, "ipv6-host", cfg, &cfg->vhost6, errp) &&
           in_net6(o, "ipv6-dns", cfg, &cfg->vnameserver6, errp);
}

/* ipv4 and ipv6: naming one and not the other means only that one. */
static bool parse_families(struct opts *o, SlirpConfig *cfg, struct error **errp)
{
    const char *four = opts_get(o, "ipv4", NULL), *six = opts_get(o, "ipv6", NULL);
    bool v4 = true, v6 = true;

    if (!opts_get_bool(o, "ipv4", true, &v4, errp) || !opts_get_bool(o, "ipv6", true, &v6, errp))
        return false;
    if (four && !six)
        v6 = !v4;
    else if (six && !four)
        v4 = !v6 || v4;
    if (!v4 && !v6) {
        error_set(errp, "ipv4 and ipv6 are both off: nothing is left");
        return false;
    }
    cfg->in_enabled = v4;
    cfg->in6_enabled = v6;
    return true;
}

/* What a DHCP option or a BOOTP field can hold. */
static bool get_text(struct opts *o, const char *key, size_t max, const char **out,
                     struct error **errp)
{
    *out = opts_get(o, key, NULL);
    if (!*out || strlen(*out) <= max)
        return true;
    error_set(errp, "%s is longer than %zu characters", key, max);
    return false;
}

/* Every value of a key that may be repeated, or a JSON list: KEY, KEY.0, KEY.0.str. */
static bool is_of_list(const char *key, const char *list)
{
    size_t n = strlen(list);

    if (strncmp(key, list, n))
        return false;
    key += n;
    if (*key == '.') {
        do
            key++;
        while (g_ascii_isdigit(*key));
    }
    return *key == '\0' || !strcmp(key, ".str");
}

static bool parse_texts(struct opts *o, SlirpConfig *cfg, GPtrArray *owned, struct error **errp)
{
    enum { BOOTP_FILE = 127, HOST_NAME = 33 };
    GPtrArray *search = g_ptr_array_new();

    for (size_t i = 0; i < o->n; i++)
        if (is_of_list(o->pair[i].key, "dnssearch"))
            g_ptr_array_add(search, o->pair[i].value);
    g_ptr_array_add(search, NULL);
    bool any = search->len > 1;
    cfg->vdnssearch = (const char **)(void *)g_ptr_array_free(search, FALSE);
    g_ptr_array_add(owned, (void *)cfg->vdnssearch);
    if (!any)
        cfg->vdnssearch = NULL;
    return get_text(o, "hostname", HOST_NAME, &cfg->vhostname, errp) &&
           get_text(o, "tftp-server-name", MAX_TEXT, &cfg->tftp_server_name, errp) &&
           get_text(o, "bootfile", BOOTP_FILE, &cfg->bootfile, errp) &&
           get_text(o, "domainname", MAX_TEXT, &cfg->vdomainname, errp);
}

static bool parse_tftp(struct opts *o, SlirpConfig *cfg, struct error **errp)
{
    cfg->tftp_path = opts_get(o, "tftp", NULL);
    if (!cfg->tftp_path || g_file_test(cfg->tftp_path, G_FILE_TEST_IS_DIR))
        return true;
    error_set(errp, "tftp=%s: it is not a directory", cfg->tftp_path);
    return false;
}

bool user_parse_config(struct user_net *u, struct opts *o, SlirpConfig *cfg, GPtrArray *owned,
                       struct error **errp)
{
    bool restricted;

    if (opts_get(o, "smbserver", NULL) && !opts_get(o, "smb", NULL)) {
        error_set(errp, "smbserver= says where the guest finds a share: wanted smb=DIR, too");
        return false;
    }
    if (!opts_get_bool(o, "restrict", false, &restricted, errp))
        return false;
    cfg->restricted = restricted;
    return parse_families(o, cfg, errp) && parse_ipv4(u, o, cfg, errp) &&
           parse_ipv6(o, cfg, errp) && parse_texts(o, cfg, owned, errp) && parse_tftp(o, cfg, errp);
}

const char *user_parse_endpoint(const char *text, struct user_endpoint *e)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;

    *e = (struct user_endpoint){0};
    if (!colon)
        return "a ':' is missing before the port";
    g_autofree char *host = g_strndup(text, (gsize)(colon - text));
    size_t n = strlen(host);
    if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        e->v6 = true;
        if (inet_pton(AF_INET6, host + 1, &e->ip6) != 1)
            return "not an IPv6 address in [ ]";
    } else if (n && inet_pton(AF_INET, host, &e->ip4) != 1) {
        return "not an IPv4 address";
    }
    if (!parse_uint(colon + 1, UINT16_MAX, &port, NULL))
        return "not a port number";
    e->port = (uint16_t)port;
    return NULL;
}

static int forward4(struct user_net *u, bool udp, const struct user_endpoint *h,
                    const struct user_endpoint *g, bool add)
{
    return add ? slirp_add_hostfwd(u->slirp, udp, h->ip4, h->port, g->ip4, g->port)
               : slirp_remove_hostfwd(u->slirp, udp, h->ip4, h->port);
}

static int forward6(struct user_net *u, bool udp, const struct user_endpoint *h,
                    const struct user_endpoint *g, bool add)
{
    struct sockaddr_in6 host = {
        .sin6_family = AF_INET6, .sin6_port = htons(h->port), .sin6_addr = h->ip6};
    struct sockaddr_in6 guest = {
        .sin6_family = AF_INET6, .sin6_port = htons(g->port), .sin6_addr = g->ip6};
    int flags = (udp ? SLIRP_HOSTFWD_UDP : 0) | SLIRP_HOSTFWD_V6ONLY;

    return add ? slirp_add_hostxfwd(u->slirp, (struct sockaddr *)&host, sizeof(host),
                                    (struct sockaddr *)&guest, sizeof(guest), flags)
               : slirp_remove_hostxfwd(u->slirp, (struct sockaddr *)&host, sizeof(host), flags);
}

static const char *check_rule(const char *host, const char *guest, struct user_endpoint *h,
                              struct user_endpoint *g)
{
    const char *wrong = user_parse_endpoint(host, h);

    if (wrong || !guest)
        return wrong;
    wrong = user_parse_endpoint(guest, g);
    if (wrong)
        return wrong;
    if (!g->port)
        return "the guest's port must not be 0";
    return h->v6 != g->v6 ? "both addresses must be of one family, IPv6 ones in [ ]" : NULL;
}

static const char RULES[] = "tcp:[HOSTADDR]:PORT-[GUESTADDR]:PORT or unix:PATH-[GUESTADDR]:PORT";

static bool bad_rule(const char *rule, const char *wrong, struct error **errp)
{
    error_set(errp, "hostfwd '%s': %s; wanted %s", rule, wrong, RULES);
    return false;
}

static bool failed_rule(const char *rule, bool add, struct error **errp)
{
    if (add)
        error_set(errp, "hostfwd '%s': could not listen there: %s", rule, g_strerror(errno));
    else
        error_set(errp, "hostfwd '%s': there is no such rule", rule);
    return false;
}

/* tcp|udp:[HOSTADDR]:PORT-[GUESTADDR]:PORT; for removal the part from '-' may be missing. */
static bool forward_inet(struct user_net *u, const char *rule, const char *at, bool udp, bool add,
                         struct error **errp)
{
    struct user_endpoint h, g = {0};
    const char *wrong = NULL;

    g_auto(GStrv) parts = g_strsplit(at, "-", 2);
    if (add && (!parts[0] || !parts[1]))
        wrong = "a '-' is missing between the host's and the guest's side";
    else
        wrong = check_rule(parts[0] ? parts[0] : "", add ? parts[1] : NULL, &h, &g);
    if (wrong)
        return bad_rule(rule, wrong, errp);
    errno = 0;
    int ret = h.v6 ? forward6(u, udp, &h, &g, add) : forward4(u, udp, &h, &g, add);
    return ret >= 0 || failed_rule(rule, add, errp);
}

/* A socket that was left by somebody who is gone. */
static void unlink_stale(const struct sockaddr_un *host)
{
    struct stat st;

    if (lstat(host->sun_path, &st) || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)host, sizeof(*host)) &&
        errno == ECONNREFUSED)
        unlink(host->sun_path);
    if (fd >= 0)
        close(fd);
}

static const char *parse_unix(char *text, bool add, struct sockaddr_un *host,
                              struct user_endpoint *g)
{
    char *dash = strrchr(text, '-'); /* paths may have some, too */

    if (add && !dash)
        return "a '-' is missing between the socket and the guest's side";
    const char *wrong = add ? user_parse_endpoint(dash + 1, g) : NULL;
    if (wrong)
        return wrong;
    if (add)
        *dash = '\0';
    if (add && !g->port)
        return "the guest's port must not be 0";
    if (!*text || strlen(text) >= sizeof(host->sun_path))
        return "a socket's path has 1 to 107 bytes";
    *host = (struct sockaddr_un){.sun_family = AF_UNIX};
    g_strlcpy(host->sun_path, text, sizeof(host->sun_path));
    return NULL;
}

static int listen_unix(struct user_net *u, const struct sockaddr_un *host,
                       const struct user_endpoint *g)
{
    const struct sockaddr_in guest4 = {
        .sin_family = AF_INET, .sin_port = htons(g->port), .sin_addr = g->ip4};
    const struct sockaddr_in6 guest6 = {
        .sin6_family = AF_INET6, .sin6_port = htons(g->port), .sin6_addr = g->ip6};

    unlink_stale(host);
    int ret = g->v6 ? slirp_add_hostxfwd(u->slirp, (const struct sockaddr *)host, sizeof(*host),
                                         (const struct sockaddr *)&guest6, sizeof(guest6), 0)
                    : slirp_add_hostxfwd(u->slirp, (const struct sockaddr *)host, sizeof(*host),
                                         (const struct sockaddr *)&guest4, sizeof(guest4), 0);
    if (ret >= 0)
        g_ptr_array_add(u->sockets, g_strdup(host->sun_path));
    return ret;
}

static int find_socket(const struct user_net *u, const char *path)
{
    for (guint i = 0; i < u->sockets->len; i++)
        if (!strcmp(g_ptr_array_index(u->sockets, i), path))
            return (int)i;
    return -1;
}

/* unix:PATH-[GUESTADDR]:PORT; for removal PATH alone. */
static bool forward_unix(struct user_net *u, const char *rule, bool add, struct error **errp)
{
    g_autofree char *text = g_strdup(rule + strlen("unix:"));
    struct sockaddr_un host;
    struct user_endpoint g;
    const char *wrong = parse_unix(text, add, &host, &g);

    if (wrong)
        return bad_rule(rule, wrong, errp);
    errno = 0;
    if (add)
        return listen_unix(u, &host, &g) >= 0 || failed_rule(rule, add, errp);
    int i = find_socket(u, host.sun_path);
    if (i < 0 || slirp_remove_hostxfwd(u->slirp, (struct sockaddr *)&host, sizeof(host), 0) < 0)
        return failed_rule(rule, add, errp);
    unlink(host.sun_path);
    g_ptr_array_remove_index(u->sockets, (guint)i);
    return true;
}

void user_unlink_sockets(struct user_net *u)
{
    for (guint i = 0; i < u->sockets->len; i++)
        unlink(g_ptr_array_index(u->sockets, i));
    g_ptr_array_unref(u->sockets);
}

bool user_hostfwd(struct user_net *u, const char *rule, bool add, struct error **errp)
{
    bool udp = g_str_has_prefix(rule, "udp:");

    if (g_str_has_prefix(rule, "unix:"))
        return forward_unix(u, rule, add, errp);
    if (*rule == ':')
        return forward_inet(u, rule, rule + 1, false, add, errp);
    if (udp || g_str_has_prefix(rule, "tcp:"))
        return forward_inet(u, rule, rule + strlen("tcp:"), udp, add, errp);
    error_set(errp, "hostfwd '%s': wanted tcp or udp or unix first: %s", rule, RULES);
    return false;
}

bool user_add_rules(struct user_net *u, struct opts *o, struct error **errp)
{
    for (size_t i = 0; i < o->n; i++) {
        const struct opt_pair *p = &o->pair[i];
        if (is_of_list(p->key, "hostfwd") && !user_hostfwd(u, p->value, true, errp))
            return false;
        if (is_of_list(p->key, "guestfwd") && !user_guestfwd(u, p->value, errp))
            return false;
    }
    const char *smb = opts_get(o, "smb", NULL);
    return !smb || user_share(u, smb, opts_get(o, "smbserver", NULL), errp);
}
