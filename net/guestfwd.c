/*
 * guestfwd: servers that a guest finds at an address of its network: a program that is started for
 * each connection, or a character device of the host, which is one stream for good.
 */
#include "chardev/chardev.h"
#include "net/slirp_priv.h"
#include "util/log.h"

#include <stdatomic.h>
#include <string.h>

enum { LAG_BYTES = 4 << 20 }; /* what may wait for a character device */

struct user_forward {
    struct user_net *u;
    struct in_addr addr;
    int port;
    struct chardev *chardev;
    bool own;        /* made for this rule */
    bool wants_room; /* input waits for the guest; under u->lock */
    struct user_forward *next;
};

/* From the guest, in the network's thread, u->lock held. */
static ssize_t forward_write(const void *buf, size_t n, void *opaque)
{
    struct user_forward *w = opaque;

    chardev_write_all(w->chardev, buf, n);
    return (ssize_t)n;
}

/* To the guest: as much as its connection has room for, nothing while there is none. */
static size_t forward_receive(void *opaque, const uint8_t *buf, size_t n)
{
    struct user_forward *w = opaque;
    struct user_net *u = w->u;

    mutex_lock(&u->lock);
    size_t room = slirp_socket_can_recv(u->slirp, w->addr, w->port);
    n = MIN(n, room);
    if (n)
        slirp_socket_recv(u->slirp, w->addr, w->port, buf, (int)n);
    w->wants_room = true;
    mutex_unlock(&u->lock);
    if (n)
        user_kick(u);
    return n;
}

static const struct chardev_user forward_user = {.name = "a guestfwd", .receive = forward_receive};

bool user_forwards_lag(const struct user_net *u)
{
    for (const struct user_forward *w = u->forwards; w; w = w->next)
        if (chardev_backlog(w->chardev) > LAG_BYTES)
            return true;
    return false;
}

void user_forwards_resume(struct user_net *u)
{
    for (struct user_forward *w = u->forwards; w; w = w->next)
        if (w->wants_room && slirp_socket_can_recv(u->slirp, w->addr, w->port)) {
            w->wants_room = false;
            chardev_resume(w->chardev);
        }
}

static void end_forward(struct user_forward *w)
{
    struct error *err = NULL;

    chardev_detach_user(w->chardev, w);
    if (w->own && !chardev_remove(w->chardev, &err)) {
        log_warn("guestfwd: %s", error_text(err));
        error_free(err);
    }
    g_free(w);
}

void user_free_forwards(struct user_net *u)
{
    while (u->forwards) {
        struct user_forward *w = u->forwards;
        u->forwards = w->next;
        end_forward(w);
    }
}

static bool not_there(struct error **errp)
{
    error_set(errp, "the address is not in the guest's network, or in use");
    return false;
}

static bool forward_to_chardev(struct user_net *u, const char *target, struct user_endpoint *e,
                               struct error **errp)
{
    struct chardev *named = chardev_find(target);
    bool own = !named && !g_str_has_prefix(target, "chardev:");
    struct chardev *c = named ? named : chardev_new_legacy(NULL, target, errp);

    if (!c)
        return false;
    struct user_forward *w = g_new0(struct user_forward, 1);
    *w = (struct user_forward){.u = u, .chardev = c, .port = e->port, .own = own};
    if (!chardev_attach_user(c, &forward_user, w, errp)) {
        g_free(w);
        return false;
    }
    if (slirp_add_guestfwd(u->slirp, forward_write, w, &e->ip4, e->port) < 0) {
        end_forward(w);
        return not_there(errp);
    }
    w->addr = e->ip4; /* filled in when it was left out */
    w->next = u->forwards;
    u->forwards = w;
    return true;
}

static bool forward_to(struct user_net *u, const char *target, struct user_endpoint *e,
                       struct error **errp)
{
    if (!g_str_has_prefix(target, "cmd:"))
        return forward_to_chardev(u, target, e, errp);
    if (!target[4]) {
        error_set(errp, "wanted a command after 'cmd:'");
        return false;
    }
    return slirp_add_exec(u->slirp, target + 4, &e->ip4, e->port) >= 0 || not_there(errp);
}

/* What is wrong with "[tcp]:[ADDR]:PORT", or NULL. */
static const char *parse_server(const char *server, struct user_endpoint *e)
{
    const char *wrong = user_parse_endpoint(server, e);

    if (wrong)
        return wrong;
    if (e->v6)
        return "only IPv4 addresses can be forwarded";
    return e->port ? NULL : "the port must not be 0";
}

bool user_guestfwd(struct user_net *u, const char *rule, struct error **errp)
{
    const char *dash = strchr(rule, '-');
    size_t kind = g_str_has_prefix(rule, "tcp:") ? 4 : g_str_has_prefix(rule, ":") ? 1 : 0;
    struct user_endpoint e;
    bool ok = false;

    if (!kind || !dash || !dash[1]) {
        error_set(errp, "wanted tcp:[ADDR]:PORT-TARGET, where TARGET is cmd:COMMAND, the id of a "
                        "-chardev, or a device as -serial takes it, such as tcp:HOST:PORT");
    } else {
        g_autofree char *server = g_strndup(rule + kind, (gsize)(dash - rule) - kind);
        const char *wrong = parse_server(server, &e);
        if (wrong)
            error_set(errp, "%s", wrong);
        else
            ok = forward_to(u, dash + 1, &e, errp);
    }
    if (!ok)
        error_prefix(errp, "guestfwd '%s'", rule);
    return ok;
}
