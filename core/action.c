/* What follows when a guest says that it panicked, or its watchdog runs out. */
#include "core/action.h"

#include "core/event.h"
#include "core/machine.h"
#include "util/log.h"

#include <string.h>

const char *const panic_action_names[] = {"shutdown", "pause", "exit-failure", "none", NULL};
const char *const watchdog_action_names[] = {"reset", "shutdown", "poweroff",   "pause",
                                             "debug", "none",     "inject-nmi", NULL};

bool action_parse(const char *const *names, const char *text, unsigned *out, struct error **errp)
{
    for (*out = 0; names[*out]; ++*out)
        if (!strcmp(names[*out], text))
            return true;
    const char *near = nearest_name(text, names);
    error_set(errp, "no such action '%s'; did you mean '%s'?", text, near ? near : names[0]);
    return false;
}

/* Let a vCPU that waits for what follows go on. */
static void go_on(struct machine *m)
{
    machine_pause(m);
    machine_resume(m);
}

void machine_serve_panic(struct machine *m)
{
    enum panic_action action = m->cfg.panic;
    bool stops = action == PANIC_PAUSE || (action == PANIC_SHUTDOWN && m->cfg.no_shutdown);

    event_emit("GUEST_PANICKED", "{\"action\": \"%s\"}",
               action == PANIC_NONE ? "run"
               : stops              ? "pause"
                                    : "poweroff");
    if (stops)
        machine_stop(m, RUN_GUEST_PANICKED);
    else if (action == PANIC_NONE)
        go_on(m);
    else
        machine_request_shutdown(m, SHUTDOWN_GUEST_PANIC, action == PANIC_EXIT_FAILURE);
}

bool machine_nmi(struct machine *m, struct error **errp)
{
    if (m->cls->nmi) {
        m->cls->nmi(m);
        return true;
    }
    error_set(errp, "machine '%s' has no non-maskable interrupt that could be injected",
              m->cls->name);
    return false;
}

static void press_power_button(struct machine *m)
{
    event_emit("POWERDOWN", NULL);
    if (m->cls->powerdown)
        m->cls->powerdown(m);
    go_on(m);
}

static void inject_nmi(struct machine *m)
{
    struct error *err = NULL;
    if (!machine_nmi(m, &err)) {
        log_warn("watchdog: %s", error_text(err));
        error_free(err);
    }
    go_on(m);
}

void machine_serve_watchdog(struct machine *m)
{
    enum watchdog_action action = m->cfg.watchdog;

    event_emit("WATCHDOG", "{\"action\": \"%s\"}", watchdog_action_names[action]);
    switch (action) {
    case WATCHDOG_RESET: machine_request_reset(m); return;
    case WATCHDOG_SHUTDOWN: press_power_button(m); return;
    case WATCHDOG_POWEROFF: machine_request_shutdown(m, SHUTDOWN_GUEST_OFF, 0); return;
    case WATCHDOG_PAUSE: machine_stop(m, RUN_WATCHDOG); return;
    case WATCHDOG_INJECT_NMI: inject_nmi(m); return;
    case WATCHDOG_DEBUG: log_warn("watchdog: timer expired"); break;
    case WATCHDOG_NONE: break;
    }
    go_on(m);
}
