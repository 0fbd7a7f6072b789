/*
 * -netdev tap and bridge: a TAP interface of the host.
 * Ref: Linux Documentation/networking/tuntap.rst; the header in front of frames is virtio's.
 */
#include "net/net_priv.h"
#include "net/offload.h"
#include "util/bits.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { VNET_HDR = 10, FRAMES_PER_TURN = 64, MAX_IOV = 1024 };

struct tap_net {
    struct net_client *client;
    int fd;
    bool vnet_hdr;
    char *ifname, *script, *downscript; /* downscript: only in the first of several queues */
    uint8_t *in;
    GSource *in_watch;

    struct mutex lock; /* the back end's: guards out_watch */
    GSource *out_watch;
};

static gboolean out_ready(gint fd UNUSED, GIOCondition cond UNUSED, gpointer opaque)
{
    struct tap_net *t = opaque;

    mutex_lock(&t->lock);
    if (t->out_watch)
        g_source_destroy(t->out_watch);
    g_clear_pointer(&t->out_watch, g_source_unref);
    mutex_unlock(&t->lock);
    net_writable(t->client);
    return G_SOURCE_REMOVE;
}

static void wait_for_room(struct tap_net *t)
{
    mutex_lock(&t->lock);
    if (!t->out_watch)
        t->out_watch = net_watch(t->fd, G_IO_OUT, out_ready, t);
    mutex_unlock(&t->lock);
}

static bool tap_send(struct net_client *c, const struct net_frame *f)
{
    struct tap_net *t = c->opaque;
    uint8_t head[VNET_HDR];
    struct iovec iov[MAX_IOV];
    unsigned n = 0;

    if (t->vnet_hdr) {
        net_hdr_store(head, &f->hdr);
        iov[n++] = (struct iovec){head, VNET_HDR};
    }
    if (f->niov > MAX_IOV - n)
        return true; /* more pieces than the host takes */
    memcpy(iov + n, f->iov, f->niov * sizeof(*iov));
    ssize_t ret;
    do
        ret = writev(t->fd, iov, (int)(n + f->niov));
    while (ret < 0 && errno == EINTR);
    if (ret >= 0 || errno != EAGAIN)
        return true; /* an interface that is down loses frames */
    wait_for_room(t);
    return false;
}

static bool read_one(struct tap_net *t)
{
    size_t hdr = t->vnet_hdr ? VNET_HDR : 0;
    ssize_t n = read(t->fd, t->in, VNET_HDR + NET_MAX_FRAME);

    if (n < (ssize_t)(hdr + NET_ETH_HEADER))
        return n >= 0;
    struct iovec iov = {t->in + hdr, (size_t)n - hdr};
    struct net_frame f = {&iov, 1, iov.iov_len, {0}};
    const uint8_t *p = t->in;
    if (t->vnet_hdr) {
        net_hdr_load(&f.hdr, p);
        f.hdr.flags &= NET_HDR_NEEDS_CSUM | NET_HDR_DATA_VALID;
    }
    net_send(t->client, &f);
    return true;
}

static gboolean in_ready(gint fd UNUSED, GIOCondition cond UNUSED, gpointer opaque)
{
    struct tap_net *t = opaque;
    unsigned n = 0;

    while (n++ < FRAMES_PER_TURN && net_can_send(t->client))
        if (!read_one(t))
            break;
    net_burst_end(t->client);
    if (net_can_send(t->client))
        return G_SOURCE_CONTINUE;
    g_clear_pointer(&t->in_watch, g_source_unref); /* tap_resume() comes back to it */
    return G_SOURCE_REMOVE;
}

static void tap_resume(struct net_client *c)
{
    struct tap_net *t = c->opaque;

    if (!t->in_watch)
        t->in_watch = net_watch(t->fd, G_IO_IN, in_ready, t);
}

static void start(void *opaque)
{
    tap_resume(((struct tap_net *)opaque)->client);
}

