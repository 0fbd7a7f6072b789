/* The tables of commands that monitor/ itself brings. */
#ifndef MONITOR_COMMANDS_PRIV_H
#define MONITOR_COMMANDS_PRIV_H

#include "monitor/monitor_priv.h"

extern const struct monitor_command cmd_bitmap[];
extern const struct monitor_command cmd_block[];
extern const struct monitor_command cmd_chardev[];
extern const struct monitor_command cmd_control[];
extern const struct monitor_command cmd_display[];
extern const struct monitor_command cmd_dump[];
extern const struct monitor_command cmd_fds[];
extern const struct monitor_command cmd_job[];
extern const struct monitor_command cmd_media[];
extern const struct monitor_command cmd_memory[];
extern const struct monitor_command cmd_create[];
extern const struct monitor_command cmd_internal[];
extern const struct monitor_command cmd_nbd[];
extern const struct monitor_command cmd_net[];
extern const struct monitor_command cmd_overlay[];
extern const struct monitor_command cmd_intc[];
extern const struct monitor_command cmd_pci[];
extern const struct monitor_command cmd_qom[];
extern const struct monitor_command cmd_reopen[];
extern const struct monitor_command cmd_schema[];

/* cmd_block.c: a node or drive by name, NULL and *errp with the nearest name; completion of names.
 */
struct block_node;
struct block_node *mon_find_node(struct mon_call *c, const char *name, struct error **errp);
void mon_complete_node(struct machine *m, void (*add)(void *opaque, const char *word),
                       void *opaque);
/* cmd_bitmap.c: the bitmap that `arg` names of the node in "node"; block-dirty-bitmap-add and
 * -merge as parts of a transaction (after a failed merge, what it has merged stays); for
 * query-block, NULL when there is none. */
struct block_bitmap;
struct block_bitmap *mon_find_bitmap(struct mon_call *c, const char *arg, struct error **errp);
bool mon_bitmap_add(struct mon_call *c, struct block_bitmap **m, struct error **errp);
bool mon_bitmap_merge(struct mon_call *c, struct block_bitmap *to, struct error **errp);
JsonArray *mon_describe_bitmaps(struct block_node *b);
/* cmd_internal.c: for query-block, NULL when there are none; what blockdev-snapshot-internal-sync
 * does, as a part of a transaction: *b gets the disk. */
#define MON_SNAPSHOT_TYPE                                                                          \
    "{id: str, name: str, vm-state-size: int, date-sec: int, date-nsec: int, vm-clock-sec: int, "  \
    "vm-clock-nsec: int, icount?: int}"
JsonArray *mon_describe_snapshots(struct block_node *b);
bool mon_snapshot_create(struct mon_call *c, struct block_node **b, struct error **errp);
/* cmd_job.c: drive-backup, or blockdev-backup (to_node); the job's id to g_free(), NULL and *errp.
 */
char *mon_start_backup(struct mon_call *c, bool to_node, struct error **errp);

#endif
