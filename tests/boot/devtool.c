/* What BusyBox cannot do to devices, for tests in a Linux guest: devtool COMMAND FILE... */
#include <fcntl.h>
#include <linux/cdrom.h>
#include <linux/input.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int tray(const char *path, unsigned long request, unsigned long arg)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    if (fd < 0 || ioctl(fd, request, arg) < 0) {
        perror(path);
        return 1;
    }
    return 0;
}

/* Every event of several devices, a line each, until `end` of them were synchronisations. */
static int events(int end, char **paths, int n)
{
    struct pollfd p[8];
    struct input_event ev;
    for (int i = 0; i < n; i++)
        p[i] = (struct pollfd){open(paths[i], O_RDONLY | O_NONBLOCK), POLLIN, 0};
    puts("ready");
    fflush(stdout);
    while (end > 0 && poll(p, (nfds_t)n, 20000) > 0)
        for (int i = 0; i < n; i++)
            while (read(p[i].fd, &ev, sizeof(ev)) == sizeof(ev)) {
                printf("%d: %d %d %d\n", i, ev.type, ev.code, ev.value);
                end -= ev.type == EV_SYN;
            }
    puts("over");
    return end > 0;
}

/* Light or put out a LED of a keyboard. */
static int led(const char *path, int code, int on)
{
    struct input_event ev[2] = {{.type = EV_LED, .code = (unsigned short)code, .value = on}};
    int fd = open(path, O_WRONLY);
    return fd < 0 || write(fd, ev, sizeof(ev)) != sizeof(ev);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    if (!strcmp(what, "eject"))
        return tray(argv[2], CDROMEJECT, 0);
    if (!strcmp(what, "close"))
        return tray(argv[2], CDROMCLOSETRAY, 0);
    if (!strcmp(what, "events"))
        return events(argv[2][0] - '0' + (argv[2][1] ? 10 : 0), argv + 3, argc - 3);
    if (!strcmp(what, "led"))
        return led(argv[2], argv[3][0] - '0', argv[4][0] - '0');
    return 2;
}
