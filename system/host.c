/* Process name, background operation and pid file. */
#include "system/host.h"

#include "util/optparse.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int ready_fd = -1; /* the parent of a daemon waits at the other end */
static char *pid_path;    /* absolute; set while the file is ours */

bool host_set_name(const char *text, struct error **errp)
{
    static const char *const keys[] = {"guest", "process", "debug-threads", NULL};
    struct opts *o = opts_parse(text, "guest");
    const char *process = opts_get(o, "process", NULL);
    bool debug_threads; /* threads are always named */
    bool ok;

    opts_get(o, "guest", NULL);
    ok = opts_get_bool(o, "debug-threads", true, &debug_threads, errp) &&
         opts_check_used(o, keys, errp);
    if (ok && process)
        prctl(PR_SET_NAME, process);
    opts_free(o);
    if (!ok)
        error_prefix(errp, "-name %s", text);
    return ok;
}

/* The parent's side: wait for one byte, or for the end of the child. */
static void wait_and_exit(int fd)
{
    char byte;
    ssize_t n;

    do
        n = read(fd, &byte, 1);
    while (n < 0 && errno == EINTR);
    _exit(n == 1 ? 0 : 1);
}

bool host_daemonize(struct error **errp)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC)) {
        error_set(errp, "-daemonize: no pipe: %s", strerror(errno));
        return false;
    }
    pid_t pid = fork();
    if (pid < 0) {
        error_set(errp, "-daemonize: no child process: %s", strerror(errno));
        return false;
    }
    if (pid > 0) {
        close(fds[1]);
        wait_and_exit(fds[0]);
    }
    close(fds[0]);
    ready_fd = fds[1];
    setsid();
    umask(027);
    return true;
}

void host_daemon_ready(void)
{
    int null_fd;

    if (ready_fd < 0)
        return;
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null_fd >= 0 && fd <= 2; fd++)
        dup2(null_fd, fd);
    if (null_fd > 2)
        close(null_fd);
    if (chdir("/") || write(ready_fd, "", 1) != 1)
        _exit(1);
    close(ready_fd);
    ready_fd = -1;
}

static bool lock_and_write(int fd, struct error **errp)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[32];
    int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

    if (fcntl(fd, F_OFD_SETLK, &lock)) {
        error_set(errp, "it is locked by another running machine");
        return false;
    }
    if (ftruncate(fd, 0) || write(fd, text, (size_t)n) != n) {
        error_set(errp, "could not write: %s", strerror(errno));
        return false;
    }
    return true;
}

/* The descriptor stays open: its lock tells a second machine that this one lives. */
bool host_write_pid(const char *path, struct error **errp)
{
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0) {
        error_set(errp, "-pidfile %s: could not create: %s", path, strerror(errno));
        return false;
    }
    if (lock_and_write(fd, errp)) {
        pid_path = g_canonicalize_filename(path, NULL); /* a daemon changes its directory */
        return true;
    }
    error_prefix(errp, "-pidfile %s", path);
    close(fd);
    return false;
}

void host_remove_pid(void)
{
    if (pid_path)
        unlink(pid_path);
    g_clear_pointer(&pid_path, g_free);
}
