/*
 * The operations of semihosting on the host's files.  Ref: Semihosting for AArch32 and AArch64,
 * version 2.0, chapters 5 (parameters) and 6 (operations).
 *
 * They run on the vCPU's thread.  What would wait for long (input, a command) is left and called
 * again, so that the vCPU gets to its safe points.
 */
#include "core/semihost.h"

#include "core/clock.h"
#include "core/debug.h"
#include "core/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_HANDLES = 128, MAX_NAME = 4096, MAX_TEXT = 1 << 20, PIECE = 4096 };
/* 5.5: the features file: a signature, then bits. */
static const uint8_t features[] = {'S', 'H', 'F', 'B', 0x03 /* SYS_EXIT_EXTENDED, stderr */};
/* 7.1: why a program stops. */
enum { APPLICATION_EXIT = 0x20026 };

struct handle {
    enum { HANDLE_FREE, HANDLE_FILE, HANDLE_IN, HANDLE_OUT, HANDLE_ERR, HANDLE_FEATURES } kind;
    int fd;       /* HANDLE_FILE */
    unsigned pos; /* HANDLE_FEATURES */
    unsigned refs;
    bool closed; /* once nobody uses it */
};

struct semihost {
    struct machine *m;
    char *command_line;
    bool from_user_mode;
    struct semihost_console console;
    struct mutex lock; /* a leaf */
    struct handle handles[MAX_HANDLES] GUARDED_BY(lock);
    _Atomic int last_error;
    pid_t *commands; /* of SYS_SYSTEM, by vCPU, while they run; the vCPU's own */
};

/* One call on its way. */
struct call {
    struct semihost *s;
    struct cpu *cpu;
    unsigned word;
    uint64_t arg;
    uint64_t result;
    bool again;
};

/* ---- parameters and results ---- */

static void fail(struct call *c, int error)
{
    atomic_store_explicit(&c->s->last_error, error, memory_order_relaxed);
    c->result = UINT64_MAX;
}

static bool get(struct call *c, uint64_t addr, void *buf, size_t n)
{
    if (debug_read(c->cpu, false, addr, buf, n))
        return true;
    fail(c, EFAULT);
    return false;
}

static bool put(struct call *c, uint64_t addr, const void *buf, size_t n)
{
    if (debug_write(c->cpu, false, addr, buf, n))
        return true;
    fail(c, EFAULT);
    return false;
}

static bool get_word(struct call *c, uint64_t addr, uint64_t *val)
{
    *val = 0;
    return get(c, addr, val, c->word); /* both are little endian */
}

static bool get_params(struct call *c, uint64_t *out, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!get_word(c, c->arg + i * c->word, &out[i]))
            return false;
    return true;
}

static bool put_param(struct call *c, unsigned i, uint64_t val)
{
    return put(c, c->arg + i * c->word, &val, c->word);
}

/* Text of len bytes, g_free it; NULL: failed. */
static char *get_name(struct call *c, uint64_t addr, uint64_t len)
{
    if (len > MAX_NAME) {
        fail(c, ENAMETOOLONG);
        return NULL;
    }
    g_autofree char *name = g_malloc0(len + 1);
    return get(c, addr, name, len) ? g_steal_pointer(&name) : NULL;
}

/* ---- handles: numbers from 1 ---- */

static uint64_t handle_new(struct semihost *s, struct handle h)
{
    uint64_t n = 0;

    h.refs = 1;
    mutex_lock(&s->lock);
    for (unsigned i = 0; i < MAX_HANDLES && !n; i++)
        if (s->handles[i].kind == HANDLE_FREE) {
            s->handles[i] = h;
            n = i + 1;
        }
    mutex_unlock(&s->lock);
    return n;
}

/* Borrow: another vCPU may close it meanwhile. */
static struct handle *handle_get(struct call *c, uint64_t n)
{
    struct semihost *s = c->s;
    struct handle *h = NULL;

