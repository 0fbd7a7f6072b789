/* What a machine holds besides RAM, as sections: its description, clocks, CPUs and devices. */
#ifndef SNAPSHOT_STATE_H
#define SNAPSHOT_STATE_H

#include "core/machine.h"
#include "snapshot/stream.h"

/* What a machine is: the payload of SNAP_MACHINE.  Main thread; g_byte_array_unref() it. */
GByteArray *snap_describe(struct machine *m);
/* Whether a state with this description may be loaded into m; false and *errp with the first
 * difference, and what option makes up for it.  Appends m's struct ram_block * to rams in the order
 * of the description. */
bool snap_fits(struct machine *m, const GByteArray *description, GPtrArray *rams,
               struct error **errp) MUST_CHECK;

struct snap_blob {
    enum snap_type type;
    GByteArray *payload;
};
/* Whether every device can be saved now; main thread, inside machine_pause(), disks drained. */
bool snap_can_save(struct machine *m, struct error **errp) MUST_CHECK;
/* Clocks, CPUs and devices, as struct snap_blob; main thread, inside machine_pause(). */
GPtrArray *snap_collect(struct machine *m, bool ran);
/* As sections, and SNAP_END. */
bool snap_write_blobs(struct snap_io *io, const GPtrArray *blobs, struct error **errp) MUST_CHECK;

/* A state on its way in: decoded and checked, not yet in the machine. */
struct snap_staging;
struct snap_staging *snap_staging_new(struct machine *m);
void snap_staging_free(struct snap_staging *st);
/* Take one section other than RAM's; false and *errp when it does not fit. Any thread. */
bool snap_stage(struct snap_staging *st, enum snap_type type, const GByteArray *payload,
                struct error **errp) MUST_CHECK;
/* Whether there is a state for everything that the machine has. */
bool snap_is_complete(struct snap_staging *st, struct error **errp) MUST_CHECK;
/* Put it into the machine, whose RAM is in place; *ran says whether the saved machine was running.
 * Main thread, inside machine_pause().  Cannot fail. */
void snap_install(struct snap_staging *st, bool *ran);

#endif
