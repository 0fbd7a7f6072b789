/* Signals: the polite ones end the machine, the fatal ones give the terminal back before the
 * process dies. */
#include "chardev/chardev.h"
#include "system/host.h"
#include "util/log.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static const int polite[] = {SIGINT, SIGTERM, SIGHUP};
static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGQUIT};
static guint sources[G_N_ELEMENTS(polite)];
static struct machine *machine;

static gboolean end_machine(gpointer signal_number)
{
    log_info("terminating on signal %d", GPOINTER_TO_INT(signal_number));
    machine_request_shutdown(machine, SHUTDOWN_HOST_SIGNAL, 0);
    return G_SOURCE_CONTINUE;
}

/* SA_RESETHAND has put the default action back: returning, or raising again, ends the process with
 * a core. */
static void on_fatal(int signal_number)
{
    chardev_restore_terminal();
    raise(signal_number);
}

static void quit_from_terminal(void *opaque)
{
    machine_request_shutdown(opaque, SHUTDOWN_HOST_UI, 0);
}

static void exit_from_testdev(void *opaque, int status)
{
    machine_request_shutdown(opaque, SHUTDOWN_GUEST_OFF, status);
}

void host_catch_signals(struct machine *m)
{
    struct sigaction sa = {.sa_handler = on_fatal, .sa_flags = SA_RESETHAND | SA_NODEFER};

    machine = m;
    for (size_t i = 0; i < G_N_ELEMENTS(polite); i++)
        sources[i] = g_unix_signal_add(polite[i], end_machine, GINT_TO_POINTER(polite[i]));
    for (size_t i = 0; i < G_N_ELEMENTS(fatal); i++)
        sigaction(fatal[i], &sa, NULL);
    signal(SIGPIPE, SIG_IGN); /* writes to a closed socket or pipe fail with EPIPE */
    chardev_set_quit_handler(quit_from_terminal, m);
    chardev_set_exit_handler(exit_from_testdev, m);
}

/* While the machine is taken down a second SIGTERM ends the process at once. */
void host_release_signals(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(polite); i++)
        g_source_remove(sources[i]);
    chardev_set_quit_handler(NULL, NULL);
    chardev_set_exit_handler(NULL, NULL);
}
