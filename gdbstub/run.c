/* What the machine does at the peer's wish, and how the peer hears that it stopped.  Ref: GDB
 * manual, E.2 (c, s, vCont, ?), E.3 (stop replies), E.10 (non-stop). */
#include "gdbstub/gdb_priv.h"

#include "core/event.h"

#include <string.h>

/* ---- stop replies ---- */

static void append_reason(struct gdb_server *g, GString *s, const struct debug_stop *why)
{
    static const char *const watches[] = {[DEBUG_WATCH_WRITE] = "watch",
                                          [DEBUG_WATCH_READ] = "rwatch",
                                          [DEBUG_WATCH_ACCESS] = "awatch"};

    if (why->reason == DEBUG_AT_WATCH)
        g_string_append_printf(s, "%s:%lx;", watches[why->kind], (unsigned long)why->addr);
    else if (why->reason == DEBUG_AT_BREAK && why->kind == DEBUG_BREAK_SOFT && g->swbreak)
        g_string_append(s, "swbreak:;");
    else if (why->reason == DEBUG_AT_BREAK && why->kind == DEBUG_BREAK_HARD && g->hwbreak)
        g_string_append(s, "hwbreak:;");
}

static void append_stop(struct gdb_server *g, GString *s, const struct gdb_stop *stop)
{
    g_string_append_printf(s, "T%02xthread:", stop->signal);
    gdb_append_thread(g, s, stop->cpu);
    g_string_append_printf(s, ";core:%x;", stop->cpu->index);
    append_reason(g, s, &stop->why);
}

/* All-stop: the answer to what made the machine run. */
static void send_stop(struct gdb_server *g, struct gdb_stop stop)
{
    GString *s = g_string_new(NULL);

    g->stop = stop;
    g->cpu = stop.cpu;
    g->waiting = false;
    append_stop(g, s, &stop);
    gdb_send_packet(g, s->str, s->len);
    g_string_free(s, TRUE);
}

static unsigned signal_of_state(enum run_state state)
{
    switch (state) {
    case RUN_DEBUG: return GDB_SIG_TRAP;
    case RUN_SHUTDOWN: return GDB_SIG_QUIT;
    case RUN_GUEST_PANICKED:
    case RUN_INTERNAL_ERROR: return GDB_SIG_ABRT;
    case RUN_IO_ERROR: return GDB_SIG_STOP;
    case RUN_WATCHDOG: return GDB_SIG_ALRM;
    case RUN_PRELAUNCH:
    case RUN_RUNNING:
    case RUN_SUSPENDED:
    case RUN_PAUSED:
    case RUN_INMIGRATE:
    case RUN_FINISH_MIGRATE:
    case RUN_POSTMIGRATE:
    case RUN_SAVE_VM:
    case RUN_RESTORE_VM: return GDB_SIG_INT;
    }
    unreachable();
}

/* ---- non-stop: stops are announced, and fetched one by one ---- */

static void append_queued(struct gdb_server *g, GString *s)
{
    const struct gdb_stop *first = g_queue_peek_head(&g->stops);

    if (first)
        append_stop(g, s, first);
    else
        g_string_append(s, "OK");
}

/* The first of a row is announced; the peer then asks until there are no more.  The reply to the
 * packet in hand goes first. */
static void announce(struct gdb_server *g, struct gdb_stop stop)
{
    g_queue_push_tail(&g->stops, g_memdup2(&stop, sizeof(stop)));
    if (g_queue_get_length(&g->stops) > 1)
        return;
    g->must_announce = true;
    if (!g->in_hand)
        gdb_announce(g);
}

void gdb_announce(struct gdb_server *g)
{
    if (!g->must_announce)
        return;
    g->must_announce = false;
    GString *s = g_string_new("Stop:");
    append_queued(g, s);
    gdb_send_notification(g, s->str, s->len);
    g_string_free(s, TRUE);
}

static void forget_stops(struct gdb_server *g)
{
    g->must_announce = false;
    g_queue_clear_full(&g->stops, g_free);
}

void gdb_next_stop(struct gdb_server *g)
{
    g_free(g_queue_pop_head(&g->stops));
    append_queued(g, g->reply);
}

