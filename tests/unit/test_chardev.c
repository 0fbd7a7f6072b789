/* Back ends against the host: files, pipes, sockets, terminals; escapes; flow control. */
#include "chardev/chardev.h"
#include "util/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <netinet/in.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

/* A front end that takes `room` bytes. */
struct line {
    struct device dev;
    struct chardev *chardev;
    size_t room;
    char got[8192];
    size_t n;
    unsigned opened, closed, breaks, resized;
    struct line_state {
        uint8_t x;
    } s;
};

static size_t line_receive(struct device *dev, const uint8_t *buf, size_t n)
{
    struct line *l = (struct line *)dev;
    size_t take = MIN(n, MIN(l->room, sizeof(l->got) - l->n));

    memcpy(l->got + l->n, buf, take);
    l->n += take;
    l->room -= take;
    return take;
}

static void line_event(struct device *dev, enum chardev_event ev)
{
    struct line *l = (struct line *)dev;

    switch (ev) {
    case CHARDEV_OPENED: l->opened++; break;
    case CHARDEV_CLOSED: l->closed++; break;
    case CHARDEV_BREAK: l->breaks++; break;
    case CHARDEV_FOCUS_IN:
    case CHARDEV_FOCUS_OUT: g_assert_not_reached(); /* for users only */
    case CHARDEV_RESIZED: l->resized++; break;
    }
}

static const struct chardev_front front = {line_receive};
static const struct state_field line_state[] = {STATE(line, x, 0), STATE_END};
static const struct prop line_props[] = {PROP_CHARDEV(line, chardev, &front, "other end"),
                                         PROP_END};
DEVICE_CLASS(line) = {.desc = "line", .props = line_props, .state = line_state};

static char *dir;

static char *in_dir(const char *name)
{
    return g_build_filename(dir, name, NULL);
}

static struct line *line_new(const char *id)
{
    struct line *l = (struct line *)device_new(&line_type, NULL, "line");
    struct error *err = NULL;

    l->room = SIZE_MAX;
    if (!device_set(&l->dev, "chardev", id, &err) || !device_realize(&l->dev, &err))
        g_error("%s", error_text(err));
    chardev_on_event(l->chardev, &l->dev, line_event);
    return l;
}

static struct chardev *open_opts(const char *fmt, ...) PRINTF(1, 2);
static struct chardev *open_opts(const char *fmt, ...)
{
    struct error *err = NULL;
    va_list ap;

    va_start(ap, fmt);
    g_autofree char *text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    struct chardev *c = chardev_new_opts(text, &err);
    if (!c)
        g_error("%s", error_text(err));
    return c;
}

static void spin(int ms)
{
    int64_t end = g_get_monotonic_time() + ms * 1000;

    do {
        if (!g_main_context_iteration(NULL, FALSE))
            g_usleep(200);
    } while (g_get_monotonic_time() < end);
}

/* Run the loop until the line has n bytes. */
static void expect_input(struct line *l, const char *want, size_t n)
{
    int64_t end = g_get_monotonic_time() + 3000000;

    while (l->n < n && g_get_monotonic_time() < end)
        spin(1);
    g_assert_cmpmem(l->got, l->n, want, n);
    l->n = 0;
}

static void send_text(struct chardev *c, const char *text)
{
    chardev_write_buf(c, (const uint8_t *)text, strlen(text));
}

static void expect_output(int fd, const char *want)
{
    char buf[256] = {0};
    size_t n = 0;
    int64_t end = g_get_monotonic_time() + 3000000;

    while (n < strlen(want) && g_get_monotonic_time() < end) {
        spin(1);
        ssize_t got = read(fd, buf + n, sizeof(buf) - 1 - n);
        n += got > 0 ? got : 0;
    }
    g_assert_cmpstr(buf, ==, want);
}

static bool is_raw(int master)
{
    struct termios t;

    g_assert_cmpint(tcgetattr(master, &t), ==, 0);
    return !(t.c_lflag & (ICANON | ECHO | ISIG));
}

static void finish(struct line *l)
{
    if (l)
        device_free(&l->dev);
    chardev_free_all();
}

static void test_file_and_its_log(void)
{
    g_autofree char *path = in_dir("out"), *log = in_dir("log"), *text = NULL, *logged = NULL;

    struct chardev *c = open_opts("file,id=f,path=%s,logfile=%s", path, log);
    send_text(c, "one\n");
    chardev_write(c, 'x');
    chardev_free_all();
    c = open_opts("file,id=f,path=%s,append=on,logfile=%s,logappend=on", path, log);
    send_text(c, "two\n");
    chardev_free_all();
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "one\nxtwo\n");
    g_assert_true(g_file_get_contents(log, &logged, NULL, NULL));
    g_assert_cmpstr(logged, ==, "one\nxtwo\n");
}

