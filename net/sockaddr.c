/* Socket addresses. */
#include "net/sockaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static bool resolve(const char *host, const char *port, int family, int socktype, bool passive,
                    struct net_address *a, struct error **errp)
{
    struct addrinfo hints = {
        .ai_family = family, .ai_socktype = socktype, .ai_flags = passive ? AI_PASSIVE : 0};
    struct addrinfo *list = NULL;
    uint64_t number;

    if (!parse_uint(port, UINT16_MAX, &number, NULL)) {
        error_set(errp, "'%s' is not a port number", port);
        return false;
    }
    int ret = getaddrinfo(*host ? host : NULL, port, &hints, &list);
    if (ret) {
        error_set(errp, "could not resolve '%s': %s", host, gai_strerror(ret));
        return false;
    }
    memcpy(&a->sa, list->ai_addr, list->ai_addrlen);
    a->len = list->ai_addrlen;
    a->fd = -1;
    a->text = g_strdup_printf("%s:%s", host, port);
    freeaddrinfo(list);
    return true;
}

bool net_address_parse(const char *text, int socktype, bool passive, struct net_address *a,
                       struct error **errp)
{
    const char *colon = strrchr(text, ':');

    if (!colon) {
        error_set(errp, "'%s': wanted HOST:PORT", text);
        return false;
    }
    g_autofree char *host = g_strndup(text, (gsize)(colon - text));
    size_t n = strlen(host);
    if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        return resolve(host + 1, colon + 1, AF_INET6, socktype, passive, a, errp);
    }
    return resolve(host, colon + 1, AF_INET, socktype, passive, a, errp);
}

static bool unix_address(const char *path, bool is_abstract, struct net_address *a,
                         struct error **errp)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t n = strlen(path), shift = is_abstract;

    if (n + shift >= sizeof(un.sun_path)) {
        error_set(errp, "path '%s' is too long for a socket, at most %zu bytes fit", path,
                  sizeof(un.sun_path) - 1);
        return false;
    }
    memcpy(un.sun_path + shift, path, n);
    memcpy(&a->sa, &un, sizeof(un));
    a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + shift + n + !shift);
    a->fd = -1;
    a->text = g_strdup(path);
    return true;
}

bool net_check_fd(const char *text, int socktype, int *fd, struct error **errp)
{
    uint64_t number;
    int type;
    socklen_t len = sizeof(type);

    if (!parse_uint(text, INT32_MAX, &number, NULL)) {
        error_set(errp, "'%s' is not the number of an open file", text);
        return false;
    }
    *fd = (int)number;
    if (fcntl(*fd, F_GETFD) < 0) {
        error_set(errp, "file %d is not open", *fd);
        return false;
    }
    if (getsockopt(*fd, SOL_SOCKET, SO_TYPE, &type, &len) || (socktype && type != socktype)) {
        error_set(errp, "file %d is not a %ssocket", *fd,
                  socktype == SOCK_STREAM  ? "stream "
                  : socktype == SOCK_DGRAM ? "datagram "
                                           : "");
        return false;
    }
    return true;
}

static const char *member(struct opts *o, const char *prefix, const char *key, const char *def)
{
    g_autofree char *name = g_strdup_printf("%s.%s", prefix, key);

    return opts_get(o, name, def);
}

static bool flag(struct opts *o, const char *prefix, const char *key, bool def, bool *out,
                 struct error **errp)
{
    g_autofree char *name = g_strdup_printf("%s.%s", prefix, key);

    return opts_get_bool(o, name, def, out, errp);
}

static bool inet_address(struct opts *o, const char *prefix, int socktype, bool passive,
                         struct net_address *a, struct error **errp)
{
    const char *host = member(o, prefix, "host", ""), *port = member(o, prefix, "port", NULL);
    bool v4, v6;

    if (!port) {
        error_set(errp, "%s.port is missing", prefix);
        return false;
    }
    if (!flag(o, prefix, "ipv4", false, &v4, errp) || !flag(o, prefix, "ipv6", false, &v6, errp))
        return false;
    return resolve(host, port,
                   v4 == v6 ? AF_UNSPEC
                   : v4     ? AF_INET
                            : AF_INET6,
                   socktype, passive, a, errp);
}

bool net_address_from_opts(struct opts *o, const char *prefix, int socktype, bool passive,
                           struct net_address *a, struct error **errp)
{
    const char *type = member(o, prefix, "type", NULL), *path = member(o, prefix, "path", NULL);
    const char *str = member(o, prefix, "str", NULL);
    bool is_abstract;

    *a = (struct net_address){.fd = -1};
    if (!flag(o, prefix, "abstract", false, &is_abstract, errp))
        return false;
    if (type && !strcmp(type, "inet"))
        return inet_address(o, prefix, socktype, passive, a, errp);
    if (type && !strcmp(type, "unix") && path)
        return unix_address(path, is_abstract, a, errp);
    if (type && !strcmp(type, "fd") && str) {
        a->text = g_strdup_printf("fd:%s", str);
        return net_check_fd(str, socktype, &a->fd, errp);
    }
    error_set(errp,
              "wanted %s.type=inet with .host and .port, %s.type=unix with .path, or %s.type=fd "
              "with .str",
              prefix, prefix, prefix);
    return false;
}

void net_address_clear(struct net_address *a)
{
    g_clear_pointer(&a->text, g_free);
}

bool net_address_is_multicast(const struct net_address *a)
{
    return a->fd < 0 && a->sa.ss_family == AF_INET &&
           IN_MULTICAST(ntohl(((const struct sockaddr_in *)(const void *)&a->sa)->sin_addr.s_addr));
}

char *net_address_show(const struct sockaddr_storage *sa)
{
    char text[INET6_ADDRSTRLEN] = "";

    if (sa->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
        return g_strdup_printf("%s:%u", text, ntohs(in->sin_port));
    }
    if (sa->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)sa;
        inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof(text));
        return g_strdup_printf("[%s]:%u", text, ntohs(in->sin6_port));
    }
    return g_strdup("unix");
}
