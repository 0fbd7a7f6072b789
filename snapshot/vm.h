/*
 * Snapshots of the whole machine: of all its disks, with its state in one of them.
 *
 * All functions are for the main thread; the machine stands still while they run.
 */
#ifndef SNAPSHOT_VM_H
#define SNAPSHOT_VM_H

#include "block/block.h"
#include "core/machine.h"

/* Which disks: ids of drives or names of nodes, NULL-terminated; NULL: every writable one.  vmstate
 * holds the machine's state; NULL: the first that can. */
struct vm_snapshot_disks {
    const char *const *disks;
    const char *vmstate;
};

/* Make a snapshot; one of the same name goes once the new one is complete. */
bool vm_snapshot_save(struct machine *m, const char *name, const struct vm_snapshot_disks *d,
                      struct error **errp) MUST_CHECK;
/* Go back to one.  When its state turns out to be unusable, the disks and the machine are as
 * before. */
bool vm_snapshot_load(struct machine *m, const char *name, const struct vm_snapshot_disks *d,
                      struct error **errp) MUST_CHECK;
bool vm_snapshot_delete(const char *name, const struct vm_snapshot_disks *d,
                        struct error **errp) MUST_CHECK;
/* Those with a machine's state that every disk has: struct block_snapshot; g_array_unref() it. NULL
 * and *errp when there is no disk that can have any. */
GArray *vm_snapshot_list(struct error **errp);

#endif