static void test_named_pipes(void)
{
    g_autofree char *path = in_dir("pipe"), *in = in_dir("pipe.in"), *out = in_dir("pipe.out");

    g_assert_cmpint(mkfifo(in, 0600) | mkfifo(out, 0600), ==, 0);
    open_opts("pipe,id=p,path=%s", path);
    struct line *l = line_new("p");
    int wr = open(in, O_WRONLY | O_NONBLOCK), rd = open(out, O_RDONLY | O_NONBLOCK);
    g_assert_cmpint(write(wr, "hello", 5), ==, 5);
    expect_input(l, "hello", 5);
    send_text(l->chardev, "world");
    expect_output(rd, "world");
    close(wr);
    wr = open(in, O_WRONLY | O_NONBLOCK); /* a peer may come back */
    g_assert_cmpint(write(wr, "again", 5), ==, 5);
    expect_input(l, "again", 5);
    close(wr);
    close(rd);
    finish(l);
}

static int dial(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

    g_strlcpy(sa.sun_path, path, sizeof(sa.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    return fd;
}

static void test_unix_server_serves_one_after_the_other(void)
{
    g_autofree char *path = in_dir("sock"), *spec = g_strdup_printf("unix:%s,server,nowait", path);
    struct error *err = NULL;

    g_assert_nonnull(chardev_new_legacy("serial0", spec, &err));
    struct line *l = line_new("serial0");
    send_text(l->chardev, "nobody hears this");
    spin(5);
    int a = dial(path);
    spin(20);
    g_assert_cmpuint(l->opened, ==, 1);
    int b = dial(path); /* waits */
    g_assert_cmpint(send(a, "hi", 2, 0), ==, 2);
    expect_input(l, "hi", 2);
    send_text(l->chardev, "lo");
    expect_output(a, "lo");
    close(a);
    spin(20);
    g_assert_cmpuint(l->closed, ==, 1);
    g_assert_cmpuint(l->opened, ==, 2);
    g_assert_cmpint(send(b, "second", 6, 0), ==, 6);
    expect_input(l, "second", 6);
    close(b);
    finish(l);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

static void test_full_front_end_loses_nothing(void)
{
    g_autofree char *path = in_dir("flow");
    g_autofree char *data = g_malloc(6000);

    for (int i = 0; i < 6000; i++)
        data[i] = 'a' + i % 26;
    open_opts("socket,id=s,path=%s,server=on,wait=off", path);
    struct line *l = line_new("s");
    l->room = 10;
    int fd = dial(path);
    g_assert_cmpint(send(fd, data, 6000, 0), ==, 6000);
    spin(20);
    g_assert_cmpuint(l->n, ==, 10);
    for (int i = 0; i < 1000 && l->n < 6000; i++) {
        mutex_lock(&l->dev.lock);
        l->room = 7;
        chardev_resume(l->chardev);
        mutex_unlock(&l->dev.lock);
        spin(0);
    }
    l->room = SIZE_MAX;
    chardev_resume(l->chardev);
    expect_input(l, data, 6000);
    close(fd);
    finish(l);
}

static void test_a_stuck_reader_costs_a_bounded_buffer(void)
{
    g_autofree char *path = in_dir("stuck");
    g_autofree char *data = g_strnfill(100000, 'z');

    open_opts("socket,id=s,path=%s,server=on,wait=off", path);
    struct line *l = line_new("s");
    int fd = dial(path);
    spin(20);
    int64_t start = g_get_monotonic_time();
    for (int i = 0; i < 40; i++) {
        send_text(l->chardev, data);
        spin(0);
    }
    g_assert_cmpint(g_get_monotonic_time() - start, <, 2000000);
    char buf[65536];
    size_t total = 0;
    for (int i = 0; i < 300; i++) {
        ssize_t n = read(fd, buf, sizeof(buf));
        total += n > 0 ? n : 0;
        spin(0);
    }
    g_assert_cmpuint(total, >, 1000000);
    g_assert_cmpuint(total, <, 3000000);
    close(fd);
    finish(l);
}

static void test_telnet_commands_stay_out_of_the_data(void)
{
    g_autofree char *path = in_dir("telnet");
    static const char in[] = "a\xff\xfd\x01"
                             "b\xff\xff"
                             "c\r\0d\xff\xfa\x18junk\xff\xf0"
                             "e\xff\xf3"
                             "f";

    open_opts("socket,id=s,path=%s,server=on,wait=off,telnet=on", path);
    struct line *l = line_new("s");
    int fd = dial(path);
    spin(20);
    for (size_t i = 0; i < sizeof(in) - 1; i++) {
        g_assert_cmpint(send(fd, in + i, 1, 0), ==, 1);
        spin(0);
    }
    expect_input(l,
                 "ab\xff"
                 "c\rdef",
                 8);
    g_assert_cmpuint(l->breaks, ==, 1);
    char buf[64];
    g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 12); /* the greeting */
    send_text(l->chardev, "x\xffy");
    expect_output(fd, "x\xff\xffy");
    close(fd);
    finish(l);
}

static int tcp_listener(unsigned *port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, sizeof(sa)) | listen(fd, 1), ==, 0);
    getsockname(fd, (struct sockaddr *)&sa, &len);
    *port = ntohs(sa.sin_port);
    return fd;
}

