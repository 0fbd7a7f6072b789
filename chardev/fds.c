/* File descriptors that come over a UNIX socket (SCM_RIGHTS).  Ref: unix(7), cmsg(3). */
#include "chardev/chardev_priv.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void keep(struct chardev *c, int fd)
{
    if (c->nfds == CHARDEV_MAX_FDS)
        close(fd);
    else
        c->fds[c->nfds++] = fd;
}

static void keep_all(struct chardev *c, const struct cmsghdr *h)
{
    size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

    for (size_t i = 0; i < n; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof(int));
        keep(c, fd);
    }
}

ssize_t chardev_read_fds(struct chardev *c, void *buf, size_t n)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(CHARDEV_MAX_FDS * sizeof(int))];
    } control;
    struct iovec iov = {buf, n};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(c->in_fd, &msg, MSG_CMSG_CLOEXEC);

    if (got < 0)
        return got;
    for (struct cmsghdr *h = CMSG_FIRSTHDR(&msg); h; h = CMSG_NXTHDR(&msg, h))
        if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS)
            keep_all(c, h);
    return got;
}

int chardev_take_fd(struct chardev *c)
{
    if (!c->nfds)
        return -1;
    int fd = c->fds[0];
    memmove(&c->fds[0], &c->fds[1], --c->nfds * sizeof(int));
    return fd;
}

void chardev_drop_fds(struct chardev *c)
{
    while (c->nfds)
        close(chardev_take_fd(c));
}
