/* Inside of the character back ends: what a driver provides and what it may call.  All of it runs
 * in the main loop. */
#ifndef CHARDEV_CHARDEV_PRIV_H
#define CHARDEV_CHARDEV_PRIV_H

#include "chardev/chardev.h"
#include "util/optparse.h"

#include <glib.h>
#include <sys/types.h>

enum {
    CHARDEV_IN_SIZE = 4096,     /* input that the front end did not take yet */
    CHARDEV_OUT_MAX = 1 << 20,  /* output that the back end did not take yet; more is lost */
    CHARDEV_TAP_MAX = 16 << 20, /* output that a watcher did not see yet; more is lost */
    CHARDEV_MAX_FRONTS = 4,     /* that share a mux */
    CHARDEV_MAX_FDS = 16,       /* that wait for chardev_take_fd() */
};

struct chardev_driver {
    const char *name, *help;
    const char *const *options; /* NULL-terminated names, for error messages */
    bool (*open)(struct chardev *c, struct opts *o, struct error **errp);
    void (*close)(struct chardev *c);
    /* Take some of n bytes; -1 with errno EAGAIN to be called again when out_fd is ready.  NULL:
     * write to out_fd. */
    ssize_t (*write)(struct chardev *c, const uint8_t *buf, size_t n);
    /* The same bytes before, in the writer's thread and with c->lock; may be NULL. */
    void (*hear)(struct chardev *c, const uint8_t *buf, size_t n);
    /* Rework raw input in place before anyone sees it; returns the new length.  May be NULL. */
    size_t (*filter)(struct chardev *c, uint8_t *buf, size_t n);
    void (*hangup)(struct chardev *c); /* in_fd ended; NULL: just stop reading */
    /* What is at the other end, g_free()d; NULL: the driver's name says it. */
    char *(*describe)(const struct chardev *c);
    void (*room)(struct chardev *c); /* input was taken; may be NULL */
};
extern const struct chardev_driver chardev_hub, chardev_null, chardev_stdio, chardev_file,
    chardev_pipe, chardev_pty, chardev_socket, chardev_ringbuf, chardev_testdev, chardev_tty,
    chardev_udp, chardev_vc;

struct chardev_front_end {
    const struct chardev_user *user; /* with opaque; or else dev and what follows it */
    void *opaque;
    struct device *dev;
    chardev_receive_fn *receive;
    chardev_event_fn *event;
    void *slot; /* the property that holds the chardev */
};

struct chardev {
    char *id;
    const struct chardev_driver *drv;
    void *priv; /* the driver's */
    bool mux, escapes, connected;
    unsigned announce; /* bits of front ends that are yet to hear CHARDEV_OPENED */
    struct chardev_front_end front[CHARDEV_MAX_FRONTS];
    unsigned nfronts, focus;

    int in_fd, out_fd; /* -1: none */
    int terminal_fd;   /* of a terminal with a size, while the back end exists; -1: none */
    bool passes_fds;   /* a UNIX socket, over which file descriptors come */
    int fds[CHARDEV_MAX_FDS];
    unsigned nfds;
    bool in_is_tty,
        out_blocks; /* out_blocks: shared with others, so it must not be made non-blocking */
    guint in_watch, out_watch;
    GSource *kick; /* runs chardev_work() when another thread asks */
    int log_fd;

    uint8_t in[CHARDEV_IN_SIZE];
    size_t in_head, in_len;
    _Atomic bool in_waiting; /* the front end was full; it calls chardev_resume() */
    bool escaped;            /* the escape character came last */
    GByteArray *feed;        /* input by chardev_feed() that front[0] did not take yet, or NULL */

    chardev_tap_fn *tap; /* set while nobody writes */
    void *tap_opaque;

    bool timestamps, at_line_start;
    ns_t first_stamp;

    struct mutex lock; /* a leaf: guards what follows */
    GByteArray *out GUARDED_BY(lock);
    bool lost GUARDED_BY(lock);
    GByteArray *tapped GUARDED_BY(lock); /* what the tap has not seen yet; NULL without one */
    bool tap_lost GUARDED_BY(lock);
    struct chardev *next;
};

/* io.c: make fds the back end's two ends and say so to the front ends; then forget them (the caller
 * closes). */
void chardev_connect(struct chardev *c, int in_fd, int out_fd);
void chardev_disconnect(struct chardev *c);
void chardev_io_init(struct chardev *c);
void chardev_io_fini(struct chardev *c);
/* Push out what is buffered, for at most ms milliseconds. */
void chardev_drain(struct chardev *c, int ms);
/* fds.c: read() that keeps what file descriptors come along; close those nobody took. */
ssize_t chardev_read_fds(struct chardev *c, void *buf, size_t n);
void chardev_drop_fds(struct chardev *c);
void chardev_deliver(struct chardev *c);
void chardev_send_event(struct chardev *c, enum chardev_event ev);
void chardev_announce(struct chardev *c, unsigned front);
void chardev_tell(struct chardev_front_end *f, enum chardev_event ev); /* one front end only */
/* mux.c: queue input while looking for escapes; what the mux itself says; output with timestamps
 * (g_free it). */
void mux_input(struct chardev *c, const uint8_t *buf, size_t n);
void mux_quit(void);
uint8_t *mux_stamp(struct chardev *c, const uint8_t *buf, size_t n, size_t *out_len);
/* chardev.c */
bool chardev_is_live(const struct chardev *c);
/* chardev_find() with an error that names the nearest id. */
struct chardev *chardev_find_named(const char *id, struct error **errp) MUST_CHECK;

#endif
