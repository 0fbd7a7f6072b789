/* A machine's life: create, start, pause, reset, shut down. */
#include "core/machine.h"

#include "core/action.h"
#include "core/clock.h"
#include "core/debug.h"
#include "core/event.h"
#include "core/semihost.h"
#include "util/log.h"

#include <assert.h>
#include <glib.h>
#include <string.h>

enum { IO_SPACE_SIZE = 0x10000 };

enum pending {
    PENDING_RESET = 1,
    PENDING_SHUTDOWN = 2,
    PENDING_RECLAIM = 4,
    PENDING_HOST_RESET = 8, /* beside or instead of PENDING_RESET */
    PENDING_PANIC = 16,
    PENDING_WATCHDOG = 32,
    PENDING_SUSPEND = 64,
    PENDING_WAKEUP = 128,
};

void machine_add_reset_hook(struct machine *m, struct machine_reset_hook *h)
{
    struct machine_reset_hook **p = &m->reset_hooks;

    while (*p)
        p = &(*p)->next;
    *p = h;
}

void machine_del_reset_hook(struct machine *m, struct machine_reset_hook *h)
{
    struct machine_reset_hook **p = &m->reset_hooks;

    while (*p && *p != h)
        p = &(*p)->next;
    if (*p)
        *p = h->next;
}

void machine_reset_cpus(struct machine *m)
{
    for (unsigned i = 0; i < m->ncpus; i++)
        cpu_reset(m->cpus[i]);
    for (struct machine_reset_hook *h = m->reset_hooks; h; h = h->next)
        if (h->after_cpus)
            h->after_cpus(h->opaque);
}

static void reset_devices(struct machine *m)
{
    for (struct device *dev = m->devices; dev; dev = dev->next)
        device_reset(dev);
}

static void reset_all(struct machine *m)
{
    reset_devices(m);
    if (m->cls->reset)
        m->cls->reset(m);
    for (struct machine_reset_hook *h = m->reset_hooks; h; h = h->next)
        h->before_cpus(h->opaque);
    machine_reset_cpus(m);
}

static void for_each_cpu(struct machine *m, void (*fn)(struct cpu *cpu))
{
    for (unsigned i = 0; i < m->ncpus; i++)
        fn(m->cpus[i]);
}

void machine_add_pause_listener(struct machine *m, struct machine_pause_listener *l)
{
    l->next = m->pause_listeners;
    m->pause_listeners = l;
}

void machine_del_pause_listener(struct machine *m, struct machine_pause_listener *l)
{
    struct machine_pause_listener **p = &m->pause_listeners;

    while (*p && *p != l)
        p = &(*p)->next;
    if (*p)
        *p = l->next;
}

static void tell_paused(struct machine *m, bool paused)
{
    for (struct machine_pause_listener *l = m->pause_listeners; l; l = l->next)
        l->changed(l, paused);
}

void machine_pause(struct machine *m)
{
    assert(!cpu_current());
    if (m->pause_depth++)
        return;
    for_each_cpu(m, cpu_stop);
    for_each_cpu(m, cpu_wait_parked);
    tell_paused(m, true);
    clock_stop();
    m->running = false;
    address_space_reclaim(&m->as);
    address_space_reclaim(&m->io);
}

static void resume_unless_held(struct cpu *cpu)
{
    if (!debug_is_held(cpu) && !cpu->machine->suspended)
        cpu_resume(cpu);
}

