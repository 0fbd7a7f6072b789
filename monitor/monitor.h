/* Monitors: sessions of HMP (people) and QMP (programs) on character devices.  Main loop's thread.
 */
#ifndef MONITOR_MONITOR_H
#define MONITOR_MONITOR_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>

struct chardev;
struct machine;
struct monitor;

enum monitor_mode { MONITOR_HMP, MONITOR_QMP, MONITOR_QMP_PRETTY };

/* Open a monitor on c; it lives until monitor_close_all().  False with *errp when c has no room for
 * another front end. */
bool monitor_open(struct machine *m, struct chardev *c, enum monitor_mode mode,
                  struct error **errp) MUST_CHECK;
/* End all of them; before the character devices are freed. */
void monitor_close_all(void);
/* Keep an HMP monitor from reading further lines until monitor_resume(), as a command does that
 * goes on in the background while its user waits.  NULL is allowed and ignored. */
void monitor_suspend(struct monitor *mon);
void monitor_resume(struct monitor *mon);
/* Add the commands that monitor/ itself brings; once, before the first monitor. */
void monitor_register_all(void);

#endif