/* Park one vCPU for the peer to look at. */
static void hold_for_peer(struct gdb_server *g, struct cpu *cpu)
{
    if (debug_is_held(cpu))
        return;
    debug_hold(cpu);
    announce(g, (struct gdb_stop){.cpu = cpu, .signal = GDB_SIG_0});
}

void gdb_interrupt_all(struct gdb_server *g)
{
    for (unsigned i = 0; i < g->m->ncpus; i++)
        hold_for_peer(g, g->m->cpus[i]);
}

static void report_held(struct gdb_server *g)
{
    forget_stops(g);
    for (unsigned i = 0; i < g->m->ncpus; i++) {
        struct gdb_stop stop = {.cpu = g->m->cpus[i], .why = g->m->cpus[i]->debug.stop};
        stop.signal = stop.why.reason ? GDB_SIG_TRAP : GDB_SIG_0;
        if (debug_is_held(stop.cpu))
            g_queue_push_tail(&g->stops, g_memdup2(&stop, sizeof(stop)));
    }
    append_queued(g, g->reply);
}

void gdb_report_stop(struct gdb_server *g)
{
    if (g->non_stop)
        report_held(g);
    else
        append_stop(g, g->reply, &g->stop);
}

/* ---- a vCPU stopped ---- */

static void on_stopped(void *opaque, struct cpu *cpu, const struct debug_stop *why)
{
    struct gdb_server *g = opaque;
    struct gdb_stop stop = {cpu, GDB_SIG_TRAP, *why};

    if (g->non_stop) {
        announce(g, stop);
        return;
    }
    machine_stop(g->m, RUN_DEBUG);
    if (g->waiting) /* else another vCPU was first: this one comes here again */
        send_stop(g, stop);
}

void gdb_stop_to_serve(struct gdb_server *g)
{
    if (g->non_stop)
        return;
    if (g->m->run_state == RUN_RUNNING)
        machine_stop(g->m, RUN_PAUSED);
    if (g->waiting)
        send_stop(g, (struct gdb_stop){.cpu = g->cpu, .signal = GDB_SIG_INT});
}

/*
 * A peer that goes on by itself after each stop (a breakpoint with a condition) may send the
 * interrupt while it looks at one: then it is for the next run.  After one that was served it is
 * only the second of two.
 */
void gdb_interrupt(struct gdb_server *g)
{
    if (g->waiting || g->m->run_state == RUN_RUNNING)
        gdb_stop_to_serve(g);
    else
        g->interrupt = g->stop.signal == GDB_SIG_TRAP && g->stop.why.reason;
}

/* Somebody else let the machine go: what was held for the peer runs, too. */
static void release_all(struct gdb_server *g)
{
    for (unsigned i = 0; i < g->m->ncpus; i++)
        if (debug_is_held(g->m->cpus[i]))
            debug_set_action(g->m->cpus[i], DEBUG_RUN, 0, 0);
}

void gdb_run_event(void *opaque, const char *name, const char *data UNUSED, int64_t wall_us UNUSED)
{
    struct gdb_server *g = opaque;
    bool runs = g->m->run_state == RUN_RUNNING;

    if (!g->connected || g->detached || g->non_stop)
        return;
    if (!strcmp(name, "STOP") && !runs && g->waiting)
        send_stop(g, (struct gdb_stop){.cpu = g->cpu, .signal = signal_of_state(g->m->run_state)});
    else if (!strcmp(name, "RESUME") && runs && !g->waiting)
        release_all(g);
    else if (!strcmp(name, "RESET") && g->restarting) {
        g->restarting = false;
        send_stop(g, (struct gdb_stop){.cpu = g->m->cpus[0], .signal = GDB_SIG_TRAP});
    }
}

/* ---- the session ---- */