void machine_resume(struct machine *m)
{
    assert(!cpu_current() && m->pause_depth);
    if (--m->pause_depth)
        return;
    if (!debug_stops_time(m))
        clock_start();
    tell_paused(m, false);
    m->running = true;
    for_each_cpu(m, resume_unless_held);
}

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = {
        [RUN_PRELAUNCH] = "prelaunch",
        [RUN_RUNNING] = "running",
        [RUN_PAUSED] = "paused",
        [RUN_DEBUG] = "debug",
        [RUN_SHUTDOWN] = "shutdown",
        [RUN_GUEST_PANICKED] = "guest-panicked",
        [RUN_INMIGRATE] = "inmigrate",
        [RUN_POSTMIGRATE] = "postmigrate",
        [RUN_SAVE_VM] = "save-vm",
        [RUN_RESTORE_VM] = "restore-vm",
        [RUN_IO_ERROR] = "io-error",
        [RUN_WATCHDOG] = "watchdog",
        [RUN_INTERNAL_ERROR] = "internal-error",
        [RUN_FINISH_MIGRATE] = "finish-migrate",
        [RUN_SUSPENDED] = "suspended",
    };
    return names[state];
}

void machine_stop(struct machine *m, enum run_state why)
{
    assert(why != RUN_RUNNING);
    if (m->run_state == RUN_RUNNING || m->run_state == RUN_SUSPENDED) {
        machine_pause(m);
        event_emit("STOP", NULL);
    }
    m->run_state = why;
}

bool machine_cont(struct machine *m, struct error **errp)
{
    switch (m->run_state) {
    case RUN_RUNNING:
    case RUN_SUSPENDED: return true;
    case RUN_SHUTDOWN:
    case RUN_GUEST_PANICKED:
    case RUN_INTERNAL_ERROR:
        error_set(errp, "the machine is in state '%s': reset it first",
                  run_state_name(m->run_state));
        return false;
    case RUN_FINISH_MIGRATE:
        error_set(errp, "the machine's state is being sent: wait, or cancel that");
        return false;
    case RUN_INMIGRATE: m->run_when_loaded = true; return true;
    case RUN_POSTMIGRATE:
        if (m->may_take_back && !m->may_take_back(errp))
            return false;
        break;
    case RUN_PRELAUNCH:
    case RUN_PAUSED:
    case RUN_DEBUG:
    case RUN_SAVE_VM:
    case RUN_RESTORE_VM:
    case RUN_IO_ERROR:
    case RUN_WATCHDOG: break;
    }
    m->run_state = m->suspended ? RUN_SUSPENDED : RUN_RUNNING;
    event_emit("RESUME", NULL);
    machine_resume(m);
    return true;
}

/* QMP's ShutdownCause. */
static const char *cause_name(enum shutdown_cause cause)
{
    switch (cause) {
    case SHUTDOWN_NONE: return "none";
    case SHUTDOWN_HOST_SIGNAL: return "host-signal";
    case SHUTDOWN_HOST_UI: return "host-ui";
    case SHUTDOWN_HOST_QUIT: return "host-qmp-quit";
    case SHUTDOWN_GUEST_OFF: return "guest-shutdown";
    case SHUTDOWN_GUEST_RESET: return "guest-reset";
    case SHUTDOWN_GUEST_PANIC: return "guest-panic";
    }
    unreachable();
}

static void emit_shutdown(enum shutdown_cause cause)
{
    bool guest = cause == SHUTDOWN_GUEST_OFF || cause == SHUTDOWN_GUEST_RESET ||
                 cause == SHUTDOWN_GUEST_PANIC;

    event_emit("SHUTDOWN", "{\"guest\": %s, \"reason\": \"%s\"}", guest ? "true" : "false",
               cause_name(cause));
}

/* The user's wish, which also ends a machine that no_shutdown holds. */
static bool is_host_wish(enum shutdown_cause cause)
{
    return cause == SHUTDOWN_HOST_SIGNAL || cause == SHUTDOWN_HOST_UI ||
           cause == SHUTDOWN_HOST_QUIT;
}

static bool is_held(const struct machine *m, enum shutdown_cause cause)
{
    return m->cfg.no_shutdown && !is_host_wish(cause);
}