static void test_tcp_client_reconnects(void)
{
    unsigned port;
    int listener = tcp_listener(&port);

    open_opts("socket,id=s,host=127.0.0.1,port=%u,reconnect-ms=20,nodelay", port);
    struct line *l = line_new("s");
    int fd = accept(listener, NULL, NULL);
    g_assert_cmpint(write(fd, "one", 3), ==, 3);
    expect_input(l, "one", 3);
    close(fd);
    spin(60);
    g_assert_cmpuint(l->closed, ==, 1);
    fd = accept(listener, NULL, NULL);
    spin(20);
    g_assert_cmpint(write(fd, "two", 3), ==, 3);
    expect_input(l, "two", 3);
    close(fd);
    close(listener);
    finish(l);
}

static void test_inherited_sockets_serve(void)
{
    int pair[2];
    unsigned port;
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = tcp_listener(&port), fd = socket(AF_INET, SOCK_STREAM, 0);

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), ==, 0);
    open_opts("socket,id=s,fd=%d", pair[0]);
    struct line *l = line_new("s");
    g_assert_cmpint(write(pair[1], "given", 5), ==, 5);
    expect_input(l, "given", 5);
    finish(l);
    close(pair[1]);
    open_opts("socket,id=s,fd=%d,server=on,wait=off", listener);
    l = line_new("s");
    sa.sin_port = htons(port);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    g_assert_cmpint(write(fd, "dialled", 7), ==, 7);
    expect_input(l, "dialled", 7);
    close(fd);
    finish(l);
}

static void test_ring_keeps_the_last_bytes(void)
{
    uint8_t buf[16];
    struct chardev *c = open_opts("ringbuf,id=r,size=8");

    send_text(c, "0123456789");
    spin(5);
    g_assert_cmpmem(buf, chardev_ringbuf_read(c, buf, 3), "234", 3);
    send_text(c, "ab");
    spin(5);
    g_assert_cmpmem(buf, chardev_ringbuf_read(c, buf, 16), "56789ab", 7);
    g_assert_cmpuint(chardev_ringbuf_read(c, buf, 16), ==, 0);
    chardev_free_all();
}

/* What a device wrote before goes to the old back end, what it writes after to the new one. */
static void test_back_end_is_changed_under_a_device(void)
{
    g_autofree char *path = in_dir("changed.sock"), *text = g_strdup_printf("socket,path=%s", path);
    struct chardev *old = open_opts("file,id=a,path=%s/changed.log", dir), *other;
    struct line *l = line_new("a");
    struct error *err = NULL;
    uint8_t buf[16];

    open_opts("null,id=b");
    spin(5);
    send_text(l->chardev, "old");
    g_assert_null(chardev_change(old, text, &err)); /* nobody listens there */
    g_assert_true(l->chardev == old && chardev_find("a") == old);
    g_clear_pointer(&err, error_free);
    struct chardev *ring = chardev_change(old, "ringbuf,size=8", &err);
    g_assert_true(ring && l->chardev == ring && chardev_find("a") == ring);
    send_text(l->chardev, "new");
    spin(5);
    g_assert_cmpmem(buf, chardev_ringbuf_read(ring, buf, 16), "new", 3);
    g_autofree char *log = in_dir("changed.log"), *got = NULL;
    g_assert_true(g_file_get_contents(log, &got, NULL, NULL));
    g_assert_cmpstr(got, ==, "old");
    g_autofree char *server = g_strdup_printf("%s,server=on,wait=off,id=a", text);
    struct chardev *sock = chardev_change(ring, server, &err);
    unsigned opened = l->opened;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    g_strlcpy(at.sun_path, path, sizeof(at.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&at, sizeof(at)), ==, 0);
    g_assert_cmpint(write(fd, "typed", 5), ==, 5);
    expect_input(l, "typed", 5);
    g_assert_cmpuint(l->opened, ==, opened + 1);
    unsigned closed = l->closed;
    other = chardev_change(sock, "null", &err);
    g_assert_cmpuint(l->closed, ==, closed + 1);
    static const char *const bad[][2] = {{"null,mux=on", "mux=on"},
                                         {"null,id=b", "id of 'a' stays"},
                                         {"nul", "did you mean 'null'"},
                                         {"null,size=3", "size"}};
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(chardev_change(other, bad[i][0], &err));
        g_assert_nonnull(strstr(error_text(err), bad[i][1]));
        g_clear_pointer(&err, error_free);
    }
    close(fd);
    finish(l);
    g_assert_null(chardev_find("a"));
}

