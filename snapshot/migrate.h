/*
 * Moving a machine to another process, or into a file, and from there: while it runs, in the
 * background.
 *
 * All functions are for the main thread.
 */
#ifndef SNAPSHOT_MIGRATE_H
#define SNAPSHOT_MIGRATE_H

#include "core/machine.h"

enum migrate_status {
    MIGRATE_NONE,
    MIGRATE_SETUP, /* incoming: waits for the source */
    MIGRATE_ACTIVE,
    MIGRATE_PRE_SWITCHOVER, /* the machine stands still and waits for migration_continue() */
    MIGRATE_DEVICE,         /* the machine stands still, the rest is sent */
    MIGRATE_CANCELLING,
    MIGRATE_CANCELLED,
    MIGRATE_COMPLETED,
    MIGRATE_FAILED,
};
const char *migrate_status_name(enum migrate_status status);

struct migrate_params {
    uint64_t max_bandwidth;     /* bytes a second, 0: no limit; to sockets, while the guest runs */
    uint64_t downtime_limit_ms; /* how long the machine may stand still */
    bool exit_on_error;         /* a failed incoming migration ends the process */
    bool events;                /* capability: MIGRATION events */
    bool pause_before_switchover; /* capability: wait in MIGRATE_PRE_SWITCHOVER */
};

/* What query-migrate shows; times in milliseconds, amounts in bytes. */
struct migrate_info {
    enum migrate_status status;
    char *error; /* g_free() it; NULL: none */
    bool outgoing;
    uint64_t total_time, setup_time, downtime, expected_downtime;
    uint64_t transferred, remaining, total, normal_pages, fill_pages, rounds, dirty_pages_rate;
    double mbps;
};

struct migration;

struct migration *migration_new(struct machine *m);
/* Gives up what is under way, waits for its end. */
void migration_free(struct migration *g);
/* Call fn once, when the outgoing migration ends. */
void migration_on_end(struct migration *g, void (*fn)(void *opaque), void *opaque);
struct migrate_params *migration_params(struct migration *g);
void migration_query(struct migration *g, struct migrate_info *info);

/* Begin to send the machine to uri.  False and *errp when that cannot begin; what goes wrong later
 * is told by migration_query(), and the machine goes on. */
bool migration_start(struct migration *g, const char *uri, struct error **errp) MUST_CHECK;
/* Give up the outgoing one; does not wait. */
void migration_cancel(struct migration *g);

/* Go on from MIGRATE_PRE_SWITCHOVER; false and *errp when it is not there. */
bool migration_continue(struct migration *g, struct error **errp) MUST_CHECK;

/* For -incoming: the machine waits for its state.  Before machine_start(); then, after it,
 * migration_incoming() unless uri is "defer". */
void migration_expect(struct migration *g);
/* migrate-incoming, -incoming: receive from uri, then run if the source ran and -S was not given.
 */
bool migration_incoming(struct migration *g, const char *uri, struct error **errp) MUST_CHECK;

#endif
