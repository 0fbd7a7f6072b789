/* Process name, background operation and pid file. */
#include "system/host.h"

#include "util/optparse.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <grp.h>
#include <pwd.h>
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

char *host_guest_name(const char *text)
{
    struct opts *o = opts_parse(text ? text : "", "guest");
    char *name = g_strdup(opts_get(o, "guest", NULL));

    opts_free(o);
    return name;
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

/* Whose rights to take. */
struct identity {
    uid_t uid;
    gid_t gid;
    char *name; /* NULL: given by numbers */
};

static bool find_user(const char *user, struct identity *id, struct error **errp)
{
    g_auto(GStrv) numbers = g_strsplit(user, ":", 2);
    const struct passwd *pw = getpwnam(user);
    uint64_t uid, gid;

    if (pw) {
        *id = (struct identity){pw->pw_uid, pw->pw_gid, g_strdup(user)};
        return true;
    }
    if (numbers[0] && numbers[1] && parse_uint(numbers[0], UINT32_MAX - 1, &uid, NULL) &&
        parse_uint(numbers[1], UINT32_MAX - 1, &gid, NULL)) {
        *id = (struct identity){(uid_t)uid, (gid_t)gid, NULL};
        return true;
    }
    error_set(errp, "there is no user '%s'; wanted a user's name, or UID:GID", user);
    return false;
}

static bool become(const struct identity *id, struct error **errp)
{
    if (setgid(id->gid) || (id->name ? initgroups(id->name, id->gid) : setgroups(1, &id->gid)) ||
        setuid(id->uid)) {
        error_set(errp, "could not become user %u, group %u: %s", id->uid, id->gid,
                  strerror(errno));
        return false;
    }
    if (id->uid && !setuid(0)) {
        error_set(errp, "the process could become root again");
        return false;
    }
    return true;
}

/* The user's name is looked up before the change of root takes the list of users away. */
bool host_confine(const char *root, const char *user, struct error **errp)
{
    struct identity id = {0};

    bool ok = !user || find_user(user, &id, errp);

    if (ok && root && (chroot(root) || chdir("/"))) {
        error_set(errp, "could not change the root directory to '%s': %s", root, strerror(errno));
        ok = false;
    }
    ok = ok && (!user || become(&id, errp));
    g_free(id.name);
    if (!ok)
        error_prefix(errp, "-run-with");
    return ok;
}
