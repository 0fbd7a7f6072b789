/* Streams through file descriptors, until they are cancelled. */
#include "snapshot/channel.h"

#include "snapshot/uri.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool wait_for(struct snap_channel *c, short events, struct error **errp)
{
    if (migrate_wait(c->fd, events, c->cancel_fd))
        return true;
    error_set(errp, "cancelled");
    return false;
}

static bool fd_write(struct snap_io *io, const void *buf, size_t n, struct error **errp)
{
    struct snap_channel *c = (struct snap_channel *)io;
    const uint8_t *p = buf;

    while (n) {
        if (!wait_for(c, POLLOUT, errp))
            return false;
        ssize_t done = write(c->fd, p, n);
        if (done < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (done < 0) {
            error_set(errp, "sending the state failed: %s", g_strerror(errno));
            return false;
        }
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool fd_read(struct snap_io *io, void *buf, size_t n, struct error **errp)
{
    struct snap_channel *c = (struct snap_channel *)io;
    uint8_t *p = buf;

    while (n) {
        if (!wait_for(c, POLLIN, errp))
            return false;
        ssize_t done = read(c->fd, p, n);
        if (done < 0 && (errno == EAGAIN || errno == EINTR))
            continue;
        if (done <= 0) {
            error_set(errp, "%s", done ? g_strerror(errno) : "the saved state ends too early");
            return false;
        }
        p += done;
        n -= (size_t)done;
    }
    return true;
}

static bool is_socket(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

struct snap_channel *channel_new(int take_fd, int cancel_fd)
{
    struct snap_channel *c = g_new0(struct snap_channel, 1);

    g_unix_set_fd_nonblocking(take_fd, TRUE, NULL);
    *c = (struct snap_channel){.io = {.write = fd_write, .read = fd_read},
                               .fd = take_fd,
                               .cancel_fd = cancel_fd,
                               .is_socket = is_socket(take_fd)};
    return c;
}

struct snap_channel *channel_exec(const char *command, bool writing, int cancel_fd,
                                  struct error **errp)
{
    char *argv[] = {g_strdup("/bin/sh"), g_strdup("-c"), g_strdup(command), NULL};
    GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | (writing ? 0 : G_SPAWN_CHILD_INHERITS_STDIN);
    GError *err = NULL;
    GPid pid = 0;
    int fd = -1;
    bool ok = g_spawn_async_with_pipes(NULL, argv, NULL, flags, NULL, NULL, &pid,
                                       writing ? &fd : NULL, writing ? NULL : &fd, NULL, &err);

    for (size_t i = 0; i < G_N_ELEMENTS(argv); i++)
        g_free(argv[i]);
    if (!ok) {
        error_set(errp, "could not run '%s': %s", command, err->message);
        g_error_free(err);
        return NULL;
    }
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    struct snap_channel *c = channel_new(fd, cancel_fd);
    c->child = pid;
    return c;
}

/* A command that goes on although the stream has ended or was given up is told to end. */
static void await_exit(GPid pid, int cancel_fd, int *status)
{
    enum { STEP_MS = 20 };
    struct pollfd p = {.fd = cancel_fd, .events = POLLIN};

    while (waitpid(pid, status, WNOHANG) == 0) {
        if (poll(&p, 1, STEP_MS) <= 0)
            continue;
        kill(pid, SIGTERM);
        while (waitpid(pid, status, 0) < 0 && errno == EINTR)
            continue;
        return;
    }
}

static bool reap(GPid pid, int cancel_fd, struct error **errp)
{
    int status = 0;

    await_exit(pid, cancel_fd, &status);
    g_spawn_close_pid(pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status))
        error_set(errp, "the command ended with status %d", WEXITSTATUS(status));
    else
        error_set(errp, "the command was ended by signal %d", WTERMSIG(status));
    return false;
}

bool channel_close(struct snap_channel *take_c, struct error **errp)
{
    bool ok = true;

    if (take_c == NULL)
        return true;
    close(take_c->fd);
    if (take_c->child)
        ok = reap(take_c->child, take_c->cancel_fd, errp);
    g_free(take_c);
    return ok;
}