/* A serial port of the host, played by a pseudo-terminal. */
static void test_host_serial_port(void)
{
    int master, slave;
    char name[64];

    g_assert_cmpint(openpty(&master, &slave, name, NULL, NULL), ==, 0);
    g_assert_nonnull(chardev_new_legacy("t", name, NULL));
    struct line *l = line_new("t");
    g_assert_cmpint(write(master, "a\r\3", 3), ==, 3);
    expect_input(l, "a\r\3", 3);
    send_text(l->chardev, "b\n");
    fcntl(master, F_SETFL, O_NONBLOCK);
    expect_output(master, "b\n");
    finish(l);
    g_assert_false(is_raw(master));
    close(slave);
    close(master);
}

static void test_server_waits_for_its_first_peer(void)
{
    g_autofree char *path = in_dir("wait");
    pid_t pid = fork();

    if (!pid) {
        for (int i = 0; i < 300 && !g_file_test(path, G_FILE_TEST_EXISTS); i++)
            g_usleep(10000);
        g_usleep(20000);
        int fd = dial(path);
        if (send(fd, "early", 5, 0) != 5)
            _exit(1);
        g_usleep(300000);
        _exit(0);
    }
    open_opts("socket,id=s,path=%s,server=on", path);
    struct line *l = line_new("s");
    expect_input(l, "early", 5);
    waitpid(pid, NULL, 0);
    finish(l);
}

static void test_pty_is_a_clean_line(void)
{
    int saved = dup(1), out[2];
    char text[200] = {0}, name[100];
    struct winsize size = {.ws_row = 43, .ws_col = 132};
    uint16_t cols, rows;

    g_assert_cmpint(pipe(out), ==, 0);
    fflush(stdout);
    dup2(out[1], 1);
    open_opts("pty,id=term");
    fflush(stdout);
    dup2(saved, 1);
    g_assert_cmpint(read(out[0], text, sizeof(text) - 1), >, 0);
    g_assert_cmpint(sscanf(text, "char device redirected to %99s (label term)\n", name), ==, 1);
    struct line *l = line_new("term");
    int fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, "in\r\n\x03", 5), ==, 5);
    expect_input(l, "in\r\n\x03", 5);
    send_text(l->chardev, "out\r\n");
    expect_output(fd, "out\r\n");
    close(fd);
    spin(20);
    g_assert_cmpuint(l->closed, ==, 1);
    fd = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
    spin(250);
    g_assert_cmpint(write(fd, "back", 4), ==, 4);
    expect_input(l, "back", 4);
    g_assert_true(chardev_is_terminal(l->chardev));
    g_assert_false(chardev_terminal_size(l->chardev, &cols, &rows));
    g_assert_cmpint(ioctl(fd, TIOCSWINSZ, &size), ==, 0);
    g_assert_true(chardev_terminal_size(l->chardev, &cols, &rows));
    g_assert_cmpuint(cols, ==, 132);
    g_assert_cmpuint(rows, ==, 43);
    g_assert_cmpuint(l->resized, ==, 0); /* nothing tells us before the user types */
    g_assert_cmpint(write(fd, "typed", 5), ==, 5);
    expect_input(l, "typed", 5);
    g_assert_cmpuint(l->resized, ==, 1);
    close(fd);
    finish(l);
}

static bool quit_asked;
static void on_quit(void *opaque UNUSED)
{
    quit_asked = true;
}

