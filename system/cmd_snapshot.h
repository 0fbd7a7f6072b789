/* The commands of migration and snapshots, and what they share. */
#ifndef SYSTEM_CMD_SNAPSHOT_H
#define SYSTEM_CMD_SNAPSHOT_H

#include "monitor/command.h"
#include "snapshot/migrate.h"

extern const struct monitor_command cmd_migrate[];
extern const struct monitor_command cmd_jobs[];
/* The machine's; NULL before setup_migration(). */
struct migration *the_migration(void);

#endif