static void stop(void *opaque)
{
    struct tap_net *t = opaque;
    GSource **const watches[] = {&t->in_watch, &t->out_watch};

    for (size_t i = 0; i < G_N_ELEMENTS(watches); i++) {
        if (*watches[i])
            g_source_destroy(*watches[i]);
        g_clear_pointer(watches[i], g_source_unref);
    }
}

/* Run SCRIPT IFNAME. */
static bool run_script(const char *script, const char *ifname, struct error **errp)
{
    const char *const argv[] = {script, ifname, NULL};
    g_autoptr(GError) err = NULL;
    int status;

    if (!g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_CHILD_INHERITS_STDIN, NULL,
                      NULL, NULL, NULL, &status, &err)) {
        error_set(errp, "could not run script '%s': %s", script, err->message);
        return false;
    }
    if (g_spawn_check_wait_status(status, &err))
        return true;
    error_set(errp, "script '%s %s' failed: %s", script, ifname, err->message);
    return false;
}

static void tap_free(struct tap_net *t)
{
    if (t->downscript) {
        struct error *err = NULL;
        if (!run_script(t->downscript, t->ifname, &err)) {
            log_warn("netdev '%s': %s", t->client->name, error_text(err));
            error_free(err);
        }
    }
    close(t->fd);
    g_free(t->ifname);
    g_free(t->script);
    g_free(t->downscript);
    g_free(t->in);
    mutex_fini(&t->lock);
    g_free(t);
}

static void tap_close(struct net_client *c)
{
    net_context_sync(stop, c->opaque);
    tap_free(c->opaque);
}

static char *tap_info(struct net_client *c)
{
    const struct tap_net *t = c->opaque;

    return g_strdup_printf("ifname=%s,script=%s,downscript=%s", t->ifname,
                           t->script ? t->script : "no", t->downscript ? t->downscript : "no");
}

static const struct net_client_ops tap_ops = {
    .type = "tap",
    .send = tap_send,
    .resume = tap_resume,
    .info = tap_info,
    .close = tap_close,
};

/* What of unfinished frames the kernel gives and takes.  Older kernels know UFO, newer do not. */
static void set_offloads(int fd)
{
    unsigned all = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    int size = VNET_HDR;

    ioctl(fd, TUNSETVNETHDRSZ, &size);
    if (ioctl(fd, TUNSETOFFLOAD, all | TUN_F_UFO) && ioctl(fd, TUNSETOFFLOAD, all))
        ioctl(fd, TUNSETOFFLOAD, 0);
}

static void add_queue(const char *id, unsigned index, int fd, const char *ifname,
                      const char *script, const char *downscript)
{
    struct tap_net *t = g_new0(struct tap_net, 1);
    struct ifreq ifr = {0};

    t->fd = fd;
    t->vnet_hdr = ioctl(fd, TUNGETIFF, &ifr) == 0 && (ifr.ifr_flags & IFF_VNET_HDR);
    t->ifname = g_strdup(*ifr.ifr_name ? ifr.ifr_name : ifname);
    t->script = g_strdup(script);
    t->downscript = g_strdup(downscript);
    t->in = g_malloc(VNET_HDR + NET_MAX_FRAME);
    mutex_init(&t->lock);
    if (t->vnet_hdr)
        set_offloads(fd);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    t->client = net_client_new(&tap_ops, id, index, t->vnet_hdr ? NET_CAP_ALL : 0, t);
    net_context_sync(start, t);
}