static void test_mux_escapes(void)
{
    g_autofree char *path = in_dir("mux");

    open_opts("socket,id=m,path=%s,server=on,wait=off,mux=on", path);
    struct line *l = line_new("m"), *k = line_new("m");
    chardev_set_quit_handler(on_quit, NULL);
    int fd = dial(path);
    g_assert_cmpint(send(fd, "a\1\1b\1bc", 7, 0), ==, 7);
    expect_input(l, "a\1bc", 4);
    g_assert_cmpuint(l->breaks, ==, 1);
    g_assert_cmpint(send(fd, "\1cto k", 6, 0), ==, 6);
    expect_input(k, "to k", 4);
    g_assert_cmpint(send(fd, "\1c\1h", 4, 0), ==, 4);
    spin(20);
    char help[512] = {0};
    g_assert_cmpint(read(fd, help, sizeof(help) - 1), >, 0);
    g_assert_nonnull(strstr(help, "C-a x    exit emulator"));
    g_assert_nonnull(strstr(help, "C-a C-a  sends C-a"));
    g_assert_cmpint(send(fd, "\1t", 2, 0), ==, 2);
    spin(20);
    send_text(l->chardev, "x\ny");
    char stamped[64] = {0};
    spin(20);
    g_assert_cmpint(read(fd, stamped, sizeof(stamped) - 1), ==, 2 * 15 + 3);
    g_assert_true(g_str_has_prefix(stamped, "[00:00:00.0"));
    g_assert_nonnull(strstr(stamped, "] x\n[00:00:00.0"));
    g_assert_cmpint(send(fd, "\1t", 2, 0), ==, 2);
    spin(20);
    l->room = 0; /* a guest that takes nothing cannot keep the user from leaving */
    g_assert_cmpint(send(fd, "stuck\1x", 7, 0), ==, 7);
    spin(20);
    g_assert_true(quit_asked);
    chardev_set_escape(0);
    l->room = SIZE_MAX;
    l->n = 0;
    chardev_resume(l->chardev);
    g_assert_cmpint(send(fd, "\1x", 2, 0), ==, 2);
    expect_input(l, "stuck\1x", 7);
    chardev_set_escape(1);
    close(fd);
    device_free(&k->dev);
    finish(l);
}

/* A child on its own terminal; returns the master. */
static pid_t on_terminal(int *master, void (*body)(void))
{
    pid_t pid = forkpty(master, NULL, NULL, NULL);

    if (pid)
        return pid;
    body();
    _exit(0);
}

static void child_stdio(void)
{
    static const int taken[] = {SIGSEGV, SIGHUP, SIGTERM, SIGQUIT, SIGTSTP};
    struct error *err = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
        signal(taken[i], SIG_DFL); /* a sanitizer may have taken it, nohup may ignore it */
    chardev_set_quit_handler(NULL, NULL);
    if (!chardev_new_legacy("s", "mon:stdio", &err))
        _exit(3);
    struct line *l = line_new("s");
    send_text(l->chardev, "ready");
    for (;;) {
        g_main_context_iteration(NULL, TRUE);
        if (l->n) {
            chardev_write_buf(l->chardev, (uint8_t *)l->got, l->n);
            l->n = 0;
        }
    }
}

static void wait_for(int fd, const char *want)
{
    char buf[1024] = {0};
    size_t n = 0;

    while (!strstr(buf, want) && n < sizeof(buf) - 1) {
        ssize_t got = read(fd, buf + n, sizeof(buf) - 1 - n);
        if (got <= 0)
            g_error("terminal ended after '%s', wanted '%s'", buf, want);
        n += got;
    }
}

static void wait_raw(int master, bool want)
{
    for (int i = 0; i < 300 && is_raw(master) != want; i++)
        g_usleep(10000);
    g_assert_true(is_raw(master) == want);
}

static void test_terminal_is_restored_whatever_ends_us(void)
{
    static const int ends[] = {0, SIGTERM, SIGSEGV, SIGABRT, SIGHUP, SIGQUIT};

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        int master, slave, status;
        pid_t pid = on_terminal(&master, child_stdio);
        g_autofree char *name = g_strdup(ptsname(master));
        slave =
            open(name, O_RDWR | O_NOCTTY); /* keeps the line's settings when the child is gone */
        wait_for(master, "ready");
        g_assert_true(is_raw(master));
        g_assert_cmpint(write(master, "\x03", 1), ==, 1); /* the guest's, not ours */
        wait_for(master, "\x03");
        if (ends[i])
            kill(pid, ends[i]);
        else
            g_assert_cmpint(write(master, "\1x", 2), ==, 2);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == (ends[i] ? ends[i] : SIGTERM));
        g_assert_false(is_raw(master));
        close(slave);
        close(master);
    }
}

