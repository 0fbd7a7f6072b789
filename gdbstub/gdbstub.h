/*
 * A server of gdb's remote protocol.  Ref: GDB manual, appendix E.
 *
 * One peer at a time, over a character back end.  The machine stops when one connects; what it does
 * then is the peer's to say.  All of it runs in the main loop.
 */
#ifndef GDBSTUB_GDBSTUB_H
#define GDBSTUB_GDBSTUB_H

#include "util/annot.h"
#include "util/error.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chardev;
struct gdb_server;
struct machine;

/* Run one line of `monitor LINE` and append what it says to out. */
typedef void gdb_monitor_fn(void *opaque, const char *line, GString *out);
/* Bytes for the peer. */
typedef void gdb_send_fn(void *opaque, const uint8_t *buf, size_t n);

/* Serve on a back end that nobody else uses (borrowed); NULL and *errp otherwise. */
struct gdb_server *gdb_server_new(struct machine *m, struct chardev *c,
                                  struct error **errp) MUST_CHECK;
/* Serve a peer that is reached by send: for whoever brings the bytes himself. */
struct gdb_server *gdb_server_new_with(struct machine *m, gdb_send_fn *send, void *opaque);
void gdb_server_free(struct gdb_server *g);
/* What `monitor` commands run; NULL: there are none. */
void gdb_server_set_monitor(struct gdb_server *g, gdb_monitor_fn *fn, void *opaque);
/* The peer came, went, sent something. */
void gdb_server_opened(struct gdb_server *g);
void gdb_server_closed(struct gdb_server *g);
void gdb_server_receive(struct gdb_server *g, const uint8_t *buf, size_t n);
/* The machine has ended: tell the peer. */
void gdb_server_exited(struct gdb_server *g, int status);

#endif
