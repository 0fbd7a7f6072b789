/* The emulator as a process of the host: name, background, pid file, signals. */
#ifndef SYSTEM_HOST_H
#define SYSTEM_HOST_H

#include "core/machine.h"
#include "util/error.h"

#include <stdbool.h>

/* -name process=: what ps shows. */
bool host_set_name(const char *text, struct error **errp) MUST_CHECK;
/* The guest's name in -name's argument, which may be NULL; g_free it.  NULL: it has none. */
char *host_guest_name(const char *text);
/* -daemonize: fork before any thread exists.  The parent exits with the child's success once
 * host_daemon_ready() was called, or with 1 when the child ended before that. */
bool host_daemonize(struct error **errp) MUST_CHECK;
void host_daemon_ready(void);
/* -pidfile: write it and hold a lock on it; host_remove_pid() removes it if it was written. */
bool host_write_pid(const char *path, struct error **errp) MUST_CHECK;
void host_remove_pid(void);

/* -run-with: see only what is below root (NULL: all), and have the rights of user (NULL: as
 * before), a name or UID:GID.  For good; when every file is open. */
bool host_confine(const char *root, const char *user, struct error **errp) MUST_CHECK;

/* SIGINT, SIGTERM and SIGHUP ask the machine to shut down; fatal signals restore the terminal
 * first. */
void host_catch_signals(struct machine *m);
void host_release_signals(void);

#endif