static void test_terminal_follows_job_control(void)
{
    int master, status;
    pid_t pid = on_terminal(&master, child_stdio);

    wait_for(master, "ready");
    kill(pid, SIGTSTP);
    g_assert_cmpint(waitpid(pid, &status, WUNTRACED), ==, pid);
    g_assert_true(WIFSTOPPED(status));
    g_assert_false(is_raw(master));
    kill(pid, SIGCONT);
    wait_raw(master, true);
    g_assert_cmpint(write(master, "z", 1), ==, 1);
    wait_for(master, "z");
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    close(master);
}

static void expect_error(struct chardev *c, struct error *err, const char *part)
{
    g_assert_null(c);
    g_test_message("%s", error_text(err));
    g_assert_nonnull(strstr(error_text(err), part));
    error_free(err);
}

static void test_bad_options_are_told(void)
{
    static const struct {
        const char *text, *part;
    } opts[] = {
        {"socket,path=/x", "wanted id="},
        {"sokcet,id=a,path=/x", "did you mean 'socket'?"},
        {"socket,id=a", "one of path=, port= and fd="},
        {"socket,id=a,path=/x,prot=1", "did you mean 'port'?"},
        {"socket,id=a,path=/nonexistent/x", "could not connect"},
        {"socket,id=a,path=/nonexistent/x,server=on,wait=off", "could not listen"},
        {"socket,id=a,path=/x,server=on,reconnect=1", "for clients"},
        {"socket,id=a,path=/x,server=maybe", "wanted on or off"},
        {"socket,id=a,host=127.0.0.1,port=1", "could not connect"},
        {"file,id=a", "wanted path="},
        {"file,id=a,path=/nonexistent/x", "could not open"},
        {"pipe,id=a,path=/nonexistent/x", "could not open pipe"},
        {"null,id=a,logfile=/nonexistent/x", "could not open log file"},
        {"ringbuf,id=a,size=1000", "power of two"},
        {"socket,id=a,fd=1000", "'1000' not found"},
        {"socket,id=a,fd=2", "2 is no stream socket"},
        {"serial,id=a,path=/dev/null", "could not open serial port"},
        {"null,id=9a", "id=9a: wanted a letter"},
        {"udp,id=a,host=127.0.0.1", "wanted port="},
        {"udp,id=a,port=1,localaddr=192.0.2.1", "could not bind to '192.0.2.1:0'"},
        {"socket,id=a,path=/x,websocket=on", "websocket=on is for servers"},
        {"socket,id=a,path=/x,server=on,websocket=on,telnet=on", "found telnet=on"},
        {"socket,id=a,path=/x,tls-creds=t", "encryption is not supported"},
        {"socket,id=a,path=/x,tn3270=on", "tn3270=on is for consoles of mainframes"},
        {"mux,id=a,chardev=b", "add mux=on"},
        {"hub,id=a", "wanted chardevs.0=ID"},
        {"hub,id=a,chardevs.0=nobody", "chardevs.0: no chardev 'nobody'"},
        {"parport,id=a,path=/x", "has a parallel port"},
        {"spicevmc,id=a,name=vdagent", "no SPICE server"},
    };
    static const struct {
        const char *text, *part;
    } legacy[] = {{"stido", "wanted stdio"},
                  {"tcp:1234", "HOST:PORT"},
                  {"udp:1234", "HOST:PORT"},
                  {"braille", "no Braille display"},
                  {"chardev:nobody", "no chardev 'nobody'"}};
    struct error *err = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(opts); i++, err = NULL) {
        struct chardev *c = chardev_new_opts(opts[i].text, &err);
        expect_error(c, err, opts[i].part);
    }
    for (size_t i = 0; i < ARRAY_SIZE(legacy); i++, err = NULL) {
        struct chardev *c = chardev_new_legacy(NULL, legacy[i].text, &err);
        expect_error(c, err, legacy[i].part);
    }
}

static void test_one_front_end_unless_muxed(void)
{
    struct error *err = NULL;

    g_assert_nonnull(chardev_new_legacy(NULL, "null", &err));
    g_assert_nonnull(chardev_new_legacy("n", "none", &err));
    g_assert_null(chardev_new_legacy("n", "null", &err));
    g_clear_pointer(&err, error_free);
    struct line *l = line_new("n");
    struct device *d = device_new(&line_type, NULL, "second");
    g_assert_true(device_set(d, "chardev", "n", &err));
    g_assert_false(device_realize(d, &err));
    g_assert_nonnull(strstr(error_text(err), "in use by 'line'"));
    error_free(err);
    device_free(d);
    g_assert_true(chardev_new_legacy(NULL, "chardev:n", NULL) == l->chardev);
    chardev_write(NULL, 'x');
    chardev_resume(NULL);
    finish(l);
}

