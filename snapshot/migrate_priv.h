/* Shared by both directions of migration. */
#ifndef SNAPSHOT_MIGRATE_PRIV_H
#define SNAPSHOT_MIGRATE_PRIV_H

#include "snapshot/channel.h"
#include "snapshot/migrate.h"
#include "snapshot/uri.h"
#include "util/thread.h"

struct outgoing;
struct incoming;

struct migration {
    struct machine *m;
    struct migrate_params params;
    struct outgoing *out; /* under way, or NULL */
    struct incoming *in;
    void (*on_end)(void *opaque);
    void *on_end_opaque;
    int mapped_fd;  /* of the file that memory was mapped from, or -1 */
    bool autostart; /* no -S */
    struct mutex lock;
    struct migrate_info info GUARDED_BY(lock);
    int64_t start_ns GUARDED_BY(lock);
    int64_t end_ns GUARDED_BY(lock);
};

/* Say how far it is, and tell watchers; any thread.  why: for MIGRATE_FAILED. */
void migration_set_status(struct migration *g, enum migrate_status status, const char *why);
/* outgoing.c, incoming.c: end it, wait for its thread. */
void outgoing_end(struct migration *g);
void incoming_end(struct migration *g);
/* Call what migration_on_end() left. */
void migration_tell_end(struct migration *g);

/* What a thread asks of the main loop, and waits for. */
struct main_call {
    struct mutex lock;
    struct cond changed;
    bool wanted, done, closing; /* closing: the main loop is gone */
    bool (*fn)(void *arg, struct error **errp);
    void *arg;
    struct error **errp;
    bool ok;
};
void main_call_init(struct main_call *c);
void main_call_fini(struct main_call *c);
/* Run fn(arg) in the main loop; its result, or false when the main loop is gone. */
bool main_call(struct main_call *c, bool (*fn)(void *arg, struct error **errp), void *arg,
               struct error **errp);
/* Main thread: no more calls. */
void main_call_close(struct main_call *c);

#endif