    mutex_lock(&s->lock);
    if (n - 1 < MAX_HANDLES && s->handles[n - 1].kind != HANDLE_FREE && !s->handles[n - 1].closed) {
        h = &s->handles[n - 1];
        h->refs++;
    }
    mutex_unlock(&s->lock);
    if (!h)
        fail(c, EBADF);
    return h;
}

static void handle_put(struct semihost *s, struct handle *h, bool close_it)
{
    int fd = -1;

    mutex_lock(&s->lock);
    h->refs -= 1 + (close_it && !h->closed);
    h->closed |= close_it;
    if (!h->refs) {
        if (h->kind == HANDLE_FILE)
            fd = h->fd;
        h->kind = HANDLE_FREE;
        h->closed = false;
    }
    mutex_unlock(&s->lock);
    if (fd >= 0)
        close(fd);
}

/* ---- the console ---- */

/* A reader that does not read costs the rest, not the machine: how many bytes went out. */
static size_t write_fd(int fd, const uint8_t *buf, size_t n)
{
    enum { PATIENCE_MS = 200, STEP = 512 };
    size_t done = 0;

    while (done < n) {
        struct pollfd p = {.fd = fd, .events = POLLOUT};
        if (poll(&p, 1, PATIENCE_MS) <= 0)
            break;
        ssize_t now = write(fd, buf + done, MIN(n - done, (size_t)STEP));
        if (now < 0 && errno != EINTR && errno != EAGAIN)
            break;
        done += now > 0 ? (size_t)now : 0;
    }
    return done;
}

static size_t write_console(struct semihost *s, bool is_error, const uint8_t *buf, size_t n)
{
    if (!s->console.write)
        return write_fd(is_error ? STDERR_FILENO : STDOUT_FILENO, buf, n);
    s->console.write(s->console.opaque, buf, n);
    return n;
}

static void op_writec(struct call *c)
{
    uint8_t ch;

    if (get(c, c->arg, &ch, 1))
        write_console(c->s, false, &ch, 1);
}

/* Up to a zero byte. */
static void op_write0(struct call *c)
{
    GByteArray *text = g_byte_array_new();
    uint8_t ch;

    for (uint64_t at = c->arg; text->len < MAX_TEXT && get(c, at, &ch, 1) && ch; at++)
        g_byte_array_append(text, &ch, 1);
    write_console(c->s, false, text->data, text->len);
    g_byte_array_unref(text);
}

/* False: there is nothing yet. */
static bool read_console(struct call *c, uint8_t *buf, size_t n, size_t *got)
{
    *got = 0;
    if (!c->s->console.read)
        return true; /* the end */
    *got = c->s->console.read(c->s->console.opaque, buf, n);
    c->again = !*got;
    return !c->again;
}

static void op_readc(struct call *c)
{
    uint8_t ch;
    size_t got;

    if (read_console(c, &ch, 1, &got))
        c->result = got ? ch : UINT64_MAX;
}

/* ---- files ---- */

static uint64_t open_special(struct call *c, const char *name, uint64_t mode)
{
    struct handle h = {.kind = HANDLE_FEATURES};

    if (!strcmp(name, ":tt"))
        h.kind = mode < 4 ? HANDLE_IN : mode < 8 ? HANDLE_OUT : HANDLE_ERR;
    else if (strcmp(name, ":semihosting-features") != 0 || mode > 1)
        return 0;
    return handle_new(c->s, h);
}

