/* Addresses of saved machines: parsing, connecting, listening. */
#include "snapshot/uri.h"

#include "util/optparse.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- parsing ---- */

static const struct {
    const char *prefix;
    enum uri_kind kind;
} kinds[] = {
    {"file:", URI_FILE}, {"exec:", URI_EXEC}, {"fd:", URI_FD},
    {"unix:", URI_UNIX}, {"tcp:", URI_TCP},
};

static bool parse_file(const char *rest, struct migrate_uri *u, struct error **errp)
{
    static const char *const keys[] = {"path", "offset", "verify", NULL};
    struct opts *o = opts_parse(rest, "path");
    const char *path = opts_get(o, "path", "");
    bool verify = true, ok = false;

    if (!*path)
        error_set(errp, "wanted file:PATH");
    else
        ok = opts_get_size(o, "offset", 0, &u->offset, errp) &&
             opts_get_bool(o, "verify", true, &verify, errp) && opts_check_used(o, keys, errp);
    if (ok && u->offset > INT64_MAX / 4) {
        error_set(errp, "offset is too large");
        ok = false;
    }
    u->skip_verify = !verify;
    u->text = g_strdup(path);
    opts_free(o);
    return ok;
}

/* HOST:PORT, [IPv6]:PORT, :PORT; options that other programs have behind it change nothing here. */
static bool parse_tcp(const char *rest, struct migrate_uri *u, struct error **errp)
{
    size_t n = strcspn(rest, ",");
    const char *colon = g_strrstr_len(rest, (gssize)n, ":");

    if (colon == NULL || colon + 1 == rest + n) {
        error_set(errp, "wanted tcp:HOST:PORT, found 'tcp:%s'", rest);
        return false;
    }
    bool brackets = rest[0] == '[' && colon > rest + 1 && colon[-1] == ']';
    u->text = g_strndup(rest + brackets, (gsize)(colon - rest) - 2 * brackets);
    u->port = g_strndup(colon + 1, (gsize)(rest + n - colon) - 1);
    return true;
}

static bool parse_rest(const char *rest, struct migrate_uri *u, struct error **errp)
{
    switch (u->kind) {
    case URI_FILE: return parse_file(rest, u, errp);
    case URI_TCP: return parse_tcp(rest, u, errp);
    case URI_EXEC:
    case URI_FD:
    case URI_UNIX: break;
    }
    u->text = g_strdup(rest);
    if (*rest)
        return true;
    error_set(errp, "wanted something behind the ':'");
    return false;
}

bool migrate_uri_parse(const char *text, struct migrate_uri *u, struct error **errp)
{
    *u = (struct migrate_uri){0};
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (!g_str_has_prefix(text, kinds[i].prefix))
            continue;
        u->kind = kinds[i].kind;
        if (parse_rest(text + strlen(kinds[i].prefix), u, errp))
            return true;
        error_prefix(errp, "'%s'", text);
        migrate_uri_fini(u);
        return false;
    }
    error_set(errp,
              "'%s' is no address of a state: wanted file:PATH, exec:COMMAND, fd:NAME, "
              "unix:PATH or tcp:HOST:PORT",
              text);
    return false;
}

void migrate_uri_fini(struct migrate_uri *u)
{
    g_free(u->text);
    g_free(u->port);
    *u = (struct migrate_uri){0};
}

/* ---- sockets ---- */

bool migrate_wait(int fd, short events, int cancel_fd)
{
    struct pollfd p[2] = {{.fd = fd, .events = events}, {.fd = cancel_fd, .events = POLLIN}};

    while (poll(p, 2, -1) < 0 && errno == EINTR)
        continue;
    return !(p[1].revents & POLLIN);
}

static bool unix_address(const struct migrate_uri *u, struct sockaddr_un *sun, struct error **errp)
{
    *sun = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(u->text) < sizeof(sun->sun_path)) {
        g_strlcpy(sun->sun_path, u->text, sizeof(sun->sun_path));
        return true;
    }
    error_set(errp, "socket path '%s' has more than %zu bytes", u->text, sizeof(sun->sun_path) - 1);
    return false;
}

