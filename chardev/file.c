/* Files, named pipes, and nothing. */
#include "chardev/chardev_priv.h"

#include "util/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The "path" option, or NULL with *errp. */
static const char *need_path(struct opts *o, struct error **errp)
{
    const char *path = opts_get(o, "path", NULL);

    if (!path || !*path) {
        error_set(errp, "wanted path=");
        return NULL;
    }
    return path;
}

static bool file_open(struct chardev *c, struct opts *o, struct error **errp)
{
    const char *path = need_path(o, errp), *in_path = opts_get(o, "input-path", NULL);
    bool append;
    int in_fd = -1;

    if (!path || !opts_get_bool(o, "append", false, &append, errp))
        return false;
    int fd = fds_open(path, O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), 0666);
    if (fd < 0) {
        error_set(errp, "could not open '%s': %s", path, g_strerror(errno));
        return false;
    }
    if (in_path && (in_fd = open(in_path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0) {
        error_set(errp, "could not open '%s': %s", in_path, g_strerror(errno));
        close(fd);
        return false;
    }
    c->priv = GINT_TO_POINTER(in_fd); /* in_fd of c is dropped at the end of input */
    chardev_connect(c, in_fd, fd);
    return true;
}

static void file_close(struct chardev *c)
{
    int in_fd = GPOINTER_TO_INT(c->priv), out_fd = c->out_fd;

    chardev_disconnect(c);
    if (in_fd >= 0)
        close(in_fd);
    if (out_fd >= 0)
        close(out_fd);
}

/* PATH.in and PATH.out, or PATH for both; opened for both directions, so that neither open nor the
 * loss of a peer blocks or ends the line. */
static bool pipe_open(struct chardev *c, struct opts *o, struct error **errp)
{
    const char *path = need_path(o, errp);
    enum { FLAGS = O_RDWR | O_CLOEXEC | O_NONBLOCK };

    if (!path)
        return false;
    g_autofree char *in_path = g_strconcat(path, ".in", NULL),
                    *out_path = g_strconcat(path, ".out", NULL);
    int in_fd = open(in_path, FLAGS), out_fd = open(out_path, FLAGS);
    if (in_fd >= 0 && out_fd >= 0) {
        c->priv = GINT_TO_POINTER(in_fd);
        chardev_connect(c, in_fd, out_fd);
        return true;
    }
    if (in_fd >= 0)
        close(in_fd);
    if (out_fd >= 0)
        close(out_fd);
    int fd = open(path, FLAGS);
    if (fd < 0) {
        error_set(errp, "could not open pipe '%s' (nor '%s' with '%s'): %s", path, in_path,
                  out_path, g_strerror(errno));
        return false;
    }
    c->priv = GINT_TO_POINTER(-1);
    chardev_connect(c, fd, fd);
    return true;
}

static bool null_open(struct chardev *c, struct opts *o UNUSED, struct error **errp UNUSED)
{
    chardev_connect(c, -1, -1);
    return true;
}

static void null_close(struct chardev *c)
{
    chardev_disconnect(c);
}

static const char *const file_options[] = {"path", "input-path", "append", NULL};
const struct chardev_driver chardev_file = {
    .name = "file",
    .help = "output to a file: path=PATH[,append=on][,input-path=PATH]",
    .options = file_options,
    .open = file_open,
    .close = file_close,
};

static const char *const pipe_options[] = {"path", NULL};
const struct chardev_driver chardev_pipe = {
    .name = "pipe",
    .help = "named pipes PATH.in and PATH.out, or one PATH: path=PATH",
    .options = pipe_options,
    .open = pipe_open,
    .close = file_close,
};

static const char *const null_options[] = {NULL};
const struct chardev_driver chardev_null = {
    .name = "null",
    .help = "output is dropped, there is no input",
    .options = null_options,
    .open = null_open,
    .close = null_close,
};

static const char *const vc_options[] = {"width", "height", "cols", "rows", NULL};
const struct chardev_driver chardev_vc = {
    .name = "vc",
    .help = "console in a graphical window (without display: as null)",
    .options = vc_options,
    .open = null_open,
    .close = null_close,
};