/* NAME, MODE (of fopen's: r rb r+ r+b w ...), LENGTH. */
static void op_open(struct call *c)
{
    static const int flags[] = {O_RDONLY,
                                O_RDWR,
                                O_WRONLY | O_CREAT | O_TRUNC,
                                O_RDWR | O_CREAT | O_TRUNC,
                                O_WRONLY | O_CREAT | O_APPEND,
                                O_RDWR | O_CREAT | O_APPEND};
    uint64_t p[3];
    g_autofree char *name = get_params(c, p, 3) ? get_name(c, p[0], p[2]) : NULL;

    if (!name)
        return;
    if (p[1] / 2 >= ARRAY_SIZE(flags)) {
        fail(c, EINVAL);
        return;
    }
    c->result = open_special(c, name, p[1]);
    if (c->result)
        return;
    int fd = name[0] == ':' ? -1 : open(name, flags[p[1] / 2] | O_CLOEXEC | O_NONBLOCK, 0644);
    if (fd < 0) {
        fail(c, name[0] == ':' ? ENOENT : errno);
        return;
    }
    c->result = handle_new(c->s, (struct handle){.kind = HANDLE_FILE, .fd = fd});
    if (c->result)
        return;
    close(fd);
    fail(c, EMFILE);
}

static void op_close(struct call *c)
{
    uint64_t n;
    struct handle *h = get_params(c, &n, 1) ? handle_get(c, n) : NULL;

    if (h)
        handle_put(c->s, h, true);
}

/* At most n bytes; -1: errno says why. */
static ssize_t read_some(struct call *c, struct handle *h, uint8_t *buf, size_t n)
{
    size_t got;

    switch (h->kind) {
    case HANDLE_FILE: return read(h->fd, buf, n);
    case HANDLE_IN: return read_console(c, buf, n, &got) ? (ssize_t)got : 0;
    case HANDLE_FEATURES:
        got = MIN(n, sizeof(features) - MIN(h->pos, sizeof(features)));
        memcpy(buf, features + MIN(h->pos, sizeof(features)), got);
        h->pos += got;
        return (ssize_t)got;
    default: errno = EBADF; return -1;
    }
}

/* How many of len bytes came; a line of input is not waited for to be full. */
static uint64_t read_into(struct call *c, struct handle *h, uint64_t addr, uint64_t len)
{
    uint8_t buf[PIECE];
    uint64_t done = 0;

    while (done < len) {
        ssize_t n = read_some(c, h, buf, MIN(len - done, sizeof(buf)));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && !done)
            c->again = true; /* a pipe */
        else if (n < 0)
            fail(c, errno);
        if (n <= 0 || !put(c, addr + done, buf, (size_t)n))
            break;
        done += (uint64_t)n;
        if (h->kind == HANDLE_IN)
            break;
    }
    return done;
}

/* HANDLE, BUFFER, LENGTH of a transfer: the result, also of one that fails, is how many bytes were
 * not moved.  NULL: failed. */
static struct handle *get_transfer(struct call *c, uint64_t p[3])
{
    if (!get_params(c, p, 3))
        return NULL;
    struct handle *h = handle_get(c, p[0]);
    if (!h)
        c->result = p[2];
    return h;
}

static void op_read(struct call *c)
{
    uint64_t p[3];
    struct handle *h = get_transfer(c, p);

    if (!h)
        return;
    c->result = p[2] - read_into(c, h, p[1], p[2]);
    handle_put(c->s, h, false);
}

static size_t write_some(struct call *c, const struct handle *h, const uint8_t *buf, size_t n)
{
    switch (h->kind) {
    case HANDLE_FILE: return write_fd(h->fd, buf, n);
    case HANDLE_OUT: return write_console(c->s, false, buf, n);
    case HANDLE_ERR: return write_console(c->s, true, buf, n);
    default: fail(c, EBADF); return 0;
    }
}

static void op_write(struct call *c)
{
    uint8_t buf[PIECE];
    uint64_t p[3], done = 0;
    struct handle *h = get_transfer(c, p);

    if (!h)
        return;
    while (done < p[2]) {
        size_t now, n = MIN(p[2] - done, sizeof(buf));
        if (!get(c, p[1] + done, buf, n))
            break;
        now = write_some(c, h, buf, n);
        done += now;
        if (now < n)
            break;
    }
    c->result = p[2] - done;
    handle_put(c->s, h, false);
}

static void op_iserror(struct call *c)
{
    uint64_t code;

    if (get_params(c, &code, 1))
        c->result = (c->word == 8 ? (int64_t)code : (int64_t)(int32_t)code) < 0;
}

