/*
 * Test-runner mode: -expect, -fail, -send, -timeout and their kin watch a serial line, type into
 * it, and turn what they see into an exit status and a report.  docs/test-runner.md is its manual.
 *
 * All of it runs in the main loop's thread.  A NULL runner, as of a command line without these
 * options, is allowed where noted.
 */
#ifndef SYSTEM_RUNNER_H
#define SYSTEM_RUNNER_H

#include "core/machine.h"
#include "util/annot.h"
#include "util/error.h"

struct runner;

enum { RUNNER_PASSED = 0, RUNNER_FAILED = 1, RUNNER_TIMED_OUT = 124 }; /* exit statuses */

struct runner *runner_new(void);
void runner_free(struct runner *r); /* NULL is allowed */

/* Add to the script, in the order of the command line. */
bool runner_add_expect(struct runner *r, const char *text, struct error **errp) MUST_CHECK;
bool runner_add_fail(struct runner *r, const char *text, struct error **errp) MUST_CHECK;
bool runner_add_send(struct runner *r, const char *text, struct error **errp) MUST_CHECK;
/* For the whole run, and for each of the expectations that follow. */
bool runner_set_timeout(struct runner *r, const char *text, struct error **errp) MUST_CHECK;
bool runner_set_step_timeout(struct runner *r, const char *text, struct error **errp) MUST_CHECK;
bool runner_add_result(struct runner *r, const char *path, struct error **errp) MUST_CHECK;
bool runner_add_symbols(struct runner *r, const char *path, struct error **errp) MUST_CHECK;
/* Watch this chardev; NULL: none was named. */
void runner_set_chardev(struct runner *r, const char *id);

/* The command line is complete: whether the script makes sense.  r may be NULL. */
bool runner_check(struct runner *r, bool daemonize, struct error **errp) MUST_CHECK;
/* Watch a machine that is about to run.  r may be NULL. */
bool runner_attach(struct runner *r, struct machine *m, struct error **errp) MUST_CHECK;
/* The machine could not be made: for the report.  r may be NULL. */
void runner_could_not_start(struct runner *r, const char *why);
/* The machine has ended with a status: say what came of it, write the reports, return the exit
 * status.  r may be NULL: status is returned. */
int runner_end(struct runner *r, int status);
/* The names that -expect and -fail know besides regular expressions. */
void runner_print_help(FILE *f);

#endif
