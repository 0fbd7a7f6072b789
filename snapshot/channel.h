/* A stream's way through a pipe, a socket or a file that is not mapped. */
#ifndef SNAPSHOT_CHANNEL_H
#define SNAPSHOT_CHANNEL_H

#include "snapshot/stream.h"

struct snap_channel {
    struct snap_io io;
    int fd, cancel_fd; /* transfers end when cancel_fd, the caller's, becomes readable */
    GPid child;        /* at the other end of the pipe; 0: none */
    bool is_socket;    /* so that answers can come back */
};

/* Takes take_fd, which becomes non-blocking. */
struct snap_channel *channel_new(int take_fd, int cancel_fd);
/* Run a shell command: its standard input (writing) or output is the channel.  NULL and *errp when
 * it cannot be started. */
struct snap_channel *channel_exec(const char *command, bool writing, int cancel_fd,
                                  struct error **errp) MUST_CHECK;
/* Close it; false and *errp when a command failed. Waits for that. */
bool channel_close(struct snap_channel *take_c, struct error **errp) MUST_CHECK;

#endif
