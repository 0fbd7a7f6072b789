/* A pseudo-terminal.  Ref: pty(7).  While nobody has the other side open, its end hangs up; we look
 * again by timer. */
#include "chardev/chardev_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

enum { LOOK_MS = 100 };

struct pty {
    int fd;
    uint16_t cols, rows; /* at the last look */
    guint timer;
    char *link; /* ours to remove, or NULL */
};

static bool other_side_open(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    return poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP);
}

static gboolean on_look(gpointer opaque)
{
    struct chardev *c = opaque;
    struct pty *p = c->priv;

    if (!other_side_open(p->fd))
        return G_SOURCE_CONTINUE;
    p->timer = 0;
    chardev_connect(c, p->fd, p->fd);
    return G_SOURCE_REMOVE;
}

static void pty_hangup(struct chardev *c)
{
    struct pty *p = c->priv;

    chardev_disconnect(c);
    if (!p->timer)
        p->timer = g_timeout_add(LOOK_MS, on_look, c);
}

/* Bytes pass unchanged: the guest's line discipline does the rest. */
static void make_raw(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t) < 0)
        return;
    cfmakeraw(&t);
    tcsetattr(fd, TCSANOW, &t);
}

static bool pty_open(struct chardev *c, struct opts *o, struct error **errp)
{
    const char *link_path = opts_get(o, "path", NULL);
    int master, slave;
    char name[64];

    if (openpty(&master, &slave, name, NULL, NULL) < 0) {
        error_set(errp, "could not make a pseudo-terminal: %s", g_strerror(errno));
        return false;
    }
    make_raw(slave);
    close(slave);
    if (link_path && symlink(name, link_path) < 0) {
        error_set(errp, "could not make a link '%s' to %s: %s", link_path, name, g_strerror(errno));
        close(master);
        return false;
    }
    fcntl(master, F_SETFD, FD_CLOEXEC);
    g_unix_set_fd_nonblocking(master, TRUE, NULL);
    struct pty *p = g_new0(struct pty, 1);
    p->fd = c->terminal_fd = master;
    p->link = g_strdup(link_path);
    c->priv = p;
    p->timer = g_timeout_add(LOOK_MS, on_look, c);
    fprintf(stdout, "char device redirected to %s (label %s)\n", name,
            c->id); /* tools wait for this line */
    fflush(stdout);
    return true;
}

static void pty_close(struct chardev *c)
{
    struct pty *p = c->priv;

    chardev_disconnect(c);
    if (p->timer)
        g_source_remove(p->timer);
    close(p->fd);
    if (p->link)
        unlink(p->link);
    g_free(p->link);
    g_free(p);
}

/* No signal tells this side of the terminal's size; we look when the user types. */
static size_t pty_filter(struct chardev *c, uint8_t *buf UNUSED, size_t n)
{
    struct pty *p = c->priv;
    uint16_t cols, rows;

    if (chardev_terminal_size(c, &cols, &rows) && (cols != p->cols || rows != p->rows)) {
        p->cols = cols;
        p->rows = rows;
        chardev_send_event(c, CHARDEV_RESIZED);
    }
    return n;
}

static char *pty_describe(const struct chardev *c)
{
    const struct pty *p = c->priv;

    return g_strconcat("pty:", ptsname(p->fd), NULL);
}

static const char *const pty_options[] = {"path", NULL};
const struct chardev_driver chardev_pty = {
    .name = "pty",
    .help = "a new pseudo-terminal, its name is printed: [path=LINK]",
    .options = pty_options,
    .open = pty_open,
    .close = pty_close,
    .filter = pty_filter,
    .hangup = pty_hangup,
    .describe = pty_describe,
};