static void serve_shutdown(struct machine *m)
{
    uint64_t asked = atomic_exchange_explicit(&m->shutdown_ask, 0, memory_order_acq_rel);
    enum shutdown_cause cause = asked & UINT32_MAX;

    if (cause == SHUTDOWN_NONE || m->cause != SHUTDOWN_NONE) /* the first says why and how */
        return;
    emit_shutdown(cause);
    if (is_held(m, cause)) {
        machine_stop(m, cause == SHUTDOWN_GUEST_PANIC ? RUN_GUEST_PANICKED : RUN_SHUTDOWN);
        return;
    }
    m->cause = cause;
    m->exit_status = (int)(asked >> 32);
    if (m->loop)
        g_main_loop_quit(m->loop);
}

static void serve_suspend(struct machine *m)
{
    machine_pause(m);
    if (m->run_state == RUN_RUNNING && m->cls->suspended) {
        m->cls->suspended(m);
        m->run_state = RUN_SUSPENDED;
        m->suspended = true;
        event_emit("SUSPEND", NULL);
    }
    machine_resume(m);
}

/* A reset, but memory stays as it is. */
static void serve_wakeup(struct machine *m)
{
    if (!m->suspended)
        return;
    machine_pause(m);
    reset_devices(m);
    m->cls->woken(m);
    for (unsigned i = 0; i < m->ncpus; i++)
        cpu_reset(m->cpus[i]);
    m->suspended = false;
    if (m->run_state == RUN_SUSPENDED)
        m->run_state = RUN_RUNNING;
    event_emit("WAKEUP", NULL);
    machine_resume(m);
}

static void serve_reset(struct machine *m, bool guest)
{
    machine_pause(m);
    if (m->run_state == RUN_SUSPENDED)
        m->run_state = RUN_RUNNING;
    m->suspended = false;
    reset_all(m);
    event_emit("RESET", "{\"guest\": %s, \"reason\": \"%s\"}", guest ? "true" : "false",
               guest ? "guest-reset" : "host-qmp-system-reset");
    machine_resume(m);
    if (m->run_state == RUN_PAUSED)
        m->run_state = RUN_PRELAUNCH; /* it has not begun yet, again */
    if (m->run_state == RUN_SHUTDOWN || m->run_state == RUN_GUEST_PANICKED ||
        m->run_state == RUN_INTERNAL_ERROR)
        m->run_state = RUN_PAUSED;
}

/* The main loop's part of what other threads asked for. */
void machine_serve_requests(struct machine *m)
{
    uint32_t bits = atomic_exchange_explicit(&m->pending, 0, memory_order_acq_rel);

    if (bits & PENDING_SHUTDOWN)
        serve_shutdown(m);
    if (m->frozen) { /* machine_thaw() comes back to the rest */
        atomic_fetch_or_explicit(&m->pending, bits & ~(uint32_t)PENDING_SHUTDOWN,
                                 memory_order_acq_rel);
        return;
    }
    if ((bits & PENDING_PANIC) && m->cause == SHUTDOWN_NONE)
        machine_serve_panic(m);
    if ((bits & PENDING_WATCHDOG) && m->cause == SHUTDOWN_NONE)
        machine_serve_watchdog(m);
    if (bits & (PENDING_PANIC | PENDING_WATCHDOG))
        serve_shutdown(m); /* which may be what followed */
    if ((bits & (PENDING_RESET | PENDING_HOST_RESET)) && m->cause == SHUTDOWN_NONE)
        serve_reset(m, !(bits & PENDING_HOST_RESET));
    if ((bits & PENDING_SUSPEND) && m->cause == SHUTDOWN_NONE)
        serve_suspend(m);
    if ((bits & PENDING_WAKEUP) && m->cause == SHUTDOWN_NONE)
        serve_wakeup(m);
    if ((bits & PENDING_RECLAIM) && m->cause == SHUTDOWN_NONE) {
        machine_pause(m); /* frees replaced views */
        machine_resume(m);
    }
}

static gboolean serve_pending(gpointer opaque)
{
    machine_serve_requests(opaque);
    return G_SOURCE_REMOVE;
}

