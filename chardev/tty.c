/* A serial port of the host.  Ref: termios(3); break: tcsendbreak. */
#include "chardev/chardev_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* The port as it was, for whoever uses it next. */
struct tty {
    int fd;
    struct termios saved;
};

static bool tty_open(struct chardev *c, struct opts *o, struct error **errp)
{
    const char *path = opts_get(o, "path", NULL);
    struct termios t;

    if (!path || !*path) {
        error_set(errp, "wanted path=");
        return false;
    }
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || tcgetattr(fd, &t) < 0) {
        error_set(errp, "could not open serial port '%s': %s", path, g_strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    struct tty *tty = g_new0(struct tty, 1);
    *tty = (struct tty){fd, t};
    cfmakeraw(&t);
    cfsetspeed(&t, B115200);
    t.c_cflag |= CLOCAL | CREAD;
    tcsetattr(fd, TCSANOW, &t);
    c->priv = tty;
    chardev_connect(c, fd, fd);
    c->in_is_tty = false; /* nobody types here: input may wait */
    return true;
}

static void tty_close(struct chardev *c)
{
    struct tty *tty = c->priv;

    chardev_disconnect(c);
    tcsetattr(tty->fd, TCSANOW, &tty->saved);
    close(tty->fd);
    g_free(tty);
}

static const char *const tty_options[] = {"path", NULL};
const struct chardev_driver chardev_tty = {
    .name = "serial",
    .help = "a serial port of the host: path=/dev/ttyN",
    .options = tty_options,
    .open = tty_open,
    .close = tty_close,
};
