/* The machine's migration and snapshots: from start to end of the process. */
#include "system/cmd_snapshot.h"
#include "system/setup.h"

#include <string.h>

static struct migration *migration; /* the process has one machine */

struct migration *the_migration(void)
{
    return migration;
}

void setup_migration(struct setup *s)
{
    migration = migration_new(s->machine);
    monitor_register(cmd_migrate);
    if (s->cli->incoming)
        migration_expect(migration);
}

bool start_incoming(struct setup *s, struct error **errp)
{
    const char *uri = s->cli->incoming;

    if (!uri || !strcmp(uri, "defer"))
        return true;
    if (migration_incoming(migration, uri, errp))
        return true;
    error_prefix(errp, "-incoming");
    return false;
}

void end_migration(void)
{
    migration_free(migration);
    migration = NULL;
}