static void op_istty(struct call *c)
{
    uint64_t n;
    struct handle *h = get_params(c, &n, 1) ? handle_get(c, n) : NULL;

    if (!h)
        return;
    c->result = h->kind == HANDLE_FILE ? isatty(h->fd) == 1 : h->kind != HANDLE_FEATURES;
    handle_put(c->s, h, false);
}

static bool seek_to(struct handle *h, uint64_t pos)
{
    if (h->kind == HANDLE_FILE)
        return lseek(h->fd, (off_t)pos, SEEK_SET) >= 0;
    errno = ESPIPE;
    if (h->kind != HANDLE_FEATURES)
        return false;
    h->pos = (unsigned)MIN(pos, sizeof(features));
    return true;
}

/* HANDLE, POSITION */
static void op_seek(struct call *c)
{
    uint64_t p[2];
    struct handle *h = get_params(c, p, 2) ? handle_get(c, p[0]) : NULL;

    if (!h)
        return;
    if (!seek_to(h, p[1]))
        fail(c, errno);
    handle_put(c->s, h, false);
}

static void op_flen(struct call *c)
{
    uint64_t n;
    struct stat st;
    struct handle *h = get_params(c, &n, 1) ? handle_get(c, n) : NULL;

    if (!h)
        return;
    if (h->kind == HANDLE_FEATURES)
        c->result = sizeof(features);
    else if (h->kind == HANDLE_FILE && !fstat(h->fd, &st))
        c->result = (uint64_t)st.st_size;
    else
        fail(c, EINVAL);
    handle_put(c->s, h, false);
}

/* BUFFER, NUMBER (0..255), LENGTH */
static void op_tmpnam(struct call *c)
{
    uint64_t p[3];

    if (!get_params(c, p, 3))
        return;
    g_autofree char *name =
        g_strdup_printf("%s/tinamou-%d-%02x", g_get_tmp_dir(), (int)getpid(), (unsigned)p[1] & 255);
    if (p[1] > 255 || strlen(name) >= p[2])
        fail(c, EINVAL);
    else
        put(c, p[0], name, strlen(name) + 1);
}

/* NAME, LENGTH */
static void op_remove(struct call *c)
{
    uint64_t p[2];
    g_autofree char *name = get_params(c, p, 2) ? get_name(c, p[0], p[1]) : NULL;

    if (name && remove(name))
        fail(c, errno);
}

/* OLD, LENGTH, NEW, LENGTH */
static void op_rename(struct call *c)
{
    uint64_t p[4];
    g_autofree char *from = get_params(c, p, 4) ? get_name(c, p[0], p[1]) : NULL;
    g_autofree char *to = from ? get_name(c, p[2], p[3]) : NULL;

    if (to && rename(from, to))
        fail(c, errno);
}

/* ---- time ---- */

static void op_clock(struct call *c)
{
    c->result = (uint64_t)clock_now() / 10000000; /* hundredths of a second */
}

static void op_time(struct call *c)
{
    c->result = (uint64_t)(clock_wall() / 1000000000);
}

/* A 64-bit count into the block. */
static void op_elapsed(struct call *c)
{
    uint64_t now = (uint64_t)clock_now();

    put(c, c->arg, &now, sizeof(now));
}

static void op_tickfreq(struct call *c)
{
    c->result = 1000000000;
}

/* ---- the program and its end ---- */

/* BUFFER, LENGTH; the length without the final zero is written back. */
static void op_get_cmdline(struct call *c)
{
    uint64_t p[2];
    size_t len = strlen(c->s->command_line);

    if (!get_params(c, p, 2))
        return;
    if (len >= p[1])
        fail(c, E2BIG);
    else if (put(c, p[0], c->s->command_line, len + 1))
        put_param(c, 1, len);
}

/* Zeros: the library's own idea of its heap and stack is right. */
static void op_heapinfo(struct call *c)
{
    uint64_t block;

    if (!get_word(c, c->arg, &block))
        return;
    for (unsigned i = 0; i < 4; i++)
        if (!put(c, block + i * c->word, &(uint64_t){0}, c->word))
            return;
}

