/* Reading a whole saved machine, whatever its layout, before anything of the machine is touched. */
#ifndef SNAPSHOT_LOAD_H
#define SNAPSHOT_LOAD_H

#include "core/machine.h"
#include "snapshot/stream.h"

struct snapshot;
struct mapped_place;

/* Read a stream to its end; NULL and *errp when it is damaged, cut off, or of another machine.  Any
 * thread. */
struct snapshot *snapshot_read(struct snap_io *io, struct machine *m,
                               struct error **errp) MUST_CHECK;
/* A file in which the state begins at byte `base`: a stream, or with memory that is mapped from it,
 * copy on write.  Without verify the mapped memory is not compared with its checksums. */
struct snapshot *snapshot_open(int fd, uint64_t base, bool verify, struct machine *m,
                               struct error **errp) MUST_CHECK;
/* The same from any place: io reads what begins there as a stream. */
struct snapshot *snapshot_open_place(struct snap_io *io, struct mapped_place *place, bool verify,
                                     struct machine *m, struct error **errp) MUST_CHECK;
/* Whether memory was mapped: then the file must not change as long as the machine lives. */
bool snapshot_is_mapped(const struct snapshot *s);
/* The source waits to hear whether it was read. */
bool snapshot_wants_reply(const struct snapshot *s);
/* Put it into the machine; *ran: the saved machine was running.  Main thread, inside
 * machine_pause(), disks drained.  Cannot fail. */
void snapshot_install(struct snapshot *s, bool *ran);
void snapshot_free(struct snapshot *s);

/* Write all of m as a stream, now.  Main thread, inside machine_pause(), disks drained. */
bool snapshot_write(struct machine *m, struct snap_io *io, bool ran,
                    struct error **errp) MUST_CHECK;
/* The same with memory where it can be mapped, in ascending order, and the header last; *size in
 * bytes. */
bool snapshot_write_mapped(struct machine *m, struct mapped_place *place, bool ran, uint64_t *size,
                           struct error **errp) MUST_CHECK;

#endif
