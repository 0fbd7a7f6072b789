/*
 * Character back ends: the other end of a serial line.
 *
 * Input runs in the main loop: the back end calls the front end's receive function with the front
 * end's device lock held; bytes that it does not take are offered again after chardev_resume().
 * Output may come from any thread.
 */
#ifndef CHARDEV_CHARDEV_H
#define CHARDEV_CHARDEV_H

#include "core/device.h"
#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chardev;

/* Create from "stdio", "mon:stdio", "file:PATH", "pty", "null", "tcp:HOST:PORT,server=on,wait=off",
 * "unix:PATH,server,nowait", "chardev:ID", "none" (-serial syntax).  id may be NULL. */
struct chardev *chardev_new_legacy(const char *id, const char *text,
                                   struct error **errp) MUST_CHECK;
/* Create from "-chardev BACKEND,id=ID,k=v". */
struct chardev *chardev_new_opts(const char *text, struct error **errp) MUST_CHECK;
struct chardev *chardev_find(const char *id);
/* Call fn for each, in the order in which they were made. */
void chardev_foreach(void (*fn)(struct chardev *c, void *opaque), void *opaque);
const char *chardev_id(const struct chardev *c);
/* What is at its other end, as lists of them show it ("unix:PATH,server=on"); g_free it. */
char *chardev_describe(const struct chardev *c);
/* Somebody is attached to it. */
bool chardev_has_front(const struct chardev *c);
/* Take one down; false when a front end uses it. */
bool chardev_remove(struct chardev *c, struct error **errp) MUST_CHECK;
/* Put another back end in c's place, under its id; text is as for chardev_new_opts(), id= left out
 * or the same.  The device at c goes on with the new one, which is returned, and c is gone; on
 * failure c stays.  Not for a mux, nor for front ends that are no devices.  While no vCPU runs. */
struct chardev *chardev_change(struct chardev *c, const char *text, struct error **errp) MUST_CHECK;
/* Its front end hears a break, as when the user types one. */
void chardev_send_break(struct chardev *c);
/* The oldest of the file descriptors that came over a UNIX socket, or -1; the caller's to close. */
int chardev_take_fd(struct chardev *c);
/* The names of the back ends, NULL-terminated; g_free it. */
const char **chardev_driver_names(void);
void chardev_free_all(void); /* flush, restore the terminal */
/* Restore the terminal only; async-signal-safe, for fatal exit paths. */
void chardev_restore_terminal(void);
/* "Ctrl-a x" on a stdio or mux back end calls this (main loop's thread); escape char 0 disables
 * escapes (-echr). */
void chardev_set_quit_handler(void (*fn)(void *opaque), void *opaque);
/* A testdev back end calls this when a test program is done (main loop's thread). */
void chardev_set_exit_handler(void (*fn)(void *opaque, int status), void *opaque);
void chardev_set_escape(int ch);
/* List the back ends (-chardev help). */
void chardev_print_help(FILE *f);

/* How many bytes the front end takes now; called with dev->lock held. */
typedef size_t chardev_receive_fn(struct device *dev, const uint8_t *buf, size_t n);
enum chardev_event {
    CHARDEV_OPENED,
    CHARDEV_CLOSED,
    CHARDEV_BREAK,
    CHARDEV_FOCUS_IN, /* of a mux: this front end gets what is typed from now on */
    CHARDEV_FOCUS_OUT,
    CHARDEV_RESIZED, /* the terminal at the other end has another size */
};
typedef void chardev_event_fn(struct device *dev, enum chardev_event ev);
/* Whether a terminal may be at the other end; its size in characters, false when it is not known.
 * Any thread, NULL is allowed. */
bool chardev_is_terminal(const struct chardev *c);
bool chardev_terminal_size(const struct chardev *c, uint16_t *cols, uint16_t *rows);
/* Attach a front end (PROP_CHARDEV does it); false when the back end has one already. */
bool chardev_attach(struct chardev *c, struct device *dev, chardev_receive_fn *receive,
                    struct error **errp);
void chardev_on_event(struct chardev *c, struct device *dev, chardev_event_fn *event);
/* A front end that is no device: a monitor, a debugger.  Called in the main loop, no lock held. */
struct chardev_user {
    const char *name; /* for messages: "a monitor" */
    /* How many bytes it takes now; the rest is offered again after chardev_resume(), and when all
     * output is out. */
    size_t (*receive)(void *opaque, const uint8_t *buf, size_t n);
    void (*event)(void *opaque, enum chardev_event ev); /* may be NULL */
};
/* CHARDEV_OPENED comes soon when the back end is connected already.  False when it has a front end
 * and is no mux. */
bool chardev_attach_user(struct chardev *c, const struct chardev_user *user, void *opaque,
                         struct error **errp) MUST_CHECK;
void chardev_detach_user(struct chardev *c, void *opaque);
bool chardev_is_mux(const struct chardev *c);
/* Some back end has standard input and output. */
bool chardev_uses_terminal(void);
/* Send all of it, however long: for front ends that read on only when chardev_backlog(), the bytes
 * that wait for the other end, is small.  Any thread. */
void chardev_write_all(struct chardev *c, const uint8_t *buf, size_t n);
size_t chardev_backlog(struct chardev *c);
/* Forget what waits: its receiver is gone, and is not to be taken for the next one. */
void chardev_discard(struct chardev *c);
/* Hand what waits to the back end now, as far as it takes it; main loop's thread. */
void chardev_drain_now(struct chardev *c);
/* Send; NULL c is allowed (unconnected line).  Never blocks the caller for long: a full back end
 * buffers, with a bound. */
void chardev_write(struct chardev *c, uint8_t byte);
void chardev_write_buf(struct chardev *c, const uint8_t *buf, size_t n);
/* The front end has room again.  NULL is allowed; cheap when nothing waits; callable with dev->lock
 * held. */
void chardev_resume(struct chardev *c);

/* Watch the output: fn sees every byte that is written from now on, whether the other end takes it
 * or not, in the main loop's thread and without a lock.  One watcher a back end; NULL ends it. */
typedef void chardev_tap_fn(void *opaque, const uint8_t *buf, size_t n);
void chardev_tap(struct chardev *c, chardev_tap_fn *fn, void *opaque);
/* Hand the watcher now what it has not seen yet.  Main loop's thread. */
void chardev_tap_flush(struct chardev *c);
/* Type for the user: the first device, or else front end, gets the bytes as it takes them, escapes
 * have no meaning.  Main loop's thread. */
void chardev_feed(struct chardev *c, const uint8_t *buf, size_t n);
/* Whether the front end has taken all that was fed. */
bool chardev_feed_done(const struct chardev *c);
/* Whether the user sees this back end's output on our standard output. */
bool chardev_is_stdio(const struct chardev *c);

/* Take the oldest bytes out of a ringbuf back end, at most n; 0 for other back ends.  Main loop's
 * thread. */
size_t chardev_ringbuf_read(struct chardev *c, uint8_t *buf, size_t n);
bool chardev_is_ringbuf(const struct chardev *c);

/* A property that names a chardev by id; the device's receive function is the property's arg. */
struct chardev_front {
    chardev_receive_fn *receive;
};
extern const struct prop_kind
    prop_chardev; /* field type: struct chardev *; attached when the device is realized */
#define PROP_CHARDEV(type, field, front_ptr, help)                                                 \
    {                                                                                              \
#field, &prop_chardev, offsetof(struct type, field), NULL, help, front_ptr                 \
    }

#endif