static void op_errno(struct call *c)
{
    c->result = (uint64_t)atomic_load_explicit(&c->s->last_error, memory_order_relaxed);
}

static void end_program(struct call *c, uint64_t reason, uint64_t code)
{
    int status = reason == APPLICATION_EXIT ? (int)(uint32_t)code : 1;

    machine_request_shutdown(c->s->m, SHUTDOWN_GUEST_OFF, status);
}

static void op_exit_extended(struct call *c)
{
    uint64_t p[2];

    if (get_params(c, p, 2))
        end_program(c, p[0], p[1]);
}

/* 32-bit programs have no room for a status. */
static void op_exit(struct call *c)
{
    if (c->word == 8)
        op_exit_extended(c);
    else
        end_program(c, c->arg, 0);
}

static pid_t start_command(struct call *c)
{
    extern char **environ;
    char sh[] = "sh", dash_c[] = "-c";
    uint64_t p[2];
    pid_t pid;
    g_autofree char *text = get_params(c, p, 2) ? get_name(c, p[0], p[1]) : NULL;

    if (!text)
        return 0;
    char *argv[] = {sh, dash_c, text, NULL};
    int error = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ);
    if (!error)
        return pid;
    fail(c, error);
    return 0;
}

/* COMMAND, LENGTH: its status, once it has ended. */
static void op_system(struct call *c)
{
    pid_t *pid = &c->s->commands[c->cpu->index];
    int status = 0;

    if (!*pid)
        *pid = start_command(c);
    if (!*pid)
        return;
    pid_t got = waitpid(*pid, &status, WNOHANG);
    c->again = !got;
    if (c->again)
        return;
    *pid = 0;
    c->result = (uint64_t)(got > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* ---- all of them ---- */

bool semihost_call(struct cpu *cpu, unsigned word, uint32_t op, uint64_t arg, uint64_t *result)
{
    static void (*const ops[])(struct call * c) = {
        [0x01] = op_open,          [0x02] = op_close,    [0x03] = op_writec,
        [0x04] = op_write0,        [0x05] = op_write,    [0x06] = op_read,
        [0x07] = op_readc,         [0x08] = op_iserror,  [0x09] = op_istty,
        [0x0a] = op_seek,          [0x0c] = op_flen,     [0x0d] = op_tmpnam,
        [0x0e] = op_remove,        [0x0f] = op_rename,   [0x10] = op_clock,
        [0x11] = op_time,          [0x12] = op_system,   [0x13] = op_errno,
        [0x15] = op_get_cmdline,   [0x16] = op_heapinfo, [0x18] = op_exit,
        [0x20] = op_exit_extended, [0x30] = op_elapsed,  [0x31] = op_tickfreq,
    };
    struct call c = {cpu->machine->semihost, cpu, word, arg, 0, false};

    if (op < ARRAY_SIZE(ops) && ops[op])
        ops[op](&c);
    else
        fail(&c, ENOSYS);
    *result = c.result;
    return !c.again;
}

bool semihost_serves_user(const struct semihost *s)
{
    return s->from_user_mode;
}

struct semihost *semihost_new(struct machine *m, const char *command_line, bool from_user_mode,
                              const struct semihost_console *console)
{
    struct semihost *s = g_new0(struct semihost, 1);

    s->m = m;
    s->command_line = g_strdup(command_line);
    s->from_user_mode = from_user_mode;
    if (console)
        s->console = *console;
    s->commands = g_new0(pid_t, MACHINE_MAX_CPUS);
    mutex_init(&s->lock);
    return s;
}

void semihost_free(struct semihost *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < MAX_HANDLES; i++)
        if (s->handles[i].kind == HANDLE_FILE)
            close(s->handles[i].fd);
    mutex_fini(&s->lock);
    g_free(s->commands);
    g_free(s->command_line);
    g_free(s);
}
