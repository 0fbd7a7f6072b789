/*
 * The terminal that we were started from.  It is put into raw mode, and back on every way out:
 * normal exit, fatal signals, job control.  Ref: POSIX.1-2017, General Terminal Interface.
 */
#include "chardev/chardev_priv.h"

#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Process-wide, for there is one terminal and signal handlers get no argument. */
static struct termios cooked, raw;
static volatile sig_atomic_t is_raw, have_terminal;
static bool in_use;
static guint resize_watch;

/* A terminal that is not our controlling one has no foreground or background for us. */
static bool in_foreground(void)
{
    pid_t group = tcgetpgrp(STDIN_FILENO);

    return group < 0 ? errno == ENOTTY : group == getpgrp();
}

/* From the background tcsetattr() would stop us: the signal is blocked, as POSIX allows, and the
 * call goes through. */
static void set_terminal(const struct termios *mode)
{
    sigset_t ttou, old;

    sigemptyset(&ttou);
    sigaddset(&ttou, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &ttou, &old);
    tcsetattr(STDIN_FILENO, TCSANOW, mode);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void chardev_restore_terminal(void)
{
    if (!have_terminal || !is_raw)
        return;
    is_raw = 0;
    set_terminal(&cooked);
}

static void enter_raw(void)
{
    if (!have_terminal || is_raw || !in_foreground())
        return;
    is_raw = 1;
    set_terminal(&raw);
}

static void on_fatal(int sig)
{
    chardev_restore_terminal();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void on_stop(int sig UNUSED)
{
    chardev_restore_terminal();
    raise(SIGSTOP);
}

static void on_continue(int sig UNUSED)
{
    enter_raw();
}

/* Leave alone what somebody else handles: the main program's orderly shutdown, an accelerator's
 * faults. */
static void handle_if_default(int sig, void (*handler)(int))
{
    struct sigaction old, sa = {.sa_handler = handler, .sa_flags = SA_RESTART};

    sigfillset(&sa.sa_mask);
    sigdelset(&sa.sa_mask, sig);
    if (!sigaction(sig, NULL, &old) && !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_DFL)
        sigaction(sig, &sa, NULL);
}

static void install_handlers(void)
{
    static const int fatal[] = {SIGINT, SIGTERM, SIGHUP,  SIGQUIT, SIGABRT, SIGSEGV, SIGBUS,
                                SIGILL, SIGFPE,  SIGTRAP, SIGSYS,  SIGXCPU, SIGPIPE};

    for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
        handle_if_default(fatal[i], on_fatal);
    handle_if_default(SIGTSTP, on_stop);
    handle_if_default(SIGCONT, on_continue);
    atexit(chardev_restore_terminal);
}

/* Raw input; output processing stays on, so that our own messages look right. */
static void setup_terminal(bool signals)
{
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &cooked) < 0)
        return;
    raw = cooked;
    raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_oflag |= OPOST;
    raw.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals)
        raw.c_lflag &= ~ISIG;
    raw.c_cflag = (raw.c_cflag & ~(CSIZE | PARENB)) | CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    have_terminal = 1;
    install_handlers();
    enter_raw();
}

static gboolean on_resize(gpointer c)
{
    chardev_send_event(c, CHARDEV_RESIZED);
    return G_SOURCE_CONTINUE;
}

static bool stdio_open(struct chardev *c, struct opts *o, struct error **errp)
{
    bool signals;

    if (!opts_get_bool(o, "signal", true, &signals, errp))
        return false;
    if (in_use) {
        error_set(errp, "stdio is in use by another character device already");
        return false;
    }
    in_use = true;
    setup_terminal(signals);
    c->out_blocks = true;
    c->escapes |= have_terminal;
    if (have_terminal) {
        c->terminal_fd = STDIN_FILENO;
        resize_watch = g_unix_signal_add(SIGWINCH, on_resize, c);
    }
    chardev_connect(c, STDIN_FILENO, STDOUT_FILENO);
    return true;
}

static void stdio_close(struct chardev *c)
{
    chardev_disconnect(c);
    if (resize_watch)
        g_source_remove(resize_watch);
    resize_watch = 0;
    chardev_restore_terminal();
    have_terminal = 0;
    in_use = false;
}

bool chardev_is_stdio(const struct chardev *c)
{
    return c->drv == &chardev_stdio;
}

bool chardev_uses_terminal(void)
{
    return in_use;
}

static const char *const stdio_options[] = {"signal", NULL};
const struct chardev_driver chardev_stdio = {
    .name = "stdio",
    .help = "standard input and output",
    .options = stdio_options,
    .open = stdio_open,
    .close = stdio_close,
};