static struct addrinfo *tcp_addresses(const struct migrate_uri *u, bool passive,
                                      struct error **errp)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = passive ? AI_PASSIVE : 0};
    struct addrinfo *list = NULL;
    int ret = getaddrinfo(*u->text ? u->text : NULL, u->port, &hints, &list);

    if (ret == 0)
        return list;
    error_set(errp, "tcp:%s:%s: %s", u->text, u->port, gai_strerror(ret));
    return NULL;
}

/* Finish a connection that was begun without blocking; 0 or an errno. */
static int await_connection(int fd, int cancel_fd)
{
    int why = 0;
    socklen_t n = sizeof(why);

    if (!migrate_wait(fd, POLLOUT, cancel_fd))
        return ECANCELED;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &n) < 0 ? errno : why;
}

static int connect_to(const struct sockaddr *addr, socklen_t len, int cancel_fd, int *why)
{
    int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    *why = fd < 0 ? errno : 0;
    if (fd >= 0 && connect(fd, addr, len) < 0)
        *why = errno == EINPROGRESS ? await_connection(fd, cancel_fd) : errno;
    if (*why == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int connect_unix(const struct migrate_uri *u, int cancel_fd, struct error **errp)
{
    struct sockaddr_un sun;
    int why;

    if (!unix_address(u, &sun, errp))
        return -1;
    int fd = connect_to((struct sockaddr *)&sun, sizeof(sun), cancel_fd, &why);
    if (fd < 0)
        error_set(errp, "could not connect to 'unix:%s': %s", u->text, g_strerror(why));
    return fd;
}

static int connect_tcp(const struct migrate_uri *u, int cancel_fd, struct error **errp)
{
    struct addrinfo *list = tcp_addresses(u, false, errp);
    int fd = -1, why = 0;

    for (const struct addrinfo *a = list; a && fd < 0 && why != ECANCELED; a = a->ai_next)
        fd = connect_to(a->ai_addr, a->ai_addrlen, cancel_fd, &why);
    if (list && fd < 0)
        error_set(errp, "could not connect to 'tcp:%s:%s': %s", u->text, u->port, g_strerror(why));
    if (list)
        freeaddrinfo(list);
    return fd;
}

int migrate_uri_connect(const struct migrate_uri *u, int cancel_fd, struct error **errp)
{
    return u->kind == URI_UNIX ? connect_unix(u, cancel_fd, errp) : connect_tcp(u, cancel_fd, errp);
}

static int listen_at(const struct sockaddr *addr, socklen_t len, int *why)
{
    int on = 1, fd = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd >= 0 && bind(fd, addr, len) == 0 && listen(fd, 1) == 0)
        return fd;
    *why = errno;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* A socket that an earlier process left is in the way; anything else is not ours to remove. */
static void remove_stale_socket(const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
}

static int listen_unix(const struct migrate_uri *u, struct error **errp)
{
    struct sockaddr_un sun;
    int why = 0;

    if (!unix_address(u, &sun, errp))
        return -1;
    remove_stale_socket(u->text);
    int fd = listen_at((struct sockaddr *)&sun, sizeof(sun), &why);
    if (fd < 0)
        error_set(errp, "could not listen on 'unix:%s': %s", u->text, g_strerror(why));
    return fd;
}

static int listen_tcp(const struct migrate_uri *u, struct error **errp)
{
    struct addrinfo *list = tcp_addresses(u, true, errp);
    int fd = -1, why = 0;

    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = listen_at(a->ai_addr, a->ai_addrlen, &why);
    if (list && fd < 0)
        error_set(errp, "could not listen on 'tcp:%s:%s': %s", u->text, u->port, g_strerror(why));
    if (list)
        freeaddrinfo(list);
    return fd;
}

int migrate_uri_listen(const struct migrate_uri *u, struct error **errp)
{
    return u->kind == URI_UNIX ? listen_unix(u, errp) : listen_tcp(u, errp);
}