bool machine_settle(struct machine *m)
{
    assert(m->pause_depth);
    serve_pending(m);
    return m->cause == SHUTDOWN_NONE;
}

static void ask(struct machine *m, uint32_t bits)
{
    if (atomic_fetch_or_explicit(&m->pending, bits, memory_order_acq_rel) & bits)
        return; /* it is on its way */
    GSource *src = g_idle_source_new();
    g_source_set_priority(src, G_PRIORITY_HIGH);
    g_source_set_callback(src, serve_pending, m, NULL);
    g_source_attach(src, NULL);
    g_source_unref(src);
}

void machine_freeze(struct machine *m)
{
    assert(m->pause_depth);
    m->frozen = true;
}

void machine_thaw(struct machine *m)
{
    assert(m->pause_depth);
    m->frozen = false;
    serve_pending(m);
}

static void want_reclaim(void *opaque)
{
    ask(opaque, PENDING_RECLAIM);
}

struct machine *machine_new(const struct machine_class *cls, const struct accel_ops *accel,
                            void *accel_props)
{
    assert(cls->size >= sizeof(struct machine));
    struct machine *m = g_malloc0(cls->size);

    m->cls = cls;
    m->accel = accel;
    m->accel_props = accel_props;
    region_init_container(&m->root, "system", UINT64_MAX);
    address_space_init(&m->as, &m->root);
    m->as.want_reclaim = want_reclaim;
    m->as.want_reclaim_opaque = m;
    region_init_container(&m->io_root, "io", IO_SPACE_SIZE);
    address_space_init(&m->io, &m->io_root);
    m->io.want_reclaim = want_reclaim;
    m->io.want_reclaim_opaque = m;
    m->debug = debug_new(m);
    props_init(cls->props, m);
    return m;
}

static void free_cpu(struct machine *m, struct cpu *cpu)
{
    if (cpu->ops->finalize)
        cpu->ops->finalize(cpu);
    cpu_fini(cpu);
    m->accel->cpu_free(cpu);
}

static void free_devices(struct machine *m)
{
    while (m->devices) { /* the last one first: it may use earlier ones */
        struct device *dev = m->devices;
        while (dev->next)
            dev = dev->next;
        device_free(dev);
    }
}

static void free_rams(struct machine *m)
{
    while (m->rams) {
        struct ram_block *ram = m->rams;
        m->rams = ram->next;
        ram_free(ram);
    }
}

void machine_free(struct machine *m)
{
    if (!m)
        return;
    while (g_source_remove_by_user_data(m))
        ;
    if (m->cls->fini)
        m->cls->fini(m);
    free_devices(m);
    for (unsigned i = 0; i < m->ncpus; i++)
        free_cpu(m, m->cpus[i]);
    if (m->accel_ready && m->accel->fini)
        m->accel->fini(m);
    debug_free(m->debug);
    semihost_free(m->semihost);
    address_space_fini(&m->as);
    address_space_fini(&m->io);
    free_rams(m);
    props_fini(m->cls->props, m);
    g_free(m);
}

bool machine_init(struct machine *m, struct error **errp)
{
    if (m->accel->init && !m->accel->init(m, m->accel_props, errp))
        return false;
    m->accel_ready = true;
    if (!m->cls->init(m, errp))
        return false;
    for (struct device *dev = m->devices; dev; dev = dev->next)
        if (!device_realize(dev, errp))
            return false;
    address_space_update(&m->as);
    address_space_update(&m->io);
    reset_all(m);
    return true;
}

void machine_add_cpu(struct machine *m, struct cpu *cpu)
{
    assert(m->ncpus < MACHINE_MAX_CPUS);
    if (!cpu->as)
        cpu->as = &m->as;
    m->cpus[m->ncpus++] = cpu;
}

struct ram_block *machine_new_ram(struct machine *m, const char *name, uint64_t size,
                                  struct error **errp)
{
    struct ram_block *ram = ram_new(name, size, errp);