static int open_tap(char *ifname, bool vnet_hdr, bool multi, struct error **errp)
{
    struct ifreq ifr = {0};
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

    if (fd < 0) {
        error_set(errp, "could not open /dev/net/tun: %s", g_strerror(errno));
        return -1;
    }
    ifr.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | (vnet_hdr ? IFF_VNET_HDR : 0) |
                            (multi ? IFF_MULTI_QUEUE : 0));
    g_strlcpy(ifr.ifr_name, *ifname ? ifname : "tap%d", IFNAMSIZ);
    if (ioctl(fd, TUNSETIFF, &ifr) == 0) {
        g_strlcpy(ifname, ifr.ifr_name, IFNAMSIZ);
        return fd;
    }
    error_set(errp, "could not use interface '%s': %s", ifr.ifr_name, g_strerror(errno));
    if (errno == EPERM)
        error_append(errp,
                     "; it needs the right to configure networks, or an interface made for you "
                     "('ip tuntap add mode tap user NAME')");
    close(fd);
    return -1;
}

/* "3:4:5"; fd= is one. */
static bool open_fds(const char *id, const char *list, const char *vhost, struct error **errp)
{
    g_auto(GStrv) words = g_strsplit(list, ":", NET_MAX_QUEUES + 1);
    unsigned n = g_strv_length(words);
    int fds[NET_MAX_QUEUES];

    if (n > NET_MAX_QUEUES || n == 0) {
        error_set(errp, "fds=%s: wanted 1 to %d", list, NET_MAX_QUEUES);
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t fd;
        struct ifreq ifr = {0};
        if (!parse_uint(words[i], INT32_MAX, &fd, NULL) || ioctl((int)fd, TUNGETIFF, &ifr)) {
            error_set(errp, "file %s is not an open TAP interface", words[i]);
            return false;
        }
        fds[i] = (int)fd;
    }
    for (unsigned i = 0; i < n; i++)
        add_queue(id, i, fds[i], "", NULL, NULL);
    if (vhost)
        close(atoi(vhost));
    return true;
}

/* The script to run: "no" means none; without a word the usual one, if it exists. */
static const char *script_of(struct opts *o, const char *key, const char *def)
{
    const char *value = opts_get(o, key, NULL);

    if (!value)
        return g_file_test(def, G_FILE_TEST_IS_EXECUTABLE) ? def : NULL;
    return *value && strcmp(value, "no") ? value : NULL;
}

static bool open_queues(struct opts *o, const char *id, unsigned queues, struct error **errp)
{
    const char *up = script_of(o, "script", "/etc/qemu-ifup"),
               *down = script_of(o, "downscript", "/etc/qemu-ifdown");
    char ifname[IFNAMSIZ];
    int fds[NET_MAX_QUEUES];
    bool vnet_hdr;
    unsigned n = 0;

    if (!opts_get_bool(o, "vnet_hdr", true, &vnet_hdr, errp))
        return false;
    if (g_strlcpy(ifname, opts_get(o, "ifname", ""), IFNAMSIZ) >= IFNAMSIZ) {
        error_set(errp, "ifname is longer than %d characters", IFNAMSIZ - 1);
        return false;
    }
    while (n < queues && (fds[n] = open_tap(ifname, vnet_hdr, queues > 1, errp)) >= 0)
        n++;
    if (n < queues || (up && !run_script(up, ifname, errp))) {
        while (n)
            close(fds[--n]);
        return false;
    }
    for (unsigned i = 0; i < queues; i++)
        add_queue(id, i, fds[i], ifname, up, i ? NULL : down);
    return true;
}

/* The helper sends back an open interface that it put on the bridge. */
static int receive_fd(int sock)
{
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec iov = {&byte, 1};
    struct msghdr m = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof(control)};
    ssize_t n;
    int fd = -1;

    do
        n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(c), sizeof(int));
    return fd;
}

static void keep_open(gpointer fd)
{
    fcntl(GPOINTER_TO_INT(fd), F_SETFD, 0);
}

