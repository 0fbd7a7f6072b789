/* Host directories that guests may share (-fsdev, -virtfs), and the file server that a 9p device
 * puts in front of one.  Ref: the 9P2000.L protocol description. */
#ifndef FSDEV_FSDEV_H
#define FSDEV_FSDEV_H

#include "core/prop.h"
#include "util/optparse.h"

#include <stdint.h>
#include <sys/uio.h>

struct fsdev;

/* Make one from "local,id=ID,path=DIR,security_model=MODEL,..." and keep it under its id until
 * fsdev_free_all().  Main thread, before devices.  False with *errp when the options are wrong or
 * the directory cannot be opened. */
bool fsdev_new(struct opts *o, struct error **errp) MUST_CHECK;
struct fsdev *fsdev_find(const char *id);
void fsdev_free_all(void);
extern const struct prop_kind prop_fsdev; /* field type: struct fsdev *; value is an id */

/* A server for one client.  Not thread-safe: one thread at a time. */
struct p9_server;
struct p9_server *p9_server_new(struct fsdev *fs);
void p9_server_free(struct p9_server *s); /* NULL is allowed */
/* Forget the session: every fid is closed. */
void p9_server_reset(struct p9_server *s);
/* How many fids the client has. */
unsigned p9_server_fids(const struct p9_server *s);
/* Carry out the request in the nout segments and put the answer into the nin segments; its length
 * in bytes, 0 when the request has no header or the answer does not fit.  The segments may change
 * at any time, for they are guest memory.  It may block on the host's file system. */
size_t p9_server_handle(struct p9_server *s, const struct iovec *out, unsigned nout,
                        const struct iovec *in, unsigned nin);

#endif