    if (!ram)
        return NULL;
    ram->as = &m->as;
    ram->next = m->rams;
    m->rams = ram;
    return ram;
}

struct ram_block *machine_new_main_ram(struct machine *m, const char *name, struct error **errp)
{
    struct ram_block *ram = machine_new_ram(m, name, m->cfg.ram_size, errp);

    return ram && (!m->cfg.back_ram || m->cfg.back_ram(ram, errp)) ? ram : NULL;
}

void machine_del_ram(struct machine *m, struct ram_block *ram)
{
    struct ram_block **p = &m->rams;

    while (*p && *p != ram)
        p = &(*p)->next;
    if (*p)
        *p = ram->next;
    ram_free(ram);
}

struct device *machine_find_device(struct machine *m, const char *id)
{
    for (struct device *dev = m->devices; dev; dev = dev->next)
        if (!strcmp(dev->id, id))
            return dev;
    return NULL;
}

void machine_start(struct machine *m)
{
    if (log_enabled(LOG_PAGE)) {
        address_space_print(&m->as, log_begin());
        log_end();
    }
    if (m->cls->start)
        m->cls->start(m);
    machine_pause(m); /* so that the threads start parked */
    for (unsigned i = 0; i < m->ncpus; i++)
        cpu_thread_start(m->cpus[i], m->accel->cpu_thread);
    if (!m->cfg.start_paused) {
        m->run_state = RUN_RUNNING;
        machine_resume(m);
    }
}

static void stop_threads(struct machine *m)
{
    for (unsigned i = 0; i < m->ncpus; i++)
        cpu_request(m->cpus[i], CPU_REQ_QUIT);
    for_each_cpu(m, cpu_thread_join);
}

/* The vCPU that asks must not run on as if nothing had been: it parks, and machine_resume() lets it
 * go. */
static void park_asker(void)
{
    if (cpu_current())
        cpu_request(cpu_current(), CPU_REQ_STOP);
}

void machine_request_suspend(struct machine *m)
{
    ask(m, PENDING_SUSPEND);
    park_asker();
}

void machine_request_wakeup(struct machine *m)
{
    ask(m, PENDING_WAKEUP);
}

void machine_request_reset(struct machine *m)
{
    if (m->cfg.no_reboot) {
        machine_request_shutdown(m, SHUTDOWN_GUEST_RESET, 0);
        return;
    }
    ask(m, PENDING_RESET);
    park_asker();
}

void machine_request_host_reset(struct machine *m)
{
    if (m->cfg.no_reboot)
        machine_request_shutdown(m, SHUTDOWN_GUEST_RESET, 0);
    else
        ask(m, PENDING_HOST_RESET);
}

void machine_request_shutdown(struct machine *m, enum shutdown_cause cause, int exit_status)
{
    uint64_t none = 0, want = (uint32_t)cause | (uint64_t)(uint32_t)exit_status << 32;

    if (is_host_wish(cause))
        atomic_store_explicit(&m->shutdown_ask, want, memory_order_release);
    else
        atomic_compare_exchange_strong_explicit(&m->shutdown_ask, &none, want, memory_order_acq_rel,
                                                memory_order_relaxed);
    ask(m, PENDING_SHUTDOWN);
    park_asker();
}

void machine_panicked(struct machine *m)
{
    ask(m, PENDING_PANIC);
    park_asker();
}

void machine_watchdog(struct machine *m)
{
    ask(m, PENDING_WATCHDOG);
    park_asker();
}

int machine_run(struct machine *m)
{
    m->loop = g_main_loop_new(NULL, FALSE);
    serve_shutdown(m); /* asked for before there was a loop */
    if (m->cause == SHUTDOWN_NONE)
        g_main_loop_run(m->loop);
    machine_pause(m);
    event_flush();
    stop_threads(m);
    g_main_loop_unref(m->loop);
    m->loop = NULL;
    return m->exit_status;
}
