/* Where a saved machine goes or comes from, as users write it. */
#ifndef SNAPSHOT_URI_H
#define SNAPSHOT_URI_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>
#include <stdint.h>

enum uri_kind { URI_FILE, URI_EXEC, URI_FD, URI_UNIX, URI_TCP };

struct migrate_uri {
    enum uri_kind kind;
    char *text;       /* path, command, name or number of a descriptor, host */
    char *port;       /* URI_TCP */
    uint64_t offset;  /* URI_FILE: where in it the state begins */
    bool skip_verify; /* URI_FILE: verify=off */
};

/* "file:PATH[,offset=N][,verify=on|off]", "exec:COMMAND", "fd:NAME", "unix:PATH", "tcp:HOST:PORT".
 */
bool migrate_uri_parse(const char *text, struct migrate_uri *u, struct error **errp) MUST_CHECK;
void migrate_uri_fini(struct migrate_uri *u);
/* Connect to a listener (unix, tcp): a socket, or -1 and *errp.  Gives up when cancel_fd becomes
 * readable. */
int migrate_uri_connect(const struct migrate_uri *u, int cancel_fd, struct error **errp) MUST_CHECK;
/* A listening socket (unix, tcp), or -1 and *errp. */
int migrate_uri_listen(const struct migrate_uri *u, struct error **errp) MUST_CHECK;
/* Wait until fd is ready for events of poll(2); false when cancel_fd (or -1) became readable. */
bool migrate_wait(int fd, short events, int cancel_fd);

#endif
