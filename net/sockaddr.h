/* Socket addresses as -netdev socket, stream and dgram write them. */
#ifndef NET_SOCKADDR_H
#define NET_SOCKADDR_H

#include "net/net_priv.h"

#include <sys/socket.h>

struct net_address {
    struct sockaddr_storage sa;
    socklen_t len;
    int fd;     /* type=fd: a socket that was opened for us; else -1 */
    char *text; /* for messages and `info network`; g_free it */
};

/* "HOST:PORT" or ":PORT"; socktype as for socket(). */
bool net_address_parse(const char *text, int socktype, bool passive, struct net_address *a,
                       struct error **errp);
/* PREFIX.type=inet|unix|fd with .host, .port, .ipv4, .ipv6; .path, .abstract; .str. */
bool net_address_from_opts(struct opts *o, const char *prefix, int socktype, bool passive,
                           struct net_address *a, struct error **errp);
void net_address_clear(struct net_address *a);
bool net_address_is_multicast(const struct net_address *a);
/* A socket that someone opened for us, by its number: checked for its type (a SOCK_*, or 0: any).
 */
bool net_check_fd(const char *text, int socktype, int *fd, struct error **errp);
/* How it looks in messages; g_free it. */
char *net_address_show(const struct sockaddr_storage *sa);

#endif
