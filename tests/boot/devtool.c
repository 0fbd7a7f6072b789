/* What BusyBox cannot do to devices, for tests in a Linux guest: devtool COMMAND FILE... */
#include <fcntl.h>
#include <linux/cdrom.h>
#include <linux/ethtool.h>
#include <linux/input.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
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

/* Give the rings of a network interface this many entries, and show what they have then. */
static int rings(const char *interface, unsigned entries)
{
    struct ethtool_ringparam ring = {.cmd = ETHTOOL_GRINGPARAM};
    struct ifreq r = {.ifr_data = (char *)&ring};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    strncpy(r.ifr_name, interface, sizeof(r.ifr_name) - 1);
    if (fd < 0 || ioctl(fd, SIOCETHTOOL, &r) < 0) {
        perror(interface);
        return 1;
    }
    ring.cmd = ETHTOOL_SRINGPARAM;
    ring.rx_pending = ring.tx_pending = entries;
    if (ioctl(fd, SIOCETHTOOL, &r) < 0) {
        perror("setting rings");
        return 1;
    }
    ring.cmd = ETHTOOL_GRINGPARAM;
    ioctl(fd, SIOCETHTOOL, &r);
    printf("rings: %u %u\n", ring.rx_pending, ring.tx_pending);
    return 0;
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
    if (!strcmp(what, "rings"))
        return rings(argv[2], (unsigned)atoi(argv[3]));
    return 2;
}