static int run_helper(const char *helper, const char *bridge, struct error **errp)
{
    g_autoptr(GError) err = NULL;
    int pair[2], fd = -1, status = 0;
    GPid pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        error_set(errp, "could not make a socket: %s", g_strerror(errno));
        return -1;
    }
    g_autofree char *fd_arg = g_strdup_printf("--fd=%d", pair[1]),
                    *br_arg = g_strdup_printf("--br=%s", bridge);
    const char *const argv[] = {helper, "--use-vnet", fd_arg, br_arg, NULL};
    if (g_spawn_async(NULL, (char **)(uintptr_t)argv, NULL,
                      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_LEAVE_DESCRIPTORS_OPEN, keep_open,
                      GINT_TO_POINTER(pair[1]), &pid, &err)) {
        close(pair[1]);
        fd = receive_fd(pair[0]);
        waitpid(pid, &status, 0);
        if (fd < 0)
            error_set(errp, "helper '%s' could not give an interface on bridge '%s'", helper,
                      bridge);
    } else {
        close(pair[1]);
        error_set(errp, "could not run helper '%s': %s", helper, err->message);
    }
    close(pair[0]);
    return fd;
}

static bool open_bridge(struct opts *o, const char *id, struct error **errp)
{
    const char *helper = opts_get(o, "helper", "/usr/lib/qemu/qemu-bridge-helper"),
               *bridge = opts_get(o, "br", "br0");
    int fd = run_helper(helper, bridge, errp);

    if (fd < 0)
        return false;
    add_queue(id, 0, fd, bridge, NULL, NULL);
    return true;
}

/* Frames always pass through this process: vhost is a promise that cannot be kept. */
static bool check_vhost(struct opts *o, const char *id, struct error **errp)
{
    bool vhost, force;

    if (!opts_get_bool(o, "vhost", false, &vhost, errp) ||
        !opts_get_bool(o, "vhostforce", false, &force, errp))
        return false;
    if (force) {
        error_set(errp, "vhostforce=on: there is no vhost here; leave it out");
        return false;
    }
    if (vhost)
        log_warn("netdev '%s': vhost=on has no effect: frames pass through the emulator", id);
    return true;
}

static bool tap_open(struct opts *o, const char *id, struct error **errp)
{
    static const char *const made[] = {"ifname", "script", "downscript", "vnet_hdr",
                                       "helper", "queues", NULL};
    const char *fd = opts_get(o, "fd", NULL), *fds = opts_get(o, "fds", NULL);
    uint64_t queues, sndbuf;

    if (!check_vhost(o, id, errp) ||
        !opts_get_uint(o, "queues", NET_MAX_QUEUES, 1, &queues, errp) ||
        !opts_get_size(o, "sndbuf", 0, &sndbuf, errp))
        return false;
    for (const char *const *k = made; *k && (fd || fds); k++)
        if (opts_get(o, *k, NULL)) {
            error_set(errp, "%s= cannot be given with %s=: the interface is open already", *k,
                      fd ? "fd" : "fds");
            return false;
        }
    if (fd && fds) {
        error_set(errp, "wanted fd= or fds=, not both");
        return false;
    }
    if (fd || fds)
        return open_fds(id, fd ? fd : fds, opts_get(o, "vhostfd", NULL), errp);
    if (opts_get(o, "helper", NULL))
        return open_bridge(o, id, errp);
    if (!queues) {
        error_set(errp, "queues must be at least 1");
        return false;
    }
    return open_queues(o, id, (unsigned)queues, errp);
}

static const char *const tap_options[] = {
    "ifname", "script", "downscript", "fd",      "fds",        "queues",   "vnet_hdr", "helper",
    "br",     "sndbuf", "vhost",      "vhostfd", "vhostforce", "vhostfds", "poll-us",  NULL};

const struct net_driver net_driver_tap = {
    .name = "tap",
    .help = "[,ifname=NAME][,script=FILE|no][,downscript=FILE|no][,queues=N] | fd=N: a TAP "
            "interface of the host",
    .options = tap_options,
    .open = tap_open,
};

static const char *const bridge_options[] = {"br", "helper", NULL};

const struct net_driver net_driver_bridge = {
    .name = "bridge",
    .help =
        "[,br=NAME][,helper=PROGRAM]: an interface on a bridge of the host, by a privileged helper",
    .options = bridge_options,
    .open = open_bridge,
};