void gdb_run_opened(struct gdb_server *g)
{
    g->cpu = g->m->cpus[0];
    g->continued = (struct gdb_thread){GDB_THREAD_ANY, NULL};
    g->stop = (struct gdb_stop){.cpu = g->cpu, .signal = GDB_SIG_TRAP};
    g->waiting = g->restarting = g->detached = g->physical = g->interrupt = false;
    g->step_flags = 7;
    debug_attach(g->m, on_stopped, g);
    g->was_running = g->m->run_state == RUN_RUNNING;
    if (g->was_running)
        machine_stop(g->m, RUN_PAUSED);
    event_watch(gdb_run_event, g);
}

void gdb_run_closed(struct gdb_server *g)
{
    event_unwatch(gdb_run_event, g);
    forget_stops(g);
    if (g->non_stop && g->m->run_state == RUN_RUNNING)
        machine_stop(g->m, RUN_PAUSED);
    g->non_stop = false;
    debug_attach(g->m, NULL, NULL);
}

/* The user hears why, then that nothing runs. */
static void refuse_to_run(struct gdb_server *g, struct error *take_err)
{
    GString *s = g_string_new("O");
    g_autofree char *line = g_strdup_printf("%s\n", error_text(take_err));

    gdb_append_hex(s, line, strlen(line));
    gdb_send_packet(g, s->str, s->len);
    g_string_free(s, TRUE);
    error_free(take_err);
    send_stop(g, (struct gdb_stop){.cpu = g->cpu, .signal = signal_of_state(g->m->run_state)});
}

/* Every vCPU knows what to do. */
static void let_run(struct gdb_server *g)
{
    struct error *err = NULL;

    if (g->non_stop) {
        gdb_ok(g);
        return;
    }
    g->was_running = false;
    g->silent = g->waiting = true;
    if (!machine_cont(g->m, &err))
        refuse_to_run(g, err);
    else if (g->interrupt)
        gdb_stop_to_serve(g);
    g->interrupt = false;
}

static enum debug_action step_action(const struct gdb_server *g)
{
    return g->step_flags & 1 ? DEBUG_STEP : DEBUG_RUN;
}

/* "[SIG;][ADDR]": signals mean nothing to a machine; the address is where to go on. */
static bool parse_where(const char *args, bool has_signal, bool *has_pc, gva *pc)
{
    uint64_t signal;

    if (has_signal && (!gdb_parse_hex(&args, &signal) || (*args && !gdb_skip(&args, ';'))))
        return false;
    *has_pc = *args;
    return !*args || (gdb_parse_hex(&args, pc) && !*args);
}

/* 'c', 'C', 's', 'S' */
void gdb_continue(struct gdb_server *g, const char *args, bool step, bool has_signal)
{
    bool one = g->continued.which == GDB_THREAD_ONE, has_pc;
    struct cpu *self = one ? g->continued.cpu : g->cpu;
    enum debug_action rest = step && one ? DEBUG_HOLD : DEBUG_RUN;
    gva pc = 0;

    if (g->non_stop || !parse_where(args, has_signal, &has_pc, &pc)) { /* vCont is for that mode */
        gdb_error(g, GDB_EINVAL);
        return;
    }
    if (has_pc)
        self->ops->set_pc(self, pc);
    for (unsigned i = 0; i < g->m->ncpus; i++) {
        struct cpu *cpu = g->m->cpus[i];
        debug_set_action(cpu, step && cpu == self ? step_action(g) : rest, 0, 0);
    }
    let_run(g);
}

/* ---- vCont ---- */

struct action {
    char what;
    struct gdb_thread thread;
    gva start, end;
};

/* One ";ACTION[:THREAD]". */
static bool parse_action(struct gdb_server *g, const char **p, struct action *a)
{
    uint64_t signal;

    *a = (struct action){.what = **p, .thread = {GDB_THREAD_ALL, NULL}};
    if (!strchr("cCsStr", a->what) || !a->what)
        return false;
    (*p)++;
    if ((a->what == 'C' || a->what == 'S') && !gdb_parse_hex(p, &signal))
        return false;
    if (a->what == 'r' && !gdb_parse_range(p, &a->start, &a->end))
        return false;
    if (gdb_skip(p, ':') && !gdb_parse_thread(g, p, &a->thread))
        return false;
    return **p == ';' || !**p;
}