static int udp_socket(unsigned *port)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(sa);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&sa, sizeof(sa)), ==, 0);
    getsockname(fd, (struct sockaddr *)&sa, &len);
    *port = ntohs(sa.sin_port);
    return fd;
}

static void test_udp_talks_to_its_peer_only(void)
{
    unsigned port, own, other_port;
    int peer = udp_socket(&port), other = udp_socket(&other_port), spare = udp_socket(&own);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)own),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct error *err = NULL;

    close(spare);
    g_autofree char *spec = g_strdup_printf("udp:127.0.0.1:%u@127.0.0.1:%u", port, own);
    g_assert_nonnull(chardev_new_legacy("serial0", spec, &err));
    struct line *l = line_new("serial0");
    send_text(l->chardev, "to you");
    expect_output(peer, "to you");
    g_assert_cmpint(sendto(other, "no", 2, 0, (struct sockaddr *)&to, sizeof(to)), ==, 2);
    g_assert_cmpint(sendto(peer, "yes", 3, 0, (struct sockaddr *)&to, sizeof(to)), ==, 3);
    expect_input(l, "yes", 3);
    close(peer);
    send_text(l->chardev, "lost");
    spin(5);
    send_text(l->chardev, "lost as well"); /* after the host has told that nobody is there */
    spin(5);
    close(other);
    finish(l);
}

static void test_websocket_clients_come_one_after_the_other(void)
{
    static const char request[] =
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: "
        "dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n\x82\x82\0\0\0\0hi";
    g_autofree char *path = in_dir("ws");
    char buf[256] = {0};

    open_opts("socket,id=s,path=%s,server=on,wait=off,websocket=on", path);
    struct line *l = line_new("s");
    int bad = dial(path);
    g_assert_cmpint(send(bad, "GET / HTTP/1.0\r\n\r\n", 18, 0), ==, 18);
    spin(20);
    g_assert_cmpint(read(bad, buf, sizeof(buf)), >, 0);
    g_assert_nonnull(strstr(buf, "400 Bad Request"));
    g_assert_cmpuint(l->opened, ==, 0);
    int fd = dial(path);
    g_assert_cmpint(send(fd, request, sizeof(request) - 1, 0), ==, sizeof(request) - 1);
    expect_input(l, "hi", 2);
    g_assert_cmpint(read(fd, buf, 129), ==, 129); /* the answer */
    send_text(l->chardev, "lo");
    expect_output(fd, "\x82\2lo");
    g_assert_cmpint(send(fd, "\x88\x80\0\0\0\0", 6, 0), ==, 6);
    spin(20);
    g_assert_cmpuint(l->closed, ==, 1);
    close(bad);
    close(fd);
    finish(l);
}

static void test_hub_joins_back_ends(void)
{
    g_autofree char *a_path = in_dir("hub-a"), *b_path = in_dir("hub-b");
    g_autofree char *data = g_strnfill(6000, 'q');

    open_opts("socket,id=a,path=%s,server=on,wait=off", a_path);
    open_opts("socket,id=b,path=%s,server=on,wait=off", b_path);
    open_opts("hub,id=h,chardevs.0=a,chardevs.1=b");
    struct line *l = line_new("h");
    int a = dial(a_path);
    spin(20);
    g_assert_cmpuint(l->opened, ==, 1);
    int b = dial(b_path);
    spin(20);
    send_text(l->chardev, "to all");
    expect_output(a, "to all");
    expect_output(b, "to all");
    g_assert_cmpint(send(a, "from a", 6, 0), ==, 6);
    expect_input(l, "from a", 6);
    l->room = 100; /* then nothing fits, and nothing is lost */
    g_assert_cmpint(send(b, data, 6000, 0), ==, 6000);
    spin(20);
    g_assert_cmpuint(l->n, ==, 100);
    l->room = SIZE_MAX;
    chardev_resume(l->chardev);
    expect_input(l, data, 6000);
    close(a);
    spin(20);
    g_assert_cmpuint(l->closed, ==, 0);
    close(b);
    spin(20);
    g_assert_cmpuint(l->closed, ==, 1);
    finish(l);
}

static void note_status(void *opaque, int status)
{
    g_string_append_printf(opaque, "%d ", status);
}

static void test_testdev_ends_with_the_status_it_is_told(void)
{
    struct chardev *c = open_opts("testdev,id=t");
    g_autoptr(GString) told = g_string_new(NULL);

    chardev_set_exit_handler(note_status, told);
    send_text(c, "0q");
    send_text(c, "1");
    send_text(c, "2q7x3q99999999999999999999q");
    g_assert_cmpstr(told->str, ==, "1 25 7 1 "); /* before the program that wrote it goes on */
    spin(5);
    g_assert_cmpstr(told->str, ==, "1 25 7 1 ");
    chardev_set_exit_handler(NULL, NULL);
    chardev_free_all();
}

