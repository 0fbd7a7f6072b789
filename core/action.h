/* What follows when a guest says that it panicked, or its watchdog runs out: -action. */
#ifndef CORE_ACTION_H
#define CORE_ACTION_H

#include "util/annot.h"
#include "util/error.h"

#include <stdbool.h>

struct machine;

enum panic_action { PANIC_SHUTDOWN, PANIC_PAUSE, PANIC_EXIT_FAILURE, PANIC_NONE };
enum watchdog_action {
    WATCHDOG_RESET,
    WATCHDOG_SHUTDOWN, /* press the power button */
    WATCHDOG_POWEROFF,
    WATCHDOG_PAUSE,
    WATCHDOG_DEBUG, /* a line of log */
    WATCHDOG_NONE,
    WATCHDOG_INJECT_NMI,
};
/* Their names by number, ended by NULL. */
extern const char *const panic_action_names[], *const watchdog_action_names[];

/* The number of a name among names; false and *errp, with the nearest, when there is none. */
bool action_parse(const char *const *names, const char *text, unsigned *out,
                  struct error **errp) MUST_CHECK;
/* From any thread: the main loop does what m->cfg.panic, m->cfg.watchdog says, and sends
 * GUEST_PANICKED, WATCHDOG.  A vCPU that calls it waits for that. */
void machine_panicked(struct machine *m);
void machine_watchdog(struct machine *m);
/* Inject a non-maskable interrupt; false and *errp where the machine has none.  Main thread. */
bool machine_nmi(struct machine *m, struct error **errp) MUST_CHECK;

/* Of core/machine.c, in the main thread. */
void machine_serve_panic(struct machine *m);
void machine_serve_watchdog(struct machine *m);

#endif