static bool parse_actions(struct gdb_server *g, const char *p, GArray *actions)
{
    while (gdb_skip(&p, ';')) {
        struct action a;
        if (!parse_action(g, &p, &a))
            return false;
        if (a.thread.which == GDB_THREAD_ANY)
            a.thread = (struct gdb_thread){GDB_THREAD_ONE, g->cpu};
        g_array_append_val(actions, a);
    }
    return !*p && actions->len;
}

/* The leftmost one that names the vCPU. */
static const struct action *action_for(const GArray *actions, const struct cpu *cpu)
{
    for (guint i = 0; i < actions->len; i++) {
        const struct action *a = &g_array_index(actions, struct action, i);
        if (a->thread.which == GDB_THREAD_ALL || a->thread.cpu == cpu)
            return a;
    }
    return NULL;
}

static void apply_action(struct gdb_server *g, struct cpu *cpu, const struct action *a)
{
    char what = a ? a->what : 't';

    if (what == 'c' || what == 'C')
        debug_set_action(cpu, DEBUG_RUN, 0, 0);
    else if (what == 's' || what == 'S')
        debug_set_action(cpu, step_action(g), 0, 0);
    else if (what == 'r')
        debug_set_action(cpu, g->step_flags & 1 ? DEBUG_STEP_RANGE : DEBUG_RUN, a->start, a->end);
    else
        debug_set_action(cpu, DEBUG_HOLD, 0, 0);
}

/* Those that no action names stay as they are; one that runs can only be stopped. */
static void apply_non_stop(struct gdb_server *g, struct cpu *cpu, const struct action *a)
{
    if (a && a->what == 't')
        hold_for_peer(g, cpu);
    else if (a && debug_is_held(cpu))
        apply_action(g, cpu, a);
}

void gdb_vcont(struct gdb_server *g, const char *args)
{
    GArray *actions = g_array_new(FALSE, FALSE, sizeof(struct action));

    if (!parse_actions(g, args, actions)) {
        gdb_error(g, GDB_EINVAL);
        g_array_free(actions, TRUE);
        return;
    }
    for (unsigned i = 0; i < g->m->ncpus; i++) {
        struct cpu *cpu = g->m->cpus[i];
        const struct action *a = action_for(actions, cpu);
        if (g->non_stop)
            apply_non_stop(g, cpu, a);
        else
            apply_action(g, cpu, a);
    }
    g_array_free(actions, TRUE);
    let_run(g);
}

/* In non-stop mode the machine always runs; vCPUs that are stopped are held.  A peer that asks for
 * it first finds the machine as it was: it is stopped because most peers are not of that kind. */
bool gdb_set_non_stop(struct gdb_server *g, bool on)
{
    if (on == g->non_stop)
        return true;
    if (!on) {
        machine_stop(g->m, RUN_PAUSED);
        forget_stops(g);
        g->non_stop = false;
        return true;
    }
    for (unsigned i = 0; i < g->m->ncpus; i++)
        debug_set_action(g->m->cpus[i], g->was_running ? DEBUG_RUN : DEBUG_HOLD, 0, 0);
    g->was_running = false;
    g->non_stop = true;
    if (machine_cont(g->m, NULL))
        return true;
    g->non_stop = false;
    return false;
}

/* ---- leaving ---- */

void gdb_detach(struct gdb_server *g, const char *args)
{
    uint64_t pid = 1;

    if (gdb_skip(&args, ';') && (!gdb_parse_hex(&args, &pid) || pid != 1)) {
        gdb_error(g, GDB_EINVAL);
        return;
    }
    gdb_ok(g);
    g->detached = true;
    g->non_stop = false;
    forget_stops(g);
    debug_attach(g->m, NULL, NULL);
    if (!machine_cont(g->m, NULL))
        return; /* a machine that is shut down stays so */
}

void gdb_kill(struct gdb_server *g)
{
    machine_request_shutdown(g->m, SHUTDOWN_HOST_UI, 0);
}

void gdb_restart(struct gdb_server *g, bool want_reply)
{
    g->restarting = want_reply;
    g->silent = true;
    machine_request_reset(g->m);
}
