/* The other end of a test program's console: it ends the machine with a status.  The protocol is
 * that of kvm-unit-tests: a command is a letter behind its decimal argument, and "Nq" ends with
 * status 2 N + 1, so that 1 says success. */
#include "chardev/chardev_priv.h"

enum { MAX_ARGUMENT = 1 << 20 };

static void (*exit_fn)(void *opaque, int status);
static void *exit_opaque;

struct testdev {
    int argument;
};

void chardev_set_exit_handler(void (*fn)(void *opaque, int status), void *opaque)
{
    exit_fn = fn;
    exit_opaque = opaque;
}

static void take(struct testdev *t, uint8_t b)
{
    if (g_ascii_isdigit(b)) {
        t->argument = MIN(t->argument * 10 + b - '0', MAX_ARGUMENT);
        return;
    }
    if (b == 'q' && exit_fn)
        exit_fn(exit_opaque, (t->argument << 1 | 1) & 0xff);
    t->argument = 0; /* other letters are other commands, which nobody sends */
}

/* At once: the program goes on to power off, which must not be what ends the machine. */
static void testdev_hear(struct chardev *c, const uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n; i++)
        take(c->priv, buf[i]);
}

static ssize_t testdev_write(struct chardev *c UNUSED, const uint8_t *buf UNUSED, size_t n)
{
    return (ssize_t)n;
}

static bool testdev_open(struct chardev *c, struct opts *o UNUSED, struct error **errp UNUSED)
{
    c->priv = g_new0(struct testdev, 1);
    chardev_connect(c, -1, -1);
    return true;
}

static void testdev_close(struct chardev *c)
{
    chardev_disconnect(c);
    g_free(c->priv);
}

static const char *const testdev_options[] = {NULL};
const struct chardev_driver chardev_testdev = {
    .name = "testdev",
    .help = "ends the machine: a test program writes \"Nq\", the status is 2 N + 1",
    .options = testdev_options,
    .open = testdev_open,
    .close = testdev_close,
    .write = testdev_write,
    .hear = testdev_hear,
};