static void tap_text(void *opaque, const uint8_t *buf, size_t n)
{
    g_string_append_len(opaque, (const char *)buf, (gssize)n);
}

/* The other end takes nothing, and the watcher sees all the same. */
static void test_tap_sees_all_output(void)
{
    struct line *l;
    g_autofree char *path = in_dir("tap"), *spec = g_strdup_printf("pipe:%s", path);
    g_autoptr(GString) seen = g_string_new(NULL);
    struct error *err = NULL;

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    struct chardev *c = chardev_new_legacy("serial0", spec, &err);
    g_assert_nonnull(c);
    l = line_new("serial0");
    send_text(c, "before ");
    chardev_tap(c, tap_text, seen);
    for (int i = 0; i < 40000; i++)
        send_text(c, "0123456789");
    chardev_tap_flush(c);
    g_assert_cmpuint(seen->len, ==, 400000);
    g_assert_cmpint(strncmp(seen->str, "0123456789", 10), ==, 0);
    chardev_tap(c, NULL, NULL);
    send_text(c, "after");
    spin(5);
    g_assert_cmpuint(seen->len, ==, 400000);
    finish(l);
}

/* Escapes are the user's; what is typed for him has none, and waits for room. */
static void test_feed_reaches_the_front_end_as_it_is(void)
{
    struct chardev *c = open_opts("null,id=serial0,mux=on");
    struct line *l = line_new("serial0");
    g_autofree char *text = g_strnfill(6000, 'z');

    text[0] = 1;
    text[1] = 'x';
    l->room = 10;
    chardev_feed(c, (const uint8_t *)text, 6000);
    spin(10);
    g_assert_cmpuint(l->n, ==, 10);
    g_assert_false(chardev_feed_done(c));
    for (int i = 0; i < 10; i++) {
        l->room = 700;
        chardev_resume(c);
        spin(5);
    }
    g_assert_true(chardev_feed_done(c));
    g_assert_cmpmem(l->got, l->n, text, 6000);
    finish(l);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("tinamou-chardev-XXXXXX", NULL);
    g_test_add_func("/chardev/file", test_file_and_its_log);
    g_test_add_func("/chardev/pipe", test_named_pipes);
    g_test_add_func("/chardev/unix", test_unix_server_serves_one_after_the_other);
    g_test_add_func("/chardev/flow", test_full_front_end_loses_nothing);
    g_test_add_func("/chardev/stuck", test_a_stuck_reader_costs_a_bounded_buffer);
    g_test_add_func("/chardev/telnet", test_telnet_commands_stay_out_of_the_data);
    g_test_add_func("/chardev/reconnect", test_tcp_client_reconnects);
    g_test_add_func("/chardev/fd", test_inherited_sockets_serve);
    g_test_add_func("/chardev/ringbuf", test_ring_keeps_the_last_bytes);
    g_test_add_func("/chardev/change", test_back_end_is_changed_under_a_device);
    g_test_add_func("/chardev/serial", test_host_serial_port);
    g_test_add_func("/chardev/wait", test_server_waits_for_its_first_peer);
    g_test_add_func("/chardev/pty", test_pty_is_a_clean_line);
    g_test_add_func("/chardev/mux", test_mux_escapes);
    g_test_add_func("/chardev/restore", test_terminal_is_restored_whatever_ends_us);
    g_test_add_func("/chardev/job-control", test_terminal_follows_job_control);
    g_test_add_func("/chardev/errors", test_bad_options_are_told);
    g_test_add_func("/chardev/front-ends", test_one_front_end_unless_muxed);
    g_test_add_func("/chardev/udp", test_udp_talks_to_its_peer_only);
    g_test_add_func("/chardev/websocket", test_websocket_clients_come_one_after_the_other);
    g_test_add_func("/chardev/hub", test_hub_joins_back_ends);
    g_test_add_func("/chardev/testdev", test_testdev_ends_with_the_status_it_is_told);
    g_test_add_func("/chardev/tap", test_tap_sees_all_output);
    g_test_add_func("/chardev/feed", test_feed_reaches_the_front_end_as_it_is);
    int ret = g_test_run();
    g_autofree char *cmd = g_strdup_printf("rm -r '%s'", dir);
    if (system(cmd))
        g_message("could not remove %s", dir);
    g_free(dir);
    return ret;
}
